/* request_int: between request.c and request_body.c. */
#ifndef POLICY_REQUEST_INT_H
#define POLICY_REQUEST_INT_H

#include "policy/request.h"

/* The members that `q->kind` has; `q` owns what was read, also on failure. */
enum err request_read_body(struct request *q, json_t *body,
    struct why *why) MUST_CHECK;

/* A "reason" for people, if there is one. */
enum err request_read_reason(json_t *, struct why *why) MUST_CHECK;

#endif
