#include <stdlib.h>
#include <string.h>

#include "appliance/x2_replay.h"

#define BUCKETS 4096 /* a power of two */

struct row {
	struct row *next;
	struct msg_intake m; /* its PDU is behind it */
	uint8_t pdu[];
};

struct done {
	struct done *next;
	uint64_t call;
	struct intake_done d;
};

struct x2_replay {
	bool asked; /* an answer, or the rest of it, is on its way */
	bool ended;
	uint64_t last; /* number that came last */
	struct row *first, **end;
	size_t octets;
	struct done *bucket[BUCKETS];
};

enum err
x2_replay_new(struct x2_replay **out)
{
	struct x2_replay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->end = &r->first;
	*out = r;
	return ERR_OK;
}

void
x2_replay_free(struct x2_replay **rp)
{
	struct x2_replay *r = *rp;
	struct done *d;

	if (r == NULL)
		return;
	while (r->first != NULL)
		x2_replay_taken(r);
	for (size_t i = 0; i < BUCKETS; i++)
		while ((d = r->bucket[i]) != NULL) {
			r->bucket[i] = d->next;
			free(d);
		}
	free(r);
	*rp = NULL;
}

bool
x2_replay_over(const struct x2_replay *r)
{
	return r->ended && r->first == NULL;
}

bool
x2_replay_wants(const struct x2_replay *r, uint64_t *after)
{
	*after = r->last;
	return !r->ended && !r->asked && r->first == NULL;
}

void
x2_replay_asked(struct x2_replay *r)
{
	r->asked = true;
}

void
x2_replay_hi2_left(struct x2_replay *r)
{
	r->asked = false;
}

/* ---- what is done ---- */

static struct done **
bucket(struct x2_replay *r, uint64_t call)
{
	return &r->bucket[call & (BUCKETS - 1)];
}

static enum err
remember(struct x2_replay *r, const struct msg_intake_back *m)
{
	struct rd in = m->done;

	for (unsigned i = 0; i < m->n_done; i++) {
		struct done **at = bucket(r, m->it.call);
		struct done *d = calloc(1, sizeof(*d));

		if (d == NULL)
			return ERR_NOMEM;
		if (intake_done_get(&in, &d->d) != ERR_OK) {
			free(d);
			return ERR_MALFORMED;
		}
		d->call = m->it.call;
		d->next = *at;
		*at = d;
	}
	return ERR_OK;
}

unsigned
x2_replay_done(const struct x2_replay *r, uint64_t call,
    const uint8_t mark[INTAKE_MARK_LEN], uint64_t leg[MAX_LEGS])
{
	const struct done *d = r->bucket[call & (BUCKETS - 1)];
	unsigned n = 0;

	for (; d != NULL && n < MAX_LEGS; d = d->next)
		if (d->call == call &&
		    memcmp(d->d.mark, mark, INTAKE_MARK_LEN) == 0)
			leg[n++] = d->d.leg;
	return n;
}

void
x2_replay_forget(struct x2_replay *r, uint64_t call)
{
	struct done **at = bucket(r, call), *d;

	while ((d = *at) != NULL)
		if (d->call == call) {
			*at = d->next;
			free(d);
		} else
			at = &d->next;
}

/* ---- rows ---- */

enum err
x2_replay_back(struct x2_replay *r, const struct msg_intake_back *m)
{
	struct row *row;
	enum err rc;

	if (!r->asked || m->it.number <= r->last)
		return ERR_MALFORMED;
	if (r->octets + m->it.pdu.left > MAX_INTAKE_ACTS)
		return ERR_TOOBIG;
	if ((rc = remember(r, m)) != ERR_OK)
		return rc;
	if ((row = malloc(sizeof(*row) + m->it.pdu.left)) == NULL)
		return ERR_NOMEM;
	row->next = NULL;
	row->m = m->it;
	memcpy(row->pdu, m->it.pdu.p, m->it.pdu.left);
	rd_init(&row->m.pdu, row->pdu, m->it.pdu.left);
	*r->end = row;
	r->end = &row->next;
	r->octets += m->it.pdu.left;
	r->last = m->it.number;
	if (m->last)
		r->asked = false;
	return ERR_OK;
}

enum err
x2_replay_end(struct x2_replay *r, uint64_t number)
{
	if (!r->asked || number <= r->last)
		return ERR_MALFORMED;
	r->asked = false;
	r->ended = true;
	return ERR_OK;
}

const struct msg_intake *
x2_replay_first(const struct x2_replay *r)
{
	return r->first == NULL ? NULL : &r->first->m;
}

void
x2_replay_taken(struct x2_replay *r)
{
	struct row *row = r->first;
	const size_t len = row->m.pdu.left;

	r->first = row->next;
	if (r->first == NULL)
		r->end = &r->first;
	r->octets -= len;
	explicit_bzero(row->pdu, len);
	free(row);
}
