/*
 * Delivery: what must not go on for ever.  A queue has a bound in octets and
 * in days; a LEMF is missed after a while.  The log has it, and only then
 * records are dropped.
 */
#include <string.h>

#include "appliance/hi2_delivery_int.h"

/* Of a bound: where the alarm is, and where it ends. */
#define NEARLY(bound) ((bound) / 5 * 4)
#define NO_LONGER(bound) ((bound) / 10 * 7)

/* ---- the log ---- */

void
delivery_want(struct line *l, enum hi2_note_kind kind)
{
	l->wanted |= 1U << kind;
}

static enum err
send_note(struct delivery *d, struct line *l, enum hi2_note_kind kind,
    uint64_t n, const char *text)
{
	struct msg_hi2_note m = {.kind = kind, .n = n};
	enum err rc;

	if (++d->note_id == 0)
		d->note_id = 1;
	rd_init(&m.lemf, l->name, strlen(l->name));
	rd_init(&m.text, text, strlen(text));
	if ((rc = d->ops->note(d->ctx, d->note_id, &m)) == ERR_OK) {
		l->noting = d->note_id;
		l->note = kind;
	}
	return rc;
}

/* One at a time; what is not taken is said later. */
void
delivery_say(struct delivery *d, struct line *l)
{
	struct spool_lemf s;

	if (l->noting != 0 || l->wanted == 0)
		return;
	delivery_standing(d, l, &s);
	for (unsigned k = 0; k < HI2_NOTE__MAX; k++) {
		const enum hi2_note_kind kind = (enum hi2_note_kind)k;

		if ((l->wanted & 1U << k) == 0)
			continue;
		(void)(send_note(d, l, kind,
			   kind == HI2_NOTE_DAMAGED ? l->set_aside : s.records,
			   kind == HI2_NOTE_DOWN ? l->text : "") == ERR_OK);
		return;
	}
}

static void
is_in_log(struct delivery *d, struct line *l)
{
	if (l->note == HI2_NOTE_DROPPED) {
		l->drop = DROP_GRANTED;
		return;
	}
	l->wanted &= ~(1U << l->note);
	if (l->note == HI2_NOTE_DAMAGED)
		l->set_aside = 0;
	delivery_say(d, l);
}

void
delivery_noted(struct delivery *d, uint32_t id, enum err rc)
{
	for (unsigned i = 0; i < d->n; i++) {
		struct line *l = d->line[i];

		if (l->noting != id || id == 0)
			continue;
		l->noting = 0;
		if (rc == ERR_OK)
			is_in_log(d, l);
		else if (l->note == HI2_NOTE_DROPPED)
			l->drop = DROP_NONE; /* no entry, no loss */
	}
}

void
delivery_audit_gone(struct delivery *d)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->line[i]->noting != 0)
			delivery_noted(d, d->line[i]->noting, ERR_CLOSED);
}

/* ---- a queue's bounds ---- */

static bool
is_above(const struct line *l, uint64_t octets, int64_t age,
    uint64_t part_octets, int64_t part_seconds)
{
	return (l->most_octets > 0 && octets >= part_octets) ||
	    (l->most_seconds > 0 && age >= part_seconds);
}

static void
warn(struct line *l, uint64_t octets, int64_t age)
{
	if (!l->nearly_full &&
	    is_above(l, octets, age, NEARLY(l->most_octets),
		NEARLY(l->most_seconds))) {
		l->nearly_full = true;
		delivery_want(l, HI2_NOTE_NEARLY_FULL);
	} else if (l->nearly_full &&
	    !is_above(l, octets, age, NO_LONGER(l->most_octets),
		NO_LONGER(l->most_seconds)))
		l->nearly_full = false;
}

/* The oldest that are with nobody; a few more than it takes, not each alone. */
static enum err
ask_to_drop(struct delivery *d, struct line *l, uint64_t octets, int64_t before,
    struct why *why)
{
	const struct spool_reading from = {.lemf = (unsigned)l->at,
	    .next = l->next};
	uint64_t over = 0;
	int64_t oldest;
	enum err rc;

