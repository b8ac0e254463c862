/* keywarden warrant ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli_new_request.h"
#include "appliance/cli_show.h"
#include "appliance/cli_when.h"
#include "policy/rfc3339.h"

/* ---- list ---- */

static void
print_words(json_t *o, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(o, name), i, v)
		(void)printf("%s%s", i == 0 ? "" : " ", json_string_value(v));
}

static void
print_warrant(json_t *w)
{
	json_t *t;
	size_t i;

	(void)printf("warrant  %s\n", cli_str(w, "warrant"));
	(void)printf("  LIID     %s%s\n  state    %s\n", cli_str(w, "liid"),
	    json_is_true(json_object_get(w, "test")) ? " (test)" : "",
	    cli_str(w, "state"));
	json_array_foreach (json_object_get(w, "targets"), i, t) {
		(void)printf("  target   ");
		print_words(t, "identities");
		(void)printf("%s",
		    json_array_size(json_object_get(t, "xids")) > 0 ? ", XID "
								    : "");
		print_words(t, "xids");
		(void)printf("\n");
	}
	(void)printf("  clients  ");
	print_words(w, "clients");
	(void)printf("\n  for      ");
	print_words(w, "products");
	(void)printf(" by ");
	print_words(w, "delivery");
	(void)printf("\n  period   %s to %s, calls from %s, %lld s of grace\n",
	    cli_str(w, "start"), cli_str(w, "end"), cli_str(w, "callsFrom"),
	    (long long)json_integer_value(json_object_get(w, "graceAfterEnd")));
	(void)printf("  change   %lld\n",
	    (long long)json_integer_value(json_object_get(w, "number")));
}

int
cmd_warrant_list(const struct command *c, int argc, char **argv)
{
	return cli_list(c, argc, argv, MSG_CLI_WARRANT_LIST, print_warrant,
	    "no warrants");
}

/* ---- check ---- */

static void
print_sentences(json_t *j, const char *name, const char *before)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(j, name), i, v) {
		(void)printf("%s", before);
		cli_put_text(json_string_value(v));
		(void)printf("\n");
	}
}

static void
print_check(json_t *j)
{
	const bool is_warrant = strncmp(cli_str(j, "kind"), "warrant.", 8) == 0;

	(void)printf("nothing was changed; what it would do:\n");
	print_sentences(j, "would", "  ");
	print_sentences(j, "missing", "  missing: ");
	(void)printf("%s  %s\n",
	    is_warrant && strcmp(cli_str(j, "kind"), "warrant.add") == 0
		? "warrant"
		: "request",
	    cli_str(j, "request"));
	(void)printf("  kind     %s, approved by %lld of %lld, signed by %s\n",
	    cli_str(j, "kind"),
	    (long long)json_integer_value(json_object_get(j, "approvers")),
	    (long long)json_integer_value(json_object_get(j, "needed")),
	    json_string_length(json_object_get(j, "signedBy")) == 0
		? "nobody yet"
		: cli_str(j, "signedBy"));
	cli_show_members(json_object_get(j, "shows"), 2, NULL);
}

int
cmd_warrant_check(const struct command *c, int argc, char **argv)
{
	bool dry_run = true; /* which it always is */
	const struct cli_option own[] = {{.name = "dry-run", .flag = &dry_run},
	    {.name = NULL}};
	struct cli_common common;
	struct config *f = NULL;
	struct why why = {""};
	uint8_t *octets = NULL;
	json_t *j = NULL;
	size_t len;
	int code, n;

	if ((n = cli_options(c, argc, argv, own, &common, &code)) == -1)
		return code;
	if (n != 1)
		return cli_usage(c, EXIT_USAGE);
	if (cli_read_file(argv[argc - 1], MAX_SIGNED_DOC, &octets, &len,
		&why) != ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, MSG_CLI_WARRANT_CHECK, octets, len, &j);
	free(octets);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	if (common.json)
		return cli_print_json(j);
	print_check(j);
	json_decref(j);
	return EXIT_DONE;
}

/* ---- requests about a warrant that is entered ---- */

static json_t *
about(const struct command *c, const char *id, const char *reason)
{
	uint8_t hash[WARRANT_ID_LEN];
	char hex[2 * WARRANT_ID_LEN + 1];
	json_t *j;

	if (hex_get(id, hash, sizeof(hash)) != ERR_OK) {
		(void)cli_misuse(c,
		    "%s: not the 64 hex digits of a warrant ('keywarden "
		    "warrant list' has them)",
		    id);
		return NULL;
	}
	hex_put(hash, sizeof(hash), hex);
	j = json_pack("{s:s}", "warrant", hex);
	if (reason != NULL &&
	    json_object_set_new(j, "reason", json_string(reason)) != 0) {
		(void)cli_misuse(c, "--reason: not UTF-8");
		json_decref(j);
		return NULL;
	}
	return j;
}

static int
ask_about(const struct command *c, int argc, char **argv,
    enum request_kind kind)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "reason", .one = &reason}, {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);
	json_t *body;

	if (code != -1)
		return code;
	body = about(c, argv[argc - 1], reason);
	return body == NULL ? EXIT_USAGE : new_request_write(&t, kind, body);
}

int
cmd_warrant_suspend(const struct command *c, int argc, char **argv)
{
	return ask_about(c, argc, argv, REQUEST_WARRANT_SUSPEND);
}

int
cmd_warrant_resume(const struct command *c, int argc, char **argv)
{
	return ask_about(c, argc, argv, REQUEST_WARRANT_RESUME);
}

int
cmd_warrant_revoke(const struct command *c, int argc, char **argv)
{
	return ask_about(c, argc, argv, REQUEST_WARRANT_REVOKE);
}

/* Another end; `to` is a time, or a span from now on. */
static int
ask_end(const struct command *c, int argc, char **argv, enum request_kind kind)
{
	struct new_request t = {.kms = NULL};
	const char *reason = NULL, *to = NULL;
	const struct cli_option own[] = {NEW_REQUEST_OPTIONS(t),
	    {.name = "reason", .one = &reason}, {.name = "to", .one = &to},
	    {.name = NULL}};
	const int code = new_request_options(c, argc, argv, own, 1, &t);
	char text[RFC3339_LEN];
	json_t *body;
	int64_t end;

	if (code != -1)
		return code;
	if (to == NULL || cli_when(to, t.issued, &end) != ERR_OK)
		return cli_misuse(c,
		    "--to: the new end, a time like 2026-01-31T12:00:00Z, or "
		    "12h, 7d from now on");
	if ((body = about(c, argv[argc - 1], reason)) == NULL)
		return EXIT_USAGE;
	json_object_set_new(body, "end", json_string(rfc3339_print(end, text)));
	return new_request_write(&t, kind, body);
}

int
cmd_warrant_extend(const struct command *c, int argc, char **argv)
{
	return ask_end(c, argc, argv, REQUEST_WARRANT_EXTEND);
}

int
cmd_warrant_end(const struct command *c, int argc, char **argv)
{
	return ask_end(c, argc, argv, REQUEST_WARRANT_END);
}
