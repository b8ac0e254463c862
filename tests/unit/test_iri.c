/*
 * iri: one record of each kind to the octet, as a person writes it down from
 * the modules; then what is refused, and that nothing is written when it is.
 * tests/asn1/test_asn1_iri.c reads records with another decoder.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hi2/der_put.h"
#include "hi2/iri.h"

static struct iri_profile
profile(const char *name)
{
	struct iri_profile p;

	assert_int_equal(iri_profile_named(name, &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	return p;
}

static const struct iri_key key = {.cs_id = 2,
    .csb_id = 0x01020304,
    .tek = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa,
	0xab, 0xac, 0xad, 0xae, 0xaf},
    .salt = {0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
	0xbb, 0xbc, 0xbd}};
static struct rd target;

/* 2023-11-14T22:13:20.120456Z */
static struct iri_record
keys_record(void)
{
	target = str("tel:+49");
	return (struct iri_record){.event = IRI_KEYS,
	    .liid = str("L1"),
	    .targets = &target,
	    .n_targets = 1,
	    .correlation = {0x11, 0x22, 0x33, 0x44, 0x80, 0x00, 0x00, 0x01},
	    .seconds = 1700000000,
	    .nanoseconds = 120456789,
	    .initiator = IRI_TERMINATING,
	    .sequence = 300,
	    .sip = str("SIP"),
	    .keys = &key,
	    .n_keys = 1};
}

static struct iri_record
no_keys_record(void)
{
	struct iri_record r = keys_record();

	r.event = IRI_NO_KEYS;
	r.keys = NULL;
	r.n_keys = 0;
	r.sip = str("");
	r.n_targets = 0;
	return r;
}

/* Hex with spaces. */
static size_t
written(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		char two[3] = {hex[0], hex[1], '\0'};

		if (*hex == ' ')
			continue;
		assert_int_equal(hex_get(two, out + n++, 1), ERR_OK);
		hex++;
	}
	return n;
}

static void
assert_record(const struct iri_profile *p, const struct iri_record *r,
    const char *hex)
{
	uint8_t want[1024], got[1024];
	const size_t n = written(hex, want);
	size_t len = 0;

	assert_int_equal(iri_encode(p, r, got, sizeof(got), &len), ERR_OK);
	assert_int_equal(len, n);
	assert_memory_equal(got, want, n);
	assert_int_equal(iri_max(p, r), n);
}

#define HEADER \
	"80 07 04 00 02 02 05 01 2b " /* li-psDomainId 0.4.0.2.2.5.1.43 */ \
	"81 02 4c 31 " /* LIID L1 */ \
	"82 02 2d 2d " /* authorizationCountryCode -- */ \
	"a3 0d a0 04 80 02 4f 50 " /* operatorIdentifier OP */ \
	"81 05 00 80 00 00 01 " /* CIN 0x80000001 */ \
	"84 02 01 2c " /* sequenceNumber 300 */ \
	"85 12 32 30 32 33 31 31 31 34 32 32 31 33 32 30 2e 31 32 5a " \
	"a7 0b 80 04 65 53 f1 00 81 03 01 d6 88 " /* 1700000000, 120456 */

#define RECORD_TIME \
	"a3 19 a0 17 80 12 " /* localTime, generalizedTime */ \
	"32 30 32 33 31 31 31 34 32 32 31 33 32 30 2e 31 32 5a " \
	"81 01 00 " /* winterSummerIndication notProvided */

static void
keys_record_to_the_octet(void **state)
{
	const struct iri_record r = keys_record();
	const struct iri_profile p = profile("etsi");

	(void)state;
	assert_record(&p, &r,
	    "30 81 e6 "
	    "a1 45 " HEADER "a2 81 9c a0 81 99 30 81 96 " /* IRIPayload */
	    "80 01 04 " /* iRI-Report */
	    "a2 81 90 a4 81 8d a0 81 8a " /* uMTSIRI, iRI-Parameters */
	    "80 08 04 00 02 02 04 01 0f 05 " /* hi2DomainId r15 version-5 */
	    "97 01 08 " /* lastVersion */
	    "81 02 4c 31 " RECORD_TIME "84 01 02 " /* terminating-Target */
	    "a9 10 30 0e 80 01 03 a1 09 89 07 74 65 6c 3a 2b 34 39 "
	    "ba 04 80 02 4f 50 " /* networkIdentifier */
	    "9d 01 03 " /* decryptionKeysAvailable */
	    "9e 03 53 49 50 " /* sIPMessage */
	    "bf 23 0a 81 08 11 22 33 44 80 00 00 01 " /* iri-to-iri */
	    "bf 24 2b 30 29 81 05 01 02 03 04 02 " /* cCCSID */
	    "82 10 a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab ac ad ae af "
	    "83 0e b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 ba bb bc bd");
}

