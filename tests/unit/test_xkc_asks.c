#include <stdlib.h>
#include <string.h>

#include "appliance/xkc_asks.h"
#include "appliance/xkc_held.h"
#include "help.h"

#define EPOCH 0x1122334455667788
#define REQUEST_MS 5000
#define ALIVE_MS 60000
#define MOST 1024

/* Everything that went out, in order. */
static struct world {
	struct xkc_asks *asks;
	bool full; /* nothing more goes to the server */
	unsigned n_sent;
	struct sent {
		enum xk_type type;
		uint32_t id;
		char target[32];
		size_t i1, r1, i2, r2, first_i1, first_r1, first_i2, liid;
		uint8_t first; /* octet of i1 */
	} sent[MOST];
	unsigned n_told;
	struct told {
		unsigned worker;
		uint32_t id;
		enum xk_reason reason;
		uint64_t epoch;
		struct xk_get_keys_response keys;
	} told[MOST];
	int64_t now;
} w;

static bool
send_pdu(void *ctx, const uint8_t *der, size_t len)
{
	struct sent *s = &w.sent[w.n_sent];
	struct xk_msg m;
	struct rd r;
	uint32_t id;

	assert_ptr_equal(ctx, &w);
	if (w.full)
		return false;
	assert_true(w.n_sent < MOST);
	rd_init(&r, der, len);
	assert_int_equal(xk_pdu_decode(r, &m, &id), ERR_OK);
	*s = (struct sent){.type = m.type, .id = m.request_id};
	if (m.type == XK_GET_KEYS) {
		const struct xk_get_keys *k = &m.u.get_keys;

		memcpy(s->target, k->public_kms_identity.p,
		    k->public_kms_identity.left);
		s->i1 = k->i_message1.left;
		s->r1 = k->r_message1.left;
		s->i2 = k->i_message2.left;
		s->r2 = k->r_message2.left;
		s->first_i1 = k->first_i_message1.left;
		s->first_r1 = k->first_r_message1.left;
		s->first_i2 = k->first_i_message2.left;
		s->liid = k->liid.left;
		s->first = k->i_message1.p[0];
	}
	w.n_sent++;
	xk_msg_free(&m);
	return true;
}

static void
fetched(void *ctx, unsigned worker, uint32_t id, const struct msg_fetched *m)
{
	struct told *t = &w.told[w.n_told];

	assert_ptr_equal(ctx, &w);
	assert_true(w.n_told < MOST);
	memset(t, 0, sizeof(*t));
	t->worker = worker;
	t->id = id;
	t->reason = m->reason;
	if (m->reason == XK_GRANTED)
		assert_int_equal(msg_answer_get(m->answer, &t->epoch, &t->keys),
		    ERR_OK);
	else
		assert_int_equal(m->answer.left, 0);
	w.n_told++;
}

static const struct xkc_ops ops = {send_pdu, fetched};

static int
begin(void **state)
{
	const struct xkc_times times = {REQUEST_MS, ALIVE_MS};

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1000;
	return (int)xkc_asks_new(&times, &ops, &w, &w.asks);
}

static int
end(void **state)
{
	(void)state;
	xkc_asks_free(&w.asks);
	xkc_asks_free(&w.asks);
	return 0;
}

/* ---- what a test does ---- */

