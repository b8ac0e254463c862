/*
 * reach: whom a token's PKCS#11 module calls beside the files that it opens: a
 * network HSM over TCP, a daemon of this machine over a local socket, a device.
 * token.calls of the configuration says it; what opens the token gets that and
 * no more (sandbox.h).
 */
#ifndef APPLIANCE_REACH_H
#define APPLIANCE_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* In the environment of a process that opens the token; none: nobody. */
#define REACH_ENV "KEYWARDEN_REACH"
#define REACH_MOST 4 /* entries of token.calls */
#define REACH_TEXT_MAX 64

struct reach {
	bool local; /* sockets of this machine, by their path */
	bool device; /* what a device is told and asked, by ioctl() */
	unsigned n_ports;
	uint16_t port[REACH_MOST]; /* over TCP, at any address */
};

/* Does it make sockets? */
bool reach_sockets(const struct reach *);

/*
 * One more entry: "ADDRESS:PORT", "[ADDRESS]:PORT", or an absolute path: a
 * device if there is one, and else a socket, or the folder that it is in.
 * ERR_MALFORMED, with `what` (an option's name) in `why`; ERR_FULL.
 */
enum err reach_add(struct reach *, const char *what, const char *entry,
    struct why *why) MUST_CHECK;

void reach_print(const struct reach *, char out[REACH_TEXT_MAX]);
/* ERR_MALFORMED leaves *out as it was. */
enum err reach_read(const char *text, struct reach *out) MUST_CHECK;

#endif
