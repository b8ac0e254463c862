/*
 * The self-test, and what a return code has the appliance do: on a SoftHSM
 * token behind p11fault, whose faults begin and end by files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/hsm_known.h"
#include "help.h"
#include "softhsm.h"

#define STATE "what init fixed"

static struct softhsm soft;
static struct hsm *h;
static struct ibe *ibe;
static uint8_t spki[3][1024], seal[HSM_SEAL_LEN];
static struct hsm_known_in in;

static const char *
path(const char *name)
{
	static char out[128];

	(void)snprintf(out, sizeof(out), "%s/%s", soft.dir, name);
	return out;
}

static void
begin(const char *fault)
{
	FILE *f = fopen(path(fault), "w");

	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static void
end(const char *fault)
{
	assert_int_equal(unlink(path(fault)), 0);
}

static void
write_script(void)
{
	static const struct {
		const char *function, *when, *name, *action;
	} rules[] = {
	    {"C_DeriveKey", "while", "derive", "wrong-result"},
	    {"C_Sign", "while", "sign", "wrong-result"},
	    {"C_Sign", "once", "sign-once", "wrong-result"},
	    {"C_SignInit", "while", "pin", "rv=CKR_PIN_EXPIRED"},
	    {"C_SignInit", "while", "dead", "rv=CKR_SESSION_HANDLE_INVALID"},
	    {"C_UnwrapKey", "while", "removed", "rv=CKR_DEVICE_REMOVED"},
	    {"C_UnwrapKey", "while", "data", "rv=CKR_WRAPPED_KEY_INVALID"},
	    {"C_UnwrapKey", "while", "general", "rv=CKR_GENERAL_ERROR"},
	    {"C_UnwrapKey", "while", "unknown", "rv=0x80000123"},
	    {"C_UnwrapKey", "while", "expired", "rv=CKR_PIN_EXPIRED"},
	};
	FILE *f = fopen(path("script"), "w");

	assert_non_null(f);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		(void)fprintf(f, "%s %s-file=%s %s\n", rules[i].function,
		    rules[i].when, path(rules[i].name), rules[i].action);
	assert_int_equal(fclose(f), 0);
}

static struct rd
public_key(enum hsm_key which, uint8_t der[1024])
{
	size_t n;

	assert_int_equal(hsm_public_key(h, which, der, 1024, &n), ERR_OK);
	return view(der, n);
}

static int
token_init(void **state)
{
	static uint8_t der[IBE_PARAMS_MAX];
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	size_t len;

	(void)state;
	softhsm_init(&soft);
	write_script();
	assert_int_equal(setenv("KW_P11_REAL", soft.module, 1), 0);
	assert_int_equal(setenv("KW_P11_SCRIPT", path("script"), 1), 0);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	if (hsm_open(P11FAULT, SOFTHSM_LABEL, soft.pin, &h, &why) != ERR_OK ||
	    hsm_create_keys(h, ibe_setup_ec_params(setup), point, &len, &why) !=
		ERR_OK ||
	    hsm_find_keys(h, &why) != ERR_OK ||
	    ibe_setup_finish(setup, view(point, len), der, &len) != ERR_OK ||
	    ibe_load("ss512", view(der, len), &ibe, &why) != ERR_OK ||
	    hsm_learn_point(h, ibe, &why) != ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	assert_int_equal(hsm_seal(h, HSM_KEY_SEAL_STATE, (const uint8_t *)STATE,
			     strlen(STATE), seal),
	    ERR_OK);
	in = (struct hsm_known_in){ibe, view(STATE, strlen(STATE)),
	    view(seal, sizeof(seal)), public_key(HSM_KEY_SEED_IMPORT, spki[0]),
	    public_key(HSM_KEY_SPOOL, spki[1]),
	    public_key(HSM_KEY_HI2, spki[2])};
	return 0;
}

static int
token_done(void **state)
{
	(void)state;
	ibe_free(&ibe);
	hsm_close(&h);
	softhsm_done(&soft);
	return 0;
}

static struct hsm_known *
known(const struct hsm_known_in *from)
{
	struct hsm_known *k = NULL;
	struct why why = {""};

	if (hsm_known_new(from, &k, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return k;
}

/* The self-test says that, in these words. */
static void
says(struct hsm_known *k, enum err want, const char *words)
{
	struct why why = {""};
	const enum err rc = hsm_known_try(k, h, &why);

	if (rc != want || strstr(why.text, words) == NULL)
		fail_msg("%s: %s", err_str(rc), why.text);
}

