/*
 * deliver, with integrity: against a model of a LEMF (lemf_model.h).  First
 * what each rule and option promises, then random runs: octets cut anywhere,
 * connections lost in mid-PDU, answers late or never, signatures that cannot
 * be had.  What is delivered has come, in order, and all comes in the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hi2/deliver.h"
#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "lemf_model.h"

#define WALL 1700000100
#define TIME1 120000
#define TIME2 30000
#define TIME3 60000

static struct model_lemf m;

/* The queue and the connection. */
static struct world {
	struct deliver *d;
	int64_t now;
	struct model_stream way; /* written, and not come */
	unsigned cursor; /* records given on this connection */
	unsigned begin; /* the first of it that is not delivered */
	unsigned sent, delivered; /* so many */
	unsigned silent, answers, declined;
	bool signs; /* DELIVER_SIGN is answered at once */
	struct {
		uint64_t number;
		uint8_t sig[128];
		size_t len;
	} pending[16];
	unsigned n_pending;
	enum level need;
} w;

/* Numbers have gaps. */
static uint64_t
number_of(unsigned i)
{
	return 10 + 3 * (uint64_t)i;
}

static struct deliver_config
config(enum deliver_rule rule)
{
	return (struct deliver_config){.profile = m.profile,
	    .rule = rule,
	    .time1 = TIME1,
	    .time2 = TIME2,
	    .time3 = TIME3,
	    .hash_pdus = 4,
	    .hash_ms = 1000,
	    .sign_hashes = 3,
	    .sign_ms = 5000,
	    .key = {1, 2, 3}};
}

static void
begin(const struct deliver_config *c, unsigned n, unsigned resets)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.signs = true;
	w.need = c->rule == DELIVER_SENT ? AT_NOTHING : AT_RECEIVED;
	if (c->rule != DELIVER_SENT && c->integrity == DELIVER_HASH)
		w.need = AT_HASHED;
	if (c->rule != DELIVER_SENT && c->integrity == DELIVER_SIGNATURE)
		w.need = AT_SIGNED;
	if (m.key == NULL || m.n_records != n || resets > 0) {
		model_done(&m);
		model_init(&m, n, resets);
	}
	for (unsigned i = 0; i < n; i++)
		m.records[i].level = AT_NOTHING;
	m.accepts = true;
	m.mute = m.mute_options = false;
	m.keep_alives = m.requests = m.responses = 0;
	assert_int_equal(deliver_new(c, &w.d), ERR_OK);
}

static void
end(void)
{
	deliver_free(&w.d);
	assert_null(w.d);
}

static void
on_delivered(uint64_t number)
{
	while (w.delivered < w.cursor && number_of(w.delivered) <= number) {
		assert_true(w.delivered < w.sent);
		assert_true(w.need == AT_NOTHING ||
		    m.records[w.delivered].level >= w.need);
		w.delivered++;
	}
	assert_true(w.delivered > 0 && number_of(w.delivered - 1) == number);
}

static void
on_sign(const struct deliver_event *e)
{
	uint8_t sig[128];
	struct rd r;

	assert_true(w.n_pending < 16);
	rd_init(&r, sig, model_sign(&m, e->octets, sig));
	if (w.signs) {
		assert_int_equal(deliver_signature(w.d, e->number, r, w.now,
				     WALL),
		    ERR_OK);
		return;
	}
	w.pending[w.n_pending].number = e->number;
	w.pending[w.n_pending].len = r.left;
	memcpy(w.pending[w.n_pending++].sig, sig, r.left);
}

static void
events(void)
{
	struct deliver_event e;

	while (deliver_next(w.d, &e))
		switch (e.what) {
		case DELIVER_SENT_TO:
			while (
			    w.sent < w.cursor && number_of(w.sent) <= e.number)
				w.sent++;
			assert_int_equal(number_of(w.sent - 1), e.number);
			break;
		case DELIVER_DELIVERED_TO:
			on_delivered(e.number);
			break;
		case DELIVER_SILENT:
			w.silent++;
			break;
		case DELIVER_ANSWERS:
			w.answers++;
			break;
		case DELIVER_DECLINED:
			w.declined++;
			break;
		case DELIVER_SIGN:
			on_sign(&e);
			break;
		}
}

