/* audit_proc: what the files of the audit process share. */
#ifndef APPLIANCE_AUDIT_PROC_H
#define APPLIANCE_AUDIT_PROC_H

#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/audit_log.h"
#include "appliance/peer.h"
#include "appliance/proto.h"
#include "appliance/slots.h"
#include "appliance/turns.h"
#include "policy/state_seen.h"

/* Requests between intent and outcome; what they hold in memory. */
#define AUDIT_ITEMS 4096
#define AUDIT_ITEM_OCTETS (64 * 1024 * 1024)

struct worker {
	struct peer *peer;
	bool ready, test_token;
	bool ends; /* it has said why, which stands in `end` */
	bool asked_to; /* namely by request */
	char end[WHY_MAX];
	unsigned jobs;
	uint64_t who[MAX_WORKER_JOBS]; /* those that are of a client; 0: none */
	/* the warrant state: it has no job before it knows all of it */
	size_t taught; /* batches it was given */
	bool asked; /* one of them is on its way */
	bool greeted; /* it has said how far it is */
	bool current; /* not behind the head that it has sealed */
	bool refused; /* it does not take what policy has told */
};

/* Something that may leave only when all that was written is on disk. */
struct after_sync {
	struct after_sync *next;
	struct peer *to; /* NULL: queue the item `id` for a worker */
	uint16_t type;
	uint32_t id;
	size_t len;
	uint8_t body[];
};

enum item_kind { ITEM_KEY, ITEM_TASK, ITEM_HI2, ITEM__MAX };

/* Keys by whom they are for, tasks with those of xk; and what hi2 asks for. */
enum item_queue_of {
	QUEUE_XK = ROUTE_XK,
	QUEUE_HI2 = ROUTE_HI2,
	QUEUE_DELIVERY = ROUTE__MAX,
	QUEUE__MAX
};

/* A job on its way to a worker, in one, or waiting for its outcome. */
struct item {
	enum item_kind kind;
	enum item_queue_of queue;
	uint64_t who; /* the client that it is for; 0: none */
	uint32_t asker_id; /* of who asked: policy, or hi2 of an ITEM_HI2 */
	uint32_t asker; /* policy_epoch or hi2_epoch when it asked */
	uint64_t ref; /* number of the intent in the log */
	int worker; /* -1: none yet */
	bool logged; /* its outcome is written, or has no place in the log */
	uint8_t *job; /* body for the worker, until it has it */
	size_t job_len;
};

/* Changes of the warrant state, as change_put() writes them. */
struct batch {
	uint8_t *p;
	size_t len;
};

/*
 * The warrant state as policy has told it, for the workers.  What policy says
 * is held against the log: it can be longer, but not another or a shorter one.
 */
struct chain {
	struct batch *batch;
	size_t n, cap;
	struct head head; /* behind all batches */
	struct head told; /* how far this policy is */
	bool complete; /* policy has said that this is all */
	bool wrong; /* it is not the log's */
	bool refused; /* a worker did not take it */
	uint32_t generation; /* new when it is told from the beginning */
	size_t n_before; /* when policy began to tell */
	struct head head_before;
};

/* The one change that is to take effect. */
enum change_state {
	CHANGE_NONE,
	CHANGE_WRITTEN, /* waits for the sync, then for a worker to judge it */
	CHANGE_WAITS, /* for one that still learns what was before */
	CHANGE_JUDGED, /* a worker has it */
	CHANGE_SPREADS /* in effect; the other workers are to learn it */
};
struct change_under_way {
	enum change_state state;
	uint32_t policy_id, asker;
	int judge; /* the worker, or -1 */
	bool tried; /* a worker may have sealed it */
	bool logged;
	bool entered; /* and not before */
	uint8_t *octets; /* change_put() */
	size_t len;
	struct head head; /* behind it */
	enum request_kind kind;
};

struct audit {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_check_t after_io;
	int log_fd;
	bool serving; /* the log has been read */
	struct audit_log log;
	struct peer *policy;
	struct peer *hi2; /* NULL: none, or not there */
	uint32_t policy_epoch; /* new for each policy process */
	uint32_t hi2_epoch;
	unsigned hi2_tasks; /* of this hi2, under way */
	struct hi2_minute {
		int64_t began; /* ms, of the loop */
		unsigned entries;
	} hi2_minute; /* what hi2 has had written in it */
	struct worker worker[MAX_WORKERS];
	struct slots *items;
	size_t item_octets;
	struct turns *waiting[QUEUE__MAX]; /* ids of items without a worker */
	unsigned turn; /* whose is next */
	struct after_sync *out, **out_end;
	struct state_seen seen; /* by the log's entries */
	struct chain chain;
	struct change_under_way change;
	bool told_room; /* what policy was told last of the log */
	bool told_old;
	unsigned told_workers;
	bool alarmed_old; /* of what this policy goes by */
	bool alarmed_wrong; /* of the token; no worker has served since */
	bool lost; /* there was a worker that served, and there is none */
};

