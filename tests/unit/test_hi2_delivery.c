/* Delivery: what is given, taken away, dropped, and when somebody is told. */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hi2_delivery.h"
#include "help.h"
#include "hi2/deliver.h"
#include "spool_look.h"

#define NOW 1800000000
#define GIVEN_MAX 20000

static struct spool_key key;
static const uint8_t kms[QUEUE_DIGEST_LEN] = {1, 2, 3};

struct rig {
	char dir[64], path[96];
	struct spool *s;
	struct delivery *d;
	struct hi2_settings settings;
	struct moment now;

	/* what slot 0 and 1 were given last, by any epoch */
	struct {
		uint32_t epoch;
		uint64_t number;
		size_t len;
	} given[2][GIVEN_MAX];
	unsigned n_given[2];
	unsigned most; /* more are not taken */

	unsigned unwraps;
	uint64_t unwrap; /* the key asked for last */
	uint8_t wrapped[QUEUE_WRAPPED_MAX];
	size_t wrapped_len;

	unsigned notes;
	uint32_t note_id;
	struct {
		enum hi2_note_kind kind;
		uint64_t n;
		char text[300];
	} note;
	enum err audit; /* what it says of what it is asked */
};

/* ---- the neighbours ---- */

static enum err
give(void *ctx, unsigned slot, const struct msg_deliver *m)
{
	struct rig *g = ctx;
	const unsigned n = g->n_given[slot];

	assert_true(slot < 2 && n < GIVEN_MAX);
	if (n == g->most)
		return ERR_FULL;
	g->given[slot][n].epoch = m->epoch;
	g->given[slot][n].number = m->number;
	g->given[slot][n].len = m->pdu.left;
	g->n_given[slot]++;
	return ERR_OK;
}

static enum err
unwrap(void *ctx, uint64_t id, struct rd wrapped)
{
	struct rig *g = ctx;

	if (g->audit != ERR_OK)
		return g->audit;
	g->unwraps++;
	g->unwrap = id;
	memcpy(g->wrapped, wrapped.p, wrapped.left);
	g->wrapped_len = wrapped.left;
	return ERR_OK;
}

static enum err
note(void *ctx, uint32_t id, const struct msg_hi2_note *m)
{
	struct rig *g = ctx;

	if (g->audit != ERR_OK)
		return g->audit;
	g->notes++;
	g->note_id = id;
	g->note.kind = m->kind;
	g->note.n = m->n;
	(void)snprintf(g->note.text, sizeof(g->note.text), "%.*s: %.*s",
	    (int)m->lemf.left, (const char *)m->lemf.p, (int)m->text.left,
	    (const char *)m->text.p);
	return ERR_OK;
}

static const struct delivery_ops ops = {give, unwrap, note};

/* The token's answer to what was asked last. */
static void
unwrapped(struct rig *g, enum err rc)
{
	uint8_t octets[QUEUE_KEY_LEN];

	assert_true(g->unwraps > 0);
	spool_key_unwrap(&key, g->wrapped, g->wrapped_len, octets);
	delivery_key(g->d, g->unwrap, rc,
	    view(octets, rc == ERR_OK ? sizeof(octets) : 0), g->now);
}

/* ---- rig ---- */

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
configure(struct rig *g)
{
	assert_int_equal(delivery_configure(g->d, &g->settings, g->now),
	    ERR_OK);
}

