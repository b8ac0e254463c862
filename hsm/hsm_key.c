/*
 * The appliance's objects in the token: how each is made, how it is found
 * again, and what is checked before it is used.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "hsm/hsm_token.h"

#define P256_POINT 65 /* 04 || x || y */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
static CK_KEY_TYPE aes = CKK_AES;
static CK_ULONG len_32 = 32;

/* What is found by, and what the find checks. */
struct object {
	const char *label;
	CK_OBJECT_CLASS *class;
	CK_ATTRIBUTE_TYPE may; /* the one thing it is for */
};

static const struct object objects[HSM_KEY__MAX] = {
    [HSM_KEY_MASTER] = {"keywarden-master-1", &private_class, CKA_DERIVE},
    [HSM_KEY_SEED_STORE] = {"keywarden-seed-store-1", &secret_class,
	CKA_UNWRAP},
    [HSM_KEY_SEED_IMPORT] = {"keywarden-seed-import-1", &private_class,
	CKA_UNWRAP},
    [HSM_KEY_SEAL_REGISTRY] = {"keywarden-seal-registry-1", &secret_class,
	CKA_SIGN},
    [HSM_KEY_SEAL_STATE] = {"keywarden-seal-state-1", &secret_class, CKA_SIGN},
    [HSM_KEY_SPOOL] = {"keywarden-spool-1", &private_class, CKA_UNWRAP},
    [HSM_KEY_HI2] = {"keywarden-hi2-1", &private_class, CKA_SIGN},
    [HSM_KEY_TLS_XK] = {"keywarden-tls-xk-1", &private_class, CKA_SIGN},
    [HSM_KEY_TLS_X2] = {"keywarden-tls-x2-1", &private_class, CKA_SIGN},
    [HSM_KEY_TLS_XKC] = {"keywarden-tls-xkc-1", &private_class, CKA_SIGN},
    [HSM_KEY_TLS_HI2] = {"keywarden-tls-hi2-1", &private_class, CKA_SIGN},
};

/* A label as an attribute value; the token only reads it. */
static CK_ATTRIBUTE
label_attr(const char *label)
{
	CK_ATTRIBUTE a = {CKA_LABEL, NULL, strlen(label)};

	memcpy(&a.pValue, &label, sizeof(label));
	return a;
}

static enum err
find_one(struct hsm *h, const char *label, CK_OBJECT_CLASS *class,
    CK_OBJECT_HANDLE *out)
{
	CK_ATTRIBUTE t[] = {label_attr(label),
	    {CKA_CLASS, class, sizeof(*class)}, ATTR(CKA_TOKEN, yes)};
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;
	enum err rc;

	if ((rc = P11(h, C_FindObjectsInit, h->session, t, 3)) != ERR_OK)
		return rc;
	rc = P11(h, C_FindObjects, h->session, found, 2, &n);
	(void)P11_RV(h, C_FindObjectsFinal, h->session);
	if (rc != ERR_OK)
		return rc;
	if (n == 0)
		return why_set(&hsm_last.why, ERR_NOTFOUND,
		    "the token holds no object \"%s\"", label);
	if (n > 1)
		return why_set(&hsm_last.why, ERR_HSM,
		    "the token holds two objects \"%s\"", label);
	*out = found[0];
	return ERR_OK;
}

/* Sensitive, never extractable, and with the use it is for. */
static enum err
check_object(struct hsm *h, const struct object *o, CK_OBJECT_HANDLE key)
{
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE, never = CK_FALSE,
		 may = CK_FALSE;
	CK_ATTRIBUTE t[] = {ATTR(CKA_SENSITIVE, sensitive),
	    ATTR(CKA_EXTRACTABLE, extractable),
	    ATTR(CKA_NEVER_EXTRACTABLE, never), ATTR(o->may, may)};
	enum err rc;

	if ((rc = P11(h, C_GetAttributeValue, h->session, key, t, 4)) != ERR_OK)
		return rc;
	if (sensitive != CK_TRUE || extractable != CK_FALSE ||
	    never != CK_TRUE || may != CK_TRUE)
		return why_set(&hsm_last.why, ERR_HSM,
		    "token object \"%s\" is not of the kind that init makes",
		    o->label);
	return ERR_OK;
}

/* Who wraps, or verifies, needs the other half. */
static bool
has_public(enum hsm_key which)
{
	return objects[which].class == &private_class &&
	    which != HSM_KEY_MASTER;
}

