/*
 * IRI records read by a decoder that asn1c makes of the modules of TS 102 232-1
 * and TS 33.108: what went in comes out, for every option and event, and what
 * asn1c writes of it again are the same octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <PS-PDU.h>

#include "help.h"
#include "hi2/iri.h"

#define LONGEST (SIP_MAX + 32768 + 1024) /* keys that are sealed among them */

static uint8_t buf[LONGEST], again[LONGEST];

static const char sip_text[] = "INVITE sip:bob@example.net SIP/2.0\r\n"
			       "Call-ID: 1@example.com\r\n\r\n";

static void
assert_octets(const OCTET_STRING_t *s, const void *p, size_t len)
{
	assert_non_null(s);
	assert_int_equal(s->size, len);
	assert_memory_equal(s->buf, p, len);
}

static void
assert_text(const OCTET_STRING_t *s, const char *text)
{
	if (text[0] == '\0')
		assert_null(s);
	else
		assert_octets(s, text, strlen(text));
}

static void
assert_arcs(const OBJECT_IDENTIFIER_t *oid, const unsigned long *arcs, int n)
{
	unsigned long got[16];

	assert_int_equal(OBJECT_IDENTIFIER_get_arcs(oid, got, sizeof(got[0]),
			     16),
	    n);
	assert_memory_equal(got, arcs, (size_t)n * sizeof(arcs[0]));
}

/* The time again, by the C library. */
static void
assert_generalized(const OCTET_STRING_t *s, const struct iri_record *r)
{
	const time_t t = (time_t)r->seconds;
	const unsigned ms = r->nanoseconds / 1000000;
	char want[64], fraction[8];
	struct tm tm;
	size_t n;

	assert_non_null(gmtime_r(&t, &tm));
	n = strftime(want, sizeof(want), "%Y%m%d%H%M%S", &tm);
	(void)snprintf(fraction, sizeof(fraction), ".%03u", ms);
	while (fraction[0] != '\0' &&
	    strchr("0.", fraction[strlen(fraction) - 1]) != NULL)
		fraction[strlen(fraction) - 1] = '\0';
	(void)snprintf(want + n, sizeof(want) - n, "%sZ", fraction);
	assert_octets(s, want, strlen(want));
}

static void
assert_utc(const OCTET_STRING_t *s, const struct iri_record *r)
{
	const time_t t = (time_t)r->seconds;
	char want[32];
	struct tm tm;

	assert_non_null(gmtime_r(&t, &tm));
	(void)strftime(want, sizeof(want), "%Y%m%d%H%M%SZ", &tm);
	assert_octets(s, want + 2, 13); /* two digits of the year */
}

static void
assert_header(const PSHeader_t *h, const struct iri_profile *p,
    const struct iri_record *r)
{
	const unsigned long domain[] = {0, 4, 0, 2, 2, 5, 1, p->ps_version};
	const CommunicationIdentifier_t *c = &h->communicationIdentifier;
	const uint8_t *last = r->correlation + 4;

	assert_arcs(&h->li_psDomainId, domain, 8);
	assert_octets(&h->lawfulInterceptionIdentifier, r->liid.p,
	    r->liid.left);
	assert_text(h->authorizationCountryCode, p->authorization_country);
	assert_text(&c->networkIdentifier.operatorIdentifier, p->operator_id);
	assert_text(c->networkIdentifier.networkElementIdentifier,
	    p->network_element_id);
	assert_null(c->networkIdentifier.eTSI671NEID);
	assert_non_null(c->communicationIdentityNumber);
	assert_int_equal(*c->communicationIdentityNumber,
	    (unsigned long)last[0] << 24 | (unsigned long)last[1] << 16 |
		(unsigned long)last[2] << 8 | last[3]);
	assert_text(c->deliveryCountryCode, p->delivery_country);
	assert_null(c->cINExtension);
	assert_int_equal(h->sequenceNumber, r->sequence);
	if ((p->header_time & IRI_HEADER_GENERALIZED) != 0)
		assert_generalized(h->timeStamp, r);
	else
		assert_null(h->timeStamp);
	assert_text(h->interceptionPointID, p->interception_point);
	if ((p->header_time & IRI_HEADER_MICROSECOND) != 0) {
		assert_non_null(h->microSecondTimeStamp);
		assert_int_equal(h->microSecondTimeStamp->seconds, r->seconds);
		assert_int_equal(h->microSecondTimeStamp->microSeconds,
		    r->nanoseconds / 1000);
	} else {
		assert_null(h->microSecondTimeStamp);
	}
	if (p->qualifier == IRI_QUALIFIER_NONE) {
		assert_null(h->timeStampQualifier);
	} else {
		assert_non_null(h->timeStampQualifier);
		assert_int_equal(*h->timeStampQualifier, p->qualifier);
	}
	assert_null(h->extendedInterceptionPointID);
	assert_null(h->networkFunctionIdentifier);
}