static void
up(void)
{
	w.way.len = 0;
	model_connect(&m);
	w.cursor = w.begin = w.sent = w.delivered;
	assert_int_equal(deliver_up(w.d, w.now, WALL), ERR_OK);
}

static enum err
put(void)
{
	const struct model_record *r = &m.records[w.cursor];
	struct rd pdu;
	enum err rc;

	if (w.cursor == m.n_records)
		return ERR_NOTFOUND;
	rd_init(&pdu, r->octets, r->len);
	rc = deliver_put(w.d, number_of(w.cursor), pdu, w.now, WALL);
	if (rc == ERR_OK)
		w.cursor++;
	return rc;
}

/* At most n octets of what is to be written. */
static size_t
write_some(size_t n)
{
	struct rd out = deliver_out(w.d);

	if (n > out.left)
		n = out.left;
	if (n > 0)
		stream_put(&w.way, out.p, n);
	deliver_wrote(w.d, n, w.now);
	events();
	return n;
}

static void
arrive(size_t n)
{
	if (n > w.way.len)
		n = w.way.len;
	model_take(&m, w.way.octets, n);
	stream_drop(&w.way, n);
	if (m.n_got > 0)
		assert_int_equal(m.got[0], w.begin);
}

static enum err
answers(size_t n)
{
	struct why why = {""};
	struct rd in;
	enum err rc;

	if (n > m.back.len)
		n = m.back.len;
	rd_init(&in, m.back.octets, n);
	rc = deliver_take(w.d, in, w.now, WALL, &why);
	assert_true((rc == ERR_OK) == (why.text[0] == '\0'));
	stream_drop(&m.back, n);
	events();
	return rc;
}

/* Everything there and back, until nothing more comes. */
static void
flow(void)
{
	do {
		while (write_some(SIZE_MAX) > 0)
			;
		arrive(SIZE_MAX);
		assert_int_equal(answers(SIZE_MAX), ERR_OK);
	} while (deliver_out(w.d).left > 0 || m.back.len > 0);
}

/* Time goes on to what is due, or by ms. */
static enum err
pass(int64_t ms)
{
	const int64_t until = w.now + ms;
	struct why why = {""};
	enum err rc = ERR_OK;

	while (rc == ERR_OK && deliver_due(w.d) <= until) {
		if (deliver_due(w.d) > w.now)
			w.now = deliver_due(w.d);
		rc = deliver_tick(w.d, w.now, WALL, &why);
		events();
		if (rc == ERR_OK && deliver_due(w.d) <= w.now)
			flow();
		assert_true(rc != ERR_OK || deliver_due(w.d) > w.now);
	}
	if (rc == ERR_OK)
		w.now = until;
	assert_true((rc == ERR_OK) == (why.text[0] == '\0'));
	return rc;
}

/* ---- rules ---- */

static void
sent_is_delivered_when_written(void **state)
{
	const struct deliver_config c = config(DELIVER_SENT);

	(void)state;
	begin(&c, 40, 0);
	assert_int_equal(put(), ERR_AGAIN); /* no connection */
	up();
	assert_true(deliver_open(w.d));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put(), ERR_OK);
	(void)write_some(m.records[0].len + m.records[1].len - 1);
	assert_int_equal(w.sent, 1);
	assert_int_equal(w.delivered, 1);
	(void)write_some(1);
	assert_int_equal(w.delivered, 2);
	flow();
	assert_int_equal(w.delivered, 3);
	assert_int_equal(m.n_got, 3);
	assert_int_equal(m.keep_alives, 0);
	end();
}

static void
keep_alive_behind_records_delivers(void **state)
{
	const struct deliver_config c = config(DELIVER_KEEPALIVE);

	(void)state;
	begin(&c, 40, 0);
	up();
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(put(), ERR_OK);
	while (write_some(SIZE_MAX) > 0)
		;
	arrive(SIZE_MAX);
	assert_int_equal(w.sent, 5);
	assert_int_equal(w.delivered, 0);
	assert_int_equal(m.keep_alives, 1); /* behind the first */
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	assert_int_equal(w.delivered, 1);
	assert_int_equal(pass(1000), ERR_OK);
	flow();
	assert_int_equal(w.delivered, 5);
	assert_int_equal(m.keep_alives, 2); /* and none for each */
	end();
}

