/*
 * sandbox_test: what a process may and may not ask of the kernel once it is in
 * its filter.  Each act is done in a child of its own, after sandbox_enter().
 */
#ifndef SANDBOX_TEST_H
#define SANDBOX_TEST_H

#include <sys/syscall.h>
#include <sys/types.h>

#include <stddef.h>
#include <unistd.h>

#include "appliance/reach.h"
#include "appliance/sandbox.h"

#define DIES (-1) /* by SIGSYS */
#define WORKS 0

/*
 * One row: what is done, and its end: WORKS, DIES or an errno.  An act returns
 * 0 or the errno.  Forbidden ones have arguments that do no harm if the filter
 * lets them through.
 */
struct act {
	const char *name;
	int (*function)(void);
	int expected;
};
struct acts {
	const struct act *act;
	size_t n;
};
#define ACTS(a) \
	{ \
		a, sizeof(a) / sizeof((a)[0]) \
	}

/* Made anew before each filter: what a process has when it starts to serve. */
struct held {
	int dir, file; /* a folder for this run, an open file "held" in it */
	char path[128]; /* of that file */
	char free_path[128]; /* a name beside it that there is not */
	int pipe[2], pair[2], epoll, listen;
	int thread[2]; /* a thread that was there before waits at [1] */
	pid_t other; /* a process that is not us */
};
extern struct held held;

/* The result of a system call as an act's. */
int outcome(long rc);
#define ACT_OF_ALL(function, ...) \
	int function(void) \
	{ \
		return outcome(syscall(__VA_ARGS__)); \
	}
#define ACT(function, ...) static ACT_OF_ALL(function, __VA_ARGS__)

/*
 * All that a process is tried with, of which each sandbox_PROC.c has one: here,
 * and inside the process itself where it is taken over (tests/scenario/inside).
 */
#define TRIED_TABLES 5
extern const struct tried {
	enum sandbox which;
	void (*prepare)(void); /* before anything; or NULL */
	const struct acts *tables[TRIED_TABLES]; /* NULL: no more */
	const long *calls; /* all that the filter allows; NULL: not stated */
	size_t n_calls;
} tried;

/*
 * Tries each system call of this machine by its number: those which the filter
 * allows, all or with some arguments, are `calls`, no more and no fewer.  How
 * many differ.
 */
unsigned sandbox_allows_only(enum sandbox which, const long *calls, size_t n);

/* Whom a token's module calls (appliance/reach.h): for `prepare`. */
void sandbox_with_reach(const struct reach *);
/* A descriptor of which the kernel, that looks at 32 bits, sees standard error.
 */
#define DISGUISED_STDERR ((1L << 32) + STDERR_FILENO)

extern const struct acts forbidden_to_all, allowed_to_all, with_token,
    of_caller;
/* What comes with an event loop: works, and dies where there is none. */
extern const struct acts allowed_to_loops, allowed_to_loops_alone;
/* Run by sandbox_test() itself: left out where the kernel cannot do them. */
extern const struct acts forbidden_where_it_works;

/* Rows that several processes have, each with an end of its own. */
int act_openat_read(void), act_openat_write(void), act_stat_path(void);
int act_accept4(void), act_pread(void), act_pwrite(void), act_fdatasync(void);
int act_fsync(void), act_poll(void), act_alarm(void), act_getdents(void);
int act_unlink(void), act_ftruncate(void), act_setsockopt(void);
int act_pwrite_read_only(void), act_lock(void), act_fchmod(void);
int act_getsockopt(void), act_shutdown(void), act_epoll(void);
int act_socket_ip(void), act_connect(void), act_memory_grows(void);
int act_call_v4(void), act_call_v6(void), act_socket_other(void);
int act_socket_datagrams(void), act_socket_ip_raw(void), act_socket_mptcp(void);
int act_socket_unix(void), act_socket_netlink(void), act_bind(void);
int act_listen(void), act_recv(void), act_ioctl_other(void);
int act_does_not_wait(void), act_disguised_mode(void);

#endif
