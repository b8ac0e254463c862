/*
 * hi2_spool: the outgoing queue of HI2 on disk (SQLite, one writer).  Records
 * are sealed (hi2/queue_seal.h) and stay until they are delivered.  All that
 * comes in one turn of the event loop is one transaction, one sync: the record,
 * its order number within the LEMF and its sequence number stand or fall
 * together, so that no number is used twice and none is left out, whenever the
 * power goes.
 *
 * What is readable: names of LEMFs, a digest for the LIID, CIN, numbers, times
 * and lengths.  No LIID, identity, SIP or key.
 *
 *	spool      kms: hash of the KMS state that it belongs to; home: digest
 *	           of where the file is; life, since: below
 *	keys       id, wrapped, records: how many rows are sealed under it
 *	lemfs      id, name, next: order number; records and octets that wait;
 *	           delivered, dropped, damaged: next is the sum of the four
 *	records    place: lemf << 40 | number; id, liid, cin, sequence, created,
 *	           key, sealed
 *	aside      as records: rows that do not open
 *	sequences  lemf, liid, cin, next, used: day of the last use; life
 *
 * A life of the file begins when it is made, and when it is found elsewhere
 * than it was: on another machine, or copied back from a backup.  What was
 * numbered outside of it is not known then, so for SPOOL_SEQUENCE_DAYS the
 * first record of a LIID and CIN comes behind a cINReset.  Not in the first
 * queue of a KMS: before it nothing was numbered.
 */
#ifndef APPLIANCE_HI2_SPOOL_H
#define APPLIANCE_HI2_SPOOL_H

#include "hi2/queue_seal.h"

#define SPOOL_LEMFS_MAX 1024 /* names, ever */
/*
 * A sequence number is forgotten when its LIID and CIN have not been heard of
 * for so long: that CIN is then another communication's.
 */
#define SPOOL_SEQUENCE_DAYS 30

struct spool;

struct spool_config {
	const char *path;
	struct rd spki; /* of the key that data keys are wrapped to */
	const uint8_t *kms; /* QUEUE_DIGEST_LEN: SHA-256 of the KMS state */
	struct rd machine; /* tells this machine from others; may be empty */
	int64_t now; /* seconds, UTC */
	bool first; /* one that is made now is the first of this KMS */
};

/*
 * Opens or makes the file; one of version 1 is brought to this one's.  What
 * waits in it stays.  ERR_MALFORMED, and the file as it was: no spool, of
 * another version or another KMS state, or damaged.  ERR_FULL, ERR_IO,
 * ERR_NOMEM, ERR_CRYPTO.
 */
enum err spool_open(const struct spool_config *, struct spool **out,
    struct why *why) MUST_CHECK;

/* What is not committed is given up.  NULL is let through. */
void spool_close(struct spool **);

/* ---- records come in ---- */

/*
 * The next place in the queue, for a record that is encoded with the sequence
 * number in it: spool_place(), encode, spool_put(), with nothing else of the
 * spool in between.  A place that is not used changes nothing.  With `reset`
 * the place is for a cINReset; the record gets the next one.
 *
 * Failures of both: ERR_FULL (no room on the disk), ERR_IO, ERR_NOMEM,
 * ERR_CRYPTO; ERR_MALFORMED: the database is damaged.  The turn is then over:
 * all calls that change anything return the same until spool_give_up().
 */
struct sequence;
struct spool_place {
	struct queue_row row; /* row.sequence: what to encode */
	unsigned lemf;
	bool reset;
	int64_t day;
	struct sequence *sequence;
};
enum err spool_place(struct spool *, struct rd lemf, struct rd liid,
    uint32_t cin, int64_t now, struct spool_place *out,
    struct why *why) MUST_CHECK;
enum err spool_put(struct spool *, const struct spool_place *, struct rd pdu,
    struct why *why) MUST_CHECK;

/* All since the last one is on disk, or nothing of it. */
enum err spool_commit(struct spool *, struct why *why) MUST_CHECK;
void spool_give_up(struct spool *);

/*
 * Between turns, when those that wait for one have been told: moves what is in
 * the log to its place once there is enough of it.  What fails is tried again.
 */
