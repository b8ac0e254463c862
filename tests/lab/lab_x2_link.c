#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/log.h"
#include "lab_time.h"
#include "lab_x2.h"
#include "lab_x2_int.h"

#define RETRY_MS 200
#define BATCH_MAX (4 * 1024 * 1024)

/* ---- the queue ---- */

/* Whole PDUs, the oldest that is not acknowledged first. */
static void
push(struct x2_link *l, uint8_t *p, size_t len, bool keepalive)
{
	if (l->n == l->cap) {
		const size_t cap = l->cap > 0 ? 2 * l->cap : 64;
		struct x2_item *q = calloc(cap, sizeof(*q));

		if (q == NULL)
			fatal("no memory");
		for (size_t i = 0; i < l->n; i++)
			q[i] = *x2_link_item(l, i);
		free(l->ring);
		l->ring = q;
		l->cap = cap;
		l->head = 0;
	}
	l->n++;
	*x2_link_item(l, l->n - 1) =
	    (struct x2_item){p, len, keepalive, 0, false};
}

void
x2_link_put(struct x2_link *l, uint8_t *octets, size_t len)
{
	push(l, octets, len, false);
	l->counts.put++;
}

static void
push_keepalive(struct x2_link *l)
{
	uint8_t *p = malloc(LAB_X2_KEEPALIVE_LEN);

	if (p == NULL)
		fatal("no memory");
	lab_x2_put_keepalive(l->next_keepalive, p);
	push(l, p, LAB_X2_KEEPALIVE_LEN, true);
	x2_link_item(l, l->n - 1)->number = l->next_keepalive++;
	l->keepalive_due = lab_ms() + l->opt->keepalive_ms;
}

static void
drop_first(struct x2_link *l)
{
	struct x2_item *i = x2_link_item(l, 0);

	if (!i->keepalive)
		l->counts.acked++;
	free(i->p);
	l->head = (l->head + 1) % l->cap;
	l->n--;
	l->next--;
}

/* The keep-alive with this number, and all before it, has arrived. */
static bool
acknowledged(struct x2_link *l, uint32_t number)
{
	size_t k;

	for (k = 0; k < l->next; k++)
		if (x2_link_item(l, k)->keepalive &&
		    x2_link_item(l, k)->number == number)
			break;
	if (k == l->next)
		return false;
	for (size_t i = 0; i <= k; i++)
		drop_first(l);
	return true;
}

/* A new connection: keep-alives are its own, all else is sent again. */
static void
rewind_queue(struct x2_link *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct x2_item *t = x2_link_item(l, i);

		if (t->keepalive)
			free(t->p);
		else
			*x2_link_item(l, kept++) = *t;
	}
	l->n = kept;
	l->next = 0;
	l->off = 0;
	l->next_keepalive = 0;
	free(l->batch);
	l->batch = NULL;
	l->batch_len = 0;
}

/* ---- the connection ---- */

static void
hang_up(struct x2_link *l, bool reset)
{
	const struct linger hard = {1, 0};

	if (reset && l->fd != -1)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	SSL_free(l->ssl);
	l->ssl = NULL;
	if (l->fd != -1)
		(void)close(l->fd);
	l->fd = -1;
	l->state = X2_DOWN;
	l->retry_at = lab_ms() + (reset ? 0 : RETRY_MS);
	l->got = 0;
	rewind_queue(l);
}

static void
lose(struct x2_link *l, const char *what)
{
	(void)snprintf(l->trouble, sizeof(l->trouble), "%s: %s", what,
	    x2_tls_words(l->ssl));
	l->counts.lost++;
	hang_up(l, false);
}

static void
dial(struct x2_link *l)
{
	const int one = 1;

	l->counts.connections++;
	errno = 0;
	l->fd = socket(l->addr.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1 ||
	    (connect(l->fd, (const struct sockaddr *)&l->addr, l->addr_len) ==
		    -1 &&
		errno != EINPROGRESS)) {
		lose(l, "connect");
		return;
	}
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	l->state = X2_CONNECTING;
}

static void
connected(struct x2_link *l)
{
	int e = 0;
	socklen_t len = sizeof(e);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &e, &len) == -1)
		e = errno;
	errno = e;
	if (e != 0 || (l->ssl = x2_tls_new(l)) == NULL) {
		lose(l, "connect");
		return;
	}
	l->state = X2_SHAKING;
}

