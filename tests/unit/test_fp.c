#include <stdlib.h>
#include <string.h>

#include <gmp.h>

#include "hsm/fp.h"
#include "help.h"

/* A full-size prime, one with a high top word, one of 132 bit. */
static const char *const primes[] = {
    "ad80a2cc5a3454e3dde1ce070f3259658e9a31a0fd4a80b477c91006672997703a"
    "9d0820c784a9f1dd87640ae1e3613153090f04c9a3a38329cd63ae466a75af",
    "fffffffffffffffe00000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000",
    "bffffffffffffffffffffffffffcffff3",
};

struct rig {
	struct fp_field f;
	mpz_t p, a, b, r;
	gmp_randstate_t rnd;
};

static void
rig_init(struct rig *g, const char *hex)
{
	mpz_inits(g->p, g->a, g->b, g->r, NULL);
	gmp_randinit_default(g->rnd);
	mpz_set_str(g->p, hex, 16);
	while (mpz_fdiv_ui(g->p, 12) != 11 || mpz_probab_prime_p(g->p, 20) == 0)
		mpz_add_ui(g->p, g->p, 1);
	assert_int_equal(fp_field_init(&g->f, g->p), ERR_OK);
}

static void
rig_done(struct rig *g)
{
	mpz_clears(g->p, g->a, g->b, g->r, NULL);
	gmp_randclear(g->rnd);
}

static void
pick(struct rig *g, mpz_t x, int i)
{
	if (i < 8) {
		mpz_sub_ui(x, g->p, (unsigned long)i + 1);
		return;
	}
	if (i < 16) {
		mpz_set_ui(x, (unsigned long)i - 8);
		return;
	}
	mpz_urandomm(x, g->rnd, g->p);
}

static void
arithmetic_agrees_with_gmp(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(primes) / sizeof(primes[0]); k++) {
		struct fp a, b, c;
		struct rig g;

		rig_init(&g, primes[k]);
		for (int i = 0; i < 4000; i++) {
			if (i == 2000)
				fp_use_portable(&g.f);
			pick(&g, g.a, i % 1000);
			pick(&g, g.b, (i * 7) % 1000);
			fp_from_mpz(&a, g.a, &g.f);
			fp_from_mpz(&b, g.b, &g.f);
			mpz_mul(g.r, g.a, g.b);
			mpz_mod(g.r, g.r, g.p);
			fp_mul(&c, &a, &b, &g.f);
			fp_to_mpz(g.a, &c, &g.f);
			assert_int_equal(mpz_cmp(g.r, g.a), 0);
			fp_to_mpz(g.a, &a, &g.f);
			mpz_add(g.r, g.a, g.b);
			mpz_mod(g.r, g.r, g.p);
			fp_add(&c, &a, &b, &g.f);
			fp_to_mpz(g.a, &c, &g.f);
			assert_int_equal(mpz_cmp(g.r, g.a), 0);
			fp_to_mpz(g.a, &a, &g.f);
			mpz_sub(g.r, g.a, g.b);
			mpz_mod(g.r, g.r, g.p);
			fp_sub(&c, &a, &b, &g.f);
			fp_to_mpz(g.a, &c, &g.f);
			assert_int_equal(mpz_cmp(g.r, g.a), 0);
		}
		rig_done(&g);
	}
}

static void
inverse_times_value_is_one_and_zero_stays(void **state)
{
	struct fp a, b, c;
	struct rig g;

	(void)state;
	rig_init(&g, primes[0]);
	for (int i = 0; i < 200; i++) {
		pick(&g, g.a, i);
		fp_from_mpz(&a, g.a, &g.f);
		assert_int_equal(fp_inv(&b, &a, &g.f), ERR_OK);
		fp_mul(&c, &a, &b, &g.f);
		if (mpz_sgn(g.a) == 0)
			assert_true(fp_mask_zero(&b) != 0);
		else
			assert_true(fp_mask_equal(&c, &g.f.one) != 0);
		fp_inv_vartime(&c, &a, &g.f);
		assert_true(fp_mask_equal(&c, &b) != 0);
	}
	rig_done(&g);
}

