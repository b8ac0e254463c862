/*
 * call: which messages make a call, how they must belong together, whose
 * secret is wanted, and the form in which a call travels between processes.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_rig.h"
#include "xk/call.h"

/* Exchanges of the vectors, by their "n". */
#define NORMAL 0
#define UPDATE_BY_RESPONDER 25
#define UPDATE_WITHOUT_IDS 30
#define FORK 35
#define RETARGET 41
#define DEFERRED 43
#define COUNTER 48
#define UPDATE_BY_INITIATOR 53

/* A call of the vectors in memory of our own, to be changed field by field. */
struct sample {
	struct request q;
	struct call c;
	struct trial t;
	const char *caller, *called, *answering;
};

static void
sample_init(struct sample *s, long long n, bool update)
{
	const json_t *e = rig_exchange(n);
	struct xk_get_keys k;

	trial_init(&s->t, e, update, 0);
	request_init(&s->q, &s->t);
	k = request_keys(&s->q);
	assert_int_equal(call_from_request(&k, &s->c), XK_GRANTED);
	s->caller = text(member(e, "initiator"), "identity");
	s->called = text(member(e, "intended"), "identity");
	s->answering = text(member(e, "answering"), "identity");
}

/* With R_MESSAGE_2, and in an update with all of the first exchange. */
static void
sample_init_full(struct sample *s, long long n, bool update)
{
	const json_t *e = rig_exchange(n);
	struct xk_get_keys k;

	sample_init(s, n, update);
	request_set(&s->q, R_MESSAGE_2, e, "rMessage2");
	if (update) {
		request_set(&s->q, FIRST_R_MESSAGE_1, e, "rMessage1");
		request_set(&s->q, FIRST_I_MESSAGE_2, e, "iMessage2");
	}
	k = request_keys(&s->q);
	assert_int_equal(call_from_request(&k, &s->c), XK_GRANTED);
}

/* An update from which the IBAKE payloads are taken. */
static void
sample_init_old_keys(struct sample *s, long long n)
{
	struct xk_get_keys k;

	sample_init_full(s, n, true);
	msg_remove(&s->q.part[I_MESSAGE_1], 22, 0);
	msg_remove(&s->q.part[R_MESSAGE_1], 22, 0);
	k = request_keys(&s->q);
	assert_int_equal(call_from_request(&k, &s->c), XK_GRANTED);
	assert_int_equal(s->c.kind, CALL_UPDATE_OLD_KEYS);
}

static void
sample_done(struct sample *s)
{
	trial_done(&s->t);
}

static struct mikey_id
id(const char *text)
{
	return (struct mikey_id){.there = true, .data = str(text)};
}

static const struct mikey_id no_id = {.there = false};

/* call_check for one identity. */
static enum err
check(const struct call *c, const char *who, enum call_role *role,
    struct rd *as)
{
	const struct rd ids[] = {str(who)};
	const struct call_target t = {ids, 1};

	return call_check(c, &t, role, as);
}

static void
assert_role(const struct call *c, const char *who, enum call_role want)
{
	enum call_role role;
	struct rd as;

	assert_int_equal(check(c, who, &role, &as), ERR_OK);
	assert_int_equal(role, want);
	assert_true(rd_is(&as, who, strlen(who)));
}

static void
assert_no_role(const struct call *c, const char *who)
{
	enum call_role role;
	struct rd as;

	assert_int_equal(check(c, who, &role, &as), ERR_MISMATCH);
}

/* Neither party may have the keys: the messages do not belong together. */
static void
assert_mismatch(const struct sample *s)
{
	assert_no_role(&s->c, s->caller);
	assert_no_role(&s->c, s->answering);
	assert_no_role(&s->c, s->called);
}

static void
assert_fits(const struct sample *s)
{
	enum call_role role;
	struct rd as;

	assert_int_equal(check(&s->c, s->caller, &role, &as), ERR_OK);
	assert_int_equal(check(&s->c, s->answering, &role, &as), ERR_OK);
}

/* One change that must not pass, and back. */
#define SPOIL(s, lvalue, value) \
	do { \
		__typeof__(lvalue) was_ = (lvalue); \
		assert_fits(s); \
		(lvalue) = (value); \
		assert_mismatch(s); \
		(lvalue) = was_; \
		assert_fits(s); \
	} while (0)

/* One change that says nothing. */
#define IGNORE(s, lvalue, value) \
	do { \
		__typeof__(lvalue) was_ = (lvalue); \
		(lvalue) = (value); \
		assert_fits(s); \
		(lvalue) = was_; \
	} while (0)

/* ---- from the request ---- */

static struct sample s;

static void
is_of_its_kind(struct trial *t)
{
	static struct request q;
	static struct call c;
	struct xk_get_keys k;

	request_init(&q, t);
	k = request_keys(&q);
	assert_int_equal(call_from_request(&k, &c), XK_GRANTED);
	assert_int_equal(c.kind, t->update == NULL ? CALL_FIRST : CALL_UPDATE);
	assert_true(c.i1.there && c.r1.there);
	assert_int_equal(c.i2.there, t->update == NULL);
	assert_int_equal(c.r2.there, q.part[R_MESSAGE_2].len > 0);
	assert_int_equal(c.first_i1.there, t->update != NULL);
	assert_false(c.first_r1.there || c.first_i2.there);
}

static void
requests_of_the_vectors_are_of_their_kind(void **state)
{
	(void)state;
	each_trial(is_of_its_kind);
}

/* The reason with the parts left out whose bits are set. */
static enum xk_reason
without(const struct sample *from, unsigned bits, struct call *out)
{
	static struct request q;
	struct xk_get_keys k;

	q = from->q;
	for (unsigned i = 0; i < PART__MAX; i++)
		if ((bits >> i & 1) != 0)
			q.part[i].len = 0;
	k = request_keys(&q);
	return call_from_request(&k, out);
}

static void
with_i_message_2_it_is_a_first_exchange(void **state)
{
	static struct call c;
	const json_t *e = rig_exchange(UPDATE_BY_RESPONDER);

	(void)state;
	sample_init_full(&s, UPDATE_BY_RESPONDER, false);
	request_set(&s.q, FIRST_I_MESSAGE_1, e, "iMessage1");
	assert_int_equal(without(&s, 0, &c), XK_GRANTED);
	assert_int_equal(c.kind, CALL_FIRST);
	assert_int_equal(c.i1.kind, MIKEY_I_MESSAGE_1);
	assert_int_equal(c.r1.kind, MIKEY_R_MESSAGE_1);
	sample_done(&s);
}

static void
a_first_exchange_needs_three_messages(void **state)
{
	static struct call c;

	(void)state;
	sample_init_full(&s, NORMAL, false);
	assert_int_equal(without(&s, 0, &c), XK_GRANTED);
	assert_int_equal(without(&s, 1U << R_MESSAGE_2, &c), XK_GRANTED);
	assert_int_equal(without(&s, 1U << I_MESSAGE_1, &c), XK_MALFORMED);
	assert_int_equal(without(&s, 1U << R_MESSAGE_1, &c), XK_MALFORMED);
	/* Neither iMessage2 nor firstIMessage1. */
	assert_int_equal(without(&s, 1U << I_MESSAGE_2, &c), XK_MALFORMED);
	sample_done(&s);
}

