/* IBE through its one interface, with the token in software. */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "help.h"
#include "hsm/bf_der.h"
#include "hsm/ibe.h"
#include "hsm/type1.h"

#define COORD 64
#define HASH 20
#define N_KMS 3

enum mood { HONEST, FAILS, NOT_A_NUMBER, OFF_CURVE, OTHER_SECRET };

/* The vectors' master secrets are public. */
struct soft_token {
	struct t1_curve curve;
	struct fp_exp s;
	unsigned muls;
	uint8_t last[IBE_POINT_MAX]; /* what it was given */
	enum mood mood;
};

static enum err
soft_mul(void *ctx, const uint8_t *point, size_t len, uint8_t *x, size_t x_len)
{
	struct soft_token *t = ctx;
	struct t1_point a, r;

	t->muls++;
	if (len != sizeof(t->last) || x_len != COORD || point[0] != 0x04)
		return ERR_HSM;
	memcpy(t->last, point, len);
	memset(x, 0xff, x_len);
	if (t->mood == FAILS)
		return ERR_HSM;
	if (t->mood == NOT_A_NUMBER)
		return ERR_OK;
	if (t1_point_from_be(&a, point + 1, COORD, point + 1 + COORD, COORD,
		&t->curve) != ERR_OK ||
	    t1_mul_vartime(&r, &t->s, &a, &t->curve) != ERR_OK)
		return ERR_HSM;
	if (t->mood == OTHER_SECRET &&
	    t1_mul_vartime(&r, &t->s, &r, &t->curve) != ERR_OK)
		return ERR_HSM;
	fp_to_be(x, &r.x, &t->curve.f);
	if (t->mood == OFF_CURVE) {
		/* every other x or so is that of no point */
		struct fp y;

		do {
			x[COORD - 1]++;
			assert_int_equal(fp_from_be(&a.x, x, COORD,
					     &t->curve.f),
			    ERR_OK);
			t1_y_from_x(&y, &a.x, &t->curve);
			a.y = y;
		} while (t1_mask_on_curve(&a, &t->curve) != 0);
	}
	return ERR_OK;
}

struct kms {
	struct ibe *ibe;
	struct soft_token soft;
	struct ibe_token token;
	uint8_t *der;
	size_t der_len;
};

struct rig {
	json_t *file;
	struct kms kms[N_KMS];
};

static void
kms_init(struct kms *k, const json_t *set)
{
	struct why why = {""};
	mpz_t p, q, s;

	k->der = octets(set, "publicParametersDER", &k->der_len);
	if (ibe_load("ss512", view(k->der, k->der_len), &k->ibe, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	mpz_inits(p, q, s, NULL);
	mpz_set_str(p, text(set, "p"), 0);
	mpz_set_str(q, text(set, "q"), 0);
	mpz_set_str(s, text(set, "masterSecretModPplus1"), 0);
	assert_int_equal(t1_curve_init(&k->soft.curve, p, q), ERR_OK);
	fp_exp_from_mpz(&k->soft.s, s);
	mpz_clears(p, q, s, NULL);
	k->token = (struct ibe_token){soft_mul, &k->soft};
}

static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->file = vectors("exchanges.json");
	for (size_t i = 0; i < N_KMS; i++)
		kms_init(&g->kms[i], json_array_get(member(g->file, "ibe"), i));
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	for (size_t i = 0; i < N_KMS; i++) {
		ibe_free(&g->kms[i].ibe);
		assert_null(g->kms[i].ibe);
		ibe_free(&g->kms[i].ibe);
		free(g->kms[i].der);
	}
	json_decref(g->file);
	free(g);
	return 0;
}

/* An envelope with its plain text. */
struct letter {
	uint8_t u[2 * COORD], v[HASH], w[1024], plain[1024];
	size_t len;
};

static void
write_letter(struct kms *k, const char *id, size_t len, struct letter *l)
{
	assert_true(len <= sizeof(l->plain));
	for (size_t i = 0; i < len; i++)
		l->plain[i] = (uint8_t)(i * 7 + 1);
	l->len = len;
	assert_int_equal(ibe_encrypt(k->ibe, str(id), l->plain, len, l->u, l->v,
			     l->w),
	    ERR_OK);
}

static struct ibe_envelope
envelope(const struct letter *l)
{
	return (struct ibe_envelope){view(l->u, COORD),
	    view(l->u + COORD, COORD), view(l->v, HASH), view(l->w, l->len)};
}

static void
opens(struct kms *k, const struct rd *ids, size_t n, const struct letter *l,
    const struct ibe_envelope *e, size_t want)
{
	uint8_t *out = malloc(l->len > 0 ? l->len : 1);
	size_t which = 99;

	assert_non_null(out);
	assert_int_equal(ibe_open(k->ibe, &k->token, ids, n, e, out, &which),
	    ERR_OK);
	assert_int_equal(which, want);
	if (l->len > 0)
		assert_memory_equal(out, l->plain, l->len);
	free(out);
}

static enum err
try_open(struct kms *k, const char *id, const struct ibe_envelope *e,
    uint8_t *out)
{
	const struct rd ids = str(id);
	size_t which;

	return ibe_open(k->ibe, &k->token, &ids, 1, e, out, &which);
}

static void
does_not_open(struct kms *k, const char *id, const struct ibe_envelope *e)
{
	uint8_t *out = calloc(1, e->w.left > 0 ? e->w.left : 1);

	assert_non_null(out);
	assert_int_equal(try_open(k, id, e, out), ERR_MISMATCH);
	for (size_t i = 0; i < e->w.left; i++)
		assert_int_equal(out[i], 0);
	free(out);
}

/* ---- names ---- */

static void
a_scheme_says_how_weak_it_is(void **state)
{
	struct ibe_strength s = {.bits = 1}, was = s;

	(void)state;
	assert_int_equal(ibe_strength("ss512", &s), ERR_OK);
	assert_string_equal(s.scheme, "ss512");
	assert_true(s.bits >= 77 && s.bits <= 80);
	assert_non_null(s.caution);
	assert_non_null(strstr(s.caution, "ss512"));
	s = was;
	assert_int_equal(ibe_strength("ss1536", &s), ERR_NOTFOUND);
	assert_int_equal(ibe_strength("", &s), ERR_NOTFOUND);
	assert_memory_equal(&s, &was, sizeof(s));
}

static void
an_unknown_scheme_is_not_found(void **state)
{
	struct rig *g = *state;
	struct ibe *t = NULL;
	struct ibe_setup *setup = NULL;
	struct why why = {""};

	assert_int_equal(ibe_load("ss513",
			     view(g->kms[0].der, g->kms[0].der_len), &t, &why),
	    ERR_NOTFOUND);
	assert_string_not_equal(why.text, "");
	assert_null(t);
	assert_int_equal(ibe_setup_new("ss513", &setup), ERR_NOTFOUND);
	assert_null(setup);
}

static void
lengths_are_those_of_the_scheme(void **state)
{
	struct rig *g = *state;

	assert_int_equal(ibe_coordinate_octets(g->kms[0].ibe), COORD);
	assert_int_equal(ibe_v_octets(g->kms[0].ibe), HASH);
}

/* ---- opening ---- */

static void
what_is_encrypted_to_an_id_opens_under_it(void **state)
{
	static const char *const ids[] = {"Bob",
	    "sip:alice@example.com20260101", "x", "tel:+1555010020260101"};
	static const size_t lens[] = {0, 1, 19, 20, 21, 64, 200, 1000};
	struct rig *g = *state;
	struct letter l;

	for (size_t k = 0; k < N_KMS; k++)
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
			for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]);
			     n++) {
				const struct rd id = str(ids[i]);
				struct ibe_envelope e;

				write_letter(&g->kms[k], ids[i], lens[n], &l);
				e = envelope(&l);
				opens(&g->kms[k], &id, 1, &l, &e, 0);
			}
}

