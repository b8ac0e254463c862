/* policy_proc: what the files of the policy process share. */
#ifndef APPLIANCE_POLICY_PROC_H
#define APPLIANCE_POLICY_PROC_H

#include <jansson.h>
#include <uv.h>

#include "appliance/ctl_loop.h"
#include "appliance/kms_state.h"
#include "appliance/peer.h"
#include "appliance/policy_db.h"
#include "appliance/policy_index.h"
#include "appliance/policy_warrants.h"
#include "appliance/policy_waiting.h"
#include "appliance/proto_df2.h"
#include "appliance/proto_health.h"
#include "appliance/slots.h"
#include "policy/clock_guard.h"
#include "policy/subscriber.h"
#include "policy/warrant.h"

/* Requests on their way; xk's own limit is lower. */
#define POLICY_PENDING 8192

#define NO_CLI UINT32_MAX /* no control connection has this id */

struct held_subscriber {
	uint64_t number; /* of the change that approved the record */
	size_t len;
	uint8_t record[];
};

enum connection_state {
	CONNECTION_NONE,
	CONNECTION_ASKED, /* has its nonce */
	CONNECTION_NOBODY, /* no client enrolled then has proved itself */
	CONNECTION_PROVEN /* whoever has this certificate's key is there */
};

/* A connection that xk has told of, in the place of its id. */
struct connection {
	uint32_t id;
	enum connection_state state;
	uint8_t nonce[CLIENT_NONCE_LEN];
	uint8_t fingerprint[32]; /* unless PROVEN: as xk says */
};

enum pending_kind {
	PENDING_GRANT, /* audit has it; worker or audit will end it */
	PENDING_REFUSAL, /* told when it is on disk */
	PENDING_LEG_GRANT, /* the same for a leg of x2's ask */
	PENDING_LEG_REFUSAL,
	PENDING_NOTE, /* nobody waits */
	PENDING_ALARM, /* nobody waits; again when it could not be written */
	PENDING_CHANGE, /* the change, or the missing entry, in hand */
	PENDING_DOCUMENT, /* keywarden(1) waits, as below */
	PENDING_REQUEST,
	PENDING_TASK
};

/* What policy waits for audit about. */
struct pending {
	enum pending_kind kind;
	struct ticket ticket; /* of xk, or of x2 */
	enum xk_reason reason;
	const struct held_warrant *warrant; /* of a leg */
	unsigned target; /* which of its targets */
	uint32_t cli; /* id of a control connection */
	unsigned alarm; /* enum alarm */
	struct submission *submission; /* owned */
	enum task_kind task;
	uint64_t number; /* of a task's change */
	json_t *answer; /* owned: of a task, completed by its result */
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

/* What persons are told when it begins and when it ends. */
enum alarm {
	ALARM_CONFIG,
	ALARM_CLOCK,
	ALARM_SYNC,
	ALARM_LEMF,
	ALARM_CRL,
	ALARM__MAX
};

/* When it was last looked at which warrants are in force for HI2. */
struct look {
	uint64_t head;
	size_t n_warrants;
	unsigned holds;
	int64_t next_edge; /* 0: never looked */
	uv_timer_t timer;
};

/* A change that is in effect and not in the log. */
struct unlogged {
	uint64_t number;
	struct head head; /* behind it */
};

struct policy {
	uv_loop_t loop;
	struct ctl_watch ctl;
	uv_poll_t control;
	uv_timer_t tick;
	int state_fd, control_fd;
	uint8_t *state_octets;
	struct kms_state state;
	struct db *db;
	struct peer *xk, *audit;
	bool df2; /* the role of the DF2/MF is on */
	bool remote; /* its keys are made by another appliance */
	bool production; /* what is for trials is refused */
	uid_t owner; /* who may speak to it, besides root and its own user */
	struct peer *x2, *hi2;
	struct msg_counts x2_counts, hi2_counts;
	struct lemf_state *delivery; /* policy_delivery.c */
	unsigned n_delivery;
	struct look look;
	struct msg_service service; /* audit's last word on it */
	uint8_t told_workers[MSG_WORKERS_MOST]; /* by the supervisor */
	struct msg_workers workers; /* views into that */
	struct connection connection[MAX_CONNECTIONS];
	struct slots *pending;
	struct slots *clis;

	struct authority *authority;
	struct warrants warrants;
	unsigned holds; /* how often one was stopped or let go by a change
			 * that is not in effect everywhere yet */
	struct held_subscriber **subscriber; /* in order of their numbers */
	size_t n_subscribers, cap_subscribers;
	struct index identities; /* of subscribers and of devices */
	struct waiting_list waiting;

	struct clock_guard clock;
	struct octets config; /* that is in use */
	bool config_approved;
	struct octets crls_octets; /* as the supervisor has told them */
	struct msg_crls crls; /* views into them */
	bool alarm[ALARM__MAX], alarm_told[ALARM__MAX];

