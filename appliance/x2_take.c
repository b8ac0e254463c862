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
begin(struct x2 *x, const struct x2_matter *m)
{
	const enum err rc =
	    x2_asks_begin(x->asks, m, (int64_t)uv_now(&x->loop));

	/* There was room. */
	if (rc != ERR_OK)
		fatal("a ticket cannot begin: %s", err_str(rc));
}

static void
begin_sip(struct x2 *x, const struct sip_seen *s)
{
	struct x2_matter m = {.kind = X2_ASK_SIP};

	memcpy(m.xid, s->xid, sizeof(m.xid));
	memcpy(m.content.correlation, s->correlation,
	    sizeof(m.content.correlation));
	m.content.seconds = s->seconds;
	m.content.nanoseconds = s->nanoseconds;
	m.content.direction = s->direction;
	m.content.sip = s->sip;
	begin(x, &m);
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
	if (kind == X2_ASK_KEYS && !x2_seen_same(v, m.same))
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
}

/* ---- PDUs ---- */

static void
take_sip(struct x2 *x, const struct x2_pdu *p, uint8_t is)
{
	static struct log_limit limit, full;
	static struct x2_seen s;
	enum err rc;

	if (x2_seen_read(p, &s) != ERR_OK) {
		x->count[X2_COUNT_NO_SIP]++;
		log_limited(&limit, 5,
		    "an intercepted message is not SIP, or too large: dropped");
		return;
	}
	x->count[X2_COUNT_SIP]++;
	if (!p->has_time)
		s.sip.seconds = clock_seconds();
	if ((is & XID_SIP_TOO) != 0)
		begin_sip(x, &s.sip);
	if ((is & XID_IN_FORCE) == 0)
		return;
	rc = calls_put(x->calls, &s.sip, (int64_t)uv_now(&x->loop));
	if (rc == ERR_NOMEM)
		fatal("out of memory");
	if (rc != ERR_OK)
		log_limited(&full, 1,
		    "a call has more MIKEY messages than are kept: not looked "
		    "at");
	x2_take_events(x);
}

static bool
take_x2(struct x2_conn *c, const struct x2_pdu *p)
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
	if (!x2_asks_room(x->asks)) {
		c->wait = X2_WAIT_ROOM;
		x->starved = true;
		return false;
	}
	take_sip(x, p, is);
	return true;
}

/* It stands behind everything that the CSCF sent before on this connection. */
static bool
acknowledge(struct x2_conn *c, const struct x2_pdu *p)
{
	struct wr w;

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
x2_take(struct x2_conn *c, const struct x2_pdu *p)
{
	static struct log_limit limit;

	switch (p->type) {
	case X2_TYPE_X2:
		return take_x2(c, p);
	case X2_TYPE_KEEPALIVE:
		return acknowledge(c, p);
	default:
		c->x->count[X2_COUNT_OTHER_TYPE]++;
		log_limited(&limit, 1, "a PDU is of type %u: dropped", p->type);
		return true;
	}
}
