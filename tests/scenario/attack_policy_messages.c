/* Messages of policy's that are none, and those that are not policy's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attack_policy.h"

struct body {
	uint16_t type, answer;
	const char *name;
	uint8_t p[65536];
	size_t len;
};

/* What audit is sent when these are said as they should be. */
static struct body grant, change, chain, task, record;

static void
take(struct body *b, uint16_t type, uint16_t answer, const char *name)
{
	const struct rd said = last_said();

	b->type = type;
	b->answer = answer;
	b->name = name;
	if (said.left > sizeof(b->p))
		rig_stop(name, "too long");
	memcpy(b->p, said.p, said.left);
	b->len = said.left;
}

/* True ones; all but the GRANT's are refused or do nothing when they repeat. */
static void
collect(void)
{
	const struct grant g =
	    grant_of(&play.warrant[W_ALICE], play.alice, &play.call);
	struct audit_entry e = {.type = AUDIT_ALARM, .text = text_of("x")};
	struct rd made;

	(void)say_grant(&g);
	take(&grant, MSG_GRANT, MSG_DONE, "GRANT");
	(void)say_change(&play.world.change[play.world.n - 1]);
	take(&change, MSG_CHANGE, MSG_CHANGED, "CHANGE");
	(void)say_record(play.warrant[W_ALICE].number, play.alice, &made);
	take(&task, MSG_TASK, MSG_TASK_DONE, "TASK");
	rig_join_policy(&play.rig);
	(void)say_chain(play.world.change, play.world.n);
	take(&chain, MSG_CHAIN, MSG_CHAINED, "CHAIN");
	(void)rig_await_workers(&play.rig, play.rig.n_workers);
	record.type = MSG_RECORD;
	record.answer = MSG_RECORDED;
	record.name = "RECORD";
	if (audit_entry_encode(&e, record.p, &record.len) != ERR_OK)
		rig_stop("RECORD", "is none");
}

/* Audit ends itself and says why; then it is started again. */
static bool
ends_audit(void)
{
	return rig_await(&play.rig, 0) == AUDIT_ENDED &&
	    rig_said(&play.rig, "that is not permitted");
}

static void
start_audit_again(void)
{
	if (play.rig.audit.pid != 0)
		return;
	rig_kill_audit(&play.rig);
	rig_start_audit(&play.rig);
	if (say_chain(play.world.change, play.world.n).rc != ERR_OK ||
	    !rig_await_workers(&play.rig, play.rig.n_workers))
		stage_fresh(play.rig.n_workers);
}

static void
must_end_audit(const char *name, uint16_t type, const uint8_t *p, size_t len)
{
	const unsigned before = play.rig.answers;

	rig_mark(&play.rig);
	rig_send(&play.rig, type, 1, p, len);
	if (!ends_audit() || play.rig.answers != before)
		expect(false, "%s", name);
	start_audit_again();
}

static void
cut_short(const struct body *b)
{
	unsigned n = 0;
	char name[64];

	/* every length at which a field begins near the front, some behind */
	for (size_t len = 0; len < b->len; len += len < 24 ? 1 : 1 + len / 3) {
		(void)snprintf(name, sizeof(name), "%s of %zu octets", b->name,
		    len);
		must_end_audit(name, b->type, b->p, len);
		n++;
	}
	must_end_audit(b->name, b->type, b->p, b->len - 1);
	expect(true, "%s cut at %u places: audit ends itself", b->name, n + 1);
	still_works();
}

static void
too_long(const struct body *b)
{
	static uint8_t buf[MAX_IPC_BODY];
	char name[64];

	memset(buf, 0, sizeof(buf));
	memcpy(buf, b->p, b->len);
	(void)snprintf(name, sizeof(name), "%s with an octet more", b->name);
	must_end_audit(name, b->type, buf, b->len + 1);
	(void)snprintf(name, sizeof(name), "%s as long as can be", b->name);
	must_end_audit(name, b->type, buf, sizeof(buf));
	expect(true, "%s with octets behind: audit ends itself", b->name);
	still_works();
}

/* Lengths and numbers at their ends: refused, or audit ends itself. */
static void
out_of_range(const struct body *b, size_t from, size_t to)
{
	static const uint8_t values[] = {0xff, 0x80, 0x00};
	static uint8_t buf[65536];
	unsigned ended = 0, told = 0, silent = 0;
	const unsigned before = play.rig.answers;

	for (size_t at = from; at < to && at < b->len; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			memcpy(buf, b->p, b->len);
			if (buf[at] == values[i])
				continue;
			buf[at] = values[i];
			if (b->type == MSG_CHAIN)
				rig_join_policy(&play.rig);
			rig_send(&play.rig, b->type, 1, buf, b->len);
			switch (rig_await(&play.rig, b->answer)) {
			case HEARD:
				told++;
				break;
			case AUDIT_ENDED:
				ended++;
				break;
			case SILENCE:
			case STOPPED_THERE:
				silent++;
				break;
			}
			start_audit_again();
		}
	rig_turn(&play.rig, 0);
	if (b->type == MSG_CHAIN) {
		rig_join_policy(&play.rig);
		if (say_chain(play.world.change, play.world.n).rc != ERR_OK ||
		    !rig_await_workers(&play.rig, play.rig.n_workers))
			expect(false, "%s: no way back", b->name);
	}
	expect(play.rig.answers == before && silent == 0,
	    "%s, octets %zu to %zu out of range: %u refused, audit ended %u "
	    "times",
	    b->name, from, to, told, ended);
	still_works();
}

