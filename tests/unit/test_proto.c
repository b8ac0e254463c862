#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/proto.h"
#include "help.h"

static uint8_t buf[1 << 20];

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static struct rd
str(const char *s)
{
	return view(s, strlen(s));
}

static struct wr
writer(void)
{
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	return w;
}

static size_t
written(const struct wr *w)
{
	size_t len = 0;

	assert_int_equal(wr_finish(w, &len), ERR_OK);
	return len;
}

/* A get function as one that can be asked for the result alone. */
typedef enum err get_fn(struct rd);

/*
 * Every prefix and one trailing octet of what is in buf is refused, each in
 * memory of its own size.
 */
static void
only_whole(get_fn *get, size_t len)
{
	uint8_t *p;

	assert_int_equal(get(view(buf, len)), ERR_OK);
	for (size_t n = 0; n <= len + 1; n++) {
		if (n == len)
			continue;
		p = calloc(1, n > 0 ? n : 1);
		assert_non_null(p);
		memcpy(p, buf, n < len ? n : len);
		if (get(view(p, n)) != ERR_MALFORMED)
			fail_msg("%zu of %zu octets", n, len);
		free(p);
	}
}

/* The octet at `at` may only have the values below `most`. */
static void
only_below(get_fn *get, size_t len, size_t at, unsigned most)
{
	const uint8_t was = buf[at];

	for (unsigned v = 0; v < 256; v++) {
		buf[at] = (uint8_t)v;
		if ((get(view(buf, len)) == ERR_OK) != (v < most))
			fail_msg("%u at octet %zu", v, at);
	}
	buf[at] = was;
}

#define GETTER(name, type) \
	static enum err get_##name(struct rd r) \
	{ \
		static type m; \
		return name##_get(r, &m); \
	}
GETTER(msg_ask, struct msg_ask)
GETTER(msg_refuse, struct msg_refuse)
GETTER(msg_note, struct msg_note)
GETTER(msg_work, struct msg_work)
GETTER(msg_done, struct msg_done)
GETTER(msg_revoke, struct msg_revoke)
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
GETTER(policy_settings, struct policy_settings)
GETTER(hsm_settings, struct hsm_settings)
GETTER(init_order, struct init_order)
GETTER(audit_settings, struct audit_settings)

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
	memset(m.client, 0x5c, sizeof(m.client));
	m.target = str("sip:alice@example.com");
	m.liid = str("LIID");
	m.call = str("the call");
	msg_ask_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_ask_get(view(buf, len), &out), ERR_OK);
	assert_true(out.epoch == m.epoch);
	assert_memory_equal(out.client, m.client, 32);
	assert_int_equal(out.role_reason, XK_UNSUPPORTED);
	assert_int_equal(out.call_reason, XK_MALFORMED);
	assert_true(rd_equal(&out.target, &m.target));
	assert_true(rd_equal(&out.liid, &m.liid));
	assert_true(rd_equal(&out.call, &m.call));
	only_whole(get_msg_ask, len);
	only_below(get_msg_ask, len, 8 + 32, XK_REASON__MAX);
	only_below(get_msg_ask, len, 8 + 32 + 1, XK_REASON__MAX);
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
	memset(m.client, 0x11, sizeof(m.client));
	m.text = str("three bad handshakes");
	msg_note_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_note_get(view(buf, len), &out), ERR_OK);
	assert_memory_equal(out.client, m.client, 32);
	assert_int_equal(out.count, m.count);
	assert_true(rd_equal(&out.text, &m.text));
	only_whole(get_msg_note, len);
}

