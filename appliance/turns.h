/*
 * turns: a queue in which everybody has his turn.  Whoever has put in much
 * waits behind himself, and nobody else does: of each in order, one after the
 * other.
 */
#ifndef APPLIANCE_TURNS_H
#define APPLIANCE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct turns;

/* For at most `most` ids in all; ERR_NOMEM. */
enum err turns_new(unsigned most, struct turns **out) MUST_CHECK;
void turns_free(struct turns **);

/* Behind what `who` has put in before; there must be room. */
void turns_put(struct turns *, uint64_t who, uint32_t id);

/* The one whose turn it is; false: there is none. */
bool turns_first(const struct turns *, uint32_t *id) MUST_CHECK;
/* It is taken out, and the next one's turn comes. */
void turns_next(struct turns *);

/* He cannot go on just now: whoever is behind him comes first. */
void turns_skip(struct turns *);

unsigned turns_count(const struct turns *);
/* How many wait, whatever each has put in. */
unsigned turns_waiting(const struct turns *);

#endif
