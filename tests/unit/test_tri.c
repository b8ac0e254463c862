/*
 * tri, ps_pdu, ber_get: the PDUs of the transport to the octet, as a person
 * writes them down from the module; what is read of them, and of what LEMFs may
 * write instead; what is refused.  tests/asn1/test_asn1_tri.c reads them with
 * another decoder.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hi2/iri.h"
#include "hi2/ps_pdu.h"
#include "hi2/tri.h"

static uint8_t buf[SIP_MAX + 32768];

static struct iri_profile
profile(void)
{
	struct iri_profile p;

	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	return p;
}

/* 2023-11-14T22:13:20Z */
static struct ps_header
header(const char *liid, uint32_t sequence)
{
	return (struct ps_header){.liid = str(liid),
	    .sequence = sequence,
	    .seconds = 1700000000};
}

/* Hex with spaces; the result lives until the next call. */
static struct rd
octets_of(const char *hex)
{
	static uint8_t b[512];
	struct rd r;
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		const char two[3] = {hex[0], hex[1], '\0'};

		if (*hex == ' ')
			continue;
		assert_int_equal(hex_get(two, b + n++, 1), ERR_OK);
		hex++;
	}
	rd_init(&r, b, n);
	return r;
}

static struct rd
encoded(const struct ps_header *h, const struct tri *t)
{
	const struct iri_profile p = profile();
	size_t len = 77;
	struct rd r;

	assert_int_equal(tri_encode(&p, h, t, buf, sizeof(buf), &len), ERR_OK);
	memset(buf + len, 0x5a, 16);
	assert_int_equal(tri_encode(&p, h, t, buf, len, &len), ERR_OK);
	assert_int_equal(buf[len], 0x5a);
	rd_init(&r, buf, len);
	return r;
}

static void
assert_pdu(const struct ps_header *h, const struct tri *t, const char *hex)
{
	const struct rd want = octets_of(hex), got = encoded(h, t);

	assert_int_equal(got.left, want.left);
	assert_memory_equal(got.p, want.p, want.left);
}

#define HEADER(liid, sequence) \
	"80 07 04 00 02 02 05 01 2b " liid "82 02 2d 2d " \
	"a3 09 a0 04 80 02 4f 50 81 01 00 " sequence \
	"85 0f 32 30 32 33 31 31 31 34 32 32 31 33 32 30 5a " \
	"a7 09 80 04 65 53 f1 00 81 01 00 "
#define SHORT(payload) \
	"30 42 a1 3a " HEADER("81 01 2d ", "84 01 07 ") "a2 04 a2 02 " payload

static void
kinds_without_content_to_the_octet(void **state)
{
	static const struct {
		enum tri_kind kind;
		const char *hex;
	} all[] = {{TRI_TEST, SHORT("81 00")}, {TRI_KEEP_ALIVE, SHORT("83 00")},
	    {TRI_KEEP_ALIVE_RESPONSE, SHORT("84 00")},
	    {TRI_FIRST_SEGMENT, SHORT("85 00")},
	    {TRI_LAST_SEGMENT, SHORT("86 00")}, {TRI_CIN_RESET, SHORT("87 00")},
	    {TRI_OPTION_COMPLETE, SHORT("8b 00")},
	    {TRI_ACKNOWLEDGEMENT_REQUEST, SHORT("8c 00")},
	    {TRI_ACKNOWLEDGEMENT_RESPONSE, SHORT("8d 00")}};
	const struct ps_header h = header(TRI_LIID, 7);

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct tri t = {.kind = all[i].kind};

		assert_pdu(&h, &t, all[i].hex);
	}
}

