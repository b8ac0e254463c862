/* The queue: records go out of it. */
#include <sys/stat.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hi2_spool.h"
#include "help.h"
#include "spool_look.h"

#define NOW 1800000000
#define DAY 86400

static struct spool_key key;
static const uint8_t kms[QUEUE_DIGEST_LEN] = {1, 2, 3};

struct rig {
	char dir[64], path[96];
	struct spool *s;
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
open_at(struct rig *g, const char *path, const char *machine, int64_t now)
{
	const struct spool_config c = {.path = path,
	    .spki = spool_key_spki(&key),
	    .kms = kms,
	    .machine = str(machine),
	    .now = now};
	struct why why = {""};

	spool_close(&g->s);
	if (spool_open(&c, &g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
open_again(struct rig *g)
{
	open_at(g, g->path, "m", 0);
}

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-out-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	open_again(g);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	spool_close(&g->s);
	folder_remove(g->dir);
	free(g);
	return 0;
}

/* ---- in ---- */

static void
commit(struct rig *g)
{
	struct why why = {""};

	if (spool_commit(g->s, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static struct spool_place
place(struct rig *g, const char *lemf, uint32_t cin, int64_t now)
{
	struct spool_place p;
	struct why why = {""};

	if (spool_place(g->s, str(lemf), str("L1"), cin, now, &p, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	return p;
}

static void
put(struct rig *g, const struct spool_place *p, const char *pdu)
{
	struct why why = {""};

	if (spool_put(g->s, p, str(pdu), &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* Says its number. */
static void
add(struct rig *g, const char *lemf, int64_t now)
{
	const struct spool_place p = place(g, lemf, 1, now);
	char pdu[40];

	(void)snprintf(pdu, sizeof(pdu), "%s %03u", lemf,
	    (unsigned)p.row.number);
	put(g, &p, pdu);
}

static void
fill(struct rig *g, const char *lemf, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add(g, lemf, NOW + i);
	commit(g);
}

/* ---- out ---- */

struct taken {
	const char *lemf;
	uint64_t next;
	unsigned n, most;
};

static bool
take(void *ctx, uint64_t number, struct rd pdu)
{
	struct taken *t = ctx;
	char want[40];

	if (t->n == t->most)
		return false;
	assert_true(number >= t->next);
	(void)snprintf(want, sizeof(want), "%s %03u", t->lemf,
	    (unsigned)number);
	assert_true(rd_is(&pdu, want, strlen(want)));
	t->next = number + 1;
	t->n++;
	return true;
}

static unsigned
index_of(struct rig *g, const char *lemf)
{
	unsigned i = 0;

	assert_int_equal(spool_find(g->s, str(lemf), &i), ERR_OK);
	return i;
}

/* What comes of reading from a number on; how many were taken. */
static enum err
read_from(struct rig *g, const char *lemf, struct spool_reading *r,
    unsigned most, unsigned take_most, unsigned *n)
{
	struct taken t = {.lemf = lemf, .next = r->next, .most = take_most};
	struct why why = {""};
	enum err rc;

	r->lemf = index_of(g, lemf);
	rc = spool_read(g->s, r, most, 1000, take, &t, &why);
	*n = t.n;
	return rc;
}

static void
reads(struct rig *g, const char *lemf, uint64_t from, unsigned want,
    uint64_t next)
{
	struct spool_reading r = {.next = from};
	unsigned n = 0;

	assert_int_equal(read_from(g, lemf, &r, 1000, 1000, &n), ERR_OK);
	assert_int_equal(n, want);
	assert_int_equal(r.next, next);
}

static void
stands(struct rig *g, const char *lemf, uint64_t records, uint64_t delivered,
    uint64_t dropped, uint64_t damaged)
{
	struct spool_lemf l;

	assert_true(spool_lemf(g->s, index_of(g, lemf), &l));
	assert_int_equal(l.records, records);
	assert_int_equal(l.octets, records * 9);
	assert_int_equal(l.delivered, delivered);
	assert_int_equal(l.dropped, dropped);
	assert_int_equal(l.damaged, damaged);
	assert_int_equal(l.next, records + delivered + dropped + damaged);
}

static uint64_t
gone(struct rig *g, const char *lemf, uint64_t from, uint64_t upto,
    enum spool_fate fate)
{
	struct spool_extent e = {0};
	struct why why = {""};

	if (spool_remove(g->s, index_of(g, lemf), from, upto, fate, &e, &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(e.octets, 9 * e.records);
	return e.records;
}

/* As the token does it. */
static void
unwrap(struct rig *g, uint64_t id)
{
	uint8_t wrapped[QUEUE_WRAPPED_MAX], octets[QUEUE_KEY_LEN];
	struct why why = {""};
	size_t len = 0;

	assert_int_equal(spool_key_wrapped(g->s, id, wrapped, &len, &why),
	    ERR_OK);
	spool_key_unwrap(&key, wrapped, len, octets);
	assert_int_equal(spool_key_put(g->s, id, view(octets, sizeof(octets)),
			     1000),
	    ERR_OK);
}

static void
holds(struct rig *g, unsigned n, unsigned n_keys)
{
	struct look l;

	spool_close(&g->s);
	look(g->path, &key, &l);
	assert_int_equal(l.n, n);
	assert_int_equal(l.n_keys, n_keys);
	look_done(&l);
}

/* ---- reading ---- */

static void
records_are_read_in_order_and_no_others(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	unsigned n = 0;

	for (unsigned i = 0; i < 20; i++) {
		add(g, "north", NOW);
		add(g, "south", NOW);
	}
	reads(g, "north", 0, 0, 0); /* nothing is there before the commit */
	commit(g);
	reads(g, "north", 0, 20, 20);
	reads(g, "south", 7, 13, 20);
	reads(g, "south", 20, 0, 20);
	add(g, "north", NOW); /* of a turn that is not over */
	reads(g, "north", 19, 1, 20);
	spool_give_up(g->s);
	assert_int_equal(read_from(g, "north", &r, 6, 1000, &n), ERR_OK);
	assert_int_equal(n, 6);
	assert_int_equal(r.next, 6);
	assert_int_equal(read_from(g, "north", &r, 6, 2, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(r.next, 8);
	holds(g, 40, 1);
}

static void
what_another_life_has_sealed_needs_its_key(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	unsigned n = 0;

	fill(g, "north", 5);
	open_again(g);
	fill(g, "north", 5);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_AGAIN);
	assert_int_equal(n, 0);
	assert_int_equal(r.next, 0);
	assert_int_equal(r.key, 1);
	reads(g, "north", 5, 5, 10);
	unwrap(g, 1);
	reads(g, "north", 0, 10, 10);
	/* Not used for so long: it has to be unwrapped again. */
	spool_keys_idle(g->s, 1000 + SPOOL_KEY_IDLE_MS - 1);
	reads(g, "north", 0, 10, 10);
	spool_keys_idle(g->s, 1000 + SPOOL_KEY_IDLE_MS);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_AGAIN);
}

static void
a_key_that_is_changed_stays_for_a_moment(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	unsigned n = 0;

	fill(g, "north", 3);
	reads(g, "north", 0, 3, 3);
	spool_change_key(g->s);
	fill(g, "north", 3);
	reads(g, "north", 0, 6, 6);
	spool_keys_idle(g->s, 1000 + SPOOL_KEY_IDLE_MS);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_AGAIN);
	assert_int_equal(r.key, 1);
	reads(g, "north", 3, 3, 6);
}

static void
only_a_few_keys_are_open(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	unsigned n = 0;

	for (unsigned i = 0; i < SPOOL_KEYS_OPEN + 2; i++) {
		open_again(g);
		fill(g, "north", 1);
	}
	open_again(g);
	for (uint64_t i = 1; i <= SPOOL_KEYS_OPEN + 2; i++)
		unwrap(g, i);
	reads(g, "north", 2, SPOOL_KEYS_OPEN, SPOOL_KEYS_OPEN + 2);
	assert_int_equal(read_from(g, "north", &r, 1, 1, &n), ERR_AGAIN);
	assert_int_equal(spool_key_put(g->s, 1, str("too short"), 0),
	    ERR_MALFORMED);
}

/* ---- removing ---- */

static void
what_is_delivered_goes_with_its_counts(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10);
	fill(g, "south", 4);
	assert_int_equal(gone(g, "north", 0, 6, SPOOL_DELIVERED), 7);
	stands(g, "north", 10, 0, 0, 0); /* not before the commit */
	spool_give_up(g->s);
	reads(g, "north", 0, 10, 10);
	assert_int_equal(gone(g, "north", 0, 6, SPOOL_DELIVERED), 7);
	assert_int_equal(gone(g, "north", 8, 8, SPOOL_DROPPED), 1);
	assert_int_equal(gone(g, "north", 0, 6, SPOOL_DELIVERED), 0);
	commit(g);
	stands(g, "north", 2, 7, 1, 0);
	stands(g, "south", 4, 0, 0, 0);
	reads(g, "north", 0, 2, 10);
	open_again(g);
	stands(g, "north", 2, 7, 1, 0);
	assert_int_equal(gone(g, "north", 0, 100, SPOOL_DELIVERED), 2);
	commit(g);
	stands(g, "north", 0, 9, 1, 0);
	holds(g, 4, 1);
}

static void
records_come_and_go_in_one_turn(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 10);
	add(g, "north", NOW);
	assert_int_equal(gone(g, "north", 0, 9, SPOOL_DELIVERED), 10);
	add(g, "north", NOW);
	commit(g);
	stands(g, "north", 2, 10, 0, 0);
	reads(g, "north", 0, 2, 12);
	holds(g, 2, 1);
}

static void
keys_go_with_the_last_row_that_needs_them(void **state)
{
	struct rig *g = *state;

	for (unsigned i = 0; i < 3; i++) {
		open_again(g);
		fill(g, "north", 3);
	}
	/* The whole of the first, a part of the second. */
	assert_int_equal(gone(g, "north", 0, 4, SPOOL_DELIVERED), 5);
	commit(g);
	open_again(g);
	fill(g, "north", 1);
	holds(g, 5, 3);
}

/* ---- what does not open ---- */

static void
a_row_that_was_changed_is_set_aside(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	struct spool_extent e;
	struct why why = {""};
	unsigned n = 0;

	fill(g, "north", 6);
	spool_close(&g->s);
	look_exec(g->path, "UPDATE records SET cin = 9 WHERE place & 1023 = 2");
	open_again(g);
	unwrap(g, 1);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_CRYPTO);
	assert_int_equal(n, 2);
	assert_int_equal(r.next, 2);
	assert_int_equal(spool_damage(g->s, &r, &e, &why), ERR_OK);
	assert_int_equal(e.upto, 2);
	assert_int_equal(gone(g, "north", 2, e.upto, SPOOL_DAMAGED), 1);
	commit(g);
	stands(g, "north", 5, 0, 0, 1);
	reads(g, "north", r.next, 3, 6);
	/* It and its key stay, for whoever may open it. */
	assert_int_equal(gone(g, "north", 0, 9, SPOOL_DELIVERED), 5);
	add(g, "north", NOW);
	commit(g);
	holds(g, 1, 2);
}

static void
what_is_under_a_lost_key_is_set_aside_together(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	struct spool_extent e;
	struct why why = {""};
	unsigned n = 0;

	fill(g, "north", 5);
	open_again(g);
	fill(g, "north", 2);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_AGAIN);
	spool_key_lost(g->s, r.key);
	assert_int_equal(read_from(g, "north", &r, 1000, 1000, &n), ERR_CRYPTO);
	assert_int_equal(spool_damage(g->s, &r, &e, &why), ERR_OK);
	assert_int_equal(e.records, 5);
	assert_int_equal(e.upto, 4);
	assert_int_equal(gone(g, "north", 0, e.upto, SPOOL_DAMAGED), 5);
	commit(g);
	stands(g, "north", 2, 0, 0, 5);
	reads(g, "north", 0, 2, 7);
}

static void
a_row_without_a_key_is_not_found(void **state)
{
	struct rig *g = *state;
	uint8_t wrapped[QUEUE_WRAPPED_MAX];
	struct why why = {""};
	size_t len = 0;

	fill(g, "north", 1);
	assert_int_equal(spool_key_wrapped(g->s, 99, wrapped, &len, &why),
	    ERR_NOTFOUND);
	assert_int_equal(spool_key_wrapped(g->s, 1, wrapped, &len, &why),
	    ERR_OK);
	assert_int_equal(len, 384);
}

/* ---- how much waits ---- */

static void
the_oldest_are_measured(void **state)
{
	struct rig *g = *state;
	struct spool_reading r = {.next = 0};
	struct spool_extent e;
	struct why why = {""};
	int64_t oldest = -1;

	fill(g, "north", 10); /* one a second, from NOW on */
	r.lemf = index_of(g, "north");
	assert_int_equal(spool_measure(g->s, &r, 0, 0, &e, &oldest, &why),
	    ERR_OK);
	assert_int_equal(e.records, 0);
	assert_int_equal(oldest, NOW);
	assert_int_equal(spool_measure(g->s, &r, 10, 0, &e, &oldest, &why),
	    ERR_OK);
	assert_int_equal(e.records, 2);
	assert_int_equal(e.octets, 18);
	assert_int_equal(e.upto, 1);
	assert_int_equal(spool_measure(g->s, &r, 10, NOW + 5, &e, &oldest,
			     &why),
	    ERR_OK);
	assert_int_equal(e.records, 5);
	r.next = 4;
	assert_int_equal(spool_measure(g->s, &r, 10000, 0, &e, &oldest, &why),
	    ERR_OK);
	assert_int_equal(e.records, 6);
	assert_int_equal(oldest, NOW + 4);
	r.next = 10;
	assert_int_equal(spool_measure(g->s, &r, 10000, 0, &e, &oldest, &why),
	    ERR_OK);
	assert_int_equal(e.records, 0);
	assert_int_equal(oldest, 0);
}

/* ---- where the file lives ---- */

static void
is_reset(struct rig *g, uint32_t cin, int64_t now, bool reset)
{
	struct spool_place p = place(g, "north", cin, now);

	assert_int_equal(p.reset, reset);
	if (!reset)
		return;
	assert_int_equal(p.row.sequence, 0);
	put(g, &p, "reset   ");
	p = place(g, "north", cin, now);
	assert_false(p.reset);
	assert_int_equal(p.row.sequence, 0);
}

static void
a_new_file_begins_its_numbers_with_a_reset(void **state)
{
	struct rig *g = *state;
	const int64_t later = NOW + (SPOOL_SEQUENCE_DAYS + 1) * DAY;
	struct spool_place p;

	spool_close(&g->s);
	assert_int_equal(unlink(g->path), 0);
	open_at(g, g->path, "m", NOW);
	is_reset(g, 1, NOW, true);
	commit(g);
	open_at(g, g->path, "m", NOW + 100);
	is_reset(g, 1, NOW + 100, false);
	is_reset(g, 2, NOW + 100, true);
	commit(g);
	p = place(g, "north", 2, NOW + 200);
	put(g, &p, "a record ");
	commit(g);
	p = place(g, "north", 2, NOW + 300);
	assert_false(p.reset);
	assert_int_equal(p.row.sequence, 1);
	/* Whatever was before is forgotten by now, at the LEMF too. */
	is_reset(g, 3, later, false);
}

/* No queue was there before it; one that takes its place is not the first. */
static void
the_first_file_of_a_kms_has_no_resets(void **state)
{
	struct rig *g = *state;
	const struct spool_config c = {.path = g->path,
	    .spki = spool_key_spki(&key),
	    .kms = kms,
	    .machine = str("m"),
	    .now = NOW,
	    .first = true};
	struct why why = {""};

	spool_close(&g->s);
	assert_int_equal(unlink(g->path), 0);
	assert_int_equal(spool_open(&c, &g->s, &why), ERR_OK);
	is_reset(g, 1, NOW, false);
	open_at(g, g->path, "another", NOW + DAY);
	is_reset(g, 1, NOW + DAY, true);
}

static void
copy(const char *from, const char *to)
{
	size_t len = 0;
	uint8_t *p = slurp(from, &len);
	FILE *f = fopen(to, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(p);
}

static void
a_copy_begins_its_numbers_again_and_keeps_what_waits(void **state)
{
	struct rig *g = *state;
	char at[112];

	fill(g, "north", 3);
	spool_close(&g->s);
	(void)snprintf(at, sizeof(at), "%.80s/restored.db", g->dir);
	copy(g->path, at);
	open_at(g, at, "m", NOW);
	unwrap(g, 1);
	reads(g, "north", 0, 3, 3);
	is_reset(g, 1, NOW, true);
	commit(g);
	/* Once: it lives here now. */
	open_at(g, at, "m", NOW);
	is_reset(g, 1, NOW, false);
	/* And where it has always been, nothing has changed. */
	open_again(g);
	is_reset(g, 1, NOW, false);
	assert_int_equal(place(g, "north", 1, NOW).row.sequence, 3);
}

static void
another_machine_begins_its_numbers_again(void **state)
{
	struct rig *g = *state;

	fill(g, "north", 3);
	open_at(g, g->path, "another", NOW);
	is_reset(g, 1, NOW, true);
	is_reset(g, 2, NOW, true);
	commit(g);
	is_reset(g, 1, NOW, false);
	holds(g, 5, 2);
}

static void
a_reset_given_up_is_made_again(void **state)
{
	struct rig *g = *state;

	open_at(g, g->path, "another", NOW);
	is_reset(g, 1, NOW, true);
	spool_give_up(g->s);
	is_reset(g, 1, NOW, true);
	commit(g);
	is_reset(g, 1, NOW, false);
}

/* ---- version 1 ---- */

/* A record as version 1 sealed it, with an id of its own. */
static void
put_old(sqlite3 *s, struct queue_sealer *k, unsigned i)
{
	struct queue_row row = {.id = i + 1,
	    .lemf = str(i % 2 == 0 ? "north" : "south"),
	    .number = i / 2,
	    .cin = 1,
	    .sequence = i / 2,
	    .created = NOW + i,
	    .key = 1};
	sqlite3_stmt *q = NULL;
	uint8_t sealed[200];
	size_t len = 0;
	char pdu[40];

	(void)snprintf(pdu, sizeof(pdu), "%.5s %03u", (const char *)row.lemf.p,
	    i / 2);
	assert_int_equal(queue_digest(kms, str("L1"), row.digest), ERR_OK);
	assert_int_equal(queue_seal(k, &row, str(pdu), sealed, sizeof(sealed),
			     &len),
	    ERR_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(s,
		"INSERT INTO records VALUES (?, ?, ?, ?, 1, ?, ?, 1, ?)", -1,
		&q, NULL),
	    SQLITE_OK);
	(void)sqlite3_bind_int64(q, 1, (sqlite3_int64)row.id);
	(void)sqlite3_bind_int64(q, 2, i % 2 + 1);
	(void)sqlite3_bind_int64(q, 3, i / 2);
	(void)sqlite3_bind_blob(q, 4, row.digest, 32, SQLITE_STATIC);
	(void)sqlite3_bind_int64(q, 5, row.sequence);
	(void)sqlite3_bind_int64(q, 6, row.created);
	(void)sqlite3_bind_blob(q, 7, sealed, (int)len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
}

static const char version_1[] =
    "PRAGMA journal_mode = WAL; BEGIN;"
    "CREATE TABLE spool (kms BLOB NOT NULL);"
    "CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " wrapped BLOB NOT NULL, records INTEGER NOT NULL);"
    "CREATE TABLE lemfs (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " next INTEGER NOT NULL, records INTEGER NOT NULL,"
    " octets INTEGER NOT NULL);"
    "CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " lemf INTEGER NOT NULL, number INTEGER NOT NULL, liid BLOB NOT NULL,"
    " cin INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    " created INTEGER NOT NULL, key INTEGER NOT NULL, sealed BLOB NOT NULL,"
    " UNIQUE (lemf, number));"
    "CREATE TABLE sequences (id INTEGER PRIMARY KEY, lemf INTEGER NOT NULL,"
    " liid BLOB NOT NULL, cin INTEGER NOT NULL, next INTEGER NOT NULL,"
    " used INTEGER NOT NULL, UNIQUE (lemf, liid, cin));"
    "CREATE INDEX sequences_used ON sequences (used);"
    "PRAGMA application_id = 0x4b575351;"
    "PRAGMA user_version = 1;"
    "INSERT INTO spool SELECT x'010203' || zeroblob(29);";

static void
hex_of(struct rd r, char *out)
{
	hex_put(r.p, r.left, out);
}

/* `n` records in turn for north and south, as version 1 left them. */
static void
make_old(struct rig *g, unsigned n)
{
	struct queue_sealer *k = NULL;
	uint8_t digest[QUEUE_DIGEST_LEN];
	char text[2048], wrapped[1025], liid[65];
	struct why why = {""};
	sqlite3 *s = NULL;

	spool_close(&g->s);
	assert_int_equal(unlink(g->path), 0);
	assert_int_equal(queue_sealer_new(spool_key_spki(&key), &k, &why),
	    ERR_OK);
	assert_int_equal(sqlite3_open(g->path, &s), SQLITE_OK);
	assert_int_equal(sqlite3_exec(s, version_1, NULL, NULL, NULL),
	    SQLITE_OK);
	for (unsigned i = 0; i < n; i++)
		put_old(s, k, i);
	assert_int_equal(queue_digest(kms, str("L1"), digest), ERR_OK);
	hex_of(view(digest, sizeof(digest)), liid);
	hex_of(queue_sealer_wrapped(k), wrapped);
	(void)snprintf(text, sizeof(text),
	    "INSERT INTO keys VALUES (1, x'%s', %u);"
	    "INSERT INTO lemfs VALUES (1, CAST('north' AS BLOB), %u, %u, %u);"
	    "INSERT INTO lemfs VALUES (2, CAST('south' AS BLOB), %u, %u, %u);"
	    "INSERT INTO sequences VALUES (1, 1, x'%s', 1, %u, %d);"
	    "COMMIT",
	    wrapped, n, n / 2, n / 2, n / 2 * 9, n / 2, n / 2, n / 2 * 9, liid,
	    n / 2, NOW / DAY);
	if (sqlite3_exec(s, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(s));
	assert_int_equal(sqlite3_close(s), SQLITE_OK);
	queue_sealer_free(&k);
}

static void
a_queue_of_version_1_keeps_all_that_waits(void **state)
{
	struct rig *g = *state;

	make_old(g, 200);
	open_at(g, g->path, "m", NOW);
	stands(g, "north", 100, 0, 0, 0);
	unwrap(g, 1);
	reads(g, "north", 0, 100, 100);
	reads(g, "south", 0, 100, 100);
	/* Its numbers are taken to be known. */
	is_reset(g, 1, NOW, false);
	is_reset(g, 7, NOW, false);
	assert_int_equal(place(g, "north", 1, NOW).row.sequence, 100);
	fill(g, "north", 5);
	reads(g, "north", 90, 15, 105);
	assert_int_equal(gone(g, "north", 0, 50, SPOOL_DELIVERED), 51);
	commit(g);
	open_again(g);
	stands(g, "north", 54, 51, 0, 0);
	holds(g, 154, 2);
}

/* Whichever step it was in: what is moved is moved once. */
static void
a_move_from_version_1_goes_on(void **state)
{
	struct rig *g = *state;

	make_old(g, 3000);
	open_again(g);
	spool_close(&g->s);
	look_exec(g->path,
	    "CREATE TABLE records_1 (id INTEGER PRIMARY KEY, lemf INTEGER,"
	    " number INTEGER, liid BLOB, cin INTEGER, sequence INTEGER,"
	    " created INTEGER, key INTEGER, sealed BLOB);"
	    "INSERT INTO records_1 SELECT id, place >> 40, place & 1023, liid,"
	    " cin, sequence, created, key, sealed FROM records"
	    " WHERE id > 1700;"
	    "UPDATE records_1 SET number = (id - 1) / 2;"
	    "DELETE FROM records WHERE id > 1700");
	open_again(g);
	unwrap(g, 1);
	for (uint64_t from = 0; from < 1500; from += 1000)
		reads(g, "south", from, from == 0 ? 1000 : 500,
		    from == 0 ? 1000 : 1500);
	stands(g, "south", 1500, 0, 0, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(records_are_read_in_order_and_no_others),
	    TEST(what_another_life_has_sealed_needs_its_key),
	    TEST(a_key_that_is_changed_stays_for_a_moment),
	    TEST(only_a_few_keys_are_open),
	    TEST(what_is_delivered_goes_with_its_counts),
	    TEST(records_come_and_go_in_one_turn),
	    TEST(keys_go_with_the_last_row_that_needs_them),
	    TEST(a_row_that_was_changed_is_set_aside),
	    TEST(what_is_under_a_lost_key_is_set_aside_together),
	    TEST(a_row_without_a_key_is_not_found),
	    TEST(the_oldest_are_measured),
	    TEST(a_new_file_begins_its_numbers_with_a_reset),
	    TEST(the_first_file_of_a_kms_has_no_resets),
	    TEST(a_copy_begins_its_numbers_again_and_keeps_what_waits),
	    TEST(another_machine_begins_its_numbers_again),
	    TEST(a_reset_given_up_is_made_again),
	    TEST(a_queue_of_version_1_keeps_all_that_waits),
	    TEST(a_move_from_version_1_goes_on),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
