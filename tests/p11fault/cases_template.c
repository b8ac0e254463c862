/* cases_template: keys that do not come out as asked, points without DER. */
#include <string.h>

#include "lab.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* A secret key that is asked to be sensitive and not extractable. */
static CK_OBJECT_HANDLE
asked_for(CK_SESSION_HANDLE s)
{
	CK_MECHANISM m = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
	CK_ULONG len = LAB_MAC_KEY;
	CK_ATTRIBUTE t[] = {{CKA_TOKEN, &no, sizeof(no)},
	    {CKA_SENSITIVE, &yes, sizeof(yes)},
	    {CKA_EXTRACTABLE, &no, sizeof(no)},
	    {CKA_VALUE_LEN, &len, sizeof(len)}};
	CK_OBJECT_HANDLE o;

	assert_rv(p11->C_GenerateKey(s, &m, t, 4, &o), CKR_OK);
	assert_int_equal(no, CK_FALSE);
	assert_int_equal(yes, CK_TRUE);
	return o;
}

static bool
is(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL v = 99;
	CK_ATTRIBUTE a = {type, &v, sizeof(v)};

	assert_rv(p11->C_GetAttributeValue(s, o, &a, 1), CKR_OK);
	return v == CK_TRUE;
}

static void
a_template_is_changed_where_the_script_says_so(void **state)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE o;

	(void)state;
	assert_rv(lab_begin("C_GenerateKey nth=1 set-yes=CKA_EXTRACTABLE\n"
			    "C_GenerateKey nth=2 set-no=CKA_SENSITIVE\n"
			    "C_GenerateKey nth=3 drop=CKA_SENSITIVE\n"),
	    CKR_OK);
	s = lab_user();
	o = asked_for(s);
	assert_true(is(s, o, CKA_EXTRACTABLE) && is(s, o, CKA_SENSITIVE));
	o = asked_for(s);
	assert_true(!is(s, o, CKA_EXTRACTABLE) && !is(s, o, CKA_SENSITIVE));
	(void)asked_for(s);
	o = asked_for(s);
	assert_true(!is(s, o, CKA_EXTRACTABLE) && is(s, o, CKA_SENSITIVE));
}

static void
a_point_is_raw_both_ways(void **state)
{
	CK_BYTE der[P256_POINT + 2], raw[P256_POINT + 2];
	CK_ATTRIBUTE a = {CKA_EC_POINT, raw, sizeof(raw)};
	static const CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	    0x03, 0x01, 0x07};
	CK_OBJECT_HANDLE pub, priv, z;
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("* always point-raw\n"), CKR_OK);
	s = lab_user();
	assert_rv(lab_pair_of(s, p256, sizeof(p256), &pub, &priv), CKR_OK);
	assert_rv(p11->C_GetAttributeValue(s, pub, &a, 1), CKR_OK);
	assert_int_equal(a.ulValueLen, P256_POINT);
	assert_int_equal(raw[0], 0x04);
	assert_rv(lab_derive(s, priv, raw, P256_POINT, &z), CKR_OK);
	der[0] = 0x04;
	der[1] = P256_POINT;
	memcpy(der + 2, raw, P256_POINT);
	assert_rv(lab_derive(s, priv, der, sizeof(der), &z),
	    CKR_MECHANISM_PARAM_INVALID);
}

static void
a_token_calls_itself_another_model(void **state)
{
	CK_TOKEN_INFO i;

	(void)state;
	assert_rv(lab_begin("C_GetTokenInfo always model=7\n"), CKR_OK);
	assert_rv(p11->C_GetTokenInfo(lab_slot(), &i), CKR_OK);
	assert_memory_equal(i.model, "Model 7         ", sizeof(i.model));
	assert_memory_equal(i.manufacturerID, "p11fault ", 9);
}

static void
a_name_that_is_no_attribute_is_an_error(void **state)
{
	(void)state;
	assert_rv(lab_begin("* always set-yes=CKA_NONSENSE\n"),
	    CKR_GENERAL_ERROR);
	assert_rv(lab_begin("C_Sign always drop=CKA_SENSITIVE\n"),
	    CKR_GENERAL_ERROR);
}

int
template_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		a_template_is_changed_where_the_script_says_so, lab_end),
	    cmocka_unit_test_teardown(a_point_is_raw_both_ways, lab_end),
	    cmocka_unit_test_teardown(a_token_calls_itself_another_model,
		lab_end),
	    cmocka_unit_test_teardown(a_name_that_is_no_attribute_is_an_error,
		lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