/* ---- the self-test ---- */

static void
a_sound_token_passes_again_and_again(void **state)
{
	struct hsm_known *k = known(&in);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		says(k, ERR_OK, "");
	hsm_known_free(&k);
	assert_null(k);
}

static void
wrong_results_are_found_at_the_first_try_and_later(void **state)
{
	static const struct {
		const char *fault, *words;
	} of[] = {{"derive", "self-test: "}, {"sign", "self-test: the seal"}};
	struct hsm_known *k;

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		k = known(&in);
		begin(of[i].fault);
		says(k, ERR_MISMATCH, of[i].words);
		end(of[i].fault);
		says(k, ERR_OK, "");
		begin(of[i].fault);
		says(k, ERR_MISMATCH, of[i].words);
		end(of[i].fault);
		hsm_known_free(&k);
	}
}

static void
a_doubt_is_answered_by_what_calls_use(void **state)
{
	struct hsm_known *k = known(&in);
	struct why why = {""};

	(void)state;
	assert_int_equal(hsm_known_doubt(k, h, &why), ERR_INTERNAL);
	says(k, ERR_OK, "");
	assert_int_equal(hsm_known_doubt(k, h, &why), ERR_OK);
	begin("derive");
	assert_int_equal(hsm_known_doubt(k, h, &why), ERR_MISMATCH);
	end("derive");
	begin("sign");
	assert_int_equal(hsm_known_doubt(k, h, &why), ERR_MISMATCH);
	end("sign");
	begin("removed");
	assert_int_equal(hsm_known_doubt(k, h, &why), ERR_HSM);
	end("removed");
	hsm_known_free(&k);
}

/* Each key but the master secret, in place of its neighbour. */
static void
another_key_than_the_one_that_is_known_is_found(void **state)
{
	struct hsm_known_in other = in;
	struct hsm_known *k;
	uint8_t wrong[HSM_SEAL_LEN];

	(void)state;
	other.import_key = in.spool_key;
	k = known(&other);
	says(k, ERR_HSM, "self-test: C_UnwrapKey: CKR_");
	hsm_known_free(&k);
	other = in;
	other.spool_key = in.import_key;
	k = known(&other);
	says(k, ERR_HSM, "self-test: C_UnwrapKey: CKR_");
	hsm_known_free(&k);
	memcpy(wrong, seal, sizeof(wrong));
	wrong[31] ^= 1;
	other = in;
	other.seal = view(wrong, sizeof(wrong));
	k = known(&other);
	says(k, ERR_MISMATCH, "the seal of kms-state");
	hsm_known_free(&k);
}

static void
what_is_no_public_key_is_malformed(void **state)
{
	struct hsm_known_in other = in;
	struct hsm_known *k = NULL;

	(void)state;
	other.hi2_key = view(STATE, strlen(STATE));
	assert_int_equal(hsm_known_new(&other, &k, NULL), ERR_MALFORMED);
	other = in;
	other.import_key = in.hi2_key;
	assert_int_equal(hsm_known_new(&other, &k, NULL), ERR_MALFORMED);
	assert_null(k);
}

static void
a_token_that_fails_is_not_called_wrong(void **state)
{
	struct hsm_known *k = known(&in);

	(void)state;
	begin("removed");
	says(k, ERR_HSM, "C_UnwrapKey: CKR_DEVICE_REMOVED");
	end("removed");
	begin("dead");
	says(k, ERR_HSM, "C_SignInit: CKR_SESSION_HANDLE_INVALID");
	end("dead");
	begin("pin");
	says(k, ERR_PIN, "C_SignInit: CKR_PIN_EXPIRED");
	assert_int_equal(hsm_failure(), ERR_PIN);
	end("pin");
	says(k, ERR_OK, "");
	hsm_known_free(&k);
}

