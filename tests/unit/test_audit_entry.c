#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/audit_entry.h"

#define REF AUDIT_F_REF
#define REASON AUDIT_F_REASON
#define COUNT AUDIT_F_COUNT
#define CLIENT AUDIT_F_CLIENT
#define TARGET AUDIT_F_TARGET
#define LIID AUDIT_F_LIID
#define WARRANT AUDIT_F_WARRANT
#define DIGEST AUDIT_F_DIGEST
#define CALL AUDIT_F_CALL
#define TEXT AUDIT_F_TEXT
#define TEST AUDIT_F_TEST

/* The list of the header, by hand. */
static const struct {
	enum audit_type type;
	const char *name;
	unsigned fields;
} types[] = {
    {AUDIT_LOG_CREATED, "logCreated", TEXT},
    {AUDIT_STARTED, "started", TEXT},
    {AUDIT_STOPPED, "stopped", TEXT},
    {AUDIT_KMS_CREATED, "kmsCreated", DIGEST | TEXT},
    {AUDIT_KEY_INTENT, "keyIntent",
	CLIENT | TARGET | LIID | WARRANT | DIGEST | CALL | TEST},
    {AUDIT_KEY_OUTCOME, "keyOutcome", REF | REASON | COUNT},
    {AUDIT_KEY_REFUSED, "keyRefused",
	CLIENT | TARGET | LIID | REASON | CALL | TEXT},
    {AUDIT_CHANGE, "change",
	REF | REASON | TARGET | LIID | WARRANT | DIGEST | TEXT},
    {AUDIT_HEAD, "head", REF | DIGEST | TEXT},
    {AUDIT_DOCUMENT_REFUSED, "documentRefused", DIGEST | TEXT},
    {AUDIT_SUBSCRIBER_INTENT, "subscriberIntent", TARGET | DIGEST | TEXT},
    {AUDIT_SUBSCRIBER_OUTCOME, "subscriberOutcome", REF | REASON},
    {AUDIT_CLIENT_EVENT, "clientEvent", CLIENT | COUNT | TEXT},
    {AUDIT_WORKER, "worker", TEXT},
    {AUDIT_ABANDONED, "abandoned", REF},
    {AUDIT_CONFIG, "config", DIGEST | TEXT},
    {AUDIT_REQUEST, "request", DIGEST | TEXT},
    {AUDIT_ALARM, "alarm", TEXT},
    {AUDIT_QUEUE_KEY_INTENT, "queueKeyIntent", REF | DIGEST},
    {AUDIT_QUEUE_KEY_OUTCOME, "queueKeyOutcome", REF | REASON},
    {AUDIT_DELIVERY, "delivery", COUNT | CLIENT | TEXT},
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* Every field set, whatever the type has. */
static struct audit_entry
full(enum audit_type type)
{
	struct audit_entry e = {.type = type,
	    .number = 0x0102030405060708,
	    .realtime_ns = -2,
	    .boottime_ns = 0x1112131415161718,
	    .ref = 0x2122232425262728,
	    .reason = 7,
	    .n_keys = 0x31323334,
	    .csb_id = 0x41424344,
	    .ts_type = 3,
	    .ts = 0x5152535455565758,
	    .test = true};

	e.client = str("df2-client");
	e.target = str("sip:target@example.com");
	e.liid = str("LIID-1");
	memset(e.warrant, 0x61, sizeof(e.warrant));
	memset(e.digest, 0x62, sizeof(e.digest));
	e.text = str("some text");
	return e;
}

static size_t
encode(const struct audit_entry *e, uint8_t out[MAX_AUDIT_LEAF])
{
	size_t len = 0;

	assert_int_equal(audit_entry_encode(e, out, &len), ERR_OK);
	assert_true(len > 0 && len <= MAX_AUDIT_LEAF);
	return len;
}

/* What the type does not have comes back as zero. */
static struct audit_entry
only(struct audit_entry e, unsigned f)
{
	const struct rd none = {NULL, 0};

	if (!(f & REF))
		e.ref = 0;
	if (!(f & REASON))
		e.reason = 0;
	if (!(f & COUNT))
		e.n_keys = 0;
	if (!(f & CLIENT))
		e.client = none;
	if (!(f & TARGET))
		e.target = none;
	if (!(f & LIID))
		e.liid = none;
	if (!(f & WARRANT))
		memset(e.warrant, 0, sizeof(e.warrant));
	if (!(f & DIGEST))
		memset(e.digest, 0, sizeof(e.digest));
	if (!(f & CALL)) {
		e.csb_id = 0;
		e.ts_type = 0;
		e.ts = 0;
	}
	if (!(f & TEXT))
		e.text = none;
	if (!(f & TEST))
		e.test = false;
	return e;
}

static void
same(const struct audit_entry *a, const struct audit_entry *b)
{
	assert_int_equal(a->type, b->type);
	assert_true(a->number == b->number);
	assert_true(a->realtime_ns == b->realtime_ns);
	assert_true(a->boottime_ns == b->boottime_ns);
	assert_true(a->ref == b->ref);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->n_keys, b->n_keys);
	assert_true(rd_equal(&a->client, &b->client));
	assert_true(rd_equal(&a->target, &b->target));
	assert_true(rd_equal(&a->liid, &b->liid));
	assert_memory_equal(a->warrant, b->warrant, sizeof(a->warrant));
	assert_memory_equal(a->digest, b->digest, sizeof(a->digest));
	assert_int_equal(a->csb_id, b->csb_id);
	assert_int_equal(a->ts_type, b->ts_type);
	assert_true(a->ts == b->ts);
	assert_true(rd_equal(&a->text, &b->text));
	assert_int_equal(a->test, b->test);
}

