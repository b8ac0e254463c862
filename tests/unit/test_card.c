/* Persons' tokens: SoftHSM, with keys put into it as card tools do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "hsm/card.h"
#include "hsm/hsm_token.h"
#include "help.h"
#include "pki.h"
#include "softhsm.h"

/* What of a key is in the token beside the private one. */
enum beside { NOTHING, PUBLIC, CERT, ALWAYS_PIN };
enum {
	RSA_ALONE,
	EC_PUBLIC,
	EC_CERT,
	EC_384,
	EC_521,
	EC_ALONE,
	EC_ALWAYS,
	N_KEYS
};
static const struct {
	const char *label, *kind;
	enum beside beside;
} keys[N_KEYS] = {
    {"rsa", NULL, NOTHING},
    {"ec", "P-256", PUBLIC},
    {"ec by certificate", "P-256", CERT},
    {"twice", "P-384", PUBLIC},
    {"twice", "P-521", PUBLIC},
    {"alone", "P-256", NOTHING},
    {"always", "P-256", ALWAYS_PIN},
};

struct rig {
	struct softhsm soft;
	EVP_PKEY *key[N_KEYS];
	uint8_t *cert[N_KEYS];
	size_t len[N_KEYS];
};

/* ---- what card tools do ---- */

static CK_BBOOL yes = CK_TRUE;

static void
put(struct hsm *h, CK_ATTRIBUTE *t, CK_ULONG n)
{
	CK_OBJECT_HANDLE o;

	if (P11(h, C_CreateObject, h->session, t, n, &o) != ERR_OK)
		fail_msg("%s", hsm_why());
}

static CK_ATTRIBUTE
number_attr(EVP_PKEY *key, CK_ATTRIBUTE_TYPE type, const char *name,
    uint8_t buf[512])
{
	BIGNUM *n = NULL;
	CK_ATTRIBUTE a = {type, buf, 0};

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	a.ulValueLen = (CK_ULONG)BN_bn2bin(n, buf);
	BN_clear_free(n);
	return a;
}

static CK_ATTRIBUTE
curve_attr(EVP_PKEY *key, uint8_t buf[32])
{
	char name[64];
	unsigned char *p = buf;
	CK_ATTRIBUTE a = {CKA_EC_PARAMS, buf, 0};

	assert_int_equal(EVP_PKEY_get_group_name(key, name, sizeof(name), NULL),
	    1);
	a.ulValueLen = (CK_ULONG)i2d_ASN1_OBJECT(OBJ_txt2obj(name, 0), &p);
	return a;
}

static void
put_private(struct hsm *h, EVP_PKEY *key, const char *label, uint8_t id,
    bool always)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} rsa[] = {{CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N},
	    {CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E},
	    {CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
	    {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
	    {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
	    {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
	    {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
	    {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = EVP_PKEY_is_a(key, "RSA") ? CKK_RSA : CKK_EC;
	CK_BBOOL each_time = always;
	CK_ATTRIBUTE t[24] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type),
	    ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_ID, id),
	    ATTR(CKA_ALWAYS_AUTHENTICATE, each_time),
	    {CKA_LABEL, NULL, strlen(label)}};
	uint8_t buf[8][512];
	CK_ULONG n = 9;

	memcpy(&t[8].pValue, &label, sizeof(label));
	if (type == CKK_EC) {
		t[n++] = curve_attr(key, buf[0]);
		t[n++] = number_attr(key, CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY,
		    buf[1]);
	} else
		for (unsigned i = 0; i < 8; i++)
			t[n++] =
			    number_attr(key, rsa[i].type, rsa[i].name, buf[i]);
	put(h, t, n);
}

static void
put_public(struct hsm *h, EVP_PKEY *key, uint8_t id)
{
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = CKK_EC;
	uint8_t curve[32], der[200], *p = der, *point;
	const size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);
	ASN1_OCTET_STRING *o = ASN1_OCTET_STRING_new();
	CK_ATTRIBUTE t[6] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type),
	    ATTR(CKA_TOKEN, yes), ATTR(CKA_ID, id)};

	assert_int_equal(ASN1_OCTET_STRING_set(o, point, (int)len), 1);
	t[4] = curve_attr(key, curve);
	t[5] = (CK_ATTRIBUTE){CKA_EC_POINT, der,
	    (CK_ULONG)i2d_ASN1_OCTET_STRING(o, &p)};
	put(h, t, 6);
	ASN1_OCTET_STRING_free(o);
	OPENSSL_free(point);
}

