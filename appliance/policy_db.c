#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_db.h"

#define SCHEMA_VERSION 2

enum statement {
	EACH_CHANGE,
	READ_CHANGE,
	ADD_CHANGE,
	DATE_CHANGE,
	CONFIRM_CHANGE,
	LOG_CHANGE,
	DROP_CHANGE,
	MOVE_UP,
	EACH_REQUEST,
	PUT_REQUEST,
	DROP_REQUEST,
	EACH_SUBSCRIBER,
	PUT_SUBSCRIBER,
	DROP_SUBSCRIBER,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENT__MAX
};

static const char *const sql[STATEMENT__MAX] = {
    [EACH_CHANGE] = "SELECT number, time, kind, hash, request, confirmed,"
		    " logged, CASE WHEN confirmed THEN x'' ELSE evidence END"
		    " FROM changes WHERE number >= ? ORDER BY number",
    [READ_CHANGE] = "SELECT request, evidence FROM changes WHERE number = ?",
    [ADD_CHANGE] = "INSERT INTO changes (number, time, kind, hash, request,"
		   " evidence) VALUES (?, ?, ?, ?, ?, ?)",
    [DATE_CHANGE] = "UPDATE changes SET time = ?2"
		    " WHERE number = ?1 AND confirmed = 0",
    [CONFIRM_CHANGE] = "UPDATE changes SET confirmed = 1, logged = ?2"
		       " WHERE number = ?1",
    [LOG_CHANGE] = "UPDATE changes SET logged = 1 WHERE number = ?",
    [DROP_CHANGE] = "DELETE FROM changes WHERE number = ? AND confirmed = 0",
    [MOVE_UP] = "UPDATE changes SET number = number - 1"
		" WHERE number > ? AND confirmed = 0",
    [EACH_REQUEST] = "SELECT hash, request, evidence, entered FROM requests"
		     " ORDER BY entered, hash",
    [PUT_REQUEST] = "INSERT OR REPLACE INTO requests (hash, request, evidence,"
		    " entered) VALUES (?, ?, ?, ?)",
    [DROP_REQUEST] = "DELETE FROM requests WHERE hash = ?",
    [EACH_SUBSCRIBER] = "SELECT record FROM subscribers",
    [PUT_SUBSCRIBER] = "INSERT OR REPLACE INTO subscribers (identity, number,"
		       " record) VALUES (?, ?, ?)",
    [DROP_SUBSCRIBER] = "DELETE FROM subscribers WHERE identity = ?",
    [BEGIN] = "BEGIN",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

struct db {
	sqlite3 *s;
	sqlite3_stmt *q[STATEMENT__MAX];
};

static enum err
fail(const struct db *d, struct why *why, const char *doing)
{
	const int code = sqlite3_errcode(d->s);

	return why_set(why,
	    code == SQLITE_FULL		    ? ERR_FULL
		: code == SQLITE_NOTADB	    ? ERR_MALFORMED
		: code == SQLITE_CONSTRAINT ? ERR_EXISTS
					    : ERR_IO,
	    "registry database: %s: %s", doing, sqlite3_errmsg(d->s));
}

/* ---- opening ---- */

static enum err
run(struct db *d, const char *text, struct why *why)
{
	return sqlite3_exec(d->s, text, NULL, NULL, NULL) == SQLITE_OK
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
	    "CREATE TABLE changes (number INTEGER PRIMARY KEY,"
	    " time INTEGER NOT NULL, kind INTEGER NOT NULL,"
	    " confirmed INTEGER NOT NULL DEFAULT 0,"
	    " logged INTEGER NOT NULL DEFAULT 0, hash BLOB NOT NULL,"
	    " request BLOB NOT NULL, evidence BLOB NOT NULL);"
	    "CREATE TABLE requests (hash BLOB PRIMARY KEY,"
	    " entered INTEGER NOT NULL, request BLOB NOT NULL,"
	    " evidence BLOB NOT NULL) WITHOUT ROWID;"
	    "CREATE TABLE subscribers (identity BLOB PRIMARY KEY,"
	    " number INTEGER NOT NULL, record BLOB NOT NULL) WITHOUT ROWID;"
	    "PRAGMA user_version = 2;"
	    "COMMIT",
	    why);
}

static enum err
prepare(struct db *d, struct why *why)
{
	for (unsigned i = 0; i < STATEMENT__MAX; i++)
		if (sqlite3_prepare_v3(d->s, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &d->q[i], NULL) != SQLITE_OK)
			return fail(d, why, "not one of ours");
	return ERR_OK;
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
		 why)) == ERR_OK &&
	    (rc = check_version(d, why)) == ERR_OK)
		rc = prepare(d, why);
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
	for (unsigned i = 0; i < STATEMENT__MAX; i++)
		sqlite3_finalize((*dp)->q[i]);
	sqlite3_close((*dp)->s);
	free(*dp);
	*dp = NULL;
}

