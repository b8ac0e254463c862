/*
 * Which private key of a card is a certificate's.  A private key of RSA shows
 * its modulus.  One of EC shows nothing in most tokens; then an object of the
 * same CKA_ID tells, a public key or a certificate.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "hsm/card_int.h"

#define KEYS_MAX 64
#define ID_MAX 256
#define PUBLIC_MAX 1024 /* octets of a modulus, or of a point */

static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;

/* The public key of the certificate, as tokens have it. */
struct wanted {
	EVP_PKEY *key;
	CK_ATTRIBUTE_TYPE attr; /* CKA_MODULUS or CKA_EC_POINT */
	uint8_t p[PUBLIC_MAX];
	size_t len;
};

static enum err
want_modulus(struct wanted *w)
{
	BIGNUM *n = NULL;
	enum err rc = ERR_UNSUPPORTED;

	w->attr = CKA_MODULUS;
	if (EVP_PKEY_get_bn_param(w->key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    BN_num_bytes(n) <= PUBLIC_MAX) {
		w->len = (size_t)BN_bn2bin(n, w->p);
		rc = ERR_OK;
	}
	BN_free(n);
	return rc;
}

/* 04 || x || y, whatever form the certificate has it in. */
static enum err
want_point(struct wanted *w)
{
	const int field = (EVP_PKEY_get_bits(w->key) + 7) / 8;
	BIGNUM *x = NULL, *y = NULL;
	enum err rc = ERR_UNSUPPORTED;

	w->attr = CKA_EC_POINT;
	if (field > 0 && 1 + 2 * field <= PUBLIC_MAX &&
	    EVP_PKEY_get_bn_param(w->key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	    EVP_PKEY_get_bn_param(w->key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	    BN_bn2binpad(x, w->p + 1, field) == field &&
	    BN_bn2binpad(y, w->p + 1 + field, field) == field) {
		w->p[0] = 0x04;
		w->len = (size_t)(1 + 2 * field);
		rc = ERR_OK;
	}
	BN_free(x);
	BN_free(y);
	return rc;
}

static EVP_PKEY *
key_of_cert(struct rd cert)
{
	const unsigned char *p = cert.p;
	X509 *x = d2i_X509(NULL, &p, (long)cert.left);
	EVP_PKEY *key = x == NULL ? NULL : X509_get_pubkey(x);

	X509_free(x);
	return key;
}

static enum err
want(struct rd cert, struct wanted *w)
{
	if ((w->key = key_of_cert(cert)) == NULL)
		return ERR_UNSUPPORTED;
	if (EVP_PKEY_is_a(w->key, "RSA"))
		return want_modulus(w);
	if (EVP_PKEY_is_a(w->key, "EC"))
		return want_point(w);
	return ERR_UNSUPPORTED;
}

/* ---- objects ---- */

/* At most `max` objects that are as the template says. */
static enum err
find_all(struct card *c, CK_ATTRIBUTE *t, CK_ULONG n_attrs,
    CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
	CK_ULONG got = 1;
	enum err rc;

	*n = 0;
	rc = P11(c->h, C_FindObjectsInit, c->h->session, t, n_attrs);
	if (rc != ERR_OK)
		return rc;
	while (rc == ERR_OK && got > 0 && *n < max) {
		rc = P11(c->h, C_FindObjects, c->h->session, out + *n, max - *n,
		    &got);
		if (rc == ERR_OK)
			*n += got;
	}
	(void)P11_RV(c->h, C_FindObjectsFinal, c->h->session);
	return rc;
}

/* Modulus: zeros may stand in front.  Point: raw, or in an OCTET STRING. */
static bool
same_public(const struct wanted *w, const uint8_t *p, size_t len)
{
	if (w->attr == CKA_MODULUS)
		for (; len > w->len && *p == 0; len--)
			p++;
	else if (len > w->len && len <= w->len + 3 && *p == 0x04) {
		p += len - w->len;
		len = w->len;
	}
	return len == w->len && memcmp(p, w->p, len) == 0;
}

static enum err
shows_key(struct card *c, const struct wanted *w, CK_OBJECT_HANDLE o,
    bool *same)
{
	uint8_t p[PUBLIC_MAX + 8];
	size_t len;
	enum err rc = card_attr(c, o, w->attr, p, sizeof(p), &len);

	*same = rc == ERR_OK && same_public(w, p, len);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static enum err
shows_cert(struct card *c, const struct wanted *w, CK_OBJECT_HANDLE o,
    bool *same)
{
	uint8_t der[MAX_CERT];
	struct rd view;
	EVP_PKEY *key;
	size_t len;
	enum err rc = card_attr(c, o, CKA_VALUE, der, sizeof(der), &len);

	*same = false;
	if (rc != ERR_OK)
		return rc == ERR_NOTFOUND ? ERR_OK : rc;
	rd_init(&view, der, len);
	key = key_of_cert(view);
	*same = key != NULL && EVP_PKEY_eq(key, w->key) == 1;
	EVP_PKEY_free(key);
	return ERR_OK;
}

/* Does the key, or something of the same CKA_ID, show that it is the one? */
static enum err
is_wanted(struct card *c, const struct wanted *w, CK_OBJECT_HANDLE key,
    bool *same)
{
	CK_OBJECT_CLASS class[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE};
	CK_OBJECT_HANDLE o[KEYS_MAX];
	uint8_t id[ID_MAX];
	size_t len = 0;
	CK_ULONG n;
	enum err rc;

	if ((rc = shows_key(c, w, key, same)) != ERR_OK || *same)
		return rc;
	rc = card_attr(c, key, CKA_ID, id, sizeof(id), &len);
	if (rc != ERR_OK || len == 0)
		return rc == ERR_NOTFOUND ? ERR_OK : rc;
	for (unsigned k = 0; k < 2; k++) {
		CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, class[k]),
		    {CKA_ID, id, len}};

		if ((rc = find_all(c, t, 2, o, KEYS_MAX, &n)) != ERR_OK)
			return rc;
		for (CK_ULONG i = 0; i < n && rc == ERR_OK && !*same; i++)
			rc = k == 0 ? shows_key(c, w, o[i], same)
				    : shows_cert(c, w, o[i], same);
		if (rc != ERR_OK || *same)
			return rc;
	}
	return ERR_OK;
}

static enum err
find_by_cert(struct card *c, struct rd cert)
{
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, private_class)};
	struct wanted w = {.key = NULL};
	CK_OBJECT_HANDLE key[KEYS_MAX];
	bool same = false;
	CK_ULONG n = 0;
	enum err rc;

	if ((rc = want(cert, &w)) != ERR_OK)
		(void)why_set(&hsm_last.why, rc,
		    "the certificate's key is neither RSA nor EC");
	else
		rc = find_all(c, t, 1, key, KEYS_MAX, &n);
	for (CK_ULONG i = 0; i < n && rc == ERR_OK && !same; i++) {
		rc = is_wanted(c, &w, key[i], &same);
		c->key = key[i];
	}
	if (rc == ERR_OK && !same)
		rc = why_set(&hsm_last.why, ERR_NOTFOUND,
		    "no private key in the token \"%s\" is known as that of "
		    "the certificate (%lu looked at)",
		    c->label, n);
	EVP_PKEY_free(w.key);
	return rc;
}

