/* Keys that another appliance makes, as a worker asks for and takes them. */
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

#include "appliance/hsm_proc.h"
#include "base/clock.h"
#include "help.h"

#define EPOCH 0x0102030405060708

static struct hsm_proc p;
static struct ipc_chan *audit, *xkc; /* the other ends */

/* ---- in place of the rest of the worker ---- */

static unsigned n_told;
static struct {
	uint32_t id, n_keys;
	enum xk_reason reason;
} told[16];

enum err
hsm_send_outcome(struct hsm_proc *hp, uint16_t type, uint32_t id,
    enum xk_reason reason, uint32_t n_keys)
{
	assert_ptr_equal(hp, &p);
	assert_int_equal(type, MSG_OUTCOME);
	told[n_told].id = id;
	told[n_told].reason = reason;
	told[n_told++].n_keys = n_keys;
	return ERR_OK;
}

/* ---- a worker with a channel to xkc ---- */

static void
channel(struct ipc_chan **ours, struct ipc_chan **theirs)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(ipc_chan_new(s[0], MAX_IPC_BODY, MAX_IPC_QUEUE, ours),
	    ERR_OK);
	assert_int_equal(ipc_chan_new(s[1], MAX_IPC_BODY, MAX_IPC_QUEUE,
			     theirs),
	    ERR_OK);
}

static void
join(void)
{
	struct ipc_chan *ours;

	channel(&ours, &xkc);
	hsm_fetch_via(&p, ours);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	n_told = 0;
	channel(&p.audit, &audit);
	join();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HSM_PENDING; i++)
		secret_free(&p.pending[i].answer);
	ipc_chan_free(&p.xkc);
	ipc_chan_free(&p.audit);
	ipc_chan_free(&audit);
	ipc_chan_free(&xkc);
	return 0;
}

/* The fetch of a job, as xkc gets it. */
static uint32_t
fetch(unsigned i, uint32_t audit_id, uint32_t ticket)
{
	struct pending *d = &p.pending[i];
	struct ipc_frame f;
	struct msg_fetch m;

	*d = (struct pending){.used = true,
	    .fetched = true,
	    .audit_id = audit_id,
	    .ticket = {EPOCH, ticket},
	    .deadline_ms = clock_uptime_ms() + 60000};
	rd_init(&d->ask.target, "sip:t@lab.example", 17);
	assert_int_equal(hsm_fetch(&p, d), ERR_OK);
	assert_int_equal(ipc_flush(p.xkc), ERR_OK);
	assert_int_equal(ipc_fill(xkc), ERR_OK);
	assert_int_equal(ipc_next(xkc, &f), ERR_OK);
	assert_int_equal(f.type, MSG_FETCH);
	assert_int_equal(msg_fetch_get(f.body, &m), ERR_OK);
	assert_true(m.ticket.epoch == EPOCH);
	assert_int_equal(m.ticket.id, ticket);
	assert_true(rd_is(&m.target, "sip:t@lab.example", 17));
	return f.id;
}

static void
say(uint32_t id, enum xk_reason reason, uint64_t epoch, uint8_t fill)
{
	static struct xk_get_keys_response k;
	static uint8_t answer[4096], body[8192];
	struct msg_fetched m = {.reason = reason};
	struct wr w;

	k = (struct xk_get_keys_response){.n_keys = 2};
	memset(k.key[0].session_key, fill, 16);
	if (reason == XK_GRANTED) {
		wr_init(&w, answer, sizeof(answer));
		msg_answer_put(&w, epoch, &k);
		rd_init(&m.answer, answer, w.len);
	}
	wr_init(&w, body, sizeof(body));
	msg_fetched_put(&w, &m);
	assert_int_equal(ipc_send(xkc, MSG_FETCHED, id, body, w.len), ERR_OK);
	assert_int_equal(ipc_flush(xkc), ERR_OK);
	hsm_fetch_serve(&p);
}

static void
told_is(unsigned i, uint32_t id, enum xk_reason reason, uint32_t n_keys)
{
	assert_true(i < n_told);
	assert_int_equal(told[i].id, id);
	assert_int_equal(told[i].reason, reason);
	assert_int_equal(told[i].n_keys, n_keys);
}

static uint8_t
key_of(unsigned i)
{
	static struct xk_get_keys_response k;
	struct rd r;
	uint64_t epoch;

	assert_non_null(p.pending[i].answer);
	rd_init(&r, secret_data(p.pending[i].answer),
	    secret_len(p.pending[i].answer));
	assert_int_equal(msg_answer_get(r, &epoch, &k), ERR_OK);
	return k.key[0].session_key[0];
}

/* ---- promises ---- */

static void
each_answer_is_of_its_own_fetch(void **state)
{
	const uint32_t a = fetch(0, 10, 1), b = fetch(1, 11, 2);

	(void)state;
	assert_int_not_equal(a, b);
	say(b, XK_GRANTED, EPOCH, 2);
	say(a, XK_GRANTED, EPOCH, 1);
	assert_int_equal(n_told, 2);
	told_is(0, 11, XK_GRANTED, 2);
	told_is(1, 10, XK_GRANTED, 2);
	assert_int_equal(key_of(0), 1);
	assert_int_equal(key_of(1), 2);
}

