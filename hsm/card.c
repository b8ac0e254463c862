#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "hsm/card_int.h"

#define SLOTS_MAX 64
#define SIGNATURE_MAX 1024 /* RSA of 8192 bit */

/* ---- the token ---- */

static void
fill_label(const struct hsm_info *i, char out[4 * 32 + 1])
{
	(void)log_escape(i->label, strlen(i->label), out, 4 * 32 + 1);
}

/* The token with the label, or the only one. */
static enum err
find_token(struct card *c, const char *label)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO t;
	struct hsm *h = c->h;
	bool found = false;
	enum err rc;

	if ((rc = P11(h, C_GetSlotList, CK_TRUE, slots, &n)) != ERR_OK)
		return rc;
	for (CK_ULONG i = 0; i < n; i++) {
		struct hsm_info info;

		if (h->f->C_GetTokenInfo(slots[i], &t) != CKR_OK ||
		    (t.flags & CKF_TOKEN_INITIALIZED) == 0)
			continue;
		hsm_fill_info(&info, &t);
		if (label != NULL && strcmp(info.label, label) != 0)
			continue;
		if (found) {
			char other[4 * 32 + 1];

			fill_label(&info, other);
			return why_set(&hsm_last.why, ERR_EXISTS,
			    "there are several tokens, such as \"%s\" and "
			    "\"%s\": the label must tell which",
			    c->label, other);
		}
		found = true;
		h->slot = slots[i];
		c->flags = t.flags;
		fill_label(&info, c->label);
	}
	if (!found && label == NULL)
		return why_set(&hsm_last.why, ERR_NOTFOUND,
		    "there is no token");
	if (!found)
		return why_set(&hsm_last.why, ERR_NOTFOUND,
		    "no token with the label \"%s\"", label);
	return ERR_OK;
}

enum err
card_open(const char *module, const char *label, struct card **out,
    struct why *why)
{
	struct card *c = calloc(1, sizeof(*c));
	enum err rc;

