/* What the supervisor says to a process of its confinement. */
#include <string.h>

#include "appliance/confine.h"
#include "help.h"

static void
what_is_printed_is_read(void **state)
{
	static const struct confine all[] = {{.landlock = 0},
	    {.memory_locked = true},
	    {.landlock = 7,
		.namespaces = CONFINE_NAMESPACES,
		.own_user = true,
		.uid = 990,
		.gid = 991},
	    {.landlock = 255,
		.namespaces = CONFINE_USER_NAMESPACE,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct confine out = {.landlock = 99};
		char text[CONFINE_TEXT_MAX];

		confine_print(&all[i], text);
		assert_int_equal(confine_read(text, &out), ERR_OK);
		assert_int_equal(out.landlock, all[i].landlock);
		assert_int_equal(out.namespaces, all[i].namespaces);
		assert_int_equal(out.own_user, all[i].own_user);
		assert_int_equal(out.memory_locked, all[i].memory_locked);
		assert_int_equal(out.uid, all[i].uid);
		assert_int_equal(out.gid, all[i].gid);
	}
}

/* Else a process could go without a layer because of a slip of the pen. */
static void
nothing_else_is_read(void **state)
{
	static const char *const bad[] = {"", " ", "7", "7 1 1 1 990",
	    "7 1 1 1 990 991 ", " 7 1 1 1 990 991", "7 1 1 1 990 991 0",
	    "7  1 1 1 990 991", "07 1 1 1 990 991", "+7 1 1 1 990 991",
	    "-1 1 1 1 990 991", "7 3 1 1 990 991", "7 1 2 1 990 991",
	    "7 1 1 2 990 991", "7 1 1 1 990 4294967296",
	    "7 1 1 1 99999999999 991", "7 1 x 1 990 991", "7 1 1 x 990 991",
	    "99999999999 1 1 1 990 991", "7,1,1,1,990,991"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct confine out = {.landlock = 99, .uid = 5};

		if (confine_read(bad[i], &out) != ERR_MALFORMED)
			fail_msg("\"%s\" is read", bad[i]);
		assert_int_equal(out.landlock, 99);
		assert_int_equal(out.uid, 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_printed_is_read),
	    cmocka_unit_test(nothing_else_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
