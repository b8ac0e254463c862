/* Times as text: what parses prints the same, what prints parses the same. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/rfc3339.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[RFC3339_LEN], *text;
	struct rd in;
	int64_t t = 0, back;

	rd_init(&in, data, size);
	text = take_text(in);
	if (rfc3339_parse(text, &t) == ERR_OK) {
		MUST(t >= 0);
		MUST(strcmp(rfc3339_print(t, out), text) == 0);
	}
	free(text);
	(void)rd_i64(&in, &t);
	if (strcmp(rfc3339_print(t, out), "-") != 0)
		MUST(rfc3339_parse(out, &back) == ERR_OK && back == t);
	else
		MUST(t < 0 || t > 253402300799LL);
	return 0;
}