static void
options_to_the_octet(void **state)
{
	const struct ps_header h = header(TRI_LIID, 7);
	struct tri t = {.kind = TRI_OPTION_REQUEST, .u.asks = true};

	(void)state;
	assert_pdu(&h, &t,
	    "30 46 a1 3a " HEADER("81 01 2d ",
		"84 01 07 ") "a2 08 a2 06 a9 04 a0 02 80 00");
	t = (struct tri){.kind = TRI_OPTION_RESPONSE,
	    .u.answer = {true, false}};
	assert_pdu(&h, &t,
	    "30 48 a1 3a " HEADER("81 01 2d ",
		"84 01 07 ") "a2 0a a2 08 aa 06 a0 02 80 00 a1 00");
	t.u.answer.accepted = false;
	t.u.answer.declined = true;
	assert_pdu(&h, &t,
	    "30 48 a1 3a " HEADER("81 01 2d ",
		"84 01 07 ") "a2 0a a2 08 aa 06 a0 00 a1 02 80 00");
}

static void
integrity_and_message_to_the_octet(void **state)
{
	const struct ps_header h = header("L1", 300);
	uint8_t numbers[3 * TRI_INCLUDED_LEN];
	struct tri t = {.kind = TRI_INTEGRITY_CHECK,
	    .u.integrity = {.check = TRI_CHECK_HASH,
		.data = TRI_DATA_IRI,
		.value = str("VAL"),
		.hash = TRI_SHA256}};
	struct wr w;

	(void)state;
	wr_init(&w, numbers, sizeof(numbers));
	tri_included_put(&w, 0);
	tri_included_put(&w, 128);
	tri_included_put(&w, UINT32_MAX);
	assert_int_equal(w.rc, ERR_OK);
	rd_init(&t.u.integrity.included, numbers, w.len);
	assert_pdu(&h, &t,
	    "30 62 a1 3c " HEADER("81 02 4c 31 ",
		"84 02 01 2c ") "a2 22 a2 20 a0 1e "
				"a0 0e 02 01 00 02 02 00 80 02 05 00 ff ff ff ff "
				"81 01 01 82 01 01 83 03 56 41 4c 84 01 02");
	rd_init(&t.u.integrity.included, numbers, 3);
	t.u.integrity.check = TRI_CHECK_SIGNATURE;
	t.u.integrity.hash = TRI_HASH_NONE;
	t.u.integrity.signature = TRI_ECDSA;
	assert_pdu(&h, &t,
	    "30 57 a1 3c " HEADER("81 02 4c 31 ",
		"84 02 01 2c ") "a2 17 a2 15 a0 13 a0 03 02 01 00 "
				"81 01 02 82 01 01 83 03 56 41 4c 85 01 02");
	t = (struct tri){.kind = TRI_OPERATOR_LEA_MESSAGE,
	    .u.message = {TRI_ERROR, str("Hi")}};
	assert_pdu(&h, &t,
	    "30 4b a1 3c " HEADER("81 02 4c 31 ",
		"84 02 01 2c ") "a2 0b a2 09 a8 07 80 01 01 81 02 48 69");
}

static void
what_has_no_encoding_is_refused(void **state)
{
	const struct iri_profile p = profile(), none = {.form = 0};
	const struct ps_header h = header("L1", 1);
	struct ps_header bad = h;
	struct tri t = {.kind = TRI_PADDING};
	uint8_t out[256];
	size_t len = 9;

	(void)state;
	assert_int_equal(tri_encode(&p, &h, &t, out, 256, &len),
	    ERR_UNSUPPORTED);
	t.kind = TRI_OTHER;
	assert_int_equal(tri_encode(&p, &h, &t, out, 256, &len),
	    ERR_UNSUPPORTED);
	t.kind = TRI_OPERATOR_LEA_MESSAGE;
	assert_int_equal(tri_encode(&p, &h, &t, out, 256, &len), ERR_MALFORMED);
	t.kind = TRI_INTEGRITY_CHECK;
	assert_int_equal(tri_encode(&p, &h, &t, out, 256, &len), ERR_MALFORMED);
	t.kind = TRI_KEEP_ALIVE;
	assert_int_equal(tri_encode(&none, &h, &t, out, 256, &len),
	    ERR_MALFORMED);
	bad.liid.left = 0;
	assert_int_equal(tri_encode(&p, &bad, &t, out, 256, &len),
	    ERR_MALFORMED);
	bad = h;
	bad.seconds = -1;
	assert_int_equal(tri_encode(&p, &bad, &t, out, 256, &len),
	    ERR_MALFORMED);
	assert_int_equal(tri_encode(&p, &h, &t, out, 60, &len), ERR_TOOBIG);
	assert_int_equal(len, 9);
}

