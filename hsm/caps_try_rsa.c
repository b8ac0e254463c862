/*
 * Wrapping by RSA: octets that are known go in or come out, so what they do
 * inside is computed outside as well.
 */
#include <string.h>

#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/caps_try_int.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_KEY_TYPE aes = CKK_AES;

static enum err
wrap_to(struct caps_try *t, enum hsm_key which, const EVP_MD *md,
    const uint8_t octets[32], uint8_t out[HSM_DEVICE_BLOB_MAX], size_t *len)
{
	EVP_PKEY *pub = NULL;
	enum err rc = caps_public(t, which, &pub);

	if (rc == ERR_OK &&
	    hsm_wrap_to(pub, md, octets, 32, out, len) != ERR_OK)
		rc = caps_missing(t, "its public key does not encrypt");
	EVP_PKEY_free(pub);
	return rc;
}

enum err
caps_oaep_once(struct caps_try *t)
{
	uint8_t store[HSM_SEED_BLOB_MAX];
	struct rd r;
	size_t n;

	rd_init(&r, t->seed, t->seed_len);
	return hsm_seed_import(t->h, r, store, &n);
}

enum err
caps_oaep(struct caps_try *t)
{
	uint8_t octets[HSM_SEED_LEN], store[HSM_SEED_BLOB_MAX];
	struct rd r;
	size_t n;
	enum err rc;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return ERR_CRYPTO;
	if ((rc = caps_have(t, HSM_KEY_SEED_IMPORT)) != ERR_OK ||
	    (rc = wrap_to(t, HSM_KEY_SEED_IMPORT, EVP_sha1(), octets, t->seed,
		 &t->seed_len)) != ERR_OK)
		return rc;
	rd_init(&r, t->seed, t->seed_len);
	rc = hsm_seed_import(t->h, r, t->store, &t->store_len);
	if (rc == ERR_MISMATCH)
		return caps_missing(t, "what was wrapped does not unwrap: %s",
		    hsm_why());
	if (rc != ERR_OK || (rc = caps_store_is(t, octets)) != ERR_OK)
		return rc;
	t->seed[7] ^= 1;
	if (hsm_seed_import(t->h, r, store, &n) == ERR_OK)
		rc = caps_missing(t, "what was changed unwraps");
	t->seed[7] ^= 1;
	if (rc == ERR_OK)
		caps_say(t, "a seed wrapped outside is the one inside");
	return rc;
}

static enum err
need_device(struct caps_try *t)
{
	if (t->device == NULL)
		t->device = EVP_RSA_gen(2048);
	return t->device == NULL ? ERR_CRYPTO : ERR_OK;
}

static enum err
open_at_device(struct caps_try *t, const uint8_t *in, size_t len,
    uint8_t out[256], size_t *n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(t->device, NULL);
	const bool ok = c != NULL && EVP_PKEY_decrypt_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_decrypt(c, out, n, in, len) == 1;

	EVP_PKEY_CTX_free(c);
	if (!ok || *n != HSM_SEED_LEN)
		return caps_missing(t, "what it wraps does not open outside");
	return ERR_OK;
}

enum err
caps_oaep_out(struct caps_try *t)
{
	uint8_t wrapped[HSM_DEVICE_BLOB_MAX], octets[256];
	size_t wrapped_len, n = sizeof(octets);
	unsigned char *spki = NULL;
	struct rd r;
	int len;
	enum err rc = need_device(t);

	if (rc != ERR_OK)
		return rc;
	if ((len = i2d_PUBKEY(t->device, &spki)) <= 0)
		return ERR_CRYPTO;
	rd_init(&r, spki, (size_t)len);
	rc = hsm_seed_generate(t->h, r, t->store, &t->store_len, wrapped,
	    &wrapped_len);
	OPENSSL_free(spki);
	if (rc == ERR_OK)
		rc = open_at_device(t, wrapped, wrapped_len, octets, &n);
	if (rc == ERR_OK)
		rc = caps_store_is(t, octets);
	if (rc == ERR_OK)
		caps_say(t, "a seed made inside is the one at the device");
	explicit_bzero(octets, sizeof(octets));
	return rc;
}

/* C_UnwrapKey by one of the pairs, of what is wrapped to it. */
static CK_RV
unwrap(struct caps_try *t, CK_MECHANISM_TYPE hash, enum hsm_key which,
    uint8_t *in, size_t len, CK_ATTRIBUTE *a, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = {hash,
	    hash == CKM_SHA256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1,
	    CKZ_DATA_SPECIFIED, NULL, 0};
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};

	return P11_RV(t->h, C_UnwrapKey, t->h->session, &m, t->h->key[which],
	    in, len, a, n, out);
}