static void
an_update_needs_the_first_i_message_1(void **state)
{
	static struct call c;
	const unsigned first_r1 = 1U << FIRST_R_MESSAGE_1,
		       first_i2 = 1U << FIRST_I_MESSAGE_2;

	(void)state;
	sample_init_full(&s, UPDATE_BY_RESPONDER, true);
	for (unsigned b = 0; b < 1U << PART__MAX; b++) {
		const unsigned may =
		    first_r1 | first_i2 | 1U << R_MESSAGE_2 | 1U << I_MESSAGE_2;

		assert_int_equal(without(&s, b, &c),
		    (b & ~may) == 0 ? XK_GRANTED : XK_MALFORMED);
		if ((b & ~may) == 0)
			assert_int_equal(c.kind, CALL_UPDATE);
	}
	sample_done(&s);
}

static void
an_update_without_ibake_needs_all_three(void **state)
{
	static struct call c;

	(void)state;
	sample_init_old_keys(&s, UPDATE_BY_RESPONDER);
	for (unsigned b = 0; b < 1U << PART__MAX; b++) {
		const unsigned may = 1U << R_MESSAGE_2 | 1U << I_MESSAGE_2;

		assert_int_equal(without(&s, b, &c),
		    (b & ~may) == 0 ? XK_GRANTED : XK_MALFORMED);
		if ((b & ~may) == 0)
			assert_int_equal(c.kind, CALL_UPDATE_OLD_KEYS);
	}
	sample_done(&s);
}

static void
ec_values_in_one_message_of_an_update_only_are_malformed(void **state)
{
	static struct call c;

	(void)state;
	for (int part = I_MESSAGE_1; part <= R_MESSAGE_1; part++) {
		sample_init_full(&s, UPDATE_BY_INITIATOR, true);
		msg_remove(&s.q.part[part], 22, 0);
		assert_int_equal(without(&s, 0, &c), XK_MALFORMED);
		sample_done(&s);
	}
}

/* Whatever message is there must be one. */
static void
every_message_that_is_there_must_parse(void **state)
{
	static struct call c;

	(void)state;
	for (int update = 0; update < 2; update++) {
		sample_init_full(&s, UPDATE_BY_INITIATOR, update == 1);
		for (int part = 0; part < PART__MAX; part++) {
			struct msg *m = &s.q.part[part];

			if (m->len == 0)
				continue;
			m->b[0] ^= 2; /* version */
			assert_int_equal(without(&s, 0, &c), XK_MALFORMED);
			m->b[0] ^= 2;
			assert_int_equal(without(&s, 0, &c), XK_GRANTED);
		}
		sample_done(&s);
	}
}

static void
messages_of_a_first_exchange_are_none_of_an_update(void **state)
{
	static struct call c;
	const json_t *e = rig_exchange(UPDATE_BY_INITIATOR);

	(void)state;
	sample_init(&s, UPDATE_BY_INITIATOR, true);
	request_set(&s.q, R_MESSAGE_1, e, "rMessage1"); /* without V */
	assert_int_equal(without(&s, 0, &c), XK_MALFORMED);
	sample_done(&s);
	sample_init(&s, UPDATE_BY_INITIATOR, false);
	request_set(&s.q, I_MESSAGE_1, member(e, "update"), "iMessage1");
	assert_int_equal(without(&s, 0, &c), XK_MALFORMED); /* no RAND */
	sample_done(&s);
}

static void
malformed_comes_before_unsupported(void **state)
{
	static struct call c;

	(void)state;
	sample_init_full(&s, UPDATE_BY_INITIATOR, true);
	for (int a = 0; a < PART__MAX; a++) {
		if (s.q.part[a].len == 0)
			continue;
		s.q.part[a].b[3] |= 0x40; /* PRF 64 and more */
		assert_int_equal(without(&s, 0, &c), XK_UNSUPPORTED);
		assert_int_equal(c.kind, CALL_UPDATE); /* it is filled */
		for (int b = 0; b < PART__MAX; b++) {
			if (s.q.part[b].len == 0)
				continue;
			s.q.part[b].b[9] ^= 1; /* map type */
			assert_int_equal(without(&s, 0, &c), XK_MALFORMED);
			s.q.part[b].b[9] ^= 1;
		}
		s.q.part[a].b[3] &= 0xbf;
	}
	/* And what is missing is malformed as well. */
	s.q.part[I_MESSAGE_1].b[3] |= 0x40;
	assert_int_equal(without(&s, 1U << FIRST_I_MESSAGE_1, &c),
	    XK_MALFORMED);
	sample_done(&s);
	sample_init_old_keys(&s, UPDATE_BY_INITIATOR);
	s.q.part[FIRST_I_MESSAGE_1].b[3] |= 0x40;
	assert_int_equal(without(&s, 1U << FIRST_R_MESSAGE_1, &c),
	    XK_MALFORMED);
	sample_done(&s);
}

/* ---- a first exchange ---- */

static void
both_parties_take_part(struct trial *t)
{
	static struct request q;
	static struct call c;
	const struct call_target target = {t->ids, t->n_ids};
	const char *want = text(t->xk, "role");
	const char *as_want = text(t->xk, "identity");
	enum call_role role;
	struct xk_get_keys k;
	struct rd as;

	request_init(&q, t);
	k = request_keys(&q);
	assert_int_equal(call_from_request(&k, &c), XK_GRANTED);
	assert_int_equal(call_check(&c, &target, &role, &as), ERR_OK);
	assert_int_equal(role,
	    strcmp(want, "initiator") == 0	 ? CALL_INITIATOR
		: strcmp(want, "responder") == 0 ? CALL_RESPONDER
						 : CALL_RECIPIENT);
	assert_true(rd_is(&as, as_want, strlen(as_want)));
}

static void
targets_of_the_vectors_have_their_roles(void **state)
{
	(void)state;
	each_trial(both_parties_take_part);
}

static void
messages_of_one_bundle_only(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	SPOIL(&s, s.c.i1.csb_id, s.c.i1.csb_id ^ 1);
	SPOIL(&s, s.c.r1.csb_id, s.c.r1.csb_id ^ 1);
	SPOIL(&s, s.c.i2.csb_id, s.c.i2.csb_id ^ 1);
	SPOIL(&s, s.c.r2.csb_id, s.c.r2.csb_id ^ 0x80000000U);
	SPOIL(&s, s.c.i1.prf, 1);
	SPOIL(&s, s.c.r1.prf, 1);
	SPOIL(&s, s.c.i2.prf, 1);
	SPOIL(&s, s.c.r2.prf, 1);
	SPOIL(&s, s.c.i1.ts_type, MIKEY_TS_NTP);
	SPOIL(&s, s.c.r1.ts_type, MIKEY_TS_NTP);
	SPOIL(&s, s.c.i2.ts_type, MIKEY_TS_NTP);
	SPOIL(&s, s.c.r2.ts_type, MIKEY_TS_NTP);
	sample_done(&s);
}

