/*
 * The middle of the pipeline: what policy granted becomes an intent on disk,
 * then a job of a worker, then an outcome on disk, and only then may the
 * worker release.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

/* ---- to policy ---- */

static void
tell_done(struct audit *a, struct peer *to, uint32_t id, bool told,
    enum xk_reason reason)
{
	const struct msg_done m = {told, reason};
	uint8_t body[8];
	struct wr w;
	size_t len;

	if (to == NULL || to != a->policy)
		return; /* whoever asked has gone */
	wr_init(&w, body, sizeof(body));
	msg_done_put(&w, &m);
	if (wr_finish(&w, &len) == ERR_OK)
		audit_after_sync(a, to, MSG_DONE, id, body, len);
}

static void
tell_task_done(struct audit *a, struct peer *to, uint32_t id, enum err rc,
    struct rd result)
{
	const struct msg_result m = {rc, result};
	uint8_t *body;
	struct wr w;
	size_t len;

	if (to == NULL || to != a->policy)
		return;
	if ((body = malloc(result.left + 16)) == NULL)
		fatal("out of memory");
	wr_init(&w, body, result.left + 16);
	msg_result_put(&w, &m);
	if (wr_finish(&w, &len) == ERR_OK)
		audit_after_sync(a, to, MSG_TASK_DONE, id, body, len);
	free(body);
}

static void
fail_item(struct audit *a, const struct item *it)
{
	static const char text[] = "the token is out of service";
	struct rd r;

	rd_init(&r, text, strlen(text));
	if (it->kind == ITEM_KEY)
		tell_done(a, it->asker, it->policy_id, false, XK_UNAVAILABLE);
	else
		tell_task_done(a, it->asker, it->policy_id, ERR_HSM, r);
}

void
audit_tell_workers(struct audit *a)
{
	uint32_t n = 0;
	uint8_t body[4];
	struct wr w;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		n += a->worker[i].ready;
	wr_init(&w, body, sizeof(body));
	wr_u32(&w, n);
	if (a->policy != NULL &&
	    peer_send(a->policy, MSG_WORKERS, 0, body, sizeof(body)) != ERR_OK)
		log_warning("policy does not take what it is sent");
}

/* ---- items ---- */

static void
drop_item(struct audit *a, uint32_t id)
{
	struct item *it = slots_find(a->items, id);

	if (it == NULL)
		return;
	a->item_octets -= it->job_len;
	free(it->job);
	slots_drop(a->items, id);
}

void
audit_queue_item(struct audit *a, uint32_t id)
{
	a->waiting[(a->first_waiting + a->n_waiting++) % AUDIT_ITEMS] = id;
}

static int
free_worker(const struct audit *a)
{
	int best = -1;

	for (int i = 0; i < MAX_WORKERS; i++)
		if (a->worker[i].ready &&
		    a->worker[i].jobs < AUDIT_WORKER_JOBS &&
		    (best == -1 || a->worker[i].jobs < a->worker[best].jobs))
			best = i;
	return best;
}

static bool
any_worker(const struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (a->worker[i].ready)
			return true;
	return false;
}

