/*
 * bf_der: the ASN.1 of RFC 5091 clause 7 that the KMS side needs, strict DER.
 * BFCiphertextBlock is read by xk/, in a process that holds no key.
 */
#ifndef HSM_BF_DER_H
#define HSM_BF_DER_H

#include <gmp.h>

#include "base/bytes.h"

struct bf_public {
	mpz_t p, q;
	mpz_t point_p[2], point_ppub[2];
	const char *hash; /* OpenSSL's name; static */
};

void bf_public_init(struct bf_public *);
void bf_public_clear(struct bf_public *);

/* ERR_MALFORMED, or ERR_UNSUPPORTED for another curve, version or hash. */
enum err bf_public_decode(struct rd der, struct bf_public *out,
    struct why *why) MUST_CHECK;

/* At most `cap` octets. */
enum err bf_public_encode(const struct bf_public *, uint8_t *der, size_t cap,
    size_t *len) MUST_CHECK;

/* BFPrivateKeyBlock of a point with coordinates of n octets: a secret. */
enum err bf_private_encode(const uint8_t *x, const uint8_t *y, size_t n,
    uint8_t *der, size_t cap, size_t *len) MUST_CHECK;

#endif
