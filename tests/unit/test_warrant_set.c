#include <string.h>

#include "help.h"
#include "policy/warrant_set.h"

static const uint8_t *
name(unsigned i)
{
	static uint8_t id[WARRANT_ID_LEN];

	memset(id, 0x5a, sizeof(id));
	id[0] = (uint8_t)(i * 167); /* not in order */
	id[WARRANT_ID_LEN - 1] = (uint8_t)(i >> 8);
	id[WARRANT_ID_LEN - 2] = (uint8_t)i;
	return id;
}

static void
an_empty_set_has_nothing(void **state)
{
	struct warrant_set s = {.id = NULL};

	(void)state;
	assert_false(warrant_set_has(&s, name(0)));
	warrant_set_done(&s);
}

static void
what_is_added_is_there_and_nothing_else(void **state)
{
	struct warrant_set s = {.id = NULL};

	(void)state;
	for (unsigned i = 0; i < 1000; i += 2)
		assert_int_equal(warrant_set_add(&s, name(i)), ERR_OK);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(warrant_set_has(&s, name(i)), i % 2 == 0);
	warrant_set_done(&s);
}

static void
what_is_added_twice_is_there_once(void **state)
{
	struct warrant_set s = {.id = NULL};

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(warrant_set_add(&s, name(i % 100)), ERR_OK);
	assert_int_equal(s.n, 100);
	for (size_t i = 1; i < s.n; i++)
		assert_true(memcmp(s.id[i - 1], s.id[i], WARRANT_ID_LEN) < 0);
	warrant_set_done(&s);
	assert_int_equal(s.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(
					       an_empty_set_has_nothing),
	    cmocka_unit_test(what_is_added_is_there_and_nothing_else),
	    cmocka_unit_test(what_is_added_twice_is_there_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
