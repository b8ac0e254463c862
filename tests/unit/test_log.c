#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "help.h"

/* Standard error as a packet pipe: each write(2) is read by itself. */
static int saved = -1, reader = -1;

static void
capture(void)
{
	int p[2];

	assert_int_equal(pipe2(p, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	saved = dup(STDERR_FILENO);
	assert_int_not_equal(saved, -1);
	assert_int_equal(dup2(p[1], STDERR_FILENO), STDERR_FILENO);
	close(p[1]);
	reader = p[0];
}

/* The next write as text; false when there was none. */
static bool
next_write(char *out, size_t cap)
{
	const ssize_t n = read(reader, out, cap - 1);

	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

static void
release(void)
{
	(void)dup2(saved, STDERR_FILENO);
	close(saved);
	close(reader);
	saved = reader = -1;
}

static int
set_up(void **state)
{
	(void)state;
	log_init("unit", LOG_LVL_DEBUG);
	capture();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	release();
	return 0;
}

/* One write, one line, its head as it must be; returns what is behind it. */
static const char *
line_after_head(char *line, size_t cap)
{
	char head[64];
	size_t n;

	assert_true(next_write(line, cap));
	n = strlen(line);
	assert_true(n > 0 && line[n - 1] == '\n');
	line[n - 1] = '\0';
	assert_null(strchr(line, '\n'));
	assert_null(strchr(line, '\r'));
	(void)snprintf(head, sizeof(head), "unit[%d]: ", (int)getpid());
	assert_int_equal(strncmp(line, head, strlen(head)), 0);
	return line + strlen(head);
}

static void
nothing_more(void)
{
	char line[2048];

	assert_false(next_write(line, sizeof(line)));
}

static void
each_level_names_itself(void **state)
{
	char line[2048];

	(void)state;
	log_error("a %d", 1);
	log_warning("b %s", "two");
	log_info("c");
	log_debug("d");
	assert_string_equal(line_after_head(line, sizeof(line)), "error: a 1");
	assert_string_equal(line_after_head(line, sizeof(line)),
	    "warning: b two");
	assert_string_equal(line_after_head(line, sizeof(line)), "c");
	assert_string_equal(line_after_head(line, sizeof(line)), "d");
	nothing_more();
}

static void
what_is_above_the_level_is_not_written(void **state)
{
	void (*const say[])(const char *, ...) = {log_error, log_warning,
	    log_info, log_debug};
	char line[2048];

	(void)state;
	for (int most = LOG_LVL_ERROR; most <= LOG_LVL_DEBUG; most++) {
		log_init("unit", (enum log_level)most);
		for (int l = LOG_LVL_ERROR; l <= LOG_LVL_DEBUG; l++) {
			say[l]("x");
			if (l <= most)
				(void)line_after_head(line, sizeof(line));
			nothing_more();
		}
	}
}

static void
a_message_with_line_ends_is_one_line(void **state)
{
	char line[2048];
	const char *p;

	(void)state;
	log_error("first\nunit[1]: error: forged\r\nlast\n");
	p = line_after_head(line, sizeof(line));
	assert_non_null(strstr(p, "first"));
	assert_non_null(strstr(p, "forged"));
	assert_non_null(strstr(p, "last"));
	nothing_more();
	log_info("%s", "from\nan argument\r");
	p = line_after_head(line, sizeof(line));
	assert_non_null(strstr(p, "an argument"));
	nothing_more();
}

static void
a_message_of_any_length_is_one_write_with_one_line_end(void **state)
{
	static char big[8192], line[16384];

	(void)state;
	for (size_t n = 0; n < sizeof(big); n += n < 1100 ? 1 : 997) {
		const char *p;

		memset(big, 'x', n);
		big[n] = '\0';
		log_info("%s", big);
		p = line_after_head(line, sizeof(line));
		assert_true(strlen(p) <= n);
		assert_int_equal(strspn(p, "x"), strlen(p));
		if (n <= 512)
			assert_int_equal(strlen(p), n);
		nothing_more();
	}
}

/* Line ends where the cut falls do not come through either. */
static void
a_cut_message_of_line_ends_is_still_one_line(void **state)
{
	static char big[4096], line[8192];

	(void)state;
	memset(big, '\n', sizeof(big) - 1);
	log_info("%s", big);
	(void)line_after_head(line, sizeof(line));
	nothing_more();
}

static void
limited_lines_stop_at_the_burst_and_are_counted(void **state)
{
	struct log_limit l = {0};
	char line[2048];

	(void)state;
	for (int i = 0; i < 20; i++)
		log_limited(&l, 3, "often %d", i);
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "often 0"));
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "often 1"));
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "often 2"));
	nothing_more();
	/* ten seconds later */
	l.window_start -= 10;
	log_limited(&l, 3, "often again");
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "17"));
	assert_non_null(
	    strstr(line_after_head(line, sizeof(line)), "often again"));
	nothing_more();
	for (int i = 0; i < 20; i++)
		log_limited(&l, 3, "often %d", i);
	(void)line_after_head(line, sizeof(line));
	(void)line_after_head(line, sizeof(line));
	nothing_more();
}

