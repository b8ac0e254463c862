/* A public KMS identity, against the same rules as regular expressions. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/warrant.h"

static regex_t uri;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(regcomp(&uri, "^(tel:[+][0-9]{1,15}|sips?:[!-)+-:<->@-~]+)$",
		 REG_EXTENDED | REG_NOSUB) == 0);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why = {""};
	struct rd in;
	char *text;
	bool good;
	enum err rc;

	rd_init(&in, data, size);
	rc = identity_check(in, &why);
	MUST(rc == ERR_OK || (rc == ERR_MALFORMED && why.text[0] != '\0'));
	text = take_text(in);
	good = size <= MAX_PUBLIC_ID && strlen(text) == size &&
	    regexec(&uri, text, 0, NULL, 0) == 0;
	free(text);
	MUST(good == (rc == ERR_OK));
	return 0;
}
