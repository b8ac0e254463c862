/* lab_ec: the curves of xP and yP (RFC 6267 numbers 8, 11 and 14). */
#ifndef TESTS_LAB_EC_H
#define TESTS_LAB_EC_H

#include <stdbool.h>

#include <openssl/bn.h>

#include "base/bytes.h"

#define LAB_POINT_MAX 133 /* uncompressed, P-521 */

struct lab_ec {
	uint8_t number; /* in ECCPT */
	const char *name;
	int nid;
	size_t point_len; /* uncompressed */
	unsigned order_bits;
};

/* By number or by name; NULL for what this profile does not have. */
const struct lab_ec *lab_ec_by_number(uint8_t number);
const struct lab_ec *lab_ec_by_name(const char *name);

/* n of the curve; the caller frees. */
enum err lab_ec_order(const struct lab_ec *, BIGNUM **out) MUST_CHECK;

/* Uncompressed, coordinates below the prime, on the curve, not infinity. */
bool lab_ec_good(const struct lab_ec *, struct rd point);

/*
 * [k]P, or [k] times another's point, as point_len octets.  ERR_MALFORMED for
 * a bad point.
 */
enum err lab_ec_base(const struct lab_ec *, const BIGNUM *k,
    uint8_t *out) MUST_CHECK;
enum err lab_ec_mul(const struct lab_ec *, const BIGNUM *k, struct rd point,
    uint8_t *out) MUST_CHECK;

#endif
