/* Warrants that two officers have not approved. */
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static const char *
body(void)
{
	const int64_t now = time(NULL);

	return body_warrant("LIID-X", ALICE, "df2", false, now - 3600,
	    now + 3600);
}

static struct change
signed_so(const struct request_head *h, unsigned n, const enum who *who)
{
	const struct rd octets = paper(h, body());
	const struct rd cms = signed_by(octets, n, who);

	return change_of(REQUEST_WARRANT_ADD, octets, evidence_of(1, &cms));
}

static void
by(const char *name, enum who asks, unsigned n, const enum who *who,
    const char *words)
{
	const struct request_head h = head_of(REQUEST_WARRANT_ADD, asks);
	const struct change c = signed_so(&h, n, who);

	refused_change(name, &c, words);
}

static void
by_the_wrong_persons(void)
{
	static const enum who strangers[] = {EVE, MALLORY}, one[] = {ONE},
			      same[] = {ONE, ONE}, mixed[] = {ONE, EVE},
			      safe[] = {ONE, SAFE1}, eng[] = {ONE, ENGINEER},
			      only_eng[] = {ENGINEER}, safes[] = {SAFE1, SAFE2},
			      aud[] = {ONE, AUDITOR}, others[] = {TWO, THREE};

	by("a warrant by persons of his own", EVE, 2, strangers,
	    "not enrolled");
	by("a warrant by one officer", ONE, 1, one, "1 who may approve");
	by("a warrant by an officer twice in a CMS", ONE, 2, same,
	    "1 who may approve");
	by("a warrant by an officer and a stranger", ONE, 2, mixed,
	    "not enrolled");
	by("a warrant by an officer and a security officer", ONE, 2, safe,
	    "may not approve");
	by("a warrant by an officer and an engineer", ONE, 2, eng,
	    "may not approve");
	by("a warrant by an engineer", ENGINEER, 1, only_eng, "may not ask");
	by("a warrant by two security officers", SAFE1, 2, safes, "may not");
	by("a warrant by an officer and an auditor", ONE, 2, aud,
	    "may not approve");
	by("a warrant whose requester has not signed", ONE, 2, others,
	    "requester has not signed");
	by("a warrant asked for by a name that is nobody's", EVE, 2, others,
	    "requester has not signed");
}

/* Strangers' certificates under officers' names are strangers still. */
static void
by_namesakes(void)
{
	static const enum who who[] = {EVE, MALLORY};
	const char *names[2] = {play.people[EVE].name,
	    play.people[MALLORY].name};

	play.people[EVE].name = play.people[ONE].name;
	play.people[MALLORY].name = play.people[TWO].name;
	by("a warrant by strangers under officers' names", ONE, 2, who,
	    "not enrolled");
	play.people[EVE].name = names[0];
	play.people[MALLORY].name = names[1];
}

static void
with_wrong_signatures(void)
{
	static const enum who one[] = {ONE}, both[] = {ONE, TWO};
	const struct request_head h = head_of(REQUEST_WARRANT_ADD, ONE);
	const struct rd octets = paper(&h, body());
	const struct request_head h2 = head_of(REQUEST_WARRANT_ADD, ONE);
	const struct rd others = paper(&h2, body());
	struct rd cms[2] = {signed_by(octets, 1, one),
	    signed_by(octets, 1, one)};
	struct change c;
	struct rd changed;
	uint8_t *at;

	c = change_of(REQUEST_WARRANT_ADD, octets, evidence_of(2, cms));
	refused_change("a warrant by an officer in two CMS", &c,
	    "1 who may approve");
	cms[0] = signed_by(others, 2, both);
	c = change_of(REQUEST_WARRANT_ADD, octets, evidence_of(1, cms));
	refused_change("real signatures over another request", &c,
	    "over something else");
	c = change_of(REQUEST_WARRANT_ADD, octets, evidence_of(0, cms));
	refused_change("a warrant without a signature", &c, "has not signed");

	/* the content inside the CMS altered, and the request alike */
	cms[0] = signed_by(octets, 2, both);
	changed = keep(octets.p, octets.left);
	cms[1] = keep(cms[0].p, cms[0].left);
	at = memmem(changed.p, changed.left, "LIID-X", 6);
	at[5] = 'Y';
	at = memmem(cms[1].p, cms[1].left, "LIID-X", 6);
	at[5] = 'Y';
	c = change_of(REQUEST_WARRANT_ADD, changed, evidence_of(1, &cms[1]));
	refused_change("a warrant altered by an octet, inside too", &c,
	    "does not verify");
	c = change_of(REQUEST_WARRANT_ADD, changed, evidence_of(1, cms));
	refused_change("a warrant altered by an octet, not inside", &c,
	    "over something else");
	c = change_of(REQUEST_WARRANT_ADD, octets, evidence_of(1, cms));
	c.hash[0] ^= 1;
	refused_change("the hash of another request", &c, "hash");
	c = change_of(REQUEST_WARRANT_ADD, octets, evidence_of(1, cms));
	c.kind = REQUEST_PERSON_ADD;
	refused_change("a warrant as a change of another kind", &c, "hash");
}

static void
with_wrong_dates(void)
{
	static const enum who both[] = {ONE, TWO};
	struct request_head h = head_of(REQUEST_WARRANT_ADD, ONE);
	struct change c;

	h.issued -= 7200;
	h.expires = h.issued + 3600;
	c = signed_so(&h, 2, both);
	refused_change("a request that has expired", &c, "expired");
	c.number = play.world.n + 1;
	c.time = h.issued + 10;
	refused_change("the same in a change dated back", &c,
	    "dated otherwise");
	h = head_of(REQUEST_WARRANT_ADD, ONE);
	h.issued += 3600;
	h.expires = h.issued + 3600;
	c = signed_so(&h, 2, both);
	refused_change("a request issued in the future", &c, "in the future");
	c.number = play.world.n + 1;
	c.time = h.issued + 10;
	refused_change("the same in a change dated on", &c, "dated otherwise");
	h = head_of(REQUEST_WARRANT_ADD, ONE);
	h.kms = "https://other.example";
	c = signed_so(&h, 2, both);
	refused_change("a request for another KMS", &c, "another KMS");
	h = head_of(REQUEST_WARRANT_ADD, ONE);
	h.policy_version++;
	c = signed_so(&h, 2, both);
	refused_change("a request of another version of the rules", &c,
	    "version");
}

void
attack_warrants(void)
{
	stage_fresh(1);
	by_the_wrong_persons();
	by_namesakes();
	with_wrong_signatures();
	with_wrong_dates();
}
