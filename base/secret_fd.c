#include <fcntl.h>
#include <unistd.h>

#include "base/secret_fd.h"

enum err
secret_read(int fd, struct secret **out)
{
	struct secret *s = NULL;
	size_t len = 0;
	uint8_t *b;
	ssize_t n;

	if (secret_new(SECRET_LINE_MAX + 1, &s) != ERR_OK)
		return ERR_NOMEM;
	b = secret_data(s);
	do {
		n = read(fd, b + len, SECRET_LINE_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len <= SECRET_LINE_MAX && b[len - 1] != '\n');
	if (n == -1 || len > SECRET_LINE_MAX)
		len = 0;
	while (len > 0 && (b[len - 1] == '\n' || b[len - 1] == '\r'))
		len--;
	if (len == 0) {
		secret_free(&s);
		return ERR_MALFORMED;
	}
	secret_truncate(s, len);
	*out = s;
	return ERR_OK;
}

enum err
secret_pipe(struct secret *s, int *fd, struct why *why)
{
	const ssize_t len = (ssize_t)secret_len(s);
	enum err rc = ERR_OK;
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return why_errno(why, "pipe");
	if (write(p[1], secret_data(s), secret_len(s)) != len)
		rc = why_errno(why, "pipe");
	close(p[1]);
	if (rc == ERR_OK)
		*fd = p[0];
	else
		close(p[0]);
	return rc;
}
