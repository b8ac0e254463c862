/*
 * request: what persons sign to change something.  Canonical octets with who
 * asks, a nonce, an expiry and the version of the rules; known by their
 * SHA-256.  One document for everything that needs two.
 *
 * Canonical: JSON without blanks, members in the order of their octets,
 * strings of printable ASCII where a form is given.  What is not the very
 * octets that request_write() makes is refused, so that there is one way to
 * write a request, and what a person is shown is decoded from what counts.
 */
#ifndef POLICY_REQUEST_H
#define POLICY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "policy/digest.h"
#include "policy/persons.h"
#include "policy/warrant.h"

enum request_kind {
	REQUEST_WARRANT_ADD,
	REQUEST_WARRANT_EXTEND,
	REQUEST_WARRANT_END, /* earlier than it says */
	REQUEST_WARRANT_SUSPEND,
	REQUEST_WARRANT_RESUME,
	REQUEST_WARRANT_REVOKE,
	REQUEST_PERSON_ADD,
	REQUEST_PERSON_REMOVE,
	REQUEST_PERSON_CERTIFICATE, /* another certificate, the same role */
	REQUEST_CLIENT_ADD, /* or another certificate */
	REQUEST_CLIENT_REMOVE,
	REQUEST_CONFIG_SET,
	REQUEST_SUBSCRIBER_ADD,
	REQUEST_SUBSCRIBER_DEVICES,
	REQUEST_SUBSCRIBER_REMOVE,
	REQUEST_CLOCK_ACCEPT,
	REQUEST_LEMF_ADD, /* or another certificate */
	REQUEST_LEMF_REMOVE,
	REQUEST__MAX
};

/* Who may ask for it, who must approve it: the table of docs/OPERATING.md. */
struct request_rule {
	const char *name; /* "warrant.add" */
	unsigned requesters; /* bits 1 << enum role */
	enum role approver;
	unsigned need; /* approvers */
	bool requester_counts; /* as one of them, if of that role */
	bool at_any_time; /* also while log or clock are out of order */
};
const struct request_rule *request_rule(enum request_kind);
enum err request_kind_of(const char *name, enum request_kind *out) MUST_CHECK;

#define REQUEST_NONCE_LEN 16
#define MAX_CONFIG_TEXT 16384

struct request {
	uint8_t hash[DIGEST_LEN];
	enum request_kind kind;
	uint8_t nonce[REQUEST_NONCE_LEN];
	int64_t issued, expires;
	uint64_t policy_version;
	char *kms, *requester;

	/* what the kind has; all is owned by the request */
	struct warrant *warrant; /* warrant.add */
	uint8_t on[WARRANT_ID_LEN]; /* the other warrant.* */
	int64_t end; /* warrant.extend, warrant.end */
	char *name; /* person.*, client.*, lemf.* */
	enum role role; /* person.add */
	bool voids; /* person.remove: signatures of before, too */
	struct octets cert; /* DER: person.*, *.add */
	struct octets text; /* config.set: what matters of it */
	char *identity; /* subscriber.* */
	struct words devices; /* subscriber.add, subscriber.devices */
	struct octets label, seed; /* subscriber.add; seed: wrapped */
	bool test; /* subscriber.add */
	uint64_t record; /* subscriber.devices, .remove: which it is about */
	int64_t time; /* clock.accept */
};

/*
 * Read canonical octets.  *out is the caller's to request_free().
 * ERR_MALFORMED names the member that is wrong.
 */
enum err request_parse(struct rd octets, struct request **out,
    struct why *why) MUST_CHECK;
void request_free(struct request **);

/* The same for octets that were checked to be canonical when they came in. */
enum err request_parse_known(struct rd octets, struct request **out,
    struct why *why) MUST_CHECK;

/*
 * The warrant of a warrant.add whose octets are known by their hash: nothing
 * else of it is read.  *out is the caller's to warrant_free().  ERR_MISMATCH:
 * not the octets of this hash; ERR_MALFORMED.
 */
enum err request_known_warrant(struct rd octets, const uint8_t hash[DIGEST_LEN],
    struct warrant **out, struct why *why) MUST_CHECK;

/* What a new request says beside its body. */
struct request_head {
	enum request_kind kind;
	const char *kms, *requester;
	uint64_t policy_version;
	int64_t issued, expires;
	uint8_t nonce[REQUEST_NONCE_LEN];
};

/*
 * Canonical octets of a request with this body (JSON in any layout).  *out is
 * the caller's to free().  What request_parse() would refuse is refused.
 */
enum err request_write(const struct request_head *, struct rd body,
    uint8_t **out, size_t *len, struct why *why) MUST_CHECK;

/* A person's no to a request, signed like one. */
struct rejection {
	uint8_t request[DIGEST_LEN];
	char person[MAX_NAME + 1];
};
enum err rejection_parse(struct rd octets, struct rejection *out,
    struct why *why) MUST_CHECK;
enum err rejection_write(const struct rejection *, const char *reason,
    uint8_t **out, size_t *len, struct why *why) MUST_CHECK;

/* Is it a rejection (or something that must be a request)? */
bool request_is_rejection(struct rd octets);

#endif
