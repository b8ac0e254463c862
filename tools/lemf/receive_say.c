/* What `receive` says: a line of text or a JSON object for each event. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "lemf/print.h"
#include "lemf/receive.h"

#define ESCAPED(n) (4 * (n) + 1)

static json_t *
event_json(struct receive *r, const struct link *l, const char *event,
    bool wrong)
{
	json_t *j = json_object();

	print_set(j, "event", json_string(event));
	print_set(j, "wrong", json_boolean(wrong));
	if (l != NULL)
		print_set(j, "connection", json_integer(l->number));
	r->wrong |= wrong;
	return j;
}

void
say_link(struct receive *r, const struct link *l, const char *event,
    const char *more, bool wrong)
{
	r->wrong |= wrong;
	if (r->json) {
		json_t *j = event_json(r, l, event, wrong);

		if (more != NULL)
			print_set(j, "text", json_string(more));
		print_json_line(j);
		return;
	}
	if (wrong)
		(void)fputs("WRONG: ", stdout);
	if (l != NULL)
		(void)printf("connection %u: ", l->number);
	(void)printf("%s%s%s\n", event, more != NULL ? ": " : "",
	    more != NULL ? more : "");
}

/* ---- records ---- */

static void
say_event_json(struct receive *r, const struct order_event *e, bool wrong)
{
	json_t *j = event_json(r, r->now, order_name(e->what), wrong);

	print_event_json(j, e);
	print_json_line(j);
}

void
say_event(void *ctx, const struct order_event *e)
{
	struct receive *r = ctx;
	const bool wrong = order_is_wrong(e->what);

	if (r->now == NULL)
		return; /* it was there before */
	r->wrong |= wrong;
	r->counts[e->what] += e->what == ORDER_GAP ? e->count : 1;
	if (r->json)
		say_event_json(r, e, wrong);
	else
		print_event(stdout, e);
	if (r->once > 0 && r->counts[ORDER_NEW] == r->once &&
	    e->what == ORDER_NEW)
		receive_end(r);
}

void
say_unreadable(struct receive *r, const struct link *l, struct rd liid,
    const char *why)
{
	char text[ESCAPED(MAX_LIID)];

	r->unreadable++;
	if (r->json) {
		json_t *j = event_json(r, l, "unreadable", true);

		if (liid.left > 0)
			print_set(j, "liid", print_octets(liid));
		print_set(j, "text", json_string(why));
		print_json_line(j);
		return;
	}
	r->wrong = true;
	(void)printf("WRONG: %s  a PDU is not readable: %s\n",
	    liid.left > 0 ? log_escape(liid.p, liid.left, text, sizeof(text))
			  : "no LIID",
	    why);
}

void
say_message(struct receive *r, const struct link *l, const struct record *rec)
{
	const bool wrong = rec->tri.u.message.priority == TRI_ERROR;
	const struct rd text = rec->tri.u.message.text;
	char escaped[ESCAPED(TRI_MESSAGE_MAX)];

	say_link(r, l, "message",
	    log_escape(text.p, text.left, escaped, sizeof(escaped)), wrong);
}

void
say_cut(void *ctx, const char *file, uint64_t octets)
{
	struct receive *r = ctx;
	char text[STORE_NAME + 64];

	(void)snprintf(text, sizeof(text),
	    "%s: %" PRIu64 " octets of a PDU that was not whole", file, octets);
	say_link(r, NULL, "cut", text, false);
}

void
say_summary(struct receive *r)
{
	const uint64_t *n = r->counts;
	json_t *j;

	if (!r->json) {
		(void)printf("%" PRIu64 " records, %" PRIu64 " of them again; "
			     "%" PRIu64 " missing, %" PRIu64 " late, %" PRIu64
			     " with other octets, %" PRIu64 " not readable\n",
		    n[ORDER_NEW] + n[ORDER_LATE] + n[ORDER_AGAIN] +
			n[ORDER_OLD] + n[ORDER_OTHER],
		    n[ORDER_AGAIN], n[ORDER_GAP], n[ORDER_LATE], n[ORDER_OTHER],
		    r->unreadable);
		return;
	}
	j = event_json(r, NULL, "end", r->wrong);
	for (int i = 0; i < ORDER__MAX; i++)
		print_set(j, order_name((enum order_what)i),
		    json_integer((json_int_t)n[i]));
	print_set(j, "unreadable", json_integer((json_int_t)r->unreadable));
	print_json_line(j);
}
