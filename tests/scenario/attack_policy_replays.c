/* What was approved once, shown again. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static const uint8_t *
alice_id(void)
{
	return play.world.change[play.warrant[W_ALICE].number - 1].hash;
}

/* The same request and signatures as the change that is next now. */
static struct change
again(const struct change *c)
{
	struct change x = *c;

	x.number = play.world.n + 1;
	x.time = time(NULL);
	return x;
}

/* Dates have seconds: what is written from now on is later. */
static void
sleep_a_second(void)
{
	const struct timespec t = {.tv_sec = 1, .tv_nsec = 100000000};

	(void)nanosleep(&t, NULL);
}

static void
must_enter(const struct change *c, const char *what)
{
	expect(enter(c), "%s: taken", what);
}

static void
resumed_again(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change suspend = change_by_two(REQUEST_WARRANT_SUSPEND,
	    body_on(alice_id()), ONE, TWO);
	struct change resume, held_back, c;

	must_enter(&suspend, "a suspension");
	attempt("a call under it");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	/* Two are signed; one of them is kept for later. */
	resume = change_by_two(REQUEST_WARRANT_RESUME, body_on(alice_id()), ONE,
	    TWO);
	held_back = change_by_two(REQUEST_WARRANT_RESUME, body_on(alice_id()),
	    ONE, TWO);
	must_enter(&resume, "a resumption");
	expect(gives_keys(), "a call under it: keys");
	sleep_a_second();
	suspend = change_by_two(REQUEST_WARRANT_SUSPEND, body_on(alice_id()),
	    ONE, TWO);
	must_enter(&suspend, "another suspension");
	c = again(&resume);
	attempt("the resumption of before");
	came_to_nothing(say_change(&c).rc == ERR_EXISTS &&
		rig_entries(&play.rig, AUDIT_ALARM, "refused change") == 1,
	    "it has taken effect already");
	c = again(&held_back);
	attempt("a resumption of before that was held back");
	came_to_nothing(say_change(&c).rc == ERR_DENIED &&
		rig_entries(&play.rig, AUDIT_ALARM, "refused change") == 1,
	    "it was written before the suspension");
	attempt("a call after both");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	resume = change_by_two(REQUEST_WARRANT_RESUME, body_on(alice_id()), ONE,
	    TWO);
	must_enter(&resume, "a resumption of now");
	still_works();
}

/* {"warrant":"...","end":"..."} */
static const char *
body_end(int64_t end)
{
	static char body[256];
	const char *on = body_on(alice_id());
	const time_t t = (time_t)end;
	char at[32];
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(body, sizeof(body), "%.*s,\"end\":\"%s\"}",
	    (int)strlen(on) - 1, on, at);
	return body;
}

static void
extended_again(void)
{
	const int64_t now = time(NULL);
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change held_back = change_by_two(REQUEST_WARRANT_EXTEND,
	    body_end(now + 900000), ONE, TWO);
	struct change c;

	sleep_a_second();
	c = change_by_two(REQUEST_WARRANT_END, body_end(now - 600), ONE, TWO);
	must_enter(&c, "an earlier end");
	c = again(&held_back);
	attempt("an extension of before the end that was held back");
	came_to_nothing(say_change(&c).rc == ERR_DENIED &&
		rig_entries(&play.rig, AUDIT_ALARM, "refused change") == 1,
	    "it was written before the end");
	attempt("a call under a warrant ended early");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	c = change_by_two(REQUEST_WARRANT_EXTEND, body_end(now + 900000), ONE,
	    TWO);
	must_enter(&c, "an extension of now");
	still_works();
}

static void
entered_again(void)
{
	const struct change *revoked =
	    &play.world.change[play.warrant[W_REVOKED].number - 1];
	struct change c = again(revoked), twice;
	struct paper_warrant w = play.warrant[W_REVOKED];
	struct grant g;

	refused_change("a revoked warrant entered again", &c, "already");
	w.number = play.world.n;
	g = grant_of(&play.warrant[W_REVOKED], play.alice, &play.call);
	g.work.number = w.number;
	refused_grant("and used by the number of another", &g);
	/* the same change, word for word: it is in effect, and once */
	c = play.world.change[play.world.n - 1];
	attempt("the last change again");
	came_to_nothing(say_change(&c).rc == ERR_OK &&
		rig_entries(&play.rig, AUDIT_CHANGE, "") == 0 &&
		rig_entries(&play.rig, AUDIT_HEAD, "") == 0,
	    "it is in effect, and nothing happens");
	still_works();
	twice = c = change_by_two(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-T", BOB, "df2", false, time(NULL),
		time(NULL) + 60),
	    ONE, TWO);
	must_enter(&c, "a warrant");
	twice.number = play.world.n + 1;
	refused_change("the same as the next change", &twice, "already");
	c.kind = REQUEST_WARRANT_REVOKE;
	attempt("a change in effect with another kind");
	came_to_nothing(say_change(&c).rc == ERR_MISMATCH, "not the one");
	still_works();
	c.kind = REQUEST_WARRANT_ADD;
	c.time++;
	attempt("a change in effect with another time");
	came_to_nothing(say_change(&c).rc == ERR_MISMATCH, "not the one");
	still_works();
	c = again(&c);
	c.number = play.world.n + 5;
	attempt("a change far above the head");
	came_to_nothing(say_change(&c).rc == ERR_MISMATCH, "not the next");
	still_works();
}

static struct change
accept_clock(int64_t at)
{
	char body[64], text[32];
	const time_t t = (time_t)at;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(body, sizeof(body), "{\"time\":\"%s\"}", text);
	return change_by_two(REQUEST_CLOCK_ACCEPT, body, SAFE1, SAFE2);
}

static void
clock_again(void)
{
	struct change c = accept_clock(time(NULL)), x;

	must_enter(&c, "a clock.accept");
	expect(gives_keys(), "a call after it: keys");
	x = again(&c);
	refused_change("the same clock.accept again", &x, "already");
	x = accept_clock(time(NULL) - 3600);
	refused_change("a clock.accept for an hour ago", &x, "time:");
	x = accept_clock(time(NULL) + 3600);
	refused_change("a clock.accept for an hour from now", &x, "time:");
}

void
attack_replays(void)
{
	stage_fresh(1);
	resumed_again();
	entered_again();
	clock_again();
	extended_again();
	stage_fresh(2);
	clock_again();
}
