#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "help.h"
#include "pki.h"

static void
set_name(X509_NAME *n, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
}

static void
add_key_id(X509 *x)
{
	uint8_t id[EVP_MAX_MD_SIZE];
	ASN1_OCTET_STRING *o = ASN1_OCTET_STRING_new();
	unsigned n = 0;

	assert_non_null(o);
	assert_int_equal(X509_pubkey_digest(x, EVP_sha1(), id, &n), 1);
	assert_int_equal(ASN1_OCTET_STRING_set(o, id, (int)n), 1);
	assert_int_equal(X509_add1_ext_i2d(x, NID_subject_key_identifier, o, 0,
			     X509V3_ADD_DEFAULT),
	    1);
	ASN1_OCTET_STRING_free(o);
}

X509 *
pki_cert_make(const struct pki_cert *c)
{
	X509 *x = X509_new();
	EVP_PKEY *by;

	assert_non_null(x);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), c->serial),
	    1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), c->from));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), c->until));
	set_name(X509_get_subject_name(x), c->subject);
	set_name(X509_get_issuer_name(x),
	    c->issuer != NULL ? c->issuer : c->subject);
	assert_int_equal(X509_set_pubkey(x, c->key), 1);
	if (c->key_id)
		add_key_id(x);
	by = c->by != NULL ? c->by : c->key;
	assert_true(
	    X509_sign(x, by,
		EVP_PKEY_is_a(by, "ED25519") ? NULL : EVP_sha256()) > 0);
	return x;
}

X509 *
pki_cert(EVP_PKEY *key, const char *name, long serial)
{
	const struct pki_cert c = {.key = key,
	    .subject = name,
	    .serial = serial,
	    .from = PKI_FROM,
	    .until = PKI_UNTIL};

	return pki_cert_make(&c);
}

uint8_t *
pki_cert_der(X509 *x, size_t *len)
{
	const int n = i2d_X509(x, NULL);
	unsigned char *p;
	uint8_t *out;

	assert_true(n > 0);
	out = p = malloc((size_t)n);
	assert_non_null(out);
	assert_int_equal(i2d_X509(x, &p), n);
	*len = (size_t)n;
	return out;
}

/* ---- lists of revoked certificates ---- */

static X509_EXTENSION *
extension(const char *name, const char *value, X509 *issuer)
{
	X509V3_CTX x;
	X509_EXTENSION *e;

	X509V3_set_ctx(&x, issuer, NULL, NULL, NULL, 0);
	e = X509V3_EXT_conf(NULL, &x, name, value);
	assert_non_null(e);
	return e;
}

