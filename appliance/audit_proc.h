/* audit_proc: what the files of the audit process share. */
#ifndef APPLIANCE_AUDIT_PROC_H
#define APPLIANCE_AUDIT_PROC_H

#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/audit_log.h"
#include "appliance/peer.h"
#include "appliance/proto.h"
#include "appliance/slots.h"
#include "policy/warrant_set.h"

/* Requests between intent and outcome; what they hold in memory. */
#define AUDIT_ITEMS 4096
#define AUDIT_ITEM_OCTETS (64 * 1024 * 1024)

struct worker {
	struct peer *peer;
	bool ready, test_token;
	unsigned jobs;
	bool learning; /* revocations, and has no job before it is done */
	size_t taught;
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

enum item_kind { ITEM_KEY, ITEM_TASK };

/* A job on its way to a worker, in one, or waiting for its outcome. */
struct item {
	enum item_kind kind;
	uint32_t policy_id;
	uint32_t asker; /* policy_epoch when it asked */
	uint64_t ref; /* number of the intent in the log */
	int worker; /* -1: none yet */
	bool logged; /* its outcome is written */
	uint8_t *job; /* body for the worker, until it has it */
	size_t job_len;
};

/* A revocation that workers have not all learnt. */
struct lesson {
	bool used;
	bool logged;
	uint32_t policy_id;
	uint32_t asker;
	bool waits_for[MAX_WORKERS];
};
#define AUDIT_LESSONS 64

struct cms_blob {
	uint8_t *p;
	size_t len;
};

struct audit {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_check_t after_io;
	int log_fd;
	struct audit_log log;
	struct peer *policy;
	uint32_t policy_epoch; /* new for each policy process */
	struct worker worker[MAX_WORKERS];
	struct slots *items;
	size_t item_octets;
	uint32_t waiting[AUDIT_ITEMS]; /* ring of item ids without a worker */
	unsigned first_waiting, n_waiting;
	struct after_sync *out, **out_end;
	struct cms_blob *revocation;
	size_t n_revocations;
	/*
	 * Warrants whose revocation is in the log.  What policy grants is
	 * held against it: its database may be an older one.
	 */
	struct warrant_set revoked;
	bool told_room; /* what policy was told last of the log */
	struct lesson lesson[AUDIT_LESSONS];
};

/* Write an entry; failures that leave the log unusable end the process. */
enum err audit_write(struct audit *, struct audit_entry *, uint8_t *leaf,
    size_t *leaf_len) MUST_CHECK;

/* Room for this entry and the outcomes of all that is in flight? */
bool audit_has_room(const struct audit *);

/* Send, or queue an item (`to` NULL), once all that was written is on disk. */
void audit_after_sync(struct audit *, struct peer *to, uint16_t type,
    uint32_t id, const uint8_t *body, size_t len);

/* Forget what was to be sent to a channel that has gone. */
void audit_drop_after_sync(struct audit *, const struct peer *to);

/* ---- audit_items.c: jobs between intent and outcome ---- */

/* Give waiting items to workers that have room. */
void audit_dispatch(struct audit *);
void audit_queue_item(struct audit *, uint32_t id);
void audit_drop_item(struct audit *, uint32_t id);

/* Write the outcome of an intent that no worker took. */
void audit_unworked(struct audit *, enum item_kind, uint64_t ref);

/* End an item that no worker will finish, with its outcome in the log. */
void audit_give_up(struct audit *, uint32_t id, struct item *);

/* The worker is done with an item in one way or another. */
void audit_release_worker(struct audit *, const struct item *);
bool audit_any_worker(const struct audit *);

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

/* ---- audit_lessons.c: revocations ---- */

enum err audit_on_revoke(void *ctx, const struct ipc_frame *);
void audit_finish_lesson(struct audit *, struct lesson *);
void audit_worker_joined(struct audit *, unsigned index);

/* The worker has learnt one of those from before it joined. */
void audit_teach_next(struct audit *, unsigned index);

/* ---- audit_worker.c: from the workers ---- */

extern const struct peer_ops audit_worker_ops;

/* The ctx for the channel of a worker, which tells it apart. */
void *audit_worker_ctx(struct audit *, unsigned index);
void audit_worker_left(struct audit *, unsigned index);

#endif
