/* keywarden-xk: connections that others make to it, and no file at all. */
#include <errno.h>

#include "sandbox_test.h"

static const struct act own[] = {
    {"connect", act_connect, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"accept4", act_accept4, WORKS},
    {"setsockopt", act_setsockopt, WORKS},
    {"shutdown", act_shutdown, WORKS},
    {"openat to read", act_openat_read, EACCES},
    {"openat to write", act_openat_write, EACCES},
    {"stat of a path", act_stat_path, DIES},
    {"unlink", act_unlink, DIES},
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
    {"ftruncate", act_ftruncate, DIES},
    {"getdents64", act_getdents, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_XK,
    .tables = {&allowed_to_all, &allowed_to_loops, &own_acts,
	&forbidden_to_all}};
