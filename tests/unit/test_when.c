#include "appliance/cli_when.h"
#include "help.h"

#define NOW 1800000000

static void
good(const char *text, int64_t want)
{
	int64_t t = 0;

	assert_int_equal(cli_when(text, NOW, &t), ERR_OK);
	assert_int_equal(t, want);
}

static void
bad(const char *text)
{
	int64_t t = 42;

	assert_int_equal(cli_when(text, NOW, &t), ERR_MALFORMED);
	assert_int_equal(t, 42);
}

static void
a_span_is_from_now_on(void **state)
{
	(void)state;
	good("1m", NOW + 60);
	good("12h", NOW + 12 * 3600);
	good("7d", NOW + 7 * 86400);
	good("0h", NOW);
	good("999999d", NOW + INT64_C(999999) * 86400);
}

static void
a_time_is_itself(void **state)
{
	(void)state;
	good("1970-01-01T00:00:01Z", 1);
	good("2026-01-31T12:00:00Z", 1769860800);
}

static void
anything_else_is_refused(void **state)
{
	(void)state;
	bad("");
	bad("7");
	bad("d");
	bad("-7d");
	bad("+7d");
	bad(" 7d");
	bad("7d ");
	bad("7D");
	bad("7w");
	bad("7.5d");
	bad("1234567d");
	bad("2026-01-31");
	bad("2026-01-31T12:00:00");
	bad("2026-02-30T12:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_span_is_from_now_on),
	    cmocka_unit_test(a_time_is_itself),
	    cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
