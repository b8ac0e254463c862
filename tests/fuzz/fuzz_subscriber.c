/* A sealed record of the registry: what the seal covers is what is written. */
#include "fuzz.h"
#include "policy/subscriber.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[SUBSCRIBER_MAX];
	struct rd in, sealed, seal;
	struct subscriber s;
	struct wr w;

	rd_init(&in, data, size);
	if (subscriber_parse(in, &s, &sealed, &seal) != ERR_OK)
		return 0;
	MUST(size <= SUBSCRIBER_MAX && seal.left == SUBSCRIBER_SEAL_LEN);
	MUST(sealed.p == in.p && sealed.left + seal.left == size);
	MUST(seal.p == in.p + sealed.left);
	wr_init(&w, again, sizeof(again));
	subscriber_put(&w, &s);
	must_have_written(&w, sealed);
	return 0;
}
