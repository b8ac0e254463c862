#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "puppet_link.h"

void
puppet_stop(const char *what)
{
	(void)fprintf(stderr, "puppet: %s: %s\n", what, strerror(errno));
	exit(2);
}

void
puppet_open(struct puppet *p, const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	*p = (struct puppet){.wire_at = -1};
	if (strlen(path) >= sizeof(name.sun_path))
		puppet_stop(path);
	memcpy(name.sun_path, path, strlen(path));
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd == -1 ||
	    connect(p->fd, (const struct sockaddr *)&name, sizeof(name)) ==
		-1 ||
	    fcntl(p->fd, F_SETFL, O_NONBLOCK) == -1)
		puppet_stop(path);
}

/* ---- in ---- */

static void
keep(struct octets_in *b, const void *octets, size_t len)
{
	if (b->at == b->len)
		b->at = b->len = 0;
	if (b->cap - b->len < len) {
		b->cap = 2 * (b->len + len);
		if ((b->p = realloc(b->p, b->cap)) == NULL)
			puppet_stop("out of memory");
	}
	memcpy(b->p + b->len, octets, len);
	b->len += len;
}

static void
fill(struct puppet *p)
{
	static uint8_t octets[PUPPET_MOST];
	const ssize_t n = read(p->fd, octets, sizeof(octets));

	if (n > 0)
		keep(&p->in, octets, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		puppet_stop("it has gone");
}

/* ---- out ---- */

static void
put(struct puppet *p, const void *octets, size_t len)
{
	const char *at = octets;

	while (len > 0) {
		struct pollfd w = {p->fd, POLLIN | POLLOUT, 0};
		ssize_t n;

		(void)poll(&w, 1, -1);
		if ((w.revents & POLLIN) != 0) /* or neither goes on */
			fill(p);
		if ((w.revents & POLLOUT) == 0)
			continue;
		n = send(p->fd, at, len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			puppet_stop("it has gone");
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

void
puppet_write(struct puppet *p, uint8_t wire, const void *octets, size_t len)
{
	uint8_t head[PUPPET_HEAD];
	struct wr w;

	wr_init(&w, head, sizeof(head));
	wr_u8(&w, wire);
	wr_u32(&w, (uint32_t)len);
	put(p, head, sizeof(head));
	put(p, octets, len);
}

void
puppet_send(struct puppet *p, uint8_t wire, uint16_t type, uint32_t id,
    const void *body, size_t len)
{
	static uint8_t frame[IPC_HEADER_LEN + MAX_IPC_BODY];
	struct wr w;

	wr_init(&w, frame, sizeof(frame));
	wr_u32(&w, (uint32_t)(IPC_HEADER_LEN - 4 + len));
	wr_u16(&w, type);
	wr_u32(&w, id);
	wr_copy(&w, body, len);
	if (w.rc != ERR_OK)
		puppet_stop("a frame that is too long");
	puppet_write(p, wire, frame, w.len);
}

/* ---- words ---- */

static bool
next_frame(struct octets_in *b, struct ipc_frame *f)
{
	uint32_t len;
	struct rd r;

	rd_init(&r, b->p, b->len);
	r.p = b->p == NULL ? NULL : b->p + b->at;
	r.left = b->len - b->at;
	if (rd_u32(&r, &len) != ERR_OK || len > r.left)
		return false;
	r.left = len;
	if (rd_u16(&r, &f->type) != ERR_OK || rd_u32(&r, &f->id) != ERR_OK)
		puppet_stop("a frame that is none");
	f->body = r;
	b->at += 4 + (size_t)len;
	return true;
}

/* One packet of the puppet, if it is there whole. */
static enum word
next_packet(struct puppet *p, uint8_t *wire)
{
	struct octets_in *b = &p->in;
	uint32_t len = 0;
	struct rd r;

	if (b->len - b->at < PUPPET_HEAD)
		return WORD_NONE;
	rd_init(&r, b->p + b->at, b->len - b->at);
	if (rd_u8(&r, wire) != ERR_OK || rd_u32(&r, &len) != ERR_OK ||
	    len > r.left)
		return WORD_NONE;
	b->at += PUPPET_HEAD + (size_t)len;
	if ((*wire & PUPPET_NEW) != 0) {
		*wire &= (uint8_t)~PUPPET_NEW;
		p->wire[*wire].at = p->wire[*wire].len = 0;
		return WORD_NEW;
	}
	if (len == 0)
		return WORD_CLOSED;
	keep(&p->wire[*wire], r.p, len);
	p->wire_at = *wire;
	return WORD_FRAME;
}

enum word
puppet_hear(struct puppet *p, int ms, uint8_t *wire, struct ipc_frame *f)
{
	const int64_t until = clock_uptime_ms() + ms;
	enum word w;

	for (;;) {
		struct pollfd at = {p->fd, POLLIN, 0};
		int64_t left;

		if (p->wire_at != -1 && next_frame(&p->wire[p->wire_at], f)) {
			*wire = (uint8_t)p->wire_at;
			return WORD_FRAME;
		}
		p->wire_at = -1;
		if ((w = next_packet(p, wire)) == WORD_FRAME)
			continue;
		if (w != WORD_NONE)
			return w;
		left = until - clock_uptime_ms();
		if (left <= 0 || poll(&at, 1, (int)left) < 1)
			return WORD_NONE;
		fill(p);
	}
}
