#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hsm/type1.h"
#include "hsm/type1_jac.h"

/* Non-adjacent form: a Solinas prime has three digits that are not 0. */
static enum err
recode_naf(struct t1_curve *c, const mpz_t q)
{
	mpz_t k;

	mpz_init_set(k, q);
	while (mpz_sgn(k) > 0 && c->n_naf < T1_NAF_MAX) {
		int d = 0;

		if (mpz_odd_p(k))
			d = 2 - (int)mpz_fdiv_ui(k, 4);
		c->q_naf[c->n_naf++] = (int8_t)d;
		if (d > 0)
			mpz_sub_ui(k, k, 1);
		if (d < 0)
			mpz_add_ui(k, k, 1);
		mpz_fdiv_q_2exp(k, k, 1);
	}
	if (mpz_sgn(k) != 0) {
		mpz_clear(k);
		return ERR_UNSUPPORTED;
	}
	mpz_clear(k);
	return ERR_OK;
}

enum err
t1_curve_init(struct t1_curve *c, const mpz_t p, const mpz_t q)
{
	struct fp s;
	mpz_t h, three;
	enum err rc;

	*c = (struct t1_curve){0};
	mpz_inits(h, three, NULL);
	mpz_add_ui(h, p, 1);
	if (mpz_sgn(q) <= 0 || mpz_sizeinbase(q, 2) > 8 * FP_OCTETS - 2 ||
	    mpz_even_p(q) || !mpz_divisible_p(h, q)) {
		rc = ERR_UNSUPPORTED;
		goto out;
	}
	if ((rc = fp_field_init(&c->f, p)) != ERR_OK ||
	    (rc = recode_naf(c, q)) != ERR_OK)
		goto out;
	mpz_divexact(h, h, q);
	fp_exp_from_mpz(&c->q, q);
	fp_exp_from_mpz(&c->h, h);
	c->q_len = (mpz_sizeinbase(q, 2) + 7) / 8;
	mpz_export(c->q_be, NULL, 1, 1, 1, 0, q);
	mpz_set_ui(three, 3);
	fp_from_mpz(&s, three, &c->f);
	fp_pow(&s, &s, &c->f.sqrt_exp, &c->f);
	fp_inv_vartime(&s, &s, &c->f);
	fp_add(&c->two_over_s, &s, &s, &c->f);
	rc = ERR_OK;
out:
	mpz_clears(h, three, NULL);
	return rc;
}

/* x^3 + 1 */
static void
right_side(struct fp *r, const struct fp *x, const struct t1_curve *c)
{
	struct fp t;

	fp_sqr(&t, x, &c->f);
	fp_mul(&t, &t, x, &c->f);
	fp_add(r, &t, &c->f.one, &c->f);
}

uint64_t
t1_mask_on_curve(const struct t1_point *a, const struct t1_curve *c)
{
	struct fp l, r;

	right_side(&r, &a->x, c);
	fp_sqr(&l, &a->y, &c->f);
	return fp_mask_equal(&l, &r);
}

void
t1_y_from_x(struct fp *y, const struct fp *x, const struct t1_curve *c)
{
	struct fp t;

	right_side(&t, x, c);
	fp_pow(y, &t, &c->f.sqrt_exp, &c->f);
	explicit_bzero(&t, sizeof(t));
}

enum err
t1_point_from_be(struct t1_point *out, const uint8_t *x, size_t x_len,
    const uint8_t *y, size_t y_len, const struct t1_curve *c)
{
	struct t1_point t;
	enum err rc;

	if ((rc = fp_from_be(&t.x, x, x_len, &c->f)) != ERR_OK ||
	    (rc = fp_from_be(&t.y, y, y_len, &c->f)) != ERR_OK)
		return rc;
	if (t1_mask_on_curve(&t, c) == 0 || fp_mask_zero(&t.x) != 0 ||
	    fp_mask_zero(&t.y) != 0)
		return ERR_MALFORMED;
	*out = t;
	return ERR_OK;
}

enum err
t1_lift_vartime(struct t1_point *out, const struct fp *y,
    const struct t1_curve *c)
{
	struct t1_point t = {.y = *y};

	fp_sqr(&t.x, y, &c->f);
	fp_sub(&t.x, &t.x, &c->f.one, &c->f);
	if (fp_mask_zero(&t.x) != 0)
		return ERR_MISMATCH;
	fp_pow(&t.x, &t.x, &c->f.cbrt_exp, &c->f);
	*out = t;
	return ERR_OK;
}

