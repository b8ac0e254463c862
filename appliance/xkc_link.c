/* What x2 and the workers say, and what the workers are told. */
#include "appliance/xkc_proc.h"
#include "base/log.h"

#define MIKEY_LEAST (8 + 7 * 2)
#define MIKEY_MOST (8 + 7 * (2 + MAX_MIKEY))

static int64_t
now(const struct xkc *x)
{
	return (int64_t)uv_now(&x->loop);
}

/* ---- x2 ---- */

static enum err
on_mikey(void *ctx, const struct ipc_frame *f)
{
	static struct log_limit limit;
	struct xkc *x = ctx;
	struct msg_mikey m;
	enum err rc;

	if (msg_mikey_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	rc = xkc_asks_mikey(x->asks, f->id, &m, now(x));
	if (rc != ERR_OK) /* x2 gives them again when it asks again */
		log_limited(&limit, 1, "messages of a ticket are not kept: %s",
		    err_str(rc));
	return ERR_OK;
}

static enum err
on_gone(void *ctx, const struct ipc_frame *f)
{
	struct xkc *x = ctx;

	xkc_asks_gone(x->asks, f->id);
	return ERR_OK;
}

/* Its tickets stay: the workers may still ask for them. */
static void
x2_closed(void *ctx, struct peer *peer)
{
	struct xkc *x = ctx;

	(void)peer;
	peer_free(&x->x2);
}

static const struct ipc_rule x2_rules[] = {
    {MSG_MIKEY, MIKEY_LEAST, MIKEY_MOST, 1, on_mikey},
    {MSG_MIKEY_GONE, 0, 0, 1, on_gone},
};
const struct peer_ops xkc_x2_ops = {.name = "x2",
    .table = x2_rules,
    .n_rules = sizeof(x2_rules) / sizeof(x2_rules[0]),
    .max_body = MIKEY_MOST,
    .max_queue = 4096,
    .closed = x2_closed};

/* ---- workers ---- */

static enum err
on_fetch(void *ctx, const struct ipc_frame *f)
{
	struct xkc_worker *k = ctx;
	struct msg_fetch m;

	if (msg_fetch_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	return xkc_asks_fetch(k->x->asks, k->index, f->id, &m, now(k->x));
}

static void
leave(struct xkc_worker *k)
{
	peer_free(&k->peer);
	xkc_asks_worker_left(k->x->asks, k->index);
}

static void
hsm_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	leave(ctx);
}

void
xkc_fetched(void *ctx, unsigned worker, uint32_t id,
    const struct msg_fetched *m)
{
	struct xkc *x = ctx;
	struct xkc_worker *k = &x->worker[worker];
	struct wr w;

	if (k->peer == NULL)
		return;
	if (peer_begin(k->peer, MSG_FETCHED, id, msg_fetched_max(m), &w) ==
	    ERR_OK) {
		msg_fetched_put(&w, m);
		if (peer_commit(k->peer, &w) == ERR_OK)
			return;
	}
	/* It ends what it has asked for by itself, in its own time. */
	log_warning("a worker does not read what it has asked for");
}

static const struct ipc_rule hsm_rules[] = {
    {MSG_FETCH, 14, 12 + 1 + MAX_PUBLIC_ID, 1, on_fetch},
};
const struct peer_ops xkc_hsm_ops = {.name = "hsm worker",
    .table = hsm_rules,
    .n_rules = sizeof(hsm_rules) / sizeof(hsm_rules[0]),
    .max_body = 1024,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hsm_closed};

void
xkc_worker_joined(struct xkc *x, unsigned index, int fd)
{
	struct xkc_worker *k = &x->worker[index];

	k->x = x;
	k->index = index;
	if (k->peer != NULL)
		leave(k);
	if (peer_new(&x->loop, fd, &xkc_hsm_ops, k, &k->peer) != ERR_OK)
		fatal("no channel to a worker");
}
