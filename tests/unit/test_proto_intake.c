/* Messages of appliance/proto_intake.c: the journal of what was intercepted. */
#include <string.h>

#include "appliance/proto_intake.h"
#include "wire.h"

GETTER(msg_intake, struct msg_intake)
GETTER(msg_intake_gone, struct msg_intake_gone)
GETTER(msg_intake_back, struct msg_intake_back)

static const struct msg_intake a_call = {.act = 3,
    .number = 0x0102030405060708,
    .call = 0x0102030405060700,
    .kind = INTAKE_CALL,
    .came = -5,
    .pdu = {(const uint8_t *)"a PDU", 5}};

static size_t
put(const struct msg_intake *m)
{
	struct wr w = writer();
	size_t len;

	msg_intake_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_intake_max(m));
	return len;
}

static void
is_a_call(const struct msg_intake *m)
{
	assert_int_equal(m->act, 3);
	assert_true(m->number == a_call.number && m->call == a_call.call);
	assert_int_equal(m->kind, INTAKE_CALL);
	assert_int_equal(m->came, -5);
	assert_true(rd_equal(&m->pdu, &a_call.pdu));
}

static void
intake_round_trips_whole_within_its_maximum(void **state)
{
	const size_t len = put(&a_call);
	struct msg_intake out;

	(void)state;
	assert_int_equal(msg_intake_get(view(buf, len), &out), ERR_OK);
	is_a_call(&out);
	only_whole(get_msg_intake, len);
	only_below(get_msg_intake, len, 24, INTAKE__MAX - 1);
}

/* hi2's table of what x2 may send has these lengths. */
static void
the_shortest_and_the_longest_intake_fit_the_table(void **state)
{
	static uint8_t pdu[MAX_INTAKE_PDU + 1];
	struct msg_intake m = {.number = 1, .call = 1, .kind = INTAKE_SIP};

	(void)state;
	m.pdu = view(pdu, 1);
	assert_int_equal(put(&m), MSG_INTAKE_LEAST);
	assert_int_equal(get_msg_intake(view(buf, MSG_INTAKE_LEAST)), ERR_OK);
	m.pdu = view(pdu, MAX_INTAKE_PDU);
	assert_int_equal(put(&m), MSG_INTAKE_MOST);
	assert_int_equal(get_msg_intake(view(buf, MSG_INTAKE_MOST)), ERR_OK);
	m.pdu = view(pdu, MAX_INTAKE_PDU + 1);
	assert_int_equal(get_msg_intake(view(buf, put(&m))), ERR_MALFORMED);
	m.pdu = view(pdu, 0);
	assert_int_equal(get_msg_intake(view(buf, put(&m))), ERR_MALFORMED);
}

static void
numbers_that_make_no_sense_are_malformed(void **state)
{
	static const struct {
		uint64_t number, call;
		enum intake_kind kind;
		enum err rc;
	} cases[] = {{0, 0, INTAKE_CALL, ERR_MALFORMED},
	    {0, 1, INTAKE_CALL, ERR_MALFORMED},
	    {5, 0, INTAKE_CALL, ERR_MALFORMED},
	    {5, 6, INTAKE_CALL, ERR_MALFORMED}, /* begun by a later one */
	    {5, 5, INTAKE_CALL, ERR_OK}, {5, 4, INTAKE_CALL, ERR_OK},
	    {5, 5, INTAKE_SIP, ERR_OK}, {5, 4, INTAKE_SIP, ERR_MALFORMED}};
	struct msg_intake m = a_call;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m.number = cases[i].number;
		m.call = cases[i].call;
		m.kind = cases[i].kind;
		assert_int_equal(get_msg_intake(view(buf, put(&m))),
		    cases[i].rc);
	}
}

static void
intake_gone_round_trips_whole(void **state)
{
	struct msg_intake_gone m = {7, 8, 9}, out;
	struct wr w = writer();

	(void)state;
	msg_intake_gone_put(&w, &m);
	assert_int_equal(written(&w), MSG_INTAKE_GONE_LEN);
	assert_int_equal(msg_intake_gone_get(view(buf, written(&w)), &out),
	    ERR_OK);
	assert_true(out.act == 7 && out.call == 8 && out.number == 9);
	only_whole(get_msg_intake_gone, MSG_INTAKE_GONE_LEN);
	m.call = 0;
	w = writer();
	msg_intake_gone_put(&w, &m);
	assert_int_equal(get_msg_intake_gone(view(buf, written(&w))),
	    ERR_MALFORMED);
}

static void
intake_back_round_trips_whole_with_what_is_done(void **state)
{
	const struct intake_done done[2] = {{{1}, 10}, {{2}, 11}};
	uint8_t octets[2 * INTAKE_DONE_LEN];
	struct msg_intake_back m = {.it = a_call, .last = true, .n_done = 2},
			       out;
	struct intake_done d;
	struct wr w;
	size_t len;

	(void)state;
	wr_init(&w, octets, sizeof(octets));
	intake_done_put(&w, &done[0]);
	intake_done_put(&w, &done[1]);
	m.done = view(octets, sizeof(octets));
	w = writer();
	msg_intake_back_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, msg_intake_back_max(&m));
	assert_int_equal(msg_intake_back_get(view(buf, len), &out), ERR_OK);
	assert_true(out.last);
	assert_int_equal(out.n_done, 2);
	is_a_call(&out.it);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(intake_done_get(&out.done, &d), ERR_OK);
		assert_memory_equal(d.mark, done[i].mark, sizeof(d.mark));
		assert_true(d.leg == done[i].leg);
	}
	only_whole(get_msg_intake_back, len);
	only_below(get_msg_intake_back, len, 0, 2);
}

static void
more_done_than_is_told_of_a_call_is_malformed(void **state)
{
	static uint8_t octets[(MAX_INTAKE_DONE + 1) * INTAKE_DONE_LEN];
	struct msg_intake_back m = {.it = a_call};

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct wr w = writer();

		m.n_done = MAX_INTAKE_DONE + more;
		m.done = view(octets, m.n_done * INTAKE_DONE_LEN);
		msg_intake_back_put(&w, &m);
		assert_int_equal(get_msg_intake_back(view(buf, written(&w))),
		    more == 0 ? ERR_OK : ERR_MALFORMED);
		assert_true(more == 1 || written(&w) <= MSG_INTAKE_BACK_MOST);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(intake_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(the_shortest_and_the_longest_intake_fit_the_table),
	    cmocka_unit_test(numbers_that_make_no_sense_are_malformed),
	    cmocka_unit_test(intake_gone_round_trips_whole),
	    cmocka_unit_test(intake_back_round_trips_whole_with_what_is_done),
	    cmocka_unit_test(more_done_than_is_told_of_a_call_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
