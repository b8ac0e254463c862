/*
 * A connection of `receive`: TLS on a non-blocking socket, PDUs cut out of the
 * stream, bounded in time and in octets both ways.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "appliance/tls_files.h"
#include "base/log.h"
#include "hi2/ps_pdu.h"
#include "lemf/receive.h"

#define READ_AT_ONCE 16384
#define READS_A_TURN 16 /* so that one sender does not keep others waiting */
#define HANDSHAKE_MS 10000
#define WHOLE_MS 60000 /* from the first octet of a PDU to its last */
#define WRITE_MS 60000 /* in which some octet of an answer must be taken */
#define LINGER_MS 2000

static void on_poll(uv_poll_t *h, int status, int events);

static void
watch(struct link *l)
{
	int want = UV_READABLE;

	if (l->dead)
		return;
	if (l->out_len > LINK_OUT / 2 && l->state == LINK_OPEN)
		want = 0; /* nothing more in while so much must go out */
	if (l->want_write || l->out_free > l->out_at)
		want |= UV_WRITABLE;
	if (want == l->events)
		return;
	l->events = want;
	if (want == 0)
		(void)uv_poll_stop(&l->poll);
	else
		(void)uv_poll_start(&l->poll, want, on_poll);
}

static void
after_close(uv_handle_t *h)
{
	struct link *l = h->data;

	SSL_free(l->ssl);
	close(l->fd);
	if (l->in != NULL)
		explicit_bzero(l->in, l->in_cap);
	free(l->in);
	free(l);
}

void
link_close(struct link *l, const char *why)
{
	if (l->dead)
		return;
	l->dead = true;
	if (l->state == LINK_OPEN) {
		say_link(l->r, l, "closed", why, false);
		(void)SSL_shutdown(l->ssl);
	}
	*l->at = l->next;
	if (l->next != NULL)
		l->next->at = l->at;
	l->r->n_links--;
	uv_close((uv_handle_t *)&l->poll, after_close);
}

/* What SSL_read and SSL_write say; false: the connection has gone. */
static bool
goes_on(struct link *l, int n)
{
	switch (SSL_get_error(l->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return true;
	case SSL_ERROR_WANT_WRITE:
		l->want_write = true;
		return true;
	case SSL_ERROR_ZERO_RETURN:
		link_close(l, "by the sender");
		return false;
	default:
		link_close(l, tls_error());
		return false;
	}
}

/* ---- out ---- */

static void
write_out(struct link *l)
{
	while (!l->dead && l->out_free > l->out_at) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_write_ex(l->ssl, l->out + l->out_at,
			l->out_free - l->out_at, &n) != 1) {
			(void)goes_on(l, 0);
			return;
		}
		l->out_at += n;
		l->sent = uv_now(&l->r->loop);
	}
	if (l->dead)
		return;
	memmove(l->out, l->out + l->out_at, l->out_len - l->out_at);
	l->out_len -= l->out_at;
	l->out_free = l->out_at = 0;
}

void
link_answer(struct link *l, const uint8_t *p, size_t len)
{
	if (l->dead)
		return;
	if (len > LINK_OUT - l->out_len) {
		link_close(l, "it asks, and does not read the answers");
		return;
	}
	if (l->out_len == 0)
		l->sent = uv_now(&l->r->loop);
	memcpy(l->out + l->out_len, p, len);
	l->out_len += len;
	l->r->due = true;
}

void
link_release(struct link *l)
{
	l->out_free = l->out_len;
	if (l->state == LINK_OPEN)
		write_out(l);
	watch(l);
}

/* ---- in ---- */

static bool
reserve(struct link *l)
{
	size_t cap = l->in_cap == 0 ? 2 * READ_AT_ONCE : l->in_cap;
	uint8_t *p;

	while (cap < l->in_len + READ_AT_ONCE)
		cap *= 2;
	if (cap == l->in_cap)
		return true;
	if ((p = malloc(cap)) == NULL)
		return false;
	if (l->in != NULL) {
		memcpy(p, l->in, l->in_len);
		explicit_bzero(l->in, l->in_cap); /* records hold keys */
		free(l->in);
	}
	l->in = p;
	l->in_cap = cap;
	return true;
}

/* Whole PDUs off the front. */
static void
take_pdus(struct link *l)
{
	size_t at = 0, len;
	struct rd have, pdu;
	enum err rc;

	for (;;) {
		rd_init(&have, l->in + at, l->in_len - at);
		rc = ps_pdu_frame(&l->frame, have, RECORD_PDU_MAX, &len);
		if (rc != ERR_OK || rd_view(&have, len, &pdu) != ERR_OK)
			break;
		at += len;
		if (receive_take(l, pdu) != ERR_OK || l->dead)
			return;
	}
	if (rc != ERR_AGAIN) {
		say_link(l->r, l, "malformed",
		    rc == ERR_TOOBIG ? "a PDU is too long"
				     : "what came is not a PS-PDU",
		    true);
		link_close(l, "malformed");
		return;
	}
	if (at > 0)
		l->began = uv_now(&l->r->loop);
	memmove(l->in, l->in + at, l->in_len - at);
	l->in_len -= at;
}

static void
read_in(struct link *l)
{
	for (unsigned i = 0; i < READS_A_TURN; i++) {
		size_t n = 0;

		if (!reserve(l)) {
			link_close(l, "out of memory");
			return;
		}
		ERR_clear_error();
		if (SSL_read_ex(l->ssl, l->in + l->in_len, READ_AT_ONCE, &n) !=
		    1) {
			(void)goes_on(l, 0);
			return;
		}
		l->heard = uv_now(&l->r->loop);
		if (l->in_len == 0)
			l->began = l->heard;
		l->in_len += n;
		take_pdus(l);
		if (l->dead || l->r->code != 0 || l->out_len > LINK_OUT / 2)
			return;
	}
}

