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
#include "pki.h"

static const unsigned char alpn[] = {4, 'x', 'k', '/', '1'};
static const struct tls_client_kind with_alpn = {.section = "xk_client",
    .ca_name = "server_ca",
    .alpn = alpn,
    .alpn_len = sizeof(alpn)};
static const struct tls_client_kind without = {.section = "lemf",
    .ca_name = "ca"};

/* Certificates of a CA, and of one that nobody knows. */
static struct party {
	EVP_PKEY *key;
	X509 *cert;
	const char *cn;
} ca, stranger, server, client, odd, rsa, late;

static void
issue_with(struct party *p, EVP_PKEY *key, const char *cn,
    const struct party *by, const char *san)
{
	static long serial = 7;
	X509V3_CTX x;
	X509_EXTENSION *e;

	p->key = key;
	p->cn = cn;
	p->cert = X509_new();
	assert_non_null(p->key);
	assert_non_null(p->cert);
	assert_int_equal(X509_set_version(p->cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(p->cert),
			     serial++),
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

static void
issue(struct party *p, const char *cn, const struct party *by, const char *san)
{
	issue_with(p, EVP_EC_gen("P-256"), cn, by, san);
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
	issue_with(&rsa, EVP_RSA_gen(2048), "rsa", &ca, "IP:192.0.2.7");
	issue(&late, "late", &ca, "IP:192.0.2.7");
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(late.cert), -60));
	assert_true(X509_sign(late.cert, ca.key, EVP_sha256()) > 0);
	return 0;
}

static int
free_parties(void **state)
{
	struct party *const all[] = {&ca, &stranger, &server, &client, &odd,
	    &rsa, &late};

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

/* A list of the CA: of nobody or of one; it is good from `from` to `to`. */
struct list {
	const struct party *by, *revoked;
	int from, to; /* s from now */
};

static int
crl(const struct list *l)
{
	const time_t now = time(NULL);
	const long serial = l->revoked == NULL
	    ? 0
	    : ASN1_INTEGER_get(X509_get0_serialNumber(l->revoked->cert));
	const struct pki_crl c = {.key = l->by->key,
	    .issuer = l->by->cn,
	    .from = now + l->from,
	    .until = now + l->to,
	    .revoked = &serial,
	    .n_revoked = l->revoked != NULL};
	size_t len;
	char *text = pki_crl_pem(&c, &len);
	const int fd = file_of(text, len);

	free(text);
	return fd;
}

static SSL_CTX *
client_context(const struct tls_client_kind *k, const struct party *me,
    const struct party *trusts)
{
	const struct tls_fds files = {pem(me->cert, NULL), pem(NULL, me->key),
	    trusts == NULL ? -1 : pem(trusts->cert, NULL), -1};
	SSL_CTX *c = NULL;
	struct why why = {""};

	assert_int_equal(tls_client_new(k, &files, &c, &why), ERR_OK);
	return c;
}

/* ---- handshakes ---- */

struct ended {
	bool client, server; /* has it come to its end? */
	bool agreed;
	int version;
	int later; /* what later lists say of the client */
	char why[256];
};

struct attempt {
	const struct tls_client_kind *kind;
	const struct tls_server_kind *server;
	const struct party *me, *trusts; /* trusts NULL: none but pins */
	const char *name;
	const struct list *list; /* of revoked ones; NULL: none */
	/* The same of the server; and those that it gets afterwards. */
	const struct list *server_list, *later;
	/* What the server is, and speaks, if it is none of the appliance's. */
	const struct party *shows;
	int version; /* 0: 1.3 */
	const char *ciphers; /* of TLS 1.2; NULL: its own choice */
};

/* One that does whatever it is told, of any age. */
static SSL_CTX *
foreign_server(const struct attempt *a)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	const int version = a->version == 0 ? TLS1_3_VERSION : a->version;

	assert_non_null(c);
	SSL_CTX_set_security_level(c, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(c, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(c, version), 1);
	assert_int_equal(SSL_CTX_use_certificate(c, a->shows->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, a->shows->key), 1);
	assert_int_equal(SSL_CTX_set_cipher_list(c,
			     a->ciphers == NULL ? "ALL" : a->ciphers),
	    1);
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(c),
			     ca.cert),
	    1);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    NULL);
	return c;
}

