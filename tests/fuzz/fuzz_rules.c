/*
 * Security policies of SRTP: what is accepted can be decrypted here; a policy
 * that is refused changes nothing.
 *
 * Input: a payload of MIKEY from Policy no on.
 */
#include <string.h>

#include "fuzz.h"
#include "media/rules.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules r, before;
	struct rd in, own;

	rd_init(&in, data, size);
	own = own_copy(in);
	memset(&r, 0, sizeof(r)); /* and what is between the fields */
	rules_default(&r);
	before = r;
	if (rules_read(own, &r) == ERR_OK) {
		MUST(r.key_len == 16 || r.key_len == 32);
		MUST(r.salt_len == 14);
		MUST(r.tag_len >= 4 && r.tag_len <= RULES_TAG_MAX);
		MUST(r.auth_key_len >= 1 &&
		    r.auth_key_len <= RULES_AUTH_KEY_MAX);
	} else
		MUST(r.encrypted == before.encrypted &&
		    r.key_len == before.key_len &&
		    r.salt_len == before.salt_len &&
		    r.auth_key_len == before.auth_key_len &&
		    r.tag_len == before.tag_len);
	own_free(&own);
	return 0;
}