/* As after a start: nothing is connected, data keys are closed. */
static void
open_rig(struct rig *g)
{
	const struct spool_config c = {.path = g->path,
	    .spki = spool_key_spki(&key),
	    .kms = kms};
	struct why why = {""};

	delivery_free(&g->d);
	spool_close(&g->s);
	if (spool_open(&c, &g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(delivery_new(g->s, &ops, g, &g->d), ERR_OK);
	configure(g);
}

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-delivery-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	g->most = GIVEN_MAX;
	g->now = (struct moment){1000000, NOW};
	g->settings = (struct hi2_settings){.n_lemfs = 2,
	    .lemf = {{.name = str("north"),
			 .queue_mib = 1,
			 .linked = true,
			 .slot = 0,
			 .dead_seconds = 60},
		{.name = str("south"),
		    .linked = true,
		    .slot = 1,
		    .dead_seconds = 10000000}}};
	open_rig(g);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	delivery_free(&g->d);
	spool_close(&g->s);
	folder_remove(g->dir);
	free(g);
	return 0;
}

static void
add(struct rig *g, const char *lemf, size_t len)
{
	static uint8_t pdu[1024 * 1024];
	struct spool_place p;
	struct why why = {""};

	if (spool_place(g->s, str(lemf), str("L1"), 1, g->now.utc, &p, &why) !=
		ERR_OK ||
	    spool_put(g->s, &p, view(pdu, len), &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
fill(struct rig *g, const char *lemf, unsigned n, size_t len)
{
	struct why why = {""};

	while (n-- > 0)
		add(g, lemf, len);
	if (spool_commit(g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* ---- what a process says ---- */

static void
says(struct rig *g, unsigned slot, enum link_state state, uint32_t epoch)
{
	const struct msg_link m = {.state = state,
	    .epoch = epoch,
	    .text = str(state == LINK_DOWN ? "refused" : "")};

	assert_int_equal(delivery_link(g->d, slot, &m, g->now), ERR_OK);
}

static enum err
sent(struct rig *g, unsigned slot, uint32_t epoch, uint64_t number)
{
	const struct msg_upto m = {epoch, number};

	return delivery_sent(g->d, slot, &m);
}

static enum err
delivered(struct rig *g, unsigned slot, uint32_t epoch, uint64_t number)
{
	const struct msg_upto m = {epoch, number};

	return delivery_delivered(g->d, slot, &m, g->now);
}

/* ---- turns ---- */

/* Until there is nothing more to give; how often it turned. */
static unsigned
turns(struct rig *g)
{
	struct why why = {""};
	bool more = true;
	unsigned n = 0;

	while (more) {
		if (delivery_turn(g->d, g->now, &more, &why) != ERR_OK)
			fail_msg("%s", why.text);
		n++;
	}
	return n;
}

static void
take_away(struct rig *g)
{
	struct why why = {""};

	if (delivery_remove(g->d, &why) != ERR_OK ||
	    spool_commit(g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	delivery_removed(g->d, true, g->now);
}

static void
tick(struct rig *g, int64_t seconds)
{
	struct why why = {""};

	g->now.ms += 1000 * seconds;
	g->now.utc += seconds;
	if (delivery_tick(g->d, g->now, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static struct msg_delivery
shown(struct rig *g, const char *lemf)
{
	struct msg_delivery m;

	for (unsigned i = 0; delivery_show(g->d, i, &m); i++)
		if (rd_is(&m.lemf, lemf, strlen(lemf)))
			return m;
	fail_msg("%s is not shown", lemf);
	return m;
}

static void
stands(struct rig *g, const char *lemf, uint64_t waiting, uint64_t n_sent,
    uint64_t n_delivered)
{
	const struct msg_delivery m = shown(g, lemf);

	assert_int_equal(m.waiting, waiting);
	assert_int_equal(m.sent, n_sent);
	assert_int_equal(m.delivered, n_delivered);
}

/* ---- giving ---- */

static void
records_are_given_in_order_when_the_line_is_open(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 300, 10);
	fill(g, "south", 3, 10);
	assert_int_equal(turns(g), 1);
	says(g, 0, LINK_UP, 1);
	assert_int_equal(turns(g), 1);
	assert_int_equal(g->n_given[0], 0);
	says(g, 0, LINK_OPEN, 7);
	assert_true(turns(g) > 3); /* never all at once */
	assert_int_equal(g->n_given[0], 300);
	assert_int_equal(g->n_given[1], 0);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(g->given[0][i].number, i + 1);
		assert_int_equal(g->given[0][i].epoch, 7);
	}
	fill(g, "north", 1, 10);
	(void)turns(g);
	assert_int_equal(g->given[0][300].number, 301);
	stands(g, "north", 301, 0, 0);
	stands(g, "south", 3, 0, 0);
}

static void
a_record_is_in_one_state_at_a_time(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10, 10);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	stands(g, "north", 10, 0, 0);
	assert_int_equal(sent(g, 0, 1, 6), ERR_OK);
	stands(g, "north", 4, 6, 0);
	assert_int_equal(delivered(g, 0, 1, 4), ERR_OK);
	stands(g, "north", 4, 2, 4);
	assert_int_equal(delivered(g, 0, 1, 8), ERR_OK); /* not told as sent */
	stands(g, "north", 2, 0, 8);
	take_away(g);
	stands(g, "north", 2, 0, 8);
	assert_int_equal(sent(g, 0, 1, 10), ERR_OK);
	says(g, 0, LINK_DOWN, 1);
	stands(g, "north", 2, 0, 8);
	assert_string_equal((const char *)shown(g, "north").text.p, "refused");
}

static void
what_is_not_delivered_is_given_again_first(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10, 10);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(sent(g, 0, 1, 10), ERR_OK);
	assert_int_equal(delivered(g, 0, 1, 4), ERR_OK);
	says(g, 0, LINK_DOWN, 1);
	fill(g, "north", 2, 10);
	(void)turns(g);
	says(g, 0, LINK_OPEN, 2);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 10 + 8);
	assert_int_equal(g->given[0][10].number, 5);
	assert_int_equal(g->given[0][17].number, 12);
	/* A word of the connection before is of nothing any more. */
	assert_int_equal(delivered(g, 0, 1, 10), ERR_OK);
	stands(g, "north", 8, 0, 4);
	/* A silence is no new connection. */
	says(g, 0, LINK_SILENT, 2);
	says(g, 0, LINK_OPEN, 2);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 18);
	delivery_gone(g->d, 0, "its process has ended", g->now);
	stands(g, "north", 8, 0, 4);
	assert_int_equal(delivered(g, 0, 2, 12), ERR_OK);
	stands(g, "north", 8, 0, 4);
}

static void
numbers_that_were_not_given_are_refused(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10, 10);
	says(g, 0, LINK_OPEN, 1);
	assert_int_equal(sent(g, 0, 1, 1), ERR_MALFORMED);
	g->most = 5;
	(void)turns(g);
	assert_int_equal(sent(g, 0, 1, 6), ERR_MALFORMED);
	assert_int_equal(delivered(g, 0, 1, 6), ERR_MALFORMED);
	assert_int_equal(delivered(g, 0, 1, 0), ERR_MALFORMED);
	assert_int_equal(delivered(g, 0, 1, 5), ERR_OK);
	assert_int_equal(delivered(g, 0, 1, 5), ERR_OK);
	assert_int_equal(delivered(g, 5, 1, 5), ERR_OK); /* nobody's */
	stands(g, "north", 5, 0, 5);
}

static void
no_more_than_the_window_is_given(void **state)
{
	struct rig *g = *state;

	fill(g, "south", DELIVER_WINDOW_RECORDS + 100, 1);
	says(g, 1, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(g->n_given[1], DELIVER_WINDOW_RECORDS);
	assert_int_equal(delivered(g, 1, 1, 40), ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[1], DELIVER_WINDOW_RECORDS + 40);
	fill(g, "north", 20, 1000000);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 8);
	assert_int_equal(delivered(g, 0, 1, 1), ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 9);
}

static void
a_process_that_does_not_read_is_given_no_more(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10, 10);
	says(g, 0, LINK_OPEN, 1);
	g->most = 3;
	assert_int_equal(turns(g), 1);
	assert_int_equal(g->n_given[0], 3);
	g->most = 5;
	assert_int_equal(sent(g, 0, 1, 1), ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 5);
	g->most = 100;
	tick(g, 2);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 10);
	assert_int_equal(g->given[0][9].number, 10);
}

/* ---- data keys ---- */

static void
a_key_of_before_is_unwrapped_once(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 500, 10);
	fill(g, "south", 500, 10);
	open_rig(g);
	says(g, 0, LINK_OPEN, 1);
	says(g, 1, LINK_OPEN, 1);
	for (unsigned i = 0; i < 5; i++)
		(void)turns(g);
	assert_int_equal(g->unwraps, 1);
	assert_int_equal(g->n_given[0] + g->n_given[1], 0);
	unwrapped(g, ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 500);
	assert_int_equal(g->n_given[1], 500);
	assert_int_equal(g->unwraps, 1);
}

static void
a_key_that_cannot_be_had_now_is_asked_for_again(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 5, 10);
	open_rig(g);
	says(g, 0, LINK_OPEN, 1);
	g->audit = ERR_CLOSED;
	(void)turns(g);
	g->audit = ERR_OK;
	(void)turns(g);
	assert_int_equal(g->unwraps, 0); /* not at once */
	tick(g, 2);
	(void)turns(g);
	assert_int_equal(g->unwraps, 1);
	for (unsigned i = 2; i < 6; i++) {
		unwrapped(g, ERR_HSM);
		(void)turns(g);
		assert_int_equal(g->unwraps, i - 1);
		tick(g, 1 << i);
		(void)turns(g);
		assert_int_equal(g->unwraps, i);
	}
	unwrapped(g, ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 5);
	stands(g, "north", 5, 0, 0);
}

/* ---- what does not open ---- */

static void
what_does_not_open_is_set_aside_and_told(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 6, 10);
	open_rig(g);
	fill(g, "north", 4, 10);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	unwrapped(g, ERR_MISMATCH);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 0);
	assert_true(delivery_is_due(g->d, g->now));
	take_away(g);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 4);
	assert_int_equal(g->given[0][0].number, 7);
	assert_int_equal(shown(g, "north").damaged, 6);
	stands(g, "north", 4, 0, 0);
	tick(g, 2);
	assert_int_equal(g->notes, 1);
	assert_int_equal(g->note.kind, HI2_NOTE_DAMAGED);
	assert_int_equal(g->note.n, 6);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 2);
	assert_int_equal(g->notes, 1);
	assert_int_equal(delivered(g, 0, 1, 10), ERR_OK);
	take_away(g);
	stands(g, "north", 0, 0, 4);
}