static SSL *
server_end(const struct attempt *a, int fd, struct tls_crl *lists)
{
	SSL_CTX *c = NULL;
	struct why why = {""};
	SSL *s;

	if (a->shows != NULL)
		c = foreign_server(a);
	else
		assert_int_equal(tls_server_new(a->server,
				     pem(server.cert, NULL),
				     pem(NULL, server.key), pem(ca.cert, NULL),
				     &c, &why),
		    ERR_OK);
	if (a->server_list != NULL) {
		tls_crl_use(lists, crl(a->server_list));
		tls_crl_guard(c, lists);
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
	struct tls_crl lists = {.section = "lemf"},
		       of_server = {.section = "xk"};
	struct tls_client_kind kind = *a->kind;
	SSL_CTX *c = client_context(&kind, a->me, a->trusts);
	struct ended e = {.why = ""};
	SSL *mine = NULL, *theirs;
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s),
	    0);
	theirs = server_end(a, s[1], &of_server);
	if (a->list != NULL) {
		tls_crl_use(&lists, crl(a->list));
		kind.lists = &lists;
	}
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
	e.version = e.client ? SSL_version(mine) : 0;
	if (a->later != NULL) {
		tls_crl_use(&of_server, crl(a->later));
		e.later = tls_crl_judge(&of_server, theirs);
	}
	tls_crl_use(&lists, -1);
	tls_crl_use(&of_server, -1);
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
	return (struct attempt){.kind = &with_alpn,
	    .server = &xk,
	    .me = &client,
	    .trusts = &ca,
	    .name = "192.0.2.7"};
}

static void
both_certificates_and_alpn_are_taken(void **state)
{
	const struct attempt a = good();
	const struct ended e = shake(&a);

	(void)state;
	assert_true(e.client && e.server && e.agreed);
	assert_int_equal(e.version, TLS1_3_VERSION);
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

/* ---- TLS 1.2 ---- */

static struct attempt
of_lemf(const struct tls_client_kind *kind, const struct party *shows)
{
	return (struct attempt){.kind = kind,
	    .me = &client,
	    .trusts = &ca,
	    .name = "192.0.2.7",
	    .shows = shows};
}

static void
an_older_tls_is_not_spoken(void **state)
{
	struct attempt a = of_lemf(&without, &server);
	struct ended e;

	(void)state;
	a.version = TLS1_2_VERSION;
	e = shake(&a);
	assert_false(e.client || e.server);
}

static const struct tls_client_kind old = {.section = "lemf",
    .ca_name = "server_ca",
    .tls12 = true};

static void
tls_12_is_spoken_where_that_is_configured(void **state)
{
	static const struct party *const shows[] = {&server, &rsa};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct attempt a = of_lemf(&old, shows[i]);
		struct ended e = shake(&a);

		assert_true(e.client && e.server);
		assert_int_equal(e.version, TLS1_3_VERSION);
		a.version = TLS1_2_VERSION;
		e = shake(&a);
		assert_true(e.client && e.server);
		assert_int_equal(e.version, TLS1_2_VERSION);
		a.version = TLS1_1_VERSION;
		e = shake(&a);
		assert_false(e.client || e.server);
	}
}

