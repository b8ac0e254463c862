#include <stdlib.h>
#include <string.h>

#include "appliance/x2_asks.h"
#include "help.h"

#define EPOCH 77
#define RETRY_MS 60000
#define MIB 1048576
#define MOST 256
#define JOURNALLED 4711 /* a call in the journal */

enum said { CONTENT, ASK, GONE, MIKEY, MIKEY_GONE };

/* Everything that went out, in order. */
static struct world {
	struct x2_asks *asks;
	bool policy, hi2; /* there, and reading */
	bool remote; /* another appliance makes the keys */
	unsigned n;
	struct {
		enum said what;
		uint32_t id;
		struct msg_x2_ask ask;
		struct msg_content content;
	} said[MOST];
	uint64_t dead; /* an exchange that the calls have no longer */
	unsigned held; /* tickets of the call in the journal */
	unsigned n_again;
	uint64_t again[MOST];
	int64_t now;
} w;

static const uint8_t xid[XID_LEN] = {9, 8, 7};
static const uint8_t other_xid[XID_LEN] = {9, 8, 6};
static uint8_t call[3] = {1, 2, 3}, sip[5] = {5, 5, 5, 5, 5};
static uint8_t messages[7] = {7, 7, 7, 7, 7, 7, 7};

static bool
content(void *ctx, uint32_t id, const struct msg_content *m)
{
	assert_ptr_equal(ctx, &w);
	if (!w.hi2)
		return false;
	assert_true(w.n < MOST);
	w.said[w.n].what = CONTENT;
	w.said[w.n].id = id;
	w.said[w.n++].content = *m;
	return true;
}

static bool
ask(void *ctx, uint32_t id, const struct msg_x2_ask *m)
{
	assert_ptr_equal(ctx, &w);
	if (!w.policy)
		return false;
	assert_true(w.n < MOST);
	w.said[w.n].what = ASK;
	w.said[w.n].id = id;
	w.said[w.n++].ask = *m;
	return true;
}

static bool
gone(void *ctx, uint32_t id)
{
	assert_ptr_equal(ctx, &w);
	if (!w.hi2)
		return false;
	assert_true(w.n < MOST);
	w.said[w.n].what = GONE;
	w.said[w.n++].id = id;
	return true;
}

static bool
lives(void *ctx, uint64_t exchange)
{
	assert_ptr_equal(ctx, &w);
	return exchange != w.dead;
}

static struct x2_matter
matter(enum x2_ask_kind kind, uint64_t exchange)
{
	struct x2_matter m = {.kind = kind, .exchange = exchange};

	memcpy(m.xid, xid, XID_LEN);
	/* Those from 1000 on are the same as those from 0 on, by other XIDs */
	m.same[0] = (uint8_t)(exchange % 1000);
	m.same[1] = (uint8_t)(exchange % 1000 >> 8);
	if (exchange >= 1000)
		m.xid[5]++;
	m.content.seconds = 1234;
	m.content.direction = 3;
	rd_init(&m.content.sip, sip, sizeof(sip));
	if (kind == X2_ASK_KEYS)
		rd_init(&m.call, call, sizeof(call));
	if (kind == X2_ASK_KEYS && w.remote)
		rd_init(&m.mikey, messages, sizeof(messages));
	return m;
}

static bool
again(void *ctx, uint64_t exchange)
{
	struct x2_matter m = matter(X2_ASK_KEYS, exchange);

	assert_ptr_equal(ctx, &w);
	if (exchange == w.dead)
		return false;
	w.again[w.n_again++] = exchange;
	m.again = true;
	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
	return true;
}

static void
mikey(void *ctx, uint32_t id, struct rd body)
{
	assert_ptr_equal(ctx, &w);
	assert_true(w.n < MOST && w.remote);
	assert_true(rd_is(&body, messages, sizeof(messages)));
	w.said[w.n].what = MIKEY;
	w.said[w.n++].id = id;
}

static void
mikey_gone(void *ctx, uint32_t id)
{
	assert_ptr_equal(ctx, &w);
	assert_true(w.n < MOST && w.remote);
	w.said[w.n].what = MIKEY_GONE;
	w.said[w.n++].id = id;
}

static void
hold(void *ctx, uint64_t number)
{
	assert_ptr_equal(ctx, &w);
	assert_int_equal(number, JOURNALLED);
	w.held++;
}

static void
release(void *ctx, uint64_t number)
{
	assert_ptr_equal(ctx, &w);
	assert_int_equal(number, JOURNALLED);
	assert_true(w.held > 0);
	w.held--;
}

static const struct x2_asks_ops ops = {content, ask, gone, hold, release, lives,
    again, mikey, mikey_gone};

