/* What is made of a token's capabilities, and trying those of a real one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/caps_try.h"
#include "hsm/hsm_token.h"
#include "hsm/ibe.h"
#include "help.h"
#include "softhsm.h"

static struct caps
all_work(void)
{
	struct caps c = {.point = CAPS_POINT_DER};

	for (enum cap i = 0; i < CAP__MAX; i++)
		c.of[i].state = CAP_WORKS;
	return c;
}

static void
a_token_with_all_of_it_serves(void **state)
{
	struct caps c = all_work();
	struct why why = {""};

	(void)state;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_OK);
	for (enum cap i = 0; i < CAP__MAX; i++)
		c.of[i].state = CAP_AROUND;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_OK);
}

static void
each_that_is_needed_and_missing_is_named(void **state)
{
	(void)state;
	for (enum cap i = 0; i < CAP__MAX; i++) {
		struct caps c = all_work();
		struct why why = {""};
		const char *lack = cap_row(i)->lack;

		c.of[i].state = CAP_MISSING;
		assert_int_equal(caps_judge(&c, CAP__MAX, &why),
		    lack == NULL ? ERR_OK : ERR_UNSUPPORTED);
		if (lack != NULL)
			assert_non_null(strstr(why.text, lack));
	}
}

static void
those_behind_are_not_looked_at_by_init(void **state)
{
	struct caps c = all_work();
	struct why why = {""};

	(void)state;
	for (enum cap i = CAP__INIT_MAX; i < CAP__MAX; i++)
		c.of[i].state = CAP_MISSING;
	assert_int_equal(caps_judge(&c, CAP__INIT_MAX, &why), ERR_OK);
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_UNSUPPORTED);
}

/* A sentence that is too long for all of them says how many it leaves out. */
static void
however_many_are_missing_the_sentence_ends(void **state)
{
	struct caps c = all_work();
	struct why why = {""};

	(void)state;
	for (enum cap i = 0; i < CAP__MAX; i++)
		c.of[i].state = CAP_MISSING;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_UNSUPPORTED);
	assert_non_null(strstr(why.text, cap_row(CAP_LOGIN)->lack));
	assert_non_null(strstr(why.text, " more"));
}

static void
a_token_that_went_away_is_neither_good_nor_bad(void **state)
{
	struct caps c = all_work();
	struct why why = {""};

	(void)state;
	c.of[CAP_ECDSA].state = CAP_LOST;
	c.of[CAP_PURPOSE].state = CAP_UNTRIED;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_HSM);
	assert_non_null(strstr(why.text, cap_row(CAP_ECDSA)->name));
	c = all_work();
	c.of[CAP_KEPT].state = CAP_UNTRIED;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_HSM);
	assert_non_null(strstr(why.text, cap_row(CAP_KEPT)->name));
	/* There may be no keys of the appliance, and no filter. */
	c = all_work();
	for (enum cap i = CAP__INIT_MAX; i < CAP__MAX; i++)
		c.of[i].state = CAP_UNTRIED;
	assert_int_equal(caps_judge(&c, CAP__MAX, &why), ERR_OK);
}

static void
each_has_its_words_and_needs_what_comes_before(void **state)
{
	(void)state;
	for (enum cap i = 0; i < CAP__MAX; i++) {
		const struct cap_row *r = cap_row(i);

		assert_true(strlen(r->key) > 0 && strlen(r->name) > 0 &&
		    strlen(r->use) > 0);
		assert_true(r->needs < i || (i == 0 && r->needs == i));
		for (enum cap j = 0; j < i; j++)
			assert_string_not_equal(r->key, cap_row(j)->key);
	}
	for (enum cap_state s = 0; s < CAP_STATE__MAX; s++)
		assert_non_null(cap_state_name(s));
}

/* SoftHSM has all that is needed, but SHA-256 in OAEP; nothing is left in it.
 */
