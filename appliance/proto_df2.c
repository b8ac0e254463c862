#include <string.h>

#include "appliance/proto_df2.h"
#include "appliance/proto_int.h"

/* ---- x2 and policy ---- */

static void
put_legs(struct wr *w, const uint64_t *leg, unsigned n)
{
	wr_u8(w, (uint8_t)n);
	for (unsigned i = 0; i < n; i++)
		wr_u64(w, leg[i]);
}

static enum err
get_legs(struct rd *r, uint64_t leg[MAX_LEGS], unsigned *n)
{
	uint8_t count;
	enum err rc;

	if ((rc = rd_u8(r, &count)) != ERR_OK)
		return rc;
	if (count > MAX_LEGS)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < count; i++)
		if ((rc = rd_u64(r, &leg[i])) != ERR_OK)
			return rc;
	*n = count;
	return ERR_OK;
}

static enum err
get_kind(struct rd *r, enum x2_ask_kind *out)
{
	uint8_t v;

	if (rd_u8(r, &v) != ERR_OK || v >= X2_ASK__MAX)
		return ERR_MALFORMED;
	*out = (enum x2_ask_kind)v;
	return ERR_OK;
}

size_t
msg_x2_ask_max(const struct msg_x2_ask *m)
{
	return 8 + 1 + XID_LEN + 1 + 1 + 1 + 8 * (size_t)m->n_done + 4 +
	    m->call.left;
}

void
msg_x2_ask_put(struct wr *w, const struct msg_x2_ask *m)
{
	wr_u64(w, m->epoch);
	wr_u8(w, (uint8_t)m->kind);
	wr_copy(w, m->xid, XID_LEN);
	wr_bool(w, m->again);
	wr_u8(w, (uint8_t)m->call_reason);
	put_legs(w, m->done, m->n_done);
	wr_view32(w, m->call.p, m->call.left);
}

enum err
msg_x2_ask_get(struct rd r, struct msg_x2_ask *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = get_kind(&r, &m->kind)) == ERR_OK &&
	    (rc = rd_copy(&r, m->xid, XID_LEN)) == ERR_OK &&
	    (rc = rd_bool(&r, &m->again)) == ERR_OK &&
	    (rc = proto_get_reason(&r, &m->call_reason)) == ERR_OK &&
	    (rc = get_legs(&r, m->done, &m->n_done)) == ERR_OK)
		rc = rd_view32(&r, &m->call);
	return proto_whole(&r, rc);
}

void
msg_x2_legs_put(struct wr *w, const struct msg_x2_legs *m)
{
	wr_u64(w, m->epoch);
	put_legs(w, m->leg, m->n);
}

enum err
msg_x2_legs_get(struct rd r, struct msg_x2_legs *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK)
		rc = get_legs(&r, m->leg, &m->n);
	return proto_whole(&r, rc);
}

void
msg_x2_ended_put(struct wr *w, const struct msg_x2_ended *m)
{
	wr_u64(w, m->epoch);
	wr_u64(w, m->leg);
	wr_u8(w, (uint8_t)m->reason);
}

enum err
msg_x2_ended_get(struct rd r, struct msg_x2_ended *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->leg)) == ERR_OK)
		rc = proto_get_reason(&r, &m->reason);
	if (rc == ERR_OK && m->reason == XK_GRANTED)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

/* ---- to hi2 ---- */

size_t
msg_content_max(const struct msg_content *m)
{
	return 8 + 8 + INTAKE_MARK_LEN + sizeof(m->correlation) + 8 + 4 + 1 +
	    4 + m->sip.left;
}

void
msg_content_put(struct wr *w, const struct msg_content *m)
{
	wr_u64(w, m->epoch);
	wr_u64(w, m->call);
	wr_copy(w, m->mark, sizeof(m->mark));
	wr_copy(w, m->correlation, sizeof(m->correlation));
	wr_i64(w, m->seconds);
	wr_u32(w, m->nanoseconds);
	wr_u8(w, m->direction);
	wr_view32(w, m->sip.p, m->sip.left);
}