/* ---- reading ---- */

static void
no_pdu(const uint8_t *p, size_t len)
{
	struct ps_pdu out = {.sequence = 77};
	struct ber_frame f = {0};
	struct rd r;
	size_t n = 5;

	rd_init(&r, p, len);
	assert_int_equal(ps_pdu_read(r, &out), ERR_MALFORMED);
	assert_int_equal(out.sequence, 77);
	assert_int_equal(ps_pdu_frame(&f, r, 1 << 20, &n), ERR_AGAIN);
	assert_int_equal(n, 5);
}

static struct ps_pdu
read_whole(struct rd pdu)
{
	struct ber_frame f = {0};
	struct ps_pdu out;
	size_t len = 0;

	assert_int_equal(ps_pdu_frame(&f, pdu, pdu.left, &len), ERR_OK);
	assert_int_equal(len, pdu.left);
	assert_int_equal(ps_pdu_read(pdu, &out), ERR_OK);
	return out;
}

static void
what_is_written_is_read(void **state)
{
	struct ps_header h = header("LIID-1", 0xfedcba98);
	struct tri t = {.kind = TRI_KEEP_ALIVE}, got;
	struct ps_pdu p;
	struct rd pdu;

	(void)state;
	h.cin = 0xffffffff;
	h.nanoseconds = 123456789;
	for (unsigned k = TRI_KEEP_ALIVE; k < TRI_OTHER; k++) {
		if (k == TRI_OPERATOR_LEA_MESSAGE)
			continue;
		t.kind = (enum tri_kind)k;
		pdu = encoded(&h, &t);
		p = read_whole(pdu);
		assert_int_equal(p.kind, PS_TRI);
		assert_true(rd_equal(&p.liid, &h.liid));
		assert_true(rd_is(&p.operator_id, "OP", 2));
		assert_int_equal(p.element_id.left, 0);
		assert_true(p.has_cin && p.has_time);
		assert_int_equal(p.cin, h.cin);
		assert_int_equal(p.sequence, h.sequence);
		assert_int_equal(p.seconds, h.seconds);
		assert_int_equal(p.nanoseconds, 123456000);
		assert_int_equal(tri_read(p.payload, &got), ERR_OK);
		assert_int_equal(got.kind, k);
		each_prefix(pdu.p, pdu.left, no_pdu);
	}
}

static void
records_are_read(void **state)
{
	const struct iri_profile p = profile();
	const struct rd target = str("tel:+49");
	const struct iri_record r = {.event = IRI_SIP,
	    .liid = str("L9"),
	    .targets = &target,
	    .n_targets = 1,
	    .correlation = {1, 2, 3, 4, 0x80, 0, 0, 9},
	    .seconds = 253402300799,
	    .nanoseconds = 999999999,
	    .sequence = 4711,
	    .sip = str("SIP")};
	struct ps_pdu got;
	struct rd pdu;
	size_t len;

	(void)state;
	assert_int_equal(iri_encode(&p, &r, buf, sizeof(buf), &len), ERR_OK);
	rd_init(&pdu, buf, len);
	got = read_whole(pdu);
	assert_int_equal(got.kind, PS_IRI);
	assert_int_equal(got.cin, 0x80000009);
	assert_int_equal(got.sequence, 4711);
	assert_int_equal(got.seconds, r.seconds);
	assert_int_equal(got.nanoseconds, 999999000);
	assert_int_equal(got.payload.p[0], 0x30); /* the IRIPayload */
	each_prefix(buf, len, no_pdu);
}

