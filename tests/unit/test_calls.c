/*
 * calls: SIP messages in real text with MIKEY messages made up for the test:
 * their octets say what the caller's parser would find in them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "help.h"
#include "hi2/calls.h"
#include "base/siphash.h"

#define WAIT 4000
#define LINGER 10000
#define IDLE 3600000

static const uint8_t key[CALLS_KEY] = "a random secret";

/* ---- MIKEY messages ---- */

#define UPDATE 1 /* without RAND, or with V */
#define IBAKE 2
#define ESK 4
#define BROKEN 8

struct mk {
	uint8_t type; /* 22 to 25; 0: there is none */
	uint8_t csb, t, idrr, flags, salt;
};

static const struct mk none;

/* In the place of messages. */
#define NOTHING \
	{ \
		{ \
			0, 0, 0, 0, 0, 0 \
		} \
	}
#define I1(csb, t) \
	{ \
		22, csb, t, 'b', IBAKE, 0 \
	}
#define R1(csb, t, who) \
	{ \
		23, csb, t, who, IBAKE, 0 \
	}
#define I2(csb, t, who) \
	{ \
		24, csb, t, who, IBAKE, 0 \
	}
#define R2(csb, t, who) \
	{ \
		25, csb, t, who, 0, 0 \
	}
#define U1(csb, t) \
	{ \
		22, csb, t, 0, UPDATE | IBAKE, 0 \
	}
#define V1(csb, t) \
	{ \
		23, csb, t, 0, UPDATE | IBAKE, 0 \
	}

/* The octets are the structure itself. */
static struct mikey_seen
seen(const struct rd *octets)
{
	struct mikey_seen m = {.octets = *octets};
	struct mk k;

	assert_int_equal(octets->left, sizeof(k));
	memcpy(&k, octets->p, sizeof(k));
	m.sound = (k.flags & BROKEN) == 0;
	m.type = k.type;
	m.csb_id = k.csb;
	m.update = (k.flags & UPDATE) != 0;
	m.has_ibake = (k.flags & IBAKE) != 0;
	m.has_esk = (k.flags & ESK) != 0;
	m.ts = k.t;
	if (k.idrr != 0)
		rd_init(&m.idrr, octets->p + offsetof(struct mk, idrr), 1);
	return m;
}

static struct mk
mk_of(struct rd octets)
{
	struct mk k = none;

	if (octets.left > 0) {
		assert_int_equal(octets.left, sizeof(k));
		memcpy(&k, octets.p, sizeof(k));
	}
	return k;
}

/* ---- SIP messages ---- */

struct line {
	const char *first; /* a method, or a status and the method of CSeq */
	unsigned cseq;
	const char *from, *to; /* tags */
	struct mk m[3];
};

static size_t
put_text(char *out, size_t cap, const struct line *l, const char *call_id)
{
	char sdp[600] = "", first[100], method[20];
	int status = 0, n;

	if (sscanf(l->first, "%d %19s", &status, method) != 2) {
		(void)snprintf(method, sizeof(method), "%s", l->first);
		(void)snprintf(first, sizeof(first), "%s sip:b@h SIP/2.0",
		    method);
	} else {
		(void)snprintf(first, sizeof(first), "SIP/2.0 %d Said", status);
	}
	for (unsigned i = 0; i < 3 && l->m[i].type != 0; i++) {
		unsigned char b64[20];
		const size_t at = strlen(sdp);

		(void)EVP_EncodeBlock(b64, (const uint8_t *)&l->m[i],
		    sizeof(l->m[i]));
		(void)snprintf(sdp + at, sizeof(sdp) - at,
		    "%sa=key-mgmt:mikey %s\r\n",
		    i == 0 ? "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n"
			   : "m=audio 1 RTP/SAVP 0\r\n",
		    b64);
	}
	n = snprintf(out, cap,
	    "%s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u%s\r\n"
	    "From: <sip:a@h>;tag=%s\r\nTo: <sip:b@h>%s%s\r\nCall-ID: %s\r\n"
	    "CSeq: %u %s\r\nContent-Type: application/sdp\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    first, l->cseq, method, l->from,
	    *l->to == '\0' ? "" : ";tag=", l->to, call_id, l->cseq, method,
	    strlen(sdp), sdp);
	assert_true(n > 0 && (size_t)n < cap);
	return (size_t)n;
}

/* ---- a table and what it says ---- */

struct got {
	enum call_event_kind kind;
	uint64_t handle;
	bool update;
	int64_t seconds;
	uint8_t direction, correlation, xid;
	uint32_t csb_id;
	struct mk i1, r1, i2, r2, first_i1, first_r1, first_i2;
	char sip[40]; /* its first line */
	uint8_t sip_direction;
};

#define MOST_GOT 64

struct rig {
	struct calls *t;
	int64_t now;
	uint8_t xid, direction;
	const char *call_id;
	unsigned n;
	struct got got[MOST_GOT];
};

static struct calls_limits usual = {.most_calls = 1000,
    .most_octets = 4 * 1024 * 1024,
    .idle_ms = IDLE,
    .linger_ms = LINGER,
    .wait_ms = WAIT};

static struct rig
start_with(const struct calls_limits *limits)
{
	struct rig r = {.now = 1000000,
	    .xid = 1,
	    .direction = 3,
	    .call_id = "one@192.0.2.1"};

	assert_int_equal(calls_new(limits, key, &r.t), ERR_OK);
	return r;
}

static struct rig
start(void)
{
	return start_with(&usual);
}

static struct got
got_of(enum call_event_kind kind, const struct call_exchange_view *v)
{
	struct got g = {.kind = kind,
	    .handle = v->handle,
	    .update = v->update,
	    .seconds = v->seconds,
	    .direction = v->direction,
	    .correlation = v->correlation[0],
	    .xid = v->xid[0],
	    .csb_id = v->csb_id,
	    .i1 = mk_of(v->i1),
	    .r1 = mk_of(v->r1),
	    .i2 = mk_of(v->i2),
	    .r2 = mk_of(v->r2),
	    .first_i1 = mk_of(v->first_i1),
	    .first_r1 = mk_of(v->first_r1),
	    .first_i2 = mk_of(v->first_i2),
	    .sip_direction = v->sip_direction};

	for (size_t i = 0;
	     i < sizeof(g.sip) - 1 && i < v->sip.left && v->sip.p[i] != '\r';
	     i++)
		g.sip[i] = (char)v->sip.p[i];
	return g;
}

static void
fetch(struct rig *r)
{
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (calls_next(r->t, &kind, &v) == ERR_OK) {
		assert_true(r->n < MOST_GOT);
		r->got[r->n++] = got_of(kind, &v);
	}
	assert_true(calls_count(r->t).octets <= usual.most_octets);
}

static enum err
try(struct rig *r, const struct line *l)
{
	static char text[4000];
	struct mikey_seen m[SIP_MIKEY_MAX];
	struct sip_event e;
	struct sip_seen s = {.xid = {r->xid},
	    .correlation = {(uint8_t)r->now},
	    .direction = r->direction,
	    .seconds = r->now,
	    .event = &e,
	    .mikey = m};
	enum err rc;

	rd_init(&s.sip, text, put_text(text, sizeof(text), l, r->call_id));
	assert_int_equal(sip_event_read(s.sip, &e), ERR_OK);
	s.n_mikey = e.n_mikey;
	for (unsigned i = 0; i < e.n_mikey; i++)
		m[i] = seen(&e.mikey[i]);
	rc = calls_put(r->t, &s, r->now, NULL);
	memset(text, 0, sizeof(text)); /* the table has its own */
	return rc;
}