enum err
msg_content_get(struct rd r, struct msg_content *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = rd_u64(&r, &m->call)) == ERR_OK &&
	    (rc = rd_copy(&r, m->mark, sizeof(m->mark))) == ERR_OK &&
	    (rc = rd_copy(&r, m->correlation, sizeof(m->correlation))) ==
		ERR_OK &&
	    (rc = rd_i64(&r, &m->seconds)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->nanoseconds)) == ERR_OK &&
	    (rc = rd_u8(&r, &m->direction)) == ERR_OK)
		rc = rd_view32(&r, &m->sip);
	if (rc == ERR_OK && m->nanoseconds >= 1000000000)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
msg_stored_put(struct wr *w, const struct msg_stored *m)
{
	wr_u64(w, m->epoch);
	wr_u64(w, m->leg);
}

enum err
msg_stored_get(struct rd r, struct msg_stored *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK)
		rc = rd_u64(&r, &m->leg);
	return proto_whole(&r, rc);
}

static struct rd
word(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

void
destination_of(const struct warrant *w, uint64_t number, struct rd identity,
    struct destination *out)
{
	*out = (struct destination){.leg = number, .liid = word(w->liid)};
	for (unsigned i = 0; i < w->lemfs.n; i++)
		out->lemf[out->n_lemfs++] = word(w->lemfs.w[i]);
	for (unsigned t = 0; t < w->n_targets; t++) {
		const struct words *ids = &w->target[t].ids;

		if (!words_have(ids, identity))
			continue;
		for (unsigned i = 0; i < ids->n; i++)
			out->target[out->n_targets++] = word(ids->w[i]);
		return; /* an identity is one target's */
	}
}

static size_t
views_max(const struct rd *v, unsigned n)
{
	size_t sum = 1;

	for (unsigned i = 0; i < n; i++)
		sum += 1 + v[i].left;
	return sum;
}

static void
put_views(struct wr *w, const struct rd *v, unsigned n)
{
	wr_u8(w, (uint8_t)n);
	for (unsigned i = 0; i < n; i++)
		wr_view8(w, v[i].p, v[i].left);
}

/* 1 to `most` views, none of them empty. */
static enum err
get_views(struct rd *r, struct rd *v, unsigned most, unsigned *n)
{
	uint8_t count;
	enum err rc;

	if ((rc = rd_u8(r, &count)) != ERR_OK)
		return rc;
	if (count == 0 || count > most)
		return ERR_MALFORMED;
	for (unsigned i = 0; i < count; i++)
		if (rd_view8(r, &v[i]) != ERR_OK || v[i].left == 0)
			return ERR_MALFORMED;
	*n = count;
	return ERR_OK;
}

size_t
destination_max(const struct destination *d)
{
	return 8 + 1 + d->liid.left + views_max(d->lemf, d->n_lemfs) +
	    views_max(d->target, d->n_targets);
}

void
destination_put(struct wr *w, const struct destination *d)
{
	wr_u64(w, d->leg);
	wr_view8(w, d->liid.p, d->liid.left);
	put_views(w, d->lemf, d->n_lemfs);
	put_views(w, d->target, d->n_targets);
}

enum err
destination_get(struct rd *r, struct destination *d)
{
	enum err rc;

	if ((rc = rd_u64(r, &d->leg)) != ERR_OK ||
	    (rc = rd_view8(r, &d->liid)) != ERR_OK ||
	    (rc = get_views(r, d->lemf, MAX_WARRANT_LEMFS, &d->n_lemfs)) !=
		ERR_OK ||
	    (rc = get_views(r, d->target, MAX_WARRANT_IDS, &d->n_targets)) !=
		ERR_OK)
		return rc;
	for (unsigned i = 0; i < d->n_lemfs; i++)
		if (d->lemf[i].left > MAX_NAME)
			return ERR_MALFORMED;
	return d->liid.left == 0 || d->liid.left > MAX_LIID ? ERR_MALFORMED
							    : ERR_OK;
}

static bool
is_sealed(const struct msg_hi2_keys *m, unsigned i)
{
	return m->reason == XK_GRANTED && m->how[i] == HI2_KEYS_SEALED;
}

size_t
msg_hi2_keys_max(const struct msg_hi2_keys *m)
{
	size_t n = 8 + 1 + destination_max(&m->to) + 4 + m->answer.left + 1 +
	    m->ids.left;

	for (unsigned i = 0; i < m->to.n_lemfs; i++)
		n += (m->reason == XK_GRANTED ? 1 : 0) +
		    (is_sealed(m, i) ? m->sealed[i].left : 0);
	return n;
}

void
msg_hi2_keys_put(struct wr *w, const struct msg_hi2_keys *m)
{
	wr_u64(w, m->epoch);
	wr_u8(w, (uint8_t)m->reason);
	destination_put(w, &m->to);
	for (unsigned i = 0; i < m->to.n_lemfs && m->reason == XK_GRANTED; i++)
		wr_u8(w, (uint8_t)m->how[i]);
	wr_view32(w, m->answer.p, m->answer.left);
	wr_u8(w, (uint8_t)(m->ids.left / HI2_CS_ID_LEN));
	wr_copy(w, m->ids.p, m->ids.left);
	for (unsigned i = 0; i < m->to.n_lemfs; i++)
		if (is_sealed(m, i))
			wr_copy(w, m->sealed[i].p, m->sealed[i].left);
}

/* How each LEMF gets them; what there must be for that. */
static enum err
get_hows(struct rd *r, struct msg_hi2_keys *m, bool *clear, bool *sealed)
{
	uint8_t v;

	*clear = *sealed = false;
	for (unsigned i = 0; i < m->to.n_lemfs && m->reason == XK_GRANTED;
	     i++) {
		if (rd_u8(r, &v) != ERR_OK || v >= HI2_KEYS_HOW__MAX)
			return ERR_MALFORMED;
		m->how[i] = (enum hi2_keys_how)v;
		*clear |= m->how[i] == HI2_KEYS_CLEAR;
		*sealed |= m->how[i] == HI2_KEYS_SEALED;
	}
	return m->reason != XK_GRANTED || *clear || *sealed ? ERR_OK
							    : ERR_MALFORMED;
}

/* `n` views that stand behind each other. */
static enum err
get_run(struct rd *r, unsigned n, struct rd *run)
{
	struct rd at = *r, one;

	for (unsigned i = 0; i < n; i++)
		if (rd_view16(&at, &one) != ERR_OK || one.left == 0 ||
		    one.left > HI2_SEALED_KEY_MAX)
			return ERR_MALFORMED;
	if (r->left - at.left > HI2_SEALED_MAX)
		return ERR_MALFORMED;
	return rd_view(r, r->left - at.left, run);
}

enum err
msg_hi2_keys_get(struct rd r, struct msg_hi2_keys *m)
{
	bool clear, sealed;
	uint8_t n = 0;
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = proto_get_reason(&r, &m->reason)) == ERR_OK &&
	    (rc = destination_get(&r, &m->to)) == ERR_OK &&
	    (rc = get_hows(&r, m, &clear, &sealed)) == ERR_OK &&
	    (rc = rd_view32(&r, &m->answer)) == ERR_OK &&
	    (rc = rd_u8(&r, &n)) == ERR_OK)
		rc = rd_view(&r, (size_t)n * HI2_CS_ID_LEN, &m->ids);
	if (rc == ERR_OK &&
	    ((m->answer.left > 0) != clear || (n > 0) != sealed))
		rc = ERR_MALFORMED;
	for (unsigned i = 0; rc == ERR_OK && i < m->to.n_lemfs; i++)
		if (is_sealed(m, i))
			rc = get_run(&r, n, &m->sealed[i]);
	return proto_whole(&r, rc);
}

