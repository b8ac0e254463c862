/* The seccomp filter of each process: what it may ask of the kernel. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

#include "appliance/sandbox_int.h"
#include "base/log.h"

/*
 * What every process needs once it is up: memory, time, its channels.  Calls
 * are named, so that a libc that uses another one for the same job shows in
 * the tests and not at a user's.
 */
static const int common[] = {SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close),
    SCMP_SYS(exit_group), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise),
    SCMP_SYS(mlock), SCMP_SYS(futex), SCMP_SYS(getrandom),
    /* where the clock is one that the vDSO cannot read */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getpid),
    SCMP_SYS(recvmsg), /* sendto, sendmsg: see below */
    SCMP_SYS(restart_syscall), /* a wait that was stopped and continued */
    SCMP_SYS(fstat), /* newfstatat on an open descriptor: see below */
    SCMP_SYS(lseek), /* fclose() of what was not read to its end */
    /* abort() and assertions of libraries: they end the process; tgkill()
     * too, see below */
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(gettid)};

/* All but those that open the token: an event loop of libuv, and libraries. */
static const int loop[] = {SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(mremap), SCMP_SYS(recvfrom), SCMP_SYS(time),
    SCMP_SYS(sched_yield), SCMP_SYS(exit), SCMP_SYS(rt_sigreturn),
    /* threads that libraries started before need these two */
    SCMP_SYS(rseq), SCMP_SYS(set_robust_list)};

/* TLS with clients: xk, x2. */
static const int of_server[] = {SCMP_SYS(accept4), SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown)};

#define SOCK_TYPE 0xf /* the part of socket()'s type that is no flag */

/* TLS with a server; socket() below. */
static const int of_client[] = {SCMP_SYS(connect), SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt), SCMP_SYS(shutdown)};

static const int of_policy[] = {SCMP_SYS(accept4), SCMP_SYS(getsockopt)};

/* SQLite on its own file and journal: policy, hi2. */
static const int of_database[] = {SCMP_SYS(openat), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(unlink), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(access), SCMP_SYS(getcwd),
    SCMP_SYS(readlink), SCMP_SYS(geteuid), SCMP_SYS(fchown), SCMP_SYS(fchmod)};

static const int of_hi2[] = {SCMP_SYS(statx)}; /* is the queue a copy? */

static const int of_audit[] = {SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(fdatasync), SCMP_SYS(fsync)};

/*
 * SoftHSM reads its object files under a lock at each use of a key, and its
 * folder again when another process has changed the token: hsm, signer.  Each
 * call more is to be stated in docs/PRIVSEP.md, and in tests/sandbox.
 */
static const int of_token[] = {SCMP_SYS(poll), SCMP_SYS(openat),
    SCMP_SYS(newfstatat), SCMP_SYS(getdents64)};

/* The sealed head is written; a long warrant is read. */
static const int of_hsm[] = {SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(fdatasync), SCMP_SYS(mremap)};

/* Whoever has a module that calls somebody: hsm, signer. */
static const int of_reach[] = {SCMP_SYS(connect), SCMP_SYS(setsockopt),
    SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(shutdown), SCMP_SYS(recvfrom), SCMP_SYS(ppoll), SCMP_SYS(select),
    SCMP_SYS(pselect6), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep)};

struct set {
	const int *calls;
	size_t n;
};
#define SET(a) \
	{ \
		a, sizeof(a) / sizeof(a[0]) \
	}
#define MAX_SETS 4
static const struct set sets[SANDBOX__MAX][MAX_SETS] = {
    [SANDBOX_XK] = {SET(common), SET(loop), SET(of_server)},
    [SANDBOX_POLICY] = {SET(common), SET(loop), SET(of_database),
	SET(of_policy)},
    [SANDBOX_AUDIT] = {SET(common), SET(loop), SET(of_audit)},
    [SANDBOX_HSM] = {SET(common), SET(of_token), SET(of_hsm)},
    [SANDBOX_X2] = {SET(common), SET(loop), SET(of_server)},
    [SANDBOX_HI2] = {SET(common), SET(loop), SET(of_database), SET(of_hi2)},
    [SANDBOX_XKC] = {SET(common), SET(loop), SET(of_client)},
    [SANDBOX_HI2C] = {SET(common), SET(loop), SET(of_client)},
    [SANDBOX_SIGNER] = {SET(common), SET(of_token)},
};

