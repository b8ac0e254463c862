/* keywarden subscriber key: a device's private key of one key period. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "appliance/cli.h"
#include "policy/rfc3339.h"

/* "2026-01-31" to noon of that day, which is in no doubt about its period. */
static enum err
day(const char *text, int64_t *out)
{
	char full[RFC3339_LEN];

	if (text == NULL) {
		*out = (int64_t)time(NULL);
		return ERR_OK;
	}
	if (strlen(text) != 10)
		return ERR_MALFORMED;
	(void)snprintf(full, sizeof(full), "%sT12:00:00Z", text);
	return rfc3339_parse(full, out);
}

/* "2026-01-31T00:00:00Z" to the GeneralizedTime of the device's file. */
static void
generalized(const char *rfc3339, char out[16])
{
	size_t n = 0;

	for (; *rfc3339 != '\0' && n < 15; rfc3339++)
		if (strchr("-:T", *rfc3339) == NULL)
			out[n++] = *rfc3339;
	out[n] = '\0';
}

static int
write_key_file(const char *out, json_t *answer)
{
	char from[16], to[16], *text;
	struct why why = {""};
	json_t *j;
	enum err rc;

	generalized(json_string_value(json_object_get(answer, "notBefore")),
	    from);
	generalized(json_string_value(json_object_get(answer, "notAfter")), to);
	j = json_pack("{s:i, s:O, s:s, s:s, s:O}", "keywardenPrivateKey", 1,
	    "identity", json_object_get(answer, "identity"), "notBefore", from,
	    "notAfter", to, "enveloped", json_object_get(answer, "enveloped"));
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	if (text == NULL)
		return EXIT_REFUSED;
	rc = cli_write_file(out, text, strlen(text), 0600, &why);
	free(text);
	if (rc == ERR_OK)
		return EXIT_DONE;
	cli_error("%s", why.text);
	return EXIT_REFUSED;
}

int
cmd_subscriber_key(const struct command *c, int argc, char **argv)
{
	const char *identity = NULL, *as = NULL, *date = NULL, *out = NULL;
	const struct cli_option own[] = {{.name = "identity", .one = &identity},
	    {.name = "as", .one = &as}, {.name = "date", .one = &date},
	    {.name = "out", .one = &out}, {NULL, NULL, NULL, 0, NULL, NULL}};
	struct cli_common common;
	struct config *f = NULL;
	struct cli_key_issue m;
	struct why why = {""};
	uint8_t body[1024];
	json_t *j = NULL;
	struct wr w;
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 0 || identity == NULL || out == NULL)
		return cli_usage(c, EXIT_USAGE);
	if (day(date, &m.at) != ERR_OK)
		return cli_misuse(c, "--date %s: not a day as 2026-01-31",
		    date);
	if (cli_file_is_new(out, &why) != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if (as == NULL)
		as = identity;
	rd_init(&m.subscriber, identity, strlen(identity));
	rd_init(&m.identity, as, strlen(as));
	wr_init(&w, body, sizeof(body));
	cli_key_issue_put(&w, &m);
	if (w.rc != ERR_OK) {
		cli_error("the identity is too long");
		return EXIT_REFUSED;
	}
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_KEY_ISSUE, body, w.len, &j);
	config_free(&f);
	if (code == EXIT_DONE)
		code = write_key_file(out, j);
	if (code == EXIT_DONE && common.json)
		return cli_print_json(j);
	if (code == EXIT_DONE)
		(void)printf("issued for %s, %s to %s\n", as,
		    json_string_value(json_object_get(j, "notBefore")),
		    json_string_value(json_object_get(j, "notAfter")));
	json_decref(j);
	return code;
}
