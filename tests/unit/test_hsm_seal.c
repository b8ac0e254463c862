/* Keys for LEMFs: sealed to who has a certificate, in clear to who has none. */
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "appliance/envelope.h"
#include "appliance/hsm_proc.h"
#include "help.h"
#include "papers.h"

#define EPOCH 0x0102030405060708
#define LIID "LI-2027-7"
#define ID(i) \
	{ \
		0xc5, 0xb0, 0x00, 0x01, (uint8_t)(i) \
	}

static struct hsm_proc p;
static int64_t now;
static EVP_PKEY *keys[3]; /* P-256, P-384, RSA */
static X509 *certs[3];

bool
hsm_now(struct hsm_proc *hp, int64_t *out)
{
	assert_ptr_equal(hp, &p);
	*out = now;
	return true;
}

/* The worker's clock; each look at it takes so long. */
static int64_t uptime_ms, look_ms;
int64_t __wrap_clock_uptime_ms(void);

int64_t
__wrap_clock_uptime_ms(void)
{
	return uptime_ms += look_ms;
}

/* ---- the warrant state ---- */

static int
keys_init(void **state)
{
	(void)state;
	keys[0] = EVP_EC_gen("P-256");
	keys[1] = EVP_EC_gen("P-384");
	keys[2] = EVP_RSA_gen(3072);
	for (long i = 0; i < 3; i++)
		certs[i] = pki_cert(keys[i], "LEMF", 10 + i);
	return 0;
}

static int
keys_done(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		X509_free(certs[i]);
		EVP_PKEY_free(keys[i]);
	}
	return 0;
}