/* cCSalt is OPTIONAL: it lies inside of what is sealed. */
static void
a_sealed_key_stands_alone_in_its_field(void **state)
{
	struct iri_record r = keys_record();
	const struct iri_profile p = profile("etsi");
	struct iri_key sealed = key;

	(void)state;
	sealed.sealed = str("abc");
	r.keys = &sealed;
	assert_record(&p, &r,
	    "30 81 c3 "
	    "a1 45 " HEADER "a2 7a a0 78 30 76 " /* IRIPayload */
	    "80 01 04 " /* iRI-Report */
	    "a2 71 a4 6f a0 6d " /* uMTSIRI, iRI-Parameters */
	    "80 08 04 00 02 02 04 01 0f 05 " /* hi2DomainId r15 version-5 */
	    "97 01 08 " /* lastVersion */
	    "81 02 4c 31 " RECORD_TIME "84 01 02 " /* terminating-Target */
	    "a9 10 30 0e 80 01 03 a1 09 89 07 74 65 6c 3a 2b 34 39 "
	    "ba 04 80 02 4f 50 " /* networkIdentifier */
	    "9d 01 03 " /* decryptionKeysAvailable */
	    "9e 03 53 49 50 " /* sIPMessage */
	    "bf 23 0a 81 08 11 22 33 44 80 00 00 01 " /* iri-to-iri */
	    "bf 24 0e 30 0c 81 05 01 02 03 04 02 " /* cCCSID */
	    "82 03 61 62 63");
}

static void
no_keys_record_to_the_octet(void **state)
{
	const struct iri_record r = no_keys_record();
	struct iri_profile p = profile("etsi-form1");

	(void)state;
	assert_record(&p, &r,
	    "30 81 9e "
	    "a1 45 " HEADER "a2 55 a0 53 30 51 "
	    "80 01 04 a2 4c a4 4a "
	    "a1 48 a4 46 " /* umtsIRIsContent, iRI-Report-record */
	    "80 08 04 00 02 02 04 01 0f 05 97 01 08 81 02 4c 31 " RECORD_TIME
	    "84 01 02 "
	    "ba 04 80 02 4f 50 "
	    "bf 23 0a 81 08 11 22 33 44 80 00 00 01 "
	    "9f 2c 01 00"); /* genericFailure, and no iMSevent */
}

static void
no_keys_with_a_message_says_what_it_carries(void **state)
{
	struct iri_record r = no_keys_record();
	const struct iri_profile p = profile("etsi");

	(void)state;
	r.sip = str("SIP");
	assert_record(&p, &r,
	    "30 81 a4 "
	    "a1 45 " HEADER "a2 5b a0 59 30 57 "
	    "80 01 04 a2 52 a4 50 a0 4e "
	    "80 08 04 00 02 02 04 01 0f 05 97 01 08 81 02 4c 31 " RECORD_TIME
	    "84 01 02 "
	    "ba 04 80 02 4f 50 "
	    "9d 01 01 9e 03 53 49 50 " /* unfilteredSIPmessage */
	    "bf 23 0a 81 08 11 22 33 44 80 00 00 01 "
	    "9f 2c 01 00");
}

