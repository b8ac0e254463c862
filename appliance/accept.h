/*
 * accept: what a listening socket brings, as far as admission.h lets it in:
 * closed before TLS what is over, and without the states of TCP that a flood
 * would leave behind.
 */
#ifndef APPLIANCE_ACCEPT_H
#define APPLIANCE_ACCEPT_H

#include "appliance/admission.h"

/* A handshake that is as old makes room for a new one. */
#define ACCEPT_EARLY_MS 1000

struct accept_ops {
	const char *section; /* of the configuration, for the log */
	/* Is there no room for one more?  It may be made. */
	bool (*full)(void *ctx);
	/* Ends the oldest handshake under way, if it is as old; true: it has */
	bool (*end_oldest)(void *ctx);
	/* Its descriptor and place are the connection's then; false: not. */
	bool (*add)(void *ctx, int fd, const struct admitted *);
};

/* One event of the socket: some of what waits there. */
void accept_turn(struct admission *, int listen_fd, int64_t now_ms,
    const struct accept_ops *, void *ctx);

#endif
