#include <string.h>

#include "lab_mikey.h"

/* Payload numbers: RFC 3830 6.1, RFC 6043, RFC 6267 6.1. */
enum payload {
	NP_LAST = 0,
	NP_T = 5,
	NP_V = 9,
	NP_SP = 10,
	NP_RAND = 11,
	NP_IDR = 14,
	NP_GENERAL = 21,
	NP_IBAKE = 22,
	NP_ESK = 23
};

#define VERSION 1
#define MAP_SRTP 0
#define ROLE_I 1
#define ROLE_R 2
#define RAND_MIN 16

const char *
mikey_type_name(enum mikey_type t)
{
	switch (t) {
	case MIKEY_I_MESSAGE_1:
		return "I_MESSAGE_1";
	case MIKEY_R_MESSAGE_1:
		return "R_MESSAGE_1";
	case MIKEY_I_MESSAGE_2:
		return "I_MESSAGE_2";
	case MIKEY_R_MESSAGE_2:
		return "R_MESSAGE_2";
	}
	return "another message";
}

static enum err
parse_map(struct rd *r, struct mikey *m)
{
	uint8_t n, map;
	enum err rc;

	if ((rc = rd_u8(r, &n)) != ERR_OK || (rc = rd_u8(r, &map)) != ERR_OK)
		return rc;
	if (n == 0 || map != MAP_SRTP)
		return ERR_MALFORMED;
	m->n_cs = n;
	for (size_t i = 0; i < m->n_cs; i++)
		if ((rc = rd_u8(r, &m->cs[i].policy)) != ERR_OK ||
		    (rc = rd_u32(r, &m->cs[i].ssrc)) != ERR_OK ||
		    (rc = rd_u32(r, &m->cs[i].roc)) != ERR_OK)
			return rc;
	return ERR_OK;
}

static enum err
parse_header(struct rd *r, struct mikey *m, uint8_t *next)
{
	uint8_t version, type, flags;
	enum err rc;

	if ((rc = rd_u8(r, &version)) != ERR_OK ||
	    (rc = rd_u8(r, &type)) != ERR_OK ||
	    (rc = rd_u8(r, next)) != ERR_OK ||
	    (rc = rd_u8(r, &flags)) != ERR_OK ||
	    (rc = rd_u32(r, &m->csb_id)) != ERR_OK)
		return rc;
	if (version != VERSION || type < MIKEY_I_MESSAGE_1 ||
	    type > MIKEY_R_MESSAGE_2)
		return ERR_MALFORMED;
	m->type = (enum mikey_type)type;
	m->v_flag = (flags & 0x80) != 0;
	m->prf = flags & 0x7f;
	return parse_map(r, m);
}

/* COUNTER gets zeros in front (RFC 3830), NTP-UTC-32 behind (RFC 6043). */
static enum err
parse_t(struct rd *r, struct mikey *m)
{
	uint32_t half;
	enum err rc;

	if ((rc = rd_u8(r, &m->t_type)) != ERR_OK)
		return rc;
	switch (m->t_type) {
	case MIKEY_T_NTP_UTC:
	case MIKEY_T_NTP:
		return rd_u64(r, &m->t);
	case MIKEY_T_COUNTER:
	case MIKEY_T_NTP_UTC_32:
		if ((rc = rd_u32(r, &half)) != ERR_OK)
			return rc;
		m->t =
		    m->t_type == MIKEY_T_COUNTER ? half : (uint64_t)half << 32;
		return ERR_OK;
	default:
		return ERR_MALFORMED;
	}
}

static enum err
parse_idr(struct rd *r, struct mikey *m)
{
	uint8_t role, type;
	struct rd id, *slot;
	enum err rc;

	if ((rc = rd_u8(r, &role)) != ERR_OK ||
	    (rc = rd_u8(r, &type)) != ERR_OK ||
	    (rc = rd_view16(r, &id)) != ERR_OK)
		return rc;
	slot = role == ROLE_I ? &m->idi : &m->idr;
	if ((role != ROLE_I && role != ROLE_R) || type != LAB_ID_TYPE_URI ||
	    id.left == 0 || slot->p != NULL)
		return ERR_MALFORMED;
	*slot = id;
	return ERR_OK;
}

/* One payload that may be there once. */
static enum err
parse_once(struct rd *r, struct rd *slot)
{
	if (slot->p != NULL)
		return ERR_MALFORMED;
	return rd_view16(r, slot);
}

static enum err
parse_rand(struct rd *r, struct mikey *m)
{
	enum err rc;

	if (m->rand.p != NULL)
		return ERR_MALFORMED;
	if ((rc = rd_view8(r, &m->rand)) != ERR_OK)
		return rc;
	return m->rand.left < RAND_MIN ? ERR_MALFORMED : ERR_OK;
}

