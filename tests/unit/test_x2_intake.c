/* x2's end of the journal: what goes to hi2, and what comes back. */
#include <stdlib.h>
#include <string.h>

#include "appliance/x2_intake.h"
#include "appliance/x2_replay.h"
#include "help.h"

#define MOST 256
#define TICKETS 16

static uint8_t pdu[MAX_INTAKE_PDU];

static struct world {
	struct x2_intake *i;
	bool reads; /* hi2 */
	unsigned n;
	struct {
		uint16_t type;
		struct msg_intake m;
		struct msg_intake_gone g;
	} said[MOST];
} w;

static bool
send(void *ctx, uint16_t type, struct rd body)
{
	assert_ptr_equal(ctx, &w);
	if (!w.reads)
		return false;
	assert_true(w.n < MOST);
	w.said[w.n].type = type;
	if (type == MSG_INTAKE)
		assert_int_equal(msg_intake_get(body, &w.said[w.n].m), ERR_OK);
	else
		assert_int_equal(msg_intake_gone_get(body, &w.said[w.n].g),
		    ERR_OK);
	w.n++;
	return true;
}

static int
begin(void **state)
{
	(void)state;
	w = (struct world){.reads = true};
	if (x2_intake_new(TICKETS, send, &w, &w.i) != ERR_OK)
		return 1;
	x2_intake_start(w.i, 100);
	x2_intake_hi2_joined(w.i);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	x2_intake_free(&w.i);
	x2_intake_free(&w.i);
	return 0;
}

static void
keep(uint64_t call, size_t len)
{
	assert_int_equal(x2_intake_put(w.i, INTAKE_CALL, call, 5,
			     view(pdu, len)),
	    ERR_OK);
}

static void
gone(uint64_t call, uint64_t number, size_t stored)
{
	const struct calls_gone g = {call, number, stored};

	assert_int_equal(x2_intake_gone(w.i, &g), ERR_OK);
}

static void
said_is_put(unsigned at, uint64_t act, uint64_t number, uint64_t call)
{
	assert_true(at < w.n);
	assert_int_equal(w.said[at].type, MSG_INTAKE);
	assert_int_equal(w.said[at].m.act, act);
	assert_int_equal(w.said[at].m.number, number);
	assert_int_equal(w.said[at].m.call, call);
}

static void
said_is_gone(unsigned at, uint64_t act, uint64_t call, uint64_t number)
{
	assert_true(at < w.n);
	assert_int_equal(w.said[at].type, MSG_INTAKE_GONE);
	assert_int_equal(w.said[at].g.act, act);
	assert_int_equal(w.said[at].g.call, call);
	assert_int_equal(w.said[at].g.number, number);
}

/* ---- what goes to hi2 ---- */

static void
what_is_taken_in_is_told_in_order(void **state)
{
	(void)state;
	assert_int_equal(x2_intake_number(w.i), 100);
	keep(0, 10);
	keep(100, 11);
	assert_int_equal(x2_intake_put(w.i, INTAKE_SIP, 0, 7, view(pdu, 12)),
	    ERR_OK);
	assert_int_equal(x2_intake_number(w.i), 103);
	assert_int_equal(x2_intake_last(w.i), 3);
	said_is_put(0, 1, 100, 100);
	said_is_put(1, 2, 101, 100);
	said_is_put(2, 3, 102, 102);
	assert_int_equal(w.said[2].m.kind, INTAKE_SIP);
	assert_int_equal(w.said[2].m.came, 7);
	assert_int_equal(w.said[2].m.pdu.left, 12);
}

static void
it_is_stored_when_hi2_says_so(void **state)
{
	(void)state;
	assert_true(x2_intake_is_stored(w.i, 0));
	keep(0, 10);
	keep(0, 10);
	assert_false(x2_intake_is_stored(w.i, 1));
	assert_true(x2_intake_stored(w.i, 1));
	assert_true(x2_intake_is_stored(w.i, 1));
	assert_false(x2_intake_is_stored(w.i, 2));
	/* Nothing that it was not told. */
	assert_false(x2_intake_stored(w.i, 3));
	assert_false(x2_intake_is_stored(w.i, 2));
	assert_true(x2_intake_stored(w.i, 2));
	assert_true(x2_intake_is_stored(w.i, 2));
}

static void
another_hi2_is_told_what_was_not_answered(void **state)
{
	(void)state;
	keep(0, 10);
	keep(100, 10);
	gone(100, 0, 20);
	assert_true(x2_intake_stored(w.i, 1));
	x2_intake_hi2_left(w.i);
	keep(0, 10);
	w.n = 0;
	assert_false(x2_intake_stored(w.i, 2)); /* by whom? */
	x2_intake_hi2_joined(w.i);
	assert_int_equal(w.n, 3);
	said_is_put(0, 2, 101, 100);
	said_is_gone(1, 3, 100, 0);
	said_is_put(2, 4, 102, 102);
}

