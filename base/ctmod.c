#include <string.h>

#include "base/ctmod.h"

#define WORDS ((CTMOD_MAX + 7) / 8 + 1)

static void
load(uint64_t *w, size_t n, const uint8_t *be, size_t len)
{
	memset(w, 0, n * sizeof(*w));
	for (size_t i = 0; i < len; i++)
		w[i / 8] |= (uint64_t)be[len - 1 - i] << (8 * (i % 8));
}

/* r = 2r + bit, then minus m if that is not negative. */
static void
shift_in(uint64_t *r, uint64_t bit, const uint64_t *m, size_t n)
{
	uint64_t t[WORDS], borrow = 0, mask;

	for (size_t i = 0; i < n; i++) {
		uint64_t out = r[i] >> 63;

		r[i] = r[i] << 1 | bit;
		bit = out;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned __int128 d = (unsigned __int128)r[i] - m[i] - borrow;

		t[i] = (uint64_t)d;
		borrow = (uint64_t)(d >> 64) & 1;
	}
	mask = borrow - 1;
	for (size_t i = 0; i < n; i++)
		r[i] = (t[i] & mask) | (r[i] & ~mask);
}

enum err
ct_mod(uint8_t *out, const uint8_t *in, size_t in_len, const uint8_t *m,
    size_t m_len)
{
	uint64_t r[WORDS] = {0}, mw[WORDS];
	const size_t n = (m_len + 7) / 8 + 1; /* one word for the shift */

	if (m_len == 0 || m_len > CTMOD_MAX)
		return ERR_TOOBIG;
	load(mw, n, m, m_len);
	for (size_t i = 0; i < in_len; i++)
		for (int b = 7; b >= 0; b--)
			shift_in(r, (uint64_t)(in[i] >> b & 1), mw, n);
	for (size_t i = 0; i < m_len; i++)
		out[m_len - 1 - i] = (uint8_t)(r[i / 8] >> (8 * (i % 8)));
	explicit_bzero(r, sizeof(r));
	return ERR_OK;
}

void
ct_add_one(uint8_t *out, const uint8_t *a, size_t len)
{
	unsigned carry = 1;

	for (size_t i = len; i-- > 0;) {
		unsigned v = a[i] + carry;

		out[i] = (uint8_t)v;
		carry = v >> 8;
	}
}
