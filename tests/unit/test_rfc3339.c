#include <stdio.h>
#include <string.h>

#include "help.h"
#include "policy/rfc3339.h"

#define NEVER (-987654321)

static void
refused(const char *s)
{
	int64_t t = NEVER;

	if (rfc3339_parse(s, &t) != ERR_MALFORMED)
		fail_msg("\"%s\" was taken", s);
	assert_true(t == NEVER);
}

static void
is(const char *s, int64_t want)
{
	char back[RFC3339_LEN];
	int64_t t = NEVER;

	if (rfc3339_parse(s, &t) != ERR_OK)
		fail_msg("\"%s\" was refused", s);
	if (t != want)
		fail_msg("\"%s\" became %lld", s, (long long)t);
	assert_ptr_equal(rfc3339_print(t, back), back);
	assert_string_equal(back, s);
}

static void
known_times_read_and_print_alike(void **state)
{
	(void)state;
	is("1970-01-01T00:00:00Z", 0);
	is("1970-01-01T00:00:01Z", 1);
	is("1999-12-31T23:59:59Z", 946684799);
	is("2000-01-01T00:00:00Z", 946684800);
	is("2001-09-09T01:46:40Z", 1000000000);
	is("2026-01-31T12:00:00Z", 1769860800);
	is("2038-01-19T03:14:07Z", 2147483647);
	is("2038-01-19T03:14:08Z", 2147483648LL);
	is("2106-02-07T06:28:16Z", 4294967296LL);
	is("9999-12-31T23:59:59Z", 253402300799LL);
}

static void
leap_days_exist_in_leap_years_alone(void **state)
{
	(void)state;
	is("1972-02-29T00:00:00Z", 68169600);
	is("2000-02-29T00:00:00Z", 951782400);
	is("2024-02-29T23:59:59Z", 1709251199);
	is("2400-02-29T00:00:00Z", 13574563200LL);
	refused("2023-02-29T00:00:00Z");
	refused("2026-02-29T12:00:00Z");
	refused("2100-02-29T00:00:00Z");
	refused("1971-02-29T00:00:00Z");
}

/* An independent calendar: every day of some years, and the day after. */
static void
each_month_has_its_own_length(void **state)
{
	static const int len[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
	    31};
	const int years[] = {1970, 1999, 2000, 2024, 2026, 2100, 9999};
	char s[64];

	(void)state;
	for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++)
		for (int m = 1; m <= 12; m++) {
			const int v = years[y];
			const bool leap =
			    (v % 4 == 0 && v % 100 != 0) || v % 400 == 0;
			const int n = len[m - 1] + (m == 2 && leap ? 1 : 0);
			int64_t t = 0, before = 0;

			for (int d = 1; d <= n; d++) {
				(void)snprintf(s, sizeof(s),
				    "%04d-%02d-%02dT00:00:00Z", v, m, d);
				assert_int_equal(rfc3339_parse(s, &t), ERR_OK);
				if (d > 1)
					assert_true(t == before + 86400);
				before = t;
			}
			(void)snprintf(s, sizeof(s), "%04d-%02d-%02dT00:00:00Z",
			    v, m, n + 1);
			refused(s);
		}
}

static void
fields_out_of_range_are_refused(void **state)
{
	(void)state;
	refused("2026-02-31T00:00:00Z");
	refused("2026-00-10T00:00:00Z");
	refused("2026-13-10T00:00:00Z");
	refused("2026-99-10T00:00:00Z");
	refused("2026-01-00T00:00:00Z");
	refused("2026-01-32T00:00:00Z");
	refused("2026-04-31T00:00:00Z");
	refused("2026-01-01T24:00:00Z");
	refused("2026-01-01T00:60:00Z");
	refused("2026-01-01T00:00:60Z");
	refused("2016-12-31T23:59:60Z"); /* a leap second, but not for us */
	refused("2026-01-01T99:99:99Z");
}

static void
years_outside_1970_to_9999_are_refused(void **state)
{
	(void)state;
	refused("1969-12-31T23:59:59Z");
	refused("1900-01-01T00:00:00Z");
	refused("0000-01-01T00:00:00Z");
	refused("0001-01-01T00:00:00Z");
	refused("10000-01-01T00:00:00Z");
	refused("-970-01-01T00:00:00Z");
	refused("+970-01-01T00:00:00Z");
}

/* Each place of a good time, each other character. */
static void
one_wrong_character_is_refused_wherever_it_stands(void **state)
{
	static const char good[] = "2026-01-11T11:11:11Z";
	char s[sizeof(good)];

	(void)state;
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		const bool digit = good[i] >= '0' && good[i] <= '9';

		for (int c = 1; c < 256; c++) {
			if ((char)c == good[i] ||
			    (digit && c >= '0' && c <= '9'))
				continue;
			memcpy(s, good, sizeof(s));
			s[i] = (char)c;
			refused(s);
		}
	}
}

static void
other_forms_of_rfc_3339_are_refused(void **state)
{
	(void)state;
	refused("2026-01-31T12:00:00+00:00");
	refused("2026-01-31T12:00:00.0Z");
	refused("2026-01-31T12:00:00z");
	refused("2026-01-31t12:00:00Z");
	refused("2026-01-31 12:00:00Z");
	refused("2026-01-31T12:00Z");
	refused("20260131T120000Z");
	refused("2026-1-31T12:00:00Z");
	refused("2026-01-31T12:00:00");
	refused(" 2026-01-31T12:00:00Z");
	refused("2026-01-31T12:00:00Z ");
	refused("2026-01-31T12:00:00Z\n");
	refused("2026-01-31T12:00: 0Z");
	refused("2026-01-31T12:00:+0Z");
}

static void
every_prefix_is_refused(void **state)
{
	static const char good[] = "2026-01-31T12:00:00Z";
	char s[sizeof(good)] = "";

	(void)state;
	for (size_t n = 0; n < sizeof(good) - 1; n++) {
		refused(s);
		s[n] = good[n];
	}
	is(s, 1769860800);
}

static void
times_outside_the_years_print_as_a_dash(void **state)
{
	const int64_t no[] = {-1, INT64_MIN, 253402300800LL, INT64_MAX};
	char out[RFC3339_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_string_equal(rfc3339_print(no[i], out), "-");
	assert_string_equal(rfc3339_print(0, out), "1970-01-01T00:00:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_times_read_and_print_alike),
	    cmocka_unit_test(leap_days_exist_in_leap_years_alone),
	    cmocka_unit_test(each_month_has_its_own_length),
	    cmocka_unit_test(fields_out_of_range_are_refused),
	    cmocka_unit_test(years_outside_1970_to_9999_are_refused),
	    cmocka_unit_test(one_wrong_character_is_refused_wherever_it_stands),
	    cmocka_unit_test(other_forms_of_rfc_3339_are_refused),
	    cmocka_unit_test(every_prefix_is_refused),
	    cmocka_unit_test(times_outside_the_years_print_as_a_dash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
