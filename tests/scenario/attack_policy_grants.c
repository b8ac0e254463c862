/* Calls that no warrant covers, with real warrants beside the point. */
#include <string.h>

#include "attack_policy.h"

static struct grant
true_grant(void)
{
	return grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
}

/* Somebody more, who is no officer: a change of persons. */
static uint64_t
enrol_an_auditor(void)
{
	struct change c = change_by_two(REQUEST_PERSON_ADD,
	    body_person("trudy", "auditor", TRUDY), SAFE1, SAFE2);

	expect(enter(&c), "an honest change of persons is taken");
	return c.number;
}

static void
with_another_number(void)
{
	static const struct {
		const char *name;
		uint64_t number;
	} none[] = {{"a GRANT with change 0", 0},
	    {"a GRANT with a change far beyond the head", 1000000},
	    {"a GRANT with the last number there is", UINT64_MAX}};
	struct grant g = true_grant();

	g.work.number = play.warrant[W_BOB].number;
	refused_grant("a GRANT with the number of another warrant", &g);
	g.work.number = enrol_an_auditor();
	refused_grant("a GRANT with the number of a person.add", &g);
	g.work.number = play.world.n + 1;
	refused_grant("a GRANT with the next change's number", &g);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		g.work.number = none[i].number;
		refused_grant(none[i].name, &g);
	}
}

static void
with_other_papers(void)
{
	static const enum who strangers[] = {EVE, MALLORY}, one[] = {ONE},
			      others[] = {ONE, SAFE1};
	const struct change *bob =
	    &play.world.change[play.warrant[W_BOB].number - 1];
	struct grant g = true_grant();
	uint8_t *at;
	struct rd cms;

	g.work.evidence = bob->evidence;
	refused_grant("a GRANT with another warrant's signatures", &g);
	cms = signed_by(g.work.warrant, 2, strangers);
	g.work.evidence = evidence_of(1, &cms);
	refused_grant("a GRANT with strangers' signatures", &g);
	cms = signed_by(g.work.warrant, 1, one);
	g.work.evidence = evidence_of(1, &cms);
	refused_grant("a GRANT with the signature of one officer", &g);
	cms = signed_by(g.work.warrant, 2, others);
	g.work.evidence = evidence_of(1, &cms);
	refused_grant("a GRANT with a security officer's signature", &g);
	g.work.evidence = evidence_of(0, &cms);
	refused_grant("a GRANT without signatures", &g);
	g.work.evidence.left = 0;
	refused_grant("a GRANT without even that", &g);
	g = true_grant();
	g.work.warrant = bob->request;
	refused_grant("a GRANT with another warrant's octets", &g);
	g.work.warrant.left = 0;
	refused_grant("a GRANT without a warrant", &g);
	g = true_grant();
	g.work.warrant = keep(g.work.warrant.p, g.work.warrant.left);
	at = memmem(g.work.warrant.p, g.work.warrant.left, "LIID-1", 6);
	at[5] = '2';
	refused_grant("a GRANT with a warrant altered by an octet", &g);
}

/* The entry is what the log will have; it must be about what is done. */
static void
with_another_entry(void)
{
	struct grant g = true_grant();

	g.entry.target = text_of(BOB);
	refused_grant("an entry about another target", &g);
	g = true_grant();
	g.entry.client = text_of("df2b");
	refused_grant("an entry about another client", &g);
	g.entry.client = text_of("nobody");
	refused_grant("an entry about a client that is none", &g);
	g = true_grant();
	g.entry.liid = text_of("LIID-2");
	refused_grant("an entry about another LIID", &g);
	g.entry.liid.left = 0;
	refused_grant("an entry without a LIID", &g);
	g = true_grant();
	g.entry.warrant[0] ^= 1;
	refused_grant("an entry about another warrant", &g);
	g = true_grant();
	g.entry.csb_id ^= 1;
	refused_grant("an entry about another call: CSB ID", &g);
	g = true_grant();
	g.entry.ts += (uint64_t)1 << 32;
	refused_grant("an entry about another call: time", &g);
	g = true_grant();
	g.entry.ts_type ^= 1;
	refused_grant("an entry about another call: kind of time", &g);
	g = true_grant();
	g.entry.test = true;
	refused_grant("an entry about a test", &g);
	g = true_grant();
	g.work.call = play.other_call.octets;
	refused_grant("another call than the entry's", &g);
}

static void
with_another_warrant(void)
{
	static const struct {
		const char *name;
		enum warrant_at_hand which;
	} list[] = {{"a revoked warrant", W_REVOKED},
	    {"a suspended warrant", W_SUSPENDED},
	    {"a warrant that has ended", W_ENDED},
	    {"a warrant that has not begun", W_LATER},
	    {"a test warrant with a real subscriber", W_ALICE_TEST}};
	struct grant g;

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		g = grant_of(&play.warrant[list[i].which], play.alice,
		    &play.call);
		refused_grant(list[i].name, &g);
	}
	g = grant_of(&play.warrant[W_ALICE_TEST], play.alice, &play.call);
	g.entry.test = false;
	refused_grant("the same, and the entry says nothing of a test", &g);
	g = grant_of(&play.warrant[W_TINA_REAL], play.tina, &play.tinas_call);
	refused_grant("a warrant with a test subscriber", &g);
	g = grant_of(&play.warrant[W_BOB], play.alice, &play.call);
	refused_grant("a warrant for another target and client", &g);
	g.entry.target = text_of(ALICE);
	refused_grant("the same, and the entry says her", &g);
	g = grant_of(&play.warrant[W_TINA], play.tina, &play.tinas_call);
	attempt("a test call under a test warrant");
	expect(say_grant(&g) == KEYS, "a test call under a test warrant: keys");
}

static void
with_another_call(void)
{
	struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.old_call);

	refused_grant("a call of before the warrant", &g);
	g = grant_of(&play.warrant[W_ALICE], play.alice, &play.tinas_call);
	refused_grant("a call of somebody else", &g);
	g = grant_of(&play.warrant[W_ALICE], play.bob, &play.call);
	refused_grant("a record of somebody else", &g);
	g = grant_of(&play.warrant[W_ALICE], play.tina, &play.call);
	refused_grant("a record of a test subscriber", &g);
	g = true_grant();
	g.work.subscriber.left = 0;
	refused_grant("no record", &g);
	g = true_grant();
	g.work.call.left = 0;
	refused_grant("no call", &g);
}

void
attack_grants(void)
{
	stage_fresh(1);
	with_another_number();
	with_other_papers();
	with_another_entry();
	with_another_warrant();
	with_another_call();
}