static enum err
find_from(struct hsm *h, enum hsm_key first, enum hsm_key end, struct why *why)
{
	CK_OBJECT_HANDLE pub;
	enum err rc = ERR_OK;

	for (enum hsm_key i = first; i < end && rc == ERR_OK; i++) {
		const struct object *o = &objects[i];

		if ((rc = find_one(h, o->label, o->class, &h->key[i])) ==
		    ERR_OK)
			rc = check_object(h, o, h->key[i]);
		if (rc == ERR_OK && has_public(i))
			rc = find_one(h, o->label, &public_class, &pub);
	}
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_last.why.text);
	return rc;
}

enum err
hsm_find_keys(struct hsm *h, struct why *why)
{
	return find_from(h, HSM_KEY_MASTER, HSM_KEY_TLS_XK, why);
}

enum err
hsm_find_tls_keys(struct hsm *h, struct why *why)
{
	return find_from(h, HSM_KEY_TLS_XK, HSM_KEY__MAX, why);
}

enum err
hsm_no_keys(struct hsm *h)
{
	CK_OBJECT_HANDLE any;

	for (int i = 0; i < HSM_KEY__MAX; i++) {
		enum err rc =
		    find_one(h, objects[i].label, objects[i].class, &any);

		if (rc == ERR_NOTFOUND)
			continue;
		if (rc != ERR_OK && rc != ERR_HSM)
			return rc;
		return why_set(&hsm_last.why, ERR_EXISTS,
		    "the token holds an object \"%s\" already",
		    objects[i].label);
	}
	return ERR_OK;
}

/*
 * CKA_EC_POINT is a DER OCTET STRING around 04 || x || y; some tokens have the
 * point as it is, which its length tells: `want` octets.
 */
static enum err
read_point(struct hsm *h, CK_OBJECT_HANDLE pub, size_t want, uint8_t *out)
{
	uint8_t der[IBE_POINT_MAX + 8];
	CK_ATTRIBUTE t[] = {{CKA_EC_POINT, der, sizeof(der)}};
	struct rd r, point;
	uint8_t tag, l;
	enum err rc;

	rc = P11(h, C_GetAttributeValue, h->session, pub, t, 1);
	if (rc != ERR_OK)
		return rc;
	rd_init(&r, der, t[0].ulValueLen);
	point = r;
	h->raw_public = r.left == want;
	if (!h->raw_public &&
	    (rd_u8(&r, &tag) != ERR_OK || tag != 0x04 ||
		rd_u8(&r, &l) != ERR_OK ||
		(l == 0x81 && rd_u8(&r, &l) != ERR_OK) ||
		rd_view(&r, l, &point) != ERR_OK || rd_end(&r) != ERR_OK))
		point.left = 0;
	if (point.left != want || want > IBE_POINT_MAX)
		return why_set(&hsm_last.why, ERR_HSM,
		    "the token's CKA_EC_POINT is no point of that curve");
	memcpy(out, point.p, want);
	return ERR_OK;
}

static enum err
create_master(struct hsm *h, struct hsm_made *m)
{
	CK_MECHANISM gen = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub[] = {{CKA_EC_PARAMS, NULL, m->ec_params.left},
	    ATTR(CKA_TOKEN, no), label_attr(m->label)};
	CK_ATTRIBUTE prv[] = {ATTR(CKA_TOKEN, m->keep), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_DERIVE, yes), ATTR(CKA_SIGN, no), ATTR(CKA_DECRYPT, no),
	    ATTR(CKA_UNWRAP, no), ATTR(CKA_MODIFIABLE, no),
	    label_attr(m->label)};
	enum err rc;

	memcpy(&pub[0].pValue, &m->ec_params.p, sizeof(m->ec_params.p));
	rc = P11(h, C_GenerateKeyPair, h->session, &gen, pub, 3, prv, 10,
	    &m->pub, &m->key);
	if (rc == ERR_OK)
		rc = read_point(h, m->pub, IBE_POINT_MAX, m->point);
	return rc;
}

static enum err
create_seed_store(struct hsm *h, struct hsm_made *m)
{
	CK_MECHANISM gen = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE seed[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_SIGN, yes), ATTR(CKA_DERIVE, no)};
	CK_ATTRIBUTE t[] = {ATTR(CKA_TOKEN, m->keep), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_WRAP, yes), ATTR(CKA_UNWRAP, yes), ATTR(CKA_ENCRYPT, no),
	    ATTR(CKA_DECRYPT, no), ATTR(CKA_SIGN, no), ATTR(CKA_VERIFY, no),
	    ATTR(CKA_DERIVE, no), ATTR(CKA_MODIFIABLE, no),
	    ATTR(CKA_VALUE_LEN, len_32),
	    {CKA_UNWRAP_TEMPLATE, seed, sizeof(seed)}, label_attr(m->label)};

	return P11(h, C_GenerateKey, h->session, &gen, t, 15, &m->key);
}

