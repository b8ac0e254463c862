#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/warrant.h"

#define ALICE "sip:alice@example.com"
#define START 1769860800LL /* 2026-01-31T12:00:00Z */
#define END 1772280000LL /* 2026-02-28T12:00:00Z */

#define MLIID "\"liid\": \"LIID-0001\""
#define PRODUCTS "\"products\": [\"keys\"]"
#define TARGET "\"targets\": [{\"identities\": [\"" ALICE "\"]}]"
#define PERIOD \
	"\"period\": {\"start\": \"2026-01-31T12:00:00Z\", " \
	"\"end\": \"2026-02-28T12:00:00Z\"}"
#define CLIENTS "\"clients\": [\"df2\"]"
#define DELIVERY "\"delivery\": [\"xk\"]"

/* The members of a good document, for taking one out or putting one in. */
enum { LIID_, PRODUCTS_, TARGET_, PERIOD_, CLIENTS_, DELIVERY_, N_ };
static const char *const member_of[N_] = {MLIID, PRODUCTS, TARGET, PERIOD,
    CLIENTS, DELIVERY};

/* The document with member `at` as `text`; NULL leaves it out. */
static char *
document(int at, const char *text)
{
	const size_t cap = 1024 + (text != NULL ? strlen(text) : 0);
	char *doc = malloc(cap);
	size_t n = 0;
	bool first = true;

	assert_non_null(doc);
	doc[n++] = '{';
	for (int i = 0; i < N_; i++) {
		const char *m = i == at ? text : member_of[i];

		if (m == NULL)
			continue;
		n += (size_t)snprintf(doc + n, cap - n, "%s%s",
		    first ? "" : ", ", m);
		first = false;
	}
	assert_true(n + 2 < cap);
	memcpy(doc + n, "}", 2);
	return doc;
}

/* Parsed from memory of its own size, so that no octet behind it is read. */
static enum err
parse(const void *p, size_t len, struct warrant **out, struct why *why)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	json_t *body;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	body = jr_load(view(copy, len), why);
	rc = body == NULL ? ERR_MALFORMED : warrant_read(body, out, why);
	json_decref(body);
	free(copy);
	return rc;
}

static struct warrant *
taken(const char *doc)
{
	struct warrant *w = NULL;
	struct why why = {""};

	if (parse(doc, strlen(doc), &w, &why) != ERR_OK)
		fail_msg("%s: %s", why.text, doc);
	assert_non_null(w);
	return w;
}

static struct warrant *
taken_with(int at, const char *text)
{
	char *doc = document(at, text);
	struct warrant *w = taken(doc);

	free(doc);
	return w;
}

static void
good(int at, const char *text)
{
	struct warrant *w = taken_with(at, text);

	warrant_free(&w);
	assert_null(w);
}

/* Malformed, the output left alone, no identity and no LIID in the reason. */
static void
malformed_octets(const void *p, size_t len, const char *named)
{
	struct warrant *mark = (struct warrant *)(uintptr_t)0x1234, *w = mark;
	struct why why = {""};
	enum err rc = parse(p, len, &w, &why);

	if (rc != ERR_MALFORMED)
		fail_msg("%s: %.*s", err_str(rc), (int)(len < 300 ? len : 300),
		    (const char *)p);
	assert_ptr_equal(w, mark);
	assert_string_not_equal(why.text, "");
	if (named != NULL && strstr(why.text, named) == NULL)
		fail_msg("\"%s\" does not name %s", why.text, named);
	assert_null(strstr(why.text, "alice"));
	assert_null(strstr(why.text, "LIID-"));
}

static void
malformed(int at, const char *text, const char *named)
{
	char *doc = document(at, text);

	malformed_octets(doc, strlen(doc), named);
	free(doc);
}

/* ---- the document ---- */

static void
a_good_document_becomes_a_warrant(void **state)
{
	struct warrant *w = taken_with(-1, NULL);

	(void)state;
	assert_string_equal(w->liid, "LIID-0001");
	assert_false(w->test);
	assert_true(w->start == START);
	assert_true(w->end == END);
	assert_true(w->grace == 3600);
	assert_true(w->calls_from == START);
	assert_int_equal(w->products, PRODUCT_KEYS);
	assert_int_equal(w->deliveries, DELIVERY_XK);
	assert_null(w->agency);
	assert_int_equal(w->n_targets, 1);
	assert_int_equal(w->target[0].ids.n, 1);
	assert_string_equal(w->target[0].ids.w[0], ALICE);
	assert_int_equal(w->target[0].n_xids, 0);
	assert_int_equal(w->clients.n, 1);
	assert_string_equal(w->clients.w[0], "df2");
	assert_int_equal(w->lemfs.n, 0);
	warrant_free(&w);
	assert_null(w);
	warrant_free(&w);
}

static void
what_is_no_object_is_malformed(void **state)
{
	struct warrant *w = NULL;
	struct why why = {""};

	(void)state;
	assert_int_equal(warrant_read(NULL, &w, &why), ERR_MALFORMED);
	assert_null(w);
	malformed_octets("[]", 2, "warrant");
	malformed_octets("[{}]", 4, "warrant");
	malformed_octets("{}", 2, "liid");
}

static void
unknown_members_are_not_let_through(void **state)
{
	static const char *const extra[] = {"x", "Liid", "LIID", "",
	    "keywardenWarrant", "warrant", "grace", "liid ", "comment",
	    "issued", "target", "\\u006ciidx"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s, \"%s\": 1", MLIID,
		    extra[i]);
		malformed(LIID_, text, "warrant: unknown member");
		(void)snprintf(text, sizeof(text),
		    "\"targets\": [{\"identities\": [\"%s\"], "
		    "\"%s\": 1}]",
		    ALICE, extra[i]);
		malformed(TARGET_, text, "targets: unknown member");
		(void)snprintf(text, sizeof(text),
		    "\"period\": {\"start\": \"2026-01-31T12:00:00Z\", "
		    "\"end\": \"2026-02-28T12:00:00Z\", \"%s\": 1}",
		    extra[i]);
		malformed(PERIOD_, text, "period: unknown member");
	}
}

static void
agency_and_test_may_be_said(void **state)
{
	struct warrant *w =
	    taken_with(LIID_, MLIID ", \"agency\": \"police\", \"test\": true");

	(void)state;
	assert_string_equal(w->agency, "police");
	assert_true(w->test);
	warrant_free(&w);
	w = taken_with(LIID_, MLIID ", \"test\": false");
	assert_false(w->test);
	warrant_free(&w);
	malformed(LIID_, MLIID ", \"agency\": 5", "agency");
	malformed(LIID_, MLIID ", \"agency\": \"\"", "agency");
	malformed(LIID_, MLIID ", \"agency\": \"a b\"", "agency");
	malformed(LIID_, MLIID ", \"agency\": null", "agency");
	malformed(LIID_, MLIID ", \"test\": 1", "test");
	malformed(LIID_, MLIID ", \"test\": \"true\"", "test");
	malformed(LIID_, MLIID ", \"test\": null", "test");
}

