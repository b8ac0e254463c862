#include <string.h>

#include "appliance/proto_hi2.h"
#include "audit_told.h"
#include "channel.h"

struct told told;

void
told_job_ended(unsigned worker, unsigned i)
{
	struct told_worker *w = &told.worker[worker];

	w->job[i] = w->job[--w->n_jobs];
}

void
told_worker_left(unsigned worker)
{
	told.worker[worker] = (struct told_worker){.head = told.first};
}

/* ---- what is written: --wrap ---- */

enum err __real_audit_log_append(struct audit_log *, struct audit_entry *,
    uint8_t *leaf, size_t *leaf_len) MUST_CHECK;
enum err __wrap_audit_log_append(struct audit_log *, struct audit_entry *,
    uint8_t *leaf, size_t *leaf_len) MUST_CHECK;
enum err __real_audit_log_sync(struct audit_log *) MUST_CHECK;
enum err __wrap_audit_log_sync(struct audit_log *) MUST_CHECK;

static void
intent_ends(uint64_t number)
{
	for (unsigned i = 0; i < told.n_intents; i++)
		if (told.intent[i] == number) {
			told.intent[i] = told.intent[--told.n_intents];
			return;
		}
}

enum err
__wrap_audit_log_append(struct audit_log *l, struct audit_entry *e,
    uint8_t *leaf, size_t *leaf_len)
{
	const enum err rc = __real_audit_log_append(l, e, leaf, leaf_len);

	MUST(!l->failed);
	if (rc != ERR_OK)
		return rc;
	switch (e->type) {
	case AUDIT_KEY_INTENT:
	case AUDIT_SUBSCRIBER_INTENT:
	case AUDIT_QUEUE_KEY_INTENT:
		MUST(told.n_intents < sizeof(told.intent) / 8);
		told.intent[told.n_intents++] = e->number;
		break;
	case AUDIT_KEY_OUTCOME:
	case AUDIT_SUBSCRIBER_OUTCOME:
	case AUDIT_QUEUE_KEY_OUTCOME:
		MUST(e->ref < e->number);
		intent_ends(e->ref);
		break;
	default:
		break;
	}
	return rc;
}

enum err
__wrap_audit_log_sync(struct audit_log *l)
{
	const enum err rc = __real_audit_log_sync(l);

	if (rc == ERR_OK)
		told.on_disk = l->next;
	return rc;
}

/* ---- to workers ---- */

static bool
is_open(uint64_t number)
{
	for (unsigned i = 0; i < told.n_intents; i++)
		if (told.intent[i] == number)
			return true;
	return false;
}

/* Its intent is the leaf on disk, and has no outcome yet. */
static void
is_intent(struct rd leaf, enum audit_type type)
{
	struct audit_entry e;

	MUST(audit_entry_decode(leaf, &e) == ERR_OK && e.type == type);
	MUST(e.number < told.on_disk && is_open(e.number));
}

static void
new_job(unsigned worker, uint16_t type, uint32_t id)
{
	struct told_worker *w = &told.worker[worker];
	const struct worker *is = &told.a->worker[worker];

	MUST(w->n_jobs < TOLD_JOBS && is->ready);
	for (unsigned i = 0; i < w->n_jobs; i++)
		MUST(w->job[i].id != id);
	w->job[w->n_jobs++] = (struct job){.type = type, .id = id};
	if (type == MSG_DO_HI2_TASK)
		return;
	MUST(is->current && !is->refused && told.a->chain.complete);
	MUST(is->taught == told.a->chain.n);
}

static void
durable(unsigned worker, uint32_t id)
{
	struct told_worker *w = &told.worker[worker];
	const struct item *it = slots_find(told.a->items, id);

	MUST(it != NULL && it->logged && !is_open(it->ref));
	MUST(told.a->log.synced == told.a->log.end);
	for (unsigned i = 0; i < w->n_jobs; i++)
		if (w->job[i].id == id) {
			MUST(w->job[i].outcome && !w->job[i].durable);
			w->job[i].durable = true;
			return;
		}
	must_failed("it is a job of this worker", __FILE__, __LINE__);
}

