/*
 * bench: how figures are taken.  Things that are compared are run in turn,
 * round after round, so that a machine whose speed drifts does not favour one;
 * medians over the rounds, one line a figure.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_ROUNDS 31
#define BENCH_TIMERS 32

struct bench_timer {
	const char *name;
	double ns[BENCH_ROUNDS]; /* of one operation, a figure a round */
	unsigned n;
};

struct bench {
	unsigned n;
	struct bench_timer t[BENCH_TIMERS];
};

double bench_now_ns(void);

/* Add a round's figure to the timer of that name. */
void bench_add(struct bench *, const char *name, double ns);
double bench_median(const struct bench *, const char *name);

/* "name  12.3 us  (min .. max)  1.23 x baseline-name"; baseline may be NULL. */
void bench_print(const struct bench *, const char *name, const char *baseline);

/* Sort in place; the value that `part` of all are not above. */
double bench_percentile(double *v, size_t n, double part);

/* Processor and count, as /proc/cpuinfo has them. */
void bench_print_machine(void);

/* Time `count` runs of a statement as one round of NAME. */
#define BENCH(b, name, count, statement) \
	do { \
		const double t0_ = bench_now_ns(); \
		for (unsigned k_ = 0; k_ < (count); k_++) { \
			statement; \
		} \
		bench_add((b), (name), (bench_now_ns() - t0_) / (count)); \
	} while (0)

#endif
