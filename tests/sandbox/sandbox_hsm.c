/* keywarden-hsm: the token's files, a deadline, and no network. */
#include <errno.h>

#include "sandbox_test.h"

static const struct act acts[] = {
    {"poll", act_poll, WORKS},
    {"alarm", act_alarm, WORKS},
    {"openat to read", act_openat_read, WORKS},
    {"getdents64", act_getdents, WORKS},
    {"stat of a path", act_stat_path, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
    {"fsync", act_fsync, DIES},
    {"ftruncate", act_ftruncate, DIES},
    {"unlink", act_unlink, DIES},
    {"epoll", act_epoll, DIES},
    {"accept4", act_accept4, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
};

int
main(void)
{
	const struct acts tables[] = {allowed_to_all, ACTS(acts),
	    forbidden_to_all};

	return sandbox_test(SANDBOX_HSM, tables, 3);
}
