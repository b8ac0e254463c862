/*
 * policy_rig: keywarden-audit and hsm workers of the appliance, with somebody
 * in the places of the supervisor, of xk and of policy.  The frames between
 * audit and a worker go through here as well, so that they can be stopped at a
 * point and a process killed there.
 */
#ifndef POLICY_RIG_H
#define POLICY_RIG_H

#include <sys/types.h>

#include "appliance/proto.h"
#include "base/ipc.h"

#define RIG_WORKERS 2
#define RIG_JOB_SECONDS 20

enum rig_side { FROM_AUDIT, FROM_WORKER };

struct rig_held {
	uint16_t at; /* the type of frame that is not let through; 0: none */
	bool is, was_told;
	struct ipc_frame frame; /* its body is ours */
	uint8_t *body;
};

struct rig_wire {
	struct ipc_chan *end[2]; /* by whom one reads there */
	struct rig_held held[2];
};

struct rig_proc {
	pid_t pid; /* 0: not there */
	int ctl;
	int status; /* of waitpid() when it had ended by itself */
};

struct rig {
	char dir[256]; /* kms-state, head, audit.log; token beside them */
	unsigned n_workers;
	uint64_t log_most; /* octets that the log may have; 0: any number */
	unsigned crashed; /* processes that ended otherwise than by fatal() */
	struct rig_proc audit, worker[RIG_WORKERS];
	struct rig_wire wire[RIG_WORKERS];
	struct ipc_chan *policy, *xk[RIG_WORKERS];
	/* what came */
	unsigned answers, no_answers;
	uint8_t key[16]; /* the first of the last answer */
	struct msg_service service;
	uint16_t type; /* of the last frame to policy, 0: none; SERVICE apart */
	uint32_t id;
	uint8_t *body;
	size_t len;
	char failed[WHY_MAX]; /* the last worker's word before its end */
	long log_mark;
	uint64_t entry_mark;
};

_Noreturn void rig_stop(const char *what, const char *why);

/* A program with a line to it; its words go to the file `log` in the folder. */
void rig_spawn(struct rig *, const char *program, struct rig_proc *);
int rig_open(const struct rig *, const char *file, int flags);
void rig_hand(const struct rig_proc *, uint16_t type, uint32_t id, int fd);

/* Audit, workers and channels; policy says nothing yet. */
void rig_start(struct rig *);
void rig_end(struct rig *);

void rig_start_audit(struct rig *);
void rig_kill_audit(struct rig *);
/* False: it did not come to serve; `failed` says why. */
bool rig_start_worker(struct rig *, unsigned i);
void rig_kill_worker(struct rig *, unsigned i);
/* Another channel in the place of policy's, as when it was started again. */
void rig_join_policy(struct rig *);

/* A process that has ended, a wire that has no end any more. */
void rig_forget_proc(struct rig_proc *);
void rig_cut_wire(struct rig_wire *);

/* ---- policy_rig_turn.c ---- */

/* As policy, to audit. */
void rig_send(struct rig *, uint16_t type, uint32_t id, const void *body,
    size_t len);

/* One turn of everything that can move; at most so long. */
void rig_turn(struct rig *, int ms);

enum heard { HEARD, STOPPED_THERE, AUDIT_ENDED, SILENCE };
/*
 * Until a frame of this type (0: any) has come to policy, or one was stopped
 * at a point since the last time.
 */
enum heard rig_await(struct rig *, uint16_t type);
/* Until audit says that so many workers are of use; false: it does not. */
bool rig_await_workers(struct rig *, unsigned n);
/* Some time in which things may come to an end. */
void rig_settle(struct rig *);

/* Stop at the next frame of a type from that side, then let it through. */
void rig_hold(struct rig *, unsigned i, enum rig_side, uint16_t type);
void rig_release(struct rig *, unsigned i, enum rig_side);

/* ---- what there is to be seen, since the mark ---- */
void rig_mark(struct rig *);
bool rig_said(struct rig *, const char *text);
/* Entries of the type with this text in them ("" for any). */
unsigned rig_entries(struct rig *, enum audit_type, const char *text);
/* keyOutcome entries with another reason than granted. */
unsigned rig_withheld(struct rig *);

#endif