static void
every_member_but_the_reference_must_be_there(void **state)
{
	static const char *const name[N_] = {"liid", "products", "targets",
	    "period", "clients", "delivery"};

	(void)state;
	for (int i = 0; i < N_; i++)
		malformed(i, NULL, name[i]);
}

static void
a_member_of_another_type_is_malformed(void **state)
{
	static const char *const name[N_] = {"liid", "products", "targets",
	    "period", "clients", "delivery"};
	static const char *const value[] = {"null", "true", "false", "0", "2",
	    "-1", "1.0", "1e0", "\"1\"", "\"\"", "[]", "[1]", "[null]", "{}",
	    "{\"a\": 1}", "[[\"xk\"]]", "[\"\"]"};
	char text[128];

	(void)state;
	for (int i = 0; i < N_; i++)
		for (size_t v = 0; v < sizeof(value) / sizeof(value[0]); v++) {
			/* any text is a LIID */
			if (i == LIID_ && strcmp(value[v], "\"1\"") == 0)
				continue;
			(void)snprintf(text, sizeof(text), "\"%s\": %s",
			    name[i], value[v]);
			/* an empty object lacks what is to be in it */
			malformed(i, text,
			    strcmp(value[v], "{}") == 0 ? NULL : name[i]);
		}
}

static void
a_member_named_twice_is_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < N_; i++) {
		char text[512];

		(void)snprintf(text, sizeof(text), "%s, %s", member_of[i],
		    member_of[i]);
		malformed(i, text, NULL);
	}
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE "\"], "
	    "\"identities\": [\"" ALICE "\"]}]",
	    NULL);
	malformed(PERIOD_,
	    "\"period\": {\"start\": \"2026-01-31T12:00:00Z\", "
	    "\"end\": \"2026-02-28T12:00:00Z\", "
	    "\"end\": \"2026-03-28T12:00:00Z\"}",
	    NULL);
	/* the same name in another spelling */
	malformed(LIID_, MLIID ", \"li\\u0069d\": \"OTHER\"", NULL);
}

static void
a_reference_is_any_string_and_may_be_missing(void **state)
{
	(void)state;
	good(PRODUCTS_, PRODUCTS ", \"reference\": \"Court 12/2026, file 3\"");
	good(PRODUCTS_, PRODUCTS ", \"reference\": \"\"");
	good(PRODUCTS_, PRODUCTS ", \"reference\": \"Gericht K\xc3\xb6ln\"");
	malformed(PRODUCTS_, PRODUCTS ", \"reference\": 5", "reference");
	malformed(PRODUCTS_, PRODUCTS ", \"reference\": null", "reference");
	malformed(PRODUCTS_, PRODUCTS ", \"reference\": [\"a\"]", "reference");
}

/* ---- the octets ---- */

static void
every_prefix_is_malformed(void **state)
{
	char *doc = document(-1, NULL);
	const size_t len = strlen(doc);

	(void)state;
	for (size_t n = 0; n < len; n++)
		malformed_octets(doc, n, NULL);
	free(doc);
}

static void
octets_that_are_not_utf_8_are_malformed(void **state)
{
	static const char *const no[] = {"\x80", "\xff", "\xc0\xaf",
	    "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc3\x28",
	    "\xf0\x80\x80\xaf", "\\ud800", "\\udc00\\ud800"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    PRODUCTS ", \"reference\": "
			     "\"a%sb\"",
		    no[i]);
		malformed(PRODUCTS_, text, NULL);
	}
}

/* A name must not end for C where it goes on for JSON. */
static void
nul_is_malformed_wherever_it_stands(void **state)
{
	char *doc = document(-1, NULL);
	const size_t len = strlen(doc);

	(void)state;
	for (size_t i = 0; i <= len; i++) {
		char *with = malloc(len + 1);

		assert_non_null(with);
		memcpy(with, doc, i);
		with[i] = '\0';
		memcpy(with + i + 1, doc + i, len - i);
		malformed_octets(with, len + 1, NULL);
		free(with);
	}
	free(doc);
	malformed(LIID_, "\"liid\": \"LIID-0001\\u0000\"", NULL);
	malformed(CLIENTS_, "\"clients\": [\"df2\\u0000x\"]", NULL);
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE
	    "\\u0000.evil.example\"]}]",
	    NULL);
	malformed(PRODUCTS_, PRODUCTS ", \"liid\\u0000\": 1", NULL);
	malformed(PRODUCTS_, PRODUCTS ", \"reference\": \"\\u0000\"", NULL);
}

/* ---- liid ---- */

static void
a_liid_has_1_to_25_octets(void **state)
{
	char text[64];

	(void)state;
	for (size_t n = 0; n <= 40; n++) {
		struct warrant *w;

		(void)snprintf(text, sizeof(text), "\"liid\": \"%.*s\"", (int)n,
		    "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL");
		if (n < 1 || n > 25) {
			malformed(LIID_, text, "liid");
			continue;
		}
		w = taken_with(LIID_, text);
		assert_int_equal(strlen(w->liid), n);
		warrant_free(&w);
	}
}

static void
a_liid_is_printable_ascii_without_blanks(void **state)
{
	char text[64];

	(void)state;
	for (unsigned c = 1; c < 0x180; c++) {
		(void)snprintf(text, sizeof(text), "\"liid\": \"a\\u%04xb\"",
		    c);
		if (c > 0x20 && c < 0x7f) {
			struct warrant *w = taken_with(LIID_, text);

			assert_int_equal(w->liid[1], (char)c);
			assert_int_equal(strlen(w->liid), 3);
			warrant_free(&w);
		} else
			malformed(LIID_, text, "liid");
	}
}

/* ---- identities ---- */

static enum err
check(const char *s)
{
	struct why why = {""};
	const size_t n = strlen(s);
	char *copy = malloc(n > 0 ? n : 1);
	enum err rc;

	assert_non_null(copy);
	memcpy(copy, s, n);
	rc = identity_check(view(copy, n), &why);
	free(copy);
	if (rc != ERR_OK) {
		assert_string_not_equal(why.text, "");
		assert_null(strstr(why.text, "alice"));
	}
	return rc;
}

