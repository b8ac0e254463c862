/* Messages of appliance/proto_change.c: the warrant state on its way. */
#include <stdlib.h>
#include <string.h>

#include "appliance/proto.h"
#include "wire.h"

static uint8_t changes[CHAIN_BATCH];

static struct change
a_change(uint64_t number, enum request_kind kind)
{
	struct change c = {.number = number, .time = 7, .kind = kind};

	memset(c.hash, 0x60 + (int)number, sizeof(c.hash));
	if (!change_is_light(kind)) {
		c.request = str("request");
		c.evidence = str("evidence");
	}
	return c;
}

/* So many changes, of all kinds in turn, in memory that stays. */
static struct rd
some_changes(unsigned n)
{
	struct wr w;

	wr_init(&w, changes, sizeof(changes));
	for (unsigned i = 0; i < n; i++) {
		const struct change c =
		    a_change(i + 1, (enum request_kind)(i % REQUEST__MAX));

		change_put(&w, &c);
	}
	return view(changes, written(&w));
}

GETTER(msg_chain, struct msg_chain)
GETTER(msg_change, struct msg_change)
GETTER(msg_changed, struct msg_changed)
GETTER(msg_learn, struct msg_learn)
GETTER(msg_learnt, struct msg_learnt)

/*
 * Changes up to the end of a message, `head` octets behind its beginning: of
 * its prefixes only those are good that end with a change.
 */
static void
whole_changes_alone(get_fn *get, size_t head, size_t len)
{
	struct rd at = view(buf + head, len - head);
	size_t end = head;
	struct change c;

	for (size_t n = 0; n <= len; n++) {
		if (n == end) {
			assert_int_equal(get_alone(get, buf, n), ERR_OK);
			if (at.left > 0)
				assert_int_equal(change_get(&at, &c), ERR_OK);
			end = len - at.left;
		} else if (get_alone(get, buf, n) != ERR_MALFORMED)
			fail_msg("%zu of %zu octets", n, len);
	}
	buf[len] = 0;
	assert_int_equal(get_alone(get, buf, len + 1), ERR_MALFORMED);
}

/* A change that stands here is one that could be. */
static void
no_impossible_change(get_fn *get, size_t at, size_t len)
{
	static const uint64_t numbers[] = {0, MAX_CHANGES + 1ULL, UINT32_MAX,
	    UINT64_MAX};
	uint8_t was[8];
	struct wr w;

	only_below(get, len, at + 8 + 8, REQUEST__MAX);
	memcpy(was, buf + at, sizeof(was));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		wr_init(&w, buf + at, 8);
		wr_u64(&w, numbers[i]);
		assert_int_equal(get(view(buf, len)), ERR_MALFORMED);
	}
	wr_init(&w, buf + at, 8);
	wr_u64(&w, MAX_CHANGES);
	assert_int_equal(get(view(buf, len)), ERR_OK);
	memcpy(buf + at, was, sizeof(was));
}

/* ---- batches ---- */

static void
chain_round_trips_with_any_number_of_changes(void **state)
{
	static const unsigned counts[] = {0, 1, 2, REQUEST__MAX, 40};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		for (int l = 0; l < 2; l++) {
			struct msg_chain m = {.last = l == 1}, out;
			struct wr w = writer();
			size_t len;

			m.changes = some_changes(counts[i]);
			msg_chain_put(&w, &m);
			len = written(&w);
			assert_int_equal(len, 1 + m.changes.left);
			assert_int_equal(msg_chain_get(view(buf, len), &out),
			    ERR_OK);
			assert_int_equal(out.last, m.last);
			assert_true(rd_equal(&out.changes, &m.changes));
			assert_ptr_equal(out.changes.p, buf + 1);
			whole_changes_alone(get_msg_chain, 1, len);
			only_below(get_msg_chain, len, 0, 2);
			if (counts[i] > 0)
				no_impossible_change(get_msg_chain, 1, len);
		}
}

