/*
 * A stream of PS-PDUs as an LEMF, or somebody in its place, sends it.  Its
 * PDUs end at the same places whether it comes at once or octet by octet;
 * views lie in the PDU; what is read of transport information and written
 * again is read as the same.
 *
 * Input: the stream.
 */
#include <stdlib.h>
#include <string.h>

#include "der_mutate.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"

#define MOST 4096 /* octets of a PDU */

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed)
{
	return der_mutate(data, size, max_size, seed);
}

static void
must_be_same(const struct tri *a, const struct tri *b)
{
	const struct tri_integrity *c = &a->u.integrity, *d = &b->u.integrity;

	MUST(a->kind == b->kind);
	if (a->kind == TRI_INTEGRITY_CHECK)
		MUST(c->check == d->check && c->data == d->data &&
		    c->hash == d->hash && c->signature == d->signature &&
		    rd_equal(&c->value, &d->value));
	if (a->kind == TRI_OPERATOR_LEA_MESSAGE)
		MUST(a->u.message.priority == b->u.message.priority &&
		    rd_equal(&a->u.message.text, &b->u.message.text));
	if (a->kind == TRI_OPTION_REQUEST)
		MUST(a->u.asks == b->u.asks);
	if (a->kind == TRI_OPTION_RESPONSE)
		MUST(a->u.answer.accepted == b->u.answer.accepted &&
		    a->u.answer.declined == b->u.answer.declined);
}

static size_t
count(struct rd included)
{
	uint32_t number;
	size_t n = 0;

	for (; included.left > 0; n++)
		MUST(tri_included_get(&included, &number) == ERR_OK);
	return n;
}

/* Written again, where there is an encoding of it. */
static void
write_again(const struct ps_pdu *p, const struct tri *t)
{
	struct ps_header h = {.liid = p->liid,
	    .cin = p->cin,
	    .sequence = p->sequence,
	    .seconds = p->seconds,
	    .nanoseconds = p->nanoseconds};
	static uint8_t out[TRI_MAX + MOST];
	struct iri_profile profile;
	struct ps_pdu q;
	struct tri again;
	struct rd pdu;
	size_t len;

	MUST(iri_profile_named("etsi", &profile) == ERR_OK &&
	    iri_profile_set(&profile, "operator_id", "OP", NULL) == ERR_OK);
	if (tri_encode(&profile, &h, t, out, sizeof(out), &len) != ERR_OK)
		return;
	rd_init(&pdu, out, len);
	MUST(ps_pdu_read(pdu, &q) == ERR_OK && q.kind == PS_TRI);
	MUST(rd_equal(&p->liid, &q.liid) && p->sequence == q.sequence &&
	    p->cin == q.cin && q.has_time && q.seconds == p->seconds &&
	    q.nanoseconds / 1000 == p->nanoseconds / 1000);
	MUST(tri_read(q.payload, &again) == ERR_OK);
	must_be_same(t, &again);
	if (t->kind == TRI_INTEGRITY_CHECK)
		MUST(count(t->u.integrity.included) ==
		    count(again.u.integrity.included));
}

static void
one_pdu(struct rd pdu)
{
	struct rd own = own_copy(pdu);
	struct ps_pdu p;
	struct tri t;
	enum err rc = ps_pdu_read(own, &p);

	MUST(rc == ERR_OK || rc == ERR_MALFORMED);
	if (rc == ERR_OK) {
		must_be_within(own, p.liid);
		must_be_within(own, p.operator_id);
		must_be_within(own, p.element_id);
		must_be_within(own, p.payload);
		MUST(!p.has_time ||
		    (p.seconds >= 0 && p.seconds <= PS_SECONDS_MAX &&
			p.nanoseconds < 1000000000));
		rc = tri_read(p.payload, &t);
		MUST(rc == ERR_OK || rc == ERR_MALFORMED);
		if (rc == ERR_OK && t.kind == TRI_INTEGRITY_CHECK) {
			must_be_within(own, t.u.integrity.included);
			must_be_within(own, t.u.integrity.value);
		}
		if (rc == ERR_OK && p.kind == PS_TRI)
			write_again(&p, &t);
	}
	own_free(&own);
}

/* Octet by octet; the result is what it is for all of them at once. */
static void
must_end_alike(struct rd all, enum err rc, size_t len)
{
	struct ber_frame f = {0};
	enum err slow = ERR_AGAIN;
	size_t got = 0, n = 0;
	struct rd have;

	while (slow == ERR_AGAIN && got < all.left) {
		rd_init(&have, all.p, ++got);
		slow = ps_pdu_frame(&f, have, MOST, &n);
	}
	MUST(slow == rc);
	if (rc == ERR_OK)
		MUST(n == len && got == len && f.at == 0 && f.depth == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ber_frame f = {0};
	struct rd all, pdu;
	size_t len = 0;
	enum err rc;

	rd_init(&all, data, size);
	while (all.left > 0) {
		f = (struct ber_frame){0};
		rc = ps_pdu_frame(&f, all, MOST, &len);
		MUST(rc == ERR_OK || rc == ERR_AGAIN || rc == ERR_MALFORMED ||
		    rc == ERR_TOOBIG);
		must_end_alike(all, rc, len);
		if (rc != ERR_OK)
			break;
		MUST(len > 0 && rd_view(&all, len, &pdu) == ERR_OK);
		one_pdu(pdu);
	}
	return 0;
}
