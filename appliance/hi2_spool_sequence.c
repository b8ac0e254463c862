#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool_sequence.h"

#define SETS 16384
#define WAYS 4

struct sequences {
	struct sequence at[SETS][WAYS];
	unsigned turn; /* whose place is taken next */
	struct sequence **changed; /* since the last commit */
	size_t n_changed, n_written, cap_changed;
};

enum err
sequences_new(struct sequences **out)
{
	struct sequences *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return ERR_NOMEM;
	*out = q;
	return ERR_OK;
}

void
sequences_free(struct sequences **qp)
{
	if (*qp == NULL)
		return;
	free((*qp)->changed);
	free(*qp);
	*qp = NULL;
}

/* The digest is evenly spread; of one LIID there are many CINs. */
static struct sequence *
set_of(struct sequences *q, unsigned lemf, const uint8_t *liid, uint32_t cin)
{
	uint64_t h;

	memcpy(&h, liid, sizeof(h));
	h ^= ((uint64_t)lemf << 32 | cin) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 29;
	return q->at[h % SETS];
}

static bool
is(const struct sequence *e, unsigned lemf, const uint8_t *liid, uint32_t cin)
{
	return e->state != SEQUENCE_NONE && e->cin == cin && e->lemf == lemf &&
	    memcmp(e->liid, liid, sizeof(e->liid)) == 0;
}

static enum err
load(struct spool_db *d, struct sequence *e, struct why *why)
{
	struct rd liid;
	enum err rc;

	rd_init(&liid, e->liid, sizeof(e->liid));
	spool_bind_int(d, SPOOL_GET_SEQUENCE, 1, (int64_t)e->lemf + 1);
	spool_bind(d, SPOOL_GET_SEQUENCE, 2, liid);
	spool_bind_int(d, SPOOL_GET_SEQUENCE, 3, e->cin);
	rc = spool_row(d, SPOOL_GET_SEQUENCE, why);
	if (rc == ERR_OK) {
		e->id = spool_int(d, SPOOL_GET_SEQUENCE, 0);
		e->next = spool_int(d, SPOOL_GET_SEQUENCE, 1);
		e->used = spool_int(d, SPOOL_GET_SEQUENCE, 2);
		e->life = spool_int(d, SPOOL_GET_SEQUENCE, 3);
		e->used_on_disk = e->used;
		if (e->next < 0 || e->next > UINT32_MAX || e->id == 0)
			rc = spool_damaged(why, "a sequence number");
	}
	spool_end(d, SPOOL_GET_SEQUENCE);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* What has changed is written first, should all of a set have changed. */
static enum err
make_room(struct sequences *q, struct spool_db *d, struct sequence *set,
    struct sequence **out, struct why *why)
{
	struct sequence *e = &set[q->turn++ % WAYS];
	enum err rc;

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].state == SEQUENCE_NONE)
			e = &set[i];
	if (e->state == SEQUENCE_CHANGED &&
	    (rc = sequences_write(q, d, why)) != ERR_OK)
		return rc;
	*out = e;
	return ERR_OK;
}

enum err
sequences_find(struct sequences *q, struct spool_db *d, unsigned lemf,
    const uint8_t liid[QUEUE_DIGEST_LEN], uint32_t cin, int64_t oldest,
    struct sequence **out, struct why *why)
{
	struct sequence *set = set_of(q, lemf, liid, cin), *e = NULL;
	struct sequence fresh = {.cin = cin,
	    .lemf = lemf,
	    .state = SEQUENCE_CLEAN};
	enum err rc;

	for (unsigned i = 0; i < WAYS && e == NULL; i++)
		if (is(&set[i], lemf, liid, cin))
			e = &set[i];
	if (e != NULL && (e->state != SEQUENCE_CLEAN || e->used >= oldest)) {
		*out = e;
		return ERR_OK;
	}
	memcpy(fresh.liid, liid, sizeof(fresh.liid));
	if ((e == NULL && (rc = make_room(q, d, set, &e, why)) != ERR_OK) ||
	    (rc = load(d, &fresh, why)) != ERR_OK)
		return rc;
	*e = fresh;
	*out = e;
	return ERR_OK;
}

enum err
sequences_changed(struct sequences *q, struct sequence *e)
{
	struct sequence **p;

	if (e->state == SEQUENCE_CHANGED)
		return ERR_OK;
	if (q->n_changed == q->cap_changed) {
		const size_t cap =
		    q->cap_changed == 0 ? 256 : 2 * q->cap_changed;

		if ((p = realloc(q->changed, cap * sizeof(*p))) == NULL)
			return ERR_NOMEM;
		q->changed = p;
		q->cap_changed = cap;
	}
	q->changed[q->n_changed++] = e;
	e->state = SEQUENCE_CHANGED;
	return ERR_OK;
}

static enum err
insert(struct spool_db *d, struct sequence *e, struct why *why)
{
	struct rd liid;
	enum err rc;

	rd_init(&liid, e->liid, sizeof(e->liid));
	spool_bind_int(d, SPOOL_PUT_SEQUENCE, 1, (int64_t)e->lemf + 1);
	spool_bind(d, SPOOL_PUT_SEQUENCE, 2, liid);
	spool_bind_int(d, SPOOL_PUT_SEQUENCE, 3, e->cin);
	spool_bind_int(d, SPOOL_PUT_SEQUENCE, 4, e->next);
	spool_bind_int(d, SPOOL_PUT_SEQUENCE, 5, e->used);
	spool_bind_int(d, SPOOL_PUT_SEQUENCE, 6, e->life);
	if ((rc = spool_run(d, SPOOL_PUT_SEQUENCE, why)) == ERR_OK)
		e->id = sqlite3_last_insert_rowid(d->s);
	return rc;
}

static enum err
update(struct spool_db *d, const struct sequence *e, struct why *why)
{
	enum err rc;

	spool_bind_int(d, SPOOL_SET_SEQUENCE, 1, e->id);
	spool_bind_int(d, SPOOL_SET_SEQUENCE, 2, e->next);
	spool_bind_int(d, SPOOL_SET_SEQUENCE, 3, e->life);
	rc = spool_run(d, SPOOL_SET_SEQUENCE, why);
	if (rc != ERR_OK || e->used == e->used_on_disk)
		return rc;
	spool_bind_int(d, SPOOL_SET_SEQUENCE_DAY, 1, e->id);
	spool_bind_int(d, SPOOL_SET_SEQUENCE_DAY, 2, e->used);
	return spool_run(d, SPOOL_SET_SEQUENCE_DAY, why);
}

enum err
sequences_write(struct sequences *q, struct spool_db *d, struct why *why)
{
	enum err rc;

	for (; q->n_written < q->n_changed; q->n_written++) {
		struct sequence *e = q->changed[q->n_written];

		rc = e->id == 0 ? insert(d, e, why) : update(d, e, why);
		if (rc != ERR_OK)
			return rc;
		e->used_on_disk = e->used;
		e->state = SEQUENCE_WRITTEN;
	}
	return ERR_OK;
}

void
sequences_committed(struct sequences *q)
{
	for (size_t i = 0; i < q->n_changed; i++)
		q->changed[i]->state = SEQUENCE_CLEAN;
	q->n_changed = q->n_written = 0;
}

/* Some may have been read from what is now undone. */
void
sequences_given_up(struct sequences *q)
{
	if (q->n_changed == 0)
		return;
	memset(q->at, 0, sizeof(q->at));
	q->n_changed = q->n_written = 0;
}
