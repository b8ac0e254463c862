/*
 * arena: memory of a fixed size that is taken piece by piece and given back
 * all at once.  What a library forgets to free is gone with the rest.
 */
#ifndef HI2_ARENA_H
#define HI2_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct arena {
	uint8_t *base;
	size_t size, used;
};

/* ERR_NOMEM.  The memory is the arena's until arena_done(). */
enum err arena_init(struct arena *, size_t size) MUST_CHECK;
void arena_done(struct arena *);

/*
 * A piece of at least `n` octets, aligned for any type and not set to anything;
 * NULL when there is no room.  It lives until arena_reset().
 */
void *arena_take(struct arena *, size_t n);

/* A longer piece with the octets of `p` (NULL: of none) in front. */
void *arena_grow(struct arena *, void *p, size_t n);

void arena_reset(struct arena *);

#endif
