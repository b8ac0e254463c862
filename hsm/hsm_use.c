/* What the objects are used for, one token operation at a time. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/hsm_token.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_KEY_TYPE rsa = CKK_RSA;
static CK_KEY_TYPE aes = CKK_AES;

/* C_DeriveKey, the result read into x and destroyed in the token. */
static enum err
derive_x(struct hsm *h, CK_OBJECT_HANDLE base, uint8_t *public_data, size_t len,
    uint8_t *x, size_t x_len, size_t *got)
{
	CK_ECDH1_DERIVE_PARAMS p = {CKD_NULL, 0, NULL, len, public_data};
	CK_MECHANISM m = {CKM_ECDH1_DERIVE, &p, sizeof(p)};
	CK_ULONG want = x_len;
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes),
	    ATTR(CKA_VALUE_LEN, want)};
	CK_ATTRIBUTE value = {CKA_VALUE, x, x_len};
	CK_OBJECT_HANDLE key;
	enum err rc;

	rc = P11(h, C_DeriveKey, h->session, &m, base, t, 6, &key);
	if (rc != ERR_OK)
		return rc;
	rc = P11(h, C_GetAttributeValue, h->session, key, &value, 1);
	*got = rc == ERR_OK ? value.ulValueLen : 0;
	if (rc == ERR_OK && *got != x_len)
		rc = why_set(&hsm_last.why, ERR_HSM,
		    "C_DeriveKey: the token cuts the ECDH result to %zu octets",
		    *got);
	if (P11(h, C_DestroyObject, h->session, key) != ERR_OK)
		rc = ERR_HSM;
	return rc;
}

enum err
hsm_derive(struct hsm *h, CK_OBJECT_HANDLE base, enum caps_point form,
    const uint8_t *point, size_t len, uint8_t *x, size_t x_len, size_t *got)
{
	uint8_t der[IBE_POINT_MAX + 3];
	size_t der_len, head;
	struct wr w;
	enum err rc;

	*got = 0;
	wr_init(&w, der, sizeof(der));
	wr_u8(&w, 0x04);
	if (len >= 128)
		wr_u8(&w, 0x81);
	wr_view8(&w, point, len);
	if (wr_finish(&w, &der_len) != ERR_OK)
		return why_set(&hsm_last.why, ERR_INTERNAL, "point too long");
	head = form == CAPS_POINT_DER ? 0 : der_len - len;
	hsm_hold(h);
	rc = derive_x(h, base, der + head, der_len - head, x, x_len, got);
	if (rc == ERR_OK)
		hsm_forget_why(); /* not why a later step fails */
	return hsm_release(h, rc);
}

static enum err
master_mul(void *ctx, const uint8_t *point, size_t len, uint8_t *x,
    size_t x_len)
{
	struct hsm *h = ctx;
	size_t got;

	if (h->point == CAPS_POINT_UNKNOWN)
		return why_set(&hsm_last.why, ERR_INTERNAL,
		    "how the token wants points is not known");
	return hsm_derive(h, h->key[HSM_KEY_MASTER], h->point, point, len, x,
	    x_len, &got);
}

/*
 * PKCS#11 has tokens take the raw point and lets them take it as a DER OCTET
 * STRING too.  SoftHSM guesses, and takes one raw point in 256 (x begins with
 * 7f) for DER: so raw is for a token that does not take DER.
 */
enum err
hsm_learn_point(struct hsm *h, struct ibe *ibe, struct why *why)
{
	static const enum caps_point forms[] = {CAPS_POINT_DER, CAPS_POINT_RAW};
	uint8_t point[IBE_POINT_MAX], want[IBE_POINT_MAX], x[IBE_POINT_MAX];
	size_t len, coord, got;
	bool wrong = false;
	enum err rc = ERR_OK;

	ibe_known_product(ibe, point, &len, want, &coord);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		rc = hsm_derive(h, h->key[HSM_KEY_MASTER], forms[i], point, len,
		    x, coord, &got);
		if (rc == ERR_OK && memcmp(x, want, coord) == 0) {
			h->point = forms[i];
			return ERR_OK;
		}
		wrong = wrong || rc == ERR_OK;
	}
	if (!wrong)
		return why_set(why, rc, "self-test: %s", hsm_last.why.text);
	return why_set(why, ERR_MISMATCH,
	    "self-test: the token's master secret is not that of the public "
	    "parameters");
}

