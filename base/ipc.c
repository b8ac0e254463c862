#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ipc.h"

/* Octets [head, tail) of p are in use; everything else is zero. */
struct queue {
	uint8_t *p;
	size_t head, tail, cap;
};

struct ipc_chan {
	int fd;
	size_t max_body, max_queue;
	size_t consumed; /* length of the frame last returned */
	struct queue in, out;
	size_t open_at; /* where the frame under ipc_begin() starts */
};

static void
queue_free(struct queue *q)
{
	if (q->p != NULL)
		explicit_bzero(q->p, q->cap);
	free(q->p);
	*q = (struct queue){0};
}

/* Room for `n` octets behind tail, moving and growing as needed. */
static enum err
queue_reserve(struct queue *q, size_t n)
{
	size_t used = q->tail - q->head;
	size_t cap = q->cap == 0 ? 4096 : q->cap;
	uint8_t *p;

	if (n <= q->cap - q->tail)
		return ERR_OK;
	while (cap - used < n)
		cap *= 2;
	if (cap == q->cap) {
		memmove(q->p, q->p + q->head, used);
		explicit_bzero(q->p + used, q->cap - used);
	} else {
		if ((p = calloc(1, cap)) == NULL)
			return ERR_NOMEM;
		if (used > 0)
			memcpy(p, q->p + q->head, used);
		queue_free(q);
		q->p = p;
		q->cap = cap;
	}
	q->head = 0;
	q->tail = used;
	return ERR_OK;
}

static void
queue_drop(struct queue *q, size_t n)
{
	explicit_bzero(q->p + q->head, n);
	q->head += n;
	if (q->head == q->tail)
		q->head = q->tail = 0;
}

enum err
ipc_chan_new(int fd, size_t max_body, size_t max_queue, struct ipc_chan **out)
{
	struct ipc_chan *c;
	int on = 1;

	/* Not by F_SETFL: that can do more, and no filter lets it. */
	if (ioctl(fd, FIONBIO, &on) == -1) {
		close(fd);
		return ERR_IO;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return ERR_NOMEM;
	}
	c->fd = fd;
	c->max_body = max_body;
	c->max_queue = max_queue;
	*out = c;
	return ERR_OK;
}

void
ipc_chan_free(struct ipc_chan **cp)
{
	struct ipc_chan *c = *cp;

	if (c == NULL)
		return;
	close(c->fd);
	queue_free(&c->in);
	queue_free(&c->out);
	free(c);
	*cp = NULL;
}

int
ipc_chan_fd(const struct ipc_chan *c)
{
	return c->fd;
}

static void
drop_consumed(struct ipc_chan *c)
{
	if (c->consumed > 0)
		queue_drop(&c->in, c->consumed);
	c->consumed = 0;
}

enum err
ipc_fill(struct ipc_chan *c)
{
	const size_t most = IPC_HEADER_LEN + c->max_body;
	size_t want;
	ssize_t n;
	enum err rc;

	drop_consumed(c);
	/* Never more than one whole frame and a bit: memory stays bounded. */
	if (c->in.tail - c->in.head >= most)
		return ERR_OK;
	want = most - (c->in.tail - c->in.head);
	if (want > 65536)
		want = 65536;
	if ((rc = queue_reserve(&c->in, want)) != ERR_OK)
		return rc;
	do
		n = read(c->fd, c->in.p + c->in.tail, want);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_OK;
	if (n == -1 && errno == ECONNRESET)
		return ERR_CLOSED;
	if (n == -1)
		return ERR_IO;
	if (n == 0)
		return ERR_CLOSED;
	c->in.tail += (size_t)n;
	return ERR_OK;
}

enum err
ipc_next(struct ipc_chan *c, struct ipc_frame *out)
{
	struct ipc_frame f;
	struct rd r;
	uint32_t len;

	drop_consumed(c);
	if (c->in.p == NULL)
		return ERR_AGAIN;
	rd_init(&r, c->in.p + c->in.head, c->in.tail - c->in.head);
	if (rd_u32(&r, &len) != ERR_OK)
		return ERR_AGAIN;
	if (len < IPC_HEADER_LEN - 4 || len > IPC_HEADER_LEN - 4 + c->max_body)
		return ERR_MALFORMED;
	if (rd_u16(&r, &f.type) != ERR_OK || rd_u32(&r, &f.id) != ERR_OK ||
	    rd_view(&r, len - (IPC_HEADER_LEN - 4), &f.body) != ERR_OK)
		return ERR_AGAIN;
	c->consumed = 4 + (size_t)len;
	*out = f;
	return ERR_OK;
}

enum err
ipc_begin(struct ipc_chan *c, uint16_t type, uint32_t id, size_t cap,
    struct wr *out)
{
	struct wr head;
	enum err rc;

