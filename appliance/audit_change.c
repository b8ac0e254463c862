/*
 * A change of the warrant state: written down, judged by one worker, then in
 * effect and taught to the others; policy hears of it at the end.  policy
 * sends one at a time.
 *
 * What a worker may have sealed is in effect even if the worker's word is
 * lost: policy is told to ask again (ERR_AGAIN), not that it failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/audit_proc.h"
#include "base/log.h"

static void
tell(struct audit *a, uint32_t id, uint32_t asker, enum err rc, bool logged,
    const char *text)
{
	struct msg_changed m = {.rc = rc, .logged = logged};
	uint8_t body[WHY_MAX + 16];
	struct wr w;
	size_t len;

	if (a->policy == NULL || asker != a->policy_epoch)
		return;
	rd_init(&m.text, text, strlen(text));
	wr_init(&w, body, sizeof(body));
	msg_changed_put(&w, &m);
	if (wr_finish(&w, &len) != ERR_OK)
		fatal("a text longer than its own bound");
	audit_after_sync(a, a->policy, MSG_CHANGED, id, body, len);
}

static void
end_change(struct audit *a, enum err rc, const char *text)
{
	struct change_under_way *u = &a->change;

	tell(a, u->policy_id, u->asker, rc, u->logged, text);
	free(u->octets);
	*u = (struct change_under_way){.state = CHANGE_NONE};
}

/* `room`: there is some. */
static void
write_head(struct audit *a, const struct head *h, const char *text, bool room)
{
	struct audit_entry e = {.type = AUDIT_HEAD, .ref = h->number};

	memcpy(e.digest, h->hash, sizeof(e.digest));
	rd_init(&e.text, text, strlen(text));
	if (!room || audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_warning("the audit log is full: head %llu is not in it",
		    (unsigned long long)h->number);
}

/* In effect, and the log knows nothing of it: is it the log that is old? */
static void
miss_entry(struct audit *a, uint64_t number)
{
	struct audit_entry e = {.type = AUDIT_ALARM};
	struct why why;

	(void)why_set(&why, ERR_MISMATCH,
	    "change %llu is in effect and not in the log: it was full then, or "
	    "audit.log was put back from another day",
	    (unsigned long long)number);
	log_error("%s", why.text);
	rd_init(&e.text, why.text, strlen(why.text));
	if (audit_write(a, &e, NULL, NULL) != ERR_OK)
		log_error("an alarm could not be written");
}

void
audit_note_head(struct audit *a, const struct msg_learnt *m)
{
	char seal[2 * 64 + 1] = "";

	if (m->head.number < a->seen.head.number || m->seal.left > 64 ||
	    m->seal.left == 0 || head_equal(&m->head, &a->seen.head))
		return;
	if (audit_has_room(a) && m->head.number > 0 &&
	    !state_seen_logged(&a->seen, &m->head))
		miss_entry(a, m->head.number);
	hex_put(m->seal.p, m->seal.left, seal);
	write_head(a, &m->head, seal, audit_has_room(a));
}

/* ---- in effect ---- */

/* Every worker that can has learnt it. */
static void
spread(struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		const struct worker *w = &a->worker[i];

		if (w->peer != NULL && w->ready && !w->refused &&
		    w->taught < a->chain.n)
			return;
	}
	end_change(a, ERR_OK, "");
}

static void
takes_effect(struct audit *a)
{
	struct change_under_way *u = &a->change;
	struct rd v;

	rd_init(&v, u->octets, u->len);
	if (audit_keep_batch(a, v) != ERR_OK)
		fatal("out of memory");
	a->chain.head = u->head;
	state_seen_told(&a->seen, &u->head);
	if (u->asker == a->policy_epoch)
		a->chain.told = u->head;
	else { /* a new policy is telling: this is older than what it tells */
		a->chain.head_before = u->head;
		a->chain.n_before = a->chain.n;
	}
	u->state = CHANGE_SPREADS;
	if (u->judge >= 0)
		a->worker[u->judge].taught = a->chain.n;
	audit_teach_all(a);
	audit_tell_service(a);
	spread(a);
}

/* ---- judged ---- */

