/*
 * exchange_rig: the exchanges of tests/vectors/exchanges.json, each getKeys
 * with what the appliance would know of its target, and the token in software.
 */
#ifndef TESTS_UNIT_EXCHANGE_RIG_H
#define TESTS_UNIT_EXCHANGE_RIG_H

#include "appliance/regen.h"
#include "hsm/ibe.h"
#include "hsm/type1.h"
#include "help.h"

/* The vectors' master secrets and seeds are public. */
struct soft_token {
	struct t1_curve curve;
	struct fp_exp s;
	uint8_t seed[32];
	unsigned muls;
};

struct kms {
	struct ibe *ibe;
	struct regen regen;
	struct soft_token token;
	enum key_period period;
};

#define N_KMS 3

/* Group setup and teardown. */
int rig_load(void **state);
int rig_free(void **state);
json_t *rig_file(void);
struct kms *rig_kms(size_t i);

/* The exchange with that member "n". */
json_t *rig_exchange(long long n);

/* One row of "xk" of one exchange, with all that belongs to it. */
struct trial {
	struct kms *kms;
	const json_t *exchange, *update; /* update NULL in a first exchange */
	const json_t *xk;
	uint8_t *pdu, *want;
	size_t pdu_len, want_len;
	struct rd ids[1 + MAX_DEVICES];
	size_t n_ids;
	uint8_t *label;
	size_t label_len;
	int64_t arrival;
	char what[64];
};

/* `row` of the exchange, or of its update. */
void trial_init(struct trial *, const json_t *exchange, bool update,
    size_t row);
void trial_done(struct trial *);

typedef void trial_fn(struct trial *);
void each_trial(trial_fn *);

/*
 * From the MIKEY messages to the answer as the appliance goes: parsed, put on
 * the wire between processes, read back, re-generated.  The seed is that of
 * trial_init(); *out is valid until regen_wipe().
 */
enum xk_reason trial_run(struct trial *, const struct xk_get_keys *,
    struct xk_get_keys_response *out);

/* ---- a request to be spoiled ---- */

/* A MIKEY message in memory of one's own. */
struct msg {
	uint8_t b[MAX_MIKEY + 1024];
	size_t len; /* 0: none */
};

enum part {
	I_MESSAGE_1,
	R_MESSAGE_1,
	I_MESSAGE_2,
	R_MESSAGE_2,
	FIRST_I_MESSAGE_1,
	FIRST_R_MESSAGE_1,
	FIRST_I_MESSAGE_2,
	PART__MAX
};

struct request {
	struct msg part[PART__MAX];
};

/* What the trial's PDU holds. */
void request_init(struct request *, const struct trial *);

/* A message of the exchange in that place. */
void request_set(struct request *, enum part, const json_t *of,
    const char *name);

/* Views into the request. */
struct xk_get_keys request_keys(const struct request *);
enum xk_reason request_run(struct trial *, const struct request *,
    struct xk_get_keys_response *out);

/* ---- payloads of a message ---- */

struct payload {
	uint8_t type;
	size_t number_at; /* where the number of this payload stands */
	size_t at, len;
};

/* The nth payload of a type, from 0; false if there is none. */
bool msg_find(const struct msg *, uint8_t type, unsigned nth,
    struct payload *out);
void msg_remove(struct msg *, uint8_t type, unsigned nth);

/* The contents of an IBAKE (22) or ESK (23) payload become these octets. */
void msg_set_envelope(struct msg *, uint8_t type, const void *p, size_t len);

/* Put a whole payload, whose first octet is filled in, behind another. */
void msg_insert(struct msg *, uint8_t behind, unsigned nth, uint8_t type,
    const void *payload, size_t len);

#endif
