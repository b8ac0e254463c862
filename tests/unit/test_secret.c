#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/secret_fd.h"
#include "help.h"

static void
a_new_secret_is_zero_and_freeing_takes_null(void **state)
{
	struct secret *s = NULL, *none = NULL;

	(void)state;
	assert_int_equal(secret_new(5000, &s), ERR_OK);
	assert_int_equal(secret_len(s), 5000);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(secret_data(s)[i], 0);
	secret_free(&s);
	assert_null(s);
	secret_free(&none);
}

static void
no_octets_are_refused(void **state)
{
	struct secret *s = NULL;

	(void)state;
	assert_int_equal(secret_new(0, &s), ERR_TOOBIG);
	assert_int_equal(secret_new(SIZE_MAX, &s), ERR_TOOBIG);
	assert_null(s);
}

static void
truncating_erases_what_is_cut_off(void **state)
{
	struct secret *s;
	uint8_t *p;

	(void)state;
	assert_int_equal(secret_new(8, &s), ERR_OK);
	p = secret_data(s);
	memset(p, 0xaa, 8);
	secret_truncate(s, 3);
	assert_int_equal(secret_len(s), 3);
	assert_memory_equal(p, "\xaa\xaa\xaa\0\0\0\0\0", 8);
	secret_truncate(s, 7);
	assert_int_equal(secret_len(s), 3);
	secret_wipe(s);
	assert_memory_equal(p, "\0\0\0", 3);
	secret_free(&s);
}

/* ---- what is left on a stack ---- */

#define STACK ((size_t)256 * 1024)
#define DEEP 64 /* frames */
#define RUN 8 /* as many in a row are in no address */

__attribute__((noinline, no_sanitize("address"))) static void
leave(unsigned deep)
{
	volatile uint8_t frame[256];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = 0xa7;
	if (deep > 0)
		leave(deep - 1);
	frame[0] = 0xa7; /* or the call above is a jump */
}

static void *
leave_and_go(void *wipe)
{
	leave(DEEP);
	if (wipe != NULL)
		secret_wipe_stack();
	return NULL;
}

/* Octets in rows that such a thread leaves. */
static size_t
left_by(void *wipe)
{
	static _Alignas(4096) uint8_t stack[STACK];
	pthread_attr_t how;
	pthread_t t;
	size_t n = 0, row = 0;

	memset(stack, 0, sizeof(stack));
	assert_int_equal(pthread_attr_init(&how), 0);
	assert_int_equal(pthread_attr_setstack(&how, stack, STACK), 0);
	assert_int_equal(pthread_create(&t, &how, leave_and_go, wipe), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	(void)pthread_attr_destroy(&how);
	for (size_t i = 0; i < STACK; i++) {
		row = stack[i] == 0xa7 ? row + 1 : 0;
		n += row == RUN ? RUN : row > RUN;
	}
	return n;
}

static void
a_stack_is_erased_below(void **state)
{
	(void)state;
	assert_true(left_by(NULL) > (size_t)DEEP * 128);
	assert_int_equal(left_by(state), 0);
}

/* A line as it comes, and what is read of it: NULL for nothing. */
static void
reads_as(const char *line, size_t len, const char *want)
{
	struct secret *s = NULL;
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], line, len), len);
	close(p[1]);
	assert_int_equal(secret_read(p[0], &s),
	    want != NULL ? ERR_OK : ERR_MALFORMED);
	close(p[0]);
	assert_int_equal(s != NULL, want != NULL);
	if (s == NULL)
		return;
	assert_int_equal(secret_len(s), strlen(want));
	assert_memory_equal(secret_data(s), want, strlen(want));
	secret_free(&s);
}

static void
a_line_is_read_without_its_end(void **state)
{
	char most[SECRET_LINE_MAX + 2];

	(void)state;
	reads_as("314159", 6, "314159");
	reads_as("314159\r\n\n", 9, "314159");
	reads_as("3 14\n15", 7, "3 14\n15");
	reads_as("", 0, NULL);
	reads_as("\r\n", 2, NULL);
	memset(most, '7', sizeof(most));
	reads_as(most, SECRET_LINE_MAX + 1, NULL);
	most[SECRET_LINE_MAX] = '\0';
	reads_as(most, SECRET_LINE_MAX, most);
}

static void *
write_the_rest(void *fd)
{
	const struct timespec nap = {0, 20000000};

	(void)nanosleep(&nap, NULL);
	assert_int_equal(write(*(int *)fd, "159\n", 4), 4);
	return NULL;
}

/* A part of it would be a wrong one, and be tried. */
static void
a_line_that_comes_in_parts_is_read_whole(void **state)
{
	struct secret *s = NULL;
	pthread_t t;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "314", 3), 3);
	assert_int_equal(pthread_create(&t, NULL, write_the_rest, &p[1]), 0);
	assert_int_equal(secret_read(p[0], &s), ERR_OK);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(secret_len(s), 6);
	assert_memory_equal(secret_data(s), "314159", 6);
	secret_free(&s);
	close(p[0]);
	close(p[1]);
}

static void
a_pipe_holds_the_secret_and_ends(void **state)
{
	struct secret *s, *again;
	struct why why = {""};
	char c;
	int fd;

	(void)state;
	assert_int_equal(secret_new(6, &s), ERR_OK);
	memcpy(secret_data(s), "271828", 6);
	assert_int_equal(secret_pipe(s, &fd, &why), ERR_OK);
	assert_int_equal(secret_read(fd, &again), ERR_OK);
	assert_int_equal(secret_len(again), 6);
	assert_memory_equal(secret_data(again), "271828", 6);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
	secret_free(&s);
	secret_free(&again);
}

static void
ct_equal_sees_every_octet(void **state)
{
	uint8_t a[33] = {0}, b[33] = {0};

	(void)state;
	assert_true(ct_equal(a, b, 33));
	assert_true(ct_equal(a, b, 0));
	for (size_t i = 0; i < 33; i++)
		for (int bit = 0; bit < 8; bit++) {
			b[i] = (uint8_t)(1 << bit);
			assert_false(ct_equal(a, b, 33));
			b[i] = 0;
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_secret_is_zero_and_freeing_takes_null),
	    cmocka_unit_test(no_octets_are_refused),
	    cmocka_unit_test(truncating_erases_what_is_cut_off),
	    cmocka_unit_test(a_stack_is_erased_below),
	    cmocka_unit_test(a_line_is_read_without_its_end),
	    cmocka_unit_test(a_line_that_comes_in_parts_is_read_whole),
	    cmocka_unit_test(a_pipe_holds_the_secret_and_ends),
	    cmocka_unit_test(ct_equal_sees_every_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