/* Days and fractions, by the encoder. */
static void
each_time_is_read(void **state)
{
	static const int64_t when[] = {0, 1, 951782399, 951782400, 951868800,
	    1709164800, 4107542399, 4107542400, 253402300799};
	static const uint32_t ns[] = {0, 1000000, 120000000, 999000000};
	struct iri_profile p = profile();
	const struct tri t = {.kind = TRI_KEEP_ALIVE};

	(void)state;
	assert_int_equal(iri_profile_set(&p, "header_time", "generalized",
			     NULL),
	    ERR_OK);
	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++)
		for (size_t k = 0; k < sizeof(ns) / sizeof(ns[0]); k++) {
			struct ps_header h = header("-", 0);
			struct ps_pdu got;
			struct rd pdu;
			size_t len;

			h.seconds = when[i];
			h.nanoseconds = ns[k];
			assert_int_equal(tri_encode(&p, &h, &t, buf,
					     sizeof(buf), &len),
			    ERR_OK);
			rd_init(&pdu, buf, len);
			got = read_whole(pdu);
			assert_true(got.has_time);
			assert_int_equal(got.seconds, when[i]);
			assert_int_equal(got.nanoseconds, ns[k]);
		}
}

/* As some encoders of LEMFs write it, and with fields that are not known. */
static void
other_forms_of_ber_are_read(void **state)
{
	static const struct {
		const char *hex;
		enum tri_kind kind;
		uint32_t sequence;
		bool time;
	} good[] = {
	    /* indefinite lengths */
	    {"30 80 a1 80 84 02 01 00 00 00 a2 80 a2 80 84 00 00 00 00 00 00 00",
		TRI_KEEP_ALIVE_RESPONSE, 256, false},
	    /* lengths longer than need be, a number with zeros in front */
	    {"30 83 00 00 12 a1 81 05 84 03 00 00 07 a2 84 00 00 00 04 a2 02 83 00",
		TRI_KEEP_ALIVE, 7, false},
	    /* a local time, which is let through unread; unknown fields */
	    {"30 2b a1 22 84 01 07 85 13 32 30 32 33 31 31 31 34 32 32 31 33 "
	     "32 30 2b 30 31 30 30 bf 24 02 05 00 9f 81 05 01 41 "
	     "a2 05 a2 03 9f 7f 00",
		TRI_OTHER, 7, false},
	    {"30 20 a1 18 84 04 7f ff ff ff a7 09 80 04 65 53 f1 00 81 01 05 "
	     "92 00 93 00 94 01 00 a2 04 a2 02 8d 00",
		TRI_ACKNOWLEDGEMENT_RESPONSE, 0x7fffffff, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct rd pdu = octets_of(good[i].hex);
		struct tri t = {.kind = TRI_OTHER};
		const struct ps_pdu p = read_whole(pdu);

		assert_int_equal(p.sequence, good[i].sequence);
		assert_int_equal(p.has_time, good[i].time);
		assert_int_equal(tri_read(p.payload, &t), ERR_OK);
		assert_int_equal(t.kind, good[i].kind);
	}
}

static void
what_is_no_pdu_is_refused(void **state)
{
	static const char *const bad[] = {
	    "31 0d a1 03 84 01 07 a2 04 a2 02 83 00", /* no SEQUENCE */
	    "30 0d a1 03 84 01 07 a2 04 a2 02 83 00 00 00", /* behind it */
	    "30 0f a1 03 84 01 07 a2 06 a2 02 83 00 05 00", /* a second payload
							     */
	    "30 0f a1 03 84 01 07 a2 04 a2 02 83 00 05 00",
	    "30 0a a1 00 a2 04 a2 02 83 00 05 00", /* no sequence number */
	    "30 0d a1 03 84 01 87 a2 04 a2 02 83 00", /* negative */
	    "30 0c a1 02 84 00 a2 04 a2 02 83 00", /* empty */
	    "30 11 a1 07 84 05 01 00 00 00 00 a2 04 a2 02 83 00", /* 2^32 */
	    "30 10 a1 06 84 01 07 84 01 07 a2 04 a2 02 83 00", /* twice */
	    "30 09 a1 03 84 01 07 a2 00 05 00", /* no payload */
	    "30 80 a1 03 84 01 07 a2 02 05 00", /* no end */
	    "30 85 00 00 00 00 02 05 00", /* a length of five octets */
	    "30 0d 21 03 84 01 07 a2 04 a2 02 83 00",
	};
	struct ps_pdu out = {.sequence = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ps_pdu_read(octets_of(bad[i]), &out),
		    ERR_MALFORMED);
	assert_int_equal(out.sequence, 77);
}

static void
what_is_no_tri_is_refused(void **state)
{
	static const char *const bad[] = {"", "83 01 00", "83 00 83 00",
	    "a8 00", "a8 03 80 01 01", "a8 04 80 00 81 00", /* no text */
	    "a9 03 a0 02 80", "aa 04 a0 02 80 01", /* a list cut off */
	    "a0 00", "a0 08 a0 03 02 01 00 81 01 01", /* no value */
	    "a0 08 a0 03 02 01 00 83 01 00", /* no type */
	    "a0 0b a0 03 02 01 80 81 01 01 83 01 00", /* a negative number */
	    "a0 0b a0 03 04 01 00 81 01 01 83 01 00"};
	struct tri t = {.kind = TRI_TEST};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tri_read(octets_of(bad[i]), &t),
		    ERR_MALFORMED);
	assert_int_equal(t.kind, TRI_TEST);
}

