#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "lab_iri.h"

/* Foreign octets, so that a terminal shows nothing but them. */
static void
put_octets(FILE *f, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '\\')
			(void)fprintf(f, "\\x%02x", p[i]);
		else
			(void)fputc(p[i], f);
}

static void
put_text(FILE *f, const char *name, const OCTET_STRING_t *s)
{
	if (s == NULL)
		return;
	(void)fprintf(f, "  %-22s", name);
	put_octets(f, s->buf, (size_t)s->size);
	(void)fputc('\n', f);
}

static void
put_hex(FILE *f, const OCTET_STRING_t *s)
{
	for (int i = 0; i < s->size; i++)
		(void)fprintf(f, "%02x", s->buf[i]);
}

static void
put_oid(FILE *f, const char *name, const OBJECT_IDENTIFIER_t *oid)
{
	unsigned long arc[16];
	const int n = OBJECT_IDENTIFIER_get_arcs(oid, arc, sizeof(arc[0]), 16);

	(void)fprintf(f, "  %-22s", name);
	for (int i = 0; i < n && i < 16; i++)
		(void)fprintf(f, "%s%lu", i > 0 ? "." : "", arc[i]);
	(void)fputc('\n', f);
}

static void
put_micro(FILE *f, const MicroSecondTimeStamp_t *m)
{
	const time_t t = (time_t)m->seconds;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	(void)fprintf(f, "  %-22s%s.%06ld UTC\n", "microSecondTimeStamp", text,
	    m->microSeconds);
}

static void
put_header(FILE *f, const PSHeader_t *h)
{
	static const char *const qualifier[] = {"unknown", "timeOfInterception",
	    "timeOfMediation", "timeOfAggregation"};
	const CommunicationIdentifier_t *c = &h->communicationIdentifier;
	const NetworkIdentifier_t *n = &c->networkIdentifier;

	put_oid(f, "li-psDomainId", &h->li_psDomainId);
	put_text(f, "LIID", &h->lawfulInterceptionIdentifier);
	put_text(f, "authorization", h->authorizationCountryCode);
	put_text(f, "operator", &n->operatorIdentifier);
	put_text(f, "network element", n->networkElementIdentifier);
	if (c->communicationIdentityNumber != NULL)
		(void)fprintf(f, "  %-22s%lu\n", "CIN",
		    *c->communicationIdentityNumber);
	put_text(f, "delivery", c->deliveryCountryCode);
	(void)fprintf(f, "  %-22s%lu\n", "sequence number", h->sequenceNumber);
	put_text(f, "timeStamp", h->timeStamp);
	put_text(f, "interception point", h->interceptionPointID);
	if (h->microSecondTimeStamp != NULL)
		put_micro(f, h->microSecondTimeStamp);
	if (h->timeStampQualifier != NULL && *h->timeStampQualifier >= 0 &&
	    *h->timeStampQualifier < 4)
		(void)fprintf(f, "  %-22s%s\n", "time qualifier",
		    qualifier[*h->timeStampQualifier]);
}

static void
put_record_time(FILE *f, const TimeStamp_t *t)
{
	static const char *const summer[] = {"notProvided", "winterTime",
	    "summerTime"};
	const LocalTimeStamp_t *l = &t->choice.localTime;

	if (t->present == TimeStamp_PR_utcTime) {
		put_text(f, "utcTime", &t->choice.utcTime);
	} else if (t->present == TimeStamp_PR_localTime) {
		put_text(f, "localTime", &l->generalizedTime);
		if (l->winterSummerIndication >= 0 &&
		    l->winterSummerIndication < 3)
			(void)fprintf(f, "  %-22s%s\n", "winter or summer",
			    summer[l->winterSummerIndication]);
	}
}

/* The message as it is, each line behind a bar. */
static void
put_sip(FILE *f, const OCTET_STRING_t *s)
{
	size_t from = 0;
	const size_t len = (size_t)s->size;

	(void)fprintf(f, "  SIP message of %zu octets\n", len);
	while (from < len) {
		const uint8_t *end = memchr(s->buf + from, '\n', len - from);
		const size_t next =
		    end != NULL ? (size_t)(end - s->buf) + 1 : len;
		size_t to = end != NULL ? next - 1 : len;

		if (end != NULL && to > from && s->buf[to - 1] == '\r')
			to--;
		(void)fputs(to > from ? "    | " : "    |", f);
		put_octets(f, s->buf + from, to - from);
		(void)fputc('\n', f);
		from = next;
	}
}

static void
put_keys(FILE *f, const struct MediaDecryption_info *m, bool keys)
{
	for (int i = 0; i < m->list.count; i++) {
		const CCKeyInfo_t *k = m->list.array[i];

		(void)fprintf(f, "  %-22s", "key of stream");
		put_hex(f, &k->cCCSID);
		(void)fputs(": key ", f);
		if (keys)
			put_hex(f, &k->cCDecKey);
		else
			(void)fputs("****", f);
		(void)fputs(", salt ", f);
		if (k->cCSalt == NULL)
			(void)fputs("none", f);
		else if (keys)
			put_hex(f, k->cCSalt);
		else
			(void)fputs("****", f);
		(void)fputc('\n', f);
	}
}

static void
put_parties(FILE *f, const UmtsIRI_Parameters_t *u)
{
	for (int i = 0;
	     u->partyInformation != NULL && i < u->partyInformation->list.count;
	     i++) {
		const PartyInformation_t *p =
		    u->partyInformation->list.array[i];

		put_text(f, "target sip-uri", p->partyIdentity.sip_uri);
		put_text(f, "target tel-uri", p->partyIdentity.tel_uri);
	}
}

static void
put_record(FILE *f, const UmtsIRI_Parameters_t *u, bool keys)
{
	static const char *const initiator[] = {"not-Available",
	    "originating-Target", "terminating-Target"};

	put_oid(f, "hi2DomainId", &u->hi2DomainId);
	put_record_time(f, &u->timeStamp);
	if (u->initiator != NULL && *u->initiator >= 0 && *u->initiator < 3)
		(void)fprintf(f, "  %-22s%s\n", "initiator",
		    initiator[*u->initiator]);
	put_parties(f, u);
	if (u->networkIdentifier != NULL)
		put_text(f, "operator (33.108)",
		    &u->networkIdentifier->operator_Identifier);
	if (u->correlation != NULL &&
	    u->correlation->present == CorrelationValues_PR_iri_to_iri) {
		(void)fprintf(f, "  %-22s", "iri-to-iri");
		put_hex(f, &u->correlation->choice.iri_to_iri);
		(void)fputc('\n', f);
	}
	if (u->mediaSecFailureIndication != NULL)
		(void)fprintf(f, "  %-22s%s\n", "media security",
		    *u->mediaSecFailureIndication ==
			    MediaSecFailureIndication_genericFailure
			? "genericFailure"
			: "unknown");
	if (u->mediaDecryption_info != NULL)
		put_keys(f, u->mediaDecryption_info, keys);
	if (u->sIPMessage != NULL)
		put_sip(f, u->sIPMessage);
}

void
lab_iri_print(FILE *f, const struct lab_iri *r, bool keys)
{
	(void)fprintf(f, "PS-PDU of %zu octets: ", r->len);
	if (r->u != NULL)
		(void)fprintf(f, "%s, UMTSIRI form [%u]\n", r->event, r->form);
	else
		(void)fprintf(f, "%s\n", r->event);
	put_header(f, r->h);
	if (r->u != NULL)
		put_record(f, r->u, keys);
}
