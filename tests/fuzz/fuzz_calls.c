/*
 * Intercepted calls.  One octet each of most_calls and of most_octets, then
 * commands of a few octets: a SIP message with up to three MIKEY messages, time
 * that passes, events fetched, exchanges asked for again.  Events come at most
 * once for an exchange, octets stay within the limit, views are of live memory;
 * what is to be kept is gone once, in the end all of it.
 */
#include <string.h>

#include "fuzz.h"
#include "hi2/calls.h"

#define MOST_EVENTS 4096

struct run {
	struct calls *t;
	struct calls_limits limits;
	int64_t now;
	unsigned n;
	uint64_t event[MOST_EVENTS]; /* handle and kind */
	bool fetches, slept; /* without fetching, some time */
	uint64_t number;
	unsigned n_kept;
	struct {
		uint64_t number, call;
		size_t stored;
	} kept[MOST_EVENTS];
};

static const char *const tags[] = {"", "a", "b", "c"};
static const char *const ids[] = {"1@h", "2@h", "3@h", "x"};

static struct rd
text(const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	return r;
}

/* Each octet is read, so that a sanitizer sees what is not there. */
static void
touch(struct rd v)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < v.left; i++)
		sum = (uint8_t)(sum + v.p[i]);
}

static void
look_at(const struct call_exchange_view *v)
{
	const struct rd all[] = {v->i1, v->r1, v->i2, v->r2, v->first_i1,
	    v->first_r1, v->first_i2, v->sip};

	MUST(v->handle != 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		touch(all[i]);
	MUST(v->update || v->first_i1.left + v->first_r1.left == 0);
}

static void
is_complete(const struct call_exchange_view *v)
{
	MUST(v->i1.left > 0 && v->r1.left > 0);
	MUST(v->update ? v->first_i1.left > 0 : v->i2.left > 0);
	MUST(v->sip.left > 0);
}

static void
fetch(struct run *r)
{
	struct call_exchange_view v;
	enum call_event_kind kind;

	while (calls_next(r->t, &kind, &v) == ERR_OK) {
		const uint64_t event = v.handle << 1 | (unsigned)kind;

		look_at(&v);
		if (kind == CALL_KEYS_DUE)
			is_complete(&v);
		for (unsigned i = 0; i < r->n; i++)
			MUST(r->event[i] != event);
		if (r->n < MOST_EVENTS)
			r->event[r->n++] = event;
	}
}

/* The octets of a message are what is known of it. */
static void
make_mikey(struct rd *in, struct mikey_seen *m)
{
	const struct rd from = *in;
	const uint8_t what = take_u8(in), when = take_u8(in), who = take_u8(in);

	(void)take_u8(in); /* makes it another */
	rd_init(&m->octets, from.p, from.left - in->left);
	m->sound = (what & 0x80) == 0;
	m->type = (uint8_t)(22 + (what & 3));
	if ((what & 0x7c) == 0x7c)
		m->type = what;
	m->csb_id = when & 3;
	m->ts = when >> 2 & 7;
	m->ts_type = when >> 5 & 1;
	m->update = (who & 1) != 0 && m->type <= 23;
	m->has_ibake = (who & 2) != 0;
	m->has_esk = (who & 4) != 0;
	m->idrr = text(tags[who >> 3 & 3]);
}

static void
drop_kept(struct run *r, const struct calls_gone *g)
{
	size_t stored = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_kept; i++)
		if (r->kept[i].call == g->call &&
		    (g->number == 0 || r->kept[i].number == g->number))
			stored += r->kept[i].stored;
		else
			r->kept[n++] = r->kept[i];
	MUST(g->number == 0 || n == r->n_kept - 1);
	MUST(stored == g->stored);
	r->n_kept = n;
}

/* Not counted are those of calls that have gone and are not told of yet. */
static void
kept_are_counted(struct run *r)
{
	struct calls_gone g;
	size_t stored = 0;

	while (calls_gone(r->t, &g) == ERR_OK)
		drop_kept(r, &g);
	for (unsigned i = 0; i < r->n_kept; i++)
		stored += r->kept[i].stored;
	MUST(calls_count(r->t).stored <= stored);
}

static void
keep(struct run *r, const struct sip_seen *s, const struct calls_took *took)
{
	if (!took->kept)
		return;
	MUST(took->call != 0 && r->n_kept < MOST_EVENTS);
	r->kept[r->n_kept].number = s->number;
	r->kept[r->n_kept].call = took->call;
	r->kept[r->n_kept++].stored = s->stored;
}

