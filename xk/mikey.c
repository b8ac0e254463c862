#include <string.h>

#include "xk/bf_block.h"
#include "xk/mikey.h"

#define MIKEY_VERSION 1
#define CS_ID_MAP_SRTP 0

/* Next payload numbers: RFC 3830 clause 6.1, RFC 6043, RFC 6267 clause 6. */
enum payload {
	PAYLOAD_LAST = 0,
	PAYLOAD_T = 5,
	PAYLOAD_V = 9,
	PAYLOAD_SP = 10,
	PAYLOAD_RAND = 11,
	PAYLOAD_IDR = 14,
	PAYLOAD_GENERAL_EXT = 21,
	PAYLOAD_IBAKE = 22,
	PAYLOAD_ESK = 23
};

/* What a message holds, in the order in which it must. */
enum slot {
	SLOT_T = 1 << 0,
	SLOT_RAND = 1 << 1,
	SLOT_IDRI = 1 << 2,
	SLOT_IDRR = 1 << 3,
	SLOT_SP = 1 << 4,
	SLOT_IBAKE = 1 << 5,
	SLOT_ESK = 1 << 6,
	SLOT_V = 1 << 7
};

/* RFC 6267 clauses 4.2, 5.3 with {SP} after IDRr as docs/PROTOCOL.md has it. */
struct rule {
	uint8_t data_type;
	unsigned must, may;
};

#define IDS (SLOT_IDRI | SLOT_IDRR)
static const struct rule rules[MIKEY_KIND__MAX] = {
    [MIKEY_I_MESSAGE_1] = {22, SLOT_T | SLOT_RAND | IDS | SLOT_IBAKE,
	SLOT_SP | SLOT_ESK},
    [MIKEY_R_MESSAGE_1] = {23, SLOT_T | IDS | SLOT_IBAKE, SLOT_SP},
    [MIKEY_I_MESSAGE_2] = {24, SLOT_T | SLOT_RAND | IDS | SLOT_IBAKE, SLOT_ESK},
    [MIKEY_R_MESSAGE_2] = {25, SLOT_T | SLOT_V, IDS | SLOT_IBAKE},
    /* A RAND in an update parses; that it must not be there is judged later. */
    [MIKEY_UPDATE_I_MESSAGE_1] = {22, SLOT_T,
	SLOT_RAND | IDS | SLOT_SP | SLOT_IBAKE},
    [MIKEY_UPDATE_R_MESSAGE_1] = {23, SLOT_T | SLOT_V,
	SLOT_RAND | IDS | SLOT_SP | SLOT_IBAKE},
};

struct parser {
	struct rd in; /* what is left of the message */
	struct rd whole;
	struct mikey_msg *m;
	unsigned seen;
	uint8_t next;
};

/* A slot may come once and after all that stand before it; SP repeats. */
static enum err
enter(struct parser *p, unsigned slot)
{
	if ((p->seen & ~(slot - 1)) != 0 &&
	    !(slot == SLOT_SP && p->seen >> 5 == 0))
		return ERR_MALFORMED;
	p->seen |= slot;
	return ERR_OK;
}

static enum err
header(struct parser *p, uint8_t data_type)
{
	uint8_t version, type, v_prf, map_type;
	struct mikey_msg *m = p->m;

	if (rd_u8(&p->in, &version) != ERR_OK || version != MIKEY_VERSION ||
	    rd_u8(&p->in, &type) != ERR_OK || type != data_type ||
	    rd_u8(&p->in, &p->next) != ERR_OK ||
	    rd_u8(&p->in, &v_prf) != ERR_OK ||
	    rd_u32(&p->in, &m->csb_id) != ERR_OK ||
	    rd_u8(&p->in, &m->n_cs) != ERR_OK ||
	    rd_u8(&p->in, &map_type) != ERR_OK)
		return ERR_MALFORMED;
	/* RFC 6267 clause 6.1: the V flag says nothing here. */
	m->prf = v_prf & 0x7f;
	if (map_type != CS_ID_MAP_SRTP || m->n_cs == 0)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < m->n_cs; i++)
		if (rd_u8(&p->in, &m->cs[i].policy_no) != ERR_OK ||
		    rd_u32(&p->in, &m->cs[i].ssrc) != ERR_OK ||
		    rd_u32(&p->in, &m->cs[i].roc) != ERR_OK)
			return ERR_MALFORMED;
	return ERR_OK;
}

