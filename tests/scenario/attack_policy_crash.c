/* Processes killed in the middle of a change or a call: nothing is lost. */
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static struct change
a_warrant(void)
{
	const int64_t now = time(NULL);

	return change_by_two(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-C", BOB, "df2", false, now - 60, now + 3600),
	    ONE, TWO);
}

static struct change
a_suspension(void)
{
	return change_by_two(REQUEST_WARRANT_SUSPEND,
	    body_on(play.world.change[play.warrant[W_ALICE].number - 1].hash),
	    ONE, TWO);
}

/* Told as far as it is known to be in effect. */
static bool
tell(void)
{
	const struct verdict v = say_chain(play.world.change, play.world.n);

	return v.heard == HEARD && v.rc == ERR_OK;
}

/* The change that was under way is asked for again, as policy does. */
static void
goes_on(const char *name, const struct change *c, unsigned entries)
{
	const bool taken = enter(c);
	/* without its entry a second time, if the first is there */
	const unsigned n = rig_entries(&play.rig, AUDIT_CHANGE, "");

	expect(taken && n == entries &&
		rig_await_workers(&play.rig, play.rig.n_workers),
	    "%s: asked again: %s, %u in the log", name,
	    taken ? "in effect" : "NOT TAKEN", n);
	still_works();
}

static bool
start_a_worker(unsigned i)
{
	return rig_start_worker(&play.rig, i);
}

/* Sealed, and the worker's word never comes. */
static void
worker_after_the_seal(void)
{
	const char *name = "the worker killed behind the seal";
	const struct change c = a_warrant();
	struct verdict v;

	stage_restart(1);
	rig_hold(&play.rig, 0, FROM_WORKER, MSG_LEARNT);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: before its word", name);
	rig_kill_worker(&play.rig, 0);
	v = say_change_result();
	expect(v.heard == HEARD && v.rc == ERR_AGAIN,
	    "%s: policy is told to ask again", name);
	expect(start_a_worker(0), "%s: the next one starts", name);
	rig_settle(&play.rig);
	goes_on(name, &c, 1);
}

/* The lesson is on its way and no worker has seen it. */
static void
worker_before_the_seal(void)
{
	const char *name = "the worker killed before the seal";
	const struct change c = a_warrant();
	struct verdict v;

	stage_restart(1);
	rig_hold(&play.rig, 0, FROM_AUDIT, MSG_LEARN);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: before the lesson", name);
	rig_kill_worker(&play.rig, 0);
	v = say_change_result();
	expect(v.heard == HEARD && v.rc == ERR_AGAIN,
	    "%s: policy is told to ask again", name);
	expect(start_a_worker(0) && rig_await_workers(&play.rig, 1),
	    "%s: the next one serves", name);
	goes_on(name, &c, 1);
}

/* With two, the other one knows it by the seal. */
static void
one_of_two_after_the_seal(void)
{
	const char *name = "one of two workers killed behind the seal";
	const struct change c = a_warrant();
	struct verdict v;

	stage_restart(2);
	rig_hold(&play.rig, 0, FROM_WORKER, MSG_LEARNT);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: before its word", name);
	rig_kill_worker(&play.rig, 0);
	v = say_change_result();
	expect(v.heard == HEARD && v.rc == ERR_OK, "%s: the other one has it",
	    name);
	world_take(&c);
	expect(start_a_worker(0) && rig_await_workers(&play.rig, 2),
	    "%s: both serve again", name);
	still_works();
}

/* The judge has said yes, the other one is killed before it has learnt. */
static void
other_of_two_while_it_spreads(void)
{
	const char *name = "the other of two killed before it has learnt";
	const struct change c = a_warrant();
	struct verdict v;

	stage_restart(2);
	rig_hold(&play.rig, 1, FROM_AUDIT, MSG_LEARN);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: before the lesson", name);
	rig_kill_worker(&play.rig, 1);
	v = say_change_result();
	expect(v.heard == HEARD && v.rc == ERR_OK, "%s: in effect", name);
	world_take(&c);
	expect(start_a_worker(1) && rig_await_workers(&play.rig, 2),
	    "%s: both serve again", name);
	still_works();
}

