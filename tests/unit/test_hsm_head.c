/* The sealed head in its file, against a real SoftHSM token. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hsm_proc.h"
#include "help.h"
#include "softhsm.h"

#define SLOT 512
#define SEALED 56 /* magic, number, hash, time */
#define USED (SEALED + HSM_SEAL_LEN)
#define FILE_MAX (SLOT + USED)
#define OTHER_LABEL "another token"

extern char **environ;

static struct softhsm soft;
static struct hsm_proc p; /* of which hsm_head has the token and the file */

void
hsm_doubt_token(struct hsm_proc *hp)
{
	(void)hp;
}

static void
open_token(const char *label)
{
	struct why why = {""};

	if (hsm_open(soft.module, label, soft.pin, &p.token, &why) != ERR_OK ||
	    hsm_find_keys(p.token, &why) != ERR_OK)
		fail_msg("%s: %s", label, why.text);
}

static void
make_keys(const char *label)
{
	uint8_t point[IBE_POINT_MAX];
	struct ibe_setup *setup = NULL;
	struct why why = {""};
	struct hsm *h = NULL;
	size_t len;

	assert_int_equal(ibe_setup_new("ss512", &setup), ERR_OK);
	if (hsm_open(soft.module, label, soft.pin, &h, &why) != ERR_OK ||
	    hsm_create_keys(h, ibe_setup_ec_params(setup), point, &len, &why) !=
		ERR_OK)
		fail_msg("%s: %s", label, why.text);
	ibe_setup_free(&setup);
	hsm_close(&h);
}

static int
tokens_init(void **state)
{
	struct why why = {""};

	(void)state;
	softhsm_init(&soft);
	if (hsm_init_token(soft.module, OTHER_LABEL, soft.so_pin, soft.pin,
		&why) != ERR_OK)
		fail_msg("%s", why.text);
	make_keys(SOFTHSM_LABEL);
	make_keys(OTHER_LABEL);
	return 0;
}

static int
tokens_done(void **state)
{
	(void)state;
	softhsm_done(&soft);
	return 0;
}

static int
open_file(void **state)
{
	(void)state;
	p.head_fd = memfd_create("head", MFD_CLOEXEC);
	assert_int_not_equal(p.head_fd, -1);
	open_token(SOFTHSM_LABEL);
	return 0;
}

static int
close_file(void **state)
{
	(void)state;
	hsm_close(&p.token);
	close(p.head_fd);
	return 0;
}

/* ---- heads ---- */

static struct head
head_of(uint64_t number, uint8_t hash)
{
	struct head h = {.number = number};

	memset(h.hash, hash, sizeof(h.hash));
	return h;
}

static void
create(uint64_t number, int64_t time)
{
	const struct head h = head_of(number, (uint8_t)number);
	struct why why = {""};

	if (hsm_head_create(&p, &h, time, &why) != ERR_OK)
		fail_msg("%s", why.text);
}

static enum err
try_write(uint64_t number, uint8_t hash, int64_t time)
{
	const struct head h = head_of(number, hash);
	struct why why = {""};
	struct sealed_head out;
	const enum err rc = hsm_head_write(&p, &h, time, &out, &why);

	if (rc == ERR_OK) {
		assert_true(head_equal(&out.head, &h));
		assert_true(out.time == time);
	} else
		assert_string_not_equal(why.text, "");
	return rc;
}

/* With the hash of its number. */
static void
written(uint64_t number, int64_t time)
{
	assert_int_equal(try_write(number, (uint8_t)number, time), ERR_OK);
}

