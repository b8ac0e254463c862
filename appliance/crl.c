#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "appliance/crl.h"
#include "policy/digest.h"

#define NUMBER_LEN 20 /* RFC 5280 clause 5.2.3 */
#define HOUR 3600

/* Who numbers its lists: an issuer's name, and its key if the list says it. */
struct numbered {
	uint8_t issuer[DIGEST_LEN];
	uint8_t number[NUMBER_LEN];
};

struct list {
	X509_CRL *crl;
	AUTHORITY_KEYID *akid; /* NULL: it does not say */
	int64_t from, until;
	struct numbered is;
	bool verified;
	uint8_t by[DIGEST_LEN]; /* the certificate that it was verified by */
};

struct crl_set {
	struct list list[CRL_MOST];
	unsigned n;
	struct numbered floor[CRL_ISSUERS]; /* highest that have been in use */
	unsigned n_floors;
};

/* ---- one list ---- */

static enum err
wrong(struct why *why, const char *what)
{
	return why_set(why, ERR_MALFORMED, "%s", what);
}

static enum err
seconds_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return ERR_MALFORMED;
	*out = (int64_t)timegm(&tm);
	return ERR_OK;
}

static enum err
take_times(struct list *l, struct why *why)
{
	if (X509_CRL_get0_nextUpdate(l->crl) == NULL)
		return wrong(why, "it has no nextUpdate");
	if (seconds_of(X509_CRL_get0_lastUpdate(l->crl), &l->from) != ERR_OK ||
	    seconds_of(X509_CRL_get0_nextUpdate(l->crl), &l->until) != ERR_OK ||
	    l->from >= l->until)
		return wrong(why, "thisUpdate and nextUpdate are no period");
	return ERR_OK;
}

static enum err
check_extension(const X509_EXTENSION *e, struct why *why)
{
	/* The getters of some versions take no const. */
	X509_EXTENSION *const x = (X509_EXTENSION *)(uintptr_t)e;

	switch (OBJ_obj2nid(X509_EXTENSION_get_object(x))) {
	case NID_delta_crl:
		return wrong(why, "it is a delta list");
	case NID_issuing_distribution_point:
		return wrong(why, "it is indirect, or a part of a list");
	case NID_crl_number:
	case NID_authority_key_identifier:
		return ERR_OK;
	default:
		return X509_EXTENSION_get_critical(x) == 0
		    ? ERR_OK
		    : wrong(why, "a critical extension is not known");
	}
}

/* Those of an entry: a critical one may name another issuer. */
static enum err
check_entries(const struct list *l, struct why *why)
{
	const STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(l->crl);

	for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(all, i);

		for (int k = 0; k < X509_REVOKED_get_ext_count(r); k++)
			if (X509_EXTENSION_get_critical(
				X509_REVOKED_get_ext(r, k)) != 0)
				return wrong(why,
				    "a critical extension of an entry is not "
				    "known");
	}
	return ERR_OK;
}

/* RSASSA-PSS names it in its parameters; without them it is SHA-1. */
static int
pss_hash(const struct list *l)
{
	const X509_ALGOR *sig;
	RSA_PSS_PARAMS *pss;
	const ASN1_OBJECT *hash = NULL;
	int md = NID_sha1;

	X509_CRL_get0_signature(l->crl, NULL, &sig);
	pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS),
	    sig->parameter);
	if (pss != NULL && pss->hashAlgorithm != NULL) {
		X509_ALGOR_get0(&hash, NULL, NULL, pss->hashAlgorithm);
		md = OBJ_obj2nid(hash);
	}
	RSA_PSS_PARAMS_free(pss);
	return md;
}