static void
of_tls_12_there_is_ecdhe_with_aead_alone(void **state)
{
	static const struct {
		const char *cipher;
		bool ok;
	} row[] = {{"ECDHE-RSA-AES256-GCM-SHA384", true},
	    {"ECDHE-RSA-AES128-GCM-SHA256", true},
	    {"ECDHE-RSA-CHACHA20-POLY1305", true},
	    {"AES256-GCM-SHA384", false}, /* RSA key exchange */
	    {"AES128-SHA", false}, {"ECDHE-RSA-AES256-SHA384", false}, /* CBC */
	    {"ECDHE-RSA-AES128-SHA", false},
	    {"DHE-RSA-AES256-GCM-SHA384", false}, {"ECDHE-RSA-NULL-SHA", false},
	    {"AECDH-AES256-SHA", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct attempt a = of_lemf(&old, &rsa);
		struct ended e;

		a.version = TLS1_2_VERSION;
		a.ciphers = row[i].cipher;
		e = shake(&a);
		assert_int_equal(e.client, row[i].ok);
	}
}

/* ---- pins ---- */

static struct tls_client_kind
pinned(const struct party *p, uint8_t pin[2][DIGEST_LEN])
{
	memset(pin[0], 0x11, DIGEST_LEN); /* of somebody else */
	assert_int_equal(X509_digest(p->cert, EVP_sha256(), pin[1], NULL), 1);
	return (struct tls_client_kind){.section = "lemf",
	    .ca_name = "server_ca",
	    .n_pins = 2,
	    .pin = (const uint8_t(*)[DIGEST_LEN])pin};
}

static void
a_pinned_certificate_needs_no_ca_and_no_name(void **state)
{
	uint8_t pin[2][DIGEST_LEN];
	const struct tls_client_kind k = pinned(&stranger, pin);
	struct attempt a = of_lemf(&k, &stranger);
	struct ended e;

	(void)state;
	a.trusts = NULL;
	a.name = "no.matter.example";
	e = shake(&a);
	assert_true(e.client && e.server);
}

static void
another_certificate_than_the_pinned_ones_is_not_taken(void **state)
{
	uint8_t pin[2][DIGEST_LEN];
	const struct tls_client_kind k = pinned(&odd, pin);
	struct attempt a = of_lemf(&k, &server);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ended e;

		a.trusts = i == 0 ? NULL : &ca; /* it leads to the CA */
		e = shake(&a);
		assert_false(e.client);
		assert_string_equal(e.why,
		    "its certificate is none of those that are pinned");
	}
}

static void
with_a_ca_too_a_pin_is_not_enough(void **state)
{
	uint8_t pin[2][DIGEST_LEN];
	const struct tls_client_kind of_server = pinned(&server, pin);
	struct attempt a = of_lemf(&of_server, &server);
	struct ended e = shake(&a);

	(void)state;
	assert_true(e.client && e.server);
	a.name = "192.0.2.8";
	e = shake(&a);
	assert_false(e.client);
	assert_non_null(strstr(e.why, "mismatch"));
	a = of_lemf(&of_server, &server);
	a.trusts = &stranger;
	e = shake(&a);
	assert_false(e.client);
}

static void
a_pinned_certificate_must_be_within_its_dates(void **state)
{
	uint8_t pin[2][DIGEST_LEN];
	const struct tls_client_kind k = pinned(&late, pin);
	struct attempt a = of_lemf(&k, &late);
	struct ended e;

	(void)state;
	a.trusts = NULL;
	e = shake(&a);
	assert_false(e.client);
	assert_string_equal(e.why, "certificate has expired");
}

/* ---- revoked ones ---- */

static void
with_a_list_of_its_ca_a_server_is_taken(void **state)
{
	const struct list l = {&ca, &odd, -60, 3600};
	struct attempt a = of_lemf(&without, &server);
	struct ended e;

	(void)state;
	a.list = &l;
	e = shake(&a);
	assert_true(e.client && e.server);
}

static void
without_a_current_list_of_its_ca_a_server_is_not_taken(void **state)
{
	static const struct {
		struct list list;
		const char *why;
	} row[] = {{{&ca, &server, -60, 3600}, "certificate revoked"},
	    {{&ca, NULL, -60, -1}, "CRL has expired"},
	    {{&ca, NULL, 60, 3600}, "CRL is not yet valid"},
	    {{&stranger, NULL, -60, 3600}, "unable to get certificate CRL"}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct attempt a = of_lemf(&without, &server);
		struct ended e;

		a.list = &row[i].list;
		e = shake(&a);
		assert_false(e.client);
		assert_string_equal(e.why, row[i].why);
	}
}

/* The stranger's signature under the CA's name. */
static void
a_list_that_another_has_signed_is_none(void **state)
{
	const struct party false_ca = {.key = stranger.key,
	    .cert = ca.cert,
	    .cn = ca.cn};
	const struct list l = {&false_ca, NULL, -60, 3600};
	struct attempt a = of_lemf(&without, &server);
	struct ended e;

	(void)state;
	a.list = &l;
	e = shake(&a);
	assert_false(e.client);
	assert_string_equal(e.why, "CRL signature failure");
}

