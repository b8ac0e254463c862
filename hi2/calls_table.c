#include <stdlib.h>
#include <string.h>

#include "hi2/calls_table.h"

#define NOTES_MAX 32768
#define CALL_OCTETS_MAX ((size_t)4 * 1024 * 1024)

/* ---- lists ---- */

void
calls_ring_init(struct ring *head)
{
	head->next = head->prev = head;
}

void
calls_ring_add(struct ring *head, struct ring *r)
{
	r->prev = head->prev;
	r->next = head;
	head->prev->next = r;
	head->prev = r;
}

void
calls_ring_remove(struct ring *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
	r->next = r->prev = NULL;
}

static bool
is_empty(const struct ring *head)
{
	return head->next == head;
}

/* ---- memory ---- */

void *
calls_take(struct calls *t, struct call *c, size_t n)
{
	void *p;

	if (c != NULL && c->octets + n + CALLS_OVERHEAD > t->call_limit)
		return NULL;
	if ((p = calloc(1, n)) == NULL)
		return NULL;
	t->counts.octets += n + CALLS_OVERHEAD;
	if (c != NULL)
		c->octets += n + CALLS_OVERHEAD;
	return p;
}

void
calls_give(struct calls *t, struct call *c, void *p, size_t n)
{
	if (p == NULL)
		return;
	t->counts.octets -= n + CALLS_OVERHEAD;
	if (c != NULL)
		c->octets -= n + CALLS_OVERHEAD;
	free(p);
}

struct kept *
calls_keep(struct calls *t, uint64_t call, uint64_t number, size_t stored)
{
	struct kept *k = calls_take(t, NULL, sizeof(*k));

	if (k != NULL)
		*k = (struct kept){.call = call,
		    .number = number,
		    .stored = stored};
	return k;
}

void
calls_forget(struct calls *t, struct kept *k)
{
	calls_give(t, NULL, k, sizeof(*k));
}

enum err
calls_gone(struct calls *t, struct calls_gone *out)
{
	struct kept *k = RING_OF(t->gone.next, struct kept, gone);

	if (is_empty(&t->gone))
		return ERR_NOTFOUND;
	calls_ring_remove(&k->gone);
	*out = (struct calls_gone){k->call, k->number, k->stored};
	calls_forget(t, k);
	return ERR_OK;
}

void
calls_drop_text(struct calls *t, struct message *m)
{
	struct sip_text *s = m->sip;

	m->sip = NULL;
	if (s != NULL && --s->refs == 0)
		calls_give(t, m->call, s, sizeof(*s) + s->len);
}

/* Of a call that goes as a whole, the whole is told of. */
static void
drop_kept(struct calls *t, struct message *m)
{
	struct kept *k = m->kept;
	struct call *c = m->call;

	m->kept = NULL;
	if (k == NULL || --k->refs > 0)
		return;
	if (c->freed) {
		calls_forget(t, k);
		return;
	}
	c->stored -= k->stored;
	t->counts.stored -= k->stored;
	calls_ring_add(&t->gone, &k->gone);
}

void
calls_drop_message(struct calls *t, struct message *m)
{
	struct call *c = m->call;
	struct message **at = &c->first;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	if (m->next == NULL)
		c->end = at;
	c->n--;
	calls_unqueue(m);
	calls_drop_text(t, m);
	drop_kept(t, m);
	calls_give(t, c, m, sizeof(*m) + m->len);
}

static void
free_call(struct calls *t, struct call *c)
{
	c->freed = true;
	while (c->first != NULL)
		calls_drop_message(t, c->first);
	if (c->kept != NULL) {
		c->kept->stored = c->stored;
		calls_ring_add(&t->gone, &c->kept->gone);
	}
	calls_give(t, NULL, c, sizeof(*c) + c->call_id_len);
}

/* ---- the table ---- */

static struct ring *
new_buckets(struct calls *t)
{
	struct ring *r = calls_take(t, NULL, t->n_buckets * sizeof(*r));

	for (size_t i = 0; r != NULL && i < t->n_buckets; i++)
		calls_ring_init(&r[i]);
	return r;
}

static size_t
power_of_two(size_t n, size_t most)
{
	size_t p = 1;

	while (p < n && p < most)
		p *= 2;
	return p;
}

