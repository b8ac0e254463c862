/* What the keys of P-256 sign, and the requests for their certificates. */
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "hsm/hsm_token.h"

#define SPKI_MAX 128 /* P-256 has 91 */

/* r || s, as PKCS#11 has it, into DER. */
static enum err
sig_value(const uint8_t rs[64], uint8_t out[HSM_SIGNATURE_MAX], size_t *len)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, 32, NULL), *s = BN_bin2bn(rs + 32, 32, NULL);
	unsigned char *p = out;
	enum err rc = ERR_CRYPTO;
	int n;

	if (sig == NULL || r == NULL || s == NULL ||
	    ECDSA_SIG_set0(sig, r, s) != 1)
		goto out;
	r = s = NULL; /* the signature's now */
	if ((n = i2d_ECDSA_SIG(sig, NULL)) <= 0 || n > HSM_SIGNATURE_MAX ||
	    i2d_ECDSA_SIG(sig, &p) != n)
		goto out;
	*len = (size_t)n;
	rc = ERR_OK;
out:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return rc;
}

enum err
hsm_sign(struct hsm *h, enum hsm_key which, const uint8_t *data, size_t len,
    uint8_t sig[HSM_SIGNATURE_MAX], size_t *sig_len)
{
	uint8_t digest[32], rs[64];
	enum err rc;

	if (which < HSM_KEY_HI2 || which >= HSM_KEY__MAX || h->key[which] == 0)
		return ERR_INTERNAL;
	if (EVP_Q_digest(NULL, "SHA256", NULL, data, len, digest, NULL) != 1)
		return ERR_CRYPTO;
	rc = hsm_c_sign(h, CKM_ECDSA, h->key[which], digest, sizeof(digest), rs,
	    sizeof(rs));
	return rc == ERR_OK ? sig_value(rs, sig, sig_len) : rc;
}

enum err
hsm_verify(EVP_PKEY *key, const uint8_t *data, size_t len, const uint8_t *sig,
    size_t sig_len)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	enum err rc = ERR_CRYPTO;

	if (c != NULL &&
	    EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1)
		rc = EVP_DigestVerify(c, sig, sig_len, data, len) == 1
		    ? ERR_OK
		    : ERR_MISMATCH;
	EVP_MD_CTX_free(c);
	return rc;
}

/* ---- requests for certificates ---- */

static enum err
public_half(struct hsm *h, enum hsm_key which, EVP_PKEY **out)
{
	uint8_t spki[SPKI_MAX];
	const unsigned char *p = spki;
	size_t len;
	enum err rc;

	rc = hsm_public_key(h, which, spki, sizeof(spki), &len);
	if (rc != ERR_OK)
		return rc;
	*out = d2i_PUBKEY(NULL, &p, (long)len);
	return *out != NULL
	    ? ERR_OK
	    : why_set(&hsm_last.why, ERR_HSM,
		  "a public key of the token is not on its curve");
}

/* What is signed: all but the signature. */
static bool
fill_request(X509_REQ *req, const char *name, EVP_PKEY *key)
{
	return X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req),
		NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1,
		-1, 0) == 1 &&
	    X509_REQ_set_pubkey(req, key) == 1;
}

static enum err
sign_request(struct hsm *h, enum hsm_key which, X509_REQ *req, EVP_PKEY *key)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	X509_ALGOR *algor = X509_ALGOR_new();
	uint8_t sig[HSM_SIGNATURE_MAX];
	unsigned char *tbs = NULL;
	size_t len = 0;
	enum err rc = ERR_CRYPTO;
	int n;

	if (bits == NULL || algor == NULL ||
	    X509_ALGOR_set0(algor, OBJ_nid2obj(NID_ecdsa_with_SHA256),
		V_ASN1_UNDEF, NULL) != 1 ||
	    X509_REQ_set1_signature_algo(req, algor) != 1 ||
	    (n = i2d_re_X509_REQ_tbs(req, &tbs)) <= 0)
		goto out;
	if ((rc = hsm_sign(h, which, tbs, (size_t)n, sig, &len)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	/* No unused bits: else OpenSSL drops zero bits at the end. */
	bits->flags = ASN1_STRING_FLAG_BITS_LEFT;
	if (ASN1_BIT_STRING_set(bits, sig, (int)len) != 1)
		goto out;
	X509_REQ_set0_signature(req, bits);
	bits = NULL; /* the request's now */
	rc = X509_REQ_verify(req, key) == 1
	    ? ERR_OK
	    : why_set(&hsm_last.why, ERR_HSM,
		  "a key of the token does not fit its public half");
out:
	OPENSSL_free(tbs);
	X509_ALGOR_free(algor);
	ASN1_BIT_STRING_free(bits);
	return rc;
}

enum err
hsm_certificate_request(struct hsm *h, enum hsm_key which, const char *name,
    uint8_t der[HSM_REQUEST_MAX], size_t *len)
{
	X509_REQ *req = X509_REQ_new();
	unsigned char *p = der;
	EVP_PKEY *key = NULL;
	enum err rc;
	int n;

	if (req == NULL)
		return ERR_NOMEM;
	if ((rc = public_half(h, which, &key)) != ERR_OK)
		goto out;
	rc = ERR_MALFORMED;
	if (!fill_request(req, name, key))
		goto out;
	if ((rc = sign_request(h, which, req, key)) != ERR_OK)
		goto out;
	rc = ERR_TOOBIG;
	if ((n = i2d_X509_REQ(req, NULL)) <= 0 || n > HSM_REQUEST_MAX ||
	    i2d_X509_REQ(req, &p) != n)
		goto out;
	*len = (size_t)n;
	rc = ERR_OK;
out:
	EVP_PKEY_free(key);
	X509_REQ_free(req);
	return rc;
}

/* ---- do they do what they must? ---- */

static enum err
try_key(struct hsm *h, enum hsm_key which)
{
	uint8_t data[32], sig[HSM_SIGNATURE_MAX];
	EVP_PKEY *key = NULL;
	size_t len = 0;
	enum err rc;

	/* Too short for anything that a peer would take for a handshake. */
	if (RAND_bytes(data, sizeof(data)) != 1)
		return ERR_CRYPTO;
	if ((rc = public_half(h, which, &key)) != ERR_OK ||
	    (rc = hsm_sign(h, which, data, sizeof(data), sig, &len)) != ERR_OK)
		goto out;
	rc = hsm_verify(key, data, sizeof(data), sig, len);
	if (rc == ERR_MISMATCH)
		(void)why_set(&hsm_last.why, rc,
		    "self-test: a signature of a key of TLS is wrong");
out:
	EVP_PKEY_free(key);
	return rc;
}

enum err
hsm_try_tls_keys(struct hsm *h, struct why *why)
{
	enum err rc = ERR_OK;

	for (enum hsm_key i = HSM_KEY_TLS_XK; i < HSM_KEY__MAX && rc == ERR_OK;
	     i++)
		rc = try_key(h, i);
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_why());
	return rc;
}
