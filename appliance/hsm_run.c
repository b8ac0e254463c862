#include <sys/eventfd.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appliance/hsm_run.h"
#include "appliance/regen.h"
#include "base/log.h"
#include "base/secret.h"
#include "policy/digest.h"

/* Records whose seal the token has confirmed, for the life of the worker. */
#define RECORDS_KNOWN 64

enum state { IDLE, RUNNING, ENDED };

/* One thread with all that it computes with. */
struct runner {
	struct hsm_run *run;
	pthread_t thread;
	enum state state; /* under the lock */
	struct hsm_job job;
	struct ibe *ibe;
	struct regen regen;
	struct secret *held; /* the keys lie in it */
	struct xk_get_keys_response *keys;
	uint8_t sealed[RECORDS_KNOWN][32]; /* SHA-256 of records it checked */
	unsigned next_sealed;
};

struct hsm_run {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	sem_t up;
	int fd;
	struct hsm *token;
	struct runner runner[HSM_RUNNERS_MAX];
	unsigned n;
	struct runner *given; /* by hsm_run_next(): free at its next call */
};

/* ---- the job ---- */

enum err
hsm_open_record(struct hsm *token, struct rd record, struct subscriber *out)
{
	struct rd sealed, seal;

	if (subscriber_parse(record, out, &sealed, &seal) != ERR_OK)
		return ERR_MISMATCH;
	return hsm_seal_check(token, HSM_KEY_SEAL_REGISTRY, sealed.p,
	    sealed.left, seal);
}

/* hsm_open_record(), but the token is asked once for each record. */
static enum err
open_record(struct runner *r, struct subscriber *out)
{
	struct rd record = r->job.record, sealed, seal;
	uint8_t hash[32];
	enum err rc;

	if ((rc = digest_of(record, hash)) != ERR_OK)
		return rc;
	for (unsigned i = 0; i < RECORDS_KNOWN; i++)
		if (memcmp(r->sealed[i], hash, sizeof(hash)) == 0)
			return subscriber_parse(record, out, &sealed, &seal);
	rc = hsm_open_record(r->run->token, record, out);
	if (rc == ERR_OK)
		memcpy(r->sealed[r->next_sealed++ % RECORDS_KNOWN], hash,
		    sizeof(hash));
	return rc;
}

struct open_seed {
	struct hsm *h;
	struct hsm_seed seed;
};

static enum err
seed_mac(void *ctx, const uint8_t *data, size_t len, uint8_t out[32])
{
	const struct open_seed *s = ctx;

	return hsm_seed_mac(s->h, &s->seed, data, len, out);
}

/* With a seed that lives for this request. */
static void
regenerate(struct runner *r, const struct subscriber *s)
{
	struct hsm *token = r->run->token;
	struct hsm_job *j = &r->job;
	struct open_seed with = {.h = token};
	struct rd ids[1 + MAX_DEVICES];
	enum err rc;
	struct regen_in in = {.call = &j->call,
	    .label = s->label,
	    .now = j->now,
	    .token = hsm_ibe_token(token),
	    .seed = {seed_mac, &with}};

	ids[0] = s->identity;
	memcpy(&ids[1], s->device, s->n_devices * sizeof(ids[0]));
	in.target = (struct call_target){ids, 1 + s->n_devices};
	if ((rc = hsm_seed_open(token, s->seed, &with.seed)) == ERR_MISMATCH) {
		j->wrong = "a subscriber's seed does not unwrap";
		return;
	}
	if (rc != ERR_OK) {
		j->failed = hsm_failed("unwrapping a seed", &j->why);
		return;
	}
	j->reason = regen_keys(&r->regen, &in, r->keys);
	/* That a call cannot be reproduced is said for good: once more. */
	if (j->reason == XK_NOT_REPRODUCIBLE) {
		regen_wipe(&r->regen);
		j->reason = regen_keys(&r->regen, &in, r->keys);
		if (j->reason != XK_NOT_REPRODUCIBLE)
			j->differs = true;
	}
	if (j->reason == XK_UNAVAILABLE)
		j->failed = hsm_failed("re-generating a key", &j->why);
	hsm_seed_close(token, &with.seed);
}

static void
keep_answer(struct runner *r)
{
	struct hsm_job *j = &r->job;
	struct wr w;

	j->n_keys = r->keys->n_keys;
	if (secret_new(msg_answer_max(r->keys), &j->answer) != ERR_OK)
		fatal("no locked memory for an answer");
	wr_init(&w, secret_data(j->answer), secret_len(j->answer));
	msg_answer_put(&w, j->epoch, r->keys);
	if (w.rc != ERR_OK)
		fatal("an answer longer than its own bound");
	secret_truncate(j->answer, w.len);
}

static void
work(struct runner *r)
{
	struct hsm_job *j = &r->job;
	struct subscriber s;
	enum err rc;

	hsm_forget_why(); /* of the job before */
	rc = open_record(r, &s);
	j->reason = XK_UNAVAILABLE;
	if (rc == ERR_HSM || rc == ERR_PIN) {
		j->failed = hsm_failed("checking a seal", &j->why);
		return;
	}
	if (rc != ERR_OK || !rd_equal(&s.identity, &j->target)) {
		j->wrong = "a subscriber's record is not the one that this "
			   "token sealed";
		return;
	}
	regenerate(r, &s);
	if (j->reason == XK_GRANTED && !j->differs)
		keep_answer(r);
	secret_wipe(r->held);
	regen_wipe(&r->regen);
}

