#include <inttypes.h>

#include "lemf/page.h"

/* Units of the drawing. */
#define WIDTH 960
#define CLOCK_X 84 /* where offsets end */
#define TARGET_X 170
#define NETWORK_X 520
#define LEMF_X 870
#define TOP 64
#define ROW 40
#define TEXT_MAX 42 /* characters between two lanes */

static const char *
class_of(enum page_what what)
{
	switch (what) {
	case PAGE_FROM_TARGET:
	case PAGE_TO_TARGET:
	case PAGE_SIP:
		return "sip";
	case PAGE_KEYS:
		return "keys";
	case PAGE_NO_KEYS:
		return "bad";
	case PAGE_OTHER:
		return "other";
	case PAGE_SPEECH:
		return "speech";
	}
	return "other";
}

static const char *
from_of(enum page_what what)
{
	return what == PAGE_FROM_TARGET ? "target"
	    : what == PAGE_SPEECH	? "network and target"
					: "network";
}

static const char *
to_of(enum page_what what)
{
	return what == PAGE_FROM_TARGET ? "network"
	    : what == PAGE_TO_TARGET	? "target"
	    : what == PAGE_SPEECH	? ""
					: "LEMF";
}

/* Seconds since the first event that has a time. */
static void
put_offset(FILE *f, const struct page_events *all, const struct page_event *e)
{
	if (e->has_time)
		(void)fprintf(f, "+%.3f s",
		    (double)(e->us - all->event[0].us) / 1e6);
}

static void
line(FILE *f, const char *class, int from, int to, int y, bool arrow)
{
	const int head = from < to ? -9 : 9;

	(void)fprintf(f, "<path class=\"%s\" d=\"M%d %dH%d\"/>", class, from, y,
	    to);
	if (arrow)
		(void)fprintf(f,
		    "<path class=\"%s head\" d=\"M%d %dl%d -4v8z\"/>", class,
		    to, y, head);
}

static void
dot(FILE *f, const char *class, int x, int y)
{
	(void)fprintf(f,
	    "<circle class=\"%s dot\" cx=\"%d\" cy=\"%d\" r=\"4\"/>", class, x,
	    y);
}

static void
label(const struct page *p, const struct call *c, const struct page_event *e,
    int x, int y)
{
	(void)fprintf(p->f, "<text class=\"mid\" x=\"%d\" y=\"%d\">", x, y - 6);
	page_event_text(p, c, e, TEXT_MAX);
	(void)fputs("</text>", p->f);
}

static void
row(const struct page *p, size_t call, const struct page_events *all, size_t i)
{
	const struct page_event *e = &all->event[i];
	const struct call *c = p->hear.calls.call[call];
	const char *class = class_of(e->what);
	const int y = TOP + (int)i * ROW + ROW / 2 + 6;
	const bool sip = e->what == PAGE_FROM_TARGET ||
	    e->what == PAGE_TO_TARGET || e->what == PAGE_SPEECH;

	(void)fprintf(p->f, "<text class=\"clock\" x=\"%d\" y=\"%d\">", CLOCK_X,
	    y + 4);
	put_offset(p->f, all, e);
	(void)fputs("</text>\n", p->f);
	if (e->what == PAGE_SPEECH)
		(void)fprintf(p->f, "<a href=\"#c%zu-s%zu\">", call,
		    e->stream->index);
	else
		(void)fprintf(p->f, "<a href=\"#c%zu-r%zu\">", call, e->record);
	if (e->what == PAGE_FROM_TARGET)
		line(p->f, class, TARGET_X, NETWORK_X, y, true);
	else if (e->what == PAGE_TO_TARGET)
		line(p->f, class, NETWORK_X, TARGET_X, y, true);
	else if (e->what == PAGE_SPEECH)
		(void)fprintf(p->f,
		    "<rect class=\"speech\" x=\"%d\" y=\"%d\" width=\"%d\""
		    " height=\"8\" rx=\"4\"/>",
		    TARGET_X, y - 3, NETWORK_X - TARGET_X);
	else
		line(p->f, class, NETWORK_X, LEMF_X, y, true);
	/* A message is reported as a record of its own. */
	if (e->what == PAGE_FROM_TARGET || e->what == PAGE_TO_TARGET) {
		line(p->f, "report", NETWORK_X, LEMF_X, y, false);
		dot(p->f, "sip", LEMF_X, y);
	}
	label(p, c, e,
	    sip ? (TARGET_X + NETWORK_X) / 2 : (NETWORK_X + LEMF_X) / 2, y);
	(void)fputs("</a>\n", p->f);
}

