#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "p11fault.h"

#define PIN_LABEL "user-pin-failures "
#define PIN_TEXT_MAX 64

static char *pin_path;

void
pin_set_path(const char *path)
{
	free(pin_path);
	pin_path = path != NULL && *path != '\0' ? strdup(path) : NULL;
}

/* An empty file is a count of 0. */
static enum err
parse(const char *text, unsigned long *out)
{
	char *end;

	*out = 0;
	if (*text == '\0')
		return ERR_OK;
	if (strncmp(text, PIN_LABEL, strlen(PIN_LABEL)) != 0)
		return ERR_MALFORMED;
	*out = strtoul(text + strlen(PIN_LABEL), &end, 10);
	return strcmp(end, "\n") == 0 ? ERR_OK : ERR_MALFORMED;
}

enum err
pin_open(struct pin_file *out)
{
	/* Not flock(): the filter of a process that only looks lets this by. */
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char text[PIN_TEXT_MAX];
	enum err rc = ERR_IO;
	ssize_t n;
	int fd = -1;

	if (pin_path == NULL ||
	    (fd = open(pin_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		goto out;
	while (fcntl(fd, F_SETLKW, &all) < 0)
		if (errno != EINTR)
			goto out;
	if ((n = pread(fd, text, sizeof(text) - 1, 0)) < 0)
		goto out;
	text[n] = '\0';
	if ((rc = parse(text, &out->failures)) != ERR_OK)
		goto out;
	out->fd = fd;
	fd = -1; /* now the caller's */
out:
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

enum err
pin_store(struct pin_file *f, unsigned long failures)
{
	char text[PIN_TEXT_MAX];
	int n = snprintf(text, sizeof(text), PIN_LABEL "%lu\n", failures);

	if (ftruncate(f->fd, 0) < 0 || pwrite(f->fd, text, (size_t)n, 0) != n)
		return ERR_IO;
	f->failures = failures;
	return ERR_OK;
}

void
pin_close(struct pin_file *f)
{
	(void)close(f->fd); /* and with it the lock */
	f->fd = -1;
}