static void
contents_are_read(void **state)
{
	struct tri t;
	uint32_t n;

	(void)state;
	assert_int_equal(tri_read(octets_of("aa 06 a0 02 80 00 a1 00"), &t),
	    ERR_OK);
	assert_true(t.u.answer.accepted && !t.u.answer.declined);
	assert_int_equal(tri_read(octets_of("aa 04 a1 02 80 00"), &t), ERR_OK);
	assert_true(!t.u.answer.accepted && t.u.answer.declined);
	assert_int_equal(tri_read(octets_of("a9 06 a0 04 81 00 80 00"), &t),
	    ERR_OK);
	assert_true(t.u.asks);
	assert_int_equal(tri_read(octets_of("a8 07 80 01 09 81 02 48 69"), &t),
	    ERR_OK);
	assert_int_equal(t.u.message.priority, TRI_INFORMATIONAL);
	assert_true(rd_is(&t.u.message.text, "Hi", 2));
	assert_int_equal(tri_read(octets_of("82 02 48 69"), &t), ERR_OK);
	assert_int_equal(t.kind, TRI_PADDING);
	assert_int_equal(tri_read(octets_of("a0 17 a0 0a 02 01 05 02 05 00 ff "
					    "ff ff ff 81 01 01 82 01 01 83 01 "
					    "2a 84 01 09"),
			     &t),
	    ERR_MALFORMED); /* its length */
	assert_int_equal(tri_read(octets_of("a0 18 a0 0a 02 01 05 02 05 00 ff "
					    "ff ff ff 81 01 01 82 01 01 83 01 "
					    "2a 84 01 09"),
			     &t),
	    ERR_OK);
	assert_int_equal(t.u.integrity.check, TRI_CHECK_HASH);
	assert_int_equal(t.u.integrity.data, TRI_DATA_IRI);
	assert_int_equal(t.u.integrity.hash, TRI_HASH_NONE); /* not known */
	assert_int_equal(t.u.integrity.signature, TRI_SIGNATURE_NONE);
	assert_true(rd_is(&t.u.integrity.value, "*", 1));
	assert_int_equal(tri_included_get(&t.u.integrity.included, &n), ERR_OK);
	assert_int_equal(n, 5);
	assert_int_equal(tri_included_get(&t.u.integrity.included, &n), ERR_OK);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(t.u.integrity.included.left, 0);
}

