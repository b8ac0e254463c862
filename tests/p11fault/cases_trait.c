/* cases_trait: how a token can be, and that two such things hold together. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

static CK_OBJECT_HANDLE
secret(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv, const CK_BYTE *point)
{
	CK_OBJECT_HANDLE z;

	assert_rv(lab_derive(s, priv, point, P256_POINT + 2, &z), CKR_OK);
	return z;
}

static void
a_truncated_secret_has_the_last_octets_only(void **state)
{
	const char *file = lab_path("while");
	CK_BYTE point[P256_POINT + 2], whole[32], cut[32], size[sizeof(long)];
	CK_ATTRIBUTE both[] = {
	    {CKA_VALUE_LEN, size, sizeof(size)},
	    {CKA_VALUE, cut, sizeof(cut)},
	};
	CK_OBJECT_HANDLE priv, z1, z2;
	CK_ULONG len = sizeof(whole);
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("C_DeriveKey while-file=%s truncate-ecdh=20\n",
		      file),
	    CKR_OK);
	s = lab_user();
	priv = lab_pair(s, point);
	z1 = secret(s, priv, point);
	lab_touch(file);
	z2 = secret(s, priv, point);
	assert_int_equal(unlink(file), 0);
	assert_rv(lab_value(s, z1, whole, &len), CKR_OK);
	assert_int_equal(len, 32);
	len = 0;
	assert_rv(lab_value(s, z2, NULL, &len), CKR_OK);
	assert_int_equal(len, 20);
	len = 19;
	assert_rv(lab_value(s, z2, cut, &len), CKR_BUFFER_TOO_SMALL);
	assert_rv(p11->C_GetAttributeValue(s, z2, both, 2), CKR_OK);
	assert_int_equal(both[1].ulValueLen, 20);
	memcpy(&len, size, sizeof(len));
	assert_int_equal(len, 20);
	assert_memory_equal(cut, whole + 12, 20);
	assert_rv(p11->C_DestroyObject(s, z2), CKR_OK);
}

static void
a_point_must_be_an_octet_string(void **state)
{
	CK_BYTE point[P256_POINT + 2], unlucky[P256_POINT], longer[P256_POINT];
	CK_OBJECT_HANDLE priv, z;
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("C_DeriveKey always point-octet-string\n"), CKR_OK);
	s = lab_user();
	priv = lab_pair(s, point);
	assert_rv(lab_derive(s, priv, point + 2, P256_POINT, &z),
	    CKR_MECHANISM_PARAM_INVALID);
	assert_rv(lab_derive(s, priv, point, sizeof(point), &z), CKR_OK);

	/* A raw point whose x begins like a length and another point. */
	memcpy(unlucky, point + 2, sizeof(unlucky));
	unlucky[1] = sizeof(unlucky) - 2;
	unlucky[2] = 0x04;
	assert_rv(lab_derive(s, priv, unlucky, sizeof(unlucky), &z),
	    CKR_MECHANISM_PARAM_INVALID);
	memcpy(longer, point, sizeof(longer));
	assert_rv(lab_derive(s, priv, longer, sizeof(longer), &z),
	    CKR_MECHANISM_PARAM_INVALID);
	assert_rv(lab_derive(s, priv, point, 0, &z),
	    CKR_MECHANISM_PARAM_INVALID);
}

static void
explicit_parameters_are_refused_and_named_curves_are_not(void **state)
{
	/* ECParameters begin so; what follows is never looked at. */
	static const CK_BYTE sequence[] = {0x30, 0x03, 0x02, 0x01, 0x01};
	CK_BYTE point[P256_POINT + 2], copy[sizeof(sequence)];
	CK_ATTRIBUTE a = {CKA_EC_PARAMS, copy, sizeof(copy)};
	CK_OBJECT_HANDLE pub, priv;
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("* always no-explicit-params\n"), CKR_OK);
	s = lab_user();
	assert_rv(lab_pair_of(s, sequence, sizeof(sequence), &pub, &priv),
	    CKR_DOMAIN_PARAMS_INVALID);
	memcpy(copy, sequence, sizeof(copy));
	assert_rv(p11->C_CreateObject(s, &a, 1, &pub),
	    CKR_DOMAIN_PARAMS_INVALID);
	(void)lab_pair(s, point);
}

static void
wait_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&t, NULL);
}

