/*
 * tls_asks: the channel to keywarden-signer of a process that faces the
 * network, over which signatures for its handshakes are asked (tls_token.h).
 */
#ifndef APPLIANCE_TLS_ASKS_H
#define APPLIANCE_TLS_ASKS_H

#include <uv.h>

#include "appliance/peer.h"

/*
 * A new channel, in place of the one before: handshakes that waited on that
 * fail.  Takes `fd` over.
 */
void tls_asks_joined(uv_loop_t *, int fd);

/* How it is read, for tests. */
extern const struct peer_ops tls_asks_ops;

#endif
