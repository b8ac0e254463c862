#include <string.h>

#include "appliance/tls_files.h"
#include "appliance/tls_server.h"

static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	const struct tls_server_kind *kind = arg;
	unsigned char *chosen;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, kind->alpn, kind->alpn_len,
		in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_profile(SSL_CTX *c, const struct tls_server_kind *kind)
{
	if (!tls_profile(c) || SSL_CTX_set_num_tickets(c, 0) != 1 ||
	    (kind->extend != NULL && !kind->extend(c)))
		return false;
	(void)SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Who sends nothing but changes of his key holds up nobody else. */
	(void)SSL_CTX_clear_mode(c, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    NULL);
	if (kind->alpn != NULL) {
		void *arg;

		memcpy(&arg, &kind, sizeof(arg)); /* it is only read */
		SSL_CTX_set_alpn_select_cb(c, choose_alpn, arg);
	}
	return true;
}

enum err
tls_server_new(const struct tls_server_kind *kind, int cert_fd, int key_fd,
    int ca_fd, SSL_CTX **out, struct why *why)
{
	const struct tls_files files = {kind->section, "client_ca", kind->role,
	    cert_fd, key_fd, ca_fd};
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	enum err rc;

	if (c == NULL || !set_profile(c, kind)) {
		tls_close_files(&files);
		SSL_CTX_free(c);
		return why_set(why, ERR_CRYPTO, "OpenSSL: %s", tls_error());
	}
	if ((rc = tls_use_files(c, &files, why)) != ERR_OK)
		SSL_CTX_free(c);
	else
		*out = c;
	return rc;
}
