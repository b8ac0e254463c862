#include <string.h>

#include "handshake.h"

static int
any_certificate(int ok, X509_STORE_CTX *c)
{
	(void)ok;
	(void)c;
	return 1;
}

static bool
show(SSL_CTX *c, const struct handshake_end *e)
{
	bool ok = e->cert == NULL ||
	    (SSL_CTX_use_certificate(c, e->cert) == 1 &&
		SSL_CTX_use_PrivateKey(c, e->key) == 1);

	for (unsigned i = 0; ok && i < e->repeated; i++)
		ok = SSL_CTX_add1_chain_cert(c, e->cert) == 1;
	return ok;
}

static SSL_CTX *
context(const struct handshake_end *e, bool server)
{
	SSL_CTX *c =
	    SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (c == NULL ||
	    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    !show(c, e)) {
		SSL_CTX_free(c);
		return NULL;
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, any_certificate);
	return c;
}

static SSL *
server_of(const struct handshake_want *w, struct xk_proof *record)
{
	SSL_CTX *c = context(&w->server, true);
	char groups[] = "X25519:P-256"; /* as xk, but for the hybrid */
	SSL *s = NULL;

	if (c != NULL && xk_proof_profile(c) &&
	    SSL_CTX_set1_groups_list(c, groups) == 1 &&
	    SSL_CTX_set_num_tickets(c, 0) == 1)
		s = SSL_new(c);
	SSL_CTX_free(c);
	if (s != NULL) {
		memcpy(record->nonce, w->nonce, sizeof(w->nonce));
		xk_proof_watch(s, record);
		SSL_set_accept_state(s);
	}
	return s;
}

static SSL *
client_of(const struct handshake_want *w)
{
	SSL_CTX *c = context(&w->client, false);
	SSL *s = NULL;

	if (c != NULL &&
	    (w->suites == NULL ||
		SSL_CTX_set_ciphersuites(c, w->suites) == 1) &&
	    (w->groups == NULL ||
		SSL_CTX_set1_groups_list(c, w->groups) == 1) &&
	    (w->schemes == NULL ||
		SSL_CTX_set1_sigalgs_list(c, w->schemes) == 1))
		s = SSL_new(c);
	SSL_CTX_free(c);
	if (s != NULL)
		SSL_set_connect_state(s);
	return s;
}

static bool
join(SSL *a, SSL *b)
{
	BIO *at_a = NULL, *at_b = NULL;

	if (BIO_new_bio_pair(&at_a, 1 << 20, &at_b, 1 << 20) != 1)
		return false;
	SSL_set_bio(a, at_a, at_a);
	SSL_set_bio(b, at_b, at_b);
	return true;
}

enum err
handshake_make(const struct handshake_want *w, struct handshake *h)
{
	int done[2] = {0, 0}, len;
	enum err rc;

	*h = (struct handshake){.server = NULL};
	h->server = server_of(w, &h->record);
	h->client = client_of(w);
	if (h->server == NULL || h->client == NULL ||
	    !join(h->server, h->client))
		return ERR_CRYPTO;
	for (unsigned i = 0; i < 10 && (done[0] != 1 || done[1] != 1); i++) {
		done[0] = SSL_do_handshake(h->client);
		done[1] = SSL_do_handshake(h->server);
	}
	if (done[0] != 1 || done[1] != 1)
		return ERR_CLOSED;
	if ((rc = xk_proof_get(h->server, &h->record, &h->proof)) != ERR_OK)
		return rc;
	len = i2d_X509(w->client.cert, &h->cert);
	rd_init(&h->proof.cert, h->cert, len > 0 ? (size_t)len : 0);
	return len > 0 ? ERR_OK : ERR_CRYPTO;
}

void
handshake_done(struct handshake *h)
{
	if (h->server != NULL)
		xk_proof_done(h->server, &h->record);
	SSL_free(h->server);
	SSL_free(h->client);
	OPENSSL_free(h->cert);
	*h = (struct handshake){.server = NULL};
}
