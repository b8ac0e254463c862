#include <stdlib.h>
#include <string.h>

#include "hi2/integrity_table.h"

/* Beyond those in use, so that a call that goes on keeps its numbers. */
#define GROUPS_OF_A_SLOT 2

enum err
group_table_init(struct group_table *t, uint32_t slots,
    const uint8_t key[SIPHASH_KEY])
{
	t->most = 1;
	while (t->most < GROUPS_OF_A_SLOT * slots)
		t->most *= 2;
	t->groups = calloc(t->most, sizeof(*t->groups));
	t->buckets = calloc(t->most, sizeof(struct group *));
	t->slots = calloc(slots, sizeof(*t->slots));
	memcpy(t->key, key, sizeof(t->key));
	return t->groups == NULL || t->buckets == NULL || t->slots == NULL
	    ? ERR_NOMEM
	    : ERR_OK;
}

void
group_table_done(struct group_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		EVP_MD_CTX_free(t->groups[i].md);
	free(t->groups);
	free(t->buckets);
	free(t->slots);
	*t = (struct group_table){.n = 0};
}

void
group_table_reset(struct group_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		EVP_MD_CTX_free(t->groups[i].md);
	t->n = 0;
	memset(t->buckets, 0, t->most * sizeof(struct group *));
	memset(t->list, 0, sizeof(t->list));
}

/* ---- lists ---- */

struct group *
group_first(const struct group_table *t, enum list l)
{
	return t->list[l].first;
}

struct group *
group_after(const struct group *g, enum list l)
{
	return g->link[l].next;
}

bool
group_in(const struct group *g, enum list l)
{
	return (g->in & 1U << l) != 0;
}

void
group_push(struct group_table *t, enum list l, struct group *g)
{
	struct group *prev = t->list[l].last, *next = NULL;

	/* What has waited for a signature may be older than others. */
	while (l == LIST_BATCH && prev != NULL &&
	    prev->batch.since > g->batch.since) {
		next = prev;
		prev = prev->link[l].prev;
	}
	g->link[l].prev = prev;
	g->link[l].next = next;
	if (prev == NULL)
		t->list[l].first = g;
	else
		prev->link[l].next = g;
	if (next == NULL)
		t->list[l].last = g;
	else
		next->link[l].prev = g;
	g->in |= 1U << l;
}

void
group_drop(struct group_table *t, enum list l, struct group *g)
{
	struct group *prev = g->link[l].prev, *next = g->link[l].next;

	if (prev == NULL)
		t->list[l].first = next;
	else
		prev->link[l].next = next;
	if (next == NULL)
		t->list[l].last = prev;
	else
		next->link[l].prev = prev;
	g->in &= ~(1U << l);
}

/* ---- the table ---- */

static struct group **
bucket(const struct group_table *t, struct rd liid, uint32_t cin)
{
	uint8_t name[MAX_LIID + 4];
	struct rd r;
	struct wr w;

	wr_init(&w, name, sizeof(name));
	wr_copy(&w, liid.p, liid.left);
	wr_u32(&w, cin);
	rd_init(&r, name, w.len);
	return &t->buckets[siphash(t->key, r) & (t->most - 1)];
}

struct group *
group_find(const struct group_table *t, struct rd liid, uint32_t cin)
{
	struct group *g = *bucket(t, liid, cin);

	while (
	    g != NULL && (g->cin != cin || !rd_is(&liid, g->liid, g->liid_len)))
		g = g->same;
	return g;
}

static struct group *
forget(struct group_table *t)
{
	struct group *g = group_first(t, LIST_IDLE), **at;
	struct rd liid;

	rd_init(&liid, g->liid, g->liid_len);
	at = bucket(t, liid, g->cin);
	while (*at != g)
		at = &(*at)->same;
	*at = g->same;
	group_drop(t, LIST_IDLE, g);
	return g;
}

struct group *
group_new(struct group_table *t, struct rd liid, uint32_t cin)
{
	struct group *g = t->n < t->most ? &t->groups[t->n++] : forget(t);
	struct group **at = bucket(t, liid, cin);

	*g = (struct group){.liid_len = (uint8_t)liid.left,
	    .cin = cin,
	    .same = *at};
	memcpy(g->liid, liid.p, liid.left);
	slots_init(&g->open);
	slots_init(&g->batch.records);
	slots_init(&g->flight.records);
	*at = g;
	group_push(t, LIST_IDLE, g);
	return g;
}

/* ---- slots ---- */

void
slots_init(struct slots *s)
{
	s->first = s->last = NO_SLOT;
}

void
slots_add(struct group_table *t, struct slots *s, uint32_t slot)
{
	t->slots[slot].next = NO_SLOT;
	if (s->last == NO_SLOT)
		s->first = slot;
	else
		t->slots[s->last].next = slot;
	s->last = slot;
}

void
slots_join(struct group_table *t, struct slots *to, struct slots *from)
{
	if (from->first == NO_SLOT)
		return;
	if (to->last == NO_SLOT)
		to->first = from->first;
	else
		t->slots[to->last].next = from->first;
	to->last = from->last;
	slots_init(from);
}
