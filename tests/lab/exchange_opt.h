/* exchange_opt: what lab-exchange is told on its command line. */
#ifndef TESTS_LAB_EXCHANGE_OPT_H
#define TESTS_LAB_EXCHANGE_OPT_H

#include "exchange.h"
#include "lab_store.h"

#define EXCHANGE_HEX_MAX 1024 /* octets of one option */
#define EXCHANGE_COUNT_MAX 1000000

enum exchange_who { WHO_INITIATOR, WHO_RESPONDER, WHO_ANSWERING, WHO__MAX };

/* An option's octets. */
struct exchange_hex {
	uint8_t p[EXCHANGE_HEX_MAX];
	size_t len;
};

struct exchange_opt {
	struct exchange_spec spec; /* points into this struct */
	const char *out, *keys, *update_keys, *recipient_keys;
	unsigned count; /* 0: one, and no numbered folder */
	bool list_faults;

	/* What the options name, before it is read. */
	const char *params[3]; /* both, initiator's, responder's */
	const char *seed_file[WHO__MAX];
	struct exchange_hex label[WHO__MAX];
	struct exchange_hex sp_i[EXCHANGE_SP_MAX], sp_r[EXCHANGE_SP_MAX];
	struct exchange_hex mki_i, mki_r;
	uint8_t seed[WHO__MAX][LAB_SEED_LEN];
	uint8_t *der[2];
};

/* 0 to go on, or the status to exit with plus 1. */
int exchange_opt_parse(struct exchange_opt *, int argc, char **argv);

/* Read the files that were named. */
enum err exchange_opt_load(struct exchange_opt *, struct why *) MUST_CHECK;
void exchange_opt_done(struct exchange_opt *);

#ifdef EXCHANGE_OPT_INTERNAL
/* Numbers of the options, for getopt_long(). */
enum {
	O_PARAMS = 256,
	O_PARAMS_I,
	O_PARAMS_R,
	O_PERIOD,
	O_PERIOD_I,
	O_PERIOD_R,
	O_ID, /* these three for each of WHO__MAX */
	O_SEED = O_ID + WHO__MAX,
	O_LABEL = O_SEED + WHO__MAX,
	O_OUT = O_LABEL + WHO__MAX,
	O_KEYS,
	O_UPDATE_KEYS,
	O_RECIPIENT_KEYS,
	O_COUNT,
	O_RANDOM_SEED,
	O_TIME,
	O_TS_TYPE,
	O_COUNTER,
	O_CURVE,
	O_PRF,
	O_CSB,
	O_CS,
	O_ROC,
	O_RAND_LEN,
	O_SP,
	O_SP_R,
	O_MKI,
	O_MKI_I,
	O_INNER_FORM,
	O_UPDATE,
	O_UPDATE_TIME,
	O_UPDATE_CS,
	O_FAULT,
	O_KV_INTERVAL,
	O_GENERAL_EXT,
	O_ESK_I1,
	O_DEFERRED,
	O_UPDATE_NO_IBAKE,
	O_UPDATE_NO_IDS,
	O_LIST_FAULTS
};

/* exchange_value.c: one option's value; the text says what is wrong. */
enum err exchange_value_take(struct exchange_opt *, int opt, const char *arg,
    struct why *) MUST_CHECK;
#endif

#endif
