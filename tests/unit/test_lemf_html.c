/* lemf/html: text from outside stays text. */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "lemf/html.h"

typedef void (*put_fn)(FILE *, struct rd);

/* What is written of these octets must be `want`. */
static void
written(put_fn put, const void *in, size_t len, const char *want)
{
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct rd r;

	assert_non_null(f);
	assert_non_null(copy);
	memcpy(copy, in, len);
	rd_init(&r, copy, len);
	put(f, r);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(out, want);
	free(copy);
	free(out);
}

static void
is_text(const char *in, const char *want)
{
	written(html_text, in, strlen(in), want);
}

static void
markup_is_text(void **state)
{
	(void)state;
	is_text("<script>alert('x')</script>",
	    "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
	is_text("\" onload=\"x", "&quot; onload=&quot;x");
	is_text("a&amp;b&#60;", "a&amp;amp;b&amp;#60;");
	is_text("]]>--><!--", "]]&gt;--&gt;&lt;!--");
	is_text("javascript:alert(1)", "javascript:alert(1)");
}

static void
letters_of_all_scripts_stay(void **state)
{
	(void)state;
	is_text("M\u00fcller \u0416 \u5f20 \U0001f600 \u05d0",
	    "M\u00fcller \u0416 \u5f20 \U0001f600 \u05d0");
}

static void
what_hides_or_turns_is_shown_by_octets(void **state)
{
	(void)state;
	is_text("a\x01\x1b[31m\x7f", "a\\x01\\x1b[31m\\x7f");
	is_text("\r\n\t", "\\x0d\\x0a\\x09");
	is_text("\u202egpj.exe", "\\xe2\\x80\\xaegpj.exe");
	is_text("\u2066x\u200b\ufeff",
	    "\\xe2\\x81\\xa6x\\xe2\\x80\\x8b\\xef\\xbb\\xbf");
	is_text("\u00a0\u00ad", "\u00a0\\xc2\\xad");
	is_text("\ue000\U000e0041", "\\xee\\x80\\x80\\xf3\\xa0\\x81\\x81");
	written(html_text, "a\0b", 3, "a\\x00b");
}

static void
what_is_no_utf8_is_shown_by_octets(void **state)
{
	static const char *const bad[][2] = {{"\x80", "\\x80"},
	    {"\xff\xfe", "\\xff\\xfe"}, {"\xc3", "\\xc3"},
	    {"\xc3<", "\\xc3&lt;"}, {"\xe2\x82", "\\xe2\\x82"},
	    {"\xc0\xbc", "\\xc0\\xbc"}, /* < in two octets */
	    {"\xe0\x80\xbc", "\\xe0\\x80\\xbc"},
	    {"\xf0\x80\x80\xbc", "\\xf0\\x80\\x80\\xbc"},
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
	    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	    {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_text(bad[i][0], bad[i][1]);
}

static void
lines_stay_lines(void **state)
{
	static const char in[] = "INVITE <a>\r\nTo: b\n\r\tc\rd\r";

	(void)state;
	written(html_lines, in, strlen(in),
	    "INVITE &lt;a&gt;\nTo: b\n\\x0d\tc\\x0dd\\x0d");
}

static void
put_short(FILE *f, struct rd in)
{
	html_short(f, in, 4);
}

static void
what_is_long_is_cut_between_characters(void **state)
{
	(void)state;
	written(put_short, "abcd", 4, "abcd");
	written(put_short, "abcde", 5, "abcd\u2026");
	written(put_short, "\u00fc\u00fc\u00fc\u00fc\u00fc", 10,
	    "\u00fc\u00fc\u00fc\u00fc\u2026");
	written(put_short, "<<<<<", 5, "&lt;&lt;&lt;&lt;\u2026");
}

/* In pieces of any length, as one. */
static void
base64(FILE *f, struct rd in)
{
	for (size_t piece = 1; piece <= 4; piece++) {
		struct html_base64 b = {.f = f};
		struct rd all = in, part;

		while (all.left > 0) {
			assert_int_equal(rd_view(&all,
					     all.left < piece ? all.left
							      : piece,
					     &part),
			    ERR_OK);
			assert_int_equal(html_base64_put(&b, part.p, part.left),
			    ERR_OK);
		}
		html_base64_end(&b);
		(void)fputc(' ', f);
	}
}

/* RFC 4648 clause 10. */
static void
base64_is_that_of_rfc4648(void **state)
{
	(void)state;
	written(base64, "", 0, "    ");
	written(base64, "f", 1, "Zg== Zg== Zg== Zg== ");
	written(base64, "fo", 2, "Zm8= Zm8= Zm8= Zm8= ");
	written(base64, "foobar", 6, "Zm9vYmFy Zm9vYmFy Zm9vYmFy Zm9vYmFy ");
	written(base64, "\xfb\xff\xfe", 3, "+//+ +//+ +//+ +//+ ");
}

static void
first_of_2026(FILE *f, struct rd in)
{
	(void)in;
	html_time(f, INT64_C(1767225600250000));
}

static void
times_are_utc(void **state)
{
	(void)state;
	written(first_of_2026, "", 0,
	    "<time datetime=\"2026-01-01T00:00:00.250Z\">2026-01-01"
	    " 00:00:00.250 UTC</time>");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(markup_is_text),
	    cmocka_unit_test(letters_of_all_scripts_stay),
	    cmocka_unit_test(what_hides_or_turns_is_shown_by_octets),
	    cmocka_unit_test(what_is_no_utf8_is_shown_by_octets),
	    cmocka_unit_test(lines_stay_lines),
	    cmocka_unit_test(what_is_long_is_cut_between_characters),
	    cmocka_unit_test(base64_is_that_of_rfc4648),
	    cmocka_unit_test(times_are_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
