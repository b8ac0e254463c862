/*
 * integrity: hash and signature PDUs, their numbers, what is remembered of
 * LIIDs and CINs, and the checks for the other end.  unit.deliver has the two
 * ends together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "help.h"
#include "hi2/integrity.h"

#define SLOTS 8
#define WALL 1700000000

static struct integrity *it;
static uint8_t out[INTEGRITY_PDU_MAX];
static size_t out_len;
static struct integrity_covered covered;

static struct integrity_config
config(bool sign)
{
	struct integrity_config c = {.hash = TRI_SHA256,
	    .hash_pdus = 3,
	    .hash_ms = 100,
	    .sign = sign,
	    .sign_hashes = 2,
	    .sign_ms = 1000};

	assert_int_equal(iri_profile_named("etsi", &c.profile), ERR_OK);
	assert_int_equal(iri_profile_set(&c.profile, "operator_id", "OP", NULL),
	    ERR_OK);
	return c;
}

static void
begin(const struct integrity_config *c)
{
	assert_int_equal(integrity_new(c, SLOTS, &it), ERR_OK);
}

/* A record of which only the header and the octets matter. */
static void
add(const char *liid, uint32_t cin, uint32_t sequence, const char *octets,
    uint32_t slot, int64_t now)
{
	const struct ps_pdu p = {.liid = view(liid, strlen(liid)),
	    .has_cin = true,
	    .cin = cin,
	    .sequence = sequence};

	assert_int_equal(integrity_add(it, &p, view(octets, strlen(octets)),
			     slot, now),
	    ERR_OK);
}

/* What was made last: its header and check. */
static struct tri_integrity
made(const char *liid, uint32_t cin, uint32_t sequence)
{
	struct ps_pdu p;
	struct tri t;

	assert_int_equal(ps_pdu_read(view(out, out_len), &p), ERR_OK);
	assert_true(rd_is(&p.liid, liid, strlen(liid)));
	assert_int_equal(p.cin, cin);
	assert_int_equal(p.sequence, sequence);
	assert_int_equal(p.seconds, WALL);
	assert_int_equal(tri_read(p.payload, &t), ERR_OK);
	assert_int_equal(t.kind, TRI_INTEGRITY_CHECK);
	assert_int_equal(t.u.integrity.data, TRI_DATA_IRI);
	return t.u.integrity;
}

static enum err
hash(int64_t now)
{
	return integrity_hash(it, now, WALL, out, &out_len, &covered);
}

static void
assert_included(struct tri_integrity c, const uint32_t *numbers, size_t n)
{
	uint32_t got;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tri_included_get(&c.included, &got), ERR_OK);
		assert_int_equal(got, numbers[i]);
	}
	assert_int_equal(c.included.left, 0);
}

static void
assert_covered(const uint32_t *slots, size_t n)
{
	uint32_t got;

	for (size_t i = 0; i < n; i++) {
		assert_true(integrity_covered(it, &covered, &got));
		assert_int_equal(got, slots[i]);
	}
	assert_false(integrity_covered(it, &covered, &got));
}

static void
a_hash_is_over_the_octets_in_order(void **state)
{
	const struct integrity_config c = config(false);
	uint8_t want[SHA256_DIGEST_LENGTH];
	struct tri_integrity check;

	(void)state;
	begin(&c);
	add("A", 1, 70, "ab", 4, 0);
	add("B", 1, 5, "zz", 3, 0);
	add("A", 1, 71, "c", 2, 10);
	assert_int_equal(hash(20), ERR_AGAIN);
	assert_int_equal(integrity_due(it), 100);
	add("A", 1, 4000000000, "def", 0, 30);
	assert_int_equal(hash(30), ERR_OK);
	check = made("A", 1, 0);
	(void)SHA256((const uint8_t *)"abcdef", 6, want);
	assert_true(rd_is(&check.value, want, sizeof(want)));
	assert_int_equal(check.check, TRI_CHECK_HASH);
	assert_int_equal(check.hash, TRI_SHA256);
	assert_int_equal(check.signature, TRI_SIGNATURE_NONE);
	assert_included(check, (const uint32_t[]){70, 71, 4000000000}, 3);
	assert_covered((const uint32_t[]){4, 2, 0}, 3);
	assert_int_equal(hash(99), ERR_AGAIN);
	assert_int_equal(hash(100), ERR_OK);
	assert_included(made("B", 1, 0), (const uint32_t[]){5}, 1);
	assert_covered((const uint32_t[]){3}, 1);
	assert_int_equal(integrity_due(it), INT64_MAX);
	add("A", 1, 72, "g", 1, 200);
	add("A", 2, 0, "g", 2, 200);
	integrity_flush(it);
	assert_int_equal(hash(200), ERR_OK);
	(void)made("A", 1, 1);
	assert_int_equal(hash(200), ERR_OK);
	(void)made("A", 2, 0);
	integrity_reset(it);
	add("A", 1, 73, "h", 1, 300);
	assert_int_equal(hash(400), ERR_OK);
	(void)made("A", 1, 0);
	integrity_free(&it);
	integrity_free(&it);
}