static int
begin(void **state)
{
	const struct x2_asks_limits limits = {16 * MIB, RETRY_MS};

	(void)state;
	w = (struct world){.policy = true, .hi2 = true, .now = 5000};
	w.dead = UINT64_MAX;
	return x2_asks_new(&limits, 64, EPOCH, &ops, &w, &w.asks) != ERR_OK;
}

static int
end(void **state)
{
	(void)state;
	x2_asks_free(&w.asks);
	x2_asks_free(&w.asks);
	return 0;
}

/* ---- what a test does ---- */

static void
start(enum x2_ask_kind kind, uint64_t exchange)
{
	const struct x2_matter m = matter(kind, exchange);

	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
}

static void
legs(uint32_t id, unsigned n, const uint64_t *leg)
{
	struct msg_x2_legs m = {.epoch = EPOCH, .n = n};

	for (unsigned i = 0; i < n; i++)
		m.leg[i] = leg[i];
	x2_asks_legs(w.asks, id, &m, w.now);
}

static void
stored(uint32_t id, uint64_t leg)
{
	const struct msg_stored m = {EPOCH, leg};

	x2_asks_stored(w.asks, id, &m, w.now);
}

static void
ended(uint32_t id, uint64_t leg, enum xk_reason reason)
{
	const struct msg_x2_ended m = {EPOCH, leg, reason};

	x2_asks_ended(w.asks, id, &m, w.now);
}

static void
pass(int64_t ms)
{
	for (int64_t t = 0; t < ms; t += 100) {
		w.now += 100;
		x2_asks_tick(w.asks, w.now);
	}
}

/* The only new thing said since is this, and of which ticket it is. */
static uint32_t
only(enum said what)
{
	const unsigned n = w.n;

	w.n = 0;
	assert_int_equal(n, 1);
	assert_int_equal(w.said[0].what, what);
	return w.said[0].id;
}

static void
silence(void)
{
	assert_int_equal(w.n, 0);
}

static const struct msg_x2_ask *
asked(void)
{
	(void)only(ASK);
	return &w.said[0].ask;
}

/* Begun, content and ask out, and forgotten what was said. */
static uint32_t
under_way(enum x2_ask_kind kind, uint64_t exchange)
{
	const unsigned n = w.n;

	start(kind, exchange);
	assert_int_equal(w.n, n + 2);
	assert_int_equal(w.said[n].what, CONTENT);
	assert_int_equal(w.said[n + 1].what, ASK);
	assert_int_equal(w.said[n].id, w.said[n + 1].id);
	w.n = n;
	return w.said[n].id;
}

/* Until there is a word. */
static void
pass_to_word(void)
{
	for (unsigned i = 0; w.n == 0; i++) {
		assert_true(i < 200);
		pass(100);
	}
}

static void
counts(uint64_t waiting, uint64_t is_stored, uint64_t refused, uint64_t given)
{
	struct x2_asks_counts c;

	x2_asks_count(w.asks, &c);
	assert_int_equal(c.waiting, waiting);
	assert_int_equal(c.stored, is_stored);
	assert_int_equal(c.refused, refused);
	assert_int_equal(c.given_up, given);
}

/* ---- promises ---- */

static void
content_goes_first_and_then_policy_is_asked(void **state)
{
	(void)state;
	start(X2_ASK_KEYS, 1);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[0].what, CONTENT);
	assert_true(w.said[0].content.epoch == EPOCH);
	assert_true(w.said[0].content.seconds == 1234);
	assert_int_equal(w.said[0].content.direction, 3);
	assert_true(rd_is(&w.said[0].content.sip, sip, sizeof(sip)));
	assert_int_equal(w.said[1].what, ASK);
	assert_int_equal(w.said[1].id, w.said[0].id);
	assert_true(w.said[1].ask.epoch == EPOCH);
	assert_int_equal(w.said[1].ask.kind, X2_ASK_KEYS);
	assert_memory_equal(w.said[1].ask.xid, xid, XID_LEN);
	assert_false(w.said[1].ask.again);
	assert_int_equal(w.said[1].ask.n_done, 0);
	assert_true(rd_is(&w.said[1].ask.call, call, sizeof(call)));
	counts(1, 0, 0, 0);
}

static void
a_ticket_without_legs_ends_at_once(void **state)
{
	const uint32_t id = under_way(X2_ASK_SIP, 0);

	(void)state;
	legs(id, 0, NULL);
	assert_int_equal(only(GONE), id);
	counts(0, 0, 0, 0);
	pass(60000);
	silence();
}

static void
a_ticket_ends_when_every_leg_has_ended(void **state)
{
	const uint64_t leg[3] = {10, 20, 30};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 3, leg);
	stored(id, 20);
	ended(id, 10, XK_NO_AUTHORISATION);
	silence();
	counts(1, 1, 1, 0);
	stored(id, 30);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 1, 0);
	stored(id, 30);
	ended(id, 10, XK_NO_AUTHORISATION);
	legs(id, 3, leg);
	silence();
	counts(0, 2, 1, 0);
}

