#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

double
bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static struct bench_timer *
timer(struct bench *b, const char *name)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->t[i].name, name) == 0)
			return &b->t[i];
	if (b->n == BENCH_TIMERS)
		abort();
	b->t[b->n].name = name;
	return &b->t[b->n++];
}

void
bench_add(struct bench *b, const char *name, double ns)
{
	struct bench_timer *t = timer(b, name);

	if (t->n < BENCH_ROUNDS)
		t->ns[t->n++] = ns;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double
bench_percentile(double *v, size_t n, double part)
{
	size_t i;

	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), compare);
	i = (size_t)ceil(part * (double)n);
	return v[i == 0 ? 0 : i - 1];
}

static const struct bench_timer *
find(const struct bench *b, const char *name)
{
	for (unsigned i = 0; i < b->n; i++)
		if (strcmp(b->t[i].name, name) == 0)
			return &b->t[i];
	abort();
}

double
bench_median(const struct bench *b, const char *name)
{
	struct bench_timer t = *find(b, name);

	return bench_percentile(t.ns, t.n, 0.5);
}

void
bench_print(const struct bench *b, const char *name, const char *baseline)
{
	struct bench_timer t = *find(b, name);
	const double median = bench_percentile(t.ns, t.n, 0.5);

	(void)printf("%-34s %10.2f us  (%.2f .. %.2f)", name, median / 1e3,
	    t.ns[0] / 1e3, t.ns[t.n - 1] / 1e3);
	if (baseline != NULL)
		(void)printf("  %8.0f x %s", median / bench_median(b, baseline),
		    baseline);
	(void)printf("\n");
}

void
bench_print_machine(void)
{
	char line[256], *model = NULL;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (
	    f != NULL && model == NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "model name", 10) == 0 &&
		    (model = strchr(line, ':')) != NULL)
			model[strcspn(model, "\n")] = '\0';
	(void)printf("machine: %ld processors,%s\n",
	    sysconf(_SC_NPROCESSORS_ONLN), model != NULL ? model + 1 : " ?");
	if (f != NULL)
		(void)fclose(f);
}
