/* What the queue's file is made of, and how one of version 1 becomes it. */
#include "appliance/hi2_spool_db.h"

#define APPLICATION_ID 0x4b575351 /* "KWSQ" */
#define SCHEMA_VERSION 2

#define MOVE_AT_ONCE "1000" /* records of version 1 */

/*
 * AUTOINCREMENT: the id of a data key is never given twice, not even that of
 * one that has gone.  `id` of a record is what it was sealed with in version 1,
 * and 0 since: lemf and number are enough.
 */
#define RECORD_COLUMNS \
	" (place INTEGER PRIMARY KEY, id INTEGER NOT NULL," \
	" liid BLOB NOT NULL, cin INTEGER NOT NULL, sequence INTEGER NOT NULL," \
	" created INTEGER NOT NULL, key INTEGER NOT NULL," \
	" sealed BLOB NOT NULL);"
#define NEW_TABLES \
	"CREATE TABLE spool (kms BLOB NOT NULL, home BLOB NOT NULL," \
	" life INTEGER NOT NULL, since INTEGER NOT NULL);" \
	"CREATE TABLE records" RECORD_COLUMNS \
	"CREATE TABLE aside" RECORD_COLUMNS

static const char tables[] = NEW_TABLES
    "CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " wrapped BLOB NOT NULL, records INTEGER NOT NULL);"
    "CREATE TABLE lemfs (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " next INTEGER NOT NULL, records INTEGER NOT NULL,"
    " octets INTEGER NOT NULL, delivered INTEGER NOT NULL DEFAULT 0,"
    " dropped INTEGER NOT NULL DEFAULT 0,"
    " damaged INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE sequences (id INTEGER PRIMARY KEY, lemf INTEGER NOT NULL,"
    " liid BLOB NOT NULL, cin INTEGER NOT NULL, next INTEGER NOT NULL,"
    " used INTEGER NOT NULL, life INTEGER NOT NULL DEFAULT 1,"
    " UNIQUE (lemf, liid, cin));"
    "CREATE INDEX sequences_used ON sequences (used);"
    "PRAGMA application_id = 0x4b575351;"
    "PRAGMA user_version = 2;";

static const char from_1[] =
    "DROP TABLE spool;"
    "ALTER TABLE records RENAME TO records_1;" NEW_TABLES
    "ALTER TABLE lemfs ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE lemfs ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE lemfs ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;"
    "UPDATE lemfs SET delivered = next - records;"
    "ALTER TABLE sequences ADD COLUMN life INTEGER NOT NULL DEFAULT 1;"
    "PRAGMA user_version = 2;";

static const char move[] =
    "INSERT INTO records (place, id, liid, cin, sequence, created, key, sealed)"
    " SELECT lemf << 40 | number, id, liid, cin, sequence, created, key, sealed"
    " FROM records_1 ORDER BY id LIMIT " MOVE_AT_ONCE ";"
    "DELETE FROM records_1 WHERE id IN"
    " (SELECT id FROM records_1 ORDER BY id LIMIT " MOVE_AT_ONCE ");";

static enum err
put_spool(struct spool_db *d, const struct spool_origin *o, int64_t since,
    struct why *why)
{
	sqlite3_stmt *q = NULL;
	enum err rc = ERR_OK;

