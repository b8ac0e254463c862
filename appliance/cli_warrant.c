/* keywarden warrant ... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/cli.h"

static const char *
str(json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? "?" : s;
}

static void
print_list(json_t *o, const char *name)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(o, name), i, v)
		(void)printf("%s%s", i == 0 ? "" : " ", json_string_value(v));
	(void)printf("\n");
}

static void
print_warrant(json_t *w)
{
	(void)printf("warrant  %s\n", str(w, "warrant"));
	(void)printf("  LIID     %s\n  state    %s\n", str(w, "liid"),
	    str(w, "state"));
	(void)printf("  target   ");
	print_list(w, "identities");
	(void)printf("  clients  ");
	print_list(w, "clients");
	(void)printf("  period   %s to %s, calls from %s, %lld s of grace\n",
	    str(w, "start"), str(w, "end"), str(w, "callsFrom"),
	    (long long)json_integer_value(json_object_get(w, "graceAfterEnd")));
	(void)printf("  issued   %s, signed by %s\n", str(w, "issued"),
	    str(w, "signedBy"));
}

/* The commands that send one document. */
static int
send_document(const struct command *c, int argc, char **argv,
    enum msg_type type, const char *done)
{
	struct cli_common common;
	struct config *f = NULL;
	struct why why = {""};
	uint8_t *cms = NULL;
	json_t *j = NULL;
	size_t len;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n != 1)
		return cli_usage(c, EXIT_USAGE);
	if (cli_read_file(argv[argc - 1], MAX_WARRANT_CMS, &cms, &len, &why) !=
	    ERR_OK) {
		cli_error("%s", why.text);
		return EXIT_REFUSED;
	}
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask(f, type, cms, len, &j);
	free(cms);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	if (common.json)
		return cli_print_json(j);
	(void)printf("%s\n", done);
	print_warrant(j);
	json_decref(j);
	return EXIT_DONE;
}

int
cmd_warrant_add(const struct command *c, int argc, char **argv)
{
	return send_document(c, argc, argv, MSG_CLI_WARRANT_ADD, "entered:");
}

int
cmd_warrant_check(const struct command *c, int argc, char **argv)
{
	return send_document(c, argc, argv, MSG_CLI_WARRANT_CHECK,
	    "would be entered:");
}

int
cmd_warrant_revoke(const struct command *c, int argc, char **argv)
{
	return send_document(c, argc, argv, MSG_CLI_WARRANT_REVOKE,
	    "revoked, in every hsm worker:");
}

int
cmd_warrant_list(const struct command *c, int argc, char **argv)
{
	return cli_list(c, argc, argv, MSG_CLI_WARRANT_LIST, print_warrant,
	    "no warrants");
}
