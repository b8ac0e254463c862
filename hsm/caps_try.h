/*
 * caps_try: find out what a token can do (caps.h), by doing it with keys made
 * for that and destroyed again.  All but one are session objects; that one has
 * the label CAPS_TRY_LABEL, and caps_try_clean() removes what an attempt that
 * was cut off has left of it.
 *
 * The templates are those by which init makes the keys, and the operations
 * those of hsm.h: what works here is what will be used.
 */
#ifndef HSM_CAPS_TRY_H
#define HSM_CAPS_TRY_H

#include "hsm/caps.h"
#include "hsm/hsm.h"

#define CAPS_TRY_LABEL "keywarden-probe"

struct caps_try;

/*
 * On an open token whose keys nobody uses meanwhile.  `setup` has the curve
 * and outlives the attempt.  Thorough: with RSA keys of the size that init
 * makes, which take seconds, also where the token lists that size.
 */
enum err caps_try_new(struct hsm *, const struct ibe_setup *setup,
    bool thorough, struct caps_try **out) MUST_CHECK;

/* Destroys the keys, unless the token has gone.  NULL is let through. */
void caps_try_free(struct caps_try **);

/*
 * Try one below CAP_OWN_KEYS, into caps->of[which]; one whose need is not met
 * stays untried.
 */
void caps_try_one(struct caps_try *, enum cap which, struct caps *caps);

/* All of init's. */
void caps_try_all(struct caps_try *, struct caps *caps);

/* Leave a session without a call for so long, while the other one is used. */
void caps_try_idle(struct caps_try *, unsigned ms, struct cap_result *out);

/*
 * How often in so many milliseconds, into `tenths`, for a capability that
 * works; nothing where there is nothing to count.
 */
void caps_try_rate(struct caps_try *, enum cap which, unsigned ms,
    struct caps *caps);

/* What works once more: under the filter of a worker. */
void caps_try_again(struct caps_try *, const struct caps *,
    struct cap_result *out);

/*
 * The appliance's keys, each but the master secret by what can be checked:
 * computed or verified outside, and a seal by being made twice.  With the
 * parameters hsm_known_try() has a check for the master secret too.
 * CAP_UNTRIED: there are none.
 */
void caps_try_own(struct caps_try *, struct cap_result *out);

/* Objects that have the label, as an attempt that was cut off leaves them. */
enum err caps_try_clean(struct hsm *) MUST_CHECK;

#endif
