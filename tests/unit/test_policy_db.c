#include <sys/stat.h>
#include <sys/wait.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/policy_db.h"
#include "help.h"

struct rig {
	char dir[64], path[96];
};

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-db-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/registry.db", g->dir);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	(void)chmod(g->dir, 0700);
	folder_remove(g->dir);
	free(g);
	return 0;
}

/* A change of that number, whose hash begins with it. */
static struct change
change(uint64_t number, const char *request, const char *evidence)
{
	struct change c = {.number = number,
	    .time = 1000 + (int64_t)number,
	    .kind = REQUEST_WARRANT_REVOKE,
	    .request = str(request),
	    .evidence = str(evidence)};

	c.hash[0] = (uint8_t)(number >> 8);
	c.hash[DIGEST_LEN - 1] = (uint8_t)number; /* NULs before it */
	return c;
}

static struct db *
opened(const struct rig *g)
{
	struct db *d = NULL;
	struct why why = {""};

	if (db_open(g->path, &d, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_non_null(d);
	return d;
}

static void
add(struct db *d, uint64_t number, const char *request)
{
	const struct change c = change(number, request, "signed");
	struct why why = {""};

	if (db_add_change(d, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
confirm(struct db *d, uint64_t number, bool logged)
{
	const struct change c = change(number, "", "");
	struct why why = {""};

	if (db_confirm_change(d, &c, logged, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
put(struct db *d, const char *identity, uint64_t number, const char *record)
{
	struct why why = {""};

	if (db_put_subscriber(d, str(identity), number, str(record), &why) !=
	    ERR_OK)
		fail_msg("%s", why.text);
}

static void
ask(struct db *d, uint64_t n, const char *request, int64_t entered)
{
	const struct change c = change(n, request, "half signed");
	const struct db_request r = {.hash = view(c.hash, DIGEST_LEN),
	    .request = c.request,
	    .evidence = c.evidence,
	    .entered = entered};
	struct why why = {""};

	if (db_put_request(d, &r, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* What the callbacks saw. */
struct seen {
	unsigned n, most; /* 0: all */
	struct {
		uint64_t number;
		int64_t time;
		char request[64], evidence[64];
		uint8_t hash[DIGEST_LEN];
		enum request_kind kind;
		bool confirmed, logged;
	} w[128];
};

static void
note(char *out, size_t cap, struct rd v)
{
	assert_true(v.left < cap);
	if (v.left > 0)
		memcpy(out, v.p, v.left);
	out[v.left] = '\0';
}

static bool
see_change(void *ctx, const struct db_change *d)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	s->w[s->n].number = d->c.number;
	s->w[s->n].time = d->c.time;
	s->w[s->n].kind = d->c.kind;
	memcpy(s->w[s->n].hash, d->c.hash, DIGEST_LEN);
	note(s->w[s->n].request, sizeof(s->w[0].request), d->c.request);
	note(s->w[s->n].evidence, sizeof(s->w[0].evidence), d->c.evidence);
	s->w[s->n].confirmed = d->confirmed;
	s->w[s->n].logged = d->logged;
	return ++s->n != s->most;
}

static void
see_request(void *ctx, const struct db_request *r)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	s->w[s->n].time = r->entered;
	assert_int_equal(r->hash.left, DIGEST_LEN);
	memcpy(s->w[s->n].hash, r->hash.p, DIGEST_LEN);
	note(s->w[s->n].request, sizeof(s->w[0].request), r->request);
	note(s->w[s->n].evidence, sizeof(s->w[0].evidence), r->evidence);
	s->n++;
}

static void
see_subscriber(void *ctx, struct rd record)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	note(s->w[s->n].request, sizeof(s->w[0].request), record);
	s->n++;
}

static struct seen
changes_from(struct db *d, uint64_t from, unsigned most)
{
	struct seen s = {.n = 0, .most = most};
	struct why why = {""};

	if (db_each_change(d, from, see_change, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

static struct seen
changes(struct db *d)
{
	return changes_from(d, 1, 0);
}

static struct seen
requests(struct db *d)
{
	struct seen s = {.n = 0};
	struct why why = {""};

	if (db_each_request(d, see_request, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

static struct seen
subscribers(struct db *d)
{
	struct seen s = {.n = 0};
	struct why why = {""};

	if (db_each_subscriber(d, see_subscriber, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

static int
find(const struct seen *s, const char *request)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->w[i].request, request) == 0)
			return (int)i;
	return -1;
}

static void
holds(struct db *d, uint64_t number, const char *request, const char *evidence)
{
	struct db_octets o = {.memory = NULL};
	struct why why = {""};

	if (db_read_change(d, number, &o, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_true(rd_is(&o.request, request, strlen(request)));
	assert_true(rd_is(&o.evidence, evidence, strlen(evidence)));
	free(o.memory);
}

static void
open_refused(const struct rig *g, const char *path, bool *malformed_too)
{
	struct db *mark = (struct db *)(uintptr_t)0x1234, *d = mark;
	struct why why = {""};
	const enum err rc = db_open(path, &d, &why);

	(void)g;
	if (malformed_too != NULL && rc == ERR_MALFORMED)
		*malformed_too = true;
	else
		assert_int_equal(rc, ERR_IO);
	assert_ptr_equal(d, mark);
	assert_string_not_equal(why.text, "");
}

/* ---- what is kept ---- */

static void
a_new_database_is_empty_and_opens_again(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);

	for (int again = 0; again < 2; again++) {
		assert_int_equal(changes(d).n, 0);
		assert_int_equal(requests(d).n, 0);
		assert_int_equal(subscribers(d).n, 0);
		db_close(&d);
		assert_null(d);
		db_close(&d);
		d = opened(g);
	}
	db_close(&d);
}

static void
changes_come_back_in_order_whatever_the_order_of_entry(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct seen s;

	add(d, 2, "two");
	add(d, 1, "one");
	add(d, 300, "three hundred");
	for (int again = 0; again < 2; again++) {
		s = changes(d);
		assert_int_equal(s.n, 3);
		for (unsigned i = 0; i < 3; i++) {
			const struct change c = change(s.w[i].number, "", "");

			assert_true(s.w[i].time == c.time);
			assert_int_equal(s.w[i].kind, c.kind);
			assert_memory_equal(s.w[i].hash, c.hash, DIGEST_LEN);
			assert_false(s.w[i].confirmed);
			assert_false(s.w[i].logged);
		}
		assert_string_equal(s.w[0].request, "one");
		assert_string_equal(s.w[1].request, "two");
		assert_string_equal(s.w[2].request, "three hundred");
		holds(d, 2, "two", "signed");
		db_close(&d);
		d = opened(g);
	}
	db_close(&d);
}

static void
a_walk_begins_and_ends_where_it_is_told_to(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct seen s;

	for (unsigned i = 1; i <= 9; i++)
		add(d, i, "x");
	s = changes_from(d, 4, 3);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.w[0].number, 4);
	assert_int_equal(s.w[2].number, 6);
	assert_int_equal(changes_from(d, 10, 0).n, 0);
	assert_int_equal(changes(d).n, 9); /* a walk cut short disturbs none */
	add(d, 10, "x");
	db_close(&d);
}

/* Where nobody needs them they are not read. */
static void
signatures_come_with_those_that_are_not_confirmed(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct seen s;

	add(d, 1, "one");
	add(d, 2, "two");
	confirm(d, 1, true);
	s = changes(d);
	assert_string_equal(s.w[0].evidence, "");
	assert_string_equal(s.w[1].evidence, "signed");
	holds(d, 1, "one", "signed");
	db_close(&d);
}

/* As after a crash: the process ends without closing. */
static void
what_was_acknowledged_is_on_disk_without_a_close(void **state)
{
	struct rig *g = *state;
	struct db *d = NULL;
	struct why why;
	int status = -1;
	struct seen s;
	pid_t p;

	if ((p = fork()) == 0) {
		if (db_open(g->path, &d, &why) != ERR_OK)
			_exit(1);
		add(d, 1, "one");
		confirm(d, 1, false);
		add(d, 2, "two");
		add(d, 3, "three");
		ask(d, 9, "asked", 9);
		put(d, "sip:a", 1, "rec a");
		put(d, "sip:b", 2, "rec b");
		if (db_date_change(d, 2, 77, &why) != ERR_OK ||
		    db_log_change(d, 1, &why) != ERR_OK ||
		    db_drop_change(d, 3, &why) != ERR_OK ||
		    db_drop_subscriber(d, str("sip:a"), &why) != ERR_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_not_equal(p, -1);
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_int_equal(status, 0);
	d = opened(g);
	s = changes(d);
	assert_int_equal(s.n, 2);
	assert_true(s.w[0].confirmed && s.w[0].logged);
	assert_true(!s.w[1].confirmed && s.w[1].time == 77);
	assert_int_equal(requests(d).n, 1);
	s = subscribers(d);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.w[0].request, "rec b");
	db_close(&d);
}

static void
octets_of_every_value_and_large_ones_come_back(void **state)
{
	static uint8_t request[MAX_REQUEST], evidence[MAX_EVIDENCE];
	struct change c = change(1, "", "");
	struct db_octets o = {.memory = NULL};
	struct rig *g = *state;
	struct why why = {""};
	struct db *d = opened(g);

	for (size_t i = 0; i < sizeof(request); i++)
		request[i] = (uint8_t)(i ^ (i >> 8));
	for (size_t i = 0; i < sizeof(evidence); i++)
		evidence[i] = (uint8_t)(i * 7 ^ (i >> 8));
	c.request = view(request, sizeof(request));
	c.evidence = view(evidence, sizeof(evidence));
	assert_int_equal(db_add_change(d, &c, &why), ERR_OK);
	assert_int_equal(db_read_change(d, 1, &o, &why), ERR_OK);
	assert_true(rd_equal(&o.request, &c.request));
	assert_true(rd_equal(&o.evidence, &c.evidence));
	free(o.memory);
	db_close(&d);
}

static void
a_number_is_there_once(void **state)
{
	const struct change again = change(1, "second", "");
	struct db_octets o = {.memory = NULL};
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};

	add(d, 1, "first");
	assert_int_equal(db_add_change(d, &again, &why), ERR_EXISTS);
	assert_string_not_equal(why.text, "");
	holds(d, 1, "first", "signed");
	assert_int_equal(db_read_change(d, 2, &o, &why), ERR_NOTFOUND);
	assert_null(o.memory);
	add(d, 2, "other"); /* and the database still works */
	db_close(&d);
}

static void
a_confirmed_change_ends_the_wait_of_its_request_alone(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct seen s;

	ask(d, 1, "one", 5);
	ask(d, 2, "two", 4);
	add(d, 1, "one");
	assert_int_equal(requests(d).n, 2);
	confirm(d, 1, false);
	s = requests(d);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.w[0].request, "two");
	s = changes(d);
	assert_true(s.w[0].confirmed);
	assert_false(s.w[0].logged);
	db_close(&d);
}

/* One that is not taken leaves no hole, and what is confirmed stays. */
static void
those_behind_one_that_is_dropped_move_up(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct seen s;

	for (unsigned i = 1; i <= 6; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%u", i);
		add(d, i, name);
	}
	confirm(d, 1, true);
	confirm(d, 2, true);
	assert_int_equal(db_drop_change(d, 4, &why), ERR_OK);
	s = changes(d);
	assert_int_equal(s.n, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(s.w[i].number, i + 1);
	assert_string_equal(s.w[3].request, "5");
	assert_string_equal(s.w[4].request, "6");
	assert_int_equal(db_drop_change(d, 1, &why), ERR_NOTFOUND);
	assert_int_equal(db_date_change(d, 2, 1, &why), ERR_OK);
	s = changes(d);
	assert_string_equal(s.w[0].request, "1");
	assert_true(s.w[1].time == 1002);
	db_close(&d);
}

static void
requests_come_in_order_of_entry_and_are_replaced(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct change c = change(2, "", "");
	struct seen s;

	ask(d, 1, "late", 30);
	ask(d, 2, "early", 10);
	ask(d, 3, "between", 20);
	ask(d, 1, "late, more signatures", 30);
	s = requests(d);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.w[0].request, "early");
	assert_string_equal(s.w[1].request, "between");
	assert_string_equal(s.w[2].request, "late, more signatures");
	assert_string_equal(s.w[2].evidence, "half signed");
	assert_int_equal(db_drop_request(d, c.hash, &why), ERR_OK);
	assert_int_equal(requests(d).n, 2);
	db_close(&d);
}

static void
a_subscriber_has_one_record(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct seen s;

	put(d, "sip:a", 1, "rec a");
	put(d, "sip:A", 2, "rec A"); /* octet for octet */
	put(d, "sip:a ", 3, "rec a-blank");
	put(d, "sip:a", 4, "new");
	s = subscribers(d);
	assert_int_equal(s.n, 3);
	assert_true(find(&s, "rec a") < 0);
	assert_true(find(&s, "new") >= 0);
	assert_int_equal(db_drop_subscriber(d, str("sip:a"), &why), ERR_OK);
	s = subscribers(d);
	assert_int_equal(s.n, 2);
	assert_true(find(&s, "rec A") >= 0);
	db_close(&d);
}

/* The words of a request never become SQL. */
static void
identities_are_data_whatever_they_say(void **state)
{
	const char *const evil = "sip:a'); DROP TABLE subscribers; --";
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};

	put(d, evil, 1, "rec");
	put(d, "sip:%", 2, "percent");
	assert_int_equal(db_drop_subscriber(d, str("sip:_"), &why), ERR_OK);
	assert_int_equal(subscribers(d).n, 2);
	assert_int_equal(db_drop_subscriber(d, str(evil), &why), ERR_OK);
	assert_int_equal(subscribers(d).n, 1);
	db_close(&d);
}

static void
a_row_that_is_no_change_is_an_error(void **state)
{
	static const char *const bad[] = {
	    "INSERT INTO changes (number, time, kind, hash, request, evidence)"
	    " VALUES (1, 1, 999, zeroblob(32), x'', x'')",
	    "INSERT INTO changes (number, time, kind, hash, request, evidence)"
	    " VALUES (1, 1, 0, zeroblob(31), x'', x'')",
	    "INSERT INTO changes (number, time, kind, hash, request, evidence)"
	    " VALUES (99999999, 1, 0, zeroblob(32), x'', x'')"};
	struct rig *g = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen s = {.n = 0};
		struct why why = {""};
		sqlite3 *raw = NULL;
		struct db *d = opened(g);

		db_close(&d);
		assert_int_equal(sqlite3_open(g->path, &raw), SQLITE_OK);
		assert_int_equal(sqlite3_exec(raw, "DELETE FROM changes", NULL,
				     NULL, NULL),
		    SQLITE_OK);
		assert_int_equal(sqlite3_exec(raw, bad[i], NULL, NULL, NULL),
		    SQLITE_OK);
		assert_int_equal(sqlite3_close(raw), SQLITE_OK);
		d = opened(g);
		assert_int_equal(db_each_change(d, 1, see_change, &s, &why),
		    ERR_MALFORMED);
		assert_int_equal(s.n, 0);
		assert_string_not_equal(why.text, "");
		db_close(&d);
	}
}

/* ---- files that are not ours ---- */

static void
set_version(const struct rig *g, int v)
{
	sqlite3 *raw = NULL;
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", v);
	assert_int_equal(sqlite3_open(g->path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void
another_schema_version_is_unsupported_and_left_alone(void **state)
{
	const int versions[] = {1, 3, -2, 1000};
	struct rig *g = *state;
	struct db *d = opened(g), *mark = (struct db *)(uintptr_t)0x1234;
	struct why why;

	add(d, 1, "one");
	db_close(&d);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		uint8_t *before, *after;
		size_t n, m;

		set_version(g, versions[i]);
		before = slurp(g->path, &n);
		d = mark;
		why.text[0] = '\0';
		assert_int_equal(db_open(g->path, &d, &why), ERR_UNSUPPORTED);
		assert_ptr_equal(d, mark);
		assert_string_not_equal(why.text, "");
		after = slurp(g->path, &m);
		assert_int_equal(n, m);
		assert_memory_equal(before, after, n);
		free(before);
		free(after);
	}
	set_version(g, 2);
	d = opened(g);
	assert_int_equal(changes(d).n, 1);
	db_close(&d);
}

static void
what_is_not_a_database_is_refused_and_left_alone(void **state)
{
	struct rig *g = *state;
	static uint8_t junk[8192];
	bool malformed = false;
	uint8_t *after;
	size_t n;
	FILE *f = fopen(g->path, "wb");

	assert_non_null(f);
	memset(junk, 'j', sizeof(junk));
	assert_int_equal(fwrite(junk, 1, sizeof(junk), f), sizeof(junk));
	assert_int_equal(fclose(f), 0);
	open_refused(g, g->path, &malformed);
	after = slurp(g->path, &n);
	assert_int_equal(n, sizeof(junk));
	assert_memory_equal(after, junk, n);
	free(after);
}

static bool
ignore(void *ctx, const struct db_change *c)
{
	(void)ctx;
	(void)c;
	return true;
}

static void
a_damaged_database_is_an_error_not_an_empty_one(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	char cms[2001];
	FILE *f;

	memset(cms, 'c', sizeof(cms));
	cms[sizeof(cms) - 1] = '\0';
	for (unsigned i = 0; i < 12; i++)
		add(d, i + 1, cms);
	db_close(&d);
	f = fopen(g->path, "r+b");
	assert_non_null(f);
	/* every page but the first */
	assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
	for (int i = 0; i < 8192; i++)
		assert_int_equal(fputc(0xaa, f), 0xaa);
	assert_int_equal(fclose(f), 0);
	if (db_open(g->path, &d, &why) == ERR_OK) {
		why.text[0] = '\0';
		assert_int_not_equal(db_each_change(d, 1, ignore, NULL, &why),
		    ERR_OK);
		db_close(&d);
	}
	assert_string_not_equal(why.text, "");
}

static void
paths_that_cannot_be_a_database_are_refused(void **state)
{
	struct rig *g = *state;
	char link[128];
	struct db *d = opened(g);

	db_close(&d);
	open_refused(g, "/nonexistent/registry.db", NULL);
	open_refused(g, g->dir, NULL);
	/* nothing is followed to where somebody else points */
	(void)snprintf(link, sizeof(link), "%s/link.db", g->dir);
	assert_int_equal(symlink(g->path, link), 0);
	open_refused(g, link, NULL);
}

static void
a_second_opener_is_refused(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);

	add(d, 1, "one");
	open_refused(g, g->path, NULL);
	add(d, 2, "two");
	db_close(&d);
	d = opened(g);
	assert_int_equal(changes(d).n, 2);
	db_close(&d);
}

/* Root may write anywhere, so the test steps down if it is root. */
static void
as_nobody(bool yes)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(yes ? 65534 : 0), 0);
}

static void
a_read_only_directory_is_an_error_with_sqlites_words(void **state)
{
	const struct change two = change(2, "two", "");
	struct rig *g = *state;
	struct why why = {""};
	char journal[128];
	struct db *d;

	assert_int_equal(chmod(g->dir, 0555), 0);
	as_nobody(true);
	open_refused(g, g->path, NULL);
	as_nobody(false);
	assert_int_equal(access(g->path, F_OK), -1);

	/* the file is there, but no journal can be made beside it */
	assert_int_equal(chmod(g->dir, 0755), 0);
	d = opened(g);
	add(d, 1, "one");
	db_close(&d);
	if (getuid() == 0)
		assert_int_equal(chown(g->path, 65534, 65534), 0);
	/* SQLite keeps the journal, truncated */
	(void)snprintf(journal, sizeof(journal), "%s-journal", g->path);
	(void)unlink(journal);
	assert_int_equal(chmod(g->dir, 0555), 0);
	as_nobody(true);
	d = NULL;
	if (db_open(g->path, &d, &why) == ERR_OK) {
		why.text[0] = '\0';
		assert_int_equal(db_add_change(d, &two, &why), ERR_IO);
		db_close(&d);
	}
	as_nobody(false);
	assert_string_not_equal(why.text, "");
	assert_int_equal(chmod(g->dir, 0755), 0);
	d = opened(g);
	assert_int_equal(changes(d).n, 1);
	db_close(&d);
}

static void
a_read_only_file_is_an_error(void **state)
{
	const struct change two = change(2, "two", "");
	struct rig *g = *state;
	struct why why = {""};
	struct db *d = opened(g);

	add(d, 1, "one");
	db_close(&d);
	assert_int_equal(chmod(g->path, 0444), 0);
	as_nobody(true);
	d = NULL;
	if (db_open(g->path, &d, &why) == ERR_OK) {
		why.text[0] = '\0';
		assert_int_equal(db_add_change(d, &two, &why), ERR_IO);
		db_close(&d);
	}
	as_nobody(false);
	assert_string_not_equal(why.text, "");
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_DIR(a_new_database_is_empty_and_opens_again),
	    WITH_DIR(changes_come_back_in_order_whatever_the_order_of_entry),
	    WITH_DIR(a_walk_begins_and_ends_where_it_is_told_to),
	    WITH_DIR(signatures_come_with_those_that_are_not_confirmed),
	    WITH_DIR(what_was_acknowledged_is_on_disk_without_a_close),
	    WITH_DIR(octets_of_every_value_and_large_ones_come_back),
	    WITH_DIR(a_number_is_there_once),
	    WITH_DIR(a_confirmed_change_ends_the_wait_of_its_request_alone),
	    WITH_DIR(those_behind_one_that_is_dropped_move_up),
	    WITH_DIR(requests_come_in_order_of_entry_and_are_replaced),
	    WITH_DIR(a_subscriber_has_one_record),
	    WITH_DIR(identities_are_data_whatever_they_say),
	    WITH_DIR(a_row_that_is_no_change_is_an_error),
	    WITH_DIR(another_schema_version_is_unsupported_and_left_alone),
	    WITH_DIR(what_is_not_a_database_is_refused_and_left_alone),
	    WITH_DIR(a_damaged_database_is_an_error_not_an_empty_one),
	    WITH_DIR(paths_that_cannot_be_a_database_are_refused),
	    WITH_DIR(a_second_opener_is_refused),
	    WITH_DIR(a_read_only_directory_is_an_error_with_sqlites_words),
	    WITH_DIR(a_read_only_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
