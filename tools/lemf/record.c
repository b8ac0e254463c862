#include <string.h>
#include <time.h>

#include "lemf/ber.h"
#include "lemf/record.h"

#define FIELDS(f) (f), (unsigned)(sizeof(f) / sizeof((f)[0]))

/* Tags as octets.  Those of one structure stand together. */
enum {
	T_SEQUENCE = 0x30,

	T_PS_HEADER = 0xa1,
	T_PS_PAYLOAD = 0xa2,
	T_PS_DOMAIN = 0x80,
	T_PS_LIID = 0x81,
	T_PS_COMMUNICATION = 0xa3,
	T_PS_SEQUENCE = 0x84,
	T_PS_TIME = 0x85,
	T_PS_MICRO = 0xa7,

	T_COM_NETWORK = 0xa0,
	T_COM_CIN = 0x81,
	T_NET_OPERATOR = 0x80,
	T_NET_ELEMENT = 0x81,

	T_MICRO_SECONDS = 0x80,
	T_MICRO_MICROS = 0x81,

	T_IRI_PAYLOADS = 0xa0,
	T_TRI_PAYLOAD = 0xa2,
	T_ENCRYPTION = 0xa4,
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

enum err
record_length(struct rd in, size_t *len)
{
	struct rd r = in, content;
	uint64_t n = 0;
	uint8_t tag, b;

	if (rd_u8(&r, &tag) != ERR_OK)
		return ERR_AGAIN;
	if (tag != T_SEQUENCE)
		return ERR_MALFORMED;
	if (rd_u8(&r, &b) != ERR_OK)
		return ERR_AGAIN;
	if (b < 0x80) {
		n = b;
	} else {
		/* Four octets are more than any length of ours needs. */
		if (b == 0x80 || b > 0x84)
			return ERR_MALFORMED;
		if (rd_view(&r, b & 0x7f, &content) != ERR_OK)
			return ERR_AGAIN;
		while (rd_u8(&content, &b) == ERR_OK)
			n = n << 8 | b;
	}
	n += in.left - r.left;
	if (n > RECORD_PDU_MAX)
		return ERR_TOOBIG;
	*len = (size_t)n;
	return ERR_OK;
}

/* ---- the header ---- */

static bool
number(struct rd digits, unsigned n, int *out)
{
	uint8_t b;

	*out = 0;
	if (digits.left != n)
		return false;
	while (rd_u8(&digits, &b) == ERR_OK) {
		if (b < '0' || b > '9')
			return false;
		*out = 10 * *out + (b - '0');
	}
	return true;
}

/* The fraction of a second, of which nine digits count. */
static bool
fraction(struct rd in, uint32_t *out)
{
	uint32_t unit = 100000000, v = 0;
	uint8_t b;

	if (in.left == 0)
		return false;
	while (rd_u8(&in, &b) == ERR_OK) {
		if (b < '0' || b > '9')
			return false;
		v += (uint32_t)(b - '0') * unit;
		unit /= 10;
	}
	*out = v;
	return true;
}

/* GeneralizedTime of UTC: YYYYMMDDHHMMSS, perhaps a fraction, Z. */
static enum err
read_generalized(struct rd in, struct record *out)
{
	static const struct {
		unsigned digits;
		int least, most;
	} part[] = {{4, 1970, 9999}, {2, 1, 12}, {2, 1, 31}, {2, 0, 23},
	    {2, 0, 59}, {2, 0, 60}};
	uint32_t nanoseconds = 0;
	struct rd digits;
	int v[6];
	struct tm tm;

	for (unsigned i = 0; i < 6; i++)
		if (rd_view(&in, part[i].digits, &digits) != ERR_OK ||
		    !number(digits, part[i].digits, &v[i]) ||
		    v[i] < part[i].least || v[i] > part[i].most)
			return ERR_MALFORMED;
	if (in.left == 0 || in.p[in.left - 1] != 'Z')
		return ERR_UNSUPPORTED; /* local time of an unknown place */
	in.left--;
	if (in.left > 0 &&
	    (rd_view(&in, 1, &digits) != ERR_OK || digits.p[0] != '.' ||
		!fraction(in, &nanoseconds)))
		return ERR_MALFORMED;
	tm = (struct tm){.tm_year = v[0] - 1900,
	    .tm_mon = v[1] - 1,
	    .tm_mday = v[2],
	    .tm_hour = v[3],
	    .tm_min = v[4],
	    .tm_sec = v[5]};
	out->seconds = timegm(&tm);
	out->nanoseconds = nanoseconds;
	out->has_time = true;
	return ERR_OK;
}

static enum err
read_micro(struct rd in, struct record *out)
{
	struct rd seconds, micros;
	const struct ber_field f[] = {{T_MICRO_SECONDS, &seconds, true},
	    {T_MICRO_MICROS, &micros, true}};
	uint64_t s;
	uint32_t m;
	enum err rc;

	if ((rc = ber_fields(in, FIELDS(f))) != ERR_OK ||
	    (rc = ber_u64(seconds, &s)) != ERR_OK ||
	    (rc = ber_u32(micros, &m)) != ERR_OK)
		return rc;
	if (s > 253402300799 || m > 999999) /* the end of 9999 */
		return ERR_MALFORMED;
	out->seconds = (int64_t)s;
	out->nanoseconds = 1000 * m;
	out->has_time = true;
	return ERR_OK;
}

static enum err
read_communication(struct rd in, struct record *out)
{
	struct rd network, cin;
	const struct ber_field f[] = {{T_COM_NETWORK, &network, true},
	    {T_COM_CIN, &cin, false}};
	const struct ber_field n[] = {{T_NET_OPERATOR, &out->operator_id, true},
	    {T_NET_ELEMENT, &out->element_id, false}};
	enum err rc;

	if ((rc = ber_fields(in, FIELDS(f))) != ERR_OK ||
	    (rc = ber_fields(network, FIELDS(n))) != ERR_OK)
		return rc;
	out->has_cin = cin.p != NULL;
	return out->has_cin ? ber_u32(cin, &out->cin) : ERR_OK;
}

static enum err
read_header(struct rd in, struct record *out, struct why *why)
{
	/* {itu-t(0) etsi(4 0) 2 2 li-ps(5) genHeader(1)}, and a version. */
	static const uint8_t li_ps[] = {0x04, 0x00, 0x02, 0x02, 0x05, 0x01};
	struct rd domain, communication, sequence, time, micro;
	const struct ber_field f[] = {{T_PS_DOMAIN, &domain, true},
	    {T_PS_LIID, &out->liid, true},
	    {T_PS_COMMUNICATION, &communication, true},
	    {T_PS_SEQUENCE, &sequence, true}, {T_PS_TIME, &time, false},
	    {T_PS_MICRO, &micro, false}};
	enum err rc;

	if ((rc = ber_fields(in, FIELDS(f))) != ERR_OK)
		return why_set(why, rc, "the PS header is not one");
	if (domain.left <= sizeof(li_ps) ||
	    memcmp(domain.p, li_ps, sizeof(li_ps)) != 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "li-psDomainId is not that of TS 102 232-1");
	if (out->liid.left == 0 || out->liid.left > MAX_LIID)
		return why_set(why, ERR_MALFORMED, "a LIID of %zu octets",
		    out->liid.left);
	if ((rc = read_communication(communication, out)) != ERR_OK ||
	    (rc = ber_u32(sequence, &out->sequence)) != ERR_OK)
		return why_set(why, rc,
		    "operator, CIN or sequence number of the PS header");
	/* The finer one counts where both are there. */
	if (time.p != NULL && (rc = read_generalized(time, out)) != ERR_OK)
		return why_set(why, rc, "timeStamp is not a time in UTC");
	if (micro.p != NULL && (rc = read_micro(micro, out)) != ERR_OK)
		return why_set(why, rc, "microSecondTimeStamp is not a time");
	return ERR_OK;
}

/* ---- the record ---- */

/* ContentInfo of AuthEnvelopedData (RFC 5083), so no plain key. */
static bool
is_sealed(struct rd key)
{
	static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
	    0x09, 0x10, 0x01, 0x17};
	struct rd content, type;
	uint32_t tag;

