#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/subscriber.h"

#define TEST_AT (1 + 8 + 8) /* behind version, time and number */

static const uint8_t seal_octets[SUBSCRIBER_SEAL_LEN] = {0xaa, 1, 2, 3};

/* The record with its seal; *len set, static memory. */
static uint8_t *
record(const struct subscriber *s, size_t *len)
{
	static uint8_t buf[2 * SUBSCRIBER_MAX];
	struct wr w;

	wr_init(&w, buf, sizeof(buf));
	subscriber_put(&w, s);
	wr_copy(&w, seal_octets, sizeof(seal_octets));
	assert_int_equal(wr_finish(&w, len), ERR_OK);
	return buf;
}

static struct subscriber
sample(void)
{
	struct subscriber s = {.created = -1234567890123LL,
	    .number = 0xfedcba9876543210,
	    .test = true};

	s.identity = str("sip:alice@example.com");
	s.n_devices = 2;
	s.device[0] = str("sip:alice-phone@example.com");
	s.device[1] = str("tel:+15550100");
	s.label = str("label");
	s.seed =
	    view("\x00\x01\x02wrapped seed of forty octets, or so....", 43);
	s.device_cert = str("not looked at here");
	return s;
}

static void
same(const struct subscriber *a, const struct subscriber *b)
{
	assert_true(a->created == b->created);
	assert_true(a->number == b->number);
	assert_int_equal(a->test, b->test);
	assert_true(rd_equal(&a->identity, &b->identity));
	assert_int_equal(a->n_devices, b->n_devices);
	for (unsigned i = 0; i < a->n_devices; i++)
		assert_true(rd_equal(&a->device[i], &b->device[i]));
	assert_true(rd_equal(&a->label, &b->label));
	assert_true(rd_equal(&a->seed, &b->seed));
	assert_true(rd_equal(&a->device_cert, &b->device_cert));
}

static void
good(const struct subscriber *s)
{
	struct rd sealed, seal;
	struct subscriber out;
	size_t len;
	uint8_t *p = record(s, &len);

	assert_int_equal(subscriber_parse(view(p, len), &out, &sealed, &seal),
	    ERR_OK);
	same(s, &out);
	/* the seal covers every octet before it, and those alone */
	assert_ptr_equal(sealed.p, p);
	assert_int_equal(sealed.left, len - SUBSCRIBER_SEAL_LEN);
	assert_ptr_equal(seal.p, p + len - SUBSCRIBER_SEAL_LEN);
	assert_true(rd_is(&seal, seal_octets, sizeof(seal_octets)));
}

/* ERR_MALFORMED, and no view of a seal to check by mistake. */
static void
bad(const uint8_t *p, size_t len)
{
	struct rd sealed = view("x", 1), seal = view("y", 1);
	struct subscriber out;

	assert_int_equal(subscriber_parse(view(p, len), &out, &sealed, &seal),
	    ERR_MALFORMED);
	assert_true(rd_is(&sealed, "x", 1));
	assert_true(rd_is(&seal, "y", 1));
}

static void
a_record_reads_back_as_it_was_put(void **state)
{
	struct subscriber s = sample();

	(void)state;
	good(&s);
	s.created = INT64_MAX;
	s.number = 0;
	s.test = false;
	s.n_devices = 0;
	s.label = str("");
	s.device_cert = str("");
	good(&s);
}

static void
the_largest_of_everything_reads_back(void **state)
{
	static uint8_t fill[MAX_CERT];
	struct subscriber s = sample();

	(void)state;
	memset(fill, 'z', sizeof(fill));
	s.identity = view(fill, MAX_PUBLIC_ID);
	s.n_devices = MAX_DEVICES;
	for (unsigned i = 0; i < MAX_DEVICES; i++)
		s.device[i] = view(fill, MAX_PUBLIC_ID);
	s.label = view(fill, MAX_SEED_LABEL);
	s.seed = view(fill, 255);
	s.device_cert = view(fill, MAX_CERT);
	good(&s);
}

static void
every_prefix_is_malformed(void **state)
{
	struct subscriber s = sample();
	size_t len;
	const uint8_t *p = record(&s, &len);

	(void)state;
	each_prefix(p, len, bad);
}

static void
trailing_octets_are_malformed(void **state)
{
	struct subscriber s = sample();
	size_t len;
	uint8_t *p = record(&s, &len);

	(void)state;
	p[len] = 0;
	for (size_t n = 1; n < 100; n++) {
		p[len + n] = 0;
		bad(p, len + n);
	}
}

static void
another_version_is_malformed(void **state)
{
	struct subscriber s = sample();
	size_t len;
	uint8_t *p = record(&s, &len);

	(void)state;
	for (int v = 0; v < 256; v++)
		if (v != 2) {
			p[0] = (uint8_t)v;
			bad(p, len);
		}
	p[0] = 2;
	good(&s);
}

/* Whose record it is hangs on these: they stand where they always stood. */
static void
version_time_number_and_test_stand_first(void **state)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 0x69, 0x7f, 0x29, 0x80, 1,
	    2, 3, 4, 5, 6, 7, 8, 1, 21};
	struct subscriber s = sample();
	size_t len;
	const uint8_t *p;

	(void)state;
	s.created = 0x697f2980;
	s.number = 0x0102030405060708;
	p = record(&s, &len);
	assert_memory_equal(p, head, sizeof(head));
}

