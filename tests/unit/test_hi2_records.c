#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hi2_records.h"
#include "help.h"
#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"
#include "spool_look.h"

#define NOW 1800000100
#define EPOCH 77

static struct spool_key key;
static const uint8_t kms[QUEUE_DIGEST_LEN] = {4};

struct rig {
	char dir[64], path[96];
	struct hi2_profiles profiles;
	struct spool *spool;
	struct hi2_records *r;
	unsigned n; /* told */
	struct {
		uint32_t ticket;
		struct msg_stored m;
	} told[1000];
	struct look l;
};

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
on_stored(void *ctx, uint32_t ticket, const struct msg_stored *m)
{
	struct rig *g = ctx;

	assert_true(g->n < 1000);
	g->told[g->n].ticket = ticket;
	g->told[g->n++].m = *m;
}

static void
read_profiles(struct rig *g)
{
	static struct hi2_settings s;
	struct why why = {""};

	s = (struct hi2_settings){.n_lemfs = 2};
	s.lemf[0] = (struct lemf_settings){.name = str("north"),
	    .profile = str("etsi"),
	    .n_options = 1,
	    .option = {{str("operator_id"), str("north")}}};
	s.lemf[1] = (struct lemf_settings){.name = str("south"),
	    .profile = str("etsi-form1"),
	    .n_options = 2,
	    .option = {{str("operator_id"), str("south")},
		{str("umts_time"), str("utc")}}};
	if (hi2_profiles_read(&s, &g->profiles, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
open_rig(struct rig *g, int64_t now)
{
	struct why why = {""};

	if (spool_open(&(struct spool_config){.path = g->path,
			   .spki = spool_key_spki(&key),
			   .kms = kms,
			   .now = now},
		&g->spool, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(hi2_records_new(g->spool, &g->profiles, on_stored, g,
			     &g->r),
	    ERR_OK);
}

/* Its queue is old: a call that it does not know is a new one. */
static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-records-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	read_profiles(g);
	open_rig(g, 0);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	look_done(&g->l);
	hi2_records_free(&g->r);
	spool_close(&g->spool);
	folder_remove(g->dir);
	free(g);
	return 0;
}

/* What is on disk; the queue is closed for it. */
static unsigned
look_at(struct rig *g)
{
	hi2_records_free(&g->r);
	spool_close(&g->spool);
	look_done(&g->l);
	look(g->path, &key, &g->l);
	return g->l.n;
}

/* ---- what comes ---- */

static const char invite[] = "INVITE sip:b@example.net SIP/2.0\r\n\r\n";

static struct msg_content
content(void)
{
	return (struct msg_content){.epoch = EPOCH,
	    .correlation = {1, 2, 3, 4, 0xff, 6, 7, 8},
	    .seconds = 1800000000,
	    .nanoseconds = 123456789,
	    .direction = 3,
	    .sip = str(invite)};
}

static void
put(struct rig *g, uint32_t ticket)
{
	const struct msg_content m = content();

	assert_int_equal(hi2_records_content(g->r, ticket, &m), ERR_OK);
}

static struct destination
to(uint64_t leg)
{
	return (struct destination){.leg = leg,
	    .liid = str("LIID-1"),
	    .n_lemfs = 2,
	    .lemf = {str("north"), str("south")},
	    .n_targets = 2,
	    .target = {str("sip:a@example.org"), str("tel:+4930123")}};
}

/* An answer of two crypto sessions, in the wire's form. */
static uint8_t answer[1024];

static struct rd
make_answer(uint64_t epoch)
{
	static struct xk_get_keys_response k;
	struct wr w;
	size_t len = 0;

	k = (struct xk_get_keys_response){.n_keys = 2};
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t id[5] = {0xaa, 0xbb, 0xcc, 0xdd,
		    (uint8_t)(i + 1)};

		memcpy(k.key[i].crypto_session_id, id, sizeof(id));
		memset(k.key[i].session_key, 0x40 + (int)i, 16);
		memset(k.key[i].salt, 0x50 + (int)i, 14);
	}
	wr_init(&w, answer, sizeof(answer));
	msg_answer_put(&w, epoch, &k);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	return view(answer, len);
}

static enum err
keys(struct rig *g, uint32_t ticket, uint64_t leg)
{
	const struct msg_hi2_keys m = {.epoch = EPOCH,
	    .to = to(leg),
	    .answer = make_answer(EPOCH)};

	return hi2_records_keys(g->r, ticket, &m, NOW);
}

static enum err
refusal(struct rig *g, uint32_t ticket, uint64_t leg)
{
	const struct msg_hi2_keys m = {.epoch = EPOCH,
	    .reason = XK_NOT_REPRODUCIBLE,
	    .to = to(leg)};

	return hi2_records_keys(g->r, ticket, &m, NOW);
}

static enum err
order(struct rig *g, uint32_t ticket, uint64_t leg, enum x2_ask_kind kind)
{
	const struct msg_hi2_order m = {.epoch = EPOCH,
	    .kind = kind,
	    .to = to(leg)};

	return hi2_records_order(g->r, ticket, &m, NOW);
}

static void
commit(struct rig *g)
{
	struct why why = {""};

	if (hi2_records_commit(g->r, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
nothing_to_commit(struct rig *g)
{
	struct why why = {""};

	assert_int_equal(hi2_records_commit(g->r, &why), ERR_AGAIN);
}

/* ---- what is expected ---- */

static void
told(const struct rig *g, unsigned i, uint32_t ticket, uint64_t leg)
{
	assert_true(i < g->n);
	assert_int_equal(g->told[i].ticket, ticket);
	assert_int_equal(g->told[i].m.epoch, EPOCH);
	assert_int_equal(g->told[i].m.leg, leg);
}

static uint64_t
count(const struct rig *g, enum hi2_count c)
{
	struct msg_counts m;

	hi2_records_counts(g->r, &m);
	assert_int_equal(m.n, HI2_COUNT__MAX);
	return m.v[c];
}

/* The nth of a LEMF. */
static const struct look_row *
row_of(const struct rig *g, const char *lemf, unsigned nth)
{
	for (unsigned i = 0; i < g->l.n; i++)
		if (strcmp(g->l.row[i].lemf, lemf) == 0 && nth-- == 0)
			return &g->l.row[i];
	fail_msg("%s has no such row", lemf);
	return NULL;
}

/* As is_record(), with these keys, two of them or none. */
static void
is_record_with(const struct rig *g, unsigned i, enum iri_event event,
    const char *lemf, uint32_t sequence, enum iri_initiator initiator,
    const struct iri_key filled[2])
{
	const struct destination d = to(0);
	struct iri_record r = {.event = event,
	    .liid = d.liid,
	    .targets = d.target,
	    .n_targets = d.n_targets,
	    .correlation = {1, 2, 3, 4, 0xff, 6, 7, 8},
	    .seconds = 1800000000,
	    .nanoseconds = 123456789,
	    .initiator = initiator,
	    .sequence = sequence,
	    .sip = str(invite),
	    .keys = filled,
	    .n_keys = event == IRI_KEYS ? 2 : 0};
	const struct look_row *row = row_of(g, lemf, i);
	uint8_t want[4096];
	size_t len = 0;
	bool known;

	assert_int_equal(iri_encode(hi2_profile_of(&g->profiles, str(lemf),
					&known),
			     &r, want, sizeof(want), &len),
	    ERR_OK);
	assert_int_equal(row->sequence, sequence);
	assert_int_equal(row->cin, 0xff060708);
	assert_int_equal(row->created, NOW);
	assert_int_equal(row->len, len);
	assert_memory_equal(row->pdu, want, len);
}

/* Row i is this event of content() for the LEMF, under that number. */
static void
is_record(const struct rig *g, unsigned i, enum iri_event event,
    const char *lemf, uint32_t sequence, enum iri_initiator initiator)
{
	static const struct iri_key k[2] = {{.cs_id = 1,
						.csb_id = 0xaabbccdd,
						.tek = {0x40},
						.salt = {0x50}},
	    {.cs_id = 2, .csb_id = 0xaabbccdd, .tek = {0x41}, .salt = {0x51}}};
	struct iri_key filled[2];

	for (unsigned n = 0; n < 2; n++) {
		filled[n] = k[n];
		memset(filled[n].tek, k[n].tek[0], sizeof(filled[n].tek));
		memset(filled[n].salt, k[n].salt[0], sizeof(filled[n].salt));
	}
	is_record_with(g, i, event, lemf, sequence, initiator, filled);
}

/* ---- joins ---- */

static void
keys_give_a_record_for_each_lemf(void **state)
{
	struct rig *g = *state;

	put(g, 1);
	assert_int_equal(keys(g, 1, 500), ERR_OK);
	assert_int_equal(g->n, 0); /* not before it is on disk */
	assert_int_equal(count(g, HI2_COUNT_KEYS), 0);
	commit(g);
	assert_int_equal(g->n, 1);
	told(g, 0, 1, 500);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 2);
	assert_int_equal(count(g, HI2_COUNT_WAITING), 2);
	assert_int_equal(count(g, HI2_COUNT_UNKNOWN_LEMF), 0);
	const uint64_t octets = count(g, HI2_COUNT_OCTETS);
	assert_int_equal(look_at(g), 2);
	is_record(g, 0, IRI_KEYS, "north", 0, IRI_ORIGINATING);
	is_record(g, 0, IRI_KEYS, "south", 0, IRI_ORIGINATING);
	assert_int_equal(octets, g->l.row[0].len + g->l.row[1].len);
}

/* Two of them, for `lemf` of to(), the other being told `other`. */
static struct msg_hi2_keys
sealed_for(unsigned lemf, enum hi2_keys_how other, uint64_t leg)
{
	static const uint8_t ids[] = {0xaa, 0xbb, 0xcc, 0xdd, 1, 0xaa, 0xbb,
	    0xcc, 0xdd, 2};
	struct msg_hi2_keys m = {.epoch = EPOCH, .to = to(leg)};

	m.how[lemf] = HI2_KEYS_SEALED;
	m.how[1 - lemf] = other;
	m.ids = view(ids, sizeof(ids));
	m.sealed[lemf] = view("\0\5first\0\6second", 15);
	if (other == HI2_KEYS_CLEAR)
		m.answer = make_answer(EPOCH);
	return m;
}

static void
is_sealed_record(const struct rig *g, unsigned i, const char *lemf,
    uint32_t sequence)
{
	const struct iri_key k[2] = {{.cs_id = 1,
					 .csb_id = 0xaabbccdd,
					 .sealed = str("first")},
	    {.cs_id = 2, .csb_id = 0xaabbccdd, .sealed = str("second")}};

	is_record_with(g, i, IRI_KEYS, lemf, sequence, IRI_ORIGINATING, k);
}

static void
each_lemf_gets_keys_as_it_is_said(void **state)
{
	struct rig *g = *state;
	struct msg_hi2_keys m;

	put(g, 1);
	m = sealed_for(0, HI2_KEYS_CLEAR, 500);
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_OK);
	m = sealed_for(1, HI2_KEYS_NONE, 501);
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_OK);
	m = sealed_for(0, HI2_KEYS_SEALED, 502);
	m.sealed[1] = m.sealed[0];
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_OK);
	commit(g);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 5);
	assert_int_equal(count(g, HI2_COUNT_NO_KEYS), 1);
	assert_int_equal(look_at(g), 6);
	is_sealed_record(g, 0, "north", 0);
	is_record(g, 0, IRI_KEYS, "south", 0, IRI_ORIGINATING);
	is_record(g, 1, IRI_NO_KEYS, "north", 1, IRI_ORIGINATING);
	is_sealed_record(g, 1, "south", 1);
	is_sealed_record(g, 2, "north", 2);
	is_sealed_record(g, 2, "south", 2);
}

static void
no_keys_and_sip_give_records_too(void **state)
{
	struct rig *g = *state;

	for (uint32_t t = 1; t <= 3; t++)
		put(g, t);
	assert_int_equal(refusal(g, 1, 5), ERR_OK);
	assert_int_equal(order(g, 2, 5, X2_ASK_NO_KEYS), ERR_OK);
	assert_int_equal(order(g, 3, 5, X2_ASK_SIP), ERR_OK);
	commit(g);
	assert_int_equal(g->n, 3);
	told(g, 0, 1, 5);
	told(g, 1, 2, 5);
	told(g, 2, 3, 5);
	assert_int_equal(count(g, HI2_COUNT_NO_KEYS), 4);
	assert_int_equal(count(g, HI2_COUNT_SIP), 2);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 0);
	assert_int_equal(look_at(g), 6);
	is_record(g, 0, IRI_NO_KEYS, "north", 0, IRI_ORIGINATING);
	is_record(g, 1, IRI_NO_KEYS, "north", 1, IRI_ORIGINATING);
	is_record(g, 2, IRI_SIP, "north", 2, IRI_ORIGINATING);
	is_record(g, 2, IRI_SIP, "south", 2, IRI_ORIGINATING);
}