	return ber_next(&key, &tag, &content) == ERR_OK && key.left == 0 &&
	    tag == T_SEQUENCE && ber_next(&content, &tag, &type) == ERR_OK &&
	    tag == 0x06 && rd_is(&type, oid, sizeof(oid));
}

static enum err
read_keys(struct rd in, struct record *out)
{
	struct rd one;
	uint32_t tag;
	enum err rc;

	for (; in.left > 0; out->n_keys++) {
		struct record_key *k = &out->keys[out->n_keys];
		const struct ber_field f[] = {{T_KEY_CS, &k->cs_id, true},
		    {T_KEY_KEY, &k->key, true}, {T_KEY_SALT, &k->salt, false}};

		if (out->n_keys == MAX_CS)
			return ERR_TOOBIG;
		if ((rc = ber_next(&in, &tag, &one)) != ERR_OK)
			return rc;
		if (tag != T_SEQUENCE)
			return ERR_MALFORMED;
		if ((rc = ber_fields(one, FIELDS(f))) != ERR_OK)
			return rc;
		k->sealed = k->salt.p == NULL && is_sealed(k->key);
	}
	return ERR_OK;
}

static enum err
read_parties(struct rd in, struct record *out)
{
	struct rd one, identity, sip, tel;
	const struct ber_field party[] = {{T_PARTY_IDENTITY, &identity, true}};
	const struct ber_field which[] = {{T_PARTY_SIP, &sip, false},
	    {T_PARTY_TEL, &tel, false}};
	uint32_t tag;
	enum err rc;

	while (in.left > 0) {
		if ((rc = ber_next(&in, &tag, &one)) != ERR_OK)
			return rc;
		if (tag != T_SEQUENCE)
			return ERR_MALFORMED;
		if ((rc = ber_fields(one, FIELDS(party))) != ERR_OK ||
		    (rc = ber_fields(identity, FIELDS(which))) != ERR_OK)
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
	const struct ber_field f[] = {{T_IRI_TO_IRI, &iri, false},
	    {T_IRI_TO_BOTH, &both, false}};
	const struct ber_field inner[] = {{T_IRI_TO_IRI, &iri, true}};
	enum err rc;

	if ((rc = ber_fields(in, FIELDS(f))) != ERR_OK ||
	    (both.p != NULL &&
		(rc = ber_fields(both, FIELDS(inner))) != ERR_OK))
		return rc;
	out->correlation = iri;
	return ERR_OK;
}

static enum err
read_event(struct rd event, struct rd failure, struct record *out)
{
	uint32_t v = 0;
	enum err rc;

	if (event.p != NULL && (rc = ber_u32(event, &v)) != ERR_OK)
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
	uint32_t v;
	enum err rc;

	if ((rc = ber_u32(in, &v)) != ERR_OK)
		return rc;
	if (v > 2)
		return ERR_MALFORMED;
	out->initiator = (enum record_initiator)(RECORD_NOT_AVAILABLE + v);
	return ERR_OK;
}

static enum err
read_parameters(struct rd in, struct record *out, struct why *why)
{
	struct rd domain, liid, initiator, parties, event, correlation, keys,
	    failure;
	const struct ber_field f[] = {{T_UMTS_DOMAIN, &domain, true},
	    {T_UMTS_LIID, &liid, true}, {T_UMTS_INITIATOR, &initiator, false},
	    {T_UMTS_PARTIES, &parties, false}, {T_UMTS_EVENT, &event, false},
	    {T_UMTS_SIP, &out->sip, false},
	    {T_UMTS_CORRELATION, &correlation, false},
	    {T_UMTS_KEYS, &keys, false}, {T_UMTS_FAILURE, &failure, false}};
	enum err rc;

	if ((rc = ber_fields(in, FIELDS(f))) != ERR_OK)
		return why_set(why, rc, "not IRI-Parameters of TS 33.108");
	if (!rd_equal(&liid, &out->liid))
		return why_set(why, ERR_MISMATCH,
		    "PS header and record name different LIIDs");
	if ((rc = read_event(event, failure, out)) != ERR_OK)
		return why_set(why, rc, "iMSevent");
	if (initiator.p != NULL &&
	    (rc = read_initiator(initiator, out)) != ERR_OK)
		return why_set(why, rc, "initiator");
	if (parties.p != NULL && (rc = read_parties(parties, out)) != ERR_OK)
		return why_set(why, rc, "partyInformation");
	if (correlation.p != NULL &&
	    (rc = read_correlation(correlation, out)) != ERR_OK)
		return why_set(why, rc, "correlation");
	if (keys.p != NULL && (rc = read_keys(keys, out)) != ERR_OK)
		return why_set(why, rc, "mediaDecryption-info");
	return ERR_OK;
}

/* One element that fills `in`. */
static enum err
only(struct rd in, uint32_t *tag, struct rd *content)
{
	enum err rc = ber_next(&in, tag, content);

	return rc != ERR_OK ? rc : rd_end(&in);
}

static enum err
read_iri(struct rd in, struct record *out, struct why *why)
{
	struct rd payload, contents, umts, one;
	const struct ber_field f[] = {{T_IRI_CONTENTS, &contents, true}};
	uint32_t tag;
	enum err rc;

	if ((rc = ber_next(&in, &tag, &payload)) != ERR_OK)
		return why_set(why, rc, "no IRI in iRIPayloadSequence");
	if (in.left > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "several records in one PDU");
	if (tag != T_SEQUENCE ||
	    (rc = ber_fields(payload, FIELDS(f))) != ERR_OK ||
	    (rc = only(contents, &tag, &umts)) != ERR_OK)
		return why_set(why, rc == ERR_OK ? ERR_MALFORMED : rc,
		    "not an IRIPayload");
	if (tag != T_UMTS_IRI)
		return why_set(why, ERR_UNSUPPORTED, "an IRI that is not UMTS");
	if ((rc = only(umts, &tag, &one)) != ERR_OK)
		return why_set(why, rc, "not an UMTSIRI");
	if (tag == T_IRIS_CONTENT) {
		out->form = 1;
		if ((rc = only(one, &tag, &umts)) != ERR_OK)
			return why_set(why, rc, "not an UmtsIRIsContent");
		if (tag < T_IRI_BEGIN || tag > T_IRI_REPORT)
			return why_set(why, ERR_UNSUPPORTED,
			    "several records in one UMTSIRI");
		one = umts;
	} else if (tag != T_IRI_PARAMETERS) {
		return why_set(why, ERR_UNSUPPORTED,
		    "an unknown form of UMTSIRI");
	}
	return read_parameters(one, out, why);
}

static enum err
read_payload(struct rd in, struct record *out, struct why *why)
{
	struct rd one;
	uint32_t tag;
	enum err rc;

	if ((rc = only(in, &tag, &one)) != ERR_OK)
		return why_set(why, rc, "not a payload");
	switch (tag) {
	case T_IRI_PAYLOADS:
		return read_iri(one, out, why);
	case T_TRI_PAYLOAD:
		out->event = RECORD_TRI;
		if ((rc = only(one, &out->tri, &out->tri_content)) != ERR_OK)
			return why_set(why, rc, "not a TRIPayload");
		return ERR_OK;
	case T_ENCRYPTION:
		out->event = RECORD_ENCRYPTED;
		return ERR_OK;
	default:
		return why_set(why, ERR_UNSUPPORTED, "an unknown payload");
	}
}

enum err
record_read(struct rd pdu, struct record *out, struct why *why)
{
	struct rd in, header, payload;
	const struct ber_field f[] = {{T_PS_HEADER, &header, true},
	    {T_PS_PAYLOAD, &payload, true}};
	uint32_t tag;
	enum err rc;

	*out = (struct record){.pdu = pdu};
	if ((rc = only(pdu, &tag, &in)) != ERR_OK || tag != T_SEQUENCE ||
	    (rc = ber_fields(in, FIELDS(f))) != ERR_OK)
		rc = why_set(why, rc == ERR_OK ? ERR_MALFORMED : rc,
		    "not a PS-PDU");
	else if ((rc = read_header(header, out, why)) == ERR_OK)
		rc = read_payload(payload, out, why);
	if (rc != ERR_OK)
		*out = (struct record){.pdu = {NULL, 0}};
	return rc;
}

/* ---- what people and programs call it ---- */

static const char *
tri_name(uint32_t tag)
{
	/* By the number of the alternative in TRIPayload. */
	static const char *const name[] = {"integrityCheck", "testPDU",
	    "paddingPDU", "keep-alive", "keep-aliveResponse",
	    "firstSegmentFlag", "lastSegmentFlag", "cINReset",
	    "operatorLeaMessage", "optionRequest", "optionResponse",
	    "optionComplete", "pDUAcknowledgementRequest",
	    "pDUAcknowledgementResponse"};
	const uint32_t n = tag & 0x1f;

	return tag <= 0xff && n < sizeof(name) / sizeof(name[0]) ? name[n]
								 : "unknown";
}

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
		return tri_name(r->tri);
	case RECORD_ENCRYPTED:
		return "encrypted";
	}
	return "unknown";
}

struct rd
record_sip_line(const struct record *r)
{
	struct rd line = r->sip;
	size_t n = 0;

	while (n < line.left && line.p[n] != '\r' && line.p[n] != '\n')
		n++;
	line.left = n;
	return line;
}
