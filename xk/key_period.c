#include <stdio.h>
#include <string.h>

#include "xk/key_period.h"

#define DAY 86400

static const char *const names[KEY_PERIOD__MAX] = {"day", "week", "month"};

enum err
key_period_by_name(const char *name, enum key_period *out)
{
	for (int i = 0; i < KEY_PERIOD__MAX; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum key_period)i;
			return ERR_OK;
		}
	return ERR_NOTFOUND;
}

const char *
key_period_name(enum key_period p)
{
	return names[p];
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct date {
	int64_t year;
	int month, day;
};

/* Proleptic Gregorian, days since 1970; years begin in March inside. */
static struct date
date_of(int64_t days)
{
	const int64_t z = days + 719468;
	const int64_t era = floor_div(z, 146097);
	const int64_t doe = z - era * 146097;
	const int64_t yoe =
	    (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	const int64_t mp = (5 * doy + 2) / 153;
	struct date d;

	d.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	d.year = yoe + era * 400 + (d.month <= 2);
	return d;
}

static int64_t
first_day(enum key_period p, int64_t days)
{
	switch (p) {
	case KEY_PERIOD_DAY:
		return days;
	case KEY_PERIOD_WEEK: /* 1970-01-01 was a Thursday */
		return days - (days + 3 - 7 * floor_div(days + 3, 7));
	case KEY_PERIOD_MONTH:
		return days - (date_of(days).day - 1);
	case KEY_PERIOD__MAX:
		break;
	}
	return days;
}

int64_t
key_period_start(enum key_period p, int64_t t)
{
	return DAY * first_day(p, floor_div(t, DAY));
}

int64_t
key_period_end(enum key_period p, int64_t t)
{
	const int64_t first = first_day(p, floor_div(t, DAY));

	switch (p) {
	case KEY_PERIOD_DAY:
		return DAY * (first + 1);
	case KEY_PERIOD_WEEK:
		return DAY * (first + 7);
	case KEY_PERIOD_MONTH: /* some day of the next month, then its first */
		return DAY * first_day(p, first + 31);
	case KEY_PERIOD__MAX:
		break;
	}
	return t;
}

enum err
key_period_id(enum key_period p, struct rd identity, int64_t t, uint8_t *out)
{
	const struct date d = date_of(first_day(p, floor_div(t, DAY)));
	char text[32];

	if (d.year < 1000 || d.year > 9999)
		return ERR_TOOBIG;
	(void)snprintf(text, sizeof(text), "%04d%02d%02d", (int)d.year, d.month,
	    d.day);
	memcpy(out, identity.p, identity.left);
	memcpy(out + identity.left, text, 8);
	return ERR_OK;
}
