#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "appliance/df2_client.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};

struct df2 {
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
	uint8_t in[MAX_XK_PDU];
	size_t have;
	size_t used; /* of the PDU that was given out last */
};

static const char *
tls_words(void)
{
	const unsigned long e = ERR_peek_last_error();
	const char *s = ERR_reason_error_string(e);

	ERR_clear_error();
	return s != NULL ? s : errno != 0 ? strerror(errno) : "closed";
}

/* What is wrong with the server's certificate, if that is what it was. */
static const char *
handshake_words(const SSL *ssl)
{
	const long v = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);

	return v == X509_V_OK ? tls_words() : X509_verify_cert_error_string(v);
}

static enum err
split(const char *address, char *host, size_t cap, const char **port,
    struct why *why)
{
	const char *colon = strrchr(address, ':');
	size_t n;

	if (colon == NULL || (n = (size_t)(colon - address)) == 0)
		return why_set(why, ERR_MALFORMED, "%s is not HOST:PORT",
		    address);
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (n >= cap)
		return why_set(why, ERR_TOOBIG, "host name too long");
	memcpy(host, address, n);
	host[n] = '\0';
	*port = colon + 1;
	return ERR_OK;
}

static enum err
dial(const char *host, const char *port, int *out, struct why *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct timeval patience = {60, 0};
	struct addrinfo *list = NULL, *a;
	const int one = 1;
	int code, fd = -1;

	if ((code = getaddrinfo(host, port, &hints, &list)) != 0)
		return why_set(why, ERR_CLOSED, "%s: %s", host,
		    gai_strerror(code));
	for (a = list; a != NULL && fd == -1; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd != -1 && connect(fd, a->ai_addr, a->ai_addrlen) == -1) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd == -1) {
		(void)why_errno(why, "cannot connect to %s port %s", host,
		    port);
		return ERR_CLOSED;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	*out = fd;
	return ERR_OK;
}

static enum err
client_context(const struct df2_where *w, SSL_CTX **out, struct why *why)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_alpn_protos(c, alpn, sizeof(alpn)) != 0 ||
	    SSL_CTX_load_verify_locations(c, w->ca, NULL) != 1) {
		SSL_CTX_free(c);
		return why_set(why, ERR_CRYPTO, "%s: %s", w->ca, tls_words());
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_use_certificate_chain_file(c, w->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, w->key, SSL_FILETYPE_PEM) != 1) {
		SSL_CTX_free(c);
		return why_set(why, ERR_CRYPTO, "%s and %s: %s", w->cert,
		    w->key, tls_words());
	}
	*out = c;
	return ERR_OK;
}

/* An address is checked as one, a name as one. */
static bool
expect_name(SSL *ssl, const char *name)
{
	struct in6_addr any;
	char sni[256];

	if (inet_pton(AF_INET, name, &any) == 1 ||
	    inet_pton(AF_INET6, name, &any) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
			   name) == 1;
	if (snprintf(sni, sizeof(sni), "%s", name) >= (int)sizeof(sni))
		return false;
	return SSL_set1_host(ssl, sni) == 1 &&
	    SSL_set_tlsext_host_name(ssl, sni) == 1;
}

enum err
df2_open(const struct df2_where *w, struct df2 **out, struct why *why)
{
	struct df2 *d = calloc(1, sizeof(*d));
	const unsigned char *proto = NULL;
	unsigned proto_len = 0;
	const char *port = NULL;
	char host[256];
	enum err rc;

	if (d == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	d->fd = -1;
	(void)signal(SIGPIPE, SIG_IGN);
	if ((rc = split(w->address, host, sizeof(host), &port, why)) !=
		ERR_OK ||
	    (rc = client_context(w, &d->tls, why)) != ERR_OK ||
	    (rc = dial(host, port, &d->fd, why)) != ERR_OK)
		goto out;
	rc = ERR_CRYPTO;
	errno = 0;
	if ((d->ssl = SSL_new(d->tls)) == NULL ||
	    SSL_set_fd(d->ssl, d->fd) != 1 ||
	    !expect_name(d->ssl, w->name != NULL ? w->name : host) ||
	    SSL_connect(d->ssl) != 1) {
		(void)why_set(why, rc, "TLS with %s: %s", w->address,
		    handshake_words(d->ssl));
		goto out;
	}
	SSL_get0_alpn_selected(d->ssl, &proto, &proto_len);
	if (proto_len != 4 || memcmp(proto, "xk/1", 4) != 0) {
		(void)why_set(why, rc, "%s does not speak xk/1", w->address);
		goto out;
	}
	*out = d;
	d = NULL;
	rc = ERR_OK;
out:
	df2_close(&d);
	return rc;
}

void
df2_close(struct df2 **dp)
{
	struct df2 *d = *dp;

	if (d == NULL)
		return;
	if (d->ssl != NULL)
		(void)SSL_shutdown(d->ssl);
	SSL_free(d->ssl);
	SSL_CTX_free(d->tls);
	if (d->fd != -1)
		close(d->fd);
	explicit_bzero(d->in, sizeof(d->in));
	free(d);
	*dp = NULL;
}

enum err
df2_send(struct df2 *d, const uint8_t *der, size_t len, struct why *why)
{
	size_t n;

	errno = 0;
	while (len > 0) {
		if (SSL_write_ex(d->ssl, der, len, &n) != 1)
			return why_set(why, ERR_CLOSED, "sending: %s",
			    tls_words());
		der += n;
		len -= n;
	}
	return ERR_OK;
}

enum err
df2_receive(struct df2 *d, struct xk_msg *out, struct why *why)
{
	uint32_t id;
	struct rd r;
	size_t len, n;
	enum err rc;

	memmove(d->in, d->in + d->used, d->have - d->used);
	d->have -= d->used;
	d->used = 0;
	for (;;) {
		rd_init(&r, d->in, d->have);
		rc = xk_pdu_length(r, &len);
		if (rc == ERR_OK && len <= d->have)
			break;
		if (rc != ERR_OK && rc != ERR_AGAIN)
			return why_set(why, rc, "the answer is not a PDU");
		errno = 0;
		if (SSL_read_ex(d->ssl, d->in + d->have,
			sizeof(d->in) - d->have, &n) != 1)
			return why_set(why, ERR_CLOSED,
			    "the server closed the connection: %s",
			    tls_words());
		d->have += n;
	}
	r.left = len;
	d->used = len;
	if (xk_pdu_decode(r, out, &id) != ERR_OK)
		return why_set(why, ERR_MALFORMED,
		    "the answer is not DER of the module");
	return ERR_OK;
}

enum err
df2_get_keys(struct df2 *d, uint32_t id, const struct xk_get_keys *k,
    struct xk_msg *out, struct why *why)
{
	uint8_t *der = NULL;
	size_t len;
	enum err rc;

	if (xk_encode_get_keys(id, k, &der, &len) != ERR_OK)
		return why_set(why, ERR_TOOBIG,
		    "a message is too long for a request");
	rc = df2_send(d, der, len, why);
	xk_der_free(&der, len);
	if (rc != ERR_OK || (rc = df2_receive(d, out, why)) != ERR_OK)
		return rc;
	if (out->request_id == id)
		return ERR_OK;
	xk_msg_free(out);
	return why_set(why, ERR_MISMATCH, "an answer to another request");
}
