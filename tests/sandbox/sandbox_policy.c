/* keywarden-policy: the control socket, and SQLite on its database. */
#include <errno.h>
#include <stdlib.h>

#include "appliance/policy_db.h"
#include "sandbox_test.h"

/* As it starts: a database made in the filter, written and read again. */
static int
act_database(void)
{
	struct db *db = NULL;
	struct why why = {""};
	struct rd name, body;

	rd_init(&name, "name", 4);
	rd_init(&body, "body", 4);
	if (db_open(held.free_path, &db, &why) != ERR_OK ||
	    db_put_subscriber(db, name, body, &why) != ERR_OK ||
	    db_delete_subscriber(db, name, &why) != ERR_OK)
		return EIO;
	db_close(&db);
	return 0;
}

static const struct act acts[] = {
    {"epoll", act_epoll, WORKS},
    {"accept4", act_accept4, WORKS},
    {"who is at the control socket", act_getsockopt, WORKS},
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
    {"getdents64", act_getdents, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

int
main(void)
{
	const struct acts tables[] = {allowed_to_all, ACTS(acts),
	    forbidden_to_all};

	return sandbox_test(SANDBOX_POLICY, tables, 3);
}