static void
identities_are_sip_sips_and_global_tel_uris(void **state)
{
	static const char *const yes[] = {ALICE, "sips:alice@example.com",
	    "sip:+15550100@example.com", "sip:example.com",
	    "sip:alice@192.0.2.1", "sip:alice@[2001:db8::1]",
	    "sip:alice@example.com:5060", "sip:Alice%20B@example.com", "sip:a",
	    "sips:a", "tel:+1", "tel:+15550100", "tel:+123456789012345"};
	static const char *const no[] = {"", "alice", "alice@example.com",
	    "sip", "sips", "tel", "sip:", "sips:", "tel:", "tel:+",
	    "mailto:alice@example.com", "http://example.com", "im:a@b",
	    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
	    "xsip:alice@example.com", " sip:alice@example.com",
	    "\"sip:alice@example.com\"", "<sip:alice@example.com>"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (check(yes[i]) != ERR_OK)
			fail_msg("%s was refused", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (check(no[i]) != ERR_MALFORMED)
			fail_msg("%s was not refused", no[i]);
}

static void
a_sip_uri_has_no_parameters_and_no_headers(void **state)
{
	static const char *const no[] = {"sip:alice@example.com;user=phone",
	    "sip:alice@example.com;", "sip:alice;x@example.com",
	    "sips:alice@example.com;transport=tcp",
	    "sip:alice@example.com?subject=x", "sip:alice@example.com?",
	    "sip:;", "sips:?"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (check(no[i]) != ERR_MALFORMED)
			fail_msg("%s was not refused", no[i]);
}

static void
a_tel_uri_is_global_and_has_no_separators(void **state)
{
	static const char *const no[] = {"tel:15550100", "tel:911",
	    "tel:+1-555-0100", "tel:+1.555.0100", "tel:+1(555)0100",
	    "tel:+1 555 0100", "tel:+15550100;ext=1",
	    "tel:+15550100;phone-context=example.com",
	    "tel:7042;phone-context=example.com", "tel:++15550100",
	    "tel:+1555010a", "tel:+1234567890123456", "tel:+*", "tel:+#",
	    "tel:+15550100@example.com", "tel:+1555+100"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (check(no[i]) != ERR_MALFORMED)
			fail_msg("%s was not refused", no[i]);
}

static void
blanks_controls_wildcards_and_other_octets_are_refused(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char s[32];
		const bool bad =
		    c <= 0x20 || c >= 0x7f || c == '*' || c == ';' || c == '?';

		(void)snprintf(s, sizeof(s), "sip:a%cb@example.com", c);
		if ((check(s) == ERR_OK) == bad)
			fail_msg("octet %d", c);
	}
	assert_int_equal(check("sip:*@example.com"), ERR_MALFORMED);
	assert_int_equal(check("sip:alice@*"), ERR_MALFORMED);
	assert_int_equal(check("*"), ERR_MALFORMED);
	assert_int_equal(identity_check(view("sip:a\0b", 7), NULL),
	    ERR_MALFORMED);
	assert_int_equal(identity_check(view("sip:ab\0", 7), NULL),
	    ERR_MALFORMED);
}

static void
an_identity_has_at_most_255_octets(void **state)
{
	char s[400];

	(void)state;
	memset(s, 'a', sizeof(s));
	memcpy(s, "sip:", 4);
	for (size_t n = 250; n < 300; n++)
		assert_int_equal(identity_check(view(s, n), NULL),
		    n <= 255 ? ERR_OK : ERR_MALFORMED);
}

static void
every_identity_of_the_target_is_checked(void **state)
{
	(void)state;
	good(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE
	    "\", \"tel:+15550100\"]}]");
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE
	    "\", \"tel:15550100\"]}]",
	    NULL);
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"sip:*\", \"" ALICE "\"]}]",
	    NULL);
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE "\", \"" ALICE "\"]}]",
	    "identities");
	malformed(TARGET_, "\"targets\": [{\"identities\": \"" ALICE "\"}]",
	    "identities");
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE "\", 5]}]",
	    "identities");
	malformed(TARGET_, "\"targets\": \"" ALICE "\"", "targets");
	malformed(TARGET_, "\"targets\": [\"" ALICE "\"]", "targets");
}

static size_t
list_of(char *text, const char *head, unsigned n, const char *tail)
{
	size_t at = (size_t)sprintf(text, "%s", head);

	for (unsigned i = 0; i < n; i++)
		at += (size_t)sprintf(text + at, "%s\"sip:u%u\"",
		    i == 0 ? "" : ", ", i);
	return at + (size_t)sprintf(text + at, "%s", tail);
}

static void
a_target_has_1_to_64_identities(void **state)
{
	char text[4096];
	struct warrant *w;

	(void)state;
	(void)list_of(text, "\"targets\": [{\"identities\": [", MAX_WARRANT_IDS,
	    "]}]");
	w = taken_with(TARGET_, text);
	assert_int_equal(w->target[0].ids.n, MAX_WARRANT_IDS);
	assert_string_equal(w->target[0].ids.w[0], "sip:u0");
	assert_string_equal(w->target[0].ids.w[63], "sip:u63");
	warrant_free(&w);
	(void)list_of(text, "\"targets\": [{\"identities\": [",
	    MAX_WARRANT_IDS + 1, "]}]");
	malformed(TARGET_, text, "identities");
	malformed(TARGET_, "\"targets\": [{\"identities\": []}]", "identities");
	malformed(TARGET_, "\"targets\": [{}]", "identities");
	malformed(TARGET_, "\"targets\": []", "targets");
	malformed(TARGET_, "\"targets\": {}", "targets");
}

/* ---- targets, XIDs ---- */

#define XID1 "00112233-4455-6677-8899-aabbccddeeff"
#define XID2 "00112233-4455-6677-8899-aabbccddee00"

