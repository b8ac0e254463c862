#include <string.h>
#include <strings.h>

#include "hi2/der_put.h"
#include "hi2/iri.h"
#include "hi2/ps_header.h"
#include "hi2/ps_tags.h"

#define SECONDS_2050 2524608000 /* UTCTime ends: two digits of the year */

/* Tags as octets.  Those of one structure stand together. */
enum tag {
	T_SEQUENCE = 0x30,
	T_CHOICE0 = 0xa0, /* a [0] that holds others, and so on */
	T_CHOICE1 = 0xa1,
	T_CHOICE4 = 0xa4,

	T_IRI_TYPE = 0x80,
	T_IRI_CONTENTS = 0xa2,

	T_UMTS_DOMAIN = 0x80,
	T_UMTS_VERSION = 0x97,
	T_UMTS_LIID = 0x81,
	T_UMTS_TIME = 0xa3,
	T_UMTS_INITIATOR = 0x84,
	T_UMTS_PARTIES = 0xa9,
	T_UMTS_NETWORK = 0xba,
	T_UMTS_EVENT = 0x9d,
	T_UMTS_SIP = 0x9e,
	T_UMTS_CORRELATION = 0xbf23,
	T_UMTS_KEYS = 0xbf24,
	T_UMTS_FAILURE = 0x9f2c,

	T_TIME_LOCAL = 0xa0,
	T_TIME_UTC = 0x81,
	T_LOCAL_TIME = 0x80,
	T_LOCAL_SUMMER = 0x81,

	T_PARTY_QUALIFIER = 0x80,
	T_PARTY_IDENTITY = 0xa1,
	T_PARTY_SIP = 0x88,
	T_PARTY_TEL = 0x89,

	T_IRI_TO_IRI = 0x81,

	T_KEY_CS = 0x81,
	T_KEY_KEY = 0x82,
	T_KEY_SALT = 0x83
};

enum {
	IRI_REPORT = 4, /* IRIType iRI-Report: IMS has no other here */
	LAST_VERSION = 8, /* iRIversion: always this, says the module */
	GPRS_TARGET = 3, /* the one party-Qualifier of annex B.3 */
	SUMMER_NOT_PROVIDED = 0,
	GENERIC_FAILURE = 0,
	UNFILTERED_SIP_MESSAGE = 1,
	DECRYPTION_KEYS_AVAILABLE = 3
};

struct party {
	enum tag tag;
	struct rd uri;
};

struct parties {
	unsigned n;
	struct party party[IRI_PARTIES_MAX];
};

/* What of a record is made before it is written. */
struct made {
	struct parties parties;
	struct ps_header header;
	struct ps_times times;
};

static enum err
party_read(struct rd uri, struct party *out)
{
	static const struct {
		const char *scheme;
		size_t len;
		enum tag tag;
	} known[] = {{"sip:", 4, T_PARTY_SIP}, {"sips:", 5, T_PARTY_SIP},
	    {"tel:", 4, T_PARTY_TEL}};

	if (uri.left > IRI_URI_MAX)
		return ERR_TOOBIG;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (uri.left > known[i].len &&
		    strncasecmp((const char *)uri.p, known[i].scheme,
			known[i].len) == 0) {
			*out = (struct party){known[i].tag, uri};
			return ERR_OK;
		}
	return ERR_MALFORMED;
}

/*
 * X.690 11.6: a SET OF is in the order of its encodings.  Two parties differ
 * first in a length, then in the tag of the identity, then in its octets.
 */
static int
party_compare(const struct party *a, const struct party *b)
{
	if (a->uri.left != b->uri.left)
		return a->uri.left < b->uri.left ? -1 : 1;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return memcmp(a->uri.p, b->uri.p, a->uri.left);
}

static enum err
parties_read(const struct iri_record *r, struct parties *out)
{
	enum err rc;

	out->n = 0;
	while (out->n < r->n_targets && out->n < IRI_PARTIES_MAX) {
		struct party p;
		unsigned i = out->n;

		if ((rc = party_read(r->targets[i], &p)) != ERR_OK)
			return rc;
		for (; i > 0 && party_compare(&p, &out->party[i - 1]) < 0; i--)
			out->party[i] = out->party[i - 1];
		out->party[i] = p;
		out->n++;
	}
	return ERR_OK;
}

