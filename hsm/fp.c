#include <string.h>

#include <openssl/rand.h>

#include "base/secret.h"
#include "hsm/fp.h"
#include "hsm/fp_word.h"

typedef unsigned __int128 u128;

static inline void
select_words(uint64_t *r, const uint64_t *if_set, const uint64_t *if_clear,
    uint64_t mask)
{
#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		r[i] = (if_set[i] & mask) | (if_clear[i] & ~mask);
}

/* r = (carry, t) - p if that is not negative, else t. */
static inline void
reduce_once(uint64_t *r, const uint64_t *t, uint64_t carry,
    const struct fp_field *f)
{
	fp_carry borrow = 0;
	uint64_t s[FP_WORDS];

#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		s[i] = sub_word(t[i], f->p[i], &borrow);
	select_words(r, s, t, 0 - (carry | (uint64_t)(borrow ^ 1)));
}

void
fp_mul_portable(uint64_t *r, const uint64_t *a, const uint64_t *b,
    const struct fp_field *f)
{
	uint64_t t[FP_WORDS + 1] = {0};

	for (int i = 0; i < FP_WORDS; i++) {
		uint64_t c = 0, top, m;
		u128 x;

#pragma GCC unroll 8
		for (int j = 0; j < FP_WORDS; j++) {
			x = (u128)a[j] * b[i] + t[j] + c;
			t[j] = (uint64_t)x;
			c = (uint64_t)(x >> 64);
		}
		top = t[FP_WORDS] + c; /* see fp_adx.c: does not overflow */
		m = t[0] * f->pinv;
		x = (u128)m * f->p[0] + t[0];
		c = (uint64_t)(x >> 64);
#pragma GCC unroll 8
		for (int j = 1; j < FP_WORDS; j++) {
			x = (u128)m * f->p[j] + t[j] + c;
			t[j - 1] = (uint64_t)x;
			c = (uint64_t)(x >> 64);
		}
		x = (u128)top + c;
		t[FP_WORDS - 1] = (uint64_t)x;
		t[FP_WORDS] = (uint64_t)(x >> 64);
	}
	reduce_once(r, t, t[FP_WORDS], f);
}

void
fp_use_portable(struct fp_field *f)
{
	f->mul = fp_mul_portable;
}

static fp_mul_fn *
choose_mul(void)
{
#ifdef __x86_64__
	if (fp_adx_usable())
		return fp_mul_adx;
#endif
	return fp_mul_portable;
}

const char *
fp_mul_name(const struct fp_field *f)
{
	return f->mul == fp_mul_portable ? "portable C" : "mulx/adx";
}

void
fp_exp_from_mpz(struct fp_exp *e, const mpz_t a)
{
	*e = (struct fp_exp){.bits = (unsigned)mpz_sizeinbase(a, 2)};
	mpz_export(e->v, NULL, -1, 8, 0, 0, a);
}

bool
fp_exp_bit(const struct fp_exp *e, unsigned bit)
{
	return (e->v[bit / 64] >> (bit % 64) & 1) == 1;
}

void
fp_from_mpz(struct fp *r, const mpz_t a, const struct fp_field *f)
{
	struct fp t = {{0}};

	mpz_export(t.v, NULL, -1, 8, 0, 0, a);
	fp_mul(r, &t, &f->rr, f);
}

void
fp_to_mpz(mpz_t r, const struct fp *a, const struct fp_field *f)
{
	struct fp plain = {{1}};

	fp_mul(&plain, a, &plain, f);
	mpz_import(r, FP_WORDS, -1, 8, 0, 0, plain.v);
}

