/*
 * BFsetup1 of RFC 5091 clause 5.1.1 for ss512, without the master secret:
 * that the token makes, over the group of all p + 1 points.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "hsm/bf.h"
#include "hsm/bf_der.h"
#include "hsm/ibe.h"
#include "hsm/ibe_ss512.h"

struct setup {
	mpz_t p, q;
	struct t1_curve curve;
	struct t1_point g, point_p; /* P = [12r]G */
	struct params {
		unsigned char *der;
		size_t len;
	} whole, subgroup;
};

#define PRIME_ROUNDS 40

static enum err
random_below(mpz_t out, const mpz_t bound)
{
	uint8_t b[SS512_P_BITS / 8 + 8];
	const size_t bits = mpz_sizeinbase(bound, 2), len = (bits + 7) / 8;

	if (len > sizeof(b))
		return ERR_TOOBIG;
	do {
		if (RAND_bytes(b, (int)len) != 1)
			return ERR_CRYPTO;
		mpz_import(out, len, 1, 1, 1, 0, b);
		mpz_fdiv_r_2exp(out, out, bits);
	} while (mpz_cmp(out, bound) >= 0);
	return ERR_OK;
}

/*
 * A Solinas prime of exactly 160 bit: 2^159 + 2^b +- 1 or 2^160 - 2^b +- 1.
 * About one in a hundred of the candidates is prime.
 */
static enum err
choose_q(mpz_t q)
{
	uint8_t r[2];
	unsigned b;

	do {
		if (RAND_bytes(r, sizeof(r)) != 1)
			return ERR_CRYPTO;
		b = 2 + r[0] % (SS512_Q_BITS - 4);
		mpz_set_ui(q, 0);
		if ((r[1] & 1) != 0) {
			mpz_setbit(q, SS512_Q_BITS - 1);
			mpz_setbit(q, b);
		} else {
			mpz_t t;

			mpz_init(t);
			mpz_setbit(q, SS512_Q_BITS);
			mpz_setbit(t, b);
			mpz_sub(q, q, t);
			mpz_clear(t);
		}
		if ((r[1] & 2) != 0)
			mpz_add_ui(q, q, 1);
		else
			mpz_sub_ui(q, q, 1);
	} while (mpz_sizeinbase(q, 2) != SS512_Q_BITS ||
	    mpz_probab_prime_p(q, PRIME_ROUNDS) == 0);
	return ERR_OK;
}

/* p = 12 r q - 1 of exactly 512 bit for a random r. */
static enum err
choose_p(mpz_t p, const mpz_t q)
{
	mpz_t r, most, least, twelve_q;
	enum err rc;

	mpz_inits(r, most, least, twelve_q, NULL);
	mpz_mul_ui(twelve_q, q, 12);
	mpz_setbit(most, SS512_P_BITS);
	mpz_fdiv_q(most, most, twelve_q);
	mpz_setbit(least, SS512_P_BITS - 1);
	mpz_cdiv_q(least, least, twelve_q);
	mpz_sub(most, most, least);
	do {
		if ((rc = random_below(r, most)) != ERR_OK)
			break;
		mpz_add(r, r, least);
		mpz_add_ui(r, r, 1);
		mpz_mul(p, r, twelve_q);
		mpz_sub_ui(p, p, 1);
	} while (mpz_sizeinbase(p, 2) != SS512_P_BITS ||
	    mpz_getlimbn(p, SS512_P_BITS / 64 - 1) == UINT64_MAX ||
	    mpz_probab_prime_p(p, PRIME_ROUNDS) == 0);
	mpz_clears(r, most, least, twelve_q, NULL);
	return rc;
}

static enum err
choose_points(struct setup *s)
{
	mpz_t y;
	struct fp fy;
	enum err rc;

	mpz_init(y);
	do {
		if ((rc = random_below(y, s->p)) != ERR_OK)
			break;
		fp_from_mpz(&fy, y, &s->curve.f);
		rc = t1_lift_vartime(&s->g, &fy, &s->curve);
		if (rc == ERR_OK)
			rc = t1_mul_vartime(&s->point_p, &s->curve.h, &s->g,
			    &s->curve);
	} while (rc == ERR_MISMATCH);
	mpz_clear(y);
	return rc;
}

static BIGNUM *
bn(const mpz_t v)
{
	uint8_t be[SS512_P_BITS / 8 + 8] = {0};

	mpz_export(be + sizeof(be) - (mpz_sizeinbase(v, 2) + 7) / 8, NULL, 1, 1,
	    1, 0, v);
	return BN_bin2bn(be, sizeof(be), NULL);
}

