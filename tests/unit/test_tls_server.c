/* What the servers' TLS does once a connection is up. */
#include <sys/mman.h>

#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "appliance/tls_server.h"
#include "help.h"
#include "pki.h"

#define UPDATES 100

static const struct tls_server_kind as_x2 = {.section = "x2",
    .role = TLS_ROLE_X2};
static EVP_PKEY *key;
static X509 *cert;

static int
make_party(void **state)
{
	struct pki_cert c = {.subject = "party",
	    .serial = 1,
	    .from = (int64_t)time(NULL) - 3600,
	    .until = (int64_t)time(NULL) + 3600};

	(void)state;
	c.key = key = EVP_EC_gen("P-256");
	cert = pki_cert_make(&c);
	return key == NULL || cert == NULL;
}

static int
free_party(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	X509_free(cert);
	return 0;
}

/* A file with the key, or else with the certificate. */
static int
pem(bool secret)
{
	const int fd = memfd_create("pem", MFD_CLOEXEC);
	BIO *b = BIO_new_fd(fd, BIO_NOCLOSE);

	assert_true(fd != -1);
	assert_int_equal(secret
		? PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL)
		: PEM_write_bio_X509(b, cert),
	    1);
	BIO_free(b);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static SSL *
server_end(void)
{
	struct why why = {""};
	SSL_CTX *c = NULL;
	SSL *s;

	assert_int_equal(tls_server_new(&as_x2, pem(false), pem(true),
			     pem(false), &c, &why),
	    ERR_OK);
	assert_non_null(s = SSL_new(c));
	SSL_CTX_free(c);
	SSL_set_accept_state(s);
	return s;
}

static SSL *
client_end(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());
	SSL *s;

	assert_int_equal(SSL_CTX_use_certificate(c, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, key), 1);
	assert_non_null(s = SSL_new(c));
	SSL_CTX_free(c);
	SSL_set_connect_state(s);
	return s;
}

static void
join(SSL *a, SSL *b)
{
	BIO *at_a = NULL, *at_b = NULL;

	assert_int_equal(BIO_new_bio_pair(&at_a, 1 << 16, &at_b, 1 << 16), 1);
	SSL_set_bio(a, at_a, at_a);
	SSL_set_bio(b, at_b, at_b);
	for (unsigned i = 0; i < 6; i++) {
		(void)SSL_do_handshake(b);
		(void)SSL_do_handshake(a);
	}
	assert_true(SSL_is_init_finished(a) && SSL_is_init_finished(b));
}

/* A peer that changes its key again and again holds up nobody else. */
static void
one_change_of_key_is_taken_at_once(void **state)
{
	SSL *server = server_end(), *client = client_end();
	unsigned turns = 0;
	uint8_t octet = 7;
	size_t n, left;

	(void)state;
	join(server, client);
	for (unsigned i = 0; i < UPDATES; i++) {
		assert_int_equal(SSL_key_update(client,
				     SSL_KEY_UPDATE_NOT_REQUESTED),
		    1);
		assert_int_equal(SSL_do_handshake(client), 1);
	}
	assert_int_equal(SSL_write_ex(client, &octet, 1, &n), 1);
	left = BIO_ctrl_pending(SSL_get_rbio(server));
	octet = 0;
	while (SSL_read_ex(server, &octet, 1, &n) != 1) {
		assert_int_equal(SSL_get_error(server, 0), SSL_ERROR_WANT_READ);
		assert_true(BIO_ctrl_pending(SSL_get_rbio(server)) < left);
		left = BIO_ctrl_pending(SSL_get_rbio(server));
		turns++;
	}
	assert_int_equal(turns, UPDATES);
	assert_int_equal(octet, 7);
	SSL_free(server);
	SSL_free(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_change_of_key_is_taken_at_once)};

	return cmocka_run_group_tests(tests, make_party, free_party);
}
