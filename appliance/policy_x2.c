/*
 * Asks of x2, one leg a warrant.  A leg ends in one record in hi2's queue, or
 * in a word to x2 that there will be none: never in silence.
 */
#include <string.h>

#include "appliance/policy_delivery.h"
#include "appliance/policy_grant.h"
#include "appliance/policy_x2.h"
#include "base/log.h"

/*
 * So that x2 cannot take what xk and keywarden(1) need: a quarter of what waits
 * here, and half of what audit takes at once.
 */
#define LEGS_PENDING (POLICY_PENDING / 4)

/* ---- to x2 and hi2 ---- */

static void
send_x2(struct policy *p, uint16_t type, uint32_t id, const struct wr *w)
{
	size_t len;

	if (wr_finish(w, &len) != ERR_OK)
		fatal("a message to x2 that is too long");
	policy_send_x2(p, type, id, w->p, len);
}

/* No record will come of it. */
static void
tell_ended(struct policy *p, struct ticket t, uint64_t leg,
    enum xk_reason reason)
{
	const struct msg_x2_ended m = {t.epoch, leg, reason};
	uint8_t body[32];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_x2_ended_put(&w, &m);
	send_x2(p, MSG_X2_ENDED, t.id, &w);
}

/* A record without keys, for the LEMFs of the warrant. */
static enum err
send_order(struct policy *p, struct ticket t, enum x2_ask_kind kind,
    const struct held_warrant *h, unsigned target)
{
	struct msg_hi2_order m = {.epoch = t.epoch, .kind = kind};
	const char *id = h->w->target[target].ids.w[0];
	struct rd identity;
	struct wr w;
	enum err rc;

	if (p->hi2 == NULL)
		return ERR_CLOSED;
	rd_init(&identity, id, strlen(id));
	destination_of(h->w, h->number, identity, &m.to);
	rc = peer_begin(p->hi2, MSG_HI2_ORDER, t.id, msg_hi2_order_max(&m), &w);
	if (rc != ERR_OK)
		return rc;
	msg_hi2_order_put(&w, &m);
	return peer_commit(p->hi2, &w);
}

static void
order_or_end(struct policy *p, struct ticket t, enum x2_ask_kind kind,
    const struct held_warrant *h, unsigned target)
{
	if (send_order(p, t, kind, h, target) != ERR_OK)
		tell_ended(p, t, h->number, XK_UNAVAILABLE);
}

/* ---- one leg ---- */

/* An ask on its way through the checks, for one warrant. */
struct asked {
	struct policy *p;
	struct ticket ticket;
	struct msg_x2_ask m;
	const struct call *call; /* NULL: not known */
	struct leg leg;
	struct rd identity; /* of the target: the one that takes part */
	struct held_subscriber *subscriber;
};

static void
end_leg(const struct asked *q, enum xk_reason reason)
{
	tell_ended(q->p, q->ticket, q->leg.warrant->number, reason);
}

/* What waits for audit's word; NULL: x2 has been told that there is no room. */
static struct pending *
leg_pending(const struct asked *q, enum pending_kind kind, uint32_t *id)
{
	struct pending *d = NULL;

	if (slots_used(q->p->pending) < LEGS_PENDING)
		d = policy_pending(q->p, kind, id);
	if (d == NULL) {
		end_leg(q, XK_OVERLOADED);
		return NULL;
	}
	d->ticket = q->ticket;
	d->warrant = q->leg.warrant;
	d->target = q->leg.target;
	return d;
}

/*
 * There are no keys for a warrant that is in force: that is in the log first,
 * then in a record for the LEMFs.
 */
static void
refuse(const struct asked *q, enum xk_reason reason, const char *detail)
{
	const char *liid = q->leg.warrant->w->liid;
	struct audit_entry e = {.type = AUDIT_KEY_REFUSED,
	    .reason = (uint8_t)reason,
	    .target = q->identity};
	struct pending *d;
	uint32_t id;

	rd_init(&e.client, AUDIT_SELF, strlen(AUDIT_SELF));
	rd_init(&e.liid, liid, strlen(liid));
	rd_init(&e.text, detail, strlen(detail));
	if (q->call != NULL)
		policy_put_call(&e, q->call);
	if ((d = leg_pending(q, PENDING_LEG_REFUSAL, &id)) == NULL)
		return;
	if (policy_record_entry(q->p, &e, id) != ERR_OK) {
		slots_drop(q->p->pending, id);
		end_leg(q, XK_UNAVAILABLE);
	}
}

static void
grant(const struct asked *q)
{
	struct grant g = {.route = ROUTE_HI2,
	    .ticket = q->ticket,
	    .target = q->identity,
	    .call = q->call,
	    .octets = q->m.call,
	    .warrant = q->leg.warrant,
	    .subscriber = q->subscriber};
	uint32_t id;

	rd_init(&g.client, AUDIT_SELF, strlen(AUDIT_SELF));
	if (leg_pending(q, PENDING_LEG_GRANT, &id) == NULL)
		return;
	if (policy_grant(q->p, &g, id) != ERR_OK) {
		slots_drop(q->p->pending, id);
		end_leg(q, XK_UNAVAILABLE);
	}
}

