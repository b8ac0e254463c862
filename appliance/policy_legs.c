/* Which warrants an XID concerns, and when that changes. */
#include <string.h>

#include "appliance/policy_x2.h"
#include "base/log.h"

#define LOOK_MS 1000

static struct rd
xid_view(const uint8_t xid[XID_LEN])
{
	struct rd r;

	rd_init(&r, xid, XID_LEN);
	return r;
}

static struct rd
identity_of(const struct warrant_target *t, unsigned i)
{
	struct rd r;

	rd_init(&r, t->ids.w[i], strlen(t->ids.w[i]));
	return r;
}

/* In force for HI2, with all of `products`; *state is how it stands. */
static bool
serves(struct policy *p, const struct held_warrant *h, unsigned target,
    unsigned products, struct warrant_state *state)
{
	const struct ask a = {.target = identity_of(&h->w->target[target], 0),
	    .over_hi2 = true,
	    .products = products,
	    .now = policy_now(p)};

	*state = warrants_state(p->authority, h);
	return warrant_is_for(h->w, state, &a) == WARRANT_ALLOWS;
}

bool
policy_leg_stands(struct policy *p, const struct held_warrant *h,
    unsigned target)
{
	struct warrant_state state;

	return serves(p, h, target, 0, &state);
}

static bool
has_xid(const struct warrant_target *t, const uint8_t xid[XID_LEN])
{
	for (unsigned i = 0; i < t->n_xids; i++)
		if (memcmp(t->xid[i], xid, XID_LEN) == 0)
			return true;
	return false;
}

/* An XID is one target's of a warrant. */
static unsigned
target_by_xid(const struct warrant *w, const uint8_t xid[XID_LEN])
{
	unsigned t = 0;

	while (t < w->n_targets && !has_xid(&w->target[t], xid))
		t++;
	return t;
}

static unsigned
target_by_identity(const struct warrant *w, struct rd id)
{
	unsigned t = 0;

	while (t < w->n_targets && !words_have(&w->target[t].ids, id))
		t++;
	return t;
}

struct search {
	struct policy *p;
	unsigned products;
	struct leg *leg;
	unsigned n;
};

static void
add(struct search *s, struct held_warrant *h, unsigned target)
{
	static struct log_limit limit;
	struct leg l = {.warrant = h, .target = target};

	if (target >= h->w->n_targets ||
	    !serves(s->p, h, target, s->products, &l.state))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (s->leg[i].warrant == h)
			return;
	if (s->n == MAX_LEGS) {
		log_limited(&limit, 1,
		    "more than %d warrants are in force for one XID: the "
		    "others get nothing of it",
		    MAX_LEGS);
		return;
	}
	s->leg[s->n++] = l;
}

/* Every warrant on one of the target's identities. */
static void
add_kin(struct search *s, const struct warrant_target *t)
{
	for (unsigned i = 0; i < t->ids.n; i++) {
		const struct rd id = identity_of(t, i);
		const struct index_link *l =
		    index_first(&s->p->warrants.targets, id);

		for (; l != NULL; l = index_next(l)) {
			struct held_warrant *h = l->thing;

			add(s, h, target_by_identity(h->w, id));
		}
	}
}

unsigned
policy_legs(struct policy *p, const uint8_t xid[XID_LEN], unsigned products,
    bool again, struct leg out[MAX_LEGS])
{
	struct search s = {.p = p, .products = products, .leg = out};
	const struct index_link *l =
	    index_first(&p->warrants.xids, xid_view(xid));

	for (; l != NULL; l = index_next(l)) {
		struct held_warrant *h = l->thing;
		const unsigned t = target_by_xid(h->w, xid);

		add(&s, h, t);
		if (again && t < h->w->n_targets)
			add_kin(&s, &h->w->target[t]);
	}
	return s.n;
}

/* ---- when it changes ---- */

void
policy_send_x2(struct policy *p, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	static struct log_limit limit;

	/* One that asks and does not read must not fill the log. */
	if (p->x2 != NULL && peer_send(p->x2, type, id, body, len) != ERR_OK)
		log_limited(&limit, 1, "x2 does not take what it is sent");
}

static void
send_again(struct policy *p, const struct warrant_target *t)
{
	for (unsigned i = 0; i < t->n_xids; i++)
		policy_send_x2(p, MSG_X2_AGAIN, 0, t->xid[i], XID_LEN);
}

/*
 * A warrant has come into force: calls of its targets that are reported under
 * any warrant may be up already.
 */
static void
tell_again(struct policy *p, const struct warrant *w)
{
	for (unsigned t = 0; t < w->n_targets; t++) {
		const struct warrant_target *own = &w->target[t];

		send_again(p, own);
		for (unsigned i = 0; i < own->ids.n; i++) {
			const struct rd id = identity_of(own, i);
			const struct index_link *l =
			    index_first(&p->warrants.targets, id);

			for (; l != NULL; l = index_next(l)) {
				const struct held_warrant *h = l->thing;
				const unsigned k = target_by_identity(h->w, id);

				if (h->w != w && k < h->w->n_targets)
					send_again(p, &h->w->target[k]);
			}
		}
	}
}

/* The next time at which time alone changes something of this warrant. */
static void
note_edge(struct policy *p, const struct held_warrant *h,
    const struct warrant_state *s, int64_t now)
{
	const int64_t edge[2] = {h->w->start - WARRANT_SKEW,
	    s->end + h->w->grace};

	for (unsigned i = 0; i < 2; i++)
		if (edge[i] > now && edge[i] < p->look.next_edge)
			p->look.next_edge = edge[i];
}

/* How all of them stand; whether x2 knew otherwise. */
static bool
look_at_all(struct policy *p, int64_t now)
{
	const bool first = p->look.next_edge == 0;
	bool changed = false;

	p->look.next_edge = INT64_MAX;
	for (size_t i = 0; i < p->warrants.n; i++) {
		struct held_warrant *h = p->warrants.w[i];
		struct warrant_state s;
		bool is;

		if ((h->w->deliveries & DELIVERY_HI2) == 0)
			continue;
		is = serves(p, h, 0, PRODUCT_KEYS, &s);
		note_edge(p, h, &s, now);
		if (is == h->serves_x2)
			continue;
		h->serves_x2 = is;
		changed = true;
		if (is && !first && p->x2 != NULL)
			tell_again(p, h->w);
	}
	return changed;
}

void
policy_x2_look(struct policy *p)
{
	const uint64_t head = authority_head(p->authority).number;
	const int64_t now = policy_now(p);

	if (p->look.head == head && p->look.n_warrants == p->warrants.n &&
	    p->look.holds == p->holds && now < p->look.next_edge)
		return;
	p->look.head = head;
	p->look.n_warrants = p->warrants.n;
	p->look.holds = p->holds;
	if (look_at_all(p, now))
		policy_send_x2(p, MSG_XIDS_CHANGED, 0, NULL, 0);
}

static void
on_look(uv_timer_t *t)
{
	policy_x2_look(t->data);
}

void
policy_x2_start(struct policy *p)
{
	p->look.timer.data = p;
	if (uv_timer_init(&p->loop, &p->look.timer) != 0 ||
	    uv_timer_start(&p->look.timer, on_look, 0, LOOK_MS) != 0)
		fatal("no timer");
}
