#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "appliance/tls_link.h"
#include "appliance/tls_token.h"
#include "base/log.h"

/* Changes that the log is told of in such a time. */
#define SAID_MOST 20
#define SAID_MS 60000
/* In one turn of the loop, so that the process's other lines have theirs. */
#define READS_MOST 16
#define WRITES_MOST 64

enum state { CONNECTING, HANDSHAKE, UP };

/* One attempt, and the connection that comes of it. */
struct conn {
	struct tls_link *link;
	uv_poll_t poll;
	int fd, events;
	SSL *ssl;
	enum state state;
	bool want_write; /* TLS itself waits for the socket */
	bool dead;
	struct tls_wait wait;
	int64_t proved_at; /* ms; 0: not yet */
};

struct tls_link {
	uv_loop_t *loop;
	const struct tls_link_ops *ops;
	void *ctx;
	const char *whom;
	SSL_CTX *tls; /* NULL: it is not said yet where to */
	struct address address;
	char name[256];
	unsigned unheard_ms;
	uv_timer_t timer; /* the next attempt, or the end of this one */
	struct conn *conn; /* NULL: none */
	unsigned backoff_ms;
	char said[WHY_MAX]; /* what the log was told last of its absence */
	int64_t said_from; /* ms; so many changes were told since */
	unsigned n_said;
	uint8_t in[TLS_LINK_READ];
};

static void on_poll(uv_poll_t *h, int status, int events);
static void on_signed(void *ctx);
static void on_timer(uv_timer_t *t);

static int64_t
now(const struct tls_link *l)
{
	return (int64_t)uv_now(l->loop);
}

static void
watch(struct conn *c)
{
	int want = c->state == CONNECTING ? UV_WRITABLE : UV_READABLE;

	if (c->dead)
		return;
	if (tls_token_waits(&c->wait))
		want = 0;
	if (c->want_write ||
	    (c->state == UP && c->link->ops->out(c->link->ctx).left > 0))
		want |= UV_WRITABLE;
	if (want == c->events)
		return;
	c->events = want;
	if (want == 0)
		(void)uv_poll_stop(&c->poll);
	else
		(void)uv_poll_start(&c->poll, want, on_poll);
}

/* ---- its end ---- */

static void
after_close(uv_handle_t *h)
{
	struct conn *c = h->data;

	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static void
try_in(struct tls_link *l, unsigned ms)
{
	(void)uv_timer_start(&l->timer, on_timer, ms, 0);
}

/* A server that comes and goes for months must not fill the log. */
static bool
may_say(struct tls_link *l)
{
	if (now(l) - l->said_from >= SAID_MS) {
		l->said_from = now(l);
		l->n_said = 0;
	}
	if (l->n_said == SAID_MOST)
		log_warning("the connection to %s comes and goes: not each "
			    "time is told of",
		    l->whom);
	return l->n_said++ < SAID_MOST;
}

/* The log has each state once, not each attempt. */
static void
say_down(struct tls_link *l, const char *why)
{
	if (strcmp(l->said, why) == 0)
		return;
	(void)snprintf(l->said, sizeof(l->said), "%s", why);
	if (may_say(l))
		log_warning("no connection to %s: %s", l->whom, why);
}

/* An attempt that came to nothing, or a connection lost. */
static void
try_again(struct tls_link *l, int64_t proved_at)
{
	if (proved_at != 0)
		l->backoff_ms = TLS_LINK_BACKOFF_FIRST_MS;
	if (proved_at != 0 && now(l) - proved_at >= TLS_LINK_STEADY_MS) {
		try_in(l, 0);
		return;
	}
	try_in(l, l->backoff_ms);
	l->backoff_ms *= 2;
	if (l->backoff_ms > TLS_LINK_BACKOFF_MOST_MS)
		l->backoff_ms = TLS_LINK_BACKOFF_MOST_MS;
}

static void
end(struct conn *c, const char *why)
{
	struct tls_link *l = c->link;

	c->dead = true;
	tls_token_forget(c->ssl, &c->wait);
	l->conn = NULL;
	uv_close((uv_handle_t *)&c->poll, after_close);
	l->ops->down(l->ctx, why);
}

static void
lost(struct conn *c, const char *why)
{
	struct tls_link *l = c->link;

	if (c->dead)
		return;
	say_down(l, why);
	try_again(l, c->proved_at);
	end(c, why);
}

/* What SSL_read and the like say, if it is not to wait: it is lost. */
static void
tls_waits(struct conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_ASYNC:
		break;
	case SSL_ERROR_WANT_WRITE:
		c->want_write = true;
		break;
	case SSL_ERROR_ZERO_RETURN:
		lost(c, "closed by it");
		break;
	default:
		lost(c, tls_client_error(c->ssl));
		break;
	}
}

