/*
 * lemf/record and lemf/sealed: records of docs/samples, which a decoder made
 * of the ETSI modules reads too; then with something wrong.  Keys sealed to an
 * agency open with its key, and nowhere but in their own record.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "help.h"
#include "hi2/der_put.h"
#include "hi2/iri.h"
#include "lemf/hi2_file.h"
#include "lemf/sealed.h"
#include "pki.h"

#define LIID "SAMPLE-0001"

static struct record rec;
static struct why why;

static uint8_t *
sample(const char *name, size_t *len)
{
	char path[512];

	(void)snprintf(path, sizeof(path), KW_TESTS "/../docs/samples/%s.ber",
	    name);
	return slurp(path, len);
}

static void
is_text(struct rd r, const char *text)
{
	assert_true(rd_is(&r, text, strlen(text)));
}

/* ---- what is right ---- */

static void
samples_are_read(void **state)
{
	static const struct {
		const char *name;
		enum record_event event;
		unsigned form, sequence, n_keys;
	} want[] = {{"keys-form0", RECORD_KEYS, 0, 0, 1},
	    {"keys-form1", RECORD_KEYS, 1, 0, 1},
	    {"no-keys-form0", RECORD_NO_KEYS, 0, 1, 0},
	    {"no-keys-form1", RECORD_NO_KEYS, 1, 1, 0},
	    {"sip-form0", RECORD_SIP, 0, 2, 0},
	    {"sip-form1", RECORD_SIP, 1, 2, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		size_t len;
		uint8_t *p = sample(want[i].name, &len);

		assert_int_equal(record_read(view(p, len), &rec, &why), ERR_OK);
		assert_int_equal(rec.event, want[i].event);
		assert_int_equal(rec.form, want[i].form);
		assert_int_equal(rec.sequence, want[i].sequence);
		assert_int_equal(rec.n_keys, want[i].n_keys);
		assert_true(rec.has_cin && rec.has_time);
		assert_int_equal(rec.cin, 4660);
		assert_int_equal(rec.seconds, 1709251190);
		assert_int_equal(rec.nanoseconds, 250500000);
		assert_int_equal(rec.initiator, RECORD_ORIGINATING);
		is_text(rec.liid, LIID);
		is_text(rec.operator_id, "sample-operator");
		assert_true(rd_is(&rec.correlation, "\0\0\0\1\0\0\x12\x34", 8));
		assert_int_equal(rec.n_targets, 2);
		is_text(rec.targets[0], "tel:+15555550100");
		is_text(rec.targets[1], "sip:alice@example.com");
		is_text(record_sip_line(&rec),
		    "INVITE sip:bob@example.net SIP/2.0");
		free(p);
	}
}

static void
keys_are_read(void **state)
{
	size_t len;
	uint8_t *p = sample("keys-form1", &len);
	struct clear_key k;

	(void)state;
	assert_int_equal(record_read(view(p, len), &rec, &why), ERR_OK);
	assert_true(rd_is(&rec.keys[0].cs_id, "\xf7\x8f\xac\xa4\x01", 5));
	assert_false(rec.keys[0].sealed);
	assert_int_equal(sealed_key(NULL, &rec, 0, &k, &why), ERR_OK);
	assert_int_equal(k.key_len, 16);
	assert_int_equal(k.salt_len, 14);
	assert_memory_equal(k.key, "\xfc\x35\x79\xc3", 4);
	assert_memory_equal(k.salt, "\xfa\x49\xdf\xe4", 4);
	free(p);
}

static void
a_tri_is_read(void **state)
{
	static const uint8_t header[] = {0x80, 7, 4, 0, 2, 2, 5, 1, 43, 0x81, 1,
	    '-', 0xa3, 5, 0xa0, 3, 0x80, 1, 'X', 0x84, 1, 9};
	uint8_t pdu[64];
	struct der_put d;

	(void)state;
	der_put_init(&d, pdu, sizeof(pdu));
	der_put_text(&d, 0x83, "");
	der_put_wrap(&d, 0xa2, 0);
	der_put_wrap(&d, 0xa2, 0);
	der_put_string(&d, 0xa1, header, sizeof(header));
	der_put_wrap(&d, 0x30, 0);
	assert_false(d.failed);
	assert_int_equal(record_read(view(pdu + sizeof(pdu) - d.len, d.len),
			     &rec, &why),
	    ERR_OK);
	assert_int_equal(rec.event, RECORD_TRI);
	assert_int_equal(rec.tri.kind, TRI_KEEP_ALIVE);
	assert_string_equal(record_event_name(&rec), "keep-alive");
	assert_int_equal(rec.sequence, 9);
	assert_false(rec.has_cin || rec.has_time);
}

/* ---- what is wrong ---- */

static void
is_bad(const uint8_t *p, size_t len)
{
	assert_int_not_equal(record_read(view(p, len), &rec, &why), ERR_OK);
}

static void
each_end_that_is_cut_is_refused(void **state)
{
	static const char *const names[] = {"keys-form0", "no-keys-form1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t len;
		uint8_t *p = sample(names[i], &len);

		each_prefix(p, len, is_bad);
		free(p);
	}
}

/* The n-th place of some octets, counted from 0. */
static uint8_t *
find(uint8_t *p, size_t len, const void *what, size_t what_len, unsigned n)
{
	uint8_t *at = p;

	for (;; n--) {
		at = memmem(at, len - (size_t)(at - p), what, what_len);
		assert_non_null(at);
		if (n == 0)
			return at;
		at++;
	}
}

/* With one octet changed behind some others. */
static void
changed(const char *name, const char *what, size_t what_len, unsigned n,
    uint8_t to, enum err want)
{
	size_t len;
	uint8_t *p = sample(name, &len);

	find(p, len, what, what_len, n)[what_len] = to;
	assert_int_equal(record_read(view(p, len), &rec, &why), want);
	free(p);
}

/* The header is there all the same. */
static void
another_liid_inside_is_seen(void **state)
{
	size_t len;
	uint8_t *p = sample("sip-form1", &len);

	(void)state;
	changed("keys-form0", "SAMPLE-000", 10, 1, '2', ERR_MISMATCH);
	find(p, len, LIID, sizeof(LIID) - 1, 1)[10] = '2';
	assert_int_equal(record_read(view(p, len), &rec, &why), ERR_MISMATCH);
	is_text(rec.liid, LIID);
	assert_int_equal(rec.sequence, 2);
	assert_int_not_equal(rec.event, RECORD_TRI);
	free(p);
}

static void
values_out_of_range_are_refused(void **state)
{
	(void)state;
	changed("keys-form0", "\x84\x01", 2, 1, 3,
	    ERR_MALFORMED); /* initiator */
	changed("keys-form0", "\x9d\x01", 2, 0, 0x80, ERR_MALFORMED);
	/* Another event is a record of its own kind. */
	changed("keys-form0", "\x9d\x01", 2, 0, 4, ERR_OK);
	assert_int_equal(rec.event, RECORD_OTHER);
	/* A key without its id. */
	changed("keys-form0", "\x05\xf7\x8f\xac\xa4\x01", 6, 0, 0x84,
	    ERR_MALFORMED);
}

/* A record of ours with as many of everything as there may be. */
static void
the_fullest_record_is_read(void **state)
{
	static char uri[IRI_PARTIES_MAX][16];
	static struct iri_key keys[MAX_CS];
	struct rd targets[IRI_PARTIES_MAX];
	struct iri_record r = {.event = IRI_KEYS,
	    .liid = view("L", 1),
	    .n_targets = IRI_PARTIES_MAX,
	    .targets = targets,
	    .keys = keys,
	    .n_keys = MAX_CS,
	    .sequence = UINT32_MAX};
	struct iri_profile p;
	uint8_t *out;
	size_t len;

	(void)state;
	assert_int_equal(iri_profile_named("etsi", &p), ERR_OK);
	assert_int_equal(iri_profile_set(&p, "operator_id", "OP", NULL),
	    ERR_OK);
	for (unsigned i = 0; i < IRI_PARTIES_MAX; i++) {
		(void)snprintf(uri[i], sizeof(uri[i]), "sip:%u@x", i);
		targets[i] = view(uri[i], strlen(uri[i]));
	}
	for (unsigned i = 0; i < MAX_CS; i++)
		keys[i].cs_id = (uint8_t)i;
	len = iri_max(&p, &r);
	out = malloc(len);
	assert_non_null(out);
	assert_int_equal(iri_encode(&p, &r, out, len, &len), ERR_OK);
	assert_int_equal(record_read(view(out, len), &rec, &why), ERR_OK);
	assert_int_equal(rec.n_keys, MAX_CS);
	assert_int_equal(rec.n_targets, IRI_PARTIES_MAX);
	assert_int_equal(rec.keys[MAX_CS - 1].cs_id.p[4], MAX_CS - 1);
	assert_int_equal(rec.sequence, UINT32_MAX);
	free(out);
}

/* ---- files ---- */

static void
a_file_gives_pdus_until_it_ends_inside_one(void **state)
{
	char path[] = "/tmp/test-lemf-record.XXXXXX";
	const int fd = mkstemp(path);
	struct hi2_file *f = NULL;
	size_t len;
	uint8_t *p = sample("keys-form0", &len);
	struct rd pdu;

	(void)state;
	assert_true(fd != -1);
	for (int i = 0; i < 3000; i++) /* over the buffer of hi2_file */
		assert_int_equal(write(fd, p, len), (ssize_t)len);
	assert_int_equal(write(fd, p, len - 1), (ssize_t)len - 1);
	assert_int_equal(hi2_file_open(path, &f, &why), ERR_OK);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(hi2_file_next(f, &pdu, &why), ERR_OK);
		assert_true(rd_is(&pdu, p, len));
		assert_int_equal(hi2_file_at(f), i * len);
	}
	assert_int_equal(hi2_file_next(f, &pdu, &why), ERR_TRUNCATED);
	assert_int_equal(hi2_file_at(f), 3000 * len);
	hi2_file_close(&f);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, "\x31", 1, (off_t)len), 1);
	assert_int_equal(hi2_file_open(path, &f, &why), ERR_OK);
	assert_int_equal(hi2_file_next(f, &pdu, &why), ERR_OK);
	assert_int_equal(hi2_file_next(f, &pdu, &why), ERR_MALFORMED);
	hi2_file_close(&f);
	(void)unlink(path);
	(void)close(fd);
	free(p);
}

