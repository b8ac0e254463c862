/* tls_files: what all TLS of the appliance shares, servers and clients. */
#ifndef APPLIANCE_TLS_FILES_H
#define APPLIANCE_TLS_FILES_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "appliance/tls_role.h"

/*
 * OpenSSL compresses certificates (RFC 8879) from 3.2 on, and takes in what a
 * stranger has compressed, unless it is told not to.
 */
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define TLS_NO_COMPRESSION \
	(SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | \
	    SSL_OP_NO_TX_CERTIFICATE_COMPRESSION)
#else
#define TLS_NO_COMPRESSION 0
#endif

/* PEM files as descriptors: a chain, its key, the CAs of the other side. */
struct tls_files {
	const char *section; /* of the configuration, for messages: "xk" */
	const char *ca_name; /* what it calls the CAs: "client_ca" */
	enum tls_role role; /* whose key it is, if it is in the token */
	int cert_fd, key_fd;
	int ca_fd; /* -1: none are taken in */
};

/*
 * TLS 1.3 alone, suites and groups, no tickets, no early data, no compression
 * of certificates; what has been
 * read is erased in OpenSSL's buffer (docs/PROTOCOL.md, A1).
 */
bool tls_profile(SSL_CTX *);

/*
 * Takes them in and closes them, in any case.  A key that is a public one is
 * the token's (tls_token.h), and must be that of the certificate.
 * ERR_MALFORMED: one of them, and `why` names it.
 */
enum err tls_use_files(SSL_CTX *, const struct tls_files *,
    struct why *why) MUST_CHECK;
void tls_close_files(const struct tls_files *);

/* The newest entry of OpenSSL's error queue in words; the queue is emptied. */
const char *tls_error(void);

#endif