static void
idle_sessions_are_dropped_and_busy_ones_are_not(void **state)
{
	CK_SESSION_HANDLE busy, idle;
	CK_BYTE octet;

	(void)state;
	assert_rv(lab_begin("* always idle-drop=800\n"), CKR_OK);
	busy = lab_session();
	idle = lab_session();
	for (int i = 0; i < 6; i++) {
		wait_ms(200);
		assert_rv(p11->C_GenerateRandom(busy, &octet, 1), CKR_OK);
	}
	assert_rv(p11->C_GenerateRandom(idle, &octet, 1),
	    CKR_SESSION_HANDLE_INVALID);
	idle = lab_session();
	assert_rv(p11->C_GenerateRandom(idle, &octet, 1), CKR_OK);
	wait_ms(900);
	assert_rv(p11->C_GenerateRandom(busy, &octet, 1),
	    CKR_SESSION_HANDLE_INVALID);
}

static unsigned
bits_between(const CK_BYTE *a, const CK_BYTE *b, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += (unsigned)__builtin_popcount(a[i] ^ b[i]);
	return n;
}

static void
a_wrong_secret_is_one_bit_off(void **state)
{
	const char *file = lab_path("while");
	CK_BYTE point[P256_POINT + 2], a[32], b[32], plain[32];
	CK_OBJECT_HANDLE priv, right, wrong, key;
	CK_SESSION_HANDLE s;
	CK_ULONG len = 32;

	(void)state;
	assert_rv(lab_begin("C_DeriveKey while-file=%s wrong-result\n", file),
	    CKR_OK);
	s = lab_user();
	priv = lab_pair(s, point);
	right = secret(s, priv, point);
	lab_touch(file);
	wrong = secret(s, priv, point);
	assert_int_equal(unlink(file), 0);
	assert_rv(lab_value(s, right, a, &len), CKR_OK);
	assert_rv(lab_value(s, wrong, b, &len), CKR_OK);
	assert_int_equal(bits_between(a, b, 32), 1);

	/* A key that does not come from ECDH reads as it is. */
	key = lab_mac_key(s, "thirty-two octets and no zeros..");
	len = sizeof(plain);
	assert_rv(lab_value(s, key, plain, &len), CKR_OK);
	assert_memory_equal(plain, "thirty-two octets and no zeros..", 32);
}

static void
a_wrong_read_is_one_bit_off_and_that_once(void **state)
{
	const char *file = lab_path("once");
	CK_BYTE point[P256_POINT + 2], a[32], b[32], c[32];
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE z;
	CK_ULONG len = 32;

	(void)state;
	assert_rv(lab_begin("C_GetAttributeValue once-file=%s wrong-result\n",
		      file),
	    CKR_OK);
	s = lab_user();
	z = secret(s, lab_pair(s, point), point);
	assert_rv(lab_value(s, z, a, &len), CKR_OK);
	lab_touch(file);
	assert_rv(lab_value(s, z, b, &len), CKR_OK);
	assert_rv(lab_value(s, z, c, &len), CKR_OK);
	assert_int_equal(bits_between(a, b, 32), 1);
	assert_memory_equal(a, c, 32);
}

static void
a_wrong_mac_is_one_bit_off(void **state)
{
	const char *file = lab_path("while");
	CK_MECHANISM m = {CKM_SHA256_HMAC, NULL, 0};
	CK_BYTE a[32], b[32], data[] = {'d', 'a', 't', 'a'};
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s;
	CK_ULONG len = 32;

	(void)state;
	assert_rv(lab_begin("* while-file=%s wrong-result\n", file), CKR_OK);
	s = lab_user();
	key = lab_mac_key(s, "some key of ours");
	assert_rv(lab_mac(s, key, a), CKR_OK);
	lab_touch(file);
	assert_rv(lab_mac(s, key, b), CKR_OK);
	assert_int_equal(bits_between(a, b, 32), 1);
	assert_rv(p11->C_SignInit(s, &m, key), CKR_OK);
	assert_rv(p11->C_SignUpdate(s, data, sizeof(data)), CKR_OK);
	assert_rv(p11->C_SignFinal(s, b, &len), CKR_OK);
	assert_int_equal(bits_between(a, b, 32), 1);
	assert_int_equal(unlink(file), 0);
	assert_rv(lab_mac(s, key, b), CKR_OK);
	assert_memory_equal(a, b, 32);
}

