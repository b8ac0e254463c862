/* Making a link, and ending it: addresses, certificates, the last octets. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509_vfy.h>

#include "base/log.h"
#include "lab_time.h"
#include "lab_x2_int.h"

#define CLOSE_MS 2000

const char *
x2_tls_words(const SSL *ssl)
{
	const long v = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
	const unsigned long e = ERR_peek_last_error();
	const char *s = ERR_reason_error_string(e);

	ERR_clear_error();
	if (v != X509_V_OK)
		return X509_verify_cert_error_string(v);
	return s != NULL ? s : errno != 0 ? strerror(errno) : "closed";
}

static enum err
resolve(struct x2_link *l, struct why *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *at = l->opt->connect, *colon = strrchr(at, ':');
	struct addrinfo *a = NULL;
	size_t n;
	int code;

	if (colon == NULL || colon == at ||
	    (n = (size_t)(colon - at)) >= sizeof(l->host))
		return why_set(why, ERR_MALFORMED, "%s is not HOST:PORT", at);
	if (at[0] == '[' && at[n - 1] == ']') {
		at++;
		n -= 2;
	}
	memcpy(l->host, at, n);
	l->host[n] = '\0';
	if ((code = getaddrinfo(l->host, colon + 1, &hints, &a)) != 0)
		return why_set(why, ERR_NOTFOUND, "%s: %s", l->opt->connect,
		    gai_strerror(code));
	memcpy(&l->addr, a->ai_addr, a->ai_addrlen);
	l->addr_len = a->ai_addrlen;
	freeaddrinfo(a);
	return ERR_OK;
}

static enum err
context(struct x2_link *l, struct why *why)
{
	const struct x2_link_opt *o = l->opt;
	SSL_CTX *c = l->tls = SSL_CTX_new(TLS_client_method());

	if (c == NULL || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1)
		return why_set(why, ERR_CRYPTO, "no TLS 1.3");
	if (SSL_CTX_load_verify_locations(c, o->ca, NULL) != 1)
		return why_set(why, ERR_CRYPTO, "%s: no certificate", o->ca);
	if (SSL_CTX_use_certificate_chain_file(c, o->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, o->key, SSL_FILETYPE_PEM) != 1)
		return why_set(why, ERR_CRYPTO,
		    "%s and %s: no certificate with its key", o->cert, o->key);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_mode(c,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return ERR_OK;
}

SSL *
x2_tls_new(struct x2_link *l)
{
	SSL *s = SSL_new(l->tls);
	X509_VERIFY_PARAM *v;

	if (s == NULL || SSL_set_fd(s, l->fd) != 1) {
		SSL_free(s);
		return NULL;
	}
	v = SSL_get0_param(s);
	if (X509_VERIFY_PARAM_set1_ip_asc(v, l->host) != 1 &&
	    (X509_VERIFY_PARAM_set1_host(v, l->host, 0) != 1 ||
		SSL_set_tlsext_host_name(s, l->host) != 1)) {
		SSL_free(s);
		return NULL;
	}
	return s;
}

enum err
x2_link_new(const struct x2_link_opt *opt, struct x2_link **out,
    struct why *why)
{
	struct x2_link *l = calloc(1, sizeof(*l));
	enum err rc;

	if (l == NULL)
		return why_set(why, ERR_NOMEM, "no memory");
	l->opt = opt;
	l->fd = -1;
	if ((rc = resolve(l, why)) != ERR_OK ||
	    (rc = context(l, why)) != ERR_OK) {
		x2_link_free(&l);
		return rc;
	}
	*out = l;
	return ERR_OK;
}

void
x2_link_free(struct x2_link **lp)
{
	struct x2_link *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	SSL_free(l->ssl);
	SSL_CTX_free(l->tls);
	if (l->fd != -1)
		(void)close(l->fd);
	for (size_t i = 0; i < l->n; i++)
		free(x2_link_item(l, i)->p);
	free(l->ring);
	free(l->batch);
	free(l);
}

void
x2_link_gather(struct x2_link *l, size_t most)
{
	size_t n, len = 0;

	for (n = 0; l->next + n < l->n; n++) {
		const size_t more = x2_link_item(l, l->next + n)->len;

		if (n > 0 && len + more > most)
			break;
		len += more;
	}
	if ((l->batch = malloc(len)) == NULL)
		fatal("no memory");
	l->batch_len = 0;
	for (l->batch_n = 0; l->batch_n < n; l->batch_n++) {
		const struct x2_item *t = x2_link_item(l, l->next + l->batch_n);

		memcpy(l->batch + l->batch_len, t->p, t->len);
		l->batch_len += t->len;
	}
}

void
x2_link_want_acks(struct x2_link *l)
{
	l->want_acks = true;
}

bool
x2_link_all_sent(const struct x2_link *l)
{
	return l->next == l->n && (l->n == 0 || l->state == X2_UP);
}

/* A keep-alive by itself is not waited for. */
bool
x2_link_all_acked(const struct x2_link *l)
{
	return l->counts.acked == l->counts.put;
}

bool
x2_link_over(const struct x2_link *l)
{
	return l->opt->once && l->counts.lost > 0;
}

/*
 * Closing with octets unread would reset the connection and lose at the other
 * end what it has not read yet.
 */
void
x2_link_close(struct x2_link *l)
{
	const int64_t end = lab_ms() + CLOSE_MS;
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	uint8_t b[4096];

	if (l->state != X2_UP)
		return;
	(void)SSL_shutdown(l->ssl);
	(void)shutdown(l->fd, SHUT_WR);
	while (lab_ms() < end && poll(&p, 1, 100) >= 0)
		if (p.revents != 0 && read(l->fd, b, sizeof(b)) <= 0)
			break;
}

const struct x2_link_counts *
x2_link_counts(const struct x2_link *l)
{
	return &l->counts;
}

const char *
x2_link_trouble(const struct x2_link *l)
{
	return l->trouble;
}
