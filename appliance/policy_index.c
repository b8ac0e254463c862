#include <stdlib.h>

#include "appliance/policy_index.h"

#define FIRST_BUCKETS 1024

/* FNV-1a: what is put in is signed or sealed, not an attacker's. */
static uint32_t
hash_of(struct rd key)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < key.left; i++)
		h = (h ^ key.p[i]) * 16777619U;
	return h;
}

static struct index_link **
bucket(const struct index *x, uint32_t hash)
{
	return &x->bucket[hash & (x->n_buckets - 1)];
}

/* In the order in which they were, so that the newest stays first. */
static void
move_chain(struct index *x, struct index_link *from)
{
	struct index_link *reversed = NULL, *l;

	while ((l = from) != NULL) {
		from = l->next;
		l->next = reversed;
		reversed = l;
	}
	while ((l = reversed) != NULL) {
		struct index_link **at = bucket(x, l->hash);

		reversed = l->next;
		l->next = *at;
		*at = l;
	}
}

static enum err
grow(struct index *x)
{
	struct index bigger = {.n = x->n,
	    .n_buckets = x->n_buckets == 0 ? FIRST_BUCKETS : 2 * x->n_buckets};

	bigger.bucket = calloc(bigger.n_buckets, sizeof(struct index_link *));
	if (bigger.bucket == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < x->n_buckets; i++)
		move_chain(&bigger, x->bucket[i]);
	free(x->bucket);
	*x = bigger;
	return ERR_OK;
}

enum err
index_add(struct index *x, struct rd key, void *thing)
{
	struct index_link *l, **at;

	if (x->n >= x->n_buckets && grow(x) != ERR_OK)
		return ERR_NOMEM;
	if ((l = malloc(sizeof(*l))) == NULL)
		return ERR_NOMEM;
	*l = (struct index_link){.key = key,
	    .thing = thing,
	    .hash = hash_of(key)};
	at = bucket(x, l->hash);
	l->next = *at;
	*at = l;
	x->n++;
	return ERR_OK;
}

void
index_drop(struct index *x, struct rd key, const void *thing)
{
	struct index_link **at, *l;

	if (x->n_buckets == 0)
		return;
	at = bucket(x, hash_of(key));
	while ((l = *at) != NULL &&
	    !(l->thing == thing && rd_equal(&l->key, &key)))
		at = &l->next;
	if (l == NULL)
		return;
	*at = l->next;
	free(l);
	x->n--;
}

static struct index_link *
same(struct index_link *l, uint32_t hash, const struct rd *key)
{
	while (l != NULL && !(l->hash == hash && rd_equal(&l->key, key)))
		l = l->next;
	return l;
}

struct index_link *
index_first(const struct index *x, struct rd key)
{
	const uint32_t hash = hash_of(key);

	return x->n_buckets == 0 ? NULL : same(*bucket(x, hash), hash, &key);
}

struct index_link *
index_next(const struct index_link *l)
{
	return same(l->next, l->hash, &l->key);
}

void
index_done(struct index *x)
{
	for (size_t i = 0; i < x->n_buckets; i++)
		for (struct index_link *l = x->bucket[i], *next; l != NULL;
		     l = next) {
			next = l->next;
			free(l);
		}
	free(x->bucket);
	*x = (struct index){.n = 0};
}
