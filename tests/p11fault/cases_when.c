/*
 * cases_when: when a rule applies, and which.  Calls are counted over the life
 * of the process, so each case about counts has a function to itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

static void
without_a_script_all_is_as_the_token_says(void **state)
{
	CK_BYTE point[P256_POINT + 2], other[P256_POINT + 2], a[32], b[32];
	CK_OBJECT_HANDLE priv, peer, z1, z2;
	CK_ULONG len = sizeof(a);
	CK_SESSION_HANDLE s;

	(void)state;
	(void)unlink(lab_path("script"));
	assert_rv(p11->C_Initialize(NULL), CKR_OK);
	assert_rv(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	s = lab_user();
	priv = lab_pair(s, point);
	peer = lab_pair(s, other);
	assert_rv(lab_derive(s, priv, other + 2, P256_POINT, &z1), CKR_OK);
	assert_rv(lab_derive(s, peer, point, sizeof(point), &z2), CKR_OK);
	assert_rv(lab_value(s, z1, a, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_rv(lab_value(s, z2, b, &len), CKR_OK);
	assert_memory_equal(a, b, 32);
	assert_rv(p11->C_CloseSession(s), CKR_OK);
	assert_rv(p11->C_CloseSession(s), CKR_SESSION_HANDLE_INVALID);
}

static void
before_initialize_nothing_is_there(void **state)
{
	CK_INFO info;

	(void)state;
	assert_rv(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void
nth_is_that_call_and_no_other(void **state)
{
	(void)state;
	assert_rv(lab_begin("C_GetOperationState nth=3 rv=0x80000123\n"),
	    CKR_OK);
	for (int i = 1; i <= 5; i++) {
		CK_RV rv = p11->C_GetOperationState(0, NULL, NULL);

		assert_int_equal(rv == 0x80000123, i == 3);
	}
}

static void
from_is_that_call_and_all_later_ones(void **state)
{
	(void)state;
	assert_rv(lab_begin("C_DigestFinal from=3 rv=0x80000123\n"), CKR_OK);
	for (int i = 1; i <= 5; i++) {
		CK_RV rv = p11->C_DigestFinal(0, NULL, NULL);

		assert_int_equal(rv == 0x80000123, i >= 3);
	}
}

static void
every_is_each_multiple(void **state)
{
	(void)state;
	assert_rv(lab_begin("C_VerifyFinal every=2 rv=0x80000123\n"), CKR_OK);
	for (int i = 1; i <= 6; i++) {
		CK_RV rv = p11->C_VerifyFinal(0, NULL, 0);

		assert_int_equal(rv == 0x80000123, i % 2 == 0);
	}
}

/* The calls of 2000 that fail, as bits, and how many they are. */
static unsigned
play_chance(const char *rule, uint8_t bits[250])
{
	unsigned n = 0;

	memset(bits, 0, 250);
	assert_rv(lab_begin("%s", rule), CKR_OK);
	for (unsigned i = 0; i < 2000; i++)
		if (p11->C_SeedRandom(0, NULL, 0) == 0x80000123) {
			bits[i / 8] |= (uint8_t)(1 << i % 8);
			n++;
		}
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	return n;
}

static void
chance_repeats_with_its_seed(void **state)
{
	uint8_t a[250], b[250];
	unsigned n;

	(void)state;
	n = play_chance("C_SeedRandom p=0.1 seed=7 rv=0x80000123\n", a);
	assert_in_range(n, 120, 280);
	assert_int_equal(
	    play_chance("C_SeedRandom p=0.1 seed=7 rv=0x80000123\n", b), n);
	assert_memory_equal(a, b, sizeof(a));
	(void)play_chance("C_SeedRandom p=0.1 seed=8 rv=0x80000123\n", b);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(play_chance("* p=0 seed=1 rv=0x80000123\n", a), 0);
}

static void
a_once_file_is_used_up(void **state)
{
	const char *file = lab_path("once");
	CK_INFO info;

	(void)state;
	assert_rv(lab_begin("C_GetInfo once-file=%s rv=CKR_DEVICE_ERROR\n",
		      file),
	    CKR_OK);
	assert_rv(p11->C_GetInfo(&info), CKR_OK);
	lab_touch(file);
	assert_rv(p11->C_GetInfo(&info), CKR_DEVICE_ERROR);
	assert_false(lab_exists(file));
	assert_rv(p11->C_GetInfo(&info), CKR_OK);
}

static void
a_while_file_lasts(void **state)
{
	const char *file = lab_path("while");
	CK_INFO info;

	(void)state;
	assert_rv(lab_begin("C_GetInfo while-file=%s rv=CKR_DEVICE_ERROR\n",
		      file),
	    CKR_OK);
	assert_rv(p11->C_GetInfo(&info), CKR_OK);
	lab_touch(file);
	assert_rv(p11->C_GetInfo(&info), CKR_DEVICE_ERROR);
	assert_rv(p11->C_GetInfo(&info), CKR_DEVICE_ERROR);
	assert_int_equal(unlink(file), 0);
	assert_rv(p11->C_GetInfo(&info), CKR_OK);
}

static void
the_first_rule_that_matches_wins(void **state)
{
	const char *file = lab_path("while");
	CK_SLOT_INFO slot;
	CK_INFO info;

	(void)state;
	assert_rv(lab_begin("# a comment, and an empty line\n\n"
			    "C_GetInfo always rv=CKR_HOST_MEMORY # why\n"
			    "C_Initialize always slow=0\n"
			    "*\twhile-file=%s   rv=CKR_FUNCTION_FAILED\n",
		      file),
	    CKR_OK);
	lab_touch(file);
	assert_rv(p11->C_GetInfo(&info), CKR_HOST_MEMORY);
	assert_rv(p11->C_GetSlotInfo(0, &slot), CKR_FUNCTION_FAILED);
	assert_int_equal(unlink(file), 0);
	assert_rv(p11->C_GetInfo(&info), CKR_HOST_MEMORY);
	assert_rv(p11->C_GetSlotInfo(lab_slot(), &slot), CKR_OK);
}

