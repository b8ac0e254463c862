/*
 * ec: the curves on which xP and yP are (RFC 6267 clause 6.4 "ECC Curve"):
 * P-256 (8), P-384 (11) and P-521 (14), by OpenSSL.
 */
#ifndef XK_EC_H
#define XK_EC_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

/* Octets of an uncompressed point, or 0 for a curve that is not served. */
size_t ec_point_octets(uint8_t curve);

/* Octets of the order, and the order itself; 0 and NULL likewise. */
size_t ec_order_octets(uint8_t curve);
unsigned ec_order_bits(uint8_t curve);
const uint8_t *ec_order(uint8_t curve);

/* Groups and scratch of one process; single-threaded. */
struct ec;
enum err ec_new(struct ec **out) MUST_CHECK;
void ec_free(struct ec **);

/*
 * ERR_OK if the octets are 04 || x || y of a point of the curve other than
 * infinity; ERR_MALFORMED if not, ERR_UNSUPPORTED for the curve.
 */
enum err ec_check_point(struct ec *, uint8_t curve, struct rd point) MUST_CHECK;

/*
 * ERR_OK if [secret]P equals the point, ERR_MISMATCH if not.  `secret` has
 * ec_order_octets() octets and is used in OpenSSL's constant-time way.
 */
enum err ec_check_secret(struct ec *, uint8_t curve, const uint8_t *secret,
    struct rd point) MUST_CHECK;

/* out = [secret]point, uncompressed, ec_point_octets(); erase it after use. */
enum err ec_mul(struct ec *, uint8_t curve, const uint8_t *secret,
    struct rd point, uint8_t *out) MUST_CHECK;

#endif
