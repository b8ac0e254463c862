#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "help.h"
#include "policy/rfc3339.h"
#include "policy/warrant.h"

static struct rd
view(const void *p, size_t len)
{
	struct rd r;

	rd_init(&r, p, len);
	return r;
}

static struct rd
str(const char *s)
{
	return view(s, strlen(s));
}

#define ALICE "sip:alice@example.com"
#define START 1769860800LL /* 2026-01-31T12:00:00Z */
#define END 1772280000LL /* 2026-02-28T12:00:00Z */

#define VERSION "\"keywardenWarrant\": 1"
#define MLIID "\"liid\": \"LIID-0001\""
#define ISSUED "\"issued\": \"2026-01-30T09:00:00Z\""
#define TARGET "\"target\": {\"identities\": [\"" ALICE "\"]}"
#define PERIOD \
	"\"period\": {\"start\": \"2026-01-31T12:00:00Z\", " \
	"\"end\": \"2026-02-28T12:00:00Z\"}"
#define CLIENTS "\"clients\": [\"df2\"]"
#define DELIVERY "\"delivery\": [\"xk\"]"

/* The members of a good document, for taking one out or putting one in. */
enum { VERSION_, LIID_, ISSUED_, TARGET_, PERIOD_, CLIENTS_, DELIVERY_, N_ };
static const char *const member_of[N_] = {VERSION, MLIID, ISSUED, TARGET,
    PERIOD, CLIENTS, DELIVERY};

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
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	rc = warrant_parse(view(copy, len), out, why);
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
	char *doc = document(-1, NULL);
	struct warrant *w = taken(doc);
	uint8_t id[32];

	(void)state;
	assert_string_equal(w->liid, "LIID-0001");
	assert_true(w->issued == 1769763600);
	assert_true(w->start == START);
	assert_true(w->end == END);
	assert_true(w->grace == 3600);
	assert_true(w->calls_from == START);
	assert_true(w->to_xk);
	assert_int_equal(w->n_ids, 1);
	assert_string_equal(w->ids[0], ALICE);
	assert_int_equal(w->n_clients, 1);
	assert_string_equal(w->clients[0], "df2");
	assert_int_equal(EVP_Digest(doc, strlen(doc), id, NULL, EVP_sha256(),
			     NULL),
	    1);
	assert_memory_equal(w->id, id, 32);
	warrant_free(&w);
	assert_null(w);
	warrant_free(&w);
	free(doc);
}

/* The name is of the octets, not of what they mean. */
static void
the_name_is_the_digest_of_the_very_octets(void **state)
{
	char *doc = document(-1, NULL), *spaced;
	struct warrant *a = taken(doc), *b;
	const size_t n = strlen(doc);
	uint8_t id[32];

	(void)state;
	spaced = malloc(n + 2);
	assert_non_null(spaced);
	memcpy(spaced, doc, n);
	memcpy(spaced + n, "\n", 2);
	b = taken(spaced);
	assert_memory_not_equal(a->id, b->id, 32);
	assert_int_equal(warrant_name(view(spaced, n + 1), id), ERR_OK);
	assert_memory_equal(b->id, id, 32);
	assert_int_equal(warrant_name(view("abc", 3), id), ERR_OK);
	assert_memory_equal(id,
	    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
	    "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
	    32);
	warrant_free(&a);
	warrant_free(&b);
	free(spaced);
	free(doc);
}

static void
every_member_but_the_reference_must_be_there(void **state)
{
	static const char *const name[N_] = {"keywardenWarrant", "liid",
	    "issued", "target", "period", "clients", "delivery"};

	(void)state;
	for (int i = 0; i < N_; i++)
		malformed(i, NULL, name[i]);
}