struct ibe_token
hsm_ibe_token(struct hsm *h)
{
	return (struct ibe_token){master_mul, h};
}

enum err
hsm_c_sign(struct hsm *h, CK_MECHANISM_TYPE how, CK_OBJECT_HANDLE key,
    const uint8_t *data, size_t len, uint8_t *out, size_t out_len)
{
	CK_MECHANISM m = {how, NULL, 0};
	CK_ULONG n = out_len;
	CK_BYTE *in;
	enum err rc;

	memcpy(&in, &data, sizeof(data));
	hsm_hold(h); /* the two are one operation of the session */
	if ((rc = P11(h, C_SignInit, h->session, &m, key)) == ERR_OK)
		rc = P11(h, C_Sign, h->session, in, len, out, &n);
	if (rc == ERR_OK && n != out_len)
		rc = why_set(&hsm_last.why, ERR_HSM,
		    "C_Sign: %lu octets, not %zu", n, out_len);
	return hsm_release(h, rc);
}

/* No call has failed, and yet: hsm_failure(). */
static enum err
wrong_answer(void)
{
	hsm_forget_why();
	return ERR_HSM;
}

static enum err
mac(struct hsm *h, CK_OBJECT_HANDLE key, const uint8_t *data, size_t len,
    uint8_t out[32])
{
	return hsm_c_sign(h, CKM_SHA256_HMAC, key, data, len, out, 32);
}

enum err
hsm_seal(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    uint8_t seal[HSM_SEAL_LEN])
{
	uint8_t again[HSM_SEAL_LEN];
	enum err rc;

	if (key != HSM_KEY_SEAL_REGISTRY && key != HSM_KEY_SEAL_STATE)
		return ERR_INTERNAL;
	/* A wrong one would show when it is too late. */
	if ((rc = mac(h, h->key[key], data, len, seal)) != ERR_OK ||
	    (rc = mac(h, h->key[key], data, len, again)) != ERR_OK)
		return rc;
	return ct_equal(seal, again, HSM_SEAL_LEN) ? ERR_OK : wrong_answer();
}

enum err
hsm_seal_check(struct hsm *h, enum hsm_key key, const uint8_t *data, size_t len,
    struct rd seal)
{
	uint8_t want[HSM_SEAL_LEN];
	enum err rc;

	if (seal.left != HSM_SEAL_LEN)
		return ERR_MISMATCH;
	if ((rc = mac(h, h->key[key], data, len, want)) != ERR_OK)
		return rc;
	if (ct_equal(want, seal.p, HSM_SEAL_LEN))
		return ERR_OK;
	/* It is said of no octets that they were not sealed if the token is
	 * not of one mind. */
	if ((rc = hsm_seal(h, key, data, len, want)) != ERR_OK)
		return rc;
	return ct_equal(want, seal.p, HSM_SEAL_LEN) ? wrong_answer()
						    : ERR_MISMATCH;
}

static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
    CKZ_DATA_SPECIFIED, NULL, 0};

enum err
hsm_wrap_to(EVP_PKEY *key, const EVP_MD *md, const uint8_t *in, size_t len,
    uint8_t out[HSM_DEVICE_BLOB_MAX], size_t *out_len)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	enum err rc = ERR_MALFORMED;

	*out_len = HSM_DEVICE_BLOB_MAX;
	if (c != NULL && EVP_PKEY_get_size(key) <= HSM_DEVICE_BLOB_MAX &&
	    EVP_PKEY_encrypt_init(c) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, md) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) == 1 &&
	    EVP_PKEY_encrypt(c, out, out_len, in, len) == 1)
		rc = ERR_OK;
	EVP_PKEY_CTX_free(c);
	return rc;
}