size_t
msg_hi2_order_max(const struct msg_hi2_order *m)
{
	return 8 + 1 + destination_max(&m->to);
}

void
msg_hi2_order_put(struct wr *w, const struct msg_hi2_order *m)
{
	wr_u64(w, m->epoch);
	wr_u8(w, (uint8_t)m->kind);
	destination_put(w, &m->to);
}

enum err
msg_hi2_order_get(struct rd r, struct msg_hi2_order *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->epoch)) == ERR_OK &&
	    (rc = get_kind(&r, &m->kind)) == ERR_OK)
		rc = destination_get(&r, &m->to);
	if (rc == ERR_OK && m->kind == X2_ASK_KEYS)
		rc = ERR_MALFORMED; /* keys come from a worker alone */
	return proto_whole(&r, rc);
}

/* ---- keys that another appliance makes ---- */

#define N_MIKEY 7

static void
mikey_fields(const struct msg_mikey *m, const struct rd *out[N_MIKEY])
{
	const struct rd *const all[N_MIKEY] = {&m->i1, &m->r1, &m->i2, &m->r2,
	    &m->first_i1, &m->first_r1, &m->first_i2};

	memcpy(out, all, sizeof(all));
}

size_t
msg_mikey_max(const struct msg_mikey *m)
{
	const struct rd *f[N_MIKEY];
	size_t n = 8;

	mikey_fields(m, f);
	for (unsigned i = 0; i < N_MIKEY; i++)
		n += 2 + f[i]->left;
	return n;
}

