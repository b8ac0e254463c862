/* cases_event: what happens at one call, or from one call on. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

static void
rv_answers_and_does_not_ask(void **state)
{
	CK_BYTE random[16] = {0}, zero[16] = {0};
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("C_GenerateRandom always rv=CKR_DEVICE_MEMORY\n"
			    "C_CancelFunction always rv=0x80000042\n"),
	    CKR_OK);
	s = lab_session();
	assert_rv(p11->C_GenerateRandom(s, random, sizeof(random)),
	    CKR_DEVICE_MEMORY);
	assert_memory_equal(random, zero, sizeof(zero));
	assert_rv(p11->C_CancelFunction(s), 0x80000042);
}

static void
after_asks_and_answers_otherwise(void **state)
{
	CK_BYTE random[16] = {0}, zero[16] = {0};
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("C_GenerateRandom always after=CKR_DEVICE_ERROR\n"),
	    CKR_OK);
	s = lab_session();
	assert_rv(p11->C_GenerateRandom(s, random, sizeof(random)),
	    CKR_DEVICE_ERROR);
	assert_memory_not_equal(random, zero, sizeof(zero));
}

static void
slow_waits_and_asks(void **state)
{
	long start = lab_ms();
	CK_INFO info = {0};

	(void)state;
	assert_rv(lab_begin("C_GetInfo always slow=120\n"), CKR_OK);
	assert_rv(p11->C_GetInfo(&info), CKR_OK);
	assert_true(lab_ms() - start >= 120);
	assert_int_equal(info.cryptokiVersion.major, 2);
}

static void
hang_with_an_end_is_a_device_error(void **state)
{
	long start = lab_ms();
	CK_INFO info;

	(void)state;
	assert_rv(lab_begin("C_GetInfo always hang=120\n"), CKR_OK);
	assert_rv(p11->C_GetInfo(&info), CKR_DEVICE_ERROR);
	assert_true(lab_ms() - start >= 120);
}

static void
hang_without_an_end_is_in_the_trace_and_has_none(void **state)
{
	int fd, status, pid;
	bool hangs = false;

	(void)state;
	lab_script("C_GenerateRandom nth=2 hang\n");
	(void)unlink(lab_path("trace"));
	pid = lab_start("random", "3", &fd);
	for (int i = 0; i < 1000 && !hangs; i++) {
		char *trace = lab_slurp(lab_path("trace"));

		hangs = strstr(trace, "C_GenerateRandom hang ") != NULL;
		free(trace);
		(void)usleep(10000);
	}
	assert_true(hangs);
	(void)usleep(100000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(fd);
}

static void
exit_ends_the_process(void **state)
{
	char *said;
	int status;

	(void)state;
	lab_script("C_GenerateRandom nth=2 exit\n");
	said = lab_run("random", "3", &status);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(said, "random 0x0\n");
	free(said);
}

static void
dropped_sessions_stay_dead_and_the_login_goes_with_them(void **state)
{
	const char *file = lab_path("once");
	CK_SESSION_HANDLE a, b, c;
	CK_SESSION_INFO info;
	CK_BYTE octet;

	(void)state;
	assert_rv(lab_begin("* once-file=%s drop-sessions\n", file), CKR_OK);
	a = lab_user();
	b = lab_session();
	lab_touch(file);
	assert_rv(p11->C_GenerateRandom(a, &octet, 1),
	    CKR_SESSION_HANDLE_INVALID);
	assert_rv(p11->C_GetSessionInfo(b, &info), CKR_SESSION_HANDLE_INVALID);
	assert_rv(p11->C_CloseSession(b), CKR_SESSION_HANDLE_INVALID);
	c = lab_session();
	assert_rv(p11->C_GetSessionInfo(c, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
	assert_rv(lab_login(c, LAB_PIN), CKR_OK);
	assert_rv(p11->C_GenerateRandom(c, &octet, 1), CKR_OK);
	assert_rv(p11->C_GenerateRandom(a, &octet, 1),
	    CKR_SESSION_HANDLE_INVALID);
}

static void
a_removed_device_is_back_after_initialize(void **state)
{
	const char *file = lab_path("once");
	CK_SESSION_HANDLE s;
	CK_ULONG n = 0;
	CK_BYTE octet;
	CK_INFO info;

	(void)state;
	assert_rv(lab_begin("C_GenerateRandom once-file=%s remove-device\n",
		      file),
	    CKR_OK);
	s = lab_user();
	assert_rv(p11->C_GenerateRandom(s, &octet, 1), CKR_OK);
	lab_touch(file);
	assert_rv(p11->C_GenerateRandom(s, &octet, 1), CKR_DEVICE_REMOVED);
	assert_rv(p11->C_GetInfo(&info), CKR_DEVICE_REMOVED);
	assert_rv(p11->C_GetSlotList(CK_TRUE, NULL, &n), CKR_DEVICE_REMOVED);
	assert_rv(p11->C_CloseSession(s), CKR_DEVICE_REMOVED);
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	assert_rv(p11->C_Initialize(NULL), CKR_OK);
	s = lab_user();
	assert_rv(p11->C_GenerateRandom(s, &octet, 1), CKR_OK);
}

static void
a_device_is_away_while_the_file_says_so(void **state)
{
	const char *file = lab_path("away");
	char *said;
	int status;

	(void)state;
	lab_script("* while-file=%s remove-device\n", file);
	lab_touch(file);
	for (int i = 0; i < 2; i++) {
		said = lab_run("random", "1", &status);
		assert_string_equal(said, "no session 0x32\n");
		free(said);
	}
	assert_int_equal(unlink(file), 0);
	said = lab_run("random", "1", &status);
	assert_string_equal(said, "random 0x0\n");
	free(said);
}

static void
not_logged_in_until_the_right_pin(void **state)
{
	CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
	const char *file = lab_path("once");
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s;
	CK_BYTE mac[32], octet;

	(void)state;
	assert_rv(lab_begin("* once-file=%s not-logged-in\n", file), CKR_OK);
	s = lab_user();
	key = lab_mac_key(s, "some key of ours");
	assert_rv(lab_mac(s, key, mac), CKR_OK);
	lab_touch(file);
	assert_rv(lab_mac(s, key, mac), CKR_USER_NOT_LOGGED_IN);
	assert_rv(p11->C_GenerateRandom(s, &octet, 1), CKR_OK);
	assert_rv(lab_login(s, LAB_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(p11->C_SignInit(s, &hmac, key), CKR_USER_NOT_LOGGED_IN);
	assert_rv(lab_login(s, LAB_PIN), CKR_OK);
	key = lab_mac_key(s, "some key of ours");
	assert_rv(lab_mac(s, key, mac), CKR_OK);
}

static void
stale_handles_are_refused_and_found_ones_are_good(void **state)
{
	CK_BYTE point[P256_POINT + 2], value[32], mac[32];
	const char *file = lab_path("once");
	CK_OBJECT_HANDLE key, priv, z, found[8];
	CK_ULONG len = sizeof(value), n;
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("* once-file=%s stale-handles\n", file), CKR_OK);
	s = lab_user();
	key = lab_mac_key(s, "some key of ours");
	priv = lab_pair(s, point);
	lab_touch(file);
	assert_rv(lab_mac(s, key, mac), CKR_KEY_HANDLE_INVALID);
	assert_rv(lab_derive(s, priv, point, sizeof(point), &z),
	    CKR_KEY_HANDLE_INVALID);
	assert_rv(lab_value(s, key, value, &len), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(p11->C_DestroyObject(s, key), CKR_OBJECT_HANDLE_INVALID);
	assert_rv(p11->C_FindObjectsInit(s, NULL, 0), CKR_OK);
	assert_rv(p11->C_FindObjects(s, found, 8, &n), CKR_OK);
	assert_int_equal(n, 3);
	assert_rv(p11->C_FindObjectsFinal(s), CKR_OK);
	for (CK_ULONG i = 0; i < n; i++)
		assert_rv(p11->C_GetObjectSize(s, found[i], &len), CKR_OK);
	key = lab_mac_key(s, "another key of ours");
	assert_rv(lab_mac(s, key, mac), CKR_OK);
	assert_rv(p11->C_DestroyObject(s, key), CKR_OK);
}

int
event_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(rv_answers_and_does_not_ask, lab_end),
	    cmocka_unit_test_teardown(after_asks_and_answers_otherwise,
		lab_end),
	    cmocka_unit_test_teardown(slow_waits_and_asks, lab_end),
	    cmocka_unit_test_teardown(hang_with_an_end_is_a_device_error,
		lab_end),
	    cmocka_unit_test_teardown(
		hang_without_an_end_is_in_the_trace_and_has_none, lab_end),
	    cmocka_unit_test_teardown(exit_ends_the_process, lab_end),
	    cmocka_unit_test_teardown(
		dropped_sessions_stay_dead_and_the_login_goes_with_them,
		lab_end),
	    cmocka_unit_test_teardown(a_removed_device_is_back_after_initialize,
		lab_end),
	    cmocka_unit_test_teardown(a_device_is_away_while_the_file_says_so,
		lab_end),
	    cmocka_unit_test_teardown(not_logged_in_until_the_right_pin,
		lab_end),
	    cmocka_unit_test_teardown(
		stale_handles_are_refused_and_found_ones_are_good, lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
