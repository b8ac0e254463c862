#include <string.h>

#include "base/limits.h"
#include "hi2/ps_header.h"
#include "hi2/ps_tags.h"

enum err
ps_header_check(const struct ps_header *h)
{
	return h->liid.left == 0 || h->liid.left > MAX_LIID || h->seconds < 0 ||
		h->seconds > PS_SECONDS_MAX || h->nanoseconds > 999999999
	    ? ERR_MALFORMED
	    : ERR_OK;
}

static void
digits(char *at, unsigned n, uint64_t v)
{
	while (n-- > 0) {
		at[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* Gregorian date of a day since 1970-01-01, in years that begin in March. */
static void
put_date(char *at, uint64_t day)
{
	const uint64_t z = day + 719468, era = z / 146097, doe = z % 146097;
	const uint64_t yoe =
	    (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	const uint64_t m = (5 * doy + 2) / 153;
	const uint64_t month = m < 10 ? m + 3 : m - 9;

	digits(at, 4, era * 400 + yoe + (month <= 2 ? 1 : 0));
	digits(at + 4, 2, month);
	digits(at + 6, 2, doy - (153 * m + 2) / 5 + 1);
}

/* Z, no zeros at the end of a fraction. */
void
ps_header_times(const struct ps_header *h, struct ps_times *t)
{
	const uint64_t s = (uint64_t)h->seconds;
	char *g = t->generalized;
	size_t n = 14;

	put_date(g, s / 86400);
	digits(g + 8, 2, s / 3600 % 24);
	digits(g + 10, 2, s / 60 % 60);
	digits(g + 12, 2, s % 60);
	memcpy(t->utc, g + 2, 12);
	memcpy(t->utc + 12, "Z", 2);
	if (h->nanoseconds >= 1000000) {
		g[n] = '.';
		digits(g + n + 1, 3, h->nanoseconds / 1000000);
		n += 4;
		while (g[n - 1] == '0')
			n--;
	}
	memcpy(g + n, "Z", 2);
}

/*
 * What follows writes from the end to the beginning (der_put.h): read each
 * function from its last line up to see the order on the wire.
 */
static void
put_optional(struct der_put *d, enum ps_tag tag, const char *text)
{
	if (text[0] != '\0')
		der_put_text(d, tag, text);
}

static void
put_communication(struct der_put *d, const struct iri_profile *p, uint32_t cin)
{
	const size_t at = d->len;
	size_t network;

	put_optional(d, T_COM_COUNTRY, p->delivery_country);
	der_put_number(d, T_COM_CIN, cin);
	network = d->len;
	put_optional(d, T_NET_ELEMENT, p->network_element_id);
	der_put_text(d, T_NET_OPERATOR, p->operator_id);
	der_put_wrap(d, T_COM_NETWORK, network);
	der_put_wrap(d, T_PS_COMMUNICATION, at);
}

static void
put_micro(struct der_put *d, const struct ps_header *h)
{
	const size_t at = d->len;

	der_put_number(d, T_MICRO_MICROS, h->nanoseconds / 1000);
	der_put_number(d, T_MICRO_SECONDS, (uint64_t)h->seconds);
	der_put_wrap(d, T_PS_MICRO, at);
}

void
ps_header_put(struct der_put *d, const struct iri_profile *p,
    const struct ps_header *h, const struct ps_times *t)
{
	/*
	 * {itu-t(0) etsi(4 0) 2 2 li-ps(5) genHeader(1) version}, and no arc
	 * behind it: LEMFs have refused records with a zero there.
	 */
	const uint8_t domain[] = {0x04, 0x00, 0x02, 0x02, 0x05, 0x01,
	    p->ps_version};
	const size_t at = d->len;

	if (p->qualifier != IRI_QUALIFIER_NONE)
		der_put_number(d, T_PS_QUALIFIER, (uint64_t)p->qualifier);
	if ((p->header_time & IRI_HEADER_MICROSECOND) != 0)
		put_micro(d, h);
	put_optional(d, T_PS_POINT, p->interception_point);
	if ((p->header_time & IRI_HEADER_GENERALIZED) != 0)
		der_put_text(d, T_PS_TIME, t->generalized);
	der_put_number(d, T_PS_SEQUENCE, h->sequence);
	put_communication(d, p, h->cin);
	der_put_text(d, T_PS_COUNTRY, p->authorization_country);
	der_put_string(d, T_PS_LIID, h->liid.p, h->liid.left);
	der_put_string(d, T_PS_DOMAIN, domain, sizeof(domain));
	der_put_wrap(d, T_PS_HEADER, at);
}