/* The next message, a second after the last. */
static void
hear(struct rig *r, const struct line *l)
{
	r->now += 1000;
	assert_int_equal(try(r, l), ERR_OK);
	fetch(r);
}

#define HEAR(r, ...) hear((r), &(const struct line){__VA_ARGS__})

static void
pass(struct rig *r, int64_t ms)
{
	r->now += ms;
	do {
		calls_tick(r->t, r->now);
		fetch(r);
	} while (calls_due(r->t, r->now) == 0);
}

static void
stop(struct rig *r)
{
	calls_free(&r->t);
	assert_null(r->t);
	calls_free(&r->t);
}

static void
assert_mk(struct mk got, struct mk want)
{
	assert_memory_equal(&got, &want, sizeof(got));
}

#define MK(...) ((struct mk)__VA_ARGS__)

/* As many events, the last of this kind. */
static const struct got *
assert_last(const struct rig *r, unsigned n, enum call_event_kind kind)
{
	assert_int_equal(r->n, n);
	assert_true(n > 0);
	assert_int_equal(r->got[n - 1].kind, kind);
	return &r->got[n - 1];
}

/* ---- complete exchanges ---- */

#define INVITE "INVITE", 1, "a", ""
#define RINGING "183 INVITE", 1, "a", "b"
#define PRACK "PRACK", 2, "a", "b"
#define PRACKED "200 PRACK", 2, "a", "b"
#define ANSWER "200 INVITE", 1, "a", "b"
#define ACK "ACK", 1, "a", "b"
#define BYE "BYE", 9, "a", "b"

static void
keys_are_due_when_i_message_2_comes(void **state)
{
	struct rig r = start();
	const struct got *g;

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	r.direction = 2;
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	assert_int_equal(r.n, 0);
	r.direction = 3;
	HEAR(&r, PRACK, {I2(7, 2, 'b')});
	g = assert_last(&r, 1, CALL_KEYS_DUE);
	assert_true(g->handle != 0);
	assert_int_equal(g->xid, 1);
	assert_int_equal(g->csb_id, 7);
	assert_false(g->update);
	assert_mk(g->i1, MK(I1(7, 1)));
	assert_mk(g->r1, MK(R1(7, 1, 'b')));
	assert_mk(g->i2, MK(I2(7, 2, 'b')));
	assert_mk(g->r2, none);
	assert_mk(g->first_i1, none);
	/* Of the message that completed it, and of that with I_MESSAGE_1. */
	assert_int_equal(g->seconds, r.now);
	assert_int_equal(g->correlation, (uint8_t)r.now);
	assert_int_equal(g->direction, 3);
	assert_string_equal(g->sip, "INVITE sip:b@h SIP/2.0");
	assert_int_equal(g->sip_direction, 3);
	HEAR(&r, PRACKED, {R2(7, 2, 'b')});
	HEAR(&r, ANSWER, NOTHING);
	HEAR(&r, ACK, NOTHING);
	pass(&r, 2 * WAIT);
	HEAR(&r, BYE, NOTHING);
	pass(&r, 2 * LINGER);
	assert_int_equal(r.n, 1);
	assert_int_equal(calls_count(r.t).calls, 0);
	stop(&r);
}

static void
an_answer_in_200_and_ack(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	HEAR(&r, ACK, {I2(7, 2, 'b')});
	(void)assert_last(&r, 1, CALL_KEYS_DUE);
	HEAR(&r, "INFO", 5, "b", "a", {R2(7, 2, 'b')});
	pass(&r, IDLE - 1);
	assert_int_equal(r.n, 1);
	stop(&r);
}

/* RFC 3261 clause 13.2.1: an INVITE without a body asks for an offer. */
static void
a_late_offer_of_the_callee(void **state)
{
	struct rig r = start();
	const struct got *g;

	(void)state;
	HEAR(&r, INVITE, NOTHING);
	assert_int_equal(calls_count(r.t).calls, 0);
	HEAR(&r, ANSWER, {I1(7, 1)});
	HEAR(&r, ACK, {R1(7, 1, 'a')});
	HEAR(&r, "UPDATE", 1, "b", "a", {I2(7, 2, 'a')});
	g = assert_last(&r, 1, CALL_KEYS_DUE);
	assert_string_equal(g->sip, "SIP/2.0 200 Said");
	HEAR(&r, "200 UPDATE", 1, "b", "a", {R2(7, 2, 'a')});
	pass(&r, IDLE - 1);
	assert_int_equal(r.n, 1);
	stop(&r);
}

static void
a_late_offer_in_183_and_prack(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, NOTHING);
	HEAR(&r, RINGING, {I1(7, 1)});
	HEAR(&r, PRACK, {R1(7, 1, 'a')});
	HEAR(&r, PRACKED, {I2(7, 2, 'a')});
	(void)assert_last(&r, 1, CALL_KEYS_DUE);
	stop(&r);
}

static void
equal_copies_count_once(void **state)
{
	struct rig r = start();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		HEAR(&r, INVITE, {I1(7, 1)});
		HEAR(&r, RINGING, {R1(7, 1, 'b')});
		HEAR(&r, PRACK, {I2(7, 2, 'b')});
		HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	}
	pass(&r, 2 * WAIT);
	assert_int_equal(r.n, 1);
	assert_int_equal(calls_count(r.t).copies, 9);
	stop(&r);
}

/* The same said again, encrypted anew. */
static void
other_octets_of_one_answer_are_no_other_exchange(void **state)
{
	struct rig r = start();
	struct mk again = R1(7, 1, 'b');

	(void)state;
	again.salt = 1;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	HEAR(&r, ANSWER, {again});
	HEAR(&r, ACK, {I2(7, 2, 'b')});
	pass(&r, 2 * WAIT);
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r1, MK(R1(7, 1, 'b')));
	stop(&r);
}

static void
calls_are_told_apart_by_xid_and_call_id(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	r.xid = 2;
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	HEAR(&r, PRACK, {I2(7, 2, 'b')});
	assert_int_equal(r.n, 0);
	r.xid = 1;
	r.call_id = "two@192.0.2.1";
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	HEAR(&r, PRACK, {I2(7, 2, 'b')});
	assert_int_equal(r.n, 0);
	assert_int_equal(calls_count(r.t).calls, 3);
	r.xid = 2;
	r.call_id = "one@192.0.2.1";
	HEAR(&r, INVITE, {I1(7, 1)});
	assert_int_equal(assert_last(&r, 1, CALL_KEYS_DUE)->xid, 2);
	stop(&r);
}

static void
each_crypto_session_bundle_by_itself(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1), I1(8, 1)});
	HEAR(&r, RINGING, {R1(7, 1, 'b'), R1(8, 1, 'b')});
	HEAR(&r, PRACK, {I2(7, 2, 'b'), I2(8, 2, 'b')});
	assert_int_equal(r.n, 2);
	assert_true(r.got[0].csb_id + r.got[1].csb_id == 15);
	assert_true(r.got[0].handle != r.got[1].handle);
	HEAR(&r, ANSWER, NOTHING);
	/* A new one in a re-INVITE of the other side. */
	HEAR(&r, "INVITE", 1, "b", "a", {I1(9, 5)});
	HEAR(&r, "200 INVITE", 1, "b", "a", {R1(9, 5, 'a')});
	HEAR(&r, "ACK", 1, "b", "a", {I2(9, 6, 'a')});
	assert_int_equal(assert_last(&r, 3, CALL_KEYS_DUE)->csb_id, 9);
	assert_mk(r.got[2].i1, MK(I1(9, 5)));
	pass(&r, 2 * WAIT);
	assert_int_equal(r.n, 3);
	stop(&r);
}