/* Of more than two for each slot the longest unused begin from 0 again. */
static void
unused_groups_are_forgotten(void **state)
{
	const struct integrity_config c = config(false);

	(void)state;
	begin(&c);
	for (uint32_t cin = 0; cin < 100; cin++) {
		add("A", cin, 0, "x", cin % SLOTS, 0);
		integrity_flush(it);
		assert_int_equal(hash(0), ERR_OK);
		(void)made("A", cin, 0);
		/* One that is used stays. */
		add("B", 7, cin, "x", cin % SLOTS, 0);
		integrity_flush(it);
		assert_int_equal(hash(0), ERR_OK);
		(void)made("B", 7, cin);
	}
	for (uint32_t n = 0; n < 2; n++) {
		const uint32_t cin = n == 0 ? 99 : 1;

		add("A", cin, 1, "x", 0, 0);
		integrity_flush(it);
		assert_int_equal(hash(0), ERR_OK);
		(void)made("A", cin, n == 0 ? 1 : 0);
	}
	integrity_free(&it);
}

static void
signatures_gather_hashes(void **state)
{
	const struct integrity_config c = config(true);
	struct tri_integrity check;
	uint8_t values[3][SHA256_DIGEST_LENGTH];
	uint64_t number = 0, second = 0;
	struct rd octets;

	(void)state;
	begin(&c);
	for (uint32_t i = 0; i < 3; i++) {
		add("A", 1, i, "x", i, i);
		integrity_cut(it,
		    &(struct ps_pdu){.liid = view("A", 1),
			.has_cin = true,
			.cin = 1});
		assert_int_equal(hash(i), ERR_OK);
		check = made("A", 1, i);
		memcpy(values[i], check.value.p, sizeof(values[i]));
		assert_covered(NULL, 0);
		/* Two hashes are enough, and one signature is under way. */
		assert_int_equal(integrity_to_sign(it, &second, &octets),
		    i == 1);
		if (i == 1) {
			number = second;
			assert_int_equal(octets.left, sizeof(values[0]) * 2);
			assert_memory_equal(octets.p, values, octets.left);
		}
	}
	assert_int_equal(integrity_signature(it, number, view("sig", 3), 50,
			     WALL, out, &out_len, &covered),
	    ERR_OK);
	check = made("A", 1, 0);
	assert_int_equal(check.check, TRI_CHECK_SIGNATURE);
	assert_int_equal(check.signature, TRI_ECDSA);
	assert_true(rd_is(&check.value, "sig", 3));
	assert_included(check, (const uint32_t[]){0, 1}, 2);
	assert_covered((const uint32_t[]){0, 1}, 2);
	assert_false(integrity_to_sign(it, &second, &octets));
	assert_int_equal(integrity_due(it), 1002);
	assert_int_equal(hash(1002), ERR_AGAIN);
	assert_true(integrity_to_sign(it, &second, &octets));
	assert_int_not_equal(second, number);
	assert_true(rd_is(&octets, values[2], sizeof(values[2])));
	integrity_reset(it); /* a signature of before is no news */
	assert_int_equal(integrity_signature(it, second, view("sig", 3), 1002,
			     WALL, out, &out_len, &covered),
	    ERR_AGAIN);
	integrity_free(&it);
}

