/*
 * proto_hi2: the messages of delivery: between the queue (hi2) and the
 * process that is connected to one LEMF (hi2c), and between the queue, audit
 * and the workers.  Numbers are in proto.h, docs/PROTOCOL.md has the list.
 *
 * The queue gives records in the order of their numbers, those first that are
 * not delivered, and never more than hi2/deliver.h's window of them; it
 * forgets one when hi2c says that it is delivered.  Every MSG_LINK with
 * `open` begins anew.
 */
#ifndef APPLIANCE_PROTO_HI2_H
#define APPLIANCE_PROTO_HI2_H

#include "appliance/proto_df2.h"
#include "policy/digest.h"

#define MAX_LINK_TEXT 255
#define MAX_SIGN_DATA 65536 /* octets that a signature PDU is over */
#define MAX_HI2_SECRET 512 /* octets of a data key or a signature */

/* MSG_DELIVER, hi2 -> hi2c */
struct msg_deliver {
	uint32_t epoch; /* of the MSG_LINK that it goes by */
	uint64_t number; /* order within the LEMF */
	struct rd pdu;
};
size_t msg_deliver_max(const struct msg_deliver *);
void msg_deliver_put(struct wr *, const struct msg_deliver *);
enum err msg_deliver_get(struct rd, struct msg_deliver *) MUST_CHECK;

/*
 * MSG_LINK, hi2c -> hi2: how the connection is.  `open`: records are taken
 * from now on; the first is the first that is not delivered.
 */
enum link_state {
	LINK_DOWN,
	LINK_UP, /* connected; an option is not answered yet */
	LINK_OPEN,
	LINK_SILENT, /* open, and TIME2 has passed without an answer */
	LINK__MAX
};
struct msg_link {
	enum link_state state;
	uint32_t epoch; /* new with each connection, not 0 */
	struct rd text; /* DOWN: why, for people; at most MAX_LINK_TEXT */
};
void msg_link_put(struct wr *, const struct msg_link *);
enum err msg_link_get(struct rd, struct msg_link *) MUST_CHECK;

/* MSG_SENT, MSG_DELIVERED, hi2c -> hi2: all up to the number. */
struct msg_upto {
	uint32_t epoch;
	uint64_t number;
};
void msg_upto_put(struct wr *, const struct msg_upto *);
enum err msg_upto_get(struct rd, struct msg_upto *) MUST_CHECK;

/*
 * MSG_SIGN, hi2c -> hi2; the frame's id is hi2c's.  Answered by MSG_SIGNED
 * with the same id: the signature, or nothing if it cannot be had now.
 */

/*
 * MSG_HI2_TASK, hi2 -> audit; the frame's id is hi2's.  The same body goes on
 * to a worker as MSG_DO_HI2_TASK with audit's id, and hi2's id before it.
 * UNWRAP is in the log before a worker has it, SIGN is not.
 *
 * The ids of a hi2 begin at a random number: what a worker still does for one
 * that has gone is answered to its successor, and must be no answer of its own.
 */
#define HI2_TASKS 8 /* under way at once; ERR_FULL beyond */
enum hi2_task_kind {
	HI2_TASK_UNWRAP, /* a data key of the queue: RSA-OAEP */
	HI2_TASK_SIGN, /* by the key of HI2: octets of a signature PDU */
	HI2_TASK__MAX
};
struct msg_hi2_task {
	enum hi2_task_kind kind;
	uint64_t key; /* UNWRAP: number of the data key, for the log */
	struct rd octets;
};
size_t msg_hi2_task_max(const struct msg_hi2_task *);
void msg_hi2_task_put(struct wr *, const struct msg_hi2_task *);
enum err msg_hi2_task_get(struct rd, struct msg_hi2_task *) MUST_CHECK;

/* MSG_DO_HI2_TASK, audit -> hsm */
struct msg_do_hi2_task {
	uint32_t hi2_id;
	struct msg_hi2_task task;
};
size_t msg_do_hi2_task_max(const struct msg_do_hi2_task *);
void msg_do_hi2_task_put(struct wr *, const struct msg_do_hi2_task *);
enum err msg_do_hi2_task_get(struct rd, struct msg_do_hi2_task *) MUST_CHECK;

/*
 * MSG_HI2_TASK_DONE, hsm -> hi2, hi2's id: u8 enum err, then the data key or
 * the signature (DER of ECDSA-Sig-Value) to the end.  ERR_MISMATCH: not
 * wrapped to this token, for good.
 * MSG_HI2_TASK_ENDED, hsm -> audit, audit's id: u8 enum err; ERR_CLOSED: hi2
 * could not be told.
 * MSG_HI2_TASK_FAILED, audit -> hi2, hi2's id: u8 enum err, never ERR_OK; no
 * worker will, and it may be asked again later.  ERR_HSM: no worker, or it
 * ended at it; ERR_FULL: the log or HI2_TASKS; ERR_AGAIN: HI2_ENTRIES.  It may
 * come behind a DONE of a worker that ended just then.
 */