/* ---- octets ---- */

static void
write_out(struct conn *c)
{
	struct tls_link *l = c->link;

	for (unsigned i = 0; i < WRITES_MOST && !c->dead; i++) {
		const struct rd out = l->ops->out(l->ctx);
		size_t n = 0;

		if (out.left == 0)
			return;
		ERR_clear_error();
		if (SSL_write_ex(c->ssl, out.p, out.left, &n) != 1) {
			tls_waits(c, 0);
			return;
		}
		l->ops->wrote(l->ctx, n);
	}
}

/*
 * A record at a time and whole, so that none waits in TLS while the socket has
 * no event; a record that is none of data (a new key) ends the turn.
 */
static void
read_in(struct conn *c)
{
	struct tls_link *l = c->link;

	for (unsigned i = 0; i < READS_MOST && !c->dead; i++) {
		const char *why;
		struct rd octets;
		size_t n = 0;

		ERR_clear_error();
		if (SSL_read_ex(c->ssl, l->in, sizeof(l->in), &n) != 1) {
			tls_waits(c, 0);
			return;
		}
		rd_init(&octets, l->in, n);
		why = l->ops->take(l->ctx, octets);
		explicit_bzero(l->in, n);
		if (why != NULL)
			lost(c, why);
	}
}

/* ---- its beginning ---- */

static void
handshake(struct conn *c)
{
	struct tls_link *l = c->link;
	int n;

	ERR_clear_error();
	n = tls_token_handshake(c->ssl, &c->wait);
	if (n != 1) {
		tls_waits(c, n);
		return;
	}
	if (!tls_client_agreed(l->ops->kind, c->ssl)) {
		lost(c, "it does not speak the protocol that is asked for");
		return;
	}
	c->state = UP;
	(void)uv_timer_stop(&l->timer);
	l->ops->up(l->ctx);
}

/* 0, or the errno that the socket holds. */
static int
socket_error(const struct conn *c)
{
	socklen_t len = sizeof(int);
	int e = 0;

	return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1 ? errno
								       : e;
}

static void
connected(struct conn *c)
{
	const int e = socket_error(c);
	struct tls_link *l = c->link;

	if (e != 0) {
		lost(c, strerror(e));
		return;
	}
	if (tls_client_open(l->tls, c->fd, l->name, &c->ssl) != ERR_OK) {
		lost(c, "its name in the configuration is not a name");
		return;
	}
	(void)SSL_clear_mode(c->ssl, SSL_MODE_AUTO_RETRY);
	c->wait.resume = on_signed;
	c->wait.ctx = c;
	c->state = HANDSHAKE;
	handshake(c);
}

static void
exchange(struct conn *c)
{
	if (!c->dead && c->state == UP) {
		write_out(c);
		if (!c->dead)
			read_in(c);
	}
	watch(c);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct conn *c = h->data;
	const int e = status < 0 ? socket_error(c) : 0;

	(void)events;
	c->want_write = false;
	/* libuv says EBADF of every error of a socket. */
	if (status < 0)
		lost(c, e == 0 ? "connection lost" : strerror(e));
	else if (c->state == CONNECTING)
		connected(c);
	else if (c->state == HANDSHAKE)
		handshake(c);
	exchange(c);
}

