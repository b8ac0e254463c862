/*
 * hi2_intake: what x2 says to the journal, until it is on disk, and what an x2
 * that has started anew is given back.  No sockets and no clock.
 */
#ifndef APPLIANCE_HI2_INTAKE_H
#define APPLIANCE_HI2_INTAKE_H

#include "appliance/hi2_spool_intake.h"

/*
 * What is said is not written at once but with the next record, or when it is
 * so old: x2 waits for it only to acknowledge, and a sync costs records time.
 */
#define INTAKE_WRITE_MS 20
#define INTAKE_RETRY_MS 1000 /* after a failure */
/* Given back at once. */
#define INTAKE_BACK_ROWS 64
#define INTAKE_BACK_OCTETS (256 * 1024)

struct hi2_intake;

struct hi2_intake_ops {
	/* To x2. */
	void (*stored)(void *ctx, uint64_t act);
	bool (*back)(void *ctx, const struct msg_intake_back *);
	bool (*end)(void *ctx, uint64_t number);
	/* A data key is needed: hi2_intake_give() is called when it is open. */
	enum err (*key)(void *ctx, uint64_t key, struct why *why);
};

/* The table stays the caller's; `most`: octets in it.  ERR_NOMEM. */
enum err hi2_intake_new(struct spool_intake *, uint64_t most,
    const struct hi2_intake_ops *, void *ctx,
    struct hi2_intake **out) MUST_CHECK;
void hi2_intake_free(struct hi2_intake **);
void hi2_intake_limit(struct hi2_intake *, uint64_t most);

/* Another x2: what the last one said is kept, and told to nobody. */
void hi2_intake_x2_joined(struct hi2_intake *);

/*
 * What x2 says.  ERR_TOOBIG: more than MAX_INTAKE_ACTS; ERR_MALFORMED: not the
 * act that follows; ERR_NOMEM.
 */
enum err hi2_intake_take(struct hi2_intake *, const struct msg_intake *,
    int64_t now_ms) MUST_CHECK;
enum err hi2_intake_gone(struct hi2_intake *, const struct msg_intake_gone *,
    int64_t now_ms) MUST_CHECK;
void hi2_intake_more(struct hi2_intake *, uint64_t after);

/* Milliseconds until it is to be written, by itself; -1: there is nothing. */
int64_t hi2_intake_due(const struct hi2_intake *, int64_t now_ms);

/*
 * Into the turn of the spool, what there is.  ERR_AGAIN: nothing was; else as
 * spool_put().  Then the turn ends, or is given up: what has not been stored
 * is written again later.
 */
enum err hi2_intake_write(struct hi2_intake *, struct why *why) MUST_CHECK;
void hi2_intake_turn_end(struct hi2_intake *, bool stored, int64_t now_ms);

/*
 * Between turns: what x2 has asked for, if it can be given now.  Errors as
 * spool_intake_read(), of which ERR_MALFORMED is not going to get better.
 */
enum err hi2_intake_give(struct hi2_intake *, int64_t now_ms,
    struct why *why) MUST_CHECK;

/* Rows that did not open, and were dropped. */
uint64_t hi2_intake_lost(const struct hi2_intake *);

#endif
