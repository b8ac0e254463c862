/* A client of tls_client against a server of tls_server, over a socketpair. */
#include <sys/mman.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "appliance/tls_client.h"
#include "appliance/tls_server.h"
#include "help.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};
static const struct tls_client_kind with_alpn = {"xk_client", "server_ca", alpn,
    sizeof(alpn)};
static const struct tls_client_kind without = {"lemf", "ca", NULL, 0};

/* Certificates of a CA, and of one that nobody knows. */
static struct party {
	EVP_PKEY *key;
	X509 *cert;
} ca, stranger, server, client, odd;

static void
issue(struct party *p, const char *cn, const struct party *by, const char *san)
{
	X509V3_CTX x;
	X509_EXTENSION *e;

	p->key = EVP_EC_gen("P-256");
	p->cert = X509_new();
	assert_non_null(p->key);
	assert_non_null(p->cert);
	assert_int_equal(X509_set_version(p->cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(p->cert), 7),
	    1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(p->cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(p->cert), 3600));
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(
							p->cert),
			     "CN", MBSTRING_ASC, (const unsigned char *)cn, -1,
			     -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(p->cert,
			     X509_get_subject_name(by->cert)),
	    1);
	assert_int_equal(X509_set_pubkey(p->cert, p->key), 1);
	X509V3_set_ctx(&x, by->cert, p->cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &x,
	    san == NULL ? NID_basic_constraints : NID_subject_alt_name,
	    san == NULL ? "critical,CA:TRUE" : san);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(p->cert, e, -1), 1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(p->cert, by->key, EVP_sha256()) > 0);
}

static int
make_parties(void **state)
{
	(void)state;
	issue(&ca, "CA", &ca, NULL);
	issue(&stranger, "Stranger", &stranger, NULL);
	issue(&server, "CN.is.not.looked.at", &ca,
	    "IP:192.0.2.7,IP:2001:db8::7,DNS:kms.example,DNS:*.wild.example,"
	    "DNS:part*.example");
	issue(&client, "client", &ca, "DNS:client.example");
	issue(&odd, "odd", &ca, "DNS:odd.example");
	return 0;
}

static int
free_parties(void **state)
{
	struct party *const all[] = {&ca, &stranger, &server, &client, &odd};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->cert);
	}
	return 0;
}

/* ---- files ---- */