static void
hashed(uint32_t cin, uint32_t sequence, int64_t now)
{
	add("A", cin, sequence, "x", 0, now);
	integrity_cut(it,
	    &(struct ps_pdu){.liid = view("A", 1),
		.has_cin = true,
		.cin = cin});
	assert_int_equal(hash(now), ERR_OK);
}

/* One that cannot be had holds the others back until one can. */
static void
signing_goes_on_with_the_next_signature(void **state)
{
	const struct integrity_config c = config(true);
	const struct rd none = {NULL, 0};
	uint64_t number[2], third;
	struct rd octets;

	(void)state;
	begin(&c);
	for (uint32_t cin = 1; cin <= 3; cin++) {
		hashed(cin, 0, 0);
		hashed(cin, 1, 0);
	}
	assert_true(integrity_to_sign(it, &number[0], &octets));
	assert_true(integrity_to_sign(it, &number[1], &octets));
	assert_int_equal(integrity_signature(it, number[1], none, 5, WALL, out,
			     &out_len, &covered),
	    ERR_AGAIN);
	assert_false(integrity_to_sign(it, &third, &octets));
	assert_int_equal(integrity_signature(it, number[0], view("s", 1), 6,
			     WALL, out, &out_len, &covered),
	    ERR_OK);
	assert_true(integrity_to_sign(it, &third, &octets));
	assert_true(integrity_to_sign(it, &third, &octets));
	assert_false(integrity_to_sign(it, &third, &octets));
	integrity_free(&it);
}

/* What gathers while a signature is waited for is as old as its first hash. */
static void
the_oldest_batch_is_signed_first(void **state)
{
	const struct integrity_config c = config(true);
	uint64_t number;
	struct rd octets;

	(void)state;
	begin(&c);
	hashed(1, 0, 0);
	hashed(1, 1, 0);
	assert_true(integrity_to_sign(it, &number, &octets));
	hashed(1, 2, 10);
	hashed(2, 0, 20);
	assert_int_equal(integrity_due(it), 1020);
	assert_int_equal(integrity_signature(it, number, view("s", 1), 50, WALL,
			     out, &out_len, &covered),
	    ERR_OK);
	assert_int_equal(integrity_due(it), 1010);
	assert_int_equal(hash(1010), ERR_AGAIN);
	assert_true(integrity_to_sign(it, &number, &octets));
	assert_int_equal(octets.left, SHA256_DIGEST_LENGTH);
	assert_false(integrity_to_sign(it, &number, &octets));
	assert_int_equal(integrity_due(it), 1020);
	integrity_free(&it);
}

/* While one signature is waited for, more hashes gather than one PDU takes. */
static void
a_signature_has_a_limit_of_hashes(void **state)
{
	const struct integrity_config c = config(true);
	uint64_t number;
	struct rd octets;

	(void)state;
	begin(&c);
	for (uint32_t i = 0; i < 7; i++) {
		add("A", 1, i, "x", i, 0);
		integrity_flush(it);
		assert_int_equal(hash(0), ERR_OK);
	}
	for (uint32_t i = 0; i < 4; i++) { /* 0; 1, 2; 3, 4; 5, 6 */
		const uint32_t n = i == 0 ? 1 : 2;

		assert_true(integrity_to_sign(it, &number, &octets));
		assert_int_equal(octets.left, n * SHA256_DIGEST_LENGTH);
		assert_int_equal(integrity_signature(it, number, view("s", 1),
				     0, WALL, out, &out_len, &covered),
		    ERR_OK);
		if (i == 0)
			assert_included(made("A", 1, 0), (const uint32_t[]){0},
			    1);
		else
			assert_included(made("A", 1, i),
			    (const uint32_t[]){2 * i - 1, 2 * i}, 2);
	}
	assert_false(integrity_to_sign(it, &number, &octets));
	integrity_free(&it);
}

static void
configurations_are_checked(void **state)
{
	const struct integrity_config good = config(true);
	struct integrity_config c;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		c = good;
		c.hash = i == 0 ? TRI_SHA1 : c.hash;
		c.hash_pdus = i == 1 ? 0 : c.hash_pdus;
		c.hash_ms = i == 2 ? 0 : c.hash_ms;
		c.sign_hashes = i == 3 ? 0 : i == 4 ? 1025 : c.sign_hashes;
		c.sign_ms = i == 5 ? 0 : c.sign_ms;
		c.profile.operator_id[0] = i == 6 ? '\0' : 'O';
		assert_int_equal(integrity_new(&c, SLOTS, &it),
		    i == 7 ? ERR_OK : ERR_MALFORMED);
	}
	integrity_free(&it);
	assert_int_equal(integrity_new(&c, 0, &it), ERR_MALFORMED);
	assert_int_equal(integrity_new(&c, INTEGRITY_SLOTS_MAX + 1, &it),
	    ERR_MALFORMED);
}