static void
only_a_signature_of_those_octets_is_one(void **state)
{
	struct hsm_known *k = known(&in);
	uint8_t sig[HSM_SIGNATURE_MAX], data[3] = {1, 2, 3};
	size_t len;

	(void)state;
	assert_int_equal(hsm_sign(h, HSM_KEY_HI2, data, 3, sig, &len), ERR_OK);
	assert_int_equal(hsm_known_signed(k, data, 3, sig, len), ERR_OK);
	assert_int_equal(hsm_known_signed(k, data, 2, sig, len), ERR_MISMATCH);
	begin("sign");
	assert_int_equal(hsm_sign(h, HSM_KEY_HI2, data, 3, sig, &len), ERR_OK);
	end("sign");
	assert_int_equal(hsm_known_signed(k, data, 3, sig, len), ERR_MISMATCH);
	hsm_known_free(&k);
}

/* ---- one answer that is wrong ---- */

static void
a_seal_is_made_by_a_token_of_one_mind(void **state)
{
	uint8_t out[HSM_SEAL_LEN];

	(void)state;
	begin("sign-once");
	assert_int_equal(hsm_seal(h, HSM_KEY_SEAL_REGISTRY, seal, 5, out),
	    ERR_HSM);
	assert_int_equal(hsm_failure(), ERR_MISMATCH);
}

static void
a_seal_is_denied_by_a_token_of_one_mind(void **state)
{
	const struct rd good = view(seal, sizeof(seal));
	const uint8_t *octets = (const uint8_t *)STATE;

	(void)state;
	begin("sign-once");
	assert_int_equal(hsm_seal_check(h, HSM_KEY_SEAL_STATE, octets,
			     strlen(STATE), good),
	    ERR_HSM);
	assert_int_equal(hsm_failure(), ERR_MISMATCH);
	assert_int_equal(hsm_seal_check(h, HSM_KEY_SEAL_STATE, octets,
			     strlen(STATE) - 1, good),
	    ERR_MISMATCH);
}

/* ---- return codes ---- */

static void
octets_from_outside_are_blamed_only_when_it_is_theirs(void **state)
{
	static const struct {
		const char *fault;
		enum err alive, dead;
	} of[] = {{"data", ERR_MISMATCH, ERR_MISMATCH},
	    {"general", ERR_MISMATCH, ERR_HSM}, {"removed", ERR_HSM, ERR_HSM},
	    {"unknown", ERR_HSM, ERR_HSM}, {"expired", ERR_PIN, ERR_PIN}};
	uint8_t out[HSM_SEED_BLOB_MAX];
	struct hsm_seed seed;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		const struct rd octets = view(spki[0], 384);

		begin(of[i].fault);
		assert_int_equal(hsm_data_key_open(h, octets, out),
		    of[i].alive);
		assert_int_equal(hsm_seed_import(h, octets, out, &len),
		    of[i].alive);
		/* that one is the token's own */
		assert_int_equal(hsm_seed_open(h, octets, &seed), of[i].dead);
		begin("dead");
		assert_int_equal(hsm_data_key_open(h, octets, out), of[i].dead);
		end("dead");
		end(of[i].fault);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sound_token_passes_again_and_again),
	    cmocka_unit_test(
		wrong_results_are_found_at_the_first_try_and_later),
	    cmocka_unit_test(a_doubt_is_answered_by_what_calls_use),
	    cmocka_unit_test(another_key_than_the_one_that_is_known_is_found),
	    cmocka_unit_test(what_is_no_public_key_is_malformed),
	    cmocka_unit_test(a_token_that_fails_is_not_called_wrong),
	    cmocka_unit_test(only_a_signature_of_those_octets_is_one),
	    cmocka_unit_test(a_seal_is_made_by_a_token_of_one_mind),
	    cmocka_unit_test(a_seal_is_denied_by_a_token_of_one_mind),
	    cmocka_unit_test(
		octets_from_outside_are_blamed_only_when_it_is_theirs),
	};

	return cmocka_run_group_tests(tests, token_init, token_done);
}
