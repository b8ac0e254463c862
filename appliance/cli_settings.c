/* keywarden config ..., keywarden clock ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"
#include "policy/rfc3339.h"

/* What matters of the configuration file, or an exit code. */
static int
read_matters(const struct cli_common *common, struct config **f,
    char out[MAX_CONFIG_TEXT + 1])
{
	struct why why = {""};
	const int code = cli_config(common, f);

	if (code != EXIT_DONE)
		return code;
	if (config_matters(*f, out, MAX_CONFIG_TEXT + 1, &why) == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_CONFIG;
}

int
cmd_config_approve(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = NULL}};
	char text[MAX_CONFIG_TEXT + 1];
	struct config *f = NULL;
	int code = new_request_options(c, argc, argv, own, 0, &t);

	if (code != -1)
		return code;
	code = read_matters(&t.common, &f, text);
	config_free(&f);
	return code != EXIT_DONE ? code
				 : new_request_write(&t, REQUEST_CONFIG_SET,
				       json_pack("{s:s}", "text", text));
}

/* Whether it is what two security officers approved last. */
static bool
is_approved(const char *file, const json_t *config)
{
	uint8_t digest[DIGEST_LEN];
	char hex[2 * DIGEST_LEN + 1];
	struct rd view;

	rd_init(&view, file, strlen(file));
	if (digest_of(view, digest) != ERR_OK)
		return false;
	hex_put(digest, sizeof(digest), hex);
	return strcmp(hex, cli_str(config, "approvedDigest")) == 0;
}

static void
print_config(const char *file, json_t *config)
{
	const char *in_use = cli_str(config, "inUse");

	(void)printf("in the file:\n%s", file);
	if (strcmp(file, in_use) == 0)
		(void)printf("in use: the same\n");
	else
		(void)printf("in use:\n%s", in_use);
	(void)printf("%s\n",
	    json_is_true(json_object_get(config, "approved"))
		? "approved"
		: "NOT APPROVED: nothing is released until two security "
		  "officers have ('keywarden config approve')");
	if (strcmp(file, in_use) != 0)
		(void)printf("%s\n",
		    is_approved(file, config)
			? "the file is approved: reload, or restart, to use it"
			: "THE FILE IS NOT APPROVED: 'keywarden config "
			  "approve' before it is used");
}

int
cmd_config_show(const struct command *c, int argc, char **argv)
{
	char text[MAX_CONFIG_TEXT + 1];
	struct cli_common common;
	struct config *f = NULL;
	json_t *j = NULL, *config;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 0)
		return cli_usage(c, EXIT_USAGE);
	if ((code = read_matters(&common, &f, text)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_STATE, NULL, 0, &j);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	config = json_object_get(j, "config");
	if (common.json)
		code = cli_print_json(json_pack("{s:s, s:b, s:O?, s:O?}",
		    "file", text, "fileApproved", is_approved(text, config),
		    "inUse", json_object_get(config, "inUse"), "approved",
		    json_object_get(config, "approved")));
	else
		print_config(text, config);
	json_decref(j);
	return code;
}

int
cmd_clock_accept(const struct command *c, int argc, char **argv)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL, *when = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "time", .one = &when}, {.name = "reason", .one = &reason},
	    {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 0, &t);
	char text[RFC3339_LEN];
	int64_t time;

	if (code != -1)
		return code;
	time = t.issued;
	if (when != NULL && rfc3339_parse(when, &time) != ERR_OK)
		return cli_misuse(c,
		    "--time %s: not a time like 2026-01-31T12:00:00Z", when);
	return new_request_write(&t, REQUEST_CLOCK_ACCEPT,
	    json_pack("{s:s, s:s*}", "time", rfc3339_print(time, text),
		"reason", reason));
}