/* ---- threads ---- */

static void *
run_thread(void *arg)
{
	struct runner *r = arg;
	struct hsm_run *run = r->run;
	const uint64_t one = 1;

	(void)sem_post(&run->up);
	for (;;) {
		(void)pthread_mutex_lock(&run->lock);
		while (r->state != RUNNING)
			(void)pthread_cond_wait(&run->wake, &run->lock);
		(void)pthread_mutex_unlock(&run->lock);
		work(r);
		secret_wipe_stack();
		(void)pthread_mutex_lock(&run->lock);
		r->state = ENDED;
		(void)pthread_mutex_unlock(&run->lock);
		if (write(run->fd, &one, sizeof(one)) != sizeof(one))
			fatal("the loop cannot be told of a job's end");
	}
	return NULL;
}

enum err
hsm_run_new(unsigned threads, struct hsm_run **out, struct why *why)
{
	struct hsm_run *run = calloc(1, sizeof(*run));
	sigset_t all, was;

	if (run == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	run->n = threads < 1		? 1
	    : threads > HSM_RUNNERS_MAX ? HSM_RUNNERS_MAX
					: threads;
	(void)pthread_mutex_init(&run->lock, NULL);
	(void)pthread_cond_init(&run->wake, NULL);
	(void)sem_init(&run->up, 0, 0);
	if ((run->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1) {
		free(run);
		return why_errno(why, "eventfd");
	}
	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	for (unsigned i = 0; i < run->n; i++) {
		run->runner[i].run = run;
		if (pthread_create(&run->runner[i].thread, NULL, run_thread,
			&run->runner[i]) != 0)
			fatal("no thread");
	}
	/* What a libc does first in a thread, the filter would not allow. */
	for (unsigned i = 0; i < run->n; i++)
		while (sem_wait(&run->up) == -1)
			;
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	*out = run;
	return ERR_OK;
}

enum err
hsm_load_ibe(const struct kms_state *state, struct ibe **out, struct why *why)
{
	char scheme[32];

	if (view_text(state->scheme, scheme, sizeof(scheme)) != ERR_OK)
		return why_set(why, ERR_MALFORMED, "kms-state: scheme");
	return ibe_load(scheme, state->params, out, why);
}

enum err
hsm_run_ready(struct hsm_run *run, struct hsm *token,
    const struct kms_state *state, struct why *why)
{
	enum err rc;

	run->token = token;
	for (unsigned i = 0; i < run->n; i++) {
		struct runner *r = &run->runner[i];

		rc = secret_new(sizeof(*r->keys), &r->held);
		if (rc != ERR_OK)
			return why_set(why, rc,
			    "no locked memory (RLIMIT_MEMLOCK?)");
		r->keys = (void *)secret_data(r->held);
		if ((rc = hsm_load_ibe(state, &r->ibe, why)) != ERR_OK)
			return rc;
		rc = regen_init(&r->regen, r->ibe, state->period);
		if (rc != ERR_OK)
			return why_set(why, rc,
			    "cannot prepare: %s (RLIMIT_MEMLOCK?)",
			    err_str(rc));
	}
	return ERR_OK;
}

/* ---- the loop's side ---- */

int
hsm_run_fd(const struct hsm_run *run)
{
	return run->fd;
}

static enum state
state_of(struct hsm_run *run, const struct runner *r)
{
	enum state s;

	(void)pthread_mutex_lock(&run->lock);
	s = r->state;
	(void)pthread_mutex_unlock(&run->lock);
	return s;
}

struct hsm_job *
hsm_run_free(struct hsm_run *run)
{
	for (unsigned i = 0; i < run->n; i++)
		if (state_of(run, &run->runner[i]) == IDLE) {
			run->runner[i].job = (struct hsm_job){.body = NULL};
			return &run->runner[i].job;
		}
	return NULL;
}

static struct runner *
runner_of(struct hsm_run *run, const struct hsm_job *j)
{
	unsigned i = 0;

	while (&run->runner[i].job != j)
		i++;
	return &run->runner[i];
}

static void
set_state(struct hsm_run *run, struct runner *r, enum state s)
{
	(void)pthread_mutex_lock(&run->lock);
	r->state = s;
	(void)pthread_cond_broadcast(&run->wake);
	(void)pthread_mutex_unlock(&run->lock);
}

void
hsm_run_start(struct hsm_run *run, struct hsm_job *j)
{
	set_state(run, runner_of(run, j), RUNNING);
}

struct hsm_job *
hsm_run_next(struct hsm_run *run)
{
	uint64_t n;

	if (run->given != NULL)
		set_state(run, run->given, IDLE);
	run->given = NULL;
	/* How many have ended is seen below. */
	if (read(run->fd, &n, sizeof(n)) == -1)
		n = 0;
	for (unsigned i = 0; i < run->n; i++)
		if (state_of(run, &run->runner[i]) == ENDED) {
			run->given = &run->runner[i];
			return &run->given->job;
		}
	return NULL;
}

int64_t
hsm_run_deadline(struct hsm_run *run)
{
	int64_t first = -1;

	for (unsigned i = 0; i < run->n; i++) {
		const struct runner *r = &run->runner[i];

		if (state_of(run, r) == RUNNING &&
		    (first == -1 || r->job.deadline_ms < first))
			first = r->job.deadline_ms;
	}
	return first;
}
