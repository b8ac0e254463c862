/* What policy and hi2 say of the legs of a ticket. */
#include <string.h>

#include "appliance/x2_asks_int.h"

static bool
is_done(const struct x2_ticket *t, uint64_t leg)
{
	for (unsigned i = 0; i < t->n_done; i++)
		if (t->done[i] == leg)
			return true;
	return false;
}

static unsigned
find_open(const struct x2_ticket *t, uint64_t leg)
{
	unsigned i = 0;

	while (i < t->n_open && t->open[i] != leg)
		i++;
	return i;
}

/* False: it was done before. */
static bool
leg_done(struct x2_ticket *t, uint64_t leg)
{
	const unsigned i = find_open(t, leg);

	if (is_done(t, leg))
		return false;
	if (t->n_done == MAX_LEGS)
		memmove(t->done, t->done + 1, --t->n_done * sizeof(t->done[0]));
	t->done[t->n_done++] = leg;
	if (i < t->n_open) {
		const unsigned last = --t->n_open;
		const uint64_t bit = t->failed >> last & 1;

		t->open[i] = t->open[last];
		t->failed &= ~(UINT64_C(1) << i | UINT64_C(1) << last);
		if (i != last)
			t->failed |= bit << i;
	}
	return true;
}

/* After a word: is all that was awaited there? */
static void
judge(struct x2_asks *a, uint32_t id, struct x2_ticket *t, int64_t now)
{
	const uint64_t all =
	    t->n_open == 64 ? UINT64_MAX : (UINT64_C(1) << t->n_open) - 1;

	if (!t->has_legs || t->state == TICKET_ENDED)
		return;
	if (t->n_open == 0)
		x2_ticket_finish(a, id, t);
	else if (t->state == TICKET_ASKED && t->failed == all)
		x2_ticket_retry(a, id, t, t->backoff, now);
	else if (t->state == TICKET_ASKED)
		t->at = now + X2_WORD_MS;
}

static struct x2_ticket *
find(const struct x2_asks *a, uint32_t id, uint64_t epoch)
{
	struct x2_ticket *t =
	    epoch == a->epoch ? slots_find(a->tickets, id) : NULL;

	return t == NULL || t->state == TICKET_ENDED ? NULL : t;
}

void
x2_asks_legs(struct x2_asks *a, uint32_t id, const struct msg_x2_legs *m,
    int64_t now)
{
	struct x2_ticket *t = find(a, id, m->epoch);
	unsigned kept = 0, n = 0;
	uint64_t open[MAX_LEGS];

	if (t == NULL || t->state != TICKET_ASKED)
		return;
	for (unsigned i = 0; i < m->n; i++) {
		if (is_done(t, m->leg[i])) /* while this was under way */
			continue;
		kept += find_open(t, m->leg[i]) < t->n_open;
		open[n++] = m->leg[i];
	}
	/* Legs of the ask before that are none any longer. */
	a->counts.refused += t->n_open - kept;
	memcpy(t->open, open, n * sizeof(open[0]));
	t->n_open = n;
	t->failed = 0;
	t->has_legs = true;
	judge(a, id, t, now);
}

void
x2_asks_ended(struct x2_asks *a, uint32_t id, const struct msg_x2_ended *m,
    int64_t now)
{
	struct x2_ticket *t = find(a, id, m->epoch);
	unsigned i;

	if (t == NULL)
		return;
	if (m->reason != XK_UNAVAILABLE && m->reason != XK_OVERLOADED)
		a->counts.refused += leg_done(t, m->leg);
	else if ((i = find_open(t, m->leg)) < t->n_open)
		t->failed |= UINT64_C(1) << i;
	judge(a, id, t, now);
}

void
x2_asks_stored(struct x2_asks *a, uint32_t id, const struct msg_stored *m,
    int64_t now)
{
	struct x2_ticket *t = find(a, id, m->epoch);

	if (t == NULL)
		return;
	a->counts.stored += leg_done(t, m->leg);
	judge(a, id, t, now);
}
