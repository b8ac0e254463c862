/* What leaves a worker, and to whom, once the outcome is on disk. */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/hsm_proc.h"
#include "help.h"
#include "papers.h"

#define ALICE "sip:alice@example.com"
#define BOB "sip:bob@example.com"
#define BOB_TEL "tel:+15550100"
#define START 1798761600LL /* 2027-01-01T00:00:00Z */
#define END 1803859200LL /* 2027-03-01T00:00:00Z */

#define EPOCH 0x0102030405060708
#define TICKET 0x11121314
#define AUDIT_ID 77
#define N_KEYS 3
#define ANSWER "the body of an answer"

#define RECORD 1 /* change 1: BOB is enrolled */
#define WARRANT 2 /* change 2: the warrant */

static struct hsm_proc p;
static struct ipc_chan *audit, *taker[ROUTE__MAX]; /* the other ends */
static int64_t now;
static bool clock_stopped;

/* ---- in place of the rest of the worker ---- */

bool
hsm_now(struct hsm_proc *hp, int64_t *out)
{
	assert_ptr_equal(hp, &p);
	*out = now;
	return !clock_stopped;
}

struct hsm_job *
hsm_run_free(struct hsm_run *run)
{
	(void)run;
	return NULL;
}

void
hsm_run_start(struct hsm_run *run, struct hsm_job *j)
{
	(void)run;
	(void)j;
	fail();
}

struct hsm_job *
hsm_run_next(struct hsm_run *run)
{
	(void)run;
	return NULL;
}

void
hsm_token_failed(struct hsm_proc *hp, const char *doing)
{
	(void)hp;
	fail_msg("%s", doing);
	abort();
}

void
hsm_end(struct hsm_proc *hp, enum err rc, const struct why *why)
{
	(void)hp;
	fail_msg("%s: %s", err_str(rc), why->text);
	abort();
}

void
hsm_doubt_token(struct hsm_proc *hp)
{
	(void)hp;
}

/* ---- the worker ---- */

static void
channel(struct ipc_chan **ours, struct ipc_chan **theirs, size_t most)
{
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	assert_int_equal(ipc_chan_new(s[0], MAX_IPC_BODY, most, ours), ERR_OK);
	assert_int_equal(ipc_chan_new(s[1], MAX_IPC_BODY, most, theirs),
	    ERR_OK);
}

