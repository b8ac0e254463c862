/*
 * attack-inside DIR NAME LOG act...: gives orders to whoever is inside
 * keywarden-NAME in DIR (see inside.h) and says what comes of each, one line:
 * "ok WHAT", or "FAILED WHAT".
 *
 *	rows FILE      each row of tests/sandbox that ends in an error; FILE is
 *	               one that the process may read, or any
 *	death ROW FILE the row of that name, of which it must die
 *	deaths FILE    each row of which it must die
 *	shut FILE...   neither reads nor writes any of these
 *	load MODULE    nor loads that
 *	port N         nor reaches that port of this machine
 *	closed         nor reads anything that it has open
 *	over TEXT      TEXT does not come first in LOG
 *	options        no option of a socket that needs a privilege
 *	noise          to its neighbours; how many sockets took it
 *	lists N        its lists end and do not, so often; it goes on
 *	last           its last word, after which it stays: it is ended
 *	line           what it may not say to the supervisor, of which it ends
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "inside.h"
#include "sandbox_test.h"

#define PATIENCE_MS 20000
#define KILLED "was killed for a forbidden system call (SIGSYS)"

enum end { ENDED = -3, NEVER = -2 };

static struct inside *page;
static const char *name, *log_path;

static void
say(bool ok, const char *what, const char *more)
{
	(void)printf("%s %s: %s%s%s\n", ok ? "ok" : "FAILED", name, what,
	    more[0] == '\0' ? "" : ": ", more);
	(void)fflush(stdout);
}

static void
nap(void)
{
	const struct timespec t = {0, 2000000};

	(void)nanosleep(&t, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- orders ---- */

/* Who serves, when it is not `old`. */
static int
who(int old)
{
	const int64_t until = now_ms() + PATIENCE_MS;
	int pid;

	while ((pid = atomic_load(&page->pid)) == 0 || pid == old ||
	    kill(pid, 0) == -1) {
		if (now_ms() > until)
			fatal("nobody serves as keywarden-%s", name);
		nap();
	}
	return pid;
}

/* An errno, 0, ENDED: it is no more; NEVER: it has not come back. */
static int
ordered(enum inside_order order, int n, const char *text)
{
	const int pid = who(0);
	struct pollfd p = {(int)syscall(SYS_pidfd_open, pid, 0), POLLIN, 0};
	const int64_t until = now_ms() + PATIENCE_MS;
	int end = NEVER;

	if (p.fd == -1)
		fatal("pidfd_open: %s", strerror(errno));
	page->order = order;
	page->n = n;
	(void)snprintf(page->text, sizeof(page->text), "%s", text);
	atomic_store(&page->done, 0);
	if (kill(pid, SIGUSR1) == -1)
		fatal("no order can be given: %s", strerror(errno));
	while (end == NEVER && now_ms() < until) {
		if (atomic_load(&page->done) == 1)
			end = page->end;
		else if (poll(&p, 1, 2) == 1)
			end = ENDED;
	}
	close(p.fd);
	return end;
}

static const char *
words(int end)
{
	return end == ENDED ? "it ends"
	    : end == NEVER  ? "nothing comes back"
	    : end == 0	    ? "it works"
			    : strerrorname_np(end);
}

/* ---- ends ---- */

/* Lines of the log that say so of this process. */
static unsigned
killed(void)
{
	FILE *f = fopen(log_path, "r");
	char line[1024], whose[64];
	unsigned n = 0;

	(void)snprintf(whose, sizeof(whose), "keywarden-%s ", name);
	if (f == NULL)
		fatal("%s: %s", log_path, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, KILLED) != NULL && strstr(line, whose) != NULL)
			n++;
	(void)fclose(f);
	return n;
}

/* The supervisor waits longer each time, but for who has been told. */
static void
start_at_once(int old)
{
	const pid_t supervisor = (pid_t)strtol(getenv("DAEMON"), NULL, 10);

	if (supervisor > 1)
		(void)kill(supervisor, SIGHUP);
	(void)who(old);
}

static bool
comes_to(unsigned n)
{
	const int64_t until = now_ms() + PATIENCE_MS;

	while (killed() < n && now_ms() < until)
		nap();
	return killed() == n;
}

/* It must die of that row, and the log must say so. */
static void
die_of(int n, const char *what, const char *file)
{
	const unsigned before = killed();
	const int pid = who(0), end = ordered(INSIDE_ROW, n, file);

	if (end != ENDED) {
		say(false, what, words(end));
		return;
	}
	say(comes_to(before + 1), what, "SIGSYS, and the log says so");
	start_at_once(pid);
}

/* ---- rows ---- */

static int
count(void)
{
	if (ordered(INSIDE_ROWS, 0, "") != 0 || page->n < 80)
		fatal("there are no rows");
	return page->n;
}

/* Its name; what it must come to in *expected. */
static const char *
row_name(int n, int *expected)
{
	static char text[INSIDE_TEXT];

	if (ordered(INSIDE_NAME, n, "") != 0)
		fatal("row %d has no name", n);
	*expected = page->expected;
	memcpy(text, page->text, sizeof(text));
	return text;
}

