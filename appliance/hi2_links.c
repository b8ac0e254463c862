/* Channels to the processes of LEMFs, one each; and what policy is told. */
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_proc.h"
#include "base/log.h"

/* MSG_DELIVERY with the longest name and text. */
#define DELIVERY_MAX (1 + MAX_NAME + 1 + 1 + 8 + 1 + MAX_LINK_TEXT + 8 * 8 + 1)

/* ---- to a process ---- */

static enum err
give(void *ctx, unsigned slot, const struct msg_deliver *m)
{
	struct hi2 *h = ctx;
	struct peer *p = h->link[slot].peer;
	struct wr w;
	enum err rc;

	if (p == NULL)
		return ERR_CLOSED;
	rc = peer_begin(p, MSG_DELIVER, 0, msg_deliver_max(m), &w);
	if (rc == ERR_OK) {
		msg_deliver_put(&w, m);
		rc = peer_commit(p, &w);
	}
	return rc;
}

void
hi2_link_signed(struct hi2 *h, unsigned slot, uint32_t id, struct rd octets)
{
	struct peer *p = h->link[slot].peer;

	/* One that does not read is dropped by its LEMF's times. */
	if (p != NULL &&
	    peer_send(p, MSG_SIGNED, id, octets.p, octets.left) != ERR_OK)
		log_debug("a signature is not taken");
}

/* ---- from a process ---- */

/*
 * It faces the network: one that is taken over loses its channel, which its
 * LEMF is missed for, and stops nothing else.
 */
static enum err
judge(struct hi2_link *l, enum err rc)
{
	if (rc == ERR_MALFORMED) {
		log_error("the process of LEMF slot %u sent what is not "
			  "permitted: it gets no more records",
		    l->slot);
		delivery_gone(l->h->delivery, l->slot,
		    "its process did what is not permitted: restart keywarden",
		    hi2_now());
		l->barred = true;
	}
	return rc;
}

static enum err
on_link(void *ctx, const struct ipc_frame *f)
{
	struct hi2_link *l = ctx;
	struct msg_link m;
	enum err rc;

	if ((rc = msg_link_get(f->body, &m)) != ERR_OK ||
	    (rc = view_text(m.text, l->text, sizeof(l->text))) != ERR_OK)
		return judge(l, rc);
	l->state = m.state;
	l->epoch = m.epoch;
	return judge(l, delivery_link(l->h->delivery, l->slot, &m, hi2_now()));
}

static enum err
on_sent(void *ctx, const struct ipc_frame *f)
{
	struct hi2_link *l = ctx;
	struct msg_upto m;
	enum err rc;

	if ((rc = msg_upto_get(f->body, &m)) == ERR_OK)
		rc = delivery_sent(l->h->delivery, l->slot, &m);
	return judge(l, rc);
}

static enum err
on_delivered(void *ctx, const struct ipc_frame *f)
{
	struct hi2_link *l = ctx;
	struct msg_upto m;
	enum err rc;

	if ((rc = msg_upto_get(f->body, &m)) == ERR_OK)
		rc = delivery_delivered(l->h->delivery, l->slot, &m, hi2_now());
	return judge(l, rc);
}

static enum err
on_sign(void *ctx, const struct ipc_frame *f)
{
	static const struct rd none = {NULL, 0};
	struct hi2_link *l = ctx;

	if (hi2_task_sign(l->h, l->slot, f->id, f->body) != ERR_OK)
		hi2_link_signed(l->h, l->slot, f->id, none);
	return ERR_OK;
}

static void
on_closed(void *ctx, struct peer *p)
{
	struct hi2_link *l = ctx;

	(void)p;
	l->peer = NULL;
	hi2_tasks_link_gone(l->h, l->slot);
	if (!l->barred)
		delivery_gone(l->h->delivery, l->slot, "its process has ended",
		    hi2_now());
}

