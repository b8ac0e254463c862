/*
 * The connection to the other appliance: TLS on a non-blocking socket that is
 * made in the filter, made again when it is lost.  It is up when the server
 * has answered a keepAlive: in TLS 1.3 a client whose certificate is refused
 * learns that only when it reads (docs/PROTOCOL.md, A1).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "appliance/xkc_proc.h"
#include "base/log.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};
const struct tls_client_kind xkc_tls_kind = {.section = "xk_client",
    .ca_name = "server_ca",
    .alpn = alpn,
    .alpn_len = sizeof(alpn)};

static void on_poll(uv_poll_t *h, int status, int events);

static int64_t
now(const struct xkc *x)
{
	return (int64_t)uv_now(&x->loop);
}

static void
watch(struct xkc_conn *c)
{
	int want = c->state == XKC_CONNECTING ? UV_WRITABLE : UV_READABLE;

	if (c->dead)
		return;
	if (c->want_write || (c->state == XKC_OPEN && c->out_len > c->out_at))
		want |= UV_WRITABLE;
	if (want == c->events)
		return;
	c->events = want;
	(void)uv_poll_start(&c->poll, want, on_poll);
}

/* ---- its end ---- */

static void
after_close(uv_handle_t *h)
{
	struct xkc_conn *c = h->data;

	SSL_free(c->ssl);
	close(c->fd);
	free(c->out);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* The log has each state once, not each attempt. */
static void
say_down(struct xkc *x, const char *why)
{
	if (strcmp(x->said, why) == 0)
		return;
	(void)snprintf(x->said, sizeof(x->said), "%s", why);
	log_warning("no connection to the appliance that makes keys: %s", why);
}

static void
wait_to_retry(struct xkc *x)
{
	x->retry_at = now(x) + x->backoff;
	x->backoff = x->backoff * 2 > XKC_BACKOFF_MOST_MS ? XKC_BACKOFF_MOST_MS
							  : x->backoff * 2;
}

static void
retry_at_once(struct xkc *x)
{
	x->retry_at = 0;
	x->backoff = XKC_BACKOFF_FIRST_MS;
}

static void
end(struct xkc_conn *c)
{
	struct xkc *x = c->x;

	c->dead = true;
	x->conn = NULL;
	xkc_asks_down(x->asks);
	uv_close((uv_handle_t *)&c->poll, after_close);
}

static void
lost(struct xkc_conn *c, const char *why)
{
	struct xkc *x = c->x;

	if (c->dead)
		return;
	say_down(x, why);
	if (c->up_at != 0 && now(x) - c->up_at >= XKC_STEADY_MS)
		retry_at_once(x);
	else
		wait_to_retry(x);
	end(c);
}

/* What SSL_read and the like say: true to wait. */
static bool
tls_waits(struct xkc_conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return true;
	case SSL_ERROR_WANT_WRITE:
		c->want_write = true;
		return true;
	case SSL_ERROR_ZERO_RETURN:
		lost(c, "closed by it");
		return false;
	default:
		lost(c, tls_client_error(c->ssl));
		return false;
	}
}

/* ---- out ---- */

bool
xkc_conn_send(void *ctx, const uint8_t *der, size_t len)
{
	struct xkc *x = ctx;
	struct xkc_conn *c = x->conn;

	if (c == NULL || c->state != XKC_OPEN ||
	    len > XKC_QUEUE - (c->out_len - c->out_at))
		return false;
	if (len > XKC_QUEUE - c->out_len) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	memcpy(c->out + c->out_len, der, len);
	c->out_len += len;
	watch(c); /* written when the loop turns: nobody is called back */
	return true;
}

static void
write_out(struct xkc_conn *c)
{
	while (!c->dead && c->out_len > c->out_at) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_write_ex(c->ssl, c->out + c->out_at,
			c->out_len - c->out_at, &n) != 1) {
			(void)tls_waits(c, 0);
			return;
		}
		c->out_at += n;
	}
	c->out_at = c->out_len = 0;
}

/* ---- in ---- */

static const char *
what_broke(enum err rc)
{
	switch (rc) {
	case ERR_DENIED:
		return "it calls a message of this appliance malformed";
	case ERR_MISMATCH:
		return "it answers what was not asked";
	case ERR_NOMEM:
		return "out of memory here";
	default:
		return "it does not speak Xk";
	}
}

