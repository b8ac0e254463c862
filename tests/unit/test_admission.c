/* Who is let in: by address, by handshakes under way, by client. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "appliance/admission.h"
#include "help.h"

static const struct admission_settings usual = {.address_rate = 10,
    .address_connections = 6,
    .max_handshakes = 12,
    .client_rate = 5,
    .client_connections = 3,
    .client_requests = 100};

static struct admission *
fresh(const struct admission_settings *s)
{
	static struct admission a;

	allowance_free(&a.address);
	allowance_free(&a.early);
	allowance_free(&a.client);
	allowance_free(&a.requests);
	assert_int_equal(admission_init(&a, s), ERR_OK);
	return &a;
}

static const struct sockaddr *
from(const char *text)
{
	static struct sockaddr_in6 v6;
	static struct sockaddr_in v4;

	if (strchr(text, ':') == NULL) {
		v4 = (struct sockaddr_in){.sin_family = AF_INET};
		assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
		return (const void *)&v4;
	}
	v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return (const void *)&v6;
}

static const uint8_t *
client(uint8_t i)
{
	static uint8_t f[ALLOWANCE_WHO];

	memset(f, i, sizeof(f));
	return f;
}

/* Lets in as many as it can, with their handshakes done at once. */
static unsigned
let_in(struct admission *a, const char *text, unsigned tries,
    struct admitted *last, int64_t now)
{
	static uint8_t next;
	struct admitted c;
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		if (admission_accept(a, from(text), &c, now) == ADMISSION_YES) {
			/* Each as another client. */
			assert_true(
			    admission_known(a, &c, client(next++), now));
			*last = c;
			n++;
		}
	return n;
}

static void
an_address_has_so_many_connections(void **state)
{
	struct admission *a = fresh(&usual);
	struct admitted c;

	(void)state;
	assert_int_equal(let_in(a, "192.0.2.1", 50, &c, 0), 6);
	assert_int_equal(let_in(a, "192.0.2.2", 50, &c, 0), 6);
	assert_int_equal(let_in(a, "192.0.2.1", 50, &c, 10000), 0);
	admission_left(a, &c);
	assert_int_equal(let_in(a, "192.0.2.2", 50, &c, 10000), 1);
}

static void
and_so_many_a_second(void **state)
{
	struct admission_settings s = usual;
	struct admission *a;
	struct admitted c;
	unsigned n = 0;

	(void)state;
	s.address_connections = 0;
	a = fresh(&s);
	for (int64_t t = 0; t < 10000; t += 10)
		if (admission_accept(a, from("192.0.2.1"), &c, t) ==
		    ADMISSION_YES) {
			n++;
			admission_left(a, &c);
		}
	/* Ten seconds, and what it makes up for at the beginning. */
	assert_in_range(n, 100, 10 * 10 + 2 * 10);
}

static void
an_address_of_ipv6_is_its_network(void **state)
{
	struct admission *a = fresh(&usual);
	struct admitted c;

	(void)state;
	assert_int_equal(let_in(a, "2001:db8:0:1::1", 50, &c, 0), 6);
	assert_int_equal(let_in(a, "2001:db8:0:1:ffff::2", 50, &c, 10000), 0);
	assert_int_equal(let_in(a, "2001:db8:0:2::1", 50, &c, 10000), 6);
	/* One of IPv4 is itself, however it is written. */
	assert_int_equal(let_in(a, "::ffff:192.0.2.1", 50, &c, 10000), 6);
	assert_int_equal(let_in(a, "192.0.2.1", 50, &c, 20000), 0);
	assert_int_equal(let_in(a, "192.0.2.3", 50, &c, 20000), 6);
}

