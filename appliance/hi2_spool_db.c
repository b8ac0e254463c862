#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool_db.h"

/* The file grows by so much at once, and so many pages wait in the log. */
#define GROW_OCTETS (4 * 1024 * 1024)
#define LOG_PAGES 1000

static const char *const sql[SPOOL_STATEMENT__MAX] = {
    [SPOOL_BEGIN] = "BEGIN IMMEDIATE",
    [SPOOL_COMMIT] = "COMMIT",
    [SPOOL_ROLLBACK] = "ROLLBACK",
    [SPOOL_GET_PAGES] = "PRAGMA page_count",
    [SPOOL_GET_SPOOL] = "SELECT home, life, since FROM spool",
    [SPOOL_SET_LIFE] = "UPDATE spool SET home = ?, life = ?, since = ?",
    [SPOOL_GET_LAST_KEY] = "SELECT seq FROM sqlite_sequence WHERE name ="
			   " 'keys'",
    [SPOOL_EACH_LEMF] = "SELECT id, name, next, records, octets, delivered,"
			" dropped, damaged FROM lemfs ORDER BY id",
    [SPOOL_SET_LEMF] =
	"INSERT INTO lemfs (id, name, next, records, octets,"
	" delivered, dropped, damaged)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
	" ON CONFLICT (id) DO UPDATE SET next = ?3, records = ?4,"
	" octets = ?5, delivered = ?6, dropped = ?7,"
	" damaged = ?8",
    [SPOOL_PUT_KEY] = "INSERT INTO keys (id, wrapped, records)"
		      " VALUES (?, ?, 0)",
    [SPOOL_GET_KEY] = "SELECT wrapped FROM keys WHERE id = ?",
    [SPOOL_COUNT_KEY] = "UPDATE keys SET records = records + ?2 WHERE id = ?1",
    [SPOOL_DROP_KEYS] = "DELETE FROM keys WHERE records = 0",
    [SPOOL_GET_SEQUENCE] = "SELECT id, next, used, life FROM sequences"
			   " WHERE lemf = ? AND liid = ? AND cin = ?",
    [SPOOL_PUT_SEQUENCE] = "INSERT INTO sequences (lemf, liid, cin, next, used,"
			   " life) VALUES (?, ?, ?, ?, ?, ?)",
    [SPOOL_SET_SEQUENCE] = "UPDATE sequences SET next = ?2, life = ?3"
			   " WHERE id = ?1",
    /* Apart, since it moves an entry of an index. */
    [SPOOL_SET_SEQUENCE_DAY] = "UPDATE sequences SET used = ?2 WHERE id = ?1",
    [SPOOL_DROP_SEQUENCES] = "DELETE FROM sequences WHERE id IN (SELECT id"
			     " FROM sequences WHERE used < ? LIMIT ?)",
    [SPOOL_PUT_RECORD] = "INSERT INTO records (place, id, liid, cin, sequence,"
			 " created, key, sealed) VALUES (?, 0, ?, ?, ?, ?, ?,"
			 " ?)",
    [SPOOL_EACH_RECORD] = "SELECT place, id, liid, cin, sequence, created, key,"
			  " sealed FROM records WHERE place BETWEEN ? AND ?"
			  " ORDER BY place LIMIT ?",
    [SPOOL_MEASURE] = "SELECT place, created, key, length(sealed)"
		      " FROM records WHERE place BETWEEN ? AND ?"
		      " ORDER BY place LIMIT ?",
    [SPOOL_PUT_ASIDE] = "INSERT INTO aside SELECT * FROM records"
			" WHERE place BETWEEN ? AND ?",
    [SPOOL_DROP_RECORDS] = "DELETE FROM records WHERE place BETWEEN ? AND ?",
};

enum err
spool_damaged(struct why *why, const char *what)
{
	return why_set(why, ERR_MALFORMED,
	    "spool: damaged, or none: %s: " SPOOL_ASIDE, what);
}

enum err
spool_fail(const struct spool_db *d, struct why *why, const char *doing)
{
	const int code = sqlite3_errcode(d->s);
	const int sys = sqlite3_system_errno(d->s);
	enum err rc = ERR_IO;

	if (code == SQLITE_FULL ||
	    (code == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT)))
		rc = ERR_FULL;
	else if (code == SQLITE_NOMEM)
		rc = ERR_NOMEM;
	else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
	    code == SQLITE_CONSTRAINT)
		rc = ERR_MALFORMED;
	return rc == ERR_MALFORMED
	    ? spool_damaged(why, sqlite3_errmsg(d->s))
	    : why_set(why, rc, "spool: %s: %s", doing, sqlite3_errmsg(d->s));
}

/* ---- statements ---- */

void
spool_bind(struct spool_db *d, enum spool_statement s, int i, struct rd v)
{
	(void)sqlite3_bind_blob(d->q[s], i, v.left > 0 ? (const void *)v.p : "",
	    (int)v.left, SQLITE_STATIC);
}

void
spool_bind_int(struct spool_db *d, enum spool_statement s, int i, int64_t v)
{
	(void)sqlite3_bind_int64(d->q[s], i, v);
}

struct rd
spool_octets(struct spool_db *d, enum spool_statement s, int column)
{
	const void *p = sqlite3_column_blob(d->q[s], column);
	struct rd r;

	rd_init(&r, p, (size_t)sqlite3_column_bytes(d->q[s], column));
	return r;
}

int64_t
spool_int(struct spool_db *d, enum spool_statement s, int column)
{
	return sqlite3_column_int64(d->q[s], column);
}

