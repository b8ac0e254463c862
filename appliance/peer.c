#include <stdlib.h>

#include "appliance/peer.h"
#include "base/log.h"

struct peer {
	uv_poll_t poll;
	struct ipc_chan *chan;
	const struct peer_ops *ops;
	void *ctx;
	bool handling; /* inside read_frames() */
	bool dead; /* freed while handling */
	int events;
};

static void on_event(uv_poll_t *poll, int status, int events);

static void
watch(struct peer *p)
{
	const int want =
	    UV_READABLE | (ipc_queued(p->chan) > 0 ? UV_WRITABLE : 0);

	if (want == p->events)
		return;
	p->events = want;
	(void)uv_poll_start(&p->poll, want, on_event);
}

static void
after_close(uv_handle_t *h)
{
	struct peer *p = h->data;

	ipc_chan_free(&p->chan);
	free(p);
}

void
peer_free(struct peer **pp)
{
	struct peer *p = *pp;

	if (p == NULL)
		return;
	*pp = NULL;
	if (p->dead)
		return;
	p->dead = true;
	if (!p->handling)
		uv_close((uv_handle_t *)&p->poll, after_close);
}

static void
lost(struct peer *p)
{
	if (p->dead)
		return;
	if (p->ops->closed != NULL)
		p->ops->closed(p->ctx, p);
	p->dead = true;
}

static enum err
read_frames(struct peer *p)
{
	struct ipc_frame f = {.type = 0}; /* of a length that none may have */
	enum err rc;

	/* What came before the end is still handled. */
	const enum err fill = ipc_fill(p->chan);

	if (fill != ERR_OK && fill != ERR_CLOSED)
		return fill;
	while (!p->dead && (rc = ipc_next(p->chan, &f)) != ERR_AGAIN) {
		if (rc == ERR_OK)
			rc = ipc_dispatch(p->ops->table, p->ops->n_rules, 1,
			    p->ctx, &f);
		if (rc != ERR_OK && !p->ops->foreign)
			fatal("%s sent a message that is not permitted "
			      "(type %u, %zu octets): %s",
			    p->ops->name, f.type, f.body.left, err_str(rc));
		if (rc != ERR_OK)
			return rc;
	}
	return fill;
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct peer *p = poll->data;
	enum err rc = ERR_OK;

	p->handling = true;
	if (status < 0)
		rc = ERR_IO;
	if (rc == ERR_OK && (events & UV_READABLE) != 0)
		rc = read_frames(p);
	if (!p->dead && rc == ERR_OK)
		rc = ipc_flush(p->chan);
	if (rc != ERR_OK)
		lost(p);
	p->handling = false;
	if (p->dead)
		uv_close((uv_handle_t *)&p->poll, after_close);
	else
		watch(p);
}

enum err
peer_new(uv_loop_t *loop, int fd, const struct peer_ops *ops, void *ctx,
    struct peer **out)
{
	struct peer *p = calloc(1, sizeof(*p));
	enum err rc;

	if (p == NULL)
		return ERR_NOMEM;
	rc = ipc_chan_new(fd, ops->max_body, ops->max_queue, &p->chan);
	if (rc != ERR_OK) {
		free(p);
		return rc;
	}
	p->ops = ops;
	p->ctx = ctx;
	if (uv_poll_init(loop, &p->poll, ipc_chan_fd(p->chan)) != 0) {
		ipc_chan_free(&p->chan);
		free(p);
		return ERR_IO;
	}
	p->poll.data = p;
	watch(p);
	*out = p;
	return ERR_OK;
}

enum err
peer_begin(struct peer *p, uint16_t type, uint32_t id, size_t cap,
    struct wr *out)
{
	return ipc_begin(p->chan, type, id, cap, out);
}

enum err
peer_commit(struct peer *p, const struct wr *w)
{
	enum err rc = ipc_commit(p->chan, w);

	if (rc != ERR_OK)
		return rc;
	/* A write that fails shows as a closed channel at the next event. */
	if (!p->handling && !p->ops->gather && ipc_flush(p->chan) != ERR_OK)
		log_debug("%s does not take what it is sent", p->ops->name);
	watch(p);
	return ERR_OK;
}

enum err
peer_send(struct peer *p, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	struct wr w;
	enum err rc;

	if ((rc = peer_begin(p, type, id, len, &w)) != ERR_OK)
		return rc;
	wr_copy(&w, body, len);
	return peer_commit(p, &w);
}
