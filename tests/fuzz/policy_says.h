/*
 * policy_says: for fuzz_policy_peers: what its neighbours say to
 * keywarden-policy.  False everywhere: policy would have ended at that word,
 * and nothing has changed.
 */
#ifndef POLICY_SAYS_H
#define POLICY_SAYS_H

#include "channel.h"
#include "policy_told.h"

extern struct policy process;
extern int64_t now; /* seconds */

/* Any frame: u8 which rule (beyond them u16 type), u8 id, u16 and body. */
struct frame {
	uint16_t type;
	uint32_t id;
	struct rd body;
};

struct frame any_frame(const struct peer_ops *, struct rd *in);
bool any(const struct peer_ops *, struct rd *in);
bool say(const struct peer_ops *, uint16_t type, uint32_t id, struct rd body);

/* Octets for a body, and what was written there. */
struct wr body(void);
struct rd written(const struct wr *);

/* ---- audit ---- */
bool audit(uint8_t what, struct rd *in);
void audit_goes_or_comes(void);
/* u8: workers, room and the like. */
bool audit_serves(uint8_t what);
/* The right word on one of those that it was told, or a no. */
bool audit_answers(const struct sent *, enum err, uint8_t what);

/* ---- keywarden(1) ---- */
void cli(uint8_t what, struct rd *in);
void cli_goes(unsigned i);

#endif
