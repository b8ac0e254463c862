/*
 * What a filter allows, by trying: each number of a system call in a process of
 * its own.  Arguments are zero, by which none of those that are allowed does
 * anything or waits.
 */
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sandbox_test.h"

#define BEYOND 1000 /* all numbers of this machine's table */

static long
try(long call)
{
	if (call == SYS_tgkill) /* of itself alone */
		return syscall(call, getpid(), getpid(), 0);
	if (call == SYS_ioctl)
		return syscall(call, 0, FIONBIO, 0);
	/* Without a time they wait: here it cannot be read. */
	if (call == SYS_ppoll)
		return syscall(call, NULL, 0, 1, NULL, 0);
	if (call == SYS_select || call == SYS_pselect6)
		return syscall(call, 0, NULL, NULL, NULL, 1, NULL);
	return syscall(call, 0, call == SYS_fcntl ? F_GETFL : 0, 0, 0, 0, 0);
}

/*
 * The kernel's own: newer ones let them pass any filter, and refuse them to all
 * but their own probes.
 */
static const long of_the_kernel[] = {
#ifdef __x86_64__
    335, /* uretprobe */
    336, /* uprobe */
#endif
    -1};
#define KERNELS (sizeof(of_the_kernel) / sizeof(of_the_kernel[0]))

/* Errors with which the filter answers those who probe. */
static bool
is_answer(int error)
{
	return error == EACCES || error == ENOSYS || error == EPERM;
}

static bool
is_allowed(enum sandbox which, long call)
{
	const pid_t pid = fork();
	int status;

	if (pid == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0) {
		sandbox_start(which);
		sandbox_enter(which);
		_exit(outcome(try(call)) & 0xff);
	}
	if (waitpid(pid, &status, 0) != pid)
		fatal("waitpid: %s", strerror(errno));
	return WIFEXITED(status) && !is_answer(WEXITSTATUS(status));
}

static bool
is_among(const long *calls, size_t n, long call)
{
	for (size_t i = 0; i < n; i++)
		if (calls[i] == call)
			return true;
	return false;
}

unsigned
sandbox_allows_only(enum sandbox which, const long *calls, size_t n)
{
	unsigned failed = 0, allowed = 0;
	bool is;

	for (long call = 0; call < BEYOND; call++) {
		if (is_among(of_the_kernel, KERNELS, call))
			continue;
		is = is_allowed(which, call);
		allowed += is;
		if (is == is_among(calls, n, call))
			continue;
		failed++;
		(void)printf("FAILED: system call %ld is %s\n", call,
		    is ? "allowed, and not stated" : "stated, and not allowed");
	}
	(void)printf("%u system calls are allowed, %zu are stated\n", allowed,
	    n);
	return failed;
}
