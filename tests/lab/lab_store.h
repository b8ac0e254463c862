/*
 * lab_store: what a phone is provisioned with, read from files: its device
 * key, the public parameters of a KMS, the seed and the IBE private keys.
 * Every failure says in `why` which file and what about it.
 */
#ifndef TESTS_LAB_STORE_H
#define TESTS_LAB_STORE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "lab_ibe.h"
#include "lab_keys.h"
#include "lab_time.h"

#define LAB_ID_MAX 255
#define LAB_USER_KEYS_MAX 32

struct lab_user_key {
	char identity[LAB_ID_MAX + 1];
	int64_t from, to; /* `to` is exclusive */
	struct lab_ibe_key *key;
};

struct lab_user {
	EVP_PKEY *device_key;
	X509 *device_cert; /* may be NULL */
	struct secret *seed;
	uint8_t label[LAB_LABEL_MAX];
	size_t label_len;
	struct lab_user_key keys[LAB_USER_KEYS_MAX];
	size_t n_keys;
};

/* Frees what is in it; the struct is the caller's. */
void lab_user_done(struct lab_user *);

/* A whole file of at most `max` octets; the caller frees. */
enum err lab_slurp(const char *path, size_t max, uint8_t **out, size_t *len,
    struct why *) MUST_CHECK;

/* An RSA private key and its certificate (`cert` may be NULL), PEM. */
enum err lab_device_load(struct lab_user *, const char *key, const char *cert,
    struct why *) MUST_CHECK;

/* DER BFPublicParameters. */
enum err lab_params_load(const char *path, struct lab_ibe **out,
    struct why *) MUST_CHECK;

/*
 * {"keywardenSeed":1, "identity", "label", "wrapped"}: RSAES-OAEP under the
 * device key.  The identity in the file must be `identity`.
 */
enum err lab_seed_load(struct lab_user *, const char *path,
    const char *identity, struct why *) MUST_CHECK;

/* 64 hex digits, and a newline or not; the label is empty. */
enum err lab_seed_hex_load(struct lab_user *, const char *path,
    struct why *) MUST_CHECK;

/*
 * {"keywardenPrivateKey":1, "identity", "notBefore", "notAfter", "enveloped"}:
 * CMS EnvelopedData to the device, around a BFPrivateKeyBlock, which must be
 * the identity's under these parameters; notBefore to notAfter is one period
 * of the KMS.
 */
enum err lab_key_load(struct lab_user *, const char *path, struct lab_ibe *,
    enum lab_period, struct why *) MUST_CHECK;

/* The key of that identity whose period contains `unix_s`, or NULL. */
const struct lab_ibe_key *lab_user_key(const struct lab_user *,
    struct rd identity, int64_t unix_s);

/* The id string: ID data || YYYYMMDD.  `out` has room for both. */
struct rd lab_id_string(struct rd identity, int64_t period_start, uint8_t *out);
#define LAB_ID_STRING_MAX (LAB_ID_MAX + LAB_DATE_LEN)

#endif