	if (l->most_octets > 0 && octets > l->most_octets)
		over = octets - l->most_octets + l->most_octets / 64;
	if (over == 0 && before == 0)
		return ERR_OK;
	rc = spool_measure(d->spool, &from, over, before, &l->dropping, &oldest,
	    why);
	if (rc != ERR_OK || l->dropping.records == 0)
		return rc;
	if (send_note(d, l, HI2_NOTE_DROPPED, l->dropping.records, "") ==
	    ERR_OK) {
		l->drop = DROP_ASKED;
		l->drop_from = l->next;
	}
	return ERR_OK;
}

enum err
delivery_bound(struct delivery *d, struct line *l, struct moment now,
    struct why *why)
{
	const struct spool_reading from = {.lemf = (unsigned)l->at,
	    .next = delivery_first(l)};
	struct spool_extent none;
	struct spool_lemf s;
	uint64_t octets;
	enum err rc;

	l->oldest = 0;
	delivery_standing(d, l, &s);
	if (s.records == l->done) {
		warn(l, 0, 0);
		return ERR_OK;
	}
	octets = s.octets - l->done_octets;
	rc = spool_measure(d->spool, &from, 0, 0, &none, &l->oldest, why);
	if (rc != ERR_OK || l->oldest == 0)
		return rc;
	warn(l, octets, now.utc - l->oldest);
	delivery_say(d, l); /* before the loss */
	if (l->drop != DROP_NONE || l->noting != 0)
		return ERR_OK;
	return ask_to_drop(d, l, octets,
	    l->most_seconds > 0 ? now.utc - l->most_seconds : 0, why);
}

/* ---- a LEMF that is missed ---- */

/*
 * Not there; or there, and has confirmed nothing of what waits for it: one that
 * only takes connections is as bad as none.
 */
static bool
is_missed(const struct delivery *d, const struct line *l)
{
	struct spool_lemf s;

	if (l->slot == -1)
		return false;
	if (l->state != LINK_OPEN)
		return true;
	delivery_standing(d, l, &s);
	return !l->proved && s.records > l->done;
}

void
delivery_miss(struct delivery *d, struct line *l, struct moment now)
{
	if (!is_missed(d, l))
		l->away = -1;
	else if (l->away == -1)
		l->away = now.ms;
	if (l->slot == -1)
		l->dead = false;
	else if (l->dead && l->away == -1) {
		l->dead = false;
		delivery_want(l, HI2_NOTE_UP);
	} else if (!l->dead && l->away != -1 &&
	    (l->state == LINK_SILENT || now.ms - l->away >= l->dead_ms)) {
		l->dead = true;
		delivery_want(l, HI2_NOTE_DOWN);
	}
}

enum err
delivery_tick(struct delivery *d, struct moment now, struct why *why)
{
	enum err rc, first = ERR_OK;

	spool_keys_idle(d->spool, now.ms);
	if (delivery_find_places(d, now) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	for (unsigned i = 0; i < d->n; i++) {
		struct line *l = d->line[i];
		struct why here = {""};

		l->paused = l->full = false;
		delivery_miss(d, l, now);
		delivery_say(d, l);
		if (l->at == -1 ||
		    (rc = delivery_bound(d, l, now, &here)) == ERR_OK)
			continue;
		if (first == ERR_OK)
			first = why_set(why, rc, "%s", here.text);
	}
	return first;
}

/* ---- what is shown ---- */

bool
delivery_show(const struct delivery *d, unsigned i, struct msg_delivery *m)
{
	const struct line *l;
	struct spool_lemf s;

	if (i >= d->n)
		return false;
	l = d->line[i];
	delivery_standing(d, l, &s);
	*m = (struct msg_delivery){.configured = l->slot != -1,
	    .state = l->state,
	    .since = l->since,
	    .sent = l->sent - l->first,
	    .delivered = s.delivered + l->done,
	    .dropped = s.dropped,
	    .damaged = s.damaged,
	    .octets = s.octets - l->done_octets,
	    .oldest = l->oldest,
	    .most_octets = l->most_octets,
	    .alarm = l->dead || l->nearly_full};
	m->waiting = s.records - l->done - m->sent;
	rd_init(&m->lemf, l->name, strlen(l->name));
	rd_init(&m->text, l->text, strlen(l->text));
	return true;
}
