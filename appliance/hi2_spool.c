/* The queue: opening, the turn and its end. */
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool_home.h"
#include "appliance/hi2_spool_int.h"

/* ---- opening ---- */

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static enum err
load_key_ids(struct spool *s, struct why *why)
{
	enum err rc = spool_row(&s->db, SPOOL_GET_LAST_KEY, why);

	if (rc == ERR_NOTFOUND) { /* there was none yet */
		s->next_key = 1;
		rc = ERR_OK;
	} else if (rc == ERR_OK) {
		const int64_t last = spool_int(&s->db, SPOOL_GET_LAST_KEY, 0);

		if (last < 0 || last == INT64_MAX)
			rc = spool_damaged(why, "the ids of its keys");
		else
			s->next_key = (uint64_t)last + 1;
	}
	spool_end(&s->db, SPOOL_GET_LAST_KEY);
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
	const int64_t id = spool_int(&s->db, SPOOL_EACH_LEMF, 0);
	const struct rd name = spool_octets(&s->db, SPOOL_EACH_LEMF, 1);
	int64_t v[6];
	struct lemf *l;
	bool sound = true;
	enum err rc;

	for (int i = 0; i < 6; i++) {
		v[i] = spool_int(&s->db, SPOOL_EACH_LEMF, i + 2);
		sound = sound && v[i] >= 0 && v[i] < 1LL << 56;
	}
	if (!sound || id != (int64_t)s->n_lemfs + 1 || name.left == 0 ||
	    name.left > QUEUE_LEMF_MAX || v[0] != v[1] + v[3] + v[4] + v[5])
		return spool_damaged(why, "a LEMF's counts");
	if ((rc = lemf_new(s, name, &l, why)) != ERR_OK)
		return rc;
	l->now = (struct standing){(uint64_t)v[0], (uint64_t)v[1],
	    (uint64_t)v[2], (uint64_t)v[3], (uint64_t)v[4], (uint64_t)v[5]};
	l->on_disk = l->now;
	return ERR_OK;
}

