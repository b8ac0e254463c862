/*
 * x2_pdu: PDUs written out octet by octet as TS 103 221-2 clause 5 draws them,
 * then with one field wrong at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hi2/x2_pdu.h"

/* Version 0.5, X2, SIP, to the target; attributes 8, 9, 6, 7, 17 and 99. */
#define GOOD_HEADER 90
/* clang-format off */
static const char good_hex[] =
    "000500010000005a0000000700090002" /* to the direction */
    "000102030405060708090a0b0c0d0e0f" "a0a1a2a3a4a5a6a7"
    "00080004" "fffffffe"
    "00090008" "65f00001" "3b9ac9ff"
    "00060003" "6e6631"
    "00070002" "6970"
    "00110005" "7369703a61"
    "00630004" "01020304"
    "42796520534950";
/* clang-format on */

static uint8_t good[GOOD_HEADER + 7];

static int
set_up(void **state)
{
	(void)state;
	return hex_get(good_hex, good, sizeof(good)) == ERR_OK ? 0 : -1;
}

/* In memory of just that length; what failed has changed nothing. */
static enum err
read_pdu(const uint8_t *p, size_t len, struct x2_pdu *out)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct x2_pdu before;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	memset(out, 0xa5, sizeof(*out));
	memcpy(&before, out, sizeof(before));
	rc = x2_pdu_read(view(copy, len), out);
	if (rc != ERR_OK)
		assert_memory_equal(out, &before, sizeof(before));
	free(copy);
	return rc;
}

static void
assert_bad(const uint8_t *p, size_t len)
{
	struct x2_pdu x;

	assert_int_equal(read_pdu(p, len, &x), ERR_MALFORMED);
}

static void
assert_no_length(const uint8_t *p, size_t len, enum err want)
{
	size_t n = 4711;

	assert_int_equal(x2_pdu_length(view(p, len), &n), want);
	assert_int_equal(n, 4711);
}

static bool
is(struct rd v, const char *text)
{
	return rd_is(&v, text, strlen(text));
}

/* ---- reading ---- */

static void
every_field_is_read(void **state)
{
	struct x2_pdu x;
	size_t len = 0;

	(void)state;
	assert_int_equal(x2_pdu_length(view(good, sizeof(good)), &len), ERR_OK);
	assert_int_equal(len, sizeof(good));
	assert_int_equal(x2_pdu_read(view(good, sizeof(good)), &x), ERR_OK);
	assert_int_equal(x.minor, 5);
	assert_int_equal(x.type, X2_TYPE_X2);
	assert_int_equal(x.format, X2_FORMAT_SIP);
	assert_int_equal(x.direction, X2_TO_TARGET);
	assert_memory_equal(x.xid, good + 16, 16);
	assert_memory_equal(x.correlation, good + 32, 8);
	assert_true(x.has_sequence && x.has_time);
	assert_int_equal(x.sequence, 0xfffffffeU);
	assert_int_equal(x.seconds, 0x65f00001);
	assert_int_equal(x.nanoseconds, 999999999);
	assert_true(is(x.nfid, "nf1"));
	assert_true(is(x.ipid, "ip"));
	assert_true(is(x.matched_target, "sip:a"));
	assert_true(is(x.payload, "Bye SIP"));
	assert_ptr_equal(x.payload.p, good + GOOD_HEADER);
}

static void
a_header_without_attributes_is_read(void **state)
{
	uint8_t b[X2_HEADER_LEN] = {0, 5, 0, 1, 0, 0, 0, X2_HEADER_LEN};
	struct x2_pdu x;

	(void)state;
	assert_int_equal(read_pdu(b, sizeof(b), &x), ERR_OK);
	assert_false(x.has_sequence || x.has_time);
	assert_int_equal(x.nfid.left + x.ipid.left + x.matched_target.left, 0);
	assert_int_equal(x.payload.left, 0);
}

/* A second after 2038 is one: the 32 bit have no sign. */
static void
seconds_have_no_sign(void **state)
{
	uint8_t b[sizeof(good)];
	struct x2_pdu x;

	(void)state;
	memcpy(b, good, sizeof(b));
	b[52] = 0xff;
	assert_int_equal(read_pdu(b, sizeof(b), &x), ERR_OK);
	assert_true(x.seconds == INT64_C(0xfff00001));
}

static void
any_minor_version_type_format_and_direction_is_read(void **state)
{
	static const struct {
		size_t at;
		uint8_t to;
	} change[] = {{1, 0}, {1, 255}, {3, 0}, {3, 2}, {3, 4}, {2, 255},
	    {13, 0}, {12, 1}, {15, 0}, {14, 255}};
	uint8_t b[sizeof(good)];
	struct x2_pdu x;

	(void)state;
	for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		memcpy(b, good, sizeof(b));
		b[change[i].at] = change[i].to;
		assert_int_equal(read_pdu(b, sizeof(b), &x), ERR_OK);
	}
	assert_int_equal(x.direction, 0xff02);
}

