/* keywarden-lemf page: calls as a page of HTML. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lemf/lemf.h"
#include "lemf/page.h"

/*
 * What is on the page may be shown and nothing be fetched or run, should any
 * text ever be taken for more than text.
 */
static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
    " style-src 'unsafe-inline'; media-src data:; form-action 'none';"
    " base-uri 'none'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,"
    " initial-scale=1\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n";

static void
put_nav(const struct page *p)
{
	const struct calls *s = &p->hear.calls;

	if (s->n < 2)
		return;
	(void)fputs("<nav aria-label=\"Calls\"><ul>\n", p->f);
	for (size_t i = 0; i < s->n; i++) {
		(void)fprintf(p->f, "<li><a href=\"#c%zu\">", i);
		html_text(p->f, s->call[i]->liid);
		if (s->call[i]->has_cin)
			(void)fprintf(p->f, " %" PRIu32, s->call[i]->cin);
		(void)fputs("</a></li>\n", p->f);
	}
	(void)fputs("</ul></nav>\n", p->f);
}

/* What the page does not show, so that nobody takes it for all. */
static void
put_rest(const struct page *p)
{
	const struct hear *h = &p->hear;
	uint64_t packets = 0;

	(void)fputs("<footer>\n", p->f);
	if (!p->keys)
		(void)fputs("<p>Keys are masked.</p>\n", p->f);
	if (h->calls.repeated > 0)
		(void)fprintf(p->f,
		    "<p>%zu records came more than once and are here once."
		    "</p>\n",
		    h->calls.repeated);
	if (h->calls.unread > 0)
		(void)fprintf(p->f, "<p>%zu PS-PDUs cannot be read.</p>\n",
		    h->calls.unread);
	if (p->captured) {
		for (size_t i = 0; i < streams_n_strangers(h->streams); i++)
			packets += streams_stranger(h->streams, i)->packets;
		if (packets > 0)
			(void)fprintf(p->f,
			    "<p>The capture has %" PRIu64
			    " packets of RTP that no key of these records"
			    " opens.</p>\n",
			    packets);
		if (h->key_counts.sealed > 0)
			(void)fprintf(p->f,
			    "<p>%zu keys are sealed to the agency and were not"
			    " opened.</p>\n",
			    h->key_counts.sealed);
		if (h->capture.fragments > 0)
			(void)fprintf(p->f,
			    "<p>%" PRIu64
			    " fragments of IP were not read.</p>\n",
			    h->capture.fragments);
	}
	(void)fputs("</footer>\n", p->f);
}

static enum err
put_page(struct page *p, struct why *why)
{
	const struct calls *s = &p->hear.calls;
	enum err rc = ERR_OK;

	(void)fputs(head, p->f);
	(void)fputs("<title>Intercepted calls</title>\n<style>\n", p->f);
	(void)fputs(page_style, p->f);
	(void)fprintf(p->f,
	    "</style>\n</head>\n<body>\n<header><h1>Intercepted call%s</h1>\n"
	    "<p class=\"note\">HI2 records%s, as keywarden-lemf reads"
	    " them.</p></header>\n",
	    s->n == 1 ? "" : "s", p->captured ? " and captured speech" : "");
	put_nav(p);
	(void)fputs("<main>\n", p->f);
	for (size_t i = 0; rc == ERR_OK && i < s->n; i++)
		rc = page_call(p, i, why);
	(void)fputs("</main>\n", p->f);
	put_rest(p);
	(void)fputs("</body>\n</html>\n", p->f);
	return rc;
}

static enum err
check_size(const struct page *p, struct why *why)
{
	const struct calls *s = &p->hear.calls;
	size_t records = 0;

	for (size_t i = 0; i < s->n; i++)
		records += s->call[i]->n_records;
	if (s->n <= PAGE_CALLS_MAX && records <= PAGE_RECORDS_MAX)
		return ERR_OK;
	return why_set(why, ERR_FULL,
	    "%zu calls, %zu records: a page has room for %d and %d, take fewer"
	    " files",
	    s->n, records, PAGE_CALLS_MAX, PAGE_RECORDS_MAX);
}

/* Under its name once all of it is there. */
static enum err
save(struct page *p, const char *path, struct why *why)
{
	const size_t len = strlen(path) + sizeof(".part");
	char *part = malloc(len);
	enum err rc;
	int fd;

	if (part == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	(void)snprintf(part, len, "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	p->f = fd == -1 ? NULL : fdopen(fd, "w");
	if (p->f == NULL) {
		if (fd != -1)
			(void)close(fd);
		rc = why_errno(why, "cannot create %s", part);
		goto out;
	}
	rc = put_page(p, why);
	if (rc == ERR_OK && ferror(p->f) != 0)
		rc = why_errno(why, "cannot write %s", part);
	if (fclose(p->f) != 0 && rc == ERR_OK)
		rc = why_errno(why, "cannot write %s", part);
	if (rc == ERR_OK && rename(part, path) == -1)
		rc = why_errno(why, "cannot create %s", path);
	if (rc != ERR_OK)
		(void)unlink(part);
out:
	free(part);
	return rc;
}

static int
make_page(struct page *p, char **files, int n, const char *pcap,
    const char *out)
{
	struct why why = {""};
	enum err rc;

	p->captured = pcap != NULL;
	p->audio_left = PAGE_AUDIO_MAX;
	p->hear.with_cipher = true;
	if ((rc = hear_records(&p->hear, files, n, &why)) == ERR_OK &&
	    (rc = check_size(p, &why)) == ERR_OK && pcap != NULL)
		rc = hear_capture(&p->hear, pcap, p->opener, &why);
	if (rc == ERR_OK)
		rc = save(p, out, &why);
	if (rc != ERR_OK) {
		lemf_say("%s", why.text);
		return rc == ERR_IO ? LEMF_FILE : LEMF_WRONG;
	}
	if (p->hear.calls.unread > 0) {
		lemf_say("%s", p->hear.calls.first_unread.text);
		return LEMF_WRONG;
	}
	return LEMF_DONE;
}

int
run_page(const struct verb *v, int argc, char **argv)
{
	const char *open_key = NULL, *open_cert = NULL, *pcap = NULL,
		   *out = NULL;
	struct page *p = calloc(1, sizeof(*p));
	struct opener *opener = NULL;
	int code = LEMF_FILE, n;
	char **files;

	if (p == NULL) {
		lemf_say("out of memory");
		return code;
	}
	const struct lemf_option options[] = {{"pcap", &pcap, NULL},
	    {"out", &out, NULL}, {"keys", NULL, &p->keys},
	    {"open-key", &open_key, NULL}, {"open-cert", &open_cert, NULL},
	    {NULL, NULL, NULL}};

	if ((n = lemf_options(v, argc, argv, options, &files, &code)) == -1)
		goto out;
	if (n == 0 || out == NULL)
		code = lemf_misuse(v, "%s",
		    n == 0 ? "which files of records?"
			   : "--out: which file is the page to be?");
	else if ((code = lemf_opener(v, open_key, open_cert, &opener)) ==
	    LEMF_DONE) {
		p->opener = opener;
		code = make_page(p, files, n, pcap, out);
	}
out:
	hear_done(&p->hear);
	opener_free(&opener);
	free(p);
	return code;
}
