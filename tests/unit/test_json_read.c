#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/json_read.h"

/* Loaded from memory of its own size; the test fails when it is no JSON. */
static json_t *
load_octets(const void *p, size_t n, struct why *why)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct rd r;
	json_t *j;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rd_init(&r, copy, n);
	j = jr_load(r, why);
	free(copy);
	return j;
}

static json_t *
load(const char *s)
{
	struct why why = {""};
	json_t *j = load_octets(s, strlen(s), &why);

	if (j == NULL)
		fail_msg("%s: %s", s, why.text);
	return j;
}

/* {"m": VALUE}; no member at all for NULL */
static json_t *
with(const char *value)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "{%s%s}",
	    value == NULL ? "" : "\"m\":", value == NULL ? "" : value);
	return load(text);
}

/* Malformed, and the reason begins with the member. */
static void
names_it(enum err rc, const struct why *why, const char *value)
{
	if (rc != ERR_MALFORMED)
		fail_msg("%s was not refused", value == NULL ? "" : value);
	if (strncmp(why->text, "m: ", 3) != 0)
		fail_msg("\"%s\" does not name the member", why->text);
}

static void
what_is_no_json_is_null_with_a_reason(void **state)
{
	static const char *const no[] = {"", " ", "null", "1", "\"a\"", "{",
	    "}", "{\"a\"}", "{'a':1}", "{\"a\":1,}", "{} {}", "{}x", "/**/{}",
	    "\xef\xbb\xbf{}", "{\"a\":\"\x80\"}", "{\"a\":\"\\u0000\"}",
	    "{\"a\":\"\\ud800\"}", "{\"a\":01}", "{\"a\":1e999}",
	    "{\"a\":99999999999999999999}", "{\"a\":\"\n\"}"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		if (load_octets(no[i], strlen(no[i]), &why) != NULL)
			fail_msg("%s was read", no[i]);
		assert_string_not_equal(why.text, "");
	}
	assert_null(load_octets("{\"a\":1\0}", 8, NULL));
	assert_null(load_octets("{}\0", 3, NULL));
}

static void
a_member_that_stands_there_twice_is_said_to(void **state)
{
	static const char *const no[] = {"{\"a\":1,\"a\":1}",
	    "{\"a\":1,\"\\u0061\":2}", "{\"b\":{\"a\":1,\"a\":1}}",
	    "{\"b\":[{\"a\":1,\"a\":1}]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		assert_null(load_octets(no[i], strlen(no[i]), &why));
		assert_non_null(strstr(why.text, "stands there twice"));
	}
}

static void
only_known_members_are_let_through(void **state)
{
	static const char *const names[] = {"a", "b", NULL};
	static const char *const yes[] = {"{}", "{\"a\":1}",
	    "{\"b\":null,\"a\":{}}"};
	static const char *const no[] = {"{\"c\":1}", "{\"a\":1,\"A\":1}",
	    "{\"\":1}", "{\"ab\":1}"};
	struct why why = {""};
	json_t *j;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		j = load(yes[i]);
		assert_int_equal(jr_only(j, "thing", names, NULL), ERR_OK);
		json_decref(j);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		j = load(no[i]);
		assert_int_equal(jr_only(j, "thing", names, &why),
		    ERR_MALFORMED);
		assert_ptr_equal(strstr(why.text, "thing: unknown member"),
		    why.text);
		json_decref(j);
	}
	/* what could harm a screen is escaped */
	j = load("{\"\\u001b[2J\":1}");
	assert_int_equal(jr_only(j, "thing", names, &why), ERR_MALFORMED);
	assert_null(strchr(why.text, '\x1b'));
	json_decref(j);
	j = load("[]");
	assert_int_equal(jr_only(j, "thing", names, &why), ERR_MALFORMED);
	assert_string_equal(why.text, "thing: not an object");
	assert_int_equal(jr_only(NULL, "thing", names, &why), ERR_MALFORMED);
	json_decref(j);
}

static void
times_are_of_the_one_form(void **state)
{
	static const char *const no[] = {NULL, "null", "0", "\"\"",
	    "\"2026-01-31\"", "\"2026-02-29T00:00:00Z\"",
	    "\"2026-01-31T12:00:00+00:00\"", "\"2026-01-31t12:00:00z\"",
	    "\"2026-01-31T12:00:60Z\"", "\"2026-01-31T12:00:00Z \"",
	    "[\"2026-01-31T12:00:00Z\"]", "\"1969-12-31T23:59:59Z\""};
	json_t *j = with("\"2026-01-31T12:00:00Z\"");
	int64_t t = 0;

	(void)state;
	assert_int_equal(jr_time(j, "m", &t, NULL), ERR_OK);
	assert_true(t == 1769860800);
	json_decref(j);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_time(j, "m", &t, &why), &why, no[i]);
		assert_true(t == 1769860800);
		json_decref(j);
	}
}

