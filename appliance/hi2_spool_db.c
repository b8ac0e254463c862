#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_spool_db.h"

#define APPLICATION_ID 0x4b575351 /* "KWSQ" */
#define SCHEMA_VERSION 1

#define ASIDE "deliver what waits in it, or move the file away"

static const char *const sql[SPOOL_STATEMENT__MAX] = {
    [SPOOL_BEGIN] = "BEGIN IMMEDIATE",
    [SPOOL_COMMIT] = "COMMIT",
    [SPOOL_ROLLBACK] = "ROLLBACK",
    [SPOOL_GET_KMS] = "SELECT kms FROM spool",
    [SPOOL_GET_LAST] = "SELECT seq FROM sqlite_sequence WHERE name ="
		       " CAST(? AS TEXT)",
    [SPOOL_EACH_LEMF] = "SELECT id, name, next, records, octets FROM lemfs"
			" ORDER BY id",
    [SPOOL_SET_LEMF] = "INSERT OR REPLACE INTO lemfs (id, name, next, records,"
		       " octets) VALUES (?, ?, ?, ?, ?)",
    [SPOOL_PUT_KEY] = "INSERT INTO keys (id, wrapped, records)"
		      " VALUES (?, ?, 0)",
    [SPOOL_COUNT_KEY] = "UPDATE keys SET records = records + ?2 WHERE id = ?1",
    [SPOOL_DROP_KEYS] = "DELETE FROM keys WHERE records = 0",
    [SPOOL_GET_SEQUENCE] = "SELECT id, next, used FROM sequences"
			   " WHERE lemf = ? AND liid = ? AND cin = ?",
    [SPOOL_PUT_SEQUENCE] = "INSERT INTO sequences (lemf, liid, cin, next, used)"
			   " VALUES (?, ?, ?, 1, ?)",
    [SPOOL_SET_SEQUENCE] = "UPDATE sequences SET next = ?2 WHERE id = ?1",
    /* Apart, since it moves an entry of an index. */
    [SPOOL_SET_SEQUENCE_DAY] = "UPDATE sequences SET used = ?2 WHERE id = ?1",
    [SPOOL_DROP_SEQUENCES] = "DELETE FROM sequences WHERE id IN (SELECT id"
			     " FROM sequences WHERE used < ? LIMIT ?)",
    [SPOOL_PUT_RECORD] = "INSERT INTO records (id, lemf, number, liid, cin,"
			 " sequence, created, key, sealed)"
			 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

/* AUTOINCREMENT: an id is never given twice, not even that of a row gone. */
static const char schema[] =
    "CREATE TABLE spool (kms BLOB NOT NULL);"
    "CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " wrapped BLOB NOT NULL, records INTEGER NOT NULL);"
    "CREATE TABLE lemfs (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " next INTEGER NOT NULL, records INTEGER NOT NULL,"
    " octets INTEGER NOT NULL);"
    "CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " lemf INTEGER NOT NULL, number INTEGER NOT NULL, liid BLOB NOT NULL,"
    " cin INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " created INTEGER NOT NULL, key INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " UNIQUE (lemf, number));"
    "CREATE TABLE sequences (id INTEGER PRIMARY KEY, lemf INTEGER NOT NULL,"
    " liid BLOB NOT NULL, cin INTEGER NOT NULL, next INTEGER NOT NULL,"
    " used INTEGER NOT NULL, UNIQUE (lemf, liid, cin));"
    "CREATE INDEX sequences_used ON sequences (used);"
    "PRAGMA application_id = 0x4b575351;"
    "PRAGMA user_version = 1;";

