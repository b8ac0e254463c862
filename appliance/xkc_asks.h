/*
 * xkc_asks: what xkc has asked the other appliance for, and what it may be
 * asked for.  x2 gives the MIKEY messages of a ticket, a worker asks for the
 * keys of a ticket, either may be first; the two together make one getKeys.
 *
 * No clock and no socket: time comes in (ms, of any start), messages go out
 * through functions.  These must not call back in here.
 */
#ifndef APPLIANCE_XKC_ASKS_H
#define APPLIANCE_XKC_ASKS_H

#include "appliance/proto_df2.h"

#define XKC_ASKS 256 /* requests at once */
#define XKC_JOIN_MS 1000 /* how long the messages may be behind the worker */
#define XKC_PROOF_MS 10000 /* for the first answer on a connection */
#define XKC_LATE_MS 60000 /* a server that does not answer at all */
#define XKC_ALIVE 2 /* keepAlives without an answer: it is dead */

struct xkc_asks;

struct xkc_ops {
	/* Octets for the server; they leave later.  False: too many wait. */
	bool (*send)(void *ctx, const uint8_t *der, size_t len);
	/* To a worker; the answer holds keys and is erased afterwards. */
	void (*fetched)(void *ctx, unsigned worker, uint32_t id,
	    const struct msg_fetched *);
};

struct xkc_times {
	int64_t request_ms; /* until an answer must be there */
	int64_t keep_alive_ms; /* between two keepAlives */
};

enum err xkc_asks_new(const struct xkc_times *, const struct xkc_ops *,
    void *ctx, struct xkc_asks **out) MUST_CHECK;
void xkc_asks_free(struct xkc_asks **);
void xkc_asks_set(struct xkc_asks *, const struct xkc_times *);

/* ---- from x2 and the workers ---- */

/*
 * The messages of a ticket; they are copied.  Those of another epoch are
 * forgotten.  ERR_FULL, ERR_NOMEM: this ticket has none then.
 */
enum err xkc_asks_mikey(struct xkc_asks *, uint32_t id,
    const struct msg_mikey *, int64_t now) MUST_CHECK;
void xkc_asks_gone(struct xkc_asks *, uint32_t id);

/*
 * A worker wants the keys of a ticket: fetched() says how that ended, now or
 * later, once.  ERR_EXISTS: it has a fetch of this number already.
 */
enum err xkc_asks_fetch(struct xkc_asks *, unsigned worker, uint32_t id,
    const struct msg_fetch *, int64_t now) MUST_CHECK;
void xkc_asks_worker_left(struct xkc_asks *, unsigned worker);

/* ---- the connection ---- */

/* TLS is there: a first keepAlive shows whether the server takes us. */
void xkc_asks_begin(struct xkc_asks *, int64_t now);
/* Has it answered that? */
bool xkc_asks_is_up(const struct xkc_asks *);
/* It has gone: what was asked is unavailable. */
void xkc_asks_down(struct xkc_asks *);

/*
 * What has come from the server, in a buffer of *len octets: whole PDUs are
 * taken off its front, and nothing of them stays in it.  Any error ends the
 * connection: ERR_MALFORMED and ERR_TOOBIG: no PDU; ERR_UNSUPPORTED: one that
 * no server sends; ERR_MISMATCH: an answer to nothing that was asked;
 * ERR_DENIED: the server could not read a PDU of ours.
 */
enum err xkc_asks_take(struct xkc_asks *, uint8_t *in, size_t *len) MUST_CHECK;

/* A few times a second.  ERR_CLOSED: the server is silent, end it. */
enum err xkc_asks_tick(struct xkc_asks *, int64_t now) MUST_CHECK;

struct xkc_counts {
	unsigned tickets; /* of which messages are here */
	size_t octets; /* of them */
	unsigned open; /* asked of the server, answered or not */
};
void xkc_asks_count(const struct xkc_asks *, struct xkc_counts *out);

#endif