	bool joined; /* audit has the warrant state */
	uint64_t chain_next; /* what it is told next */
	bool chain_last; /* it was told that this is all */
	struct job *jobs; /* changes to be, the first of them in hand */
	bool change_sent; /* audit has it, or a missing entry */
	bool change_waits; /* for audit's next word on its service */
	bool change_due; /* could not be sent: when something is done */
	struct unlogged *unlogged;
	size_t n_unlogged;
	bool relogging; /* the first of them is with audit */
	bool log_was_full; /* when it was to write one */
};

/* ---- policy_store.c: what is held in memory and in the database ---- */

/* Read the database; ends the process when it makes no warrant state. */
void policy_load(struct policy *);

/* A warrant that is in effect; takes it over. */
void policy_hold_warrant(struct policy *, struct warrant *, uint64_t number);

/* ---- policy_subscribers.c ---- */
void policy_load_subscribers(struct policy *);

/* By its public identity, whether its record stands or not. */
struct held_subscriber *policy_subscriber(struct policy *, struct rd identity);
struct held_subscriber *policy_record(struct policy *, uint64_t number);

/* Whose it is, itself or as a device's; NULL: nobody's. */
struct held_subscriber *policy_holder(struct policy *, struct rd identity);

/* Views into the record, which was read before. */
struct subscriber policy_read_record(const struct held_subscriber *);

/*
 * An identity is one subscriber's or one device's: ERR_EXISTS for one that is
 * another's than this subscriber's.
 */
enum err policy_identities_free(struct policy *, struct rd identity,
    const struct rd *device, unsigned n_devices, struct why *why) MUST_CHECK;

/* Make and change the rows, then what is held. */
enum err policy_put_record(struct policy *, struct rd record,
    struct why *why) MUST_CHECK;
void policy_drop_record(struct policy *, struct rd identity);
/* The same in memory alone, for a record from before a change. */
void policy_forget_record(struct policy *, struct rd identity, uint64_t before);

/* ---- policy_fits.c ---- */

/* What a request needs beyond authority_fits(). */
enum err policy_fits(struct policy *, const struct request *,
    struct why *why) MUST_CHECK;

/* Its identities alone: they may be another's by the time they are used. */
enum err policy_fits_identities(struct policy *, const struct request *,
    struct why *why) MUST_CHECK;

/* ---- policy_watch.c: clock, configuration, alarms ---- */
int64_t policy_now(struct policy *);
/* clock.accept is judged by the clock that it is to accept. */
int64_t policy_now_for(struct policy *, enum request_kind);
void policy_clock_start(struct policy *);
void policy_clock_floor(struct policy *, int64_t floor);
void policy_clock_accept(struct policy *);

/* Take the text in use over; `starting`: nothing was in use before. */
void policy_config_use(struct policy *, struct rd text, bool starting);
/* Another one may be approved now; the one in use stays good. */
void policy_config_judge(struct policy *);
/* How lists of revoked certificates stand: a MSG_CTL_CRLS. */
void policy_crls_are(struct policy *, struct rd);
/* Whether a certificate of a LEMF ends soon. */
void policy_lemfs_judge(struct policy *);

/* Why nothing is released now, a phrase for the log; NULL: all is well. */
const char *policy_stopped(struct policy *);
void policy_send_alarms(struct policy *);
void policy_watch_start(struct policy *);

/* ---- policy_ask.c: requests of xk ---- */
extern const struct peer_ops policy_xk_ops;
void policy_tell(struct policy *, struct ticket, enum xk_reason);

/* ---- policy_audit.c: to audit, and its word ---- */
extern const struct peer_ops policy_audit_ops;

/* The name of the client with this certificate; left = 0: none. */
struct rd policy_client_name(const struct policy *,
    const uint8_t fingerprint[32]);
struct pending *policy_pending(struct policy *, enum pending_kind,
    uint32_t *id);
/* Write an entry and wait for it as `pending` says; ERR_CLOSED: no audit. */
enum err policy_record_entry(struct policy *, const struct audit_entry *,
    uint32_t pending) MUST_CHECK;
/* One that nobody waits for. */
void policy_note(struct policy *, const struct audit_entry *);
void policy_audit_joined(struct policy *);
void policy_audit_left(struct policy *);

/* ---- policy_client.c: connections of xk, and whose they are ---- */

/* No connection is known any more: xk is a new one, or has gone. */
void policy_forget_connections(struct policy *);

/* ERR_MALFORMED: it is not what xk may say of this connection now. */
enum err policy_on_conn(void *ctx, const struct ipc_frame *);
enum err policy_on_client(void *ctx, const struct ipc_frame *);
enum err policy_on_conn_gone(void *ctx, const struct ipc_frame *);

/* One whose client has been told of; NULL if there is no such. */
const struct connection *policy_connection(struct policy *, uint32_t id);

/*
 * The enrolled client that has proved to be there, by the list of now; left =
 * 0 if none has.
 */
struct rd policy_connection_client(const struct policy *,
    const struct connection *);

/* Why it is nobody's: for the auditor alone. */
const char *policy_connection_refused(const struct policy *,
    const struct connection *);

/* ---- policy_change.c: changes, one at a time ---- */

/* A request that has its approvals; takes it over and answers `cli`. */
void policy_change_begin(struct policy *, struct waiting *, uint32_t cli);
bool policy_change_under_way(const struct policy *,
    const uint8_t hash[DIGEST_LEN]);
/* The same suspension or revocation is on its way. */
bool policy_change_alike(const struct policy *, const struct request *);
/* A row of the database that is not confirmed. */
enum err policy_change_restore(struct policy *, const struct change *,
    struct why *why) MUST_CHECK;
void policy_change_next(struct policy *);
void policy_changed(struct policy *, const struct msg_changed *);
void policy_changes_interrupted(struct policy *);
enum err policy_can_change(struct policy *, struct why *why) MUST_CHECK;

/* ---- policy_relog.c: changes that are in effect and not in the log ---- */
enum err policy_change_entry(struct policy *, const struct change *,
    const struct request *, const struct head *, const char *signers,
    uint8_t leaf[MAX_AUDIT_LEAF], size_t *len) MUST_CHECK;
enum err policy_change_send(struct policy *, const struct change *,
    const uint8_t *leaf, size_t len) MUST_CHECK;
void policy_unlogged(struct policy *, uint64_t number, struct head);
void policy_relog(struct policy *);
void policy_relogged(struct policy *, const struct msg_changed *);

/* ---- policy_chain.c: the warrant state, to an audit that has joined ---- */
void policy_chain_send(struct policy *);

#endif
