/*
 * df2_client: the client's end of Xk, blocking: TLS 1.3 with both
 * certificates, ALPN xk/1.  For keywarden-df2 and the bench.
 */
#ifndef APPLIANCE_DF2_CLIENT_H
#define APPLIANCE_DF2_CLIENT_H

#include "xk/xk_pdu.h"

struct df2_where {
	const char *address; /* HOST:PORT */
	const char *cert, *key, *ca; /* PEM files */
	const char *name; /* in the server's certificate; NULL: HOST */
};

struct df2;

/* ERR_CLOSED, ERR_CRYPTO, ERR_IO with the reason in `why`. */
enum err df2_open(const struct df2_where *, struct df2 **out,
    struct why *why) MUST_CHECK;
void df2_close(struct df2 **);

/* Send octets as they are. */
enum err df2_send(struct df2 *, const uint8_t *der, size_t len,
    struct why *why) MUST_CHECK;

/* The next PDU; *out is the caller's to xk_msg_free(). */
enum err df2_receive(struct df2 *, struct xk_msg *out,
    struct why *why) MUST_CHECK;

/* One request and its answer, whatever that is. */
enum err df2_get_keys(struct df2 *, uint32_t id, const struct xk_get_keys *,
    struct xk_msg *out, struct why *why) MUST_CHECK;

#endif
