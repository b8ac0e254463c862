/*
 * The reduced Tate pairing with a prepared argument.
 *
 * With phi(x, y) = (zeta x, y), T = phi(B) - phi^2(B) has x_T in F_p and
 * y_T = i w with w in F_p, and e(A, T) = e(A, B)^2: so the lines are those of
 * A/2.  As x_T is in F_p the vertical lines vanish under the final
 * exponentiation, and so does any factor in F_p.
 *
 * A line at T is lambda x_T + c - i w.  Two doublings in a row are merged into
 * l1^2 l2 / v^2 = a(x) + b(x) y with a of degree 2 and b = x + b0.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hsm/type1.h"
#include "hsm/type1_jac.h"

enum step_kind { STEP_DOUBLE, STEP_TWO_DOUBLES, STEP_ADD };

/* STEP_TWO_DOUBLES: a0 a1 a2 b0; the others: c lambda. */
struct step {
	enum step_kind kind;
	struct fp k[4];
};

struct t1_lines {
	unsigned n;
	struct step step[];
};

/* One line of the plain loop: what it is, and x of the point it leads to. */
struct line {
	struct fp lambda, c, x_next;
	bool add;
};

/*
 * Walk the digits of q once in Jacobian coordinates.  The slope of each step
 * is num / Z of the point it leads to, so one shared inversion gives all.
 */
static unsigned
walk(struct t1_jac *v, struct fp *num, bool *add, const struct t1_point *a,
    const struct t1_curve *c)
{
	const struct fp_field *f = &c->f;
	struct t1_point neg = *a;
	struct t1_jac p = {a->x, a->y, f->one};
	unsigned n = 0;

	fp_neg(&neg.y, &a->y, f);
	v[n++] = p;
	for (unsigned i = c->n_naf - 1; i-- > 0;) {
		struct fp t, zz;

		fp_sqr(&t, &p.x, f);
		fp_add(&num[n], &t, &t, f);
		fp_add(&num[n], &num[n], &t, f);
		add[n] = false;
		t1_jac_double(&p, &p, f);
		v[n++] = p;
		if (c->q_naf[i] == 0 || i == 0) /* the last is vertical */
			continue;
		const struct t1_point *s = c->q_naf[i] > 0 ? a : &neg;

		fp_sqr(&zz, &p.z, f);
		fp_mul(&t, &s->y, &zz, f);
		fp_mul(&t, &t, &p.z, f);
		fp_sub(&num[n], &t, &p.y, f);
		add[n] = true;
		t1_jac_add_affine(&p, &p, s, f);
		v[n++] = p;
	}
	return n;
}

/* The lines of the plain loop; *out is the caller's to free. */
static enum err
plain_lines(const struct t1_point *a, const struct t1_curve *c,
    struct line **out, unsigned *n_out)
{
	const size_t most = 2 * (size_t)c->n_naf + 1;
	struct t1_jac *v = calloc(most, sizeof(*v));
	struct t1_point *aff = calloc(most, sizeof(*aff));
	struct fp *num = calloc(most, sizeof(*num));
	struct fp *zinv = calloc(most, sizeof(*zinv));
	bool *add = calloc(most, sizeof(*add));
	struct line *line = calloc(most, sizeof(*line));
	enum err rc = ERR_NOMEM;
	unsigned n;

	if (v == NULL || aff == NULL || num == NULL || zinv == NULL ||
	    add == NULL || line == NULL)
		goto out;
	n = walk(v, num, add, a, c);
	if ((rc = t1_jac_to_affine_vartime(aff, zinv, v, n, &c->f)) != ERR_OK)
		goto out;
	for (unsigned i = 1; i < n; i++) {
		struct line *l = &line[i - 1];
		struct fp t;

		fp_mul(&l->lambda, &num[i], &zinv[i], &c->f);
		fp_mul(&t, &l->lambda, &aff[i - 1].x, &c->f);
		fp_sub(&l->c, &aff[i - 1].y, &t, &c->f);
		l->x_next = aff[i].x;
		l->add = add[i];
	}
	*out = line;
	line = NULL;
	*n_out = n - 1;
	rc = ERR_OK;
out:
	free(v);
	free(aff);
	free(num);
	free(zinv);
	free(add);
	free(line);
	return rc;
}

