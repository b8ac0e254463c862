/* The Tate pairing of RFC 5091 3.5.1 and 4.5.2 by a plain Miller loop. */
#define LAB_CURVE_INTERNAL
#include "lab_curve.h"

static struct lab_fp2
tmp2(struct lab_curve *c)
{
	struct lab_fp2 t;

	t.a = lab_tmp(c);
	t.b = lab_tmp(c);
	return t;
}

static void
one2(struct lab_curve *c, struct lab_fp2 r)
{
	lab_word(c, r.a, 1);
	lab_word(c, r.b, 0);
}

/* Erratum: the text has the first component with its sign reversed. */
static void
mul2(struct lab_curve *c, struct lab_fp2 r, struct lab_fp2 u, struct lab_fp2 v)
{
	BIGNUM *aa, *bb, *ab, *ba;

	BN_CTX_start(c->ctx);
	aa = lab_tmp(c);
	bb = lab_tmp(c);
	ab = lab_tmp(c);
	ba = lab_tmp(c);
	lab_mul(c, aa, u.a, v.a);
	lab_mul(c, bb, u.b, v.b);
	lab_mul(c, ab, u.a, v.b);
	lab_mul(c, ba, u.b, v.a);
	lab_sub(c, r.a, aa, bb);
	lab_add(c, r.b, ab, ba);
	BN_CTX_end(c->ctx);
}

/* 1/(a + b*i) = (a - b*i) / (a^2 + b^2). */
static void
inv2(struct lab_curve *c, struct lab_fp2 r, struct lab_fp2 u)
{
	BIGNUM *norm, *t, *zero;

	BN_CTX_start(c->ctx);
	norm = lab_tmp(c);
	t = lab_tmp(c);
	zero = lab_tmp(c);
	lab_word(c, zero, 0);
	lab_mul(c, norm, u.a, u.a);
	lab_mul(c, t, u.b, u.b);
	lab_add(c, norm, norm, t);
	lab_inv(c, norm, norm);
	lab_mul(c, r.a, u.a, norm);
	lab_sub(c, t, zero, u.b);
	lab_mul(c, r.b, t, norm);
	BN_CTX_end(c->ctx);
}

static void
pow2(struct lab_curve *c, struct lab_fp2 r, struct lab_fp2 u, const BIGNUM *e)
{
	struct lab_fp2 acc;

	BN_CTX_start(c->ctx);
	acc = tmp2(c);
	one2(c, acc);
	for (int i = BN_num_bits(e) - 1; i >= 0 && !c->failed; i--) {
		mul2(c, acc, acc, acc);
		if (BN_is_bit_set(e, i))
			mul2(c, acc, acc, u);
	}
	lab_copy(c, r.a, acc.a);
	lab_copy(c, r.b, acc.b);
	BN_CTX_end(c->ctx);
}

/* Where lines are evaluated: B' = (zeta * x_B, y_B). */
struct target {
	struct lab_fp2 x;
	const BIGNUM *y;
};

/* x - x_V, or 1 when V is infinity. */
static void
vertical(struct lab_curve *c, struct lab_fp2 r, const struct lab_point *v,
    const struct target *at)
{
	if (v->infinity) {
		one2(c, r);
		return;
	}
	lab_sub(c, r.a, at->x.a, v->x);
	lab_copy(c, r.b, at->x.b);
}

/* la*(x - x_V) + lb*(y - y_V): the line through V with these coefficients. */
static void
line_at(struct lab_curve *c, struct lab_fp2 r, const BIGNUM *la,
    const BIGNUM *lb, const struct lab_point *v, const struct target *at)
{
	BIGNUM *t;

	BN_CTX_start(c->ctx);
	t = lab_tmp(c);
	lab_sub(c, r.a, at->x.a, v->x);
	lab_mul(c, r.a, r.a, la);
	lab_sub(c, t, at->y, v->y);
	lab_mul(c, t, t, lb);
	lab_add(c, r.a, r.a, t);
	lab_mul(c, r.b, at->x.b, la);
	BN_CTX_end(c->ctx);
}

