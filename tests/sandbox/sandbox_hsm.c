/* keywarden-hsm: the token, and the sealed head in a file that it was handed.
 */
#include <errno.h>

#include "sandbox_test.h"

static const struct act own[] = {
    {"memory that grows", act_memory_grows, WORKS},
    {"pread", act_pread, WORKS},
    {"pwrite", act_pwrite, WORKS},
    {"fdatasync", act_fdatasync, WORKS},
    {"pwrite to what it opened to read", act_pwrite_read_only, EBADF},
};

/*
 * What docs/PRIVSEP.md states, 34 calls.  A call more is one more that whoever
 * has taken over the token's process may use: it needs a reason there.
 */
static const long stated[] = {SYS_read, SYS_write, SYS_close, SYS_sendmsg,
    SYS_recvmsg, SYS_sendto, SYS_poll, SYS_brk, SYS_mmap, SYS_munmap,
    SYS_mprotect, SYS_madvise, SYS_mlock, SYS_futex, SYS_getrandom,
    SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_exit_group,
    SYS_rt_sigprocmask, SYS_gettid, SYS_tgkill, SYS_restart_syscall, SYS_openat,
    SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_fcntl, SYS_ioctl, SYS_getdents64,
    SYS_pread64, SYS_pwrite64, SYS_fdatasync, SYS_mremap};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_HSM,
    .tables = {&allowed_to_all, &allowed_to_loops_alone, &with_token, &own_acts,
	&forbidden_to_all},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
