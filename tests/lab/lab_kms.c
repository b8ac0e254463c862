/* The KMS's two operations, for the laboratory's own tests. */
#include <stdlib.h>
#include <string.h>

#define LAB_IBE_INTERNAL
#include "lab_der.h"
#include "lab_ibe.h"

/* p = 12 r q - 1 for random r until it is a prime of 512 bits. */
static enum err
find_p(BIGNUM *p, const BIGNUM *q, BN_CTX *ctx)
{
	BIGNUM *q12 = BN_dup(q), *r = BN_new(), *rem = BN_new();
	enum err rc = ERR_CRYPTO;
	int prime = 0;

	if (q12 == NULL || r == NULL || rem == NULL || !BN_mul_word(q12, 12))
		goto out;
	while (prime == 0) {
		if (!BN_rand(p, 8 * LAB_P_LEN, BN_RAND_TOP_ONE,
			BN_RAND_BOTTOM_ANY) ||
		    !BN_div(r, rem, p, q12, ctx) || !BN_mul(p, r, q12, ctx) ||
		    !BN_sub_word(p, 1))
			goto out;
		if (BN_num_bits(p) != 8 * LAB_P_LEN)
			continue;
		prime = BN_check_prime(p, ctx, NULL);
	}
	if (prime == 1)
		rc = ERR_OK;
out:
	BN_free(q12);
	BN_free(r);
	BN_free(rem);
	return rc;
}

/* Any point of order q: a hash of random octets is one. */
static enum err
find_point(struct lab_curve *c, struct lab_point *out)
{
	uint8_t seed[LAB_P_LEN];
	struct rd r;

	if (BN_bn2binpad(c->p, seed, sizeof(seed)) != sizeof(seed))
		return ERR_CRYPTO;
	rd_init(&r, seed, sizeof(seed));
	return lab_hash_to_point(c, r, out);
}

static enum err
make_q(BIGNUM **out)
{
	BIGNUM *q = BN_new();

	if (q == NULL || !BN_set_bit(q, 159) || !BN_set_bit(q, 17) ||
	    !BN_set_bit(q, 0)) {
		BN_free(q);
		return ERR_NOMEM;
	}
	*out = q;
	return ERR_OK;
}

enum err
lab_kms_new(struct wr *params, BIGNUM **master)
{
	struct lab_ibe *ibe = calloc(1, sizeof(*ibe));
	BIGNUM *p = BN_new(), *q = NULL, *s = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	enum err rc = ERR_NOMEM;

	if (ibe == NULL || p == NULL || s == NULL || ctx == NULL)
		goto out;
	if ((rc = make_q(&q)) != ERR_OK || (rc = find_p(p, q, ctx)) != ERR_OK ||
	    (rc = lab_curve_new(p, q, &ibe->curve)) != ERR_OK ||
	    (rc = lab_point_new(&ibe->p)) != ERR_OK ||
	    (rc = lab_point_new(&ibe->ppub)) != ERR_OK ||
	    (rc = find_point(ibe->curve, ibe->p)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	do {
		if (!BN_priv_rand_range(s, q))
			goto out;
	} while (BN_is_zero(s) || BN_is_one(s));
	if ((rc = lab_point_mul(ibe->curve, ibe->ppub, s, ibe->p)) != ERR_OK ||
	    (rc = lab_ibe_put_params(ibe, params)) != ERR_OK)
		goto out;
	*master = s;
	s = NULL; /* now the caller's */
out:
	BN_free(p);
	BN_free(q);
	BN_clear_free(s);
	BN_CTX_free(ctx);
	lab_ibe_free(&ibe);
	return rc;
}

enum err
lab_kms_extract(struct lab_ibe *ibe, const BIGNUM *master, struct rd id,
    struct wr *key)
{
	uint8_t buf[LAB_IBE_KEY_MAX];
	struct lab_point *s = NULL;
	struct wr in;
	enum err rc;

	wr_init(&in, buf, sizeof(buf));
	if ((rc = lab_point_new(&s)) != ERR_OK ||
	    (rc = lab_hash_to_point(ibe->curve, id, s)) != ERR_OK ||
	    (rc = lab_point_mul(ibe->curve, s, master, s)) != ERR_OK)
		goto out;
	wr_copy(&in, "\x02\x01\x02", 3);
	lab_ibe_put_point(&in, s);
	if ((rc = in.rc) != ERR_OK)
		goto out;
	der_put(key, DER_SEQUENCE, buf, in.len);
	rc = key->rc;
out:
	lab_point_free(&s);
	explicit_bzero(buf, sizeof(buf));
	return rc;
}
