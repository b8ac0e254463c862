#include <stdlib.h>
#include <string.h>

#include "hsm/bf.h"
#include "help.h"

static void
mpz_hex(mpz_t r, const char *hex)
{
	assert_int_equal(mpz_set_str(r, hex, 0), 0);
}

static void
mpz_pair(mpz_t r[2], const json_t *xy)
{
	for (size_t i = 0; i < 2; i++) {
		mpz_init(r[i]);
		mpz_hex(r[i], json_string_value(json_array_get(xy, i)));
	}
}

/* Public parameters out of any of the vector files. */
static struct bf *
load(const json_t *v, const char *ppub_name)
{
	mpz_t p, q, pp[2], pub[2];
	struct bf *bf = NULL;

	mpz_inits(p, q, NULL);
	mpz_hex(p, text(v, "p"));
	mpz_hex(q, text(v, "q"));
	mpz_pair(pp, member(v, "P"));
	mpz_pair(pub, member(v, ppub_name));
	assert_int_equal(bf_new(p, q, pp, pub, "SHA1", &bf), ERR_OK);
	mpz_clears(p, q, pp[0], pp[1], pub[0], pub[1], NULL);
	return bf;
}

static void
assert_point(const struct t1_point *got, const json_t *xy, const struct bf *bf)
{
	struct fp want;
	mpz_t t[2];

	mpz_pair(t, xy);
	fp_from_mpz(&want, t[0], &bf->curve.f);
	assert_memory_equal(&got->x, &want, sizeof(want));
	fp_from_mpz(&want, t[1], &bf->curve.f);
	assert_memory_equal(&got->y, &want, sizeof(want));
	mpz_clears(t[0], t[1], NULL);
}