static void
messages_with_another_t_do_not_belong_together(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, {R1(7, 2, 'b')});
	HEAR(&r, ACK, {I2(7, 3, 'b')});
	pass(&r, WAIT);
	(void)assert_last(&r, 1, CALL_NO_KEYS);
	assert_mk(r.got[0].i1, none);
	stop(&r);
}

/* ---- deferred delivery ---- */

static void
with_an_esk_keys_wait_for_r_message_2(void **state)
{
	struct rig r = start();
	struct mk i2 = I2(7, 2, 'b');

	(void)state;
	i2.flags |= ESK;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	HEAR(&r, ACK, {i2});
	pass(&r, WAIT - 1);
	assert_int_equal(r.n, 0);
	assert_int_equal(calls_due(r.t, r.now), 1);
	HEAR(&r, "INFO", 5, "b", "a", {R2(7, 3, 'b')});
	/* With another T: of something else. */
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r2, none);
	stop(&r);

	r = start();
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	HEAR(&r, ACK, {i2});
	HEAR(&r, "INFO", 5, "b", "a", {R2(7, 2, 'b')});
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r2, MK(R2(7, 2, 'b')));
	stop(&r);
}

static void
without_r_message_2_they_come_after_the_wait(void **state)
{
	struct rig r = start();
	struct mk i2 = I2(7, 2, 'b');
	struct call_exchange_view v;

	(void)state;
	i2.flags |= ESK;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	HEAR(&r, ACK, {i2});
	pass(&r, WAIT);
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r2, none);
	HEAR(&r, "INFO", 5, "b", "a", {R2(7, 2, 'b')});
	pass(&r, 2 * WAIT);
	assert_int_equal(r.n, 1);
	/* For who asks again. */
	assert_int_equal(calls_exchange(r.t, r.got[0].handle, &v), ERR_OK);
	assert_mk(mk_of(v.r2), MK(R2(7, 2, 'b')));
	stop(&r);
}

/* ---- updates ---- */

static void
first_exchange(struct rig *r)
{
	HEAR(r, INVITE, {I1(7, 1)});
	HEAR(r, ANSWER, {R1(7, 1, 'b')});
	HEAR(r, ACK, {I2(7, 2, 'b')});
	(void)assert_last(r, 1, CALL_KEYS_DUE);
}

static void
updates_in_a_row_by_either_side(void **state)
{
	struct rig r = start();

	(void)state;
	first_exchange(&r);
	for (unsigned i = 0; i < 10; i++) {
		const uint8_t t = (uint8_t)(10 + i);
		const char *from = i % 2 ? "a" : "b", *to = i % 2 ? "b" : "a";
		const struct got *g;

		HEAR(&r, "UPDATE", 10 + i, from, to, {U1(7, t)});
		assert_int_equal(r.n, 1 + i);
		HEAR(&r, "200 UPDATE", 10 + i, from, to, {V1(7, t)});
		g = assert_last(&r, 2 + i, CALL_KEYS_DUE);
		assert_true(g->update);
		assert_mk(g->i1, MK(U1(7, t)));
		assert_mk(g->r1, MK(V1(7, t)));
		assert_mk(g->i2, none);
		assert_mk(g->first_i1, MK(I1(7, 1)));
		assert_mk(g->first_r1, MK(R1(7, 1, 'b')));
		assert_mk(g->first_i2, MK(I2(7, 2, 'b')));
		assert_string_equal(g->sip, "UPDATE sip:b@h SIP/2.0");
	}
	pass(&r, 2 * WAIT);
	assert_int_equal(r.n, 11);
	stop(&r);
}

static void
an_update_with_ibake_needs_the_first_i_message_1(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, "UPDATE", 5, "b", "a", {U1(7, 5)});
	HEAR(&r, "200 UPDATE", 5, "b", "a", {V1(7, 5)});
	assert_int_equal(r.n, 0);
	HEAR(&r, INVITE, {I1(7, 1)});
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->first_i1, MK(I1(7, 1)));
	assert_mk(r.got[0].first_r1, none);
	stop(&r);
}

static void
an_update_without_ibake_needs_the_first_exchange(void **state)
{
	struct rig r = start();
	struct mk u1 = U1(7, 5), v1 = V1(7, 5);

	(void)state;
	u1.flags = v1.flags = UPDATE;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "UPDATE", 5, "b", "a", {u1});
	HEAR(&r, "200 UPDATE", 5, "b", "a", {v1});
	assert_int_equal(r.n, 0);
	HEAR(&r, ANSWER, {R1(7, 1, 'b')});
	assert_int_equal(r.n, 0);
	HEAR(&r, ACK, {I2(7, 2, 'b')});
	assert_int_equal(r.n, 2);
	assert_true(r.got[0].update != r.got[1].update);
	stop(&r);
}

static void
an_update_seen_in_mid_call_gives_no_keys(void **state)
{
	struct rig r = start();
	const struct got *g;

	(void)state;
	HEAR(&r, "UPDATE", 5, "b", "a", {U1(7, 5)});
	HEAR(&r, "200 UPDATE", 5, "b", "a", {V1(7, 5)});
	pass(&r, WAIT - 1);
	assert_int_equal(r.n, 0);
	pass(&r, 1);
	g = assert_last(&r, 1, CALL_NO_KEYS);
	assert_true(g->update);
	assert_string_equal(g->sip, "UPDATE sip:b@h SIP/2.0");
	pass(&r, 10 * WAIT);
	assert_int_equal(r.n, 1);
	stop(&r);
}

static void
a_refused_update_gives_nothing(void **state)
{
	struct rig r = start();

	(void)state;
	first_exchange(&r);
	HEAR(&r, "UPDATE", 5, "b", "a", {U1(7, 5)});
	HEAR(&r, "491 UPDATE", 5, "b", "a", NOTHING);
	HEAR(&r, "INVITE", 6, "b", "a", {I1(8, 5)});
	HEAR(&r, "488 INVITE", 6, "b", "a", NOTHING);
	pass(&r, 10 * WAIT);
	assert_int_equal(r.n, 1);
	/* One that nobody answered is missed. */
	HEAR(&r, "UPDATE", 7, "b", "a", {U1(7, 6)});
	pass(&r, WAIT);
	(void)assert_last(&r, 2, CALL_NO_KEYS);
	stop(&r);
}

/* ---- forking ---- */

static void
each_branch_of_a_forked_call_by_itself(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "183 INVITE", 1, "a", "b", {R1(7, 1, 'b')});
	HEAR(&r, "183 INVITE", 1, "a", "c", {R1(7, 1, 'c')});
	HEAR(&r, "PRACK", 2, "a", "c", {I2(7, 2, 'c')});
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r1, MK(R1(7, 1, 'c')));
	assert_mk(r.got[0].i2, MK(I2(7, 2, 'c')));
	HEAR(&r, "PRACK", 3, "a", "b", {I2(7, 3, 'b')});
	assert_mk(assert_last(&r, 2, CALL_KEYS_DUE)->r1, MK(R1(7, 1, 'b')));
	assert_mk(r.got[1].i2, MK(I2(7, 3, 'b')));
	assert_mk(r.got[1].i1, MK(I1(7, 1)));
	assert_true(r.got[0].handle != r.got[1].handle);
	HEAR(&r, "200 INVITE", 1, "a", "c", NOTHING);
	/* The update is of the branch that answered. */
	HEAR(&r, "UPDATE", 4, "c", "a", {U1(7, 9)});
	HEAR(&r, "200 UPDATE", 4, "c", "a", {V1(7, 9)});
	assert_mk(assert_last(&r, 3, CALL_KEYS_DUE)->first_r1,
	    MK(R1(7, 1, 'c')));
	pass(&r, 10 * WAIT);
	assert_int_equal(r.n, 3);
	stop(&r);
}

