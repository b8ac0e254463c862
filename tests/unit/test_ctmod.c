#include <stdlib.h>
#include <string.h>

#include "base/ctmod.h"
#include "help.h"

/* The schoolbook way for numbers that fit: the reference. */
static void
agrees_with_division_of_64_bit_numbers(void **state)
{
	uint8_t in[8], m[4], out[4];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		uint64_t a = (uint64_t)random() << 33 ^ (uint64_t)random();
		uint32_t n = (uint32_t)random() | 1;
		uint32_t want = (uint32_t)(a % n), got = 0;

		for (int k = 0; k < 8; k++)
			in[k] = (uint8_t)(a >> (56 - 8 * k));
		for (int k = 0; k < 4; k++)
			m[k] = (uint8_t)(n >> (24 - 8 * k));
		assert_int_equal(ct_mod(out, in, 8, m, 4), ERR_OK);
		for (int k = 0; k < 4; k++)
			got = got << 8 | out[k];
		assert_int_equal(got, want);
	}
}

static void
the_modulus_itself_is_0_and_one_less_stays(void **state)
{
	uint8_t m[66], in[66], out[66], zero[66] = {0};

	(void)state;
	memset(m, 0xff, sizeof(m));
	m[0] = 0x01;
	assert_int_equal(ct_mod(out, m, 66, m, 66), ERR_OK);
	assert_memory_equal(out, zero, 66);
	memcpy(in, m, 66);
	in[65] = 0xfe;
	assert_int_equal(ct_mod(out, in, 66, m, 66), ERR_OK);
	assert_memory_equal(out, in, 66);
}

static void
lengths_out_of_bounds_are_refused(void **state)
{
	uint8_t b[80] = {1}, out[80];

	(void)state;
	assert_int_equal(ct_mod(out, b, 8, b, 0), ERR_TOOBIG);
	assert_int_equal(ct_mod(out, b, 8, b, CTMOD_MAX + 1), ERR_TOOBIG);
}

static void
adding_one_carries(void **state)
{
	uint8_t out[3];

	(void)state;
	ct_add_one(out, (const uint8_t *)"\x00\xff\xff", 3);
	assert_memory_equal(out, "\x01\x00\x00", 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(agrees_with_division_of_64_bit_numbers),
	    cmocka_unit_test(the_modulus_itself_is_0_and_one_less_stays),
	    cmocka_unit_test(lengths_out_of_bounds_are_refused),
	    cmocka_unit_test(adding_one_carries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