enum err
caps_oaep_sha256(struct caps_try *t)
{
	uint8_t octets[HSM_SEED_LEN] = {1}, wrapped[HSM_DEVICE_BLOB_MAX];
	CK_ATTRIBUTE a[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_SIGN, yes)};
	CK_OBJECT_HANDLE o;
	struct hsm_seed s;
	size_t n;
	enum err rc;

	rc = wrap_to(t, HSM_KEY_SEED_IMPORT, EVP_sha256(), octets, wrapped, &n);
	if (rc != ERR_OK)
		return rc;
	rc = hsm_note("C_UnwrapKey",
	    unwrap(t, CKM_SHA256, HSM_KEY_SEED_IMPORT, wrapped, n, a, 6, &o));
	if (rc != ERR_OK)
		return rc;
	s.handle = o;
	rc = caps_is_seed(t, &s, octets);
	hsm_seed_close(t->h, &s);
	caps_say(t, "it has it");
	return rc;
}

enum err
caps_data_key_once(struct caps_try *t)
{
	uint8_t out[HSM_DATA_KEY_LEN];
	struct rd r;

	rd_init(&r, t->data_key, t->data_key_len);
	return hsm_data_key_open(t->h, r, out);
}

enum err
caps_data_key(struct caps_try *t)
{
	uint8_t octets[HSM_DATA_KEY_LEN], out[HSM_DATA_KEY_LEN] = {0};
	struct rd r;
	enum err rc;

	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return ERR_CRYPTO;
	if ((rc = caps_have(t, HSM_KEY_SPOOL)) != ERR_OK ||
	    (rc = wrap_to(t, HSM_KEY_SPOOL, EVP_sha1(), octets, t->data_key,
		 &t->data_key_len)) != ERR_OK)
		return rc;
	rd_init(&r, t->data_key, t->data_key_len);
	rc = hsm_data_key_open(t->h, r, out);
	if (rc == ERR_MISMATCH)
		return caps_missing(t, "what was wrapped does not unwrap: %s",
		    hsm_why());
	if (rc == ERR_OK && memcmp(out, octets, sizeof(out)) != 0)
		rc = caps_missing(t, "what comes out is another key");
	if (rc == ERR_OK)
		caps_say(t, "the key that went in comes out");
	return rc;
}

/* ---- unwrap templates ---- */

/*
 * A token may refuse a template that contradicts, or let its own prevail: what
 * came out must then not be readable.
 */
static enum err
bound(struct caps_try *t, CK_RV rv, CK_OBJECT_HANDLE o, const char *what)
{
	enum err rc;

	if (rv != CKR_OK)
		return caps_refused(t, "C_UnwrapKey", rv, what);
	rc = caps_hidden(t, o, CKA_VALUE, what);
	caps_destroy(t, o);
	return rc;
}

static enum err
store_binds(struct caps_try *t)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_ATTRIBUTE a[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_OBJECT_HANDLE o = 0;
	CK_RV rv;

	rv = P11_RV(t->h, C_UnwrapKey, t->h->session, &m,
	    t->h->key[HSM_KEY_SEED_STORE], t->store, t->store_len, a, 5, &o);
	return bound(t, rv, o, "unwrapping a stored seed to be read");
}

static enum err
pair_binds(struct caps_try *t, enum hsm_key which, CK_KEY_TYPE *type,
    const char *what)
{
	uint8_t octets[HSM_SEED_LEN] = {2}, wrapped[HSM_DEVICE_BLOB_MAX];
	CK_ATTRIBUTE a[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, *type), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_OBJECT_HANDLE o = 0;
	size_t n;
	CK_RV rv;
	enum err rc = wrap_to(t, which, EVP_sha1(), octets, wrapped, &n);

	if (rc != ERR_OK)
		return rc;
	rv = unwrap(t, CKM_SHA_1, which, wrapped, n, a, 5, &o);
	return bound(t, rv, o, what);
}

enum err
caps_templates(struct caps_try *t)
{
	enum err rc;

	if ((rc = store_binds(t)) != ERR_OK ||
	    (rc = pair_binds(t, HSM_KEY_SEED_IMPORT, &generic,
		 "unwrapping a seed from outside to be read")) != ERR_OK ||
	    (rc = pair_binds(t, HSM_KEY_SEED_IMPORT, &aes,
		 "unwrapping a seed as an AES key to be read")) != ERR_OK ||
	    (rc = pair_binds(t, HSM_KEY_SPOOL, &generic,
		 "unwrapping a seed by the queue's key")) != ERR_OK)
		return rc;
	caps_say(t, "what contradicts them is refused");
	return ERR_OK;
}
