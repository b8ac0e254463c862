/*
 * ctl: a process's end of its line to the supervisor: what it is started
 * with, and what comes later.  The line is descriptor 3 after exec.
 */
#ifndef APPLIANCE_CTL_H
#define APPLIANCE_CTL_H

#include "appliance/proto.h"
#include "base/ipc.h"

#define CTL_FD 3

/*
 * What a process does with each message; a NULL entry makes it one that this
 * process never gets: fatal.  `fd` is the handler's.
 */
struct ctl_handlers {
	void (*file)(void *ctx, enum ctl_file, int fd);
	void (*peer)(void *ctx, enum ctl_peer, unsigned index, int fd);
	void (*setup)(void *ctx, struct rd settings);
	void (*reload)(void *ctx, struct rd settings);
	void (*lists)(void *ctx); /* of revoked ones: those that came */
	void (*crls)(void *ctx, struct rd states); /* policy: msg_crls */
	void (*stop)(void *ctx);
	void (*init)(void *ctx, struct rd order);
	void (*probe)(void *ctx, struct rd order);
	void (*workers)(void *ctx, struct rd workers);
};

/*
 * Common start of a process: its name for the log, SIGPIPE ignored, not
 * dumpable.  KEYWARDEN_LOG in the environment sets the log's level.
 */
void ctl_init(const char *name);

/* Blocking: take messages until MSG_CTL_SETUP has been handled. */
void ctl_start(const struct ctl_handlers *, void *ctx);

/* One message; call when CTL_FD is readable.  The supervisor gone: exit. */
void ctl_receive(const struct ctl_handlers *, void *ctx);

void ctl_ready(void);

/* How the process's lists of revoked certificates stand. */
void ctl_lists(enum crl_state, int64_t ends);

/*
 * Say why the process cannot go on and end it.  ERR_PIN and ERR_MALFORMED
 * stop restarts until a person acts (docs/OPERATING.md).
 */
_Noreturn void ctl_fail(enum err, const struct why *);

#endif
