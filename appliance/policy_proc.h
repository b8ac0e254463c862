/* policy_proc: what the files of the policy process share. */
#ifndef APPLIANCE_POLICY_PROC_H
#define APPLIANCE_POLICY_PROC_H

#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/kms_state.h"
#include "appliance/peer.h"
#include "appliance/policy_db.h"
#include "appliance/proto.h"
#include "appliance/slots.h"
#include "policy/subscriber.h"
#include "policy/warrant.h"

/* Requests on their way; xk's own limit is lower. */
#define POLICY_PENDING 8192
#define POLICY_BUCKETS 65536 /* a power of two */

#define SIGNERS_MAX 256
#define NO_CLI UINT32_MAX /* no control connection has this id */

struct held_warrant {
	struct warrant *w;
	uint8_t *cms;
	size_t cms_len;
	int64_t entered;
	bool revoked, revocation_logged;
	bool log_was_full; /* when audit was to write it */
	uint32_t revoke_cli; /* who waits for it, or NO_CLI */
	uint8_t *revocation;
	size_t revocation_len;
	char signers[SIGNERS_MAX]; /* names, for lists and the log */
	char revoker[SIGNERS_MAX];
};

/* One identity of one warrant, in the chain of its bucket. */
struct warrant_link {
	struct warrant_link *next;
	struct held_warrant *held;
};

struct held_subscriber {
	struct held_subscriber *next;
	uint8_t *record;
	size_t len;
	struct subscriber s; /* views into the record */
};

struct client {
	char name[MAX_NAME + 1];
	uint8_t fingerprint[32];
};

enum pending_kind {
	PENDING_GRANT, /* audit has it; worker or audit will end it */
	PENDING_REFUSAL, /* told when it is on disk */
	PENDING_NOTE, /* nobody waits */
	PENDING_CONFIG, /* clients that count when it is on disk */
	PENDING_WARRANT, /* keywarden(1) waits, as below */
	PENDING_REVOKE,
	PENDING_REMOVE,
	PENDING_TASK,
	PENDING_DOCUMENT
};

/* What policy waits for audit about. */
struct pending {
	enum pending_kind kind;
	struct ticket ticket; /* of xk */
	enum xk_reason reason;
	uint32_t cli; /* id of a control connection */
	struct held_warrant *held;
	struct client *client; /* a new list */
	unsigned n_clients;
	enum task_kind task;
	char identity[MAX_PUBLIC_ID + 1];
	struct why why; /* what keywarden(1) is told */
	enum err rc;
};

/* A connection on the control socket. */
struct cli {
	struct policy *p;
	struct peer *peer;
	uint32_t id;
};

struct policy {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_poll_t control;
	int state_fd, control_fd;
	uint8_t *state_octets;
	struct kms_state state;
	struct officers *officers;
	struct db *db;
	struct peer *xk, *audit;
	struct msg_service service; /* audit's last word on it */
	struct client *client;
	unsigned n_clients;
	struct held_warrant **warrant;
	size_t n_warrants, cap_warrants;
	struct warrant_link *by_id[POLICY_BUCKETS];
	struct held_subscriber *subscriber[POLICY_BUCKETS];
	size_t n_subscribers;
	struct slots *pending;
	struct slots *clis;
	bool revoking; /* a revocation is with audit: one at a time */
	size_t n_unlogged; /* revocations that are not in the log */
	size_t next_known; /* the others, for a new audit */
	bool revocation_due; /* one could not be sent */
};

/* ---- policy_store.c: what is held in memory and in the database ---- */

/* Read the database; what does not verify is left out with a warning. */
void policy_load(struct policy *);

/* The first link of the chain in which an identity's warrants are. */
struct warrant_link *policy_warrants_for(struct policy *, struct rd identity);
struct held_warrant *policy_warrant_by_id(struct policy *,
    const uint8_t id[WARRANT_ID_LEN]);
struct held_subscriber *policy_subscriber(struct policy *, struct rd identity);

/* Verify and parse a signed warrant; *out is the caller's. */
enum err policy_read_warrant(struct policy *, struct rd cms, int64_t now,
    struct held_warrant **out, struct why *why) MUST_CHECK;
void policy_free_warrant(struct held_warrant **);

/* Verify and parse a revocation; `signers` gets who signed it. */
enum err policy_read_revocation(struct policy *, struct rd cms, int64_t now,
    struct revocation *out, char signers[SIGNERS_MAX],
    struct why *why) MUST_CHECK;

/* Take over a warrant that is in the log; ERR_FULL, or the database's. */
enum err policy_hold_warrant(struct policy *, struct held_warrant *,
    struct why *why) MUST_CHECK;
enum err policy_hold_subscriber(struct policy *, struct rd record, bool new_one,
    struct why *why) MUST_CHECK;
enum err policy_drop_subscriber(struct policy *, struct rd identity,
    struct why *why) MUST_CHECK;

/* ---- policy_ask.c: requests of xk ---- */
extern const struct peer_ops policy_xk_ops, policy_audit_ops;

/* Write an entry and wait for it as `pending` says; ERR_CLOSED: no audit. */
enum err policy_record(struct policy *, const struct audit_entry *,
    uint32_t pending) MUST_CHECK;
struct pending *policy_pending(struct policy *, enum pending_kind,
    uint32_t *id);
void policy_audit_left(struct policy *);

/* ---- proc_policy.c ---- */

/* The word on new clients: in force with ERR_OK, else those in use stay. */
void policy_config_recorded(struct policy *, struct pending *, enum err rc);

/* ---- policy_cli.c: keywarden(1) ---- */
void policy_cli_accept(struct policy *);
void policy_cli_recorded(struct policy *, struct pending *, enum err rc);
void policy_cli_task_done(struct policy *, struct pending *,
    const struct msg_result *);
/* audit has gone while keywarden(1) waits. */
void policy_cli_failed(struct policy *, struct pending *);

/* ---- policy_revoke.c: revocations to audit, one at a time ---- */
void policy_audit_joined(struct policy *);
void policy_next_revocation(struct policy *);
void policy_log_has_room(struct policy *);
void policy_revocations_interrupted(struct policy *);
void policy_revoked(struct policy *, struct held_warrant *, bool logged);

#endif
