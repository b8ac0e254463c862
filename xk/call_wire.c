/* The canonical form of a call between processes: fields in a fixed order. */
#include <stddef.h>

#include "xk/call.h"

/* The messages of a call in the order in which they travel. */
static const size_t places[] = {offsetof(struct call, i1),
    offsetof(struct call, r1), offsetof(struct call, i2),
    offsetof(struct call, r2), offsetof(struct call, first_i1),
    offsetof(struct call, first_r1), offsetof(struct call, first_i2)};
#define N_MESSAGES (sizeof(places) / sizeof(places[0]))

static struct mikey_msg *
message(struct call *c, size_t i)
{
	return (struct mikey_msg *)(void *)((char *)c + places[i]);
}

static const struct mikey_msg *
const_message(const struct call *c, size_t i)
{
	return (const struct mikey_msg *)(const void *)((const char *)c +
	    places[i]);
}

/* What stands where for each kind of call. */
static enum mikey_kind
kind_of(enum call_kind kind, size_t i)
{
	static const enum mikey_kind first[N_MESSAGES] = {MIKEY_I_MESSAGE_1,
	    MIKEY_R_MESSAGE_1, MIKEY_I_MESSAGE_2, MIKEY_R_MESSAGE_2,
	    MIKEY_I_MESSAGE_1, MIKEY_R_MESSAGE_1, MIKEY_I_MESSAGE_2};

	if (kind != CALL_FIRST && i == 0)
		return MIKEY_UPDATE_I_MESSAGE_1;
	if (kind != CALL_FIRST && i == 1)
		return MIKEY_UPDATE_R_MESSAGE_1;
	return first[i];
}

static void
put_id(struct wr *w, const struct mikey_id *id)
{
	wr_bool(w, id->there);
	if (id->there)
		wr_view16(w, id->data.p, id->data.left);
}

static void
put_envelope(struct wr *w, const struct mikey_envelope *e)
{
	wr_bool(w, e->there);
	if (!e->there)
		return;
	wr_bool(w, e->sound);
	if (!e->sound)
		return;
	wr_view16(w, e->u_x.p, e->u_x.left);
	wr_view16(w, e->u_y.p, e->u_y.left);
	wr_view16(w, e->v.p, e->v.left);
	wr_view16(w, e->w.p, e->w.left);
}

static void
put_message(struct wr *w, const struct mikey_msg *m)
{
	wr_bool(w, m->there);
	if (!m->there)
		return;
	wr_u8(w, m->prf);
	wr_u32(w, m->csb_id);
	wr_u8(w, m->n_cs);
	for (unsigned i = 0; i < m->n_cs; i++) {
		wr_u8(w, m->cs[i].policy_no);
		wr_u32(w, m->cs[i].ssrc);
		wr_u32(w, m->cs[i].roc);
	}
	wr_u8(w, (uint8_t)m->ts_type);
	wr_u64(w, m->ts);
	wr_view8(w, m->rand.p, m->rand.left);
	put_id(w, &m->idri);
	put_id(w, &m->idrr);
	wr_u8(w, m->n_sp);
	for (unsigned i = 0; i < m->n_sp; i++)
		wr_view16(w, m->sp[i].body.p, m->sp[i].body.left);
	put_envelope(w, &m->ibake);
	put_envelope(w, &m->esk);
	wr_bool(w, m->v.there);
	if (m->v.there) {
		wr_u8(w, m->v.alg);
		wr_view16(w, m->v.mac.p, m->v.mac.left);
		wr_view16(w, m->v.covered.p, m->v.covered.left);
	}
}

/* Fields are parts of the message, plus at most this for flags and lengths. */
#define OVERHEAD 512

size_t
call_put_max(const struct call *c)
{
	size_t n = 1;

	for (size_t i = 0; i < N_MESSAGES; i++)
		if (const_message(c, i)->there)
			n += 2 * MAX_MIKEY + OVERHEAD; /* V covers it again */
	return n + N_MESSAGES;
}

void
call_put(struct wr *w, const struct call *c)
{
	wr_u8(w, (uint8_t)c->kind);
	for (size_t i = 0; i < N_MESSAGES; i++)
		put_message(w, const_message(c, i));
}