static void
a_rule_can_fail_initialize(void **state)
{
	(void)state;
	assert_rv(lab_begin("C_Initialize always rv=CKR_CANT_LOCK\n"),
	    CKR_CANT_LOCK);
}

/* C_Initialize with that script, and the line it wrote to standard error. */
static char *
complaint(const char *script)
{
	const char *path = lab_path("stderr");
	int saved = dup(STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CK_RV rv;

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	rv = lab_begin("%s", script);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	(void)close(fd);
	assert_rv(rv, CKR_GENERAL_ERROR);
	return lab_slurp(path);
}

static void
a_script_that_does_not_parse_is_refused_by_line(void **state)
{
	static const struct {
		const char *line, *says;
	} wrong[] = {
	    {"C_Sing always rv=CKR_OK", "unknown FUNCTION: C_Sing"},
	    {"C_Sign", "no WHEN"},
	    {"C_Sign sometimes rv=CKR_OK", "unknown WHEN: sometimes"},
	    {"C_Sign nth=0 rv=CKR_OK", "wrong value for WHEN: nth"},
	    {"C_Sign nth rv=CKR_OK", "wrong value for WHEN: nth"},
	    {"C_Sign always=1 rv=CKR_OK", "wrong value for WHEN: always"},
	    {"C_Sign p=1.5 seed=1 rv=CKR_OK", "wrong value for WHEN: p"},
	    {"C_Sign p=nan seed=1 rv=CKR_OK", "wrong value for WHEN: p"},
	    {"C_Sign p=0.5 rv=CKR_OK", "p= needs seed=NUMBER, not: rv"},
	    {"C_Sign once-file= rv=CKR_OK", "wrong value for WHEN: once-file"},
	    {"C_Sign always", "no ACTION"},
	    {"C_Sign always explode", "unknown ACTION: explode"},
	    {"C_Sign always rv=CKR_NO_SUCH", "wrong value for ACTION: rv"},
	    {"C_Sign always rv=0xfg", "wrong value for ACTION: rv"},
	    {"C_Sign always slow", "wrong value for ACTION: slow"},
	    {"C_Sign always slow=-1", "wrong value for ACTION: slow"},
	    {"C_Sign always exit=3", "wrong value for ACTION: exit"},
	    {"C_Login always pin-lock=0", "wrong value for ACTION: pin-lock"},
	    {"C_Sign always pin-lock=3", "without effect"},
	    {"* always no-mechanism=CKM_X", "value for ACTION: no-mechanism"},
	    {"C_Sign always exit C_Sign", "more than one rule"},
	};
	char script[256], want[256], *said;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(script, sizeof(script),
		    "# one\nC_Sign always slow=0\n%s\n", wrong[i].line);
		said = complaint(script);
		(void)snprintf(want, sizeof(want),
		    "p11fault: %s:3: ", lab_path("script"));
		if (strncmp(said, want, strlen(want)) != 0 ||
		    strstr(said, wrong[i].says) == NULL ||
		    strchr(said, '\n') != said + strlen(said) - 1)
			fail_msg("%s: %s", wrong[i].line, said);
		free(said);
	}
}

static void
pin_lock_needs_a_state_file(void **state)
{
	char *said;

	(void)state;
	(void)unsetenv("KW_P11_STATE");
	said = complaint("* always pin-lock=3\n");
	(void)setenv("KW_P11_STATE", lab_path("state"), 1);
	assert_non_null(strstr(said, "pin-lock needs KW_P11_STATE"));
	free(said);
}

/* In a process of its own: the real module is loaded once and for all. */
static void
a_real_module_that_is_none_is_refused(void **state)
{
	static const char *const none[] = {"", "/nonexistent.so",
	    P11FAULT_MODULE, "libc.so.6"};
	char *said;
	int status;

	(void)state;
	lab_script("%s", "");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		(void)setenv("KW_P11_REAL", none[i], 1);
		said = lab_run("random", "1", &status);
		(void)setenv("KW_P11_REAL", P11FAULT_REAL, 1);
		assert_string_equal(said, "no session 0x5\n");
		free(said);
	}
}

int
when_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(before_initialize_nothing_is_there,
		lab_end),
	    cmocka_unit_test_teardown(without_a_script_all_is_as_the_token_says,
		lab_end),
	    cmocka_unit_test_teardown(nth_is_that_call_and_no_other, lab_end),
	    cmocka_unit_test_teardown(from_is_that_call_and_all_later_ones,
		lab_end),
	    cmocka_unit_test_teardown(every_is_each_multiple, lab_end),
	    cmocka_unit_test_teardown(chance_repeats_with_its_seed, lab_end),
	    cmocka_unit_test_teardown(a_once_file_is_used_up, lab_end),
	    cmocka_unit_test_teardown(a_while_file_lasts, lab_end),
	    cmocka_unit_test_teardown(the_first_rule_that_matches_wins,
		lab_end),
	    cmocka_unit_test_teardown(a_rule_can_fail_initialize, lab_end),
	    cmocka_unit_test_teardown(
		a_script_that_does_not_parse_is_refused_by_line, lab_end),
	    cmocka_unit_test_teardown(pin_lock_needs_a_state_file, lab_end),
	    cmocka_unit_test_teardown(a_real_module_that_is_none_is_refused,
		lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
