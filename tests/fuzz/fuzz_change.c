/*
 * A change and its signatures, as they are kept and sent: what is read is
 * written back to the same octets, and the head tells changes apart.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "policy/change.h"

/* Written anew they are the octets that they were read from. */
static void
check_evidence(struct rd in)
{
	struct evidence e;
	struct wr w;
	uint8_t *out;

	if (evidence_get(in, &e) != ERR_OK)
		return;
	MUST(e.n <= MAX_APPROVALS && evidence_size(&e) == in.left);
	for (unsigned i = 0; i < e.n; i++)
		must_be_within(in, e.cms[i]);
	out = malloc(in.left);
	MUST(out != NULL);
	wr_init(&w, out, in.left);
	evidence_put(&w, &e);
	must_have_written(&w, in);
	free(out);
}

static void
check_head(const struct change *c)
{
	const struct head zero = {.number = c->number - 1};
	struct head before = zero, after, other;
	struct change d = *c;

	MUST(head_after(&before, c, &after) == ERR_OK);
	MUST(after.number == c->number);
	before.hash[c->hash[0] % DIGEST_LEN] ^= 0x80;
	MUST(head_after(&before, c, &other) == ERR_OK);
	MUST(!head_equal(&after, &other));
	d.time ^= 1;
	MUST(head_after(&zero, &d, &other) == ERR_OK);
	MUST(!head_equal(&after, &other));
	d = *c;
	d.hash[0] ^= 1;
	MUST(head_after(&zero, &d, &other) == ERR_OK);
	MUST(!head_equal(&after, &other));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in, whole, used;
	struct change c;
	struct wr w;
	uint8_t *out;

	rd_init(&in, data, size);
	whole = in;
	check_evidence(whole);
	if (change_get(&in, &c) != ERR_OK) {
		MUST(in.p == whole.p && in.left == whole.left);
		return 0;
	}
	must_be_within(whole, c.request);
	must_be_within(whole, c.evidence);
	MUST(c.kind < REQUEST__MAX && c.number > 0 && c.number <= MAX_CHANGES);
	MUST(rd_view(&whole, size - in.left, &used) == ERR_OK);
	MUST(used.left == CHANGE_FIXED_LEN + c.request.left + c.evidence.left);
	out = malloc(used.left);
	MUST(out != NULL);
	wr_init(&w, out, used.left);
	change_put(&w, &c);
	must_have_written(&w, used);
	free(out);
	check_evidence(c.evidence);
	check_head(&c);
	return 0;
}