/* ---- handshake ---- */

static void
say_peer(struct link *l)
{
	X509 *cert = SSL_get0_peer_certificate(l->ssl);
	char name[LINK_PEER] = "", text[2 * LINK_PEER + 40];

	if (cert != NULL)
		(void)X509_NAME_oneline(X509_get_subject_name(cert), name,
		    sizeof(name));
	(void)snprintf(text, sizeof(text), "%s from %s, %s", name, l->peer,
	    SSL_get_version(l->ssl));
	say_link(l->r, l, "connected", text, false);
}

/* Anybody can come so far: what is said of it is bounded. */
static void
handshake(struct link *l)
{
	static struct log_limit limit;
	int n;

	ERR_clear_error();
	if ((n = SSL_accept(l->ssl)) == 1) {
		l->state = LINK_OPEN;
		l->heard = uv_now(&l->r->loop);
		say_peer(l);
		read_in(l);
		return;
	}
	n = SSL_get_error(l->ssl, n);
	if (n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE) {
		l->want_write = n == SSL_ERROR_WANT_WRITE;
		return;
	}
	log_limited(&limit, 10, "a connection from %s is refused: %s", l->peer,
	    SSL_get_verify_result(l->ssl) != X509_V_OK
		? X509_verify_cert_error_string(SSL_get_verify_result(l->ssl))
		: tls_error());
	/* The alert says why, if it is not reset away. */
	(void)shutdown(l->fd, SHUT_WR);
	l->state = LINK_LINGER;
	l->sent = uv_now(&l->r->loop);
}

static void
linger(struct link *l)
{
	uint8_t nowhere[READ_AT_ONCE];
	const ssize_t n = recv(l->fd, nowhere, sizeof(nowhere), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		link_close(l, "after a handshake that failed");
}

static void
link_event(struct link *l)
{
	l->want_write = false;
	if (l->state == LINK_HANDSHAKE)
		handshake(l);
	else if (l->state == LINK_LINGER)
		linger(l);
	else {
		write_out(l);
		if (!l->dead && l->out_len <= LINK_OUT / 2)
			read_in(l);
	}
	watch(l);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct link *l = h->data;

	(void)events;
	if (status < 0)
		link_close(l, uv_strerror(status));
	else
		link_event(l);
}

/* ---- coming and going ---- */

static void
name_peer(struct link *l, const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (sa->ss_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		(void)inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
	} else if (sa->ss_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		(void)inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
	}
	(void)snprintf(l->peer, sizeof(l->peer), "%s", host);
}

static bool
link_new(struct receive *r, int fd, const struct sockaddr_storage *sa)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return false;
	l->r = r;
	l->fd = fd;
	l->heard = uv_now(&r->loop);
	l->poll.data = l;
	if ((l->ssl = SSL_new(r->tls)) == NULL || SSL_set_fd(l->ssl, fd) != 1 ||
	    uv_poll_init(&r->loop, &l->poll, fd) != 0) {
		SSL_free(l->ssl);
		free(l);
		return false;
	}
	l->number = ++r->n_connections;
	name_peer(l, sa);
	l->next = r->links;
	l->at = &r->links;
	if (l->next != NULL)
		l->next->at = &l->next;
	r->links = l;
	r->n_links++;
	watch(l);
	return true;
}

/* The oldest of those that are no senders yet makes room. */
static void
make_room(struct receive *r)
{
	struct link *oldest = NULL;

	for (struct link *l = r->links; l != NULL; l = l->next)
		if (l->state != LINK_OPEN)
			oldest = l; /* the newest stands first */
	if (oldest != NULL)
		link_close(oldest, "another needs the room");
}

void
link_accept(struct receive *r)
{
	static struct log_limit limit;
	struct sockaddr_storage sa = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(sa);
	const int one = 1;
	const int fd = accept4(r->listen_fd, (struct sockaddr *)&sa, &len,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return;
	if (r->n_links >= RECEIVE_LINKS)
		make_room(r);
	if (r->ending || r->n_links >= RECEIVE_LINKS) {
		log_limited(&limit, 5, "more than %d connections: closed",
		    RECEIVE_LINKS);
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!link_new(r, fd, &sa))
		close(fd);
}

/* NULL: not yet. */
static const char *
too_late(const struct link *l, uint64_t now)
{
	if (l->state == LINK_HANDSHAKE)
		return now - l->heard > HANDSHAKE_MS ? "no handshake" : NULL;
	if (l->state == LINK_LINGER)
		return now - l->sent > LINGER_MS ? "no end" : NULL;
	if (l->out_len > 0 && now - l->sent > WRITE_MS)
		return "the sender does not read its answers";
	if (l->in_len > 0 && now - l->began > WHOLE_MS)
		return "the rest of a PDU does not come";
	if (l->r->idle_ms > 0 && now - l->heard > l->r->idle_ms)
		return "nothing came, not even a keep-alive";
	return NULL;
}

void
link_tick(struct receive *r)
{
	const uint64_t now = uv_now(&r->loop);
	struct link *l, *next;
	const char *why;

	for (l = r->links; l != NULL; l = next) {
		next = l->next;
		if ((why = too_late(l, now)) != NULL)
			link_close(l, why);
	}
}
