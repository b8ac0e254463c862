/*
 * caps: what a token can do for the appliance, each capability tried and not
 * believed, and what follows from it.  `keywarden token probe` prints it,
 * `keywarden init` refuses a token by it.  No PKCS#11 here, and no token: who
 * tries is caps_try.h.
 */
#ifndef HSM_CAPS_H
#define HSM_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* In the order in which they are tried: later ones need keys of earlier ones.
 */
enum cap {
	CAP_LOGIN,
	CAP_MECHANISMS,
	CAP_SESSIONS,
	CAP_HMAC,
	CAP_AES_WRAP,
	CAP_OAEP,
	CAP_OAEP_OUT, /* to a key from outside */
	CAP_OAEP_SHA256,
	CAP_DATA_KEY,
	CAP_TEMPLATES, /* CKA_UNWRAP_TEMPLATE binds */
	CAP_ECDSA,
	CAP_CURVE, /* explicit parameters */
	CAP_ECDH,
	CAP_KEPT, /* what is to stay inside does */
	CAP_PURPOSE, /* a key does nothing but what it is for */
	CAP_OBJECTS, /* that stay when the session ends */
	CAP__INIT_MAX, /* init tries these */
	CAP_OWN_KEYS = CAP__INIT_MAX, /* the appliance's, if they are there */
	CAP_IDLE, /* a session outlives a pause */
	CAP_FILTER, /* all of it under the worker's system call filter */
	CAP__MAX
};

enum cap_state {
	CAP_UNTRIED, /* it needs one that is missing, or there was no occasion
		      */
	CAP_WORKS,
	CAP_AROUND, /* not as it should, and the appliance gets round that */
	CAP_MISSING,
	CAP_LOST, /* session or token went away meanwhile: nothing is known */
	CAP_STATE__MAX
};

/* How C_DeriveKey takes the other point. */
enum caps_point {
	CAPS_POINT_UNKNOWN,
	CAPS_POINT_DER, /* 04 || x || y in an OCTET STRING */
	CAPS_POINT_RAW /* as it is */
};

#define CAP_TEXT_MAX 160
struct cap_result {
	enum cap_state state;
	uint32_t tenths; /* operations in ten seconds; 0: not measured */
	char text[CAP_TEXT_MAX]; /* what was seen; may be the token's words */
};

struct caps {
	struct cap_result of[CAP__MAX];
	enum caps_point point; /* once CAP_ECDH works */
};

struct cap_row {
	const char *key; /* "unwrap-templates": for scripts */
	const char *name; /* for people */
	const char *use; /* what the appliance does with it */
	const char *lack; /* of a token without: "keys can be taken out of it";
			     NULL: it serves all the same */
	enum cap needs; /* to be tried at all; itself: nothing */
};
const struct cap_row *cap_row(enum cap);

/* "works", "works-around", "missing", "lost", "untried". */
const char *cap_state_name(enum cap_state);

/*
 * May the appliance rest its promises on this token, as far as the first
 * `upto` capabilities tell?  ERR_UNSUPPORTED, and `why` names what it lacks;
 * ERR_HSM: it went away while it was tried, or something needed was not tried.
 */
enum err caps_judge(const struct caps *, enum cap upto,
    struct why *) MUST_CHECK;

#endif
