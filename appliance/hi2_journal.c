/* The journal of what x2 has taken in, between x2 and the queue's file. */
#include "appliance/hi2_proc.h"
#include "base/clock.h"
#include "base/log.h"

/* ---- to x2 ---- */

static bool
send_number(struct hi2 *h, uint16_t type, uint64_t v)
{
	uint8_t body[8];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	wr_u64(&w, v);
	return h->x2 != NULL &&
	    peer_send(h->x2, type, 0, body, w.len) == ERR_OK;
}

static void
tell_stored(void *ctx, uint64_t act)
{
	static struct log_limit limit;
	struct hi2 *h = ctx;

	/* What is stored later says it too. */
	if (!send_number(h, MSG_INTAKE_STORED, act) && h->x2 != NULL)
		log_limited(&limit, 1, "x2 does not take what it is sent");
}

static bool
give_back(void *ctx, const struct msg_intake_back *m)
{
	struct hi2 *h = ctx;
	struct wr w;

	if (h->x2 == NULL ||
	    peer_begin(h->x2, MSG_INTAKE_BACK, 0, msg_intake_back_max(m), &w) !=
		ERR_OK)
		return false;
	msg_intake_back_put(&w, m);
	return peer_commit(h->x2, &w) == ERR_OK;
}

static bool
tell_end(void *ctx, uint64_t number)
{
	return send_number(ctx, MSG_INTAKE_END, number);
}

static enum err
want_key(void *ctx, uint64_t key, struct why *why)
{
	struct hi2 *h = ctx;

	return delivery_want_key(h->delivery, key, hi2_now(), why);
}

static const struct hi2_intake_ops ops = {tell_stored, give_back, tell_end,
    want_key};

enum err
hi2_journal_open(struct hi2 *h, uint64_t most, struct why *why)
{
	enum err rc;

	if ((rc = spool_intake_new(h->spool, &h->journal, why)) != ERR_OK)
		return rc;
	hi2_records_journal(h->records, h->journal);
	if (hi2_intake_new(h->journal, most, &ops, h, &h->intake) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	return ERR_OK;
}

void
hi2_journal_close(struct hi2 *h)
{
	hi2_intake_free(&h->intake);
	spool_intake_free(&h->journal);
}

/* ---- from x2 ---- */

enum err
hi2_on_intake(void *ctx, const struct ipc_frame *f)
{
	struct msg_intake m;
	struct hi2 *h = ctx;
	enum err rc;

	if ((rc = msg_intake_get(f->body, &m)) != ERR_OK)
		return rc;
	return hi2_intake_take(h->intake, &m, clock_uptime_ms());
}

enum err
hi2_on_intake_gone(void *ctx, const struct ipc_frame *f)
{
	struct msg_intake_gone m;
	struct hi2 *h = ctx;
	enum err rc;

	if ((rc = msg_intake_gone_get(f->body, &m)) != ERR_OK)
		return rc;
	return hi2_intake_gone(h->intake, &m, clock_uptime_ms());
}

enum err
hi2_on_intake_more(void *ctx, const struct ipc_frame *f)
{
	struct rd r = f->body;
	struct hi2 *h = ctx;
	uint64_t after;

	if (rd_u64(&r, &after) != ERR_OK)
		return ERR_MALFORMED;
	hi2_intake_more(h->intake, after);
	return ERR_OK;
}

/* ---- the turn ---- */

static void
say_lost(struct hi2 *h)
{
	const uint64_t lost = hi2_intake_lost(h->intake);

	if (lost == h->journal_lost)
		return;
	log_error("%llu intercepted messages in the journal do not open: "
		  "dropped",
	    (unsigned long long)(lost - h->journal_lost));
	h->journal_lost = lost;
}

void
hi2_journal_turn(struct hi2 *h)
{
	static struct log_limit limit;
	const int64_t now = clock_uptime_ms();
	struct why why = {""};
	enum err rc;

	if ((rc = hi2_intake_give(h->intake, now, &why)) == ERR_MALFORMED)
		ctl_fail(rc, &why);
	if (rc != ERR_OK)
		log_limited(&limit, 1, "%s: x2 waits for the journal",
		    why.text);
	say_lost(h);
}
