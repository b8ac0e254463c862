/* iri_profile: names, options from text, and what a check refuses. */
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "hi2/iri_profile.h"

static struct iri_profile
etsi(void)
{
	struct iri_profile p;

	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	return p;
}

static void
named_profiles_are_what_their_sheets_say(void **state)
{
	struct iri_profile p;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(p.form, IRI_FORM_PARAMETERS);
	assert_int_equal(p.ps_version, 43);
	assert_int_equal(p.hi2_release, 15);
	assert_int_equal(p.hi2_version, 5);
	assert_int_equal(p.header_time, IRI_HEADER_BOTH);
	assert_int_equal(p.umts_time, IRI_UMTS_LOCAL);
	assert_int_equal(p.qualifier, IRI_QUALIFIER_NONE);
	assert_string_equal(p.authorization_country, "--");
	assert_string_equal(p.delivery_country, "");
	assert_string_equal(p.operator_id, "");
	assert_string_equal(p.alt_operator_id, "");
	assert_string_equal(p.network_element_id, "");
	assert_string_equal(p.interception_point, "");
	assert_int_equal(iri_profile_named("etsi-form1", &p), ERR_OK);
	assert_int_equal(p.form, IRI_FORM_CONTENT);
	assert_string_equal(p.authorization_country, "--");
	assert_int_equal(iri_profile_named("de", &p), ERR_OK);
	assert_string_equal(p.authorization_country, "DE");
	assert_int_equal(iri_profile_named("nl", &p), ERR_OK);
	assert_string_equal(p.authorization_country, "NL");
	assert_int_equal(p.form, IRI_FORM_PARAMETERS);
}

static void
every_named_profile_lacks_only_the_operator(void **state)
{
	const char *name;
	size_t n = 0;

	(void)state;
	for (; (name = iri_profile_name(n)) != NULL; n++) {
		struct iri_profile p;
		struct why why = {""};

		assert_int_equal(iri_profile_named(name, &p), ERR_OK);
		assert_int_equal(iri_profile_check(&p, &why), ERR_MALFORMED);
		assert_non_null(strstr(why.text, "operator_id"));
		assert_int_equal(iri_profile_set(&p, "operator_id", "OP", &why),
		    ERR_OK);
		assert_int_equal(iri_profile_check(&p, &why), ERR_OK);
	}
	assert_int_equal(n, 4);
	assert_null(iri_profile_name(n + 1));
}

static void
an_unknown_name_changes_nothing(void **state)
{
	static const char *const bad[] = {"", "ETSI", "etsi ", "etsi-form2",
	    "fr"};
	struct iri_profile p = etsi(), before = p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(iri_profile_named(bad[i], &p), ERR_NOTFOUND);
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

/* What each option takes and does not take; a bar between. */
static const struct {
	const char *option, *good[8], *bad[12];
} rows[] = {
    {"form", {"parameters", "content"},
	{"", "0", "1", "Parameters", "content ", "contents"}},
    {"ps_version", {"40", "43"}, {"", "41", "43 ", "043", "403", "4"}},
    {"hi2_domain", {"r15v5", "r16v1"},
	{"", "r15v1", "r16v5", "15.5", "r15v5 ", "R15v5"}},
    {"header_time", {"generalized", "microsecond", "both"},
	{"", "none", "generalised", "Both", "both "}},
    {"umts_time", {"local", "utc"}, {"", "UTC", "local ", "gmt"}},
    {"time_qualifier", {"unknown", "interception", "mediation", "aggregation"},
	{"0", "Unknown", "interception ", "none"}},
    {"authorization_country", {"DE", "NL", "--", "AZ"},
	{"", "de", "D", "DEU", "D-", "-D", "D1", "[]", "NA\n"}},
    {"delivery_country", {"DE", "--"}, {"de", "D", "DEU", "-D", "@A"}},
    {"operator_id", {"1", "0123456789abcdef", "!~"},
	{"", "0123456789abcdefg", "a b", "a\n", "a\x7f", "\xc3\xa4"}},
    {"alt_operator_id", {"1", "12345"}, {"123456", "a b", "\xc3\xa4"}},
    {"network_element_id", {"1", "0123456789abcdef"},
	{"0123456789abcdefg", "a b", "a\t"}},
    {"interception_point", {"1", "'()+,-./", ":=? Az09"},
	{"123456789", "a_b", "a@b", "a*", "\xc3\xa4", "a\n"}},
};

static void
options_take_what_they_say(void **state)
{
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(iri_profile_option(i), rows[i].option);
		for (size_t k = 0; k < 8 && rows[i].good[k] != NULL; k++) {
			struct iri_profile p = etsi();

			assert_int_equal(iri_profile_set(&p, rows[i].option,
					     rows[i].good[k], &why),
			    ERR_OK);
			if (strlen(p.operator_id) > 5)
				assert_int_equal(iri_profile_set(&p,
						     "alt_operator_id", "1",
						     &why),
				    ERR_OK);
			assert_int_equal(iri_profile_check(&p, &why), ERR_OK);
		}
	}
	assert_null(iri_profile_option(sizeof(rows) / sizeof(rows[0])));
}

