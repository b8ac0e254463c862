/* policy_request: how a request is judged, also for a look at it. */
#ifndef APPLIANCE_POLICY_REQUEST_H
#define APPLIANCE_POLICY_REQUEST_H

#include "appliance/policy_proc.h"

/* Whether anything of the kind is taken now, and this not already. */
enum err policy_request_may_come(struct policy *, const struct request *,
    struct why *why) MUST_CHECK;

/*
 * It fits the state, and its signatures with those of before hold.  *out is
 * the caller's to waiting_free().
 */
enum err policy_request_judge(struct policy *, const struct request *,
    struct rd octets, struct rd cms, struct waiting **out, bool *complete,
    struct why *why) MUST_CHECK;

/* One that is in the chain, with who had approved it then. */
enum err policy_request_known(struct policy *, uint64_t number,
    struct waiting **out, struct why *why) MUST_CHECK;

#endif
