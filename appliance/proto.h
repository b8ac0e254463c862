/*
 * proto: every message between the appliance's processes, and between
 * keywarden(1) and the appliance.  docs/PROTOCOL.md has the same list with
 * directions and states; this file is the one that the code follows.
 *
 * Requests are even, the answer to N is N + 1; a getKeys (20) is answered by
 * 21, 51 or 53, keywarden(1) by 81 or 83.  A put function writes the
 * body, the get function of the same name reads it whole (trailing octets are
 * malformed); views point into the frame.
 */
#ifndef APPLIANCE_PROTO_H
#define APPLIANCE_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "policy/audit_entry.h"
#include "policy/change.h"
#include "policy/client_proof.h"
#include "xk/xk_pdu.h"

enum msg_type {
	/* supervisor <-> process, packets (base/ipc.h, ipc_ctl_*) */
	MSG_CTL_FILE = 2, /* id: enum ctl_file; a descriptor */
	MSG_CTL_PEER = 4, /* id: enum ctl_peer and index; a descriptor */
	MSG_CTL_SETUP = 6, /* the process's settings; starts it */
	MSG_CTL_READY = 7,
	MSG_CTL_RELOAD = 8, /* settings again, after SIGHUP */
	MSG_CTL_STOP = 10,
	MSG_CTL_FAILED = 13, /* u8 enum err, text: why the process will end */
	MSG_CTL_INIT = 14, /* keywarden init -> hsm: the ceremony's order */
	MSG_CTL_INIT_DONE = 15,
	/* keywarden token probe <-> hsm: appliance/proto_probe.h */
	MSG_CTL_PROBE = 190, /* probe_order */
	MSG_CTL_PROBE_TOKEN = 191, /* probe_token */
	MSG_CTL_PROBE_BEGINS = 193, /* u8 enum cap */
	MSG_CTL_PROBE_ENDED = 195, /* probe_ended */
	MSG_CTL_PROBE_DONE = 197,
	MSG_CTL_CRL = 170, /* the lists that came before this are in use now */
	MSG_CTL_CRL_STATE = 171, /* msg_crl: how a process's lists stand */
	MSG_CTL_CRLS = 172, /* supervisor -> policy: msg_crls */

	/* xk -> policy, policy -> xk */
	MSG_ASK = 20,
	MSG_REFUSE = 21,
	MSG_NOTE = 22, /* something of a client worth an audit entry */
	/* the frame's id is the connection's in these four */
	MSG_CONN = 24, /* a client has connected */
	MSG_CONN_NONCE = 25, /* what its handshake is to carry */
	MSG_CLIENT = 26, /* a client_proof: who it is */
	MSG_CONN_GONE = 28,

	/* policy -> audit, audit -> policy: the warrant state on joining */
	MSG_CHAIN = 54, /* msg_chain */
	MSG_CHAINED = 55, /* u8 enum err; taken, or not the log's */

	/* policy -> audit, audit -> policy */
	MSG_GRANT = 30,
	MSG_DONE = 31,
	MSG_RECORD = 32, /* an entry to be written */
	MSG_RECORDED = 33,
	MSG_CHANGE = 34, /* msg_change: one that is to take effect */
	MSG_CHANGED = 35, /* msg_changed */
	MSG_TASK = 36, /* work of the token that is not a getKeys */
	MSG_TASK_DONE = 37,
	MSG_SERVICE = 39, /* msg_service: what audit can do now */

	/* audit -> hsm, hsm -> audit */
	MSG_WORK = 40,
	MSG_OUTCOME = 41,
	MSG_DURABLE = 42, /* the outcome is on disk */
	MSG_CLOSED = 43, /* released or, at the last moment, not */
	MSG_LEARN = 44, /* msg_learn: changes of the warrant state */
	MSG_LEARNT = 45, /* msg_learnt */
	MSG_DO_TASK = 46,
	MSG_TASK_RESULT = 47,
	MSG_WORKER_READY = 49, /* bool TEST TOKEN, text to the end */