/* A list whose hash can be made to collide is anybody's. */
static enum err
check_hash(const struct list *l, struct why *why)
{
	const int sig = X509_CRL_get_signature_nid(l->crl);
	int md = NID_undef, key = NID_undef;

	if (OBJ_find_sigid_algs(sig, &md, &key) != 1)
		return wrong(why, "its signature algorithm is not taken");
	if (sig == NID_rsassaPss)
		md = pss_hash(l);
	if (md == NID_md5 || md == NID_sha1)
		return wrong(why, "its signature algorithm is not taken");
	return ERR_OK;
}

static enum err
take_number(struct list *l, struct why *why)
{
	ASN1_INTEGER *n =
	    X509_CRL_get_ext_d2i(l->crl, NID_crl_number, NULL, NULL);
	BIGNUM *b = n == NULL ? NULL : ASN1_INTEGER_to_BN(n, NULL);
	const bool ok = b != NULL && BN_is_negative(b) == 0 &&
	    BN_bn2binpad(b, l->is.number, NUMBER_LEN) == NUMBER_LEN;

	BN_free(b);
	ASN1_INTEGER_free(n);
	return ok ? ERR_OK : wrong(why, "it has no number, or a bad one");
}

/* The name and the key, each behind its length, hashed. */
static enum err
take_issuer(struct list *l, struct why *why)
{
	unsigned char *name = NULL;
	uint8_t both[2 * DIGEST_LEN] = {0};
	struct rd r;
	int len, crit = -1;
	enum err rc;

	l->akid = X509_CRL_get_ext_d2i(l->crl, NID_authority_key_identifier,
	    &crit, NULL);
	if (l->akid == NULL && crit != -1)
		return wrong(why, "its authorityKeyIdentifier is malformed");
	if ((len = i2d_X509_NAME(X509_CRL_get_issuer(l->crl), &name)) <= 0)
		return why_set(why, ERR_CRYPTO, "OpenSSL failed");
	rd_init(&r, name, (size_t)len);
	rc = digest_of(r, both);
	OPENSSL_free(name);
	if (rc == ERR_OK && l->akid != NULL && l->akid->keyid != NULL) {
		rd_init(&r, ASN1_STRING_get0_data(l->akid->keyid),
		    (size_t)ASN1_STRING_length(l->akid->keyid));
		rc = digest_of(r, both + DIGEST_LEN);
	}
	rd_init(&r, both, sizeof(both));
	if (rc == ERR_OK)
		rc = digest_of(r, l->is.issuer);
	return rc == ERR_OK ? ERR_OK : why_set(why, rc, "SHA-256 failed");
}

static enum err
take_list(struct list *l, struct why *why)
{
	const int n = X509_CRL_get_ext_count(l->crl);
	enum err rc;

	if (X509_CRL_get_version(l->crl) != X509_CRL_VERSION_2)
		return wrong(why, "it is not of version 2");
	for (int i = 0; i < n; i++)
		if ((rc = check_extension(X509_CRL_get_ext(l->crl, i), why)) !=
		    ERR_OK)
			return rc;
	if ((rc = check_hash(l, why)) != ERR_OK ||
	    (rc = take_times(l, why)) != ERR_OK ||
	    (rc = take_number(l, why)) != ERR_OK ||
	    (rc = take_issuer(l, why)) != ERR_OK)
		return rc;
	return check_entries(l, why);
}

static void
list_done(struct list *l)
{
	X509_CRL_free(l->crl);
	AUTHORITY_KEYID_free(l->akid);
	*l = (struct list){.crl = NULL};
}

/* ---- a file of them ---- */

static int
number_cmp(const struct numbered *a, const struct numbered *b)
{
	return memcmp(a->number, b->number, NUMBER_LEN);
}

static bool
same_issuer(const struct numbered *a, const struct numbered *b)
{
	return memcmp(a->issuer, b->issuer, DIGEST_LEN) == 0;
}