static void
each_type_has_its_name_and_fields(void **state)
{
	(void)state;
	/* none is left out: the list has every number from 1 on, in order */
	assert_int_equal(N_TYPES, AUDIT_TYPE__MAX - 1);
	for (size_t i = 0; i < N_TYPES; i++) {
		assert_int_equal(types[i].type, i + 1);
		assert_string_equal(audit_type_name(types[i].type),
		    types[i].name);
		assert_int_equal(audit_fields(types[i].type), types[i].fields);
	}
}

static void
each_type_round_trips_with_its_fields_alone(void **state)
{
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	for (int t = 1; t < AUDIT_TYPE__MAX; t++) {
		const enum audit_type type = (enum audit_type)t;
		const struct audit_entry e = full(type);
		const struct audit_entry want = only(e, audit_fields(type));
		struct audit_entry out;
		const size_t len = encode(&e, leaf);

		assert_int_equal(audit_entry_decode(view(leaf, len), &out),
		    ERR_OK);
		same(&out, &want);
	}
}

/* Fields that a type lacks leave no trace in its leaf. */
static void
fields_that_the_type_lacks_are_not_written(void **state)
{
	uint8_t a[MAX_AUDIT_LEAF], b[MAX_AUDIT_LEAF];

	(void)state;
	for (size_t i = 0; i < N_TYPES; i++) {
		const struct audit_entry e = full(types[i].type);
		const struct audit_entry bare = only(e, types[i].fields);
		const size_t n = encode(&e, a), m = encode(&bare, b);

		assert_int_equal(n, m);
		assert_memory_equal(a, b, n);
	}
}

static void
a_leaf_starts_with_version_type_number_and_times(void **state)
{
	static const uint8_t head[] = {1, AUDIT_STARTED, 1, 2, 3, 4, 5, 6, 7, 8,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x11, 0x12, 0x13,
	    0x14, 0x15, 0x16, 0x17, 0x18};
	const struct audit_entry e = full(AUDIT_STARTED);
	uint8_t leaf[MAX_AUDIT_LEAF];
	const size_t len = encode(&e, leaf);

	(void)state;
	assert_true(len > sizeof(head));
	assert_memory_equal(leaf, head, sizeof(head));
}

static const uint8_t *
find(const uint8_t *in, size_t len, const void *what, size_t n)
{
	const uint8_t *p = memmem(in, len, what, n);

	assert_non_null(p);
	return p;
}

/* Each of the pieces behind the one before it; the last ends the leaf. */
static void
in_this_order(enum audit_type type, const char *const *pieces, size_t n)
{
	static const char call[] = "\x41\x42\x43\x44\x03"
				   "\x51\x52\x53\x54\x55\x56\x57\x58";
	uint8_t leaf[MAX_AUDIT_LEAF], w[32], d[32];
	const struct audit_entry e = full(type);
	const size_t len = encode(&e, leaf);
	const uint8_t *p = leaf + 26, *const end = leaf + len;

	memset(w, 0x61, sizeof(w));
	memset(d, 0x62, sizeof(d));
	for (size_t i = 0; i < n; i++) {
		const char *s = pieces[i];
		size_t k = strlen(s);

		if (strcmp(s, "(warrant)") == 0) {
			p = find(p, (size_t)(end - p), w, k = sizeof(w));
		} else if (strcmp(s, "(digest)") == 0) {
			p = find(p, (size_t)(end - p), d, k = sizeof(d));
		} else if (strcmp(s, "(call)") == 0) {
			k = sizeof(call) - 1;
			p = find(p, (size_t)(end - p), call, k);
		} else
			p = find(p, (size_t)(end - p), s, k);
		p += k;
	}
	assert_ptr_equal(p, end);
}

#define REF_OCTETS "\x21\x22\x23\x24\x25\x26\x27\x28"
#define IN_ORDER(type, ...) \
	do { \
		static const char *const pieces[] = {__VA_ARGS__}; \
\
		in_this_order(type, pieces, \
		    sizeof(pieces) / sizeof(pieces[0])); \
	} while (0)