/* Libraries that probe get an answer they know how to live with. */
static const struct {
	int call;
	int error;
} probes[] = {{SCMP_SYS(clone3), ENOSYS}, {SCMP_SYS(io_uring_setup), ENOSYS},
    /* OpenSSL and libc look for files that are not there */
    {SCMP_SYS(open), EACCES}, {SCMP_SYS(uname), ENOSYS},
    {SCMP_SYS(sysinfo), ENOSYS}, {SCMP_SYS(prlimit64), EPERM},
    {SCMP_SYS(membarrier), ENOSYS},
    /* what is locked stays so, whatever a module thinks of it */
    {SCMP_SYS(munlock), EPERM}};

static int
add_sets(scmp_filter_ctx c, enum sandbox which)
{
	int rc = 0;

	for (unsigned s = 0; s < MAX_SETS && rc == 0; s++)
		for (size_t i = 0; i < sets[which][s].n && rc == 0; i++)
			rc = seccomp_rule_add(c, SCMP_ACT_ALLOW,
			    sets[which][s].calls[i], 0);
	return rc;
}

/*
 * Allows `call` where `and` holds, on a descriptor beyond the line to the
 * supervisor: one of the bits above is set.  The kernel reads 32 bits of the
 * argument, where "greater" would compare 64.
 */
#define FIRST_BIT 2 /* CTL_FD is 3, and so is none of 0 to 3 */
#define LAST_BIT 20 /* more than a process has */
static int
add_opened(scmp_filter_ctx c, int call, const struct scmp_arg_cmp *and,
    unsigned n)
{
	struct scmp_arg_cmp where[3];
	int rc = 0;

	memcpy(where, and, n * sizeof(*and));
	for (unsigned bit = FIRST_BIT; bit <= LAST_BIT && rc == 0; bit++) {
		where[n] = (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ,
		    UINT64_C(1) << bit, UINT64_C(1) << bit};
		rc = seccomp_rule_add_array(c, SCMP_ACT_ALLOW, call, n + 1,
		    where);
	}
	return rc;
}

/*
 * A socket that waits or does not: a connection is made within a time.  Not of
 * standard error, whose mode may be all that keeps a log as it is; and of no
 * file to be appended to.  What a driver takes is its own matter: any ioctl(),
 * but not of a terminal that the appliance was started on.
 */
static int
add_reach(scmp_filter_ctx c, const struct reach *r)
{
	const struct scmp_arg_cmp mode[] = {{1, SCMP_CMP_EQ, F_SETFL, 0},
	    {2, SCMP_CMP_MASKED_EQ,
		UINT32_MAX & ~(uint32_t)(O_ACCMODE | O_NONBLOCK), 0}};
	int rc = 0;

	for (size_t i = 0; i < sizeof(of_reach) / sizeof(of_reach[0]) &&
	     reach_sockets(r) && rc == 0;
	     i++)
		rc = seccomp_rule_add(c, SCMP_ACT_ALLOW, of_reach[i], 0);
	if (reach_sockets(r) && rc == 0)
		rc = add_opened(c, SCMP_SYS(fcntl), mode, 2);
	if (r->device && rc == 0)
		rc = add_opened(c, SCMP_SYS(ioctl), mode, 0);
	return rc;
}

bool
sandbox_allows(enum sandbox which, int call)
{
	for (unsigned s = 0; s < MAX_SETS; s++)
		for (size_t i = 0; i < sets[which][s].n; i++)
			if (sets[which][s].calls[i] == call)
				return true;
	return false;
}

/* Allows `call` where its argument `arg`, under `mask`, is `value`. */
static int
add_where(scmp_filter_ctx c, int call, unsigned arg, uint64_t mask,
    uint64_t value)
{
	const struct scmp_arg_cmp where = {arg, SCMP_CMP_MASKED_EQ, mask,
	    value};

	return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, call, 1, &where);
}

/*
 * Memory is never made executable again; what is open stays open as it is;
 * signals go to nobody else; to send is not to connect (Landlock watches
 * connect() alone).
 */
