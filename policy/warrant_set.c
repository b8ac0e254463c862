#include <stdlib.h>
#include <string.h>

#include "policy/warrant_set.h"

/* Where the name stands, or would. */
static size_t
find(const struct warrant_set *s, const uint8_t id[WARRANT_ID_LEN], bool *found)
{
	size_t low = 0, high = s->n;

	*found = false;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const int order = memcmp(s->id[mid], id, WARRANT_ID_LEN);

		if (order == 0)
			*found = true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
warrant_set_has(const struct warrant_set *s, const uint8_t id[WARRANT_ID_LEN])
{
	bool found;

	(void)find(s, id, &found);
	return found;
}

enum err
warrant_set_add(struct warrant_set *s, const uint8_t id[WARRANT_ID_LEN])
{
	bool found;
	const size_t at = find(s, id, &found);

	if (found)
		return ERR_OK;
	if (s->n == s->cap) {
		const size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
		void *list = realloc(s->id, cap * sizeof(*s->id));

		if (list == NULL)
			return ERR_NOMEM;
		s->id = list;
		s->cap = cap;
	}
	memmove(s->id[at + 1], s->id[at], (s->n - at) * sizeof(*s->id));
	memcpy(s->id[at], id, WARRANT_ID_LEN);
	s->n++;
	return ERR_OK;
}

void
warrant_set_done(struct warrant_set *s)
{
	free(s->id);
	*s = (struct warrant_set){.id = NULL};
}
