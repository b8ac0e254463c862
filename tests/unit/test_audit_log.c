#include <sys/mman.h>
#include <sys/resource.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/audit_log.h"
#include "help.h"

#define CHUNK 65536
#define BLOCK 512

static int
memory(void)
{
	const int fd = memfd_create("log", MFD_CLOEXEC);

	assert_true(fd != -1);
	return fd;
}

static enum err
try_open(struct audit_log *l, int fd, uint64_t most, bool *torn)
{
	struct why why = {""};
	const enum err rc =
	    audit_log_open(l, fd, CHUNK, most, NULL, NULL, torn, &why);

	assert_true(rc == ERR_OK || why.text[0] != '\0');
	return rc;
}

/* A sound log at this descriptor, which was not torn. */
static void
opened(struct audit_log *l, int fd)
{
	bool torn = true;

	assert_int_equal(try_open(l, fd, 0, &torn), ERR_OK);
	assert_false(torn);
}

static struct audit_entry
intent(void)
{
	static const char text[] = "somebody";
	struct audit_entry e = {.type = AUDIT_KEY_INTENT, .csb_id = 7};

	rd_init(&e.client, text, 8);
	rd_init(&e.target, text, 8);
	rd_init(&e.liid, text, 8);
	memset(e.warrant, 0xab, sizeof(e.warrant));
	memset(e.digest, 0xcd, sizeof(e.digest));
	return e;
}

static void
append(struct audit_log *l, unsigned n)
{
	struct audit_entry e = intent();

	while (n-- > 0)
		assert_int_equal(audit_log_append(l, &e, NULL, NULL), ERR_OK);
}

/* How many leaves can be read, and how that ended. */
static enum err
read_all(int fd, uint64_t *n, uint8_t root[MERKLE_HASH_LEN])
{
	static struct audit_reader r;
	struct audit_entry e;
	struct why why = {""};
	enum err rc;

	*n = 0;
	if ((rc = audit_reader_open(&r, fd, &why)) != ERR_OK)
		return rc;
	while ((rc = audit_reader_next(&r, &e, &why)) == ERR_OK)
		assert_true(e.number == (*n)++);
	assert_true(rc == ERR_NOTFOUND || why.text[0] != '\0');
	assert_int_equal(merkle_root(&r.tree, root), ERR_OK);
	return rc;
}

static void
holds(int fd, uint64_t want)
{
	uint8_t root[MERKLE_HASH_LEN];
	uint64_t n;

	assert_int_equal(read_all(fd, &n, root), ERR_NOTFOUND);
	assert_true(n == want);
}

struct file {
	uint8_t *p;
	size_t len;
};

static struct file
contents(int fd)
{
	struct file f = {NULL, (size_t)lseek(fd, 0, SEEK_END)};

	f.p = malloc(f.len);
	assert_non_null(f.p);
	assert_true(pread(fd, f.p, f.len, 0) == (ssize_t)f.len);
	return f;
}

static void
put(int fd, const struct file *f)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_true(pwrite(fd, f->p, f->len, 0) == (ssize_t)f->len);
}

static void
is_still(int fd, const struct file *f)
{
	struct file now = contents(fd);

	assert_true(now.len == f->len);
	assert_memory_equal(now.p, f->p, f->len);
	free(now.p);
}

/* ---- what goes in comes out ---- */

static void
a_new_log_is_empty_and_has_room(void **state)
{
	struct audit_log l;
	const int fd = memory();

	(void)state;
	opened(&l, fd);
	holds(fd, 0);
	assert_true(l.next == 0);
	assert_true(audit_log_room(&l) >= CHUNK - AUDIT_LOG_HEADER_LEN - 4);
	close(fd);
}

