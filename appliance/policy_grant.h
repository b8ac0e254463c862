/*
 * policy_grant: what granting a key has in common, whoever asks: the intent,
 * the warrant's octets and the subscriber's record go to audit.
 */
#ifndef APPLIANCE_POLICY_GRANT_H
#define APPLIANCE_POLICY_GRANT_H

#include "appliance/policy_proc.h"
#include "xk/call.h"

struct grant {
	enum route route;
	struct ticket ticket;
	struct rd client, target; /* for the log's entry */
	const struct call *call;
	struct rd octets; /* of the call: call_put() */
	const struct held_warrant *warrant;
	const struct held_subscriber *subscriber; /* NULL: not held here */
};

/*
 * Pass it on under a pending's id.  ERR_IO: the warrant's octets cannot be
 * read; any other error: audit cannot be told.
 */
enum err policy_grant(struct policy *, const struct grant *,
    uint32_t id) MUST_CHECK;

/* What of a call stands in an entry of the log. */
void policy_put_call(struct audit_entry *, const struct call *);

/* Step (7): the messages fit and the subscriber takes part. */
bool policy_takes_part(const struct subscriber *, const struct call *);

#endif