enum err
spool_row(struct spool_db *d, enum spool_statement s, struct why *why)
{
	const int step = sqlite3_step(d->q[s]);

	if (step == SQLITE_ROW)
		return ERR_OK;
	return step == SQLITE_DONE ? ERR_NOTFOUND
				   : spool_fail(d, why, "reading");
}

void
spool_end(struct spool_db *d, enum spool_statement s)
{
	(void)sqlite3_reset(d->q[s]);
	(void)sqlite3_clear_bindings(d->q[s]);
}

enum err
spool_run(struct spool_db *d, enum spool_statement s, struct why *why)
{
	const enum err rc = sqlite3_step(d->q[s]) == SQLITE_DONE
	    ? ERR_OK
	    : spool_fail(d, why, "writing");

	spool_end(d, s);
	return rc;
}

/* ---- texts ---- */

enum err
spool_exec(struct spool_db *d, const char *text, struct why *why)
{
	return sqlite3_exec(d->s, text, NULL, NULL, NULL) == SQLITE_OK
	    ? ERR_OK
	    : spool_fail(d, why, "setting up");
}

enum err
spool_number(struct spool_db *d, const char *text, int64_t *out,
    struct why *why)
{
	sqlite3_stmt *q = NULL;
	enum err rc = ERR_OK;

	if (sqlite3_prepare_v2(d->s, text, -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		rc = spool_fail(d, why, "reading");
	else
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return rc;
}

/* ---- the log ---- */

static int
on_commit(void *ctx, sqlite3 *s, const char *name, int pages)
{
	struct spool_db *d = ctx;

	(void)s;
	(void)name;
	d->in_log = pages;
	return SQLITE_OK;
}

/*
 * One process, so no shared memory: EXCLUSIVE stands before WAL.  FULL: the
 * log is synced at each commit.  16 MiB of pages stay in memory, so that a
 * large turn is written once.  What is in the log moves to its places between
 * turns, 4 MiB at a time, so that none waits long for it (bench/bench_spool.c);
 * the log's file keeps its size, as writing over what is there is much faster
 * than growing.
 */
static enum err
write_ahead(struct spool_db *d, struct why *why)
{
	int chunk = GROW_OCTETS;
	sqlite3_stmt *q = NULL;
	bool wal = false;

	if (sqlite3_prepare_v2(d->s, "PRAGMA journal_mode = WAL", -1, &q,
		NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		wal = sqlite3_stricmp((const char *)sqlite3_column_text(q, 0),
			  "wal") == 0;
	sqlite3_finalize(q);
	if (!wal)
		return spool_fail(d, why, "no write-ahead log");
	(void)sqlite3_wal_hook(d->s, on_commit, d);
	(void)sqlite3_file_control(d->s, "main", SQLITE_FCNTL_CHUNK_SIZE,
	    &chunk);
	return spool_exec(d,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA cache_size = -16384;"
	    "PRAGMA journal_size_limit = 67108864;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA secure_delete = OFF;" /* all of it is sealed */
	    "PRAGMA trusted_schema = OFF",
	    why);
}

enum err
spool_db_grow(struct spool_db *d, struct why *why)
{
	sqlite3_int64 need = 0;
	int sys = 0;
	enum err rc;

	if ((rc = spool_row(d, SPOOL_GET_PAGES, why)) == ERR_OK)
		need = spool_int(d, SPOOL_GET_PAGES, 0) * d->page;
	spool_end(d, SPOOL_GET_PAGES);
	if (rc != ERR_OK || need <= d->grown)
		return rc;
	if (sqlite3_file_control(d->s, "main", SQLITE_FCNTL_SIZE_HINT, &need) !=
	    SQLITE_OK) {
		(void)sqlite3_file_control(d->s, "main",
		    SQLITE_FCNTL_LAST_ERRNO, &sys);
		return why_set(why,
		    sys == ENOSPC || sys == EDQUOT ? ERR_FULL : ERR_IO,
		    "spool: the file cannot grow: %s", strerror(sys));
	}
	d->grown = (need + GROW_OCTETS - 1) / GROW_OCTETS * GROW_OCTETS;
	return ERR_OK;
}

void
spool_db_tidy(struct spool_db *d)
{
	if (d->in_log >= LOG_PAGES &&
	    sqlite3_wal_checkpoint_v2(d->s, "main", SQLITE_CHECKPOINT_PASSIVE,
		NULL, NULL) == SQLITE_OK)
		d->in_log = 0;
}

void
spool_db_tidy_next(struct spool_db *d)
{
	d->in_log = LOG_PAGES;
}

/* ---- opening ---- */

enum err
spool_db_create(struct spool_db *d, const char *path, struct why *why)
{
	if (sqlite3_open_v2(path, &d->s,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		return why_set(why, ERR_IO, "spool %s: %s", path,
		    sqlite3_errmsg(d->s));
	return spool_exec(d, "PRAGMA locking_mode = EXCLUSIVE", why);
}

enum err
spool_db_open(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	enum err rc;

	if ((rc = spool_schema_check(d, o, why)) != ERR_OK ||
	    (rc = write_ahead(d, why)) != ERR_OK ||
	    (rc = spool_schema_make(d, o, why)) != ERR_OK ||
	    (rc = spool_number(d, "PRAGMA page_size", &d->page, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < SPOOL_STATEMENT__MAX; i++)
		if (sqlite3_prepare_v3(d->s, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &d->q[i], NULL) != SQLITE_OK)
			return spool_damaged(why, sqlite3_errmsg(d->s));
	return ERR_OK;
}

void
spool_db_close(struct spool_db *d)
{
	for (unsigned i = 0; i < SPOOL_STATEMENT__MAX; i++)
		sqlite3_finalize(d->q[i]);
	sqlite3_close(d->s);
	*d = (struct spool_db){.s = NULL};
}
