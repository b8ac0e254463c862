#include <string.h>

#include "help.h"
#include "policy/state_seen.h"

#define SECOND 1000000000LL

static struct state_seen s;

static int
fresh(void **state)
{
	(void)state;
	s = (struct state_seen){.cap = 0};
	return 0;
}

static int
done(void **state)
{
	(void)state;
	state_seen_done(&s);
	assert_null(s.logged);
	assert_int_equal(s.cap, 0);
	return 0;
}

/* Hashes differ by their first octet; by default that is the number. */
static struct head
head_of(uint64_t number, uint8_t hash)
{
	struct head h = {.number = number};

	memset(h.hash, 0xcc, sizeof(h.hash));
	h.hash[0] = hash;
	return h;
}

static void
see(const struct audit_entry *e)
{
	assert_int_equal(state_seen_entry(&s, e), ERR_OK);
}

static void
see_about(enum audit_type type, int64_t at, struct head h, uint8_t reason)
{
	struct audit_entry e = {.type = type,
	    .realtime_ns = at * SECOND + 5,
	    .ref = h.number,
	    .reason = reason};

	memcpy(e.digest, h.hash, sizeof(e.digest));
	memcpy(e.warrant, h.hash, sizeof(e.warrant)); /* one for each */
	rd_init(&e.text, "seal", 4);
	see(&e);
}

/* A worker has refused what was entered behind it. */
static void
taken_back(int64_t at, uint64_t number)
{
	struct audit_entry e = {.type = AUDIT_HEAD,
	    .realtime_ns = at * SECOND,
	    .ref = number};
	const struct head h = head_of(number, (uint8_t)number);

	memcpy(e.digest, h.hash, sizeof(e.digest));
	see(&e);
}

/* The warrant of the stop with this head behind it. */
static bool
stopped(uint64_t number, uint8_t hash)
{
	const struct head h = head_of(number, hash);

	return state_seen_stopped(&s, h.hash);
}

static void
created(int64_t at)
{
	see_about(AUDIT_KMS_CREATED, at, head_of(0, 0xaa), 0);
}

static void
change(int64_t at, uint64_t number, enum request_kind kind)
{
	see_about(AUDIT_CHANGE, at, head_of(number, (uint8_t)number),
	    (uint8_t)kind);
}

static void
sealed_head(int64_t at, uint64_t number)
{
	see_about(AUDIT_HEAD, at, head_of(number, (uint8_t)number), 0);
}

static void
is_head(struct head want)
{
	assert_true(s.head.number == want.number);
	assert_true(head_equal(&s.head, &want));
}

static bool
logged(uint64_t number)
{
	const struct head h = head_of(number, (uint8_t)number);

	return state_seen_logged(&s, &h);
}

/* ---- the head ---- */

static void
it_begins_with_the_kms_state(void **state)
{
	const struct head first = head_of(0, 0xaa);

	(void)state;
	created(1000);
	is_head(first);
	assert_true(head_equal(&s.first, &first));
	/* and goes on to know it */
	sealed_head(1001, 3);
	assert_true(head_equal(&s.first, &first));
}

static void
a_head_entry_is_the_head(void **state)
{
	(void)state;
	created(1000);
	for (uint64_t n = 1; n < 5; n++) {
		sealed_head(1000, n);
		is_head(head_of(n, (uint8_t)n));
	}
	/* the same number with another hash: what was sealed last counts */
	see_about(AUDIT_HEAD, 1000, head_of(4, 0x99), 0);
	is_head(head_of(4, 0x99));
}

static void
a_change_alone_is_not_the_head(void **state)
{
	(void)state;
	created(1000);
	sealed_head(1000, 4);
	for (int k = 0; k < REQUEST__MAX; k++)
		if (!change_is_stop((enum request_kind)k)) {
			change(1000, 5, (enum request_kind)k);
			is_head(head_of(4, 4));
		}
	/* a kind of a version to come */
	see_about(AUDIT_CHANGE, 1000, head_of(5, 5), REQUEST__MAX);
	is_head(head_of(4, 4));
	see_about(AUDIT_CHANGE, 1000, head_of(5, 5), 255);
	is_head(head_of(4, 4));
}

static void
a_stop_holds_for_its_warrant_without_a_workers_word(void **state)
{
	static const enum request_kind stops[] = {REQUEST_WARRANT_SUSPEND,
	    REQUEST_WARRANT_REVOKE};

	(void)state;
	created(1000);
	for (uint64_t n = 1; n < 30; n++) {
		assert_false(stopped(n, (uint8_t)n));
		change(1000, n, stops[n % 2]);
		assert_true(stopped(n, (uint8_t)n));
		is_head(head_of(0, 0xaa));
	}
	change(1000, 30, REQUEST_WARRANT_END);
	assert_false(stopped(30, 30));
}

