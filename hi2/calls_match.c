#include "hi2/calls_table.h"

#define EACH(m, c) \
	struct message *m = (c)->first; \
	m != NULL; \
	m = m->next

static bool
is_lead(const struct message *m)
{
	return m->lead == m;
}

static bool
same_csb(const struct message *a, const struct message *b)
{
	return a->csb_id == b->csb_id && calls_tags_same(a->tags, b->tags);
}

static bool
same_t(const struct message *a, const struct message *b)
{
	return a->ts_type == b->ts_type && a->ts == b->ts;
}

/* Identities of who answered, where both messages have one. */
static bool
same_idrr(const struct message *a, const struct message *b)
{
	return a->idrr == 0 || b->idrr == 0 || a->idrr == b->idrr;
}

static bool
is(const struct message *m, uint8_t type)
{
	return m->sound && m->type == type;
}

/*
 * Each R_MESSAGE_1 leads an exchange, but for one that says the same again in
 * other octets.
 */
static void
match_r1(struct call *c)
{
	for (EACH(m, c)) {
		if (m->lead != NULL || !is(m, R_MESSAGE_1))
			continue;
		m->lead = m;
		for (struct message *o = c->first; o != m; o = o->next)
			if (is(o, R_MESSAGE_1) && is_lead(o) &&
			    o->update == m->update && same_csb(o, m) &&
			    same_t(o, m) && same_idrr(o, m)) {
				m->lead = o;
				break;
			}
	}
}

/*
 * That of a first exchange may belong to several R_MESSAGE_1: to the first by
 * its lead, to the others by calls_gather().  An update's is an exchange by
 * itself until its R_MESSAGE_1 comes.
 */
static void
match_i1(struct call *c)
{
	for (EACH(m, c)) {
		if (m->lead != NULL || !is(m, I_MESSAGE_1))
			continue;
		for (EACH(o, c)) {
			if (!is_lead(o) || o->update != m->update ||
			    (!is(o, R_MESSAGE_1) && !is(o, I_MESSAGE_1)) ||
			    o->csb_id != m->csb_id || !same_t(o, m))
				continue;
			if (m->lead == NULL || same_csb(o, m))
				m->lead = o;
			if (same_csb(o, m))
				break;
		}
		if (m->lead == NULL && m->update)
			m->lead = m;
	}
}

/* By IDRr; where that does not tell, by the tags. */
static void
match_i2(struct call *c)
{
	for (EACH(m, c)) {
		if (m->lead != NULL || !is(m, I_MESSAGE_2))
			continue;
		for (EACH(o, c)) {
			if (!is(o, R_MESSAGE_1) || !is_lead(o) || o->update ||
			    o->csb_id != m->csb_id || !same_idrr(o, m))
				continue;
			if (same_csb(o, m)) {
				m->lead = o;
				break;
			}
			if (m->lead == NULL && o->idrr != 0 && m->idrr != 0)
				m->lead = o;
		}
	}
}

/* By T; the tags only where that of two is the same. */
static void
match_r2(struct call *c)
{
	for (EACH(m, c)) {
		if (m->lead != NULL || !is(m, R_MESSAGE_2))
			continue;
		for (EACH(o, c)) {
			if (!is(o, I_MESSAGE_2) || o->lead == NULL ||
			    o->csb_id != m->csb_id || !same_t(o, m))
				continue;
			if (m->lead == NULL || same_csb(o, m))
				m->lead = o->lead;
			if (same_csb(o, m))
				break;
		}
	}
}

/* The I_MESSAGE_1 that an R_MESSAGE_1 answers. */
static const struct message *
offer_of(const struct call *c, const struct message *r1)
{
	const struct message *offer = NULL;

	for (EACH(m, c)) {
		if (!is(m, I_MESSAGE_1) || m->update != r1->update ||
		    m->csb_id != r1->csb_id || !same_t(m, r1))
			continue;
		if (same_csb(m, r1))
			return m;
		if (offer == NULL)
			offer = m;
	}
	return offer;
}

static const struct message *
member(const struct call *c, const struct message *lead, uint8_t type)
{
	for (EACH(m, c))
		if (m->lead == lead && is(m, type))
			return m;
	return NULL;
}

/* ---- what found no place so far ---- */

/*
 * A sound message of the kind has come in its place: near in time, as when two
 * CSCFs report one; or ever, where there is but one of the kind.
 */
static bool
replaced(const struct call *c, const struct message *m, int64_t wait_ms)
{
	const bool single = m->type == I_MESSAGE_2 || m->type == R_MESSAGE_2;

	for (EACH(o, c)) {
		const int64_t apart = o->came_ms > m->came_ms
		    ? o->came_ms - m->came_ms
		    : m->came_ms - o->came_ms;

		if (!o->sound || !calls_tags_same(o->tags, m->tags))
			continue;
		if (m->type == 0
			? apart <= wait_ms
			: o->type == m->type && o->csb_id == m->csb_id &&
			    (single || apart <= wait_ms))
			return true;
	}
	return false;
}

/* Whether an exchange has no sound message of the kind. */
static bool
lacks(const struct call *c, const struct message *lead, uint8_t type)
{
	const bool answered = is(lead, R_MESSAGE_1);

	switch (type) {
	case R_MESSAGE_1:
		return !answered;
	case I_MESSAGE_2:
		return answered && !lead->update &&
		    member(c, lead, I_MESSAGE_2) == NULL;
	case R_MESSAGE_2: /* the last: where there is one it changes nothing */
		return answered && !lead->update;
	default:
		return answered ? offer_of(c, lead) == NULL
				: member(c, lead, I_MESSAGE_1) == NULL;
	}
}