enum err
spool_damaged(struct why *why, const char *what)
{
	return why_set(why, ERR_MALFORMED,
	    "spool: damaged, or none: %s: " ASIDE, what);
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

/* ---- opening ---- */

static enum err
exec(struct spool_db *d, const char *text, struct why *why)
{
	return sqlite3_exec(d->s, text, NULL, NULL, NULL) == SQLITE_OK
	    ? ERR_OK
	    : spool_fail(d, why, "setting up");
}

/* The one number that a statement gives. */
static enum err
number(struct spool_db *d, const char *text, int64_t *out, struct why *why)
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

/* Before anything is written: another's database is left as it is. */
static enum err
look(struct spool_db *d, bool *empty, struct why *why)
{
	int64_t id = 0, version = 0, tables = 0;
	enum err rc;

	if ((rc = number(d, "PRAGMA application_id", &id, why)) != ERR_OK ||
	    (rc = number(d, "PRAGMA user_version", &version, why)) != ERR_OK ||
	    (rc = number(d, "SELECT count(*) FROM sqlite_schema", &tables,
		 why)) != ERR_OK)
		return rc;
	*empty = id == 0 && version == 0 && tables == 0;
	if (*empty)
		return ERR_OK;
	if (id != APPLICATION_ID)
		return why_set(why, ERR_MALFORMED,
		    "spool: the file is another program's database: name "
		    "another file, or move it away");
	if (version != SCHEMA_VERSION)
		return why_set(why, ERR_MALFORMED,
		    "spool: version %lld, this program knows %d: " ASIDE,
		    (long long)version, SCHEMA_VERSION);
	return ERR_OK;
}

/*
 * One process, so no shared memory: EXCLUSIVE stands before WAL.  FULL: the
 * log is synced at each commit.  16 MiB of pages stay in memory, so that a
 * large turn is written once, and as many go into the log before they are
 * moved to their places, for which a turn waits (bench/bench_spool.c).
 */
static enum err
write_ahead(struct spool_db *d, struct why *why)
{
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
	return exec(d,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA wal_autocheckpoint = 4000;"
	    "PRAGMA cache_size = -16384;"
	    "PRAGMA journal_size_limit = 67108864;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA trusted_schema = OFF",
	    why);
}

static enum err
make(struct spool_db *d, const uint8_t kms[QUEUE_DIGEST_LEN], struct why *why)
{
	sqlite3_stmt *q = NULL;
	struct why unheard;
	enum err rc;

	if ((rc = exec(d, "BEGIN IMMEDIATE", why)) != ERR_OK)
		return rc;
	rc = exec(d, schema, why);
	if (rc == ERR_OK &&
	    (sqlite3_prepare_v2(d->s, "INSERT INTO spool (kms) VALUES (?)", -1,
		 &q, NULL) != SQLITE_OK ||
		sqlite3_bind_blob(q, 1, kms, QUEUE_DIGEST_LEN, SQLITE_STATIC) !=
		    SQLITE_OK ||
		sqlite3_step(q) != SQLITE_DONE))
		rc = spool_fail(d, why, "setting up");
	sqlite3_finalize(q);
	if (rc == ERR_OK)
		rc = exec(d, "COMMIT", why);
	if (rc != ERR_OK && !sqlite3_get_autocommit(d->s))
		(void)(exec(d, "ROLLBACK", &unheard) == ERR_OK);
	return rc;
}

static enum err
check_kms(struct spool_db *d, const uint8_t kms[QUEUE_DIGEST_LEN],
    struct why *why)
{
	struct rd had;
	enum err rc = spool_row(d, SPOOL_GET_KMS, why);

	if (rc == ERR_NOTFOUND)
		rc = spool_damaged(why, "it does not say whose it is");
	else if (rc == ERR_OK) {
		had = spool_octets(d, SPOOL_GET_KMS, 0);
		if (!rd_is(&had, kms, QUEUE_DIGEST_LEN))
			rc = why_set(why, ERR_MALFORMED,
			    "spool: it belongs to another KMS state: " ASIDE);
	}
	spool_end(d, SPOOL_GET_KMS);
	return rc;
}

enum err
spool_db_open(struct spool_db *d, const char *path,
    const uint8_t kms[QUEUE_DIGEST_LEN], struct why *why)
{
	bool empty = false;
	enum err rc;

	if (sqlite3_open_v2(path, &d->s,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		return why_set(why, ERR_IO, "spool %s: %s", path,
		    sqlite3_errmsg(d->s));
	if ((rc = exec(d, "PRAGMA locking_mode = EXCLUSIVE", why)) != ERR_OK ||
	    (rc = look(d, &empty, why)) != ERR_OK ||
	    (rc = write_ahead(d, why)) != ERR_OK)
		return rc;
	if (empty && (rc = make(d, kms, why)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < SPOOL_STATEMENT__MAX; i++)
		if (sqlite3_prepare_v3(d->s, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &d->q[i], NULL) != SQLITE_OK)
			return spool_damaged(why, sqlite3_errmsg(d->s));
	return check_kms(d, kms, why);
}

void
spool_db_close(struct spool_db *d)
{
	for (unsigned i = 0; i < SPOOL_STATEMENT__MAX; i++)
		sqlite3_finalize(d->q[i]);
	sqlite3_close(d->s);
	*d = (struct spool_db){.s = NULL};
}
