/*
 * integrity_table: what integrity.c remembers: groups of records, one for each
 * LIID and CIN, and the lists that they are in.  For integrity.c alone.
 */
#ifndef HI2_INTEGRITY_TABLE_H
#define HI2_INTEGRITY_TABLE_H

#include <openssl/evp.h>

#include "base/limits.h"
#include "hi2/integrity.h"

#define NO_SLOT UINT32_MAX

/* Slots in the order of their records. */
struct slots {
	uint32_t first, last; /* NO_SLOT: none */
};

/* A record; the first one of a hash PDU keeps its value. */
struct slot {
	uint32_t next, sequence;
	bool hashed; /* the first one of a hash PDU */
	uint8_t value[INTEGRITY_VALUE_MAX];
};

/* Hash PDUs that are to be signed together. */
struct hashes {
	struct slots records;
	uint32_t number; /* of the first */
	unsigned n;
	int64_t since;
};

/*
 * A group is in IDLE, or in any of the others: in OPEN or HASH while it has
 * records without a hash, in BATCH while hash PDUs gather, in SIGN while a
 * signature is to be asked for.  While one has been asked for it may be in
 * none, and hash PDUs gather outside of BATCH.
 */
enum list {
	LIST_IDLE, /* the longest unused first */
	LIST_OPEN, /* by the time of the first record */
	LIST_HASH, /* due */
	LIST_BATCH, /* by the time of the first hash */
	LIST_SIGN, /* to be asked for */
	LIST__MAX
};

struct group {
	uint8_t liid[MAX_LIID], liid_len;
	uint32_t cin;
	struct group *same; /* next in the bucket */
	struct {
		struct group *prev, *next;
	} link[LIST__MAX];
	unsigned in; /* lists, a bit each */

	EVP_MD_CTX *md; /* over the records that are open; NULL: none are */
	struct slots open;
	unsigned n_open;
	int64_t opened;
	struct hashes batch, flight; /* flight: to be signed, or asked for */
	uint32_t next_hash, next_signature;
	bool hurry; /* hashes go to be signed as soon as they can */
};

struct group_table {
	struct group *groups, **buckets;
	uint32_t n, most; /* most: a power of two, as many buckets */
	struct {
		struct group *first, *last;
	} list[LIST__MAX];
	struct slot *slots;
	uint8_t key[SIPHASH_KEY];
};

enum err group_table_init(struct group_table *, uint32_t slots,
    const uint8_t key[SIPHASH_KEY]) MUST_CHECK;
void group_table_done(struct group_table *);
void group_table_reset(struct group_table *);

/* The group of a LIID (1 to MAX_LIID octets) and CIN; NULL: there is none. */
struct group *group_find(const struct group_table *, struct rd liid,
    uint32_t cin);

/*
 * A new one, in LIST_IDLE.  When the table is full the longest unused is
 * forgotten; there always is one, since groups in use have slots.
 */
struct group *group_new(struct group_table *, struct rd liid, uint32_t cin);

struct group *group_first(const struct group_table *, enum list);
struct group *group_after(const struct group *, enum list);
bool group_in(const struct group *, enum list);
void group_push(struct group_table *, enum list, struct group *);
void group_drop(struct group_table *, enum list, struct group *);

void slots_init(struct slots *);
void slots_add(struct group_table *, struct slots *, uint32_t slot);
/* All of `from` behind `to`; `from` is then empty. */
void slots_join(struct group_table *, struct slots *to, struct slots *from);

#endif
