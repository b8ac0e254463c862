#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lab_time.h"

#define DAY INT64_C(86400)
#define NTP_TO_UNIX INT64_C(2208988800) /* from 1900 to 1970 */

int64_t
lab_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t
lab_ntp_now(void)
{
	struct timespec ts = {0};
	uint64_t s, fraction;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	s = (uint64_t)((int64_t)ts.tv_sec + NTP_TO_UNIX) & 0xffffffff;
	fraction = ((uint64_t)ts.tv_nsec << 32) / 1000000000;
	return s << 32 | fraction;
}

int64_t
lab_ntp_unix(uint64_t ntp)
{
	int64_t s = (int64_t)(ntp >> 32);

	if (s < INT64_C(0x80000000))
		s += INT64_C(0x100000000);
	return s - NTP_TO_UNIX;
}

enum err
lab_period_get(const char *name, enum lab_period *out)
{
	static const char *const names[] = {"day", "week", "month"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum lab_period)i;
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}

/* All our times are after 1970: division rounds down. */
static void
split(int64_t unix_s, struct tm *tm)
{
	time_t t = (time_t)unix_s;

	if (gmtime_r(&t, tm) == NULL)
		memset(tm, 0, sizeof(*tm));
}

int64_t
lab_period_start(enum lab_period period, int64_t unix_s)
{
	int64_t day = unix_s / DAY;
	struct tm tm;

	switch (period) {
	case LAB_DAY:
		break;
	case LAB_WEEK:
		day -= (day + 3) % 7; /* 1 January 1970 was a Thursday */
		break;
	case LAB_MONTH:
		split(unix_s, &tm);
		day -= tm.tm_mday - 1;
		break;
	}
	return day * DAY;
}

int64_t
lab_period_end(enum lab_period period, int64_t unix_s)
{
	int64_t start = lab_period_start(period, unix_s);

	switch (period) {
	case LAB_DAY:
		return start + DAY;
	case LAB_WEEK:
		return start + 7 * DAY;
	case LAB_MONTH:
		/* 31 days on is in the next month, whichever this is. */
		return lab_period_start(LAB_MONTH, start + 31 * DAY);
	}
	return start;
}

void
lab_date(int64_t unix_s, char out[LAB_DATE_LEN + 1])
{
	struct tm tm;

	split(unix_s, &tm);
	(void)strftime(out, LAB_DATE_LEN + 1, "%Y%m%d", &tm);
}

void
lab_stamp(int64_t unix_s, char out[LAB_STAMP_LEN + 1])
{
	struct tm tm;

	split(unix_s, &tm);
	(void)strftime(out, LAB_STAMP_LEN + 1, "%Y%m%d%H%M%SZ", &tm);
}

enum err
lab_stamp_get(const char *text, int64_t *out)
{
	static const char digits[] = "0123456789";
	char again[LAB_STAMP_LEN + 1];
	struct tm tm = {0};
	const char *end;
	int64_t t;

	/* strptime alone lets spaces and short numbers through. */
	if (strlen(text) != LAB_STAMP_LEN ||
	    strspn(text, digits) != LAB_STAMP_LEN - 1)
		return ERR_MALFORMED;
	end = strptime(text, "%Y%m%d%H%M%SZ", &tm);
	if (end == NULL || *end != '\0')
		return ERR_MALFORMED;
	t = (int64_t)timegm(&tm);
	lab_stamp(t, again);
	if (strcmp(again, text) != 0)
		return ERR_MALFORMED;
	*out = t;
	return ERR_OK;
}
