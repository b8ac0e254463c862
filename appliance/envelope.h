/* envelope: octets sealed to one certificate (CMS, RFC 5652 and RFC 5083). */
#ifndef APPLIANCE_ENVELOPE_H
#define APPLIANCE_ENVELOPE_H

#include <openssl/x509.h>

#include "base/bytes.h"

/*
 * DER of a ContentInfo: AuthEnvelopedData with AES-256-GCM, content type
 * id-data, one recipient by issuer and serial number.  To an RSA key:
 * RSAES-OAEP with SHA-256.  To an EC key: ephemeral-static ECDH (RFC 5753), KDF
 * of X9.63 with SHA-256, AES-256 key wrap.  *out is the caller's to
 * OPENSSL_free().  ERR_CRYPTO: another kind of key, or OpenSSL failed.
 */
enum err envelope(X509 *to, struct rd in, uint8_t **out,
    size_t *out_len) MUST_CHECK;

#endif