static void
leaves_are_read_as_they_were_given_out(void **state)
{
	static struct audit_reader r;
	uint8_t leaf[3][MAX_AUDIT_LEAF], mine[32], root[32];
	struct audit_entry e, back;
	struct merkle tree;
	struct audit_log l;
	struct why why;
	size_t len[3];
	const int fd = memory();

	(void)state;
	opened(&l, fd);
	merkle_init(&tree);
	for (uint64_t i = 0; i < 3; i++) {
		struct rd v;

		e = intent();
		assert_int_equal(audit_log_append(&l, &e, leaf[i], &len[i]),
		    ERR_OK);
		assert_true(e.number == i && e.realtime_ns > 0);
		rd_init(&v, leaf[i], len[i]);
		assert_int_equal(merkle_leaf_hash(v, mine), ERR_OK);
		assert_int_equal(merkle_add(&tree, mine), ERR_OK);
	}
	assert_int_equal(audit_log_sync(&l), ERR_OK);
	assert_true(l.synced == l.end);
	assert_int_equal(audit_reader_open(&r, fd, &why), ERR_OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(audit_reader_next(&r, &back, &why), ERR_OK);
		assert_memory_equal(r.record + 4, leaf[i], len[i]);
	}
	assert_int_equal(audit_reader_next(&r, &back, &why), ERR_NOTFOUND);
	assert_int_equal(merkle_root(&tree, mine), ERR_OK);
	assert_int_equal(merkle_root(&r.tree, root), ERR_OK);
	assert_memory_equal(mine, root, sizeof(root));
	close(fd);
}

static void
count(void *ctx, const struct audit_entry *e)
{
	uint64_t *n = ctx;

	assert_true(e->number == (*n)++);
}

static void
a_log_that_is_opened_again_goes_on_behind_its_end(void **state)
{
	uint8_t root[32], mine[32];
	struct audit_log l;
	struct why why;
	uint64_t n = 0;
	bool torn;
	const int fd = memory();

	(void)state;
	opened(&l, fd);
	append(&l, 5);
	assert_int_equal(audit_log_open(&l, fd, CHUNK, 0, count, &n, &torn,
			     &why),
	    ERR_OK);
	assert_true(n == 5 && l.next == 5 && !torn);
	append(&l, 2);
	assert_int_equal(read_all(fd, &n, root), ERR_NOTFOUND);
	assert_true(n == 7);
	assert_int_equal(merkle_root(&l.tree, mine), ERR_OK);
	assert_memory_equal(mine, root, sizeof(root));
	close(fd);
}

static void
what_a_crash_can_leave_torn_is_never_more_than_a_batch(void **state)
{
	struct audit_log l;
	const int fd = memory();

	(void)state;
	opened(&l, fd);
	for (unsigned i = 0; i < 1000; i++) {
		append(&l, 1);
		assert_true(l.end - l.synced <= AUDIT_BATCH_MAX);
		assert_int_equal(audit_log_prepare(&l), ERR_OK);
	}
	holds(fd, 1000);
	close(fd);
}

/* ---- room ---- */

static void
an_outcome_takes_no_more_than_its_bound(void **state)
{
	static const enum audit_type types[] = {AUDIT_KEY_OUTCOME,
	    AUDIT_SUBSCRIBER_OUTCOME, AUDIT_QUEUE_KEY_OUTCOME, AUDIT_ABANDONED};
	uint8_t leaf[MAX_AUDIT_LEAF];
	struct audit_log l;
	const int fd = memory();

	(void)state;
	opened(&l, fd);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		/* More than the type has: only what it has may count. */
		struct audit_entry e = intent();
		const uint64_t before = l.end;
		size_t len;

		e.type = types[i];
		e.ref = UINT64_MAX;
		e.n_keys = UINT32_MAX;
		e.reason = UINT8_MAX;
		e.text = e.client;
		assert_int_equal(audit_log_append(&l, &e, leaf, &len), ERR_OK);
		assert_true(l.end - before <= AUDIT_OUTCOME_RECORD_MAX);
		assert_true(l.end - before == 4 + len + MERKLE_HASH_LEN);
	}
	holds(fd, sizeof(types) / sizeof(types[0]));
	close(fd);
}

static void
room_for_outcomes_is_enough_for_them(void **state)
{
	struct audit_entry e = intent();
	struct audit_log l;
	uint64_t n;
	bool torn;
	const int fd = memory();

	(void)state;
	assert_int_equal(try_open(&l, fd, 20000, &torn), ERR_OK);
	while (audit_log_room(&l) >= AUDIT_RECORD_MAX)
		append(&l, 1);
	n = audit_log_room(&l) / AUDIT_OUTCOME_RECORD_MAX;
	assert_true(n > 10);
	e.type = AUDIT_KEY_OUTCOME;
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(audit_log_append(&l, &e, NULL, NULL), ERR_OK);
	close(fd);
}

