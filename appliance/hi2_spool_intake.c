#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool_intake.h"
#include "appliance/hi2_spool_int.h"

enum statement {
	PUT,
	GET_KEY_OF, /* a number that is there already */
	DROP_ONE,
	DROP_CALL,
	PUT_DONE,
	DROP_DONE,
	NEXT,
	IS_FIRST,
	EACH_DONE,
	STATEMENT__MAX
};

static const char *const sql[STATEMENT__MAX] = {
    [PUT] = "INSERT OR REPLACE INTO intake (number, call, kind, came, key,"
	    " octets, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [GET_KEY_OF] = "SELECT key, octets FROM intake WHERE number = ?",
    [DROP_ONE] = "DELETE FROM intake WHERE number = ?2 AND call = ?1"
		 " RETURNING key, octets",
    [DROP_CALL] = "DELETE FROM intake WHERE call = ?1"
		  " RETURNING key, octets",
    [PUT_DONE] = "INSERT OR IGNORE INTO intake_done (call, mark, leg)"
		 " VALUES (?, ?, ?)",
    [DROP_DONE] = "DELETE FROM intake_done WHERE call = ?",
    [NEXT] = "SELECT number, call, kind, came, key, sealed FROM intake"
	     " WHERE number > ? ORDER BY number LIMIT 1",
    [IS_FIRST] = "SELECT 1 FROM intake WHERE call = ? AND number < ? LIMIT 1",
    [EACH_DONE] = "SELECT mark, leg FROM intake_done WHERE call = ? LIMIT ?",
};

/*
 * AUTOINCREMENT: no number is given twice.  What was marked of a call that has
 * no row any more can only be from a death at the wrong moment.
 */
static const char tables[] =
    "CREATE TABLE IF NOT EXISTS intake"
    " (number INTEGER PRIMARY KEY AUTOINCREMENT, call INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, came INTEGER NOT NULL, key INTEGER NOT NULL,"
    " octets INTEGER NOT NULL, sealed BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS intake_call ON intake (call, octets);"
    "CREATE TABLE IF NOT EXISTS intake_done"
    " (call INTEGER NOT NULL, mark BLOB NOT NULL, leg INTEGER NOT NULL,"
    " PRIMARY KEY (call, mark, leg)) WITHOUT ROWID;"
    "DELETE FROM intake_done WHERE call NOT IN (SELECT call FROM intake)";

struct standing_of_intake {
	struct spool_intake_counts counts;
	uint64_t last; /* number */
};

struct spool_intake {
	struct spool *s;
	sqlite3_stmt *q[STATEMENT__MAX];
	struct standing_of_intake now, on_disk;
	struct secret *pdu; /* one that was opened */
	uint8_t *done; /* MAX_INTAKE_DONE of them */
};

/* ---- statements ---- */

static void
bind_int(struct spool_intake *t, enum statement q, int i, uint64_t v)
{
	(void)sqlite3_bind_int64(t->q[q], i, (int64_t)v);
}

static void
bind(struct spool_intake *t, enum statement q, int i, const void *p, size_t len)
{
	(void)sqlite3_bind_blob(t->q[q], i, p, (int)len, SQLITE_STATIC);
}

static uint64_t
column(struct spool_intake *t, enum statement q, int i)
{
	return (uint64_t)sqlite3_column_int64(t->q[q], i);
}

static void
end(struct spool_intake *t, enum statement q)
{
	(void)sqlite3_reset(t->q[q]);
	(void)sqlite3_clear_bindings(t->q[q]);
}

/* ERR_NOTFOUND: no more. */
static enum err
row(struct spool_intake *t, enum statement q, struct why *why)
{
	const int step = sqlite3_step(t->q[q]);

	if (step == SQLITE_ROW)
		return ERR_OK;
	return step == SQLITE_DONE ? ERR_NOTFOUND
				   : spool_fail(&t->s->db, why, "the journal");
}

