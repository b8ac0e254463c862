#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "appliance/address.h"
#include "base/bytes.h"

static enum err
no_address(const char *what, const char *text, struct why *why)
{
	return why_set(why, ERR_MALFORMED, "%s: %s is not ADDRESS:PORT", what,
	    text);
}

enum err
address_split(const char *what, const char *text, char host[MAX_HOST],
    const char **port, struct why *why)
{
	const char *colon = strrchr(text, ':'), *start = text;
	size_t n;

	if (colon == NULL || colon == text)
		return no_address(what, text, why);
	n = (size_t)(colon - text);
	if (text[0] == '[') {
		if (n < 3 || text[n - 1] != ']')
			return no_address(what, text, why);
		start++;
		n -= 2;
	}
	if (n >= MAX_HOST)
		return why_set(why, ERR_MALFORMED, "%s: too long", what);
	memcpy(host, start, n);
	host[n] = '\0';
	*port = colon + 1;
	return ERR_OK;
}

enum err
address_parse(const char *what, const char *text, struct address *out,
    struct why *why)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct address a = {.len = 0};
	const char *port;
	uint64_t number;
	enum err rc;

	if ((rc = address_split(what, text, a.host, &port, why)) != ERR_OK)
		return rc;
	if (number_get(port, UINT16_MAX, &number) != ERR_OK || number == 0)
		return no_address(what, text, why);
	v4.sin_port = v6.sin6_port = htons((uint16_t)number);
	if (inet_pton(AF_INET, a.host, &v4.sin_addr) == 1) {
		a.len = sizeof(v4);
		memcpy(&a.sa, &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, a.host, &v6.sin6_addr) == 1) {
		a.len = sizeof(v6);
		memcpy(&a.sa, &v6, sizeof(v6));
	} else
		return no_address(what, text, why);
	*out = a;
	return ERR_OK;
}

uint16_t
address_port(const struct address *a)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (a->sa.ss_family == AF_INET6) {
		memcpy(&v6, &a->sa, sizeof(v6));
		return ntohs(v6.sin6_port);
	}
	memcpy(&v4, &a->sa, sizeof(v4));
	return ntohs(v4.sin_port);
}
