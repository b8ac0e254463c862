#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_intake.h"

enum act_state { ACT_WAITS, ACT_IN_TURN, ACT_DONE };

struct act {
	struct act *next;
	enum act_state state;
	uint64_t number; /* 0: of an x2 that has gone */
	bool gone;
	struct msg_intake m; /* unless gone; its PDU is behind it */
	struct msg_intake_gone g;
	uint8_t pdu[];
};

struct hi2_intake {
	struct spool_intake *table;
	uint64_t most;
	const struct hi2_intake_ops *ops;
	void *ctx;
	struct act *first, **end; /* the oldest first */
	size_t cost;
	uint64_t last; /* act that x2 said */
	int64_t due; /* when the first is to be written */
	bool blocked; /* for want of room in the table */
	bool asked; /* x2 waits for what is behind `after` */
	uint64_t after, lost;
};

enum err
hi2_intake_new(struct spool_intake *table, uint64_t most,
    const struct hi2_intake_ops *ops, void *ctx, struct hi2_intake **out)
{
	struct hi2_intake *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return ERR_NOMEM;
	i->table = table;
	i->most = most;
	i->ops = ops;
	i->ctx = ctx;
	i->end = &i->first;
	*out = i;
	return ERR_OK;
}

static size_t
cost(const struct act *a)
{
	return INTAKE_ACT_COST +
	    (a->gone ? MSG_INTAKE_GONE_LEN : msg_intake_max(&a->m));
}

/* What a target has signalled does not stay in memory. */
static void
drop_first(struct hi2_intake *i)
{
	struct act *a = i->first;

	i->cost -= cost(a);
	i->first = a->next;
	if (i->first == NULL)
		i->end = &i->first;
	explicit_bzero(a->pdu, a->m.pdu.left);
	free(a);
}

void
hi2_intake_free(struct hi2_intake **ip)
{
	struct hi2_intake *i = *ip;

	if (i == NULL)
		return;
	while (i->first != NULL)
		drop_first(i);
	free(i);
	*ip = NULL;
}

void
hi2_intake_limit(struct hi2_intake *i, uint64_t most)
{
	i->most = most;
}

uint64_t
hi2_intake_lost(const struct hi2_intake *i)
{
	return i->lost;
}

/* ---- what x2 says ---- */

void
hi2_intake_x2_joined(struct hi2_intake *i)
{
	for (struct act *a = i->first; a != NULL; a = a->next)
		a->number = 0;
	i->last = 0;
	i->asked = false;
}

/* x2 that was there before this process goes on where it was. */
static enum err
add(struct hi2_intake *i, uint64_t number, struct act *a, int64_t now_ms)
{
	if (number == 0 || (i->last != 0 && number != i->last + 1)) {
		free(a);
		return ERR_MALFORMED;
	}
	a->number = number;
	if (i->cost + cost(a) > MAX_INTAKE_ACTS) {
		free(a);
		return ERR_TOOBIG;
	}
	if (i->first == NULL)
		i->due = now_ms + INTAKE_WRITE_MS;
	*i->end = a;
	i->end = &a->next;
	i->cost += cost(a);
	i->last = number;
	return ERR_OK;
}

enum err
hi2_intake_take(struct hi2_intake *i, const struct msg_intake *m,
    int64_t now_ms)
{
	struct act *a = malloc(sizeof(*a) + m->pdu.left);

	if (a == NULL)
		return ERR_NOMEM;
	*a = (struct act){.m = *m};
	memcpy(a->pdu, m->pdu.p, m->pdu.left);
	rd_init(&a->m.pdu, a->pdu, m->pdu.left);
	return add(i, m->act, a, now_ms);
}

enum err
hi2_intake_gone(struct hi2_intake *i, const struct msg_intake_gone *m,
    int64_t now_ms)
{
	struct act *a = malloc(sizeof(*a));

	if (a == NULL)
		return ERR_NOMEM;
	*a = (struct act){.gone = true, .g = *m};
	return add(i, m->act, a, now_ms);
}

void
hi2_intake_more(struct hi2_intake *i, uint64_t after)
{
	i->asked = true;
	i->after = after;
}

/* ---- to the disk ---- */

int64_t
hi2_intake_due(const struct hi2_intake *i, int64_t now_ms)
{
	if (i->first == NULL)
		return -1;
	return i->due <= now_ms ? 0 : i->due - now_ms;
}

/*
 * x2 bounds itself; this is for one that does not.  What has come back is the
 * same row again.
 */
static bool
has_room(const struct hi2_intake *i, const struct act *a)
{
	struct spool_intake_counts c;

	spool_intake_count(i->table, &c);
	return a->m.number < spool_intake_number(i->table) ||
	    c.octets + a->m.pdu.left <= i->most;
}