static struct sealed_head
last(void)
{
	struct why why = {""};
	struct sealed_head s;

	if (hsm_head_read(&p, &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

static void
last_is(uint64_t number, int64_t time)
{
	const struct sealed_head s = last();
	const struct head want = head_of(number, (uint8_t)number);

	assert_true(s.head.number == number);
	assert_true(head_equal(&s.head, &want));
	assert_true(s.time == time);
}

static void
no_head(void)
{
	struct why why = {""};
	struct sealed_head s;

	assert_int_equal(hsm_head_read(&p, &s, &why), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "backup"));
	/* and none is made by writing: that would be a way back */
	assert_int_equal(try_write(1000, 1, 1), ERR_MALFORMED);
}

/* ---- the file ---- */

struct file {
	uint8_t octets[FILE_MAX + 1];
	size_t len;
};

static struct file
file_now(void)
{
	struct file f = {.len = 0};
	const ssize_t n = pread(p.head_fd, f.octets, sizeof(f.octets), 0);

	assert_true(n >= 0 && n <= FILE_MAX);
	f.len = (size_t)n;
	return f;
}

static void
file_is(const struct file *f)
{
	assert_int_equal(ftruncate(p.head_fd, 0), 0);
	assert_int_equal(pwrite(p.head_fd, f->octets, f->len, 0),
	    (ssize_t)f->len);
}

static bool
same_file(const struct file *a, const struct file *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* ---- tests ---- */

static void
the_first_is_read_as_it_was_made(void **state)
{
	(void)state;
	no_head();
	create(0, 1769860800);
	last_is(0, 1769860800);
	assert_int_equal(file_now().len, USED);
}

static void
a_slot_has_what_the_head_says_and_its_seal(void **state)
{
	static const uint8_t want[SEALED] = {'K', 'W', 'H', 'E', 'A', 'D', '1',
	    0, 1, 2, 3, 4, 5, 6, 7, 8, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51,
	    0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51,
	    0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51, 0x51,
	    0x51, 0x51, 0x51, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
	const struct head h = head_of(0x0102030405060708, 0x51);
	struct why why = {""};
	struct sealed_head out;
	struct file f;
	struct rd seal;

	(void)state;
	create(1, 1);
	assert_int_equal(hsm_head_write(&p, &h, -2, &out, &why), ERR_OK);
	f = file_now();
	assert_int_equal(f.len, FILE_MAX);
	assert_memory_equal(f.octets + SLOT, want, sizeof(want));
	assert_memory_equal(f.octets + SLOT + SEALED, out.seal, HSM_SEAL_LEN);
	rd_init(&seal, out.seal, sizeof(out.seal));
	assert_int_equal(hsm_seal_check(p.token, HSM_KEY_SEAL_STATE, want,
			     sizeof(want), seal),
	    ERR_OK);
	assert_memory_equal(last().seal, out.seal, HSM_SEAL_LEN);
}

static void
heads_are_written_to_both_slots_in_turn(void **state)
{
	struct file before, after;

	(void)state;
	create(0, 100);
	for (unsigned n = 1; n < 20; n++) {
		const size_t kept = n % 2 == 1 ? 0 : SLOT;
		const size_t changed = SLOT - kept;

		before = file_now();
		written(n, 100 + n);
		after = file_now();
		last_is(n, 100 + n);
		/* what was the last is still there, to the octet */
		assert_memory_equal(after.octets + kept, before.octets + kept,
		    USED);
		assert_memory_not_equal(after.octets + changed,
		    before.octets + changed, USED);
	}
}

static void
a_head_below_the_last_is_refused(void **state)
{
	struct file before, after;

	(void)state;
	create(0, 100);
	written(300, 101);
	written(301, 102);
	before = file_now();
	for (uint64_t n = 0; n < 301; n += 25)
		assert_int_equal(try_write(n, (uint8_t)n, 1000), ERR_MISMATCH);
	assert_int_equal(try_write(300, (uint8_t)300, 1000), ERR_MISMATCH);
	after = file_now();
	assert_true(same_file(&before, &after));
	last_is(301, 102);
}

static void
another_head_of_the_same_number_is_refused(void **state)
{
	struct head h = head_of(7, 7);
	struct file before, after;
	struct sealed_head out;
	struct why why;

	(void)state;
	create(0, 100);
	written(7, 101);
	before = file_now();
	for (size_t i = 0; i < sizeof(h.hash); i++) {
		h.hash[i] ^= 0x80;
		assert_int_equal(hsm_head_write(&p, &h, 102, &out, &why),
		    ERR_MISMATCH);
		h.hash[i] ^= 0x80;
	}
	after = file_now();
	assert_true(same_file(&before, &after));
	last_is(7, 101);
}

/* The time in it is brought up to date while the state stays as it is. */
static void
the_same_head_is_written_again_with_a_later_time(void **state)
{
	(void)state;
	create(7, 100);
	for (int64_t t = 101; t < 106; t++) {
		written(7, t);
		last_is(7, t);
	}
	/* of one number the later time counts, whichever came last */
	written(7, 50);
	last_is(7, 105);
	written(7, 106);
	last_is(7, 106);
}

static void
a_higher_number_counts_with_an_earlier_time(void **state)
{
	(void)state;
	create(7, 1000);
	written(8, 10); /* a clock that was accepted */
	last_is(8, 10);
	written(9, 5);
	last_is(9, 5);
}

static void
numbers_to_the_last_are_compared_whole(void **state)
{
	(void)state;
	create(0, 1);
	written(UINT32_MAX, 2);
	written(UINT32_MAX + 1ULL, 3);
	last_is(UINT32_MAX + 1ULL, 3);
	assert_int_equal(try_write(1, 1, 4), ERR_MISMATCH);
	written(UINT64_MAX, 5);
	last_is(UINT64_MAX, 5);
	assert_int_equal(try_write(0, 0, 6), ERR_MISMATCH);
}

/* What a newest slot was spoilt to: the other one is read, and written on. */
static void
falls_back(const struct file *spoilt, size_t newest, uint64_t number)
{
	struct file after;

	file_is(spoilt);
	last_is(number - 1, 100);
	written(number, 200); /* the change is sealed again */
	last_is(number, 200);
	after = file_now();
	assert_memory_equal(after.octets + SLOT - newest,
	    spoilt->octets + SLOT - newest, USED);
}

static void
a_torn_slot_falls_back_to_the_other(void **state)
{
	(void)state;
	create(0, 100);
	written(1, 100);
	for (uint64_t number = 1; number < 3; number++) {
		const size_t newest = number == 1 ? SLOT : 0;
		const struct file whole = file_now();
		struct file f;

		for (size_t i = newest; i < newest + USED; i++) {
			f = whole;
			f.octets[i] ^= (uint8_t)(1U << i % 8);
			falls_back(&f, newest, number);
			/* a write that ended here, over zeros */
			f = whole;
			memset(f.octets + i, 0, newest + USED - i);
			if (!same_file(&f, &whole)) /* a seal that ends so */
				falls_back(&f, newest, number);
			f.len = newest == SLOT ? i : f.len;
			if (newest == SLOT)
				falls_back(&f, newest, number);
		}
		file_is(&whole);
		written(number + 1, 100);
	}
}

/* The beginning of a new head over the end of the one before it. */
static void
half_of_each_of_two_heads_is_none(void **state)
{
	struct file old, new, f;

	(void)state;
	create(1, 100);
	written(2, 100);
	old = file_now();
	written(3, 100);
	new = file_now();
	for (size_t i = 1; i < USED; i++) {
		f = old;
		memcpy(f.octets, new.octets, i);
		if (same_file(&f, &old) || same_file(&f, &new))
			continue;
		file_is(&f);
		last_is(2, 100);
	}
}

static void
with_both_slots_bad_there_is_no_head(void **state)
{
	struct file whole, f, after;

	(void)state;
	create(1, 100);
	written(2, 101);
	whole = file_now();
	for (size_t i = 0; i < USED; i++) {
		f = whole;
		f.octets[i] ^= 1;
		f.octets[SLOT + (i * 7 + 3) % USED] ^= 0x40;
		file_is(&f);
		no_head();
		after = file_now();
		assert_true(same_file(&f, &after));
	}
	for (size_t len = 0; len < USED; len++) {
		f = whole;
		f.len = len;
		file_is(&f);
		no_head();
	}
	f = whole;
	memset(f.octets, 0, sizeof(f.octets));
	file_is(&f);
	no_head();
}

/* An older slot that was put in the place of the newest is just the older. */
static void
the_same_slot_twice_is_that_head(void **state)
{
	struct file f;

	(void)state;
	create(1, 100);
	written(2, 101);
	f = file_now();
	memcpy(f.octets, f.octets + SLOT, USED);
	file_is(&f);
	last_is(2, 101);
	written(3, 102);
	last_is(3, 102);
	f = file_now();
	memcpy(f.octets, f.octets + SLOT, USED);
	memcpy(f.octets + SLOT, file_now().octets, USED);
	file_is(&f);
	last_is(3, 102);
}

static void
the_seal_of_another_token_is_refused(void **state)
{
	struct file theirs, ours, f;

	(void)state;
	create(5, 100);
	written(6, 101);
	ours = file_now();
	hsm_close(&p.token);
	open_token(OTHER_LABEL);
	no_head();
	file_is(&(struct file){.len = 0});
	create(8, 200);
	written(9, 201);
	theirs = file_now();
	hsm_close(&p.token);
	open_token(SOFTHSM_LABEL);
	no_head();
	/* a higher number of theirs in one slot is nothing to us */
	f = ours;
	memcpy(f.octets, theirs.octets + SLOT, USED);
	file_is(&f);
	last_is(6, 101);
	written(7, 102);
	last_is(7, 102);
}

/* It is sealed with the same key as the KMS state and cannot be one. */
static void
another_thing_that_this_token_sealed_is_no_head(void **state)
{
	struct file f = {.len = USED};

	(void)state;
	memcpy(f.octets, "KWHEAD2", 8);
	assert_int_equal(hsm_seal(p.token, HSM_KEY_SEAL_STATE, f.octets, SEALED,
			     f.octets + SEALED),
	    ERR_OK);
	file_is(&f);
	no_head();
	memcpy(f.octets, "KWHEAD1", 8);
	assert_int_equal(hsm_seal(p.token, HSM_KEY_SEAL_REGISTRY, f.octets,
			     SEALED, f.octets + SEALED),
	    ERR_OK);
	file_is(&f);
	no_head();
	assert_int_equal(hsm_seal(p.token, HSM_KEY_SEAL_STATE, f.octets, SEALED,
			     f.octets + SEALED),
	    ERR_OK);
	file_is(&f);
	last_is(0, 0);
}

static void
a_file_that_cannot_be_locked_or_written_is_an_error(void **state)
{
	char path[128];
	struct why why = {""};
	struct sealed_head s;
	const int memory = p.head_fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/read-only", soft.dir);
	p.head_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(p.head_fd, -1);
	create(1, 100);
	close(p.head_fd);
	p.head_fd = open(path, O_RDONLY | O_CLOEXEC);
	last_is(1, 100);
	assert_int_equal(try_write(2, 2, 101), ERR_IO);
	last_is(1, 100);
	close(p.head_fd);
	assert_int_equal(hsm_head_read(&p, &s, &why), ERR_IO);
	assert_string_not_equal(why.text, "");
	assert_int_equal(try_write(2, 2, 101), ERR_IO);
	p.head_fd = memory;
}

static void
the_lock_is_given_back_after_each_call(void **state)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[128];
	const int memory = p.head_fd;
	pid_t pid;
	int status;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/locked", soft.dir);
	p.head_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(p.head_fd, -1);
	create(1, 100);
	last_is(1, 100);
	written(2, 101);
	assert_int_equal(try_write(1, 1, 102), ERR_MISMATCH);
	/* a lock is its process's: another one looks; it knows no token */
	if ((pid = vfork()) == 0) {
		const int rc = fcntl(p.head_fd, F_GETLK, &l);

		_exit(rc == 0 && l.l_type == F_UNLCK ? 0 : 1);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	close(p.head_fd);
	p.head_fd = memory;
}

/* ---- several processes ---- */

#define WRITERS 3
#define ATTEMPTS 150

/*
 * A process of its own, from exec on, so that none has the token of another:
 * takes the next number whenever it can; tells how often that was.
 */
static enum err
take_turns(char who, unsigned *won, struct why *why)
{
	struct sealed_head s;
	enum err rc;

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if ((rc = hsm_head_read(&p, &s, why)) != ERR_OK)
			return rc;
		s.head.number++;
		memset(s.head.hash, who, sizeof(s.head.hash));
		rc = hsm_head_write(&p, &s.head, (int64_t)s.head.number, &s,
		    why);
		if (rc != ERR_OK && rc != ERR_MISMATCH)
			return rc;
		*won += rc == ERR_OK;
	}
	return ERR_OK;
}

/* Says that it has the token, waits for the word, says what it did. */
static int
writer(const char *path, const char *who)
{
	struct why why = {""};
	unsigned won = 0;
	enum err rc;
	char c = 0;

	softhsm_pins(&soft);
	p.head_fd = open(path, O_RDWR | O_CLOEXEC);
	rc = hsm_open(soft.module, SOFTHSM_LABEL, soft.pin, &p.token, &why);
	if (rc == ERR_OK)
		rc = hsm_find_keys(p.token, &why);
	if (rc == ERR_OK && (write(0, "r", 1) != 1 || read(0, &c, 1) != 1))
		rc = ERR_CLOSED;
	if (rc == ERR_OK)
		rc = take_turns(who[0], &won, &why);
	if (rc == ERR_OK && write(0, &won, sizeof(won)) != sizeof(won))
		rc = ERR_CLOSED;
	if (rc != ERR_OK)
		(void)fprintf(stderr, "%s: %s\n", err_str(rc), why.text);
	hsm_close(&p.token);
	secret_free(&soft.pin);
	secret_free(&soft.so_pin);
	return rc == ERR_OK ? 0 : 1;
}

/*
 * Returns when it has the token: SoftHSM fails now and then when two log in
 * to it at once.
 */
static int
start_writer(const char *path, int i, pid_t *pid)
{
	char self[] = "/proc/self/exe", word[] = "writer", file[128];
	char who[2] = {(char)('a' + i), '\0'}, c = 0;
	char *argv[] = {self, word, file, who, NULL};
	posix_spawn_file_actions_t a;
	int s[2];

	(void)snprintf(file, sizeof(file), "%s", path);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s),
	    0);
	assert_int_equal(posix_spawn_file_actions_init(&a), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&a, s[1], 0), 0);
	assert_int_equal(posix_spawn(pid, self, &a, NULL, argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&a);
	close(s[1]);
	assert_int_equal(read(s[0], &c, 1), 1);
	return s[0];
}

/* No two of them are told that they have the same number. */
static void
processes_that_write_at_once_take_turns(void **state)
{
	char path[128];
	pid_t pid[WRITERS];
	unsigned won, all = 0;
	struct sealed_head s;
	int status, to[WRITERS];

	(void)state;
	close(p.head_fd);
	(void)snprintf(path, sizeof(path), "%s/head", soft.dir);
	p.head_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(p.head_fd, -1);
	create(0, 0);
	hsm_close(&p.token);
	for (int i = 0; i < WRITERS; i++)
		to[i] = start_writer(path, i, &pid[i]);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(write(to[i], "g", 1), 1);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(read(to[i], &won, sizeof(won)), sizeof(won));
		close(to[i]);
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
		all += won;
	}
	open_token(SOFTHSM_LABEL);
	s = last();
	/* who loses an attempt loses it to one who wins */
	assert_true(all >= ATTEMPTS);
	assert_true(s.head.number == all);
	assert_true(s.time == (int64_t)all);
}

int
main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_file, close_file)
	const struct CMUnitTest tests[] = {
	    T(the_first_is_read_as_it_was_made),
	    T(a_slot_has_what_the_head_says_and_its_seal),
	    T(heads_are_written_to_both_slots_in_turn),
	    T(a_head_below_the_last_is_refused),
	    T(another_head_of_the_same_number_is_refused),
	    T(the_same_head_is_written_again_with_a_later_time),
	    T(a_higher_number_counts_with_an_earlier_time),
	    T(numbers_to_the_last_are_compared_whole),
	    T(a_torn_slot_falls_back_to_the_other),
	    T(half_of_each_of_two_heads_is_none),
	    T(with_both_slots_bad_there_is_no_head),
	    T(the_same_slot_twice_is_that_head),
	    T(the_seal_of_another_token_is_refused),
	    T(another_thing_that_this_token_sealed_is_no_head),
	    T(a_file_that_cannot_be_locked_or_written_is_an_error),
	    T(the_lock_is_given_back_after_each_call),
	    T(processes_that_write_at_once_take_turns),
	};

	if (argc == 4 && strcmp(argv[1], "writer") == 0)
		return writer(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, tokens_init, tokens_done);
}
