#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/cli_secret.h"
#include "appliance/spawn.h"

#define LINE_MAX_OCTETS 256

static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	caught = number;
}

/* With the echo off, and on again whatever ends the typing. */
static ssize_t
read_unseen(int tty, uint8_t *line)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	const struct sigaction on = {.sa_handler = on_signal};
	struct sigaction was[sizeof(ends) / sizeof(*ends)];
	struct termios before, quiet;
	ssize_t n;

	if (tcgetattr(tty, &before) == -1)
		return -1;
	caught = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		(void)sigaction(ends[i], &on, &was[i]);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ICANON | ECHONL;
	n = tcsetattr(tty, TCSAFLUSH, &quiet) == -1
	    ? -1
	    : read(tty, line, LINE_MAX_OCTETS);
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		(void)sigaction(ends[i], &was[i], NULL);
	if (caught != 0)
		(void)raise(caught);
	return n;
}

static enum err
ask(const char *what, uint8_t *line, ssize_t *n, struct why *why)
{
	const int tty = isatty(STDIN_FILENO)
	    ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
	    : -1;

	if (tty == -1)
		return why_set(why, ERR_DENIED,
		    "%s is needed, and there is no terminal to ask on: give "
		    "--pin-file",
		    what);
	(void)fflush(stdout);
	(void)dprintf(tty, "%s: ", what);
	*n = read_unseen(tty, line);
	close(tty);
	return ERR_OK;
}

enum err
cli_secret(const char *file, const char *what, struct secret **out,
    struct why *why)
{
	struct secret *s = NULL;
	ssize_t n = -1;
	uint8_t *b;
	int fd;
	enum err rc;

	if (secret_new(LINE_MAX_OCTETS, &s) != ERR_OK)
		return why_set(why, ERR_NOMEM,
		    "no locked memory for a secret (RLIMIT_MEMLOCK)");
	b = secret_data(s);
	if (file == NULL)
		rc = ask(what, b, &n, why);
	else if ((rc = open_secret_file(file, "PIN file", &fd, why)) ==
	    ERR_OK) {
		n = read(fd, b, LINE_MAX_OCTETS);
		close(fd);
	}
	if (rc != ERR_OK)
		goto out;
	if (n == LINE_MAX_OCTETS)
		n = -1;
	while (n > 0 && (b[n - 1] == '\n' || b[n - 1] == '\r'))
		n--;
	if (n <= 0) {
		rc = why_set(why, ERR_PIN, "%s: nothing, or over %d octets",
		    file != NULL ? file : what, LINE_MAX_OCTETS - 1);
		goto out;
	}
	secret_truncate(s, (size_t)n);
	*out = s;
	s = NULL;
out:
	secret_free(&s);
	return rc;
}