static void
answers_repeat_the_time_and_questions_have_a_later_one(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	SPOIL(&s, s.c.r1.ts, s.c.i1.ts + 1);
	SPOIL(&s, s.c.r1.ts, s.c.i1.ts - 1);
	SPOIL(&s, s.c.r1.ts, s.c.i2.ts);
	SPOIL(&s, s.c.r2.ts, s.c.i2.ts + 1);
	SPOIL(&s, s.c.r2.ts, s.c.i1.ts);
	s.c.r2.there = false;
	SPOIL(&s, s.c.i2.ts, s.c.i1.ts);
	SPOIL(&s, s.c.i2.ts, s.c.i1.ts - 1);
	IGNORE(&s, s.c.i2.ts, s.c.i1.ts + 1);
	/* The second after the era's end is later. */
	s.c.i1.ts = s.c.r1.ts = 0xffffffffffffffffULL;
	s.c.i2.ts = 0;
	assert_fits(&s);
	s.c.i1.ts = s.c.r1.ts = 0;
	s.c.i2.ts = 0xffffffffffffffffULL;
	assert_mismatch(&s);
	/* A COUNTER has no eras. */
	s.c.i1.ts_type = s.c.r1.ts_type = s.c.i2.ts_type = MIKEY_TS_COUNTER;
	assert_fits(&s);
	s.c.i1.ts = s.c.r1.ts = 0xffffffff;
	s.c.i2.ts = 0;
	assert_mismatch(&s);
	sample_done(&s);
}

static void
the_rand_of_both_questions_is_the_same(void **state)
{
	static uint8_t rand[255];

	(void)state;
	sample_init_full(&s, NORMAL, false);
	for (size_t i = 0; i < s.c.i1.rand.left; i++) {
		struct rd other;

		memcpy(rand, s.c.i1.rand.p, s.c.i1.rand.left);
		rand[i] ^= 1;
		rd_init(&other, rand, s.c.i1.rand.left);
		SPOIL(&s, s.c.i2.rand, other);
		SPOIL(&s, s.c.i1.rand, other);
	}
	memcpy(rand, s.c.i1.rand.p, s.c.i1.rand.left);
	struct rd longer;

	rd_init(&longer, rand, s.c.i1.rand.left + 1);
	SPOIL(&s, s.c.i2.rand, longer);
	sample_done(&s);
}

static void
identities_are_those_of_the_exchange(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	SPOIL(&s, s.c.r1.idri, id("sip:mallory@example.com"));
	SPOIL(&s, s.c.r1.idri, id(s.answering));
	SPOIL(&s, s.c.i2.idri, id("sip:mallory@example.com"));
	SPOIL(&s, s.c.i2.idrr, id("sip:mallory@example.com"));
	SPOIL(&s, s.c.r2.idri, id("sip:mallory@example.com"));
	SPOIL(&s, s.c.r2.idrr, id("sip:mallory@example.com"));
	/* R_MESSAGE_2 may leave them out, each. */
	IGNORE(&s, s.c.r2.idri, no_id);
	IGNORE(&s, s.c.r2.idrr, no_id);
	s.c.r2.idri = s.c.r2.idrr = no_id;
	assert_fits(&s);
	/* Octet for octet. */
	SPOIL(&s, s.c.i2.idrr, id("sip:Bob@example.net"));
	SPOIL(&s, s.c.i2.idrr, id("sip:bob@example.ne"));
	SPOIL(&s, s.c.i2.idrr, id("sip:bob@example.net."));
	sample_done(&s);
}

static void
r_message_2_need_not_be_there(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	s.c.r2.there = false;
	assert_fits(&s);
	sample_done(&s);
}

/* Those that R_MESSAGE_1 has count: docs/PROTOCOL.md. */
static void
crypto_sessions_need_not_be_the_same(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	IGNORE(&s, s.c.i1.n_cs, 9);
	IGNORE(&s, s.c.r1.n_cs, 9);
	IGNORE(&s, s.c.i2.n_cs, 9);
	IGNORE(&s, s.c.r1.cs[0].ssrc, 1);
	sample_done(&s);
}

/* Forking and retargeting: who answers need not be who was called. */
static void
another_may_answer_than_was_called(void **state)
{
	(void)state;
	sample_init_full(&s, NORMAL, false);
	s.c.i1.idrr = id("sip:someone.else@example.net");
	assert_role(&s.c, s.caller, CALL_INITIATOR);
	assert_role(&s.c, s.answering, CALL_RESPONDER);
	assert_no_role(&s.c, "sip:someone.else@example.net");
	sample_done(&s);
}

static void
only_the_parties_are_targets(void **state)
{
	static const char *const others[] = {"sip:mallory@example.com",
	    "sip:alice@example.co", "sip:alice@example.com ", "",
	    "SIP:alice@example.com", "sip:alice@EXAMPLE.com",
	    "sip:alice@example.com;transport=tcp"};
	const struct call_target nobody = {NULL, 0};
	enum call_role role;
	struct rd as;

	(void)state;
	sample_init_full(&s, NORMAL, false);
	assert_role(&s.c, s.caller, CALL_INITIATOR);
	assert_role(&s.c, s.answering, CALL_RESPONDER);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_no_role(&s.c, others[i]);
	assert_int_equal(call_check(&s.c, &nobody, &role, &as), ERR_MISMATCH);
	sample_done(&s);
}

static void
a_device_stands_for_its_subscriber(void **state)
{
	enum call_role role;
	struct rd as;

	(void)state;
	sample_init(&s, FORK, false);
	const struct rd common = str(s.called), device = str(s.answering);
	const struct rd both[] = {common, device};
	struct call_target t = {both, 2};

	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	assert_int_equal(role, CALL_RESPONDER);
	assert_true(rd_equal(&as, &device));
	/* Called under the common identity, answered by nobody's device. */
	t.n = 1;
	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_MISMATCH);
	t.id = &both[1];
	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	/* A caller's device. */
	s.c.i1.idri = s.c.r1.idri = s.c.i2.idri = id("sip:desk.9@x");
	const struct rd hers[] = {str("sip:a@x"), str("sip:desk.9@x")};

	t = (struct call_target){hers, 2};
	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	assert_int_equal(role, CALL_INITIATOR);
	assert_true(rd_equal(&as, &hers[1]));
	sample_done(&s);
}

static void
of_several_roles_the_first_counts(void **state)
{
	enum call_role role;
	struct rd as;

	(void)state;
	sample_init(&s, DEFERRED, false);
	const struct rd all[] = {str(s.called), str(s.answering),
	    str(s.caller)};
	struct call_target t = {all, 3};

	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	assert_int_equal(role, CALL_INITIATOR);
	assert_true(rd_equal(&as, &all[2]));
	t.n = 2; /* who was called and the mailbox */
	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	assert_int_equal(role, CALL_RESPONDER);
	assert_true(rd_equal(&as, &all[1]));
	t.n = 1;
	assert_int_equal(call_check(&s.c, &t, &role, &as), ERR_OK);
	assert_int_equal(role, CALL_RECIPIENT);
	assert_true(rd_equal(&as, &all[0]));
	sample_done(&s);
}

static void
who_was_called_is_a_recipient_only_with_an_esk(void **state)
{
	static const long long with_esk[] = {RETARGET, DEFERRED};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		sample_init(&s, with_esk[i], false);
		assert_true(s.c.i2.esk.there && !s.c.i1.esk.there);
		assert_role(&s.c, s.called, CALL_RECIPIENT);
		s.c.i1.esk = s.c.i2.esk;
		assert_role(&s.c, s.called, CALL_RECIPIENT);
		s.c.i2.esk.there = false;
		assert_role(&s.c, s.called, CALL_RECIPIENT);
		s.c.i1.esk.there = false;
		assert_no_role(&s.c, s.called);
		assert_role(&s.c, s.answering, CALL_RESPONDER);
		sample_done(&s);
	}
}

