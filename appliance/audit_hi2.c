/*
 * What the queue of HI2 asks of audit: work of the token for delivery, entries
 * about it.  A data key leaves a worker only when the log has that it was asked
 * for; a signature is over what hi2 likes, by a key that serves nothing else,
 * and leaves no entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "appliance/proto_hi2.h"
#include "base/log.h"
#include "policy/digest.h"

#define MINUTE 60000 /* ms */

/* ---- to hi2 ---- */

static void
tell(struct audit *a, uint16_t type, uint32_t id, enum err rc)
{
	uint8_t body[1];
	struct wr w;

	wr_init(&w, body, sizeof(body));
	msg_hi2_ended_put(&w, rc);
	audit_after_sync(a, a->hi2, type, id, body, w.len);
}

void
audit_hi2_failed(struct audit *a, uint32_t asker, uint32_t id, enum err rc)
{
	if (a->hi2 != NULL && asker == a->hi2_epoch)
		tell(a, MSG_HI2_TASK_FAILED, id, rc);
}

void
audit_hi2_ended(struct audit *a, const struct item *it)
{
	if (it->asker == a->hi2_epoch)
		a->hi2_tasks--;
}

/* ---- from hi2 ---- */

/* May it have another entry?  ERR_OK counts it. */
static enum err
may_write(struct audit *a)
{
	struct hi2_minute *m = &a->hi2_minute;
	const int64_t now = (int64_t)uv_now(&a->loop);

	if (now - m->began >= MINUTE)
		*m = (struct hi2_minute){.began = now};
	if (m->entries >= HI2_ENTRIES)
		return ERR_AGAIN;
	if (!audit_has_room(a))
		return ERR_FULL;
	m->entries++;
	return ERR_OK;
}

static enum err
write_intent(struct audit *a, const struct msg_hi2_task *t, uint64_t *number)
{
	struct audit_entry e = {.type = AUDIT_QUEUE_KEY_INTENT, .ref = t->key};
	enum err rc;

	if ((rc = digest_of(t->octets, e.digest)) == ERR_OK &&
	    (rc = may_write(a)) == ERR_OK)
		rc = audit_write(a, &e, NULL, NULL);
	*number = e.number;
	return rc;
}