static void
the_direction_says_who_began(void **state)
{
	static const uint8_t directions[] = {2, 3, 0, 1, 255};
	static const enum iri_initiator want[] = {IRI_TERMINATING,
	    IRI_ORIGINATING, IRI_INITIATOR_NA, IRI_INITIATOR_NA,
	    IRI_INITIATOR_NA};
	struct rig *g = *state;

	for (uint32_t i = 0; i < 5; i++) {
		struct msg_content m = content();

		m.direction = directions[i];
		assert_int_equal(hi2_records_content(g->r, i, &m), ERR_OK);
		assert_int_equal(order(g, i, 1, X2_ASK_SIP), ERR_OK);
	}
	commit(g);
	assert_int_equal(look_at(g), 10);
	for (unsigned i = 0; i < 5; i++)
		is_record(g, i, IRI_SIP, "north", i, want[i]);
}

static void
each_warrant_of_a_ticket_has_its_record(void **state)
{
	struct rig *g = *state;

	put(g, 9);
	for (uint64_t leg = 1; leg <= 4; leg++)
		assert_int_equal(keys(g, 9, leg), ERR_OK);
	commit(g);
	assert_int_equal(g->n, 4);
	told(g, 3, 9, 4);
	assert_int_equal(look_at(g), 8);
}

