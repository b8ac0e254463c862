/*
 * bench_tls: handshakes per second with the key in the token, beside the same
 * appliance's with the key in its memory, plain OpenSSL with the key in memory,
 * and what the token signs by itself; in turn, round after round.
 *
 * A round keeps so many handshakes going, each a connection of its own with
 * both certificates, and counts those whose client has come to its end: by then
 * the server has signed.
 */
#include <sys/socket.h>
#include <sys/wait.h>

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

#include "appliance/address.h"
#include "appliance/tls_client.h"
#include "appliance/tls_server.h"
#include "base/secret.h"
#include "bench.h"
#include "hsm/hsm.h"

#define AT_ONCE 16
#define ROUND_NS 1e9
#define ROUNDS 7
#define SERVER_MOST 256

static struct {
	const char *token, *memory; /* addresses of the two appliances */
	const char *ca, *cert, *key; /* the client's */
	const char *server_cert, *server_key; /* of plain OpenSSL */
	const char *module, *label, *pin_file;
} opt;

static _Noreturn void
stop(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench_tls: %s: %s\n", what, why);
	exit(1);
}

static int
open_pem(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		stop(path, strerror(errno));
	return fd;
}

/* ---- plain OpenSSL, in a process of its own ---- */

static SSL_CTX *
server_context(void)
{
	static const struct tls_server_kind kind = {.section = "server"};
	struct why why = {""};
	SSL_CTX *c = NULL;

	if (tls_server_new(&kind, open_pem(opt.server_cert),
		open_pem(opt.server_key), open_pem(opt.ca), &c, &why) != ERR_OK)
		stop("server", why.text);
	return c;
}

struct served {
	SSL *ssl;
	int fd;
};

static void
accept_one(struct served *s, SSL_CTX *c, int listener)
{
	s->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s->fd == -1)
		return;
	if ((s->ssl = SSL_new(c)) == NULL || SSL_set_fd(s->ssl, s->fd) != 1)
		stop("server", "out of memory");
	SSL_set_accept_state(s->ssl);
}

/* Its handshake, then whatever comes until the client goes. */
static void
serve_one(struct served *s)
{
	uint8_t octet;
	const int n = SSL_is_init_finished(s->ssl) ? SSL_read(s->ssl, &octet, 1)
						   : SSL_do_handshake(s->ssl);

	if (n == 1 || SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ)
		return;
	SSL_free(s->ssl);
	close(s->fd);
	*s = (struct served){NULL, -1};
}

static _Noreturn void
serve(int listener)
{
	static struct served all[SERVER_MOST];
	SSL_CTX *c = server_context();
	struct pollfd p[SERVER_MOST + 1];

	for (unsigned i = 0; i < SERVER_MOST; i++)
		all[i].fd = -1;
	for (;;) {
		struct served *room = NULL;

		for (unsigned i = 0; i < SERVER_MOST; i++) {
			p[i] = (struct pollfd){all[i].fd, POLLIN, 0};
			if (all[i].fd == -1)
				room = &all[i];
		}
		p[SERVER_MOST] =
		    (struct pollfd){room == NULL ? -1 : listener, POLLIN, 0};
		if (poll(p, SERVER_MOST + 1, -1) == -1)
			stop("server", strerror(errno));
		for (unsigned i = 0; i < SERVER_MOST; i++)
			if (p[i].revents != 0)
				serve_one(&all[i]);
		if (p[SERVER_MOST].revents != 0)
			accept_one(room, c, listener);
	}
}

static pid_t
start_server(struct address *at)
{
	struct why why = {""};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (address_parse("here", "127.0.0.1:1", at, &why) != ERR_OK)
		stop("server", why.text);
	/* Any port. */
	((struct sockaddr_in *)(void *)&at->sa)->sin_port = 0;
	if (fd == -1 || bind(fd, (struct sockaddr *)&at->sa, at->len) == -1 ||
	    listen(fd, SERVER_MOST) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at->sa, &at->len) == -1 ||
	    (pid = fork()) == -1)
		stop("server", strerror(errno));
	if (pid == 0)
		serve(fd);
	close(fd);
	return pid;
}

