/* The warrant state told otherwise than it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

#define TOLD_MAX 256

/* What is told: the world, altered. */
struct told {
	struct change c[TOLD_MAX];
	unsigned n;
};

static void
renumber(struct told *t)
{
	for (unsigned i = 0; i < t->n; i++)
		t->c[i].number = i + 1;
}

static void
insert(struct told *t, unsigned at, const struct change *c)
{
	memmove(&t->c[at + 1], &t->c[at], (t->n - at) * sizeof(t->c[0]));
	t->c[at] = *c;
	t->n++;
	renumber(t);
}

/* Somebody of his own as an officer, by his own as security officers. */
static struct change
forged_person(void)
{
	static const enum who his[] = {EVE, MALLORY};

	return change_by(REQUEST_PERSON_ADD, body_person("eve", "officer", EVE),
	    2, his);
}

static void
person_inside(struct told *t)
{
	const struct change c = forged_person();

	insert(t, 2, &c);
}

static void
person_first(struct told *t)
{
	const struct change c = forged_person();

	insert(t, 0, &c);
}

static void
person_last(struct told *t)
{
	const struct change c = forged_person();

	insert(t, t->n, &c);
}

static void
person_instead(struct told *t)
{
	t->c[t->n - 1] = forged_person();
	renumber(t);
}

static void
take_out(struct told *t, enum request_kind kind)
{
	unsigned at = 0;

	while (t->c[at].kind != kind)
		at++;
	memmove(&t->c[at], &t->c[at + 1], (t->n - at - 1) * sizeof(t->c[0]));
	t->n--;
	renumber(t);
}

static void
no_revocation(struct told *t)
{
	take_out(t, REQUEST_WARRANT_REVOKE);
}

static void
another_for_revocation(struct told *t)
{
	take_out(t, REQUEST_WARRANT_REVOKE);
	person_last(t);
}

static void
shorter(struct told *t)
{
	t->n--;
}

static void
without_the_stops(struct told *t)
{
	while (t->c[t->n - 1].kind != REQUEST_WARRANT_END)
		t->n--;
}

static void
nothing(struct told *t)
{
	t->n = 0;
}

static void
reordered(struct told *t)
{
	const struct change first = t->c[0];

	t->c[0] = t->c[2];
	t->c[2] = first;
	renumber(t);
}

/* As from another beginning: another first change, and all on top of it. */
static void
other_genesis(struct told *t)
{
	t->c[0].time--;
}

static void
another_kind(struct told *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->c[i].kind == REQUEST_WARRANT_REVOKE)
			t->c[i].kind = REQUEST_WARRANT_SUSPEND;
}

static void
numbers_left_out(struct told *t)
{
	for (unsigned i = 5; i < t->n; i++)
		t->c[i].number++;
}

static const struct {
	const char *name;
	void (*alter)(struct told *);
} alterations[] = {{"with a person.add inside", person_inside},
    {"with a person.add in front", person_first},
    {"with a person.add behind", person_last},
    {"with a person.add in the last one's place", person_instead},
    {"without a revocation", no_revocation},
    {"with something else for a revocation", another_for_revocation},
    {"shorter by one", shorter}, {"of before the stops", without_the_stops},
    {"empty", nothing}, {"in another order", reordered},
    {"from another beginning", other_genesis},
    {"with another kind", another_kind},
    {"with a number left out", numbers_left_out}};

/* ---- who is started again for it ---- */

enum situation {
	POLICY_ALONE,
	WORKER_TOO,
	AUDIT_TOO,
	ALL,
	ALL_AND_LOG_LOST, /* nobody but the workers' head can tell */
	SITUATION__MAX
};
static const char *const situations[] = {"policy alone started again",
    "a worker too", "audit too", "all", "all, and the log lost"};

