/*
 * What audit and xkc say to an hsm worker, in any order, while its threads end
 * jobs and xk and hi2 come and go: no key leaves before audit has said that its
 * outcome is on disk, nor to another than who asked, nor while the warrant
 * state that the worker knows does not allow it; each job has one outcome and
 * one last word, each task one end; the sealed head never goes back.
 *
 * Input: u8 settings (4: all changes were sealed before), then acts, each u8
 * and what it needs: see do_one().
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/proto_hi2.h"
#include "base/clock.h"
#include "base/log.h"
#include "fuzz.h"
#include "help.h"
#include "policy_world.h"
#include "worker_stand.h"
#include "worker_says.h"
#include "xk/call.h"

#define ACTS 96
#define EPOCH 7

static int64_t now, uptime; /* seconds; this one is never set back */
static uint8_t state_octets[65536], answer_octets[32768];

/* ---- in the place of the machine: --wrap ---- */

int64_t __wrap_clock_seconds(void);
int64_t __wrap_clock_uptime_ms(void);

int64_t
__wrap_clock_seconds(void)
{
	return now;
}

int64_t
__wrap_clock_uptime_ms(void)
{
	return 1000 * uptime;
}

static void
pass(int64_t seconds)
{
	now += seconds;
	uptime += seconds;
}

static struct rd
make_answer(void)
{
	static struct xk_get_keys_response k;
	struct wr w;
	size_t len;

	k.n_keys = 2;
	wr_init(&w, answer_octets, sizeof(answer_octets));
	msg_answer_put(&w, EPOCH, &k);
	MUST(wr_finish(&w, &len) == ERR_OK);
	return view(answer_octets, len);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("hsm", LOG_LVL_ERROR);
	world_make();
	return 0;
}

/* ---- audit ---- */

/* The entry for a job by that warrant, with a fault. */
static struct rd
intent(const struct change *c, enum route route, uint8_t fault, uint8_t *out)
{
	static const char *const liids[] = {"L1", "L2", "L3"};
	struct audit_entry e = {.type = AUDIT_KEY_INTENT,
	    .client = str(route == ROUTE_HI2 ? AUDIT_SELF : "df2"),
	    .target = str(fault == 1 ? WORLD_BOB : WORLD_ALICE),
	    .liid = str(liids[(c->number / 2 - 1) % 3]),
	    .test = c->number == 6 || fault == 2};
	struct rd wire = world_call();
	struct call call;
	size_t len;

	MUST(call_get(&wire, &call) == ERR_OK);
	MUST(digest_of(world_call(), e.digest) == ERR_OK);
	memcpy(e.warrant, c->hash, WARRANT_ID_LEN);
	e.digest[0] ^= fault == 3;
	e.csb_id = call.r1.csb_id ^ (fault == 4);
	e.ts_type = (uint8_t)call_key_time(&call, &e.ts);
	MUST(audit_entry_encode(&e, out, &len) == ERR_OK);
	return view(out, len);
}

static bool
work(uint8_t what)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	/* Warrants are the changes 2, 4 and 6. */
	const struct change c = world_change(1 + 2 * (what % 4 % 3));
	const enum route route = what & 4 ? ROUTE_HI2 : ROUTE_XK;
	const uint32_t id = ++told.next_id;
	const struct msg_work m = {.route = route,
	    .ticket = {EPOCH, id},
	    .intent = intent(&c, route, what >> 4, leaf),
	    .number = what >> 4 == 5 ? 3 : c.number,
	    .warrant = c.request,
	    .evidence = what >> 4 == 6 ? str("none") : c.evidence,
	    .subscriber = world_record(what & 8 ? 5 : 3, str(WORLD_ALICE)),
	    .call = world_call()};
	struct wr w = body();

	if (told.n_jobs == JOBS ||
	    (hsm_run_free(NULL) == NULL &&
		process.n_waiting == MAX_WORKER_JOBS))
		return true;
	told.job[told.n_jobs++] = (struct given){id, id, route, c.number, false,
	    process.taker[route] == NULL};
	msg_work_put(&w, &m);
	MUST(w.len <= sizeof(told.work));
	memcpy(told.work, w.p, told.work_len = w.len);
	return say(MSG_WORK, id, &w);
}

static bool
durable(uint8_t which)
{
	const struct wr none = body();
	unsigned i = 0;
	bool alive;

	while (i < told.n_jobs && (!told.job[i].outcome || which-- % 4 > 0))
		i++;
	if (i == told.n_jobs)
		return true;
	told.durable = &told.job[i];
	told.closed = false;
	alive = say(MSG_DURABLE, told.job[i].id, &none);
	MUST(!alive || told.closed);
	told.durable = NULL;
	told.job[i] = told.job[--told.n_jobs];
	return alive;
}

