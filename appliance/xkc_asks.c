#include <stdlib.h>
#include <string.h>

#include "appliance/slots.h"
#include "appliance/xkc_asks.h"
#include "appliance/xkc_held.h"

#define PLACES 512 /* for XKC_ASKS, keepAlives, and 0 */

enum ask_state {
	ASK_ZERO, /* requestId 0: a server says `malformed` with it */
	ASK_JOINING, /* waits for the messages of its ticket */
	ASK_SENT,
	ASK_LATE, /* nobody waits any more for what the server says */
	ASK_ALIVE /* a keepAlive */
};

/* By its requestId, which is its slot's. */
struct xkc_ask {
	enum ask_state state;
	int64_t at; /* when its state ends */
	unsigned worker;
	uint32_t id; /* the worker's */
	struct ticket ticket;
	uint8_t target[MAX_PUBLIC_ID];
	size_t target_len;
};

struct xkc_asks {
	const struct xkc_ops *ops;
	void *ctx;
	struct xkc_times times;
	struct slots *asks;
	unsigned n_alive, n_joining;
	bool began, up; /* the connection */
	int64_t proof_at, alive_at;
	struct xkc_held *held;
};

enum err
xkc_asks_new(const struct xkc_times *times, const struct xkc_ops *ops,
    void *ctx, struct xkc_asks **out)
{
	struct xkc_asks *a = calloc(1, sizeof(*a));
	uint32_t zero = 1;

	if (a == NULL)
		return ERR_NOMEM;
	a->ops = ops;
	a->ctx = ctx;
	a->times = *times;
	if (xkc_held_new(&a->held) != ERR_OK ||
	    slots_new(sizeof(struct xkc_ask), PLACES, &a->asks) != ERR_OK ||
	    slots_take(a->asks, &zero) == NULL || zero != 0) {
		xkc_asks_free(&a);
		return ERR_NOMEM;
	}
	*out = a;
	return ERR_OK;
}

void
xkc_asks_free(struct xkc_asks **ap)
{
	struct xkc_asks *a = *ap;

	if (a == NULL)
		return;
	xkc_held_free(&a->held);
	slots_free(&a->asks);
	free(a);
	*ap = NULL;
}

void
xkc_asks_set(struct xkc_asks *a, const struct xkc_times *times)
{
	a->times = *times;
}

static unsigned
n_asks(const struct xkc_asks *a)
{
	return slots_used(a->asks) - 1 - a->n_alive;
}

void
xkc_asks_count(const struct xkc_asks *a, struct xkc_counts *out)
{
	out->tickets = xkc_held_tickets(a->held);
	out->octets = xkc_held_octets(a->held);
	out->open = n_asks(a) - a->n_joining;
}

bool
xkc_asks_is_up(const struct xkc_asks *a)
{
	return a->up;
}

/* ---- to workers ---- */

static void
tell(struct xkc_asks *a, unsigned worker, uint32_t id, enum xk_reason reason)
{
	const struct msg_fetched m = {.reason = reason};

	a->ops->fetched(a->ctx, worker, id, &m);
}

/* Without keys; the requestId is free again. */
static void
refuse(struct xkc_asks *a, uint32_t request, const struct xkc_ask *q,
    enum xk_reason reason)
{
	const struct xkc_ask copy = *q;

	if (copy.state == ASK_JOINING)
		a->n_joining--;
	slots_drop(a->asks, request);
	tell(a, copy.worker, copy.id, reason);
}

static enum err
give(struct xkc_asks *a, const struct xkc_ask *q,
    const struct xk_get_keys_response *keys)
{
	const size_t cap = msg_answer_max(keys);
	uint8_t *p = malloc(cap);
	struct msg_fetched m = {.reason = XK_GRANTED};
	struct wr w;
	enum err rc;

	if (p == NULL)
		return ERR_NOMEM;
	wr_init(&w, p, cap);
	msg_answer_put(&w, q->ticket.epoch, keys);
	if ((rc = w.rc) == ERR_OK) {
		rd_init(&m.answer, p, w.len);
		a->ops->fetched(a->ctx, q->worker, q->id, &m);
	}
	explicit_bzero(p, cap);
	free(p);
	return rc;
}

/* ---- to the server ---- */

static enum xk_reason
send_request(struct xkc_asks *a, uint32_t request, const struct xkc_ask *q,
    const struct msg_mikey *m)
{
	struct xk_get_keys k = {.i_message1 = m->i1,
	    .r_message1 = m->r1,
	    .i_message2 = m->i2,
	    .r_message2 = m->r2,
	    .first_i_message1 = m->first_i1,
	    .first_r_message1 = m->first_r1,
	    .first_i_message2 = m->first_i2};
	uint8_t *der = NULL;
	size_t len;
	bool sent;

	/* Without the first two it would be no getKeys. */
	if (m->i1.left == 0 || m->r1.left == 0)
		return XK_MALFORMED;
	rd_init(&k.public_kms_identity, q->target, q->target_len);
	if (xk_encode_get_keys(request, &k, &der, &len) != ERR_OK)
		return XK_MALFORMED; /* seven of the longest are too long */
	sent = a->ops->send(a->ctx, der, len);
	xk_der_free(&der, len);
	return sent ? XK_GRANTED : XK_OVERLOADED;
}