static enum err
get_id(struct rd *r, struct mikey_id *id)
{
	enum err rc;

	if ((rc = rd_bool(r, &id->there)) != ERR_OK || !id->there)
		return rc;
	if ((rc = rd_view16(r, &id->data)) != ERR_OK)
		return rc;
	return id->data.left > 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err
get_envelope(struct rd *r, struct mikey_envelope *e)
{
	enum err rc;

	if ((rc = rd_bool(r, &e->there)) != ERR_OK || !e->there)
		return rc;
	if ((rc = rd_bool(r, &e->sound)) != ERR_OK || !e->sound)
		return rc;
	if ((rc = rd_view16(r, &e->u_x)) != ERR_OK ||
	    (rc = rd_view16(r, &e->u_y)) != ERR_OK ||
	    (rc = rd_view16(r, &e->v)) != ERR_OK)
		return rc;
	return rd_view16(r, &e->w);
}

static enum err
get_lists(struct rd *r, struct mikey_msg *m)
{
	uint8_t type;
	enum err rc;

	if ((rc = rd_u8(r, &m->n_cs)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < m->n_cs; i++)
		if ((rc = rd_u8(r, &m->cs[i].policy_no)) != ERR_OK ||
		    (rc = rd_u32(r, &m->cs[i].ssrc)) != ERR_OK ||
		    (rc = rd_u32(r, &m->cs[i].roc)) != ERR_OK)
			return rc;
	if ((rc = rd_u8(r, &type)) != ERR_OK ||
	    (rc = rd_u64(r, &m->ts)) != ERR_OK ||
	    (rc = rd_view8(r, &m->rand)) != ERR_OK ||
	    (rc = get_id(r, &m->idri)) != ERR_OK ||
	    (rc = get_id(r, &m->idrr)) != ERR_OK ||
	    (rc = rd_u8(r, &m->n_sp)) != ERR_OK)
		return rc;
	if (type > MIKEY_TS_NTP_UTC_32 || m->n_sp > MAX_SP || m->n_cs == 0)
		return ERR_MALFORMED;
	m->ts_type = (enum mikey_ts)type;
	for (unsigned i = 0; i < m->n_sp; i++)
		if ((rc = rd_view16(r, &m->sp[i].body)) != ERR_OK)
			return rc;
	return ERR_OK;
}

static enum err
get_message(struct rd *r, enum mikey_kind kind, struct mikey_msg *m)
{
	bool there;
	enum err rc;

	*m = (struct mikey_msg){.kind = kind};
	if ((rc = rd_bool(r, &there)) != ERR_OK || !there)
		return rc;
	m->there = true;
	if ((rc = rd_u8(r, &m->prf)) != ERR_OK ||
	    (rc = rd_u32(r, &m->csb_id)) != ERR_OK ||
	    (rc = get_lists(r, m)) != ERR_OK ||
	    (rc = get_envelope(r, &m->ibake)) != ERR_OK ||
	    (rc = get_envelope(r, &m->esk)) != ERR_OK ||
	    (rc = rd_bool(r, &m->v.there)) != ERR_OK)
		return rc;
	if (m->v.there &&
	    ((rc = rd_u8(r, &m->v.alg)) != ERR_OK ||
		(rc = rd_view16(r, &m->v.mac)) != ERR_OK ||
		(rc = rd_view16(r, &m->v.covered)) != ERR_OK))
		return rc;
	return mikey_check_supported(m);
}

/* The least that each kind of call needs; who wrote it may be taken over. */
static bool
complete(const struct call *c)
{
	const struct call_exchange x = call_opened(c);

	if (!c->i1.there || !c->r1.there || !x.i1->there || !x.r1->there ||
	    !x.i1->ibake.there || !x.r1->ibake.there)
		return false;
	if (x.i2 != NULL && (!x.i2->there || !x.i2->ibake.there))
		return false;
	if (c->kind == CALL_FIRST)
		return c->i1.rand.left >= 16 && c->i2.rand.left >= 16 &&
		    c->i1.idri.there && c->i1.idrr.there && c->r1.idri.there &&
		    c->r1.idrr.there && c->i2.idri.there && c->i2.idrr.there &&
		    (!c->r2.there || c->r2.v.there);
	return c->first_i1.there && c->first_i1.rand.left >= 16 &&
	    c->first_i1.idri.there && c->first_i1.idrr.there &&
	    (!c->first_r1.there || c->first_r1.idrr.there) &&
	    (!c->first_i2.there || c->first_i2.idrr.there) && c->r1.v.there;
}

enum err
call_get(struct rd *r, struct call *out)
{
	uint8_t kind;
	enum err rc;

	if ((rc = rd_u8(r, &kind)) != ERR_OK)
		return rc;
	if (kind > CALL_UPDATE_OLD_KEYS)
		return ERR_MALFORMED;
	out->kind = (enum call_kind)kind;
	for (size_t i = 0; i < N_MESSAGES; i++) {
		rc = get_message(r, kind_of(out->kind, i), message(out, i));
		if (rc != ERR_OK)
			return ERR_MALFORMED;
	}
	return complete(out) ? ERR_OK : ERR_MALFORMED;
}