static void
a_loss_of_the_line_does_not_bring_back_what_is_set_aside(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 6, 10);
	delivery_free(&g->d);
	spool_close(&g->s);
	look_exec(g->path, "UPDATE records SET cin = 9 WHERE place & 63 = 3");
	open_rig(g);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	unwrapped(g, ERR_OK);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 3);
	says(g, 0, LINK_DOWN, 1); /* before it is on disk */
	take_away(g);
	says(g, 0, LINK_OPEN, 2);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 3 + 5);
	assert_int_equal(g->given[0][3].number, 1);
	assert_int_equal(g->given[0][6].number, 5);
	stands(g, "north", 5, 0, 0);
	assert_int_equal(shown(g, "north").damaged, 1);
}

/* ---- leaving the queue ---- */

static void
what_is_delivered_leaves_in_batches(void **state)
{
	struct rig *g = *state;

	fill(g, "south", 3000, 10);
	says(g, 1, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(delivery_due_in(g->d, g->now), -1);
	assert_int_equal(delivered(g, 1, 1, 10), ERR_OK);
	assert_false(delivery_is_due(g->d, g->now));
	assert_in_range(delivery_due_in(g->d, g->now), 1, 1000);
	g->now.ms += 1000;
	assert_true(delivery_is_due(g->d, g->now));
	take_away(g);
	assert_int_equal(delivery_due_in(g->d, g->now), -1);
	assert_int_equal(delivered(g, 1, 1, 2500), ERR_OK);
	assert_true(delivery_is_due(g->d, g->now));
	/* It fails: they are still there, and it is tried again later. */
	delivery_removed(g->d, false, g->now);
	assert_false(delivery_is_due(g->d, g->now));
	stands(g, "south", 500, 0, 2500);
	g->now.ms += 1000;
	assert_true(delivery_is_due(g->d, g->now));
	take_away(g);
	stands(g, "south", 500, 0, 2500);
	open_rig(g);
	stands(g, "south", 500, 0, 2500);
}

/* ---- bounds ---- */

static void
an_alarm_comes_before_anything_is_dropped(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 8, 100000);
	tick(g, 2);
	assert_int_equal(g->notes, 0);
	assert_false(shown(g, "north").alarm);
	fill(g, "north", 1, 100000);
	tick(g, 2);
	assert_int_equal(g->notes, 1);
	assert_int_equal(g->note.kind, HI2_NOTE_NEARLY_FULL);
	assert_int_equal(g->note.n, 9);
	assert_true(shown(g, "north").alarm);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 2);
	assert_int_equal(g->notes, 1); /* once */
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(delivered(g, 0, 1, 5), ERR_OK);
	tick(g, 2);
	assert_false(shown(g, "north").alarm);
}