/* ---- sealed keys ---- */

static struct agency {
	EVP_PKEY *key;
	X509 *cert;
	struct opener *opener;
} ec, rsa, other;

static void
save(const char *path, const struct agency *a, bool key)
{
	BIO *b = BIO_new_file(path, "w");

	assert_non_null(b);
	assert_int_equal(key
		? PEM_write_bio_PrivateKey(b, a->key, NULL, NULL, 0, NULL, NULL)
		: PEM_write_bio_X509(b, a->cert),
	    1);
	BIO_free(b);
}

static void
make_agency(struct agency *a, EVP_PKEY *key, long serial)
{
	char dir[] = "/tmp/test-lemf-record.XXXXXX", k[64], c[64];

	assert_non_null(key);
	assert_non_null(mkdtemp(dir));
	a->key = key;
	a->cert = pki_cert(key, "Agency", serial);
	(void)snprintf(k, sizeof(k), "%s/key", dir);
	(void)snprintf(c, sizeof(c), "%s/cert", dir);
	save(k, a, true);
	save(c, a, false);
	assert_int_equal(opener_new(k, c, &a->opener, &why), ERR_OK);
	assert_int_equal(opener_new(c, k, &(struct opener *){NULL}, &why),
	    ERR_MALFORMED);
	(void)unlink(k);
	(void)unlink(c);
	(void)rmdir(dir);
}

