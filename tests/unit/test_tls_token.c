/*
 * A key in the token as OpenSSL uses it: handshakes that pause for a signature,
 * and what is refused to be signed.  The token is a key of this test.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "appliance/tls_client.h"
#include "appliance/tls_server.h"
#include "appliance/tls_token.h"
#include "help.h"
#include "pki.h"

/* Who shows the token's certificate, and who is on the other side. */
static struct party {
	EVP_PKEY *key;
	X509 *cert;
} token, foreign, strong;

static const struct tls_server_kind as_xk = {.section = "xk",
    .role = TLS_ROLE_XK};
static uint8_t pin[1][DIGEST_LEN];
static const struct tls_client_kind as_hi2 = {.section = "lemf lka",
    .role = TLS_ROLE_HI2,
    .n_pins = 1,
    .pin = pin};

static void
make_party(struct party *p, EVP_PKEY *key, const char *name)
{
	const struct pki_cert c = {.key = key,
	    .subject = name,
	    .serial = 1,
	    .from = (int64_t)time(NULL) - 3600,
	    .until = (int64_t)time(NULL) + 3600};

	p->key = key;
	p->cert = pki_cert_make(&c);
}

static int
make_parties(void **state)
{
	(void)state;
	make_party(&token, EVP_EC_gen("P-256"), "token");
	make_party(&foreign, EVP_RSA_gen(2048), "foreign");
	make_party(&strong, EVP_EC_gen("P-384"), "strong");
	assert_int_equal(X509_digest(foreign.cert, EVP_sha256(), pin[0], NULL),
	    1);
	return 0;
}

static int
free_parties(void **state)
{
	struct party *const all[] = {&token, &foreign, &strong};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->cert);
	}
	return 0;
}

/* ---- files ---- */

static int
pem(X509 *cert, EVP_PKEY *public_half)
{
	const int fd = memfd_create("pem", MFD_CLOEXEC);
	BIO *b = BIO_new_fd(fd, BIO_NOCLOSE);

	assert_true(fd != -1);
	assert_int_equal(cert != NULL ? PEM_write_bio_X509(b, cert)
				      : PEM_write_bio_PUBKEY(b, public_half),
	    1);
	BIO_free(b);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static enum err
server_context(const struct tls_server_kind *k, X509 *cert, EVP_PKEY *half,
    SSL_CTX **out, struct why *why)
{
	return tls_server_new(k, pem(cert, NULL), pem(NULL, half),
	    pem(foreign.cert, NULL), out, why);
}

/* ---- who is asked ---- */

static struct {
	uint32_t id;
	uint8_t hash[TLS_HASH_MOST];
	size_t len;
} asked[8];
static unsigned n_asked;
static bool nobody;

static bool
ask(void *ctx, uint32_t id, struct rd hash)
{
	(void)ctx;
	if (nobody)
		return false;
	assert_true(n_asked < 8 && hash.left <= TLS_HASH_MOST);
	asked[n_asked].id = id;
	memcpy(asked[n_asked].hash, hash.p, hash.left);
	asked[n_asked++].len = hash.left;
	return true;
}

static struct rd
sign_as(enum tls_role role, unsigned i, uint8_t sig[TLS_SIGNATURE_MAX])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t input[TLS_INPUT_MAX];
	size_t len, sig_len = TLS_SIGNATURE_MAX;

	assert_int_equal(tls_role_input(role, view(asked[i].hash, asked[i].len),
			     input, &len),
	    ERR_OK);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL,
			     token.key),
	    1);
	assert_int_equal(EVP_DigestSign(c, sig, &sig_len, input, len), 1);
	EVP_MD_CTX_free(c);
	return view(sig, sig_len);
}

/* ---- a handshake ---- */

struct pair {
	bool server; /* is it the server whose key the token has? */
	SSL *ours, *theirs;
	struct tls_wait wait;
	int fd[2], resumed, our_result;
	bool done, their_done;
};

static void
on_resume(void *ctx)
{
	struct pair *p = ctx;

	p->resumed++;
	p->our_result = tls_token_handshake(p->ours, &p->wait);
}

static SSL *
their_end(const struct pair *p, const struct party *who, const char *schemes)
{
	SSL_CTX *c =
	    SSL_CTX_new(p->server ? TLS_client_method() : TLS_server_method());
	char text[64];
	SSL *s;

	assert_non_null(c);
	assert_int_equal(SSL_CTX_use_certificate(c, who->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(c, who->key), 1);
	if (schemes != NULL) {
		(void)snprintf(text, sizeof(text), "%s", schemes);
		assert_int_equal(SSL_CTX_set1_sigalgs_list(c, text), 1);
	}
	assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(c),
			     token.cert),
	    1);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    NULL);
	s = SSL_new(c);
	SSL_CTX_free(c);
	if (p->server)
		SSL_set_connect_state(s);
	else
		SSL_set_accept_state(s);
	return s;
}

