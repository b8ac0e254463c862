#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/proto.h"
#include "wire.h"

GETTER(msg_ask, struct msg_ask)
GETTER(msg_refuse, struct msg_refuse)
GETTER(msg_note, struct msg_note)
GETTER(msg_work, struct msg_work)
GETTER(msg_done, struct msg_done)
GETTER(msg_outcome, struct msg_outcome)
GETTER(msg_task, struct msg_task)
GETTER(msg_result, struct msg_result)
GETTER(msg_service, struct msg_service)
GETTER(task_subscriber, struct task_subscriber)
GETTER(task_subscriber_result, struct task_subscriber_result)
GETTER(task_key, struct task_key)
GETTER(task_key_result, struct task_key_result)
GETTER(cli_key_issue, struct cli_key_issue)
GETTER(xk_settings, struct xk_settings)
GETTER(msg_crl, struct msg_crl)
GETTER(policy_settings, struct policy_settings)
GETTER(hsm_settings, struct hsm_settings)
GETTER(init_order, struct init_order)
GETTER(audit_settings, struct audit_settings)

static enum err
get_msg_client(struct rd r)
{
	struct client_proof m;

	return msg_client_get(r, &m);
}

static enum err
get_msg_answer(struct rd r)
{
	static struct xk_get_keys_response k;
	uint64_t epoch;

	return msg_answer_get(r, &epoch, &k);
}

static enum err
get_msg_error(struct rd r)
{
	struct rd text;
	enum err e;

	return msg_error_get(r, &e, &text);
}

/* ---- requests and answers ---- */

static void
ask_round_trips_whole(void **state)
{
	struct msg_ask m = {.epoch = 0x0102030405060708,
			   .role_reason = XK_UNSUPPORTED,
			   .call_reason = XK_MALFORMED},
		       out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.connection = 0x5c5b5a59;
	m.target = str("sip:alice@example.com");
	m.liid = str("LIID");
	m.call = str("the call");
	msg_ask_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_ask_get(view(buf, len), &out), ERR_OK);
	assert_true(out.epoch == m.epoch);
	assert_int_equal(out.connection, m.connection);
	assert_int_equal(out.role_reason, XK_UNSUPPORTED);
	assert_int_equal(out.call_reason, XK_MALFORMED);
	assert_true(rd_equal(&out.target, &m.target));
	assert_true(rd_equal(&out.liid, &m.liid));
	assert_true(rd_equal(&out.call, &m.call));
	only_whole(get_msg_ask, len);
	only_below(get_msg_ask, len, 8 + 4, XK_REASON__MAX);
	only_below(get_msg_ask, len, 8 + 4 + 1, XK_REASON__MAX);
}

static void
refuse_round_trips_and_never_grants(void **state)
{
	struct msg_refuse m = {.epoch = UINT64_MAX}, out;
	size_t len = 0;

	(void)state;
	m.text = str("no such thing");
	for (int v = XK_MALFORMED; v < XK_REASON__MAX; v++) {
		struct wr w = writer();

		m.reason = (enum xk_reason)v;
		msg_refuse_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_refuse_get(view(buf, len), &out), ERR_OK);
		assert_true(out.epoch == m.epoch);
		assert_int_equal(out.reason, v);
		assert_true(rd_equal(&out.text, &m.text));
	}
	only_whole(get_msg_refuse, len);
	buf[8] = XK_GRANTED;
	assert_int_equal(msg_refuse_get(view(buf, len), &out), ERR_MALFORMED);
	for (unsigned v = XK_REASON__MAX; v < 256; v++) {
		buf[8] = (uint8_t)v;
		assert_int_equal(msg_refuse_get(view(buf, len), &out),
		    ERR_MALFORMED);
	}
}

static void
note_round_trips_whole(void **state)
{
	struct msg_note m = {.count = 0xfffefdfc}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.connection = 0x11121314;
	m.text = str("three bad handshakes");
	msg_note_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_note_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.connection, m.connection);
	assert_int_equal(out.count, m.count);
	assert_true(rd_equal(&out.text, &m.text));
	only_whole(get_msg_note, len);
}

