/* docs/OPERATING.md tells people who may ask and approve: as the code has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "policy/request.h"

#define COLUMNS 6
#define LONGEST 256

struct table {
	char cell[REQUEST__MAX + 1][COLUMNS][LONGEST];
	unsigned n;
};

/* What stands between two bars, without blanks around it and backquotes. */
static void
take_cell(const char *from, const char *to, char out[LONGEST])
{
	size_t n = 0;

	while (from < to && *from == ' ')
		from++;
	while (to > from && to[-1] == ' ')
		to--;
	assert_true(to - from < LONGEST);
	for (; from < to; from++)
		if (*from != '`')
			out[n++] = *from;
	out[n] = '\0';
}

static void
take_row(struct table *t, const char *line, const char *end)
{
	unsigned column = 0;
	const char *bar;

	assert_true(t->n <= REQUEST__MAX);
	for (line++; line < end; line = bar + 1) {
		bar = memchr(line, '|', (size_t)(end - line));
		if (bar == NULL)
			break;
		assert_true(column < COLUMNS);
		take_cell(line, bar, t->cell[t->n][column++]);
	}
	assert_int_equal(column, COLUMNS);
	t->n++;
}

/* The rows of the first table behind the heading, without its own head. */
static int
read_table(void **state)
{
	struct table *t = calloc(1, sizeof(*t));
	size_t len;
	char *text = (char *)slurp(KW_TESTS "/../docs/OPERATING.md", &len);
	const char *at, *end;

	assert_non_null(t);
	text = realloc(text, len + 1);
	assert_non_null(text);
	text[len] = '\0';
	at = strstr(text, "\n### Who may ask for what");
	assert_non_null(at);
	at = strstr(at, "\n|---");
	assert_non_null(at);
	for (at = strchr(at + 1, '\n') + 1; *at == '|'; at = end + 1) {
		end = strchr(at, '\n');
		assert_non_null(end);
		take_row(t, at, end);
	}
	free(text);
	*state = t;
	return 0;
}

static int
drop_table(void **state)
{
	free(*state);
	return 0;
}

static const char *
yes(bool b)
{
	return b ? "yes" : "no";
}

static void
each_kind_has_its_row_as_the_rules_are(void **state)
{
	const struct table *t = *state;
	char asks[LONGEST], need[16];

	assert_int_equal(t->n, REQUEST__MAX);
	for (unsigned i = 0; i < REQUEST__MAX; i++) {
		const struct request_rule *r =
		    request_rule((enum request_kind)i);
		const char(*c)[LONGEST] = t->cell[i];
		size_t n = 0;

		/* The role that approves comes first. */
		if (r->requesters & 1U << r->approver)
			n += (size_t)snprintf(asks, sizeof(asks), "%s",
			    role_name(r->approver));
		for (unsigned k = 0; k < ROLE__MAX; k++)
			if ((r->requesters & 1U << k) && k != r->approver)
				n +=
				    (size_t)snprintf(asks + n, sizeof(asks) - n,
					"%s%s", n == 0 ? "" : ", ",
					role_name((enum role)k));
		(void)snprintf(need, sizeof(need), "%u", r->need);
		assert_string_equal(c[0], r->name);
		assert_string_equal(c[1], asks);
		assert_string_equal(c[2], role_name(r->approver));
		assert_string_equal(c[3], need);
		assert_string_equal(c[4], yes(r->requester_counts));
		assert_string_equal(c[5], yes(r->at_any_time));
	}
}

/* What the text under the table says. */
static void
auditors_ask_for_nothing_and_approve_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REQUEST__MAX; i++) {
		const struct request_rule *r =
		    request_rule((enum request_kind)i);

		assert_false(r->requesters & 1U << ROLE_AUDITOR);
		assert_int_not_equal(r->approver, ROLE_AUDITOR);
		assert_int_not_equal(r->approver, ROLE_ENGINEER);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_has_its_row_as_the_rules_are),
	    cmocka_unit_test(auditors_ask_for_nothing_and_approve_nothing),
	};

	return cmocka_run_group_tests(tests, read_table, drop_table);
}
