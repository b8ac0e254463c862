#include <inttypes.h>

#include "base/log.h"
#include "lemf/print.h"

#define LIID_TEXT (4 * MAX_LIID + 1)

/* What stands around the number of what has nothing else to say. */
static const struct {
	const char *before, *behind;
} words[ORDER__MAX] = {
    [ORDER_LATE] = {"number", " has come late"},
    [ORDER_AGAIN] = {"number", " again"},
    [ORDER_OTHER] = {"number", " again, with other octets"},
    [ORDER_OLD] = {"number", " of long ago"},
    [ORDER_RESET] = {"cINReset", ": numbers begin anew"},
    [ORDER_RESET_AGAIN] = {"cINReset", " again"},
    [ORDER_HASH_BAD] = {"hash", " is not that of its records"},
    [ORDER_HASH_OPEN] = {"hash", " of a record that is not there"},
    [ORDER_HASH_KIND] = {"hash", " of a kind that does not count"},
    [ORDER_SIGNATURE_BAD] = {"signature", " is not that of its hashes"},
    [ORDER_SIGNATURE_OPEN] = {"signature", " of a hash that is not there"},
    [ORDER_SIGNATURE_KIND] = {"signature",
	" of a kind that does not count, or of another kind of key"},
    [ORDER_SIGNATURE_NO_KEY] = {"signature",
	" is not verified without --verify-key"},
};

/* What follows LIID and CIN. */
static void
put_event(FILE *f, const struct order_event *e)
{
	const uint32_t n = e->number, count = e->count;

	if (e->what == ORDER_NEW)
		(void)fprintf(f, "number %" PRIu32 ": %s", n,
		    record_event_name(e->record));
	else if (e->what == ORDER_GAP)
		(void)fprintf(f,
		    "%" PRIu32 " records are missing from number %" PRIu32
		    " on",
		    count, n);
	else if (e->what == ORDER_HASH)
		(void)fprintf(f,
		    "hash %" PRIu32 " of %" PRIu32 " records holds", n, count);
	else if (e->what == ORDER_SIGNED)
		(void)fprintf(f,
		    "signature %" PRIu32 " of %" PRIu32 " hashes holds", n,
		    count);
	else
		(void)fprintf(f, "%s %" PRIu32 "%s", words[e->what].before, n,
		    words[e->what].behind);
}

void
print_event(FILE *f, const struct order_event *e)
{
	const struct record *r = e->record;
	char liid[LIID_TEXT];

	(void)fprintf(f, "%s%s", order_is_wrong(e->what) ? "WRONG: " : "",
	    log_escape(r->liid.p, r->liid.left, liid, sizeof(liid)));
	if (r->has_cin)
		(void)fprintf(f, "  CIN %" PRIu32, r->cin);
	(void)fputs("  ", f);
	put_event(f, e);
	(void)fputc('\n', f);
}

void
print_event_json(json_t *j, const struct order_event *e)
{
	const struct record *r = e->record;

	(void)json_object_set_new(j, "liid", print_octets(r->liid));
	if (r->has_cin)
		(void)json_object_set_new(j, "cin", json_integer(r->cin));
	(void)json_object_set_new(j, "number", json_integer(e->number));
	if (e->what == ORDER_NEW || e->what == ORDER_LATE)
		(void)json_object_set_new(j, "record",
		    json_string(record_event_name(r)));
	else if (e->what == ORDER_GAP || e->what == ORDER_HASH ||
	    e->what == ORDER_SIGNED)
		(void)json_object_set_new(j, "count", json_integer(e->count));
}