/* `at`: whose frame is the last that was on its way. */
static void
audit_in_the_middle(const char *name, enum rig_side at, uint16_t type,
    struct change c, bool worker_too)
{
	stage_restart(1);
	rig_hold(&play.rig, 0, at, type);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: it is killed there", name);
	rig_kill_audit(&play.rig);
	if (worker_too)
		rig_kill_worker(&play.rig, 0);
	rig_start_audit(&play.rig);
	if (worker_too)
		expect(start_a_worker(0), "%s: the worker starts", name);
	expect(tell(), "%s: what was in effect is told", name);
	rig_settle(&play.rig);
	goes_on(name, &c, 1);
}

static void
audit_killed(void)
{
	audit_in_the_middle("audit killed behind the entry", FROM_AUDIT,
	    MSG_LEARN, a_warrant(), false);
	audit_in_the_middle("audit killed behind the seal", FROM_WORKER,
	    MSG_LEARNT, a_warrant(), false);
	audit_in_the_middle("both killed behind the entry", FROM_AUDIT,
	    MSG_LEARN, a_warrant(), true);
	audit_in_the_middle("both killed behind the seal", FROM_WORKER,
	    MSG_LEARNT, a_warrant(), true);
}

/* A stop holds from its entry on, whatever policy tells afterwards. */
static void
audit_killed_at_a_stop(void)
{
	const char *name = "audit killed behind the entry of a suspension";
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change c = a_suspension(), garbled;

	stage_restart(1);
	rig_hold(&play.rig, 0, FROM_AUDIT, MSG_LEARN);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: it is killed there", name);
	rig_kill_audit(&play.rig);
	rig_start_audit(&play.rig);
	attempt("a call with a suspension known to the log alone");
	(void)tell();
	(void)say_grant(&g);
	came_to_nothing(rig_entries(&play.rig, AUDIT_KEY_REFUSED,
			    "policy does not know") == 1,
	    "refused");
	/* The same hash, without what makes it one: it is not taken back. */
	garbled = c;
	garbled.evidence.left = 0;
	attempt("that suspension without its signatures");
	came_to_nothing(say_change(&garbled).rc != ERR_OK &&
		rig_entries(&play.rig, AUDIT_ALARM, "refused change") == 1,
	    "refused");
	attempt("a call after that");
	(void)say_grant(&g);
	came_to_nothing(rig_entries(&play.rig, AUDIT_KEY_REFUSED, "") == 1,
	    "refused");
	rig_join_policy(&play.rig);
	attempt("a call with the next policy, that leaves it out");
	(void)tell();
	(void)say_grant(&g);
	came_to_nothing(rig_entries(&play.rig, AUDIT_KEY_REFUSED, "") == 1,
	    "refused");
	expect(enter(&c), "%s: asked again: in effect", name);
	attempt("a call under it");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	stage_fresh(1);
}

static void
policy_killed(void)
{
	const char *name = "policy killed while a worker judges";
	struct change c = a_warrant();

	stage_restart(1);
	rig_hold(&play.rig, 0, FROM_WORKER, MSG_LEARNT);
	say_change_send(&c);
	expect(rig_await(&play.rig, MSG_CHANGED) == STOPPED_THERE,
	    "%s: it is killed there", name);
	rig_join_policy(&play.rig);
	expect(tell(), "%s: the next one tells", name);
	{
		const struct verdict v = say_change(&c);

		expect(v.heard == HEARD && v.rc == ERR_AGAIN, "%s: not yet",
		    name);
	}
	rig_release(&play.rig, 0, FROM_WORKER);
	rig_settle(&play.rig);
	goes_on(name, &c, 1);

	name = "policy killed before it hears of a change";
	c = a_warrant();
	rig_mark(&play.rig);
	say_change_send(&c);
	rig_settle(&play.rig);
	rig_join_policy(&play.rig);
	expect(tell(), "%s: the next one tells", name);
	goes_on(name, &c, 1);

	name = "policy killed while it tells";
	rig_join_policy(&play.rig);
	rig_send(&play.rig, MSG_CHAIN, 1, "", 1);
	expect(rig_await(&play.rig, MSG_CHAINED) == HEARD, "%s: not to the end",
	    name);
	rig_join_policy(&play.rig);
	expect(tell() && rig_await_workers(&play.rig, 1),
	    "%s: the next one tells", name);
	still_works();
}