static void
each_encryption_is_another(void **state)
{
	struct rig *g = *state;
	struct letter a, b;

	write_letter(&g->kms[0], "Bob", 40, &a);
	write_letter(&g->kms[0], "Bob", 40, &b);
	assert_memory_not_equal(a.u, b.u, sizeof(a.u));
	assert_memory_not_equal(a.v, b.v, sizeof(a.v));
	assert_memory_not_equal(a.w, b.w, 40);
}

static void
the_first_id_that_fits_is_told(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[1];
	const struct rd ids[] = {str("a"), str("b"), str("c"), str("d"),
	    str("c")};
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "c", 33, &l);
	e = envelope(&l);
	opens(k, ids, 5, &l, &e, 2);
	opens(k, ids + 2, 1, &l, &e, 0);
	opens(k, ids + 1, 2, &l, &e, 1);
	opens(k, ids + 3, 2, &l, &e, 1);
	does_not_open(k, "d", &e);
}

static void
an_envelope_opens_under_its_id_alone(void **state)
{
	static const char *const other[] = {"sip:alice@example.com20260102",
	    "sip:alice@example.com2026010", "sip:alice@example.com202601011",
	    "sip:Alice@example.com20260101", "sip:bob@example.com20260101"};
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "sip:alice@example.com20260101", 48, &l);
	e = envelope(&l);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		does_not_open(k, other[i], &e);
	/* nor at another KMS */
	does_not_open(&g->kms[1], "sip:alice@example.com20260101", &e);
}

/* An interception must not bring a subscriber's private key into being. */
static void
the_token_multiplies_u_once_however_many_ids(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[2];
	const struct rd ids[] = {str("p"), str("q"), str("r"), str("s")};
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "s", 24, &l);
	e = envelope(&l);
	for (int again = 0; again < 2; again++) {
		k->soft.muls = 0;
		opens(k, ids, 4, &l, &e, 3);
		assert_int_equal(k->soft.muls, 1);
		assert_int_equal(k->soft.last[0], 0x04);
		assert_memory_equal(k->soft.last + 1, l.u, 2 * COORD);
	}
	k->soft.muls = 0;
	does_not_open(k, "p", &e);
	assert_int_equal(k->soft.muls, 1);
	k->soft.muls = 0;
	write_letter(k, "s", 24, &l);
	assert_int_equal(k->soft.muls, 0);
}

