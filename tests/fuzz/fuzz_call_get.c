/*
 * The canonical form of a call, as a process that was taken over may send it:
 * put(get(x)) is x, and judging it does no harm.
 */
#include "call_judge.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct call c, d;
	struct judgement a, b;
	struct rd in, used, ids[3];
	static uint8_t again[1 << 21];
	struct wr w;

	rd_init(&in, data, size);
	used = in;
	if (call_get(&in, &c) != ERR_OK)
		return 0;
	used.left -= in.left;
	wr_init(&w, again, sizeof(again));
	call_put(&w, &c);
	must_have_written(&w, used);
	call_judge_wire(&c, &d);
	/* The parties as targets, and what is left over as another. */
	ids[0] = c.i1.idri.data;
	ids[1] = c.r1.idrr.data;
	ids[2] = in;
	a = call_judge(&c, ids, 3);
	b = call_judge(&d, ids, 3);
	MUST(a.rc == b.rc);
	MUST(a.rc != ERR_OK || (a.role == b.role && rd_equal(&a.as, &b.as)));
	ids[0] = c.first_i1.idri.data;
	ids[1] = c.i1.idrr.data;
	(void)call_judge(&c, ids, 2);
	return 0;
}
