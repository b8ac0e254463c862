#include <stdlib.h>
#include <string.h>

#include "appliance/x2_intake.h"
#include "hi2/x2_pdu.h"

_Static_assert(MAX_INTAKE_PDU == X2_PDU_MAX, "a PDU is a PDU");

/* What one PDU may bring: itself, for its call and by itself. */
#define SPARE (2 * (MAX_INTAKE_PDU + INTAKE_ACT_COST))

/* What hi2 was told, or is to be told. */
struct act {
	uint16_t type;
	uint8_t *body;
	size_t len;
};

/* A call that tickets need. */
struct held {
	uint64_t call; /* 0: a free place */
	unsigned n; /* tickets */
	bool gone; /* nobody else needs it */
	size_t octets; /* of it, when gone */
	uint32_t next; /* with the same hash, or free; a place and one */
};

struct x2_intake {
	x2_intake_send_fn *send;
	void *ctx;
	bool there; /* hi2 */
	uint64_t number, last, stored;

	struct act *ring; /* acts stored + 1 to last */
	size_t head, n, cap;
	size_t n_sent; /* of n */
	size_t cost, sent_cost;

	struct held *held;
	uint32_t *bucket;
	unsigned most, made;
	uint32_t free; /* a place and one; 0: none */
	size_t held_octets, held_most;
};

enum err
x2_intake_new(unsigned tickets, x2_intake_send_fn *send, void *ctx,
    struct x2_intake **out)
{
	struct x2_intake *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return ERR_NOMEM;
	i->send = send;
	i->ctx = ctx;
	i->most = tickets;
	i->held_most = SIZE_MAX;
	i->held = calloc(tickets, sizeof(*i->held));
	i->bucket = calloc(tickets, sizeof(*i->bucket));
	if (i->held == NULL || i->bucket == NULL) {
		x2_intake_free(&i);
		return ERR_NOMEM;
	}
	*out = i;
	return ERR_OK;
}

static struct act *
act_at(const struct x2_intake *i, size_t at)
{
	return &i->ring[(i->head + at) % i->cap];
}

static void
act_free(struct act *a)
{
	/* What a target has signalled does not stay in memory. */
	explicit_bzero(a->body, a->len);
	free(a->body);
	*a = (struct act){.body = NULL};
}

void
x2_intake_free(struct x2_intake **ip)
{
	struct x2_intake *i = *ip;

	if (i == NULL)
		return;
	for (size_t k = 0; k < i->n; k++)
		act_free(act_at(i, k));
	free(i->ring);
	free(i->held);
	free(i->bucket);
	free(i);
	*ip = NULL;
}

void
x2_intake_limit(struct x2_intake *i, size_t octets)
{
	i->held_most = octets;
}

bool
x2_intake_room(const struct x2_intake *i)
{
	return i->cost + SPARE <= MAX_INTAKE_ACTS &&
	    i->held_octets <= i->held_most;
}

uint64_t
x2_intake_number(const struct x2_intake *i)
{
	return i->number;
}

void
x2_intake_start(struct x2_intake *i, uint64_t number)
{
	i->number = number;
}

/* ---- acts ---- */

static size_t
cost(const struct act *a)
{
	return a->len + INTAKE_ACT_COST;
}

/* Not more than hi2 holds at once. */
static void
send_acts(struct x2_intake *i)
{
	while (i->there && i->n_sent < i->n) {
		const struct act *a = act_at(i, i->n_sent);
		struct rd body;

		if (i->sent_cost + cost(a) > MAX_INTAKE_ACTS)
			break;
		rd_init(&body, a->body, a->len);
		if (!i->send(i->ctx, a->type, body))
			break;
		i->sent_cost += cost(a);
		i->n_sent++;
	}
}

static enum err
grow(struct x2_intake *i)
{
	const size_t cap = i->cap == 0 ? 64 : 2 * i->cap;
	struct act *ring = calloc(cap, sizeof(*ring));

	if (ring == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < i->n; k++)
		ring[k] = *act_at(i, k);
	free(i->ring);
	i->ring = ring;
	i->cap = cap;
	i->head = 0;
	return ERR_OK;
}

/* `w` has the body, whose memory is taken over. */
static enum err
add(struct x2_intake *i, uint16_t type, struct wr *w)
{
	const struct act a = {type, w->p, w->len};

	if (w->rc != ERR_OK || (i->n == i->cap && grow(i) != ERR_OK)) {
		free(w->p);
		return w->rc != ERR_OK ? ERR_INTERNAL : ERR_NOMEM;
	}
	*act_at(i, i->n) = a;
	i->n++;
	i->last++;
	i->cost += cost(&a);
	send_acts(i);
	return ERR_OK;
}

