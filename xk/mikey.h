/*
 * mikey: MIKEY messages of the MIKEY-IBAKE exchanges (RFC 3830 clause 6, RFC
 * 6267 clauses 4 and 6).  Octets from the network: assume an attacker chose
 * them.
 */
#ifndef XK_MIKEY_H
#define XK_MIKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

/* What a message is expected to be; the first four are RFC 6267 data types. */
enum mikey_kind {
	MIKEY_I_MESSAGE_1,
	MIKEY_R_MESSAGE_1,
	MIKEY_I_MESSAGE_2,
	MIKEY_R_MESSAGE_2,
	MIKEY_UPDATE_I_MESSAGE_1, /* of a CSB update, clause 5.3 */
	MIKEY_UPDATE_R_MESSAGE_1,
	MIKEY_KIND__MAX
};

enum mikey_prf { MIKEY_PRF_SHA1 = 0, MIKEY_PRF_HMAC_SHA256 = 1 };

/* Timestamp types of RFC 3830 clause 6.6 and RFC 6043 clause 6.4. */
enum mikey_ts {
	MIKEY_TS_NTP_UTC = 0,
	MIKEY_TS_NTP = 1,
	MIKEY_TS_COUNTER = 2,
	MIKEY_TS_NTP_UTC_32 = 3
};

/* One entry of the SRTP-ID map; the i-th has cs_id i, from 1. */
struct mikey_cs {
	uint8_t policy_no;
	uint32_t ssrc, roc;
};

/* A security policy payload from Policy no on, as an answer gives it. */
struct mikey_sp {
	struct rd body;
};

/* Data of an IDR payload of type URI; `there` is false for none. */
struct mikey_id {
	bool there;
	struct rd data;
};

/*
 * The ciphertext of an IBAKE or ESK payload: RFC 5091 BFCiphertextBlock by
 * fields.  sound is false for octets that are none: an envelope that does not
 * open.
 */
struct mikey_envelope {
	bool there, sound;
	struct rd u_x, u_y, v, w;
};

struct mikey_verification {
	bool there;
	uint8_t alg;
	struct rd mac; /* whatever stands behind the algorithm */
	struct rd covered; /* the message up to the MAC */
};

struct mikey_msg {
	enum mikey_kind kind;
	bool there; /* for optional messages of a call */
	uint8_t prf;
	uint32_t csb_id;
	uint8_t n_cs;
	struct mikey_cs cs[MAX_CS];
	enum mikey_ts ts_type;
	uint64_t ts; /* C of docs/PROTOCOL.md: 64 bit whatever the type */
	struct rd rand; /* left = 0: none */
	struct mikey_id idri, idrr;
	uint8_t n_sp;
	struct mikey_sp sp[MAX_SP];
	struct mikey_envelope ibake, esk;
	struct mikey_verification v;
};

/*
 * Parse one message that should be of `kind`.  Views in *out point into `in`.
 * ERR_MALFORMED leaves *out undefined.  ERR_UNSUPPORTED: it parses, but its
 * PRF or SRTP policy is not served; *out is filled.
 */
enum err mikey_parse(struct rd in, enum mikey_kind kind,
    struct mikey_msg *out) MUST_CHECK;

/* PRF and policies once more, for fields that came over IPC. */
enum err mikey_check_supported(const struct mikey_msg *m) MUST_CHECK;

/*
 * Unix time of a timestamp; ERR_NOTFOUND for COUNTER, which has no date.
 * Seconds below 2^31 are of the era from 2036.
 */
enum err mikey_unix_time(enum mikey_ts type, uint64_t ts,
    int64_t *out) MUST_CHECK;

/* Is `later` after `earlier`?  Both of one type. */
bool mikey_ts_after(enum mikey_ts type, uint64_t earlier, uint64_t later);

#endif
