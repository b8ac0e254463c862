/* Records go out of the queue. */
#include <string.h>

#include "appliance/hi2_spool_int.h"

/* ---- reading ---- */

/* Room for one that is opened, in locked memory. */
static enum err
make_room(struct spool *s, size_t len)
{
	if (s->record != NULL && secret_len(s->record) >= len)
		return ERR_OK;
	secret_free(&s->record);
	return secret_new(len < 65536 ? 65536 : len, &s->record);
}

static void
get_row(struct spool *s, unsigned lemf, struct queue_row *row,
    struct rd *sealed)
{
	struct spool_db *d = &s->db;
	const struct rd digest = spool_octets(d, SPOOL_EACH_RECORD, 2);

	*row = (struct queue_row){.id = (uint64_t)spool_int(d,
				      SPOOL_EACH_RECORD, 1),
	    .number = (uint64_t)(spool_int(d, SPOOL_EACH_RECORD, 0) -
		spool_row_of(lemf, 0)),
	    .cin = (uint32_t)spool_int(d, SPOOL_EACH_RECORD, 3),
	    .sequence = (uint32_t)spool_int(d, SPOOL_EACH_RECORD, 4),
	    .created = spool_int(d, SPOOL_EACH_RECORD, 5),
	    .key = (uint64_t)spool_int(d, SPOOL_EACH_RECORD, 6)};
	if (digest.left == sizeof(row->digest))
		memcpy(row->digest, digest.p, digest.left);
	rd_init(&row->lemf, s->lemf[lemf].name, s->lemf[lemf].len);
	*sealed = spool_octets(d, SPOOL_EACH_RECORD, 7);
}

/* As spool_read(), of the row at hand; ERR_FULL: it was not taken. */
static enum err
read_row(struct spool *s, struct spool_reading *r, int64_t now_ms,
    spool_take_fn *take, void *ctx, struct why *why)
{
	struct queue_row row;
	struct rd sealed, pdu;
	const uint8_t *key;
	size_t len = 0;
	enum err rc;

	get_row(s, r->lemf, &row, &sealed);
	r->next = row.number;
	r->key = row.key;
	if (spool_key_is_lost(s, row.key))
		return ERR_CRYPTO;
	if ((key = spool_key(s, row.key, now_ms)) == NULL)
		return ERR_AGAIN;
	if (make_room(s, sealed.left) != ERR_OK)
		return why_set(why, ERR_NOMEM, "no locked memory for a record");
	rc = queue_open(key, &row, sealed, secret_data(s->record),
	    secret_len(s->record), &len);
	if (rc == ERR_NOMEM)
		return why_set(why, rc, "out of memory");
	if (rc != ERR_OK)
		return ERR_CRYPTO;
	rd_init(&pdu, secret_data(s->record), len);
	rc = take(ctx, row.number, pdu) ? ERR_OK : ERR_FULL;
	explicit_bzero(secret_data(s->record), len);
	if (rc == ERR_OK)
		r->next = row.number + 1;
	return rc;
}

enum err
spool_read(struct spool *s, struct spool_reading *r, unsigned most,
    int64_t now_ms, spool_take_fn *take, void *ctx, struct why *why)
{
	const struct standing *l = &s->lemf[r->lemf].on_disk;
	struct spool_db *d = &s->db;
	enum err rc;

	s->read_ms = now_ms;
	if (r->next >= l->next)
		return ERR_OK;
	spool_bind_int(d, SPOOL_EACH_RECORD, 1, spool_row_of(r->lemf, r->next));
	spool_bind_int(d, SPOOL_EACH_RECORD, 2,
	    spool_row_of(r->lemf, l->next - 1));
	spool_bind_int(d, SPOOL_EACH_RECORD, 3, most);
	while ((rc = spool_row(d, SPOOL_EACH_RECORD, why)) == ERR_OK) {
		most--;
		if ((rc = read_row(s, r, now_ms, take, ctx, why)) != ERR_OK)
			break;
	}
	spool_end(d, SPOOL_EACH_RECORD);
	if (rc == ERR_NOTFOUND && most > 0) /* there are no more */
		r->next = l->next;
	return rc == ERR_NOTFOUND || rc == ERR_FULL ? ERR_OK : rc;
}

/* ---- what there is ---- */

struct measured {
	uint64_t number, key, octets;
	int64_t created;
};

static enum err
measure_row(struct spool *s, unsigned lemf, struct measured *m, struct why *why)
{
	struct spool_db *d = &s->db;
	const enum err rc = spool_row(d, SPOOL_MEASURE, why);
	int64_t len;

	if (rc != ERR_OK)
		return rc;
	len = spool_int(d, SPOOL_MEASURE, 3) - QUEUE_SEAL_LEN;
	m->number =
	    (uint64_t)(spool_int(d, SPOOL_MEASURE, 0) - spool_row_of(lemf, 0));
	m->created = spool_int(d, SPOOL_MEASURE, 1);
	m->key = (uint64_t)spool_int(d, SPOOL_MEASURE, 2);
	m->octets = len < 0 ? 0 : (uint64_t)len;
	return ERR_OK;
}