static void
a_member_of_another_type_is_malformed(void **state)
{
	static const char *const name[N_] = {"keywardenWarrant", "liid",
	    "issued", "target", "period", "clients", "delivery"};
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
unknown_members_are_not_let_through(void **state)
{
	static const char *const extra[] = {"x", "Liid", "LIID", "",
	    "keywarden", "warrant", "grace", "liid ", "comment", "\\u006ciidx"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(extra) / sizeof(extra[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s, \"%s\": 1", VERSION,
		    extra[i]);
		malformed(VERSION_, text, NULL);
		(void)snprintf(text, sizeof(text),
		    "\"target\": {\"identities\": [\"%s\"], \"%s\": 1}", ALICE,
		    extra[i]);
		malformed(TARGET_, text, "target");
		(void)snprintf(text, sizeof(text),
		    "\"period\": {\"start\": \"2026-01-31T12:00:00Z\", "
		    "\"end\": \"2026-02-28T12:00:00Z\", \"%s\": 1}",
		    extra[i]);
		malformed(PERIOD_, text, "period");
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
	    "\"target\": {\"identities\": [\"" ALICE "\"], "
	    "\"identities\": [\"" ALICE "\"]}",
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
only_version_1_is_known(void **state)
{
	(void)state;
	malformed(VERSION_, "\"keywardenWarrant\": 0", "keywardenWarrant");
	malformed(VERSION_, "\"keywardenWarrant\": 2", "keywardenWarrant");
	malformed(VERSION_, "\"keywardenWarrant\": 4294967297",
	    "keywardenWarrant");
	malformed(VERSION_, "\"keywardenWarrant\": true", "keywardenWarrant");
	malformed(VERSION_, "\"keywardenRevocation\": 1", NULL);
}

static void
a_reference_is_any_string_and_may_be_missing(void **state)
{
	(void)state;
	good(ISSUED_, ISSUED ", \"reference\": \"Court 12/2026, file 3\"");
	good(ISSUED_, ISSUED ", \"reference\": \"\"");
	good(ISSUED_, ISSUED ", \"reference\": \"Gericht K\xc3\xb6ln\"");
	malformed(ISSUED_, ISSUED ", \"reference\": 5", "reference");
	malformed(ISSUED_, ISSUED ", \"reference\": null", "reference");
	malformed(ISSUED_, ISSUED ", \"reference\": [\"a\"]", "reference");
}

static void
issued_is_a_time(void **state)
{
	(void)state;
	malformed(ISSUED_, "\"issued\": \"2026-02-31T09:00:00Z\"", "issued");
	malformed(ISSUED_, "\"issued\": \"2026-01-30\"", "issued");
	malformed(ISSUED_, "\"issued\": 1769763600", "issued");
	malformed(ISSUED_, "\"issued\": \"2026-01-30T09:00:00+01:00\"",
	    "issued");
}

/* ---- the octets ---- */

static void
what_is_not_one_json_object_is_malformed(void **state)
{
	static const char *const no[] = {"", " ", "null", "1", "\"a\"", "[]",
	    "[{}]", "{}", "{", "}", "{\"a\"}", "{'a': 1}", "{\"a\": 1,}",
	    "{} {}", "/* */ {}", "{\"keywardenWarrant\": 1}"};
	char *doc = document(-1, NULL), text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		malformed_octets(no[i], strlen(no[i]), NULL);
	(void)snprintf(text, sizeof(text), "[%s]", doc);
	malformed_octets(text, strlen(text), NULL);
	(void)snprintf(text, sizeof(text), "%s%s", doc, doc);
	malformed_octets(text, strlen(text), NULL);
	(void)snprintf(text, sizeof(text), "%s x", doc);
	malformed_octets(text, strlen(text), NULL);
	(void)snprintf(text, sizeof(text), "\xef\xbb\xbf%s", doc);
	malformed_octets(text, strlen(text), NULL);
	free(doc);
}

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
		    ISSUED ", \"reference\": "
			   "\"a%sb\"",
		    no[i]);
		malformed(ISSUED_, text, NULL);
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
	    "\"target\": {\"identities\": [\"" ALICE "\\u0000.evil.example\"]}",
	    NULL);
	malformed(ISSUED_, ISSUED ", \"liid\\u0000\": 1", NULL);
	malformed(ISSUED_, ISSUED ", \"reference\": \"\\u0000\"", NULL);
}

static void
deep_nesting_is_malformed_and_no_more(void **state)
{
	const size_t depth = 30000;
	char *doc = malloc(2 * depth + 200), *p;

	(void)state;
	assert_non_null(doc);
	for (int kind = 0; kind < 4; kind++) {
		p = doc + sprintf(doc, "{%s, \"reference\": ", VERSION);
		memset(p, '[', depth);
		p += depth;
		if (kind >= 2) {
			memset(p, ']', depth);
			p += depth;
			*p++ = '}';
		}
		malformed_octets(doc, (size_t)(p - doc), NULL);
		/* and without a document around it */
		if (kind % 2 == 1)
			malformed_octets(strchr(doc, '['), depth, NULL);
	}
	free(doc);
}

static void
a_huge_document_is_read_or_refused_whole(void **state)
{
	const size_t big = 1 << 22;
	char *text = malloc(big + 100);
	size_t n;

	(void)state;
	assert_non_null(text);
	n = (size_t)sprintf(text, "%s, \"reference\": \"", ISSUED);
	memset(text + n, 'r', big - n);
	memcpy(text + big, "\"", 2);
	good(ISSUED_, text);
	/* as many members: each is unknown */
	n = (size_t)sprintf(text, "%s", ISSUED);
	for (unsigned i = 0; n < big / 4; i++)
		n += (size_t)sprintf(text + n, ", \"m%u\": %u", i, i);
	malformed(ISSUED_, text, NULL);
	/* as many clients */
	n = (size_t)sprintf(text, "\"clients\": [\"c\"");
	for (unsigned i = 0; n < big / 4; i++)
		n += (size_t)sprintf(text + n, ", \"c%u\"", i);
	memcpy(text + n, "]", 2);
	malformed(CLIENTS_, text, "clients");
	free(text);
}

static void
numbers_that_no_type_holds_are_malformed(void **state)
{
	(void)state;
	malformed(VERSION_,
	    "\"keywardenWarrant\": 99999999999999999999999999999999", NULL);
	malformed(VERSION_, "\"keywardenWarrant\": 1e999", NULL);
	malformed(PERIOD_,
	    "\"period\": {\"start\": \"2026-01-31T12:00:00Z\", "
	    "\"end\": \"2026-02-28T12:00:00Z\", "
	    "\"graceAfterEnd\": 18446744073709551616}",
	    NULL);
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
	    "\"target\": {\"identities\": [\"" ALICE "\", \"tel:+15550100\"]}");
	malformed(TARGET_,
	    "\"target\": {\"identities\": [\"" ALICE "\", \"tel:15550100\"]}",
	    NULL);
	malformed(TARGET_,
	    "\"target\": {\"identities\": [\"sip:*\", \"" ALICE "\"]}", NULL);
	malformed(TARGET_,
	    "\"target\": {\"identities\": [\"" ALICE "\", \"" ALICE "\"]}",
	    "identities");
	malformed(TARGET_, "\"target\": {\"identities\": \"" ALICE "\"}",
	    "identities");
	malformed(TARGET_, "\"target\": {\"identities\": [\"" ALICE "\", 5]}",
	    "identities");
	malformed(TARGET_, "\"target\": \"" ALICE "\"", "target");
	malformed(TARGET_, "\"target\": [\"" ALICE "\"]", "target");
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
	(void)list_of(text, "\"target\": {\"identities\": [", MAX_WARRANT_IDS,
	    "]}");
	w = taken_with(TARGET_, text);
	assert_int_equal(w->n_ids, MAX_WARRANT_IDS);
	assert_string_equal(w->ids[0], "sip:u0");
	assert_string_equal(w->ids[63], "sip:u63");
	warrant_free(&w);
	(void)list_of(text, "\"target\": {\"identities\": [",
	    MAX_WARRANT_IDS + 1, "]}");
	malformed(TARGET_, text, "identities");
	malformed(TARGET_, "\"target\": {\"identities\": []}", "identities");
	malformed(TARGET_, "\"target\": {}", "identities");
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
	assert_int_equal(w->n_clients, MAX_WARRANT_CLIENTS);
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
delivery_is_to_xk_and_nothing_unknown(void **state)
{
	(void)state;
	malformed(DELIVERY_, "\"delivery\": [\"hi2\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"xk\", \"hi2\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"hi2\", \"xk\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"XK\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": [\"xk\", \"xk\"]", "delivery");
	malformed(DELIVERY_, "\"delivery\": \"xk\"", "delivery");
	malformed(DELIVERY_, "\"delivery\": []", "delivery");
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

static struct ask
asking(void)
{
	struct ask a = {.now = START + 1000};

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
	    "\"target\": {\"identities\": [\"" ALICE
	    "\", \"sip:bob@example.com\"]}");
	w = taken(doc);
	free(doc);
	assert_true(warrant_is_for(w, &a));
	a.target = str("sip:bob@example.com");
	assert_true(warrant_is_for(w, &a));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		a.target = str(other[i]);
		if (warrant_is_for(w, &a))
			fail_msg("for %s", other[i]);
	}
	a.target = view(ALICE "\0", sizeof(ALICE));
	assert_false(warrant_is_for(w, &a));
	a = asking();
	for (size_t i = 0; i < sizeof(stranger) / sizeof(stranger[0]); i++) {
		a.client = str(stranger[i]);
		if (warrant_is_for(w, &a))
			fail_msg("for client %s", stranger[i]);
	}
	warrant_free(&w);

	w = taken_with(CLIENTS_, "\"clients\": [\"a\", \"b\", \"df2\"]");
	a = asking();
	assert_true(warrant_is_for(w, &a));
	a.client = str("b");
	assert_true(warrant_is_for(w, &a));
	a.client = str("ab");
	assert_false(warrant_is_for(w, &a));
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
	assert_true(warrant_is_for(w, &a));
	a.liid = str("LIID-0001");
	assert_true(warrant_is_for(w, &a));
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		a.liid = str(other[i]);
		assert_false(warrant_is_for(w, &a));
	}
	a.liid = view("LIID-0001\0", 10);
	assert_false(warrant_is_for(w, &a));
	warrant_free(&w);
}

