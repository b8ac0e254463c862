#include <stdlib.h>
#include <string.h>

#include "appliance/x2_asks_int.h"

/* Kept free for what one PDU brings at once, and for what is asked again. */
#define SPARE_TICKETS 256
#define SPARE_OCTETS (4 * 1024 * 1024)
#define SWEEP 512 /* exchanges looked at in a tick */
#define AGAIN 256 /* exchanges asked again in a tick */

enum err
x2_asks_new(const struct x2_asks_limits *limits, unsigned exchanges,
    uint64_t epoch, const struct x2_asks_ops *ops, void *ctx,
    struct x2_asks **out)
{
	struct x2_asks *a = calloc(1, sizeof(*a));
	enum err rc;

	if (a == NULL)
		return ERR_NOMEM;
	a->ops = ops;
	a->ctx = ctx;
	a->epoch = epoch;
	x2_asks_limit(a, limits);
	if ((rc = slots_new(sizeof(struct x2_ticket), X2_TICKETS,
		 &a->tickets)) != ERR_OK ||
	    (rc = x2_told_new(exchanges, &a->told)) != ERR_OK) {
		x2_asks_free(&a);
		return rc;
	}
	*out = a;
	return ERR_OK;
}

void
x2_asks_free(struct x2_asks **ap)
{
	struct x2_asks *a = *ap;
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	if (a == NULL)
		return;
	if (a->tickets != NULL)
		while ((t = slots_next(a->tickets, &at, &id)) != NULL)
			free(t->octets);
	slots_free(&a->tickets);
	x2_told_free(&a->told);
	free(a);
	*ap = NULL;
}

void
x2_asks_limit(struct x2_asks *a, const struct x2_asks_limits *limits)
{
	a->limits = *limits;
}

void
x2_asks_count(const struct x2_asks *a, struct x2_asks_counts *out)
{
	*out = a->counts;
	out->waiting = slots_used(a->tickets);
}

bool
x2_asks_room(const struct x2_asks *a)
{
	const size_t spare = SPARE_OCTETS < a->limits.octets / 4
	    ? SPARE_OCTETS
	    : a->limits.octets / 4;

	return slots_used(a->tickets) <= X2_TICKETS - SPARE_TICKETS &&
	    a->octets + spare <= a->limits.octets;
}

/* ---- out ---- */

static size_t
cost(const struct x2_matter *m)
{
	return sizeof(struct x2_ticket) + m->content.sip.left + m->call.left +
	    m->mikey.left;
}

static void
drop(struct x2_asks *a, uint32_t id, struct x2_ticket *t)
{
	a->octets -= cost(&t->m);
	free(t->octets);
	slots_drop(a->tickets, id);
}

/* The last word to hi2, then the place is free. */
static void
leave(struct x2_asks *a, uint32_t id, struct x2_ticket *t)
{
	if (t->state != TICKET_ENDED && t->m.mikey.left > 0)
		a->ops->mikey_gone(a->ctx, id);
	t->state = TICKET_ENDED;
	if (!t->with_hi2 || a->ops->gone(a->ctx, id))
		drop(a, id, t);
}

/* With each ask: xkc may have had no room, and may be another one by now. */
static void
give_mikey(struct x2_asks *a, uint32_t id, const struct x2_ticket *t)
{
	if (t->kind == X2_ASK_KEYS && t->m.mikey.left > 0)
		a->ops->mikey(a->ctx, id, t->m.mikey);
}

static void
ask(struct x2_asks *a, uint32_t id, struct x2_ticket *t, int64_t now)
{
	struct msg_x2_ask m = {.epoch = a->epoch,
	    .kind = t->kind,
	    .again = t->m.again,
	    .n_done = t->n_done};

	/* Content first: a word that meets none at hi2 is lost. */
	if (!t->with_hi2 && !a->ops->content(a->ctx, id, &t->m.content))
		return;
	t->with_hi2 = true;
	memcpy(m.xid, t->m.xid, XID_LEN);
	memcpy(m.done, t->done, t->n_done * sizeof(m.done[0]));
	if (t->kind == X2_ASK_KEYS) {
		m.call_reason = t->m.call_reason;
		m.call = t->m.call;
	}
	give_mikey(a, id, t);
	if (!a->ops->ask(a->ctx, id, &m))
		return;
	t->state = TICKET_ASKED;
	t->at = now + X2_WORD_MS;
	t->has_legs = false;
}

