/*
 * audit_says: for fuzz_audit_peers: what its neighbours say to keywarden-audit.
 * False everywhere: audit would have ended at that word, and nothing has been
 * written.
 */
#ifndef AUDIT_SAYS_H
#define AUDIT_SAYS_H

#include "audit_told.h"
#include "channel.h"

extern struct audit process;

/* Any frame: u8 which rule (beyond them u16 type), u8 id, u16 and body. */
struct frame {
	uint16_t type;
	uint32_t id;
	struct rd body;
};

struct frame any_frame(const struct peer_ops *, struct rd *in);
bool say(const struct peer_ops *, void *ctx, uint16_t type, uint32_t id,
    struct rd body);

/* Octets for a body, and what was written there. */
struct wr body(void);
struct rd written(const struct wr *);
struct rd text(const char *);

/* ---- policy ---- */
void policy_begins(void);
void policy_goes_or_comes(void);
bool by_policy(uint8_t what, struct rd *in);
/* A change has taken effect: the next policy tells it. */
void policy_learns(void);

/* ---- hi2 ---- */
bool by_hi2(uint8_t what, struct rd *in);

#endif
