/* lab_keys: the PRF and keys of MIKEY-IBAKE, and the seed's random secret. */
#ifndef TESTS_LAB_KEYS_H
#define TESTS_LAB_KEYS_H

#include "base/bytes.h"
#include "lab_ec.h"

#define LAB_SEED_LEN 32
#define LAB_LABEL_MAX 64
#define LAB_TEK_LEN 16
#define LAB_SALT_LEN 14
#define LAB_PRF_MAX 32 /* octets of MPK, TGK and V: 20 with PRF 0 */

/* Length of the PRF's output; 0 for a PRF function that is not known. */
size_t lab_prf_len(uint8_t prf);

/* RFC 3830 4.1.2, with SHA-256 as RFC 6043 6.1 has it for PRF 1. */
enum err lab_prf(uint8_t prf, struct rd key, struct rd label, uint8_t *out,
    size_t len) MUST_CHECK;

/* What every derivation of an exchange depends on. */
struct lab_csb {
	uint8_t prf;
	uint32_t id;
	struct rd rand;
};

/* MPK and TGK from K_SESSION: lab_prf_len() octets each. */
enum err lab_mpk(const struct lab_csb *, struct rd k_session,
    uint8_t *out) MUST_CHECK;
enum err lab_tgk(const struct lab_csb *, struct rd k_session,
    uint8_t *out) MUST_CHECK;

/* The verification key of V, from MPK: lab_prf_len() octets. */
enum err lab_auth_key(const struct lab_csb *, const uint8_t *mpk,
    uint8_t *out) MUST_CHECK;

/* HMAC over message || IDi data || IDr data: lab_prf_len() octets. */
enum err lab_v(uint8_t prf, const uint8_t *auth_key, struct rd message,
    struct rd idi, struct rd idr, uint8_t *out) MUST_CHECK;

/* SRTP master key and salt of one crypto session, from TGK or SK. */
enum err lab_tek(const struct lab_csb *, struct rd tgk, uint8_t cs_id,
    uint8_t *tek, uint8_t *salt) MUST_CHECK;

/* What the random secret depends on. */
enum lab_role { LAB_ROLE_X = 1, LAB_ROLE_Y = 2, LAB_ROLE_SK = 3 };
struct lab_draw {
	const uint8_t *seed; /* LAB_SEED_LEN */
	struct rd label;
	struct rd identity; /* of the owner, as sent in this exchange */
	uint32_t csb_id;
	uint64_t counter; /* T of I_MESSAGE_1 as 64 bit */
};

/* The number x or y of role `role`; the caller frees it, cleared. */
enum err lab_secret(const struct lab_draw *, enum lab_role role,
    const struct lab_ec *, BIGNUM **out) MUST_CHECK;

/* SK: LAB_TEK_LEN octets. */
enum err lab_sk(const struct lab_draw *, uint8_t *out) MUST_CHECK;

#endif
