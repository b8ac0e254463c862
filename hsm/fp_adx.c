/*
 * fp_mul_adx: Montgomery multiplication of eight words with mulx, adcx and
 * adox (Intel Broadwell, AMD Zen and later), two carry chains at once.
 *
 * The accumulator is nine words that rotate through the macro arguments, so
 * nothing is moved.  Row by row: t += a * b[i]; t += m * p with m so that the
 * lowest word becomes 0; that word is dropped and its register takes the
 * carry out of the top.  t stays below 2p after each row.  The first half of
 * a row cannot overflow nine words because p's top word is not all ones.
 */
#ifdef __x86_64__
#include <cpuid.h>

#include "hsm/fp.h"
#include "hsm/fp_word.h"

#define STEP(off, lo, hi) \
	"mulx " #off "(%[s]), %%rax, %%rbx\n\t" \
	"adcx %%rax, %[" #lo "]\n\t" \
	"adox %%rbx, %[" #hi "]\n\t"

#define EIGHT_STEPS \
	"xorl %%eax, %%eax\n\t" STEP(0, x0, x1) STEP(8, x1, x2) \
	    STEP(16, x2, x3) STEP(24, x3, x4) STEP(32, x4, x5) \
		STEP(40, x5, x6) STEP(48, x6, x7) STEP(56, x7, x8)

#define ROW(tail, t0, t1, t2, t3, t4, t5, t6, t7, t8, src, word) \
	__asm__(EIGHT_STEPS tail \
		: [x0] "+r"(t0), [x1] "+r"(t1), [x2] "+r"(t2), [x3] "+r"(t3), \
		[x4] "+r"(t4), [x5] "+r"(t5), [x6] "+r"(t6), [x7] "+r"(t7), \
		[x8] "+r"(t8) \
		: [s] "r"(src), "d"(word), \
		"m"(*(const struct fp *)(const void *)(src)) \
		: "rax", "rbx", "cc")

/* The last high word was added by adox: only the adcx carry is left. */
#define TAIL_MUL \
	"movl $0, %%eax\n\t" \
	"adcx %%rax, %[x8]\n\t"

/* x0 is 0 here: it closes the adcx chain, then takes both carries. */
#define TAIL_RED \
	"adcx %[x0], %[x8]\n\t" \
	"adcx %[x0], %[x0]\n\t" \
	"movl $0, %%eax\n\t" \
	"adox %%rax, %[x0]\n\t"

#define TWO_ROWS(i, t0, t1, t2, t3, t4, t5, t6, t7, t8) \
	do { \
		ROW(TAIL_MUL, t0, t1, t2, t3, t4, t5, t6, t7, t8, a, b[i]); \
		ROW(TAIL_RED, t0, t1, t2, t3, t4, t5, t6, t7, t8, f->p, \
		    t0 * f->pinv); \
	} while (0)

void
fp_mul_adx(uint64_t *r, const uint64_t *a, const uint64_t *b,
    const struct fp_field *f)
{
	uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, t5 = 0, t6 = 0;
	uint64_t t7 = 0, t8 = 0, mask;
	uint64_t s[FP_WORDS];
	fp_carry borrow = 0;

	TWO_ROWS(0, t0, t1, t2, t3, t4, t5, t6, t7, t8);
	TWO_ROWS(1, t1, t2, t3, t4, t5, t6, t7, t8, t0);
	TWO_ROWS(2, t2, t3, t4, t5, t6, t7, t8, t0, t1);
	TWO_ROWS(3, t3, t4, t5, t6, t7, t8, t0, t1, t2);
	TWO_ROWS(4, t4, t5, t6, t7, t8, t0, t1, t2, t3);
	TWO_ROWS(5, t5, t6, t7, t8, t0, t1, t2, t3, t4);
	TWO_ROWS(6, t6, t7, t8, t0, t1, t2, t3, t4, t5);
	TWO_ROWS(7, t7, t8, t0, t1, t2, t3, t4, t5, t6);

	/* Now t8, t0 .. t6 upwards, t7 the carry: subtract p if not below. */
	const uint64_t t[FP_WORDS] = {t8, t0, t1, t2, t3, t4, t5, t6};
#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		s[i] = sub_word(t[i], f->p[i], &borrow);
	mask = 0 - (t7 | (uint64_t)(borrow ^ 1));
#pragma GCC unroll 8
	for (int i = 0; i < FP_WORDS; i++)
		r[i] = (s[i] & mask) | (t[i] & ~mask);
}

bool
fp_adx_usable(void)
{
	const unsigned bmi2 = 1U << 8, adx = 1U << 19;
	unsigned a, b, c, d;

	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		return false;
	return (b & bmi2) != 0 && (b & adx) != 0;
}
#endif
