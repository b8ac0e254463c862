#include "policy/clock_guard.h"

void
clock_guard_init(struct clock_guard *g, int64_t real, int64_t boot,
    int64_t floor)
{
	*g = (struct clock_guard){.real = real > floor ? real : floor,
	    .boot = boot,
	    .stopped = real < floor - CLOCK_BOUND};
}

int64_t
clock_guard_now(struct clock_guard *g, int64_t real, int64_t boot)
{
	const int64_t expected =
	    g->real + (boot > g->boot ? boot - g->boot : 0);

	if (real >= expected) {
		g->real = real;
		g->boot = boot;
		return real;
	}
	if (real < expected - CLOCK_BOUND)
		g->stopped = true;
	return expected;
}

void
clock_guard_accept(struct clock_guard *g, int64_t real, int64_t boot)
{
	*g = (struct clock_guard){.real = real, .boot = boot};
}
