/*
 * ss512: RFC 5091 BF with p of exactly 512 bit and q of exactly 160, SHA-1
 * (level 80), master secret in the token over the whole group.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/secret.h"
#include "hsm/bf.h"
#include "hsm/bf_der.h"
#include "hsm/ibe_scheme.h"
#include "hsm/ibe_ss512.h"

#define COORD SS512_COORD
#define HASH_LEN 20 /* SHA-1 */

/* Prepared lines of the ids used last: 20 KB each, a target's day or two. */
#define IDS_KEPT 64
#define ID_MAX 320 /* identity and date */

struct kept_id {
	uint8_t id[ID_MAX];
	size_t len; /* 0: free */
	uint64_t used;
	struct t1_lines *lines;
};

struct ss512 {
	struct bf *bf;
	uint64_t clock;
	struct kept_id kept[IDS_KEPT];
};

static enum err
ss512_load(struct rd der, void **out, struct why *why)
{
	struct ss512 *s = NULL;
	struct bf_public b;
	enum err rc;

	bf_public_init(&b);
	if ((rc = bf_public_decode(der, &b, why)) != ERR_OK)
		goto out;
	if (mpz_sizeinbase(b.p, 2) != SS512_P_BITS ||
	    mpz_sizeinbase(b.q, 2) != SS512_Q_BITS ||
	    mpz_probab_prime_p(b.p, 32) == 0 ||
	    mpz_probab_prime_p(b.q, 32) == 0) {
		rc = why_set(why, ERR_UNSUPPORTED,
		    "BFPublicParameters: p is not a prime of 512 bit or q "
		    "not one of 160");
		goto out;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		rc = why_set(why, ERR_NOMEM, "out of memory");
		goto out;
	}
	rc = bf_new(b.p, b.q, b.point_p, b.point_ppub, b.hash, &s->bf);
	if (rc != ERR_OK) {
		(void)why_set(why, rc, "BFPublicParameters: %s",
		    rc == ERR_MALFORMED ? "P or P_pub is not in the subgroup"
					: err_str(rc));
		goto out;
	}
	*out = s;
	s = NULL;
out:
	free(s);
	bf_public_clear(&b);
	return rc;
}

static void
ss512_forget_ids(void *v)
{
	struct ss512 *s = v;

	for (size_t i = 0; i < IDS_KEPT; i++) {
		t1_lines_free(&s->kept[i].lines);
		s->kept[i] = (struct kept_id){.len = 0};
	}
}

static void
ss512_free(void *v)
{
	struct ss512 *s = v;

	ss512_forget_ids(s);
	bf_free(&s->bf);
	free(s);
}

static size_t
ss512_coordinate_octets(const void *v)
{
	(void)v;
	return COORD;
}

static size_t
ss512_v_octets(const void *v)
{
	(void)v;
	return HASH_LEN;
}

static void
ss512_known_product(const void *v, uint8_t *point, uint8_t *x)
{
	const struct ss512 *s = v;
	const struct bf *bf = s->bf;

	point[0] = 0x04;
	fp_to_be(point + 1, &bf->p.x, &bf->curve.f);
	fp_to_be(point + 1 + COORD, &bf->p.y, &bf->curve.f);
	fp_to_be(x, &bf->ppub.x, &bf->curve.f);
}

/* The lines of an id, kept or made; the view dies at the next call. */
static enum err
lines_of(struct ss512 *s, struct rd id, const struct t1_lines **out)
{
	struct kept_id *k = &s->kept[0];
	struct t1_lines *lines;
	struct t1_point q_id;
	enum err rc;

	if (id.left == 0 || id.left > ID_MAX)
		return ERR_TOOBIG;
	for (size_t i = 0; i < IDS_KEPT; i++) {
		struct kept_id *t = &s->kept[i];

		if (t->len == id.left && rd_is(&id, t->id, t->len)) {
			t->used = ++s->clock;
			*out = t->lines;
			return ERR_OK;
		}
		if (t->used < k->used)
			k = t;
	}
	rc = bf_hash_to_point(s->bf, id.p, id.left, NULL, &q_id);
	if (rc != ERR_OK ||
	    (rc = t1_lines_new(&q_id, &s->bf->curve, &lines)) != ERR_OK)
		return rc;
	t1_lines_free(&k->lines);
	memcpy(k->id, id.p, id.left);
	k->len = id.left;
	k->used = ++s->clock;
	k->lines = lines;
	*out = lines;
	return ERR_OK;
}

