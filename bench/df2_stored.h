/*
 * df2_stored: what bench_df2_relay has seen stored, in a file that it shares
 * with bench_df2.  The relay alone writes; an entry is whole before `n` counts
 * it.
 */
#ifndef BENCH_DF2_STORED_H
#define BENCH_DF2_STORED_H

#include <stdatomic.h>
#include <stdint.h>

#define DF2_STORED_MAX (1U << 20)

struct df2_stored {
	_Atomic uint64_t n; /* beyond DF2_STORED_MAX: counted alone */
	struct {
		uint64_t correlation; /* X2's, big-endian */
		uint64_t ns; /* CLOCK_MONOTONIC */
	} entry[DF2_STORED_MAX];
};

#endif