/* The CIN: the last four octets of the correlation. */
static struct ps_header
header_of(const struct iri_record *r)
{
	const uint8_t *c = r->correlation + IRI_CORRELATION_LEN - 4;

	return (struct ps_header){.liid = r->liid,
	    .cin = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 |
		(uint32_t)c[2] << 8 | c[3],
	    .sequence = r->sequence,
	    .seconds = r->seconds,
	    .nanoseconds = r->nanoseconds};
}

static enum err
check(const struct iri_profile *p, const struct iri_record *r)
{
	const int64_t end =
	    p->umts_time == IRI_UMTS_UTC ? SECONDS_2050 : PS_SECONDS_MAX + 1;
	const struct ps_header h = header_of(r);

	if (iri_profile_check(p, NULL) != ERR_OK ||
	    ps_header_check(&h) != ERR_OK || r->seconds >= end ||
	    r->initiator < IRI_INITIATOR_NA || r->initiator > IRI_TERMINATING)
		return ERR_MALFORMED;
	if (r->sip.left > SIP_MAX)
		return ERR_TOOBIG;
	switch (r->event) {
	case IRI_KEYS:
		return r->n_keys >= 1 && r->n_keys <= MAX_CS ? ERR_OK
							     : ERR_MALFORMED;
	case IRI_NO_KEYS:
		return r->n_keys == 0 ? ERR_OK : ERR_MALFORMED;
	case IRI_SIP:
		return r->n_keys == 0 && r->sip.left > 0 ? ERR_OK
							 : ERR_MALFORMED;
	case IRI_EVENT__MAX:
		break;
	}
	return ERR_MALFORMED;
}

/*
 * What follows writes from the end to the beginning (der_put.h): read each
 * function from its last line up to see the order on the wire.
 */
static void
put_parties(struct der_put *d, const struct parties *all)
{
	const size_t set = d->len;

	if (all->n == 0)
		return;
	for (unsigned i = all->n; i-- > 0;) {
		const struct party *p = &all->party[i];
		const size_t one = d->len;

		der_put_string(d, p->tag, p->uri.p, p->uri.left);
		der_put_wrap(d, T_PARTY_IDENTITY, one);
		der_put_number(d, T_PARTY_QUALIFIER, GPRS_TARGET);
		der_put_wrap(d, T_SEQUENCE, one);
	}
	der_put_wrap(d, T_UMTS_PARTIES, set);
}

static void
put_keys(struct der_put *d, const struct iri_record *r)
{
	const size_t list = d->len;

	for (unsigned i = r->n_keys; i-- > 0;) {
		const struct iri_key *k = &r->keys[i];
		const size_t one = d->len;
		const uint8_t id[] = {(uint8_t)(k->csb_id >> 24),
		    (uint8_t)(k->csb_id >> 16), (uint8_t)(k->csb_id >> 8),
		    (uint8_t)k->csb_id, k->cs_id};

		if (k->sealed.left > 0) {
			der_put_string(d, T_KEY_KEY, k->sealed.p,
			    k->sealed.left);
		} else {
			der_put_string(d, T_KEY_SALT, k->salt, sizeof(k->salt));
			der_put_string(d, T_KEY_KEY, k->tek, sizeof(k->tek));
		}
		der_put_string(d, T_KEY_CS, id, sizeof(id));
		der_put_wrap(d, T_SEQUENCE, one);
	}
	der_put_wrap(d, T_UMTS_KEYS, list);
}

/*
 * The fields from iMSevent [29] on.  No value of IMSevent means that there are
 * no keys: decryptionKeysAvailable would be false, so a record without keys is
 * known by mediaSecFailureIndication, and says unfilteredSIPmessage only where
 * it carries the message that this value announces.
 */
static void
put_event(struct der_put *d, const struct iri_record *r)
{
	size_t correlation;

	if (r->event == IRI_NO_KEYS)
		der_put_number(d, T_UMTS_FAILURE, GENERIC_FAILURE);
	if (r->event == IRI_KEYS)
		put_keys(d, r);
	correlation = d->len;
	der_put_string(d, T_IRI_TO_IRI, r->correlation, sizeof(r->correlation));
	der_put_wrap(d, T_UMTS_CORRELATION, correlation);
	if (r->sip.left > 0)
		der_put_string(d, T_UMTS_SIP, r->sip.p, r->sip.left);
	if (r->event == IRI_KEYS)
		der_put_number(d, T_UMTS_EVENT, DECRYPTION_KEYS_AVAILABLE);
	else if (r->sip.left > 0)
		der_put_number(d, T_UMTS_EVENT, UNFILTERED_SIP_MESSAGE);
}