/* ---- statements ---- */

static struct rd
blob(sqlite3_stmt *q, int column)
{
	const void *p = sqlite3_column_blob(q, column);
	struct rd r;

	rd_init(&r, p, (size_t)sqlite3_column_bytes(q, column));
	return r;
}

/* Views live until the statement has run; an empty one is no NULL. */
static void
bind(sqlite3_stmt *q, int i, struct rd v)
{
	(void)sqlite3_bind_blob(q, i, v.left > 0 ? (const void *)v.p : "",
	    (int)v.left, SQLITE_STATIC);
}

static void
bind_int(sqlite3_stmt *q, int i, int64_t v)
{
	(void)sqlite3_bind_int64(q, i, v);
}

/* What is bound does not outlive the statement's run. */
static void
end(sqlite3_stmt *q)
{
	(void)sqlite3_reset(q);
	(void)sqlite3_clear_bindings(q);
}

static enum err
write_it(struct db *d, enum statement s, struct why *why)
{
	const enum err rc = sqlite3_step(d->q[s]) == SQLITE_DONE
	    ? ERR_OK
	    : fail(d, why, "writing");

	end(d->q[s]);
	return rc;
}

static enum err
write_number(struct db *d, enum statement s, uint64_t number, struct why *why)
{
	bind_int(d->q[s], 1, (int64_t)number);
	return write_it(d, s, why);
}

static enum err
write_hash(struct db *d, enum statement s, const uint8_t hash[DIGEST_LEN],
    struct why *why)
{
	struct rd h;

	rd_init(&h, hash, DIGEST_LEN);
	bind(d->q[s], 1, h);
	return write_it(d, s, why);
}

/* A failure inside leaves all as it was. */
static enum err
finish(struct db *d, enum err rc, struct why *why)
{
	struct why unheard;

	if (rc == ERR_OK)
		rc = write_it(d, COMMIT, why);
	if (rc != ERR_OK && !sqlite3_get_autocommit(d->s))
		(void)(write_it(d, ROLLBACK, &unheard) == ERR_OK);
	return rc;
}

/* ---- changes ---- */

/* ERR_MALFORMED: no change of ours. */
static enum err
get_change(sqlite3_stmt *q, struct db_change *out)
{
	const int64_t number = sqlite3_column_int64(q, 0);
	const int kind = sqlite3_column_int(q, 2);
	const struct rd hash = blob(q, 3);

	if (number < 1 || number > MAX_CHANGES || kind < 0 ||
	    kind >= REQUEST__MAX || hash.left != DIGEST_LEN)
		return ERR_MALFORMED;
	*out = (struct db_change){.confirmed = sqlite3_column_int(q, 5) != 0,
	    .logged = sqlite3_column_int(q, 6) != 0};
	out->c.number = (uint64_t)number;
	out->c.time = sqlite3_column_int64(q, 1);
	out->c.kind = (enum request_kind)kind;
	memcpy(out->c.hash, hash.p, DIGEST_LEN);
	out->c.request = blob(q, 4);
	out->c.evidence = blob(q, 7);
	return ERR_OK;
}

