/*
 * x2_told: of each exchange whose keys were asked for, which legs need nothing
 * any more, so that a warrant that comes later gets its record of a call that
 * is up, and no other gets one twice.
 */
#ifndef APPLIANCE_X2_TOLD_H
#define APPLIANCE_X2_TOLD_H

#include "appliance/proto_df2.h"

/*
 * Two XIDs bring the same call twice when two warrants are on one target.  The
 * exchanges have the same MIKEY messages then, and a digest of them in common.
 */
#define X2_SAME_LEN 16

struct x2_told;

/* A view: lives until the next call with this table. */
struct x2_told_of {
	uint64_t exchange;
	uint8_t xid[XID_LEN];
	uint8_t same[X2_SAME_LEN];
	bool live; /* a ticket is at work on it */
	bool due; /* is to be asked again */
	unsigned n;
	uint64_t *leg; /* NULL when n is 0 */
};

/* At most `most` exchanges, then the one longest there gives way. */
enum err x2_told_new(unsigned most, struct x2_told **out) MUST_CHECK;
void x2_told_free(struct x2_told **);

/* NULL: nothing is known of it. */
struct x2_told_of *x2_told_find(const struct x2_told *, uint64_t exchange);

/* The same, and a new one where there is none. */
struct x2_told_of *x2_told_make(struct x2_told *, uint64_t exchange,
    const uint8_t xid[XID_LEN], const uint8_t same[X2_SAME_LEN]);

/* Those with the same messages, also the given one; *at is 0 at first. */
struct x2_told_of *x2_told_twin(const struct x2_told *,
    const uint8_t same[X2_SAME_LEN], uint32_t *at);

/* What of it is done, instead of what was there; at most MAX_LEGS. */
enum err x2_told_set(struct x2_told_of *, const uint64_t *leg,
    unsigned n) MUST_CHECK;

/* Each in turn; *at starts at 0.  Dropping the current one is fine. */
struct x2_told_of *x2_told_next(const struct x2_told *, unsigned *at);
void x2_told_drop(struct x2_told *, struct x2_told_of *);
unsigned x2_told_used(const struct x2_told *);

#endif
