#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/secret.h"
#define LAB_IBE_INTERNAL
#include "lab_der.h"
#include "lab_ibe.h"

static const uint8_t oid_type1[] = {0x60, 0x86, 0x48, 0x01, 0x86, 0xfd, 0x1e,
    0x01, 0x01, 0x01, 0x01};
static const uint8_t oid_sha1[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};

#define VERSION 2

static enum err
read_point(struct lab_curve *c, struct rd *in, struct lab_point **out)
{
	struct lab_point *pt = NULL;
	struct rd seq;
	enum err rc;

	if ((rc = der_open(in, DER_SEQUENCE, &seq)) != ERR_OK ||
	    (rc = lab_point_new(&pt)) != ERR_OK)
		return rc;
	BN_free(pt->x);
	BN_free(pt->y);
	pt->x = pt->y = NULL;
	if ((rc = der_number(&seq, &pt->x)) != ERR_OK ||
	    (rc = der_number(&seq, &pt->y)) != ERR_OK ||
	    (rc = rd_end(&seq)) != ERR_OK)
		goto out;
	pt->infinity = false;
	rc = ERR_MALFORMED;
	if (!lab_point_good(c, pt))
		goto out;
	*out = pt;
	pt = NULL; /* now the caller's */
	rc = ERR_OK;
out:
	lab_point_free(&pt);
	return rc;
}

void
lab_ibe_put_point(struct wr *w, const struct lab_point *pt)
{
	uint8_t buf[2 * (LAB_P_LEN + 4)];
	struct wr in;

	wr_init(&in, buf, sizeof(buf));
	der_put_number(&in, pt->x);
	der_put_number(&in, pt->y);
	if (in.rc != ERR_OK)
		w->rc = in.rc;
	der_put(w, DER_SEQUENCE, buf, in.len);
	explicit_bzero(buf, sizeof(buf));
}

/* A point off the subgroup of order q would make a pairing of nothing. */
static enum err
in_subgroup(struct lab_curve *c, const struct lab_point *pt)
{
	struct lab_point *t = NULL;
	enum err rc;

	if ((rc = lab_point_new(&t)) != ERR_OK)
		return rc;
	if ((rc = lab_point_mul(c, t, c->q, pt)) == ERR_OK && !t->infinity)
		rc = ERR_MALFORMED;
	lab_point_free(&t);
	return rc;
}

enum err
lab_ibe_parse(struct rd der, struct lab_ibe **out)
{
	struct lab_ibe *ibe = calloc(1, sizeof(*ibe));
	BIGNUM *p = NULL, *q = NULL;
	struct rd seq;
	enum err rc;

	if (ibe == NULL)
		return ERR_NOMEM;
	if ((rc = der_open(&der, DER_SEQUENCE, &seq)) != ERR_OK ||
	    (rc = rd_end(&der)) != ERR_OK ||
	    (rc = der_small(&seq, VERSION)) != ERR_OK ||
	    (rc = der_oid(&seq, oid_type1, sizeof(oid_type1))) != ERR_OK ||
	    (rc = der_number(&seq, &p)) != ERR_OK ||
	    (rc = der_number(&seq, &q)) != ERR_OK ||
	    (rc = lab_curve_new(p, q, &ibe->curve)) != ERR_OK ||
	    (rc = read_point(ibe->curve, &seq, &ibe->p)) != ERR_OK ||
	    (rc = read_point(ibe->curve, &seq, &ibe->ppub)) != ERR_OK ||
	    (rc = der_oid(&seq, oid_sha1, sizeof(oid_sha1))) != ERR_OK ||
	    (rc = rd_end(&seq)) != ERR_OK ||
	    (rc = in_subgroup(ibe->curve, ibe->p)) != ERR_OK ||
	    (rc = in_subgroup(ibe->curve, ibe->ppub)) != ERR_OK)
		goto out;
	*out = ibe;
	ibe = NULL; /* now the caller's */
out:
	BN_free(p);
	BN_free(q);
	lab_ibe_free(&ibe);
	return rc;
}

enum err
lab_ibe_put_params(const struct lab_ibe *ibe, struct wr *out)
{
	uint8_t buf[LAB_IBE_PARAMS_MAX];
	struct wr in;

	wr_init(&in, buf, sizeof(buf));
	wr_copy(&in, "\x02\x01\x02", 3);
	der_put(&in, DER_OID, oid_type1, sizeof(oid_type1));
	der_put_number(&in, ibe->curve->p);
	der_put_number(&in, ibe->curve->q);
	lab_ibe_put_point(&in, ibe->p);
	lab_ibe_put_point(&in, ibe->ppub);
	der_put(&in, DER_OID, oid_sha1, sizeof(oid_sha1));
	if (in.rc != ERR_OK)
		return in.rc;
	der_put(out, DER_SEQUENCE, buf, in.len);
	return out->rc;
}

