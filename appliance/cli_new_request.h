/*
 * cli_new_request: what those commands share that write a request, to be
 * signed by persons and handed in with `keywarden request submit`.
 *
 * KMS and version of the rules are asked of the appliance, or given: then a
 * request can be written where no appliance is.
 */
#ifndef APPLIANCE_CLI_NEW_REQUEST_H
#define APPLIANCE_CLI_NEW_REQUEST_H

#include "appliance/cli.h"
#include "policy/request.h"

struct new_request {
	struct cli_common common;
	const char *requester, *expires, *out, *kms, *version;
	int64_t issued, expires_at;
};

#define NEW_REQUEST_OPTIONS(t) \
	{.name = "requester", .one = &(t).requester}, \
	    {.name = "expires", .one = &(t).expires}, \
	    {.name = "out", .one = &(t).out}, \
	    {.name = "kms", .one = &(t).kms}, \
	{ \
		.name = "policy-version", .one = &(t).version \
	}
#define NEW_REQUEST_SYNOPSIS "--requester NAME --out FILE"
#define NEW_REQUEST_HELP \
	"  --requester NAME  who asks for it, and signs it too\n" \
	"  --out FILE        where the request goes, to be signed\n" \
	"  --expires WHEN    45m, 12h, 7d or 2026-01-31T12:00:00Z; default 7d\n" \
	"  --kms URI and --policy-version N\n" \
	"                    instead of asking the appliance for them\n"

/*
 * Options and `positional` arguments, which are then the last of argv; tells
 * what is missing.  -1 to go on, else an exit code.
 */
int new_request_options(const struct command *, int argc, char **argv,
    const struct cli_option *own, int positional, struct new_request *);

/* The same, for a command with no options of its own and one argument. */
int new_request_plain(const struct command *, int argc, char **argv,
    struct new_request *, const char **arg);

/*
 * Write the request with this body, which is taken over, and say what comes
 * next.  An exit code.
 */
int new_request_write(struct new_request *, enum request_kind, json_t *body);

/* The same with a body as somebody has written it. */
int new_request_write_text(struct new_request *, enum request_kind,
    struct rd body);

/* A certificate of a PEM file in base64 of its DER; NULL, and a word said. */
json_t *cli_cert_json(const char *path);
/* Octets in base64. */
json_t *cli_base64_json(const void *p, size_t len);

#endif
