/* cases_pin: the count of wrong PINs is the token's, not the process's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

#define READY "ready 0x0\n"

/* One C_Login in a process of its own: its result, then the flags. */
static void
login_is(const char *pin, CK_RV rv, CK_FLAGS flags)
{
	char want[64];
	char *said;
	int status;

	(void)snprintf(want, sizeof(want), "login 0x%lx\nflags 0x%lx\n", rv,
	    flags);
	said = lab_run("login", pin, &status);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_string_equal(said, want);
	free(said);
}

static int
forget(void **state)
{
	(void)state;
	(void)unlink(lab_path("state"));
	(void)unlink(lab_path("trace"));
	lab_script("C_Login always pin-lock=3\n");
	return 0;
}

static void
the_pin_locks_over_several_processes(void **state)
{
	char *text;

	(void)state;
	login_is(LAB_PIN, CKR_OK, 0);
	login_is(LAB_WRONG_PIN, CKR_PIN_INCORRECT, CKF_USER_PIN_COUNT_LOW);
	login_is(LAB_WRONG_PIN, CKR_PIN_INCORRECT,
	    CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	login_is(LAB_WRONG_PIN, CKR_PIN_INCORRECT, CKF_USER_PIN_LOCKED);
	login_is(LAB_WRONG_PIN, CKR_PIN_LOCKED, CKF_USER_PIN_LOCKED);
	login_is(LAB_PIN, CKR_PIN_LOCKED, CKF_USER_PIN_LOCKED);
	text = lab_slurp(lab_path("state"));
	assert_string_equal(text, "user-pin-failures 3\n");
	free(text);
}

static void
the_right_pin_in_time_gives_all_tries_back(void **state)
{
	(void)state;
	login_is(LAB_WRONG_PIN, CKR_PIN_INCORRECT, CKF_USER_PIN_COUNT_LOW);
	login_is(LAB_PIN, CKR_OK, 0);
	login_is(LAB_WRONG_PIN, CKR_PIN_INCORRECT, CKF_USER_PIN_COUNT_LOW);
}

/*
 * They meet only at C_Login: SoftHSM rewrites the token's file at a wrong PIN,
 * and a process that opens a session in that moment finds no token.
 */
static void
processes_at_once_do_not_lose_a_count(void **state)
{
	const char *gate = lab_path("gate");
	char buf[sizeof(READY)] = "", *text, *said;
	int fd[8], pid[8], status;

	(void)state;
	lab_script("* always pin-lock=100\n");
	(void)setenv("LAB_GATE", gate, 1);
	for (int i = 0; i < 8; i++)
		pid[i] = lab_start("gated-login", LAB_WRONG_PIN, &fd[i]);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(read(fd[i], buf, sizeof(READY) - 1),
		    sizeof(READY) - 1);
		assert_string_equal(buf, READY);
	}
	lab_touch(gate);
	for (int i = 0; i < 8; i++) {
		said = lab_finish(pid[i], fd[i], &status);
		if (status != 0)
			fail_msg("status %d: %s", status, said);
		free(said);
	}
	text = lab_slurp(lab_path("state"));
	assert_string_equal(text, "user-pin-failures 8\n");
	free(text);
}

static void
the_officer_unlocks_the_pin(void **state)
{
	CK_BYTE so[] = LAB_SO_PIN, pin[] = LAB_PIN;
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("* always pin-lock=1\n"), CKR_OK);
	s = lab_session();
	assert_rv(lab_login(s, LAB_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(lab_login(s, LAB_PIN), CKR_PIN_LOCKED);
	assert_rv(p11->C_Login(s, CKU_SO, so, sizeof(so) - 1), CKR_OK);
	assert_rv(p11->C_InitPIN(s, pin, sizeof(pin) - 1), CKR_OK);
	assert_rv(p11->C_Logout(s), CKR_OK);
	assert_rv(lab_login(s, LAB_PIN), CKR_OK);
}

static void
a_locked_pin_is_not_shown_to_the_token(void **state)
{
	CK_SESSION_HANDLE s;

	(void)state;
	assert_rv(lab_begin("* always pin-lock=1\n"), CKR_OK);
	s = lab_session();
	assert_rv(lab_login(s, LAB_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(lab_login(s, LAB_PIN), CKR_PIN_LOCKED);
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	assert_rv(lab_begin("%s", ""), CKR_OK);
	(void)lab_user(); /* the real token knows nothing of a lock */
}

static void
a_keypad_has_its_own_pin(void **state)
{
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO t;

	(void)state;
	assert_rv(lab_begin("C_Login always pin-pad=1234\n"), CKR_OK);
	assert_rv(p11->C_GetTokenInfo(lab_slot(), &t), CKR_OK);
	assert_true((t.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0);
	s = lab_session();
	assert_rv(lab_login(s, LAB_PIN), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_Login(s, CKU_USER, NULL, 0), CKR_PIN_INCORRECT);
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	assert_rv(lab_begin("%s", ""), CKR_OK);
	assert_rv(p11->C_GetTokenInfo(lab_slot(), &t), CKR_OK);
	assert_true((t.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0);
}

int
pin_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_pin_locks_over_several_processes, forget, lab_end),
	    cmocka_unit_test_setup_teardown(
		the_right_pin_in_time_gives_all_tries_back, forget, lab_end),
	    cmocka_unit_test_setup_teardown(
		processes_at_once_do_not_lose_a_count, forget, lab_end),
	    cmocka_unit_test_setup_teardown(the_officer_unlocks_the_pin, forget,
		lab_end),
	    cmocka_unit_test_setup_teardown(
		a_locked_pin_is_not_shown_to_the_token, forget, lab_end),
	    cmocka_unit_test_setup_teardown(a_keypad_has_its_own_pin, forget,
		lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