static int
set_up(void **state)
{
	const struct genesis g = {.time = PKI_NOW, .kms = PAPERS_KMS};

	(void)state;
	now = PKI_NOW;
	look_ms = 0;
	assert_int_equal(authority_new(&g, &p.authority), ERR_OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	authority_free(&p.authority);
	return 0;
}

/* It has this certificate from now on. */
static void
enrol(const char *lemf, X509 *x)
{
	const struct request_head h = paper_head(REQUEST_LEMF_ADD, "vogel", 0);
	struct why why = {""};
	struct paper paper;
	struct change c;
	size_t len;
	uint8_t *der = pki_cert_der(x, &len);
	char *body = papers_cert_body(lemf, view(der, len), "");

	paper = paper_write(&h, body);
	c = paper_change(&paper, authority_head(p.authority).number + 1,
	    view(NULL, 0));
	if (authority_apply(p.authority, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	free(paper.p);
	free(body);
	free(der);
}

/* ---- keys ---- */

static struct xk_session_key
a_key(unsigned i)
{
	struct xk_session_key k = {.crypto_session_id = ID(i)};

	memset(k.session_key, 0x40 + (int)i % 100, sizeof(k.session_key));
	memset(k.salt, 0xa0 + (int)i % 50, sizeof(k.salt));
	return k;
}

/* For these LEMFs, NULL at the end. */
static struct msg_hi2_keys
made(unsigned n_keys, const char *const *lemfs)
{
	static uint8_t answer[65536];
	static struct xk_get_keys_response r;
	struct msg_hi2_keys m = {.epoch = EPOCH, .reason = XK_GRANTED};
	struct wr w;

	r.n_keys = n_keys;
	for (unsigned i = 0; i < n_keys; i++)
		r.key[i] = a_key(i + 1);
	wr_init(&w, answer, sizeof(answer));
	msg_answer_put(&w, EPOCH, &r);
	assert_int_equal(w.rc, ERR_OK);
	m.answer = view(answer, w.len);
	m.to = (struct destination){.leg = 5,
	    .liid = str(LIID),
	    .n_targets = 1,
	    .target = {str("sip:bob@example.com")}};
	for (; *lemfs != NULL; lemfs++)
		m.to.lemf[m.to.n_lemfs++] = str(*lemfs);
	hsm_seal_keys(&p, &m);
	return m;
}
#define FOR(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Through the message that hi2 gets; the views die with the next. */
static struct msg_hi2_keys
told(const struct msg_hi2_keys *m)
{
	static uint8_t body[MAX_IPC_BODY];
	struct msg_hi2_keys got;
	struct wr w;

	assert_true(msg_hi2_keys_max(m) <= sizeof(body));
	wr_init(&w, body, sizeof(body));
	msg_hi2_keys_put(&w, m);
	assert_int_equal(w.rc, ERR_OK);
	assert_int_equal(w.len, msg_hi2_keys_max(m));
	assert_int_equal(msg_hi2_keys_get(view(body, w.len), &got), ERR_OK);
	return got;
}

static struct rd
opened(struct rd cms, int by, uint8_t *out, size_t cap)
{
	const unsigned char *at = cms.p;
	CMS_ContentInfo *c = d2i_CMS_ContentInfo(NULL, &at, (long)cms.left);
	BIO *b = BIO_new(BIO_s_mem());
	int n;

	assert_non_null(c);
	assert_ptr_equal(at, cms.p + cms.left);
	assert_int_equal(OBJ_obj2nid(CMS_get0_type(c)),
	    NID_id_smime_ct_authEnvelopedData);
	assert_int_equal(CMS_decrypt(c, keys[by], certs[by], NULL, b, 0), 1);
	n = BIO_read(b, out, (int)cap);
	assert_true(n > 0);
	BIO_free(b);
	CMS_ContentInfo_free(c);
	return view(out, (size_t)n);
}

/* By hand, as docs/PROTOCOL.md has it. */
static void
is_of_key(struct rd content, unsigned i)
{
	static const uint8_t head[] = {0x30, 2 + 9 + 2 + 5 + 2 + 16 + 2 + 14,
	    0x04, 9, 'L', 'I', '-', '2', '0', '2', '7', '-', '7', 0x04, 5};
	static const uint8_t key_head[] = {0x04, 16}, salt_head[] = {0x04, 14};
	const struct xk_session_key k = a_key(i);
	struct rd at;

	assert_int_equal(content.left, 2 + head[1]);
	assert_int_equal(rd_view(&content, sizeof(head), &at), ERR_OK);
	assert_true(rd_is(&at, head, sizeof(head)));
	assert_int_equal(rd_view(&content, 5, &at), ERR_OK);
	assert_true(rd_is(&at, k.crypto_session_id, 5));
	assert_int_equal(rd_view(&content, 2, &at), ERR_OK);
	assert_true(rd_is(&at, key_head, 2));
	assert_int_equal(rd_view(&content, 16, &at), ERR_OK);
	assert_true(rd_is(&at, k.session_key, 16));
	assert_int_equal(rd_view(&content, 2, &at), ERR_OK);
	assert_true(rd_is(&at, salt_head, 2));
	assert_true(rd_is(&content, k.salt, 14));
}

static void
opens_for(const struct msg_hi2_keys *m, unsigned lemf, int by, unsigned n_keys)
{
	struct rd run = m->sealed[lemf], one;
	uint8_t out[256];

	assert_int_equal(m->how[lemf], HI2_KEYS_SEALED);
	assert_int_equal(m->ids.left, n_keys * HI2_CS_ID_LEN);
	for (unsigned i = 1; i <= n_keys; i++) {
		const struct xk_session_key k = a_key(i);

		assert_memory_equal(m->ids.p + (i - 1) * HI2_CS_ID_LEN,
		    k.crypto_session_id, HI2_CS_ID_LEN);
		assert_int_equal(rd_view16(&run, &one), ERR_OK);
		is_of_key(opened(one, by, out, sizeof(out)), i);
	}
	assert_int_equal(run.left, 0);
}

static bool
has(struct rd octets, const void *what, size_t len)
{
	return memmem(octets.p, octets.left, what, len) != NULL;
}

/* ---- what must hold ---- */

static void
without_certificates_keys_go_as_they_are(void **state)
{
	struct msg_hi2_keys m = made(2, FOR("north", "south"));
	const struct xk_session_key k = a_key(1);

	(void)state;
	m = told(&m);
	assert_int_equal(m.reason, XK_GRANTED);
	assert_int_equal(m.how[0], HI2_KEYS_CLEAR);
	assert_int_equal(m.how[1], HI2_KEYS_CLEAR);
	assert_int_equal(m.ids.left, 0);
	assert_true(has(m.answer, k.session_key, sizeof(k.session_key)));
}

static void
who_has_a_certificate_alone_can_open_them(void **state)
{
	struct msg_hi2_keys m;

	(void)state;
	enrol("north", certs[0]);
	enrol("south", certs[1]);
	enrol("west", certs[2]);
	m = made(3, FOR("north", "south", "west"));
	m = told(&m);
	assert_int_equal(m.reason, XK_GRANTED);
	opens_for(&m, 0, 0, 3);
	opens_for(&m, 1, 1, 3);
	opens_for(&m, 2, 2, 3);
}

static void
if_all_have_one_no_key_is_in_the_message(void **state)
{
	static uint8_t body[MAX_IPC_BODY];
	struct msg_hi2_keys m;
	struct wr w;

	(void)state;
	enrol("north", certs[0]);
	m = made(2, FOR("north"));
	assert_int_equal(m.answer.left, 0);
	wr_init(&w, body, sizeof(body));
	msg_hi2_keys_put(&w, &m);
	for (unsigned i = 1; i <= 2; i++) {
		const struct xk_session_key k = a_key(i);

		assert_false(has(view(body, w.len), k.session_key, 16));
		assert_false(has(view(body, w.len), k.salt, 14));
	}
}

static void
one_without_a_certificate_gets_them_in_clear(void **state)
{
	struct msg_hi2_keys m;

	(void)state;
	enrol("north", certs[0]);
	m = made(2, FOR("south", "north"));
	m = told(&m);
	assert_int_equal(m.how[0], HI2_KEYS_CLEAR);
	assert_true(m.answer.left > 0);
	opens_for(&m, 1, 0, 2);
}

/* Not in clear, whatever has become of it. */
static void
one_whose_certificate_has_ended_gets_none(void **state)
{
	struct msg_hi2_keys m;

	(void)state;
	enrol("north", certs[0]);
	now = PKI_UNTIL + 1;
	m = made(2, FOR("south", "north"));
	m = told(&m);
	assert_int_equal(m.reason, XK_GRANTED);
	assert_int_equal(m.how[0], HI2_KEYS_CLEAR);
	assert_int_equal(m.how[1], HI2_KEYS_NONE);
	assert_int_equal(m.ids.left, 0);
	m = made(2, FOR("north"));
	m = told(&m);
	assert_int_equal(m.reason, XK_UNSUPPORTED);
	assert_int_equal(m.answer.left, 0);
	now = PKI_UNTIL;
	m = made(2, FOR("north"));
	opens_for(&m, 0, 0, 2);
}

/* As many LEMFs in order as a message has room for; the others are told so. */
static void
the_most_keys_for_the_most_lemfs_fit_into_a_message(void **state)
{
	static const char *const lemfs[] = {"a", "b", "c", "d", "e", "f", "g",
	    "h", NULL};
	struct msg_hi2_keys m;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < MAX_WARRANT_LEMFS; i++)
		enrol(lemfs[i], certs[0]);
	m = made(MAX_CS, lemfs);
	m = told(&m);
	assert_int_equal(m.reason, XK_GRANTED);
	while (n < MAX_WARRANT_LEMFS && m.how[n] == HI2_KEYS_SEALED)
		n++;
	assert_true(n >= 3);
	for (unsigned i = n; i < MAX_WARRANT_LEMFS; i++)
		assert_int_equal(m.how[i], HI2_KEYS_NONE);
	opens_for(&m, n - 1, 0, MAX_CS);
}

/* Who asks next does not wait for ever. */
static void
what_takes_too_long_is_left(void **state)
{
	struct msg_hi2_keys m;

	(void)state;
	enrol("north", certs[0]);
	enrol("south", certs[0]);
	look_ms = 400;
	m = made(3, FOR("north", "south", "west"));
	m = told(&m);
	opens_for(&m, 0, 0, 3);
	assert_int_equal(m.how[1], HI2_KEYS_NONE);
	assert_int_equal(m.how[2], HI2_KEYS_CLEAR);
}

/* ---- the envelope ---- */

static void
says(X509 *to, const void *oid, size_t oid_len)
{
	uint8_t *cms = NULL;
	size_t len;

	assert_int_equal(envelope(to, str("secret"), &cms, &len), ERR_OK);
	assert_true(has(view(cms, len), oid, oid_len));
	OPENSSL_free(cms);
}

/* 1.3.132.1.11.1, with aes256-wrap; aes256-GCM; OAEP with SHA-256 */
static void
it_is_of_the_algorithms_that_are_documented(void **state)
{
	static const uint8_t ecdh[] = {0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b,
	    0x01, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
	    0x04, 0x01, 0x2d};
	static const uint8_t gcm[] = {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	    0x03, 0x04, 0x01, 0x2e};
	static const uint8_t oaep[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
	    0x0d, 0x01, 0x01, 0x07};
	static const uint8_t sha256[] = {0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	    0x65, 0x03, 0x04, 0x02, 0x01};

	(void)state;
	for (int i = 0; i < 3; i++)
		says(certs[i], gcm, sizeof(gcm));
	says(certs[0], ecdh, sizeof(ecdh));
	says(certs[1], ecdh, sizeof(ecdh));
	says(certs[2], oaep, sizeof(oaep));
	says(certs[2], sha256, sizeof(sha256));
}

static void
another_kind_of_key_is_refused(void **state)
{
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509 *x = pki_cert(ed, "ed", 9);
	uint8_t *cms = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(envelope(x, str("secret"), &cms, &len), ERR_CRYPTO);
	assert_null(cms);
	X509_free(x);
	EVP_PKEY_free(ed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_certificates_keys_go_as_they_are),
	    TEST(who_has_a_certificate_alone_can_open_them),
	    TEST(if_all_have_one_no_key_is_in_the_message),
	    TEST(one_without_a_certificate_gets_them_in_clear),
	    TEST(one_whose_certificate_has_ended_gets_none),
	    TEST(the_most_keys_for_the_most_lemfs_fit_into_a_message),
	    TEST(what_takes_too_long_is_left),
	    TEST(it_is_of_the_algorithms_that_are_documented),
	    TEST(another_kind_of_key_is_refused),
	};

	return cmocka_run_group_tests(tests, keys_init, keys_done);
}
