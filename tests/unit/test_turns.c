/* A queue in which everybody has his turn. */
#include <stdlib.h>
#include <string.h>

#include "appliance/turns.h"
#include "help.h"

static struct turns *
queue(unsigned most)
{
	struct turns *t = NULL;

	assert_int_equal(turns_new(most, &t), ERR_OK);
	return t;
}

/* What comes out, in order; it is empty then. */
static void
comes(struct turns *t, const uint32_t *want, unsigned n)
{
	uint32_t id;

	assert_int_equal(turns_count(t), n);
	for (unsigned i = 0; i < n; i++) {
		assert_true(turns_first(t, &id));
		assert_int_equal(id, want[i]);
		turns_next(t);
	}
	assert_false(turns_first(t, &id));
	assert_int_equal(turns_count(t), 0);
}

static void
of_one_alone_in_order(void **state)
{
	static const uint32_t want[] = {5, 4, 6};
	struct turns *t = queue(3);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++)
			turns_put(t, 7, want[i]);
		comes(t, want, 3);
	}
	turns_free(&t);
}

static void
of_several_one_after_the_other(void **state)
{
	static const uint32_t want[] = {10, 20, 30, 11, 21, 12, 13};
	struct turns *t = queue(7);

	(void)state;
	for (uint32_t i = 10; i < 14; i++)
		turns_put(t, 1, i);
	turns_put(t, 2, 20);
	turns_put(t, 3, 30);
	turns_put(t, 2, 21);
	comes(t, want, 7);
	turns_free(&t);
}

/* However much another one has put in: it waits for one of each. */
static void
who_comes_new_waits_for_one_of_each(void **state)
{
	struct turns *t = queue(1000);
	uint32_t id;

	(void)state;
	for (uint32_t i = 0; i < 900; i++)
		turns_put(t, i % 3, i);
	for (unsigned i = 0; i < 100; i++)
		turns_next(t);
	turns_put(t, 99, 5000);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(turns_first(t, &id));
		assert_true(id < 900);
		turns_next(t);
	}
	assert_true(turns_first(t, &id));
	assert_int_equal(id, 5000);
	turns_free(&t);
}

static void
who_cannot_go_on_lets_others_pass(void **state)
{
	static const uint32_t want[] = {20, 30, 10, 21, 11};
	struct turns *t = queue(5);

	(void)state;
	turns_skip(t);
	turns_put(t, 1, 10);
	turns_put(t, 1, 11);
	turns_put(t, 2, 20);
	turns_put(t, 2, 21);
	turns_put(t, 3, 30);
	assert_int_equal(turns_waiting(t), 3);
	turns_skip(t);
	comes(t, want, 5);
	assert_int_equal(turns_waiting(t), 0);
	turns_free(&t);
}

/* Against a plain model: each flow's order, and how often others overtake. */
static void
nobody_is_passed_over(void **state)
{
	enum { FLOWS = 6, MOST = 64 };
	uint32_t next_in[FLOWS] = {0}, next_out[FLOWS] = {0};
	unsigned since[FLOWS] = {0};
	struct turns *t = queue(MOST);
	uint32_t id;

	(void)state;
	srand(11);
	for (unsigned i = 0; i < 200000; i++) {
		const unsigned who = (unsigned)rand() % FLOWS;

		if (turns_count(t) < MOST && rand() % 2 == 0) {
			if (next_in[who] == next_out[who])
				since[who] = 0;
			turns_put(t, who * 1000ULL, who << 24 | next_in[who]++);
		} else if (turns_first(t, &id)) {
			const unsigned f = id >> 24;

			assert_int_equal(id & 0xffffff, next_out[f]++);
			turns_next(t);
			since[f] = 0;
			for (unsigned k = 0; k < FLOWS; k++)
				if (k != f && next_in[k] != next_out[k])
					assert_true(++since[k] < FLOWS);
		}
	}
	turns_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_one_alone_in_order),
	    cmocka_unit_test(of_several_one_after_the_other),
	    cmocka_unit_test(who_comes_new_waits_for_one_of_each),
	    cmocka_unit_test(who_cannot_go_on_lets_others_pass),
	    cmocka_unit_test(nobody_is_passed_over),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