static struct message *
lacking(const struct call *c, const struct message *m)
{
	for (EACH(o, c))
		if (is_lead(o) && same_csb(o, m) && lacks(c, o, m->type))
			return o;
	return NULL;
}

static bool
is_first_i1(const struct message *m)
{
	return is(m, I_MESSAGE_1) && !m->update;
}

/* The others of one dialog and CSB make an exchange together. */
static void
match_rest(struct call *c, int64_t wait_ms)
{
	for (EACH(m, c)) {
		if (m->lead != NULL || is_first_i1(m) ||
		    (!m->sound && replaced(c, m, wait_ms)))
			continue;
		if (!is(m, I_MESSAGE_2))
			m->lead = lacking(c, m);
		for (struct message *o = c->first; o != m && m->lead == NULL;
		     o = o->next)
			if (is_lead(o) && !is(o, R_MESSAGE_1) &&
			    !is(o, I_MESSAGE_1) && same_csb(o, m))
				m->lead = o;
		if (m->lead == NULL)
			m->lead = m;
	}
}

/*
 * I_MESSAGE_1 without an answer: part of what the rest has made, or alone.  A
 * later one took its place when another of this CSB was answered.
 */
static void
match_unanswered(struct call *c)
{
	for (EACH(m, c)) {
		bool superseded = false;

		if (m->lead != NULL || !is_first_i1(m))
			continue;
		for (EACH(o, c)) {
			if (!is_lead(o) || o->csb_id != m->csb_id)
				continue;
			if (is(o, R_MESSAGE_1) && !o->update)
				superseded = true;
			else if (!o->update && same_csb(o, m) &&
			    m->lead == NULL)
				m->lead = o;
		}
		if (m->lead == NULL && !superseded)
			m->lead = m;
	}
}

void
calls_match(struct call *c, int64_t wait_ms)
{
	/* What an exchange was complete with is not taken from it. */
	for (EACH(m, c))
		if (m->lead != NULL && !m->lead->told[CALL_KEYS_DUE])
			m->lead = NULL;
	match_r1(c);
	match_i1(c);
	match_i2(c);
	match_r2(c);
	match_rest(c, wait_ms);
	match_unanswered(c);
	for (EACH(m, c)) {
		const bool first =
		    is(m, R_MESSAGE_1) && is_lead(m) && !m->update;

		m->its_i1 = first ? offer_of(c, m) : NULL;
		m->its_i2 = first ? member(c, m, I_MESSAGE_2) : NULL;
	}
}

/* ---- the messages of one exchange ---- */

/* R_MESSAGE_2 repeats the T of I_MESSAGE_2, where that was seen. */
static const struct message *
last_answer(const struct call *c, const struct message *lead,
    const struct message *i2)
{
	for (EACH(m, c))
		if (m->lead == lead && is(m, R_MESSAGE_2) &&
		    (i2 == NULL || same_t(m, i2)))
			return m;
	return NULL;
}

/* How well a first exchange goes with an update of its CSB. */
static int
fit(const struct message *first, bool complete, const struct message *update)
{
	return 2 * same_csb(first, update) + complete;
}

/* The exchange that an update follows: of its dialog, complete if any is. */
static void
first_of(const struct call *c, const struct message *update, struct parts *p)
{
	int best = -1;

	for (EACH(m, c)) {
		const bool complete = m->its_i2 != NULL;

		if (!is(m, R_MESSAGE_1) || !is_lead(m) || m->its_i1 == NULL ||
		    m->csb_id != update->csb_id ||
		    fit(m, complete, update) <= best)
			continue;
		best = fit(m, complete, update);
		p->first_i1 = m->its_i1;
		p->first_r1 = m;
		p->first_i2 = m->its_i2;
	}
	for (EACH(m, c))
		if (p->first_i1 == NULL && is_first_i1(m) &&
		    m->csb_id == update->csb_id)
			p->first_i1 = m;
}

static void
later(const struct message **last, const struct message *m)
{
	if (m != NULL && (*last == NULL || m->number > (*last)->number))
		*last = m;
}

static void
ends(const struct call *c, const struct message *lead, struct parts *p)
{
	const struct message *const of[] = {p->i1, p->r1, p->i2, p->r2,
	    p->first_i1, p->first_r1, p->first_i2};

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		later(&p->last, of[i]);
	if (!p->complete)
		for (EACH(m, c))
			if (m->lead == lead)
				later(&p->last, m);
	if (p->i1 != NULL) {
		p->shown_by = p->i1;
		return;
	}
	for (EACH(m, c))
		if (m->lead == lead && m->sip != NULL && p->shown_by == NULL)
			p->shown_by = m;
}

struct parts
calls_gather(const struct call *c, const struct message *lead)
{
	const bool answered = is(lead, R_MESSAGE_1);
	const bool update = lead->update && lead->sound;
	struct parts p = {.r1 = answered ? lead : NULL};

	if (answered)
		p.i1 = offer_of(c, lead);
	else
		p.i1 = member(c, lead, I_MESSAGE_1);
	if (update) {
		first_of(c, lead, &p);
		p.complete = p.r1 != NULL && p.i1 != NULL &&
		    p.first_i1 != NULL &&
		    (p.i1->has_ibake ||
			(p.first_r1 != NULL && p.first_i2 != NULL));
	} else {
		p.i2 = member(c, lead, I_MESSAGE_2);
		p.r2 = last_answer(c, lead, p.i2);
		p.complete = p.r1 != NULL && p.i1 != NULL && p.i2 != NULL;
	}
	ends(c, lead, &p);
	return p;
}