/* Coefficients of l1^2 l2 / (x - x2)^2; x2 is where l1 leads. */
static void
merge(struct step *s, const struct line *l1, const struct line *l2,
    const struct fp_field *f)
{
	const struct fp *x2 = &l1->x_next;
	struct fp ll, two_x2, t, u;
	struct fp *a0 = &s->k[0], *a1 = &s->k[1], *a2 = &s->k[2];
	struct fp *b0 = &s->k[3];

	s->kind = STEP_TWO_DOUBLES;
	fp_sqr(&ll, &l1->lambda, f);
	fp_add(&two_x2, x2, x2, f);
	/* a2 = -2 lambda1 - lambda2 */
	fp_add(&t, &l1->lambda, &l1->lambda, f);
	fp_add(&t, &t, &l2->lambda, f);
	fp_neg(a2, &t, f);
	/* b0 = lambda1^2 + 2 lambda1 lambda2 + 2 x2 */
	fp_mul(&u, &l1->lambda, &l2->lambda, f);
	fp_add(&u, &u, &u, f);
	fp_add(b0, &ll, &u, f);
	fp_add(b0, b0, &two_x2, f);
	/* a1 = -2 c1 - c2 - lambda1^2 lambda2 + 2 x2 a2 */
	fp_mul(&t, &ll, &l2->lambda, f);
	fp_add(&t, &t, &l2->c, f);
	fp_add(&t, &t, &l1->c, f);
	fp_add(&t, &t, &l1->c, f);
	fp_mul(a1, &two_x2, a2, f);
	fp_sub(a1, a1, &t, f);
	/* a0 = -(lambda1^2 c2 + 2 lambda1 lambda2 c1) + 2 x2 a1 - x2^2 a2 */
	fp_mul(&t, &ll, &l2->c, f);
	fp_mul(&u, &u, &l1->c, f);
	fp_add(&t, &t, &u, f);
	fp_sqr(&u, x2, f);
	fp_mul(&u, &u, a2, f);
	fp_add(&t, &t, &u, f);
	fp_mul(a0, &two_x2, a1, f);
	fp_sub(a0, a0, &t, f);
}

enum err
t1_lines_new(const struct t1_point *a, const struct t1_curve *c,
    struct t1_lines **out)
{
	struct fp_exp half = {.bits = c->q.bits};
	struct t1_lines *t = NULL;
	struct line *line = NULL;
	struct t1_point a_half;
	unsigned n = 0, i = 0;
	uint64_t carry = 1;
	enum err rc;

	/* A/2 = [(q+1)/2] A */
	for (int w = 0; w < FP_WORDS; w++) {
		half.v[w] = c->q.v[w] + carry;
		carry = carry & (half.v[w] == 0);
	}
	for (int w = 0; w < FP_WORDS; w++)
		half.v[w] = half.v[w] >> 1 |
		    (w + 1 < FP_WORDS ? half.v[w + 1] << 63 : 0);
	if ((rc = t1_mul_vartime(&a_half, &half, a, c)) != ERR_OK ||
	    (rc = plain_lines(&a_half, c, &line, &n)) != ERR_OK)
		goto out;
	rc = ERR_NOMEM;
	if ((t = calloc(1, sizeof(*t) + n * sizeof(t->step[0]))) == NULL)
		goto out;
	while (i < n) {
		struct step *s = &t->step[t->n++];

		if (i + 1 < n && !line[i].add && !line[i + 1].add) {
			merge(s, &line[i], &line[i + 1], &c->f);
			i += 2;
			continue;
		}
		s->kind = line[i].add ? STEP_ADD : STEP_DOUBLE;
		s->k[0] = line[i].c;
		s->k[1] = line[i].lambda;
		i++;
	}
	*out = t;
	t = NULL;
	rc = ERR_OK;
out:
	free(line);
	free(t);
	return rc;
}

void
t1_lines_free(struct t1_lines **tp)
{
	free(*tp);
	*tp = NULL;
}

size_t
t1_lines_octets(const struct t1_lines *t)
{
	return sizeof(*t) + t->n * sizeof(t->step[0]);
}

/* x_T and w of T = phi(B) - phi^2(B). */
static enum err
trace_zero(struct fp *xt, struct fp *w, const struct t1_point *b,
    const struct t1_curve *c)
{
	const struct fp_field *f = &c->f;
	struct fp l, t;
	enum err rc;

	/* slope i l, l = 2 y / (s x); x_T = x - l^2; w = -l (x/2 + x_T) */
	if ((rc = fp_inv(&l, &b->x, f)) != ERR_OK)
		return rc;
	fp_mul(&l, &l, &b->y, f);
	fp_mul(&l, &l, &c->two_over_s, f);
	fp_sqr(&t, &l, f);
	fp_sub(xt, &b->x, &t, f);
	fp_mul(&t, &b->x, &f->half, f);
	fp_add(&t, &t, xt, f);
	fp_mul(&t, &t, &l, f);
	fp_neg(w, &t, f);
	explicit_bzero(&l, sizeof(l));
	explicit_bzero(&t, sizeof(t));
	return ERR_OK;
}

static void
miller(struct fp2 *r, const struct t1_lines *lines, const struct fp *x,
    const struct fp *w, const struct fp_field *f)
{
	struct fp2 g;
	struct fp xx, t, minus_w;

	*r = (struct fp2){f->one, f->zero};
	fp_sqr(&xx, x, f);
	fp_neg(&minus_w, w, f);
	for (unsigned i = 0; i < lines->n; i++) {
		const struct step *s = &lines->step[i];

		fp_mul(&t, &s->k[1], x, f);
		fp_add(&g.a, &t, &s->k[0], f);
		g.b = minus_w;
		switch (s->kind) {
		case STEP_TWO_DOUBLES:
			fp_mul(&t, &s->k[2], &xx, f);
			fp_add(&g.a, &g.a, &t, f);
			fp_add(&t, &s->k[3], x, f);
			fp_mul(&g.b, &t, w, f);
			fp2_sqr(r, r, f);
			fp2_sqr(r, r, f);
			break;
		case STEP_DOUBLE:
			fp2_sqr(r, r, f);
			break;
		case STEP_ADD:
			break;
		}
		fp2_mul(r, r, &g, f);
	}
	explicit_bzero(&g, sizeof(g));
	explicit_bzero(&t, sizeof(t));
}

