/* hi2_spool_int: the queue as its own files see it. */
#ifndef APPLIANCE_HI2_SPOOL_INT_H
#define APPLIANCE_HI2_SPOOL_INT_H

#include "appliance/hi2_spool.h"
#include "appliance/hi2_spool_db.h"
#include "appliance/hi2_spool_sequence.h"
#include "base/secret.h"

#define SPOOL_DAY 86400

/* Of a name that has or had records. */
struct lemf {
	uint8_t name[QUEUE_LEMF_MAX];
	uint8_t len;
	bool changed; /* in this turn */
	struct standing {
		uint64_t next, records, octets, delivered, dropped, damaged;
	} now, on_disk;
};

struct data_key {
	uint64_t id;
	struct secret *octets; /* NULL: a free place */
	int64_t used; /* ms */
	uint64_t turn; /* of all uses */
};
#define SPOOL_KEYS_LOST 16

struct spool {
	struct spool_db db;
	uint8_t kms[QUEUE_DIGEST_LEN];
	uint8_t *spki;
	size_t spki_len;
	int64_t life, since_day;

	struct queue_sealer *sealer;
	uint64_t key; /* its id */
	uint64_t next_key;
	bool key_on_disk, change_key;
	struct data_key opened[SPOOL_KEYS_OPEN];
	uint64_t lost[SPOOL_KEYS_LOST];
	unsigned n_lost;
	uint64_t key_turn;
	int64_t read_ms; /* when something was read last */

	struct lemf *lemf; /* id is index + 1 */
	unsigned n_lemfs, n_on_disk, cap_lemfs;
	struct sequences *sequences;

	/* the turn */
	bool open, key_put, changed;
	uint64_t n; /* records put in it */
	int64_t day;
	enum err failed;
	char failed_text[WHY_MAX];

	uint8_t *sealed;
	size_t cap_sealed;
	struct secret *record; /* one that was opened */
};

/* The place of a name, new if there is none; as spool_place(). */
enum err spool_find_or_add(struct spool *, struct rd name, unsigned *out,
    struct why *why) MUST_CHECK;

/* The turn has begun, or has failed already. */
enum err spool_begin(struct spool *, struct why *why) MUST_CHECK;
/* It is over; the reason is kept for the calls that still come in it. */
enum err spool_broken(struct spool *, enum err, const struct why *here,
    struct why *why);

/* In the turn: under the data key that is in use, which is on disk with it. */
enum err spool_seal(struct spool *, const struct queue_row *, struct rd pdu,
    struct rd *out, struct why *why) MUST_CHECK;
enum err spool_put_key(struct spool *, struct why *why) MUST_CHECK;

/* So many rows more, or fewer, need a data key. */
enum err spool_count_key(struct spool *, uint64_t key, int64_t n,
    struct why *why) MUST_CHECK;

/* Of the table records. */
int64_t spool_row_of(unsigned lemf, uint64_t number);

/* The octets of a data key, until the next call of the spool; NULL: closed. */
const uint8_t *spool_key(struct spool *, uint64_t key, int64_t now_ms);
bool spool_key_is_lost(const struct spool *, uint64_t key);
/* The sealer's, which gets another one. */
void spool_key_keep(struct spool *);
void spool_keys_done(struct spool *);

#endif
