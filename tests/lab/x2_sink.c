/*
 * lab-x2-sink: who receives X2, as far as the laboratory's own tests need one:
 * takes PDUs, acknowledges keep-alives, says what came.
 */
#include <sys/socket.h>

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "lab_x2.h"

#define PEERS_MAX 64
#define HEADER_LEN 40

static const char help[] =
    "lab-x2-sink: receives X2 on a free port of 127.0.0.1.\n"
    "\n"
    "  --ca FILE --cert FILE --key FILE\n"
    "  --ready FILE          gets the port once it listens\n"
    "  --out FILE            a line for each PDU: XID, correlation id, sequence\n"
    "                        number, direction, first line of the payload\n"
    "  --hang-up-after N     reset the first connection after N PDUs\n"
    "  --deaf                no acknowledgements\n"
    "\n"
    "Ends on SIGTERM.  Exit status: 0; 1; 2 usage.\n";

struct peer {
	int fd;
	SSL *ssl;
	bool up;
	uint8_t *in;
	size_t got;
	unsigned n; /* PDUs */
};

struct sink {
	const char *ca, *cert, *key, *ready, *out;
	unsigned hang_up_after;
	int deaf;
	SSL_CTX *tls;
	int fd;
	FILE *log;
	struct peer peer[PEERS_MAX];
	unsigned n_peers, n_hung_up;
	unsigned long n_pdus, n_keepalives;
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void
drop(struct sink *s, unsigned i, bool reset)
{
	const struct linger hard = {1, 0};
	struct peer *p = &s->peer[i];

	if (reset)
		(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	SSL_free(p->ssl);
	(void)close(p->fd);
	free(p->in);
	*p = s->peer[--s->n_peers];
}

/* The value of attribute 8 among those of a header; 0 without. */
static uint32_t
sequence_of(struct rd attributes)
{
	uint16_t type;
	struct rd v;
	uint32_t n = 0;

	while (rd_u16(&attributes, &type) == ERR_OK &&
	    rd_view16(&attributes, &v) == ERR_OK)
		if (type == 8 && v.left == 4 && rd_u32(&v, &n) == ERR_OK)
			return n;
	return n;
}

static bool
acknowledge(const struct peer *p, uint32_t sequence)
{
	uint8_t ack[LAB_X2_KEEPALIVE_LEN];

	lab_x2_put_keepalive(sequence, ack);
	ack[3] = LAB_X2_ACK;
	return SSL_write(p->ssl, ack, sizeof(ack)) == (int)sizeof(ack);
}

static void
note(struct sink *s, const uint8_t *pdu, struct rd attributes, struct rd body)
{
	char xid[2 * LAB_X2_XID_LEN + 1];
	char correlation[2 * LAB_X2_CORRELATION_LEN + 1], line[128];
	const uint8_t *eol =
	    body.left > 0 ? memchr(body.p, '\r', body.left) : NULL;

	hex_put(pdu + 16, LAB_X2_XID_LEN, xid);
	hex_put(pdu + 32, LAB_X2_CORRELATION_LEN, correlation);
	(void)log_escape(body.p, eol != NULL ? (size_t)(eol - body.p) : 0, line,
	    sizeof(line));
	(void)fprintf(s->log, "%s %s %u %u %s\n", xid, correlation,
	    sequence_of(attributes), (unsigned)(pdu[14] << 8 | pdu[15]), line);
	(void)fflush(s->log);
}

/* One whole PDU at the start; false to hang up. */
static bool
take(struct sink *s, struct peer *p, size_t header, size_t payload)
{
	struct rd attributes, body;

	rd_init(&attributes, p->in + HEADER_LEN, header - HEADER_LEN);
	rd_init(&body, p->in + header, payload);
	if (p->in[3] == LAB_X2_KEEPALIVE) {
		s->n_keepalives++;
		return s->deaf != 0 || acknowledge(p, sequence_of(attributes));
	}
	s->n_pdus++;
	p->n++;
	note(s, p->in, attributes, body);
	return true;
}

/* ERR_AGAIN: no whole PDU is left. */
static enum err
next(struct sink *s, struct peer *p)
{
	uint32_t header, payload;
	struct rd r;

	rd_init(&r, p->in, p->got);
	if (p->got < 12)
		return ERR_AGAIN;
	r.p += 4;
	if (rd_u32(&r, &header) != ERR_OK || rd_u32(&r, &payload) != ERR_OK ||
	    p->in[0] != 0 || header < HEADER_LEN || header > LAB_X2_PDU_MAX ||
	    payload > LAB_X2_PDU_MAX - header)
		return ERR_MALFORMED;
	if (p->got < header + payload)
		return ERR_AGAIN;
	if (!take(s, p, header, payload))
		return ERR_CLOSED;
	p->got -= header + payload;
	memmove(p->in, p->in + header + payload, p->got);
	return ERR_OK;
}

static bool
later(const struct peer *p, int rc)
{
	const int e = SSL_get_error(p->ssl, rc);

	return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

/* True while the connection lasts. */
static bool
serve(struct sink *s, struct peer *p, bool *reset)
{
	size_t n;
	enum err rc;
	int ok;

	ERR_clear_error();
	if (!p->up) {
		if ((ok = SSL_accept(p->ssl)) != 1)
			return later(p, ok);
		p->up = true;
	}
	while ((ok = SSL_read_ex(p->ssl, p->in + p->got,
		    LAB_X2_PDU_MAX - p->got, &n)) == 1) {
		p->got += n;
		while ((rc = next(s, p)) == ERR_OK) {
			if (s->hang_up_after == 0 || s->n_hung_up > 0 ||
			    p->n < s->hang_up_after)
				continue;
			s->n_hung_up++;
			*reset = true;
			return false;
		}
		if (rc != ERR_AGAIN)
			return false;
	}
	return later(p, ok);
}

static void
greet(struct sink *s)
{
	const int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *p = &s->peer[s->n_peers];

	if (fd == -1)
		return;
	*p = (struct peer){.fd = fd,
	    .ssl = SSL_new(s->tls),
	    .in = malloc(LAB_X2_PDU_MAX)};
	if (p->ssl == NULL || p->in == NULL || SSL_set_fd(p->ssl, fd) != 1)
		fatal("no memory");
	s->n_peers++;
}

static enum err
start(struct sink *s, struct why *why)
{
	const struct sigaction act = {.sa_handler = on_signal};
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	FILE *f;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigaction(SIGTERM, &act, NULL);
	s->tls = SSL_CTX_new(TLS_server_method());
	if (s->tls == NULL ||
	    SSL_CTX_set_min_proto_version(s->tls, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_load_verify_locations(s->tls, s->ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(s->tls, s->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(s->tls, s->key, SSL_FILETYPE_PEM) != 1)
		return why_set(why, ERR_CRYPTO, "no certificates");
	SSL_CTX_set_verify(s->tls,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1 ||
	    bind(s->fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    listen(s->fd, PEERS_MAX) == -1 ||
	    getsockname(s->fd, (struct sockaddr *)&in, &len) == -1)
		return why_errno(why, "cannot listen");
	if ((s->log = fopen(s->out, "w")) == NULL)
		return why_errno(why, "%s", s->out);
	if ((f = fopen(s->ready, "w")) == NULL ||
	    fprintf(f, "%u\n", ntohs(in.sin_port)) < 0 || fclose(f) != 0)
		return why_errno(why, "%s", s->ready);
	return ERR_OK;
}

static void
loop(struct sink *s)
{
	while (!stop) {
		struct pollfd fds[PEERS_MAX + 1];
		unsigned n = s->n_peers;

		for (unsigned i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = s->peer[i].fd,
			    .events = POLLIN};
		fds[n] = (struct pollfd){.fd = s->fd, .events = POLLIN};
		if (poll(fds, n + (n < PEERS_MAX), 200) <= 0)
			continue;
		for (unsigned i = n; i-- > 0;) {
			bool reset = false;

			if (fds[i].revents != 0 &&
			    !serve(s, &s->peer[i], &reset))
				drop(s, i, reset);
		}
		if (n < PEERS_MAX && fds[n].revents != 0)
			greet(s);
	}
}

static bool
options(struct sink *s, int argc, char **argv)
{
	static const struct option list[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"ca", required_argument, NULL, 'a'},
	    {"cert", required_argument, NULL, 'c'},
	    {"key", required_argument, NULL, 'k'},
	    {"ready", required_argument, NULL, 'r'},
	    {"out", required_argument, NULL, 'o'},
	    {"hang-up-after", required_argument, NULL, 'n'},
	    {"deaf", no_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", list, NULL)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		}
		if (opt == 'a')
			s->ca = optarg;
		else if (opt == 'c')
			s->cert = optarg;
		else if (opt == 'k')
			s->key = optarg;
		else if (opt == 'r')
			s->ready = optarg;
		else if (opt == 'o')
			s->out = optarg;
		else if (opt == 'n')
			s->hang_up_after = (unsigned)strtoul(optarg, NULL, 10);
		else if (opt == 'd')
			s->deaf = 1;
		else
			return false;
	}
	return optind == argc && s->ca != NULL && s->cert != NULL &&
	    s->key != NULL && s->ready != NULL && s->out != NULL;
}

int
main(int argc, char **argv)
{
	static struct sink s;
	struct why why;

	log_init("lab-x2-sink", LOG_LVL_INFO);
	if (!options(&s, argc, argv)) {
		log_error("bad or missing options (see --help)");
		return 2;
	}
	if (start(&s, &why) != ERR_OK) {
		log_error("%s", why.text);
		return 1;
	}
	loop(&s);
	(void)printf("%lu PDUs, %lu keep-alives\n", s.n_pdus, s.n_keepalives);
	while (s.n_peers > 0)
		drop(&s, 0, false);
	SSL_CTX_free(s.tls);
	(void)fclose(s.log);
	return 0;
}
