#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <unistd.h>

#include "appliance/landlock.h"

/*
 * The kernel's interface as of ABI 6: headers of an older system lack what came
 * after theirs, and the machine that runs this may have it.
 */
#define FS_ABI_1 ((1ULL << 13) - 1)
#define FS_REFER (1ULL << 13) /* 2 */
#define FS_TRUNCATE (1ULL << 14) /* 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* 5 */
#define NET_BIND_TCP (1ULL << 0) /* 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* 6 */
#define SCOPE_SIGNAL (1ULL << 1)
#define RULE_NET_PORT 2

struct ruleset {
	uint64_t fs, net, scoped;
};
struct net_port {
	uint64_t access, port;
};

#define OF_FILE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    FS_TRUNCATE | FS_IOCTL_DEV)
#define OF_FOLDER \
	(OF_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE)

unsigned
landlock_abi(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (unsigned)abi;
}

static struct ruleset
handled(unsigned abi)
{
	struct ruleset r = {.fs = FS_ABI_1};

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return r;
}

/* An older kernel takes no longer a structure than it knows. */
static size_t
size_of(unsigned abi)
{
	return abi >= 6 ? sizeof(struct ruleset)
	    : abi >= 4	? 2 * sizeof(uint64_t)
			: sizeof(uint64_t);
}

static enum err
allow_path(int rules, uint64_t known, const char *path, struct why *why)
{
	struct landlock_path_beneath_attr a = {.parent_fd = -1};
	struct stat st;
	enum err rc = ERR_OK;

	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd == -1 || fstat(a.parent_fd, &st) == -1) {
		rc = why_errno(why, "%s", path);
	} else {
		a.allowed_access =
		    known & (S_ISDIR(st.st_mode) ? OF_FOLDER : OF_FILE);
		if (syscall(SYS_landlock_add_rule, rules,
			LANDLOCK_RULE_PATH_BENEATH, &a, 0) == -1)
			rc = why_errno(why, "Landlock: %s", path);
	}
	if (a.parent_fd != -1)
		close(a.parent_fd);
	return rc;
}

static enum err
allow_port(int rules, uint16_t port, struct why *why)
{
	const struct net_port a = {NET_CONNECT_TCP, port};

	return syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &a, 0) == -1
	    ? why_errno(why, "Landlock: port %u", port)
	    : ERR_OK;
}

enum err
landlock_enter(unsigned abi, const char *const path[], unsigned n,
    const uint16_t port[], unsigned n_ports, struct why *why)
{
	const struct ruleset r = handled(abi);
	const int rules =
	    (int)syscall(SYS_landlock_create_ruleset, &r, size_of(abi), 0);
	enum err rc = ERR_OK;

	if (rules == -1)
		return why_errno(why, "Landlock");
	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = allow_path(rules, r.fs, path[i], why);
	for (unsigned i = 0; i < n_ports && rc == ERR_OK && r.net != 0; i++)
		rc = allow_port(rules, port[i], why);
	if (rc == ERR_OK && syscall(SYS_landlock_restrict_self, rules, 0) == -1)
		rc = why_errno(why, "Landlock");
	close(rules);
	return rc;
}