static void
a_server_judges_its_clients_by_lists(void **state)
{
	static const struct {
		struct list list;
		bool taken;
	} row[] = {{{&ca, &odd, -60, 3600}, true},
	    {{&ca, &client, -60, 3600}, false}, {{&ca, NULL, -60, -1}, false},
	    {{&stranger, NULL, -60, 3600}, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct attempt a = of_lemf(&without, &server);
		struct ended e;

		a.shows = NULL;
		a.server = &plain;
		a.server_list = &row[i].list;
		e = shake(&a);
		assert_true(e.client); /* it learns when it reads */
		assert_int_equal(e.server, row[i].taken);
	}
}

static void
a_client_that_is_there_is_judged_by_later_lists(void **state)
{
	static const struct list first = {&ca, &odd, -60, 3600};
	static const struct {
		struct list list;
		int says;
	} row[] = {{{&ca, &odd, -60, 3600}, X509_V_OK},
	    {{&ca, &client, -60, 3600}, X509_V_ERR_CERT_REVOKED},
	    {{&ca, NULL, -7200, -TLS_CRL_GRACE + 60}, X509_V_OK},
	    {{&ca, NULL, -7200, -TLS_CRL_GRACE - 1},
		X509_V_ERR_CRL_HAS_EXPIRED},
	    {{&stranger, NULL, -60, 3600}, X509_V_ERR_UNABLE_TO_GET_CRL}};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct attempt a = of_lemf(&without, &server);
		struct ended e;

		a.shows = NULL;
		a.server = &plain;
		a.server_list = &first;
		a.later = &row[i].list;
		e = shake(&a);
		assert_true(e.client && e.server);
		assert_int_equal(e.later, row[i].says);
	}
}

static void
a_bad_file_of_lists_is_named_and_closed(void **state)
{
	static const char junk[] = "no PEM at all\n";
	const int fd = file_of(junk, sizeof(junk) - 1);
	struct why why = {""};

	(void)state;
	assert_int_equal(tls_crl_check(fd, "xk", &why), ERR_MALFORMED);
	assert_string_equal(why.text, "xk.crl: no PEM CRL in it");
	assert_int_equal(lseek(fd, 0, SEEK_CUR), -1);
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
		struct tls_fds files;
		struct why why = {""};
		SSL_CTX *c = NULL;

		close(fd[bad]);
		fd[bad] = file_of(junk, sizeof(junk) - 1);
		files = (struct tls_fds){fd[0], fd[1], fd[2], -1};
		assert_int_equal(tls_client_new(&with_alpn, &files, &c, &why),
		    ERR_MALFORMED);
		assert_null(c);
		assert_non_null(strstr(why.text, word[bad]));
		/* All are closed. */
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(lseek(fd[i], 0, SEEK_CUR), -1);
	}
}

static void
a_key_of_another_certificate_is_named(void **state)
{
	const struct tls_fds files = {pem(client.cert, NULL),
	    pem(NULL, odd.key), pem(ca.cert, NULL), -1};
	struct why why = {""};
	SSL_CTX *c = NULL;

	(void)state;
	assert_int_equal(tls_client_new(&with_alpn, &files, &c, &why),
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
	    cmocka_unit_test(tls_12_is_spoken_where_that_is_configured),
	    cmocka_unit_test(of_tls_12_there_is_ecdhe_with_aead_alone),
	    cmocka_unit_test(a_pinned_certificate_needs_no_ca_and_no_name),
	    cmocka_unit_test(
		another_certificate_than_the_pinned_ones_is_not_taken),
	    cmocka_unit_test(with_a_ca_too_a_pin_is_not_enough),
	    cmocka_unit_test(a_pinned_certificate_must_be_within_its_dates),
	    cmocka_unit_test(with_a_list_of_its_ca_a_server_is_taken),
	    cmocka_unit_test(
		without_a_current_list_of_its_ca_a_server_is_not_taken),
	    cmocka_unit_test(a_list_that_another_has_signed_is_none),
	    cmocka_unit_test(a_server_judges_its_clients_by_lists),
	    cmocka_unit_test(a_client_that_is_there_is_judged_by_later_lists),
	    cmocka_unit_test(a_bad_file_of_lists_is_named_and_closed),
	    cmocka_unit_test(each_bad_file_is_named),
	    cmocka_unit_test(a_key_of_another_certificate_is_named),
	};

	return cmocka_run_group_tests_name("tls_client", tests, make_parties,
	    free_parties);
}
