/* The token layer against a real SoftHSM token. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/ibe.h"
#include "help.h"
#include "softhsm.h"

struct rig {
	struct softhsm soft;
	struct hsm *h;
	struct ibe *ibe;
	EVP_PKEY *device;
	uint8_t spki[1024];
	size_t spki_len;
};

static void
open_token(struct rig *g)
{
	struct why why = {""};

	if (hsm_open(g->soft.module, SOFTHSM_LABEL, g->soft.pin, &g->h, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
}

/* One KMS for the group: parameters, keys, a device. */
static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	uint8_t point[IBE_POINT_MAX], der[IBE_PARAMS_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	unsigned char *p;
	size_t len;
	struct rd r;

	assert_non_null(g);
	softhsm_init(&g->soft);
	open_token(g);
	assert_int_equal(hsm_find_keys(g->h, &why), ERR_NOTFOUND);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	if (hsm_create_keys(g->h, ibe_setup_ec_params(setup), point, &len,
		&why) != ERR_OK)
		fail_msg("%s", why.text);
	rd_init(&r, point, len);
	assert_int_equal(ibe_setup_finish(setup, r, der, &len), ERR_OK);
	rd_init(&r, der, len);
	if (ibe_load("ss512", r, &g->ibe, &why) != ERR_OK)
		fail_msg("%s", why.text);
	ibe_setup_free(&setup);
	if (hsm_find_keys(g->h, &why) != ERR_OK ||
	    hsm_learn_point(g->h, g->ibe, &why) != ERR_OK)
		fail_msg("%s", why.text);
	g->device = EVP_RSA_gen(2048);
	p = g->spki;
	g->spki_len = (size_t)i2d_PUBKEY(g->device, &p);
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	EVP_PKEY_free(g->device);
	ibe_free(&g->ibe);
	hsm_close(&g->h);
	softhsm_done(&g->soft);
	free(g);
	return 0;
}

static void
an_envelope_opens_through_the_token(void **state)
{
	struct rig *g = *state;
	const struct ibe_token token = hsm_ibe_token(g->h);
	const struct rd ids[] = {view("sip:b20260101", 13),
	    view("sip:a20260101", 13)};
	uint8_t u[128], v[20], w[200], m[200], out[200];
	struct ibe_envelope e = {view(u, 64), view(u + 64, 64), view(v, 20),
	    view(w, 200)};
	size_t which = 9;

	memset(m, 7, sizeof(m));
	assert_int_equal(ibe_encrypt(g->ibe, ids[1], m, sizeof(m), u, v, w),
	    ERR_OK);
	assert_int_equal(ibe_open(g->ibe, &token, ids + 1, 1, &e, out, &which),
	    ERR_OK);
	assert_int_equal(which, 0);
	assert_memory_equal(out, m, sizeof(m));
	/* the second of two ids, after one multiplication */
	assert_int_equal(ibe_open(g->ibe, &token, ids, 2, &e, out, &which),
	    ERR_OK);
	assert_int_equal(which, 1);
	assert_int_equal(ibe_open(g->ibe, &token, ids, 1, &e, out, &which),
	    ERR_MISMATCH);
	v[3] ^= 1;
	assert_int_equal(ibe_open(g->ibe, &token, ids, 2, &e, out, &which),
	    ERR_MISMATCH);
}

static void
why_is_neither_empty_nor_of_an_earlier_call(void **state)
{
	struct rig *g = *state;
	const struct ibe_token token = hsm_ibe_token(g->h);
	const struct rd id = view("sip:a20260101", 13);
	uint8_t u[1 + 128] = {4}, v[20], w[4], x[64];
	const uint8_t m[4] = {1};

	/* (0, 0) is not on the curve. */
	assert_int_equal(token.mul(token.ctx, u, sizeof(u), x, 64), ERR_HSM);
	assert_non_null(strstr(hsm_why(), "C_DeriveKey: CKR_"));
	assert_int_equal(ibe_encrypt(g->ibe, id, m, sizeof(m), u + 1, v, w),
	    ERR_OK);
	assert_int_equal(token.mul(token.ctx, u, sizeof(u), x, 64), ERR_OK);
	assert_null(strstr(hsm_why(), "CKR_"));
	assert_true(strlen(hsm_why()) > 0);
}

/* Uses the token wrongly; whatever comes of that is this thread's. */
static void *
fail_elsewhere(void *arg)
{
	const struct ibe_token *token = arg;
	uint8_t u[1 + 128] = {4}, x[64];

	if (token->mul(token->ctx, u, sizeof(u), x, 64) != ERR_HSM ||
	    hsm_failure() != ERR_HSM ||
	    strstr(hsm_why(), "C_DeriveKey: CKR_") == NULL)
		return NULL;
	return arg;
}