static void
client_round_trips_whole_within_its_maximum(void **state)
{
	static uint8_t certificate[70000]; /* more than 16 bit can count */
	struct client_proof m = {.hash = CLIENT_SHA384, .scheme = 0xfedc}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.signature = str("signature");
	m.cert = str("certificate");
	m.transcript = str("all that was said");
	msg_client_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, msg_client_max(&m));
	assert_int_equal(msg_client_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.hash, CLIENT_SHA384);
	assert_int_equal(out.scheme, m.scheme);
	assert_true(rd_equal(&out.signature, &m.signature));
	assert_true(rd_equal(&out.cert, &m.cert));
	assert_true(rd_equal(&out.transcript, &m.transcript));
	only_whole(get_msg_client, len);
	only_below(get_msg_client, len, 0, CLIENT_HASH__MAX);
	m = (struct client_proof){.hash = CLIENT_SHA256};
	w = writer();
	msg_client_put(&w, &m);
	assert_int_equal(written(&w), MSG_CLIENT_LEAST);
	assert_int_equal(get_msg_client(view(buf, MSG_CLIENT_LEAST)), ERR_OK);
	m.cert = view(certificate, sizeof(certificate));
	w = writer();
	msg_client_put(&w, &m);
	assert_int_equal(written(&w), msg_client_max(&m));
}

static void
work_round_trips_whole_within_its_maximum(void **state)
{
	static uint8_t leaf[MAX_AUDIT_LEAF], long_one[70000];
	struct msg_work m = {.route = ROUTE_HI2,
			    .ticket = {0x1122334455667788, 0x99aabbcc},
			    .number = 0xa1a2a3a4a5a6a7a8},
			out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.intent = str("intent");
	m.warrant = str("warrant");
	m.evidence = str("evidence of it");
	m.subscriber = str("subscriber");
	m.call = str("call");
	msg_work_put(&w, &m);
	len = written(&w);
	assert_true(len <= msg_work_max(&m));
	assert_int_equal(msg_work_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.route, ROUTE_HI2);
	assert_true(out.ticket.epoch == m.ticket.epoch);
	assert_int_equal(out.ticket.id, m.ticket.id);
	assert_true(out.number == m.number);
	assert_true(rd_equal(&out.intent, &m.intent));
	assert_true(rd_equal(&out.warrant, &m.warrant));
	assert_true(rd_equal(&out.evidence, &m.evidence));
	assert_true(rd_equal(&out.subscriber, &m.subscriber));
	assert_true(rd_equal(&out.call, &m.call));
	only_whole(get_msg_work, len);
	buf[0] = ROUTE__MAX;
	assert_int_equal(msg_work_get(view(buf, len), &out), ERR_MALFORMED);

	/* the leaf that audit puts in is longer than what policy wished, and
	 * signatures are longer than 16 bit can count */
	m.intent = view(leaf, sizeof(leaf));
	m.evidence = view(long_one, sizeof(long_one));
	m.call = m.warrant = m.evidence;
	w = writer();
	msg_work_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, msg_work_max(&m));
	assert_int_equal(msg_work_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.evidence.left, sizeof(long_one));
	m.warrant = m.evidence = m.subscriber = view(NULL, 0);
	m.call = m.intent = view(NULL, 0);
	w = writer();
	msg_work_put(&w, &m);
	assert_true(written(&w) <= msg_work_max(&m));
}

static void
done_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int told = 0; told < 2; told++)
		for (int v = 0; v < XK_REASON__MAX; v++) {
			const struct msg_done m = {told == 1,
			    (enum xk_reason)v};
			struct msg_done out;
			struct wr w = writer();

			msg_done_put(&w, &m);
			len = written(&w);
			assert_int_equal(msg_done_get(view(buf, len), &out),
			    ERR_OK);
			assert_int_equal(out.told, m.told);
			assert_int_equal(out.reason, m.reason);
		}
	only_whole(get_msg_done, len);
	only_below(get_msg_done, len, 0, 2);
	only_below(get_msg_done, len, 1, XK_REASON__MAX);
}

