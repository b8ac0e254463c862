#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "policy/cms.h"
#include "policy/persons.h"
#include "policy/sign.h"

struct sign_doc {
	CMS_ContentInfo *cms;
	X509 *cert; /* of who signs now */
	int64_t now;
};

/* What is hashed and signed: the attributes as a SET OF, in DER's order. */
typedef STACK_OF(X509_ATTRIBUTE) SIGN_ATTRIBUTES;
ASN1_ITEM_TEMPLATE(SIGN_ATTRIBUTES) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_ORDER,
    0, attributes, X509_ATTRIBUTE)
    static_ASN1_ITEM_TEMPLATE_END(SIGN_ATTRIBUTES);

static enum err
failed(struct why *why)
{
	(void)why_set(why, ERR_CRYPTO, "OpenSSL: %s",
	    ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	return ERR_CRYPTO;
}

/* ---- the document ---- */

static enum err
doc_new(CMS_ContentInfo *cms, struct sign_doc **out)
{
	struct sign_doc *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		CMS_ContentInfo_free(cms);
		return ERR_NOMEM;
	}
	d->cms = cms;
	*out = d;
	return ERR_OK;
}

void
sign_free(struct sign_doc **dp)
{
	struct sign_doc *d = *dp;

	if (d == NULL)
		return;
	CMS_ContentInfo_free(d->cms);
	X509_free(d->cert);
	free(d);
	*dp = NULL;
}

struct rd
sign_content(const struct sign_doc *d)
{
	return cms_content(d->cms);
}

unsigned
sign_count(const struct sign_doc *d)
{
	return (unsigned)sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(d->cms));
}

/* OpenSSL's own way in wants a digest, and so a signer, first. */
static bool
put_content(CMS_ContentInfo *cms, struct rd content)
{
	ASN1_OCTET_STRING **inside = CMS_get0_content(cms);

	ASN1_OCTET_STRING_free(*inside);
	*inside = ASN1_OCTET_STRING_new();
	return *inside != NULL &&
	    ASN1_OCTET_STRING_set(*inside, content.p, (int)content.left) == 1;
}

enum err
sign_new(struct rd content, struct sign_doc **out, struct why *why)
{
	CMS_ContentInfo *cms;

	if (content.left == 0 || content.left >= MAX_SIGNED_DOC)
		return why_set(why, ERR_TOOBIG,
		    "what is signed has 1 to %d octets", MAX_SIGNED_DOC - 1);
	cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
	if (cms == NULL || !put_content(cms, content)) {
		CMS_ContentInfo_free(cms);
		return failed(why);
	}
	return doc_new(cms, out);
}

/*
 * Is each signature over this content?  Whether it holds is another question,
 * which takes the signer's certificate.
 */
static bool
same_content(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	BIO *b = CMS_dataInit(cms, NULL);
	uint8_t drop[4096];
	bool same = b != NULL;

	while (same && BIO_read(b, drop, sizeof(drop)) > 0)
		continue;
	for (int i = 0; same && i < sk_CMS_SignerInfo_num(infos); i++)
		same =
		    CMS_SignerInfo_verify_content(sk_CMS_SignerInfo_value(infos,
						      i),
			b) == 1;
	BIO_free_all(b);
	return same;
}

enum err
sign_again(struct rd cms, struct sign_doc **out, struct why *why)
{
	CMS_ContentInfo *c = NULL;
	int n;
	enum err rc;

	if ((rc = cms_parse(cms, &c, why)) != ERR_OK)
		return rc;
	n = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(c));
	if (n < 1 || n >= MAX_SIGNERS)
		rc = why_set(why, ERR_TOOBIG,
		    "it has %d signatures: one can be added to 1 to %d", n,
		    MAX_SIGNERS - 1);
	else if (!same_content(c))
		rc = why_set(why, ERR_MISMATCH,
		    "a signature in it is not over the content that it has");
	else {
		rc = doc_new(c, out);
		c = NULL;
	}
	CMS_ContentInfo_free(c);
	ERR_clear_error();
	return rc;
}

