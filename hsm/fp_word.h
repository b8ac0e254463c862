/* fp_word: one word of an addition or subtraction, carry in and out. */
#ifndef HSM_FP_WORD_H
#define HSM_FP_WORD_H

#include <stdint.h>

#ifdef __x86_64__
#include <immintrin.h>

typedef unsigned char fp_carry;

static inline uint64_t
add_word(uint64_t a, uint64_t b, fp_carry *carry)
{
	unsigned long long r;

	*carry = _addcarry_u64(*carry, a, b, &r);
	return r;
}

static inline uint64_t
sub_word(uint64_t a, uint64_t b, fp_carry *borrow)
{
	unsigned long long r;

	*borrow = _subborrow_u64(*borrow, a, b, &r);
	return r;
}

#else

typedef uint64_t fp_carry;

static inline uint64_t
add_word(uint64_t a, uint64_t b, fp_carry *carry)
{
	unsigned __int128 s = (unsigned __int128)a + b + *carry;

	*carry = (uint64_t)(s >> 64);
	return (uint64_t)s;
}

static inline uint64_t
sub_word(uint64_t a, uint64_t b, fp_carry *borrow)
{
	unsigned __int128 d = (unsigned __int128)a - b - *borrow;

	*borrow = (uint64_t)(d >> 64) & 1;
	return (uint64_t)d;
}
#endif

#endif
