/*
 * tls_role: as whom a process of the appliance shows itself in TLS.  The token
 * has one key for each role, and what may be signed by it is this alone: the
 * CertificateVerify of that end of a TLS 1.3 handshake (RFC 8446 clause 4.4.3).
 */
#ifndef APPLIANCE_TLS_ROLE_H
#define APPLIANCE_TLS_ROLE_H

#include <stdint.h>

#include "base/bytes.h"

enum tls_role {
	TLS_ROLE_XK, /* server for DF2/MFs */
	TLS_ROLE_X2, /* server for CSCFs */
	TLS_ROLE_XKC, /* client of another appliance */
	TLS_ROLE_HI2, /* client of LEMFs, of each of them */
	TLS_ROLE__MAX
};

/* The section of the configuration: "xk", "x2", "xk_client", "hi2". */
const char *tls_role_name(enum tls_role);
/* ERR_NOTFOUND: it is none of these. */
enum err tls_role_by_name(const char *, enum tls_role *out) MUST_CHECK;

/* In sections of the configuration, in place of a key's path. */
#define TLS_KEY_IN_TOKEN "token"

/* Octets of a transcript's hash: SHA-256, SHA-384. */
#define TLS_HASH_LEAST 32
#define TLS_HASH_MOST 48
#define TLS_INPUT_MAX (64 + 33 + 1 + TLS_HASH_MOST)
#define TLS_SIGNATURE_MAX 72 /* DER of ECDSA-Sig-Value with P-256 */

/*
 * The octets that are signed for a transcript with this hash: 64 spaces, the
 * context string of that end, a zero, the hash.  ERR_MALFORMED: it is as long
 * as no hash of a cipher suite that we speak.
 */
enum err tls_role_input(enum tls_role, struct rd hash,
    uint8_t out[TLS_INPUT_MAX], size_t *len) MUST_CHECK;

/* The hash in such octets; ERR_MALFORMED: they are nothing of that role. */
enum err tls_role_hash(enum tls_role, struct rd input,
    struct rd *hash) MUST_CHECK;

#endif
