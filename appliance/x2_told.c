#include <stdlib.h>
#include <string.h>

#include "appliance/x2_told.h"

#define NONE UINT32_MAX

/* `of` comes first: what callers have is the place. */
struct place {
	struct x2_told_of of;
	bool used;
	uint32_t next; /* with the same hash, or free; a place and one */
	uint32_t next_twin; /* with the same hash of `same` */
};

struct x2_told {
	unsigned most, made, used, buckets;
	uint32_t free; /* first free place of those made */
	uint32_t oldest; /* which gives way next when all are used */
	struct place *place;
	uint32_t *first; /* by hash: a place and one; 0: none */
	uint32_t *first_twin;
};

/* Exchanges are numbered by ourselves, one after the other. */
static uint32_t *
bucket(const struct x2_told *t, uint64_t exchange)
{
	return &t->first[exchange & (t->buckets - 1)];
}

/* A digest is as good as a hash. */
static uint32_t *
twins(const struct x2_told *t, const uint8_t same[X2_SAME_LEN])
{
	uint32_t h;

	memcpy(&h, same, sizeof(h));
	return &t->first_twin[h & (t->buckets - 1)];
}

enum err
x2_told_new(unsigned most, struct x2_told **out)
{
	struct x2_told *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return ERR_NOMEM;
	t->most = most;
	t->free = NONE;
	t->buckets = 1;
	while (t->buckets < most)
		t->buckets *= 2;
	t->place = calloc(most, sizeof(*t->place));
	t->first = calloc(t->buckets, sizeof(*t->first));
	t->first_twin = calloc(t->buckets, sizeof(*t->first_twin));
	if (t->place == NULL || t->first == NULL || t->first_twin == NULL) {
		x2_told_free(&t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_OK;
}

void
x2_told_free(struct x2_told **tp)
{
	struct x2_told *t = *tp;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->made; i++)
		free(t->place[i].of.leg);
	free(t->place);
	free(t->first);
	free(t->first_twin);
	free(t);
	*tp = NULL;
}

struct x2_told_of *
x2_told_find(const struct x2_told *t, uint64_t exchange)
{
	for (uint32_t i = *bucket(t, exchange); i != 0;
	     i = t->place[i - 1].next)
		if (t->place[i - 1].of.exchange == exchange)
			return &t->place[i - 1].of;
	return NULL;
}

void
x2_told_drop(struct x2_told *t, struct x2_told_of *of)
{
	struct place *p = (struct place *)of;
	const uint32_t i = (uint32_t)(p - t->place);
	uint32_t *at = bucket(t, of->exchange);

	while (*at != i + 1)
		at = &t->place[*at - 1].next;
	*at = p->next;
	at = twins(t, of->same);
	while (*at != i + 1)
		at = &t->place[*at - 1].next_twin;
	*at = p->next_twin;
	free(of->leg);
	*p = (struct place){.next = t->free};
	t->free = i;
	t->used--;
}

static uint32_t
free_place(struct x2_told *t)
{
	uint32_t i = t->free;

	if (i != NONE)
		t->free = t->place[i].next;
	else if (t->made < t->most)
		i = t->made++;
	else {
		i = t->oldest;
		t->oldest = (i + 1) % t->most;
		x2_told_drop(t, &t->place[i].of);
		t->free = t->place[i].next;
	}
	return i;
}

struct x2_told_of *
x2_told_make(struct x2_told *t, uint64_t exchange, const uint8_t xid[XID_LEN],
    const uint8_t same[X2_SAME_LEN])
{
	struct x2_told_of *of = x2_told_find(t, exchange);
	uint32_t i, *head, *twin;

	if (of != NULL)
		return of;
	i = free_place(t);
	head = bucket(t, exchange);
	twin = twins(t, same);
	t->place[i] =
	    (struct place){.used = true, .next = *head, .next_twin = *twin};
	*head = *twin = i + 1;
	t->used++;
	of = &t->place[i].of;
	of->exchange = exchange;
	memcpy(of->xid, xid, XID_LEN);
	memcpy(of->same, same, X2_SAME_LEN);
	return of;
}

struct x2_told_of *
x2_told_twin(const struct x2_told *t, const uint8_t same[X2_SAME_LEN],
    uint32_t *at)
{
	uint32_t i = *at == 0 ? *twins(t, same) : t->place[*at - 1].next_twin;

	while (
	    i != 0 && memcmp(t->place[i - 1].of.same, same, X2_SAME_LEN) != 0)
		i = t->place[i - 1].next_twin;
	if (i == 0)
		return NULL;
	*at = i;
	return &t->place[i - 1].of;
}

enum err
x2_told_set(struct x2_told_of *of, const uint64_t *leg, unsigned n)
{
	uint64_t *p = NULL;

	if (n > 0) {
		if ((p = calloc(n, sizeof(*p))) == NULL)
			return ERR_NOMEM;
		memcpy(p, leg, n * sizeof(*p));
	}
	free(of->leg);
	of->leg = p;
	of->n = n;
	return ERR_OK;
}

struct x2_told_of *
x2_told_next(const struct x2_told *t, unsigned *at)
{
	while (*at < t->made) {
		struct place *p = &t->place[(*at)++];

		if (p->used)
			return &p->of;
	}
	return NULL;
}

unsigned
x2_told_used(const struct x2_told *t)
{
	return t->used;
}
