#include <sys/stat.h>
#include <sys/wait.h>

#include <ftw.h>
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
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	(void)chmod(g->dir, 0700);
	(void)nftw(g->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(g);
	return 0;
}

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static struct rd
str(const char *s)
{
	return view(s, strlen(s));
}

static const uint8_t *
id(unsigned n)
{
	static uint8_t out[WARRANT_ID_LEN];

	memset(out, 0, sizeof(out)); /* with NULs in it */
	out[0] = (uint8_t)(n >> 8);
	out[31] = (uint8_t)n;
	return out;
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
add(struct db *d, unsigned n, const char *cms, int64_t entered)
{
	struct why why = {""};

	if (db_add_warrant(d, id(n), str(cms), entered, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
put(struct db *d, const char *identity, const char *record)
{
	struct why why = {""};

	if (db_put_subscriber(d, str(identity), str(record), &why) != ERR_OK)
		fail_msg("%s", why.text);
}

/* What the callbacks saw. */
struct seen {
	unsigned n;
	struct {
		char cms[64], revocation[64];
		size_t cms_len;
		int64_t entered;
		bool logged;
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

static void
see_warrant(void *ctx, const struct db_warrant *w)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	note(s->w[s->n].cms, sizeof(s->w[0].cms), w->cms);
	s->w[s->n].cms_len = w->cms.left;
	note(s->w[s->n].revocation, sizeof(s->w[0].revocation), w->revocation);
	s->w[s->n].entered = w->entered;
	s->w[s->n].logged = w->revocation_logged;
	s->n++;
}

static void
see_subscriber(void *ctx, struct rd record)
{
	struct seen *s = ctx;

	assert_true(s->n < 128);
	note(s->w[s->n].cms, sizeof(s->w[0].cms), record);
	s->w[s->n].cms_len = record.left;
	s->n++;
}

static struct seen
warrants(struct db *d)
{
	struct seen s = {.n = 0};
	struct why why = {""};

	if (db_each_warrant(d, see_warrant, &s, &why) != ERR_OK)
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
find(const struct seen *s, const char *cms)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->w[i].cms, cms) == 0)
			return (int)i;
	return -1;
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

	assert_int_equal(warrants(d).n, 0);
	assert_int_equal(subscribers(d).n, 0);
	db_close(&d);
	assert_null(d);
	db_close(&d);
	d = opened(g);
	assert_int_equal(warrants(d).n, 0);
	assert_int_equal(subscribers(d).n, 0);
	db_close(&d);
}

static void
warrants_are_there_after_reopening(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct seen s;
	int i;

	add(d, 1, "one", 1000);
	add(d, 2, "two", -5);
	add(d, 256, "three", INT64_MAX);
	for (int again = 0; again < 2; again++) {
		s = warrants(d);
		assert_int_equal(s.n, 3);
		i = find(&s, "one");
		assert_true(i >= 0 && s.w[i].entered == 1000);
		i = find(&s, "two");
		assert_true(i >= 0 && s.w[i].entered == -5);
		i = find(&s, "three");
		assert_true(i >= 0 && s.w[i].entered == INT64_MAX);
		for (i = 0; i < 3; i++) {
			assert_string_equal(s.w[i].revocation, "");
			assert_false(s.w[i].logged);
		}
		db_close(&d);
		d = opened(g);
	}
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
		if (db_open(g->path, &d, &why) != ERR_OK ||
		    db_add_warrant(d, id(7), str("seven"), 7, &why) != ERR_OK ||
		    db_add_warrant(d, id(8), str("eight"), 8, &why) != ERR_OK ||
		    db_revoke(d, id(8), str("over"), true, &why) != ERR_OK ||
		    db_put_subscriber(d, str("sip:a"), str("rec a"), &why) !=
			ERR_OK ||
		    db_put_subscriber(d, str("sip:b"), str("rec b"), &why) !=
			ERR_OK ||
		    db_delete_subscriber(d, str("sip:a"), &why) != ERR_OK)
			_exit(1);
		_exit(0);
	}
	assert_int_not_equal(p, -1);
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_int_equal(status, 0);
	d = opened(g);
	s = warrants(d);
	assert_int_equal(s.n, 2);
	assert_true(find(&s, "seven") >= 0);
	assert_string_equal(s.w[find(&s, "eight")].revocation, "over");
	s = subscribers(d);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.w[0].cms, "rec b");
	db_close(&d);
}

static void
many_changes_leave_one_file_that_opens(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	char name[32];

	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "warrant %u", i);
		add(d, i, name, i);
	}
	db_close(&d);
	d = opened(g);
	assert_int_equal(warrants(d).n, 30);
	db_close(&d);
}

