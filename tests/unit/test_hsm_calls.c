/* Which call is under way, and how long the last ones took. */
#include <string.h>

#include "base/clock.h"
#include "hsm/hsm_calls.h"
#include "help.h"

static int64_t now_us = 1000000;

int64_t __wrap_clock_uptime_us(void);

int64_t
__wrap_clock_uptime_us(void)
{
	return now_us;
}

static void
call(int64_t us)
{
	hsm_call_begins("C_Sign");
	now_us += us;
	hsm_call_ended();
}

static int
forget(void **state)
{
	(void)state;
	hsm_calls_turn();
	hsm_calls_turn();
	return 0;
}

static void
a_call_is_known_until_it_ends(void **state)
{
	int64_t since;

	(void)state;
	assert_null(hsm_call_now(&since));
	now_us = 7654321;
	hsm_call_begins("C_DeriveKey");
	now_us += 5000000;
	assert_string_equal(hsm_call_now(&since), "C_DeriveKey");
	assert_int_equal(since, 7654);
	hsm_call_ended();
	assert_null(hsm_call_now(&since));
}

static void
half_of_them_take_no_longer(void **state)
{
	static const uint32_t us[] = {1, 2, 3, 7, 100, 999, 1500, 20000, 65535,
	    1000000, 30000000};
	struct hsm_latency l;

	(void)state;
	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++) {
		(void)forget(NULL);
		for (unsigned k = 0; k < 50; k++)
			call(us[i]);
		call(40000000);
		hsm_calls_latency(&l);
		assert_int_equal(l.n, 51);
		assert_int_equal(l.max_us, 40000000);
		/* as exact as it says */
		assert_true(l.p50_us >= us[i]);
		assert_true(l.p50_us <= us[i] + us[i] / 4 + 1);
	}
}

static void
it_is_never_more_than_the_longest(void **state)
{
	struct hsm_latency l;

	(void)state;
	call(1025);
	hsm_calls_latency(&l);
	assert_int_equal(l.p50_us, 1025);
	assert_int_equal(l.max_us, 1025);
}

static void
no_time_and_too_much_are_counted(void **state)
{
	struct hsm_latency l;

	(void)state;
	call(0);
	hsm_calls_latency(&l);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.max_us, 0);
	call(INT64_C(5000000000));
	hsm_calls_latency(&l);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.max_us, UINT32_MAX);
}

static void
two_turns_forget(void **state)
{
	struct hsm_latency l;

	(void)state;
	call(10);
	hsm_calls_turn();
	call(20);
	hsm_calls_latency(&l);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.max_us, 20);
	hsm_calls_turn();
	hsm_calls_latency(&l);
	assert_int_equal(l.n, 1);
	hsm_calls_turn();
	hsm_calls_latency(&l);
	assert_int_equal(l.n, 0);
	assert_int_equal(l.p50_us, 0);
	assert_int_equal(l.max_us, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_call_is_known_until_it_ends, forget),
	    cmocka_unit_test_setup(half_of_them_take_no_longer, forget),
	    cmocka_unit_test_setup(it_is_never_more_than_the_longest, forget),
	    cmocka_unit_test_setup(no_time_and_too_much_are_counted, forget),
	    cmocka_unit_test_setup(two_turns_forget, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