	/* hsm -> xk */
	MSG_ANSWER = 51,
	MSG_NO_ANSWER = 53,

	/* the DF2/MF: appliance/proto_df2.h */
	/* x2 -> policy, policy -> x2 */
	MSG_XID = 90, /* 16 octets: is it a warrant's in force? */
	MSG_XID_IS = 91, /* u8: enum xid_is */
	MSG_X2_ASK = 92, /* msg_x2_ask */
	MSG_X2_LEGS = 93, /* msg_x2_legs */
	MSG_X2_ENDED = 95, /* msg_x2_ended */
	MSG_XIDS_CHANGED = 97, /* what MSG_XID_IS said holds no longer */
	MSG_X2_AGAIN = 99, /* 16 octets: a warrant came later for this XID */
	MSG_X2_COUNTS = 101, /* x2 -> policy: msg_counts */
	/* x2 -> hi2, hi2 -> x2 */
	MSG_CONTENT = 110, /* msg_content */
	MSG_STORED = 111, /* msg_stored: the record is on disk */
	MSG_CONTENT_GONE = 112, /* nothing more will be asked for it */
	/* the same, appliance/proto_intake.h: what x2 must not lose */
	MSG_INTAKE = 114, /* msg_intake */
	MSG_INTAKE_STORED = 115, /* u64: on disk up to this act */
	MSG_INTAKE_GONE = 116, /* msg_intake_gone */
	MSG_INTAKE_BACK = 117, /* msg_intake_back */
	MSG_INTAKE_MORE = 118, /* u64: what came back last */
	MSG_INTAKE_END = 119, /* u64: the number to begin with */
	/* hsm -> hi2, policy -> hi2, hi2 -> policy */
	MSG_HI2_KEYS = 121, /* msg_hi2_keys */
	MSG_HI2_ORDER = 123, /* msg_hi2_order */
	MSG_HI2_COUNTS = 125, /* msg_counts */
	MSG_HI2_TASK_DONE = 127, /* msg_hi2_done */
	MSG_DELIVERY = 129, /* msg_delivery */
	/* x2 -> xkc; hsm -> xkc, xkc -> hsm: keys that another appliance makes
	 */
	MSG_MIKEY = 130, /* msg_mikey */
	MSG_MIKEY_GONE = 132, /* they are not needed any more */
	MSG_FETCH = 134, /* msg_fetch */
	MSG_FETCHED = 135, /* msg_fetched */

	/* delivery: appliance/proto_hi2.h */
	/* hi2 -> hi2c, hi2c -> hi2 */
	MSG_DELIVER = 140, /* msg_deliver */
	MSG_LINK = 141, /* msg_link */
	MSG_SIGNED = 142, /* octets of a signature, or none */
	MSG_SENT = 143, /* msg_upto */
	MSG_DELIVERED = 145, /* msg_upto */
	MSG_SIGN = 147, /* octets */
	/* hi2 -> audit, audit -> hi2 */
	MSG_HI2_TASK = 150, /* msg_hi2_task */
	MSG_HI2_TASK_FAILED = 151, /* u8 enum err */
	MSG_HI2_NOTE = 152, /* msg_hi2_note */
	MSG_HI2_NOTED = 153, /* u8 enum err */
	/* audit -> hsm, hsm -> audit */
	MSG_DO_HI2_TASK = 154, /* msg_do_hi2_task */
	MSG_HI2_TASK_ENDED = 155, /* u8 enum err */
	/* xk, x2, xkc, hi2c -> signer, signer -> them: appliance/tls_role.h */
	MSG_TLS_SIGN = 160, /* a transcript's hash, to its end */
	MSG_TLS_SIGNED = 161, /* DER of ECDSA-Sig-Value, to its end */

	/* how the token does: appliance/proto_health.h */
	MSG_CTL_HEALTH = 181, /* hsm -> supervisor: health */
	MSG_CTL_WORKERS = 182, /* supervisor -> policy: msg_workers */
	MSG_WORKER_ENDS = 183, /* hsm -> audit: u8 enum err, text: why */