void
lab_ibe_free(struct lab_ibe **ip)
{
	if (*ip == NULL)
		return;
	lab_point_free(&(*ip)->p);
	lab_point_free(&(*ip)->ppub);
	lab_curve_free(&(*ip)->curve);
	free(*ip);
	*ip = NULL;
}

enum err
lab_ibe_key_parse(struct lab_ibe *ibe, struct rd der, struct lab_ibe_key **out)
{
	struct lab_ibe_key *key = calloc(1, sizeof(*key));
	struct rd seq;
	enum err rc;

	if (key == NULL)
		return ERR_NOMEM;
	if ((rc = der_open(&der, DER_SEQUENCE, &seq)) != ERR_OK ||
	    (rc = rd_end(&der)) != ERR_OK ||
	    (rc = der_small(&seq, VERSION)) != ERR_OK ||
	    (rc = read_point(ibe->curve, &seq, &key->s)) != ERR_OK ||
	    (rc = rd_end(&seq)) != ERR_OK)
		goto out;
	*out = key;
	key = NULL; /* now the caller's */
out:
	lab_ibe_key_free(&key);
	return rc;
}

void
lab_ibe_key_free(struct lab_ibe_key **kp)
{
	if (*kp == NULL)
		return;
	lab_point_free(&(*kp)->s);
	free(*kp);
	*kp = NULL;
}

/* e'(P, [s]Q_id) = e'([s]P, Q_id). */
enum err
lab_ibe_key_check(struct lab_ibe *ibe, const struct lab_ibe_key *key,
    struct rd id)
{
	uint8_t mine[2 * LAB_P_LEN], theirs[2 * LAB_P_LEN];
	struct lab_point *q = NULL;
	enum err rc;

	if ((rc = lab_point_new(&q)) != ERR_OK ||
	    (rc = lab_hash_to_point(ibe->curve, id, q)) != ERR_OK ||
	    (rc = lab_pairing(ibe->curve, ibe->p, key->s, NULL, mine)) !=
		ERR_OK ||
	    (rc = lab_pairing(ibe->curve, ibe->ppub, q, NULL, theirs)) !=
		ERR_OK)
		goto out;
	rc = memcmp(mine, theirs, sizeof(mine)) == 0 ? ERR_OK : ERR_MISMATCH;
out:
	lab_point_free(&q);
	return rc;
}

/* l = HashToRange(rho || H(m), q), U = [l]P. */
static enum err
commit(struct lab_ibe *ibe, const uint8_t *rho, struct rd m, BIGNUM *l,
    struct lab_point *u)
{
	uint8_t both[2 * LAB_HASH_LEN];
	struct rd r;
	enum err rc;

	memcpy(both, rho, LAB_HASH_LEN);
	rd_init(&r, NULL, 0);
	if ((rc = lab_hash(m, r, both + LAB_HASH_LEN)) != ERR_OK)
		goto out;
	rd_init(&r, both, sizeof(both));
	if ((rc = lab_hash_to_range(ibe->curve, r, ibe->curve->q, l)) != ERR_OK)
		goto out;
	rc = lab_point_mul(ibe->curve, u, l, ibe->p);
out:
	explicit_bzero(both, sizeof(both));
	return rc;
}

static void
xor_into(uint8_t *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] ^= in[i];
}

static void
put_cipher(struct wr *out, const struct lab_point *u, const uint8_t *v,
    const uint8_t *w, size_t len)
{
	uint8_t buf[LAB_IBE_CIPHER_MAX];
	struct wr in;

	wr_init(&in, buf, sizeof(buf));
	wr_copy(&in, "\x02\x01\x02", 3);
	lab_ibe_put_point(&in, u);
	der_put(&in, DER_OCTETS, v, LAB_HASH_LEN);
	der_put(&in, DER_OCTETS, w, len);
	if (in.rc != ERR_OK)
		out->rc = in.rc;
	der_put(out, DER_SEQUENCE, buf, in.len);
}