/* ---- updates ---- */

static const long long updates[] = {UPDATE_BY_RESPONDER, UPDATE_WITHOUT_IDS,
    FORK, UPDATE_BY_INITIATOR};
#define N_UPDATES (sizeof(updates) / sizeof(updates[0]))

static void
an_update_is_of_the_bundle_of_the_first_exchange(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_full(&s, updates[i], true);
		SPOIL(&s, s.c.i1.csb_id, s.c.i1.csb_id ^ 1);
		SPOIL(&s, s.c.r1.csb_id, s.c.r1.csb_id ^ 1);
		SPOIL(&s, s.c.first_i1.csb_id, s.c.first_i1.csb_id ^ 1);
		SPOIL(&s, s.c.first_r1.csb_id, s.c.first_r1.csb_id ^ 1);
		SPOIL(&s, s.c.first_i2.csb_id, s.c.first_i2.csb_id ^ 1);
		SPOIL(&s, s.c.i1.prf, (uint8_t)(s.c.i1.prf ^ 1));
		SPOIL(&s, s.c.r1.prf, (uint8_t)(s.c.r1.prf ^ 1));
		SPOIL(&s, s.c.first_i1.prf, (uint8_t)(s.c.first_i1.prf ^ 1));
		SPOIL(&s, s.c.i1.ts_type, MIKEY_TS_COUNTER);
		SPOIL(&s, s.c.r1.ts_type, MIKEY_TS_COUNTER);
		SPOIL(&s, s.c.first_i1.ts_type, MIKEY_TS_COUNTER);
		SPOIL(&s, s.c.first_i2.ts_type, MIKEY_TS_COUNTER);
		sample_done(&s);
	}
}

static void
an_update_is_later_than_the_messages_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_full(&s, updates[i], true);
		SPOIL(&s, s.c.r1.ts, s.c.i1.ts + 1);
		SPOIL(&s, s.c.first_r1.ts, s.c.first_i1.ts + 1);
		SPOIL(&s, s.c.first_i2.ts, s.c.first_i1.ts);
		SPOIL(&s, s.c.first_i2.ts, s.c.i1.ts);
		s.c.i1.ts = s.c.r1.ts = s.c.first_i2.ts;
		assert_mismatch(&s);
		s.c.i1.ts = s.c.r1.ts = s.c.first_i2.ts + 1;
		assert_fits(&s);
		/* Without it, later than I_MESSAGE_1. */
		s.c.first_i2.there = false;
		s.c.i1.ts = s.c.r1.ts = s.c.first_i1.ts;
		assert_mismatch(&s);
		s.c.i1.ts = s.c.r1.ts = s.c.first_i1.ts + 1;
		assert_fits(&s);
		sample_done(&s);
	}
}

static void
an_update_has_no_rand(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_full(&s, updates[i], true);
		SPOIL(&s, s.c.i1.rand, s.c.first_i1.rand);
		SPOIL(&s, s.c.r1.rand, s.c.first_i1.rand);
		SPOIL(&s, s.c.first_i2.rand, str("0123456789abcdef"));
		sample_done(&s);
	}
}

static void
an_update_has_the_two_parties_of_the_first_exchange(void **state)
{
	const struct mikey_id other = id("sip:mallory@example.com");

	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		if (updates[i] == UPDATE_WITHOUT_IDS)
			continue;
		sample_init_full(&s, updates[i], true);
		SPOIL(&s, s.c.i1.idri, other);
		SPOIL(&s, s.c.i1.idrr, other);
		SPOIL(&s, s.c.r1.idri, other);
		SPOIL(&s, s.c.r1.idrr, other);
		SPOIL(&s, s.c.i1.idri, s.c.i1.idrr);
		SPOIL(&s, s.c.r1.idri, s.c.r1.idrr);
		SPOIL(&s, s.c.first_r1.idrr, other);
		SPOIL(&s, s.c.first_i2.idrr, other);
		/* Both messages together, to or from a third. */
		const struct mikey_id was = s.c.i1.idrr;

		s.c.i1.idrr = s.c.r1.idrr = other;
		assert_mismatch(&s);
		assert_no_role(&s.c, "sip:mallory@example.com");
		s.c.i1.idrr = s.c.r1.idrr = was;
		s.c.i1.idri = s.c.r1.idri = other;
		assert_mismatch(&s);
		assert_no_role(&s.c, "sip:mallory@example.com");
		sample_done(&s);
	}
}

/* Only a first Initiator of a call that was not forked leaves them out. */
static void
a_responders_update_has_its_identities(void **state)
{
	(void)state;
	sample_init_full(&s, UPDATE_BY_RESPONDER, true);
	SPOIL(&s, s.c.i1.idri, no_id);
	SPOIL(&s, s.c.i1.idrr, no_id);
	SPOIL(&s, s.c.r1.idri, no_id);
	SPOIL(&s, s.c.r1.idrr, no_id);
	s.c.i1.idrr = s.c.r1.idrr = no_id;
	assert_mismatch(&s);
	sample_done(&s);
}

static void
a_first_initiators_update_may_lack_its_identities(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		if (full == 1)
			sample_init_full(&s, UPDATE_BY_INITIATOR, true);
		else
			sample_init(&s, UPDATE_BY_INITIATOR, true);
		IGNORE(&s, s.c.i1.idri, no_id);
		IGNORE(&s, s.c.i1.idrr, no_id);
		IGNORE(&s, s.c.r1.idri, no_id);
		IGNORE(&s, s.c.r1.idrr, no_id);
		s.c.i1.idri = s.c.i1.idrr = s.c.r1.idri = s.c.r1.idrr = no_id;
		assert_fits(&s);
		assert_role(&s.c, s.caller, CALL_INITIATOR);
		assert_role(&s.c, s.answering, CALL_RESPONDER);
		sample_done(&s);
	}
}

static void
in_a_forked_call_an_update_has_its_identities(void **state)
{
	(void)state;
	sample_init_full(&s, FORK, true);
	/* The same update, started by the first Initiator. */
	s.c.i1.idri = s.c.r1.idri = id(s.caller);
	s.c.i1.idrr = s.c.r1.idrr = id(s.answering);
	assert_role(&s.c, s.caller, CALL_INITIATOR);
	assert_role(&s.c, s.answering, CALL_RESPONDER);
	SPOIL(&s, s.c.i1.idri, no_id);
	SPOIL(&s, s.c.i1.idrr, no_id);
	SPOIL(&s, s.c.r1.idri, no_id);
	SPOIL(&s, s.c.r1.idrr, no_id);
	s.c.i1.idri = s.c.i1.idrr = s.c.r1.idri = s.c.r1.idrr = no_id;
	assert_mismatch(&s);
	/* Not known who answered, but it was not who was called. */
	s.c.first_r1.there = s.c.first_i2.there = false;
	s.c.i1.idrr = id(s.answering);
	assert_mismatch(&s);
	sample_done(&s);
}

static void
without_the_first_answer_an_update_tells_who_answered(void **state)
{
	(void)state;
	sample_init(&s, FORK, true);
	assert_false(s.c.first_r1.there || s.c.first_i2.there);
	assert_role(&s.c, s.caller, CALL_RESPONDER);
	assert_role(&s.c, s.answering, CALL_INITIATOR);
	assert_no_role(&s.c, s.called);
	/* But one of the two is who called. */
	s.c.i1.idrr = s.c.r1.idrr = id("sip:mallory@example.com");
	assert_mismatch(&s);
	sample_done(&s);
}

