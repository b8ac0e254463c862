#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool.h"
#include "appliance/hi2_spool_db.h"

#define DAY 86400

/* Of a name that has or had records. */
struct lemf {
	uint8_t name[QUEUE_LEMF_MAX];
	uint8_t len;
	bool changed; /* in this turn */
	struct standing {
		uint64_t next, records, octets;
	} now, on_disk;
};

struct spool {
	struct spool_db db;
	uint8_t kms[QUEUE_DIGEST_LEN];
	uint8_t *spki;
	size_t spki_len;

	struct queue_sealer *sealer;
	uint64_t key; /* its id */
	uint64_t next_key;
	bool key_on_disk, change_key;

	struct lemf *lemf; /* id is index + 1 */
	unsigned n_lemfs, n_on_disk, cap_lemfs;
	uint64_t next_id, id_on_disk; /* of records */

	/* the turn */
	bool open, key_put;
	uint64_t n; /* records in it */
	int64_t day;
	enum err failed;
	char failed_text[WHY_MAX];

	uint8_t *sealed;
	size_t cap_sealed;
};

/* ---- opening ---- */

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

/* The next id of a table. */
static enum err
next_id(struct spool *s, const char *table, uint64_t *out, struct why *why)
{
	enum err rc;

	spool_bind(&s->db, SPOOL_GET_LAST, 1, view(table, strlen(table)));
	rc = spool_row(&s->db, SPOOL_GET_LAST, why);
	if (rc == ERR_NOTFOUND) { /* there was none yet */
		*out = 1;
		rc = ERR_OK;
	} else if (rc == ERR_OK) {
		const int64_t last = spool_int(&s->db, SPOOL_GET_LAST, 0);

		if (last < 0 || last == INT64_MAX)
			rc = spool_damaged(why, "the ids of its rows");
		else
			*out = (uint64_t)last + 1;
	}
	spool_end(&s->db, SPOOL_GET_LAST);
	return rc;
}

static enum err
lemf_new(struct spool *s, struct rd name, struct lemf **out, struct why *why)
{
	struct lemf *l;

	if (s->n_lemfs >= SPOOL_LEMFS_MAX)
		return why_set(why, ERR_FULL, "spool: more than %d LEMFs",
		    SPOOL_LEMFS_MAX);
	if (s->n_lemfs == s->cap_lemfs) {
		const unsigned cap = s->cap_lemfs == 0 ? 16 : 2 * s->cap_lemfs;

		l = realloc(s->lemf, cap * sizeof(*l));
		if (l == NULL)
			return why_set(why, ERR_NOMEM, "out of memory");
		s->lemf = l;
		s->cap_lemfs = cap;
	}
	l = &s->lemf[s->n_lemfs++];
	*l = (struct lemf){.len = (uint8_t)name.left};
	memcpy(l->name, name.p, name.left);
	*out = l;
	return ERR_OK;
}

static enum err
take_lemf(struct spool *s, struct why *why)
{
	const int64_t id = spool_int(&s->db, SPOOL_EACH_LEMF, 0),
		      next = spool_int(&s->db, SPOOL_EACH_LEMF, 2),
		      records = spool_int(&s->db, SPOOL_EACH_LEMF, 3),
		      octets = spool_int(&s->db, SPOOL_EACH_LEMF, 4);
	const struct rd name = spool_octets(&s->db, SPOOL_EACH_LEMF, 1);
	struct lemf *l;
	enum err rc;

	if (id != (int64_t)s->n_lemfs + 1 || name.left == 0 ||
	    name.left > QUEUE_LEMF_MAX || next < 0 || records < 0 ||
	    records > next || octets < 0)
		return spool_damaged(why, "a LEMF's counts");
	if ((rc = lemf_new(s, name, &l, why)) != ERR_OK)
		return rc;
	l->now = (struct standing){(uint64_t)next, (uint64_t)records,
	    (uint64_t)octets};
	l->on_disk = l->now;
	return ERR_OK;
}