static enum err
load(struct spool *s, struct why *why)
{
	enum err rc;

	if ((rc = load_key_ids(s, why)) != ERR_OK)
		return rc;
	while ((rc = spool_row(&s->db, SPOOL_EACH_LEMF, why)) == ERR_OK)
		if ((rc = take_lemf(s, why)) != ERR_OK)
			break;
	spool_end(&s->db, SPOOL_EACH_LEMF);
	s->n_on_disk = s->n_lemfs;
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* A life ends where the file is found elsewhere. */
static enum err
load_life(struct spool *s, const uint8_t home[QUEUE_DIGEST_LEN], int64_t now,
    struct why *why)
{
	struct spool_db *d = &s->db;
	bool moved = false;
	struct rd had;
	enum err rc;

	if ((rc = spool_row(d, SPOOL_GET_SPOOL, why)) == ERR_OK) {
		had = spool_octets(d, SPOOL_GET_SPOOL, 0);
		moved = !rd_is(&had, home, QUEUE_DIGEST_LEN);
		s->life = spool_int(d, SPOOL_GET_SPOOL, 1);
		s->since_day = spool_int(d, SPOOL_GET_SPOOL, 2) / SPOOL_DAY;
	}
	spool_end(d, SPOOL_GET_SPOOL);
	if (rc != ERR_OK || s->life < 1 || s->life == INT64_MAX)
		return spool_damaged(why, "it does not say where it lives");
	if (!moved)
		return ERR_OK;
	s->life++;
	s->since_day = now / SPOOL_DAY;
	spool_bind(d, SPOOL_SET_LIFE, 1, view(home, QUEUE_DIGEST_LEN));
	spool_bind_int(d, SPOOL_SET_LIFE, 2, s->life);
	spool_bind_int(d, SPOOL_SET_LIFE, 3, now);
	return spool_run(d, SPOOL_SET_LIFE, why);
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
	if (s->sealer != NULL)
		spool_key_keep(s);
	queue_sealer_free(&s->sealer);
	s->sealer = k;
	s->key = s->next_key++;
	s->key_on_disk = s->change_key = false;
	return ERR_OK;
}

static enum err
open_file(struct spool *s, const struct spool_config *c, struct why *why)
{
	uint8_t home[QUEUE_DIGEST_LEN];
	const struct spool_origin o = {.kms = s->kms,
	    .home = home,
	    .now = c->now,
	    .first = c->first};
	enum err rc;

	/* It is there from now on, and what it is can be asked. */
	if ((rc = spool_db_create(&s->db, c->path, why)) != ERR_OK ||
	    (rc = spool_home_of(c->path, c->machine, home, why)) != ERR_OK ||
	    (rc = spool_db_open(&s->db, &o, why)) != ERR_OK ||
	    (rc = load_life(s, home, c->now, why)) != ERR_OK)
		return rc;
	return load(s, why);
}

enum err
spool_open(const struct spool_config *c, struct spool **out, struct why *why)
{
	struct spool *s = calloc(1, sizeof(*s));
	enum err rc;

	if (s == NULL || (s->spki = malloc(c->spki.left + 1)) == NULL ||
	    sequences_new(&s->sequences) != ERR_OK) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	memcpy(s->kms, c->kms, sizeof(s->kms));
	if (c->spki.left > 0)
		memcpy(s->spki, c->spki.p, c->spki.left);
	s->spki_len = c->spki.left;
	if ((rc = open_file(s, c, why)) != ERR_OK ||
	    (rc = new_key(s, why)) != ERR_OK)
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
	spool_keys_done(s);
	queue_sealer_free(&s->sealer);
	sequences_free(&s->sequences);
	secret_free(&s->record);
	free(s->lemf);
	free(s->sealed);
	free(s->spki);
	free(s);
	*sp = NULL;
}

/* ---- LEMFs ---- */

enum err
spool_find(const struct spool *s, struct rd name, unsigned *out)
{
	for (unsigned i = 0; i < s->n_lemfs; i++)
		if (rd_is(&name, s->lemf[i].name, s->lemf[i].len)) {
			*out = i;
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

enum err
spool_find_or_add(struct spool *s, struct rd name, unsigned *out,
    struct why *why)
{
	struct lemf *l;
	enum err rc;

	if (name.left == 0 || name.left > QUEUE_LEMF_MAX)
		return why_set(why, ERR_MALFORMED, "spool: a LEMF's name");
	if (spool_find(s, name, out) == ERR_OK)
		return ERR_OK;
	if ((rc = lemf_new(s, name, &l, why)) == ERR_OK)
		*out = s->n_lemfs - 1;
	return rc;
}

bool
spool_lemf(const struct spool *s, unsigned i, struct spool_lemf *out)
{
	const struct lemf *l;

	if (i >= s->n_on_disk)
		return false;
	l = &s->lemf[i];
	*out = (struct spool_lemf){.name = view(l->name, l->len),
	    .next = l->on_disk.next,
	    .records = l->on_disk.records,
	    .octets = l->on_disk.octets,
	    .delivered = l->on_disk.delivered,
	    .dropped = l->on_disk.dropped,
	    .damaged = l->on_disk.damaged};
	return true;
}

void
spool_counts(const struct spool *s, struct spool_counts *out)
{
	*out = (struct spool_counts){0};
	for (unsigned i = 0; i < s->n_on_disk; i++) {
		out->records += s->lemf[i].on_disk.records;
		out->octets += s->lemf[i].on_disk.octets;
	}
}

/* ---- a turn ---- */

enum err
spool_broken(struct spool *s, enum err rc, const struct why *here,
    struct why *why)
{
	s->failed = rc;
	memcpy(s->failed_text, here->text, sizeof(s->failed_text));
	return why_set(why, rc, "%s", here->text);
}

enum err
spool_begin(struct spool *s, struct why *why)
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

enum err
spool_count_key(struct spool *s, uint64_t key, int64_t n, struct why *why)
{
	if (n == 0)
		return ERR_OK;
	spool_bind_int(&s->db, SPOOL_COUNT_KEY, 1, (int64_t)key);
	spool_bind_int(&s->db, SPOOL_COUNT_KEY, 2, n);
	return spool_run(&s->db, SPOOL_COUNT_KEY, why);
}

static enum err
put_counts(struct spool *s, struct why *why)
{
	struct spool_db *d = &s->db;
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < s->n_lemfs && rc == ERR_OK; i++) {
		const struct lemf *l = &s->lemf[i];
		const uint64_t v[] = {l->now.next, l->now.records,
		    l->now.octets, l->now.delivered, l->now.dropped,
		    l->now.damaged};

		/* A name alone is written too: ids have no gap. */
		if (!l->changed && i < s->n_on_disk)
			continue;
		spool_bind_int(d, SPOOL_SET_LEMF, 1, (int64_t)i + 1);
		spool_bind(d, SPOOL_SET_LEMF, 2, view(l->name, l->len));
		for (int k = 0; k < 6; k++)
			spool_bind_int(d, SPOOL_SET_LEMF, k + 3, (int64_t)v[k]);
		rc = spool_run(d, SPOOL_SET_LEMF, why);
	}
	return rc == ERR_OK ? spool_count_key(s, s->key, (int64_t)s->n, why)
			    : rc;
}

/* Old ones go as fast as new ones come, and no turn waits for many. */
static enum err
forget_sequences(struct spool *s, struct why *why)
{
	struct spool_db *d = &s->db;

	if (s->n == 0)
		return ERR_OK;
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
	if (!s->changed) {
		spool_give_up(s);
		return ERR_OK;
	}
	if ((rc = put_counts(s, &here)) != ERR_OK ||
	    (rc = sequences_write(s->sequences, &s->db, &here)) != ERR_OK ||
	    (rc = forget_sequences(s, &here)) != ERR_OK ||
	    (rc = spool_db_grow(&s->db, &here)) != ERR_OK ||
	    (rc = spool_run(&s->db, SPOOL_COMMIT, &here)) != ERR_OK)
		return spool_broken(s, rc, &here, why);
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		s->lemf[i].on_disk = s->lemf[i].now;
		s->lemf[i].changed = false;
	}
	sequences_committed(s->sequences);
	s->n_on_disk = s->n_lemfs;
	s->key_on_disk = s->key_on_disk || s->key_put;
	s->open = s->key_put = s->changed = false;
	s->n = 0;
	return ERR_OK;
}

void
spool_give_up(struct spool *s)
{
	struct why unheard;

	if (s->db.s != NULL && !sqlite3_get_autocommit(s->db.s))
		(void)(spool_run(&s->db, SPOOL_ROLLBACK, &unheard) == ERR_OK);
	if (s->failed == ERR_FULL)
		spool_db_tidy_next(&s->db);
	if (s->sequences != NULL)
		sequences_given_up(s->sequences);
	s->n_lemfs = s->n_on_disk;
	for (unsigned i = 0; i < s->n_lemfs; i++) {
		s->lemf[i].now = s->lemf[i].on_disk;
		s->lemf[i].changed = false;
	}
	s->open = s->key_put = s->changed = false;
	s->failed = ERR_OK;
	s->n = 0;
}

void
spool_tidy(struct spool *s)
{
	if (!s->open)
		spool_db_tidy(&s->db);
}

void
spool_change_key(struct spool *s)
{
	s->change_key = true;
}