/* Wrap a seed for the store; the object goes in any case. */
static enum err
store_and_destroy(struct hsm *h, CK_OBJECT_HANDLE seed, uint8_t *store,
    size_t *store_len)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_ULONG n = HSM_SEED_BLOB_MAX;
	enum err rc;

	rc = P11(h, C_WrapKey, h->session, &m, h->key[HSM_KEY_SEED_STORE], seed,
	    store, &n);
	if (rc == ERR_OK)
		*store_len = n;
	if (P11(h, C_DestroyObject, h->session, seed) != ERR_OK)
		rc = ERR_HSM;
	return rc;
}

/* A session object for the RSA key that a device's certificate names. */
static enum err
device_key(struct hsm *h, struct rd spki, CK_OBJECT_HANDLE *out)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.left);
	BIGNUM *n = NULL, *e = NULL;
	uint8_t nb[HSM_DEVICE_BLOB_MAX], eb[16];
	enum err rc = ERR_UNSUPPORTED;

	if (key == NULL || !EVP_PKEY_is_a(key, "RSA") ||
	    EVP_PKEY_get_bits(key) < 2048 || EVP_PKEY_get_bits(key) > 4096 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	    BN_num_bytes(n) > (int)sizeof(nb) ||
	    BN_num_bytes(e) > (int)sizeof(eb))
		goto out;
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, public_class),
	    ATTR(CKA_KEY_TYPE, rsa), ATTR(CKA_TOKEN, no), ATTR(CKA_WRAP, yes),
	    {CKA_MODULUS, nb, (CK_ULONG)BN_bn2bin(n, nb)},
	    {CKA_PUBLIC_EXPONENT, eb, (CK_ULONG)BN_bn2bin(e, eb)}};

	rc = P11(h, C_CreateObject, h->session, t, 6, out);
out:
	BN_free(n);
	BN_free(e);
	EVP_PKEY_free(key);
	return rc;
}

/* On the way out of a failure: what failed first is what counts. */
static void
destroy(struct hsm *h, CK_OBJECT_HANDLE object)
{
	(void)P11_RV(h, C_DestroyObject, h->session, object);
}

enum err
hsm_seed_generate(struct hsm *h, struct rd device_spki,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len,
    uint8_t device[HSM_DEVICE_BLOB_MAX], size_t *device_len)
{
	CK_MECHANISM gen = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
	CK_MECHANISM wrap = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};
	CK_ULONG len = HSM_SEED_LEN, n = HSM_DEVICE_BLOB_MAX;
	CK_ATTRIBUTE t[] = {ATTR(CKA_TOKEN, no), ATTR(CKA_SENSITIVE, yes),
	    ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_SIGN, no),
	    ATTR(CKA_VALUE_LEN, len)};
	CK_OBJECT_HANDLE seed, to;
	enum err rc;

	if ((rc = device_key(h, device_spki, &to)) != ERR_OK)
		return rc;
	rc = P11(h, C_GenerateKey, h->session, &gen, t, 5, &seed);
	if (rc == ERR_OK) {
		rc = P11(h, C_WrapKey, h->session, &wrap, to, seed, device, &n);
		if (rc == ERR_OK) {
			*device_len = n;
			rc = store_and_destroy(h, seed, store, store_len);
		} else
			destroy(h, seed);
	}
	if (P11(h, C_DestroyObject, h->session, to) != ERR_OK)
		rc = ERR_HSM;
	return rc;
}

/*
 * Why octets from outside were not taken: ERR_MISMATCH, they are no good;
 * ERR_HSM or ERR_PIN, the token is.  Where its answer leaves that open, a call
 * that must succeed tells.
 */
