/* Between the parts of sandbox. */
#ifndef APPLIANCE_SANDBOX_INT_H
#define APPLIANCE_SANDBOX_INT_H

#include "appliance/reach.h"
#include "appliance/sandbox.h"

/* Loads the filter of that process, or ends it: `name` is for the message. */
void sandbox_load(enum sandbox which, const char *name, const struct reach *);

/* Is the call among those that this process may make whatever its module? */
bool sandbox_allows(enum sandbox which, int call);

#endif
