/*
 * lab_call: one MIKEY-IBAKE exchange as a phone sees it, all checks of the
 * profile included.  Messages in, messages out; no sockets.
 */
#ifndef TESTS_LAB_CALL_H
#define TESTS_LAB_CALL_H

#include "lab_mikey.h"
#include "lab_store.h"

/* The two crypto sessions: cs_id 1 is caller to callee, 2 the way back. */
#define LAB_CALL_CS 2

/* What is derived, in memory of its own. */
struct lab_call_keys {
	uint8_t k_session[LAB_POINT_MAX];
	uint8_t auth[LAB_PRF_MAX], tgk[LAB_PRF_MAX];
	uint8_t tek[LAB_CALL_CS][LAB_TEK_LEN];
	uint8_t salt[LAB_CALL_CS][LAB_SALT_LEN];
};

struct lab_ident {
	char text[LAB_ID_MAX + 1];
	size_t len;
};

struct lab_call {
	/* Set by lab_call_init() or before it: who we are. */
	const struct lab_user *user;
	struct lab_ibe *kms, *peer_kms; /* peer_kms encrypts to the peer */
	enum lab_period peer_period;
	struct lab_ident own, peer; /* peer: whom a caller calls */
	struct lab_ident answer_as; /* callee: another IDRr, or empty */
	const struct lab_ec *ec; /* caller chooses, callee follows */
	uint8_t prf;
	uint32_t ssrc; /* ours */
	bool own_secret; /* misbehave: x or y is not from the seed */
	bool bad_inner_id; /* misbehave, and let the peer do so too */

	/* The exchange. */
	bool caller; /* who sent I_MESSAGE_1 */
	uint32_t csb_id;
	uint8_t rand[255];
	size_t rand_len;
	uint64_t t1, t2;
	struct lab_ident idi, idr; /* idr: who answered */
	struct mikey_cs cs[LAB_CALL_CS];
	BIGNUM *secret; /* x or y */
	uint8_t own_point[LAB_POINT_MAX], peer_point[LAB_POINT_MAX];
	struct secret
	    *keys; /* struct lab_call_keys, when both points are known */
};

enum err lab_ident_set(struct lab_ident *, const char *text) MUST_CHECK;

/* Draws SSRC; erases x or y, the points and all keys. */
enum err lab_call_init(struct lab_call *) MUST_CHECK;
void lab_call_done(struct lab_call *);

/* NULL until the keys are there. */
const struct lab_call_keys *lab_call_keys(const struct lab_call *);

/* The caller. */
enum err lab_call_i1(struct lab_call *, struct wr *out,
    struct why *) MUST_CHECK;
enum err lab_call_take_r1(struct lab_call *, struct rd in,
    struct why *) MUST_CHECK;
enum err lab_call_i2(struct lab_call *, struct wr *out,
    struct why *) MUST_CHECK;
enum err lab_call_take_r2(struct lab_call *, struct rd in,
    struct why *) MUST_CHECK;

/* The callee. */
enum err lab_call_take_i1(struct lab_call *, struct rd in,
    struct why *) MUST_CHECK;
enum err lab_call_r1(struct lab_call *, struct wr *out,
    struct why *) MUST_CHECK;
enum err lab_call_take_i2(struct lab_call *, struct rd in,
    struct why *) MUST_CHECK;
enum err lab_call_r2(struct lab_call *, struct wr *out,
    struct why *) MUST_CHECK;

#ifdef LAB_CALL_INTERNAL
struct rd lab_ident_rd(const struct lab_ident *);
struct env_item lab_item_id(const struct lab_call *, uint8_t role);
struct env_item lab_item_point(const struct lab_call *, const uint8_t *point);

/* x or y, and its point. */
enum err lab_call_draw(struct lab_call *, enum lab_role,
    struct why *) MUST_CHECK;

/* Print a message whose IBAKE is `env`, encrypted to that identity. */
enum err lab_call_seal(struct lab_call *, struct mikey *, const struct env *,
    const struct lab_ident *to, struct wr *out, struct why *) MUST_CHECK;

/* Open an IBAKE sent to one of our identities; check shape and inner IDs. */
enum err lab_call_open(struct lab_call *, struct rd ibake, struct rd us,
    const enum env_kind *kinds, size_t n, uint8_t *plain, struct env *,
    struct why *) MUST_CHECK;

/* Header, T, identities and map that every later message repeats. */
enum err lab_call_same(const struct lab_call *, const struct mikey *,
    enum mikey_type, uint64_t t, struct why *) MUST_CHECK;
void lab_call_fill(const struct lab_call *, struct mikey *, enum mikey_type,
    uint64_t t);

/* A point of ours that came back, and one of the peer's. */
enum err lab_call_returned(const struct lab_call *, const struct env_item *,
    struct why *) MUST_CHECK;
enum err lab_call_peer_point(struct lab_call *, const struct env_item *,
    struct why *) MUST_CHECK;

/* K_SESSION and all that follows from it. */
enum err lab_call_derive(struct lab_call *, struct why *) MUST_CHECK;
enum err lab_call_mac(const struct lab_call *, struct rd covered,
    uint8_t *out) MUST_CHECK;
#endif

#endif
