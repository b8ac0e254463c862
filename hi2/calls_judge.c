#include "hi2/calls_table.h"

static void
tell(struct calls *t, struct message *m, enum call_event_kind kind)
{
	struct pending *p = &m->pending[kind];

	m->told[kind] = true;
	p->of = m;
	p->kind = kind;
	calls_ring_add(&t->events, &p->queue);
	m->call->n_pending++;
	if (kind == CALL_KEYS_DUE)
		t->counts.keys_due++;
	else
		t->counts.no_keys++;
}

void
calls_unqueue(struct message *m)
{
	for (unsigned k = 0; k < CALL_EVENT__MAX; k++)
		if (m->pending[k].queue.next != NULL) {
			calls_ring_remove(&m->pending[k].queue);
			m->call->n_pending--;
		}
}

/*
 * Once for an exchange, though its lead may become another when messages come
 * late: each of its messages remembers.  An I_MESSAGE_1 that several share does
 * so only while it is all that there is.
 */
static bool
told_no_keys(const struct call *c, const struct message *lead,
    const struct parts *p)
{
	if (p->i1 != NULL && p->i1->told[CALL_NO_KEYS])
		return true;
	for (const struct message *m = c->first; m != NULL; m = m->next)
		if (m->lead == lead && m->told[CALL_NO_KEYS])
			return true;
	return false;
}

static void
tell_no_keys(struct calls *t, struct message *lead, const struct parts *p)
{
	for (struct message *m = lead->call->first; m != NULL; m = m->next)
		if (m->lead == lead && (m != p->i1 || p->r1 == NULL))
			m->told[CALL_NO_KEYS] = true;
	tell(t, lead, CALL_NO_KEYS);
}

/* Nothing but offers, and those were refused. */
static bool
refused(const struct call *c, const struct message *lead)
{
	for (const struct message *m = c->first; m != NULL; m = m->next)
		if (m->lead == lead &&
		    (m->type != I_MESSAGE_1 || !calls_refused(c, m)))
			return false;
	return true;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
after(int64_t ms, int64_t wait_ms)
{
	return ms > NEVER - wait_ms ? NEVER : ms + wait_ms;
}

static int64_t
judge_complete(struct calls *t, struct message *lead, const struct parts *p,
    enum judging how)
{
	int64_t due;

	if (lead->told[CALL_KEYS_DUE])
		return NEVER;
	/* With an ESK, R_MESSAGE_2 gives xP back (docs/PROTOCOL.md). */
	if (how == JUDGE_NOW && p->i2 != NULL && p->i2->has_esk &&
	    p->r2 == NULL) {
		due = after(later(p->i2->came_ms,
				later(p->i1->came_ms, p->r1->came_ms)),
		    t->limits.wait_ms);
		if (t->now_ms < due)
			return due;
	}
	tell(t, lead, CALL_KEYS_DUE);
	return NEVER;
}

static int64_t
judge_incomplete(struct calls *t, struct message *lead, const struct parts *p,
    enum judging how)
{
	const struct call *c = lead->call;
	int64_t due;

	if (told_no_keys(c, lead, p) || calls_failed(c) || refused(c, lead))
		return NEVER;
	if (how != JUDGE_EVICTING) {
		if ((due = calls_answered(c, lead)) == NEVER)
			return NEVER;
		due = after(later(due, p->last->came_ms), t->limits.wait_ms);
		if (how == JUDGE_NOW && t->now_ms < due)
			return due;
	}
	tell_no_keys(t, lead, p);
	return NEVER;
}

int64_t
calls_judge(struct calls *t, struct call *c, enum judging how)
{
	int64_t first = NEVER;

	for (struct message *m = c->first; m != NULL; m = m->next) {
		struct parts p;
		int64_t due;

		if (m->lead != m)
			continue;
		p = calls_gather(c, m);
		due = p.complete ? judge_complete(t, m, &p, how)
				 : judge_incomplete(t, m, &p, how);
		if (due < first)
			first = due;
	}
	return first;
}

int64_t
calls_ends_ms(const struct calls *t, const struct call *c)
{
	const int64_t lives =
	    calls_over(c) ? t->limits.linger_ms : t->limits.idle_ms;

	return c->last_ms > NEVER - lives ? NEVER : c->last_ms + lives;
}

void
calls_look(struct calls *t, struct call *c)
{
	const int64_t due = calls_judge(t, c, JUDGE_NOW),
		      ends = calls_ends_ms(t, c);

	calls_due_at(t, c, due < ends ? due : ends);
}
