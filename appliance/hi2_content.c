#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_content.h"

struct contents {
	uint64_t epoch;
	unsigned used;
	uint64_t octets;
	struct content *bucket[CONTENTS_MAX];
};

enum err
contents_new(struct contents **out)
{
	struct contents *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return ERR_NOMEM;
	*out = c;
	return ERR_OK;
}

/* What a target has said or signalled does not stay in memory. */
static void
free_sip(struct contents *c, struct content *e)
{
	if (e->sip != NULL)
		explicit_bzero(e->sip, e->sip_len);
	free(e->sip);
	c->octets -= e->sip_len;
	e->sip = NULL;
	e->sip_len = 0;
}

static void
drop_at(struct contents *c, struct content **at)
{
	struct content *e = *at;

	*at = e->next;
	free_sip(c, e);
	free(e->leg);
	free(e);
	c->used--;
}

static void
drop_all(struct contents *c)
{
	for (size_t i = 0; i < CONTENTS_MAX && c->used > 0; i++)
		while (c->bucket[i] != NULL)
			drop_at(c, &c->bucket[i]);
}

void
contents_free(struct contents **cp)
{
	if (*cp == NULL)
		return;
	drop_all(*cp);
	free(*cp);
	*cp = NULL;
}

/* x2's ids differ in their low bits while they are in use. */
static struct content **
place(struct contents *c, uint32_t ticket)
{
	struct content **at = &c->bucket[ticket % CONTENTS_MAX];

	while (*at != NULL && (*at)->ticket != ticket)
		at = &(*at)->next;
	return at;
}

static enum err
set_sip(struct contents *c, struct content *e, struct rd sip)
{
	uint8_t *copy = NULL;

	if (c->octets - e->sip_len + sip.left > CONTENT_OCTETS_MAX)
		return ERR_TOOBIG;
	if (sip.left > 0) {
		if ((copy = malloc(sip.left)) == NULL)
			return ERR_NOMEM;
		memcpy(copy, sip.p, sip.left);
	}
	free_sip(c, e);
	e->sip = copy;
	e->sip_len = sip.left;
	c->octets += sip.left;
	return ERR_OK;
}

enum err
contents_put(struct contents *c, uint32_t ticket, const struct msg_content *m)
{
	struct content **at, *e;
	enum err rc;

	if (m->epoch != c->epoch) {
		drop_all(c);
		c->epoch = m->epoch;
	}
	at = place(c, ticket);
	if (*at == NULL) {
		if (c->used >= CONTENTS_MAX)
			return ERR_TOOBIG;
		if ((*at = calloc(1, sizeof(**at))) == NULL)
			return ERR_NOMEM;
		c->used++;
	}
	e = *at;
	e->ticket = ticket;
	e->call = m->call;
	memcpy(e->mark, m->mark, sizeof(e->mark));
	memcpy(e->correlation, m->correlation, sizeof(e->correlation));
	e->seconds = m->seconds;
	e->nanoseconds = m->nanoseconds;
	e->direction = m->direction;
	if ((rc = set_sip(c, e, m->sip)) != ERR_OK)
		drop_at(c, at);
	return rc;
}

struct content *
contents_find(struct contents *c, uint64_t epoch, uint32_t ticket)
{
	return epoch == c->epoch ? *place(c, ticket) : NULL;
}

void
contents_drop(struct contents *c, uint32_t ticket)
{
	struct content **at = place(c, ticket);

	if (*at != NULL)
		drop_at(c, at);
}

unsigned
contents_used(const struct contents *c)
{
	return c->used;
}

/* ---- legs ---- */

enum leg_state
content_leg(const struct content *e, uint64_t leg)
{
	for (unsigned i = 0; i < e->n_legs; i++)
		if (e->leg[i].leg == leg)
			return e->leg[i].state;
	return LEG_NONE;
}

static enum err
add_leg(struct content *e, uint64_t leg, enum leg_state state)
{
	struct content_leg *l;

	if (e->n_legs >= CONTENT_LEGS_MAX)
		return ERR_TOOBIG;
	if (e->n_legs == e->cap_legs) {
		const unsigned cap = e->cap_legs == 0 ? 1 : 2 * e->cap_legs;

		if ((l = realloc(e->leg, cap * sizeof(*l))) == NULL)
			return ERR_NOMEM;
		e->leg = l;
		e->cap_legs = cap;
	}
	e->leg[e->n_legs++] = (struct content_leg){leg, state};
	return ERR_OK;
}

enum err
content_set_leg(struct content *e, uint64_t leg, enum leg_state state)
{
	for (unsigned i = 0; i < e->n_legs; i++) {
		if (e->leg[i].leg != leg)
			continue;
		if (state == LEG_NONE)
			e->leg[i] = e->leg[--e->n_legs];
		else
			e->leg[i].state = state;
		return ERR_OK;
	}
	return state == LEG_NONE ? ERR_OK : add_leg(e, leg, state);
}
