/*
 * lab_ibe: Boneh-Franklin encryption of RFC 5091 with its DER forms, as a
 * phone uses it, and the two operations of a KMS for the laboratory's own.
 */
#ifndef TESTS_LAB_IBE_H
#define TESTS_LAB_IBE_H

#include <openssl/bn.h>

#include "base/bytes.h"

/* A plaintext may be this long: three points of P-521 and two identities. */
#define LAB_IBE_PLAIN_MAX 2048
#define LAB_IBE_CIPHER_MAX (LAB_IBE_PLAIN_MAX + 256)
#define LAB_IBE_PARAMS_MAX 1024
#define LAB_IBE_KEY_MAX 256

/* A KMS's public parameters. */
struct lab_ibe;

/* A user's private key. */
struct lab_ibe_key;

/* From DER BFPublicParameters, fully checked (p, q, points, P of order q). */
enum err lab_ibe_parse(struct rd der, struct lab_ibe **out) MUST_CHECK;
void lab_ibe_free(struct lab_ibe **);

/* From DER BFPrivateKeyBlock. */
enum err lab_ibe_key_parse(struct lab_ibe *, struct rd der,
    struct lab_ibe_key **out) MUST_CHECK;
void lab_ibe_key_free(struct lab_ibe_key **);

/* ERR_MISMATCH unless the key is that of the id string under this KMS. */
enum err lab_ibe_key_check(struct lab_ibe *, const struct lab_ibe_key *,
    struct rd id) MUST_CHECK;

/* Append a DER BFCiphertextBlock of `plain`, encrypted to the id string. */
enum err lab_ibe_encrypt(struct lab_ibe *, struct rd id, struct rd plain,
    struct wr *out) MUST_CHECK;

/*
 * Open a DER BFCiphertextBlock.  `out` holds at least LAB_IBE_PLAIN_MAX
 * octets and is erased on failure.  ERR_MALFORMED for what is no ciphertext,
 * ERR_MISMATCH when it does not open with this key.
 */
enum err lab_ibe_decrypt(struct lab_ibe *, const struct lab_ibe_key *,
    struct rd cipher, uint8_t *out, size_t *len) MUST_CHECK;

/*
 * The KMS's side.  lab_kms_new() makes fresh parameters with q = 2^159 + 2^17
 * + 1 and a master secret; all are appended or returned as the phones read
 * them.
 */
enum err lab_kms_new(struct wr *params, BIGNUM **master) MUST_CHECK;
enum err lab_kms_extract(struct lab_ibe *, const BIGNUM *master, struct rd id,
    struct wr *key) MUST_CHECK;

#ifdef LAB_IBE_INTERNAL
#include "lab_curve.h"
struct lab_ibe {
	struct lab_curve *curve;
	struct lab_point *p, *ppub;
};
struct lab_ibe_key {
	struct lab_point *s;
};
void lab_ibe_put_point(struct wr *, const struct lab_point *);
enum err lab_ibe_put_params(const struct lab_ibe *, struct wr *) MUST_CHECK;
#endif

#endif
