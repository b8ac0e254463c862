/*
 * What x2, policy and workers say to keywarden-hi2 of some tickets, in any
 * order, with a queue that fails now and then, against a plain reading of what
 * must come of it: of a ticket and leg at most one record for each LEMF, on
 * disk for all of them or for none; told only when it is there; a word before
 * its content waits for it; no octet of a key stays behind.
 *
 * Input: acts, each u8 and what it needs: see do_one().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_proc.h"
#include "fuzz.h"
#include "hi2/iri.h"
#include "hi2_peers_queue.h"

#define TICKETS 4
#define LEGS 4
#define LEMFS 3
#define ACTS 512
#define FIRST_OF_2050 2524608000 /* no UTCTime says it: that of "etsi" does */

static struct hi2 hi2;
static uint64_t epoch = 1; /* x2's; another one in each run */

/* ---- the plain reading ---- */

struct word {
	bool waits; /* for its content */
	uint32_t ticket, leg;
	uint64_t epoch;
	enum { OF_KEYS, OF_REFUSAL, OF_NO_KEYS, OF_SIP } kind;
	unsigned n_lemfs;
};

static struct {
	uint64_t epoch;
	struct seen {
		uint32_t name; /* 0: none is there; else as no other */
		bool fits, fits_sip;
		enum leg_state leg[LEGS];
	} content[TICKETS];
	uint32_t names;
	struct word parked[ACTS];
	unsigned n_parked;
	/* of the turn */
	struct in_turn {
		struct word w;
		uint32_t name;
	} turn[ACTS];
	unsigned n_turn, fail_in; /* as the queue's */
	bool failed;
	/* what must be told */
	struct in_turn tell[ACTS];
	unsigned n_tell;
} plain;

static bool
fails_now(void)
{
	return plain.fail_in > 0 && --plain.fail_in == 0;
}

static void
read_word(const struct word *w)
{
	struct seen *c = &plain.content[w->ticket];

	if (w->epoch != plain.epoch || c->name == 0) {
		plain.parked[plain.n_parked] = *w;
		plain.parked[plain.n_parked++].waits = true;
		return;
	}
	if (c->leg[w->leg] == LEG_STORED)
		plain.tell[plain.n_tell++] = (struct in_turn){*w, c->name};
	if (c->leg[w->leg] != LEG_NONE || plain.failed ||
	    !(w->kind == OF_SIP ? c->fits_sip : c->fits))
		return;
	c->leg[w->leg] = LEG_IN_TURN;
	plain.turn[plain.n_turn++] = (struct in_turn){*w, c->name};
	for (unsigned i = 0; i < w->n_lemfs && !plain.failed; i++)
		plain.failed = fails_now() || fails_now();
}

static void
read_content(uint32_t ticket, bool fits, bool has_sip)
{
	struct seen *c = &plain.content[ticket];

	if (plain.epoch != epoch)
		memset(plain.content, 0, sizeof(plain.content));
	plain.epoch = epoch;
	if (c->name == 0)
		c->name = ++plain.names;
	c->fits = fits;
	c->fits_sip = fits && has_sip;
}

/* Words that have waited for it; those of another x2 are forgotten. */
static void
read_parked(uint32_t ticket)
{
	for (unsigned i = 0; i < plain.n_parked; i++) {
		struct word *w = &plain.parked[i];

		if (!w->waits || w->ticket != ticket)
			continue;
		w->waits = false;
		if (w->epoch == plain.epoch)
			read_word(w);
	}
}

/* What must be told is told in the same call. */
static enum err
read_commit(void)
{
	bool stored;

	if (plain.n_turn == 0)
		return ERR_AGAIN;
	stored = !plain.failed && !fails_now();
	for (unsigned i = 0; i < plain.n_turn; i++) {
		const struct in_turn *t = &plain.turn[i];
		struct seen *c = &plain.content[t->w.ticket];

		if (c->name == t->name && c->leg[t->w.leg] == LEG_IN_TURN)
			c->leg[t->w.leg] = stored ? LEG_STORED : LEG_NONE;
		if (stored)
			plain.tell[plain.n_tell++] = *t;
	}
	plain.n_turn = 0;
	plain.failed = false;
	return stored ? ERR_OK : ERR_IO;
}

/* ---- what it says ---- */

