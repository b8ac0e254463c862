#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lemf/page.h"

/* ---- a record ---- */

static void
put_secret(const struct page *p, const uint8_t *octets, size_t len)
{
	struct rd r;

	rd_init(&r, octets, len);
	(void)fputs("<code>", p->f);
	if (!p->keys)
		(void)fputs("****", p->f);
	else
		html_hex(p->f, r);
	(void)fputs("</code>", p->f);
}

static void
put_key(const struct page *p, const struct record *r, unsigned i)
{
	struct clear_key k;
	struct why why;
	const enum err rc = sealed_key(p->opener, r, i, &k, &why);

	(void)fputs("<tr><td><code>", p->f);
	html_hex(p->f, r->keys[i].cs_id);
	(void)fputs("</code></td><td>", p->f);
	if (rc == ERR_OK)
		put_secret(p, k.key, k.key_len);
	else
		(void)fputs(rc == ERR_DENIED ? "sealed to the agency"
					     : "does not open",
		    p->f);
	(void)fputs("</td><td>", p->f);
	if (rc == ERR_OK && k.salt_len > 0)
		put_secret(p, k.salt, k.salt_len);
	(void)fprintf(p->f, "</td><td>%s</td></tr>\n",
	    r->keys[i].sealed ? "yes" : "no");
	explicit_bzero(&k, sizeof(k));
}

static void
put_keys(const struct page *p, const struct record *r)
{
	if (r->n_keys == 0)
		return;
	(void)fputs("<div class=\"wide\"><table><caption>Session keys</caption>"
		    "<thead><tr><th scope=\"col\">Crypto session</th>"
		    "<th scope=\"col\">Key</th><th scope=\"col\">Salt</th>"
		    "<th scope=\"col\">Sealed</th></tr></thead>\n<tbody>\n",
	    p->f);
	for (unsigned i = 0; i < r->n_keys; i++)
		put_key(p, r, i);
	(void)fputs("</tbody></table></div>\n", p->f);
}

static const char *
name_of(const struct call_record *r)
{
	switch (r->event) {
	case RECORD_KEYS:
		return "session keys available";
	case RECORD_NO_KEYS:
		return "no session keys can be had";
	case RECORD_SIP:
		return "SIP message";
	case RECORD_OTHER:
	case RECORD_TRI:
	case RECORD_UNREAD:
		break;
	}
	return "another event";
}

static enum err
put_record(const struct page *p, size_t call, size_t i, struct record *r)
{
	const struct call_record *of = &p->hear.calls.call[call]->record[i];
	struct rd pdu;
	struct why why;
	enum err rc;

	rd_init(&pdu, of->pdu, of->len);
	if ((rc = record_read(pdu, r, &why)) != ERR_OK)
		return rc;
	(void)fprintf(p->f,
	    "<details class=\"record\" id=\"c%zu-r%zu\"><summary>"
	    "<span class=\"num\">%" PRIu32 "</span> %s",
	    call, i, r->sequence, name_of(of));
	if (r->sip.left > 0) {
		(void)fputs(" <span class=\"first-line\">", p->f);
		html_short(p->f, record_sip_line(r), 60);
		(void)fputs("</span>", p->f);
	}
	(void)fputs("</summary>\n", p->f);
	if (r->has_time) {
		(void)fputs("<p>Intercepted at ", p->f);
		html_time(p->f, r->seconds * 1000000 + r->nanoseconds / 1000);
		(void)fputs("</p>\n", p->f);
	}
	put_keys(p, r);
	if (r->sip.left > 0) {
		(void)fputs("<pre tabindex=\"0\">", p->f);
		html_lines(p->f, r->sip);
		(void)fputs("</pre>\n", p->f);
	}
	(void)fputs("</details>\n", p->f);
	return ERR_OK;
}

static enum err
put_records(const struct page *p, size_t call)
{
	const struct call *c = p->hear.calls.call[call];
	struct record *r = malloc(sizeof(*r));
	enum err rc = r == NULL ? ERR_NOMEM : ERR_OK;

	(void)fputs("<h3>Records</h3>\n", p->f);
	for (size_t i = 0; rc == ERR_OK && i < c->n_records; i++)
		rc = put_record(p, call, i, r);
	free(r);
	return rc;
}

/* ---- the call ---- */

static void
put_facts(const struct page *p, const struct call *c,
    const struct page_events *e)
{
	size_t keys = 0;

	for (size_t i = 0; i < c->n_records; i++)
		keys += c->record[i].n_keys;
	(void)fputs("<dl class=\"facts\">\n<div><dt>LIID</dt><dd>", p->f);
	html_text(p->f, c->liid);
	(void)fputs("</dd></div>\n", p->f);
	if (c->has_cin)
		(void)fprintf(p->f,
		    "<div><dt>CIN</dt><dd>%" PRIu32 "</dd></div>\n", c->cin);
	for (unsigned i = 0; i < c->n_targets; i++) {
		(void)fputs("<div><dt>Target</dt><dd>", p->f);
		html_text(p->f, c->targets[i]);
		(void)fputs("</dd></div>\n", p->f);
	}
	if (c->correlation.left > 0) {
		(void)fputs("<div><dt>Correlation</dt><dd><code>", p->f);
		html_hex(p->f, c->correlation);
		(void)fputs("</code></dd></div>\n", p->f);
	}
	if (e->n > 0 && e->event[0].has_time) {
		(void)fputs("<div><dt>First event</dt><dd>", p->f);
		html_time(p->f, e->event[0].us);
		(void)fputs("</dd></div>\n", p->f);
	}
	(void)fprintf(p->f,
	    "<div><dt>Records</dt><dd>%zu</dd></div>\n"
	    "<div><dt>Session keys</dt><dd>%zu</dd></div>\n</dl>\n",
	    c->n_records, keys);
}

enum err
page_call(struct page *p, size_t call, struct why *why)
{
	const struct call *c = p->hear.calls.call[call];
	struct page_events e;
	enum err rc;

	if ((rc = page_events(p, call, &e)) != ERR_OK)
		return why_set(why, rc, "out of memory");
	(void)fprintf(p->f, "<section class=\"call\" id=\"c%zu\">\n<h2>Call ",
	    call);
	html_text(p->f, c->liid);
	if (c->has_cin)
		(void)fprintf(p->f, " <span class=\"cin\">%" PRIu32 "</span>",
		    c->cin);
	(void)fputs("</h2>\n", p->f);
	put_facts(p, c, &e);
	page_ladder(p, call, &e);
	page_table(p, call, &e);
	if (p->captured)
		rc = page_streams(p, call);
	if (rc == ERR_OK)
		rc = put_records(p, call);
	(void)fputs("</section>\n", p->f);
	free(e.event);
	return rc == ERR_OK ? rc : why_set(why, rc, "%s", err_str(rc));
}