static void
the_sender_of_an_update_is_its_initiator(void **state)
{
	(void)state;
	sample_init(&s, UPDATE_BY_RESPONDER, true);
	assert_role(&s.c, s.answering, CALL_INITIATOR);
	assert_role(&s.c, s.caller, CALL_RESPONDER);
	sample_done(&s);
	sample_init(&s, UPDATE_BY_INITIATOR, true);
	assert_role(&s.c, s.caller, CALL_INITIATOR);
	assert_role(&s.c, s.answering, CALL_RESPONDER);
	sample_done(&s);
}

/* No new EC values: x and y are those of the first exchange. */
static void
without_ibake_the_roles_are_those_of_the_first_exchange(void **state)
{
	struct rd idi, idr;
	struct call_exchange x;

	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_old_keys(&s, updates[i]);
		assert_role(&s.c, s.caller, CALL_INITIATOR);
		assert_role(&s.c, s.answering, CALL_RESPONDER);
		SPOIL(&s, s.c.first_i2.rand, str("0123456789abcdef"));
		SPOIL(&s, s.c.i1.rand, s.c.first_i1.rand);
		SPOIL(&s, s.c.first_r1.ts, s.c.first_r1.ts + 1);
		SPOIL(&s, s.c.first_i2.ts, s.c.i1.ts);
		SPOIL(&s, s.c.first_i2.idrr, id("sip:mallory@example.com"));
		SPOIL(&s, s.c.first_i2.idri, id("sip:mallory@example.com"));
		SPOIL(&s, s.c.first_r1.idri, id("sip:mallory@example.com"));
		x = call_opened(&s.c);
		assert_ptr_equal(x.i1, &s.c.first_i1);
		assert_ptr_equal(x.r1, &s.c.first_r1);
		assert_ptr_equal(x.i2, &s.c.first_i2);
		/* V is over the parties of the update. */
		call_parties(&s.c, &idi, &idr);
		const bool by_responder =
		    updates[i] == UPDATE_BY_RESPONDER || updates[i] == FORK;
		const char *first = by_responder ? s.answering : s.caller;
		const char *second = by_responder ? s.caller : s.answering;

		assert_true(rd_is(&idi, first, strlen(first)));
		assert_true(rd_is(&idr, second, strlen(second)));
		sample_done(&s);
	}
}

/* ---- what a call says ---- */

static void
the_exchange_that_is_opened(void **state)
{
	struct call_exchange x;

	(void)state;
	sample_init(&s, NORMAL, false);
	x = call_opened(&s.c);
	assert_ptr_equal(x.i1, &s.c.i1);
	assert_ptr_equal(x.r1, &s.c.r1);
	assert_ptr_equal(x.i2, &s.c.i2);
	sample_done(&s);
	sample_init_full(&s, FORK, true);
	x = call_opened(&s.c);
	assert_ptr_equal(x.i1, &s.c.i1);
	assert_ptr_equal(x.r1, &s.c.r1);
	assert_null(x.i2);
	sample_done(&s);
}

static void
parties_are_filled_in_where_an_update_leaves_them_out(void **state)
{
	struct rd idi, idr;

	(void)state;
	sample_init_full(&s, FORK, false);
	call_parties(&s.c, &idi, &idr);
	assert_true(rd_is(&idi, s.caller, strlen(s.caller)));
	assert_true(rd_is(&idr, s.answering, strlen(s.answering)));
	sample_done(&s);
	for (int full = 0; full < 2; full++) {
		if (full == 1)
			sample_init_full(&s, UPDATE_WITHOUT_IDS, true);
		else
			sample_init(&s, UPDATE_WITHOUT_IDS, true);
		assert_false(s.c.i1.idri.there || s.c.r1.idrr.there);
		call_parties(&s.c, &idi, &idr);
		assert_true(rd_is(&idi, s.caller, strlen(s.caller)));
		assert_true(rd_is(&idr, s.answering, strlen(s.answering)));
		sample_done(&s);
	}
	sample_init(&s, UPDATE_BY_RESPONDER, true);
	call_parties(&s.c, &idi, &idr);
	assert_true(rd_is(&idi, s.answering, strlen(s.answering)));
	assert_true(rd_is(&idr, s.caller, strlen(s.caller)));
	sample_done(&s);
}

static int64_t
unix_of(const struct mikey_msg *m)
{
	int64_t t;

	assert_int_equal(mikey_unix_time(m->ts_type, m->ts, &t), ERR_OK);
	return t;
}

static void
a_warrant_judges_an_update_by_its_own_time_and_old_keys_by_both(void **state)
{
	int64_t t[2];
	uint64_t ts;
	size_t n;

	(void)state;
	sample_init(&s, NORMAL, false);
	call_times(&s.c, t, &n);
	assert_int_equal(n, 1);
	assert_true(t[0] == unix_of(&s.c.i1));
	assert_int_equal(call_key_time(&s.c, &ts), MIKEY_TS_NTP_UTC);
	assert_true(ts == s.c.i1.ts);
	sample_done(&s);

	sample_init(&s, UPDATE_BY_INITIATOR, true);
	call_times(&s.c, t, &n);
	assert_int_equal(n, 1);
	assert_true(t[0] == unix_of(&s.c.i1));
	(void)call_key_time(&s.c, &ts);
	assert_true(ts == s.c.i1.ts);
	sample_done(&s);

	sample_init_old_keys(&s, UPDATE_BY_INITIATOR);
	call_times(&s.c, t, &n);
	assert_int_equal(n, 2);
	const int64_t own = unix_of(&s.c.i1), first = unix_of(&s.c.first_i1);

	assert_true(
	    (t[0] == own && t[1] == first) || (t[0] == first && t[1] == own));
	(void)call_key_time(&s.c, &ts); /* the envelopes are the first's */
	assert_true(ts == s.c.first_i1.ts);
	sample_done(&s);

	sample_init(&s, COUNTER, false);
	n = 7;
	call_times(&s.c, t, &n);
	assert_int_equal(n, 0);
	assert_int_equal(call_key_time(&s.c, &ts), MIKEY_TS_COUNTER);
	sample_done(&s);
}

static void
the_rand_in_use_is_that_of_the_first_i_message_1(void **state)
{
	const json_t *e = rig_exchange(UPDATE_BY_INITIATOR);
	size_t len;
	uint8_t *rand = octets(e, "rand", &len);
	struct rd r;

	(void)state;
	sample_init(&s, UPDATE_BY_INITIATOR, false);
	r = call_rand(&s.c);
	assert_true(rd_is(&r, rand, len));
	sample_done(&s);
	sample_init(&s, UPDATE_BY_INITIATOR, true);
	r = call_rand(&s.c);
	assert_true(rd_is(&r, rand, len));
	sample_done(&s);
	sample_init_old_keys(&s, UPDATE_BY_INITIATOR);
	r = call_rand(&s.c);
	assert_true(rd_is(&r, rand, len));
	sample_done(&s);
	free(rand);
}

/* ---- policies ---- */

static uint8_t sp_body[PART__MAX][4];

