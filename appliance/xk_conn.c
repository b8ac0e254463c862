/*
 * A connection of a DF2/MF: TLS on a non-blocking socket, PDUs cut out of the
 * stream, bounded in time and in octets both ways.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "appliance/tls_files.h"
#include "appliance/xk_proc.h"
#include "base/log.h"

#define READ_AT_ONCE 16384
#define LINGER_OCTETS 1048576

static void on_poll(uv_poll_t *h, int status, int events);
static void on_again(uv_idle_t *h);

static void
watch(struct conn *c)
{
	int want = tls_token_waits(&c->wait) ? 0 : UV_READABLE;

	if (c->state == CONN_WAITING || c->state == CONN_CLOSING ||
	    c->out_len - c->out_at > c->x->settings.max_queued / 2)
		want = 0; /* no more in while so much must go out */
	if (c->want_write || c->out_len > c->out_at)
		want |= UV_WRITABLE;
	if (want == c->events || c->dead)
		return;
	c->events = want;
	if (want == 0)
		(void)uv_poll_stop(&c->poll);
	else
		(void)uv_poll_start(&c->poll, want, on_poll);
}

static void
after_close(uv_handle_t *h)
{
	struct conn *c = h->data;

	xk_proof_done(c->ssl, &c->proof);
	SSL_free(c->ssl);
	close(c->fd);
	if (c->in != NULL)
		explicit_bzero(c->in, c->in_cap);
	if (c->out != NULL)
		explicit_bzero(c->out, c->out_cap);
	free(c->in);
	free(c->out);
	free(c->outstanding);
	free(c);
}

void
xk_conn_free(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	tls_token_forget(c->ssl, &c->wait);
	xk_forget_conn(c);
	if (c->overloads > 0)
		xk_note(c, c->overloads, "overloaded");
	xk_client_left(c);
	admission_left(&c->x->admission, &c->admitted);
	if (c->client != NULL)
		xk_share_leave(c->x, c->client);
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	c->x->n_conns--;
	uv_close((uv_handle_t *)&c->poll, after_close);
}

/* ---- out ---- */

static bool
reserve_out(struct conn *c, size_t n)
{
	const size_t used = c->out_len - c->out_at;
	size_t cap = c->out_cap == 0 ? 4096 : c->out_cap;
	uint8_t *p;

	if (used + n > c->x->settings.max_queued)
		return false;
	while (cap < used + n)
		cap *= 2;
	if (cap == c->out_cap && c->out_len + n <= cap)
		return true;
	if ((p = malloc(cap)) == NULL)
		return false;
	if (used > 0)
		memcpy(p, c->out + c->out_at, used);
	if (c->out != NULL)
		explicit_bzero(c->out, c->out_cap);
	free(c->out);
	c->out = p;
	c->out_cap = cap;
	c->out_at = 0;
	c->out_len = used;
	return true;
}

/* What SSL_read and SSL_write say: ERR_AGAIN to wait, ERR_CLOSED to end. */
static enum err
tls_result(struct conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_ASYNC:
		return ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->want_write = true;
		return ERR_AGAIN;
	default:
		return ERR_CLOSED;
	}
}

/* Our last words are said: what still comes must not reset them away. */
static void
start_linger(struct conn *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	c->state = CONN_LINGER;
	c->last_sent = uv_now(&c->x->loop);
}

static void
write_out(struct conn *c)
{
	while (!c->dead && c->out_len > c->out_at) {
		size_t n = 0;

		ERR_clear_error();
		if (SSL_write_ex(c->ssl, c->out + c->out_at,
			c->out_len - c->out_at, &n) != 1) {
			if (tls_result(c, 0) == ERR_CLOSED)
				xk_conn_free(c);
			return;
		}
		explicit_bzero(c->out + c->out_at, n);
		c->out_at += n;
		c->last_sent = uv_now(&c->x->loop);
	}
	if (c->dead)
		return;
	c->out_at = c->out_len = 0;
	if (c->state == CONN_CLOSING && c->n_outstanding == 0) {
		(void)SSL_shutdown(c->ssl);
		start_linger(c);
	}
}

void
xk_conn_send(struct conn *c, const uint8_t *der, size_t len)
{
	if (c->dead)
		return;
	if (!reserve_out(c, len)) {
		log_warning("a client does not read its answers: closed");
		xk_conn_free(c);
		return;
	}
	if (c->out_len == c->out_at)
		c->last_sent = uv_now(&c->x->loop);
	memcpy(c->out + c->out_len, der, len);
	c->out_len += len;
	write_out(c);
	if (!c->dead)
		watch(c);
}

void
xk_conn_close_after_sending(struct conn *c)
{
	if (c->dead)
		return;
	c->state = CONN_CLOSING;
	write_out(c);
	if (!c->dead)
		watch(c);
}

/* ---- in ---- */

static bool
reserve_in(struct conn *c)
{
	size_t cap = c->in_cap == 0 ? READ_AT_ONCE : c->in_cap;
	uint8_t *p;

	while (cap < c->in_len + READ_AT_ONCE)
		cap *= 2;
	if (cap == c->in_cap)
		return true;
	if ((p = realloc(c->in, cap)) == NULL)
		return false;
	c->in = p;
	c->in_cap = cap;
	return true;
}

