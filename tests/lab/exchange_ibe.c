/*
 * Encryption to an identity with what can be reused kept: e'(P_pub, Q_id) of
 * every id string met, so that an envelope costs two small powers.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#define LAB_IBE_INTERNAL
#define LAB_CURVE_INTERNAL
#include "exchange_int.h"
#include "lab_der.h"

#define CACHE 16

/* e'(P_pub, Q_id), both parts in Montgomery form. */
struct theta {
	uint8_t id[LAB_ID_STRING_MAX];
	size_t len; /* 0: free */
	struct lab_fp2 value;
};

struct exchange_ibe {
	struct lab_ibe *ibe;
	EC_GROUP *group; /* the same curve, with P as its generator */
	BN_MONT_CTX *mont;
	struct theta cache[CACHE];
	size_t next; /* the one to be given up */
};

/* The order q in place of p + 1: only multiples of P are computed here. */
static enum err
make_group(struct exchange_ibe *e, BN_CTX *ctx)
{
	const struct lab_ibe *ibe = e->ibe;
	BIGNUM *zero = BN_new(), *one = BN_new();
	EC_POINT *p = NULL;
	enum err rc = ERR_CRYPTO;

	if (zero == NULL || one == NULL || !BN_one(one))
		goto out;
	e->group = EC_GROUP_new_curve_GFp(ibe->curve->p, zero, one, ctx);
	if (e->group == NULL || (p = EC_POINT_new(e->group)) == NULL ||
	    EC_POINT_set_affine_coordinates(e->group, p, ibe->p->x, ibe->p->y,
		ctx) != 1 ||
	    EC_GROUP_set_generator(e->group, p, ibe->curve->q, one) != 1)
		goto out;
	rc = ERR_OK;
out:
	EC_POINT_free(p);
	BN_free(zero);
	BN_free(one);
	return rc;
}