/* ---- who signs ---- */

/* Of a kind that officers may have. */
static enum err
check_kind(struct rd cert, struct why *why)
{
	struct persons *set = NULL;
	enum err rc = persons_new(&set);

	if (rc == ERR_OK)
		rc = persons_add(set, "signer", ROLE_OFFICER, cert, 0, why);
	persons_free(&set);
	return rc;
}

static CMS_SignerInfo *
info_of(CMS_ContentInfo *cms, X509 *cert)
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);

	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
		CMS_SignerInfo *si = sk_CMS_SignerInfo_value(infos, i);

		if (CMS_SignerInfo_cert_cmp(si, cert) == 0)
			return si;
	}
	return NULL;
}

enum err
sign_by(struct sign_doc *d, struct rd cert, int64_t now, struct why *why)
{
	const unsigned char *p = cert.p;
	time_t t = (time_t)now;
	enum err rc;
	X509 *x;

	if ((rc = check_kind(cert, why)) != ERR_OK)
		return rc;
	if ((x = d2i_X509(NULL, &p, (long)cert.left)) == NULL)
		return failed(why);
	if (X509_cmp_time(X509_get0_notBefore(x), &t) >= 0 ||
	    X509_cmp_time(X509_get0_notAfter(x), &t) <= 0)
		rc = why_set(why, ERR_DENIED,
		    "the certificate is not valid now");
	else if (info_of(d->cms, x) != NULL)
		rc = why_set(why, ERR_EXISTS,
		    "the holder of this certificate has signed it already");
	if (rc != ERR_OK) {
		X509_free(x);
		return rc;
	}
	X509_free(d->cert);
	d->cert = x;
	d->now = now;
	return ERR_OK;
}

/* ---- the signature ---- */

static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
	const int bits = EVP_PKEY_get_bits(key);

	if (!EVP_PKEY_is_a(key, "EC") || bits < 384)
		return EVP_sha256();
	return bits < 512 ? EVP_sha384() : EVP_sha512();
}

static bool
add_attributes(CMS_SignerInfo *si, const EVP_MD *md, struct rd content,
    int64_t now)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)now);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool done;

	done = t != NULL &&
	    EVP_Digest(content.p, content.left, hash, &n, md, NULL) == 1 &&
	    CMS_signed_add1_attr_by_NID(si, NID_pkcs9_contentType,
		V_ASN1_OBJECT, OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
	    CMS_signed_add1_attr_by_NID(si, NID_pkcs9_messageDigest,
		V_ASN1_OCTET_STRING, hash, (int)n) == 1 &&
	    CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime,
		ASN1_STRING_type(t), t, -1) == 1;
	ASN1_TIME_free(t);
	return done;
}

/* The hash of the signed attributes. */
static bool
hash_attributes(CMS_SignerInfo *si, const EVP_MD *md,
    uint8_t hash[EVP_MAX_MD_SIZE], unsigned *len)
{
	STACK_OF(X509_ATTRIBUTE) *set = sk_X509_ATTRIBUTE_new_null();
	unsigned char *der = NULL;
	bool done = set != NULL;
	int n = -1;

	for (int i = 0; done && i < CMS_signed_get_attr_count(si); i++)
		done =
		    sk_X509_ATTRIBUTE_push(set, CMS_signed_get_attr(si, i)) > 0;
	if (done)
		n = ASN1_item_i2d((const ASN1_VALUE *)set, &der,
		    ASN1_ITEM_rptr(SIGN_ATTRIBUTES));
	done = n > 0 && EVP_Digest(der, (size_t)n, hash, len, md, NULL) == 1;
	OPENSSL_free(der);
	sk_X509_ATTRIBUTE_free(set);
	return done;
}

