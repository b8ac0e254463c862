/* keywarden-audit: the one open file that is the log, and no other. */
#include <errno.h>

#include "sandbox_test.h"

static const struct act own[] = {
    {"connect", act_connect, DIES},
    {"socket, IP", act_socket_ip, EACCES},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"fsync", act_fsync, WORKS},
    {"ftruncate: the log never gets shorter", act_ftruncate, DIES},
    {"openat to read", act_openat_read, EACCES},
    {"openat to write", act_openat_write, EACCES},
    {"stat of a path", act_stat_path, DIES},
    {"unlink", act_unlink, DIES},
    {"getdents64", act_getdents, DIES},
    {"accept4", act_accept4, DIES},
    {"setsockopt", act_setsockopt, DIES},
    {"getsockopt", act_getsockopt, DIES},
    {"shutdown", act_shutdown, DIES},
    {"poll", act_poll, DIES},
    {"alarm", act_alarm, DIES},
};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_AUDIT,
    .tables = {&allowed_to_all, &allowed_to_loops, &own_acts,
	&forbidden_to_all}};