static enum err
take(const uint8_t *der, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	size_t left = len;
	enum err rc;

	memcpy(copy, der, len);
	rc = xkc_asks_take(w.asks, copy, &left);
	/* Nothing of it stays, whatever it was. */
	if (rc == ERR_OK) {
		assert_int_equal(left, 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(copy[i], 0);
	}
	free(copy);
	return rc;
}

static enum err
alive_answer(uint32_t id)
{
	uint8_t *der;
	size_t len;
	enum err rc;

	assert_int_equal(xk_encode_keep_alive(id, XK_KEEP_ALIVE_RESPONSE, &der,
			     &len),
	    ERR_OK);
	rc = take(der, len);
	xk_der_free(&der, len);
	return rc;
}

static enum err
refusal(uint32_t id, enum xk_reason reason)
{
	uint8_t *der;
	size_t len;
	enum err rc;

	assert_int_equal(xk_encode_refusal(id, reason, "no", &der, &len),
	    ERR_OK);
	rc = take(der, len);
	xk_der_free(&der, len);
	return rc;
}

static uint8_t *
keys_der(uint32_t id, uint8_t fill, size_t *len)
{
	static struct xk_get_keys_response k;
	uint8_t *der;

	k = (struct xk_get_keys_response){.n_keys = 2, .has_sk = true};
	memset(k.key[0].session_key, fill, 16);
	memset(k.key[1].session_key, fill + 1, 16);
	memset(k.sk, fill + 2, 16);
	assert_int_equal(xk_encode_keys(id, &k, &der, len), ERR_OK);
	return der;
}

static enum err
keys(uint32_t id, uint8_t fill)
{
	size_t len;
	uint8_t *der = keys_der(id, fill, &len);
	const enum err rc = take(der, len);

	xk_der_free(&der, len);
	return rc;
}

/* The connection is there, and the server takes us. */
static void
up(void)
{
	const unsigned n = w.n_sent;

	xkc_asks_begin(w.asks, w.now);
	assert_false(xkc_asks_is_up(w.asks));
	assert_int_equal(w.n_sent, n + 1);
	assert_int_equal(w.sent[n].type, XK_KEEP_ALIVE);
	assert_int_not_equal(w.sent[n].id, 0);
	assert_int_equal(alive_answer(w.sent[n].id), ERR_OK);
	assert_true(xkc_asks_is_up(w.asks));
	w.n_sent = 0;
}

static uint8_t mess[MAX_MIKEY];

static enum err
mikey_of(uint64_t epoch, uint32_t id, uint8_t first, size_t len)
{
	struct msg_mikey m = {.epoch = epoch};

	memset(mess, first, len);
	rd_init(&m.i1, mess, len);
	rd_init(&m.r1, mess, len);
	rd_init(&m.i2, mess, len);
	return xkc_asks_mikey(w.asks, id, &m, w.now);
}

static void
mikey(uint32_t id)
{
	assert_int_equal(mikey_of(EPOCH, id, (uint8_t)id, 40), ERR_OK);
}

static enum err
fetch_of(unsigned worker, uint32_t fetch, uint64_t epoch, uint32_t id)
{
	struct msg_fetch m = {{epoch, id}, {NULL, 0}};

	rd_init(&m.target, "sip:t@lab.example", 17);
	return xkc_asks_fetch(w.asks, worker, fetch, &m, w.now);
}

static void
fetch(unsigned worker, uint32_t id, uint32_t ticket)
{
	assert_int_equal(fetch_of(worker, id, EPOCH, ticket), ERR_OK);
}

static enum err
tick(int64_t ms)
{
	w.now += ms;
	return xkc_asks_tick(w.asks, w.now);
}

static void
told_is(unsigned i, unsigned worker, uint32_t id, enum xk_reason reason)
{
	assert_true(i < w.n_told);
	assert_int_equal(w.told[i].worker, worker);
	assert_int_equal(w.told[i].id, id);
	assert_int_equal(w.told[i].reason, reason);
}

static unsigned
open_now(void)
{
	struct xkc_counts c;

	xkc_asks_count(w.asks, &c);
	return c.open;
}

/* ---- two halves make a request ---- */

static void
messages_then_a_worker_make_a_request(void **state)
{
	(void)state;
	up();
	mikey(7);
	assert_int_equal(w.n_sent, 0);
	fetch(3, 70, 7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].type, XK_GET_KEYS);
	assert_string_equal(w.sent[0].target, "sip:t@lab.example");
	assert_int_equal(w.sent[0].first, 7);
	assert_int_equal(w.sent[0].liid, 0); /* not the other one's affair */
	assert_int_equal(w.n_told, 0);
	assert_int_equal(keys(w.sent[0].id, 5), ERR_OK);
	assert_int_equal(w.n_told, 1);
	told_is(0, 3, 70, XK_GRANTED);
	assert_true(w.told[0].epoch == EPOCH);
	assert_int_equal(w.told[0].keys.n_keys, 2);
	assert_int_equal(w.told[0].keys.key[1].session_key[0], 6);
	assert_int_equal(w.told[0].keys.sk[15], 7);
	assert_int_equal(open_now(), 0);
}

