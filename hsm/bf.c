#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/ctmod.h"
#include "base/secret.h"
#include "hsm/bf.h"

static enum err
point_from_mpz(struct t1_point *out, const mpz_t xy[2],
    const struct t1_curve *c)
{
	mpz_t p;
	int below;

	mpz_init(p);
	mpz_import(p, FP_WORDS, -1, 8, 0, 0, c->f.p);
	below = mpz_sgn(xy[0]) > 0 && mpz_sgn(xy[1]) > 0 &&
	    mpz_cmp(xy[0], p) < 0 && mpz_cmp(xy[1], p) < 0;
	mpz_clear(p);
	if (!below)
		return ERR_MALFORMED;
	fp_from_mpz(&out->x, xy[0], &c->f);
	fp_from_mpz(&out->y, xy[1], &c->f);
	if (t1_mask_on_curve(out, c) == 0 || !t1_in_subgroup_vartime(out, c))
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
bf_new(const mpz_t p, const mpz_t q, const mpz_t point_p[2],
    const mpz_t point_ppub[2], const char *hash, struct bf **out)
{
	struct bf *bf = calloc(1, sizeof(*bf));
	enum err rc = ERR_NOMEM;

	if (bf == NULL)
		return rc;
	if ((rc = t1_curve_init(&bf->curve, p, q)) != ERR_OK ||
	    (rc = point_from_mpz(&bf->p, point_p, &bf->curve)) != ERR_OK ||
	    (rc = point_from_mpz(&bf->ppub, point_ppub, &bf->curve)) !=
		ERR_OK ||
	    (rc = t1_comb_new(&bf->p, &bf->curve, &bf->comb_p)) != ERR_OK)
		goto out;
	bf->md = EVP_MD_fetch(NULL, hash, NULL);
	bf->ctx = EVP_MD_CTX_new();
	if (bf->md == NULL || bf->ctx == NULL) {
		rc = ERR_CRYPTO;
		goto out;
	}
	bf->hash_len = (size_t)EVP_MD_get_size(bf->md);
	*out = bf;
	bf = NULL;
	rc = ERR_OK;
out:
	bf_free(&bf);
	return rc;
}

void
bf_free(struct bf **bfp)
{
	struct bf *bf = *bfp;

	if (bf == NULL)
		return;
	t1_comb_free(&bf->comb_p);
	t1_lines_free(&bf->lines_p);
	t1_lines_free(&bf->lines_ppub);
	EVP_MD_free(bf->md);
	EVP_MD_CTX_free(bf->ctx);
	free(bf);
	*bfp = NULL;
}

/* out = H(a || b); out may be a or b. */
static enum err
hash2(struct bf *bf, const uint8_t *a, size_t a_len, const uint8_t *b,
    size_t b_len, uint8_t *out)
{
	if (EVP_DigestInit_ex2(bf->ctx, bf->md, NULL) != 1 ||
	    EVP_DigestUpdate(bf->ctx, a, a_len) != 1 ||
	    (b_len > 0 && EVP_DigestUpdate(bf->ctx, b, b_len) != 1) ||
	    EVP_DigestFinal_ex(bf->ctx, out, NULL) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err
bf_hash_to_range(struct bf *bf, const uint8_t *s, size_t len, const uint8_t *n,
    size_t n_len, uint8_t *out)
{
	uint8_t v[2 * BF_HASH_MAX], h[BF_HASH_MAX] = {0};
	enum err rc = ERR_OK;

	for (size_t i = 0; i < 2 && rc == ERR_OK; i++) {
		rc = hash2(bf, h, bf->hash_len, s, len, h);
		memcpy(v + i * bf->hash_len, h, bf->hash_len);
	}
	if (rc == ERR_OK)
		rc = ct_mod(out, v, 2 * bf->hash_len, n, n_len);
	explicit_bzero(v, sizeof(v));
	explicit_bzero(h, sizeof(h));
	return rc;
}

enum err
bf_hash_bytes_xor(struct bf *bf, const uint8_t *key, size_t key_len,
    const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t k[BF_HASH_MAX], h[BF_HASH_MAX] = {0}, r[BF_HASH_MAX];
	enum err rc;

	rc = hash2(bf, key, key_len, NULL, 0, k);
	for (size_t at = 0; at < len && rc == ERR_OK; at += bf->hash_len) {
		const size_t n =
		    len - at < bf->hash_len ? len - at : bf->hash_len;

		if ((rc = hash2(bf, h, bf->hash_len, NULL, 0, h)) != ERR_OK ||
		    (rc = hash2(bf, h, bf->hash_len, k, bf->hash_len, r)) !=
			ERR_OK)
			break;
		for (size_t i = 0; i < n; i++)
			out[at + i] = in[at + i] ^ r[i];
	}
	explicit_bzero(k, sizeof(k));
	explicit_bzero(h, sizeof(h));
	explicit_bzero(r, sizeof(r));
	return rc;
}

static void
field_prime_be(uint8_t *out, const struct fp_field *f)
{
	for (size_t i = 0; i < f->len; i++)
		out[f->len - 1 - i] = (uint8_t)(f->p[i / 8] >> (8 * (i % 8)));
}

enum err
bf_hash_to_point(struct bf *bf, const uint8_t *id, size_t len,
    struct t1_point *lifted, struct t1_point *q_id)
{
	const struct t1_curve *c = &bf->curve;
	uint8_t p[FP_OCTETS], y[FP_OCTETS];
	struct t1_point t;
	struct fp fy;
	enum err rc;

	field_prime_be(p, &c->f);
	if ((rc = bf_hash_to_range(bf, id, len, p, c->f.len, y)) != ERR_OK ||
	    (rc = fp_from_be(&fy, y, c->f.len, &c->f)) != ERR_OK ||
	    (rc = t1_lift_vartime(&t, &fy, c)) != ERR_OK)
		return rc;
	if (lifted != NULL)
		*lifted = t;
	if (q_id == NULL)
		return ERR_OK;
	return t1_mul_vartime(q_id, &c->h, &t, c);
}

/* Clause 4.3.2 with order 0, hashed: w = H(Canonical(theta)). */
static enum err
hash_theta(struct bf *bf, const struct fp2 *theta, uint8_t *out)
{
	const struct fp_field *f = &bf->curve.f;
	uint8_t z[2 * FP_OCTETS];
	enum err rc;

	fp_to_be(z, &theta->a, f);
	fp_to_be(z + f->len, &theta->b, f);
	rc = hash2(bf, z, 2 * f->len, NULL, 0, out);
	explicit_bzero(z, sizeof(z));
	return rc;
}

/* l = HashToRange(rho || H(m), q) */
static enum err
hash_l(struct bf *bf, const uint8_t *rho, const uint8_t *m, size_t len,
    uint8_t *l)
{
	uint8_t s[2 * BF_HASH_MAX];
	enum err rc;

	memcpy(s, rho, bf->hash_len);
	rc = hash2(bf, m, len, NULL, 0, s + bf->hash_len);
	if (rc == ERR_OK)
		rc = bf_hash_to_range(bf, s, 2 * bf->hash_len, bf->curve.q_be,
		    bf->curve.q_len, l);
	explicit_bzero(s, sizeof(s));
	return rc;
}

/* Steps 3 to 8 of BFdecrypt for one candidate of theta. */
static enum err
try_theta(struct bf *bf, const struct fp2 *theta, const struct t1_point *u,
    struct rd v, struct rd w, uint8_t *plain)
{
	uint8_t rho[BF_HASH_MAX], l[FP_OCTETS];
	uint64_t mask = 0;
	enum err rc;

	if ((rc = hash_theta(bf, theta, rho)) != ERR_OK)
		goto out;
	for (size_t i = 0; i < bf->hash_len; i++)
		rho[i] ^= v.p[i];
	rc = bf_hash_bytes_xor(bf, rho, bf->hash_len, w.p, plain, w.left);
	if (rc != ERR_OK || (rc = hash_l(bf, rho, plain, w.left, l)) != ERR_OK)
		goto out;
	mask = t1_comb_mask_equal(l, u, bf->comb_p, &bf->curve);
	/*
	 * Public: that the envelope opens is told to the asker anyway, and
	 * which of the two candidates was right is hidden by the coin that
	 * chose their order.
	 */
	CT_PUBLIC(&mask, sizeof(mask));
	rc = mask != 0 ? ERR_OK : ERR_MISMATCH;
out:
	explicit_bzero(rho, sizeof(rho));
	explicit_bzero(l, sizeof(l));
	return rc;
}

enum err
bf_open(struct bf *bf, const struct t1_lines *q_id, const uint8_t *su_x,
    const struct t1_point *u, struct rd v, struct rd w, uint8_t *plain)
{
	const struct t1_curve *c = &bf->curve;
	struct t1_point b;
	struct fp2 theta;
	struct fp t;
	uint64_t on_curve;
	uint8_t coin;
	enum err rc;

	if (v.left != bf->hash_len)
		return ERR_MISMATCH;
	if (RAND_bytes(&coin, 1) != 1)
		return ERR_CRYPTO;
	if ((rc = fp_from_be(&b.x, su_x, c->f.len, &c->f)) != ERR_OK) {
		rc = ERR_HSM;
		goto out;
	}
	t1_y_from_x(&b.y, &b.x, c);
	on_curve = t1_mask_on_curve(&b, c);
	CT_PUBLIC(&on_curve, sizeof(on_curve)); /* always so, token sound */
	if (on_curve == 0) {
		rc = ERR_HSM;
		goto out;
	}
	fp_neg(&t, &b.y, &c->f);
	fp_cmov(&b.y, &t, 0 - (uint64_t)(coin & 1));
	if ((rc = t1_pair(&theta, q_id, &b, c)) != ERR_OK)
		goto out;
	rc = try_theta(bf, &theta, u, v, w, plain);
	if (rc == ERR_MISMATCH) {
		fp_neg(&theta.b, &theta.b, &c->f);
		rc = try_theta(bf, &theta, u, v, w, plain);
	}
out:
	if (rc != ERR_OK)
		explicit_bzero(plain, w.left);
	explicit_bzero(&b, sizeof(b));
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&theta, sizeof(theta));
	return rc;
}

static enum err
need_lines(struct t1_lines **lines, const struct t1_point *a,
    const struct t1_curve *c)
{
	return *lines != NULL ? ERR_OK : t1_lines_new(a, c, lines);
}

/* k = h l mod q as little-endian words: the exponent for e(P_pub, Q_0). */
static void
scale_by_cofactor(uint64_t *k, const uint8_t *l, const struct t1_curve *c)
{
	mp_limb_t prod[2 * FP_WORDS], lw[FP_WORDS] = {0}, tmp[8 * FP_WORDS];
	uint8_t be[2 * FP_OCTETS], red[FP_OCTETS];

	for (size_t i = 0; i < c->q_len; i++)
		lw[i / 8] |= (uint64_t)l[c->q_len - 1 - i] << (8 * (i % 8));
	_Static_assert(sizeof(mp_limb_t) == 8, "64-bit limbs");
	if ((size_t)mpn_sec_mul_itch(FP_WORDS, FP_WORDS) > 8 * FP_WORDS)
		abort(); /* a libgmp unlike any known */
	mpn_sec_mul(prod, c->h.v, FP_WORDS, lw, FP_WORDS, tmp);
	for (size_t i = 0; i < sizeof(be); i++)
		be[sizeof(be) - 1 - i] =
		    (uint8_t)(prod[i / 8] >> (8 * (i % 8)));
	if (ct_mod(red, be, sizeof(be), c->q_be, c->q_len) != ERR_OK)
		memset(red, 0, sizeof(red)); /* q_len is within bounds */
	memset(k, 0, FP_WORDS * sizeof(*k));
	for (size_t i = 0; i < c->q_len; i++)
		k[i / 8] |= (uint64_t)red[c->q_len - 1 - i] << (8 * (i % 8));
	explicit_bzero(prod, sizeof(prod));
	explicit_bzero(lw, sizeof(lw));
	explicit_bzero(tmp, sizeof(tmp));
	explicit_bzero(be, sizeof(be));
	explicit_bzero(red, sizeof(red));
}

enum err
bf_encrypt(struct bf *bf, const uint8_t *id, size_t id_len, const uint8_t *rho,
    const uint8_t *plain, size_t len, struct t1_point *u, uint8_t *v,
    uint8_t *w)
{
	const struct t1_curve *c = &bf->curve;
	uint8_t l[FP_OCTETS];
	uint64_t k[FP_WORDS];
	struct t1_point q0;
	struct fp2 theta;
	enum err rc;

	if ((rc = need_lines(&bf->lines_ppub, &bf->ppub, c)) != ERR_OK ||
	    (rc = bf_hash_to_point(bf, id, id_len, &q0, NULL)) != ERR_OK ||
	    (rc = hash_l(bf, rho, plain, len, l)) != ERR_OK ||
	    (rc = t1_comb_mul(u, l, bf->comb_p, c)) != ERR_OK ||
	    (rc = t1_pair(&theta, bf->lines_ppub, &q0, c)) != ERR_OK)
		goto out;
	scale_by_cofactor(k, l, c);
	if ((rc = t1_unitary_pow(&theta, &theta, k, c->q.bits, c)) != ERR_OK ||
	    (rc = hash_theta(bf, &theta, v)) != ERR_OK)
		goto out;
	for (size_t i = 0; i < bf->hash_len; i++)
		v[i] ^= rho[i];
	rc = bf_hash_bytes_xor(bf, rho, bf->hash_len, plain, w, len);
out:
	explicit_bzero(l, sizeof(l));
	explicit_bzero(k, sizeof(k));
	explicit_bzero(&theta, sizeof(theta));
	return rc;
}

enum err
bf_private_key(struct bf *bf, const struct t1_point *q_id, const uint8_t *sq_x,
    struct t1_point *out)
{
	const struct t1_curve *c = &bf->curve;
	struct fp2 want, got;
	struct t1_point s;
	struct fp minus_y;
	uint64_t same, conj;
	enum err rc;

	if ((rc = need_lines(&bf->lines_p, &bf->p, c)) != ERR_OK ||
	    (rc = need_lines(&bf->lines_ppub, &bf->ppub, c)) != ERR_OK)
		return rc;
	if ((rc = fp_from_be(&s.x, sq_x, c->f.len, &c->f)) != ERR_OK) {
		rc = ERR_HSM;
		goto out;
	}
	t1_y_from_x(&s.y, &s.x, c);
	if ((rc = t1_pair(&got, bf->lines_p, &s, c)) != ERR_OK ||
	    (rc = t1_pair(&want, bf->lines_ppub, q_id, c)) != ERR_OK)
		goto out;
	fp_neg(&minus_y, &s.y, &c->f);
	same = fp_mask_equal(&got.b, &want.b);
	fp_neg(&got.b, &got.b, &c->f);
	conj = fp_mask_equal(&got.b, &want.b);
	fp_cmov(&s.y, &minus_y, conj & ~same);
	same = (same | conj) & fp_mask_equal(&got.a, &want.a);
	CT_PUBLIC(&same, sizeof(same)); /* always so with a sound token */
	rc = same != 0 ? ERR_OK : ERR_HSM;
	if (rc == ERR_OK)
		*out = s;
out:
	explicit_bzero(&s, sizeof(s));
	explicit_bzero(&minus_y, sizeof(minus_y));
	return rc;
}
