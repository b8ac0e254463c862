/* keywarden: what authorised persons do with the appliance; keywarden(1). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "appliance/cli.h"
#include "base/log.h"
#include "version.h"

#define COMMON \
	"  --config FILE  instead of " CONFIG_DEFAULT_PATH "\n" \
	"  --json         for scripts\n"

static const struct command commands[] = {
    {"init", "", "--officer NAME=CERT.pem --officer NAME=CERT.pem ...",
	"Makes the KMS of this appliance, once: the token's keys, the IBE\n"
	"parameters, the officers whose warrants count, the audit log.\n"
	"keywardend must not be running.\n\n"
	"  --officer NAME=FILE  a person and that person's certificate;\n"
	"                       at least two, all different\n" COMMON,
	cmd_init},
    {"status", "", "[--wait SECONDS]",
	"Tells whether the appliance serves.  Exit code 1 if not.\n\n"
	"  --wait SECONDS  wait that long for it\n" COMMON,
	cmd_status},
    {"kms", "show", "", "Shows what init fixed.\n\n" COMMON, cmd_kms_show},
    {"kms", "params", "--out FILE",
	"Writes the public parameters (DER BFPublicParameters, RFC 5091).\n\n"
	"  --out FILE\n" COMMON,
	cmd_kms_params},
    {"kms", "import-key", "--out FILE",
	"Writes the public key (PEM) under which seeds made elsewhere are\n"
	"wrapped (RSAES-OAEP, SHA-1) for 'subscriber add --wrapped-seed'.\n\n"
	"  --out FILE\n" COMMON,
	cmd_kms_import_key},
    {"warrant", "add", "FILE",
	"Enters a warrant: CMS SignedData in DER, signed by two officers.\n\n" COMMON,
	cmd_warrant_add},
    {"warrant", "check", "FILE",
	"Says what 'add' would, and changes nothing.\n\n" COMMON,
	cmd_warrant_check},
    {"warrant", "list", "", "Lists all warrants and their state.\n\n" COMMON,
	cmd_warrant_list},
    {"warrant", "revoke", "FILE",
	"Ends a warrant at once: a revocation in CMS SignedData, signed by\n"
	"one officer.\n\n" COMMON,
	cmd_warrant_revoke},
    {"subscriber", "add", "--identity URI [options]",
	"Enrols a subscriber.  Without a seed the token makes one and gives it\n"
	"out wrapped to the device's certificate (RSA).\n\n"
	"  --identity URI       public KMS identity\n"
	"  --device URI         a device that answers under its own name;\n"
	"                       may be given several times\n"
	"  --device-cert FILE   PEM; private keys are issued to it alone\n"
	"  --wrapped-seed FILE  a seed wrapped under 'kms import-key'\n"
	"  --seed-file FILE     64 hex digits in a file that nobody else may\n"
	"                       read; wrapped here, on this machine\n"
	"  --label HEX          the seed's label, if it has one\n"
	"  --out FILE           where the device's seed file goes\n" COMMON,
	cmd_subscriber_add},
    {"subscriber", "list", "", "Lists who is enrolled.\n\n" COMMON,
	cmd_subscriber_list},
    {"subscriber", "remove", "URI",
	"Removes a subscriber.  The seed is gone for good.\n\n" COMMON,
	cmd_subscriber_remove},
    {"subscriber", "key", "--identity URI --out FILE [options]",
	"Issues the private key of one key period to the device's\n"
	"certificate.\n\n"
	"  --identity URI     the subscriber\n"
	"  --as URI           one of its devices, if it is the device's key\n"
	"  --date YYYY-MM-DD  a day (UTC) of the period; default today\n"
	"  --out FILE\n" COMMON,
	cmd_subscriber_key},
    {"audit", "verify", "[--size N --root HEX]",
	"Checks the audit log from its first entry to its last.  Exit code 2\n"
	"if it is not sound.\n\n"
	"  --size N --root HEX  a head noted earlier: the log must still\n"
	"                       begin with it\n"
	"  --log FILE           instead of the configured one\n" COMMON,
	cmd_audit_verify},
    {"audit", "show", "[--from N]",
	"Prints the entries of the audit log, which name targets and LIIDs.\n\n"
	"  --from N    from entry N on\n"
	"  --log FILE  instead of the configured one\n" COMMON,
	cmd_audit_show},
    {"audit", "head", "",
	"Prints size and root of the log, to be noted elsewhere.\n\n"
	"  --log FILE  instead of the configured one\n" COMMON,
	cmd_audit_head},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
overview(FILE *to, int code)
{
	(void)fputs("usage: keywarden NOUN VERB [options]\n\n", to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)fprintf(to, "  keywarden %s%s%s %s\n", commands[i].noun,
		    commands[i].verb[0] == '\0' ? "" : " ", commands[i].verb,
		    commands[i].synopsis);
	(void)fputs("\n'keywarden NOUN VERB --help' tells more; "
		    "see keywarden(1).\n",
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

	for (size_t i = 0; i < N_COMMANDS && n < sizeof(verbs); i++) {
		const struct command *c = &commands[i];

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
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (strcmp(argv[1], c->noun) != 0)
			continue;
		if (c->verb[0] == '\0')
			return printed(c->run(c, argc - 1, argv + 1));
		if (argc > 2 && strcmp(argv[2], c->verb) == 0)
			return printed(c->run(c, argc - 2, argv + 2));
	}
	return printed(other_verb(argv[1], argc > 2 ? argv[2] : NULL));
}
