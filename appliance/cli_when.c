#include <stdlib.h>
#include <string.h>

#include "appliance/cli_when.h"
#include "policy/rfc3339.h"

#define DIGITS_MOST 6 /* 999999 days: no overflow */

enum err
cli_when(const char *text, int64_t now, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'m', 60}, {'h', 3600}, {'d', 86400}};
	const size_t n = strspn(text, "0123456789");

	if (n < 1 || n > DIGITS_MOST || strlen(text) != n + 1)
		return rfc3339_parse(text, out);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text[n] == units[i].unit) {
			*out = now + strtol(text, NULL, 10) * units[i].seconds;
			return ERR_OK;
		}
	return ERR_MALFORMED;
}
