#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

#include "appliance/ctl.h"
#include "appliance/landlock.h"
#include "appliance/sandbox_int.h"
#include "base/log.h"

/*
 * What the processes have in common with each other, and what not.  policy and
 * audit have no secret that is not wrapped.
 */
static const struct {
	const char *name;
	bool network, writes, secrets, token;
} kinds[SANDBOX__MAX] = {[SANDBOX_XK] = {"xk", false, false, true, false},
    [SANDBOX_POLICY] = {"policy", false, true, false, false},
    [SANDBOX_AUDIT] = {"audit", false, true, false, false},
    [SANDBOX_HSM] = {"hsm", false, true, true, true},
    [SANDBOX_X2] = {"x2", false, false, true, false},
    [SANDBOX_HI2] = {"hi2", false, true, true, false},
    [SANDBOX_XKC] = {"xkc", true, false, true, false},
    [SANDBOX_HI2C] = {"hi2c", true, false, true, false},
    [SANDBOX_SIGNER] = {"signer", false, true, true, true}};

/* ---- what is around it ---- */

_Static_assert(CONFINE_PORTS > REACH_MOST, "a server's port, and a module's");

static struct confine wanted;
static struct reach reach; /* of the token's module */
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

/* Does it keep the machine's network? */
static bool
network(enum sandbox which)
{
	return kinds[which].network || reach.n_ports > 0;
}

void
sandbox_start(enum sandbox which)
{
	const char *text = getenv(CONFINE_ENV), *whom = getenv(REACH_ENV);
	struct why why = {""};

	if (!KW_SANDBOX)
		return;
	if (kinds[which].token && whom != NULL &&
	    reach_read(whom, &reach) != ERR_OK)
		fatal("the supervisor says wrongly whom the module calls");
	forbid_rings();
	/* Without a word of it (the attack tests): the filter alone. */
	if (text != NULL && confine_read(text, &wanted) != ERR_OK)
		fatal("the supervisor wants a confinement that there is not");
	if ((kinds[which].secrets && confine_lock(&wanted, &why) != ERR_OK) ||
	    confine_apart(&wanted, network(which), &why) != ERR_OK)
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
	struct confine_use use = {.network = network(which),
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
	if (port != 0)
		use.port[use.n_ports++] = port;
	for (unsigned i = 0; i < reach.n_ports; i++)
		use.port[use.n_ports++] = reach.port[i];
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
	const int family = reach.local ? AF_NETLINK : AF_UNIX;

	if (socket(family,
		(reach.local ? SOCK_RAW : SOCK_STREAM) | SOCK_CLOEXEC,
		0) != -1 ||
	    errno != EACCES)
		fatal("the filter of %s does not hold: a socket of this "
		      "machine can be made, so it does not serve",
		    kinds[which].name);
	if (!sandbox_allows(which, SCMP_SYS(openat)) &&
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
	sandbox_load(which, kinds[which].name, &reach);
	prove_filter(which);
}
