#include <string.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "lab_ec.h"

static const struct lab_ec curves[] = {
    {8, "P-256", NID_X9_62_prime256v1, 65, 256},
    {11, "P-384", NID_secp384r1, 97, 384},
    {14, "P-521", NID_secp521r1, 133, 521},
};
#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

const struct lab_ec *
lab_ec_by_number(uint8_t number)
{
	for (size_t i = 0; i < N_CURVES; i++)
		if (curves[i].number == number)
			return &curves[i];
	return NULL;
}

const struct lab_ec *
lab_ec_by_name(const char *name)
{
	for (size_t i = 0; i < N_CURVES; i++)
		if (strcmp(curves[i].name, name) == 0)
			return &curves[i];
	return NULL;
}

enum err
lab_ec_order(const struct lab_ec *ec, BIGNUM **out)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(ec->nid);
	const BIGNUM *n = g != NULL ? EC_GROUP_get0_order(g) : NULL;

	*out = n != NULL ? BN_dup(n) : NULL;
	EC_GROUP_free(g);
	return *out != NULL ? ERR_OK : ERR_CRYPTO;
}

/* EC_POINT_oct2point itself refuses large coordinates and points elsewhere. */
static EC_POINT *
decode(const EC_GROUP *g, const struct lab_ec *ec, struct rd point)
{
	EC_POINT *pt;

	if (point.left != ec->point_len || point.p[0] != 0x04)
		return NULL;
	if ((pt = EC_POINT_new(g)) == NULL)
		return NULL;
	if (EC_POINT_oct2point(g, pt, point.p, point.left, NULL) != 1 ||
	    EC_POINT_is_at_infinity(g, pt)) {
		EC_POINT_free(pt);
		return NULL;
	}
	return pt;
}

bool
lab_ec_good(const struct lab_ec *ec, struct rd point)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(ec->nid);
	EC_POINT *pt = g != NULL ? decode(g, ec, point) : NULL;
	bool good = pt != NULL;

	EC_POINT_free(pt);
	EC_GROUP_free(g);
	return good;
}

/* `point` NULL stands for the base point. */
static enum err
multiply(const struct lab_ec *ec, const BIGNUM *k, const struct rd *point,
    uint8_t *out)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(ec->nid);
	EC_POINT *in = NULL, *res = NULL;
	enum err rc = ERR_CRYPTO;

	if (g == NULL || (res = EC_POINT_new(g)) == NULL)
		goto out;
	if (point != NULL) {
		rc = ERR_MALFORMED;
		if ((in = decode(g, ec, *point)) == NULL)
			goto out;
		rc = ERR_CRYPTO;
	}
	if (EC_POINT_mul(g, res, in == NULL ? k : NULL, in,
		in == NULL ? NULL : k, NULL) != 1 ||
	    EC_POINT_is_at_infinity(g, res) ||
	    EC_POINT_point2oct(g, res, POINT_CONVERSION_UNCOMPRESSED, out,
		ec->point_len, NULL) != ec->point_len)
		goto out;
	rc = ERR_OK;
out:
	EC_POINT_free(in);
	EC_POINT_clear_free(res);
	EC_GROUP_free(g);
	return rc;
}

enum err
lab_ec_base(const struct lab_ec *ec, const BIGNUM *k, uint8_t *out)
{
	return multiply(ec, k, NULL, out);
}

enum err
lab_ec_mul(const struct lab_ec *ec, const BIGNUM *k, struct rd point,
    uint8_t *out)
{
	return multiply(ec, k, &point, out);
}