static enum err
run(struct spool_intake *t, enum statement q, struct why *why)
{
	const enum err rc = row(t, q, why);

	end(t, q);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* ---- opening ---- */

static enum err
number(struct spool_intake *t, const char *text, uint64_t *out, struct why *why)
{
	int64_t v = 0;
	const enum err rc = spool_number(&t->s->db, text, &v, why);

	if (rc == ERR_OK && v < 0)
		return spool_damaged(why, "the journal");
	*out = (uint64_t)v;
	return rc;
}

static enum err
load(struct spool_intake *t, struct why *why)
{
	struct standing_of_intake *n = &t->now;
	enum err rc;

	if ((rc = number(t, "SELECT count(*) FROM intake", &n->counts.rows,
		 why)) != ERR_OK ||
	    (rc = number(t, "SELECT coalesce(sum(octets), 0) FROM intake",
		 &n->counts.octets, why)) != ERR_OK ||
	    (rc = number(t,
		 "SELECT coalesce((SELECT seq FROM sqlite_sequence"
		 " WHERE name = 'intake'), 0)",
		 &n->last, why)) != ERR_OK)
		return rc;
	t->on_disk = t->now;
	return ERR_OK;
}

enum err
spool_intake_new(struct spool *s, struct spool_intake **out, struct why *why)
{
	struct spool_intake *t = calloc(1, sizeof(*t));
	enum err rc;

	if (t == NULL ||
	    (t->done = malloc(MAX_INTAKE_DONE * INTAKE_DONE_LEN)) == NULL ||
	    secret_new(MAX_INTAKE_PDU, &t->pdu) != ERR_OK) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	t->s = s;
	if ((rc = spool_exec(&s->db, tables, why)) != ERR_OK ||
	    (rc = load(t, why)) != ERR_OK)
		goto out;
	for (unsigned i = 0; i < STATEMENT__MAX; i++)
		if (sqlite3_prepare_v3(s->db.s, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &t->q[i],
			NULL) != SQLITE_OK) {
			rc = spool_damaged(why, sqlite3_errmsg(s->db.s));
			goto out;
		}
	*out = t;
	t = NULL;
	rc = ERR_OK;
out:
	spool_intake_free(&t);
	return rc;
}

void
spool_intake_free(struct spool_intake **tp)
{
	struct spool_intake *t = *tp;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < STATEMENT__MAX; i++)
		sqlite3_finalize(t->q[i]);
	secret_free(&t->pdu);
	free(t->done);
	free(t);
	*tp = NULL;
}

void
spool_intake_end(struct spool_intake *t, bool stored)
{
	if (stored)
		t->on_disk = t->now;
	else
		t->now = t->on_disk;
}

void
spool_intake_count(const struct spool_intake *t,
    struct spool_intake_counts *out)
{
	*out = t->now.counts;
}

uint64_t
spool_intake_number(const struct spool_intake *t)
{
	return t->now.last + 1;
}

/* ---- in the turn ---- */

static void
less(struct spool_intake *t, uint64_t rows, uint64_t octets)
{
	t->now.counts.rows -= rows;
	t->now.counts.octets -= octets;
}

/* One that is there gives way. */
static enum err
replace(struct spool_intake *t, uint64_t number_of, struct why *why)
{
	uint64_t key = 0, octets = 0;
	enum err rc;

	if (number_of > t->now.last)
		return ERR_OK;
	bind_int(t, GET_KEY_OF, 1, number_of);
	if ((rc = row(t, GET_KEY_OF, why)) == ERR_OK) {
		key = column(t, GET_KEY_OF, 0);
		octets = column(t, GET_KEY_OF, 1);
	}
	end(t, GET_KEY_OF);
	if (rc != ERR_OK)
		return rc == ERR_NOTFOUND ? ERR_OK : rc;
	less(t, 1, octets);
	return spool_count_key(t->s, key, -1, why);
}

static struct queue_row
row_of(const struct msg_intake *m, uint64_t key)
{
	return (struct queue_row){.table = QUEUE_INTAKE,
	    .id = m->number,
	    .number = m->call,
	    .sequence = (uint32_t)m->kind,
	    .created = m->came,
	    .key = key};
}

