#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/confine_int.h"
#include "appliance/landlock.h"

/* ---- what the supervisor says ---- */

bool
confine_can_name(const char *path)
{
	return path[0] == '/' && path[1] != '\0' && strchr(path, ':') == NULL;
}

void
confine_print(const struct confine *c, char out[CONFINE_TEXT_MAX])
{
	(void)snprintf(out, CONFINE_TEXT_MAX,
	    "%u %u %u %u %" PRIu32 " %" PRIu32, c->landlock,
	    (unsigned)c->namespaces, c->memory_locked ? 1U : 0U,
	    c->own_user ? 1U : 0U, (uint32_t)c->uid, (uint32_t)c->gid);
}

enum err
confine_read(const char *text, struct confine *out)
{
	unsigned abi, namespaces, locked, own;
	uint32_t uid, gid;
	struct confine c;
	char again[CONFINE_TEXT_MAX];

	if (sscanf(text, "%u %u %u %u %" SCNu32 " %" SCNu32, &abi, &namespaces,
		&locked, &own, &uid, &gid) != 6 ||
	    namespaces >= CONFINE_NAMESPACES__MAX || locked > 1 || own > 1)
		return ERR_MALFORMED;
	c = (struct confine){.landlock = abi,
	    .namespaces = (enum confine_namespaces)namespaces,
	    .memory_locked = locked == 1,
	    .own_user = own == 1,
	    .uid = uid,
	    .gid = gid};
	confine_print(&c, again); /* what it says in other words is not ours */
	if (strcmp(text, again) != 0)
		return ERR_MALFORMED;
	*out = c;
	return ERR_OK;
}

/* ---- namespaces ---- */

static enum err
write_map(const char *file, const char *text, struct why *why)
{
	const int fd = open(file, O_WRONLY | O_CLOEXEC);
	enum err rc = ERR_OK;

	if (fd == -1 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		rc = why_errno(why, "user namespace: %s", file);
	if (fd != -1)
		close(fd);
	return rc;
}

/* The user alone is in it, as itself. */
static enum err
map_user(uid_t uid, gid_t gid, struct why *why)
{
	char users[64], groups[64];
	enum err rc;

	(void)snprintf(users, sizeof(users), "%" PRIu32 " %" PRIu32 " 1\n",
	    (uint32_t)uid, (uint32_t)uid);
	(void)snprintf(groups, sizeof(groups), "%" PRIu32 " %" PRIu32 " 1\n",
	    (uint32_t)gid, (uint32_t)gid);
	if ((rc = write_map("/proc/self/setgroups", "deny", why)) == ERR_OK &&
	    (rc = write_map("/proc/self/uid_map", users, why)) == ERR_OK)
		rc = write_map("/proc/self/gid_map", groups, why);
	return rc;
}

enum err
confine_apart(const struct confine *c, bool network, struct why *why)
{
	const int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
	    (network ? 0 : CLONE_NEWNET);
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	enum err rc;

	if (c->namespaces == CONFINE_NO_NAMESPACES)
		return ERR_OK;
	if (c->namespaces == CONFINE_NAMESPACES)
		return unshare(flags) == -1 ? why_errno(why, "namespaces")
					    : ERR_OK;
	/* What is in /proc of a process that is closed is root's to write. */
	if (prctl(PR_SET_DUMPABLE, 1) == -1)
		return why_errno(why, "namespaces");
	rc = unshare(CLONE_NEWUSER | flags) == -1
	    ? why_errno(why, "user namespace")
	    : map_user(uid, gid, why);
	if (prctl(PR_SET_DUMPABLE, 0) == -1 && rc == ERR_OK)
		rc = why_errno(why, "namespaces");
	return rc;
}

/* ---- memory ---- */

enum err
confine_lock(const struct confine *c, struct why *why)
{
	const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};

	if (!c->memory_locked)
		return ERR_OK;
	if (setrlimit(RLIMIT_MEMLOCK, &any) == -1)
		return why_errno(why, "the limit of locked memory (ulimit -l)");
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == -1
	    ? why_errno(why, "locking memory")
	    : ERR_OK;
}

/* ---- the user and its privileges ---- */

static enum err
drop_bounding_set(struct why *why)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap) == -1)
			return why_errno(why, "capability %lu", cap);
	return ERR_OK;
}

#define SECUREBITS \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS_LOCKED | \
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static enum err
drop_capabilities(struct why *why)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	const struct __user_cap_data_struct none[2] = {{0, 0, 0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    syscall(SYS_capset, &h, none) == -1)
		return why_errno(why, "capabilities");
	return ERR_OK;
}

