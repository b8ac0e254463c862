#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/rfc3339.h"

static int
digits(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = 10 * v + (s[i] - '0');
	}
	return v;
}

enum err
rfc3339_parse(const char *s, int64_t *out)
{
	struct tm tm = {0}, back;
	time_t t;

	if (strlen(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
	    s[13] != ':' || s[16] != ':' || s[19] != 'Z')
		return ERR_MALFORMED;
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mday < 1 ||
	    tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return ERR_MALFORMED;
	back = tm;
	t = timegm(&back);
	/* timegm() bends the 31st of February; we do not. */
	if (back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min ||
	    back.tm_sec != tm.tm_sec)
		return ERR_MALFORMED;
	*out = (int64_t)t;
	return ERR_OK;
}

const char *
rfc3339_print(int64_t v, char out[RFC3339_LEN])
{
	const time_t t = (time_t)v;
	struct tm tm;

	if (v < 0 || v > 253402300799LL || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, RFC3339_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, RFC3339_LEN, "-");
	return out;
}