/* One policy with that number whose body tells the message it is in. */
static void
set_policy(struct mikey_msg *m, size_t which, uint8_t no)
{
	sp_body[which][0] = no;
	sp_body[which][1] = 0;
	sp_body[which][2] = 0;
	sp_body[which][3] = 0;
	m->n_sp = 1;
	rd_init(&m->sp[0].body, sp_body[which], 4);
}

static void
assert_policy(const struct call *c, uint8_t no, int which)
{
	const struct rd r = call_policy(c, no);

	if (which < 0)
		assert_int_equal(r.left, 0);
	else
		assert_ptr_equal(r.p, sp_body[which]);
}

static void
the_answers_policy_stands_above_the_offered_one(void **state)
{
	(void)state;
	sample_init(&s, NORMAL, false);
	assert_policy(&s.c, 0, -1);
	set_policy(&s.c.i1, I_MESSAGE_1, 5);
	assert_policy(&s.c, 5, I_MESSAGE_1);
	assert_policy(&s.c, 4, -1);
	set_policy(&s.c.r1, R_MESSAGE_1, 6);
	assert_policy(&s.c, 5, I_MESSAGE_1);
	assert_policy(&s.c, 6, R_MESSAGE_1);
	set_policy(&s.c.r1, R_MESSAGE_1, 5);
	assert_policy(&s.c, 5, R_MESSAGE_1);
	/* In a first exchange those of another are not looked at. */
	s.c.first_i1 = s.c.i1;
	set_policy(&s.c.first_i1, FIRST_I_MESSAGE_1, 9);
	assert_policy(&s.c, 9, -1);
	sample_done(&s);
}

static void
the_updates_policy_stands_above_the_first_exchanges(void **state)
{
	(void)state;
	for (int old_keys = 0; old_keys < 2; old_keys++) {
		if (old_keys == 1)
			sample_init_old_keys(&s, UPDATE_BY_INITIATOR);
		else
			sample_init_full(&s, UPDATE_BY_INITIATOR, true);
		assert_policy(&s.c, 3, -1);
		set_policy(&s.c.first_i1, FIRST_I_MESSAGE_1, 3);
		assert_policy(&s.c, 3, FIRST_I_MESSAGE_1);
		set_policy(&s.c.first_r1, FIRST_R_MESSAGE_1, 3);
		assert_policy(&s.c, 3, FIRST_R_MESSAGE_1);
		set_policy(&s.c.i1, I_MESSAGE_1, 3);
		assert_policy(&s.c, 3, I_MESSAGE_1);
		set_policy(&s.c.r1, R_MESSAGE_1, 3);
		assert_policy(&s.c, 3, R_MESSAGE_1);
		/* What is not repeated stays. */
		set_policy(&s.c.r1, R_MESSAGE_1, 4);
		assert_policy(&s.c, 3, I_MESSAGE_1);
		set_policy(&s.c.i1, I_MESSAGE_1, 4);
		assert_policy(&s.c, 3, FIRST_R_MESSAGE_1);
		s.c.first_r1.there = false;
		assert_policy(&s.c, 3, FIRST_I_MESSAGE_1);
		sample_done(&s);
	}
}

static void
one_of_several_policies_is_found_by_its_number(void **state)
{
	static uint8_t body[MAX_SP][4];

	(void)state;
	sample_init(&s, NORMAL, false);
	s.c.r1.n_sp = MAX_SP;
	for (unsigned i = 0; i < MAX_SP; i++) {
		body[i][0] = (uint8_t)(255 - i);
		rd_init(&s.c.r1.sp[i].body, body[i], 4);
	}
	for (unsigned no = 0; no < 256; no++) {
		const struct rd r = call_policy(&s.c, (uint8_t)no);

		if (no > 255 - MAX_SP)
			assert_ptr_equal(r.p, body[255 - no]);
		else
			assert_int_equal(r.left, 0);
	}
	sample_done(&s);
}

/* ---- between processes ---- */

static uint8_t wire[PART__MAX * (2 * MAX_MIKEY + 1024)];

static size_t
put(const struct call *c)
{
	struct wr w;
	size_t len;

	wr_init(&w, wire, sizeof(wire));
	call_put(&w, c);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_true(len <= call_put_max(c));
	return len;
}

static enum err
get(const uint8_t *p, size_t len, struct call *out)
{
	struct rd r;
	enum err rc;

	rd_init(&r, p, len);
	if ((rc = call_get(&r, out)) == ERR_OK)
		assert_int_equal(rd_end(&r), ERR_OK);
	return rc;
}

static void
assert_same_id(const struct mikey_id *a, const struct mikey_id *b)
{
	assert_int_equal(a->there, b->there);
	if (a->there)
		assert_true(rd_equal(&a->data, &b->data));
}

static void
assert_same_envelope(const struct mikey_envelope *a,
    const struct mikey_envelope *b)
{
	assert_int_equal(a->there, b->there);
	if (!a->there)
		return;
	assert_int_equal(a->sound, b->sound);
	if (!a->sound)
		return;
	assert_true(rd_equal(&a->u_x, &b->u_x));
	assert_true(rd_equal(&a->u_y, &b->u_y));
	assert_true(rd_equal(&a->v, &b->v));
	assert_true(rd_equal(&a->w, &b->w));
}

static void
assert_same_message(const struct mikey_msg *a, const struct mikey_msg *b)
{
	assert_int_equal(a->there, b->there);
	if (!a->there)
		return;
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->prf, b->prf);
	assert_int_equal(a->csb_id, b->csb_id);
	assert_int_equal(a->n_cs, b->n_cs);
	for (unsigned i = 0; i < a->n_cs; i++) {
		assert_int_equal(a->cs[i].policy_no, b->cs[i].policy_no);
		assert_int_equal(a->cs[i].ssrc, b->cs[i].ssrc);
		assert_int_equal(a->cs[i].roc, b->cs[i].roc);
	}
	assert_int_equal(a->ts_type, b->ts_type);
	assert_true(a->ts == b->ts);
	assert_true(rd_equal(&a->rand, &b->rand));
	assert_same_id(&a->idri, &b->idri);
	assert_same_id(&a->idrr, &b->idrr);
	assert_int_equal(a->n_sp, b->n_sp);
	for (unsigned i = 0; i < a->n_sp; i++)
		assert_true(rd_equal(&a->sp[i].body, &b->sp[i].body));
	assert_same_envelope(&a->ibake, &b->ibake);
	assert_same_envelope(&a->esk, &b->esk);
	assert_int_equal(a->v.there, b->v.there);
	if (a->v.there) {
		assert_int_equal(a->v.alg, b->v.alg);
		assert_true(rd_equal(&a->v.mac, &b->v.mac));
		assert_true(rd_equal(&a->v.covered, &b->v.covered));
	}
}

static void
assert_round_trip(const struct call *c)
{
	static uint8_t once[sizeof(wire)];
	static struct call back;
	const size_t len = put(c);

	memcpy(once, wire, len);
	assert_int_equal(get(once, len, &back), ERR_OK);
	assert_int_equal(back.kind, c->kind);
	assert_same_message(&c->i1, &back.i1);
	assert_same_message(&c->r1, &back.r1);
	assert_same_message(&c->i2, &back.i2);
	assert_same_message(&c->r2, &back.r2);
	assert_same_message(&c->first_i1, &back.first_i1);
	assert_same_message(&c->first_r1, &back.first_r1);
	assert_same_message(&c->first_i2, &back.first_i2);
	assert_int_equal(put(&back), len);
	assert_memory_equal(wire, once, len);
}

