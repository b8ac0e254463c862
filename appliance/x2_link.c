/* What x2 and policy, and x2 and hi2, say to each other. */
#include <string.h>

#include "appliance/x2_proc.h"
#include "base/log.h"

#define TELL_MS 2000

static int64_t
now(const struct x2 *x)
{
	return (int64_t)uv_now(&x->loop);
}

void
x2_look_for_room(struct x2 *x)
{
	if (!x->starved || !x2_room(x))
		return;
	x->starved = false;
	x2_resume(x);
}

/* ---- to policy ---- */

bool
x2_ask_xid(struct x2 *x, const uint8_t xid[XID_LEN])
{
	uint32_t id;

	if (x->policy == NULL)
		return false;
	id = x2_xids_ask(x->xids, xid);
	if (peer_send(x->policy, MSG_XID, id, xid, XID_LEN) == ERR_OK)
		return true;
	x2_xids_take_back(x->xids, id);
	return false;
}

static bool
send_ask(void *ctx, uint32_t id, const struct msg_x2_ask *m)
{
	struct x2 *x = ctx;
	struct wr w;

	if (x->policy == NULL ||
	    peer_begin(x->policy, MSG_X2_ASK, id, msg_x2_ask_max(m), &w) !=
		ERR_OK)
		return false;
	msg_x2_ask_put(&w, m);
	return peer_commit(x->policy, &w) == ERR_OK;
}

void
x2_tell_counts(struct x2 *x)
{
	struct msg_counts m = {.n = X2_COUNT__MAX};
	struct x2_asks_counts a;
	struct calls_counts c;
	uint8_t body[8 + 8 * X2_COUNT__MAX];
	struct wr w;
	size_t len;

	if (x->policy == NULL || uv_now(&x->loop) - x->told_at < TELL_MS)
		return;
	x->told_at = uv_now(&x->loop);
	x2_asks_count(x->asks, &a);
	c = calls_count(x->calls);
	x->count[X2_COUNT_CONNECTIONS] = x->n_conns;
	x->count[X2_COUNT_CALLS] = c.calls;
	x->count[X2_COUNT_EVICTED] = c.evicted;
	x->count[X2_COUNT_WAITING] = a.waiting;
	x->count[X2_COUNT_STORED] = a.stored;
	x->count[X2_COUNT_REFUSED] = a.refused;
	x->count[X2_COUNT_GIVEN_UP] = a.given_up;
	if (memcmp(x->count, x->told, sizeof(x->told)) == 0)
		return;
	memcpy(m.v, x->count, sizeof(x->count));
	wr_init(&w, body, sizeof(body));
	msg_counts_put(&w, &m);
	if (wr_finish(&w, &len) == ERR_OK &&
	    peer_send(x->policy, MSG_X2_COUNTS, 0, body, len) == ERR_OK)
		memcpy(x->told, x->count, sizeof(x->told));
}

/* ---- from policy ---- */

static enum err
on_xid_is(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;

	if ((f->body.p[0] & ~(XID_IN_FORCE | XID_SIP_TOO)) != 0)
		return ERR_MALFORMED;
	if (x2_xids_answer(x->xids, f->id, f->body.p[0]))
		x2_resume(x);
	return ERR_OK;
}