static void
the_oldest_are_dropped_when_the_log_has_it(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 12, 100000);
	tick(g, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_NEARLY_FULL);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_DROPPED);
	assert_int_equal(g->note.n, 2);
	/* Not before; and not if the log has no room. */
	assert_false(delivery_is_due(g->d, g->now));
	take_away(g);
	stands(g, "north", 12, 0, 0);
	delivery_noted(g->d, g->note_id, ERR_FULL);
	assert_false(delivery_is_due(g->d, g->now));
	tick(g, 2);
	assert_int_equal(g->notes, 3);
	delivery_audit_gone(g->d);
	delivery_noted(g->d, g->note_id, ERR_OK); /* too late */
	take_away(g);
	stands(g, "north", 12, 0, 0);
	tick(g, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_DROPPED);
	delivery_noted(g->d, g->note_id, ERR_OK);
	assert_true(delivery_is_due(g->d, g->now));
	take_away(g);
	stands(g, "north", 10, 0, 0);
	assert_int_equal(shown(g, "north").dropped, 2);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	assert_int_equal(g->given[0][0].number, 3);
	open_rig(g);
	assert_int_equal(shown(g, "north").dropped, 2);
}

/* A LEMF that reads slowly: what it has is not taken from under it. */
static void
what_is_given_is_not_dropped(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 12, 100000);
	says(g, 0, LINK_OPEN, 1);
	g->most = 3;
	(void)turns(g);
	tick(g, 2);
	delivery_noted(g->d, g->note_id, ERR_OK);
	g->most = 100;
	tick(g, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_DROPPED);
	assert_int_equal(g->note.n, 2);
	(void)turns(g);
	assert_int_equal(g->n_given[0], 3); /* while it is not decided */
	delivery_noted(g->d, g->note_id, ERR_OK);
	take_away(g);
	(void)turns(g);
	assert_int_equal(g->given[0][3].number, 6);
	assert_int_equal(delivered(g, 0, 1, 12), ERR_OK);
	take_away(g);
	stands(g, "north", 0, 0, 10);
}

