/* Messages of appliance/proto_hi2.c: to policy, to and from hi2c. */
#include <string.h>

#include "appliance/proto_hi2.h"
#include "wire.h"

GETTER(msg_deliver, struct msg_deliver)
GETTER(msg_link, struct msg_link)
GETTER(msg_upto, struct msg_upto)
GETTER(msg_delivery, struct msg_delivery)
GETTER(hi2c_settings, struct hi2c_settings)

static void
deliver_carries_a_record_to_its_end(void **state)
{
	const struct msg_deliver m = {7, 0x0102030405060708, str("a record")};
	struct msg_deliver out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_deliver_put(&w, &m);
	len = written(&w);
	assert_int_equal(len, msg_deliver_max(&m));
	assert_int_equal(msg_deliver_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.epoch, 7);
	assert_true(out.number == m.number);
	assert_true(rd_equal(&out.pdu, &m.pdu));
	for (size_t n = 0; n < 13; n++) /* no record, or none of it */
		assert_int_equal(get_alone(get_msg_deliver, buf, n),
		    ERR_MALFORMED);
	memset(buf, 0, 4); /* no connection */
	assert_int_equal(get_alone(get_msg_deliver, buf, len), ERR_MALFORMED);
}

static void
link_says_a_state_an_epoch_and_why(void **state)
{
	struct msg_link m = {LINK_SILENT, 9, str("no answer")}, out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_link_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_link_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.state, LINK_SILENT);
	assert_int_equal(out.epoch, 9);
	assert_true(rd_equal(&out.text, &m.text));
	only_whole(get_msg_link, len);
	only_below(get_msg_link, len, 0, LINK__MAX);
	memset(buf + 1, 0, 4);
	assert_int_equal(get_alone(get_msg_link, buf, len), ERR_MALFORMED);
}

static void
upto_is_an_epoch_and_a_number(void **state)
{
	const struct msg_upto m = {3, UINT64_MAX};
	struct msg_upto out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_upto_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_upto_get(view(buf, len), &out), ERR_OK);
	assert_int_equal(out.epoch, 3);
	assert_true(out.number == UINT64_MAX);
	only_whole(get_msg_upto, len);
}

static void
delivery_round_trips_whole(void **state)
{
	const struct msg_delivery m = {.lemf = str("lka-3"),
	    .configured = true,
	    .state = LINK_DOWN,
	    .since = 1700000000,
	    .text = str("Connection refused"),
	    .waiting = 1,
	    .sent = 2,
	    .delivered = 3,
	    .dropped = 4,
	    .octets = 5,
	    .oldest = 1600000000,
	    .most_octets = 6,
	    .alarm = true};
	struct msg_delivery out;
	struct wr w = writer();
	size_t len;

	(void)state;
	msg_delivery_put(&w, &m);
	len = written(&w);
	assert_int_equal(msg_delivery_get(view(buf, len), &out), ERR_OK);
	assert_true(rd_equal(&out.lemf, &m.lemf));
	assert_true(rd_equal(&out.text, &m.text));
	assert_true(out.configured && out.alarm && out.state == LINK_DOWN);
	assert_true(out.since == m.since && out.oldest == m.oldest);
	assert_true(out.waiting == 1 && out.sent == 2 && out.delivered == 3);
	assert_true(
	    out.dropped == 4 && out.octets == 5 && out.most_octets == 6);
	only_whole(get_msg_delivery, len);
}

/* ---- settings ---- */

static struct hi2c_settings
some_settings(unsigned n_pins, bool has_ca)
{
	struct hi2c_settings m = {.address = str("192.0.2.7:7400"),
	    .name = str("lemf.example"),
	    .has_ca = has_ca,
	    .has_crl = true,
	    .n_pins = n_pins};

	m.lemf = (struct lemf_settings){.name = str("lka-3"),
	    .profile = str("de"),
	    .queue_mib = 5,
	    .linked = true,
	    .slot = 3,
	    .dead_seconds = 60};
	for (unsigned i = 0; i < n_pins; i++)
		memset(m.pin[i % MAX_LEMF_PINS], 0xa0 + (int)i, DIGEST_LEN);
	m.how = (struct link_settings){.tls12 = true,
	    .rule = LINK_ACKNOWLEDGED,
	    .integrity = LINK_SIGNATURE,
	    .hash = LINK_SHA512,
	    .keep_alive_seconds = 1,
	    .answer_seconds = 2,
	    .dead_seconds = 3,
	    .hash_records = 4,
	    .hash_ms = 5,
	    .sign_hashes = 6,
	    .sign_seconds = UINT32_MAX};
	return m;
}

static void
hi2c_settings_round_trip_whole(void **state)
{
	for (unsigned n = 0; n <= MAX_LEMF_PINS; n += MAX_LEMF_PINS / 2) {
		const struct hi2c_settings m = some_settings(n, true);
		struct hi2c_settings out = {.n_pins = 0};
		struct wr w = writer();
		size_t len;

		(void)state;
		hi2c_settings_put(&w, &m);
		len = written(&w);
		assert_int_equal(hi2c_settings_get(view(buf, len), &out),
		    ERR_OK);
		assert_true(rd_equal(&out.lemf.name, &m.lemf.name));
		assert_int_equal(out.lemf.slot, 3);
		assert_true(rd_equal(&out.address, &m.address));
		assert_true(rd_equal(&out.name, &m.name));
		assert_true(out.has_ca && out.has_crl);
		assert_int_equal(out.n_pins, n);
		assert_memory_equal(out.pin, m.pin, n * DIGEST_LEN);
		assert_true(out.how.tls12 && out.how.rule == m.how.rule &&
		    out.how.integrity == m.how.integrity &&
		    out.how.hash == m.how.hash);
		assert_memory_equal(&out.how.keep_alive_seconds,
		    &m.how.keep_alive_seconds, 7 * sizeof(uint32_t));
		only_whole(get_hi2c_settings, len);
		only_below(get_hi2c_settings, len, len - 31, LINK_RULE__MAX);
		only_below(get_hi2c_settings, len, len - 30,
		    LINK_INTEGRITY__MAX);
		only_below(get_hi2c_settings, len, len - 29, LINK_HASH__MAX);
	}
}

static void
whom_to_trust_must_be_said(void **state)
{
	static const struct {
		unsigned n_pins;
		bool has_ca;
		enum err rc;
	} row[] = {{0, false, ERR_MALFORMED}, {0, true, ERR_OK},
	    {1, false, ERR_OK}, {MAX_LEMF_PINS + 1, true, ERR_MALFORMED}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct hi2c_settings m =
		    some_settings(row[i].n_pins % (MAX_LEMF_PINS + 1),
			row[i].has_ca);
		struct wr w = writer();
		size_t len;

		hi2c_settings_put(&w, &m);
		len = written(&w);
		if (row[i].n_pins > MAX_LEMF_PINS)
			buf[len - 33] = (uint8_t)row[i].n_pins;
		assert_int_equal(get_alone(get_hi2c_settings, buf, len),
		    row[i].rc);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(deliver_carries_a_record_to_its_end),
	    cmocka_unit_test(link_says_a_state_an_epoch_and_why),
	    cmocka_unit_test(upto_is_an_epoch_and_a_number),
	    cmocka_unit_test(delivery_round_trips_whole),
	    cmocka_unit_test(hi2c_settings_round_trip_whole),
	    cmocka_unit_test(whom_to_trust_must_be_said),
	};

	return cmocka_run_group_tests_name("proto_hi2", tests, NULL, NULL);
}
