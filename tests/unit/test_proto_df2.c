/* Messages of appliance/proto_df2.c: those of the DF2/MF. */
#include <stdio.h>
#include <string.h>

#include "appliance/proto_df2.h"
#include "wire.h"

GETTER(msg_x2_ask, struct msg_x2_ask)
GETTER(msg_x2_legs, struct msg_x2_legs)
GETTER(msg_x2_ended, struct msg_x2_ended)
GETTER(msg_content, struct msg_content)
GETTER(msg_stored, struct msg_stored)
GETTER(msg_hi2_keys, struct msg_hi2_keys)
GETTER(msg_hi2_order, struct msg_hi2_order)
GETTER(msg_counts, struct msg_counts)
GETTER(x2_settings, struct x2_settings)
GETTER(hi2_settings, struct hi2_settings)

/* A destination alone: no message ends with it that is nothing else. */
static enum err
get_destination(struct rd r)
{
	static struct destination d;
	const enum err rc = destination_get(&r, &d);

	return rc == ERR_OK ? rd_end(&r) : ERR_MALFORMED;
}

static char long_text[300]; /* 'n', longer than any name */

/* ---- x2 and policy ---- */

static size_t
put_ask(const struct msg_x2_ask *m)
{
	struct wr w = writer();
	size_t len;

	msg_x2_ask_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_x2_ask_max(m));
	return len;
}

static struct msg_x2_ask
an_ask(unsigned n_done)
{
	struct msg_x2_ask m = {.epoch = 0x0102030405060708,
	    .kind = X2_ASK_NO_KEYS,
	    .again = true,
	    .call_reason = XK_MALFORMED,
	    .n_done = n_done};

	memset(m.xid, 0x78, sizeof(m.xid));
	for (unsigned i = 0; i < n_done; i++)
		m.done[i] = 0xa1a2a3a4a5a60000 + i;
	m.call = str("the call");
	return m;
}

static void
x2_ask_round_trips_whole_within_its_maximum(void **state)
{
	static const unsigned counts[] = {0, 1, MAX_LEGS};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct msg_x2_ask m = an_ask(counts[i]);
		struct msg_x2_ask out;
		const size_t len = put_ask(&m);

		assert_int_equal(msg_x2_ask_get(view(buf, len), &out), ERR_OK);
		assert_true(out.epoch == m.epoch);
		assert_int_equal(out.kind, X2_ASK_NO_KEYS);
		assert_memory_equal(out.xid, m.xid, XID_LEN);
		assert_true(out.again);
		assert_int_equal(out.call_reason, XK_MALFORMED);
		assert_int_equal(out.n_done, counts[i]);
		for (unsigned k = 0; k < counts[i]; k++)
			assert_true(out.done[k] == m.done[k]);
		assert_true(rd_equal(&out.call, &m.call));
		only_whole(get_msg_x2_ask, len);
	}
}

/* policy's table of what x2 may send has this length. */
static void
the_shortest_x2_ask_has_32_octets(void **state)
{
	const struct msg_x2_ask m = {.kind = X2_ASK_SIP};

	(void)state;
	assert_int_equal(put_ask(&m), 32);
	assert_int_equal(get_msg_x2_ask(view(buf, 32)), ERR_OK);
}

static void
x2_ask_refuses_a_field_out_of_range(void **state)
{
	struct msg_x2_ask m = an_ask(0);
	size_t len = put_ask(&m);

	(void)state;
	only_below(get_msg_x2_ask, len, 8, X2_ASK__MAX);
	only_below(get_msg_x2_ask, len, 8 + 1 + XID_LEN, 2);
	only_below(get_msg_x2_ask, len, 8 + 1 + XID_LEN + 1, XK_REASON__MAX);
	/* the count of legs: only the true one leaves nothing over */
	m = an_ask(MAX_LEGS);
	len = put_ask(&m);
	only_between(get_msg_x2_ask, len, 8 + 1 + XID_LEN + 2, MAX_LEGS,
	    MAX_LEGS + 1);
}

static size_t
put_legs(const struct msg_x2_legs *m)
{
	struct wr w = writer();

	msg_x2_legs_put(&w, m);
	return written(&w);
}

