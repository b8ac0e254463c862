/*
 * xk_proof: what a client signs in its handshake, kept for policy, which
 * verifies it (policy/client_proof.h).  The server's CertificateRequest has a
 * nonce of policy in an extension of private use; the handshake's messages are
 * recorded as RFC 8446 clause 4.4.1 strings them together, up to the client's
 * Certificate, and the client's CertificateVerify behind them.
 */
#ifndef APPLIANCE_XK_PROOF_H
#define APPLIANCE_XK_PROOF_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "policy/client_proof.h"

/* In CertificateRequest: a client must ignore it (RFC 8446 clause 4.3.2). */
#define XK_PROOF_EXTENSION 0xff5a

struct xk_proof {
	uint8_t nonce[CLIENT_NONCE_LEN];
	uint8_t *p; /* the messages */
	size_t len, cap;
	size_t hello1; /* octets of a ClientHello that was sent back, or 0 */
	size_t verify; /* where CertificateVerify begins, once it is there */
	bool failed; /* no memory, or over MAX_TRANSCRIPT */
};

/*
 * For a server's context: the extension, and the schemes that a client may
 * sign with, which are those that policy verifies.  False: the library failed.
 */
bool xk_proof_profile(SSL_CTX *) MUST_CHECK;

/*
 * Record the handshake of this connection; before it begins.  The nonce may be
 * set until then.  *k must live as long as the connection or until
 * xk_proof_done().
 */
void xk_proof_watch(SSL *, struct xk_proof *k);

/*
 * Of a handshake that is done: the views are into *k, which is changed.  The
 * certificate is left to the caller.  ERR_TOOBIG: more than MAX_TRANSCRIPT;
 * ERR_MALFORMED: it is not a handshake in which a client has signed.
 */
enum err xk_proof_get(SSL *, struct xk_proof *k,
    struct client_proof *out) MUST_CHECK;

/* Forget it and record no more. */
void xk_proof_done(SSL *, struct xk_proof *k);

#endif