static void
a_full_log_takes_nothing_and_can_be_read(void **state)
{
	struct audit_entry e = intent();
	struct audit_log l;
	struct file f;
	uint64_t n;
	bool torn;
	enum err rc;
	const int fd = memory();

	(void)state;
	assert_int_equal(try_open(&l, fd, 20000, &torn), ERR_OK);
	while ((rc = audit_log_append(&l, &e, NULL, NULL)) == ERR_OK)
		;
	assert_int_equal(rc, ERR_FULL);
	assert_false(l.failed);
	n = l.next;
	f = contents(fd);
	assert_true(n > 50 && f.len == 20000);
	assert_int_equal(audit_log_append(&l, &e, NULL, NULL), ERR_FULL);
	assert_int_equal(audit_log_prepare(&l), ERR_FULL);
	is_still(fd, &f);
	holds(fd, n);
	/* Started again it says so; and it goes on when it may. */
	assert_int_equal(try_open(&l, fd, 20000, &torn), ERR_FULL);
	assert_false(torn);
	is_still(fd, &f);
	l.most = 0;
	assert_int_equal(audit_log_prepare(&l), ERR_OK);
	append(&l, 1);
	holds(fd, n + 1);
	free(f.p);
	close(fd);
}

/* A file that may not grow: as on a full disk, no record is begun. */
static void
a_full_disk_is_met_before_a_record_is_begun(void **state)
{
	const struct rlimit tight = {CHUNK + 20000, RLIM_INFINITY};
	const struct rlimit wide = {RLIM_INFINITY, RLIM_INFINITY};
	struct audit_entry e = intent();
	char path[] = "/tmp/test_audit_log.XXXXXX";
	struct audit_log l;
	enum err rc, prepared;
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd != -1 && unlink(path) == 0);
	opened(&l, fd);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	do {
		rc = audit_log_append(&l, &e, NULL, NULL);
		prepared = audit_log_prepare(&l);
	} while (rc == ERR_OK);
	assert_int_equal(rc, ERR_FULL);
	assert_int_equal(prepared, ERR_FULL);
	assert_int_equal(audit_log_prepare(&l), ERR_FULL);
	assert_false(l.failed);
	holds(fd, l.next);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &wide), 0);
	assert_int_equal(audit_log_prepare(&l), ERR_OK);
	append(&l, 1);
	holds(fd, l.next);
	close(fd);
}

static void
after_a_write_that_failed_nothing_goes_in(void **state)
{
	struct audit_entry e = intent();
	struct audit_log l;
	uint64_t n;
	bool torn;
	const int fd = memory();
	char path[64];
	int again;

	(void)state;
	opened(&l, fd);
	append(&l, 3);
	n = l.end;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(again != -1);
	assert_int_equal(try_open(&l, again, 0, &torn), ERR_OK);
	assert_int_equal(audit_log_append(&l, &e, NULL, NULL), ERR_IO);
	assert_true(l.failed && l.end == n);
	l.fd = fd; /* even if it could be written now */
	assert_int_equal(audit_log_append(&l, &e, NULL, NULL), ERR_IO);
	assert_int_equal(audit_log_sync(&l), ERR_IO);
	assert_int_equal(audit_log_prepare(&l), ERR_IO);
	holds(fd, 3);
	close(again);
	close(fd);
}

static void
after_a_sync_that_failed_nothing_is_synced(void **state)
{
	struct audit_log l;
	int fd = memory();

	(void)state;
	opened(&l, fd);
	append(&l, 1);
	l.fd = -1;
	assert_int_equal(audit_log_sync(&l), ERR_IO);
	l.fd = fd;
	assert_int_equal(audit_log_sync(&l), ERR_IO);
	assert_true(l.synced < l.end);
	close(fd);
}

/* ---- what was changed ---- */

#define SOUND 4

/* A log of SOUND records with a little space behind, as a file. */
static struct file
sound(int fd, size_t *end)
{
	struct audit_log l;
	struct file f;

	opened(&l, fd);
	append(&l, SOUND);
	*end = (size_t)l.end;
	assert_int_equal(ftruncate(fd, (off_t)l.end + 600), 0);
	f = contents(fd);
	return f;
}

