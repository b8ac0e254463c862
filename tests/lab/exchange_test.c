/*
 * What lab_exchange makes up: whole exchanges are accepted and yield the keys
 * that they came with, and every fault is what its name says.
 */
#include <string.h>

#include <jansson.h>

#include "exchange_test.h"

static uint8_t params[3][LAB_IBE_PARAMS_MAX];
static size_t params_len[3];
static struct judge_kms kms[3];
static struct exchange_maker *maker[3][3];

static const uint8_t seeds[3][LAB_SEED_LEN] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};

static int
load(void **state)
{
	json_t *file = json_load_file(KW_VECTORS "/exchanges.json", 0, NULL);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		json_t *o = json_array_get(json_object_get(file, "ibe"), i);
		const char *der, *master, *period;
		struct rd r;

		assert_int_equal(json_unpack(o, "{s:s, s:s, s:s}",
				     "publicParametersDER", &der,
				     "masterSecretModQ", &master, "period",
				     &period),
		    0);
		params_len[i] = strlen(der) / 2;
		assert_true(params_len[i] <= sizeof(params[i]));
		assert_int_equal(hex_get(der, params[i], params_len[i]),
		    ERR_OK);
		rd_init(&r, params[i], params_len[i]);
		assert_int_equal(lab_ibe_parse(r, &kms[i].ibe), ERR_OK);
		assert_true(BN_hex2bn(&kms[i].master, master + 2) > 0);
		assert_int_equal(lab_period_get(period, &kms[i].period),
		    ERR_OK);
	}
	json_decref(file);
	return 0;
}

static int
release(void **state)
{
	(void)state;
	judge_forget();
	for (size_t i = 0; i < 3; i++) {
		lab_ibe_free(&kms[i].ibe);
		BN_clear_free(kms[i].master);
		for (size_t k = 0; k < 3; k++)
			exchange_maker_free(&maker[i][k]);
	}
	return 0;
}

void
test_use_kms(struct exchange_kms *k, size_t n)
{
	rd_init(&k->params, params[n], params_len[n]);
	k->period = kms[n].period;
}

static size_t
kms_number(const struct exchange_kms *k)
{
	for (size_t i = 0; i < 3; i++)
		if (k->params.p == params[i])
			return i;
	fail_msg("no such KMS");
	return 0;
}

const struct judge_kms *
test_kms(const struct exchange_kms *k)
{
	return &kms[kms_number(k)];
}

struct exchange_spec
test_spec(void)
{
	struct exchange_spec s;

	exchange_spec_init(&s);
	test_use_kms(&s.kms_i, 0);
	test_use_kms(&s.kms_r, 0);
	s.initiator =
	    (struct exchange_party){.identity = ALICE, .seed = seeds[0]};
	s.responder =
	    (struct exchange_party){.identity = BOB, .seed = seeds[1]};
	s.has_time = true;
	s.time = NOON;
	s.seeded = true;
	s.random_seed = 1;
	return s;
}

void
test_answer_as(struct exchange_spec *s, const char *identity, bool own)
{
	s->answering = s->responder;
	s->answering.identity = identity;
	if (own)
		s->answering.seed = seeds[2];
}

