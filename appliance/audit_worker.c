/*
 * What a worker tells audit: an outcome is written before the worker may
 * release, and the last word of a withheld key is written too.
 */
#include <stdio.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "appliance/proto_hi2.h"
#include "base/log.h"

/* Each worker's channel has its own ctx so that it can be told apart. */
struct worker_ctx {
	struct audit *a;
	unsigned index;
};
static struct worker_ctx worker_ctx[MAX_WORKERS];

/* ---- that there is none, and that there is one again ---- */

static unsigned
ready_workers(const struct audit *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		n += a->worker[i].ready;
	return n;
}

static void
came_back(struct audit *a)
{
	a->alarmed_wrong = false;
	if (!a->lost)
		return;
	a->lost = false;
	audit_alarm(a, "an hsm worker serves again");
}

static void
last_left(struct audit *a)
{
	a->lost = true;
	audit_alarm(a,
	    "the last hsm worker has gone: nothing is released until one "
	    "serves again");
}

/* Its last word.  What is wrong with the token is for a person to know. */
static enum err
on_ends(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct worker *w = &a->worker[c->index];
	char text[sizeof(w->end) + 48];
	struct rd why;
	enum err rc;

	if (w->ends || msg_error_get(f->body, &rc, &why) != ERR_OK)
		return ERR_MALFORMED;
	w->ends = true;
	w->asked_to = rc == ERR_OK;
	(void)log_escape(why.p, why.left, w->end, sizeof(w->end));
	if ((rc != ERR_MISMATCH && rc != ERR_PIN) || a->alarmed_wrong)
		return ERR_OK;
	a->alarmed_wrong = true; /* once, until one serves */
	(void)snprintf(text, sizeof(text), "%s: %s",
	    rc == ERR_PIN ? "the token refuses the PIN"
			  : "the token answers wrongly",
	    w->end);
	audit_alarm(a, text);
	return ERR_OK;
}

static enum err
on_ready(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit_entry e = {.type = AUDIT_WORKER, .text = f->body};
	struct worker *w = &c->a->worker[c->index];

	if (rd_bool(&e.text, &w->test_token) != ERR_OK)
		return ERR_MALFORMED;
	w->ready = true;
	came_back(c->a);
	if (audit_has_room(c->a) && audit_write(c->a, &e, NULL, NULL) != ERR_OK)
		log_error("a worker's start could not be written");
	audit_teach(c->a, c->index);
	audit_tell_service(c->a);
	audit_dispatch(c->a);
	return ERR_OK;
}

static struct item *
items_of(struct worker_ctx *c, uint32_t id, enum item_kind kind)
{
	struct item *it = slots_find(c->a->items, id);

	if (it == NULL || it->worker != (int)c->index || it->kind != kind)
		return NULL;
	return it;
}

