/*
 * Lists of revoked certificates, as a file has them: whatever the input, nobody
 * passes but by the list that the issuer did sign, and what is taken in says of
 * itself what holds.
 *
 * Input: u8 flags (1: the issuer's own list comes first, 2: PEM as it is); then
 * DER of lists, each behind a u16 length, or PEM.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "appliance/crl.h"
#include "der_mutate.h"
#include "fuzz.h"

#define NOW 1800000000
#define MOST 262144 /* octets of a file */

static STACK_OF(X509) * chain;
static struct rd own; /* PEM of the list that the issuer signed */

/* Of the key of this run: only that list can be good. */
static X509 *
certificate(EVP_PKEY *key, EVP_PKEY *by, const char *subject)
{
	X509 *x = X509_new();

	MUST(x != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
	    ASN1_INTEGER_set(X509_get_serialNumber(x), 77) == 1 &&
	    ASN1_TIME_set(X509_getm_notBefore(x), NOW - 1000) != NULL &&
	    ASN1_TIME_set(X509_getm_notAfter(x), NOW + 1000) != NULL &&
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
		MBSTRING_ASC, (const unsigned char *)subject, -1, -1, 0) == 1 &&
	    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN",
		MBSTRING_ASC, (const unsigned char *)"Root", -1, -1, 0) == 1 &&
	    X509_set_pubkey(x, key) == 1 && X509_sign(x, by, EVP_sha256()) > 0);
	return x;
}

static struct rd
sign_own(EVP_PKEY *key, X509 *root)
{
	X509_CRL *x = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - 1000);
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	struct rd r;

	MUST(x != NULL && t != NULL && n != NULL && b != NULL &&
	    X509_CRL_set_version(x, 1) == 1 &&
	    X509_CRL_set_issuer_name(x, X509_get_subject_name(root)) == 1 &&
	    X509_CRL_set1_lastUpdate(x, t) == 1 &&
	    ASN1_TIME_set(t, NOW + 1000) != NULL &&
	    X509_CRL_set1_nextUpdate(x, t) == 1 &&
	    ASN1_INTEGER_set(n, 5) == 1 &&
	    X509_CRL_add1_ext_i2d(x, NID_crl_number, n, 0, 0) == 1 &&
	    X509_CRL_sign(x, key, EVP_sha256()) > 0 &&
	    PEM_write_bio_X509_CRL(b, x) == 1);
	const long len = BIO_get_mem_data(b, &p);

	rd_init(&r, p, (size_t)len);
	r = own_copy(r);
	BIO_free(b);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
	X509_CRL_free(x);
	return r;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *peer = EVP_EC_gen("P-256");
	X509 *root;

	(void)argc;
	(void)argv;
	MUST(key != NULL && peer != NULL);
	root = certificate(key, key, "Root");
	own = sign_own(key, root);
	chain = sk_X509_new_null();
	MUST(chain != NULL &&
	    sk_X509_push(chain, certificate(peer, key, "peer")) > 0 &&
	    sk_X509_push(chain, root) > 0);
	EVP_PKEY_free(key);
	EVP_PKEY_free(peer);
	return 0;
}

/* Lengths of the DER stay right behind the three octets in front of it. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	size_t n;

	if (size < 4 || (data[0] & 2) != 0 || max_size < 4)
		return LLVMFuzzerMutate(data, size, max_size);
	n = der_mutate(data + 3, size - 3, max_size - 3, seed);
	if (n <= UINT16_MAX) {
		data[1] = (uint8_t)(n >> 8);
		data[2] = (uint8_t)n;
	}
	return 3 + n;
}

static void
put_pem(struct wr *w, struct rd der)
{
	static uint8_t text[UINT16_MAX / 3 * 4 + 8];
	const int n = EVP_EncodeBlock(text, der.p, (int)der.left);

	wr_copy(w, "-----BEGIN X509 CRL-----\n", 25);
	for (int i = 0; i < n; i += 64) {
		wr_copy(w, text + i, (size_t)(n - i < 64 ? n - i : 64));
		wr_copy(w, "\n", 1);
	}
	wr_copy(w, "-----END X509 CRL-----\n", 23);
}

static struct rd
file_of(struct rd in, uint8_t flags, uint8_t *out)
{
	struct rd r;
	struct wr w;
	size_t len = 0;

	wr_init(&w, out, MOST);
	if ((flags & 1) != 0)
		wr_copy(&w, own.p, own.left);
	if ((flags & 2) != 0)
		wr_copy(&w, in.p, in.left);
	while ((flags & 2) == 0 && in.left > 2)
		put_pem(&w, take_view16(&in));
	if (wr_finish(&w, &len) != ERR_OK)
		len = 0;
	rd_init(&r, out, len);
	return r;
}

static void
check(struct crl_set *s, bool has_own)
{
	static const int64_t times[] = {0, NOW - 2000, NOW, NOW + 999,
	    NOW + 1000, 4000000000};
	struct why why = {""};

	MUST(crl_set_follow(s, NULL, &why) == ERR_OK);
	MUST(crl_set_follow(s, s, &why) == ERR_OK);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const int64_t now = times[i];
		const int v = crl_set_judge(s, chain, now, 0);
		int64_t ends;
		const enum crl_state state = crl_set_state(s, now, &ends);

		MUST(v != X509_V_ERR_CERT_REVOKED); /* nobody has signed that */
		MUST(v != X509_V_OK ||
		    (has_own && now >= NOW - 1000 && now < NOW + 1000));
		MUST(v == crl_set_judge(s, chain, now, 0));
		MUST(state != CRL_GOOD || ends > now);
		MUST(crl_set_next_end(s, now, 60) > now);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[MOST];
	struct crl_set *s = NULL;
	struct why why = {""};
	struct rd in;
	uint8_t flags;

	rd_init(&in, data, size);
	flags = take_u8(&in);
	if (crl_set_read(file_of(in, flags, file), &s, &why) != ERR_OK) {
		MUST(s == NULL && why.text[0] != '\0');
		return 0;
	}
	check(s, (flags & 1) != 0);
	crl_set_free(&s);
	return 0;
}