/* RFC 3830 clause 6.6; C as RFC 3830 and RFC 6043 pad it to 64 bit. */
static enum err
timestamp(struct parser *p)
{
	struct mikey_msg *m = p->m;
	uint32_t t32;
	uint8_t type;

	if (enter(p, SLOT_T) != ERR_OK || rd_u8(&p->in, &type) != ERR_OK ||
	    type > MIKEY_TS_NTP_UTC_32)
		return ERR_MALFORMED;
	m->ts_type = (enum mikey_ts)type;
	switch (m->ts_type) {
	case MIKEY_TS_NTP_UTC:
	case MIKEY_TS_NTP:
		return rd_u64(&p->in, &m->ts);
	case MIKEY_TS_COUNTER:
		if (rd_u32(&p->in, &t32) != ERR_OK)
			return ERR_MALFORMED;
		m->ts = t32;
		return ERR_OK;
	case MIKEY_TS_NTP_UTC_32:
		if (rd_u32(&p->in, &t32) != ERR_OK)
			return ERR_MALFORMED;
		m->ts = (uint64_t)t32 << 32;
		return ERR_OK;
	}
	return ERR_MALFORMED;
}

/* RFC 3830 clause 6.11: SHOULD be 16 octets, here must. */
static enum err
rand_value(struct parser *p)
{
	if (enter(p, SLOT_RAND) != ERR_OK ||
	    rd_view8(&p->in, &p->m->rand) != ERR_OK || p->m->rand.left < 16)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* RFC 6043 clause 6.6. */
static enum err
identity(struct parser *p)
{
	static const uint8_t role_initiator = 1, role_responder = 2, uri = 1;
	uint8_t role, type;
	struct mikey_id id = {.there = true};

	if (rd_u8(&p->in, &role) != ERR_OK || rd_u8(&p->in, &type) != ERR_OK ||
	    type != uri || rd_view16(&p->in, &id.data) != ERR_OK ||
	    id.data.left == 0)
		return ERR_MALFORMED;
	if (role == role_initiator) {
		p->m->idri = id;
		return enter(p, SLOT_IDRI);
	}
	if (role == role_responder) {
		p->m->idrr = id;
		return enter(p, SLOT_IDRR);
	}
	return ERR_MALFORMED;
}

/* RFC 3830 clause 6.10: the parameters must fit to the last octet. */
static enum err
policy_parts(struct rd body, uint8_t *policy_no, uint8_t *prot, struct rd *out)
{
	struct rd params, value;
	uint8_t type;

	if (rd_u8(&body, policy_no) != ERR_OK || rd_u8(&body, prot) != ERR_OK ||
	    rd_view16(&body, &params) != ERR_OK || rd_end(&body) != ERR_OK)
		return ERR_MALFORMED;
	*out = params;
	while (params.left > 0)
		if (rd_u8(&params, &type) != ERR_OK ||
		    rd_view8(&params, &value) != ERR_OK)
			return ERR_MALFORMED;
	return ERR_OK;
}

static enum err
security_policy(struct parser *p)
{
	struct mikey_msg *m = p->m;
	struct rd from = p->in, params;
	uint8_t no, prot, other;

	if (enter(p, SLOT_SP) != ERR_OK || m->n_sp == MAX_SP ||
	    rd_u8(&p->in, &no) != ERR_OK || rd_u8(&p->in, &prot) != ERR_OK ||
	    rd_view16(&p->in, &params) != ERR_OK)
		return ERR_MALFORMED;
	if (rd_view(&from, from.left - p->in.left, &m->sp[m->n_sp].body) !=
	    ERR_OK)
		return ERR_MALFORMED;
	if (policy_parts(m->sp[m->n_sp].body, &no, &prot, &params) != ERR_OK)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < m->n_sp; i++) {
		struct rd body = m->sp[i].body;

		if (rd_u8(&body, &other) != ERR_OK || other == no)
			return ERR_MALFORMED;
	}
	m->n_sp++;
	return ERR_OK;
}

/* RFC 6267 clause 6.2 and 6.3: the same layout for both. */
static enum err
envelope(struct parser *p, unsigned slot, struct mikey_envelope *e)
{
	struct rd data;

	if (enter(p, slot) != ERR_OK || rd_view16(&p->in, &data) != ERR_OK)
		return ERR_MALFORMED;
	*e = (struct mikey_envelope){.there = true};
	e->sound =
	    bf_block_parse(data, &e->u_x, &e->u_y, &e->v, &e->w) == ERR_OK;
	return ERR_OK;
}

/* RFC 3830 clause 6.9: always last, so all that follows is the MAC. */
static enum err
verification(struct parser *p)
{
	struct mikey_verification *v = &p->m->v;
	struct rd covered = p->whole;

	if (enter(p, SLOT_V) != ERR_OK || p->next != PAYLOAD_LAST ||
	    rd_u8(&p->in, &v->alg) != ERR_OK ||
	    rd_view(&covered, p->whole.left - p->in.left, &v->covered) !=
		ERR_OK ||
	    rd_view(&p->in, p->in.left, &v->mac) != ERR_OK)
		return ERR_MALFORMED;
	v->there = true;
	return ERR_OK;
}

