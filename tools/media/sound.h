/*
 * sound: 16-bit samples at places of a time line, in any order; where nothing
 * was put is silence and takes no memory.
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SOUND_HOURS_MAX 24 /* on one time line */

/* Memory that all sounds of a run may take together. */
struct sound_room {
	size_t left; /* octets */
};

struct sound {
	struct sound_room *room;
	int16_t **block; /* NULL: silence */
	size_t n_blocks;
	uint64_t first, end; /* what was put lies between; first == end: none */
};

void sound_init(struct sound *, struct sound_room *);
void sound_done(struct sound *);

/* ERR_TOOBIG: beyond SOUND_HOURS_MAX; ERR_FULL: the room; ERR_NOMEM. */
enum err sound_put(struct sound *, uint64_t at, const int16_t *samples,
    size_t n) MUST_CHECK;

/* Samples from `first` + `from` on; silence beyond the end. */
void sound_get(const struct sound *, uint64_t from, int16_t *out, size_t n);

/* Samples between first and end. */
uint64_t sound_len(const struct sound *);

#endif