/*
 * One octet is another: reading finds it, and opening refuses it and leaves it
 * as it is.  A length that now reaches behind the end, or an octet behind it,
 * looks as if a record was not written to its end: there the log may be cut,
 * but not in silence.
 */
static void
refuses(const struct file *f, size_t at, size_t end, int fd)
{
	const size_t one = (end - AUDIT_LOG_HEADER_LEN) / SOUND;
	const bool torn_like = at >= end ||
	    (at >= AUDIT_LOG_HEADER_LEN &&
		(at - AUDIT_LOG_HEADER_LEN) % one < 4);
	uint8_t root[32];
	struct audit_log l;
	uint64_t n;
	bool torn = false;
	enum err rc;

	put(fd, f);
	rc = read_all(fd, &n, root);
	assert_true(rc == ERR_MALFORMED || (torn_like && rc == ERR_TRUNCATED));
	assert_true(n <= SOUND && (at < end || n == SOUND));
	rc = try_open(&l, fd, 0, &torn);
	if (torn_like && rc == ERR_OK)
		assert_true(torn && l.next == n);
	else {
		assert_int_equal(rc, ERR_MALFORMED);
		is_still(fd, f);
	}
}

static void
a_changed_octet_is_found_wherever_it_is(void **state)
{
	static const uint8_t flip[] = {0x01, 0x80, 0xff};
	struct file f;
	size_t end;
	int fd = memory();

	(void)state;
	f = sound(fd, &end);
	for (size_t at = 0; at < f.len; at++) {
		const uint8_t was = f.p[at];

		for (unsigned k = 0; k < sizeof(flip); k++) {
			f.p[at] = was ^ flip[k];
			refuses(&f, at, end, fd);
		}
		f.p[at] = 0;
		if (was != 0)
			refuses(&f, at, end, fd);
		f.p[at] = was;
	}
	free(f.p);
	close(fd);
}

static void
records_that_change_places_are_found(void **state)
{
	uint8_t root[32], *copy;
	struct audit_log l;
	struct file f;
	uint64_t n;
	size_t end, one;
	bool torn;
	int fd = memory();

	(void)state;
	f = sound(fd, &end);
	one = (end - AUDIT_LOG_HEADER_LEN) / SOUND;
	copy = malloc(one);
	assert_non_null(copy);
	memcpy(copy, f.p + AUDIT_LOG_HEADER_LEN, one);
	memmove(f.p + AUDIT_LOG_HEADER_LEN, f.p + AUDIT_LOG_HEADER_LEN + one,
	    one);
	memcpy(f.p + AUDIT_LOG_HEADER_LEN + one, copy, one);
	put(fd, &f);
	assert_int_equal(read_all(fd, &n, root), ERR_MALFORMED);
	assert_int_equal(try_open(&l, fd, 0, &torn), ERR_MALFORMED);
	is_still(fd, &f);
	free(copy);
	free(f.p);
	close(fd);
}

/* ---- what a crash left ---- */

static void
a_record_that_is_cut_off_goes_and_the_rest_stays(void **state)
{
	uint8_t root[32];
	struct audit_log l;
	struct file f;
	uint64_t n;
	size_t end, one;
	bool torn;
	int fd = memory();

	(void)state;
	f = sound(fd, &end);
	one = (end - AUDIT_LOG_HEADER_LEN) / SOUND;
	for (f.len = AUDIT_LOG_HEADER_LEN; f.len < end; f.len++) {
		const uint64_t whole = (f.len - AUDIT_LOG_HEADER_LEN) / one;
		/* Less than a length is no record yet. */
		const bool cut = (f.len - AUDIT_LOG_HEADER_LEN) % one >= 4;

		put(fd, &f);
		assert_int_equal(read_all(fd, &n, root),
		    cut ? ERR_TRUNCATED : ERR_NOTFOUND);
		assert_true(n == whole);
		assert_int_equal(try_open(&l, fd, 0, &torn), ERR_OK);
		assert_true(torn == cut);
		append(&l, 1);
		holds(fd, whole + 1);
	}
	free(f.p);
	close(fd);
}