static void
the_longest_change_fits_a_batch_and_a_message(void **state)
{
	static uint8_t request[MAX_REQUEST], evidence[MAX_EVIDENCE + 1];
	struct change c = a_change(1, REQUEST_PERSON_ADD), back;
	struct msg_chain m = {.last = false}, out;
	struct wr w;
	size_t len;

	(void)state;
	c.request = view(request, sizeof(request));
	c.evidence = view(evidence, MAX_EVIDENCE);
	wr_init(&w, changes, sizeof(changes));
	change_put(&w, &c);
	m.changes = view(changes, written(&w));
	assert_true(m.changes.left <= CHAIN_BATCH);
	w = writer();
	msg_chain_put(&w, &m);
	len = written(&w);
	assert_true(len <= MAX_IPC_BODY);
	assert_int_equal(msg_chain_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(change_get(&out.changes, &back), ERR_OK);
	assert_int_equal(back.evidence.left, MAX_EVIDENCE);

	c.evidence.left++;
	wr_init(&w, changes, sizeof(changes));
	change_put(&w, &c);
	m.changes = view(changes, written(&w));
	w = writer();
	msg_chain_put(&w, &m);
	assert_int_equal(msg_chain_get(view(buf, written(&w)), &out),
	    ERR_MALFORMED);
}

static void
a_request_longer_than_any_is_refused(void **state)
{
	static uint8_t request[MAX_REQUEST + 1];
	struct change c = a_change(1, REQUEST_PERSON_ADD);
	struct msg_chain m = {.last = true};
	struct wr w;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		c.request = view(request, MAX_REQUEST + over);
		wr_init(&w, changes, sizeof(changes));
		change_put(&w, &c);
		m.changes = view(changes, written(&w));
		w = writer();
		msg_chain_put(&w, &m);
		assert_int_equal(get_msg_chain(view(buf, written(&w))),
		    over == 0 ? ERR_OK : ERR_MALFORMED);
	}
}

static void
no_impossible_floor(int64_t floor)
{
	const struct msg_learn m = {.floor = floor};
	struct wr w = writer();

	msg_learn_put(&w, &m);
	assert_int_equal(get_msg_learn(view(buf, written(&w))), ERR_MALFORMED);
}

static void
learn_round_trips_with_any_number_of_changes(void **state)
{
	static const unsigned counts[] = {0, 1, 3, 40};
	static const int64_t floors[] = {0, 1769860800, CHANGE_TIME_MAX, 1};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (int f = 0; f < 2; f++) {
			struct msg_learn m = {.floor = floors[i],
			    .fresh = f == 1};
			struct msg_learn out;
			struct wr w = writer();
			size_t len;

			m.changes = some_changes(counts[i]);
			msg_learn_put(&w, &m);
			len = written(&w);
			assert_int_equal(msg_learn_get(view(buf, len), &out),
			    ERR_OK);
			assert_true(out.floor == m.floor);
			assert_int_equal(out.fresh, m.fresh);
			assert_true(rd_equal(&out.changes, &m.changes));
			whole_changes_alone(get_msg_learn, 9, len);
			only_below(get_msg_learn, len, 8, 2);
			if (counts[i] > 0)
				no_impossible_change(get_msg_learn, 9, len);
		}
	no_impossible_floor(-1);
	no_impossible_floor(INT64_MIN);
	no_impossible_floor(CHANGE_TIME_MAX + 1);
	no_impossible_floor(INT64_MAX);
}

/* ---- one change ---- */

static void
change_round_trips_whole_with_and_without_its_entry(void **state)
{
	(void)state;
	for (int k = 0; k < 2 * REQUEST__MAX; k++) {
		const struct change c =
		    a_change(7, (enum request_kind)(k % REQUEST__MAX));
		struct msg_change m, out;
		struct change back;
		struct wr w;
		size_t len;

		wr_init(&w, changes, sizeof(changes));
		change_put(&w, &c);
		m.change = view(changes, written(&w));
		m.entry = k < REQUEST__MAX ? str("entry") : view(NULL, 0);
		w = writer();
		msg_change_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_change_get(view(buf, len), &out), ERR_OK);
		assert_true(rd_equal(&out.entry, &m.entry));
		assert_true(rd_equal(&out.change, &m.change));
		assert_int_equal(change_get(&out.change, &back), ERR_OK);
		assert_int_equal(out.change.left, 0);
		assert_int_equal(back.kind, c.kind);
		only_whole(get_msg_change, len);
		no_impossible_change(get_msg_change, 2 + m.entry.left, len);
	}
}

static void
none_or_two_changes_are_not_a_change(void **state)
{
	struct msg_change m = {.entry = {NULL, 0}};
	struct wr w = writer();

	(void)state;
	m.entry = str("entry");
	m.change = view(NULL, 0);
	msg_change_put(&w, &m);
	assert_int_equal(get_msg_change(view(buf, written(&w))), ERR_MALFORMED);
	m.change = some_changes(2);
	w = writer();
	msg_change_put(&w, &m);
	assert_int_equal(get_msg_change(view(buf, written(&w))), ERR_MALFORMED);
}

