#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "channel.h"

struct peer {
	unsigned full;
	uint16_t type; /* of the frame that is being written */
	uint32_t id;
	uint8_t *body;
	const struct peer_ops *ops; /* of one that the process made */
	void *ctx;
};

struct peer *
channel_open(void)
{
	struct peer *p = calloc(1, sizeof(*p));

	MUST(p != NULL);
	return p;
}

void
channel_full(struct peer *p, unsigned n)
{
	p->full = n;
}

enum err
channel_give(const struct peer_ops *ops, void *ctx, uint16_t type, uint32_t id,
    struct rd body)
{
	struct rd own = own_copy(body);
	const struct ipc_frame f = {.type = type, .id = id, .body = own};
	const enum err rc = ipc_dispatch(ops->table, ops->n_rules, 1, ctx, &f);

	MUST(body.left <= ops->max_body || rc != ERR_OK);
	own_free(&own);
	return rc;
}

enum err
channel_say(const struct peer_ops *ops, void *ctx, struct rd *in)
{
	const uint8_t which = take_u8(in);
	const uint16_t type =
	    which < ops->n_rules ? ops->table[which].type : take_u16(in);
	const uint32_t id = take_u8(in);

	return channel_give(ops, ctx, type, id, take_view16(in));
}

enum err
channel_hear(struct peer *p, struct rd *in)
{
	return channel_say(p->ops, p->ctx, in);
}

enum err
channel_hears(struct peer *p, uint16_t type, uint32_t id, struct rd body)
{
	return channel_give(p->ops, p->ctx, type, id, body);
}

void
channel_ends(struct peer *p)
{
	p->ops->closed(p->ctx, p);
}

/* ---- what the process calls ---- */

enum err
peer_new(uv_loop_t *loop, int fd, const struct peer_ops *ops, void *ctx,
    struct peer **out)
{
	(void)loop;
	close(fd);
	*out = channel_open();
	(*out)->ops = ops;
	(*out)->ctx = ctx;
	return ERR_OK;
}

void
peer_free(struct peer **p)
{
	free(*p);
	*p = NULL;
}

enum err
peer_begin(struct peer *p, uint16_t type, uint32_t id, size_t cap,
    struct wr *out)
{
	if (p->full > 0) {
		p->full--;
		return ERR_FULL;
	}
	MUST(p->body == NULL && cap <= MAX_IPC_BODY);
	p->type = type;
	p->id = id;
	MUST((p->body = malloc(cap + 1)) != NULL);
	wr_init(out, p->body, cap);
	return ERR_OK;
}

enum err
peer_commit(struct peer *p, const struct wr *w)
{
	uint8_t *const octets = p->body;
	struct rd body;
	size_t len = 0;
	const enum err rc = wr_finish(w, &len);

	MUST(octets == w->p);
	p->body = NULL;
	rd_init(&body, octets, len);
	if (rc == ERR_OK)
		channel_sent(p, p->type, p->id, body);
	free(octets);
	return rc;
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
