#include <stdlib.h>
#include <string.h>

#include "hi2/calls_table.h"

enum err
calls_new(const struct calls_limits *limits, const uint8_t key[CALLS_KEY],
    struct calls **out)
{
	struct calls *t = NULL;
	enum err rc = ERR_TOOBIG;

	if (limits->most_calls == 0 || limits->idle_ms < 0 ||
	    limits->linger_ms < 0 || limits->wait_ms < 0)
		return ERR_TOOBIG;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return ERR_NOMEM;
	t->limits = *limits;
	if (t->limits.linger_ms < limits->wait_ms)
		t->limits.linger_ms = limits->wait_ms;
	memcpy(t->hash_key, key, CALLS_KEY);
	if ((rc = calls_table_init(t)) != ERR_OK)
		goto out;
	*out = t;
	t = NULL;
	rc = ERR_OK;
out:
	calls_free(&t);
	return rc;
}

void
calls_free(struct calls **t)
{
	if (*t == NULL)
		return;
	calls_table_done(*t);
	free(*t);
	*t = NULL;
}

struct calls_counts
calls_count(const struct calls *t)
{
	return t->counts;
}

void
calls_limit_stored(struct calls *t, size_t most_stored)
{
	t->limits.most_stored = most_stored;
}

/* ---- taking a message ---- */

static uint64_t
key_of(const struct calls *t, const struct sip_seen *s)
{
	uint8_t key[CALLS_XID + SIP_CALL_ID_MAX];
	struct rd r;
	struct wr w;

	wr_init(&w, key, sizeof(key));
	wr_copy(&w, s->xid, CALLS_XID);
	wr_copy(&w, s->event->call_id.p, s->event->call_id.left);
	rd_init(&r, key, w.len);
	return calls_hash(t, r);
}

static void
describe(const struct calls *t, const struct sip_seen *s, struct message *sip)
{
	const struct sip_event *e = s->event;

	*sip = (struct message){.came_ms = t->now_ms,
	    .tags = {calls_hash(t, e->from_tag), calls_hash(t, e->to_tag)},
	    .request = e->status == 0,
	    .method = e->method,
	    .cseq = e->cseq,
	    .direction = s->direction,
	    .seconds = s->seconds,
	    .nanoseconds = s->nanoseconds};
	memcpy(sip->correlation, s->correlation, CALLS_CORRELATION);
}

static void
advance(struct calls *t, int64_t now_ms)
{
	if (now_ms > t->now_ms)
		t->now_ms = now_ms;
	calls_reap(t);
}

/* What the caller keeps of a message, if its call has room for that. */
static size_t
stored_of(const struct calls *t, const struct call *c, const struct sip_seen *s)
{
	const size_t all = s->stored + (c == NULL ? 0 : c->stored);

	return s->number == 0 || all > t->call_limit ||
		all > t->limits.most_stored
	    ? 0
	    : s->stored;
}

/* A call without MIKEY messages: nothing but what it has come to. */
static enum err
pass_over(struct calls *t, uint64_t key, const struct sign *sign,
    struct calls_took *took)
{
	if (sign->kind != SIGN_NONE)
		calls_note(&t->notes, key, sign);
	t->counts.put++;
	*took = (struct calls_took){.call = 0};
	return ERR_OK;
}

static void
keep(struct calls *t, struct call *c, size_t stored, bool changed,
    struct calls_took *took)
{
	*took = (struct calls_took){c->kept == NULL ? 0 : c->kept->call,
	    c->kept != NULL && changed && stored > 0};
	if (!took->kept)
		return;
	c->stored += stored;
	t->counts.stored += stored;
}

enum err
calls_put(struct calls *t, const struct sip_seen *given, int64_t now_ms,
    struct calls_took *took)
{
	const uint64_t key = key_of(t, given);
	struct call *c = calls_find(t, key, given->xid, given->event->call_id);
	const bool new = c == NULL;
	struct calls_took unheard;
	struct sip_seen s = *given;
	struct message sip;
	struct sign sign;
	bool changed = new;
	unsigned n;
	size_t octets = calls_needed(&s, &n);
	enum err rc;

	if (took == NULL)
		took = &unheard;
	advance(t, now_ms);
	describe(t, &s, &sip);
	sign = calls_sign(s.event, sip.tags, t->now_ms);
	if (new &&n == 0)
		return pass_over(t, key, &sign, took);
	if (new)
		octets += sizeof(*c) + s.event->call_id.left +
		    sizeof(struct kept) + 2 * CALLS_OVERHEAD;
	if (octets > t->call_limit)
		return ERR_TOOBIG;
	s.stored = stored_of(t, c, &s);
	if ((rc = calls_room(t, c, octets,
		 n > 0 || sign.kind != SIGN_NONE ? s.stored : 0, new)) !=
	    ERR_OK)
		return rc;
	if (new) {
		if ((rc = calls_add(t, key, &s, &c)) != ERR_OK)
			return rc;
		calls_note_apply(&t->notes, c, t->now_ms - t->limits.linger_ms);
	}
	rc = calls_enter(t, c, &s, &sip, &sign, &changed);
	if (rc == ERR_NOMEM && new)
		calls_remove(t, c);
	if (rc == ERR_NOMEM)
		return rc;
	keep(t, c, s.stored, changed, took);
	t->counts.put++;
	return rc;
}

