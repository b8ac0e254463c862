/*
 * lab-iri: what a LEMF does with HI2 records: reads a file of PS-PDUs back to
 * back, shows them, and takes the keys out for lab-decrypt.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "lab_iri.h"
#include "lab_store.h"

#define FILE_MAX ((size_t)256 << 20)

static const char help[] =
    "lab-iri [OPTION...] FILE: shows the HI2 records of a file.\n"
    "\n"
    "  --keys           keys in clear and not as asterisks\n"
    "  --json           one JSON object a line, keys and all: liid, event\n"
    "                   (keys, noKeys, sip, or a TRI's name), cin,\n"
    "                   correlation, sequence, form, initiator, targets, keys,\n"
    "                   sip\n"
    "  --keys-out FILE  the keys of all records, as lab-decrypt reads them\n"
    "  --sip-out FILE   the SIP messages, one behind the other\n"
    "\n"
    "Exit status: 0; 1 when the file cannot be read or is not PS-PDUs of\n"
    "TS 102 232-1 with TS 33.108 records, what came before is shown; 2 usage.\n";

struct lab {
	const char *in, *keys_out, *sip_out;
	bool json, keys;
	json_t *list; /* of keys */
	FILE *sip;
};

static enum err
show(const struct lab *l, const struct lab_iri *r)
{
	json_t *j;
	enum err rc = ERR_OK;

	if (!l->json) {
		lab_iri_print(stdout, r, l->keys);
		return ERR_OK;
	}
	if ((j = lab_iri_json(r)) == NULL)
		return ERR_NOMEM;
	if (json_dumpf(j, stdout, JSON_COMPACT) != 0 || putchar('\n') < 0)
		rc = ERR_IO;
	json_decref(j);
	return rc;
}

static enum err
take(const struct lab *l, const struct lab_iri *r)
{
	const OCTET_STRING_t *sip = r->u != NULL ? r->u->sIPMessage : NULL;
	enum err rc;

	if ((rc = show(l, r)) != ERR_OK ||
	    (rc = lab_iri_keys(l->list, r)) != ERR_OK)
		return rc;
	if (l->sip != NULL && sip != NULL &&
	    fwrite(sip->buf, 1, (size_t)sip->size, l->sip) != (size_t)sip->size)
		return ERR_IO;
	return ERR_OK;
}

static enum err
read_all(const struct lab *l, struct rd in, struct why *why)
{
	const size_t whole = in.left;
	struct why reason;
	struct lab_iri r;
	enum err rc;

	for (unsigned n = 1; in.left > 0; n++) {
		if ((rc = lab_iri_read(&in, &r, &reason)) != ERR_OK)
			return why_set(why, rc, "PS-PDU %u, at octet %zu: %s",
			    n, whole - in.left, reason.text);
		rc = take(l, &r);
		lab_iri_done(&r);
		if (rc != ERR_OK)
			return why_set(why, rc, "PS-PDU %u: %s", n,
			    err_str(rc));
	}
	return ERR_OK;
}

/* For its owner alone, as it holds keys. */
static enum err
save_keys(const struct lab *l, struct why *why)
{
	json_t *all = json_pack("{s:O}", "keys", l->list);
	const int fd =
	    open(l->keys_out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	enum err rc = ERR_OK;

	if (fd == -1)
		rc = why_errno(why, "cannot write %s", l->keys_out);
	else if (json_dumpfd(all, fd, JSON_INDENT(2)) != 0)
		rc = why_set(why, ERR_IO, "cannot write %s", l->keys_out);
	if (fd != -1 && close(fd) == -1 && rc == ERR_OK)
		rc = why_errno(why, "cannot write %s", l->keys_out);
	json_decref(all);
	return rc;
}

static enum err
run(struct lab *l, struct why *why)
{
	uint8_t *octets = NULL;
	struct rd in;
	size_t len;
	enum err rc;

	if ((l->list = json_array()) == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	if ((rc = lab_slurp(l->in, FILE_MAX, &octets, &len, why)) != ERR_OK)
		return rc;
	if (l->sip_out != NULL && (l->sip = fopen(l->sip_out, "w")) == NULL) {
		rc = why_errno(why, "cannot write %s", l->sip_out);
		goto out;
	}
	rd_init(&in, octets, len);
	if ((rc = read_all(l, in, why)) == ERR_OK && l->keys_out != NULL)
		rc = save_keys(l, why);
	if (l->sip != NULL && fclose(l->sip) != 0 && rc == ERR_OK)
		rc = why_errno(why, "cannot write %s", l->sip_out);
	if (fflush(stdout) != 0 && rc == ERR_OK)
		rc = why_errno(why, "cannot print");
out:
	free(octets);
	return rc;
}

static enum err
parse_options(struct lab *l, int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"keys", no_argument, NULL, 'k'},
	    {"json", no_argument, NULL, 'j'},
	    {"keys-out", required_argument, NULL, 'K'},
	    {"sip-out", required_argument, NULL, 'S'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		} else if (opt == 'k') {
			l->keys = true;
		} else if (opt == 'j') {
			l->json = true;
		} else if (opt == 'K') {
			l->keys_out = optarg;
		} else if (opt == 'S') {
			l->sip_out = optarg;
		} else {
			return ERR_MALFORMED;
		}
	}
	if (optind + 1 != argc)
		return ERR_MALFORMED;
	l->in = argv[optind];
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	struct why why = {{0}};
	struct lab l = {0};
	enum err rc;

	log_init("lab-iri", LOG_LVL_INFO);
	if (parse_options(&l, argc, argv) != ERR_OK) {
		log_error("bad or missing options (see --help)");
		return 2;
	}
	if ((rc = run(&l, &why)) != ERR_OK)
		log_error("%s", why.text);
	json_decref(l.list);
	return rc == ERR_OK ? 0 : 1;
}
