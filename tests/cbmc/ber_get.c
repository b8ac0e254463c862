/*
 * hi2/ber_get: an element of any octets lies in them; where a stream's first
 * element ends is the same in pieces and at once.
 */
#include "hi2/ber_get.h"
#include "proof.h"

static void
element(struct rd whole)
{
	struct rd in = whole;
	struct ber b = {.tag = 0};
	uint64_t v;

	if (ber_get(&in, &b) != ERR_OK) {
		MUST(in.p == whole.p && in.left == whole.left && b.tag == 0);
		return;
	}
	must_have_moved(whole, in);
	must_be_within(whole, b.content);
	MUST(in.left < whole.left && b.tag != 0 && b.tag < 1 << 24);
	if (ber_number(b.content, UINT64_MAX, &v) == ERR_OK)
		MUST(b.content.left > 0 && b.content.p[0] < 0x80);
}

static void
frame(struct rd whole)
{
	struct ber_frame f = {.at = 0}, once = {.at = 0};
	const size_t cut = nondet_size(), max = nondet_size();
	struct rd first = whole;
	size_t len = 0, want = 0;
	enum err rc;

	ASSUME(cut <= whole.left && max <= N);
	first.left = cut;
	rc = ber_frame(&f, first, 0x30, max, &len);
	if (rc == ERR_AGAIN)
		rc = ber_frame(&f, whole, 0x30, max, &len);
	/* What the first piece told, the whole tells: an element has one end.
	 */
	MUST(ber_frame(&once, whole, 0x30, max, &want) == rc && len == want);
	MUST(rc != ERR_OK ||
	    (len > 1 && len <= whole.left && len <= max && f.at == 0));
	MUST(f.depth <= BER_DEPTH_MAX + 1);
}

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);

	element(whole);
	frame(whole);
	return 0;
}
