/*
 * Integrity PDUs as an agency checks them: a hash holds for the very octets, a
 * signature for the values that were signed by that key; whatever else is said
 * of algorithms does not.
 *
 * Input: u8 check, u8 hash, u8 signature, u8 faults, u8 how many octets the
 * first value has; then octets: with the fault OTHER_KEY DER of a public key,
 * else the values.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fuzz.h"
#include "hi2/integrity.h"

/* Faults: bits. */
enum { OTHER_VALUE = 1, SHORT_VALUE = 2, OTHER_OCTETS = 4, OTHER_KEY = 8 };

static EVP_PKEY *key;
static struct rd spki;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *der = NULL;
	int n;

	(void)argc;
	(void)argv;
	key = EVP_EC_gen("P-256");
	MUST(key != NULL && (n = i2d_PUBKEY(key, &der)) > 0);
	rd_init(&spki, der, (size_t)n);
	return 0;
}

static size_t
hash(enum tri_hash h, struct rd in, uint8_t out[EVP_MAX_MD_SIZE])
{
	static const char *const names[] = {[TRI_SHA1] = "SHA1",
	    [TRI_SHA256] = "SHA256",
	    [TRI_SHA384] = "SHA384",
	    [TRI_SHA512] = "SHA512"};
	size_t n = 0;

	if (h != TRI_HASH_NONE)
		MUST(EVP_Q_digest(NULL, names[h], NULL, in.p, in.left, out,
			 &n) == 1);
	return n;
}

static size_t
sign(struct rd in, uint8_t out[128])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = 128;

	MUST(c != NULL);
	MUST(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) == 1);
	MUST(EVP_DigestSign(c, out, &n, in.p, in.left) == 1);
	EVP_MD_CTX_free(c);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tri_integrity t = {.check = TRI_CHECK_HASH};
	uint8_t value[128], faults, of_first;
	struct rd in, values[2], to = spki;
	bool good_hash, good_signature;
	size_t n;

	rd_init(&in, data, size);
	t.check = take_u8(&in) % 2 ? TRI_CHECK_SIGNATURE : TRI_CHECK_HASH;
	t.hash = (enum tri_hash)(take_u8(&in) % (TRI_SHA512 + 1));
	t.signature = (enum tri_signature)(take_u8(&in) % (TRI_ECDSA + 1));
	faults = take_u8(&in);
	of_first = take_u8(&in);
	if (faults & OTHER_KEY) {
		to = own_copy(in);
		rd_init(&in, NULL, 0);
	}
	n = t.check == TRI_CHECK_HASH ? hash(t.hash, in, value)
				      : sign(in, value);
	value[3] ^= faults & OTHER_VALUE;
	rd_init(&t.value, value, n);
	if (n > 0 && (faults & SHORT_VALUE))
		t.value.left--;
	values[0].p = in.p;
	values[0].left = of_first < in.left ? of_first : in.left;
	MUST(rd_view(&in, values[0].left, &values[0]) == ERR_OK);
	values[1] = in;
	if ((faults & OTHER_OCTETS) && values[1].left > 0)
		values[1].left--;
	else
		faults &= (uint8_t)~OTHER_OCTETS;
	good_hash = t.check == TRI_CHECK_HASH && t.hash >= TRI_SHA256 &&
	    (faults & (OTHER_VALUE | SHORT_VALUE | OTHER_OCTETS)) == 0;
	good_signature = t.check == TRI_CHECK_SIGNATURE &&
	    t.signature == TRI_ECDSA && (faults & 15) == 0;
	MUST((integrity_verify_hash(&t, values, 2) == ERR_OK) == good_hash);
	MUST((integrity_verify_signature(&t, to, values, 2) == ERR_OK) ==
	    good_signature);
	if (faults & OTHER_KEY)
		own_free(&to);
	return 0;
}