/* A pair that unwraps, and nothing else; what comes out is as `inside` says. */
static enum err
create_rsa(struct hsm *h, struct hsm_made *m, CK_ATTRIBUTE *inside,
    CK_ULONG octets)
{
	CK_MECHANISM gen = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
	CK_ULONG bits = m->rsa_bits;
	uint8_t exponent[] = {1, 0, 1};
	CK_ATTRIBUTE pub[] = {ATTR(CKA_TOKEN, m->keep),
	    ATTR(CKA_MODULUS_BITS, bits), ATTR(CKA_PUBLIC_EXPONENT, exponent),
	    ATTR(CKA_WRAP, yes), ATTR(CKA_ENCRYPT, no), ATTR(CKA_VERIFY, no),
	    label_attr(m->label)};
	CK_ATTRIBUTE prv[] = {ATTR(CKA_TOKEN, m->keep), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_UNWRAP, yes), ATTR(CKA_DECRYPT, no), ATTR(CKA_SIGN, no),
	    ATTR(CKA_MODIFIABLE, no), {CKA_UNWRAP_TEMPLATE, inside, octets},
	    label_attr(m->label)};

	return P11(h, C_GenerateKeyPair, h->session, &gen, pub, 7, prv, 10,
	    &m->pub, &m->key);
}

static enum err
create_seed_import(struct hsm *h, struct hsm_made *m)
{
	CK_ATTRIBUTE seed[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, yes)};

	return create_rsa(h, m, seed, sizeof(seed));
}

/*
 * The keys under which records were sealed come out for who delivers them, and
 * are of another kind than seeds, so that no seed comes out this way.
 */
static enum err
create_spool(struct hsm *h, struct hsm_made *m)
{
	CK_ATTRIBUTE data_key[] = {ATTR(CKA_CLASS, secret_class),
	    ATTR(CKA_KEY_TYPE, aes), ATTR(CKA_TOKEN, no),
	    ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};

	return create_rsa(h, m, data_key, sizeof(data_key));
}

/* Signs, and does nothing else. */
static enum err
create_p256(struct hsm *h, struct hsm_made *m)
{
	/* secp256r1, 1.2.840.10045.3.1.7 */
	uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
	    0x07};
	CK_MECHANISM gen = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub[] = {ATTR(CKA_EC_PARAMS, p256),
	    ATTR(CKA_TOKEN, m->keep), ATTR(CKA_VERIFY, yes),
	    ATTR(CKA_ENCRYPT, no), ATTR(CKA_WRAP, no), label_attr(m->label)};
	CK_ATTRIBUTE prv[] = {ATTR(CKA_TOKEN, m->keep), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_SIGN, yes), ATTR(CKA_DERIVE, no), ATTR(CKA_DECRYPT, no),
	    ATTR(CKA_UNWRAP, no), ATTR(CKA_MODIFIABLE, no),
	    label_attr(m->label)};

	return P11(h, C_GenerateKeyPair, h->session, &gen, pub, 6, prv, 10,
	    &m->pub, &m->key);
}

static enum err
create_seal(struct hsm *h, struct hsm_made *m)
{
	CK_MECHANISM gen = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE t[] = {ATTR(CKA_TOKEN, m->keep), ATTR(CKA_PRIVATE, yes),
	    ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no),
	    ATTR(CKA_SIGN, yes), ATTR(CKA_VERIFY, no), ATTR(CKA_DERIVE, no),
	    ATTR(CKA_ENCRYPT, no), ATTR(CKA_DECRYPT, no), ATTR(CKA_WRAP, no),
	    ATTR(CKA_UNWRAP, no), ATTR(CKA_MODIFIABLE, no),
	    ATTR(CKA_VALUE_LEN, len_32), label_attr(m->label)};

	return P11(h, C_GenerateKey, h->session, &gen, t, 14, &m->key);
}

/* In the order in which init makes them. */
static const struct {
	enum hsm_key which;
	enum err (*create)(struct hsm *, struct hsm_made *);
} makers[] = {{HSM_KEY_SEED_STORE, create_seed_store},
    {HSM_KEY_SEED_IMPORT, create_seed_import}, {HSM_KEY_SPOOL, create_spool},
    {HSM_KEY_SEAL_REGISTRY, create_seal}, {HSM_KEY_SEAL_STATE, create_seal},
    {HSM_KEY_HI2, create_p256}, {HSM_KEY_TLS_XK, create_p256},
    {HSM_KEY_TLS_X2, create_p256}, {HSM_KEY_TLS_XKC, create_p256},
    {HSM_KEY_TLS_HI2, create_p256}, {HSM_KEY_MASTER, create_master}};
