#include <stdlib.h>
#include <string.h>

#include "hi2/calls_table.h"

/*
 * Of one dialog: the same two tags, in either order, for either side may send
 * the request (RFC 3261 clause 12).  Where a tag is not there yet, the other
 * must be one of the two.
 */
bool
calls_tags_same(struct tags a, struct tags b)
{
	if (a.to == 0 || a.from == 0) {
		const uint64_t one = a.to | a.from;

		return one == 0 || one == b.from || one == b.to ||
		    (b.from | b.to) == 0;
	}
	if (b.to == 0 || b.from == 0)
		return calls_tags_same(b, a);
	return (a.from == b.from && a.to == b.to) ||
	    (a.from == b.to && a.to == b.from);
}

struct sign
calls_sign(const struct sip_event *e, struct tags tags, int64_t now_ms)
{
	struct sign s = {.kind = SIGN_NONE,
	    .method = e->method,
	    .cseq = e->cseq,
	    .tags = tags,
	    .at_ms = now_ms};
	const bool request = e->status == 0, good = e->status / 100 == 2;

	if (e->method == SIP_BYE) {
		if (request || good)
			s.kind = SIGN_ENDED;
	} else if (e->method == SIP_CANCEL) {
		/* It has the CSeq number of what it cancels: clause 9.1. */
		s.method = SIP_INVITE;
		if (request)
			s.kind = SIGN_REFUSED;
	} else if (e->status >= 300) {
		s.kind = SIGN_REFUSED;
	} else if (good && e->method == SIP_INVITE) {
		s.kind = SIGN_ANSWERED;
	}
	return s;
}

/* ---- dialogs ---- */

static struct dialog *
dialog_of(struct call *c, struct tags tags)
{
	for (unsigned i = 0; i < c->n_dialogs; i++)
		if (calls_tags_same(c->dialogs[i].tags, tags)) {
			struct dialog *d = &c->dialogs[i];

			if (d->tags.to == 0 || d->tags.from == 0)
				d->tags = tags;
			return d;
		}
	if (c->n_dialogs == CALL_DIALOGS) {
		c->more_dialogs = true;
		return NULL;
	}
	c->dialogs[c->n_dialogs] =
	    (struct dialog){.tags = tags, .since_ms = NEVER};
	return &c->dialogs[c->n_dialogs++];
}

static bool
to_dialog(struct call *c, const struct sign *s)
{
	struct dialog *d = dialog_of(c, s->tags), before;

	if (d == NULL)
		return false;
	before = *d;
	if (s->at_ms < d->since_ms)
		d->since_ms = s->at_ms;
	d->likely = true;
	d->answered |= s->kind != SIGN_LIKELY;
	d->ended |= s->kind == SIGN_ENDED;
	return !before.likely || d->answered != before.answered ||
	    d->ended != before.ended;
}

/* ---- requests ---- */

static bool
is_of(const struct outcome *o, enum sip_method m, uint32_t cseq, uint64_t from)
{
	return o->method == m && o->cseq == cseq &&
	    (o->from == from || o->from == 0 || from == 0);
}

static bool
to_request(struct call *c, const struct sign *s)
{
	struct outcome *o = NULL, before;

	for (unsigned i = 0; i < c->n_outcomes; i++)
		if (is_of(&c->outcomes[i], s->method, s->cseq, s->tags.from))
			o = &c->outcomes[i];
	if (o == NULL) {
		o = &c->outcomes[c->next_outcome];
		*o = (struct outcome){.method = s->method,
		    .cseq = s->cseq,
		    .from = s->tags.from};
		c->next_outcome = (c->next_outcome + 1) % CALL_OUTCOMES;
		if (c->n_outcomes < CALL_OUTCOMES)
			c->n_outcomes++;
	}
	before = *o;
	o->refused |= s->kind == SIGN_REFUSED;
	o->accepted |= s->kind == SIGN_ANSWERED;
	return o->refused != before.refused || o->accepted != before.accepted;
}

