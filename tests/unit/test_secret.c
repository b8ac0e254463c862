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
	    cmocka_unit_test(ct_equal_sees_every_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
