/*
 * What the neighbours of keywarden-hi2 say: x2 what it has intercepted, a
 * worker the keys, policy that there are none or that none are needed.
 */
#include <string.h>

#include "appliance/hi2_proc.h"
#include "base/clock.h"
#include "base/log.h"

/* MSG_CONTENT without the SIP message. */
#define CONTENT_LEAST (8 + 8 + INTAKE_MARK_LEN + 8 + 8 + 4 + 1 + 4)
/* Epoch, reason or kind, and the shortest destination. */
#define WORD_LEAST (8 + 1 + 8 + 2 + 3 + 3)

/* ---- to x2 ---- */

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
judge(enum err rc)
{
	static struct log_limit unfit, other;

	if (rc == ERR_UNSUPPORTED)
		log_limited(&unfit, 5,
		    "a record that cannot be encoded is dropped: its time, or "
		    "no SIP message");
	else if (rc == ERR_TOOBIG || rc == ERR_NOMEM || rc == ERR_FULL)
		log_limited(&other, 5, "a record is dropped: %s", err_str(rc));
	else
		return rc;
	return ERR_OK;
}

/* ERR_NOTFOUND: its content is not there. */
static enum err
take_word(struct hi2 *h, uint16_t type, uint32_t ticket, struct rd body)
{
	const int64_t now = clock_seconds();
	struct msg_hi2_order order;
	struct msg_hi2_keys keys;
	enum err rc;

	if (type == MSG_HI2_KEYS) {
		if ((rc = msg_hi2_keys_get(body, &keys)) != ERR_OK)
			return rc;
		rc = hi2_records_keys(h->records, ticket, &keys, now);
	} else {
		if ((rc = msg_hi2_order_get(body, &order)) != ERR_OK)
			return rc;
		rc = hi2_records_order(h->records, ticket, &order, now);
	}
	return judge(rc);
}

static enum err
on_word(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	enum err rc;

	rc = take_word(h, f->type, f->id, f->body);
	if (rc != ERR_NOTFOUND)
		return rc;
	return judge(
	    parked_put(&h->parked, f->type, f->id, f->body, clock_uptime_ms()));
}

void
hi2_drop_parked(struct hi2 *h)
{
	static struct log_limit limit;
	const unsigned n = parked_expire(&h->parked, clock_uptime_ms());

	if (n > 0)
		log_limited(&limit, 5,
		    "%u words for tickets of which nothing is known are "
		    "dropped",
		    n);
}

/* ---- from x2 ---- */

static enum err
on_content(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct parked_word w;
	struct msg_content m;
	struct rd body;
	enum err rc;

	if ((rc = msg_content_get(f->body, &m)) != ERR_OK)
		return rc;
	rc = hi2_records_content(h->records, f->id, &m);
	while (rc == ERR_OK && parked_take(&h->parked, f->id, &w)) {
		rd_init(&body, secret_data(w.body), secret_len(w.body));
		rc = take_word(h, w.type, w.ticket, body);
		secret_free(&w.body);
		if (rc == ERR_NOTFOUND) /* of an x2 that has gone */
			rc = ERR_OK;
	}
	return rc;
}

static enum err
on_gone(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;

	hi2_records_gone(h->records, f->id);
	return ERR_OK;
}

/* ---- counts ---- */

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

void
hi2_audit_left(struct hi2 *h)
{
	h->audit = NULL;
	if (h->delivery == NULL)
		return;
	hi2_tasks_audit_gone(h);
	delivery_audit_gone(h->delivery);
}

static void
on_closed(void *ctx, struct peer *p)
{
	struct hi2 *h = ctx;

	if (p == h->x2)
		h->x2 = NULL;
	if (p == h->policy)
		h->policy = NULL;
	if (p == h->audit)
		hi2_audit_left(h);
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (p == h->hsm[i])
			h->hsm[i] = NULL;
}

static const struct ipc_rule of_x2[] = {
    {MSG_CONTENT, CONTENT_LEAST, CONTENT_LEAST + SIP_MAX, 1, on_content},
    {MSG_CONTENT_GONE, 0, 0, 1, on_gone},
    {MSG_INTAKE, MSG_INTAKE_LEAST, MSG_INTAKE_MOST, 1, hi2_on_intake},
    {MSG_INTAKE_GONE, MSG_INTAKE_GONE_LEN, MSG_INTAKE_GONE_LEN, 1,
	hi2_on_intake_gone},
    {MSG_INTAKE_MORE, 8, 8, 1, hi2_on_intake_more},
};
const struct peer_ops hi2_x2_ops = {.name = "x2",
    .table = of_x2,
    .n_rules = sizeof(of_x2) / sizeof(of_x2[0]),
    .max_body = CONTENT_LEAST + SIP_MAX, /* an INTAKE is shorter */
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};

static const struct ipc_rule of_policy[] = {
    {MSG_HI2_ORDER, WORD_LEAST, MAX_IPC_BODY, 1, on_word},
};
const struct peer_ops hi2_policy_ops = {.name = "policy",
    .table = of_policy,
    .n_rules = sizeof(of_policy) / sizeof(of_policy[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};

static const struct ipc_rule of_hsm[] = {
    {MSG_HI2_KEYS, WORD_LEAST, MAX_IPC_BODY, 1, on_word},
    {MSG_HI2_TASK_DONE, 1, 1 + MAX_HI2_SECRET, 1, hi2_on_task_done},
};
const struct peer_ops hi2_hsm_ops = {.name = "a worker",
    .table = of_hsm,
    .n_rules = sizeof(of_hsm) / sizeof(of_hsm[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};

static enum err
on_noted(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	enum err rc = ERR_OK;

	if (msg_hi2_ended_get(f->body, &rc) != ERR_OK)
		return ERR_MALFORMED;
	delivery_noted(h->delivery, f->id, rc);
	return ERR_OK;
}

static const struct ipc_rule of_audit[] = {
    {MSG_HI2_TASK_FAILED, 1, 1, 1, hi2_on_task_failed},
    {MSG_HI2_NOTED, 1, 1, 1, on_noted},
};
const struct peer_ops hi2_audit_ops = {.name = "audit",
    .table = of_audit,
    .n_rules = sizeof(of_audit) / sizeof(of_audit[0]),
    .max_body = 1,
    .max_queue = MAX_IPC_QUEUE,
    .closed = on_closed};
