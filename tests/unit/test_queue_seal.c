#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "help.h"
#include "hi2/queue_seal.h"

static EVP_PKEY *rsa;
static uint8_t *spki;
static size_t spki_len;

static size_t
public_of(EVP_PKEY *k, uint8_t **out)
{
	const int n = i2d_PUBKEY(k, out);

	assert_true(n > 0);
	return (size_t)n;
}

static int
make_key(void **state)
{
	(void)state;
	rsa = EVP_RSA_gen(3072);
	assert_non_null(rsa);
	spki_len = public_of(rsa, &spki);
	return 0;
}

static int
free_key(void **state)
{
	(void)state;
	OPENSSL_free(spki);
	EVP_PKEY_free(rsa);
	return 0;
}

static struct queue_sealer *
sealer(void)
{
	struct queue_sealer *s = NULL;
	struct why why = {""};

	if (queue_sealer_new(view(spki, spki_len), &s, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return s;
}

/* As the token does it. */
static void
unwrap(const struct queue_sealer *s, uint8_t key[QUEUE_KEY_LEN])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, rsa, NULL);
	const struct rd w = queue_sealer_wrapped(s);
	uint8_t out[512];
	size_t n = sizeof(out);

	assert_int_equal(w.left, 384);
	assert_int_equal(EVP_PKEY_decrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c,
			     RSA_PKCS1_OAEP_PADDING),
	    1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha1()), 1);
	assert_int_equal(EVP_PKEY_decrypt(c, out, &n, w.p, w.left), 1);
	assert_int_equal(n, QUEUE_KEY_LEN);
	memcpy(key, out, n);
	EVP_PKEY_CTX_free(c);
}

static struct queue_row
row(void)
{
	struct queue_row r = {.id = 7,
	    .lemf = view("lemf-1", 6),
	    .number = 3,
	    .cin = 0xfffffffe,
	    .sequence = 2,
	    .created = 1800000000,
	    .key = 5};

	memset(r.digest, 0x11, sizeof(r.digest));
	return r;
}

static const char record[] = "the record of one call";

#define SEALED (sizeof(record) + QUEUE_SEAL_LEN)

static void
seal_row(struct queue_sealer *s, const struct queue_row *r, uint8_t out[SEALED])
{
	size_t len = 0;

	assert_int_equal(queue_seal(s, r, view(record, sizeof(record)), out,
			     SEALED, &len),
	    ERR_OK);
	assert_int_equal(len, SEALED);
}

/* Fails, tells nothing of what is in it, and leaves *len. */
static void
refused(const uint8_t *key, const struct queue_row *r, struct rd sealed,
    enum err rc)
{
	uint8_t out[SEALED + 64];
	size_t len = 99;

	memset(out, 0xee, sizeof(out));
	assert_int_equal(queue_open(key, r, sealed, out, sizeof(out), &len),
	    rc);
	assert_int_equal(len, 99);
	for (size_t i = 0; i + 4 < sizeof(out); i++)
		assert_memory_not_equal(out + i, "reco", 4);
}

/* ---- tests ---- */

static void
what_was_sealed_is_opened_with_the_unwrapped_key(void **state)
{
	struct queue_sealer *s = sealer();
	const struct queue_row r = row();
	uint8_t key[QUEUE_KEY_LEN], sealed[SEALED], out[sizeof(record)];
	size_t len = 0;

	(void)state;
	unwrap(s, key);
	seal_row(s, &r, sealed);
	assert_int_equal(queue_open(key, &r, view(sealed, SEALED), out,
			     sizeof(out), &len),
	    ERR_OK);
	assert_int_equal(len, sizeof(record));
	assert_memory_equal(out, record, len);
	queue_sealer_free(&s);
	assert_null(s);
}

static void
each_life_has_a_data_key_of_its_own(void **state)
{
	struct queue_sealer *a = sealer(), *b = sealer();
	uint8_t of_a[QUEUE_KEY_LEN], of_b[QUEUE_KEY_LEN], sealed[SEALED];
	const struct queue_row r = row();

	(void)state;
	unwrap(a, of_a);
	unwrap(b, of_b);
	assert_memory_not_equal(of_a, of_b, sizeof(of_a));
	seal_row(a, &r, sealed);
	refused(of_b, &r, view(sealed, SEALED), ERR_CRYPTO);
	queue_sealer_free(&a);
	queue_sealer_free(&b);
}

