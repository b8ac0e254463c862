/*
 * key_period: for how long a KMS's private keys are good, and the string that
 * is hashed to a user's public key: ID data || YYYYMMDD, the first day (UTC)
 * of the period that contains T.
 */
#ifndef XK_KEY_PERIOD_H
#define XK_KEY_PERIOD_H

#include <stdint.h>

#include "base/bytes.h"

enum key_period {
	KEY_PERIOD_DAY,
	KEY_PERIOD_WEEK, /* from Monday */
	KEY_PERIOD_MONTH,
	KEY_PERIOD__MAX
};

/* "day", "week", "month"; ERR_NOTFOUND for anything else. */
enum err key_period_by_name(const char *name, enum key_period *out) MUST_CHECK;
const char *key_period_name(enum key_period p);

/* First second of the period that contains `t`, and of the next one. */
int64_t key_period_start(enum key_period p, int64_t t);
int64_t key_period_end(enum key_period p, int64_t t);

/*
 * identity || YYYYMMDD of the period that contains `t` into `out`, which holds
 * identity.left + 8 octets.  ERR_TOOBIG for a year that has not four digits.
 */
enum err key_period_id(enum key_period p, struct rd identity, int64_t t,
    uint8_t *out) MUST_CHECK;

#endif
