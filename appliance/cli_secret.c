#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "appliance/cli_secret.h"
#include "appliance/spawn.h"
#include "base/secret_fd.h"

static volatile sig_atomic_t caught;

static void
on_signal(int number)
{
	caught = number;
}

/* With the echo off, and on again whatever ends the typing. */
static enum err
read_unseen(int tty, struct secret **out)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	const struct sigaction on = {.sa_handler = on_signal};
	struct sigaction was[sizeof(ends) / sizeof(*ends)];
	struct termios before, quiet;
	enum err rc = ERR_MALFORMED;

	if (tcgetattr(tty, &before) == -1)
		return rc;
	caught = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		(void)sigaction(ends[i], &on, &was[i]);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ICANON | ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0)
		rc = secret_read(tty, out);
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		(void)sigaction(ends[i], &was[i], NULL);
	if (caught != 0)
		(void)raise(caught);
	return rc;
}

static enum err
ask(const char *what, struct secret **out, struct why *why)
{
	const int tty = isatty(STDIN_FILENO)
	    ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)
	    : -1;
	enum err rc;

	if (tty == -1)
		return why_set(why, ERR_DENIED,
		    "%s is needed, and there is no terminal to ask on: give "
		    "--pin-file",
		    what);
	(void)fflush(stdout);
	(void)dprintf(tty, "%s: ", what);
	rc = read_unseen(tty, out);
	close(tty);
	return rc;
}

enum err
cli_secret(const char *file, const char *what, struct secret **out,
    struct why *why)
{
	enum err rc;
	int fd;

	if (file == NULL)
		rc = ask(what, out, why);
	else if ((rc = open_secret_file(file, "PIN file", &fd, why)) != ERR_OK)
		return rc;
	else {
		rc = secret_read(fd, out);
		close(fd);
	}
	if (rc == ERR_NOMEM)
		return why_set(why, rc,
		    "no locked memory for a secret (RLIMIT_MEMLOCK)");
	if (rc == ERR_MALFORMED)
		return why_set(why, ERR_PIN, "%s: nothing, or over %d octets",
		    file != NULL ? file : what, SECRET_LINE_MAX);
	return rc;
}
