/*
 * lab-lemf: an LEMF that receives HI2 over TLS, and the ways in which one goes
 * wrong.  One connection at a time.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
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
#include "lab_time.h"
#include "lemf_pdu.h"

#define IN_MAX (1 << 20)
#define TURN_MS 20

static const char help[] =
    "lab-lemf: receives HI2 on 127.0.0.1, over TLS.\n"
    "\n"
    "  --port N            default: a free one\n"
    "  --ca FILE --cert FILE --key FILE\n"
    "  --out FILE          gets the PS-PDUs that are about interceptions, whole\n"
    "                      ones alone, behind what is there\n"
    "  --ready FILE        gets the port once it listens\n"
    "  --tls 1.2           nothing newer\n"
    "  --ciphers LIST      of TLS 1.2, as OpenSSL names them\n"
    "  --decline           pDUAcknowledgement is not accepted\n"
    "  --fault slow=N      reads N octets a second\n"
    "  --fault flap=MS     closes each connection after that time\n"
    "  --fault reset=N     resets each connection after N octets\n"
    "  --fault half-open   reads nothing more after the handshake\n"
    "  --fault mute        reads, and answers nothing\n"
    "\n"
    "A line for each connection on standard output.  Ends on SIGTERM.\n"
    "Exit status: 0; 1; 2 usage.\n";

enum fault { NONE, SLOW, FLAP, RESET, HALF_OPEN, MUTE, FAULTS };
static const char *const faults[FAULTS] = {"none", "slow", "flap", "reset",
    "half-open", "mute"};

struct lemf {
	const char *port, *ca, *cert, *key, *out, *ready, *tls, *ciphers;
	int decline;
	enum fault fault;
	unsigned long n; /* the fault's number */

	SSL_CTX *ctx;
	int listener, file;

	int fd; /* the connection */
	SSL *ssl;
	int64_t since;
	uint8_t *in;
	size_t have;
	unsigned long octets, pdus; /* of it */
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* ---- one connection ---- */

static bool
keep(const struct lemf *l, struct rd pdu)
{
	return write(l->file, pdu.p, pdu.left) == (ssize_t)pdu.left;
}

/* Stored first, then answered for. */
static bool
take_pdu(struct lemf *l, struct rd pdu)
{
	uint8_t answer[LEMF_ANSWER_MAX];
	size_t len;

	l->pdus++;
	if (lemf_pdu_is_data(pdu) && !keep(l, pdu))
		fatal("%s: %s", l->out, strerror(errno));
	if (l->fault == MUTE)
		return true;
	len = lemf_pdu_answer(pdu, !l->decline, answer);
	return len == 0 || SSL_write(l->ssl, answer, (int)len) == (int)len;
}

static bool
take_all(struct lemf *l)
{
	struct rd have, pdu;
	size_t len;
	enum err rc;

	rd_init(&have, l->in, l->have);
	while ((rc = lemf_pdu_len(have, &len)) == ERR_OK)
		if (rd_view(&have, len, &pdu) != ERR_OK || !take_pdu(l, pdu))
			return false;
	memmove(l->in, have.p, have.left);
	l->have = have.left;
	return rc == ERR_AGAIN && l->have < IN_MAX;
}

/* How much may be read now; 0: the connection is to be reset. */
static size_t
appetite(const struct lemf *l)
{
	const size_t room = IN_MAX - l->have;

	if (l->fault == SLOW)
		return room < 1024 ? room : 1024;
	if (l->fault == RESET)
		return l->n - l->octets < room ? l->n - l->octets : room;
	return room;
}

static bool
is_over(const struct lemf *l)
{
	return stop ||
	    (l->fault == FLAP && lab_ms() - l->since >= (int64_t)l->n);
}

static void
serve(struct lemf *l)
{
	while (!is_over(l)) {
		struct pollfd p = {l->fd,
		    (short)(l->fault == HALF_OPEN ? POLLRDHUP : POLLIN), 0};
		const size_t most = appetite(l);
		size_t n = 0;

		if (most == 0)
			return;
		if (SSL_pending(l->ssl) == 0 && poll(&p, 1, TURN_MS) != 1)
			continue;
		if (l->fault == HALF_OPEN ||
		    SSL_read_ex(l->ssl, l->in + l->have, most, &n) != 1)
			return;
		l->have += n;
		l->octets += n;
		if (!take_all(l))
			return;
		if (l->fault == SLOW)
			(void)poll(NULL, 0, (int)(1000 * n / l->n));
	}
}

static void
hang_up(struct lemf *l)
{
	const struct linger hard = {1, 0};

	if (l->fault == RESET)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard,
		    sizeof(hard));
	else
		(void)SSL_shutdown(l->ssl);
	SSL_free(l->ssl);
	(void)close(l->fd);
}