static void
work_round_trips_whole_within_its_maximum(void **state)
{
	static uint8_t leaf[MAX_AUDIT_LEAF];
	struct msg_work m = {.ticket = {0x1122334455667788, 0x99aabbcc}}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.intent = str("intent");
	m.warrant = str("warrant");
	m.subscriber = str("subscriber");
	m.call = str("call");
	msg_work_put(&w, &m);
	len = written(&w);
	assert_true(len <= msg_work_max(&m));
	assert_int_equal(msg_work_get(view(buf, len), &out), ERR_OK);
	assert_true(out.ticket.epoch == m.ticket.epoch);
	assert_int_equal(out.ticket.id, m.ticket.id);
	assert_true(rd_equal(&out.intent, &m.intent));
	assert_true(rd_equal(&out.warrant, &m.warrant));
	assert_true(rd_equal(&out.subscriber, &m.subscriber));
	assert_true(rd_equal(&out.call, &m.call));
	only_whole(get_msg_work, len);

	/* the leaf that audit puts in is longer than what policy wished */
	m.intent = view(leaf, sizeof(leaf));
	w = writer();
	msg_work_put(&w, &m);
	assert_int_equal(written(&w), msg_work_max(&m));
	m.warrant = m.subscriber = m.call = m.intent = view(NULL, 0);
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
	const struct msg_service m = {.workers = 0x01020304,
	    .log_has_room = true};
	struct msg_service out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_service_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, MSG_SERVICE_LEN);
	assert_int_equal(msg_service_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.workers, m.workers);
	assert_true(out.log_has_room);
	assert_false(out.test_token);
	only_whole(get_msg_service, len);
	only_below(get_msg_service, len, 4, 2);
	only_below(get_msg_service, len, 5, 2);
}

static void
revoke_round_trips_whole(void **state)
{
	struct msg_revoke m, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	m.entry = str("entry");
	m.cms = str("cms");
	msg_revoke_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_revoke_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.entry, &m.entry));
	assert_true(rd_equal(&out.cms, &m.cms));
	only_whole(get_msg_revoke, len);

	m.entry = view(NULL, 0); /* one that is in the log */
	w = writer();
	msg_revoke_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_revoke_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.entry.left, 0);
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
subscriber_round_trips_with_each_number_of_devices(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= MAX_DEVICES; n++) {
		static struct task_subscriber m, out;
		struct wr w = writer();
		size_t len;

		m.identity = str("sip:alice@example.com");
		m.n_devices = n;
		for (unsigned i = 0; i < n; i++)
			m.device[i] = str(&"0123456789abcdef"[i]);
		m.label = str("label");
		m.device_cert = str("certificate");
		m.wrapped_seed = n % 2 == 0 ? str("seed") : view(NULL, 0);
		task_subscriber_put(&w, &m);
		len = written(&w);
		assert_int_equal(task_subscriber_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(rd_equal(&out.identity, &m.identity));
		assert_int_equal(out.n_devices, n);
		for (unsigned i = 0; i < n; i++)
			assert_true(rd_equal(&out.device[i], &m.device[i]));
		assert_true(rd_equal(&out.label, &m.label));
		assert_true(rd_equal(&out.device_cert, &m.device_cert));
		assert_true(rd_equal(&out.wrapped_seed, &m.wrapped_seed));
		only_whole(get_task_subscriber, len);
	}
}

static void
more_devices_than_allowed_are_refused(void **state)
{
	static struct task_subscriber out;

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		struct wr w = writer();
		size_t len;
		enum err rc;

		wr_view8(&w, "sip:a", 5);
		wr_u8(&w, (uint8_t)n);
		for (unsigned i = 0; i < n; i++)
			wr_view8(&w, "d", 1);
		wr_view8(&w, "", 0);
		wr_view16(&w, "", 0);
		wr_view16(&w, "", 0);
		len = written(&w);
		rc = task_subscriber_get(view(buf, len), &out);
		assert_int_equal(rc, n <= MAX_DEVICES ? ERR_OK : ERR_MALFORMED);
	}
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

/* ---- settings ---- */

static void
settings_round_trip_whole(void **state)
{
	const struct xk_settings x = {1, 2, 3, 4, 5, 6, 0xffffffff};
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
}

static void
policy_settings_round_trip_with_each_number_of_clients(void **state)
{
	static const unsigned counts[] = {0, 1, 3, MAX_CLIENTS};
	static struct policy_settings m, out;
	static char name[MAX_CLIENTS][8];

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		struct wr w = writer();
		size_t len;

		m.database = str("/var/lib/keywarden/registry.db");
		m.n_clients = counts[c];
		for (unsigned i = 0; i < m.n_clients; i++) {
			(void)snprintf(name[i], sizeof(name[i]), "c%u", i);
			m.client[i].name = str(name[i]);
			memset(m.client[i].fingerprint, (int)i, 32);
		}
		policy_settings_put(&w, &m);
		len = written(&w);
		assert_int_equal(policy_settings_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(rd_equal(&out.database, &m.database));
		assert_int_equal(out.n_clients, m.n_clients);
		for (unsigned i = 0; i < m.n_clients; i++) {
			assert_true(
			    rd_equal(&out.client[i].name, &m.client[i].name));
			assert_memory_equal(out.client[i].fingerprint,
			    m.client[i].fingerprint, 32);
		}
		if (counts[c] <= 3)
			only_whole(get_policy_settings, len);
	}
}

