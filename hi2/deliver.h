/*
 * deliver: the delivery of records to one LEMF (TS 102 232-1 clause 6.3).
 * Records come in the order of their numbers; octets for the connection go
 * out, octets from the LEMF come in, and what follows of both is told: up to
 * which number records were sent, and up to which they are delivered by the
 * LEMF's rule.  Nothing is remembered over a lost connection but how it is
 * configured: what is not delivered is given again, from the first of it on.
 *
 * Pure: no socket, no clock, no randomness.  All times are milliseconds of one
 * clock that never goes back.  hi2/deliver.pml is the same machine for Spin.
 */
#ifndef HI2_DELIVER_H
#define HI2_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hi2/iri_profile.h"
#include "base/siphash.h"

/* When a record is delivered, so that the queue may forget it. */
enum deliver_rule {
	DELIVER_SENT, /* passed to an open connection (6.4.3, option 3) */
	/*
	 * A keep-alive sent behind it was answered: the LEMF has read it.
	 * There is one whenever all before has been confirmed, ten a second at
	 * most, and more when much goes out.
	 */
	DELIVER_KEEPALIVE,
	DELIVER_ACKNOWLEDGED /* pDUAcknowledgementResponse */
};

enum deliver_integrity {
	DELIVER_NO_INTEGRITY,
	DELIVER_HASH, /* hash PDUs (clause 7.2) */
	DELIVER_SIGNATURE /* and signature PDUs over their hashes */
};
enum deliver_hash { DELIVER_SHA256, DELIVER_SHA384, DELIVER_SHA512 };

struct deliver_config {
	struct iri_profile profile; /* checked: headers of our own PDUs */
	enum deliver_rule rule;
	/*
	 * Milliseconds, a day at most.  0 for time1: idle connections are left
	 * alone.  time2 and time3 may be 0 only if nothing is ever asked; time3
	 * is not below time2.  They count from when a question was written, or
	 * octets last were while others wait: no answer, or nothing read.
	 */
	int64_t time1; /* idle before a keep-alive */
	int64_t time2; /* without an answer for so long: an alarm */
	int64_t time3; /* the connection is given up */
	enum deliver_integrity integrity;
	enum deliver_hash hash;
	unsigned hash_pdus; /* a hash PDU after so many records at most */
	int64_t hash_ms; /* and so long after the first at most */
	unsigned sign_hashes; /* a signature PDU after so many hash PDUs */
	int64_t sign_ms;
	uint8_t key[SIPHASH_KEY]; /* random: of a table of LIIDs and CINs */
};

/* Records that are not delivered, at most; the queue gives no more. */
#define DELIVER_WINDOW_RECORDS 8192
#define DELIVER_WINDOW_OCTETS (8 * 1024 * 1024)
#define DELIVER_IN_MAX 65536 /* octets of one PDU of a LEMF */

/*
 * Holds records, so keys, until they are written, and erases them then; the
 * process must not be dumped.
 */
struct deliver;

/* The configuration is copied.  ERR_MALFORMED: a value; ERR_NOMEM. */
enum err deliver_new(const struct deliver_config *,
    struct deliver **out) MUST_CHECK;
void deliver_free(struct deliver **);

/*
 * A connection is there; wall: seconds of UTC, for headers, as everywhere.
 * After ERR_NOMEM and ERR_CRYPTO of this and any other function the connection
 * is to be dropped; then only deliver_next(), deliver_down() and
 * deliver_free() may follow.
 */
enum err deliver_up(struct deliver *, int64_t now, int64_t wall) MUST_CHECK;
/*
 * It has gone; records that are not delivered are forgotten here.  What was
 * sent and delivered before is told until the next deliver_up().
 */
void deliver_down(struct deliver *);

/*
 * Records are taken: the connection is there, and an option that was asked for
 * has been answered, or not within time2.  When this becomes true after
 * deliver_up(), the queue begins with the first that is not delivered.
 */
bool deliver_open(const struct deliver *);

/*
 * The next record, with a number above the last.  ERR_AGAIN: not open;
 * ERR_FULL: beyond the window; ERR_MALFORMED: no PS-PDU, an IRI without LIID
 * or CIN, or its number is not above the last; ERR_NOMEM, ERR_CRYPTO.
 * Integrity PDUs cover IRI; a PDU of another kind, as cINReset, goes as it is.
 */
enum err deliver_put(struct deliver *, uint64_t number, struct rd pdu,
    int64_t now, int64_t wall) MUST_CHECK;

/* What is to be written, a view until the next call; then, what was. */
struct rd deliver_out(const struct deliver *);
void deliver_wrote(struct deliver *, size_t n, int64_t now);

/*
 * Octets from the LEMF, all of them; whole PDUs are taken, the rest is kept.
 * ERR_MALFORMED, ERR_TOOBIG (a PDU, or keep-alives whose answers it does not
 * read), ERR_MISMATCH (an answer to nothing that was asked): the connection is
 * to be dropped, `why` says why.  ERR_CLOSED: there is none.  PDUs that are no
 * business of a sender are let through.
 */
enum err deliver_take(struct deliver *, struct rd in, int64_t now, int64_t wall,
    struct why *why) MUST_CHECK;

/*
 * Time has come to deliver_due().  ERR_CLOSED: TIME3 has passed without an
 * answer, the connection is to be dropped.  ERR_NOMEM, ERR_CRYPTO.
 */
enum err deliver_tick(struct deliver *, int64_t now, int64_t wall,
    struct why *why) MUST_CHECK;
/* May be in the past: at once.  INT64_MAX: nothing is. */
int64_t deliver_due(const struct deliver *);

/* What has followed, in order; false: nothing more. */
enum deliver_what {
	DELIVER_SENT_TO, /* number: all up to it were written */
	DELIVER_DELIVERED_TO, /* number */
	DELIVER_SILENT, /* TIME2 has passed without an answer */
	DELIVER_ANSWERS, /* after DELIVER_SILENT: it has answered */
	DELIVER_DECLINED, /* the LEMF does not acknowledge: keep-alives rule */
	/*
	 * Octets (a view until the next call) and number, never the same again:
	 * answer with deliver_signature().  Eight at a time.
	 */
	DELIVER_SIGN
};
struct deliver_event {
	enum deliver_what what;
	uint64_t number;
	struct rd octets;
};
bool deliver_next(struct deliver *, struct deliver_event *out);

/*
 * The signature over the octets of DELIVER_SIGN with that number; left = 0: it
 * cannot be had, and is asked for again later.  One of a connection that has
 * gone is let through without effect.  ERR_MISMATCH: it was never asked for;
 * ERR_TOOBIG: more than 512 octets.
 */
enum err deliver_signature(struct deliver *, uint64_t number, struct rd sig,
    int64_t now, int64_t wall) MUST_CHECK;

#endif