static void
put(struct run *r, struct rd *in, uint8_t command)
{
	static const uint16_t status[] = {0, 183, 200, 486};
	struct mikey_seen m[3] = {{.sound = false}};
	const uint8_t what = take_u8(in), who = take_u8(in);
	struct sip_event e = {.status = status[what & 3],
	    .method = (enum sip_method)((what >> 2) % (SIP_UPDATE + 1)),
	    .cseq = what >> 5,
	    .from_tag = text(tags[who & 3]),
	    .to_tag = text(tags[who >> 2 & 3]),
	    .call_id = text(ids[who >> 4 & 3])};
	struct sip_seen s = {.xid = {who >> 6},
	    .sip = text("INVITE sip:b@h SIP/2.0\r\n\r\n"),
	    .event = &e,
	    .mikey = m,
	    .number = ++r->number,
	    .stored = 100 + what};
	struct calls_took took;
	enum err rc;

	/* None is empty: an empty view says that there is no message. */
	for (unsigned i = 0; i < (command & 3) && in->left > 0; i++)
		make_mikey(in, &m[s.n_mikey++]);
	s.sip = own_copy(s.sip);
	rc = calls_put(r->t, &s, r->now, &took);
	own_free(&s.sip);
	MUST(rc == ERR_OK || rc == ERR_FULL);
	keep(r, &s, &took);
}

static void
ask_again(struct run *r, uint8_t which)
{
	const uint8_t xid[CALLS_XID] = {which & 3};
	struct call_exchange_view v, same;
	uint64_t at = 0, was = 0;

	while (calls_established(r->t, xid, &at, &v) == ERR_OK) {
		MUST(at == v.handle && at > was);
		was = at;
		look_at(&v);
		is_complete(&v);
		MUST(calls_exchange(r->t, at, &same) == ERR_OK);
		MUST(same.handle == at && rd_equal(&v.r1, &same.r1));
	}
	MUST(at == was);
	if (which < r->n &&
	    calls_exchange(r->t, r->event[which] >> 1, &v) == ERR_OK)
		look_at(&v);
}

static void
bounds(const struct run *r)
{
	const struct calls_counts c = calls_count(r->t);

	MUST(c.octets <= r->limits.most_octets);
	MUST(c.stored <= r->limits.most_stored);
	MUST(c.calls <= r->limits.most_calls);
	MUST(calls_due(r->t, r->now) >= -1);
	if (!r->slept)
		MUST(c.lost == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[CALLS_KEY] = {1};
	static struct run r;
	struct rd in;

	rd_init(&in, data, size < 4096 ? size : 4096);
	r = (struct run){.fetches = true};
	r.limits = (struct calls_limits){.most_calls = 1 + take_u8(&in) % 8,
	    .most_octets = 80000 + (size_t)take_u8(&in) * 1000,
	    .most_stored = 3000,
	    .idle_ms = 1000000,
	    .linger_ms = 3000,
	    .wait_ms = 1000};
	MUST(calls_new(&r.limits, key, &r.t) == ERR_OK);
	while (in.left > 0) {
		const uint8_t command = take_u8(&in);

		if (command < 0xc0)
			put(&r, &in, command);
		else if (command < 0xe0)
			r.now += (int64_t)(command & 31) * 100;
		else if (command < 0xf0)
			r.now += (int64_t)(command & 15) * 1000;
		else if (command < 0xf8)
			ask_again(&r, take_u8(&in));
		else
			r.fetches = command & 1;
		if (command >= 0xc0)
			calls_tick(r.t, r.now);
		if (r.fetches)
			fetch(&r);
		kept_are_counted(&r);
		r.slept |= !r.fetches;
		bounds(&r);
	}
	/* Nothing is left when all have been silent. */
	r.now += r.limits.idle_ms;
	do {
		calls_tick(r.t, r.now);
		fetch(&r);
	} while (calls_due(r.t, r.now) == 0);
	MUST(calls_count(r.t).calls == 0 && calls_due(r.t, r.now) == -1);
	calls_tick(r.t, r.now);
	kept_are_counted(&r);
	MUST(r.n_kept == 0);
	calls_free(&r.t);
	return 0;
}
