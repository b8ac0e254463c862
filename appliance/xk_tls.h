/* xk_tls: the TLS that a server of Xk speaks. */
#ifndef APPLIANCE_XK_TLS_H
#define APPLIANCE_XK_TLS_H

#include <openssl/ssl.h>

#include "base/error.h"

/*
 * A server context from the three PEM files, which are closed: TLS 1.3, both
 * certificates, ALPN xk/1 (docs/PROTOCOL.md).  Each connection of it needs
 * xk_proof_watch() before its handshake.
 */
enum err xk_tls_new(int cert_fd, int key_fd, int ca_fd, SSL_CTX **out,
    struct why *why) MUST_CHECK;

#endif
