#include <sys/socket.h>
#include <sys/time.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "attack_link.h"

#define PATIENCE_S 60

static struct {
	char connect[256];
	SSL_CTX *ctx;
	BIO *bio; /* NULL: not connected */
	unsigned connections;
} g;

_Noreturn void
link_stop(const char *what)
{
	perror(what);
	exit(2);
}

bool
link_is_up(void)
{
	return g.bio != NULL;
}

void
link_count_anew(void)
{
	g.connections = g.bio != NULL;
}

unsigned
link_connections(void)
{
	return g.connections;
}

void
link_begin(const char *connect, const char *pki, const char *name,
    const char *alpn)
{
	char ca[4096], cert[4096], key[4096], list[64];
	const size_t n = alpn == NULL ? 0 : strlen(alpn);

	(void)snprintf(ca, sizeof(ca), "%s/ca.pem", pki);
	(void)snprintf(cert, sizeof(cert), "%s/%s.pem", pki, name);
	(void)snprintf(key, sizeof(key), "%s/%s.key", pki, name);
	(void)snprintf(list, sizeof(list), "%c%s", (char)n,
	    alpn == NULL ? "" : alpn);
	(void)snprintf(g.connect, sizeof(g.connect), "%s", connect);
	g.ctx = SSL_CTX_new(TLS_client_method());
	if (g.ctx == NULL ||
	    (n > 0 &&
		SSL_CTX_set_alpn_protos(g.ctx, (const unsigned char *)list,
		    (unsigned)n + 1) != 0) ||
	    SSL_CTX_load_verify_locations(g.ctx, ca, NULL) != 1 ||
	    SSL_CTX_use_certificate_chain_file(g.ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(g.ctx, key, SSL_FILETYPE_PEM) != 1)
		link_stop(pki);
}

static void
connect_now(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const int one = 1;
	int fd = -1;

	g.bio = BIO_new_ssl_connect(g.ctx);
	if (g.bio == NULL || BIO_set_conn_hostname(g.bio, g.connect) != 1 ||
	    BIO_do_handshake(g.bio) != 1 || BIO_get_fd(g.bio, &fd) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
		link_stop("no connection");
	g.connections++;
}

void
link_drop(void)
{
	BIO_free_all(g.bio);
	g.bio = NULL;
}

/* In good order, so that nothing that was sent is lost. */
void
link_finish(void)
{
	uint8_t in[4096];
	int fd = -1;
	size_t n;

	BIO_ssl_shutdown(g.bio);
	if (BIO_get_fd(g.bio, &fd) >= 0)
		(void)shutdown(fd, SHUT_WR);
	while (BIO_read_ex(g.bio, in, sizeof(in), &n) == 1)
		;
	while (recv(fd, in, sizeof(in), 0) > 0)
		;
	link_drop();
}

bool
link_put(const void *octets, size_t len)
{
	size_t n = 0;

	if (g.bio == NULL)
		connect_now();
	if (BIO_write_ex(g.bio, octets, len, &n) == 1 && n == len)
		return true;
	link_drop(); /* it has had enough */
	return false;
}

bool
link_get(void *octets, size_t cap, size_t *have)
{
	uint8_t *p = octets;
	size_t n = 0;

	if (g.bio == NULL || *have == cap ||
	    BIO_read_ex(g.bio, p + *have, cap - *have, &n) != 1)
		return false;
	*have += n;
	return true;
}

void
link_end(void)
{
	if (g.bio != NULL)
		link_drop();
	SSL_CTX_free(g.ctx);
}
