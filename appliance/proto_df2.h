/*
 * proto_df2: the messages of the DF2/MF: from the process that takes SIP in
 * (x2), by way of policy, audit and a worker, to the one that makes records
 * (hi2).  Numbers are in proto.h, docs/PROTOCOL.md has the list.
 *
 * A ticket is x2's number for one thing that it has told of: a set of MIKEY
 * messages, or one SIP message.  Its content goes straight to hi2; whether it
 * may be delivered, and to whom, comes from policy or the worker.  A leg is
 * one warrant that it concerns, known to x2 by the number of the warrant's
 * change alone.
 */
#ifndef APPLIANCE_PROTO_DF2_H
#define APPLIANCE_PROTO_DF2_H

#include "appliance/proto.h"

#define MAX_LEGS 64 /* warrants in force for one XID at once */
#define MAX_LEMFS 64 /* in the configuration */

/* MSG_XID_IS */
enum xid_is { XID_IN_FORCE = 1 << 0, XID_SIP_TOO = 1 << 1 };

enum x2_ask_kind {
	X2_ASK_KEYS, /* of a set of MIKEY messages */
	X2_ASK_NO_KEYS, /* a set that is not whole: tell the LEMFs so */
	X2_ASK_SIP, /* deliver a SIP message */
	X2_ASK__MAX
};

struct msg_x2_ask {
	uint64_t epoch; /* new for each x2 process */
	enum x2_ask_kind kind;
	uint8_t xid[XID_LEN];
	bool again; /* also for warrants on the same target that came later */
	enum xk_reason call_reason; /* of X2_ASK_KEYS: step (4) */
	unsigned n_done;
	uint64_t done[MAX_LEGS]; /* legs that need nothing any more */
	struct rd call; /* call_put(); empty unless KEYS and granted */
};
size_t msg_x2_ask_max(const struct msg_x2_ask *);
void msg_x2_ask_put(struct wr *, const struct msg_x2_ask *);
enum err msg_x2_ask_get(struct rd, struct msg_x2_ask *) MUST_CHECK;

/* The legs that an ask has, beside those that it called done. */
struct msg_x2_legs {
	uint64_t epoch;
	unsigned n;
	uint64_t leg[MAX_LEGS];
};
void msg_x2_legs_put(struct wr *, const struct msg_x2_legs *);
enum err msg_x2_legs_get(struct rd, struct msg_x2_legs *) MUST_CHECK;

/*
 * No record will come of a leg: XK_UNAVAILABLE and XK_OVERLOADED may be asked
 * again, any other reason ends it.
 */
struct msg_x2_ended {
	uint64_t epoch, leg;
	enum xk_reason reason;
};
void msg_x2_ended_put(struct wr *, const struct msg_x2_ended *);
enum err msg_x2_ended_get(struct rd, struct msg_x2_ended *) MUST_CHECK;

/*
 * MSG_CONTENT; what hi2 puts into records of the ticket, if it may.  `call` and
 * `mark` name the thing in the journal (proto_intake.h), so that the record of
 * a leg is made once, however often an x2 that has started anew asks.
 */
#define INTAKE_MARK_LEN 16
struct msg_content {
	uint64_t epoch;
	uint64_t call; /* 0: it is not in the journal */
	uint8_t mark[INTAKE_MARK_LEN]; /* which exchange of the call */
	uint8_t correlation[8]; /* X2's */
	int64_t seconds; /* when it was intercepted, UTC */
	uint32_t nanoseconds;
	uint8_t direction; /* X2's: 2 to the target, 3 from it, else 0 */
	struct rd sip;
};
size_t msg_content_max(const struct msg_content *);
void msg_content_put(struct wr *, const struct msg_content *);
enum err msg_content_get(struct rd, struct msg_content *) MUST_CHECK;

struct msg_stored {
	uint64_t epoch, leg;
};
void msg_stored_put(struct wr *, const struct msg_stored *);
enum err msg_stored_get(struct rd, struct msg_stored *) MUST_CHECK;

/* What of a warrant a record needs; views. */
struct destination {
	uint64_t leg;
	struct rd liid;
	unsigned n_lemfs;
	struct rd lemf[MAX_WARRANT_LEMFS];
	unsigned n_targets;
	struct rd target[MAX_WARRANT_IDS]; /* observed identities */
};
/* Of the warrant's target that has this identity; views into the warrant. */
void destination_of(const struct warrant *, uint64_t number, struct rd identity,
    struct destination *out);