/* Each identity that went in, once and in its field. */
static void
assert_parties(const UmtsIRI_Parameters_t *u, const struct iri_record *r)
{
	const unsigned want =
	    r->n_targets < IRI_PARTIES_MAX ? r->n_targets : IRI_PARTIES_MAX;
	bool taken[IRI_PARTIES_MAX] = {false};

	if (want == 0) {
		assert_null(u->partyInformation);
		return;
	}
	assert_non_null(u->partyInformation);
	assert_int_equal(u->partyInformation->list.count, want);
	for (unsigned i = 0; i < want; i++) {
		const bool tel =
		    strncasecmp((const char *)r->targets[i].p, "tel:", 4) == 0;
		unsigned k;

		for (k = 0; k < want; k++) {
			const PartyInformation_t *p =
			    u->partyInformation->list.array[k];
			const OCTET_STRING_t *s = tel
			    ? p->partyIdentity.tel_uri
			    : p->partyIdentity.sip_uri;

			assert_int_equal(p->party_Qualifier,
			    PartyInformation__party_Qualifier_gPRS_Target);
			assert_true((p->partyIdentity.tel_uri == NULL) !=
			    (p->partyIdentity.sip_uri == NULL));
			if (!taken[k] && s != NULL &&
			    rd_is(&r->targets[i], s->buf, (size_t)s->size))
				break;
		}
		assert_true(k < want);
		taken[k] = true;
	}
}

static void
assert_keys(const UmtsIRI_Parameters_t *u, const struct iri_record *r)
{
	if (r->event != IRI_KEYS) {
		assert_null(u->mediaDecryption_info);
		return;
	}
	assert_non_null(u->mediaDecryption_info);
	assert_int_equal(u->mediaDecryption_info->list.count, r->n_keys);
	for (unsigned i = 0; i < r->n_keys; i++) {
		const CCKeyInfo_t *k = u->mediaDecryption_info->list.array[i];
		uint8_t id[5];
		struct wr w;

		wr_init(&w, id, sizeof(id));
		wr_u32(&w, r->keys[i].csb_id);
		wr_u8(&w, r->keys[i].cs_id);
		assert_octets(&k->cCCSID, id, sizeof(id));
		if (r->keys[i].sealed.left > 0) {
			assert_octets(&k->cCDecKey, r->keys[i].sealed.p,
			    r->keys[i].sealed.left);
			assert_null(k->cCSalt);
			continue;
		}
		assert_octets(&k->cCDecKey, r->keys[i].tek, 16);
		assert_octets(k->cCSalt, r->keys[i].salt, 14);
	}
}

static void
assert_number(const long *n, bool there, long want)
{
	if (!there) {
		assert_null(n);
		return;
	}
	assert_non_null(n);
	assert_int_equal(*n, want);
}

