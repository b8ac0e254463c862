/*
 * xk_pdu: the messages of Xk, xk/xk.asn1 in DER (3GPP TS 33.107 clause 7B.7.2
 * names get_keys and get_keys_response; the encoding is that module).
 *
 * Octets from the network: assume an attacker chose them.
 */
#ifndef XK_XK_PDU_H
#define XK_XK_PDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

enum xk_type {
	XK_GET_KEYS,
	XK_GET_KEYS_RESPONSE,
	XK_GET_EC_VALUES,
	XK_GET_EC_VALUES_RESPONSE,
	XK_GET_PRIVATE_KEY,
	XK_GET_PRIVATE_KEY_RESPONSE,
	XK_GET_SECRET,
	XK_GET_SECRET_RESPONSE,
	XK_REFUSAL,
	XK_KEEP_ALIVE,
	XK_KEEP_ALIVE_RESPONSE,
	XK_TYPE__MAX
};

/* Refusal.reason; XK_GRANTED is ours and never on the wire. */
enum xk_reason {
	XK_GRANTED = 0,
	XK_MALFORMED = 1,
	XK_NO_AUTHORISATION = 2,
	XK_TARGET_MISMATCH = 3,
	XK_NOT_REPRODUCIBLE = 4,
	XK_UNKNOWN_SUBSCRIBER = 5,
	XK_UNSUPPORTED = 6,
	XK_UNAVAILABLE = 7,
	XK_OVERLOADED = 8,
	XK_REASON__MAX
};

/* "noAuthorisation", as in the module; "granted" for 0. */
const char *xk_reason_name(enum xk_reason r);

/* What a Refusal says to people; tells nothing beyond the reason. */
const char *xk_reason_text(enum xk_reason r);

/* Views; left = 0 for an optional field that is absent. */
struct xk_get_keys {
	struct rd public_kms_identity;
	struct rd i_message1, r_message1, i_message2;
	struct rd first_i_message1;
	struct rd liid;
	struct rd r_message2;
	struct rd first_r_message1, first_i_message2;
	uint8_t curve; /* 0: absent */
};

struct xk_session_key {
	uint8_t crypto_session_id[5];
	uint8_t session_key[16];
	uint8_t salt[14];
	bool has_ssrc, has_roc;
	uint32_t ssrc, roc;
	struct rd policy, mki;
};

struct xk_get_keys_response {
	unsigned n_keys;
	struct xk_session_key key[MAX_CS];
	bool has_sk;
	uint8_t sk[16];
};

struct xk_refusal {
	enum xk_reason reason;
	struct rd text;
};

/*
 * A decoded message; `of` is what the view fields point into, to be freed
 * with xk_msg_free() after use.  Only the part named by `type` is filled; the
 * bodies of the split roles (getEcValues and below) are checked and not kept.
 */
struct xk_msg {
	uint32_t request_id;
	enum xk_type type;
	union {
		struct xk_get_keys get_keys; /* the four requests */
		struct xk_get_keys_response *keys;
		struct xk_refusal refusal;
	} u;
	void *of;
};

/*
 * How long the PDU is that starts here: ERR_OK and its length with tag and
 * length octets, ERR_AGAIN while that cannot be told, ERR_MALFORMED for what
 * no PDU starts with, ERR_TOOBIG over MAX_XK_PDU.
 */
enum err xk_pdu_length(struct rd in, size_t *len) MUST_CHECK;

/*
 * Decode exactly one PDU.  ERR_MALFORMED for anything that is not DER of the
 * module; *request_id is then that of the message, or 0 if it cannot be read.
 */
enum err xk_pdu_decode(struct rd pdu, struct xk_msg *out,
    uint32_t *request_id) MUST_CHECK;
void xk_msg_free(struct xk_msg *);

/*
 * Encode.  *out is allocated, the caller erases and frees it with
 * xk_der_free().  A key response is erased from OpenSSL's memory behind it.
 */
enum err xk_encode_keys(uint32_t id, const struct xk_get_keys_response *,
    uint8_t **out, size_t *len) MUST_CHECK;
enum err xk_encode_refusal(uint32_t id, enum xk_reason, const char *text,
    uint8_t **out, size_t *len) MUST_CHECK;
enum err xk_encode_get_keys(uint32_t id, const struct xk_get_keys *,
    uint8_t **out, size_t *len) MUST_CHECK;
/* XK_KEEP_ALIVE or XK_KEEP_ALIVE_RESPONSE. */
enum err xk_encode_keep_alive(uint32_t id, enum xk_type, uint8_t **out,
    size_t *len) MUST_CHECK;
void xk_der_free(uint8_t **der, size_t len);

#endif
