#include <stdlib.h>
#include <string.h>

#include "appliance/slots.h"

/* The id is the place plus a count of its uses in the bits above. */
struct place {
	uint32_t id; /* of the current or the last use */
	bool used;
	uint32_t next_free;
};

struct slots {
	size_t size;
	unsigned most, used, made;
	uint32_t first_free; /* most: none */
	struct place *place;
	uint8_t *element;
};

enum err
slots_new(size_t size, unsigned most, struct slots **out)
{
	struct slots *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	s->size = size;
	s->most = s->first_free = most;
	s->place = calloc(most, sizeof(*s->place));
	s->element = calloc(most, size);
	if (s->place == NULL || s->element == NULL) {
		slots_free(&s);
		return ERR_NOMEM;
	}
	*out = s;
	return ERR_OK;
}

void
slots_free(struct slots **sp)
{
	struct slots *s = *sp;

	if (s == NULL)
		return;
	free(s->place);
	free(s->element);
	free(s);
	*sp = NULL;
}

void *
slots_take(struct slots *s, uint32_t *id)
{
	uint32_t i;
	void *e;

	if (s->first_free != s->most) {
		i = s->first_free;
		s->first_free = s->place[i].next_free;
		s->place[i].id += s->most;
	} else if (s->made < s->most) {
		i = s->made++;
		s->place[i].id = i;
	} else
		return NULL;
	s->place[i].used = true;
	s->used++;
	e = s->element + (size_t)i * s->size;
	memset(e, 0, s->size);
	*id = s->place[i].id;
	return e;
}

void *
slots_find(struct slots *s, uint32_t id)
{
	const uint32_t i = id & (s->most - 1);

	if (i >= s->made || !s->place[i].used || s->place[i].id != id)
		return NULL;
	return s->element + (size_t)i * s->size;
}

void
slots_drop(struct slots *s, uint32_t id)
{
	const uint32_t i = id & (s->most - 1);

	if (slots_find(s, id) == NULL)
		return;
	s->place[i].used = false;
	s->place[i].next_free = s->first_free;
	s->first_free = i;
	s->used--;
}

unsigned
slots_used(const struct slots *s)
{
	return s->used;
}

void *
slots_next(struct slots *s, unsigned *at, uint32_t *id)
{
	while (*at < s->made) {
		const unsigned i = (*at)++;

		if (s->place[i].used) {
			*id = s->place[i].id;
			return s->element + (size_t)i * s->size;
		}
	}
	return NULL;
}
