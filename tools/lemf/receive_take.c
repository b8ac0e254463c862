/* What is done with a PDU that has come. */
#include <time.h>

#include "lemf/receive.h"

#include "base/clock.h"

static void
answer(struct link *l, uint32_t sequence, const struct tri *t)
{
	struct ps_header h = {.sequence = sequence, .seconds = clock_seconds()};
	uint8_t octets[TRI_MAX];
	size_t len;

	rd_init(&h.liid, TRI_LIID, sizeof(TRI_LIID) - 1);
	if (tri_encode(&l->r->profile, &h, t, octets, sizeof(octets), &len) !=
	    ERR_OK)
		link_close(l, "an answer cannot be encoded");
	else
		link_answer(l, octets, len);
}

static void
answer_option(struct link *l, const struct record *r)
{
	struct tri t = {.kind = TRI_OPTION_RESPONSE};

	l->acknowledges = r->tri.u.asks && l->r->acknowledge;
	t.u.answer.accepted = l->acknowledges;
	t.u.answer.declined = r->tri.u.asks && !l->r->acknowledge;
	say_link(l->r, l, "option",
	    !r->tri.u.asks	  ? "unknown"
		: l->acknowledges ? "pDUAcknowledgement accepted"
				  : "pDUAcknowledgement declined",
	    false);
	answer(l, r->sequence, &t);
}

/* What the ends say to each other, which is in no file; false: it is not. */
static bool
take_transport(struct link *l, const struct record *r)
{
	struct tri t = {.kind = TRI_KEEP_ALIVE_RESPONSE};

	switch (r->tri.kind) {
	case TRI_KEEP_ALIVE:
		answer(l, r->sequence, &t);
		return true;
	case TRI_OPTION_REQUEST:
		answer_option(l, r);
		return true;
	case TRI_ACKNOWLEDGEMENT_REQUEST:
		t.kind = TRI_ACKNOWLEDGEMENT_RESPONSE;
		if (l->acknowledges)
			answer(l, r->sequence, &t);
		else
			say_link(l->r, l, "acknowledgement",
			    "asked for, and not agreed", true);
		return true;
	case TRI_OPERATOR_LEA_MESSAGE:
		say_message(l->r, l, r);
		return true;
	case TRI_TEST:
		say_link(l->r, l, "test", "testPDU", false);
		return true;
	case TRI_PADDING:
	case TRI_OPTION_COMPLETE:
	case TRI_KEEP_ALIVE_RESPONSE:
	case TRI_OPTION_RESPONSE:
	case TRI_ACKNOWLEDGEMENT_RESPONSE:
		return true;
	case TRI_INTEGRITY_CHECK:
	case TRI_CIN_RESET:
	case TRI_FIRST_SEGMENT:
	case TRI_LAST_SEGMENT:
	case TRI_OTHER:
		break;
	}
	return false;
}

/*
 * It is put into its file before it is judged: whatever is wrong with it, the
 * sender will not send it again.
 */
enum err
receive_take(struct link *l, struct rd pdu)
{
	struct receive *r = l->r;
	struct why unread = {""}, why = {""};
	const enum err read = record_read(pdu, r->record, &unread);
	struct order_place where;
	enum err rc;

	if (read == ERR_OK && r->record->event == RECORD_TRI &&
	    take_transport(l, r->record))
		return ERR_OK;
	rc = store_put(r->store, r->record->liid, pdu, &where, &why);
	if (rc == ERR_FULL) {
		say_link(r, l, "full", why.text, true);
		link_close(l, "no room on the disk");
		return ERR_OK;
	}
	if (rc != ERR_OK) {
		receive_fail(r, &why);
		return rc;
	}
	r->now = l;
	if (read != ERR_OK)
		say_unreadable(r, l, r->record->liid, unread.text);
	if (r->record->liid.left > 0 &&
	    (rc = order_take(r->order, r->record, &where)) != ERR_OK)
		receive_fail(r, &(struct why){"out of memory"});
	return rc;
}

enum err
receive_had(void *ctx, struct rd pdu, const struct order_place *where)
{
	struct receive *r = ctx;

	/* What is not readable was told of when it came. */
	return record_read(pdu, r->record, NULL) == ERR_OK ||
		r->record->liid.left > 0
	    ? order_take(r->order, r->record, where)
	    : ERR_OK;
}

/* What was there before is taken on trust: it was judged when it came. */
static enum err
read_back(void *ctx, const struct order_place *where, uint8_t *out)
{
	struct receive *r = ctx;

	return r->store != NULL ? store_read(r->store, where, out) : ERR_IO;
}

enum err
receive_order(struct receive *r, struct rd verify_key)
{
	const struct order_ops ops = {.read = read_back,
	    .event = say_event,
	    .ctx = r,
	    .verify_key = verify_key};

	return order_new(&ops, &r->order);
}
