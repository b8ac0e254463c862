/*
 * hsm: the token, in the appliance's own words.  Only this folder includes
 * pkcs11.h, and only the hsm workers and the signer use this part of it.  The
 * token of a person who signs is card.h.
 *
 * One session; threads may share it, and wait for each other at each call.
 * Never fork after hsm_open(): a child would share the session.  After ERR_HSM
 * or ERR_PIN the session is not to be trusted any longer: the worker ends, and
 * a fresh one opens the token again; after ERR_PIN not before a person has
 * acted. How a return code comes to be which of them: hsm_rv.c.
 */
#ifndef HSM_HSM_H
#define HSM_HSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/secret.h"
#include "hsm/ibe.h"

struct hsm;

/* The objects of the appliance in the token, one a purpose. */
enum hsm_key {
	HSM_KEY_MASTER, /* EC private key: the KMS's master secret */
	HSM_KEY_SEED_STORE, /* AES: wraps subscribers' seeds for the store */
	HSM_KEY_SEED_IMPORT, /* RSA: seeds arrive wrapped under it */
	HSM_KEY_SEAL_REGISTRY, /* HMAC: subscriber records are ours, unchanged
				*/
	HSM_KEY_SEAL_STATE, /* HMAC: what init fixed is ours, unchanged */
	HSM_KEY_SPOOL, /* RSA: opens records that wait for their LEMF */
	HSM_KEY_HI2, /* EC P-256: signs for LEMFs over what they have got */
	/* EC P-256, each signs handshakes of one role: hsm_find_tls_keys() */
	HSM_KEY_TLS_XK,
	HSM_KEY_TLS_X2,
	HSM_KEY_TLS_XKC,
	HSM_KEY_TLS_HI2,
	HSM_KEY__MAX
};

struct hsm_info {
	char manufacturer[33], model[17], serial[17], label[33];
	bool test_token; /* SoftHSM: the keys are files */
	uint8_t pin; /* what the token says of its user PIN: HSM_PIN_ */
	uint64_t slot;
};

#define HSM_PIN_WAS_LOW 1 /* wrong ones were tried before this login */
#define HSM_PIN_COUNT_LOW 2 /* wrong ones since the last right one */
#define HSM_PIN_FINAL_TRY 4 /* one more locks it */
#define HSM_PIN_LOCKED 8
#define HSM_PIN_TO_BE_CHANGED 16

/*
 * Load a PKCS#11 module, find the token by label, or for NULL the only one
 * there is (ERR_EXISTS: several), log in as user.  `module` and `label` are not
 * kept.  The PIN is tried once; not at all when the token says it is locked or
 * this were the last try.  ERR_PIN then and when it is refused; ERR_HSM for all
 * else, ERR_NOTFOUND for no such token.
 */
enum err hsm_open(const char *module, const char *label, struct secret *pin,
    struct hsm **out, struct why *why) MUST_CHECK;
/* The same with the number of the slot that it is in. */
enum err hsm_open_slot(const char *module, uint64_t slot, struct secret *pin,
    struct hsm **out, struct why *why) MUST_CHECK;
void hsm_close(struct hsm **);
const struct hsm_info *hsm_info(const struct hsm *);

/* Read again what the token says of its user PIN; hsm_open() does so too. */
enum err hsm_look_at_pin(struct hsm *) MUST_CHECK;

/*
 * After ERR_HSM or ERR_PIN, by the thread that got it: which PKCS#11 call of
 * its own failed last, and with what, for the log.  And of what kind that was:
 * ERR_PIN, ERR_HSM, or ERR_MISMATCH if no call failed, but one gave what cannot
 * be right.  hsm_failed() has both: "token failed in DOING: ...".
 */
const char *hsm_why(void);
enum err hsm_failure(void) MUST_CHECK;
enum err hsm_failed(const char *doing, struct why *) MUST_CHECK;

/* Whatever has failed so far is not why the next step of this thread does. */
void hsm_forget_why(void);

/*
 * Make a token out of an uninitialised slot (SoftHSM's way): label, then the
 * two PINs.  For `keywarden init` with the embedded token only.
 */
enum err hsm_init_token(const char *module, const char *label,
    struct secret *so_pin, struct secret *pin, struct why *why) MUST_CHECK;

/*
 * Create the objects, the master secret over `ec_params`.  ERR_EXISTS, and
 * nothing made, if the token holds one of them.  The public point comes back
 * as 04 || x || y.
 */
enum err hsm_create_keys(struct hsm *, struct rd ec_params,
    uint8_t point[IBE_POINT_MAX], size_t *point_len,
    struct why *why) MUST_CHECK;

/* ERR_EXISTS: the token holds one of them, or the like of it. */
enum err hsm_no_keys(struct hsm *) MUST_CHECK;

/*
 * Find the objects and check that each is of the kind it must be: sensitive,
 * never extractable, usable for its purpose.  That it serves no other is
 * init's template, which this does not read back.  The first finds all but the
 * keys of TLS, the second these alone: what was not found cannot be used.
 */