static void
a_lemf_that_the_configuration_lacks_loses_nothing(void **state)
{
	struct rig *g = *state;
	struct msg_hi2_order m = {.epoch = EPOCH,
	    .kind = X2_ASK_SIP,
	    .to = to(1)};

	m.to.n_lemfs = 3;
	m.to.lemf[2] = str("west");
	put(g, 1);
	assert_int_equal(hi2_records_order(g->r, 1, &m, NOW), ERR_OK);
	commit(g);
	assert_int_equal(count(g, HI2_COUNT_UNKNOWN_LEMF), 1);
	assert_int_equal(look_at(g), 3);
	is_record(g, 0, IRI_SIP, "west", 0, IRI_ORIGINATING);
}

/* ---- doubles, and words for nothing ---- */

static void
the_same_leg_twice_is_stored_once(void **state)
{
	struct rig *g = *state;

	put(g, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(order(g, 1, 5, X2_ASK_NO_KEYS), ERR_OK);
	assert_int_equal(g->n, 0);
	commit(g);
	assert_int_equal(g->n, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(g->n, 2); /* told again, at once */
	told(g, 1, 1, 5);
	assert_int_equal(refusal(g, 1, 5), ERR_OK);
	assert_int_equal(g->n, 3);
	nothing_to_commit(g);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 2);
	assert_int_equal(look_at(g), 2);
}

static void
the_same_content_again_keeps_its_legs(void **state)
{
	struct rig *g = *state;

	put(g, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	commit(g);
	put(g, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(g->n, 2);
	nothing_to_commit(g);
	assert_int_equal(look_at(g), 2);
}

static void
a_word_without_content_is_dropped(void **state)
{
	struct rig *g = *state;
	struct msg_hi2_keys m = {.epoch = EPOCH + 1, .to = to(5)};

	assert_int_equal(keys(g, 1, 5), ERR_NOTFOUND);
	put(g, 1);
	assert_int_equal(keys(g, 2, 5), ERR_NOTFOUND);
	assert_int_equal(keys(g, 1 + CONTENTS_MAX, 5), ERR_NOTFOUND);
	m.answer = make_answer(EPOCH + 1);
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_NOTFOUND);
	hi2_records_gone(g->r, 2); /* not there either */
	hi2_records_gone(g->r, 1);
	assert_int_equal(keys(g, 1, 5), ERR_NOTFOUND);
	assert_int_equal(order(g, 1, 5, X2_ASK_SIP), ERR_NOTFOUND);
	nothing_to_commit(g);
	assert_int_equal(g->n, 0);
	assert_int_equal(look_at(g), 0);
}

static void
another_epoch_is_another_x2(void **state)
{
	struct rig *g = *state;
	struct msg_content m = content();

	put(g, 1);
	put(g, 2);
	m.epoch = EPOCH + 1;
	assert_int_equal(hi2_records_content(g->r, 3, &m), ERR_OK);
	assert_int_equal(keys(g, 1, 5), ERR_NOTFOUND);
	assert_int_equal(keys(g, 3, 5), ERR_NOTFOUND);
	put(g, 3); /* back: what was of the other has gone as well */
	assert_int_equal(keys(g, 2, 5), ERR_NOTFOUND);
	assert_int_equal(keys(g, 3, 5), ERR_OK);
	commit(g);
	assert_int_equal(look_at(g), 2);
}

static void
content_gone_before_the_commit_is_stored_all_the_same(void **state)
{
	struct rig *g = *state;

	put(g, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	hi2_records_gone(g->r, 1);
	commit(g);
	assert_int_equal(g->n, 1);
	told(g, 0, 1, 5);
	assert_int_equal(look_at(g), 2);
}

/* ---- what cannot be ---- */

static void
an_answer_that_is_none_is_refused(void **state)
{
	struct rig *g = *state;
	struct msg_hi2_keys m = {.epoch = EPOCH, .to = to(5)};
	const struct rd good = make_answer(EPOCH);

	put(g, 1);
	for (size_t len = 0; len < good.left; len++) {
		m.answer = view(good.p, len);
		assert_int_not_equal(hi2_records_keys(g->r, 1, &m, NOW),
		    ERR_OK);
	}
	m.answer = make_answer(EPOCH + 1);
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_MALFORMED);
	nothing_to_commit(g);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	commit(g);
	assert_int_equal(look_at(g), 2);
}

static void
what_fits_no_record_is_left_out_for_that_lemf_alone(void **state)
{
	struct rig *g = *state;
	struct msg_content m = content();

	m.sip = view(NULL, 0);
	assert_int_equal(hi2_records_content(g->r, 1, &m), ERR_OK);
	assert_int_equal(order(g, 1, 5, X2_ASK_SIP), ERR_UNSUPPORTED);
	assert_int_equal(order(g, 1, 5, X2_ASK_NO_KEYS), ERR_OK);
	/* north could say this time, south's UTCTime cannot. */
	m = content();
	m.seconds = 2524608000;
	assert_int_equal(hi2_records_content(g->r, 2, &m), ERR_OK);
	assert_int_equal(keys(g, 2, 5), ERR_OK);
	m.seconds = -1;
	assert_int_equal(hi2_records_content(g->r, 3, &m), ERR_OK);
	assert_int_equal(keys(g, 3, 5), ERR_UNSUPPORTED);
	commit(g);
	assert_int_equal(g->n, 2);
	assert_int_equal(count(g, HI2_COUNT_UNFIT), 1);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 1);
	assert_int_equal(look_at(g), 3);
	assert_int_equal(row_of(g, "north", 1)->sequence, 1);
}

/* ---- numbers that are not known to go on ---- */

static void
the_first_of_a_new_queue_comes_behind_a_reset(void **state)
{
	struct rig *g = *state;
	const struct look_row *reset;
	struct ps_pdu h;
	struct tri t;

	hi2_records_free(&g->r);
	spool_close(&g->spool);
	assert_int_equal(unlink(g->path), 0);
	open_rig(g, NOW - 5);
	put(g, 1);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(keys(g, 1, 6), ERR_OK);
	commit(g);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 4);
	assert_int_equal(count(g, HI2_COUNT_WAITING), 6);
	assert_int_equal(look_at(g), 6);
	is_record(g, 1, IRI_KEYS, "south", 0, IRI_ORIGINATING);
	is_record(g, 2, IRI_KEYS, "south", 1, IRI_ORIGINATING);
	reset = row_of(g, "south", 0);
	assert_int_equal(ps_pdu_read(view(reset->pdu, reset->len), &h), ERR_OK);
	assert_int_equal(h.kind, PS_TRI);
	assert_true(rd_is(&h.liid, "LIID-1", 6));
	assert_int_equal(h.cin, 0xff060708);
	assert_int_equal(tri_read(h.payload, &t), ERR_OK);
	assert_int_equal(t.kind, TRI_CIN_RESET);
}

