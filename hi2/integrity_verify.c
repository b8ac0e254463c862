#include <limits.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "hi2/integrity.h"

static const EVP_MD *
hash_of(enum tri_hash hash)
{
	switch (hash) {
	case TRI_SHA256:
		return EVP_sha256();
	case TRI_SHA384:
		return EVP_sha384();
	case TRI_SHA512:
		return EVP_sha512();
	case TRI_HASH_NONE:
	case TRI_SHA1: /* not for new implementations, says the module */
		break;
	}
	return NULL;
}

enum err
integrity_verify_hash(const struct tri_integrity *check, const struct rd *pdus,
    size_t n)
{
	const EVP_MD *md = hash_of(check->hash);
	uint8_t value[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *c = NULL;
	unsigned len = 0;
	enum err rc = ERR_CRYPTO;

	if (check->check != TRI_CHECK_HASH || md == NULL)
		return ERR_UNSUPPORTED;
	if ((c = EVP_MD_CTX_new()) == NULL)
		return ERR_NOMEM;
	if (EVP_DigestInit_ex2(c, md, NULL) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(c, pdus[i].p, pdus[i].left) != 1)
			goto out;
	if (EVP_DigestFinal_ex(c, value, &len) == 1 &&
	    rd_is(&check->value, value, len))
		rc = ERR_OK;
out:
	EVP_MD_CTX_free(c);
	return rc;
}

/* NULL: none that signs integrity PDUs. */
static EVP_PKEY *
public_key(struct rd spki)
{
	const unsigned char *p = spki.p;
	char curve[32] = "";
	EVP_PKEY *k;

	if (spki.left == 0 || spki.left > LONG_MAX)
		return NULL;
	if ((k = d2i_PUBKEY(NULL, &p, (long)spki.left)) == NULL)
		return NULL;
	if (p == spki.p + spki.left && EVP_PKEY_is_a(k, "EC") == 1 &&
	    EVP_PKEY_get_group_name(k, curve, sizeof(curve), NULL) == 1 &&
	    OBJ_sn2nid(curve) == NID_X9_62_prime256v1)
		return k;
	EVP_PKEY_free(k);
	return NULL;
}

enum err
integrity_verify_signature(const struct tri_integrity *check, struct rd spki,
    const struct rd *values, size_t n)
{
	EVP_PKEY *key = NULL;
	EVP_MD_CTX *c = NULL;
	enum err rc;

	if (check->check != TRI_CHECK_SIGNATURE ||
	    check->signature != TRI_ECDSA || (key = public_key(spki)) == NULL)
		return ERR_UNSUPPORTED;
	rc = ERR_NOMEM;
	if ((c = EVP_MD_CTX_new()) == NULL)
		goto out;
	rc = ERR_CRYPTO;
	if (EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) != 1)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestVerifyUpdate(c, values[i].p, values[i].left) != 1)
			goto out;
	if (EVP_DigestVerifyFinal(c, check->value.p, check->value.left) == 1)
		rc = ERR_OK;
out:
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	return rc;
}