static void
acknowledgement_is_asked_for_and_delivers(void **state)
{
	const struct deliver_config c = config(DELIVER_ACKNOWLEDGED);

	(void)state;
	begin(&c, 40, 0);
	up();
	assert_false(deliver_open(w.d));
	assert_int_equal(put(), ERR_AGAIN);
	flow();
	assert_true(deliver_open(w.d));
	assert_int_equal(put(), ERR_OK);
	flow();
	assert_int_equal(w.delivered, 1);
	assert_int_equal(m.requests, 1);
	end();
}

static void
keep_alives_do_not_acknowledge(void **state)
{
	struct deliver_config c = config(DELIVER_ACKNOWLEDGED);

	(void)state;
	c.time1 = 10;
	begin(&c, 40, 0);
	up();
	flow();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(put(), ERR_OK);
		flow();
	}
	assert_int_equal(pass(10), ERR_OK);
	flow();
	assert_int_equal(m.keep_alives, 1);
	assert_int_equal(m.requests, 1);
	assert_int_equal(w.delivered, 1);
	assert_int_equal(pass(100), ERR_OK);
	flow();
	assert_int_equal(w.delivered, 2);
	end();
}

static void
declined_and_unanswered_options_fall_back(void **state)
{
	const struct deliver_config c = config(DELIVER_ACKNOWLEDGED);

	(void)state;
	for (int unanswered = 0; unanswered < 2; unanswered++) {
		begin(&c, 40, 0);
		m.accepts = false;
		m.mute_options = unanswered == 1;
		up();
		flow();
		assert_int_equal(deliver_open(w.d), unanswered == 0);
		assert_int_equal(pass(unanswered * TIME2), ERR_OK);
		flow();
		assert_true(deliver_open(w.d));
		assert_int_equal(w.declined, 1);
		assert_int_equal(put(), ERR_OK);
		flow();
		assert_int_equal(w.delivered, 1);
		assert_int_equal(m.requests, 0);
		if (unanswered == 1) { /* too late does no harm, twice does */
			model_say(&m,
			    &(struct tri){.kind = TRI_OPTION_RESPONSE,
				.u.answer = {true, false}},
			    0);
			assert_int_equal(answers(SIZE_MAX), ERR_OK);
			assert_int_equal(w.declined, 1);
			model_say(&m,
			    &(struct tri){.kind = TRI_OPTION_RESPONSE,
				.u.answer = {true, false}},
			    0);
			assert_int_equal(answers(SIZE_MAX), ERR_MISMATCH);
		}
		end();
	}
}

static void
what_was_not_delivered_comes_again(void **state)
{
	const struct deliver_config c = config(DELIVER_KEEPALIVE);

	(void)state;
	begin(&c, 40, 0);
	up();
	assert_int_equal(put(), ERR_OK);
	flow();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put(), ERR_OK);
	(void)write_some(m.records[1].len + 10); /* reset in mid-PDU */
	arrive(SIZE_MAX);
	deliver_down(w.d);
	assert_int_equal(deliver_out(w.d).left, 0);
	assert_int_equal(deliver_due(w.d), INT64_MAX);
	assert_int_equal(put(), ERR_AGAIN);
	assert_int_equal(w.delivered, 1);
	up();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put(), ERR_OK);
	flow();
	assert_int_equal(pass(1000), ERR_OK);
	flow();
	assert_int_equal(w.delivered, 4);
	end();
}

/* ---- time ---- */

