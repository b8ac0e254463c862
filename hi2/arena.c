#include <stdlib.h>
#include <string.h>

#include "hi2/arena.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_GUARDED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ARENA_GUARDED
#endif

/* With a sanitizer, what is behind a piece or not taken is out of bounds. */
#ifdef ARENA_GUARDED
#include <sanitizer/asan_interface.h>
#define GUARD(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define ALLOW(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define GUARD(p, n) ((void)(p), (void)(n))
#define ALLOW(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN 16
#define HEAD 16 /* holds the length of a piece, keeps it aligned */

enum err
arena_init(struct arena *a, size_t size)
{
	uint8_t *base = malloc(size);

	if (base == NULL)
		return ERR_NOMEM;
	*a = (struct arena){.base = base, .size = size};
	GUARD(a->base, a->size);
	return ERR_OK;
}

void
arena_done(struct arena *a)
{
	if (a->base != NULL)
		ALLOW(a->base, a->size);
	free(a->base);
	*a = (struct arena){.base = NULL};
}

void *
arena_take(struct arena *a, size_t n)
{
	const size_t left = a->size - a->used;
	uint8_t *head;
	size_t whole;

	if (n > a->size)
		return NULL;
	whole = HEAD + (n + ALIGN - 1) / ALIGN * ALIGN;
	if (whole > left)
		return NULL;
	head = a->base + a->used;
	a->used += whole;
	ALLOW(head, sizeof(n));
	memcpy(head, &n, sizeof(n));
	GUARD(head, sizeof(n));
	ALLOW(head + HEAD, n);
	return head + HEAD;
}

void *
arena_grow(struct arena *a, void *p, size_t n)
{
	uint8_t *out = arena_take(a, n), *head;
	size_t had;

	if (out == NULL || p == NULL)
		return out;
	head = (uint8_t *)p - HEAD;
	ALLOW(head, sizeof(had));
	memcpy(&had, head, sizeof(had));
	GUARD(head, sizeof(had));
	memcpy(out, p, had < n ? had : n);
	return out;
}

void
arena_reset(struct arena *a)
{
	GUARD(a->base, a->used);
	a->used = 0;
}