static void
x2_legs_round_trip_whole(void **state)
{
	static const unsigned counts[] = {0, 1, MAX_LEGS};
	struct msg_x2_legs m = {.epoch = UINT64_MAX - 1}, out;

	(void)state;
	for (unsigned i = 0; i < MAX_LEGS; i++)
		m.leg[i] = 0xfffefdfcfbfa0000 + i;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		size_t len;

		m.n = counts[i];
		len = put_legs(&m);
		assert_int_equal(msg_x2_legs_get(view(buf, len), &out), ERR_OK);
		assert_true(out.epoch == m.epoch);
		assert_int_equal(out.n, m.n);
		for (unsigned k = 0; k < m.n; k++)
			assert_true(out.leg[k] == m.leg[k]);
		only_whole(get_msg_x2_legs, len);
	}
}

/* As many octets as the count says do not make it right. */
static void
more_legs_than_there_may_be_are_refused(void **state)
{
	static uint8_t many[8 + 1 + 8 * 255];

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		many[8] = (uint8_t)n;
		assert_int_equal(get_msg_x2_legs(view(many, 9 + 8 * n)),
		    n <= MAX_LEGS ? ERR_OK : ERR_MALFORMED);
	}
}

static void
x2_ended_round_trips_and_never_grants(void **state)
{
	struct msg_x2_ended m = {.epoch = 0x1112131415161718,
	    .leg = 0x2122232425262728};
	struct msg_x2_ended out;
	size_t len = 0;

	(void)state;
	for (int v = XK_MALFORMED; v < XK_REASON__MAX; v++) {
		struct wr w = writer();

		m.reason = (enum xk_reason)v;
		msg_x2_ended_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_x2_ended_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(out.epoch == m.epoch && out.leg == m.leg);
		assert_int_equal(out.reason, v);
	}
	only_whole(get_msg_x2_ended, len);
	only_between(get_msg_x2_ended, len, 16, XK_GRANTED + 1, XK_REASON__MAX);
}

/* ---- x2 and hi2 ---- */

static size_t
put_content(const struct msg_content *m)
{
	struct wr w = writer();
	size_t len;

	msg_content_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_content_max(m));
	return len;
}

static void
content_round_trips_whole_within_its_maximum(void **state)
{
	static uint8_t big[70000]; /* more than 16 bit can count */
	struct msg_content m = {.epoch = 0x3132333435363738,
			       .correlation = {1, 2, 3, 4, 5, 6, 7, 8},
			       .seconds = -2,
			       .nanoseconds = 999999999,
			       .direction = 3},
			   out;
	size_t len;

	(void)state;
	m.sip = str("INVITE sip:alice@example.com SIP/2.0\r\n\r\n");
	len = put_content(&m);
	assert_int_equal(msg_content_get(view(buf, len), &out), ERR_OK);
	assert_true(out.epoch == m.epoch);
	assert_memory_equal(out.correlation, m.correlation, 8);
	assert_true(out.seconds == -2);
	assert_int_equal(out.nanoseconds, 999999999);
	assert_int_equal(out.direction, 3);
	assert_true(rd_equal(&out.sip, &m.sip));
	only_whole(get_msg_content, len);

	m.sip = view(big, sizeof(big));
	len = put_content(&m);
	assert_int_equal(msg_content_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.sip.left, sizeof(big));
}

static void
a_second_has_less_than_a_thousand_million_nanoseconds(void **state)
{
	static const uint32_t bad[] = {1000000000, 1000000001, UINT32_MAX};
	struct msg_content m = {.nanoseconds = 0};

	(void)state;
	assert_int_equal(get_msg_content(view(buf, put_content(&m))), ERR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m.nanoseconds = bad[i];
		assert_int_equal(get_msg_content(view(buf, put_content(&m))),
		    ERR_MALFORMED);
	}
}

static void
stored_round_trips_whole(void **state)
{
	const struct msg_stored m = {0x4142434445464748, 0x5152535455565758};
	struct msg_stored out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_stored_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_stored_get(view(buf, len), &out), ERR_OK);
	assert_true(out.epoch == m.epoch && out.leg == m.leg);
	only_whole(get_msg_stored, len);
}