/* The call's times lie in the warrant's period: step (5). */
static enum warrant_verdict
covers(const struct asked *q, struct ask *a)
{
	*a = (struct ask){.over_hi2 = true, .now = policy_now(q->p)};
	call_times(q->call, a->t, &a->n_t);
	return warrant_covers_call(q->leg.warrant->w, &q->leg.state, a);
}

/*
 * Steps (6) and (7).  The warrant names the target, by all the identities that
 * it has; which of them the call was made under is seen in the call itself.
 */
static enum xk_reason
find_subscriber(struct asked *q)
{
	const struct warrant *w = q->leg.warrant->w;
	const struct words *ids = &w->target[q->leg.target].ids;
	enum xk_reason reason = XK_UNKNOWN_SUBSCRIBER;

	for (unsigned i = 0; i < ids->n; i++) {
		struct held_subscriber *h;
		struct subscriber s;
		struct rd id;

		rd_init(&id, ids->w[i], strlen(ids->w[i]));
		if ((h = policy_subscriber(q->p, id)) == NULL)
			continue;
		s = policy_read_record(h);
		if (s.test != w->test ||
		    !authority_record_stands(q->p->authority, h->number))
			continue;
		reason = XK_TARGET_MISMATCH;
		if (!policy_takes_part(&s, q->call))
			continue;
		q->identity = id;
		q->subscriber = h;
		return XK_GRANTED;
	}
	return reason;
}

/*
 * The appliance that makes the keys has the subscribers: here only the call
 * tells which of the target's identities takes part.  A device's identity is
 * not seen; the common one goes first then.
 */
static void
find_identity(struct asked *q)
{
	const struct words *ids = &q->leg.warrant->w->target[q->leg.target].ids;
	const struct subscriber nobody = {.n_devices = 0};

	for (unsigned i = 0; i < ids->n; i++) {
		struct subscriber s = nobody;

		rd_init(&s.identity, ids->w[i], strlen(ids->w[i]));
		if (policy_takes_part(&s, q->call)) {
			q->identity = s.identity;
			return;
		}
	}
}

static void
decide_keys(struct asked *q)
{
	enum warrant_verdict v;
	enum xk_reason reason;
	char text[128];
	struct ask a;

	if (q->m.call_reason != XK_GRANTED) {
		refuse(q, q->m.call_reason, "a MIKEY message");
		return;
	}
	if ((v = covers(q, &a)) != WARRANT_ALLOWS) {
		refuse(q, XK_NO_AUTHORISATION,
		    warrant_explain(v, q->leg.warrant->w, &q->leg.state, &a,
			text, sizeof(text)));
		return;
	}
	if (q->p->remote) {
		find_identity(q);
		grant(q);
		return;
	}
	reason = find_subscriber(q);
	if (reason == XK_UNKNOWN_SUBSCRIBER)
		refuse(q, reason,
		    "none of the target's identities is enrolled");
	else if (reason != XK_GRANTED)
		refuse(q, reason,
		    "the messages do not belong together, or the target does "
		    "not take part");
	else
		grant(q);
}

static void
decide(struct asked *q)
{
	const struct words *ids = &q->leg.warrant->w->target[q->leg.target].ids;

	rd_init(&q->identity, ids->w[0], strlen(ids->w[0]));
	if (policy_stopped(q->p) != NULL || q->p->hi2 == NULL) {
		end_leg(q, XK_UNAVAILABLE);
		return;
	}
	switch (q->m.kind) {
	case X2_ASK_KEYS:
		decide_keys(q);
		break;
	case X2_ASK_NO_KEYS:
		refuse(q, XK_NOT_REPRODUCIBLE,
		    "not all messages of the exchange were seen, or no keys "
		    "could be had in time");
		break;
	case X2_ASK_SIP:
		order_or_end(q->p, q->ticket, X2_ASK_SIP, q->leg.warrant,
		    q->leg.target);
		break;
	case X2_ASK__MAX:
		break;
	}
}

/* ---- audit's word on a leg ---- */

void
policy_leg_done(struct policy *p, const struct pending *d,
    const struct msg_done *m)
{
	/* Otherwise the worker has told hi2. */
	if (!m->told || m->reason == XK_NO_AUTHORISATION ||
	    m->reason == XK_OVERLOADED)
		tell_ended(p, d->ticket, d->warrant->number,
		    m->reason == XK_GRANTED ? XK_UNAVAILABLE : m->reason);
}

void
policy_leg_recorded(struct policy *p, const struct pending *d, enum err rc)
{
	if (rc != ERR_OK)
		tell_ended(p, d->ticket, d->warrant->number, XK_UNAVAILABLE);
	else if (!policy_leg_stands(p, d->warrant, d->target))
		/* While the entry was written: nothing goes out any more. */
		tell_ended(p, d->ticket, d->warrant->number,
		    XK_NO_AUTHORISATION);
	else
		order_or_end(p, d->ticket, X2_ASK_NO_KEYS, d->warrant,
		    d->target);
}

