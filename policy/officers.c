#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "policy/officers.h"

struct officer {
	char name[MAX_NAME + 1];
	X509 *cert;
};

struct officers {
	unsigned n;
	struct officer o[MAX_OFFICERS];
};

enum err
officers_new(struct officers **out)
{
	struct officers *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	*out = s;
	return ERR_OK;
}

void
officers_free(struct officers **sp)
{
	struct officers *s = *sp;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++)
		X509_free(s->o[i].cert);
	free(s);
	*sp = NULL;
}

unsigned
officers_count(const struct officers *s)
{
	return s->n;
}

const char *
officers_name(const struct officers *s, unsigned i)
{
	return s->o[i].name;
}

static enum err
check_key(EVP_PKEY *key, struct why *why)
{
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048)
		return ERR_OK;
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) >= 256)
		return ERR_OK;
	return why_set(why, ERR_UNSUPPORTED,
	    "certificate's key is neither RSA of 2048 bit or more nor EC of "
	    "256 or more");
}

static enum err
check_new(const struct officers *s, const char *name, X509 *cert,
    struct why *why)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key == NULL)
		return why_set(why, ERR_MALFORMED,
		    "certificate without a usable public key");
	for (unsigned i = 0; i < s->n; i++) {
		if (strcmp(s->o[i].name, name) == 0)
			return why_set(why, ERR_EXISTS,
			    "two officers have the same name");
		if (EVP_PKEY_eq(key, X509_get0_pubkey(s->o[i].cert)) == 1)
			return why_set(why, ERR_EXISTS,
			    "two officers have the same public key: one "
			    "person would count as two");
		/* A SignerInfo names its signer by issuer and serial. */
		if (X509_issuer_and_serial_cmp(cert, s->o[i].cert) == 0)
			return why_set(why, ERR_EXISTS,
			    "two officers have certificates of the same "
			    "issuer and serial number");
	}
	return check_key(key, why);
}

enum err
officers_add(struct officers *s, const char *name, struct rd cert,
    struct why *why)
{
	const unsigned char *p = cert.p;
	X509 *x = NULL;
	enum err rc;

	if (s->n == MAX_OFFICERS)
		return why_set(why, ERR_FULL, "more than %d officers",
		    MAX_OFFICERS);
	if (name[0] == '\0' || strlen(name) > MAX_NAME)
		return why_set(why, ERR_MALFORMED,
		    "an officer's name has 1 to %d characters", MAX_NAME);
	if (cert.left > MAX_CERT ||
	    (x = d2i_X509(NULL, &p, (long)cert.left)) == NULL ||
	    p != cert.p + cert.left) {
		X509_free(x);
		return why_set(why, ERR_MALFORMED,
		    "not the DER of one certificate");
	}
	if ((rc = check_new(s, name, x, why)) != ERR_OK) {
		X509_free(x);
		return rc;
	}
	memcpy(s->o[s->n].name, name, strlen(name) + 1);
	s->o[s->n].cert = x;
	s->n++;
	return ERR_OK;
}

static enum err
unix_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return ERR_MALFORMED;
	*out = (int64_t)timegm(&tm);
	return ERR_OK;
}

/* Dates of the certificate against the given clock, not the system's. */
static bool
valid_at(const X509 *x, int64_t now, int64_t *until)
{
	int64_t from;

	return unix_time(X509_get0_notBefore(x), &from) == ERR_OK &&
	    unix_time(X509_get0_notAfter(x), until) == ERR_OK && from <= now &&
	    now <= *until;
}

static bool
digest_is_strong(CMS_SignerInfo *si)
{
	static const int strong[] = {NID_sha256, NID_sha384, NID_sha512};
	X509_ALGOR *digest = NULL;
	int nid;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, NULL);
	nid = OBJ_obj2nid(digest->algorithm);
	for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++)
		if (strong[i] == nid)
			return true;
	return false;
}

/*
 * Signed attributes must be there and name id-data: else the attributes of
 * another signature could pass for content (RFC 5652 clause 11.1).
 */
