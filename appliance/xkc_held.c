#include <stdlib.h>

#include "appliance/xkc_held.h"

struct place {
	uint32_t id;
	uint8_t *octets; /* a msg_mikey; NULL: none */
	size_t len;
};

struct xkc_held {
	uint64_t epoch; /* of x2 */
	unsigned n;
	size_t octets;
	/*
	 * x2's numbers are those of slots (appliance/slots.h): the lower bits
	 * are a place that has one ticket at a time.
	 */
	struct place place[XKC_TICKETS];
};

enum err
xkc_held_new(struct xkc_held **out)
{
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ERR_NOMEM : ERR_OK;
}

static void
forget(struct xkc_held *h, struct place *p)
{
	if (p->octets == NULL)
		return;
	free(p->octets);
	p->octets = NULL;
	h->octets -= p->len;
	h->n--;
}

static void
forget_all(struct xkc_held *h)
{
	for (unsigned i = 0; i < XKC_TICKETS; i++)
		forget(h, &h->place[i]);
}

void
xkc_held_free(struct xkc_held **hp)
{
	if (*hp == NULL)
		return;
	forget_all(*hp);
	free(*hp);
	*hp = NULL;
}

enum err
xkc_held_put(struct xkc_held *h, uint32_t id, const struct msg_mikey *m)
{
	struct place *p = &h->place[id % XKC_TICKETS];
	const size_t len = msg_mikey_max(m);
	struct wr w;

	if (m->epoch != h->epoch)
		forget_all(h);
	h->epoch = m->epoch;
	forget(h, p);
	if (len > XKC_OCTETS - h->octets)
		return ERR_FULL;
	if ((p->octets = malloc(len)) == NULL)
		return ERR_NOMEM;
	wr_init(&w, p->octets, len);
	msg_mikey_put(&w, m);
	p->id = id;
	p->len = len;
	h->octets += len;
	h->n++;
	return ERR_OK;
}

void
xkc_held_drop(struct xkc_held *h, uint32_t id)
{
	struct place *p = &h->place[id % XKC_TICKETS];

	if (p->id == id)
		forget(h, p);
}

bool
xkc_held_find(const struct xkc_held *h, const struct ticket *t,
    struct msg_mikey *out)
{
	const struct place *p = &h->place[t->id % XKC_TICKETS];
	struct rd body;

	if (p->octets == NULL || p->id != t->id || h->epoch != t->epoch)
		return false;
	rd_init(&body, p->octets, p->len);
	return msg_mikey_get(body, out) == ERR_OK;
}

unsigned
xkc_held_tickets(const struct xkc_held *h)
{
	return h->n;
}

size_t
xkc_held_octets(const struct xkc_held *h)
{
	return h->octets;
}