/* ---- bounds ---- */

static void
no_more_tickets_than_the_bound(void **state)
{
	struct rig *g = *state;
	const struct msg_content m = content();

	for (uint32_t i = 0; i < CONTENTS_MAX; i++)
		put(g, 3 * i);
	assert_int_equal(hi2_records_content(g->r, 1, &m), ERR_TOOBIG);
	put(g, 0); /* one that is there is no more */
	hi2_records_gone(g->r, 3);
	assert_int_equal(hi2_records_content(g->r, 1, &m), ERR_OK);
	assert_int_equal(hi2_records_content(g->r, 2, &m), ERR_TOOBIG);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(keys(g, 3 * (CONTENTS_MAX - 1), 5), ERR_OK);
	assert_int_equal(keys(g, 3, 5), ERR_NOTFOUND);
	commit(g);
	assert_int_equal(g->n, 2);
}

static void
no_more_octets_than_the_bound(void **state)
{
	struct rig *g = *state;
	struct msg_content m = content(), small = content();
	uint8_t *sip = calloc(1, SIP_MAX + 1);
	uint32_t i;

	assert_non_null(sip);
	small.sip = view(sip, 1);
	m.sip = view(sip, SIP_MAX + 1);
	assert_int_equal(hi2_records_content(g->r, 0, &m), ERR_TOOBIG);
	m.sip = view(sip, SIP_MAX);
	for (i = 0; i < CONTENT_OCTETS_MAX / SIP_MAX; i++)
		assert_int_equal(hi2_records_content(g->r, i, &m), ERR_OK);
	assert_int_equal(hi2_records_content(g->r, i, &small), ERR_TOOBIG);
	assert_int_equal(hi2_records_content(g->r, 0, &m), ERR_OK);
	hi2_records_gone(g->r, 7);
	assert_int_equal(hi2_records_content(g->r, i, &small), ERR_OK);
	assert_int_equal(order(g, 1, 5, X2_ASK_SIP), ERR_OK); /* the longest */
	commit(g);
	free(sip);
	assert_int_equal(look_at(g), 2);
	assert_true(g->l.row[0].len > SIP_MAX);
}

