#include <string.h>

#include <openssl/evp.h>

#include "policy/merkle.h"

void
merkle_init(struct merkle *m)
{
	*m = (struct merkle){0};
}

static enum err
sha256(const uint8_t *p, size_t len, uint8_t *out)
{
	static EVP_MD *md;
	static EVP_MD_CTX *ctx;

	if (md == NULL) {
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
		ctx = EVP_MD_CTX_new();
	}
	if (md == NULL || ctx == NULL ||
	    EVP_DigestInit_ex2(ctx, md, NULL) != 1 ||
	    EVP_DigestUpdate(ctx, p, len) != 1 ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err
merkle_leaf_hash(struct rd leaf, uint8_t out[MERKLE_HASH_LEN])
{
	uint8_t buf[4097] = {0x00};

	if (leaf.left > sizeof(buf) - 1)
		return ERR_TOOBIG;
	memcpy(buf + 1, leaf.p, leaf.left);
	return sha256(buf, 1 + leaf.left, out);
}

/* SHA-256(01 || left || right); out may be either. */
static enum err
node(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	uint8_t buf[1 + 2 * MERKLE_HASH_LEN] = {0x01};

	memcpy(buf + 1, left, MERKLE_HASH_LEN);
	memcpy(buf + 1 + MERKLE_HASH_LEN, right, MERKLE_HASH_LEN);
	return sha256(buf, sizeof(buf), out);
}

enum err
merkle_add(struct merkle *m, const uint8_t leaf_hash[MERKLE_HASH_LEN])
{
	uint8_t h[MERKLE_HASH_LEN];
	unsigned n = m->n;
	enum err rc;

	memcpy(h, leaf_hash, sizeof(h));
	/* Each trailing 1 of the size is a subtree that is now doubled. */
	for (uint64_t s = m->size; (s & 1) != 0; s >>= 1)
		if ((rc = node(m->edge[--n], h, h)) != ERR_OK)
			return rc;
	memcpy(m->edge[n], h, sizeof(h));
	m->n = n + 1;
	m->size++;
	return ERR_OK;
}

enum err
merkle_root(const struct merkle *m, uint8_t out[MERKLE_HASH_LEN])
{
	enum err rc = ERR_OK;

	if (m->n == 0)
		return sha256((const uint8_t *)"", 0, out);
	memcpy(out, m->edge[m->n - 1], MERKLE_HASH_LEN);
	for (unsigned i = m->n - 1; i-- > 0 && rc == ERR_OK;)
		rc = node(m->edge[i], out, out);
	return rc;
}