enum err
exchange_ibe_new(struct rd params, struct exchange_ibe **out)
{
	struct exchange_ibe *e = calloc(1, sizeof(*e));
	enum err rc;

	if (e == NULL)
		return ERR_NOMEM;
	if ((rc = lab_ibe_parse(params, &e->ibe)) != ERR_OK ||
	    (rc = make_group(e, e->ibe->curve->ctx)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	if ((e->mont = BN_MONT_CTX_new()) == NULL ||
	    !BN_MONT_CTX_set(e->mont, e->ibe->curve->p, e->ibe->curve->ctx))
		goto out;
	for (size_t i = 0; i < CACHE; i++) {
		e->cache[i].value.a = BN_new();
		e->cache[i].value.b = BN_new();
		if (e->cache[i].value.a == NULL || e->cache[i].value.b == NULL)
			goto out;
	}
	*out = e;
	e = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	exchange_ibe_free(&e);
	return rc;
}

void
exchange_ibe_free(struct exchange_ibe **ep)
{
	struct exchange_ibe *e = *ep;

	if (e == NULL)
		return;
	for (size_t i = 0; i < CACHE; i++) {
		BN_free(e->cache[i].value.a);
		BN_free(e->cache[i].value.b);
	}
	BN_MONT_CTX_free(e->mont);
	EC_GROUP_free(e->group);
	lab_ibe_free(&e->ibe);
	free(e);
	*ep = NULL;
}

static enum err
fill_theta(struct exchange_ibe *e, struct rd id, struct theta *t)
{
	struct lab_curve *c = e->ibe->curve;
	uint8_t z[2 * LAB_P_LEN];
	struct lab_point *q = NULL;
	enum err rc;

	t->len = 0;
	if ((rc = lab_point_new(&q)) != ERR_OK ||
	    (rc = lab_hash_to_point(c, id, q)) != ERR_OK ||
	    (rc = lab_pairing(c, e->ibe->ppub, q, NULL, z)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	if (BN_bin2bn(z, LAB_P_LEN, t->value.a) == NULL ||
	    BN_bin2bn(z + LAB_P_LEN, LAB_P_LEN, t->value.b) == NULL ||
	    !BN_to_montgomery(t->value.a, t->value.a, e->mont, c->ctx) ||
	    !BN_to_montgomery(t->value.b, t->value.b, e->mont, c->ctx))
		goto out;
	memcpy(t->id, id.p, id.left);
	t->len = id.left;
	rc = ERR_OK;
out:
	lab_point_free(&q);
	return rc;
}

static enum err
find_theta(struct exchange_ibe *e, struct rd id, struct theta **out)
{
	for (size_t i = 0; i < CACHE; i++) {
		if (e->cache[i].len > 0 &&
		    rd_is(&id, e->cache[i].id, e->cache[i].len)) {
			*out = &e->cache[i];
			return ERR_OK;
		}
	}
	if (id.left > LAB_ID_STRING_MAX)
		return ERR_TOOBIG;
	*out = &e->cache[e->next];
	e->next = (e->next + 1) % CACHE;
	return fill_theta(e, id, *out);
}

/* Factors, and room to work in; all below p and in Montgomery form. */
struct work {
	const BIGNUM *p;
	BN_MONT_CTX *mont;
	BN_CTX *ctx;
	BIGNUM *s, *t, *u;
};

/* r = r * f, three multiplications. */
static bool
times(const struct work *w, struct lab_fp2 r, struct lab_fp2 f)
{
	return BN_mod_add_quick(w->s, r.a, r.b, w->p) &&
	    BN_mod_add_quick(w->t, f.a, f.b, w->p) &&
	    BN_mod_mul_montgomery(w->u, w->s, w->t, w->mont, w->ctx) &&
	    BN_mod_mul_montgomery(w->s, r.a, f.a, w->mont, w->ctx) &&
	    BN_mod_mul_montgomery(w->t, r.b, f.b, w->mont, w->ctx) &&
	    BN_mod_sub_quick(r.a, w->s, w->t, w->p) &&
	    BN_mod_sub_quick(w->u, w->u, w->s, w->p) &&
	    BN_mod_sub_quick(r.b, w->u, w->t, w->p);
}

/* Canonical(theta^l) of order 0. */
static enum err
power(struct exchange_ibe *e, const struct theta *theta, const BIGNUM *l,
    uint8_t *out)
{
	BN_CTX *ctx = e->ibe->curve->ctx;
	struct work w = {.p = e->ibe->curve->p, .mont = e->mont, .ctx = ctx};
	struct lab_fp2 r;
	bool ok;

	BN_CTX_start(ctx);
	w.s = BN_CTX_get(ctx);
	w.t = BN_CTX_get(ctx);
	w.u = BN_CTX_get(ctx);
	r.a = BN_CTX_get(ctx);
	r.b = BN_CTX_get(ctx);
	ok = r.b != NULL && BN_one(r.a) &&
	    BN_to_montgomery(r.a, r.a, e->mont, ctx);
	if (ok)
		BN_zero(r.b);
	for (int i = BN_num_bits(l) - 1; ok && i >= 0; i--) {
		ok = times(&w, r, r);
		if (ok && BN_is_bit_set(l, i))
			ok = times(&w, r, theta->value);
	}
	ok = ok && BN_from_montgomery(r.a, r.a, e->mont, ctx) &&
	    BN_from_montgomery(r.b, r.b, e->mont, ctx) &&
	    BN_bn2binpad(r.a, out, LAB_P_LEN) == LAB_P_LEN &&
	    BN_bn2binpad(r.b, out + LAB_P_LEN, LAB_P_LEN) == LAB_P_LEN;
	BN_CTX_end(ctx);
	return ok ? ERR_OK : ERR_CRYPTO;
}

/* l = HashToRange(rho || H(m), q), U = [l]P. */
static enum err
commit(struct exchange_ibe *e, const uint8_t *rho, struct rd m, BIGNUM *l,
    struct lab_point *u)
{
	struct lab_curve *c = e->ibe->curve;
	uint8_t both[2 * LAB_HASH_LEN];
	EC_POINT *pt = EC_POINT_new(e->group);
	struct rd r;
	enum err rc = ERR_NOMEM;

	if (pt == NULL)
		return ERR_NOMEM;
	memcpy(both, rho, LAB_HASH_LEN);
	rd_init(&r, NULL, 0);
	if ((rc = lab_hash(m, r, both + LAB_HASH_LEN)) != ERR_OK)
		goto out;
	rd_init(&r, both, sizeof(both));
	if ((rc = lab_hash_to_range(c, r, c->q, l)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	if (EC_POINT_mul(e->group, pt, l, NULL, NULL, c->ctx) != 1 ||
	    EC_POINT_get_affine_coordinates(e->group, pt, u->x, u->y, c->ctx) !=
		1)
		goto out;
	u->infinity = false;
	rc = ERR_OK;
out:
	EC_POINT_free(pt);
	return rc;
}

/* [q]R is a point whose order has nothing of q: R is any point at all. */
static enum err
beside_the_subgroup(struct lab_curve *c, struct exchange_rng *rng,
    struct lab_point *out)
{
	uint8_t octets[LAB_P_LEN];
	BIGNUM *e = BN_new(), *three = BN_new();
	enum err rc = ERR_CRYPTO;

	if (e == NULL || three == NULL || !BN_set_word(three, 3))
		goto out;
	do {
		/* x = (y^2 - 1)^((2p - 1) / 3) for a y below p. */
		if ((rc = exchange_rng_bytes(rng, octets, sizeof(octets))) !=
		    ERR_OK)
			goto out;
		rc = ERR_CRYPTO;
		octets[0] = 0;
		if (BN_bin2bn(octets, sizeof(octets), out->y) == NULL ||
		    !BN_lshift1(e, c->p) || !BN_sub_word(e, 1) ||
		    !BN_div(e, NULL, e, three, c->ctx) ||
		    !BN_mod_sqr(out->x, out->y, c->p, c->ctx) ||
		    !BN_sub_word(out->x, 1) ||
		    !BN_mod_exp(out->x, out->x, e, c->p, c->ctx))
			goto out;
		out->infinity = false;
		if ((rc = lab_point_mul(c, out, c->q, out)) != ERR_OK)
			goto out;
	} while (out->infinity);
out:
	BN_free(e);
	BN_free(three);
	return rc;
}

/* (-1, 0) has order 2 and (0, 1) has order 3. */
static enum err
small_order(struct lab_curve *c, bool two, struct lab_point *out)
{
	BN_zero(out->x);
	BN_zero(out->y);
	out->infinity = false;
	if (two ? BN_copy(out->x, c->p) == NULL || !BN_sub_word(out->x, 1)
		: !BN_one(out->y))
		return ERR_CRYPTO;
	return ERR_OK;
}

static enum err
add_to(struct lab_curve *c, enum fault f, struct exchange_rng *rng,
    struct lab_point *u)
{
	struct lab_point *t = NULL;
	enum err rc;

	if ((rc = lab_point_new(&t)) != ERR_OK)
		return rc;
	if (f == FAULT_U_WHOLE)
		rc = beside_the_subgroup(c, rng, t);
	else
		rc = small_order(c, f == FAULT_U_PLUS2, t);
	if (rc == ERR_OK) {
		lab_point_sum(c, u, u, t);
		rc = c->failed ? ERR_CRYPTO : ERR_OK;
	}
	lab_point_free(&t);
	return rc;
}

/* Faults of U; z is what the receiver's pairing is to give. */
static enum err
spoil_u(struct lab_curve *c, const struct exchange_seal *how,
    struct lab_point *u, uint8_t *z)
{
	static const enum fault added[] = {FAULT_U_PLUS2, FAULT_U_PLUS3,
	    FAULT_U_WHOLE};
	const struct exchange_spec *s = how->spec;
	const bool two = exchange_fault_at(s, FAULT_U_ORDER2, how->place);
	bool ok = true;
	enum err rc;

	if (two || exchange_fault_at(s, FAULT_U_ORDER3, how->place)) {
		memset(z, 0, 2 * LAB_P_LEN);
		z[LAB_P_LEN - 1] = 1;
		if ((rc = small_order(c, two, u)) != ERR_OK)
			return rc;
	}
	for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++)
		if (exchange_fault_at(s, added[i], how->place) &&
		    (rc = add_to(c, added[i], how->rng, u)) != ERR_OK)
			return rc;
	if (exchange_fault_at(s, FAULT_U_NEGATED, how->place))
		ok = BN_sub(u->y, c->p, u->y);
	if (exchange_fault_at(s, FAULT_U_OFF_CURVE, how->place))
		ok = ok && BN_add_word(u->y, 1);
	if (exchange_fault_at(s, FAULT_U_UNREDUCED, how->place))
		ok = ok && BN_add(u->x, u->x, c->p);
	if (exchange_fault_at(s, FAULT_ENVELOPE_BIT_U, how->place))
		ok = ok &&
		    (BN_is_odd(u->x) ? BN_sub_word(u->x, 1)
				     : BN_add_word(u->x, 1));
	return ok ? ERR_OK : ERR_CRYPTO;
}

static void
put_sequence(const struct exchange_seal *how, struct wr *out, const uint8_t *p,
    size_t len)
{
	static const uint8_t nonsense[40] = {0x04, 0x7f, 0xff};

	if (exchange_fault_at(how->spec, FAULT_ENVELOPE_NOT_DER, how->place)) {
		wr_copy(out, nonsense, sizeof(nonsense));
	} else if (exchange_fault_at(how->spec, FAULT_ENVELOPE_BER,
		       how->place)) {
		wr_copy(out, "\x30\x83\x00", 3);
		wr_view16(out, p, len);
	} else {
		der_put(out, DER_SEQUENCE, p, len);
	}
	if (exchange_fault_at(how->spec, FAULT_ENVELOPE_TRAILING, how->place))
		wr_u8(out, 0);
}

/* `u` may have coordinates that lab_ibe_put_point() has no room for. */
static void
put_block(const struct exchange_seal *how, struct wr *out,
    const struct lab_point *u, uint8_t *v, uint8_t *w, size_t len)
{
	const struct exchange_spec *s = how->spec;
	uint8_t buf[LAB_IBE_CIPHER_MAX], point[256];
	size_t v_len = LAB_HASH_LEN;
	struct wr in, pt;

	if (exchange_fault_at(s, FAULT_ENVELOPE_BIT, how->place) && len > 0)
		w[len / 2] ^= 0x10;
	if (exchange_fault_at(s, FAULT_ENVELOPE_BIT_V, how->place))
		v[0] ^= 0x80;
	if (exchange_fault_at(s, FAULT_ENVELOPE_V_SHORT, how->place))
		v_len--;
	wr_init(&pt, point, sizeof(point));
	der_put_number(&pt, u->x);
	der_put_number(&pt, u->y);
	wr_init(&in, buf, sizeof(buf));
	wr_copy(&in, "\x02\x01", 2);
	wr_u8(&in,
	    exchange_fault_at(s, FAULT_ENVELOPE_VERSION, how->place) ? 3 : 2);
	der_put(&in, DER_SEQUENCE, point, pt.len);
	der_put(&in, DER_OCTETS, v, v_len);
	der_put(&in, DER_OCTETS, w, len);
	if (in.rc != ERR_OK || pt.rc != ERR_OK)
		out->rc = ERR_TOOBIG;
	else
		put_sequence(how, out, buf, in.len);
}

static void
xor_into(uint8_t *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] ^= in[i];
}

enum err
exchange_ibe_seal(struct exchange_ibe *e, struct rd id, struct rd plain,
    const struct exchange_seal *how, struct wr *out)
{
	uint8_t rho[LAB_HASH_LEN], v[LAB_HASH_LEN], z[2 * LAB_P_LEN];
	uint8_t w[LAB_IBE_PLAIN_MAX];
	struct lab_point *u = NULL;
	struct theta *theta;
	BIGNUM *l = BN_new();
	struct rd zr, none;
	enum err rc = ERR_NOMEM;

	rd_init(&zr, z, sizeof(z));
	rd_init(&none, NULL, 0);
	if (l == NULL)
		goto out;
	rc = ERR_TOOBIG;
	if (plain.left > sizeof(w))
		goto out;
	if ((rc = exchange_rng_bytes(how->rng, rho, sizeof(rho))) != ERR_OK ||
	    (rc = lab_point_new(&u)) != ERR_OK ||
	    (rc = commit(e, rho, plain, l, u)) != ERR_OK ||
	    (rc = find_theta(e, id, &theta)) != ERR_OK ||
	    (rc = power(e, theta, l, z)) != ERR_OK ||
	    (rc = spoil_u(e->ibe->curve, how, u, z)) != ERR_OK ||
	    (rc = lab_hash(zr, none, v)) != ERR_OK ||
	    (rc = lab_hash_bytes(rho, w, plain.left)) != ERR_OK)
		goto out;
	xor_into(v, rho, sizeof(v));
	xor_into(w, plain.p, plain.left);
	put_block(how, out, u, v, w, plain.left);
	rc = out->rc;
out:
	lab_point_free(&u);
	BN_clear_free(l);
	return rc;
}
