#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "appliance/tls_client.h"
#include "appliance/tls_files.h"

static bool
set_profile(SSL_CTX *c, const struct tls_client_kind *kind)
{
	if (!tls_profile(c))
		return false;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	return kind->alpn == NULL ||
	    SSL_CTX_set_alpn_protos(c, kind->alpn, kind->alpn_len) == 0;
}

enum err
tls_client_new(const struct tls_client_kind *kind, int cert_fd, int key_fd,
    int ca_fd, SSL_CTX **out, struct why *why)
{
	const struct tls_files files = {kind->section, kind->ca_name, cert_fd,
	    key_fd, ca_fd};
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
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

static bool
is_address(const char *name)
{
	struct in6_addr any;

	return inet_pton(AF_INET, name, &any) == 1 ||
	    inet_pton(AF_INET6, name, &any) == 1;
}

static bool
expect(SSL *ssl, const char *name)
{
	char text[256];
	const size_t n = strlen(name);

	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
			   name) == 1;
	/* An empty name would be no check at all. */
	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, name, n + 1);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, text) == 1 &&
	    SSL_set_tlsext_host_name(ssl, text) == 1;
}

enum err
tls_client_open(SSL_CTX *c, int fd, const char *name, SSL **out)
{
	SSL *ssl = SSL_new(c);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return ERR_CRYPTO;
	}
	if (!expect(ssl, name)) {
		SSL_free(ssl);
		ERR_clear_error();
		return ERR_MALFORMED;
	}
	SSL_set_connect_state(ssl);
	*out = ssl;
	return ERR_OK;
}

bool
tls_client_agreed(const struct tls_client_kind *kind, const SSL *ssl)
{
	const unsigned char *proto = NULL;
	unsigned len = 0;

	if (kind->alpn == NULL)
		return true;
	SSL_get0_alpn_selected(ssl, &proto, &len);
	return len + 1 == kind->alpn_len &&
	    memcmp(proto, kind->alpn + 1, len) == 0;
}

const char *
tls_client_error(const SSL *ssl)
{
	const long v = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);

	if (v == X509_V_OK)
		return tls_error();
	ERR_clear_error();
	return X509_verify_cert_error_string(v);
}
