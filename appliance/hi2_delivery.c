/* Delivery: the lines to LEMFs, and what is on them. */
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_delivery_int.h"

/* ---- lines ---- */

enum err
delivery_new(struct spool *spool, const struct delivery_ops *ops, void *ctx,
    struct delivery **out)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return ERR_NOMEM;
	d->spool = spool;
	d->ops = ops;
	d->ctx = ctx;
	*out = d;
	return ERR_OK;
}

void
delivery_free(struct delivery **dp)
{
	struct delivery *d = *dp;

	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->n; i++) {
		free(d->line[i]->given);
		free(d->line[i]);
	}
	free(d->line);
	free(d);
	*dp = NULL;
}

static struct line *
of_name(struct delivery *d, struct rd name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (rd_is(&name, d->line[i]->name, strlen(d->line[i]->name)))
			return d->line[i];
	return NULL;
}

static struct line *
of_slot(struct delivery *d, unsigned slot)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->line[i]->slot == (int)slot)
			return d->line[i];
	return NULL;
}

static enum err
add(struct delivery *d, struct rd name, struct moment now, struct line **out)
{
	struct line *l, **p;

	if (d->n == d->cap) {
		const unsigned cap = d->cap == 0 ? 8 : 2 * d->cap;

		if ((p = realloc(d->line, cap * sizeof(*p))) == NULL)
			return ERR_NOMEM;
		d->line = p;
		d->cap = cap;
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return ERR_NOMEM;
	if (view_text(name, l->name, sizeof(l->name)) != ERR_OK) {
		free(l);
		return ERR_MALFORMED;
	}
	l->at = l->slot = -1;
	l->state = LINK_DOWN;
	l->since = now.utc;
	l->away = now.ms;
	d->line[d->n++] = l;
	*out = l;
	return ERR_OK;
}

enum err
delivery_find_places(struct delivery *d, struct moment now)
{
	struct spool_lemf s;
	struct line *l;
	enum err rc;

	for (; spool_lemf(d->spool, d->n_placed, &s); d->n_placed++) {
		if ((l = of_name(d, s.name)) == NULL &&
		    (rc = add(d, s.name, now, &l)) != ERR_OK)
			return rc;
		l->at = (int)d->n_placed;
	}
	return ERR_OK;
}

static void
set_state(struct line *l, enum link_state state, struct rd text,
    struct moment now)
{
	if (l->state != state)
		l->since = now.utc;
	l->state = state;
	if (view_text(text, l->text, sizeof(l->text)) != ERR_OK)
		l->text[0] = '\0';
}

/* What was given is waiting again. */
static void
take_back(struct line *l)
{
	l->next = delivery_first(l);
	l->first = l->sent = l->end = 0;
	l->octets = 0;
	l->epoch = 0;
	l->full = false;
}

static void
set_down(struct line *l, const char *text, struct moment now)
{
	struct rd r;

	rd_init(&r, text, strlen(text));
	take_back(l);
	set_state(l, LINK_DOWN, r, now);
}

static void
set_line(struct line *l, const struct lemf_settings *s, struct moment now)
{
	const int slot = s->linked ? s->slot : -1;

	if (slot != l->slot)
		set_down(l, "", now);
	l->slot = slot;
	l->most_octets = (uint64_t)s->queue_mib * 1024 * 1024;
	l->most_seconds = (int64_t)s->queue_days * 86400;
	l->dead_ms = (int64_t)s->dead_seconds * 1000;
}

enum err
delivery_configure(struct delivery *d, const struct hi2_settings *s,
    struct moment now)
{
	struct line *l;
	enum err rc;

	for (unsigned i = 0; i < d->n; i++)
		d->line[i]->known = false;
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		if ((l = of_name(d, s->lemf[i].name)) == NULL &&
		    (rc = add(d, s->lemf[i].name, now, &l)) != ERR_OK)
			return rc;
		l->known = true;
	}
	/* A slot changes hands only when it is free. */
	for (unsigned i = 0; i < d->n; i++)
		if (!d->line[i]->known)
			set_line(d->line[i], &(struct lemf_settings){0}, now);
	for (unsigned i = 0; i < s->n_lemfs; i++)
		set_line(of_name(d, s->lemf[i].name), &s->lemf[i], now);
	return delivery_find_places(d, now);
}

