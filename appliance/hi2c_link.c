/* What hi2 gives to be delivered, and what it is told of that. */
#include <stdio.h>
#include <string.h>

#include "appliance/hi2c_proc.h"
#include "base/clock.h"
#include "base/log.h"
#include "hi2/queue_seal.h"

#define DELIVER_LEAST (4 + 8 + 1)
#define DELIVER_MOST (4 + 8 + QUEUE_RECORD_MAX)

/* ---- to hi2 ---- */

/* Few and small: one that does not read them for so long is not sound. */
static void
sent(enum err rc)
{
	if (rc != ERR_OK)
		fatal("hi2 does not read what it is sent: %s", err_str(rc));
}

void
hi2c_tell_link(struct hi2c *h, enum link_state state, const char *why)
{
	struct msg_link m = {.state = state, .epoch = h->epoch};
	struct wr w;
	enum err rc;

	h->told = state;
	if (why != h->why)
		(void)snprintf(h->why, sizeof(h->why), "%s", why);
	if (h->hi2 == NULL)
		return;
	rd_init(&m.text, h->why, strlen(h->why));
	rc = peer_begin(h->hi2, MSG_LINK, 0, 6 + m.text.left, &w);
	if (rc == ERR_OK) {
		msg_link_put(&w, &m);
		rc = peer_commit(h->hi2, &w);
	}
	sent(rc);
}

void
hi2c_tell_upto(struct hi2c *h, uint16_t type, uint64_t number)
{
	const struct msg_upto m = {h->epoch, number};
	struct wr w;
	enum err rc;

	if (h->hi2 == NULL)
		return;
	if ((rc = peer_begin(h->hi2, type, 0, 12, &w)) == ERR_OK) {
		msg_upto_put(&w, &m);
		rc = peer_commit(h->hi2, &w);
	}
	sent(rc);
}

bool
hi2c_ask_signature(struct hi2c *h, uint64_t number, struct rd octets)
{
	return h->hi2 != NULL && octets.left <= MAX_SIGN_DATA &&
	    peer_send(h->hi2, MSG_SIGN, (uint32_t)number, octets.p,
		octets.left) == ERR_OK;
}

/* ---- from hi2 ---- */

/* The machine cannot go on; the LEMF has nothing to do with it. */
static enum err
drop(struct hi2c *h, enum err rc)
{
	if (rc != ERR_NOMEM && rc != ERR_CRYPTO)
		return rc;
	tls_link_drop(h->link, hi2c_what_failed(rc));
	return ERR_OK;
}

static enum err
on_deliver(void *ctx, const struct ipc_frame *f)
{
	struct hi2c *h = ctx;
	struct msg_deliver m;

	if (msg_deliver_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	/* On the way when its connection was lost: it comes again. */
	if (!h->raised || m.epoch != h->epoch)
		return ERR_OK;
	return drop(h,
	    deliver_put(h->deliver, m.number, m.pdu, (int64_t)uv_now(&h->loop),
		clock_seconds()));
}

static enum err
on_signed(void *ctx, const struct ipc_frame *f)
{
	struct hi2c *h = ctx;
	/* The newest number that ends like this. */
	const uint32_t back = (uint32_t)h->signs - f->id;
	enum err rc;

	if (back >= h->signs)
		return ERR_MALFORMED;
	if (h->signs - back <= h->old_signs)
		return ERR_OK; /* asked for by a machine before */
	rc = deliver_signature(h->deliver, h->signs - back - h->old_signs,
	    f->body, (int64_t)uv_now(&h->loop), clock_seconds());
	return drop(h, rc);
}

/* The connection stays: what it confirms hi2 is told by the next one. */
static void
hi2_closed(void *ctx, struct peer *p)
{
	struct hi2c *h = ctx;

	(void)p;
	peer_free(&h->hi2);
}

static const struct ipc_rule rules[] = {
    {MSG_DELIVER, DELIVER_LEAST, DELIVER_MOST, 1, on_deliver},
    {MSG_SIGNED, 0, MAX_HI2_SECRET, 1, on_signed},
};
static const struct peer_ops hi2_ops = {.name = "hi2",
    .table = rules,
    .n_rules = sizeof(rules) / sizeof(rules[0]),
    .max_body = DELIVER_MOST,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hi2_closed,
    .gather = true};

void
hi2c_hi2_joined(struct hi2c *h, int fd)
{
	peer_free(&h->hi2);
	if (peer_new(&h->loop, fd, &hi2_ops, h, &h->hi2) != ERR_OK)
		fatal("no channel to hi2");
	if (h->raised)
		tls_link_renew(h->link);
	else
		hi2c_tell_link(h, LINK_DOWN, h->why);
}
