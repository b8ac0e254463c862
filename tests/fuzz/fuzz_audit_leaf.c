/* A leaf of the audit log: what decodes is encoded as the same octets. */
#include "fuzz.h"
#include "policy/audit_entry.h"

#define TEXT_MAX 1024 /* audit_entry_encode() cuts here */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	struct audit_entry e;
	struct rd in, out;
	size_t len;

	rd_init(&in, data, size);
	if (audit_entry_decode(in, &e) != ERR_OK)
		return 0;
	MUST(audit_type_name(e.type) != NULL && audit_fields(e.type) != 0);
	must_be_within(in, e.client);
	must_be_within(in, e.target);
	must_be_within(in, e.liid);
	must_be_within(in, e.text);
	MUST(audit_entry_encode(&e, leaf, &len) == ERR_OK);
	rd_init(&out, leaf, len);
	if (e.text.left <= TEXT_MAX)
		MUST(rd_equal(&out, &in));
	else
		MUST(audit_entry_decode(out, &e) == ERR_OK &&
		    e.text.left == TEXT_MAX);
	return 0;
}