void
policy_leg_interrupted(struct policy *p, const struct pending *d)
{
	tell_ended(p, d->ticket, d->warrant->number, XK_UNAVAILABLE);
}

/* ---- from x2 ---- */

static enum err
on_xid(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;
	struct leg leg[MAX_LEGS];
	uint8_t is = 0;

	if (policy_legs(p, f->body.p, PRODUCT_KEYS, false, leg) > 0)
		is |= XID_IN_FORCE;
	if (policy_legs(p, f->body.p, PRODUCT_SIP, false, leg) > 0)
		is |= XID_SIP_TOO;
	policy_send_x2(p, MSG_XID_IS, f->id, &is, 1);
	return ERR_OK;
}

static bool
is_done(const struct msg_x2_ask *m, uint64_t leg)
{
	for (unsigned i = 0; i < m->n_done; i++)
		if (m->done[i] == leg)
			return true;
	return false;
}

/* What x2 may say of its MIKEY messages: all is well, or what step (4) has. */
static bool
reason_fits(const struct msg_x2_ask *m)
{
	return m->call_reason == XK_GRANTED ||
	    (m->kind == X2_ASK_KEYS &&
		(m->call_reason == XK_UNSUPPORTED ||
		    m->call_reason == XK_MALFORMED));
}

static void
send_legs(struct policy *p, struct ticket t, const struct leg *leg, unsigned n)
{
	uint8_t body[16 + 8 * MAX_LEGS];
	struct msg_x2_legs m = {.epoch = t.epoch, .n = n};
	struct wr w;

	for (unsigned i = 0; i < n; i++)
		m.leg[i] = leg[i].warrant->number;
	wr_init(&w, body, sizeof(body));
	msg_x2_legs_put(&w, &m);
	send_x2(p, MSG_X2_LEGS, t.id, &w);
}

static enum err
on_ask(void *ctx, const struct ipc_frame *f)
{
	static struct call call;
	struct asked q = {.p = ctx};
	struct leg leg[MAX_LEGS];
	unsigned n, left = 0;
	struct rd wire;
	bool with_call;

	if (msg_x2_ask_get(f->body, &q.m) != ERR_OK || !reason_fits(&q.m))
		return ERR_MALFORMED;
	wire = q.m.call;
	with_call = q.m.kind == X2_ASK_KEYS && q.m.call_reason == XK_GRANTED;
	if (with_call
		? call_get(&wire, &call) != ERR_OK || rd_end(&wire) != ERR_OK
		: wire.left > 0)
		return ERR_MALFORMED;
	if (with_call)
		q.call = &call;
	q.ticket = (struct ticket){q.m.epoch, f->id};
	n = policy_legs(q.p, q.m.xid,
	    q.m.kind == X2_ASK_SIP ? PRODUCT_SIP : PRODUCT_KEYS, q.m.again,
	    leg);
	for (unsigned i = 0; i < n; i++)
		if (!is_done(&q.m, leg[i].warrant->number))
			leg[left++] = leg[i];
	send_legs(q.p, q.ticket, leg, left);
	for (unsigned i = 0; i < left; i++) {
		q.leg = leg[i];
		decide(&q);
	}
	return ERR_OK;
}

static enum err
on_x2_counts(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;

	return msg_counts_get(f->body, &p->x2_counts);
}

static void
x2_closed(void *ctx, struct peer *peer)
{
	struct policy *p = ctx;

	(void)peer;
	log_debug("x2 has gone");
	peer_free(&p->x2);
}

static const struct ipc_rule x2_rules[] = {
    {MSG_XID, XID_LEN, XID_LEN, 1, on_xid},
    {MSG_X2_ASK, 32, MAX_IPC_BODY, 1, on_ask},
    {MSG_X2_COUNTS, 1, 512, 1, on_x2_counts},
};
const struct peer_ops policy_x2_ops = {.name = "x2",
    .table = x2_rules,
    .n_rules = sizeof(x2_rules) / sizeof(x2_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = x2_closed};

/* ---- from hi2 ---- */

static enum err
on_hi2_counts(void *ctx, const struct ipc_frame *f)
{
	struct policy *p = ctx;

	return msg_counts_get(f->body, &p->hi2_counts);
}

static void
hi2_closed(void *ctx, struct peer *peer)
{
	struct policy *p = ctx;

	(void)peer;
	log_debug("hi2 has gone");
	peer_free(&p->hi2);
	policy_delivery_forget(p);
}

static const struct ipc_rule hi2_rules[] = {
    {MSG_HI2_COUNTS, 1, 512, 1, on_hi2_counts},
    {MSG_DELIVERY, 78, 1024, 1, policy_on_delivery},
};
const struct peer_ops policy_hi2_ops = {.name = "hi2",
    .table = hi2_rules,
    .n_rules = sizeof(hi2_rules) / sizeof(hi2_rules[0]),
    .max_body = 1024,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hi2_closed};
