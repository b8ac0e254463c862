#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

#include "base/limits.h"
#include "handshake.h"
#include "help.h"
#include "pki.h"

enum { P256, P384, P521, RSA_KEY, RSA_PSS_KEY, ED25519, OTHER_P256, KEYS };

struct rig {
	EVP_PKEY *key[KEYS];
	X509 *cert[KEYS];
};
static struct rig rig;

#define SHA384_SUITE "TLS_AES_256_GCM_SHA384"
#define SHA256_SUITE "TLS_AES_128_GCM_SHA256"
/* The server has no P-384: it asks for another ClientHello. */
static char retried[] = "P-384:X25519";

/* The same numbers under the other name: making some takes long. */
static EVP_PKEY *
as_pss(EVP_PKEY *rsa)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	OSSL_PARAM *numbers = NULL;
	EVP_PKEY *k = NULL;

	assert_int_equal(EVP_PKEY_todata(rsa, EVP_PKEY_KEYPAIR, &numbers), 1);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &k, EVP_PKEY_KEYPAIR, numbers),
	    1);
	OSSL_PARAM_free(numbers);
	EVP_PKEY_CTX_free(c);
	return k;
}

static EVP_PKEY *
make_key(int which)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};

	switch (which) {
	case RSA_KEY:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	case RSA_PSS_KEY:
		return as_pss(rig.key[RSA_KEY]);
	case ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC",
		    curves[which == OTHER_P256 ? P256 : which]);
	}
}

static int
make_rig(void **state)
{
	(void)state;
	for (int i = 0; i < KEYS; i++) {
		rig.key[i] = make_key(i);
		assert_non_null(rig.key[i]);
		rig.cert[i] = pki_cert(rig.key[i], "somebody", 7 + i);
	}
	return 0;
}

static int
free_rig(void **state)
{
	(void)state;
	for (int i = 0; i < KEYS; i++) {
		EVP_PKEY_free(rig.key[i]);
		X509_free(rig.cert[i]);
	}
	return 0;
}

static struct handshake_want
want(int client)
{
	struct handshake_want w = {.server = {rig.cert[P256], rig.key[P256], 0},
	    .client = {rig.cert[client], rig.key[client], 0}};

	for (unsigned i = 0; i < sizeof(w.nonce); i++)
		w.nonce[i] = (uint8_t)(i * 37 + 5);
	return w;
}

static void
make(const struct handshake_want *w, struct handshake *h)
{
	assert_int_equal(handshake_make(w, h), ERR_OK);
}

/* In memory of their own, so that a test can change octets. */
struct copy {
	uint8_t transcript[MAX_TRANSCRIPT], signature[1024], cert[MAX_CERT];
};

static void
copy_view(uint8_t *to, size_t cap, struct rd *v)
{
	assert_true(v->left <= cap);
	memcpy(to, v->p, v->left);
	v->p = to;
}

static struct client_proof
copied(const struct handshake *h, struct copy *c)
{
	struct client_proof p = h->proof;

	copy_view(c->transcript, sizeof(c->transcript), &p.transcript);
	copy_view(c->signature, sizeof(c->signature), &p.signature);
	copy_view(c->cert, sizeof(c->cert), &p.cert);
	return p;
}

static void
denied(const struct client_proof *p, const uint8_t *nonce, const char *words)
{
	struct why why = {""};

	assert_int_equal(client_proof_check(p, nonce, &why), ERR_DENIED);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" is not \"%s\"", why.text, words);
}

