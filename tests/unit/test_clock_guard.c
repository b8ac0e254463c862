#include "help.h"
#include "policy/clock_guard.h"

#define T 1800000000LL

static struct clock_guard
at(int64_t real, int64_t boot, int64_t floor)
{
	struct clock_guard g;

	clock_guard_init(&g, real, boot, floor);
	return g;
}

static void
a_clock_that_goes_on_is_believed(void **state)
{
	struct clock_guard g = at(T, 50, 0);

	(void)state;
	assert_int_equal(clock_guard_now(&g, T, 50), T);
	assert_int_equal(clock_guard_now(&g, T + 10, 60), T + 10);
	/* also when it jumps */
	assert_int_equal(clock_guard_now(&g, T + 99999, 61), T + 99999);
	assert_false(g.stopped);
}

static void
a_clock_that_stands_makes_nothing_last_longer(void **state)
{
	struct clock_guard g = at(T, 50, 0);

	(void)state;
	for (int64_t i = 0; i <= CLOCK_BOUND; i++)
		assert_int_equal(clock_guard_now(&g, T, 50 + i), T + i);
	assert_false(g.stopped);
	assert_int_equal(clock_guard_now(&g, T, 50 + CLOCK_BOUND + 1),
	    T + CLOCK_BOUND + 1);
	assert_true(g.stopped);
}

static void
a_clock_set_back_stops_beyond_the_bound(void **state)
{
	struct clock_guard g = at(T, 50, 0);

	(void)state;
	assert_int_equal(clock_guard_now(&g, T - CLOCK_BOUND, 50), T);
	assert_false(g.stopped);
	assert_int_equal(clock_guard_now(&g, T - CLOCK_BOUND - 1, 50), T);
	assert_true(g.stopped);
	/* and stays stopped when it is right again */
	assert_int_equal(clock_guard_now(&g, T + 5, 55), T + 5);
	assert_true(g.stopped);
	assert_int_equal(clock_guard_now(&g, INT64_MIN, 56), T + 6);
}

/* Small steps back do not add up to time won. */
static void
a_clock_that_is_slow_falls_behind_and_stops(void **state)
{
	struct clock_guard g = at(T, 0, 0);
	int64_t boot = 0;

	(void)state;
	while (!g.stopped && boot < 1000) {
		boot += 2; /* the clock goes half as fast */
		assert_int_equal(clock_guard_now(&g, T + boot / 2, boot),
		    T + boot);
	}
	assert_int_equal(boot, 2 * CLOCK_BOUND + 2);
}

static void
the_guard_never_goes_back(void **state)
{
	static const int64_t real[] = {T, T + 50, T + 20, T + 49, T - 1000,
	    T + 51, 0, T + 300, T + 299, T + 301};
	struct clock_guard g = at(T, 7, 0);
	int64_t last = T;

	(void)state;
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		/* CLOCK_BOOTTIME may be read in any order by a test alone */
		const int64_t now = clock_guard_now(&g, real[i],
		    7 + (i % 3 == 2 ? 0 : (int64_t)i));

		if (i % 3 != 2)
			assert_true(now >= last);
		assert_true(now >= real[i]);
		last = now;
	}
}

static void
the_clock_starts_at_what_is_known_to_have_been(void **state)
{
	struct clock_guard g = at(T, 50, T + CLOCK_BOUND);

	(void)state;
	assert_false(g.stopped);
	assert_int_equal(clock_guard_now(&g, T, 50), T + CLOCK_BOUND);
	assert_false(g.stopped);
	g = at(T, 50, T + CLOCK_BOUND + 1);
	assert_true(g.stopped);
	assert_int_equal(clock_guard_now(&g, T, 51), T + CLOCK_BOUND + 2);
	g = at(T, 50, T - 1);
	assert_int_equal(clock_guard_now(&g, T, 50), T);
	assert_false(g.stopped);
}

static void
persons_may_accept_the_clock_as_it_is(void **state)
{
	struct clock_guard g = at(T, 50, 0);

	(void)state;
	(void)clock_guard_now(&g, T - 5000, 60);
	assert_true(g.stopped);
	clock_guard_accept(&g, T - 4990, 70);
	assert_false(g.stopped);
	assert_int_equal(clock_guard_now(&g, T - 4985, 75), T - 4985);
	assert_int_equal(clock_guard_now(&g, T - 4985, 80), T - 4980);
	assert_false(g.stopped);
	(void)clock_guard_now(&g, T - 4990 - CLOCK_BOUND, 80);
	assert_true(g.stopped);
}

/* Another boot: what was counted before says nothing. */
static void
a_boot_time_that_is_less_than_before_adds_nothing(void **state)
{
	struct clock_guard g = at(T, 5000, 0);

	(void)state;
	assert_int_equal(clock_guard_now(&g, T - 1, 3), T);
	assert_int_equal(clock_guard_now(&g, T + 1, 4), T + 1);
	assert_int_equal(clock_guard_now(&g, T + 1, 9), T + 6);
	assert_false(g.stopped);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clock_that_goes_on_is_believed),
	    cmocka_unit_test(a_clock_that_stands_makes_nothing_last_longer),
	    cmocka_unit_test(a_clock_set_back_stops_beyond_the_bound),
	    cmocka_unit_test(a_clock_that_is_slow_falls_behind_and_stops),
	    cmocka_unit_test(the_guard_never_goes_back),
	    cmocka_unit_test(the_clock_starts_at_what_is_known_to_have_been),
	    cmocka_unit_test(persons_may_accept_the_clock_as_it_is),
	    cmocka_unit_test(a_boot_time_that_is_less_than_before_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