static void
a_target_has_xids_if_it_is_intercepted(void **state)
{
	static const char *const no[] = {"\"" XID1 "\"", "[]", "null", "[5]",
	    "[\"" XID1 "\",\"" XID1 "\"]",
	    "[\"00112233-4455-6677-8899-AABBCCDDEEFF\"]",
	    "[\"00112233445566778899aabbccddeeff\"]",
	    "[\"{00112233-4455-6677-8899-aabbccddeeff}\"]",
	    "[\"0011223-34455-6677-8899-aabbccddeeff\"]",
	    "[\"00112233-4455-6677-8899-aabbccddeef\"]",
	    "[\"00112233-4455-6677-8899-aabbccddeeff0\"]",
	    "[\"00112233-4455-6677-8899-aabbccddeefg\"]",
	    "[\"------------------------------------\"]"};
	char text[512];
	struct warrant *w;

	(void)state;
	w = taken_with(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE "\"], \"xids\": [\"" XID1
	    "\", \"" XID2 "\"]}]");
	assert_int_equal(w->target[0].n_xids, 2);
	assert_memory_equal(w->target[0].xid[0],
	    "\x00\x11\x22\x33\x44\x55\x66\x77"
	    "\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
	    XID_LEN);
	assert_int_equal(w->target[0].xid[1][15], 0);
	warrant_free(&w);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "\"targets\": [{\"identities\": [\"%s\"], \"xids\": %s}]",
		    ALICE, no[i]);
		malformed(TARGET_, text, "xids");
	}
	malformed(TARGET_, "\"targets\": [{\"xids\": [\"" XID1 "\"]}]",
	    "identities");
}

static void
an_identity_or_xid_is_one_targets(void **state)
{
	(void)state;
	good(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE "\"], \"xids\": [\"" XID1
	    "\"]}, {\"identities\": [\"sip:bob\"], \"xids\": [\"" XID2 "\"]}]");
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE
	    "\"]}, {\"identities\": [\"sip:bob\", \"" ALICE "\"]}]",
	    "targets");
	malformed(TARGET_,
	    "\"targets\": [{\"identities\": [\"sip:bob\"], \"xids\": [\"" XID1
	    "\"]}, {\"identities\": [\"sip:carol\"], \"xids\": [\"" XID2
	    "\", \"" XID1 "\"]}]",
	    "targets");
}

static void
a_warrant_has_1_to_16_targets(void **state)
{
	char text[4096];

	(void)state;
	for (unsigned n = 1; n <= MAX_WARRANT_TARGETS + 1; n++) {
		size_t at = (size_t)sprintf(text, "\"targets\": [");

		for (unsigned i = 0; i < n; i++)
			at += (size_t)sprintf(text + at,
			    "%s{\"identities\": [\"sip:u%u\"]}",
			    i == 0 ? "" : ", ", i);
		(void)sprintf(text + at, "]");
		if (n <= MAX_WARRANT_TARGETS)
			good(TARGET_, text);
		else
			malformed(TARGET_, text, "targets");
	}
}

/* ---- clients and delivery ---- */

static void
clients_are_1_to_64_different_names(void **state)
{
	char text[4096], name[MAX_NAME + 2];
	struct warrant *w;

	(void)state;
	(void)list_of(text, "\"clients\": [", MAX_WARRANT_CLIENTS, "]");
	w = taken_with(CLIENTS_, text);
	assert_int_equal(w->clients.n, MAX_WARRANT_CLIENTS);
	warrant_free(&w);
	(void)list_of(text, "\"clients\": [", MAX_WARRANT_CLIENTS + 1, "]");
	malformed(CLIENTS_, text, "clients");
	malformed(CLIENTS_, "\"clients\": [\"a\", \"b\", \"a\"]", "clients");
	malformed(CLIENTS_, "\"clients\": [\"a\", \"\"]", "clients");
	malformed(CLIENTS_, "\"clients\": \"a\"", "clients");
	malformed(CLIENTS_, "\"clients\": {\"a\": 1}", "clients");

	memset(name, 'n', sizeof(name));
	name[MAX_NAME + 1] = '\0';
	(void)snprintf(text, sizeof(text), "\"clients\": [\"%s\"]", name);
	malformed(CLIENTS_, text, "clients");
	name[MAX_NAME] = '\0';
	(void)snprintf(text, sizeof(text), "\"clients\": [\"%s\"]", name);
	good(CLIENTS_, text);
}

static void
products_and_ways_are_the_known_ones(void **state)
{
	static const char *const name[] = {"keys", "sip", "secrets",
	    "ecValues"};
	char text[256];

	(void)state;
	for (unsigned set = 1; set < 16; set++) {
		size_t at = (size_t)sprintf(text, "\"products\": [");
		struct warrant *w;

		for (unsigned i = 0; i < 4; i++)
			if (set & 1U << i)
				at += (size_t)sprintf(text + at, "%s\"%s\"",
				    text[at - 1] == '[' ? "" : ", ", name[i]);
		(void)sprintf(text + at, "]");
		if ((set & PRODUCT_SIP) != 0 && (set & PRODUCT_KEYS) == 0) {
			malformed(PRODUCTS_, text, "products");
			continue;
		}
		w = taken_with(PRODUCTS_, text);
		assert_int_equal(w->products, set);
		warrant_free(&w);
	}
	malformed(PRODUCTS_, "\"products\": [\"Keys\"]", "products");
	malformed(PRODUCTS_, "\"products\": [\"keys\", \"keys\"]", "products");
	malformed(DELIVERY_, "\"delivery\": [\"XK\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"hi3\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"xk\", \"xk\"]", "delivery");
}

static void
delivery_over_hi2_says_where_to(void **state)
{
	struct warrant *w;

	(void)state;
	malformed(DELIVERY_, "\"delivery\": [\"hi2\"]", "lemfs");
	malformed(DELIVERY_, "\"delivery\": [\"xk\", \"hi2\"]", "lemfs");
	malformed(DELIVERY_, "\"delivery\": [\"hi2\"], \"lemfs\": []", "lemfs");
	malformed(DELIVERY_,
	    "\"delivery\": [\"hi2\"], \"lemfs\": [\"a\", \"a\"]", "lemfs");
	malformed(DELIVERY_, DELIVERY ", \"lemfs\": 1", "lemfs");
	w = taken_with(DELIVERY_,
	    "\"delivery\": [\"hi2\", \"xk\"], \"lemfs\": [\"a\", \"b\"]");
	assert_int_equal(w->deliveries, DELIVERY_XK | DELIVERY_HI2);
	assert_int_equal(w->lemfs.n, 2);
	assert_string_equal(w->lemfs.w[1], "b");
	warrant_free(&w);
}

#define OVER_HI2 "\"delivery\": [\"hi2\"], \"lemfs\": [\"a\"]"

/* Over HI2 nobody asks; over both, who asks over Xk must be named. */
static void
clients_are_needed_for_delivery_over_xk_alone(void **state)
{
#define BUT_CLIENTS "{" MLIID ", " PRODUCTS ", " TARGET ", " PERIOD ", "
	static const char alone[] = BUT_CLIENTS OVER_HI2 "}",
			  both[] = BUT_CLIENTS
	    "\"delivery\": [\"hi2\", \"xk\"], \"lemfs\": [\"a\"]}";
	struct warrant *w = taken(alone);

	(void)state;
	assert_int_equal(w->deliveries, DELIVERY_HI2);
	assert_int_equal(w->clients.n, 0);
	assert_int_equal(w->lemfs.n, 1);
	warrant_free(&w);
	malformed_octets(both, strlen(both), "clients");
}