	/* keywarden(1) -> policy, policy -> keywarden(1) */
	MSG_CLI_STATUS = 60,
	MSG_CLI_SUBMIT = 62, /* CMS: a request or a rejection */
	MSG_CLI_WARRANT_LIST = 64, /* u32 from which row on */
	MSG_CLI_WARRANT_CHECK = 66, /* octets of a request, or a CMS of one */
	MSG_CLI_REQUEST_LIST = 68, /* u32 from which row on */
	MSG_CLI_REQUEST_SHOW = 70, /* 32 octets: SHA-256 of a request */
	MSG_CLI_SUBSCRIBER_LIST = 72, /* u32 from which bucket on */
	MSG_CLI_STATE = 74, /* persons, clients, configuration, head */
	MSG_CLI_KEY_ISSUE = 76,
	MSG_CLI_DELIVERY = 78, /* u32 from which row on */
	MSG_CLI_OK = 81, /* JSON */
	MSG_CLI_ERROR = 83 /* u8 enum err, text */
};

/* Descriptors that the supervisor hands down. */
enum ctl_file {
	CTL_FILE_KMS_STATE, /* hsm, policy, hi2: read */
	CTL_FILE_PIN, /* hsm, signer: read */
	CTL_FILE_LOG, /* audit: the log, read and write */
	CTL_FILE_LISTEN, /* xk, x2: a listening socket; several may come */
	CTL_FILE_TLS_CERT, /* xk, x2, xkc, hi2c: PEM */
	/* xk, x2, xkc, hi2c: PEM; a public key is that of a key in the token
	 */
	CTL_FILE_TLS_KEY,
	CTL_FILE_CLIENT_CA, /* xk, x2, xkc and hi2c (the servers'): PEM */
	CTL_FILE_CONTROL, /* policy: the listening control socket */
	CTL_FILE_SO_PIN, /* hsm, in init: read */
	CTL_FILE_NEW_STATE, /* hsm, in init: write; KMS_STATE is the draft */
	CTL_FILE_HEAD, /* hsm: read and write, in init too */
	CTL_FILE_CRL, /* xk, x2, xkc and hi2c: PEM, where `crl` is set */
	CTL_FILE__MAX
};

enum ctl_peer {
	CTL_PEER_XK,
	CTL_PEER_POLICY,
	CTL_PEER_AUDIT,
	CTL_PEER_HSM, /* with index */
	CTL_PEER_X2,
	CTL_PEER_HI2,
	CTL_PEER_XKC,
	CTL_PEER_HI2C, /* with index: the LEMF's slot */
	CTL_PEER_SIGNER,
	CTL_PEER__MAX
};
#define CTL_PEER_ID(kind, index) ((uint32_t)(kind) << 8 | (uint32_t)(index))

/* Who asked: the id counts, the epoch is new for each xk process. */
struct ticket {
	uint64_t epoch;
	uint32_t id;
};

/* A getKeys as xk passes it on; the first two steps' reasons come along. */
struct msg_ask {
	uint64_t epoch;
	uint32_t connection; /* whose it is, policy knows */
	enum xk_reason role_reason; /* step (2) */
	enum xk_reason call_reason; /* step (4) */
	struct rd target, liid;
	struct rd call; /* call_put(); empty unless call_reason is granted */
};
void msg_ask_put(struct wr *, const struct msg_ask *);
enum err msg_ask_get(struct rd, struct msg_ask *) MUST_CHECK;

/* MSG_REFUSE and MSG_NO_ANSWER. */
struct msg_refuse {
	uint64_t epoch;
	enum xk_reason reason;
	struct rd text;
};
void msg_refuse_put(struct wr *, const struct msg_refuse *);
enum err msg_refuse_get(struct rd, struct msg_refuse *) MUST_CHECK;

