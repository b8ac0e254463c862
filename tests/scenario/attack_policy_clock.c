/* The log has seen a later time than the clock shows; and a log that is full.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static struct change
accept_now(void)
{
	char body[64], text[32];
	const time_t t = time(NULL);
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)snprintf(body, sizeof(body), "{\"time\":\"%s\"}", text);
	return change_by_two(REQUEST_CLOCK_ACCEPT, body, SAFE1, SAFE2);
}

static struct change
a_warrant(void)
{
	const int64_t now = time(NULL);

	return change_by_two(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-C", BOB, "df2", false, now - 60, now + 3600),
	    ONE, TWO);
}

static void
no_call(const char *name)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);

	attempt(name);
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "unavailable");
}

/* Everything is started on a log in which it was tomorrow once. */
static void
stop_the_clock(unsigned workers)
{
	rig_end(&play.rig);
	stage_log_of_tomorrow();
	(void)stage_restart(workers);
	expect(rig_said(&play.rig, "the clock is behind"),
	    "a log of tomorrow: the workers say so");
}

static void
with_a_stopped_clock(unsigned workers)
{
	static const enum who one[] = {SAFE1};
	struct change accept, c;
	struct verdict v;

	stage_fresh(workers);
	accept = accept_now(); /* used below, and then again */
	stop_the_clock(workers);
	no_call("a call while the clock is stopped");
	c = a_warrant();
	attempt("a warrant while the clock is stopped");
	came_to_nothing(say_change(&c).rc == ERR_DENIED, "refused");
	no_call("a call after what the log has told since");
	c = change_by(REQUEST_CLOCK_ACCEPT,
	    "{\"time\":\"2026-01-01T00:00:00Z\"}", 1, one);
	attempt("a clock.accept by one");
	v = say_change(&c);
	came_to_nothing(v.rc == ERR_DENIED, v.text);
	no_call("a call after that");
	c = change_by_two(REQUEST_WARRANT_SUSPEND,
	    body_on(play.world.change[play.warrant[W_BOB].number - 1].hash),
	    ONE, TWO);
	expect(enter(&c), "a suspension while the clock is stopped: taken");
	accept.number = play.world.n + 1;
	accept.time = time(NULL);
	expect(enter(&accept), "a clock.accept: taken");
	expect(gives_keys(), "a call after it: keys");
	if (workers == 2) {
		/* what the first one does not do the second one does */
		rig_kill_worker(&play.rig, 0);
		expect(rig_await_workers(&play.rig, 1) && gives_keys(),
		    "the other worker: keys");
		expect(rig_start_worker(&play.rig, 0) &&
			rig_await_workers(&play.rig, 2),
		    "both again");
	}
	expect(takes_changes(), "a change after it: taken");
	expect(stage_restart(workers) && gives_keys() && takes_changes(),
	    "after a restart: keys and changes");
	stop_the_clock(workers);
	accept.number = play.world.n + 1;
	accept.time = time(NULL);
	attempt("the clock.accept of before");
	came_to_nothing(say_change(&accept).rc == ERR_EXISTS, "refused");
	no_call("a call after it");
	c = accept_now();
	expect(enter(&c) && gives_keys(), "a new one: keys");
}

/* Sealed by a worker that does not live to tell. */
static void
worker_killed(void)
{
	struct change c;

	stage_fresh(1);
	stop_the_clock(1);
	c = accept_now();
	rig_hold(&play.rig, 0, FROM_WORKER, MSG_LEARNT);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "the worker killed behind the seal of a clock.accept");
	rig_kill_worker(&play.rig, 0);
	expect(say_change_result().rc == ERR_AGAIN, "policy is to ask again");
	expect(rig_start_worker(&play.rig, 0), "the next one starts");
	rig_settle(&play.rig);
	expect(enter(&c) && rig_await_workers(&play.rig, 1) && gives_keys(),
	    "asked again: keys");
}

/* ---- a full log ---- */

static void
full_log(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change stop, c;
	struct verdict v;

	stage_fresh(1);
	stop = change_by_two(REQUEST_WARRANT_SUSPEND,
	    body_on(play.world.change[play.warrant[W_ALICE].number - 1].hash),
	    ONE, TWO);
	play.rig.log_most = 1; /* no more than there is */
	stage_fill_log();
	attempt("a call with a full log");
	(void)say_grant(&g);
	came_to_nothing(!play.rig.service.log_has_room, "unavailable");
	c = a_warrant();
	attempt("a warrant with a full log");
	came_to_nothing(say_change(&c).rc == ERR_FULL, "nothing was done");
	v = say_change(&stop);
	expect(v.rc == ERR_OK && !v.logged,
	    "a suspension with a full log: in effect, without an entry");
	world_take(&stop);
	play.rig.log_most = 0;
	expect(stage_restart(1), "there is room again");
	rig_mark(&play.rig);
	c = stop;
	c.kind = REQUEST_WARRANT_REVOKE;
	expect(say_change(&c).rc == ERR_MISMATCH &&
		rig_entries(&play.rig, AUDIT_CHANGE, "") == 0,
	    "an entry for something else: refused");
	v = say_change(&stop);
	expect(v.rc == ERR_OK && v.logged &&
		rig_entries(&play.rig, AUDIT_CHANGE, "") == 1,
	    "its entry: written");
	v = say_change(&stop);
	expect(v.rc == ERR_OK && v.logged &&
		rig_entries(&play.rig, AUDIT_CHANGE, "") == 1,
	    "and once");
	no_call("a call under it");
}

void
attack_clock(void)
{
	with_a_stopped_clock(1);
	with_a_stopped_clock(2);
	worker_killed();
	full_log();
	stage_fresh(1);
}