static void
row_round_trip(struct trial *t)
{
	struct xk_get_keys k;

	request_init(&s.q, t);
	k = request_keys(&s.q);
	assert_int_equal(call_from_request(&k, &s.c), XK_GRANTED);
	assert_round_trip(&s.c);
}

static void
a_call_travels_unchanged(void **state)
{
	static const uint8_t sp[] = {9, 0, 0, 3, 1, 1, 16};

	(void)state;
	each_trial(row_round_trip);
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_full(&s, updates[i], true);
		assert_round_trip(&s.c);
		sample_done(&s);
		sample_init_old_keys(&s, updates[i]);
		assert_round_trip(&s.c);
		sample_done(&s);
	}
	/* What the vectors have none of. */
	sample_init_full(&s, DEFERRED, false);
	s.c.i1.ibake.sound = false;
	s.c.r1.n_sp = 2;
	rd_init(&s.c.r1.sp[0].body, sp, sizeof(sp));
	rd_init(&s.c.r1.sp[1].body, "\12\0\0\0", 4);
	s.c.i1.n_cs = MAX_CS;
	s.c.i1.cs[254] = (struct mikey_cs){255, 0xffffffff, 0xfffffffe};
	s.c.i1.esk = s.c.i2.esk;
	s.c.r2.v.mac.left = 0;
	assert_round_trip(&s.c);
	sample_done(&s);
}

static void
prefixes_do_not_get(const struct call *c)
{
	static uint8_t once[sizeof(wire)];
	static struct call back;
	const size_t len = put(c);

	memcpy(once, wire, len);
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n > 0 ? n : 1);
		enum err rc;

		assert_non_null(cut);
		memcpy(cut, once, n);
		rc = get(cut, n, &back);
		assert_true(rc == ERR_TRUNCATED || rc == ERR_MALFORMED);
		free(cut);
	}
}

static void
every_prefix_of_a_call_is_refused(void **state)
{
	(void)state;
	sample_init_full(&s, DEFERRED, false);
	prefixes_do_not_get(&s.c);
	sample_done(&s);
	sample_init_full(&s, UPDATE_BY_RESPONDER, true);
	prefixes_do_not_get(&s.c);
	sample_done(&s);
	sample_init_old_keys(&s, UPDATE_WITHOUT_IDS);
	prefixes_do_not_get(&s.c);
	sample_done(&s);
}

/* Whatever octets arrive: refused, or the very form that is sent. */
static void
a_changed_octet_is_refused_or_another_call(void **state)
{
	static uint8_t once[sizeof(wire)];
	static struct call back;
	uint64_t x = 88172645463325252ULL;
	size_t len;

	(void)state;
	sample_init_full(&s, DEFERRED, false);
	len = put(&s.c);
	memcpy(once, wire, len);
	for (int i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		const size_t at = (size_t)(x >> 8) % len;
		const uint8_t was = once[at];
		struct rd r;

		once[at] = (uint8_t)x;
		rd_init(&r, once, len);
		if (call_get(&r, &back) == ERR_OK) {
			const size_t used = len - r.left;

			assert_int_equal(put(&back), used);
			assert_memory_equal(wire, once, used);
		}
		once[at] = was;
	}
	sample_done(&s);
}

/* One change in the fields after which the call is none. */
#define REFUSES(s, lvalue, value) \
	do { \
		__typeof__(lvalue) was_ = (lvalue); \
		static struct call back_; \
		size_t len_ = put(&(s)->c); \
		assert_int_equal(get(wire, len_, &back_), ERR_OK); \
		(lvalue) = (value); \
		len_ = put(&(s)->c); \
		assert_int_equal(get(wire, len_, &back_), ERR_MALFORMED); \
		(lvalue) = was_; \
	} while (0)

static void
an_incomplete_first_exchange_is_refused(void **state)
{
	(void)state;
	sample_init_full(&s, DEFERRED, false);
	REFUSES(&s, s.c.i1.there, false);
	REFUSES(&s, s.c.r1.there, false);
	REFUSES(&s, s.c.i2.there, false);
	REFUSES(&s, s.c.i1.ibake.there, false);
	REFUSES(&s, s.c.r1.ibake.there, false);
	REFUSES(&s, s.c.i2.ibake.there, false);
	REFUSES(&s, s.c.i1.rand.left, 15);
	REFUSES(&s, s.c.i2.rand.left, 15);
	REFUSES(&s, s.c.i1.rand.left, 0);
	REFUSES(&s, s.c.i1.idri, no_id);
	REFUSES(&s, s.c.i1.idrr, no_id);
	REFUSES(&s, s.c.r1.idri, no_id);
	REFUSES(&s, s.c.r1.idrr, no_id);
	REFUSES(&s, s.c.i2.idri, no_id);
	REFUSES(&s, s.c.i2.idrr, no_id);
	REFUSES(&s, s.c.r2.v.there, false);
	sample_done(&s);
}

static void
an_incomplete_update_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_UPDATES; i++) {
		sample_init_full(&s, updates[i], true);
		REFUSES(&s, s.c.i1.there, false);
		REFUSES(&s, s.c.r1.there, false);
		REFUSES(&s, s.c.first_i1.there, false);
		REFUSES(&s, s.c.i1.ibake.there, false);
		REFUSES(&s, s.c.r1.ibake.there, false);
		REFUSES(&s, s.c.r1.v.there, false);
		REFUSES(&s, s.c.first_i1.rand.left, 15);
		REFUSES(&s, s.c.first_i1.idri, no_id);
		REFUSES(&s, s.c.first_i1.idrr, no_id);
		REFUSES(&s, s.c.first_r1.idrr, no_id);
		REFUSES(&s, s.c.first_i2.idrr, no_id);
		sample_done(&s);
		sample_init_old_keys(&s, updates[i]);
		REFUSES(&s, s.c.i1.there, false);
		REFUSES(&s, s.c.r1.there, false);
		REFUSES(&s, s.c.r1.v.there, false);
		REFUSES(&s, s.c.first_i1.there, false);
		REFUSES(&s, s.c.first_r1.there, false);
		REFUSES(&s, s.c.first_i2.there, false);
		REFUSES(&s, s.c.first_i1.ibake.there, false);
		REFUSES(&s, s.c.first_r1.ibake.there, false);
		REFUSES(&s, s.c.first_i2.ibake.there, false);
		sample_done(&s);
	}
}

static void
fields_out_of_range_are_refused(void **state)
{
	static const uint8_t key_32[] = {9, 0, 0, 3, 1, 1, 32};
	static const uint8_t not_srtp[] = {9, 1, 0, 0};
	static const uint8_t cut[] = {9, 0, 0, 3, 1, 1};
	struct rd bad;

	(void)state;
	sample_init_full(&s, NORMAL, false);
	REFUSES(&s, s.c.i1.prf, 2);
	REFUSES(&s, s.c.r2.prf, 255);
	REFUSES(&s, s.c.r1.n_cs, 0);
	REFUSES(&s, s.c.i2.ts_type, (enum mikey_ts)4);
	REFUSES(&s, s.c.kind, (enum call_kind)3);
	REFUSES(&s, s.c.kind, (enum call_kind)255);
	REFUSES(&s, s.c.i1.idri.data.left, 0);
	s.c.r1.n_sp = 1;
	rd_init(&s.c.r1.sp[0].body, "\11\0\0\0", 4);
	rd_init(&bad, key_32, sizeof(key_32));
	REFUSES(&s, s.c.r1.sp[0].body, bad);
	rd_init(&bad, not_srtp, sizeof(not_srtp));
	REFUSES(&s, s.c.r1.sp[0].body, bad);
	rd_init(&bad, cut, sizeof(cut));
	REFUSES(&s, s.c.r1.sp[0].body, bad);
	REFUSES(&s, s.c.r1.sp[0].body.left, 0);
	sample_done(&s);
}

