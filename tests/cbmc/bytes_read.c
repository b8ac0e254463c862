/* base/bytes: any three reads of any octets stay inside; failures move nothing.
 */
#include "proof.h"

static enum err
read_number(struct rd *r, uint8_t which)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	int64_t i64;
	uint8_t v8;
	bool b;

	switch (which) {
	case 0:
		return rd_u8(r, &v8);
	case 1:
		return rd_u16(r, &v16);
	case 2:
		return rd_u32(r, &v32);
	case 3:
		return rd_u64(r, &v64);
	case 4:
		return rd_i64(r, &i64);
	default:
		return rd_bool(r, &b);
	}
}

static enum err
read_view(struct rd *r, uint8_t which, struct rd *out)
{
	switch (which) {
	case 6:
		return rd_view(r, nondet_size(), out);
	case 7:
		return rd_view8(r, out);
	case 8:
		return rd_view16(r, out);
	default:
		return rd_view32(r, out);
	}
}

static void
one_read(struct rd whole, struct rd *r)
{
	const struct rd before = *r;
	const uint8_t which = nondet_u8();
	struct rd view = {NULL, 0};
	uint8_t copy[N];
	size_t n;
	enum err rc;

	if (which < 6)
		rc = read_number(r, which);
	else if (which < 10)
		rc = read_view(r, which, &view);
	else {
		n = nondet_size();
		ASSUME(n <= sizeof(copy));
		rc = rd_copy(r, copy, n);
		MUST((rc == ERR_OK) == (n <= before.left));
	}
	must_have_moved(before, *r);
	must_be_within(whole, view);
	if (rc != ERR_OK)
		MUST(r->p == before.p && r->left == before.left);
	MUST((rd_end(r) == ERR_OK) == (r->left == 0));
}

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);
	struct rd r = whole;

	one_read(whole, &r);
	return 0;
}
