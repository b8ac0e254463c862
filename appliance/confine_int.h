/* confine_int: what the files of confine share. */
#ifndef APPLIANCE_CONFINE_INT_H
#define APPLIANCE_CONFINE_INT_H

#include "appliance/confine.h"

/*
 * Replace the root of this mount namespace by an empty file system that nobody
 * writes, with the `n` folders or files at their names.
 */
enum err confine_root(const char *const path[], unsigned n,
    struct why *why) MUST_CHECK;

#endif
