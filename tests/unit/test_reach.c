/* Whom a token's module calls: as it is configured, and handed on. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "appliance/reach.h"
#include "help.h"

static void
what_is_printed_is_read(void **state)
{
	static const struct {
		struct reach reach;
		const char *text;
	} all[] = {{{.n_ports = 0}, "0 0 0"}, {{.local = true}, "1 0 0"},
	    {{.device = true}, "0 1 0"},
	    {{.n_ports = 4, .port = {1, 65535, 9004, 9004}},
		"0 0 4 1 65535 9004 9004"}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct reach *r = &all[i].reach;
		struct reach out = {.n_ports = 99};
		char text[REACH_TEXT_MAX];

		reach_print(r, text);
		assert_string_equal(text, all[i].text);
		assert_int_equal(reach_read(text, &out), ERR_OK);
		assert_int_equal(out.local, r->local);
		assert_int_equal(out.device, r->device);
		assert_int_equal(out.n_ports, r->n_ports);
		for (unsigned k = 0; k < r->n_ports; k++)
			assert_int_equal(out.port[k], r->port[k]);
		assert_int_equal(reach_sockets(&out), i == 1 || i == 3);
	}
}

/* Else a worker could reach whom nobody has approved. */
static void
nothing_else_is_read(void **state)
{
	static const char *const bad[] = {"", "0", "0 0", "2 0 0", "0 2 0",
	    "0 0 5 1 2 3 4 5", "0 0 1", "0 0 1 0", "0 0 1 65536", "0 0 1 70000",
	    "0 0 0 1", "0 0 1 1 2", "0 0 2 1", " 0 0 0", "0 0 0 ", "0  0 0",
	    "00 0 0", "0 0 1 01", "0 0 1 +1", "0 0 1 -1", "x 0 0", "0 0 1 x",
	    "0 0 4294967296", "-1 0 0"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct reach out = {.n_ports = 99};

		if (reach_read(bad[i], &out) != ERR_MALFORMED)
			fail_msg("\"%s\" is read", bad[i]);
		assert_int_equal(out.n_ports, 99);
	}
}

static void
an_entry_is_an_address_a_device_or_a_socket(void **state)
{
	struct reach r = {.n_ports = 0};
	struct why why = {""};

	(void)state;
	assert_int_equal(reach_add(&r, "x.y", "10.0.0.7:90", &why), ERR_OK);
	assert_false(r.local || r.device);
	assert_int_equal(r.n_ports, 1);
	assert_int_equal(r.port[0], 90);
	assert_int_equal(reach_add(&r, "x.y", "/dev/null", &why), ERR_OK);
	assert_true(r.device && !r.local);
	/* A folder, or what is not there yet, has a socket. */
	assert_int_equal(reach_add(&r, "x.y", "/dev", &why), ERR_OK);
	assert_true(r.local);
	r = (struct reach){.n_ports = 0};
	assert_int_equal(reach_add(&r, "x.y", "/none/socket", &why), ERR_OK);
	assert_true(r.local && !r.device);
}

static void
what_is_no_entry_is_refused_by_name(void **state)
{
	static const char *const bad[] = {"", "name:90", "10.0.0.7",
	    "10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536", "[::1]", "/", "/a:b",
	    "run/socket"};
	struct reach r = {.n_ports = 0};
	struct why why = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (reach_add(&r, "x.y", bad[i], &why) != ERR_MALFORMED)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_non_null(strstr(why.text, "x.y"));
		assert_false(r.local || r.device || r.n_ports > 0);
	}
	r.n_ports = REACH_MOST;
	assert_int_equal(reach_add(&r, "x.y", "10.0.0.7:90", &why), ERR_FULL);
	assert_int_equal(r.n_ports, REACH_MOST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_printed_is_read),
	    cmocka_unit_test(nothing_else_is_read),
	    cmocka_unit_test(an_entry_is_an_address_a_device_or_a_socket),
	    cmocka_unit_test(what_is_no_entry_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
