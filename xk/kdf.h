/*
 * kdf: from K_SESSION to the keys of SRTP (RFC 6267 clause 5, RFC 3830 clause
 * 4.1), the MAC of V payloads, and the random secret of docs/PROTOCOL.md
 * ("the random secret").  All outputs are secrets: the caller erases them.
 */
#ifndef XK_KDF_H
#define XK_KDF_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "xk/mikey.h"

#define KDF_TEK_LEN 16
#define KDF_SALT_LEN 14
#define KDF_SK_LEN 16
#define KDF_KEY_MAX 32 /* MPK, TGK and auth_key: the PRF's output */

/* The MACs and hashes of one process; single-threaded. */
struct kdf;
enum err kdf_new(struct kdf **out) MUST_CHECK;
void kdf_free(struct kdf **);

/* Overwrite the key used last, once its request is over. */
void kdf_forget(struct kdf *);

/* Octets of the PRF's output: 20 or 32. */
size_t kdf_prf_octets(uint8_t prf);

/* RFC 3830 clause 4.1.2 (PRF 0) and RFC 6043 clause 6.1 (PRF 1). */
enum err kdf_prf(struct kdf *, uint8_t prf, struct rd inkey, struct rd label,
    uint8_t *out, size_t len) MUST_CHECK;

/* RFC 6267 clause 5.1; kdf_prf_octets() each. */
enum err kdf_mpk(struct kdf *, uint8_t prf, struct rd k_session, struct rd rand,
    uint8_t *mpk) MUST_CHECK;
enum err kdf_tgk(struct kdf *, uint8_t prf, struct rd k_session, struct rd rand,
    uint8_t *tgk) MUST_CHECK;

/* RFC 3830 clause 4.1.3: TEK and salt of one crypto session. */
enum err kdf_srtp(struct kdf *, uint8_t prf, struct rd tgk, uint8_t cs_id,
    uint32_t csb_id, struct rd rand, uint8_t tek[KDF_TEK_LEN],
    uint8_t salt[KDF_SALT_LEN]) MUST_CHECK;

/*
 * RFC 6267 clause 4.4: the V payload of `m`, with keys from MPK.  ERR_MISMATCH
 * for another MAC, for another algorithm than goes with the PRF, for NULL and
 * for a wrong length.
 */
enum err kdf_check_v(struct kdf *, const struct mikey_msg *m, struct rd mpk,
    struct rd rand, struct rd idi, struct rd idr) MUST_CHECK;

/* ---- the random secret ---- */

enum kdf_role {
	KDF_ROLE_INITIATOR = 1, /* x */
	KDF_ROLE_RESPONDER = 2, /* y */
	KDF_ROLE_SK = 3
};

struct kdf_secret_in {
	enum kdf_role role;
	struct rd id; /* of the secret's owner, as sent in this exchange */
	uint32_t csb_id;
	uint64_t c; /* T of I_MESSAGE_1 as 64 bit */
	struct rd label; /* of the seed, 0 to 64 octets */
};

/* HMAC-SHA-256 under the seed: the token's part. */
struct kdf_seed {
	enum err (
	    *mac)(void *ctx, const uint8_t *data, size_t len, uint8_t out[32]);
	void *ctx;
};

/*
 * x or y on `curve`: ec_order_octets() octets in [1, n-1].  ERR_UNSUPPORTED
 * for the curve, ERR_TOOBIG for an id or label over its limit, or the seed's
 * own failure.
 */
enum err kdf_secret(const struct kdf_seed *, const struct kdf_secret_in *,
    uint8_t curve, uint8_t *out) MUST_CHECK;

/* SK; the role must be KDF_ROLE_SK. */
enum err kdf_sk(const struct kdf_seed *, const struct kdf_secret_in *,
    uint8_t sk[KDF_SK_LEN]) MUST_CHECK;

#endif
