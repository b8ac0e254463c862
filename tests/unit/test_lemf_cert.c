/* To which certificates of LEMFs keys may be sealed. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include "help.h"
#include "pki.h"
#include "policy/lemf_cert.h"

static EVP_PKEY *p256, *rsa;

/* A public key of so many bits: nobody needs its private half. */
static EVP_PKEY *
rsa_of(int bits)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD),
	    1);
	assert_int_equal(BN_set_word(e, 65537), 1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n),
	    1);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e),
	    1);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY,
			     params),
	    1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(n);
	BN_free(e);
	EVP_PKEY_CTX_free(c);
	return key;
}

static int
keys_init(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	rsa = rsa_of(3072);
	return p256 == NULL;
}

static int
keys_done(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	EVP_PKEY_free(rsa);
	return 0;
}

/* Of this key, with these extensions ("keyUsage", "keyAgreement", ..., NULL).
 */
static uint8_t *
made(EVP_PKEY *key, const char *const *ext, size_t *len)
{
	X509 *x = pki_cert(p256, "LEMF north", 7);
	uint8_t *der;

	for (; ext != NULL && ext[0] != NULL; ext += 2) {
		X509_EXTENSION *e = X509V3_EXT_conf(NULL, NULL, ext[0], ext[1]);

		assert_non_null(e);
		assert_int_equal(X509_add_ext(x, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, p256, EVP_sha256()) > 0);
	der = pki_cert_der(x, len);
	X509_free(x);
	return der;
}

static void
checked(EVP_PKEY *key, const char *const *ext, enum err want, const char *text)
{
	struct why why = {""};
	size_t len;
	uint8_t *der = made(key, ext, &len);
	const enum err rc = lemf_cert_check(view(der, len), PKI_NOW, &why);

	if (rc != want)
		fail_msg("%s", why.text);
	if (want != ERR_OK)
		assert_non_null(strstr(why.text, text));
	free(der);
}

#define EXT(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
rsa_from_3072_bit_and_two_curves_are_good(void **state)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa_4096 = rsa_of(4096);

	(void)state;
	checked(p256, NULL, ERR_OK, "");
	checked(p384, NULL, ERR_OK, "");
	checked(rsa, NULL, ERR_OK, "");
	checked(rsa_4096, NULL, ERR_OK, "");
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa_4096);
}

static void
other_keys_are_not(void **state)
{
	EVP_PKEY *const bad[] = {rsa_of(3071), rsa_of(4097),
	    EVP_EC_gen("P-521"), EVP_EC_gen("secp256k1"),
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_non_null(bad[i]);
		checked(bad[i], NULL, ERR_UNSUPPORTED, "its key must be");
		EVP_PKEY_free(bad[i]);
	}
}

static void
a_key_usage_allows_it(void **state)
{
	(void)state;
	checked(p256, EXT("keyUsage", "keyAgreement"), ERR_OK, "");
	checked(p256, EXT("keyUsage", "digitalSignature"), ERR_UNSUPPORTED,
	    "keyAgreement");
	checked(p256, EXT("keyUsage", "keyEncipherment"), ERR_UNSUPPORTED,
	    "keyAgreement");
	checked(rsa, EXT("keyUsage", "critical,keyEncipherment"), ERR_OK, "");
	checked(rsa, EXT("keyUsage", "dataEncipherment"), ERR_UNSUPPORTED,
	    "keyEncipherment");
}

static void
that_of_a_ca_is_none(void **state)
{
	(void)state;
	checked(p256, EXT("basicConstraints", "critical,CA:TRUE"),
	    ERR_UNSUPPORTED, "a CA");
	checked(p256, EXT("keyUsage", "keyAgreement,keyCertSign"),
	    ERR_UNSUPPORTED, "a CA");
	checked(p256, EXT("basicConstraints", "critical,CA:FALSE"), ERR_OK, "");
}

static void
extensions_are_known_if_they_are_critical(void **state)
{
	(void)state;
	checked(p256, EXT("1.2.3.4", "critical,ASN1:NULL"), ERR_UNSUPPORTED,
	    "extension");
	checked(p256, EXT("1.2.3.4", "ASN1:NULL"), ERR_OK, "");
}

static void
it_is_valid_to_the_second(void **state)
{
	static const struct {
		int64_t at;
		enum err want;
	} row[] = {{PKI_FROM - 1, ERR_DENIED}, {PKI_FROM, ERR_OK},
	    {PKI_UNTIL, ERR_OK}, {PKI_UNTIL + 1, ERR_DENIED}};
	struct why why = {""};
	size_t len;
	uint8_t *der = made(p256, NULL, &len);

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(lemf_cert_check(view(der, len), row[i].at,
				     &why),
		    row[i].want);
	free(der);
}

static void
octets_that_are_no_certificate_are_malformed(void **state)
{
	struct why why = {""};
	size_t len;
	uint8_t *der = made(p256, NULL, &len), *more = malloc(len + 1);

	(void)state;
	assert_non_null(more);
	memcpy(more, der, len);
	more[len] = 0;
	for (size_t n = 0; n <= len + 1; n += n < len - 2 ? 7 : 1)
		assert_int_equal(lemf_cert_check(view(more, n), PKI_NOW, &why),
		    n == len ? ERR_OK : ERR_MALFORMED);
	free(der);
	free(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rsa_from_3072_bit_and_two_curves_are_good),
	    cmocka_unit_test(other_keys_are_not),
	    cmocka_unit_test(a_key_usage_allows_it),
	    cmocka_unit_test(that_of_a_ca_is_none),
	    cmocka_unit_test(extensions_are_known_if_they_are_critical),
	    cmocka_unit_test(it_is_valid_to_the_second),
	    cmocka_unit_test(octets_that_are_no_certificate_are_malformed),
	};

	return cmocka_run_group_tests(tests, keys_init, keys_done);
}
