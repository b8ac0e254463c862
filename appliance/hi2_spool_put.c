/* Records come into the queue. */
#include <stdlib.h>

#include "appliance/hi2_spool_int.h"

/* A number is given for ever; what it may grow to fits beside the LEMF's. */
#define NUMBER_BITS 40

int64_t
spool_row_of(unsigned lemf, uint64_t number)
{
	return (int64_t)((uint64_t)(lemf + 1) << NUMBER_BITS | number);
}

/* ---- a place ---- */

/*
 * A number goes on where this life of the file has given the one before it.  A
 * LIID and CIN that this life does not know may have been numbered before it,
 * or by a file that is gone: the LEMF is told that it begins again.
 */
static void
number_it(const struct spool *s, struct spool_place *p)
{
	const struct sequence *q = p->sequence;
	const bool young = p->day <= s->since_day + SPOOL_SEQUENCE_DAYS;

	if (q->life == s->life)
		p->row.sequence = (uint32_t)q->next;
	else
		p->reset = young || q->life != 0;
}

static enum err
find_place(struct spool *s, struct rd lemf, struct rd liid,
    struct spool_place *p, struct why *why)
{
	enum err rc;

	if ((rc = spool_begin(s, why)) != ERR_OK ||
	    (rc = spool_find_or_add(s, lemf, &p->lemf, why)) != ERR_OK)
		return rc;
	if (s->lemf[p->lemf].now.next >= 1ULL << NUMBER_BITS)
		return why_set(why, ERR_FULL, "spool: no more numbers");
	if ((rc = queue_digest(s->kms, liid, p->row.digest)) != ERR_OK)
		return why_set(why, rc, "spool: SHA-256 failed");
	rc = sequences_find(s->sequences, &s->db, p->lemf, p->row.digest,
	    p->row.cin, p->day - SPOOL_SEQUENCE_DAYS, &p->sequence, why);
	if (rc == ERR_OK)
		number_it(s, p);
	return rc;
}

enum err
spool_place(struct spool *s, struct rd lemf, struct rd liid, uint32_t cin,
    int64_t now, struct spool_place *out, struct why *why)
{
	struct spool_place p = {.row.cin = cin,
	    .row.created = now,
	    .day = now / SPOOL_DAY};
	struct why here = {""};
	enum err rc;

	if ((rc = find_place(s, lemf, liid, &p, &here)) != ERR_OK)
		return spool_broken(s, rc, &here, why);
	s->day = p.day;
	p.row.key = s->key;
	p.row.number = s->lemf[p.lemf].now.next;
	rd_init(&p.row.lemf, s->lemf[p.lemf].name, s->lemf[p.lemf].len);
	*out = p;
	return ERR_OK;
}

/* ---- a record ---- */

enum err
spool_put_key(struct spool *s, struct why *why)
{
	struct spool_db *d = &s->db;
	enum err rc;

	if (s->key_on_disk || s->key_put)
		return ERR_OK;
	if ((rc = spool_run(d, SPOOL_DROP_KEYS, why)) != ERR_OK)
		return rc;
	spool_bind_int(d, SPOOL_PUT_KEY, 1, (int64_t)s->key);
	spool_bind(d, SPOOL_PUT_KEY, 2, queue_sealer_wrapped(s->sealer));
	if ((rc = spool_run(d, SPOOL_PUT_KEY, why)) == ERR_OK)
		s->key_put = true;
	return rc;
}

static enum err
count_sequence(struct spool *s, const struct spool_place *p, struct why *why)
{
	struct sequence *q = p->sequence;

	if (sequences_changed(s->sequences, q) != ERR_OK)
		return why_set(why, ERR_NOMEM, "out of memory");
	q->next = p->reset ? 0 : p->row.sequence + 1LL;
	q->life = s->life;
	q->used = p->day;
	return ERR_OK;
}

static enum err
put_record(struct spool *s, const struct spool_place *p, struct rd sealed,
    struct why *why)
{
	const struct queue_row *row = &p->row;
	struct spool_db *d = &s->db;
	struct rd digest;

	rd_init(&digest, row->digest, sizeof(row->digest));
	spool_bind_int(d, SPOOL_PUT_RECORD, 1,
	    spool_row_of(p->lemf, row->number));
	spool_bind(d, SPOOL_PUT_RECORD, 2, digest);
	spool_bind_int(d, SPOOL_PUT_RECORD, 3, row->cin);
	spool_bind_int(d, SPOOL_PUT_RECORD, 4, row->sequence);
	spool_bind_int(d, SPOOL_PUT_RECORD, 5, row->created);
	spool_bind_int(d, SPOOL_PUT_RECORD, 6, (int64_t)row->key);
	spool_bind(d, SPOOL_PUT_RECORD, 7, sealed);
	return spool_run(d, SPOOL_PUT_RECORD, why);
}

enum err
spool_seal(struct spool *s, const struct queue_row *row, struct rd pdu,
    struct rd *out, struct why *why)
{
	size_t len = pdu.left + QUEUE_SEAL_LEN;
	enum err rc;

	if (len > s->cap_sealed) {
		uint8_t *p = realloc(s->sealed, len);

		if (p == NULL)
			return why_set(why, ERR_NOMEM, "out of memory");
		s->sealed = p;
		s->cap_sealed = len;
	}
	rc = queue_seal(s->sealer, row, pdu, s->sealed, s->cap_sealed, &len);
	if (rc != ERR_OK)
		return why_set(why, rc, "spool: a record cannot be sealed");
	rd_init(out, s->sealed, len);
	return ERR_OK;
}

enum err
spool_put(struct spool *s, const struct spool_place *p, struct rd pdu,
    struct why *why)
{
	struct why here = {""};
	struct rd sealed;
	struct lemf *l;
	enum err rc;

	if (s->failed != ERR_OK)
		return why_set(why, s->failed, "%s", s->failed_text);
	if ((rc = spool_seal(s, &p->row, pdu, &sealed, &here)) != ERR_OK ||
	    (rc = spool_put_key(s, &here)) != ERR_OK ||
	    (rc = put_record(s, p, sealed, &here)) != ERR_OK ||
	    (rc = count_sequence(s, p, &here)) != ERR_OK)
		return spool_broken(s, rc, &here, why);
	l = &s->lemf[p->lemf];
	l->now.next++;
	l->now.records++;
	l->now.octets += pdu.left;
	l->changed = s->changed = true;
	s->n++;
	return ERR_OK;
}
