#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sandbox_test.h"

#define SKIPPED 77
#define MOST_SECONDS 200
#define EACH_SECONDS 60
#define HANGS (-2)

static char folder[64];

/* Does a forbidden thing when the one that went into the filter says so. */
static void *
earlier_thread(void *arg)
{
	char c = 'x';

	if (write(held.thread[1], &c, 1) == 1 &&
	    read(held.thread[1], &c, 1) == 1)
		(void)syscall(SYS_getppid);
	_exit(0);
	return arg;
}

static void
prepare(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	pthread_t t;
	char c;

	if ((held.dir = open(folder, O_RDONLY | O_DIRECTORY)) == -1 ||
	    (held.file = open(held.path, O_RDWR)) == -1 ||
	    pipe(held.pipe) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, held.pair) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, held.thread) == -1 ||
	    (held.epoll = epoll_create1(0)) == -1 ||
	    (held.listen = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) ==
		-1 ||
	    bind(held.listen, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(held.listen, 1) == -1)
		fatal("cannot prepare: %s", strerror(errno));
	held.other = getppid();
	/* It is up, as those of the processes are before their filter. */
	if (pthread_create(&t, NULL, earlier_thread, NULL) != 0 ||
	    read(held.thread[0], &c, 1) != 1)
		fatal("no thread");
}

/* All of it: a thread that goes on is no end. */
static bool
ends_soon(pid_t pid)
{
	struct pollfd p = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
	bool ended;

	if (p.fd == -1)
		fatal("pidfd_open: %s", strerror(errno));
	ended = poll(&p, 1, EACH_SECONDS * 1000) == 1;
	close(p.fd);
	if (ended)
		return true;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return false;
}

/* In a child: 0, an errno, DIES, HANGS or 1000 and its signal. */
static int
end_of(const struct act *a, const enum sandbox *which)
{
	const pid_t pid = fork();
	int status;

	if (pid == -1)
		fatal("fork: %s", strerror(errno));
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		prepare();
		if (which != NULL) {
			sandbox_start(*which);
			sandbox_enter(*which);
		}
		_exit(a->function() & 0xff);
	}
	if (!ends_soon(pid))
		return HANGS;
	if (waitpid(pid, &status, 0) != pid)
		fatal("waitpid: %s", strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGSYS ? DIES : 1000 + WTERMSIG(status);
}

static const char *
words(int end)
{
	static char text[2][64];
	static unsigned turn;
	char *s = text[turn++ % 2];

	if (end == WORKS)
		return "works";
	if (end == DIES)
		return "dies of SIGSYS";
	if (end == HANGS)
		return "does not end";
	if (end >= 1000)
		(void)snprintf(s, sizeof(text[0]), "ends by signal %d",
		    end - 1000);
	else
		(void)snprintf(s, sizeof(text[0]), "gets %s", strerror(end));
	return s;
}

static unsigned
run(enum sandbox which, const struct acts *t)
{
	unsigned failed = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct act *a = &t->act[i];
		const int end = end_of(a, &which);

		if (end == a->expected)
			continue;
		failed++;
		(void)printf("FAILED: %s: %s", a->name, words(end));
		(void)printf(", expected: %s\n", words(a->expected));
	}
	return failed;
}

/* Nothing dies without the filter, so what dies in it dies of it. */
static unsigned
control(enum sandbox which)
{
	const struct acts *t = &forbidden_where_it_works;
	unsigned failed = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct acts one = {&t->act[i], 1};

		if (end_of(&t->act[i], NULL) == WORKS)
			failed += run(which, &one);
		else
			(void)printf("left out, not of this machine: %s\n",
			    t->act[i].name);
	}
	return failed;
}

static void
make_folder(void)
{
	int fd;

	(void)snprintf(folder, sizeof(folder), "/tmp/kw-sandbox-XXXXXX");
	if (mkdtemp(folder) == NULL)
		fatal("mkdtemp: %s", strerror(errno));
	(void)snprintf(held.path, sizeof(held.path), "%s/held", folder);
	(void)snprintf(held.free_path, sizeof(held.free_path), "%s/free",
	    folder);
	fd = open(held.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write(fd, "what it held", 12) != 12)
		fatal("%s: %s", held.path, strerror(errno));
	close(fd);
}

/* With what the acts left in it, a database's journal among them. */
static void
remove_folder(void)
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(folder);
}

int
main(void)
{
	const struct rlimit none = {0, 0};
	unsigned failed, acts = 0;

	if (!KW_SANDBOX) {
		(void)printf("built without its seccomp filter\n");
		return SKIPPED;
	}
	log_init("sandbox-test", LOG_LVL_INFO);
	(void)setvbuf(stdout, NULL, _IONBF, 0); /* nothing twice after a fork */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(MOST_SECONDS);
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("setrlimit: %s", strerror(errno));
	if (tried.prepare != NULL)
		tried.prepare();
	make_folder();
	failed = control(tried.which);
	for (unsigned i = 0; i < TRIED_TABLES && tried.tables[i] != NULL; i++) {
		failed += run(tried.which, tried.tables[i]);
		acts += (unsigned)tried.tables[i]->n;
	}
	remove_folder();
	if (tried.calls != NULL)
		failed += sandbox_allows_only(tried.which, tried.calls,
		    tried.n_calls);
	(void)printf("%u acts, %u not as expected\n", acts, failed);
	return failed == 0 ? 0 : 1;
}