static void
numbers_are_integers_within_their_bounds(void **state)
{
	static const char *const no[] = {NULL, "null", "true", "\"5\"", "5.0",
	    "5e0", "-1", "11", "9223372036854775807", "[5]",
	    "-9223372036854775808"};
	uint64_t v = 77;
	json_t *j;

	(void)state;
	for (uint64_t n = 0; n <= 10; n++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "%llu",
		    (unsigned long long)n);
		j = with(text);
		assert_int_equal(jr_number(j, "m", 10, &v, NULL), ERR_OK);
		assert_true(v == n);
		json_decref(j);
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_number(j, "m", 10, &v, &why), &why, no[i]);
		assert_true(v == 10);
		json_decref(j);
	}
}

static void
truth_is_true_or_false(void **state)
{
	static const char *const no[] = {NULL, "null", "0", "1", "\"true\"",
	    "[]"};
	bool b = false;
	json_t *j;

	(void)state;
	j = with("true");
	assert_int_equal(jr_bool(j, "m", &b, NULL), ERR_OK);
	assert_true(b);
	json_decref(j);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_bool(j, "m", &b, &why), &why, no[i]);
		assert_true(b);
		json_decref(j);
	}
	j = with("false");
	assert_int_equal(jr_bool(j, "m", &b, NULL), ERR_OK);
	assert_false(b);
	json_decref(j);
}

static void
a_word_is_printable_ascii_without_blanks(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x180; c++) {
		struct why why = {""};
		char text[32], *w = NULL;
		enum err rc;
		json_t *j;

		(void)snprintf(text, sizeof(text), "\"a\\u%04x\"", c);
		j = with(text);
		rc = jr_word(j, "m", 9, &w, &why);
		if (c > 0x20 && c < 0x7f) {
			assert_int_equal(rc, ERR_OK);
			assert_int_equal(w[1], (char)c);
			assert_int_equal(w[2], 0);
			free(w);
		} else {
			names_it(rc, &why, text);
			assert_null(w);
		}
		json_decref(j);
	}
}

static void
a_word_has_1_to_as_many_characters_as_are_said(void **state)
{
	static const char *const no[] = {NULL, "null", "\"\"", "\"abcdef\"",
	    "5", "[\"a\"]", "{}"};
	char *w = NULL;
	json_t *j = with("\"abcde\"");

	(void)state;
	assert_int_equal(jr_word(j, "m", 5, &w, NULL), ERR_OK);
	assert_string_equal(w, "abcde");
	free(w);
	json_decref(j);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_word(j, "m", 5, &w, &why), &why, no[i]);
		json_decref(j);
	}
}

static void
hex_is_in_lower_case_and_of_the_length(void **state)
{
	static const char *const no[] = {NULL, "\"\"", "\"00ff1\"",
	    "\"00ff1a00\"", "\"00ff1A\"", "\"00ff1g\"", "\"0x00ff\"",
	    "\"00 f1a\"", "5", "[\"00ff1a\"]"};
	uint8_t out[4] = {0, 0, 0, 0x55};
	json_t *j = with("\"00ff1a\"");

	(void)state;
	assert_int_equal(jr_hex(j, "m", out, 3, NULL), ERR_OK);
	assert_memory_equal(out, "\x00\xff\x1a\x55", 4);
	json_decref(j);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_hex(j, "m", out, 3, &why), &why, no[i]);
		assert_memory_equal(out, "\x00\xff\x1a\x55", 4);
		json_decref(j);
	}
}

/* ---- base64 ---- */

static void
base64_is(const char *text, size_t most, const char *want, size_t n)
{
	struct octets o = {NULL, 0};
	struct why why = {""};
	char value[64];
	json_t *j;

	(void)snprintf(value, sizeof(value), "\"%s\"", text);
	j = with(value);
	if (want == NULL) {
		names_it(jr_base64(j, "m", most, &o, &why), &why, text);
		assert_null(o.p);
	} else {
		assert_int_equal(jr_base64(j, "m", most, &o, &why), ERR_OK);
		assert_int_equal(o.len, n);
		assert_memory_equal(o.p, want, n);
		free(o.p);
	}
	json_decref(j);
}

/* RFC 4648 clause 10 */
static void
base64_gives_octets(void **state)
{
	(void)state;
	base64_is("Zg==", 99, "f", 1);
	base64_is("Zm8=", 99, "fo", 2);
	base64_is("Zm9v", 99, "foo", 3);
	base64_is("Zm9vYg==", 99, "foob", 4);
	base64_is("Zm9vYmE=", 99, "fooba", 5);
	base64_is("Zm9vYmFy", 99, "foobar", 6);
	base64_is("AAAA", 99, "\0\0\0", 3);
	base64_is("+/+/", 99, "\xfb\xff\xbf", 3);
}