static void
put_umts_time(struct der_put *d, const struct iri_profile *p,
    const struct ps_times *t)
{
	const size_t at = d->len;

	if (p->umts_time == IRI_UMTS_UTC) {
		der_put_text(d, T_TIME_UTC, t->utc);
	} else {
		der_put_number(d, T_LOCAL_SUMMER, SUMMER_NOT_PROVIDED);
		der_put_text(d, T_LOCAL_TIME, t->generalized);
		der_put_wrap(d, T_TIME_LOCAL, at);
	}
	der_put_wrap(d, T_UMTS_TIME, at);
}

/* The fields of UmtsIRI-Parameters; the tag is the caller's. */
static void
put_parameters(struct der_put *d, const struct iri_profile *p,
    const struct iri_record *r, const struct made *m)
{
	/* {itu-t(0) etsi(4 0) 2 2 threeGPP(4) hi2(1) release version} */
	const uint8_t domain[] = {0x04, 0x00, 0x02, 0x02, 0x04, 0x01,
	    p->hi2_release, p->hi2_version};
	size_t network;

	put_event(d, r);
	network = d->len;
	der_put_text(d, T_NET_OPERATOR, iri_profile_alt_operator(p));
	der_put_wrap(d, T_UMTS_NETWORK, network);
	put_parties(d, &m->parties);
	der_put_number(d, T_UMTS_INITIATOR, r->initiator);
	put_umts_time(d, p, &m->times);
	der_put_string(d, T_UMTS_LIID, r->liid.p, r->liid.left);
	der_put_number(d, T_UMTS_VERSION, LAST_VERSION);
	der_put_string(d, T_UMTS_DOMAIN, domain, sizeof(domain));
}

static void
put_payload(struct der_put *d, const struct iri_profile *p,
    const struct iri_record *r, const struct made *m)
{
	const size_t at = d->len;

	put_parameters(d, p, r, m);
	if (p->form == IRI_FORM_CONTENT) {
		der_put_wrap(d, T_CHOICE4, at); /* iRI-Report-record */
		der_put_wrap(d, T_CHOICE1, at); /* umtsIRIsContent */
	} else {
		der_put_wrap(d, T_CHOICE0, at); /* iRI-Parameters */
	}
	der_put_wrap(d, T_CHOICE4, at); /* uMTSIRI */
	der_put_wrap(d, T_IRI_CONTENTS, at);
	der_put_number(d, T_IRI_TYPE, IRI_REPORT);
	der_put_wrap(d, T_SEQUENCE, at); /* IRIPayload */
	der_put_wrap(d, T_PAYLOAD_IRI, at);
	der_put_wrap(d, T_PS_PAYLOAD, at);
}

static void
put(struct der_put *d, const struct iri_profile *p, const struct iri_record *r,
    const struct made *m)
{
	put_payload(d, p, r, m);
	ps_header_put(d, p, &m->header, &m->times);
	der_put_wrap(d, T_PS_PDU, 0);
}

static enum err
prepare(const struct iri_profile *p, const struct iri_record *r, struct made *m,
    size_t *len)
{
	struct der_put count;
	enum err rc;

	if ((rc = check(p, r)) != ERR_OK ||
	    (rc = parties_read(r, &m->parties)) != ERR_OK)
		return rc;
	m->header = header_of(r);
	ps_header_times(&m->header, &m->times);
	der_put_init(&count, NULL, 0);
	put(&count, p, r, m);
	*len = count.len;
	return ERR_OK;
}

size_t
iri_max(const struct iri_profile *p, const struct iri_record *r)
{
	struct made m;
	size_t len;

	return prepare(p, r, &m, &len) == ERR_OK ? len : 0;
}

/*
 * Counted first, then written into just that room: nothing has to be moved,
 * so no copy of a key is left behind, and a buffer that is too short is not
 * touched.
 */
enum err
iri_encode(const struct iri_profile *p, const struct iri_record *r,
    uint8_t *out, size_t cap, size_t *len)
{
	struct made m;
	struct der_put d;
	size_t need;
	enum err rc;

	if ((rc = prepare(p, r, &m, &need)) != ERR_OK)
		return rc;
	if (need > cap)
		return ERR_TOOBIG;
	der_put_init(&d, out, need);
	put(&d, p, r, &m);
	if (d.failed)
		return ERR_INTERNAL;
	*len = d.len;
	return ERR_OK;
}