/* dbl-2009-l of the Explicit-Formulas Database, a = 0. */
void
t1_jac_double(struct t1_jac *r, const struct t1_jac *a,
    const struct fp_field *f)
{
	struct fp xx, yy, y4, d, e, ff, z;

	fp_sqr(&xx, &a->x, f);
	fp_sqr(&yy, &a->y, f);
	fp_sqr(&y4, &yy, f);
	fp_add(&d, &a->x, &yy, f);
	fp_sqr(&d, &d, f);
	fp_sub(&d, &d, &xx, f);
	fp_sub(&d, &d, &y4, f);
	fp_add(&d, &d, &d, f);
	fp_add(&e, &xx, &xx, f);
	fp_add(&e, &e, &xx, f);
	fp_sqr(&ff, &e, f);
	fp_mul(&z, &a->y, &a->z, f);
	fp_add(&r->z, &z, &z, f);
	fp_sub(&r->x, &ff, &d, f);
	fp_sub(&r->x, &r->x, &d, f);
	fp_sub(&d, &d, &r->x, f);
	fp_mul(&d, &d, &e, f);
	fp_add(&y4, &y4, &y4, f);
	fp_add(&y4, &y4, &y4, f);
	fp_add(&y4, &y4, &y4, f);
	fp_sub(&r->y, &d, &y4, f);
}

/* r = a + b with Z_r = Z_a (x_b Z_a^2 - X_a): the caller relies on that. */
void
t1_jac_add_affine(struct t1_jac *r, const struct t1_jac *a,
    const struct t1_point *b, const struct fp_field *f)
{
	struct fp zz, u, s, h, hh, hhh, rr, v;

	fp_sqr(&zz, &a->z, f);
	fp_mul(&u, &b->x, &zz, f);
	fp_mul(&s, &b->y, &zz, f);
	fp_mul(&s, &s, &a->z, f);
	fp_sub(&h, &u, &a->x, f);
	fp_sub(&rr, &s, &a->y, f);
	if (fp_mask_zero(&a->z) != 0) {
		*r = (struct t1_jac){b->x, b->y, f->one};
		return;
	}
	if (fp_mask_zero(&h) != 0) {
		if (fp_mask_zero(&rr) != 0)
			t1_jac_double(r, a, f);
		else
			*r = (struct t1_jac){f->one, f->one, f->zero};
		return;
	}
	fp_sqr(&hh, &h, f);
	fp_mul(&hhh, &hh, &h, f);
	fp_mul(&v, &a->x, &hh, f);
	fp_mul(&r->z, &a->z, &h, f);
	fp_mul(&s, &a->y, &hhh, f);
	fp_sqr(&r->x, &rr, f);
	fp_sub(&r->x, &r->x, &hhh, f);
	fp_sub(&r->x, &r->x, &v, f);
	fp_sub(&r->x, &r->x, &v, f);
	fp_sub(&v, &v, &r->x, f);
	fp_mul(&v, &v, &rr, f);
	fp_sub(&r->y, &v, &s, f);
}

static void
affine_from_inverse(struct t1_point *r, const struct t1_jac *a,
    const struct fp *zinv, const struct fp_field *f)
{
	struct fp zz;

	fp_sqr(&zz, zinv, f);
	fp_mul(&r->x, &a->x, &zz, f);
	fp_mul(&zz, &zz, zinv, f);
	fp_mul(&r->y, &a->y, &zz, f);
}

enum err
t1_jac_to_affine_vartime(struct t1_point *r, struct fp *zinv,
    const struct t1_jac *a, size_t n, const struct fp_field *f)
{
	struct fp acc = f->one, t;

	/* Montgomery's trick: zinv[i] first holds the product before i. */
	for (size_t i = 0; i < n; i++) {
		if (fp_mask_zero(&a[i].z) != 0)
			return ERR_MISMATCH;
		zinv[i] = acc;
		fp_mul(&acc, &acc, &a[i].z, f);
	}
	fp_inv_vartime(&acc, &acc, f);
	for (size_t i = n; i-- > 0;) {
		fp_mul(&t, &acc, &zinv[i], f);
		fp_mul(&acc, &acc, &a[i].z, f);
		zinv[i] = t;
		affine_from_inverse(&r[i], &a[i], &zinv[i], f);
	}
	return ERR_OK;
}

