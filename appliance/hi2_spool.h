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
 *	spool      kms: hash of the KMS state that it belongs to
 *	keys       id, wrapped, records: how many rows are sealed under it
 *	lemfs      id, name, next: order number, records and octets that wait
 *	records    id, lemf, number, liid, cin, sequence, created, key, sealed
 *	sequences  lemf, liid, cin, next, used: day of the last use
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

/*
 * Opens or makes the file; `spki` is the key that data keys are wrapped to,
 * `kms` the SHA-256 of the KMS state file.  What waits in it stays.
 * ERR_MALFORMED, and the file as it was: no spool, of another version or
 * another KMS state, or damaged.  ERR_FULL, ERR_IO, ERR_NOMEM, ERR_CRYPTO.
 */
enum err spool_open(const char *path, struct rd spki,
    const uint8_t kms[QUEUE_DIGEST_LEN], struct spool **out,
    struct why *why) MUST_CHECK;

/* What is not committed is given up.  NULL is let through. */
void spool_close(struct spool **);

/*
 * The next place in the queue, for a record that is encoded with the sequence
 * number in it: spool_place(), encode, spool_put(), with nothing else of the
 * spool in between.  A place that is not used changes nothing.
 *
 * Failures of both: ERR_FULL (no room on the disk), ERR_IO, ERR_NOMEM,
 * ERR_CRYPTO; ERR_MALFORMED: the database is damaged.  The turn is then over:
 * all calls return the same until spool_give_up().
 */
struct spool_place {
	struct queue_row row; /* row.sequence: what to encode */
	unsigned lemf;
	int64_t sequence_id, day, used; /* 0: no row of sequences yet */
};
enum err spool_place(struct spool *, struct rd lemf, struct rd liid,
    uint32_t cin, int64_t now, struct spool_place *out,
    struct why *why) MUST_CHECK;
enum err spool_put(struct spool *, const struct spool_place *, struct rd pdu,
    struct why *why) MUST_CHECK;

/* All since the last one is on disk, or nothing of it. */
enum err spool_commit(struct spool *, struct why *why) MUST_CHECK;
void spool_give_up(struct spool *);

/* A new data key from the next turn on. */
void spool_change_key(struct spool *);

/* What waits, committed. */
struct spool_counts {
	uint64_t records, octets; /* as encoded */
};
void spool_counts(const struct spool *, struct spool_counts *out);

#endif