static enum err
add_signature(struct sign_doc *d, const struct sign_key *key, struct why *why)
{
	EVP_PKEY *public = X509_get0_pubkey(d->cert);
	const EVP_MD *md = digest_for(public);
	uint8_t hash[EVP_MAX_MD_SIZE], sig[SIGN_MAX];
	CMS_SignerInfo *si;
	size_t sig_len = 0;
	unsigned n = 0;
	struct rd view;
	enum err rc;

	/* The public key stands where OpenSSL looks for one to sign with: it
	 * takes the algorithms from it, and signs nothing with CMS_PARTIAL. */
	si = CMS_add1_signer(d->cms, d->cert, public, md,
	    CMS_PARTIAL | CMS_NOCERTS | CMS_BINARY | CMS_NOSMIMECAP);
	if (si == NULL ||
	    !add_attributes(si, md, cms_content(d->cms), d->now) ||
	    !hash_attributes(si, md, hash, &n))
		return failed(why);
	rd_init(&view, hash, n);
	rc =
	    key->sign(key->ctx, EVP_MD_get0_name(md), view, sig, &sig_len, why);
	if (rc != ERR_OK)
		return rc;
	if (ASN1_STRING_set(CMS_SignerInfo_get0_signature(si), sig,
		(int)sig_len) != 1)
		return failed(why);
	return ERR_OK;
}

/* As somebody reads it who has nothing but the octets and the certificate. */
static enum err
verify(const struct sign_doc *d, struct rd der, struct why *why)
{
	const struct rd want = cms_content(d->cms);
	CMS_ContentInfo *c = NULL;
	CMS_SignerInfo *si;
	struct rd got;
	enum err rc;

	if ((rc = cms_parse(der, &c, why)) != ERR_OK)
		return rc;
	got = cms_content(c);
	if ((si = info_of(c, d->cert)) == NULL || !rd_equal(&got, &want) ||
	    !same_content(c))
		rc = why_set(why, ERR_CRYPTO,
		    "what was made is not what was to be made");
	else {
		CMS_SignerInfo_set1_signer_cert(si, d->cert);
		if (CMS_SignerInfo_verify(si) != 1)
			rc = why_set(why, ERR_MISMATCH,
			    "the key is not that of the certificate: its "
			    "signature does not verify");
	}
	CMS_ContentInfo_free(c);
	return rc;
}

enum err
sign_make(struct sign_doc *d, const struct sign_key *key, uint8_t **out,
    size_t *len, struct why *why)
{
	unsigned char *der = NULL;
	uint8_t *copy;
	struct rd view;
	int n;
	enum err rc;

	if (d->cert == NULL)
		return why_set(why, ERR_INTERNAL, "nobody is to sign");
	if ((rc = add_signature(d, key, why)) != ERR_OK)
		goto out;
	if ((n = i2d_CMS_ContentInfo(d->cms, &der)) <= 0) {
		rc = failed(why);
		goto out;
	}
	rd_init(&view, der, (size_t)n);
	if ((rc = verify(d, view, why)) != ERR_OK)
		goto out;
	if ((copy = malloc((size_t)n)) == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	memcpy(copy, der, (size_t)n);
	*out = copy;
	*len = (size_t)n;
out:
	OPENSSL_free(der);
	ERR_clear_error();
	return rc;
}

/* ---- a key in memory ---- */

static enum err
sign_here(void *ctx, const char *digest, struct rd hash, uint8_t out[SIGN_MAX],
    size_t *len, struct why *why)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(ctx, NULL);
	EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL);
	size_t n = SIGN_MAX;
	enum err rc = ERR_OK;

	if (c == NULL || md == NULL || EVP_PKEY_sign_init(c) != 1 ||
	    (EVP_PKEY_is_a(ctx, "RSA") &&
		EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) != 1) ||
	    EVP_PKEY_CTX_set_signature_md(c, md) != 1 ||
	    EVP_PKEY_sign(c, out, &n, hash.p, hash.left) != 1)
		rc = failed(why);
	else
		*len = n;
	EVP_MD_free(md);
	EVP_PKEY_CTX_free(c);
	return rc;
}

struct sign_key
sign_key_here(struct evp_pkey_st *key)
{
	return (struct sign_key){sign_here, key};
}