/* A record is for test calls or it is not: nothing else can be read into it. */
static void
a_test_flag_of_another_value_is_malformed(void **state)
{
	struct subscriber s = sample(), out;
	struct rd sealed, seal;
	size_t len;
	uint8_t *p = record(&s, &len);

	(void)state;
	for (unsigned v = 2; v < 256; v++) {
		p[TEST_AT] = (uint8_t)v;
		bad(p, len);
	}
	for (unsigned v = 0; v < 2; v++) {
		p[TEST_AT] = (uint8_t)v;
		assert_int_equal(subscriber_parse(view(p, len), &out, &sealed,
				     &seal),
		    ERR_OK);
		assert_int_equal(out.test, v == 1);
	}
}

static void
an_empty_identity_or_device_is_malformed(void **state)
{
	struct subscriber s = sample();
	size_t len;
	uint8_t *p;

	(void)state;
	s.identity = str("");
	p = record(&s, &len);
	bad(p, len);
	for (unsigned i = 0; i < 2; i++) {
		s = sample();
		s.device[i] = str("");
		p = record(&s, &len);
		bad(p, len);
	}
}

static void
more_devices_than_allowed_are_malformed(void **state)
{
	struct subscriber s = sample();
	uint8_t buf[4096];
	struct wr w;
	size_t len;

	(void)state;
	for (unsigned n = MAX_DEVICES; n <= 255; n++) {
		struct rd sealed, seal;
		struct subscriber out;
		enum err rc;

		wr_init(&w, buf, sizeof(buf));
		wr_u8(&w, 2);
		wr_i64(&w, s.created);
		wr_u64(&w, s.number);
		wr_bool(&w, s.test);
		wr_view8(&w, s.identity.p, s.identity.left);
		wr_u8(&w, (uint8_t)n);
		for (unsigned i = 0; i < n; i++)
			wr_view8(&w, "d", 1);
		wr_view8(&w, "", 0);
		wr_view8(&w, "seed", 4);
		wr_view16(&w, "", 0);
		wr_copy(&w, seal_octets, sizeof(seal_octets));
		assert_int_equal(wr_finish(&w, &len), ERR_OK);
		rc = subscriber_parse(view(buf, len), &out, &sealed, &seal);
		assert_int_equal(rc, n <= MAX_DEVICES ? ERR_OK : ERR_MALFORMED);
	}
}

static void
a_label_over_its_limit_is_malformed(void **state)
{
	static uint8_t fill[255];
	struct subscriber s = sample();
	size_t len;
	uint8_t *p;

	(void)state;
	s.label = view(fill, MAX_SEED_LABEL);
	good(&s);
	for (size_t n = MAX_SEED_LABEL + 1; n <= 255; n++) {
		s.label = view(fill, n);
		p = record(&s, &len);
		bad(p, len);
	}
}

static void
a_record_over_its_limit_is_malformed(void **state)
{
	static uint8_t fill[SUBSCRIBER_MAX];
	struct subscriber s = sample();
	size_t len, rest;
	uint8_t *p;

	(void)state;
	s.device_cert = str("");
	(void)record(&s, &len);
	rest = SUBSCRIBER_MAX - len;
	s.device_cert = view(fill, rest);
	(void)record(&s, &len);
	assert_int_equal(len, SUBSCRIBER_MAX);
	good(&s);
	s.device_cert = view(fill, rest + 1);
	p = record(&s, &len);
	bad(p, len);
}

static void
a_record_without_all_of_its_seal_is_malformed(void **state)
{
	struct subscriber s = sample();
	size_t len;
	uint8_t *p = record(&s, &len);

	(void)state;
	for (size_t n = 1; n <= SUBSCRIBER_SEAL_LEN; n++)
		bad(p, len - n);
}

static void
what_does_not_fit_its_length_octet_fails_the_writer(void **state)
{
	static uint8_t fill[256], buf[8192];
	struct subscriber s = sample();
	size_t len = 99;
	struct wr w;

	(void)state;
	s.identity = view(fill, sizeof(fill));
	wr_init(&w, buf, sizeof(buf));
	subscriber_put(&w, &s);
	assert_int_equal(wr_finish(&w, &len), ERR_TOOBIG);
	assert_int_equal(len, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_reads_back_as_it_was_put),
	    cmocka_unit_test(the_largest_of_everything_reads_back),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(another_version_is_malformed),
	    cmocka_unit_test(version_time_number_and_test_stand_first),
	    cmocka_unit_test(a_test_flag_of_another_value_is_malformed),
	    cmocka_unit_test(an_empty_identity_or_device_is_malformed),
	    cmocka_unit_test(more_devices_than_allowed_are_malformed),
	    cmocka_unit_test(a_label_over_its_limit_is_malformed),
	    cmocka_unit_test(a_record_over_its_limit_is_malformed),
	    cmocka_unit_test(a_record_without_all_of_its_seal_is_malformed),
	    cmocka_unit_test(
		what_does_not_fit_its_length_octet_fails_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
