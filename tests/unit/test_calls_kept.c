/*
 * What the owner of a table of calls is told to keep, so that another table
 * can be made of it: SIP messages as their reader gives them, MIKEY messages
 * made up for the test.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hi2/calls.h"

#define WAIT 4000
#define LINGER 10000
#define IDLE 3600000
#define OCTETS 1000 /* of each message, as the owner counts */

static const uint8_t key[CALLS_KEY] = "a random secret";

static const struct calls_limits usual = {.most_calls = 100,
    .most_octets = 4 * 1024 * 1024,
    .most_stored = 1024 * 1024,
    .idle_ms = IDLE,
    .linger_ms = LINGER,
    .wait_ms = WAIT};

/* ---- messages ---- */

struct mk {
	uint8_t type, t, idrr, update;
};

struct said {
	uint16_t status;
	enum sip_method method;
	uint32_t cseq;
	const char *call_id;
	unsigned n;
	struct mk m[2];
};

static struct mikey_seen
seen(const struct mk *k)
{
	return (struct mikey_seen){.octets = view(k, sizeof(*k)),
	    .sound = true,
	    .type = k->type,
	    .csb_id = 7,
	    .update = k->update != 0,
	    .has_ibake = k->type != 25,
	    .ts = k->t,
	    .idrr = view(&k->idrr, k->idrr != 0)};
}

static enum err
put(struct calls *t, uint64_t number, const struct said *s, int64_t now,
    struct calls_took *took)
{
	struct mikey_seen m[2];
	const struct sip_event e = {.status = s->status,
	    .method = s->method,
	    .cseq = s->cseq,
	    .from_tag = view("a", 1),
	    .to_tag = view("b", 1),
	    .call_id = view(s->call_id, strlen(s->call_id)),
	    .n_mikey = s->n};
	const struct sip_seen x = {.xid = {1},
	    .sip = view("INVITE sip:b@h SIP/2.0\r\n\r\n", 26),
	    .event = &e,
	    .n_mikey = s->n,
	    .mikey = m,
	    .number = number,
	    .stored = number == 0 ? 0 : OCTETS};

	for (unsigned i = 0; i < s->n; i++)
		m[i] = seen(&s->m[i]);
	return calls_put(t, &x, now, took);
}

static struct calls *
table(const struct calls_limits *l)
{
	struct calls *t;

	assert_int_equal(calls_new(l, key, &t), ERR_OK);
	return t;
}

static void
fetch(struct calls *t)
{
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (calls_next(t, &kind, &v) == ERR_OK)
		;
}

#define OFFER(id, n) \
	(struct said) \
	{ \
		0, SIP_INVITE, 1, id, 1, \
		{ \
			{ \
				22, n, 'b', 0 \
			} \
		} \
	}
#define PLAIN(status, method, cseq, id) \
	(struct said) \
	{ \
		status, method, cseq, id, 0, \
		{ \
			{ \
				0, 0, 0, 0 \
			} \
		} \
	}

/* It is kept, as part of the call with this number; or it is not. */
static void
is_kept(struct calls *t, uint64_t number, const struct said s, bool kept,
    uint64_t call)
{
	struct calls_took took = {99, !kept};

	assert_int_equal(put(t, number, &s, 1000, &took), ERR_OK);
	assert_int_equal(took.kept, kept);
	assert_int_equal(took.call, call);
}

static void
gone_is(struct calls *t, uint64_t call, uint64_t number, size_t stored)
{
	struct calls_gone g;

	assert_int_equal(calls_gone(t, &g), ERR_OK);
	assert_int_equal(g.call, call);
	assert_int_equal(g.number, number);
	assert_int_equal(g.stored, stored);
}

static void
nothing_is_gone(struct calls *t)
{
	struct calls_gone g;

	assert_int_equal(calls_gone(t, &g), ERR_NOTFOUND);
}

/* ---- promises ---- */

static void
what_changes_nothing_is_not_kept(void **state)
{
	struct calls *t = table(&usual);

	(void)state;
	is_kept(t, 1, PLAIN(200, SIP_INVITE, 1, "plain"), false, 0);
	is_kept(t, 1, OFFER("x", 1), true, 1);
	is_kept(t, 2, OFFER("x", 1), false, 1); /* a copy */
	is_kept(t, 2, PLAIN(180, SIP_INVITE, 1, "x"), false, 1);
	is_kept(t, 2, PLAIN(401, SIP_INVITE, 1, "x"), true, 1);
	is_kept(t, 3, PLAIN(401, SIP_INVITE, 1, "x"), false, 1);
	/* The same offer again is another request. */
	is_kept(t, 3,
	    (struct said){0, SIP_INVITE, 2, "x", 1, {{22, 1, 'b', 0}}}, true,
	    1);
	is_kept(t, 4, PLAIN(200, SIP_INVITE, 2, "x"), true, 1);
	is_kept(t, 5, PLAIN(200, SIP_INVITE, 2, "x"), false, 1);
	is_kept(t, 5, PLAIN(0, SIP_ACK, 2, "x"), false, 1);
	is_kept(t, 5, PLAIN(0, SIP_BYE, 3, "x"), true, 1);
	is_kept(t, 6, PLAIN(200, SIP_BYE, 3, "x"), false, 1);
	is_kept(t, 6, OFFER("y", 1), true, 6);
	assert_int_equal(calls_count(t).stored, 6 * OCTETS);
	nothing_is_gone(t);
	calls_free(&t);
}