static void
unknown_attributes_are_skipped_however_often(void **state)
{
	uint8_t b[X2_HEADER_LEN + 3 * 4 + 8] = {0, 5, 0, 1, 0, 0, 0, sizeof(b)};
	struct x2_pdu x;

	(void)state;
	b[41] = b[45] = 200;
	b[48] = 0x80; /* 32768 + 6 is not 6 */
	b[49] = 6;
	b[53] = 8;
	b[55] = 4;
	b[59] = 7;
	assert_int_equal(read_pdu(b, sizeof(b), &x), ERR_OK);
	assert_int_equal(x.nfid.left, 0);
	assert_true(x.has_sequence);
	assert_int_equal(x.sequence, 7);
}

/* ---- what is refused ---- */

static void
prefix_fails(const uint8_t *p, size_t len)
{
	size_t n = 0;

	assert_bad(p, len);
	if (len < X2_PREFIX_LEN) {
		assert_no_length(p, len, ERR_AGAIN);
	} else {
		assert_int_equal(x2_pdu_length(view(p, len), &n), ERR_OK);
		assert_int_equal(n, sizeof(good));
	}
}

static void
every_prefix_fails_and_tells_the_length(void **state)
{
	(void)state;
	each_prefix(good, sizeof(good), prefix_fails);
}

static void
an_octet_more_is_malformed(void **state)
{
	uint8_t b[sizeof(good) + 1] = {0};

	(void)state;
	memcpy(b, good, sizeof(good));
	assert_bad(b, sizeof(b));
}

/* Each octet of the header lengths and attribute lengths, one too many. */
static void
a_wrong_length_anywhere_is_malformed(void **state)
{
	static const size_t at[] = {6, 7, 10, 11, 42, 43, 50, 51, 62, 63, 69,
	    70, 75, 76, 84, 85};
	uint8_t b[sizeof(good)];

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (int by = -1; by <= 1; by += 2) {
			memcpy(b, good, sizeof(b));
			b[at[i]] = (uint8_t)(b[at[i]] + by);
			assert_bad(b, sizeof(b));
		}
}

static void
another_major_version_is_malformed(void **state)
{
	uint8_t b[sizeof(good)];

	(void)state;
	memcpy(b, good, sizeof(b));
	b[0] = 1;
	assert_no_length(b, sizeof(b), ERR_MALFORMED);
	assert_bad(b, sizeof(b));
}

static void
put_lengths(uint8_t *b, uint32_t header, uint32_t payload)
{
	struct wr w;

	wr_init(&w, b + 4, 8);
	wr_u32(&w, header);
	wr_u32(&w, payload);
	assert_int_equal(w.rc, ERR_OK);
}

static void
lengths_are_bounded(void **state)
{
	static const struct {
		uint32_t header, payload;
		bool good;
	} row[] = {{39, 0, false}, {40, 0, true}, {0, 40, false},
	    {40, X2_PDU_MAX - 40, true}, {40, X2_PDU_MAX - 39, false},
	    {X2_PDU_MAX, 0, true}, {X2_PDU_MAX, 1, false},
	    {X2_PDU_MAX + 1, 0, false}, {UINT32_MAX, 1, false},
	    {40, UINT32_MAX, false}, {40, UINT32_MAX - 39, false},
	    {UINT32_MAX, UINT32_MAX, false}};
	uint8_t b[X2_PREFIX_LEN] = {0, 5, 0, 1};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		put_lengths(b, row[i].header, row[i].payload);
		if (!row[i].good) {
			assert_no_length(b, sizeof(b), ERR_MALFORMED);
			continue;
		}
		assert_int_equal(x2_pdu_length(view(b, sizeof(b)), &n), ERR_OK);
		assert_int_equal(n, row[i].header + row[i].payload);
	}
}

static void
the_longest_pdu_is_read(void **state)
{
	uint8_t *b = calloc(1, X2_PDU_MAX);
	struct x2_pdu x;

	(void)state;
	assert_non_null(b);
	b[3] = X2_TYPE_X2;
	put_lengths(b, 40, X2_PDU_MAX - 40);
	assert_int_equal(read_pdu(b, X2_PDU_MAX, &x), ERR_OK);
	assert_int_equal(x.payload.left, X2_PDU_MAX - 40);
	free(b);
}

static void
a_second_of_10_to_the_9_nanoseconds_is_malformed(void **state)
{
	uint8_t b[sizeof(good)];

	(void)state;
	memcpy(b, good, sizeof(b));
	b[58] = 0xca;
	b[59] = 0x00; /* 0x3b9aca00 */
	assert_bad(b, sizeof(b));
}

