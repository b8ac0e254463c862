/* Delivery: what is given to lines, and what leaves the queue. */
#include "appliance/hi2_delivery_int.h"

/* Records that a line is given before another one's turn. */
#define GIVE_AT_ONCE 64
/* What is delivered leaves the queue when it is so many, or so old. */
#define REMOVE_RECORDS 1024
#define REMOVE_MS 100
#define REMOVE_AGAIN_MS 1000

#define ASK_FIRST_MS 1000
#define ASK_MOST_MS 60000

/* ---- data keys ---- */

static bool
is_asked(const struct delivery *d, uint64_t key)
{
	for (unsigned i = 0; i < ASKS_MAX; i++)
		if (key != 0 && d->asked[i] == key)
			return true;
	return false;
}

enum err
delivery_want_key(struct delivery *d, uint64_t key, struct moment now,
    struct why *why)
{
	uint8_t wrapped[QUEUE_WRAPPED_MAX];
	struct rd r;
	size_t len = 0;
	unsigned i = 0;
	enum err rc;

	while (i < ASKS_MAX && d->asked[i] != 0)
		i++;
	if (is_asked(d, key) || i == ASKS_MAX || now.ms < d->ask_at)
		return ERR_OK;
	rc = spool_key_wrapped(d->spool, key, wrapped, &len, why);
	if (rc == ERR_NOTFOUND) {
		spool_key_lost(d->spool, key);
		return ERR_OK;
	}
	if (rc != ERR_OK)
		return rc;
	rd_init(&r, wrapped, len);
	if (d->ops->unwrap(d->ctx, key, r) == ERR_OK)
		d->asked[i] = key;
	else
		d->ask_at = now.ms + ASK_FIRST_MS;
	return ERR_OK;
}

static void
forget_ask(struct delivery *d, uint64_t key)
{
	for (unsigned i = 0; i < ASKS_MAX; i++)
		if (d->asked[i] == key)
			d->asked[i] = 0;
	for (unsigned i = 0; i < d->n; i++)
		if (d->line[i]->needs == key)
			d->line[i]->needs = 0;
}

void
delivery_key(struct delivery *d, uint64_t key, enum err rc, struct rd octets,
    struct moment now)
{
	if (!is_asked(d, key))
		return;
	forget_ask(d, key);
	if (rc == ERR_OK)
		rc = spool_key_put(d->spool, key, octets, now.ms);
	if (rc == ERR_MISMATCH)
		spool_key_lost(d->spool, key);
	if (rc == ERR_OK || rc == ERR_MISMATCH) {
		d->backoff = 0;
		return;
	}
	d->backoff = d->backoff == 0	   ? ASK_FIRST_MS
	    : 2 * d->backoff < ASK_MOST_MS ? 2 * d->backoff
					   : ASK_MOST_MS;
	d->ask_at = now.ms + d->backoff;
}

/* ---- giving ---- */

struct giving {
	struct delivery *d;
	struct line *l;
};

static bool
give(void *ctx, uint64_t number, struct rd pdu)
{
	struct giving *g = ctx;
	struct line *l = g->l;
	const struct msg_deliver m = {.epoch = l->epoch,
	    .number = number + 1,
	    .pdu = pdu};

	l->full = l->end - l->first == DELIVER_WINDOW_RECORDS ||
	    (l->end > l->first &&
		l->octets + pdu.left > DELIVER_WINDOW_OCTETS) ||
	    g->d->ops->give(g->d->ctx, (unsigned)l->slot, &m) != ERR_OK;
	if (l->full)
		return false;
	*delivery_at(l, l->end++) = (struct given){number, (uint32_t)pdu.left};
	l->octets += pdu.left;
	return true;
}

/* The record at `next` does not open: it waits no longer, nor do others. */
static enum err
note_damage(struct delivery *d, struct line *l, struct spool_reading *r,
    struct why *why)
{
	l->damage = true;
	l->damage_from = r->next;
	return spool_damage(d->spool, r, &l->damaged, why);
}

static bool
is_ready(const struct line *l)
{
	return l->epoch != 0 && l->at != -1 && !l->full && !l->paused &&
	    !l->damage && l->drop == DROP_NONE;
}

/* At once, as what comes may be faster than the ticks. */
static enum err
bound_again(struct delivery *d, struct line *l, struct moment now,
    struct why *why)
{
	if (!l->dropped)
		return ERR_OK;
	l->dropped = false;
	return delivery_bound(d, l, now, why);
}

