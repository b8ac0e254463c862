/*
 * hsm_known: is what the token answers right?  Each of its keys is given
 * something of which the answer is known without it.  Nothing that belongs to
 * anybody is used: the identity is one that no warrant and no record can name,
 * the seed and the data key stand in the source.
 */
#ifndef HSM_HSM_KNOWN_H
#define HSM_HSM_KNOWN_H

#include "hsm/hsm.h"

/* What is known; the views and `ibe` stay the caller's and outlive it. */
struct hsm_known_in {
	struct ibe *ibe; /* parameters of the master secret */
	struct rd sealed, seal; /* octets, and what HSM_KEY_SEAL_STATE made */
	struct rd import_key, spool_key, hi2_key; /* SubjectPublicKeyInfo */
};

struct hsm_known;

/* hsm_find_keys() has succeeded.  ERR_MALFORMED: a key is none. */
enum err hsm_known_new(const struct hsm_known_in *, struct hsm_known **out,
    struct why *why) MUST_CHECK;
void hsm_known_free(struct hsm_known **);

/*
 * Try all keys, in about a dozen calls.  ERR_HSM, ERR_PIN: the token does not
 * answer; ERR_MISMATCH: it answers wrongly, and is not to be asked again by
 * this process.  One thread at a time.
 */
enum err hsm_known_try(struct hsm_known *, struct hsm *,
    struct why *why) MUST_CHECK;

/*
 * The same of what a request for keys uses alone: about as dear as one.
 * hsm_known_try() has passed before.
 */
enum err hsm_known_doubt(struct hsm_known *, struct hsm *,
    struct why *why) MUST_CHECK;

/* Is that a signature by HSM_KEY_HI2?  ERR_MISMATCH: it is not. */
enum err hsm_known_signed(const struct hsm_known *, const uint8_t *data,
    size_t len, const uint8_t *sig, size_t sig_len) MUST_CHECK;

#endif
