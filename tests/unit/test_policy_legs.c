/* Which warrants an XID concerns, and what x2 is told when that changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/policy_x2.h"
#include "help.h"
#include "papers.h"

#define START 1798761600LL /* 2027-01-01T00:00:00Z */
#define END 1803859200LL /* 2027-03-01T00:00:00Z */
#define GRACE 3600

#define ALICE "sip:alice@example.com"
#define ALICE_TEL "tel:+15550100"
#define BOB "sip:bob@example.com"

static struct policy p; /* of which this has authority, warrants and look */
static int64_t now;

/* ---- in place of the rest of policy ---- */

int64_t
policy_now(struct policy *policy)
{
	assert_ptr_equal(policy, &p);
	return now;
}

/* What x2 was sent. */
static struct {
	unsigned changed, n_again;
	uint8_t again[64]; /* last octets of XIDs: see xid_of() */
} sent;

enum err
peer_send(struct peer *to, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	assert_ptr_equal(to, p.x2);
	assert_int_equal(id, 0);
	if (type == MSG_XIDS_CHANGED) {
		assert_int_equal(len, 0);
		sent.changed++;
		return ERR_OK;
	}
	assert_int_equal(type, MSG_X2_AGAIN);
	assert_int_equal(len, XID_LEN);
	assert_true(sent.n_again < sizeof(sent.again));
	sent.again[sent.n_again++] = ((const uint8_t *)body)[XID_LEN - 1];
	return ERR_OK;
}

/* ---- warrants ---- */

/* "00000000-0000-0000-0000-0000000000NN" as octets. */
static const uint8_t *
xid_of(uint8_t n)
{
	static uint8_t xid[XID_LEN];

	memset(xid, 0, sizeof(xid));
	xid[XID_LEN - 1] = n;
	return xid;
}

#define XID(nn) "\"00000000-0000-0000-0000-0000000000" nn "\""
#define IDS(...) "{\"identities\":[" __VA_ARGS__ "]"
#define TARGET(ids, xids) ids ",\"xids\":[" xids "]}"
#define Q(s) "\"" s "\""

#define KEYS Q("keys")
#define KEYS_SIP Q("keys") "," Q("sip")
#define HI2 Q("hi2")

static int
set_up(void **state)
{
	const struct genesis g = {.time = PKI_NOW, .kms = PAPERS_KMS};

	(void)state;
	memset(&p, 0, sizeof(p));
	assert_int_equal(authority_new(&g, &p.authority), ERR_OK);
	now = START;
	memset(&sent, 0, sizeof(sent));
	p.x2 = (struct peer *)(uintptr_t)0x1234; /* peer_send() is ours */
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	warrants_done(&p.warrants);
	authority_free(&p.authority);
	return 0;
}

/* In effect as the next change; its approvals are another's to check. */
static struct change
takes_effect(enum request_kind kind, const char *body, struct paper *paper)
{
	const struct request_head h = paper_head(kind, "meyer", 0);
	struct why why = {""};
	struct change c;

	*paper = paper_write(&h, body);
	c = paper_change(paper, authority_head(p.authority).number + 1,
	    (struct rd){NULL, 0});
	if (authority_apply(p.authority, &c, &why) != ERR_OK)
		fail_msg("%s: %s", body, why.text);
	return c;
}