/* The job of a worker; ERR_OK: *id is that of its item. */
static enum err
new_task(struct audit *a, const struct msg_do_hi2_task *m, uint32_t *id)
{
	uint8_t *job;
	size_t len;
	struct wr w;

	if (a->hi2_tasks >= HI2_TASKS)
		return ERR_FULL;
	if (!audit_any_worker(a, QUEUE_DELIVERY))
		return ERR_HSM;
	if ((job = malloc(msg_do_hi2_task_max(m))) == NULL)
		return ERR_NOMEM;
	wr_init(&w, job, msg_do_hi2_task_max(m));
	msg_do_hi2_task_put(&w, m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a task longer than its own bound");
	if (audit_new_item(a, ITEM_HI2, QUEUE_DELIVERY, m->hi2_id, job, len,
		id) == NULL)
		return ERR_FULL;
	a->hi2_tasks++;
	return ERR_OK;
}

static enum err
on_task(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct msg_do_hi2_task m = {.hi2_id = f->id};
	struct item *it;
	uint32_t id;
	enum err rc;

	if (msg_hi2_task_get(f->body, &m.task) != ERR_OK)
		return ERR_MALFORMED;
	if ((rc = new_task(a, &m, &id)) != ERR_OK) {
		tell(a, MSG_HI2_TASK_FAILED, f->id, rc);
		return ERR_OK;
	}
	it = slots_find(a->items, id);
	if (m.task.kind == HI2_TASK_SIGN) {
		it->logged = true; /* as much as it ever will be */
		audit_queue_item(a, id);
		audit_dispatch(a);
		return ERR_OK;
	}
	if ((rc = write_intent(a, &m.task, &it->ref)) != ERR_OK) {
		audit_drop_item(a, id);
		tell(a, MSG_HI2_TASK_FAILED, f->id, rc);
		return ERR_OK;
	}
	audit_after_sync(a, NULL, 0, id, NULL, 0);
	return ERR_OK;
}

/* Alarms are entries as all alarms are; the rest can be counted. */
static void
fill_note(struct audit_entry *e, const struct msg_hi2_note *m, char *text,
    size_t cap)
{
	static const struct {
		enum audit_type type;
		const char *text;
	} of[HI2_NOTE__MAX] = {[HI2_NOTE_DOWN] = {AUDIT_ALARM,
				   "is not reached for too long"},
	    [HI2_NOTE_UP] = {AUDIT_DELIVERY, "is reached again"},
	    [HI2_NOTE_NEARLY_FULL] = {AUDIT_ALARM,
		"has so much waiting that records will be dropped soon"},
	    [HI2_NOTE_DROPPED] = {AUDIT_DELIVERY,
		"never got records that were dropped"},
	    [HI2_NOTE_DAMAGED] = {AUDIT_ALARM,
		"has records that do not open and were set aside"}};

	(void)snprintf(text, cap, "LEMF %.*s %s (%llu records)%s%.*s",
	    (int)m->lemf.left, (const char *)m->lemf.p, of[m->kind].text,
	    (unsigned long long)m->n, m->text.left > 0 ? ": " : "",
	    (int)m->text.left, (const char *)m->text.p);
	*e = (struct audit_entry){.type = of[m->kind].type,
	    .client = m->lemf,
	    .n_keys = m->n < UINT32_MAX ? (uint32_t)m->n : UINT32_MAX};
	rd_init(&e->text, text, strlen(text));
}

static enum err
on_note(void *ctx, const struct ipc_frame *f)
{
	static struct log_limit limit;
	char text[512], line[512];
	struct audit *a = ctx;
	struct audit_entry e;
	struct msg_hi2_note m;
	enum err rc;

	if (msg_hi2_note_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	fill_note(&e, &m, text, sizeof(text));
	if ((rc = may_write(a)) == ERR_OK)
		rc = audit_write(a, &e, NULL, NULL);
	log_limited(&limit, 10, "%s",
	    log_escape(text, strlen(text), line, sizeof(line)));
	tell(a, MSG_HI2_NOTED, f->id, rc);
	return ERR_OK;
}

/* ---- the channel ---- */

static const struct ipc_rule hi2_rules[] = {
    {MSG_HI2_TASK, 14, 13 + MAX_SIGN_DATA, 1, on_task},
    {MSG_HI2_NOTE, 12, 11 + MAX_NAME + MAX_LINK_TEXT, 1, on_note},
};

static void
hi2_closed(void *ctx, struct peer *p)
{
	(void)p;
	log_debug("hi2 has gone");
	audit_hi2_left(ctx);
}

const struct peer_ops audit_hi2_ops = {.name = "hi2",
    .table = hi2_rules,
    .n_rules = sizeof(hi2_rules) / sizeof(hi2_rules[0]),
    .max_body = 13 + MAX_SIGN_DATA,
    .max_queue = MAX_IPC_QUEUE,
    .closed = hi2_closed};

/* What no worker has begun for it ends; what one has ends by itself. */
void
audit_hi2_left(struct audit *a)
{
	struct item *it;
	unsigned at = 0;
	uint32_t id;

	a->hi2_epoch++;
	a->hi2_tasks = 0;
	audit_drop_after_sync(a, a->hi2);
	peer_free(&a->hi2);
	while (turns_count(a->waiting[QUEUE_DELIVERY]) > 0)
		turns_next(a->waiting[QUEUE_DELIVERY]);
	while ((it = slots_next(a->items, &at, &id)) != NULL)
		if (it->kind == ITEM_HI2 && it->worker == -1)
			audit_give_up(a, id, it);
}
