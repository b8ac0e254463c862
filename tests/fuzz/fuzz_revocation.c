/* The signed octets of a revocation: the name in it is the warrant's. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/warrant.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char hex[2 * WARRANT_ID_LEN + 1], *text;
	struct revocation r;
	struct why why = {""};
	struct rd in;

	rd_init(&in, data, size);
	if (revocation_parse(in, &r, &why) != ERR_OK) {
		MUST(why.text[0] != '\0');
		return 0;
	}
	/* A text that ends for some readers and goes on for others is none. */
	MUST(memchr(data, 0, size) == NULL);
	/* The digits stand there, unless they are written as \uNNNN. */
	hex_put(r.warrant, sizeof(r.warrant), hex);
	text = take_text(in);
	for (char *c = text; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	MUST(strstr(text, hex) != NULL || strstr(text, "\\u") != NULL);
	free(text);
	return 0;
}