static void
lane(FILE *f, const char *name, int x, int bottom)
{
	(void)fprintf(f,
	    "<path class=\"lane\" d=\"M%d %dV%d\"/>"
	    "<rect class=\"lane-head\" x=\"%d\" y=\"16\" width=\"120\""
	    " height=\"32\" rx=\"6\"/>"
	    "<text class=\"mid lane-name\" x=\"%d\" y=\"37\">%s</text>\n",
	    x, TOP - 16, bottom, x - 60, x, name);
}

void
page_ladder(const struct page *p, size_t call, const struct page_events *all)
{
	const size_t n = all->n < PAGE_ROWS_MAX ? all->n : PAGE_ROWS_MAX;
	const int height = TOP + (int)n * ROW + 16;
	FILE *f = p->f;

	(void)fprintf(f,
	    "<figure><svg class=\"ladder\" role=\"img\" viewBox=\"0 0 %d %d\""
	    " aria-labelledby=\"c%zu-lt c%zu-ld\">\n"
	    "<title id=\"c%zu-lt\">Course of the call</title>\n"
	    "<desc id=\"c%zu-ld\">%zu events between target, network and"
	    " LEMF, from top to bottom; the table below has the same.</desc>\n",
	    WIDTH, height, call, call, call, call, all->n);
	lane(f, "Target", TARGET_X, height - 8);
	lane(f, "Network", NETWORK_X, height - 8);
	lane(f, "LEMF", LEMF_X, height - 8);
	for (size_t i = 0; i < n; i++)
		row(p, call, all, i);
	(void)fputs("</svg>\n", f);
	if (n < all->n)
		(void)fprintf(f,
		    "<figcaption>The first %zu of %zu events; the table has"
		    " all.</figcaption>\n",
		    n, all->n);
	(void)fputs("</figure>\n", f);
}

void
page_table(const struct page *p, size_t call, const struct page_events *all)
{
	const struct call *c = p->hear.calls.call[call];
	FILE *f = p->f;

	(void)fputs("<details class=\"as-table\"><summary>The same as a table"
		    "</summary>\n<div class=\"wide\"><table><thead><tr>"
		    "<th scope=\"col\">Time</th><th scope=\"col\">Since the"
		    " first</th><th scope=\"col\">From</th><th scope=\"col\">To"
		    "</th><th scope=\"col\">What</th></tr></thead>\n<tbody>\n",
	    f);
	for (size_t i = 0; i < all->n; i++) {
		const struct page_event *e = &all->event[i];

		(void)fputs("<tr><td>", f);
		if (e->has_time)
			html_time(f, e->us);
		(void)fputs("</td><td class=\"num\">", f);
		put_offset(f, all, e);
		(void)fprintf(f, "</td><td>%s</td><td>%s</td><td>",
		    from_of(e->what), to_of(e->what));
		(void)fprintf(f, "<a href=\"#c%zu-%c%zu\">", call,
		    e->what == PAGE_SPEECH ? 's' : 'r', e->record);
		page_event_text(p, c, e, 120);
		(void)fputs("</a></td></tr>\n", f);
	}
	(void)fputs("</tbody></table></div></details>\n", f);
}
