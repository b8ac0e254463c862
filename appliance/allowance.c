#include <stdlib.h>
#include <string.h>

#include "appliance/allowance.h"

struct somebody {
	uint8_t who[ALLOWANCE_WHO];
	bool is; /* there is one */
	uint32_t places;
	int64_t due; /* us: when all that was taken has filled up again */
};

struct allowance {
	uint8_t key[SIPHASH_KEY];
	uint64_t mask; /* over rows */
	struct somebody row[][ALLOWANCE_WAYS];
};

enum err
allowance_new(unsigned most, const uint8_t key[SIPHASH_KEY],
    struct allowance **out)
{
	struct allowance *a;
	size_t rows = 1;

	while (rows * ALLOWANCE_WAYS < most)
		rows *= 2;
	a = calloc(1, sizeof(*a) + rows * sizeof(a->row[0]));
	if (a == NULL)
		return ERR_NOMEM;
	memcpy(a->key, key, SIPHASH_KEY);
	a->mask = rows - 1;
	*out = a;
	return ERR_OK;
}

void
allowance_free(struct allowance **ap)
{
	free(*ap);
	*ap = NULL;
}

static struct somebody *
row_of(struct allowance *a, const uint8_t who[ALLOWANCE_WHO])
{
	struct rd r;

	rd_init(&r, who, ALLOWANCE_WHO);
	return a->row[siphash(a->key, r) & a->mask];
}

static struct somebody *
find(struct allowance *a, const uint8_t who[ALLOWANCE_WHO])
{
	struct somebody *s = row_of(a, who);

	for (unsigned i = 0; i < ALLOWANCE_WAYS; i++)
		if (s[i].is && memcmp(s[i].who, who, ALLOWANCE_WHO) == 0)
			return &s[i];
	return NULL;
}

/* In an empty place, or that of the one whose absence changes least. */
static struct somebody *
add(struct allowance *a, const uint8_t who[ALLOWANCE_WHO])
{
	struct somebody *s = row_of(a, who), *to = NULL;

	for (unsigned i = 0; i < ALLOWANCE_WAYS; i++)
		if (!s[i].is ||
		    (s[i].places == 0 &&
			(to == NULL || (to->is && s[i].due < to->due))))
			to = &s[i];
	if (to == NULL)
		return NULL;
	*to = (struct somebody){.is = true};
	memcpy(to->who, who, ALLOWANCE_WHO);
	return to;
}

static int64_t
each_us(const struct allowance_limit *l)
{
	return l->rate == 0 ? 0 : 1000000 / l->rate;
}

static struct somebody *
take(struct allowance *a, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *l, int64_t now_ms)
{
	const int64_t each = each_us(l), now = 1000 * now_ms;
	struct somebody *s = find(a, who);

	if (s == NULL && (s = add(a, who)) == NULL)
		return NULL;
	if (s->due < now)
		s->due = now;
	if ((l->places != 0 && s->places >= l->places) ||
	    (l->rate != 0 && s->due - now > (int64_t)(l->burst - 1) * each))
		return NULL;
	s->due += each;
	return s;
}

bool
allowance_take(struct allowance *a, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *l, int64_t now_ms)
{
	return take(a, who, l, now_ms) != NULL;
}

bool
allowance_enter(struct allowance *a, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *l, int64_t now_ms)
{
	struct somebody *s = take(a, who, l, now_ms);

	if (s != NULL)
		s->places++;
	return s != NULL;
}

void
allowance_leave(struct allowance *a, const uint8_t who[ALLOWANCE_WHO])
{
	struct somebody *s = find(a, who);

	if (s != NULL && s->places > 0)
		s->places--;
}

void
allowance_undo(struct allowance *a, const uint8_t who[ALLOWANCE_WHO],
    const struct allowance_limit *l)
{
	struct somebody *s = find(a, who);

	if (s == NULL)
		return;
	if (s->places > 0)
		s->places--;
	s->due -= each_us(l);
}
