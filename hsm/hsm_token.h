/* hsm_token: the open session, shared by the files of hsm/ alone. */
#ifndef HSM_HSM_TOKEN_H
#define HSM_HSM_TOKEN_H

#include <pthread.h>

#include <p11-kit/pkcs11.h>

#include "hsm/hsm.h"

/* How the token wants the public point of CKM_ECDH1_DERIVE. */
enum point_form { POINT_UNKNOWN, POINT_DER, POINT_RAW };

struct hsm {
	void *dl;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key[HSM_KEY__MAX];
	enum point_form point_form;
	struct hsm_info info;
	struct why why;
	pthread_mutex_t lock; /* recursive */
};

/* Nothing loaded; hsm_close() frees it at any stage.  NULL: no memory. */
struct hsm *hsm_new(void);
/* The module's functions, initialised; the reason in h->why. */
enum err hsm_load(struct hsm *, const char *module) MUST_CHECK;
void hsm_fill_info(struct hsm_info *, const CK_TOKEN_INFO *);
/* ERR_PIN, by the token's flags: do not be the one who locks it. */
enum err hsm_pin_may_be_tried(struct hsm *, CK_FLAGS) MUST_CHECK;

/* The token has one caller at a time; holds may nest. */
void hsm_hold(struct hsm *);
enum err hsm_release(struct hsm *, enum err rc); /* gives rc back */

/* Note what failed; ERR_OK for CKR_OK. */
enum err hsm_note(struct hsm *, const char *call, CK_RV rv) MUST_CHECK;

/* C_Sign; what comes out is `out_len` octets long, or it is ERR_HSM. */
enum err hsm_c_sign(struct hsm *, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE,
    const uint8_t *data, size_t len, uint8_t *out, size_t out_len) MUST_CHECK;

/* A call on the function list, alone in the token. */
#define P11(h, call, ...) \
	(hsm_hold(h), \
	    hsm_release((h), hsm_note((h), #call, (h)->f->call(__VA_ARGS__))))

/* A fixed template's row for a variable of the caller. */
#define ATTR(type, var) \
	{ \
		(type), &(var), sizeof(var) \
	}

#endif