static void
what_finds_the_handshakes_full_costs_nothing(void **state)
{
	struct admission_settings s = usual;
	struct admission *a;
	struct admitted c[64];
	unsigned n = 0;

	(void)state;
	s.max_handshakes = 1;
	a = fresh(&s);
	assert_int_equal(admission_accept(a, from("192.0.2.1"), &c[0], 0),
	    ADMISSION_YES);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(admission_accept(a, from("192.0.2.2"), &c[1],
				     0),
		    ADMISSION_HANDSHAKES);
	assert_true(admission_known(a, &c[0], client(1), 0));
	/* All that it may have at once is still its own. */
	n = let_in(a, "192.0.2.2", 50, &c[1], 0);
	assert_int_equal(n, let_in(a, "192.0.2.3", 50, &c[2], 0));
	assert_true(n > 1);
}

static void
no_address_has_all_the_handshakes(void **state)
{
	struct admission *a = fresh(&usual);
	struct admitted c[64];
	char text[32];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		n += admission_accept(a, from("192.0.2.1"), &c[n], 0) ==
		    ADMISSION_YES;
	assert_int_equal(n, 12 / 4 + 1);
	for (unsigned i = 0; n < 12; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%u", 2 + i);
		assert_int_equal(admission_accept(a, from(text), &c[n++], 0),
		    ADMISSION_YES);
	}
	assert_int_equal(admission_accept(a, from("198.51.100.1"), &c[n], 0),
	    ADMISSION_HANDSHAKES);
	/* One that is done, and one that is given up. */
	assert_true(admission_known(a, &c[0], client(1), 0));
	assert_int_equal(admission_accept(a, from("198.51.100.1"), &c[n], 0),
	    ADMISSION_YES);
	admission_left(a, &c[1]);
	assert_int_equal(admission_accept(a, from("198.51.100.2"), &c[n], 0),
	    ADMISSION_YES);
	assert_int_equal(a->n_early, 12);
}

static void
a_client_has_its_share_wherever_it_comes_from(void **state)
{
	struct admission_settings s = usual;
	struct admission *a;
	struct admitted c[8];
	char text[32];
	unsigned n = 0;

	(void)state;
	s.client_rate = 0;
	a = fresh(&s);
	for (unsigned i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%u", i);
		assert_int_equal(admission_accept(a, from(text), &c[i], 0),
		    ADMISSION_YES);
		n += admission_known(a, &c[i], client(9), 0);
	}
	assert_int_equal(n, 3);
	/* One that was not let in holds no place of the client. */
	admission_left(a, &c[7]);
	assert_int_equal(admission_accept(a, from("192.0.2.9"), &c[7], 0),
	    ADMISSION_YES);
	assert_false(admission_known(a, &c[7], client(9), 0));
	admission_left(a, &c[0]);
	admission_left(a, &c[7]);
	assert_int_equal(admission_accept(a, from("192.0.2.9"), &c[7], 0),
	    ADMISSION_YES);
	assert_true(admission_known(a, &c[7], client(9), 0));
}

static void
requests_are_counted_by_client(void **state)
{
	struct admission *a = fresh(&usual);
	struct admitted one, two, three;
	unsigned n = 0;

	(void)state;
	assert_int_equal(let_in(a, "192.0.2.1", 1, &one, 0), 1);
	assert_int_equal(admission_accept(a, from("192.0.2.2"), &two, 0),
	    ADMISSION_YES);
	assert_true(admission_known(a, &two, one.client, 0));
	assert_int_equal(admission_accept(a, from("192.0.2.3"), &three, 0),
	    ADMISSION_YES);
	assert_true(admission_known(a, &three, client(200), 0));
	/* One and two are the same client. */
	for (unsigned i = 0; i < 300; i++)
		n += admission_request(a, i % 2 == 0 ? &one : &two, 0);
	assert_int_equal(n, 200);
	assert_true(admission_request(a, &three, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_has_so_many_connections),
	    cmocka_unit_test(and_so_many_a_second),
	    cmocka_unit_test(an_address_of_ipv6_is_its_network),
	    cmocka_unit_test(what_finds_the_handshakes_full_costs_nothing),
	    cmocka_unit_test(no_address_has_all_the_handshakes),
	    cmocka_unit_test(a_client_has_its_share_wherever_it_comes_from),
	    cmocka_unit_test(requests_are_counted_by_client),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
