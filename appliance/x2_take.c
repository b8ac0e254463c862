/*
 * From a PDU to what is told of it: an XID that no warrant in force names is
 * dropped and counted, and nothing of it is kept.  No identity, XID, Call-ID
 * or SIP octet goes to the log.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/x2_proc.h"
#include "appliance/x2_seen.h"
#include "base/clock.h"
#include "base/log.h"

#define ASKED_AHEAD (X2_XIDS / 4) /* questions out at once, for later PDUs */

/* ---- XIDs ---- */

static bool
of_interest(const struct x2_pdu *p)
{
	return p->type == X2_TYPE_X2 && p->format == X2_FORMAT_SIP;
}

/* False: policy is to say first. */
static bool
know(struct x2_conn *c, const struct x2_pdu *p, uint8_t *is)
{
	struct x2 *x = c->x;

	switch (x2_xids_find(x->xids, p->xid, is)) {
	case ERR_OK:
		return true;
	case ERR_NOTFOUND:
		(void)x2_ask_xid(x, p->xid); /* or when it is given again */
		return false;
	default:
		return false;
	}
}

void
x2_ask_ahead(struct x2_conn *c)
{
	struct x2 *x = c->x;
	size_t at = c->scanned > c->in_at ? c->scanned : c->in_at, len;
	struct x2_pdu pdu;
	struct rd r;
	uint8_t is;

	while (x2_xids_asked(x->xids) < ASKED_AHEAD) {
		rd_init(&r, c->in + at, c->in_len - at);
		if (x2_pdu_length(r, &len) != ERR_OK || len > r.left)
			break;
		r.left = len;
		if (x2_pdu_read(r, &pdu) != ERR_OK)
			break;
		if (of_interest(&pdu) &&
		    x2_xids_find(x->xids, pdu.xid, &is) == ERR_NOTFOUND &&
		    !x2_ask_xid(x, pdu.xid))
			break;
		at += len;
	}
	c->scanned = at;
}

/* ---- tickets ---- */

static void
begin(struct x2 *x, struct x2_matter *m)
{
	uint64_t done[MAX_LEGS];
	enum err rc;

	m->n_done =
	    x2_replay_done(x->replay, m->content.call, m->content.mark, done);
	m->done = done;
	rc = x2_asks_begin(x->asks, m, (int64_t)uv_now(&x->loop));
	/* There was room. */
	if (rc != ERR_OK)
		fatal("a ticket cannot begin: %s", err_str(rc));
}

static void
begin_sip(struct x2 *x, const struct sip_seen *s, uint64_t number)
{
	struct x2_matter m = {.kind = X2_ASK_SIP, .content.call = number};

	memcpy(m.xid, s->xid, sizeof(m.xid));
	memcpy(m.content.correlation, s->correlation,
	    sizeof(m.content.correlation));
	m.content.seconds = s->seconds;
	m.content.nanoseconds = s->nanoseconds;
	m.content.direction = s->direction;
	m.content.sip = s->sip;
	if (!x2_seen_mark_sip(s, m.content.mark))
		fatal("no digest");
	begin(x, &m);
	x2_journal_own(x, number, s->stored);
}

/* A call, encoded; the caller frees. */
static uint8_t *
put_call(const struct call *call, struct rd *out)
{
	size_t len = call_put_max(call);
	uint8_t *octets = malloc(len);
	struct wr w;

	if (octets == NULL)
		fatal("out of memory");
	wr_init(&w, octets, len);
	call_put(&w, call);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a call longer than its own bound");
	rd_init(out, octets, len);
	return octets;
}