static int
file_of(const void *p, size_t len)
{
	const int fd = memfd_create("pem", MFD_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(write(fd, p, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int
pem(const X509 *cert, const EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long len;
	int fd;

	assert_int_equal(cert != NULL
		? PEM_write_bio_X509(b, cert)
		: PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL),
	    1);
	len = BIO_get_mem_data(b, &p);
	fd = file_of(p, (size_t)len);
	BIO_free(b);
	return fd;
}

static SSL_CTX *
client_context(const struct tls_client_kind *k, const struct party *me,
    const struct party *trusts)
{
	SSL_CTX *c = NULL;
	struct why why = {""};

	assert_int_equal(tls_client_new(k, pem(me->cert, NULL),
			     pem(NULL, me->key), pem(trusts->cert, NULL), &c,
			     &why),
	    ERR_OK);
	return c;
}

/* ---- handshakes ---- */

struct ended {
	bool client, server; /* has it come to its end? */
	bool agreed;
	char why[256];
};

struct attempt {
	const struct tls_client_kind *kind;
	const struct tls_server_kind *server;
	const struct party *me, *trusts;
	const char *name;
	int version; /* the most that the server speaks; 0: as it likes */
};

static SSL *
server_end(const struct attempt *a, int fd)
{
	SSL_CTX *c = NULL;
	struct why why = {""};
	SSL *s;

	assert_int_equal(tls_server_new(a->server, pem(server.cert, NULL),
			     pem(NULL, server.key), pem(ca.cert, NULL), &c,
			     &why),
	    ERR_OK);
	if (a->version != 0) {
		assert_int_equal(SSL_CTX_set_min_proto_version(c, a->version),
		    1);
		assert_int_equal(SSL_CTX_set_max_proto_version(c, a->version),
		    1);
	}
	s = SSL_new(c);
	SSL_CTX_free(c);
	assert_int_equal(SSL_set_fd(s, fd), 1);
	SSL_set_accept_state(s);
	return s;
}

static struct ended
shake(const struct attempt *a)
{
	SSL_CTX *c = client_context(a->kind, a->me, a->trusts);
	struct ended e = {false, false, false, ""};
	SSL *mine = NULL, *theirs;
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s),
	    0);
	theirs = server_end(a, s[1]);
	assert_int_equal(tls_client_open(c, s[0], a->name, &mine), ERR_OK);
	for (unsigned i = 0; i < 10; i++) {
		e.client = e.client || SSL_do_handshake(mine) == 1;
		if (!e.client &&
		    SSL_get_error(mine, -1) != SSL_ERROR_WANT_READ) {
			(void)snprintf(e.why, sizeof(e.why), "%s",
			    tls_client_error(mine));
			break;
		}
		e.server = e.server || SSL_do_handshake(theirs) == 1;
	}
	e.agreed = e.client && tls_client_agreed(a->kind, mine);
	if (e.client)
		assert_string_equal(SSL_get_version(mine), "TLSv1.3");
	SSL_free(mine);
	SSL_free(theirs);
	SSL_CTX_free(c);
	close(s[0]);
	close(s[1]);
	return e;
}

static const struct tls_server_kind xk = {.section = "xk",
    .alpn = alpn,
    .alpn_len = sizeof(alpn)};
static const struct tls_server_kind plain = {.section = "plain"};

static struct attempt
good(void)
{
	return (struct attempt){&with_alpn, &xk, &client, &ca, "192.0.2.7", 0};
}

static void
both_certificates_and_alpn_are_taken(void **state)
{
	const struct attempt a = good();
	const struct ended e = shake(&a);

	(void)state;
	assert_true(e.client && e.server && e.agreed);
}

static void
a_name_or_an_address_must_be_in_the_certificate(void **state)
{
	static const struct {
		const char *name;
		bool ok;
	} row[] = {{"192.0.2.7", true}, {"2001:db8::7", true},
	    {"kms.example", true}, {"KMS.example", true},
	    {"any.wild.example", true}, {"192.0.2.8", false},
	    {"2001:db8::8", false}, {"other.example", false},
	    {"example", false}, {"a.b.wild.example", false},
	    {"party.example", false}, {"CN.is.not.looked.at", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct attempt a = good();
		struct ended e;

		a.name = row[i].name;
		e = shake(&a);
		assert_int_equal(e.client, row[i].ok);
		if (!row[i].ok)
			assert_non_null(strstr(e.why, "mismatch"));
	}
}

static void
what_is_no_name_opens_nothing(void **state)
{
	SSL_CTX *c = client_context(&with_alpn, &client, &ca);
	char long_name[300];
	SSL *s = NULL;

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(tls_client_open(c, 0, "", &s), ERR_MALFORMED);
	assert_int_equal(tls_client_open(c, 0, long_name, &s), ERR_MALFORMED);
	assert_null(s);
	SSL_CTX_free(c);
}

static void
a_server_of_another_ca_is_not_taken(void **state)
{
	struct attempt a = good();
	struct ended e;

	(void)state;
	a.trusts = &stranger;
	e = shake(&a);
	assert_false(e.client);
	assert_non_null(strstr(e.why, "certificate"));
}

/* TLS 1.3: the client's end of the handshake comes first. */
static void
a_client_of_another_ca_is_refused_by_the_server(void **state)
{
	struct attempt a = good();
	struct ended e;

	(void)state;
	a.me = &stranger;
	e = shake(&a);
	assert_true(e.client);
	assert_false(e.server);
}

static void
a_server_without_the_alpn_has_not_agreed(void **state)
{
	struct attempt a = good();
	struct ended e;

	(void)state;
	a.server = &plain;
	e = shake(&a);
	assert_true(e.client && e.server);
	assert_false(e.agreed);
	a.kind = &without;
	e = shake(&a);
	assert_true(e.client && e.server && e.agreed);
}

static void
an_older_tls_is_not_spoken(void **state)
{
	struct attempt a = good();
	struct ended e;

	(void)state;
	a.version = TLS1_2_VERSION;
	e = shake(&a);
	assert_false(e.client || e.server);
}

/* ---- files that are none ---- */

static void
each_bad_file_is_named(void **state)
{
	static const char junk[] = "no PEM at all\n";
	static const char *const word[] = {"xk_client.certificate",
	    "xk_client.key", "xk_client.server_ca"};

	(void)state;
	for (unsigned bad = 0; bad < 3; bad++) {
		int fd[3] = {pem(client.cert, NULL), pem(NULL, client.key),
		    pem(ca.cert, NULL)};
		struct why why = {""};
		SSL_CTX *c = NULL;

		close(fd[bad]);
		fd[bad] = file_of(junk, sizeof(junk) - 1);
		assert_int_equal(tls_client_new(&with_alpn, fd[0], fd[1], fd[2],
				     &c, &why),
		    ERR_MALFORMED);
		assert_null(c);
		assert_non_null(strstr(why.text, word[bad]));
		/* All three are closed. */
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(lseek(fd[i], 0, SEEK_CUR), -1);
	}
}

static void
a_key_of_another_certificate_is_named(void **state)
{
	struct why why = {""};
	SSL_CTX *c = NULL;

	(void)state;
	assert_int_equal(tls_client_new(&with_alpn, pem(client.cert, NULL),
			     pem(NULL, odd.key), pem(ca.cert, NULL), &c, &why),
	    ERR_MALFORMED);
	assert_null(c);
	assert_non_null(strstr(why.text, "xk_client.key"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_certificates_and_alpn_are_taken),
	    cmocka_unit_test(a_name_or_an_address_must_be_in_the_certificate),
	    cmocka_unit_test(what_is_no_name_opens_nothing),
	    cmocka_unit_test(a_server_of_another_ca_is_not_taken),
	    cmocka_unit_test(a_client_of_another_ca_is_refused_by_the_server),
	    cmocka_unit_test(a_server_without_the_alpn_has_not_agreed),
	    cmocka_unit_test(an_older_tls_is_not_spoken),
	    cmocka_unit_test(each_bad_file_is_named),
	    cmocka_unit_test(a_key_of_another_certificate_is_named),
	};

	return cmocka_run_group_tests_name("tls_client", tests, make_parties,
	    free_parties);
}