/* ---- the token by itself, in a process of its own ---- */

static struct hsm *
open_token(void)
{
	struct secret *pin = NULL;
	struct why why = {""};
	struct hsm *h = NULL;
	char text[256];
	const int fd = open_pem(opt.pin_file);
	const ssize_t n = read(fd, text, sizeof(text));

	close(fd);
	if (n <= 0 || secret_new((size_t)n, &pin) != ERR_OK)
		stop(opt.pin_file, "no PIN");
	memcpy(secret_data(pin), text, (size_t)n);
	explicit_bzero(text, sizeof(text));
	if (hsm_open(opt.module, opt.label, pin, &h, &why) != ERR_OK ||
	    hsm_find_tls_keys(h, &why) != ERR_OK)
		stop("the token", why.text);
	secret_free(&pin);
	return h;
}

/* A burst of signatures for each octet that comes; so long was each. */
static _Noreturn void
sign_bursts(int in, int out)
{
	const uint8_t data[130] = {0};
	uint8_t sig[HSM_SIGNATURE_MAX];
	struct hsm *h = open_token();
	size_t len;
	char go;

	while (read(in, &go, 1) == 1) {
		const double t0 = bench_now_ns();
		double n = 0, ns = 0;

		for (; ns < ROUND_NS; n++) {
			if (hsm_sign(h, HSM_KEY_TLS_XK, data, sizeof(data), sig,
				&len) != ERR_OK)
				stop("the token", hsm_why());
			ns = bench_now_ns() - t0;
		}
		ns /= n;
		if (write(out, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	hsm_close(&h);
	_exit(0);
}

static struct {
	int to, from;
	pid_t pid;
} signer;

static void
start_signer(void)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) == -1 || pipe2(from, O_CLOEXEC) == -1 ||
	    (signer.pid = fork()) == -1)
		stop("the token", strerror(errno));
	if (signer.pid == 0) {
		close(to[1]);
		sign_bursts(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	signer.to = to[1];
	signer.from = from[0];
}

static double
token_round(void)
{
	double ns;

	if (write(signer.to, "x", 1) != 1 ||
	    read(signer.from, &ns, sizeof(ns)) != sizeof(ns))
		stop("the token", "has gone");
	return ns;
}

/* ---- clients ---- */

struct going {
	SSL *ssl;
	int fd;
	bool connected;
};

static void
begin(struct going *g, SSL_CTX *c, const struct address *at)
{
	const struct linger now = {1, 0};

	*g = (struct going){NULL,
	    socket(at->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0),
	    false};
	/* No port waits for its end. */
	if (g->fd == -1 ||
	    setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == -1 ||
	    (connect(g->fd, (const struct sockaddr *)&at->sa, at->len) == -1 &&
		errno != EINPROGRESS))
		stop("connect", strerror(errno));
	if (tls_client_open(c, g->fd, "127.0.0.1", &g->ssl) != ERR_OK)
		stop("connect", "out of memory");
}

static void
end(struct going *g)
{
	SSL_free(g->ssl);
	close(g->fd);
}

/* Has it come to its end? */
static bool
go_on(struct going *g, const char *whom)
{
	const int n = SSL_do_handshake(g->ssl);

	g->connected = true;
	if (n == 1)
		return true;
	if (SSL_get_error(g->ssl, n) != SSL_ERROR_WANT_READ)
		stop(whom, tls_client_error(g->ssl));
	return false;
}

/* Nanoseconds for each handshake with that server. */
static double
round_with(SSL_CTX *c, const struct address *at, const char *whom)
{
	struct going all[AT_ONCE];
	struct pollfd p[AT_ONCE];
	const double t0 = bench_now_ns();
	double n = 0, ns = 0;

	for (unsigned i = 0; i < AT_ONCE; i++)
		begin(&all[i], c, at);
	while (ns < ROUND_NS) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			p[i] = (struct pollfd){all[i].fd,
			    all[i].connected ? POLLIN : POLLOUT, 0};
		if (poll(p, AT_ONCE, 10000) <= 0)
			stop(whom, "does not answer");
		for (unsigned i = 0; i < AT_ONCE; i++) {
			if (p[i].revents == 0 || !go_on(&all[i], whom))
				continue;
			end(&all[i]);
			begin(&all[i], c, at);
			n++;
		}
		ns = bench_now_ns() - t0;
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		end(&all[i]);
	return ns / n;
}

static SSL_CTX *
client_context(void)
{
	static const struct tls_client_kind kind = {.section = "client",
	    .ca_name = "ca"};
	const struct tls_fds files = {open_pem(opt.cert), open_pem(opt.key),
	    open_pem(opt.ca), -1};
	struct why why = {""};
	SSL_CTX *c = NULL;

	if (tls_client_new(&kind, &files, &c, &why) != ERR_OK)
		stop("client", why.text);
	return c;
}

/* ---- */

static void
rate(const struct bench *b, const char *name, const char *beside)
{
	const double ns = bench_median(b, name);

	(void)printf("%-28s %8.0f /s", name, 1e9 / ns);
	if (beside != NULL)
		(void)printf("  %.2f of \"%s\"", bench_median(b, beside) / ns,
		    beside);
	(void)putchar('\n');
}

static void
measure(void)
{
	static const char in_token[] = "appliance, key in token",
			  in_memory[] = "appliance, key in memory",
			  plain[] = "OpenSSL, key in memory",
			  signs[] = "the token signs";
	struct address token, memory, server;
	static struct bench b;
	struct why why = {""};
	pid_t pid;
	SSL_CTX *c;

	if (address_parse("--token", opt.token, &token, &why) != ERR_OK ||
	    address_parse("--memory", opt.memory, &memory, &why) != ERR_OK)
		stop("usage", why.text);
	pid = start_server(&server);
	start_signer();
	c = client_context();
	(void)token_round(); /* its login is over */
	for (unsigned i = 0; i < ROUNDS; i++) {
		bench_add(&b, in_token, round_with(c, &token, in_token));
		bench_add(&b, in_memory, round_with(c, &memory, in_memory));
		bench_add(&b, plain, round_with(c, &server, plain));
		bench_add(&b, signs, token_round());
	}
	SSL_CTX_free(c);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	close(signer.to);
	(void)waitpid(signer.pid, NULL, 0);
	bench_print_machine();
	(void)printf("%d handshakes at once, %d rounds in turn of 1 s each\n",
	    AT_ONCE, ROUNDS);
	rate(&b, in_token, plain);
	rate(&b, in_token, in_memory);
	rate(&b, in_token, signs);
	rate(&b, in_memory, plain);
	rate(&b, plain, NULL);
	rate(&b, signs, NULL);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"token", required_argument, NULL,
						  0},
	    {"memory", required_argument, NULL, 1},
	    {"ca", required_argument, NULL, 2},
	    {"cert", required_argument, NULL, 3},
	    {"key", required_argument, NULL, 4},
	    {"server-cert", required_argument, NULL, 5},
	    {"server-key", required_argument, NULL, 6},
	    {"module", required_argument, NULL, 7},
	    {"label", required_argument, NULL, 8},
	    {"pin-file", required_argument, NULL, 9}, {NULL, 0, NULL, 0}};
	const char **const to[] = {&opt.token, &opt.memory, &opt.ca, &opt.cert,
	    &opt.key, &opt.server_cert, &opt.server_key, &opt.module,
	    &opt.label, &opt.pin_file};
	int i;

	while ((i = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (i < 0 || i > 9)
			stop("usage", "see bench/tls.sh");
		*to[i] = optarg;
	}
	for (i = 0; i < 10; i++)
		if (*to[i] == NULL)
			stop("usage", "see bench/tls.sh");
	(void)signal(SIGPIPE, SIG_IGN);
	measure();
	return 0;
}