/* The constants that need division: R^2, 1/2 and the root exponents. */
static void
field_constants(struct fp_field *f, const mpz_t p)
{
	mpz_t t;

	mpz_init(t);
	mpz_setbit(t, 1024);
	mpz_mod(t, t, p);
	mpz_export(f->rr.v, NULL, -1, 8, 0, 0, t);
	mpz_set_ui(t, 1);
	fp_from_mpz(&f->one, t, f);
	mpz_set_ui(t, 2);
	fp_from_mpz(&f->two, t, f);
	mpz_invert(t, t, p);
	fp_from_mpz(&f->half, t, f);
	mpz_add_ui(t, p, 1);
	mpz_divexact_ui(t, t, 4);
	fp_exp_from_mpz(&f->sqrt_exp, t);
	mpz_mul_ui(t, p, 2);
	mpz_sub_ui(t, t, 1);
	mpz_divexact_ui(t, t, 3);
	fp_exp_from_mpz(&f->cbrt_exp, t);
	mpz_clear(t);
}

enum err
fp_field_init(struct fp_field *f, const mpz_t p)
{
	uint64_t inv = 1;

	if (mpz_sgn(p) <= 0 || mpz_sizeinbase(p, 2) > 64 * FP_WORDS ||
	    mpz_sizeinbase(p, 2) < 64 || mpz_fdiv_ui(p, 12) != 11)
		return ERR_UNSUPPORTED;
	*f = (struct fp_field){.mul = choose_mul(),
	    .len = (mpz_sizeinbase(p, 2) + 7) / 8};
	mpz_export(f->p, NULL, -1, 8, 0, 0, p);
	if (f->p[FP_WORDS - 1] == UINT64_MAX)
		return ERR_UNSUPPORTED;
	for (int i = 0; i < 6; i++) /* Newton: bits of 1/p double */
		inv *= 2 - f->p[0] * inv;
	f->pinv = 0 - inv;
	field_constants(f, p);
	return ERR_OK;
}

void
fp_mul(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f)
{
	f->mul(r->v, a->v, b->v, f);
}

void
fp_sqr(struct fp *r, const struct fp *a, const struct fp_field *f)
{
	f->mul(r->v, a->v, a->v, f);
}

void
fp_add(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f)
{
	fp_carry carry = 0;
	uint64_t t[FP_WORDS];

#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		t[i] = add_word(a->v[i], b->v[i], &carry);
	reduce_once(r->v, t, carry, f);
}

void
fp_sub(struct fp *r, const struct fp *a, const struct fp *b,
    const struct fp_field *f)
{
	fp_carry borrow = 0, carry = 0;
	uint64_t t[FP_WORDS], mask;

#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		t[i] = sub_word(a->v[i], b->v[i], &borrow);
	mask = 0 - (uint64_t)borrow;
#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		r->v[i] = add_word(t[i], f->p[i] & mask, &carry);
}

void
fp_neg(struct fp *r, const struct fp *a, const struct fp_field *f)
{
	fp_sub(r, &f->zero, a, f);
}

uint64_t
fp_mask_equal(const struct fp *a, const struct fp *b)
{
	uint64_t d = 0;

	for (int i = 0; i < FP_WORDS; i++)
		d |= a->v[i] ^ b->v[i];
	return ((d | (0 - d)) >> 63) - 1;
}

uint64_t
fp_mask_zero(const struct fp *a)
{
	static const struct fp zero;

	return fp_mask_equal(a, &zero);
}

void
fp_cmov(struct fp *r, const struct fp *a, uint64_t mask)
{
	select_words(r->v, a->v, r->v, mask);
}

void
fp_inv_vartime(struct fp *r, const struct fp *a, const struct fp_field *f)
{
	mpz_t x, p;

	mpz_inits(x, p, NULL);
	mpz_import(p, FP_WORDS, -1, 8, 0, 0, f->p);
	fp_to_mpz(x, a, f);
	if (mpz_invert(x, x, p) == 0)
		mpz_set_ui(x, 0);
	fp_from_mpz(r, x, f);
	mpz_clears(x, p, NULL);
}

