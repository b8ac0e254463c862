/*
 * ec: points and secrets of the exchanges, points that are none, and the
 * multiplication against OpenSSL's ECDH.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "help.h"
#include "xk/ec.h"

static const struct curve {
	uint8_t number;
	int nid;
	const char *name;
	size_t field;
	unsigned bits;
} curves[] = {
    {8, NID_X9_62_prime256v1, "P-256", 32, 256},
    {11, NID_secp384r1, "P-384", 48, 384},
    {14, NID_secp521r1, "P-521", 66, 521},
};
#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

static struct ec *ec;

static int
make(void **state)
{
	(void)state;
	return ec_new(&ec) == ERR_OK ? 0 : -1;
}

static int
unmake(void **state)
{
	(void)state;
	ec_free(&ec);
	assert_null(ec);
	ec_free(&ec); /* NULL is let through */
	return 0;
}

static enum err
check_point(uint8_t curve, const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct rd r;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	rd_init(&r, copy, len);
	rc = ec_check_point(ec, curve, r);
	free(copy);
	return rc;
}

/* [k]P by OpenSSL's plain interface; k NULL for the base point. */
static void
multiple_of_base(const struct curve *c, const BIGNUM *k, uint8_t *out)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
	EC_POINT *r = EC_POINT_new(g);

	assert_non_null(g);
	assert_int_equal(EC_POINT_mul(g, r, k == NULL ? BN_value_one() : k,
			     NULL, NULL, NULL),
	    1);
	assert_int_equal(EC_POINT_point2oct(g, r, POINT_CONVERSION_UNCOMPRESSED,
			     out, 1 + 2 * c->field, NULL),
	    1 + 2 * c->field);
	EC_POINT_free(r);
	EC_GROUP_free(g);
}

/* The prime of the field, big-endian. */
static void
field_prime(const struct curve *c, uint8_t *out)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
	BIGNUM *p = BN_new();

	assert_int_equal(EC_GROUP_get_curve(g, p, NULL, NULL, NULL), 1);
	assert_int_equal(BN_bn2binpad(p, out, (int)c->field), (int)c->field);
	BN_free(p);
	EC_GROUP_free(g);
}

static void
sizes_and_orders_are_those_of_the_curves(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
		const BIGNUM *n = EC_GROUP_get0_order(g);
		uint8_t be[MAX_SCALAR];

		assert_int_equal(ec_point_octets(c->number), 1 + 2 * c->field);
		assert_int_equal(ec_order_octets(c->number), BN_num_bytes(n));
		assert_int_equal(ec_order_bits(c->number), BN_num_bits(n));
		assert_int_equal(ec_order_bits(c->number), c->bits);
		assert_true(ec_point_octets(c->number) <= MAX_POINT);
		assert_true(ec_order_octets(c->number) <= MAX_SCALAR);
		assert_true(BN_bn2bin(n, be) > 0);
		assert_memory_equal(ec_order(c->number), be,
		    ec_order_octets(c->number));
		EC_GROUP_free(g);
	}
}

static void
other_curves_are_unsupported(void **state)
{
	uint8_t point[MAX_POINT] = {4}, secret[MAX_SCALAR] = {0, 1},
		out[MAX_POINT];
	struct rd r;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t n = (uint8_t)c;

		if (n == 8 || n == 11 || n == 14)
			continue;
		assert_int_equal(ec_point_octets(n), 0);
		assert_int_equal(ec_order_octets(n), 0);
		assert_int_equal(ec_order_bits(n), 0);
		assert_null(ec_order(n));
		for (size_t i = 0; i < N_CURVES; i++) {
			rd_init(&r, point, 1 + 2 * curves[i].field);
			assert_int_equal(ec_check_point(ec, n, r),
			    ERR_UNSUPPORTED);
			assert_int_equal(ec_check_secret(ec, n, secret, r),
			    ERR_UNSUPPORTED);
			assert_int_equal(ec_mul(ec, n, secret, r, out),
			    ERR_UNSUPPORTED);
		}
	}
}

/* ---- the exchanges ---- */

struct keys {
	uint8_t curve;
	uint8_t x[MAX_SCALAR], y[MAX_SCALAR];
	uint8_t *xp, *yp, *k;
	size_t len;
};