static void
assert_umts(const UmtsIRI_Parameters_t *u, const struct iri_profile *p,
    const struct iri_record *r)
{
	const unsigned long domain[] = {0, 4, 0, 2, 2, 4, 1, p->hi2_release,
	    p->hi2_version};
	const TimeStamp_t *t = &u->timeStamp;

	assert_arcs(&u->hi2DomainId, domain, 9);
	assert_number(u->iRIversion, true,
	    UmtsIRI_Parameters__iRIversion_lastVersion);
	assert_octets(&u->lawfulInterceptionIdentifier, r->liid.p,
	    r->liid.left);
	if (p->umts_time == IRI_UMTS_LOCAL) {
		assert_int_equal(t->present, TimeStamp_PR_localTime);
		assert_generalized(&t->choice.localTime.generalizedTime, r);
		assert_int_equal(t->choice.localTime.winterSummerIndication, 0);
	} else {
		assert_int_equal(t->present, TimeStamp_PR_utcTime);
		assert_utc(&t->choice.utcTime, r);
	}
	assert_number(u->initiator, true, r->initiator);
	assert_parties(u, r);
	assert_non_null(u->networkIdentifier);
	assert_text(&u->networkIdentifier->operator_Identifier,
	    p->alt_operator_id[0] != '\0' ? p->alt_operator_id
					  : p->operator_id);
	assert_null(u->networkIdentifier->network_Element_Identifier);
	assert_number(u->iMSevent, r->event != IRI_NO_KEYS || r->sip.left > 0,
	    r->event == IRI_KEYS ? IMSevent_decryptionKeysAvailable
				 : IMSevent_unfilteredSIPmessage);
	if (r->sip.left > 0)
		assert_octets(u->sIPMessage, r->sip.p, r->sip.left);
	else
		assert_null(u->sIPMessage);
	assert_non_null(u->correlation);
	assert_int_equal(u->correlation->present,
	    CorrelationValues_PR_iri_to_iri);
	assert_octets(&u->correlation->choice.iri_to_iri, r->correlation, 8);
	assert_keys(u, r);
	assert_number(u->mediaSecFailureIndication, r->event == IRI_NO_KEYS,
	    MediaSecFailureIndication_genericFailure);
}

static const UmtsIRI_Parameters_t *
parameters(const PS_PDU_t *pdu, const struct iri_profile *p)
{
	const IRIPayload_t *payload;
	const UMTSIRI_t *u;
	const UmtsIRIsContent_t *c;

	assert_int_equal(pdu->payload.present, Payload_PR_iRIPayloadSequence);
	assert_int_equal(pdu->payload.choice.iRIPayloadSequence.list.count, 1);
	payload = pdu->payload.choice.iRIPayloadSequence.list.array[0];
	assert_number(payload->iRIType, true, IRIType_iRI_Report);
	assert_null(payload->timeStamp);
	assert_null(payload->microSecondTimeStamp);
	assert_int_equal(payload->iRIContents.present, IRIContents_PR_uMTSIRI);
	u = &payload->iRIContents.choice.uMTSIRI;
	if (p->form == IRI_FORM_PARAMETERS) {
		assert_int_equal(u->present, UMTSIRI_PR_iRI_Parameters);
		return &u->choice.iRI_Parameters;
	}
	assert_int_equal(u->present, UMTSIRI_PR_umtsIRIsContent);
	c = &u->choice.umtsIRIsContent;
	assert_int_equal(c->present, UmtsIRIsContent_PR_umtsiRIContent);
	assert_int_equal(c->choice.umtsiRIContent.present,
	    UmtsIRIContent_PR_iRI_Report_record);
	return &c->choice.umtsiRIContent.choice.iRI_Report_record;
}

/* Encode, decode, compare, encode again. */
static void
round_trip(const struct iri_profile *p, const struct iri_record *r)
{
	PS_PDU_t *pdu = NULL;
	asn_dec_rval_t got;
	asn_enc_rval_t put;
	char text[256];
	size_t len, n = sizeof(text);

	assert_int_equal(iri_encode(p, r, buf, sizeof(buf), &len), ERR_OK);
	assert_int_equal(iri_max(p, r), len);
	assert_true(len <= LONGEST);
	got = ber_decode(NULL, &asn_DEF_PS_PDU, (void **)&pdu, buf, len);
	assert_int_equal(got.code, RC_OK);
	assert_int_equal(got.consumed, len);
	if (asn_check_constraints(&asn_DEF_PS_PDU, pdu, text, &n) != 0)
		fail_msg("%s", text);
	assert_header(&pdu->pSHeader, p, r);
	assert_umts(parameters(pdu, p), p, r);
	put = der_encode_to_buffer(&asn_DEF_PS_PDU, pdu, again, sizeof(again));
	assert_int_equal(put.encoded, len);
	assert_memory_equal(again, buf, len);
	ASN_STRUCT_FREE(asn_DEF_PS_PDU, pdu);
}

/* Three events, with and without a SIP message. */
static const uint8_t sealed[300] = {0x30};
static const struct iri_key three_keys[] =
    {{.cs_id = 1, .csb_id = 0x80000001, .tek = {0x11, 0x12}, .salt = {0x13}},
	{.cs_id = 2, .csb_id = 7, .tek = {0xff, 0}, .salt = {0x80}},
	{.cs_id = 3, .csb_id = 7, .sealed = {sealed, sizeof(sealed)}}};