void
msg_mikey_put(struct wr *w, const struct msg_mikey *m)
{
	const struct rd *f[N_MIKEY];

	mikey_fields(m, f);
	wr_u64(w, m->epoch);
	for (unsigned i = 0; i < N_MIKEY; i++)
		wr_view16(w, f[i]->p, f[i]->left);
}

enum err
msg_mikey_get(struct rd r, struct msg_mikey *m)
{
	struct rd *const f[N_MIKEY] = {&m->i1, &m->r1, &m->i2, &m->r2,
	    &m->first_i1, &m->first_r1, &m->first_i2};
	enum err rc = rd_u64(&r, &m->epoch);

	for (unsigned i = 0; rc == ERR_OK && i < N_MIKEY; i++)
		if ((rc = rd_view16(&r, f[i])) == ERR_OK &&
		    f[i]->left > MAX_MIKEY)
			rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

void
msg_fetch_put(struct wr *w, const struct msg_fetch *m)
{
	wr_u64(w, m->ticket.epoch);
	wr_u32(w, m->ticket.id);
	wr_view8(w, m->target.p, m->target.left);
}

enum err
msg_fetch_get(struct rd r, struct msg_fetch *m)
{
	enum err rc;

	if ((rc = rd_u64(&r, &m->ticket.epoch)) == ERR_OK &&
	    (rc = rd_u32(&r, &m->ticket.id)) == ERR_OK)
		rc = rd_view8(&r, &m->target);
	if (rc == ERR_OK && m->target.left == 0)
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}

size_t
msg_fetched_max(const struct msg_fetched *m)
{
	return 1 + 4 + m->answer.left;
}

void
msg_fetched_put(struct wr *w, const struct msg_fetched *m)
{
	wr_u8(w, (uint8_t)m->reason);
	wr_view32(w, m->answer.p, m->answer.left);
}

enum err
msg_fetched_get(struct rd r, struct msg_fetched *m)
{
	enum err rc;

	if ((rc = proto_get_reason(&r, &m->reason)) == ERR_OK)
		rc = rd_view32(&r, &m->answer);
	if (rc == ERR_OK && (m->answer.left > 0) != (m->reason == XK_GRANTED))
		rc = ERR_MALFORMED;
	return proto_whole(&r, rc);
}