static void
measure_from(struct spool *s, unsigned lemf, uint64_t from, uint64_t upto,
    unsigned most)
{
	struct spool_db *d = &s->db;

	spool_bind_int(d, SPOOL_MEASURE, 1, spool_row_of(lemf, from));
	spool_bind_int(d, SPOOL_MEASURE, 2, spool_row_of(lemf, upto));
	spool_bind_int(d, SPOOL_MEASURE, 3, most);
}

static void
add(struct spool_extent *e, const struct measured *m)
{
	e->upto = m->number;
	e->records++;
	e->octets += m->octets;
}

enum err
spool_measure(struct spool *s, const struct spool_reading *r, uint64_t octets,
    int64_t created, struct spool_extent *out, int64_t *oldest, struct why *why)
{
	const struct standing *l = &s->lemf[r->lemf].on_disk;
	struct measured m;
	enum err rc;

	*out = (struct spool_extent){0};
	*oldest = 0;
	if (r->next >= l->next)
		return ERR_OK;
	measure_from(s, r->lemf, r->next, l->next - 1, SPOOL_ROWS_MAX);
	while ((rc = measure_row(s, r->lemf, &m, why)) == ERR_OK) {
		if (*oldest == 0)
			*oldest = m.created;
		if (out->octets >= octets && m.created >= created)
			break;
		add(out, &m);
	}
	spool_end(&s->db, SPOOL_MEASURE);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
spool_damage(struct spool *s, const struct spool_reading *r,
    struct spool_extent *out, struct why *why)
{
	const struct standing *l = &s->lemf[r->lemf].on_disk;
	struct measured m;
	enum err rc;

	*out = (struct spool_extent){0};
	measure_from(s, r->lemf, r->next, l->next - 1, SPOOL_ROWS_MAX);
	while ((rc = measure_row(s, r->lemf, &m, why)) == ERR_OK) {
		if (out->records > 0 &&
		    (m.key != r->key || !spool_key_is_lost(s, m.key)))
			break;
		add(out, &m);
	}
	spool_end(&s->db, SPOOL_MEASURE);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* ---- removing ---- */

/* What goes, and one key less for each row; those of `aside` stay needed. */
static enum err
count_rows(struct spool *s, unsigned lemf, uint64_t from, uint64_t upto,
    bool needed, struct spool_extent *e, struct why *why)
{
	uint64_t key = 0;
	int64_t n = 0;
	struct measured m;
	enum err rc;

	measure_from(s, lemf, from, upto, UINT32_MAX);
	while ((rc = measure_row(s, lemf, &m, why)) == ERR_OK) {
		if (m.key != key &&
		    (rc = spool_count_key(s, key, needed ? 0 : n, why)) !=
			ERR_OK)
			break;
		n = m.key == key ? n - 1 : -1;
		key = m.key;
		add(e, &m);
	}
	spool_end(&s->db, SPOOL_MEASURE);
	if (rc != ERR_NOTFOUND)
		return rc;
	return spool_count_key(s, key, needed ? 0 : n, why);
}

static enum err
run_on_rows(struct spool *s, enum spool_statement q, unsigned lemf,
    uint64_t from, uint64_t upto, struct why *why)
{
	spool_bind_int(&s->db, q, 1, spool_row_of(lemf, from));
	spool_bind_int(&s->db, q, 2, spool_row_of(lemf, upto));
	return spool_run(&s->db, q, why);
}

static void
settle(struct lemf *l, enum spool_fate fate, const struct spool_extent *e)
{
	l->now.records -= e->records;
	l->now.octets -= e->octets;
	switch (fate) {
	case SPOOL_DELIVERED:
		l->now.delivered += e->records;
		break;
	case SPOOL_DROPPED:
		l->now.dropped += e->records;
		break;
	case SPOOL_DAMAGED:
		l->now.damaged += e->records;
		break;
	}
}

enum err
spool_remove(struct spool *s, unsigned lemf, uint64_t from, uint64_t upto,
    enum spool_fate fate, struct spool_extent *out, struct why *why)
{
	const bool aside = fate == SPOOL_DAMAGED;
	struct spool_extent e = {0};
	struct why here = {""};
	enum err rc;

	if ((rc = spool_begin(s, &here)) != ERR_OK ||
	    (rc = count_rows(s, lemf, from, upto, aside, &e, &here)) !=
		ERR_OK ||
	    (aside &&
		(rc = run_on_rows(s, SPOOL_PUT_ASIDE, lemf, from, upto,
		     &here)) != ERR_OK) ||
	    (rc = run_on_rows(s, SPOOL_DROP_RECORDS, lemf, from, upto,
		 &here)) != ERR_OK)
		return spool_broken(s, rc, &here, why);
	if (e.records > s->lemf[lemf].now.records ||
	    e.octets > s->lemf[lemf].now.octets)
		return spool_broken(s, spool_damaged(&here, "a LEMF's counts"),
		    &here, why);
	*out = e;
	if (e.records == 0)
		return ERR_OK;
	settle(&s->lemf[lemf], fate, &e);
	s->lemf[lemf].changed = s->changed = true;
	return ERR_OK;
}