size_t destination_max(const struct destination *);
void destination_put(struct wr *, const struct destination *);
enum err destination_get(struct rd *, struct destination *) MUST_CHECK;

/* How a LEMF gets the keys. */
enum hi2_keys_how {
	HI2_KEYS_CLEAR, /* it has no certificate */
	HI2_KEYS_SEALED, /* to its certificate: docs/PROTOCOL.md, A11 */
	HI2_KEYS_NONE, /* they cannot be sealed: it is told that there are none
			*/
	HI2_KEYS_HOW__MAX
};

#define HI2_CS_ID_LEN 5 /* CSB ID, CS ID: cCCSID */
#define HI2_SEALED_KEY_MAX \
	2048 /* octets of one sealed key; most: 400 to 800 \
	      */
#define HI2_SEALED_MAX \
	(192 * 1024) /* of all of a LEMF, with their lengths: \
		      * with the longest SIP message a record \
		      * fits into a message between processes */

/*
 * From a worker, after the outcome is on disk.  All but the first three is
 * empty unless `reason` is XK_GRANTED; then at least one LEMF gets keys.
 */
struct msg_hi2_keys {
	uint64_t epoch;
	enum xk_reason reason;
	struct destination to;
	enum hi2_keys_how how[MAX_WARRANT_LEMFS]; /* for each of `to` */
	struct rd answer; /* body of a MSG_ANSWER with the epoch of x2, if one
			   * gets them in clear */
	struct rd ids; /* HI2_CS_ID_LEN octets each, if one is sealed to */
	/* SEALED: as many views as there are ids, each behind its u16 length */
	struct rd sealed[MAX_WARRANT_LEMFS];
};
size_t msg_hi2_keys_max(const struct msg_hi2_keys *);
void msg_hi2_keys_put(struct wr *, const struct msg_hi2_keys *);
enum err msg_hi2_keys_get(struct rd, struct msg_hi2_keys *) MUST_CHECK;

/* From policy: a record without keys. */
struct msg_hi2_order {
	uint64_t epoch;
	enum x2_ask_kind kind; /* X2_ASK_NO_KEYS or X2_ASK_SIP */
	struct destination to;
};
size_t msg_hi2_order_max(const struct msg_hi2_order *);
void msg_hi2_order_put(struct wr *, const struct msg_hi2_order *);
enum err msg_hi2_order_get(struct rd, struct msg_hi2_order *) MUST_CHECK;

/* ---- keys that another appliance makes ---- */

/* The octets of the messages of a ticket of KEYS; left = 0: none. */
struct msg_mikey {
	uint64_t epoch;
	struct rd i1, r1, i2, r2, first_i1, first_r1, first_i2;
};
size_t msg_mikey_max(const struct msg_mikey *);
void msg_mikey_put(struct wr *, const struct msg_mikey *);
enum err msg_mikey_get(struct rd, struct msg_mikey *) MUST_CHECK;

/* A worker asks for the keys of a ticket; it has verified the warrant. */
struct msg_fetch {
	struct ticket ticket; /* of x2 */
	struct rd target;
};
void msg_fetch_put(struct wr *, const struct msg_fetch *);
enum err msg_fetch_get(struct rd, struct msg_fetch *) MUST_CHECK;

/* `answer` as in MSG_ANSWER, with x2's epoch; empty unless XK_GRANTED. */
struct msg_fetched {
	enum xk_reason reason;
	struct rd answer;
};
size_t msg_fetched_max(const struct msg_fetched *);
void msg_fetched_put(struct wr *, const struct msg_fetched *);
enum err msg_fetched_get(struct rd, struct msg_fetched *) MUST_CHECK;

/* ---- counts since the process began, for `keywarden status` ---- */