/* RFC 3830 clause 6.15: let through unread. */
static enum err
general_extension(struct parser *p)
{
	struct rd data;
	uint8_t type;

	if (rd_u8(&p->in, &type) != ERR_OK ||
	    rd_view16(&p->in, &data) != ERR_OK)
		return ERR_MALFORMED;
	return ERR_OK;
}

static enum err
payload(struct parser *p, uint8_t type)
{
	switch (type) {
	case PAYLOAD_T:
		return timestamp(p);
	case PAYLOAD_RAND:
		return rand_value(p);
	case PAYLOAD_IDR:
		return identity(p);
	case PAYLOAD_SP:
		return security_policy(p);
	case PAYLOAD_IBAKE:
		return envelope(p, SLOT_IBAKE, &p->m->ibake);
	case PAYLOAD_ESK:
		return envelope(p, SLOT_ESK, &p->m->esk);
	case PAYLOAD_V:
		return verification(p);
	case PAYLOAD_GENERAL_EXT:
		return general_extension(p);
	default:
		return ERR_MALFORMED;
	}
}

enum err
mikey_parse(struct rd in, enum mikey_kind kind, struct mikey_msg *out)
{
	const struct rule *rule = &rules[kind];
	struct parser p = {.in = in, .whole = in, .m = out};

	*out = (struct mikey_msg){.kind = kind, .there = true};
	if (in.left > MAX_MIKEY || header(&p, rule->data_type) != ERR_OK)
		return ERR_MALFORMED;
	while (p.next != PAYLOAD_LAST) {
		const uint8_t type = p.next;

		if (rd_u8(&p.in, &p.next) != ERR_OK ||
		    payload(&p, type) != ERR_OK)
			return ERR_MALFORMED;
	}
	if (rd_end(&p.in) != ERR_OK || (p.seen & rule->must) != rule->must ||
	    (p.seen & ~(rule->must | rule->may)) != 0)
		return ERR_MALFORMED;
	return mikey_check_supported(out);
}

/* A big-endian number of any length. */
static bool
number_is(struct rd value, uint8_t want)
{
	uint8_t b, last = 0;

	if (value.left == 0)
		return false;
	while (rd_u8(&value, &b) == ERR_OK) {
		if (last != 0)
			return false;
		last = b;
	}
	return last == want;
}

enum err
mikey_check_supported(const struct mikey_msg *m)
{
	static const uint8_t srtp = 0, key_len = 1, salt_len = 4;
	uint8_t no, prot, type;
	struct rd params, value;

	for (unsigned i = 0; i < m->n_sp; i++) {
		if (policy_parts(m->sp[i].body, &no, &prot, &params) != ERR_OK)
			return ERR_MALFORMED;
		if (prot != srtp || m->sp[i].body.left > MAX_SP_LEN)
			return ERR_UNSUPPORTED;
		while (params.left > 0) {
			if (rd_u8(&params, &type) != ERR_OK ||
			    rd_view8(&params, &value) != ERR_OK)
				return ERR_MALFORMED;
			if ((type == key_len && !number_is(value, 16)) ||
			    (type == salt_len && !number_is(value, 14)))
				return ERR_UNSUPPORTED;
		}
	}
	return m->prf > MIKEY_PRF_HMAC_SHA256 ? ERR_UNSUPPORTED : ERR_OK;
}

/* Seconds since 1900, the era from 2036 unfolded. */
static uint64_t
ntp_seconds(uint64_t ts)
{
	const uint64_t s = ts >> 32;

	return s < 0x80000000ULL ? s + 0x100000000ULL : s;
}

enum err
mikey_unix_time(enum mikey_ts type, uint64_t ts, int64_t *out)
{
	static const int64_t from_1900_to_1970 = 2208988800LL;

	if (type == MIKEY_TS_COUNTER)
		return ERR_NOTFOUND;
	*out = (int64_t)ntp_seconds(ts) - from_1900_to_1970;
	return ERR_OK;
}

bool
mikey_ts_after(enum mikey_ts type, uint64_t earlier, uint64_t later)
{
	if (type == MIKEY_TS_COUNTER)
		return later > earlier;
	if (ntp_seconds(later) != ntp_seconds(earlier))
		return ntp_seconds(later) > ntp_seconds(earlier);
	return (later & 0xffffffffULL) > (earlier & 0xffffffffULL);
}