/* LEGS of policy and STORED of hi2 come on two channels. */
static void
a_record_may_be_stored_before_its_leg_is_named(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	stored(id, 20);
	silence();
	legs(id, 2, leg);
	silence();
	stored(id, 10);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 0, 0);
}

static void
all_may_be_stored_before_legs_are_named(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	stored(id, 20);
	stored(id, 10);
	stored(id, 10);
	silence();
	legs(id, 2, leg);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 0, 0);
}

static void
words_of_another_epoch_or_ticket_change_nothing(void **state)
{
	const struct msg_x2_legs l = {.epoch = EPOCH + 1};
	const struct msg_stored s = {EPOCH + 1, 10};
	const struct msg_x2_ended e = {EPOCH + 1, 10, XK_MALFORMED};
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	x2_asks_legs(w.asks, id, &l, w.now);
	x2_asks_stored(w.asks, id, &s, w.now);
	x2_asks_ended(w.asks, id, &e, w.now);
	legs(id + 1, 0, NULL);
	stored(id + 1, 10);
	ended(id + 1, 10, XK_MALFORMED);
	silence();
	counts(1, 0, 0, 0);
	legs(id, 1, &leg);
	x2_asks_stored(w.asks, id, &s, w.now);
	x2_asks_ended(w.asks, id, &e, w.now);
	silence();
	counts(1, 0, 0, 0);
}

static void
unavailable_is_asked_again_with_what_is_done(void **state)
{
	const uint64_t leg[3] = {10, 20, 30};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);
	const struct msg_x2_ask *m;

	(void)state;
	legs(id, 3, leg);
	ended(id, 10, XK_UNAVAILABLE);
	ended(id, 30, XK_MALFORMED);
	pass(5000);
	silence(); /* one leg is at work still */
	stored(id, 20);
	pass(400);
	silence();
	pass(100);
	m = asked();
	assert_int_equal(m->kind, X2_ASK_KEYS);
	assert_true(rd_is(&m->call, call, sizeof(call)));
	assert_int_equal(m->n_done, 2);
	assert_true(m->done[0] == 30);
	assert_true(m->done[1] == 20);
	legs(id, 1, leg);
	stored(id, 10);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 1, 0);
}

static void
the_back_off_doubles_up_to_its_most(void **state)
{
	static const int64_t wait[] = {500, 1000, 2000, 4000, 8000, 10000,
	    10000};
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_SIP, 0);

	(void)state;
	for (unsigned i = 0; i < sizeof(wait) / sizeof(wait[0]); i++) {
		legs(id, 1, &leg);
		ended(id, 10, XK_OVERLOADED);
		pass(wait[i] - 100);
		silence();
		pass(100);
		assert_int_equal(asked()->kind, X2_ASK_SIP);
	}
}

static void
silence_of_a_leg_is_asked_about_after_ten_seconds(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	pass(9900);
	silence();
	pass(100);
	(void)asked();
	pass(5000);
	legs(id, 2, leg);
	pass(9900);
	silence();
	stored(id, 10); /* a word */
	pass(9900);
	silence();
	pass(100);
	assert_int_equal(asked()->n_done, 1);
}

static void
keys_that_find_no_service_are_told_to_be_none(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);
	const struct msg_x2_ask *m;

	(void)state;
	legs(id, 2, leg);
	stored(id, 20);
	for (;;) {
		ended(id, 10, XK_UNAVAILABLE);
		pass_to_word();
		m = asked();
		legs(id, 1, leg);
		if (m->kind != X2_ASK_KEYS)
			break;
		assert_true(w.now < 5000 + RETRY_MS + 10000);
	}
	assert_true(w.now >= 5000 + RETRY_MS);
	assert_int_equal(m->kind, X2_ASK_NO_KEYS);
	assert_int_equal(m->call.left, 0);
	assert_int_equal(m->n_done, 1);
	assert_true(m->done[0] == 20);
	silence();
	stored(id, 10);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 0, 0);
}

static void
no_service_at_all_is_given_up_after_both_times(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);
	unsigned keys = 1, none = 0;

	(void)state;
	for (;;) {
		legs(id, 2, leg);
		ended(id, 10, XK_UNAVAILABLE);
		ended(id, 20, XK_OVERLOADED);
		pass_to_word();
		if (w.said[0].what == GONE)
			break;
		if (asked()->kind == X2_ASK_KEYS)
			keys++;
		else
			none++;
		assert_true(w.now < 5000 + 2 * RETRY_MS + 40000);
	}
	assert_int_equal(only(GONE), id);
	assert_true(w.now >= 5000 + 2 * RETRY_MS);
	assert_true(keys >= 7);
	assert_true(none >= 7);
	counts(0, 0, 0, 2);
}

