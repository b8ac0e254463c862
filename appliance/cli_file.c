#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/cli_file.h"

enum err
cli_read_file(const char *path, size_t most, uint8_t **out, size_t *len,
    struct why *why)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *p;
	size_t n = 0;
	ssize_t got;

	if (fd == -1)
		return why_errno(why, "%s", path);
	if ((p = malloc(most + 1)) == NULL) {
		close(fd);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	while (n <= most && (got = read(fd, p + n, most + 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (n == 0 || n > most) {
		free(p);
		return why_set(why, ERR_TOOBIG,
		    "%s: empty, unreadable or over %zu octets", path, most);
	}
	*out = p;
	*len = n;
	return ERR_OK;
}

enum err
cli_sync_dir(const char *path, struct why *why)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err rc = ERR_OK;

	if (fd == -1)
		return why_errno(why, "%s", path);
	if (fsync(fd) == -1)
		rc = why_errno(why, "fsync %s", path);
	close(fd);
	return rc;
}

enum err
cli_sync_folder_of(const char *path, struct why *why)
{
	char *copy = strdup(path);
	enum err rc;

	if (copy == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	rc = cli_sync_dir(dirname(copy), why);
	free(copy);
	return rc;
}

enum err
cli_write_file(const char *path, const void *p, size_t len, unsigned mode,
    struct why *why)
{
	const int fd = open(path,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	enum err rc = ERR_OK;

	if (fd == -1 && errno == EEXIST)
		return why_set(why, ERR_EXISTS,
		    "%s exists: it is not written over", path);
	if (fd == -1)
		return why_errno(why, "%s", path);
	if (write(fd, p, len) != (ssize_t)len || fsync(fd) == -1)
		rc = why_errno(why, "%s", path);
	if (close(fd) == -1 && rc == ERR_OK)
		rc = why_errno(why, "%s", path);
	if (rc != ERR_OK) {
		(void)unlink(path);
		return rc;
	}
	return cli_sync_folder_of(path, why);
}

enum err
cli_file_is_new(const char *path, struct why *why)
{
	struct stat st;

	return lstat(path, &st) == -1
	    ? ERR_OK
	    : why_set(why, ERR_EXISTS, "%s exists: it is not written over",
		  path);
}
