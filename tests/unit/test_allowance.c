/* Who may how often: rates, places, a table that does not grow. */
#include <stdlib.h>
#include <string.h>

#include "appliance/allowance.h"
#include "help.h"

static const uint8_t key[SIPHASH_KEY] = {1, 2, 3};

static struct allowance *
table(unsigned most)
{
	struct allowance *a = NULL;

	assert_int_equal(allowance_new(most, key, &a), ERR_OK);
	return a;
}

static const uint8_t *
somebody(unsigned i)
{
	static uint8_t who[ALLOWANCE_WHO];

	memset(who, 0, sizeof(who));
	memcpy(who, &i, sizeof(i));
	return who;
}

static void
a_burst_and_then_the_rate(void **state)
{
	const struct allowance_limit l = {10, 5, 0};
	struct allowance *a = table(64);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_true(allowance_take(a, somebody(1), &l, 1000));
	assert_false(allowance_take(a, somebody(1), &l, 1000));
	assert_false(allowance_take(a, somebody(1), &l, 1099));
	assert_true(allowance_take(a, somebody(1), &l, 1100));
	assert_false(allowance_take(a, somebody(1), &l, 1100));
	/* After a rest it is the burst again, and not more. */
	for (unsigned i = 0; i < 5; i++)
		assert_true(allowance_take(a, somebody(1), &l, 900000));
	assert_false(allowance_take(a, somebody(1), &l, 900000));
	allowance_free(&a);
}

static void
one_does_not_pay_for_another(void **state)
{
	const struct allowance_limit l = {1, 1, 0};
	struct allowance *a = table(1024);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_true(allowance_take(a, somebody(i), &l, 0));
	for (unsigned i = 0; i < 100; i++)
		assert_false(allowance_take(a, somebody(i), &l, 0));
	allowance_free(&a);
}

static void
without_a_limit_all_is_let_through(void **state)
{
	const struct allowance_limit none = {0, 0, 0}, l = {1, 1, 0};
	struct allowance *a = table(8);

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_true(allowance_enter(a, somebody(1), &none, 5));
	/* A debt from before does not count either. */
	assert_true(allowance_take(a, somebody(2), &l, 5));
	assert_false(allowance_take(a, somebody(2), &l, 5));
	assert_true(allowance_take(a, somebody(2), &none, 5));
	allowance_free(&a);
}

static void
places_are_held_until_they_are_left(void **state)
{
	const struct allowance_limit l = {0, 0, 3};
	struct allowance *a = table(64);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_true(allowance_enter(a, somebody(1), &l, 0));
	assert_false(allowance_enter(a, somebody(1), &l, 1000000));
	allowance_leave(a, somebody(2));
	assert_false(allowance_enter(a, somebody(1), &l, 1000000));
	allowance_leave(a, somebody(1));
	assert_true(allowance_enter(a, somebody(1), &l, 1000000));
	assert_false(allowance_enter(a, somebody(1), &l, 1000000));
	allowance_free(&a);
}

/* What is refused is not counted, or nobody who tries on would come in. */
static void
a_refusal_costs_nothing(void **state)
{
	const struct allowance_limit l = {10, 1, 1};
	struct allowance *a = table(64);

	(void)state;
	assert_true(allowance_enter(a, somebody(1), &l, 0));
	for (int64_t t = 1; t < 100; t++)
		assert_false(allowance_enter(a, somebody(1), &l, t));
	allowance_leave(a, somebody(1));
	assert_true(allowance_enter(a, somebody(1), &l, 100));
	allowance_free(&a);
}

static void
who_has_a_place_is_never_forgotten(void **state)
{
	const struct allowance_limit l = {0, 0, 1};
	struct allowance *a = table(ALLOWANCE_WAYS);
	unsigned let = 0;

	(void)state;
	assert_true(allowance_enter(a, somebody(0), &l, 0));
	for (unsigned i = 1; i < 100000; i++)
		assert_true(allowance_take(a, somebody(i), &l, i));
	assert_false(allowance_enter(a, somebody(0), &l, 100000));
	/* One row alone: when all in it have places, there is none left. */
	for (unsigned i = 1; i < 100; i++)
		let += allowance_enter(a, somebody(i), &l, 100000);
	assert_int_equal(let, ALLOWANCE_WAYS - 1);
	allowance_free(&a);
}

static void
who_has_been_at_rest_for_longest_is_forgotten(void **state)
{
	const struct allowance_limit l = {1, 2, 0};
	struct allowance *a = table(ALLOWANCE_WAYS);

	(void)state;
	for (unsigned i = 0; i < ALLOWANCE_WAYS; i++) {
		assert_true(allowance_take(a, somebody(i), &l, i));
		if (i != 3)
			assert_true(allowance_take(a, somebody(i), &l, i));
	}
	assert_true(allowance_take(a, somebody(1000), &l, 10));
	for (unsigned i = 0; i < ALLOWANCE_WAYS; i++)
		if (i != 3)
			assert_false(allowance_take(a, somebody(i), &l, 10));
	allowance_free(&a);
}

/*
 * Whatever comes when: in each span of time no more than burst + rate * span,
 * and whoever keeps to the rate is never refused.
 */
static void
the_bound_holds_for_each_span(void **state)
{
	enum { N = 4000 };
	static int64_t when[N];

	(void)state;
	srand(7);
	for (unsigned round = 0; round < 20; round++) {
		const struct allowance_limit l = {1 + (uint32_t)rand() % 200,
		    1 + (uint32_t)rand() % 50, 0};
		struct allowance *a = table(64);
		int64_t now = rand() % 100000, calm = 0;
		unsigned n = 0;

		for (unsigned i = 0; i < N; i++) {
			now += rand() % 4 == 0 ? rand() % 40 : 0;
			if (allowance_take(a, somebody(1), &l, now))
				when[n++] = now;
			if (now - calm >= 1000 / (int64_t)l.rate + 1) {
				calm = now;
				assert_true(
				    allowance_take(a, somebody(2), &l, now));
			}
		}
		assert_true(n > 0);
		for (unsigned i = 0; i < n; i += 13)
			for (unsigned k = i; k < n; k += 7)
				assert_true((int64_t)(k - i + 1) * 1000 <=
				    1000 * (int64_t)l.burst +
					(int64_t)l.rate * (when[k] - when[i]) +
					1000);
		allowance_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_burst_and_then_the_rate),
	    cmocka_unit_test(one_does_not_pay_for_another),
	    cmocka_unit_test(without_a_limit_all_is_let_through),
	    cmocka_unit_test(places_are_held_until_they_are_left),
	    cmocka_unit_test(a_refusal_costs_nothing),
	    cmocka_unit_test(who_has_a_place_is_never_forgotten),
	    cmocka_unit_test(who_has_been_at_rest_for_longest_is_forgotten),
	    cmocka_unit_test(the_bound_holds_for_each_span),
	};

	return cmocka_run_group_tests_name("allowance", tests, NULL, NULL);
}
