#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "help.h"

static void
rd_u16_rejects_one_octet(void **state)
{
	const uint8_t in[] = {0x12};
	struct rd r;
	uint16_t v = 0xbeef;

	(void)state;
	rd_init(&r, in, sizeof(in));
	assert_int_equal(rd_u16(&r, &v), ERR_TRUNCATED);
	assert_int_equal(v, 0xbeef);
	assert_ptr_equal(r.p, in);
	assert_int_equal(r.left, 1);
}

static void
integers_are_big_endian(void **state)
{
	const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	    15};
	struct rd r;
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;

	(void)state;
	rd_init(&r, in, sizeof(in));
	assert_int_equal(rd_u8(&r, &a), ERR_OK);
	assert_int_equal(rd_u16(&r, &b), ERR_OK);
	assert_int_equal(rd_u32(&r, &c), ERR_OK);
	assert_int_equal(rd_u64(&r, &d), ERR_OK);
	assert_int_equal(a, 1);
	assert_int_equal(b, 0x0203);
	assert_int_equal(c, 0x04050607);
	assert_true(d == 0x08090a0b0c0d0e0fULL);
	assert_int_equal(rd_end(&r), ERR_OK);
}

static void
views_fail_whole_on_every_prefix(void **state)
{
	const uint8_t in[] = {0, 3, 'a', 'b', 'c'};
	struct rd r, v, was;

	(void)state;
	for (size_t n = 0; n < sizeof(in); n++) {
		rd_init(&r, in, n);
		rd_init(&v, NULL, 77);
		was = r;
		assert_int_equal(rd_view16(&r, &v), ERR_TRUNCATED);
		assert_int_equal(v.left, 77);
		assert_ptr_equal(r.p, was.p);
		assert_int_equal(r.left, was.left);
	}
	rd_init(&r, in, sizeof(in));
	assert_int_equal(rd_view16(&r, &v), ERR_OK);
	assert_true(rd_is(&v, "abc", 3));
	assert_int_equal(rd_end(&r), ERR_OK);
}

static void
lengths_near_the_type_maximum_do_not_wrap(void **state)
{
	const uint8_t in[] = {0xff, 0xff, 0xff, 0xff, 1};
	struct rd r, v;

	(void)state;
	rd_init(&r, in, sizeof(in));
	assert_int_equal(rd_view32(&r, &v), ERR_TRUNCATED);
	assert_int_equal(rd_view(&r, SIZE_MAX, &v), ERR_TRUNCATED);
	assert_int_equal(r.left, sizeof(in));
}

static void
trailing_octets_are_malformed(void **state)
{
	struct rd r;

	(void)state;
	rd_init(&r, "x", 1);
	assert_int_equal(rd_end(&r), ERR_MALFORMED);
}

static void
booleans_other_than_0_and_1_are_malformed(void **state)
{
	const uint8_t in[] = {2};
	struct rd r;
	bool b = true;

	(void)state;
	rd_init(&r, in, 1);
	assert_int_equal(rd_bool(&r, &b), ERR_MALFORMED);
	assert_true(b);
	assert_int_equal(r.left, 1);
}

static void
a_failed_write_latches(void **state)
{
	uint8_t buf[4];
	struct wr w;
	size_t len = 99;

	(void)state;
	wr_init(&w, buf, sizeof(buf));
	wr_u16(&w, 0x0102);
	wr_u32(&w, 3);
	wr_u8(&w, 4);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	assert_int_equal(len, 99);
}

static void
a_view_too_long_for_its_length_field_latches(void **state)
{
	static uint8_t big[300], buf[600];
	struct wr w;
	size_t len;

	(void)state;
	wr_init(&w, buf, sizeof(buf));
	wr_view8(&w, big, 256);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	wr_init(&w, buf, sizeof(buf));
	wr_view8(&w, big, 255);
	wr_view16(&w, big, 300);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(len, 1 + 255 + 2 + 300);
}

static void
what_is_written_reads_back(void **state)
{
	uint8_t buf[64];
	struct wr w;
	struct rd r, v;
	size_t len;
	int64_t i;
	bool b;

	(void)state;
	wr_init(&w, buf, sizeof(buf));
	wr_i64(&w, -5);
	wr_bool(&w, true);
	wr_view32(&w, "hello", 5);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	rd_init(&r, buf, len);
	assert_int_equal(rd_i64(&r, &i), ERR_OK);
	assert_int_equal(rd_bool(&r, &b), ERR_OK);
	assert_int_equal(rd_view32(&r, &v), ERR_OK);
	assert_true(i == -5 && b && rd_is(&v, "hello", 5));
	assert_int_equal(rd_end(&r), ERR_OK);
}

static void
hex_round_trips_and_rejects(void **state)
{
	uint8_t b[3] = {9, 9, 9};
	char t[7];

	(void)state;
	hex_put("\x01\xab\xff", 3, t);
	assert_string_equal(t, "01abff");
	assert_int_equal(hex_get("01ABff", b, 3), ERR_OK);
	assert_memory_equal(b, "\x01\xab\xff", 3);
	assert_int_equal(hex_get("01abf", b, 3), ERR_MALFORMED);
	assert_int_equal(hex_get("01abfg", b, 3), ERR_MALFORMED);
	assert_int_equal(hex_get("01abff0", b, 3), ERR_MALFORMED);
}

static void
foreign_text_cannot_forge_a_log_line(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(log_escape("a\nb\\", 4, out, sizeof(out)),
	    "a\\x0ab\\x5c");
	assert_string_equal(log_escape("0123456789abcdefgh", 18, out,
				sizeof(out)),
	    "0123456789abcde");
}

static void
a_number_is_digits_and_within_its_bound(void **state)
{
	static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1",
	    "1e3", "100", "18446744073709551616", "99999999999999999999"};
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(number_get(bad[i], 99, &n), ERR_MALFORMED);
	assert_int_equal(n, 7);
	assert_int_equal(number_get("0", 0, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(number_get("099", 99, &n), ERR_OK);
	assert_int_equal(n, 99);
	assert_int_equal(number_get("1", 0, &n), ERR_MALFORMED);
	assert_int_equal(number_get("18446744073709551615", UINT64_MAX, &n),
	    ERR_OK);
	assert_true(n == UINT64_MAX);
	assert_int_equal(number_get("18446744073709551616", UINT64_MAX, &n),
	    ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rd_u16_rejects_one_octet),
	    cmocka_unit_test(integers_are_big_endian),
	    cmocka_unit_test(views_fail_whole_on_every_prefix),
	    cmocka_unit_test(lengths_near_the_type_maximum_do_not_wrap),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(booleans_other_than_0_and_1_are_malformed),
	    cmocka_unit_test(a_failed_write_latches),
	    cmocka_unit_test(a_view_too_long_for_its_length_field_latches),
	    cmocka_unit_test(what_is_written_reads_back),
	    cmocka_unit_test(hex_round_trips_and_rejects),
	    cmocka_unit_test(a_number_is_digits_and_within_its_bound),
	    cmocka_unit_test(foreign_text_cannot_forge_a_log_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
