#include <stdlib.h>
#include <string.h>

#include "appliance/x2_told.h"
#include "help.h"

static const uint8_t xid[XID_LEN] = {1, 2, 3};

static const uint8_t *
same(uint64_t n)
{
	static uint8_t out[X2_SAME_LEN];

	memset(out, 0, sizeof(out));
	memcpy(out, &n, sizeof(n));
	return out;
}

static struct x2_told *
made(unsigned most)
{
	struct x2_told *t = NULL;

	assert_int_equal(x2_told_new(most, &t), ERR_OK);
	assert_non_null(t);
	assert_int_equal(x2_told_used(t), 0);
	return t;
}

static void
an_exchange_is_found_with_its_legs(void **state)
{
	struct x2_told *t = made(300);

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		const uint64_t leg[2] = {i, 7 * i};
		struct x2_told_of *of;

		assert_null(x2_told_find(t, 1000 + 3 * i));
		of = x2_told_make(t, 1000 + 3 * i, xid, same(1000 + 3 * i));
		assert_true(of->exchange == 1000 + 3 * i);
		assert_memory_equal(of->xid, xid, XID_LEN);
		assert_int_equal(of->n, 0);
		assert_int_equal(x2_told_set(of, leg, (unsigned)(i % 3)),
		    ERR_OK);
		assert_int_equal(x2_told_used(t), i + 1);
	}
	for (uint64_t i = 0; i < 300; i++) {
		struct x2_told_of *of = x2_told_find(t, 1000 + 3 * i);

		assert_non_null(of);
		assert_ptr_equal(x2_told_make(t, of->exchange, xid,
				     same(of->exchange)),
		    of);
		assert_int_equal(of->n, i % 3);
		for (unsigned k = 0; k < of->n; k++)
			assert_true(of->leg[k] == (k == 0 ? i : 7 * i));
	}
	x2_told_free(&t);
	assert_null(t);
	x2_told_free(&t);
}

static void
new_legs_take_the_place_of_old_ones(void **state)
{
	const uint64_t leg[3] = {1, 2, 3};
	struct x2_told *t = made(4);
	struct x2_told_of *of = x2_told_make(t, 1, xid, same(1));

	(void)state;
	assert_int_equal(x2_told_set(of, leg, 3), ERR_OK);
	assert_int_equal(x2_told_set(of, leg + 1, 1), ERR_OK);
	assert_int_equal(of->n, 1);
	assert_true(of->leg[0] == 2);
	assert_int_equal(x2_told_set(of, NULL, 0), ERR_OK);
	assert_int_equal(of->n, 0);
	x2_told_free(&t);
}

static void
what_is_dropped_is_not_found_and_its_place_is_used(void **state)
{
	struct x2_told *t = made(5);
	unsigned at = 0, n = 0;
	struct x2_told_of *of;

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		(void)x2_told_make(t, i * 8, xid,
		    same(i * 8)); /* in one bucket */
	x2_told_drop(t, x2_told_find(t, 16));
	x2_told_drop(t, x2_told_find(t, 0));
	assert_null(x2_told_find(t, 16));
	assert_null(x2_told_find(t, 0));
	assert_int_equal(x2_told_used(t), 3);
	while ((of = x2_told_next(t, &at)) != NULL)
		n++;
	assert_int_equal(n, 3);
	(void)x2_told_make(t, 100, xid, same(100));
	(void)x2_told_make(t, 101, xid, same(101));
	assert_int_equal(x2_told_used(t), 5);
	for (uint64_t i = 1; i < 5; i++)
		assert_int_equal(x2_told_find(t, i * 8) != NULL, i != 2);
	x2_told_free(&t);
}

static void
when_it_is_full_the_oldest_gives_way(void **state)
{
	const uint64_t leg = 5;
	struct x2_told *t = made(3);

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		assert_int_equal(x2_told_set(x2_told_make(t, i, xid, same(i)),
				     &leg, 1),
		    ERR_OK);
		for (uint64_t k = 0; k <= i; k++)
			assert_int_equal(x2_told_find(t, k) != NULL, k + 3 > i);
	}
	assert_int_equal(x2_told_used(t), 3);
	x2_told_free(&t);
}

static void
exchanges_with_the_same_messages_are_twins(void **state)
{
	struct x2_told *t = made(16);
	struct x2_told_of *of;
	uint64_t seen = 0;
	uint32_t at = 0;

	(void)state;
	/* 1 to 6 in one bucket; 1, 3, 5 alike */
	for (uint64_t i = 1; i <= 6; i++)
		(void)x2_told_make(t, i, xid, same(i % 2 == 1 ? 32 : 32 * i));
	x2_told_drop(t, x2_told_find(t, 3));
	while ((of = x2_told_twin(t, same(32), &at)) != NULL)
		seen = seen * 10 + of->exchange;
	assert_true(seen == 51 || seen == 15);
	at = 0;
	assert_null(x2_told_twin(t, same(32 * 3), &at));
	x2_told_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_is_found_with_its_legs),
	    cmocka_unit_test(new_legs_take_the_place_of_old_ones),
	    cmocka_unit_test(
		what_is_dropped_is_not_found_and_its_place_is_used),
	    cmocka_unit_test(exchanges_with_the_same_messages_are_twins),
	    cmocka_unit_test(when_it_is_full_the_oldest_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
