#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#include "base/secret.h"
#include "xk/ec.h"

/* The orders, FIPS 186-4 D.1.2. */
static const uint8_t order_p256[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00,
    0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25,
    0x51};
static const uint8_t order_p384[48] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d,
    0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19,
    0x6a, 0xcc, 0xc5, 0x29, 0x73};
static const uint8_t order_p521[66] = {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f,
    0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89,
    0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09};

static const struct curve {
	uint8_t number;
	int nid;
	unsigned order_bits;
	size_t field, order_len;
	const uint8_t *order;
} curves[] = {
    {8, NID_X9_62_prime256v1, 256, 32, sizeof(order_p256), order_p256},
    {11, NID_secp384r1, 384, 48, sizeof(order_p384), order_p384},
    {14, NID_secp521r1, 521, 66, sizeof(order_p521), order_p521},
};
#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

struct ec {
	BN_CTX *ctx;
	BIGNUM *k;
	EC_GROUP *group[N_CURVES];
	EC_POINT *a[N_CURVES];
};

static const struct curve *
find(uint8_t number)
{
	for (size_t i = 0; i < N_CURVES; i++)
		if (curves[i].number == number)
			return &curves[i];
	return NULL;
}

size_t
ec_point_octets(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c == NULL ? 0 : 1 + 2 * c->field;
}

size_t
ec_order_octets(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c == NULL ? 0 : c->order_len;
}

unsigned
ec_order_bits(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c == NULL ? 0 : c->order_bits;
}

const uint8_t *
ec_order(uint8_t curve)
{
	const struct curve *c = find(curve);

	return c == NULL ? NULL : c->order;
}

enum err
ec_new(struct ec **out)
{
	struct ec *e = calloc(1, sizeof(*e));
	enum err rc = ERR_CRYPTO;

	if (e == NULL)
		return ERR_NOMEM;
	e->ctx = BN_CTX_secure_new();
	e->k = BN_secure_new();
	if (e->ctx == NULL || e->k == NULL)
		goto out;
	BN_set_flags(e->k, BN_FLG_CONSTTIME);
	for (size_t i = 0; i < N_CURVES; i++) {
		e->group[i] = EC_GROUP_new_by_curve_name(curves[i].nid);
		if (e->group[i] == NULL ||
		    (e->a[i] = EC_POINT_new(e->group[i])) == NULL)
			goto out;
	}
	*out = e;
	e = NULL;
	rc = ERR_OK;
out:
	ec_free(&e);
	return rc;
}

void
ec_free(struct ec **ep)
{
	struct ec *e = *ep;

	if (e == NULL)
		return;
	for (size_t i = 0; i < N_CURVES; i++) {
		EC_POINT_clear_free(e->a[i]);
		EC_GROUP_free(e->group[i]);
	}
	BN_clear_free(e->k);
	BN_CTX_free(e->ctx);
	free(e);
	*ep = NULL;
}

/* EC_POINT_oct2point checks range and curve; we the form. */
static enum err
load(struct ec *e, const struct curve *c, struct rd point)
{
	const size_t i = (size_t)(c - curves);

	if (point.left != 1 + 2 * c->field || point.p[0] != 0x04)
		return ERR_MALFORMED;
	if (EC_POINT_oct2point(e->group[i], e->a[i], point.p, point.left,
		e->ctx) != 1 ||
	    EC_POINT_is_at_infinity(e->group[i], e->a[i]) == 1)
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
ec_check_point(struct ec *e, uint8_t curve, struct rd point)
{
	const struct curve *c = find(curve);

	return c == NULL ? ERR_UNSUPPORTED : load(e, c, point);
}

/* [secret]P, or [secret]a for the point loaded last. */
static enum err
multiply(struct ec *e, const struct curve *c, const uint8_t *secret,
    bool of_base, uint8_t *out)
{
	const size_t i = (size_t)(c - curves), len = 1 + 2 * c->field;
	const EC_GROUP *g = e->group[i];
	EC_POINT *r = EC_POINT_new(g);
	int ok;

	if (r == NULL || BN_bin2bn(secret, (int)c->order_len, e->k) == NULL) {
		EC_POINT_free(r);
		return ERR_CRYPTO;
	}
	ok = of_base ? EC_POINT_mul(g, r, e->k, NULL, NULL, e->ctx)
		     : EC_POINT_mul(g, r, NULL, e->a[i], e->k, e->ctx);
	BN_clear(e->k);
	BN_set_flags(e->k, BN_FLG_CONSTTIME);
	if (ok == 1 &&
	    EC_POINT_point2oct(g, r, POINT_CONVERSION_UNCOMPRESSED, out, len,
		e->ctx) != len)
		ok = 0;
	EC_POINT_clear_free(r); /* K_SESSION, for one */
	return ok == 1 ? ERR_OK : ERR_CRYPTO;
}

enum err
ec_check_secret(struct ec *e, uint8_t curve, const uint8_t *secret,
    struct rd point)
{
	const struct curve *c = find(curve);
	uint8_t got[MAX_POINT];
	enum err rc;

	if (c == NULL)
		return ERR_UNSUPPORTED;
	if (point.left != 1 + 2 * c->field)
		return ERR_MALFORMED;
	if ((rc = multiply(e, c, secret, true, got)) != ERR_OK)
		return rc;
	/* [secret]P is a public value of the exchange, if it is the right one
	 */
	return ct_equal(got, point.p, point.left) ? ERR_OK : ERR_MISMATCH;
}

enum err
ec_mul(struct ec *e, uint8_t curve, const uint8_t *secret, struct rd point,
    uint8_t *out)
{
	const struct curve *c = find(curve);
	enum err rc;

	if (c == NULL)
		return ERR_UNSUPPORTED;
	if ((rc = load(e, c, point)) != ERR_OK)
		return rc;
	return multiply(e, c, secret, false, out);
}
