/* True messages with octets changed at random: never a key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

#define BODY_MAX 65536

static uint64_t state;

/* xorshift64*: the same for the same seed, everywhere. */
static uint32_t
next(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545F4914F6CDD1DULL >> 33) % below;
}

/* 1 to 8 octets somewhere in there become others. */
static void
change_octets(uint8_t *p, size_t len)
{
	static const uint8_t ends[] = {0, 1, 0x7f, 0x80, 0xff};

	for (uint32_t n = 1 + next(8); n > 0; n--) {
		uint8_t *at = &p[next((uint32_t)len)];

		switch (next(3)) {
		case 0:
			*at = (uint8_t)next(256);
			break;
		case 1:
			*at ^= (uint8_t)(1U << next(8));
			break;
		default:
			*at = ends[next(sizeof(ends))];
		}
	}
}

/* Whole stretches go, come twice, or change places. */
static size_t
change_length(uint8_t *p, size_t len)
{
	const size_t at = next((uint32_t)len);
	const size_t n = 1 + next((uint32_t)(len - at < 64 ? len - at : 64));

	switch (next(3)) {
	case 0:
		memmove(p + at, p + at + n, len - at - n);
		return len - n;
	case 1:
		memmove(p + at + n, p + at, len - at);
		return len + n;
	default:
		return at;
	}
}

static void
start_again(void)
{
	if (play.rig.audit.pid != 0 && play.rig.worker[0].pid != 0)
		return;
	rig_kill_audit(&play.rig);
	if (play.rig.worker[0].pid == 0) {
		if (!stage_restart(1))
			stage_fresh(1);
		return;
	}
	rig_start_audit(&play.rig);
	if (say_chain(play.world.change, play.world.n).rc != ERR_OK ||
	    !rig_await_workers(&play.rig, 1))
		stage_fresh(1);
}

struct tally {
	unsigned keys, taken, refused, ended, silent;
};

static void
send_one(uint16_t type, uint16_t answer, const uint8_t *p, size_t len,
    struct tally *t)
{
	const unsigned before = play.rig.answers;

	rig_send(&play.rig, type, 1, p, len);
	switch (rig_await(&play.rig, answer)) {
	case HEARD:
		t->taken += type == MSG_CHANGE && play.rig.body[0] == ERR_OK;
		t->refused++;
		break;
	case AUDIT_ENDED:
		t->ended++;
		break;
	case SILENCE:
	case STOPPED_THERE:
		t->silent++;
		break;
	}
	rig_turn(&play.rig, 0);
	t->keys += play.rig.answers - before;
	start_again();
}

static void
say_how(const char *what, unsigned n, const struct tally *t)
{
	expect(t->keys == 0 && t->taken == 0 && t->silent == 0,
	    "%u %s at random: %u refused, audit ended %u times%s%s%s", n, what,
	    t->refused, t->ended, t->keys > 0 ? ", KEYS" : "",
	    t->taken > 0 ? ", TAKEN" : "", t->silent > 0 ? ", SILENCE" : "");
	still_works();
}

/*
 * A GRANT that would be granted, with something in it that counts changed:
 * the numbers of the ticket, the entry's own number and times, and a call that
 * the warrant covers as well would rightly be granted.
 */
static struct grant
spoilt_grant(void)
{
	struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct rd *const part[] = {&g.work.warrant, &g.work.subscriber,
	    &g.entry.target, &g.entry.client, &g.entry.liid};
	const uint32_t which = next(8);
	static uint8_t buf[BODY_MAX];
	struct rd *r;

	switch (which) {
	case 5:
		g.work.number ^= 1ULL << next(64);
		return g;
	case 6:
		g.entry.warrant[next(32)] ^= (uint8_t)(1U << next(8));
		return g;
	case 7:
		g.entry.ts ^= 1ULL << next(64);
		return g;
	default:
		r = part[which];
	}
	memcpy(buf, r->p, r->left);
	do
		change_octets(buf, r->left);
	while (rd_is(r, buf, r->left));
	r->p = buf;
	return g;
}

static void
grants(unsigned n)
{
	struct tally t = {0};

	for (unsigned i = 0; i < n; i++) {
		const unsigned before = play.rig.answers;
		const struct grant g = spoilt_grant();

		switch (say_grant(&g)) {
		case KEYS:
		case REFUSED:
			t.refused++;
			break;
		case ENDED:
			t.ended++;
			break;
		case NO_WORD:
			t.silent++;
			break;
		}
		t.keys += play.rig.answers - before;
		start_again();
	}
	say_how("GRANTs with something else", n, &t);
}

