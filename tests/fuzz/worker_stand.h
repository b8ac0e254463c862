/*
 * worker_stand: for fuzz_worker: in the place of the token, of the threads and
 * of how a worker ends.
 */
#ifndef WORKER_STAND_H
#define WORKER_STAND_H

#include <setjmp.h>

#include "appliance/hsm_proc.h"

#define THREADS 2

struct stand {
	jmp_buf ended; /* the worker has ended itself */
	bool token_refuses; /* what it is given */
	bool busy[THREADS];
	struct hsm_job job[THREADS];
	struct hsm_job *done; /* for hsm_run_next() */
};
extern struct stand stand;

/* The seal of these octets. */
void stand_seal(const uint8_t *data, size_t len, uint8_t seal[HSM_SEAL_LEN]);

#endif
