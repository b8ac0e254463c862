/*
 * ibe: identity-based encryption behind one interface.  A scheme is a row of
 * a table; ss512 (RFC 5091 BF on a type-1 curve, level 80) is the first.
 *
 * The master secret is in the token and stays there: whatever needs it goes
 * through struct ibe_token, one multiplication at a time.
 */
#ifndef HSM_IBE_H
#define HSM_IBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define IBE_POINT_MAX 129 /* 04 || x || y of ss512 */
#define IBE_PARAMS_MAX 1024 /* DER of public parameters or of a private key */

/* For people: what to say wherever the scheme is named. */
struct ibe_strength {
	const char *scheme;
	unsigned bits; /* of security, as estimated today */
	const char *caution;
};

/* ERR_NOTFOUND: no scheme of that name. */
enum err ibe_strength(const char *scheme, struct ibe_strength *out) MUST_CHECK;

/* Public parameters of one KMS, loaded. */
struct ibe;

/*
 * The token's part: x of [s]A for A given as 04 || x || y, all coordinates of
 * one length.  ERR_HSM when the token does not answer.
 */
struct ibe_token {
	enum err (*mul)(void *ctx, const uint8_t *point, size_t len, uint8_t *x,
	    size_t x_len);
	void *ctx;
};

/* BFCiphertextBlock (RFC 5091 clause 7) by its fields; coordinates unsigned. */
struct ibe_envelope {
	struct rd u_x, u_y, v, w;
};

/* ---- making a KMS ---- */

/*
 * Fresh parameters (BFsetup1, clause 5.1.1) as far as they can be made without
 * the master secret: takes up to some seconds.
 */
struct ibe_setup;
enum err ibe_setup_new(const char *scheme, struct ibe_setup **out) MUST_CHECK;
void ibe_setup_free(struct ibe_setup **);

/*
 * What the token gets as CKA_EC_PARAMS: explicit parameters with the order of
 * the whole group and a base point G of which P is the [12r]th multiple, so
 * that a token that cuts its result to the length of the order returns all of
 * x.  The view lives as long as the setup.
 */
struct rd ibe_setup_ec_params(const struct ibe_setup *);

/*
 * The same with the true order q and the base point P, as most would write
 * it: only to try how a token takes that.
 */
struct rd ibe_setup_subgroup_params(const struct ibe_setup *);

/*
 * With the token's public point [s]G (04 || x || y): DER BFPublicParameters,
 * at most IBE_PARAMS_MAX octets.  ERR_MALFORMED: not a point of the curve.
 */
enum err ibe_setup_finish(const struct ibe_setup *, struct rd public_point,
    uint8_t *der, size_t *len) MUST_CHECK;

/* ---- using it ---- */

/* From DER BFPublicParameters, which is checked; `why` says what is wrong. */
enum err ibe_load(const char *scheme, struct rd der, struct ibe **out,
    struct why *why) MUST_CHECK;
void ibe_free(struct ibe **);
size_t ibe_coordinate_octets(const struct ibe *);
size_t ibe_v_octets(const struct ibe *);

/*
 * A point whose product with the master secret everybody knows: P, as
 * 04 || x || y, and x of P_pub = [s]P.  To tell a token's answers right from
 * wrong.
 */
void ibe_known_product(const struct ibe *, uint8_t point[IBE_POINT_MAX],
    size_t *len, uint8_t x[IBE_POINT_MAX], size_t *x_len);

/*
 * Open an envelope for the first of `ids` that fits (the strings that are
 * hashed to Q_id); the token multiplies once, U, never Q_id.  `plain` holds
 * w.left octets, `which` tells the id.  ERR_MISMATCH: does not open under any
 * (plain is erased).  ERR_HSM: the token failed.  What is public of an id is
 * kept for the next time.
 */
enum err ibe_open(struct ibe *, const struct ibe_token *, const struct rd *ids,
    size_t n_ids, const struct ibe_envelope *, uint8_t *plain,
    size_t *which) MUST_CHECK;

/*
 * Encrypt to an id: u gets x || y, v ibe_v_octets(), w len octets.  For the
 * self-test and the bench: users' devices do this at home.
 */
enum err ibe_encrypt(struct ibe *, struct rd id, const uint8_t *plain,
    size_t len, uint8_t *u, uint8_t *v, uint8_t *w) MUST_CHECK;

/*
 * The private key of an id for its owner, DER BFPrivateKeyBlock, at most
 * IBE_PARAMS_MAX octets: a secret.  The one place where [s]Q_id comes into
 * being.
 */
enum err ibe_private_key(struct ibe *, const struct ibe_token *, struct rd id,
    uint8_t *der, size_t *len) MUST_CHECK;

/* Drop what is kept of the ids (bench, tests). */
void ibe_forget_ids(struct ibe *);

#endif