static void
malformed(struct conn *c, uint32_t id, const char *text)
{
	xk_note(c, 1, text);
	xk_answer_refusal(c, id, XK_MALFORMED);
	xk_conn_close_after_sending(c);
}

/* Cut whole PDUs off the front. */
static void
take_pdus(struct conn *c)
{
	size_t at = 0, len;

	while (!c->dead && c->state == CONN_OPEN) {
		struct rd r;
		enum err rc;

		rd_init(&r, c->in + at, c->in_len - at);
		rc = xk_pdu_length(r, &len);
		if (rc == ERR_AGAIN || (rc == ERR_OK && len > r.left))
			break;
		if (rc != ERR_OK) {
			malformed(c, 0,
			    "what came is not the start of a PDU, or too "
			    "long");
			return;
		}
		r.left = len;
		at += len;
		c->last_heard = uv_now(&c->x->loop);
		xk_on_pdu(c, r);
	}
	if (c->dead)
		return;
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

/* Once, so that one connection does not keep the others waiting. */
static void
read_in(struct conn *c)
{
	size_t n = 0;

	c->more = false;
	if (!reserve_in(c)) {
		xk_conn_free(c);
		return;
	}
	ERR_clear_error();
	if (SSL_read_ex(c->ssl, c->in + c->in_len, c->in_cap - c->in_len, &n) !=
	    1) {
		if (tls_result(c, 0) == ERR_CLOSED)
			xk_conn_free(c);
		return;
	}
	c->in_len += n;
	take_pdus(c);
	if (c->dead || c->state != CONN_OPEN)
		return;
	c->more = SSL_has_pending(c->ssl) == 1;
	if (c->more && !uv_is_active((uv_handle_t *)&c->x->again))
		(void)uv_idle_start(&c->x->again, on_again);
}

static void
linger(struct conn *c)
{
	uint8_t nowhere[READ_AT_ONCE];
	const ssize_t n = recv(c->fd, nowhere, sizeof(nowhere), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		xk_conn_free(c);
	else if (n > 0 && (c->lingered += (size_t)n) > LINGER_OCTETS)
		xk_conn_free(c);
}

/* ---- handshake ---- */

/* One more connection of this client, if it may have it. */
static bool
admit_client(struct conn *c)
{
	static struct log_limit limit;
	uint8_t fingerprint[ALLOWANCE_WHO];
	struct xk *x = c->x;

	if (X509_digest(SSL_get0_peer_certificate(c->ssl), EVP_sha256(),
		fingerprint, NULL) != 1)
		return false;
	if (!admission_known(&x->admission, &c->admitted, fingerprint,
		(int64_t)uv_now(&x->loop))) {
		log_limited(&limit, 2,
		    "a client has more connections than xk.client_connections, "
		    "or connects more often than xk.client_rate: closed");
		return false;
	}
	c->client = xk_share_join(x, fingerprint);
	return c->client != NULL;
}

static bool
take_client(struct conn *c)
{
	const unsigned char *proto = NULL;
	unsigned proto_len = 0;
	enum err rc;

	SSL_get0_alpn_selected(c->ssl, &proto, &proto_len);
	if (proto_len != 4 || memcmp(proto, "xk/1", 4) != 0) {
		log_warning("a client that does not ask for ALPN xk/1: closed");
		return false;
	}
	if (!admit_client(c))
		return false;
	if ((rc = xk_client_prove(c)) != ERR_OK)
		log_warning("what a client has signed: %s: closed",
		    err_str(rc));
	return rc == ERR_OK;
}

static void
handshake(struct conn *c)
{
	static struct log_limit limit;
	int n;

	ERR_clear_error();
	n = tls_token_handshake(c->ssl, &c->wait);
	if (n != 1) {
		if (tls_result(c, n) == ERR_AGAIN)
			return;
		log_limited(&limit, 10, "a TLS handshake failed: %s",
		    SSL_get_verify_result(c->ssl) != X509_V_OK
			? X509_verify_cert_error_string(
			      SSL_get_verify_result(c->ssl))
			: tls_error());
		start_linger(c); /* the alert says why */
		return;
	}
	if (!take_client(c)) {
		xk_conn_close_after_sending(c);
		return;
	}
	c->state = CONN_OPEN;
	c->last_heard = uv_now(&c->x->loop);
	read_in(c);
}

void
xk_conn_begin(struct conn *c)
{
	c->state = CONN_HANDSHAKE;
	watch(c);
}

static void
conn_event(struct conn *c)
{
	c->want_write = false;
	if (c->state == CONN_HANDSHAKE)
		handshake(c);
	else if (c->state == CONN_LINGER)
		linger(c);
	else {
		if (c->out_len > c->out_at)
			write_out(c);
		if (!c->dead && c->state == CONN_OPEN)
			read_in(c);
	}
	if (!c->dead)
		watch(c);
}

void
xk_conn_signed(void *ctx)
{
	conn_event(ctx);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct conn *c = h->data;

	(void)events;
	if (status < 0)
		xk_conn_free(c);
	else
		conn_event(c);
}

static void
on_again(uv_idle_t *h)
{
	struct xk *x = h->data;
	struct conn *c, *next;
	bool any = false;

	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		if (!c->more)
			continue;
		conn_event(c);
	}
	for (c = x->conns; c != NULL; c = c->next)
		any |= c->more;
	if (!any)
		(void)uv_idle_stop(&x->again);
}
