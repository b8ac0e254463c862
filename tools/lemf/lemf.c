/* keywarden-lemf: an agency's end of HI2; keywarden-lemf(1). */
#include <sys/resource.h>

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/log.h"
#include "lemf/lemf.h"
#include "version.h"

#define MAX_OPTIONS 16

static const struct verb verbs[] = {
    {"receive",
	"--listen ADDRESS:PORT --cert FILE --key FILE --client-ca FILE\n"
	"      --out DIR [--tls 1.2] [--acknowledge | --no-acknowledge]\n"
	"      [--verify-key FILE] [--idle SECONDS] [--once N] [--json]",
	"Takes HI2 from senders over TLS, checks it and says what comes.  Each\n"
	"PS-PDU is put into DIR/LIID.hi2, as it came.  What is answered for is\n"
	"on the disk.\n"
	"\n"
	"  --listen ADDRESS:PORT  where; numbers, an IPv6 address in brackets\n"
	"  --cert, --key FILE     this end's certificate and key, PEM\n"
	"  --client-ca FILE       the CA of senders' certificates, PEM\n"
	"  --out DIR              made if it is not there\n"
	"  --tls 1.2              TLS 1.2 too, with forward secrecy and AEAD\n"
	"  --no-acknowledge       pDUAcknowledgement is declined\n"
	"  --verify-key FILE      the public key of signature PDUs, PEM\n"
	"  --idle SECONDS         of silence before a connection is closed (900);\n"
	"                         0: never\n"
	"  --once N               end after N new records\n"
	"  --json                 one JSON object a line\n"
	"\n"
	"Ends on SIGINT and SIGTERM.  Exit codes: 0 nothing was wrong, 1\n"
	"something was, 64 usage, 66 the folder or a file, 69 address or TLS.\n",
	run_receive},
    {"check", "FILE... [--verify-key FILE] [--needs hash|signature] [--json]",
	"Checks files of PS-PDUs: that records are there from number 0 on, in\n"
	"order, and that hash and signature PDUs are those of their records.\n"
	"Files of one LIID are given in the order in which they were written.\n"
	"\n"
	"  --verify-key FILE        the public key of signature PDUs, PEM\n"
	"  --needs hash|signature   every record must be under one\n"
	"  --json                   one JSON object a line\n"
	"\n"
	"Exit codes: 0 nothing is wrong, 1 something is, 64 usage, 66 a file\n"
	"cannot be read.\n",
	run_check},
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

static enum err
read_verify_key(const char *path, uint8_t **der, size_t *len, struct why *why)
{
	BIO *b = BIO_new_file(path, "r");
	char curve[32] = "";
	EVP_PKEY *key;
	enum err rc = ERR_OK;
	int n = 0;

	if (b == NULL)
		return why_errno(why, "%s", path);
	key = PEM_read_bio_PUBKEY(b, NULL, NULL, NULL);
	if (key == NULL || EVP_PKEY_is_a(key, "EC") != 1 ||
	    EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) != 1 ||
	    OBJ_sn2nid(curve) != NID_X9_62_prime256v1 ||
	    (n = i2d_PUBKEY(key, der)) <= 0)
		rc = why_set(why, ERR_MALFORMED,
		    "%s: not a PEM public key on P-256", path);
	*len = n > 0 ? (size_t)n : 0;
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(b);
	return rc;
}

int
lemf_verify_key(const char *path, uint8_t **der, struct rd *spki)
{
	struct why why = {""};
	size_t len = 0;

	if (path == NULL)
		return LEMF_DONE;
	if (read_verify_key(path, der, &len, &why) != ERR_OK) {
		lemf_say("%s", why.text);
		return LEMF_FILE;
	}
	rd_init(spki, *der, len);
	return LEMF_DONE;
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