static void
options_refuse_the_rest_and_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < 12 && rows[i].bad[k] != NULL; k++) {
			struct iri_profile p = etsi(), before = p;
			struct why why = {""};

			if (iri_profile_set(&p, rows[i].option, rows[i].bad[k],
				&why) != ERR_MALFORMED)
				fail_msg("%s takes \"%s\"", rows[i].option,
				    rows[i].bad[k]);
			assert_memory_equal(&p, &before, sizeof(p));
			assert_int_equal(strncmp(why.text, rows[i].option,
					     strlen(rows[i].option)),
			    0);
			assert_int_equal(iri_profile_set(&p, rows[i].option,
					     rows[i].bad[k], NULL),
			    ERR_MALFORMED);
		}
}

static void
an_unknown_option_is_not_found(void **state)
{
	static const char *const bad[] = {"", "forms", "Form", "operator",
	    "operatorid"};
	struct iri_profile p = etsi(), before = p;
	struct why why = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(iri_profile_set(&p, bad[i], "40", &why),
		    ERR_NOTFOUND);
		assert_true(why.text[0] != '\0');
		assert_memory_equal(&p, &before, sizeof(p));
	}
}

/* The values arrive where they belong, and a shorter text leaves no rest. */
static void
options_reach_their_field(void **state)
{
	static const char *const option[] = {"form", "ps_version", "hi2_domain",
	    "header_time", "umts_time", "time_qualifier",
	    "authorization_country", "delivery_country", "operator_id",
	    "alt_operator_id", "network_element_id", "interception_point"};
	static const char *const value[] = {"content", "40", "r16v1",
	    "microsecond", "utc", "mediation", "FR", "BE", "operator-16-long",
	    "alt-5", "element-16-chars", "point-8."};
	struct iri_profile p = etsi();

	(void)state;
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(iri_profile_set(&p, option[i], value[i], NULL),
		    ERR_OK);
	assert_int_equal(p.form, IRI_FORM_CONTENT);
	assert_int_equal(p.ps_version, 40);
	assert_int_equal(p.hi2_release, 16);
	assert_int_equal(p.hi2_version, 1);
	assert_int_equal(p.header_time, IRI_HEADER_MICROSECOND);
	assert_int_equal(p.umts_time, IRI_UMTS_UTC);
	assert_int_equal(p.qualifier, IRI_QUALIFIER_MEDIATION);
	assert_string_equal(p.authorization_country, "FR");
	assert_string_equal(p.delivery_country, "BE");
	assert_string_equal(p.operator_id, "operator-16-long");
	assert_string_equal(p.alt_operator_id, "alt-5");
	assert_string_equal(p.network_element_id, "element-16-chars");
	assert_string_equal(p.interception_point, "point-8.");
	assert_string_equal(iri_profile_alt_operator(&p), "alt-5");
	for (size_t i = 7; i < 12; i++)
		if (i != 8)
			assert_int_equal(iri_profile_set(&p, option[i], "",
					     NULL),
			    ERR_OK);
	assert_int_equal(iri_profile_set(&p, "time_qualifier", "", NULL),
	    ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "A", NULL), ERR_OK);
	assert_string_equal(p.delivery_country, "");
	assert_string_equal(p.operator_id, "A");
	assert_string_equal(p.alt_operator_id, "");
	assert_string_equal(p.network_element_id, "");
	assert_string_equal(p.interception_point, "");
	assert_int_equal(p.qualifier, IRI_QUALIFIER_NONE);
	assert_string_equal(iri_profile_alt_operator(&p), "A");
}

