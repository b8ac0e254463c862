/* call_judge: what must hold of any call, however it came about. */
#ifndef TESTS_FUZZ_CALL_JUDGE_H
#define TESTS_FUZZ_CALL_JUDGE_H

#include "fuzz.h"
#include "xk/call.h"

struct judgement {
	enum err rc;
	enum call_role role;
	struct rd as;
};

/* call_check() and all that reads a call, with the properties of each. */
struct judgement call_judge(const struct call *c, const struct rd *ids,
    size_t n);

/* Canonical form, read again: must be the same octets; *out is the reading. */
void call_judge_wire(const struct call *c, struct call *out);

#endif
