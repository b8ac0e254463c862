/*
 * fp: arithmetic modulo an odd prime p of at most 512 bit, in Montgomery form
 * with eight 64-bit words, and in F_p2 = F_p(i), i^2 = -1.
 *
 * Everything here takes time that depends on p alone, unless its name ends in
 * _vartime (for public values).  Inversion multiplies by a fresh random value
 * first and inverts the product, which is uniform and so public.
 */
#ifndef HSM_FP_H
#define HSM_FP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gmp.h>

#include "base/error.h"

#define FP_WORDS 8
#define FP_OCTETS 64

struct fp {
	uint64_t v[FP_WORDS]; /* below p, little-endian words, times 2^512 */
};
struct fp2 {
	struct fp a, b; /* a + b i */
};

/* An exponent that is public, most significant bit first. */
struct fp_exp {
	uint64_t v[FP_WORDS];
	unsigned bits;
};

struct fp_field;
typedef void fp_mul_fn(uint64_t *r, const uint64_t *a, const uint64_t *b,
    const struct fp_field *f);

struct fp_field {
	uint64_t p[FP_WORDS];
	uint64_t pinv; /* -1/p modulo 2^64 */
	size_t len; /* octets of p */
	fp_mul_fn *mul;
	struct fp zero, one, two, half, rr;
	struct fp_exp sqrt_exp; /* (p+1)/4 */
	struct fp_exp cbrt_exp; /* (2p-1)/3 */
};

/*
 * p = 11 (mod 12), odd, its top word not all ones when it has 512 bit (the
 * carry of the multiplication is lost otherwise).  ERR_UNSUPPORTED if not.
 * Primality is the caller's matter.
 */
enum err fp_field_init(struct fp_field *f, const mpz_t p) MUST_CHECK;

/* Name of the multiplication chosen for this processor. */
const char *fp_mul_name(const struct fp_field *f);

/* Force the portable one (tests and bench). */
void fp_use_portable(struct fp_field *f);

void fp_mul(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f);
void fp_sqr(struct fp *r, const struct fp *a, const struct fp_field *f);
void fp_add(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f);
void fp_sub(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f);
void fp_neg(struct fp *r, const struct fp *a, const struct fp_field *f);

/* All ones if a is 0 (or a equals b), else 0: for masking. */
uint64_t fp_mask_zero(const struct fp *a);
uint64_t fp_mask_equal(const struct fp *a, const struct fp *b);

/* r = mask ? a : r, mask all ones or 0. */
void fp_cmov(struct fp *r, const struct fp *a, uint64_t mask);

/* 1/a, or 0 for a = 0.  ERR_CRYPTO without randomness. */
enum err fp_inv(struct fp *r, const struct fp *a,
    const struct fp_field *f) MUST_CHECK;
void fp_inv_vartime(struct fp *r, const struct fp *a, const struct fp_field *f);

/* a^e for a public e. */
void fp_pow(struct fp *r, const struct fp *a, const struct fp_exp *e,
    const struct fp_field *f);

/*
 * Big-endian octets, any number of them up to 64; ERR_MALFORMED unless the
 * value is below p.
 */
enum err fp_from_be(struct fp *r, const uint8_t *p, size_t len,
    const struct fp_field *f) MUST_CHECK;

/* Exactly f->len octets. */
void fp_to_be(uint8_t *out, const struct fp *a, const struct fp_field *f);

void fp_from_mpz(struct fp *r, const mpz_t a, const struct fp_field *f);
void fp_to_mpz(mpz_t r, const struct fp *a, const struct fp_field *f);
void fp_exp_from_mpz(struct fp_exp *e, const mpz_t a);
bool fp_exp_bit(const struct fp_exp *e, unsigned bit);

void fp2_mul(struct fp2 *r, const struct fp2 *x, const struct fp2 *y,
    const struct fp_field *f);
void fp2_sqr(struct fp2 *r, const struct fp2 *x, const struct fp_field *f);

/* Two ways to multiply; fp_field_init picks.  r may be a or b. */
fp_mul_fn fp_mul_portable;
#ifdef __x86_64__
fp_mul_fn fp_mul_adx;
bool fp_adx_usable(void);
#endif

#endif