typedef void keys_fn(struct keys *);

static void
each_exchange(keys_fn *fn)
{
	json_t *file = vectors("exchanges.json"), *e;
	unsigned seen = 0;
	struct keys k;
	size_t i, n;

	json_array_foreach (member(file, "exchanges"), i, e) {
		k.curve = (uint8_t)number(e, "curve");
		seen |= 1U << k.curve;
		n = ec_order_octets(k.curve);
		number_be(text(e, "x"), k.x, n);
		number_be(text(e, "y"), k.y, n);
		k.xp = octets(e, "xP", &k.len);
		k.yp = octets(e, "yP", &n);
		assert_int_equal(n, k.len);
		k.k = octets(e, "kSession", &n);
		assert_int_equal(n, k.len);
		assert_int_equal(n, ec_point_octets(k.curve));
		fn(&k);
		free(k.xp);
		free(k.yp);
		free(k.k);
	}
	assert_int_equal(seen, 1U << 8 | 1U << 11 | 1U << 14);
	json_decref(file);
}

static void
both_sides_agree(struct keys *k)
{
	uint8_t out[MAX_POINT + 1];

	assert_int_equal(check_point(k->curve, k->xp, k->len), ERR_OK);
	assert_int_equal(check_point(k->curve, k->yp, k->len), ERR_OK);
	assert_int_equal(ec_check_secret(ec, k->curve, k->x,
			     view(k->xp, k->len)),
	    ERR_OK);
	assert_int_equal(ec_check_secret(ec, k->curve, k->y,
			     view(k->yp, k->len)),
	    ERR_OK);
	memset(out, 0xaa, sizeof(out));
	assert_int_equal(ec_mul(ec, k->curve, k->x, view(k->yp, k->len), out),
	    ERR_OK);
	assert_memory_equal(out, k->k, k->len);
	assert_int_equal(out[k->len], 0xaa);
	assert_int_equal(ec_mul(ec, k->curve, k->y, view(k->xp, k->len), out),
	    ERR_OK);
	assert_memory_equal(out, k->k, k->len);
}

static void
k_session_is_that_of_the_exchanges(void **state)
{
	(void)state;
	each_exchange(both_sides_agree);
}

static void
one_bit_more_or_less(struct keys *k)
{
	const size_t n = ec_order_octets(k->curve);

	for (size_t i = 0; i < n; i++) {
		/* Not beyond the order: it is not asked what that gives. */
		if (i == 0)
			continue;
		k->x[i] ^= 1;
		assert_int_equal(ec_check_secret(ec, k->curve, k->x,
				     view(k->xp, k->len)),
		    ERR_MISMATCH);
		k->x[i] ^= 1;
	}
	assert_int_equal(ec_check_secret(ec, k->curve, k->x,
			     view(k->yp, k->len)),
	    ERR_MISMATCH);
	for (size_t i = 0; i < k->len; i += 5) {
		k->xp[i] ^= 0x10;
		assert_int_not_equal(ec_check_secret(ec, k->curve, k->x,
					 view(k->xp, k->len)),
		    ERR_OK);
		k->xp[i] ^= 0x10;
	}
}

static void
another_secret_or_point_is_a_mismatch(void **state)
{
	(void)state;
	each_exchange(one_bit_more_or_less);
}

/* ---- points that are none ---- */

static void
off_the_curve_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		const size_t len = 1 + 2 * c->field;
		uint8_t p[MAX_POINT], out[MAX_POINT], mark[MAX_POINT];
		uint8_t one[MAX_SCALAR] = {0};

		one[ec_order_octets(c->number) - 1] = 1;
		memset(mark, 0x77, sizeof(mark));
		multiple_of_base(c, NULL, p);
		assert_int_equal(check_point(c->number, p, len), ERR_OK);
		for (size_t at = 1; at < len; at++) {
			p[at] ^= 1;
			assert_int_equal(check_point(c->number, p, len),
			    ERR_MALFORMED);
			memcpy(out, mark, sizeof(out));
			assert_int_equal(ec_mul(ec, c->number, one,
					     view(p, len), out),
			    ERR_MALFORMED);
			assert_memory_equal(out, mark, sizeof(out));
			p[at] ^= 1;
		}
	}
}