/* Changes from one on, as many; of the last some are of other persons. */
static bool
learn(uint8_t what, uint8_t how)
{
	const uint64_t head = authority_head(process.authority).number;
	const unsigned from = what & 8 ? 0 : (unsigned)head;
	struct msg_learn m = {.floor = what & 128 ? now + 1000 : 0,
	    .fresh = (what & 16) != 0};
	static uint8_t octets_of_changes[65536];
	struct change c;
	struct wr w;

	wr_init(&w, octets_of_changes, sizeof(octets_of_changes));
	for (unsigned i = from, n = what % 8; n > 0; i++, n--) {
		if (i < WORLD_BASE)
			c = world_change(i);
		else {
			const struct world_document *d = world_document(how);
			static uint8_t signed_by[65536];
			struct evidence e = {.n = 1, .cms = {d->cms[how >> 6]}};
			struct wr v;

			wr_init(&v, signed_by, sizeof(signed_by));
			evidence_put(&v, &e);
			c = paper_change(&d->paper, i + 1,
			    view(signed_by, v.len));
		}
		change_put(&w, &c);
		if (w.rc != ERR_OK || i >= WORLD_BASE)
			break;
	}
	m.changes = view(octets_of_changes, w.len);
	w = body();
	msg_learn_put(&w, &m);
	return say(MSG_LEARN, 0, &w);
}

static bool
task(uint8_t what)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	const struct change c = world_change(what & 4 ? 2 : 4);
	const bool subscriber = (what & 1) != 0;
	const char *const who = what & 4 ? WORLD_ALICE : WORLD_BOB;
	const struct task_subscriber s = {.number = c.number,
	    .request = c.request};
	struct rd record = world_record(3, str(WORLD_ALICE));
	const struct task_key k = {.subscriber = record,
	    .identity = str(who),
	    .at = now};
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_INTENT,
	    .target = str(who)};
	struct msg_task m = {
	    .kind = subscriber ? TASK_SUBSCRIBER : TASK_KEY_ISSUE};
	static uint8_t octets_of_task[32768];
	size_t len;
	struct wr w;

	stand.token_refuses = (what & 2) != 0;
	wr_init(&w, octets_of_task, sizeof(octets_of_task));
	if (subscriber)
		task_subscriber_put(&w, &s);
	else
		task_key_put(&w, &k);
	m.body = view(octets_of_task, w.len);
	MUST(digest_of(m.body, e.digest) == ERR_OK);
	e.digest[3] ^= what >> 7;
	MUST(audit_entry_encode(&e, leaf, &len) == ERR_OK);
	m.entry = view(leaf, len);
	w = body();
	msg_task_put(&w, &m);
	told.tasks++;
	return say(MSG_DO_TASK, ++told.next_task, &w);
}

static bool
hi2_task(uint8_t what)
{
	const struct msg_do_hi2_task m = {.hi2_id = what,
	    .task = {.kind = what & 1 ? HI2_TASK_SIGN : HI2_TASK_UNWRAP,
		.octets = str("octets")}};
	struct wr w = body();

	stand.token_refuses = (what & 2) != 0;
	msg_do_hi2_task_put(&w, &m);
	told.hi2_tasks++;
	return say(MSG_DO_HI2_TASK, ++told.next_task, &w);
}

/* ---- the others ---- */

static bool
thread_ends(uint8_t what)
{
	struct hsm_job *j = &stand.job[what % THREADS];
	enum err rc;

	if (!stand.busy[what % THREADS])
		return true;
	j->reason = (enum xk_reason)((what >> 2) % XK_REASON__MAX);
	if (j->reason == XK_GRANTED) {
		MUST(secret_new(told.answer.left, &j->answer) == ERR_OK);
		memcpy(secret_data(j->answer), told.answer.p, told.answer.left);
		j->n_keys = 2;
	} else
		j->n_keys = 0;
	stand.done = j;
	rc = hsm_take_results(&process);
	hear();
	return rc == ERR_OK;
}

static void
xkc_says(uint8_t what, struct rd *in)
{
	struct msg_fetched m = {
	    .reason = (enum xk_reason)((what >> 2) % XK_REASON__MAX)};
	struct ipc_chan *c;
	struct wr w = body();

	if (process.xkc == NULL) {
		ipc_chan_free(&xkc);
		channel(&c, &xkc);
		hsm_fetch_via(&process, c);
	} else if (what % 4 == 0)
		ipc_chan_free(&xkc);
	else {
		if (m.reason == XK_GRANTED)
			m.answer = told.answer;
		if (what % 4 == 1) {
			const struct rd v = take_view8(in);

			wr_copy(&w, v.p, v.left);
		} else
			msg_fetched_put(&w, &m);
		MUST(ipc_send(xkc, MSG_FETCHED, told.fetch_id, w.p, w.len) ==
			ERR_OK &&
		    ipc_flush(xkc) == ERR_OK);
	}
	hsm_fetch_serve(&process);
	hear();
}

