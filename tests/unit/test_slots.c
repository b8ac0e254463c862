#include <stdlib.h>
#include <string.h>

#include "appliance/slots.h"
#include "help.h"

struct thing {
	uint64_t number;
	char text[24];
};

static struct slots *
made(unsigned most)
{
	struct slots *s = NULL;

	assert_int_equal(slots_new(sizeof(struct thing), most, &s), ERR_OK);
	assert_non_null(s);
	assert_int_equal(slots_used(s), 0);
	return s;
}

static void
an_element_is_found_by_its_id(void **state)
{
	struct slots *s = made(64);
	struct thing *t[64];
	uint32_t id[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		t[i] = slots_take(s, &id[i]);
		assert_non_null(t[i]);
		t[i]->number = i;
		assert_int_equal(slots_used(s), i + 1);
	}
	for (unsigned i = 0; i < 64; i++) {
		assert_ptr_equal(slots_find(s, id[i]), t[i]);
		assert_true(t[i]->number == i);
		for (unsigned k = 0; k < i; k++) {
			assert_ptr_not_equal(t[i], t[k]);
			assert_int_not_equal(id[i], id[k]);
		}
	}
	slots_free(&s);
	assert_null(s);
	slots_free(&s);
}

static void
an_element_comes_zeroed_also_the_second_time(void **state)
{
	static const struct thing zero;
	struct slots *s = made(1);
	struct thing *t;
	uint32_t id;

	(void)state;
	for (int i = 0; i < 5; i++) {
		t = slots_take(s, &id);
		assert_non_null(t);
		assert_memory_equal(t, &zero, sizeof(zero));
		memset(t, 0xee, sizeof(*t));
		slots_drop(s, id);
	}
	slots_free(&s);
}

static void
what_was_dropped_is_not_found(void **state)
{
	struct slots *s = made(8);
	uint32_t a, b, c;
	void *p;

	(void)state;
	assert_non_null(slots_take(s, &a));
	p = slots_take(s, &b);
	slots_drop(s, a);
	assert_null(slots_find(s, a));
	assert_ptr_equal(slots_find(s, b), p);
	assert_int_equal(slots_used(s), 1);
	/* its place has another element now, and the old id still means none */
	assert_non_null(slots_take(s, &c));
	assert_int_not_equal(a, c);
	assert_null(slots_find(s, a));
	slots_drop(s, a);
	assert_non_null(slots_find(s, c));
	assert_int_equal(slots_used(s), 2);
	slots_free(&s);
}

static void
dropping_twice_or_what_never_was_changes_nothing(void **state)
{
	struct slots *s = made(4);
	uint32_t id[4], again;

	(void)state;
	slots_drop(s, 0);
	slots_drop(s, 77);
	slots_drop(s, UINT32_MAX);
	assert_int_equal(slots_used(s), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(slots_take(s, &id[i]));
	slots_drop(s, id[2]);
	slots_drop(s, id[2]);
	assert_int_equal(slots_used(s), 3);
	assert_non_null(slots_take(s, &again));
	assert_null(slots_take(s, &again)); /* one was free, not two */
	slots_free(&s);
}

static void
ids_that_were_never_given_are_not_found(void **state)
{
	struct slots *s = made(16);
	uint32_t id, other;

	(void)state;
	for (uint32_t i = 0; i < 64; i++)
		assert_null(slots_find(s, i));
	assert_non_null(slots_take(s, &id));
	for (uint32_t bit = 0; bit < 32; bit++) {
		other = id ^ (UINT32_C(1) << bit);
		assert_null(slots_find(s, other));
	}
	assert_null(slots_find(s, ~id));
	slots_free(&s);
}

static void
when_all_are_taken_there_is_none_until_one_is_dropped(void **state)
{
	const unsigned sizes[] = {1, 2, 32, 1024, 65536};
	uint32_t *id, next = 0xabcdef01;

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		const unsigned most = sizes[k];
		struct slots *s = made(most);

		id = calloc(most, sizeof(*id));
		assert_non_null(id);
		for (unsigned i = 0; i < most; i++)
			assert_non_null(slots_take(s, &id[i]));
		assert_int_equal(slots_used(s), most);
		next = 0xabcdef01;
		assert_null(slots_take(s, &next));
		assert_true(next == 0xabcdef01);
		assert_int_equal(slots_used(s), most);
		slots_drop(s, id[most / 2]);
		assert_non_null(slots_take(s, &next));
		assert_int_not_equal(next, id[most / 2]);
		assert_null(slots_take(s, &next));
		free(id);
		slots_free(&s);
	}
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* One in flight at a time, which is the fewest different places. */
static void
an_id_does_not_come_again_soon(void **state)
{
	const unsigned sizes[] = {1, 16, 1024, 65536}, n = 60000;
	uint32_t *id = calloc(n, sizeof(*id));

	(void)state;
	assert_non_null(id);
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct slots *s = made(sizes[k]);

		for (unsigned i = 0; i < n; i++) {
			assert_non_null(slots_take(s, &id[i]));
			slots_drop(s, id[i]);
		}
		slots_free(&s);
		qsort(id, n, sizeof(*id), by_value);
		for (unsigned i = 1; i < n; i++)
			assert_int_not_equal(id[i - 1], id[i]);
	}
	free(id);
}