	if (sqlite3_prepare_v2(d->s,
		"INSERT INTO spool (kms, home, life, since)"
		" VALUES (?, ?, 1, ?)",
		-1, &q, NULL) != SQLITE_OK ||
	    sqlite3_bind_blob(q, 1, o->kms, QUEUE_DIGEST_LEN, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_blob(q, 2, o->home, QUEUE_DIGEST_LEN, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_int64(q, 3, since) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_DONE)
		rc = spool_fail(d, why, "setting up");
	sqlite3_finalize(q);
	return rc;
}

static enum err
make(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	const enum err rc = spool_exec(d, tables, why);

	return rc != ERR_OK ? rc : put_spool(d, o, o->first ? 0 : o->now, why);
}

/*
 * Where it was is not known: it is taken to be where it has always been, with
 * all its numbers.
 */
static enum err
start_from_1(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	enum err rc;

	if ((rc = spool_exec(d, from_1, why)) == ERR_OK)
		rc = put_spool(d, o, 0, why);
	return rc;
}

static enum err
in_one(struct spool_db *d, const struct spool_origin *o,
    enum err (
	*what)(struct spool_db *, const struct spool_origin *, struct why *),
    struct why *why)
{
	struct why unheard;
	enum err rc;

	if ((rc = spool_exec(d, "BEGIN IMMEDIATE", why)) == ERR_OK &&
	    (rc = what(d, o, why)) == ERR_OK)
		rc = spool_exec(d, "COMMIT", why);
	if (rc != ERR_OK && !sqlite3_get_autocommit(d->s))
		(void)(spool_exec(d, "ROLLBACK", &unheard) == ERR_OK);
	return rc;
}

static enum err
move_some(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	(void)o;
	return spool_exec(d, move, why);
}

static enum err
drop_old(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	(void)o;
	return spool_exec(d, "DROP TABLE records_1", why);
}

static enum err
move_records(struct spool_db *d, const struct spool_origin *o, struct why *why)
{
	int64_t there = 0, left = 0;
	enum err rc;

	rc = spool_number(d,
	    "SELECT count(*) FROM sqlite_schema WHERE name = 'records_1'",
	    &there, why);
	if (rc != ERR_OK || there == 0)
		return rc;
	for (;;) {
		rc = spool_number(d,
		    "SELECT count(*) FROM (SELECT 1 FROM records_1 LIMIT 1)",
		    &left, why);
		if (rc != ERR_OK)
			return rc;
		if (left == 0)
			return in_one(d, o, drop_old, why);
		if ((rc = in_one(d, o, move_some, why)) != ERR_OK)
			return rc;
		spool_db_tidy(d);
	}
}

/* ---- what is there ---- */

static enum err
look(struct spool_db *d, int64_t *version, struct why *why)
{
	int64_t id = 0, tables_there = 0;
	enum err rc;

	if ((rc = spool_number(d, "PRAGMA application_id", &id, why)) !=
		ERR_OK ||
	    (rc = spool_number(d, "PRAGMA user_version", version, why)) !=
		ERR_OK ||
	    (rc = spool_number(d, "SELECT count(*) FROM sqlite_schema",
		 &tables_there, why)) != ERR_OK)
		return rc;
	if (id == 0 && *version == 0 && tables_there == 0)
		return ERR_OK; /* an empty file */
	if (id != APPLICATION_ID)
		return why_set(why, ERR_MALFORMED,
		    "spool: the file is another program's database: name "
		    "another file, or move it away");
	if (*version < 1 || *version > SCHEMA_VERSION)
		return why_set(why, ERR_MALFORMED,
		    "spool: version %lld, this program knows %d: " SPOOL_ASIDE,
		    (long long)*version, SCHEMA_VERSION);
	return ERR_OK;
}

static enum err
check_kms(struct spool_db *d, const uint8_t *kms, struct why *why)
{
	sqlite3_stmt *q = NULL;
	enum err rc = ERR_OK;
	struct rd had;

	if (sqlite3_prepare_v2(d->s, "SELECT kms FROM spool", -1, &q, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		rc = sqlite3_errcode(d->s) == SQLITE_DONE
		    ? spool_damaged(why, "it does not say whose it is")
		    : spool_damaged(why, sqlite3_errmsg(d->s));
	else {
		rd_init(&had, sqlite3_column_blob(q, 0),
		    (size_t)sqlite3_column_bytes(q, 0));
		if (!rd_is(&had, kms, QUEUE_DIGEST_LEN))
			rc = why_set(why, ERR_MALFORMED,
			    "spool: it belongs to another KMS "
			    "state: " SPOOL_ASIDE);
	}
	sqlite3_finalize(q);
	return rc;
}

enum err
spool_schema_check(struct spool_db *d, const struct spool_origin *o,
    struct why *why)
{
	int64_t version = 0;
	enum err rc;

	if ((rc = look(d, &version, why)) == ERR_OK && version != 0)
		rc = check_kms(d, o->kms, why);
	return rc;
}

enum err
spool_schema_make(struct spool_db *d, const struct spool_origin *o,
    struct why *why)
{
	int64_t version = 0;
	enum err rc;

	if ((rc = look(d, &version, why)) != ERR_OK)
		return rc;
	if (version == 0)
		return in_one(d, o, make, why);
	if (version == 1 && (rc = in_one(d, o, start_from_1, why)) != ERR_OK)
		return rc;
	return move_records(d, o, why);
}