/* Devices under one identity: the tags tell them apart. */
static void
branches_with_one_identity_by_their_tags(void **state)
{
	struct rig r = start();
	struct mk other = R1(7, 1, 'b');

	(void)state;
	other.salt = 1;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "183 INVITE", 1, "a", "b", {R1(7, 1, 'b')});
	HEAR(&r, "183 INVITE", 1, "a", "c", {other});
	HEAR(&r, "PRACK", 2, "a", "c", {I2(7, 2, 'b')});
	assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->r1, other);
	HEAR(&r, "PRACK", 3, "a", "b", {I2(7, 3, 'b')});
	assert_mk(assert_last(&r, 2, CALL_KEYS_DUE)->r1, MK(R1(7, 1, 'b')));
	stop(&r);
}

static void
a_branch_that_did_not_answer_gives_nothing(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "183 INVITE", 1, "a", "b", {R1(7, 1, 'b')});
	HEAR(&r, "183 INVITE", 1, "a", "c", {R1(7, 1, 'c')});
	HEAR(&r, "200 INVITE", 1, "a", "c", NOTHING);
	HEAR(&r, "ACK", 1, "a", "c", {I2(7, 2, 'c')});
	(void)assert_last(&r, 1, CALL_KEYS_DUE);
	pass(&r, 10 * WAIT);
	assert_int_equal(r.n, 1);
	stop(&r);

	/* The one that did, and lacks a message. */
	r = start();
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "183 INVITE", 1, "a", "b", {R1(7, 1, 'b')});
	HEAR(&r, "PRACK", 2, "a", "b", {I2(7, 2, 'b')});
	HEAR(&r, "183 INVITE", 1, "a", "c", {R1(7, 1, 'c')});
	HEAR(&r, "200 INVITE", 1, "a", "c", NOTHING);
	pass(&r, WAIT);
	assert_mk(assert_last(&r, 2, CALL_NO_KEYS)->r1, MK(R1(7, 1, 'c')));
	stop(&r);
}

/* ---- no keys ---- */

static void
nothing_of_a_call_that_nobody_answered(void **state)
{
	static const struct line ends[] = {{"486 INVITE", 1, "a", "b", NOTHING},
	    {"CANCEL", 1, "a", "", NOTHING},
	    {"302 INVITE", 1, "a", "b", NOTHING},
	    {"603 INVITE", 1, "a", "b", NOTHING}};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct rig r = start();

		HEAR(&r, INVITE, {I1(7, 1)});
		pass(&r, 60000);
		HEAR(&r, RINGING, {R1(7, 1, 'b')});
		pass(&r, 60000);
		hear(&r, &ends[i]);
		pass(&r, LINGER - 1);
		assert_int_equal(calls_count(r.t).calls, 1);
		pass(&r, 1);
		assert_int_equal(calls_count(r.t).calls, 0);
		assert_int_equal(r.n, 0);
		stop(&r);
	}
}

static void
nothing_of_a_call_that_rings_for_ever(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	pass(&r, IDLE);
	assert_int_equal(r.n, 0);
	assert_int_equal(calls_count(r.t).calls, 0);
	assert_int_equal(calls_count(r.t).aged, 1);
	stop(&r);
}

static void
an_offer_made_again_with_credentials_is_no_refused_one(void **state)
{
	struct rig r = start();

	(void)state;
	/* The same octets, as most phones do. */
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, "407 INVITE", 1, "a", "x", NOTHING);
	HEAR(&r, "ACK", 1, "a", "x", NOTHING);
	HEAR(&r, "INVITE", 2, "a", "", {I1(7, 1)});
	HEAR(&r, "200 INVITE", 2, "a", "b", NOTHING);
	pass(&r, WAIT);
	(void)assert_last(&r, 1, CALL_NO_KEYS);
	stop(&r);

	/* Another I_MESSAGE_1, or another CSB: the first is forgotten. */
	for (uint8_t csb = 7; csb <= 8; csb++) {
		r = start();
		HEAR(&r, INVITE, {I1(7, 1)});
		HEAR(&r, "407 INVITE", 1, "a", "x", NOTHING);
		pass(&r, LINGER - 2000);
		HEAR(&r, "INVITE", 2, "a", "", {I1(csb, 2)});
		pass(&r, 60000);
		HEAR(&r, "200 INVITE", 2, "a", "b", {R1(csb, 2, 'b')});
		HEAR(&r, "ACK", 2, "a", "b", {I2(csb, 3, 'b')});
		assert_int_equal(assert_last(&r, 1, CALL_KEYS_DUE)->i1.t, 2);
		pass(&r, 10 * WAIT);
		assert_int_equal(r.n, 1);
		stop(&r);
	}
}

static void
no_keys_when_an_answered_call_lacks_a_message(void **state)
{
	static const struct line lines[] = {{INVITE, {I1(7, 1)}},
	    {RINGING, {R1(7, 1, 'b')}}, {PRACK, {I2(7, 2, 'b')}},
	    {ANSWER, NOTHING}};

	(void)state;
	for (unsigned missing = 0; missing < 3; missing++) {
		struct rig r = start();
		struct call_exchange_view v;
		const struct got *g;

		for (unsigned i = 0; i < 4; i++)
			if (i != missing)
				hear(&r, &lines[i]);
		/* I_MESSAGE_2 is an answer too, and came a second before. */
		pass(&r, WAIT - 1 - (missing == 2 ? 0 : 1000));
		assert_int_equal(r.n, 0);
		assert_int_equal(calls_due(r.t, r.now), 1);
		pass(&r, 1);
		g = assert_last(&r, 1, CALL_NO_KEYS);
		assert_mk(g->i1, lines[0].m[missing == 0 ? 1 : 0]);
		assert_mk(g->r1, missing == 1 ? none : lines[1].m[0]);
		assert_mk(g->i2, missing == 2 ? none : lines[2].m[0]);
		assert_string_equal(g->sip,
		    missing == 0 ? "SIP/2.0 183 Said"
				 : "INVITE sip:b@h SIP/2.0");
		pass(&r, 10 * WAIT);
		assert_int_equal(r.n, 1);
		/* It comes late: keys after all. */
		hear(&r, &lines[missing]);
		g = assert_last(&r, 2, CALL_KEYS_DUE);
		assert_string_equal(g->sip, "INVITE sip:b@h SIP/2.0");
		assert_int_equal(calls_exchange(r.t, g->handle, &v), ERR_OK);
		pass(&r, 10 * WAIT);
		HEAR(&r, BYE, NOTHING);
		pass(&r, 10 * LINGER);
		assert_int_equal(r.n, 2);
		stop(&r);
	}
}

static void
no_keys_when_the_answer_has_no_key_mgmt(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1), I1(8, 1)});
	pass(&r, 60000);
	assert_int_equal(r.n, 0);
	HEAR(&r, ANSWER, {R1(8, 1, 'b')});
	HEAR(&r, ACK, {I2(8, 2, 'b')});
	(void)assert_last(&r, 1, CALL_KEYS_DUE);
	pass(&r, WAIT);
	assert_int_equal(assert_last(&r, 2, CALL_NO_KEYS)->csb_id, 7);
	stop(&r);
}

static void
no_keys_after_a_bye(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	HEAR(&r, BYE, NOTHING);
	pass(&r, WAIT - 1);
	assert_int_equal(r.n, 0);
	pass(&r, 1);
	(void)assert_last(&r, 1, CALL_NO_KEYS);
	pass(&r, LINGER);
	assert_int_equal(r.n, 1);
	assert_int_equal(calls_count(r.t).calls, 0);
	stop(&r);
}