	if (cap > UINT32_MAX - IPC_HEADER_LEN)
		return ERR_TOOBIG;
	if (c->out.tail - c->out.head + IPC_HEADER_LEN + cap > c->max_queue)
		return ERR_FULL;
	if ((rc = queue_reserve(&c->out, IPC_HEADER_LEN + cap)) != ERR_OK)
		return rc;
	c->open_at = c->out.tail;
	wr_init(&head, c->out.p + c->out.tail, IPC_HEADER_LEN);
	wr_u32(&head, 0);
	wr_u16(&head, type);
	wr_u32(&head, id);
	wr_init(out, c->out.p + c->out.tail + IPC_HEADER_LEN, cap);
	return ERR_OK;
}

enum err
ipc_commit(struct ipc_chan *c, const struct wr *w)
{
	struct wr head;
	size_t len;
	enum err rc;

	if ((rc = wr_finish(w, &len)) != ERR_OK) {
		explicit_bzero(c->out.p + c->open_at, IPC_HEADER_LEN + w->len);
		return rc;
	}
	wr_init(&head, c->out.p + c->open_at, 4);
	wr_u32(&head, (uint32_t)(IPC_HEADER_LEN - 4 + len));
	c->out.tail = c->open_at + IPC_HEADER_LEN + len;
	return ERR_OK;
}

enum err
ipc_send(struct ipc_chan *c, uint16_t type, uint32_t id, const void *body,
    size_t len)
{
	struct wr w;
	enum err rc;

	if ((rc = ipc_begin(c, type, id, len, &w)) != ERR_OK)
		return rc;
	wr_copy(&w, body, len);
	return ipc_commit(c, &w);
}

enum err
ipc_flush(struct ipc_chan *c)
{
	ssize_t n;

	while (c->out.tail > c->out.head) {
		n = send(c->fd, c->out.p + c->out.head,
		    c->out.tail - c->out.head, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return ERR_OK;
		if (n == -1)
			return errno == EPIPE || errno == ECONNRESET
			    ? ERR_CLOSED
			    : ERR_IO;
		queue_drop(&c->out, (size_t)n);
	}
	return ERR_OK;
}

size_t
ipc_queued(const struct ipc_chan *c)
{
	return c->out.tail - c->out.head;
}

enum err
ipc_dispatch(const struct ipc_rule *table, size_t n, unsigned state, void *ctx,
    const struct ipc_frame *f)
{
	for (size_t i = 0; i < n; i++) {
		if (table[i].type != f->type)
			continue;
		if ((table[i].states & state) == 0 ||
		    f->body.left < table[i].min || f->body.left > table[i].max)
			return ERR_MALFORMED;
		return table[i].handler(ctx, f);
	}
	return ERR_MALFORMED;
}

static enum err
send_packet(int sock, uint16_t type, uint32_t id, const void *body, size_t len,
    int fd, int flags)
{
	uint8_t head[IPC_HEADER_LEN];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov[2] = {{head, sizeof(head)}, {NULL, len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = len > 0 ? 2 : 1};
	struct cmsghdr *c;
	struct wr w;
	ssize_t n;

	if (len > IPC_CTL_MAX - IPC_HEADER_LEN)
		return ERR_TOOBIG;
	memcpy(&iov[1].iov_base, &body, sizeof(body));
	wr_init(&w, head, sizeof(head));
	wr_u32(&w, (uint32_t)(IPC_HEADER_LEN - 4 + len));
	wr_u16(&w, type);
	wr_u32(&w, id);
	if (fd != -1) {
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL | flags);
	while (n == -1 && errno == EINTR);
	if (n != -1)
		return ERR_OK;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return ERR_AGAIN;
	return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
}

enum err
ipc_ctl_send(int sock, uint16_t type, uint32_t id, const void *body, size_t len,
    int fd)
{
	return send_packet(sock, type, id, body, len, fd, 0);
}

enum err
ipc_ctl_try(int sock, uint16_t type, const void *body, size_t len)
{
	return send_packet(sock, type, 0, body, len, -1, MSG_DONTWAIT);
}

/* The one descriptor of a packet, or -1; more than one is a broken sender. */
static enum err
take_fd(struct msghdr *m, int *fd)
{
	struct cmsghdr *c;

	*fd = -1;
	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (c->cmsg_len != CMSG_LEN(sizeof(int)) || *fd != -1)
			return ERR_MALFORMED;
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	}
	return (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ? ERR_MALFORMED
							 : ERR_OK;
}

enum err
ipc_ctl_recv(int sock, uint8_t *buf, size_t cap, struct ipc_frame *out, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {buf, cap};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    /* Not CMSG_SPACE: its padding would let a second one in. */
	    .msg_controllen = CMSG_LEN(sizeof(int))};
	struct rd r;
	uint32_t len;
	ssize_t n;
	enum err rc;

	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_AGAIN;
	if (n == 0 || (n == -1 && errno == ECONNRESET))
		return ERR_CLOSED;
	if (n == -1)
		return ERR_IO;
	if ((rc = take_fd(&m, fd)) == ERR_OK) {
		rd_init(&r, buf, (size_t)n);
		if (rd_u32(&r, &len) != ERR_OK || len != r.left ||
		    rd_u16(&r, &out->type) != ERR_OK ||
		    rd_u32(&r, &out->id) != ERR_OK)
			rc = ERR_MALFORMED;
		out->body = r;
	}
	if (rc != ERR_OK && *fd != -1) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}
