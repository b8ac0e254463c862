/*
 * policy_db: warrants and subscribers on disk (SQLite).  The database needs no
 * trust: warrants are signed, records sealed; it can lose them, not change
 * them unnoticed.
 */
#ifndef APPLIANCE_POLICY_DB_H
#define APPLIANCE_POLICY_DB_H

#include <stdbool.h>

#include "base/bytes.h"
#include "policy/warrant.h"

struct db;

/* Opens or makes the file.  ERR_IO with SQLite's words in `why`. */
enum err db_open(const char *path, struct db **out, struct why *why) MUST_CHECK;
void db_close(struct db **);

struct db_warrant {
	struct rd cms, revocation; /* revocation.left = 0: not revoked */
	int64_t entered;
	bool revocation_logged;
};

/* Views live until the callback returns. */
enum err db_each_warrant(struct db *,
    void (*fn)(void *ctx, const struct db_warrant *), void *ctx,
    struct why *why) MUST_CHECK;
enum err db_each_subscriber(struct db *,
    void (*fn)(void *ctx, struct rd record), void *ctx,
    struct why *why) MUST_CHECK;

/* Each is on disk when it returns ERR_OK. */
enum err db_add_warrant(struct db *, const uint8_t id[WARRANT_ID_LEN],
    struct rd cms, int64_t entered, struct why *why) MUST_CHECK;
enum err db_revoke(struct db *, const uint8_t id[WARRANT_ID_LEN],
    struct rd revocation, bool logged, struct why *why) MUST_CHECK;
enum err db_put_subscriber(struct db *, struct rd identity, struct rd record,
    struct why *why) MUST_CHECK;
enum err db_delete_subscriber(struct db *, struct rd identity,
    struct why *why) MUST_CHECK;

#endif