/* What the token does: x of [s]A. */
static void
token_mul(uint8_t *x, const char *s_hex, const struct t1_point *a,
    const struct bf *bf)
{
	struct t1_point r;
	struct fp_exp k;
	mpz_t s;

	mpz_init(s);
	mpz_hex(s, s_hex);
	fp_exp_from_mpz(&k, s);
	assert_int_equal(t1_mul_vartime(&r, &k, a, &bf->curve), ERR_OK);
	fp_to_be(x, &r.x, &bf->curve.f);
	mpz_clear(s);
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
hashes_to_range_as_rfc5091_7_2(void **state)
{
	json_t *file = vectors("rfc5091.json");
	const json_t *v = vector(file, "7.2");
	const char *s = text(v, "s_ascii");
	uint8_t n[20], got[20], want[20];
	struct bf *bf = load(vector(file, "7.4"), "P_pub");

	(void)state;
	number_be(text(v, "n"), n, 20);
	number_be(text(v, "v"), want, 20);
	assert_int_equal(bf_hash_to_range(bf, (const uint8_t *)s, strlen(s), n,
			     20, got),
	    ERR_OK);
	assert_memory_equal(got, want, 20);
	bf_free(&bf);
	json_decref(file);
}

static void
derives_and_extracts_as_rfc5091_7_4_and_7_5(void **state)
{
	json_t *file = vectors("rfc5091.json");
	const json_t *v4 = vector(file, "7.4"), *v5 = vector(file, "7.5");
	struct bf *bf = load(v4, "P_pub");
	struct t1_point q_id, s_id;
	uint8_t x[64];

	(void)state;
	assert_int_equal(bf_hash_to_point(bf, (const uint8_t *)"Bob", 3, NULL,
			     &q_id),
	    ERR_OK);
	assert_point(&q_id, member(v4, "Q_id"), bf);
	token_mul(x, text(v5, "s"), &q_id, bf);
	assert_int_equal(bf_private_key(bf, &q_id, x, &s_id), ERR_OK);
	assert_point(&s_id, member(v5, "S_id"), bf);
	bf_free(&bf);
	json_decref(file);
}

/* 7.6 of the RFC does not fit its own inputs; this is the corrected one. */
static void
encrypts_and_opens_the_corrected_7_6(void **state)
{
	json_t *file = vectors("rfc5091.json");
	const json_t *in = vector(file, "7.6"), *want;
	const char *m = text(in, "m_ascii");
	uint8_t v[20], w[9], x[64], plain[9];
	struct t1_lines *lines;
	struct t1_point u, q_id;
	uint8_t *rho, *wv, *ww;
	size_t len;
	struct rd rv, rw;
	struct bf *bf = load(in, "P_pub");

	(void)state;
	want = json_array_get(member(file, "generated"), 0);
	rho = octets(in, "rho", &len);
	assert_int_equal(bf_encrypt(bf, (const uint8_t *)"Bob", 3, rho,
			     (const uint8_t *)m, 9, &u, v, w),
	    ERR_OK);
	assert_point(&u, member(want, "U"), bf);
	wv = octets(want, "V", &len);
	assert_memory_equal(v, wv, 20);
	ww = octets(want, "W", &len);
	assert_memory_equal(w, ww, 9);

	assert_int_equal(bf_hash_to_point(bf, (const uint8_t *)"Bob", 3, NULL,
			     &q_id),
	    ERR_OK);
	assert_int_equal(t1_lines_new(&q_id, &bf->curve, &lines), ERR_OK);
	token_mul(x, text(vector(file, "7.5"), "s"), &u, bf);
	rd_init(&rv, v, 20);
	rd_init(&rw, w, 9);
	for (int i = 0; i < 8; i++) { /* either order of the candidates */
		memset(plain, 0, sizeof(plain));
		assert_int_equal(bf_open(bf, lines, x, &u, rv, rw, plain),
		    ERR_OK);
		assert_memory_equal(plain, m, 9);
	}
	free(rho);
	free(wv);
	free(ww);
	t1_lines_free(&lines);
	bf_free(&bf);
	json_decref(file);
}

static void
hash_bytes_agrees_over_several_blocks(void **state)
{
	json_t *file = vectors("computed_vectors.json");
	json_t *rfc = vectors("rfc5091.json");
	const json_t *all = member(file, "HashBytes");
	const uint8_t zero[50] = {0};
	uint8_t got[50], *rho, *want;
	struct bf *bf = load(vector(rfc, "7.4"), "P_pub");
	size_t len;

	(void)state;
	rho = octets(vector(rfc, "7.6"), "rho", &len);
	want = octets(all, "sha1 b=50 p=rho", &len);
	assert_int_equal(len, 50);
	assert_int_equal(bf_hash_bytes_xor(bf, rho, 20, zero, got, 50), ERR_OK);
	assert_memory_equal(got, want, 50);
	free(rho);
	free(want);
	bf_free(&bf);
	json_decref(file);
	json_decref(rfc);
}

static void
derives_the_full_size_points(void **state)
{
	json_t *file = vectors("exchanges.json"), *k;
	size_t i;

	(void)state;
	json_array_foreach (member(member(file, "kat"), "hashToPoint"), i, k) {
		const json_t *set = json_array_get(member(file, "ibe"),
		    (size_t)number(k, "ibe"));
		const char *id = text(k, "id");
		struct bf *bf = load(set, "Ppub");
		struct t1_point q_id, s_id;
		uint8_t x[64];

		assert_int_equal(bf_hash_to_point(bf, (const uint8_t *)id,
				     strlen(id), NULL, &q_id),
		    ERR_OK);
		assert_point(&q_id, member(k, "Q"), bf);
		token_mul(x, text(set, "masterSecretModPplus1"), &q_id, bf);
		assert_int_equal(bf_private_key(bf, &q_id, x, &s_id), ERR_OK);
		assert_point(&s_id, member(k, "S"), bf);
		bf_free(&bf);
	}
	json_decref(file);
}

struct envelope {
	struct bf *bf;
	struct t1_lines *lines;
	struct t1_point u;
	uint8_t x[64], v[20], w[77], plain[77];
	json_t *file;
};

static void
envelope_init(struct envelope *e)
{
	const uint8_t rho[20] = {1, 2, 3};
	struct t1_point q_id;
	const json_t *set;

	e->file = vectors("exchanges.json");
	set = json_array_get(member(e->file, "ibe"), 1);
	e->bf = load(set, "Ppub");
	memset(e->plain, 0x42, sizeof(e->plain));
	assert_int_equal(bf_encrypt(e->bf, (const uint8_t *)"id", 2, rho,
			     e->plain, sizeof(e->plain), &e->u, e->v, e->w),
	    ERR_OK);
	assert_int_equal(bf_hash_to_point(e->bf, (const uint8_t *)"id", 2, NULL,
			     &q_id),
	    ERR_OK);
	assert_int_equal(t1_lines_new(&q_id, &e->bf->curve, &e->lines), ERR_OK);
	token_mul(e->x, text(set, "masterSecretModPplus1"), &e->u, e->bf);
}

static void
envelope_done(struct envelope *e)
{
	t1_lines_free(&e->lines);
	bf_free(&e->bf);
	json_decref(e->file);
}

static enum err
envelope_open(struct envelope *e, uint8_t *out)
{
	struct rd v, w;

	rd_init(&v, e->v, sizeof(e->v));
	rd_init(&w, e->w, sizeof(e->w));
	return bf_open(e->bf, e->lines, e->x, &e->u, v, w, out);
}

static void
one_changed_bit_does_not_open_and_leaves_nothing(void **state)
{
	uint8_t out[77], zero[77] = {0};
	struct envelope e;

	(void)state;
	envelope_init(&e);
	assert_int_equal(envelope_open(&e, out), ERR_OK);
	assert_memory_equal(out, e.plain, sizeof(out));
	for (size_t i = 0; i < sizeof(e.v); i++) {
		e.v[i] ^= 0x10;
		assert_int_equal(envelope_open(&e, out), ERR_MISMATCH);
		assert_memory_equal(out, zero, sizeof(out));
		e.v[i] ^= 0x10;
	}
	for (size_t i = 0; i < sizeof(e.w); i += 7) {
		e.w[i] ^= 1;
		assert_int_equal(envelope_open(&e, out), ERR_MISMATCH);
		e.w[i] ^= 1;
	}
	fp_neg(&e.u.y, &e.u.y, &e.bf->curve.f);
	assert_int_equal(envelope_open(&e, out), ERR_MISMATCH);
	envelope_done(&e);
}

static void
an_x_that_is_on_no_point_is_the_tokens_fault(void **state)
{
	uint8_t out[77], zero[77] = {0};
	struct envelope e;
	unsigned seen = 0;

	(void)state;
	envelope_init(&e);
	for (int i = 0; i < 32 && seen == 0; i++) {
		e.x[63] = (uint8_t)(e.x[63] + 1);
		seen += envelope_open(&e, out) == ERR_HSM;
		assert_memory_equal(out, zero, sizeof(out));
	}
	assert_true(seen == 1);
	memset(e.x, 0xff, sizeof(e.x));
	assert_int_equal(envelope_open(&e, out), ERR_HSM);
	envelope_done(&e);
}

static void
parameters_outside_the_subgroup_are_malformed(void **state)
{
	json_t *file = vectors("exchanges.json");
	const json_t *set = json_array_get(member(file, "ibe"), 0);
	mpz_t p, q, pp[2], g[2];
	struct bf *bf = NULL;

	(void)state;
	mpz_inits(p, q, NULL);
	mpz_hex(p, text(set, "p"));
	mpz_hex(q, text(set, "q"));
	mpz_pair(pp, member(set, "P"));
	mpz_pair(g, member(set, "G"));
	assert_int_equal(bf_new(p, q, g, pp, "SHA1", &bf), ERR_MALFORMED);
	assert_int_equal(bf_new(p, q, pp, g, "SHA1", &bf), ERR_MALFORMED);
	mpz_add(pp[0], pp[0], p);
	assert_int_equal(bf_new(p, q, pp, pp, "SHA1", &bf), ERR_MALFORMED);
	assert_null(bf);
	mpz_clears(p, q, pp[0], pp[1], g[0], g[1], NULL);
	json_decref(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes_to_range_as_rfc5091_7_2),
	    cmocka_unit_test(derives_and_extracts_as_rfc5091_7_4_and_7_5),
	    cmocka_unit_test(encrypts_and_opens_the_corrected_7_6),
	    cmocka_unit_test(hash_bytes_agrees_over_several_blocks),
	    cmocka_unit_test(derives_the_full_size_points),
	    cmocka_unit_test(one_changed_bit_does_not_open_and_leaves_nothing),
	    cmocka_unit_test(an_x_that_is_on_no_point_is_the_tokens_fault),
	    cmocka_unit_test(parameters_outside_the_subgroup_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