/* ---- destinations ---- */

static struct destination
a_destination(void)
{
	struct destination d = {.leg = 0x6162636465666768};

	d.liid = str("LI-2026-0001");
	d.lemf[d.n_lemfs++] = str("police");
	d.lemf[d.n_lemfs++] = str("court");
	d.target[d.n_targets++] = str("sip:alice@example.com");
	d.target[d.n_targets++] = str("tel:+15550100");
	d.target[d.n_targets++] = str("sip:a@example.com");
	return d;
}

static void
same_destination(const struct destination *a, const struct destination *b)
{
	assert_true(a->leg == b->leg);
	assert_true(rd_equal(&a->liid, &b->liid));
	assert_int_equal(a->n_lemfs, b->n_lemfs);
	for (unsigned i = 0; i < a->n_lemfs; i++)
		assert_true(rd_equal(&a->lemf[i], &b->lemf[i]));
	assert_int_equal(a->n_targets, b->n_targets);
	for (unsigned i = 0; i < a->n_targets; i++)
		assert_true(rd_equal(&a->target[i], &b->target[i]));
}

static size_t
put_destination(const struct destination *d)
{
	struct wr w = writer();
	size_t len;

	destination_put(&w, d);
	len = written(&w);
	assert_int_equal(len, destination_max(d));
	return len;
}

static void
destination_round_trips_whole_within_its_maximum(void **state)
{
	struct destination d = a_destination(), out;
	struct rd r = view(buf, put_destination(&d));

	(void)state;
	only_whole(get_destination, r.left);
	assert_int_equal(destination_get(&r, &out), ERR_OK);
	assert_int_equal(r.left, 0);
	same_destination(&d, &out);
}

/* As long as every part of a warrant may be. */
static void
the_longest_destination_round_trips(void **state)
{
	struct destination d = {.n_lemfs = MAX_WARRANT_LEMFS,
			       .n_targets = MAX_WARRANT_IDS},
			   out;
	struct rd r;

	(void)state;
	d.liid = view(long_text, MAX_LIID);
	for (unsigned i = 0; i < MAX_WARRANT_LEMFS; i++)
		d.lemf[i] = view(long_text, MAX_NAME);
	for (unsigned i = 0; i < MAX_WARRANT_IDS; i++)
		d.target[i] = view(long_text, MAX_PUBLIC_ID);
	r = view(buf, put_destination(&d));
	assert_int_equal(destination_get(&r, &out), ERR_OK);
	same_destination(&d, &out);
}

static void
refused_destination(const struct destination *d)
{
	assert_int_equal(get_destination(view(buf, put_destination(d))),
	    ERR_MALFORMED);
}

static void
a_destination_without_a_liid_or_with_a_longer_one_is_refused(void **state)
{
	struct destination d = a_destination();

	(void)state;
	d.liid.left = 0;
	refused_destination(&d);
	d.liid = view(long_text, MAX_LIID + 1);
	refused_destination(&d);
	d.liid = view(long_text, 255);
	refused_destination(&d);
	d.liid = view(long_text, 1);
	assert_int_equal(get_destination(view(buf, put_destination(&d))),
	    ERR_OK);
}

static void
the_name_of_a_lemf_has_1_to_64_octets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct destination d = a_destination();

		d.lemf[i].left = 0;
		refused_destination(&d);
		d.lemf[i] = view(long_text, MAX_NAME + 1);
		refused_destination(&d);
		d.lemf[i] = view(long_text, MAX_NAME);
		assert_int_equal(get_destination(
				     view(buf, put_destination(&d))),
		    ERR_OK);
	}
}

static void
no_identity_of_a_destination_is_empty(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct destination d = a_destination();

		d.target[i].left = 0;
		refused_destination(&d);
	}
}

/* A leg, a LIID, then so many names and so many identities of one octet. */
static size_t
put_counted(unsigned n_lemfs, unsigned n_targets)
{
	struct wr w = writer();

	wr_u64(&w, 1);
	wr_view8(&w, "L", 1);
	wr_u8(&w, (uint8_t)n_lemfs);
	for (unsigned i = 0; i < n_lemfs; i++)
		wr_view8(&w, "l", 1);
	wr_u8(&w, (uint8_t)n_targets);
	for (unsigned i = 0; i < n_targets; i++)
		wr_view8(&w, "t", 1);
	return written(&w);
}