static enum err
on_outcome(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct item *it = items_of(c, f->id, ITEM_KEY);
	struct audit_entry e = {.type = AUDIT_KEY_OUTCOME};
	struct msg_outcome m;

	if (it == NULL || it->logged || msg_outcome_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	e.ref = it->ref;
	e.reason = (uint8_t)m.reason;
	e.n_keys = m.n_keys;
	/* Room was kept for it; if it fails all the same, nothing leaves. */
	if (audit_write(a, &e, NULL, NULL) != ERR_OK)
		fatal("an outcome could not be written: nothing is released");
	it->logged = true;
	audit_release_worker(a, it);
	audit_after_sync(a, a->worker[c->index].peer, MSG_DURABLE, f->id, NULL,
	    0);
	audit_dispatch(a);
	return ERR_OK;
}

static enum err
on_closed(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct item *it = items_of(c, f->id, ITEM_KEY);
	struct audit_entry e = {.type = AUDIT_KEY_OUTCOME};
	struct msg_outcome m;

	if (it == NULL || !it->logged || msg_outcome_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (m.reason != XK_GRANTED && m.n_keys > 0) {
		/* Withheld after all: the last word is the true one. */
		e.ref = it->ref;
		e.reason = (uint8_t)m.reason;
		if (audit_write(a, &e, NULL, NULL) != ERR_OK)
			log_error("an outcome could not be written");
	}
	/* Unavailable: perhaps the worker could tell nobody. */
	audit_tell_done(a, it->asker, it->asker_id, m.reason != XK_UNAVAILABLE,
	    m.reason);
	audit_drop_item(a, f->id);
	return ERR_OK;
}

static enum err
on_task_result(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct item *it = items_of(c, f->id, ITEM_TASK);
	struct audit_entry e = {.type = AUDIT_SUBSCRIBER_OUTCOME};
	struct msg_result m;

	if (it == NULL || msg_result_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	e.ref = it->ref;
	e.reason = (uint8_t)m.rc;
	if (audit_write(a, &e, NULL, NULL) != ERR_OK)
		fatal("an outcome could not be written: nothing is released");
	audit_release_worker(a, it);
	audit_tell_task_done(a, it->asker, it->asker_id, m.rc, m.result);
	audit_drop_item(a, f->id);
	audit_dispatch(a);
	return ERR_OK;
}

/* ERR_CLOSED: hi2 could not be told by the worker; any other it was. */
static enum err
on_hi2_task_ended(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct item *it = items_of(c, f->id, ITEM_HI2);
	struct audit_entry e = {.type = AUDIT_QUEUE_KEY_OUTCOME};
	enum err rc;

	if (it == NULL || msg_hi2_ended_get(f->body, &rc) != ERR_OK)
		return ERR_MALFORMED;
	e.ref = it->ref;
	e.reason = (uint8_t)rc;
	if (!it->logged && audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("an outcome could not be written");
	if (rc == ERR_CLOSED)
		audit_hi2_failed(a, it->asker, it->asker_id, rc);
	audit_release_worker(a, it);
	audit_drop_item(a, f->id);
	audit_dispatch(a);
	return ERR_OK;
}

/* Where it stands after a lesson of what is in effect. */
static void
was_taught(struct audit *a, struct worker *w, uint32_t generation,
    const struct msg_learnt *m)
{
	char text[WHY_MAX], why[WHY_MAX];

	if (generation != a->chain.generation)
		return; /* of a chain that is told anew */
	if (m->rc == ERR_OK) {
		w->taught += w->taught < a->chain.n;
		return;
	}
	w->refused = true;
	w->taught = 0; /* it has forgotten all */
	a->chain.refused = true;
	if (view_text(m->text, why, sizeof(why)) != ERR_OK)
		why[0] = '\0';
	(void)snprintf(text, sizeof(text),
	    "an hsm worker refused the warrant state that policy told: %.160s",
	    why);
	audit_alarm(a, text);
}

static enum err
on_learnt(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit *a = c->a;
	struct worker *w = &a->worker[c->index];
	const bool judging = a->change.state == CHANGE_JUDGED &&
	    a->change.judge == (int)c->index;
	struct msg_learnt m;

	if (msg_learnt_get(f->body, &m) != ERR_OK || !w->asked)
		return ERR_MALFORMED;
	w->asked = false;
	w->greeted = true;
	w->current = m.current;
	if (m.rc == ERR_OK && m.current)
		audit_note_head(a, &m);
	if (!judging)
		was_taught(a, w, f->id, &m);
	else if (m.rc != ERR_OK && !head_equal(&m.head, &a->chain.head))
		w->taught = 0; /* it begins anew */
	audit_change_learnt(a, c->index, &m);
	audit_teach(a, c->index);
	audit_dispatch(a);
	return ERR_OK;
}

static const struct ipc_rule worker_rules[] = {
    {MSG_OUTCOME, 5, 5, 1, on_outcome},
    {MSG_CLOSED, 5, 5, 1, on_closed},
    {MSG_LEARNT, 45, 512, 1, on_learnt},
    {MSG_TASK_RESULT, 5, MAX_IPC_BODY, 1, on_task_result},
    {MSG_HI2_TASK_ENDED, 1, 1, 1, on_hi2_task_ended},
    {MSG_WORKER_READY, 2, 255, 1, on_ready},
    {MSG_WORKER_ENDS, 3, 3 + WHY_MAX, 1, on_ends},
};

static void
worker_closed(void *ctx, struct peer *p)
{
	struct worker_ctx *c = ctx;

	(void)p;
	audit_worker_left(c->a, c->index);
}

const struct peer_ops audit_worker_ops = {.name = "hsm worker",
    .table = worker_rules,
    .n_rules = sizeof(worker_rules) / sizeof(worker_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = worker_closed};

void
audit_worker_left(struct audit *a, unsigned index)
{
	struct worker *w = &a->worker[index];
	struct audit_entry e = {.type = AUDIT_WORKER};
	const bool was_ready = w->ready, asked_to = w->asked_to;
	struct item *it;
	unsigned at = 0;
	char text[sizeof(w->end) + 48];
	uint32_t id;

	if (w->peer == NULL)
		return;
	(void)snprintf(text, sizeof(text), "hsm worker %u has gone%s%s", index,
	    w->ends ? ": " : "", w->end);
	audit_drop_after_sync(a, w->peer);
	peer_free(&w->peer);
	*w = (struct worker){.peer = NULL};
	log_debug("%s", text);
	rd_init(&e.text, text, strlen(text));
	if (was_ready && audit_has_room(a) &&
	    audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("a worker's end could not be written");
	while ((it = slots_next(a->items, &at, &id)) != NULL)
		if (it->worker == (int)index)
			audit_give_up(a, id, it);
	audit_change_worker_left(a, index);
	if (was_ready && !asked_to && ready_workers(a) == 0)
		last_left(a);
	if (was_ready)
		audit_tell_service(a);
	audit_dispatch(a);
}

void *
audit_worker_ctx(struct audit *a, unsigned index)
{
	worker_ctx[index] = (struct worker_ctx){a, index};
	return &worker_ctx[index];
}
