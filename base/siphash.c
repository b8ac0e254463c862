#include "base/siphash.h"

static uint64_t
little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static uint64_t
turn(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void
rounds(uint64_t v[4], unsigned n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[1] = turn(v[1], 13) ^ v[0];
		v[0] = turn(v[0], 32);
		v[2] += v[3];
		v[3] = turn(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = turn(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = turn(v[1], 17) ^ v[2];
		v[2] = turn(v[2], 32);
	}
}

static void
compress(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	rounds(v, 2);
	v[0] ^= m;
}

uint64_t
siphash(const uint8_t key[SIPHASH_KEY], struct rd octets)
{
	const uint64_t k0 = little(key, 8), k1 = little(key + 8, 8);
	const uint64_t whole = octets.left;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
	    k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
	struct rd word;

	while (rd_view(&octets, 8, &word) == ERR_OK)
		compress(v, little(word.p, 8));
	compress(v, little(octets.p, octets.left) | whole << 56);
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
