/*
 * policy_warrants: the warrants that are entered, in memory, and which of them
 * allows a request.
 */
#ifndef APPLIANCE_POLICY_WARRANTS_H
#define APPLIANCE_POLICY_WARRANTS_H

#include "appliance/policy_index.h"
#include "policy/authority.h"

struct held_warrant {
	struct warrant *w;
	uint64_t number; /* of the change that entered it */
	/* by changes that are accepted and not in effect everywhere yet */
	bool revoked, suspended;
	bool serves_x2; /* in force for HI2 when it was last looked at */
};

/* All zero at first. */
struct warrants {
	struct held_warrant **w; /* in order of their numbers */
	size_t n, cap;
	struct index targets; /* public identity: its warrants */
	struct index xids; /* XID: its warrants */
	struct index ids;
};

/* A warrant that is in effect; taken over with ERR_OK.  ERR_NOMEM. */
enum err warrants_hold(struct warrants *, struct warrant *,
    uint64_t number) MUST_CHECK;

/*
 * The warrant of a change that is known: from the octets of its request, which
 * must be those of the change's hash.  ERR_MISMATCH, ERR_MALFORMED, ERR_FULL,
 * ERR_NOMEM.
 */
enum err warrants_load(struct warrants *, const struct change *,
    struct why *why) MUST_CHECK;
void warrants_done(struct warrants *);

struct held_warrant *warrants_by_id(const struct warrants *,
    const uint8_t id[WARRANT_ID_LEN]);

/* As the changes have left it, and those that are accepted. */
struct warrant_state warrants_state(const struct authority *,
    const struct held_warrant *);

/* The one that allows it, or the one that got furthest in the checks. */
struct found {
	struct held_warrant *allows, *nearest;
	struct warrant_state state; /* of that one */
	enum warrant_verdict verdict; /* on the nearest */
	unsigned rank;
};

/* Which kind of warrant will do. */
enum for_whom { FOR_ANYBODY, FOR_TEST, FOR_REAL };

/* Step (3), and with the call's times step (5). */
struct found warrants_find(const struct warrants *, const struct authority *,
    const struct ask *, bool with_call, enum for_whom);

#endif