static void
no_more_legs_than_the_bound(void **state)
{
	struct rig *g = *state;

	put(g, 1);
	for (uint64_t leg = 0; leg < CONTENT_LEGS_MAX; leg++)
		assert_int_equal(order(g, 1, leg, X2_ASK_SIP), ERR_OK);
	assert_int_equal(order(g, 1, 999, X2_ASK_SIP), ERR_TOOBIG);
	assert_int_equal(order(g, 1, 0, X2_ASK_SIP), ERR_OK);
	commit(g);
	assert_int_equal(g->n, CONTENT_LEGS_MAX);
	assert_int_equal(look_at(g), 2 * CONTENT_LEGS_MAX);
}

/* ---- a queue that fails ---- */

static bool failing;

static ssize_t
maybe_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (failing) {
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, p, n, at);
}

static void
hook_writes(bool on)
{
	sqlite3_vfs *v = sqlite3_vfs_find("unix");
	static const char *const names[] = {"pwrite64", "pwrite"};

	for (unsigned i = 0; i < 2; i++)
		(void)v->xSetSystemCall(v, names[i],
		    on ? (sqlite3_syscall_ptr)maybe_pwrite : NULL);
	failing = false;
}

static void
nothing_is_told_of_a_turn_that_failed(void **state)
{
	struct rig *g = *state;
	struct why why = {""};

	hook_writes(true);
	put(g, 1);
	put(g, 2);
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	commit(g);
	failing = true;
	assert_int_equal(keys(g, 2, 5), ERR_OK);
	assert_int_equal(keys(g, 1, 6), ERR_OK);
	assert_int_equal(hi2_records_commit(g->r, &why), ERR_FULL);
	assert_true(strlen(why.text) > 0);
	assert_int_equal(g->n, 1);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 2);
	assert_int_equal(count(g, HI2_COUNT_WAITING), 2);
	nothing_to_commit(g);
	failing = false;
	/* x2 asks again; what was stored before is still known. */
	assert_int_equal(keys(g, 1, 5), ERR_OK);
	assert_int_equal(g->n, 2);
	assert_int_equal(keys(g, 2, 5), ERR_OK);
	assert_int_equal(keys(g, 1, 6), ERR_OK);
	commit(g);
	assert_int_equal(g->n, 4);
	told(g, 2, 2, 5);
	told(g, 3, 1, 6);
	hook_writes(false);
	assert_int_equal(look_at(g), 6);
	is_record(g, 1, IRI_KEYS, "north", 1, IRI_ORIGINATING);
}