static void
octets_of_every_value_and_large_ones_come_back(void **state)
{
	static uint8_t big[MAX_WARRANT_CMS], got[MAX_WARRANT_CMS];
	struct rig *g = *state;
	sqlite3 *raw = NULL;
	sqlite3_stmt *q = NULL;
	struct why why = {""};
	struct db *d = opened(g);

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i ^ (i >> 8));
	assert_int_equal(db_add_warrant(d, id(1), view(big, sizeof(big)), 1,
			     &why),
	    ERR_OK);
	db_close(&d);
	assert_int_equal(sqlite3_open(g->path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(raw, "SELECT id, cms FROM warrants",
			     -1, &q, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_int_equal(sqlite3_column_bytes(q, 0), WARRANT_ID_LEN);
	assert_memory_equal(sqlite3_column_blob(q, 0), id(1), WARRANT_ID_LEN);
	assert_int_equal(sqlite3_column_bytes(q, 1), sizeof(big));
	memcpy(got, sqlite3_column_blob(q, 1), sizeof(got));
	assert_memory_equal(got, big, sizeof(big));
	sqlite3_finalize(q);
	assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void
a_warrant_is_added_once(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct seen s;

	add(d, 1, "first", 10);
	assert_int_not_equal(db_add_warrant(d, id(1), str("second"), 20, &why),
	    ERR_OK);
	assert_string_not_equal(why.text, "");
	s = warrants(d);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.w[0].cms, "first");
	assert_true(s.w[0].entered == 10);
	add(d, 2, "other", 30); /* and the database still works */
	db_close(&d);
}

static void
a_revocation_is_kept_and_whether_it_is_logged(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct seen s;
	int i;

	add(d, 1, "one", 1);
	add(d, 2, "two", 2);
	add(d, 3, "three", 3);
	assert_int_equal(db_revoke(d, id(1), str("over"), false, &why), ERR_OK);
	assert_int_equal(db_revoke(d, id(2), str("done"), true, &why), ERR_OK);
	for (int again = 0; again < 2; again++) {
		s = warrants(d);
		assert_int_equal(s.n, 3);
		i = find(&s, "one");
		assert_string_equal(s.w[i].revocation, "over");
		assert_false(s.w[i].logged);
		assert_true(s.w[i].entered == 1);
		i = find(&s, "two");
		assert_string_equal(s.w[i].revocation, "done");
		assert_true(s.w[i].logged);
		i = find(&s, "three");
		assert_string_equal(s.w[i].revocation, "");
		assert_false(s.w[i].logged);
		db_close(&d);
		d = opened(g);
	}
	/* logged later */
	assert_int_equal(db_revoke(d, id(1), str("over"), true, &why), ERR_OK);
	s = warrants(d);
	i = find(&s, "one");
	assert_string_equal(s.w[i].revocation, "over");
	assert_true(s.w[i].logged);
	db_close(&d);
}

static void
subscribers_are_put_once_and_deleted(void **state)
{
	struct rig *g = *state;
	struct db *d = opened(g);
	struct why why = {""};
	struct seen s;

	put(d, "sip:a", "rec a");
	put(d, "sip:A", "rec A"); /* octet for octet */
	put(d, "sip:a ", "rec a-blank");
	assert_int_not_equal(db_put_subscriber(d, str("sip:a"), str("new"),
				 &why),
	    ERR_OK);
	assert_string_not_equal(why.text, "");
	s = subscribers(d);
	assert_int_equal(s.n, 3);
	assert_true(find(&s, "rec a") >= 0);
	assert_true(find(&s, "new") < 0);
	assert_int_equal(db_delete_subscriber(d, str("sip:a"), &why), ERR_OK);
	s = subscribers(d);
	assert_int_equal(s.n, 2);
	assert_true(find(&s, "rec a") < 0);
	assert_true(find(&s, "rec A") >= 0);
	put(d, "sip:a", "again");
	db_close(&d);
	d = opened(g);
	s = subscribers(d);
	assert_int_equal(s.n, 3);
	assert_true(find(&s, "again") >= 0);
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

	put(d, evil, "rec");
	put(d, "sip:%", "percent");
	assert_int_equal(subscribers(d).n, 2);
	assert_int_equal(db_delete_subscriber(d, str("sip:_"), &why), ERR_OK);
	assert_int_equal(subscribers(d).n, 2);
	assert_int_equal(db_delete_subscriber(d, str(evil), &why), ERR_OK);
	assert_int_equal(subscribers(d).n, 1);
	db_close(&d);
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
	const int versions[] = {2, 3, -2, 1000};
	struct rig *g = *state;
	struct db *d = opened(g), *mark = (struct db *)(uintptr_t)0x1234;
	struct why why;

	add(d, 1, "one", 1);
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
	set_version(g, 1);
	d = opened(g);
	assert_int_equal(warrants(d).n, 1);
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

static void
ignore(void *ctx, const struct db_warrant *w)
{
	(void)ctx;
	(void)w;
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
		add(d, i, cms, i);
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
		assert_int_not_equal(db_each_warrant(d, ignore, NULL, &why),
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

	add(d, 1, "one", 1);
	open_refused(g, g->path, NULL);
	add(d, 2, "two", 2);
	db_close(&d);
	d = opened(g);
	assert_int_equal(warrants(d).n, 2);
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
	add(d, 1, "one", 1);
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
		assert_int_equal(db_add_warrant(d, id(2), str("two"), 2, &why),
		    ERR_IO);
		db_close(&d);
	}
	as_nobody(false);
	assert_string_not_equal(why.text, "");
	assert_int_equal(chmod(g->dir, 0755), 0);
	d = opened(g);
	assert_int_equal(warrants(d).n, 1);
	db_close(&d);
}

static void
a_read_only_file_is_an_error(void **state)
{
	struct rig *g = *state;
	struct why why = {""};
	struct db *d = opened(g);

	add(d, 1, "one", 1);
	db_close(&d);
	assert_int_equal(chmod(g->path, 0444), 0);
	as_nobody(true);
	d = NULL;
	if (db_open(g->path, &d, &why) == ERR_OK) {
		why.text[0] = '\0';
		assert_int_equal(db_add_warrant(d, id(2), str("two"), 2, &why),
		    ERR_IO);
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
	    WITH_DIR(warrants_are_there_after_reopening),
	    WITH_DIR(what_was_acknowledged_is_on_disk_without_a_close),
	    WITH_DIR(many_changes_leave_one_file_that_opens),
	    WITH_DIR(octets_of_every_value_and_large_ones_come_back),
	    WITH_DIR(a_warrant_is_added_once),
	    WITH_DIR(a_revocation_is_kept_and_whether_it_is_logged),
	    WITH_DIR(subscribers_are_put_once_and_deleted),
	    WITH_DIR(identities_are_data_whatever_they_say),
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