/* DER ECParameters with everything explicit. */
static enum err
make_params(const struct setup *s, const struct t1_point *base,
    const mpz_t order_z, const mpz_t cofactor_z, struct params *out)
{
	BIGNUM *p = bn(s->p), *order = bn(order_z), *cofactor = bn(cofactor_z);
	BIGNUM *zero = BN_new(), *gx = NULL, *gy = NULL;
	EC_GROUP *group = NULL;
	EC_POINT *g = NULL;
	enum err rc = ERR_CRYPTO;
	mpz_t x, y;
	int n;

	mpz_inits(x, y, NULL);
	fp_to_mpz(x, &base->x, &s->curve.f);
	fp_to_mpz(y, &base->y, &s->curve.f);
	gx = bn(x);
	gy = bn(y);
	mpz_clears(x, y, NULL);
	if (p == NULL || order == NULL || cofactor == NULL || zero == NULL ||
	    gx == NULL || gy == NULL)
		goto out;
	BN_zero(zero);
	group = EC_GROUP_new_curve_GFp(p, zero, BN_value_one(), NULL);
	if (group == NULL || (g = EC_POINT_new(group)) == NULL ||
	    EC_POINT_set_affine_coordinates(group, g, gx, gy, NULL) != 1 ||
	    EC_GROUP_set_generator(group, g, order, cofactor) != 1)
		goto out;
	EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
	n = i2d_ECPKParameters(group, &out->der);
	if (n <= 0)
		goto out;
	out->len = (size_t)n;
	rc = ERR_OK;
out:
	BN_free(p);
	BN_free(order);
	BN_free(cofactor);
	BN_free(zero);
	BN_free(gx);
	BN_free(gy);
	EC_POINT_free(g);
	EC_GROUP_free(group);
	return rc;
}

/* Order p + 1 and cofactor 1; order q and cofactor 12r. */
static enum err
make_ec_params(struct setup *s)
{
	mpz_t all, one, rest;
	enum err rc;

	mpz_inits(all, one, rest, NULL);
	mpz_add_ui(all, s->p, 1);
	mpz_set_ui(one, 1);
	mpz_divexact(rest, all, s->q);
	rc = make_params(s, &s->g, all, one, &s->whole);
	if (rc == ERR_OK)
		rc = make_params(s, &s->point_p, s->q, rest, &s->subgroup);
	mpz_clears(all, one, rest, NULL);
	return rc;
}

void
ss512_setup_free(void *v)
{
	struct setup *s = v;

	if (s == NULL)
		return;
	mpz_clears(s->p, s->q, NULL);
	OPENSSL_free(s->whole.der);
	OPENSSL_free(s->subgroup.der);
	free(s);
}

enum err
ss512_setup_new(void **out)
{
	struct setup *s = calloc(1, sizeof(*s));
	enum err rc;

	if (s == NULL)
		return ERR_NOMEM;
	mpz_inits(s->p, s->q, NULL);
	if ((rc = choose_q(s->q)) != ERR_OK ||
	    (rc = choose_p(s->p, s->q)) != ERR_OK ||
	    (rc = t1_curve_init(&s->curve, s->p, s->q)) != ERR_OK ||
	    (rc = choose_points(s)) != ERR_OK ||
	    (rc = make_ec_params(s)) != ERR_OK) {
		ss512_setup_free(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

struct rd
ss512_setup_ec_params(const void *v)
{
	const struct setup *s = v;
	struct rd r;

	rd_init(&r, s->whole.der, s->whole.len);
	return r;
}

struct rd
ss512_setup_subgroup_params(const void *v)
{
	const struct setup *s = v;
	struct rd r;

	rd_init(&r, s->subgroup.der, s->subgroup.len);
	return r;
}

void
ss512_setup_base_point(const void *v, uint8_t point[1 + 2 * SS512_COORD])
{
	const struct setup *s = v;

	point[0] = 0x04;
	fp_to_be(point + 1, &s->g.x, &s->curve.f);
	fp_to_be(point + 1 + SS512_COORD, &s->g.y, &s->curve.f);
}

enum err
ss512_setup_finish(const void *v, struct rd point, uint8_t *der, size_t *len)
{
	const struct setup *s = v;
	const struct t1_curve *c = &s->curve;
	struct t1_point sg, ppub;
	struct bf_public b;
	struct rd x, y;
	uint8_t form;
	enum err rc;

	if (rd_u8(&point, &form) != ERR_OK || form != 0x04 ||
	    rd_view(&point, SS512_COORD, &x) != ERR_OK ||
	    rd_view(&point, SS512_COORD, &y) != ERR_OK ||
	    rd_end(&point) != ERR_OK ||
	    t1_point_from_be(&sg, x.p, x.left, y.p, y.left, c) != ERR_OK)
		return ERR_MALFORMED;
	/* P_pub = [s]P = [12r][s]G; infinity would need s = 0 mod q */
	if ((rc = t1_mul_vartime(&ppub, &c->h, &sg, c)) != ERR_OK)
		return rc;
	bf_public_init(&b);
	mpz_set(b.p, s->p);
	mpz_set(b.q, s->q);
	fp_to_mpz(b.point_p[0], &s->point_p.x, &c->f);
	fp_to_mpz(b.point_p[1], &s->point_p.y, &c->f);
	fp_to_mpz(b.point_ppub[0], &ppub.x, &c->f);
	fp_to_mpz(b.point_ppub[1], &ppub.y, &c->f);
	rc = bf_public_encode(&b, der, IBE_PARAMS_MAX, len);
	bf_public_clear(&b);
	return rc;
}