static void
a_sip_message_that_finds_no_service_is_given_up(void **state)
{
	const uint32_t id = under_way(X2_ASK_SIP, 0);

	(void)state;
	while (w.n == 0 || w.said[w.n - 1].what != GONE) {
		w.n = 0;
		pass(1000);
		assert_true(w.now < 5000 + RETRY_MS + 20000);
	}
	assert_int_equal(only(GONE), id);
	assert_true(w.now >= 5000 + RETRY_MS);
	counts(0, 0, 0, 1);
}

static void
legs_that_are_named_no_longer_have_ended(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 2, leg);
	ended(id, 10, XK_UNAVAILABLE);
	ended(id, 20, XK_UNAVAILABLE);
	pass(500);
	(void)asked();
	legs(id, 1, leg + 1);
	counts(1, 0, 1, 0);
	stored(id, 20);
	assert_int_equal(only(GONE), id);
	counts(0, 1, 1, 0);
}

static void
an_end_while_waiting_to_ask_again_counts(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	ended(id, 10, XK_UNAVAILABLE);
	stored(id, 10); /* it was stored all the same */
	assert_int_equal(only(GONE), id);
	counts(0, 1, 0, 0);
}

static void
an_old_end_does_not_end_the_new_ask(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	pass(10000);
	(void)asked();
	ended(id, 10, XK_UNAVAILABLE); /* of the ask before */
	pass(9000);
	silence();
	legs(id, 1, &leg);
	stored(id, 10);
	assert_int_equal(only(GONE), id);
}

static void
without_policy_a_ticket_waits_as_long_as_it_takes(void **state)
{
	uint32_t id;

	(void)state;
	w.policy = false;
	start(X2_ASK_KEYS, 1);
	id = only(CONTENT);
	pass(3 * RETRY_MS);
	silence();
	w.policy = true;
	x2_asks_policy_joined(w.asks, w.now);
	assert_int_equal(asked()->kind, X2_ASK_KEYS);
	counts(1, 0, 0, 0);
	legs(id, 0, NULL);
	assert_int_equal(only(GONE), id);
}

static void
without_hi2_nothing_is_asked(void **state)
{
	(void)state;
	w.hi2 = false;
	start(X2_ASK_SIP, 0);
	pass(3 * RETRY_MS);
	silence();
	w.hi2 = true;
	x2_asks_hi2_joined(w.asks, w.now);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[0].what, CONTENT);
	assert_int_equal(w.said[1].what, ASK);
	counts(1, 0, 0, 0);
}

static void
a_new_policy_is_asked_at_once_for_what_is_not_done(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);
	const struct msg_x2_ask *m;

	(void)state;
	legs(id, 2, leg);
	stored(id, 10);
	w.policy = false;
	x2_asks_policy_left(w.asks);
	pass(3 * RETRY_MS);
	silence();
	w.policy = true;
	x2_asks_policy_joined(w.asks, w.now);
	m = asked();
	assert_int_equal(m->kind, X2_ASK_KEYS);
	assert_int_equal(m->n_done, 1);
	assert_true(m->done[0] == 10);
	/* What the old one had begun may still be stored. */
	stored(id, 20);
	silence();
	legs(id, 1, leg + 1);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 0, 0);
}

static void
a_new_hi2_gets_contents_again_and_policy_is_asked(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 2, leg);
	stored(id, 10);
	w.hi2 = false;
	x2_asks_hi2_left(w.asks);
	pass(3 * RETRY_MS);
	silence();
	w.hi2 = true;
	x2_asks_hi2_joined(w.asks, w.now);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[0].what, CONTENT);
	assert_int_equal(w.said[0].id, id);
	assert_true(rd_is(&w.said[0].content.sip, sip, sizeof(sip)));
	assert_int_equal(w.said[1].what, ASK);
	assert_int_equal(w.said[1].ask.n_done, 1);
	w.n = 0;
	legs(id, 1, leg + 1);
	stored(id, 20);
	assert_int_equal(only(GONE), id);
}

static void
a_final_end_without_hi2_ends_the_ticket(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	w.hi2 = false;
	x2_asks_hi2_left(w.asks);
	ended(id, 10, XK_NO_AUTHORISATION);
	silence(); /* nobody has its content */
	counts(0, 0, 1, 0);
}

static void
hi2_is_told_the_end_when_it_reads_again(void **state)
{
	const uint32_t id = under_way(X2_ASK_SIP, 0);

	(void)state;
	w.hi2 = false; /* its channel is full */
	legs(id, 0, NULL);
	pass(1000);
	silence();
	counts(1, 0, 0, 0);
	w.hi2 = true;
	pass(100);
	assert_int_equal(only(GONE), id);
	counts(0, 0, 0, 0);
}

