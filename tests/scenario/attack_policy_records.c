/* Records of the registry that are not the last, not this token's, not so. */
#include <stdio.h>
#include <string.h>

#include "attack_policy.h"

#define DEVICE "sip:alice-phone@lab.example"

static uint64_t
number_of_record(const char *identity)
{
	struct why why = {""};
	uint64_t found = 0;

	for (unsigned i = 0; i < play.world.n; i++) {
		const struct change *c = &play.world.change[i];
		struct request *q = NULL;

		if (c->kind != REQUEST_SUBSCRIBER_ADD &&
		    c->kind != REQUEST_SUBSCRIBER_DEVICES)
			continue;
		if (request_parse(c->request, &q, &why) != ERR_OK)
			rig_stop("a request", why.text);
		if (strcmp(q->identity, identity) == 0)
			found = c->number;
		request_free(&q);
	}
	return found;
}

/* No record is made, and audit has both entries of it. */
static void
no_record(const char *name, struct verdict v, const char *words)
{
	char what[WHY_MAX + 16];

	(void)snprintf(what, sizeof(what), "%s",
	    v.heard != HEARD	 ? "no word"
		: v.rc == ERR_OK ? "A RECORD"
				 : v.text);
	expect(v.heard == HEARD && v.rc != ERR_OK &&
		strstr(v.text, words) != NULL &&
		rig_entries(&play.rig, AUDIT_SUBSCRIBER_INTENT, "") == 1 &&
		rig_entries(&play.rig, AUDIT_SUBSCRIBER_OUTCOME, "") == 1,
	    "%s: %s", name, what);
	still_works();
}

static struct verdict
order(uint64_t number, struct rd request, struct rd before, const char *target)
{
	const struct task_subscriber t = {number, request, before};
	static uint8_t body[MAX_REQUEST + 32768];
	struct rd o, result;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	task_subscriber_put(&w, &t);
	if (w.rc != ERR_OK)
		rig_stop("an order", "too long");
	rd_init(&o, body, w.len);
	rig_mark(&play.rig);
	return say_task(TASK_SUBSCRIBER, target, o, &result);
}

static struct rd
request_at(uint64_t number)
{
	return play.world.change[number - 1].request;
}

static void
orders(void)
{
	const uint64_t alice = number_of_record(ALICE),
		       bob = number_of_record(BOB),
		       warrant = play.warrant[W_ALICE].number;
	const struct rd none = {NULL, 0};
	static const enum who one[] = {SAFE1};
	struct change c = change_by(REQUEST_SUBSCRIBER_ADD,
	    body_subscriber(ALICE, seed_bob, false), 1, one);
	struct rd record;

	no_record("a record for a warrant's change",
	    order(warrant, request_at(warrant), none, ALICE), "no change");
	no_record("a record for a change that is none",
	    order(play.world.n + 1, c.request, none, ALICE), "no change");
	no_record("a record for change 0", order(0, c.request, none, ALICE),
	    "no change");
	no_record("a record by a request that nobody approved",
	    order(alice, c.request, none, ALICE), "not the one that was");
	no_record("a record by another's request",
	    order(alice, request_at(bob), none, ALICE), "not the one that was");
	no_record("a record by octets that are no request",
	    order(alice, play.alice, none, ALICE), "");
	no_record("a record for another than the log says",
	    order(alice, request_at(alice), none, BOB), "audit log");
	/* Twice: the same seed again, as when the first was lost. */
	rig_mark(&play.rig);
	expect(say_record(alice, none, &record).rc == ERR_OK &&
		rig_entries(&play.rig, AUDIT_SUBSCRIBER_INTENT, "") == 1,
	    "a record made again: made, and in the log again");
	play.alice = record;
	still_works();
}

static struct grant
with_record(struct rd record)
{
	return grant_of(&play.warrant[W_ALICE], record, &play.call);
}

static void
spoiled(void)
{
	const size_t step = play.alice.left / 24 + 1;
	char name[64];
	struct grant g;

	for (size_t at = 0; at < play.alice.left; at += step) {
		const struct rd r = keep(play.alice.p, play.alice.left);
		uint8_t *p;

		memcpy(&p, &r.p, sizeof(p));
		p[at] ^= 1;
		g = with_record(r);
		(void)snprintf(name, sizeof(name),
		    "a record with octet %zu changed", at);
		refused_grant(name, &g);
	}
	g = with_record(keep(play.alice.p, play.alice.left - 1));
	refused_grant("a record that is cut", &g);
}

static void
replaced(void)
{
	const uint64_t first = number_of_record(ALICE);
	const struct rd old = play.alice;
	struct change c = change_by_two(REQUEST_SUBSCRIBER_DEVICES,
	    body_devices(ALICE, DEVICE, first), SAFE1, SAFE2);
	struct grant g;
	struct rd made;
	uint64_t second;

	expect(enter(&c), "other devices for a subscriber: taken");
	second = c.number;
	/* until the new record is made there is none */
	g = with_record(old);
	attempt("the record of before other devices");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	rig_mark(&play.rig);
	expect(order(second, request_at(second), play.bob, ALICE).rc ==
		ERR_MISMATCH,
	    "other devices on another's record: refused");
	expect(say_record(second, old, &made).rc == ERR_OK,
	    "the new record: made");
	play.alice = made;
	still_works();
	refused_grant("the record of before, again", &g);
	no_record("a record for the change of before",
	    order(first, request_at(first), play.alice, ALICE), "no change");
	c = change_by_two(REQUEST_SUBSCRIBER_DEVICES,
	    body_devices(ALICE, DEVICE, first), SAFE1, SAFE2);
	refused_change("other devices for a record that is none", &c,
	    "not that of a subscriber");
	spoiled();
	c = change_by_two(REQUEST_SUBSCRIBER_REMOVE, body_remove(ALICE, second),
	    SAFE1, SAFE2);
	expect(enter(&c), "a subscriber removed: taken");
	g = with_record(play.alice);
	attempt("the record of a subscriber that was removed");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	g = with_record(old);
	attempt("the one before it");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	stage_fresh(1);
}

static void
of_another_token(void)
{
	struct rd head, record;
	struct grant g;

	stage_other_token(&head, &record);
	g = with_record(record);
	refused_grant("a record of another token", &g);
}

/* Nothing goes to a key that two have not approved. */
static void
keys_to_devices(void)
{
	static uint8_t body[32768];
	struct task_key t = {.subscriber = play.alice,
	    .identity = text_of(ALICE),
	    .at = 1800000000};
	struct rd o, result;
	struct wr w;

	wr_init(&w, body, sizeof(body));
	task_key_put(&w, &t);
	rd_init(&o, body, w.len);
	rig_mark(&play.rig);
	no_record("a key for a subscriber without a device certificate",
	    say_task(TASK_KEY_ISSUE, ALICE, o, &result), "certificate");
	rig_mark(&play.rig);
	no_record("a key of another than the log says",
	    say_task(TASK_KEY_ISSUE, BOB, o, &result), "audit log");
	t.identity = text_of(BOB);
	wr_init(&w, body, sizeof(body));
	task_key_put(&w, &t);
	rd_init(&o, body, w.len);
	rig_mark(&play.rig);
	no_record("a key of another on a subscriber's record",
	    say_task(TASK_KEY_ISSUE, BOB, o, &result), "neither");
}

void
attack_records(void)
{
	stage_fresh(1);
	orders();
	keys_to_devices();
	of_another_token();
	replaced();
}