struct msg_note {
	uint32_t connection;
	uint32_t count;
	struct rd text;
};
void msg_note_put(struct wr *, const struct msg_note *);
enum err msg_note_get(struct rd, struct msg_note *) MUST_CHECK;

/* MSG_CLIENT */
#define MSG_CLIENT_LEAST 13
void msg_client_put(struct wr *, const struct client_proof *);
enum err msg_client_get(struct rd, struct client_proof *) MUST_CHECK;
size_t msg_client_max(const struct client_proof *);

/*
 * MSG_GRANT and MSG_WORK.  `intent` is an encoded audit entry: in a GRANT as
 * policy wishes it (number and times 0), in WORK the leaf as it is on disk.
 */
/* Who gets the keys: the client that asked, or LEMFs of the warrant. */
enum route { ROUTE_XK, ROUTE_HI2, ROUTE__MAX };
struct msg_work {
	enum route route;
	struct ticket ticket; /* of xk, or of x2 */
	struct rd intent;
	uint64_t number; /* of the change by which the warrant was entered */
	struct rd warrant; /* octets of its request */
	struct rd evidence; /* its signatures: evidence_put() */
	struct rd subscriber; /* sealed record */
	struct rd call; /* call_put() */
};
void msg_work_put(struct wr *, const struct msg_work *);
enum err msg_work_get(struct rd, struct msg_work *) MUST_CHECK;
size_t msg_work_max(const struct msg_work *);

/* MSG_DONE: `told` if the worker has answered the asker. */
struct msg_done {
	bool told;
	enum xk_reason reason;
};
void msg_done_put(struct wr *, const struct msg_done *);
enum err msg_done_get(struct rd, struct msg_done *) MUST_CHECK;

struct msg_service {
	uint32_t workers; /* that are ready */
	bool log_has_room;
	bool test_token; /* a worker's token is none of hardware */
	bool state_old; /* the warrant state is not the last that was seen */
	int64_t floor; /* it has been this late, by the log: seconds */
};
#define MSG_SERVICE_LEN 15
void msg_service_put(struct wr *, const struct msg_service *);
enum err msg_service_get(struct rd, struct msg_service *) MUST_CHECK;

/*
 * MSG_CHAIN: changes in order, as change_put() writes them, to the end; light
 * ones without octets, the others with request and signatures.  `last`: that
 * is all there is.
 */
#define CHAIN_BATCH (256 * 1024) /* octets of changes in one message */
struct msg_chain {
	bool last;
	struct rd changes;
};
void msg_chain_put(struct wr *, const struct msg_chain *);
enum err msg_chain_get(struct rd, struct msg_chain *) MUST_CHECK;

/* MSG_CHANGE; `entry` is empty for one that is in the log. */
struct msg_change {
	struct rd entry; /* audit entry to write */
	struct rd change; /* one, change_put() */
};
void msg_change_put(struct wr *, const struct msg_change *);
enum err msg_change_get(struct rd, struct msg_change *) MUST_CHECK;

/* MSG_CHANGED: ERR_OK: in effect, and every worker has it. */
struct msg_changed {
	enum err rc;
	bool logged;
	struct rd text; /* for people, when it was not taken */
};
void msg_changed_put(struct wr *, const struct msg_changed *);
enum err msg_changed_get(struct rd, struct msg_changed *) MUST_CHECK;

/* MSG_LEARN: changes as in MSG_CHAIN; `fresh`: one to be judged now. */
struct msg_learn {
	int64_t floor; /* it has been this late, by the log: seconds */
	bool fresh;
	struct rd changes;
};
void msg_learn_put(struct wr *, const struct msg_learn *);
enum err msg_learn_get(struct rd, struct msg_learn *) MUST_CHECK;

/* MSG_LEARNT: how far the worker is. */
struct msg_learnt {
	enum err rc; /* of what it was to learn */
	bool current; /* not behind the last head that it has sealed */
	struct head head;
	struct rd seal; /* of the head, under the token's key */
	struct rd text; /* when rc is none */
};
void msg_learnt_put(struct wr *, const struct msg_learnt *);
enum err msg_learnt_get(struct rd, struct msg_learnt *) MUST_CHECK;

