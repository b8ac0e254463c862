/*
 * The system calls of those who open the token, as docs/PRIVSEP.md states them.
 * A call more is one more that whoever has taken over the process may use: it
 * needs a reason there.
 */
#ifndef SANDBOX_STATED_H
#define SANDBOX_STATED_H

#include <sys/syscall.h>

/* hsm and signer, 30. */
#define STATED_TOKEN \
	SYS_read, SYS_write, SYS_close, SYS_sendmsg, SYS_recvmsg, SYS_sendto, \
	    SYS_poll, SYS_brk, SYS_mmap, SYS_munmap, SYS_mprotect, \
	    SYS_madvise, SYS_mlock, SYS_futex, SYS_getrandom, \
	    SYS_clock_gettime, SYS_gettimeofday, SYS_getpid, SYS_exit_group, \
	    SYS_rt_sigprocmask, SYS_gettid, SYS_tgkill, SYS_restart_syscall, \
	    SYS_openat, SYS_newfstatat, SYS_fstat, SYS_lseek, SYS_fcntl, \
	    SYS_ioctl, SYS_getdents64

/* hsm alone: the head, a long warrant. */
#define STATED_HEAD SYS_pread64, SYS_pwrite64, SYS_fdatasync, SYS_mremap

/* Whose module calls somebody, beside socket(). */
#define STATED_REACH \
	SYS_connect, SYS_setsockopt, SYS_getsockopt, SYS_getsockname, \
	    SYS_getpeername, SYS_shutdown, SYS_recvfrom, SYS_ppoll, \
	    SYS_select, SYS_pselect6, SYS_nanosleep, SYS_clock_nanosleep

#endif