static void
greet(struct lemf *l)
{
	const int small = 4096;

	l->fd = accept(l->listener, NULL, NULL);
	if (l->fd == -1)
		return;
	if (l->fault == SLOW || l->fault == HALF_OPEN)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &small,
		    sizeof(small));
	l->since = lab_ms();
	l->have = l->octets = l->pdus = 0;
	ERR_clear_error();
	if ((l->ssl = SSL_new(l->ctx)) == NULL ||
	    SSL_set_fd(l->ssl, l->fd) != 1)
		fatal("OpenSSL: no connection");
	if (SSL_accept(l->ssl) != 1) {
		(void)printf("refused: %s\n",
		    ERR_reason_error_string(ERR_peek_error()));
	} else {
		(void)printf("up: %s %s\n", SSL_get_version(l->ssl),
		    SSL_get_cipher_name(l->ssl));
		(void)fflush(stdout);
		serve(l);
		(void)printf("down: %lu PDUs\n", l->pdus);
	}
	(void)fflush(stdout);
	hang_up(l);
}

/* ---- its beginning ---- */

static bool
make_context(struct lemf *l)
{
	const bool old = l->tls != NULL;

	l->ctx = SSL_CTX_new(TLS_server_method());
	if (l->ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(l->ctx, l->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(l->ctx, l->key, SSL_FILETYPE_PEM) !=
		1 ||
	    SSL_CTX_load_verify_locations(l->ctx, l->ca, NULL) != 1 ||
	    (old &&
		SSL_CTX_set_max_proto_version(l->ctx, TLS1_2_VERSION) != 1) ||
	    (l->ciphers != NULL &&
		SSL_CTX_set_cipher_list(l->ctx, l->ciphers) != 1))
		return false;
	SSL_CTX_set_verify(l->ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return true;
}

static enum err
start(struct lemf *l, struct why *why)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)strtoul(l->port, NULL, 10))};
	socklen_t len = sizeof(a);
	const int one = 1;
	FILE *f;

	if (!make_context(l))
		return why_set(why, ERR_CRYPTO, "TLS: %s",
		    ERR_reason_error_string(ERR_peek_error()));
	if ((l->in = malloc(IN_MAX)) == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	l->file = open(l->out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (l->file == -1)
		return why_errno(why, "%s", l->out);
	l->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->listener == -1 ||
	    setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &one,
		sizeof(one)) == -1 ||
	    bind(l->listener, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(l->listener, 8) == -1 ||
	    getsockname(l->listener, (struct sockaddr *)&a, &len) == -1)
		return why_errno(why, "cannot listen");
	if (l->ready != NULL &&
	    ((f = fopen(l->ready, "w")) == NULL ||
		fprintf(f, "%u\n", ntohs(a.sin_port)) < 0 || fclose(f) != 0))
		return why_errno(why, "%s", l->ready);
	return ERR_OK;
}

static bool
read_fault(struct lemf *l, char *text)
{
	char *number = strchr(text, '=');

	if (number != NULL) {
		*number++ = '\0';
		l->n = strtoul(number, NULL, 10);
	}
	for (unsigned i = 1; i < FAULTS; i++)
		if (strcmp(text, faults[i]) == 0)
			l->fault = (enum fault)i;
	return l->fault != NONE &&
	    (l->n > 0) ==
	    (l->fault == SLOW || l->fault == FLAP || l->fault == RESET);
}

static bool
options(struct lemf *l, int argc, char **argv)
{
	static const struct option list[] = {{"help", no_argument, NULL, 'h'},
	    {"port", required_argument, NULL, 'p'},
	    {"ca", required_argument, NULL, 'a'},
	    {"cert", required_argument, NULL, 'c'},
	    {"key", required_argument, NULL, 'k'},
	    {"out", required_argument, NULL, 'o'},
	    {"ready", required_argument, NULL, 'r'},
	    {"tls", required_argument, NULL, 't'},
	    {"ciphers", required_argument, NULL, 'e'},
	    {"decline", no_argument, NULL, 'd'},
	    {"fault", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	const char **const text[] = {['p'] = &l->port,
	    ['a'] = &l->ca,
	    ['c'] = &l->cert,
	    ['k'] = &l->key,
	    ['o'] = &l->out,
	    ['r'] = &l->ready,
	    ['t'] = &l->tls,
	    ['e'] = &l->ciphers};
	int o;

	while ((o = getopt_long(argc, argv, "h", list, NULL)) != -1)
		if (o == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		} else if (o == 'd') {
			l->decline = 1;
		} else if (o == 'f') {
			if (!read_fault(l, optarg))
				return false;
		} else if (o == '?') {
			return false;
		} else {
			*text[o] = optarg;
		}
	return optind == argc && l->ca != NULL && l->cert != NULL &&
	    l->key != NULL && l->out != NULL &&
	    (l->tls == NULL || strcmp(l->tls, "1.2") == 0);
}

int
main(int argc, char **argv)
{
	static struct lemf l = {.port = "0"};
	const struct sigaction end = {.sa_handler = on_signal};
	struct why why = {""};

	log_init("lab-lemf", LOG_LVL_INFO);
	if (!options(&l, argc, argv)) {
		(void)fprintf(stderr, "lab-lemf: see --help\n");
		return 2;
	}
	(void)sigaction(SIGTERM, &end, NULL); /* accept() is interrupted */
	(void)signal(SIGPIPE, SIG_IGN);
	if (start(&l, &why) != ERR_OK) {
		(void)fprintf(stderr, "lab-lemf: %s\n", why.text);
		return 1;
	}
	while (!stop)
		greet(&l);
	return 0;
}
