#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "policy/cms.h"
#include "policy/persons.h"

struct entry {
	char name[MAX_NAME + 1];
	enum role role;
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	uint64_t from, until;
	bool voided;
};

struct persons {
	unsigned n, cap;
	struct entry *e;
};

static const char *const roles[ROLE__MAX] = {"officer", "securityOfficer",
    "engineer", "auditor"};

const char *
role_name(enum role r)
{
	return roles[r];
}

enum err
role_of(const char *name, enum role *out)
{
	for (unsigned i = 0; i < ROLE__MAX; i++)
		if (strcmp(name, roles[i]) == 0) {
			*out = (enum role)i;
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

enum err
persons_new(struct persons **out)
{
	struct persons *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	*out = s;
	return ERR_OK;
}

void
persons_free(struct persons **sp)
{
	struct persons *s = *sp;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		X509_free(s->e[i].cert);
		free(s->e[i].der);
	}
	free(s->e);
	free(s);
	*sp = NULL;
}

unsigned
persons_count(const struct persons *s)
{
	return s->n;
}

struct person
persons_get(const struct persons *s, unsigned i)
{
	const struct entry *e = &s->e[i];
	struct person p = {.name = e->name,
	    .role = e->role,
	    .from = e->from,
	    .until = e->until,
	    .voided = e->voided};

	rd_init(&p.cert, e->der, e->der_len);
	return p;
}

static bool
in_office(const struct entry *e, uint64_t at)
{
	return e->from <= at && at < e->until;
}

unsigned
persons_find(const struct persons *s, const char *name, uint64_t at)
{
	for (unsigned i = 0; i < s->n; i++)
		if (in_office(&s->e[i], at) && strcmp(s->e[i].name, name) == 0)
			return i;
	return PERSON_NONE;
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
valid_at(const X509 *x, int64_t now)
{
	int64_t from, until;

	if (now == PERSONS_AT_ANY_TIME)
		return true;
	return unix_time(X509_get0_notBefore(x), &from) == ERR_OK &&
	    unix_time(X509_get0_notAfter(x), &until) == ERR_OK && from <= now &&
	    now <= until;
}

bool
persons_cert_valid(struct rd cert, int64_t now)
{
	const unsigned char *p = cert.p;
	X509 *x = d2i_X509(NULL, &p, (long)cert.left);
	const bool is = x != NULL && valid_at(x, now);

	X509_free(x);
	ERR_clear_error();
	return is;
}

unsigned
persons_in_role(const struct persons *s, enum role role, uint64_t at,
    int64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += in_office(&s->e[i], at) && s->e[i].role == role &&
		    valid_at(s->e[i].cert, now);
	return n;
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
check_new(const struct persons *s, const char *name, X509 *cert, uint64_t from,
    unsigned instead, struct why *why)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	if (key == NULL)
		return why_set(why, ERR_MALFORMED,
		    "certificate without a usable public key");
	for (unsigned i = 0; i < s->n; i++) {
		const struct entry *e = &s->e[i];

		if (e->until <= from || i == instead)
			continue;
		if (strcmp(e->name, name) == 0)
			return why_set(why, ERR_EXISTS,
			    "two persons have the same name");
		if (EVP_PKEY_eq(key, X509_get0_pubkey(e->cert)) == 1)
			return why_set(why, ERR_EXISTS,
			    "two persons have the same public key: one "
			    "person would count as two");
		/* A SignerInfo names its signer by issuer and serial. */
		if (X509_issuer_and_serial_cmp(cert, e->cert) == 0)
			return why_set(why, ERR_EXISTS,
			    "two persons have certificates of the same "
			    "issuer and serial number");
	}
	return check_key(key, why);
}

static enum err
append(struct persons *s, const struct entry *e)
{
	if (s->n == s->cap) {
		const unsigned cap = s->cap == 0 ? 8 : 2 * s->cap;
		void *list = realloc(s->e, cap * sizeof(*s->e));

		if (list == NULL)
			return ERR_NOMEM;
		s->e = list;
		s->cap = cap;
	}
	s->e[s->n++] = *e;
	return ERR_OK;
}

/* The certificate, if the set can take it; the caller's to X509_free(). */
static enum err
read_new(const struct persons *s, const char *name, struct rd cert,
    uint64_t from, unsigned instead, X509 **out, struct why *why)
{
	const unsigned char *p = cert.p;
	X509 *x = NULL;
	enum err rc;

	if (s->n == MAX_PERSONS)
		return why_set(why, ERR_FULL, "more than %d persons",
		    MAX_PERSONS);
	if (name[0] == '\0' || strlen(name) > MAX_NAME)
		return why_set(why, ERR_MALFORMED,
		    "a person's name has 1 to %d characters", MAX_NAME);
	if (cert.left > MAX_CERT ||
	    (x = d2i_X509(NULL, &p, (long)cert.left)) == NULL ||
	    p != cert.p + cert.left)
		rc = why_set(why, ERR_MALFORMED,
		    "not the DER of one certificate");
	else
		rc = check_new(s, name, x, from, instead, why);
	if (rc != ERR_OK)
		X509_free(x);
	else
		*out = x;
	return rc;
}

enum err
persons_may_add(const struct persons *s, const char *name, struct rd cert,
    uint64_t from, unsigned instead, struct why *why)
{
	X509 *x = NULL;
	const enum err rc = read_new(s, name, cert, from, instead, &x, why);

	X509_free(x);
	return rc;
}

enum err
persons_add(struct persons *s, const char *name, enum role role, struct rd cert,
    uint64_t from, struct why *why)
{
	struct entry e = {.role = role, .from = from, .until = PERSON_STAYS};
	enum err rc;

	rc = read_new(s, name, cert, from, PERSON_NONE, &e.cert, why);
	if (rc != ERR_OK)
		return rc;
	memcpy(e.name, name, strlen(name) + 1);
	if ((e.der = malloc(cert.left)) == NULL || append(s, &e) != ERR_OK) {
		X509_free(e.cert);
		free(e.der);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	memcpy(e.der, cert.p, cert.left);
	s->e[s->n - 1].der_len = cert.left;
	return ERR_OK;
}

/* All that this person has signed: with the certificates of before, too. */
static void
void_signatures(struct persons *s, unsigned last)
{
	uint64_t from = s->e[last].from;

	s->e[last].voided = true;
	for (unsigned i = last; i-- > 0;)
		if (s->e[i].until == from &&
		    strcmp(s->e[i].name, s->e[last].name) == 0) {
			s->e[i].voided = true;
			from = s->e[i].from;
		}
}

enum err
persons_end(struct persons *s, const char *name, uint64_t until, bool voids)
{
	const unsigned i = persons_find(s, name, until);

	if (i == PERSON_NONE)
		return ERR_NOTFOUND;
	s->e[i].until = until;
	if (voids)
		void_signatures(s, i);
	return ERR_OK;
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
check_signer(const struct persons *s, CMS_SignerInfo *si, BIO *content,
    int64_t now, uint64_t at, unsigned *who, struct why *why)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		if (in_office(&s->e[i], at) &&
		    CMS_SignerInfo_cert_cmp(si, s->e[i].cert) == 0)
			break;
	if (i == s->n)
		return why_set(why, ERR_DENIED,
		    "signed by somebody who is not enrolled");
	if (s->e[i].voided)
		return why_set(why, ERR_DENIED,
		    "the signatures of %s were declared void", s->e[i].name);
	if (!valid_at(s->e[i].cert, now))
		return why_set(why, ERR_DENIED,
		    "the certificate of %s is not valid now", s->e[i].name);
	if (!digest_is_strong(si) || !attributes_sound(si))
		return why_set(why, ERR_DENIED,
		    "the signature of %s is not of the form asked "
		    "for (signed attributes, SHA-256 or better)",
		    s->e[i].name);
	CMS_SignerInfo_set1_signer_cert(si, s->e[i].cert);
	if (CMS_SignerInfo_verify(si) != 1 ||
	    CMS_SignerInfo_verify_content(si, content) != 1)
		return why_set(why, ERR_DENIED,
		    "the signature of %s does not verify", s->e[i].name);
	*who = i;
	return ERR_OK;
}

/* Twice the same person is one; there are no more infos than MAX_SIGNERS. */
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
	size_t cap = MAX_SIGNED_DOC;
	int n;

	if ((d->payload = malloc(cap)) == NULL)
		return ERR_NOMEM;
	while (d->payload_len < cap &&
	    (n = BIO_read(content, d->payload + d->payload_len,
		 (int)(cap - d->payload_len))) > 0)
		d->payload_len += (size_t)n;
	return ERR_OK;
}

enum err
persons_verify(const struct persons *s, struct rd cms, int64_t now, uint64_t at,
    struct signed_doc *out, struct why *why)
{
	struct signed_doc d = {.payload = NULL};
	STACK_OF(CMS_SignerInfo) * infos;
	CMS_ContentInfo *c = NULL;
	BIO *content = NULL;
	enum err rc;

	if ((rc = cms_parse(cms, &c, why)) != ERR_OK)
		return rc;
	if ((content = CMS_dataInit(c, NULL)) == NULL) {
		rc = why_set(why, ERR_MALFORMED, "CMS content unreadable");
		goto out;
	}
	if ((rc = read_content(content, &d)) != ERR_OK)
		goto out;
	infos = CMS_get0_SignerInfos(c);
	if (sk_CMS_SignerInfo_num(infos) > MAX_SIGNERS) {
		rc = why_set(why, ERR_TOOBIG, "too many signatures");
		goto out;
	}
	for (int i = 0; i < sk_CMS_SignerInfo_num(infos); i++) {
		unsigned who = 0;

		rc = check_signer(s, sk_CMS_SignerInfo_value(infos, i), content,
		    now, at, &who, why);
		if (rc != ERR_OK)
			goto out;
		count_signer(&d, who);
	}
	if (d.n_signers == 0) {
		rc = why_set(why, ERR_DENIED, "nobody has signed it");
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