static void
more_clients_than_allowed_are_refused(void **state)
{
	static const unsigned counts[] = {MAX_CLIENTS, MAX_CLIENTS + 1, 1000,
	    65535};
	static struct policy_settings out;

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		struct wr w = writer();
		enum err rc;
		size_t len;

		wr_view16(&w, "/db", 3);
		wr_u16(&w, (uint16_t)counts[c]);
		/* as many as there is room for, which is enough for 1000 */
		for (unsigned i = 0; i < counts[c] && i < 1000; i++) {
			uint8_t print[32] = {0};

			wr_view8(&w, "c", 1);
			wr_copy(&w, print, sizeof(print));
		}
		len = written(&w);
		rc = policy_settings_get(view(buf, len), &out);
		assert_int_equal(rc,
		    counts[c] <= MAX_CLIENTS ? ERR_OK : ERR_MALFORMED);
	}
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
	    MSG_GRANT, MSG_RECORD, MSG_REVOKE, MSG_TASK, MSG_WORK, MSG_DURABLE,
	    MSG_LEARN, MSG_DO_TASK, MSG_CLI_STATUS, MSG_CLI_WARRANT_ADD,
	    MSG_CLI_WARRANT_LIST, MSG_CLI_WARRANT_REVOKE, MSG_CLI_WARRANT_CHECK,
	    MSG_CLI_SUBSCRIBER_ADD, MSG_CLI_SUBSCRIBER_LIST,
	    MSG_CLI_SUBSCRIBER_REMOVE, MSG_CLI_KEY_ISSUE};
	static const int pair[][2] = {{MSG_CTL_SETUP, MSG_CTL_READY},
	    {MSG_CTL_INIT, MSG_CTL_INIT_DONE}, {MSG_ASK, MSG_REFUSE},
	    {MSG_GRANT, MSG_DONE}, {MSG_RECORD, MSG_RECORDED},
	    {MSG_REVOKE, MSG_REVOKED}, {MSG_TASK, MSG_TASK_DONE},
	    {MSG_WORK, MSG_OUTCOME}, {MSG_DURABLE, MSG_CLOSED},
	    {MSG_LEARN, MSG_LEARNT}, {MSG_DO_TASK, MSG_TASK_RESULT}};

	(void)state;
	for (size_t i = 0; i < sizeof(request) / sizeof(request[0]); i++) {
		assert_int_equal(request[i] % 2, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(request[i], request[k]);
	}
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		assert_int_equal(pair[i][1], pair[i][0] + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ask_round_trips_whole),
	    cmocka_unit_test(refuse_round_trips_and_never_grants),
	    cmocka_unit_test(note_round_trips_whole),
	    cmocka_unit_test(work_round_trips_whole_within_its_maximum),
	    cmocka_unit_test(done_round_trips_whole),
	    cmocka_unit_test(service_round_trips_whole),
	    cmocka_unit_test(revoke_round_trips_whole),
	    cmocka_unit_test(outcome_round_trips_whole),
	    cmocka_unit_test(task_round_trips_whole),
	    cmocka_unit_test(result_round_trips_whole),
	    cmocka_unit_test(
		subscriber_round_trips_with_each_number_of_devices),
	    cmocka_unit_test(more_devices_than_allowed_are_refused),
	    cmocka_unit_test(subscriber_result_round_trips_whole),
	    cmocka_unit_test(task_key_and_its_result_round_trip_whole),
	    cmocka_unit_test(cli_key_issue_round_trips_whole),
	    cmocka_unit_test(answer_round_trips_whole),
	    cmocka_unit_test(an_answer_of_no_keys_or_odd_flags_is_refused),
	    cmocka_unit_test(
		a_policy_longer_than_an_answer_can_carry_is_refused),
	    cmocka_unit_test(error_round_trips_whole),
	    cmocka_unit_test(settings_round_trip_whole),
	    cmocka_unit_test(init_order_round_trips_whole),
	    cmocka_unit_test(
		policy_settings_round_trip_with_each_number_of_clients),
	    cmocka_unit_test(more_clients_than_allowed_are_refused),
	    cmocka_unit_test(what_does_not_fit_fails_the_writer),
	    cmocka_unit_test(requests_are_even_and_answers_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