static void
a_worker_then_messages_make_the_same(void **state)
{
	(void)state;
	up();
	fetch(3, 70, 7);
	mikey(8); /* another one's */
	assert_int_equal(w.n_sent, 0);
	assert_int_equal(tick(XKC_JOIN_MS - 1), ERR_OK);
	mikey(7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].first, 7);
	/* Its time begins when it is sent. */
	assert_int_equal(tick(REQUEST_MS - 1), ERR_OK);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(keys(w.sent[0].id, 5), ERR_OK);
	told_is(0, 3, 70, XK_GRANTED);
}

static void
all_seven_messages_go_in_their_places(void **state)
{
	struct msg_mikey m = {.epoch = EPOCH};
	struct rd *const f[] = {&m.i1, &m.r1, &m.i2, &m.r2, &m.first_i1,
	    &m.first_r1, &m.first_i2};

	(void)state;
	up();
	memset(mess, 1, sizeof(mess));
	for (size_t i = 0; i < 7; i++)
		rd_init(f[i], mess, 10 + i);
	assert_int_equal(xkc_asks_mikey(w.asks, 7, &m, w.now), ERR_OK);
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].i1, 10);
	assert_int_equal(w.sent[0].r1, 11);
	assert_int_equal(w.sent[0].i2, 12);
	assert_int_equal(w.sent[0].r2, 13);
	assert_int_equal(w.sent[0].first_i1, 14);
	assert_int_equal(w.sent[0].first_r1, 15);
	assert_int_equal(w.sent[0].first_i2, 16);
}

static void
a_ticket_serves_several_warrants(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	fetch(1, 1, 7);
	fetch(0, 2, 7);
	assert_int_equal(w.n_sent, 3);
	assert_int_not_equal(w.sent[0].id, w.sent[1].id);
	assert_int_not_equal(w.sent[0].id, w.sent[2].id);
	assert_int_not_equal(w.sent[1].id, w.sent[2].id);
	/* In any order, and each to the one that asked. */
	assert_int_equal(keys(w.sent[2].id, 30), ERR_OK);
	assert_int_equal(refusal(w.sent[0].id, XK_TARGET_MISMATCH), ERR_OK);
	assert_int_equal(keys(w.sent[1].id, 20), ERR_OK);
	assert_int_equal(w.n_told, 3);
	told_is(0, 0, 2, XK_GRANTED);
	assert_int_equal(w.told[0].keys.key[0].session_key[0], 30);
	told_is(1, 0, 1, XK_TARGET_MISMATCH);
	told_is(2, 1, 1, XK_GRANTED);
	assert_int_equal(w.told[2].keys.key[0].session_key[0], 20);
}

static void
each_reason_is_passed_on(void **state)
{
	(void)state;
	up();
	mikey(7);
	for (unsigned r = XK_MALFORMED; r < XK_REASON__MAX; r++) {
		fetch(0, r, 7);
		assert_int_equal(refusal(w.sent[w.n_sent - 1].id,
				     (enum xk_reason)r),
		    ERR_OK);
		told_is(w.n_told - 1, 0, r, (enum xk_reason)r);
	}
	assert_int_equal(w.n_told, XK_REASON__MAX - 1);
}

/* ---- what is not there ---- */

static void
without_a_connection_it_is_unavailable(void **state)
{
	(void)state;
	mikey(7);
	fetch(0, 1, 7);
	told_is(0, 0, 1, XK_UNAVAILABLE);
	/* TLS alone is none: the server may refuse us still. */
	xkc_asks_begin(w.asks, w.now);
	fetch(0, 2, 7);
	told_is(1, 0, 2, XK_UNAVAILABLE);
	assert_int_equal(w.n_told, 2);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].type, XK_KEEP_ALIVE);
}

