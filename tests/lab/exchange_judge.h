/*
 * exchange_judge: answers a getKeys as profile sections 3 and 4 say, with a
 * KMS's master secret and a user's seed, from the laboratory's own code.
 * Slow, and of no use but to say what an exchange is worth.
 */
#ifndef TESTS_LAB_EXCHANGE_JUDGE_H
#define TESTS_LAB_EXCHANGE_JUDGE_H

#include "exchange.h"
#include "lab_ibe.h"

/* The KMS of the target. */
struct judge_kms {
	struct lab_ibe *ibe;
	BIGNUM *master;
	enum lab_period period;
};

#define JUDGE_IDS_MAX 2

struct judge_in {
	const struct exchange *x;
	bool update; /* about the update, not the first exchange */
	const struct judge_kms *kms;
	struct rd target[JUDGE_IDS_MAX]; /* one user's identities */
	size_t n_target;
	const uint8_t *seed;
	struct rd label;
	int64_t now; /* unix seconds: the date of a COUNTER */
};

struct judge_out {
	enum exchange_outcome outcome;
	const char *because; /* of what is not EXCHANGE_KEYS */
	struct exchange_keys keys; /* views of *x and of `plain` */
	uint8_t plain[2][LAB_IBE_PLAIN_MAX];
};

void judge(const struct judge_in *, struct judge_out *);

/* Private keys are kept from one call to the next until then. */
void judge_forget(void);

#ifdef EXCHANGE_JUDGE_INTERNAL
#define JUDGE_SP_MAX 4

struct judge_message {
	bool there;
	struct mikey m;
	struct rd sp[JUDGE_SP_MAX];
	size_t n_sp;
};

struct judge_case {
	const struct judge_in *in;
	struct judge_out *out;
	struct judge_message message[EXCHANGE__MAX];
	size_t n_plain;
	struct rd idi, idr; /* parties of what is judged */
};

/* Sets the outcome; for "return no(...)". */
enum exchange_outcome judge_no(struct judge_case *, enum exchange_outcome,
    const char *because);

/* Is it one of the target's identities? */
bool judge_is_target(const struct judge_in *, struct rd id);

/* exchange_judge_parse.c: step 4, all messages there are. */
enum exchange_outcome judge_parse(struct judge_case *);

/* exchange_judge_open.c: step 8. */
enum judge_role { JUDGE_INITIATOR, JUDGE_RESPONDER, JUDGE_RECIPIENT };
enum exchange_outcome judge_open(struct judge_case *, enum judge_role);
#endif

#endif