static void
service_round_trips_whole(void **state)
{
	struct msg_service m = {.workers = 0x01020304,
	    .floor = 0x1112131415161718};
	struct msg_service out;
	size_t len = 0;

	(void)state;
	for (unsigned v = 0; v < 8; v++) {
		struct wr w = writer();

		m.log_has_room = (v & 1) != 0;
		m.test_token = (v & 2) != 0;
		m.state_old = (v & 4) != 0;
		m.floor = -m.floor;
		msg_service_put(&w, &m);
		len = written(&w);
		assert_int_equal(len, MSG_SERVICE_LEN);
		assert_int_equal(msg_service_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.workers, m.workers);
		assert_int_equal(out.log_has_room, m.log_has_room);
		assert_int_equal(out.test_token, m.test_token);
		assert_int_equal(out.state_old, m.state_old);
		assert_true(out.floor == m.floor);
	}
	only_whole(get_msg_service, len);
	for (size_t at = 4; at < 7; at++)
		only_below(get_msg_service, len, at, 2);
}

static void
outcome_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int v = 0; v < XK_REASON__MAX; v++) {
		const struct msg_outcome m = {(enum xk_reason)v, 0x01020304};
		struct msg_outcome out;
		struct wr w = writer();

		msg_outcome_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_outcome_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.reason, m.reason);
		assert_int_equal(out.n_keys, m.n_keys);
	}
	only_whole(get_msg_outcome, len);
	only_below(get_msg_outcome, len, 0, XK_REASON__MAX);
}

/* ---- tasks ---- */

static void
task_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int k = 0; k < TASK__MAX; k++) {
		struct msg_task m = {.kind = (enum task_kind)k}, out;
		struct wr w = writer();

		m.entry = str("entry");
		m.body = str("body of the task");
		msg_task_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_task_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.kind, k);
		assert_true(rd_equal(&out.entry, &m.entry));
		assert_true(rd_equal(&out.body, &m.body));
	}
	only_whole(get_msg_task, len);
	only_below(get_msg_task, len, 0, TASK__MAX);
}

static void
result_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int e = 0; e < ERR__MAX; e++) {
		struct msg_result m = {.rc = (enum err)e}, out;
		struct wr w = writer();

		m.result = str("result");
		msg_result_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_result_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.rc, e);
		assert_true(rd_equal(&out.result, &m.result));
	}
	only_whole(get_msg_result, len);
	only_below(get_msg_result, len, 0, ERR__MAX);
}

static void
subscriber_round_trips_whole(void **state)
{
	static uint8_t request[70000];
	struct task_subscriber m = {.number = 0x0102030405060708}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.request = str("{}");
	m.record = str("sealed record");
	task_subscriber_put(&w, &m);
	len = written(&w);
	assert_int_equal(task_subscriber_get(view(buf, len), &out), ERR_OK);
	assert_true(out.number == m.number);
	assert_true(rd_equal(&out.request, &m.request));
	assert_true(rd_equal(&out.record, &m.record));
	only_whole(get_task_subscriber, len);

	m.record = view(NULL, 0); /* a new one */
	m.request = view(request, sizeof(request));
	w = writer();
	task_subscriber_put(&w, &m);
	len = written(&w);
	assert_int_equal(task_subscriber_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.record.left, 0);
	assert_int_equal(out.request.left, sizeof(request));
}

static void
subscriber_result_round_trips_whole(void **state)
{
	struct task_subscriber_result m, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.record = str("record");
	m.for_device = str("for the device");
	task_subscriber_result_put(&w, &m);
	len = written(&w);
	assert_int_equal(task_subscriber_result_get(view(buf, len), &out),
	    ERR_OK);
	assert_true(rd_equal(&out.record, &m.record));
	assert_true(rd_equal(&out.for_device, &m.for_device));
	only_whole(get_task_subscriber_result, len);
}