static void
swap_if(struct fp *a, struct fp *b, uint64_t mask)
{
	for (int i = 0; i < FP_WORDS; i++) {
		uint64_t d = (a->v[i] ^ b->v[i]) & mask;

		a->v[i] ^= d;
		b->v[i] ^= d;
	}
}

/*
 * u^k from the trace: V_k and V_(k+1) of the Lucas sequence of 2 Re(u), then
 * Im(u^k) = (Re(u) V_k - V_(k+1)) / (2 Im(u)).
 */
static void
lucas(struct fp2 *r, const struct fp *re, const struct fp *im_inv,
    const uint64_t *k, unsigned bits, const struct fp_field *f)
{
	struct fp tr, v0 = f->two, v1, t;
	uint64_t swap = 0, bit;

	fp_add(&tr, re, re, f);
	v1 = tr;
	for (unsigned i = bits; i-- > 0;) {
		bit = 0 - (k[i / 64] >> (i % 64) & 1);
		swap_if(&v0, &v1, swap ^ bit);
		swap = bit;
		fp_mul(&v1, &v0, &v1, f);
		fp_sub(&v1, &v1, &tr, f);
		fp_sqr(&v0, &v0, f);
		fp_sub(&v0, &v0, &f->two, f);
	}
	swap_if(&v0, &v1, swap);
	fp_mul(&t, re, &v0, f);
	fp_sub(&t, &t, &v1, f);
	fp_mul(&t, &t, &f->half, f);
	fp_mul(&r->b, &t, im_inv, f);
	fp_mul(&r->a, &v0, &f->half, f);
	explicit_bzero(&v0, sizeof(v0));
	explicit_bzero(&v1, sizeof(v1));
	explicit_bzero(&t, sizeof(t));
}

/* f^((p^2-1)/q): u = conj(f)^2 / N(f) is f^(p-1) conjugated, then u^h. */
static enum err
final_exponentiation(struct fp2 *r, const struct fp2 *m,
    const struct t1_curve *c)
{
	const struct fp_field *f = &c->f;
	struct fp aa, bb, norm, ab, inv, norm_inv, im_inv, re;
	enum err rc;

	fp_sqr(&aa, &m->a, f);
	fp_sqr(&bb, &m->b, f);
	fp_add(&norm, &aa, &bb, f);
	fp_mul(&ab, &m->a, &m->b, f);
	fp_add(&ab, &ab, &ab, f);
	fp_neg(&ab, &ab, f); /* Im(conj(f)^2) = -2 a b */
	fp_mul(&inv, &norm, &ab, f);
	if ((rc = fp_inv(&inv, &inv, f)) != ERR_OK)
		goto out;
	fp_mul(&norm_inv, &inv, &ab, f);
	fp_mul(&im_inv, &inv, &norm, f);
	fp_mul(&im_inv, &im_inv, &norm, f);
	fp_sub(&re, &aa, &bb, f);
	fp_mul(&re, &re, &norm_inv, f);
	lucas(r, &re, &im_inv, c->h.v, c->h.bits, f);
out:
	explicit_bzero(&norm, sizeof(norm));
	explicit_bzero(&inv, sizeof(inv));
	explicit_bzero(&im_inv, sizeof(im_inv));
	explicit_bzero(&re, sizeof(re));
	return rc;
}

enum err
t1_pair(struct fp2 *r, const struct t1_lines *a, const struct t1_point *b,
    const struct t1_curve *c)
{
	struct fp xt, w;
	struct fp2 m;
	enum err rc;

	if ((rc = trace_zero(&xt, &w, b, c)) != ERR_OK)
		return rc;
	miller(&m, a, &xt, &w, &c->f);
	rc = final_exponentiation(r, &m, c);
	explicit_bzero(&xt, sizeof(xt));
	explicit_bzero(&w, sizeof(w));
	explicit_bzero(&m, sizeof(m));
	return rc;
}

enum err
t1_unitary_pow(struct fp2 *r, const struct fp2 *u, const uint64_t *k,
    unsigned bits, const struct t1_curve *c)
{
	struct fp im_inv, re = u->a;
	enum err rc;

	if ((rc = fp_inv(&im_inv, &u->b, &c->f)) != ERR_OK)
		return rc;
	lucas(r, &re, &im_inv, k, bits, &c->f);
	explicit_bzero(&im_inv, sizeof(im_inv));
	explicit_bzero(&re, sizeof(re));
	return ERR_OK;
}