/* ---- keys in memory ---- */

/* The key of the search, never as it is: b ^ 0xa5 is what is compared. */
static uint8_t
masked(unsigned i)
{
	return (uint8_t)(0x31 + 7 * i);
}

static bool
is_key(const uint8_t *p)
{
	for (unsigned i = 0; i < 16; i++)
		if ((p[i] ^ 0xa5) != masked(i))
			return false;
	return true;
}

static unsigned
in_range(int mem, unsigned long from, unsigned long to_)
{
	static uint8_t buf[65536];
	unsigned found = 0;

	/* 15 octets of the piece before come again. */
	for (unsigned long at = from; at < to_; at += sizeof(buf) - 15) {
		const size_t want =
		    to_ - at < sizeof(buf) ? to_ - at : sizeof(buf);
		const ssize_t n = pread(mem, buf, want, (off_t)at);

		for (ssize_t i = 0; i + 16 <= n; i++)
			found += is_key(buf + i);
		explicit_bzero(buf, sizeof(buf));
	}
	return found;
}

/* How often the key is in memory that can be written. */
static unsigned
in_memory(void)
{
	const int mem = open("/proc/self/mem", O_RDONLY);
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to_;
	unsigned found = 0;
	char line[512], rights[8];

	assert_true(mem != -1 && maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &from, &to_, rights) == 3 &&
		    rights[0] == 'r' && rights[1] == 'w')
			found += in_range(mem, from, to_);
	assert_int_equal(fclose(maps), 0);
	assert_int_equal(close(mem), 0);
	return found;
}

