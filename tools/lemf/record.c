#include "hi2/ps_pdu.h"
#include "lemf/fields.h"
#include "lemf/record.h"

#define FIELDS(f) (f), (unsigned)(sizeof(f) / sizeof((f)[0]))

/* Tags as octets.  Those of one structure stand together. */
enum {
	T_SEQUENCE = 0x30,
	T_OBJECT_ID = 0x06,

	T_IRI_CONTENTS = 0xa2,
	T_UMTS_IRI = 0xa4,
	T_IRI_PARAMETERS = 0xa0,
	T_IRIS_CONTENT = 0xa1,
	T_IRI_BEGIN = 0xa1,
	T_IRI_REPORT = 0xa4,

	T_UMTS_DOMAIN = 0x80,
	T_UMTS_LIID = 0x81,
	T_UMTS_INITIATOR = 0x84,
	T_UMTS_PARTIES = 0xa9,
	T_UMTS_EVENT = 0x9d,
	T_UMTS_SIP = 0x9e,
	T_UMTS_CORRELATION = 0xbf23,
	T_UMTS_KEYS = 0xbf24,
	T_UMTS_FAILURE = 0x9f2c,

	T_PARTY_IDENTITY = 0xa1,
	T_PARTY_SIP = 0x88,
	T_PARTY_TEL = 0x89,

	T_IRI_TO_IRI = 0x81,
	T_IRI_TO_BOTH = 0xa2,

	T_KEY_CS = 0x81,
	T_KEY_KEY = 0x82,
	T_KEY_SALT = 0x83
};

enum { UNFILTERED_SIP_MESSAGE = 1, DECRYPTION_KEYS_AVAILABLE = 3 };

/* ---- the header ---- */

static enum err
take_header(const struct ps_pdu *p, struct record *out, struct why *why)
{
	if (p->liid.left == 0 || p->liid.left > MAX_LIID)
		return why_set(why, ERR_MALFORMED, "a LIID of %zu octets",
		    p->liid.left);
	out->liid = p->liid;
	out->operator_id = p->operator_id;
	out->element_id = p->element_id;
	out->has_cin = p->has_cin;
	out->cin = p->cin;
	out->sequence = p->sequence;
	out->has_time = p->has_time;
	out->seconds = p->seconds;
	out->nanoseconds = p->nanoseconds;
	return ERR_OK;
}

/* ---- the record ---- */

/* ContentInfo of AuthEnvelopedData (RFC 5083), so no plain key. */
static bool
is_sealed(struct rd key)
{
	static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
	    0x09, 0x10, 0x01, 0x17};
	struct ber all, type;

	return fields_only(key, &all) == ERR_OK && all.tag == T_SEQUENCE &&
	    ber_get(&all.content, &type) == ERR_OK && type.tag == T_OBJECT_ID &&
	    rd_is(&type.content, oid, sizeof(oid));
}

static enum err
read_keys(struct rd in, struct record *out)
{
	struct ber one;
	enum err rc;

	for (; in.left > 0; out->n_keys++) {
		struct record_key *k = &out->keys[out->n_keys];
		const struct field f[] = {{T_KEY_CS, &k->cs_id, true},
		    {T_KEY_KEY, &k->key, true}, {T_KEY_SALT, &k->salt, false}};

		if (out->n_keys == MAX_CS)
			return ERR_TOOBIG;
		if ((rc = ber_get(&in, &one)) != ERR_OK)
			return rc;
		if (one.tag != T_SEQUENCE)
			return ERR_MALFORMED;
		if ((rc = fields_read(one.content, FIELDS(f))) != ERR_OK)
			return rc;
		k->sealed = k->salt.p == NULL && is_sealed(k->key);
	}
	return ERR_OK;
}

