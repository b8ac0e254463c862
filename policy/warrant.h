/*
 * warrant: what two officers signed, and whether it covers a request.  Pure:
 * time is an argument.
 *
 * A warrant's name is the SHA-256 of the signed octets (not of the CMS around
 * them, which can be written in several ways).
 */
#ifndef POLICY_WARRANT_H
#define POLICY_WARRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

#define WARRANT_ID_LEN 32

/* Clock skew allowed at both ends of a period: docs/PROTOCOL.md. */
#define WARRANT_SKEW 120
#define WARRANT_GRACE_DEFAULT 3600
#define WARRANT_GRACE_MAX (7 * 86400)

struct warrant {
	uint8_t id[WARRANT_ID_LEN];
	char liid[MAX_LIID + 1];
	int64_t issued, start, end;
	int64_t grace; /* graceAfterEnd, seconds */
	int64_t calls_from; /* callsBefore, or start: the earliest T */
	bool to_xk; /* delivery: the answer to the asking client */
	unsigned n_ids, n_clients;
	const char **ids; /* public KMS identities of the target */
	const char **clients; /* enrolled names */
	void *of; /* owns all of the above */
};

/*
 * Parse the signed octets (docs/PROTOCOL.md, "the warrant document").  *out is
 * the caller's to warrant_free().  ERR_MALFORMED names the member that is
 * wrong; nothing unknown is let through.
 */
enum err warrant_parse(struct rd json, struct warrant **out,
    struct why *why) MUST_CHECK;
void warrant_free(struct warrant **);

/* A public KMS identity as enrolment and warrants take it (profile 2). */
enum err identity_check(struct rd id, struct why *why) MUST_CHECK;

/* A request as far as a warrant is concerned. */
struct ask {
	struct rd target, client;
	struct rd liid; /* left = 0: any */
	int64_t now;
	int64_t t[2]; /* of the call; none for a COUNTER */
	size_t n_t;
};

/* Step (3): in force for this client, target and LIID. */
bool warrant_is_for(const struct warrant *, const struct ask *);

/* Step (5): its period contains the call. */
bool warrant_covers_call(const struct warrant *, const struct ask *);

/* The document by which one officer ends a warrant at once. */
struct revocation {
	uint8_t warrant[WARRANT_ID_LEN];
};
enum err revocation_parse(struct rd json, struct revocation *out,
    struct why *why) MUST_CHECK;

/* SHA-256 of the signed octets. */
enum err warrant_name(struct rd payload,
    uint8_t out[WARRANT_ID_LEN]) MUST_CHECK;

#endif