static void
on_stored(void *ctx, uint32_t ticket, const struct msg_stored *m)
{
	(void)ctx;
	for (unsigned i = 0; i < plain.n_tell; i++) {
		struct in_turn *t = &plain.tell[i];

		if (t->w.ticket != ticket || t->w.leg != m->leg ||
		    t->w.epoch != m->epoch || t->name == 0)
			continue;
		MUST(stand_rows_of(t->name, t->w.leg) == t->w.n_lemfs);
		t->name = 0; /* told */
		return;
	}
	must_failed("what is told is so", __FILE__, __LINE__);
}

/* Where keys were: in front of the record that is made of them. */
static void
no_key_stays(void)
{
	static const uint8_t tek[16] = {0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5,
	    0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5};
	const size_t before = sizeof(struct xk_get_keys_response) +
	    2 * MAX_CS * sizeof(struct iri_key);

	if (stand.pdu.left > 0)
		MUST(memmem(stand.pdu.p - before, before + stand.pdu.left, tek,
			 sizeof(tek)) == NULL);
}

/* ---- messages ---- */

static uint8_t body[MAX_IPC_BODY];

static enum err
give(const struct peer_ops *ops, uint16_t type, uint32_t ticket, size_t len)
{
	struct ipc_frame f = {.type = type, .id = ticket};
	uint8_t *copy = malloc(len + 1);
	enum err rc;

	MUST(copy != NULL);
	memcpy(copy, body, len);
	rd_init(&f.body, copy, len);
	rc = ipc_dispatch(ops->table, ops->n_rules, 1, &hi2, &f);
	free(copy);
	return rc;
}