static void
point_octets(uint8_t *out, const struct t1_point *a, const struct fp_field *f)
{
	out[0] = 0x04;
	fp_to_be(out + 1, &a->x, f);
	fp_to_be(out + 1 + COORD, &a->y, f);
}

static enum err
ss512_open(void *v, const struct ibe_token *token, const struct rd *ids,
    size_t n_ids, const struct ibe_envelope *e, uint8_t *plain, size_t *which)
{
	struct ss512 *s = v;
	const struct t1_curve *c = &s->bf->curve;
	uint8_t u_octets[IBE_POINT_MAX], su_x[COORD];
	const struct t1_lines *lines;
	struct t1_point u;
	enum err rc;

	if (e->v.left != HASH_LEN ||
	    t1_point_from_be(&u, e->u_x.p, e->u_x.left, e->u_y.p, e->u_y.left,
		c) != ERR_OK)
		return ERR_MISMATCH;
	point_octets(u_octets, &u, &c->f);
	rc = token->mul(token->ctx, u_octets, sizeof(u_octets), su_x,
	    sizeof(su_x));
	/*
	 * The order of U is not looked at before: U = [l]P, checked in the
	 * end, implies it.  But a token fails honestly where [s]U is infinity,
	 * and that must not pass for a broken token.
	 */
	if (rc == ERR_HSM && !t1_in_subgroup_vartime(&u, c))
		rc = ERR_MISMATCH;
	if (rc != ERR_OK)
		goto out;
	rc = ERR_MISMATCH;
	for (size_t i = 0; i < n_ids && rc == ERR_MISMATCH; i++) {
		if ((rc = lines_of(s, ids[i], &lines)) != ERR_OK)
			goto out;
		rc = bf_open(s->bf, lines, su_x, &u, e->v, e->w, plain);
		*which = i;
	}
out:
	explicit_bzero(su_x, sizeof(su_x));
	return rc;
}

static enum err
ss512_encrypt(void *v, struct rd id, const uint8_t *plain, size_t len,
    uint8_t *u, uint8_t *vv, uint8_t *w)
{
	struct ss512 *s = v;
	uint8_t rho[HASH_LEN];
	struct t1_point up;
	enum err rc;

	if (RAND_priv_bytes(rho, sizeof(rho)) != 1)
		return ERR_CRYPTO;
	rc = bf_encrypt(s->bf, id.p, id.left, rho, plain, len, &up, vv, w);
	if (rc == ERR_OK) {
		fp_to_be(u, &up.x, &s->bf->curve.f);
		fp_to_be(u + COORD, &up.y, &s->bf->curve.f);
	}
	explicit_bzero(rho, sizeof(rho));
	return rc;
}

static enum err
ss512_private_key(void *v, const struct ibe_token *token, struct rd id,
    uint8_t *der, size_t *len)
{
	struct ss512 *s = v;
	const struct fp_field *f = &s->bf->curve.f;
	uint8_t point[IBE_POINT_MAX], x[COORD], y[COORD];
	struct t1_point q_id, s_id;
	enum err rc;

	rc = bf_hash_to_point(s->bf, id.p, id.left, NULL, &q_id);
	if (rc != ERR_OK)
		return rc;
	point_octets(point, &q_id, f);
	if ((rc = token->mul(token->ctx, point, sizeof(point), x, sizeof(x))) !=
		ERR_OK ||
	    (rc = bf_private_key(s->bf, &q_id, x, &s_id)) != ERR_OK)
		goto out;
	fp_to_be(x, &s_id.x, f);
	fp_to_be(y, &s_id.y, f);
	rc = bf_private_encode(x, y, COORD, der, IBE_PARAMS_MAX, len);
out:
	explicit_bzero(x, sizeof(x));
	explicit_bzero(y, sizeof(y));
	explicit_bzero(&s_id, sizeof(s_id));
	return rc;
}

const struct ibe_scheme ibe_ss512 = {
    .strength = {"ss512", 77,
	"ss512 is about 77 to 80 bit strong: broken in principle, for tests "
	"and legacy only"},
    .setup_new = ss512_setup_new,
    .setup_free = ss512_setup_free,
    .setup_ec_params = ss512_setup_ec_params,
    .setup_subgroup_params = ss512_setup_subgroup_params,
    .setup_finish = ss512_setup_finish,
    .load = ss512_load,
    .free = ss512_free,
    .coordinate_octets = ss512_coordinate_octets,
    .v_octets = ss512_v_octets,
    .known_product = ss512_known_product,
    .open = ss512_open,
    .encrypt = ss512_encrypt,
    .private_key = ss512_private_key,
    .forget_ids = ss512_forget_ids,
};