static void
no_row_can_be_changed_or_moved(void **state)
{
	struct queue_sealer *s = sealer();
	const struct queue_row good = row();
	struct queue_row bad[10];
	uint8_t key[QUEUE_KEY_LEN], sealed[SEALED];

	(void)state;
	unwrap(s, key);
	seal_row(s, &good, sealed);
	for (unsigned i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].id++;
	bad[1].lemf = view("lemf-2", 6);
	bad[2].lemf = view("lemf-", 5);
	bad[3].number++;
	bad[4].digest[0] ^= 1;
	bad[5].digest[31] ^= 0x80;
	bad[6].cin--;
	bad[7].sequence++;
	bad[8].created--;
	bad[9].key++;
	for (unsigned i = 0; i < 10; i++)
		refused(key, &bad[i], view(sealed, SEALED), ERR_CRYPTO);
	queue_sealer_free(&s);
}

/* The journal has rows with the same fields. */
static void
no_row_takes_a_place_in_another_table(void **state)
{
	struct queue_sealer *s = sealer();
	struct queue_row r = row();
	uint8_t key[QUEUE_KEY_LEN], sealed[SEALED], out[sizeof(record)];
	size_t len = 0;

	(void)state;
	unwrap(s, key);
	seal_row(s, &r, sealed);
	r.table = QUEUE_INTAKE;
	refused(key, &r, view(sealed, SEALED), ERR_CRYPTO);
	r.lemf = view("", 0); /* it needs none */
	seal_row(s, &r, sealed);
	assert_int_equal(queue_open(key, &r, view(sealed, SEALED), out,
			     sizeof(out), &len),
	    ERR_OK);
	assert_memory_equal(out, record, sizeof(record));
	r.lemf = view("l", 1);
	refused(key, &r, view(sealed, SEALED), ERR_CRYPTO);
	r.table = QUEUE_RECORDS;
	refused(key, &r, view(sealed, SEALED), ERR_CRYPTO);
	queue_sealer_free(&s);
}

static void
no_bit_of_the_sealed_octets_can_be_changed(void **state)
{
	struct queue_sealer *s = sealer();
	const struct queue_row r = row();
	uint8_t key[QUEUE_KEY_LEN], sealed[SEALED];

	(void)state;
	unwrap(s, key);
	seal_row(s, &r, sealed);
	for (size_t bit = 0; bit < 8 * SEALED; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		refused(key, &r, view(sealed, SEALED), ERR_CRYPTO);
		sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	key[0] ^= 1;
	refused(key, &r, view(sealed, SEALED), ERR_CRYPTO);
	queue_sealer_free(&s);
}

static uint8_t prefix_key[QUEUE_KEY_LEN];

static void
bad_prefix(const uint8_t *p, size_t len)
{
	const struct queue_row r = row();

	refused(prefix_key, &r, view(p, len),
	    len <= QUEUE_SEAL_LEN ? ERR_TRUNCATED : ERR_CRYPTO);
}

static void
no_prefix_opens(void **state)
{
	struct queue_sealer *s = sealer();
	const struct queue_row r = row();
	uint8_t sealed[SEALED];

	(void)state;
	unwrap(s, prefix_key);
	seal_row(s, &r, sealed);
	each_prefix(sealed, SEALED, bad_prefix);
	queue_sealer_free(&s);
}

static void
a_nonce_is_never_used_twice(void **state)
{
	struct queue_sealer *s = sealer();
	const struct queue_row r = row();
	enum { N = 3000 };
	static uint8_t sealed[N][SEALED];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		/* The row may be the same: a turn that was given up. */
		seal_row(s, &r, sealed[i]);
		assert_true(i == 0 ||
		    memcmp(sealed[i - 1], sealed[i], QUEUE_NONCE_LEN) < 0);
	}
	queue_sealer_free(&s);
}

static void
a_failed_seal_uses_no_nonce(void **state)
{
	struct queue_sealer *s = sealer();
	struct queue_row r = row();
	uint8_t first[SEALED], second[SEALED];
	static const char name[QUEUE_LEMF_MAX + 1] = "x";
	size_t len = 77;

	(void)state;
	seal_row(s, &r, first);
	assert_int_equal(queue_seal(s, &r, view(record, sizeof(record)), second,
			     SEALED - 1, &len),
	    ERR_TOOBIG);
	assert_int_equal(queue_seal(s, &r, view(record, 0), second, SEALED,
			     &len),
	    ERR_TOOBIG);
	r.lemf = view(name, sizeof(name));
	assert_int_equal(queue_seal(s, &r, view(record, sizeof(record)), second,
			     SEALED, &len),
	    ERR_TOOBIG);
	r.lemf = view(name, 0);
	assert_int_equal(queue_seal(s, &r, view(record, sizeof(record)), second,
			     SEALED, &len),
	    ERR_TOOBIG);
	assert_int_equal(len, 77);
	r = row();
	seal_row(s, &r, second);
	assert_int_equal(second[QUEUE_NONCE_LEN - 1],
	    first[QUEUE_NONCE_LEN - 1] + 1);
	queue_sealer_free(&s);
}