enum err
calls_table_init(struct calls *t)
{
	const size_t limit = t->limits.most_octets;

	calls_ring_init(&t->by_age);
	calls_ring_init(&t->dying);
	calls_ring_init(&t->spent);
	calls_ring_init(&t->events);
	calls_ring_init(&t->gone);
	t->counts.octets = sizeof(*t) + CALLS_OVERHEAD;
	t->n_buckets = power_of_two(t->limits.most_calls, SIZE_MAX / 2);
	t->notes.n =
	    power_of_two(t->limits.most_calls, NOTES_MAX) / NOTES_BUCKET + 1;
	t->notes.n = power_of_two(t->notes.n, NOTES_MAX);
	if (t->n_buckets > limit / (3 * sizeof(struct ring)))
		return ERR_TOOBIG;
	t->by_key = new_buckets(t);
	t->by_serial = new_buckets(t);
	t->by_xid = new_buckets(t);
	t->heap = calls_take(t, NULL, t->limits.most_calls * sizeof(*t->heap));
	t->notes.bucket =
	    calls_take(t, NULL, t->notes.n * sizeof(*t->notes.bucket));
	if (t->by_key == NULL || t->by_serial == NULL || t->by_xid == NULL ||
	    t->heap == NULL || t->notes.bucket == NULL)
		return ERR_NOMEM;
	if (t->counts.octets > limit / 2)
		return ERR_TOOBIG;
	t->dying_limit = limit / 8;
	t->live_limit = limit - t->dying_limit;
	t->call_limit = (t->live_limit - t->counts.octets) / 4;
	if (t->call_limit > CALL_OCTETS_MAX)
		t->call_limit = CALL_OCTETS_MAX;
	/* One message evicts what it needs and a part of a call more. */
	if (t->call_limit > t->dying_limit / 2)
		t->call_limit = t->dying_limit / 2;
	return ERR_OK;
}

static void
free_all(struct calls *t, struct ring *head)
{
	while (!is_empty(head)) {
		struct call *c = RING_OF(head->next, struct call, by_age);

		calls_ring_remove(&c->by_age);
		free_call(t, c);
	}
}

void
calls_table_done(struct calls *t)
{
	struct calls_gone gone;

	free_all(t, &t->by_age);
	free_all(t, &t->dying);
	free_all(t, &t->spent);
	while (calls_gone(t, &gone) == ERR_OK)
		;
	free(t->by_key);
	free(t->by_serial);
	free(t->by_xid);
	free(t->heap);
	free(t->notes.bucket);
}

/* ---- finding ---- */

uint64_t
calls_hash(const struct calls *t, struct rd octets)
{
	const uint64_t h = siphash(t->hash_key, octets);

	return octets.left == 0 ? 0 : h == 0 ? 1 : h;
}

struct ring *
calls_xid_bucket(const struct calls *t, const uint8_t *xid)
{
	struct rd r;

	rd_init(&r, xid, CALLS_XID);
	return &t->by_xid[siphash(t->hash_key, r) & (t->n_buckets - 1)];
}

struct call *
calls_find(struct calls *t, uint64_t key, const uint8_t *xid, struct rd call_id)
{
	struct ring *head = &t->by_key[key & (t->n_buckets - 1)];

	for (struct ring *r = head->next; r != head; r = r->next) {
		struct call *c = RING_OF(r, struct call, by_key);

		if (c->key == key && memcmp(c->xid, xid, CALLS_XID) == 0 &&
		    rd_is(&call_id, c->call_id, c->call_id_len))
			return c;
	}
	return NULL;
}

struct call *
calls_find_serial(struct calls *t, uint64_t serial)
{
	struct ring *head = &t->by_serial[serial & (t->n_buckets - 1)];

	for (struct ring *r = head->next; r != head; r = r->next) {
		struct call *c = RING_OF(r, struct call, by_serial);

		if (c->serial == serial)
			return c;
	}
	return NULL;
}

/* ---- by when they are due ---- */

static void
place(struct calls *t, size_t at, struct call *c)
{
	t->heap[at] = c;
	c->heap_at = at;
}