bool
calls_sign_apply(struct call *c, const struct sign *s)
{
	bool changed = false;

	if (s->kind == SIGN_REFUSED || s->kind == SIGN_ANSWERED)
		changed = to_request(c, s);
	if (s->kind == SIGN_ANSWERED || s->kind == SIGN_LIKELY ||
	    s->kind == SIGN_ENDED)
		changed = to_dialog(c, s) || changed;
	return changed;
}

/* One branch of a forked request may refuse while another accepts. */
bool
calls_refused(const struct call *c, const struct message *m)
{
	if (!m->request)
		return false;
	for (unsigned i = 0; i < c->n_outcomes; i++) {
		const struct outcome *o = &c->outcomes[i];

		if (is_of(o, m->method, m->cseq, m->tags.from))
			return o->refused && !o->accepted;
	}
	return false;
}

bool
calls_failed(const struct call *c)
{
	bool refused = false;

	if (c->more_dialogs)
		return false;
	for (unsigned i = 0; i < c->n_dialogs; i++)
		if (c->dialogs[i].answered)
			return false;
	for (unsigned i = 0; i < c->n_outcomes; i++)
		refused |= c->outcomes[i].method == SIP_INVITE &&
		    c->outcomes[i].refused;
	/* Another try, such as with credentials, goes on. */
	for (const struct message *m = c->first; m != NULL; m = m->next)
		if (m->request && m->method == SIP_INVITE &&
		    !calls_refused(c, m))
			return false;
	return refused;
}

bool
calls_over(const struct call *c)
{
	bool answered = false;

	if (c->more_dialogs)
		return false;
	for (unsigned i = 0; i < c->n_dialogs; i++) {
		if (!c->dialogs[i].answered)
			continue;
		if (!c->dialogs[i].ended)
			return false;
		answered = true;
	}
	return answered || calls_failed(c);
}

static int64_t
since(const struct call *c, struct tags tags)
{
	int64_t ms = NEVER;

	for (unsigned i = 0; i < c->n_dialogs; i++)
		if (c->dialogs[i].since_ms < ms &&
		    calls_tags_same(c->dialogs[i].tags, tags))
			ms = c->dialogs[i].since_ms;
	return ms;
}

/*
 * An answer to one branch of a forked call is none to the others.  But where
 * no branch with this CSB is the one that answered, its tags were lost or
 * changed on the way: any answer counts.
 */
int64_t
calls_answered(const struct call *c, const struct message *lead)
{
	int64_t ms = since(c, lead->tags);

	if (ms != NEVER || c->more_dialogs)
		return ms != NEVER ? ms : lead->came_ms;
	for (const struct message *m = c->first; m != NULL; m = m->next)
		if (m->lead == m && m->csb_id == lead->csb_id &&
		    since(c, m->tags) != NEVER)
			return NEVER;
	for (unsigned i = 0; i < c->n_dialogs; i++)
		if (c->dialogs[i].answered && c->dialogs[i].since_ms < ms)
			ms = c->dialogs[i].since_ms;
	return ms;
}

/* ---- of calls that are not kept ---- */

static bool
same_sign(const struct sign *a, const struct sign *b)
{
	return a->kind == b->kind && a->method == b->method &&
	    a->cseq == b->cseq && a->tags.from == b->tags.from &&
	    a->tags.to == b->tags.to;
}

void
calls_note(struct notes *t, uint64_t call, const struct sign *s)
{
	struct note *b = t->bucket[call & (t->n - 1)], *oldest = b;

	for (unsigned i = 0; i < NOTES_BUCKET; i++) {
		if (b[i].call == call && same_sign(&b[i].sign, s))
			return;
		if (b[i].sign.kind == SIGN_NONE ||
		    (oldest->sign.kind != SIGN_NONE &&
			b[i].sign.at_ms < oldest->sign.at_ms))
			oldest = &b[i];
	}
	*oldest = (struct note){.call = call, .sign = *s};
}

void
calls_note_apply(const struct notes *t, struct call *c, int64_t from_ms)
{
	const struct note *b = t->bucket[c->key & (t->n - 1)];

	for (unsigned i = 0; i < NOTES_BUCKET; i++)
		if (b[i].sign.kind != SIGN_NONE && b[i].call == c->key &&
		    b[i].sign.at_ms >= from_ms)
			(void)calls_sign_apply(c, &b[i].sign);
}
