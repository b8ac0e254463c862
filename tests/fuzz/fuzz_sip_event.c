/* An intercepted SIP message: nothing is found that does not stand there. */
#include <string.h>

#include <openssl/evp.h>

#include "fuzz.h"
#include "hi2/sip_event.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	MUST(sip_event_start() == ERR_OK);
	return 0;
}

/* All but its last four characters, whose spare bits may be anything. */
static bool
stands_there(struct rd sip, struct rd octets)
{
	static unsigned char text[SIP_MAX + 8];
	const int n = EVP_EncodeBlock(text, octets.p, (int)octets.left);

	return memmem(sip.p, sip.left, text, (size_t)n - 4) != NULL;
}

/* A line that was folded is read with blanks in the place of its ends. */
static bool
is_there(struct rd sip, struct rd part)
{
	return part.left == 0 || memchr(part.p, ' ', part.left) != NULL ||
	    memmem(sip.p, sip.left, part.p, part.left) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sip_event e;
	struct rd in, own;
	enum err rc;

	rd_init(&in, data, size);
	own = own_copy(in);
	rc = sip_event_read(own, &e);
	own_free(&own); /* no view is of the input */
	MUST(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_TOOBIG);
	if (rc != ERR_OK)
		return 0;
	MUST(e.status == 0 || (e.status >= 100 && e.status <= 699));
	MUST(e.call_id.left > 0 && e.call_id.left <= SIP_CALL_ID_MAX);
	MUST(is_there(in, e.from_tag) && is_there(in, e.to_tag));
	MUST(e.n_mikey <= SIP_MIKEY_MAX);
	for (unsigned i = 0; i < e.n_mikey; i++) {
		MUST(e.mikey[i].left > 0 && e.mikey[i].left <= MAX_MIKEY + 3);
		MUST(stands_there(in, e.mikey[i]));
		for (unsigned k = 0; k < i; k++)
			MUST(!rd_equal(&e.mikey[i], &e.mikey[k]));
	}
	return 0;
}
