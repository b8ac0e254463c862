/*
 * slots: things in flight, found again by a 32-bit id that is not reused soon.
 */
#ifndef APPLIANCE_SLOTS_H
#define APPLIANCE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct slots;

/* Elements of `size` octets, at most `most` (a power of two up to 65536). */
enum err slots_new(size_t size, unsigned most, struct slots **out) MUST_CHECK;
void slots_free(struct slots **);

/* A zeroed element and its id; NULL when all are taken. */
void *slots_take(struct slots *, uint32_t *id);

/* NULL for an id that is not in use. */
void *slots_find(struct slots *, uint32_t id);
void slots_drop(struct slots *, uint32_t id);
unsigned slots_used(const struct slots *);

/* Each element in use; *at starts at 0.  Dropping the current one is fine. */
void *slots_next(struct slots *, unsigned *at, uint32_t *id);

#endif