static void
a_destination_has_1_to_8_lemfs_and_1_to_64_identities(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		assert_int_equal(get_destination(view(buf, put_counted(n, 1))),
		    n >= 1 && n <= MAX_WARRANT_LEMFS ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(get_destination(view(buf, put_counted(1, n))),
		    n >= 1 && n <= MAX_WARRANT_IDS ? ERR_OK : ERR_MALFORMED);
	}
}

/* A warrant on two targets, of which the second is known by two identities. */
struct two_targets {
	char *first[1], *second[2], *lemf[3];
	struct warrant_target target[2];
	struct warrant w;
};

static void
make_warrant(struct two_targets *t)
{
	static char alice[] = "sip:alice@example.com",
		    bob[] = "sip:bob@example.com", tel[] = "tel:+15550100",
		    lemf[3][8] = {"police", "court", "third"};

	*t = (struct two_targets){.first = {alice}, .second = {bob, tel}};
	for (unsigned i = 0; i < 3; i++)
		t->lemf[i] = lemf[i];
	t->target[0].ids = (struct words){t->first, 1};
	t->target[1].ids = (struct words){t->second, 2};
	t->w.n_targets = 2;
	t->w.target = t->target;
	t->w.lemfs = (struct words){t->lemf, 3};
	(void)snprintf(t->w.liid, sizeof(t->w.liid), "LI-2026-0001");
}

static void
is_to_all_lemfs(const struct destination *d)
{
	assert_true(d->leg == 77);
	assert_true(rd_is(&d->liid, "LI-2026-0001", 12));
	assert_int_equal(d->n_lemfs, 3);
	assert_true(rd_is(&d->lemf[0], "police", 6));
	assert_true(rd_is(&d->lemf[1], "court", 5));
	assert_true(rd_is(&d->lemf[2], "third", 5));
}

static void
a_destination_is_of_the_one_target_that_has_the_identity(void **state)
{
	struct two_targets t;
	struct destination d;

	(void)state;
	make_warrant(&t);
	for (unsigned i = 0; i < 2; i++) { /* by either of its identities */
		memset(&d, 0xa5, sizeof(d));
		destination_of(&t.w, 77, str(t.second[i]), &d);
		is_to_all_lemfs(&d);
		assert_int_equal(d.n_targets, 2);
		assert_true(rd_is(&d.target[0], "sip:bob@example.com", 19));
		assert_true(rd_is(&d.target[1], "tel:+15550100", 13));
	}
	destination_of(&t.w, 77, str("sip:alice@example.com"), &d);
	is_to_all_lemfs(&d);
	assert_int_equal(d.n_targets, 1);
	assert_true(rd_is(&d.target[0], "sip:alice@example.com", 21));
	assert_int_equal(get_destination(view(buf, put_destination(&d))),
	    ERR_OK);
}

/* Nor can it be sent: it would be a record about nobody. */
static void
an_identity_that_is_no_targets_has_no_destination(void **state)
{
	static const char *const others[] = {"sip:carol@example.com",
	    "sip:alice@example.co", "sip:alice@example.comm", ""};
	struct two_targets t;
	struct destination d;

	(void)state;
	make_warrant(&t);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		memset(&d, 0xa5, sizeof(d));
		destination_of(&t.w, 77, str(others[i]), &d);
		assert_int_equal(d.n_targets, 0);
		refused_destination(&d);
	}
}

/* ---- to hi2 ---- */

static size_t
put_keys(const struct msg_hi2_keys *m)
{
	struct wr w = writer();
	size_t len;

	msg_hi2_keys_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_hi2_keys_max(m));
	return len;
}

