/* authority_int: between authority.c and authority_check.c. */
#ifndef POLICY_AUTHORITY_INT_H
#define POLICY_AUTHORITY_INT_H

#include "policy/authority.h"

/* How changes have altered a warrant; kept in order of their ids. */
struct altered {
	uint8_t id[WARRANT_ID_LEN];
	bool revoked, suspended, has_end;
	int64_t end;
	int64_t suspended_at, end_at; /* when these two changed last */
};

struct authority {
	char *kms;
	struct head head;
	int64_t time;
	uint64_t policy_version;
	struct persons *persons;
	uint8_t config[DIGEST_LEN];
	struct enrolled clients, lemfs;
	struct change_known *change; /* [0] is change 1 */
	size_t cap;
	struct altered *altered;
	size_t n_altered, cap_altered;
	uint64_t *dead; /* records replaced or removed, in order */
	size_t n_dead, cap_dead;
};

struct altered *authority_find_altered(const struct authority *,
    const uint8_t id[WARRANT_ID_LEN]);

#endif