static void
task_key_and_its_result_round_trip_whole(void **state)
{
	struct task_key m = {.at = -5}, out;
	struct task_key_result r = {.not_before = INT64_MIN,
				   .not_after = INT64_MAX},
			       rout;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.subscriber = str("sealed record");
	m.identity = str("sip:alice@example.com");
	task_key_put(&w, &m);
	len = written(&w);
	assert_int_equal(task_key_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.subscriber, &m.subscriber));
	assert_true(rd_equal(&out.identity, &m.identity));
	assert_true(out.at == -5);
	only_whole(get_task_key, len);

	r.enveloped = str("enveloped");
	w = writer();
	task_key_result_put(&w, &r);
	len = written(&w);
	assert_int_equal(task_key_result_get(view(buf, len), &rout), ERR_OK);
	assert_true(rout.not_before == INT64_MIN);
	assert_true(rout.not_after == INT64_MAX);
	assert_true(rd_equal(&rout.enveloped, &r.enveloped));
	only_whole(get_task_key_result, len);
}

static void
cli_key_issue_round_trips_whole(void **state)
{
	struct cli_key_issue m = {.at = 1769860800}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.subscriber = str("sip:alice@example.com");
	m.identity = str("sip:phone@example.com");
	cli_key_issue_put(&w, &m);
	len = written(&w);
	assert_int_equal(cli_key_issue_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.subscriber, &m.subscriber));
	assert_true(rd_equal(&out.identity, &m.identity));
	assert_true(out.at == m.at);
	only_whole(get_cli_key_issue, len);
}

/* ---- keys ---- */

static struct xk_get_keys_response keys;

static void
fill_keys(unsigned n, bool sk)
{
	static uint8_t policy[MAX_SP_LEN], mki[MAX_MKI];

	memset(policy, 0x70, sizeof(policy));
	memset(mki, 0x6d, sizeof(mki));
	memset(&keys, 0, sizeof(keys));
	keys.n_keys = n;
	for (unsigned i = 0; i < n; i++) {
		struct xk_session_key *k = &keys.key[i];

		memset(k->crypto_session_id, (int)i, 5);
		memset(k->session_key, (int)i + 1, 16);
		memset(k->salt, (int)i + 2, 14);
		k->has_ssrc = (i & 1) != 0;
		k->has_roc = (i & 2) != 0;
		k->ssrc = 0x01020304 + i;
		k->roc = 0xa0b0c0d0 + i;
		k->policy = view(policy, i % (MAX_SP_LEN + 1));
		k->mki = view(mki, i % (MAX_MKI + 1));
	}
	keys.has_sk = sk;
	memset(keys.sk, 0x51, sizeof(keys.sk));
}

static size_t
put_keys(uint64_t epoch)
{
	struct wr w = writer();
	size_t len;

	msg_answer_put(&w, epoch, &keys);
	len = written(&w);
	assert_true(len <= msg_answer_max(&keys));
	return len;
}

static void
answer_round_trips_whole(void **state)
{
	static struct xk_get_keys_response out;
	const unsigned counts[] = {1, 2, 5, MAX_CS};

	(void)state;
	for (size_t c = 0; c < 4; c++)
		for (int sk = 0; sk < 2; sk++) {
			uint64_t epoch = 0;
			size_t len;

			fill_keys(counts[c], sk == 1);
			len = put_keys(0x1020304050607080);
			memset(&out, 0xee, sizeof(out));
			assert_int_equal(msg_answer_get(view(buf, len), &epoch,
					     &out),
			    ERR_OK);
			assert_true(epoch == 0x1020304050607080);
			assert_int_equal(out.n_keys, keys.n_keys);
			assert_int_equal(out.has_sk, sk == 1);
			if (sk == 1)
				assert_memory_equal(out.sk, keys.sk, 16);
			for (unsigned i = 0; i < keys.n_keys; i++) {
				const struct xk_session_key *a = &keys.key[i],
							    *b = &out.key[i];

				assert_memory_equal(b->crypto_session_id,
				    a->crypto_session_id, 5);
				assert_memory_equal(b->session_key,
				    a->session_key, 16);
				assert_memory_equal(b->salt, a->salt, 14);
				assert_int_equal(b->has_ssrc, a->has_ssrc);
				assert_int_equal(b->has_roc, a->has_roc);
				assert_int_equal(b->ssrc, a->ssrc);
				assert_int_equal(b->roc, a->roc);
				assert_true(rd_equal(&b->policy, &a->policy));
				assert_true(rd_equal(&b->mki, &a->mki));
			}
			if (counts[c] <= 5)
				only_whole(get_msg_answer, len);
		}
}

