#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "appliance/ctl.h"
#include "appliance/hsm_watch.h"
#include "appliance/proto_health.h"
#include "base/clock.h"
#include "base/log.h"
#include "hsm/hsm_calls.h"

/* A deadline is kept to this; so often it wakes. */
#define TICK_MS 500

static struct {
	uint32_t call_seconds, job_seconds;
	sem_t up;
	unsigned depth; /* of hsm_watch_work(), the loop's */
	_Atomic int64_t work_since; /* CLOCK_MONOTONIC, ms; 0: none */
	_Atomic bool ready;
	_Atomic int64_t tested;
	_Atomic uint8_t pin;
} watch;

/* Whatever holds the thread in the call: it is not waited for. */
static void
look_at_deadlines(int64_t now)
{
	int64_t since;
	const char *call = hsm_call_now(&since);
	const int64_t work = atomic_load(&watch.work_since);
	struct why why;

	if (call != NULL && now - since >= 1000LL * watch.call_seconds) {
		(void)why_set(&why, ERR_HSM,
		    "%s: it has not come back for %u s (token.call_seconds)",
		    call, watch.call_seconds);
		ctl_fail(ERR_HSM, &why);
	}
	if (work != 0 && now - work >= 1000LL * watch.job_seconds) {
		(void)why_set(&why, ERR_HSM,
		    "a start, task or lesson has taken %u s "
		    "(token.job_seconds)",
		    watch.job_seconds);
		ctl_fail(ERR_HSM, &why);
	}
}

static void
tell_supervisor(void)
{
	struct health h = {.tested = atomic_load(&watch.tested),
	    .pin = atomic_load(&watch.pin)};
	uint8_t body[HEALTH_LEN];
	struct hsm_latency l;
	struct wr w;

	hsm_calls_latency(&l);
	h.calls = l.n;
	h.p50_us = l.p50_us;
	h.max_us = l.max_us;
	wr_init(&w, body, sizeof(body));
	health_put(&w, &h);
	/* One that does not read it now gets the next. */
	if (ipc_ctl_try(CTL_FD, MSG_CTL_HEALTH, body, w.len) != ERR_OK)
		log_debug("the supervisor does not take word of the token");
}

static void *
run(void *arg)
{
	int64_t told = 0;

	(void)arg;
	(void)sem_post(&watch.up);
	for (;;) {
		const int64_t now = clock_uptime_ms();

		look_at_deadlines(now);
		if (atomic_load(&watch.ready) && now - told >= HEALTH_MS) {
			tell_supervisor();
			told = now;
		}
		(void)poll(NULL, 0, TICK_MS);
	}
	return NULL;
}

void
hsm_watch_start(uint32_t call_seconds, uint32_t job_seconds)
{
	sigset_t all, was;
	pthread_t thread;

	watch.call_seconds = call_seconds;
	watch.job_seconds = job_seconds;
	(void)sem_init(&watch.up, 0, 0);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	if (pthread_create(&thread, NULL, run, NULL) != 0)
		fatal("no thread");
	/* What a libc does first in a thread, the filter would not allow. */
	while (sem_wait(&watch.up) == -1)
		;
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void
hsm_watch_work(void)
{
	if (watch.depth++ == 0)
		atomic_store(&watch.work_since, clock_uptime_ms());
}

void
hsm_watch_done(void)
{
	if (--watch.depth == 0)
		atomic_store(&watch.work_since, 0);
}

void
hsm_watch_tested(uint8_t pin)
{
	hsm_calls_turn();
	atomic_store(&watch.pin, pin);
	atomic_store(&watch.tested, clock_seconds());
}

void
hsm_watch_ready(void)
{
	atomic_store(&watch.ready, true);
}