/* Reading parameters takes longer than all the rest: makers are kept. */
const struct exchange *
test_make(const struct exchange_spec *s)
{
	static struct exchange x;
	const size_t i = kms_number(&s->kms_i), r = kms_number(&s->kms_r);
	struct why why = {{0}};

	if (maker[i][r] == NULL &&
	    exchange_maker_new(s, &maker[i][r], &why) != ERR_OK)
		fail_msg("%s", why.text);
	maker[i][r]->spec = *s;
	maker[i][r]->made = 0;
	assert_int_equal(exchange_rng_init(&maker[i][r]->rng, s->seeded,
			     s->random_seed),
	    ERR_OK);
	if (exchange_make(maker[i][r], &x, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return &x;
}

const struct judge_out *
test_judge(const struct exchange_spec *s, const struct exchange *x,
    enum test_target target, bool update)
{
	static struct judge_out out;
	const struct exchange_party *p =
	    target == TEST_INITIATOR ? &s->initiator : &s->responder;
	struct judge_in in = {.x = x, .update = update, .n_target = 1};

	if (target == TEST_RESPONDER && s->answering.identity != NULL) {
		p = &s->answering;
		/* A device of Bob's, by his seed, or a mailbox. */
		if (p->seed == s->responder.seed)
			rd_init(&in.target[in.n_target++],
			    s->responder.identity,
			    strlen(s->responder.identity));
	}
	rd_init(&in.target[0], p->identity, strlen(p->identity));
	in.kms = test_kms(target == TEST_INITIATOR ? &s->kms_i : &s->kms_r);
	in.seed = p->seed;
	in.label = p->label;
	in.now = update && s->has_update_time ? s->update_time : s->time;
	judge(&in, &out);
	return &out;
}

bool
test_same_messages(const struct exchange *a, const struct exchange *b)
{
	for (size_t m = 0; m < EXCHANGE__MAX; m++)
		if (a->message[m].len != b->message[m].len ||
		    memcmp(a->message[m].p, b->message[m].p,
			a->message[m].len) != 0)
			return false;
	return true;
}

static void
assert_same(struct rd a, struct rd b)
{
	assert_int_equal(a.p == NULL, b.p == NULL);
	assert_int_equal(a.left, b.left);
	if (a.left > 0)
		assert_memory_equal(a.p, b.p, a.left);
}

void
test_assert_keys(const struct exchange_keys *a, const struct exchange_keys *b)
{
	assert_true(a->n > 0);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->has_sk, b->has_sk);
	assert_memory_equal(a->sk, b->sk, sizeof(a->sk));
	for (size_t i = 0; i < a->n; i++) {
		const struct exchange_key *k = &a->key[i], *l = &b->key[i];

		assert_memory_equal(k->id, l->id, sizeof(k->id));
		assert_memory_equal(k->key, l->key, sizeof(k->key));
		assert_memory_equal(k->salt, l->salt, sizeof(k->salt));
		assert_int_equal(k->ssrc, l->ssrc);
		assert_int_equal(k->roc, l->roc);
		assert_same(k->policy, l->policy);
		assert_same(k->mki, l->mki);
	}
}

/* ---- what options there are, without a fault ---- */

static const uint8_t sp1[] = {5, 0, 0, 6, 1, 1, 16, 4, 1, 14};
static const uint8_t sp2[] = {7, 0, 0, 0};
static const uint8_t sp3[] = {7, 0, 0, 3, 11, 1, 10};
static const uint8_t octets[64] = {0xab, 0xcd, 0xef, 1, 2, 3};

static struct rd
rd_of(const uint8_t *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static void
vary_cryptography(struct exchange_spec *s, unsigned n)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};

	s->ec = lab_ec_by_name(curves[n % 3]);
	s->prf = n % 2 == 0 ? 1 : 0;
	s->rand_len = n % 4 == 0 ? 16 : 16 + 59 * (n % 5);
	s->n_cs = n % 3 == 0 ? 1 : n % 3 == 1 ? 2 : 255;
	s->roc = n;
	test_use_kms(&s->kms_i, n / 2 % 3);
	test_use_kms(&s->kms_r, n % 3);
}

static void
vary_form(struct exchange_spec *s, unsigned n)
{
	s->ts_type = (enum mikey_t)(n % 4);
	s->inner_id = n % 5 == 1;
	s->general_ext = n % 3 == 1;
	s->kv_interval = n % 7 == 3;
	if (n % 5 == 2) {
		s->sp_i[0] = rd_of(sp1, sizeof(sp1));
		s->sp_i[1] = rd_of(sp2, sizeof(sp2));
		s->n_sp_i = 2;
	}
	if (n % 4 == 2) {
		s->sp_r[0] = rd_of(sp3, sizeof(sp3));
		s->n_sp_r = 1;
	}
	if (n % 4 == 1)
		s->mki_i = rd_of(octets, 1);
	if (n % 3 == 2)
		s->mki_r = rd_of(octets, 4);
	if (n % 2 == 1)
		s->initiator.label = rd_of(octets, sizeof(octets));
	if (n % 3 == 1)
		s->responder.label = rd_of(octets, 7);
}

/* Who is on the line, and what comes after. */
static void
vary_course(struct exchange_spec *s, unsigned n)
{
	switch (n % 4) {
	case 1:
		test_answer_as(s, DESK, false);
		break;
	case 2:
		test_answer_as(s, MAILBOX, true);
		s->deferred = true;
		s->ec = lab_ec_by_name("P-256");
		s->esk_in_i1 = n % 8 == 2;
		break;
	case 3: /* a mailbox that has the responder's private key */
		test_answer_as(s, MAILBOX, true);
		s->esk_in_i1 = true;
		return;
	default:
		break;
	}
	s->update = (enum exchange_update)(n % 3);
	if (s->update == EXCHANGE_NO_UPDATE)
		return;
	s->update_no_ibake = n % 5 == 1 && !s->deferred;
	s->update_no_ids = n % 3 == 1 && n % 4 == 0;
	s->update_cs = n % 7 == 0 ? 3 : 0;
	if (n % 2 == 0) {
		s->has_update_time = true;
		s->update_time = s->time + 90000; /* the day after */
	}
}