static void
take(struct xkc_conn *c)
{
	struct xkc *x = c->x;
	const enum err rc = xkc_asks_take(x->asks, c->in, &c->in_len);

	if (rc != ERR_OK) {
		lost(c, what_broke(rc));
		return;
	}
	if (c->up_at != 0 || !xkc_asks_is_up(x->asks))
		return;
	c->up_at = now(x);
	x->said[0] = '\0';
	log_info("connected to the appliance that makes keys");
}

/* All of it: the socket may have no event for what TLS has read already. */
static void
read_in(struct xkc_conn *c)
{
	while (!c->dead) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_read_ex(c->ssl, c->in + c->in_len,
			sizeof(c->in) - c->in_len, &n) != 1) {
			(void)tls_waits(c, 0);
			return;
		}
		c->in_len += n;
		take(c);
	}
}

/* ---- its beginning ---- */

static void
handshake(struct xkc_conn *c)
{
	int n;

	ERR_clear_error();
	if ((n = SSL_connect(c->ssl)) != 1) {
		(void)tls_waits(c, n);
		return;
	}
	if (!tls_client_agreed(&xkc_tls_kind, c->ssl)) {
		lost(c, "it does not speak xk/1");
		return;
	}
	c->state = XKC_OPEN;
	xkc_asks_begin(c->x->asks, now(c->x));
}

/* 0, or the errno that the socket holds. */
static int
socket_error(const struct xkc_conn *c)
{
	socklen_t len = sizeof(int);
	int e = 0;

	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1 ? errno
								       : e;
}

static void
connected(struct xkc_conn *c)
{
	const int e = socket_error(c);

	if (e != 0) {
		lost(c, strerror(e));
		return;
	}
	if (tls_client_open(c->x->tls, c->fd, c->x->name, &c->ssl) != ERR_OK) {
		lost(c, "xk_client.name is not a name");
		return;
	}
	c->state = XKC_HANDSHAKE;
	handshake(c);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct xkc_conn *c = h->data;
	const int e = status < 0 ? socket_error(c) : 0;

	(void)events;
	c->want_write = false;
	/* libuv says EBADF of every error of a socket. */
	if (status < 0)
		lost(c, e == 0 ? "connection lost" : strerror(e));
	else if (c->state == XKC_CONNECTING)
		connected(c);
	else if (c->state == XKC_HANDSHAKE)
		handshake(c);
	if (!c->dead && c->state == XKC_OPEN) {
		write_out(c);
		read_in(c);
	}
	watch(c);
}

static int
dial(const struct address *a)
{
	const int fd = socket(a->sa.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int one = 1;

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) == -1 &&
	    errno != EINPROGRESS) {
		const int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static void
begin(struct xkc *x)
{
	struct xkc_conn *c = calloc(1, sizeof(*c));
	int fd;

	if (c == NULL || (c->out = malloc(XKC_QUEUE)) == NULL)
		fatal("out of memory");
	if ((fd = dial(&x->address)) == -1) {
		say_down(x, strerror(errno));
		wait_to_retry(x);
		free(c->out);
		free(c);
		return;
	}
	c->x = x;
	c->fd = fd;
	c->since = now(x);
	c->poll.data = c;
	if (uv_poll_init(&x->loop, &c->poll, fd) != 0)
		fatal("a socket cannot be watched");
	x->conn = c;
	watch(c);
}

void
xkc_conn_tick(struct xkc *x)
{
	const enum err rc = xkc_asks_tick(x->asks, now(x));

	if (x->conn == NULL && now(x) >= x->retry_at)
		begin(x);
	else if (x->conn != NULL &&
	    (rc != ERR_OK ||
		(x->conn->state != XKC_OPEN &&
		    now(x) - x->conn->since >= XKC_PROOF_MS)))
		lost(x->conn, "it does not answer");
}

void
xkc_conn_renew(struct xkc *x)
{
	if (x->conn != NULL)
		end(x->conn);
	x->said[0] = '\0'; /* how it is now is news */
	retry_at_once(x);
}

void
xkc_conn_stop(struct xkc *x)
{
	if (x->conn != NULL && x->conn->state == XKC_OPEN)
		(void)SSL_shutdown(x->conn->ssl);
}
