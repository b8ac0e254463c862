#include <time.h>

#include "hi2/ps_header.h"
#include "hi2/ps_pdu.h"
#include "hi2/ps_tags.h"

/* What stands in which order does not matter; what comes twice is refused. */
struct once {
	uint32_t seen; /* by the number of a tag of one octet */
};

static bool
first(struct once *o, uint32_t tag)
{
	const uint32_t bit = UINT32_C(1) << (tag & 31);
	const bool is = (o->seen & bit) == 0;

	if (tag > 0xff)
		return true; /* of no use here */
	o->seen |= bit;
	return is;
}

/* ---- times ---- */

static bool
get_digits(struct rd *in, unsigned n, uint64_t least, uint64_t most,
    uint64_t *out)
{
	uint64_t v = 0;
	uint8_t b;

	for (; n > 0; n--) {
		if (rd_u8(in, &b) != ERR_OK || b < '0' || b > '9')
			return false;
		v = v * 10 + (b - '0');
	}
	*out = v;
	return v >= least && v <= most;
}

/* YYYYMMDDHHMMSS, a fraction, Z: another form is let through unread. */
static void
get_generalized(struct rd in, struct ps_pdu *p)
{
	uint64_t year, month, day, h, m, s, ns = 0;
	struct tm tm;
	uint8_t b;

	if (!get_digits(&in, 4, 1970, 9999, &year) ||
	    !get_digits(&in, 2, 1, 12, &month) ||
	    !get_digits(&in, 2, 1, 31, &day) ||
	    !get_digits(&in, 2, 0, 23, &h) || !get_digits(&in, 2, 0, 59, &m) ||
	    !get_digits(&in, 2, 0, 59, &s) || rd_u8(&in, &b) != ERR_OK)
		return;
	if (b == '.')
		for (uint64_t unit = 100000000;; unit /= 10) {
			if (rd_u8(&in, &b) != ERR_OK)
				return;
			if (b < '0' || b > '9')
				break;
			ns += unit * (b - '0');
		}
	if (b != 'Z' || in.left > 0)
		return;
	tm = (struct tm){.tm_year = (int)year - 1900,
	    .tm_mon = (int)month - 1,
	    .tm_mday = (int)day,
	    .tm_hour = (int)h,
	    .tm_min = (int)m,
	    .tm_sec = (int)s};
	p->has_time = true;
	p->seconds = timegm(&tm);
	p->nanoseconds = (uint32_t)ns;
}

static enum err
get_micro(struct rd in, struct ps_pdu *p)
{
	uint64_t seconds = 0, micros = 0;
	struct once once = {0};
	struct ber e;

	while (in.left > 0) {
		if (ber_get(&in, &e) != ERR_OK || !first(&once, e.tag))
			return ERR_MALFORMED;
		if (e.tag == T_MICRO_SECONDS
			? ber_number(e.content, PS_SECONDS_MAX, &seconds) !=
			    ERR_OK
			: e.tag == T_MICRO_MICROS &&
			    ber_number(e.content, 999999, &micros) != ERR_OK)
			return ERR_MALFORMED;
	}
	p->has_time = true;
	p->seconds = (int64_t)seconds;
	p->nanoseconds = (uint32_t)micros * 1000;
	return ERR_OK;
}

/* ---- header ---- */

static enum err
get_network(struct rd in, struct ps_pdu *p)
{
	struct once once = {0};
	struct ber e;

	while (in.left > 0) {
		if (ber_get(&in, &e) != ERR_OK || !first(&once, e.tag))
			return ERR_MALFORMED;
		if (e.tag == T_NET_OPERATOR)
			p->operator_id = e.content;
		else if (e.tag == T_NET_ELEMENT)
			p->element_id = e.content;
	}
	return ERR_OK;
}

static enum err
get_communication(struct rd in, struct ps_pdu *p)
{
	struct once once = {0};
	struct ber e;
	uint64_t v;

	while (in.left > 0) {
		if (ber_get(&in, &e) != ERR_OK || !first(&once, e.tag))
			return ERR_MALFORMED;
		if (e.tag == T_COM_NETWORK &&
		    get_network(e.content, p) != ERR_OK)
			return ERR_MALFORMED;
		if (e.tag != T_COM_CIN)
			continue;
		if (ber_number(e.content, UINT32_MAX, &v) != ERR_OK)
			return ERR_MALFORMED;
		p->has_cin = true;
		p->cin = (uint32_t)v;
	}
	return ERR_OK;
}

static enum err
get_header(struct rd in, struct ps_pdu *p)
{
	struct rd generalized = {NULL, 0}, micro = {NULL, 0};
	struct once once = {0};
	uint64_t v = UINT64_MAX;
	struct ber e;

	while (in.left > 0) {
		if (ber_get(&in, &e) != ERR_OK || !first(&once, e.tag))
			return ERR_MALFORMED;
		if (e.tag == T_PS_LIID)
			p->liid = e.content;
		else if (e.tag == T_PS_TIME)
			generalized = e.content;
		else if (e.tag == T_PS_MICRO)
			micro = e.content;
		else if (e.tag == T_PS_COMMUNICATION &&
		    get_communication(e.content, p) != ERR_OK)
			return ERR_MALFORMED;
		else if (e.tag == T_PS_SEQUENCE &&
		    ber_number(e.content, UINT32_MAX, &v) != ERR_OK)
			return ERR_MALFORMED;
	}
	if (v == UINT64_MAX)
		return ERR_MALFORMED;
	p->sequence = (uint32_t)v;
	if (micro.left > 0)
		return get_micro(micro, p);
	get_generalized(generalized, p);
	return ERR_OK;
}

/* ---- the PDU ---- */

enum err
ps_pdu_frame(struct ber_frame *f, struct rd have, size_t max, size_t *len)
{
	return ber_frame(f, have, T_PS_PDU, max, len);
}

/* An explicit tag: one element inside. */
static enum err
get_payload(struct rd in, struct ps_pdu *p)
{
	struct ber e;

	if (ber_get(&in, &e) != ERR_OK || rd_end(&in) != ERR_OK)
		return ERR_MALFORMED;
	p->kind = e.tag == T_PAYLOAD_IRI ? PS_IRI
	    : e.tag == T_PAYLOAD_CC	 ? PS_CC
	    : e.tag == T_PAYLOAD_TRI	 ? PS_TRI
					 : PS_OTHER;
	p->payload = e.content;
	return ERR_OK;
}

enum err
ps_pdu_read(struct rd pdu, struct ps_pdu *out)
{
	struct ps_pdu p = {.kind = PS_OTHER};
	struct ber whole, header, payload;

	if (ber_get(&pdu, &whole) != ERR_OK || whole.tag != T_PS_PDU ||
	    rd_end(&pdu) != ERR_OK ||
	    ber_get(&whole.content, &header) != ERR_OK ||
	    header.tag != T_PS_HEADER ||
	    ber_get(&whole.content, &payload) != ERR_OK ||
	    payload.tag != T_PS_PAYLOAD || rd_end(&whole.content) != ERR_OK ||
	    get_header(header.content, &p) != ERR_OK ||
	    get_payload(payload.content, &p) != ERR_OK)
		return ERR_MALFORMED;
	*out = p;
	return ERR_OK;
}