static void
a_long_operator_needs_a_short_one(void **state)
{
	struct iri_profile p = etsi();
	struct why why = {""};

	(void)state;
	assert_int_equal(iri_profile_set(&p, "operator_id", "12345", &why),
	    ERR_OK);
	assert_int_equal(iri_profile_check(&p, &why), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "123456", &why),
	    ERR_OK);
	assert_int_equal(iri_profile_check(&p, &why), ERR_MALFORMED);
	assert_non_null(strstr(why.text, "alt_operator_id"));
	assert_int_equal(iri_profile_set(&p, "alt_operator_id", "12345", &why),
	    ERR_OK);
	assert_int_equal(iri_profile_check(&p, &why), ERR_OK);
}

/* A struct that did not come from text. */
static void
a_check_refuses_each_field_out_of_range(void **state)
{
	const struct iri_profile good = etsi();
	struct iri_profile p;
	struct why why;

	(void)state;
#define REFUSED(field, value, name) \
	do { \
		p = good; \
		p.field = (value); \
		assert_int_equal(iri_profile_check(&p, &why), ERR_MALFORMED); \
		assert_non_null(strstr(why.text, name)); \
	} while (0)
	REFUSED(form, (enum iri_form)2, "form");
	REFUSED(ps_version, 0, "ps_version");
	REFUSED(ps_version, 42, "ps_version");
	REFUSED(hi2_release, 16, "hi2_domain");
	REFUSED(hi2_version, 0, "hi2_domain");
	REFUSED(hi2_version, 1, "hi2_domain");
	REFUSED(header_time, (enum iri_header_time)0, "header_time");
	REFUSED(header_time, (enum iri_header_time)4, "header_time");
	REFUSED(umts_time, (enum iri_umts_time)2, "umts_time");
	REFUSED(qualifier, (enum iri_qualifier) - 2, "time_qualifier");
	REFUSED(qualifier, (enum iri_qualifier)4, "time_qualifier");
	REFUSED(authorization_country[0], '\0', "authorization_country");
	REFUSED(authorization_country[1], 'a', "authorization_country");
	REFUSED(authorization_country[2], 'A', "authorization_country");
	REFUSED(delivery_country[0], 'A', "delivery_country");
	REFUSED(operator_id[0], '\0', "operator_id");
	REFUSED(operator_id[1], ' ', "operator_id");
	REFUSED(alt_operator_id[0], ' ', "alt_operator_id");
	REFUSED(network_element_id[0], '\x1f', "network_element_id");
	REFUSED(interception_point[0], '_', "interception_point");
#undef REFUSED
	/* No end within the field. */
	p = good;
	memset(p.operator_id, 'a', sizeof(p.operator_id));
	assert_int_equal(iri_profile_check(&p, NULL), ERR_MALFORMED);
	p = good;
	memset(p.alt_operator_id, 'a', sizeof(p.alt_operator_id));
	assert_int_equal(iri_profile_check(&p, NULL), ERR_MALFORMED);
	p = good;
	memset(p.network_element_id, 'a', sizeof(p.network_element_id));
	assert_int_equal(iri_profile_check(&p, NULL), ERR_MALFORMED);
	p = good;
	memset(p.interception_point, 'a', sizeof(p.interception_point));
	assert_int_equal(iri_profile_check(&p, NULL), ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(named_profiles_are_what_their_sheets_say),
	    cmocka_unit_test(every_named_profile_lacks_only_the_operator),
	    cmocka_unit_test(an_unknown_name_changes_nothing),
	    cmocka_unit_test(options_take_what_they_say),
	    cmocka_unit_test(options_refuse_the_rest_and_change_nothing),
	    cmocka_unit_test(an_unknown_option_is_not_found),
	    cmocka_unit_test(options_reach_their_field),
	    cmocka_unit_test(a_long_operator_needs_a_short_one),
	    cmocka_unit_test(a_check_refuses_each_field_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