/* Between one's call and the question what it failed with, another may fail. */
static void
a_thread_hears_of_its_own_failures_alone(void **state)
{
	struct rig *g = *state;
	struct ibe_token token = hsm_ibe_token(g->h);
	struct hsm_seed seed = {.handle = 0};
	uint8_t blob[HSM_SEED_BLOB_LEN] = {0};
	pthread_t t;
	void *told;

	hsm_forget_why();
	assert_int_equal(pthread_create(&t, NULL, fail_elsewhere, &token), 0);
	assert_int_equal(pthread_join(t, &told), 0);
	assert_non_null(told);
	assert_int_equal(hsm_failure(), ERR_MISMATCH);

	assert_int_equal(hsm_seed_open(g->h, view(blob, sizeof(blob)), &seed),
	    ERR_HSM);
	assert_non_null(strstr(hsm_why(), "C_UnwrapKey"));
	assert_int_equal(pthread_create(&t, NULL, fail_elsewhere, &token), 0);
	assert_int_equal(pthread_join(t, &told), 0);
	assert_non_null(told);
	assert_non_null(strstr(hsm_why(), "C_UnwrapKey"));
}

/* More ids than are kept: each opens, the first again after it was dropped. */
static void
ids_beyond_what_is_kept_still_open(void **state)
{
	struct rig *g = *state;
	const struct ibe_token token = hsm_ibe_token(g->h);
	uint8_t u[128], v[20], w[4], out[4];
	struct ibe_envelope e = {view(u, 64), view(u + 64, 64), view(v, 20),
	    view(w, 4)};
	char id[16];
	size_t which;

	for (int i = 0; i < 140; i++) {
		struct rd r;

		(void)snprintf(id, sizeof(id), "id-%d", i % 70);
		r = view(id, strlen(id));
		assert_int_equal(ibe_encrypt(g->ibe, r, (const uint8_t *)"abcd",
				     4, u, v, w),
		    ERR_OK);
		assert_int_equal(ibe_open(g->ibe, &token, &r, 1, &e, out,
				     &which),
		    ERR_OK);
		assert_memory_equal(out, "abcd", 4);
	}
	ibe_forget_ids(g->ibe);
}

/* (0, +-1) has order 3, (-1, 0) order 2; a random point is of neither group. */
static void
points_of_another_order_do_not_open_and_leave_the_token_alone(void **state)
{
	struct rig *g = *state;
	const struct ibe_token token = hsm_ibe_token(g->h);
	const struct rd id = view("x", 1);
	uint8_t u[128] = {0}, v[20] = {0}, w[4] = {0}, out[4];
	struct ibe_envelope e = {view(u, 64), view(u + 64, 64), view(v, 20),
	    view(w, 4)};
	size_t which;

	u[127] = 1;
	assert_int_equal(ibe_open(g->ibe, &token, &id, 1, &e, out, &which),
	    ERR_MISMATCH);
	/* (2, 3): on y^2 = x^3 + 1 over any field, of order 6 */
	u[63] = 2;
	u[127] = 3;
	assert_int_equal(ibe_open(g->ibe, &token, &id, 1, &e, out, &which),
	    ERR_MISMATCH);
	memset(u, 0xff, sizeof(u));
	assert_int_equal(ibe_open(g->ibe, &token, &id, 1, &e, out, &which),
	    ERR_MISMATCH);
	an_envelope_opens_through_the_token(state);
}

static void
a_private_key_is_issued_and_opens(void **state)
{
	struct rig *g = *state;
	const struct ibe_token token = hsm_ibe_token(g->h);
	uint8_t der[IBE_PARAMS_MAX];
	size_t len;

	assert_int_equal(ibe_private_key(g->ibe, &token, view("me", 2), der,
			     &len),
	    ERR_OK);
	assert_true(len > 130 && der[0] == 0x30);
}