static void
more_policies_than_a_message_has_are_refused(void **state)
{
	static struct call back;
	static uint8_t body[MAX_SP][4];
	struct rd r;
	uint8_t *at;
	size_t len;

	(void)state;
	sample_init(&s, NORMAL, false);
	s.c.i1.n_sp = MAX_SP;
	for (unsigned i = 0; i < MAX_SP; i++) {
		body[i][0] = (uint8_t)i;
		rd_init(&s.c.i1.sp[i].body, body[i], 4);
	}
	len = put(&s.c);
	assert_int_equal(get(wire, len, &back), ERR_OK);
	/* Their number stands before the first: 16, then length 4. */
	at = memmem(wire, len, "\20\0\4\0\0\0\0\0\4\1", 10);
	assert_non_null(at);
	*at = MAX_SP + 1;
	rd_init(&r, wire, len);
	assert_int_equal(call_get(&r, &back), ERR_MALFORMED);
	sample_done(&s);
}

/* The greatest message that there can be: V covers the others again. */
static void
no_call_is_longer_than_its_bound(void **state)
{
	static uint8_t big[MAX_MIKEY];
	static struct call c;
	const size_t head = 10 + 9 * MAX_CS;
	struct rd r;
	struct wr w;
	size_t len, room;

	(void)state;
	sample_init_full(&s, UPDATE_BY_INITIATOR, true);
	wr_init(&w, big, sizeof(big));
	wr_u32(&w, 0x01190500); /* R_MESSAGE_2, T first, PRF 0 */
	wr_u32(&w, 1);
	wr_u8(&w, MAX_CS);
	while (w.len < head)
		wr_u8(&w, 0);
	wr_u8(&w, 14); /* T */
	wr_u8(&w, 0);
	wr_u64(&w, 5);
	room = MAX_MIKEY - w.len - 5 - 5 - 1 - 2;
	wr_u32(&w, 0x0e010100 | (uint32_t)(room / 2 >> 8));
	wr_u8(&w, (uint8_t)(room / 2));
	w.len += room / 2;
	wr_u32(&w, 0x09020100 | (uint32_t)((room - room / 2) >> 8));
	wr_u8(&w, (uint8_t)(room - room / 2));
	w.len += room - room / 2;
	wr_u16(&w, 1); /* V, algorithm 1 */
	w.len++; /* one octet of MAC */
	assert_int_equal(w.rc, ERR_OK);
	assert_int_equal(w.len, MAX_MIKEY);
	rd_init(&r, big, w.len);
	c = s.c;
	assert_int_equal(mikey_parse(r, MIKEY_R_MESSAGE_2, &c.r2), ERR_OK);
	/* All seven of that size. */
	c.i1 = c.r1 = c.i2 = c.first_i1 = c.first_r1 = c.first_i2 = c.r2;
	len = put(&c); /* asserts the bound */
	assert_true(len > PART__MAX * (size_t)MAX_MIKEY);
	sample_done(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_of_the_vectors_are_of_their_kind),
	    cmocka_unit_test(with_i_message_2_it_is_a_first_exchange),
	    cmocka_unit_test(a_first_exchange_needs_three_messages),
	    cmocka_unit_test(an_update_needs_the_first_i_message_1),
	    cmocka_unit_test(an_update_without_ibake_needs_all_three),
	    cmocka_unit_test(
		ec_values_in_one_message_of_an_update_only_are_malformed),
	    cmocka_unit_test(every_message_that_is_there_must_parse),
	    cmocka_unit_test(
		messages_of_a_first_exchange_are_none_of_an_update),
	    cmocka_unit_test(malformed_comes_before_unsupported),
	    cmocka_unit_test(targets_of_the_vectors_have_their_roles),
	    cmocka_unit_test(messages_of_one_bundle_only),
	    cmocka_unit_test(
		answers_repeat_the_time_and_questions_have_a_later_one),
	    cmocka_unit_test(the_rand_of_both_questions_is_the_same),
	    cmocka_unit_test(identities_are_those_of_the_exchange),
	    cmocka_unit_test(r_message_2_need_not_be_there),
	    cmocka_unit_test(crypto_sessions_need_not_be_the_same),
	    cmocka_unit_test(another_may_answer_than_was_called),
	    cmocka_unit_test(only_the_parties_are_targets),
	    cmocka_unit_test(a_device_stands_for_its_subscriber),
	    cmocka_unit_test(of_several_roles_the_first_counts),
	    cmocka_unit_test(who_was_called_is_a_recipient_only_with_an_esk),
	    cmocka_unit_test(an_update_is_of_the_bundle_of_the_first_exchange),
	    cmocka_unit_test(an_update_is_later_than_the_messages_before),
	    cmocka_unit_test(an_update_has_no_rand),
	    cmocka_unit_test(
		an_update_has_the_two_parties_of_the_first_exchange),
	    cmocka_unit_test(a_responders_update_has_its_identities),
	    cmocka_unit_test(a_first_initiators_update_may_lack_its_identities),
	    cmocka_unit_test(in_a_forked_call_an_update_has_its_identities),
	    cmocka_unit_test(
		without_the_first_answer_an_update_tells_who_answered),
	    cmocka_unit_test(the_sender_of_an_update_is_its_initiator),
	    cmocka_unit_test(
		without_ibake_the_roles_are_those_of_the_first_exchange),
	    cmocka_unit_test(the_exchange_that_is_opened),
	    cmocka_unit_test(
		parties_are_filled_in_where_an_update_leaves_them_out),
	    cmocka_unit_test(
		a_warrant_judges_an_update_by_its_own_time_and_old_keys_by_both),
	    cmocka_unit_test(the_rand_in_use_is_that_of_the_first_i_message_1),
	    cmocka_unit_test(the_answers_policy_stands_above_the_offered_one),
	    cmocka_unit_test(
		the_updates_policy_stands_above_the_first_exchanges),
	    cmocka_unit_test(one_of_several_policies_is_found_by_its_number),
	    cmocka_unit_test(a_call_travels_unchanged),
	    cmocka_unit_test(every_prefix_of_a_call_is_refused),
	    cmocka_unit_test(a_changed_octet_is_refused_or_another_call),
	    cmocka_unit_test(an_incomplete_first_exchange_is_refused),
	    cmocka_unit_test(an_incomplete_update_is_refused),
	    cmocka_unit_test(fields_out_of_range_are_refused),
	    cmocka_unit_test(more_policies_than_a_message_has_are_refused),
	    cmocka_unit_test(no_call_is_longer_than_its_bound),
	};

	return cmocka_run_group_tests(tests, rig_load, rig_free);
}
