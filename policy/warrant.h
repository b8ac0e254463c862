/*
 * warrant: what officers have approved, and whether it covers a request.
 * Pure: time is an argument.
 *
 * A warrant is the body of a request of kind warrant.add; its name is the
 * SHA-256 of that request's octets.
 */
#ifndef POLICY_WARRANT_H
#define POLICY_WARRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "policy/json_read.h"

#define WARRANT_ID_LEN 32
#define XID_LEN 16

/* Clock skew allowed at both ends of a period: docs/PROTOCOL.md. */
#define WARRANT_SKEW 120
#define WARRANT_GRACE_DEFAULT 3600
#define WARRANT_GRACE_MAX (7 * 86400)

/* What may be delivered. */
enum warrant_product {
	PRODUCT_KEYS = 1 << 0, /* session keys */
	PRODUCT_SIP = 1 << 1, /* and the SIP messages */
	PRODUCT_SECRETS = 1 << 2, /* split mode: random secrets */
	PRODUCT_EC_VALUES = 1 << 3 /* split mode: points of an envelope */
};

enum warrant_delivery { DELIVERY_XK = 1 << 0, DELIVERY_HI2 = 1 << 1 };

struct warrant_target {
	struct words ids; /* public KMS identities */
	unsigned n_xids; /* of its interceptions at the CSCFs, RFC 4122 */
	uint8_t (*xid)[XID_LEN];
};

struct warrant {
	uint8_t id[WARRANT_ID_LEN]; /* set by who knows it */
	char liid[MAX_LIID + 1];
	bool test; /* for test subscribers, and for nobody else */
	int64_t start, end;
	int64_t grace; /* graceAfterEnd, seconds */
	int64_t calls_from; /* callsBefore, or start: the earliest T */
	unsigned products, deliveries; /* bits of the two enums */
	char *agency; /* NULL if it names none */
	unsigned n_targets;
	struct warrant_target *target; /* 1 to MAX_WARRANT_TARGETS */
	struct words clients; /* enrolled DF2/MFs that may ask */
	struct words lemfs; /* where records go */
};

/*
 * Read the body of a request (docs/PROTOCOL.md, "the warrant").  *out is the
 * caller's to warrant_free().  ERR_MALFORMED names the member that is wrong;
 * nothing unknown is let through.
 */
enum err warrant_read(json_t *body, struct warrant **out,
    struct why *why) MUST_CHECK;
void warrant_free(struct warrant **);

/* A public KMS identity as enrolment and warrants take it (profile 2). */
enum err identity_check(struct rd id, struct why *why) MUST_CHECK;

/* How a warrant stands after the changes that were made to it. */
struct warrant_state {
	bool revoked, suspended;
	int64_t end; /* as extended or shortened */
};

/* A request as far as a warrant is concerned. */
struct ask {
	struct rd target, client;
	struct rd liid; /* left = 0: any */
	bool over_hi2; /* to its LEMFs: no client asks, and none is compared */
	unsigned products; /* all of these are asked for */
	int64_t now;
	int64_t t[2]; /* of the call; none for a COUNTER */
	size_t n_t;
};

/*
 * Why a warrant does not allow a request, in the order in which it is looked
 * at; WARRANT_ALLOWS if it does.
 */
enum warrant_verdict {
	WARRANT_ALLOWS,
	WARRANT_OTHER_TARGET,
	WARRANT_OTHER_CLIENT,
	WARRANT_OTHER_LIID,
	WARRANT_REVOKED,
	WARRANT_SUSPENDED,
	WARRANT_NOT_YET,
	WARRANT_ENDED,
	WARRANT_OTHER_PRODUCT,
	WARRANT_OTHER_DELIVERY,
	WARRANT_CALL_BEFORE, /* the call began before the period */
	WARRANT_CALL_AFTER
};

/* Step (3): in force for this client, target and LIID. */
enum warrant_verdict warrant_is_for(const struct warrant *,
    const struct warrant_state *, const struct ask *);

/* Step (5): its period contains the call. */
enum warrant_verdict warrant_covers_call(const struct warrant *,
    const struct warrant_state *, const struct ask *);

/*
 * A sentence for who may know why: "the call began 3 days before the warrant".
 * Never NULL; no identity, no LIID.
 */
const char *warrant_explain(enum warrant_verdict, const struct warrant *,
    const struct warrant_state *, const struct ask *, char *out, size_t cap);

#endif
