/* Random numbers that can be had again. */
#include <string.h>

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "exchange_int.h"

enum err
exchange_rng_init(struct exchange_rng *g, bool seeded, uint64_t seed)
{
	static const char purpose[] = "lab-exchange";
	uint8_t in[sizeof(purpose) + 8];
	struct wr w;

	memset(g, 0, sizeof(*g));
	g->seeded = seeded;
	wr_init(&w, in, sizeof(in));
	wr_copy(&w, purpose, sizeof(purpose));
	wr_u64(&w, seed);
	if (w.rc != ERR_OK || SHA256(in, w.len, g->key) == NULL)
		return ERR_CRYPTO;
	return ERR_OK;
}

static enum err
next_block(struct exchange_rng *g)
{
	uint8_t in[sizeof(g->key) + 8];
	struct wr w;

	wr_init(&w, in, sizeof(in));
	wr_copy(&w, g->key, sizeof(g->key));
	wr_u64(&w, g->n++);
	if (w.rc != ERR_OK || SHA256(in, w.len, g->block) == NULL)
		return ERR_CRYPTO;
	g->left = sizeof(g->block);
	return ERR_OK;
}

enum err
exchange_rng_bytes(struct exchange_rng *g, void *out, size_t len)
{
	uint8_t *p = out;
	enum err rc;

	if (!g->seeded)
		return RAND_bytes(p, (int)len) == 1 ? ERR_OK : ERR_CRYPTO;
	for (size_t i = 0; i < len; i++) {
		if (g->left == 0 && (rc = next_block(g)) != ERR_OK)
			return rc;
		p[i] = g->block[sizeof(g->block) - g->left];
		g->left--;
	}
	return ERR_OK;
}

enum err
exchange_rng_u32(struct exchange_rng *g, uint32_t *out)
{
	uint8_t four[4];
	struct rd r;
	enum err rc;

	if ((rc = exchange_rng_bytes(g, four, sizeof(four))) != ERR_OK)
		return rc;
	rd_init(&r, four, sizeof(four));
	return rd_u32(&r, out);
}