static void
put_cert(struct hsm *h, uint8_t *der, size_t len, uint8_t id)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	char subject[] = "0";
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, class),
	    ATTR(CKA_CERTIFICATE_TYPE, type), ATTR(CKA_TOKEN, yes),
	    ATTR(CKA_ID, id), ATTR(CKA_SUBJECT, subject),
	    {CKA_VALUE, der, len}};

	put(h, t, 6);
}

static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	struct hsm *h = NULL;
	struct why why = {""};

	assert_non_null(g);
	softhsm_init(&g->soft);
	if (hsm_open(g->soft.module, SOFTHSM_LABEL, g->soft.pin, &h, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < N_KEYS; i++) {
		const uint8_t id = (uint8_t)(i + 1);
		X509 *x;

		g->key[i] = keys[i].kind == NULL ? EVP_RSA_gen(2048)
						 : EVP_EC_gen(keys[i].kind);
		assert_non_null(g->key[i]);
		x = pki_cert(g->key[i], keys[i].label, 300 + (long)i);
		g->cert[i] = pki_cert_der(x, &g->len[i]);
		X509_free(x);
		put_private(h, g->key[i], keys[i].label, id,
		    keys[i].beside == ALWAYS_PIN);
		if (keys[i].beside == PUBLIC || keys[i].beside == ALWAYS_PIN)
			put_public(h, g->key[i], id);
		if (keys[i].beside == CERT)
			put_cert(h, g->cert[i], g->len[i], id);
	}
	hsm_close(&h);
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < N_KEYS; i++) {
		EVP_PKEY_free(g->key[i]);
		free(g->cert[i]);
	}
	softhsm_done(&g->soft);
	free(g);
	return 0;
}

/* ---- promises ---- */

