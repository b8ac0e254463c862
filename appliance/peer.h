/*
 * peer: an IPC channel on a libuv loop.  Frames go through a table; what the
 * table does not permit ends this process (base/ipc.h), except for channels
 * that say otherwise.
 */
#ifndef APPLIANCE_PEER_H
#define APPLIANCE_PEER_H

#include <uv.h>

#include "base/ipc.h"

struct peer;

struct peer_ops {
	const char *name; /* for the log */
	const struct ipc_rule *table;
	size_t n_rules;
	size_t max_body, max_queue;
	/* The other end has gone; the peer is freed after this returns. */
	void (*closed)(void *ctx, struct peer *);
	bool foreign; /* bad frames close the channel, not the process */
	bool gather; /* what is sent leaves when the loop turns, in one write */
};

/* Takes `fd` over.  Each frame is handled with `ctx`, in the one state 1. */
enum err peer_new(uv_loop_t *, int fd, const struct peer_ops *, void *ctx,
    struct peer **out) MUST_CHECK;

/* Close and free, without a call of closed(); NULL is let through. */
void peer_free(struct peer **);

/*
 * Send; the octets leave when the loop runs.  ERR_FULL when the other end does
 * not read: the caller judges.
 */
enum err peer_send(struct peer *, uint16_t type, uint32_t id, const void *body,
    size_t len) MUST_CHECK;
enum err peer_begin(struct peer *, uint16_t type, uint32_t id, size_t cap,
    struct wr *out) MUST_CHECK;
enum err peer_commit(struct peer *, const struct wr *) MUST_CHECK;

#endif