enum err
db_each_change(struct db *d, uint64_t from,
    bool (*fn)(void *ctx, const struct db_change *), void *ctx, struct why *why)
{
	sqlite3_stmt *q = d->q[EACH_CHANGE];
	struct db_change c;
	enum err rc = ERR_OK;
	bool more = true;
	int step = SQLITE_ROW;

	bind_int(q, 1, (int64_t)from);
	while (more && rc == ERR_OK && (step = sqlite3_step(q)) == SQLITE_ROW) {
		if ((rc = get_change(q, &c)) == ERR_OK)
			more = fn(ctx, &c);
		else
			(void)why_set(why, rc,
			    "registry database: a change that is none");
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		rc = fail(d, why, "reading changes");
	end(q);
	return rc;
}

enum err
db_read_change(struct db *d, uint64_t number, struct db_octets *out,
    struct why *why)
{
	sqlite3_stmt *q = d->q[READ_CHANGE];
	struct rd request, evidence;
	enum err rc = ERR_OK;
	uint8_t *p;
	int step;

	bind_int(q, 1, (int64_t)number);
	if ((step = sqlite3_step(q)) != SQLITE_ROW) {
		rc = step == SQLITE_DONE
		    ? why_set(why, ERR_NOTFOUND, "no such change")
		    : fail(d, why, "reading a change");
		end(q);
		return rc;
	}
	request = blob(q, 0);
	evidence = blob(q, 1);
	if ((p = malloc(request.left + evidence.left + 1)) == NULL)
		rc = why_set(why, ERR_NOMEM, "out of memory");
	else {
		if (request.left > 0)
			memcpy(p, request.p, request.left);
		if (evidence.left > 0)
			memcpy(p + request.left, evidence.p, evidence.left);
		rd_init(&out->request, p, request.left);
		rd_init(&out->evidence, p + request.left, evidence.left);
		out->memory = p;
	}
	end(q);
	return rc;
}

enum err
db_add_change(struct db *d, const struct change *c, struct why *why)
{
	sqlite3_stmt *q = d->q[ADD_CHANGE];
	struct rd hash;

	rd_init(&hash, c->hash, sizeof(c->hash));
	bind_int(q, 1, (int64_t)c->number);
	bind_int(q, 2, c->time);
	bind_int(q, 3, (int64_t)c->kind);
	bind(q, 4, hash);
	bind(q, 5, c->request);
	bind(q, 6, c->evidence);
	return write_it(d, ADD_CHANGE, why);
}

enum err
db_date_change(struct db *d, uint64_t number, int64_t time, struct why *why)
{
	bind_int(d->q[DATE_CHANGE], 2, time);
	return write_number(d, DATE_CHANGE, number, why);
}

enum err
db_confirm_change(struct db *d, const struct change *c, bool logged,
    struct why *why)
{
	enum err rc = write_it(d, BEGIN, why);

	if (rc != ERR_OK)
		return rc;
	bind_int(d->q[CONFIRM_CHANGE], 2, logged ? 1 : 0);
	rc = write_number(d, CONFIRM_CHANGE, c->number, why);
	if (rc == ERR_OK)
		rc = write_hash(d, DROP_REQUEST, c->hash, why);
	return finish(d, rc, why);
}

enum err
db_log_change(struct db *d, uint64_t number, struct why *why)
{
	return write_number(d, LOG_CHANGE, number, why);
}

enum err
db_drop_change(struct db *d, uint64_t number, struct why *why)
{
	enum err rc = write_it(d, BEGIN, why);

	if (rc != ERR_OK)
		return rc;
	rc = write_number(d, DROP_CHANGE, number, why);
	if (rc == ERR_OK && sqlite3_changes(d->s) == 0)
		rc = why_set(why, ERR_NOTFOUND, "no such change to drop");
	if (rc == ERR_OK)
		rc = write_number(d, MOVE_UP, number, why);
	return finish(d, rc, why);
}

/* ---- requests ---- */

enum err
db_each_request(struct db *d, void (*fn)(void *ctx, const struct db_request *),
    void *ctx, struct why *why)
{
	sqlite3_stmt *q = d->q[EACH_REQUEST];
	enum err rc = ERR_OK;
	int step;

	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		const struct db_request r = {.hash = blob(q, 0),
		    .request = blob(q, 1),
		    .evidence = blob(q, 2),
		    .entered = sqlite3_column_int64(q, 3)};

		fn(ctx, &r);
	}
	if (step != SQLITE_DONE)
		rc = fail(d, why, "reading requests");
	end(q);
	return rc;
}

enum err
db_put_request(struct db *d, const struct db_request *r, struct why *why)
{
	sqlite3_stmt *q = d->q[PUT_REQUEST];

	bind(q, 1, r->hash);
	bind(q, 2, r->request);
	bind(q, 3, r->evidence);
	bind_int(q, 4, r->entered);
	return write_it(d, PUT_REQUEST, why);
}

enum err
db_drop_request(struct db *d, const uint8_t hash[DIGEST_LEN], struct why *why)
{
	return write_hash(d, DROP_REQUEST, hash, why);
}

/* ---- subscribers ---- */

enum err
db_each_subscriber(struct db *d, void (*fn)(void *ctx, struct rd record),
    void *ctx, struct why *why)
{
	sqlite3_stmt *q = d->q[EACH_SUBSCRIBER];
	enum err rc = ERR_OK;
	int step;

	while ((step = sqlite3_step(q)) == SQLITE_ROW)
		fn(ctx, blob(q, 0));
	if (step != SQLITE_DONE)
		rc = fail(d, why, "reading subscribers");
	end(q);
	return rc;
}

enum err
db_put_subscriber(struct db *d, struct rd identity, uint64_t number,
    struct rd record, struct why *why)
{
	sqlite3_stmt *q = d->q[PUT_SUBSCRIBER];

	bind(q, 1, identity);
	bind_int(q, 2, (int64_t)number);
	bind(q, 3, record);
	return write_it(d, PUT_SUBSCRIBER, why);
}

enum err
db_drop_subscriber(struct db *d, struct rd identity, struct why *why)
{
	bind(d->q[DROP_SUBSCRIBER], 1, identity);
	return write_it(d, DROP_SUBSCRIBER, why);
}
