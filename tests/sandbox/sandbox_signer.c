/*
 * keywarden-signer: the files of the token, and no network; it
 * writes nothing that it was handed.
 */
#include <errno.h>

#include "sandbox_test.h"

static const struct act acts[] = {
    {"connect", act_connect, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"poll", act_poll, WORKS},
    {"alarm", act_alarm, DIES},
    {"openat to read", act_openat_read, WORKS},
    {"openat to write, as SoftHSM its locks", act_openat_write, WORKS},
    {"getdents64", act_getdents, WORKS},
    {"stat of a path", act_stat_path, WORKS},
    {"a lock that is waited for", act_lock, WORKS},
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
    {"fchmod", act_fchmod, DIES},
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

	return sandbox_test(SANDBOX_SIGNER, tables, 3);
}
