/* What no process does once it serves: it dies, or gets the stated error. */
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox_test.h"

#define NOBODY 65534
#define WRONG 0x7fffffff /* a descriptor, a number, that there is not */

/* ---- another program, another process ---- */
ACT(act_execve, SYS_execve, "/bin/true", NULL, NULL)
ACT(act_execveat, SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0)
ACT(act_clone, SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)
ACT(act_clone3, SYS_clone3, NULL, 0)
ACT(act_kill, SYS_kill, held.other, 0)
ACT(act_tkill, SYS_tkill, held.other, 0)
ACT(act_tgkill, SYS_tgkill, held.other, held.other, 0)
ACT(act_tgkill_self, SYS_tgkill, getpid(), getpid(), 0)
ACT(act_sigqueue, SYS_rt_sigqueueinfo, held.other, 0, NULL)
ACT(act_pidfd_open, SYS_pidfd_open, held.other, 0)
ACT(act_pidfd_getfd, SYS_pidfd_getfd, WRONG, 0, 0)
ACT(act_pidfd_signal, SYS_pidfd_send_signal, WRONG, 0, NULL, 0)
ACT(act_ptrace, SYS_ptrace, WRONG, held.other, NULL, NULL)
ACT(act_vm_read, SYS_process_vm_readv, held.other, NULL, 0, NULL, 0, 0)
ACT(act_vm_write, SYS_process_vm_writev, held.other, NULL, 0, NULL, 0, 0)
ACT(act_kcmp, SYS_kcmp, held.other, held.other, 0, 0, 0)
ACT(act_prlimit, SYS_prlimit64, held.other, RLIMIT_CORE, NULL, NULL)
ACT(act_setrlimit, SYS_setrlimit, WRONG, NULL)
ACT(act_wait, SYS_wait4, -1, NULL, 1, NULL)
ACT(act_getppid, SYS_getppid)
ACT(act_setsid, SYS_setsid)

