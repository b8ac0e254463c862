/*
 * client_proof: that whoever holds the key of a certificate has signed a TLS
 * 1.3 handshake (RFC 8446 clause 4.4.3) in which a nonce of ours stands.
 *
 * The transcript is never parsed, only searched and hashed: where the nonce
 * stands in it does not matter, as the signature covers all of it and so was
 * made after the nonce.  Pure: no I/O, nothing is kept.
 */
#ifndef POLICY_CLIENT_PROOF_H
#define POLICY_CLIENT_PROOF_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define CLIENT_NONCE_LEN 32

/* That of the cipher suite. */
enum client_hash { CLIENT_SHA256, CLIENT_SHA384, CLIENT_HASH__MAX };

/* Views of the caller's octets. */
struct client_proof {
	enum client_hash hash;
	uint16_t scheme; /* SignatureScheme of RFC 8446 clause 4.2.3 */
	struct rd signature; /* of CertificateVerify */
	struct rd cert; /* the client's, DER */
	struct rd transcript; /* ClientHello to the client's Certificate */
};

/*
 * ERR_OK: proven.  ERR_DENIED: not, and `why` says what does not hold: the
 * nonce is not in the transcript; the scheme is none of those below or not one
 * for the certificate's key; the signature does not verify.  ERR_CRYPTO: the
 * library failed.
 *
 * The certificate is parsed, for its public key alone: its SHA-256 must be one
 * that the caller knows.  Its dates and its issuer are not looked at.
 *
 * Schemes: ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384,
 * ecdsa_secp521r1_sha512, rsa_pss_rsae_ and rsa_pss_pss_ with sha256, sha384
 * and sha512, ed25519.
 */
enum err client_proof_check(const struct client_proof *,
    const uint8_t nonce[CLIENT_NONCE_LEN], struct why *why) MUST_CHECK;

#endif