static SSL *
our_end(const struct pair *p)
{
	const struct tls_fds files = {pem(token.cert, NULL),
	    pem(NULL, token.key), -1, -1};
	struct why why = {""};
	SSL_CTX *c = NULL;
	SSL *s = NULL;

	if (p->server) {
		close(files.cert);
		close(files.key);
		assert_int_equal(server_context(&as_xk, token.cert, token.key,
				     &c, &why),
		    ERR_OK);
		s = SSL_new(c);
		assert_int_equal(SSL_set_fd(s, p->fd[0]), 1);
		SSL_set_accept_state(s);
	} else {
		assert_int_equal(tls_client_new(&as_hi2, &files, &c, &why),
		    ERR_OK);
		assert_int_equal(tls_client_open(c, p->fd[0], "lemf.example",
				     &s),
		    ERR_OK);
	}
	SSL_CTX_free(c);
	return s;
}

static void
pair_begin(struct pair *p, bool server, const char *schemes)
{
	*p = (struct pair){.server = server, .our_result = -1};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     p->fd),
	    0);
	p->ours = our_end(p);
	p->theirs = their_end(p, &foreign, schemes);
	assert_int_equal(SSL_set_fd(p->theirs, p->fd[1]), 1);
	p->wait.resume = on_resume;
	p->wait.ctx = p;
}

/* As far as it goes without the token. */
static void
turn(struct pair *p)
{
	for (unsigned i = 0; i < 6; i++) {
		p->their_done =
		    p->their_done || SSL_do_handshake(p->theirs) == 1;
		if (!p->done)
			p->our_result = tls_token_handshake(p->ours, &p->wait);
		p->done = p->our_result == 1;
	}
}

static void
pair_end(struct pair *p)
{
	tls_token_forget(p->ours, &p->wait);
	SSL_free(p->ours);
	SSL_free(p->theirs);
	close(p->fd[0]);
	close(p->fd[1]);
}

static int
ask_me(void **state)
{
	(void)state;
	n_asked = 0;
	nobody = false;
	tls_token_ask_by(ask, NULL);
	return 0;
}

static bool
paused(struct pair *p)
{
	return tls_token_waits(&p->wait) &&
	    SSL_get_error(p->ours, p->our_result) == SSL_ERROR_WANT_ASYNC;
}

static bool
failed(struct pair *p)
{
	return !tls_token_waits(&p->wait) &&
	    SSL_get_error(p->ours, p->our_result) == SSL_ERROR_SSL;
}

/* ---- promises ---- */

static void
a_handshake_pauses_for_its_signature(bool server, const char *suite,
    size_t hash_len)
{
	const enum tls_role role = server ? TLS_ROLE_XK : TLS_ROLE_HI2;
	uint8_t sig[TLS_SIGNATURE_MAX], octet = 7;
	struct pair p;

	n_asked = 0;
	pair_begin(&p, server, NULL);
	assert_int_equal(SSL_set_ciphersuites(p.theirs, suite), 1);
	turn(&p);
	assert_true(paused(&p));
	assert_int_equal(n_asked, 1);
	assert_int_equal(asked[0].len, hash_len);
	tls_token_answer(asked[0].id, sign_as(role, 0, sig));
	assert_int_equal(p.resumed, 1);
	turn(&p);
	assert_true(p.done && p.their_done);
	assert_int_equal(n_asked, 1);
	/* It goes on without a stack of its own. */
	assert_int_equal(SSL_get_mode(p.ours) & SSL_MODE_ASYNC, 0);
	assert_int_equal(SSL_write(p.ours, &octet, 1), 1);
	assert_int_equal(SSL_read(p.theirs, &octet, 1), 1);
	pair_end(&p);
}

static void
both_ends_pause_for_their_signature(void **state)
{
	(void)state;
	for (int server = 0; server <= 1; server++) {
		a_handshake_pauses_for_its_signature(server == 1,
		    "TLS_AES_128_GCM_SHA256", 32);
		a_handshake_pauses_for_its_signature(server == 1,
		    "TLS_AES_256_GCM_SHA384", 48);
	}
}

/* What the other end does meanwhile is no reason to go on. */
static void
nothing_but_the_answer_resumes_it(void **state)
{
	uint8_t sig[TLS_SIGNATURE_MAX];
	struct pair p;

	(void)state;
	pair_begin(&p, true, NULL);
	turn(&p);
	turn(&p);
	tls_token_answer(asked[0].id + 1, str("of another"));
	assert_true(paused(&p));
	assert_int_equal(p.resumed, 0);
	tls_token_answer(asked[0].id, sign_as(TLS_ROLE_XK, 0, sig));
	/* It is given once. */
	tls_token_answer(asked[0].id, str("again"));
	assert_int_equal(p.resumed, 1);
	turn(&p);
	assert_true(p.done && p.their_done);
	pair_end(&p);
}

