/* Connections of DF2/MFs: who is let in, and for how long. */
#include <stdlib.h>

#include "appliance/accept.h"
#include "appliance/xk_proc.h"
#include "base/log.h"

#define LINGER_MS 2000

static bool
add_conn(void *ctx, int fd, const struct admitted *a)
{
	struct xk *x = ctx;
	struct conn *c = calloc(1, sizeof(*c)), **place;
	uint32_t id;

	if (c == NULL || (place = slots_take(x->ids, &id)) == NULL) {
		free(c);
		return false;
	}
	*place = c;
	c->id = id;
	c->x = x;
	c->fd = fd;
	c->admitted = *a;
	c->last_heard = uv_now(&x->loop);
	c->poll.data = c;
	if ((c->ssl = SSL_new(x->tls)) == NULL || SSL_set_fd(c->ssl, fd) != 1 ||
	    uv_poll_init(&x->loop, &c->poll, fd) != 0) {
		slots_drop(x->ids, id);
		SSL_free(c->ssl);
		free(c);
		return false;
	}
	SSL_set_accept_state(c->ssl);
	c->wait.resume = xk_conn_signed;
	c->wait.ctx = c;
	xk_proof_watch(c->ssl, &c->proof);
	c->next = x->conns;
	c->at = &x->conns;
	if (c->next != NULL)
		c->next->at = &c->next;
	x->conns = c;
	x->n_conns++;
	if (xk_client_came(c) != ERR_OK)
		xk_conn_free(c);
	return true;
}

/* Of the handshakes under way the oldest: a sound one does not take so long. */
static bool
end_oldest(void *ctx)
{
	struct xk *x = ctx;
	struct conn *oldest = NULL;

	for (struct conn *c = x->conns; c != NULL; c = c->next)
		if (c->admitted.early &&
		    uv_now(&x->loop) - c->last_heard > ACCEPT_EARLY_MS)
			oldest = c; /* the list begins with the newest */
	if (oldest != NULL)
		xk_conn_free(oldest);
	return oldest != NULL;
}

static bool
is_full(void *ctx)
{
	const struct xk *x = ctx;

	return x->stopping || x->n_conns >= x->settings.max_connections;
}

void
xk_accept(struct xk *x, int listen_fd)
{
	static const struct accept_ops ops = {"xk", is_full, end_oldest,
	    add_conn};

	accept_turn(&x->admission, listen_fd, (int64_t)uv_now(&x->loop), &ops,
	    x);
}

/* ---- time ---- */

static bool
too_late(const struct conn *c, uint64_t now)
{
	const struct xk_settings *s = &c->x->settings;

	if (c->state == CONN_WAITING || c->state == CONN_HANDSHAKE)
		return now - c->last_heard > 1000ULL * s->handshake_seconds;
	if (c->state == CONN_LINGER)
		return now - c->last_sent > LINGER_MS;
	if (c->out_len > c->out_at)
		return now - c->last_sent > 1000ULL * s->idle_seconds;
	return c->n_outstanding == 0 &&
	    now - c->last_heard > 1000ULL * s->idle_seconds;
}

void
xk_conn_judge(struct xk *x)
{
	static struct log_limit limit;
	struct conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		int v;

		next = c->next;
		if (c->state != CONN_OPEN && c->state != CONN_CLOSING)
			continue;
		v = tls_crl_judge(&x->lists, c->ssl);
		if (v == X509_V_OK)
			continue;
		xk_note(c, 1,
		    v == X509_V_ERR_CERT_REVOKED
			? "its certificate is revoked: closed"
			: "no list in force says that it is not revoked: "
			  "closed");
		log_limited(&limit, 10, "a connection is closed: %s",
		    X509_verify_cert_error_string(v));
		(void)SSL_shutdown(c->ssl);
		xk_conn_free(c);
	}
}

void
xk_conn_tick(struct xk *x)
{
	const uint64_t now = uv_now(&x->loop);
	struct conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		if (c->overloads > 0) {
			xk_note(c, c->overloads, "overloaded");
			c->overloads = 0;
		}
		if (too_late(c, now)) {
			log_debug("a connection is closed for its silence");
			if (c->state == CONN_OPEN)
				(void)SSL_shutdown(c->ssl);
			xk_conn_free(c);
		}
	}
}
