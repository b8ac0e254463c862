#include <stdlib.h>
#include <string.h>

#define LAB_CURVE_INTERNAL
#include "lab_curve.h"

#define P_BITS 512
#define Q_BITS 160

/* A temporary of the open BN_CTX frame. */
BIGNUM *
lab_tmp(struct lab_curve *c)
{
	BIGNUM *t = BN_CTX_get(c->ctx);

	if (t != NULL)
		return t;
	c->failed = true;
	return c->spare;
}

void
lab_add(struct lab_curve *c, BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	if (!BN_mod_add(r, a, b, c->p, c->ctx))
		c->failed = true;
}

void
lab_sub(struct lab_curve *c, BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	if (!BN_mod_sub(r, a, b, c->p, c->ctx))
		c->failed = true;
}

void
lab_mul(struct lab_curve *c, BIGNUM *r, const BIGNUM *a, const BIGNUM *b)
{
	if (!BN_mod_mul(r, a, b, c->p, c->ctx))
		c->failed = true;
}

void
lab_inv(struct lab_curve *c, BIGNUM *r, const BIGNUM *a)
{
	if (BN_mod_inverse(r, a, c->p, c->ctx) == NULL)
		c->failed = true;
}

void
lab_word(struct lab_curve *c, BIGNUM *r, unsigned w)
{
	if (!BN_set_word(r, w))
		c->failed = true;
}

void
lab_copy(struct lab_curve *c, BIGNUM *r, const BIGNUM *a)
{
	if (BN_copy(r, a) == NULL)
		c->failed = true;
}

/* What RFC 5091 5.1.2 asks of p and q for the 512-bit level. */
static bool
sound(const BIGNUM *p, const BIGNUM *q, BIGNUM *cofactor, BN_CTX *ctx)
{
	BIGNUM *p1, *rest;
	bool ok = false;

	BN_CTX_start(ctx);
	p1 = BN_CTX_get(ctx);
	rest = BN_CTX_get(ctx);
	if (rest == NULL || BN_num_bits(p) != P_BITS ||
	    BN_num_bits(q) != Q_BITS || BN_mod_word(p, 12) != 11)
		goto out;
	if (!BN_copy(p1, p) || !BN_add_word(p1, 1) ||
	    !BN_div(cofactor, rest, p1, q, ctx) || !BN_is_zero(rest))
		goto out;
	ok = BN_check_prime(p, ctx, NULL) == 1 &&
	    BN_check_prime(q, ctx, NULL) == 1;
out:
	BN_CTX_end(ctx);
	return ok;
}

/*
 * zeta = ((p-1)/2) * (1 + s*i), s = 3^((p+1)/4).  The text of 4.5.2 loses the
 * factor of the second part, and its value is then no cube root of unity.
 */
static void
set_zeta(struct lab_curve *c)
{
	BIGNUM *e, *three, *s;

	BN_CTX_start(c->ctx);
	e = lab_tmp(c);
	three = lab_tmp(c);
	s = lab_tmp(c);
	lab_word(c, three, 3);
	if (!BN_copy(e, c->p) || !BN_add_word(e, 1) || !BN_rshift(e, e, 2) ||
	    !BN_mod_exp(s, three, e, c->p, c->ctx) ||
	    !BN_copy(c->zeta.a, c->p) || !BN_sub_word(c->zeta.a, 1) ||
	    !BN_rshift1(c->zeta.a, c->zeta.a))
		c->failed = true;
	lab_mul(c, c->zeta.b, c->zeta.a, s);
	BN_CTX_end(c->ctx);
}

enum err
lab_curve_new(const BIGNUM *p, const BIGNUM *q, struct lab_curve **out)
{
	struct lab_curve *c = calloc(1, sizeof(*c));
	enum err rc = ERR_NOMEM;

	if (c == NULL)
		return ERR_NOMEM;
	c->p = BN_dup(p);
	c->q = BN_dup(q);
	c->cofactor = BN_new();
	c->zeta.a = BN_new();
	c->zeta.b = BN_new();
	c->spare = BN_new();
	c->ctx = BN_CTX_secure_new();
	if (c->p == NULL || c->q == NULL || c->cofactor == NULL ||
	    c->zeta.a == NULL || c->zeta.b == NULL || c->spare == NULL ||
	    c->ctx == NULL)
		goto out;
	rc = ERR_MALFORMED;
	if (!sound(p, q, c->cofactor, c->ctx))
		goto out;
	set_zeta(c);
	rc = ERR_CRYPTO;
	if (c->failed)
		goto out;
	*out = c;
	c = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	lab_curve_free(&c);
	return rc;
}

