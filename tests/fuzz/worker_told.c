#include <sys/socket.h>

#include "appliance/proto_hi2.h"
#include "fuzz.h"
#include "worker_told.h"

struct hsm_proc process;
struct ipc_chan *audit, *taker[ROUTE__MAX], *xkc;
struct told told;

static struct given *
find(uint32_t id)
{
	for (unsigned i = 0; i < told.n_jobs; i++)
		if (told.job[i].id == id)
			return &told.job[i];
	must_failed("it is a job of this audit", __FILE__, __LINE__);
}

/* Nothing but after DURABLE, to who asked, of a job that may go out. */
static void
released(const struct ipc_frame *f, enum route route, bool keys)
{
	const struct given *g = told.durable;
	const struct authority *a = process.authority;
	struct change_known c;

	MUST(g != NULL && g->route == route && g->ticket == f->id && !g->lost);
	if (!keys)
		return;
	MUST(process.current && !process.time.stopped);
	MUST(authority_change(a, g->number, &c) == ERR_OK);
	MUST(!authority_warrant(a, c.hash, INT64_MAX).revoked);
	MUST(!authority_warrant(a, c.hash, INT64_MAX).suspended);
}

static void
to_taker(enum route route, const struct ipc_frame *f)
{
	static struct msg_hi2_keys k;
	struct msg_hi2_done done;
	struct msg_refuse no;

	switch (f->type) {
	case MSG_ANSWER:
		MUST(route == ROUTE_XK && rd_equal(&f->body, &told.answer));
		released(f, route, true);
		break;
	case MSG_NO_ANSWER:
		MUST(route == ROUTE_XK);
		MUST(msg_refuse_get(f->body, &no) == ERR_OK);
		released(f, route, false);
		break;
	case MSG_HI2_KEYS:
		MUST(route == ROUTE_HI2);
		MUST(msg_hi2_keys_get(f->body, &k) == ERR_OK);
		released(f, route, k.reason == XK_GRANTED);
		break;
	default:
		MUST(route == ROUTE_HI2 && f->type == MSG_HI2_TASK_DONE);
		MUST(msg_hi2_done_get(f->body, &done) == ERR_OK);
		MUST(told.hi2_tasks > 0);
	}
}

static void
has_learnt(struct rd body)
{
	const struct head h = authority_head(process.authority);
	struct sealed_head s;
	struct msg_learnt m;
	struct why why;

	MUST(msg_learnt_get(body, &m) == ERR_OK);
	MUST(head_equal(&m.head, &h) && m.current == process.current);
	MUST(hsm_head_read(&process, &s, &why) == ERR_OK);
	MUST(!m.current || head_equal(&s.head, &h));
	MUST(s.head.number >= told.sealed);
	told.sealed = s.head.number;
}

static void
to_audit(const struct ipc_frame *f)
{
	struct msg_outcome o;
	struct msg_result r;
	struct given *g;
	enum err rc;

	switch (f->type) {
	case MSG_OUTCOME:
		g = find(f->id);
		MUST(msg_outcome_get(f->body, &o) == ERR_OK && !g->outcome);
		g->outcome = true;
		break;
	case MSG_CLOSED:
		MUST(msg_outcome_get(f->body, &o) == ERR_OK);
		MUST(told.durable != NULL && told.durable->id == f->id);
		MUST(!told.closed);
		told.closed = true;
		break;
	case MSG_LEARNT:
		has_learnt(f->body);
		break;
	case MSG_TASK_RESULT:
		MUST(msg_result_get(f->body, &r) == ERR_OK && told.tasks > 0);
		told.tasks--;
		break;
	default:
		MUST(f->type == MSG_HI2_TASK_ENDED);
		MUST(msg_hi2_ended_get(f->body, &rc) == ERR_OK);
		MUST(told.hi2_tasks > 0);
		told.hi2_tasks--;
	}
}

static void
to_xkc(const struct ipc_frame *f)
{
	struct msg_fetch m;

	bool asked = false;

	MUST(f->type == MSG_FETCH && msg_fetch_get(f->body, &m) == ERR_OK);
	for (unsigned i = 0; i < told.n_jobs; i++)
		asked |= told.job[i].route == ROUTE_HI2 &&
		    told.job[i].ticket == m.ticket.id;
	MUST(asked && f->id > told.fetch_id);
	told.fetch_id = f->id;
}

void
hear(void)
{
	struct ipc_chan *const ends[] = {taker[ROUTE_XK], taker[ROUTE_HI2], xkc,
	    audit};
	struct ipc_chan *const own[] = {process.taker[ROUTE_XK],
	    process.taker[ROUTE_HI2], process.xkc, process.audit};
	struct ipc_frame f;

	for (unsigned i = 0; i < 4; i++) {
		if (own[i] == NULL || ends[i] == NULL)
			continue;
		MUST(ipc_flush(own[i]) == ERR_OK);
		(void)!ipc_fill(ends[i]);
		while (ipc_next(ends[i], &f) == ERR_OK)
			if (i < 2)
				to_taker((enum route)i, &f);
			else if (i == 2)
				to_xkc(&f);
			else
				to_audit(&f);
	}
}

/* ---- channels ---- */

void
channel(struct ipc_chan **ours, struct ipc_chan **theirs)
{
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
	MUST(ipc_chan_new(s[0], MAX_IPC_BODY, MAX_IPC_QUEUE, ours) == ERR_OK);
	MUST(ipc_chan_new(s[1], MAX_IPC_BODY, MAX_IPC_QUEUE, theirs) == ERR_OK);
}

void
taker_goes_or_comes(enum route r)
{
	process.taker_generation[r]++;
	for (unsigned i = 0; i < told.n_jobs; i++)
		told.job[i].lost |= told.job[i].route == r;
	if (process.taker[r] != NULL) {
		ipc_chan_free(&process.taker[r]);
		ipc_chan_free(&taker[r]);
	} else
		channel(&process.taker[r], &taker[r]);
}

void
audit_comes_anew(void)
{
	(void)hsm_drop_pending(&process);
	ipc_chan_free(&process.audit);
	ipc_chan_free(&audit);
	channel(&process.audit, &audit);
	told.n_jobs = told.tasks = told.hi2_tasks = 0;
}