static void
only_the_uncompressed_form_is_a_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		const size_t len = 1 + 2 * c->field;
		uint8_t p[MAX_POINT + 1] = {0};

		multiple_of_base(c, NULL, p);
		for (unsigned v = 0; v < 256; v++) {
			p[0] = (uint8_t)v;
			assert_int_equal(check_point(c->number, p, len),
			    v == 4 ? ERR_OK : ERR_MALFORMED);
			/* Compressed, 1 + field octets. */
			assert_int_equal(check_point(c->number, p,
					     1 + c->field),
			    ERR_MALFORMED);
		}
		p[0] = 4;
		for (size_t n = 0; n <= len + 1; n++)
			assert_int_equal(check_point(c->number, p, n),
			    n == len ? ERR_OK : ERR_MALFORMED);
	}
}

static void
infinity_is_no_point(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		uint8_t p[MAX_POINT] = {0};

		assert_int_equal(check_point(c->number, p, 1), ERR_MALFORMED);
		assert_int_equal(check_point(c->number, p, 1 + 2 * c->field),
		    ERR_MALFORMED);
		p[0] = 4;
		assert_int_equal(check_point(c->number, p, 1 + 2 * c->field),
		    ERR_MALFORMED);
	}
}

/* A small point has coordinates to which the prime can be added. */
static void
coordinates_are_below_the_prime(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		const size_t len = 1 + 2 * c->field;
		EC_GROUP *g = EC_GROUP_new_by_curve_name(c->nid);
		EC_POINT *r = EC_POINT_new(g);
		BIGNUM *x = BN_new(), *prime = BN_new();
		uint8_t p[MAX_POINT], be[MAX_SCALAR];
		unsigned tried = 0;

		field_prime(c, be);
		assert_non_null(BN_bin2bn(be, (int)c->field, prime));
		for (BN_ULONG v = 1; v < 40; v++) {
			assert_int_equal(BN_set_word(x, v), 1);
			if (EC_POINT_set_compressed_coordinates(g, r, x, 0,
				NULL) != 1)
				continue;
			assert_int_equal(EC_POINT_point2oct(g, r,
					     POINT_CONVERSION_UNCOMPRESSED, p,
					     len, NULL),
			    len);
			assert_int_equal(check_point(c->number, p, len),
			    ERR_OK);
			assert_int_equal(BN_add(x, x, prime), 1);
			if (BN_bn2binpad(x, p + 1, (int)c->field) < 0)
				continue; /* does not fit the octets */
			assert_int_equal(check_point(c->number, p, len),
			    ERR_MALFORMED);
			tried++;
		}
		assert_true(tried > 0);
		/* x and y of all ones, and x = p, y as it is. */
		memset(p + 1, 0xff, len - 1);
		assert_int_equal(check_point(c->number, p, len), ERR_MALFORMED);
		multiple_of_base(c, NULL, p);
		field_prime(c, p + 1);
		assert_int_equal(check_point(c->number, p, len), ERR_MALFORMED);
		BN_free(x);
		BN_free(prime);
		EC_POINT_free(r);
		EC_GROUP_free(g);
	}
}

static void
a_point_of_one_curve_is_none_of_another(void **state)
{
	uint8_t p[MAX_POINT];

	(void)state;
	for (size_t i = 0; i < N_CURVES; i++)
		for (size_t j = 0; j < N_CURVES; j++) {
			multiple_of_base(&curves[i], NULL, p);
			assert_int_equal(check_point(curves[j].number, p,
					     1 + 2 * curves[i].field),
			    i == j ? ERR_OK : ERR_MALFORMED);
		}
}

/* ---- multiplication ---- */

static EVP_PKEY *
key_new(const struct curve *c, uint8_t *secret, uint8_t *point)
{
	EVP_PKEY *k = EVP_EC_gen(c->name);
	BIGNUM *d = NULL;
	size_t len;

	assert_non_null(k);
	assert_int_equal(EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_PRIV_KEY, &d),
	    1);
	assert_true(
	    BN_bn2binpad(d, secret, (int)ec_order_octets(c->number)) > 0);
	BN_clear_free(d);
	assert_int_equal(EVP_PKEY_get_octet_string_param(k,
			     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
			     MAX_POINT, &len),
	    1);
	assert_int_equal(len, 1 + 2 * c->field);
	return k;
}

