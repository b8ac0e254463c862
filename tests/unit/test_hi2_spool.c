#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/hi2_spool.h"
#include "help.h"
#include "spool_look.h"

#define NOW 1800000000
#define DAY 86400
#define RESET "reset" /* in place of a cINReset */

static struct spool_key key;
static const uint8_t kms[QUEUE_DIGEST_LEN] = {1, 2, 3};

struct rig {
	char dir[64], path[96];
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

static int
set_up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	(void)snprintf(g->dir, sizeof(g->dir), "/tmp/kw-spool-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	(void)snprintf(g->path, sizeof(g->path), "%s/spool.db", g->dir);
	*state = g;
	return 0;
}

static int
tear_down(void **state)
{
	struct rig *g = *state;

	folder_remove(g->dir);
	free(g);
	return 0;
}

/* Made so long ago that a call not known is a new one, unless it says else. */
static struct spool_config
config(const char *path)
{
	return (struct spool_config){.path = path,
	    .spki = spool_key_spki(&key),
	    .kms = kms,
	    .machine = str("this machine")};
}

static struct spool *
opened(const char *path)
{
	const struct spool_config c = config(path);
	struct spool *s = NULL;
	struct why why = {""};

	if (spool_open(&c, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_non_null(s);
	return s;
}

static void
not_opened(const char *path, const uint8_t of[QUEUE_DIGEST_LEN],
    const char *says)
{
	struct spool_config c = config(path);
	struct spool *s = NULL;
	struct why why = {""};

	c.kms = of;
	assert_int_equal(spool_open(&c, &s, &why), ERR_MALFORMED);
	assert_null(s);
	if (strstr(why.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, says);
}

/* One record, whose octets say its sequence number; the first failure. */
static enum err
try_add(struct spool *s, const char *lemf, const char *liid, uint32_t cin,
    int64_t now, const char *pdu, uint32_t *sequence)
{
	struct why why = {""};
	struct spool_place p;
	char text[200];
	enum err rc;

	while ((rc = spool_place(s, str(lemf), str(liid), cin, now, &p,
		    &why)) == ERR_OK &&
	    p.reset)
		if ((rc = spool_put(s, &p, str(RESET), &why)) != ERR_OK)
			break;
	if (rc == ERR_OK) {
		(void)snprintf(text, sizeof(text), "%u %s", p.row.sequence,
		    pdu);
		*sequence = p.row.sequence;
		rc = spool_put(s, &p, str(text), &why);
	}
	if (rc != ERR_OK)
		assert_true(strlen(why.text) > 0);
	return rc;
}

static uint32_t
add_at(struct spool *s, const char *lemf, const char *liid, uint32_t cin,
    int64_t now)
{
	uint32_t sequence = UINT32_MAX;

	assert_int_equal(try_add(s, lemf, liid, cin, now, liid, &sequence),
	    ERR_OK);
	return sequence;
}

static uint32_t
add(struct spool *s, const char *lemf, const char *liid, uint32_t cin)
{
	return add_at(s, lemf, liid, cin, NOW);
}

static void
commit(struct spool *s)
{
	struct why why = {""};

	if (spool_commit(s, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static void
waits(const struct spool *s, uint64_t records, uint64_t octets)
{
	struct spool_counts c;

	spool_counts(s, &c);
	assert_int_equal(c.records, records);
	assert_int_equal(c.octets, octets);
}

/* How many have gone, from one number to another. */
static uint64_t
gone(struct spool *s, const char *lemf, uint64_t from, uint64_t upto,
    enum spool_fate fate)
{
	struct spool_extent e = {0};
	struct why why = {""};
	unsigned i = 0;

	assert_int_equal(spool_find(s, str(lemf), &i), ERR_OK);
	if (spool_remove(s, i, from, upto, fate, &e, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return e.records;
}

/* Rows, all of them sound, and how many keys. */
static void
holds(const char *path, unsigned n, unsigned n_keys)
{
	struct look l;

	look(path, &key, &l);
	assert_int_equal(l.n, n);
	assert_int_equal(l.n_keys, n_keys);
	look_done(&l);
}

/* ---- numbers ---- */

static void
numbers_are_per_lemf_liid_and_cin(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct look l;

	assert_int_equal(add(s, "north", "L1", 1), 0);
	assert_int_equal(add(s, "north", "L1", 1), 1);
	assert_int_equal(add(s, "south", "L1", 1), 0);
	assert_int_equal(add(s, "north", "L2", 1), 0);
	assert_int_equal(add(s, "north", "L1", 0xffffffff), 0);
	commit(s);
	assert_int_equal(add(s, "north", "L1", 1), 2);
	commit(s);
	spool_close(&s);
	assert_null(s);
	look(g->path, &key, &l);
	assert_int_equal(l.n, 6);
	assert_int_equal(l.row[0].number, 0);
	assert_int_equal(l.row[5].number, 0);
	assert_string_equal(l.row[5].lemf, "south");
	assert_int_equal(l.row[4].number, 4);
	assert_int_equal(l.row[3].cin, 0xffffffff);
	assert_int_equal(l.row[4].created, NOW);
	assert_int_equal(l.row[4].len, 4);
	assert_memory_equal(l.row[4].pdu, "2 L1", 4);
	look_done(&l);
}

static void
a_queue_that_is_opened_again_goes_on(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);

	waits(s, 0, 0);
	(void)add(s, "north", "L1", 1);
	(void)add(s, "south", "L1", 1);
	waits(s, 0, 0); /* nothing is there before the commit */
	commit(s);
	waits(s, 2, 8);
	spool_close(&s);
	s = opened(g->path);
	waits(s, 2, 8);
	assert_int_equal(add(s, "north", "L1", 1), 1);
	assert_int_equal(add(s, "east", "L1", 1), 0);
	commit(s);
	waits(s, 4, 16);
	spool_close(&s);
	holds(g->path, 4, 2);
}

static void
a_turn_given_up_leaves_nothing(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);

	(void)add(s, "north", "L1", 1);
	commit(s);
	assert_int_equal(add(s, "north", "L1", 1), 1);
	assert_int_equal(add(s, "south", "L9", 1), 0);
	spool_give_up(s);
	waits(s, 1, 4);
	assert_int_equal(add(s, "north", "L1", 1), 1);
	assert_int_equal(add(s, "west", "L9", 1), 0);
	commit(s);
	(void)add(s, "north", "L1", 1); /* closed without a commit */
	spool_close(&s);
	s = opened(g->path);
	waits(s, 3, 12);
	assert_int_equal(add(s, "north", "L1", 1), 2);
	commit(s);
	spool_close(&s);
	holds(g->path, 4, 2);
}

static void
a_place_not_used_changes_nothing(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct why why = {""};
	struct spool_place p;

	assert_int_equal(spool_place(s, str("unused"), str("L1"), 1, NOW, &p,
			     &why),
	    ERR_OK);
	commit(s); /* of nothing */
	assert_int_equal(spool_place(s, str("unused"), str("L1"), 1, NOW, &p,
			     &why),
	    ERR_OK);
	assert_int_equal(add(s, "north", "L1", 1), 0);
	commit(s);
	spool_close(&s);
	s = opened(g->path);
	waits(s, 1, 4);
	assert_int_equal(add(s, "unused", "L1", 1), 0);
	commit(s);
	spool_close(&s);
	s = opened(g->path);
	waits(s, 2, 8);
	spool_close(&s);
	holds(g->path, 2, 2);
}

static void
a_sequence_is_forgotten_after_its_time(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	const int64_t later = NOW + (SPOOL_SEQUENCE_DAYS + 1) * DAY;

	(void)add(s, "north", "old", 1);
	(void)add(s, "north", "used", 1);
	commit(s);
	(void)add_at(s, "north", "used", 1, later - DAY);
	commit(s);
	assert_int_equal(add_at(s, "north", "used", 1, later), 2);
	commit(s);
	assert_int_equal(add_at(s, "north", "old", 1, later), 0);
	assert_int_equal(add_at(s, "north", "used", 1, later), 3);
	commit(s);
	spool_close(&s);
}

static void
a_bad_name_of_a_lemf_is_refused(void **state)
{
	static const char name[QUEUE_LEMF_MAX + 1] = "long";
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct why why = {""};
	struct spool_place p;

	assert_int_equal(spool_place(s, view(name, sizeof(name)), str("L1"), 1,
			     NOW, &p, &why),
	    ERR_MALFORMED);
	spool_give_up(s);
	assert_int_equal(spool_place(s, view(name, 0), str("L1"), 1, NOW, &p,
			     &why),
	    ERR_MALFORMED);
	spool_give_up(s);
	assert_int_equal(spool_place(s, view(name, QUEUE_LEMF_MAX), str("L1"),
			     1, NOW, &p, &why),
	    ERR_OK);
	spool_close(&s);
}

/* ---- keys ---- */

static void
data_keys_go_when_no_row_needs_them(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct look l;

	(void)add(s, "north", "L1", 1);
	commit(s);
	spool_change_key(s);
	(void)add(s, "north", "L1", 1);
	commit(s);
	spool_close(&s);
	look(g->path, &key, &l);
	assert_int_equal(l.n_keys, 2);
	assert_int_equal(l.row[1].key, l.row[0].key + 1);
	look_done(&l);
	s = opened(g->path);
	assert_int_equal(gone(s, "north", 0, 0, SPOOL_DELIVERED), 1);
	commit(s);
	waits(s, 1, 4);
	assert_int_equal(add(s, "north", "L1", 1), 2);
	commit(s);
	spool_close(&s);
	holds(g->path, 2, 2);
}

static void
numbers_of_rows_gone_are_not_given_again(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct look l;

	for (unsigned i = 0; i < 5; i++)
		(void)add(s, "north", "L1", 1);
	commit(s);
	assert_int_equal(gone(s, "north", 0, 4, SPOOL_DELIVERED), 5);
	commit(s);
	waits(s, 0, 0);
	spool_close(&s);
	s = opened(g->path);
	waits(s, 0, 0);
	assert_int_equal(add(s, "north", "L1", 1), 5);
	commit(s);
	spool_close(&s);
	look(g->path, &key, &l);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.row[0].number, 5);
	assert_int_equal(l.row[0].key, 2);
	assert_int_equal(l.n_keys, 1);
	look_done(&l);
}

static void
no_queue_without_a_key_to_seal_to(void **state)
{
	struct rig *g = *state;
	struct spool_config c = config(g->path);
	struct spool *s = NULL;
	struct why why = {""};

	c.spki = str("no key");
	assert_int_equal(spool_open(&c, &s, &why), ERR_MALFORMED);
	assert_null(s);
	c.spki = view(NULL, 0);
	assert_int_equal(spool_open(&c, &s, &why), ERR_MALFORMED);
	assert_null(s);
}

/* ---- nothing readable ---- */

static bool
file_has(const char *dir, const char *name, const char *what)
{
	char path[160];
	uint8_t *p;
	size_t len = 0;
	bool has;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (access(path, F_OK) != 0)
		return false;
	p = slurp(path, &len);
	has = memmem(p, len, what, strlen(what)) != NULL;
	free(p);
	return has;
}

static void
nothing_is_readable_on_the_disk(void **state)
{
	static const char *const planted[] = {"LIID-PLANTED-17",
	    "sip:planted@example.org", "Tk0PlantedSecret"};
	static const char *const files[] = {"spool.db", "spool.db-wal"};
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	char pdu[128];
	uint32_t seq;

	(void)snprintf(pdu, sizeof(pdu), "%s %s %s", planted[0], planted[1],
	    planted[2]);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(try_add(s, "north", planted[0], i % 7, NOW,
				     pdu, &seq),
		    ERR_OK);
		if (i % 10 == 9)
			commit(s);
	}
	/* While it is open, and what a close leaves; names are there. */
	for (unsigned open = 2; open-- > 0;) {
		assert_true(file_has(g->dir, files[open], "north"));
		for (unsigned i = 0; i < 3; i++)
			for (unsigned f = 0; f < 2; f++)
				assert_false(
				    file_has(g->dir, files[f], planted[i]));
		if (s != NULL)
			spool_close(&s);
	}
	holds(g->path, 100, 1);
}

/* ---- crashes ---- */

#define CRASHES 40
#define TOLD_MAX 20000

/* What the child says it has been told is on disk. */
struct told {
	uint32_t lemf, liid, cin, sequence, turn, serial;
};

static const char *const lemfs[] = {"north", "south"};
static const char *const liids[] = {"L1", "L2", "L3"};

static void
child(const char *path, int out, unsigned seed)
{
	struct spool *s = opened(path);
	struct why why = {""};
	static uint32_t serial;

	srandom(seed);
	for (uint32_t turn = 0;; turn++) {
		struct told t[16];
		const unsigned n = 1 + (unsigned)random() % 16;

		for (unsigned i = 0; i < n; i++) {
			char pdu[40];

			t[i] = (struct told){(uint32_t)random() % 2,
			    (uint32_t)random() % 3, (uint32_t)random() % 3, 0,
			    turn, serial++};
			(void)snprintf(pdu, sizeof(pdu), "%u %u", seed,
			    t[i].serial);
			if (try_add(s, lemfs[t[i].lemf], liids[t[i].liid],
				t[i].cin, NOW, pdu, &t[i].sequence) != ERR_OK)
				_exit(3);
		}
		if (spool_commit(s, &why) != ERR_OK)
			_exit(4);
		if (write(out, t, n * sizeof(t[0])) !=
		    (ssize_t)(n * sizeof(t[0])))
			_exit(5);
	}
}

/* Runs it for a while and kills it; how many records it was told of. */
static unsigned
run_and_kill(const char *path, unsigned seed, struct told *told)
{
	const struct timespec wait = {0, (long)(seed * 7919 % 25) * 1000000};
	int fd[2], status;
	size_t have = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fd[0]);
		child(path, fd[1], seed);
		_exit(1);
	}
	close(fd[1]);
	/* Its first turn is there: it runs. */
	n = read(fd[0], told, sizeof(*told));
	assert_int_equal(n, sizeof(*told));
	have = (size_t)n;
	(void)nanosleep(&wait, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while ((n = read(fd[0], (char *)told + have,
		    TOLD_MAX * sizeof(*told) - have)) > 0)
		have += (size_t)n;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return (unsigned)(have / sizeof(*told));
}

/* Each record told is there, once, under the number that it was told. */
static void
check_told(const struct look *l, unsigned seed, const struct told *told,
    unsigned n)
{
	unsigned at[2] = {0, 0};

	while (at[1] < l->n && strcmp(l->row[at[1]].lemf, lemfs[0]) == 0)
		at[1]++;
	for (unsigned i = 0; i < n; i++) {
		const struct told *t = &told[i];
		const struct look_row *r = &l->row[at[t->lemf]++];
		char pdu[64];

		/* In order, so the record is just there. */
		assert_true(at[t->lemf] <= l->n);
		(void)snprintf(pdu, sizeof(pdu), "%u %u %u", t->sequence, seed,
		    t->serial);
		assert_int_equal(r->len, strlen(pdu));
		assert_memory_equal(r->pdu, pdu, strlen(pdu));
		assert_int_equal(r->sequence, t->sequence);
		assert_string_equal(r->lemf, lemfs[t->lemf]);
		assert_int_equal(r->cin, t->cin);
	}
	/* Beyond them: one turn, on disk and not told. */
	assert_true(l->n - n <= 16);
}

static void
every_record_told_is_there_after_a_crash(void **state)
{
	struct rig *g = *state;
	struct told *told = calloc(TOLD_MAX, sizeof(*told));
	unsigned all = 0;
	struct look l;

	assert_non_null(told);
	for (unsigned i = 0; i < CRASHES; i++) {
		const unsigned n = run_and_kill(g->path, i, told);

		look(g->path, &key, &l);
		check_told(&l, i, told, n);
		/* Taken away like delivered ones: the next look is short. */
		look_exec(g->path,
		    "DELETE FROM records; UPDATE keys SET records = 0;"
		    "UPDATE lemfs SET delivered = next, records = 0,"
		    " octets = 0");
		all += l.n;
		look_done(&l);
	}
	assert_true(all >= CRASHES);
	free(told);
}

static void
copy_file(const char *from, const char *to, size_t most)
{
	size_t len = 0;
	uint8_t *p = slurp(from, &len);
	FILE *f = fopen(to, "w");

	assert_non_null(f);
	if (len > most)
		len = most;
	assert_int_equal(fwrite(p, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(p);
}

/*
 * The power goes: of the log, what was not synced may be there or not, up to
 * any octet.  Whole turns are there, from the first one on.
 */
static void
a_torn_log_loses_whole_turns_from_the_end(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	char wal[128], at[96], at_wal[128];
	unsigned last = 0;
	struct stat st;

	(void)snprintf(wal, sizeof(wal), "%s-wal", g->path);
	(void)snprintf(at, sizeof(at), "%.60s/torn.db", g->dir);
	(void)snprintf(at_wal, sizeof(at_wal), "%s-wal", at);
	for (unsigned turn = 0; turn < 6; turn++) {
		for (unsigned i = 0; i < 4; i++)
			(void)add(s, lemfs[i % 2], liids[turn % 3], 1);
		commit(s);
	}
	assert_int_equal(stat(wal, &st), 0);
	for (size_t len = 0; len <= (size_t)st.st_size;
	     len += (size_t)st.st_size / 60 + 1) {
		struct look l;
		struct spool *t;

		copy_file(g->path, at, SIZE_MAX);
		copy_file(wal, at_wal, len);
		/* Before the first turn's, there may be no table yet. */
		t = opened(at);
		spool_close(&t);
		look(at, &key, &l);
		assert_int_equal(l.n % 4, 0);
		assert_true(l.n >= last);
		last = l.n;
		t = opened(at);
		(void)add(t, lemfs[0], liids[0], 1);
		commit(t);
		spool_close(&t);
		look_done(&l);
		/* It is a copy: what it knows is numbered anew. */
		holds(at, last > 0 ? last + 2 : 1, last > 0 ? 2 : 1);
		assert_int_equal(unlink(at), 0);
	}
	spool_close(&s);
	holds(g->path, 24, 1);
	assert_true(last >= 16);
}

/* ---- a disk that is full ---- */

typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);

static pwrite_fn *real_pwrite;
static int writes_left = -1; /* until they fail; -1: they do not */
static int write_errno;

static bool no_growth; /* files keep their size */

static ssize_t
failing_pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct stat st;

	if (no_growth && fstat(fd, &st) == 0 && at + (off_t)n > st.st_size) {
		errno = ENOSPC;
		return -1;
	}
	if (writes_left == 0) {
		errno = write_errno;
		return -1;
	}
	if (writes_left > 0)
		writes_left--;
	return real_pwrite(fd, p, n, at);
}

static void
hook_writes(bool on)
{
	sqlite3_vfs *v = sqlite3_vfs_find("unix");
	static const char *const names[] = {"pwrite64", "pwrite"};

	real_pwrite = pwrite;
	for (unsigned i = 0; i < 2; i++)
		(void)v->xSetSystemCall(v, names[i],
		    on ? (sqlite3_syscall_ptr)failing_pwrite : NULL);
	writes_left = -1;
}

/* A turn of `n`; the first failure, after which it is given up. */
static enum err
turn(struct spool *s, unsigned n)
{
	struct why why = {""};
	enum err rc = ERR_OK, again;
	uint32_t seq;

	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = try_add(s, lemfs[i % 2], "L1", 1, NOW, "a record", &seq);
	if (rc != ERR_OK) { /* it stays so until it is given up */
		again = try_add(s, lemfs[0], "L1", 1, NOW, "a record", &seq);
		assert_int_equal(again, rc);
		assert_int_equal(spool_commit(s, &why), rc);
	} else
		rc = spool_commit(s, &why);
	if (rc != ERR_OK)
		spool_give_up(s);
	return rc;
}

static void
fail_each_write(const char *path, int with, enum err want)
{
	unsigned failures = 0;

	write_errno = with;
	for (int at = 0;; at++) {
		struct spool *s = opened(path);
		enum err rc;

		assert_int_equal(turn(s, 3), ERR_OK);
		writes_left = at;
		rc = turn(s, 300);
		const bool reached = writes_left == 0;
		writes_left = -1;
		if (rc != ERR_OK) {
			assert_int_equal(rc, want);
			failures++;
			waits(s, 3, 3 * 10);
			assert_int_equal(turn(s, 4), ERR_OK);
			waits(s, 7, 7 * 10);
		} else
			assert_true(!reached || at > 0);
		spool_close(&s);
		holds(path, rc != ERR_OK ? 7 : 303, 1);
		assert_int_equal(unlink(path), 0);
		if (rc == ERR_OK)
			break;
	}
	assert_true(failures > 10);
}

static void
a_full_disk_loses_nothing_that_was_told(void **state)
{
	struct rig *g = *state;

	hook_writes(true);
	fail_each_write(g->path, ENOSPC, ERR_FULL);
	hook_writes(false);
}

/* One record, of a size that records have; a full disk is no failure. */
static bool
add_large(struct spool *s, unsigned n)
{
	static uint8_t pdu[1600];
	struct why why = {""};
	struct spool_place p;
	enum err rc = ERR_OK;

	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		if ((rc = spool_place(s, str("north"), str("L1"), 1, NOW, &p,
			 &why)) == ERR_OK)
			rc = spool_put(s, &p, view(pdu, sizeof(pdu)), &why);
	if (rc == ERR_OK)
		rc = spool_commit(s, &why);
	if (rc != ERR_OK) {
		assert_int_equal(rc, ERR_FULL);
		spool_give_up(s);
	}
	spool_tidy(s);
	return rc == ERR_OK;
}

/* What is delivered can leave, and what comes then takes its room. */
static void
a_full_disk_lets_go_what_is_delivered(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	struct spool_lemf before, l;
	struct spool_extent e;
	struct why why = {""};
	unsigned stored = 0;

	hook_writes(true);
	while (stored < 2500 && add_large(s, 50))
		stored += 50;
	no_growth = true;
	while (stored < 40000 && add_large(s, 50))
		stored += 50;
	assert_in_range(stored, 2500, 39999);
	assert_true(spool_lemf(s, 0, &before));
	for (uint64_t from = 0; from < 1000; from += 100) {
		enum err rc = ERR_FULL;

		/* Once the log has been moved there is room in it. */
		for (unsigned i = 0; i < 2 && rc != ERR_OK; i++) {
			rc = spool_remove(s, 0, from, from + 99,
			    SPOOL_DELIVERED, &e, &why);
			if (rc == ERR_OK)
				rc = spool_commit(s, &why);
			if (rc != ERR_OK)
				spool_give_up(s);
			spool_tidy(s);
		}
		assert_int_equal(rc, ERR_OK);
	}
	stored = 0;
	for (unsigned i = 0; i < 15; i++)
		stored += add_large(s, 50) ? 50 : 0;
	assert_true(stored >= 650);
	assert_true(spool_lemf(s, 0, &l));
	assert_int_equal(l.records, before.records - 1000 + stored);
	no_growth = false;
	hook_writes(false);
	spool_close(&s);
	holds(g->path, (unsigned)l.records, 1);
}

static void
a_failing_disk_loses_nothing_that_was_told(void **state)
{
	struct rig *g = *state;

	hook_writes(true);
	fail_each_write(g->path, EIO, ERR_IO);
	hook_writes(false);
}

/* ---- not ours, or damaged ---- */

static void
unchanged_not_opened(const struct rig *g, const uint8_t *of, const char *says)
{
	uint8_t *before, *after;
	size_t n = 0, m = 0;

	before = slurp(g->path, &n);
	not_opened(g->path, of, says);
	after = slurp(g->path, &m);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
}

static void
another_database_is_left_as_it_is(void **state)
{
	struct rig *g = *state;
	FILE *f;

	look_exec(g->path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
	unchanged_not_opened(g, kms, "another program");
	assert_int_equal(unlink(g->path), 0);
	look_exec(g->path, "PRAGMA application_id = 7");
	unchanged_not_opened(g, kms, "another program");
	f = fopen(g->path, "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 1000; i++)
		(void)fprintf(f, "this is no database\n");
	assert_int_equal(fclose(f), 0);
	unchanged_not_opened(g, kms, "move the file away");
}

static void
a_queue_of_another_version_or_kms_is_left_as_it_is(void **state)
{
	static const uint8_t other[QUEUE_DIGEST_LEN] = {9};
	struct rig *g = *state;
	struct spool *s = opened(g->path);

	(void)add(s, "north", "L1", 1);
	commit(s);
	spool_close(&s);
	unchanged_not_opened(g, other, "another KMS state");
	look_exec(g->path, "PRAGMA user_version = 3");
	unchanged_not_opened(g, kms, "version 3");
	look_exec(g->path, "PRAGMA user_version = 2");
	holds(g->path, 1, 1);
	s = opened(g->path);
	waits(s, 1, 4);
	spool_close(&s);
}

static void
a_damaged_queue_says_so(void **state)
{
	static const char *const damage[] = {
	    "DROP TABLE records",
	    "DELETE FROM spool",
	    "UPDATE lemfs SET next = -1",
	    "UPDATE lemfs SET records = 9",
	    "UPDATE lemfs SET octets = -1",
	    "UPDATE lemfs SET id = 2",
	    "UPDATE lemfs SET name = x''",
	    "UPDATE sqlite_sequence SET seq = -5 WHERE name = 'keys'",
	};
	struct rig *g = *state;
	struct spool *s;

	for (unsigned i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		s = opened(g->path);
		(void)add(s, "north", "L1", 1);
		commit(s);
		spool_close(&s);
		look_exec(g->path, damage[i]);
		not_opened(g->path, kms, "damaged");
		assert_int_equal(unlink(g->path), 0);
	}
}

static void
damage_found_later_ends_the_turn(void **state)
{
	static const char *const damage[] = {
	    "UPDATE sequences SET next = -1",
	    "UPDATE sequences SET next = 4294967296",
	    "UPDATE lemfs SET next = 0, records = 0",
	};
	struct rig *g = *state;

	for (unsigned i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct spool *s = opened(g->path);
		struct why why = {""};
		uint32_t seq;

		(void)add(s, "north", "L1", 1);
		commit(s);
		spool_close(&s);
		look_exec(g->path, damage[i]);
		s = opened(g->path);
		assert_int_equal(try_add(s, "north", "L1", 1, NOW, "x", &seq),
		    ERR_MALFORMED);
		assert_int_equal(spool_commit(s, &why), ERR_MALFORMED);
		spool_close(&s);
		assert_int_equal(unlink(g->path), 0);
	}
}

static void
one_process_at_a_time(void **state)
{
	struct rig *g = *state;
	struct spool *s = opened(g->path);
	int status;
	pid_t pid;

	(void)add(s, "north", "L1", 1);
	commit(s);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct spool_config c = config(g->path);
		struct spool *t = NULL;
		struct why why;

		_exit(spool_open(&c, &t, &why) == ERR_IO ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	spool_close(&s);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(numbers_are_per_lemf_liid_and_cin),
	    TEST(a_queue_that_is_opened_again_goes_on),
	    TEST(a_turn_given_up_leaves_nothing),
	    TEST(a_place_not_used_changes_nothing),
	    TEST(a_sequence_is_forgotten_after_its_time),
	    TEST(a_bad_name_of_a_lemf_is_refused),
	    TEST(data_keys_go_when_no_row_needs_them),
	    TEST(numbers_of_rows_gone_are_not_given_again),
	    TEST(no_queue_without_a_key_to_seal_to),
	    TEST(nothing_is_readable_on_the_disk),
	    TEST(every_record_told_is_there_after_a_crash),
	    TEST(a_torn_log_loses_whole_turns_from_the_end),
	    TEST(a_full_disk_loses_nothing_that_was_told),
	    TEST(a_full_disk_lets_go_what_is_delivered),
	    TEST(a_failing_disk_loses_nothing_that_was_told),
	    TEST(another_database_is_left_as_it_is),
	    TEST(a_queue_of_another_version_or_kms_is_left_as_it_is),
	    TEST(a_damaged_queue_says_so),
	    TEST(damage_found_later_ends_the_turn),
	    TEST(one_process_at_a_time),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
