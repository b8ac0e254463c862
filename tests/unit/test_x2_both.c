/*
 * x2_both: the PDUs of the laboratory's CSCF, which was written by itself, are
 * what hi2/x2_pdu reads, and the acknowledgements of the one are those of the
 * other.
 */
#include <stdlib.h>
#include <string.h>

#include "lab_x2.h"
#include "help.h"
#include "hi2/x2_pdu.h"

static void
what_the_cscf_writes_is_read(void **state)
{
	static const char sip[] = "BYE sip:a SIP/2.0\r\n\r\n";
	struct lab_x2_pdu x;
	struct x2_pdu got;
	struct rd r;
	uint8_t *b;
	size_t len, n = 0;

	(void)state;
	lab_x2_init(&x);
	assert_int_equal(lab_x2_uuid("00112233-4455-6677-8899-AaBbCcDdEeFf",
			     x.xid),
	    ERR_OK);
	lab_x2_correlate("call", x.correlation);
	x.direction = LAB_X2_FROM_TARGET;
	x.has_sequence = true;
	x.sequence = 0x80000001;
	x.nfid = "nf";
	x.ipid = "ip";
	x.extra = true;
	rd_init(&x.payload, sip, strlen(sip));
	assert_int_equal(lab_x2_put(&x, &b, &len), ERR_OK);
	rd_init(&r, b, len);
	assert_int_equal(x2_pdu_length(r, &n), ERR_OK);
	assert_int_equal(n, len);
	assert_int_equal(x2_pdu_read(r, &got), ERR_OK);
	assert_int_equal(got.minor, 5);
	assert_int_equal(got.type, X2_TYPE_X2);
	assert_int_equal(got.format, X2_FORMAT_SIP);
	assert_int_equal(got.direction, X2_FROM_TARGET);
	assert_memory_equal(got.xid, x.xid, sizeof(got.xid));
	assert_memory_equal(got.correlation, x.correlation, 8);
	assert_true(got.has_sequence && got.has_time);
	assert_int_equal(got.sequence, 0x80000001);
	assert_true(got.seconds == x.seconds);
	assert_int_equal(got.nanoseconds, x.nanoseconds);
	assert_true(rd_is(&got.nfid, "nf", 2));
	assert_true(rd_is(&got.ipid, "ip", 2));
	assert_true(rd_equal(&got.payload, &x.payload));
	free(b);
}

static void
an_acknowledgement_is_taken_by_the_cscf(void **state)
{
	uint8_t b[LAB_X2_KEEPALIVE_LEN], ack[X2_ACK_LEN];
	struct x2_pdu x;
	struct rd r;
	struct wr w;
	uint32_t number = 0;
	size_t len = 0;

	(void)state;
	lab_x2_put_keepalive(0xfffffffe, b);
	rd_init(&r, b, sizeof(b));
	assert_int_equal(x2_pdu_read(r, &x), ERR_OK);
	assert_int_equal(x.type, X2_TYPE_KEEPALIVE);
	wr_init(&w, ack, sizeof(ack));
	x2_put_ack(&w, &x);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	for (size_t i = 0; i < len; i++) {
		rd_init(&r, ack, i);
		assert_int_equal(lab_x2_get_ack(r, &number, &len), ERR_AGAIN);
	}
	rd_init(&r, ack, sizeof(ack));
	assert_int_equal(lab_x2_get_ack(r, &number, &len), ERR_OK);
	assert_int_equal(number, 0xfffffffe);
	assert_int_equal(len, sizeof(ack));
	/* Everything but the number is fixed. */
	for (size_t i = 0; i < sizeof(ack); i++) {
		ack[i] ^= 1;
		assert_int_equal(lab_x2_get_ack(r, &number, &len),
		    i < 44 ? ERR_MALFORMED : ERR_OK);
		ack[i] ^= 1;
	}
}

static void
numbers_count_in_each_context(void **state)
{
	struct lab_x2_numbers *t = lab_x2_numbers_new();
	uint8_t xid[LAB_X2_XID_LEN] = {0}, c[LAB_X2_CORRELATION_LEN] = {0};

	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 1000; i++) {
			xid[3] = (uint8_t)i;
			c[7] = (uint8_t)(i >> 8);
			assert_int_equal(lab_x2_number(t, xid, c), round);
		}
	lab_x2_numbers_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_cscf_writes_is_read),
	    cmocka_unit_test(an_acknowledgement_is_taken_by_the_cscf),
	    cmocka_unit_test(numbers_count_in_each_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