static void
the_old_are_dropped_too(void **state)
{
	struct rig *g = *state;

	g->settings.lemf[0].queue_days = 10;
	g->settings.lemf[0].dead_seconds = 10000000;
	configure(g);
	fill(g, "north", 5, 10);
	tick(g, 5 * 86400);
	fill(g, "north", 5, 10);
	tick(g, 3 * 86400 - 4);
	assert_int_equal(g->notes, 0);
	tick(g, 4);
	assert_int_equal(g->note.kind, HI2_NOTE_NEARLY_FULL);
	assert_int_equal(g->note.n, 10);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 2 * 86400);
	tick(g, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_DROPPED);
	assert_int_equal(g->note.n, 5);
	delivery_noted(g->d, g->note_id, ERR_OK);
	take_away(g);
	stands(g, "north", 5, 0, 0);
	tick(g, 2);
	assert_int_equal(shown(g, "north").oldest, NOW + 5 * 86400);
}

/* More than one step takes. */
static void
dropping_goes_on_until_it_is_enough(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10000, 200);
	tick(g, 2);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(g->note.kind, HI2_NOTE_DROPPED);
		delivery_noted(g->d, g->note_id, ERR_OK);
		take_away(g);
		(void)turns(g);
	}
	assert_int_equal(g->notes, 3);
	assert_in_range(shown(g, "north").octets, 1024 * 1024 / 10 * 9,
	    1024 * 1024);
}

/* ---- a LEMF that is missed ---- */