static enum err
put(struct spool_intake *t, const struct msg_intake *m, struct why *why)
{
	struct spool *s = t->s;
	struct queue_row r;
	struct rd sealed;
	enum err rc;

	if ((rc = spool_begin(s, why)) != ERR_OK)
		return rc;
	r = row_of(m, s->key);
	if ((rc = replace(t, m->number, why)) != ERR_OK ||
	    (rc = spool_seal(s, &r, m->pdu, &sealed, why)) != ERR_OK ||
	    (rc = spool_put_key(s, why)) != ERR_OK)
		return rc;
	bind_int(t, PUT, 1, m->number);
	bind_int(t, PUT, 2, m->call);
	bind_int(t, PUT, 3, m->kind);
	(void)sqlite3_bind_int64(t->q[PUT], 4, m->came);
	bind_int(t, PUT, 5, s->key);
	bind_int(t, PUT, 6, sealed.left);
	bind(t, PUT, 7, sealed.p, sealed.left);
	if ((rc = run(t, PUT, why)) != ERR_OK)
		return rc;
	s->changed = true;
	if (m->number > t->now.last)
		t->now.last = m->number;
	t->now.counts.rows++;
	t->now.counts.octets += sealed.left;
	return spool_count_key(t->s, s->key, 1, why);
}

enum err
spool_intake_put(struct spool_intake *t, const struct msg_intake *m,
    struct why *why)
{
	struct why here = {""};
	const enum err rc = put(t, m, &here);

	return rc == ERR_OK ? ERR_OK : spool_broken(t->s, rc, &here, why);
}

/* Rows of one call stand together under few data keys. */
static enum err
drop(struct spool_intake *t, enum statement q, struct why *why)
{
	uint64_t key = 0;
	int64_t n = 0;
	enum err rc;

	while ((rc = row(t, q, why)) == ERR_OK) {
		const uint64_t of = column(t, q, 0);

		less(t, 1, column(t, q, 1));
		if (of != key &&
		    (rc = spool_count_key(t->s, key, n, why)) != ERR_OK)
			break;
		n = of == key ? n - 1 : -1;
		key = of;
	}
	end(t, q);
	return rc == ERR_NOTFOUND ? spool_count_key(t->s, key, n, why) : rc;
}

static enum err
gone(struct spool_intake *t, const struct msg_intake_gone *m, struct why *why)
{
	const enum statement q = m->number == 0 ? DROP_CALL : DROP_ONE;
	enum err rc;

	if ((rc = spool_begin(t->s, why)) != ERR_OK)
		return rc;
	t->s->changed = true;
	bind_int(t, q, 1, m->call);
	if (q == DROP_ONE)
		bind_int(t, q, 2, m->number);
	if ((rc = drop(t, q, why)) != ERR_OK || m->number != 0)
		return rc;
	bind_int(t, DROP_DONE, 1, m->call);
	return run(t, DROP_DONE, why);
}

enum err
spool_intake_gone(struct spool_intake *t, const struct msg_intake_gone *m,
    struct why *why)
{
	struct why here = {""};
	const enum err rc = gone(t, m, &here);

	return rc == ERR_OK ? ERR_OK : spool_broken(t->s, rc, &here, why);
}

enum err
spool_intake_done(struct spool_intake *t, uint64_t call,
    const uint8_t mark[INTAKE_MARK_LEN], uint64_t leg, bool *had,
    struct why *why)
{
	struct why here = {""};
	enum err rc;

	if ((rc = spool_begin(t->s, &here)) == ERR_OK) {
		bind_int(t, PUT_DONE, 1, call);
		bind(t, PUT_DONE, 2, mark, INTAKE_MARK_LEN);
		bind_int(t, PUT_DONE, 3, leg);
		rc = run(t, PUT_DONE, &here);
	}
	if (rc != ERR_OK)
		return spool_broken(t->s, rc, &here, why);
	*had = sqlite3_changes(t->s->db.s) == 0;
	t->s->changed = true;
	return ERR_OK;
}