struct msg_hi2_done {
	enum err rc;
	struct rd octets; /* empty unless ERR_OK */
};
void msg_hi2_done_put(struct wr *, const struct msg_hi2_done *);
enum err msg_hi2_done_get(struct rd, struct msg_hi2_done *) MUST_CHECK;

void msg_hi2_ended_put(struct wr *, enum err);
enum err msg_hi2_ended_get(struct rd, enum err *out) MUST_CHECK;

/*
 * MSG_HI2_NOTE, hi2 -> audit: something of delivery that the log must have;
 * MSG_HI2_NOTED, the same id, u8 enum err: it is on disk; ERR_FULL, there is no
 * room; ERR_AGAIN, HI2_ENTRIES.  Records are dropped only after ERR_OK.
 */
#define HI2_ENTRIES \
	240 /* notes and UNWRAPs in a minute, so that the log of \
	     * one who means harm fills slowly */
enum hi2_note_kind {
	HI2_NOTE_DOWN, /* an alarm: the LEMF is not reached for too long */
	HI2_NOTE_UP, /* it is again */
	HI2_NOTE_NEARLY_FULL, /* an alarm: records will be dropped soon */
	HI2_NOTE_DROPPED, /* records that were never delivered: n of them */
	HI2_NOTE_DAMAGED, /* an alarm: n records do not open, and are set aside
			   */
	HI2_NOTE__MAX
};
struct msg_hi2_note {
	enum hi2_note_kind kind;
	struct rd lemf;
	uint64_t n; /* records that wait; DROPPED: that are dropped */
	struct rd text; /* for people, at most MAX_LINK_TEXT octets */
};
size_t msg_hi2_note_max(const struct msg_hi2_note *);
void msg_hi2_note_put(struct wr *, const struct msg_hi2_note *);
enum err msg_hi2_note_get(struct rd, struct msg_hi2_note *) MUST_CHECK;

/*
 * MSG_DELIVERY, hi2 -> policy, one for each LEMF, whenever it has changed and
 * every 2 s at most: for `keywarden delivery`.  Counts since the queue was
 * made; a record is in exactly one of waiting, sent, delivered, dropped,
 * damaged.
 */
struct msg_delivery {
	struct rd lemf;
	bool configured; /* it has an address in the configuration */
	enum link_state state;
	int64_t since; /* UTC, of the state */
	struct rd text; /* DOWN: why */
	uint64_t waiting, sent, delivered, dropped, damaged;
	uint64_t octets; /* of those that wait or are sent */
	int64_t oldest; /* UTC, of those; 0: there is none */
	uint64_t most_octets; /* the bound; 0: none */
	bool alarm; /* down for too long, or nearly full */
};
void msg_delivery_put(struct wr *, const struct msg_delivery *);
enum err msg_delivery_get(struct rd, struct msg_delivery *) MUST_CHECK;

/* ---- settings of hi2c ---- */

#define MAX_LEMF_PINS 8

/* As hi2/deliver.h has them. */
enum link_rule { LINK_SENT, LINK_KEEPALIVE, LINK_ACKNOWLEDGED, LINK_RULE__MAX };
enum link_integrity {
	LINK_NO_INTEGRITY,
	LINK_HASH,
	LINK_SIGNATURE,
	LINK_INTEGRITY__MAX
};
enum link_hash { LINK_SHA256, LINK_SHA384, LINK_SHA512, LINK_HASH__MAX };

/* How one LEMF is spoken to. */
struct link_settings {
	bool tls12; /* TLS 1.2 too */
	enum link_rule rule;
	enum link_integrity integrity;
	enum link_hash hash;
	/* TIME1 (0: no keep-alives), TIME2, TIME3 of TS 102 232-1 */
	uint32_t keep_alive_seconds, answer_seconds, dead_seconds;
	uint32_t hash_records, hash_ms, sign_hashes, sign_seconds;
};

struct hi2c_settings {
	struct lemf_settings lemf;
	struct rd address; /* "ADDRESS:PORT", numbers only */
	struct rd name; /* in its certificate; empty: the address */
	bool has_ca, has_crl; /* CTL_FILE_CLIENT_CA, CTL_FILE_CRL come */
	unsigned n_pins; /* at least one, or has_ca */
	uint8_t pin[MAX_LEMF_PINS][DIGEST_LEN];
	struct link_settings how;
};
void hi2c_settings_put(struct wr *, const struct hi2c_settings *);
enum err hi2c_settings_get(struct rd, struct hi2c_settings *) MUST_CHECK;

#endif
