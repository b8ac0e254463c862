/* order_int: what the files of order share. */
#ifndef LEMF_ORDER_INT_H
#define LEMF_ORDER_INT_H

#include "base/siphash.h"
#include "lemf/order.h"

#define ORDER_ERA (2 * ORDER_KEPT) /* half goes at a time */
#define ORDER_DIGEST 16 /* octets of a SHA-256 that tell records apart */
#define ORDER_HASHES 1024 /* hash PDUs that wait for a signature */
#define ORDER_VALUE 64 /* octets of a hash */

struct seen {
	uint8_t digest[ORDER_DIGEST];
	struct order_place where; /* len = 0: it has not come */
	bool hashed, attested;
};

/* Numbers from one cINReset to the next. */
struct era {
	uint32_t serial;
	uint64_t first; /* the number of seen[0] */
	struct seen *seen;
	uint32_t n, cap;
};

/* A hash PDU that may come to be signed. */
struct hash {
	uint32_t number, era;
	bool good;
	uint8_t value[ORDER_VALUE];
	size_t value_len;
	uint32_t *numbers; /* of its records */
	uint32_t n;
};

/* A LIID and a CIN. */
struct stream {
	struct stream *next; /* with the same place in the table */
	struct stream *newer, *older; /* by when they were last heard of */
	uint8_t liid[MAX_LIID];
	size_t liid_len;
	uint32_t cin;
	struct era now, before;
	bool was_reset;
	uint8_t reset[ORDER_DIGEST]; /* the last cINReset */
	struct hash *hashes; /* ORDER_HASHES, or NULL */
	unsigned n_hashes;
};

struct order {
	struct order_ops ops;
	uint8_t key[SIPHASH_KEY];
	struct stream **table;
	struct stream *newest, *oldest;
	uint64_t n_streams, n_numbers; /* n_numbers: room that is taken */
	struct order_counts counts;
};

void order_say(struct order *, const struct record *, enum order_what,
    uint32_t number, uint32_t count);

/* NULL: it has not come, or is not remembered. */
struct seen *order_find(const struct era *, uint32_t number);

/* An integrityCheck.  ERR_NOMEM. */
enum err order_integrity(struct order *, struct stream *,
    const struct record *) MUST_CHECK;
void order_drop_hashes(struct order *, struct stream *, unsigned n);

#endif
