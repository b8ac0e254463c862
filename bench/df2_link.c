#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "bench.h"
#include "df2_link.h"
#include "lab_x2.h"

#define MARKS (1U << 16)
#define KEEPALIVES 1024 /* without an acknowledgement */
#define IN 65536

/* Octet `at` of the connection, and where to say when it was written. */
struct mark {
	uint64_t octet;
	double *at;
};

struct df2_link {
	int fd;
	SSL *ssl;
	BIO *out; /* records that have not been written */
	size_t done; /* octets of it that have */
	uint64_t written; /* octets, before those of `out` */
	struct mark mark[MARKS];
	unsigned first, marks;
	uint32_t next, acked; /* numbers of keep-alives */
	double asked[KEEPALIVES];
	struct df2_acks *acks;
	uint8_t in[IN];
	size_t got;
};

static _Noreturn void
stop(const char *what)
{
	const char *s = ERR_reason_error_string(ERR_peek_last_error());

	(void)fprintf(stderr, "bench_df2: X2: %s: %s\n", what,
	    s != NULL ? s : strerror(errno));
	exit(1);
}

static int
dial(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *a = NULL;
	const int one = 1;
	int fd;

	if (getaddrinfo(host, port, &hints, &a) != 0)
		stop(host);
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, a->ai_addr, a->ai_addrlen) == -1)
		stop("connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	freeaddrinfo(a);
	return fd;
}

struct df2_link *
df2_link_new(SSL_CTX *tls, const char *host, const char *port,
    struct df2_acks *acks)
{
	struct df2_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		stop("memory");
	l->acks = acks;
	l->fd = dial(host, port);
	if ((l->ssl = SSL_new(tls)) == NULL || SSL_set_fd(l->ssl, l->fd) != 1 ||
	    SSL_connect(l->ssl) != 1)
		stop("handshake");
	if (fcntl(l->fd, F_SETFL, O_NONBLOCK) == -1 ||
	    (l->out = BIO_new(BIO_s_mem())) == NULL)
		stop("connection");
	SSL_set0_wbio(l->ssl, l->out);
	return l;
}

void
df2_link_free(struct df2_link **lp)
{
	struct df2_link *l = *lp;

	if (l == NULL)
		return;
	close(l->fd);
	SSL_free(l->ssl);
	free(l);
	*lp = NULL;
}

int
df2_link_fd(const struct df2_link *l)
{
	return l->fd;
}

size_t
df2_link_queued(const struct df2_link *l)
{
	return (size_t)BIO_pending(l->out) - l->done;
}

void
df2_link_put(struct df2_link *l, const uint8_t *p, size_t len, double *at)
{
	if (SSL_write(l->ssl, p, (int)len) != (int)len)
		stop("write");
	if (at == NULL)
		return;
	if (l->marks == MARKS)
		stop("too much waits to be written");
	l->mark[(l->first + l->marks++) % MARKS] =
	    (struct mark){l->written + (uint64_t)BIO_pending(l->out), at};
}

void
df2_link_keepalive(struct df2_link *l)
{
	uint8_t pdu[LAB_X2_KEEPALIVE_LEN];

	if (l->next - l->acked == KEEPALIVES)
		stop("keep-alives are not acknowledged");
	lab_x2_put_keepalive(l->next, pdu);
	df2_link_put(l, pdu, sizeof(pdu), &l->asked[l->next % KEEPALIVES]);
	l->next++;
}

bool
df2_link_flush(struct df2_link *l)
{
	while (df2_link_queued(l) > 0) {
		const double now = bench_now_ns();
		char *p;
		const size_t all = (size_t)BIO_get_mem_data(l->out, &p);
		const ssize_t n = send(l->fd, p + l->done, all - l->done,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && errno == EAGAIN)
			return false;
		if (n == -1)
			stop("send");
		l->done += (size_t)n;
		for (; l->marks > 0 &&
		     l->mark[l->first].octet <= l->written + l->done;
		     l->first = (l->first + 1) % MARKS, l->marks--)
			*l->mark[l->first].at = now;
	}
	l->written += l->done;
	l->done = 0;
	(void)BIO_reset(l->out);
	return true;
}

static void
acknowledged(struct df2_link *l, uint32_t number)
{
	if (number != l->acked)
		stop("acknowledgements are out of order");
	if (l->acks->n < DF2_ACKS_MAX)
		l->acks->ns[l->acks->n++] =
		    bench_now_ns() - l->asked[number % KEEPALIVES];
	l->acked++;
}

static void
take_acks(struct df2_link *l)
{
	size_t at = 0, len;
	uint32_t number;
	struct rd r;

	for (;; at += len) {
		enum err rc;

		rd_init(&r, l->in + at, l->got - at);
		if ((rc = lab_x2_get_ack(r, &number, &len)) == ERR_AGAIN)
			break;
		if (rc != ERR_OK)
			stop("what came is no acknowledgement");
		acknowledged(l, number);
	}
	memmove(l->in, l->in + at, l->got - at);
	l->got -= at;
}

unsigned
df2_link_read(struct df2_link *l)
{
	size_t n = 0;

	ERR_clear_error();
	while (SSL_read_ex(l->ssl, l->in + l->got, sizeof(l->in) - l->got,
		   &n) == 1) {
		l->got += n;
		take_acks(l);
	}
	if (SSL_get_error(l->ssl, 0) != SSL_ERROR_WANT_READ)
		stop("the connection is closed");
	return l->next - l->acked;
}