/* ---- the other end ---- */

static size_t
spki_of(EVP_PKEY *k, uint8_t *spki)
{
	uint8_t *p = spki;
	const int n = i2d_PUBKEY(k, &p);

	assert_true(n > 0);
	return (size_t)n;
}

static void
hashes_are_verified(void **state)
{
	static const enum tri_hash hashes[] = {TRI_SHA256, TRI_SHA384,
	    TRI_SHA512};
	const struct rd pdus[] = {view("ab", 2), view("c", 1)};
	struct tri_integrity check;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct integrity_config c = config(false);

		c.hash = hashes[i];
		begin(&c);
		add("A", 1, 0, "ab", 0, 0);
		add("A", 1, 1, "c", 1, 0);
		assert_int_equal(hash(100), ERR_OK);
		check = made("A", 1, 0);
		assert_int_equal(check.hash, hashes[i]);
		assert_int_equal(integrity_verify_hash(&check, pdus, 2),
		    ERR_OK);
		assert_int_equal(integrity_verify_hash(&check, pdus, 1),
		    ERR_CRYPTO);
		check.value.left--;
		assert_int_equal(integrity_verify_hash(&check, pdus, 2),
		    ERR_CRYPTO);
		check.hash = TRI_SHA1;
		assert_int_equal(integrity_verify_hash(&check, pdus, 2),
		    ERR_UNSUPPORTED);
		check.hash = TRI_HASH_NONE;
		assert_int_equal(integrity_verify_hash(&check, pdus, 2),
		    ERR_UNSUPPORTED);
		integrity_free(&it);
	}
}

static void
signatures_are_verified(void **state)
{
	const struct rd values[] = {view("ab", 2), view("c", 1)};
	struct tri_integrity check = {.check = TRI_CHECK_SIGNATURE,
	    .signature = TRI_ECDSA};
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-384");
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t sig[128], spki[256];
	size_t n = sizeof(sig), len;

	(void)state;
	assert_true(key != NULL && other != NULL && c != NULL);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key),
	    1);
	assert_int_equal(EVP_DigestSign(c, sig, &n, (const uint8_t *)"abc", 3),
	    1);
	check.value = view(sig, n);
	len = spki_of(key, spki);
	assert_int_equal(integrity_verify_signature(&check, view(spki, len),
			     values, 2),
	    ERR_OK);
	assert_int_equal(integrity_verify_signature(&check, view(spki, len),
			     values, 1),
	    ERR_CRYPTO);
	assert_int_equal(integrity_verify_signature(&check, view(spki, len - 1),
			     values, 2),
	    ERR_UNSUPPORTED);
	sig[n - 1] ^= 1;
	assert_int_equal(integrity_verify_signature(&check, view(spki, len),
			     values, 2),
	    ERR_CRYPTO);
	len = spki_of(other, spki);
	assert_int_equal(integrity_verify_signature(&check, view(spki, len),
			     values, 2),
	    ERR_UNSUPPORTED);
	check.signature = TRI_DSA;
	len = spki_of(key, spki);
	assert_int_equal(integrity_verify_signature(&check, view(spki, len),
			     values, 2),
	    ERR_UNSUPPORTED);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_MD_CTX_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hash_is_over_the_octets_in_order),
	    cmocka_unit_test(unused_groups_are_forgotten),
	    cmocka_unit_test(signatures_gather_hashes),
	    cmocka_unit_test(signing_goes_on_with_the_next_signature),
	    cmocka_unit_test(the_oldest_batch_is_signed_first),
	    cmocka_unit_test(a_signature_has_a_limit_of_hashes),
	    cmocka_unit_test(configurations_are_checked),
	    cmocka_unit_test(hashes_are_verified),
	    cmocka_unit_test(signatures_are_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