static void
without_messages_it_is_unavailable_soon(void **state)
{
	(void)state;
	up();
	fetch(0, 1, 7);
	assert_int_equal(tick(XKC_JOIN_MS - 1), ERR_OK);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(tick(1), ERR_OK);
	assert_int_equal(w.n_told, 1);
	told_is(0, 0, 1, XK_UNAVAILABLE);
	mikey(7); /* too late */
	assert_int_equal(w.n_sent, 0);
	fetch(0, 2, 7);
	assert_int_equal(w.n_sent, 1);
}

static void
messages_that_have_gone_are_not_there(void **state)
{
	struct xkc_counts c;

	(void)state;
	up();
	mikey(7);
	xkc_asks_gone(w.asks, 8);
	xkc_asks_gone(w.asks, 7 + XKC_TICKETS); /* in the same place */
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, 1);
	xkc_asks_gone(w.asks, 7);
	xkc_asks_gone(w.asks, 7);
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, 0);
	assert_int_equal(c.octets, 0);
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 0);
	assert_int_equal(tick(XKC_JOIN_MS), ERR_OK);
	told_is(0, 0, 1, XK_UNAVAILABLE);
}

static void
those_of_another_epoch_are_not_meant(void **state)
{
	struct xkc_counts c;

	(void)state;
	up();
	mikey(7);
	mikey(8);
	assert_int_equal(fetch_of(0, 1, EPOCH + 1, 7), ERR_OK);
	assert_int_equal(w.n_sent, 0);
	/* A new x2: nothing of the old one stays. */
	assert_int_equal(mikey_of(EPOCH + 1, 7, 9, 40), ERR_OK);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].first, 9);
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, 1);
	fetch(0, 2, 8);
	fetch(0, 3, 7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_OK);
	assert_true(w.told[0].epoch == EPOCH + 1);
}

static void
a_later_ticket_takes_the_place(void **state)
{
	(void)state;
	up();
	mikey(7);
	assert_int_equal(mikey_of(EPOCH, 7 + XKC_TICKETS, 99, 40), ERR_OK);
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 0);
	fetch(0, 2, 7 + XKC_TICKETS);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].first, 99);
	/* Given twice: the later ones. */
	assert_int_equal(mikey_of(EPOCH, 7 + XKC_TICKETS, 98, 41), ERR_OK);
	fetch(0, 3, 7 + XKC_TICKETS);
	assert_int_equal(w.sent[1].first, 98);
	assert_int_equal(w.sent[1].i1, 41);
}

static void
what_is_no_request_is_malformed(void **state)
{
	struct msg_mikey m = {.epoch = EPOCH};

	(void)state;
	up();
	assert_int_equal(xkc_asks_mikey(w.asks, 7, &m, w.now), ERR_OK);
	fetch(0, 1, 7);
	rd_init(&m.i1, mess, 5);
	assert_int_equal(xkc_asks_mikey(w.asks, 7, &m, w.now), ERR_OK);
	fetch(0, 2, 7);
	/* Seven of the longest, and no PDU holds them... */
	assert_int_equal(w.n_sent, 0);
	told_is(0, 0, 1, XK_MALFORMED);
	told_is(1, 0, 2, XK_MALFORMED);
	/* ... or does: then they go. */
	m.i1.left = MAX_MIKEY;
	m.r1 = m.i2 = m.r2 = m.first_i1 = m.first_r1 = m.first_i2 = m.i1;
	assert_int_equal(xkc_asks_mikey(w.asks, 7, &m, w.now), ERR_OK);
	fetch(0, 3, 7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].first_i2, MAX_MIKEY);
}

/* ---- time ---- */

static void
no_answer_in_time_is_unavailable(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(tick(REQUEST_MS - 1), ERR_OK);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(tick(1), ERR_OK);
	assert_int_equal(w.n_told, 1);
	told_is(0, 0, 1, XK_UNAVAILABLE);
	/* The same may ask again; what comes late is for nobody. */
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 2);
	assert_int_not_equal(w.sent[0].id, w.sent[1].id);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_OK);
	assert_int_equal(w.n_told, 1);
	assert_int_equal(keys(w.sent[1].id, 2), ERR_OK);
	told_is(1, 0, 1, XK_GRANTED);
	assert_int_equal(w.told[1].keys.key[0].session_key[0], 2);
	/* And it comes once. */
	assert_int_equal(keys(w.sent[0].id, 1), ERR_MISMATCH);
}

