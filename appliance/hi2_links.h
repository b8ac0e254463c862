/*
 * hi2_links: the channels of keywarden-hi2 to the processes that are connected
 * to LEMFs, and what of delivery goes to audit and policy.
 */
#ifndef APPLIANCE_HI2_LINKS_H
#define APPLIANCE_HI2_LINKS_H

#include "appliance/hi2_delivery.h"
#include "appliance/peer.h"

struct hi2;

/* The process of a slot. */
struct hi2_link {
	struct hi2 *h;
	unsigned slot;
	struct peer *peer; /* NULL: there is none */
	enum link_state state; /* the last that it said, and why */
	char text[MAX_LINK_TEXT + 1];
	uint32_t epoch;
	bool barred; /* it did what is not permitted */
};

/* What the token does for this process. */
struct hi2_task {
	uint32_t id; /* 0: a free place */
	enum hi2_task_kind kind;
	uint64_t key; /* UNWRAP */
	unsigned slot; /* SIGN, with the id of its process */
	uint32_t for_id;
	int64_t until; /* ms */
};
struct hi2_tasks {
	uint32_t last;
	unsigned failed; /* unwraps in a row */
	struct hi2_task task[HI2_TASKS];
};

extern const struct peer_ops hi2_link_ops;
extern const struct delivery_ops hi2_delivery_ops;

/* A new process of a slot. */
void hi2_link_joined(struct hi2 *, unsigned slot, int fd);
/* After other settings: what slots have said is said of their LEMFs. */
void hi2_links_again(struct hi2 *);

/* ---- hi2_tasks.c ---- */

/* The ids of a process begin at random: ERR_CRYPTO. */
enum err hi2_tasks_init(struct hi2_tasks *) MUST_CHECK;
/* Not ERR_OK: audit is not there, or has enough to do. */
enum err hi2_task_unwrap(struct hi2 *, uint64_t key,
    struct rd wrapped) MUST_CHECK;
enum err hi2_task_sign(struct hi2 *, unsigned slot, uint32_t for_id,
    struct rd octets) MUST_CHECK;
/* Of audit, of a worker; what is not known is let through. */
enum err hi2_on_task_failed(void *, const struct ipc_frame *);
enum err hi2_on_task_done(void *, const struct ipc_frame *);
void hi2_tasks_expire(struct hi2 *);
void hi2_tasks_audit_gone(struct hi2 *);
void hi2_tasks_link_gone(struct hi2 *, unsigned slot);

/* The answer of a slot's process; left = 0: it cannot be had now. */
void hi2_link_signed(struct hi2 *, unsigned slot, uint32_t id, struct rd);

/* To policy, what has changed since it was told. */
void hi2_tell_delivery(struct hi2 *);
void hi2_policy_is_new(struct hi2 *);

#endif
