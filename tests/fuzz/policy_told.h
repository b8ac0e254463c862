/*
 * policy_told: for fuzz_policy_peers: what keywarden-policy says to its
 * neighbours, each word held against what it may say then, and what it owes.
 */
#ifndef POLICY_TOLD_H
#define POLICY_TOLD_H

#include "appliance/policy_proc.h"

#define TOLD_IDS 256 /* of asks */
#define TOLD_SENT 128 /* to audit */
#define TOLD_CLIS 4

/* What audit has not answered. */
struct sent {
	uint16_t type;
	uint32_t id;
	enum route route; /* of a GRANT */
	uint32_t asker; /* its ticket */
	enum task_kind task;
	uint64_t number; /* of a task's change */
	char identity[MAX_PUBLIC_ID + 1];
};

struct told {
	struct policy *p;
	/* answers that are owed to this xk, and to those before */
	unsigned owed[TOLD_IDS], before[TOLD_IDS];
	int legs; /* of x2 that have not ended */
	struct sent sent[TOLD_SENT];
	unsigned n_sent;
	struct {
		struct peer *peer;
		unsigned owed;
	} cli[TOLD_CLIS];
	uint64_t chained; /* the last change that this audit was told */
};
extern struct told told;

/* An ask has ended without a word to xk: the worker has told it. */
void told_asker(uint32_t ticket);
void told_xk_left(void);
void told_audit_left(void);

/* Takes out what audit answers; false: nothing of this id and type. */
bool told_take(uint32_t id, uint16_t type, struct sent *out);

#endif