/* What is said needlessly must be right all the same. */
static void
clients_may_stand_beside_delivery_over_hi2(void **state)
{
	struct warrant *w = taken_with(DELIVERY_, OVER_HI2);

	(void)state;
	assert_int_equal(w->deliveries, DELIVERY_HI2);
	assert_int_equal(w->clients.n, 1);
	assert_string_equal(w->clients.w[0], "df2");
	warrant_free(&w);
	for (int i = 0; i < 3; i++) {
		static const char *const bad[] = {"[]", "[\"a\", \"a\"]",
		    "null"};
		char text[512];

		(void)snprintf(text, sizeof(text),
		    BUT_CLIENTS OVER_HI2 ", \"clients\": %s}", bad[i]);
		malformed_octets(text, strlen(text), "clients");
	}
}

/* ---- period ---- */

static const char *
period(const char *start, const char *end, const char *more)
{
	static char text[512];

	(void)snprintf(text, sizeof(text),
	    "\"period\": {\"start\": \"%s\", \"end\": \"%s\"%s}", start, end,
	    more);
	return text;
}

#define T_START "2026-01-31T12:00:00Z"
#define T_END "2026-02-28T12:00:00Z"

static void
a_period_ends_after_it_starts(void **state)
{
	(void)state;
	malformed(PERIOD_, period(T_END, T_START, ""), "period");
	malformed(PERIOD_, period(T_START, T_START, ""), "period");
	good(PERIOD_, period(T_START, "2026-01-31T12:00:01Z", ""));
	good(PERIOD_,
	    period("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", ""));
	malformed(PERIOD_, period("2026-01-31", T_END, ""), "start");
	malformed(PERIOD_, period(T_START, "2026-02-30T12:00:00Z", ""), "end");
	malformed(PERIOD_, "\"period\": {\"start\": \"" T_START "\"}", "end");
	malformed(PERIOD_, "\"period\": {\"end\": \"" T_END "\"}", "start");
	malformed(PERIOD_, "\"period\": {}", "start");
	malformed(PERIOD_, "\"period\": \"" T_START "/" T_END "\"", "period");
}

static void
grace_is_0_to_7_days(void **state)
{
	static const struct {
		const char *text;
		int64_t grace; /* -1: malformed */
	} row[] = {{"0", 0}, {"1", 1}, {"3600", 3600}, {"604799", 604799},
	    {"604800", 604800}, {"604801", -1}, {"-1", -1}, {"-604800", -1},
	    {"9223372036854775807", -1}, {"-9223372036854775808", -1},
	    {"4294967296", -1}, {"3600.0", -1}, {"36e2", -1}, {"\"3600\"", -1},
	    {"null", -1}, {"true", -1}, {"[3600]", -1}, {"-0.0", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct warrant *w;
		char more[64];

		(void)snprintf(more, sizeof(more), ", \"graceAfterEnd\": %s",
		    row[i].text);
		if (row[i].grace < 0) {
			malformed(PERIOD_, period(T_START, T_END, more),
			    "graceAfterEnd");
			continue;
		}
		w = taken_with(PERIOD_, period(T_START, T_END, more));
		assert_true(w->grace == row[i].grace);
		warrant_free(&w);
	}
}

static void
calls_before_is_at_most_the_start(void **state)
{
	struct warrant *w;

	(void)state;
	w = taken_with(PERIOD_,
	    period(T_START, T_END,
		", \"callsBefore\": \"2026-01-01T00:00:00Z\""));
	assert_true(w->calls_from == 1767225600);
	assert_true(w->start == START);
	warrant_free(&w);
	w = taken_with(PERIOD_,
	    period(T_START, T_END, ", \"callsBefore\": \"" T_START "\""));
	assert_true(w->calls_from == START);
	warrant_free(&w);
	malformed(PERIOD_,
	    period(T_START, T_END,
		", \"callsBefore\": \"2026-01-31T12:00:01Z\""),
	    "callsBefore");
	malformed(PERIOD_,
	    period(T_START, T_END, ", \"callsBefore\": \"" T_END "\""),
	    "callsBefore");
	malformed(PERIOD_, period(T_START, T_END, ", \"callsBefore\": 0"),
	    "callsBefore");
	malformed(PERIOD_, period(T_START, T_END, ", \"callsBefore\": null"),
	    "callsBefore");
	malformed(PERIOD_,
	    period(T_START, T_END, ", \"callsBefore\": \"always\""),
	    "callsBefore");
}

/* ---- is the warrant for this request? ---- */

/* The warrant as it says itself, nothing having been changed. */
static struct warrant_state
as_entered(const struct warrant *w)
{
	return (struct warrant_state){.end = w->end};
}

static bool
is_for(const struct warrant *w, const struct ask *a)
{
	const struct warrant_state s = as_entered(w);

	return warrant_is_for(w, &s, a) == WARRANT_ALLOWS;
}

static bool
covers_call(const struct warrant *w, const struct ask *a)
{
	const struct warrant_state s = as_entered(w);

	return warrant_covers_call(w, &s, a) == WARRANT_ALLOWS;
}

static struct ask
asking(void)
{
	struct ask a = {.now = START + 1000, .products = PRODUCT_KEYS};

	a.target = str(ALICE);
	a.client = str("df2");
	return a;
}

static void
a_warrant_is_for_its_targets_and_clients_alone(void **state)
{
	static const char *const other[] = {"", "sip:alice@example.co",
	    "sip:alice@example.com.", "sip:Alice@example.com",
	    "SIP:alice@example.com", "sips:alice@example.com", "sip:alice",
	    "df2", "sip:bob@example.com ", "sip:alice@example.com;x=y"};
	static const char *const stranger[] = {"", "df", "df22", "DF2", "df1 ",
	    "*", ALICE};
	struct warrant *w;
	struct ask a = asking();
	char *doc;

	(void)state;
	doc = document(TARGET_,
	    "\"targets\": [{\"identities\": [\"" ALICE
	    "\", \"sip:bob@example.com\"]}]");
	w = taken(doc);
	free(doc);
	assert_true(is_for(w, &a));
	a.target = str("sip:bob@example.com");
	assert_true(is_for(w, &a));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		a.target = str(other[i]);
		if (is_for(w, &a))
			fail_msg("for %s", other[i]);
	}
	a.target = view(ALICE "\0", sizeof(ALICE));
	assert_false(is_for(w, &a));
	a = asking();
	for (size_t i = 0; i < sizeof(stranger) / sizeof(stranger[0]); i++) {
		a.client = str(stranger[i]);
		if (is_for(w, &a))
			fail_msg("for client %s", stranger[i]);
	}
	warrant_free(&w);

	w = taken_with(CLIENTS_, "\"clients\": [\"a\", \"b\", \"df2\"]");
	a = asking();
	assert_true(is_for(w, &a));
	a.client = str("b");
	assert_true(is_for(w, &a));
	a.client = str("ab");
	assert_false(is_for(w, &a));
	warrant_free(&w);
}