static void
no_keys_of_an_i_message_2_in_mid_call(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, ACK, {I2(7, 2, 'b')});
	pass(&r, WAIT);
	assert_string_equal(assert_last(&r, 1, CALL_NO_KEYS)->sip,
	    "ACK sip:b@h SIP/2.0");
	pass(&r, IDLE);
	assert_int_equal(r.n, 1);
	stop(&r);
}

static void
no_keys_of_a_message_that_is_not_sound(void **state)
{
	static const struct line lines[] = {{INVITE, {I1(7, 1)}},
	    {RINGING, {R1(7, 1, 'b')}}, {PRACK, {I2(7, 2, 'b')}},
	    {ANSWER, NOTHING}};

	(void)state;
	for (unsigned bad = 0; bad < 3; bad++) {
		struct rig r = start();

		for (unsigned i = 0; i < 4; i++) {
			struct line l = lines[i];

			if (i == bad)
				l.m[0].flags |= BROKEN;
			hear(&r, &l);
		}
		pass(&r, WAIT);
		(void)assert_last(&r, 1, CALL_NO_KEYS);
		pass(&r, IDLE);
		assert_int_equal(r.n, 1);
		stop(&r);
	}
}

static void
a_sound_message_takes_its_place(void **state)
{
	static const struct line lines[] = {{INVITE, {I1(7, 1)}},
	    {RINGING, {R1(7, 1, 'b')}}, {PRACK, {I2(7, 2, 'b')}},
	    {PRACKED, {R2(7, 2, 'b')}}, {ANSWER, NOTHING}};

	(void)state;
	/* The broken copy before and after the sound one, of each. */
	for (unsigned bad = 0; bad < 8; bad++) {
		struct rig r = start();

		for (unsigned i = 0; i < 5; i++) {
			struct line l = lines[i];

			l.m[0].flags |= BROKEN;
			if (bad == i)
				hear(&r, &l);
			hear(&r, &lines[i]);
			if (bad == 4 + i)
				hear(&r, &l);
		}
		pass(&r, 10 * WAIT);
		(void)assert_last(&r, 1, CALL_KEYS_DUE);
		stop(&r);
	}
}

static void
an_update_that_is_not_sound(void **state)
{
	struct rig r = start();
	struct mk u1 = U1(7, 9);

	(void)state;
	u1.flags |= BROKEN;
	first_exchange(&r);
	pass(&r, 10 * WAIT);
	HEAR(&r, "UPDATE", 5, "b", "a", {u1});
	HEAR(&r, "200 UPDATE", 5, "b", "a", {V1(7, 9)});
	pass(&r, WAIT);
	(void)assert_last(&r, 2, CALL_NO_KEYS);
	pass(&r, 10 * WAIT);
	assert_int_equal(r.n, 2);
	stop(&r);
}

static void
other_mikey_messages_are_passed_over(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {{1, 7, 1, 0, 0, 0}});
	assert_int_equal(calls_count(r.t).calls, 0);
	/* One of which nothing can be read is a fault. */
	HEAR(&r, "INVITE", 2, "a", "", {{99, 0, 0, 0, BROKEN, 0}});
	HEAR(&r, "200 INVITE", 2, "a", "b", NOTHING);
	pass(&r, WAIT);
	(void)assert_last(&r, 1, CALL_NO_KEYS);
	stop(&r);
}

/* ---- any order ---- */

#define MOST_LINES 7

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* All events in an order that does not depend on that of the messages. */
static void
summary(const struct rig *r, char *out, size_t cap)
{
	static char line[MOST_GOT][120];
	size_t at = 0;

	for (unsigned i = 0; i < r->n; i++) {
		const struct got *g = &r->got[i];

		(void)snprintf(line[i], sizeof(line[i]),
		    "%s csb %u%s i1 %u r1 %u%c i2 %u%c first %u\n",
		    g->kind == CALL_KEYS_DUE ? "keys" : "no keys", g->csb_id,
		    g->update ? " update" : "", g->i1.t, g->r1.t,
		    g->r1.idrr == 0 ? '-' : g->r1.idrr, g->i2.t,
		    g->i2.idrr == 0 ? '-' : g->i2.idrr, g->first_i1.t);
	}
	qsort(line, r->n, sizeof(line[0]), by_text);
	out[0] = '\0';
	for (unsigned i = 0; i < r->n; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s", line[i]);
}

/* The next order of numbers; false after the last. */
static bool
next_order(unsigned *p, unsigned n)
{
	unsigned i = n - 1, k = n - 1, swap;

	while (i > 0 && p[i - 1] > p[i])
		i--;
	if (i == 0)
		return false;
	while (p[k] < p[i - 1])
		k--;
	swap = p[i - 1];
	p[i - 1] = p[k];
	p[k] = swap;
	for (k = n - 1; i < k; i++, k--) {
		swap = p[i];
		p[i] = p[k];
		p[k] = swap;
	}
	return true;
}

static void
each_order(const struct line *l, unsigned n, const char *want)
{
	unsigned order[MOST_LINES], orders = 0;
	char got[1000];

	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	do {
		struct rig r = start();

		for (unsigned i = 0; i < n; i++) {
			r.now += 100;
			assert_int_equal(try(&r, &l[order[i]]), ERR_OK);
			fetch(&r);
		}
		pass(&r, 100 * (MOST_LINES + 1) + WAIT);
		summary(&r, got, sizeof(got));
		if (strcmp(got, want) != 0) {
			for (unsigned i = 0; i < n; i++)
				print_message("%s\n", l[order[i]].first);
			fail_msg("%s", got);
		}
		/* All is given back. */
		pass(&r, IDLE);
		assert_int_equal(calls_count(r.t).calls, 0);
		stop(&r);
		orders++;
	} while (next_order(order, n));
	assert_true(n < 3 || orders % 6 == 0);
}

static void
in_any_order_an_early_offer(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1)}},
	    {RINGING, {R1(7, 1, 'b')}}, {PRACK, {I2(7, 2, 'b')}},
	    {PRACKED, {R2(7, 2, 'b')}}, {ANSWER, NOTHING}, {BYE, NOTHING}};

	(void)state;
	each_order(l, 6, "keys csb 7 i1 1 r1 1b i2 2b first 0\n");
}

static void
in_any_order_a_late_offer(void **state)
{
	static const struct line l[] = {{INVITE, NOTHING}, {ANSWER, {I1(7, 1)}},
	    {ACK, {R1(7, 1, 'a')}}, {"INFO", 4, "b", "a", {I2(7, 2, 'a')}},
	    {BYE, NOTHING}};

	(void)state;
	each_order(l, 5, "keys csb 7 i1 1 r1 1a i2 2a first 0\n");
}

static void
in_any_order_a_forked_call(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1)}},
	    {"183 INVITE", 1, "a", "b", {R1(7, 1, 'b')}},
	    {"183 INVITE", 1, "a", "c", {R1(7, 1, 'c')}},
	    {"PRACK", 2, "a", "b", {I2(7, 2, 'b')}},
	    {"PRACK", 3, "a", "c", {I2(7, 3, 'c')}},
	    {"200 INVITE", 1, "a", "c", NOTHING}};

	(void)state;
	each_order(l, 6,
	    "keys csb 7 i1 1 r1 1b i2 2b first 0\n"
	    "keys csb 7 i1 1 r1 1c i2 3c first 0\n");
}

static void
in_any_order_two_updates(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1)}},
	    {ANSWER, {R1(7, 1, 'b')}}, {ACK, {I2(7, 2, 'b')}},
	    {"UPDATE", 5, "b", "a", {U1(7, 5)}},
	    {"200 UPDATE", 5, "b", "a", {V1(7, 5)}},
	    {"UPDATE", 5, "a", "b", {U1(7, 6)}},
	    {"200 UPDATE", 5, "a", "b", {V1(7, 6)}}};

	(void)state;
	each_order(l, 7,
	    "keys csb 7 i1 1 r1 1b i2 2b first 0\n"
	    "keys csb 7 update i1 5 r1 5- i2 0- first 1\n"
	    "keys csb 7 update i1 6 r1 6- i2 0- first 1\n");
}

