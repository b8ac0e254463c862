/*
 * hi2_spool_sequence: the sequence numbers of the queue.  Those used last are
 * held in memory; each that has changed in a turn is written once, before its
 * commit.
 */
#ifndef APPLIANCE_HI2_SPOOL_SEQUENCE_H
#define APPLIANCE_HI2_SPOOL_SEQUENCE_H

#include "appliance/hi2_spool_db.h"

enum sequence_state {
	SEQUENCE_NONE, /* a free place */
	SEQUENCE_CLEAN, /* as in the database */
	SEQUENCE_CHANGED, /* in this turn */
	SEQUENCE_WRITTEN /* changed, and written since */
};

struct sequence {
	uint8_t liid[QUEUE_DIGEST_LEN];
	uint32_t cin;
	unsigned lemf;
	enum sequence_state state;
	int64_t id; /* of its row; 0: it has none yet */
	int64_t next;
	int64_t used, used_on_disk; /* days */
	int64_t life; /* 0: no row */
};

struct sequences;
enum err sequences_new(struct sequences **out) MUST_CHECK;
void sequences_free(struct sequences **);

/*
 * The one of a LEMF, LIID and CIN, one without a row if there is none; lives
 * until the next call.  Rows that were not used since `oldest` may be gone
 * from the database.  Errors as spool_row().
 */
enum err sequences_find(struct sequences *, struct spool_db *, unsigned lemf,
    const uint8_t liid[QUEUE_DIGEST_LEN], uint32_t cin, int64_t oldest,
    struct sequence **out, struct why *why) MUST_CHECK;

/* It has just been changed; ERR_NOMEM. */
enum err sequences_changed(struct sequences *, struct sequence *) MUST_CHECK;

enum err sequences_write(struct sequences *, struct spool_db *,
    struct why *why) MUST_CHECK;
void sequences_committed(struct sequences *);
void sequences_given_up(struct sequences *);

#endif