static void
roots_are_roots(void **state)
{
	struct fp a, s, t;
	struct rig g;

	(void)state;
	rig_init(&g, primes[0]);
	for (int i = 0; i < 50; i++) {
		pick(&g, g.a, i + 9);
		fp_from_mpz(&a, g.a, &g.f);
		fp_sqr(&s, &a, &g.f);
		fp_pow(&t, &s, &g.f.sqrt_exp, &g.f);
		fp_sqr(&t, &t, &g.f);
		assert_true(fp_mask_equal(&t, &s) != 0);
		fp_pow(&t, &a, &g.f.cbrt_exp, &g.f);
		fp_sqr(&s, &t, &g.f);
		fp_mul(&t, &s, &t, &g.f);
		assert_true(fp_mask_equal(&t, &a) != 0);
	}
	rig_done(&g);
}

static void
octets_at_or_above_p_are_malformed(void **state)
{
	uint8_t be[FP_OCTETS], back[FP_OCTETS];
	struct fp a, was;
	struct rig g;

	(void)state;
	rig_init(&g, primes[0]);
	memset(&was, 0x5a, sizeof(was));
	a = was;
	mpz_export(be, NULL, 1, 1, 1, 0, g.p);
	assert_int_equal(fp_from_be(&a, be, 64, &g.f), ERR_MALFORMED);
	memset(be, 0xff, 64);
	assert_int_equal(fp_from_be(&a, be, 64, &g.f), ERR_MALFORMED);
	assert_int_equal(fp_from_be(&a, be, 65, &g.f), ERR_MALFORMED);
	assert_memory_equal(&a, &was, sizeof(a));
	mpz_sub_ui(g.a, g.p, 1);
	mpz_export(be, NULL, 1, 1, 1, 0, g.a);
	assert_int_equal(fp_from_be(&a, be, 64, &g.f), ERR_OK);
	fp_to_be(back, &a, &g.f);
	assert_memory_equal(back, be, 64);
	rig_done(&g);
}

static void
unfit_primes_are_unsupported(void **state)
{
	struct fp_field f;
	mpz_t p;

	(void)state;
	mpz_init(p);
	mpz_set_ui(p, 11); /* too short */
	assert_int_equal(fp_field_init(&f, p), ERR_UNSUPPORTED);
	mpz_set_str(p, primes[0], 16);
	mpz_add_ui(p, p, 2); /* not 11 mod 12 */
	assert_int_equal(fp_field_init(&f, p), ERR_UNSUPPORTED);
	mpz_set_ui(p, 0);
	mpz_setbit(p, 512);
	mpz_sub_ui(p, p, 5); /* 11 mod 12, top word all ones */
	assert_int_equal(mpz_fdiv_ui(p, 12), 11);
	assert_int_equal(fp_field_init(&f, p), ERR_UNSUPPORTED);
	mpz_clear(p);
}

static void
squares_in_fp2_agree_with_products(void **state)
{
	struct fp2 x, y, z;
	struct rig g;

	(void)state;
	rig_init(&g, primes[0]);
	for (int i = 0; i < 100; i++) {
		pick(&g, g.a, i);
		pick(&g, g.b, i + 3);
		fp_from_mpz(&x.a, g.a, &g.f);
		fp_from_mpz(&x.b, g.b, &g.f);
		fp2_sqr(&y, &x, &g.f);
		fp2_mul(&z, &x, &x, &g.f);
		assert_memory_equal(&y, &z, sizeof(y));
	}
	rig_done(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arithmetic_agrees_with_gmp),
	    cmocka_unit_test(inverse_times_value_is_one_and_zero_stays),
	    cmocka_unit_test(roots_are_roots),
	    cmocka_unit_test(octets_at_or_above_p_are_malformed),
	    cmocka_unit_test(unfit_primes_are_unsupported),
	    cmocka_unit_test(squares_in_fp2_agree_with_products),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
