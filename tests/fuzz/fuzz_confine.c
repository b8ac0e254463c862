/*
 * How a process is told that it is confined: what is read is printed as the
 * same text, and there is no other text for it.
 *
 * Input: the text.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/confine.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct confine c = {.landlock = 77};
	char again[CONFINE_TEXT_MAX], *text;
	struct rd in;

	rd_init(&in, data, size);
	text = take_text(in);
	if (confine_read(text, &c) == ERR_OK) {
		MUST(c.namespaces < CONFINE_NAMESPACES__MAX);
		confine_print(&c, again);
		MUST(strcmp(text, again) == 0);
	} else
		MUST(c.landlock == 77);
	free(text);
	return 0;
}