/* Its messages as xkc passes them on: those of which the call is made. */
static uint8_t *
put_mikey(struct x2 *x, const struct call_exchange_view *v, struct rd *out)
{
	struct msg_mikey m = {.epoch = x->epoch, .i1 = v->i1, .r1 = v->r1};
	uint8_t *octets;
	struct wr w;
	size_t len;

	if (v->update) {
		m.first_i1 = v->first_i1;
		m.first_r1 = v->first_r1;
		m.first_i2 = v->first_i2;
	} else {
		m.i2 = v->i2;
		m.r2 = v->r2;
	}
	len = msg_mikey_max(&m);
	if ((octets = malloc(len)) == NULL)
		fatal("out of memory");
	wr_init(&w, octets, len);
	msg_mikey_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("messages longer than their own bound");
	rd_init(out, octets, len);
	return octets;
}

void
x2_begin_exchange(struct x2 *x, enum x2_ask_kind kind,
    const struct call_exchange_view *v, bool again)
{
	static struct call call;
	struct x2_matter m = {.kind = kind,
	    .exchange = v->handle,
	    .again = again};
	uint8_t *octets = NULL, *mikey = NULL;

	memcpy(m.xid, v->xid, sizeof(m.xid));
	memcpy(m.content.correlation, v->correlation,
	    sizeof(m.content.correlation));
	m.content.seconds = v->seconds;
	m.content.nanoseconds = v->nanoseconds;
	m.content.direction = v->sip_direction;
	m.content.sip = v->sip;
	m.content.call = v->call;
	if ((kind == X2_ASK_KEYS && !x2_seen_same(v, m.same)) ||
	    !x2_seen_mark(v, kind == X2_ASK_KEYS, m.content.mark))
		fatal("no digest");
	if (kind == X2_ASK_KEYS)
		m.call_reason = x2_seen_call(v, &call);
	if (kind == X2_ASK_KEYS && m.call_reason == XK_GRANTED) {
		octets = put_call(&call, &m.call);
		if (x->settings.remote)
			mikey = put_mikey(x, v, &m.mikey);
	}
	begin(x, &m);
	free(octets);
	free(mikey);
}

void
x2_take_events(struct x2 *x)
{
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (
	    x2_asks_room(x->asks) && calls_next(x->calls, &kind, &v) == ERR_OK)
		x2_begin_exchange(x,
		    kind == CALL_KEYS_DUE ? X2_ASK_KEYS : X2_ASK_NO_KEYS, &v,
		    false);
	x2_journal_gone(x);
}

/* ---- PDUs ---- */

/* Into the table of calls; *took is 0 where that has no room for it. */
static void
put_call_part(struct x2 *x, const struct sip_seen *s, struct calls_took *took)
{
	static struct log_limit full;
	enum err rc;

	*took = (struct calls_took){.call = 0};
	rc = calls_put(x->calls, s, (int64_t)uv_now(&x->loop), took);
	if (rc == ERR_NOMEM)
		fatal("out of memory");
	if (rc != ERR_OK)
		log_limited(&full, 1,
		    "a call has more MIKEY messages than are kept: not looked "
		    "at");
}

static void
take_sip(struct x2 *x, const struct x2_pdu *p, struct rd octets, uint8_t is)
{
	static struct log_limit limit;
	static struct x2_seen s;
	const int64_t came = clock_seconds();
	struct calls_took took;

	if (x2_seen_read(p, &s) != ERR_OK) {
		x->count[X2_COUNT_NO_SIP]++;
		log_limited(&limit, 5,
		    "an intercepted message is not SIP, or too large: dropped");
		return;
	}
	x->count[X2_COUNT_SIP]++;
	if (!p->has_time)
		s.sip.seconds = came;
	s.sip.stored = octets.left + INTAKE_ACT_COST;
	if ((is & XID_SIP_TOO) != 0) {
		const uint64_t number = x2_intake_number(x->intake);

		x2_journal_put(x, INTAKE_SIP, 0, came, octets);
		begin_sip(x, &s.sip, number);
	}
	if ((is & XID_IN_FORCE) == 0)
		return;
	s.sip.number = x2_intake_number(x->intake);
	put_call_part(x, &s.sip, &took);
	if (took.kept)
		x2_journal_put(x, INTAKE_CALL, took.call, came, octets);
	x2_take_events(x);
}

