/*
 * audit_entry: one leaf of the audit log.  Here, and nowhere else, target
 * identities and LIIDs are written down.
 *
 * Leaf: u8 version, u8 type, u64 number (from 0), i64 CLOCK_REALTIME ns, u64
 * CLOCK_BOOTTIME ns, then the fields that the type has, in the order of
 * struct audit_entry.
 */
#ifndef POLICY_AUDIT_ENTRY_H
#define POLICY_AUDIT_ENTRY_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "policy/warrant.h"

/*
 * The client of a key that goes to HI2: nobody asks for it from outside.  The
 * blank keeps it apart from all names of enrolled clients.
 */
#define AUDIT_SELF "this appliance"

enum audit_type {
	AUDIT_LOG_CREATED = 1, /* text: product and version */
	AUDIT_STARTED, /* text */
	AUDIT_STOPPED, /* text */
	AUDIT_KMS_CREATED, /* digest of kms-state, text: officers */
	AUDIT_KEY_INTENT, /* client target liid warrant digest call test */
	AUDIT_KEY_OUTCOME, /* ref reason n_keys call */
	AUDIT_KEY_REFUSED, /* client target liid reason call text */
	AUDIT_CHANGE, /* ref: number, reason: enum request_kind, target: whom or
		       * what it is about, liid warrant, digest: the head
		       * behind it, text: signers */
	AUDIT_HEAD, /* ref: number, digest of the head, text: its seal */
	AUDIT_DOCUMENT_REFUSED, /* digest text */
	AUDIT_SUBSCRIBER_INTENT, /* target digest of the order, text: what */
	AUDIT_SUBSCRIBER_OUTCOME, /* ref reason */
	AUDIT_CLIENT_EVENT, /* client n_keys: how often, text */
	AUDIT_WORKER, /* text */
	AUDIT_ABANDONED, /* ref: an intent without outcome */
	AUDIT_CONFIG, /* digest text */
	AUDIT_REQUEST, /* digest of it, text: submitted, rejected, by whom */
	AUDIT_ALARM, /* text */
	AUDIT_QUEUE_KEY_INTENT, /* ref: number of a data key of the queue,
				 * digest of it as it is wrapped */
	AUDIT_QUEUE_KEY_OUTCOME, /* ref reason */
	AUDIT_DELIVERY, /* client: a LEMF, n_keys: records, text: what of
			 * them */
	AUDIT_TYPE__MAX
};

/* Only the fields of the type are written and read; views as elsewhere. */
struct audit_entry {
	enum audit_type type;
	uint64_t number;
	int64_t realtime_ns;
	uint64_t boottime_ns;

	uint64_t ref; /* number of the intent this is about */
	uint8_t reason; /* enum xk_reason, 0 released; or enum err */
	uint32_t n_keys;
	struct rd client, target, liid;
	uint8_t warrant[WARRANT_ID_LEN];
	uint8_t digest[32];
	uint32_t csb_id;
	uint8_t ts_type;
	uint64_t ts; /* T of I_MESSAGE_1 */
	bool test; /* a test call under a test warrant */
	struct rd text;
};

/* Is the entry's digest that of the octets? */
bool audit_has_digest(const struct audit_entry *, struct rd) MUST_CHECK;

/* "keyIntent" ...; NULL for no type. */
const char *audit_type_name(enum audit_type);

/* At most MAX_AUDIT_LEAF octets; texts are cut to what fits. */
enum err audit_entry_encode(const struct audit_entry *, uint8_t *out,
    size_t *len) MUST_CHECK;

/* ERR_MALFORMED for what is not a leaf of a version we know. */
enum err audit_entry_decode(struct rd leaf, struct audit_entry *out) MUST_CHECK;

/* Does the type have the field?  For printing. */
enum audit_field {
	AUDIT_F_REF = 1 << 0,
	AUDIT_F_REASON = 1 << 1,
	AUDIT_F_COUNT = 1 << 2,
	AUDIT_F_CLIENT = 1 << 3,
	AUDIT_F_TARGET = 1 << 4,
	AUDIT_F_LIID = 1 << 5,
	AUDIT_F_WARRANT = 1 << 6,
	AUDIT_F_DIGEST = 1 << 7,
	AUDIT_F_CALL = 1 << 8,
	AUDIT_F_TEXT = 1 << 9,
	AUDIT_F_TEST = 1 << 10
};
unsigned audit_fields(enum audit_type);

#endif