/*
 * A batch was under way, and of the blocks it touches one did not reach the
 * disk: what was synced before stays, and at most what came after goes.
 */
static void
a_block_that_was_not_written_tears_the_batch(void **state)
{
	struct audit_log l;
	struct file f;
	uint64_t synced, end, before;
	bool torn;
	int fd = memory();

	(void)state;
	for (unsigned offset = 1; offset < 40; offset++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		opened(&l, fd);
		append(&l, offset);
		assert_int_equal(audit_log_sync(&l), ERR_OK);
		synced = l.end;
		before = l.next;
		append(&l, 12);
		end = l.end;
		f = contents(fd);
		for (uint64_t b = synced / BLOCK; b * BLOCK < end; b++) {
			const uint64_t from =
			    b * BLOCK > synced ? b * BLOCK : synced;
			uint8_t *hole = malloc(f.len);
			struct file g = {hole, f.len};

			assert_non_null(hole);
			memcpy(hole, f.p, f.len);
			memset(hole + from, 0, (b + 1) * BLOCK - from);
			put(fd, &g);
			assert_int_equal(try_open(&l, fd, 0, &torn), ERR_OK);
			assert_true(l.next >= before && l.end >= synced);
			append(&l, 1);
			holds(fd, l.next);
			free(hole);
		}
		free(f.p);
	}
	close(fd);
}

/* Any number of octets of a batch in order, the rest zero. */
static void
a_write_that_stopped_tears_the_batch(void **state)
{
	struct audit_log l;
	struct file f;
	uint64_t synced, end;
	bool torn;
	int fd = memory();

	(void)state;
	opened(&l, fd);
	append(&l, 2);
	synced = l.end;
	append(&l, 1);
	end = l.end;
	f = contents(fd);
	/* Three octets and fewer cannot be told from a changed hash. */
	for (uint64_t to = end - 4; to > synced; to--) {
		memset(f.p + to, 0, end - to);
		put(fd, &f);
		assert_int_equal(try_open(&l, fd, 0, &torn), ERR_OK);
		append(&l, 1);
		holds(fd, 3);
	}
	free(f.p);
	close(fd);
}

static void
a_hole_that_no_crash_leaves_is_refused(void **state)
{
	struct audit_log l;
	struct file f;
	uint64_t first;
	bool torn;
	int fd = memory();

	(void)state;
	opened(&l, fd);
	first = l.end;
	/* More than a batch behind it: that was synced. */
	while (l.end < first + 2 * BLOCK + AUDIT_BATCH_MAX) {
		append(&l, 1);
		assert_int_equal(audit_log_prepare(&l), ERR_OK);
	}
	f = contents(fd);
	memset(f.p + BLOCK, 0, BLOCK);
	put(fd, &f);
	assert_int_equal(try_open(&l, fd, 0, &torn), ERR_MALFORMED);
	is_still(fd, &f);
	free(f.p);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_log_is_empty_and_has_room),
	    cmocka_unit_test(leaves_are_read_as_they_were_given_out),
	    cmocka_unit_test(a_log_that_is_opened_again_goes_on_behind_its_end),
	    cmocka_unit_test(
		what_a_crash_can_leave_torn_is_never_more_than_a_batch),
	    cmocka_unit_test(an_outcome_takes_no_more_than_its_bound),
	    cmocka_unit_test(room_for_outcomes_is_enough_for_them),
	    cmocka_unit_test(a_full_log_takes_nothing_and_can_be_read),
	    cmocka_unit_test(a_full_disk_is_met_before_a_record_is_begun),
	    cmocka_unit_test(after_a_write_that_failed_nothing_goes_in),
	    cmocka_unit_test(after_a_sync_that_failed_nothing_is_synced),
	    cmocka_unit_test(a_changed_octet_is_found_wherever_it_is),
	    cmocka_unit_test(records_that_change_places_are_found),
	    cmocka_unit_test(a_record_that_is_cut_off_goes_and_the_rest_stays),
	    cmocka_unit_test(a_block_that_was_not_written_tears_the_batch),
	    cmocka_unit_test(a_write_that_stopped_tears_the_batch),
	    cmocka_unit_test(a_hole_that_no_crash_leaves_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