	if (c == NULL || (c->h = hsm_new()) == NULL) {
		free(c);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	if ((rc = hsm_load(c->h, module)) != ERR_OK ||
	    (rc = find_token(c, label)) != ERR_OK ||
	    (rc = P11(c->h, C_OpenSession, c->h->slot, CKF_SERIAL_SESSION, NULL,
		 NULL, &c->h->session)) != ERR_OK) {
		(void)why_set(why, rc, "%s", hsm_last.why.text);
		card_close(&c);
		return rc;
	}
	*out = c;
	return ERR_OK;
}

void
card_close(struct card **cp)
{
	struct card *c = *cp;

	if (c == NULL)
		return;
	if (c->h->session != 0) /* whether or not somebody is logged in */
		(void)c->h->f->C_Logout(c->h->session);
	hsm_close(&c->h);
	free(c);
	*cp = NULL;
}

const char *
card_label(const struct card *c)
{
	return c->label;
}

enum card_login
card_login_kind(const struct card *c)
{
	if ((c->flags & CKF_LOGIN_REQUIRED) == 0)
		return CARD_NO_LOGIN;
	return (c->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0 ? CARD_PAD
								   : CARD_PIN;
}

/* The flags are asked for anew: an earlier try may have changed them. */
static enum err
log_in(struct card *c, CK_USER_TYPE who)
{
	struct hsm *h = c->h;
	CK_TOKEN_INFO t;
	enum err rc;
	CK_RV rv;

	if ((rc = P11(h, C_GetTokenInfo, h->slot, &t)) != ERR_OK ||
	    (rc = hsm_pin_may_be_tried(t.flags)) != ERR_OK)
		return rc;
	if (c->pin != NULL)
		rv = h->f->C_Login(h->session, who, secret_data(c->pin),
		    secret_len(c->pin));
	else
		rv = h->f->C_Login(h->session, who, NULL, 0);
	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		rv = CKR_OK;
	return hsm_note("C_Login", rv);
}

enum err
card_log_in(struct card *c, struct secret *pin, struct why *why)
{
	enum err rc;

	c->pin = pin;
	if (card_login_kind(c) == CARD_NO_LOGIN)
		return ERR_OK;
	if ((rc = log_in(c, CKU_USER)) != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_last.why.text);
	return rc;
}

enum err
card_attr(struct card *c, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, void *buf,
    size_t cap, size_t *len)
{
	CK_ATTRIBUTE a = {type, buf, cap};
	const CK_RV rv = c->h->f->C_GetAttributeValue(c->h->session, o, &a, 1);
	enum err rc;

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
	    rv == CKR_BUFFER_TOO_SMALL)
		return ERR_NOTFOUND;
	if ((rc = hsm_note("C_GetAttributeValue", rv)) != ERR_OK)
		return rc;
	if (a.ulValueLen > cap) /* CK_UNAVAILABLE_INFORMATION */
		return ERR_NOTFOUND;
	*len = a.ulValueLen;
	return ERR_OK;
}

/* ---- the signature ---- */

/* Some keys want the PIN between C_SignInit and C_Sign, each time. */
static enum err
wants_pin_again(struct card *c, bool *out)
{
	CK_BBOOL always = CK_FALSE;
	size_t len;
	enum err rc;

	rc = card_attr(c, c->key, CKA_ALWAYS_AUTHENTICATE, &always,
	    sizeof(always), &len);
	*out = rc == ERR_OK && always == CK_TRUE;
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static enum err
raw_sign(struct card *c, CK_MECHANISM_TYPE type, uint8_t *in, size_t in_len,
    uint8_t out[SIGNATURE_MAX], size_t *len)
{
	CK_MECHANISM m = {type, NULL, 0};
	CK_ULONG n = SIGNATURE_MAX;
	bool again;
	enum err rc;

	if ((rc = wants_pin_again(c, &again)) != ERR_OK ||
	    (rc = P11(c->h, C_SignInit, c->h->session, &m, c->key)) != ERR_OK ||
	    (again && (rc = log_in(c, CKU_CONTEXT_SPECIFIC)) != ERR_OK) ||
	    (rc = P11(c->h, C_Sign, c->h->session, in, in_len, out, &n)) !=
		ERR_OK)
		return rc;
	*len = n;
	return ERR_OK;
}

/* CKM_RSA_PKCS takes the DigestInfo and does the padding. */
static enum err
rsa_sign(struct card *c, int nid, struct rd hash, uint8_t *out, size_t cap,
    size_t *len)
{
	uint8_t sig[SIGNATURE_MAX];
	X509_SIG *info = X509_SIG_new();
	ASN1_OCTET_STRING *digest;
	unsigned char *der = NULL;
	X509_ALGOR *algor;
	enum err rc = ERR_CRYPTO;
	size_t n = 0;
	int der_len;

	if (info == NULL)
		return ERR_NOMEM;
	X509_SIG_getm(info, &algor, &digest);
	if (X509_ALGOR_set0(algor, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) == 1 &&
	    ASN1_OCTET_STRING_set(digest, hash.p, (int)hash.left) == 1 &&
	    (der_len = i2d_X509_SIG(info, &der)) > 0)
		rc = raw_sign(c, CKM_RSA_PKCS, der, (size_t)der_len, sig, &n);
	if (rc == ERR_OK && n > cap)
		rc = ERR_TOOBIG;
	if (rc == ERR_OK) {
		memcpy(out, sig, n);
		*len = n;
	}
	OPENSSL_free(der);
	X509_SIG_free(info);
	return rc;
}

/* r || s, of the same length, to DER. */
static enum err
ecdsa_der(const uint8_t *rs, size_t n, uint8_t *out, size_t cap, size_t *len)
{
	BIGNUM *r = BN_bin2bn(rs, (int)(n / 2), NULL);
	BIGNUM *s = BN_bin2bn(rs + n / 2, (int)(n / 2), NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *der = NULL;
	enum err rc = ERR_CRYPTO;
	int der_len;

	if (r == NULL || s == NULL || sig == NULL ||
	    ECDSA_SIG_set0(sig, r, s) != 1)
		goto out;
	r = s = NULL; /* now the signature's */
	if ((der_len = i2d_ECDSA_SIG(sig, &der)) <= 0)
		goto out;
	rc = ERR_TOOBIG;
	if ((size_t)der_len > cap)
		goto out;
	memcpy(out, der, (size_t)der_len);
	*len = (size_t)der_len;
	rc = ERR_OK;
out:
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	BN_free(r);
	BN_free(s);
	return rc;
}

static enum err
ec_sign(struct card *c, struct rd hash, uint8_t *out, size_t cap, size_t *len)
{
	uint8_t in[64], sig[SIGNATURE_MAX];
	size_t n = 0;
	enum err rc;

	if (hash.left > sizeof(in))
		return ERR_TOOBIG;
	memcpy(in, hash.p, hash.left);
	if ((rc = raw_sign(c, CKM_ECDSA, in, hash.left, sig, &n)) != ERR_OK)
		return rc;
	if (n == 0 || n % 2 != 0)
		return why_set(&hsm_last.why, ERR_HSM,
		    "C_Sign: an ECDSA signature of %zu octets", n);
	return ecdsa_der(sig, n, out, cap, len);
}

enum err
card_sign(struct card *c, const char *digest, struct rd hash, uint8_t *out,
    size_t cap, size_t *len, struct why *why)
{
	const int nid = OBJ_sn2nid(digest);
	enum err rc;

	hsm_last.why.text[0] = '\0';
	if (nid == NID_undef)
		rc = ERR_UNSUPPORTED;
	else if (c->type == CKK_RSA)
		rc = rsa_sign(c, nid, hash, out, cap, len);
	else
		rc = ec_sign(c, hash, out, cap, len);
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s",
		    hsm_last.why.text[0] != '\0' ? hsm_last.why.text
						 : err_str(rc));
	return rc;
}