enum err hsm_find_keys(struct hsm *, struct why *why) MUST_CHECK;
enum err hsm_find_tls_keys(struct hsm *, struct why *why) MUST_CHECK;

/*
 * Learn how the token wants the points of CKM_ECDH1_DERIVE, by one whose
 * product with the master secret is known: P, of which the KMS's parameters
 * have [s]P.  After it hsm_ibe_token() multiplies.  ERR_MISMATCH: it computes
 * another product; ERR_HSM: none, in either form.
 */
enum err hsm_learn_point(struct hsm *, struct ibe *, struct why *) MUST_CHECK;

/* CKM_ECDH1_DERIVE with the master secret: what ibe_open() needs. */
struct ibe_token hsm_ibe_token(struct hsm *);

/* HMAC-SHA-256 with one of the HSM_KEY_SEAL_ keys. */
#define HSM_SEAL_LEN 32
enum err hsm_seal(struct hsm *, enum hsm_key, const uint8_t *data, size_t len,
    uint8_t seal[HSM_SEAL_LEN]) MUST_CHECK;
/* ERR_MISMATCH: not sealed by this token, or changed since. */
enum err hsm_seal_check(struct hsm *, enum hsm_key, const uint8_t *data,
    size_t len, struct rd seal) MUST_CHECK;

/* ---- subscribers' random seeds (TS 33.107 7B.7, profile section 3) ---- */

#define HSM_SEED_LEN 32
#define HSM_SEED_BLOB_LEN 40 /* under AES key wrap, RFC 3394 */
#define HSM_SEED_BLOB_MAX 64
#define HSM_DEVICE_BLOB_MAX 512 /* RSA of 4096 bit */

/*
 * A seed made inside the token: wrapped for the store, and wrapped to the
 * device's RSA key (SubjectPublicKeyInfo; OAEP with SHA-1), which is the one
 * way it ever leaves.  ERR_UNSUPPORTED: not an RSA key of 2048 to 4096 bit.
 */
enum err hsm_seed_generate(struct hsm *, struct rd device_spki,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len,
    uint8_t device[HSM_DEVICE_BLOB_MAX], size_t *device_len) MUST_CHECK;

/*
 * A seed made elsewhere, wrapped under HSM_KEY_SEED_IMPORT (OAEP with SHA-1).
 * ERR_MISMATCH: it does not unwrap to 32 octets.
 */
enum err hsm_seed_import(struct hsm *, struct rd wrapped,
    uint8_t store[HSM_SEED_BLOB_MAX], size_t *store_len) MUST_CHECK;

/* SubjectPublicKeyInfo of a pair: all but the secret keys and _MASTER. */
enum err hsm_public_key(struct hsm *, enum hsm_key, uint8_t *der, size_t cap,
    size_t *len) MUST_CHECK;

/* A seed as a session object for the length of one request. */
struct hsm_seed {
	unsigned long handle; /* 0: none */
};
/* ERR_MISMATCH: it was not wrapped by this token. */
enum err hsm_seed_open(struct hsm *, struct rd store,
    struct hsm_seed *out) MUST_CHECK;
enum err hsm_seed_mac(struct hsm *, const struct hsm_seed *,
    const uint8_t *data, size_t len, uint8_t mac[32]) MUST_CHECK;
void hsm_seed_close(struct hsm *, struct hsm_seed *);

/* ---- delivery over HI2 ---- */

#define HSM_DATA_KEY_LEN 32

/*
 * A data key of the queue that was wrapped under HSM_KEY_SPOOL (OAEP with
 * SHA-1).  ERR_MISMATCH: it does not unwrap to such a key.
 */
enum err hsm_data_key_open(struct hsm *, struct rd wrapped,
    uint8_t key[HSM_DATA_KEY_LEN]) MUST_CHECK;

/* ---- signatures ---- */

/*
 * ECDSA with SHA-256 by HSM_KEY_HI2 or a key of TLS, which must have been
 * found; DER of ECDSA-Sig-Value (RFC 3279).
 */
#define HSM_SIGNATURE_MAX 72
enum err hsm_sign(struct hsm *, enum hsm_key, const uint8_t *data, size_t len,
    uint8_t sig[HSM_SIGNATURE_MAX], size_t *sig_len) MUST_CHECK;

/*
 * The request for a certificate of such a key (PKCS #10): subject CN = `name`
 * of 1 to 64 octets of UTF-8, no extensions, and a signature that has been
 * verified.  ERR_TOOBIG, ERR_HSM, ERR_CRYPTO; ERR_MALFORMED: the name.
 */
#define HSM_REQUEST_MAX 512
enum err hsm_certificate_request(struct hsm *, enum hsm_key, const char *name,
    uint8_t der[HSM_REQUEST_MAX], size_t *len) MUST_CHECK;

/*
 * Sign with each key of TLS and verify with its public half in the token.
 * ERR_HSM: one does not do what it must.
 */
enum err hsm_try_tls_keys(struct hsm *, struct why *why) MUST_CHECK;

#endif
