/*
 * The journal of what x2 has taken in, both ends of it and what they say to
 * each other, while either process ends at any moment and the disk fails: what
 * hi2 has called stored comes back to the next x2 unless x2 has called it gone,
 * and what it has called gone and was answered does not; in order, each once,
 * of the call that it was told of last; no number on the disk is given twice.
 *
 * Input: acts, each u8 and what it needs: see do_one().
 */
#include <stdlib.h>
#include <string.h>

#include "appliance/hi2_intake.h"
#include "appliance/x2_intake.h"
#include "appliance/x2_replay.h"
#include "fuzz.h"

#define ROWS 512
#define ACTS 400
#define MOST 4096 /* octets in the table */

/* ---- in place of the table ---- */

struct row {
	uint64_t number, call;
	uint8_t first; /* octet of its PDU */
	size_t len;
};
struct table {
	unsigned n;
	struct row row[ROWS]; /* by number */
	uint64_t last;
};
static struct table now, on_disk;
static unsigned fail_in; /* writes until one fails; 0: none does */

static enum err
fails(struct why *why)
{
	if (fail_in == 0 || --fail_in > 0)
		return ERR_OK;
	return why_set(why, ERR_IO, "it was to fail");
}

static unsigned
place_of(const struct table *t, uint64_t number)
{
	unsigned i = 0;

	while (i < t->n && t->row[i].number < number)
		i++;
	return i;
}

static bool
has(const struct table *t, uint64_t number)
{
	const unsigned i = place_of(t, number);

	return i < t->n && t->row[i].number == number;
}

enum err
spool_intake_put(struct spool_intake *t, const struct msg_intake *m,
    struct why *why)
{
	const unsigned i = place_of(&now, m->number);

	(void)t;
	if (fails(why) != ERR_OK)
		return ERR_IO;
	MUST(now.n < ROWS);
	if (!has(&now, m->number)) {
		memmove(&now.row[i + 1], &now.row[i],
		    (now.n - i) * sizeof(now.row[0]));
		now.n++;
	}
	now.row[i] = (struct row){m->number, m->call, m->pdu.p[0], m->pdu.left};
	if (m->number > now.last)
		now.last = m->number;
	return ERR_OK;
}

enum err
spool_intake_gone(struct spool_intake *t, const struct msg_intake_gone *m,
    struct why *why)
{
	unsigned n = 0;

	(void)t;
	if (fails(why) != ERR_OK)
		return ERR_IO;
	for (unsigned i = 0; i < now.n; i++)
		if (now.row[i].call != m->call ||
		    (m->number != 0 && now.row[i].number != m->number))
			now.row[n++] = now.row[i];
	now.n = n;
	return ERR_OK;
}

void
spool_intake_end(struct spool_intake *t, bool stored)
{
	(void)t;
	if (stored)
		on_disk = now;
	else
		now = on_disk;
}

void
spool_intake_count(const struct spool_intake *t,
    struct spool_intake_counts *out)
{
	(void)t;
	*out = (struct spool_intake_counts){.rows = now.n};
	for (unsigned i = 0; i < now.n; i++)
		out->octets += now.row[i].len;
}

uint64_t
spool_intake_number(const struct spool_intake *t)
{
	(void)t;
	return now.last + 1;
}

enum err
spool_intake_read(struct spool_intake *t, uint64_t after, int64_t now_ms,
    struct msg_intake_back *out, uint64_t *key, struct msg_intake_gone *bad,
    struct why *why)
{
	static uint8_t pdu[256];
	const unsigned i = place_of(&now, after + 1);

	(void)t;
	(void)now_ms;
	(void)key;
	(void)bad;
	MUST(now.n == on_disk.n); /* between turns */
	if (i == now.n)
		return ERR_NOTFOUND;
	if (fails(why) != ERR_OK)
		return ERR_AGAIN; /* its data key is not open yet */
	pdu[0] = now.row[i].first;
	*out = (struct msg_intake_back){
	    .it = {.number = now.row[i].number, .call = now.row[i].call}};
	rd_init(&out->it.pdu, pdu, now.row[i].len);
	return ERR_OK;
}

/* ---- the plain reading ---- */

/* What was said of a number last, and by which act of which x2. */
struct said {
	uint64_t number, call, act;
	bool gone;
	bool by_this; /* x2 */
	uint8_t first;
};
static struct said said[ROWS];
static unsigned n_said;
static uint64_t most; /* number ever given */

static struct said *
said_of(uint64_t number)
{
	for (unsigned i = 0; i < n_said; i++)
		if (said[i].number == number)
			return &said[i];
	must_failed("a number that was given", __FILE__, __LINE__);
}

