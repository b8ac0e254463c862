/*
 * handshake: TLS 1.3 in memory between a client and a server with xk's
 * recorder (appliance/xk_proof.h), for what a client proves by it.
 */
#ifndef TESTS_UNIT_HANDSHAKE_H
#define TESTS_UNIT_HANDSHAKE_H

#include "appliance/xk_proof.h"

struct handshake_end {
	X509 *cert; /* NULL: none is shown */
	EVP_PKEY *key;
	unsigned repeated; /* times that cert follows as its own chain */
};

struct handshake_want {
	struct handshake_end server, client;
	const char *suites; /* the client's; NULL: all */
	char *groups, *schemes; /* the same */
	uint8_t nonce[CLIENT_NONCE_LEN];
};

struct handshake {
	SSL *server, *client;
	struct xk_proof record;
	unsigned char *cert; /* the client's, DER */
	struct client_proof proof; /* views of record and cert */
};

/*
 * ERR_CLOSED if the two do not come to terms; else what xk_proof_get() says.
 * handshake_done() in any case.  Certificates are not verified.
 */
enum err handshake_make(const struct handshake_want *,
    struct handshake *out) MUST_CHECK;
void handshake_done(struct handshake *);

#endif