/* ---- who it is, what it may ---- */
ACT(act_setuid, SYS_setuid, NOBODY)
ACT(act_setgid, SYS_setgid, NOBODY)
ACT(act_setresuid, SYS_setresuid, -1, -1, -1)
ACT(act_setgroups, SYS_setgroups, WRONG, NULL)
ACT(act_capset, SYS_capset, NULL, NULL)
ACT(act_prctl, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
ACT(act_personality, SYS_personality, 0xffffffffU)
ACT(act_seccomp, SYS_seccomp, WRONG, 0, NULL)
ACT(act_unshare, SYS_unshare, 0)
ACT(act_setns, SYS_setns, WRONG, 0)
ACT(act_umask, SYS_umask, 077)

/* ---- memory that runs ---- */
ACT(act_mmap_exec, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ACT(act_mmap_all, SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
ACT(act_pkey_mprotect, SYS_pkey_mprotect, NULL, 0, PROT_EXEC, -1)
ACT(act_memfd, SYS_memfd_create, "x", 0)
ACT(act_shmget, SYS_shmget, IPC_PRIVATE, WRONG, 0)
ACT(act_userfaultfd, SYS_userfaultfd, 0)
ACT(act_munlock, SYS_munlock, NULL, 0)
ACT(act_munlockall, SYS_munlockall)
ACT(act_remap, SYS_remap_file_pages, NULL, 0, 0, 0, 0)

static int
act_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	return outcome(syscall(SYS_mprotect, p, 4096, PROT_READ | PROT_EXEC));
}

/* ---- the kernel ---- */
ACT(act_bpf, SYS_bpf, WRONG, NULL, 0)
ACT(act_perf, SYS_perf_event_open, NULL, 0, -1, -1, 0)
ACT(act_uring_setup, SYS_io_uring_setup, 1, NULL)
ACT(act_uring_enter, SYS_io_uring_enter, WRONG, 0, 0, 0, NULL, 0)
ACT(act_uring_register, SYS_io_uring_register, WRONG, 0, NULL, 0)
ACT(act_aio, SYS_io_setup, 0, NULL)
ACT(act_keyctl, SYS_keyctl, WRONG, 0, 0, 0, 0)
ACT(act_add_key, SYS_add_key, NULL, NULL, NULL, 0, 0)
ACT(act_init_module, SYS_init_module, NULL, 0, "")
ACT(act_finit_module, SYS_finit_module, WRONG, "", 0)
ACT(act_kexec, SYS_kexec_load, 0, WRONG, NULL, WRONG)
ACT(act_reboot, SYS_reboot, 0, 0, 0, NULL)
ACT(act_settime, SYS_clock_settime, WRONG, NULL)
ACT(act_adjtimex, SYS_clock_adjtime, WRONG, NULL)
ACT(act_sethostname, SYS_sethostname, NULL, WRONG)
ACT(act_swapon, SYS_swapon, "/none", 0)
ACT(act_acct, SYS_acct, "/none/none")
ACT(act_quota, SYS_quotactl, WRONG, NULL, 0, NULL)
ACT(act_syslog, SYS_syslog, WRONG, NULL, 0)
ACT(act_uname, SYS_uname, NULL)
ACT(act_sysinfo, SYS_sysinfo, NULL)
ACT(act_membarrier, SYS_membarrier, 0, 0, 0)

/* ---- files and mounts ---- */
ACT(act_mount, SYS_mount, NULL, "/none", NULL, 0, NULL)
ACT(act_umount, SYS_umount2, "/none", 0)
ACT(act_fsopen, SYS_fsopen, "none", 0)
ACT(act_open_tree, SYS_open_tree, WRONG, "none", 0)
ACT(act_pivot_root, SYS_pivot_root, "/none", "/none")
ACT(act_chroot, SYS_chroot, "/none")
ACT(act_chdir, SYS_chdir, "/none")
ACT(act_openat2, SYS_openat2, WRONG, "none", NULL, 0)
ACT(act_by_handle, SYS_open_by_handle_at, WRONG, NULL, 0)
ACT(act_mkdirat, SYS_mkdirat, WRONG, "none", 0700)
ACT(act_mknodat, SYS_mknodat, WRONG, "none", S_IFCHR | 0600, 0)
ACT(act_linkat, SYS_linkat, WRONG, "none", WRONG, "none", 0)
ACT(act_symlinkat, SYS_symlinkat, "none", WRONG, "none")
ACT(act_renameat2, SYS_renameat2, WRONG, "none", WRONG, "none", 0)
ACT(act_fchmodat, SYS_fchmodat, WRONG, "none", 0777)
ACT(act_fchownat, SYS_fchownat, WRONG, "none", 0, 0, 0)
ACT(act_setxattr, SYS_setxattr, "/none", "x", NULL, 0, 0)
ACT(act_inotify, SYS_inotify_init1, 0)
ACT(act_fanotify, SYS_fanotify_init, WRONG, 0)
ACT(act_sendfile, SYS_sendfile, held.pipe[1], held.file, NULL, 4)
ACT(act_splice, SYS_splice, held.file, NULL, held.pipe[1], NULL, 4, 0)
ACT(act_dup3, SYS_dup3, held.file, 100, 0)
ACT(act_pipe2, SYS_pipe2, NULL, 0)

/* ---- other ways to write ---- */
ACT(act_pwritev, SYS_pwritev, held.file, NULL, 0, 0, 0)
ACT(act_pwritev2, SYS_pwritev2, held.file, NULL, 0, 0, 0, 0)
ACT(act_writev, SYS_writev, held.file, NULL, 0)
ACT(act_fallocate, SYS_fallocate, held.file, 0, 0, 1)
ACT(act_truncate, SYS_truncate, "/none", 0)
ACT(act_copy_range, SYS_copy_file_range, WRONG, NULL, held.file, NULL, 1, 0)
ACT(act_sync_range, SYS_sync_file_range, held.file, 0, 1, 0)
ACT(act_sync, SYS_sync)
ACT(act_syncfs, SYS_syncfs, held.file)
ACT(act_flock, SYS_flock, held.file, 0)

/* ---- the network, and descriptors beyond reading and writing ---- */
ACT_OF_ALL(act_socket_unix, SYS_socket, AF_UNIX, SOCK_STREAM, 0)
ACT(act_socket_raw, SYS_socket, AF_PACKET, SOCK_RAW, 0)
ACT_OF_ALL(act_socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW, 0)
ACT(act_socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL)
ACT_OF_ALL(act_bind, SYS_bind, held.pair[0], NULL, 0)
ACT_OF_ALL(act_listen, SYS_listen, held.pair[0], 1)
ACT(act_fcntl_dup, SYS_fcntl, held.file, F_DUPFD, 0)
/* What standard error is opened with may be all that keeps a log as it is. */
ACT(act_fcntl_mode, SYS_fcntl, STDIN_FILENO, F_SETFL, O_NONBLOCK)
ACT(act_fcntl_append, SYS_fcntl, held.file, F_SETFL, O_RDWR | O_APPEND)
/* A connection without connect(), which no Landlock sees. */
ACT(act_sendto_opens, SYS_sendto, held.pair[0], NULL, 0, MSG_FASTOPEN, NULL, 0)
ACT(act_sendmsg_opens, SYS_sendmsg, held.pair[0], NULL, MSG_FASTOPEN)
ACT(act_fcntl_own, SYS_fcntl, held.pair[0], F_SETOWN, held.other)
ACT(act_fcntl_lease, SYS_fcntl, held.file, F_SETLEASE, F_UNLCK)
ACT(act_ioctl_push, SYS_ioctl, held.pipe[0], TIOCSTI, "x")
ACT_OF_ALL(act_ioctl_other, SYS_ioctl, held.pipe[0], FIONREAD, NULL)

/* ---- what only this machine has ---- */
#ifdef __x86_64__
ACT(act_fork, SYS_fork)
ACT(act_open, SYS_open, held.path, 0)
ACT(act_uselib, SYS_uselib, "/none")
ACT(act_ldt, SYS_modify_ldt, WRONG, NULL, 0)
ACT(act_iopl, SYS_iopl, WRONG)
ACT(act_x32, 0x40000000 | SYS_getpid)

/* getpid() of 32-bit programs, another table of calls altogether. */
static int
act_int80(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "0"(20L) : "memory");
	return rc > 0 ? 0 : ENOSYS;
}
#endif

static const struct act acts[] = {
    {"execve", act_execve, DIES},
    {"execveat", act_execveat, DIES},
    {"clone", act_clone, DIES},
    {"clone3", act_clone3, ENOSYS},
    {"kill of another process", act_kill, DIES},
    {"tkill of another process", act_tkill, DIES},
    {"tgkill of another process", act_tgkill, DIES},
    {"tgkill of its own, which is abort()", act_tgkill_self, WORKS},
    {"rt_sigqueueinfo", act_sigqueue, DIES},
    {"pidfd_open", act_pidfd_open, DIES},
    {"pidfd_getfd", act_pidfd_getfd, DIES},
    {"pidfd_send_signal", act_pidfd_signal, DIES},
    {"ptrace", act_ptrace, DIES},
    {"process_vm_readv", act_vm_read, DIES},
    {"process_vm_writev", act_vm_write, DIES},
    {"kcmp", act_kcmp, DIES},
    {"prlimit64", act_prlimit, EPERM},
    {"setrlimit", act_setrlimit, DIES},
    {"wait4", act_wait, DIES},
    {"getppid", act_getppid, DIES},
    {"setsid", act_setsid, DIES},
    {"setuid", act_setuid, DIES},
    {"setgid", act_setgid, DIES},
    {"setresuid", act_setresuid, DIES},
    {"setgroups", act_setgroups, DIES},
    {"capset", act_capset, DIES},
    {"prctl, dumpable again", act_prctl, DIES},
    {"personality", act_personality, DIES},
    {"seccomp", act_seccomp, DIES},
    {"unshare", act_unshare, DIES},
    {"setns", act_setns, DIES},
    {"umask", act_umask, DIES},
    {"mmap, executable", act_mmap_exec, DIES},
    {"mmap, writable and executable", act_mmap_all, DIES},
    {"mprotect to executable", act_mprotect_exec, DIES},
    {"pkey_mprotect", act_pkey_mprotect, DIES},
    {"memfd_create", act_memfd, DIES},
    {"shmget", act_shmget, DIES},
    {"userfaultfd", act_userfaultfd, DIES},
    {"munlock", act_munlock, EPERM},
    {"munlockall", act_munlockall, DIES},
    {"remap_file_pages", act_remap, DIES},
    {"bpf", act_bpf, DIES},
    {"perf_event_open", act_perf, DIES},
    {"io_uring_setup", act_uring_setup, ENOSYS},
    {"io_uring_enter", act_uring_enter, DIES},
    {"io_uring_register", act_uring_register, DIES},
    {"io_setup", act_aio, DIES},
    {"keyctl", act_keyctl, DIES},
    {"add_key", act_add_key, DIES},
    {"init_module", act_init_module, DIES},
    {"finit_module", act_finit_module, DIES},
    {"kexec_load", act_kexec, DIES},
    {"reboot", act_reboot, DIES},
    {"clock_settime", act_settime, DIES},
    {"clock_adjtime", act_adjtimex, DIES},
    {"sethostname", act_sethostname, DIES},
    {"swapon", act_swapon, DIES},
    {"acct", act_acct, DIES},
    {"quotactl", act_quota, DIES},
    {"syslog", act_syslog, DIES},
    {"uname", act_uname, ENOSYS},
    {"sysinfo", act_sysinfo, ENOSYS},
    {"membarrier", act_membarrier, ENOSYS},
    {"mount", act_mount, DIES},
    {"umount2", act_umount, DIES},
    {"fsopen", act_fsopen, DIES},
    {"open_tree", act_open_tree, DIES},
    {"pivot_root", act_pivot_root, DIES},
    {"chroot", act_chroot, DIES},
    {"chdir", act_chdir, DIES},
    {"openat2", act_openat2, DIES},
    {"open_by_handle_at", act_by_handle, DIES},
    {"mkdirat", act_mkdirat, DIES},
    {"mknodat", act_mknodat, DIES},
    {"linkat", act_linkat, DIES},
    {"symlinkat", act_symlinkat, DIES},
    {"renameat2", act_renameat2, DIES},
    {"fchmodat", act_fchmodat, DIES},
    {"fchownat", act_fchownat, DIES},
    {"setxattr", act_setxattr, DIES},
    {"inotify_init1", act_inotify, DIES},
    {"fanotify_init", act_fanotify, DIES},
    {"sendfile", act_sendfile, DIES},
    {"splice", act_splice, DIES},
    {"dup3", act_dup3, DIES},
    {"pipe2", act_pipe2, DIES},
    {"pwritev", act_pwritev, DIES},
    {"pwritev2", act_pwritev2, DIES},
    {"writev", act_writev, DIES},
    {"fallocate", act_fallocate, DIES},
    {"truncate of a path", act_truncate, DIES},
    {"copy_file_range", act_copy_range, DIES},
    {"sync_file_range", act_sync_range, DIES},
    {"sync", act_sync, DIES},
    {"syncfs", act_syncfs, DIES},
    {"flock", act_flock, DIES},
    {"socket, local", act_socket_unix, EACCES},
    {"socket, raw", act_socket_raw, EACCES},
    {"socket, netlink", act_socket_netlink, EACCES},
    {"socketpair", act_socketpair, DIES},
    {"bind", act_bind, DIES},
    {"listen", act_listen, DIES},
    {"fcntl F_DUPFD", act_fcntl_dup, DIES},
    {"fcntl F_SETFL", act_fcntl_mode, DIES},
    {"fcntl F_SETFL, O_APPEND", act_fcntl_append, DIES},
    {"a connection by sendto", act_sendto_opens, DIES},
    {"a connection by sendmsg", act_sendmsg_opens, DIES},
    {"fcntl F_SETOWN", act_fcntl_own, DIES},
    {"fcntl F_SETLEASE", act_fcntl_lease, DIES},
    {"ioctl TIOCSTI", act_ioctl_push, DIES},
    {"ioctl FIONREAD", act_ioctl_other, DIES},
#ifdef __x86_64__
    {"fork", act_fork, DIES},
    {"open, as libraries probe", act_open, EACCES},
    {"uselib", act_uselib, DIES},
    {"modify_ldt", act_ldt, DIES},
    {"iopl", act_iopl, DIES},
    {"a call of the x32 table", act_x32, DIES},
#endif
};
const struct acts forbidden_to_all = ACTS(acts);

/* For a kernel that runs 32-bit programs. */
static const struct act old_acts[] = {
#ifdef __x86_64__
    {"a call of the 32-bit table", act_int80, DIES},
#endif
    {"getppid", act_getppid, DIES},
};
const struct acts forbidden_where_it_works = ACTS(old_acts);