static void
what_the_owner_does_not_number_is_not_kept(void **state)
{
	struct calls *t = table(&usual);

	(void)state;
	is_kept(t, 0, OFFER("x", 1), false, 0);
	is_kept(t, 0, PLAIN(200, SIP_INVITE, 1, "x"), false, 0);
	assert_int_equal(calls_count(t).stored, 0);
	calls_tick(t, 2 * IDLE);
	fetch(t);
	calls_tick(t, 2 * IDLE);
	nothing_is_gone(t);
	calls_free(&t);
}

static void
a_call_is_gone_as_a_whole_when_its_events_are_fetched(void **state)
{
	struct calls *t = table(&usual);

	(void)state;
	is_kept(t, 11, OFFER("x", 1), true, 11);
	is_kept(t, 12, PLAIN(200, SIP_INVITE, 1, "x"), true, 11);
	calls_tick(t, 1000 + IDLE);
	assert_int_equal(calls_count(t).calls, 0);
	assert_int_equal(calls_count(t).stored, 0);
	nothing_is_gone(t); /* its event waits */
	fetch(t);
	calls_tick(t, 1000 + IDLE);
	gone_is(t, 11, 0, 2 * OCTETS);
	nothing_is_gone(t);
	calls_free(&t);
}

static void
updates_that_made_way_are_gone_one_by_one(void **state)
{
	struct calls *t = table(&usual);
	struct said u = {0, SIP_UPDATE, 10, "x", 1, {{22, 0, 0, 1}}};
	struct calls_took took;
	struct calls_gone g;
	unsigned gone = 0;

	(void)state;
	is_kept(t, 1, OFFER("x", 1), true, 1);
	for (uint64_t n = 2; n < 402; n++) {
		u.status = n % 2 == 0 ? 0 : 200;
		u.m[0].type = n % 2 == 0 ? 22 : 23;
		u.m[0].t = (uint8_t)(n / 2);
		u.cseq = 10 + (uint32_t)(n / 2);
		assert_int_equal(put(t, n, &u, 2000, &took), ERR_OK);
		assert_true(took.kept && took.call == 1);
		fetch(t);
		while (calls_gone(t, &g) == ERR_OK) {
			assert_true(
			    g.call == 1 && g.number > 1 && g.number < n);
			assert_int_equal(g.stored, OCTETS);
			gone++;
		}
	}
	assert_true(gone >= 400 - CALLS_MESSAGES);
	assert_int_equal(calls_count(t).stored, (401 - gone) * OCTETS);
	calls_free(&t);
}

static void
octets_that_are_kept_are_bounded(void **state)
{
	static const char *const id[] = {"a", "b", "c", "d", "e"};
	struct calls_limits l = usual;
	struct calls *t;

	(void)state;
	l.most_stored = 3 * OCTETS;
	t = table(&l);
	for (uint64_t i = 0; i < 5; i++)
		is_kept(t, i + 1, OFFER(id[i], 1), true, i + 1);
	assert_int_equal(calls_count(t).calls, 3);
	assert_int_equal(calls_count(t).evicted, 2);
	fetch(t);
	calls_tick(t, 1000);
	gone_is(t, 1, 0, OCTETS);
	gone_is(t, 2, 0, OCTETS);
	/* What nothing is kept of needs no room. */
	is_kept(t, 6, PLAIN(180, SIP_INVITE, 1, "e"), false, 5);
	assert_int_equal(calls_count(t).evicted, 2);
	/* A smaller bound holds from the next message on. */
	calls_limit_stored(t, 2 * OCTETS);
	is_kept(t, 6, OFFER("f", 1), true, 6);
	assert_int_equal(calls_count(t).calls, 2);
	assert_int_equal(calls_count(t).stored, 2 * OCTETS);
	calls_free(&t);
}

/* It is taken in all the same. */
static void
a_call_that_has_its_share_is_kept_no_more(void **state)
{
	struct calls_limits l = usual;
	struct calls *t;

	(void)state;
	l.most_stored = OCTETS;
	t = table(&l);
	is_kept(t, 1, OFFER("x", 1), true, 1);
	is_kept(t, 2, PLAIN(200, SIP_INVITE, 1, "x"), false, 1);
	assert_int_equal(calls_count(t).calls, 1);
	assert_int_equal(calls_count(t).evicted, 0);
	calls_tick(t, 1000 + WAIT);
	assert_int_equal(calls_count(t).no_keys, 1);
	calls_free(&t);
}

/* ---- given again ---- */

#define MESSAGES 60
#define ROUNDS 300

struct sets {
	unsigned n;
	struct mk part[MESSAGES][6];
};

static void
part(struct mk *to, struct rd octets)
{
	memset(to, 0, sizeof(*to));
	if (octets.left == sizeof(*to))
		memcpy(to, octets.p, sizeof(*to));
}

