/*
 * MIKEY messages read once more: the phones' reader stops at what a judge has
 * to tell apart.
 */
#include <string.h>

#define EXCHANGE_JUDGE_INTERNAL
#include "exchange_judge.h"

enum part {
	PART_RAND = 1,
	PART_IDI = 2,
	PART_IDR = 4,
	PART_SP = 8,
	PART_IBAKE = 16,
	PART_ESK = 32,
	PART_V = 64
};

#define IDS (PART_IDI | PART_IDR)
#define UPDATE (PART_RAND | IDS | PART_SP | PART_IBAKE)

static const struct rule {
	uint8_t type;
	unsigned must, may;
} rules[] = {
    [EXCHANGE_I1] = {22, PART_RAND | IDS | PART_IBAKE, PART_SP | PART_ESK},
    [EXCHANGE_R1] = {23, IDS | PART_IBAKE, PART_SP},
    [EXCHANGE_I2] = {24, PART_RAND | IDS | PART_IBAKE, PART_ESK},
    [EXCHANGE_R2] = {25, PART_V, IDS | PART_IBAKE},
    [EXCHANGE_U_I1] = {22, 0, UPDATE},
    [EXCHANGE_U_R1] = {23, PART_V, UPDATE},
};

struct reading {
	struct rd r;
	const uint8_t *start;
	struct judge_message *out;
	unsigned seen;
};

static bool
u8(struct rd *r, uint8_t *out)
{
	return rd_u8(r, out) == ERR_OK;
}

static bool
header(struct reading *x, uint8_t type, uint8_t *next)
{
	struct mikey *m = &x->out->m;
	uint8_t version, got, v_prf, n, map;

	if (!u8(&x->r, &version) || !u8(&x->r, &got) || !u8(&x->r, next) ||
	    !u8(&x->r, &v_prf) || rd_u32(&x->r, &m->csb_id) != ERR_OK ||
	    !u8(&x->r, &n) || !u8(&x->r, &map))
		return false;
	m->prf = v_prf & 0x7f;
	m->n_cs = n;
	for (size_t i = 0; i < n; i++)
		if (!u8(&x->r, &m->cs[i].policy) ||
		    rd_u32(&x->r, &m->cs[i].ssrc) != ERR_OK ||
		    rd_u32(&x->r, &m->cs[i].roc) != ERR_OK)
			return false;
	return version == 1 && got == type && n > 0 && map == 0;
}

static bool
timestamp(struct reading *x)
{
	struct mikey *m = &x->out->m;
	uint32_t half;

	if (!u8(&x->r, &m->t_type) || m->t_type > MIKEY_T_NTP_UTC_32)
		return false;
	if (m->t_type == MIKEY_T_NTP_UTC || m->t_type == MIKEY_T_NTP)
		return rd_u64(&x->r, &m->t) == ERR_OK;
	if (rd_u32(&x->r, &half) != ERR_OK)
		return false;
	m->t = m->t_type == MIKEY_T_COUNTER ? half : (uint64_t)half << 32;
	return true;
}

static bool
once(struct reading *x, unsigned part)
{
	const bool first = (x->seen & part) == 0;

	x->seen |= part;
	return first;
}

static bool
identity(struct reading *x)
{
	uint8_t role, type;
	struct rd id;

	if (!u8(&x->r, &role) || !u8(&x->r, &type) ||
	    rd_view16(&x->r, &id) != ERR_OK || type != 1 || role < 1 ||
	    role > 2)
		return false;
	if (role == 1)
		x->out->m.idi = id;
	else
		x->out->m.idr = id;
	return once(x, role == 1 ? PART_IDI : PART_IDR);
}

/* Policy no, Prot type, and parameters that end where they should. */
static bool
policy(struct reading *x)
{
	const uint8_t *from = x->r.p;
	uint8_t no, prot, type, other;
	struct rd params, value, *sp;

	x->seen |= PART_SP;
	if (x->out->n_sp == JUDGE_SP_MAX || !u8(&x->r, &no) ||
	    !u8(&x->r, &prot) || rd_view16(&x->r, &params) != ERR_OK)
		return false;
	while (params.left > 0)
		if (!u8(&params, &type) || rd_view8(&params, &value) != ERR_OK)
			return false;
	for (size_t i = 0; i < x->out->n_sp; i++) {
		struct rd r = x->out->sp[i];

		if (!u8(&r, &other) || other == no)
			return false;
	}
	sp = &x->out->sp[x->out->n_sp++];
	rd_init(sp, from, (size_t)(x->r.p - from));
	return true;
}

