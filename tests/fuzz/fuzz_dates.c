/*
 * Key periods and MIKEY timestamps, against the C library's calendar.
 *
 * Input: u8 period, i64 time, u8 timestamp type, two u64 timestamps, identity.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "xk/key_period.h"
#include "xk/mikey.h"

/* Times of four-digit years and a little more. */
#define FIRST (-(1LL << 36))
#define LAST (1LL << 38)

static void
check_id(enum key_period p, int64_t t, struct rd identity)
{
	uint8_t *out = malloc(identity.left + 8);
	char want[64];
	const time_t start = (time_t)key_period_start(p, t);
	struct tm tm;
	enum err rc;

	MUST(out != NULL && gmtime_r(&start, &tm) != NULL);
	rc = key_period_id(p, identity, t, out);
	MUST((rc == ERR_OK) == (tm.tm_year >= -900 && tm.tm_year <= 8099));
	if (rc == ERR_OK) {
		(void)snprintf(want, sizeof(want), "%04d%02d%02d",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		MUST(memcmp(out + identity.left, want, 8) == 0);
		MUST(identity.left == 0 ||
		    memcmp(out, identity.p, identity.left) == 0);
	}
	MUST(p != KEY_PERIOD_WEEK || tm.tm_wday == 1);
	MUST(p != KEY_PERIOD_MONTH || tm.tm_mday == 1);
	MUST(tm.tm_hour == 0 && tm.tm_min == 0 && tm.tm_sec == 0);
	free(out);
}

static void
check_period(enum key_period p, int64_t t)
{
	static const int64_t days[] = {1, 7, 31};
	const int64_t start = key_period_start(p, t);
	const int64_t end = key_period_end(p, t);
	enum key_period back;

	MUST(start <= t && t < end && end - start <= days[p] * 86400);
	MUST(key_period_start(p, start) == start);
	MUST(key_period_start(p, end - 1) == start);
	MUST(key_period_start(p, end) == end);
	MUST(key_period_by_name(key_period_name(p), &back) == ERR_OK);
	MUST(back == p);
}

static void
check_order(enum mikey_ts type, uint64_t a, uint64_t b)
{
	const bool ab = mikey_ts_after(type, a, b);
	int64_t ta, tb;

	MUST(ab + mikey_ts_after(type, b, a) == (a != b));
	if (mikey_unix_time(type, a, &ta) != ERR_OK)
		return;
	MUST(mikey_unix_time(type, b, &tb) == ERR_OK);
	MUST(ta == tb || ab == (tb > ta));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum key_period p;
	enum mikey_ts type;
	struct rd in;
	uint64_t a, b;
	int64_t t;
	uint8_t id[1024];

	rd_init(&in, data, size);
	p = (enum key_period)(take_u8(&in) % KEY_PERIOD__MAX);
	t = (int64_t)take_u64(&in);
	type = (enum mikey_ts)(take_u8(&in) % 4);
	a = take_u64(&in);
	b = take_u64(&in);
	check_order(type, a, b);
	if (in.left > sizeof(id) - 8)
		in.left = sizeof(id) - 8;
	/* Any time at all comes over IPC to key_period_id(). */
	(void)!key_period_id(p, in, t, id);
	if (mikey_unix_time(type, a, &t) != ERR_OK)
		t = (int64_t)take_u64(&in);
	if (t > FIRST && t < LAST) {
		check_period(p, t);
		check_id(p, t, in);
	}
	return 0;
}