static enum err
writer(struct wr *w, size_t len)
{
	uint8_t *p = malloc(len);

	if (p == NULL)
		return ERR_NOMEM;
	wr_init(w, p, len);
	return ERR_OK;
}

static enum err
tell(struct x2_intake *i, struct msg_intake m)
{
	struct wr w;

	m.act = i->last + 1;
	if (writer(&w, msg_intake_max(&m)) != ERR_OK)
		return ERR_NOMEM;
	msg_intake_put(&w, &m);
	return add(i, MSG_INTAKE, &w);
}

static enum err
tell_gone(struct x2_intake *i, uint64_t call, uint64_t number)
{
	const struct msg_intake_gone m = {i->last + 1, call, number};
	struct wr w;

	if (writer(&w, MSG_INTAKE_GONE_LEN) != ERR_OK)
		return ERR_NOMEM;
	msg_intake_gone_put(&w, &m);
	return add(i, MSG_INTAKE_GONE, &w);
}

enum err
x2_intake_put(struct x2_intake *i, enum intake_kind kind, uint64_t call,
    int64_t came, struct rd pdu)
{
	const struct msg_intake m = {.number = i->number,
	    .call = call == 0 ? i->number : call,
	    .kind = kind,
	    .came = came,
	    .pdu = pdu};
	const enum err rc = tell(i, m);

	if (rc == ERR_OK)
		i->number++;
	return rc;
}

enum err
x2_intake_move(struct x2_intake *i, const struct msg_intake *m, uint64_t call)
{
	struct msg_intake moved = *m;

	moved.call = call;
	return tell(i, moved);
}

uint64_t
x2_intake_last(const struct x2_intake *i)
{
	return i->last;
}

bool
x2_intake_is_stored(const struct x2_intake *i, uint64_t act)
{
	return act <= i->stored;
}

bool
x2_intake_stored(struct x2_intake *i, uint64_t act)
{
	if (act > i->stored + i->n_sent)
		return false;
	while (i->stored < act) {
		struct act *a = act_at(i, 0);

		i->cost -= cost(a);
		i->sent_cost -= cost(a);
		act_free(a);
		i->head = (i->head + 1) % i->cap;
		i->n--;
		i->n_sent--;
		i->stored++;
	}
	send_acts(i);
	return true;
}

void
x2_intake_hi2_left(struct x2_intake *i)
{
	i->there = false;
	i->n_sent = 0;
	i->sent_cost = 0;
}

void
x2_intake_hi2_joined(struct x2_intake *i)
{
	x2_intake_hi2_left(i);
	i->there = true;
	send_acts(i);
}

void
x2_intake_tick(struct x2_intake *i)
{
	send_acts(i);
}

/* ---- calls that are held ---- */

/* Numbers follow one another: as good as a hash. */
static uint32_t *
place_of(const struct x2_intake *i, uint64_t call)
{
	uint32_t *at = &i->bucket[call & (i->most - 1)];

	while (*at != 0 && i->held[*at - 1].call != call)
		at = &i->held[*at - 1].next;
	return at;
}

static void
drop_held(struct x2_intake *i, uint32_t *at)
{
	const uint32_t place = *at;
	struct held *h = &i->held[place - 1];

	*at = h->next;
	i->held_octets -= h->octets;
	*h = (struct held){.next = i->free};
	i->free = place;
}

enum err
x2_intake_hold(struct x2_intake *i, uint64_t call)
{
	uint32_t *at = place_of(i, call);

	if (*at == 0) {
		if (i->free != 0) {
			*at = i->free;
			i->free = i->held[*at - 1].next;
		} else if (i->made < i->most) {
			*at = ++i->made;
		} else
			return ERR_FULL;
		i->held[*at - 1] = (struct held){.call = call};
	}
	i->held[*at - 1].n++;
	return ERR_OK;
}

enum err
x2_intake_release(struct x2_intake *i, uint64_t call)
{
	uint32_t *at = place_of(i, call);
	struct held *h;
	bool gone;

	if (*at == 0)
		return ERR_NOTFOUND;
	h = &i->held[*at - 1];
	if (--h->n > 0)
		return ERR_OK;
	gone = h->gone;
	drop_held(i, at);
	return gone ? tell_gone(i, call, 0) : ERR_OK;
}

enum err
x2_intake_gone(struct x2_intake *i, const struct calls_gone *g)
{
	const uint32_t *at = place_of(i, g->call);

	if (g->number != 0 || *at == 0)
		return tell_gone(i, g->call, g->number);
	i->held[*at - 1].gone = true;
	i->held[*at - 1].octets += g->stored;
	i->held_octets += g->stored;
	return ERR_OK;
}