/* ---- what comes back ---- */

static void
changed_round_trips_whole(void **state)
{
	size_t len = 0;

	(void)state;
	for (int e = 0; e < ERR__MAX; e++)
		for (int l = 0; l < 2; l++) {
			struct msg_changed m = {.rc = (enum err)e,
			    .logged = l == 1};
			struct msg_changed out;
			struct wr w = writer();

			m.text = str(e == 0 ? "" : "the clock has stepped");
			msg_changed_put(&w, &m);
			len = written(&w);
			assert_int_equal(msg_changed_get(view(buf, len), &out),
			    ERR_OK);
			assert_int_equal(out.rc, e);
			assert_int_equal(out.logged, m.logged);
			assert_true(rd_equal(&out.text, &m.text));
		}
	only_whole(get_msg_changed, len);
	only_below(get_msg_changed, len, 0, ERR__MAX);
	only_below(get_msg_changed, len, 1, 2);
}

static void
learnt_round_trips_whole(void **state)
{
	static uint8_t seal[255];
	size_t len = 0;

	(void)state;
	for (int e = 0; e < ERR__MAX; e++) {
		struct msg_learnt m = {.rc = (enum err)e,
		    .current = e % 2 == 0};
		struct msg_learnt out;
		struct wr w = writer();

		m.head.number = UINT64_MAX - (unsigned)e;
		memset(m.head.hash, e, sizeof(m.head.hash));
		m.seal = view(seal, (size_t)(e * 15));
		m.text = str(e == 0 ? "" : "not the next one");
		msg_learnt_put(&w, &m);
		len = written(&w);
		assert_int_equal(msg_learnt_get(view(buf, len), &out), ERR_OK);
		assert_int_equal(out.rc, e);
		assert_int_equal(out.current, m.current);
		assert_true(head_equal(&out.head, &m.head));
		assert_true(rd_equal(&out.seal, &m.seal));
		assert_true(rd_equal(&out.text, &m.text));
	}
	only_whole(get_msg_learnt, len);
	only_below(get_msg_learnt, len, 0, ERR__MAX);
	only_below(get_msg_learnt, len, 1, 2);
}

/* audit's table of what a worker may send has these lengths. */
static void
learnt_is_at_least_45_octets_and_at_most_512(void **state)
{
	static char text[WHY_MAX];
	static uint8_t seal[32];
	struct msg_learnt m = {.rc = ERR_OK};
	struct wr w = writer();

	(void)state;
	msg_learnt_put(&w, &m);
	assert_int_equal(written(&w), 45);
	m.seal = view(seal, sizeof(seal));
	m.text = view(text, sizeof(text));
	w = writer();
	msg_learnt_put(&w, &m);
	assert_true(written(&w) <= 512);
}

static void
what_does_not_fit_fails_the_writer(void **state)
{
	static uint8_t big[65536];
	struct msg_change m = {.entry = {NULL, 0}};
	struct msg_learnt l = {.rc = ERR_OK};
	struct wr w = writer();
	size_t len = 99;

	(void)state;
	m.entry = view(big, sizeof(big));
	m.change = some_changes(1);
	msg_change_put(&w, &m);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	l.seal = view(big, 256);
	w = writer();
	msg_learnt_put(&w, &l);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	m.entry = str("entry");
	w = writer();
	msg_change_put(&w, &m);
	len = written(&w);
	wr_init(&w, buf, len - 1);
	msg_change_put(&w, &m);
	len = 99;
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	assert_int_equal(len, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chain_round_trips_with_any_number_of_changes),
	    cmocka_unit_test(the_longest_change_fits_a_batch_and_a_message),
	    cmocka_unit_test(a_request_longer_than_any_is_refused),
	    cmocka_unit_test(learn_round_trips_with_any_number_of_changes),
	    cmocka_unit_test(
		change_round_trips_whole_with_and_without_its_entry),
	    cmocka_unit_test(none_or_two_changes_are_not_a_change),
	    cmocka_unit_test(changed_round_trips_whole),
	    cmocka_unit_test(learnt_round_trips_whole),
	    cmocka_unit_test(learnt_is_at_least_45_octets_and_at_most_512),
	    cmocka_unit_test(what_does_not_fit_fails_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