static void
an_answer_of_no_keys_or_odd_flags_is_refused(void **state)
{
	struct xk_get_keys_response *out = calloc(1, sizeof(*out));
	uint64_t epoch;
	size_t len;

	(void)state;
	assert_non_null(out);
	fill_keys(0, false);
	len = put_keys(1);
	assert_int_equal(msg_answer_get(view(buf, len), &epoch, out),
	    ERR_MALFORMED);
	fill_keys(1, true);
	len = put_keys(1);
	/* has_ssrc, has_roc behind id, key and salt */
	only_below(get_msg_answer, len, 8 + 1 + 5 + 16 + 14, 4);
	/* has_sk before sk */
	buf[len - 17] = 2;
	assert_int_equal(msg_answer_get(view(buf, len), &epoch, out),
	    ERR_MALFORMED);
	/* more keys said than there are */
	len = put_keys(1);
	buf[8] = 2;
	assert_int_equal(msg_answer_get(view(buf, len), &epoch, out),
	    ERR_MALFORMED);
	free(out);
}

static void
a_policy_longer_than_an_answer_can_carry_is_refused(void **state)
{
	static uint8_t policy[MAX_SP_LEN + 1];
	struct xk_get_keys_response *out = calloc(1, sizeof(*out));
	uint64_t epoch;
	size_t len;

	(void)state;
	assert_non_null(out);
	fill_keys(1, false);
	keys.key[0].policy = view(policy, MAX_SP_LEN);
	len = put_keys(1);
	assert_int_equal(msg_answer_get(view(buf, len), &epoch, out), ERR_OK);
	keys.key[0].policy = view(policy, MAX_SP_LEN + 1);
	len = put_keys(1);
	assert_int_equal(msg_answer_get(view(buf, len), &epoch, out),
	    ERR_MALFORMED);
	free(out);
}

/* ---- errors ---- */

static void
error_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int v = 0; v < ERR__MAX; v++) {
		enum err e = ERR__MAX;
		struct rd text;
		struct wr w = writer();

		msg_error_put(&w, (enum err)v, "what was tried");
		len = written(&w);
		assert_int_equal(msg_error_get(view(buf, len), &e, &text),
		    ERR_OK);
		assert_int_equal(e, v);
		assert_true(rd_is(&text, "what was tried", 14));
	}
	only_whole(get_msg_error, len);
	only_below(get_msg_error, len, 0, ERR__MAX);
}

/* ---- lists of revoked certificates ---- */

static void
crl_states_round_trip_whole(void **state)
{
	const struct msg_crl m = {CRL_ENDED, 0x0102030405060708};
	struct msg_crls all = {.n = MAX_CRLS}, out;
	struct msg_crl one;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_crl_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, MSG_CRL_LEN);
	assert_int_equal(msg_crl_get(view(buf, len), &one), ERR_OK);
	assert_true(one.state == m.state && one.ends == m.ends);
	only_whole(get_msg_crl, len);
	buf[0] = CRL_STATE__MAX;
	assert_int_equal(msg_crl_get(view(buf, len), &one), ERR_MALFORMED);

	for (unsigned i = 0; i < MAX_CRLS; i++) {
		all.of[i].section = str("lemf north");
		all.of[i].is = (struct msg_crl){CRL_GOOD, i};
	}
	w = writer();
	msg_crls_put(&w, &all);
	len = written(&w);
	assert_int_equal(msg_crls_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.n, MAX_CRLS);
	assert_int_equal(out.of[9].is.ends, 9);
	assert_true(rd_equal(&out.of[9].section, &all.of[9].section));
	assert_int_equal(msg_crls_get(view(buf, len - 1), &out), ERR_MALFORMED);
	memcpy(buf + len, buf, 20);
	assert_int_equal(msg_crls_get(view(buf, len + 20), &out), ERR_TOOBIG);
	assert_int_equal(msg_crls_get(view(buf, 0), &out), ERR_OK);
	assert_int_equal(out.n, 0);
}

/* ---- settings ---- */

