/* BFCiphertextBlock: what parses is the DER of its four fields. */
#include "bf_block_put.h"
#include "der_mutate.h"
#include "xk/bf_block.h"

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned int seed)
{
	return der_mutate(data, size, max_size, seed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[1 << 20];
	struct rd in, x, y, v, w;
	struct wr out;

	rd_init(&in, data, size);
	if (bf_block_parse(in, &x, &y, &v, &w) != ERR_OK)
		return 0;
	MUST(x.left > 0 && y.left > 0);
	must_be_within(in, x);
	must_be_within(in, y);
	must_be_within(in, v);
	must_be_within(in, w);
	wr_init(&out, again, sizeof(again));
	bf_block_put(&out, x, y, v, w);
	must_have_written(&out, in);
	return 0;
}