enum x2_count {
	X2_COUNT_CONNECTIONS, /* that are there now */
	X2_COUNT_PDUS, /* whole ones, of any type */
	X2_COUNT_MALFORMED, /* no PDU: the connection was closed */
	X2_COUNT_OTHER_TYPE, /* X3 and types that are none: dropped */
	X2_COUNT_OTHER_FORMAT, /* no SIP: dropped */
	X2_COUNT_NO_WARRANT, /* an XID without a warrant in force: dropped */
	X2_COUNT_NO_SIP, /* of interest, and not a SIP message: dropped */
	X2_COUNT_SIP, /* of interest, and taken */
	X2_COUNT_CALLS, /* held now */
	X2_COUNT_EVICTED, /* calls given up for want of room or for age */
	X2_COUNT_WAITING, /* tickets that wait for their records */
	X2_COUNT_STORED, /* legs whose record is on disk */
	X2_COUNT_REFUSED, /* legs that ended without a record */
	X2_COUNT_GIVEN_UP, /* legs that found no service in time */
	X2_COUNT__MAX
};
const char *x2_count_name(enum x2_count); /* "noWarrant" */

enum hi2_count {
	HI2_COUNT_KEYS, /* records with keys */
	HI2_COUNT_NO_KEYS, /* records that keys cannot be had */
	HI2_COUNT_SIP, /* records of a SIP message alone */
	HI2_COUNT_WAITING, /* records in the queue, one for each LEMF */
	HI2_COUNT_OCTETS, /* of them */
	HI2_COUNT_UNKNOWN_LEMF, /* for one that the configuration lacks */
	HI2_COUNT_UNFIT, /* not made: the LEMF's profile cannot say the time */
	HI2_COUNT_JOURNAL, /* intercepted messages that x2 still needs */
	HI2_COUNT__MAX
};
const char *hi2_count_name(enum hi2_count);

#define MAX_COUNTS 32
struct msg_counts {
	unsigned n;
	uint64_t v[MAX_COUNTS];
};
void msg_counts_put(struct wr *, const struct msg_counts *);
enum err msg_counts_get(struct rd, struct msg_counts *) MUST_CHECK;

/* ---- settings ---- */

struct x2_settings {
	uint32_t max_connections;
	uint32_t handshake_seconds, idle_seconds;
	uint32_t max_calls; /* intercepted calls held at once */
	uint32_t max_mib; /* and their octets */
	uint32_t call_idle_seconds; /* a call of which nothing is heard */
	uint32_t wait_ms; /* for the rest of an exchange */
	uint32_t retry_seconds; /* how long keys are asked for */
	bool remote; /* another appliance makes the keys: xkc is there */
	struct admission_settings admission; /* but for client_requests */
};
void x2_settings_put(struct wr *, const struct x2_settings *);
enum err x2_settings_get(struct rd, struct x2_settings *) MUST_CHECK;
/*
 * Octets of intercepted messages that x2 keeps on disk for its calls, and all
 * that it may have there, with those of tickets (256 MiB at most) and some that
 * are on their way.
 */
uint64_t x2_stored_most(const struct x2_settings *);
uint64_t x2_intake_most(const struct x2_settings *);

struct xkc_settings {
	struct rd address; /* "ADDRESS:PORT", numbers only */
	struct rd name; /* in the server's certificate; empty: the address */
	uint32_t request_seconds, keep_alive_seconds;
};
void xkc_settings_put(struct wr *, const struct xkc_settings *);
enum err xkc_settings_get(struct rd, struct xkc_settings *) MUST_CHECK;

#define MAX_LEMF_OPTIONS 24
struct lemf_option {
	struct rd name, value;
};
/*
 * How records for a LEMF are encoded: a named profile, then options over it;
 * how many may wait; and who is connected to it.
 */
struct lemf_settings {
	struct rd name, profile;
	unsigned n_options;
	struct lemf_option option[MAX_LEMF_OPTIONS];
	uint32_t queue_mib; /* MiB of records that wait, at most */
	uint32_t queue_days; /* their age, at most; 0: any */
	/* The process of its own: CTL_PEER_HI2C with this index. */
	bool linked; /* there is one; else the rest is 0 */
	uint8_t slot;
	uint32_t dead_seconds; /* away for so long is worth an alarm */
};
/* One alone, as part of another message. */
void lemf_settings_put(struct wr *, const struct lemf_settings *);
enum err lemf_settings_get(struct rd *, struct lemf_settings *) MUST_CHECK;
struct hi2_settings {
	struct rd spool; /* path of the database */
	uint64_t intake_most; /* octets that x2 may have in the journal */
	unsigned n_lemfs;
	struct lemf_settings lemf[MAX_LEMFS];
};
void hi2_settings_put(struct wr *, const struct hi2_settings *);
enum err hi2_settings_get(struct rd, struct hi2_settings *) MUST_CHECK;

#endif
