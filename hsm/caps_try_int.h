/* caps_try_int: what the files of caps_try share. */
#ifndef HSM_CAPS_TRY_INT_H
#define HSM_CAPS_TRY_INT_H

#include <openssl/evp.h>

#include "hsm/caps_try.h"
#include "hsm/hsm_token.h"

struct caps_try {
	struct hsm *h;
	const struct ibe_setup *setup;
	struct hsm_made made[HSM_KEY__MAX]; /* also in h->key */
	CK_ULONG rsa_bits; /* of the pair that takes seeds in */
	bool own; /* h->key are the appliance's, not those made here */
	EVP_PKEY *device; /* RSA, of ours; NULL until needed */
	bool around;
	enum caps_point point;
	uint8_t store[HSM_SEED_BLOB_MAX]; /* a seed, wrapped by SEED_STORE */
	size_t store_len;
	uint8_t seed[HSM_DEVICE_BLOB_MAX]; /* one, wrapped to SEED_IMPORT */
	size_t seed_len;
	uint8_t data_key[HSM_DEVICE_BLOB_MAX]; /* one, wrapped to SPOOL */
	size_t data_key_len;
	char text[CAP_TEXT_MAX];
};

/* What was seen of the one that is tried now. */
void caps_say(struct caps_try *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same, and ERR_UNSUPPORTED. */
enum err caps_missing(struct caps_try *, const char *fmt, ...)
    PRINTF_LIKE(2, 3) MUST_CHECK;

/* The key is there: made now, if it was not. */
enum err caps_have(struct caps_try *, enum hsm_key) MUST_CHECK;
enum err caps_public(struct caps_try *, enum hsm_key,
    EVP_PKEY **out) MUST_CHECK;

/* Is it of the session or the token, and not of what was asked? */
bool caps_gone(CK_RV);
/* The token must have refused `what`: "reading a secret key". */
enum err caps_refused(struct caps_try *, const char *call, CK_RV,
    const char *what) MUST_CHECK;
/* An attribute that must not be shown. */
enum err caps_hidden(struct caps_try *, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE,
    const char *what) MUST_CHECK;

/* One attempt each: ERR_OK, ERR_UNSUPPORTED with the text said, or what the
 * token's call was. */
typedef enum err caps_attempt(struct caps_try *);

/* ---- caps_try_token.c: sessions, objects ---- */
caps_attempt caps_login, caps_listed, caps_sessions, caps_purpose, caps_objects;

/* ---- caps_try_secret.c: secret keys ---- */
caps_attempt caps_hmac, caps_aes_wrap, caps_kept;
/* An operation of the token alone, on what the attempt has left. */
caps_attempt caps_hmac_once, caps_aes_wrap_once;
/* The token's HMAC with a seed, given or in t->store, is that of these. */
enum err caps_is_seed(struct caps_try *, const struct hsm_seed *,
    const uint8_t octets[HSM_SEED_LEN]) MUST_CHECK;
enum err caps_store_is(struct caps_try *,
    const uint8_t octets[HSM_SEED_LEN]) MUST_CHECK;
void caps_destroy(struct caps_try *, CK_OBJECT_HANDLE);

/* ---- caps_try_rsa.c: wrapping by RSA, unwrap templates ---- */
caps_attempt caps_oaep, caps_oaep_out, caps_oaep_sha256, caps_data_key,
    caps_templates;
caps_attempt caps_oaep_once, caps_data_key_once;

/* ---- caps_try_ec.c: curves ---- */
caps_attempt caps_ecdsa, caps_curve, caps_ecdh;
caps_attempt caps_ecdsa_once, caps_ecdh_once;

#endif