static void
start_again(enum situation s)
{
	struct rig *g = &play.rig;

	switch (s) {
	case POLICY_ALONE:
		rig_join_policy(g);
		return;
	case WORKER_TOO:
		rig_kill_worker(g, 0);
		rig_join_policy(g);
		if (!rig_start_worker(g, 0))
			rig_stop("a worker", g->failed);
		return;
	case AUDIT_TOO:
		rig_kill_audit(g);
		rig_start_audit(g);
		return;
	case ALL_AND_LOG_LOST:
		rig_end(g);
		stage_first_log();
		rig_start(g);
		return;
	case ALL:
	case SITUATION__MAX:
		rig_start(g);
		return;
	}
}

/* What he wants it for. */
static void
use_it(void)
{
	static const enum who his[] = {EVE, MALLORY};
	const int64_t now = time(NULL);
	struct grant g =
	    grant_of(&play.warrant[W_REVOKED], play.alice, &play.call);
	struct change c;

	(void)say_grant(&g);
	g = grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	(void)say_grant(&g);
	c = change_by(REQUEST_WARRANT_ADD,
	    body_warrant("LIID-X", ALICE, "df2", false, now - 60, now + 60), 2,
	    his);
	(void)say_change(&c);
	(void)say_grant(&g);
}

static void
tell_it(enum situation s, const char *name, void (*alter)(struct told *))
{
	static struct told t;
	char text[200];
	struct verdict v;
	bool noticed;

	t.n = play.world.n;
	memcpy(t.c, play.world.change, t.n * sizeof(t.c[0]));
	alter(&t);
	(void)snprintf(text, sizeof(text), "a warrant state %s, %s", name,
	    situations[s]);
	start_again(s);
	attempt(text);
	v = say_chain(t.c, t.n);
	rig_settle(&play.rig);
	use_it();
	noticed = rig_entries(&play.rig, AUDIT_ALARM, "the warrant state") > 0;
	came_to_nothing(noticed && v.heard == HEARD,
	    v.heard != HEARD	 ? "no word"
		: v.rc != ERR_OK ? "not the log's"
		: rig_said(&play.rig, "a worker has seen")
		? "older than what was seen"
		: "refused by the worker");
	/* The next policy is honest; nobody else is started again for it. */
	rig_join_policy(&play.rig);
	v = say_chain(play.world.change, play.world.n);
	if (v.heard != HEARD || v.rc != ERR_OK ||
	    !rig_await_workers(&play.rig, play.rig.n_workers)) {
		expect(false, "%s: no way back", text);
		stage_fresh(play.rig.n_workers);
	}
	still_works();
	if (play.world.n > TOLD_MAX - 16 || s == ALL_AND_LOG_LOST)
		stage_fresh(play.rig.n_workers);
}

/* The hash is that of a revocation, the octets are not. */
static void
octets_of_another(void)
{
	struct change *t = malloc(play.world.n * sizeof(*t));
	const unsigned n = play.world.n;

	if (t == NULL)
		rig_stop("a chain", "out of memory");
	memcpy(t, play.world.change, n * sizeof(*t));
	for (unsigned i = 0; i < n; i++)
		if (t[i].kind == REQUEST_WARRANT_REVOKE)
			t[i].request =
			    play.world.change[play.warrant[W_ALICE].number - 1]
				.request;
	start_again(ALL);
	attempt("a revocation with other octets behind its hash");
	(void)say_chain(t, n);
	free(t);
	rig_settle(&play.rig);
	use_it();
	came_to_nothing(rig_entries(&play.rig, AUDIT_ALARM,
			    "the warrant state") > 0,
	    "refused by the worker");
	rig_join_policy(&play.rig);
	expect(say_chain(play.world.change, play.world.n).rc == ERR_OK &&
		rig_await_workers(&play.rig, play.rig.n_workers),
	    "told as it is: taken");
	still_works();
}

static void
each_alteration(enum situation s)
{
	for (size_t i = 0; i < sizeof(alterations) / sizeof(alterations[0]);
	     i++)
		tell_it(s, alterations[i].name, alterations[i].alter);
}

void
attack_chain(void)
{
	stage_fresh(1);
	for (unsigned s = 0; s < SITUATION__MAX; s++)
		each_alteration((enum situation)s);
	stage_fresh(2);
	each_alteration(POLICY_ALONE);
	each_alteration(ALL);
	octets_of_another();
}