static void
a_liid_if_asked_for_is_compared_octet_for_octet(void **state)
{
	static const char *const other[] = {"LIID-000", "LIID-00011",
	    "liid-0001", "LIID-0002", " LIID-0001", "*"};
	struct warrant *w = taken_with(-1, NULL);
	struct ask a = asking();

	(void)state;
	a.liid = view(NULL, 0);
	assert_true(is_for(w, &a));
	a.liid = str("LIID-0001");
	assert_true(is_for(w, &a));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		a.liid = str(other[i]);
		assert_false(is_for(w, &a));
	}
	a.liid = view("LIID-0001\0", 10);
	assert_false(is_for(w, &a));
	warrant_free(&w);
}

static bool
in_force(const struct warrant *w, int64_t now)
{
	struct ask a = asking();

	a.now = now;
	return is_for(w, &a);
}

static void
a_warrant_is_in_force_from_its_start_to_the_end_of_its_grace(void **state)
{
	const int64_t graces[] = {0, 1, 3600, 604800};

	(void)state;
	for (size_t i = 0; i < sizeof(graces) / sizeof(graces[0]); i++) {
		const int64_t last = END + graces[i];
		struct warrant *w;
		char more[64];

		(void)snprintf(more, sizeof(more), ", \"graceAfterEnd\": %lld",
		    (long long)graces[i]);
		w = taken_with(PERIOD_, period(T_START, T_END, more));
		assert_false(in_force(w, INT64_MIN));
		assert_false(in_force(w, 0));
		assert_false(in_force(w, START - 121));
		assert_true(in_force(w, START - 120)); /* clocks differ */
		assert_true(in_force(w, START));
		assert_true(in_force(w, END - 1));
		assert_true(in_force(w, last - 1));
		assert_false(in_force(w, last));
		assert_false(in_force(w, last + 120));
		assert_false(in_force(w, INT64_MAX));
		warrant_free(&w);
	}
}

/* callsBefore reaches back for calls, not for requests. */
static void
calls_before_does_not_put_a_warrant_in_force_earlier(void **state)
{
	struct warrant *w = taken_with(PERIOD_,
	    period(T_START, T_END,
		", \"callsBefore\": \"2026-01-01T00:00:00Z\""));

	(void)state;
	assert_false(in_force(w, START - 121));
	assert_false(in_force(w, 1767225600));
	assert_true(in_force(w, START));
	warrant_free(&w);
}

static void
the_earliest_and_latest_periods_do_not_wrap(void **state)
{
	struct warrant *w = taken_with(PERIOD_,
	    period("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		", \"graceAfterEnd\": 604800"));
	struct ask a = asking();

	(void)state;
	assert_true(in_force(w, -120));
	assert_false(in_force(w, -121));
	assert_true(in_force(w, 253402300799LL + 604799));
	assert_false(in_force(w, 253402300799LL + 604800));
	a.n_t = 1;
	a.t[0] = INT64_MIN;
	assert_false(covers_call(w, &a));
	a.t[0] = INT64_MAX;
	assert_false(covers_call(w, &a));
	warrant_free(&w);
}

/* ---- does its period contain the call? ---- */

static bool
covers(const struct warrant *w, int64_t t)
{
	struct ask a = asking();

	a.t[0] = t;
	a.n_t = 1;
	return covers_call(w, &a);
}

static void
a_call_must_have_begun_in_the_period_give_or_take_the_skew(void **state)
{
	struct warrant *w = taken_with(PERIOD_,
	    period(T_START, T_END, ", \"graceAfterEnd\": 604800"));

	(void)state;
	assert_false(covers(w, 0));
	assert_false(covers(w, START - 86400 * 365));
	assert_false(covers(w, START - 121));
	assert_true(covers(w, START - 120));
	assert_true(covers(w, START));
	assert_true(covers(w, END - 1));
	assert_true(covers(w, END));
	assert_true(covers(w, END + 119));
	assert_false(covers(w, END + 120)); /* grace is for requests alone */
	assert_false(covers(w, END + 3600));
	warrant_free(&w);
}

static void
calls_before_grants_earlier_calls(void **state)
{
	const int64_t from = 1767225600;
	struct warrant *w = taken_with(PERIOD_,
	    period(T_START, T_END,
		", \"callsBefore\": \"2026-01-01T00:00:00Z\""));

	(void)state;
	assert_false(covers(w, from - 121));
	assert_true(covers(w, from - 120));
	assert_true(covers(w, from));
	assert_true(covers(w, START - 121));
	assert_true(covers(w, END + 119));
	assert_false(covers(w, END + 120));
	warrant_free(&w);
}

/* An update without IBAKE is judged by both its T and the first's. */
static void
both_times_of_an_update_must_be_in_the_period(void **state)
{
	struct warrant *w = taken_with(-1, NULL);
	const int64_t in[] = {START - 120, START, END + 119};
	const int64_t out[] = {0, START - 121, END + 120};
	struct ask a = asking();

	(void)state;
	a.n_t = 2;
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 3; k++) {
			a.t[0] = in[i];
			a.t[1] = in[k];
			assert_true(covers_call(w, &a));
			a.t[1] = out[k];
			assert_false(covers_call(w, &a));
			a.t[0] = out[i];
			assert_false(covers_call(w, &a));
			a.t[1] = in[k];
			assert_false(covers_call(w, &a));
		}
	/* the second counts only if there is one */
	a.n_t = 1;
	a.t[0] = START;
	a.t[1] = 0;
	assert_true(covers_call(w, &a));
	warrant_free(&w);
}