/* MSG_OUTCOME, MSG_CLOSED */
struct msg_outcome {
	enum xk_reason reason;
	uint32_t n_keys;
};
void msg_outcome_put(struct wr *, const struct msg_outcome *);
enum err msg_outcome_get(struct rd, struct msg_outcome *) MUST_CHECK;

enum task_kind {
	TASK_SUBSCRIBER, /* body: a task_subscriber; result: see there */
	TASK_KEY_ISSUE, /* body: a task_key; result: a task_key_result */
	TASK__MAX
};

/* MSG_TASK, MSG_DO_TASK */
struct msg_task {
	enum task_kind kind;
	struct rd entry; /* audit entry: AUDIT_SUBSCRIBER_INTENT */
	struct rd body;
};
void msg_task_put(struct wr *, const struct msg_task *);
enum err msg_task_get(struct rd, struct msg_task *) MUST_CHECK;

/* MSG_TASK_DONE, MSG_TASK_RESULT: on failure `result` is a text for people. */
struct msg_result {
	enum err rc;
	struct rd result;
};
void msg_result_put(struct wr *, const struct msg_result *);
enum err msg_result_get(struct rd, struct msg_result *) MUST_CHECK;

/*
 * Body of TASK_SUBSCRIBER: make the record that an approved subscriber.add or
 * subscriber.devices asks for.
 */
struct task_subscriber {
	uint64_t number; /* of the change */
	struct rd request; /* its octets */
	struct rd record; /* sealed, the one before; empty for a new one */
};
void task_subscriber_put(struct wr *, const struct task_subscriber *);
enum err task_subscriber_get(struct rd, struct task_subscriber *) MUST_CHECK;

/* Its result: the sealed record, and the new seed for the device. */
struct task_subscriber_result {
	struct rd record;
	struct rd for_device; /* empty for an imported seed */
};
void task_subscriber_result_put(struct wr *,
    const struct task_subscriber_result *);
enum err task_subscriber_result_get(struct rd,
    struct task_subscriber_result *) MUST_CHECK;

/* Body of TASK_KEY_ISSUE: whose key, for the period with this time in it. */
struct task_key {
	struct rd subscriber; /* sealed record */
	struct rd identity; /* the subscriber's own or one of its devices' */
	int64_t at;
};
void task_key_put(struct wr *, const struct task_key *);
enum err task_key_get(struct rd, struct task_key *) MUST_CHECK;

/* Its result: CMS to the device's certificate, around BFPrivateKeyBlock. */
struct task_key_result {
	int64_t not_before, not_after;
	struct rd enveloped;
};
void task_key_result_put(struct wr *, const struct task_key_result *);
enum err task_key_result_get(struct rd, struct task_key_result *) MUST_CHECK;

/* MSG_CLI_KEY_ISSUE */
struct cli_key_issue {
	struct rd subscriber, identity;
	int64_t at;
};
void cli_key_issue_put(struct wr *, const struct cli_key_issue *);
enum err cli_key_issue_get(struct rd, struct cli_key_issue *) MUST_CHECK;

/* MSG_ANSWER: keys from the hsm worker to the process that asked. */
size_t msg_answer_max(const struct xk_get_keys_response *);
void msg_answer_put(struct wr *, uint64_t epoch,
    const struct xk_get_keys_response *);
enum err msg_answer_get(struct rd, uint64_t *epoch,
    struct xk_get_keys_response *) MUST_CHECK;

/* MSG_CTL_FAILED, MSG_CLI_ERROR: u8 enum err and a text. */
void msg_error_put(struct wr *, enum err, const char *text);
enum err msg_error_get(struct rd, enum err *, struct rd *text) MUST_CHECK;