/* Of numbers that were never on disk nobody knows any more. */
static void
unsay(uint64_t from)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_said; i++)
		if (said[i].number < from)
			said[n++] = said[i];
	n_said = n;
	most = from - 1;
}

static void
say_gone(uint64_t call, uint64_t number, uint64_t act)
{
	for (unsigned i = 0; i < n_said; i++)
		if (said[i].call == call &&
		    (number == 0 || said[i].number == number)) {
			said[i].gone = true;
			said[i].by_this = true;
			said[i].act = act;
		}
}

/* All up to the act is so on the disk. */
static void
is_stored(uint64_t act)
{
	for (unsigned i = 0; i < n_said; i++) {
		const struct said *s = &said[i];
		const struct row *r;

		if (!s->by_this || s->act > act)
			continue;
		MUST(has(&on_disk, s->number) == !s->gone);
		if (s->gone)
			continue;
		r = &on_disk.row[place_of(&on_disk, s->number)];
		MUST(r->call == s->call && r->first == s->first);
	}
}

/* ---- the two ends ---- */

static struct x2_intake *x2;
static struct x2_replay *replay;
static struct hi2_intake *hi2;
static uint64_t stored; /* told to this x2 */
static bool full; /* the channel */
static int64_t ms;

static bool
to_hi2(void *ctx, uint16_t type, struct rd body)
{
	struct msg_intake_gone g;
	struct msg_intake m;
	enum err rc;

	(void)ctx;
	if (full)
		return false;
	if (type == MSG_INTAKE) {
		MUST(msg_intake_get(body, &m) == ERR_OK);
		rc = hi2_intake_take(hi2, &m, ms);
	} else {
		MUST(msg_intake_gone_get(body, &g) == ERR_OK);
		rc = hi2_intake_gone(hi2, &g, ms);
	}
	MUST(rc == ERR_OK);
	return true;
}

static void
on_stored(void *ctx, uint64_t act)
{
	(void)ctx;
	MUST(act > stored);
	stored = act;
	is_stored(act);
	MUST(x2_intake_stored(x2, act));
	MUST(x2_intake_is_stored(x2, act));
}

static bool
on_back(void *ctx, const struct msg_intake_back *m)
{
	struct msg_intake_back back;
	const size_t len = msg_intake_back_max(m);
	struct rd body;
	struct wr w;

	(void)ctx;
	if (full)
		return false;
	wr_init(&w, malloc(len), len);
	MUST(w.p != NULL);
	msg_intake_back_put(&w, m);
	MUST(w.rc == ERR_OK && w.len == len);
	rd_init(&body, w.p, len);
	MUST(msg_intake_back_get(body, &back) == ERR_OK);
	MUST(x2_replay_back(replay, &back) == ERR_OK);
	free(w.p);
	return true;
}

static bool
on_end(void *ctx, uint64_t number)
{
	(void)ctx;
	if (full)
		return false;
	MUST(number > on_disk.last);
	unsay(number);
	MUST(x2_replay_end(replay, number) == ERR_OK);
	x2_intake_start(x2, number);
	return true;
}

static enum err
on_key(void *ctx, uint64_t key, struct why *why)
{
	(void)ctx;
	(void)key;
	(void)why;
	return ERR_OK;
}

static const struct hi2_intake_ops ops = {on_stored, on_back, on_end, on_key};

static void
new_hi2(void)
{
	hi2_intake_free(&hi2);
	now = on_disk;
	MUST(hi2_intake_new(NULL, MOST, &ops, NULL, &hi2) == ERR_OK);
}

static void
new_x2(void)
{
	x2_intake_free(&x2);
	x2_replay_free(&replay);
	MUST(x2_intake_new(16, to_hi2, NULL, &x2) == ERR_OK);
	MUST(x2_replay_new(&replay) == ERR_OK);
	for (unsigned i = 0; i < n_said; i++)
		said[i].by_this = false;
	stored = 0;
}

/* ---- acts ---- */

static void
turn(bool commits)
{
	struct why why = {""};
	const enum err rc = hi2_intake_write(hi2, &why);

	ms += INTAKE_WRITE_MS;
	if (rc != ERR_AGAIN)
		hi2_intake_turn_end(hi2, rc == ERR_OK && commits, ms);
	MUST(hi2_intake_give(hi2, ms, &why) == ERR_OK);
}

