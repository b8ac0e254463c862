/* hi2_proc: what keywarden-hi2 is made of. */
#ifndef APPLIANCE_HI2_PROC_H
#define APPLIANCE_HI2_PROC_H

#include "appliance/ctl_loop.h"
#include "appliance/hi2_intake.h"
#include "appliance/hi2_links.h"
#include "appliance/hi2_parked.h"
#include "appliance/hi2_records.h"
#include "appliance/peer.h"
#include "hi2/sip_event.h"

struct hi2 {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_check_t after_io;
	uv_timer_t tick, soon; /* what is delivered leaves the queue */
	uv_idle_t busy; /* started while there is more to give */
	int state_fd;
	struct peer *x2, *policy, *audit, *hsm[MAX_WORKERS];
	struct hi2_profiles profiles;
	struct spool *spool;
	struct spool_intake *journal;
	struct hi2_intake *intake;
	uint64_t journal_lost; /* rows, logged */
	struct hi2_records *records;
	struct delivery *delivery;
	struct hi2_link link[MAX_LEMFS]; /* by slot */
	struct hi2_tasks tasks;
	struct hi2_told *told_of; /* to this policy, by LEMF */
	unsigned n_told;
	struct parked parked;
	struct msg_counts told; /* to this policy; n 0: nothing yet */
	int64_t key_since; /* uptime, ms */
	bool failing; /* the spool takes nothing, and that is logged */
	bool said_unknown; /* a LEMF without a profile, logged */
	uint64_t said_unfit; /* records that profiles cannot say, logged */
};

struct moment hi2_now(void);

/* Tables of what each neighbour may send; `ctx` is struct hi2. */
extern const struct peer_ops hi2_x2_ops, hi2_policy_ops, hi2_hsm_ops,
    hi2_audit_ops;

/* hi2_stored_fn: to x2, if there is one. */
void hi2_tell_stored(void *ctx, uint32_t ticket, const struct msg_stored *);

/* ---- hi2_journal.c ---- */

/* `most`: octets in it; when there are spool and records.  As spool_open(). */
enum err hi2_journal_open(struct hi2 *, uint64_t most,
    struct why *why) MUST_CHECK;
void hi2_journal_close(struct hi2 *);
/* When the turn has ended: what x2 has asked for. */
void hi2_journal_turn(struct hi2 *);
enum err hi2_on_intake(void *ctx, const struct ipc_frame *);
enum err hi2_on_intake_gone(void *ctx, const struct ipc_frame *);
enum err hi2_on_intake_more(void *ctx, const struct ipc_frame *);

/* What it was asked will not be answered. */
void hi2_audit_left(struct hi2 *);

/* Words whose content has not come in time are dropped. */
void hi2_drop_parked(struct hi2 *);

/* To policy, if they are not what it was told last. */
void hi2_tell_counts(struct hi2 *);

#endif
