#include <pthread.h>
#include <string.h>

#include "base/secret.h"
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
	    cmocka_unit_test(ct_equal_sees_every_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