/* From where it is to where it belongs. */
static void
sift(struct calls *t, struct call *c)
{
	const size_t n = t->counts.calls;
	size_t at = c->heap_at;

	while (at > 0 && t->heap[(at - 1) / 2]->due_ms > c->due_ms) {
		place(t, at, t->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < n &&
		    t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
			child++;
		if (child >= n || t->heap[child]->due_ms >= c->due_ms)
			break;
		place(t, at, t->heap[child]);
		at = child;
	}
	place(t, at, c);
}

void
calls_due_at(struct calls *t, struct call *c, int64_t due_ms)
{
	c->due_ms = due_ms;
	sift(t, c);
}

void
calls_spoke(struct calls *t, struct call *c)
{
	calls_ring_remove(&c->by_age);
	calls_ring_add(&t->by_age, &c->by_age);
	c->last_ms = t->now_ms;
}

/* ---- coming and going ---- */

enum err
calls_add(struct calls *t, uint64_t key, const struct sip_seen *s,
    struct call **out)
{
	const struct rd call_id = s->event->call_id;
	struct call *c = calls_take(t, NULL, sizeof(*c) + call_id.left);

	if (c == NULL)
		return ERR_NOMEM;
	if (s->number != 0 &&
	    (c->kept = calls_keep(t, s->number, 0, 0)) == NULL) {
		calls_give(t, NULL, c, sizeof(*c) + call_id.left);
		return ERR_NOMEM;
	}
	c->key = key;
	c->serial = ++t->serials;
	memcpy(c->xid, s->xid, CALLS_XID);
	c->octets = sizeof(*c) + call_id.left + CALLS_OVERHEAD;
	c->end = &c->first;
	c->call_id_len = call_id.left;
	if (call_id.left > 0)
		memcpy(c->call_id, call_id.p, call_id.left);
	c->last_ms = t->now_ms;
	c->due_ms = NEVER;
	calls_ring_add(&t->by_key[key & (t->n_buckets - 1)], &c->by_key);
	calls_ring_add(&t->by_serial[c->serial & (t->n_buckets - 1)],
	    &c->by_serial);
	calls_ring_add(calls_xid_bucket(t, s->xid), &c->by_xid);
	calls_ring_add(&t->by_age, &c->by_age);
	place(t, t->counts.calls++, c);
	*out = c;
	return ERR_OK;
}

/* The call that is not in the list any more waits for its views to die. */
static void
to_list(struct calls *t, struct call *c)
{
	calls_ring_add(c->n_pending > 0 ? &t->dying : &t->spent, &c->by_age);
}

/* Nobody fetches: those who wait longest lose. */
static void
bound_dying(struct calls *t)
{
	while (t->dying_octets > t->dying_limit && !is_empty(&t->dying)) {
		struct call *c = RING_OF(t->dying.next, struct call, by_age);

		t->counts.lost += c->n_pending;
		calls_ring_remove(&c->by_age);
		t->dying_octets -= c->octets;
		free_call(t, c);
	}
}

void
calls_remove(struct calls *t, struct call *c)
{
	struct call *last = t->heap[--t->counts.calls];

	if (last != c) {
		place(t, c->heap_at, last);
		sift(t, last);
	}
	calls_ring_remove(&c->by_key);
	calls_ring_remove(&c->by_serial);
	calls_ring_remove(&c->by_xid);
	calls_ring_remove(&c->by_age);
	t->counts.stored -= c->stored;
	if (c->n_pending == 0) {
		free_call(t, c);
		return;
	}
	c->dying = true;
	t->dying_octets += c->octets;
	to_list(t, c);
	bound_dying(t);
}

void
calls_event_taken(struct calls *t, struct call *c)
{
	if (!c->dying || c->n_pending > 0)
		return;
	calls_ring_remove(&c->by_age);
	to_list(t, c);
}

void
calls_reap(struct calls *t)
{
	while (!is_empty(&t->spent)) {
		struct call *c = RING_OF(t->spent.next, struct call, by_age);

		calls_ring_remove(&c->by_age);
		t->dying_octets -= c->octets;
		free_call(t, c);
	}
}

enum err
calls_room(struct calls *t, const struct call *keep, size_t n, size_t stored,
    bool one)
{
	n += CALLS_OVERHEAD;
	while (t->counts.octets - t->dying_octets + n > t->live_limit ||
	    (stored > 0 && t->counts.stored + stored > t->limits.most_stored) ||
	    (one && t->counts.calls == t->limits.most_calls)) {
		struct ring *r = t->by_age.next;
		struct call *c;

		if (r != &t->by_age && RING_OF(r, struct call, by_age) == keep)
			r = r->next;
		if (r == &t->by_age)
			return ERR_TOOBIG;
		c = RING_OF(r, struct call, by_age);
		(void)calls_judge(t, c, JUDGE_EVICTING);
		t->counts.evicted++;
		calls_remove(t, c);
	}
	return ERR_OK;
}
