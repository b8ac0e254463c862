/*
 * What policy, hi2 and workers say to keywarden-audit, in any order, while they
 * come and go and the log fills: no word leaves before what it tells of is on
 * disk; a worker has only work whose intent is; each intent gets its outcome,
 * and each question one answer; what is counted is so; the log reads whole.
 *
 * Input: u8 how much room the log has, then acts, each u8 and what it needs:
 * see do_one().
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/proto_hi2.h"
#include "audit_says.h"
#include "base/log.h"

#define ACTS 192
#define ITEMS 64 /* so that there may be no room */
#define CHUNK 32768 /* octets that the log grows by */

struct audit process;
static jmp_buf ended;
/* ---- in the place of the machine: --wrap ---- */

_Noreturn void __wrap_fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);
void __wrap_log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

void
__wrap_fatal(const char *fmt, ...)
{
	(void)fmt;
	longjmp(ended, 1);
}

void
__wrap_log_error(const char *fmt, ...)
{
	(void)fmt;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init("audit", LOG_LVL_ERROR);
	MUST(uv_loop_init(&process.loop) == 0);
	process.log_fd = memory_file((struct rd){NULL, 0});
	return 0;
}

/* ---- workers ---- */

static void *context[TOLD_WORKERS];

static bool
worker_says(unsigned i, uint16_t type, uint32_t id, const struct wr *w)
{
	return say(&audit_worker_ops, context[i], type, id, written(w));
}

static void
worker_goes(unsigned i)
{
	told_worker_left(i);
	audit_worker_ops.closed(context[i], process.worker[i].peer);
}

static bool
worker_comes(unsigned i)
{
	struct wr w = body();

	context[i] = audit_worker_ctx(&process, i);
	process.worker[i].peer = channel_open();
	told_worker_left(i);
	wr_bool(&w, true);
	wr_copy(&w, "token", 5);
	return worker_says(i, MSG_WORKER_READY, 0, &w);
}

/* What it was taught, or a no, or another head. */
static bool
worker_learns(unsigned i, uint8_t what)
{
	struct told_worker *t = &told.worker[i];
	const struct msg_learnt m = {.rc = what % 8 == 1 ? ERR_DENIED : ERR_OK,
	    .current = what % 8 != 2,
	    .head =
		what % 8 < 2 ? (what % 8 == 0 ? t->head : told.first) : t->head,
	    .seal = text(what % 8 == 3 ? "" : "seal"),
	    .text = text("why")};
	struct wr w = body();

	if (!t->learns)
		return true;
	t->learns = false;
	if (m.rc != ERR_OK)
		t->head = told.first;
	msg_learnt_put(&w, &m);
	return worker_says(i, MSG_LEARNT, t->generation, &w);
}

static bool
worker_ends_job(unsigned i, uint8_t what)
{
	struct told_worker *t = &told.worker[i];
	const struct msg_outcome o = {(enum xk_reason)(
					  (what >> 1) % XK_REASON__MAX),
	    what & 1};
	const struct msg_result r = {(what & 1) != 0 ? ERR_HSM : ERR_OK,
	    text("result")};
	struct wr w = body();
	struct item *it;
	unsigned at;
	struct job j;

	if (t->n_jobs == 0)
		return true;
	at = what % t->n_jobs;
	j = t->job[at];
	it = slots_find(process.items, j.id);
	if (j.type == MSG_WORK) {
		if (j.outcome && !j.durable)
			return true; /* it waits for the disk */
		msg_outcome_put(&w, &o);
		t->job[at].outcome = true;
		if (j.durable)
			told_job_ended(i, at);
		return worker_says(i, j.durable ? MSG_CLOSED : MSG_OUTCOME,
		    j.id, &w);
	}
	told_job_ended(i, at);
	if (j.type == MSG_DO_TASK) {
		msg_result_put(&w, &r);
		return worker_says(i, MSG_TASK_RESULT, j.id, &w);
	}
	/* The worker tells hi2, if it can. */
	MUST(it != NULL);
	if ((what & 2) == 0 && it->asker == process.hi2_epoch &&
	    process.hi2 != NULL)
		told.hi2_owed[it->asker_id]--;
	msg_hi2_ended_put(&w, (what & 2) != 0 ? ERR_CLOSED : r.rc);
	return worker_says(i, MSG_HI2_TASK_ENDED, j.id, &w);
}

static bool
worker_has_last_word(unsigned i, uint8_t what)
{
	struct wr w = body();

	if (process.worker[i].ends)
		return true;
	msg_error_put(&w, (enum err)(what % ERR__MAX), "why");
	return worker_says(i, MSG_WORKER_ENDS, 0, &w);
}

static bool
by_worker(uint8_t what, struct rd *in)
{
	const unsigned i = what % TOLD_WORKERS;
	struct frame f;

	if (process.worker[i].peer == NULL)
		return worker_comes(i);
	switch (what / TOLD_WORKERS) {
	case 0:
		worker_goes(i);
		return true;
	case 1: /* what it is held to no longer counts */
		f = any_frame(&audit_worker_ops, in);
		if (f.type != MSG_WORKER_READY && f.type != MSG_WORKER_ENDS)
			return true;
		return say(&audit_worker_ops, context[i], f.type, f.id, f.body);
	case 2:
		return worker_has_last_word(i, take_u8(in));
	case 3:
	case 4:
		return worker_learns(i, take_u8(in));
	default:
		return worker_ends_job(i, take_u8(in));
	}
}