static void
in_any_order_what_lacks_a_message(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1)}},
	    {RINGING, {R1(7, 1, 'b')}}, {PRACK, {I2(7, 2, 'b')}},
	    {ANSWER, NOTHING}, {BYE, NOTHING}};
	struct line some[5];

	(void)state;
	memcpy(some, l, sizeof(some));
	some[0].m[0] = none;
	each_order(some, 5, "no keys csb 7 i1 0 r1 1b i2 2b first 0\n");
	memcpy(some, l, sizeof(some));
	some[1].m[0] = none;
	each_order(some, 5, "no keys csb 7 i1 1 r1 0- i2 2b first 0\n");
	memcpy(some, l, sizeof(some));
	some[2].m[0] = none;
	each_order(some, 5, "no keys csb 7 i1 1 r1 1b i2 0- first 0\n");
	memcpy(some, l, sizeof(some));
	some[1].m[0] = some[2].m[0] = none;
	each_order(some, 5, "no keys csb 7 i1 1 r1 0- i2 0- first 0\n");
	memcpy(some, l, sizeof(some));
	some[0].m[0] = some[1].m[0] = none;
	each_order(some, 5, "no keys csb 7 i1 0 r1 0- i2 2b first 0\n");
}

static void
in_any_order_what_is_refused(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1)}},
	    {"407 INVITE", 1, "a", "x", NOTHING},
	    {"INVITE", 2, "a", "", {I1(8, 1)}},
	    {"183 INVITE", 2, "a", "b", {R1(8, 1, 'b')}},
	    {"CANCEL", 2, "a", "", NOTHING},
	    {"487 INVITE", 2, "a", "b", NOTHING}};

	(void)state;
	each_order(l, 6, "");
}

static void
in_any_order_two_bundles_and_broken_copies(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1), I1(8, 1)}},
	    {INVITE, {{22, 7, 1, 'b', BROKEN, 1}}},
	    {RINGING, {R1(7, 1, 'b'), {23, 8, 0, 0, BROKEN, 0}}},
	    {PRACK, {I2(7, 2, 'b'), I2(8, 2, 'b')}}, {ANSWER, NOTHING}};

	(void)state;
	each_order(l, 5,
	    "keys csb 7 i1 1 r1 1b i2 2b first 0\n"
	    "no keys csb 8 i1 1 r1 0- i2 2b first 0\n");
}

/* ---- limits ---- */

static void
hear_call(struct rig *r, unsigned n, const struct line *l)
{
	static char id[40];

	(void)snprintf(id, sizeof(id), "%u@192.0.2.1", n);
	r->call_id = id;
	hear(r, l);
}

static void
the_call_that_was_silent_longest_is_evicted(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}},
			  answer = {ANSWER, {R1(7, 1, 'b')}},
			  ack = {ACK, {I2(7, 2, 'b')}},
			  info = {"INFO", 7, "a", "b", NOTHING};
	struct calls_limits few = usual;
	struct rig r;

	(void)state;
	few.most_calls = 3;
	r = start_with(&few);
	hear_call(&r, 1, &offer);
	hear_call(&r, 1, &answer);
	hear_call(&r, 1, &ack);
	hear_call(&r, 2, &offer);
	hear_call(&r, 3, &offer);
	(void)assert_last(&r, 1, CALL_KEYS_DUE);
	hear_call(&r, 1, &info);
	assert_int_equal(calls_count(r.t).evicted, 0);
	/* The second: whether it would have been answered is not known. */
	hear_call(&r, 4, &offer);
	assert_int_equal(calls_count(r.t).evicted, 1);
	assert_int_equal(calls_count(r.t).calls, 3);
	assert_string_equal(assert_last(&r, 2, CALL_NO_KEYS)->sip,
	    "INVITE sip:b@h SIP/2.0");
	hear_call(&r, 5, &offer);
	(void)assert_last(&r, 3, CALL_NO_KEYS);
	/* The first, complete: nothing to say. */
	hear_call(&r, 6, &offer);
	assert_int_equal(calls_count(r.t).evicted, 3);
	assert_int_equal(r.n, 3);
	stop(&r);
}

static void
nothing_of_a_refused_call_that_is_evicted(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}},
			  busy = {"486 INVITE", 1, "a", "b", NOTHING};
	struct calls_limits few = usual;
	struct rig r;

	(void)state;
	few.most_calls = 1;
	r = start_with(&few);
	hear_call(&r, 1, &offer);
	hear_call(&r, 1, &busy);
	hear_call(&r, 2, &offer);
	assert_int_equal(r.n, 0);
	assert_int_equal(calls_count(r.t).evicted, 1);
	stop(&r);
}

static void
octets_stay_within_their_limit(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}};
	struct calls_limits small = usual;
	struct calls_counts c;
	struct rig r;

	(void)state;
	small.most_octets = 300000;
	small.most_calls = 500;
	r = start_with(&small);
	for (unsigned i = 0; i < 1000; i++) {
		r.n = 0;
		hear_call(&r, i, &offer);
		assert_true(calls_count(r.t).octets <= small.most_octets);
	}
	c = calls_count(r.t);
	assert_true(c.calls > 20 && c.calls < 500);
	assert_int_equal(c.evicted, 1000 - c.calls);
	assert_int_equal(c.no_keys, c.evicted);
	assert_int_equal(c.lost, 0);
	stop(&r);
}

static void
events_that_nobody_fetches_are_bounded(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}};
	struct calls_limits small = usual;
	struct calls_counts c;
	unsigned n = 0;
	struct rig r;

	(void)state;
	small.most_octets = 300000;
	small.most_calls = 500;
	r = start_with(&small);
	for (unsigned i = 0; i < 1000; i++) {
		char id[40];

		(void)snprintf(id, sizeof(id), "%u@192.0.2.1", i);
		r.call_id = id;
		assert_int_equal(try(&r, &offer), ERR_OK);
		assert_true(calls_count(r.t).octets <= small.most_octets);
	}
	c = calls_count(r.t);
	assert_true(c.lost > 0);
	for (;; n++) {
		struct call_exchange_view v;
		enum call_event_kind kind;

		if (calls_next(r.t, &kind, &v) != ERR_OK)
			break;
		assert_int_equal(kind, CALL_NO_KEYS);
		assert_mk(mk_of(v.i1), MK(I1(7, 1)));
	}
	assert_true(n > 0);
	assert_int_equal(n + c.lost, c.no_keys);
	stop(&r);
}

static void
a_call_takes_128_messages(void **state)
{
	struct rig r = start();
	struct line l = {"INFO", 1, "a", "b", {I1(0, 1)}};
	unsigned i;

	(void)state;
	for (i = 0; i < CALLS_MESSAGES; i++) {
		l.m[0].csb = (uint8_t)i;
		assert_int_equal(try(&r, &l), ERR_OK);
	}
	l.m[0].csb = (uint8_t)i;
	assert_int_equal(try(&r, &l), ERR_FULL);
	assert_int_equal(calls_count(r.t).full, 1);
	/* A copy needs no room, and what is said otherwise counts. */
	l.m[0].csb = 5;
	assert_int_equal(try(&r, &l), ERR_OK);
	l.m[0].csb = (uint8_t)i;
	l.first = "BYE";
	assert_int_equal(try(&r, &l), ERR_FULL);
	r.now += WAIT;
	calls_tick(r.t, r.now);
	assert_int_equal(calls_count(r.t).no_keys, CALLS_MESSAGES);
	stop(&r);
}

