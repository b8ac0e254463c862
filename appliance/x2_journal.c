/*
 * The journal of what x2 takes in: what it tells hi2 to keep, and what comes
 * back when it has started anew.
 */
#include "appliance/x2_proc.h"
#include "base/log.h"

bool
x2_room(const struct x2 *x)
{
	return x->replayed && x2_intake_room(x->intake) &&
	    x2_asks_room(x->asks);
}

/* ---- to hi2 ---- */

static void
must(enum err rc)
{
	if (rc != ERR_OK)
		fatal("the journal: %s", err_str(rc));
}

bool
x2_journal_send(void *ctx, uint16_t type, struct rd body)
{
	struct x2 *x = ctx;

	return x->hi2 != NULL &&
	    peer_send(x->hi2, type, 0, body.p, body.left) == ERR_OK;
}

void
x2_journal_put(struct x2 *x, enum intake_kind kind, uint64_t call, int64_t came,
    struct rd pdu)
{
	must(x2_intake_put(x->intake, kind, call, came, pdu));
}

void
x2_journal_own(struct x2 *x, uint64_t number, size_t stored)
{
	const struct calls_gone gone = {number, 0, stored};

	x2_replay_forget(x->replay, number);
	must(x2_intake_gone(x->intake, &gone));
}

void
x2_journal_gone(struct x2 *x)
{
	struct calls_gone gone;

	while (calls_gone(x->calls, &gone) == ERR_OK) {
		if (gone.number == 0)
			x2_replay_forget(x->replay, gone.call);
		must(x2_intake_gone(x->intake, &gone));
	}
}

/* ---- what comes back ---- */

static void
ask_for_more(struct x2 *x)
{
	uint8_t body[8];
	uint64_t after;
	struct wr w;

	if (x->hi2 == NULL || !x2_replay_wants(x->replay, &after))
		return;
	wr_init(&w, body, sizeof(body));
	wr_u64(&w, after);
	if (peer_send(x->hi2, MSG_INTAKE_MORE, 0, body, w.len) == ERR_OK)
		x2_replay_asked(x->replay);
}

void
x2_journal_turn(struct x2 *x)
{
	const struct msg_intake *m;

	if (x->replayed)
		return;
	while (
	    x2_asks_room(x->asks) && (m = x2_replay_first(x->replay)) != NULL) {
		x2_take_back(x, m);
		x2_replay_taken(x->replay);
	}
	x->replayed = x2_replay_over(x->replay);
	if (!x->replayed) {
		ask_for_more(x);
		return;
	}
	/* Nobody has told of warrants that came meanwhile. */
	x2_asks_again(x->asks, NULL);
	x2_resume(x);
}

enum err
x2_on_intake_stored(void *ctx, const struct ipc_frame *f)
{
	struct rd r = f->body;
	struct x2 *x = ctx;
	uint64_t act;

	if (rd_u64(&r, &act) != ERR_OK || !x2_intake_stored(x->intake, act))
		return ERR_MALFORMED;
	x2_conn_stored(x);
	x2_look_for_room(x);
	return ERR_OK;
}

enum err
x2_on_intake_back(void *ctx, const struct ipc_frame *f)
{
	struct msg_intake_back m;
	struct x2 *x = ctx;
	enum err rc;

	if ((rc = msg_intake_back_get(f->body, &m)) != ERR_OK ||
	    (rc = x2_replay_back(x->replay, &m)) != ERR_OK)
		return rc;
	if (m.last)
		x2_journal_turn(x);
	return ERR_OK;
}

enum err
x2_on_intake_end(void *ctx, const struct ipc_frame *f)
{
	struct rd r = f->body;
	struct x2 *x = ctx;
	uint64_t number;
	enum err rc;

	if ((rc = rd_u64(&r, &number)) != ERR_OK ||
	    (rc = x2_replay_end(x->replay, number)) != ERR_OK)
		return rc;
	x2_intake_start(x->intake, number);
	x2_journal_turn(x);
	return ERR_OK;
}