/* What has become of one that has come back, and is not as it was. */
static void
put_right(struct x2 *x, const struct msg_intake *m,
    const struct calls_took *took)
{
	const struct calls_gone gone = {m->call, m->number, 0};
	enum err rc = ERR_OK;

	if (!took->kept)
		rc = x2_intake_gone(x->intake, &gone);
	else if (took->call != m->call)
		rc = x2_intake_move(x->intake, m, took->call);
	if (rc != ERR_OK)
		fatal("the journal: %s", err_str(rc));
}

void
x2_take_back(struct x2 *x, const struct msg_intake *m)
{
	static struct log_limit limit;
	static struct x2_seen s;
	struct calls_took took = {.call = 0};
	struct x2_pdu p;

	if (x2_pdu_read(m->pdu, &p) != ERR_OK ||
	    x2_seen_read(&p, &s) != ERR_OK) {
		log_limited(&limit, 1,
		    "an intercepted message in the journal cannot be read: "
		    "dropped");
		put_right(x, m, &took);
		return;
	}
	if (!p.has_time)
		s.sip.seconds = m->came;
	s.sip.number = m->number;
	s.sip.stored = m->pdu.left + INTAKE_ACT_COST;
	if (m->kind == INTAKE_SIP) {
		begin_sip(x, &s.sip, m->number);
		return;
	}
	put_call_part(x, &s.sip, &took);
	put_right(x, m, &took);
	x2_take_events(x);
}

static bool
take_x2(struct x2_conn *c, const struct x2_pdu *p, struct rd octets)
{
	static struct log_limit limit;
	struct x2 *x = c->x;
	uint8_t is;

	if (p->format != X2_FORMAT_SIP) {
		x->count[X2_COUNT_OTHER_FORMAT]++;
		log_limited(&limit, 1, "a payload is of format %u: dropped",
		    p->format);
		return true;
	}
	if (!know(c, p, &is)) {
		c->wait = X2_WAIT_POLICY;
		return false;
	}
	if (is == 0) {
		x->count[X2_COUNT_NO_WARRANT]++;
		return true;
	}
	if (!x2_room(x)) {
		c->wait = X2_WAIT_ROOM;
		x->starved = true;
		return false;
	}
	take_sip(x, p, octets, is);
	c->act = x2_intake_last(x->intake);
	return true;
}

static bool
acknowledge_late(struct x2_conn *c, const struct x2_pdu *p)
{
	struct x2_late_ack *a =
	    &c->late[(c->late_at + c->n_late) % X2_LATE_ACKS];
	struct wr w;

	if (c->n_late == X2_LATE_ACKS) {
		c->wait = X2_WAIT_STORE;
		return false;
	}
	wr_init(&w, a->octets, sizeof(a->octets));
	x2_put_ack(&w, p);
	a->len = w.len;
	a->act = c->act;
	c->n_late++;
	return true;
}

/*
 * It stands behind everything that the CSCF sent before on this connection, and
 * says that nothing of it is lost any more.
 */
static bool
acknowledge(struct x2_conn *c, const struct x2_pdu *p)
{
	struct wr w;

	if (c->n_late > 0 || !x2_intake_is_stored(c->x->intake, c->act))
		return acknowledge_late(c, p);
	wr_init(&w, c->out + c->out_len, sizeof(c->out) - c->out_len);
	x2_put_ack(&w, p);
	if (w.rc != ERR_OK) {
		c->wait = X2_WAIT_WRITE;
		return false;
	}
	c->out_len += w.len;
	return true;
}

bool
x2_take(struct x2_conn *c, const struct x2_pdu *p, struct rd octets)
{
	static struct log_limit limit;

	switch (p->type) {
	case X2_TYPE_X2:
		return take_x2(c, p, octets);
	case X2_TYPE_KEEPALIVE:
		return acknowledge(c, p);
	default:
		c->x->count[X2_COUNT_OTHER_TYPE]++;
		log_limited(&limit, 1, "a PDU is of type %u: dropped", p->type);
		return true;
	}
}