/* A worker that knows all there was before. */
static int
find_judge(const struct audit *a)
{
	int behind = -1;

	for (int i = 0; i < MAX_WORKERS; i++) {
		const struct worker *w = &a->worker[i];

		if (!w->ready || !w->greeted || w->asked || w->refused ||
		    w->taught < a->chain.n)
			continue;
		if (w->current)
			return i;
		behind = i; /* what it lacks may be this very change */
	}
	return behind;
}

/* One that will be able to judge when it knows what was before? */
static bool
one_learns(const struct audit *a)
{
	for (unsigned i = 0; i < MAX_WORKERS; i++) {
		const struct worker *w = &a->worker[i];

		if (w->ready && !w->refused &&
		    (w->asked || !w->greeted || w->taught < a->chain.n))
			return true;
	}
	return false;
}

/* Has the log the word of a worker that it was sealed? */
static bool
was_sealed(const struct audit *a, const struct head *h)
{
	return head_equal(h, &a->seen.head);
}

static void
let_judge(struct audit *a)
{
	struct change_under_way *u = &a->change;
	struct rd v;

	if ((u->judge = find_judge(a)) == -1) {
		if (one_learns(a))
			u->state = CHANGE_WAITS;
		else if (change_is_stop(u->kind))
			takes_effect(a);
		else if (u->tried)
			end_change(a, ERR_AGAIN,
			    "the hsm worker went out of service: whether it "
			    "took effect shows when one is back");
		else
			end_change(a, ERR_CLOSED,
			    "no hsm worker is ready: nothing was done");
		return;
	}
	u->state = CHANGE_JUDGED;
	u->tried = true;
	a->worker[u->judge].asked = true;
	rd_init(&v, u->octets, u->len);
	audit_send_changes(a, (unsigned)u->judge, v, !was_sealed(a, &u->head));
}

void
audit_change_synced(struct audit *a)
{
	if (a->change.state == CHANGE_WRITTEN)
		let_judge(a);
}

static void
refused(struct audit *a, const struct msg_learnt *m)
{
	char text[WHY_MAX], why[WHY_MAX];

	if (view_text(m->text, why, sizeof(why)) != ERR_OK)
		why[0] = '\0';
	(void)snprintf(text, sizeof(text),
	    "an hsm worker refused change %llu: %.160s",
	    (unsigned long long)a->change.head.number, why);
	/*
	 * The log's entry alone would count: take it back, first of all and
	 * into what is kept free of other entries, or nothing would ever be
	 * released again.  But not one that stood there before: with other
	 * octets behind the same hash whoever sits in policy would be rid of a
	 * stop that officers have signed.
	 */
	if (a->change.entered && a->change.logged)
		write_head(a, &a->chain.head, "", true);
	audit_alarm(a, text);
	/* One that says yes to another head has not said yes. */
	end_change(a, m->rc != ERR_OK ? m->rc : ERR_MISMATCH, why);
}

void
audit_change_learnt(struct audit *a, unsigned index, const struct msg_learnt *m)
{
	struct change_under_way *u = &a->change;

	if (u->state == CHANGE_JUDGED && u->judge == (int)index) {
		if (m->rc == ERR_OK && head_equal(&m->head, &u->head))
			takes_effect(a);
		else
			refused(a, m);
	} else if (u->state == CHANGE_WAITS)
		let_judge(a);
	else if (u->state == CHANGE_SPREADS)
		spread(a);
}

void
audit_change_worker_left(struct audit *a, unsigned index)
{
	struct change_under_way *u = &a->change;

	if (u->state == CHANGE_WAITS ||
	    (u->state == CHANGE_JUDGED && u->judge == (int)index))
		let_judge(a);
	else if (u->state == CHANGE_SPREADS)
		spread(a);
}

/* ---- from policy ---- */

/* The entry, if there is room for it and it is not there yet. */
static bool
write_entry(struct audit *a, const struct msg_change *m, const struct change *c,
    const struct head *h)
{
	const bool there = state_seen_logged(&a->seen, h);
	struct audit_entry e;

	if (there && m->entry.left == 0)
		return true;
	if (audit_wished_entry(m->entry, AUDIT_CHANGE, &e) != ERR_OK)
		fatal("policy sent a change without its entry");
	if (there)
		return true;
	e.ref = c->number;
	e.reason = (uint8_t)c->kind;
	memcpy(e.digest, h->hash, sizeof(e.digest));
	return audit_has_room(a) && audit_write(a, &e, NULL, NULL) == ERR_OK;
}