static void
settings_round_trip_whole(void **state)
{
	const struct xk_settings x = {1, 2, 3, 4, 5, 6, 7, 0xffffffff,
	    {8, 9, 10, 11, 12, 13}};
	const struct audit_settings a = {0x0102030405060708, UINT64_MAX};
	struct hsm_settings h = {.index = 7, .job_seconds = 8, .threads = 3},
			    hout;
	struct audit_settings aout;
	struct xk_settings xout;
	struct wr w = writer();
	size_t len;

	(void)state;
	xk_settings_put(&w, &x);
	len = written(&w);
	assert_int_equal(xk_settings_get(view(buf, len), &xout), ERR_OK);
	assert_memory_equal(&xout, &x, sizeof(x));
	only_whole(get_xk_settings, len);

	w = writer();
	audit_settings_put(&w, &a);
	len = written(&w);
	assert_int_equal(audit_settings_get(view(buf, len), &aout), ERR_OK);
	assert_true(aout.chunk == a.chunk && aout.most == a.most);
	only_whole(get_audit_settings, len);

	h.module = str("/usr/lib/module.so");
	h.label = str("label");
	w = writer();
	hsm_settings_put(&w, &h);
	len = written(&w);
	assert_int_equal(hsm_settings_get(view(buf, len), &hout), ERR_OK);
	assert_int_equal(hout.index, 7);
	assert_int_equal(hout.job_seconds, 8);
	assert_true(rd_equal(&hout.module, &h.module));
	assert_true(rd_equal(&hout.label, &h.label));
	only_whole(get_hsm_settings, len);
}

static void
init_order_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int make = 0; make < 2; make++) {
		struct init_order m = {.make_token = make == 1}, out;
		struct wr w = writer();

		m.module = str("/usr/lib/module.so");
		m.label = str("label");
		init_order_put(&w, &m);
		len = written(&w);
		assert_int_equal(init_order_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.make_token, make == 1);
		assert_true(rd_equal(&out.module, &m.module));
		assert_true(rd_equal(&out.label, &m.label));
	}
	only_whole(get_init_order, len);
	only_below(get_init_order, len, 0, 2);
	only_below(get_init_order, len, 1, 2);
}

static void
policy_settings_round_trip_whole(void **state)
{
	static uint8_t text[4096];
	struct policy_settings m, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.database = str("/var/lib/keywarden/registry/registry.db");
	m.config = str("kms.period = month\n");
	m.df2 = m.remote = m.production = true;
	m.owner = 1000;
	policy_settings_put(&w, &m);
	len = written(&w);
	assert_int_equal(policy_settings_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.database, &m.database));
	assert_true(rd_equal(&out.config, &m.config));
	assert_true(out.df2 && out.remote && out.production);
	assert_int_equal(out.owner, m.owner);
	only_whole(get_policy_settings, len);
	m.config = view(text, sizeof(text));
	w = writer();
	policy_settings_put(&w, &m);
	len = written(&w);
	assert_int_equal(policy_settings_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.config.left, sizeof(text));
}

/* ---- what all have in common ---- */

static void
what_does_not_fit_fails_the_writer(void **state)
{
	static uint8_t big[65536];
	struct msg_ask ask = {.epoch = 1};
	struct msg_work work = {.ticket = {1, 1}};
	struct wr w = writer();
	size_t len = 99;

	(void)state;
	ask.target = view(big, 256);
	msg_ask_put(&w, &ask);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	w = writer();
	work.intent = view(big, 65536);
	msg_work_put(&w, &work);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	/* a buffer too small by one octet */
	work.intent = str("intent");
	w = writer();
	msg_work_put(&w, &work);
	len = written(&w);
	wr_init(&w, buf, len - 1);
	msg_work_put(&w, &work);
	len = 99;
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	assert_int_equal(len, 99);
}

