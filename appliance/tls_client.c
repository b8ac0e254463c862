#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "appliance/tls_client.h"
#include "appliance/tls_files.h"

/* ---- whom to trust ---- */

static bool
is_pinned(const struct tls_client_kind *kind, X509 *cert)
{
	uint8_t digest[DIGEST_LEN];

	if (cert == NULL || X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
		return false;
	for (unsigned i = 0; i < kind->n_pins; i++)
		if (memcmp(kind->pin[i], digest, sizeof(digest)) == 0)
			return true;
	return false;
}

/* What X509_verify_cert() would say of the dates. */
static int
dates_error(const X509 *cert)
{
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	return X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0
	    ? X509_V_ERR_CERT_HAS_EXPIRED
	    : X509_V_OK;
}

/* In place of X509_verify_cert(), with the error that is to be told. */
static int
verify_pin(X509_STORE_CTX *x, void *arg)
{
	X509 *const cert = X509_STORE_CTX_get0_cert(x);
	int e = X509_V_ERR_APPLICATION_VERIFICATION;

	if (is_pinned(arg, cert))
		e = dates_error(cert);
	X509_STORE_CTX_set_error(x, e);
	return e == X509_V_OK;
}

static int
verify_ca(X509_STORE_CTX *x, void *arg)
{
	const struct tls_client_kind *kind = arg;

	return kind->lists != NULL ? tls_crl_verify(x, kind->lists)
				   : X509_verify_cert(x);
}

static int
verify_both(X509_STORE_CTX *x, void *arg)
{
	return verify_pin(x, arg) && verify_ca(x, arg) == 1;
}

static void
trust(SSL_CTX *c, const struct tls_client_kind *kind, bool has_ca)
{
	void *arg;

	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	memcpy(&arg, &kind, sizeof(arg)); /* it is only read */
	SSL_CTX_set_cert_verify_callback(c,
	    kind->n_pins == 0 ? verify_ca
		: has_ca      ? verify_both
			      : verify_pin,
	    arg);
}

/* ---- the context ---- */

static bool
allow_tls12(SSL_CTX *c)
{
	/* A certificate's curve is among the groups there too. */
	char groups[] = "X25519:P-256:P-384:P-521";

	if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(c,
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") !=
		1 ||
	    SSL_CTX_set1_groups_list(c, groups) != 1)
		return false;
	SSL_CTX_set_security_level(c, 2); /* no SHA-1, no short keys */
	return true;
}

static bool
set_profile(SSL_CTX *c, const struct tls_client_kind *kind)
{
	if (!tls_profile(c) || (kind->tls12 && !allow_tls12(c)))
		return false;
	return kind->alpn == NULL ||
	    SSL_CTX_set_alpn_protos(c, kind->alpn, kind->alpn_len) == 0;
}

enum err
tls_client_new(const struct tls_client_kind *kind, const struct tls_fds *from,
    SSL_CTX **out, struct why *why)
{
	const struct tls_files files = {kind->section, kind->ca_name,
	    kind->role, from->cert, from->key, from->ca};
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	enum err rc;

	if (c == NULL || !set_profile(c, kind)) {
		tls_close_files(&files);
		SSL_CTX_free(c);
		return why_set(why, ERR_CRYPTO, "OpenSSL: %s", tls_error());
	}
	trust(c, kind, from->ca != -1);
	if ((rc = tls_use_files(c, &files, why)) != ERR_OK)
		SSL_CTX_free(c);
	else
		*out = c;
	return rc;
}

/* ---- a connection ---- */

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
	if (v == X509_V_ERR_APPLICATION_VERIFICATION)
		return "its certificate is none of those that are pinned";
	return X509_verify_cert_error_string(v);
}