static void
a_window_in_which_nothing_was_left_out_says_nothing_of_it(void **state)
{
	struct log_limit l = {0};
	char line[2048];

	(void)state;
	for (int i = 0; i < 3; i++) {
		log_limited(&l, 2, "one");
		log_limited(&l, 2, "two");
		assert_non_null(
		    strstr(line_after_head(line, sizeof(line)), "one"));
		assert_non_null(
		    strstr(line_after_head(line, sizeof(line)), "two"));
		nothing_more();
		l.window_start -= 10;
	}
}

static void
each_limit_counts_for_itself(void **state)
{
	struct log_limit a = {0}, b = {0};
	char line[2048];

	(void)state;
	log_limited(&a, 1, "a");
	log_limited(&a, 1, "a");
	log_limited(&b, 1, "b");
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "a"));
	assert_non_null(strstr(line_after_head(line, sizeof(line)), "b"));
	nothing_more();
}

static void
fatal_says_why_and_ends_with_70(void **state)
{
	char line[2048], want[64];
	int status = 0;
	pid_t p;

	(void)state;
	if ((p = fork()) == 0)
		fatal("broken: %d", 5);
	assert_int_not_equal(p, -1);
	assert_int_equal(waitpid(p, &status, 0), p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
	assert_true(next_write(line, sizeof(line)));
	(void)snprintf(want, sizeof(want), "unit[%d]: error: broken: 5\n",
	    (int)p);
	assert_string_equal(line, want);
	nothing_more();
}

static void
logging_to_a_closed_standard_error_does_no_harm(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	log_error("nobody hears this");
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
}

/* ---- log_escape ---- */

static void
printable_ascii_stays_and_the_rest_becomes_hex(void **state)
{
	char out[16], want[16];

	(void)state;
	for (int c = 0; c < 256; c++) {
		const uint8_t b = (uint8_t)c;

		if (c >= 0x20 && c < 0x7f && c != '\\')
			(void)snprintf(want, sizeof(want), "%c", c);
		else
			(void)snprintf(want, sizeof(want), "\\x%02x", c);
		assert_ptr_equal(log_escape(&b, 1, out, sizeof(out)), out);
		assert_string_equal(out, want);
	}
	assert_string_equal(log_escape("", 0, out, sizeof(out)), "");
	assert_string_equal(log_escape(NULL, 0, out, sizeof(out)), "");
}

/* What was escaped cannot be told from an escape that was sent. */
static void
an_escape_that_was_sent_is_escaped_itself(void **state)
{
	char out[32];

	(void)state;
	assert_string_equal(log_escape("\\x0a", 4, out, sizeof(out)),
	    "\\x5cx0a");
}

static void
no_buffer_is_run_over_and_no_escape_is_cut(void **state)
{
	static const char in[] = "ab\ncd\x1b[31m\xff\xfe\\end";
	char out[64], whole[64];

	(void)state;
	(void)log_escape(in, sizeof(in) - 1, whole, sizeof(whole));
	assert_string_equal(whole, "ab\\x0acd\\x1b[31m\\xff\\xfe\\x5cend");
	for (size_t cap = 1; cap < sizeof(out); cap++) {
		size_t n;

		memset(out, '#', sizeof(out));
		(void)log_escape(in, sizeof(in) - 1, out, cap);
		n = strlen(out);
		assert_true(n < cap);
		for (size_t i = cap; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
		assert_int_equal(strncmp(whole, out, n), 0);
		/* a backslash has its three characters behind it */
		for (size_t i = 0; i < n; i++)
			if (out[i] == '\\')
				assert_true(i + 3 < n);
	}
}

#define WITH_STDERR(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STDERR(each_level_names_itself),
	    WITH_STDERR(what_is_above_the_level_is_not_written),
	    WITH_STDERR(a_message_with_line_ends_is_one_line),
	    WITH_STDERR(a_message_of_any_length_is_one_write_with_one_line_end),
	    WITH_STDERR(a_cut_message_of_line_ends_is_still_one_line),
	    WITH_STDERR(limited_lines_stop_at_the_burst_and_are_counted),
	    WITH_STDERR(
		a_window_in_which_nothing_was_left_out_says_nothing_of_it),
	    WITH_STDERR(each_limit_counts_for_itself),
	    WITH_STDERR(fatal_says_why_and_ends_with_70),
	    WITH_STDERR(logging_to_a_closed_standard_error_does_no_harm),
	    cmocka_unit_test(printable_ascii_stays_and_the_rest_becomes_hex),
	    cmocka_unit_test(an_escape_that_was_sent_is_escaped_itself),
	    cmocka_unit_test(no_buffer_is_run_over_and_no_escape_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
