/*
 * type1: the supersingular curve y^2 = x^3 + 1 over F_p, p = 11 (mod 12), of
 * RFC 5091 clause 3 ("type-1"), its subgroup of prime order q and the reduced
 * Tate pairing of clause 4.5.2 (with the corrected zeta).
 *
 * Functions named _vartime are for public values only.
 */
#ifndef HSM_TYPE1_H
#define HSM_TYPE1_H

#include "hsm/fp.h"

#define T1_NAF_MAX 514

struct t1_point {
	struct fp x, y; /* affine; infinity has no value of this type */
};

struct t1_curve {
	struct fp_field f;
	struct fp_exp q; /* order of the subgroup */
	struct fp_exp h; /* cofactor (p+1)/q */
	uint8_t q_be[FP_OCTETS]; /* q big-endian, q_len octets */
	size_t q_len;
	int8_t q_naf[T1_NAF_MAX]; /* signed digits of q, lowest first */
	unsigned n_naf;
	struct fp two_over_s; /* 2/s, s = 3^((p+1)/4): for the trace-zero map */
};

/* ERR_UNSUPPORTED: p or q not of the form that RFC 5091 asks for. */
enum err t1_curve_init(struct t1_curve *c, const mpz_t p,
    const mpz_t q) MUST_CHECK;

/*
 * A point from big-endian coordinates: ERR_MALFORMED unless both are below p,
 * the point is on the curve, and neither coordinate is 0 (those have order 2
 * or 3).  The order is not checked here.
 */
enum err t1_point_from_be(struct t1_point *out, const uint8_t *x, size_t x_len,
    const uint8_t *y, size_t y_len, const struct t1_curve *c) MUST_CHECK;

/* All ones if y^2 = x^3 + 1, else 0. */
uint64_t t1_mask_on_curve(const struct t1_point *a, const struct t1_curve *c);

/* One of the two y for an x; not a root if x is on no point. */
void t1_y_from_x(struct fp *y, const struct fp *x, const struct t1_curve *c);

/* [k]A; ERR_MISMATCH if that is infinity. */
enum err t1_mul_vartime(struct t1_point *r, const struct fp_exp *k,
    const struct t1_point *a, const struct t1_curve *c) MUST_CHECK;
bool t1_in_subgroup_vartime(const struct t1_point *a, const struct t1_curve *c);

/*
 * The curve point whose y is the given one (clause 4.4.2 without the
 * cofactor): x = (y^2 - 1)^((2p-1)/3).  ERR_MISMATCH for y = 1 or -1.
 */
enum err t1_lift_vartime(struct t1_point *out, const struct fp *y,
    const struct t1_curve *c) MUST_CHECK;

/*
 * Multiples of one public point for secret scalars below 2^(8 * q_len):
 * window i holds 1..8 times 16^i times the point.
 */
struct t1_comb;
enum err t1_comb_new(const struct t1_point *base, const struct t1_curve *c,
    struct t1_comb **out) MUST_CHECK;
void t1_comb_free(struct t1_comb **);

/* [k]base for big-endian k of c->q_len octets; ERR_CRYPTO no randomness. */
enum err t1_comb_mul(struct t1_point *r, const uint8_t *k,
    const struct t1_comb *comb, const struct t1_curve *c) MUST_CHECK;

/* All ones if [k]base equals `a`, else 0: without an inversion. */
uint64_t t1_comb_mask_equal(const uint8_t *k, const struct t1_point *a,
    const struct t1_comb *comb, const struct t1_curve *c);

/*
 * The pairing with one public argument A prepared: the lines of Miller's loop
 * at A/2 over the digits of q, two doublings merged where no digit stands
 * between them.  A must be in the subgroup.
 */
struct t1_lines;
enum err t1_lines_new(const struct t1_point *a, const struct t1_curve *c,
    struct t1_lines **out) MUST_CHECK;
void t1_lines_free(struct t1_lines **);
size_t t1_lines_octets(const struct t1_lines *);

/*
 * e(A, B) for any B on the curve with x and y not 0, in constant time.  -B
 * gives the conjugate.
 */
enum err t1_pair(struct fp2 *r, const struct t1_lines *a,
    const struct t1_point *b, const struct t1_curve *c) MUST_CHECK;

/*
 * u^k for u of norm 1, in time that depends on `bits` alone; k is
 * little-endian words.
 */
enum err t1_unitary_pow(struct fp2 *r, const struct fp2 *u, const uint64_t *k,
    unsigned bits, const struct t1_curve *c) MUST_CHECK;

#endif
