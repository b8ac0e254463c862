/* Persons, clients and what else takes the security officers. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static void
by(const char *name, enum request_kind kind, const char *body, unsigned n,
    const enum who *who, const char *words)
{
	const struct change c = change_by(kind, body, n, who);

	refused_change(name, &c, words);
}

static void
officers_of_his_own(void)
{
	static const enum who his[] = {EVE, MALLORY}, one[] = {SAFE1},
			      same[] = {SAFE1, SAFE1}, off[] = {ONE, TWO},
			      eng[] = {SAFE1, ENGINEER}, mix[] = {SAFE1, EVE},
			      so[] = {SAFE1, ONE}, both[] = {SAFE1, SAFE2};
	const char *eve = body_person("eve", "officer", EVE);

	by("an officer by persons of his own", REQUEST_PERSON_ADD, eve, 2, his,
	    "not enrolled");
	by("an officer by one security officer", REQUEST_PERSON_ADD, eve, 1,
	    one, "1 who may approve");
	by("an officer by a security officer twice", REQUEST_PERSON_ADD, eve, 2,
	    same, "1 who may approve");
	by("an officer by officers", REQUEST_PERSON_ADD, eve, 2, off,
	    "may not");
	by("an officer by a security officer and an engineer",
	    REQUEST_PERSON_ADD, eve, 2, eng, "may not approve");
	by("an officer by a security officer and a stranger",
	    REQUEST_PERSON_ADD, eve, 2, mix, "not enrolled");
	by("an officer by a security officer and an officer",
	    REQUEST_PERSON_ADD, eve, 2, so, "may not approve");
	by("a second certificate for an officer", REQUEST_PERSON_ADD,
	    body_person("one", "officer", EVE), 2, both, "");
	by("a second role for an officer", REQUEST_PERSON_ADD,
	    body_person("one-again", "securityOfficer", ONE), 2, both, "");
}

static void
other_changes(void)
{
	static const enum who one[] = {SAFE1}, off[] = {ONE, TWO},
			      eng[] = {ENGINEER, SAFE1}, officer[] = {ONE},
			      engineer[] = {ENGINEER};
	const uint8_t *suspended =
	    play.world.change[play.warrant[W_SUSPENDED].number - 1].hash;
	const uint8_t *alice =
	    play.world.change[play.warrant[W_ALICE].number - 1].hash;
	char body[16384];
	const char *cert = body_person("two", "officer", EVE);

	/* {"name":...,"role":...,"certificate":...} without the role */
	(void)snprintf(body, sizeof(body), "{\"name\":\"two\",%s",
	    strstr(cert, "\"certificate\""));
	by("an officer's new certificate by one", REQUEST_PERSON_CERTIFICATE,
	    body, 1, one, "1 who may approve");
	by("an officer's new certificate by officers",
	    REQUEST_PERSON_CERTIFICATE, body, 2, off, "may not");
	by("a client by an engineer and a security officer", REQUEST_CLIENT_ADD,
	    body, 2, eng, "1 who may approve");
	by("a client by officers", REQUEST_CLIENT_ADD, body, 2, off, "may not");
	by("a client by an engineer", REQUEST_CLIENT_ADD, body, 1, engineer,
	    "0 who may approve");
	by("a LEMF's certificate by an engineer and a security officer",
	    REQUEST_LEMF_ADD, body, 2, eng, "1 who may approve");
	by("a LEMF's certificate by officers", REQUEST_LEMF_ADD, body, 2, off,
	    "may not");
	by("an officer's removal by officers", REQUEST_PERSON_REMOVE,
	    "{\"name\":\"three\",\"voidSignatures\":true}", 2, off, "may not");
	by("a configuration by officers", REQUEST_CONFIG_SET,
	    "{\"text\":\"x\"}", 2, off, "may not");
	by("a configuration by one", REQUEST_CONFIG_SET, "{\"text\":\"x\"}", 1,
	    one, "1 who may approve");
	by("a subscriber by officers", REQUEST_SUBSCRIBER_ADD,
	    body_subscriber(BOB, seed_bob, false), 2, off, "may not");
	by("a subscriber by one", REQUEST_SUBSCRIBER_ADD,
	    body_subscriber(BOB, seed_bob, false), 1, one, "1 who may approve");
	by("a warrant resumed by one officer", REQUEST_WARRANT_RESUME,
	    body_on(suspended), 1, officer, "1 who may approve");
	by("a warrant suspended by a security officer", REQUEST_WARRANT_SUSPEND,
	    body_on(alice), 1, one, "may not");
	by("a warrant revoked by an engineer", REQUEST_WARRANT_REVOKE,
	    body_on(alice), 1, engineer, "may not");
}

/* What two have really approved counts, and what they take away is gone. */
static void
real_ones(void)
{
	struct change c = change_by_two(REQUEST_PERSON_ADD,
	    body_person("eve", "officer", EVE), SAFE1, SAFE2);
	static const enum who hers[] = {ONE, EVE};
	struct paper_warrant w = {.liid = "LIID-E",
	    .target = ALICE,
	    .client = "df2"};
	const int64_t now = time(NULL);
	struct grant g;
	uint64_t voided;

	expect(enter(&c), "an officer by two security officers: taken");
	c = change_by(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-E", ALICE, "df2", false, now - 600, now + 600),
	    2, hers);
	expect(enter(&c), "and her signature counts");
	w.number = c.number;
	g = grant_of(&w, play.alice, &play.call);
	expect(say_grant(&g) == KEYS, "a call under her warrant: keys");
	c = change_by_two(REQUEST_PERSON_REMOVE,
	    "{\"name\":\"eve\",\"voidSignatures\":true}", SAFE1, SAFE2);
	expect(enter(&c), "she is removed and her signatures are void");
	voided = c.number;
	refused_grant("a warrant that rests on a void signature", &g);
	by("a warrant by one who has been removed", REQUEST_WARRANT_ADD,
	    body_warrant("LIID-F", ALICE, "df2", false, now - 600, now + 600),
	    2, hers, "not enrolled");
	expect(stage_restart(1), "all started again, change %llu told",
	    (unsigned long long)voided);
	refused_grant("the same after a restart", &g);
}

void
attack_persons(void)
{
	stage_fresh(1);
	officers_of_his_own();
	other_changes();
	real_ones();
}
