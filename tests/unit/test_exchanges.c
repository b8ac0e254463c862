/*
 * The twelve exchanges of tests/vectors/exchanges.json, made by an independent
 * implementation: every getKeys PDU in, the very getKeysResponse out.
 */
#include <string.h>

#include "exchange_rig.h"

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
	why = trial_run(t, &m.u.get_keys, &out);
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

	return cmocka_run_group_tests(tests, rig_load, rig_free);
}