static void
of_others(void)
{
	static const uint16_t mine[] = {MSG_GRANT, MSG_RECORD, MSG_CHAIN,
	    MSG_CHANGE, MSG_TASK};
	char name[64];
	unsigned n = 0;

	for (uint16_t type = 0; type < 140; type++) {
		bool is_mine = false;

		for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
			is_mine |= mine[i] == type;
		if (is_mine)
			continue;
		(void)snprintf(name, sizeof(name), "a frame of type %u", type);
		must_end_audit(name, type, grant.p, grant.len);
		n++;
	}
	must_end_audit("a frame of type 65535", UINT16_MAX, grant.p, grant.len);
	expect(true, "frames of %u other types: audit ends itself", n + 1);
	still_works();
}

/* Entries that policy must not write by itself. */
static void
forged_entries(void)
{
	uint8_t leaf[MAX_AUDIT_LEAF];
	unsigned n = 0;
	size_t len;

	for (unsigned t = 1; t < AUDIT_TYPE__MAX; t++) {
		struct audit_entry e = {.type = (enum audit_type)t,
		    .text = text_of("x")};

		if (t == AUDIT_KEY_REFUSED || t == AUDIT_DOCUMENT_REFUSED ||
		    t == AUDIT_CLIENT_EVENT || t == AUDIT_CONFIG ||
		    t == AUDIT_REQUEST || t == AUDIT_ALARM)
			continue;
		if (audit_entry_encode(&e, leaf, &len) != ERR_OK)
			rig_stop("an entry", "is none");
		must_end_audit(audit_type_name(e.type), MSG_RECORD, leaf, len);
		n++;
	}
	expect(true,
	    "entries of %u types that are not policy's: audit ends "
	    "itself",
	    n);
	still_works();
}

static void
out_of_turn(void)
{
	static uint8_t big[MAX_IPC_BODY];
	struct wr w;

	/* well formed, and no worker could be told it in one message */
	rig_join_policy(&play.rig);
	wr_init(&w, big, sizeof(big));
	wr_bool(&w, true);
	while (w.len + chain.len < sizeof(big))
		wr_copy(&w, chain.p + 1, chain.len - 1);
	must_end_audit("a CHAIN longer than a batch", MSG_CHAIN, big, w.len);
	expect(true, "a CHAIN longer than a batch: audit ends itself");
	must_end_audit("a CHAIN behind the last", MSG_CHAIN, chain.p,
	    chain.len);
	expect(true, "a CHAIN behind the last: audit ends itself");
	rig_join_policy(&play.rig);
	attempt("a GRANT before the CHAIN");
	rig_send(&play.rig, MSG_GRANT, 7, grant.p, grant.len);
	came_to_nothing(rig_await(&play.rig, MSG_DONE) == HEARD &&
		rig_entries(&play.rig, AUDIT_KEY_REFUSED, "") == 1,
	    "unavailable");
	rig_send(&play.rig, MSG_CHANGE, 8, change.p, change.len);
	attempt("a CHANGE before the CHAIN");
	came_to_nothing(rig_await(&play.rig, MSG_CHANGED) == HEARD,
	    "nothing was done");
	(void)say_chain(play.world.change, play.world.n);
	(void)rig_await_workers(&play.rig, play.rig.n_workers);
	still_works();
}

void
attack_messages(void)
{
	stage_fresh(1);
	collect();
	cut_short(&grant);
	cut_short(&change);
	cut_short(&task);
	cut_short(&record);
	cut_short(&chain);
	too_long(&grant);
	too_long(&change);
	too_long(&task);
	too_long(&record);
	of_others();
	forged_entries();
	out_of_turn();
	out_of_range(&change, 0, 140);
	out_of_range(&task, 0, 60);
	out_of_range(&record, 0, record.len);
	out_of_range(&chain, 0, 64);
	/*
	 * The ticket is policy's to choose; audit writes number, times and
	 * digest: what stands there is as good as anything.
	 */
	out_of_range(&grant, 0, 1); /* the route */
	out_of_range(&grant, 13, 17);
	out_of_range(&grant, 41, 105);
}