static int
make_agencies(void **state)
{
	(void)state;
	make_agency(&ec, EVP_EC_gen("P-256"), 1);
	make_agency(&rsa, EVP_RSA_gen(2048), 2);
	make_agency(&other, EVP_EC_gen("P-256"), 3);
	return 0;
}

static int
free_agencies(void **state)
{
	struct agency *const all[] = {&ec, &rsa, &other};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		opener_free(&all[i]->opener);
		EVP_PKEY_free(all[i]->key);
		X509_free(all[i]->cert);
	}
	return 0;
}

struct sealing {
	const char *liid, *cs_id, *key, *salt;
	const EVP_CIPHER *cipher;
};

static uint8_t *
seal(const struct agency *a, const struct sealing *s, size_t *len)
{
	uint8_t content[256], *der = NULL;
	CMS_ContentInfo *cms;
	CMS_RecipientInfo *info;
	struct der_put d;
	BIO *in;
	int n;

	der_put_init(&d, content, sizeof(content));
	der_put_text(&d, 0x04, s->salt);
	der_put_text(&d, 0x04, s->key);
	der_put_text(&d, 0x04, s->cs_id);
	der_put_text(&d, 0x04, s->liid);
	der_put_wrap(&d, 0x30, 0);
	assert_false(d.failed);
	cms = CMS_encrypt(NULL, NULL, s->cipher, CMS_BINARY | CMS_PARTIAL);
	assert_non_null(cms);
	info = CMS_add1_recipient_cert(cms, a->cert, CMS_KEY_PARAM);
	assert_non_null(info);
	if (a == &rsa)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(
				CMS_RecipientInfo_get0_pkey_ctx(info),
				RSA_PKCS1_OAEP_PADDING) > 0);
	in = BIO_new_mem_buf(content + sizeof(content) - d.len, (int)d.len);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	BIO_free(in);
	n = i2d_CMS_ContentInfo(cms, &der);
	assert_true(n > 0);
	*len = (size_t)n;
	CMS_ContentInfo_free(cms);
	return der;
}