static void
a_lemf_is_missed_after_its_time(void **state)
{
	struct rig *g = *state;

	tick(g, 59);
	assert_int_equal(g->notes, 0);
	says(g, 0, LINK_OPEN, 1);
	says(g, 1, LINK_OPEN, 1);
	tick(g, 1000);
	assert_int_equal(g->notes, 0);
	says(g, 0, LINK_DOWN, 1);
	tick(g, 59);
	says(g, 0, LINK_UP, 2); /* that it is tried is nothing yet */
	says(g, 0, LINK_DOWN, 2);
	assert_int_equal(g->notes, 0);
	tick(g, 1);
	assert_int_equal(g->notes, 1);
	assert_int_equal(g->note.kind, HI2_NOTE_DOWN);
	assert_string_equal(g->note.text, "north: refused");
	assert_true(shown(g, "north").alarm);
	/* The log does not take it: it is said again. */
	delivery_noted(g->d, g->note_id, ERR_AGAIN);
	tick(g, 2);
	assert_int_equal(g->notes, 2);
	delivery_noted(g->d, g->note_id, ERR_OK);
	tick(g, 500);
	assert_int_equal(g->notes, 2);
	says(g, 0, LINK_OPEN, 3);
	tick(g, 2);
	assert_int_equal(g->notes, 3);
	assert_int_equal(g->note.kind, HI2_NOTE_UP);
	assert_false(shown(g, "north").alarm);
	delivery_noted(g->d, g->note_id, ERR_OK);
	says(g, 0, LINK_SILENT, 3); /* its time has passed already */
	tick(g, 2);
	assert_int_equal(g->notes, 4);
	assert_int_equal(g->note.kind, HI2_NOTE_DOWN);
}

/* It takes connections, and confirms nothing. */
static void
a_lemf_that_only_connects_is_missed_too(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 2, 10);
	(void)turns(g);
	for (uint32_t epoch = 1; epoch <= 6; epoch++) {
		says(g, 0, LINK_OPEN, epoch);
		(void)turns(g);
		tick(g, 9);
		says(g, 0, LINK_DOWN, epoch);
		tick(g, 1);
		assert_int_equal(g->notes, epoch < 6 ? 0 : 1);
	}
	assert_int_equal(g->note.kind, HI2_NOTE_DOWN);
	delivery_noted(g->d, g->note_id, ERR_OK);
	says(g, 0, LINK_OPEN, 7);
	(void)turns(g);
	tick(g, 2);
	assert_int_equal(g->notes, 1); /* it has still to show that it reads */
	assert_int_equal(delivered(g, 0, 7, 1), ERR_OK);
	tick(g, 2);
	assert_int_equal(g->notes, 2);
	assert_int_equal(g->note.kind, HI2_NOTE_UP);
}

static void
one_that_is_not_configured_keeps_its_records(void **state)
{
	struct rig *g = *state;
	struct msg_delivery m;

	fill(g, "north", 20, 100000);
	fill(g, "west", 2, 10);
	(void)turns(g);
	assert_false(shown(g, "west").configured);
	stands(g, "west", 2, 0, 0);
	assert_true(shown(g, "north").configured);
	says(g, 0, LINK_OPEN, 1);
	(void)turns(g);
	g->settings.lemf[0] = g->settings.lemf[1];
	g->settings.n_lemfs = 1;
	g->settings.lemf[0].slot = 0; /* of another LEMF now */
	g->settings.lemf[0].dead_seconds = 60;
	configure(g);
	m = shown(g, "north");
	assert_false(m.configured);
	assert_int_equal(m.state, LINK_DOWN);
	assert_int_equal(m.most_octets, 0);
	stands(g, "north", 20, 0, 0);
	tick(g, 1000);
	tick(g, 1000);
	assert_int_equal(g->notes, 1); /* of the one that is configured */
	assert_string_equal(g->note.text, "south: ");
	says(g, 0, LINK_OPEN, 2);
	fill(g, "south", 1, 7);
	(void)turns(g);
	assert_int_equal(g->given[0][g->n_given[0] - 1].len, 7);
}

/* ---- all of it, at random ---- */

struct chance {
	uint64_t put, known; /* records put; the LEMF has all below */
	uint32_t epoch; /* 0: down */
	unsigned seen; /* of what was given */
	uint64_t begun, expect; /* by this connection */
};

/* The LEMF reads some of what was given: in order, without a gap. */
static void
lemf_reads(struct rig *g, struct chance *c, unsigned most)
{
	while (c->seen < g->n_given[0] && most-- > 0) {
		const unsigned i = c->seen++;

		if (g->given[0][i].epoch != c->epoch)
			continue;
		assert_int_equal(g->given[0][i].number, c->expect);
		c->expect++;
		if (c->expect > c->known)
			c->known = c->expect;
	}
}

