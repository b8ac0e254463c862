/*
 * key_period: the periods of the vectors, then 20,000 random times against the
 * C library's calendar.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "help.h"
#include "xk/key_period.h"
#include "xk/mikey.h"

static int64_t
utc(int year, int month, int day, int hour, int minute, int second)
{
	struct tm tm = {.tm_year = year - 1900,
	    .tm_mon = month - 1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute,
	    .tm_sec = second};

	return (int64_t)timegm(&tm);
}

static void
assert_period(enum key_period p, int64_t t, int64_t start, int64_t end)
{
	assert_true(key_period_start(p, t) == start);
	assert_true(key_period_end(p, t) == end);
}

static void
assert_id(enum key_period p, const char *id, int64_t t, const char *date)
{
	const size_t n = strlen(id);
	uint8_t out[300];
	struct rd r;

	assert_true(n + 9 <= sizeof(out));
	memset(out, 0xaa, sizeof(out));
	rd_init(&r, id, n);
	assert_int_equal(key_period_id(p, r, t, out), ERR_OK);
	assert_memory_equal(out, id, n);
	assert_memory_equal(out + n, date, 8);
	assert_int_equal(out[n + 8], 0xaa);
}

static void
names_are_day_week_month(void **state)
{
	static const char *const name[] = {"day", "week", "month"};
	enum key_period p = KEY_PERIOD_WEEK;

	(void)state;
	for (int i = 0; i < KEY_PERIOD__MAX; i++) {
		assert_string_equal(key_period_name((enum key_period)i),
		    name[i]);
		assert_int_equal(key_period_by_name(name[i], &p), ERR_OK);
		assert_int_equal(p, i);
	}
	p = KEY_PERIOD_WEEK;
	assert_int_equal(key_period_by_name("year", &p), ERR_NOTFOUND);
	assert_int_equal(key_period_by_name("Day", &p), ERR_NOTFOUND);
	assert_int_equal(key_period_by_name("days", &p), ERR_NOTFOUND);
	assert_int_equal(key_period_by_name("", &p), ERR_NOTFOUND);
	assert_int_equal(p, KEY_PERIOD_WEEK);
}

static void
dates_are_those_of_the_vectors(void **state)
{
	json_t *file = vectors("exchanges.json"), *k;
	size_t i;

	(void)state;
	json_array_foreach (member(member(file, "kat"), "period"), i, k) {
		size_t len;
		uint8_t *t = octets(k, "t", &len);
		uint64_t ts;
		int64_t at;
		struct rd r;

		rd_init(&r, t, len);
		assert_int_equal(rd_u64(&r, &ts), ERR_OK);
		free(t);
		assert_int_equal(mikey_unix_time(MIKEY_TS_NTP_UTC, ts, &at),
		    ERR_OK);
		for (int p = 0; p < KEY_PERIOD__MAX; p++)
			assert_id((enum key_period)p, "sip:alice@example.com",
			    at, text(k, key_period_name((enum key_period)p)));
	}
	assert_true(i >= 10);
	json_decref(file);
}

static void
ids_of_the_exchanges_are_those_of_the_vectors(void **state)
{
	static const char *const who[][2] = {{"initiator", "ibeIdInitiator"},
	    {"intended", "ibeIdIntended"}, {"answering", "ibeIdAnswering"}};
	json_t *file = vectors("exchanges.json"), *e;
	size_t i;

	(void)state;
	json_array_foreach (member(file, "exchanges"), i, e)
		for (size_t w = 0; w < 3; w++) {
			const json_t *party = member(e, who[w][0]);
			const json_t *set = json_array_get(member(file, "ibe"),
			    (size_t)number(party, "ibe"));
			const char *id = text(party, "identity");
			const char *want = text(e, who[w][1]);
			const size_t n = strlen(id);
			enum key_period p;
			size_t len;
			uint8_t *c;
			int64_t at;
			uint64_t ts;
			struct rd r;

			assert_int_equal(key_period_by_name(text(set, "period"),
					     &p),
			    ERR_OK);
			c = octets(member(e, "t1"), "C", &len);
			rd_init(&r, c, len);
			assert_int_equal(rd_u64(&r, &ts), ERR_OK);
			free(c);
			if (mikey_unix_time((enum mikey_ts)
						number(member(e, "t1"), "type"),
				ts, &at) != ERR_OK)
				continue; /* a COUNTER has no date */
			assert_memory_equal(want, id, n);
			assert_id(p, id, at, want + n);
		}
	json_decref(file);
}