static int
add_limited(scmp_filter_ctx c, enum sandbox which)
{
	static const int fcntls[] = {F_GETFL, F_GETFD, F_SETFD, F_SETLK,
	    F_SETLKW, F_GETLK};
	int rc;

	/* To read whether the clock is synchronised: no privilege to set it. */
	if (which == SANDBOX_POLICY &&
	    (rc = add_where(c, SCMP_SYS(clock_adjtime), 0, UINT64_MAX,
		 CLOCK_REALTIME)) != 0)
		return rc;
	if ((rc = add_where(c, SCMP_SYS(mmap), 2, PROT_EXEC, 0)) != 0 ||
	    (rc = add_where(c, SCMP_SYS(mprotect), 2, PROT_EXEC, 0)) != 0 ||
	    (rc = add_where(c, SCMP_SYS(ioctl), 1, UINT64_MAX, FIONBIO)) != 0 ||
	    (rc = add_where(c, SCMP_SYS(sendto), 3, MSG_FASTOPEN, 0)) != 0 ||
	    (rc = add_where(c, SCMP_SYS(sendmsg), 2, MSG_FASTOPEN, 0)) != 0 ||
	    (rc = add_where(c, SCMP_SYS(tgkill), 0, UINT64_MAX,
		 (uint64_t)getpid())) != 0)
		return rc;
	for (size_t i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		if ((rc = add_where(c, SCMP_SYS(fcntl), 1, UINT64_MAX,
			 (uint64_t)fcntls[i])) != 0)
			return rc;
	return 0;
}

/* A stream of this family, and nothing else that it has. */
static int
add_stream(scmp_filter_ctx c, unsigned family, unsigned protocol)
{
	const struct scmp_arg_cmp where[] = {{0, SCMP_CMP_EQ, family, 0},
	    {1, SCMP_CMP_MASKED_EQ, SOCK_TYPE, SOCK_STREAM},
	    {2, SCMP_CMP_EQ, protocol, 0}};

	return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
	    where);
}

/* A module may say TCP by its number too, as getaddrinfo() does. */
static int
add_tcp(scmp_filter_ctx c, const struct reach *r)
{
	static const unsigned protocols[] = {0, IPPROTO_TCP};
	int rc = 0;

	for (unsigned i = 0; i < (r->n_ports > 0 ? 2U : 1U) && rc == 0; i++)
		if ((rc = add_stream(c, AF_INET, protocols[i])) == 0)
			rc = add_stream(c, AF_INET6, protocols[i]);
	return rc;
}

/*
 * xkc and hi2c call one server, over TCP, and nothing on this machine; a
 * token's module whom it is said to call; nobody else makes a socket.  A rule
 * without an argument would override those with one, so the errors have ranges.
 */
static int
add_socket(scmp_filter_ctx c, enum sandbox which, const struct reach *r)
{
	const bool tcp =
	    which == SANDBOX_XKC || which == SANDBOX_HI2C || r->n_ports > 0;
	const struct scmp_arg_cmp below = {0, SCMP_CMP_LT,
				      r->local ? AF_UNIX : AF_INET, 0},
				  above = {0, SCMP_CMP_GT,
				      tcp ? AF_INET6 : AF_UNIX, 0};
	const uint32_t no = SCMP_ACT_ERRNO(EACCES);
	int rc;

	if (!tcp && !r->local)
		return seccomp_rule_add(c, no, SCMP_SYS(socket), 0);
	if ((rc = seccomp_rule_add_array(c, no, SCMP_SYS(socket), 1, &below)) !=
		0 ||
	    (rc = seccomp_rule_add_array(c, no, SCMP_SYS(socket), 1, &above)) !=
		0)
		return rc;
	if (r->local && (rc = add_stream(c, AF_UNIX, 0)) != 0)
		return rc;
	return tcp ? add_tcp(c, r) : 0;
}

static int
add_probes(scmp_filter_ctx c, enum sandbox which)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if ((rc = seccomp_rule_add(c,
			 SCMP_ACT_ERRNO((uint16_t)probes[i].error),
			 probes[i].call, 0)) != 0)
			return rc;
	/* fstat() of this libc; by path it is no file of this process. */
	if (!sandbox_allows(which, SCMP_SYS(newfstatat)))
		rc = add_where(c, SCMP_SYS(newfstatat), 3, UINT64_MAX,
		    AT_EMPTY_PATH);
	if (rc == 0 && !sandbox_allows(which, SCMP_SYS(openat)))
		rc = seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES),
		    SCMP_SYS(openat), 0);
	return rc;
}

/*
 * Threads that libraries started before are in it too, and a call of another
 * architecture's table ends the process like any other, not its thread alone.
 */
static int
set_whole(scmp_filter_ctx c)
{
	int rc = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);

	return rc != 0 ? rc
		       : seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH,
			     SCMP_ACT_KILL_PROCESS);
}

void
sandbox_load(enum sandbox which, const char *name, const struct reach *reach)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (c == NULL)
		fatal("seccomp: out of memory");
	if ((rc = set_whole(c)) != 0 || (rc = add_sets(c, which)) != 0 ||
	    (rc = add_limited(c, which)) != 0 ||
	    (rc = add_reach(c, reach)) != 0 ||
	    (rc = add_socket(c, which, reach)) != 0 ||
	    (rc = add_probes(c, which)) != 0 || (rc = seccomp_load(c)) != 0)
		fatal("the seccomp filter of %s does not load: %s", name,
		    strerror(-rc));
	seccomp_release(c);
}
