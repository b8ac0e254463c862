/* keywarden: what authorised persons do with the appliance; keywarden(1). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "appliance/cli.h"
#include "base/log.h"
#include "version.h"

static int
overview(FILE *to, int code)
{
	(void)fputs("usage: keywarden NOUN VERB [options]\n\n", to);
	for (size_t i = 0; i < cli_n_commands; i++)
		(void)fprintf(to, "  keywarden %s%s%s %s\n",
		    cli_commands[i].noun,
		    cli_commands[i].verb[0] == '\0' ? "" : " ",
		    cli_commands[i].verb, cli_commands[i].synopsis);
	(void)fputs("\n'keywarden NOUN VERB --help' tells more; "
		    "see keywarden(1).\n"
		    "Exit codes: 0 done, 1 refused or failed, 2 the audit log "
		    "is not sound, 64 usage,\n69 the appliance does not "
		    "answer, 78 configuration or state.\n",
	    to);
	return code;
}

/* Only the noun was understood. */
static int
other_verb(const char *noun, const char *verb)
{
	const bool help = verb != NULL && strcmp(verb, "--help") == 0;
	char verbs[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < cli_n_commands && n < sizeof(verbs); i++) {
		const struct command *c = &cli_commands[i];

		if (strcmp(c->noun, noun) != 0)
			continue;
		if (help)
			(void)printf("  keywarden %s %s %s\n", c->noun, c->verb,
			    c->synopsis);
		n += (size_t)snprintf(verbs + n, sizeof(verbs) - n, "%s%s",
		    n == 0 ? "" : ", ", c->verb);
	}
	if (help)
		return EXIT_DONE;
	if (n == 0)
		cli_error("no such command: %s ('keywarden --help' lists them)",
		    noun);
	else if (verb == NULL)
		cli_error("%s what?  %s ('keywarden --help' tells more)", noun,
		    verbs);
	else
		cli_error("no such command: %s %s; there is %s ('keywarden "
			  "--help' tells more)",
		    noun, verb, verbs);
	return EXIT_USAGE;
}

/* What could not be printed was not done. */
static int
printed(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	cli_error("standard output: %s", strerror(errno));
	return code == EXIT_DONE ? EXIT_REFUSED : code;
}

int
main(int argc, char **argv)
{
	log_init("keywarden", LOG_LVL_INFO);
	if (argc < 2)
		return overview(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return printed(overview(stdout, EXIT_DONE));
	if (strcmp(argv[1], "--version") == 0) {
		puts("keywarden " KEYWARDEN_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < cli_n_commands; i++) {
		const struct command *c = &cli_commands[i];

		if (strcmp(argv[1], c->noun) != 0)
			continue;
		if (c->verb[0] == '\0')
			return printed(c->run(c, argc - 1, argv + 1));
		if (argc > 2 && strcmp(argv[2], c->verb) == 0)
			return printed(c->run(c, argc - 2, argv + 2));
	}
	return printed(other_verb(argv[1], argc > 2 ? argv[2] : NULL));
}
