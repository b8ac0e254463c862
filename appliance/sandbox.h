/*
 * sandbox: how each process is confined before the first foreign octet: what
 * confine.h puts around it, and a seccomp filter that kills on any system call
 * that the process does not need.
 */
#ifndef APPLIANCE_SANDBOX_H
#define APPLIANCE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "appliance/confine.h"

enum sandbox {
	SANDBOX_XK,
	SANDBOX_POLICY,
	SANDBOX_AUDIT,
	SANDBOX_HSM,
	SANDBOX_X2,
	SANDBOX_HI2,
	SANDBOX_XKC,
	SANDBOX_HI2C,
	SANDBOX_SIGNER,
	SANDBOX__MAX
};

/*
 * In this order; each ends the process with its reason (ctl_fail) when what the
 * supervisor wants cannot be had, or does not hold when it is tried.  Built
 * without KW_SANDBOX (sanitizers) they do nothing, and the last says so on the
 * log.
 */

/* First of all, behind ctl_init() and before an event loop is made. */
void sandbox_start(enum sandbox which);

/*
 * When all is open but what the supervisor lets it open by name, and before it
 * has a second thread.  `port` is that of the server which it calls, or 0.
 */
void sandbox_confine(enum sandbox which, uint16_t port);

/*
 * Can a server at that port be called by who is confined?  If not, the process
 * has to be started again.
 */
bool sandbox_may_call(uint16_t port);

/* What is around this process: from sandbox_start() on. */
const struct confine *sandbox_confinement(void);

/*
 * The filter; threads of before are in it too.  What it can never allow is
 * tried once.
 */
void sandbox_enter(enum sandbox which);
bool sandbox_is_built(void);

#endif