static void
put(struct rd *in)
{
	const uint8_t what = take_u8(in);
	const uint64_t number = x2_intake_number(x2);
	struct said *of = n_said == 0 ? NULL : &said[what / 2 % n_said];
	uint8_t pdu[256] = {what};
	struct rd r;

	if (!x2_replay_over(replay) || !x2_intake_room(x2) || n_said == ROWS)
		return;
	if ((what & 1) == 0 || of == NULL || of->gone)
		of = NULL;
	rd_init(&r, pdu, 1 + what % 255);
	MUST(number > most);
	most = number;
	said[n_said++] = (struct said){.number = number,
	    .call = of == NULL ? number : of->call,
	    .act = x2_intake_last(x2) + 1,
	    .by_this = true,
	    .first = what};
	MUST(x2_intake_put(x2, INTAKE_CALL, of == NULL ? 0 : of->call, 0, r) ==
	    ERR_OK);
	MUST(x2_intake_number(x2) == number + 1);
}

static void
gone(struct rd *in)
{
	const uint8_t what = take_u8(in);
	struct calls_gone g = {.stored = 1};

	if (!x2_replay_over(replay) || n_said == 0)
		return;
	g.call = said[what / 2 % n_said].call;
	g.number = (what & 1) != 0 ? said[what / 2 % n_said].number : 0;
	say_gone(g.call, g.number, x2_intake_last(x2) + 1);
	MUST(x2_intake_gone(x2, &g) == ERR_OK);
}

/* One that has come back, as it was on the disk when it was asked for. */
static void
take_back(uint8_t what)
{
	const struct msg_intake *m = x2_replay_first(replay);
	struct said *s;

	if (m == NULL)
		return;
	s = said_of(m->number);
	MUST(m->pdu.p[0] == s->first);
	s->call = m->call;
	s->gone = s->by_this = false;
	if ((what & 1) != 0 && m->call > 1) {
		s->call--;
		s->act = x2_intake_last(x2) + 1;
		s->by_this = true;
		MUST(x2_intake_move(x2, m, s->call) == ERR_OK);
	}
	x2_replay_taken(replay);
}

static void
ask(void)
{
	uint64_t after;

	if (!x2_replay_wants(replay, &after))
		return;
	hi2_intake_more(hi2, after);
	x2_replay_asked(replay);
}

static void
x2_dies(void)
{
	is_stored(stored);
	full = false;
	new_x2();
	hi2_intake_x2_joined(hi2);
	x2_intake_hi2_joined(x2);
}

static void
hi2_dies(void)
{
	x2_intake_hi2_left(x2);
	x2_replay_hi2_left(replay);
	new_hi2();
	x2_intake_hi2_joined(x2);
}

static void
do_one(struct rd *in)
{
	switch (take_u8(in) % 10) {
	case 0:
	case 1:
		put(in);
		break;
	case 2:
		gone(in);
		break;
	case 3:
		turn(true);
		break;
	case 4:
		turn(false);
		break;
	case 5:
		fail_in = take_u8(in) % 16;
		break;
	case 6:
		hi2_dies();
		break;
	case 7:
		x2_dies();
		break;
	case 8:
		full = !full;
		x2_intake_tick(x2);
		break;
	default:
		ask();
		take_back(take_u8(in));
	}
}

/* Nothing fails any more: the next x2 has exactly what is on the disk. */
static void
finish(void)
{
	static struct table want;
	struct why why = {""};

	fail_in = 0;
	x2_dies();
	turn(true);
	MUST(hi2_intake_due(hi2, ms) == -1);
	want = on_disk;
	for (unsigned i = 0; !x2_replay_over(replay); i++) {
		MUST(i < 4 * ROWS);
		ask();
		MUST(hi2_intake_give(hi2, ms, &why) == ERR_OK);
		for (const struct msg_intake *m;
		     (m = x2_replay_first(replay)) != NULL;
		     x2_replay_taken(replay)) {
			MUST(want.n > 0 && want.row[0].number == m->number &&
			    want.row[0].call == m->call);
			memmove(&want.row[0], &want.row[1],
			    --want.n * sizeof(want.row[0]));
		}
	}
	MUST(want.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in;

	memset(&now, 0, sizeof(now));
	memset(&on_disk, 0, sizeof(on_disk));
	most = n_said = 0;
	fail_in = 0;
	full = false;
	ms = 0;
	new_hi2();
	new_x2();
	x2_intake_hi2_joined(x2);
	rd_init(&in, data, size);
	for (unsigned i = 0; i < ACTS && in.left > 0; i++)
		do_one(&in);
	finish();
	x2_intake_free(&x2);
	x2_replay_free(&replay);
	hi2_intake_free(&hi2);
	return 0;
}