/* A COUNTER has no date: the request must come while the warrant lasts. */
static void
without_a_time_the_warrant_must_be_in_force_now(void **state)
{
	struct warrant *w = taken_with(PERIOD_,
	    period(T_START, T_END,
		", \"graceAfterEnd\": 604800, "
		"\"callsBefore\": \"2026-01-01T00:00:00Z\""));
	struct ask a = asking();

	(void)state;
	a.n_t = 0;
	a.t[0] = a.t[1] = START;
	a.now = START - 1;
	assert_false(covers_call(w, &a));
	a.now = START;
	assert_true(covers_call(w, &a));
	a.now = END - 1;
	assert_true(covers_call(w, &a));
	a.now = END; /* no grace for what may have begun after it */
	assert_false(covers_call(w, &a));
	a.now = END + 604799;
	assert_false(covers_call(w, &a));
	warrant_free(&w);
}

/* ---- after changes, and in what order ---- */

static void
the_state_says_the_end_and_whether_it_stands(void **state)
{
	struct warrant *w = taken_with(-1, NULL);
	struct warrant_state s = as_entered(w);
	struct ask a = asking();

	(void)state;
	s.suspended = true;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_SUSPENDED);
	s.revoked = true;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_REVOKED);
	s = as_entered(w);
	s.end = END + 86400; /* extended */
	a.now = END + 86400 + 3599;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_ALLOWS);
	a.now++;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_ENDED);
	a.n_t = 1;
	a.t[0] = END + 86400 + 119;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_ALLOWS);
	a.t[0]++;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_CALL_AFTER);
	s.end = START + 500; /* ended earlier */
	a.t[0] = START + 500 + 119;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_ALLOWS);
	a.t[0]++;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_CALL_AFTER);
	a.n_t = 0;
	a.now = START + 499;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_ALLOWS);
	a.now++;
	assert_int_equal(warrant_covers_call(w, &s, &a), WARRANT_ENDED);
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_ALLOWS);
	warrant_free(&w);
}

static void
only_what_is_granted_is_allowed(void **state)
{
	struct ask a = asking();
	struct warrant_state s;
	struct warrant *w;

	(void)state;
	w = taken_with(PRODUCTS_, "\"products\": [\"keys\", \"ecValues\"]");
	s = as_entered(w);
	for (unsigned set = 0; set < 16; set++) {
		a.products = set;
		assert_int_equal(warrant_is_for(w, &s, &a),
		    (set & (PRODUCT_SIP | PRODUCT_SECRETS)) == 0
			? WARRANT_ALLOWS
			: WARRANT_OTHER_PRODUCT);
	}
	warrant_free(&w);
	a = asking();
	w = taken_with(DELIVERY_,
	    "\"delivery\": [\"hi2\"], \"lemfs\": [\"a\"]");
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_DELIVERY);
	warrant_free(&w);
}

static void
over_hi2_no_client_is_compared(void **state)
{
	static const char *const who[] = {"", "df2", "df3", "this appliance"};
	struct warrant *w = taken_with(DELIVERY_, OVER_HI2);
	const struct warrant_state s = as_entered(w);
	struct ask a = asking();

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		a.over_hi2 = true;
		a.client = str(who[i]);
		assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_ALLOWS);
	}
	a.target = str("sip:bob@example.com");
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_TARGET);
	a.target = str(ALICE);
	a.now = START - 121;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_NOT_YET);
	a.now = START;
	a.products = PRODUCT_SIP;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_PRODUCT);
	warrant_free(&w);
}

/* Each way is granted by itself: one is never taken for the other. */
static void
each_way_of_delivery_needs_its_own_grant(void **state)
{
	static const struct {
		const char *text;
		enum warrant_verdict xk, hi2;
	} row[] = {
	    {DELIVERY, WARRANT_ALLOWS, WARRANT_OTHER_DELIVERY},
	    /* LEMFs that are named are no grant */
	    {DELIVERY ", \"lemfs\": [\"a\"]", WARRANT_ALLOWS,
		WARRANT_OTHER_DELIVERY},
	    {OVER_HI2, WARRANT_OTHER_DELIVERY, WARRANT_ALLOWS},
	    {"\"delivery\": [\"xk\", \"hi2\"], \"lemfs\": [\"a\"]",
		WARRANT_ALLOWS, WARRANT_ALLOWS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct warrant *w = taken_with(DELIVERY_, row[i].text);
		const struct warrant_state s = as_entered(w);
		struct ask a = asking();

		assert_int_equal(warrant_is_for(w, &s, &a), row[i].xk);
		a.over_hi2 = true;
		assert_int_equal(warrant_is_for(w, &s, &a), row[i].hi2);
		warrant_free(&w);
	}
}

/* Everything is wrong at first and put right one by one. */
static void
verdicts_come_in_their_order(void **state)
{
	struct ask a = {.now = START - 121, .products = PRODUCT_SIP};
	struct warrant_state s = {.revoked = true, .suspended = true, .end = 0};
	struct warrant *w = taken_with(DELIVERY_,
	    "\"delivery\": [\"hi2\"], \"lemfs\": [\"a\"]");

	(void)state;
	a.liid = str("x");
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_TARGET);
	a.target = str(ALICE);
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_CLIENT);
	a.client = str("df2");
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_LIID);
	a.liid = str("LIID-0001");
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_REVOKED);
	s.revoked = false;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_SUSPENDED);
	s.suspended = false;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_NOT_YET);
	a.now = START;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_ENDED);
	s.end = END;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_PRODUCT);
	a.products = 0;
	assert_int_equal(warrant_is_for(w, &s, &a), WARRANT_OTHER_DELIVERY);
	warrant_free(&w);
}

/* ---- sentences ---- */

static void
says(enum warrant_verdict v, const struct warrant *w, const struct ask *a,
    const char *want)
{
	const struct warrant_state s = as_entered(w);
	char out[128] = "";

	assert_string_equal(warrant_explain(v, w, &s, a, out, sizeof(out)),
	    want);
	assert_null(strstr(want, "LIID-"));
}

static void
every_verdict_has_its_sentence(void **state)
{
	struct warrant *w = taken_with(-1, NULL);
	struct ask a = asking();

	(void)state;
	says(WARRANT_ALLOWS, w, &a, "the warrant allows it");
	says(WARRANT_OTHER_TARGET, w, &a, "no warrant names this target");
	says(WARRANT_OTHER_CLIENT, w, &a,
	    "the warrant does not name this client");
	says(WARRANT_OTHER_LIID, w, &a, "the warrant has another LIID");
	says(WARRANT_REVOKED, w, &a, "the warrant is revoked");
	says(WARRANT_SUSPENDED, w, &a, "the warrant is suspended");
	says(WARRANT_OTHER_PRODUCT, w, &a,
	    "the warrant does not grant this product");
	says(WARRANT_OTHER_DELIVERY, w, &a,
	    "the warrant does not grant delivery over Xk");
	a.over_hi2 = true;
	says(WARRANT_OTHER_DELIVERY, w, &a,
	    "the warrant does not grant delivery over HI2");
	warrant_free(&w);
}

