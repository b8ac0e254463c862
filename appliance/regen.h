/*
 * regen: the appliance's one act.  Open the envelopes of a call through the
 * token, re-generate the target's random secret from its seed, and derive the
 * session keys: 3GPP TS 33.107 clause 7B.7, docs/PROTOCOL.md "which messages
 * yield the key".
 *
 * Pure but for the token, which comes as two callbacks; runs in the hsm worker.
 */
#ifndef APPLIANCE_REGEN_H
#define APPLIANCE_REGEN_H

#include "base/secret.h"
#include "hsm/ibe.h"
#include "xk/call.h"
#include "xk/ec.h"
#include "xk/kdf.h"
#include "xk/key_period.h"

/* What a worker keeps between requests; scratch is wiped after each. */
struct regen {
	struct ibe *ibe;
	enum key_period period;
	struct ec *ec;
	struct kdf *kdf;
	struct secret *scratch;
};

/* `ibe` stays the caller's. */
enum err regen_init(struct regen *, struct ibe *, enum key_period) MUST_CHECK;
void regen_done(struct regen *);

struct regen_in {
	const struct call *call;
	struct call_target target; /* public identity first, then devices */
	struct rd label; /* of the seed */
	int64_t now; /* of arrival: dates a COUNTER */
	struct ibe_token token;
	struct kdf_seed seed;
};

/*
 * Steps (7) and (8) of the order of checks.  XK_GRANTED: *out is filled with
 * views into the call and into the scratch, valid until regen_wipe().
 * XK_UNAVAILABLE: the token failed and is not to be trusted.  Any other
 * reason: nothing of the secrets is in *out.
 */
enum xk_reason regen_keys(struct regen *, const struct regen_in *,
    struct xk_get_keys_response *out) MUST_CHECK;

/* Erase the scratch; *out of the call before is then dangling. */
void regen_wipe(struct regen *);

#endif