static void
a_generated_seed_reaches_the_device_and_the_store_alike(void **state)
{
	struct rig *g = *state;
	uint8_t store[HSM_SEED_BLOB_MAX], dev[HSM_DEVICE_BLOB_MAX];
	uint8_t seed[256], mac[32], want[32];
	size_t store_len, dev_len, n = sizeof(seed);
	struct hsm_seed s = {0};
	EVP_PKEY_CTX *c;
	unsigned want_len = 32;

	assert_int_equal(hsm_seed_generate(g->h, view(g->spki, g->spki_len),
			     store, &store_len, dev, &dev_len),
	    ERR_OK);
	assert_int_equal(store_len, 40);
	c = EVP_PKEY_CTX_new(g->device, NULL);
	assert_int_equal(EVP_PKEY_decrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c,
			     RSA_PKCS1_OAEP_PADDING),
	    1);
	assert_int_equal(EVP_PKEY_decrypt(c, seed, &n, dev, dev_len), 1);
	assert_int_equal(n, HSM_SEED_LEN);
	EVP_PKEY_CTX_free(c);

	assert_int_equal(hsm_seed_open(g->h, view(store, store_len), &s),
	    ERR_OK);
	assert_int_equal(hsm_seed_mac(g->h, &s, (const uint8_t *)"hi", 2, mac),
	    ERR_OK);
	assert_int_equal(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, seed,
			     HSM_SEED_LEN, (const uint8_t *)"hi", 2, want, 32,
			     NULL) != NULL,
	    1);
	(void)want_len;
	assert_memory_equal(mac, want, 32);
	hsm_seed_close(g->h, &s);
	assert_int_equal(s.handle, 0);
}

/* Wrap octets under a key of the token, as who seals to it does. */
static size_t
wrap_under(struct rig *g, enum hsm_key which, const uint8_t *in, size_t len,
    uint8_t *out, size_t cap)
{
	uint8_t der[1024];
	const unsigned char *p = der;
	EVP_PKEY_CTX *c;
	EVP_PKEY *key;
	size_t n;

	assert_int_equal(hsm_public_key(g->h, which, der, sizeof(der), &n),
	    ERR_OK);
	key = d2i_PUBKEY(NULL, &p, (long)n);
	assert_non_null(key);
	c = EVP_PKEY_CTX_new(key, NULL);
	n = cap;
	assert_int_equal(EVP_PKEY_encrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c,
			     RSA_PKCS1_OAEP_PADDING),
	    1);
	assert_int_equal(EVP_PKEY_encrypt(c, out, &n, in, len), 1);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return n;
}

static size_t
wrap_for_import(struct rig *g, const uint8_t *in, size_t len, uint8_t *out,
    size_t cap)
{
	return wrap_under(g, HSM_KEY_SEED_IMPORT, in, len, out, cap);
}

static void
an_imported_seed_is_the_one_that_was_sent(void **state)
{
	struct rig *g = *state;
	uint8_t store[HSM_SEED_BLOB_MAX], wrapped[512], mac[32], want[32];
	const uint8_t seed[HSM_SEED_LEN] = {1, 2, 3, 4};
	struct hsm_seed s = {0};
	size_t n, store_len;

	n = wrap_for_import(g, seed, sizeof(seed), wrapped, sizeof(wrapped));
	assert_int_equal(hsm_seed_import(g->h, view(wrapped, n), store,
			     &store_len),
	    ERR_OK);
	assert_int_equal(hsm_seed_open(g->h, view(store, store_len), &s),
	    ERR_OK);
	assert_int_equal(hsm_seed_mac(g->h, &s, (const uint8_t *)"hi", 2, mac),
	    ERR_OK);
	assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, seed,
	    sizeof(seed), (const uint8_t *)"hi", 2, want, 32, NULL));
	assert_memory_equal(mac, want, 32);
	hsm_seed_close(g->h, &s);
}

static void
an_import_that_is_not_a_seed_is_refused(void **state)
{
	struct rig *g = *state;
	uint8_t store[HSM_SEED_BLOB_MAX], wrapped[512];
	size_t n, store_len = 77;

	memset(wrapped, 0x33, sizeof(wrapped));
	assert_int_equal(hsm_seed_import(g->h, view(wrapped, 384), store,
			     &store_len),
	    ERR_MISMATCH);
	assert_int_equal(hsm_seed_import(g->h, view(wrapped, 5), store,
			     &store_len),
	    ERR_MISMATCH);
	n = wrap_for_import(g, wrapped, 16, wrapped, sizeof(wrapped));
	assert_int_equal(hsm_seed_import(g->h, view(wrapped, n), store,
			     &store_len),
	    ERR_MISMATCH);
	assert_int_equal(store_len, 77);
	an_imported_seed_is_the_one_that_was_sent(state);
}