static void
ask(struct xkc_asks *a, uint32_t request, struct xkc_ask *q,
    const struct msg_mikey *m, int64_t now)
{
	const enum xk_reason reason = send_request(a, request, q, m);

	if (reason != XK_GRANTED) {
		refuse(a, request, q, reason);
		return;
	}
	if (q->state == ASK_JOINING)
		a->n_joining--;
	q->state = ASK_SENT;
	q->at = now + a->times.request_ms;
}

static bool
keep_alive(struct xkc_asks *a, int64_t now)
{
	uint8_t *der = NULL;
	struct xkc_ask *q;
	uint32_t request;
	size_t len;
	bool sent;

	if ((q = slots_take(a->asks, &request)) == NULL)
		return false;
	q->state = ASK_ALIVE;
	a->n_alive++;
	a->alive_at = now + a->times.keep_alive_ms;
	if (xk_encode_keep_alive(request, XK_KEEP_ALIVE, &der, &len) != ERR_OK)
		return false;
	sent = a->ops->send(a->ctx, der, len);
	xk_der_free(&der, len);
	return sent;
}

/* ---- from x2 ---- */

enum err
xkc_asks_mikey(struct xkc_asks *a, uint32_t id, const struct msg_mikey *m,
    int64_t now)
{
	struct msg_mikey held;
	unsigned at = 0;
	struct xkc_ask *q;
	uint32_t request;
	enum err rc;

	if ((rc = xkc_held_put(a->held, id, m)) != ERR_OK)
		return rc;
	while (a->n_joining > 0 &&
	    (q = slots_next(a->asks, &at, &request)) != NULL)
		if (q->state == ASK_JOINING && q->ticket.id == id &&
		    xkc_held_find(a->held, &q->ticket, &held))
			ask(a, request, q, &held, now);
	return ERR_OK;
}

void
xkc_asks_gone(struct xkc_asks *a, uint32_t id)
{
	xkc_held_drop(a->held, id);
}

/* ---- from workers ---- */

static bool
has_fetch(const struct xkc_asks *a, unsigned worker, uint32_t id)
{
	unsigned at = 0;
	struct xkc_ask *q;
	uint32_t request;

	while ((q = slots_next(a->asks, &at, &request)) != NULL)
		if ((q->state == ASK_JOINING || q->state == ASK_SENT) &&
		    q->worker == worker && q->id == id)
			return true;
	return false;
}

enum err
xkc_asks_fetch(struct xkc_asks *a, unsigned worker, uint32_t id,
    const struct msg_fetch *m, int64_t now)
{
	struct msg_mikey held;
	struct xkc_ask *q;
	uint32_t request;

	if (m->target.left > MAX_PUBLIC_ID)
		return ERR_TOOBIG;
	if (has_fetch(a, worker, id))
		return ERR_EXISTS;
	if (!a->up) {
		tell(a, worker, id, XK_UNAVAILABLE);
		return ERR_OK;
	}
	if (n_asks(a) >= XKC_ASKS ||
	    (q = slots_take(a->asks, &request)) == NULL) {
		tell(a, worker, id, XK_OVERLOADED);
		return ERR_OK;
	}
	*q = (struct xkc_ask){.state = ASK_JOINING,
	    .at = now + XKC_JOIN_MS,
	    .worker = worker,
	    .id = id,
	    .ticket = m->ticket,
	    .target_len = m->target.left};
	memcpy(q->target, m->target.p, m->target.left);
	a->n_joining++;
	if (xkc_held_find(a->held, &m->ticket, &held))
		ask(a, request, q, &held, now);
	return ERR_OK;
}

/* The answer is still to come, and will be thrown away. */
static void
abandon(struct xkc_ask *q, int64_t until)
{
	q->state = ASK_LATE;
	q->at = until;
}

void
xkc_asks_worker_left(struct xkc_asks *a, unsigned worker)
{
	unsigned at = 0;
	struct xkc_ask *q;
	uint32_t request;

	while ((q = slots_next(a->asks, &at, &request)) != NULL) {
		if (q->worker != worker)
			continue;
		if (q->state == ASK_SENT)
			abandon(q, q->at + XKC_LATE_MS);
		else if (q->state == ASK_JOINING) {
			a->n_joining--;
			slots_drop(a->asks, request);
		}
	}
}

/* ---- the connection ---- */

void
xkc_asks_begin(struct xkc_asks *a, int64_t now)
{
	a->began = true;
	a->proof_at = now + XKC_PROOF_MS;
	/* One that does not leave is never answered: that ends it in time. */
	(void)keep_alive(a, now);
}

