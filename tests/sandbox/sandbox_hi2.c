/*
 * keywarden-hi2: SQLite on its queue.  Nobody connects to it, and the clock is
 * none of its business.
 */
#include <errno.h>
#include <time.h>

#include <sqlite3.h>

#include "sandbox_test.h"

/* A queue made in the filter, written, read and written again. */
static int
act_database(void)
{
	static const char sql[] =
	    "PRAGMA synchronous = EXTRA;"
	    "CREATE TABLE record (id INTEGER PRIMARY KEY, octets BLOB);"
	    "BEGIN IMMEDIATE;"
	    "INSERT INTO record VALUES (1, zeroblob(100000));"
	    "COMMIT;"
	    "SELECT length(octets) FROM record;"
	    "DELETE FROM record;"
	    "VACUUM;";
	sqlite3 *db = NULL;
	int rc = sqlite3_open(held.free_path, &db);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return sqlite3_close(db) == SQLITE_OK && rc == SQLITE_OK ? 0 : EIO;
}

ACT(act_is_synchronised, SYS_clock_adjtime, CLOCK_REALTIME, NULL)

static const struct act acts[] = {
    {"epoll", act_epoll, WORKS},
    {"a database", act_database, WORKS},
    {"openat to read", act_openat_read, WORKS},
    {"openat to write", act_openat_write, WORKS},
    {"stat of a path", act_stat_path, WORKS},
    {"unlink", act_unlink, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fsync", act_fsync, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"ftruncate", act_ftruncate, WORKS},
    {"fchmod", act_fchmod, WORKS},
    {"a lock", act_lock, WORKS},
    {"accept4", act_accept4, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
    {"whether the clock is synchronised", act_is_synchronised, DIES},
    {"getdents64", act_getdents, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

int
main(void)
{
	const struct acts tables[] = {allowed_to_all, ACTS(acts),
	    forbidden_to_all};

	return sandbox_test(SANDBOX_HI2, tables, 3);
}