/* All options away from their defaults. */
static void
sip_record_to_the_octet(void **state)
{
	static const char *const options[][2] = {{"form", "content"},
	    {"ps_version", "40"}, {"hi2_domain", "r16v1"},
	    {"header_time", "generalized"}, {"umts_time", "utc"},
	    {"time_qualifier", "mediation"}, {"authorization_country", "NL"},
	    {"delivery_country", "DE"}, {"alt_operator_id", "A"},
	    {"network_element_id", "E"}, {"interception_point", "P"}};
	struct iri_record r = keys_record();
	struct iri_profile p = profile("etsi");

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_int_equal(iri_profile_set(&p, options[i][0],
				     options[i][1], NULL),
		    ERR_OK);
	r.event = IRI_SIP;
	r.n_keys = 0;
	r.seconds = 0;
	r.nanoseconds = 999999;
	r.sequence = 0;
	r.initiator = IRI_INITIATOR_NA;
	memset(r.correlation, 0, sizeof(r.correlation));
	assert_record(&p, &r,
	    "30 81 a1 "
	    "a1 3d 80 07 04 00 02 02 05 01 28 81 02 4c 31 82 02 4e 4c "
	    "a3 10 a0 07 80 02 4f 50 81 01 45 81 01 00 82 02 44 45 "
	    "84 01 00 85 0f 31 39 37 30 30 31 30 31 30 30 30 30 30 30 5a "
	    "86 01 50 88 01 02 "
	    "a2 60 a0 5e 30 5c 80 01 04 a2 57 a4 55 a1 53 a4 51 "
	    "80 08 04 00 02 02 04 01 10 01 97 01 08 81 02 4c 31 "
	    "a3 0f 81 0d 37 30 30 31 30 31 30 30 30 30 30 30 5a "
	    "84 01 00 a9 10 30 0e 80 01 03 a1 09 89 07 74 65 6c 3a 2b 34 39 "
	    "ba 03 80 01 41 9d 01 01 9e 03 53 49 50 "
	    "bf 23 0a 81 08 00 00 00 00 00 00 00 00");
}

static void
assert_refused(const struct iri_profile *p, const struct iri_record *r,
    enum err want)
{
	uint8_t out[512], before[512];
	size_t len = 77;

	memset(out, 0x5a, sizeof(out));
	memcpy(before, out, sizeof(out));
	assert_int_equal(iri_encode(p, r, out, sizeof(out), &len), want);
	assert_int_equal(len, 77);
	assert_memory_equal(out, before, sizeof(out));
	assert_int_equal(iri_max(p, r), 0);
}

static void
encode_refuses_each_field_out_of_range(void **state)
{
	static const struct iri_key many[MAX_CS + 1];
	const struct iri_profile p = profile("etsi");
	const struct iri_record good = keys_record();
	static const char liid[] = "12345678901234567890123456";
	struct iri_record r;

	(void)state;
#define REFUSED(field, value) \
	do { \
		r = good; \
		r.field = (value); \
		assert_refused(&p, &r, ERR_MALFORMED); \
	} while (0)
	REFUSED(liid, str(""));
	REFUSED(liid, str(liid));
	REFUSED(seconds, -1);
	REFUSED(seconds, INT64_MIN);
	REFUSED(seconds, 253402300800);
	REFUSED(seconds, INT64_MAX);
	REFUSED(nanoseconds, 1000000000);
	REFUSED(nanoseconds, UINT32_MAX);
	REFUSED(initiator, (enum iri_initiator)3);
	REFUSED(initiator, (enum iri_initiator) - 1);
	REFUSED(event, IRI_EVENT__MAX);
	REFUSED(event, (enum iri_event) - 1);
	REFUSED(n_keys, 0);
	REFUSED(event, IRI_NO_KEYS); /* with keys */
	REFUSED(event, IRI_SIP);
	r = good;
	r.keys = many;
	r.n_keys = MAX_CS + 1;
	assert_refused(&p, &r, ERR_MALFORMED);
	r = good;
	r.event = IRI_SIP;
	r.n_keys = 0;
	r.sip = str("");
	assert_refused(&p, &r, ERR_MALFORMED);
#undef REFUSED
}

static void
utc_time_ends_with_its_two_digits(void **state)
{
	struct iri_profile p = profile("etsi");
	struct iri_record r = keys_record();

	(void)state;
	assert_int_equal(iri_profile_set(&p, "umts_time", "utc", NULL), ERR_OK);
	r.seconds = 2524607999;
	assert_true(iri_max(&p, &r) > 0);
	r.seconds++;
	assert_refused(&p, &r, ERR_MALFORMED);
	assert_int_equal(iri_profile_set(&p, "umts_time", "local", NULL),
	    ERR_OK);
	assert_true(iri_max(&p, &r) > 0);
}