/* Write the outcome of an item that no worker will finish. */
static void
give_up(struct audit *a, uint32_t id, struct item *it)
{
	struct audit_entry e = {.type = it->kind == ITEM_KEY
		? AUDIT_KEY_OUTCOME
		: AUDIT_SUBSCRIBER_OUTCOME,
	    .ref = it->ref,
	    .reason = it->kind == ITEM_KEY ? XK_UNAVAILABLE : ERR_HSM};

	if (!it->logged && audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("an outcome could not be written");
	fail_item(a, it);
	drop_item(a, id);
}

void
audit_dispatch(struct audit *a)
{
	while (a->n_waiting > 0) {
		const uint32_t id = a->waiting[a->first_waiting];
		struct item *it = slots_find(a->items, id);
		const int to = free_worker(a);

		if (it != NULL && to == -1 && any_worker(a))
			return;
		a->first_waiting = (a->first_waiting + 1) % AUDIT_ITEMS;
		a->n_waiting--;
		if (it == NULL)
			continue;
		if (to == -1 ||
		    peer_send(a->worker[to].peer,
			it->kind == ITEM_KEY ? MSG_WORK : MSG_DO_TASK, id,
			it->job, it->job_len) != ERR_OK) {
			give_up(a, id, it);
			continue;
		}
		it->worker = to;
		a->worker[to].jobs++;
		a->item_octets -= it->job_len;
		free(it->job);
		it->job = NULL;
		it->job_len = 0;
	}
}

/* The worker is done with an item in one way or another. */
static void
release_worker(struct audit *a, const struct item *it)
{
	if (it->worker >= 0 && a->worker[it->worker].jobs > 0)
		a->worker[it->worker].jobs--;
}

/* ---- from policy ---- */

/* Take an item and its job for after the sync; NULL: no room. */
static struct item *
new_item(struct audit *a, enum item_kind kind, uint32_t policy_id, uint8_t *job,
    size_t len, uint32_t *id)
{
	struct item *it;

	if (a->item_octets + len > AUDIT_ITEM_OCTETS ||
	    (it = slots_take(a->items, id)) == NULL) {
		free(job);
		return NULL;
	}
	*it = (struct item){.kind = kind,
	    .policy_id = policy_id,
	    .asker = a->policy,
	    .worker = -1,
	    .job = job,
	    .job_len = len};
	a->item_octets += len;
	return it;
}

/* The entry as policy wishes it, of the one type that belongs here. */
static enum err
wished_entry(struct rd r, enum audit_type type, struct audit_entry *out)
{
	if (audit_entry_decode(r, out) != ERR_OK || out->type != type)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* A granted request that cannot go on; policy says so to the asker. */
static void
refuse_grant(struct audit *a, uint32_t id, const struct audit_entry *e,
    const char *text)
{
	struct audit_entry r = {.type = AUDIT_KEY_REFUSED,
	    .reason = XK_UNAVAILABLE,
	    .client = e->client,
	    .target = e->target,
	    .liid = e->liid};

	rd_init(&r.text, text, strlen(text));
	if (audit_has_room(a) && audit_write(a, &r, NULL, NULL) != ERR_OK)
		log_error("a refusal could not be written");
	tell_done(a, a->policy, id, false, XK_UNAVAILABLE);
}

static enum err
on_grant(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	uint8_t leaf[MAX_AUDIT_LEAF], *job;
	struct audit_entry e;
	struct msg_work m;
	struct item *it;
	size_t leaf_len, len;
	uint32_t id;
	struct wr w;

	if (msg_work_get(f->body, &m) != ERR_OK ||
	    wished_entry(m.intent, AUDIT_KEY_INTENT, &e) != ERR_OK)
		return ERR_MALFORMED;
	if (EVP_Q_digest(NULL, "SHA256", NULL, m.call.p, m.call.left, e.digest,
		NULL) != 1)
		return ERR_CRYPTO;
	if (!any_worker(a)) {
		refuse_grant(a, f->id, &e, "no hsm worker is ready");
		return ERR_OK;
	}
	if (!audit_has_room(a) ||
	    audit_write(a, &e, leaf, &leaf_len) != ERR_OK) {
		log_error("the audit log is full or unwritable: nothing is "
			  "released");
		tell_done(a, a->policy, f->id, false, XK_UNAVAILABLE);
		return ERR_OK;
	}
	rd_init(&m.intent, leaf, leaf_len);
	if ((job = malloc(msg_work_max(&m))) == NULL)
		return ERR_NOMEM;
	wr_init(&w, job, msg_work_max(&m));
	msg_work_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a job longer than its own bound");
	it = new_item(a, ITEM_KEY, f->id, job, len, &id);
	if (it == NULL) {
		struct audit_entry o = {.type = AUDIT_KEY_OUTCOME,
		    .ref = e.number,
		    .reason = XK_UNAVAILABLE};

		if (audit_write(a, &o, NULL, NULL) != ERR_OK)
			log_error("an outcome could not be written");
		tell_done(a, a->policy, f->id, false, XK_UNAVAILABLE);
		return ERR_OK;
	}
	it->ref = e.number;
	audit_after_sync(a, NULL, 0, id, NULL, 0);
	return ERR_OK;
}

static enum err
on_task(void *ctx, const struct ipc_frame *f)
{
	static const char none[] = "no hsm worker is ready, or the audit log "
				   "is full";
	struct audit *a = ctx;
	struct audit_entry e;
	struct msg_task m;
	struct item *it;
	uint8_t *job;
	uint32_t id;
	struct rd why;
	size_t len;
	struct wr w;

	if (msg_task_get(f->body, &m) != ERR_OK ||
	    wished_entry(m.entry, AUDIT_SUBSCRIBER_INTENT, &e) != ERR_OK)
		return ERR_MALFORMED;
	rd_init(&why, none, strlen(none));
	if (!any_worker(a) || !audit_has_room(a) ||
	    audit_write(a, &e, NULL, NULL) != ERR_OK) {
		tell_task_done(a, a->policy, f->id, ERR_HSM, why);
		return ERR_OK;
	}
	if ((job = malloc(f->body.left)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, job, f->body.left);
	rd_init(&m.entry, NULL, 0);
	msg_task_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a task longer than its own bound");
	if ((it = new_item(a, ITEM_TASK, f->id, job, len, &id)) == NULL) {
		tell_task_done(a, a->policy, f->id, ERR_HSM, why);
		return ERR_OK;
	}
	it->ref = e.number;
	audit_after_sync(a, NULL, 0, id, NULL, 0);
	return ERR_OK;
}

/* Entries that policy may have written without any work behind them. */
static bool
may_record(enum audit_type t)
{
	return t == AUDIT_KEY_REFUSED || t == AUDIT_WARRANT_ADDED ||
	    t == AUDIT_DOCUMENT_REFUSED || t == AUDIT_CLIENT_EVENT ||
	    t == AUDIT_SUBSCRIBER_REMOVED || t == AUDIT_CONFIG;
}

static enum err
on_record(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct audit_entry e;
	uint8_t result;
	enum err rc;

	if (audit_entry_decode(f->body, &e) != ERR_OK || !may_record(e.type))
		return ERR_MALFORMED;
	rc = audit_has_room(a) ? audit_write(a, &e, NULL, NULL) : ERR_FULL;
	result = (uint8_t)rc;
	audit_after_sync(a, a->policy, MSG_RECORDED, f->id, &result, 1);
	return ERR_OK;
}

static void
finish_lesson(struct audit *a, struct lesson *l)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (l->waits_for[i])
			return;
	l->used = false;
	if (l->asker != NULL && l->asker == a->policy)
		audit_after_sync(a, l->asker, MSG_REVOKED, l->policy_id, NULL,
		    0);
}

/* Pass a revocation on to every worker and note who is to learn it. */
static void
teach(struct audit *a, struct lesson *l, struct rd cms)
{
	const uint32_t id = (uint32_t)(l - a->lesson);

	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		if (a->worker[i].peer == NULL)
			continue;
		l->waits_for[i] = true;
		audit_after_sync(a, a->worker[i].peer, MSG_LEARN, id, cms.p,
		    cms.left);
	}
	finish_lesson(a, l);
}

static enum err
keep_revocation(struct audit *a, struct rd cms)
{
	struct cms_blob *list =
	    realloc(a->revocation, (a->n_revocations + 1) * sizeof(*list));
	uint8_t *copy = malloc(cms.left);

	if (list != NULL)
		a->revocation = list;
	if (list == NULL || copy == NULL) {
		free(copy);
		return ERR_NOMEM;
	}
	memcpy(copy, cms.p, cms.left);
	a->revocation[a->n_revocations++] = (struct cms_blob){copy, cms.left};
	return ERR_OK;
}

static bool
knows_revocation(const struct audit *a, struct rd cms)
{
	for (size_t i = 0; i < a->n_revocations; i++)
		if (rd_is(&cms, a->revocation[i].p, a->revocation[i].len))
			return true;
	return false;
}

/* One that is in the log: policy or we have been started again. */
static enum err
repeat_revocation(struct audit *a, struct rd cms)
{
	enum err rc;

	if (knows_revocation(a, cms))
		return ERR_OK;
	if ((rc = keep_revocation(a, cms)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		if (a->worker[i].peer != NULL)
			audit_after_sync(a, a->worker[i].peer, MSG_LEARN,
			    AUDIT_LESSONS, cms.p, cms.left);
	return ERR_OK;
}

static enum err
on_revoke(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct lesson *l = NULL;
	struct audit_entry e;
	struct msg_revoke m;
	enum err rc;

	if (msg_revoke_get(f->body, &m) != ERR_OK ||
	    (m.entry.left > 0 &&
		wished_entry(m.entry, AUDIT_WARRANT_REVOKED, &e) != ERR_OK))
		return ERR_MALFORMED;
	if (m.entry.left == 0)
		return repeat_revocation(a, m.cms);
	for (unsigned i = 0; i < AUDIT_LESSONS && l == NULL; i++)
		if (!a->lesson[i].used)
			l = &a->lesson[i];
	if (l == NULL)
		return ERR_FULL; /* policy sends one at a time */
	/* A full log must not keep a warrant alive: written or not, it ends. */
	if (!audit_has_room(a) || audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("the audit log is full or unwritable: a revocation "
			  "takes effect without an entry");
	if (!knows_revocation(a, m.cms) &&
	    (rc = keep_revocation(a, m.cms)) != ERR_OK)
		return rc;
	*l = (struct lesson){.used = true,
	    .policy_id = f->id,
	    .asker = a->policy};
	teach(a, l, m.cms);
	return ERR_OK;
}

static const struct ipc_rule policy_rules[] = {
    {MSG_GRANT, 32, MAX_IPC_BODY, 1, on_grant},
    {MSG_RECORD, 16, MAX_AUDIT_LEAF, 1, on_record},
    {MSG_REVOKE, 8, MAX_WARRANT_CMS + MAX_AUDIT_LEAF + 8, 1, on_revoke},
    {MSG_TASK, 8, MAX_IPC_BODY, 1, on_task},
};

/* ---- from a worker; ctx is the audit process, the worker is in the peer ----
 */

/* Each worker's channel has its own ctx so that it can be told apart. */
struct worker_ctx {
	struct audit *a;
	unsigned index;
};
static struct worker_ctx worker_ctx[MAX_WORKERS];

static enum err
on_ready(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;
	struct audit_entry e = {.type = AUDIT_WORKER, .text = f->body};

	c->a->worker[c->index].ready = true;
	if (audit_has_room(c->a) && audit_write(c->a, &e, NULL, NULL) != ERR_OK)
		log_error("a worker's start could not be written");
	audit_tell_workers(c->a);
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
	release_worker(a, it);
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
	tell_done(a, it->asker, it->policy_id, true, m.reason);
	drop_item(a, f->id);
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
	release_worker(a, it);
	tell_task_done(a, it->asker, it->policy_id, m.rc, m.result);
	drop_item(a, f->id);
	audit_dispatch(a);
	return ERR_OK;
}

static enum err
on_learnt(void *ctx, const struct ipc_frame *f)
{
	struct worker_ctx *c = ctx;

	/* Those that a new worker is told at its start have no lesson. */
	if (f->id < AUDIT_LESSONS && c->a->lesson[f->id].used) {
		c->a->lesson[f->id].waits_for[c->index] = false;
		finish_lesson(c->a, &c->a->lesson[f->id]);
	}
	return ERR_OK;
}

static const struct ipc_rule worker_rules[] = {
    {MSG_OUTCOME, 5, 5, 1, on_outcome},
    {MSG_CLOSED, 5, 5, 1, on_closed},
    {MSG_LEARNT, 0, 0, 1, on_learnt},
    {MSG_TASK_RESULT, 5, MAX_IPC_BODY, 1, on_task_result},
    {MSG_WORKER_READY, 1, 255, 1, on_ready},
};

static void
policy_closed(void *ctx, struct peer *p)
{
	struct audit *a = ctx;

	(void)p;
	log_debug("policy has gone");
	audit_policy_left(a);
}

static void
worker_closed(void *ctx, struct peer *p)
{
	struct worker_ctx *c = ctx;

	(void)p;
	audit_worker_left(c->a, c->index);
}

const struct peer_ops audit_policy_ops = {.name = "policy",
    .table = policy_rules,
    .n_rules = sizeof(policy_rules) / sizeof(policy_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = policy_closed};
const struct peer_ops audit_worker_ops = {.name = "hsm worker",
    .table = worker_rules,
    .n_rules = sizeof(worker_rules) / sizeof(worker_rules[0]),
    .max_body = MAX_IPC_BODY,
    .max_queue = MAX_IPC_QUEUE,
    .closed = worker_closed};

void
audit_policy_left(struct audit *a)
{
	audit_drop_after_sync(a, a->policy);
	peer_free(&a->policy);
}

void
audit_worker_left(struct audit *a, unsigned index)
{
	struct worker *w = &a->worker[index];
	struct audit_entry e = {.type = AUDIT_WORKER};
	const bool was_ready = w->ready;
	struct item *it;
	unsigned at = 0;
	char text[64];
	uint32_t id;

	if (w->peer == NULL)
		return;
	audit_drop_after_sync(a, w->peer);
	peer_free(&w->peer);
	*w = (struct worker){.peer = NULL};
	log_debug("hsm worker %u has gone", index);
	(void)snprintf(text, sizeof(text), "hsm worker %u has gone", index);
	rd_init(&e.text, text, strlen(text));
	if (was_ready && audit_has_room(a) &&
	    audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("a worker's end could not be written");
	while ((it = slots_next(a->items, &at, &id)) != NULL)
		if (it->worker == (int)index)
			give_up(a, id, it);
	for (unsigned i = 0; i < AUDIT_LESSONS; i++)
		if (a->lesson[i].used) {
			a->lesson[i].waits_for[index] = false;
			finish_lesson(a, &a->lesson[i]);
		}
	if (was_ready)
		audit_tell_workers(a);
	audit_dispatch(a);
}

/* A new channel to a worker: it learns the revocations before any work. */
void
audit_worker_joined(struct audit *a, unsigned index)
{
	for (size_t i = 0; i < a->n_revocations; i++)
		if (peer_send(a->worker[index].peer, MSG_LEARN, AUDIT_LESSONS,
			a->revocation[i].p, a->revocation[i].len) != ERR_OK)
			fatal("a worker does not take the revocations");
}

void *
audit_worker_ctx(struct audit *a, unsigned index)
{
	worker_ctx[index] = (struct worker_ctx){a, index};
	return &worker_ctx[index];
}