static enum err
read_parties(struct rd in, struct record *out)
{
	struct rd identity, sip, tel;
	const struct field party[] = {{T_PARTY_IDENTITY, &identity, true}};
	const struct field which[] = {{T_PARTY_SIP, &sip, false},
	    {T_PARTY_TEL, &tel, false}};
	struct ber one;
	enum err rc;

	while (in.left > 0) {
		if ((rc = ber_get(&in, &one)) != ERR_OK)
			return rc;
		if (one.tag != T_SEQUENCE)
			return ERR_MALFORMED;
		if ((rc = fields_read(one.content, FIELDS(party))) != ERR_OK ||
		    (rc = fields_read(identity, FIELDS(which))) != ERR_OK)
			return rc;
		if (sip.p == NULL && tel.p == NULL)
			continue;
		if (out->n_targets == RECORD_TARGETS_MAX)
			return ERR_TOOBIG;
		out->targets[out->n_targets++] = sip.p != NULL ? sip : tel;
	}
	return ERR_OK;
}

static enum err
read_correlation(struct rd in, struct record *out)
{
	struct rd iri, both;
	const struct field f[] = {{T_IRI_TO_IRI, &iri, false},
	    {T_IRI_TO_BOTH, &both, false}};
	const struct field inner[] = {{T_IRI_TO_IRI, &iri, true}};
	enum err rc;

	if ((rc = fields_read(in, FIELDS(f))) != ERR_OK ||
	    (both.p != NULL &&
		(rc = fields_read(both, FIELDS(inner))) != ERR_OK))
		return rc;
	out->correlation = iri;
	return ERR_OK;
}

static enum err
read_event(struct rd event, struct rd failure, struct record *out)
{
	uint64_t v = 0;
	enum err rc;

	if (event.p != NULL &&
	    (rc = ber_number(event, UINT32_MAX, &v)) != ERR_OK)
		return rc;
	/* No value of IMSevent means that there are none: hi2/iri.c. */
	out->event = failure.p != NULL	     ? RECORD_NO_KEYS
	    : v == DECRYPTION_KEYS_AVAILABLE ? RECORD_KEYS
	    : v == UNFILTERED_SIP_MESSAGE    ? RECORD_SIP
					     : RECORD_OTHER;
	return ERR_OK;
}

static enum err
read_initiator(struct rd in, struct record *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = ber_number(in, 2, &v)) != ERR_OK)
		return rc;
	out->initiator =
	    (enum record_initiator)(RECORD_NOT_AVAILABLE + (unsigned)v);
	return ERR_OK;
}

static enum err
read_parameters(struct rd in, struct record *out, struct why *why)
{
	struct rd domain, liid, initiator, parties, event, correlation, keys,
	    failure;
	const struct field f[] = {{T_UMTS_DOMAIN, &domain, true},
	    {T_UMTS_LIID, &liid, true}, {T_UMTS_INITIATOR, &initiator, false},
	    {T_UMTS_PARTIES, &parties, false}, {T_UMTS_EVENT, &event, false},
	    {T_UMTS_SIP, &out->sip, false},
	    {T_UMTS_CORRELATION, &correlation, false},
	    {T_UMTS_KEYS, &keys, false}, {T_UMTS_FAILURE, &failure, false}};
	enum err rc;

	if ((rc = fields_read(in, FIELDS(f))) != ERR_OK)
		return why_set(why, rc, "not IRI-Parameters of TS 33.108");
	if (!rd_equal(&liid, &out->liid))
		return why_set(why, ERR_MISMATCH,
		    "PS header and record name different LIIDs");
	if ((rc = read_event(event, failure, out)) != ERR_OK)
		return why_set(why, rc, "iMSevent is not a number");
	if (initiator.p != NULL &&
	    (rc = read_initiator(initiator, out)) != ERR_OK)
		return why_set(why, rc, "initiator is none that there is");
	if (parties.p != NULL && (rc = read_parties(parties, out)) != ERR_OK)
		return why_set(why, rc,
		    "partyInformation is not one, or over 10 parties");
	if (correlation.p != NULL &&
	    (rc = read_correlation(correlation, out)) != ERR_OK)
		return why_set(why, rc, "correlation is not one");
	if (keys.p != NULL && (rc = read_keys(keys, out)) != ERR_OK)
		return why_set(why, rc,
		    "mediaDecryption-info is not one, or over 255 keys");
	return ERR_OK;
}