/* The line through V and W of 3.4.3, the tangent (3.4.2) if they are equal. */
static void
line(struct lab_curve *c, struct lab_fp2 r, const struct lab_point *v,
    const struct lab_point *w, const struct target *at)
{
	BIGNUM *la, *lb, *sum, *zero;

	if (v->infinity || w->infinity) {
		vertical(c, r, v->infinity ? w : v, at);
		return;
	}
	BN_CTX_start(c->ctx);
	la = lab_tmp(c);
	lb = lab_tmp(c);
	sum = lab_tmp(c);
	zero = lab_tmp(c);
	lab_word(c, zero, 0);
	lab_add(c, sum, v->y, w->y);
	if (BN_cmp(v->x, w->x) == 0 && BN_is_zero(sum)) {
		vertical(c, r, v, at); /* w = -v */
		goto out;
	}
	if (BN_cmp(v->x, w->x) == 0) {
		lab_mul(c, lb, v->x, v->x); /* la = -3x^2, lb = 2y */
		lab_add(c, la, lb, lb);
		lab_add(c, la, la, lb);
		lab_sub(c, la, zero, la);
		lab_add(c, lb, v->y, v->y);
	} else {
		lab_sub(c, la, v->y, w->y);
		lab_sub(c, lb, w->x, v->x);
	}
	line_at(c, r, la, lb, v, at);
out:
	BN_CTX_end(c->ctx);
}

/*
 * f_{q,A}(B') as numerator over denominator.  x of B' is not in F_p, so the
 * vertical lines do not vanish in the final power and must be kept.
 */
static void
miller(struct lab_curve *c, struct lab_fp2 num, struct lab_fp2 den,
    const struct lab_point *a, const struct target *at)
{
	struct lab_point v;
	struct lab_fp2 t;

	BN_CTX_start(c->ctx);
	v = (struct lab_point){lab_tmp(c), lab_tmp(c), true};
	t = tmp2(c);
	lab_point_copy(c, &v, a);
	one2(c, num);
	one2(c, den);
	for (int i = BN_num_bits(c->q) - 2; i >= 0 && !c->failed; i--) {
		mul2(c, num, num, num);
		mul2(c, den, den, den);
		line(c, t, &v, &v, at);
		mul2(c, num, num, t);
		lab_point_sum(c, &v, &v, &v);
		vertical(c, t, &v, at);
		mul2(c, den, den, t);
		if (!BN_is_bit_set(c->q, i))
			continue;
		line(c, t, &v, a, at);
		mul2(c, num, num, t);
		lab_point_sum(c, &v, &v, a);
		vertical(c, t, &v, at);
		mul2(c, den, den, t);
	}
	BN_CTX_end(c->ctx);
}

enum err
lab_pairing(struct lab_curve *c, const struct lab_point *a,
    const struct lab_point *b, const BIGNUM *k, uint8_t *out)
{
	struct lab_fp2 num, den;
	struct target at;
	BIGNUM *e, *one;

	if (a->infinity || b->infinity)
		return ERR_MALFORMED;
	BN_CTX_start(c->ctx);
	num = tmp2(c);
	den = tmp2(c);
	at.x = tmp2(c);
	at.y = b->y;
	e = lab_tmp(c);
	one = lab_tmp(c);
	lab_mul(c, at.x.a, c->zeta.a, b->x);
	lab_mul(c, at.x.b, c->zeta.b, b->x);
	miller(c, num, den, a, &at);
	inv2(c, den, den);
	mul2(c, num, num, den);
	/* (p^2 - 1) / q = (p - 1) * cofactor */
	lab_word(c, one, 1);
	if (!BN_sub(e, c->p, one) || !BN_mul(e, e, c->cofactor, c->ctx))
		c->failed = true;
	pow2(c, num, num, e);
	if (k != NULL)
		pow2(c, num, num, k);
	if (BN_bn2binpad(num.a, out, LAB_P_LEN) != LAB_P_LEN ||
	    BN_bn2binpad(num.b, out + LAB_P_LEN, LAB_P_LEN) != LAB_P_LEN)
		c->failed = true;
	BN_CTX_end(c->ctx);
	return c->failed ? ERR_CRYPTO : ERR_OK;
}