static void
a_day_is_from_midnight_to_midnight(void **state)
{
	const int64_t first = utc(2024, 2, 29, 0, 0, 0);

	(void)state;
	assert_period(KEY_PERIOD_DAY, first, first, first + 86400);
	assert_period(KEY_PERIOD_DAY, first + 86399, first, first + 86400);
	assert_period(KEY_PERIOD_DAY, first + 86400, first + 86400,
	    first + 172800);
	assert_period(KEY_PERIOD_DAY, first - 1, first - 86400, first);
}

static void
leap_days_are_where_they_belong(void **state)
{
	static const struct {
		int year;
		bool leap;
	} k[] = {{2024, true}, {2023, false}, {2000, true}, {2100, false},
	    {1900, false}, {2400, true}, {1972, true}, {2036, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		const int64_t feb = utc(k[i].year, 2, 1, 0, 0, 0);
		const int64_t march = utc(k[i].year, 3, 1, 0, 0, 0);

		assert_true(march - feb == (k[i].leap ? 29 : 28) * 86400);
		assert_period(KEY_PERIOD_MONTH, march - 1, feb, march);
		assert_period(KEY_PERIOD_MONTH, feb, feb, march);
	}
	assert_id(KEY_PERIOD_DAY, "x", utc(2024, 2, 29, 23, 59, 59),
	    "20240229");
	assert_id(KEY_PERIOD_DAY, "x", utc(2024, 3, 1, 0, 0, 0), "20240301");
	assert_id(KEY_PERIOD_DAY, "x", utc(2100, 2, 28, 23, 59, 59),
	    "21000228");
	assert_id(KEY_PERIOD_DAY, "x", utc(2100, 3, 1, 0, 0, 0), "21000301");
}

static void
weeks_are_from_monday_across_the_year(void **state)
{
	/* Mondays whose week has parts in two years. */
	static const int monday[][3] = {{2018, 12, 31}, {2019, 12, 30},
	    {2020, 12, 28}, {2021, 12, 27}, {2022, 12, 26}, {2024, 12, 30},
	    {2025, 12, 29}, {2026, 12, 28}, {1969, 12, 29}, {2096, 12, 31}};

	(void)state;
	for (size_t i = 0; i < sizeof(monday) / sizeof(monday[0]); i++) {
		const int64_t start =
		    utc(monday[i][0], monday[i][1], monday[i][2], 0, 0, 0);

		for (int day = 0; day < 7; day++)
			for (int64_t s = 0; s < 86400; s += 43199)
				assert_period(KEY_PERIOD_WEEK,
				    start + day * 86400 + s, start,
				    start + 7 * 86400);
		assert_period(KEY_PERIOD_WEEK, start - 1, start - 7 * 86400,
		    start);
	}
	assert_id(KEY_PERIOD_WEEK, "x", utc(2027, 1, 3, 12, 0, 0), "20261228");
}

static void
months_end_where_the_next_begins(void **state)
{
	(void)state;
	for (int year = 1999; year < 2110; year++)
		for (int month = 1; month <= 12; month++) {
			const int64_t start = utc(year, month, 1, 0, 0, 0);
			const int64_t end = utc(year, month + 1, 1, 0, 0, 0);

			assert_period(KEY_PERIOD_MONTH, start, start, end);
			assert_period(KEY_PERIOD_MONTH, end - 1, start, end);
			assert_period(KEY_PERIOD_MONTH, (start + end) / 2,
			    start, end);
		}
}

static void
before_1970_the_periods_go_on(void **state)
{
	(void)state;
	assert_period(KEY_PERIOD_DAY, -1, -86400, 0);
	assert_period(KEY_PERIOD_DAY, -86400, -86400, 0);
	assert_period(KEY_PERIOD_DAY, -86401, -172800, -86400);
	assert_period(KEY_PERIOD_WEEK, -1, utc(1969, 12, 29, 0, 0, 0),
	    utc(1970, 1, 5, 0, 0, 0));
	assert_period(KEY_PERIOD_MONTH, -1, utc(1969, 12, 1, 0, 0, 0), 0);
	assert_id(KEY_PERIOD_MONTH, "x", -1, "19691201");
}

/* A generator of our own, so that a failure can be repeated. */
static uint64_t
next_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void
assert_is_first(enum key_period p, int64_t start)
{
	const time_t t = (time_t)start;
	struct tm tm;

	assert_non_null(gmtime_r(&t, &tm));
	assert_true(tm.tm_sec == 0 && tm.tm_min == 0 && tm.tm_hour == 0);
	if (p == KEY_PERIOD_WEEK)
		assert_int_equal(tm.tm_wday, 1);
	if (p == KEY_PERIOD_MONTH)
		assert_int_equal(tm.tm_mday, 1);
}

static void
an_end_is_the_next_start_at_any_time(void **state)
{
	const int64_t from = utc(1968, 1, 20, 0, 0, 0);
	const int64_t to = utc(2104, 2, 26, 0, 0, 0); /* what NTP can say */
	uint64_t s = 0x9e3779b97f4a7c15ULL;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const int64_t t =
		    from + (int64_t)(next_random(&s) % (uint64_t)(to - from));

		for (int k = 0; k < KEY_PERIOD__MAX; k++) {
			const enum key_period p = (enum key_period)k;
			const int64_t start = key_period_start(p, t);
			const int64_t end = key_period_end(p, t);
			char date[16];
			struct tm tm;
			time_t first = (time_t)start;

			assert_true(start <= t && t < end);
			assert_true(key_period_start(p, start) == start);
			assert_true(key_period_start(p, end - 1) == start);
			assert_true(key_period_start(p, end) == end);
			assert_true(key_period_end(p, start) == end);
			assert_true(key_period_end(p, end - 1) == end);
			assert_is_first(p, start);
			assert_is_first(p, end);
			assert_non_null(gmtime_r(&first, &tm));
			assert_int_equal(strftime(date, sizeof(date), "%Y%m%d",
					     &tm),
			    8);
			assert_id(p, "tel:+15550100", t, date);
		}
		assert_true(key_period_end(KEY_PERIOD_DAY, t) -
			key_period_start(KEY_PERIOD_DAY, t) ==
		    86400);
		assert_true(key_period_end(KEY_PERIOD_WEEK, t) -
			key_period_start(KEY_PERIOD_WEEK, t) ==
		    7 * 86400);
	}
}