static void
an_ended_ticket_goes_with_the_hi2_that_had_it(void **state)
{
	const uint32_t id = under_way(X2_ASK_SIP, 0);

	(void)state;
	w.hi2 = false;
	legs(id, 0, NULL);
	x2_asks_hi2_left(w.asks);
	counts(0, 0, 0, 0);
	w.hi2 = true;
	x2_asks_hi2_joined(w.asks, w.now);
	pass(1000);
	silence();
}

/* ---- warrants that come later ---- */

static void
a_later_warrant_has_exchanges_asked_again(void **state)
{
	const uint64_t leg[2] = {10, 20};
	uint32_t id = under_way(X2_ASK_KEYS, 1);
	const struct msg_x2_ask *m;

	(void)state;
	legs(id, 1, leg);
	stored(id, 10);
	(void)only(GONE);
	x2_asks_again(w.asks, other_xid);
	pass(1000);
	silence();
	x2_asks_again(w.asks, xid);
	pass(100);
	assert_int_equal(w.n, 2);
	m = &w.said[1].ask;
	id = w.said[1].id;
	assert_true(m->again);
	assert_int_equal(m->n_done, 1);
	assert_true(m->done[0] == 10);
	w.n = 0;
	legs(id, 1, leg + 1);
	stored(id, 20);
	(void)only(GONE);
	/* The third knows of both. */
	x2_asks_again(w.asks, xid);
	pass(100);
	assert_int_equal(w.said[1].ask.n_done, 2);
	assert_true(w.said[1].ask.done[0] == 10);
	assert_true(w.said[1].ask.done[1] == 20);
}

static void
a_later_warrant_waits_for_the_ticket_at_work(void **state)
{
	const uint64_t leg[2] = {10, 20};
	uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, leg);
	x2_asks_again(w.asks, xid);
	pass(1000);
	silence();
	stored(id, 10);
	assert_int_equal(only(GONE), id);
	pass(200);
	assert_int_equal(w.n, 2);
	assert_true(w.said[1].ask.again);
	assert_int_equal(w.said[1].ask.n_done, 1);
	id = w.said[1].id;
	w.n = 0;
	legs(id, 1, leg + 1);
	stored(id, 20);
	assert_int_equal(only(GONE), id);
	counts(0, 2, 0, 0);
	pass(1000);
	silence();
}

static void
keys_are_asked_for_a_later_warrant_also_after_they_were_given_up(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	do {
		w.n = 0;
		pass(100);
	} while (w.n == 0 || w.said[0].ask.kind == X2_ASK_KEYS);
	assert_int_equal(asked()->kind, X2_ASK_NO_KEYS);
	legs(id, 1, &leg);
	stored(id, 10);
	(void)only(GONE);
	x2_asks_again(w.asks, xid);
	pass(100);
	assert_int_equal(w.said[1].ask.kind, X2_ASK_KEYS);
	assert_int_equal(w.said[1].ask.n_done, 1);
}

/* Two warrants on one target: the CSCF reports the call under both XIDs. */
static void
who_has_the_keys_by_another_xid_does_not_get_them_again(void **state)
{
	const uint64_t leg[2] = {10, 20};
	const uint32_t one = under_way(X2_ASK_KEYS, 1);
	const uint32_t two = under_way(X2_ASK_KEYS, 1001);

	(void)state;
	legs(one, 1, leg);
	legs(two, 1, leg + 1);
	stored(one, 10);
	(void)only(GONE);
	x2_asks_policy_left(w.asks);
	x2_asks_policy_joined(w.asks, w.now);
	assert_int_equal(asked()->n_done, 0);
	pass(1000);
	silence(); /* who has what is not settled yet */
	legs(two, 1, leg + 1);
	stored(two, 20);
	(void)only(GONE);
	pass(200);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[1].ask.n_done, 2);
	legs(w.said[1].id, 0, NULL);
	w.n = 0;
	pass(200);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[1].ask.n_done, 2);
	legs(w.said[1].id, 0, NULL);
	w.n = 0;
	pass(1000);
	silence();
	assert_int_equal(w.n_again, 2);
}

static void
each_xid_has_its_own_warrants_asked_the_first_time(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	stored(id, 10);
	(void)only(GONE);
	start(X2_ASK_KEYS, 1001);
	assert_int_equal(w.said[1].ask.n_done, 0);
	assert_false(w.said[1].ask.again);
}

