#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "appliance/tls_files.h"
#include "appliance/tls_token.h"

const char *
tls_error(void)
{
	const unsigned long e = ERR_peek_last_error();
	const char *s = e == 0 ? "connection lost" : ERR_reason_error_string(e);

	ERR_clear_error();
	return s == NULL ? "unknown TLS error" : s;
}

/* Takes the descriptor over. */
static BIO *
bio_of(int fd)
{
	return BIO_new_fd(fd, BIO_CLOSE);
}

/* Nobody is asked at a terminal: there may be none, or nobody at it. */
static int
no_passphrase(char *out, int cap, int rw, void *ctx)
{
	(void)out;
	(void)cap;
	(void)rw;
	(void)ctx;
	return 0;
}

/* Takes the BIO over. */
static enum err
use_pem_key(SSL_CTX *c, BIO *b, const char *section, struct why *why)
{
	EVP_PKEY *k = b == NULL
	    ? NULL
	    : PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);
	const bool ok = k != NULL && SSL_CTX_use_PrivateKey(c, k) == 1;

	EVP_PKEY_free(k);
	BIO_free(b);
	return ok ? ERR_OK
		  : why_set(why, ERR_MALFORMED,
			"%s.key: not an unencrypted PEM key that fits the "
			"certificate: %s",
			section, tls_error());
}

/* Is the first thing in it a public key?  It is read from its start again. */
static bool
is_public(BIO *b)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	bool is = false;

	if (b != NULL && PEM_read_bio(b, &name, &header, &data, &len) == 1)
		is = strcmp(name, PEM_STRING_PUBLIC) == 0;
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, (size_t)len);
	ERR_clear_error();
	(void)BIO_reset(b);
	return is;
}

static enum err
use_token_key(SSL_CTX *c, BIO *b, const struct tls_files *f, struct why *why)
{
	const X509 *cert = SSL_CTX_get0_certificate(c);
	EVP_PKEY *half = PEM_read_bio_PUBKEY(b, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;
	enum err rc = ERR_OK;

	if (half == NULL || (key = tls_token_key(half, f->role)) == NULL)
		rc = why_set(why, ERR_MALFORMED,
		    "%s.key: the token's key cannot be used: %s", f->section,
		    tls_error());
	else if (EVP_PKEY_eq(X509_get0_pubkey(cert), half) != 1)
		rc = why_set(why, ERR_MALFORMED,
		    "%s.certificate: not of the token's key: have one made "
		    "from 'keywarden kms tls-request --for %s'",
		    f->section, tls_role_name(f->role));
	else if (SSL_CTX_use_PrivateKey(c, key) != 1)
		rc = why_set(why, ERR_CRYPTO, "%s.key: %s", f->section,
		    tls_error());
	else
		tls_token_profile(c);
	ERR_clear_error();
	EVP_PKEY_free(key);
	EVP_PKEY_free(half);
	return rc;
}

static enum err
use_key(SSL_CTX *c, const struct tls_files *f, struct why *why)
{
	BIO *b = bio_of(f->key_fd);

	if (is_public(b)) {
		const enum err rc = use_token_key(c, b, f, why);

		BIO_free(b);
		return rc;
	}
	return use_pem_key(c, b, f->section, why);
}

/* The certificate of this end, then what is behind it as the chain. */
static enum err
use_chain(SSL_CTX *c, int fd, const char *section, struct why *why)
{
	BIO *b = bio_of(fd);
	X509 *x = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
	bool ok = x != NULL && SSL_CTX_use_certificate(c, x) == 1;

	X509_free(x);
	while (ok && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(c, x) != 1) {
			X509_free(x);
			ok = false;
		}
	BIO_free(b);
	if (!ok)
		return why_set(why, ERR_MALFORMED,
		    "%s.certificate: not a PEM certificate: %s", section,
		    tls_error());
	ERR_clear_error();
	return ERR_OK;
}

static enum err
use_ca(SSL_CTX *c, const struct tls_files *f, struct why *why)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c);
	BIO *b = bio_of(f->ca_fd);
	unsigned n = 0;
	bool ok = b != NULL;
	X509 *x;

	while (ok && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
		/* The second is what a server names to its clients. */
		ok = X509_STORE_add_cert(store, x) == 1 &&
		    SSL_CTX_add_client_CA(c, x) == 1;
		X509_free(x);
		n++;
	}
	BIO_free(b);
	if (!ok || n == 0)
		return why_set(why, ERR_MALFORMED,
		    "%s.%s: no PEM certificate in it", f->section, f->ca_name);
	ERR_clear_error();
	return ERR_OK;
}

enum err
tls_use_files(SSL_CTX *c, const struct tls_files *f, struct why *why)
{
	enum err rc;

	/* Each takes its descriptor, so all are called. */
	rc = use_chain(c, f->cert_fd, f->section, why);
	if (rc == ERR_OK)
		rc = use_key(c, f, why);
	else
		close(f->key_fd);
	if (f->ca_fd == -1)
		return rc;
	if (rc == ERR_OK)
		rc = use_ca(c, f, why);
	else
		close(f->ca_fd);
	return rc;
}

void
tls_close_files(const struct tls_files *f)
{
	close(f->cert_fd);
	close(f->key_fd);
	if (f->ca_fd != -1)
		close(f->ca_fd);
}

bool
tls_profile(SSL_CTX *c)
{
	/* The hybrid group where the library has it. */
	char hybrid[] = "X25519MLKEM768:X25519:P-256";
	char plain[] = "X25519:P-256";

	if (SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(c,
		"TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:"
		"TLS_CHACHA20_POLY1305_SHA256") != 1)
		return false;
	if (SSL_CTX_set1_groups_list(c, hybrid) != 1) {
		ERR_clear_error();
		if (SSL_CTX_set1_groups_list(c, plain) != 1)
			return false;
	}
	(void)SSL_CTX_set_options(c,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CLEANSE_PLAINTEXT | TLS_NO_COMPRESSION);
	(void)SSL_CTX_set_mode(c,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_max_early_data(c, 0);
	SSL_CTX_set_verify_depth(c, 4);
	return true;
}