/* All of a long day: the old ones make way, the first exchange stays. */
static void
a_call_of_many_updates_goes_on(void **state)
{
	struct rig r = start();

	(void)state;
	first_exchange(&r);
	for (unsigned i = 0; i < 250; i++) {
		r.n = 0;
		HEAR(&r, "UPDATE", 10 + i, "a", "b", {U1(7, (uint8_t)(3 + i))});
		HEAR(&r, "200 UPDATE", 10 + i, "a", "b",
		    {V1(7, (uint8_t)(3 + i))});
		assert_mk(assert_last(&r, 1, CALL_KEYS_DUE)->first_i2,
		    MK(I2(7, 2, 'b')));
	}
	assert_int_equal(calls_count(r.t).full, 0);
	stop(&r);
}

static void
a_message_that_no_call_can_hold_is_too_big(void **state)
{
	static uint8_t big[SIP_MAX];
	struct calls_limits small = usual;
	struct mk k = I1(7, 1);
	struct mikey_seen m;
	struct sip_event e = {.method = SIP_INVITE};
	struct sip_seen s = {.event = &e, .n_mikey = 1, .mikey = &m};
	struct rd r;
	struct calls *t;

	(void)state;
	small.most_octets = 1000000;
	rd_init(&r, &k, sizeof(k));
	m = seen(&r);
	rd_init(&s.sip, big, sizeof(big));
	rd_init(&e.call_id, "x", 1);
	assert_int_equal(calls_new(&small, key, &t), ERR_OK);
	assert_int_equal(calls_put(t, &s, 0, NULL), ERR_TOOBIG);
	assert_int_equal(calls_count(t).calls, 0);
	s.sip.left = 1000;
	assert_int_equal(calls_put(t, &s, 0, NULL), ERR_OK);
	assert_int_equal(calls_count(t).calls, 1);
	calls_free(&t);
	/* In a table of usual size the longest is taken. */
	small.most_octets = 16 * 1024 * 1024;
	s.sip.left = sizeof(big);
	assert_int_equal(calls_new(&small, key, &t), ERR_OK);
	assert_int_equal(calls_put(t, &s, 0, NULL), ERR_OK);
	calls_free(&t);
}

static void
limits_that_make_no_sense_are_refused(void **state)
{
	struct calls *const untouched = (struct calls *)(uintptr_t)0x10;
	struct calls *t = untouched;
	struct calls_limits l;

	(void)state;
	l = usual;
	l.most_calls = 0;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	l = usual;
	l.idle_ms = -1;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	l = usual;
	l.linger_ms = -1;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	l = usual;
	l.wait_ms = -1;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	l = usual;
	l.most_octets = 100000;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	l = usual;
	l.most_calls = UINT32_MAX;
	assert_int_equal(calls_new(&l, key, &t), ERR_TOOBIG);
	assert_ptr_equal(t, untouched);
}

static void
passing_dialogs_leave_nothing(void **state)
{
	struct rig r = start();
	const size_t before = calls_count(r.t).octets;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		const struct line l[] = {{INVITE, NOTHING}, {ANSWER, NOTHING},
		    {BYE, NOTHING}};

		hear_call(&r, i, &l[0]);
		hear_call(&r, i, &l[1]);
		hear_call(&r, i, &l[2]);
	}
	assert_int_equal(calls_count(r.t).calls, 0);
	assert_int_equal(calls_count(r.t).octets, before);
	assert_int_equal(calls_count(r.t).put, 60000);
	assert_int_equal(r.n, 0);
	stop(&r);
}

/* ---- time ---- */

static void
a_call_ends_after_it_lingered_or_was_idle(void **state)
{
	struct rig r = start();

	(void)state;
	first_exchange(&r);
	pass(&r, IDLE - 1);
	assert_int_equal(calls_count(r.t).calls, 1);
	HEAR(&r, "UPDATE", 5, "b", "a", NOTHING); /* refreshes it */
	pass(&r, IDLE - 1);
	assert_int_equal(calls_count(r.t).calls, 1);
	assert_int_equal(calls_due(r.t, r.now), 1);
	pass(&r, 1);
	assert_int_equal(calls_count(r.t).calls, 0);
	assert_int_equal(calls_due(r.t, r.now), -1);
	stop(&r);

	r = start();
	first_exchange(&r);
	HEAR(&r, BYE, NOTHING);
	pass(&r, LINGER - 1);
	assert_int_equal(calls_count(r.t).calls, 1);
	pass(&r, 1);
	assert_int_equal(calls_count(r.t).calls, 0);
	assert_int_equal(calls_count(r.t).aged, 1);
	stop(&r);
}

static void
time_that_goes_back_stands_still(void **state)
{
	struct rig r = start();

	(void)state;
	HEAR(&r, INVITE, {I1(7, 1)});
	HEAR(&r, ANSWER, NOTHING);
	r.now -= 500000;
	pass(&r, WAIT);
	assert_int_equal(r.n, 0);
	HEAR(&r, RINGING, {R1(7, 1, 'b')});
	r.now += 500000 - WAIT - 1000;
	pass(&r, WAIT - 1);
	assert_int_equal(r.n, 0);
	pass(&r, 1);
	(void)assert_last(&r, 1, CALL_NO_KEYS);
	calls_tick(r.t, INT64_MAX);
	calls_tick(r.t, INT64_MIN);
	assert_int_equal(calls_count(r.t).calls, 0);
	stop(&r);
}

/* All end in one moment, and each has something to say. */
static void
many_calls_that_end_at_once_lose_no_event(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}},
			  answer = {ANSWER, NOTHING};
	struct calls_limits small = usual;
	struct call_exchange_view v;
	enum call_event_kind kind;
	unsigned n = 0, ticks = 0;
	struct rig r;
	char id[40];

	(void)state;
	small.most_octets = 500000;
	small.idle_ms = WAIT - 1;
	r = start_with(&small);
	r.call_id = id;
	for (unsigned i = 0; i < 150; i++) {
		(void)snprintf(id, sizeof(id), "%u@192.0.2.1", i);
		assert_int_equal(try(&r, &offer), ERR_OK);
		assert_int_equal(try(&r, &answer), ERR_OK);
	}
	assert_int_equal(calls_count(r.t).evicted, 0);
	r.now += WAIT - 1;
	do {
		calls_tick(r.t, r.now);
		while (calls_next(r.t, &kind, &v) == ERR_OK)
			n++;
		ticks++;
	} while (calls_due(r.t, r.now) == 0);
	assert_int_equal(n, 150);
	assert_true(ticks > 1);
	assert_int_equal(calls_count(r.t).lost, 0);
	assert_int_equal(calls_count(r.t).aged, 150);
	stop(&r);
}

/* ---- asking again ---- */

