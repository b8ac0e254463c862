/* The journal at hi2: what x2 says is on disk, and comes back. */
#include <sys/stat.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hi2_intake.h"
#include "help.h"
#include "spool_look.h"

#define MOST (4 * 1024 * 1024)
#define ROWS 1000

static struct spool_key key;
static const uint8_t kms[QUEUE_DIGEST_LEN] = {1, 2, 3};

struct rig {
	char dir[64], path[96];
	struct spool *s;
	struct spool_intake *t;
	struct hi2_intake *i;
	bool token; /* unwraps keys */
	int64_t now;
	uint64_t act; /* said last */
	uint64_t stored; /* told last */
	unsigned n, n_stored, keys;
	bool ended;
	uint64_t number; /* told with the end */
	struct {
		struct msg_intake m;
		uint8_t first; /* octet of its PDU */
		bool last;
		unsigned n_done;
		struct intake_done done[8];
	} back[ROWS];
};

/* ---- to x2, to the token ---- */

static void
on_stored(void *ctx, uint64_t act)
{
	struct rig *g = ctx;

	assert_true(act > g->stored);
	g->stored = act;
	g->n_stored++;
}

static bool
on_back(void *ctx, const struct msg_intake_back *m)
{
	struct rig *g = ctx;
	struct rd done = m->done;

	assert_true(g->n < ROWS);
	g->back[g->n].m = m->it;
	g->back[g->n].first = m->it.pdu.p[0];
	g->back[g->n].last = m->last;
	g->back[g->n].n_done = m->n_done;
	for (unsigned i = 0; i < m->n_done && i < 8; i++)
		assert_int_equal(intake_done_get(&done, &g->back[g->n].done[i]),
		    ERR_OK);
	g->n++;
	return true;
}

static bool
on_end(void *ctx, uint64_t number)
{
	struct rig *g = ctx;

	g->ended = true;
	g->number = number;
	return true;
}

static enum err
on_key(void *ctx, uint64_t id, struct why *why)
{
	uint8_t wrapped[QUEUE_WRAPPED_MAX], octets[QUEUE_KEY_LEN];
	struct rig *g = ctx;
	size_t len;

	g->keys++;
	if (!g->token)
		return ERR_OK;
	assert_int_equal(spool_key_wrapped(g->s, id, wrapped, &len, why),
	    ERR_OK);
	spool_key_unwrap(&key, wrapped, len, octets);
	return spool_key_put(g->s, id, view(octets, sizeof(octets)), g->now);
}

static const struct hi2_intake_ops ops = {on_stored, on_back, on_end, on_key};

/* ---- a rig ---- */

static int
make_key(void **state)
{
	(void)state;
	spool_key_make(&key);
	return 0;
}

static int
free_key(void **state)
{
	(void)state;
	spool_key_done(&key);
	return 0;
}

static void
shut(struct rig *g)
{
	hi2_intake_free(&g->i);
	spool_intake_free(&g->t);
	spool_close(&g->s);
}

/* As after a restart: what was not committed is lost. */
static void
open_again(struct rig *g)
{
	const struct spool_config c = {.path = g->path,
	    .spki = spool_key_spki(&key),
	    .kms = kms};
	struct why why = {""};

	shut(g);
	if (spool_open(&c, &g->s, &why) != ERR_OK ||
	    spool_intake_new(g->s, &g->t, &why) != ERR_OK ||
	    hi2_intake_new(g->t, MOST, &ops, g, &g->i) != ERR_OK)
		fail_msg("%s", why.text);
	g->n = 0;
	g->ended = false;
}

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-intake-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	g->token = true;
	open_again(g);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	shut(g);
	folder_remove(g->dir);
	free(g);
	return 0;
}

/* ---- what x2 says ---- */