static void
a_new_policy_is_asked_for_exchanges_that_are_up(void **state)
{
	const uint64_t leg = 10;

	(void)state;
	for (uint64_t i = 1; i <= 10; i++) {
		const uint32_t id = under_way(X2_ASK_KEYS, i);

		legs(id, 1, &leg);
		stored(id, leg);
		(void)only(GONE);
	}
	w.dead = 5;
	x2_asks_policy_left(w.asks);
	x2_asks_policy_joined(w.asks, w.now);
	silence();
	pass(100);
	assert_int_equal(w.n_again, 9);
	assert_int_equal(w.n, 18);
	for (unsigned i = 0; i < 9; i++) {
		assert_true(w.again[i] == i + 1 + (i >= 4));
		assert_int_equal(w.said[2 * i + 1].ask.n_done, 1);
		assert_true(w.said[2 * i + 1].ask.again);
	}
	counts(9, 10, 0, 0);
}

static void
what_the_calls_have_no_longer_is_forgotten(void **state)
{
	const uint64_t leg = 10;
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	stored(id, leg);
	w.n = 0;
	w.dead = 1;
	pass(200);
	w.dead = UINT64_MAX; /* a number is never used again */
	x2_asks_again(w.asks, xid);
	pass(200);
	assert_int_equal(w.n_again, 0);
}

static void
records_without_keys_are_not_remembered(void **state)
{
	const uint64_t leg = 10;
	uint32_t id = under_way(X2_ASK_NO_KEYS, 1);

	(void)state;
	legs(id, 1, &leg);
	stored(id, leg);
	(void)only(GONE);
	/* It has become whole after all. */
	start(X2_ASK_KEYS, 1);
	assert_int_equal(w.said[1].ask.n_done, 0);
	x2_asks_again(w.asks, xid);
}

/* ---- bounds ---- */

static void
a_full_table_has_no_room_and_changes_nothing(void **state)
{
	const struct x2_asks_limits big = {SIZE_MAX / 2, RETRY_MS};
	struct x2_matter m = matter(X2_ASK_SIP, 0);
	unsigned n = 0;

	(void)state;
	x2_asks_limit(w.asks, &big);
	w.hi2 = false;
	while (x2_asks_room(w.asks)) {
		start(X2_ASK_SIP, 0);
		n++;
	}
	assert_true(n < X2_TICKETS);
	for (; n < X2_TICKETS; n++) /* what one PDU brings fits */
		start(X2_ASK_SIP, 0);
	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_FULL);
	counts(X2_TICKETS, 0, 0, 0);
	x2_asks_tick(w.asks, w.now);
}

static void
octets_are_bounded_and_free_again_with_their_ticket(void **state)
{
	static uint8_t big[200000];
	struct x2_matter m = matter(X2_ASK_SIP, 0);
	unsigned n = 0;

	(void)state;
	rd_init(&m.content.sip, big, sizeof(big));
	while (x2_asks_room(w.asks)) {
		w.n = 0;
		assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
		n++;
	}
	assert_in_range(n, 12 * MIB / sizeof(big), 16 * MIB / sizeof(big));
	while (x2_asks_begin(w.asks, &m, w.now) == ERR_OK) {
		w.n = 0;
		n++;
	}
	assert_in_range(n, 15 * MIB / sizeof(big), 16 * MIB / sizeof(big));
	for (uint32_t id = 0; id < n; id++) {
		legs(id, 0, NULL);
		assert_int_equal(only(GONE), id);
	}
	assert_true(x2_asks_room(w.asks));
	counts(0, 0, 0, 0);
	for (unsigned k = 0; k < n; k++) {
		w.n = 0;
		assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
	}
}

static void
more_legs_than_there_may_be_at_once_are_no_harm(void **state)
{
	uint64_t leg[MAX_LEGS];
	const uint32_t id = under_way(X2_ASK_KEYS, 1);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < MAX_LEGS; i++)
			leg[i] = 1000 * round + i;
		x2_asks_again(w.asks, xid);
		legs(id, MAX_LEGS, leg);
		for (unsigned i = 0; i < MAX_LEGS; i++)
			if (i % 2 == 0)
				stored(id, leg[i]);
			else
				ended(id, leg[i], XK_UNAVAILABLE);
		pass(10000);
		assert_int_equal(asked()->n_done,
		    round == 0 ? MAX_LEGS / 2 : MAX_LEGS);
	}
	counts(1, 3 * MAX_LEGS / 2, MAX_LEGS, 0);
}

/* ---- every order ---- */

static unsigned seed;

static unsigned
pick(unsigned n)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % n;
}