/* False: the worker has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t act = take_u8(in), what = take_u8(in);

	switch (act % 16) {
	case 0:
	case 1:
		return learn(what, take_u8(in));
	case 2:
	case 3:
		return work(what);
	case 4:
	case 5:
		return thread_ends(what);
	case 6:
	case 7:
		return durable(what);
	case 8:
		return task(what);
	case 9:
		return hi2_task(what);
	case 10:
		return any(what, in);
	case 11:
		taker_goes_or_comes(what % ROUTE__MAX);
		break;
	case 12:
		audit_comes_anew();
		break;
	case 13:
		xkc_says(what, in);
		break;
	case 14:
		if (what < 128)
			pass(what);
		else
			now -= (what - 127) * 60;
		(void)hsm_fetch_tick(&process);
		hear();
		break;
	default:
		pass((int64_t)what * 3600);
	}
	return true;
}

/* ---- a process, from its start to its end ---- */

static void
start(uint8_t how)
{
	static const struct rd none = {NULL, 0};
	const size_t len = world_kms_state(state_octets,
	    sizeof(state_octets) - KMS_STATE_SEAL_LEN);
	struct timespec boot;
	struct why why = {""};
	struct head h;

	told = (struct told){.answer = make_answer()};
	memset(&stand, 0, sizeof(stand));
	now = PKI_NOW;
	uptime = 0;
	process = (struct hsm_proc){.state_octets = state_octets,
	    .state_len = len + KMS_STATE_SEAL_LEN,
	    .head_fd = memory_file(none),
	    .at.settings = {.job_seconds = 10, .remote = (how & 1) != 0}};
	hsm_forget_state(&process);
	h = authority_head(process.authority);
	for (unsigned i = 0; i < WORLD_BASE && (how & 4) != 0; i++) {
		const struct change c = world_change(i);

		MUST(head_after(&h, &c, &h) == ERR_OK);
	}
	MUST(hsm_head_create(&process, &h, now, &why) == ERR_OK);
	MUST(clock_gettime(CLOCK_BOOTTIME, &boot) == 0);
	clock_guard_init(&process.time, now, (int64_t)boot.tv_sec, 0);
	audit_comes_anew();
	taker_goes_or_comes(ROUTE_XK);
	taker_goes_or_comes(ROUTE_HI2);
	if ((how & 4) != 0)
		(void)learn(WORLD_BASE, 0);
	for (unsigned i = 0; i < WORLD_BASE && (how & 2) != 0; i++)
		(void)learn(1 | 16, 0); /* one by one, as they happen */
}

/* Threads end what they have; each job has its outcome then. */
static void
settle(void)
{
	for (unsigned n = 0; n < JOBS; n++)
		for (uint8_t i = 0; i < THREADS; i++)
			MUST(thread_ends(i));
	pass(3600); /* nobody fetches so long */
	(void)hsm_fetch_tick(&process);
	hear();
	for (unsigned i = 0; i < told.n_jobs; i++)
		MUST(told.job[i].outcome);
	MUST(told.tasks == 0 && told.hi2_tasks == 0);
}

static void
finish(void)
{
	(void)hsm_drop_pending(&process);
	for (unsigned i = 0; i < THREADS; i++) {
		if (stand.busy[i])
			free(stand.job[i].body);
		secret_free(&stand.job[i].answer);
	}
	for (unsigned i = 0; i < HSM_WARRANTS_KEPT; i++)
		warrant_free(&process.known[i].w);
	for (unsigned i = 0; i < ROUTE__MAX; i++) {
		ipc_chan_free(&process.taker[i]);
		ipc_chan_free(&taker[i]);
	}
	ipc_chan_free(&process.audit);
	ipc_chan_free(&audit);
	ipc_chan_free(&process.xkc);
	ipc_chan_free(&xkc);
	authority_free(&process.authority);
	close(process.head_fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int lowest = lowest_free_fd();
	static struct rd in; /* static: longjmp() leaves it as it is */
	static bool alive;

	rd_init(&in, data, size);
	alive = true;
	if (setjmp(stand.ended) == 0) {
		start(take_u8(&in));
		for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++)
			alive = do_one(&in);
	} else
		alive = false;
	if (alive) {
		if (setjmp(stand.ended) != 0)
			must_failed("it ends by itself", __FILE__, __LINE__);
		settle();
	}
	finish();
	MUST(lowest_free_fd() == lowest);
	return 0;
}