/* No answer for a call whose outcome is not on disk. */
static void
calls_cut_off(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	enum xk_reason why;

	stage_restart(1);
	attempt("the worker killed before its outcome is on disk");
	rig_hold(&play.rig, 0, FROM_AUDIT, MSG_DURABLE);
	say_grant_send(&g);
	expect(rig_await(&play.rig, MSG_DONE) == STOPPED_THERE,
	    "a call: before DURABLE");
	rig_kill_worker(&play.rig, 0);
	(void)say_grant_result(&why);
	came_to_nothing(why == XK_UNAVAILABLE, "unavailable");
	expect(start_a_worker(0) && rig_await_workers(&play.rig, 1),
	    "the next worker serves");
	still_works();

	attempt("audit killed before a call's outcome is on disk");
	rig_hold(&play.rig, 0, FROM_WORKER, MSG_OUTCOME);
	say_grant_send(&g);
	expect(rig_await(&play.rig, MSG_DONE) == STOPPED_THERE,
	    "a call: before OUTCOME");
	rig_kill_audit(&play.rig);
	rig_start_audit(&play.rig);
	(void)tell();
	(void)rig_await_workers(&play.rig, 1);
	came_to_nothing(rig_entries(&play.rig, AUDIT_ABANDONED, "") == 1,
	    "abandoned, in the log");
	still_works();
}

/* Suspended with nobody there to judge it; who comes then does. */
static void
stop_without_a_worker(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change c;

	stage_fresh(1);
	rig_kill_worker(&play.rig, 0);
	rig_settle(&play.rig);
	c = a_suspension();
	expect(enter(&c), "a suspension without a worker: in effect");
	expect(start_a_worker(0) && rig_await_workers(&play.rig, 1),
	    "a worker comes: it takes it");
	attempt("a call under it");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	expect(rig_entries(&play.rig, AUDIT_HEAD, "") > 0 || stage_restart(1),
	    "it is sealed");
	stage_fresh(1);
	rig_kill_worker(&play.rig, 0);
	rig_settle(&play.rig);
	c = a_suspension();
	expect(enter(&c), "again");
	rig_kill_audit(&play.rig);
	rig_start_audit(&play.rig);
	expect(tell() && start_a_worker(0) && rig_await_workers(&play.rig, 1),
	    "audit and worker started again: it is told and taken");
	attempt("a call under it");
	(void)say_grant(&g);
	came_to_nothing(rig_withheld(&play.rig) == 1, "refused");
	c = change_by_two(REQUEST_WARRANT_RESUME,
	    body_on(play.world.change[play.warrant[W_ALICE].number - 1].hash),
	    ONE, TWO);
	expect(enter(&c) && gives_keys(), "resumed: keys");
}

/* Nobody is there to see that officers have not signed it. */
static void
forged_stop_without_a_worker(void)
{
	static const enum who his[] = {EVE};
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct change c;

	stage_fresh(1);
	rig_kill_worker(&play.rig, 0);
	rig_settle(&play.rig);
	c = change_by(REQUEST_WARRANT_SUSPEND,
	    body_on(play.world.change[play.warrant[W_ALICE].number - 1].hash),
	    1, his);
	attempt("a forged suspension while there is no worker");
	(void)say_change(&c);
	expect(start_a_worker(0), "a worker comes");
	rig_settle(&play.rig);
	(void)gives_keys();
	came_to_nothing(rig_entries(&play.rig, AUDIT_ALARM,
			    "refused the warrant state") == 1,
	    "nothing is released");
	/* With policy as it should be: that one warrant pays for it. */
	rig_kill_audit(&play.rig);
	rig_start_audit(&play.rig);
	expect(tell() && rig_await_workers(&play.rig, 1),
	    "the true state is taken");
	attempt("a call under the warrant of that suspension");
	(void)say_grant(&g);
	came_to_nothing(rig_entries(&play.rig, AUDIT_KEY_REFUSED,
			    "policy does not know") == 1,
	    "refused");
	c = a_warrant();
	expect(enter(&c), "a warrant is entered all the same");
	stage_fresh(1);
}

void
crash_orders(void)
{
	stage_fresh(1);
	worker_after_the_seal();
	worker_before_the_seal();
	one_of_two_after_the_seal();
	other_of_two_while_it_spreads();
	audit_killed();
	audit_killed_at_a_stop();
	policy_killed();
	calls_cut_off();
	stop_without_a_worker();
	forged_stop_without_a_worker();
}