/* ---- time ---- */

void
calls_tick(struct calls *t, int64_t now_ms)
{
	advance(t, now_ms);
	while (t->counts.calls > 0 && t->heap[0]->due_ms <= t->now_ms &&
	    t->dying_octets + t->call_limit <= t->dying_limit) {
		struct call *c = t->heap[0];

		if (calls_ends_ms(t, c) > t->now_ms) {
			calls_look(t, c);
			continue;
		}
		(void)calls_judge(t, c, JUDGE_CLOSING);
		t->counts.aged++;
		calls_remove(t, c);
	}
}

int64_t
calls_due(const struct calls *t, int64_t now_ms)
{
	if (t->counts.calls == 0 || t->heap[0]->due_ms == NEVER)
		return -1;
	if (now_ms < t->now_ms)
		now_ms = t->now_ms;
	return t->heap[0]->due_ms <= now_ms ? 0 : t->heap[0]->due_ms - now_ms;
}

/* ---- what the caller sees ---- */

static uint64_t
handle_of(const struct message *m)
{
	return m->call->serial << CALLS_NUMBER_BITS | m->number;
}

static struct rd
octets_of(const struct message *m)
{
	struct rd r = {NULL, 0};

	if (m != NULL)
		rd_init(&r, m->octets, m->len);
	return r;
}

static struct rd
call_id_of(const struct call *c)
{
	struct rd r;

	rd_init(&r, c->call_id, c->call_id_len);
	return r;
}

static void
show(const struct message *lead, const struct parts *p,
    struct call_exchange_view *out)
{
	const struct message *last = p->last == NULL ? lead : p->last;
	const struct sip_text *x =
	    p->shown_by == NULL ? NULL : p->shown_by->sip;

	*out = (struct call_exchange_view){.handle = handle_of(lead),
	    .call = lead->call->kept == NULL ? 0 : lead->call->kept->call,
	    .lead = octets_of(lead),
	    .call_id = call_id_of(lead->call),
	    .direction = last->direction,
	    .seconds = last->seconds,
	    .nanoseconds = last->nanoseconds,
	    .update = lead->update,
	    .up = !calls_over(lead->call),
	    .csb_id = lead->csb_id,
	    .i1 = octets_of(p->i1),
	    .r1 = octets_of(p->r1),
	    .i2 = octets_of(p->i2),
	    .r2 = octets_of(p->r2),
	    .first_i1 = octets_of(p->first_i1),
	    .first_r1 = octets_of(p->first_r1),
	    .first_i2 = octets_of(p->first_i2)};
	memcpy(out->xid, lead->call->xid, CALLS_XID);
	memcpy(out->correlation, last->correlation, CALLS_CORRELATION);
	if (x != NULL) {
		rd_init(&out->sip, x->octets, x->len);
		out->sip_direction = x->direction;
	}
}

/* The message whose event it was, which may be part of another's by now. */
static struct message *
take_event(struct calls *t, enum call_event_kind *kind)
{
	struct pending *p = RING_OF(t->events.next, struct pending, queue);
	struct message *m = p->of;

	calls_ring_remove(&p->queue);
	m->call->n_pending--;
	*kind = p->kind;
	return m->lead == NULL ? m : m->lead;
}

enum err
calls_next(struct calls *t, enum call_event_kind *kind,
    struct call_exchange_view *out)
{
	while (t->events.next != &t->events) {
		enum call_event_kind k;
		struct message *lead = take_event(t, &k);
		struct parts parts = calls_gather(lead->call, lead);
		const bool again = lead->given[k];

		lead->given[k] = true;
		if (!again) {
			*kind = k;
			show(lead, &parts, out);
		}
		calls_event_taken(t, lead->call);
		if (!again)
			return ERR_OK;
	}
	return ERR_NOTFOUND;
}

enum err
calls_exchange(struct calls *t, uint64_t handle, struct call_exchange_view *out)
{
	const struct call *c =
	    calls_find_serial(t, handle >> CALLS_NUMBER_BITS);
	struct parts parts;

	for (const struct message *m = c == NULL ? NULL : c->first; m != NULL;
	     m = m->next)
		if (m->number == (handle & CALLS_NUMBER_MAX) && m->lead == m) {
			parts = calls_gather(c, m);
			show(m, &parts, out);
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

enum err
calls_established(struct calls *t, const uint8_t xid[CALLS_XID], uint64_t *at,
    struct call_exchange_view *out)
{
	const struct ring *head = calls_xid_bucket(t, xid);
	const struct message *next = NULL;
	struct parts parts;

	for (struct ring *r = head->next; r != head; r = r->next) {
		const struct call *c = RING_OF(r, struct call, by_xid);

		if (memcmp(c->xid, xid, CALLS_XID) != 0 || calls_over(c))
			continue;
		for (const struct message *m = c->first; m != NULL; m = m->next)
			if (m->lead == m && m->told[CALL_KEYS_DUE] &&
			    handle_of(m) > *at &&
			    (next == NULL || handle_of(m) < handle_of(next)))
				next = m;
	}
	if (next == NULL)
		return ERR_NOTFOUND;
	parts = calls_gather(next->call, next);
	show(next, &parts, out);
	*at = out->handle;
	return ERR_OK;
}