void
xkc_asks_down(struct xkc_asks *a)
{
	unsigned at = 0;
	struct xkc_ask *q;
	uint32_t request;

	a->began = a->up = false;
	a->n_alive = 0;
	while ((q = slots_next(a->asks, &at, &request)) != NULL) {
		if (q->state == ASK_ALIVE || q->state == ASK_LATE)
			slots_drop(a->asks, request);
		else if (q->state != ASK_ZERO)
			refuse(a, request, q, XK_UNAVAILABLE);
	}
}

static enum err
on_alive(struct xkc_asks *a, uint32_t request, const struct xkc_ask *q)
{
	if (q == NULL || q->state != ASK_ALIVE)
		return ERR_MISMATCH;
	slots_drop(a->asks, request);
	a->n_alive--;
	a->up = true;
	return ERR_OK;
}

/* Keys or a Refusal, to what was asked and to nothing else. */
static enum err
on_answer(struct xkc_asks *a, const struct xk_msg *m, const struct xkc_ask *q)
{
	const bool wanted = q != NULL && q->state == ASK_SENT;
	enum err rc = ERR_OK;
	struct xkc_ask copy;

	if (!wanted && (q == NULL || q->state != ASK_LATE))
		return ERR_MISMATCH;
	copy = *q;
	slots_drop(a->asks, m->request_id);
	if (!wanted)
		return ERR_OK;
	if (m->type == XK_REFUSAL)
		tell(a, copy.worker, copy.id, m->u.refusal.reason);
	else if ((rc = give(a, &copy, m->u.keys)) != ERR_OK)
		tell(a, copy.worker, copy.id, XK_UNAVAILABLE);
	return rc;
}

static enum err
on_pdu(struct xkc_asks *a, const struct xk_msg *m)
{
	const struct xkc_ask *q = slots_find(a->asks, m->request_id);

	switch (m->type) {
	case XK_KEEP_ALIVE_RESPONSE:
		return on_alive(a, m->request_id, q);
	case XK_REFUSAL:
		/* It has read nothing of ours since, and closes. */
		if (m->request_id == 0 && m->u.refusal.reason == XK_MALFORMED)
			return ERR_DENIED;
		return on_answer(a, m, q);
	case XK_GET_KEYS_RESPONSE:
		return on_answer(a, m, q);
	case XK_GET_KEYS:
	case XK_GET_EC_VALUES:
	case XK_GET_PRIVATE_KEY:
	case XK_GET_SECRET:
	case XK_GET_EC_VALUES_RESPONSE:
	case XK_GET_PRIVATE_KEY_RESPONSE:
	case XK_GET_SECRET_RESPONSE:
	case XK_KEEP_ALIVE:
	case XK_TYPE__MAX:
		break;
	}
	return ERR_UNSUPPORTED;
}

/* One PDU off the front; ERR_AGAIN: there is no whole one. */
static enum err
take_one(struct xkc_asks *a, struct rd *in)
{
	struct xk_msg m;
	struct rd pdu;
	uint32_t id;
	size_t len;
	enum err rc;

	if ((rc = xk_pdu_length(*in, &len)) != ERR_OK)
		return rc;
	if (rd_view(in, len, &pdu) != ERR_OK)
		return ERR_AGAIN;
	if ((rc = xk_pdu_decode(pdu, &m, &id)) != ERR_OK)
		return rc;
	rc = on_pdu(a, &m);
	xk_msg_free(&m);
	return rc;
}

enum err
xkc_asks_take(struct xkc_asks *a, uint8_t *in, size_t *len)
{
	struct rd r;
	size_t used;
	enum err rc;

	rd_init(&r, in, *len);
	while ((rc = take_one(a, &r)) == ERR_OK)
		;
	/* What has been read may have been keys. */
	used = *len - r.left;
	memmove(in, in + used, r.left);
	explicit_bzero(in + r.left, used);
	*len = r.left;
	return rc == ERR_AGAIN ? ERR_OK : rc;
}

/* ---- time ---- */

static enum err
tick_asks(struct xkc_asks *a, int64_t now)
{
	unsigned at = 0;
	enum err rc = ERR_OK;
	struct xkc_ask *q;
	uint32_t request;

	while ((q = slots_next(a->asks, &at, &request)) != NULL) {
		if (q->state == ASK_ZERO || q->state == ASK_ALIVE ||
		    now < q->at)
			continue;
		if (q->state == ASK_JOINING)
			refuse(a, request, q, XK_UNAVAILABLE);
		else if (q->state == ASK_SENT) {
			abandon(q, now + XKC_LATE_MS);
			tell(a, q->worker, q->id, XK_UNAVAILABLE);
		} else
			rc = ERR_CLOSED;
	}
	return rc;
}

enum err
xkc_asks_tick(struct xkc_asks *a, int64_t now)
{
	const enum err rc = tick_asks(a, now);

	if (rc != ERR_OK || !a->began)
		return rc;
	if (!a->up)
		return now < a->proof_at ? ERR_OK : ERR_CLOSED;
	if (now < a->alive_at)
		return ERR_OK;
	return a->n_alive < XKC_ALIVE && keep_alive(a, now) ? ERR_OK
							    : ERR_CLOSED;
}