static void
open_line(struct rig *g, struct chance *c, uint32_t epoch)
{
	c->epoch = epoch;
	says(g, 0, LINK_OPEN, epoch);
	/* From the first that it has not confirmed. */
	c->begun = c->expect = shown(g, "north").delivered + 1;
	c->seen = g->n_given[0];
}

static void
restart(struct rig *g, struct chance *c)
{
	const uint64_t gone = shown(g, "north").delivered;

	open_rig(g);
	c->epoch = 0;
	/* A removal that was not committed comes again; nothing else. */
	assert_true(shown(g, "north").delivered <= gone);
	assert_int_equal(shown(g, "north").delivered +
		shown(g, "north").waiting,
	    c->put);
}

static void
step(struct rig *g, struct chance *c, uint32_t *epoch)
{
	static unsigned unwraps;

	unsigned n;

	switch (random() % 10) {
	case 0:
	case 1:
		n = (unsigned)random() % 40;
		fill(g, "north", n, 10);
		c->put += n;
		break;
	case 2:
	case 3:
		(void)turns(g);
		break;
	case 4:
	case 5:
		lemf_reads(g, c, (unsigned)random() % 60);
		break;
	case 6:
		if (c->epoch != 0 && c->expect > c->begun)
			assert_int_equal(delivered(g, 0, c->epoch,
					     c->expect - 1),
			    ERR_OK);
		break;
	case 7:
		take_away(g);
		break;
	case 8:
		if (c->epoch == 0)
			open_line(g, c, ++*epoch);
		else if (random() % 4 == 0) {
			says(g, 0, LINK_DOWN, c->epoch);
			c->epoch = 0;
		}
		break;
	default:
		if (random() % 8 == 0)
			restart(g, c);
		break;
	}
	if (g->unwraps != unwraps)
		unwrapped(g, ERR_OK);
	unwraps = g->unwraps;
}

/*
 * Whatever happens: each connection is given the records from the first that
 * is not delivered on, in order, and at the end the LEMF has all.
 */
static void
nothing_is_lost_and_all_is_in_order(void **state)
{
	struct rig *g = *state;
	struct chance c = {0};
	uint32_t epoch = 0;

	srandom(4711);
	for (unsigned i = 0; i < 2000; i++) {
		if (g->n_given[0] > GIVEN_MAX - 2000) {
			lemf_reads(g, &c, UINT32_MAX);
			g->n_given[0] = c.seen = 0;
		}
		step(g, &c, &epoch);
	}
	if (c.epoch == 0)
		open_line(g, &c, ++epoch);
	for (unsigned i = 0; i < 40 && c.expect <= c.put; i++) {
		(void)turns(g);
		if (g->unwraps > 0)
			unwrapped(g, ERR_OK);
		lemf_reads(g, &c, UINT32_MAX);
		if (c.expect > c.begun)
			assert_int_equal(delivered(g, 0, c.epoch, c.expect - 1),
			    ERR_OK);
		take_away(g);
	}
	assert_true(c.put > 4000);
	assert_int_equal(c.expect, c.put + 1);
	stands(g, "north", 0, 0, c.put);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(records_are_given_in_order_when_the_line_is_open),
	    TEST(a_record_is_in_one_state_at_a_time),
	    TEST(what_is_not_delivered_is_given_again_first),
	    TEST(numbers_that_were_not_given_are_refused),
	    TEST(no_more_than_the_window_is_given),
	    TEST(a_process_that_does_not_read_is_given_no_more),
	    TEST(a_key_of_before_is_unwrapped_once),
	    TEST(a_key_that_cannot_be_had_now_is_asked_for_again),
	    TEST(what_does_not_open_is_set_aside_and_told),
	    TEST(a_loss_of_the_line_does_not_bring_back_what_is_set_aside),
	    TEST(what_is_delivered_leaves_in_batches),
	    TEST(an_alarm_comes_before_anything_is_dropped),
	    TEST(the_oldest_are_dropped_when_the_log_has_it),
	    TEST(what_is_given_is_not_dropped),
	    TEST(the_old_are_dropped_too),
	    TEST(dropping_goes_on_until_it_is_enough),
	    TEST(a_lemf_is_missed_after_its_time),
	    TEST(a_lemf_that_only_connects_is_missed_too),
	    TEST(one_that_is_not_configured_keeps_its_records),
	    TEST(nothing_is_lost_and_all_is_in_order),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
