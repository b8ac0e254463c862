/* address: "ADDRESS:PORT" of the configuration.  Numbers only: no name is
 * looked up. */
#ifndef APPLIANCE_ADDRESS_H
#define APPLIANCE_ADDRESS_H

#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MAX_HOST 128 /* with its NUL */

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	char host[MAX_HOST]; /* without brackets and port */
};

/*
 * "1.2.3.4:7300" or "[::1]:7300" in two; `port` points into `text`.
 * ERR_MALFORMED, with `what` (an option's name) and `text` in `why`.
 */
enum err address_split(const char *what, const char *text, char host[MAX_HOST],
    const char **port, struct why *why) MUST_CHECK;

/* The same as a socket address; the port is 1 to 65535.  Asks nobody. */
enum err address_parse(const char *what, const char *text, struct address *out,
    struct why *why) MUST_CHECK;

uint16_t address_port(const struct address *);

#endif
