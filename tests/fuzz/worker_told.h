/*
 * worker_told: for fuzz_worker: what an hsm worker says, held against its
 * promise, and what it owes.
 */
#ifndef WORKER_TOLD_H
#define WORKER_TOLD_H

#include "appliance/hsm_proc.h"

#define JOBS 32

extern struct hsm_proc process;
/* The other ends of its channels. */
extern struct ipc_chan *audit, *taker[ROUTE__MAX], *xkc;

struct told {
	struct given {
		uint32_t id;
		uint32_t ticket; /* of who asked */
		enum route route;
		uint64_t number; /* of its warrant's change */
		bool outcome;
		bool lost; /* who asked for it has gone */
	} job[JOBS];
	unsigned n_jobs;
	uint8_t work[MAX_IPC_BODY]; /* the last WORK that was made */
	size_t work_len;
	uint32_t next_id, next_task;
	const struct given *durable; /* whose word has just come */
	bool closed; /* it is ended */
	unsigned tasks, hi2_tasks; /* without an end */
	uint32_t fetch_id; /* the last that xkc was asked for */
	uint64_t sealed; /* number of the head */
	struct rd answer; /* of every job that has one */
};
extern struct told told;

/* What stands at the other ends. */
void hear(void);

/* Both ends of a new one. */
void channel(struct ipc_chan **ours, struct ipc_chan **theirs);
void taker_goes_or_comes(enum route);
/* It knows nothing of what the one before has asked for. */
void audit_comes_anew(void);

#endif
