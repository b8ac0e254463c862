/*
 * Clients and their shares.  Policy has only so many requests of one client at
 * a time, on however many connections they came: the others are held here, so
 * that no client's flood stands before what another one asks for.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/xk_proc.h"
#include "base/log.h"

/* Of one client: enough that the workers it can keep busy are. */
#define WINDOW 16
#define WINDOW_WORKER 16

/* Octets of requests that are held: of all, and of one client. */
#define HELD_MOST ((size_t)64 * 1024 * 1024)
#define HELD_CLIENT (HELD_MOST / 8)

struct held {
	struct held *next;
	uint32_t id; /* in x->requests */
	size_t len;
	uint8_t ask[]; /* a MSG_ASK */
};

struct xk_client *
xk_share_join(struct xk *x, const uint8_t fingerprint[ALLOWANCE_WHO])
{
	struct xk_client *c = x->clients;

	while (c != NULL &&
	    memcmp(c->fingerprint, fingerprint, ALLOWANCE_WHO) != 0)
		c = c->next;
	if (c == NULL) {
		if ((c = calloc(1, sizeof(*c))) == NULL)
			return NULL;
		memcpy(c->fingerprint, fingerprint, ALLOWANCE_WHO);
		c->held_end = &c->held;
		c->next = x->clients;
		x->clients = c;
	}
	c->n_conns++;
	return c;
}

static void
drop_held(struct xk *x, struct xk_client *c)
{
	struct held *h = c->held;

	c->held = h->next;
	if (c->held == NULL)
		c->held_end = &c->held;
	c->held_octets -= h->len;
	x->held_octets -= h->len;
	free(h);
}

/* Without connection and request it is no more. */
static void
drop_client(struct xk *x, struct xk_client *c)
{
	struct xk_client **at = &x->clients;

	if (c->n_conns > 0 || c->n_outstanding > 0)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	while (c->held != NULL)
		drop_held(x, c);
	free(c);
}

void
xk_share_leave(struct xk *x, struct xk_client *c)
{
	c->n_conns--;
	drop_client(x, c);
}

/* ---- requests ---- */

static uint32_t
window(const struct xk *x)
{
	uint32_t n = WINDOW;

	for (unsigned i = 0; i < MAX_WORKERS; i++)
		n += x->hsm[i] != NULL ? WINDOW_WORKER : 0;
	return n;
}

bool
xk_share_has_room(const struct xk *x, const struct xk_client *c)
{
	return c->n_outstanding < x->settings.max_outstanding_client &&
	    x->held_octets < HELD_MOST && c->held_octets < HELD_CLIENT;
}

static bool
hold(struct xk *x, struct xk_client *c, uint32_t id, struct rd ask)
{
	struct held *h = malloc(sizeof(*h) + ask.left);

	if (h == NULL)
		return false;
	*h = (struct held){.id = id, .len = ask.left};
	memcpy(h->ask, ask.p, ask.left);
	*c->held_end = h;
	c->held_end = &h->next;
	c->held_octets += h->len;
	x->held_octets += h->len;
	return true;
}

bool
xk_share_ask(struct xk *x, struct asked *q, uint32_t id, struct rd ask)
{
	struct xk_client *c = q->client;

	if (c->n_asked >= window(x) || c->held != NULL) {
		if (!hold(x, c, id, ask))
			return false;
	} else {
		if (peer_send(x->policy, MSG_ASK, id, ask.p, ask.left) !=
		    ERR_OK)
			return false;
		q->sent = true;
		c->n_asked++;
	}
	c->n_outstanding++;
	return true;
}

/* The first of those held, if it is still waited for; false: it is not sent. */
static bool
ask_held(struct xk *x, struct xk_client *c)
{
	const struct held *h = c->held;
	struct asked *q = slots_find(x->requests, h->id);
	bool sent;

	if (q == NULL) /* it was not answered in time, or its end has gone */
		sent = true;
	else if ((sent = peer_send(x->policy, MSG_ASK, h->id, h->ask, h->len) ==
			 ERR_OK)) {
		q->sent = true;
		c->n_asked++;
	}
	if (sent)
		drop_held(x, c);
	return sent;
}

void
xk_share_done(struct xk *x, const struct asked *q)
{
	struct xk_client *c = q->client;

	c->n_outstanding--;
	c->n_asked -= q->sent;
	/* What policy does not take now is tried at the next end. */
	while (c->held != NULL && !x->stopping && x->policy != NULL &&
	    c->n_asked < window(x) && ask_held(x, c))
		;
	drop_client(x, c);
}