/* Those that wait for room, of what is gone: they need none any more. */
static void
cancel(struct hi2_intake *i, const struct act *gone)
{
	for (struct act *a = i->first; a != gone; a = a->next)
		if (a->state == ACT_WAITS && !a->gone &&
		    a->m.call == gone->g.call &&
		    (gone->g.number == 0 || gone->g.number == a->m.number))
			a->state = ACT_IN_TURN;
}

static enum err
write_one(struct hi2_intake *i, struct act *a, struct why *why)
{
	enum err rc;

	/* What an x2 has said that has gone would wait for ever. */
	if (!a->gone && !has_room(i, a)) {
		if (a->number == 0)
			a->state = ACT_IN_TURN;
		else
			i->blocked = true;
		return ERR_OK;
	}
	if (a->gone && i->blocked)
		cancel(i, a);
	rc = a->gone ? spool_intake_gone(i->table, &a->g, why)
		     : spool_intake_put(i->table, &a->m, why);
	if (rc == ERR_OK)
		a->state = ACT_IN_TURN;
	return rc;
}

enum err
hi2_intake_write(struct hi2_intake *i, struct why *why)
{
	bool any = false;
	enum err rc;

	i->blocked = false;
	for (struct act *a = i->first; a != NULL; a = a->next) {
		if (a->state != ACT_WAITS)
			continue;
		if ((rc = write_one(i, a, why)) != ERR_OK)
			return rc;
		any = any || a->state == ACT_IN_TURN;
	}
	return any ? ERR_OK : ERR_AGAIN;
}

void
hi2_intake_turn_end(struct hi2_intake *i, bool stored, int64_t now_ms)
{
	uint64_t told = 0;

	spool_intake_end(i->table, stored);
	for (struct act *a = i->first; a != NULL; a = a->next)
		if (a->state == ACT_IN_TURN)
			a->state = stored ? ACT_DONE : ACT_WAITS;
	while (i->first != NULL && i->first->state == ACT_DONE) {
		if (i->first->number != 0)
			told = i->first->number;
		drop_first(i);
	}
	i->due = now_ms + INTAKE_RETRY_MS;
	if (told != 0)
		i->ops->stored(i->ctx, told);
}

/* ---- back to x2 ---- */

/* It never opens: x2 is not held up by it. */
static enum err
lose(struct hi2_intake *i, struct msg_intake_gone *bad, int64_t now_ms)
{
	struct act *a = malloc(sizeof(*a));

	if (a == NULL)
		return ERR_NOMEM;
	*a = (struct act){.gone = true, .g = *bad};
	if (i->first == NULL)
		i->due = now_ms;
	*i->end = a;
	i->end = &a->next;
	i->cost += cost(a);
	i->after = bad->number;
	i->lost++;
	return ERR_OK;
}

struct batch {
	unsigned n;
	size_t octets;
};

static bool
is_full(const struct batch *b)
{
	return b->n >= INTAKE_BACK_ROWS || b->octets >= INTAKE_BACK_OCTETS;
}

/* ERR_FULL: enough for now, or x2 does not read. */
static enum err
give_one(struct hi2_intake *i, struct batch *b, int64_t now_ms, struct why *why)
{
	struct msg_intake_gone bad;
	struct msg_intake_back m;
	uint64_t key = 0;
	enum err rc;

	rc = spool_intake_read(i->table, i->after, now_ms, &m, &key, &bad, why);
	if (rc == ERR_NOTFOUND &&
	    i->ops->end(i->ctx, spool_intake_number(i->table)))
		i->asked = false;
	if (rc == ERR_AGAIN) {
		rc = i->ops->key(i->ctx, key, why);
		return rc == ERR_OK ? ERR_AGAIN : rc;
	}
	if (rc == ERR_CRYPTO)
		return lose(i, &bad, now_ms);
	if (rc != ERR_OK)
		return rc;
	b->n++;
	b->octets += m.it.pdu.left;
	m.last = is_full(b);
	if (!i->ops->back(i->ctx, &m))
		return ERR_FULL;
	i->after = m.it.number;
	i->asked = !m.last;
	return m.last ? ERR_FULL : ERR_OK;
}

/* Not before all that was said before is on disk. */
enum err
hi2_intake_give(struct hi2_intake *i, int64_t now_ms, struct why *why)
{
	struct batch b = {.n = 0};
	enum err rc = ERR_OK;

	if (!i->asked || i->first != NULL)
		return ERR_OK;
	while (rc == ERR_OK)
		rc = give_one(i, &b, now_ms, why);
	return rc == ERR_FULL || rc == ERR_NOTFOUND || rc == ERR_AGAIN ? ERR_OK
								       : rc;
}
