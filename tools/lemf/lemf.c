/* keywarden-lemf: an agency's end of HI2; keywarden-lemf(1). */
#include <sys/resource.h>

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lemf/lemf.h"
#include "version.h"

#define MAX_OPTIONS 16

static const struct verb verbs[] = {
    {"decrypt", "FILE... --pcap FILE --out DIR [options]",
	"Decrypts the SRTP of a capture with the keys in files of PS-PDUs:\n"
	"speech in PCMU and PCMA to WAV files, other codecs to captures of RTP.\n"
	"Files are named by LIID, CIN and SSRC; those of that name are\n"
	"overwritten.\n"
	"\n"
	"  --pcap FILE       the capture, pcap or pcapng\n"
	"  --out DIR         where to; it is created if need be\n"
	"  --json            what was found as JSON\n"
	"  --open-key FILE   the agency's key, PEM: opens keys that are sealed\n"
	"  --open-cert FILE  to this certificate of it, PEM\n"
	"\n"
	"Exit codes: 0 all packets of the streams were decrypted, 1 some or all\n"
	"were not, 64 usage, 66 a file or key cannot be read or written.\n",
	run_decrypt},
    {"page", "FILE... --out FILE [--pcap FILE] [options]",
	"Writes the calls in files of PS-PDUs as one page of HTML: what happened\n"
	"when, each record, and with a capture the speech, before and after it\n"
	"was decrypted.\n"
	"\n"
	"  --out FILE        the page\n"
	"  --pcap FILE       a capture with the SRTP of the calls\n"
	"  --keys            keys too, which are masked else\n"
	"  --open-key FILE   the agency's key, PEM: opens keys that are sealed\n"
	"  --open-cert FILE  to this certificate of it, PEM\n"
	"\n"
	"Exit codes: 0 done, 1 something was not readable, 64 usage, 66 a file\n"
	"or key cannot be read or written.\n",
	run_page},
    {"show", "FILE... [--json] [--keys] [--open-key FILE --open-cert FILE]",
	"Prints the records of files of PS-PDUs, as 'receive' writes them.\n"
	"\n"
	"  --json            one JSON object a line\n"
	"  --keys            keys too, which are left out or masked else\n"
	"  --open-key FILE   the agency's key, PEM: opens keys that are sealed\n"
	"  --open-cert FILE  to this certificate of it, PEM\n"
	"\n"
	"Exit codes: 0 all was readable, 1 something was not, 64 usage, 66 a\n"
	"file or key cannot be read.\n",
	run_show},
};
static const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);

void
lemf_say(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("keywarden-lemf: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

int
lemf_misuse(const struct verb *v, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lemf_say("%s ('keywarden-lemf %s --help' tells more)", text, v->name);
	return LEMF_USAGE;
}

enum err
lemf_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
	    n > most)
		return ERR_MALFORMED;
	*out = n;
	return ERR_OK;
}

int
lemf_opener(const struct verb *v, const char *key, const char *cert,
    struct opener **out)
{
	struct why why = {""};

	if ((key == NULL) != (cert == NULL))
		return lemf_misuse(v, "--open-key and --open-cert go together");
	if (key == NULL || opener_new(key, cert, out, &why) == ERR_OK)
		return LEMF_DONE;
	lemf_say("%s", why.text);
	return LEMF_FILE;
}

/* ---- options ---- */

/* Over all characters, so that what getopt_long() leaves in optopt is clear. */
enum { OPT_HELP = 256, OPT_OWN };

static int
bad_option(const struct verb *v, int opt, char **argv)
{
	if (optopt > 0 && optopt < OPT_HELP)
		return lemf_misuse(v, "no such option: -%c", optopt);
	return lemf_misuse(v, "%s: %s",
	    opt == ':'	      ? "something must follow"
		: optopt != 0 ? "it takes nothing after ="
			      : "no such option",
	    argv[optind - 1]);
}

int
lemf_options(const struct verb *v, int argc, char **argv,
    const struct lemf_option *own, char ***rest, int *code)
{
	struct option longs[MAX_OPTIONS + 2] = {
	    {"help", no_argument, NULL, OPT_HELP}};
	unsigned n = 1;
	int opt;

	for (unsigned i = 0; own[i].name != NULL; i++)
		longs[n++] = (struct option){own[i].name,
		    own[i].flag != NULL ? no_argument : required_argument, NULL,
		    OPT_OWN + (int)i};
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		const struct lemf_option *o = &own[opt - OPT_OWN];

		if (opt == OPT_HELP) {
			(void)printf("usage: keywarden-lemf %s %s\n\n%s",
			    v->name, v->synopsis, v->help);
			*code = LEMF_DONE;
			return -1;
		}
		if (opt < OPT_OWN) {
			*code = bad_option(v, opt, argv);
			return -1;
		}
		if (o->flag != NULL)
			*o->flag = true;
		else if (*o->text == NULL)
			*o->text = optarg;
		else {
			*code = lemf_misuse(v, "--%s is given twice", o->name);
			return -1;
		}
	}
	*rest = argv + optind;
	return argc - optind;
}

/* ---- the program ---- */

static int
overview(FILE *to, int code)
{
	(void)fputs("usage: keywarden-lemf VERB [options]\n\n", to);
	for (size_t i = 0; i < n_verbs; i++)
		(void)fprintf(to, "  keywarden-lemf %s %s\n", verbs[i].name,
		    verbs[i].synopsis);
	(void)fputs("\n'keywarden-lemf VERB --help' tells more; see "
		    "keywarden-lemf(1).\n",
	    to);
	return code;
}

/* What could not be printed was not done. */
static int
printed(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	lemf_say("standard output: %s", strerror(errno));
	return code == LEMF_DONE ? LEMF_FILE : code;
}

int
main(int argc, char **argv)
{
	const struct rlimit none = {0, 0};

	log_init("keywarden-lemf", LOG_LVL_INFO);
	(void)setrlimit(RLIMIT_CORE, &none); /* records hold keys */
	if (argc < 2)
		return overview(stderr, LEMF_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return printed(overview(stdout, LEMF_DONE));
	if (strcmp(argv[1], "--version") == 0) {
		puts("keywarden-lemf " KEYWARDEN_VERSION);
		return printed(LEMF_DONE);
	}
	for (size_t i = 0; i < n_verbs; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return printed(
			    verbs[i].run(&verbs[i], argc - 1, argv + 1));
	lemf_say("no such verb: %s ('keywarden-lemf --help' lists them)",
	    argv[1]);
	return LEMF_USAGE;
}