static void
due(struct x2_ticket *t, int64_t at)
{
	t->state = TICKET_DUE;
	t->at = at;
}

/* From the start, as if it had never been asked. */
static void
afresh(struct x2_ticket *t, int64_t now)
{
	t->since = now;
	t->backoff = X2_BACKOFF_FIRST_MS;
	due(t, now);
}

void
x2_ticket_finish(struct x2_asks *a, uint32_t id, struct x2_ticket *t)
{
	struct x2_told_of *of = NULL;

	if (t->m.kind == X2_ASK_KEYS)
		of = x2_told_find(a->told, t->m.exchange);
	if (of != NULL)
		of->live = false;
	/* Without memory to remember it is forgotten, and not asked again. */
	if (of != NULL && x2_told_set(of, t->done, t->n_done) != ERR_OK)
		x2_told_drop(a->told, of);
	if (t->m.content.call != 0)
		a->ops->release(a->ctx, t->m.content.call);
	leave(a, id, t);
}

void
x2_ticket_retry(struct x2_asks *a, uint32_t id, struct x2_ticket *t,
    int64_t wait, int64_t now)
{
	if (now - t->since < a->limits.retry_ms) {
		due(t, now + wait);
		t->backoff = t->backoff * 2 > X2_BACKOFF_MOST_MS
		    ? X2_BACKOFF_MOST_MS
		    : t->backoff * 2;
	} else if (t->kind == X2_ASK_KEYS) {
		/* So that the LEMF learns that there will be no keys. */
		t->kind = X2_ASK_NO_KEYS;
		afresh(t, now);
	} else {
		a->counts.given_up += t->n_open > 0 ? t->n_open : 1;
		x2_ticket_finish(a, id, t);
		return;
	}
	if (t->at <= now)
		ask(a, id, t, now);
}

/* ---- tickets ---- */

static enum err
fill(struct x2_asks *a, struct x2_ticket *t, const struct x2_matter *m)
{
	const size_t sip = m->content.sip.left, call = m->call.left,
		     mikey = m->mikey.left;

	if ((t->octets = malloc(sip + call + mikey + 1)) == NULL)
		return ERR_NOMEM;
	if (sip > 0)
		memcpy(t->octets, m->content.sip.p, sip);
	if (call > 0)
		memcpy(t->octets + sip, m->call.p, call);
	if (mikey > 0)
		memcpy(t->octets + sip + call, m->mikey.p, mikey);
	t->m = *m;
	rd_init(&t->m.content.sip, t->octets, sip);
	rd_init(&t->m.call, t->octets + sip, call);
	rd_init(&t->m.mikey, t->octets + sip + call, mikey);
	t->m.done = NULL;
	t->m.content.epoch = a->epoch;
	t->kind = m->kind;
	return ERR_OK;
}

static void
add_done(struct x2_ticket *t, uint64_t leg)
{
	for (unsigned i = 0; i < t->n_done; i++)
		if (t->done[i] == leg)
			return;
	if (t->n_done < MAX_LEGS)
		t->done[t->n_done++] = leg;
}

/*
 * Who has the keys of the exchange need not get them again, nor who has them
 * by another XID; the first time each XID's own warrants are asked for.
 */
static void
remember(struct x2_asks *a, struct x2_ticket *t)
{
	struct x2_told_of *of;
	uint32_t at = 0;

	if (t->kind != X2_ASK_KEYS)
		return;
	of = x2_told_make(a->told, t->m.exchange, t->m.xid, t->m.same);
	of->live = true;
	for (unsigned i = 0; i < of->n; i++)
		add_done(t, of->leg[i]);
	while (
	    t->m.again && (of = x2_told_twin(a->told, t->m.same, &at)) != NULL)
		for (unsigned i = 0; i < of->n; i++)
			add_done(t, of->leg[i]);
}

enum err
x2_asks_begin(struct x2_asks *a, const struct x2_matter *m, int64_t now)
{
	struct x2_told_of *of =
	    m->kind == X2_ASK_KEYS ? x2_told_find(a->told, m->exchange) : NULL;
	struct x2_ticket *t;
	uint32_t id;
	enum err rc;

	if (of != NULL && of->live) {
		of->due = true;
		a->again_left = true;
		return ERR_OK;
	}
	if (a->octets + cost(m) > a->limits.octets ||
	    (t = slots_take(a->tickets, &id)) == NULL)
		return ERR_FULL;
	if ((rc = fill(a, t, m)) != ERR_OK) {
		slots_drop(a->tickets, id);
		return rc;
	}
	a->octets += cost(m);
	for (unsigned i = 0; i < m->n_done; i++)
		add_done(t, m->done[i]);
	remember(a, t);
	if (m->content.call != 0)
		a->ops->hold(a->ctx, m->content.call);
	afresh(t, now);
	ask(a, id, t, now);
	return ERR_OK;
}