static void
fields_stand_in_the_order_of_the_struct(void **state)
{
	static const char target[] = "sip:target@example.com";

	(void)state;
	/* the last octet of an intent says that it is a test */
	IN_ORDER(AUDIT_KEY_INTENT, "df2-client", target, "LIID-1", "(warrant)",
	    "(digest)", "(call)", "\x01");
	IN_ORDER(AUDIT_KEY_REFUSED, "\x07", "df2-client", target, "LIID-1",
	    "(call)", "some text");
	IN_ORDER(AUDIT_CHANGE, REF_OCTETS "\x07", target, "LIID-1", "(warrant)",
	    "(digest)", "some text");
	IN_ORDER(AUDIT_HEAD, REF_OCTETS, "(digest)", "some text");
	IN_ORDER(AUDIT_REQUEST, "(digest)", "some text");
	IN_ORDER(AUDIT_ALARM, "some text");
	IN_ORDER(AUDIT_QUEUE_KEY_INTENT, REF_OCTETS, "(digest)");
}

static void
malformed(const uint8_t *p, size_t len)
{
	struct audit_entry out, was;
	uint8_t *copy = malloc(len > 0 ? len : 1);

	/* in memory of its own, so that reading past the end is seen */
	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	memset(&out, 0x77, sizeof(out));
	memcpy(&was, &out, sizeof(was));
	assert_int_equal(audit_entry_decode(view(copy, len), &out),
	    ERR_MALFORMED);
	assert_memory_equal(&out, &was, sizeof(was));
	free(copy);
}

static void
every_truncation_is_malformed(void **state)
{
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	for (int t = 1; t < AUDIT_TYPE__MAX; t++) {
		const struct audit_entry e = full((enum audit_type)t);
		const size_t len = encode(&e, leaf);

		for (size_t n = 0; n < len; n++)
			malformed(leaf, n);
	}
}

static void
a_trailing_octet_is_malformed(void **state)
{
	uint8_t leaf[MAX_AUDIT_LEAF + 1];

	(void)state;
	for (int t = 1; t < AUDIT_TYPE__MAX; t++) {
		const struct audit_entry e = full((enum audit_type)t);
		const size_t len = encode(&e, leaf);

		leaf[len] = 0;
		malformed(leaf, len + 1);
	}
}

static void
a_test_flag_of_another_value_is_malformed(void **state)
{
	struct audit_entry e = full(AUDIT_KEY_INTENT), out;
	uint8_t leaf[MAX_AUDIT_LEAF];
	const size_t len = encode(&e, leaf);

	(void)state;
	for (unsigned v = 2; v < 256; v++) {
		leaf[len - 1] = (uint8_t)v;
		malformed(leaf, len);
	}
	for (int test = 0; test < 2; test++) {
		e.test = test == 1;
		assert_int_equal(encode(&e, leaf), len);
		assert_int_equal(audit_entry_decode(view(leaf, len), &out),
		    ERR_OK);
		assert_int_equal(out.test, test == 1);
	}
}

static void
a_digest_is_that_of_the_octets_or_it_is_not(void **state)
{
	struct audit_entry e = {.type = AUDIT_KMS_CREATED};
	const struct rd abc = str("abc");

	(void)state;
	/* SHA-256 of "abc": FIPS 180-4, example */
	assert_int_equal(hex_get("ba7816bf8f01cfea414140de5dae2223"
				 "b00361a396177a9cb410ff61f20015ad",
			     e.digest, sizeof(e.digest)),
	    ERR_OK);
	assert_true(audit_has_digest(&e, abc));
	assert_false(audit_has_digest(&e, str("abd")));
	assert_false(audit_has_digest(&e, view(NULL, 0)));
	for (size_t i = 0; i < sizeof(e.digest); i++) {
		e.digest[i] ^= 1;
		assert_false(audit_has_digest(&e, abc));
		e.digest[i] ^= 1;
	}
}

static void
unknown_versions_are_malformed(void **state)
{
	const struct audit_entry e = full(AUDIT_KEY_INTENT);
	uint8_t leaf[MAX_AUDIT_LEAF];
	const size_t len = encode(&e, leaf);

	(void)state;
	for (int v = 0; v < 256; v++)
		if (v != 1) {
			leaf[0] = (uint8_t)v;
			malformed(leaf, len);
		}
}

/* Only the fields of another type could still fit: those are known types. */
static void
unknown_types_are_malformed(void **state)
{
	const struct audit_entry e = full(AUDIT_WORKER);
	uint8_t leaf[MAX_AUDIT_LEAF];
	const size_t len = encode(&e, leaf);

	(void)state;
	for (int t = 0; t < 256; t++)
		if (t < 1 || t >= AUDIT_TYPE__MAX) {
			leaf[1] = (uint8_t)t;
			malformed(leaf, len);
		}
}

