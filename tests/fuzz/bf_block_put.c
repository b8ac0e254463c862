#include "bf_block_put.h"

static size_t
total(size_t n)
{
	return (n < 128 ? 2 : n < 256 ? 3 : 4) + n;
}

static void
put_head(struct wr *w, uint8_t tag, size_t n)
{
	wr_u8(w, tag);
	if (n >= 128)
		wr_u8(w, n < 256 ? 0x81 : 0x82);
	if (n >= 256)
		wr_u8(w, (uint8_t)(n >> 8));
	wr_u8(w, (uint8_t)n);
}

static size_t
integer_len(struct rd v)
{
	return v.left + (v.p[0] >> 7);
}

static void
put_integer(struct wr *w, struct rd v)
{
	put_head(w, 2, integer_len(v));
	if ((v.p[0] & 0x80) != 0)
		wr_u8(w, 0);
	wr_copy(w, v.p, v.left);
}

static void
put_octets(struct wr *w, struct rd v)
{
	put_head(w, 4, v.left);
	wr_copy(w, v.p, v.left);
}

void
bf_block_put(struct wr *out, struct rd x, struct rd y, struct rd v, struct rd w)
{
	static const uint8_t version[] = {2, 1, 2};
	const size_t point = total(integer_len(x)) + total(integer_len(y));

	put_head(out, 0x30,
	    sizeof(version) + total(point) + total(v.left) + total(w.left));
	wr_copy(out, version, sizeof(version));
	put_head(out, 0x30, point);
	put_integer(out, x);
	put_integer(out, y);
	put_octets(out, v);
	put_octets(out, w);
}