static void
idle_connections_are_kept_alive(void **state)
{
	const struct deliver_config c = config(DELIVER_SENT);

	(void)state;
	begin(&c, 40, 0);
	up();
	assert_int_equal(deliver_due(w.d), w.now + TIME1);
	for (unsigned i = 1; i < 10; i++) {
		assert_int_equal(pass(TIME1), ERR_OK);
		flow();
		assert_int_equal(m.keep_alives, i);
		assert_int_equal(deliver_due(w.d), w.now + TIME1);
	}
	w.now += TIME1 - 1;
	assert_int_equal(put(), ERR_OK);
	flow();
	assert_int_equal(deliver_due(w.d), w.now + TIME1);
	assert_int_equal(w.silent, 0);
	end();
}

static void
silence_is_told_and_ends(void **state)
{
	const struct deliver_config c = config(DELIVER_KEEPALIVE);
	const int64_t start = 1000000;

	(void)state;
	begin(&c, 40, 0);
	up();
	m.mute = true;
	assert_int_equal(put(), ERR_OK);
	flow();
	assert_int_equal(pass(TIME2 - 1), ERR_OK);
	assert_int_equal(w.silent, 0);
	assert_int_equal(pass(1), ERR_OK);
	assert_int_equal(w.silent, 1);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 0);
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	assert_int_equal(w.answers, 1);
	assert_int_equal(w.delivered, 1);
	assert_int_equal(put(), ERR_OK);
	flow();
	w.now = start + TIME2;
	assert_int_equal(pass(TIME3 - 1), ERR_OK);
	assert_int_equal(w.silent, 2);
	assert_int_equal(pass(1), ERR_CLOSED);
	assert_int_equal(w.now, start + TIME2 + TIME3);
	end();
}

/* Half open: octets are taken by nobody. */
static void
a_stalled_connection_is_given_up(void **state)
{
	const struct deliver_config c = config(DELIVER_SENT);

	(void)state;
	begin(&c, 40, 0);
	up();
	assert_int_equal(put(), ERR_OK);
	w.now += TIME2 - 1;
	assert_int_equal(write_some(1), 1); /* slow is not silent */
	w.now += TIME2 - 1;
	assert_int_equal(deliver_tick(w.d, w.now, WALL, NULL), ERR_OK);
	events();
	assert_int_equal(w.silent, 0);
	w.now += 1;
	assert_int_equal(deliver_tick(w.d, w.now, WALL, NULL), ERR_OK);
	events();
	assert_int_equal(w.silent, 1);
	assert_int_equal(write_some(1), 1);
	assert_int_equal(w.answers, 1);
	w.now += TIME3;
	assert_int_equal(deliver_tick(w.d, w.now, WALL, NULL), ERR_CLOSED);
	end();
}

/* ---- what an LEMF may say ---- */

static void
its_keep_alives_are_answered(void **state)
{
	const struct deliver_config c = config(DELIVER_SENT);

	(void)state;
	begin(&c, 40, 0);
	up();
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE}, 0xfffffffe);
	flow();
	assert_int_equal(m.responses, 1);
	assert_int_equal(m.last_response, 0xfffffffe);
	for (unsigned i = 0; i < 1000; i++) {
		model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE}, i);
		flow();
	}
	assert_int_equal(m.responses, 1001);
	for (unsigned i = 0; i < 64; i++)
		model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE}, i);
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE}, 0);
	assert_int_equal(answers(SIZE_MAX), ERR_TOOBIG);
	end();
}

static void
what_was_not_asked_is_not_answered(void **state)
{
	static const enum tri_kind kinds[] = {TRI_KEEP_ALIVE_RESPONSE,
	    TRI_ACKNOWLEDGEMENT_RESPONSE, TRI_OPTION_RESPONSE};
	const struct deliver_config c = config(DELIVER_KEEPALIVE);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned when = 0; when < 3; when++) {
			begin(&c, 40, 0);
			up();
			m.mute = true;
			if (when > 0)
				assert_int_equal(put(), ERR_OK);
			if (when > 1)
				flow();
			/* Not asked, not yet written, another number. */
			model_say(&m, &(struct tri){.kind = kinds[i]},
			    when > 1 ? 1 : 0);
			assert_int_equal(answers(SIZE_MAX), ERR_MISMATCH);
			assert_int_equal(w.delivered, 0);
			end();
		}
}

