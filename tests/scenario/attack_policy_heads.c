/* The file with the sealed head: lost, put back, spoiled, another's. */
#include <stdio.h>
#include <string.h>

#include "attack_policy.h"

#define SLOT 512
#define SLOT_LEN 88 /* magic, number, hash, time, seal */

static struct files now, before;

/* All start again on these; true if the worker came to serve. */
static bool
start_on(const struct files *f)
{
	rig_end(&play.rig);
	stage_put(f);
	rig_mark(&play.rig);
	play.rig.failed[0] = '\0';
	rig_start_audit(&play.rig);
	return rig_start_worker(&play.rig, 0);
}

/* The honest call, and one that was revoked since the older copies. */
static void
try_calls(void)
{
	struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);

	(void)say_grant(&g);
	g = grant_of(&play.warrant[W_BOB], play.bob, &play.other_call);
	(void)say_grant(&g);
}

static void
back_to_now(const char *name)
{
	rig_end(&play.rig);
	stage_put(&now);
	if (!stage_restart(1) || !gives_keys()) {
		expect(false, "%s: no way back", name);
		stage_fresh(1);
	}
}

static void
no_worker(const char *name, const struct files *f)
{
	bool up;

	attempt(name);
	up = start_on(f);
	(void)say_chain(play.world.change, play.world.n);
	try_calls();
	came_to_nothing(!up &&
		strstr(play.rig.failed, "no head that this token sealed") !=
		    NULL &&
		rig_entries(&play.rig, AUDIT_KEY_REFUSED, "no hsm worker") > 0,
	    up ? "THE WORKER STARTED" : play.rig.failed);
	back_to_now(name);
}

static void
worker_that_refuses(const char *name, const struct files *f,
    const struct change *told, unsigned n, const char *alarm)
{
	bool up;

	attempt(name);
	up = start_on(f);
	(void)say_chain(told, n);
	rig_settle(&play.rig);
	try_calls();
	came_to_nothing(up && rig_entries(&play.rig, AUDIT_ALARM, alarm) > 0,
	    alarm);
	back_to_now(name);
}

/* A copy of the head with an octet of a slot other than it was. */
static struct files
flipped(unsigned slot, size_t at)
{
	struct files f = now;
	uint8_t *p;

	f.head = keep(now.head.p, now.head.left);
	memcpy(&p, &f.head.p, sizeof(p));
	p[slot * SLOT + at] ^= 0x40;
	return f;
}

static uint64_t
number_in(const struct files *f, unsigned slot)
{
	uint64_t n = 0;
	struct rd r;

	rd_init(&r, f->head.p + slot * SLOT + 8, 8);
	return rd_u64(&r, &n) == ERR_OK ? n : 0;
}

static void
spoiled_slots(void)
{
	static const size_t places[] = {0, 7, 8, 15, 16, 47, 48, 55, 56, 87};
	const unsigned newest = number_in(&now, 1) > number_in(&now, 0);
	char name[64];
	struct files f;

	expect(now.head.left >= SLOT + SLOT_LEN, "head has two slots");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		f = flipped(newest, places[i]);
		(void)snprintf(name, sizeof(name),
		    "head: octet %zu of the newer slot", places[i]);
		worker_that_refuses(name, &f, play.world.change, play.world.n,
		    "under no sealed head");
		f = flipped(!newest, places[i]);
		attempt("head: an octet of the older slot");
		expect(start_on(&f) &&
			say_chain(play.world.change, play.world.n).rc ==
			    ERR_OK &&
			rig_await_workers(&play.rig, 1) && gives_keys(),
		    "head: octet %zu of the older slot: harmless", places[i]);
	}
	f = flipped(0, 20);
	f.head = keep(f.head.p, f.head.left);
	{
		uint8_t *p;

		memcpy(&p, &f.head.p, sizeof(p));
		p[SLOT + 20] ^= 1;
	}
	no_worker("head: an octet of each slot", &f);
}

void
attack_heads(void)
{
	struct rd none = {NULL, 0}, others, other_record;
	unsigned n_before;
	struct change c;
	struct files f;

	stage_fresh(1);
	expect(takes_changes(), "a change");
	before = stage_get();
	n_before = play.world.n;
	c = change_by_two(REQUEST_WARRANT_SUSPEND,
	    body_on(play.world.change[play.warrant[W_BOB].number - 1].hash),
	    ONE, TWO);
	expect(enter(&c) && takes_changes(), "a suspension and a change");
	now = stage_get();

	f = now;
	f.head = none;
	no_worker("head emptied", &f);
	f.head = keep(now.head.p, 40);
	no_worker("head cut", &f);
	stage_other_token(&others, &other_record);
	f.head = others;
	no_worker("head of another token", &f);
	f.head = before.head;
	worker_that_refuses("head of before, log and database as they are", &f,
	    play.world.change, play.world.n, "under no sealed head");
	worker_that_refuses("head and database of before, the log as it is", &f,
	    play.world.change, n_before, "is not the last one");
	f = before;
	f.head = now.head;
	worker_that_refuses("log and database of before, head as it is", &f,
	    play.world.change, n_before, "is not the last one");
	f = now;
	worker_that_refuses("database of before, log and head as they are", &f,
	    play.world.change, n_before, "is not the last one");
	f.log = before.log;
	attempt("the log of before alone");
	expect(start_on(&f) &&
		say_chain(play.world.change, play.world.n).rc == ERR_OK &&
		rig_await_workers(&play.rig, 1) && gives_keys(),
	    "the log of before alone: the state is the sealed one, keys");
	back_to_now("the log of before alone");
	spoiled_slots();
}
