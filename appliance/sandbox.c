#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

#include "appliance/ctl.h"
#include "appliance/landlock.h"
#include "appliance/sandbox.h"
#include "base/log.h"

/*
 * What the processes have in common with each other, and what not.  policy and
 * audit have no secret that is not wrapped.
 */
static const struct {
	const char *name;
	bool network, writes, secrets;
} kinds[SANDBOX__MAX] = {[SANDBOX_XK] = {"xk", false, false, true},
    [SANDBOX_POLICY] = {"policy", false, true, false},
    [SANDBOX_AUDIT] = {"audit", false, true, false},
    [SANDBOX_HSM] = {"hsm", false, true, true},
    [SANDBOX_X2] = {"x2", false, false, true},
    [SANDBOX_HI2] = {"hi2", false, true, true},
    [SANDBOX_XKC] = {"xkc", true, false, true},
    [SANDBOX_HI2C] = {"hi2c", true, false, true},
    [SANDBOX_SIGNER] = {"signer", false, true, true}};

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

static bool
allows(enum sandbox which, int call)
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

/* A socket of TCP, and of nothing else that this family has. */
static int
add_tcp(scmp_filter_ctx c, unsigned family)
{
	const struct scmp_arg_cmp where[] = {{0, SCMP_CMP_EQ, family, 0},
	    {1, SCMP_CMP_MASKED_EQ, SOCK_TYPE, SOCK_STREAM},
	    {2, SCMP_CMP_EQ, 0, 0}};

	return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
	    where);
}

/*
 * xkc and hi2c call one server, over TCP, and nothing on this machine.  A rule
 * without an argument would override those with one, so its errors have ranges.
 */
static int
add_socket(scmp_filter_ctx c, enum sandbox which)
{
	const struct scmp_arg_cmp below = {0, SCMP_CMP_LT, AF_INET, 0},
				  above = {0, SCMP_CMP_GT, AF_INET6, 0};
	const uint32_t no = SCMP_ACT_ERRNO(EACCES);
	int rc;

	if (which != SANDBOX_XKC && which != SANDBOX_HI2C)
		return seccomp_rule_add(c, no, SCMP_SYS(socket), 0);
	if ((rc = seccomp_rule_add_array(c, no, SCMP_SYS(socket), 1, &below)) !=
		0 ||
	    (rc = seccomp_rule_add_array(c, no, SCMP_SYS(socket), 1, &above)) !=
		0 ||
	    (rc = add_tcp(c, AF_INET)) != 0)
		return rc;
	return add_tcp(c, AF_INET6);
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
	if (!allows(which, SCMP_SYS(newfstatat)))
		rc = add_where(c, SCMP_SYS(newfstatat), 3, UINT64_MAX,
		    AT_EMPTY_PATH);
	if (rc == 0 && !allows(which, SCMP_SYS(openat)))
		rc = seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES),
		    SCMP_SYS(openat), 0);
	return rc;
}

/*
 * Threads that libraries started before are in it too, and a call of another
 * architecture's table ends the process like any other, not its thread alone.
 */
static int
set_reach(scmp_filter_ctx c)
{
	int rc = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1);

	return rc != 0 ? rc
		       : seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH,
			     SCMP_ACT_KILL_PROCESS);
}

static void
load(enum sandbox which)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (c == NULL)
		fatal("seccomp: out of memory");
	if ((rc = set_reach(c)) != 0 || (rc = add_sets(c, which)) != 0 ||
	    (rc = add_limited(c, which)) != 0 ||
	    (rc = add_socket(c, which)) != 0 ||
	    (rc = add_probes(c, which)) != 0 || (rc = seccomp_load(c)) != 0)
		fatal("the seccomp filter of %s does not load: %s",
		    kinds[which].name, strerror(-rc));
	seccomp_release(c);
}

/* ---- what is around it ---- */

static struct confine wanted;
static bool confined;
static uint16_t called; /* the port */

/*
 * Before there is a loop: libuv (1.45 on) makes a ring of io_uring with it,
 * which would ask the kernel for what the filter refuses, and does without one
 * if it gets none.  With this filter come no new privileges.
 */
static void
forbid_rings(void)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
	int rc;

	if (c == NULL)
		fatal("seccomp: out of memory");
	if ((rc = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS),
		 SCMP_SYS(io_uring_setup), 0)) != 0 ||
	    (rc = seccomp_load(c)) != 0)
		fatal("io_uring cannot be forbidden: %s", strerror(-rc));
	seccomp_release(c);
}

void
sandbox_start(enum sandbox which)
{
	const char *text = getenv(CONFINE_ENV);
	struct why why = {""};

	if (!KW_SANDBOX)
		return;
	forbid_rings();
	/* Without a word of it (the attack tests): the filter alone. */
	if (text != NULL && confine_read(text, &wanted) != ERR_OK)
		fatal("the supervisor wants a confinement that there is not");
	if ((kinds[which].secrets && confine_lock(&wanted, &why) != ERR_OK) ||
	    confine_apart(&wanted, kinds[which].network, &why) != ERR_OK)
		ctl_fail(ERR_DENIED, &why);
}

/* The paths in `text`, which is cut at its colons. */
static void
take_paths(char *text, struct confine_use *use)
{
	char *save = NULL;

	for (char *p = strtok_r(text, ":", &save); p != NULL;
	     p = strtok_r(NULL, ":", &save)) {
		if (use->n_paths == CONFINE_PATHS)
			fatal("the supervisor names too many files");
		use->path[use->n_paths++] = p;
	}
}

void
sandbox_confine(enum sandbox which, uint16_t port)
{
	const char *files = getenv(CONFINE_FILES_ENV);
	struct confine_use use = {.port = port,
	    .network = kinds[which].network,
	    .writes = kinds[which].writes,
	    .secrets = kinds[which].secrets};
	char *text = strdup(files == NULL ? "" : files);
	struct why why = {""};

	if (!KW_SANDBOX) {
		free(text);
		return;
	}
	if (text == NULL)
		fatal("out of memory");
	take_paths(text, &use);
	if (confine_enter(&wanted, &use, &why) != ERR_OK ||
	    confine_prove(&wanted, &use, &why) != ERR_OK)
		ctl_fail(ERR_DENIED, &why);
	free(text);
	confined = true;
	called = port;
}

bool
sandbox_may_call(uint16_t port)
{
	return !confined || wanted.landlock < LANDLOCK_HAS_PORTS ||
	    port == called;
}

const struct confine *
sandbox_confinement(void)
{
	return &wanted;
}

/* Nobody starts anything any more. */
static void
forbid_processes(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_NPROC, &none) == -1)
		fatal("cannot forbid processes: %s", strerror(errno));
}

/* Acts that are refused with an error, not with the end of the process. */
static void
prove_filter(enum sandbox which)
{
	if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1 ||
	    errno != EACCES)
		fatal("the filter of %s does not hold: a socket of this "
		      "machine can be made, so it does not serve",
		    kinds[which].name);
	if (!allows(which, SCMP_SYS(openat)) &&
	    (openat(AT_FDCWD, "/", O_RDONLY | O_CLOEXEC) != -1 ||
		errno != EACCES))
		fatal("the filter of %s does not hold: a file can be opened, "
		      "so it does not serve",
		    kinds[which].name);
}

void
sandbox_enter(enum sandbox which)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("no_new_privs: %s", strerror(errno));
	if (!KW_SANDBOX) {
		log_warning("built without its seccomp filter");
		return;
	}
	forbid_processes();
	load(which);
	prove_filter(which);
}