/* Several are under way; the LEMF answers the last, then those before. */
static void
answers_in_another_order_are_taken(void **state)
{
	const struct deliver_config c = config(DELIVER_KEEPALIVE);
	static uint8_t big[300000], sip[262144];
	struct iri_record r = {.event = IRI_SIP, .seconds = 1700000000};
	struct rd pdu;
	size_t len;

	(void)state;
	begin(&c, 40, 0);
	up();
	rd_init(&r.liid, "L", 1);
	rd_init(&r.sip, sip, sizeof(sip));
	assert_int_equal(iri_encode(&m.profile, &r, big, sizeof(big), &len),
	    ERR_OK);
	rd_init(&pdu, big, len);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(deliver_put(w.d, number_of(w.cursor++), pdu,
				     w.now, WALL),
		    ERR_OK);
	while (deliver_out(w.d).left > 0)
		deliver_wrote(w.d, deliver_out(w.d).left, w.now);
	events();
	assert_int_equal(w.sent, 8);
	for (unsigned i = 0; i < 8; i++)
		m.records[i].level = AT_RECEIVED;
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 4);
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	assert_int_equal(w.delivered, 5);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 1);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 0);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 7);
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	assert_int_equal(w.delivered, 8);
	model_say(&m, &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE}, 1);
	assert_int_equal(answers(SIZE_MAX), ERR_MISMATCH);
	end();
}

static void
hostile_octets_end_the_connection(void **state)
{
	static const struct {
		uint8_t octets[8];
		size_t len, zeros; /* repeated behind */
		enum err rc;
	} all[] = {{{0x31}, 1, 0, ERR_MALFORMED},
	    {{0x30, 2, 5, 0}, 4, 0, ERR_MALFORMED},
	    {{0x30, 0x83, 1, 0, 0}, 5, 0, ERR_TOOBIG},
	    {{0x30, 0x82, 0xff, 0xfd}, 4, 0, ERR_TOOBIG},
	    {{0x30, 0x82, 0xff, 0xfc}, 4, 65531, ERR_OK},
	    {{0x30, 0x80, 0x04, 0x82, 0xff, 0xf9}, 6, 65529, ERR_OK},
	    {{0x30, 0x80, 0x04, 0x82, 0xff, 0xfb}, 6, 0, ERR_TOOBIG}};
	const struct deliver_config c = config(DELIVER_SENT);

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (unsigned piece = all[i].zeros > 0 ? 211 : 1; piece < 99999;
		     piece *= 31) {
			static uint8_t zeros[100000];
			enum err rc;

			begin(&c, 40, 0);
			up();
			stream_put(&m.back, all[i].octets, all[i].len);
			stream_put(&m.back, zeros, all[i].zeros);
			do
				rc = answers(piece);
			while (rc == ERR_OK && m.back.len > 0);
			assert_int_equal(rc, all[i].rc);
			end();
		}
}

static void
what_is_no_business_of_ours_is_let_through(void **state)
{
	static const uint8_t other[] = {0x30, 0x0d, 0xa1, 0x03, 0x84, 0x01,
	    0x07, 0xa2, 0x06, 0xa2, 0x04, 0x9f, 0x50, 0x01, 0x00};
	const struct deliver_config c = config(DELIVER_SENT);
	struct tri t = {.kind = TRI_OPERATOR_LEA_MESSAGE,
	    .u.message = {.priority = TRI_ERROR}};

	(void)state;
	begin(&c, 40, 0);
	up();
	rd_init(&t.u.message.text, "Hello", 5);
	model_say(&m, &t, 5);
	model_say(&m, &(struct tri){.kind = TRI_TEST}, 5);
	stream_put(&m.back, other, sizeof(other));
	stream_put(&m.back, m.records[0].octets, m.records[0].len);
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
	assert_int_equal(deliver_out(w.d).left, 0);
	end();
}

/* ---- limits ---- */