static unsigned
each_event(const struct iri_profile *p, struct iri_record r)
{
	unsigned n = 0;

	for (int e = 0; e < IRI_EVENT__MAX; e++)
		for (int sip = e == IRI_SIP ? 1 : 0; sip < 2; sip++) {
			r.event = (enum iri_event)e;
			r.sip = str(sip == 1 ? sip_text : "");
			r.keys = e == IRI_KEYS ? three_keys : NULL;
			r.n_keys = e == IRI_KEYS ? 3 : 0;
			round_trip(p, &r);
			n++;
		}
	return n;
}

static struct rd targets[3];

static struct iri_record
plain(void)
{
	targets[0] = str("sip:alice@example.com");
	targets[1] = str("tel:+4930123456");
	targets[2] = str("sips:a@example.com");
	return (struct iri_record){.event = IRI_SIP,
	    .liid = str("LIID-1"),
	    .targets = targets,
	    .n_targets = 3,
	    .correlation = {1, 2, 3, 4, 0x85, 6, 7, 8},
	    .seconds = 1700000000,
	    .nanoseconds = 123456789,
	    .initiator = IRI_ORIGINATING,
	    .sequence = 42,
	    .sip = str(sip_text)};
}

static void
set(struct iri_profile *p, const char *option, const char *value)
{
	struct why why;

	if (iri_profile_set(p, option, value, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
each_named_profile(void **state)
{
	const char *name;
	struct iri_profile p;

	(void)state;
	for (size_t i = 0; (name = iri_profile_name(i)) != NULL; i++) {
		assert_int_equal(iri_profile_named(name, &p), ERR_OK);
		set(&p, "operator_id", "OP");
		assert_int_equal(each_event(&p, plain()), 5);
	}
}

/* Every value of each of these with every value of each other. */
static const struct {
	const char *option, *value[6]; /* up to the first NULL */
} choices[] = {
    {"form", {"parameters", "content"}},
    {"ps_version", {"40", "43"}},
    {"hi2_domain", {"r15v5", "r16v1"}},
    {"header_time", {"generalized", "microsecond", "both"}},
    {"umts_time", {"local", "utc"}},
    {"time_qualifier",
	{"", "unknown", "interception", "mediation", "aggregation"}},
};
#define N_CHOICES (sizeof(choices) / sizeof(choices[0]))

/* With each of those, three of the 32 ways to have these. */
static const struct {
	const char *option, *value[2];
} texts[] = {
    {"authorization_country", {"--", "DE"}},
    {"delivery_country", {"", "NL"}},
    {"alt_operator_id", {"", "99999"}},
    {"network_element_id", {"", "0123456789abcdef"}},
    {"interception_point", {"", "p 1:2=3?"}},
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))

static unsigned
choose_texts(struct iri_profile *p, unsigned way)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		set(p, texts[i].option, texts[i].value[way >> i & 1]);
	return each_event(p, plain());
}

static unsigned
choose(struct iri_profile *p, size_t from)
{
	static unsigned way;
	unsigned n = 0;

	if (from == N_CHOICES) {
		way++;
		return choose_texts(p, 0) + choose_texts(p, 31) +
		    choose_texts(p, way % 32);
	}
	for (size_t i = 0; i < 6 && choices[from].value[i] != NULL; i++) {
		set(p, choices[from].option, choices[from].value[i]);
		n += choose(p, from + 1);
	}
	return n;
}

static void
each_option_with_each_other(void **state)
{
	struct iri_profile p;
	size_t known = 0;

	(void)state;
	while (iri_profile_option(known) != NULL)
		known++;
	/* operator_id has tests of its own below. */
	assert_int_equal(known, N_CHOICES + N_TEXTS + 1);
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	set(&p, "operator_id", "OP-1");
	assert_int_equal(choose(&p, 0), 2 * 2 * 2 * 3 * 2 * 5 * 3 * 5);
}

static void
bounds(void **state)
{
	static const int64_t when[] = {0, 1, 951782399, 951782400, 951868800,
	    1709164799, 1709251199, 1709251200, 2147483648, 2524607999};
	static const uint32_t ns[] = {0, 999999, 1000000, 10000000, 100000000,
	    999999999};
	static uint8_t liid[MAX_LIID];
	struct iri_record r = plain();
	struct iri_profile p;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	set(&p, "operator_id", "0123456789abcdef");
	set(&p, "alt_operator_id", "1");
	memset(liid, 0xff, sizeof(liid));
	for (size_t n = 1; n <= sizeof(liid); n++) {
		rd_init(&r.liid, liid, n);
		(void)each_event(&p, r);
	}
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++)
		for (size_t k = 0; k < sizeof(ns) / sizeof(ns[0]); k++)
			for (int utc = 0; utc < 2; utc++) {
				set(&p, "umts_time", utc ? "utc" : "local");
				r.seconds = when[i];
				r.nanoseconds = ns[k];
				(void)each_event(&p, r);
			}
	for (unsigned bit = 0; bit <= 32; bit++) {
		const uint64_t v = ((uint64_t)1 << bit) - 1;

		for (unsigned up = 0; up < 2; up++) {
			struct wr w;

			r.sequence = (uint32_t)(v + up);
			wr_init(&w, r.correlation + 4, 4);
			wr_u32(&w, r.sequence);
			(void)each_event(&p, r);
		}
	}
	set(&p, "umts_time", "local");
	r.seconds = 253402300799;
	for (int i = IRI_INITIATOR_NA; i <= IRI_TERMINATING; i++) {
		r.initiator = (enum iri_initiator)i;
		(void)each_event(&p, r);
	}
}