static bool
in_force(const struct warrant *w, int64_t now)
{
	struct ask a = asking();

	a.now = now;
	return warrant_is_for(w, &a);
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
	assert_false(warrant_covers_call(w, &a));
	a.t[0] = INT64_MAX;
	assert_false(warrant_covers_call(w, &a));
	warrant_free(&w);
}

/* ---- does its period contain the call? ---- */

static bool
covers(const struct warrant *w, int64_t t)
{
	struct ask a = asking();

	a.t[0] = t;
	a.n_t = 1;
	return warrant_covers_call(w, &a);
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
			assert_true(warrant_covers_call(w, &a));
			a.t[1] = out[k];
			assert_false(warrant_covers_call(w, &a));
			a.t[0] = out[i];
			assert_false(warrant_covers_call(w, &a));
			a.t[1] = in[k];
			assert_false(warrant_covers_call(w, &a));
		}
	/* the second counts only if there is one */
	a.n_t = 1;
	a.t[0] = START;
	a.t[1] = 0;
	assert_true(warrant_covers_call(w, &a));
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
	a.now = START - 121;
	assert_false(warrant_covers_call(w, &a));
	a.now = START;
	assert_true(warrant_covers_call(w, &a));
	a.now = END - 1;
	assert_true(warrant_covers_call(w, &a));
	a.now = END; /* no grace for what may have begun after it */
	assert_false(warrant_covers_call(w, &a));
	a.now = END + 604799;
	assert_false(warrant_covers_call(w, &a));
	warrant_free(&w);
}