static enum err
not_taken(struct hsm *h, enum err rc)
{
	uint8_t out[32] = {0};

	if (rc != ERR_HSM || hsm_last.fault == HSM_FAULT_RELOAD)
		return rc;
	if (hsm_last.fault == HSM_FAULT_DATA)
		return ERR_MISMATCH;
	rc = mac(h, h->key[HSM_KEY_SEAL_STATE], out, 0, out);
	return rc == ERR_OK ? ERR_MISMATCH : rc;
}

enum err
hsm_seed_import(struct hsm *h, struct rd wrapped,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len)
{
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, yes)};
	uint8_t blob[HSM_SEED_BLOB_MAX];
	CK_OBJECT_HANDLE seed;
	size_t len = 0;
	CK_BYTE *in;
	enum err rc;

	memcpy(&in, &wrapped.p, sizeof(in));
	hsm_hold(h); /* whose fault it is must be this call's */
	rc = P11(h, C_UnwrapKey, h->session, &m, h->key[HSM_KEY_SEED_IMPORT],
	    in, wrapped.left, t, 5, &seed);
	/* The length shows only wrapped: SoftHSM leaves CKA_VALUE_LEN at 0. */
	if (rc == ERR_OK)
		rc = store_and_destroy(h, seed, blob, &len);
	if (rc != ERR_OK)
		rc = not_taken(h, rc);
	if ((rc = hsm_release(h, rc)) != ERR_OK)
		return rc;
	if (len != HSM_SEED_BLOB_LEN)
		return ERR_MISMATCH;
	memcpy(store, blob, len);
	*store_len = len;
	return ERR_OK;
}

enum err
hsm_seed_open(struct hsm *h, struct rd store, struct hsm_seed *out)
{
	CK_MECHANISM m = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_SIGN, yes), ATTR(CKA_DERIVE, no)};
	CK_OBJECT_HANDLE seed;
	CK_BYTE *in;
	enum err rc;

	memcpy(&in, &store.p, sizeof(in));
	hsm_hold(h);
	rc = P11(h, C_UnwrapKey, h->session, &m, h->key[HSM_KEY_SEED_STORE], in,
	    store.left, t, 7, &seed);
	if (rc == ERR_OK)
		out->handle = seed;
	else if (hsm_last.fault == HSM_FAULT_DATA)
		rc = ERR_MISMATCH;
	return hsm_release(h, rc);
}

enum err
hsm_seed_mac(struct hsm *h, const struct hsm_seed *seed, const uint8_t *data,
    size_t len, uint8_t out[32])
{
	return mac(h, seed->handle, data, len, out);
}

void
hsm_seed_close(struct hsm *h, struct hsm_seed *seed)
{
	if (seed->handle != 0)
		destroy(h, seed->handle);
	seed->handle = 0;
}

/* ---- delivery over HI2 ---- */

enum err
hsm_data_key_open(struct hsm *h, struct rd wrapped,
    uint8_t key[HSM_DATA_KEY_LEN])
{
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, aes), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_ATTRIBUTE value = {CKA_VALUE, key, HSM_DATA_KEY_LEN};
	CK_OBJECT_HANDLE o;
	CK_BYTE *in;
	enum err rc;

	memcpy(&in, &wrapped.p, sizeof(in));
	hsm_hold(h);
	rc = P11(h, C_UnwrapKey, h->session, &m, h->key[HSM_KEY_SPOOL], in,
	    wrapped.left, t, 5, &o);
	if (rc == ERR_OK) {
		rc = P11(h, C_GetAttributeValue, h->session, o, &value, 1);
		destroy(h, o);
	}
	if (rc != ERR_OK)
		rc = not_taken(h, rc);
	if ((rc = hsm_release(h, rc)) != ERR_OK)
		return rc;
	return value.ulValueLen == HSM_DATA_KEY_LEN ? ERR_OK : ERR_MISMATCH;
}