static void
several_are_answered_in_any_order(void **state)
{
	uint8_t sig[TLS_SIGNATURE_MAX];
	struct pair p[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		pair_begin(&p[i], true, NULL);
		turn(&p[i]);
	}
	assert_int_equal(n_asked, 3);
	for (unsigned i = 3; i-- > 0;)
		tls_token_answer(asked[i].id, sign_as(TLS_ROLE_XK, i, sig));
	for (unsigned i = 0; i < 3; i++) {
		turn(&p[i]);
		assert_true(p[i].done && p[i].their_done);
		pair_end(&p[i]);
	}
}

static void
a_wrong_answer_ends_that_handshake_alone(void **state)
{
	uint8_t sig[TLS_SIGNATURE_MAX + 1] = {0};
	struct pair p, good;

	(void)state;
	pair_begin(&good, true, NULL);
	turn(&good);
	/* None, one that is too long, one that the other end refuses. */
	for (unsigned i = 0; i < 3; i++) {
		pair_begin(&p, true, NULL);
		turn(&p);
		assert_true(paused(&p));
		tls_token_answer(asked[n_asked - 1].id,
		    i == 0	 ? view(sig, 0)
			: i == 1 ? view(sig, sizeof(sig))
				 : sign_as(TLS_ROLE_HI2, n_asked - 1, sig));
		assert_int_equal(p.resumed, 1);
		if (i < 2)
			assert_true(failed(&p));
		turn(&p);
		assert_false(p.their_done);
		pair_end(&p);
	}
	tls_token_answer(asked[0].id, sign_as(TLS_ROLE_XK, 0, sig));
	turn(&good);
	assert_true(good.done && good.their_done);
	pair_end(&good);
}

static void
without_a_signer_handshakes_fail_and_later_ones_do_not(void **state)
{
	uint8_t sig[TLS_SIGNATURE_MAX];
	struct pair p[2];

	(void)state;
	nobody = true;
	pair_begin(&p[0], true, NULL);
	turn(&p[0]);
	assert_true(failed(&p[0]));
	pair_end(&p[0]);
	nobody = false;
	for (unsigned i = 0; i < 2; i++) {
		pair_begin(&p[i], i == 0, NULL);
		turn(&p[i]);
	}
	tls_token_fail_all();
	for (unsigned i = 0; i < 2; i++) {
		assert_true(failed(&p[i]));
		pair_end(&p[i]);
	}
	pair_begin(&p[0], true, NULL);
	turn(&p[0]);
	tls_token_answer(asked[2].id, sign_as(TLS_ROLE_XK, 2, sig));
	turn(&p[0]);
	assert_true(p[0].done && p[0].their_done);
	pair_end(&p[0]);
}

/* valgrind and ASan see what would be left of it. */
static void
a_connection_may_end_while_it_waits(void **state)
{
	struct pair p[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pair_begin(&p[i], i == 0, NULL);
		turn(&p[i]);
		assert_true(paused(&p[i]));
	}
	for (unsigned i = 0; i < 2; i++) {
		pair_end(&p[i]);
		assert_int_equal(p[i].resumed, 0);
		tls_token_answer(asked[i].id, str("too late"));
	}
}

static void
only_the_scheme_of_the_key_is_used(void **state)
{
	struct pair p;

	(void)state;
	pair_begin(&p, true, "ecdsa_secp384r1_sha384");
	turn(&p);
	assert_true(failed(&p));
	assert_int_equal(n_asked, 0);
	pair_end(&p);
}

/* ---- what is signed ---- */

static int
try_sign(EVP_PKEY *key, const char *md, const uint8_t *tbs, size_t len)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t sig[TLS_SIGNATURE_MAX];
	size_t sig_len = sizeof(sig);
	const int rc =
	    EVP_DigestSignInit_ex(c, NULL, md, NULL, NULL, key, NULL) == 1 &&
	    EVP_DigestSign(c, sig, &sig_len, tbs, len) == 1;

	EVP_MD_CTX_free(c);
	return rc;
}

