/*
 * hi2_delivery: what becomes of the records that wait, LEMF by LEMF.  It reads
 * the queue ahead of each connection, keeps account of what was given, sent and
 * delivered, takes away what need not wait any longer, and says when somebody
 * has to act.  No sockets and no clock: what goes out goes through calls of its
 * owner, time is an argument.
 *
 * A record is always in one of these states:
 *	waiting     in the queue, and not with the connection that is
 *	sent        written to the connection that is; waiting again if that
 *ends delivered   by the LEMF's rule (hi2/deliver.h), and gone from the queue
 *	dropped     gone from the queue as it was full or old, never delivered
 *	damaged     set aside, as it does not open
 */
#ifndef APPLIANCE_HI2_DELIVERY_H
#define APPLIANCE_HI2_DELIVERY_H

#include "appliance/hi2_spool.h"
#include "appliance/proto_hi2.h"

struct delivery;

struct moment {
	int64_t ms; /* uptime */
	int64_t utc; /* seconds */
};

struct delivery_ops {
	/* To the process of a slot; ERR_FULL: it does not read. */
	enum err (*give)(void *ctx, unsigned slot, const struct msg_deliver *);
	/* Answered by delivery_key(); not ERR_OK: it never will be. */
	enum err (*unwrap)(void *ctx, uint64_t key, struct rd wrapped);
	/* Answered by delivery_noted(); the same. */
	enum err (*note)(void *ctx, uint32_t id, const struct msg_hi2_note *);
};

/* Spool and operations stay the caller's and outlive it.  ERR_NOMEM. */
enum err delivery_new(struct spool *, const struct delivery_ops *, void *ctx,
    struct delivery **out) MUST_CHECK;
void delivery_free(struct delivery **);

/*
 * Which LEMFs there are, with their bounds and slots.  One that is no longer
 * among them keeps what waits for it.  ERR_NOMEM.
 */
enum err delivery_configure(struct delivery *, const struct hi2_settings *,
    struct moment) MUST_CHECK;

/* ---- the process of a slot ---- */

/*
 * ERR_MALFORMED: numbers that were not given.  What is of an epoch that has
 * gone, or of a slot that is no LEMF's, is let through.
 */
enum err delivery_link(struct delivery *, unsigned slot,
    const struct msg_link *, struct moment) MUST_CHECK;
enum err delivery_sent(struct delivery *, unsigned slot,
    const struct msg_upto *) MUST_CHECK;
enum err delivery_delivered(struct delivery *, unsigned slot,
    const struct msg_upto *, struct moment) MUST_CHECK;
/* It has no process any more, and why, for people. */
void delivery_gone(struct delivery *, unsigned slot, const char *text,
    struct moment);

/* ---- audit, a worker ---- */

/* ERR_OK with the octets; ERR_MISMATCH: never; else it is asked for again. */
void delivery_key(struct delivery *, uint64_t key, enum err, struct rd octets,
    struct moment);
/*
 * The journal needs one too: asked for, if it is not already and may be now.
 * Errors of the spool.
 */
enum err delivery_want_key(struct delivery *, uint64_t key, struct moment,
    struct why *why) MUST_CHECK;
void delivery_noted(struct delivery *, uint32_t id, enum err);
/* What was asked of audit will not be answered. */
void delivery_audit_gone(struct delivery *);

/* ---- when the loop turns ---- */

/*
 * Some of what waits is given to connections that take it; *more: there is more
 * that they would take.  Errors of the spool; ERR_MALFORMED does not get
 * better.
 */
enum err delivery_turn(struct delivery *, struct moment, bool *more,
    struct why *why) MUST_CHECK;

/*
 * What is to leave the queue: whether it is time, in how many ms it will be
 * (-1: nothing is to leave), the removals as part of the turn's transaction,
 * and what became of that.
 */
bool delivery_is_due(const struct delivery *, struct moment);
int64_t delivery_due_in(const struct delivery *, struct moment);
enum err delivery_remove(struct delivery *, struct why *why) MUST_CHECK;
void delivery_removed(struct delivery *, bool committed, struct moment);

/* Every DELIVERY_TICK_MS: bounds, alarms, data keys that nobody reads with. */
#define DELIVERY_TICK_MS 2000
enum err delivery_tick(struct delivery *, struct moment,
    struct why *why) MUST_CHECK;

/* The state of each, from 0 on; false: no more.  Views until the next call. */
bool delivery_show(const struct delivery *, unsigned i, struct msg_delivery *);

#endif
