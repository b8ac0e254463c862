/*
 * bf: Boneh-Franklin identity-based encryption of RFC 5091 clause 5 on a
 * type-1 curve, with the errata of docs/PROTOCOL.md.  Inside hsm/ only; the
 * rest of the appliance sees hsm/ibe.h.
 */
#ifndef HSM_BF_H
#define HSM_BF_H

#include <openssl/evp.h>

#include "base/bytes.h"
#include "hsm/type1.h"

#define BF_HASH_MAX EVP_MAX_MD_SIZE

/* Public parameters, with what is worth preparing for them. */
struct bf {
	struct t1_curve curve;
	struct t1_point p, ppub;
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	size_t hash_len;
	struct t1_comb *comb_p;
	struct t1_lines *lines_p, *lines_ppub; /* made when first needed */
};

/*
 * Checks that P and P_pub are points of the subgroup.  `hash` is OpenSSL's
 * name, "SHA1" for the 80-bit level.  ERR_MALFORMED, ERR_UNSUPPORTED,
 * ERR_NOMEM, ERR_CRYPTO.
 */
enum err bf_new(const mpz_t p, const mpz_t q, const mpz_t point_p[2],
    const mpz_t point_ppub[2], const char *hash, struct bf **out) MUST_CHECK;
void bf_free(struct bf **);

/* Clause 4.1.1: s to a number below n, n_len octets, in constant time. */
enum err bf_hash_to_range(struct bf *bf, const uint8_t *s, size_t len,
    const uint8_t *n, size_t n_len, uint8_t *out) MUST_CHECK;

/* Clause 4.2.1: out[i] = in[i] ^ HashBytes(len, key)[i]; out may be in. */
enum err bf_hash_bytes_xor(struct bf *bf, const uint8_t *key, size_t key_len,
    const uint8_t *in, uint8_t *out, size_t len) MUST_CHECK;

/*
 * Clause 4.4.2 (HashToPoint1).  `lifted` is the point before it is multiplied
 * by the cofactor, enough to encrypt to; either output may be NULL.
 */
enum err bf_hash_to_point(struct bf *bf, const uint8_t *id, size_t len,
    struct t1_point *lifted, struct t1_point *q_id) MUST_CHECK;

/*
 * Clause 5.5.1 (BFdecrypt) given lines of Q_id and x of [s]U: e(U, [s]Q_id) =
 * e([s]U, Q_id).  Both y are tried, in random order.  plain holds w.left
 * octets.  ERR_MISMATCH: does not open, plain erased.  ERR_HSM: x is on no
 * point, so whoever made it is broken.
 */
enum err bf_open(struct bf *bf, const struct t1_lines *q_id,
    const uint8_t *su_x, const struct t1_point *u, struct rd v, struct rd w,
    uint8_t *plain) MUST_CHECK;

/*
 * Clause 5.4.1 (BFencrypt).  rho of hash_len octets must be random and fresh;
 * v holds hash_len octets, w and plain len.
 */
enum err bf_encrypt(struct bf *bf, const uint8_t *id, size_t id_len,
    const uint8_t *rho, const uint8_t *plain, size_t len, struct t1_point *u,
    uint8_t *v, uint8_t *w) MUST_CHECK;

/*
 * The private key [s]Q_id from its x: the y for which e(S_id, P) =
 * e(Q_id, P_pub).  ERR_HSM if neither is right.
 */
enum err bf_private_key(struct bf *bf, const struct t1_point *q_id,
    const uint8_t *sq_x, struct t1_point *out) MUST_CHECK;

#endif
