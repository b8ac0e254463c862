/*
 * How a process is told that it is confined, and whom a token's module calls:
 * what is read is printed as the same text, and there is no other text for it.
 *
 * Input: the text.
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/confine.h"
#include "appliance/reach.h"
#include "fuzz.h"

static void
reach_of(const char *text)
{
	struct reach r = {.n_ports = 77};
	char again[REACH_TEXT_MAX];

	if (reach_read(text, &r) != ERR_OK) {
		MUST(r.n_ports == 77);
		return;
	}
	MUST(r.n_ports <= REACH_MOST);
	for (unsigned i = 0; i < r.n_ports; i++)
		MUST(r.port[i] != 0);
	reach_print(&r, again);
	MUST(strcmp(text, again) == 0);
}

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
	reach_of(text);
	free(text);
	return 0;
}
