/* The hashes of RFC 5091 chapter 4. */
#include <string.h>

#include <openssl/evp.h>

#define LAB_CURVE_INTERNAL
#include "lab_curve.h"

enum err
lab_hash(struct rd a, struct rd b, uint8_t *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	enum err rc = ERR_CRYPTO;

	if (md != NULL && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1 &&
	    EVP_DigestUpdate(md, a.p, a.left) == 1 &&
	    EVP_DigestUpdate(md, b.p, b.left) == 1 &&
	    EVP_DigestFinal_ex(md, out, NULL) == 1)
		rc = ERR_OK;
	EVP_MD_CTX_free(md);
	return rc;
}

/*
 * Exactly two rounds whatever n is, and v_2 modulo n at the end (errata 2736
 * and 2738).  For n = p the result covers 320 bits only: so it is published.
 */
enum err
lab_hash_to_range(struct lab_curve *c, struct rd s, const BIGNUM *n,
    BIGNUM *out)
{
	uint8_t h[LAB_HASH_LEN] = {0}, v[2 * LAB_HASH_LEN];
	struct rd hr;
	BIGNUM *big = NULL;
	enum err rc = ERR_CRYPTO;

	for (size_t i = 0; i < 2; i++) {
		rd_init(&hr, h, sizeof(h));
		if ((rc = lab_hash(hr, s, h)) != ERR_OK)
			goto out;
		memcpy(v + i * LAB_HASH_LEN, h, LAB_HASH_LEN);
	}
	rc = ERR_CRYPTO;
	if ((big = BN_bin2bn(v, sizeof(v), NULL)) == NULL ||
	    !BN_nnmod(out, big, n, c->ctx))
		goto out;
	rc = ERR_OK;
out:
	BN_clear_free(big);
	explicit_bzero(h, sizeof(h));
	explicit_bzero(v, sizeof(v));
	return rc;
}

/* Any length, not only up to that of the hash (erratum 2739). */
enum err
lab_hash_bytes(const uint8_t *rho, uint8_t *out, size_t len)
{
	uint8_t key[LAB_HASH_LEN], h[LAB_HASH_LEN] = {0}, r[LAB_HASH_LEN];
	struct rd hr, kr, none;
	enum err rc;

	rd_init(&none, NULL, 0);
	rd_init(&hr, rho, LAB_HASH_LEN);
	if ((rc = lab_hash(hr, none, key)) != ERR_OK)
		goto out;
	rd_init(&kr, key, sizeof(key));
	rd_init(&hr, h, sizeof(h));
	for (size_t done = 0; done < len; done += LAB_HASH_LEN) {
		size_t n = len - done < sizeof(r) ? len - done : sizeof(r);

		if ((rc = lab_hash(hr, none, h)) != ERR_OK ||
		    (rc = lab_hash(hr, kr, r)) != ERR_OK)
			goto out;
		memcpy(out + done, r, n);
	}
out:
	explicit_bzero(key, sizeof(key));
	explicit_bzero(h, sizeof(h));
	explicit_bzero(r, sizeof(r));
	return rc;
}

enum err
lab_hash_to_point(struct lab_curve *c, struct rd id, struct lab_point *out)
{
	BIGNUM *e, *one, *three;
	enum err rc;

	BN_CTX_start(c->ctx);
	e = lab_tmp(c);
	one = lab_tmp(c);
	three = lab_tmp(c);
	lab_word(c, one, 1);
	lab_word(c, three, 3);
	if ((rc = lab_hash_to_range(c, id, c->p, out->y)) != ERR_OK)
		goto out;
	/* The cube root: x = (y^2 - 1)^((2p - 1) / 3). */
	if (!BN_lshift1(e, c->p) || !BN_sub(e, e, one) ||
	    !BN_div(e, NULL, e, three, c->ctx))
		c->failed = true;
	lab_mul(c, out->x, out->y, out->y);
	lab_sub(c, out->x, out->x, one);
	if (!BN_mod_exp(out->x, out->x, e, c->p, c->ctx))
		c->failed = true;
	out->infinity = false;
	if ((rc = lab_point_mul(c, out, c->cofactor, out)) != ERR_OK)
		goto out;
	/* y = 1 or -1 lands on infinity; nobody will live to see it. */
	rc = out->infinity ? ERR_CRYPTO : ERR_OK;
out:
	BN_CTX_end(c->ctx);
	return rc;
}
