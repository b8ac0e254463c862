/*
 * hsm_run: jobs of the hsm worker, beside its loop.  While the token works
 * for one job, the processor works for another: pairing, curves, key
 * derivation.  The token itself has one caller at a time (hsm/hsm.h).
 *
 * A job belongs to the loop before hsm_run_start() and after hsm_run_next()
 * has given it back, and to its thread in between.
 */
#ifndef APPLIANCE_HSM_RUN_H
#define APPLIANCE_HSM_RUN_H

#include "appliance/kms_state.h"
#include "appliance/proto.h"
#include "hsm/hsm.h"
#include "policy/subscriber.h"
#include "xk/call.h"

/* libc asks for more than the filter gives when there are very many. */
#define HSM_RUNNERS_MAX 4

struct hsm_job {
	/* what is to be done; views into `body`, which is the loop's */
	uint8_t *body;
	uint32_t audit_id;
	unsigned audit_generation;
	uint64_t epoch; /* of xk */
	struct rd record, target;
	struct call call;
	int64_t now;
	int64_t deadline_ms; /* CLOCK_MONOTONIC */

	/* how it ended */
	enum xk_reason reason;
	uint32_t n_keys;
	struct secret *answer; /* body of MSG_ANSWER; whoever takes it frees */
	enum err failed; /* ERR_OK, or how the token failed: hsm_failed() */
	struct why why; /* of that */
	const char *wrong; /* worth a line of the log; else NULL */
	bool differs; /* the token's second answer was not its first */
};

struct hsm_run;

/*
 * Start the threads and see them up, before the process's filter; then, with
 * the token and the KMS's parameters, make them ready for jobs.  1 to
 * HSM_RUNNERS_MAX.
 */
enum err hsm_run_new(unsigned threads, struct hsm_run **,
    struct why *) MUST_CHECK;
enum err hsm_run_ready(struct hsm_run *, struct hsm *, const struct kms_state *,
    struct why *) MUST_CHECK;

/* Readable when a job has ended. */
int hsm_run_fd(const struct hsm_run *);

/* A job to fill in and start; NULL if every thread has one. */
struct hsm_job *hsm_run_free(struct hsm_run *);
void hsm_run_start(struct hsm_run *, struct hsm_job *);

/* The next job that has ended, or NULL; it is free again at the next call. */
struct hsm_job *hsm_run_next(struct hsm_run *);

/* The earliest deadline of a job that runs, or -1. */
int64_t hsm_run_deadline(struct hsm_run *);

/* The KMS's scheme with its parameters; what it keeps is one thread's. */
enum err hsm_load_ibe(const struct kms_state *, struct ibe **out,
    struct why *) MUST_CHECK;

/* Read and check a registry record under the token's seal. */
enum err hsm_open_record(struct hsm *, struct rd record,
    struct subscriber *out) MUST_CHECK;

#endif
