/*
 * hi2_records: joins what x2 has told of a ticket with the word of a worker or
 * of policy, and puts a record for each LEMF of it into the queue.  No
 * sockets: time is an argument, what is on disk is told by a callback.
 */
#ifndef APPLIANCE_HI2_RECORDS_H
#define APPLIANCE_HI2_RECORDS_H

#include "appliance/hi2_content.h"
#include "appliance/hi2_profiles.h"
#include "appliance/hi2_spool.h"
#include "appliance/hi2_spool_intake.h"

struct hi2_records;

/* The record of a leg is on disk; called from commit and for one twice told. */
typedef void hi2_stored_fn(void *ctx, uint32_t ticket,
    const struct msg_stored *);

/* Spool and profiles stay the caller's and outlive it.  ERR_NOMEM. */
enum err hi2_records_new(struct spool *, const struct hi2_profiles *,
    hi2_stored_fn *, void *ctx, struct hi2_records **out) MUST_CHECK;
void hi2_records_free(struct hi2_records **);

/*
 * Legs of what is in the journal are marked done there, with their records; one
 * that is done gets no other.  It stays the caller's; NULL: there is none.
 */
void hi2_records_journal(struct hi2_records *, struct spool_intake *);

/* As contents_put() and contents_drop(). */
enum err hi2_records_content(struct hi2_records *, uint32_t ticket,
    const struct msg_content *) MUST_CHECK;
void hi2_records_gone(struct hi2_records *, uint32_t ticket);

/*
 * Into the turn's transaction, for all its LEMFs that can be told; the others
 * are counted.  ERR_OK: it is in, or was before.  ERR_NOTFOUND: no content of
 * that ticket, the word is dropped.  ERR_UNSUPPORTED: what came fits no record
 * of any (a time that the profile cannot say, no SIP message where one is
 * needed).  ERR_TOOBIG: more than
 * CONTENT_LEGS_MAX.  ERR_MALFORMED: an answer that is none.  A spool that
 * fails shows in hi2_records_commit().
 */
enum err hi2_records_keys(struct hi2_records *, uint32_t ticket,
    const struct msg_hi2_keys *, int64_t now) MUST_CHECK;
enum err hi2_records_order(struct hi2_records *, uint32_t ticket,
    const struct msg_hi2_order *, int64_t now) MUST_CHECK;

/* Has anything come in this turn? */
bool hi2_records_pending(const struct hi2_records *);

/*
 * The end of a turn: on disk and told, or given up as if nothing had come.
 * ERR_AGAIN: nothing has.  Errors as spool_commit(); ERR_MALFORMED is not going
 * to get better.
 */
enum err hi2_records_commit(struct hi2_records *, struct why *why) MUST_CHECK;

/* By enum hi2_count; records count once they are on disk. */
void hi2_records_counts(const struct hi2_records *, struct msg_counts *out);

#endif
