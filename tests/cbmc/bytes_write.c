/*
 * base/bytes: any two writes into any buffer stay inside; the first failure
 * latches; what was written can be read again.
 */
#include "proof.h"

static void
write_number(struct wr *w, uint8_t which, uint64_t v)
{
	switch (which) {
	case 0:
		wr_u8(w, (uint8_t)v);
		break;
	case 1:
		wr_u16(w, (uint16_t)v);
		break;
	case 2:
		wr_u32(w, (uint32_t)v);
		break;
	case 3:
		wr_u64(w, v);
		break;
	case 4:
		wr_i64(w, (int64_t)v);
		break;
	default:
		wr_bool(w, v != 0);
	}
}

static void
write_octets(struct wr *w, uint8_t which, struct rd from)
{
	switch (which) {
	case 6:
		wr_copy(w, from.p, from.left);
		break;
	case 7:
		wr_view8(w, from.p, from.left);
		break;
	case 8:
		wr_view16(w, from.p, from.left);
		break;
	default:
		wr_view32(w, from.p, from.left);
	}
}

static void
one_write(struct wr *w)
{
	const struct wr before = *w;
	const uint8_t which = nondet_u8();

	if (which < 6)
		write_number(w, which, nondet_u64());
	else
		write_octets(w, which, any_octets(4));
	MUST(w->p == before.p && w->cap == before.cap);
	MUST(w->len >= before.len && w->len <= w->cap);
	if (before.rc != ERR_OK)
		MUST(w->rc == before.rc && w->len == before.len);
}

int
main(void)
{
	const struct rd room = any_octets(N);
	uint64_t v = nondet_u64(), again;
	size_t len = 0;
	struct rd r;
	struct wr w;

	wr_init(&w, (void *)(uintptr_t)room.p, room.left);
	one_write(&w);
	one_write(&w);
	MUST(wr_finish(&w, &len) == w.rc);
	MUST(w.rc != ERR_OK || len == w.len);

	wr_init(&w, (void *)(uintptr_t)room.p, room.left);
	wr_u64(&w, v);
	if (wr_finish(&w, &len) != ERR_OK)
		return 0;
	rd_init(&r, room.p, len);
	MUST(rd_u64(&r, &again) == ERR_OK && again == v);
	MUST(rd_end(&r) == ERR_OK);
	return 0;
}
