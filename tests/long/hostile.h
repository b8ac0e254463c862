/*
 * hostile: octets as a hostile peer would send them.  Good ones, those of the
 * fuzz corpora, with some damage: bits turned, lengths that lie, parts cut off,
 * repeated, or taken from another one.  The same seed gives the same octets.
 */
#ifndef TESTS_LONG_HOSTILE_H
#define TESTS_LONG_HOSTILE_H

#include <stdint.h>

#include "base/bytes.h"

struct hostile {
	uint64_t state;
	struct pool {
		struct rd *octets;
		unsigned n;
	} pool;
	uint8_t *made;
	size_t cap;
};

/* Reads all files of a folder; `cap`: octets of the longest that is made. */
void hostile_start(struct hostile *, const char *folder, size_t cap,
    uint64_t seed);
void hostile_end(struct hostile *);

/* The next ones; a view that dies with the next call. */
struct rd hostile_next(struct hostile *);

/* A number below `n`, which is not 0. */
size_t hostile_below(struct hostile *, size_t n);

#endif