static void
the_window_ends(void **state)
{
	const struct deliver_config c = config(DELIVER_KEEPALIVE);
	struct rd pdu;

	(void)state;
	begin(&c, 40, 0);
	up();
	rd_init(&pdu, m.records[0].octets, m.records[0].len);
	for (unsigned i = 0; i < DELIVER_WINDOW_RECORDS; i++)
		assert_int_equal(deliver_put(w.d, i, pdu, w.now, WALL), ERR_OK);
	assert_int_equal(deliver_put(w.d, 9000, pdu, w.now, WALL), ERR_FULL);
	assert_int_equal(deliver_put(w.d, 5, pdu, w.now, WALL), ERR_MALFORMED);
	pdu.left--;
	assert_int_equal(deliver_put(w.d, 9000, pdu, w.now, WALL),
	    ERR_MALFORMED);
	end();
}

static void
configurations_are_checked(void **state)
{
	const struct deliver_config good = config(DELIVER_KEEPALIVE);
	struct deliver_config c;
	struct deliver *d = NULL;

	(void)state;
#define BAD(change) \
	do { \
		c = good; \
		c.integrity = DELIVER_SIGNATURE; \
		change; \
		assert_int_equal(deliver_new(&c, &d), ERR_MALFORMED); \
		assert_null(d); \
	} while (0)
	BAD(c.profile.operator_id[0] = '\0');
	BAD(c.time1 = -1);
	BAD(c.time2 = 0);
	BAD(c.time3 = TIME2 - 1);
	BAD(c.hash_pdus = 0);
	BAD(c.hash_pdus = DELIVER_WINDOW_RECORDS + 1);
	BAD(c.hash_ms = 0);
	BAD(c.sign_hashes = 0);
	BAD(c.sign_hashes = 1025);
	BAD(c.sign_ms = 0);
	c = good;
	c.rule = DELIVER_SENT;
	c.time1 = c.time2 = c.time3 = 0;
	assert_int_equal(deliver_new(&c, &d), ERR_OK);
	deliver_free(&d);
	deliver_free(&d);
}

/* ---- integrity ---- */

static void
records_wait_for_their_integrity(void **state)
{
	struct deliver_config c = config(DELIVER_KEEPALIVE);

	(void)state;
	for (unsigned i = DELIVER_HASH; i <= DELIVER_SIGNATURE; i++) {
		c.integrity = (enum deliver_integrity)i;
		begin(&c, 40, 0);
		up();
		for (unsigned n = 0; n < 7; n++)
			assert_int_equal(put(), ERR_OK);
		flow();
		assert_int_equal(pass(999), ERR_OK);
		flow();
		assert_int_equal(w.sent, 7);
		assert_int_equal(w.delivered, 0);
		assert_int_equal(pass(201), ERR_OK);
		flow();
		assert_int_equal(m.n_hashes, 5); /* one for each group */
		assert_int_equal(w.delivered, i == DELIVER_HASH ? 7 : 0);
		assert_int_equal(pass(5100), ERR_OK);
		flow();
		assert_int_equal(w.delivered, 7);
		end();
	}
}

static void
a_signature_that_cannot_be_had_is_asked_for_again(void **state)
{
	struct deliver_config c = config(DELIVER_KEEPALIVE);
	const struct rd none = {NULL, 0};
	struct rd sig;

	(void)state;
	c.integrity = DELIVER_SIGNATURE;
	begin(&c, 40, 0);
	w.signs = false;
	up();
	assert_int_equal(put(), ERR_OK);
	assert_int_equal(pass(7000), ERR_OK);
	assert_int_equal(w.n_pending, 1);
	for (unsigned i = 0; i < 3; i++) {
		w.n_pending = 0;
		assert_int_equal(deliver_signature(w.d, w.pending[0].number,
				     none, w.now, WALL),
		    ERR_OK);
		events();
		assert_int_equal(w.n_pending, 0);
		assert_int_equal(deliver_due(w.d), w.now + 1000);
		assert_int_equal(pass(1000), ERR_OK);
		assert_int_equal(w.n_pending, 1);
	}
	rd_init(&sig, w.pending[0].sig, w.pending[0].len);
	assert_int_equal(deliver_signature(w.d, w.pending[0].number + 1, sig,
			     w.now, WALL),
	    ERR_MISMATCH);
	sig.left = 513;
	assert_int_equal(deliver_signature(w.d, w.pending[0].number, sig, w.now,
			     WALL),
	    ERR_TOOBIG);
	sig.left = w.pending[0].len;
	assert_int_equal(deliver_signature(w.d, w.pending[0].number, sig, w.now,
			     WALL),
	    ERR_OK);
	assert_int_equal(deliver_signature(w.d, w.pending[0].number, sig, w.now,
			     WALL),
	    ERR_OK); /* twice is as late */
	flow();
	assert_int_equal(pass(200), ERR_OK);
	flow();
	assert_int_equal(w.delivered, 1);
	end();
}