/* The worker learns it: an honest one, which believes all. */
static void
lesson(unsigned worker, uint32_t generation, struct rd body)
{
	struct told_worker *w = &told.worker[worker];
	struct msg_learn m;
	struct change c;

	MUST(!w->learns && msg_learn_get(body, &m) == ERR_OK);
	while (m.changes.left > 0) {
		MUST(change_get(&m.changes, &c) == ERR_OK);
		if (c.number == 1)
			w->head = told.first;
		if (c.number == w->head.number + 1)
			MUST(head_after(&w->head, &c, &w->head) == ERR_OK);
	}
	w->learns = true;
	w->generation = generation;
}

static void
to_worker(unsigned worker, uint16_t type, uint32_t id, struct rd body)
{
	struct msg_do_hi2_task t;
	struct msg_work work;
	struct msg_task task;

	switch (type) {
	case MSG_WORK:
		MUST(msg_work_get(body, &work) == ERR_OK);
		is_intent(work.intent, AUDIT_KEY_INTENT);
		new_job(worker, type, id);
		break;
	case MSG_DO_TASK:
		MUST(msg_task_get(body, &task) == ERR_OK);
		is_intent(task.entry, AUDIT_SUBSCRIBER_INTENT);
		new_job(worker, type, id);
		break;
	case MSG_DO_HI2_TASK:
		MUST(msg_do_hi2_task_get(body, &t) == ERR_OK);
		new_job(worker, type, id);
		break;
	case MSG_DURABLE:
		MUST(body.left == 0);
		durable(worker, id);
		break;
	default:
		MUST(type == MSG_LEARN);
		lesson(worker, id, body);
	}
}

/* ---- to those who ask ---- */

static void
answered(unsigned owed[TOLD_IDS], uint32_t id)
{
	MUST(id < TOLD_IDS && owed[id] > 0);
	owed[id]--;
}

static void
to_policy(uint16_t type, uint32_t id, struct rd body)
{
	struct msg_changed changed;
	struct msg_service service;
	struct msg_result result;
	struct msg_done done;

	switch (type) {
	case MSG_DONE:
		MUST(msg_done_get(body, &done) == ERR_OK);
		break;
	case MSG_RECORDED:
		MUST(body.left == 1 && *body.p < ERR__MAX);
		break;
	case MSG_CHANGED:
		MUST(msg_changed_get(body, &changed) == ERR_OK);
		break;
	case MSG_TASK_DONE:
		MUST(msg_result_get(body, &result) == ERR_OK);
		break;
	case MSG_CHAINED:
		MUST(body.left == 1 && *body.p < ERR__MAX);
		return;
	default:
		MUST(type == MSG_SERVICE);
		MUST(msg_service_get(body, &service) == ERR_OK);
		return;
	}
	MUST(told.a->log.synced == told.a->log.end);
	answered(told.owed, id);
}

static void
to_hi2(uint16_t type, uint32_t id, struct rd body)
{
	enum err rc;

	MUST(type == MSG_HI2_NOTED || type == MSG_HI2_TASK_FAILED);
	MUST(msg_hi2_ended_get(body, &rc) == ERR_OK);
	MUST(type == MSG_HI2_NOTED || rc != ERR_OK);
	MUST(told.a->log.synced == told.a->log.end);
	answered(told.hi2_owed, id);
}

void
channel_sent(struct peer *to, uint16_t type, uint32_t id, struct rd body)
{
	const struct audit *a = told.a;

	if (to == a->policy)
		to_policy(type, id, body);
	else if (to == a->hi2)
		to_hi2(type, id, body);
	else
		for (unsigned i = 0; i < TOLD_WORKERS; i++)
			if (to == a->worker[i].peer)
				to_worker(i, type, id, body);
}
