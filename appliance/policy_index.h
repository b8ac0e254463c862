/*
 * policy_index: finds things by octets that they hold themselves.  Grows with
 * what is in it; one key may lead to several things.
 */
#ifndef APPLIANCE_POLICY_INDEX_H
#define APPLIANCE_POLICY_INDEX_H

#include "base/bytes.h"

struct index_link {
	struct index_link *next; /* in its bucket */
	struct rd key; /* octets of the thing */
	void *thing;
	uint32_t hash;
};

/* All zero at first. */
struct index {
	struct index_link **bucket;
	size_t n, n_buckets; /* a power of two */
};

/* The key's octets must stay as long as the thing is in.  ERR_NOMEM. */
enum err index_add(struct index *, struct rd key, void *thing) MUST_CHECK;

/* Take this thing out from under this key; nothing happens without it. */
void index_drop(struct index *, struct rd key, const void *thing);

/* The things under a key, newest first; NULL: no more. */
struct index_link *index_first(const struct index *, struct rd key);
struct index_link *index_next(const struct index_link *);

void index_done(struct index *); /* the things stay */

#endif
