/*
 * hi2_spool_intake: the journal of what x2 has taken in
 * (appliance/proto_intake.h), in the file of the queue, sealed as records are.
 *
 *	intake       number, call, kind, came, key, sealed: an X2 PDU
 *	intake_done  call, mark, leg: has its record
 *
 * What is readable: numbers, times and lengths, and digests of MIKEY messages.
 */
#ifndef APPLIANCE_HI2_SPOOL_INTAKE_H
#define APPLIANCE_HI2_SPOOL_INTAKE_H

#include "appliance/hi2_spool.h"
#include "appliance/proto_intake.h"

struct spool_intake;

/*
 * The tables, made where they are not there.  The spool stays the caller's and
 * outlives it.  Errors as spool_open().
 */
enum err spool_intake_new(struct spool *, struct spool_intake **out,
    struct why *why) MUST_CHECK;
void spool_intake_free(struct spool_intake **);

/*
 * In the turn, as spool_put().  One with a number that is there takes its
 * place; what is not there is let through.  *had: the leg had been marked done
 * before, or in this turn.
 */
enum err spool_intake_put(struct spool_intake *, const struct msg_intake *,
    struct why *why) MUST_CHECK;
enum err spool_intake_gone(struct spool_intake *,
    const struct msg_intake_gone *, struct why *why) MUST_CHECK;
enum err spool_intake_done(struct spool_intake *, uint64_t call,
    const uint8_t mark[INTAKE_MARK_LEN], uint64_t leg, bool *had,
    struct why *why) MUST_CHECK;

/* Whether what was done in the turn is on disk now. */
void spool_intake_end(struct spool_intake *, bool stored);

/* Rows and their octets, with what the turn has done. */
struct spool_intake_counts {
	uint64_t rows, octets;
};
void spool_intake_count(const struct spool_intake *,
    struct spool_intake_counts *out);
/* A number that no row has or had. */
uint64_t spool_intake_number(const struct spool_intake *);

/*
 * Between turns: the first row behind `after`, opened; views live until the
 * next call.  ERR_NOTFOUND: there is none.  ERR_AGAIN: the data key *key is
 * needed (hi2_spool.h).  ERR_CRYPTO: row *bad does not open, now or ever.
 * ERR_IO, ERR_NOMEM, ERR_MALFORMED.
 */
enum err spool_intake_read(struct spool_intake *, uint64_t after,
    int64_t now_ms, struct msg_intake_back *out, uint64_t *key,
    struct msg_intake_gone *bad, struct why *why) MUST_CHECK;

#endif