/* The header with one attribute of `n` octets of 0, `times` over. */
static enum err
read_attribute(uint16_t type, uint16_t n, unsigned times)
{
	static uint8_t b[512];
	struct x2_pdu x;
	struct wr w;

	memset(b, 0, sizeof(b));
	b[3] = X2_TYPE_X2;
	wr_init(&w, b + X2_HEADER_LEN, sizeof(b) - X2_HEADER_LEN);
	for (unsigned i = 0; i < times; i++) {
		wr_u16(&w, type);
		wr_u16(&w, n);
		for (uint16_t k = 0; k < n; k++)
			wr_u8(&w, 0);
	}
	assert_int_equal(w.rc, ERR_OK);
	put_lengths(b, (uint32_t)(X2_HEADER_LEN + w.len), 0);
	return read_pdu(b, X2_HEADER_LEN + w.len, &x);
}

static void
sequence_and_time_have_one_length(void **state)
{
	(void)state;
	for (uint16_t n = 0; n < 12; n++) {
		assert_int_equal(read_attribute(8, n, 1),
		    n == 4 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(read_attribute(9, n, 1),
		    n == 8 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(read_attribute(6, n, 1), ERR_OK);
	}
}

static void
a_known_attribute_twice_is_malformed(void **state)
{
	static const uint16_t known[][2] = {{6, 1}, {6, 0}, {7, 1}, {8, 4},
	    {9, 8}, {17, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(read_attribute(known[i][0], known[i][1], 1),
		    ERR_OK);
		assert_int_equal(read_attribute(known[i][0], known[i][1], 2),
		    ERR_MALFORMED);
	}
	assert_int_equal(read_attribute(18, 4, 2), ERR_OK);
}

/* ---- acknowledgement ---- */

static void
an_ack_has_the_sequence_number_and_zeros(void **state)
{
	uint8_t want[X2_ACK_LEN] = {0, 5, 0, 4, 0, 0, 0, X2_ACK_LEN};
	uint8_t b[X2_ACK_LEN];
	struct x2_pdu x;
	struct wr w;
	size_t len = 0;

	(void)state;
	want[41] = 8;
	want[43] = 4;
	memcpy(want + 44, "\xff\xff\xff\xfe", 4);
	assert_int_equal(x2_pdu_read(view(good, sizeof(good)), &x), ERR_OK);
	wr_init(&w, b, sizeof(b));
	x2_put_ack(&w, &x);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(len, X2_ACK_LEN);
	assert_memory_equal(b, want, sizeof(want));
	assert_int_equal(read_pdu(b, len, &x), ERR_OK);
	assert_int_equal(x.type, X2_TYPE_KEEPALIVE_ACK);
	assert_int_equal(x.sequence, 0xfffffffeU);
}

static void
an_ack_without_sequence_number_ends_with_the_header(void **state)
{
	static const uint8_t want[X2_HEADER_LEN] = {0, 5, 0, 4, 0, 0, 0,
	    X2_HEADER_LEN};
	struct x2_pdu x = {.type = X2_TYPE_KEEPALIVE};
	uint8_t b[X2_ACK_LEN];
	struct wr w;
	size_t len = 0;

	(void)state;
	wr_init(&w, b, sizeof(b));
	x2_put_ack(&w, &x);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	assert_int_equal(len, X2_HEADER_LEN);
	assert_memory_equal(b, want, sizeof(want));
}

static void
an_ack_that_does_not_fit_latches(void **state)
{
	struct x2_pdu x = {.has_sequence = true};
	uint8_t b[X2_ACK_LEN];
	struct wr w;
	size_t len = 4711;

	(void)state;
	for (size_t cap = 0; cap < X2_ACK_LEN; cap++) {
		wr_init(&w, b, cap);
		x2_put_ack(&w, &x);
		assert_int_not_equal(wr_finish(&w, &len), ERR_OK);
		assert_int_equal(len, 4711);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_is_read),
	    cmocka_unit_test(a_header_without_attributes_is_read),
	    cmocka_unit_test(seconds_have_no_sign),
	    cmocka_unit_test(
		any_minor_version_type_format_and_direction_is_read),
	    cmocka_unit_test(unknown_attributes_are_skipped_however_often),
	    cmocka_unit_test(every_prefix_fails_and_tells_the_length),
	    cmocka_unit_test(an_octet_more_is_malformed),
	    cmocka_unit_test(a_wrong_length_anywhere_is_malformed),
	    cmocka_unit_test(another_major_version_is_malformed),
	    cmocka_unit_test(lengths_are_bounded),
	    cmocka_unit_test(the_longest_pdu_is_read),
	    cmocka_unit_test(a_second_of_10_to_the_9_nanoseconds_is_malformed),
	    cmocka_unit_test(sequence_and_time_have_one_length),
	    cmocka_unit_test(a_known_attribute_twice_is_malformed),
	    cmocka_unit_test(an_ack_has_the_sequence_number_and_zeros),
	    cmocka_unit_test(
		an_ack_without_sequence_number_ends_with_the_header),
	    cmocka_unit_test(an_ack_that_does_not_fit_latches),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
