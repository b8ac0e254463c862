/*
 * channel: in the place of appliance/peer.c, for targets that say to a
 * process's own handlers what a neighbour could say.  What the process sends
 * goes to the target.  Handlers that call fatal() end the run: what a neighbour
 * says wrongly is told by their return value, and nothing else may be broken.
 */
#ifndef TESTS_FUZZ_CHANNEL_H
#define TESTS_FUZZ_CHANNEL_H

#include "appliance/peer.h"
#include "fuzz.h"

/* The target has one. */
void channel_sent(struct peer *, uint16_t type, uint32_t id, struct rd body);

/* A channel of this process; peer_free() frees it. */
struct peer *channel_open(void);

/* The next `n` sends do not fit. */
void channel_full(struct peer *, unsigned n);

/*
 * One frame of the input to the handlers: u8 which rule, beyond them any type
 * (u16), u8 id, u16 length and body.  ERR_OK, or why the process would end.
 */
enum err channel_say(const struct peer_ops *, void *ctx,
    struct rd *in) MUST_CHECK;

/* The same with parts that are made. */
enum err channel_give(const struct peer_ops *, void *ctx, uint16_t type,
    uint32_t id, struct rd body) MUST_CHECK;

/* Of a channel that the process has made itself: the same two, and its end. */
enum err channel_hear(struct peer *, struct rd *in) MUST_CHECK;
enum err channel_hears(struct peer *, uint16_t type, uint32_t id,
    struct rd body) MUST_CHECK;
void channel_ends(struct peer *);

#endif