/* Takes the list over. */
static enum err
add_list(struct crl_set *s, struct list *fresh, struct why *why)
{
	struct list *l = s->list;

	while (l < s->list + s->n && !same_issuer(&l->is, &fresh->is))
		l++;
	if (l == s->list + CRL_MOST) {
		list_done(fresh);
		return why_set(why, ERR_TOOBIG, "more than %d lists", CRL_MOST);
	}
	if (l == s->list + s->n) {
		s->n++;
	} else if (number_cmp(&l->is, &fresh->is) > 0) {
		list_done(fresh);
		return ERR_OK;
	}
	list_done(l);
	*l = *fresh;
	return ERR_OK;
}

/* How many begin in a file. */
static unsigned
count_begins(struct rd pem)
{
	static const char begin[] = "-----BEGIN X509 CRL-----";
	const size_t len = sizeof(begin) - 1;
	const uint8_t *at;
	struct rd before;
	unsigned n = 0;

	while ((at = memmem(pem.p, pem.left, begin, len)) != NULL &&
	    rd_view(&pem, (size_t)(at - pem.p) + len, &before) == ERR_OK)
		n++;
	return n;
}

static enum err
read_lists(struct crl_set *s, BIO *b, unsigned n, struct why *why)
{
	struct why what = {""};
	enum err rc;

	if (n == 0)
		return wrong(why, "no PEM CRL in it");
	for (unsigned i = 1; i <= n; i++) {
		struct list l = {
		    .crl = PEM_read_bio_X509_CRL(b, NULL, NULL, NULL)};

		ERR_clear_error();
		if (l.crl == NULL)
			return wrong(why,
			    "it ends within a list, or has a bad one");
		if ((rc = take_list(&l, &what)) != ERR_OK) {
			list_done(&l);
			return why_set(why, rc, "list %u: %s", i, what.text);
		}
		if ((rc = add_list(s, &l, why)) != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
crl_set_read(struct rd pem, struct crl_set **out, struct why *why)
{
	struct crl_set *s = NULL;
	BIO *b = NULL;
	enum err rc;

	if (pem.left > CRL_MOST_OCTETS)
		return why_set(why, ERR_TOOBIG, "over %d octets",
		    CRL_MOST_OCTETS);
	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (b = BIO_new_mem_buf(pem.p, (int)pem.left)) == NULL) {
		free(s);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	rc = read_lists(s, b, count_begins(pem), why);
	BIO_free(b);
	if (rc != ERR_OK)
		crl_set_free(&s);
	else
		*out = s;
	return rc;
}

void
crl_set_free(struct crl_set **sp)
{
	struct crl_set *s = *sp;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++)
		list_done(&s->list[i]);
	free(s);
	*sp = NULL;
}

/* ---- numbers ---- */

/* The number's place among those remembered, a new one if there is none. */
static struct numbered *
floor_of(struct crl_set *s, const struct numbered *is)
{
	struct numbered *f = s->floor;

	while (f < s->floor + s->n_floors && !same_issuer(f, is))
		f++;
	if (f == s->floor + CRL_ISSUERS)
		return NULL;
	if (f == s->floor + s->n_floors) {
		*f = *is;
		s->n_floors++;
	}
	return f;
}

enum err
crl_set_follow(struct crl_set *fresh, const struct crl_set *before,
    struct why *why)
{
	fresh->n_floors = 0;
	if (before != NULL) {
		memcpy(fresh->floor, before->floor, sizeof(fresh->floor));
		fresh->n_floors = before->n_floors;
	}
	for (unsigned i = 0; i < fresh->n; i++) {
		const struct numbered *is = &fresh->list[i].is;
		struct numbered *f = floor_of(fresh, is);

		if (f == NULL)
			return why_set(why, ERR_TOOBIG,
			    "more than %d issuers since the start",
			    CRL_ISSUERS);
		if (number_cmp(is, f) < 0)
			return why_set(why, ERR_DENIED,
			    "a list has a lower number than the one of its "
			    "issuer before it");
		*f = *is;
	}
	return ERR_OK;
}

/* ---- what they say ---- */

static bool
is_signed_by(struct list *l, X509 *issuer)
{
	uint8_t digest[DIGEST_LEN];
	EVP_PKEY *const key = X509_get0_pubkey(issuer);

	if (key == NULL || X509_digest(issuer, EVP_sha256(), digest, NULL) != 1)
		return false;
	if (l->verified && memcmp(l->by, digest, sizeof(digest)) == 0)
		return true;
	if (X509_CRL_verify(l->crl, key) != 1) {
		ERR_clear_error();
		return false;
	}
	memcpy(l->by, digest, sizeof(digest));
	l->verified = true;
	return true;
}

/* What one list of the issuer says of a certificate. */
static int
ask_list(struct list *l, X509 *cert, X509 *issuer, int64_t now, int64_t grace)
{
	X509_REVOKED *entry = NULL;

	if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return X509_V_ERR_KEYUSAGE_NO_CRL_SIGN;
	if (!is_signed_by(l, issuer))
		return X509_V_ERR_CRL_SIGNATURE_FAILURE;
	if (X509_CRL_get0_by_cert(l->crl, &entry, cert) != 0)
		return X509_V_ERR_CERT_REVOKED; /* whenever that was said */
	if (now < l->from)
		return X509_V_ERR_CRL_NOT_YET_VALID;
	return now - grace >= l->until ? X509_V_ERR_CRL_HAS_EXPIRED : X509_V_OK;
}

static int
judge_one(struct crl_set *s, X509 *cert, X509 *issuer, int64_t now,
    int64_t grace)
{
	int said = X509_V_ERR_UNABLE_TO_GET_CRL;

	for (unsigned i = 0; i < s->n; i++) {
		struct list *l = &s->list[i];
		int v;

		if (X509_NAME_cmp(X509_CRL_get_issuer(l->crl),
			X509_get_subject_name(issuer)) != 0 ||
		    (l->akid != NULL &&
			X509_check_akid(issuer, l->akid) != X509_V_OK))
			continue;
		v = ask_list(l, cert, issuer, now, grace);
		if (v == X509_V_ERR_CERT_REVOKED)
			return v;
		if (said != X509_V_OK)
			said = v;
	}
	return said;
}

int
crl_set_judge(struct crl_set *s, STACK_OF(X509) * chain, int64_t now,
    int64_t grace)
{
	const int n = sk_X509_num(chain); /* -1: there is none */
	int v = n < 1 ? X509_V_ERR_UNABLE_TO_GET_CRL : X509_V_OK;

	for (int i = 0; i + 1 < n && v == X509_V_OK; i++)
		v = judge_one(s, sk_X509_value(chain, i),
		    sk_X509_value(chain, i + 1), now, grace);
	return v;
}

/* ---- time ---- */

static int64_t
little(const struct list *l)
{
	const int64_t period = l->until - l->from;
	int64_t least = period / 2 < HOUR ? period / 2 : HOUR;

	return least > period / 10 ? least : period / 10;
}

static enum crl_state
state_of(const struct list *l, int64_t now)
{
	if (now < l->from || now >= l->until)
		return CRL_ENDED;
	return l->until - now < little(l) ? CRL_ENDING : CRL_GOOD;
}

enum crl_state
crl_set_state(const struct crl_set *s, int64_t now, int64_t *ends)
{
	enum crl_state worst = CRL_GOOD;

	*ends = INT64_MAX;
	for (unsigned i = 0; i < s->n; i++) {
		const enum crl_state is = state_of(&s->list[i], now);

		if (is > worst)
			worst = is;
		if (s->list[i].until < *ends)
			*ends = s->list[i].until;
	}
	return worst;
}

int64_t
crl_set_next_end(const struct crl_set *s, int64_t now, int64_t grace)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < s->n; i++) {
		const int64_t end = s->list[i].until + grace;

		if (end > now && end < next)
			next = end;
	}
	return next;
}
