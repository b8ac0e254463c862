/*
 * confine: what is put around a process beside its filter (sandbox.h): a
 * Landlock domain, namespaces, a user of its own, locked memory, limits.  The
 * supervisor finds out once what this machine can do, and tells each process; a
 * process gets exactly that or does not serve.
 */
#ifndef APPLIANCE_CONFINE_H
#define APPLIANCE_CONFINE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* In the environment of a process: what its confinement is to be. */
#define CONFINE_ENV "KEYWARDEN_CONFINE"
/* And what it opens by name: folders and files, with ":" between them. */
#define CONFINE_FILES_ENV "KEYWARDEN_FILES"
#define CONFINE_TEXT_MAX 64
#define CONFINE_PATHS 24
#define CONFINE_PORTS 5 /* REACH_MOST, and one */

enum confine_namespaces {
	CONFINE_NO_NAMESPACES,
	CONFINE_NAMESPACES, /* with the privilege of root */
	CONFINE_USER_NAMESPACE, /* without: in a user namespace */
	CONFINE_NAMESPACES__MAX
};

struct confine {
	unsigned landlock; /* the ABI to use; 0: no domain */
	enum confine_namespaces namespaces;
	bool own_user; /* the process becomes `uid` and `gid` */
	bool memory_locked; /* of processes that have secrets */
	uid_t uid;
	gid_t gid;
};

/* What a process still needs of the machine. */
struct confine_use {
	const char *path[CONFINE_PATHS]; /* absolute */
	unsigned n_paths;
	uint16_t port[CONFINE_PORTS]; /* of servers that it calls */
	unsigned n_ports;
	bool network; /* it keeps the machine's network */
	bool writes; /* a file, by name or by descriptor */
	bool secrets; /* its memory is locked; else it can lock none */
};

/*
 * Can `path` stand in CONFINE_FILES_ENV?  An absolute one without a colon that
 * is not the root can.
 */
bool confine_can_name(const char *path);

void confine_print(const struct confine *, char out[CONFINE_TEXT_MAX]);
/* ERR_MALFORMED leaves *out as it was. */
enum err confine_read(const char *text, struct confine *out) MUST_CHECK;

/*
 * First of all, while there is one thread and nothing in memory: namespaces
 * (network unless it is kept, mounts, IPC, UTS).  ERR_IO with the reason.
 */
enum err confine_apart(const struct confine *, bool network,
    struct why *why) MUST_CHECK;

/*
 * All memory of a process that has secrets, what it has and what it will have,
 * stays out of swap from when it is first touched.  It takes a limit of locked
 * memory that is none, or one that can be lifted: under any other each mapping
 * could fail.  Before the user changes.  ERR_IO with the reason.
 */
enum err confine_lock(const struct confine *, struct why *why) MUST_CHECK;

/*
 * When all files but those of `use` are open and all libraries loaded: an empty
 * root with these paths alone, the user, no capability in any set,
 * no_new_privs, the domain, limits.  What it opens by name afterwards is there
 * under the same names.
 */
enum err confine_enter(const struct confine *, const struct confine_use *,
    struct why *why) MUST_CHECK;

/*
 * Tries what each layer must refuse.  ERR_DENIED with a sentence for the first
 * that is let through.
 */
enum err confine_prove(const struct confine *, const struct confine_use *,
    struct why *why) MUST_CHECK;

#endif