/* What was written is read by one that answers keep-alives alone. */
static void
answer_keep_alives(unsigned *n_checks)
{
	struct ber_frame f = {0};
	struct rd have, pdu;
	struct ps_pdu p;
	struct tri t;
	size_t len;

	while (write_some(SIZE_MAX) > 0)
		;
	rd_init(&have, w.way.octets, w.way.len);
	while (ps_pdu_frame(&f, have, 1 << 19, &len) == ERR_OK) {
		assert_int_equal(rd_view(&have, len, &pdu), ERR_OK);
		assert_int_equal(ps_pdu_read(pdu, &p), ERR_OK);
		if (p.kind != PS_TRI)
			continue;
		assert_int_equal(tri_read(p.payload, &t), ERR_OK);
		*n_checks += t.kind == TRI_INTEGRITY_CHECK ? 1 : 0;
		if (t.kind == TRI_KEEP_ALIVE)
			model_say(&m,
			    &(struct tri){.kind = TRI_KEEP_ALIVE_RESPONSE},
			    p.sequence);
	}
	w.way.len = 0;
	assert_int_equal(answers(SIZE_MAX), ERR_OK);
}

/* With times for integrity as long as may be: the window moves. */
static void
a_full_window_closes_its_hashes(void **state)
{
	struct deliver_config c = config(DELIVER_KEEPALIVE);
	struct rd pdu;

	(void)state;
	c.hash_ms = c.sign_ms = 86400000;
	c.hash_pdus = DELIVER_WINDOW_RECORDS;
	c.sign_hashes = 1024;
	for (unsigned k = DELIVER_HASH; k <= DELIVER_SIGNATURE; k++) {
		unsigned n_checks = 0;

		c.integrity = (enum deliver_integrity)k;
		begin(&c, 40, 0);
		w.need = AT_NOTHING;
		up();
		rd_init(&pdu, m.records[0].octets, m.records[0].len);
		for (unsigned i = 0; i < 10000; i++) {
			assert_int_equal(deliver_put(w.d, number_of(w.cursor++),
					     pdu, w.now, WALL),
			    ERR_OK);
			events();
			answer_keep_alives(&n_checks);
		}
		assert_true(w.delivered > 8000);
		assert_true(n_checks <= 8); /* and not one for each */
		end();
	}
}

/* While a signature is waited for. */
static void
a_full_window_closes_its_hashes_once(void **state)
{
	struct deliver_config c = config(DELIVER_SENT);
	unsigned n_checks = 0;
	struct rd pdu;

	(void)state;
	c.integrity = DELIVER_SIGNATURE;
	c.hash_pdus = DELIVER_WINDOW_RECORDS;
	begin(&c, 40, 0);
	w.signs = false;
	up();
	rd_init(&pdu, m.records[0].octets, m.records[0].len);
	for (unsigned i = 0; i < DELIVER_WINDOW_RECORDS; i++) {
		assert_int_equal(deliver_put(w.d, number_of(w.cursor++), pdu,
				     w.now, WALL),
		    ERR_OK);
		events();
		answer_keep_alives(&n_checks);
	}
	assert_int_equal(w.n_pending, 1);
	assert_int_equal(n_checks, 1);
	assert_int_equal(w.delivered, 0);
	end();
}

/* ---- random runs ---- */

static uint64_t seed;

static unsigned
below(unsigned n)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static void
sign_pending(void)
{
	const unsigned i = below(w.n_pending);
	struct rd sig;

	rd_init(&sig, w.pending[i].sig, below(3) > 0 ? w.pending[i].len : 0);
	assert_int_equal(deliver_signature(w.d, w.pending[i].number, sig, w.now,
			     WALL),
	    ERR_OK);
	w.pending[i] = w.pending[--w.n_pending];
	events();
}