static bool
attributes_sound(CMS_SignerInfo *si)
{
	ASN1_OBJECT *type;

	if (CMS_signed_get_attr_count(si) <= 0)
		return false;
	type = CMS_signed_get0_data_by_OBJ(si,
	    OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	return type != NULL && OBJ_obj2nid(type) == NID_pkcs7_data;
}

/* One SignerInfo: whose it is, and that it holds. */
static enum err
check_signer(const struct officers *s, CMS_SignerInfo *si, BIO *content,
    int64_t now, unsigned *who, int64_t *until, struct why *why)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (CMS_SignerInfo_cert_cmp(si, s->o[i].cert) == 0)
			break;
	if (i == s->n)
		return why_set(why, ERR_DENIED,
		    "signed by somebody who is not an officer");
	if (!valid_at(s->o[i].cert, now, until) && now != OFFICERS_AT_ANY_TIME)
		return why_set(why, ERR_DENIED,
		    "the certificate of officer %s is not valid now",
		    s->o[i].name);
	if (!digest_is_strong(si) || !attributes_sound(si))
		return why_set(why, ERR_DENIED,
		    "the signature of officer %s is not of the form asked "
		    "for (signed attributes, SHA-256 or better)",
		    s->o[i].name);
	CMS_SignerInfo_set1_signer_cert(si, s->o[i].cert);
	if (CMS_SignerInfo_verify(si) != 1 ||
	    CMS_SignerInfo_verify_content(si, content) != 1)
		return why_set(why, ERR_DENIED,
		    "the signature of officer %s does not verify",
		    s->o[i].name);
	*who = i;
	return ERR_OK;
}

static void
count_signer(struct signed_doc *d, unsigned who)
{
	for (unsigned i = 0; i < d->n_signers; i++)
		if (d->signer[i] == who)
			return;
	d->signer[d->n_signers++] = who;
}

/* Run the content through the digests, keeping it. */
static enum err
read_content(BIO *content, struct signed_doc *d)
{
	size_t cap = MAX_WARRANT_CMS;
	int n;

	if ((d->payload = malloc(cap)) == NULL)
		return ERR_NOMEM;
	while (d->payload_len < cap &&
	    (n = BIO_read(content, d->payload + d->payload_len,
		 (int)(cap - d->payload_len))) > 0)
		d->payload_len += (size_t)n;
	return ERR_OK;
}

/* One ContentInfo, BER as OpenSSL reads it, and nothing behind it. */
static CMS_ContentInfo *
parse_cms(struct rd cms)
{
	const unsigned char *p = cms.p;
	CMS_ContentInfo *c = d2i_CMS_ContentInfo(NULL, &p, (long)cms.left);
	ASN1_OCTET_STRING **inside;

	if (c == NULL)
		return NULL;
	inside = CMS_get0_content(c);
	if (p != cms.p + cms.left ||
	    OBJ_obj2nid(CMS_get0_type(c)) != NID_pkcs7_signed ||
	    OBJ_obj2nid(CMS_get0_eContentType(c)) != NID_pkcs7_data ||
	    inside == NULL || *inside == NULL) {
		CMS_ContentInfo_free(c);
		return NULL;
	}
	return c;
}

enum err
officers_verify(const struct officers *s, struct rd cms, int64_t now,
    unsigned need, struct signed_doc *out, struct why *why)
{
	struct signed_doc d = {.payload = NULL, .valid_until = INT64_MAX};
	STACK_OF(CMS_SignerInfo) * infos;
	CMS_ContentInfo *c = NULL;
	BIO *content = NULL;
	enum err rc;

	if (cms.left == 0 || cms.left > MAX_WARRANT_CMS)
		return why_set(why, ERR_TOOBIG,
		    "a signed document has 1 to %d octets", MAX_WARRANT_CMS);
	if ((c = parse_cms(cms)) == NULL) {
		rc = why_set(why, ERR_MALFORMED,
		    "not a CMS SignedData in DER with its content inside");
		goto out;
	}
	if ((content = CMS_dataInit(c, NULL)) == NULL) {
		rc = why_set(why, ERR_MALFORMED, "CMS content unreadable");
		goto out;
	}
	if ((rc = read_content(content, &d)) != ERR_OK)
		goto out;
	infos = CMS_get0_SignerInfos(c);
	if (sk_CMS_SignerInfo_num(infos) > MAX_OFFICERS) {
		rc = why_set(why, ERR_TOOBIG, "too many signatures");
		goto out;
	}
	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
		unsigned who = 0;
		int64_t until = 0;

		rc = check_signer(s, sk_CMS_SignerInfo_value(infos, i), content,
		    now, &who, &until, why);
		if (rc != ERR_OK)
			goto out;
		if (until < d.valid_until)
			d.valid_until = until;
		count_signer(&d, who);
	}
	if (d.n_signers < need) {
		rc = why_set(why, ERR_DENIED,
		    "signed by %u different officer%s, %u needed", d.n_signers,
		    d.n_signers == 1 ? "" : "s", need);
		goto out;
	}
	*out = d;
	d.payload = NULL;
	rc = ERR_OK;
out:
	signed_doc_done(&d);
	BIO_free_all(content);
	CMS_ContentInfo_free(c);
	ERR_clear_error();
	return rc;
}

void
signed_doc_done(struct signed_doc *d)
{
	free(d->payload);
	d->payload = NULL;
}
