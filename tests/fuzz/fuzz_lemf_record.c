/*
 * A stream of PS-PDUs as keywarden-lemf reads it: every view of a record lies
 * in its PDU; what is not readable has no LIID or that of its header; a record
 * read again is the same one; and `order` has one verdict on each, new only
 * once for the same PDU.
 *
 * Input: the stream.
 */
#include "der_mutate.h"
#include "hi2/ps_pdu.h"
#include "lemf/order.h"
#include "lemf/sealed.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	return der_mutate(data, size, max_size, seed);
}

static struct rd stream;
static uint64_t verdicts;
static enum order_what verdict;

static enum err
read_back(void *ctx, const struct order_place *where, uint8_t *out)
{
	struct rd in = stream, before;

	(void)ctx;
	MUST(rd_view(&in, (size_t)where->at, &before) == ERR_OK);
	MUST(rd_copy(&in, out, where->len) == ERR_OK);
	return ERR_OK;
}

static void
on_event(void *ctx, const struct order_event *e)
{
	const struct record *r = e->record;

	(void)ctx;
	MUST(e->what < ORDER__MAX && order_name(e->what) != NULL);
	MUST(e->what != ORDER_GAP || (e->count > 0 && e->number < r->sequence));
	verdicts += e->what == ORDER_GAP ? 0 : 1;
	verdict = e->what;
}

static void
must_be_whole(struct rd pdu, const struct record *r)
{
	struct clear_key k;

	must_be_within(pdu, r->liid);
	must_be_within(pdu, r->operator_id);
	must_be_within(pdu, r->element_id);
	must_be_within(pdu, r->correlation);
	must_be_within(pdu, r->sip);
	MUST(r->n_targets <= RECORD_TARGETS_MAX && r->n_keys <= MAX_CS);
	for (unsigned i = 0; i < r->n_targets; i++)
		must_be_within(pdu, r->targets[i]);
	for (unsigned i = 0; i < r->n_keys; i++) {
		must_be_within(pdu, r->keys[i].cs_id);
		must_be_within(pdu, r->keys[i].key);
		must_be_within(pdu, r->keys[i].salt);
		MUST(!r->keys[i].sealed ||
		    sealed_key(NULL, r, i, &k, NULL) == ERR_DENIED);
		MUST(r->keys[i].sealed ||
		    (sealed_key(NULL, r, i, &k, NULL) == ERR_OK) ==
			(r->keys[i].key.left <= CLEAR_KEY_MAX &&
			    r->keys[i].salt.left <= CLEAR_KEY_MAX));
	}
	MUST(record_event_name(r) != NULL);
	MUST(record_sip_line(r).left <= r->sip.left);
}

static void
one_pdu(struct order *o, struct rd pdu, uint64_t at)
{
	static struct record r, again;
	const struct order_place where = {0, (uint32_t)pdu.left, at};
	struct why why = {""};
	struct rd own = own_copy(pdu);
	const enum err rc = record_read(own, &r, &why);
	bool counts;

	MUST((rc == ERR_OK) == (why.text[0] == '\0'));
	MUST(rc != ERR_OK || r.liid.left > 0);
	must_be_whole(own, &r);
	MUST(record_read(own, &again, NULL) == rc);
	MUST(rd_equal(&r.liid, &again.liid) && r.event == again.event &&
	    r.sequence == again.sequence && r.n_keys == again.n_keys);
	if (r.liid.left > 0) {
		counts = r.event != RECORD_TRI || r.tri.kind == TRI_CIN_RESET ||
		    r.tri.kind == TRI_INTEGRITY_CHECK;
		verdicts = 0;
		MUST(order_take(o, &r, &where) == ERR_OK);
		MUST(verdicts == (counts ? 1 : 0));
		if (r.event != RECORD_TRI) {
			MUST(order_take(o, &r, &where) == ERR_OK);
			MUST(verdict == ORDER_AGAIN || verdict == ORDER_OTHER ||
			    verdict == ORDER_OLD);
		}
	}
	own_free(&own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct order_ops ops = {.read = read_back, .event = on_event};
	struct ber_frame frame = {.at = 0};
	struct order *o = NULL;
	struct rd in, pdu;
	size_t len;

	rd_init(&stream, data, size);
	in = stream;
	MUST(order_new(&ops, &o) == ERR_OK);
	while (ps_pdu_frame(&frame, in, RECORD_PDU_MAX, &len) == ERR_OK) {
		const uint64_t at = stream.left - in.left;

		MUST(rd_view(&in, len, &pdu) == ERR_OK);
		one_pdu(o, pdu, at);
	}
	order_free(&o);
	return 0;
}
