#include <stdlib.h>
#include <string.h>

#include "appliance/policy_warrants.h"

static struct rd
id_view(const uint8_t id[WARRANT_ID_LEN])
{
	struct rd r;

	rd_init(&r, id, WARRANT_ID_LEN);
	return r;
}

struct held_warrant *
warrants_by_id(const struct warrants *s, const uint8_t id[WARRANT_ID_LEN])
{
	const struct index_link *l = index_first(&s->ids, id_view(id));

	return l == NULL ? NULL : l->thing;
}

struct warrant_state
warrants_state(const struct authority *a, const struct held_warrant *h)
{
	struct warrant_state s = authority_warrant(a, h->w->id, h->w->end);

	s.revoked |= h->revoked;
	s.suspended |= h->suspended;
	return s;
}

static enum err
index_target(struct warrants *s, struct held_warrant *h,
    const struct warrant_target *t)
{
	enum err rc = ERR_OK;
	struct rd key;

	for (unsigned i = 0; i < t->ids.n && rc == ERR_OK; i++) {
		rd_init(&key, t->ids.w[i], strlen(t->ids.w[i]));
		rc = index_add(&s->targets, key, h);
	}
	for (unsigned i = 0; i < t->n_xids && rc == ERR_OK; i++) {
		rd_init(&key, t->xid[i], XID_LEN);
		rc = index_add(&s->xids, key, h);
	}
	return rc;
}

static enum err
index_warrant(struct warrants *s, struct held_warrant *h)
{
	enum err rc = index_add(&s->ids, id_view(h->w->id), h);

	for (unsigned t = 0; t < h->w->n_targets && rc == ERR_OK; t++)
		rc = index_target(s, h, &h->w->target[t]);
	return rc;
}

enum err
warrants_hold(struct warrants *s, struct warrant *w, uint64_t number)
{
	struct held_warrant *h;

	if (s->n == s->cap) {
		const size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
		void *list = realloc(s->w, cap * sizeof(*s->w));

		if (list == NULL)
			return ERR_NOMEM;
		s->w = list;
		s->cap = cap;
	}
	if ((h = malloc(sizeof(*h))) == NULL)
		return ERR_NOMEM;
	*h = (struct held_warrant){.w = w, .number = number};
	s->w[s->n++] = h;
	return index_warrant(s, h);
}

enum err
warrants_load(struct warrants *s, const struct change *c, struct why *why)
{
	struct warrant *w = NULL;
	enum err rc;

	if (s->n == MAX_WARRANTS)
		return why_set(why, ERR_FULL, "more than %d", MAX_WARRANTS);
	rc = request_known_warrant(c->request, c->hash, &w, why);
	return rc == ERR_OK ? warrants_hold(s, w, c->number) : rc;
}

void
warrants_done(struct warrants *s)
{
	for (size_t i = 0; i < s->n; i++) {
		warrant_free(&s->w[i]->w);
		free(s->w[i]);
	}
	free(s->w);
	index_done(&s->targets);
	index_done(&s->xids);
	index_done(&s->ids);
	*s = (struct warrants){.w = NULL};
}

/* ---- which one allows it ---- */

#define AFTER_ALL 100 /* above every enum warrant_verdict */

static void
look_at(struct found *f, struct held_warrant *h, struct warrant_state s,
    const struct ask *a, bool with_call)
{
	enum warrant_verdict v = warrant_is_for(h->w, &s, a);
	unsigned rank = (unsigned)v;

	if (v == WARRANT_ALLOWS && with_call) {
		v = warrant_covers_call(h->w, &s, a);
		rank = AFTER_ALL + (unsigned)v;
	}
	if (v == WARRANT_ALLOWS) {
		if (f->allows == NULL || s.end > f->state.end) {
			f->allows = h;
			f->state = s;
		}
	} else if (f->allows == NULL &&
	    (f->nearest == NULL || rank > f->rank)) {
		f->nearest = h;
		f->state = s;
		f->verdict = v;
		f->rank = rank;
	}
}

struct found
warrants_find(const struct warrants *s, const struct authority *authority,
    const struct ask *a, bool with_call, enum for_whom whom)
{
	struct found f = {.allows = NULL, .nearest = NULL};

	for (const struct index_link *l = index_first(&s->targets, a->target);
	     l != NULL; l = index_next(l)) {
		struct held_warrant *h = l->thing;

		if (whom == FOR_ANYBODY || h->w->test == (whom == FOR_TEST))
			look_at(&f, h, warrants_state(authority, h), a,
			    with_call);
	}
	return f;
}