/* ---- audit_commit.c: the log, and what waits for the disk ---- */

/* Write an entry; failures that leave the log unusable end the process. */
enum err audit_write(struct audit *, struct audit_entry *, uint8_t *leaf,
    size_t *leaf_len) MUST_CHECK;

/* An entry, if there is room, and a line, whatever there is. */
void audit_alarm(struct audit *, const char *text);

/* Room for this entry and the outcomes of all that is in flight? */
bool audit_has_room(const struct audit *);

/* Send, or queue an item (`to` NULL), once all that was written is on disk. */
void audit_after_sync(struct audit *, struct peer *to, uint16_t type,
    uint32_t id, const uint8_t *body, size_t len);

/* Forget what was to be sent to a channel that has gone. */
void audit_drop_after_sync(struct audit *, const struct peer *to);

/*
 * Group commit, at the end of a turn of the loop: one sync for all that was
 * written in it, then what waited for it leaves.
 */
void audit_commit(struct audit *);

/* ---- audit_items.c: jobs between intent and outcome ---- */

/*
 * Take an item and its job, which is freed if there is no room: NULL.  Keys
 * for HI2 leave half of it to clients.
 */
struct item *audit_new_item(struct audit *, enum item_kind, enum item_queue_of,
    uint32_t asker_id, uint8_t *job, size_t len, uint32_t *id);

/* Give waiting items to workers that have room. */
void audit_dispatch(struct audit *);
void audit_queue_item(struct audit *, uint32_t id);
void audit_drop_item(struct audit *, uint32_t id);

/* Write the outcome of an intent that came to nothing. */
void audit_unworked(struct audit *, enum item_kind, uint64_t ref);

/* End an item that no worker will finish, with its outcome in the log. */
void audit_give_up(struct audit *, uint32_t id, struct item *);

/* The worker is done with an item in one way or another. */
void audit_release_worker(struct audit *, const struct item *);
/* Is there one, now or soon, for what waits in this queue? */
bool audit_any_worker(const struct audit *, enum item_queue_of);
/* How many could take a job now. */
unsigned audit_usable_workers(const struct audit *);

/* To policy, after the sync, unless who asked has gone. */
void audit_tell_done(struct audit *, uint32_t asker, uint32_t id, bool told,
    enum xk_reason);
void audit_tell_task_done(struct audit *, uint32_t asker, uint32_t id, enum err,
    struct rd result);
void audit_tell_service(struct audit *);

/* ---- audit_policy.c: from policy ---- */

extern const struct peer_ops audit_policy_ops;
void audit_policy_left(struct audit *);

/* The entry as policy wishes it, if it is of this type. */
enum err audit_wished_entry(struct rd, enum audit_type,
    struct audit_entry *out) MUST_CHECK;

/* ---- audit_hi2.c: from the queue of HI2 ---- */

extern const struct peer_ops audit_hi2_ops;
void audit_hi2_left(struct audit *);

/* To hi2, after the sync, unless who asked has gone: no worker will answer. */
void audit_hi2_failed(struct audit *, uint32_t asker, uint32_t id, enum err);
/* One of its tasks has ended, whoever asked. */
void audit_hi2_ended(struct audit *, const struct item *);

/* ---- audit_chain.c: the warrant state, as policy tells it ---- */

enum err audit_on_chain(void *ctx, const struct ipc_frame *);

/* A new policy will tell the warrant state from the beginning. */
void audit_policy_joined(struct audit *);

/* Is what policy goes by older than what the log has seen, or another? */
bool audit_state_old(const struct audit *);

/* Give a worker the next batch that it has not; more work if it has all. */
void audit_teach(struct audit *, unsigned index);
void audit_teach_all(struct audit *);
enum err audit_keep_batch(struct audit *, struct rd changes) MUST_CHECK;

void audit_send_changes(struct audit *, unsigned index, struct rd changes,
    bool fresh);

/* ---- audit_change.c: the one change under way ---- */

enum err audit_on_change(void *ctx, const struct ipc_frame *);

/* All that was written is on disk: a worker may judge. */
void audit_change_synced(struct audit *);
/* What a worker says of what it was to learn. */
void audit_change_learnt(struct audit *, unsigned index,
    const struct msg_learnt *);
void audit_change_worker_left(struct audit *, unsigned index);

/* A head that a worker has sealed and the log does not have yet. */
void audit_note_head(struct audit *, const struct msg_learnt *);

/* ---- audit_worker.c: from the workers ---- */

extern const struct peer_ops audit_worker_ops;

/* The ctx for the channel of a worker, which tells it apart. */
void *audit_worker_ctx(struct audit *, unsigned index);
void audit_worker_left(struct audit *, unsigned index);

#endif