static void
what_is_kept_of_ids_changes_nothing(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	const struct rd ids[] = {str("kept one"), str("kept two")};
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "kept two", 16, &l);
	e = envelope(&l);
	for (int i = 0; i < 3; i++) {
		opens(k, ids, 2, &l, &e, 1);
		if (i == 1)
			ibe_forget_ids(k->ibe);
	}
	ibe_forget_ids(k->ibe);
	ibe_forget_ids(k->ibe);
}

static void
every_changed_octet_keeps_an_envelope_shut(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "Bob", 30, &l);
	e = envelope(&l);
	for (size_t i = 0; i < HASH; i++) {
		l.v[i] ^= 0x10;
		does_not_open(k, "Bob", &e);
		l.v[i] ^= 0x10;
	}
	for (size_t i = 0; i < l.len; i++) {
		l.w[i] ^= 0x01;
		does_not_open(k, "Bob", &e);
		l.w[i] ^= 0x01;
	}
	opens(k, &(struct rd){(const uint8_t *)"Bob", 3}, 1, &l, &e, 0);
}

/* What is no point is not given to the token either. */
static void
a_point_off_the_curve_does_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e;
	uint8_t out[30];
	struct letter l;

	write_letter(k, "Bob", 30, &l);
	e = envelope(&l);
	k->soft.muls = 0;
	for (size_t i = 0; i < sizeof(l.u); i++) {
		l.u[i] ^= 0x04;
		assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
		l.u[i] ^= 0x04;
	}
	assert_int_equal(k->soft.muls, 0);
}

static void
the_negative_and_other_points_of_the_group_do_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	const struct t1_curve *c = &k->soft.curve;
	struct letter l, other;
	struct ibe_envelope e;
	struct t1_point u;
	struct fp y;

	write_letter(k, "Bob", 30, &l);
	e = envelope(&l);
	assert_int_equal(t1_point_from_be(&u, l.u, COORD, l.u + COORD, COORD,
			     c),
	    ERR_OK);
	fp_neg(&y, &u.y, &c->f);
	fp_to_be(l.u + COORD, &y, &c->f);
	does_not_open(k, "Bob", &e);
	write_letter(k, "Bob", 30, &other);
	memcpy(l.u, other.u, sizeof(l.u));
	does_not_open(k, "Bob", &e);
}

static void
points_of_other_lengths_do_not_open(void **state)
{
	static uint8_t long_x[COORD + 2], long_y[COORD + 2];
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e, bad;
	uint8_t out[30];
	struct letter l;

	/* no leading zeros, so that every octet cut off counts */
	do
		write_letter(k, "Bob", 30, &l);
	while (l.u[0] == 0 || l.u[COORD] == 0);
	e = envelope(&l);
	for (size_t n = 0; n < COORD; n++) {
		bad = e;
		bad.u_x = view(l.u, n);
		assert_int_equal(try_open(k, "Bob", &bad, out), ERR_MISMATCH);
		bad = e;
		bad.u_y = view(l.u + COORD + 1, n);
		assert_int_equal(try_open(k, "Bob", &bad, out), ERR_MISMATCH);
	}
	memcpy(long_x, l.u, COORD);
	memcpy(long_y, l.u + COORD, COORD);
	for (size_t n = COORD + 1; n <= COORD + 2; n++) {
		bad = e;
		bad.u_x = view(long_x, n);
		assert_int_equal(try_open(k, "Bob", &bad, out), ERR_MISMATCH);
		bad = e;
		bad.u_y = view(long_y, n);
		assert_int_equal(try_open(k, "Bob", &bad, out), ERR_MISMATCH);
	}
	bad = e;
	bad.u_x = bad.u_y = view(NULL, 0);
	assert_int_equal(try_open(k, "Bob", &bad, out), ERR_MISMATCH);
}

/* DER integers come without their zeros. */
static void
coordinates_without_their_leading_zeros_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	const struct rd id = str("Bob");
	struct ibe_envelope e;
	struct letter l;

	do
		write_letter(k, "Bob", 8, &l);
	while (l.u[0] != 0 && l.u[COORD] != 0);
	e = envelope(&l);
	opens(k, &id, 1, &l, &e, 0);
	if (l.u[0] == 0)
		e.u_x = view(l.u + 1, COORD - 1);
	else
		e.u_y = view(l.u + COORD + 1, COORD - 1);
	opens(k, &id, 1, &l, &e, 0);
	ibe_forget_ids(k->ibe);
}

/* out = in + p over 64 octets; false if that does not fit. */
static bool
add_p(uint8_t *out, const uint8_t *in, const struct fp_field *f)
{
	unsigned carry = 0;

	for (size_t i = 0; i < COORD; i++) {
		const unsigned p =
		    (unsigned)(f->p[i / 8] >> (8 * (i % 8))) & 0xff;

		carry += in[COORD - 1 - i] + p;
		out[COORD - 1 - i] = (uint8_t)carry;
		carry >>= 8;
	}
	return carry == 0;
}

