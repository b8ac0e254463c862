/*
 * exchange: complete MIKEY-IBAKE exchanges, made up without any private key.
 * All envelopes are encrypted with public data, so the parameters of the KMSs
 * and the two parties' seeds and identities are enough.  For tests that need
 * many calls, odd ones, or ones with a fault that no phone would make.
 *
 * A maker keeps what can be reused between exchanges (hashed identities, their
 * pairings); it belongs to one thread.
 */
#ifndef TESTS_LAB_EXCHANGE_H
#define TESTS_LAB_EXCHANGE_H

#include "lab_keys.h"
#include "lab_mikey.h"
#include "lab_time.h"

/* The messages of an exchange and of a CSB update that follows it. */
enum exchange_message {
	EXCHANGE_I1,
	EXCHANGE_R1,
	EXCHANGE_I2,
	EXCHANGE_R2,
	EXCHANGE_U_I1,
	EXCHANGE_U_R1,
	EXCHANGE__MAX
};

/* "i1", "r1", "i2", "r2", "u-i1", "u-r1". */
const char *exchange_message_name(enum exchange_message);

#define EXCHANGE_OCTETS_MAX LAB_MIKEY_MAX
struct exchange_octets {
	size_t len; /* 0: there is no such message */
	uint8_t p[EXCHANGE_OCTETS_MAX];
};

/* One crypto session; the views are of the struct exchange_spec. */
struct exchange_key {
	uint8_t id[5]; /* CSB ID || CS ID */
	uint8_t key[LAB_TEK_LEN], salt[LAB_SALT_LEN];
	uint32_t ssrc, roc;
	struct rd policy, mki; /* p == NULL for none */
};

struct exchange_keys {
	size_t n;
	struct exchange_key key[LAB_CS_MAX];
	bool has_sk;
	uint8_t sk[LAB_TEK_LEN];
};

struct exchange {
	struct exchange_octets message[EXCHANGE__MAX];
	struct exchange_keys keys; /* of the first exchange */
	struct exchange_keys recipient; /* of an ESK's, from SK; n 0: none */
	struct exchange_keys update; /* n 0: no update */
};

enum exchange_update {
	EXCHANGE_NO_UPDATE,
	EXCHANGE_BY_INITIATOR,
	EXCHANGE_BY_RESPONDER
};

struct exchange_kms {
	struct rd params; /* DER BFPublicParameters */
	enum lab_period period;
};

struct exchange_party {
	const char *identity;
	const uint8_t *seed; /* LAB_SEED_LEN */
	struct rd label;
};

#define EXCHANGE_SP_MAX 4
#define EXCHANGE_FAULTS_MAX 128

/*
 * What to make.  Everything pointed at belongs to the caller and outlives the
 * maker.
 */
struct exchange_spec {
	struct exchange_kms kms_i, kms_r; /* equal params are one KMS */
	struct exchange_party initiator, responder;
	struct exchange_party answering; /* identity NULL: the responder */

	const struct lab_ec *ec;
	uint8_t prf;
	enum mikey_t ts_type;
	bool has_time, has_counter, has_csb;
	int64_t time; /* unix seconds; else the clock */
	uint32_t counter, csb_id;
	size_t n_cs, rand_len;
	uint32_t roc; /* of every entry of R_MESSAGE_1's map */
	struct rd sp_i[EXCHANGE_SP_MAX], sp_r[EXCHANGE_SP_MAX];
	size_t n_sp_i, n_sp_r; /* SP payloads from Policy no on */
	struct rd mki_i, mki_r; /* KV SPI of ECCPTi, ECCPTr; p NULL: none */
	bool kv_interval; /* KV Interval in the points without KV SPI */
	bool inner_id; /* identities inside as ID payloads, not IDR */
	bool general_ext;
	bool esk_in_i1;
	bool deferred; /* who answers could not open I_MESSAGE_1 */

	enum exchange_update update;
	bool has_update_time, update_no_ibake, update_no_ids;
	int64_t update_time;
	size_t update_cs; /* 0: as many as before */

	bool seeded; /* all randomness from random_seed */
	uint64_t random_seed;

	unsigned fault[EXCHANGE_FAULTS_MAX]; /* see exchange_fault_add() */
};

/* P-256, PRF 1, NTP-UTC, one crypto session, RAND of 16 octets. */
void exchange_spec_init(struct exchange_spec *);

/* "NAME" or "NAME@MESSAGE"; the text says what is wrong with it. */
enum err exchange_fault_add(struct exchange_spec *, const char *text,
    struct why *) MUST_CHECK;

/* What Xk answers to a getKeys that has a fault: profile sections 3 and 4. */
enum exchange_outcome {
	EXCHANGE_KEYS,
	EXCHANGE_MALFORMED,
	EXCHANGE_UNSUPPORTED,
	EXCHANGE_TARGET_MISMATCH,
	EXCHANGE_NOT_REPRODUCIBLE,
	EXCHANGE_NOT_ASKED /* there is no such target here */
};
const char *exchange_outcome_name(enum exchange_outcome);

/* Which options a fault needs to be seen at all. */
enum exchange_needs {
	EXCHANGE_NEEDS_NOTHING,
	EXCHANGE_NEEDS_UPDATE, /* judged by the update, by the initiator */
	EXCHANGE_NEEDS_DEFERRED /* and another one answering */
};

/*
 * A fault where it stands by default, with the outcome for each target: who
 * sent I_MESSAGE_1, who answered, the intended recipient of an ESK.
 */
struct exchange_fault {
	const char *name, *meaning;
	enum exchange_needs needs;
	enum exchange_outcome initiator, responder, recipient;
};

/* Number n of the list; false behind its end. */
bool exchange_fault_get(size_t n, struct exchange_fault *out);
const char *exchange_needs_name(enum exchange_needs);

struct exchange_maker;

/* Copies *spec, not what it points at.  The caller frees. */
enum err exchange_maker_new(const struct exchange_spec *,
    struct exchange_maker **out, struct why *) MUST_CHECK;
void exchange_maker_free(struct exchange_maker **);

/* One more exchange: other CSB ID (unless given), RAND and T. */
enum err exchange_make(struct exchange_maker *, struct exchange *out,
    struct why *) MUST_CHECK;

#endif
