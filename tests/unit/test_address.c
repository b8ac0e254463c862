#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "appliance/address.h"
#include "help.h"

static void
v4_is_an_address_and_a_port(void **state)
{
	struct sockaddr_in v4;
	struct address a;
	struct why why;

	(void)state;
	assert_int_equal(address_parse("x", "192.0.2.7:7300", &a, &why),
	    ERR_OK);
	assert_int_equal(a.len, sizeof(v4));
	memcpy(&v4, &a.sa, sizeof(v4));
	assert_int_equal(v4.sin_family, AF_INET);
	assert_int_equal(ntohl(v4.sin_addr.s_addr), 0xc0000207);
	assert_int_equal(ntohs(v4.sin_port), 7300);
	assert_string_equal(a.host, "192.0.2.7");
	assert_int_equal(address_port(&a), 7300);
}

static void
v6_stands_in_brackets(void **state)
{
	struct sockaddr_in6 v6;
	struct address a;
	struct why why;

	(void)state;
	assert_int_equal(address_parse("x", "[2001:db8::1]:65535", &a, &why),
	    ERR_OK);
	assert_int_equal(a.len, sizeof(v6));
	memcpy(&v6, &a.sa, sizeof(v6));
	assert_int_equal(v6.sin6_family, AF_INET6);
	assert_int_equal(v6.sin6_addr.s6_addr[15], 1);
	assert_int_equal(ntohs(v6.sin6_port), 65535);
	assert_string_equal(a.host, "2001:db8::1");
	assert_int_equal(address_port(&a), 65535);
}

static void
anything_else_is_named_and_changes_nothing(void **state)
{
	static const char *const bad[] = {"", ":", ":1", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:99999",
	    "127.0.0.1:100000", "127.0.0.1:4294967297", "127.0.0.1:+1",
	    "127.0.0.1: 1", "127.0.0.1:1x", "127.0.0.1:0x1", "127.0.0:1",
	    "127.0.0.1.1:1", "0127.0.0.1:1", "localhost:1", "example.org:1",
	    "[::1:1", "[]:1", "[:1", "[::1]x:1", "::1]:1", "[127.0.0.1",
	    "[fe80::1%eth0]:1", " 127.0.0.1:1"};
	struct address a, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];
		struct why why = {""};

		a = before;
		assert_int_equal(address_parse("s.connect", bad[i], &a, &why),
		    ERR_MALFORMED);
		assert_memory_equal(&a, &before, sizeof(a));
		(void)snprintf(text, sizeof(text),
		    "s.connect: %s is not ADDRESS:PORT", bad[i]);
		assert_string_equal(why.text, text);
	}
}

static void
a_host_has_a_bound(void **state)
{
	char text[MAX_HOST + 8], host[MAX_HOST];
	const char *port = NULL;
	struct why why;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + MAX_HOST - 1, ":80", 4);
	assert_int_equal(address_split("x", text, host, &port, &why), ERR_OK);
	assert_int_equal(strlen(host), MAX_HOST - 1);
	assert_string_equal(port, "80");
	memset(text, 'a', sizeof(text));
	memcpy(text + MAX_HOST, ":80", 4);
	assert_int_equal(address_split("x", text, host, &port, &why),
	    ERR_MALFORMED);
	assert_string_equal(why.text, "x: too long");
}

static void
a_split_leaves_the_rest_to_others(void **state)
{
	char host[MAX_HOST];
	const char *port = NULL;
	struct why why;

	(void)state;
	assert_int_equal(address_split("x", "[fe80::1%eth0]:x", host, &port,
			     &why),
	    ERR_OK);
	assert_string_equal(host, "fe80::1%eth0");
	assert_string_equal(port, "x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(v4_is_an_address_and_a_port),
	    cmocka_unit_test(v6_stands_in_brackets),
	    cmocka_unit_test(anything_else_is_named_and_changes_nothing),
	    cmocka_unit_test(a_host_has_a_bound),
	    cmocka_unit_test(a_split_leaves_the_rest_to_others),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