static void
coordinates_from_p_on_do_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	uint8_t big[COORD], out[30];
	struct ibe_envelope e;
	struct letter l;

	do
		write_letter(k, "Bob", 30, &l);
	while (!add_p(big, l.u, &k->soft.curve.f));
	e = envelope(&l);
	e.u_x = view(big, COORD);
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
	do
		write_letter(k, "Bob", 30, &l);
	while (!add_p(big, l.u + COORD, &k->soft.curve.f));
	e = envelope(&l);
	e.u_y = view(big, COORD);
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
	memset(big, 0xff, sizeof(big));
	e.u_x = e.u_y = view(big, COORD);
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
}

/* Orders 2, 3 and 6; and a point that was not brought into the subgroup. */
static void
points_outside_the_subgroup_do_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	const struct t1_curve *c = &k->soft.curve;
	struct ibe_envelope e;
	uint8_t out[30], be[COORD] = {0};
	struct t1_point a;
	struct letter l;
	struct fp y;

	write_letter(k, "Bob", 30, &l);
	e = envelope(&l);
	memset(l.u, 0, sizeof(l.u));
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
	l.u[2 * COORD - 1] = 1; /* (0, 1) */
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
	l.u[COORD - 1] = 2;
	l.u[2 * COORD - 1] = 3; /* (2, 3) */
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_MISMATCH);
	be[COORD - 1] = 0x55;
	assert_int_equal(fp_from_be(&y, be, COORD, &c->f), ERR_OK);
	assert_int_equal(t1_lift_vartime(&a, &y, c), ERR_OK);
	assert_false(t1_in_subgroup_vartime(&a, c));
	fp_to_be(l.u, &a.x, &c->f);
	fp_to_be(l.u + COORD, &a.y, &c->f);
	does_not_open(k, "Bob", &e);
}

static void
a_v_of_another_length_does_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	uint8_t v[2 * HASH] = {0}, out[30];
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "Bob", 30, &l);
	memcpy(v, l.v, HASH);
	for (size_t n = 0; n <= sizeof(v); n++) {
		e = envelope(&l);
		e.v = view(v, n);
		assert_int_equal(try_open(k, "Bob", &e, out),
		    n == HASH ? ERR_OK : ERR_MISMATCH);
	}
}

static void
a_w_cut_or_lengthened_does_not_open(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e;
	struct letter l;

	write_letter(k, "Bob", 30, &l);
	memset(l.w + 30, 0, 10);
	for (size_t n = 0; n <= 40; n++) {
		if (n == 30)
			continue;
		e = envelope(&l);
		e.w = view(l.w, n);
		does_not_open(k, "Bob", &e);
	}
}

static void
a_broken_token_is_told_from_a_bad_envelope(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	struct ibe_envelope e;
	uint8_t out[30];
	struct letter l;

	write_letter(k, "Bob", 30, &l);
	e = envelope(&l);
	k->soft.mood = FAILS;
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_HSM);
	k->soft.mood = NOT_A_NUMBER; /* x over p */
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_HSM);
	k->soft.mood = OFF_CURVE; /* x of no point */
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_HSM);
	/* another secret: an x, but the wrong one */
	k->soft.mood = OTHER_SECRET;
	does_not_open(k, "Bob", &e);
	k->soft.mood = HONEST;
	assert_int_equal(try_open(k, "Bob", &e, out), ERR_OK);
}

/* ---- private keys ---- */

/* x and y of a BFPrivateKeyBlock, filled up to 64 octets. */
static void
read_private_key(const uint8_t *der, size_t len, uint8_t x[COORD],
    uint8_t y[COORD])
{
	const unsigned char *p = der, *end = der + len;
	int tag, class;
	long n;

	assert_int_equal(ASN1_get_object(&p, &n, &tag, &class, end - p),
	    V_ASN1_CONSTRUCTED);
	assert_int_equal(tag, V_ASN1_SEQUENCE);
	assert_true(p + n == end);
	assert_memory_equal(p, "\x02\x01\x02", 3);
	p += 3;
	assert_int_equal(ASN1_get_object(&p, &n, &tag, &class, end - p),
	    V_ASN1_CONSTRUCTED);
	assert_true(p + n == end);
	for (int i = 0; i < 2; i++) {
		ASN1_INTEGER *v = d2i_ASN1_INTEGER(NULL, &p, end - p);
		BIGNUM *b = ASN1_INTEGER_to_BN(v, NULL);

		assert_non_null(b);
		assert_int_equal(BN_bn2binpad(b, i == 0 ? x : y, COORD), COORD);
		BN_free(b);
		ASN1_INTEGER_free(v);
	}
	assert_ptr_equal(p, end);
}

