/*
 * tls_token: keys of TLS that are in the token, for a process that has none of
 * it: a provider of OpenSSL, built in, whose keys of P-256 sign the
 * CertificateVerify of their role and refuse anything else.  A signature is
 * asked for by its owner (tls_asks.h), and the handshake pauses until it is
 * there (SSL_MODE_ASYNC).  One thread.
 *
 * While a handshake is paused its stack is OpenSSL's, and holds what SSL_free()
 * would leak or leave in use: tls_token_forget() comes first.
 */
#ifndef APPLIANCE_TLS_TOKEN_H
#define APPLIANCE_TLS_TOKEN_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "appliance/tls_role.h"

/* A connection's part of it; zero at first. */
struct tls_wait {
	struct tls_wait *next, **at; /* list of those that are asked for */
	uint32_t id;
	bool asked;
	uint8_t sig[TLS_SIGNATURE_MAX];
	size_t len; /* 0: none is to be had */
	/* The signature is there, or will not be: go on with the handshake. */
	void (*resume)(void *ctx);
	void *ctx;
};

/*
 * The token's key with this public half, as a private key for SSL_CTX.  It is
 * the caller's.  NULL: OpenSSL's errors say why.
 */
EVP_PKEY *tls_token_key(EVP_PKEY *public_half, enum tls_role);

/* For a context that has such a key; before there are connections of it. */
void tls_token_profile(SSL_CTX *);

/*
 * SSL_do_handshake() for connections with keys of any kind.  While it waits for
 * a signature SSL_get_error() says SSL_ERROR_WANT_ASYNC, and `w->resume` is
 * called later; that the socket is ready means nothing until then.
 */
int tls_token_handshake(SSL *, struct tls_wait *w);
bool tls_token_waits(const struct tls_wait *);

/* The connection ends, whether or not it waits; SSL_free() may follow. */
void tls_token_forget(SSL *, struct tls_wait *);

/* ---- for who asks (tls_asks.c, tests) ---- */

/*
 * `ask` passes a hash on and returns; false: there is nobody to ask.  The
 * answer comes by tls_token_answer(); no signature: an empty view.  An id of
 * nobody (any more) is let through.
 */
void tls_token_ask_by(bool (*ask)(void *ctx, uint32_t id, struct rd hash),
    void *ctx);
void tls_token_answer(uint32_t id, struct rd sig);
/* Nothing that was asked for will come. */
void tls_token_fail_all(void);

#endif
