#include <string.h>

#include "appliance/hi2_profiles.h"
#include "help.h"

/* Two LEMFs; the first is what is changed to be wrong. */
static struct hi2_settings settings;

static int
set_up(void **state)
{
	(void)state;
	settings = (struct hi2_settings){.n_lemfs = 2};
	settings.lemf[0] = (struct lemf_settings){.name = str("north"),
	    .profile = str("etsi"),
	    .n_options = 2,
	    .option = {{str("operator_id"), str("operator-north")},
		{str("alt_operator_id"), str("nrth")}}};
	settings.lemf[1] = (struct lemf_settings){.name = str("south"),
	    .profile = str("etsi-form1"),
	    .n_options = 1,
	    .option = {{str("operator_id"), str("sth")}}};
	return 0;
}

static void
refused(const char *says)
{
	struct hi2_profiles p, before;
	struct why why = {""};

	memset(&p, 0x5a, sizeof(p));
	before = p;
	assert_int_equal(hi2_profiles_read(&settings, &p, &why), ERR_MALFORMED);
	assert_memory_equal(&p, &before, sizeof(p));
	if (strstr(why.text, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, says);
}

static void
each_lemf_has_its_profile(void **state)
{
	struct hi2_profiles p;
	struct why why = {""};
	const struct iri_profile *of;
	bool known = false;

	(void)state;
	assert_int_equal(hi2_profiles_read(&settings, &p, &why), ERR_OK);
	of = hi2_profile_of(&p, str("south"), &known);
	assert_true(known);
	assert_int_equal(of->form, IRI_FORM_CONTENT);
	assert_string_equal(of->operator_id, "sth");
	of = hi2_profile_of(&p, str("north"), &known);
	assert_true(known);
	assert_int_equal(of->form, IRI_FORM_PARAMETERS);
	assert_string_equal(of->alt_operator_id, "nrth");
}

static void
an_unknown_lemf_gets_etsi_of_this_operator(void **state)
{
	struct hi2_profiles p;
	struct why why = {""};
	const struct iri_profile *of;
	bool known = true;

	(void)state;
	assert_int_equal(hi2_profiles_read(&settings, &p, &why), ERR_OK);
	of = hi2_profile_of(&p, str("nort"), &known);
	assert_false(known);
	assert_int_equal(of->form, IRI_FORM_PARAMETERS);
	assert_string_equal(of->operator_id, "operator-north");
	assert_string_equal(of->alt_operator_id, "nrth");
	/* None of whom to take them. */
	settings.n_lemfs = 0;
	assert_int_equal(hi2_profiles_read(&settings, &p, &why), ERR_OK);
	of = hi2_profile_of(&p, str("north"), &known);
	assert_false(known);
	assert_string_equal(of->operator_id, "unknown");
	assert_int_equal(iri_profile_check(of, &why), ERR_OK);
}

static void
mistakes_name_the_lemf(void **state)
{
	static char longest[MAX_NAME + 1], option[255];

	(void)state;
	settings.lemf[0].profile = str("etsy");
	refused("lemf north");
	(void)set_up(state);
	settings.lemf[1].option[0].name = str("operator");
	refused("lemf south");
	(void)set_up(state);
	settings.lemf[1].option[0].value = str("no longer an id");
	refused("lemf south");
	(void)set_up(state);
	settings.lemf[1].n_options = 0; /* operator_id is not set */
	refused("lemf south");
	(void)set_up(state);
	memset(option, 'x', sizeof(option));
	rd_init(&settings.lemf[0].option[0].value, option, sizeof(option));
	refused("lemf north");
	(void)set_up(state);
	memset(longest, 'x', sizeof(longest));
	rd_init(&settings.lemf[0].name, longest, sizeof(longest));
	refused("name");
	settings.lemf[0].name = str("");
	refused("name");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(each_lemf_has_its_profile, set_up),
	    cmocka_unit_test_setup(an_unknown_lemf_gets_etsi_of_this_operator,
		set_up),
	    cmocka_unit_test_setup(mistakes_name_the_lemf, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