static void
what_cannot_be_sent_is_sent_later(void **state)
{
	(void)state;
	w.reads = false;
	keep(0, 10);
	gone(100, 0, 10);
	assert_int_equal(w.n, 0);
	assert_false(x2_intake_stored(w.i, 1));
	w.reads = true;
	x2_intake_tick(w.i);
	assert_int_equal(w.n, 2);
	x2_intake_tick(w.i);
	assert_int_equal(w.n, 2);
}

/* hi2 refuses more than MAX_INTAKE_ACTS. */
static void
what_waits_for_the_disk_is_bounded(void **state)
{
	size_t octets = 0;
	unsigned told;

	(void)state;
	while (x2_intake_room(w.i)) {
		keep(0, sizeof(pdu));
		keep(0, sizeof(pdu));
	}
	told = w.n;
	assert_true(told > 10);
	/* Room or not, what is gone is gone; it waits its turn. */
	while (w.n == told)
		gone(100, 1, 0);
	while (w.n > told) {
		told = w.n;
		keep(0, sizeof(pdu));
	}
	for (unsigned i = 0; i < w.n; i++)
		octets += INTAKE_ACT_COST +
		    (w.said[i].type == MSG_INTAKE ? msg_intake_max(&w.said[i].m)
						  : MSG_INTAKE_GONE_LEN);
	assert_true(octets <= MAX_INTAKE_ACTS);
	assert_true(x2_intake_last(w.i) > w.n);
	/* Answers make room, and the rest follows. */
	told = w.n;
	assert_true(x2_intake_stored(w.i, told));
	assert_int_equal(w.n, x2_intake_last(w.i));
	assert_true(x2_intake_room(w.i));
}

/* ---- calls that tickets need ---- */

static void
a_call_that_is_held_goes_when_it_is_not(void **state)
{
	(void)state;
	assert_int_equal(x2_intake_hold(w.i, 7), ERR_OK);
	assert_int_equal(x2_intake_hold(w.i, 7), ERR_OK);
	assert_int_equal(x2_intake_hold(w.i, 7 + TICKETS), ERR_OK);
	gone(7, 3, 10); /* one of its messages is no part of it */
	assert_int_equal(w.n, 1);
	said_is_gone(0, 1, 7, 3);
	gone(7, 0, 10);
	gone(8, 0, 10);
	assert_int_equal(w.n, 2);
	said_is_gone(1, 2, 8, 0);
	assert_int_equal(x2_intake_release(w.i, 7), ERR_OK);
	assert_int_equal(w.n, 2);
	assert_int_equal(x2_intake_release(w.i, 7), ERR_OK);
	assert_int_equal(w.n, 3);
	said_is_gone(2, 3, 7, 0);
	/* One that its table has still does not go. */
	assert_int_equal(x2_intake_release(w.i, 7 + TICKETS), ERR_OK);
	assert_int_equal(w.n, 3);
	assert_int_equal(x2_intake_release(w.i, 7), ERR_NOTFOUND);
}

static void
as_many_calls_are_held_as_there_are_tickets(void **state)
{
	(void)state;
	for (uint64_t c = 1; c <= TICKETS; c++)
		assert_int_equal(x2_intake_hold(w.i, 3 * c), ERR_OK);
	assert_int_equal(x2_intake_hold(w.i, 1), ERR_FULL);
	assert_int_equal(x2_intake_hold(w.i, 3), ERR_OK);
	for (uint64_t c = 1; c <= TICKETS; c++)
		assert_int_equal(x2_intake_release(w.i, 3 * c), ERR_OK);
	assert_int_equal(x2_intake_hold(w.i, 1), ERR_OK);
}

static void
octets_that_only_tickets_need_are_bounded(void **state)
{
	(void)state;
	x2_intake_limit(w.i, 1000);
	assert_int_equal(x2_intake_hold(w.i, 7), ERR_OK);
	assert_int_equal(x2_intake_hold(w.i, 8), ERR_OK);
	gone(7, 0, 600);
	assert_true(x2_intake_room(w.i));
	gone(8, 0, 600);
	assert_false(x2_intake_room(w.i));
	assert_int_equal(x2_intake_release(w.i, 7), ERR_OK);
	assert_true(x2_intake_room(w.i));
}

/* ---- what comes back ---- */

static enum err
back(struct x2_replay *r, uint64_t number, uint64_t call, bool last)
{
	const struct msg_intake_back m = {.it = {.number = number,
					      .call = call,
					      .pdu = view(pdu, 10)},
	    .last = last};

	return x2_replay_back(r, &m);
}

static void
wants(const struct x2_replay *r, uint64_t number)
{
	uint64_t after;

	assert_true(x2_replay_wants(r, &after));
	assert_int_equal(after, number);
}

static void
wants_nothing(const struct x2_replay *r)
{
	uint64_t after;

	assert_false(x2_replay_wants(r, &after));
}

static void
takes(struct x2_replay *r, uint64_t number)
{
	assert_non_null(x2_replay_first(r));
	assert_int_equal(x2_replay_first(r)->number, number);
	x2_replay_taken(r);
}

