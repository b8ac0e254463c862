/*
 * Fixed-base multiplication by a secret scalar: signed digits of 4 bit, one
 * table row a digit read whole whatever the digit, and the complete mixed
 * addition of Renes, Costello and Batina (eprint 2015/1060, algorithm 8,
 * a = 0, b = 1), which has no exceptional cases among points of odd order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hsm/type1.h"
#include "hsm/type1_jac.h"

#define WINDOWS_MAX (2 * FP_OCTETS + 1)
#define ROW 8

struct t1_comb {
	unsigned windows;
	struct t1_point row[][ROW];
};

struct proj {
	struct fp x, y, z; /* (x/z, y/z) */
};

static enum err
fill_rows(struct t1_comb *comb, const struct t1_point *base,
    const struct fp_field *f)
{
	struct t1_point p = *base;
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < comb->windows && rc == ERR_OK; i++) {
		struct t1_jac m[ROW + 1];
		struct t1_point aff[ROW + 1];
		struct fp zinv[ROW + 1];

		m[0] = (struct t1_jac){p.x, p.y, f->one};
		for (unsigned k = 1; k < ROW; k++)
			t1_jac_add_affine(&m[k], &m[k - 1], &p, f);
		t1_jac_double(&m[ROW], &m[ROW - 1], f); /* 16 p */
		rc = t1_jac_to_affine_vartime(aff, zinv, m, ROW + 1, f);
		if (rc == ERR_OK) {
			memcpy(comb->row[i], aff, sizeof(comb->row[i]));
			p = aff[ROW];
		}
	}
	return rc;
}

enum err
t1_comb_new(const struct t1_point *base, const struct t1_curve *c,
    struct t1_comb **out)
{
	const unsigned windows = 2 * (unsigned)c->q_len + 1;
	struct t1_comb *comb;
	enum err rc;

	comb = calloc(1, sizeof(*comb) + windows * sizeof(comb->row[0]));
	if (comb == NULL)
		return ERR_NOMEM;
	comb->windows = windows;
	if ((rc = fill_rows(comb, base, &c->f)) != ERR_OK) {
		free(comb);
		return rc;
	}
	*out = comb;
	return ERR_OK;
}

void
t1_comb_free(struct t1_comb **cp)
{
	free(*cp);
	*cp = NULL;
}

/* k to digits in [-8, 7], the last one in [0, 1]. */
static void
recode(int8_t *digit, const uint8_t *k, size_t len)
{
	int carry = 0;

	for (size_t i = 0; i < 2 * len; i++) {
		int d = k[len - 1 - i / 2] >> (4 * (i & 1)) & 15;

		d += carry;
		carry = (d + 8) >> 4;
		digit[i] = (int8_t)(d - (carry << 4));
	}
	digit[2 * len] = (int8_t)carry;
}

/* t = |d| times the row's point, negated for d < 0; any point for d = 0. */
static void
look_up(struct t1_point *t, const struct t1_point *row, int d,
    const struct fp_field *f)
{
	const uint64_t neg = 0 - (uint64_t)((unsigned)d >> 31);
	const unsigned mag =
	    ((unsigned)d ^ (unsigned)neg) + (unsigned)(neg & 1);
	struct fp minus_y;

	*t = row[0];
	for (unsigned k = 2; k <= ROW; k++) {
		const uint64_t hit = ((uint64_t)(mag ^ k) - 1) >> 63;

		fp_cmov(&t->x, &row[k - 1].x, 0 - hit);
		fp_cmov(&t->y, &row[k - 1].y, 0 - hit);
	}
	fp_neg(&minus_y, &t->y, f);
	fp_cmov(&t->y, &minus_y, neg);
}

static void
add_complete(struct proj *r, const struct proj *a, const struct t1_point *b,
    const struct fp_field *f)
{
	struct fp t0, t1, t2, t3, t4, x3, y3, z3;

	fp_mul(&t0, &a->x, &b->x, f);
	fp_mul(&t1, &a->y, &b->y, f);
	fp_add(&t3, &b->x, &b->y, f);
	fp_add(&t4, &a->x, &a->y, f);
	fp_mul(&t3, &t3, &t4, f);
	fp_add(&t4, &t0, &t1, f);
	fp_sub(&t3, &t3, &t4, f);
	fp_mul(&t4, &b->y, &a->z, f);
	fp_add(&t4, &t4, &a->y, f);
	fp_mul(&y3, &b->x, &a->z, f);
	fp_add(&y3, &y3, &a->x, f);
	fp_add(&x3, &t0, &t0, f);
	fp_add(&t0, &x3, &t0, f);
	fp_add(&t2, &a->z, &a->z, f); /* 3b = 3 */
	fp_add(&t2, &t2, &a->z, f);
	fp_add(&z3, &t1, &t2, f);
	fp_sub(&t1, &t1, &t2, f);
	fp_add(&t2, &y3, &y3, f);
	fp_add(&y3, &t2, &y3, f);
	fp_mul(&x3, &t4, &y3, f);
	fp_mul(&t2, &t3, &t1, f);
	fp_sub(&r->x, &t2, &x3, f);
	fp_mul(&y3, &y3, &t0, f);
	fp_mul(&t1, &t1, &z3, f);
	fp_add(&r->y, &t1, &y3, f);
	fp_mul(&t0, &t0, &t3, f);
	fp_mul(&z3, &z3, &t4, f);
	fp_add(&r->z, &z3, &t0, f);
}

static void
comb_mul(struct proj *acc, const uint8_t *k, const struct t1_comb *comb,
    const struct t1_curve *c)
{
	int8_t digit[WINDOWS_MAX];
	struct t1_point t;
	struct proj sum;

	recode(digit, k, c->q_len);
	*acc = (struct proj){c->f.zero, c->f.one, c->f.zero};
	for (unsigned i = 0; i < comb->windows; i++) {
		const uint64_t zero = ((uint64_t)(uint8_t)digit[i] - 1) >> 63;

		look_up(&t, comb->row[i], digit[i], &c->f);
		add_complete(&sum, acc, &t, &c->f);
		fp_cmov(&acc->x, &sum.x, zero - 1);
		fp_cmov(&acc->y, &sum.y, zero - 1);
		fp_cmov(&acc->z, &sum.z, zero - 1);
	}
	explicit_bzero(digit, sizeof(digit));
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&sum, sizeof(sum));
}

enum err
t1_comb_mul(struct t1_point *r, const uint8_t *k, const struct t1_comb *comb,
    const struct t1_curve *c)
{
	struct proj acc;
	struct fp zinv;
	enum err rc;

	comb_mul(&acc, k, comb, c);
	if ((rc = fp_inv(&zinv, &acc.z, &c->f)) == ERR_OK) {
		fp_mul(&r->x, &acc.x, &zinv, &c->f);
		fp_mul(&r->y, &acc.y, &zinv, &c->f);
	}
	explicit_bzero(&acc, sizeof(acc));
	explicit_bzero(&zinv, sizeof(zinv));
	return rc;
}

uint64_t
t1_comb_mask_equal(const uint8_t *k, const struct t1_point *a,
    const struct t1_comb *comb, const struct t1_curve *c)
{
	struct proj acc;
	struct fp x, y;
	uint64_t mask;

	comb_mul(&acc, k, comb, c);
	fp_mul(&x, &a->x, &acc.z, &c->f);
	fp_mul(&y, &a->y, &acc.z, &c->f);
	mask = fp_mask_equal(&x, &acc.x) & fp_mask_equal(&y, &acc.y) &
	    ~fp_mask_zero(&acc.z);
	explicit_bzero(&acc, sizeof(acc));
	return mask;
}