/* ---- revocations ---- */

#define HEX64 "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"

static enum err
revoke(const char *doc, struct revocation *r, struct why *why)
{
	const size_t n = strlen(doc);
	char *copy = malloc(n > 0 ? n : 1);
	enum err rc;

	assert_non_null(copy);
	memcpy(copy, doc, n);
	rc = revocation_parse(view(copy, n), r, why);
	free(copy);
	return rc;
}

static void
a_revocation_names_its_warrant(void **state)
{
	static const char *const yes[] =
	    {"{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64 "\"}",
		"{\"warrant\": \"" HEX64 "\", \"keywardenRevocation\": 1, "
		"\"reason\": \"ended by the court\"}",
		"{\"keywardenRevocation\": 1, \"warrant\": "
		"\"00112233445566778899AABBCCDDEEFF"
		"0123456789ABCDEF0123456789abcdef\"}\n"};
	uint8_t want[32];

	(void)state;
	assert_int_equal(hex_get(HEX64, want, 32), ERR_OK);
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		struct revocation r;
		struct why why = {""};

		if (revoke(yes[i], &r, &why) != ERR_OK)
			fail_msg("%s", why.text);
		assert_memory_equal(r.warrant, want, 32);
	}
}

static void
a_revocation_of_another_form_is_malformed(void **state)
{
	static const char *const no[] = {"", "{}", "[]", "null", "{",
	    "{\"keywardenRevocation\": 1}", "{\"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": 2, \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": \"1\", \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": 1.0, \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": true, \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenWarrant\": 1, \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64 "0\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64 "00\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"all\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": 5}",
	    "{\"keywardenRevocation\": 1, \"warrant\": null}",
	    "{\"keywardenRevocation\": 1, \"warrant\": [\"" HEX64 "\"]}",
	    "{\"keywardenRevocation\": 1, \"warrant\": "
	    "\"g0112233445566778899aabbccddeeff"
	    "0123456789abcdef0123456789abcdef\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64
	    "\", \"until\": 1}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64
	    "\", \"warrant\": \"" HEX64 "\"}",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64 "\"} x",
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64
	    "\", \"reason\": \"\xff\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct revocation r, was;
		struct why why = {""};

		memset(&r, 0x77, sizeof(r));
		memcpy(&was, &r, sizeof(r));
		if (revoke(no[i], &r, &why) != ERR_MALFORMED)
			fail_msg("%s", no[i]);
		assert_memory_equal(&r, &was, sizeof(r));
		assert_string_not_equal(why.text, "");
	}
}

