/* exchange_int: what the files of lab_exchange share. */
#ifndef TESTS_LAB_EXCHANGE_INT_H
#define TESTS_LAB_EXCHANGE_INT_H

#include "exchange_fault.h"
#include "lab_ibe.h"
#include "lab_store.h"

/* Who stands where a fault puts somebody else. */
#define EXCHANGE_STRANGER "sip:mallory@example.com"

/* ---- exchange_rng.c ---- */

/* The system's random numbers, or SHA-256 in counter mode from a seed. */
struct exchange_rng {
	bool seeded;
	uint8_t key[32], block[32];
	uint64_t n;
	size_t left; /* octets of `block` not yet given out */
};

enum err exchange_rng_init(struct exchange_rng *, bool seeded,
    uint64_t seed) MUST_CHECK;
enum err exchange_rng_bytes(struct exchange_rng *, void *out,
    size_t len) MUST_CHECK;
enum err exchange_rng_u32(struct exchange_rng *, uint32_t *out) MUST_CHECK;

/* ---- exchange_ibe.c ---- */

/* A KMS as who encrypts to its users sees it, with a cache of pairings. */
struct exchange_ibe;

enum err exchange_ibe_new(struct rd params, struct exchange_ibe **) MUST_CHECK;
void exchange_ibe_free(struct exchange_ibe **);

/* Which faults, and where the random numbers come from. */
struct exchange_seal {
	const struct exchange_spec *spec;
	unsigned place;
	struct exchange_rng *rng;
};

/* Append a BFCiphertextBlock to the id string, faults included. */
enum err exchange_ibe_seal(struct exchange_ibe *, struct rd id, struct rd plain,
    const struct exchange_seal *, struct wr *out) MUST_CHECK;

/* ---- exchange_inner.c ---- */

/* What an envelope holds, NULL for what it does not. */
struct exchange_inner {
	struct rd idi, idr; /* idr.p may be NULL */
	const struct lab_ec *ec_x, *ec_y;
	const uint8_t *x, *y; /* points */
	const uint8_t *sk;
};

/* Append the sub-payloads. */
enum err exchange_inner_put(const struct exchange_inner *,
    const struct exchange_seal *, struct wr *out) MUST_CHECK;

/* ---- exchange_message.c ---- */

/* A message before it is written down. */
struct exchange_draft {
	enum exchange_message which;
	uint32_t csb_id;
	uint64_t t;
	const struct mikey_cs *cs;
	size_t n_cs;
	struct rd rand; /* p NULL for what is not in it, here and below */
	struct rd idi, idr;
	const struct rd *sp;
	size_t n_sp;
	struct rd ibake, esk;
	const uint8_t *auth; /* key of V */
	struct rd mac_idi, mac_idr;
};

enum err exchange_message_put(const struct exchange_spec *,
    const struct exchange_draft *, struct exchange_octets *out) MUST_CHECK;

/* ---- exchange_make.c, exchange_keys.c ---- */

struct exchange_maker {
	struct exchange_spec spec;
	struct exchange_ibe *kms_i, *kms_r; /* may be the same */
	struct exchange_rng rng;
	uint32_t made;
};

/* Two parties, their points and what follows; x is of who began. */
struct exchange_pair {
	const struct exchange_party *party_x, *party_y;
	const struct lab_ec *ec_x, *ec_y;
	uint8_t x[LAB_POINT_MAX], y[LAB_POINT_MAX];
	uint8_t tgk[LAB_PRF_MAX], auth[LAB_PRF_MAX];
};

/* One exchange while it is made. */
struct exchange_run {
	struct exchange_maker *m;
	const struct exchange_spec *spec;
	struct exchange_party answering;
	struct rd idi, called, idr; /* called: IDRr of I_MESSAGE_1 */
	uint32_t csb_id;
	uint8_t rand_octets[255];
	struct rd rand;
	int64_t date, update_date; /* unix seconds */
	uint64_t t1, t2, t3;
	struct mikey_cs offered[LAB_CS_MAX], chosen[LAB_CS_MAX];
	struct exchange_pair first, update;
	uint8_t sk[LAB_TEK_LEN];
	struct exchange *out;
};

/* x and y of *p, their points, K_SESSION and the keys from it. */
enum err exchange_pair_make(struct exchange_run *, struct exchange_pair *,
    uint64_t t, unsigned place_x, unsigned place_y) MUST_CHECK;

/* SK of the exchange into the run. */
enum err exchange_sk_make(struct exchange_run *) MUST_CHECK;

/* Put `inner` into an envelope to an identity of that KMS. */
struct exchange_to {
	struct exchange_ibe *kms;
	enum lab_period period;
	struct rd identity;
	int64_t date;
};
enum err exchange_envelope(struct exchange_run *, unsigned place,
    const struct exchange_inner *, const struct exchange_to *,
    struct wr *out) MUST_CHECK;

/* A timestamp that is greater. */
uint64_t exchange_later(const struct exchange_spec *, uint64_t t);

/* Session keys from TGK or SK. */
enum err exchange_keys_make(const struct exchange_run *, struct rd tgk,
    const struct mikey_cs *, size_t n_cs, bool mki,
    struct exchange_keys *out) MUST_CHECK;

/* All that the first exchange yields. */
enum err exchange_keys_first(struct exchange_run *) MUST_CHECK;

/* ---- exchange_update.c ---- */
enum err exchange_update_make(struct exchange_run *) MUST_CHECK;

#endif