static void
keys_do_not_stay_in_memory(void **state)
{
	static struct xk_get_keys_response k;
	struct rig *g = *state;
	struct msg_hi2_keys m = {.epoch = EPOCH, .to = to(5)};
	static uint8_t body[512];
	size_t len = 0;
	struct wr w;

	if (KW_SANITIZED) /* its memory is too large to be searched */
		skip();
	put(g, 1);
	put(g, 2);
	k = (struct xk_get_keys_response){.n_keys = 1};
	for (unsigned i = 0; i < 16; i++)
		k.key[0].session_key[i] = masked(i) ^ 0xa5;
	wr_init(&w, body, sizeof(body));
	msg_answer_put(&w, EPOCH, &k);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_true(in_memory() >= 2); /* the search finds them */
	explicit_bzero(&k, sizeof(k));
	m.answer = view(body, len);
	assert_int_equal(hi2_records_keys(g->r, 1, &m, NOW), ERR_OK);
	m.answer = view(body, len - 1);
	assert_int_not_equal(hi2_records_keys(g->r, 2, &m, NOW), ERR_OK);
	explicit_bzero(body, sizeof(body)); /* as the channel does */
	assert_int_equal(in_memory(), 0);
	commit(g);
	assert_int_equal(in_memory(), 0);
	assert_int_equal(look_at(g), 2);
}