static bool
listed(CK_MECHANISM_TYPE m, CK_ULONG *n)
{
	CK_MECHANISM_TYPE list[256];
	bool found = false;

	*n = 256;
	assert_rv(p11->C_GetMechanismList(lab_slot(), list, n), CKR_OK);
	for (CK_ULONG i = 0; i < *n; i++)
		found = found || list[i] == m;
	return found;
}

static void
a_missing_mechanism_is_nowhere(void **state)
{
	CK_MECHANISM_TYPE list[256];
	CK_MECHANISM_INFO info;
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s;
	CK_ULONG n_all, n, size;
	CK_BYTE mac[32];

	(void)state;
	assert_rv(lab_begin("%s", ""), CKR_OK);
	assert_true(listed(CKM_SHA256_HMAC, &n_all));
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	assert_rv(lab_begin("* always no-mechanism=CKM_SHA256_HMAC\n"
			    "* always no-mechanism=0x1050\n"),
	    CKR_OK);
	assert_false(listed(CKM_SHA256_HMAC, &n));
	assert_int_equal(n, n_all - 2);
	assert_rv(p11->C_GetMechanismList(lab_slot(), NULL, &size), CKR_OK);
	assert_int_equal(size, n);
	size--;
	assert_rv(p11->C_GetMechanismList(lab_slot(), list, &size),
	    CKR_BUFFER_TOO_SMALL);
	assert_rv(p11->C_GetMechanismInfo(lab_slot(), CKM_SHA256_HMAC, &info),
	    CKR_MECHANISM_INVALID);
	assert_rv(p11->C_GetMechanismInfo(lab_slot(), CKM_SHA384_HMAC, &info),
	    CKR_OK);
	s = lab_user();
	key = lab_mac_key(s, "some key of ours");
	assert_rv(lab_mac(s, key, mac), CKR_MECHANISM_INVALID);
}

static void
a_promised_mechanism_may_fail_when_used(void **state)
{
	CK_MECHANISM_INFO info;
	CK_SESSION_HANDLE s;
	CK_BYTE mac[32];
	CK_ULONG n;

	(void)state;
	assert_rv(lab_begin("C_SignInit always no-mechanism=CKM_SHA256_HMAC\n"),
	    CKR_OK);
	assert_true(listed(CKM_SHA256_HMAC, &n));
	assert_rv(p11->C_GetMechanismInfo(lab_slot(), CKM_SHA256_HMAC, &info),
	    CKR_OK);
	s = lab_user();
	assert_rv(lab_mac(s, lab_mac_key(s, "some key of ours"), mac),
	    CKR_MECHANISM_INVALID);
}

static void
traits_hold_together_and_with_an_event(void **state)
{
	CK_BYTE point[P256_POINT + 2];
	CK_OBJECT_HANDLE priv, z;
	CK_SESSION_HANDLE s;
	CK_ULONG len = 0;

	(void)state;
	assert_rv(lab_begin("* always point-octet-string\n"
			    "* always truncate-ecdh=31\n"
			    "* always truncate-ecdh=7\n"
			    "* always slow=1\n"),
	    CKR_OK);
	s = lab_user();
	priv = lab_pair(s, point);
	assert_rv(lab_derive(s, priv, point + 2, P256_POINT, &z),
	    CKR_MECHANISM_PARAM_INVALID);
	z = secret(s, priv, point);
	assert_rv(lab_value(s, z, NULL, &len), CKR_OK);
	assert_int_equal(len, 31);
}

int
trait_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(
		a_truncated_secret_has_the_last_octets_only, lab_end),
	    cmocka_unit_test_teardown(a_point_must_be_an_octet_string, lab_end),
	    cmocka_unit_test_teardown(
		explicit_parameters_are_refused_and_named_curves_are_not,
		lab_end),
	    cmocka_unit_test_teardown(
		idle_sessions_are_dropped_and_busy_ones_are_not, lab_end),
	    cmocka_unit_test_teardown(a_wrong_secret_is_one_bit_off, lab_end),
	    cmocka_unit_test_teardown(a_wrong_read_is_one_bit_off_and_that_once,
		lab_end),
	    cmocka_unit_test_teardown(a_wrong_mac_is_one_bit_off, lab_end),
	    cmocka_unit_test_teardown(a_missing_mechanism_is_nowhere, lab_end),
	    cmocka_unit_test_teardown(a_promised_mechanism_may_fail_when_used,
		lab_end),
	    cmocka_unit_test_teardown(traits_hold_together_and_with_an_event,
		lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