/* ---- neighbours come and go, warrants come ---- */

/* Words are awaited no longer: it is asked again when it can be. */
static void
expect_nothing(struct x2_ticket *t)
{
	if (t->state == TICKET_ASKED)
		due(t, 0);
}

void
x2_asks_policy_left(struct x2_asks *a)
{
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	while ((t = slots_next(a->tickets, &at, &id)) != NULL)
		expect_nothing(t);
}

static void
ask_all(struct x2_asks *a, int64_t now)
{
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	while ((t = slots_next(a->tickets, &at, &id)) != NULL)
		if (t->state != TICKET_ENDED) {
			afresh(t, now);
			ask(a, id, t, now);
		}
}

void
x2_asks_policy_joined(struct x2_asks *a, int64_t now)
{
	x2_asks_policy_left(a);
	/* Nobody has told of warrants that came meanwhile. */
	x2_asks_again(a, NULL);
	ask_all(a, now);
}

void
x2_asks_hi2_left(struct x2_asks *a)
{
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	while ((t = slots_next(a->tickets, &at, &id)) != NULL) {
		t->with_hi2 = false;
		expect_nothing(t);
		if (t->state == TICKET_ENDED)
			leave(a, id, t);
	}
}

void
x2_asks_hi2_joined(struct x2_asks *a, int64_t now)
{
	x2_asks_hi2_left(a);
	ask_all(a, now);
}

void
x2_asks_xkc_joined(struct x2_asks *a)
{
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	/* One that is due gets them when it is asked. */
	while ((t = slots_next(a->tickets, &at, &id)) != NULL)
		if (t->state == TICKET_ASKED)
			give_mikey(a, id, t);
}

void
x2_asks_again(struct x2_asks *a, const uint8_t *xid)
{
	struct x2_told_of *of;
	unsigned at = 0;

	while ((of = x2_told_next(a->told, &at)) != NULL)
		if (xid == NULL || memcmp(xid, of->xid, XID_LEN) == 0)
			of->due = true;
	a->again_at = 0;
}

/* ---- time ---- */

/* Those that the calls have no longer are forgotten. */
static void
sweep(struct x2_asks *a)
{
	struct x2_told_of *of;

	for (unsigned n = 0; n < SWEEP; n++) {
		if ((of = x2_told_next(a->told, &a->sweep_at)) == NULL) {
			a->sweep_at = 0;
			break;
		}
		if (!of->live && !a->ops->lives(a->ctx, of->exchange))
			x2_told_drop(a->told, of);
	}
}

/* Only when all tickets of it have ended is it known who has the keys. */
static bool
at_work(const struct x2_asks *a, const struct x2_told_of *of)
{
	const struct x2_told_of *twin;
	uint32_t at = 0;

	while ((twin = x2_told_twin(a->told, of->same, &at)) != NULL)
		if (twin->live)
			return true;
	return false;
}

/* A few at a time, and never in the way of what is new. */
static void
ask_again(struct x2_asks *a)
{
	struct x2_told_of *of;

	for (unsigned n = 0; n < AGAIN && x2_asks_room(a);) {
		if ((of = x2_told_next(a->told, &a->again_at)) == NULL) {
			if (a->again_left)
				a->again_at = 0;
			a->again_left = false;
			break;
		}
		if (!of->due)
			continue;
		if (at_work(a, of)) {
			a->again_left = true;
			continue;
		}
		of->due = false;
		n++;
		if (!a->ops->again(a->ctx, of->exchange))
			x2_told_drop(a->told, of);
	}
}

void
x2_asks_tick(struct x2_asks *a, int64_t now)
{
	struct x2_ticket *t;
	unsigned at = 0;
	uint32_t id;

	while ((t = slots_next(a->tickets, &at, &id)) != NULL) {
		if (t->state == TICKET_ENDED)
			leave(a, id, t);
		else if (now < t->at)
			continue;
		else if (t->state == TICKET_DUE)
			ask(a, id, t, now);
		else
			x2_ticket_retry(a, id, t, 0, now); /* not a word */
	}
	sweep(a);
	ask_again(a);
}