static void
a_seal_tells_every_changed_octet(void **state)
{
	struct rig *g = *state;
	uint8_t data[40] = {1}, seal[32];

	assert_int_equal(hsm_seal(g->h, HSM_KEY_SEAL_REGISTRY, data,
			     sizeof(data), seal),
	    ERR_OK);
	assert_int_equal(hsm_seal_check(g->h, HSM_KEY_SEAL_REGISTRY, data,
			     sizeof(data), view(seal, 32)),
	    ERR_OK);
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] ^= 1;
		assert_int_equal(hsm_seal_check(g->h, HSM_KEY_SEAL_REGISTRY,
				     data, sizeof(data), view(seal, 32)),
		    ERR_MISMATCH);
		data[i] ^= 1;
	}
	/* one key a purpose */
	assert_int_equal(hsm_seal_check(g->h, HSM_KEY_SEAL_STATE, data,
			     sizeof(data), view(seal, 32)),
	    ERR_MISMATCH);
	assert_int_equal(hsm_seal_check(g->h, HSM_KEY_SEAL_REGISTRY, data,
			     sizeof(data), view(seal, 31)),
	    ERR_MISMATCH);
	assert_int_equal(hsm_seal(g->h, HSM_KEY_MASTER, data, 1, seal),
	    ERR_INTERNAL);
}

static void
a_data_key_of_the_queue_comes_out_as_it_went_in(void **state)
{
	struct rig *g = *state;
	uint8_t wrapped[512], out[HSM_DATA_KEY_LEN] = {0};
	const uint8_t key[HSM_DATA_KEY_LEN] = {9, 8, 7};
	const size_t n = wrap_under(g, HSM_KEY_SPOOL, key, sizeof(key), wrapped,
	    sizeof(wrapped));

	for (int i = 0; i < 2; i++) {
		assert_int_equal(hsm_data_key_open(g->h, view(wrapped, n), out),
		    ERR_OK);
		assert_memory_equal(out, key, sizeof(key));
		explicit_bzero(out, sizeof(out));
	}
}

/* Nor does a seed that was wrapped under the key for seeds. */
static void
what_is_no_data_key_does_not_come_out(void **state)
{
	static const uint8_t octets[64] = {1};
	static const size_t lens[] = {1, 16, 24, 31, 33, 64};
	struct rig *g = *state;
	uint8_t wrapped[512], out[HSM_DATA_KEY_LEN] = {0};
	size_t n;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		n = wrap_under(g, HSM_KEY_SPOOL, octets, lens[i], wrapped,
		    sizeof(wrapped));
		assert_int_equal(hsm_data_key_open(g->h, view(wrapped, n), out),
		    ERR_MISMATCH);
	}
	n = wrap_for_import(g, octets, HSM_SEED_LEN, wrapped, sizeof(wrapped));
	assert_int_equal(hsm_data_key_open(g->h, view(wrapped, n), out),
	    ERR_MISMATCH);
	memset(wrapped, 0x33, sizeof(wrapped));
	for (n = 0; n <= sizeof(wrapped); n += 64)
		assert_int_equal(hsm_data_key_open(g->h, view(wrapped, n), out),
		    ERR_MISMATCH);
	a_data_key_of_the_queue_comes_out_as_it_went_in(state);
}

static EVP_PKEY *
hi2_key(struct rig *g)
{
	uint8_t der[1024];
	const unsigned char *p = der;
	EVP_PKEY *key;
	size_t n;

	assert_int_equal(hsm_public_key(g->h, HSM_KEY_HI2, der, sizeof(der),
			     &n),
	    ERR_OK);
	key = d2i_PUBKEY(NULL, &p, (long)n);
	assert_non_null(key);
	assert_ptr_equal(p, der + n);
	return key;
}

static void
anybody_can_verify_a_signature_for_lemfs(void **state)
{
	struct rig *g = *state;
	uint8_t data[100], sig[HSM_SIGNATURE_MAX];
	EVP_PKEY *key = hi2_key(g);
	EVP_MD_CTX *c;
	size_t n;

	/* r and s of all lengths: DER has them short now and then */
	for (unsigned i = 0; i < 40; i++) {
		memset(data, (int)i, sizeof(data));
		assert_int_equal(hsm_sign(g->h, HSM_KEY_HI2, data, sizeof(data),
				     sig, &n),
		    ERR_OK);
		data[99] ^= i % 2;
		c = EVP_MD_CTX_new();
		assert_int_equal(EVP_DigestVerifyInit(c, NULL, EVP_sha256(),
				     NULL, key),
		    1);
		assert_int_equal(EVP_DigestVerify(c, sig, n, data,
				     sizeof(data)),
		    i % 2 == 0);
		EVP_MD_CTX_free(c);
	}
	EVP_PKEY_free(key);
}