static enum err
find_by_label(struct card *c, const char *label)
{
	CK_ATTRIBUTE t[] = {ATTR(CKA_CLASS, private_class),
	    {CKA_LABEL, NULL, strlen(label)}};
	CK_OBJECT_HANDLE key[2];
	CK_ULONG n;
	enum err rc;

	memcpy(&t[1].pValue, &label, sizeof(label));
	if ((rc = find_all(c, t, 2, key, 2, &n)) != ERR_OK)
		return rc;
	if (n != 1)
		return why_set(&hsm_last.why,
		    n == 0 ? ERR_NOTFOUND : ERR_EXISTS,
		    "the token \"%s\" holds %s private key with the label \"%s\"",
		    c->label, n == 0 ? "no" : "more than one", label);
	c->key = key[0];
	return ERR_OK;
}

enum err
card_find(struct card *c, const char *label, struct rd cert, struct why *why)
{
	CK_ATTRIBUTE t[] = {ATTR(CKA_KEY_TYPE, c->type)};
	enum err rc;

	rc = label != NULL ? find_by_label(c, label) : find_by_cert(c, cert);
	if (rc == ERR_OK)
		rc =
		    P11(c->h, C_GetAttributeValue, c->h->session, c->key, t, 1);
	if (rc == ERR_OK && c->type != CKK_RSA && c->type != CKK_EC)
		rc = why_set(&hsm_last.why, ERR_UNSUPPORTED,
		    "the key in the token is neither RSA nor EC");
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_last.why.text);
	ERR_clear_error(); /* of certificates that are none */
	return rc;
}
