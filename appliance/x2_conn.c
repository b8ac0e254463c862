/*
 * A connection of a CSCF: TLS on a non-blocking socket, PDUs cut out of the
 * stream.  What cannot be taken yet is not read, so that TCP holds the CSCF
 * back and nothing is lost.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "appliance/tls_files.h"
#include "appliance/x2_proc.h"
#include "base/log.h"

#define READ_AT_ONCE 16384 /* a TLS record */
#define IN_FIRST 65536
#define IN_MOST (2 * X2_PDU_MAX) /* that wait on one connection */
#define LINGER_OCTETS 1048576
/* So that one CSCF does not keep the others waiting. */
#define READS_A_TURN 16

static void on_poll(uv_poll_t *h, int status, int events);
static void on_again(uv_idle_t *h);

static size_t
waiting(const struct x2_conn *c)
{
	return c->in_len - c->in_at;
}

/* A PDU that waits for policy may have others behind it, up to a bound. */
static bool
may_read(const struct x2_conn *c)
{
	return !c->ended && c->wait != X2_WAIT_ROOM &&
	    c->wait != X2_WAIT_STORE && c->wait != X2_WAIT_WRITE &&
	    waiting(c) + READ_AT_ONCE <= IN_MOST;
}

void
x2_conn_watch(struct x2_conn *c)
{
	int want = 0;

	if (c->dead)
		return;
	if (tls_token_waits(&c->tls_wait))
		want = 0;
	else if (c->state != X2_OPEN || may_read(c))
		want |= UV_READABLE;
	if (c->want_write || (c->out_len > 0 && c->state == X2_OPEN))
		want |= UV_WRITABLE;
	if (want == c->events)
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
	struct x2_conn *c = h->data;

	SSL_free(c->ssl);
	close(c->fd);
	free(c->in);
	free(c);
}

void
x2_conn_free(struct x2_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	admission_left(&c->x->admission, &c->admitted);
	tls_token_forget(c->ssl, &c->tls_wait);
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	c->x->n_conns--;
	uv_close((uv_handle_t *)&c->poll, after_close);
}

/* What SSL_read and SSL_write say: ERR_AGAIN to wait, ERR_CLOSED to end. */
static enum err
tls_result(struct x2_conn *c, int n)
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

static void
start_linger(struct x2_conn *c)
{
	(void)shutdown(c->fd, SHUT_WR);
	c->state = X2_LINGER;
	c->more = false;
	c->last_sent = uv_now(&c->x->loop);
}

/* ---- out ---- */

static bool
ack_is_due(const struct x2_conn *c)
{
	return c->n_late > 0 &&
	    x2_intake_is_stored(c->x->intake, c->late[c->late_at].act);
}

/* In their order, as far as there is room. */
static void
acks_due(struct x2_conn *c)
{
	while (ack_is_due(c)) {
		const struct x2_late_ack *a = &c->late[c->late_at];

		if (a->len > sizeof(c->out) - c->out_len)
			break;
		memcpy(c->out + c->out_len, a->octets, a->len);
		c->out_len += a->len;
		c->late_at = (c->late_at + 1) % X2_LATE_ACKS;
		c->n_late--;
	}
}

static void
write_out(struct x2_conn *c)
{
	size_t n = 0;

	while (acks_due(c), c->out_len > 0) {
		ERR_clear_error();
		if (SSL_write_ex(c->ssl, c->out, c->out_len, &n) != 1) {
			/* What it has sent is taken all the same. */
			if (tls_result(c, 0) == ERR_CLOSED) {
				c->out_len = 0;
				c->ended = true;
			}
			return;
		}
		memmove(c->out, c->out + n, c->out_len - n);
		c->out_len -= n;
		c->last_sent = uv_now(&c->x->loop);
	}
}

/* ---- in ---- */