static enum err
say(struct rig *g, uint64_t number, uint64_t call, const void *pdu, size_t len)
{
	const struct msg_intake m = {++g->act, number, call, INTAKE_CALL, 5,
	    view(pdu, len)};

	return hi2_intake_take(g->i, &m, g->now);
}

static void
taken(struct rig *g, uint64_t number, uint64_t call)
{
	assert_int_equal(say(g, number, call, "PDU of a target", 15), ERR_OK);
}

static void
gone(struct rig *g, uint64_t call, uint64_t number)
{
	const struct msg_intake_gone m = {++g->act, call, number};

	assert_int_equal(hi2_intake_gone(g->i, &m, g->now), ERR_OK);
}

static void
turn(struct rig *g)
{
	struct why why = {""};

	assert_int_equal(hi2_intake_write(g->i, &why), ERR_OK);
	if (spool_commit(g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	hi2_intake_turn_end(g->i, true, g->now);
}

static void
give(struct rig *g)
{
	struct why why = {""};

	if (hi2_intake_give(g->i, g->now, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
come_back(struct rig *g, unsigned n)
{
	g->n = 0;
	g->ended = false;
	hi2_intake_more(g->i, 0);
	while (!g->ended) {
		const unsigned had = g->n, keys = g->keys;

		give(g);
		assert_true(g->n > had || g->ended || g->keys > keys);
		if (g->n > had && g->back[g->n - 1].last)
			hi2_intake_more(g->i, g->back[g->n - 1].m.number);
	}
	assert_int_equal(g->n, n);
}

static void
done(struct rig *g, uint64_t call, uint8_t what, uint64_t leg, bool had_it)
{
	const uint8_t mark[INTAKE_MARK_LEN] = {what};
	struct why why = {""};
	bool had = !had_it;

	assert_int_equal(spool_intake_done(g->t, call, mark, leg, &had, &why),
	    ERR_OK);
	assert_int_equal(had, had_it);
}

static int64_t
one(struct rig *g, const char *text)
{
	sqlite3_stmt *q = NULL;
	sqlite3 *s = NULL;
	int64_t v;

	shut(g);
	assert_int_equal(sqlite3_open(g->path, &s), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(s, text, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(s);
	open_again(g);
	return v;
}

/* Each data key knows how many rows need it. */
static void
keys_are_counted(struct rig *g)
{
	assert_int_equal(one(g,
			     "SELECT count(*) FROM keys AS k WHERE records <>"
			     " (SELECT count(*) FROM intake WHERE key ="
			     " k.id)"),
	    0);
}

/* ---- promises ---- */

static void
it_is_told_when_it_is_on_disk(void **state)
{
	struct rig *g = *state;
	struct spool_intake_counts c;

	assert_int_equal(hi2_intake_due(g->i, 0), -1);
	taken(g, 1, 1);
	assert_int_equal(hi2_intake_due(g->i, 0), INTAKE_WRITE_MS);
	taken(g, 2, 1);
	g->now = INTAKE_WRITE_MS;
	assert_int_equal(hi2_intake_due(g->i, g->now), 0);
	assert_int_equal(g->n_stored, 0);
	turn(g);
	assert_int_equal(g->n_stored, 1);
	assert_int_equal(g->stored, 2);
	assert_int_equal(hi2_intake_due(g->i, g->now), -1);
	spool_intake_count(g->t, &c);
	assert_int_equal(c.rows, 2);
	come_back(g, 2);
	keys_are_counted(g);
}

static void
nothing_to_write_is_no_turn(void **state)
{
	struct rig *g = *state;
	struct why why;

	assert_int_equal(hi2_intake_write(g->i, &why), ERR_AGAIN);
}

static void
what_is_not_stored_is_written_again(void **state)
{
	struct rig *g = *state;
	struct spool_intake_counts c;
	struct why why = {""};

	taken(g, 1, 1);
	assert_int_equal(hi2_intake_write(g->i, &why), ERR_OK);
	spool_give_up(g->s);
	hi2_intake_turn_end(g->i, false, g->now);
	assert_int_equal(g->n_stored, 0);
	assert_int_equal(hi2_intake_due(g->i, g->now), INTAKE_RETRY_MS);
	spool_intake_count(g->t, &c);
	assert_int_equal(c.rows, 0);
	turn(g);
	assert_int_equal(g->stored, 1);
	come_back(g, 1);
}

static void
it_comes_back_after_a_restart(void **state)
{
	struct rig *g = *state;

	taken(g, 1, 1);
	assert_int_equal(say(g, 2, 1, "x", 1), ERR_OK);
	turn(g);
	taken(g, 3, 3);
	open_again(g); /* before it is on disk */
	g->token = false;
	hi2_intake_more(g->i, 0);
	give(g);
	give(g);
	assert_int_equal(g->keys, 2);
	assert_int_equal(g->n, 0);
	assert_false(g->ended);
	g->token = true;
	come_back(g, 2);
	assert_int_equal(g->back[0].m.number, 1);
	assert_int_equal(g->back[0].m.call, 1);
	assert_int_equal(g->back[0].m.came, 5);
	assert_int_equal(g->back[0].m.pdu.left, 15);
	assert_int_equal(g->back[1].m.number, 2);
	assert_int_equal(g->back[1].m.pdu.left, 1);
	assert_int_equal(g->back[1].first, 'x');
	assert_int_equal(g->number, 3);
}

static void
no_number_is_used_twice(void **state)
{
	struct rig *g = *state;

	taken(g, 70, 70);
	turn(g);
	gone(g, 70, 0);
	turn(g);
	open_again(g);
	come_back(g, 0);
	assert_int_equal(g->number, 71);
}

static void
what_is_gone_leaves_nothing(void **state)
{
	struct rig *g = *state;
	struct spool_intake_counts c;

	taken(g, 1, 1);
	taken(g, 2, 1);
	taken(g, 3, 3);
	taken(g, 4, 1);
	done(g, 1, 7, 10, false);
	done(g, 3, 7, 10, false);
	turn(g);
	gone(g, 1, 2);
	turn(g);
	come_back(g, 3);
	gone(g, 1, 0);
	gone(g, 99, 0);
	gone(g, 3, 99);
	turn(g);
	come_back(g, 1);
	assert_int_equal(g->back[0].m.number, 3);
	assert_int_equal(one(g, "SELECT count(*) FROM intake_done"), 1);
	keys_are_counted(g);
	spool_intake_count(g->t, &c);
	assert_int_equal(c.rows, 1);
	assert_int_equal(c.octets, 15 + QUEUE_SEAL_LEN);
}

static void
under_other_data_keys_too(void **state)
{
	struct rig *g = *state;

	for (uint64_t n = 1; n <= 40; n++) {
		taken(g, n, 1 + n % 2);
		turn(g);
		spool_change_key(g->s);
	}
	come_back(g, 40);
	gone(g, 1, 0);
	turn(g);
	keys_are_counted(g);
	come_back(g, 20);
}

static void
some_come_back_at_once_and_x2_asks_for_more(void **state)
{
	struct rig *g = *state;

	for (uint64_t n = 1; n <= 3 * INTAKE_BACK_ROWS - 10; n++)
		taken(g, n, n);
	turn(g);
	hi2_intake_more(g->i, 0);
	give(g);
	give(g);
	assert_int_equal(g->n, INTAKE_BACK_ROWS);
	assert_true(g->back[INTAKE_BACK_ROWS - 1].last);
	assert_false(g->back[INTAKE_BACK_ROWS - 2].last);
	come_back(g, 3 * INTAKE_BACK_ROWS - 10);
	for (unsigned i = 0; i < g->n; i++)
		assert_int_equal(g->back[i].m.number, i + 1);
}

/* Whoever asks gets what the x2 before has said, to the last word. */
static void
nothing_comes_back_before_all_is_on_disk(void **state)
{
	struct rig *g = *state;

	taken(g, 1, 1);
	hi2_intake_x2_joined(g->i);
	hi2_intake_more(g->i, 0);
	give(g);
	assert_int_equal(g->n, 0);
	assert_false(g->ended);
	turn(g);
	assert_int_equal(g->n_stored, 0); /* it was another's */
	give(g);
	assert_int_equal(g->n, 1);
	assert_true(g->ended);
}

static void
the_same_again_is_the_same(void **state)
{
	struct rig *g = *state;
	struct spool_intake_counts c;

	taken(g, 1, 1);
	taken(g, 2, 2);
	turn(g);
	assert_int_equal(say(g, 1, 1, "x", 1), ERR_OK);
	assert_int_equal(say(g, 2, 1, "other", 5), ERR_OK); /* moved */
	turn(g);
	spool_intake_count(g->t, &c);
	assert_int_equal(c.rows, 2);
	assert_int_equal(c.octets, 6 + 2 * QUEUE_SEAL_LEN);
	come_back(g, 2);
	assert_int_equal(g->back[0].m.pdu.left, 1);
	assert_int_equal(g->back[1].m.call, 1);
	keys_are_counted(g);
}

static void
a_leg_is_marked_done_once(void **state)
{
	struct rig *g = *state;

	taken(g, 5, 5);
	done(g, 5, 7, 10, false);
	done(g, 5, 7, 10, true);
	done(g, 5, 7, 11, false);
	done(g, 5, 8, 10, false);
	done(g, 6, 7, 10, false);
	turn(g);
	done(g, 5, 8, 10, true);
	done(g, 5, 8, 11, false);
	spool_give_up(g->s);
	done(g, 5, 8, 11, false);
}

static void
what_is_done_comes_with_the_first_of_its_call(void **state)
{
	struct rig *g = *state;

	for (uint64_t n = 5; n < 8; n++)
		taken(g, n, 5);
	taken(g, 8, 8);
	done(g, 5, 7, 10, false);
	done(g, 5, 7, 11, false);
	done(g, 99, 7, 11, false);
	turn(g);
	gone(g, 5, 5);
	turn(g);
	open_again(g);
	come_back(g, 3);
	assert_int_equal(g->back[0].m.number, 6);
	assert_int_equal(g->back[0].n_done, 2);
	assert_int_equal(g->back[0].done[0].mark[0], 7);
	assert_int_equal(g->back[0].done[0].leg, 10);
	assert_int_equal(g->back[0].done[1].leg, 11);
	assert_int_equal(g->back[1].n_done, 0);
	assert_int_equal(g->back[2].n_done, 0);
	/* Of a call that is not there nothing stays. */
	assert_int_equal(
	    one(g, "SELECT count(*) FROM intake_done WHERE call = 99"), 0);
}

static void
a_row_that_does_not_open_is_dropped_and_the_others_come(void **state)
{
	struct rig *g = *state;

	for (uint64_t n = 1; n <= 4; n++)
		taken(g, n, n);
	turn(g);
	shut(g);
	/* Each with the seal of the other. */
	look_exec(g->path,
	    "UPDATE intake SET number = 9 WHERE number = 2;"
	    "UPDATE intake SET kind = 1 WHERE number = 3;");
	open_again(g);
	hi2_intake_more(g->i, 0);
	give(g); /* asks for the data key */
	give(g);
	turn(g); /* those are gone */
	give(g);
	assert_true(g->ended);
	assert_int_equal(g->n, 2);
	assert_int_equal(g->back[0].m.number, 1);
	assert_int_equal(g->back[1].m.number, 4);
	assert_int_equal(hi2_intake_lost(g->i), 2);
	come_back(g, 2);
	keys_are_counted(g);
}

static void
acts_follow_one_another(void **state)
{
	struct rig *g = *state;
	const struct msg_intake_gone m = {7, 1, 0};

	assert_int_equal(hi2_intake_gone(g->i,
			     &(struct msg_intake_gone){0, 1, 0}, 0),
	    ERR_MALFORMED);
	/* An x2 that was there before this process goes on. */
	assert_int_equal(hi2_intake_gone(g->i, &m, 0), ERR_OK);
	assert_int_equal(hi2_intake_gone(g->i, &m, 0), ERR_MALFORMED);
	hi2_intake_x2_joined(g->i);
	assert_int_equal(hi2_intake_gone(g->i, &m, 0), ERR_OK);
}

static void
more_than_x2_may_say_is_too_much(void **state)
{
	static uint8_t pdu[MAX_INTAKE_PDU];
	struct rig *g = *state;
	size_t octets = 0;
	uint64_t n = 0;
	enum err rc;

	hi2_intake_limit(g->i, UINT64_MAX);
	do {
		n++;
		rc = say(g, n, n, pdu, sizeof(pdu));
		octets += INTAKE_ACT_COST + MSG_INTAKE_LEAST + sizeof(pdu) - 1;
	} while (rc == ERR_OK);
	assert_int_equal(rc, ERR_TOOBIG);
	assert_true(octets > MAX_INTAKE_ACTS);
	assert_true(octets - sizeof(pdu) - INTAKE_ACT_COST < MAX_INTAKE_ACTS);
	turn(g);
	assert_int_equal(g->stored, n - 1);
}

static void
more_than_the_journal_may_have_waits(void **state)
{
	static uint8_t pdu[100000];
	struct rig *g = *state;
	struct spool_intake_counts c;

	hi2_intake_limit(g->i, 250000);
	for (uint64_t n = 1; n <= 4; n++)
		assert_int_equal(say(g, n, n, pdu, sizeof(pdu)), ERR_OK);
	turn(g);
	assert_int_equal(g->stored, 2);
	/* What is gone makes room, though it comes behind. */
	gone(g, 1, 0);
	gone(g, 4, 0);
	turn(g);
	assert_int_equal(g->stored, 2);
	turn(g);
	assert_int_equal(g->stored, 6);
	spool_intake_count(g->t, &c);
	assert_int_equal(c.rows, 2);
	come_back(g, 2);
	assert_int_equal(g->back[0].m.number, 2);
	assert_int_equal(g->back[1].m.number, 3);
}

/* The next x2 is not held up by what the last one had no room for. */
static void
what_waits_for_room_goes_with_its_x2(void **state)
{
	static uint8_t pdu[100000];
	struct rig *g = *state;

	hi2_intake_limit(g->i, 150000);
	for (uint64_t n = 1; n <= 3; n++)
		assert_int_equal(say(g, n, n, pdu, sizeof(pdu)), ERR_OK);
	turn(g);
	assert_int_equal(g->stored, 1);
	hi2_intake_x2_joined(g->i);
	turn(g);
	come_back(g, 1);
	assert_int_equal(g->number, 2);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test(it_is_told_when_it_is_on_disk),
	    test(nothing_to_write_is_no_turn),
	    test(what_is_not_stored_is_written_again),
	    test(it_comes_back_after_a_restart),
	    test(no_number_is_used_twice),
	    test(what_is_gone_leaves_nothing),
	    test(under_other_data_keys_too),
	    test(some_come_back_at_once_and_x2_asks_for_more),
	    test(nothing_comes_back_before_all_is_on_disk),
	    test(the_same_again_is_the_same),
	    test(a_leg_is_marked_done_once),
	    test(what_is_done_comes_with_the_first_of_its_call),
	    test(a_row_that_does_not_open_is_dropped_and_the_others_come),
	    test(acts_follow_one_another),
	    test(more_than_x2_may_say_is_too_much),
	    test(more_than_the_journal_may_have_waits),
	    test(what_waits_for_room_goes_with_its_x2),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