/* One step of anything that can happen; false: the connection has gone. */
static bool
step(bool faults)
{
	enum err rc = ERR_OK;

	switch (below(8)) {
	case 0:
	case 1:
		rc = put();
		assert_true(
		    rc == ERR_OK || rc == ERR_AGAIN || rc == ERR_NOTFOUND);
		events();
		return true;
	case 2:
	case 3:
		(void)write_some(1 + below(below(2) ? 8 : 800));
		return true;
	case 4:
		arrive(1 + below(below(2) ? 8 : 800));
		return true;
	case 5:
		return answers(1 + below(below(2) ? 8 : 200)) == ERR_OK;
	case 6:
		if (w.n_pending > 0)
			sign_pending();
		if (!faults || below(50) > 0)
			return true;
		if (below(2) == 0)
			m.mute = !m.mute;
		return below(4) > 0;
	default:
		w.now += below(4) == 0 ? below(faults ? 40000 : 2000) : 1;
		rc = deliver_tick(w.d, w.now, WALL, NULL);
		assert_true(rc == ERR_OK || rc == ERR_CLOSED);
		events();
		return rc == ERR_OK;
	}
}

static void
run(const struct deliver_config *c, unsigned steps)
{
	unsigned connections = 0;

	begin(c, 60, 17);
	w.signs = false;
	while (w.delivered < m.n_records) {
		const bool faults = connections++ < 8;

		m.accepts = below(4) > 0;
		m.mute_options = faults && below(4) == 0;
		m.mute = false;
		assert_true(connections < 100);
		up();
		for (unsigned i = 0; w.delivered < m.n_records; i++) {
			if (faults && i == steps)
				break;
			assert_true(i < 200000);
			if (!step(faults))
				break;
		}
		deliver_down(w.d);
		events();
	}
	for (unsigned i = 0; i < m.n_records; i++)
		assert_true(m.records[i].level >= w.need);
	end();
}

static void
random_runs(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 36; n++) {
		struct deliver_config c = config((enum deliver_rule)(n % 3));

		seed = 0x9e3779b97f4a7c15 + n;
		c.integrity = (enum deliver_integrity)(n / 3 % 3);
		c.hash = (enum deliver_hash)(n / 9 % 3);
		c.hash_pdus = 1 + below(6);
		c.sign_hashes = 1 + below(4);
		c.hash_ms = 1 + below(3000);
		c.sign_ms = 1 + below(3000);
		run(&c, 300 + below(3000));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sent_is_delivered_when_written),
	    cmocka_unit_test(keep_alive_behind_records_delivers),
	    cmocka_unit_test(acknowledgement_is_asked_for_and_delivers),
	    cmocka_unit_test(keep_alives_do_not_acknowledge),
	    cmocka_unit_test(declined_and_unanswered_options_fall_back),
	    cmocka_unit_test(what_was_not_delivered_comes_again),
	    cmocka_unit_test(idle_connections_are_kept_alive),
	    cmocka_unit_test(silence_is_told_and_ends),
	    cmocka_unit_test(a_stalled_connection_is_given_up),
	    cmocka_unit_test(its_keep_alives_are_answered),
	    cmocka_unit_test(what_was_not_asked_is_not_answered),
	    cmocka_unit_test(answers_in_another_order_are_taken),
	    cmocka_unit_test(hostile_octets_end_the_connection),
	    cmocka_unit_test(what_is_no_business_of_ours_is_let_through),
	    cmocka_unit_test(the_window_ends),
	    cmocka_unit_test(configurations_are_checked),
	    cmocka_unit_test(records_wait_for_their_integrity),
	    cmocka_unit_test(a_signature_that_cannot_be_had_is_asked_for_again),
	    cmocka_unit_test(a_full_window_closes_its_hashes),
	    cmocka_unit_test(a_full_window_closes_its_hashes_once),
	    cmocka_unit_test(random_runs),
	};
	int rc;

	model_init(&m, 40, 0);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	model_done(&m);
	return rc;
}