/* The count in the upper bits runs over: the table goes on all the same. */
static void
a_count_that_runs_over_leaves_the_table_whole(void **state)
{
	struct slots *s = made(65536);
	uint32_t keep, id;
	void *kept;

	(void)state;
	kept = slots_take(s, &keep);
	for (unsigned i = 0; i < 140000; i++) {
		void *p = slots_take(s, &id);

		assert_non_null(p);
		assert_ptr_not_equal(p, kept);
		assert_ptr_equal(slots_find(s, id), p);
		assert_ptr_equal(slots_find(s, keep), kept);
		slots_drop(s, id);
	}
	assert_int_equal(slots_used(s), 1);
	slots_free(&s);
}

static void
each_in_use_is_visited_once(void **state)
{
	struct slots *s = made(32);
	uint32_t id[32], at_id;
	bool seen[32] = {false};
	struct thing *t;
	unsigned at = 0, n = 0;

	(void)state;
	assert_null(slots_next(s, &at, &at_id)); /* none at all */
	for (unsigned i = 0; i < 32; i++) {
		t = slots_take(s, &id[i]);
		t->number = i;
	}
	for (unsigned i = 0; i < 32; i += 3)
		slots_drop(s, id[i]);
	at = 0;
	while ((t = slots_next(s, &at, &at_id)) != NULL) {
		assert_true(t->number < 32 && t->number % 3 != 0);
		assert_false(seen[t->number]);
		seen[t->number] = true;
		assert_int_equal(at_id, id[t->number]);
		assert_ptr_equal(slots_find(s, at_id), t);
		n++;
	}
	assert_int_equal(n, slots_used(s));
	assert_null(slots_next(s, &at, &at_id)); /* the end stays the end */
	slots_free(&s);
}

static void
the_current_one_may_be_dropped_while_visiting(void **state)
{
	struct slots *s = made(64);
	unsigned at = 0, n = 0;
	struct thing *t;
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		t = slots_take(s, &id);
		t->number = i;
	}
	while ((t = slots_next(s, &at, &id)) != NULL) {
		if (t->number % 2 == 0)
			slots_drop(s, id);
		n++;
	}
	assert_int_equal(n, 50);
	assert_int_equal(slots_used(s), 25);
	at = n = 0;
	while ((t = slots_next(s, &at, &id)) != NULL) {
		assert_true(t->number % 2 == 1);
		slots_drop(s, id);
		n++;
	}
	assert_int_equal(n, 25);
	assert_int_equal(slots_used(s), 0);
	at = 0;
	assert_null(slots_next(s, &at, &id));
	slots_free(&s);
}

/* Takes and drops in no order, beside a plain list that does the same. */
static void
a_long_mixed_run_agrees_with_a_plain_list(void **state)
{
	struct slots *s = made(128);
	uint32_t id[128], rnd = 12345;
	struct thing *t[128];
	unsigned n = 0;

	(void)state;
	for (unsigned step = 0; step < 50000; step++) {
		rnd = rnd * 1664525 + 1013904223;
		if ((rnd >> 16) % 2 == 0) {
			struct thing *e = slots_take(s, &id[n < 128 ? n : 0]);

			assert_true((e == NULL) == (n == 128));
			if (e != NULL) {
				e->number = id[n];
				t[n++] = e;
			}
		} else if (n > 0) {
			const unsigned i = (rnd >> 20) % n;

			assert_ptr_equal(slots_find(s, id[i]), t[i]);
			assert_true(t[i]->number == id[i]);
			slots_drop(s, id[i]);
			assert_null(slots_find(s, id[i]));
			n--;
			id[i] = id[n];
			t[i] = t[n];
		}
		assert_int_equal(slots_used(s), n);
	}
	slots_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_element_is_found_by_its_id),
	    cmocka_unit_test(an_element_comes_zeroed_also_the_second_time),
	    cmocka_unit_test(what_was_dropped_is_not_found),
	    cmocka_unit_test(dropping_twice_or_what_never_was_changes_nothing),
	    cmocka_unit_test(ids_that_were_never_given_are_not_found),
	    cmocka_unit_test(
		when_all_are_taken_there_is_none_until_one_is_dropped),
	    cmocka_unit_test(an_id_does_not_come_again_soon),
	    cmocka_unit_test(a_count_that_runs_over_leaves_the_table_whole),
	    cmocka_unit_test(each_in_use_is_visited_once),
	    cmocka_unit_test(the_current_one_may_be_dropped_while_visiting),
	    cmocka_unit_test(a_long_mixed_run_agrees_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
