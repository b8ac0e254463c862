/*
 * Proofs that a client is there: none holds but one whose transcript has the
 * nonce and whose signature is of the certificate's key, by a scheme for it.
 *
 * Input: u8 whose certificate, u8 who signs (beyond all: what follows is the
 * signature), u16 scheme, u8 hash, u8 faults, u8 length and octets in front of
 * the nonce; then octets.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "policy/client_proof.h"

/* Faults: bits. */
enum { NO_NONCE = 1, OTHER_TRANSCRIPT = 2, OTHER_SCHEME = 4, CERT_CUT = 8 };

static const uint8_t nonce[CLIENT_NONCE_LEN] =
    "a nonce of thirty-two octets...";

/* Each kind of key with the schemes that are for it. */
static struct signer {
	const char *type, *param;
	uint16_t scheme[3];
	EVP_PKEY *key;
	struct rd cert;
} signers[] = {{"EC", "P-256", {0x0403}, NULL, {NULL, 0}},
    {"EC", "P-384", {0x0503}, NULL, {NULL, 0}},
    {"EC", "P-521", {0x0603}, NULL, {NULL, 0}},
    {"RSA", NULL, {0x0804, 0x0805, 0x0806}, NULL, {NULL, 0}},
    {"RSA-PSS", NULL, {0x0809, 0x080a, 0x080b}, NULL, {NULL, 0}},
    {"ED25519", NULL, {0x0807}, NULL, {NULL, 0}}};
#define SIGNERS (sizeof(signers) / sizeof(signers[0]))

static EVP_PKEY *
make_key(const struct signer *s)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, s->type, NULL);
	EVP_PKEY *key = NULL;

	MUST(c != NULL && EVP_PKEY_keygen_init(c) == 1);
	if (s->param != NULL)
		MUST(EVP_PKEY_CTX_set_group_name(c, s->param) == 1);
	else if (s->type[0] == 'R')
		MUST(EVP_PKEY_CTX_set_rsa_keygen_bits(c, 2048) == 1);
	MUST(EVP_PKEY_generate(c, &key) == 1);
	EVP_PKEY_CTX_free(c);
	return key;
}

static struct rd
make_cert(const struct signer *s)
{
	X509 *x = X509_new();
	uint8_t *der = NULL;
	struct rd r;
	int n;

	MUST(x != NULL && X509_set_pubkey(x, s->key) == 1);
	MUST(X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL);
	MUST(X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL);
	MUST(X509_sign(x, signers[0].key, EVP_sha256()) > 0);
	MUST((n = i2d_X509(x, &der)) > 0);
	X509_free(x);
	rd_init(&r, der, (size_t)n);
	return r;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < SIGNERS; i++) {
		signers[i].key = make_key(&signers[i]);
		signers[i].cert = make_cert(&signers[i]);
	}
	return 0;
}

static const char *
digest_of_scheme(uint16_t scheme)
{
	static const char *const names[3] = {"SHA256", "SHA384", "SHA512"};

	if (scheme == 0x0807)
		return NULL;
	return scheme >> 8 == 8 ? names[((scheme & 15) - 4) % 5]
				: names[(scheme >> 8) - 4];
}

/* RFC 8446 clause 4.4.3, by other code. */
static size_t
content(const struct client_proof *p, uint8_t out[200])
{
	static const char context[] = "TLS 1.3, client CertificateVerify";
	size_t n = 0;

	memset(out, ' ', 64);
	memcpy(out + 64, context, sizeof(context));
	MUST(EVP_Q_digest(NULL, p->hash == CLIENT_SHA256 ? "SHA256" : "SHA384",
		 NULL, p->transcript.p, p->transcript.left,
		 out + 64 + sizeof(context), &n) == 1);
	return 64 + sizeof(context) + n;
}

static size_t
sign(const struct signer *s, const struct client_proof *p, uint8_t out[512])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = NULL;
	uint8_t octets[200];
	size_t n = 512;
	const size_t len = content(p, octets);

	MUST(c != NULL &&
	    EVP_DigestSignInit_ex(c, &k, digest_of_scheme(p->scheme), NULL,
		NULL, s->key, NULL) == 1);
	if (s->type[0] == 'R')
		MUST(EVP_PKEY_CTX_set_rsa_padding(k, RSA_PKCS1_PSS_PADDING) ==
			1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(k,
			RSA_PSS_SALTLEN_DIGEST) == 1);
	MUST(EVP_DigestSign(c, out, &n, octets, len) == 1);
	EVP_MD_CTX_free(c);
	return n;
}

static bool
is_for(const struct signer *s, uint16_t scheme)
{
	for (unsigned i = 0; i < 3; i++)
		if (scheme != 0 && s->scheme[i] == scheme)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t transcript[1024];
	uint8_t sig[512], whose, who, faults;
	struct client_proof p = {.hash = CLIENT_SHA256};
	struct why why = {""};
	struct rd in, front;
	struct wr w;
	bool good;

	rd_init(&in, data, size);
	whose = take_u8(&in) % SIGNERS;
	who = take_u8(&in);
	p.scheme = take_u16(&in);
	p.hash = (enum client_hash)(take_u8(&in) % CLIENT_HASH__MAX);
	faults = take_u8(&in);
	front = take_view8(&in);
	wr_init(&w, transcript, sizeof(transcript));
	wr_copy(&w, front.p, front.left);
	wr_copy(&w, nonce,
	    faults & NO_NONCE ? CLIENT_NONCE_LEN - 1 : CLIENT_NONCE_LEN);
	rd_init(&p.transcript, transcript, w.len);
	p.cert = signers[whose].cert;
	p.signature = in;
	good = who < SIGNERS && is_for(&signers[who], p.scheme);
	if (good)
		rd_init(&p.signature, sig, sign(&signers[who], &p, sig));
	good &= who == whose && (faults & CERT_CUT) == 0;
	/* What is in front may have it too. */
	good &= memmem(transcript, w.len, nonce, sizeof(nonce)) != NULL;
	if (faults & OTHER_TRANSCRIPT) {
		transcript[0] ^= 1;
		good = false;
	}
	if (faults & OTHER_SCHEME) {
		p.scheme ^= 0x0100;
		good = false;
	}
	if (faults & CERT_CUT)
		p.cert.left -= 1 + in.left % p.cert.left;
	p.cert = own_copy(p.cert);
	MUST((client_proof_check(&p, nonce, &why) == ERR_OK) == good);
	MUST(good || why.text[0] != '\0');
	own_free(&p.cert);
	return 0;
}
