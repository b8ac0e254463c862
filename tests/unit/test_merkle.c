#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "help.h"
#include "policy/merkle.h"
#include "base/limits.h"

/* The tree of the tests of certificate-transparency; roots of sizes 0 to 8. */
static const char *const ct_leaf[] = {"", "00", "10", "2021", "3031",
    "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
static const char *const ct_root[] =
    {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

static void
root_is(const struct merkle *m, const char *hex)
{
	uint8_t want[MERKLE_HASH_LEN], got[MERKLE_HASH_LEN];

	assert_int_equal(hex_get(hex, want, sizeof(want)), ERR_OK);
	assert_int_equal(merkle_root(m, got), ERR_OK);
	assert_memory_equal(got, want, sizeof(want));
}

static void
the_tree_of_certificate_transparency_has_its_roots(void **state)
{
	struct merkle m;

	(void)state;
	merkle_init(&m);
	root_is(&m, ct_root[0]);
	for (size_t i = 0; i < 8; i++) {
		uint8_t h[MERKLE_HASH_LEN], *leaf;
		size_t len;

		leaf = unhex(ct_leaf[i], &len);
		assert_int_equal(merkle_leaf_hash(view(leaf, len), h), ERR_OK);
		free(leaf);
		assert_int_equal(merkle_add(&m, h), ERR_OK);
		assert_true(m.size == i + 1);
		root_is(&m, ct_root[i + 1]);
		root_is(&m, ct_root[i + 1]); /* asking changes nothing */
	}
}

static void
sha256(const uint8_t *p, size_t len, uint8_t out[32])
{
	assert_int_equal(EVP_Digest(p, len, out, NULL, EVP_sha256(), NULL), 1);
}

/* RFC 6962 clause 2.1 word for word: D[n] as leaf i = i as four octets. */
static void
mth(uint32_t first, uint32_t n, uint8_t out[32])
{
	uint8_t buf[65] = {0x01};
	uint32_t k = 1;

	if (n == 1) {
		const uint8_t leaf[] = {0x00, (uint8_t)(first >> 24),
		    (uint8_t)(first >> 16), (uint8_t)(first >> 8),
		    (uint8_t)first};

		sha256(leaf, sizeof(leaf), out);
		return;
	}
	while (2 * k < n)
		k *= 2;
	mth(first, k, buf + 1);
	mth(first + k, n - k, buf + 33);
	sha256(buf, sizeof(buf), out);
}

static void
roots_of_all_sizes_agree_with_the_recursive_definition(void **state)
{
	uint8_t want[32], got[32], h[32];
	struct merkle m;

	(void)state;
	merkle_init(&m);
	for (uint32_t i = 0; i < 300; i++) {
		const uint8_t leaf[] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16),
		    (uint8_t)(i >> 8), (uint8_t)i};

		assert_int_equal(merkle_leaf_hash(view(leaf, 4), h), ERR_OK);
		mth(i, 1, want);
		assert_memory_equal(h, want, 32);
		assert_int_equal(merkle_add(&m, h), ERR_OK);
		assert_int_equal(merkle_root(&m, got), ERR_OK);
		mth(0, i + 1, want);
		assert_memory_equal(got, want, 32);
	}
}

/* The edge is kept from the largest subtree to the smallest. */
static void
the_edge_has_one_root_for_each_bit_of_the_size(void **state)
{
	uint8_t h[32] = {0}, want[32];
	struct merkle m;

	(void)state;
	merkle_init(&m);
	assert_true(m.size == 0 && m.n == 0);
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t at = 0;
		unsigned n = 0;

		mth(i, 1, h);
		assert_int_equal(merkle_add(&m, h), ERR_OK);
		for (uint32_t bit = 128; bit != 0; bit >>= 1)
			if (((i + 1) & bit) != 0) {
				mth(at, bit, want);
				assert_memory_equal(m.edge[n], want, 32);
				at += bit;
				n++;
			}
		assert_int_equal(m.n, n);
	}
}

static void
a_leaf_is_hashed_apart_from_nodes(void **state)
{
	uint8_t node[65] = {0x01}, a[32], b[32];

	(void)state;
	/* 64 octets that are two hashes: as a leaf another value than above */
	assert_int_equal(merkle_leaf_hash(view(node + 1, 64), a), ERR_OK);
	sha256(node, sizeof(node), b);
	assert_memory_not_equal(a, b, 32);
	node[0] = 0x00;
	sha256(node, sizeof(node), b);
	assert_memory_equal(a, b, 32);
}

static void
leaves_up_to_the_limit_of_the_log_are_hashed(void **state)
{
	static uint8_t big[1 + MAX_AUDIT_LEAF];
	uint8_t got[32], want[32];

	(void)state;
	memset(big + 1, 0x5a, MAX_AUDIT_LEAF);
	sha256(big, sizeof(big), want);
	assert_int_equal(merkle_leaf_hash(view(big + 1, MAX_AUDIT_LEAF), got),
	    ERR_OK);
	assert_memory_equal(got, want, 32);
}

static void
a_copy_of_a_tree_grows_by_itself(void **state)
{
	uint8_t h[32], one[32], two[32];
	struct merkle m, copy;

	(void)state;
	merkle_init(&m);
	for (uint32_t i = 0; i < 7; i++) {
		mth(i, 1, h);
		assert_int_equal(merkle_add(&m, h), ERR_OK);
	}
	copy = m;
	mth(7, 1, h);
	assert_int_equal(merkle_add(&copy, h), ERR_OK);
	assert_int_equal(merkle_root(&m, one), ERR_OK);
	mth(0, 7, two);
	assert_memory_equal(one, two, 32);
	assert_int_equal(merkle_root(&copy, one), ERR_OK);
	mth(0, 8, two);
	assert_memory_equal(one, two, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		the_tree_of_certificate_transparency_has_its_roots),
	    cmocka_unit_test(
		roots_of_all_sizes_agree_with_the_recursive_definition),
	    cmocka_unit_test(the_edge_has_one_root_for_each_bit_of_the_size),
	    cmocka_unit_test(a_leaf_is_hashed_apart_from_nodes),
	    cmocka_unit_test(leaves_up_to_the_limit_of_the_log_are_hashed),
	    cmocka_unit_test(a_copy_of_a_tree_grows_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