static int
by_octets(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct sets *)0)->part[0]));
}

/* All that are complete, of calls that are up. */
static void
sets_of(struct calls *t, struct sets *out)
{
	static const uint8_t xid[CALLS_XID] = {1};
	struct call_exchange_view v;
	uint64_t at = 0;

	*out = (struct sets){.n = 0};
	while (calls_established(t, xid, &at, &v) == ERR_OK) {
		struct mk *p = out->part[out->n++];

		assert_true(out->n < MESSAGES);
		part(&p[0], v.i1);
		part(&p[1], v.r1);
		part(&p[2], v.i2);
		part(&p[3], v.first_i1);
		part(&p[4], v.first_r1);
		part(&p[5], v.first_i2);
	}
	qsort(out->part, out->n, sizeof(out->part[0]), by_octets);
}

static uint64_t dice;

static unsigned
roll(unsigned n)
{
	dice = dice * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(dice >> 33) % n;
}

static struct said
any(void)
{
	static const struct said plain[] = {{200, SIP_INVITE, 1, NULL, 0,
						{{0, 0, 0, 0}}},
	    {180, SIP_INVITE, 1, NULL, 0, {{0, 0, 0, 0}}},
	    {486, SIP_UPDATE, 5, NULL, 0, {{0, 0, 0, 0}}}};
	struct said s = plain[roll(3)];

	if (roll(4) > 0) {
		s = (struct said){0, SIP_PRACK, 2 + roll(3), NULL, 1 + roll(2),
		    {{0, 0, 0, 0}}};
		for (unsigned i = 0; i < s.n; i++)
			s.m[i] = (struct mk){(uint8_t)(22 + roll(4)),
			    (uint8_t)roll(3), (uint8_t)(roll(2) ? 'b' : 'c'),
			    roll(5) == 0};
		for (unsigned i = 0; i < s.n; i++)
			if (s.m[i].type > 23)
				s.m[i].update = 0;
	}
	return s;
}

/* What the owner has of them, in order. */
struct rows {
	unsigned n;
	struct {
		uint64_t number, call;
		struct said s;
	} row[2 * MESSAGES];
};

static void
forget(struct rows *r, struct calls *t)
{
	struct calls_gone g;

	while (calls_gone(t, &g) == ERR_OK) {
		unsigned n = 0;

		for (unsigned i = 0; i < r->n; i++)
			if (r->row[i].call != g.call ||
			    (g.number != 0 && r->row[i].number != g.number))
				r->row[n++] = r->row[i];
		r->n = n;
	}
}

static void
put_row(struct calls *t, struct rows *r, uint64_t number, const struct said *s,
    int64_t now)
{
	struct calls_took took;

	assert_int_equal(put(t, number, s, now, &took), ERR_OK);
	fetch(t);
	if (took.kept) {
		r->row[r->n].number = number;
		r->row[r->n].call = took.call;
		r->row[r->n++].s = *s;
	}
	forget(r, t);
}

/* How many exchanges there were. */
static unsigned
one_round(void)
{
	static const char *const id[] = {"1@h", "2@h", "3@h"};
	static struct rows rows, again;
	static struct sets want, got;
	struct calls *t = table(&usual), *u = table(&usual);
	int64_t now = 1000;
	uint64_t number = 1;

	rows.n = again.n = 0;
	for (unsigned i = 0; i < 3; i++) {
		const struct said first = OFFER(id[i], 1);

		put_row(t, &rows, number++, &first, now);
	}
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct said s = any();

		s.call_id = id[roll(3)];
		put_row(t, &rows, number++, &s, now += 10);
	}
	for (unsigned i = 0; i < rows.n; i++)
		put_row(u, &again, rows.row[i].number, &rows.row[i].s, 1000);
	/* Each is still a part of the same call, and nothing is left out. */
	assert_int_equal(again.n, rows.n);
	for (unsigned i = 0; i < rows.n; i++)
		assert_true(again.row[i].number == rows.row[i].number &&
		    again.row[i].call == rows.row[i].call);
	calls_tick(t, now + WAIT);
	calls_tick(u, 1000 + WAIT);
	fetch(t);
	fetch(u);
	sets_of(t, &want);
	sets_of(u, &got);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.part, want.part, want.n * sizeof(want.part[0]));
	assert_int_equal(calls_count(u).stored, calls_count(t).stored);
	calls_free(&t);
	calls_free(&u);
	return want.n;
}

static void
what_is_kept_makes_the_same_exchanges_again(void **state)
{
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		dice = i;
		n += one_round();
	}
	assert_true(n > ROUNDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_changes_nothing_is_not_kept),
	    cmocka_unit_test(what_the_owner_does_not_number_is_not_kept),
	    cmocka_unit_test(
		a_call_is_gone_as_a_whole_when_its_events_are_fetched),
	    cmocka_unit_test(updates_that_made_way_are_gone_one_by_one),
	    cmocka_unit_test(octets_that_are_kept_are_bounded),
	    cmocka_unit_test(a_call_that_has_its_share_is_kept_no_more),
	    cmocka_unit_test(what_is_kept_makes_the_same_exchanges_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
