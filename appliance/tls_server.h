/* tls_server: the TLS that the appliance's servers speak. */
#ifndef APPLIANCE_TLS_SERVER_H
#define APPLIANCE_TLS_SERVER_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "appliance/tls_role.h"

/* What one server has of its own; it must outlive all contexts made of it. */
struct tls_server_kind {
	const char *section; /* of the configuration, for messages: "xk" */
	enum tls_role role;
	/* The ALPN without which a client is refused, as the extension lists
	 * it (a length, then the name); NULL: none is asked for. */
	const unsigned char *alpn;
	unsigned alpn_len;
	bool (*extend)(SSL_CTX *); /* more for its context; NULL: nothing */
};

/*
 * A server context from the three PEM files, which are closed: TLS 1.3 alone,
 * both certificates, no tickets, no early data (docs/PROTOCOL.md).
 * ERR_MALFORMED: one of the files, and `why` names it; ERR_CRYPTO.
 */
enum err tls_server_new(const struct tls_server_kind *, int cert_fd, int key_fd,
    int ca_fd, SSL_CTX **out, struct why *why) MUST_CHECK;

#endif