static void
revoke(X509_CRL *x, const struct pki_crl *c, long serial)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, c->from);

	assert_non_null(r);
	assert_non_null(t);
	assert_int_equal(ASN1_INTEGER_set(n, serial), 1);
	assert_int_equal(X509_REVOKED_set_serialNumber(r, n), 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(r, t), 1);
	if (c->entry_ext != NULL) {
		X509_EXTENSION *e =
		    extension(c->entry_ext, c->entry_value, NULL);

		assert_int_equal(X509_REVOKED_add_ext(r, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	assert_int_equal(X509_CRL_add0_revoked(x, r), 1);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
}

static void
add_crl_extensions(X509_CRL *x, const struct pki_crl *c)
{
	X509_EXTENSION *e;

	if (c->number >= 0) {
		ASN1_INTEGER *n = ASN1_INTEGER_new();

		assert_int_equal(ASN1_INTEGER_set(n, c->number), 1);
		assert_int_equal(X509_CRL_add1_ext_i2d(x, NID_crl_number, n, 0,
				     X509V3_ADD_DEFAULT),
		    1);
		ASN1_INTEGER_free(n);
	}
	if (c->key_id_of != NULL) {
		e = extension("authorityKeyIdentifier", "keyid:always",
		    c->key_id_of);
		assert_int_equal(X509_CRL_add_ext(x, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	if (c->ext != NULL) {
		e = extension(c->ext, c->ext_value, NULL);
		assert_int_equal(X509_CRL_add_ext(x, e, -1), 1);
		X509_EXTENSION_free(e);
	}
}

static void
sign_crl(X509_CRL *x, const struct pki_crl *c)
{
	const EVP_MD *md =
	    EVP_get_digestbyname(c->digest != NULL ? c->digest : "SHA256");
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = NULL;

	assert_non_null(m);
	assert_int_equal(EVP_DigestSignInit(m, &k, md, NULL, c->key), 1);
	if (c->pss)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(k,
				     RSA_PKCS1_PSS_PADDING),
		    1);
	assert_true(X509_CRL_sign_ctx(x, m) > 0);
	EVP_MD_CTX_free(m);
}

static X509_CRL *
crl_make(const struct pki_crl *c)
{
	X509_CRL *x = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, c->from);

	assert_non_null(x);
	assert_int_equal(X509_CRL_set_version(x, c->version1 ? 0 : 1), 1);
	set_name(name, c->issuer);
	assert_int_equal(X509_CRL_set_issuer_name(x, name), 1);
	assert_int_equal(X509_CRL_set1_lastUpdate(x, t), 1);
	if (c->until != 0) {
		assert_non_null(ASN1_TIME_set(t, c->until));
		assert_int_equal(X509_CRL_set1_nextUpdate(x, t), 1);
	}
	for (size_t i = 0; i < c->n_revoked; i++)
		revoke(x, c, c->revoked[i]);
	if (!c->version1)
		add_crl_extensions(x, c);
	sign_crl(x, c);
	ASN1_TIME_free(t);
	X509_NAME_free(name);
	return x;
}

char *
pki_crl_pem(const struct pki_crl *c, size_t *len)
{
	X509_CRL *x = crl_make(c);
	BIO *b = BIO_new(BIO_s_mem());
	char *p, *out;
	long n;

	assert_int_equal(PEM_write_bio_X509_CRL(b, x), 1);
	n = BIO_get_mem_data(b, &p);
	out = malloc((size_t)n + 1);
	assert_non_null(out);
	memcpy(out, p, (size_t)n);
	out[n] = '\0';
	*len = (size_t)n;
	BIO_free(b);
	X509_CRL_free(x);
	return out;
}

static bool
is_repeated(const struct pki_signer *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (s[i].cert == s[at].cert)
			return true;
	return false;
}

CMS_ContentInfo *
pki_cms(const void *content, size_t len, int nid, const struct pki_signer *s,
    size_t n, unsigned flags)
{
	const unsigned f = flags | CMS_BINARY | CMS_PARTIAL;
	BIO *in = BIO_new_mem_buf(content, (int)len);
	CMS_ContentInfo *c;

	assert_non_null(in);
	c = CMS_sign(NULL, NULL, NULL, in, f);
	assert_non_null(c);
	if (nid != NID_undef)
		assert_int_equal(CMS_set1_eContentType(c, OBJ_nid2obj(nid)), 1);
	for (size_t i = 0; i < n; i++) {
		const char *md = s[i].digest != NULL ? s[i].digest : "SHA256";

		/* OpenSSL does not put a certificate in twice. */
		assert_non_null(CMS_add1_signer(c, s[i].cert, s[i].key,
		    EVP_get_digestbyname(md),
		    f | s[i].flags | (is_repeated(s, i) ? CMS_NOCERTS : 0)));
	}
	if (!(flags & CMS_STREAM))
		assert_int_equal(CMS_final(c, in, NULL, f), 1);
	BIO_free(in);
	return c;
}

uint8_t *
pki_cms_der(CMS_ContentInfo *c, size_t *len)
{
	const int n = i2d_CMS_ContentInfo(c, NULL);
	unsigned char *p;
	uint8_t *out;

	assert_true(n > 0);
	out = p = malloc((size_t)n);
	assert_non_null(out);
	assert_int_equal(i2d_CMS_ContentInfo(c, &p), n);
	*len = (size_t)n;
	return out;
}

uint8_t *
pki_sign(const void *content, size_t content_len, const struct pki_signer *s,
    size_t n, size_t *len)
{
	CMS_ContentInfo *c = pki_cms(content, content_len, NID_undef, s, n, 0);
	uint8_t *der = pki_cms_der(c, len);

	CMS_ContentInfo_free(c);
	return der;
}
