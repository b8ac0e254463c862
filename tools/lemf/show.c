/* keywarden-lemf show: what is in files of PS-PDUs. */
#include <inttypes.h>
#include <stdlib.h>

#include "lemf/hi2_file.h"
#include "lemf/lemf.h"
#include "lemf/print.h"

struct show {
	struct print print;
	bool json;
	struct record *record; /* it is long */
};

static enum err
show_record(struct show *s, struct why *why)
{
	json_t *j = NULL;
	enum err rc;

	if (!s->json)
		return print_record(stdout, &s->print, s->record, why);
	rc = print_json(&s->print, s->record, &j, why);
	if (j != NULL &&
	    (json_dumpf(j, stdout, JSON_COMPACT) != 0 || putchar('\n') < 0))
		rc = why_set(why, ERR_NOMEM, "cannot print it");
	json_decref(j);
	return rc;
}

/* All of the file that can be read; LEMF_WRONG if something cannot. */
static int
show_file(struct show *s, const char *path)
{
	struct hi2_file *f = NULL;
	struct why why = {""};
	int code = LEMF_DONE;
	struct rd pdu;
	enum err rc;

	if (hi2_file_open(path, &f, &why) != ERR_OK) {
		lemf_say("%s", why.text);
		return LEMF_FILE;
	}
	while ((rc = hi2_file_next(f, &pdu, &why)) == ERR_OK) {
		if (record_read(pdu, s->record, &why) == ERR_OK &&
		    show_record(s, &why) == ERR_OK)
			continue;
		lemf_say("%s: at octet %" PRIu64 ": %s", path, hi2_file_at(f),
		    why.text);
		code = LEMF_WRONG;
	}
	if (rc != ERR_CLOSED) {
		lemf_say("%s: at octet %" PRIu64 ": %s", path, hi2_file_at(f),
		    why.text);
		code = rc == ERR_IO ? LEMF_FILE : LEMF_WRONG;
	}
	hi2_file_close(&f);
	return code;
}

int
run_show(const struct verb *v, int argc, char **argv)
{
	const char *open_key = NULL, *open_cert = NULL;
	struct show s = {.json = false};
	const struct lemf_option options[] = {{"json", NULL, &s.json},
	    {"keys", NULL, &s.print.keys}, {"open-key", &open_key, NULL},
	    {"open-cert", &open_cert, NULL}, {NULL, NULL, NULL}};
	struct opener *opener = NULL;
	int code, n, one;
	char **files;

	if ((n = lemf_options(v, argc, argv, options, &files, &code)) == -1)
		return code;
	if (n == 0)
		return lemf_misuse(v, "which files?");
	if ((code = lemf_opener(v, open_key, open_cert, &opener)) != LEMF_DONE)
		return code;
	s.print.opener = opener;
	if ((s.record = malloc(sizeof(*s.record))) == NULL) {
		lemf_say("out of memory");
		code = LEMF_FILE;
	}
	for (int i = 0; i < n && s.record != NULL; i++)
		if ((one = show_file(&s, files[i])) > code)
			code = one;
	free(s.record);
	opener_free(&opener);
	return code;
}