/* Lengths of one, two and three octets; all parties and keys there can be. */
static void
long_fields(void **state)
{
	static const size_t len[] = {1, 20, 100, 127, 128, 129, 255, 256, 65535,
	    65536, SIP_MAX};
	static struct iri_key keys[MAX_CS];
	static uint8_t sip[SIP_MAX];
	static char uri[12][IRI_URI_MAX];
	struct rd many[12];
	struct iri_record r = plain();
	struct iri_profile p;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	set(&p, "operator_id", "OP");
	memset(sip, 's', sizeof(sip));
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		rd_init(&r.sip, sip, len[i]);
		round_trip(&p, &r);
	}
	for (unsigned i = 0; i < MAX_CS; i++) {
		memset(&keys[i], (int)i, sizeof(keys[i]));
		keys[i].cs_id = (uint8_t)(i + 1);
		rd_init(&keys[i].sealed, NULL, 0);
	}
	r.keys = keys;
	r.event = IRI_KEYS;
	for (r.n_keys = 1; r.n_keys <= MAX_CS; r.n_keys++)
		round_trip(&p, &r);
	r.n_keys = MAX_CS;
	r.targets = many;
	for (unsigned i = 0; i < 12; i++) {
		memset(uri[i], 'a' + (int)(i % 3), sizeof(uri[i]));
		memcpy(uri[i], i % 2 == 0 ? "tel:" : "sip:", 4);
		rd_init(&many[i], uri[i],
		    i % 4 == 0 ? IRI_URI_MAX : 5 + 31 * i);
	}
	for (r.n_targets = 0; r.n_targets <= 12; r.n_targets++)
		round_trip(&p, &r);
}

/* Any order of the same identities gives the same octets. */
static void
parties_in_their_order(void **state)
{
	static const char *const text[] = {"sip:b@x", "sip:a@x", "tel:abc",
	    "tel:abb", "SIPS:a@", "sip:a@x", "Tel:+49301234567890"};
	struct iri_record r = plain();
	struct rd some[7];
	struct iri_profile p;
	uint64_t x = 88172645463325252U;
	size_t len, first = 0;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	set(&p, "operator_id", "OP");
	for (unsigned i = 0; i < 7; i++)
		some[i] = str(text[i]);
	r.targets = some;
	r.n_targets = 7;
	for (int n = 0; n < 500; n++) {
		round_trip(&p, &r);
		assert_int_equal(iri_encode(&p, &r, again, sizeof(again), &len),
		    ERR_OK);
		if (n == 0)
			first = len;
		assert_int_equal(len, first);
		if (n == 0)
			memcpy(again + sizeof(again) / 2, again, len);
		assert_memory_equal(again, again + sizeof(again) / 2, len);
		for (unsigned i = 6; i > 0; i--) {
			struct rd t = some[i];
			unsigned k;

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			k = (unsigned)(x % (i + 1));
			some[i] = some[k];
			some[k] = t;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_named_profile),
	    cmocka_unit_test(each_option_with_each_other),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(long_fields),
	    cmocka_unit_test(parties_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
