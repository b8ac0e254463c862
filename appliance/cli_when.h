/* cli_when: times as people give them on a command line. */
#ifndef APPLIANCE_CLI_WHEN_H
#define APPLIANCE_CLI_WHEN_H

#include <stdint.h>

#include "base/error.h"

/*
 * "45m", "12h", "7d" from `now` on, or a time like 2026-01-31T12:00:00Z.
 * ERR_MALFORMED, and *out as it was.
 */
enum err cli_when(const char *text, int64_t now, int64_t *out) MUST_CHECK;

#endif