static void
new_times_are_for_what_comes(void **state)
{
	const struct xkc_times times = {100, 200};

	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	xkc_asks_set(w.asks, &times);
	fetch(0, 2, 7);
	assert_int_equal(tick(100), ERR_OK);
	assert_int_equal(w.n_told, 1);
	told_is(0, 0, 2, XK_UNAVAILABLE);
}

static void
a_server_that_never_answers_is_dead(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(tick(REQUEST_MS), ERR_OK);
	assert_int_equal(tick(XKC_LATE_MS - 1), ERR_OK);
	assert_int_equal(alive_answer(w.sent[1].id), ERR_OK);
	assert_int_equal(tick(1), ERR_CLOSED);
}

static void
the_first_answer_must_come_soon(void **state)
{
	(void)state;
	assert_int_equal(tick(1000000), ERR_OK); /* nothing is expected */
	xkc_asks_begin(w.asks, w.now);
	assert_int_equal(tick(XKC_PROOF_MS - 1), ERR_OK);
	assert_int_equal(tick(1), ERR_CLOSED);
	xkc_asks_down(w.asks);
	assert_int_equal(tick(1000000), ERR_OK);
	assert_int_equal(w.n_sent, 1);
}

static void
keep_alives_are_sent_and_two_without_answer_are_the_end(void **state)
{
	(void)state;
	up();
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(tick(ALIVE_MS - 1), ERR_OK);
		assert_int_equal(w.n_sent, i);
		assert_int_equal(tick(1), ERR_OK);
		assert_int_equal(w.n_sent, i + 1);
		assert_int_equal(w.sent[i].type, XK_KEEP_ALIVE);
		assert_int_equal(alive_answer(w.sent[i].id), ERR_OK);
	}
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(w.n_sent, 12);
	assert_int_equal(tick(ALIVE_MS - 1), ERR_OK);
	/* Another answer is no answer to these. */
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(keys(w.sent[12].id, 1), ERR_OK);
	assert_int_equal(tick(1), ERR_CLOSED);
}

static void
a_late_keep_alive_still_counts(void **state)
{
	(void)state;
	up();
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(alive_answer(w.sent[0].id), ERR_OK);
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(tick(ALIVE_MS), ERR_CLOSED);
}

/* ---- ends ---- */

static void
a_lost_connection_makes_all_unavailable(void **state)
{
	uint32_t old;

	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	fetch(1, 1, 7);
	fetch(2, 1, 1000); /* joins */
	old = w.sent[0].id;
	assert_int_equal(tick(ALIVE_MS / 100), ERR_OK);
	xkc_asks_down(w.asks);
	assert_false(xkc_asks_is_up(w.asks));
	assert_int_equal(w.n_told, 3);
	told_is(0, 0, 1, XK_UNAVAILABLE);
	told_is(1, 1, 1, XK_UNAVAILABLE);
	told_is(2, 2, 1, XK_UNAVAILABLE);
	xkc_asks_down(w.asks);
	assert_int_equal(w.n_told, 3);
	/* The messages are still here, and old numbers mean nothing. */
	w.n_sent = 0;
	up();
	assert_int_equal(keys(old, 1), ERR_MISMATCH);
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 1);
	assert_int_not_equal(w.sent[0].id, old);
}

static void
a_worker_that_has_gone_is_forgotten(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	fetch(1, 1, 7);
	fetch(0, 2, 1000); /* joins */
	xkc_asks_worker_left(w.asks, 0);
	assert_int_equal(w.n_told, 0);
	/* Another process in its place, with the same numbers. */
	fetch(0, 1, 7);
	assert_int_equal(w.n_sent, 3);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_OK);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(keys(w.sent[2].id, 3), ERR_OK);
	assert_int_equal(keys(w.sent[1].id, 2), ERR_OK);
	assert_int_equal(w.n_told, 2);
	told_is(0, 0, 1, XK_GRANTED);
	assert_int_equal(w.told[0].keys.key[0].session_key[0], 3);
	told_is(1, 1, 1, XK_GRANTED);
	assert_int_equal(w.told[1].keys.key[0].session_key[0], 2);
	assert_int_equal(tick(XKC_JOIN_MS), ERR_OK);
	assert_int_equal(w.n_told, 2);
}

