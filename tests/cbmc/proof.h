/*
 * proof: what the harnesses for cbmc share.  A harness calls real sources with
 * any octets of any length up to N and states what must hold; that nothing is
 * read or written outside, and that no arithmetic overflows, cbmc checks by
 * itself.
 */
#ifndef TESTS_CBMC_PROOF_H
#define TESTS_CBMC_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#ifndef N
#error "N: the most octets of an input"
#endif

/* Any value: cbmc knows names like these. */
uint8_t nondet_u8(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

#define ASSUME(x) __CPROVER_assume(x)
#define MUST(x) __CPROVER_assert(x, #x)

/* Up to N octets of any content, at the end of the memory that they are in. */
static inline struct rd
any_octets(uint8_t room[N])
{
	const size_t len = nondet_size();
	struct rd r;

	ASSUME(len <= N);
	__CPROVER_havoc_object(room);
	rd_init(&r, room + (N - len), len);
	return r;
}

/* A view that a reader gave lies in what it was given, to the last octet. */
static inline void
must_be_within(struct rd whole, struct rd part)
{
	if (part.left == 0)
		return;
	MUST(__CPROVER_same_object(whole.p, part.p));
	MUST(part.p >= whole.p && part.left <= whole.left);
	MUST((size_t)(part.p - whole.p) <= whole.left - part.left);
}

/* `r` has moved within `before`, or has not moved: what is left is its end. */
static inline void
must_have_moved(struct rd before, struct rd r)
{
	MUST(__CPROVER_same_object(before.p, r.p));
	MUST(r.left <= before.left);
	MUST((size_t)(r.p - before.p) == before.left - r.left);
}

#endif