static void
the_id_is_the_identity_octet_for_octet_and_the_date(void **state)
{
	const int64_t t = utc(2026, 6, 15, 8, 30, 0);
	static const uint8_t odd[] = {0, 0xff, ' ', '\n', 'a'};
	uint8_t out[sizeof(odd) + 8];
	char long_id[256];
	struct rd r;

	(void)state;
	assert_id(KEY_PERIOD_DAY, "sip:Alice@Example.COM", t, "20260615");
	assert_id(KEY_PERIOD_MONTH, "", t, "20260601");
	memset(long_id, 'x', 255);
	long_id[255] = '\0';
	assert_id(KEY_PERIOD_DAY, long_id, t, "20260615");
	rd_init(&r, odd, sizeof(odd));
	assert_int_equal(key_period_id(KEY_PERIOD_DAY, r, t, out), ERR_OK);
	assert_memory_equal(out, odd, sizeof(odd));
	assert_memory_equal(out + sizeof(odd), "20260615", 8);
}

static void
a_year_without_four_digits_is_too_big(void **state)
{
	const int64_t last = utc(9999, 12, 31, 23, 59, 59);
	uint8_t out[16], mark[16];
	struct rd r;

	(void)state;
	rd_init(&r, "x", 1);
	memset(mark, 0x77, sizeof(mark));
	assert_id(KEY_PERIOD_DAY, "x", last, "99991231");
	assert_id(KEY_PERIOD_DAY, "x", utc(1000, 1, 1, 0, 0, 0), "10000101");
	for (int k = 0; k < KEY_PERIOD__MAX; k++) {
		memcpy(out, mark, sizeof(out));
		assert_int_equal(key_period_id((enum key_period)k, r,
				     last + 8 * 86400, out),
		    ERR_TOOBIG);
		assert_memory_equal(out, mark, sizeof(out));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_day_week_month),
	    cmocka_unit_test(dates_are_those_of_the_vectors),
	    cmocka_unit_test(ids_of_the_exchanges_are_those_of_the_vectors),
	    cmocka_unit_test(a_day_is_from_midnight_to_midnight),
	    cmocka_unit_test(leap_days_are_where_they_belong),
	    cmocka_unit_test(weeks_are_from_monday_across_the_year),
	    cmocka_unit_test(months_end_where_the_next_begins),
	    cmocka_unit_test(before_1970_the_periods_go_on),
	    cmocka_unit_test(an_end_is_the_next_start_at_any_time),
	    cmocka_unit_test(
		the_id_is_the_identity_octet_for_octet_and_the_date),
	    cmocka_unit_test(a_year_without_four_digits_is_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