/* A record with one key of these octets and no salt. */
static uint8_t *
record_with(const uint8_t *key, size_t key_len, size_t *len)
{
	static const uint8_t head[] = {0x30, 0, 0xa1, 27, 0x80, 7, 4, 0, 2, 2,
	    5, 1, 43, 0x81, 1, 'L', 0xa3, 8, 0xa0, 3, 0x80, 1, 'X', 0x81, 1, 1,
	    0x84, 1, 9};
	const size_t cap = key_len + 256;
	uint8_t *p = malloc(cap);
	struct der_put d;

	assert_non_null(p);
	der_put_init(&d, p, cap);
	der_put_string(&d, 0x82, key, key_len);
	der_put_text(&d, 0x81, "ABCDE");
	der_put_wrap(&d, 0x30, 0);
	der_put_wrap(&d, 0xbf24, 0);
	der_put_number(&d, 0x9d, 3);
	der_put_text(&d, 0x81, "L");
	der_put_text(&d, 0x80, "oid");
	der_put_wrap(&d, 0xa0, 0);
	der_put_wrap(&d, 0xa4, 0);
	der_put_wrap(&d, 0xa2, 0);
	der_put_wrap(&d, 0x30, 0);
	der_put_wrap(&d, 0xa0, 0);
	der_put_wrap(&d, 0xa2, 0);
	der_put_string(&d, 0xa1, head + 4, sizeof(head) - 4);
	der_put_wrap(&d, 0x30, 0);
	assert_false(d.failed);
	memmove(p, p + cap - d.len, d.len);
	*len = d.len;
	return p;
}