static void
a_real_token_is_tried_and_left_as_it_was(void **state)
{
	struct caps caps = {.point = CAPS_POINT_UNKNOWN};
	struct ibe_setup *setup = NULL;
	struct caps_try *t = NULL;
	struct softhsm soft;
	struct why why = {""};
	struct cap_result own;
	struct hsm *h;

	(void)state;
	softhsm_init(&soft);
	if (hsm_open(soft.module, NULL, soft.pin, &h, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	assert_int_equal(caps_try_new(h, setup, false, &t), ERR_OK);
	caps_try_all(t, &caps);
	if (caps_judge(&caps, CAP__INIT_MAX, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(caps.point, CAPS_POINT_DER);
	assert_int_equal(caps.of[CAP_OAEP_SHA256].state, CAP_MISSING);
	assert_int_equal(caps.of[CAP_ECDH].state, CAP_AROUND);
	caps_try_own(t, &own);
	assert_int_equal(own.state, CAP_UNTRIED);
	caps_try_free(&t);
	assert_null(t);
	assert_int_equal(hsm_no_keys(h), ERR_OK);
	assert_int_equal(caps_try_clean(h), ERR_OK);
	ibe_setup_free(&setup);
	hsm_close(&h);
	softhsm_done(&soft);
}

/* As init does, but that RSA takes no time. */
static void
make_keys(struct hsm *h, const struct ibe_setup *setup)
{
	static const char *const names[HSM_KEY__MAX] = {"master", "seed-store",
	    "seed-import", "seal-registry", "seal-state", "spool", "hi2",
	    "tls-xk", "tls-x2", "tls-xkc", "tls-hi2"};
	char label[32];
	struct hsm_made m = {.keep = CK_TRUE,
	    .label = label,
	    .rsa_bits = 1024,
	    .ec_params = ibe_setup_ec_params(setup)};

	for (enum hsm_key i = 0; i < HSM_KEY__MAX; i++) {
		(void)snprintf(label, sizeof(label), "keywarden-%s-1",
		    names[i]);
		assert_int_equal(hsm_make(h, i, &m), ERR_OK);
	}
}

/* Another pair's public half in the place of this one's. */
static void
swap_public(struct hsm *h, const char *label, const char *other)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_OBJECT_HANDLE o[2], copy;
	char name[2][32];

	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, class),
		    {CKA_LABEL, name[i], 0}};
		CK_ULONG n;

		(void)snprintf(name[i], sizeof(name[i]), "%s",
		    i == 0 ? label : other);
		t[1].ulValueLen = strlen(name[i]);
		assert_int_equal(h->f->C_FindObjectsInit(h->session, t, 2), 0);
		assert_int_equal(h->f->C_FindObjects(h->session, &o[i], 1, &n),
		    0);
		assert_int_equal(n, 1);
		assert_int_equal(h->f->C_FindObjectsFinal(h->session), 0);
	}
	CK_ATTRIBUTE a = {CKA_LABEL, name[0], strlen(name[0])};

	assert_int_equal(h->f->C_DestroyObject(h->session, o[0]), 0);
	assert_int_equal(h->f->C_CopyObject(h->session, o[1], &a, 1, &copy), 0);
}

static void
keys_of_the_appliance_are_tried_those_of_tls_too(void **state)
{
	struct ibe_setup *setup = NULL;
	struct caps_try *t = NULL;
	struct softhsm soft;
	struct why why = {""};
	struct cap_result own;
	struct hsm *h;

	(void)state;
	softhsm_init(&soft);
	if (hsm_open(soft.module, NULL, soft.pin, &h, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	make_keys(h, setup);
	assert_int_equal(caps_try_new(h, setup, false, &t), ERR_OK);
	caps_try_own(t, &own);
	assert_int_equal(own.state, CAP_WORKS);
	swap_public(h, "keywarden-tls-x2-1", "keywarden-tls-xkc-1");
	caps_try_own(t, &own);
	assert_int_equal(own.state, CAP_MISSING);
	assert_non_null(strstr(own.text, "key of TLS is wrong"));
	caps_try_free(&t);
	ibe_setup_free(&setup);
	hsm_close(&h);
	softhsm_done(&soft);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_token_with_all_of_it_serves),
	    cmocka_unit_test(each_that_is_needed_and_missing_is_named),
	    cmocka_unit_test(those_behind_are_not_looked_at_by_init),
	    cmocka_unit_test(however_many_are_missing_the_sentence_ends),
	    cmocka_unit_test(a_token_that_went_away_is_neither_good_nor_bad),
	    cmocka_unit_test(each_has_its_words_and_needs_what_comes_before),
	    cmocka_unit_test(keys_of_the_appliance_are_tried_those_of_tls_too),
	    cmocka_unit_test(a_real_token_is_tried_and_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
