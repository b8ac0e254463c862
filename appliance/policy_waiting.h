/*
 * policy_waiting: requests that have not the signatures they need yet.  In
 * memory alone; who keeps them has them on disk too.
 */
#ifndef APPLIANCE_POLICY_WAITING_H
#define APPLIANCE_POLICY_WAITING_H

#include "policy/authority.h"

/* Octets of one's own. */
enum err octets_of(struct rd, struct octets *out) MUST_CHECK;
struct rd octets_view(const struct octets *);
void octets_done(struct octets *);

struct waiting {
	struct request *q;
	struct octets request, evidence;
	int64_t entered;
	unsigned approvers, n_signers;
	char signers[SIGNERS_MAX];
	bool busy; /* something about it is on its way to the log */
};

struct waiting_list {
	unsigned n;
	struct waiting *w[MAX_REQUESTS]; /* in order of their entry */
};

/* NULL: none of that hash. */
struct waiting *waiting_find(const struct waiting_list *,
    const uint8_t hash[DIGEST_LEN]);

/*
 * The request with the signatures of one more document, `before` being what
 * there is (NULL: nothing), which stays as it is.  *complete: it needs no
 * more.  *out is the caller's to waiting_free().  ERR_EXISTS for a document
 * without a new signer, ERR_FULL for one too many, ERR_TOOBIG, and those of
 * authority_review() as of the next change.
 */
enum err waiting_merge(const struct authority *, const struct waiting *before,
    struct rd request, struct rd cms, int64_t now, struct waiting **out,
    bool *complete, struct why *why) MUST_CHECK;

/*
 * From what was kept, its signatures as of change `at`.  That they do not hold
 * (any longer) is no error: nobody is counted then.
 */
enum err waiting_restore(const struct authority *, struct rd request,
    struct rd evidence, int64_t entered, uint64_t at, struct waiting **out,
    struct why *why) MUST_CHECK;
void waiting_free(struct waiting **);

/*
 * May one more of this requester wait?  ERR_FULL: MAX_REQUESTS in all, or
 * MAX_REQUESTS_OF_ONE of the same, so that one person leaves room for others.
 */
enum err waiting_room(const struct waiting_list *, const char *requester,
    struct why *why) MUST_CHECK;

/*
 * Into the list, which owns it then, in the place of the one with this hash.
 * ERR_FULL: MAX_REQUESTS.
 */
enum err waiting_put(struct waiting_list *, struct waiting *,
    struct why *why) MUST_CHECK;
void waiting_drop(struct waiting_list *, const uint8_t hash[DIGEST_LEN]);

/* "waiting", "expired", or "outdated": the rules have changed since. */
const char *waiting_state(const struct waiting *, const struct authority *,
    int64_t now);

#endif
