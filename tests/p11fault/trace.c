#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "p11fault.h"

#define TRACE_LINE_MAX 160

static int trace_fd = -1;

enum err
trace_open(const char *path, struct why *why)
{
	int fd = -1;

	if (path != NULL && *path != '\0' &&
	    (fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) <
		0)
		return why_errno(why, "%s", path);
	if (trace_fd >= 0)
		(void)close(trace_fd);
	trace_fd = fd;
	return ERR_OK;
}

/*
 * Names and the handle of the session, and nothing that a caller passed in
 * memory: no PIN, no octet of a key, no message.
 */
void
trace_line(const struct call *c, const char *result)
{
	char line[TRACE_LINE_MAX], session[NAMES_BUF] = "-";
	const int saved = errno;
	int n;

	if (trace_fd < 0)
		return;
	if (c->has_session)
		(void)snprintf(session, sizeof(session), "%lu", c->session);
	n = snprintf(line, sizeof(line), "%s %s %s %ld\n", names_of_fn(c->fn),
	    result, session, (long)getpid());
	/* One write with O_APPEND: lines of several processes do not mix. */
	if (n > 0 && (size_t)n < sizeof(line) &&
	    write(trace_fd, line, (size_t)n) != n)
		(void)fprintf(stderr, "p11fault: trace: %s\n", strerror(errno));
	errno = saved;
}