static void
identities_are_sip_and_tel_uris(void **state)
{
	static const char *const bad[] = {"", "sip:", "tel:", "sips:", "sip",
	    "+49", "alice@example.com", "http://x", "mailto:a", " sip:a",
	    "urn:a", "sipx:a"};
	static const char *const good[] = {"sip:a", "SIP:a", "sips:a", "tel:1",
	    "TEL:1"};
	const struct iri_profile p = profile("etsi");
	struct iri_record r = keys_record();
	struct rd three[12];

	(void)state;
	r.targets = three;
	r.n_targets = 3;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t at = 0; at < 3; at++) {
			three[0] = three[1] = three[2] = str("sip:a");
			three[at] = str(bad[i]);
			assert_refused(&p, &r, ERR_MALFORMED);
		}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		three[0] = str(good[i]);
		three[1] = three[2] = str("sip:b");
		assert_true(iri_max(&p, &r) > 0);
	}
	/* Those beyond the tenth are not looked at. */
	for (size_t i = 0; i < 10; i++)
		three[i] = str("sip:a");
	three[10] = three[11] = str("bad");
	r.n_targets = 12;
	assert_true(iri_max(&p, &r) > 0);
	three[9] = str("bad");
	assert_refused(&p, &r, ERR_MALFORMED);
}

static void
long_fields_are_too_big(void **state)
{
	static uint8_t big[SIP_MAX + 1];
	const struct iri_profile p = profile("etsi");
	struct iri_record r = keys_record();
	struct rd one;

	(void)state;
	rd_init(&r.sip, big, SIP_MAX);
	assert_true(iri_max(&p, &r) > SIP_MAX);
	rd_init(&r.sip, big, SIP_MAX + 1);
	assert_refused(&p, &r, ERR_TOOBIG);
	r = keys_record();
	memset(big, 'a', IRI_URI_MAX + 1);
	memcpy(big, "sip:", 4);
	r.targets = &one;
	rd_init(&one, big, IRI_URI_MAX);
	assert_true(iri_max(&p, &r) > IRI_URI_MAX);
	rd_init(&one, big, IRI_URI_MAX + 1);
	assert_refused(&p, &r, ERR_TOOBIG);
}

static void
a_profile_that_does_not_check_is_refused(void **state)
{
	struct iri_profile p = profile("etsi");
	const struct iri_record r = keys_record();

	(void)state;
	p.operator_id[0] = '\0';
	assert_refused(&p, &r, ERR_MALFORMED);
	p = profile("etsi");
	p.ps_version = 0;
	assert_refused(&p, &r, ERR_MALFORMED);
}

/* In memory of just that size, so that a sanitizer sees one octet more. */
static void
every_cap_below_the_size_fails(void **state)
{
	const struct iri_profile p = profile("etsi");
	const struct iri_record r = keys_record();
	const size_t need = iri_max(&p, &r);
	size_t len;

	(void)state;
	for (size_t cap = 0; cap < need; cap++) {
		uint8_t *out = malloc(cap > 0 ? cap : 1);

		assert_non_null(out);
		memset(out, 0x5a, cap > 0 ? cap : 1);
		len = 77;
		assert_int_equal(iri_encode(&p, &r, out, cap, &len),
		    ERR_TOOBIG);
		assert_int_equal(len, 77);
		for (size_t i = 0; i < cap; i++)
			assert_int_equal(out[i], 0x5a);
		free(out);
	}
}

static void
nothing_is_written_behind_the_record(void **state)
{
	const struct iri_profile p = profile("etsi");
	const struct iri_record r = keys_record();
	const size_t need = iri_max(&p, &r);
	uint8_t out[600], exact[600];
	size_t len, again;

	(void)state;
	assert_int_equal(iri_encode(&p, &r, exact, need, &len), ERR_OK);
	assert_int_equal(len, need);
	memset(out, 0x5a, sizeof(out));
	assert_int_equal(iri_encode(&p, &r, out, sizeof(out), &again), ERR_OK);
	assert_int_equal(again, len);
	assert_memory_equal(out, exact, len);
	for (size_t i = len; i < sizeof(out); i++)
		assert_int_equal(out[i], 0x5a);
}

