#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"

#define NODES_MAX 192
#define DEPTH_MAX 24

struct node {
	size_t at, head, len; /* where it starts, octets of header, content */
	int parent;
};

struct tree {
	const uint8_t *p;
	struct node node[NODES_MAX];
	int n;
};

enum edit { EDIT_CONTENT, EDIT_TAG, EDIT_DROP, EDIT_TWICE, EDIT_REPLACE };

struct out {
	uint8_t *p;
	size_t cap, at; /* filled from the end: [at, cap) */
	bool full;
	int edited;
	enum edit edit;
	uint8_t tag;
	struct rd with;
};

/* Header of the element at `at`; false for none that ends before `end`. */
static bool
header(const uint8_t *p, size_t at, size_t end, struct node *out)
{
	struct rd r;
	uint8_t tag, first, b;
	size_t len, n = 0;

	rd_init(&r, p + at, end - at);
	if (rd_u8(&r, &tag) != ERR_OK || (tag & 0x1f) == 0x1f ||
	    rd_u8(&r, &first) != ERR_OK)
		return false;
	len = first;
	if (first >= 0x80) {
		n = first & 0x7f;
		len = 0;
		if (n == 0 || n > 3)
			return false;
		for (size_t i = 0; i < n; i++) {
			if (rd_u8(&r, &b) != ERR_OK)
				return false;
			len = len << 8 | b;
		}
	}
	*out = (struct node){.at = at, .head = 2 + n, .len = len};
	return len <= r.left;
}

/* All elements in [at, end), depth first; false if they do not fill it. */
static bool
collect(struct tree *t, size_t at, size_t end, int parent, int depth)
{
	const int before = t->n;

	while (at < end) {
		struct node d;
		int me;

		if (depth > DEPTH_MAX || t->n == NODES_MAX ||
		    !header(t->p, at, end, &d)) {
			t->n = before;
			return false;
		}
		d.parent = parent;
		me = t->n++;
		t->node[me] = d;
		at += d.head + d.len;
		if ((t->p[d.at] & 0x20) != 0)
			(void)collect(t, d.at + d.head, at, me, depth + 1);
	}
	return true;
}

static void
before(struct out *o, const uint8_t *p, size_t n)
{
	if (o->full || n > o->at) {
		o->full = true;
		return;
	}
	o->at -= n;
	if (n > 0)
		memcpy(o->p + o->at, p, n);
}

static void
before_u8(struct out *o, uint8_t v)
{
	before(o, &v, 1);
}

static void
before_header(struct out *o, uint8_t tag, size_t len)
{
	unsigned n = 0;

	for (size_t v = len; len >= 128 && v > 0; v >>= 8, n++)
		before_u8(o, (uint8_t)v);
	before_u8(o, n == 0 ? (uint8_t)len : (uint8_t)(0x80 | n));
	before_u8(o, tag);
}

static void
emit(struct out *o, const struct tree *t, int i, bool again)
{
	const struct node *d = &t->node[i];
	const bool mine = i == o->edited;
	const size_t end = o->at;
	bool children = false;

	if (mine && o->edit == EDIT_DROP)
		return;
	if (mine && o->edit == EDIT_REPLACE) {
		before(o, o->with.p, o->with.left);
		return;
	}
	if (mine && o->edit == EDIT_CONTENT)
		before(o, o->with.p, o->with.left);
	else {
		for (int j = t->n - 1; j > i; j--)
			if (t->node[j].parent == i) {
				emit(o, t, j, false);
				children = true;
			}
		if (!children)
			before(o, t->p + d->at + d->head, d->len);
	}
	if (!o->full)
		before_header(o,
		    mine && o->edit == EDIT_TAG ? o->tag : t->p[d->at],
		    end - o->at);
	if (mine && o->edit == EDIT_TWICE && !again)
		emit(o, t, i, true);
}

size_t
der_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct tree t;
	struct out o = {.cap = max_size, .at = max_size};
	uint8_t *content = NULL;
	const struct node *d;
	size_t n = 0;

	srand(seed);
	t.p = data;
	t.n = 0;
	if (size == 0 || rand() % 8 == 0 || !collect(&t, 0, size, -1, 0))
		return LLVMFuzzerMutate(data, size, max_size);
	o.edited = rand() % t.n;
	d = &t.node[o.edited];
	o.edit = rand() % 3 != 0 ? EDIT_CONTENT : (enum edit)(1 + rand() % 4);
	o.tag = (uint8_t)rand();
	if (o.edit == EDIT_CONTENT) {
		if ((content = malloc(max_size)) == NULL)
			return size;
		memcpy(content, data + d->at + d->head, d->len);
		n = LLVMFuzzerMutate(content, d->len, max_size);
		rd_init(&o.with, content, n);
	} else if (o.edit == EDIT_REPLACE) {
		const struct node *s = &t.node[rand() % t.n];

		rd_init(&o.with, data + s->at, s->head + s->len);
	}
	if ((o.p = malloc(max_size)) == NULL)
		o.full = true;
	for (int i = t.n - 1; i >= 0; i--)
		if (t.node[i].parent == -1)
			emit(&o, &t, i, false);
	if (!o.full && o.at < max_size) {
		size = max_size - o.at;
		memcpy(data, o.p + o.at, size);
	} else
		size = LLVMFuzzerMutate(data, size, max_size);
	free(content);
	free(o.p);
	return size;
}