/* V is last and takes what is left; NULL and other algorithms are refused. */
static enum err
parse_v(struct rd *r, struct mikey *m, uint8_t next, const uint8_t *start)
{
	enum err rc;

	if ((rc = rd_u8(r, &m->v_alg)) != ERR_OK)
		return rc;
	if (next != NP_LAST || (m->v_alg != 1 && m->v_alg != 2))
		return ERR_MALFORMED;
	rd_init(&m->covered, start, (size_t)(r->p - start));
	return rd_view(r, m->v_alg == 1 ? 20 : 32, &m->v);
}

/* SP and General Extension: let through, unread. */
static enum err
skip(struct rd *r, uint8_t kind)
{
	struct rd rest;
	uint8_t octet;
	enum err rc;

	if ((rc = rd_u8(r, &octet)) != ERR_OK)
		return rc;
	if (kind == NP_SP && (rc = rd_u8(r, &octet)) != ERR_OK)
		return rc;
	return rd_view16(r, &rest);
}

static enum err
parse_payload(struct rd *r, struct mikey *m, uint8_t kind, uint8_t next,
    const uint8_t *start)
{
	switch (kind) {
	case NP_RAND:
		return parse_rand(r, m);
	case NP_IDR:
		return parse_idr(r, m);
	case NP_IBAKE:
		return parse_once(r, &m->ibake);
	case NP_ESK:
		return parse_once(r, &m->esk);
	case NP_V:
		return parse_v(r, m, next, start);
	case NP_SP:
	case NP_GENERAL:
		m->n_skipped++;
		return skip(r, kind);
	default:
		return ERR_MALFORMED;
	}
}

enum err
mikey_parse(const void *p, size_t len, struct mikey *m)
{
	uint8_t kind, next;
	struct rd r;
	enum err rc;

	memset(m, 0, sizeof(*m));
	rd_init(&r, p, len);
	if ((rc = parse_header(&r, m, &kind)) != ERR_OK)
		return rc;
	if (kind != NP_T)
		return ERR_MALFORMED; /* T follows the header at once */
	if ((rc = rd_u8(&r, &kind)) != ERR_OK ||
	    (rc = parse_t(&r, m)) != ERR_OK)
		return rc;
	while (kind != NP_LAST) {
		if ((rc = rd_u8(&r, &next)) != ERR_OK ||
		    (rc = parse_payload(&r, m, kind, next, p)) != ERR_OK)
			return rc;
		kind = next;
	}
	return rd_end(&r);
}

static void
put_header(struct wr *w, const struct mikey *m)
{
	wr_u8(w, VERSION);
	wr_u8(w, (uint8_t)m->type);
	wr_u8(w, NP_T);
	wr_u8(w, (uint8_t)((m->v_flag ? 0x80 : 0) | m->prf));
	wr_u32(w, m->csb_id);
	wr_u8(w, (uint8_t)m->n_cs);
	wr_u8(w, MAP_SRTP);
	for (size_t i = 0; i < m->n_cs; i++) {
		wr_u8(w, m->cs[i].policy);
		wr_u32(w, m->cs[i].ssrc);
		wr_u32(w, m->cs[i].roc);
	}
}

static void
put_idr(struct wr *w, uint8_t role, struct rd id)
{
	wr_u8(w, role);
	wr_u8(w, LAB_ID_TYPE_URI);
	wr_view16(w, id.p, id.left);
}

/* What is set in *m, in the order of RFC 6267 4.2. */
static size_t
payloads(const struct mikey *m, size_t v_len, uint8_t kind[8])
{
	size_t n = 0;

	kind[n++] = NP_T;
	if (m->rand.p != NULL)
		kind[n++] = NP_RAND;
	if (m->idi.p != NULL)
		kind[n++] = NP_IDR;
	if (m->idr.p != NULL)
		kind[n++] = NP_IDR;
	if (m->ibake.p != NULL)
		kind[n++] = NP_IBAKE;
	if (v_len > 0)
		kind[n++] = NP_V;
	kind[n] = NP_LAST;
	return n;
}

void
mikey_print(struct wr *w, const struct mikey *m, size_t v_len)
{
	bool idi_done = m->idi.p == NULL;
	uint8_t kind[8];
	size_t n = payloads(m, v_len, kind);

	put_header(w, m);
	for (size_t i = 0; i < n; i++) {
		wr_u8(w, kind[i + 1]);
		switch (kind[i]) {
		case NP_T:
			wr_u8(w, MIKEY_T_NTP_UTC);
			wr_u64(w, m->t);
			break;
		case NP_RAND:
			wr_view8(w, m->rand.p, m->rand.left);
			break;
		case NP_IDR:
			if (!idi_done)
				put_idr(w, ROLE_I, m->idi);
			else
				put_idr(w, ROLE_R, m->idr);
			idi_done = true;
			break;
		case NP_IBAKE:
			wr_view16(w, m->ibake.p, m->ibake.left);
			break;
		case NP_V:
			wr_u8(w, v_len == 20 ? 1 : 2);
			break;
		default:
			w->rc = ERR_INTERNAL;
		}
	}
}