/* The values of the independent implementation. */
static void
private_keys_are_those_of_the_vectors(void **state)
{
	struct rig *g = *state;
	json_t *row;
	size_t i;

	json_array_foreach (member(member(g->file, "kat"), "hashToPoint"), i,
	    row) {
		struct kms *k = &g->kms[number(row, "ibe")];
		uint8_t der[IBE_PARAMS_MAX], x[COORD], y[COORD], want[COORD];
		uint8_t q_x[COORD];
		const json_t *s = member(row, "S"), *q = member(row, "Q");
		size_t len = 0;

		k->soft.muls = 0;
		assert_int_equal(ibe_private_key(k->ibe, &k->token,
				     str(text(row, "id")), der, &len),
		    ERR_OK);
		assert_int_equal(k->soft.muls, 1);
		number_be(json_string_value(json_array_get(q, 0)), q_x, COORD);
		assert_memory_equal(k->soft.last + 1, q_x, COORD);
		read_private_key(der, len, x, y);
		number_be(json_string_value(json_array_get(s, 0)), want, COORD);
		assert_memory_equal(x, want, COORD);
		number_be(json_string_value(json_array_get(s, 1)), want, COORD);
		assert_memory_equal(y, want, COORD);
	}
	assert_true(i > 0);
}

/* Both signs of y come up: it is the right one each time. */
static void
a_private_key_is_the_secret_times_the_point_of_the_id(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < 12; i++) {
		struct kms *k = &g->kms[i % N_KMS];
		const struct t1_curve *c = &k->soft.curve;
		uint8_t der[IBE_PARAMS_MAX], x[COORD], y[COORD];
		uint8_t want[COORD], id[2] = {'i', (uint8_t)i};
		struct t1_point q, s;
		size_t len = 0;

		assert_int_equal(ibe_private_key(k->ibe, &k->token, view(id, 2),
				     der, &len),
		    ERR_OK);
		read_private_key(der, len, x, y);
		assert_int_equal(t1_point_from_be(&q, k->soft.last + 1, COORD,
				     k->soft.last + 1 + COORD, COORD, c),
		    ERR_OK);
		assert_true(t1_in_subgroup_vartime(&q, c));
		assert_int_equal(t1_mul_vartime(&s, &k->soft.s, &q, c), ERR_OK);
		fp_to_be(want, &s.x, &c->f);
		assert_memory_equal(x, want, COORD);
		fp_to_be(want, &s.y, &c->f);
		assert_memory_equal(y, want, COORD);
	}
}

static void
a_token_that_lies_gives_no_private_key(void **state)
{
	struct rig *g = *state;
	struct kms *k = &g->kms[0];
	uint8_t der[IBE_PARAMS_MAX];
	size_t len = 77;

	for (int mood = FAILS; mood <= OTHER_SECRET; mood++) {
		k->soft.mood = (enum mood)mood;
		assert_int_equal(ibe_private_key(k->ibe, &k->token, str("Bob"),
				     der, &len),
		    ERR_HSM);
		assert_int_equal(len, 77);
	}
	k->soft.mood = HONEST;
	assert_int_equal(ibe_private_key(k->ibe, &k->token, str("Bob"), der,
			     &len),
	    ERR_OK);
}

/* ---- loading ---- */

static enum err
load(const struct bf_public *b, struct why *why)
{
	uint8_t der[4096];
	struct ibe *t = NULL;
	size_t len = 0;
	enum err rc;

	why->text[0] = '\0';
	assert_int_equal(bf_public_encode(b, der, sizeof(der), &len), ERR_OK);
	rc = ibe_load("ss512", view(der, len), &t, why);
	if (rc != ERR_OK)
		assert_null(t);
	ibe_free(&t);
	return rc;
}

static void
refused(const struct bf_public *b, enum err want)
{
	struct why why;
	enum err rc = load(b, &why);

	if (rc != want)
		fail_msg("%s instead of %s (%s)", err_str(rc), err_str(want),
		    why.text);
	assert_string_not_equal(why.text, "");
}

/* The good parameters of the first KMS, to be spoilt. */
static void
good(const struct rig *g, struct bf_public *b)
{
	struct why why;

	bf_public_init(b);
	assert_int_equal(bf_public_decode(view(g->kms[0].der,
					      g->kms[0].der_len),
			     b, &why),
	    ERR_OK);
}

