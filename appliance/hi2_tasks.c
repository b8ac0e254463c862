/* Work of the token for delivery: asked of audit, answered by a worker. */
#include <string.h>

#include <openssl/rand.h>

#include "appliance/hi2_proc.h"
#include "base/log.h"

/* A worker that answers does so long before. */
#define TASK_MS 60000
/* Signatures leave room for the data keys, without which nothing goes out. */
#define SIGNS_MAX (HI2_TASKS - 2)
#define QUIET_FAILURES 4

enum err
hi2_tasks_init(struct hi2_tasks *t)
{
	*t = (struct hi2_tasks){0};
	return RAND_bytes((unsigned char *)&t->last, sizeof(t->last)) == 1
	    ? ERR_OK
	    : ERR_CRYPTO;
}

static struct hi2_task *
find(struct hi2_tasks *t, uint32_t id)
{
	for (unsigned i = 0; i < HI2_TASKS; i++)
		if (t->task[i].id == id)
			return &t->task[i];
	return NULL;
}

static unsigned
under_way(const struct hi2_tasks *t, enum hi2_task_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HI2_TASKS; i++)
		n += t->task[i].id != 0 && t->task[i].kind == kind;
	return n;
}

static enum err
start(struct hi2 *h, const struct hi2_task *what, struct rd octets)
{
	struct hi2_task *t = find(&h->tasks, 0);
	const struct msg_hi2_task m = {.kind = what->kind,
	    .key = what->key,
	    .octets = octets};
	struct wr w;
	enum err rc;

	if (h->audit == NULL)
		return ERR_CLOSED;
	if (t == NULL)
		return ERR_FULL;
	if (++h->tasks.last == 0)
		h->tasks.last = 1;
	rc = peer_begin(h->audit, MSG_HI2_TASK, h->tasks.last,
	    msg_hi2_task_max(&m), &w);
	if (rc == ERR_OK) {
		msg_hi2_task_put(&w, &m);
		rc = peer_commit(h->audit, &w);
	}
	if (rc != ERR_OK)
		return rc;
	*t = *what;
	t->id = h->tasks.last;
	t->until = hi2_now().ms + TASK_MS;
	return ERR_OK;
}

enum err
hi2_task_unwrap(struct hi2 *h, uint64_t key, struct rd wrapped)
{
	return start(h, &(struct hi2_task){.kind = HI2_TASK_UNWRAP, .key = key},
	    wrapped);
}

enum err
hi2_task_sign(struct hi2 *h, unsigned slot, uint32_t for_id, struct rd octets)
{
	if (under_way(&h->tasks, HI2_TASK_SIGN) >= SIGNS_MAX)
		return ERR_FULL;
	return start(h,
	    &(struct hi2_task){.kind = HI2_TASK_SIGN,
		.slot = slot,
		.for_id = for_id},
	    octets);
}

/* ---- the end of one ---- */

/* Right after a start no worker is ready yet: that is nothing to be told. */
static void
say(struct hi2_tasks *t, uint64_t key, enum err rc)
{
	static struct log_limit limit;

	t->failed = rc == ERR_OK || rc == ERR_MISMATCH ? 0 : t->failed + 1;
	if (rc == ERR_MISMATCH)
		log_error("data key %llu of the queue is not this token's: "
			  "records under it are set aside",
		    (unsigned long long)key);
	else if (t->failed > QUIET_FAILURES)
		log_limited(&limit, 5,
		    "data key %llu of the queue is not unwrapped: %s; it is "
		    "asked for again",
		    (unsigned long long)key, err_str(rc));
}

static void
end(struct hi2 *h, struct hi2_task *t, enum err rc, struct rd octets)
{
	const struct hi2_task was = *t;

	*t = (struct hi2_task){.id = 0};
	if (was.kind == HI2_TASK_SIGN) {
		if (h->link[was.slot].h != NULL)
			hi2_link_signed(h, was.slot, was.for_id, octets);
		return;
	}
	say(&h->tasks, was.key, rc);
	delivery_key(h->delivery, was.key, rc, octets, hi2_now());
}

static void
fail(struct hi2 *h, struct hi2_task *t, enum err rc)
{
	static const struct rd none = {NULL, 0};

	end(h, t, rc, none);
}

enum err
hi2_on_task_done(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct hi2_task *t = f->id == 0 ? NULL : find(&h->tasks, f->id);
	struct msg_hi2_done m;

	if (msg_hi2_done_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	if (t != NULL)
		end(h, t, m.rc, m.octets);
	return ERR_OK;
}

enum err
hi2_on_task_failed(void *ctx, const struct ipc_frame *f)
{
	struct hi2 *h = ctx;
	struct hi2_task *t = f->id == 0 ? NULL : find(&h->tasks, f->id);
	enum err rc = ERR_OK;

	if (msg_hi2_ended_get(f->body, &rc) != ERR_OK || rc == ERR_OK)
		return ERR_MALFORMED;
	/* That a key is lost is a worker's to say. */
	if (t != NULL)
		fail(h, t, rc == ERR_MISMATCH ? ERR_HSM : rc);
	return ERR_OK;
}

void
hi2_tasks_expire(struct hi2 *h)
{
	const int64_t now = hi2_now().ms;

	for (unsigned i = 0; i < HI2_TASKS; i++)
		if (h->tasks.task[i].id != 0 && now >= h->tasks.task[i].until)
			fail(h, &h->tasks.task[i], ERR_AGAIN);
}

void
hi2_tasks_audit_gone(struct hi2 *h)
{
	for (unsigned i = 0; i < HI2_TASKS; i++)
		if (h->tasks.task[i].id != 0)
			fail(h, &h->tasks.task[i], ERR_CLOSED);
}

void
hi2_tasks_link_gone(struct hi2 *h, unsigned slot)
{
	for (unsigned i = 0; i < HI2_TASKS; i++)
		if (h->tasks.task[i].id != 0 &&
		    h->tasks.task[i].kind == HI2_TASK_SIGN &&
		    h->tasks.task[i].slot == slot)
			h->tasks.task[i] = (struct hi2_task){.id = 0};
}