static void
a_stop_that_policy_tells_is_policys(void **state)
{
	struct head h = head_of(5, 0x55);

	(void)state;
	created(1000);
	sealed_head(1000, 4);
	change(1001, 5, REQUEST_WARRANT_REVOKE);
	change(1001, 6, REQUEST_WARRANT_SUSPEND);
	/* another one of its number is not it */
	state_seen_told(&s, &h);
	assert_true(stopped(5, 5));
	/* nor is a later head, of whatever lies below it */
	sealed_head(1002, 5);
	sealed_head(1002, 9);
	assert_true(stopped(5, 5));
	h = head_of(5, 5);
	state_seen_told(&s, &h);
	assert_false(stopped(5, 5));
	assert_true(stopped(6, 6));
}

static void
a_stop_that_was_refused_is_taken_back_by_a_head_without_a_seal(void **state)
{
	(void)state;
	created(1000);
	sealed_head(1000, 4);
	change(1001, 5, REQUEST_WARRANT_REVOKE);
	change(1001, 6, REQUEST_WARRANT_REVOKE);
	taken_back(1002, 5);
	is_head(head_of(5, 5));
	assert_true(stopped(5, 5));
	assert_false(stopped(6, 6));
	/* another one takes its number */
	see_about(AUDIT_CHANGE, 1003, head_of(6, 0x66),
	    REQUEST_WARRANT_SUSPEND);
	assert_true(stopped(6, 0x66));
}

static void
a_stop_whose_entry_came_late_is_policys_already(void **state)
{
	(void)state;
	created(1000);
	sealed_head(1000, 7);
	for (uint64_t n = 1; n < 8; n++) {
		change(1000, n, REQUEST_WARRANT_REVOKE);
		is_head(head_of(7, 7));
		assert_true(logged(n));
		assert_false(stopped(n, (uint8_t)n));
	}
}

static void
entries_of_other_types_tell_nothing_but_the_time(void **state)
{
	(void)state;
	created(1000);
	sealed_head(1000, 4);
	for (int t = 1; t < AUDIT_TYPE__MAX; t++) {
		if (t == AUDIT_KMS_CREATED || t == AUDIT_HEAD ||
		    t == AUDIT_CHANGE)
			continue;
		see_about((enum audit_type)t, 1000 + t, head_of(9, 9),
		    REQUEST_WARRANT_REVOKE);
		is_head(head_of(4, 4));
		assert_false(logged(9));
		assert_true(s.latest == 1000 + t);
	}
}

/* ---- the time ---- */

static void
it_has_been_as_late_as_the_latest_entry(void **state)
{
	(void)state;
	assert_true(s.latest == 0);
	created(1000);
	assert_true(s.latest == 1000);
	see_about(AUDIT_STARTED, 900, head_of(0, 0), 0);
	assert_true(s.latest == 1000);
	change(1500, 1, REQUEST_PERSON_ADD);
	assert_true(s.latest == 1500);
	sealed_head(1499, 1);
	assert_true(s.latest == 1500);
	see_about(AUDIT_ALARM, INT64_MAX / SECOND - 1, head_of(0, 0), 0);
	assert_true(s.latest == INT64_MAX / SECOND - 1);
	see_about(AUDIT_ALARM, -5, head_of(0, 0), 0);
	assert_true(s.latest == INT64_MAX / SECOND - 1);
}

static void
an_accepted_clock_sets_the_time_back_with_its_head(void **state)
{
	(void)state;
	created(1000);
	see_about(AUDIT_WORKER, 9000, head_of(0, 0), 0);
	change(2000, 1, REQUEST_CLOCK_ACCEPT);
	assert_true(s.latest == 9000);
	see_about(AUDIT_WORKER, 2001, head_of(0, 0), 0);
	assert_true(s.latest == 9000);
	sealed_head(2002, 1);
	assert_true(s.latest == 2002);
	/* once: the next head is one like others */
	see_about(AUDIT_WORKER, 3000, head_of(0, 0), 0);
	sealed_head(2500, 1);
	assert_true(s.latest == 3000);
	sealed_head(2500, 2);
	assert_true(s.latest == 3000);
}

static void
a_clock_that_was_not_accepted_sets_nothing_back(void **state)
{
	(void)state;
	created(1000);
	sealed_head(9000, 3);
	change(2000, 4, REQUEST_CLOCK_ACCEPT);
	/* a head below it is none of its own */
	sealed_head(2001, 3);
	assert_true(s.latest == 9000);
	/* it was refused: another change has its number and takes effect */
	see_about(AUDIT_CHANGE, 2002, head_of(4, 0x44), REQUEST_PERSON_ADD);
	see_about(AUDIT_HEAD, 2003, head_of(4, 0x44), 0);
	is_head(head_of(4, 0x44));
	assert_true(s.latest == 9000);
	/* and it does not wait for a later head either */
	sealed_head(2004, 5);
	see_about(AUDIT_HEAD, 2004, head_of(4, 4), 0);
	assert_true(s.latest == 9000);
}

