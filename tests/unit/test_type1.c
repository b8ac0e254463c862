#include <string.h>

#include "hsm/type1.h"
#include "help.h"

struct rig {
	struct t1_curve c;
	mpz_t p, q;
};

static void
mpz_hex(mpz_t r, const char *hex)
{
	assert_int_equal(mpz_set_str(r, hex, 0), 0);
}

static void
rig_init(struct rig *g, const json_t *v)
{
	mpz_inits(g->p, g->q, NULL);
	mpz_hex(g->p, text(v, "p"));
	mpz_hex(g->q, text(v, "q"));
	assert_int_equal(t1_curve_init(&g->c, g->p, g->q), ERR_OK);
}

static void
rig_done(struct rig *g)
{
	mpz_clears(g->p, g->q, NULL);
}

static void
point(struct t1_point *r, const json_t *xy, const struct t1_curve *c)
{
	mpz_t t;

	mpz_init(t);
	mpz_hex(t, json_string_value(json_array_get(xy, 0)));
	fp_from_mpz(&r->x, t, &c->f);
	mpz_hex(t, json_string_value(json_array_get(xy, 1)));
	fp_from_mpz(&r->y, t, &c->f);
	mpz_clear(t);
	assert_true(t1_mask_on_curve(r, c) != 0);
}

static const json_t *
vector(const json_t *file, const char *id)
{
	json_t *v;
	size_t i;

	json_array_foreach (member(file, "vectors"), i, v)
		if (strcmp(text(v, "id"), id) == 0)
			return v;
	fail_msg("no vector %s", id);
	return NULL;
}

static void
multiplies_as_rfc5091_7_1(void **state)
{
	json_t *file = vectors("rfc5091.json");
	const json_t *v = vector(file, "7.1");
	struct t1_point a, want, got;
	struct fp_exp k;
	struct rig g;
	mpz_t l;

	(void)state;
	rig_init(&g, v);
	mpz_init(l);
	mpz_hex(l, text(v, "l"));
	fp_exp_from_mpz(&k, l);
	point(&a, member(v, "A"), &g.c);
	point(&want, member(v, "result"), &g.c);
	assert_int_equal(t1_mul_vartime(&got, &k, &a, &g.c), ERR_OK);
	assert_memory_equal(&got, &want, sizeof(got));
	mpz_clear(l);
	rig_done(&g);
	json_decref(file);
}

static void
pairs_as_rfc5091_7_3(void **state)
{
	json_t *file = vectors("rfc5091.json");
	const json_t *v = vector(file, "7.3");
	struct t1_lines *lines;
	struct t1_point a, b;
	struct fp2 want, got;
	struct rig g;
	mpz_t t;

	(void)state;
	rig_init(&g, v);
	mpz_init(t);
	point(&a, member(v, "A"), &g.c);
	point(&b, member(v, "B"), &g.c);
	mpz_hex(t, json_string_value(json_array_get(member(v, "result"), 0)));
	fp_from_mpz(&want.a, t, &g.c.f);
	mpz_hex(t, json_string_value(json_array_get(member(v, "result"), 1)));
	fp_from_mpz(&want.b, t, &g.c.f);
	assert_int_equal(t1_lines_new(&a, &g.c, &lines), ERR_OK);
	assert_int_equal(t1_pair(&got, lines, &b, &g.c), ERR_OK);
	assert_memory_equal(&got, &want, sizeof(got));
	/* -B gives the conjugate */
	fp_neg(&b.y, &b.y, &g.c.f);
	fp_neg(&want.b, &want.b, &g.c.f);
	assert_int_equal(t1_pair(&got, lines, &b, &g.c), ERR_OK);
	assert_memory_equal(&got, &want, sizeof(got));
	t1_lines_free(&lines);
	mpz_clear(t);
	rig_done(&g);
	json_decref(file);
}

/* The full-size sets that the exchanges were made with. */
static void
pairing_is_bilinear_at_full_size(void **state)
{
	json_t *file = vectors("exchanges.json"), *set;
	size_t i;

	(void)state;
	json_array_foreach (member(file, "ibe"), i, set) {
		struct t1_point a, b, b3;
		struct t1_lines *la, *lb;
		struct fp2 e1, e3, s;
		struct fp_exp three;
		struct rig g;
		mpz_t t;

		rig_init(&g, set);
		mpz_init_set_ui(t, 3);
		fp_exp_from_mpz(&three, t);
		point(&a, member(set, "P"), &g.c);
		point(&b, member(set, "Ppub"), &g.c);
		assert_true(t1_in_subgroup_vartime(&a, &g.c));
		assert_int_equal(t1_mul_vartime(&b3, &three, &b, &g.c), ERR_OK);
		assert_int_equal(t1_lines_new(&a, &g.c, &la), ERR_OK);
		assert_int_equal(t1_lines_new(&b, &g.c, &lb), ERR_OK);
		assert_int_equal(t1_pair(&e1, la, &b, &g.c), ERR_OK);
		assert_int_equal(t1_pair(&e3, la, &b3, &g.c), ERR_OK);
		fp2_sqr(&s, &e1, &g.c.f);
		fp2_mul(&s, &s, &e1, &g.c.f);
		assert_memory_equal(&s, &e3, sizeof(s));
		/* symmetry */
		assert_int_equal(t1_pair(&s, lb, &a, &g.c), ERR_OK);
		assert_memory_equal(&s, &e1, sizeof(s));
		/* e^q = 1, e != 1 */
		assert_int_equal(t1_unitary_pow(&s, &e1, g.c.q.v, g.c.q.bits,
				     &g.c),
		    ERR_OK);
		assert_true(fp_mask_equal(&s.a, &g.c.f.one) != 0);
		assert_true(fp_mask_zero(&s.b) != 0);
		assert_true(fp_mask_equal(&e1.a, &g.c.f.one) == 0);
		t1_lines_free(&la);
		t1_lines_free(&lb);
		mpz_clear(t);
		rig_done(&g);
	}
	json_decref(file);
}

