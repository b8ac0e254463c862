#include <inttypes.h>
#include <stdlib.h>

#include "lemf/page.h"

static enum page_what
what_of(const struct call_record *r)
{
	switch (r->event) {
	case RECORD_KEYS:
		return PAGE_KEYS;
	case RECORD_NO_KEYS:
		return PAGE_NO_KEYS;
	case RECORD_SIP:
		/* Of a message it says whose it is. */
		return r->initiator == RECORD_ORIGINATING ? PAGE_FROM_TARGET
		    : r->initiator == RECORD_TERMINATING  ? PAGE_TO_TARGET
							  : PAGE_SIP;
	case RECORD_OTHER:
	case RECORD_TRI:
	case RECORD_UNREAD:
		break;
	}
	return PAGE_OTHER;
}

/* By time; what has none keeps its place behind the others. */
static int
by_time(const void *a, const void *b)
{
	const struct page_event *x = a, *y = b;

	if (x->has_time != y->has_time)
		return x->has_time ? -1 : 1;
	if (x->has_time && x->us != y->us)
		return x->us < y->us ? -1 : 1;
	if ((x->stream == NULL) != (y->stream == NULL))
		return x->stream == NULL ? -1 : 1;
	return (x->record > y->record) - (x->record < y->record);
}

enum err
page_events(const struct page *p, size_t call, struct page_events *out)
{
	const struct call *c = p->hear.calls.call[call];
	const size_t streams = p->captured ? streams_n(p->hear.streams) : 0;
	struct page_event *e = calloc(c->n_records + streams + 1, sizeof(*e));

	*out = (struct page_events){.event = e};
	if (e == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->n_records; i++) {
		const struct call_record *r = &c->record[i];

		e[out->n++] = (struct page_event){.what = what_of(r),
		    .has_time = r->has_time,
		    .us = r->seconds * 1000000 + r->nanoseconds / 1000,
		    .record = i};
	}
	for (size_t i = 0; i < streams; i++) {
		const struct stream *s = streams_at(p->hear.streams, i);

		if (s->key->call == call && s->opened > 0)
			e[out->n++] = (struct page_event){.what = PAGE_SPEECH,
			    .has_time = true,
			    .us = s->first_us,
			    .record = i,
			    .stream = s};
	}
	qsort(e, out->n, sizeof(*e), by_time);
	return ERR_OK;
}

void
page_event_text(const struct page *p, const struct call *c,
    const struct page_event *e, size_t max)
{
	const struct call_record *r =
	    e->what == PAGE_SPEECH ? NULL : &c->record[e->record];

	switch (e->what) {
	case PAGE_FROM_TARGET:
	case PAGE_TO_TARGET:
	case PAGE_SIP:
		html_short(p->f, record_first_line(r->sip), max);
		return;
	case PAGE_KEYS:
		(void)fprintf(p->f, "%u session key%s", r->n_keys,
		    r->n_keys == 1 ? "" : "s");
		return;
	case PAGE_NO_KEYS:
		(void)fputs("no keys can be had", p->f);
		return;
	case PAGE_OTHER:
		(void)fputs("another event", p->f);
		return;
	case PAGE_SPEECH:
		(void)fprintf(p->f, "SRTP %08" PRIx32 ", %.1f s, decrypted",
		    e->stream->ssrc, hear_seconds(&p->hear, e->stream));
		return;
	}
}