/* Either form of UMTSIRI. */
static enum err
read_umts(struct rd in, struct record *out, struct why *why)
{
	struct ber e;
	enum err rc;

	if ((rc = fields_only(in, &e)) != ERR_OK)
		return why_set(why, rc, "not an UMTSIRI");
	if (e.tag == T_IRIS_CONTENT) {
		out->form = 1;
		if ((rc = fields_only(e.content, &e)) != ERR_OK)
			return why_set(why, rc, "not an UmtsIRIsContent");
		if (e.tag < T_IRI_BEGIN || e.tag > T_IRI_REPORT)
			return why_set(why, ERR_UNSUPPORTED,
			    "several records in one UMTSIRI");
	} else if (e.tag != T_IRI_PARAMETERS) {
		return why_set(why, ERR_UNSUPPORTED,
		    "an unknown form of UMTSIRI");
	}
	return read_parameters(e.content, out, why);
}

static enum err
read_iri(struct rd in, struct record *out, struct why *why)
{
	struct rd contents;
	const struct field f[] = {{T_IRI_CONTENTS, &contents, true}};
	struct ber payload, choice;
	enum err rc;

	if ((rc = ber_get(&in, &payload)) != ERR_OK)
		return why_set(why, rc, "no IRI in iRIPayloadSequence");
	if (in.left > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "several records in one PDU");
	if (payload.tag != T_SEQUENCE)
		return why_set(why, ERR_MALFORMED, "not an IRIPayload");
	if ((rc = fields_read(payload.content, FIELDS(f))) != ERR_OK ||
	    (rc = fields_only(contents, &choice)) != ERR_OK)
		return why_set(why, rc, "not an IRIPayload");
	if (choice.tag != T_UMTS_IRI)
		return why_set(why, ERR_UNSUPPORTED, "an IRI that is not UMTS");
	return read_umts(choice.content, out, why);
}

enum err
record_read(struct rd pdu, struct record *out, struct why *why)
{
	struct ps_pdu p;
	enum err rc;

	*out = (struct record){.pdu = pdu, .event = RECORD_UNREAD};
	if ((rc = ps_pdu_read(pdu, &p)) != ERR_OK)
		return why_set(why, rc, "not a PS-PDU of TS 102 232-1");
	if ((rc = take_header(&p, out, why)) != ERR_OK)
		return rc;
	switch (p.kind) {
	case PS_IRI:
		return read_iri(p.payload, out, why);
	case PS_TRI:
		if ((rc = tri_read(p.payload, &out->tri)) != ERR_OK) {
			*out =
			    (struct record){.pdu = pdu, .event = RECORD_UNREAD};
			return why_set(why, rc, "not a TRIPayload");
		}
		out->event = RECORD_TRI;
		return ERR_OK;
	case PS_CC:
	case PS_OTHER:
		break;
	}
	return ERR_OK;
}

/* ---- what people and programs call it ---- */

static const char *const tri_name[] = {"integrityCheck", "testPDU",
    "paddingPDU", "keep-alive", "keep-aliveResponse", "firstSegmentFlag",
    "lastSegmentFlag", "cINReset", "operatorLeaMessage", "optionRequest",
    "optionResponse", "optionComplete", "pDUAcknowledgementRequest",
    "pDUAcknowledgementResponse", "unknown"};

const char *
record_event_name(const struct record *r)
{
	switch (r->event) {
	case RECORD_KEYS:
		return "keys";
	case RECORD_NO_KEYS:
		return "noKeys";
	case RECORD_SIP:
		return "sip";
	case RECORD_OTHER:
		return "other";
	case RECORD_TRI:
		return tri_name[r->tri.kind];
	case RECORD_UNREAD:
		break;
	}
	return "unread";
}

struct rd
record_first_line(struct rd sip)
{
	struct rd line = sip;
	size_t n = 0;

	while (n < line.left && line.p[n] != '\r' && line.p[n] != '\n')
		n++;
	line.left = n;
	return line;
}

struct rd
record_sip_line(const struct record *r)
{
	return record_first_line(r->sip);
}