static void
an_unknown_type_is_not_encoded(void **state)
{
	const int no[] = {0, -1, AUDIT_TYPE__MAX, AUDIT_TYPE__MAX + 1, 255, 256,
	    1 << 20};
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct audit_entry e = full((enum audit_type)1);
		size_t len = 99;

		e.type = (enum audit_type)no[i];
		assert_int_not_equal(audit_entry_encode(&e, leaf, &len),
		    ERR_OK);
		assert_int_equal(len, 99);
		assert_null(audit_type_name(e.type));
		assert_int_equal(audit_fields(e.type), 0);
	}
}

/* Beside everything else at its longest. */
static void
a_text_that_does_not_fit_is_cut(void **state)
{
	static uint8_t fill[255], big[100000];
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	memset(fill, 'f', sizeof(fill));
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)('a' + i % 26);
	for (size_t i = 0; i < N_TYPES; i++) {
		struct audit_entry e = full(types[i].type), out;
		size_t len;

		e.client = view(fill, 255);
		e.target = view(fill, 255);
		e.liid = view(fill, 255);
		e.text = view(big, sizeof(big));
		len = encode(&e, leaf);
		assert_int_equal(audit_entry_decode(view(leaf, len), &out),
		    ERR_OK);
		if (!(types[i].fields & TEXT))
			continue;
		assert_true(out.text.left >= 512);
		assert_true(out.text.left < sizeof(big));
		assert_memory_equal(out.text.p, big, out.text.left);
		e.text.left = out.text.left;
		e = only(e, types[i].fields);
		same(&out, &e);
	}
}

static void
texts_up_to_512_octets_are_whole(void **state)
{
	static uint8_t fill[255], text[512];
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	memset(text, 't', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n += 64) {
		struct audit_entry e = full(AUDIT_KEY_REFUSED), out;
		size_t len;

		e.client = e.target = e.liid = view(fill, 255);
		e.text = view(text, n);
		len = encode(&e, leaf);
		assert_int_equal(audit_entry_decode(view(leaf, len), &out),
		    ERR_OK);
		assert_int_equal(out.text.left, n);
	}
}

static void
empty_names_and_texts_round_trip(void **state)
{
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	for (size_t i = 0; i < N_TYPES; i++) {
		struct audit_entry e = full(types[i].type), out;
		size_t len;

		e.client = e.target = e.liid = e.text = view(NULL, 0);
		len = encode(&e, leaf);
		assert_int_equal(audit_entry_decode(view(leaf, len), &out),
		    ERR_OK);
		e = only(e, types[i].fields);
		same(&out, &e);
	}
}

/* The names are never cut: an entry must not name another target. */
static void
a_name_that_does_not_fit_fails_and_is_not_cut(void **state)
{
	static uint8_t fill[256];
	uint8_t leaf[MAX_AUDIT_LEAF];

	(void)state;
	memset(fill, 'f', sizeof(fill));
	for (int which = 0; which < 6; which++) {
		/* both types whose names say whom it was about */
		struct audit_entry e =
		    full(which < 3 ? AUDIT_KEY_INTENT : AUDIT_KEY_REFUSED);
		size_t len = 99;

		*(which % 3 == 0	 ? &e.client
			: which % 3 == 1 ? &e.target
					 : &e.liid) = view(fill, sizeof(fill));
		assert_int_equal(audit_entry_encode(&e, leaf, &len),
		    ERR_TOOBIG);
		assert_int_equal(len, 99);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_type_has_its_name_and_fields),
	    cmocka_unit_test(each_type_round_trips_with_its_fields_alone),
	    cmocka_unit_test(fields_that_the_type_lacks_are_not_written),
	    cmocka_unit_test(a_leaf_starts_with_version_type_number_and_times),
	    cmocka_unit_test(fields_stand_in_the_order_of_the_struct),
	    cmocka_unit_test(every_truncation_is_malformed),
	    cmocka_unit_test(a_trailing_octet_is_malformed),
	    cmocka_unit_test(a_test_flag_of_another_value_is_malformed),
	    cmocka_unit_test(a_digest_is_that_of_the_octets_or_it_is_not),
	    cmocka_unit_test(unknown_versions_are_malformed),
	    cmocka_unit_test(unknown_types_are_malformed),
	    cmocka_unit_test(an_unknown_type_is_not_encoded),
	    cmocka_unit_test(a_text_that_does_not_fit_is_cut),
	    cmocka_unit_test(texts_up_to_512_octets_are_whole),
	    cmocka_unit_test(empty_names_and_texts_round_trip),
	    cmocka_unit_test(a_name_that_does_not_fit_fails_and_is_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