/* A change that audit has kept: the head behind it. */
static bool
known(const struct audit *a, const struct change *c, struct head *h)
{
	struct change x;
	struct head claimed;
	struct rd at;

	*h = a->seen.first;
	for (size_t i = 0; i < a->chain.n; i++) {
		rd_init(&at, a->chain.batch[i].p, a->chain.batch[i].len);
		while (at.left > 0) {
			if (change_get(&at, &x) != ERR_OK)
				fatal("a change that was kept is none");
			if (head_after(h, c, &claimed) != ERR_OK ||
			    head_after(h, &x, h) != ERR_OK)
				fatal("SHA-256 failed");
			if (x.number == c->number)
				return head_equal(h, &claimed);
		}
	}
	return false;
}

/* One that is in effect: policy asks for its entry, or has not heard of it. */
static void
again(struct audit *a, const struct ipc_frame *f, const struct msg_change *m,
    const struct change *c)
{
	struct head h;
	bool logged;

	if (!known(a, c, &h)) {
		tell(a, f->id, a->policy_epoch, ERR_MISMATCH, false,
		    "another change has this number");
		return;
	}
	logged = write_entry(a, m, c, &h);
	if (h.number == a->chain.told.number + 1)
		a->chain.told = h;
	audit_tell_service(a);
	tell(a, f->id, a->policy_epoch, ERR_OK, logged, "");
}

static enum err
begin_change(struct audit *a, const struct ipc_frame *f,
    const struct msg_change *m, const struct change *c)
{
	struct change_under_way *u = &a->change;

	*u = (struct change_under_way){.state = CHANGE_WRITTEN,
	    .policy_id = f->id,
	    .asker = a->policy_epoch,
	    .judge = -1,
	    .kind = c->kind,
	    .len = m->change.left};
	if ((u->octets = malloc(u->len)) == NULL)
		return ERR_NOMEM;
	memcpy(u->octets, m->change.p, u->len);
	if (head_after(&a->chain.head, c, &u->head) != ERR_OK)
		return ERR_CRYPTO;
	if (u->head.number < a->seen.head.number ||
	    (u->head.number == a->seen.head.number &&
		!head_equal(&u->head, &a->seen.head))) {
		end_change(a, ERR_MISMATCH,
		    "the log has seen another change of this number");
		return ERR_OK;
	}
	if (find_judge(a) == -1 && !one_learns(a) && !change_is_stop(c->kind)) {
		end_change(a, ERR_CLOSED,
		    "no hsm worker is ready: nothing was done");
		return ERR_OK;
	}
	u->entered = !state_seen_logged(&a->seen, &u->head);
	u->logged = write_entry(a, m, c, &u->head);
	if (!u->logged && !change_is_stop(c->kind))
		end_change(a, ERR_FULL,
		    "the audit log is full or unwritable: nothing was done");
	else if (!u->logged)
		log_error("the audit log is full or unwritable: a change that "
			  "ends a warrant takes effect without an entry");
	return ERR_OK;
}

enum err
audit_on_change(void *ctx, const struct ipc_frame *f)
{
	struct audit *a = ctx;
	struct msg_change m;
	struct change c;
	struct rd at;

	if (msg_change_get(f->body, &m) != ERR_OK)
		return ERR_MALFORMED;
	at = m.change;
	if (change_get(&at, &c) != ERR_OK)
		return ERR_MALFORMED;
	if (!a->chain.complete || a->chain.wrong ||
	    c.number > a->chain.head.number + 1) {
		tell(a, f->id, a->policy_epoch, ERR_MISMATCH, false,
		    "the warrant state is not the one that the log has seen: "
		    "nothing was done");
		return ERR_OK;
	}
	if (c.number <= a->chain.head.number) {
		again(a, f, &m, &c);
		return ERR_OK;
	}
	if (a->change.state != CHANGE_NONE) {
		/* Of a policy that has gone: the next one asks again. */
		tell(a, f->id, a->policy_epoch, ERR_AGAIN, false,
		    "another change is under way");
		return ERR_OK;
	}
	return begin_change(a, f, &m, &c);
}
