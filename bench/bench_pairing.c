/*
 * bench_pairing: the software around the token's multiplication, beside GMP's
 * 512-bit multiplication with reduction in the same run.
 *
 * GMP's figure is the faster of two ways to multiply modulo p: mpn_mul_n with
 * a Montgomery reduction by mpn_addmul_1, and mpz_mul with mpz_mod.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "bench.h"
#include "hsm/bf.h"
#include "hsm/bf_der.h"
#include "hsm/ibe_ss512.h"

struct rig {
	struct bf *bf;
	mpz_t p, x, y, z;
	mp_limb_t a[8], b[8];
	struct t1_point q_id, u;
	struct t1_lines *lines;
	uint8_t su_x[64], rho[20], m[150], v[20], w[150], l[20];
};

static void
must(enum err rc)
{
	if (rc != ERR_OK) {
		(void)fprintf(stderr, "bench_pairing: %s\n", err_str(rc));
		exit(1);
	}
}

/* Fresh parameters with a master secret of ours: [s]G as the token's point. */
static void
set_up(struct rig *r)
{
	uint8_t point[129], der[1024];
	struct bf_public pub;
	struct why why;
	void *setup;
	size_t len;
	struct rd rd;

	must(ss512_setup_new(&setup));
	ss512_setup_base_point(setup, point); /* s = 1: the same speed */
	rd_init(&rd, point, sizeof(point));
	must(ss512_setup_finish(setup, rd, der, &len));
	ss512_setup_free(setup);
	bf_public_init(&pub);
	rd_init(&rd, der, len);
	must(bf_public_decode(rd, &pub, &why));
	must(bf_new(pub.p, pub.q, pub.point_p, pub.point_ppub, pub.hash,
	    &r->bf));
	mpz_inits(r->p, r->x, r->y, r->z, NULL);
	mpz_set(r->p, pub.p);
	bf_public_clear(&pub);
	memset(r->m, 7, sizeof(r->m));
	if (RAND_bytes(r->rho, sizeof(r->rho)) != 1 ||
	    RAND_bytes((unsigned char *)r->a, sizeof(r->a)) != 1 ||
	    RAND_bytes((unsigned char *)r->b, sizeof(r->b)) != 1)
		exit(1);
	mpz_import(r->x, 8, -1, 8, 0, 0, r->a);
	mpz_import(r->y, 8, -1, 8, 0, 0, r->b);
	mpz_mod(r->x, r->x, r->p);
	mpz_mod(r->y, r->y, r->p);
	must(bf_encrypt(r->bf, (const uint8_t *)"id", 2, r->rho, r->m,
	    sizeof(r->m), &r->u, r->v, r->w));
	must(bf_hash_to_point(r->bf, (const uint8_t *)"id", 2, NULL, &r->q_id));
	must(t1_lines_new(&r->q_id, &r->bf->curve, &r->lines));
	fp_to_be(r->su_x, &r->u.x, &r->bf->curve.f);
}

/* Multiplication and reduction with mpn, both operands below p. */
static void
mpn_montgomery(mp_limb_t *r, const mp_limb_t *a, const mp_limb_t *b,
    const struct fp_field *f)
{
	mp_limb_t t[16], s[8], carry, borrow, mask;

	mpn_mul_n(t, a, b, 8);
	for (int i = 0; i < 8; i++)
		t[i] = mpn_addmul_1(t + i, f->p, 8, t[i] * f->pinv);
	carry = mpn_add_n(r, t + 8, t, 8);
	borrow = mpn_sub_n(s, r, f->p, 8);
	mask = 0 - (carry | (borrow ^ 1));
	for (int i = 0; i < 8; i++)
		r[i] = (s[i] & mask) | (r[i] & ~mask);
}

static void
round_of(struct rig *r, struct bench *b)
{
	const struct t1_curve *c = &r->bf->curve;
	struct t1_lines *lines;
	struct t1_point u;
	uint8_t out[150], v[20], w[150];
	struct fp x, y;
	struct fp2 e;
	struct rd rv, rw;

	rd_init(&rv, r->v, sizeof(r->v));
	rd_init(&rw, r->w, sizeof(r->w));
	fp_from_mpz(&x, r->x, &c->f);
	fp_from_mpz(&y, r->y, &c->f);
	BENCH(b, "gmp mpn multiply and reduce", 2000,
	    mpn_montgomery(r->a, r->a, r->b, &c->f));
	BENCH(b, "gmp mpz_mul and mpz_mod", 2000,
	    (mpz_mul(r->z, r->x, r->y), mpz_mod(r->x, r->z, r->p)));
	BENCH(b, "our multiplication", 2000, fp_mul(&x, &x, &y, &c->f));
	BENCH(b, "pairing, one argument fixed", 20,
	    must(t1_pair(&e, r->lines, &r->u, c)));
	BENCH(b, "open, without the token", 20,
	    must(bf_open(r->bf, r->lines, r->su_x, &r->u, rv, rw, out)));
	BENCH(b, "encrypt", 10,
	    must(bf_encrypt(r->bf, (const uint8_t *)"id", 2, r->rho, r->m,
		sizeof(r->m), &u, v, w)));
	BENCH(b, "hash to point", 10,
	    must(bf_hash_to_point(r->bf, (const uint8_t *)"id", 2, NULL, &u)));
	BENCH(b, "lines of a new identity", 10,
	      must(t1_lines_new(&r->q_id, c, &lines));
	      t1_lines_free(&lines));
}

int
main(void)
{
	static struct rig r;
	static struct bench b;
	const char *gmp;

	set_up(&r);
	for (unsigned i = 0; i < BENCH_ROUNDS; i++)
		round_of(&r, &b);
	bench_print_machine();
	(void)printf("parameters: p 512 bit, q 160 bit; multiplication by %s; "
		     "table of an identity %zu octets\n",
	    fp_mul_name(&r.bf->curve.f), t1_lines_octets(r.lines));
	gmp = bench_median(&b, "gmp mpn multiply and reduce") <
		bench_median(&b, "gmp mpz_mul and mpz_mod")
	    ? "gmp mpn multiply and reduce"
	    : "gmp mpz_mul and mpz_mod";
	for (unsigned i = 0; i < b.n; i++)
		bench_print(&b, b.t[i].name, i < 2 ? NULL : gmp);
	(void)printf("fixed-argument pairing: %.0f of GMP's multiplications "
		     "with reduction (at most 2200)\n",
	    bench_median(&b, "pairing, one argument fixed") /
		bench_median(&b, gmp));
	t1_lines_free(&r.lines);
	bf_free(&r.bf);
	mpz_clears(r.p, r.x, r.y, r.z, NULL);
	return 0;
}