/* ---- counts ---- */

static void
check_counts(void)
{
	unsigned at = 0, jobs[MAX_WORKERS] = {0}, of_hi2 = 0;
	const struct item *it;
	size_t octets = 0;
	uint32_t id;

	while ((it = slots_next(process.items, &at, &id)) != NULL) {
		octets += it->job_len;
		of_hi2 +=
		    it->kind == ITEM_HI2 && it->asker == process.hi2_epoch;
		MUST((it->job != NULL) == (it->worker == -1));
		if (it->worker >= 0 && !(it->kind == ITEM_KEY && it->logged))
			jobs[it->worker]++;
	}
	MUST(octets == process.item_octets && of_hi2 == process.hi2_tasks);
	MUST(of_hi2 <= HI2_TASKS && process.item_octets <= AUDIT_ITEM_OCTETS);
	for (unsigned i = 0; i < TOLD_WORKERS; i++)
		MUST(process.worker[i].jobs == jobs[i] &&
		    jobs[i] <= MAX_WORKER_JOBS);
}

/* False: audit has ended. */
static bool
do_one(struct rd *in)
{
	const uint8_t act = take_u8(in), what = act >> 3;
	bool alive = true;

	switch (act % 8) {
	case 0:
	case 1:
	case 2:
		alive = by_policy(what, in);
		break;
	case 3:
		alive = by_hi2(what, in);
		break;
	case 4:
	case 5:
	case 6:
		alive = by_worker(what, in);
		break;
	default:
		audit_commit(&process);
	}
	policy_learns();
	if (alive)
		check_counts();
	return alive;
}

/* ---- a process, from its start to its end ---- */

static void
start(uint8_t how)
{
	struct audit_entry e = {.type = AUDIT_KMS_CREATED, .digest = {1}};
	const uv_loop_t loop = process.loop;
	const int fd = process.log_fd;
	struct why why = {""};
	bool torn;

	MUST(ftruncate(fd, 0) == 0);
	process =
	    (struct audit){.loop = loop, .log_fd = fd, .out_end = &process.out};
	memset(&told, 0, sizeof(told));
	told.a = &process;
	MUST(slots_new(sizeof(struct item), ITEMS, &process.items) == ERR_OK);
	for (unsigned i = 0; i < QUEUE__MAX; i++)
		MUST(turns_new(ITEMS, &process.waiting[i]) == ERR_OK);
	MUST(audit_log_open(&process.log, fd, CHUNK,
		 how == 0 ? 0 : 9000 + 100U * how, NULL, NULL, &torn,
		 &why) == ERR_OK);
	MUST(audit_write(&process, &e, NULL, NULL) == ERR_OK);
	told.first = process.seen.first;
	process.serving = true;
	audit_commit(&process);
	policy_begins();
}

/* All workers go: nothing waits any more. */
static void
settle(void)
{
	for (unsigned i = 0; i < TOLD_WORKERS; i++)
		if (process.worker[i].peer != NULL)
			worker_goes(i);
	audit_commit(&process);
	MUST(slots_used(process.items) == 0 && process.item_octets == 0);
	MUST(process.out == NULL && process.change.state == CHANGE_NONE);
	MUST(told.n_intents == 0);
	for (unsigned i = 0; i < TOLD_IDS; i++)
		MUST(told.owed[i] == 0 && told.hi2_owed[i] == 0);
}

static void
read_log(void)
{
	static struct audit_reader r;
	struct audit_entry e;
	struct why why = {""};
	enum err rc;

	MUST(audit_reader_open(&r, process.log_fd, &why) == ERR_OK);
	do
		rc = audit_reader_next(&r, &e, &why);
	while (rc == ERR_OK);
	MUST(rc == ERR_NOTFOUND && r.next == process.log.next &&
	    r.at == process.log.end);
}

static void
finish(void)
{
	unsigned at = 0;
	struct item *it;
	uint32_t id;

	audit_policy_left(&process);
	peer_free(&process.hi2);
	for (unsigned i = 0; i < TOLD_WORKERS; i++) {
		audit_drop_after_sync(&process, process.worker[i].peer);
		peer_free(&process.worker[i].peer);
	}
	while ((it = slots_next(process.items, &at, &id)) != NULL)
		free(it->job);
	while (process.out != NULL) {
		struct after_sync *s = process.out;

		process.out = s->next;
		free(s);
	}
	for (size_t i = 0; i < process.chain.n; i++)
		free(process.chain.batch[i].p);
	free(process.chain.batch);
	free(process.change.octets);
	state_seen_done(&process.seen);
	slots_free(&process.items);
	for (unsigned i = 0; i < QUEUE__MAX; i++)
		turns_free(&process.waiting[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rd in; /* static: longjmp() leaves it as it is */
	static bool alive;

	rd_init(&in, data, size);
	start(take_u8(&in));
	alive = true;
	if (setjmp(ended) == 0)
		for (unsigned i = 0; i < ACTS && alive && in.left > 0; i++)
			alive = do_one(&in);
	else
		alive = false;
	if (alive) {
		if (setjmp(ended) != 0)
			must_failed("it ends by itself", __FILE__, __LINE__);
		settle();
	}
	read_log();
	finish();
	return 0;
}