void spool_tidy(struct spool *);

/* A new data key from the next turn on. */
void spool_change_key(struct spool *);

/* ---- what waits, as committed ---- */

struct spool_counts {
	uint64_t records, octets; /* as encoded */
};
void spool_counts(const struct spool *, struct spool_counts *out);

struct spool_lemf {
	struct rd name; /* a view, until the next spool_place() */
	uint64_t next; /* number of the next record */
	uint64_t records, octets;
	uint64_t delivered, dropped, damaged;
};
/* From 0 on, in the order in which they came; false: no more. */
bool spool_lemf(const struct spool *, unsigned i, struct spool_lemf *out);
/* ERR_NOTFOUND: no record has ever been for it. */
enum err spool_find(const struct spool *, struct rd name,
    unsigned *out) MUST_CHECK;

/* ---- records go out: hi2_spool_out.c ---- */

#define SPOOL_ROWS_MAX 4096 /* that one call looks at */

/*
 * Reads the records of a LEMF in order, from `next` on, `most` at most, and
 * has `take` have each, opened, a view that it may not keep; false: not this
 * one, and stop.  `next` is then behind the last that was taken.
 *
 * ERR_AGAIN: the data key `key` is needed, see below; ERR_CRYPTO: record `next`
 * does not open, now or ever.  Both after all before it were taken.  ERR_IO,
 * ERR_NOMEM, ERR_MALFORMED.
 */
struct spool_reading {
	unsigned lemf;
	uint64_t next, key;
};
typedef bool spool_take_fn(void *ctx, uint64_t number, struct rd pdu);
enum err spool_read(struct spool *, struct spool_reading *, unsigned most,
    int64_t now_ms, spool_take_fn *take, void *ctx, struct why *why) MUST_CHECK;

/*
 * What the oldest of them are, from `next` on: how far one has to go to have
 * `octets` of them, or all that were made before `created`, whichever is more.
 * At most SPOOL_ROWS_MAX; records 0: there is none.  *oldest: when the first
 * one was made, 0 for none.
 */
struct spool_extent {
	uint64_t upto; /* number of the last */
	uint64_t records, octets;
};
enum err spool_measure(struct spool *, const struct spool_reading *from,
    uint64_t octets, int64_t created, struct spool_extent *out, int64_t *oldest,
    struct why *why) MUST_CHECK;

/*
 * In the turn: the records of a LEMF from one number to another are gone from
 * the queue.  SPOOL_DAMAGED: to the table `aside`.  Numbers that are not there
 * are let through.  Failures as spool_put().
 */
enum spool_fate { SPOOL_DELIVERED, SPOOL_DROPPED, SPOOL_DAMAGED };
enum err spool_remove(struct spool *, unsigned lemf, uint64_t from,
    uint64_t upto, enum spool_fate, struct spool_extent *out,
    struct why *why) MUST_CHECK;

/*
 * How many records from `next` on cannot be opened, as the first cannot: the
 * first alone, or all that follow it under a data key that is called lost.
 */
enum err spool_damage(struct spool *, const struct spool_reading *from,
    struct spool_extent *out, struct why *why) MUST_CHECK;

/* ---- data keys that are open: hi2_spool_keys.c ---- */

#define SPOOL_KEYS_OPEN 4
/* One that nothing was read with for so long is erased. */
#define SPOOL_KEY_IDLE_MS (60 * 1000)

/* ERR_NOTFOUND: the file has no such key, its records are lost. */
enum err spool_key_wrapped(struct spool *, uint64_t key,
    uint8_t out[QUEUE_WRAPPED_MAX], size_t *len, struct why *why) MUST_CHECK;
/* What the token says that it is; in place of the one used longest ago. */
enum err spool_key_put(struct spool *, uint64_t key, struct rd octets,
    int64_t now_ms) MUST_CHECK;
/* It cannot be unwrapped: spool_read() says ERR_CRYPTO of its records. */
void spool_key_lost(struct spool *, uint64_t key);
void spool_keys_idle(struct spool *, int64_t now_ms);

#endif
