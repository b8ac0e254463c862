/* hi2_spool_db: the queue's database and its statements, for hi2_spool. */
#ifndef APPLIANCE_HI2_SPOOL_DB_H
#define APPLIANCE_HI2_SPOOL_DB_H

#include <sqlite3.h>

#include "hi2/queue_seal.h"

enum spool_statement {
	SPOOL_BEGIN,
	SPOOL_COMMIT,
	SPOOL_ROLLBACK,
	SPOOL_GET_KMS,
	SPOOL_GET_LAST, /* ids given so far: of a table */
	SPOOL_EACH_LEMF,
	SPOOL_SET_LEMF,
	SPOOL_PUT_KEY,
	SPOOL_COUNT_KEY,
	SPOOL_DROP_KEYS, /* that no row needs any more */
	SPOOL_GET_SEQUENCE,
	SPOOL_PUT_SEQUENCE,
	SPOOL_SET_SEQUENCE,
	SPOOL_SET_SEQUENCE_DAY,
	SPOOL_DROP_SEQUENCES,
	SPOOL_PUT_RECORD,
	SPOOL_STATEMENT__MAX
};

struct spool_db {
	sqlite3 *s;
	sqlite3_stmt *q[SPOOL_STATEMENT__MAX];
};

/* As spool_open(); *d is the caller's to spool_db_close() either way. */
enum err spool_db_open(struct spool_db *d, const char *path,
    const uint8_t kms[QUEUE_DIGEST_LEN], struct why *why) MUST_CHECK;
void spool_db_close(struct spool_db *d);

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

/* The error of what has failed last. */
enum err spool_fail(const struct spool_db *, struct why *, const char *doing);

/* "the spool is damaged", ERR_MALFORMED. */
enum err spool_damaged(struct why *, const char *what);

#endif
