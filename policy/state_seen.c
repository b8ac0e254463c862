#include <stdlib.h>
#include <string.h>

#include "policy/state_seen.h"

static void
set_head(struct head *h, const struct audit_entry *e)
{
	h->number = e->ref;
	memcpy(h->hash, e->digest, sizeof(h->hash));
}

static enum err
mark_logged(struct state_seen *s, const struct audit_entry *e)
{
	const size_t at = (size_t)e->ref;

	if (e->ref > MAX_CHANGES)
		return ERR_OK; /* no change of ours */
	if (at >= s->cap) {
		const size_t cap = 2 * at + 64;
		void *p = realloc(s->logged, cap * sizeof(*s->logged));

		if (p == NULL)
			return ERR_NOMEM;
		s->logged = p;
		memset(s->logged[s->cap], 0,
		    (cap - s->cap) * sizeof(*s->logged));
		s->cap = cap;
	}
	memcpy(s->logged[at], e->digest, sizeof(s->logged[at]));
	return ERR_OK;
}

static void
drop_stop(struct state_seen *s, size_t i)
{
	s->stop[i] = s->stop[--s->n_stops];
}

static enum err
keep_stop(struct state_seen *s, const struct audit_entry *e)
{
	if (s->n_stops == s->cap_stops) {
		const size_t cap = 2 * s->cap_stops + 8;
		void *p = realloc(s->stop, cap * sizeof(*s->stop));

		if (p == NULL)
			return ERR_NOMEM;
		s->stop = p;
		s->cap_stops = cap;
	}
	set_head(&s->stop[s->n_stops].head, e);
	memcpy(s->stop[s->n_stops].warrant, e->warrant, WARRANT_ID_LEN);
	s->n_stops++;
	return ERR_OK;
}

static void
see_head(struct state_seen *s, const struct audit_entry *e, int64_t now)
{
	set_head(&s->head, e);
	/* Without a seal: a worker has refused the stop behind it. */
	for (size_t i = s->n_stops; e->text.left == 0 && i > 0; i--)
		if (s->stop[i - 1].head.number > e->ref)
			drop_stop(s, i - 1);
	if (s->accepting.number == 0 || s->accepting.number > e->ref)
		return;
	/* Another change of its number: that one was not taken. */
	if (head_equal(&s->accepting, &s->head))
		s->latest = now;
	s->accepting.number = 0;
}

static enum err
see_change(struct state_seen *s, const struct audit_entry *e)
{
	enum err rc;

	if (e->reason == REQUEST_CLOCK_ACCEPT)
		set_head(&s->accepting, e);
	if (e->reason < REQUEST__MAX &&
	    change_is_stop((enum request_kind)e->reason) &&
	    e->ref > s->head.number && (rc = keep_stop(s, e)) != ERR_OK)
		return rc;
	return mark_logged(s, e);
}

bool
state_seen_stopped(const struct state_seen *s,
    const uint8_t warrant[WARRANT_ID_LEN])
{
	for (size_t i = 0; i < s->n_stops; i++)
		if (memcmp(s->stop[i].warrant, warrant, WARRANT_ID_LEN) == 0)
			return true;
	return false;
}

void
state_seen_told(struct state_seen *s, const struct head *behind)
{
	for (size_t i = s->n_stops; i > 0; i--)
		if (head_equal(&s->stop[i - 1].head, behind))
			drop_stop(s, i - 1);
}

enum err
state_seen_entry(struct state_seen *s, const struct audit_entry *e)
{
	const int64_t now = e->realtime_ns / 1000000000;

	if (now > s->latest)
		s->latest = now;
	switch (e->type) {
	case AUDIT_KMS_CREATED:
		memcpy(s->first.hash, e->digest, sizeof(s->first.hash));
		s->head = s->first;
		return ERR_OK;
	case AUDIT_HEAD:
		see_head(s, e, now);
		return ERR_OK;
	case AUDIT_CHANGE:
		return see_change(s, e);
	default:
		return ERR_OK;
	}
}

bool
state_seen_logged(const struct state_seen *s, const struct head *behind)
{
	return behind->number < s->cap &&
	    memcmp(s->logged[behind->number], behind->hash,
		sizeof(behind->hash)) == 0;
}

void
state_seen_done(struct state_seen *s)
{
	free(s->logged);
	free(s->stop);
	*s = (struct state_seen){.logged = NULL};
}
