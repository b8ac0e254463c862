/*
 * From PDU to question and from answer to PDU.  What the PDU's MIKEY messages
 * say is parsed here and passed on by fields; that it may be malformed is not
 * told before policy has authorised the client.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/xk_proc.h"
#include "base/log.h"
#include "xk/call.h"

void
xk_answer_refusal(struct conn *c, uint32_t request_id, enum xk_reason reason)
{
	uint8_t *der = NULL;
	size_t len;

	if (xk_encode_refusal(request_id, reason, xk_reason_text(reason), &der,
		&len) != ERR_OK)
		fatal("a refusal cannot be encoded");
	xk_conn_send(c, der, len);
	xk_der_free(&der, len);
}

/* ---- outstanding ids ---- */

static bool
is_outstanding(const struct conn *c, uint32_t id)
{
	for (uint32_t i = 0; i < c->n_outstanding; i++)
		if (c->outstanding[i] == id)
			return true;
	return false;
}

static bool
add_outstanding(struct conn *c, uint32_t id)
{
	if (c->n_outstanding == c->cap_outstanding) {
		const uint32_t cap =
		    c->cap_outstanding == 0 ? 16 : 2 * c->cap_outstanding;
		void *p =
		    realloc(c->outstanding, cap * sizeof(*c->outstanding));

		if (p == NULL)
			return false;
		c->outstanding = p;
		c->cap_outstanding = cap;
	}
	c->outstanding[c->n_outstanding++] = id;
	return true;
}

static void
remove_outstanding(struct conn *c, uint32_t id)
{
	for (uint32_t i = 0; i < c->n_outstanding; i++)
		if (c->outstanding[i] == id) {
			c->outstanding[i] = c->outstanding[--c->n_outstanding];
			return;
		}
}

/* ---- from the client ---- */

/* The call behind the fixed fields of the question, if there is one. */
static enum err
put_ask(struct msg_ask *a, const struct call *call, uint8_t **out, size_t *len)
{
	const size_t most =
	    a->call_reason == XK_GRANTED ? call_put_max(call) : 0;
	uint8_t *buf = NULL;
	struct wr w, cw;
	enum err rc = ERR_NOMEM;

	*out = malloc(1024 + most);
	if (*out == NULL || (most > 0 && (buf = malloc(most)) == NULL))
		goto out;
	if (most > 0) {
		wr_init(&cw, buf, most);
		call_put(&cw, call);
		if (cw.rc != ERR_OK)
			fatal("a call longer than its own bound");
		rd_init(&a->call, buf, cw.len);
	}
	wr_init(&w, *out, 1024 + most);
	msg_ask_put(&w, a);
	rc = wr_finish(&w, len);
out:
	free(buf);
	return rc;
}

static bool
ask(struct conn *c, const struct xk_msg *m, struct asked *q, uint32_t id)
{
	static struct call call;
	struct xk *x = c->x;
	struct msg_ask a = {.epoch = x->epoch,
	    .connection = c->id,
	    .role_reason = m->type == XK_GET_KEYS ? XK_GRANTED : XK_UNSUPPORTED,
	    .call_reason = XK_MALFORMED,
	    .target = m->u.get_keys.public_kms_identity,
	    .liid = m->u.get_keys.liid};
	uint8_t *octets = NULL;
	size_t len = 0;
	struct rd r;
	bool asked = false;

	if (a.role_reason == XK_GRANTED)
		a.call_reason = call_from_request(&m->u.get_keys, &call);
	if (put_ask(&a, &call, &octets, &len) == ERR_OK) {
		rd_init(&r, octets, len);
		asked = xk_share_ask(x, q, id, r);
	}
	free(octets);
	return asked;
}

static bool
is_too_much(struct conn *c)
{
	const struct xk *x = c->x;

	return slots_used(x->requests) >= x->settings.max_outstanding ||
	    c->n_outstanding >= x->settings.max_outstanding_each ||
	    !xk_share_has_room(x, c->client) ||
	    !admission_request(&c->x->admission, &c->admitted,
		(int64_t)uv_now(&c->x->loop));
}

static void
on_request(struct conn *c, const struct xk_msg *m)
{
	struct xk *x = c->x;
	struct asked *q = NULL;
	uint32_t id;

	if (is_too_much(c) || (q = slots_take(x->requests, &id)) == NULL) {
		c->overloads++;
		xk_answer_refusal(c, m->request_id, XK_OVERLOADED);
		return;
	}
	*q = (struct asked){.conn = c,
	    .client = c->client,
	    .request_id = m->request_id,
	    .deadline =
		uv_now(&x->loop) + 1000ULL * x->settings.request_seconds};
	if (!add_outstanding(c, m->request_id) || !c->proven ||
	    !ask(c, m, q, id)) {
		remove_outstanding(c, m->request_id);
		slots_drop(x->requests, id);
		xk_answer_refusal(c, m->request_id, XK_UNAVAILABLE);
	}
}

static void
malformed(struct conn *c, uint32_t id)
{
	xk_note(c, 1, "malformed PDU");
	xk_answer_refusal(c, id, XK_MALFORMED);
	xk_conn_close_after_sending(c);
}