static enum err
give_some(struct delivery *d, struct line *l, struct moment now, bool *more,
    struct why *why)
{
	struct spool_reading r = {.lemf = (unsigned)l->at, .next = l->next};
	struct giving g = {.d = d, .l = l};
	struct spool_lemf s;
	enum err rc;

	delivery_standing(d, l, &s);
	if (l->next >= s.next)
		return ERR_OK;
	if (l->needs != 0)
		return delivery_want_key(d, l->needs, now, why);
	rc = spool_read(d->spool, &r, GIVE_AT_ONCE, now.ms, give, &g, why);
	l->next = r.next;
	if (rc == ERR_AGAIN) {
		l->needs = r.key;
		return delivery_want_key(d, r.key, now, why);
	}
	if (rc == ERR_CRYPTO)
		return note_damage(d, l, &r, why);
	if (rc == ERR_OK)
		*more = *more || (!l->full && l->next < s.next);
	return rc;
}

enum err
delivery_turn(struct delivery *d, struct moment now, bool *more,
    struct why *why)
{
	enum err rc, first = ERR_OK;

	*more = false;
	if (delivery_find_places(d, now) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	d->turn++;
	for (unsigned i = 0; i < d->n; i++) {
		struct line *l = d->line[(d->turn + i) % d->n];
		struct why here = {""};

		rc = bound_again(d, l, now, &here);
		if (rc == ERR_OK && is_ready(l))
			rc = give_some(d, l, now, more, &here);
		if (rc == ERR_OK)
			continue;
		l->paused = true;
		if (first == ERR_OK)
			first = why_set(why, rc, "%s", here.text);
	}
	return first;
}

/* ---- leaving the queue ---- */

bool
delivery_is_due(const struct delivery *d, struct moment now)
{
	return delivery_due_in(d, now) == 0;
}

int64_t
delivery_due_in(const struct delivery *d, struct moment now)
{
	int64_t best = -1;

	for (unsigned i = 0; i < d->n; i++) {
		const struct line *l = d->line[i];
		int64_t in = l->done_since + REMOVE_MS - now.ms;

		if (l->drop != DROP_GRANTED && !l->damage && l->done == 0)
			continue;
		if (l->drop == DROP_GRANTED || l->damage ||
		    l->done >= REMOVE_RECORDS || in < 0)
			in = 0;
		if (best == -1 || in < best)
			best = in;
	}
	if (best >= 0 && d->remove_at - now.ms > best)
		best = d->remove_at - now.ms;
	return best;
}

static enum err
remove_of(struct delivery *d, struct line *l, struct why *why)
{
	const unsigned lemf = (unsigned)l->at;
	struct spool_extent e;
	enum err rc;

	if (l->done > 0) {
		rc = spool_remove(d->spool, lemf, l->done_from, l->done_upto,
		    SPOOL_DELIVERED, &e, why);
		if (rc != ERR_OK)
			return rc;
	}
	if (l->drop == DROP_GRANTED) {
		rc = spool_remove(d->spool, lemf, l->drop_from,
		    l->dropping.upto, SPOOL_DROPPED, &e, why);
		if (rc != ERR_OK)
			return rc;
	}
	if (l->damage) {
		rc = spool_remove(d->spool, lemf, l->damage_from,
		    l->damaged.upto, SPOOL_DAMAGED, &l->damaged, why);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
delivery_remove(struct delivery *d, struct why *why)
{
	enum err rc;

	for (unsigned i = 0; i < d->n; i++)
		if (d->line[i]->at != -1 &&
		    (rc = remove_of(d, d->line[i], why)) != ERR_OK)
			return rc;
	return ERR_OK;
}

static void
left(struct line *l)
{
	l->done = l->done_octets = 0;
	if (l->drop == DROP_GRANTED) {
		if (l->next >= l->drop_from && l->next <= l->dropping.upto)
			l->next = l->dropping.upto + 1;
		l->drop = DROP_NONE;
		l->dropped = true;
	}
	if (l->damage) {
		if (l->next >= l->damage_from && l->next <= l->damaged.upto)
			l->next = l->damaged.upto + 1;
		l->damage = false;
		l->set_aside += l->damaged.records;
		delivery_want(l, HI2_NOTE_DAMAGED);
	}
}

/* What was not committed is tried again, a moment later. */
void
delivery_removed(struct delivery *d, bool committed, struct moment now)
{
	if (!committed)
		d->remove_at = now.ms + REMOVE_AGAIN_MS;
	for (unsigned i = 0; i < d->n && committed; i++)
		left(d->line[i]);
}