/* audit's numbers start again with each audit. */
static void
an_answer_to_an_old_fetch_is_not_taken_for_a_new_one(void **state)
{
	uint32_t old, fresh;

	(void)state;
	old = fetch(0, 1, 100);
	p.pending[0].used = false; /* its audit has gone */
	fresh = fetch(0, 1, 200);
	assert_int_not_equal(old, fresh);
	say(old, XK_GRANTED, EPOCH, 1);
	assert_int_equal(n_told, 0);
	assert_null(p.pending[0].answer);
	say(fresh, XK_GRANTED, EPOCH, 2);
	told_is(0, 1, XK_GRANTED, 2);
	assert_int_equal(key_of(0), 2);
}

static void
a_second_answer_is_for_nobody(void **state)
{
	const uint32_t a = fetch(0, 10, 1);

	(void)state;
	say(a, XK_OVERLOADED, 0, 0);
	say(a, XK_GRANTED, EPOCH, 1);
	assert_int_equal(n_told, 1);
	told_is(0, 10, XK_OVERLOADED, 0);
	assert_null(p.pending[0].answer);
	assert_non_null(p.xkc);
}

static void
no_authorisation_there_is_no_keys_here(void **state)
{
	const uint32_t a = fetch(0, 10, 1), b = fetch(1, 11, 1);

	(void)state;
	say(a, XK_NO_AUTHORISATION, 0, 0);
	told_is(0, 10, XK_NOT_REPRODUCIBLE, 0);
	say(b, XK_UNKNOWN_SUBSCRIBER, 0, 0);
	told_is(1, 11, XK_UNKNOWN_SUBSCRIBER, 0);
}

static void
keys_for_another_x2_end_the_channel(void **state)
{
	const uint32_t a = fetch(0, 10, 1);

	(void)state;
	say(a, XK_GRANTED, EPOCH + 1, 1);
	assert_null(p.xkc);
	assert_int_equal(n_told, 1);
	told_is(0, 10, XK_UNAVAILABLE, 0);
}

static void
what_is_not_permitted_ends_the_channel(void **state)
{
	(void)state;
	(void)fetch(0, 10, 1);
	assert_int_equal(ipc_send(xkc, MSG_ANSWER, 1, "x", 1), ERR_OK);
	assert_int_equal(ipc_flush(xkc), ERR_OK);
	hsm_fetch_serve(&p);
	assert_null(p.xkc);
	told_is(0, 10, XK_UNAVAILABLE, 0);
	assert_int_equal(hsm_fetch(&p, &p.pending[0]), ERR_CLOSED);
}

static void
a_new_xkc_makes_the_old_fetches_unavailable(void **state)
{
	uint32_t old, fresh;

	(void)state;
	old = fetch(0, 10, 1);
	ipc_chan_free(&xkc);
	join();
	told_is(0, 10, XK_UNAVAILABLE, 0);
	fresh = fetch(1, 11, 2);
	assert_int_not_equal(old, fresh);
	say(fresh, XK_GRANTED, EPOCH, 2);
	told_is(1, 11, XK_GRANTED, 2);
	assert_int_equal(n_told, 2);
}

static void
an_xkc_that_goes_makes_them_unavailable(void **state)
{
	(void)state;
	(void)fetch(0, 10, 1);
	ipc_chan_free(&xkc);
	hsm_fetch_serve(&p);
	assert_null(p.xkc);
	assert_int_equal(n_told, 1);
	told_is(0, 10, XK_UNAVAILABLE, 0);
}

static void
time_ends_a_fetch(void **state)
{
	uint32_t a;
	int64_t next;

	(void)state;
	assert_true(hsm_fetch_tick(&p) == -1);
	a = fetch(0, 10, 1);
	(void)fetch(1, 11, 2);
	next = p.pending[1].deadline_ms;
	p.pending[0].deadline_ms = clock_uptime_ms();
	assert_true(hsm_fetch_tick(&p) == next);
	assert_int_equal(n_told, 1);
	told_is(0, 10, XK_UNAVAILABLE, 0);
	say(a, XK_GRANTED, EPOCH, 1);
	assert_int_equal(n_told, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(each_answer_is_of_its_own_fetch),
	    T(an_answer_to_an_old_fetch_is_not_taken_for_a_new_one),
	    T(a_second_answer_is_for_nobody),
	    T(no_authorisation_there_is_no_keys_here),
	    T(keys_for_another_x2_end_the_channel),
	    T(what_is_not_permitted_ends_the_channel),
	    T(a_new_xkc_makes_the_old_fetches_unavailable),
	    T(an_xkc_that_goes_makes_them_unavailable),
	    T(time_ends_a_fetch),
	};

	return cmocka_run_group_tests_name("hsm_fetch", tests, NULL, NULL);
}
