/*
 * lemf/store: what was put is there again, in order, whole, and nothing else;
 * what was not wholly written goes; what is not ours is left alone.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "lemf/store.h"

#define HAD_MAX 256

static char dir[64];
static struct store *store;
static struct why why;
static unsigned n_had, n_cut;
static uint64_t cut_octets;
static struct {
	struct order_place where;
	uint8_t first; /* octet behind its tag and length */
} had[HAD_MAX];

static enum err
on_had(void *ctx, struct rd pdu, const struct order_place *where)
{
	(void)ctx;
	assert_true(n_had < HAD_MAX);
	assert_int_equal(pdu.left, where->len);
	had[n_had].where = *where;
	had[n_had++].first = pdu.p[2];
	return ERR_OK;
}

static void
on_cut(void *ctx, const char *file, uint64_t octets)
{
	(void)ctx;
	assert_string_equal(file, "L.hi2");
	n_cut++;
	cut_octets = octets;
}

static enum err
again(void)
{
	static const struct store_ops ops = {.had = on_had, .cut = on_cut};

	store_close(&store);
	n_had = n_cut = 0;
	return store_open(dir, &ops, &store, &why);
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test-lemf-store.XXXXXX");
	return mkdtemp(dir) != NULL && rmdir(dir) == 0 && again() == ERR_OK
	    ? 0
	    : -1;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	store_close(&store);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* A PDU of `len` octets, the third of which is `mark`. */
static struct order_place
put(const char *liid, uint8_t mark, size_t len)
{
	struct order_place where = {0, 0, 0};
	uint8_t pdu[130] = {0x30, (uint8_t)(len - 2), mark};

	assert_true(len >= 3 && len < 128);
	assert_int_equal(store_put(store, view(liid, strlen(liid)),
			     view(pdu, len), &where, &why),
	    ERR_OK);
	return where;
}

static void
path_of(char out[128], const char *name)
{
	(void)snprintf(out, 128, "%s/%s", dir, name);
}

static void
append(const char *name, const void *p, size_t len)
{
	char path[128];
	int fd;

	path_of(path, name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	assert_true(fd != -1);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	(void)close(fd);
}

static off_t
size_of(const char *name)
{
	struct stat st;
	char path[128];

	path_of(path, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
is_named(const char *liid, size_t len, const char *want)
{
	char name[STORE_NAME];

	assert_string_equal(store_name(view(liid, len), name), want);
}

static void
names_are_safe(void **state)
{
	char longest[MAX_LIID];

	(void)state;
	is_named("LI-ID_7.b", 9, "LI-ID_7.b.hi2");
	is_named("..", 2, "%2e..hi2");
	is_named("../../x", 7, "%2e.%2f..%2fx.hi2");
	is_named("a\0b%\xff\n", 6, "a%00b%25%ff%0a.hi2");
	is_named("", 0, "%unreadable.hi2");
	memset(longest, '/', sizeof(longest));
	assert_int_equal(strlen(store_name(view(longest, sizeof(longest)),
			     (char[STORE_NAME]){""})),
	    STORE_NAME - 1);
}

static void
what_was_put_is_there(void **state)
{
	const struct order_place a = put("L", 1, 10), b = put("M", 2, 20);
	const struct order_place c = put("L", 3, 100), d = put("", 4, 3);
	uint8_t out[128];

	(void)state;
	assert_int_equal(a.file, c.file);
	assert_int_not_equal(a.file, b.file);
	assert_int_equal(c.at, 10);
	assert_int_equal(store_read(store, &c, out), ERR_OK);
	assert_int_equal(out[2], 3);
	assert_int_equal(store_sync(store, &why), ERR_OK);
	assert_int_equal(size_of("%unreadable.hi2"), d.len);
	assert_int_equal(again(), ERR_OK);
	assert_int_equal(n_had, 4);
	assert_int_equal(n_cut, 0);
	/* By names of files; each in its order. */
	assert_int_equal(had[0].first, 4);
	assert_int_equal(had[1].first, 1);
	assert_int_equal(had[2].first, 3);
	assert_int_equal(had[2].where.at, 10);
	assert_int_equal(had[3].first, 2);
	assert_int_equal(store_read(store, &had[2].where, out), ERR_OK);
	assert_int_equal(out[2], 3);
	assert_int_equal(put("L", 5, 10).at, 110);
}

/* More files than are kept open, synced one by one or all at once. */
static void
many_files_are_kept(void **state)
{
	char liid[8];
	uint8_t out[128];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 100; i++) {
			(void)snprintf(liid, sizeof(liid), "L%u", i);
			(void)put(liid, (uint8_t)i, 10);
			if (i % 3 == 0)
				assert_int_equal(store_sync(store, &why),
				    ERR_OK);
		}
	assert_int_equal(store_sync(store, &why), ERR_OK);
	assert_int_equal(again(), ERR_OK);
	assert_int_equal(n_had, 200);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(store_read(store, &had[i].where, out), ERR_OK);
		assert_int_equal(out[2], had[i].first);
	}
}

static void
what_is_not_whole_goes(void **state)
{
	const uint8_t pdu[] = {0x30, 5, 9, 9, 9, 9, 9}, zeros[5000] = {0};

	(void)state;
	(void)put("L", 1, 10);
	for (size_t n = 1; n < sizeof(pdu); n++) {
		append("L.hi2", pdu, n);
		assert_int_equal(again(), ERR_OK);
		assert_int_equal(n_had, 1);
		assert_int_equal(n_cut, 1);
		assert_int_equal(cut_octets, n);
		assert_int_equal(size_of("L.hi2"), 10);
	}
	append("L.hi2", zeros, sizeof(zeros));
	assert_int_equal(again(), ERR_OK);
	assert_int_equal(cut_octets, sizeof(zeros));
	assert_int_equal(put("L", 2, 10).at, 10);
	assert_int_equal(again(), ERR_OK);
	assert_int_equal(n_had, 2);
	assert_int_equal(n_cut, 0);
}

static void
what_is_not_ours_is_left(void **state)
{
	(void)state;
	(void)put("L", 1, 10);
	append("L.hi2", "text", 4);
	append("notes.txt", "text", 4);
	assert_int_equal(again(), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "L.hi2: at octet 10"));
	assert_int_equal(size_of("L.hi2"), 14);
	assert_int_equal(size_of("notes.txt"), 4);
}

static void
a_folder_has_one_process(void **state)
{
	static const struct store_ops ops = {.had = on_had, .cut = on_cut};
	struct store *second = NULL;

	(void)state;
	assert_int_equal(store_open(dir, &ops, &second, &why), ERR_EXISTS);
	assert_null(second);
	store_close(&store);
	assert_int_equal(store_open(dir, &ops, &second, &why), ERR_OK);
	store_close(&second);
}

/* A file that may grow to 4096 octets is a disk that is full. */
static void
without_room_no_part_of_it_is_there(void **state)
{
	struct rlimit old, small;
	static uint8_t pdu[5000] = {0x30, 0x82, 0x13, 0x84};
	struct order_place where;

	(void)state;
	(void)put("L", 1, 10);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){4096, old.rlim_max};
	assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(store_put(store, view("L", 1), view(pdu, sizeof(pdu)),
			     &where, &why),
	    ERR_FULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(size_of("L.hi2"), 10);
	assert_int_equal(put("L", 2, 10).at, 10);
	assert_int_equal(again(), ERR_OK);
	assert_int_equal(n_had, 2);
	assert_int_equal(n_cut, 0);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(names_are_safe),
	    STORE_TEST(what_was_put_is_there),
	    STORE_TEST(many_files_are_kept),
	    STORE_TEST(what_is_not_whole_goes),
	    STORE_TEST(what_is_not_ours_is_left),
	    STORE_TEST(a_folder_has_one_process),
	    STORE_TEST(without_room_no_part_of_it_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
