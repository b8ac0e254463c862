/* rfc3339: times in documents and on screens, UTC and to the second. */
#ifndef POLICY_RFC3339_H
#define POLICY_RFC3339_H

#include <stdint.h>

#include "base/error.h"

/* "2026-01-31T12:00:00Z" exactly; years 1970 to 9999.  ERR_MALFORMED. */
enum err rfc3339_parse(const char *s, int64_t *out) MUST_CHECK;

#define RFC3339_LEN 21 /* with its NUL */
/* Times outside those years print as "-". */
const char *rfc3339_print(int64_t t, char out[RFC3339_LEN]);

#endif
