#include <string.h>

#include "appliance/x2_xids.h"
#include "help.h"

static struct x2_xids *
made(unsigned most)
{
	struct x2_xids *x = NULL;

	assert_int_equal(x2_xids_new(most, &x), ERR_OK);
	assert_non_null(x);
	assert_int_equal(x2_xids_asked(x), 0);
	return x;
}

static const uint8_t *
xid(unsigned n)
{
	static uint8_t out[XID_LEN];

	memset(out, 0, sizeof(out));
	memcpy(out + 3, &n, sizeof(n));
	return out;
}

static enum err
find(const struct x2_xids *x, unsigned n, uint8_t want)
{
	uint8_t is = 0xee;
	enum err rc = x2_xids_find(x, xid(n), &is);

	assert_int_equal(is, rc == ERR_OK ? want : 0xee);
	return rc;
}

static void
an_answer_is_found_by_its_xid(void **state)
{
	struct x2_xids *x = made(1024);
	uint32_t id[1024];

	(void)state;
	for (unsigned i = 0; i < 1024; i++) {
		assert_int_equal(find(x, i, 0), ERR_NOTFOUND);
		id[i] = x2_xids_ask(x, xid(i));
		assert_int_equal(find(x, i, 0), ERR_AGAIN);
		assert_int_equal(x2_xids_asked(x), i + 1);
	}
	for (unsigned i = 1024; i-- > 0;) {
		assert_true(x2_xids_answer(x, id[i], i % 4));
		assert_int_equal(x2_xids_asked(x), i);
	}
	for (unsigned i = 0; i < 1024; i++)
		assert_int_equal(find(x, i, i % 4), ERR_OK);
	x2_xids_free(&x);
	assert_null(x);
	x2_xids_free(&x);
}

static void
every_octet_of_an_xid_counts(void **state)
{
	struct x2_xids *x = made(64);
	uint8_t one[XID_LEN] = {0}, is = 0;

	(void)state;
	assert_true(x2_xids_answer(x, x2_xids_ask(x, one), XID_IN_FORCE));
	for (unsigned i = 0; i < XID_LEN * 8; i++) {
		one[i / 8] ^= (uint8_t)(1U << i % 8);
		assert_int_equal(x2_xids_find(x, one, &is), ERR_NOTFOUND);
		one[i / 8] ^= (uint8_t)(1U << i % 8);
	}
	assert_int_equal(x2_xids_find(x, one, &is), ERR_OK);
	x2_xids_free(&x);
}

static void
the_oldest_question_gives_way(void **state)
{
	struct x2_xids *x = made(8);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(x2_xids_answer(x, x2_xids_ask(x, xid(i)), 1));
		for (unsigned k = 0; k <= i; k++)
			assert_int_equal(find(x, k, 1),
			    k + 8 > i ? ERR_OK : ERR_NOTFOUND);
	}
	x2_xids_free(&x);
}

static void
an_answer_that_comes_too_late_changes_nothing(void **state)
{
	struct x2_xids *x = made(2);
	const uint32_t first = x2_xids_ask(x, xid(1));

	(void)state;
	(void)x2_xids_ask(x, xid(2));
	(void)x2_xids_ask(x, xid(3)); /* in the place of the first */
	assert_int_equal(x2_xids_asked(x), 2);
	assert_false(x2_xids_answer(x, first, 1));
	assert_int_equal(find(x, 1, 0), ERR_NOTFOUND);
	assert_int_equal(find(x, 3, 0), ERR_AGAIN);
	assert_int_equal(x2_xids_asked(x), 2);
	x2_xids_free(&x);
}

static void
an_answer_is_taken_once(void **state)
{
	struct x2_xids *x = made(8);
	const uint32_t id = x2_xids_ask(x, xid(1));

	(void)state;
	assert_false(x2_xids_answer(x, id + 1, 1));
	assert_true(x2_xids_answer(x, id, 1));
	assert_false(x2_xids_answer(x, id, 3));
	assert_int_equal(find(x, 1, 1), ERR_OK);
	x2_xids_free(&x);
}

static void
a_question_that_was_taken_back_is_none(void **state)
{
	struct x2_xids *x = made(8);
	const uint32_t kept = x2_xids_ask(x, xid(1));
	const uint32_t id = x2_xids_ask(x, xid(2));

	(void)state;
	x2_xids_take_back(x, id);
	x2_xids_take_back(x, id);
	assert_int_equal(x2_xids_asked(x), 1);
	assert_int_equal(find(x, 2, 0), ERR_NOTFOUND);
	assert_false(x2_xids_answer(x, id, 1));
	assert_true(x2_xids_answer(x, kept, 1));
	x2_xids_free(&x);
}

static void
a_change_forgets_answers_and_keeps_questions(void **state)
{
	struct x2_xids *x = made(8);
	uint32_t open;

	(void)state;
	assert_true(x2_xids_answer(x, x2_xids_ask(x, xid(1)), 1));
	open = x2_xids_ask(x, xid(2));
	x2_xids_changed(x);
	assert_int_equal(find(x, 1, 0), ERR_NOTFOUND);
	assert_int_equal(find(x, 2, 0), ERR_AGAIN);
	assert_true(x2_xids_answer(x, open, 3));
	assert_int_equal(find(x, 2, 3), ERR_OK);
	x2_xids_free(&x);
}

static void
with_a_policy_go_its_questions(void **state)
{
	struct x2_xids *x = made(8);
	uint32_t open[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		open[i] = x2_xids_ask(x, xid(i));
	assert_true(x2_xids_answer(x, open[15], 1));
	x2_xids_forget(x);
	assert_int_equal(x2_xids_asked(x), 0);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(find(x, i, 0), ERR_NOTFOUND);
		assert_false(x2_xids_answer(x, open[i], 1));
	}
	/* It asks anew, and an answer of before is none to that. */
	for (unsigned i = 0; i < 8; i++)
		open[i] = x2_xids_ask(x, xid(i)) - open[i];
	assert_int_equal(x2_xids_asked(x), 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_not_equal(open[i], 0);
	x2_xids_free(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_found_by_its_xid),
	    cmocka_unit_test(every_octet_of_an_xid_counts),
	    cmocka_unit_test(the_oldest_question_gives_way),
	    cmocka_unit_test(an_answer_that_comes_too_late_changes_nothing),
	    cmocka_unit_test(an_answer_is_taken_once),
	    cmocka_unit_test(a_question_that_was_taken_back_is_none),
	    cmocka_unit_test(a_change_forgets_answers_and_keeps_questions),
	    cmocka_unit_test(with_a_policy_go_its_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
