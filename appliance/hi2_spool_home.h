/*
 * hi2_spool_home: where a file lives, as a digest.  It stays the same while the
 * file does, over restarts of the machine; a copy, on this machine or another
 * one, has another, and so has what is made anew in its place.
 */
#ifndef APPLIANCE_HI2_SPOOL_HOME_H
#define APPLIANCE_HI2_SPOOL_HOME_H

#include "hi2/queue_seal.h"

/* `machine` tells this machine from others.  ERR_IO, ERR_CRYPTO. */
enum err spool_home_of(const char *path, struct rd machine,
    uint8_t out[QUEUE_DIGEST_LEN], struct why *why) MUST_CHECK;

#endif
