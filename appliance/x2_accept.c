/* Connections of CSCFs: who is let in, and for how long. */
#include <stdlib.h>

#include "appliance/accept.h"
#include "appliance/x2_proc.h"
#include "base/log.h"

#define LINGER_MS 2000

/* ---- new ones ---- */

static bool
add_conn(void *ctx, int fd, const struct admitted *a)
{
	struct x2 *x = ctx;
	struct x2_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	c->x = x;
	c->fd = fd;
	c->admitted = *a;
	c->last_heard = uv_now(&x->loop);
	c->poll.data = c;
	if ((c->ssl = SSL_new(x->tls)) == NULL || SSL_set_fd(c->ssl, fd) != 1 ||
	    uv_poll_init(&x->loop, &c->poll, fd) != 0) {
		SSL_free(c->ssl);
		free(c);
		return false;
	}
	SSL_set_accept_state(c->ssl);
	c->tls_wait.resume = x2_conn_signed;
	c->tls_wait.ctx = c;
	c->next = x->conns;
	c->at = &x->conns;
	if (c->next != NULL)
		c->next->at = &c->next;
	x->conns = c;
	x->n_conns++;
	x2_conn_watch(c);
	return true;
}

/*
 * One that has ended and whose PDUs wait makes room: a CSCF that connects anew
 * brings more than the old connection had left.
 */
static bool
make_room(struct x2 *x)
{
	struct x2_conn *oldest = NULL;

	for (struct x2_conn *c = x->conns; c != NULL; c = c->next)
		if (c->ended)
			oldest = c;
	if (oldest != NULL)
		x2_conn_free(oldest);
	return oldest != NULL;
}

/* Of the handshakes under way the oldest: a sound one does not take so long. */
static bool
end_oldest(void *ctx)
{
	struct x2 *x = ctx;
	struct x2_conn *oldest = NULL;

	for (struct x2_conn *c = x->conns; c != NULL; c = c->next)
		if (c->admitted.early &&
		    uv_now(&x->loop) - c->last_heard > ACCEPT_EARLY_MS)
			oldest = c; /* the list begins with the newest */
	if (oldest != NULL)
		x2_conn_free(oldest);
	return oldest != NULL;
}

static bool
is_full(void *ctx)
{
	struct x2 *x = ctx;

	return x->n_conns >= x->settings.max_connections && !make_room(x);
}

void
x2_accept(struct x2 *x, int listen_fd)
{
	static const struct accept_ops ops = {"x2", is_full, end_oldest,
	    add_conn};

	accept_turn(&x->admission, listen_fd, (int64_t)uv_now(&x->loop), &ops,
	    x);
}

/* ---- time ---- */

static bool
too_late(struct x2_conn *c, uint64_t now)
{
	const struct x2_settings *s = &c->x->settings;
	const uint64_t idle = 1000ULL * s->idle_seconds;

	if (c->state == X2_HANDSHAKE)
		return now - c->last_heard > 1000ULL * s->handshake_seconds;
	if (c->state == X2_LINGER)
		return now - c->last_sent > LINGER_MS;
	if (c->out_len > 0 && now - c->last_sent > idle &&
	    now - c->last_heard > idle)
		return true;
	/* It is we who do not read. */
	if (c->wait == X2_WAIT_POLICY || c->wait == X2_WAIT_ROOM ||
	    c->wait == X2_WAIT_STORE)
		c->last_heard = now;
	return now - c->last_heard > idle;
}

/* What it has sent before, and is taken, stays taken. */
void
x2_conn_judge(struct x2 *x)
{
	static struct log_limit limit;
	struct x2_conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		int v;

		next = c->next;
		if (c->state != X2_OPEN)
			continue;
		v = tls_crl_judge(&x->lists, c->ssl);
		if (v == X509_V_OK)
			continue;
		log_limited(&limit, 10, "a connection of a CSCF is closed: %s",
		    X509_verify_cert_error_string(v));
		(void)SSL_shutdown(c->ssl);
		x2_conn_free(c);
	}
}

void
x2_conn_tick(struct x2 *x)
{
	const uint64_t now = uv_now(&x->loop);
	struct x2_conn *c, *next;

	for (c = x->conns; c != NULL; c = next) {
		next = c->next;
		if (!too_late(c, now))
			continue;
		log_debug("a connection is closed for its silence");
		if (c->state == X2_OPEN)
			(void)SSL_shutdown(c->ssl);
		x2_conn_free(c);
	}
}
