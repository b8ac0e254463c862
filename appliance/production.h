/*
 * production: what `production = true` in keywarden.conf demands, one
 * condition a row.  Without it the same is allowed, for trials and for the lab.
 */
#ifndef APPLIANCE_PRODUCTION_H
#define APPLIANCE_PRODUCTION_H

#include "appliance/config.h"

/*
 * ERR_OK if the configuration does not ask for it, or meets all conditions
 * that can be told from it and its files; else ERR_DENIED and the first that
 * it does not meet.  `pin_file` says that the PIN is read from there.  That
 * the token calls itself no SoftHSM is for who opens it to tell.
 */
enum err production_check(const struct config *, bool pin_file,
    struct why *) MUST_CHECK;

/* The one that a worker judges: the token by its own words. */
#define PRODUCTION_NO_SOFTHSM \
	"production = true: this token is SoftHSM, a TEST TOKEN"

#endif