static void
a_fetch_is_not_there_twice(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(fetch_of(0, 1, EPOCH, 7), ERR_EXISTS);
	assert_int_equal(fetch_of(0, 2, EPOCH, 1000), ERR_OK);
	assert_int_equal(fetch_of(0, 2, EPOCH, 7), ERR_EXISTS);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.n_told, 0);
}

/* ---- bounds ---- */

static void
no_more_than_so_many_requests(void **state)
{
	(void)state;
	up();
	mikey(7);
	for (uint32_t i = 0; i < XKC_ASKS; i++)
		fetch(0, i, 7);
	assert_int_equal(w.n_sent, XKC_ASKS);
	assert_int_equal(open_now(), XKC_ASKS);
	fetch(0, XKC_ASKS, 7);
	assert_int_equal(w.n_told, 1);
	told_is(0, 0, XKC_ASKS, XK_OVERLOADED);
	/* keepAlives have room still, and an end makes some. */
	assert_int_equal(keys(w.sent[100].id, 1), ERR_OK);
	told_is(1, 0, 100, XK_GRANTED);
	fetch(0, XKC_ASKS, 7);
	assert_int_equal(w.n_told, 2);
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(w.sent[w.n_sent - 1].type, XK_KEEP_ALIVE);
	assert_int_equal(tick(ALIVE_MS - REQUEST_MS), ERR_OK);
	assert_int_equal(w.n_told, 2 + XKC_ASKS);
}

static void
no_request_has_the_number_0(void **state)
{
	(void)state;
	up();
	mikey(7);
	for (unsigned round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < XKC_ASKS; i++)
			fetch(0, i, 7);
		for (unsigned i = 0; i < w.n_sent; i++)
			assert_int_not_equal(w.sent[i].id, 0);
		xkc_asks_down(w.asks);
		w.n_sent = w.n_told = 0;
		up();
	}
}

static void
a_server_that_does_not_read_is_overloaded(void **state)
{
	(void)state;
	up();
	mikey(7);
	w.full = true;
	fetch(0, 1, 7);
	told_is(0, 0, 1, XK_OVERLOADED);
	assert_int_equal(open_now(), 0);
	fetch(0, 2, 8);
	mikey(8);
	told_is(1, 0, 2, XK_OVERLOADED);
	assert_int_equal(w.n_told, 2);
	assert_int_equal(tick(ALIVE_MS), ERR_CLOSED);
}

static void
tickets_have_a_bound_in_octets(void **state)
{
	const size_t each = 8 + 7 * 2 + 3 * MAX_MIKEY;
	struct xkc_counts c;
	uint32_t n = 0;

	(void)state;
	while (mikey_of(EPOCH, n, 1, MAX_MIKEY) == ERR_OK)
		n++;
	assert_int_equal(n, XKC_OCTETS / each);
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, n);
	assert_int_equal(c.octets, n * each);
	assert_int_equal(mikey_of(EPOCH, n, 1, MAX_MIKEY), ERR_FULL);
	/* One that is there already makes room for itself. */
	assert_int_equal(mikey_of(EPOCH, 3, 1, MAX_MIKEY), ERR_OK);
	xkc_asks_gone(w.asks, 5);
	assert_int_equal(mikey_of(EPOCH, n, 1, MAX_MIKEY), ERR_OK);
	assert_int_equal(mikey_of(EPOCH + 1, n, 1, 40), ERR_OK);
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, 1);
	assert_int_equal(c.octets, 8 + 7 * 2 + 3 * 40);
}

