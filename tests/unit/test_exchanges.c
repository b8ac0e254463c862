/*
 * The twelve exchanges of tests/vectors/exchanges.json, made by an independent
 * implementation: every getKeys PDU in, the very getKeysResponse out; then
 * every way of spoiling one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "appliance/regen.h"
#include "hsm/ibe.h"
#include "hsm/type1.h"
#include "help.h"

/* The token in software: the vectors' master secrets and seeds are public. */
struct soft_token {
	struct t1_curve curve;
	struct fp_exp s;
	uint8_t seed[32];
	unsigned muls;
};

static enum err
soft_mul(void *ctx, const uint8_t *point, size_t len, uint8_t *x, size_t x_len)
{
	struct soft_token *t = ctx;
	struct t1_point a, r;

	t->muls++;
	if (len != 129 || x_len != 64 ||
	    t1_point_from_be(&a, point + 1, 64, point + 65, 64, &t->curve) !=
		ERR_OK ||
	    t1_mul_vartime(&r, &t->s, &a, &t->curve) != ERR_OK)
		return ERR_HSM;
	fp_to_be(x, &r.x, &t->curve.f);
	return ERR_OK;
}

static enum err
soft_mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	struct soft_token *t = ctx;

	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, t->seed, 32, data,
		   len, out, 32, NULL) == NULL
	    ? ERR_HSM
	    : ERR_OK;
}

struct kms {
	struct ibe *ibe;
	struct regen regen;
	struct soft_token token;
};

/* One row of "xk" of one exchange, with all that belongs to it. */
struct trial {
	struct kms *kms;
	uint8_t *pdu, *want;
	size_t pdu_len, want_len;
	struct rd ids[1 + MAX_DEVICES];
	size_t n_ids;
	uint8_t *label;
	size_t label_len;
	int64_t arrival;
	char what[64];
};

static json_t *file;
static struct kms kms[3];

static int
load_all(void **state)
{
	json_t *set;
	size_t i;

	(void)state;
	file = vectors("exchanges.json");
	json_array_foreach (member(file, "ibe"), i, set) {
		struct why why = {""};
		enum key_period period;
		size_t len;
		uint8_t *der = octets(set, "publicParametersDER", &len);
		struct rd r;
		mpz_t p, q, s;

		rd_init(&r, der, len);
		if (ibe_load("ss512", r, &kms[i].ibe, &why) != ERR_OK)
			fail_msg("%s", why.text);
		free(der);
		assert_int_equal(key_period_by_name(text(set, "period"),
				     &period),
		    ERR_OK);
		assert_int_equal(regen_init(&kms[i].regen, kms[i].ibe, period),
		    ERR_OK);
		mpz_inits(p, q, s, NULL);
		mpz_set_str(p, text(set, "p"), 0);
		mpz_set_str(q, text(set, "q"), 0);
		mpz_set_str(s, text(set, "masterSecretModPplus1"), 0);
		assert_int_equal(t1_curve_init(&kms[i].token.curve, p, q),
		    ERR_OK);
		fp_exp_from_mpz(&kms[i].token.s, s);
		mpz_clears(p, q, s, NULL);
	}
	return 0;
}

static int
free_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		regen_done(&kms[i].regen);
		ibe_free(&kms[i].ibe);
	}
	json_decref(file);
	return 0;
}

static void
trial_init(struct trial *t, const json_t *exchange, const json_t *xk,
    int64_t arrival, const char *what)
{
	const char *target = text(xk, "target");
	const json_t *sub = member(member(exchange, "subscribers"), target);
	json_t *dev;
	uint8_t *seed;
	size_t i, len;

	*t =
	    (struct trial){.kms = &kms[number(sub, "ibe")], .arrival = arrival};
	(void)snprintf(t->what, sizeof(t->what), "%s %s %s",
	    text(exchange, "kind"), text(xk, "role"), what);
	t->pdu = octets(xk, "getKeys", &t->pdu_len);
	t->want = octets(xk, "getKeysResponse", &t->want_len);
	rd_init(&t->ids[t->n_ids++], target, strlen(target));
	json_array_foreach (member(sub, "devices"), i, dev) {
		const char *d = json_string_value(dev);

		rd_init(&t->ids[t->n_ids++], d, strlen(d));
	}
	t->label = octets(sub, "label", &t->label_len);
	seed = octets(sub, "seed", &len);
	assert_int_equal(len, 32);
	memcpy(t->kms->token.seed, seed, 32);
	free(seed);
}

static void
trial_done(struct trial *t)
{
	free(t->pdu);
	free(t->want);
	free(t->label);
}

/* Decode, canonical form over the wire and back, re-generate. */
static enum xk_reason
run(struct trial *t, const struct xk_get_keys *k,
    struct xk_get_keys_response *out)
{
	static struct call parsed, call;
	static uint8_t wire[16 * MAX_MIKEY];
	struct regen_in in = {.call = &call,
	    .target = {t->ids, t->n_ids},
	    .now = t->arrival,
	    .token = {soft_mul, &t->kms->token},
	    .seed = {soft_mac, &t->kms->token}};
	enum xk_reason why;
	struct wr w;
	struct rd r;
	size_t len;

	if ((why = call_from_request(k, &parsed)) != XK_GRANTED)
		return why;
	wr_init(&w, wire, sizeof(wire));
	call_put(&w, &parsed);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_true(len <= call_put_max(&parsed));
	rd_init(&r, wire, len);
	assert_int_equal(call_get(&r, &call), ERR_OK);
	assert_int_equal(rd_end(&r), ERR_OK);
	rd_init(&in.label, t->label, t->label_len);
	return regen_keys(&t->kms->regen, &in, out);
}

typedef void trial_fn(struct trial *);

static void
each_xk(const json_t *exchange, const json_t *rows, int64_t arrival,
    const char *what, trial_fn *fn)
{
	struct trial t;
	json_t *xk;
	size_t i;

	json_array_foreach (rows, i, xk) {
		trial_init(&t, exchange, xk, arrival, what);
		fn(&t);
		trial_done(&t);
	}
}

static void
each_trial(trial_fn *fn)
{
	json_t *e, *u;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e) {
		each_xk(e, member(e, "xk"), number(e, "arrival"), "first", fn);
		if ((u = json_object_get(e, "update")) != NULL)
			each_xk(e, member(u, "xk"), number(u, "arrival"),
			    "update", fn);
	}
}

static unsigned n_good;

static void
gives_the_expected_answer(struct trial *t)
{
	struct xk_get_keys_response out;
	enum xk_reason why;
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;
	struct rd r;

	rd_init(&r, t->pdu, t->pdu_len);
	assert_int_equal(xk_pdu_decode(r, &m, &id), ERR_OK);
	assert_int_equal(m.type, XK_GET_KEYS);
	why = run(t, &m.u.get_keys, &out);
	if (why != XK_GRANTED)
		fail_msg("%s: %s", t->what, xk_reason_name(why));
	assert_int_equal(xk_encode_keys(m.request_id, &out, &der, &len),
	    ERR_OK);
	if (len != t->want_len || memcmp(der, t->want, len) != 0)
		fail_msg("%s: another answer", t->what);
	xk_der_free(&der, len);
	xk_msg_free(&m);
	regen_wipe(&t->kms->regen);
	n_good++;
}

static void
every_exchange_gives_the_expected_answer(void **state)
{
	(void)state;
	n_good = 0;
	each_trial(gives_the_expected_answer);
	assert_true(n_good >= 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_exchange_gives_the_expected_answer),
	};

	return cmocka_run_group_tests(tests, load_all, free_all);
}
