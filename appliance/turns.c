#include <stdlib.h>

#include "appliance/turns.h"

/* What one has put in, the first of it in front; a ring with the others'. */
struct flow {
	uint64_t who;
	struct node *first, *last;
	struct flow *next;
};

struct node {
	uint32_t id;
	struct node *next;
};

struct turns {
	struct flow *now; /* whose turn it is; NULL: nobody waits */
	struct flow *before; /* it in the ring */
	unsigned n, n_flows;
	struct flow *spare_flows;
	struct node *spare_nodes;
	struct flow *flow;
	struct node node[];
};

enum err
turns_new(unsigned most, struct turns **out)
{
	struct turns *t = calloc(1, sizeof(*t) + most * sizeof(t->node[0]));

	if (t != NULL)
		t->flow = calloc(most, sizeof(t->flow[0]));
	if (t == NULL || t->flow == NULL) {
		free(t);
		return ERR_NOMEM;
	}
	for (unsigned i = 0; i < most; i++) {
		t->flow[i].next = t->spare_flows;
		t->spare_flows = &t->flow[i];
		t->node[i].next = t->spare_nodes;
		t->spare_nodes = &t->node[i];
	}
	*out = t;
	return ERR_OK;
}

void
turns_free(struct turns **tp)
{
	if (*tp != NULL)
		free((*tp)->flow);
	free(*tp);
	*tp = NULL;
}

static struct flow *
find(const struct turns *t, uint64_t who)
{
	struct flow *f = t->now;

	if (f == NULL)
		return NULL;
	do {
		if (f->who == who)
			return f;
		f = f->next;
	} while (f != t->now);
	return NULL;
}

/* A new one is the last to have a turn. */
static struct flow *
add(struct turns *t, uint64_t who)
{
	struct flow *f = t->spare_flows;

	t->spare_flows = f->next;
	*f = (struct flow){.who = who};
	if (t->now == NULL) {
		t->now = f->next = f;
	} else {
		f->next = t->now;
		t->before->next = f;
	}
	t->before = f;
	t->n_flows++;
	return f;
}

void
turns_put(struct turns *t, uint64_t who, uint32_t id)
{
	struct node *n = t->spare_nodes;
	struct flow *f = find(t, who);

	t->spare_nodes = n->next;
	*n = (struct node){.id = id};
	if (f == NULL)
		f = add(t, who);
	if (f->first == NULL)
		f->first = n;
	else
		f->last->next = n;
	f->last = n;
	t->n++;
}

bool
turns_first(const struct turns *t, uint32_t *id)
{
	if (t->now == NULL)
		return false;
	*id = t->now->first->id;
	return true;
}

void
turns_next(struct turns *t)
{
	struct flow *f = t->now;
	struct node *n = f->first;

	f->first = n->next;
	n->next = t->spare_nodes;
	t->spare_nodes = n;
	t->n--;
	if (f->first != NULL) {
		t->before = f;
		t->now = f->next;
		return;
	}
	t->before->next = f->next;
	t->now = f->next == f ? NULL : f->next;
	f->next = t->spare_flows;
	t->spare_flows = f;
	t->n_flows--;
}

void
turns_skip(struct turns *t)
{
	if (t->now == NULL)
		return;
	t->before = t->now;
	t->now = t->now->next;
}

unsigned
turns_count(const struct turns *t)
{
	return t->n;
}

unsigned
turns_waiting(const struct turns *t)
{
	return t->n_flows;
}