/* ---- the frame ---- */

static void
a_stream_is_cut_where_pdus_end(void **state)
{
	static const uint8_t stream[] = {0x30, 0x80, 0xa1, 0x80, 0x84, 0x01,
	    0x07, 0, 0, 0xa2, 0x02, 0, 0, 0, 0, /* 15 octets */
	    0x30, 0x02, 0x05, 0x00, /* 4 */
	    0x30, 0x81, 0x00, /* 3 */
	    0x30, 0x80, 0x30, 0x80, 0, 0}; /* and an end is missing */
	static const size_t ends[] = {15, 19, 22};
	size_t at = 0, found = 0, len;
	struct ber_frame f = {0};

	(void)state;
	for (size_t got = 1; got <= sizeof(stream); got++) {
		struct rd have;
		enum err rc;

		rd_init(&have, stream + at, got - at);
		while ((rc = ps_pdu_frame(&f, have, 64, &len)) == ERR_OK) {
			at += len;
			assert_int_equal(at, got);
			assert_int_equal(at, ends[found++]);
			rd_init(&have, stream + at, got - at);
		}
		assert_int_equal(rc, ERR_AGAIN);
	}
	assert_int_equal(found, 3);
}

static void
a_frame_has_its_limit(void **state)
{
	static const struct {
		const char *hex;
		enum err rc;
	} all[] = {{"30 0e", ERR_AGAIN}, {"30 0f", ERR_TOOBIG},
	    {"30 84 ff ff ff ff", ERR_TOOBIG}, {"30 85", ERR_MALFORMED},
	    {"30 80 04 0c", ERR_AGAIN}, {"30 80 04 0d", ERR_TOOBIG},
	    {"30 80 04 80", ERR_MALFORMED}, {"30 80 00 01", ERR_MALFORMED},
	    {"30 80 1f 81 82 83 84 01", ERR_MALFORMED}, {"31", ERR_MALFORMED},
	    {"30 80 05 00 05 00 05 00 05 00 05 00 05 00 05 00", ERR_AGAIN},
	    {"30 80 05 00 05 00 05 00 05 00 05 00 05 00 05 00 00 00",
		ERR_TOOBIG}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct ber_frame f = {0};
		size_t len;

		assert_int_equal(ps_pdu_frame(&f, octets_of(all[i].hex), 16,
				     &len),
		    all[i].rc);
	}
	for (unsigned depth = 1; depth < 40; depth++) {
		struct ber_frame f = {0};
		struct rd r;
		size_t len;

		for (unsigned i = 0; i < depth; i++)
			memcpy(buf + 2 * i, "\x30\x80", 2);
		rd_init(&r, buf, 2 * depth);
		assert_int_equal(ps_pdu_frame(&f, r, 1000, &len),
		    depth <= BER_DEPTH_MAX ? ERR_AGAIN : ERR_MALFORMED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kinds_without_content_to_the_octet),
	    cmocka_unit_test(options_to_the_octet),
	    cmocka_unit_test(integrity_and_message_to_the_octet),
	    cmocka_unit_test(what_has_no_encoding_is_refused),
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(records_are_read),
	    cmocka_unit_test(each_time_is_read),
	    cmocka_unit_test(other_forms_of_ber_are_read),
	    cmocka_unit_test(what_is_no_pdu_is_refused),
	    cmocka_unit_test(what_is_no_tri_is_refused),
	    cmocka_unit_test(contents_are_read),
	    cmocka_unit_test(a_stream_is_cut_where_pdus_end),
	    cmocka_unit_test(a_frame_has_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
