/* hi2_spool_db: the queue's database and its statements, for hi2_spool. */
#ifndef APPLIANCE_HI2_SPOOL_DB_H
#define APPLIANCE_HI2_SPOOL_DB_H

#include <sqlite3.h>

#include "hi2/queue_seal.h"

enum spool_statement {
	SPOOL_BEGIN,
	SPOOL_COMMIT,
	SPOOL_ROLLBACK,
	SPOOL_GET_PAGES,
	SPOOL_GET_SPOOL,
	SPOOL_SET_LIFE,
	SPOOL_GET_LAST_KEY, /* ids given so far */
	SPOOL_EACH_LEMF,
	SPOOL_SET_LEMF,
	SPOOL_PUT_KEY,
	SPOOL_GET_KEY,
	SPOOL_COUNT_KEY,
	SPOOL_DROP_KEYS, /* that no row needs any more */
	SPOOL_GET_SEQUENCE,
	SPOOL_PUT_SEQUENCE,
	SPOOL_SET_SEQUENCE,
	SPOOL_SET_SEQUENCE_DAY,
	SPOOL_DROP_SEQUENCES,
	SPOOL_PUT_RECORD,
	SPOOL_EACH_RECORD,
	SPOOL_MEASURE, /* key, time and length of records */
	SPOOL_PUT_ASIDE,
	SPOOL_DROP_RECORDS,
	SPOOL_STATEMENT__MAX
};

struct spool_db {
	sqlite3 *s;
	sqlite3_stmt *q[SPOOL_STATEMENT__MAX];
	int64_t page; /* octets of one */
	int64_t grown; /* octets that the file has, at least */
	int in_log; /* pages that wait there for their places */
};

/* What a new file is made with, and an old one is brought to. */
struct spool_origin {
	const uint8_t *kms, *home; /* QUEUE_DIGEST_LEN each */
	int64_t now;
	bool first; /* as of struct spool_config */
};

/*
 * As spool_open(), in two steps: the file is there, and opened by this process
 * alone; it is a queue.  *d is the caller's to spool_db_close() either way.
 */
enum err spool_db_create(struct spool_db *d, const char *path,
    struct why *why) MUST_CHECK;
enum err spool_db_open(struct spool_db *d, const struct spool_origin *,
    struct why *why) MUST_CHECK;
void spool_db_close(struct spool_db *d);

/*
 * What the turn has added has its place in the file already: what is in the
 * log can then be moved there whatever room the disk has by then, and records
 * that are delivered can always be taken away.
 */
enum err spool_db_grow(struct spool_db *d, struct why *why) MUST_CHECK;

/*
 * Moves pages of the log to their places, if there are enough of them; or the
 * next time however few there are, when the log finds no room to grow.
 */
void spool_db_tidy(struct spool_db *d);
void spool_db_tidy_next(struct spool_db *d);

/* Views and bound octets live until the statement ends. */
void spool_bind(struct spool_db *, enum spool_statement, int i, struct rd v);
void spool_bind_int(struct spool_db *, enum spool_statement, int i, int64_t v);
struct rd spool_octets(struct spool_db *, enum spool_statement, int column);
int64_t spool_int(struct spool_db *, enum spool_statement, int column);

/* The next row; ERR_NOTFOUND: no more. */
enum err spool_row(struct spool_db *, enum spool_statement,
    struct why *why) MUST_CHECK;
void spool_end(struct spool_db *, enum spool_statement);

/* One that returns no rows. */
enum err spool_run(struct spool_db *, enum spool_statement,
    struct why *why) MUST_CHECK;

/* Text of ours, outside of the statements. */
enum err spool_exec(struct spool_db *, const char *text,
    struct why *why) MUST_CHECK;
/* The one number that such a text gives. */
enum err spool_number(struct spool_db *, const char *text, int64_t *out,
    struct why *why) MUST_CHECK;

/* The error of what has failed last. */
enum err spool_fail(const struct spool_db *, struct why *, const char *doing);

/* "the spool is damaged", ERR_MALFORMED. */
enum err spool_damaged(struct why *, const char *what);

/* ---- hi2_spool_schema.c ---- */

#define SPOOL_ASIDE "deliver what waits in it, or move the file away"

/* Ours, or empty?  Nothing is written: another's is left as it is. */
enum err spool_schema_check(struct spool_db *, const struct spool_origin *,
    struct why *why) MUST_CHECK;

/*
 * An empty file gets its tables.  One of version 1 becomes one of version 2,
 * with its records, some at a time, so that it needs little room beside them;
 * what was interrupted goes on.
 */
enum err spool_schema_make(struct spool_db *, const struct spool_origin *,
    struct why *why) MUST_CHECK;

#endif
