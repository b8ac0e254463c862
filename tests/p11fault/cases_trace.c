/* cases_trace: the trace says what was called, and no secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

#define KEY_TEXT "key octets 3f9a"

static int
fresh(void **state)
{
	(void)state;
	(void)unlink(lab_path("trace"));
	lab_script("%s", "");
	return 0;
}

static void
each_call_is_a_line(void **state)
{
	char want[512], *trace;
	CK_SESSION_HANDLE s;
	CK_BYTE octet;
	CK_INFO info;
	long pid = (long)getpid();

	(void)state;
	assert_rv(lab_begin("C_GetInfo always rv=0x80000042\n"), CKR_OK);
	s = lab_user();
	assert_rv(p11->C_GenerateRandom(s, &octet, 1), CKR_OK);
	assert_rv(p11->C_GetInfo(&info), 0x80000042);
	assert_rv(p11->C_CloseSession(s), CKR_OK);
	assert_rv(p11->C_CloseSession(s), CKR_SESSION_HANDLE_INVALID);
	(void)snprintf(want, sizeof(want),
	    "C_Initialize CKR_OK - %ld\nC_GetSlotList CKR_OK - %ld\n"
	    "C_OpenSession CKR_OK %lu %ld\nC_Login CKR_OK %lu %ld\n"
	    "C_GenerateRandom CKR_OK %lu %ld\n"
	    "C_GetInfo 0x80000042 - %ld\nC_CloseSession CKR_OK %lu %ld\n"
	    "C_CloseSession CKR_SESSION_HANDLE_INVALID %lu %ld\n",
	    pid, pid, s, pid, s, pid, s, pid, pid, s, pid, s, pid);
	trace = lab_slurp(lab_path("trace"));
	assert_string_equal(trace, want);
	free(trace);
}

static void
assert_absent(const char *text, const void *octets, size_t len)
{
	const unsigned char *b = octets;
	char hex[129];

	assert_true(len <= 64);
	assert_null(memmem(text, strlen(text), octets, len));
	for (size_t i = 0; i < len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", b[i]);
	assert_null(strcasestr(text, hex));
}

static void
no_pin_and_no_key_is_in_it(void **state)
{
	CK_BYTE point[P256_POINT + 2], z[32], mac[32];
	CK_OBJECT_HANDLE key, secret;
	CK_SESSION_HANDLE s;
	CK_ULONG len = 32;
	char *trace;

	(void)state;
	assert_rv(lab_begin("%s", ""), CKR_OK);
	s = lab_session();
	assert_rv(lab_login(s, LAB_WRONG_PIN), CKR_PIN_INCORRECT);
	assert_rv(lab_login(s, LAB_PIN), CKR_OK);
	key = lab_mac_key(s, KEY_TEXT);
	assert_rv(lab_mac(s, key, mac), CKR_OK);
	assert_rv(lab_derive(s, lab_pair(s, point), point, sizeof(point),
		      &secret),
	    CKR_OK);
	assert_rv(lab_value(s, secret, z, &len), CKR_OK);
	trace = lab_slurp(lab_path("trace"));
	assert_non_null(strstr(trace, "C_Login CKR_PIN_INCORRECT "));
	assert_non_null(strstr(trace, "C_DeriveKey CKR_OK "));
	assert_non_null(strstr(trace, "C_GetAttributeValue CKR_OK "));
	assert_absent(trace, LAB_PIN, strlen(LAB_PIN));
	assert_absent(trace, LAB_SO_PIN, strlen(LAB_SO_PIN));
	assert_absent(trace, LAB_WRONG_PIN, strlen(LAB_WRONG_PIN));
	assert_absent(trace, KEY_TEXT, strlen(KEY_TEXT));
	assert_absent(trace, z, sizeof(z));
	assert_absent(trace, mac, sizeof(mac));
	free(trace);
}

/* Four words, of which the last is a process, and nothing else. */
static bool
is_line(const char *line)
{
	char fn[64], rv[64], session[64], pid[16], rest[8];

	return sscanf(line, "%63s %63s %63s %15s%7s", fn, rv, session, pid,
		   rest) == 4 &&
	    strncmp(fn, "C_", 2) == 0 && strncmp(rv, "CKR_", 4) == 0 &&
	    pid[strspn(pid, "0123456789")] == '\0';
}

static void
lines_of_several_processes_do_not_mix(void **state)
{
	int fd[4], pid[4], status;
	unsigned n_random = 0;
	char *trace, *rest, *line, *said;

	(void)state;
	for (int i = 0; i < 4; i++)
		pid[i] = lab_start("random", "200", &fd[i]);
	for (int i = 0; i < 4; i++) {
		said = lab_finish(pid[i], fd[i], &status);
		if (status != 0)
			fail_msg("status %d: %s", status, said);
		free(said);
	}
	rest = trace = lab_slurp(lab_path("trace"));
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		assert_true(is_line(line));
		n_random += strncmp(line, "C_GenerateRandom CKR_OK ", 24) == 0;
	}
	assert_null(rest);
	assert_int_equal(n_random, 800);
	free(trace);
}

int
trace_cases(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_call_is_a_line, fresh,
		lab_end),
	    cmocka_unit_test_setup_teardown(no_pin_and_no_key_is_in_it, fresh,
		lab_end),
	    cmocka_unit_test_setup_teardown(
		lines_of_several_processes_do_not_mix, fresh, lab_end),
	};

	return cmocka_run_group_tests(tests, lab_up, lab_down);
}
