/*
 * What those who open the token may do: its files, and no network.
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
    {"fchmod", act_fchmod, DIES},
    {"fsync", act_fsync, DIES},
    {"ftruncate", act_ftruncate, DIES},
    {"unlink", act_unlink, DIES},
    {"accept4", act_accept4, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
};
const struct acts with_token = ACTS(acts);
