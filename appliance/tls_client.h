/*
 * tls_client: the TLS of the appliance's processes that call a server: TLS
 * 1.3, certificates of both sides, the server's by its CA and its name or
 * address, by its pin, or both.
 */
#ifndef APPLIANCE_TLS_CLIENT_H
#define APPLIANCE_TLS_CLIENT_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "appliance/tls_crl.h"
#include "appliance/tls_fds.h"
#include "appliance/tls_role.h"
#include "base/error.h"
#include "policy/digest.h"

/* What one client has of its own; it must outlive all contexts made of it. */
struct tls_client_kind {
	const char *section; /* of the configuration: "xk_client" */
	enum tls_role role;
	const char *ca_name; /* what it calls the servers' CAs: "server_ca" */
	/* The ALPN that a server must choose, as the extension lists it (a
	 * length, then the name); NULL: none is asked for. */
	const unsigned char *alpn;
	unsigned alpn_len;
	/* TLS 1.2 too, with ECDHE and AEAD alone (TS 102 232-1 clause 6.3.1
	 * asks for 1.2 at least). */
	bool tls12;
	/* SHA-256 of the certificates, one of which the server must show. */
	unsigned n_pins;
	const uint8_t (*pin)[DIGEST_LEN];
	/* Of revoked ones, for servers known by a CA; NULL: none. */
	struct tls_crl *lists;
};

/*
 * A client context from the files, which are closed; lists of revoked ones
 * among them stay the caller's.  Without a CA a server is known by its pin
 * alone: the name, the issuer and lists are not looked at, the dates are.
 * ERR_MALFORMED: one of the files, and `why` names it; ERR_CRYPTO.
 */
enum err tls_client_new(const struct tls_client_kind *, const struct tls_fds *,
    SSL_CTX **out, struct why *why) MUST_CHECK;

/*
 * A connection of it on a socket, which stays the caller's.  The certificate
 * must have `name` among its addresses, if it is one, else among its DNS names
 * (RFC 6125 clause 6.4; a wildcard stands for a whole label).  ERR_MALFORMED:
 * it is neither.  ERR_CRYPTO.
 */
enum err tls_client_open(SSL_CTX *, int fd, const char *name,
    SSL **out) MUST_CHECK;

/* After the handshake: has the server chosen the ALPN that was asked for? */
bool tls_client_agreed(const struct tls_client_kind *, const SSL *);

/* Why it failed: the server's certificate, or OpenSSL's newest error. */
const char *tls_client_error(const SSL *);

#endif