static void
established_exchanges_of_one_xid(void **state)
{
	const struct line offer = {INVITE, {I1(7, 1)}},
			  answer = {ANSWER, {R1(7, 1, 'b')}},
			  ack = {ACK, {I2(7, 2, 'b')}}, bye = {BYE, NOTHING};
	struct rig r = start();
	struct call_exchange_view v;
	uint64_t at = 0, handle[3];
	uint8_t xid[CALLS_XID] = {1};
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		r.xid = i == 5 ? 2 : 1;
		hear_call(&r, i, &offer);
		hear_call(&r, i, &answer);
		if (i != 1) /* not complete */
			hear_call(&r, i, &ack);
		if (i == 2) /* not up */
			hear_call(&r, i, &bye);
	}
	while (calls_established(r.t, xid, &at, &v) == ERR_OK) {
		assert_true(n < 3);
		assert_int_equal(v.xid[0], 1);
		assert_mk(mk_of(v.i2), MK(I2(7, 2, 'b')));
		assert_int_equal(at, v.handle);
		handle[n++] = at;
	}
	assert_int_equal(n, 3);
	assert_int_equal(at, handle[2]);
	assert_true(handle[0] < handle[1] && handle[1] < handle[2]);
	for (n = 0; n < 3; n++) {
		assert_int_equal(calls_exchange(r.t, handle[n], &v), ERR_OK);
		assert_int_equal(v.handle, handle[n]);
		assert_true(v.up);
	}
	/* The second that was complete is the one that ended. */
	assert_int_equal(calls_exchange(r.t, r.got[1].handle, &v), ERR_OK);
	assert_false(v.up);
	assert_int_equal(calls_exchange(r.t, 0, &v), ERR_NOTFOUND);
	assert_int_equal(calls_exchange(r.t, UINT64_MAX, &v), ERR_NOTFOUND);
	assert_int_equal(calls_exchange(r.t, handle[0] + 50, &v), ERR_NOTFOUND);
	/* Gone with the call. */
	pass(&r, IDLE);
	assert_int_equal(calls_exchange(r.t, handle[0], &v), ERR_NOTFOUND);
	at = 0;
	assert_int_equal(calls_established(r.t, xid, &at, &v), ERR_NOTFOUND);
	assert_int_equal(at, 0);
	stop(&r);
}

/* ---- without memory ---- */

static unsigned refuse_at, asked;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	return ++asked == refuse_at ? NULL : __real_calloc(n, size);
}

static void
without_memory_a_message_is_refused_and_may_come_again(void **state)
{
	static const struct line l[] = {{INVITE, {I1(7, 1), I1(8, 1)}},
	    {ANSWER, {R1(7, 1, 'b'), R1(8, 1, 'b')}},
	    {ACK, {I2(7, 2, 'b'), I2(8, 2, 'b')}}};
	unsigned refused = 0;

	(void)state;
	for (unsigned n = 1; n < 20; n++) {
		struct rig r = start();

		asked = 0;
		refuse_at = n;
		for (unsigned i = 0; i < 3; i++) {
			const struct calls_counts was = calls_count(r.t);
			struct calls_counts is;
			const enum err rc = try(&r, &l[i]);

			if (rc == ERR_OK)
				continue;
			assert_int_equal(rc, ERR_NOMEM);
			is = calls_count(r.t);
			assert_memory_equal(&is, &was, sizeof(is));
			refused++;
			i--;
		}
		refuse_at = 0;
		fetch(&r);
		assert_int_equal(r.n, 2);
		stop(&r);
	}
	assert_int_equal(refused, 10);
}

static void
without_memory_there_is_no_table(void **state)
{
	struct calls *t = NULL;
	enum err rc;

	(void)state;
	for (unsigned n = 1;; n++) {
		asked = 0;
		refuse_at = n;
		rc = calls_new(&usual, key, &t);
		refuse_at = 0;
		if (rc == ERR_OK)
			break;
		assert_int_equal(rc, ERR_NOMEM);
		assert_null(t);
		assert_true(n < 10);
	}
	calls_free(&t);
}

/* ---- the hash ---- */

/* The vectors of the authors: key 00 01 .., input of 0 to 15 such octets. */
static void
siphash_gives_the_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t want;
	} v[] = {{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},
	    {7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462},
	    {15, 0xa129ca6149be45e5}};
	uint8_t k[SIPHASH_KEY];
	struct rd r;

	(void)state;
	for (uint8_t i = 0; i < sizeof(k); i++)
		k[i] = i;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		rd_init(&r, k, v[i].len);
		assert_true(siphash(k, r) == v[i].want);
	}
}

static int
begin(void **state)
{
	(void)state;
	return sip_event_start() == ERR_OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	sip_event_stop();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_due_when_i_message_2_comes),
	    cmocka_unit_test(an_answer_in_200_and_ack),
	    cmocka_unit_test(a_late_offer_of_the_callee),
	    cmocka_unit_test(a_late_offer_in_183_and_prack),
	    cmocka_unit_test(equal_copies_count_once),
	    cmocka_unit_test(other_octets_of_one_answer_are_no_other_exchange),
	    cmocka_unit_test(calls_are_told_apart_by_xid_and_call_id),
	    cmocka_unit_test(each_crypto_session_bundle_by_itself),
	    cmocka_unit_test(messages_with_another_t_do_not_belong_together),
	    cmocka_unit_test(with_an_esk_keys_wait_for_r_message_2),
	    cmocka_unit_test(without_r_message_2_they_come_after_the_wait),
	    cmocka_unit_test(updates_in_a_row_by_either_side),
	    cmocka_unit_test(an_update_with_ibake_needs_the_first_i_message_1),
	    cmocka_unit_test(an_update_without_ibake_needs_the_first_exchange),
	    cmocka_unit_test(an_update_seen_in_mid_call_gives_no_keys),
	    cmocka_unit_test(a_refused_update_gives_nothing),
	    cmocka_unit_test(each_branch_of_a_forked_call_by_itself),
	    cmocka_unit_test(branches_with_one_identity_by_their_tags),
	    cmocka_unit_test(a_branch_that_did_not_answer_gives_nothing),
	    cmocka_unit_test(nothing_of_a_call_that_nobody_answered),
	    cmocka_unit_test(nothing_of_a_call_that_rings_for_ever),
	    cmocka_unit_test(
		an_offer_made_again_with_credentials_is_no_refused_one),
	    cmocka_unit_test(no_keys_when_an_answered_call_lacks_a_message),
	    cmocka_unit_test(no_keys_when_the_answer_has_no_key_mgmt),
	    cmocka_unit_test(no_keys_after_a_bye),
	    cmocka_unit_test(no_keys_of_an_i_message_2_in_mid_call),
	    cmocka_unit_test(no_keys_of_a_message_that_is_not_sound),
	    cmocka_unit_test(a_sound_message_takes_its_place),
	    cmocka_unit_test(an_update_that_is_not_sound),
	    cmocka_unit_test(other_mikey_messages_are_passed_over),
	    cmocka_unit_test(in_any_order_an_early_offer),
	    cmocka_unit_test(in_any_order_a_late_offer),
	    cmocka_unit_test(in_any_order_a_forked_call),
	    cmocka_unit_test(in_any_order_two_updates),
	    cmocka_unit_test(in_any_order_what_lacks_a_message),
	    cmocka_unit_test(in_any_order_what_is_refused),
	    cmocka_unit_test(in_any_order_two_bundles_and_broken_copies),
	    cmocka_unit_test(the_call_that_was_silent_longest_is_evicted),
	    cmocka_unit_test(nothing_of_a_refused_call_that_is_evicted),
	    cmocka_unit_test(octets_stay_within_their_limit),
	    cmocka_unit_test(events_that_nobody_fetches_are_bounded),
	    cmocka_unit_test(a_call_takes_128_messages),
	    cmocka_unit_test(a_call_of_many_updates_goes_on),
	    cmocka_unit_test(a_message_that_no_call_can_hold_is_too_big),
	    cmocka_unit_test(limits_that_make_no_sense_are_refused),
	    cmocka_unit_test(passing_dialogs_leave_nothing),
	    cmocka_unit_test(a_call_ends_after_it_lingered_or_was_idle),
	    cmocka_unit_test(time_that_goes_back_stands_still),
	    cmocka_unit_test(many_calls_that_end_at_once_lose_no_event),
	    cmocka_unit_test(established_exchanges_of_one_xid),
	    cmocka_unit_test(
		without_memory_a_message_is_refused_and_may_come_again),
	    cmocka_unit_test(without_memory_there_is_no_table),
	    cmocka_unit_test(siphash_gives_the_vectors),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
