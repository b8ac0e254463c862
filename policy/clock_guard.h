/*
 * clock_guard: what time it is for the end of a warrant.  The machine's clock
 * is believed when it goes forward; time also goes on with CLOCK_BOOTTIME, so
 * that a clock that stands or is set back makes nothing last longer.  A clock
 * that is behind by more than a bound stops releases until persons accept it.
 * Pure: both clocks are arguments.
 */
#ifndef POLICY_CLOCK_GUARD_H
#define POLICY_CLOCK_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds that the clock may fall behind what has gone by. */
#define CLOCK_BOUND 120

struct clock_guard {
	int64_t real; /* latest time known, s since 1970 */
	int64_t boot; /* CLOCK_BOOTTIME then, s */
	bool stopped;
};

/* `floor`: a time that is known to have been, or 0. */
void clock_guard_init(struct clock_guard *, int64_t real, int64_t boot,
    int64_t floor);

/* The time to judge by; sets `stopped` when the clock is too far behind. */
int64_t clock_guard_now(struct clock_guard *, int64_t real, int64_t boot);

/* Persons have accepted the clock as it is. */
void clock_guard_accept(struct clock_guard *, int64_t real, int64_t boot);

#endif
