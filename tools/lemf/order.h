/*
 * order: whether records are complete, in order and sound (TS 102 232-1
 * clauses 5.2.5 and 7.2).  Of each LIID and CIN it knows the numbers that have
 * come, and judges what comes next: a record may come again, as a sender
 * repeats what it does not know to have arrived, but with the same octets.
 *
 * It remembers places and digests, not records.  What it remembers is bounded:
 * of one LIID and CIN the last numbers, of all the ones that were last heard
 * of; a sender has at most ORDER_KEPT records that it may repeat.
 */
#ifndef LEMF_ORDER_H
#define LEMF_ORDER_H

#include "lemf/record.h"

#define ORDER_KEPT 8192 /* numbers of one LIID and CIN */
#define ORDER_STREAMS 262144 /* of LIIDs and CINs */
#define ORDER_NUMBERS (4 * 1024 * 1024) /* of all of them */
#define ORDER_HASH_OCTETS (16 * 1024 * 1024) /* under one hash */

/* Where a PDU is, for order_ops.read. */
struct order_place {
	uint32_t file, len;
	uint64_t at;
};

enum order_what {
	ORDER_NEW,
	ORDER_GAP, /* `count` are missing from `number` on; then the record */
	ORDER_LATE, /* one that was missing */
	ORDER_AGAIN, /* with the octets that it had */
	ORDER_OTHER, /* wrong: with others */
	ORDER_OLD, /* before all that is remembered */
	ORDER_RESET, /* cINReset: numbers begin anew */
	ORDER_RESET_AGAIN,
	ORDER_HASH, /* hash PDU `number` holds, for `count` records */
	ORDER_HASH_BAD,
	ORDER_HASH_OPEN, /* it names a record that is not there */
	ORDER_HASH_KIND, /* by an algorithm that does not count */
	ORDER_SIGNED, /* signature PDU `number` holds, for `count` hashes */
	ORDER_SIGNATURE_BAD,
	ORDER_SIGNATURE_OPEN, /* it names a hash that is not there */
	ORDER_SIGNATURE_KIND,
	ORDER_SIGNATURE_NO_KEY, /* there is no key to verify it with */
	ORDER__MAX
};

struct order_event {
	enum order_what what;
	const struct record *record; /* the PDU that it is about */
	uint32_t number, count;
};

struct order_ops {
	/* `where.len` octets of a PDU that was taken.  ERR_IO. */
	enum err (
	    *read)(void *ctx, const struct order_place *where, uint8_t *out);
	void (*event)(void *ctx, const struct order_event *);
	void *ctx;
	/* SubjectPublicKeyInfo of who signs; left = 0: none is known. */
	struct rd verify_key;
};

struct order_counts {
	uint64_t of[ORDER__MAX]; /* events; GAP: missing numbers */
	/* Records that a good hash covers; and a good signature. */
	uint64_t hashed, attested;
};

struct order;

/* What ops point to must outlive it.  ERR_NOMEM, ERR_CRYPTO. */
enum err order_new(const struct order_ops *, struct order **out) MUST_CHECK;
void order_free(struct order **);

/*
 * The next PDU, as record_read() left it; its header is enough.  TRI that say
 * nothing of records are let through.  ERR_NOMEM.
 */
enum err order_take(struct order *, const struct record *,
    const struct order_place *) MUST_CHECK;

const struct order_counts *order_counts(const struct order *);

/* Whether it must not be; and a word for it: "gap". */
bool order_is_wrong(enum order_what);
const char *order_name(enum order_what);

#endif