/* ---- der_put ---- */

static void
assert_number(uint64_t v, const char *hex)
{
	uint8_t out[16], want[16];
	const size_t n = written(hex, want);
	struct der_put d;

	der_put_init(&d, out, sizeof(out));
	der_put_number(&d, 0x02, v);
	assert_false(d.failed);
	assert_int_equal(d.len, n);
	assert_memory_equal(out + sizeof(out) - n, want, n);
}

static void
numbers_take_the_fewest_octets(void **state)
{
	(void)state;
	assert_number(0, "02 01 00");
	assert_number(127, "02 01 7f");
	assert_number(128, "02 02 00 80");
	assert_number(255, "02 02 00 ff");
	assert_number(256, "02 02 01 00");
	assert_number(32767, "02 02 7f ff");
	assert_number(32768, "02 03 00 80 00");
	assert_number(UINT32_MAX, "02 05 00 ff ff ff ff");
	assert_number((uint64_t)1 << 62, "02 08 40 00 00 00 00 00 00 00");
	assert_number(UINT64_MAX, "02 09 00 ff ff ff ff ff ff ff ff");
}

static void
lengths_take_the_shortest_form(void **state)
{
	static uint8_t content[70000], out[70010];
	static const struct {
		size_t len;
		const char *head;
	} rows[] = {{0, "9f 2c 00"}, {1, "9f 2c 01"}, {127, "9f 2c 7f"},
	    {128, "9f 2c 81 80"}, {255, "9f 2c 81 ff"}, {256, "9f 2c 82 01 00"},
	    {65535, "9f 2c 82 ff ff"}, {65536, "9f 2c 83 01 00 00"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t head[8];
		const size_t n = written(rows[i].head, head);
		struct der_put d;

		der_put_init(&d, out, sizeof(out));
		der_put_string(&d, 0x9f2c, content, rows[i].len);
		assert_false(d.failed);
		assert_int_equal(d.len, n + rows[i].len);
		assert_memory_equal(out + sizeof(out) - d.len, head, n);
		der_put_init(&d, NULL, 0);
		der_put_string(&d, 0x9f2c, content, rows[i].len);
		assert_int_equal(d.len, n + rows[i].len);
	}
}

static void
a_full_writer_stays_failed(void **state)
{
	uint8_t out[8];
	struct der_put d;

	(void)state;
	memset(out, 0x5a, sizeof(out));
	der_put_init(&d, out + 2, 4);
	der_put_octets(&d, "abc", 3);
	assert_false(d.failed);
	der_put_octets(&d, "de", 2);
	assert_true(d.failed);
	der_put_octets(&d, "f", 1); /* would fit */
	der_put_number(&d, 2, 1);
	der_put_text(&d, 2, "");
	der_put_wrap(&d, 0x30, 0);
	assert_true(d.failed);
	assert_int_equal(d.len, 3);
	assert_memory_equal(out,
	    "\x5a\x5a\x5a"
	    "abc\x5a\x5a",
	    8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_record_to_the_octet),
	    cmocka_unit_test(a_sealed_key_stands_alone_in_its_field),
	    cmocka_unit_test(no_keys_record_to_the_octet),
	    cmocka_unit_test(no_keys_with_a_message_says_what_it_carries),
	    cmocka_unit_test(sip_record_to_the_octet),
	    cmocka_unit_test(encode_refuses_each_field_out_of_range),
	    cmocka_unit_test(utc_time_ends_with_its_two_digits),
	    cmocka_unit_test(identities_are_sip_and_tel_uris),
	    cmocka_unit_test(long_fields_are_too_big),
	    cmocka_unit_test(a_profile_that_does_not_check_is_refused),
	    cmocka_unit_test(every_cap_below_the_size_fails),
	    cmocka_unit_test(nothing_is_written_behind_the_record),
	    cmocka_unit_test(numbers_take_the_fewest_octets),
	    cmocka_unit_test(lengths_take_the_shortest_form),
	    cmocka_unit_test(a_full_writer_stays_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
