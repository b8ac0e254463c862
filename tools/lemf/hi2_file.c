#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hi2/ps_pdu.h"
#include "lemf/hi2_file.h"
#include "lemf/record.h"

/* A whole PDU fits behind what is left of the one before. */
#define BUFFER (2 * RECORD_PDU_MAX)

struct hi2_file {
	int fd;
	struct ber_frame frame;
	uint64_t at; /* of the PDU given last */
	size_t given; /* its octets */
	size_t from, to; /* what of the buffer is read from the file */
	size_t most; /* octets of it that have ever been used */
	uint8_t octets[BUFFER];
};

enum err
hi2_file_open(const char *path, struct hi2_file **out, struct why *why)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct hi2_file *f;

	if (fd == -1)
		return why_errno(why, "%s", path);
	if ((f = calloc(1, sizeof(*f))) == NULL) {
		close(fd);
		return why_set(why, ERR_NOMEM, "out of memory");
	}
	f->fd = fd;
	*out = f;
	return ERR_OK;
}

void
hi2_file_close(struct hi2_file **fp)
{
	if (*fp == NULL)
		return;
	close((*fp)->fd);
	explicit_bzero((*fp)->octets, (*fp)->most);
	free(*fp);
	*fp = NULL;
}

uint64_t
hi2_file_at(const struct hi2_file *f)
{
	return f->at;
}

/* More of the file; ERR_CLOSED at its end. */
static enum err
fill(struct hi2_file *f, struct why *why)
{
	ssize_t n;

	if (f->to == BUFFER) {
		memmove(f->octets, f->octets + f->from, f->to - f->from);
		f->to -= f->from;
		f->from = 0;
	}
	do
		n = read(f->fd, f->octets + f->to, BUFFER - f->to);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return why_errno(why, "cannot read");
	if (n == 0)
		return ERR_CLOSED;
	f->to += (size_t)n;
	if (f->most < f->to)
		f->most = f->to;
	return ERR_OK;
}

enum err
hi2_file_next(struct hi2_file *f, struct rd *pdu, struct why *why)
{
	struct rd have;
	size_t len;
	enum err rc;

	f->at += f->given;
	f->from += f->given;
	f->given = 0;
	for (;;) {
		rd_init(&have, f->octets + f->from, f->to - f->from);
		rc = ps_pdu_frame(&f->frame, have, RECORD_PDU_MAX, &len);
		if (rc == ERR_OK) {
			f->given = len;
			return rd_view(&have, len, pdu);
		}
		if (rc != ERR_AGAIN)
			return why_set(why, rc, "%s",
			    rc == ERR_TOOBIG ? "a PS-PDU over 1 MiB"
					     : "no PS-PDU begins there");
		if ((rc = fill(f, why)) != ERR_OK)
			break;
	}
	if (rc == ERR_CLOSED && have.left > 0)
		rc = why_set(why, ERR_TRUNCATED, "it ends inside a PS-PDU");
	return rc;
}