static void
a_device_key_that_is_not_rsa_is_unsupported(void **state)
{
	struct rig *g = *state;
	uint8_t store[HSM_SEED_BLOB_MAX], dev[HSM_DEVICE_BLOB_MAX], spki[256];
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	unsigned char *p = spki;
	size_t a, b, n;

	n = (size_t)i2d_PUBKEY(ec, &p);
	assert_int_equal(hsm_seed_generate(g->h, view(spki, n), store, &a, dev,
			     &b),
	    ERR_UNSUPPORTED);
	assert_int_equal(hsm_seed_generate(g->h, view("junk", 4), store, &a,
			     dev, &b),
	    ERR_UNSUPPORTED);
	EVP_PKEY_free(ec);
}

static void
keys_are_made_once(void **state)
{
	struct rig *g = *state;
	uint8_t point[IBE_POINT_MAX];
	struct why why;
	size_t len;

	assert_int_equal(hsm_create_keys(g->h, view("", 0), point, &len, &why),
	    ERR_EXISTS);
	assert_non_null(strstr(why.text, "keywarden-master-1"));
	assert_int_equal(hsm_init_token(g->soft.module, SOFTHSM_LABEL,
			     g->soft.so_pin, g->soft.pin, &why),
	    ERR_HSM); /* C_Initialize again in one process */
}

static void
a_token_knows_its_own_kind(void **state)
{
	struct rig *g = *state;

	assert_true(hsm_info(g->h)->test_token);
	assert_string_equal(hsm_info(g->h)->label, SOFTHSM_LABEL);
}

static void
a_closed_token_opens_again_and_has_its_keys(void **state)
{
	struct rig *g = *state;
	struct why why = {""};

	hsm_close(&g->h);
	open_token(g);
	assert_int_equal(hsm_find_keys(g->h, &why), ERR_OK);
	assert_int_equal(hsm_learn_point(g->h, g->ibe, &why), ERR_OK);
	an_envelope_opens_through_the_token(state);
}

static void
a_wrong_pin_missing_token_or_module_says_so(void **state)
{
	struct rig *g = *state;
	struct hsm *h = NULL;
	struct why why = {""};

	hsm_close(&g->h);
	secret_data(g->soft.pin)[0] ^= 1;
	assert_int_equal(hsm_open(g->soft.module, SOFTHSM_LABEL, g->soft.pin,
			     &h, &why),
	    ERR_PIN);
	assert_string_equal(why.text, "C_Login: CKR_PIN_INCORRECT");
	secret_data(g->soft.pin)[0] ^= 1;
	assert_int_equal(hsm_open(g->soft.module, "other", g->soft.pin, &h,
			     &why),
	    ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "\"other\""));
	assert_int_equal(hsm_open("/nonexistent.so", "x", g->soft.pin, &h,
			     &why),
	    ERR_HSM);
	assert_non_null(strstr(why.text, "/nonexistent.so"));
	assert_null(h);
	open_token(g);
	assert_int_equal(hsm_find_keys(g->h, &why), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_envelope_opens_through_the_token),
	    cmocka_unit_test(ids_beyond_what_is_kept_still_open),
	    cmocka_unit_test(
		points_of_another_order_do_not_open_and_leave_the_token_alone),
	    cmocka_unit_test(a_private_key_is_issued_and_opens),
	    cmocka_unit_test(
		a_generated_seed_reaches_the_device_and_the_store_alike),
	    cmocka_unit_test(an_imported_seed_is_the_one_that_was_sent),
	    cmocka_unit_test(an_import_that_is_not_a_seed_is_refused),
	    cmocka_unit_test(a_seal_tells_every_changed_octet),
	    cmocka_unit_test(a_data_key_of_the_queue_comes_out_as_it_went_in),
	    cmocka_unit_test(what_is_no_data_key_does_not_come_out),
	    cmocka_unit_test(anybody_can_verify_a_signature_for_lemfs),
	    cmocka_unit_test(a_device_key_that_is_not_rsa_is_unsupported),
	    cmocka_unit_test(why_is_neither_empty_nor_of_an_earlier_call),
	    cmocka_unit_test(a_thread_hears_of_its_own_failures_alone),
	    cmocka_unit_test(keys_are_made_once),
	    cmocka_unit_test(a_token_knows_its_own_kind),
	    cmocka_unit_test(a_closed_token_opens_again_and_has_its_keys),
	    cmocka_unit_test(a_wrong_pin_missing_token_or_module_says_so),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
