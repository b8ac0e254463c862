#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "hsm/hsm_calls.h"

/* Four for each doubling, from 1 us on: what is longer is in the last. */
#define BUCKETS (4 * 32)

struct period {
	uint32_t n, max_us;
	uint32_t bucket[BUCKETS];
};

static struct {
	pthread_mutex_t lock; /* never held over a call */
	const char *name;
	int64_t since_us;
	struct period now, before;
} calls = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned
bucket_of(uint32_t us)
{
	unsigned log = 0, quarter;

	while (log < 31 && us >> log > 1)
		log++;
	quarter = (unsigned)(((uint64_t)us << 2 >> log) & 3);
	return 4 * log + quarter;
}

/* The least that is beyond it. */
static uint32_t
bucket_end(unsigned i)
{
	const uint64_t end = (uint64_t)(4 + i % 4 + 1) << (i / 4) >> 2;

	return end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

void
hsm_call_begins(const char *name)
{
	const int64_t now = clock_uptime_us();

	(void)pthread_mutex_lock(&calls.lock);
	calls.name = name;
	calls.since_us = now;
	(void)pthread_mutex_unlock(&calls.lock);
}

void
hsm_call_ended(void)
{
	const int64_t now = clock_uptime_us();
	struct period *p = &calls.now;
	int64_t us;

	(void)pthread_mutex_lock(&calls.lock);
	us = now - calls.since_us;
	us = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : us;
	calls.name = NULL;
	p->n++;
	p->bucket[bucket_of((uint32_t)us)]++;
	if (p->max_us < (uint32_t)us)
		p->max_us = (uint32_t)us;
	(void)pthread_mutex_unlock(&calls.lock);
}

const char *
hsm_call_now(int64_t *since_ms)
{
	const char *name;

	(void)pthread_mutex_lock(&calls.lock);
	name = calls.name;
	*since_ms = calls.since_us / 1000;
	(void)pthread_mutex_unlock(&calls.lock);
	return name;
}

void
hsm_calls_latency(struct hsm_latency *out)
{
	const struct period *a = &calls.now, *b = &calls.before;
	uint64_t seen = 0;
	unsigned i = 0;

	(void)pthread_mutex_lock(&calls.lock);
	out->n = a->n + b->n;
	out->max_us = a->max_us > b->max_us ? a->max_us : b->max_us;
	while (i < BUCKETS) {
		seen += a->bucket[i] + b->bucket[i];
		if (2 * seen >= out->n)
			break;
		i++;
	}
	(void)pthread_mutex_unlock(&calls.lock);
	out->p50_us = out->n == 0 ? 0 : bucket_end(i);
	if (out->p50_us > out->max_us)
		out->p50_us = out->max_us;
}

void
hsm_calls_turn(void)
{
	(void)pthread_mutex_lock(&calls.lock);
	calls.before = calls.now;
	calls.now = (struct period){.n = 0};
	(void)pthread_mutex_unlock(&calls.lock);
}