/* One that would be refused, with anything in it changed. */
static void
grants_of_nothing(unsigned n)
{
	static const enum warrant_at_hand which[] = {W_REVOKED, W_SUSPENDED,
	    W_ENDED, W_LATER, W_ALICE_TEST, W_BOB};
	static uint8_t buf[2 * BODY_MAX];
	struct tally t = {0};

	for (unsigned i = 0; i < n; i++) {
		const struct grant g =
		    grant_of(&play.warrant[which[next(
				 sizeof(which) / sizeof(*which))]],
			play.alice, &play.call);
		struct rd said;
		size_t len;

		(void)say_grant(&g);
		said = last_said();
		memcpy(buf, said.p, len = said.left);
		change_octets(buf, len);
		if (next(4) == 0)
			len = change_length(buf, len);
		send_one(MSG_GRANT, MSG_DONE, buf, len, &t);
	}
	say_how("GRANTs without a warrant", n, &t);
}

/* Approved by one too few, with anything in it changed. */
static void
changes(unsigned n)
{
	static const enum who one[] = {ONE}, safe[] = {SAFE1};
	static uint8_t buf[2 * BODY_MAX];
	struct tally t = {0};
	const int64_t now = time(NULL);
	struct rd said;
	size_t len;

	for (unsigned i = 0; i < n; i++) {
		const bool warrant = next(2) == 0;
		const struct change c = change_by(warrant ? REQUEST_WARRANT_ADD
							  : REQUEST_PERSON_ADD,
		    warrant ? body_warrant("LIID-X", ALICE, "df2", false, now,
				  now + 3600)
			    : body_person("eve", "officer", EVE),
		    1, warrant ? one : safe);

		say_change_send(&c);
		(void)say_change_result();
		said = last_said();
		memcpy(buf, said.p, len = said.left);
		change_octets(buf + 2, len - 2);
		if (next(4) == 0)
			len = change_length(buf, len);
		send_one(MSG_CHANGE, MSG_CHANGED, buf, len, &t);
	}
	say_how("CHANGEs that one has signed", n, &t);
}

/* What he may use the altered state for. */
static void
try_the_dead(struct tally *t)
{
	static const enum warrant_at_hand dead[] = {W_REVOKED, W_SUSPENDED,
	    W_ENDED};

	for (size_t i = 0; i < 3 && play.rig.audit.pid != 0; i++) {
		const unsigned before = play.rig.answers;
		const struct grant g =
		    grant_of(&play.warrant[dead[i]], play.alice, &play.call);

		(void)say_grant(&g);
		t->keys += play.rig.answers - before;
	}
}

static void
chains(unsigned n)
{
	static uint8_t whole[2 * BODY_MAX], buf[3 * BODY_MAX];
	struct tally t = {0};
	size_t whole_len, len;

	rig_join_policy(&play.rig);
	(void)say_chain(play.world.change, play.world.n);
	whole_len = last_said().left;
	memcpy(whole, last_said().p, whole_len);
	for (unsigned i = 0; i < n; i++) {
		if (next(2) == 0 || play.rig.audit.pid == 0) {
			rig_kill_audit(&play.rig);
			rig_start_audit(&play.rig);
		} else
			rig_join_policy(&play.rig);
		memcpy(buf, whole, len = whole_len);
		change_octets(buf + 1, len - 1);
		if (next(4) == 0)
			len = change_length(buf, len);
		if (len > 0)
			buf[0] = 1;
		send_one(MSG_CHAIN, MSG_CHAINED, buf, len, &t);
		try_the_dead(&t);
	}
	rig_join_policy(&play.rig);
	expect(say_chain(play.world.change, play.world.n).rc == ERR_OK &&
		rig_await_workers(&play.rig, 1),
	    "after them the true chain is taken");
	say_how("CHAINs", n, &t);
}

void
attack_at_random(uint64_t seed, unsigned n)
{
	(void)printf("ok     seed %llu, %u of each\n", (unsigned long long)seed,
	    n);
	state = seed * 2 + 1;
	stage_fresh(1);
	grants(n);
	grants_of_nothing(n);
	changes(n / 2);
	stage_fresh(1);
	chains(n / 8);
}