/* What the initiator is given, if anything. */
static void
assert_outcome(const struct exchange_spec *s, const struct exchange *x,
    enum test_target t, bool update, const struct exchange_keys *want)
{
	const struct judge_out *j = test_judge(s, x, t, update);
	struct exchange_keys k = *want;

	if (j->outcome != EXCHANGE_KEYS)
		fail_msg("%s: %s", exchange_outcome_name(j->outcome),
		    j->because);
	/* SK is the caller's alone; a point not opened has no MKI to show. */
	if (t != TEST_INITIATOR) {
		k.has_sk = false;
		memset(k.sk, 0, sizeof(k.sk));
	}
	if (update && !s->update_no_ibake &&
	    (t == TEST_INITIATOR) != (s->update == EXCHANGE_BY_INITIATOR))
		for (size_t i = 0; i < k.n; i++)
			k.key[i].mki = s->mki_i;
	test_assert_keys(&j->keys, &k);
}

static void
every_option_yields_its_keys(void **state)
{
	static struct exchange x;

	(void)state;
	for (unsigned n = 0; n < 48; n++) {
		struct exchange_spec s = test_spec();

		vary_cryptography(&s, n);
		vary_form(&s, n / 2 + n % 11);
		vary_course(&s, n + n / 12);
		x = *test_make(&s);
		for (size_t m = 0; m < EXCHANGE__MAX; m++) {
			struct mikey parsed;
			const bool there =
			    m < EXCHANGE_U_I1 || s.update != EXCHANGE_NO_UPDATE;

			assert_int_equal(x.message[m].len > 0, there);
			if (there)
				assert_int_equal(mikey_parse(x.message[m].p,
						     x.message[m].len, &parsed),
				    ERR_OK);
		}
		assert_outcome(&s, &x, TEST_INITIATOR, false, &x.keys);
		if (s.answering.seed == seeds[2] && !s.deferred)
			/* I_MESSAGE_1 was not sent to it. */
			assert_int_equal(test_judge(&s, &x, TEST_RESPONDER,
					     false)
					     ->outcome,
			    EXCHANGE_NOT_REPRODUCIBLE);
		else
			assert_outcome(&s, &x, TEST_RESPONDER, false, &x.keys);
		if (s.answering.seed == seeds[2] && (s.deferred || s.esk_in_i1))
			assert_outcome(&s, &x, TEST_RECIPIENT, false,
			    &x.recipient);
		if (s.update == EXCHANGE_NO_UPDATE)
			continue;
		assert_outcome(&s, &x, TEST_INITIATOR, true, &x.update);
		assert_outcome(&s, &x, TEST_RESPONDER, true, &x.update);
	}
}

/* ---- random numbers ---- */

static void
a_random_seed_repeats_everything(void **state)
{
	static struct exchange one, two;
	struct exchange_spec s = test_spec();

	(void)state;
	s.update = EXCHANGE_BY_RESPONDER;
	one = *test_make(&s);
	assert_true(test_same_messages(test_make(&s), &one));
	s.random_seed++;
	assert_false(test_same_messages(test_make(&s), &one));
	s.seeded = false;
	two = *test_make(&s);
	assert_false(test_same_messages(test_make(&s), &two));
}

static void
exchanges_of_a_maker_differ(void **state)
{
	static struct exchange one, two;
	struct exchange_spec s = test_spec();
	struct exchange_maker *m = NULL;
	struct mikey a, b;
	struct why why;

	(void)state;
	for (enum mikey_t t = MIKEY_T_NTP_UTC; t <= MIKEY_T_NTP_UTC_32; t++) {
		s.ts_type = t;
		assert_int_equal(exchange_maker_new(&s, &m, &why), ERR_OK);
		assert_int_equal(exchange_make(m, &one, &why), ERR_OK);
		assert_int_equal(exchange_make(m, &two, &why), ERR_OK);
		exchange_maker_free(&m);
		assert_int_equal(mikey_parse(one.message[0].p,
				     one.message[0].len, &a),
		    ERR_OK);
		assert_int_equal(mikey_parse(two.message[0].p,
				     two.message[0].len, &b),
		    ERR_OK);
		assert_true(a.csb_id != b.csb_id && a.t != b.t);
		assert_false(rd_equal(&a.rand, &b.rand));
		assert_outcome(&s, &two, TEST_INITIATOR, false, &two.keys);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_phones_accept),
	    cmocka_unit_test(every_option_yields_its_keys),
	    cmocka_unit_test(every_fault_is_what_it_says),
	    cmocka_unit_test(every_fault_makes_a_difference),
	    cmocka_unit_test(unknown_faults_are_refused),
	    cmocka_unit_test(a_random_seed_repeats_everything),
	    cmocka_unit_test(exchanges_of_a_maker_differ),
	};

	return cmocka_run_group_tests_name("lab-exchange", tests, load,
	    release);
}
