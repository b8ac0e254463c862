/* warrant_set: names of warrants, kept sorted. */
#ifndef POLICY_WARRANT_SET_H
#define POLICY_WARRANT_SET_H

#include "policy/warrant.h"

struct warrant_set {
	uint8_t (*id)[WARRANT_ID_LEN];
	size_t n, cap;
};

bool warrant_set_has(const struct warrant_set *,
    const uint8_t id[WARRANT_ID_LEN]);

/* One that is there already stays there once.  ERR_NOMEM: unchanged. */
enum err warrant_set_add(struct warrant_set *,
    const uint8_t id[WARRANT_ID_LEN]) MUST_CHECK;
void warrant_set_done(struct warrant_set *);

#endif