/* What waits goes to the front, into a larger buffer if it must. */
static bool
reserve_in(struct x2_conn *c)
{
	size_t cap = c->in_cap == 0 ? IN_FIRST : c->in_cap;
	uint8_t *p;

	if (c->in_cap - c->in_len >= READ_AT_ONCE)
		return true;
	if (c->in_at > 0) {
		memmove(c->in, c->in + c->in_at, waiting(c));
		c->scanned = c->scanned > c->in_at ? c->scanned - c->in_at : 0;
		c->in_len -= c->in_at;
		c->in_at = 0;
	}
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

/* A connection that has waited gives its memory back. */
static void
release_in(struct x2_conn *c)
{
	if (waiting(c) > 0)
		return;
	c->in_at = c->in_len = c->scanned = 0;
	if (c->in_cap > IN_FIRST) {
		free(c->in);
		c->in = NULL;
		c->in_cap = 0;
	}
}

static void
malformed(struct x2_conn *c)
{
	static struct log_limit limit;

	c->x->count[X2_COUNT_MALFORMED]++;
	log_limited(&limit, 5,
	    "what came from a CSCF is no PDU, or too long: closed");
	if (!c->ended)
		write_out(c);
	(void)SSL_shutdown(c->ssl);
	start_linger(c);
}

/* Cut whole PDUs off the front, as long as none must wait. */
static void
take_pdus(struct x2_conn *c)
{
	struct x2_pdu pdu;
	struct rd r;
	size_t len;
	enum err rc;

	c->wait = X2_WAIT_OCTETS;
	while (waiting(c) > 0) {
		rd_init(&r, c->in + c->in_at, waiting(c));
		rc = x2_pdu_length(r, &len);
		if (rc == ERR_AGAIN || (rc == ERR_OK && len > r.left))
			break;
		r.left = len;
		if (rc != ERR_OK || x2_pdu_read(r, &pdu) != ERR_OK) {
			malformed(c);
			return;
		}
		if (!x2_take(c, &pdu, r))
			break;
		c->x->count[X2_COUNT_PDUS]++;
		c->in_at += len;
	}
	if (c->wait == X2_WAIT_POLICY)
		x2_ask_ahead(c);
	release_in(c);
}

static void
read_in(struct x2_conn *c)
{
	unsigned i;

	c->more = false;
	for (i = 0; i < READS_A_TURN && may_read(c); i++) {
		size_t n = 0;

		if (!reserve_in(c)) {
			log_error("out of memory: a connection is closed");
			x2_conn_free(c);
			return;
		}
		ERR_clear_error();
		if (SSL_read_ex(c->ssl, c->in + c->in_len,
			c->in_cap - c->in_len, &n) != 1) {
			c->ended = tls_result(c, 0) == ERR_CLOSED;
			return;
		}
		c->in_len += n;
		c->last_heard = uv_now(&c->x->loop);
		take_pdus(c);
		if (c->state != X2_OPEN)
			return;
	}
	c->more = may_read(c) && SSL_has_pending(c->ssl) == 1;
	if (c->more && !uv_is_active((uv_handle_t *)&c->x->again))
		(void)uv_idle_start(&c->x->again, on_again);
}

static void
linger(struct x2_conn *c)
{
	uint8_t nowhere[READ_AT_ONCE];
	const ssize_t n = recv(c->fd, nowhere, sizeof(nowhere), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		x2_conn_free(c);
	else if (n > 0 && (c->lingered += (size_t)n) > LINGER_OCTETS)
		x2_conn_free(c);
}

/* ---- events ---- */

/* One more connection of this CSCF, if it may have it. */
static bool
admit_client(struct x2_conn *c)
{
	static struct log_limit limit;
	uint8_t fingerprint[ALLOWANCE_WHO];

	if (X509_digest(SSL_get0_peer_certificate(c->ssl), EVP_sha256(),
		fingerprint, NULL) == 1 &&
	    admission_known(&c->x->admission, &c->admitted, fingerprint,
		(int64_t)uv_now(&c->x->loop)))
		return true;
	log_limited(&limit, 2,
	    "a CSCF has more connections than x2.client_connections, or "
	    "connects more often than x2.client_rate: closed");
	return false;
}

static void
handshake(struct x2_conn *c)
{
	static struct log_limit limit;
	int n;

	ERR_clear_error();
	n = tls_token_handshake(c->ssl, &c->tls_wait);
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
	if (!admit_client(c)) {
		(void)SSL_shutdown(c->ssl);
		start_linger(c);
		return;
	}
	c->state = X2_OPEN;
	c->last_heard = uv_now(&c->x->loop);
}

static void
open_event(struct x2_conn *c)
{
	write_out(c);
	if (c->wait != X2_WAIT_OCTETS || c->ended)
		take_pdus(c);
	if (c->state == X2_OPEN)
		read_in(c);
	if (c->dead || c->state != X2_OPEN)
		return;
	write_out(c); /* acknowledgements of all of it in one */
	/* Its last PDUs count, if only a part of one is left. */
	if (c->ended && c->wait == X2_WAIT_OCTETS)
		x2_conn_free(c);
}

static void
conn_event(struct x2_conn *c)
{
	c->want_write = false;
	if (c->state == X2_HANDSHAKE)
		handshake(c);
	if (c->state == X2_LINGER)
		linger(c);
	else if (c->state == X2_OPEN)
		open_event(c);
	x2_conn_watch(c);
}

void
x2_conn_signed(void *ctx)
{
	conn_event(ctx);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct x2_conn *c = h->data;

	(void)events;
	if (status < 0)
		c->ended = true;
	if (status < 0 && c->state != X2_OPEN)
		x2_conn_free(c);
	else
		conn_event(c);
}

static void
on_again(uv_idle_t *h)
{
	struct x2 *x = h->data;
	const bool resume = x->resume;
	struct x2_conn *c, *next;
	bool any = false;

	x->resume = false;
	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		if (c->more || (resume && c->wait != X2_WAIT_OCTETS))
			conn_event(c);
	}
	for (c = x->conns; c != NULL; c = c->next)
		any |= c->more;
	if (!any && !x->resume)
		(void)uv_idle_stop(&x->again);
}

void
x2_conn_stored(struct x2 *x)
{
	struct x2_conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		if (c->state == X2_OPEN && ack_is_due(c))
			conn_event(c);
	}
}

void
x2_resume(struct x2 *x)
{
	x->resume = true;
	if (!uv_is_active((uv_handle_t *)&x->again))
		(void)uv_idle_start(&x->again, on_again);
}

void
x2_conn_stop(struct x2 *x)
{
	for (struct x2_conn *c = x->conns; c != NULL; c = c->next)
		if (c->state == X2_OPEN)
			(void)SSL_shutdown(c->ssl);
}
