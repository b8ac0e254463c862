/*
 * lab_curve: the type-1 curve y^2 = x^3 + 1 over F_p of RFC 5091, its pairing
 * and its hashes, written down plainly from the RFC with the errata applied.
 * Slow and not in constant time: a laboratory's, never a product's.
 */
#ifndef TESTS_LAB_CURVE_H
#define TESTS_LAB_CURVE_H

#include <stdbool.h>

#include <openssl/bn.h>

#include "base/bytes.h"

#define LAB_HASH_LEN 20 /* SHA-1: the hash of the 512-bit level */
#define LAB_P_LEN 64

/* Affine; both coordinates are always there. */
struct lab_point {
	BIGNUM *x, *y;
	bool infinity;
};

/* a + b*i with i^2 = -1. */
struct lab_fp2 {
	BIGNUM *a, *b;
};

/*
 * Field operations latch their first failure in `failed`, so that a formula
 * is written straight down and checked once at its end.
 */
struct lab_curve {
	BIGNUM *p, *q;
	BIGNUM *cofactor; /* (p + 1) / q */
	struct lab_fp2 zeta; /* a cube root of unity */
	BIGNUM *spare; /* what a temporary is when memory has run out */
	BN_CTX *ctx;
	bool failed;
};

/*
 * Copies p and q.  ERR_MALFORMED unless p has 512 bits and q 160, both are
 * prime, p = 11 (mod 12) and q divides p + 1.
 */
enum err lab_curve_new(const BIGNUM *p, const BIGNUM *q,
    struct lab_curve **out) MUST_CHECK;
void lab_curve_free(struct lab_curve **);

enum err lab_point_new(struct lab_point **out) MUST_CHECK;
void lab_point_free(struct lab_point **); /* erases */

/* Coordinates below p, on the curve, not infinity. */
bool lab_point_good(struct lab_curve *, const struct lab_point *);

/* out = [k]in; they may be the same. */
enum err lab_point_mul(struct lab_curve *, struct lab_point *out,
    const BIGNUM *k, const struct lab_point *in) MUST_CHECK;

/*
 * Canonical(e'(A, B)^k) of order 0: 2 * LAB_P_LEN octets.  `k` NULL means 1.
 * Neither point may be infinity.
 */
enum err lab_pairing(struct lab_curve *, const struct lab_point *a,
    const struct lab_point *b, const BIGNUM *k, uint8_t *out) MUST_CHECK;

/* RFC 5091 4.1.1, 4.2.1 and 4.4.2, with SHA-1. */
enum err lab_hash(struct rd a, struct rd b, uint8_t *out) MUST_CHECK;
enum err lab_hash_to_range(struct lab_curve *, struct rd s, const BIGNUM *n,
    BIGNUM *out) MUST_CHECK;
enum err lab_hash_bytes(const uint8_t *rho, uint8_t *out,
    size_t len) MUST_CHECK;
enum err lab_hash_to_point(struct lab_curve *, struct rd id,
    struct lab_point *out) MUST_CHECK;

#ifdef LAB_CURVE_INTERNAL
/* Shared by lab_curve.c and lab_pairing.c. */
BIGNUM *lab_tmp(struct lab_curve *);
void lab_add(struct lab_curve *, BIGNUM *, const BIGNUM *, const BIGNUM *);
void lab_sub(struct lab_curve *, BIGNUM *, const BIGNUM *, const BIGNUM *);
void lab_mul(struct lab_curve *, BIGNUM *, const BIGNUM *, const BIGNUM *);
void lab_inv(struct lab_curve *, BIGNUM *, const BIGNUM *);
void lab_word(struct lab_curve *, BIGNUM *, unsigned);
void lab_copy(struct lab_curve *, BIGNUM *, const BIGNUM *);
void lab_point_sum(struct lab_curve *, struct lab_point *out,
    const struct lab_point *s, const struct lab_point *t);
void lab_point_copy(struct lab_curve *, struct lab_point *out,
    const struct lab_point *in);
#endif

#endif
