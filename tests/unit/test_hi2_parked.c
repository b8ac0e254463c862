#include <string.h>

#include "appliance/hi2_parked.h"
#include "help.h"

static struct parked p;

static int
set_up(void **state)
{
	(void)state;
	p = (struct parked){.n = 0};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)parked_expire(&p, INT64_MAX);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.octets, 0);
	return 0;
}

static enum err
put(uint32_t ticket, const char *body, int64_t now)
{
	struct rd r;

	rd_init(&r, body, strlen(body));
	return parked_put(&p, 7, ticket, r, now);
}

static void
takes(uint32_t ticket, const char *body)
{
	struct parked_word w;

	assert_true(parked_take(&p, ticket, &w));
	assert_int_equal(w.type, 7);
	assert_int_equal(w.ticket, ticket);
	assert_int_equal(secret_len(w.body), strlen(body));
	assert_memory_equal(secret_data(w.body), body, strlen(body));
	secret_free(&w.body);
}

static void
words_come_back_in_their_order(void **state)
{
	struct parked_word w;

	(void)state;
	assert_int_equal(put(1, "first", 0), ERR_OK);
	assert_int_equal(put(2, "other", 0), ERR_OK);
	assert_int_equal(put(1, "second", 0), ERR_OK);
	assert_false(parked_take(&p, 3, &w));
	takes(1, "first");
	takes(1, "second");
	assert_false(parked_take(&p, 1, &w));
	takes(2, "other");
	assert_int_equal(p.octets, 0);
}

static void
what_nobody_takes_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(put(1, "a", 1000), ERR_OK);
	assert_int_equal(put(2, "b", 1001), ERR_OK);
	assert_int_equal(parked_expire(&p, 1000 + PARKED_MS - 1), 0);
	assert_int_equal(parked_expire(&p, 1000 + PARKED_MS), 1);
	takes(2, "b");
	assert_int_equal(parked_expire(&p, 1000 + 2 * PARKED_MS), 0);
}

static void
no_more_than_the_bounds(void **state)
{
	static char half[PARKED_OCTETS_MAX / 2 + 1];
	struct rd r;

	(void)state;
	for (uint32_t i = 0; i < PARKED_MAX; i++)
		assert_int_equal(put(i, "x", 0), ERR_OK);
	assert_int_equal(put(PARKED_MAX, "x", 0), ERR_FULL);
	takes(17, "x");
	assert_int_equal(put(PARKED_MAX, "x", 0), ERR_OK);
	assert_int_equal(parked_expire(&p, PARKED_MS), PARKED_MAX);
	rd_init(&r, half, sizeof(half) - 1);
	assert_int_equal(parked_put(&p, 7, 1, r, 0), ERR_OK);
	assert_int_equal(parked_put(&p, 7, 2, r, 0), ERR_OK);
	assert_int_equal(put(3, "x", 0), ERR_FULL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(words_come_back_in_their_order),
	    TEST(what_nobody_takes_is_dropped),
	    TEST(no_more_than_the_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