enum err
lab_ibe_encrypt(struct lab_ibe *ibe, struct rd id, struct rd plain,
    struct wr *out)
{
	uint8_t rho[LAB_HASH_LEN], v[LAB_HASH_LEN], z[2 * LAB_P_LEN];
	uint8_t w[LAB_IBE_PLAIN_MAX];
	struct lab_point *u = NULL, *q = NULL;
	BIGNUM *l = BN_new();
	struct rd zr, none;
	enum err rc;

	rd_init(&zr, z, sizeof(z));
	rd_init(&none, NULL, 0);
	if (plain.left > sizeof(w)) {
		rc = ERR_TOOBIG;
		goto out;
	}
	rc = ERR_CRYPTO;
	if (l == NULL || RAND_bytes(rho, sizeof(rho)) != 1)
		goto out;
	if ((rc = lab_point_new(&u)) != ERR_OK ||
	    (rc = lab_point_new(&q)) != ERR_OK ||
	    (rc = commit(ibe, rho, plain, l, u)) != ERR_OK ||
	    (rc = lab_hash_to_point(ibe->curve, id, q)) != ERR_OK ||
	    (rc = lab_pairing(ibe->curve, ibe->ppub, q, l, z)) != ERR_OK ||
	    (rc = lab_hash(zr, none, v)) != ERR_OK ||
	    (rc = lab_hash_bytes(rho, w, plain.left)) != ERR_OK)
		goto out;
	xor_into(v, rho, sizeof(v));
	xor_into(w, plain.p, plain.left);
	put_cipher(out, u, v, w, plain.left);
	rc = out->rc;
out:
	lab_point_free(&u);
	lab_point_free(&q);
	BN_clear_free(l);
	explicit_bzero(rho, sizeof(rho));
	explicit_bzero(z, sizeof(z));
	return rc;
}

static enum err
read_cipher(struct lab_ibe *ibe, struct rd cipher, struct lab_point **u,
    struct rd *v, struct rd *w)
{
	struct rd seq;
	enum err rc;

	if ((rc = der_open(&cipher, DER_SEQUENCE, &seq)) != ERR_OK ||
	    (rc = rd_end(&cipher)) != ERR_OK ||
	    (rc = der_small(&seq, VERSION)) != ERR_OK ||
	    (rc = read_point(ibe->curve, &seq, u)) != ERR_OK ||
	    (rc = der_open(&seq, DER_OCTETS, v)) != ERR_OK ||
	    (rc = der_open(&seq, DER_OCTETS, w)) != ERR_OK ||
	    (rc = rd_end(&seq)) != ERR_OK)
		return rc;
	if (v->left != LAB_HASH_LEN || w->left > LAB_IBE_PLAIN_MAX)
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
lab_ibe_decrypt(struct lab_ibe *ibe, const struct lab_ibe_key *key,
    struct rd cipher, uint8_t *out, size_t *len)
{
	uint8_t rho[LAB_HASH_LEN], z[2 * LAB_P_LEN];
	struct lab_point *u = NULL, *again = NULL;
	BIGNUM *l = BN_new();
	struct rd v = {0}, w = {0}, zr, none, plain;
	enum err rc;

	rd_init(&zr, z, sizeof(z));
	rd_init(&none, NULL, 0);
	if (l == NULL) {
		rc = ERR_NOMEM;
		goto out;
	}
	if ((rc = read_cipher(ibe, cipher, &u, &v, &w)) != ERR_OK ||
	    (rc = lab_point_new(&again)) != ERR_OK ||
	    (rc = lab_pairing(ibe->curve, u, key->s, NULL, z)) != ERR_OK ||
	    (rc = lab_hash(zr, none, rho)) != ERR_OK)
		goto out;
	xor_into(rho, v.p, sizeof(rho));
	if ((rc = lab_hash_bytes(rho, out, w.left)) != ERR_OK)
		goto out;
	xor_into(out, w.p, w.left);
	rd_init(&plain, out, w.left);
	if ((rc = commit(ibe, rho, plain, l, again)) != ERR_OK)
		goto out;
	rc = ERR_MISMATCH;
	if (again->infinity || BN_cmp(again->x, u->x) != 0 ||
	    BN_cmp(again->y, u->y) != 0)
		goto out;
	*len = w.left;
	rc = ERR_OK;
out:
	if (rc != ERR_OK)
		explicit_bzero(out, LAB_IBE_PLAIN_MAX);
	lab_point_free(&u);
	lab_point_free(&again);
	BN_clear_free(l);
	explicit_bzero(rho, sizeof(rho));
	explicit_bzero(z, sizeof(z));
	return rc;
}