/* Uniform below p, by rejection: what is rejected is of no use to anyone. */
static enum err
random_element(struct fp *r, const struct fp_field *f)
{
	const size_t words = (f->len + 7) / 8;
	const unsigned spare = (unsigned)__builtin_clzll(f->p[words - 1]);
	fp_carry borrow;

	do {
		*r = f->zero;
		if (RAND_priv_bytes((unsigned char *)r->v, (int)(8 * words)) !=
		    1)
			return ERR_CRYPTO;
		r->v[words - 1] >>= spare;
		borrow = 0;
		for (int i = 0; i < FP_WORDS; i++)
			(void)sub_word(r->v[i], f->p[i], &borrow);
	} while (borrow == 0);
	return ERR_OK;
}

enum err
fp_inv(struct fp *r, const struct fp *a, const struct fp_field *f)
{
	struct fp blind, t;
	enum err rc;

	if ((rc = random_element(&blind, f)) != ERR_OK)
		return rc;
	CT_SECRET(&blind, sizeof(blind));
	fp_mul(&t, a, &blind, f);
	/* a times an unknown uniform value tells nothing about a, unless 0. */
	CT_PUBLIC(&t, sizeof(t));
	fp_inv_vartime(&t, &t, f);
	fp_mul(r, &t, &blind, f);
	explicit_bzero(&blind, sizeof(blind));
	return ERR_OK;
}

void
fp_pow(struct fp *r, const struct fp *a, const struct fp_exp *e,
    const struct fp_field *f)
{
	struct fp table[16], acc = f->one;
	unsigned i = (e->bits + 3) / 4;

	table[0] = f->one;
	for (int k = 1; k < 16; k++)
		fp_mul(&table[k], &table[k - 1], a, f);
	while (i-- > 0) {
		unsigned w = (unsigned)(e->v[i / 16] >> (4 * (i % 16)) & 15);

		for (int k = 0; k < 4; k++)
			fp_sqr(&acc, &acc, f);
		if (w != 0) /* the exponent is public */
			fp_mul(&acc, &acc, &table[w], f);
	}
	*r = acc;
	explicit_bzero(table, sizeof(table));
}

enum err
fp_from_be(struct fp *r, const uint8_t *p, size_t len, const struct fp_field *f)
{
	fp_carry borrow = 0;
	struct fp t = {{0}};

	if (len > FP_OCTETS)
		return ERR_MALFORMED;
	for (size_t i = 0; i < len; i++)
		t.v[i / 8] |= (uint64_t)p[len - 1 - i] << (8 * (i % 8));
	for (int i = 0; i < FP_WORDS; i++)
		(void)sub_word(t.v[i], f->p[i], &borrow);
	CT_PUBLIC(&borrow, sizeof(borrow)); /* holds for all honest input */
	if (borrow == 0)
		return ERR_MALFORMED;
	fp_mul(r, &t, &f->rr, f);
	return ERR_OK;
}

void
fp_to_be(uint8_t *out, const struct fp *a, const struct fp_field *f)
{
	struct fp plain = {{1}};

	fp_mul(&plain, a, &plain, f);
	for (size_t i = 0; i < f->len; i++)
		out[f->len - 1 - i] =
		    (uint8_t)(plain.v[i / 8] >> (8 * (i % 8)));
	explicit_bzero(&plain, sizeof(plain));
}

void
fp2_mul(struct fp2 *r, const struct fp2 *x, const struct fp2 *y,
    const struct fp_field *f)
{
	struct fp aa, bb, s, t;

	fp_add(&s, &x->a, &x->b, f);
	fp_add(&t, &y->a, &y->b, f);
	fp_mul(&aa, &x->a, &y->a, f);
	fp_mul(&bb, &x->b, &y->b, f);
	fp_mul(&s, &s, &t, f);
	fp_sub(&s, &s, &aa, f);
	fp_sub(&r->b, &s, &bb, f);
	fp_sub(&r->a, &aa, &bb, f);
}

void
fp2_sqr(struct fp2 *r, const struct fp2 *x, const struct fp_field *f)
{
	struct fp s, d, m;

	fp_add(&s, &x->a, &x->b, f);
	fp_sub(&d, &x->a, &x->b, f);
	fp_mul(&m, &x->a, &x->b, f);
	fp_mul(&r->a, &s, &d, f);
	fp_add(&r->b, &m, &m, f);
}
