/*
 * tls_link: a TLS connection to a server on a libuv loop, made again whenever
 * it is lost: the socket is made in the process's filter, attempts back off to
 * 30 s, and come at once after a connection that was steady.
 *
 * It is up when the handshake is done.  In TLS 1.3 a client whose certificate
 * is refused learns that only when it reads, so its owner says when the server
 * has shown that it goes on (tls_link_proved()).
 */
#ifndef APPLIANCE_TLS_LINK_H
#define APPLIANCE_TLS_LINK_H

#include <uv.h>

#include "appliance/address.h"
#include "appliance/tls_client.h"
#include "base/bytes.h"

#define TLS_LINK_READ 16384 /* octets that are taken at once, at most */
#define TLS_LINK_BEGIN_MS 10000 /* for connecting and the handshake */
#define TLS_LINK_BACKOFF_FIRST_MS 500
#define TLS_LINK_BACKOFF_MOST_MS 30000
#define TLS_LINK_STEADY_MS 1000 /* proved for so long: the next is at once */

struct tls_link;

/* What its owner does; none of these may free the link. */
struct tls_link_ops {
	const struct tls_client_kind *kind;
	void (*up)(void *ctx);
	/*
	 * Octets from the server, erased after the call.  NULL, or why the
	 * connection is to be dropped: a text that lives until it is.
	 */
	const char *(*take)(void *ctx, struct rd octets);
	/*
	 * The next octets for the server, none if left = 0: what has been shown
	 * stays in front until wrote() says how many of them have gone.
	 */
	struct rd (*out)(void *ctx);
	void (*wrote)(void *ctx, size_t n);
	/* Lost, or an attempt that came to nothing; `why` is for people. */
	void (*down)(void *ctx, const char *why);
};

/*
 * No connection yet, and none is tried before tls_link_set().  `whom` is for
 * the log, and kept: "the appliance that makes keys".  ERR_NOMEM.
 */
enum err tls_link_new(uv_loop_t *, const struct tls_link_ops *, void *ctx,
    const char *whom, struct tls_link **out) MUST_CHECK;

/* Where, as whom, and how. */
struct tls_link_to {
	SSL_CTX *tls; /* the link has a reference of its own */
	struct address address;
	const char *name; /* in the server's certificate; copied, up to 255 */
	/* Octets that the server's machine does not confirm for so long: it is
	 * lost (TCP_USER_TIMEOUT); 0: the system judges. */
	unsigned unheard_ms;
};

/* A connection that there is ends, and the next is due now. */
void tls_link_set(struct tls_link *, const struct tls_link_to *);
void tls_link_renew(struct tls_link *);

/* The server has shown that it takes this client. */
void tls_link_proved(struct tls_link *);

/* There is something to write; it is when the loop turns. */
void tls_link_wake(struct tls_link *);

/* The connection ends, if there is one; down() is called. */
void tls_link_drop(struct tls_link *, const char *why);

/* New lists of revoked certificates are in use, or one has ended. */
void tls_link_judge(struct tls_link *);

/* Ready for octets: up() was called, and down() not since. */
bool tls_link_is_up(const struct tls_link *);

/* The last words, when the process stops. */
void tls_link_bye(struct tls_link *);

#endif