/* ---- what is on a line ---- */

uint64_t
delivery_first(const struct line *l)
{
	return l->first < l->end ? delivery_at(l, l->first)->number : l->next;
}

void
delivery_standing(const struct delivery *d, const struct line *l,
    struct spool_lemf *out)
{
	if (l->at == -1 || !spool_lemf(d->spool, (unsigned)l->at, out))
		*out = (struct spool_lemf){0};
}

static enum err
begin_line(struct line *l, uint32_t epoch)
{
	take_back(l);
	if (l->given == NULL &&
	    (l->given = calloc(DELIVER_WINDOW_RECORDS, sizeof(*l->given))) ==
		NULL)
		return ERR_NOMEM;
	l->epoch = epoch;
	l->proved = false;
	return ERR_OK;
}

/* An answer after a silence is no new beginning: its epoch is the same. */
enum err
delivery_link(struct delivery *d, unsigned slot, const struct msg_link *m,
    struct moment now)
{
	struct line *l = of_slot(d, slot);
	enum err rc = ERR_OK;

	if (l == NULL)
		return ERR_OK;
	switch (m->state) {
	case LINK_DOWN:
	case LINK_UP:
		take_back(l);
		break;
	case LINK_OPEN:
		if (m->epoch != l->epoch)
			rc = begin_line(l, m->epoch);
		break;
	case LINK_SILENT:
		break;
	case LINK__MAX:
		return ERR_MALFORMED;
	}
	if (rc == ERR_OK) {
		set_state(l, m->state, m->text, now);
		delivery_miss(d, l, now);
	}
	return rc;
}

void
delivery_gone(struct delivery *d, unsigned slot, const char *text,
    struct moment now)
{
	struct line *l = of_slot(d, slot);

	if (l == NULL)
		return;
	set_down(l, text, now);
	delivery_miss(d, l, now);
}

/* Numbers on the line are one above those of the queue, which begin at 0. */
static enum err
find_mark(struct delivery *d, unsigned slot, const struct msg_upto *m,
    struct line **out)
{
	struct line *l = of_slot(d, slot);

	*out = l;
	if (l == NULL || l->epoch == 0 || m->epoch != l->epoch)
		return ERR_CLOSED; /* of a connection that has gone */
	if (m->number == 0 || l->end == 0 ||
	    m->number - 1 > delivery_at(l, l->end - 1)->number)
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
delivery_sent(struct delivery *d, unsigned slot, const struct msg_upto *m)
{
	struct line *l;
	const enum err rc = find_mark(d, slot, m, &l);

	if (rc != ERR_OK)
		return rc == ERR_CLOSED ? ERR_OK : rc;
	while (l->sent < l->end && delivery_at(l, l->sent)->number < m->number)
		l->sent++;
	l->full = false;
	return ERR_OK;
}

enum err
delivery_delivered(struct delivery *d, unsigned slot, const struct msg_upto *m,
    struct moment now)
{
	struct line *l;
	const enum err rc = find_mark(d, slot, m, &l);

	if (rc != ERR_OK)
		return rc == ERR_CLOSED ? ERR_OK : rc;
	while (
	    l->first < l->end && delivery_at(l, l->first)->number < m->number) {
		const struct given *g = delivery_at(l, l->first++);

		if (l->done == 0) {
			l->done_from = g->number;
			l->done_since = now.ms;
		}
		l->done_upto = g->number;
		l->done++;
		l->done_octets += g->octets;
		l->octets -= g->octets;
	}
	if (l->sent < l->first)
		l->sent = l->first;
	l->proved = true;
	delivery_miss(d, l, now);
	l->full = false;
	return ERR_OK;
}