static void
a_head_above_an_unsealed_clock_sets_nothing_back(void **state)
{
	(void)state;
	created(1000);
	see_about(AUDIT_WORKER, 9000, head_of(0, 0), 0);
	change(2000, 1, REQUEST_CLOCK_ACCEPT);
	sealed_head(2001, 2);
	assert_true(s.latest == 9000);
}

static void
the_last_of_two_clocks_of_one_number_counts(void **state)
{
	(void)state;
	created(9000);
	see_about(AUDIT_CHANGE, 2000, head_of(1, 0x11), REQUEST_CLOCK_ACCEPT);
	see_about(AUDIT_CHANGE, 2100, head_of(1, 0x12), REQUEST_CLOCK_ACCEPT);
	see_about(AUDIT_HEAD, 2200, head_of(1, 0x12), 0);
	assert_true(s.latest == 2200);
}

/* ---- which changes have an entry ---- */

static void
each_change_with_an_entry_is_known(void **state)
{
	(void)state;
	assert_false(logged(0));
	assert_false(logged(1));
	assert_false(logged(UINT64_MAX));
	for (uint64_t n = 1; n < 2000; n += 3)
		change(1000, n, REQUEST_WARRANT_ADD);
	for (uint64_t n = 0; n < 4000; n++)
		assert_int_equal(logged(n), n < 2000 && n % 3 == 1);
}

static void
entries_in_any_order_are_known(void **state)
{
	static const uint64_t numbers[] = {100000, 1, 63, 64, 65, 127, 128, 129,
	    200201, 3};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_false(logged(numbers[i]));
		change(1000, numbers[i], REQUEST_WARRANT_REVOKE);
		for (size_t k = 0; k <= i; k++)
			assert_true(logged(numbers[k]));
	}
	assert_false(logged(2));
	assert_false(logged(99999));
	assert_false(logged(100001));
}

/*
 * The entry of a change that a worker refused is not that of the change which
 * takes its number: otherwise that one would take effect with no entry.
 */
static void
a_change_is_not_known_by_the_entry_of_another_of_its_number(void **state)
{
	const struct head first = head_of(5, 0x51), second = head_of(5, 0x52);
	struct head h = first;

	(void)state;
	see_about(AUDIT_CHANGE, 1000, first, REQUEST_PERSON_ADD);
	assert_true(state_seen_logged(&s, &first));
	assert_false(state_seen_logged(&s, &second));
	h.hash[sizeof(h.hash) - 1] ^= 1;
	assert_false(state_seen_logged(&s, &h));
	see_about(AUDIT_CHANGE, 1000, second, REQUEST_WARRANT_ADD);
	assert_true(state_seen_logged(&s, &second));
}

static void
numbers_that_no_change_can_have_cost_nothing(void **state)
{
	static const uint64_t numbers[] = {MAX_CHANGES + 1ULL, UINT32_MAX,
	    UINT64_MAX / 8, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		change(1000, numbers[i], REQUEST_WARRANT_ADD);
		assert_false(logged(numbers[i]));
	}
	assert_int_equal(s.cap, 0);
	change(1000, MAX_CHANGES, REQUEST_WARRANT_ADD);
	assert_true(logged(MAX_CHANGES));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)
	    T(it_begins_with_the_kms_state),
	    T(a_head_entry_is_the_head),
	    T(a_change_alone_is_not_the_head),
	    T(a_stop_holds_for_its_warrant_without_a_workers_word),
	    T(a_stop_that_policy_tells_is_policys),
	    T(a_stop_that_was_refused_is_taken_back_by_a_head_without_a_seal),
	    T(a_stop_whose_entry_came_late_is_policys_already),
	    T(entries_of_other_types_tell_nothing_but_the_time),
	    T(it_has_been_as_late_as_the_latest_entry),
	    T(an_accepted_clock_sets_the_time_back_with_its_head),
	    T(a_clock_that_was_not_accepted_sets_nothing_back),
	    T(a_head_above_an_unsealed_clock_sets_nothing_back),
	    T(the_last_of_two_clocks_of_one_number_counts),
	    T(each_change_with_an_entry_is_known),
	    T(entries_in_any_order_are_known),
	    T(a_change_is_not_known_by_the_entry_of_another_of_its_number),
	    T(numbers_that_no_change_can_have_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