#define N_MAKERS (sizeof(makers) / sizeof(makers[0]))

enum err
hsm_make(struct hsm *h, enum hsm_key which, struct hsm_made *m)
{
	for (size_t i = 0; i < N_MAKERS; i++)
		if (makers[i].which == which)
			return makers[i].create(h, m);
	return why_set(&hsm_last.why, ERR_INTERNAL, "no such key");
}

enum err
hsm_check_made(struct hsm *h, enum hsm_key which, CK_OBJECT_HANDLE key)
{
	return check_object(h, &objects[which], key);
}

enum err
hsm_create_keys(struct hsm *h, struct rd ec_params,
    uint8_t point[IBE_POINT_MAX], size_t *point_len, struct why *why)
{
	struct hsm_made m = {.keep = CK_TRUE,
	    .rsa_bits = HSM_RSA_BITS,
	    .ec_params = ec_params};
	enum err rc = hsm_no_keys(h);

	for (size_t i = 0; i < N_MAKERS && rc == ERR_OK; i++) {
		m.label = objects[makers[i].which].label;
		rc = makers[i].create(h, &m);
	}
	if (rc != ERR_OK)
		return why_set(why, rc, "%s", hsm_last.why.text);
	memcpy(point, m.point, sizeof(m.point));
	*point_len = sizeof(m.point);
	return ERR_OK;
}

/* Read an attribute of unknown length into `buf`. */
static enum err
read_attr(struct hsm *h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type,
    uint8_t *buf, size_t cap, size_t *len)
{
	CK_ATTRIBUTE t = {type, buf, cap};
	enum err rc = P11(h, C_GetAttributeValue, h->session, o, &t, 1);

	if (rc == ERR_OK)
		*len = t.ulValueLen;
	return rc;
}

static enum err
rsa_public_key(struct hsm *h, CK_OBJECT_HANDLE pub, uint8_t *der, size_t cap,
    size_t *len)
{
	uint8_t n[1024], e[16];
	size_t n_len, e_len;
	BIGNUM *bn_n = NULL, *bn_e = NULL;
	OSSL_PARAM_BLD *b = NULL;
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	unsigned char *out = NULL;
	enum err rc;
	int got;

	if ((rc = read_attr(h, pub, CKA_MODULUS, n, sizeof(n), &n_len)) !=
		ERR_OK ||
	    (rc = read_attr(h, pub, CKA_PUBLIC_EXPONENT, e, sizeof(e),
		 &e_len)) != ERR_OK)
		return rc;
	rc = ERR_CRYPTO;
	bn_n = BN_bin2bn(n, (int)n_len, NULL);
	bn_e = BN_bin2bn(e, (int)e_len, NULL);
	b = OSSL_PARAM_BLD_new();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (bn_n == NULL || bn_e == NULL || b == NULL || ctx == NULL ||
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn_n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, bn_e) != 1 ||
	    (params = OSSL_PARAM_BLD_to_param(b)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		goto out;
	got = i2d_PUBKEY(key, &out);
	if (got <= 0 || (size_t)got > cap)
		goto out;
	memcpy(der, out, (size_t)got);
	*len = (size_t)got;
	rc = ERR_OK;
out:
	OPENSSL_free(out);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn_n);
	BN_free(bn_e);
	return rc;
}

/* The one form of a P-256 key's SubjectPublicKeyInfo (RFC 5480). */
static enum err
ec_public_key(struct hsm *h, CK_OBJECT_HANDLE pub, uint8_t *der, size_t cap,
    size_t *len)
{
	static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
	    0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
	uint8_t point[P256_POINT];
	struct wr w;
	enum err rc;

	if ((rc = read_point(h, pub, sizeof(point), point)) != ERR_OK)
		return rc;
	wr_init(&w, der, cap);
	wr_copy(&w, head, sizeof(head));
	wr_copy(&w, point, sizeof(point));
	return wr_finish(&w, len);
}

enum err
hsm_public_of(struct hsm *h, enum hsm_key which, CK_OBJECT_HANDLE pub,
    uint8_t *der, size_t cap, size_t *len)
{
	return which >= HSM_KEY_HI2 ? ec_public_key(h, pub, der, cap, len)
				    : rsa_public_key(h, pub, der, cap, len);
}

enum err
hsm_public_key(struct hsm *h, enum hsm_key which, uint8_t *der, size_t cap,
    size_t *len)
{
	CK_OBJECT_HANDLE pub;
	enum err rc;

	rc = find_one(h, objects[which].label, &public_class, &pub);
	if (rc != ERR_OK)
		return rc;
	return hsm_public_of(h, which, pub, der, cap, len);
}
