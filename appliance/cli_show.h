/* cli_show: what the appliance and requests say, for people's eyes. */
#ifndef APPLIANCE_CLI_SHOW_H
#define APPLIANCE_CLI_SHOW_H

#include <jansson.h>

#include "base/bytes.h"

/* A text from outside, without what would move the cursor or turn words. */
void cli_put_text(const char *);

/* "?" for a member that is not there. */
const char *cli_str(const json_t *, const char *name);

/* 0 or false for one that is not there. */
long long cli_count(const json_t *, const char *name);
bool cli_is(const json_t *, const char *name);

/* All members, a line each, but those of the list, which ends with NULL. */
void cli_show_members(json_t *, unsigned indent, const char *const *but);

/* Canonical octets of a request, member by member; false if they are none. */
bool cli_show_request(struct rd octets);

#endif