static enum err
on_legs(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;
	struct msg_x2_legs m;

	if (msg_x2_legs_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	x2_asks_legs(x->asks, f->id, &m, now(x));
	x2_look_for_room(x);
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;
	struct msg_x2_ended m;

	if (msg_x2_ended_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	x2_asks_ended(x->asks, f->id, &m, now(x));
	x2_look_for_room(x);
	return ERR_OK;
}

static enum err
on_xids_changed(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;

	(void)f;
	x2_xids_changed(x->xids);
	return ERR_OK;
}

static enum err
on_again(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;

	x2_asks_again(x->asks, f->body.p);
	return ERR_OK;
}

/* Channels come before the settings too; there are no tables then. */
void
x2_policy_joined(struct x2 *x)
{
	memset(x->told, 0xff, sizeof(x->told)); /* it knows of none */
	if (x->asks == NULL)
		return;
	x2_asks_policy_joined(x->asks, now(x));
	x2_resume(x);
}

void
x2_policy_left(struct x2 *x)
{
	peer_free(&x->policy);
	if (x->asks == NULL)
		return;
	x2_xids_forget(x->xids);
	x2_asks_policy_left(x->asks);
}

static void
policy_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	log_warning("policy has gone: what is not done waits for it");
	x2_policy_left(ctx);
}

/* ---- hi2 ---- */

static bool
send_content(void *ctx, uint32_t id, const struct msg_content *m)
{
	struct x2 *x = ctx;
	struct wr w;

	if (x->hi2 == NULL ||
	    peer_begin(x->hi2, MSG_CONTENT, id, msg_content_max(m), &w) !=
		ERR_OK)
		return false;
	msg_content_put(&w, m);
	return peer_commit(x->hi2, &w) == ERR_OK;
}

static bool
send_gone(void *ctx, uint32_t id)
{
	struct x2 *x = ctx;

	return x->hi2 != NULL &&
	    peer_send(x->hi2, MSG_CONTENT_GONE, id, NULL, 0) == ERR_OK;
}

static enum err
on_stored(void *ctx, const struct ipc_frame *f)
{
	struct x2 *x = ctx;
	struct msg_stored m;

	if (msg_stored_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	x2_asks_stored(x->asks, f->id, &m, now(x));
	x2_look_for_room(x);
	return ERR_OK;
}

void
x2_hi2_joined(struct x2 *x)
{
	if (x->asks == NULL)
		return;
	/* The journal first: it has what the tickets are about. */
	x2_intake_hi2_joined(x->intake);
	x2_replay_hi2_left(x->replay);
	x2_asks_hi2_joined(x->asks, now(x));
	x2_journal_turn(x);
}

static void
hi2_closed(void *ctx, struct peer *peer)
{
	struct x2 *x = ctx;

	(void)peer;
	log_warning("hi2 has gone: what is not done waits for it");
	peer_free(&x->hi2);
	x2_intake_hi2_left(x->intake);
	x2_replay_hi2_left(x->replay);
	x2_asks_hi2_left(x->asks);
}

/* ---- xkc ---- */

static void
send_mikey(void *ctx, uint32_t id, struct rd body)
{
	struct x2 *x = ctx;

	if (x->xkc != NULL &&
	    peer_send(x->xkc, MSG_MIKEY, id, body.p, body.left) != ERR_OK)
		log_debug("xkc does not take the messages of a ticket");
}

/* Unsaid, another ticket of the same place will say it. */
static void
send_mikey_gone(void *ctx, uint32_t id)
{
	struct x2 *x = ctx;

	if (x->xkc != NULL &&
	    peer_send(x->xkc, MSG_MIKEY_GONE, id, NULL, 0) != ERR_OK)
		log_debug("xkc keeps the messages of a ticket that has ended");
}

void
x2_xkc_joined(struct x2 *x)
{
	if (x->asks != NULL)
		x2_asks_xkc_joined(x->asks);
}

static void
xkc_closed(void *ctx, struct peer *peer)
{
	struct x2 *x = ctx;

	(void)peer;
	log_warning("xkc has gone: keys wait for it");
	peer_free(&x->xkc);
}

/* ---- the table of calls and the journal, for tickets ---- */

static void
hold(void *ctx, uint64_t call)
{
	struct x2 *x = ctx;

	/* There are as many places as tickets. */
	if (x2_intake_hold(x->intake, call) != ERR_OK)
		fatal("no place for a call that a ticket needs");
}

static void
release(void *ctx, uint64_t call)
{
	struct x2 *x = ctx;
	const enum err rc = x2_intake_release(x->intake, call);

	if (rc != ERR_OK)
		fatal("a call cannot be released: %s", err_str(rc));
}

static bool
lives(void *ctx, uint64_t exchange)
{
	struct x2 *x = ctx;
	struct call_exchange_view v;

	return calls_exchange(x->calls, exchange, &v) == ERR_OK;
}

static bool
again(void *ctx, uint64_t exchange)
{
	struct x2 *x = ctx;
	struct call_exchange_view v;

	if (calls_exchange(x->calls, exchange, &v) != ERR_OK)
		return false;
	/* A call that was over is none of a warrant that comes later. */
	if (v.up)
		x2_begin_exchange(x, X2_ASK_KEYS, &v, true);
	return true;
}

const struct x2_asks_ops x2_ticket_ops = {send_content, send_ask, send_gone,
    hold, release, lives, again, send_mikey, send_mikey_gone};

static const struct ipc_rule policy_rules[] = {
    {MSG_XID_IS, 1, 1, 1, on_xid_is},
    {MSG_X2_LEGS, 9, 9 + 8 * MAX_LEGS, 1, on_legs},
    {MSG_X2_ENDED, 17, 17, 1, on_ended},
    {MSG_XIDS_CHANGED, 0, 0, 1, on_xids_changed},
    {MSG_X2_AGAIN, XID_LEN, XID_LEN, 1, on_again},
};
static const struct ipc_rule hi2_rules[] = {
    {MSG_STORED, 16, 16, 1, on_stored},
    {MSG_INTAKE_STORED, 8, 8, 1, x2_on_intake_stored},
    {MSG_INTAKE_BACK, 1 + 2 + MSG_INTAKE_LEAST, MSG_INTAKE_BACK_MOST, 1,
	x2_on_intake_back},
    {MSG_INTAKE_END, 8, 8, 1, x2_on_intake_end},
};
/* Questions about many XIDs leave together. */
const struct peer_ops x2_policy_ops = {.name = "policy",
    .table = policy_rules,
    .n_rules = sizeof(policy_rules) / sizeof(policy_rules[0]),
    .max_body = 1024,
    .max_queue = MAX_IPC_QUEUE,
    .closed = policy_closed,
    .gather = true};
const struct peer_ops x2_hi2_ops = {.name = "hi2",
    .table = hi2_rules,
    .n_rules = sizeof(hi2_rules) / sizeof(hi2_rules[0]),
    .max_body = MSG_INTAKE_BACK_MOST,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hi2_closed};
/* It says nothing. */
const struct peer_ops x2_xkc_ops = {.name = "xkc",
    .max_body = 1024,
    .max_queue = MAX_IPC_QUEUE,
    .closed = xkc_closed};