static void
hi2_keys_round_trip_whole_within_their_maximum(void **state)
{
	struct msg_hi2_keys m = {.epoch = 0x7172737475767778}, out;
	size_t len;

	(void)state;
	m.to = a_destination();
	for (int v = 0; v < XK_REASON__MAX; v++) {
		m.reason = (enum xk_reason)v;
		m.answer = str(v == XK_GRANTED ? "the keys" : "");
		len = put_keys(&m);
		assert_int_equal(msg_hi2_keys_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(out.epoch == m.epoch);
		assert_int_equal(out.reason, v);
		same_destination(&m.to, &out.to);
		assert_true(rd_equal(&out.answer, &m.answer));
		only_whole(get_msg_hi2_keys, len);
	}
}

/* In clear for the first LEMF, sealed for the second, none for the third. */
static struct msg_hi2_keys
three_ways(void)
{
	struct msg_hi2_keys m = {.epoch = 7};

	m.to = a_destination();
	m.to.n_lemfs = 3;
	for (unsigned i = 0; i < 3; i++) {
		m.to.lemf[i] = str(i == 0 ? "a" : i == 1 ? "b" : "c");
		m.how[i] = (enum hi2_keys_how)i;
	}
	m.answer = str("the keys");
	m.ids = str("id--1id--2");
	m.sealed[1] = view("\0\3one\0\5three", 12);
	return m;
}

static void
each_lemf_has_its_own_way(void **state)
{
	const struct msg_hi2_keys m = three_ways();
	const size_t len = put_keys(&m);
	struct msg_hi2_keys out;

	(void)state;
	assert_int_equal(msg_hi2_keys_get(view(buf, len), &out), ERR_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(out.how[i], m.how[i]);
	assert_true(rd_equal(&out.answer, &m.answer));
	assert_true(rd_equal(&out.ids, &m.ids));
	assert_true(rd_equal(&out.sealed[1], &m.sealed[1]));
	only_whole(get_msg_hi2_keys, len);
}

static void
malformed_keys(const struct msg_hi2_keys *m)
{
	assert_int_equal(get_msg_hi2_keys(view(buf, put_keys(m))),
	    ERR_MALFORMED);
}

static void
keys_are_as_they_are_said_to_be(void **state)
{
	struct msg_hi2_keys m = three_ways();

	(void)state;
	m.how[2] = HI2_KEYS_HOW__MAX;
	malformed_keys(&m);
	m = three_ways(); /* one more key in clear than nobody */
	m.how[0] = HI2_KEYS_NONE;
	malformed_keys(&m);
	m = three_ways(); /* ids, and nobody that keys are sealed to */
	m.how[1] = HI2_KEYS_NONE;
	malformed_keys(&m);
	m = three_ways();
	m.ids = view(NULL, 0);
	malformed_keys(&m);
	m = three_ways(); /* an empty one, one too few, one too many */
	m.sealed[1] = view("\0\3one\0\0", 7);
	malformed_keys(&m);
	m.sealed[1] = view("\0\3one", 5);
	malformed_keys(&m);
	m.sealed[1] = view("\0\3one\0\5three\0\3one", 17);
	malformed_keys(&m);
	m = three_ways(); /* nobody gets any: that is not granted */
	for (unsigned i = 0; i < 3; i++)
		m.how[i] = HI2_KEYS_NONE;
	m.answer = m.ids = view(NULL, 0);
	malformed_keys(&m);
}

static void
sealed_keys_have_their_bounds(void **state)
{
	static uint8_t run[HI2_SEALED_MAX + 4096], ids[MAX_CS * HI2_CS_ID_LEN];
	struct msg_hi2_keys m = three_ways();
	struct wr w;

	(void)state;
	for (size_t len = HI2_SEALED_KEY_MAX; len < HI2_SEALED_KEY_MAX + 2;
	     len++) {
		wr_init(&w, run, sizeof(run));
		wr_view16(&w, run + 10000, len);
		wr_view16(&w, run + 10000, 1);
		m.sealed[1] = view(run, w.len);
		assert_int_equal(get_msg_hi2_keys(view(buf, put_keys(&m))),
		    len == HI2_SEALED_KEY_MAX ? ERR_OK : ERR_MALFORMED);
	}
	for (size_t n = 95; n < 98; n++) { /* 2048 octets and a length each */
		wr_init(&w, run, sizeof(run));
		for (size_t i = 0; i < n; i++)
			wr_view16(&w, buf + sizeof(buf) / 2,
			    HI2_SEALED_KEY_MAX);
		assert_int_equal(w.rc, ERR_OK);
		m.sealed[1] = view(run, w.len);
		m.ids = view(ids, n * HI2_CS_ID_LEN);
		assert_int_equal(get_msg_hi2_keys(view(buf, put_keys(&m))),
		    w.len <= HI2_SEALED_MAX ? ERR_OK : ERR_MALFORMED);
	}
}

static void
keys_are_there_when_granted_and_never_else(void **state)
{
	struct msg_hi2_keys m = {.reason = XK_GRANTED};
	size_t len;

	(void)state;
	m.to = a_destination();
	assert_int_equal(get_msg_hi2_keys(view(buf, put_keys(&m))),
	    ERR_MALFORMED);
	m.answer = str("the keys");
	len = put_keys(&m);
	only_between(get_msg_hi2_keys, len, 8, XK_GRANTED, XK_GRANTED + 1);
	m.reason = XK_UNAVAILABLE;
	m.answer = view(NULL, 0);
	len = put_keys(&m);
	only_between(get_msg_hi2_keys, len, 8, XK_GRANTED + 1, XK_REASON__MAX);
}

static size_t
put_order(const struct msg_hi2_order *m)
{
	struct wr w = writer();
	size_t len;

	msg_hi2_order_put(&w, m);
	len = written(&w);
	assert_int_equal(len, msg_hi2_order_max(m));
	return len;
}

static void
hi2_order_round_trips_whole_within_its_maximum(void **state)
{
	struct msg_hi2_order m = {.epoch = 0x8182838485868788}, out;
	size_t len;

	(void)state;
	m.to = a_destination();
	for (int k = X2_ASK_NO_KEYS; k < X2_ASK__MAX; k++) {
		m.kind = (enum x2_ask_kind)k;
		len = put_order(&m);
		assert_int_equal(msg_hi2_order_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(out.epoch == m.epoch);
		assert_int_equal(out.kind, k);
		same_destination(&m.to, &out.to);
		only_whole(get_msg_hi2_order, len);
	}
}

/* Whatever policy says, keys come from a worker. */
static void
an_order_is_of_a_record_without_keys(void **state)
{
	struct msg_hi2_order m = {.kind = X2_ASK_SIP};

	(void)state;
	m.to = a_destination();
	only_between(get_msg_hi2_order, put_order(&m), 8, X2_ASK_KEYS + 1,
	    X2_ASK__MAX);
}

/* ---- counts ---- */

static void
counts_round_trip_whole_and_are_at_most_32(void **state)
{
	static uint8_t many[1 + 8 * 255];
	struct msg_counts m, out;

	(void)state;
	for (unsigned i = 0; i < MAX_COUNTS; i++)
		m.v[i] = UINT64_MAX - i;
	for (m.n = 0; m.n <= MAX_COUNTS; m.n++) {
		struct wr w = writer();
		size_t len;

		msg_counts_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_counts_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.n, m.n);
		for (unsigned i = 0; i < m.n; i++)
			assert_true(out.v[i] == m.v[i]);
		only_whole(get_msg_counts, len);
	}
	for (unsigned n = 0; n < 256; n++) {
		many[0] = (uint8_t)n;
		assert_int_equal(get_msg_counts(view(many, 1 + 8 * n)),
		    n <= MAX_COUNTS ? ERR_OK : ERR_MALFORMED);
	}
}

static void
counts_have_names_of_their_own(void **state)
{
	(void)state;
	assert_true(X2_COUNT__MAX <= MAX_COUNTS);
	assert_true(HI2_COUNT__MAX <= MAX_COUNTS);
	for (unsigned i = 0; i < X2_COUNT__MAX; i++) {
		assert_non_null(x2_count_name((enum x2_count)i));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(x2_count_name((enum x2_count)i),
			    x2_count_name((enum x2_count)k));
	}
	for (unsigned i = 0; i < HI2_COUNT__MAX; i++) {
		assert_non_null(hi2_count_name((enum hi2_count)i));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(hi2_count_name(
						    (enum hi2_count)i),
			    hi2_count_name((enum hi2_count)k));
	}
	assert_string_equal(x2_count_name(X2_COUNT_NO_WARRANT), "noWarrant");
	assert_string_equal(x2_count_name(X2_COUNT_GIVEN_UP), "givenUp");
	assert_string_equal(hi2_count_name(HI2_COUNT_UNKNOWN_LEMF),
	    "unknownLemf");
	assert_string_equal(hi2_count_name(HI2_COUNT_UNFIT), "unfit");
}

/* ---- settings ---- */

static void
x2_settings_round_trip_whole(void **state)
{
	struct x2_settings m, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	/* They are compared with what is between the fields. */
	memset(&m, 0, sizeof(m));
	memset(&out, 0, sizeof(out));
	m.max_connections = 1;
	m.handshake_seconds = 2;
	m.idle_seconds = 3;
	m.max_calls = 4;
	m.max_mib = 5;
	m.call_idle_seconds = 6;
	m.wait_ms = 7;
	m.retry_seconds = UINT32_MAX;
	m.admission = (struct admission_settings){8, 9, 10, 11, 12, 13};
	m.remote = true;
	x2_settings_put(&w, &m);
	len = written(&w);
	assert_int_equal(x2_settings_get(view(buf, len), &out), ERR_OK);
	assert_memory_equal(&out, &m, sizeof(m));
	only_whole(get_x2_settings, len);
}

static size_t
put_hi2_settings(const struct hi2_settings *m)
{
	struct wr w = writer();

	hi2_settings_put(&w, m);
	return written(&w);
}

static void
same_lemf(const struct lemf_settings *a, const struct lemf_settings *b)
{
	assert_true(rd_equal(&a->name, &b->name));
	assert_true(rd_equal(&a->profile, &b->profile));
	assert_int_equal(a->n_options, b->n_options);
	for (unsigned i = 0; i < a->n_options; i++) {
		assert_true(rd_equal(&a->option[i].name, &b->option[i].name));
		assert_true(rd_equal(&a->option[i].value, &b->option[i].value));
	}
	assert_int_equal(a->queue_mib, b->queue_mib);
	assert_int_equal(a->queue_days, b->queue_days);
	assert_int_equal(a->linked, b->linked);
	assert_int_equal(a->slot, b->slot);
	assert_int_equal(a->dead_seconds, b->dead_seconds);
}

static void
hi2_settings_round_trip_whole(void **state)
{
	static struct hi2_settings m, out;
	size_t len;

	(void)state;
	m.spool = str("/var/lib/keywarden/spool.db");
	m.n_lemfs = 2;
	m.lemf[0] = (struct lemf_settings){.n_options = 0};
	m.lemf[0].name = str("police");
	m.lemf[0].profile = str("etsi");
	m.lemf[1].name = str("court");
	m.lemf[1].profile = str("etsi-2");
	m.lemf[1].n_options = 2;
	m.lemf[1].option[0].name = str("form");
	m.lemf[1].option[0].value = str("");
	m.lemf[1].option[1].name = str("operator_id");
	m.lemf[1].option[1].value = view(long_text, 255);
	m.lemf[1].queue_mib = 1 << 24;
	m.lemf[1].queue_days = 30;
	m.lemf[1].linked = true;
	m.lemf[1].slot = MAX_LEMFS - 1;
	m.lemf[1].dead_seconds = 60;
	len = put_hi2_settings(&m);
	assert_int_equal(hi2_settings_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.spool, &m.spool));
	assert_int_equal(out.n_lemfs, 2);
	same_lemf(&out.lemf[0], &m.lemf[0]);
	same_lemf(&out.lemf[1], &m.lemf[1]);
	only_whole(get_hi2_settings, len);

	m.n_lemfs = 0; /* the role without a LEMF */
	len = put_hi2_settings(&m);
	assert_int_equal(hi2_settings_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.n_lemfs, 0);
	only_whole(get_hi2_settings, len);
}

/* So many LEMFs, each with so many options, whatever a struct can hold. */
static size_t
put_lemfs(unsigned n, unsigned n_options)
{
	struct wr w = writer();

	wr_view16(&w, "/s", 2);
	wr_u64(&w, 1048576);
	wr_u8(&w, (uint8_t)n);
	for (unsigned i = 0; i < n; i++) {
		wr_view8(&w, "n", 1);
		wr_view8(&w, "p", 1);
		wr_u8(&w, (uint8_t)n_options);
		for (unsigned k = 0; k < 2 * n_options; k++)
			wr_view8(&w, "o", 1);
		wr_u32(&w, 1024);
		wr_u32(&w, 0);
		wr_bool(&w, true);
		wr_u8(&w, (uint8_t)(i % MAX_LEMFS));
		wr_u32(&w, 60);
	}
	return written(&w);
}

static void
hi2_settings_have_at_most_64_lemfs_of_24_options(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		assert_int_equal(get_hi2_settings(view(buf, put_lemfs(n, 0))),
		    n <= MAX_LEMFS ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(get_hi2_settings(view(buf, put_lemfs(1, n))),
		    n <= MAX_LEMF_OPTIONS ? ERR_OK : ERR_MALFORMED);
	}
	assert_int_equal(get_hi2_settings(
			     view(buf, put_lemfs(MAX_LEMFS, MAX_LEMF_OPTIONS))),
	    ERR_OK);
}

/* ---- what all have in common ---- */

static void
what_does_not_fit_fails_the_writer(void **state)
{
	struct msg_hi2_order m = {.kind = X2_ASK_SIP};
	struct wr w = writer();
	size_t len;

	(void)state;
	m.to = a_destination();
	m.to.target[1] = view(long_text, 256); /* more than 8 bit can count */
	msg_hi2_order_put(&w, &m);
	len = 99;
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	m.to = a_destination();
	wr_init(&w, buf, put_order(&m) - 1);
	msg_hi2_order_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	assert_int_equal(len, 99);
}

static int
fill_long_text(void **state)
{
	(void)state;
	memset(long_text, 'n', sizeof(long_text));
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x2_ask_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(the_shortest_x2_ask_has_32_octets),
	    cmocka_unit_test(x2_ask_refuses_a_field_out_of_range),
	    cmocka_unit_test(x2_legs_round_trip_whole),
	    cmocka_unit_test(more_legs_than_there_may_be_are_refused),
	    cmocka_unit_test(x2_ended_round_trips_and_never_grants),
	    cmocka_unit_test(content_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(
		a_second_has_less_than_a_thousand_million_nanoseconds),
	    cmocka_unit_test(stored_round_trips_whole),
	    cmocka_unit_test(destination_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(the_longest_destination_round_trips),
	    cmocka_unit_test(
		a_destination_without_a_liid_or_with_a_longer_one_is_refused),
	    cmocka_unit_test(the_name_of_a_lemf_has_1_to_64_octets),
	    cmocka_unit_test(no_identity_of_a_destination_is_empty),
	    cmocka_unit_test(
		a_destination_has_1_to_8_lemfs_and_1_to_64_identities),
	    cmocka_unit_test(
		a_destination_is_of_the_one_target_that_has_the_identity),
	    cmocka_unit_test(an_identity_that_is_no_targets_has_no_destination),
	    cmocka_unit_test(hi2_keys_round_trip_whole_within_their_maximum),
	    cmocka_unit_test(each_lemf_has_its_own_way),
	    cmocka_unit_test(keys_are_as_they_are_said_to_be),
	    cmocka_unit_test(sealed_keys_have_their_bounds),
	    cmocka_unit_test(keys_are_there_when_granted_and_never_else),
	    cmocka_unit_test(hi2_order_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(an_order_is_of_a_record_without_keys),
	    cmocka_unit_test(counts_round_trip_whole_and_are_at_most_32),
	    cmocka_unit_test(counts_have_names_of_their_own),
	    cmocka_unit_test(x2_settings_round_trip_whole),
	    cmocka_unit_test(hi2_settings_round_trip_whole),
	    cmocka_unit_test(hi2_settings_have_at_most_64_lemfs_of_24_options),
	    cmocka_unit_test(what_does_not_fit_fails_the_writer),
	};

	return cmocka_run_group_tests(tests, fill_long_text, NULL);
}
