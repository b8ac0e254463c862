/* How the token does, from worker to supervisor to policy. */
#include <string.h>

#include "appliance/proto_health.h"
#include "help.h"
#include "wire.h"

GETTER(health, struct health)
GETTER(msg_workers, struct msg_workers)

static const struct health some = {.calls = 0x11223344,
    .p50_us = 0x55667788,
    .max_us = 0x99aabbcc,
    .tested = 0x1234567890,
    .pin = HEALTH_PIN_FINAL_TRY};

static void
health_round_trips_whole(void **state)
{
	struct health out;
	struct wr w;
	size_t len;

	(void)state;
	w = writer();
	health_put(&w, &some);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(len, HEALTH_LEN);
	assert_int_equal(health_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.calls, some.calls);
	assert_int_equal(out.p50_us, some.p50_us);
	assert_int_equal(out.max_us, some.max_us);
	assert_int_equal(out.tested, some.tested);
	assert_int_equal(out.pin, some.pin);
	only_whole(get_health, len);
}

static void
workers_round_trip_whole_and_in_a_known_state(void **state)
{
	static struct msg_workers m, out;
	struct wr w;
	size_t len;

	(void)state;
	m.n = 2;
	m.w[0] = (struct worker_health){.index = 63,
	    .state = WORKER_WAITING,
	    .restarts = 7,
	    .next_ms = 0x1122334455,
	    .cause = view("C_Sign: CKR_DEVICE_ERROR", 24)};
	m.w[1] = (struct worker_health){.signer = true,
	    .state = WORKER_SERVING,
	    .health = some};
	w = writer();
	msg_workers_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(msg_workers_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.n, 2);
	assert_false(out.w[0].signer);
	assert_int_equal(out.w[0].index, 63);
	assert_int_equal(out.w[0].state, WORKER_WAITING);
	assert_int_equal(out.w[0].restarts, 7);
	assert_int_equal(out.w[0].next_ms, 0x1122334455);
	assert_true(rd_equal(&out.w[0].cause, &m.w[0].cause));
	assert_true(out.w[1].signer);
	assert_int_equal(out.w[1].health.max_us, some.max_us);
	only_whole(get_msg_workers, len);
	only_below(get_msg_workers, len, 3, WORKER__MAX);
}

static void
all_there_can_be_fit(void **state)
{
	static struct msg_workers m;
	static const uint8_t cause[WHY_MAX - 1];
	struct wr w;
	size_t len;

	(void)state;
	m.n = MAX_TOKEN_USERS;
	for (unsigned i = 0; i < m.n; i++)
		m.w[i] = (struct worker_health){.index = (uint8_t)i,
		    .cause = view(cause, sizeof(cause))};
	wr_init(&w, buf, MSG_WORKERS_MOST);
	msg_workers_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(get_msg_workers(view(buf, len)), ERR_OK);
	buf[0]++;
	assert_int_equal(get_msg_workers(view(buf, len)), ERR_MALFORMED);
}

static void
each_state_has_a_name(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORKER__MAX; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(worker_state_name(
						    (enum worker_state)i),
			    worker_state_name((enum worker_state)k));
	assert_string_equal(worker_state_name(WORKER__MAX), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(health_round_trips_whole),
	    cmocka_unit_test(workers_round_trip_whole_and_in_a_known_state),
	    cmocka_unit_test(all_there_can_be_fit),
	    cmocka_unit_test(each_state_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