/* V takes all that is left; what is in it is judged later. */
static bool
verification(struct reading *x, uint8_t next)
{
	struct mikey *m = &x->out->m;

	if (next != 0 || !u8(&x->r, &m->v_alg))
		return false;
	rd_init(&m->covered, x->start, (size_t)(x->r.p - x->start));
	return rd_view(&x->r, x->r.left, &m->v) == ERR_OK && once(x, PART_V);
}

static bool
payload(struct reading *x, uint8_t kind, uint8_t next)
{
	struct mikey *m = &x->out->m;
	struct rd skipped;
	uint8_t type;

	switch (kind) {
	case 9:
		return verification(x, next);
	case 10:
		return policy(x);
	case 11:
		return rd_view8(&x->r, &m->rand) == ERR_OK &&
		    m->rand.left >= 16 && once(x, PART_RAND);
	case 14:
		return identity(x);
	case 21:
		return u8(&x->r, &type) && rd_view16(&x->r, &skipped) == ERR_OK;
	case 22:
		return rd_view16(&x->r, &m->ibake) == ERR_OK &&
		    once(x, PART_IBAKE);
	case 23:
		return rd_view16(&x->r, &m->esk) == ERR_OK && once(x, PART_ESK);
	default:
		return false;
	}
}

static bool
parse(struct rd in, const struct rule *rule, struct judge_message *out)
{
	struct reading x = {.r = in, .start = in.p, .out = out};
	uint8_t kind, next;

	out->there = true;
	/* T is the first payload. */
	if (!header(&x, rule->type, &kind) || kind != 5 || !u8(&x.r, &next) ||
	    !timestamp(&x))
		return false;
	for (kind = next; kind != 0; kind = next)
		if (!u8(&x.r, &next) || !payload(&x, kind, next))
			return false;
	return x.r.left == 0 && (x.seen & rule->must) == rule->must &&
	    (x.seen & ~(rule->must | rule->may)) == 0;
}

/* SRTP with a key of 16 and a salt of 14 octets, where they are named. */
static bool
supported_policy(struct rd sp)
{
	struct rd params, value;
	uint8_t no, prot, type, len;

	if (!u8(&sp, &no) || !u8(&sp, &prot) || prot != 0 ||
	    rd_view16(&sp, &params) != ERR_OK)
		return false;
	while (params.left > 0) {
		if (!u8(&params, &type) || rd_view8(&params, &value) != ERR_OK)
			return false;
		len = type == 1 ? 16 : 14;
		if ((type == 1 || type == 4) && !rd_is(&value, &len, 1))
			return false;
	}
	return true;
}

static bool
supported(const struct judge_message *j)
{
	for (size_t i = 0; i < j->n_sp; i++)
		if (!supported_policy(j->sp[i]))
			return false;
	return lab_prf_len(j->m.prf) > 0;
}

enum exchange_outcome
judge_parse(struct judge_case *c)
{
	const enum exchange_message end =
	    c->in->update ? EXCHANGE__MAX : EXCHANGE_U_I1;
	struct judge_message *u = &c->message[EXCHANGE_U_I1];

	for (enum exchange_message m = EXCHANGE_I1; m < end; m++) {
		const struct exchange_octets *o = &c->in->x->message[m];
		struct rd r;

		rd_init(&r, o->p, o->len);
		if (o->len == 0 && m == EXCHANGE_R2)
			continue;
		if (!parse(r, &rules[m], &c->message[m]))
			return judge_no(c, EXCHANGE_MALFORMED,
			    "a message does not parse");
	}
	if (c->in->update &&
	    (u[0].m.ibake.p == NULL) != (u[1].m.ibake.p == NULL))
		return judge_no(c, EXCHANGE_MALFORMED,
		    "one message of the update has IBAKE, the other not");
	for (enum exchange_message m = EXCHANGE_I1; m < end; m++)
		if (c->message[m].there && !supported(&c->message[m]))
			return judge_no(c, EXCHANGE_UNSUPPORTED,
			    "an SP or PRF that is not supported");
	return EXCHANGE_KEYS;
}
