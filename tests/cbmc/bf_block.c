/* xk/bf_block: what is taken of any octets lies in them. */
#include "proof.h"
#include "xk/bf_block.h"

int
main(void)
{
	uint8_t room[N];
	const struct rd whole = any_octets(room);
	struct rd x, y, v, w;

	if (bf_block_parse(whole, &x, &y, &v, &w) != ERR_OK)
		return 0;
	must_be_within(whole, x);
	must_be_within(whole, y);
	must_be_within(whole, v);
	must_be_within(whole, w);
	MUST(x.left > 0 && y.left > 0);
	return 0;
}
