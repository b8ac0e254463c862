/* hsm_token: the open session, shared by the files of hsm/ alone. */
#ifndef HSM_HSM_TOKEN_H
#define HSM_HSM_TOKEN_H

#include <pthread.h>

#include <openssl/evp.h>

#include <p11-kit/pkcs11.h>

#include "hsm/caps.h"
#include "hsm/hsm.h"
#include "hsm/hsm_rv.h"

struct hsm {
	void *dl;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key[HSM_KEY__MAX];
	enum caps_point point; /* how C_DeriveKey gets a point */
	bool raw_public; /* CKA_EC_POINT read last had no DER around it */
	struct hsm_info info;
	uint8_t pin_before; /* HSM_PIN_WAS_LOW, or 0 */
	pthread_mutex_t lock; /* recursive */
};

/* How the calling thread's last call to fail did so. */
struct hsm_last {
	struct why why;
	CK_RV rv;
	enum hsm_fault fault;
};
extern _Thread_local struct hsm_last hsm_last;

/* Nothing loaded; hsm_close() frees it at any stage.  NULL: no memory. */
struct hsm *hsm_new(void);
/* The module's functions, initialised; the reason in hsm_last. */
enum err hsm_load(struct hsm *, const char *module) MUST_CHECK;
void hsm_fill_info(struct hsm_info *, const CK_TOKEN_INFO *);
/* ERR_PIN, by the token's flags: do not be the one who locks it. */
enum err hsm_pin_may_be_tried(CK_FLAGS) MUST_CHECK;

/* One of the appliance's keys as it is made: for good, or to try the token. */
struct hsm_made {
	CK_BBOOL keep; /* CKA_TOKEN */
	const char *label;
	CK_ULONG rsa_bits;
	struct rd ec_params; /* of HSM_KEY_MASTER */
	uint8_t point[IBE_POINT_MAX]; /* out, of HSM_KEY_MASTER */
	CK_OBJECT_HANDLE key, pub; /* out; pub of a pair alone */
};
#define HSM_RSA_BITS 3072
enum err hsm_make(struct hsm *, enum hsm_key, struct hsm_made *) MUST_CHECK;
/* It came out as hsm_find_keys() wants it. */
enum err hsm_check_made(struct hsm *, enum hsm_key,
    CK_OBJECT_HANDLE) MUST_CHECK;
/* SubjectPublicKeyInfo of that object. */
enum err hsm_public_of(struct hsm *, enum hsm_key, CK_OBJECT_HANDLE pub,
    uint8_t *der, size_t cap, size_t *len) MUST_CHECK;

/*
 * x of [s]A by that private key, the point given in that form: exactly x_len
 * octets, or ERR_HSM with *got octets.
 */
enum err hsm_derive(struct hsm *, CK_OBJECT_HANDLE, enum caps_point,
    const uint8_t *point, size_t len, uint8_t *x, size_t x_len,
    size_t *got) MUST_CHECK;

/* The token has one caller at a time; holds may nest. */
void hsm_hold(struct hsm *);
enum err hsm_release(struct hsm *, enum err rc); /* gives rc back */

/* Note what failed; ERR_OK for CKR_OK. */
enum err hsm_note(const char *call, CK_RV rv) MUST_CHECK;

/* C_Sign; what comes out is `out_len` octets long, or it is ERR_HSM. */
enum err hsm_c_sign(struct hsm *, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE,
    const uint8_t *data, size_t len, uint8_t *out, size_t out_len) MUST_CHECK;

/* Outside the token, by a public half of it: */

/* Is that a signature as hsm_sign() makes them?  ERR_MISMATCH: it is not. */
enum err hsm_verify(EVP_PKEY *, const uint8_t *data, size_t len,
    const uint8_t *sig, size_t sig_len) MUST_CHECK;
/*
 * RSAES-OAEP with that digest, also in its mask: what goes into the token.
 * ERR_MALFORMED: no key that encrypts into so few octets.
 */
enum err hsm_wrap_to(EVP_PKEY *, const EVP_MD *, const uint8_t *in, size_t len,
    uint8_t out[HSM_DEVICE_BLOB_MAX], size_t *out_len) MUST_CHECK;

/* Around each call: it is alone in the token, and known to be under way. */
void hsm_enter(struct hsm *, const char *call);
CK_RV hsm_leave(struct hsm *, CK_RV rv); /* gives rv back */
enum err hsm_leave_noted(struct hsm *, const char *call, CK_RV rv) MUST_CHECK;

/* A call on the function list: what it fails with is noted. */
#define P11(h, call, ...) \
	hsm_leave_noted((h), #call, \
	    (hsm_enter((h), #call), (h)->f->call(__VA_ARGS__)))
/* One whose return code says something to the caller, or nothing at all. */
#define P11_RV(h, call, ...) \
	hsm_leave((h), (hsm_enter((h), #call), (h)->f->call(__VA_ARGS__)))

/* A fixed template's row for a variable of the caller. */
#define ATTR(type, var) \
	{ \
		(type), &(var), sizeof(var) \
	}

#endif