static void
tickets_have_a_bound_in_number(void **state)
{
	struct xkc_counts c;

	(void)state;
	for (uint32_t i = 0; i < 2 * XKC_TICKETS; i++)
		assert_int_equal(mikey_of(EPOCH, i, 1, 4), ERR_OK);
	xkc_asks_count(w.asks, &c);
	assert_int_equal(c.tickets, XKC_TICKETS);
}

/* ---- a server that breaks the protocol ---- */

static void
an_answer_to_nothing_is_none(void **state)
{
	(void)state;
	assert_int_equal(keys(1, 1), ERR_MISMATCH);
	up();
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(keys(w.sent[0].id + 1, 1), ERR_MISMATCH);
	assert_int_equal(keys(0, 1), ERR_MISMATCH);
	assert_int_equal(refusal(w.sent[0].id + 1, XK_OVERLOADED),
	    ERR_MISMATCH);
	assert_int_equal(refusal(0, XK_UNAVAILABLE), ERR_MISMATCH);
	assert_int_equal(alive_answer(w.sent[0].id), ERR_MISMATCH);
	assert_int_equal(alive_answer(0), ERR_MISMATCH);
	assert_int_equal(w.n_told, 0);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_OK);
	assert_int_equal(w.n_told, 1);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_MISMATCH);
	assert_int_equal(refusal(w.sent[0].id, XK_OVERLOADED), ERR_MISMATCH);
	assert_int_equal(w.n_told, 1);
}

static void
keys_do_not_answer_a_keep_alive(void **state)
{
	(void)state;
	up();
	assert_int_equal(tick(ALIVE_MS), ERR_OK);
	assert_int_equal(keys(w.sent[0].id, 1), ERR_MISMATCH);
	assert_int_equal(refusal(w.sent[0].id, XK_UNAVAILABLE), ERR_MISMATCH);
	assert_int_equal(alive_answer(w.sent[0].id), ERR_OK);
	assert_int_equal(alive_answer(w.sent[0].id), ERR_MISMATCH);
}

static void
malformed_0_is_the_end(void **state)
{
	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	assert_int_equal(refusal(0, XK_MALFORMED), ERR_DENIED);
	assert_int_equal(w.n_told, 0);
	xkc_asks_down(w.asks);
	told_is(0, 0, 1, XK_UNAVAILABLE);
}

static void
a_server_asks_nothing(void **state)
{
	struct xk_get_keys k = {.curve = 0};
	uint8_t *der;
	size_t len;

	(void)state;
	up();
	assert_int_equal(xk_encode_keep_alive(5, XK_KEEP_ALIVE, &der, &len),
	    ERR_OK);
	assert_int_equal(take(der, len), ERR_UNSUPPORTED);
	xk_der_free(&der, len);
	rd_init(&k.public_kms_identity, "x", 1);
	rd_init(&k.i_message1, mess, 1);
	rd_init(&k.r_message1, mess, 1);
	assert_int_equal(xk_encode_get_keys(5, &k, &der, &len), ERR_OK);
	assert_int_equal(take(der, len), ERR_UNSUPPORTED);
	xk_der_free(&der, len);
}

static void
what_is_no_pdu_is_the_end(void **state)
{
	const uint8_t no_sequence[] = {0x31, 0x00}, empty[] = {0x30, 0x00};
	const uint8_t long_form[] = {0x30, 0x81, 0x05};
	const uint8_t too_long[] = {0x30, 0x83, 0xff, 0xff, 0xff};

	(void)state;
	up();
	assert_int_equal(take(no_sequence, 2), ERR_MALFORMED);
	assert_int_equal(take(empty, 2), ERR_MALFORMED);
	assert_int_equal(take(long_form, 3), ERR_MALFORMED);
	assert_int_equal(take(too_long, 5), ERR_TOOBIG);
}

/* ---- the stream ---- */