/* Does this failure of OpenSSL only mean: later? */
static bool
later(struct x2_link *l, int rc)
{
	const int e = SSL_get_error(l->ssl, rc);

	l->want_write = e == SSL_ERROR_WANT_WRITE;
	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

static void
shake(struct x2_link *l)
{
	int rc;

	ERR_clear_error();
	errno = 0;
	if ((rc = SSL_connect(l->ssl)) == 1) {
		l->state = X2_UP;
		l->want_write = false;
		l->keepalive_due = lab_ms() + l->opt->keepalive_ms;
	} else if (!later(l, rc)) {
		lose(l, "handshake");
	}
}

/* ---- writing ---- */

/* What goes into the next write; the same again until it is written. */
static const uint8_t *
next_chunk(struct x2_link *l, size_t *len)
{
	const struct x2_item *t = x2_link_item(l, l->next);

	if (l->opt->coalesce) {
		if (l->batch == NULL)
			x2_link_gather(l, BATCH_MAX);
		*len = l->batch_len - l->off;
		return l->batch + l->off;
	}
	*len = t->len - l->off;
	if (l->opt->pieces > 0) {
		uint8_t r;

		if (l->chunk == 0) {
			if (RAND_bytes(&r, 1) != 1)
				fatal("no random octets");
			l->chunk = 1 + r % l->opt->pieces;
		}
		if (l->chunk < *len)
			*len = l->chunk;
	}
	return t->p + l->off;
}

static void
one_written(struct x2_link *l)
{
	struct x2_item *t = x2_link_item(l, l->next++);

	if (t->keepalive)
		return;
	if (t->written)
		l->counts.resent++;
	else
		l->counts.sent++;
	t->written = true;
	l->since_break++;
}

static void
written(struct x2_link *l, size_t len)
{
	l->off += len;
	l->chunk = 0;
	if (l->batch != NULL) {
		if (l->off < l->batch_len)
			return;
		for (; l->batch_n > 0; l->batch_n--)
			one_written(l);
		free(l->batch);
		l->batch = NULL;
	} else if (l->off < x2_link_item(l, l->next)->len) {
		return;
	} else {
		one_written(l);
	}
	l->off = 0;
}

static bool
time_to_break(const struct x2_link *l)
{
	return l->opt->break_after > 0 && !l->broken &&
	    l->since_break >= l->opt->break_after;
}

static void
write_some(struct x2_link *l)
{
	while (l->state == X2_UP && l->next < l->n && !l->want_write) {
		size_t len, done = 0;
		const uint8_t *p = next_chunk(l, &len);
		int rc;

		ERR_clear_error();
		errno = 0;
		if ((rc = SSL_write_ex(l->ssl, p, len, &done)) != 1) {
			if (!later(l, rc))
				lose(l, "write");
			return;
		}
		written(l, done);
		if (time_to_break(l)) {
			l->broken = true;
			hang_up(l, true);
		}
	}
}

/* ---- reading ---- */

static bool
take_acks(struct x2_link *l)
{
	size_t at = 0, len;
	uint32_t number;
	struct rd r;
	enum err rc;

	for (;;) {
		rd_init(&r, l->in + at, l->got - at);
		if ((rc = lab_x2_get_ack(r, &number, &len)) == ERR_AGAIN)
			break;
		if (rc != ERR_OK || !acknowledged(l, number))
			return false;
		at += len;
	}
	l->got -= at;
	memmove(l->in, l->in + at, l->got);
	return true;
}

static void
read_some(struct x2_link *l)
{
	size_t n = 0;
	int rc;

	while (l->state == X2_UP) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read_ex(l->ssl, l->in + l->got, sizeof(l->in) - l->got,
		    &n);
		if (rc != 1) {
			const bool write = l->want_write;

			if (!later(l, rc))
				lose(l, "read");
			l->want_write = l->want_write || write;
			return;
		}
		l->got += n;
		if (!take_acks(l)) {
			lose(l, "what came is no acknowledgement of ours");
			return;
		}
	}
}

/* ---- turns ---- */

static void
keep_alive(struct x2_link *l)
{
	const bool open = l->n > 0 && !x2_link_item(l, l->n - 1)->keepalive;

	if ((l->want_acks && open) ||
	    (l->opt->keepalive_ms > 0 && lab_ms() >= l->keepalive_due))
		push_keepalive(l);
}

void
x2_link_turn(struct x2_link *l)
{
	l->want_write = false;
	if (l->state == X2_DOWN && !x2_link_over(l) && lab_ms() >= l->retry_at)
		dial(l);
	if (l->state == X2_CONNECTING) {
		struct pollfd p = {.fd = l->fd, .events = POLLOUT};

		if (poll(&p, 1, 0) == 1)
			connected(l);
	}
	if (l->state == X2_SHAKING)
		shake(l);
	if (l->state != X2_UP)
		return;
	keep_alive(l);
	write_some(l);
	read_some(l);
}

int
x2_link_poll(const struct x2_link *l, struct pollfd *p)
{
	*p = (struct pollfd){.fd = l->fd, .events = POLLIN};
	if (l->state == X2_CONNECTING || l->want_write)
		p->events = POLLIN | POLLOUT;
	if (l->state == X2_DOWN)
		return x2_link_over(l) ? 1000 : RETRY_MS / 4;
	return l->opt->keepalive_ms > 0 ? 100 : 1000;
}