static enum err
opened(const struct agency *to, const struct opener *by,
    const struct sealing *s, bool tamper, struct clear_key *k)
{
	size_t sealed_len, len;
	uint8_t *sealed = seal(to, s, &sealed_len), *p;
	enum err rc;

	if (tamper)
		sealed[sealed_len - 3] ^= 1;
	p = record_with(sealed, sealed_len, &len);
	assert_int_equal(record_read(view(p, len), &rec, &why), ERR_OK);
	assert_true(rec.keys[0].sealed);
	rc = sealed_key(by, &rec, 0, k, &why);
	OPENSSL_free(sealed);
	free(p);
	return rc;
}

static void
sealed_keys_open_with_the_agencys_key(void **state)
{
	const struct sealing s = {"L", "ABCDE", "0123456789abcdef",
	    "salt456789abcd", EVP_aes_256_gcm()};
	const struct agency *const all[] = {&ec, &rsa};
	struct clear_key k;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct agency *a = all[i];

		assert_int_equal(opened(a, a->opener, &s, false, &k), ERR_OK);
		assert_int_equal(k.key_len, 16);
		assert_memory_equal(k.key, s.key, 16);
		assert_int_equal(k.salt_len, 14);
		assert_memory_equal(k.salt, s.salt, 14);
		assert_int_equal(opened(a, NULL, &s, false, &k), ERR_DENIED);
		assert_int_equal(k.key_len, 0);
		assert_int_equal(opened(a, other.opener, &s, false, &k),
		    ERR_CRYPTO);
		assert_int_equal(opened(a, a->opener, &s, true, &k),
		    ERR_CRYPTO);
		assert_int_equal(k.key_len, 0);
	}
}

static void
a_sealed_key_belongs_to_its_record(void **state)
{
	struct sealing s = {"M", "ABCDE", "0123456789abcdef", "",
	    EVP_aes_256_gcm()};
	char longer[CLEAR_KEY_MAX + 2];
	struct clear_key k;

	(void)state;
	assert_int_equal(opened(&ec, ec.opener, &s, false, &k), ERR_MISMATCH);
	s.liid = "L";
	s.cs_id = "ABCDF";
	assert_int_equal(opened(&ec, ec.opener, &s, false, &k), ERR_MISMATCH);
	s.cs_id = "ABCDE";
	assert_int_equal(opened(&ec, ec.opener, &s, false, &k), ERR_OK);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	s.key = longer;
	assert_int_equal(opened(&ec, ec.opener, &s, false, &k), ERR_TOOBIG);
	assert_int_equal(k.key_len, 0);
}

/* CMS without authentication is no sealed key. */
static void
only_authenticated_cms_is_sealed(void **state)
{
	const struct sealing s = {"L", "ABCDE", "0123456789abcdef", "",
	    EVP_aes_256_cbc()};
	struct clear_key k;
	size_t sealed_len, len;
	uint8_t *sealed = seal(&ec, &s, &sealed_len);
	uint8_t *p = record_with(sealed, sealed_len, &len);

	(void)state;
	assert_int_equal(record_read(view(p, len), &rec, &why), ERR_OK);
	assert_false(rec.keys[0].sealed);
	assert_int_equal(sealed_key(ec.opener, &rec, 0, &k, &why), ERR_TOOBIG);
	OPENSSL_free(sealed);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(samples_are_read),
	    cmocka_unit_test(keys_are_read),
	    cmocka_unit_test(a_tri_is_read),
	    cmocka_unit_test(each_end_that_is_cut_is_refused),
	    cmocka_unit_test(another_liid_inside_is_seen),
	    cmocka_unit_test(values_out_of_range_are_refused),
	    cmocka_unit_test(the_fullest_record_is_read),
	    cmocka_unit_test(a_file_gives_pdus_until_it_ends_inside_one),
	    cmocka_unit_test(sealed_keys_open_with_the_agencys_key),
	    cmocka_unit_test(a_sealed_key_belongs_to_its_record),
	    cmocka_unit_test(only_authenticated_cms_is_sealed),
	};

	return cmocka_run_group_tests(tests, make_agencies, free_agencies);
}