/* ---- what goes back ---- */

/* With the first row of a call: what is done of it. */
static enum err
read_done(struct spool_intake *t, struct msg_intake_back *out, struct why *why)
{
	struct wr w;
	enum err rc;

	bind_int(t, IS_FIRST, 1, out->it.call);
	bind_int(t, IS_FIRST, 2, out->it.number);
	rc = row(t, IS_FIRST, why);
	end(t, IS_FIRST);
	if (rc != ERR_NOTFOUND)
		return rc;
	wr_init(&w, t->done, MAX_INTAKE_DONE * INTAKE_DONE_LEN);
	bind_int(t, EACH_DONE, 1, out->it.call);
	bind_int(t, EACH_DONE, 2, MAX_INTAKE_DONE);
	while ((rc = row(t, EACH_DONE, why)) == ERR_OK) {
		struct intake_done d = {.leg = column(t, EACH_DONE, 1)};

		if (sqlite3_column_bytes(t->q[EACH_DONE], 0) !=
		    INTAKE_MARK_LEN) {
			rc = spool_damaged(why, "the journal");
			break;
		}
		memcpy(d.mark, sqlite3_column_blob(t->q[EACH_DONE], 0),
		    INTAKE_MARK_LEN);
		intake_done_put(&w, &d);
		out->n_done++;
	}
	end(t, EACH_DONE);
	rd_init(&out->done, t->done, w.len);
	return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static enum err
open_row(struct spool_intake *t, int64_t now_ms, struct msg_intake_back *out,
    uint64_t *key, struct why *why)
{
	const uint64_t kind = column(t, NEXT, 2);
	const uint8_t *octets;
	struct queue_row r;
	struct rd sealed;
	size_t len = 0;
	enum err rc;

	*key = column(t, NEXT, 4);
	if (kind >= INTAKE__MAX)
		return why_set(why, ERR_CRYPTO, "spool: a kind that is none");
	out->it.kind = (enum intake_kind)kind;
	out->it.came = sqlite3_column_int64(t->q[NEXT], 3);
	if (spool_key_is_lost(t->s, *key))
		return why_set(why, ERR_CRYPTO, "spool: its data key is lost");
	if ((octets = spool_key(t->s, *key, now_ms)) == NULL)
		return ERR_AGAIN;
	r = row_of(&out->it, *key);
	rd_init(&sealed, sqlite3_column_blob(t->q[NEXT], 5),
	    (size_t)sqlite3_column_bytes(t->q[NEXT], 5));
	rc = queue_open(octets, &r, sealed, secret_data(t->pdu),
	    secret_len(t->pdu), &len);
	if (rc == ERR_NOMEM)
		return why_set(why, rc, "out of memory");
	if (rc != ERR_OK)
		return why_set(why, ERR_CRYPTO, "spool: it does not open");
	rd_init(&out->it.pdu, secret_data(t->pdu), len);
	return ERR_OK;
}

enum err
spool_intake_read(struct spool_intake *t, uint64_t after, int64_t now_ms,
    struct msg_intake_back *out, uint64_t *key, struct msg_intake_gone *bad,
    struct why *why)
{
	enum err rc;

	*out = (struct msg_intake_back){.n_done = 0};
	bind_int(t, NEXT, 1, after);
	if ((rc = row(t, NEXT, why)) == ERR_OK) {
		out->it.number = column(t, NEXT, 0);
		out->it.call = column(t, NEXT, 1);
		*bad =
		    (struct msg_intake_gone){0, out->it.call, out->it.number};
		rc = open_row(t, now_ms, out, key, why);
	}
	end(t, NEXT);
	if (rc == ERR_NOTFOUND) /* what was read last is needed no longer */
		explicit_bzero(secret_data(t->pdu), secret_len(t->pdu));
	return rc == ERR_OK ? read_done(t, out, why) : rc;
}