static const struct ipc_rule rules[] = {
    {MSG_LINK, 6, 6 + MAX_LINK_TEXT, 1, on_link},
    {MSG_SENT, 12, 12, 1, on_sent},
    {MSG_DELIVERED, 12, 12, 1, on_delivered},
    {MSG_SIGN, 1, MAX_SIGN_DATA, 1, on_sign},
};
const struct peer_ops hi2_link_ops = {.name = "the process of a LEMF",
    .table = rules,
    .n_rules = sizeof(rules) / sizeof(rules[0]),
    .max_body = MAX_SIGN_DATA,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed,
    .foreign = true,
    .gather = true};

void
hi2_link_joined(struct hi2 *h, unsigned slot, int fd)
{
	struct hi2_link *l = &h->link[slot];

	if (l->peer != NULL) {
		peer_free(&l->peer);
		on_closed(l, NULL);
	}
	*l = (struct hi2_link){.h = h, .slot = slot, .epoch = 1};
	if (peer_new(&h->loop, fd, &hi2_link_ops, l, &l->peer) != ERR_OK)
		fatal("no channel to the process of a LEMF");
}

void
hi2_links_again(struct hi2 *h)
{
	for (unsigned i = 0; i < MAX_LEMFS; i++) {
		const struct hi2_link *l = &h->link[i];
		struct msg_link m = {.state = l->state, .epoch = l->epoch};

		rd_init(&m.text, l->text, strlen(l->text));
		if (l->peer != NULL &&
		    delivery_link(h->delivery, i, &m, hi2_now()) != ERR_OK)
			fatal("out of memory");
	}
}

/* ---- to audit ---- */

static enum err
unwrap(void *ctx, uint64_t key, struct rd wrapped)
{
	return hi2_task_unwrap(ctx, key, wrapped);
}

static enum err
note(void *ctx, uint32_t id, const struct msg_hi2_note *m)
{
	struct hi2 *h = ctx;
	struct wr w;
	enum err rc;

	if (h->audit == NULL)
		return ERR_CLOSED;
	rc = peer_begin(h->audit, MSG_HI2_NOTE, id, msg_hi2_note_max(m), &w);
	if (rc == ERR_OK) {
		msg_hi2_note_put(&w, m);
		rc = peer_commit(h->audit, &w);
	}
	return rc;
}

const struct delivery_ops hi2_delivery_ops = {.give = give,
    .unwrap = unwrap,
    .note = note};

/* ---- to policy ---- */

struct hi2_told {
	size_t len; /* 0: nothing yet */
	uint8_t octets[DELIVERY_MAX];
};

void
hi2_policy_is_new(struct hi2 *h)
{
	for (unsigned i = 0; i < h->n_told; i++)
		h->told_of[i].len = 0;
}

static bool
make_told(struct hi2 *h, unsigned i)
{
	struct hi2_told *p;

	if (i < h->n_told)
		return true;
	if ((p = realloc(h->told_of, (i + 1) * sizeof(*p))) == NULL)
		return false;
	h->told_of = p;
	h->told_of[h->n_told++].len = 0;
	return true;
}

void
hi2_tell_delivery(struct hi2 *h)
{
	struct msg_delivery m;
	uint8_t buf[DELIVERY_MAX];
	size_t len = 0;
	struct wr w;

	for (unsigned i = 0; h->policy != NULL &&
	     delivery_show(h->delivery, i, &m) && make_told(h, i);
	     i++) {
		struct hi2_told *t = &h->told_of[i];

		wr_init(&w, buf, sizeof(buf));
		msg_delivery_put(&w, &m);
		if (wr_finish(&w, &len) != ERR_OK)
			fatal("a state longer than its own bound");
		if (t->len == len && memcmp(t->octets, buf, len) == 0)
			continue;
		/* What it does not take now it is told the next time. */
		if (peer_send(h->policy, MSG_DELIVERY, 0, buf, len) != ERR_OK)
			return;
		memcpy(t->octets, buf, len);
		t->len = len;
	}
}