/* What policy and hi2 know of it, told in any order and more than once. */
static void
any_order_of_words_ends_every_ticket_once(void **state)
{
	(void)state;
	for (seed = 1; seed < 3000; seed++) {
		const unsigned before = seed;
		const uint64_t leg[3] = {10, 20, 30};
		uint32_t id = under_way(X2_ASK_KEYS, seed);
		unsigned asks = 1, ends = 0;
		bool has[3] = {false};

		for (unsigned step = 0; step < 400 && ends == 0; step++) {
			const unsigned i = pick(3);

			switch (pick(6)) {
			case 0:
				legs(id, 3, leg);
				break;
			case 1:
				stored(id, leg[i]);
				has[i] = true;
				break;
			case 2:
				ended(id, leg[i], XK_UNAVAILABLE);
				break;
			case 3:
				x2_asks_policy_left(w.asks);
				x2_asks_policy_joined(w.asks, w.now);
				break;
			case 4:
				x2_asks_hi2_left(w.asks);
				x2_asks_hi2_joined(w.asks, w.now);
				break;
			default:
				pass(500);
			}
			for (unsigned k = 0; k < w.n; k++) {
				assert_int_equal(w.said[k].id, id);
				asks += w.said[k].what == ASK;
				ends += w.said[k].what == GONE;
			}
			w.n = 0;
		}
		assert_int_equal(ends, 1);
		assert_true(asks >= 1 && has[0] && has[1] && has[2]);
		w.dead = before; /* so that it is not asked again */
		pass(100);
		w.dead = UINT64_MAX;
		w.n = 0;
		seed = before;
	}
	counts(0, 3 * 2999, 0, 0);
}

/* ---- keys that another appliance makes ---- */

/* These were said since, in this order, and of this ticket. */
static void
said_are(uint32_t id, unsigned n, const enum said *what)
{
	assert_int_equal(w.n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(w.said[i].what, what[i]);
		assert_int_equal(w.said[i].id, id);
	}
	w.n = 0;
}

static void
xkc_has_the_messages_before_policy_is_asked(void **state)
{
	const enum said first[] = {CONTENT, MIKEY, ASK};
	const enum said again_asked[] = {MIKEY, ASK};
	const enum said last[] = {MIKEY_GONE, GONE};
	const uint64_t leg = 10;
	uint32_t id;

	(void)state;
	w.remote = true;
	start(X2_ASK_KEYS, 1);
	id = w.said[0].id;
	said_are(id, 3, first);
	legs(id, 1, &leg);
	ended(id, 10, XK_UNAVAILABLE);
	pass_to_word();
	said_are(id, 2, again_asked);
	legs(id, 1, &leg);
	stored(id, 10);
	said_are(id, 2, last);
}

static void
a_new_xkc_gets_the_messages_of_what_is_not_done(void **state)
{
	const enum said just[] = {MIKEY};
	const enum said due[] = {MIKEY, ASK};
	const uint64_t leg = 10;
	uint32_t id, other;

	(void)state;
	w.remote = true;
	start(X2_ASK_KEYS, 1);
	id = w.said[0].id;
	w.n = 0;
	start(X2_ASK_SIP, 0);
	other = w.said[0].id;
	w.n = 0;
	legs(id, 1, &leg);
	x2_asks_xkc_joined(w.asks);
	said_are(id, 1, just);
	/* One that waits gets them when it is asked. */
	ended(id, 10, XK_UNAVAILABLE);
	x2_asks_xkc_joined(w.asks);
	silence();
	legs(other, 0, NULL);
	w.n = 0;
	pass_to_word();
	said_are(id, 2, due);
}

static void
messages_end_once_with_their_ticket(void **state)
{
	const enum said unheard[] = {MIKEY_GONE}, last[] = {GONE};
	uint32_t id;

	(void)state;
	w.remote = true;
	start(X2_ASK_KEYS, 1);
	id = w.said[0].id;
	w.n = 0;
	w.hi2 = false; /* there, and not reading */
	legs(id, 0, NULL);
	said_are(id, 1, unheard);
	pass(300);
	silence();
	x2_asks_xkc_joined(w.asks);
	silence();
	w.hi2 = true;
	pass(100);
	said_are(id, 1, last);
	counts(0, 0, 0, 0);
}

static void
no_keys_need_no_messages(void **state)
{
	const enum said no_keys[] = {ASK}, last[] = {MIKEY_GONE, GONE};
	const uint64_t leg = 10;
	uint32_t id;

	(void)state;
	w.remote = true;
	start(X2_ASK_KEYS, 1);
	id = w.said[0].id;
	while (w.said[w.n - 1].what != ASK ||
	    w.said[w.n - 1].ask.kind != X2_ASK_NO_KEYS) {
		assert_true(w.now < 5000 + 2 * RETRY_MS);
		w.n = 0;
		legs(id, 1, &leg);
		ended(id, 10, XK_UNAVAILABLE);
		pass_to_word();
	}
	said_are(id, 1, no_keys);
	legs(id, 1, &leg);
	stored(id, 10);
	said_are(id, 2, last);
}