/* Width-5 non-adjacent form: odd digits below 16, lowest first. */
#define WNAF_ODD 8
#define WNAF_MAX (64 * FP_WORDS + 1)

static unsigned
recode_wnaf(int8_t *digit, const struct fp_exp *k)
{
	unsigned n = 0, skip = 0;
	int carry = 0;

	for (unsigned i = 0; i < k->bits || carry != 0; i++) {
		int d = 0;

		digit[n++] = 0;
		if (skip > 0) {
			skip--;
			continue;
		}
		if ((i < k->bits && fp_exp_bit(k, i) ? 1 : 0) == carry)
			continue;
		for (unsigned j = 0; j < 5; j++)
			if (i + j < k->bits && fp_exp_bit(k, i + j))
				d |= 1 << j;
		d += carry;
		carry = d >= 16;
		digit[n - 1] = (int8_t)(carry ? d - 32 : d);
		skip = 4;
	}
	return n;
}

/* A, 3A, 5A .. 15A.  ERR_MISMATCH where one of them is infinity. */
static enum err
odd_multiples(struct t1_point m[WNAF_ODD], const struct t1_point *a,
    const struct fp_field *f)
{
	struct t1_jac j[WNAF_ODD], twice = {a->x, a->y, f->one};
	struct fp zinv[WNAF_ODD];
	struct t1_point a2;
	enum err rc;

	j[0] = twice;
	t1_jac_double(&twice, &twice, f);
	if ((rc = t1_jac_to_affine_vartime(&a2, zinv, &twice, 1, f)) != ERR_OK)
		return rc;
	for (int i = 1; i < WNAF_ODD; i++)
		t1_jac_add_affine(&j[i], &j[i - 1], &a2, f);
	return t1_jac_to_affine_vartime(m, zinv, j, WNAF_ODD, f);
}

static void
binary_mul_vartime(struct t1_jac *r, const struct fp_exp *k,
    const struct t1_point *a, const struct fp_field *f)
{
	*r = (struct t1_jac){f->one, f->one, f->zero};
	for (unsigned i = k->bits; i-- > 0;) {
		t1_jac_double(r, r, f);
		if (fp_exp_bit(k, i))
			t1_jac_add_affine(r, r, a, f);
	}
}

static void
jac_mul_vartime(struct t1_jac *r, const struct fp_exp *k,
    const struct t1_point *a, const struct fp_field *f)
{
	struct t1_point m[WNAF_ODD], t;
	int8_t digit[WNAF_MAX + 8];

	/* A point of very small order has no table. */
	if (odd_multiples(m, a, f) != ERR_OK) {
		binary_mul_vartime(r, k, a, f);
		return;
	}
	*r = (struct t1_jac){f->one, f->one, f->zero};
	for (unsigned i = recode_wnaf(digit, k); i-- > 0;) {
		t1_jac_double(r, r, f);
		if (digit[i] == 0)
			continue;
		t = m[(digit[i] > 0 ? digit[i] : -digit[i]) / 2];
		if (digit[i] < 0)
			fp_neg(&t.y, &t.y, f);
		t1_jac_add_affine(r, r, &t, f);
	}
}

enum err
t1_mul_vartime(struct t1_point *r, const struct fp_exp *k,
    const struct t1_point *a, const struct t1_curve *c)
{
	struct t1_jac t;
	struct fp zinv;

	jac_mul_vartime(&t, k, a, &c->f);
	return t1_jac_to_affine_vartime(r, &zinv, &t, 1, &c->f);
}

bool
t1_in_subgroup_vartime(const struct t1_point *a, const struct t1_curve *c)
{
	struct t1_jac t = {c->f.one, c->f.one, c->f.zero};
	struct t1_point neg = *a;

	fp_neg(&neg.y, &a->y, &c->f);
	for (unsigned i = c->n_naf; i-- > 0;) {
		t1_jac_double(&t, &t, &c->f);
		if (c->q_naf[i] > 0)
			t1_jac_add_affine(&t, &t, a, &c->f);
		if (c->q_naf[i] < 0)
			t1_jac_add_affine(&t, &t, &neg, &c->f);
	}
	return fp_mask_zero(&t.z) != 0;
}
