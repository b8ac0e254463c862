/* base/bytes: hex and decimal texts of any content, up to N characters. */
#include "proof.h"

int
main(void)
{
	char text[N + 1], hex[2 * (N / 2) + 1];
	uint8_t octets[N / 2], again[N / 2];
	const size_t len = nondet_size();
	uint64_t most = nondet_u64(), n = 0;

	ASSUME(len <= N / 2);
	text[N] = '\0';
	if (number_get(text, most, &n) == ERR_OK)
		MUST(n <= most && text[0] >= '0' && text[0] <= '9');
	else
		MUST(n == 0);
	if (hex_get(text, octets, len) == ERR_OK)
		MUST(text[2 * len] == '\0');
	hex_put(octets, len, hex);
	MUST(hex_get(hex, again, len) == ERR_OK);
	for (size_t i = 0; i < len; i++)
		MUST(again[i] == octets[i]);
	return 0;
}
