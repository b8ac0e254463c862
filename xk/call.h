/*
 * call: what a getKeys request says about one call, in canonical form: the
 * MIKEY messages by fields, how they must belong together, and whose secret
 * would be re-generated.
 *
 * The process that faces the network parses (call_from_request) and passes the
 * fields on (call_put); every process behind it reads only those (call_get)
 * and judges them again (call_check).
 */
#ifndef XK_CALL_H
#define XK_CALL_H

#include "xk/mikey.h"
#include "xk/xk_pdu.h"

enum call_kind {
	CALL_FIRST, /* a first exchange */
	CALL_UPDATE, /* a CSB update with new EC values */
	CALL_UPDATE_OLD_KEYS /* a CSB update without: the old K_SESSION stays */
};

/* Messages of the exchange in question, and of the first one behind it. */
struct call {
	enum call_kind kind;
	struct mikey_msg i1, r1, i2, r2;
	struct mikey_msg first_i1, first_r1, first_i2;
};

/* Whose secret yields the key, and from which messages: section 4. */
enum call_role {
	CALL_INITIATOR, /* sender of the exchange's I_MESSAGE_1: x */
	CALL_RESPONDER, /* who answered: y */
	CALL_RECIPIENT /* of an ESK, for whom a mailbox answered: nothing */
};

/*
 * Step (4) of the order of checks: XK_GRANTED, XK_MALFORMED, XK_UNSUPPORTED.
 * *out has views into the request and is filled unless XK_MALFORMED.
 */
enum xk_reason call_from_request(const struct xk_get_keys *,
    struct call *out) MUST_CHECK;

/* Octets that call_put may write, for sizing buffers. */
size_t call_put_max(const struct call *);
void call_put(struct wr *, const struct call *);

/* ERR_MALFORMED, ERR_TRUNCATED: not what call_put writes. */
enum err call_get(struct rd *, struct call *out) MUST_CHECK;

/*
 * The T values by which a warrant's period is judged: one, or two for an
 * update without EC values.  COUNTER has none: *n = 0.
 */
void call_times(const struct call *, int64_t t[2], size_t *n);

/* T of the I_MESSAGE_1 that dates the keys of the envelopes, and its type. */
enum mikey_ts call_key_time(const struct call *, uint64_t *ts);

/* The identities of a target: its public one first, then its devices. */
struct call_target {
	const struct rd *id;
	size_t n;
};

/*
 * Step (7): the messages belong together and the target takes part.
 * ERR_MISMATCH if not; otherwise its role and, as a view into the call, the
 * identity under which it does.
 */
enum err call_check(const struct call *, const struct call_target *,
    enum call_role *role, struct rd *as) MUST_CHECK;

/*
 * The parties as the exchange's V payload and key derivation see them, with
 * identities that an update left out filled in: valid after call_check().
 */
void call_parties(const struct call *, struct rd *idi, struct rd *idr);

/* The exchange whose envelopes are opened: its I, R and I messages. */
struct call_exchange {
	const struct mikey_msg *i1, *r1, *i2; /* i2 NULL in an update */
};
struct call_exchange call_opened(const struct call *);

/* RAND in use: that of the first I_MESSAGE_1. */
struct rd call_rand(const struct call *);

/*
 * The SP payload for a policy number, from Policy no on: R_MESSAGE_1's before
 * I_MESSAGE_1's, the update's before the first exchange's; left = 0 for none.
 */
struct rd call_policy(const struct call *, uint8_t policy_no);

#endif