void
xk_on_pdu(struct conn *c, struct rd pdu)
{
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;

	if (xk_pdu_decode(pdu, &m, &id) != ERR_OK) {
		malformed(c, id);
		return;
	}
	switch (m.type) {
	case XK_GET_KEYS:
	case XK_GET_EC_VALUES:
	case XK_GET_PRIVATE_KEY:
	case XK_GET_SECRET:
		/* No telling any longer which answer is to which. */
		if (is_outstanding(c, m.request_id)) {
			xk_forget_conn(c);
			malformed(c, m.request_id);
		} else
			on_request(c, &m);
		break;
	case XK_KEEP_ALIVE:
		if (xk_encode_keep_alive(m.request_id, XK_KEEP_ALIVE_RESPONSE,
			&der, &len) != ERR_OK)
			fatal("a keepAliveResponse cannot be encoded");
		xk_conn_send(c, der, len);
		xk_der_free(&der, len);
		break;
	case XK_GET_KEYS_RESPONSE:
	case XK_GET_EC_VALUES_RESPONSE:
	case XK_GET_PRIVATE_KEY_RESPONSE:
	case XK_GET_SECRET_RESPONSE:
	case XK_REFUSAL:
	case XK_KEEP_ALIVE_RESPONSE:
	case XK_TYPE__MAX:
		malformed(c, m.request_id); /* not for a server */
		break;
	}
	xk_msg_free(&m);
}

void
xk_forget_conn(struct conn *c)
{
	struct asked *q;
	unsigned at = 0;
	uint32_t id;

	while (c->n_outstanding > 0 &&
	    (q = slots_next(c->x->requests, &at, &id)) != NULL)
		if (q->conn == c) {
			const struct asked copy = *q;

			q->conn = NULL; /* its answer will be dropped */
			c->n_outstanding--;
			if (copy.sent)
				continue;
			slots_drop(c->x->requests, id);
			xk_share_done(c->x, &copy);
		}
}

/* ---- to the client ---- */

/* The request that an answer is to; NULL if nobody waits any longer. */
static struct asked *
asked(struct xk *x, uint32_t id, uint64_t epoch)
{
	return epoch == x->epoch ? slots_find(x->requests, id) : NULL;
}

/* What it was: its place is free again. */
static struct asked
end_request(struct xk *x, uint32_t id, const struct asked *q)
{
	const struct asked ended = *q;

	if (ended.conn != NULL)
		remove_outstanding(ended.conn, ended.request_id);
	slots_drop(x->requests, id);
	xk_share_done(x, &ended);
	return ended;
}

static enum err
on_refuse(void *ctx, const struct ipc_frame *f)
{
	struct xk *x = ctx;
	struct msg_refuse m;
	struct asked *q, ended;

	if (msg_refuse_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if ((q = asked(x, f->id, m.epoch)) == NULL)
		return ERR_OK;
	ended = end_request(x, f->id, q);
	if (ended.conn != NULL)
		xk_answer_refusal(ended.conn, ended.request_id, m.reason);
	return ERR_OK;
}

static enum err
on_answer(void *ctx, const struct ipc_frame *f)
{
	static struct xk_get_keys_response keys;
	struct xk *x = ctx;
	struct asked *q, ended;
	uint64_t epoch;
	uint8_t *der;
	size_t len;
	enum err rc;

	if ((rc = msg_answer_get(f->body, &epoch, &keys)) != ERR_OK)
		goto out;
	if ((q = asked(x, f->id, epoch)) == NULL)
		goto out;
	ended = end_request(x, f->id, q);
	if (ended.conn == NULL)
		goto out;
	if (xk_encode_keys(ended.request_id, &keys, &der, &len) != ERR_OK) {
		xk_answer_refusal(ended.conn, ended.request_id, XK_UNAVAILABLE);
		goto out;
	}
	xk_conn_send(ended.conn, der, len);
	xk_der_free(&der, len);
out:
	explicit_bzero(&keys, sizeof(keys));
	return rc;
}

void
xk_fail_all(struct xk *x)
{
	struct asked *q, ended;
	unsigned at = 0;
	uint32_t id;

	while ((q = slots_next(x->requests, &at, &id)) != NULL) {
		ended = end_request(x, id, q);
		if (ended.conn != NULL)
			xk_answer_refusal(ended.conn, ended.request_id,
			    XK_UNAVAILABLE);
	}
}

void
xk_request_tick(struct xk *x)
{
	const uint64_t now = uv_now(&x->loop);
	struct asked *q, ended;
	unsigned at = 0;
	uint32_t id;

	while ((q = slots_next(x->requests, &at, &id)) != NULL) {
		if (now < q->deadline)
			continue;
		ended = end_request(x, id, q);
		log_warning("a request was not answered in time");
		if (ended.conn != NULL)
			xk_answer_refusal(ended.conn, ended.request_id,
			    XK_UNAVAILABLE);
	}
}

static void
policy_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	log_warning("policy has gone: what was under way is unavailable");
	xk_policy_left(ctx);
}

static void
hsm_closed(void *ctx, struct peer *peer)
{
	struct xk *x = ctx;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (x->hsm[i] == peer)
			peer_free(&x->hsm[i]);
}

static const struct ipc_rule policy_rules[] = {
    {MSG_REFUSE, 10, 300, 1, on_refuse},
    {MSG_CONN_NONCE, CLIENT_NONCE_LEN, CLIENT_NONCE_LEN, 1, xk_on_nonce},
};
static const struct ipc_rule hsm_rules[] = {
    {MSG_ANSWER, 40, MAX_IPC_BODY, 1, on_answer},
    {MSG_NO_ANSWER, 10, 300, 1, on_refuse},
};
const struct peer_ops xk_policy_ops = {.name = "policy",
    .table = policy_rules,
    .n_rules = sizeof(policy_rules) / sizeof(policy_rules[0]),
    .max_body = 1024,
    .max_queue = MAX_IPC_QUEUE,
    .closed = policy_closed};
const struct peer_ops xk_hsm_ops = {.name = "hsm worker",
    .table = hsm_rules,
    .n_rules = sizeof(hsm_rules) / sizeof(hsm_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = 4096,
    .closed = hsm_closed};