static void
spans_are_as_coarse_as_one_would_say_them(void **state)
{
	static const struct {
		int64_t before;
		const char *text;
	} row[] = {{0, "0 seconds"}, {1, "1 second"}, {2, "2 seconds"},
	    {119, "119 seconds"}, {120, "2 minutes"}, {7199, "119 minutes"},
	    {7200, "2 hours"}, {172799, "47 hours"}, {172800, "2 days"},
	    {3 * 86400 + 7, "3 days"}, {3650 * 86400LL, "3650 days"}};
	struct warrant *w = taken_with(-1, NULL);
	struct ask a = asking();
	char want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		a.now = START - row[i].before;
		(void)snprintf(want, sizeof(want), "the warrant begins in %s",
		    row[i].text);
		says(WARRANT_NOT_YET, w, &a, want);
		a.now = END + row[i].before;
		(void)snprintf(want, sizeof(want), "the warrant ended %s ago",
		    row[i].text);
		says(WARRANT_ENDED, w, &a, want);
		a.n_t = 1;
		a.t[0] = START - row[i].before;
		(void)snprintf(want, sizeof(want),
		    "the call began %s before the warrant", row[i].text);
		says(WARRANT_CALL_BEFORE, w, &a, want);
		a.t[0] = END + row[i].before;
		(void)snprintf(want, sizeof(want),
		    "the call began %s after the warrant's end", row[i].text);
		says(WARRANT_CALL_AFTER, w, &a, want);
	}
	warrant_free(&w);
}

static void
of_two_times_the_one_furthest_out_is_told(void **state)
{
	struct warrant *w = taken_with(PERIOD_,
	    period(T_START, T_END,
		", \"callsBefore\": \"2026-01-31T00:00:00Z\""));
	struct ask a = asking();

	(void)state;
	a.n_t = 2;
	a.t[0] = w->calls_from - 4 * 86400;
	a.t[1] = w->calls_from - 5 * 86400;
	says(WARRANT_CALL_BEFORE, w, &a,
	    "the call began 5 days before the first call that the warrant "
	    "covers");
	a.t[0] = END + 7 * 86400;
	a.t[1] = END + 6 * 86400;
	says(WARRANT_CALL_AFTER, w, &a,
	    "the call began 7 days after the warrant's end");
	warrant_free(&w);
}

static void
a_short_buffer_cuts_the_sentence(void **state)
{
	struct warrant *w = taken_with(-1, NULL);
	const struct warrant_state s = as_entered(w);
	struct ask a = asking();
	char out[8];

	(void)state;
	a.now = START - 500;
	assert_string_equal(warrant_explain(WARRANT_NOT_YET, w, &s, &a, out,
				sizeof(out)),
	    "the war");
	warrant_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_document_becomes_a_warrant),
	    cmocka_unit_test(what_is_no_object_is_malformed),
	    cmocka_unit_test(unknown_members_are_not_let_through),
	    cmocka_unit_test(agency_and_test_may_be_said),
	    cmocka_unit_test(every_member_but_the_reference_must_be_there),
	    cmocka_unit_test(a_member_of_another_type_is_malformed),
	    cmocka_unit_test(a_member_named_twice_is_malformed),
	    cmocka_unit_test(a_reference_is_any_string_and_may_be_missing),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(octets_that_are_not_utf_8_are_malformed),
	    cmocka_unit_test(nul_is_malformed_wherever_it_stands),
	    cmocka_unit_test(a_liid_has_1_to_25_octets),
	    cmocka_unit_test(a_liid_is_printable_ascii_without_blanks),
	    cmocka_unit_test(identities_are_sip_sips_and_global_tel_uris),
	    cmocka_unit_test(a_sip_uri_has_no_parameters_and_no_headers),
	    cmocka_unit_test(a_tel_uri_is_global_and_has_no_separators),
	    cmocka_unit_test(
		blanks_controls_wildcards_and_other_octets_are_refused),
	    cmocka_unit_test(an_identity_has_at_most_255_octets),
	    cmocka_unit_test(every_identity_of_the_target_is_checked),
	    cmocka_unit_test(a_target_has_1_to_64_identities),
	    cmocka_unit_test(a_target_has_xids_if_it_is_intercepted),
	    cmocka_unit_test(an_identity_or_xid_is_one_targets),
	    cmocka_unit_test(a_warrant_has_1_to_16_targets),
	    cmocka_unit_test(clients_are_1_to_64_different_names),
	    cmocka_unit_test(products_and_ways_are_the_known_ones),
	    cmocka_unit_test(delivery_over_hi2_says_where_to),
	    cmocka_unit_test(clients_are_needed_for_delivery_over_xk_alone),
	    cmocka_unit_test(clients_may_stand_beside_delivery_over_hi2),
	    cmocka_unit_test(a_period_ends_after_it_starts),
	    cmocka_unit_test(grace_is_0_to_7_days),
	    cmocka_unit_test(calls_before_is_at_most_the_start),
	    cmocka_unit_test(a_warrant_is_for_its_targets_and_clients_alone),
	    cmocka_unit_test(a_liid_if_asked_for_is_compared_octet_for_octet),
	    cmocka_unit_test(
		a_warrant_is_in_force_from_its_start_to_the_end_of_its_grace),
	    cmocka_unit_test(
		calls_before_does_not_put_a_warrant_in_force_earlier),
	    cmocka_unit_test(the_earliest_and_latest_periods_do_not_wrap),
	    cmocka_unit_test(
		a_call_must_have_begun_in_the_period_give_or_take_the_skew),
	    cmocka_unit_test(calls_before_grants_earlier_calls),
	    cmocka_unit_test(both_times_of_an_update_must_be_in_the_period),
	    cmocka_unit_test(without_a_time_the_warrant_must_be_in_force_now),
	    cmocka_unit_test(the_state_says_the_end_and_whether_it_stands),
	    cmocka_unit_test(only_what_is_granted_is_allowed),
	    cmocka_unit_test(over_hi2_no_client_is_compared),
	    cmocka_unit_test(each_way_of_delivery_needs_its_own_grant),
	    cmocka_unit_test(verdicts_come_in_their_order),
	    cmocka_unit_test(every_verdict_has_its_sentence),
	    cmocka_unit_test(spans_are_as_coarse_as_one_would_say_them),
	    cmocka_unit_test(of_two_times_the_one_furthest_out_is_told),
	    cmocka_unit_test(a_short_buffer_cuts_the_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