static void
good_parameters_load_and_load_again(void **state)
{
	struct rig *g = *state;
	struct bf_public b;
	struct why why;

	good(g, &b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(load(&b, &why), ERR_OK);
	bf_public_clear(&b);
}

static void
what_is_not_der_of_parameters_does_not_load(void **state)
{
	struct rig *g = *state;
	const struct kms *k = &g->kms[0];
	struct ibe *t = NULL;
	struct why why;

	for (size_t n = 0; n < k->der_len; n++) {
		why.text[0] = '\0';
		assert_int_equal(ibe_load("ss512", view(k->der, n), &t, &why),
		    ERR_MALFORMED);
		assert_null(t);
		assert_string_not_equal(why.text, "");
	}
	assert_int_equal(ibe_load("ss512", str("junk"), &t, &why),
	    ERR_MALFORMED);
	assert_null(t);
}

static void
p_must_be_a_prime_of_512_bit(void **state)
{
	struct rig *g = *state;
	struct bf_public b;

	good(g, &b);
	mpz_add_ui(b.p, b.p, 12); /* composite, still 11 mod 12 */
	assert_int_equal(mpz_probab_prime_p(b.p, 30), 0);
	refused(&b, ERR_UNSUPPORTED);
	bf_public_clear(&b);

	/* primes of the wrong size, even with all else as it must be */
	for (int bits = 508; bits <= 516; bits++) {
		mpz_t r, step;

		if (bits == 512)
			continue;
		good(g, &b);
		mpz_inits(r, step, NULL);
		mpz_mul_ui(step, b.q, 12);
		mpz_setbit(r, (mp_bitcnt_t)bits - 1);
		mpz_cdiv_q(r, r, step);
		do {
			mpz_add_ui(r, r, 1);
			mpz_mul(b.p, r, step);
			mpz_sub_ui(b.p, b.p, 1);
		} while (mpz_probab_prime_p(b.p, 30) == 0);
		assert_int_equal(mpz_sizeinbase(b.p, 2), bits);
		mpz_clears(r, step, NULL);
		refused(&b, ERR_UNSUPPORTED);
		bf_public_clear(&b);
	}
	good(g, &b);
	mpz_set_ui(b.p, 0);
	refused(&b, ERR_UNSUPPORTED);
	mpz_set_ui(b.p, 11);
	refused(&b, ERR_UNSUPPORTED);
	bf_public_clear(&b);
}

static void
q_must_be_a_prime_of_160_bit_that_divides_the_order(void **state)
{
	struct rig *g = *state;
	struct bf_public b;

	good(g, &b);
	mpz_add_ui(b.q, b.q, 2);
	assert_int_equal(mpz_probab_prime_p(b.q, 30), 0);
	refused(&b, ERR_UNSUPPORTED);
	mpz_nextprime(b.q, b.q); /* a prime, but not of this curve */
	if (mpz_sizeinbase(b.q, 2) == 160)
		refused(&b, ERR_UNSUPPORTED);
	mpz_set_ui(b.q, 0);
	mpz_setbit(b.q, 159);
	mpz_nextprime(b.q, b.q);
	assert_int_equal(mpz_sizeinbase(b.q, 2), 160);
	refused(&b, ERR_UNSUPPORTED);
	/* of another size */
	mpz_set_ui(b.q, 0);
	mpz_setbit(b.q, 158);
	mpz_nextprime(b.q, b.q);
	refused(&b, ERR_UNSUPPORTED);
	mpz_setbit(b.q, 160);
	mpz_nextprime(b.q, b.q);
	refused(&b, ERR_UNSUPPORTED);
	mpz_set_ui(b.q, 3); /* divides p + 1 */
	refused(&b, ERR_UNSUPPORTED);
	mpz_set_ui(b.q, 0);
	refused(&b, ERR_UNSUPPORTED);
	bf_public_clear(&b);
}

/* A q of 160 bit that divides p + 1 and is not prime: two of 80. */
static void
a_composite_q_is_refused_where_it_divides_the_order(void **state)
{
	struct rig *g = *state;
	struct bf_public b;
	mpz_t r, step;

	good(g, &b);
	mpz_inits(r, step, NULL);
	mpz_set_ui(b.q, 0);
	mpz_setbit(b.q, 79);
	mpz_setbit(b.q, 78);
	mpz_nextprime(b.q, b.q);
	mpz_nextprime(r, b.q);
	mpz_mul(b.q, b.q, r);
	assert_int_equal(mpz_sizeinbase(b.q, 2), 160);
	mpz_mul_ui(step, b.q, 12);
	mpz_set_ui(r, 0);
	mpz_setbit(r, 511);
	mpz_cdiv_q(r, r, step);
	do {
		mpz_add_ui(r, r, 1);
		mpz_mul(b.p, r, step);
		mpz_sub_ui(b.p, b.p, 1);
	} while (mpz_probab_prime_p(b.p, 30) == 0);
	assert_int_equal(mpz_sizeinbase(b.p, 2), 512);
	mpz_clears(r, step, NULL);
	refused(&b, ERR_UNSUPPORTED);
	bf_public_clear(&b);
}

/* y^2 = x^3 + 1 has p + 1 points only where p = 2 mod 3. */
static void
a_prime_of_another_form_is_refused(void **state)
{
	struct rig *g = *state;
	struct bf_public b;
	mpz_t r, step;

	good(g, &b);
	mpz_inits(r, step, NULL);
	mpz_mul_ui(step, b.q, 4);
	mpz_setbit(r, 511);
	mpz_cdiv_q(r, r, step);
	do {
		mpz_add_ui(r, r, 1);
		mpz_mul(b.p, r, step);
		mpz_sub_ui(b.p, b.p, 1);
	} while (
	    mpz_fdiv_ui(b.p, 12) == 11 || mpz_probab_prime_p(b.p, 30) == 0);
	assert_int_equal(mpz_sizeinbase(b.p, 2), 512);
	mpz_clears(r, step, NULL);
	refused(&b, ERR_UNSUPPORTED);
	bf_public_clear(&b);
}

static void
set_point(mpz_t xy[2], const struct t1_point *a, const struct t1_curve *c)
{
	fp_to_mpz(xy[0], &a->x, &c->f);
	fp_to_mpz(xy[1], &a->y, &c->f);
}

static void
p_and_ppub_must_be_in_the_subgroup(void **state)
{
	struct rig *g = *state;
	const struct t1_curve *c = &g->kms[0].soft.curve;
	uint8_t be[COORD] = {0};
	struct t1_point out;
	struct fp y;

	/* on the curve, but not multiplied by the cofactor */
	be[COORD - 1] = 0x77;
	assert_int_equal(fp_from_be(&y, be, COORD, &c->f), ERR_OK);
	assert_int_equal(t1_lift_vartime(&out, &y, c), ERR_OK);
	assert_false(t1_in_subgroup_vartime(&out, c));

	for (int which = 0; which < 2; which++) {
		struct bf_public b;

		good(g, &b);
		mpz_t *const xy = which == 0 ? b.point_p : b.point_ppub;

		set_point(xy, &out, c);
		refused(&b, ERR_MALFORMED);
		mpz_set_ui(xy[0], 0); /* (0, 1) has order 3 */
		mpz_set_ui(xy[1], 1);
		refused(&b, ERR_MALFORMED);
		mpz_set_ui(xy[0], 2); /* (2, 3) has order 6 */
		mpz_set_ui(xy[1], 3);
		refused(&b, ERR_MALFORMED);
		mpz_sub_ui(xy[0], b.p, 1); /* (-1, 0) has order 2 */
		mpz_set_ui(xy[1], 0);
		refused(&b, ERR_MALFORMED);
		mpz_set_ui(xy[0], 0);
		mpz_set_ui(xy[1], 0);
		refused(&b, ERR_MALFORMED);
		bf_public_clear(&b);

		/* off the curve by one; coordinates not reduced */
		for (int i = 0; i < 2; i++) {
			mpz_t *at;

			good(g, &b);
			at = which == 0 ? b.point_p : b.point_ppub;
			mpz_add_ui(at[i], at[i], 1);
			refused(&b, ERR_MALFORMED);
			mpz_sub_ui(at[i], at[i], 1);
			mpz_add(at[i], at[i], b.p);
			refused(&b, ERR_MALFORMED);
			mpz_set(at[i], b.p);
			refused(&b, ERR_MALFORMED);
			mpz_set_ui(at[i], 0);
			mpz_setbit(at[i], 2000);
			refused(&b, ERR_MALFORMED);
			bf_public_clear(&b);
		}
	}
}

/* ---- making ---- */

/* The base point in the token's parameters, and the curve they are of. */
static void
parse_ec_params(struct rd der, mpz_t p, mpz_t order, uint8_t *point)
{
	const unsigned char *at = der.p;
	EC_GROUP *group = d2i_ECPKParameters(NULL, &at, (long)der.left);
	BIGNUM *bp = BN_new(), *a = BN_new(), *b = BN_new(), *n = BN_new();
	char *hex;

	assert_non_null(group);
	assert_ptr_equal(at, der.p + der.left);
	assert_int_equal(EC_GROUP_get_curve(group, bp, a, b, NULL), 1);
	assert_true(BN_is_zero(a));
	assert_true(BN_is_one(b));
	assert_true(BN_is_one(EC_GROUP_get0_cofactor(group)));
	assert_int_equal(EC_GROUP_get_order(group, n, NULL), 1);
	hex = BN_bn2hex(bp);
	mpz_set_str(p, hex, 16);
	OPENSSL_free(hex);
	hex = BN_bn2hex(n);
	mpz_set_str(order, hex, 16);
	OPENSSL_free(hex);
	assert_int_equal(EC_POINT_point2oct(group,
			     EC_GROUP_get0_generator(group),
			     POINT_CONVERSION_UNCOMPRESSED, point,
			     IBE_POINT_MAX, NULL),
	    IBE_POINT_MAX);
	BN_free(bp);
	BN_free(a);
	BN_free(b);
	BN_free(n);
	EC_GROUP_free(group);
}

static void
finish_refuses(const struct ibe_setup *setup, const void *point, size_t n)
{
	uint8_t der[IBE_PARAMS_MAX];
	size_t len = 77;

	assert_int_equal(ibe_setup_finish(setup, view(point, n), der, &len),
	    ERR_MALFORMED);
	assert_int_equal(len, 77);
}

static void
spoilt_points_do_not_finish(const struct ibe_setup *setup, uint8_t *sg)
{
	uint8_t longer[IBE_POINT_MAX + 1] = {0};

	for (size_t n = 0; n < IBE_POINT_MAX; n++)
		finish_refuses(setup, sg, n);
	memcpy(longer, sg, IBE_POINT_MAX);
	finish_refuses(setup, longer, sizeof(longer));
	for (int form = 0; form < 256; form++)
		if (form != 0x04) {
			sg[0] = (uint8_t)form;
			finish_refuses(setup, sg, IBE_POINT_MAX);
		}
	sg[0] = 0x04;
	for (size_t i = 1; i < IBE_POINT_MAX; i++) {
		sg[i] ^= 0x08;
		finish_refuses(setup, sg, IBE_POINT_MAX);
		sg[i] ^= 0x08;
	}
}

static void
a_kms_is_made_with_the_secret_in_the_token(void **state)
{
	struct ibe_setup *setup = NULL;
	uint8_t sg[IBE_POINT_MAX], der[IBE_PARAMS_MAX];
	struct t1_point a, r;
	struct bf_public b;
	struct kms k = {.der = NULL};
	struct ibe_envelope e;
	struct why why = {""};
	struct letter l;
	mpz_t p, order, s;
	size_t len = 0;

	(void)state;
	mpz_inits(p, order, s, NULL);
	bf_public_init(&b);
	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	parse_ec_params(ibe_setup_ec_params(setup), p, order, sg);
	mpz_sub(s, order, p);
	assert_int_equal(mpz_cmp_ui(s, 1), 0); /* the whole group: p + 1 */

	/* q is not known before the end: do once with [1]G to learn it */
	assert_int_equal(ibe_setup_finish(setup, view(sg, sizeof(sg)), der,
			     &len),
	    ERR_OK);
	assert_int_equal(bf_public_decode(view(der, len), &b, &why), ERR_OK);
	assert_int_equal(mpz_cmp(b.p, p), 0);
	/* with s = 1, P_pub is P */
	assert_int_equal(mpz_cmp(b.point_p[0], b.point_ppub[0]), 0);
	assert_int_equal(mpz_cmp(b.point_p[1], b.point_ppub[1]), 0);

	assert_int_equal(t1_curve_init(&k.soft.curve, b.p, b.q), ERR_OK);
	mpz_tdiv_q_ui(s, order, 3);
	mpz_sub_ui(s, s, 12345);
	fp_exp_from_mpz(&k.soft.s, s);
	k.token = (struct ibe_token){soft_mul, &k.soft};
	assert_int_equal(t1_point_from_be(&a, sg + 1, COORD, sg + 1 + COORD,
			     COORD, &k.soft.curve),
	    ERR_OK);
	assert_int_equal(t1_mul_vartime(&r, &k.soft.s, &a, &k.soft.curve),
	    ERR_OK);
	fp_to_be(sg + 1, &r.x, &k.soft.curve.f);
	fp_to_be(sg + 1 + COORD, &r.y, &k.soft.curve.f);
	spoilt_points_do_not_finish(setup, sg);
	assert_int_equal(ibe_setup_finish(setup, view(sg, sizeof(sg)), der,
			     &len),
	    ERR_OK);
	assert_true(len <= IBE_PARAMS_MAX);
	ibe_setup_free(&setup);
	assert_null(setup);
	ibe_setup_free(&setup);

	if (ibe_load("ss512", view(der, len), &k.ibe, &why) != ERR_OK)
		fail_msg("%s", why.text);
	write_letter(&k, "Bob", 50, &l);
	e = envelope(&l);
	opens(&k, &(struct rd){(const uint8_t *)"Bob", 3}, 1, &l, &e, 0);
	assert_int_equal(ibe_private_key(k.ibe, &k.token, str("Bob"), der,
			     &len),
	    ERR_OK);
	ibe_free(&k.ibe);
	bf_public_clear(&b);
	mpz_clears(p, order, s, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_scheme_says_how_weak_it_is),
	    cmocka_unit_test(an_unknown_scheme_is_not_found),
	    cmocka_unit_test(lengths_are_those_of_the_scheme),
	    cmocka_unit_test(what_is_encrypted_to_an_id_opens_under_it),
	    cmocka_unit_test(each_encryption_is_another),
	    cmocka_unit_test(the_first_id_that_fits_is_told),
	    cmocka_unit_test(an_envelope_opens_under_its_id_alone),
	    cmocka_unit_test(the_token_multiplies_u_once_however_many_ids),
	    cmocka_unit_test(what_is_kept_of_ids_changes_nothing),
	    cmocka_unit_test(every_changed_octet_keeps_an_envelope_shut),
	    cmocka_unit_test(a_point_off_the_curve_does_not_open),
	    cmocka_unit_test(
		the_negative_and_other_points_of_the_group_do_not_open),
	    cmocka_unit_test(points_of_other_lengths_do_not_open),
	    cmocka_unit_test(coordinates_without_their_leading_zeros_open),
	    cmocka_unit_test(coordinates_from_p_on_do_not_open),
	    cmocka_unit_test(points_outside_the_subgroup_do_not_open),
	    cmocka_unit_test(a_v_of_another_length_does_not_open),
	    cmocka_unit_test(a_w_cut_or_lengthened_does_not_open),
	    cmocka_unit_test(a_broken_token_is_told_from_a_bad_envelope),
	    cmocka_unit_test(private_keys_are_those_of_the_vectors),
	    cmocka_unit_test(
		a_private_key_is_the_secret_times_the_point_of_the_id),
	    cmocka_unit_test(a_token_that_lies_gives_no_private_key),
	    cmocka_unit_test(good_parameters_load_and_load_again),
	    cmocka_unit_test(what_is_not_der_of_parameters_does_not_load),
	    cmocka_unit_test(p_must_be_a_prime_of_512_bit),
	    cmocka_unit_test(
		q_must_be_a_prime_of_160_bit_that_divides_the_order),
	    cmocka_unit_test(
		a_composite_q_is_refused_where_it_divides_the_order),
	    cmocka_unit_test(a_prime_of_another_form_is_refused),
	    cmocka_unit_test(p_and_ppub_must_be_in_the_subgroup),
	    cmocka_unit_test(a_kms_is_made_with_the_secret_in_the_token),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