static void
in_the_journal(struct rig *g, uint64_t epoch, uint32_t ticket, uint8_t mark)
{
	const struct msg_hi2_keys k = {.epoch = epoch,
	    .to = to(10),
	    .answer = make_answer(epoch)};
	struct msg_content m = content();

	m.epoch = epoch;
	m.call = 5;
	m.mark[0] = mark;
	assert_int_equal(hi2_records_content(g->r, ticket, &m), ERR_OK);
	assert_int_equal(hi2_records_keys(g->r, ticket, &k, NOW), ERR_OK);
}

/* However often an x2 starts anew and asks. */
static void
a_leg_that_is_done_in_the_journal_gets_no_other_record(void **state)
{
	struct rig *g = *state;
	struct spool_intake *t = NULL;
	struct why why = {""};

	assert_int_equal(spool_intake_new(g->spool, &t, &why), ERR_OK);
	hi2_records_journal(g->r, t);
	in_the_journal(g, EPOCH + 1, 1, 7);
	commit(g);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 2);
	in_the_journal(g, EPOCH + 2, 1, 7);
	in_the_journal(g, EPOCH + 2, 2, 7);
	in_the_journal(g, EPOCH + 2, 3, 8); /* another exchange */
	commit(g);
	/* Each is told that it is there. */
	assert_int_equal(g->n, 4);
	for (unsigned i = 0; i < g->n; i++)
		assert_int_equal(g->told[i].m.leg, 10);
	assert_int_equal(count(g, HI2_COUNT_KEYS), 4);
	spool_intake_free(&t);
	assert_int_equal(look_at(g), 4);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(keys_give_a_record_for_each_lemf),
	    TEST(each_lemf_gets_keys_as_it_is_said),
	    TEST(no_keys_and_sip_give_records_too),
	    TEST(the_direction_says_who_began),
	    TEST(each_warrant_of_a_ticket_has_its_record),
	    TEST(a_lemf_that_the_configuration_lacks_loses_nothing),
	    TEST(the_same_leg_twice_is_stored_once),
	    TEST(the_same_content_again_keeps_its_legs),
	    TEST(a_word_without_content_is_dropped),
	    TEST(another_epoch_is_another_x2),
	    TEST(content_gone_before_the_commit_is_stored_all_the_same),
	    TEST(an_answer_that_is_none_is_refused),
	    TEST(what_fits_no_record_is_left_out_for_that_lemf_alone),
	    TEST(the_first_of_a_new_queue_comes_behind_a_reset),
	    TEST(no_more_tickets_than_the_bound),
	    TEST(no_more_octets_than_the_bound),
	    TEST(no_more_legs_than_the_bound),
	    TEST(nothing_is_told_of_a_turn_that_failed),
	    TEST(keys_do_not_stay_in_memory),
	    TEST(a_leg_that_is_done_in_the_journal_gets_no_other_record),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