static void
octets_of_another_kind_have_no_hash(void **state)
{
	uint8_t input[TLS_INPUT_MAX], hash[TLS_HASH_MOST] = {1, 2, 3};
	struct rd got = str("x");
	size_t len;

	(void)state;
	for (enum tls_role r = 0; r < TLS_ROLE__MAX; r++)
		for (size_t n = 0; n <= TLS_HASH_MOST; n++) {
			const enum err rc =
			    tls_role_input(r, view(hash, n), input, &len);

			if (n != 32 && n != 48) {
				assert_int_equal(rc, ERR_MALFORMED);
				continue;
			}
			assert_int_equal(rc, ERR_OK);
			assert_int_equal(len, 98 + n);
			assert_int_equal(tls_role_hash(r, view(input, len),
					     &got),
			    ERR_OK);
			assert_true(rd_is(&got, hash, n));
		}
	/* That of a server is not that of a client. */
	assert_int_equal(tls_role_hash(TLS_ROLE_X2, view(input, len), &got),
	    ERR_MALFORMED);
	assert_int_equal(tls_role_hash(TLS_ROLE_XKC, view(input, len), &got),
	    ERR_OK);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(tls_role_hash(TLS_ROLE_HI2, view(input, i),
				     &got),
		    i == 98 + 32 ? ERR_OK : ERR_MALFORMED);
		if (i >= 98)
			continue;
		input[i] ^= 1;
		assert_int_equal(tls_role_hash(TLS_ROLE_HI2, view(input, len),
				     &got),
		    ERR_MALFORMED);
		input[i] ^= 1;
	}
}

/* Not even asked for; and nothing outside a handshake. */
static void
the_key_signs_nothing_else(void **state)
{
	EVP_PKEY *key = tls_token_key(token.key, TLS_ROLE_XK);
	uint8_t input[TLS_INPUT_MAX], hash[32] = {0}, more[200] = {0};
	size_t len;

	(void)state;
	assert_non_null(key);
	assert_int_equal(tls_role_input(TLS_ROLE_XK, view(hash, 32), input,
			     &len),
	    ERR_OK);
	assert_false(try_sign(key, "SHA256", input, len));
	assert_false(try_sign(key, "SHA384", input, len));
	assert_false(try_sign(key, "SHA256", input, len - 1));
	assert_false(try_sign(key, "SHA256", more, 0));
	assert_false(try_sign(key, "SHA256", more, sizeof(more)));
	assert_int_equal(n_asked, 0);
	EVP_PKEY_free(key);
}

/* A key of a client's role in a server: the handshake ends, unasked. */
static void
a_key_of_the_other_role_signs_no_handshake(void **state)
{
	static const struct tls_server_kind wrong = {.section = "xk",
	    .role = TLS_ROLE_XKC};
	struct why why = {""};
	SSL_CTX *c = NULL;
	struct pair p;

	(void)state;
	pair_begin(&p, true, NULL);
	assert_int_equal(server_context(&wrong, token.cert, token.key, &c,
			     &why),
	    ERR_OK);
	SSL_free(p.ours);
	p.ours = SSL_new(c);
	SSL_CTX_free(c);
	SSL_set_accept_state(p.ours);
	assert_int_equal(SSL_set_fd(p.ours, p.fd[0]), 1);
	turn(&p);
	assert_true(failed(&p));
	assert_int_equal(n_asked, 0);
	pair_end(&p);
}

/* ---- certificates ---- */

static void
a_certificate_of_another_key_is_refused(void **state)
{
	struct why why = {""};
	SSL_CTX *c = NULL;

	(void)state;
	assert_int_equal(server_context(&as_xk, foreign.cert, token.key, &c,
			     &why),
	    ERR_MALFORMED);
	assert_string_equal(why.text,
	    "xk.certificate: not of the token's key: have one made from "
	    "'keywarden kms tls-request --for xk'");
	assert_null(c);
}

static void
only_p256_is_a_key_of_the_token(void **state)
{
	struct why why = {""};
	SSL_CTX *c = NULL;

	(void)state;
	assert_int_equal(server_context(&as_xk, strong.cert, strong.key, &c,
			     &why),
	    ERR_MALFORMED);
	assert_int_equal(server_context(&as_xk, foreign.cert, foreign.key, &c,
			     &why),
	    ERR_MALFORMED);
	assert_null(c);
}

int
main(void)
{
#define PROMISE(f) cmocka_unit_test_setup(f, ask_me)
	const struct CMUnitTest tests[] = {
	    PROMISE(both_ends_pause_for_their_signature),
	    PROMISE(nothing_but_the_answer_resumes_it),
	    PROMISE(several_are_answered_in_any_order),
	    PROMISE(a_wrong_answer_ends_that_handshake_alone),
	    PROMISE(without_a_signer_handshakes_fail_and_later_ones_do_not),
	    PROMISE(a_connection_may_end_while_it_waits),
	    PROMISE(only_the_scheme_of_the_key_is_used),
	    PROMISE(octets_of_another_kind_have_no_hash),
	    PROMISE(the_key_signs_nothing_else),
	    PROMISE(a_key_of_the_other_role_signs_no_handshake),
	    PROMISE(a_certificate_of_another_key_is_refused),
	    PROMISE(only_p256_is_a_key_of_the_token),
	};

	return cmocka_run_group_tests(tests, make_parties, free_parties);
}