/* In effect as the next change. */
static struct paper
takes_effect(enum request_kind kind, const char *body)
{
	const struct request_head h = paper_head(kind, "meyer", 0);
	const struct paper paper = paper_write(&h, body);
	const struct change c = paper_change(&paper,
	    authority_head(p.authority).number + 1, view(NULL, 0));
	struct why why = {""};

	if (authority_apply(p.authority, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return paper;
}

static void
happens(enum request_kind kind, const char *body)
{
	struct paper paper = takes_effect(kind, body);

	free(paper.p);
}

/* On two targets; the second is the one that the pending key is of. */
static void
enter_warrant(void)
{
	static const char body[] =
	    "{\"clients\":[\"df2\"],\"delivery\":[\"hi2\",\"xk\"],"
	    "\"lemfs\":[\"police\",\"court\"],\"liid\":\"LI-2027-7\","
	    "\"period\":{\"end\":\"2027-03-01T00:00:00Z\","
	    "\"start\":\"2027-01-01T00:00:00Z\"},\"products\":[\"keys\"],"
	    "\"targets\":[{\"identities\":[\"" ALICE "\"]},"
	    "{\"identities\":[\"" BOB "\",\"" BOB_TEL "\"]}]}";
	struct paper paper = takes_effect(REQUEST_WARRANT_ADD, body);
	struct known_warrant *k = &p.known[0];
	struct why why = {""};

	if (request_known_warrant(paper_view(&paper), paper.hash, &k->w,
		&why) != ERR_OK)
		fail_msg("%s", why.text);
	k->number = WARRANT;
	free(paper.p);
}

static int
set_up(void **state)
{
	const struct genesis g = {.time = PKI_NOW, .kms = PAPERS_KMS};

	(void)state;
	memset(&p, 0, sizeof(p));
	now = START + 1000;
	clock_stopped = false;
	p.current = true;
	assert_int_equal(authority_new(&g, &p.authority), ERR_OK);
	happens(REQUEST_SUBSCRIBER_ADD,
	    "{\"identity\":\"" BOB "\",\"wrappedSeed\":\"AAAA\"}");
	enter_warrant();
	channel(&p.audit, &audit, 1 << 20);
	for (unsigned r = 0; r < ROUTE__MAX; r++) {
		channel(&p.taker[r], &taker[r], 1 << 20);
		p.taker_generation[r] = 5 + r;
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)hsm_drop_pending(&p);
	assert_int_equal(p.known[0].users, 0);
	warrant_free(&p.known[0].w);
	authority_free(&p.authority);
	ipc_chan_free(&p.audit);
	ipc_chan_free(&audit);
	for (unsigned r = 0; r < ROUTE__MAX; r++) {
		ipc_chan_free(&p.taker[r]);
		ipc_chan_free(&taker[r]);
	}
	return 0;
}

/* A job has ended so, and its outcome was sent to be written. */
static struct pending *
ended(enum route route, enum xk_reason reason)
{
	struct pending *d = &p.pending[9];

	*d = (struct pending){.used = true,
	    .ended = true,
	    .audit_id = AUDIT_ID,
	    .route = route,
	    .ticket = {EPOCH, TICKET},
	    .taker = p.taker_generation[route],
	    .reason = reason,
	    .warrant = &p.known[0],
	    .number = WARRANT,
	    .record = RECORD,
	    .ask = {.over_hi2 = route == ROUTE_HI2,
		.products = PRODUCT_KEYS,
		.t = {START + 10},
		.n_t = 1}};
	d->warrant->users++;
	d->ask.target = view(BOB, strlen(BOB));
	d->ask.client = route == ROUTE_HI2
	    ? view(AUDIT_SELF, strlen(AUDIT_SELF))
	    : view("df2", 3);
	d->ask.liid = view("LI-2027-7", 9);
	if (reason != XK_GRANTED)
		return d;
	d->n_keys = N_KEYS;
	assert_int_equal(secret_new(strlen(ANSWER), &d->answer), ERR_OK);
	memcpy(secret_data(d->answer), ANSWER, strlen(ANSWER));
	return d;
}

static enum err
durable(uint32_t id)
{
	const struct ipc_frame f = {.type = MSG_DURABLE, .id = id};

	return hsm_on_durable(&p, &f);
}

/* The one frame that went through; the view dies with the next. */
static struct ipc_frame
one_frame(struct ipc_chan *from, struct ipc_chan *to, uint16_t type)
{
	struct ipc_frame f;

	assert_int_equal(ipc_flush(from), ERR_OK);
	assert_int_equal(ipc_fill(to), ERR_OK);
	assert_int_equal(ipc_next(to, &f), ERR_OK);
	assert_int_equal(f.type, type);
	return f;
}

static void
nothing_for(enum route r)
{
	if (p.taker[r] != NULL)
		assert_int_equal(ipc_queued(p.taker[r]), 0);
}

static void
closed_with(enum xk_reason reason)
{
	const struct ipc_frame f = one_frame(p.audit, audit, MSG_CLOSED);
	struct msg_outcome m;

	assert_int_equal(f.id, AUDIT_ID);
	assert_int_equal(msg_outcome_get(f.body, &m), ERR_OK);
	assert_int_equal(m.reason, reason);
	assert_false(p.pending[9].used);
	assert_null(p.pending[9].answer);
	assert_int_equal(p.known[0].users, 0);
}

/* Neither hi2 nor xk has anything of it. */
static void
ends_in_silence(enum xk_reason reason)
{
	assert_int_equal(durable(AUDIT_ID), ERR_OK);
	nothing_for(ROUTE_HI2);
	nothing_for(ROUTE_XK);
	closed_with(reason);
}

/* hi2 is told, for the LEMFs of the warrant; what, is the caller's to see. */
static void
told_to_hi2(enum xk_reason reason)
{
	struct msg_hi2_keys m;
	struct ipc_frame f;

	assert_int_equal(durable(AUDIT_ID), ERR_OK);
	nothing_for(ROUTE_XK);
	f = one_frame(p.taker[ROUTE_HI2], taker[ROUTE_HI2], MSG_HI2_KEYS);
	assert_int_equal(f.id, TICKET);
	assert_int_equal(msg_hi2_keys_get(f.body, &m), ERR_OK);
	assert_true(m.epoch == EPOCH);
	assert_int_equal(m.reason, reason);
	assert_true(m.to.leg == WARRANT);
	assert_true(rd_is(&m.to.liid, "LI-2027-7", 9));
	assert_int_equal(m.to.n_lemfs, 2);
	assert_true(rd_is(&m.to.lemf[0], "police", 6));
	assert_true(rd_is(&m.to.lemf[1], "court", 5));
	assert_int_equal(m.to.n_targets, 2);
	assert_true(rd_is(&m.to.target[0], BOB, strlen(BOB)));
	assert_true(rd_is(&m.to.target[1], BOB_TEL, strlen(BOB_TEL)));
	if (reason == XK_GRANTED)
		assert_true(rd_is(&m.answer, ANSWER, strlen(ANSWER)));
	else
		assert_int_equal(m.answer.left, 0);
	closed_with(reason);
}

/* ---- what goes out ---- */

static void
keys_go_to_the_lemfs_of_the_warrant(void **state)
{
	(void)state;
	(void)ended(ROUTE_HI2, XK_GRANTED);
	told_to_hi2(XK_GRANTED);
}

static void
why_there_are_no_keys_is_told_without_any(void **state)
{
	static const enum xk_reason reason[] = {XK_MALFORMED,
	    XK_TARGET_MISMATCH, XK_NOT_REPRODUCIBLE, XK_UNKNOWN_SUBSCRIBER,
	    XK_UNSUPPORTED};

	(void)state;
	for (size_t i = 0; i < sizeof(reason) / sizeof(reason[0]); i++) {
		(void)ended(ROUTE_HI2, reason[i]);
		told_to_hi2(reason[i]);
	}
}

static void
what_policy_says_itself_is_not_told_to_hi2(void **state)
{
	static const enum xk_reason reason[] = {XK_NO_AUTHORISATION,
	    XK_UNAVAILABLE, XK_OVERLOADED};

	(void)state;
	for (size_t i = 0; i < sizeof(reason) / sizeof(reason[0]); i++) {
		(void)ended(ROUTE_HI2, reason[i]);
		ends_in_silence(reason[i]);
	}
}

/* It was refused before there was a warrant to go by. */
static void
a_job_without_a_warrant_ends_in_silence(void **state)
{
	(void)state;
	ended(ROUTE_HI2, XK_NO_AUTHORISATION)->warrant = NULL;
	p.known[0].users = 0;
	ends_in_silence(XK_NO_AUTHORISATION);
}

static void
who_asked_over_xk_is_answered_there(void **state)
{
	struct msg_refuse m;
	struct ipc_frame f;

	(void)state;
	(void)ended(ROUTE_XK, XK_GRANTED);
	assert_int_equal(durable(AUDIT_ID), ERR_OK);
	nothing_for(ROUTE_HI2);
	f = one_frame(p.taker[ROUTE_XK], taker[ROUTE_XK], MSG_ANSWER);
	assert_int_equal(f.id, TICKET);
	assert_true(rd_is(&f.body, ANSWER, strlen(ANSWER)));
	closed_with(XK_GRANTED);

	(void)ended(ROUTE_XK, XK_NO_AUTHORISATION);
	assert_int_equal(durable(AUDIT_ID), ERR_OK);
	nothing_for(ROUTE_HI2);
	f = one_frame(p.taker[ROUTE_XK], taker[ROUTE_XK], MSG_NO_ANSWER);
	assert_int_equal(f.id, TICKET);
	assert_int_equal(msg_refuse_get(f.body, &m), ERR_OK);
	assert_true(m.epoch == EPOCH);
	assert_int_equal(m.reason, XK_NO_AUTHORISATION);
	closed_with(XK_NO_AUTHORISATION);
}

/* ---- what has changed while the job ran ---- */

static void
on_warrant(enum request_kind kind)
{
	char hex[2 * WARRANT_ID_LEN + 1], body[128];

	hex_put(p.known[0].w->id, WARRANT_ID_LEN, hex);
	(void)snprintf(body, sizeof(body), "{\"warrant\":\"%s\"}", hex);
	happens(kind, body);
}

/* Nothing, not even that there are no keys, of a warrant that has gone. */
static void
nothing_goes_out_without_a_warrant(void)
{
	static const enum xk_reason reason[] = {XK_GRANTED, XK_MALFORMED,
	    XK_TARGET_MISMATCH, XK_NOT_REPRODUCIBLE, XK_UNKNOWN_SUBSCRIBER,
	    XK_UNSUPPORTED};

	for (size_t i = 0; i < sizeof(reason) / sizeof(reason[0]); i++) {
		(void)ended(ROUTE_HI2, reason[i]);
		ends_in_silence(XK_NO_AUTHORISATION);
	}
}

static void
a_warrant_revoked_meanwhile_delivers_nothing(void **state)
{
	(void)state;
	on_warrant(REQUEST_WARRANT_REVOKE);
	nothing_goes_out_without_a_warrant();
}

static void
a_warrant_suspended_meanwhile_delivers_nothing(void **state)
{
	(void)state;
	on_warrant(REQUEST_WARRANT_SUSPEND);
	nothing_goes_out_without_a_warrant();
	on_warrant(REQUEST_WARRANT_RESUME);
	(void)ended(ROUTE_HI2, XK_GRANTED);
	told_to_hi2(XK_GRANTED);
}

static void
a_warrant_ended_meanwhile_delivers_nothing(void **state)
{
	(void)state;
	now = END + 3600 - 1;
	(void)ended(ROUTE_HI2, XK_GRANTED);
	told_to_hi2(XK_GRANTED);
	now++;
	nothing_goes_out_without_a_warrant();
}

static void
signatures_declared_void_meanwhile_deliver_nothing(void **state)
{
	(void)state;
	p.voidings++;
	nothing_goes_out_without_a_warrant();
}

static void
a_worker_that_is_behind_says_nothing(void **state)
{
	(void)state;
	p.current = false;
	(void)ended(ROUTE_HI2, XK_GRANTED);
	ends_in_silence(XK_UNAVAILABLE);
	(void)ended(ROUTE_HI2, XK_NOT_REPRODUCIBLE);
	ends_in_silence(XK_UNAVAILABLE);
	p.current = true;
	clock_stopped = true;
	(void)ended(ROUTE_HI2, XK_GRANTED);
	ends_in_silence(XK_UNAVAILABLE);
}

/* The target is nobody's subscriber any more; why stays what it was else. */
static void
a_record_that_no_longer_stands_gives_no_key(void **state)
{
	(void)state;
	happens(REQUEST_SUBSCRIBER_REMOVE,
	    "{\"identity\":\"" BOB "\",\"record\":1}");
	(void)ended(ROUTE_HI2, XK_GRANTED);
	told_to_hi2(XK_UNKNOWN_SUBSCRIBER);
	(void)ended(ROUTE_HI2, XK_NOT_REPRODUCIBLE);
	told_to_hi2(XK_NOT_REPRODUCIBLE);
}

/* ---- who is there to take it ---- */

static void
who_was_replaced_meanwhile_gets_nothing(void **state)
{
	static const enum xk_reason reason[] = {XK_GRANTED,
	    XK_NOT_REPRODUCIBLE};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (unsigned r = 0; r < ROUTE__MAX; r++) {
			(void)ended((enum route)r, reason[i]);
			p.taker_generation[r]++; /* another one is there now */
			ends_in_silence(XK_UNAVAILABLE);
		}
}

static void
who_has_gone_gets_nothing(void **state)
{
	(void)state;
	for (unsigned r = 0; r < ROUTE__MAX; r++) {
		(void)ended((enum route)r, XK_GRANTED);
		ipc_chan_free(&p.taker[r]);
		ends_in_silence(XK_UNAVAILABLE);
	}
}

/* Each route has its own taker: the other's end is none of its business. */
static void
the_other_takers_end_changes_nothing(void **state)
{
	(void)state;
	(void)ended(ROUTE_HI2, XK_GRANTED);
	p.taker_generation[ROUTE_XK]++;
	ipc_chan_free(&p.taker[ROUTE_XK]);
	told_to_hi2(XK_GRANTED);
}

static void
a_hi2_that_does_not_read_is_as_if_it_had_gone(void **state)
{
	(void)state;
	ipc_chan_free(&p.taker[ROUTE_HI2]);
	ipc_chan_free(&taker[ROUTE_HI2]);
	channel(&p.taker[ROUTE_HI2], &taker[ROUTE_HI2], 20);
	(void)ended(ROUTE_HI2, XK_GRANTED);
	ends_in_silence(XK_UNAVAILABLE);
}

/* ---- audit's word ---- */

static void
nothing_leaves_before_its_outcome_is_on_disk(void **state)
{
	struct pending *d = ended(ROUTE_HI2, XK_GRANTED);

	(void)state;
	assert_int_equal(durable(AUDIT_ID + 1), ERR_MALFORMED);
	d->ended = false; /* its outcome was not even sent */
	assert_int_equal(durable(AUDIT_ID), ERR_MALFORMED);
	nothing_for(ROUTE_HI2);
	assert_int_equal(ipc_queued(p.audit), 0);
	assert_true(d->used);
	assert_non_null(d->answer);
	d->ended = true;
	told_to_hi2(XK_GRANTED);
	/* and it leaves once */
	assert_int_equal(durable(AUDIT_ID), ERR_MALFORMED);
	nothing_for(ROUTE_HI2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keys_go_to_the_lemfs_of_the_warrant),
	    TEST(why_there_are_no_keys_is_told_without_any),
	    TEST(what_policy_says_itself_is_not_told_to_hi2),
	    TEST(a_job_without_a_warrant_ends_in_silence),
	    TEST(who_asked_over_xk_is_answered_there),
	    TEST(a_warrant_revoked_meanwhile_delivers_nothing),
	    TEST(a_warrant_suspended_meanwhile_delivers_nothing),
	    TEST(a_warrant_ended_meanwhile_delivers_nothing),
	    TEST(signatures_declared_void_meanwhile_deliver_nothing),
	    TEST(a_worker_that_is_behind_says_nothing),
	    TEST(a_record_that_no_longer_stands_gives_no_key),
	    TEST(who_was_replaced_meanwhile_gets_nothing),
	    TEST(who_has_gone_gets_nothing),
	    TEST(the_other_takers_end_changes_nothing),
	    TEST(a_hi2_that_does_not_read_is_as_if_it_had_gone),
	    TEST(nothing_leaves_before_its_outcome_is_on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