static void
a_call_in_the_journal_is_held_until_its_ticket_has_ended(void **state)
{
	struct x2_matter m = matter(X2_ASK_KEYS, 1);
	const uint64_t leg = 10;

	(void)state;
	m.content.call = JOURNALLED;
	m.content.mark[3] = 7;
	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
	assert_int_equal(w.held, 1);
	assert_true(w.said[0].content.call == JOURNALLED);
	assert_int_equal(w.said[0].content.mark[3], 7);
	/* One that waits for the ticket at work holds nothing. */
	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
	assert_int_equal(w.held, 1);
	legs(w.said[0].id, 1, &leg);
	assert_int_equal(w.held, 1);
	w.hi2 = false; /* cannot be told yet */
	stored(w.said[0].id, leg);
	assert_int_equal(w.held, 0);
	w.hi2 = true;
	pass(200);
	assert_int_equal(w.held, 0);
}

static void
what_is_not_in_the_journal_is_not_held(void **state)
{
	(void)state;
	start(X2_ASK_KEYS, 1);
	start(X2_ASK_SIP, 0);
	assert_int_equal(w.held, 0);
}

static void
legs_that_an_x2_before_has_served_are_asked_as_done(void **state)
{
	static const uint64_t done[3] = {10, 20, 10};
	struct x2_matter m = matter(X2_ASK_KEYS, 1);
	const struct msg_x2_ask *a;

	(void)state;
	m.done = done;
	m.n_done = 3;
	assert_int_equal(x2_asks_begin(w.asks, &m, w.now), ERR_OK);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.said[1].ask.n_done, 2);
	assert_true(w.said[1].ask.done[0] == 10 && w.said[1].ask.done[1] == 20);
	legs(w.said[0].id, 0, NULL);
	w.n = 0;
	/* And of later warrants too. */
	x2_asks_again(w.asks, NULL);
	pass(100);
	assert_int_equal(w.n, 2);
	a = &w.said[1].ask;
	assert_true(a->again && a->n_done == 2);
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test(content_goes_first_and_then_policy_is_asked),
	    test(a_ticket_without_legs_ends_at_once),
	    test(a_ticket_ends_when_every_leg_has_ended),
	    test(a_record_may_be_stored_before_its_leg_is_named),
	    test(all_may_be_stored_before_legs_are_named),
	    test(words_of_another_epoch_or_ticket_change_nothing),
	    test(unavailable_is_asked_again_with_what_is_done),
	    test(the_back_off_doubles_up_to_its_most),
	    test(silence_of_a_leg_is_asked_about_after_ten_seconds),
	    test(keys_that_find_no_service_are_told_to_be_none),
	    test(no_service_at_all_is_given_up_after_both_times),
	    test(a_sip_message_that_finds_no_service_is_given_up),
	    test(legs_that_are_named_no_longer_have_ended),
	    test(an_end_while_waiting_to_ask_again_counts),
	    test(an_old_end_does_not_end_the_new_ask),
	    test(without_policy_a_ticket_waits_as_long_as_it_takes),
	    test(without_hi2_nothing_is_asked),
	    test(a_new_policy_is_asked_at_once_for_what_is_not_done),
	    test(a_new_hi2_gets_contents_again_and_policy_is_asked),
	    test(a_final_end_without_hi2_ends_the_ticket),
	    test(hi2_is_told_the_end_when_it_reads_again),
	    test(an_ended_ticket_goes_with_the_hi2_that_had_it),
	    test(a_later_warrant_has_exchanges_asked_again),
	    test(a_later_warrant_waits_for_the_ticket_at_work),
	    test(
		keys_are_asked_for_a_later_warrant_also_after_they_were_given_up),
	    test(who_has_the_keys_by_another_xid_does_not_get_them_again),
	    test(each_xid_has_its_own_warrants_asked_the_first_time),
	    test(a_new_policy_is_asked_for_exchanges_that_are_up),
	    test(what_the_calls_have_no_longer_is_forgotten),
	    test(records_without_keys_are_not_remembered),
	    test(a_full_table_has_no_room_and_changes_nothing),
	    test(octets_are_bounded_and_free_again_with_their_ticket),
	    test(more_legs_than_there_may_be_at_once_are_no_harm),
	    test(any_order_of_words_ends_every_ticket_once),
	    test(xkc_has_the_messages_before_policy_is_asked),
	    test(a_new_xkc_gets_the_messages_of_what_is_not_done),
	    test(messages_end_once_with_their_ticket),
	    test(no_keys_need_no_messages),
	    test(a_call_in_the_journal_is_held_until_its_ticket_has_ended),
	    test(what_is_not_in_the_journal_is_not_held),
	    test(legs_that_an_x2_before_has_served_are_asked_as_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