static void
proves(const struct client_proof *p, const uint8_t *nonce)
{
	struct why why = {""};

	if (client_proof_check(p, nonce, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* ---- handshakes ---- */

static void
every_key_scheme_and_suite_proves_its_client(void **state)
{
	static const struct {
		int key;
		const char *name;
		uint16_t scheme;
	} all[] = {{P256, "ecdsa_secp256r1_sha256", 0x0403},
	    {P384, "ecdsa_secp384r1_sha384", 0x0503},
	    {P521, "ecdsa_secp521r1_sha512", 0x0603},
	    {RSA_KEY, "rsa_pss_rsae_sha256", 0x0804},
	    {RSA_KEY, "rsa_pss_rsae_sha384", 0x0805},
	    {RSA_KEY, "rsa_pss_rsae_sha512", 0x0806},
	    {ED25519, "ed25519", 0x0807},
	    {RSA_PSS_KEY, "rsa_pss_pss_sha256", 0x0809},
	    {RSA_PSS_KEY, "rsa_pss_pss_sha384", 0x080a},
	    {RSA_PSS_KEY, "rsa_pss_pss_sha512", 0x080b}};
	struct handshake h;
	char schemes[64];

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(all) / sizeof(all[0]); i++) {
		struct handshake_want w = want(all[i / 4].key);

		(void)snprintf(schemes, sizeof(schemes), "%s:%s",
		    all[i / 4].name, all[0].name); /* the server's too */
		w.schemes = schemes + (i < 4 ? strlen(all[0].name) + 1 : 0);
		w.suites = i % 2 == 0 ? SHA256_SUITE : SHA384_SUITE;
		w.groups = i / 2 % 2 == 0 ? NULL : retried;
		make(&w, &h);
		assert_int_equal(h.proof.scheme, all[i / 4].scheme);
		assert_int_equal(h.proof.hash,
		    i % 2 == 0 ? CLIENT_SHA256 : CLIENT_SHA384);
		/* ClientHello, or the hash in the place of the first one */
		assert_int_equal(h.proof.transcript.p[0],
		    i / 2 % 2 == 0 ? 1 : 254);
		proves(&h.proof, w.nonce);
		handshake_done(&h);
	}
}

static void
a_handshake_without_the_clients_signature_is_no_proof(void **state)
{
	struct handshake_want w = want(P256);
	struct handshake h;

	(void)state;
	w.client = (struct handshake_end){.cert = NULL};
	assert_int_equal(handshake_make(&w, &h), ERR_MALFORMED);
	handshake_done(&h);
}

static void
a_client_cannot_sign_with_what_policy_does_not_verify(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	struct handshake_want w = want(P256);
	struct handshake h;
	X509 *cert;

	(void)state;
	assert_non_null(key);
	cert = pki_cert_make(&(struct pki_cert){.key = rig.key[P256],
	    .subject = "ed448",
	    .serial = 448,
	    .from = PKI_FROM,
	    .until = PKI_UNTIL});
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	w.client = (struct handshake_end){cert, key, 0};
	/* OpenSSL's client shows none then. */
	assert_int_not_equal(handshake_make(&w, &h), ERR_OK);
	handshake_done(&h);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
a_handshake_longer_than_the_limit_is_not_kept(void **state)
{
	struct handshake_want w = want(RSA_KEY);
	struct handshake h;

	(void)state;
	w.client.repeated = w.server.repeated = 110;
	w.server.cert = w.client.cert;
	w.server.key = w.client.key;
	assert_int_equal(handshake_make(&w, &h), ERR_TOOBIG);
	assert_true(h.record.cap <= MAX_TRANSCRIPT);
	handshake_done(&h);
	w.server.repeated = 20;
	make(&w, &h);
	proves(&h.proof, w.nonce);
	handshake_done(&h);
}

/* ---- what is changed ---- */

static void
octets_of_transcript_and_signature_count(void **state)
{
	static const int keys[] = {P256, RSA_KEY, ED25519};
	static struct copy c;
	struct client_proof p;
	struct handshake h;
	size_t step;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		const struct handshake_want w = want(keys[k]);

		make(&w, &h);
		p = copied(&h, &c);
		proves(&p, w.nonce);
		step = keys[k] == ED25519 ? 7 : 61;
		for (size_t i = 0; i < p.transcript.left; i += step) {
			c.transcript[i] ^= (uint8_t)(1 << i % 8);
			denied(&p, w.nonce, "");
			c.transcript[i] ^= (uint8_t)(1 << i % 8);
		}
		for (size_t i = 0; i < p.signature.left; i += 3) {
			c.signature[i] ^= (uint8_t)(1 << i % 8);
			denied(&p, w.nonce, "does not verify");
			c.signature[i] ^= (uint8_t)(1 << i % 8);
		}
		proves(&p, w.nonce);
		handshake_done(&h);
	}
}

static void
shorter_and_longer_fields_prove_nothing(void **state)
{
	const struct handshake_want w = want(ED25519);
	const size_t step = 16; /* but for the end */
	struct client_proof p;
	struct handshake h;

	(void)state;
	make(&w, &h);
	p = h.proof;
	for (p.transcript.left = 0; p.transcript.left < h.proof.transcript.left;
	     p.transcript.left +=
	     p.transcript.left + step < h.proof.transcript.left ? step : 1)
		denied(&p, w.nonce, "");
	p.transcript.left++; /* with the CertificateVerify's first octet */
	denied(&p, w.nonce, "does not verify");
	p = h.proof;
	for (p.signature.left = 0; p.signature.left < h.proof.signature.left;
	     p.signature.left++)
		denied(&p, w.nonce, "does not verify");
	p = h.proof;
	for (p.cert.left = 0; p.cert.left < h.proof.cert.left; p.cert.left++)
		denied(&p, w.nonce, "not one for the key");
	handshake_done(&h);
}

static void
only_the_scheme_and_hash_that_were_used_verify(void **state)
{
	struct client_proof p;
	struct handshake h;

	(void)state;
	for (int k = 0; k < OTHER_P256; k++) {
		const struct handshake_want w = want(k);

		make(&w, &h);
		p = h.proof;
		for (unsigned s = 0; s < (k == P256 ? 65536 : 4096); s++) {
			p.scheme = (uint16_t)s;
			if (s == h.proof.scheme)
				proves(&p, w.nonce);
			else
				denied(&p, w.nonce, "");
		}
		p = h.proof;
		p.hash =
		    p.hash == CLIENT_SHA256 ? CLIENT_SHA384 : CLIENT_SHA256;
		denied(&p, w.nonce, "does not verify");
		handshake_done(&h);
	}
}

static void
another_nonce_proves_nothing(void **state)
{
	const struct handshake_want w = want(P256);
	uint8_t nonce[CLIENT_NONCE_LEN];
	struct handshake h;

	(void)state;
	make(&w, &h);
	for (unsigned i = 0; i < 8 * CLIENT_NONCE_LEN; i++) {
		memcpy(nonce, w.nonce, sizeof(nonce));
		nonce[i / 8] ^= (uint8_t)(1 << i % 8);
		denied(&h.proof, nonce, "nonce");
	}
	memset(nonce, 0, sizeof(nonce));
	denied(&h.proof, nonce, "nonce");
	handshake_done(&h);
}

static void
a_certificate_of_another_proves_nothing(void **state)
{
	const struct handshake_want w = want(P256);
	struct client_proof p;
	struct handshake h;
	uint8_t *der;

	(void)state;
	make(&w, &h);
	p = h.proof;
	for (int k = P384; k < KEYS; k++) {
		der = pki_cert_der(rig.cert[k], &p.cert.left);
		p.cert.p = der;
		denied(&p, w.nonce,
		    k == OTHER_P256 ? "does not verify" : "not one for");
		free(der);
	}
	handshake_done(&h);
}

/* ---- signatures made by hand ---- */

/* 64 spaces, the text with its NUL, SHA-256 of the transcript; signed. */
static size_t
sign(const char *text, const void *transcript, size_t len, uint8_t *out,
    size_t cap)
{
	uint8_t content[256];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	const size_t n = 64 + strlen(text) + 1;

	memset(content, ' ', 64);
	memcpy(content + 64, text, strlen(text) + 1);
	assert_int_equal(EVP_Digest(transcript, len, content + n, NULL,
			     EVP_sha256(), NULL),
	    1);
	assert_int_equal(EVP_DigestSignInit_ex(c, NULL, "SHA256", NULL, NULL,
			     rig.key[P256], NULL),
	    1);
	assert_int_equal(EVP_DigestSign(c, out, &cap, content, n + 32), 1);
	EVP_MD_CTX_free(c);
	return cap;
}

static void
the_nonce_may_stand_anywhere_in_what_was_signed(void **state)
{
	static const char mine[] = "TLS 1.3, client CertificateVerify";
	uint8_t octets[100], signature[128], *der;
	struct client_proof p = {.scheme = 0x0403};

	(void)state;
	der = pki_cert_der(rig.cert[P256], &p.cert.left);
	p.cert.p = der;
	for (unsigned at = 0; at + CLIENT_NONCE_LEN <= sizeof(octets); at++) {
		memset(octets, 'x', sizeof(octets));
		memset(octets + at, 'n', CLIENT_NONCE_LEN);
		rd_init(&p.transcript, octets, sizeof(octets));
		rd_init(&p.signature, signature,
		    sign(mine, octets, sizeof(octets), signature,
			sizeof(signature)));
		proves(&p, (const uint8_t *)"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
		denied(&p, (const uint8_t *)"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnno",
		    "nonce");
	}
	free(der);
}

static void
what_the_same_key_signed_for_something_else_proves_nothing(void **state)
{
	static const char *const others[] =
	    {"TLS 1.3, server CertificateVerify",
		"TLS 1.3, client CertificateVerif", "",
		"Exported Authenticator"};
	uint8_t octets[CLIENT_NONCE_LEN], signature[128], *der;
	struct client_proof p = {.scheme = 0x0403};

	(void)state;
	memset(octets, 'n', sizeof(octets));
	der = pki_cert_der(rig.cert[P256], &p.cert.left);
	p.cert.p = der;
	rd_init(&p.transcript, octets, sizeof(octets));
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		rd_init(&p.signature, signature,
		    sign(others[i], octets, sizeof(octets), signature,
			sizeof(signature)));
		denied(&p, octets, "does not verify");
	}
	free(der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_key_scheme_and_suite_proves_its_client),
	    cmocka_unit_test(
		a_handshake_without_the_clients_signature_is_no_proof),
	    cmocka_unit_test(
		a_client_cannot_sign_with_what_policy_does_not_verify),
	    cmocka_unit_test(a_handshake_longer_than_the_limit_is_not_kept),
	    cmocka_unit_test(octets_of_transcript_and_signature_count),
	    cmocka_unit_test(shorter_and_longer_fields_prove_nothing),
	    cmocka_unit_test(only_the_scheme_and_hash_that_were_used_verify),
	    cmocka_unit_test(another_nonce_proves_nothing),
	    cmocka_unit_test(a_certificate_of_another_proves_nothing),
	    cmocka_unit_test(the_nonce_may_stand_anywhere_in_what_was_signed),
	    cmocka_unit_test(
		what_the_same_key_signed_for_something_else_proves_nothing),
	};

	return cmocka_run_group_tests(tests, make_rig, free_rig);
}
