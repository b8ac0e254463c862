#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

#define DAMAGE_MOST 4
#define LARGE_ONE_OF 4096 /* are as long as may be */

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- the good ones ---- */

static struct rd
read_file(const char *folder, const char *name)
{
	char path[1024];
	uint8_t *p;
	struct rd out;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "rb")) == NULL ||
	    (p = malloc((size_t)1 << 18)) == NULL)
		die(path);
	n = fread(p, 1, (size_t)1 << 18, f);
	(void)fclose(f);
	if ((p = realloc(p, n + 1)) == NULL)
		die(path);
	rd_init(&out, p, n);
	return out;
}

void
hostile_start(struct hostile *h, const char *folder, size_t cap, uint64_t seed)
{
	struct dirent **names;
	const int n = scandir(folder, &names, NULL, alphasort);

	if (n < 0)
		die(folder);
	*h = (struct hostile){.state = seed, .cap = cap};
	h->made = malloc(cap);
	h->pool.octets = calloc((size_t)n, sizeof(*h->pool.octets));
	if (h->made == NULL || h->pool.octets == NULL)
		die(folder);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			h->pool.octets[h->pool.n++] =
			    read_file(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (h->pool.n == 0) {
		(void)fprintf(stderr, "%s: is empty\n", folder);
		exit(2);
	}
}

void
hostile_end(struct hostile *h)
{
	for (unsigned i = 0; i < h->pool.n; i++)
		free((void *)(uintptr_t)h->pool.octets[i].p);
	free(h->pool.octets);
	free(h->made);
}

/* ---- damage ---- */

/* splitmix64 */
static uint64_t
next(struct hostile *h)
{
	uint64_t z = h->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

size_t
hostile_below(struct hostile *h, size_t n)
{
	return (size_t)(next(h) % n);
}

/* `n` octets of `from` at `at`, over what is there. */
static size_t
lay(struct hostile *h, size_t at, const uint8_t *from, size_t n, size_t len)
{
	if (n > h->cap - at)
		n = h->cap - at;
	memmove(h->made + at, from, n);
	return at + n > len ? at + n : len;
}

static size_t
damage(struct hostile *h, size_t len)
{
	static const uint8_t edge[] = {0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff};
	const size_t at = hostile_below(h, len);
	const struct rd *other;
	size_t from;

	switch (hostile_below(h, 8)) {
	case 0:
	case 1:
		h->made[at] ^= (uint8_t)(1U << hostile_below(h, 8));
		return len;
	case 2:
		h->made[at] = edge[hostile_below(h, sizeof(edge))];
		return len;
	case 3: /* a length that lies */
		for (size_t i = at; i < at + 4 && i < len; i++)
			h->made[i] = hostile_below(h, 2) != 0 ? 0xff : 0;
		return len;
	case 4:
		return at + 1;
	case 5: /* a part once more, further on */
		from = hostile_below(h, len);
		return lay(h, at, h->made + from, len - from, len);
	case 6: /* another one in the middle */
		other = &h->pool.octets[hostile_below(h, h->pool.n)];
		from = hostile_below(h, other->left + 1);
		return lay(h, at, other->p + from, other->left - from, len);
	default:
		h->made[at] = (uint8_t)next(h);
		return len;
	}
}

struct rd
hostile_next(struct hostile *h)
{
	const struct rd *good = &h->pool.octets[hostile_below(h, h->pool.n)];
	const size_t times = 1 + hostile_below(h, DAMAGE_MOST);
	const bool large = hostile_below(h, LARGE_ONE_OF) == 0;
	struct rd out;
	size_t len = lay(h, 0, good->p, good->left, 0);

	while (large && len > 0 && len < h->cap)
		len = lay(h, len, h->made, len, len);
	for (size_t i = 0; i < times && len > 0; i++)
		len = damage(h, len);
	rd_init(&out, h->made, len);
	return out;
}