/* As `which` says: all that end in errors, or those of which it dies. */
static void
rows(bool deaths, const char *which, const char *file)
{
	const int most = count();
	unsigned found = 0;

	for (int n = 0; n < most; n++) {
		int expected, end;
		const char *what = row_name(n, &expected);

		if ((expected == DIES) != deaths ||
		    (which != NULL && strcmp(what, which) != 0))
			continue;
		found++;
		if (deaths)
			die_of(n, what, file);
		else {
			end = ordered(INSIDE_ROW, n, file);
			say(end == expected, what, words(end));
		}
	}
	if (found == 0)
		say(false, which == NULL ? "rows" : which, "there is none");
}

/* ---- files and descriptors ---- */

static bool
is_refused(int end)
{
	return end == EACCES || end == ENOENT || end == EPERM || end == EROFS;
}

static void
shut(const char *file)
{
	const int to_read = ordered(INSIDE_READ, 0, file);
	const int to_write = ordered(INSIDE_WRITE, 0, file);
	const char *last = strrchr(file, '/');
	const bool ok = is_refused(to_read) && is_refused(to_write);

	if (strncmp(file, "/proc", 5) == 0)
		last = file;
	say(ok, last == NULL ? file : last,
	    words(is_refused(to_read) ? to_write : to_read));
}

static void
over(const char *text)
{
	char first[INSIDE_TEXT] = "";
	const int end = ordered(INSIDE_OVER, 0, text);
	FILE *f = fopen(log_path, "r");

	if (f == NULL || fgets(first, sizeof(first), f) == NULL)
		fatal("%s: %s", log_path, strerror(errno));
	(void)fclose(f);
	say(end != NEVER && strncmp(first, text, strlen(text)) != 0,
	    "what the log has stays", "");
}

static void
expect(enum inside_order order, int n, const char *text, int must,
    const char *what)
{
	const int end = ordered(order, n, text);

	say(end == must, what, words(end));
}

/* ---- the line to the supervisor ---- */

static void
ends_of(enum inside_order order, const char *what)
{
	const int pid = who(0);
	const int64_t until = now_ms() + PATIENCE_MS;

	(void)ordered(order, 0, "");
	while (kill(pid, 0) == 0 && now_ms() < until)
		nap();
	say(kill(pid, 0) == -1, what, "it is ended");
	start_at_once(pid);
}

static void
line(void)
{
	static const struct {
		enum inside_order order;
		const char *what;
	} all[] = {{INSIDE_UNKNOWN, "a message to the supervisor, of none"},
	    {INSIDE_PIN, "that the PIN was refused"},
	    {INSIDE_READY, "that it is ready, again"},
	    {INSIDE_EMPTY, "a packet of no length"},
	    {INSIDE_DEAF, "its line closed"}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ends_of(all[i].order, all[i].what);
}

/* ---- */

static struct inside *
open_page(const char *dir)
{
	char path[2048];
	void *p;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/keywarden-%s.orders", dir, name);
	if ((fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		fatal("%s: %s", path, strerror(errno));
	p = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (p == MAP_FAILED)
		fatal("%s: %s", path, strerror(errno));
	return p;
}

/* How many words it was. */
static int
act(char *const word[], int n)
{
	const char *what = word[0], *arg = n > 1 ? word[1] : "";

	if (strcmp(what, "rows") == 0)
		rows(false, NULL, arg);
	else if (strcmp(what, "deaths") == 0)
		rows(true, NULL, arg);
	else if (strcmp(what, "death") == 0 && n > 2) {
		rows(true, arg, word[2]);
		return 3;
	} else if (strcmp(what, "shut") == 0) {
		for (int i = 1; i < n; i++)
			shut(word[i]);
		return n;
	} else if (strcmp(what, "load") == 0)
		expect(INSIDE_LOAD, 0, arg, EACCES, "a module");
	else if (strcmp(what, "port") == 0)
		expect(INSIDE_CALL, (int)strtol(arg, NULL, 10), "", EACCES,
		    "another port");
	else if (strcmp(what, "lists") == 0)
		expect(INSIDE_LISTS, (int)strtol(arg, NULL, 10), "", 0,
		    "that its lists end, and do not");
	else if (strcmp(what, "over") == 0)
		over(arg);
	else if (strcmp(what, "closed") == 0) {
		const int end = ordered(INSIDE_FILES, 0, "");

		say(end == 0 && page->n == 0, "no open file can be read", "");
		return 1;
	} else if (strcmp(what, "options") == 0) {
		expect(INSIDE_PRIVILEGES, 0, "", EPERM, "options of sockets");
		return 1;
	} else if (strcmp(what, "noise") == 0) {
		expect(INSIDE_NOISE, 0, "", 0, "noise to its neighbours");
		return 1;
	} else if (strcmp(what, "last") == 0) {
		ends_of(INSIDE_LAST, "its last word, and it stays");
		return 1;
	} else if (strcmp(what, "line") == 0) {
		line();
		return 1;
	} else
		fatal("\"%s\" is no act", what);
	return 2;
}

int
main(int argc, char **argv)
{
	log_init("attack-inside", LOG_LVL_INFO);
	if (argc < 5 || getenv("DAEMON") == NULL)
		fatal("usage: DAEMON=PID attack-inside DIR NAME LOG act...");
	name = argv[2];
	log_path = argv[3];
	page = open_page(argv[1]);
	for (int i = 4; i < argc;)
		i += act(argv + i, argc - i);
	return 0;
}
