/*
 * fifo: octets that wait to be written, in the order they came.  They may be
 * keys: the memory that held octets is erased as soon as they have gone.
 */
#ifndef HI2_FIFO_H
#define HI2_FIFO_H

#include <stddef.h>

#include "base/bytes.h"

struct fifo_piece;

/* All zero: empty. */
struct fifo {
	struct fifo_piece *first, *last, *spare;
	size_t len; /* octets in all */
};

/* Erases and frees everything; what is left is empty. */
void fifo_clear(struct fifo *);

/* All of them or, with ERR_NOMEM, none. */
enum err fifo_put(struct fifo *, struct rd octets) MUST_CHECK;

/* The first, as far as they lie together; none only if there are none. */
struct rd fifo_front(const struct fifo *);

/* They have gone: the first `n`, at most all. */
void fifo_drop(struct fifo *, size_t n);

#endif