static void
multiplies_as_ecdh_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++)
		for (int round = 0; round < 20; round++) {
			const struct curve *c = &curves[i];
			const size_t len = 1 + 2 * c->field;
			uint8_t a[MAX_SCALAR], b[MAX_SCALAR];
			uint8_t ap[MAX_POINT], bp[MAX_POINT], got[MAX_POINT],
			    back[MAX_POINT], x[MAX_SCALAR];
			EVP_PKEY *ka = key_new(c, a, ap);
			EVP_PKEY *kb = key_new(c, b, bp);
			EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(ka, NULL);
			size_t x_len = sizeof(x);

			assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
			assert_int_equal(EVP_PKEY_derive_set_peer(ctx, kb), 1);
			assert_int_equal(EVP_PKEY_derive(ctx, x, &x_len), 1);
			assert_int_equal(x_len, c->field);
			assert_int_equal(ec_mul(ec, c->number, a, view(bp, len),
					     got),
			    ERR_OK);
			assert_int_equal(got[0], 4);
			assert_memory_equal(got + 1, x, c->field);
			assert_int_equal(check_point(c->number, got, len),
			    ERR_OK);
			assert_int_equal(ec_mul(ec, c->number, b, view(ap, len),
					     back),
			    ERR_OK);
			assert_memory_equal(got, back, len);
			assert_int_equal(ec_check_secret(ec, c->number, a,
					     view(ap, len)),
			    ERR_OK);
			assert_int_equal(ec_check_secret(ec, c->number, a,
					     view(bp, len)),
			    ERR_MISMATCH);
			EVP_PKEY_CTX_free(ctx);
			EVP_PKEY_free(ka);
			EVP_PKEY_free(kb);
		}
}

/* Secrets at the ends of [1, n-1]. */
static void
the_least_and_the_greatest_secret_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CURVES; i++) {
		const struct curve *c = &curves[i];
		const size_t len = 1 + 2 * c->field;
		const size_t n = ec_order_octets(c->number);
		uint8_t secret[MAX_SCALAR] = {0}, p[MAX_POINT], out[MAX_POINT],
			base[MAX_POINT];
		BIGNUM *k = BN_new();

		multiple_of_base(c, NULL, base);
		secret[n - 1] = 1;
		assert_int_equal(ec_check_secret(ec, c->number, secret,
				     view(base, len)),
		    ERR_OK);
		assert_int_equal(ec_mul(ec, c->number, secret, view(base, len),
				     out),
		    ERR_OK);
		assert_memory_equal(out, base, len);
		memcpy(secret, ec_order(c->number), n);
		secret[n - 1]--; /* the orders are odd */
		assert_non_null(BN_bin2bn(secret, (int)n, k));
		multiple_of_base(c, k, p);
		assert_memory_equal(p + 1, base + 1, c->field); /* -P */
		assert_int_equal(ec_check_secret(ec, c->number, secret,
				     view(p, len)),
		    ERR_OK);
		assert_int_equal(ec_mul(ec, c->number, secret, view(base, len),
				     out),
		    ERR_OK);
		assert_memory_equal(out, p, len);
		BN_free(k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sizes_and_orders_are_those_of_the_curves),
	    cmocka_unit_test(other_curves_are_unsupported),
	    cmocka_unit_test(k_session_is_that_of_the_exchanges),
	    cmocka_unit_test(another_secret_or_point_is_a_mismatch),
	    cmocka_unit_test(off_the_curve_is_malformed),
	    cmocka_unit_test(only_the_uncompressed_form_is_a_point),
	    cmocka_unit_test(infinity_is_no_point),
	    cmocka_unit_test(coordinates_are_below_the_prime),
	    cmocka_unit_test(a_point_of_one_curve_is_none_of_another),
	    cmocka_unit_test(multiplies_as_ecdh_does),
	    cmocka_unit_test(the_least_and_the_greatest_secret_work),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