static enum err
load(struct spool *s, struct why *why)
{
	enum err rc;

	if ((rc = next_id(s, "records", &s->next_id, why)) != ERR_OK ||
	    (rc = next_id(s, "keys", &s->next_key, why)) != ERR_OK)
		return rc;
	s->id_on_disk = s->next_id;
	while ((rc = spool_row(&s->db, SPOOL_EACH_LEMF, why)) == ERR_OK)
		if ((rc = take_lemf(s, why)) != ERR_OK)
			break;
	spool_end(&s->db, SPOOL_EACH_LEMF);
	s->n_on_disk = s->n_lemfs;
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* Not at the first record: a key that cannot be used shows at the start. */
static enum err
new_key(struct spool *s, struct why *why)
{
	struct queue_sealer *k = NULL;
	enum err rc;

	rc = queue_sealer_new(view(s->spki, s->spki_len), &k, why);
	if (rc != ERR_OK)
		return rc;
	queue_sealer_free(&s->sealer);
	s->sealer = k;
	s->key = s->next_key++;
	s->key_on_disk = s->change_key = false;
	return ERR_OK;
}

enum err
spool_open(const char *path, struct rd spki,
    const uint8_t kms[QUEUE_DIGEST_LEN], struct spool **out, struct why *why)
{
	struct spool *s = calloc(1, sizeof(*s));
	enum err rc;

	if (s == NULL || (s->spki = malloc(spki.left + 1)) == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	memcpy(s->kms, kms, sizeof(s->kms));
	if (spki.left > 0)
		memcpy(s->spki, spki.p, spki.left);
	s->spki_len = spki.left;
	if ((rc = spool_db_open(&s->db, path, kms, why)) != ERR_OK ||
	    (rc = load(s, why)) != ERR_OK || (rc = new_key(s, why)) != ERR_OK)
		goto out;
	*out = s;
	s = NULL;
out:
	spool_close(&s);
	return rc;
}

void
spool_close(struct spool **sp)
{
	struct spool *s = *sp;

	if (s == NULL)
		return;
	spool_give_up(s);
	spool_db_close(&s->db);
	queue_sealer_free(&s->sealer);
	free(s->lemf);
	free(s->sealed);
	free(s->spki);
	free(s);
	*sp = NULL;
}

/* ---- a turn ---- */

/* It is over; the reason is kept for the calls that still come in it. */
static enum err
broken(struct spool *s, enum err rc, const struct why *why)
{
	s->failed = rc;
	memcpy(s->failed_text, why->text, sizeof(s->failed_text));
	return rc;
}

static enum err
begin(struct spool *s, struct why *why)
{
	enum err rc;

	if (s->failed != ERR_OK)
		return why_set(why, s->failed, "%s", s->failed_text);
	if (s->open)
		return ERR_OK;
	if (s->change_key && (rc = new_key(s, why)) != ERR_OK)
		return rc;
	if ((rc = spool_run(&s->db, SPOOL_BEGIN, why)) == ERR_OK)
		s->open = true;
	return rc;
}

static enum err
find_lemf(struct spool *s, struct rd name, unsigned *out, struct why *why)
{
	struct lemf *l;
	enum err rc;

	if (name.left == 0 || name.left > QUEUE_LEMF_MAX)
		return why_set(why, ERR_MALFORMED, "spool: a LEMF's name");
	for (unsigned i = 0; i < s->n_lemfs; i++)
		if (rd_is(&name, s->lemf[i].name, s->lemf[i].len)) {
			*out = i;
			return ERR_OK;
		}
	if ((rc = lemf_new(s, name, &l, why)) == ERR_OK)
		*out = s->n_lemfs - 1;
	return rc;
}

static enum err
find_sequence(struct spool *s, struct spool_place *p, struct why *why)
{
	struct spool_db *d = &s->db;
	int64_t next;
	enum err rc;

	spool_bind_int(d, SPOOL_GET_SEQUENCE, 1, (int64_t)p->lemf + 1);
	spool_bind(d, SPOOL_GET_SEQUENCE, 2,
	    view(p->row.digest, sizeof(p->row.digest)));
	spool_bind_int(d, SPOOL_GET_SEQUENCE, 3, p->row.cin);
	rc = spool_row(d, SPOOL_GET_SEQUENCE, why);
	if (rc == ERR_OK) {
		p->sequence_id = spool_int(d, SPOOL_GET_SEQUENCE, 0);
		next = spool_int(d, SPOOL_GET_SEQUENCE, 1);
		p->used = spool_int(d, SPOOL_GET_SEQUENCE, 2);
		p->row.sequence = (uint32_t)next;
		if (next < 0 || next > UINT32_MAX || p->sequence_id == 0)
			rc = spool_damaged(why, "a sequence number");
	}
	spool_end(d, SPOOL_GET_SEQUENCE);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

enum err
spool_place(struct spool *s, struct rd lemf, struct rd liid, uint32_t cin,
    int64_t now, struct spool_place *out, struct why *why)
{
	struct spool_place p = {.row.cin = cin,
	    .row.created = now,
	    .day = now / DAY};
	struct why here = {""};
	enum err rc;

	if ((rc = begin(s, &here)) == ERR_OK &&
	    (rc = find_lemf(s, lemf, &p.lemf, &here)) == ERR_OK &&
	    (rc = queue_digest(s->kms, liid, p.row.digest)) != ERR_OK)
		(void)why_set(&here, rc, "spool: SHA-256 failed");
	if (rc == ERR_OK)
		rc = find_sequence(s, &p, &here);
	if (rc != ERR_OK)
		return why_set(why, broken(s, rc, &here), "%s", here.text);
	s->day = p.day;
	p.row.id = s->next_id;
	p.row.key = s->key;
	p.row.number = s->lemf[p.lemf].now.next;
	p.row.lemf = view(s->lemf[p.lemf].name, s->lemf[p.lemf].len);
	*out = p;
	return ERR_OK;
}

static enum err
put_key(struct spool *s, struct why *why)
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
put_sequence(struct spool *s, const struct spool_place *p, struct why *why)
{
	struct spool_db *d = &s->db;
	enum err rc;

	if (p->sequence_id == 0) {
		spool_bind_int(d, SPOOL_PUT_SEQUENCE, 1, (int64_t)p->lemf + 1);
		spool_bind(d, SPOOL_PUT_SEQUENCE, 2,
		    view(p->row.digest, sizeof(p->row.digest)));
		spool_bind_int(d, SPOOL_PUT_SEQUENCE, 3, p->row.cin);
		spool_bind_int(d, SPOOL_PUT_SEQUENCE, 4, p->day);
		return spool_run(d, SPOOL_PUT_SEQUENCE, why);
	}
	spool_bind_int(d, SPOOL_SET_SEQUENCE, 1, p->sequence_id);
	spool_bind_int(d, SPOOL_SET_SEQUENCE, 2, p->row.sequence + 1LL);
	rc = spool_run(d, SPOOL_SET_SEQUENCE, why);
	if (rc != ERR_OK || p->used == p->day)
		return rc;
	spool_bind_int(d, SPOOL_SET_SEQUENCE_DAY, 1, p->sequence_id);
	spool_bind_int(d, SPOOL_SET_SEQUENCE_DAY, 2, p->day);
	return spool_run(d, SPOOL_SET_SEQUENCE_DAY, why);
}

static enum err
put_record(struct spool *s, const struct spool_place *p, struct rd sealed,
    struct why *why)
{
	const struct queue_row *row = &p->row;
	struct spool_db *d = &s->db;

	spool_bind_int(d, SPOOL_PUT_RECORD, 1, (int64_t)row->id);
	spool_bind_int(d, SPOOL_PUT_RECORD, 2, (int64_t)p->lemf + 1);
	spool_bind_int(d, SPOOL_PUT_RECORD, 3, (int64_t)row->number);
	spool_bind(d, SPOOL_PUT_RECORD, 4,
	    view(row->digest, sizeof(row->digest)));
	spool_bind_int(d, SPOOL_PUT_RECORD, 5, row->cin);
	spool_bind_int(d, SPOOL_PUT_RECORD, 6, row->sequence);
	spool_bind_int(d, SPOOL_PUT_RECORD, 7, row->created);
	spool_bind_int(d, SPOOL_PUT_RECORD, 8, (int64_t)row->key);
	spool_bind(d, SPOOL_PUT_RECORD, 9, sealed);
	return spool_run(d, SPOOL_PUT_RECORD, why);
}

static enum err
seal(struct spool *s, const struct queue_row *row, struct rd pdu,
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
	*out = view(s->sealed, len);
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
	if ((rc = seal(s, &p->row, pdu, &sealed, &here)) != ERR_OK ||
	    (rc = put_key(s, &here)) != ERR_OK ||
	    (rc = put_sequence(s, p, &here)) != ERR_OK ||
	    (rc = put_record(s, p, sealed, &here)) != ERR_OK)
		return why_set(why, broken(s, rc, &here), "%s", here.text);
	l = &s->lemf[p->lemf];
	l->now.next++;
	l->now.records++;
	l->now.octets += pdu.left;
	l->changed = true;
	s->next_id++;
	s->n++;
	return ERR_OK;
}

static enum err
put_counts(struct spool *s, struct why *why)
{
	struct spool_db *d = &s->db;
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < s->n_lemfs && rc == ERR_OK; i++) {
		const struct lemf *l = &s->lemf[i];

		/* A name alone is written too: ids have no gap. */
		if (!l->changed && i < s->n_on_disk)
			continue;
		spool_bind_int(d, SPOOL_SET_LEMF, 1, (int64_t)i + 1);
		spool_bind(d, SPOOL_SET_LEMF, 2, view(l->name, l->len));
		spool_bind_int(d, SPOOL_SET_LEMF, 3, (int64_t)l->now.next);
		spool_bind_int(d, SPOOL_SET_LEMF, 4, (int64_t)l->now.records);
		spool_bind_int(d, SPOOL_SET_LEMF, 5, (int64_t)l->now.octets);
		rc = spool_run(d, SPOOL_SET_LEMF, why);
	}
	if (rc != ERR_OK)
		return rc;
	spool_bind_int(d, SPOOL_COUNT_KEY, 1, (int64_t)s->key);
	spool_bind_int(d, SPOOL_COUNT_KEY, 2, (int64_t)s->n);
	return spool_run(d, SPOOL_COUNT_KEY, why);
}

/* Old ones go as fast as new ones come, and no turn waits for many. */
static enum err
forget_sequences(struct spool *s, struct why *why)
{
	struct spool_db *d = &s->db;

	spool_bind_int(d, SPOOL_DROP_SEQUENCES, 1,
	    s->day - SPOOL_SEQUENCE_DAYS);
	spool_bind_int(d, SPOOL_DROP_SEQUENCES, 2, 2 * (int64_t)s->n);
	return spool_run(d, SPOOL_DROP_SEQUENCES, why);
}

enum err
spool_commit(struct spool *s, struct why *why)
{
	struct why here = {""};
	enum err rc;

	if (s->failed != ERR_OK)
		return why_set(why, s->failed, "%s", s->failed_text);
	if (s->n == 0) {
		spool_give_up(s);
		return ERR_OK;
	}
	if ((rc = put_counts(s, &here)) != ERR_OK ||
	    (rc = forget_sequences(s, &here)) != ERR_OK ||
	    (rc = spool_run(&s->db, SPOOL_COMMIT, &here)) != ERR_OK)
		return why_set(why, broken(s, rc, &here), "%s", here.text);
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		s->lemf[i].on_disk = s->lemf[i].now;
		s->lemf[i].changed = false;
	}
	s->n_on_disk = s->n_lemfs;
	s->id_on_disk = s->next_id;
	s->key_on_disk = s->key_on_disk || s->key_put;
	s->open = s->key_put = false;
	s->n = 0;
	return ERR_OK;
}

void
spool_give_up(struct spool *s)
{
	struct why unheard;

	if (s->db.s != NULL && !sqlite3_get_autocommit(s->db.s))
		(void)(spool_run(&s->db, SPOOL_ROLLBACK, &unheard) == ERR_OK);
	s->n_lemfs = s->n_on_disk;
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		s->lemf[i].now = s->lemf[i].on_disk;
		s->lemf[i].changed = false;
	}
	s->next_id = s->id_on_disk;
	s->open = s->key_put = false;
	s->failed = ERR_OK;
	s->n = 0;
}

void
spool_change_key(struct spool *s)
{
	s->change_key = true;
}

void
spool_counts(const struct spool *s, struct spool_counts *out)
{
	*out = (struct spool_counts){0};
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		out->records += s->lemf[i].on_disk.records;
		out->octets += s->lemf[i].on_disk.octets;
	}
}
