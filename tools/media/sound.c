#include <stdlib.h>
#include <string.h>

#include "media/g711.h"
#include "media/sound.h"

#define BLOCK 32768 /* samples: 4 s */
#define PLACES ((uint64_t)SOUND_HOURS_MAX * 3600 * G711_RATE)

void
sound_init(struct sound *s, struct sound_room *room)
{
	*s = (struct sound){.room = room};
}

void
sound_done(struct sound *s)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		if (s->block[i] == NULL)
			continue;
		free(s->block[i]);
		s->room->left += BLOCK * sizeof(*s->block[i]);
	}
	free(s->block);
	sound_init(s, s->room);
}

static enum err
grow(struct sound *s, size_t n)
{
	int16_t **more;

	if (n <= s->n_blocks)
		return ERR_OK;
	if ((more = reallocarray(s->block, n, sizeof(*more))) == NULL)
		return ERR_NOMEM;
	for (size_t i = s->n_blocks; i < n; i++)
		more[i] = NULL;
	s->block = more;
	s->n_blocks = n;
	return ERR_OK;
}

static enum err
take_block(struct sound *s, size_t i)
{
	const size_t octets = BLOCK * sizeof(*s->block[i]);

	if (s->block[i] != NULL)
		return ERR_OK;
	if (s->room->left < octets)
		return ERR_FULL;
	if ((s->block[i] = calloc(1, octets)) == NULL)
		return ERR_NOMEM;
	s->room->left -= octets;
	return ERR_OK;
}

enum err
sound_put(struct sound *s, uint64_t at, const int16_t *samples, size_t n)
{
	const uint64_t end = at + n;
	enum err rc;

	if (n == 0)
		return ERR_OK;
	if (at >= PLACES || n > PLACES - at)
		return ERR_TOOBIG;
	if ((rc = grow(s, (size_t)((end - 1) / BLOCK) + 1)) != ERR_OK)
		return rc;
	for (uint64_t i = at; i < end;) {
		const size_t block = (size_t)(i / BLOCK),
			     in = (size_t)(i % BLOCK);
		size_t part = BLOCK - in;

		if (part > end - i)
			part = (size_t)(end - i);
		if ((rc = take_block(s, block)) != ERR_OK)
			return rc;
		memcpy(s->block[block] + in, samples + (i - at),
		    part * sizeof(*samples));
		i += part;
	}
	if (s->first == s->end) {
		s->first = at;
		s->end = end;
	}
	s->first = at < s->first ? at : s->first;
	s->end = end > s->end ? end : s->end;
	return ERR_OK;
}

void
sound_get(const struct sound *s, uint64_t from, int16_t *out, size_t n)
{
	memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < n;) {
		const uint64_t at = s->first + from + i;
		const size_t block = (size_t)(at / BLOCK),
			     in = (size_t)(at % BLOCK);
		size_t part = BLOCK - in;

		if (block >= s->n_blocks)
			return;
		if (part > n - i)
			part = n - i;
		if (s->block[block] != NULL)
			memcpy(out + i, s->block[block] + in,
			    part * sizeof(*out));
		i += part;
	}
}

uint64_t
sound_len(const struct sound *s)
{
	return s->end - s->first;
}
