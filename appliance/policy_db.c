#include <sqlite3.h>
#include <stdlib.h>

#include "appliance/policy_db.h"

#define SCHEMA_VERSION 1

struct db {
	sqlite3 *s;
};

static enum err
fail(const struct db *d, struct why *why, const char *doing)
{
	const int code = sqlite3_errcode(d->s);

	return why_set(why,
	    code == SQLITE_FULL		? ERR_FULL
		: code == SQLITE_NOTADB ? ERR_MALFORMED
					: ERR_IO,
	    "registry database: %s: %s", doing, sqlite3_errmsg(d->s));
}

static enum err
run(struct db *d, const char *sql, struct why *why)
{
	return sqlite3_exec(d->s, sql, NULL, NULL, NULL) == SQLITE_OK
	    ? ERR_OK
	    : fail(d, why, "setting up");
}

static enum err
check_version(struct db *d, struct why *why)
{
	sqlite3_stmt *q = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(d->s, "PRAGMA user_version", -1, &q, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		v = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	if (v == SCHEMA_VERSION)
		return ERR_OK;
	if (v == -1)
		return fail(d, why, "reading");
	if (v != 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "registry database: version %d, this program knows %d", v,
		    SCHEMA_VERSION);
	return run(d,
	    "BEGIN;"
	    "CREATE TABLE warrants (id BLOB PRIMARY KEY, cms BLOB NOT NULL,"
	    " entered INTEGER NOT NULL, revocation BLOB,"
	    " logged INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	    "CREATE TABLE subscribers (identity BLOB PRIMARY KEY,"
	    " record BLOB NOT NULL) WITHOUT ROWID;"
	    "PRAGMA user_version = 1;"
	    "COMMIT",
	    why);
}

enum err
db_open(const char *path, struct db **out, struct why *why)
{
	struct db *d = calloc(1, sizeof(*d));
	enum err rc;

	if (d == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if (sqlite3_open_v2(path, &d->s,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK) {
		rc = why_set(why, ERR_IO, "registry database %s: %s", path,
		    sqlite3_errmsg(d->s));
		goto out;
	}
	/* One process, so no shared memory; on disk before we go on. */
	if ((rc = run(d,
		 "PRAGMA locking_mode = EXCLUSIVE;"
		 "PRAGMA journal_mode = TRUNCATE;"
		 "PRAGMA synchronous = EXTRA;"
		 "PRAGMA temp_store = MEMORY;"
		 "PRAGMA trusted_schema = OFF",
		 why)) != ERR_OK)
		goto out;
	rc = check_version(d, why);
out:
	if (rc != ERR_OK)
		db_close(&d);
	else
		*out = d;
	return rc;
}

void
db_close(struct db **dp)
{
	if (*dp == NULL)
		return;
	sqlite3_close((*dp)->s);
	free(*dp);
	*dp = NULL;
}

static struct rd
blob(sqlite3_stmt *q, int column)
{
	const void *p = sqlite3_column_blob(q, column);
	struct rd r;

	rd_init(&r, p, (size_t)sqlite3_column_bytes(q, column));
	return r;
}

enum err
db_each_warrant(struct db *d, void (*fn)(void *ctx, const struct db_warrant *),
    void *ctx, struct why *why)
{
	sqlite3_stmt *q = NULL;
	struct db_warrant w;
	int step = SQLITE_ERROR;

	if (sqlite3_prepare_v2(d->s,
		"SELECT cms, entered, revocation, logged FROM warrants", -1, &q,
		NULL) == SQLITE_OK)
		while ((step = sqlite3_step(q)) == SQLITE_ROW) {
			w.cms = blob(q, 0);
			w.entered = sqlite3_column_int64(q, 1);
			w.revocation = blob(q, 2);
			w.revocation_logged = sqlite3_column_int(q, 3) != 0;
			fn(ctx, &w);
		}
	sqlite3_finalize(q);
	return step == SQLITE_DONE ? ERR_OK : fail(d, why, "reading warrants");
}

enum err
db_each_subscriber(struct db *d, void (*fn)(void *ctx, struct rd record),
    void *ctx, struct why *why)
{
	sqlite3_stmt *q = NULL;
	int step = SQLITE_ERROR;

	if (sqlite3_prepare_v2(d->s, "SELECT record FROM subscribers", -1, &q,
		NULL) == SQLITE_OK)
		while ((step = sqlite3_step(q)) == SQLITE_ROW)
			fn(ctx, blob(q, 0));
	sqlite3_finalize(q);
	return step == SQLITE_DONE ? ERR_OK
				   : fail(d, why, "reading subscribers");
}

/* One statement with up to four parameters: views, then integers. */
static enum err
change(struct db *d, const char *sql, const struct rd *views, int n_views,
    const int64_t *ints, int n_ints, struct why *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(d->s, sql, -1, &q, NULL);

	for (int i = 0; i < n_views && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_blob(q, i + 1, views[i].p, (int)views[i].left,
		    SQLITE_STATIC);
	for (int i = 0; i < n_ints && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_int64(q, n_views + i + 1, ints[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc != SQLITE_DONE) {
		const enum err e = fail(d, why, "writing");

		sqlite3_finalize(q);
		return e;
	}
	sqlite3_finalize(q);
	return ERR_OK;
}

enum err
db_add_warrant(struct db *d, const uint8_t id[WARRANT_ID_LEN], struct rd cms,
    int64_t entered, struct why *why)
{
	struct rd v[2];

	rd_init(&v[0], id, WARRANT_ID_LEN);
	v[1] = cms;
	return change(d,
	    "INSERT INTO warrants (id, cms, entered) VALUES (?, ?, ?)", v, 2,
	    &entered, 1, why);
}

enum err
db_revoke(struct db *d, const uint8_t id[WARRANT_ID_LEN], struct rd revocation,
    bool logged, struct why *why)
{
	const int64_t l = logged ? 1 : 0;
	struct rd v[2];

	v[0] = revocation;
	rd_init(&v[1], id, WARRANT_ID_LEN);
	return change(d,
	    "UPDATE warrants SET revocation = ?1, logged = ?3 WHERE id = ?2", v,
	    2, &l, 1, why);
}

enum err
db_put_subscriber(struct db *d, struct rd identity, struct rd record,
    struct why *why)
{
	const struct rd v[2] = {identity, record};

	return change(d,
	    "INSERT INTO subscribers (identity, record) VALUES (?, ?)", v, 2,
	    NULL, 0, why);
}

enum err
db_delete_subscriber(struct db *d, struct rd identity, struct why *why)
{
	return change(d, "DELETE FROM subscribers WHERE identity = ?",
	    &identity, 1, NULL, 0, why);
}