static struct rd
text(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

static struct destination
destination(const struct word *w)
{
	static const char *const lemf[LEMFS] = {"F0", "F1", "F2"};
	static const char *const liid[LEGS] = {"L0", "L1", "L2", "L3"};
	struct destination d = {.leg = w->leg,
	    .liid = text(liid[w->leg]),
	    .n_lemfs = w->n_lemfs,
	    .n_targets = 1,
	    .target = {text("sip:a@example.org")}};

	for (unsigned i = 0; i < w->n_lemfs; i++)
		d.lemf[i] = text(lemf[i]);
	return d;
}

static struct rd
keys(uint64_t of, unsigned n)
{
	static struct xk_get_keys_response k;
	static uint8_t octets[32768];
	struct rd r;
	struct wr w;

	k.n_keys = n;
	for (unsigned i = 0; i < n; i++)
		memset(k.key[i].session_key, 0xa5,
		    sizeof(k.key[i].session_key));
	wr_init(&w, octets, sizeof(octets));
	msg_answer_put(&w, of, &k);
	MUST(w.rc == ERR_OK);
	rd_init(&r, octets, w.len);
	return r;
}

/* Some LEMFs, by the bits of `sealed`, have them sealed. */
static void
give_keys(struct msg_hi2_keys *k, unsigned n, unsigned sealed)
{
	static uint8_t ids[4 * HI2_CS_ID_LEN], run[4 * 4];
	bool clear = false, any = false;

	for (unsigned i = 0; i < k->to.n_lemfs; i++) {
		const bool is = (sealed >> i & 1) != 0;

		k->how[i] = is ? HI2_KEYS_SEALED : HI2_KEYS_CLEAR;
		clear |= !is;
		any |= is;
		rd_init(&k->sealed[i], run, is ? n * 4 : 0);
	}
	for (unsigned i = 0; i < n; i++)
		memcpy(run + 4 * i, "\0\2ab", 4);
	if (clear)
		k->answer = keys(k->epoch, n);
	rd_init(&k->ids, ids, any ? n * HI2_CS_ID_LEN : 0);
}

static void
give_word(const struct word *w, unsigned n_keys, unsigned sealed)
{
	struct msg_hi2_keys k = {.epoch = w->epoch, .to = destination(w)};
	struct msg_hi2_order o = {.epoch = w->epoch,
	    .kind = w->kind == OF_SIP ? X2_ASK_SIP : X2_ASK_NO_KEYS,
	    .to = destination(w)};
	const bool order = w->kind == OF_SIP || w->kind == OF_NO_KEYS;
	struct wr at;

	wr_init(&at, body, sizeof(body));
	if (order) {
		msg_hi2_order_put(&at, &o);
	} else {
		k.reason = w->kind == OF_KEYS ? XK_GRANTED : XK_MALFORMED;
		if (w->kind == OF_KEYS)
			give_keys(&k, n_keys, sealed);
		msg_hi2_keys_put(&at, &k);
	}
	MUST(at.rc == ERR_OK);
	read_word(w);
	MUST(give(order ? &hi2_policy_ops : &hi2_hsm_ops,
		 order ? MSG_HI2_ORDER : MSG_HI2_KEYS, w->ticket,
		 at.len) == ERR_OK);
}

/* ---- acts ---- */

static void
do_word(struct rd *in)
{
	const uint8_t what = take_u8(in), who = take_u8(in);
	const uint32_t leg = who / TICKETS % LEGS;
	const struct word w = {.ticket = who % TICKETS,
	    .leg = leg,
	    .epoch = epoch - (what >> 7), /* of an x2 that has gone */
	    .kind = what % 4,
	    .n_lemfs = 1 + leg % LEMFS};

	give_word(&w, 1 + (what >> 2) % 4, what >> 4 & 7);
}

static void
do_content(struct rd *in)
{
	static const int64_t times[4] = {0, FIRST_OF_2050 - 1, -1, INT64_MAX};
	const uint8_t what = take_u8(in);
	const uint32_t ticket = what % TICKETS;
	const int64_t seconds = times[(what >> 2) % 4];
	struct msg_content m = {.epoch = epoch,
	    .seconds = seconds,
	    .direction = what >> 6};
	struct wr w;

	rd_init(&m.sip, "INVITE ", (what >> 4) % 4);
	read_content(ticket,
	    seconds >= 0 && seconds<FIRST_OF_2050, m.sip.left> 0);
	wr_init(&w, m.correlation + 4, 4);
	wr_u32(&w, plain.content[ticket].name);
	wr_init(&w, body, sizeof(body));
	msg_content_put(&w, &m);
	read_parked(ticket);
	MUST(give(&hi2_x2_ops, MSG_CONTENT, ticket, w.len) == ERR_OK);
}

static void
do_gone(struct rd *in)
{
	const uint32_t ticket = take_u8(in) % TICKETS;

	memset(&plain.content[ticket], 0, sizeof(plain.content[ticket]));
	MUST(give(&hi2_x2_ops, MSG_CONTENT_GONE, ticket, 0) == ERR_OK);
}

static void
do_commit(void)
{
	struct why why = {""};
	const enum err want = read_commit();

	MUST(hi2_records_commit(hi2.records, &why) == want);
}

static void
do_one(struct rd *in)
{
	switch (take_u8(in) % 8) {
	case 0:
	case 1:
		do_content(in);
		break;
	case 2:
	case 3:
		do_word(in);
		break;
	case 4:
		do_gone(in);
		break;
	case 5:
		do_commit();
		break;
	case 6:
		stand.fail_in = plain.fail_in = take_u8(in) % 16;
		break;
	default:
		epoch++; /* another x2 */
	}
}

static void
start(void)
{
	static const struct hi2_settings none;
	struct why why = {""};

	if (hi2.records != NULL)
		return;
	MUST(hi2_profiles_read(&none, &hi2.profiles, &why) == ERR_OK);
	MUST(hi2_records_new(NULL, &hi2.profiles, on_stored, NULL,
		 &hi2.records) == ERR_OK);
}

static void
finish(void)
{
	struct parked_word w;

	stand.fail_in = plain.fail_in = 0;
	do_commit();
	for (unsigned i = 0; i < plain.n_tell; i++)
		MUST(plain.tell[i].name == 0); /* all of it was told */
	for (uint32_t t = 0; t < TICKETS; t++)
		while (parked_take(&hi2.parked, t, &w))
			secret_free(&w.body);
	MUST(hi2.parked.n == 0 && hi2.parked.octets == 0);
	for (uint32_t t = 0; t < TICKETS; t++)
		hi2_records_gone(hi2.records, t);
	epoch += 2; /* no word of this run is one of the next */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in;

	start();
	memset(&plain, 0, sizeof(plain));
	stand.n = stand.fail_in = 0;
	rd_init(&in, data, size);
	for (unsigned i = 0; i < ACTS / 4 && in.left > 0; i++) {
		do_one(&in);
		no_key_stays();
	}
	finish();
	return 0;
}