static void
base64_is_bounded(void **state)
{
	(void)state;
	base64_is("Zm9vYmFy", 6, "foobar", 6);
	base64_is("Zm9vYmFy", 5, NULL, 0);
	base64_is("Zm9vYmE=", 5, "fooba", 5);
	base64_is("Zm9vYg==", 4, "foob", 4);
	base64_is("Zm9vYg==", 3, NULL, 0);
	base64_is("", 9, NULL, 0);
}

static void
base64_of_another_form_is_malformed(void **state)
{
	static const char *const no[] = {"Zg", "Zg=", "Zm9vY", "Zm9v\\n",
	    " Zg==", "Zg== ", "Z g=", "Zg-_",
	    "Zm9v====", "====", "\xc3\xa9==", "Zm9v\\nZm9"};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		base64_is(no[i], 99, NULL, 0);
}

/* There is one way to write octets: RFC 4648 clause 3.5. */
static void
base64_has_one_spelling(void **state)
{
	static const char *const no[] = {"Zh==", "Zv==", "Zm9=", "Zm+=",
	    "Zm9vYh==", "Z===", "=g==", "Zg=A", "Z=g=", "=AAA", "A=AA", "AA=A",
	    "Zg==Zg==", "Zm8=Zm8=", "A=A="};

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		base64_is(no[i], 99, NULL, 0);
}

/* ---- lists ---- */

static void
a_list_names_1_to_so_many_words_once(void **state)
{
	static const char *const no[] = {NULL, "null", "\"a\"", "[]",
	    "[\"a\",\"b\",\"c\",\"d\"]", "[\"a\",\"a\"]", "[\"a\",\"b\",\"a\"]",
	    "[\"a\",5]", "[\"a\",\"\"]", "[\"a\",\"toolong\"]", "[\"a b\"]",
	    "[[\"a\"]]", "{\"a\":1}", "[\"a\",\"\\u0061\"]"};
	struct words l = {NULL, 0};
	json_t *j = with("[\"a\",\"bb\",\"longer\"]");

	(void)state;
	assert_int_equal(jr_words(j, "m", 3, 6, &l, NULL), ERR_OK);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.w[0], "a");
	assert_string_equal(l.w[1], "bb");
	assert_string_equal(l.w[2], "longer");
	words_done(&l);
	assert_null(l.w);
	assert_int_equal(l.n, 0);
	words_done(&l);
	json_decref(j);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct why why = {""};

		j = with(no[i]);
		names_it(jr_words(j, "m", 3, 6, &l, &why), &why, no[i]);
		words_done(&l);
		json_decref(j);
	}
}

static void
words_are_found_octet_for_octet(void **state)
{
	static const char *const no[] = {"", "a", "b", "ab", "alicex", "Alice",
	    "alice "};
	json_t *j = with("[\"alice\",\"bob\"]");
	struct words l = {NULL, 0};
	struct rd r;

	(void)state;
	assert_int_equal(jr_words(j, "m", 3, 6, &l, NULL), ERR_OK);
	rd_init(&r, "alice", 5);
	assert_true(words_have(&l, r));
	rd_init(&r, "bob", 3);
	assert_true(words_have(&l, r));
	rd_init(&r, "bob\0", 4);
	assert_false(words_have(&l, r));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		rd_init(&r, no[i], strlen(no[i]));
		assert_false(words_have(&l, r));
	}
	words_done(&l);
	assert_false(words_have(&l, r));
	json_decref(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_json_is_null_with_a_reason),
	    cmocka_unit_test(a_member_that_stands_there_twice_is_said_to),
	    cmocka_unit_test(only_known_members_are_let_through),
	    cmocka_unit_test(times_are_of_the_one_form),
	    cmocka_unit_test(numbers_are_integers_within_their_bounds),
	    cmocka_unit_test(truth_is_true_or_false),
	    cmocka_unit_test(a_word_is_printable_ascii_without_blanks),
	    cmocka_unit_test(a_word_has_1_to_as_many_characters_as_are_said),
	    cmocka_unit_test(hex_is_in_lower_case_and_of_the_length),
	    cmocka_unit_test(base64_gives_octets),
	    cmocka_unit_test(base64_is_bounded),
	    cmocka_unit_test(base64_of_another_form_is_malformed),
	    cmocka_unit_test(base64_has_one_spelling),
	    cmocka_unit_test(a_list_names_1_to_so_many_words_once),
	    cmocka_unit_test(words_are_found_octet_for_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
