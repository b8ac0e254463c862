/*
 * A stream of X2 PDUs in pieces: what is found in them must be what a plain
 * reading of the whole stream finds, every view must lie in its PDU, what is
 * written from the fields must read back, and an acknowledgement must carry
 * the number of what it acknowledges.
 *
 * Input: u8 and sizes of the pieces, the stream.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hi2/x2_pdu.h"

/* By arithmetic on the whole: where the PDU ends that starts at `at`. */
static enum err
plain_end(struct rd all, size_t at, size_t *end)
{
	const uint8_t *p = all.p + at;
	uint64_t header = 0, payload = 0;

	if (all.left - at < 12)
		return ERR_AGAIN;
	for (unsigned i = 4; i < 8; i++) {
		header = header << 8 | p[i];
		payload = payload << 8 | p[i + 4];
	}
	if (p[0] != 0 || header < 40 || header + payload > 262144)
		return ERR_MALFORMED;
	if (header + payload > all.left - at)
		return ERR_AGAIN;
	*end = at + (size_t)(header + payload);
	return ERR_OK;
}

static void
put_view(struct wr *w, uint16_t type, struct rd v)
{
	if (v.left == 0)
		return;
	wr_u16(w, type);
	wr_view16(w, v.p, v.left);
}

/* The PDU that these fields make, without what is skipped in reading. */
static void
put(struct wr *w, const struct x2_pdu *x)
{
	struct wr a;

	wr_init(&a, malloc(X2_PDU_MAX), X2_PDU_MAX);
	MUST(a.p != NULL);
	put_view(&a, 17, x->matched_target);
	put_view(&a, 7, x->ipid);
	put_view(&a, 6, x->nfid);
	if (x->has_time) {
		wr_u32(&a, 9 << 16 | 8);
		wr_u32(&a, (uint32_t)x->seconds);
		wr_u32(&a, x->nanoseconds);
	}
	if (x->has_sequence) {
		wr_u32(&a, 8 << 16 | 4);
		wr_u32(&a, x->sequence);
	}
	MUST(a.rc == ERR_OK);
	wr_u8(w, 0);
	wr_u8(w, x->minor);
	wr_u16(w, x->type);
	wr_u32(w, (uint32_t)(40 + a.len));
	wr_u32(w, (uint32_t)x->payload.left);
	wr_u16(w, x->format);
	wr_u16(w, x->direction);
	wr_copy(w, x->xid, sizeof(x->xid));
	wr_copy(w, x->correlation, sizeof(x->correlation));
	wr_copy(w, a.p, a.len);
	wr_copy(w, x->payload.p, x->payload.left);
	MUST(w->rc == ERR_OK);
	free(a.p);
}

static void
must_be_same(const struct x2_pdu *a, const struct x2_pdu *b)
{
	MUST(a->minor == b->minor && a->type == b->type &&
	    a->format == b->format && a->direction == b->direction);
	MUST(memcmp(a->xid, b->xid, sizeof(a->xid)) == 0);
	MUST(memcmp(a->correlation, b->correlation, 8) == 0);
	MUST(a->has_sequence == b->has_sequence && a->sequence == b->sequence);
	MUST(a->has_time == b->has_time && a->seconds == b->seconds &&
	    a->nanoseconds == b->nanoseconds);
	MUST(rd_equal(&a->nfid, &b->nfid) && rd_equal(&a->ipid, &b->ipid) &&
	    rd_equal(&a->matched_target, &b->matched_target) &&
	    rd_equal(&a->payload, &b->payload));
}

static void
acknowledge(const struct x2_pdu *x)
{
	uint8_t b[X2_ACK_LEN];
	struct x2_pdu ack;
	struct rd r;
	struct wr w;

	wr_init(&w, b, sizeof(b));
	x2_put_ack(&w, x);
	MUST(w.rc == ERR_OK);
	rd_init(&r, b, w.len);
	MUST(x2_pdu_read(r, &ack) == ERR_OK);
	MUST(ack.type == X2_TYPE_KEEPALIVE_ACK && ack.payload.left == 0);
	MUST(
	    ack.has_sequence == x->has_sequence && ack.sequence == x->sequence);
}

static void
one_pdu(struct rd pdu)
{
	struct x2_pdu x, again;
	struct rd own = own_copy(pdu), r;
	struct wr w;
	enum err rc = x2_pdu_read(own, &x);

	MUST(rc == ERR_OK || rc == ERR_MALFORMED);
	if (rc == ERR_OK) {
		must_be_within(own, x.nfid);
		must_be_within(own, x.ipid);
		must_be_within(own, x.matched_target);
		must_be_within(own, x.payload);
		MUST(!x.has_time || x.nanoseconds < 1000000000);
		wr_init(&w, malloc(X2_PDU_MAX), X2_PDU_MAX);
		MUST(w.p != NULL);
		put(&w, &x);
		rd_init(&r, w.p, w.len);
		MUST(w.len <= pdu.left && x2_pdu_read(r, &again) == ERR_OK);
		must_be_same(&x, &again);
		free(w.p);
		acknowledge(&x);
	}
	own_free(&own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in, all, sizes, have, piece;
	size_t at = 0, got = 0, len, end = 0;
	enum err rc = ERR_AGAIN;

	rd_init(&in, data, size);
	sizes = take_view8(&in);
	all = in;
	while (got < all.left && rc != ERR_MALFORMED) {
		got += 1 + take_u8(&sizes);
		if (got > all.left || sizes.left == 0)
			got = all.left;
		for (;;) {
			rd_init(&have, all.p + at, got - at);
			if ((rc = x2_pdu_length(have, &len)) != ERR_OK ||
			    rd_view(&have, len, &piece) != ERR_OK)
				break;
			MUST(plain_end(all, at, &end) == ERR_OK);
			MUST(end == at + len);
			one_pdu(piece);
			at = end;
		}
	}
	/* Nothing was passed over: what is left is no whole PDU. */
	if (all.left > 0)
		MUST(plain_end(all, at, &end) ==
		    (rc == ERR_MALFORMED ? ERR_MALFORMED : ERR_AGAIN));
	return 0;
}
