/*
 * attack-policy: somebody who has taken over policy, against the audit process
 * and hsm workers of the appliance: says what he likes to audit and listens,
 * in xk's place, for keys.
 *
 *	attack-policy DIR [SEED [N [ACT]]]
 *
 * DIR is made; token, log and warrant state go there.  SEED and N: of the
 * attempts at random.  ACT: only one of them.  One line for each attempt; exit
 *status 1 if one ends otherwise than it must.
 */
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

static bool failed;
static char now_trying[256];
static unsigned answers_before;

void
expect(bool ok, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)printf("%s %s\n", ok ? "ok    " : "FAILED", text);
	(void)fflush(stdout);
	failed |= !ok;
}

void
attempt(const char *name)
{
	(void)snprintf(now_trying, sizeof(now_trying), "%s", name);
	answers_before = play.rig.answers;
	rig_mark(&play.rig);
}

void
came_to_nothing(bool noticed, const char *what)
{
	const bool key = play.rig.answers != answers_before;

	expect(!key && noticed, "%s: %s%s%s", now_trying, what,
	    key ? ", AND A KEY" : "", noticed ? "" : ", NOT NOTICED");
}

/* ---- the honest case ---- */

bool
gives_keys(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);

	memset(play.rig.key, 0, sizeof(play.rig.key));
	return say_grant(&g) == KEYS &&
	    memcmp(play.rig.key, play.call.key, sizeof(play.rig.key)) == 0;
}

bool
takes_changes(void)
{
	const int64_t now = time(NULL);
	const struct change c = change_by_two(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-N", BOB, "df2", false, now, now + 3600), ONE,
	    TWO);

	rig_mark(&play.rig);
	return enter(&c) && rig_entries(&play.rig, AUDIT_CHANGE, "") == 1;
}

void
still_works(void)
{
	const bool keys = gives_keys(), changes = takes_changes();

	if (keys && changes)
		return;
	expect(false, "after \"%s\": %s%s", now_trying,
	    keys ? "" : "no key for an honest request ",
	    changes ? "" : "no honest change");
	stage_fresh(play.rig.n_workers);
}

static void
control(void)
{
	stage_fresh(1);
	rig_mark(&play.rig);
	expect(gives_keys(), "the honest case: the true keys");
	expect(rig_entries(&play.rig, AUDIT_KEY_INTENT, "") == 1 &&
		rig_entries(&play.rig, AUDIT_KEY_OUTCOME, "") == 1 &&
		rig_withheld(&play.rig) == 0,
	    "the honest case: intent and outcome in the log");
	expect(takes_changes(), "an honest change is taken");
	expect(rig_entries(&play.rig, AUDIT_CHANGE, "") == 1 &&
		rig_entries(&play.rig, AUDIT_HEAD, "") == 1,
	    "an honest change is in the log, and the head behind it");
	expect(stage_restart(1) && gives_keys(),
	    "all started again: the true keys");
	expect(stage_restart(2) && gives_keys() && takes_changes() &&
		gives_keys(),
	    "with two workers: the true keys, a change, the true keys");
	rig_kill_worker(&play.rig, 0);
	expect(rig_await_workers(&play.rig, 1) && gives_keys() &&
		takes_changes() && gives_keys(),
	    "the second one alone: the same");
}

/* ---- how most attempts end ---- */

void
refused_change(const char *name, const struct change *c, const char *words)
{
	char what[WHY_MAX + 64];
	struct verdict v;
	bool noticed;

	attempt(name);
	v = say_change(c);
	(void)snprintf(what, sizeof(what), "%s",
	    v.heard != HEARD	 ? "no word"
		: v.rc == ERR_OK ? "TAKEN"
				 : v.text);
	noticed = v.heard == HEARD && v.rc != ERR_OK &&
	    strstr(v.text, words) != NULL &&
	    rig_entries(&play.rig, AUDIT_ALARM, "refused change") == 1 &&
	    rig_said(&play.rig, "refused change");
	came_to_nothing(noticed, what);
	still_works();
}

void
refused_grant(const char *name, const struct grant *g)
{
	enum xk_reason why = XK_GRANTED;
	enum asked a;

	attempt(name);
	say_grant_send(g);
	a = say_grant_result(&why);
	came_to_nothing(a == REFUSED && rig_withheld(&play.rig) == 1,
	    a == REFUSED ? xk_reason_name(why) : "OTHERWISE");
	still_works();
}

static const struct {
	const char *name;
	void (*play)(void);
} acts[] = {{"warrants", attack_warrants}, {"grants", attack_grants},
    {"persons", attack_persons}, {"chain", attack_chain},
    {"replays", attack_replays}, {"heads", attack_heads},
    {"records", attack_records}, {"messages", attack_messages},
    {"crashes", crash_orders}, {"clock", attack_clock}};

int
main(int argc, char **argv)
{
	const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	const unsigned n =
	    argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 1000;

	const char *only = argc > 4 ? argv[4] : NULL;

	if (argc < 2) {
		(void)fprintf(stderr,
		    "usage: attack-policy DIR [SEED [N [ACT]]]\n");
		return 64;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	stage_make(argv[1]);
	control();
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (only == NULL || strcmp(only, acts[i].name) == 0)
			acts[i].play();
	if (only == NULL || strcmp(only, "random") == 0)
		attack_at_random(seed, n);
	expect(play.rig.crashed == 0, "no process has crashed");
	stage_done();
	return failed;
}