static void
comb_agrees_with_double_and_add(void **state)
{
	json_t *file = vectors("exchanges.json");
	json_t *set = json_array_get(member(file, "ibe"), 0);
	struct t1_point p, want, got;
	struct t1_comb *comb;
	struct fp_exp e;
	uint8_t k[20];
	gmp_randstate_t rnd;
	struct rig g;
	mpz_t t;

	(void)state;
	rig_init(&g, set);
	gmp_randinit_default(rnd);
	mpz_init(t);
	point(&p, member(set, "P"), &g.c);
	assert_int_equal(t1_comb_new(&p, &g.c, &comb), ERR_OK);
	assert_int_equal(g.c.q_len, 20);
	for (int i = 0; i < 200; i++) {
		if (i < 40)
			mpz_set_ui(t, (unsigned long)i + 1);
		else if (i < 60)
			mpz_sub_ui(t, g.q, (unsigned long)i - 39);
		else
			mpz_urandomm(t, rnd, g.q);
		memset(k, 0, sizeof(k));
		mpz_export(k + 20 - (mpz_sizeinbase(t, 2) + 7) / 8, NULL, 1, 1,
		    1, 0, t);
		fp_exp_from_mpz(&e, t);
		assert_int_equal(t1_mul_vartime(&want, &e, &p, &g.c), ERR_OK);
		assert_int_equal(t1_comb_mul(&got, k, comb, &g.c), ERR_OK);
		assert_memory_equal(&got, &want, sizeof(got));
		assert_true(t1_comb_mask_equal(k, &want, comb, &g.c) != 0);
		fp_neg(&want.y, &want.y, &g.c.f);
		assert_true(t1_comb_mask_equal(k, &want, comb, &g.c) == 0);
	}
	memset(k, 0, sizeof(k));
	assert_true(t1_comb_mask_equal(k, &p, comb, &g.c) == 0);
	t1_comb_free(&comb);
	gmp_randclear(rnd);
	mpz_clear(t);
	rig_done(&g);
	json_decref(file);
}

static void
points_off_the_curve_or_of_order_2_and_3_are_malformed(void **state)
{
	json_t *file = vectors("exchanges.json");
	json_t *set = json_array_get(member(file, "ibe"), 0);
	uint8_t x[64], y[64], zero[64] = {0}, one[64] = {0}, m1[64];
	struct t1_point p, r;
	struct rig g;
	mpz_t t;

	(void)state;
	rig_init(&g, set);
	mpz_init(t);
	point(&p, member(set, "P"), &g.c);
	fp_to_be(x, &p.x, &g.c.f);
	fp_to_be(y, &p.y, &g.c.f);
	assert_int_equal(t1_point_from_be(&r, x, 64, y, 64, &g.c), ERR_OK);
	assert_memory_equal(&r, &p, sizeof(p));
	y[63] ^= 1;
	assert_int_equal(t1_point_from_be(&r, x, 64, y, 64, &g.c),
	    ERR_MALFORMED);
	one[63] = 1; /* (0, 1): order 3 */
	assert_int_equal(t1_point_from_be(&r, zero, 64, one, 64, &g.c),
	    ERR_MALFORMED);
	mpz_sub_ui(t, g.p, 1); /* (-1, 0): order 2 */
	mpz_export(m1, NULL, 1, 1, 1, 0, t);
	assert_int_equal(t1_point_from_be(&r, m1, 64, zero, 64, &g.c),
	    ERR_MALFORMED);
	assert_int_equal(t1_point_from_be(&r, zero, 64, zero, 64, &g.c),
	    ERR_MALFORMED);
	assert_memory_equal(&r, &p, sizeof(p));
	/* a point of the whole group is on the curve and not in the subgroup */
	point(&p, member(set, "G"), &g.c);
	assert_false(t1_in_subgroup_vartime(&p, &g.c));
	mpz_clear(t);
	rig_done(&g);
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(multiplies_as_rfc5091_7_1),
	    cmocka_unit_test(pairs_as_rfc5091_7_3),
	    cmocka_unit_test(pairing_is_bilinear_at_full_size),
	    cmocka_unit_test(comb_agrees_with_double_and_add),
	    cmocka_unit_test(
		points_off_the_curve_or_of_order_2_and_3_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