/* Whoever has the privilege to takes itself what it could ever get back. */
static enum err
change_user(const struct confine *c, struct why *why)
{
	enum err rc = ERR_OK;

	if (c->namespaces == CONFINE_USER_NAMESPACE || geteuid() == 0) {
		if (prctl(PR_SET_SECUREBITS, SECUREBITS) == -1)
			return why_errno(why, "securebits");
		rc = drop_bounding_set(why);
	}
	if (rc == ERR_OK && c->own_user &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(c->gid, c->gid, c->gid) == -1 ||
		setresuid(c->uid, c->uid, c->uid) == -1))
		rc = why_errno(why, "user %" PRIu32, (uint32_t)c->uid);
	return rc == ERR_OK ? drop_capabilities(why) : rc;
}

/* ---- limits ---- */

/*
 * Who has no file of its own makes none grow, but for a log that standard
 * error is kept in.  Memory has limits of its own in each process, by count.
 */
static enum err
set_limits(const struct confine_use *use, struct why *why)
{
	const struct rlimit none = {0, 0};
	struct stat st;

	if (!use->writes &&
	    (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode)) &&
	    setrlimit(RLIMIT_FSIZE, &none) == -1)
		return why_errno(why, "limit of files");
	if (!use->secrets && setrlimit(RLIMIT_MEMLOCK, &none) == -1)
		return why_errno(why, "limit of locked memory");
	return setrlimit(RLIMIT_MSGQUEUE, &none) == -1
	    ? why_errno(why, "limit of message queues")
	    : ERR_OK;
}

enum err
confine_enter(const struct confine *c, const struct confine_use *use,
    struct why *why)
{
	enum err rc = set_limits(use, why);

	if (rc == ERR_OK && c->namespaces != CONFINE_NO_NAMESPACES)
		rc = confine_root(use->path, use->n_paths, why);
	if (rc == ERR_OK)
		rc = change_user(c, why);
	/* A change of user has undone these two. */
	if (rc == ERR_OK &&
	    (prctl(PR_SET_DUMPABLE, 0) == -1 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1))
		rc = why_errno(why, "no new privileges");
	if (rc == ERR_OK && c->landlock > 0)
		rc = landlock_enter(c->landlock, use->path, use->n_paths,
		    use->port, use->n_ports, why);
	return rc;
}

/* ---- proof ---- */

/* `rc` is -1 with that errno, or the act was not refused. */
static enum err
refused(int rc, int error, const char *layer, const char *act, struct why *why)
{
	if (rc == -1 && errno == error)
		return ERR_OK;
	return why_set(why, ERR_DENIED,
	    "%s does not hold: %s %s, so this process does not serve", layer,
	    act, rc == -1 ? "fails in another way than it must" : "works");
}

static enum err
prove_landlock(struct why *why)
{
	const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const enum err rc =
	    refused(fd, EACCES, "Landlock", "reading the root folder", why);

	if (fd != -1)
		close(fd);
	return rc;
}

/* Not even the machine's own address is there. */
static enum err
prove_network(struct why *why)
{
	const struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_port = htons(9),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum err rc;

	if (fd == -1)
		return why_errno(why, "a socket for the proof");
	rc = refused(connect(fd, (const struct sockaddr *)&a, sizeof(a)),
	    ENETUNREACH, "the network namespace", "reaching an address", why);
	close(fd);
	return rc;
}

static enum err
stays(void *p, size_t page, struct why *why)
{
	void *start = (void *)((uintptr_t)p & ~((uintptr_t)page - 1));

	return refused(madvise(start, page, MADV_PAGEOUT), EINVAL,
	    "locked memory", "sending a page to swap", why);
}

/* What was there before it was locked, and what comes after. */
static enum err
prove_memory(struct why *why)
{
	static uint8_t before = 1;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *after = mmap(NULL, page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	enum err rc;

	if (after == MAP_FAILED)
		return why_errno(why, "a page for the proof");
	after[0] = before;
	if ((rc = stays(&before, page, why)) == ERR_OK &&
	    (rc = stays(&rc, page, why)) == ERR_OK)
		rc = stays(after, page, why);
	(void)munmap(after, page);
	return rc;
}

enum err
confine_prove(const struct confine *c, const struct confine_use *use,
    struct why *why)
{
	enum err rc = ERR_OK;

	if (c->memory_locked && use->secrets)
		rc = prove_memory(why);
	if (rc == ERR_OK && c->landlock > 0)
		rc = prove_landlock(why);
	if (rc == ERR_OK && c->namespaces != CONFINE_NO_NAMESPACES) {
		rc = refused(access("/proc", F_OK), ENOENT,
		    "the mount namespace", "finding /proc", why);
		if (rc == ERR_OK && !use->network)
			rc = prove_network(why);
	}
	if (rc == ERR_OK)
		rc = refused(chroot("/"), EPERM, "the end of privileges",
		    "changing the root", why);
	if (rc == ERR_OK && c->own_user)
		rc = refused(setuid(0), EPERM, "the own user", "becoming root",
		    why);
	return rc;
}