static void
pdus_come_in_pieces_and_together(void **state)
{
	uint8_t in[4096];
	uint8_t *a, *b;
	size_t a_len, b_len, have;

	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	fetch(0, 2, 7);
	a = keys_der(w.sent[0].id, 1, &a_len);
	b = keys_der(w.sent[1].id, 2, &b_len);
	/* Octet by octet the first one, and a part of the second with it. */
	for (have = 0; have < a_len - 1;) {
		in[have] = a[have];
		have++;
		assert_int_equal(xkc_asks_take(w.asks, in, &have), ERR_OK);
		assert_int_equal(w.n_told, 0);
	}
	in[have++] = a[a_len - 1];
	memcpy(in + have, b, 3);
	have += 3;
	assert_int_equal(xkc_asks_take(w.asks, in, &have), ERR_OK);
	assert_int_equal(w.n_told, 1);
	assert_int_equal(have, 3);
	assert_memory_equal(in, b, 3);
	/* What was read is in the buffer no longer. */
	for (size_t i = 3; i < a_len + 3; i++)
		assert_int_equal(in[i], 0);
	memcpy(in + 3, b + 3, b_len - 3);
	have = b_len;
	assert_int_equal(xkc_asks_take(w.asks, in, &have), ERR_OK);
	assert_int_equal(have, 0);
	assert_int_equal(w.n_told, 2);
	xk_der_free(&a, a_len);
	xk_der_free(&b, b_len);
}

static void
prefix(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	size_t left = len;

	memcpy(copy, p, len);
	assert_int_equal(xkc_asks_take(w.asks, copy, &left), ERR_OK);
	assert_int_equal(left, len);
	assert_memory_equal(copy, p, len);
	free(copy);
}

static void
no_prefix_is_an_answer(void **state)
{
	uint8_t *der;
	size_t len;

	(void)state;
	up();
	mikey(7);
	fetch(0, 1, 7);
	der = keys_der(w.sent[0].id, 1, &len);
	each_prefix(der, len, prefix);
	assert_int_equal(w.n_told, 0);
	/* One octet off: no keys, whatever else it is. */
	for (size_t i = 0; i < len; i++) {
		uint8_t copy[1024];
		size_t left = len;

		memcpy(copy, der, len);
		copy[i] ^= 0x80;
		if (xkc_asks_take(w.asks, copy, &left) == ERR_OK &&
		    w.n_told > 0) {
			told_is(0, 0, 1, XK_GRANTED); /* a key's own octet */
			w.n_told = w.n_sent = 0;
			fetch(0, 1, 7);
			xk_der_free(&der, len);
			der = keys_der(w.sent[0].id, 1, &len);
		}
	}
	xk_der_free(&der, len);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(messages_then_a_worker_make_a_request),
	    T(a_worker_then_messages_make_the_same),
	    T(all_seven_messages_go_in_their_places),
	    T(a_ticket_serves_several_warrants),
	    T(each_reason_is_passed_on),
	    T(without_a_connection_it_is_unavailable),
	    T(without_messages_it_is_unavailable_soon),
	    T(messages_that_have_gone_are_not_there),
	    T(those_of_another_epoch_are_not_meant),
	    T(a_later_ticket_takes_the_place),
	    T(what_is_no_request_is_malformed),
	    T(no_answer_in_time_is_unavailable),
	    T(new_times_are_for_what_comes),
	    T(a_server_that_never_answers_is_dead),
	    T(the_first_answer_must_come_soon),
	    T(keep_alives_are_sent_and_two_without_answer_are_the_end),
	    T(a_late_keep_alive_still_counts),
	    T(a_lost_connection_makes_all_unavailable),
	    T(a_worker_that_has_gone_is_forgotten),
	    T(a_fetch_is_not_there_twice),
	    T(no_more_than_so_many_requests),
	    T(no_request_has_the_number_0),
	    T(a_server_that_does_not_read_is_overloaded),
	    T(tickets_have_a_bound_in_octets),
	    T(tickets_have_a_bound_in_number),
	    T(an_answer_to_nothing_is_none),
	    T(keys_do_not_answer_a_keep_alive),
	    T(malformed_0_is_the_end),
	    T(a_server_asks_nothing),
	    T(what_is_no_pdu_is_the_end),
	    T(pdus_come_in_pieces_and_together),
	    T(no_prefix_is_an_answer),
	};

	return cmocka_run_group_tests_name("xkc_asks", tests, NULL, NULL);
}