void
lab_curve_free(struct lab_curve **cp)
{
	struct lab_curve *c = *cp;

	if (c == NULL)
		return;
	BN_free(c->p);
	BN_free(c->q);
	BN_free(c->cofactor);
	BN_free(c->zeta.a);
	BN_free(c->zeta.b);
	BN_clear_free(c->spare);
	BN_CTX_free(c->ctx);
	free(c);
	*cp = NULL;
}

enum err
lab_point_new(struct lab_point **out)
{
	struct lab_point *pt = calloc(1, sizeof(*pt));

	if (pt == NULL)
		return ERR_NOMEM;
	pt->x = BN_new();
	pt->y = BN_new();
	pt->infinity = true;
	if (pt->x == NULL || pt->y == NULL) {
		lab_point_free(&pt);
		return ERR_NOMEM;
	}
	*out = pt;
	return ERR_OK;
}

void
lab_point_free(struct lab_point **pp)
{
	struct lab_point *pt = *pp;

	if (pt == NULL)
		return;
	BN_clear_free(pt->x);
	BN_clear_free(pt->y);
	free(pt);
	*pp = NULL;
}

void
lab_point_copy(struct lab_curve *c, struct lab_point *out,
    const struct lab_point *in)
{
	lab_copy(c, out->x, in->x);
	lab_copy(c, out->y, in->y);
	out->infinity = in->infinity;
}

bool
lab_point_good(struct lab_curve *c, const struct lab_point *pt)
{
	BIGNUM *l, *r, *one;
	bool ok;

	if (pt->infinity || BN_cmp(pt->x, c->p) >= 0 ||
	    BN_cmp(pt->y, c->p) >= 0)
		return false;
	BN_CTX_start(c->ctx);
	l = lab_tmp(c);
	r = lab_tmp(c);
	one = lab_tmp(c);
	lab_word(c, one, 1);
	lab_mul(c, l, pt->y, pt->y);
	lab_mul(c, r, pt->x, pt->x);
	lab_mul(c, r, r, pt->x);
	lab_add(c, r, r, one);
	ok = !c->failed && BN_cmp(l, r) == 0;
	BN_CTX_end(c->ctx);
	return ok;
}

/* out = s + t with the schoolbook slope; out may be either of them. */
void
lab_point_sum(struct lab_curve *c, struct lab_point *out,
    const struct lab_point *s, const struct lab_point *t)
{
	BIGNUM *slope, *den, *x, *y;

	if (s->infinity || t->infinity) {
		lab_point_copy(c, out, s->infinity ? t : s);
		return;
	}
	BN_CTX_start(c->ctx);
	slope = lab_tmp(c);
	den = lab_tmp(c);
	x = lab_tmp(c);
	y = lab_tmp(c);
	lab_add(c, y, s->y, t->y);
	if (BN_cmp(s->x, t->x) == 0 && BN_is_zero(y)) {
		out->infinity = true; /* t = -s */
		goto out;
	}
	if (BN_cmp(s->x, t->x) == 0) {
		lab_mul(c, slope, s->x, s->x); /* 3x^2 / 2y */
		lab_add(c, x, slope, slope);
		lab_add(c, slope, slope, x);
		lab_add(c, den, s->y, s->y);
	} else {
		lab_sub(c, slope, t->y, s->y);
		lab_sub(c, den, t->x, s->x);
	}
	lab_inv(c, den, den);
	lab_mul(c, slope, slope, den);
	lab_mul(c, x, slope, slope);
	lab_sub(c, x, x, s->x);
	lab_sub(c, x, x, t->x);
	lab_sub(c, y, s->x, x);
	lab_mul(c, y, y, slope);
	lab_sub(c, y, y, s->y);
	lab_copy(c, out->x, x);
	lab_copy(c, out->y, y);
	out->infinity = false;
out:
	BN_CTX_end(c->ctx);
}

enum err
lab_point_mul(struct lab_curve *c, struct lab_point *out, const BIGNUM *k,
    const struct lab_point *in)
{
	struct lab_point sum, base;

	BN_CTX_start(c->ctx);
	sum = (struct lab_point){lab_tmp(c), lab_tmp(c), true};
	base = (struct lab_point){lab_tmp(c), lab_tmp(c), true};
	lab_point_copy(c, &base, in);
	for (int i = BN_num_bits(k) - 1; i >= 0 && !c->failed; i--) {
		lab_point_sum(c, &sum, &sum, &sum);
		if (BN_is_bit_set(k, i))
			lab_point_sum(c, &sum, &sum, &base);
	}
	lab_point_copy(c, out, &sum);
	BN_CTX_end(c->ctx);
	return c->failed ? ERR_CRYPTO : ERR_OK;
}