static void
records_up_to_the_limit(void **state)
{
	const size_t cap = QUEUE_RECORD_MAX + 1 + QUEUE_SEAL_LEN;
	uint8_t *in = calloc(1, cap), *out = malloc(cap), *back = malloc(cap);
	struct queue_sealer *s = sealer();
	const struct queue_row r = row();
	uint8_t key[QUEUE_KEY_LEN];
	size_t len = 0, n = 0;

	(void)state;
	assert_true(in != NULL && out != NULL && back != NULL);
	unwrap(s, key);
	assert_int_equal(queue_seal(s, &r, view(in, QUEUE_RECORD_MAX + 1), out,
			     cap, &len),
	    ERR_TOOBIG);
	assert_int_equal(queue_seal(s, &r, view(in, QUEUE_RECORD_MAX), out, cap,
			     &len),
	    ERR_OK);
	assert_int_equal(queue_open(key, &r, view(out, len), back,
			     QUEUE_RECORD_MAX - 1, &n),
	    ERR_TOOBIG);
	assert_int_equal(queue_open(key, &r, view(out, len), back,
			     QUEUE_RECORD_MAX, &n),
	    ERR_OK);
	assert_int_equal(n, QUEUE_RECORD_MAX);
	assert_memory_equal(in, back, n);
	assert_int_equal(queue_open(key, &r, view(out, len + 1), back, cap, &n),
	    ERR_TOOBIG);
	free(in);
	free(out);
	free(back);
	queue_sealer_free(&s);
}

static void
no_key(struct rd bad)
{
	struct queue_sealer *s = NULL;
	struct why why = {""};

	assert_int_equal(queue_sealer_new(bad, &s, &why), ERR_MALFORMED);
	assert_null(s);
	assert_non_null(strstr(why.text, "RSA"));
}

static void
bad_spki(const uint8_t *p, size_t len)
{
	no_key(view(p, len));
}

static void
other_keys_are_refused(void **state)
{
	EVP_PKEY *small = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	uint8_t *p = NULL, *longer = malloc(spki_len + 1);
	size_t n;

	(void)state;
	assert_true(small != NULL && ec != NULL && longer != NULL);
	each_prefix(spki, spki_len, bad_spki);
	memcpy(longer, spki, spki_len);
	longer[spki_len] = 0;
	no_key(view(longer, spki_len + 1));
	n = public_of(small, &p);
	no_key(view(p, n));
	OPENSSL_free(p);
	p = NULL;
	n = public_of(ec, &p);
	no_key(view(p, n));
	OPENSSL_free(p);
	free(longer);
	EVP_PKEY_free(small);
	EVP_PKEY_free(ec);
}

static void
a_liids_digest_depends_on_the_kms_and_the_liid(void **state)
{
	/* SHA-256 of 32 octets of zero, then "LIID-1": by another program. */
	static const char expected[] =
	    "f77d90aa19516ad0378c0a269a697444e36badc10825a5918024d6d36869089c";
	uint8_t kms[QUEUE_DIGEST_LEN] = {0}, a[QUEUE_DIGEST_LEN],
		b[QUEUE_DIGEST_LEN], want[QUEUE_DIGEST_LEN];

	(void)state;
	assert_int_equal(hex_get(expected, want, sizeof(want)), ERR_OK);
	assert_int_equal(queue_digest(kms, view("LIID-1", 6), a), ERR_OK);
	assert_memory_equal(a, want, sizeof(a));
	assert_int_equal(queue_digest(kms, view("LIID-2", 6), b), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	kms[0] = 1;
	assert_int_equal(queue_digest(kms, view("LIID-1", 6), b), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_sealed_is_opened_with_the_unwrapped_key),
	    cmocka_unit_test(each_life_has_a_data_key_of_its_own),
	    cmocka_unit_test(no_row_can_be_changed_or_moved),
	    cmocka_unit_test(no_row_takes_a_place_in_another_table),
	    cmocka_unit_test(no_bit_of_the_sealed_octets_can_be_changed),
	    cmocka_unit_test(no_prefix_opens),
	    cmocka_unit_test(a_nonce_is_never_used_twice),
	    cmocka_unit_test(a_failed_seal_uses_no_nonce),
	    cmocka_unit_test(records_up_to_the_limit),
	    cmocka_unit_test(other_keys_are_refused),
	    cmocka_unit_test(a_liids_digest_depends_on_the_kms_and_the_liid),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