static void
a_warrant_is_no_revocation_and_the_other_way_round(void **state)
{
	const char *rev =
	    "{\"keywardenRevocation\": 1, \"warrant\": \"" HEX64 "\"}";
	char *doc = document(-1, NULL);
	struct revocation r;
	struct why why;

	(void)state;
	assert_int_equal(revoke(doc, &r, &why), ERR_MALFORMED);
	malformed_octets(rev, strlen(rev), NULL);
	free(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_document_becomes_a_warrant),
	    cmocka_unit_test(the_name_is_the_digest_of_the_very_octets),
	    cmocka_unit_test(every_member_but_the_reference_must_be_there),
	    cmocka_unit_test(a_member_of_another_type_is_malformed),
	    cmocka_unit_test(unknown_members_are_not_let_through),
	    cmocka_unit_test(a_member_named_twice_is_malformed),
	    cmocka_unit_test(only_version_1_is_known),
	    cmocka_unit_test(a_reference_is_any_string_and_may_be_missing),
	    cmocka_unit_test(issued_is_a_time),
	    cmocka_unit_test(what_is_not_one_json_object_is_malformed),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(octets_that_are_not_utf_8_are_malformed),
	    cmocka_unit_test(nul_is_malformed_wherever_it_stands),
	    cmocka_unit_test(deep_nesting_is_malformed_and_no_more),
	    cmocka_unit_test(a_huge_document_is_read_or_refused_whole),
	    cmocka_unit_test(numbers_that_no_type_holds_are_malformed),
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
	    cmocka_unit_test(clients_are_1_to_64_different_names),
	    cmocka_unit_test(delivery_is_to_xk_and_nothing_unknown),
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
	    cmocka_unit_test(a_revocation_names_its_warrant),
	    cmocka_unit_test(a_revocation_of_another_form_is_malformed),
	    cmocka_unit_test(
		a_warrant_is_no_revocation_and_the_other_way_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
