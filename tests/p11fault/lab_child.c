/*
 * lab_child: the same program as another process, always by exec: SoftHSM
 * would share its session with a child that only forked.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab.h"

extern char **environ;

int
lab_start(const char *what, const char *arg, int *out_fd)
{
	char self[512] = "", child[] = "child";
	char *argv[] = {self, child, strdup(what), strdup(arg), NULL};
	posix_spawn_file_actions_t fa;
	int fd[2];
	pid_t pid;

	/* Not run as /proc/self/exe: under valgrind that is valgrind. */
	assert_in_range(readlink("/proc/self/exe", self, sizeof(self) - 1), 1,
	    sizeof(self) - 2);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&fa), 0);
	(void)posix_spawn_file_actions_adddup2(&fa, fd[1], STDOUT_FILENO);
	assert_int_equal(posix_spawn(&pid, self, &fa, NULL, argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(fd[1]);
	free(argv[2]);
	free(argv[3]);
	*out_fd = fd[0];
	return pid;
}

char *
lab_finish(int pid, int fd, int *status)
{
	char *text = calloc(1, LAB_OUTPUT_MAX);
	size_t len = 0;
	ssize_t n;

	assert_non_null(text);
	while (len < LAB_OUTPUT_MAX - 1 &&
	    (n = read(fd, text + len, LAB_OUTPUT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	assert_int_equal(waitpid(pid, status, 0), pid);
	return text;
}

char *
lab_run(const char *what, const char *arg, int *status)
{
	int fd, pid = lab_start(what, arg, &fd);

	return lab_finish(pid, fd, status);
}

static void
say(const char *what, CK_RV rv)
{
	(void)printf("%s 0x%lx\n", what, rv);
	(void)fflush(stdout);
}

static void
do_login(CK_SESSION_HANDLE s, const char *pin)
{
	CK_SESSION_INFO session;
	CK_TOKEN_INFO token;

	say("login", lab_login(s, pin));
	(void)p11->C_GetSessionInfo(s, &session);
	(void)p11->C_GetTokenInfo(session.slotID, &token);
	say("flags",
	    token.flags &
		(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
		    CKF_USER_PIN_LOCKED));
}

/* The same once the file LAB_GATE is there. */
static void
do_gated_login(CK_SESSION_HANDLE s, const char *pin)
{
	const char *gate = getenv("LAB_GATE");

	say("ready", CKR_OK);
	while (gate != NULL && !lab_exists(gate))
		(void)usleep(1000);
	do_login(s, pin);
}

static void
do_random(CK_SESSION_HANDLE s, const char *times)
{
	CK_BYTE octet;

	for (long i = strtol(times, NULL, 10); i > 0; i--)
		say("random", p11->C_GenerateRandom(s, &octet, 1));
}

static const struct {
	const char *what;
	void (*run)(CK_SESSION_HANDLE s, const char *arg);
} deed[] = {{"login", do_login}, {"gated-login", do_gated_login},
    {"random", do_random}};

int
lab_child(const char *what, const char *arg)
{
	const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
	CK_SLOT_ID slot[8];
	CK_ULONG n = 8;
	CK_SESSION_HANDLE s;
	CK_RV rv;

	lab_load();
	if ((rv = p11->C_Initialize(NULL)) != CKR_OK ||
	    (rv = p11->C_GetSlotList(CK_TRUE, slot, &n)) != CKR_OK ||
	    (rv = p11->C_OpenSession(slot[0], flags, NULL, NULL, &s)) !=
		CKR_OK) {
		say("no session", rv);
		return 1;
	}
	for (size_t i = 0; i < sizeof(deed) / sizeof(deed[0]); i++)
		if (strcmp(deed[i].what, what) == 0)
			deed[i].run(s, arg);
	(void)p11->C_Finalize(NULL);
	return 0;
}
