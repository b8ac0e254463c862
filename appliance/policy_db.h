/*
 * policy_db: changes, waiting requests and subscribers on disk (SQLite).  The
 * database needs no trust: changes are signed and their chain is known to the
 * log and the hsm workers, records are sealed; it can lose them, not change
 * them unnoticed.
 */
#ifndef APPLIANCE_POLICY_DB_H
#define APPLIANCE_POLICY_DB_H

#include <stdbool.h>

#include "policy/change.h"

struct db;

/* Opens or makes the file.  ERR_IO with SQLite's words in `why`. */
enum err db_open(const char *path, struct db **out, struct why *why) MUST_CHECK;
void db_close(struct db **);

/* Everything that writes is on disk when it returns ERR_OK. */

/* ---- changes ---- */

/*
 * A change that is not confirmed is on its way to audit, or was when the
 * process ended; time 0: it never was.
 */
struct db_change {
	struct change c; /* without evidence if it is confirmed */
	bool confirmed; /* in effect */
	bool logged; /* and in the log */
};

/*
 * The changes from a number on, in order, until there is no more or `fn` says
 * false.  Views live until it returns; it calls no db_ function.
 */
enum err db_each_change(struct db *, uint64_t from,
    bool (*fn)(void *ctx, const struct db_change *), void *ctx,
    struct why *why) MUST_CHECK;

/* Request and signatures of one; the caller frees `memory`.  ERR_NOTFOUND. */
struct db_octets {
	struct rd request, evidence;
	void *memory;
};
enum err db_read_change(struct db *, uint64_t number, struct db_octets *out,
    struct why *why) MUST_CHECK;

/* One more, not confirmed.  ERR_EXISTS for a number that is there. */
enum err db_add_change(struct db *, const struct change *,
    struct why *why) MUST_CHECK;
enum err db_date_change(struct db *, uint64_t number, int64_t time,
    struct why *why) MUST_CHECK;

/* It is in effect: the request waits no longer. */
enum err db_confirm_change(struct db *, const struct change *, bool logged,
    struct why *why) MUST_CHECK;
enum err db_log_change(struct db *, uint64_t number,
    struct why *why) MUST_CHECK;

/*
 * It was not taken; those behind it, not confirmed either, move up.
 * ERR_NOTFOUND for one that is not there or confirmed.
 */
enum err db_drop_change(struct db *, uint64_t number,
    struct why *why) MUST_CHECK;

/* ---- requests that wait for approval ---- */

struct db_request {
	struct rd hash, request, evidence;
	int64_t entered;
};
enum err db_each_request(struct db *,
    void (*fn)(void *ctx, const struct db_request *), void *ctx,
    struct why *why) MUST_CHECK;

/* In place of one with this hash. */
enum err db_put_request(struct db *, const struct db_request *,
    struct why *why) MUST_CHECK;
enum err db_drop_request(struct db *, const uint8_t hash[DIGEST_LEN],
    struct why *why) MUST_CHECK;

/* ---- subscribers ---- */

enum err db_each_subscriber(struct db *,
    void (*fn)(void *ctx, struct rd record), void *ctx,
    struct why *why) MUST_CHECK;

/* In place of the identity's record before; `number`: of its change. */
enum err db_put_subscriber(struct db *, struct rd identity, uint64_t number,
    struct rd record, struct why *why) MUST_CHECK;
enum err db_drop_subscriber(struct db *, struct rd identity,
    struct why *why) MUST_CHECK;

#endif