static struct held_warrant *
entered_until(const char *targets, const char *products, const char *delivery,
    const char *end)
{
	static char body[16384];
	struct why why = {""};
	struct paper paper;
	struct change c;

	assert_true(snprintf(body, sizeof(body),
			"{\"clients\":[\"df2\"],\"delivery\":[%s],"
			"\"lemfs\":[\"police\"],\"liid\":\"LI-1\","
			"\"period\":{\"start\":\"2027-01-01T00:00:00Z\","
			"\"end\":\"%s\"},\"products\":[%s],\"targets\":[%s]}",
			delivery, end, products, targets) < (int)sizeof(body));
	c = takes_effect(REQUEST_WARRANT_ADD, body, &paper);
	if (warrants_load(&p.warrants, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	free(paper.p);
	return p.warrants.w[p.warrants.n - 1];
}

static struct held_warrant *
entered(const char *targets, const char *products, const char *delivery)
{
	return entered_until(targets, products, delivery,
	    "2027-03-01T00:00:00Z");
}

static struct held_warrant *
on_alice(void)
{
	return entered(TARGET(IDS(Q(ALICE)), XID("01")), KEYS, HI2);
}

/* A change of that warrant, with `more` in front of its name. */
static void
changes(const struct held_warrant *h, enum request_kind kind, const char *more)
{
	char body[256], hex[2 * WARRANT_ID_LEN + 1];
	struct paper paper;

	hex_put(h->w->id, WARRANT_ID_LEN, hex);
	(void)snprintf(body, sizeof(body), "{%s\"warrant\":\"%s\"}", more, hex);
	(void)takes_effect(kind, body, &paper);
	free(paper.p);
}

/* ---- legs ---- */

static struct leg leg[MAX_LEGS];

static unsigned
legs(uint8_t xid, unsigned products, bool again)
{
	memset(leg, 0xa5, sizeof(leg));
	return policy_legs(&p, xid_of(xid), products, again, leg);
}

static unsigned
keys(uint8_t xid)
{
	return legs(xid, PRODUCT_KEYS, false);
}

/* The leg of that warrant among the first n; exactly one. */
static const struct leg *
leg_of(const struct held_warrant *h, unsigned n)
{
	const struct leg *found = NULL;

	for (unsigned i = 0; i < n; i++)
		if (leg[i].warrant == h) {
			assert_null(found);
			found = &leg[i];
		}
	assert_non_null(found);
	return found;
}

static void
an_xid_concerns_the_warrant_that_names_it(void **state)
{
	struct held_warrant *a, *b;

	(void)state;
	assert_int_equal(keys(1), 0); /* there is none at all */
	a = on_alice();
	b = entered(TARGET(IDS(Q(BOB)), XID("02") "," XID("03")), KEYS, HI2);
	assert_int_equal(keys(1), 1);
	assert_ptr_equal(leg[0].warrant, a);
	assert_int_equal(leg[0].target, 0);
	assert_true(leg[0].state.end == END);
	assert_false(leg[0].state.revoked || leg[0].state.suspended);
	assert_int_equal(keys(2), 1);
	assert_ptr_equal(leg[0].warrant, b);
	assert_int_equal(keys(3), 1);
	assert_ptr_equal(leg[0].warrant, b);
	assert_int_equal(keys(4), 0);
	assert_int_equal(keys(0), 0);
}

static void
an_xid_is_of_one_of_a_warrants_targets(void **state)
{
	(void)state;
	(void)entered(TARGET(IDS(Q(ALICE)), XID("01")) "," TARGET(IDS(Q(BOB)),
			  XID("02")) "," IDS(Q("sip:carol@example.com")) "}",
	    KEYS, HI2);
	assert_int_equal(keys(1), 1);
	assert_int_equal(leg[0].target, 0);
	assert_int_equal(keys(2), 1);
	assert_int_equal(leg[0].target, 1);
}

static void
a_warrant_is_in_force_in_its_period_and_grace(void **state)
{
	static const struct {
		int64_t at;
		unsigned n;
	} row[] = {{0, 0}, {START - WARRANT_SKEW - 1, 0},
	    {START - WARRANT_SKEW, 1}, {END, 1}, {END + GRACE - 1, 1},
	    {END + GRACE, 0}, {INT64_MAX, 0}};

	(void)state;
	(void)on_alice();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		now = row[i].at;
		assert_int_equal(keys(1), row[i].n);
		assert_int_equal(legs(1, PRODUCT_KEYS, true), row[i].n);
	}
}

static void
what_has_changed_of_a_warrant_counts(void **state)
{
	struct held_warrant *h = on_alice();

	(void)state;
	now = END + GRACE;
	changes(h, REQUEST_WARRANT_EXTEND, "\"end\":\"2027-04-01T00:00:00Z\",");
	assert_int_equal(keys(1), 1);
	assert_true(leg[0].state.end == 1806537600);
	changes(h, REQUEST_WARRANT_SUSPEND, "");
	assert_int_equal(keys(1), 0);
	changes(h, REQUEST_WARRANT_RESUME, "");
	assert_int_equal(keys(1), 1);
	changes(h, REQUEST_WARRANT_END, "\"end\":\"2027-02-02T00:00:00Z\",");
	assert_int_equal(keys(1), 0);
	now = START;
	assert_int_equal(keys(1), 1);
	changes(h, REQUEST_WARRANT_REVOKE, "");
	assert_int_equal(keys(1), 0);
}

/* Before a revocation or suspension that is accepted has its number. */
static void
what_is_stopped_gets_nothing_at_once(void **state)
{
	struct held_warrant *h = on_alice();

	(void)state;
	h->revoked = true;
	assert_int_equal(keys(1), 0);
	h->revoked = false;
	h->suspended = true;
	assert_int_equal(keys(1), 0);
	h->suspended = false;
	assert_int_equal(keys(1), 1);
}

static void
all_products_must_be_granted(void **state)
{
	(void)state;
	(void)on_alice();
	(void)entered(TARGET(IDS(Q(BOB)), XID("02")), KEYS_SIP, HI2);
	assert_int_equal(legs(1, PRODUCT_KEYS, false), 1);
	assert_int_equal(legs(1, PRODUCT_SIP, false), 0);
	assert_int_equal(legs(1, PRODUCT_KEYS | PRODUCT_SIP, false), 0);
	assert_int_equal(legs(2, PRODUCT_KEYS, false), 1);
	assert_int_equal(legs(2, PRODUCT_SIP, false), 1);
	assert_int_equal(legs(2, PRODUCT_KEYS | PRODUCT_SIP, false), 1);
	assert_int_equal(legs(2, PRODUCT_SECRETS, false), 0);
}

static void
a_warrant_for_delivery_over_xk_alone_gets_nothing(void **state)
{
	struct held_warrant *both;

	(void)state;
	(void)entered(TARGET(IDS(Q(ALICE)), XID("01")), KEYS_SIP, Q("xk"));
	assert_int_equal(keys(1), 0);
	assert_int_equal(legs(1, PRODUCT_SIP, true), 0);
	both = entered(TARGET(IDS(Q(ALICE)), XID("01")), KEYS_SIP,
	    Q("xk") "," HI2);
	assert_int_equal(keys(1), 1);
	assert_ptr_equal(leg[0].warrant, both);
}

static void
several_warrants_have_a_leg_each(void **state)
{
	struct held_warrant *a = on_alice(),
			    *b =
				entered(TARGET(IDS(Q(BOB)),
					    XID("02")) "," TARGET(IDS(Q(ALICE)),
					    XID("01")),
				    KEYS, HI2),
			    *c = on_alice();

	(void)state;
	assert_int_equal(keys(1), 3);
	assert_int_equal(leg_of(a, 3)->target, 0);
	assert_int_equal(leg_of(b, 3)->target, 1);
	assert_int_equal(leg_of(c, 3)->target, 0);
	changes(b, REQUEST_WARRANT_REVOKE, "");
	assert_int_equal(keys(1), 2);
	(void)leg_of(a, 2);
	(void)leg_of(c, 2);
}

/* ---- again: kin ---- */

static void
kin_are_found_by_an_identity_and_only_again(void **state)
{
	struct held_warrant *a, *b;

	(void)state;
	a = entered(TARGET(IDS(Q(ALICE) "," Q(ALICE_TEL)), XID("01")), KEYS,
	    HI2);
	/* by the second identity, as the second target, under another XID */
	b = entered(TARGET(IDS(Q(BOB)), XID("02")) "," TARGET(
			IDS(Q("sip:a@example.com") "," Q(ALICE_TEL)),
			XID("03")),
	    KEYS, HI2);
	assert_int_equal(legs(1, PRODUCT_KEYS, false), 1);
	assert_ptr_equal(leg[0].warrant, a);
	assert_int_equal(legs(1, PRODUCT_KEYS, true), 2);
	assert_int_equal(leg_of(a, 2)->target, 0);
	assert_int_equal(leg_of(b, 2)->target, 1);
	assert_int_equal(legs(3, PRODUCT_KEYS, true), 2);
	assert_int_equal(leg_of(a, 2)->target, 0);
	assert_int_equal(leg_of(b, 2)->target, 1);
	/* the other target's calls are none of a's */
	assert_int_equal(legs(2, PRODUCT_KEYS, true), 1);
	assert_ptr_equal(leg[0].warrant, b);
}

static void
kin_without_any_xid_is_kin(void **state)
{
	struct held_warrant *a = on_alice(),
			    *b = entered(IDS(Q(ALICE)) "}", KEYS, HI2);

	(void)state;
	assert_int_equal(legs(1, PRODUCT_KEYS, false), 1);
	assert_int_equal(legs(1, PRODUCT_KEYS, true), 2);
	(void)leg_of(a, 2);
	(void)leg_of(b, 2);
}

static void
kin_must_grant_and_be_in_force_too(void **state)
{
	struct held_warrant *a = entered(TARGET(IDS(Q(ALICE)), XID("01")),
				KEYS_SIP, HI2),
			    *keys_only = entered(IDS(Q(ALICE)) "}", KEYS, HI2),
			    *over = entered_until(IDS(Q(ALICE)) "}", KEYS_SIP,
				HI2, "2027-02-01T00:00:00Z"),
			    *stopped =
				entered(IDS(Q(ALICE)) "}", KEYS_SIP, HI2);

	(void)state;
	(void)entered(IDS(Q(ALICE)) "}", KEYS_SIP, Q("xk"));
	changes(stopped, REQUEST_WARRANT_SUSPEND, "");
	assert_int_equal(legs(1, PRODUCT_SIP, true), 2);
	(void)leg_of(a, 2);
	(void)leg_of(over, 2);
	assert_int_equal(legs(1, PRODUCT_KEYS, true), 3);
	(void)leg_of(keys_only, 3);
	now = END - 1;
	assert_int_equal(legs(1, PRODUCT_SIP, true), 1);
	assert_ptr_equal(leg[0].warrant, a);
}

/* It shares two identities and two XIDs with its kin, who share them too. */
static void
no_warrant_comes_twice(void **state)
{
	static const char both[] =
	    TARGET(IDS(Q(ALICE) "," Q(ALICE_TEL)), XID("01") "," XID("02"));
	struct held_warrant *h[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		h[i] = entered(both, KEYS, HI2);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(legs(2, PRODUCT_KEYS, again == 1), 3);
		for (unsigned i = 0; i < 3; i++)
			(void)leg_of(h[i], 3);
	}
}

/* More than that get nothing, and nothing is written behind the last. */
static void
there_are_64_legs_at_most(void **state)
{
	struct leg out[MAX_LEGS + 1];

	(void)state;
	for (unsigned i = 0; i < MAX_LEGS; i++) {
		assert_int_equal(keys(1), i);
		(void)on_alice();
	}
	assert_int_equal(keys(1), MAX_LEGS);
	(void)on_alice();
	(void)entered(IDS(Q(ALICE)) "}", KEYS, HI2); /* kin */
	for (int again = 0; again < 2; again++) {
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(policy_legs(&p, xid_of(1), PRODUCT_KEYS,
				     again == 1, out),
		    MAX_LEGS);
		for (unsigned i = 0; i < MAX_LEGS; i++)
			for (unsigned k = 0; k < i; k++)
				assert_ptr_not_equal(out[i].warrant,
				    out[k].warrant);
		for (size_t i = 0; i < sizeof(out[0]); i++)
			assert_int_equal(((uint8_t *)&out[MAX_LEGS])[i], 0xa5);
	}
}

/* ---- what x2 is told ---- */

/* Look; x2 was told so often that XIDs have changed, and of those again. */
static void
look_tells(unsigned changed, const char *again)
{
	memset(&sent, 0, sizeof(sent));
	policy_x2_look(&p);
	assert_int_equal(sent.changed, changed);
	assert_int_equal(sent.n_again, strlen(again));
	for (unsigned i = 0; i < sent.n_again; i++)
		if (memchr(sent.again, again[i] - '0', sent.n_again) == NULL)
			fail_msg("not told of %c", again[i]);
}

/* x2 has no call up yet that a first look could find again. */
static void
the_first_look_tells_no_call_again(void **state)
{
	(void)state;
	(void)on_alice();
	look_tells(1, "");
	look_tells(0, "");
}

static void
a_warrant_that_comes_is_told_and_its_kins_calls_again(void **state)
{
	(void)state;
	(void)on_alice();
	(void)entered(TARGET(IDS(Q(BOB)), XID("05")), KEYS, HI2);
	look_tells(1, "");
	(void)entered(TARGET(IDS(Q(ALICE) "," Q(ALICE_TEL)),
			  XID("02") "," XID("03")),
	    KEYS, HI2);
	look_tells(1, "123");
	look_tells(0, "");
	/* one that is for Xk alone is none of x2's */
	(void)entered(TARGET(IDS(Q(ALICE)), XID("01")), KEYS, Q("xk"));
	look_tells(0, "");
}

static void
time_alone_tells_the_beginning_and_the_end(void **state)
{
	(void)state;
	now = START - WARRANT_SKEW - 100;
	(void)on_alice();
	look_tells(0, "");
	now = START - WARRANT_SKEW - 1;
	look_tells(0, "");
	now = START - WARRANT_SKEW;
	look_tells(1, "1");
	now = END + GRACE - 1;
	look_tells(0, "");
	now = END + GRACE;
	look_tells(1, "");
	now = INT64_MAX;
	look_tells(0, "");
}

static void
changes_of_a_warrant_are_told(void **state)
{
	struct held_warrant *h = on_alice();

	(void)state;
	look_tells(1, "");
	changes(h, REQUEST_WARRANT_SUSPEND, "");
	look_tells(1, "");
	changes(h, REQUEST_WARRANT_RESUME, "");
	look_tells(1, "1");
	/* stopped by a change that is accepted: held, then in effect */
	h->revoked = true;
	p.holds++;
	look_tells(1, "");
	changes(h, REQUEST_WARRANT_REVOKE, "");
	look_tells(0, "");
}

/* An earlier end is looked for at its own time. */
static void
the_end_as_changed_is_the_one_that_is_told(void **state)
{
	struct held_warrant *h = on_alice();

	(void)state;
	look_tells(1, "");
	changes(h, REQUEST_WARRANT_END, "\"end\":\"2027-02-02T00:00:00Z\",");
	look_tells(0, "");
	now = 1801526400 + GRACE - 1;
	look_tells(0, "");
	now++;
	look_tells(1, "");
	changes(h, REQUEST_WARRANT_EXTEND, "\"end\":\"2027-04-01T00:00:00Z\",");
	look_tells(1, "1");
}

/* SIP goes with keys or with secrets. */
static void
without_x2_nothing_is_sent(void **state)
{
	(void)state;
	p.x2 = NULL;
	(void)on_alice();
	look_tells(0, "");
	(void)on_alice();
	look_tells(0, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_xid_concerns_the_warrant_that_names_it),
	    TEST(an_xid_is_of_one_of_a_warrants_targets),
	    TEST(a_warrant_is_in_force_in_its_period_and_grace),
	    TEST(what_has_changed_of_a_warrant_counts),
	    TEST(what_is_stopped_gets_nothing_at_once),
	    TEST(all_products_must_be_granted),
	    TEST(a_warrant_for_delivery_over_xk_alone_gets_nothing),
	    TEST(several_warrants_have_a_leg_each),
	    TEST(kin_are_found_by_an_identity_and_only_again),
	    TEST(kin_without_any_xid_is_kin),
	    TEST(kin_must_grant_and_be_in_force_too),
	    TEST(no_warrant_comes_twice),
	    TEST(there_are_64_legs_at_most),
	    TEST(the_first_look_tells_no_call_again),
	    TEST(a_warrant_that_comes_is_told_and_its_kins_calls_again),
	    TEST(time_alone_tells_the_beginning_and_the_end),
	    TEST(changes_of_a_warrant_are_told),
	    TEST(the_end_as_changed_is_the_one_that_is_told),
	    TEST(without_x2_nothing_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
