/*
 * audit_told: for fuzz_audit_peers: what keywarden-audit writes and says, held
 * against its promise: no word leaves before what it tells of is on disk, and
 * each intent has its outcome.
 */
#ifndef AUDIT_TOLD_H
#define AUDIT_TOLD_H

#include "appliance/audit_proc.h"

#define TOLD_IDS 256 /* of questions */
#define TOLD_WORKERS 3
#define TOLD_JOBS 64

/* What a worker was given and has not ended. */
struct job {
	uint16_t type;
	uint32_t id;
	bool outcome, durable;
};

struct told {
	struct audit *a;
	bool alive; /* what is written is checked */
	uint64_t on_disk; /* leaves that are */
	unsigned owed[TOLD_IDS]; /* answers to this policy */
	unsigned hi2_owed[TOLD_IDS];
	struct told_worker {
		struct job job[TOLD_JOBS];
		unsigned n_jobs;
		bool learns;
		uint32_t generation; /* of the lesson */
		struct head head; /* as the worker has it, by what it learnt */
	} worker[TOLD_WORKERS];
	uint64_t intent[1024]; /* numbers of those without an outcome */
	unsigned n_intents;
	struct head first;
};
extern struct told told;

/* A worker ends it. */
void told_job_ended(unsigned worker, unsigned i);
void told_worker_left(unsigned worker);

#endif
