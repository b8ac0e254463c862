/*
 * What the neighbours of keywarden-hi2 say: x2 what it has intercepted, a
 * worker the keys, policy that there are none or that none are needed.
 */
#include <string.h>

#include "appliance/hi2_proc.h"
#include "base/clock.h"
#include "base/log.h"

/* MSG_CONTENT without the SIP message. */
#define CONTENT_LEAST (8 + 8 + 8 + 4 + 1 + 4)
/* Epoch, reason or kind, and the shortest destination. */
#define WORD_LEAST (8 + 1 + 8 + 2 + 3 + 3)

/* ---- x2 ---- */

static enum err
on_content(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct msg_content m;
	enum err rc;

	if ((rc = msg_content_get(f->body, &m)) != ERR_OK)
		return rc;
	return hi2_records_content(h->records, f->id, &m);
}

static enum err
on_gone(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;

	hi2_records_gone(h->records, f->id);
	return ERR_OK;
}

void
hi2_tell_stored(void *ctx, uint32_t ticket, const struct msg_stored *m)
{
	static struct log_limit limit;
	struct hi2 *h = ctx;
	struct wr w;
	enum err rc;

	if (h->x2 == NULL)
		return;
	rc = peer_begin(h->x2, MSG_STORED, ticket, 16, &w);
	if (rc == ERR_OK) {
		msg_stored_put(&w, m);
		rc = peer_commit(h->x2, &w);
	}
	/* It asks again, and is told again. */
	if (rc != ERR_OK)
		log_limited(&limit, 1, "x2 does not take what it is sent: %s",
		    err_str(rc));
}

/* ---- a worker, policy ---- */

/*
 * Nobody waits here for what is dropped: x2 asks again by itself.  Nothing of
 * a warrant is in these lines.
 */
static enum err
judge(enum err rc, const char *who)
{
	static struct log_limit unknown, unfit, many;

	switch (rc) {
	case ERR_NOTFOUND:
		log_limited(&unknown, 5,
		    "a word of %s for a ticket whose content is not there is "
		    "dropped",
		    who);
		return ERR_OK;
	case ERR_UNSUPPORTED:
		log_limited(&unfit, 5,
		    "a record that cannot be encoded is dropped: its time, or "
		    "no SIP message");
		return ERR_OK;
	case ERR_TOOBIG:
	case ERR_NOMEM:
		log_limited(&many, 5, "a record is dropped: %s", err_str(rc));
		return ERR_OK;
	case ERR_OK:
	case ERR_INTERNAL:
	case ERR_AGAIN:
	case ERR_CLOSED:
	case ERR_TRUNCATED:
	case ERR_MALFORMED:
	case ERR_MISMATCH:
	case ERR_DENIED:
	case ERR_EXISTS:
	case ERR_IO:
	case ERR_FULL:
	case ERR_CRYPTO:
	case ERR_HSM:
	case ERR_PIN:
	case ERR__MAX:
		break;
	}
	return rc;
}

static enum err
on_keys(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct msg_hi2_keys m;
	enum err rc;

	if ((rc = msg_hi2_keys_get(f->body, &m)) != ERR_OK)
		return rc;
	return judge(hi2_records_keys(h->records, f->id, &m, clock_seconds()),
	    "a worker");
}

static enum err
on_order(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct msg_hi2_order m;
	enum err rc;

	if ((rc = msg_hi2_order_get(f->body, &m)) != ERR_OK)
		return rc;
	return judge(hi2_records_order(h->records, f->id, &m, clock_seconds()),
	    "policy");
}

void
hi2_tell_counts(struct hi2 *h)
{
	struct msg_counts m;
	struct wr w;

	if (h->policy == NULL)
		return;
	hi2_records_counts(h->records, &m);
	if (h->told.n == m.n &&
	    memcmp(h->told.v, m.v, m.n * sizeof(m.v[0])) == 0)
		return;
	/* If it does not take them now: the next time. */
	if (peer_begin(h->policy, MSG_HI2_COUNTS, 0, 1 + m.n * sizeof(m.v[0]),
		&w) != ERR_OK)
		return;
	msg_counts_put(&w, &m);
	if (peer_commit(h->policy, &w) == ERR_OK)
		h->told = m;
}

/* ---- the channels ---- */

static void
on_closed(void *ctx, struct peer *p)
{
	struct hi2 *h = ctx;

	if (p == h->x2)
		h->x2 = NULL;
	if (p == h->policy)
		h->policy = NULL;
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (p == h->hsm[i])
			h->hsm[i] = NULL;
}

static const struct ipc_rule of_x2[] = {
    {MSG_CONTENT, CONTENT_LEAST, CONTENT_LEAST + SIP_MAX, 1, on_content},
    {MSG_CONTENT_GONE, 0, 0, 1, on_gone},
};
const struct peer_ops hi2_x2_ops = {.name = "x2",
    .table = of_x2,
    .n_rules = sizeof(of_x2) / sizeof(of_x2[0]),
    .max_body = CONTENT_LEAST + SIP_MAX,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};

static const struct ipc_rule of_policy[] = {
    {MSG_HI2_ORDER, WORD_LEAST, MAX_IPC_BODY, 1, on_order},
};
const struct peer_ops hi2_policy_ops = {.name = "policy",
    .table = of_policy,
    .n_rules = sizeof(of_policy) / sizeof(of_policy[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};

static const struct ipc_rule of_hsm[] = {
    {MSG_HI2_KEYS, WORD_LEAST, MAX_IPC_BODY, 1, on_keys},
};
const struct peer_ops hi2_hsm_ops = {.name = "a worker",
    .table = of_hsm,
    .n_rules = sizeof(of_hsm) / sizeof(of_hsm[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};