static void
requests_are_even_and_answers_one_more(void **state)
{
	static const int request[] = {MSG_CTL_FILE, MSG_CTL_PEER, MSG_CTL_SETUP,
	    MSG_CTL_RELOAD, MSG_CTL_STOP, MSG_CTL_INIT, MSG_ASK, MSG_NOTE,
	    MSG_CONN, MSG_CLIENT, MSG_CONN_GONE, MSG_GRANT, MSG_RECORD,
	    MSG_CHANGE, MSG_TASK, MSG_WORK, MSG_DURABLE, MSG_LEARN, MSG_DO_TASK,
	    MSG_CHAIN, MSG_CLI_STATUS, MSG_CLI_SUBMIT, MSG_CLI_WARRANT_LIST,
	    MSG_CLI_WARRANT_CHECK, MSG_CLI_REQUEST_LIST, MSG_CLI_REQUEST_SHOW,
	    MSG_CLI_SUBSCRIBER_LIST, MSG_CLI_STATE, MSG_CLI_KEY_ISSUE,
	    MSG_CLI_DELIVERY, MSG_XID, MSG_X2_ASK, MSG_CONTENT,
	    MSG_CONTENT_GONE};
	static const int pair[][2] = {{MSG_CTL_SETUP, MSG_CTL_READY},
	    {MSG_CTL_INIT, MSG_CTL_INIT_DONE}, {MSG_ASK, MSG_REFUSE},
	    {MSG_CONN, MSG_CONN_NONCE}, {MSG_GRANT, MSG_DONE},
	    {MSG_RECORD, MSG_RECORDED}, {MSG_CHANGE, MSG_CHANGED},
	    {MSG_TASK, MSG_TASK_DONE}, {MSG_WORK, MSG_OUTCOME},
	    {MSG_DURABLE, MSG_CLOSED}, {MSG_LEARN, MSG_LEARNT},
	    {MSG_DO_TASK, MSG_TASK_RESULT}, {MSG_CHAIN, MSG_CHAINED},
	    {MSG_XID, MSG_XID_IS}, {MSG_X2_ASK, MSG_X2_LEGS},
	    {MSG_CONTENT, MSG_STORED}};
	static const int others[] = {MSG_CTL_FAILED, MSG_SERVICE,
	    MSG_WORKER_READY, MSG_ANSWER, MSG_NO_ANSWER, MSG_CLI_OK,
	    MSG_CLI_ERROR, MSG_X2_ENDED, MSG_XIDS_CHANGED, MSG_X2_AGAIN,
	    MSG_X2_COUNTS, MSG_HI2_KEYS, MSG_HI2_ORDER, MSG_HI2_COUNTS};

	(void)state;
	for (size_t i = 0; i < sizeof(request) / sizeof(request[0]); i++) {
		assert_int_equal(request[i] % 2, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(request[i], request[k]);
	}
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		assert_int_equal(pair[i][1], pair[i][0] + 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(others[i] % 2, 1);
		for (size_t k = 0; k < sizeof(pair) / sizeof(pair[0]); k++)
			assert_int_not_equal(others[i], pair[k][1]);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(others[i], others[k]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ask_round_trips_whole),
	    cmocka_unit_test(refuse_round_trips_and_never_grants),
	    cmocka_unit_test(note_round_trips_whole),
	    cmocka_unit_test(client_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(work_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(done_round_trips_whole),
	    cmocka_unit_test(service_round_trips_whole),
	    cmocka_unit_test(outcome_round_trips_whole),
	    cmocka_unit_test(task_round_trips_whole),
	    cmocka_unit_test(result_round_trips_whole),
	    cmocka_unit_test(subscriber_round_trips_whole),
	    cmocka_unit_test(subscriber_result_round_trips_whole),
	    cmocka_unit_test(task_key_and_its_result_round_trip_whole),
	    cmocka_unit_test(cli_key_issue_round_trips_whole),
	    cmocka_unit_test(answer_round_trips_whole),
	    cmocka_unit_test(an_answer_of_no_keys_or_odd_flags_is_refused),
	    cmocka_unit_test(
		a_policy_longer_than_an_answer_can_carry_is_refused),
	    cmocka_unit_test(error_round_trips_whole),
	    cmocka_unit_test(crl_states_round_trip_whole),
	    cmocka_unit_test(settings_round_trip_whole),
	    cmocka_unit_test(init_order_round_trips_whole),
	    cmocka_unit_test(policy_settings_round_trip_whole),
	    cmocka_unit_test(what_does_not_fit_fails_the_writer),
	    cmocka_unit_test(requests_are_even_and_answers_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
