/* audit_open: the intents of a log that have no outcome yet. */
#ifndef APPLIANCE_AUDIT_OPEN_H
#define APPLIANCE_AUDIT_OPEN_H

#include "policy/audit_entry.h"

struct audit_open {
	uint64_t *ref; /* numbers of the intents, ascending */
	size_t n, cap;
};

/*
 * Take the next entry of the log into account.  *was_open says whether an
 * outcome or abandonment ended an intent that was open; ERR_NOMEM.
 */
enum err audit_open_see(struct audit_open *, const struct audit_entry *,
    bool *was_open) MUST_CHECK;
void audit_open_done(struct audit_open *);

#endif
