/* keywarden-signer: the token; it writes nothing that it was handed. */
#include "sandbox_test.h"

static const struct act own[] = {
    {"memory that grows", act_memory_grows, DIES},
    {"pread", act_pread, DIES},
    {"pwrite", act_pwrite, DIES},
    {"fdatasync", act_fdatasync, DIES},
};

/*
 * What docs/PRIVSEP.md states, 30 calls.  A call more is one more that whoever
 * has taken over the token's process may use: it needs a reason there.
 */
static const long stated[] = {SYS_read, SYS_write, SYS_close, SYS_sendmsg,
    SYS_recvmsg, SYS_sendto, SYS_poll, SYS_brk, SYS_mmap, SYS_munmap,
    SYS_mprotect, SYS_madvise, SYS_mlock, SYS_futex, SYS_getrandom,
    SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_exit_group,
    SYS_rt_sigprocmask, SYS_gettid, SYS_tgkill, SYS_restart_syscall, SYS_openat,
    SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_fcntl, SYS_ioctl, SYS_getdents64};

static const struct acts own_acts = ACTS(own);
const struct tried tried = {.which = SANDBOX_SIGNER,
    .tables = {&allowed_to_all, &allowed_to_loops_alone, &with_token, &own_acts,
	&forbidden_to_all},
    .calls = stated,
    .n_calls = sizeof(stated) / sizeof(stated[0])};