static void
on_signed(void *ctx)
{
	struct conn *c = ctx;

	handshake(c);
	exchange(c);
}

static int
dial(const struct tls_link *l)
{
	const struct address *a = &l->address;
	const int fd = socket(a->sa.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int one = 1;

	if (fd == -1)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (l->unheard_ms > 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
		    &l->unheard_ms, sizeof(l->unheard_ms));
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
begin(struct tls_link *l)
{
	struct conn *c = calloc(1, sizeof(*c));
	int fd;

	if (c == NULL)
		fatal("out of memory");
	if ((fd = dial(l)) == -1) {
		const char *why = strerror(errno);

		free(c);
		say_down(l, why);
		try_again(l, 0);
		l->ops->down(l->ctx, why);
		return;
	}
	c->link = l;
	c->fd = fd;
	c->poll.data = c;
	if (uv_poll_init(l->loop, &c->poll, fd) != 0)
		fatal("a socket cannot be watched");
	l->conn = c;
	try_in(l, TLS_LINK_BEGIN_MS);
	watch(c);
}

static void
on_timer(uv_timer_t *t)
{
	struct tls_link *l = t->data;

	if (l->conn == NULL)
		begin(l);
	else
		lost(l->conn, "it does not answer");
}

/* ---- for its owner ---- */

enum err
tls_link_new(uv_loop_t *loop, const struct tls_link_ops *ops, void *ctx,
    const char *whom, struct tls_link **out)
{
	struct tls_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return ERR_NOMEM;
	l->loop = loop;
	l->ops = ops;
	l->ctx = ctx;
	l->whom = whom;
	l->timer.data = l;
	(void)uv_timer_init(loop, &l->timer);
	*out = l;
	return ERR_OK;
}

void
tls_link_set(struct tls_link *l, const struct tls_link_to *to)
{
	(void)SSL_CTX_up_ref(to->tls);
	SSL_CTX_free(l->tls);
	l->tls = to->tls;
	l->address = to->address;
	(void)snprintf(l->name, sizeof(l->name), "%s", to->name);
	l->unheard_ms = to->unheard_ms;
	tls_link_renew(l);
}

void
tls_link_renew(struct tls_link *l)
{
	if (l->conn != NULL)
		end(l->conn, "made anew");
	l->said[0] = '\0'; /* how it is now is news */
	l->n_said = 0;
	l->backoff_ms = TLS_LINK_BACKOFF_FIRST_MS;
	try_in(l, 0);
}

void
tls_link_proved(struct tls_link *l)
{
	struct conn *c = l->conn;

	if (c == NULL || c->proved_at != 0)
		return;
	c->proved_at = now(l);
	l->said[0] = '\0';
	if (may_say(l))
		log_info("connected to %s", l->whom);
}

void
tls_link_wake(struct tls_link *l)
{
	if (l->conn != NULL)
		watch(l->conn);
}

void
tls_link_drop(struct tls_link *l, const char *why)
{
	if (l->conn != NULL)
		lost(l->conn, why);
}

void
tls_link_judge(struct tls_link *l)
{
	const struct tls_crl *lists = l->ops->kind->lists;
	int v;

	if (lists == NULL || !tls_link_is_up(l))
		return;
	v = tls_crl_judge(lists, l->conn->ssl);
	if (v != X509_V_OK)
		lost(l->conn, X509_verify_cert_error_string(v));
}

bool
tls_link_is_up(const struct tls_link *l)
{
	return l->conn != NULL && l->conn->state == UP;
}

void
tls_link_bye(struct tls_link *l)
{
	if (tls_link_is_up(l))
		(void)SSL_shutdown(l->conn->ssl);
}
