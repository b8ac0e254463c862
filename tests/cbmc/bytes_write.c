/*
 * base/bytes: any write by any writer stays inside, and leaves a writer of
 * which that holds again; the first failure latches; what was written can be
 * read.
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
	uint8_t from[N];
	const struct wr before = *w;
	const uint8_t which = nondet_u8();

	if (which < 6)
		write_number(w, which, nondet_u64());
	else
		write_octets(w, which, any_octets(from));
	MUST(w->p == before.p && w->cap == before.cap);
	MUST(w->len >= before.len && w->len <= w->cap);
	if (before.rc != ERR_OK)
		MUST(w->rc == before.rc && w->len == before.len);
}

static void
again(uint8_t *room)
{
	const uint64_t v = nondet_u64();
	uint64_t back = 0;
	size_t len = 0;
	struct rd r;
	struct wr w;

	wr_init(&w, room, N);
	wr_u64(&w, v);
	MUST(wr_finish(&w, &len) == ERR_OK && len == 8);
	rd_init(&r, room, len);
	MUST(rd_u64(&r, &back) == ERR_OK && back == v);
	MUST(rd_end(&r) == ERR_OK);
}

int
main(void)
{
	uint8_t room[N];
	size_t len = 0;
	struct wr w;

	/* Any writer: what one write leaves is one of these. */
	w.cap = nondet_size();
	w.len = nondet_size();
	w.rc = nondet_u8() % ERR__MAX;
	ASSUME(w.cap <= N && w.len <= w.cap);
	w.p = room + (N - w.cap);
	one_write(&w);
	MUST(wr_finish(&w, &len) == w.rc);
	MUST(w.rc != ERR_OK || len == w.len);
	again(room);
	return 0;
}
