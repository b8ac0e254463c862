/* keywarden delivery: how the records fare that LEMFs are to get. */
#include <stdio.h>
#include <string.h>

#include "appliance/cli.h"
#include "appliance/cli_show.h"

/* "down since 2026-11-28T18:00:00Z: connection refused" */
static void
print_state(const json_t *j)
{
	const char *text = cli_str(j, "text");

	if (!cli_is(j, "configured")) {
		(void)printf("no address in the configuration");
		return;
	}
	(void)printf("%s since %s", cli_str(j, "state"), cli_str(j, "since"));
	if (text[0] != '\0') {
		(void)printf(": ");
		cli_put_text(text);
	}
}

static void
print_queue(const json_t *j)
{
	const long long most = cli_count(j, "mostOctets");

	(void)printf("  %lld waiting, %lld sent, %lld delivered, %lld dropped",
	    cli_count(j, "waiting"), cli_count(j, "sent"),
	    cli_count(j, "delivered"), cli_count(j, "dropped"));
	if (cli_count(j, "damaged") > 0)
		(void)printf(", %lld damaged", cli_count(j, "damaged"));
	(void)printf("; %lld octets", cli_count(j, "octets"));
	if (most > 0)
		(void)printf(" of %lld", most);
	if (json_is_string(json_object_get(j, "oldest")))
		(void)printf(", the oldest of %s", cli_str(j, "oldest"));
	(void)printf("\n");
}

static void
print_row(const json_t *j)
{
	cli_put_text(cli_str(j, "lemf"));
	(void)printf("%s: ", cli_is(j, "alarm") ? " ALARM" : "");
	print_state(j);
	(void)printf("\n");
	print_queue(j);
}

int
cmd_delivery(const struct command *c, int argc, char **argv)
{
	struct cli_common common;
	struct config *f = NULL;
	json_t *j = NULL, *row;
	bool alarm = false;
	size_t i;
	int code, n;

	if ((n = cli_options(c, argc, argv, NULL, &common, &code)) == -1)
		return code;
	if (n > 1 || (n == 1 && strcmp(argv[argc - 1], "show") != 0))
		return cli_usage(c, EXIT_USAGE);
	if ((code = cli_config(&common, &f)) == EXIT_DONE)
		code = cli_ask_list(f, MSG_CLI_DELIVERY, &j);
	config_free(&f);
	if (code != EXIT_DONE)
		return code;
	json_array_foreach (j, i, row)
		alarm = alarm || cli_is(row, "alarm");
	code = alarm ? EXIT_REFUSED : EXIT_DONE;
	if (common.json) {
		(void)cli_print_json(j);
		return code;
	}
	json_array_foreach (j, i, row)
		print_row(row);
	if (json_array_size(j) == 0)
		(void)printf("no LEMF\n");
	json_decref(j);
	return code;
}