/* How lists of revoked certificates stand; the later is the worse. */
enum crl_state {
	CRL_NONE, /* none are asked for */
	CRL_GOOD,
	CRL_ENDING, /* little of its time is left: crl_set_state() */
	CRL_ENDED, /* or not yet begun */
	CRL_MISSING, /* lists are asked for, and none could be read */
	CRL_STATE__MAX
};

/* MSG_CTL_CRL_STATE */
#define MSG_CRL_LEN 9
struct msg_crl {
	enum crl_state state;
	int64_t ends; /* of the list that ends first; 0: there is none */
};
void msg_crl_put(struct wr *, const struct msg_crl *);
enum err msg_crl_get(struct rd, struct msg_crl *) MUST_CHECK;

/* MSG_CTL_CRLS: of each process that has lists, or should have. */
#define MAX_CRLS 67 /* xk, x2, xkc, and hi2c of each LEMF */
struct msg_crls {
	unsigned n;
	struct {
		struct rd section; /* of the configuration */
		struct msg_crl is;
	} of[MAX_CRLS];
};
void msg_crls_put(struct wr *, const struct msg_crls *);
enum err msg_crls_get(struct rd, struct msg_crls *) MUST_CHECK;

/* ---- settings (MSG_CTL_SETUP, MSG_CTL_RELOAD) ---- */

/* Who is let in, and how often: appliance/admission.h; rates are a second. */
struct admission_settings {
	uint32_t address_rate, address_connections;
	uint32_t max_handshakes; /* under way at once, over all */
	uint32_t client_rate, client_connections;
	uint32_t client_requests; /* a second; 0: any */
};
void admission_settings_put(struct wr *, const struct admission_settings *);
enum err admission_settings_get(struct rd *,
    struct admission_settings *) MUST_CHECK;

struct xk_settings {
	uint32_t max_connections;
	uint32_t max_outstanding; /* over all connections */
	uint32_t max_outstanding_each; /* on one connection */
	uint32_t max_outstanding_client; /* on all of one client */
	uint32_t max_queued; /* octets waiting for one client */
	uint32_t handshake_seconds, idle_seconds, request_seconds;
	struct admission_settings admission;
};
void xk_settings_put(struct wr *, const struct xk_settings *);
enum err xk_settings_get(struct rd, struct xk_settings *) MUST_CHECK;

struct policy_settings {
	struct rd database; /* path */
	struct rd config; /* what matters of it: config_matters() */
	bool df2; /* the role of the DF2/MF is on: x2 and hi2 are there */
	bool remote; /* keys for it are made by another appliance */
	bool production; /* only to be shown */
	uint32_t owner; /* the user whose the state is: may speak to it */
};
void policy_settings_put(struct wr *, const struct policy_settings *);
enum err policy_settings_get(struct rd, struct policy_settings *) MUST_CHECK;

struct hsm_settings {
	uint32_t index;
	uint32_t call_seconds; /* deadline of one call into the token */
	uint32_t job_seconds; /* deadline of one job */
	uint32_t threads; /* jobs at once */
	bool remote; /* keys for HI2 are made by another appliance */
	bool production; /* SoftHSM is refused */
	struct rd module, label;
};
void hsm_settings_put(struct wr *, const struct hsm_settings *);
enum err hsm_settings_get(struct rd, struct hsm_settings *) MUST_CHECK;

/* MSG_CTL_INIT */
struct init_order {
	bool make_token;
	bool production; /* SoftHSM is refused */
	struct rd module, label;
};
void init_order_put(struct wr *, const struct init_order *);
enum err init_order_get(struct rd, struct init_order *) MUST_CHECK;

struct audit_settings {
	uint64_t chunk; /* octets preallocated at a time */
	uint64_t most; /* octets that the log may have; 0: as the disk */
};
void audit_settings_put(struct wr *, const struct audit_settings *);
enum err audit_settings_get(struct rd, struct audit_settings *) MUST_CHECK;

/* A NUL-terminated copy of a short view; ERR_TOOBIG. */
enum err view_text(struct rd v, char *out, size_t cap) MUST_CHECK;

#endif