static struct card *
opened(const struct rig *g)
{
	struct card *c = NULL;
	struct why why = {""};

	if (card_open(g->soft.module, NULL, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_string_equal(card_label(c), SOFTHSM_LABEL);
	assert_int_equal(card_login_kind(c), CARD_PIN);
	if (card_log_in(c, g->soft.pin, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return c;
}

/* The key that was found is that of the certificate. */
static void
signs(const struct rig *g, struct card *c, unsigned which)
{
	EVP_PKEY_CTX *x = EVP_PKEY_CTX_new(g->key[which], NULL);
	uint8_t hash[48], sig[1024];
	struct why why = {""};
	size_t len = 0;

	memset(hash, 0x5a, sizeof(hash));
	if (card_sign(c, "SHA384", view(hash, sizeof(hash)), sig, sizeof(sig),
		&len, &why) != ERR_OK)
		fail_msg("%s: %s", keys[which].label, why.text);
	assert_int_equal(EVP_PKEY_verify_init(x), 1);
	if (which == RSA_ALONE)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(x,
				     RSA_PKCS1_PADDING),
		    1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(x, EVP_sha384()), 1);
	assert_int_equal(EVP_PKEY_verify(x, sig, len, hash, sizeof(hash)), 1);
	EVP_PKEY_CTX_free(x);
	memset(sig, 0, sizeof(sig));
	assert_int_equal(card_sign(c, "SHA384", view(hash, sizeof(hash)), sig,
			     len - 10, &len, &why),
	    ERR_TOOBIG);
	assert_int_equal(sig[0], 0);
}

static void
a_key_is_found_by_the_certificate(void **state)
{
	const struct rig *g = *state;
	struct card *c = opened(g);
	struct why why = {""};

	for (unsigned i = 0; i < N_KEYS; i++) {
		const enum err rc =
		    card_find(c, NULL, view(g->cert[i], g->len[i]), &why);

		if (i == EC_ALONE) { /* nothing shows whose it is */
			assert_int_equal(rc, ERR_NOTFOUND);
			assert_non_null(strstr(why.text, SOFTHSM_LABEL));
			continue;
		}
		if (rc != ERR_OK)
			fail_msg("%s: %s", keys[i].label, why.text);
		signs(g, c, i);
	}
	assert_int_equal(ERR_peek_error(), 0);
	card_close(&c);
	assert_null(c);
	card_close(&c);
}

static void
a_key_is_found_by_its_label(void **state)
{
	const struct rig *g = *state;
	struct card *c = opened(g);
	struct why why = {""};

	assert_int_equal(card_find(c, "alone", view(NULL, 0), &why), ERR_OK);
	signs(g, c, EC_ALONE);
	assert_int_equal(card_find(c, "none", view(NULL, 0), &why),
	    ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "none"));
	assert_int_equal(card_find(c, "twice", view(NULL, 0), &why),
	    ERR_EXISTS);
	card_close(&c);
}

static void
a_certificate_of_nobody_finds_nothing(void **state)
{
	const struct rig *g = *state;
	struct card *c = opened(g);
	struct why why = {""};
	EVP_PKEY *key[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	const enum err want[] = {ERR_NOTFOUND, ERR_NOTFOUND, ERR_UNSUPPORTED};

	for (unsigned i = 0; i < 3; i++) {
		X509 *x = pki_cert(key[i], "nobody", 1);
		size_t len;
		uint8_t *der = pki_cert_der(x, &len);

		assert_int_equal(card_find(c, NULL, view(der, len), &why),
		    want[i]);
		free(der);
		X509_free(x);
		EVP_PKEY_free(key[i]);
	}
	assert_int_equal(card_find(c, NULL, view("x", 1), &why),
	    ERR_UNSUPPORTED);
	assert_int_equal(ERR_peek_error(), 0);
	card_close(&c);
}

static void
a_wrong_pin_is_a_wrong_pin(void **state)
{
	const struct rig *g = *state;
	struct card *c = NULL;
	struct why why = {""};

	assert_int_equal(card_open(g->soft.module, SOFTHSM_LABEL, &c, &why),
	    ERR_OK);
	assert_int_equal(card_log_in(c, g->soft.so_pin, &why), ERR_PIN);
	assert_string_equal(why.text, "C_Login: CKR_PIN_INCORRECT");
	card_close(&c);
}

/* It may be another one than the login's, and is tried as carefully. */
static void
a_pin_that_a_key_wants_again_may_be_refused(void **state)
{
	const struct rig *g = *state;
	struct card *c = opened(g);
	struct why why = {""};
	uint8_t hash[32] = {0}, sig[200];
	size_t len = 77;

	assert_int_equal(card_find(c, "always", view(NULL, 0), &why), ERR_OK);
	assert_int_equal(card_log_in(c, g->soft.so_pin, &why), ERR_OK);
	assert_int_equal(card_sign(c, "SHA256", view(hash, 32), sig,
			     sizeof(sig), &len, &why),
	    ERR_PIN);
	assert_int_equal(len, 77);
	card_close(&c);
}

static void
what_is_no_token_is_said(void **state)
{
	const struct rig *g = *state;
	struct card *c = NULL;
	struct why why = {""};

	assert_int_equal(card_open("/nonexistent.so", NULL, &c, &why), ERR_HSM);
	assert_non_null(strstr(why.text, "/nonexistent.so"));
	assert_int_equal(card_open("libm.so.6", NULL, &c, &why), ERR_HSM);
	assert_non_null(strstr(why.text, "not a PKCS#11 module"));
	assert_int_equal(card_open(g->soft.module, "other", &c, &why),
	    ERR_NOTFOUND);
	assert_non_null(strstr(why.text, "other"));
	assert_null(c);
}

/* The last: from here on there are two tokens. */
static void
of_two_tokens_one_is_named(void **state)
{
	const struct rig *g = *state;
	struct card *c = NULL;
	struct why why = {""};

	assert_int_equal(hsm_init_token(g->soft.module, "second",
			     g->soft.so_pin, g->soft.pin, &why),
	    ERR_OK);
	assert_int_equal(card_open(g->soft.module, NULL, &c, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, "second"));
	assert_non_null(strstr(why.text, SOFTHSM_LABEL));
	assert_null(c);
	assert_int_equal(card_open(g->soft.module, "second", &c, &why), ERR_OK);
	assert_string_equal(card_label(c), "second");
	card_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_found_by_the_certificate),
	    cmocka_unit_test(a_key_is_found_by_its_label),
	    cmocka_unit_test(a_certificate_of_nobody_finds_nothing),
	    cmocka_unit_test(a_wrong_pin_is_a_wrong_pin),
	    cmocka_unit_test(a_pin_that_a_key_wants_again_may_be_refused),
	    cmocka_unit_test(what_is_no_token_is_said),
	    cmocka_unit_test(of_two_tokens_one_is_named),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
