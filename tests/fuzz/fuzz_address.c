/*
 * Addresses with a port: what is read is what the library prints again, and
 * then reads as the same.
 *
 * Input: the text.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/address.h"
#include "fuzz.h"

static void
print(const struct address *a, char out[160])
{
	const bool v6 = a->sa.ss_family == AF_INET6;
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	char host[INET6_ADDRSTRLEN];

	memcpy(&six, &a->sa, sizeof(six));
	memcpy(&four, &a->sa, sizeof(four));
	MUST(v6 || a->sa.ss_family == AF_INET);
	MUST(a->len == (v6 ? sizeof(six) : sizeof(four)));
	MUST(inet_ntop(a->sa.ss_family,
		 v6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr, host,
		 sizeof(host)) != NULL);
	(void)snprintf(out, 160, v6 ? "[%s]:%u" : "%s:%u", host,
	    address_port(a));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a = {.len = 77}, b = {.len = 0};
	char *text, again[160], host[MAX_HOST];
	const char *port = NULL;
	struct why why = {""};
	struct rd in;

	rd_init(&in, data, size);
	text = take_text(in);
	if (address_parse("it", text, &a, &why) == ERR_OK) {
		MUST(address_port(&a) > 0 && strlen(a.host) < MAX_HOST);
		print(&a, again);
		MUST(address_parse("it", again, &b, &why) == ERR_OK);
		MUST(memcmp(&a.sa, &b.sa, a.len) == 0);
	} else
		MUST(a.len == 77 && strncmp(why.text, "it: ", 4) == 0);
	if (address_split("it", text, host, &port, &why) == ERR_OK) {
		MUST(port > text && port <= text + strlen(text));
		MUST(port[-1] == ':' && strchr(port, ':') == NULL);
		MUST(memmem(text, (size_t)(port - text), host, strlen(host)) !=
		    NULL);
	}
	free(text);
	return 0;
}