static void
what_comes_back_is_taken_in_order_until_the_end(void **state)
{
	struct x2_replay *r;

	(void)state;
	assert_int_equal(x2_replay_new(&r), ERR_OK);
	wants(r, 0);
	assert_int_equal(back(r, 4, 4, true), ERR_MALFORMED); /* unasked */
	x2_replay_asked(r);
	wants_nothing(r);
	assert_int_equal(back(r, 4, 4, false), ERR_OK);
	assert_int_equal(back(r, 4, 4, false), ERR_MALFORMED);
	assert_int_equal(back(r, 9, 4, true), ERR_OK);
	assert_int_equal(back(r, 10, 4, true), ERR_MALFORMED);
	assert_false(x2_replay_over(r));
	wants_nothing(r);
	takes(r, 4);
	wants_nothing(r);
	takes(r, 9);
	assert_null(x2_replay_first(r));
	wants(r, 9);
	x2_replay_asked(r);
	assert_int_equal(back(r, 12, 12, false), ERR_OK);
	assert_int_equal(x2_replay_end(r, 12), ERR_MALFORMED);
	assert_int_equal(x2_replay_end(r, 13), ERR_OK);
	assert_int_equal(x2_replay_end(r, 13), ERR_MALFORMED);
	assert_false(x2_replay_over(r));
	takes(r, 12);
	assert_true(x2_replay_over(r));
	wants_nothing(r);
	x2_replay_free(&r);
	x2_replay_free(&r);
}

static void
another_hi2_is_asked_for_what_did_not_come(void **state)
{
	struct x2_replay *r;

	(void)state;
	assert_int_equal(x2_replay_new(&r), ERR_OK);
	x2_replay_asked(r);
	assert_int_equal(back(r, 4, 4, false), ERR_OK);
	x2_replay_hi2_left(r);
	wants_nothing(r); /* until it is taken */
	takes(r, 4);
	wants(r, 4);
	x2_replay_free(&r);
}

static void
more_at_once_than_was_ever_asked_for_is_refused(void **state)
{
	struct msg_intake_back m = {.it.call = 1};
	struct x2_replay *r;
	enum err rc;

	(void)state;
	m.it.pdu = view(pdu, sizeof(pdu));
	assert_int_equal(x2_replay_new(&r), ERR_OK);
	x2_replay_asked(r);
	do {
		m.it.number++;
		rc = x2_replay_back(r, &m);
	} while (rc == ERR_OK);
	assert_int_equal(rc, ERR_TOOBIG);
	assert_int_equal(m.it.number - 1, MAX_INTAKE_ACTS / sizeof(pdu));
	x2_replay_free(&r);
}

static void
what_is_done_is_known_until_its_call_is_gone(void **state)
{
	struct intake_done d[3] = {{{1}, 10}, {{1}, 11}, {{2}, 10}};
	struct msg_intake_back m = {.n_done = 3};
	uint8_t octets[3 * INTAKE_DONE_LEN];
	uint64_t leg[MAX_LEGS];
	struct x2_replay *r;
	struct wr at;

	(void)state;
	wr_init(&at, octets, sizeof(octets));
	for (unsigned i = 0; i < 3; i++)
		intake_done_put(&at, &d[i]);
	m.done = view(octets, sizeof(octets));
	m.it =
	    (struct msg_intake){.number = 4, .call = 4, .pdu = view(pdu, 10)};
	assert_int_equal(x2_replay_new(&r), ERR_OK);
	x2_replay_asked(r);
	assert_int_equal(x2_replay_back(r, &m), ERR_OK);
	m.it.number = m.it.call = 4 + 4096; /* of the same place */
	m.n_done = 1;
	assert_int_equal(x2_replay_back(r, &m), ERR_OK);
	assert_int_equal(x2_replay_done(r, 4, d[0].mark, leg), 2);
	assert_int_equal(leg[0] + leg[1], 21);
	assert_int_equal(x2_replay_done(r, 4, d[2].mark, leg), 1);
	assert_int_equal(x2_replay_done(r, 5, d[0].mark, leg), 0);
	x2_replay_forget(r, 4);
	assert_int_equal(x2_replay_done(r, 4, d[0].mark, leg), 0);
	assert_int_equal(x2_replay_done(r, 4 + 4096, d[0].mark, leg), 1);
	x2_replay_free(&r);
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test(what_is_taken_in_is_told_in_order),
	    test(it_is_stored_when_hi2_says_so),
	    test(another_hi2_is_told_what_was_not_answered),
	    test(what_cannot_be_sent_is_sent_later),
	    test(what_waits_for_the_disk_is_bounded),
	    test(a_call_that_is_held_goes_when_it_is_not),
	    test(as_many_calls_are_held_as_there_are_tickets),
	    test(octets_that_only_tickets_need_are_bounded),
	    cmocka_unit_test(what_comes_back_is_taken_in_order_until_the_end),
	    cmocka_unit_test(another_hi2_is_asked_for_what_did_not_come),
	    cmocka_unit_test(more_at_once_than_was_ever_asked_for_is_refused),
	    cmocka_unit_test(what_is_done_is_known_until_its_call_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
