/*
 * authority: the warrant state, that is what all approved changes together
 * say: who is enrolled in which role, which warrants are entered, suspended,
 * ended, which clients, which configuration, which records of the registry.
 * Pure; policy and each hsm worker keep one of their own and come to the same.
 *
 * It starts from what `keywarden init` fixed and goes on by changes alone.
 */
#ifndef POLICY_AUTHORITY_H
#define POLICY_AUTHORITY_H

#include "policy/change.h"
#include "policy/enrolled.h"
#include "policy/persons.h"
#include "policy/request.h"
#include "policy/warrant.h"

struct authority;

/* What init fixed.  Names and octets are copied. */
struct genesis {
	uint8_t digest[DIGEST_LEN]; /* of the KMS state: the head at 0 */
	int64_t time;
	const char *kms; /* URI */
	uint8_t config[DIGEST_LEN];
};
enum err authority_new(const struct genesis *,
    struct authority **out) MUST_CHECK;
void authority_free(struct authority **);

/* While the head is at 0: those that init enrolled. */
enum err authority_first_person(struct authority *, const char *name, enum role,
    struct rd cert, struct why *why) MUST_CHECK;
enum err authority_first_client(struct authority *, const char *name,
    struct rd cert, struct why *why) MUST_CHECK;

/* ---- what it says ---- */

struct head authority_head(const struct authority *);
int64_t authority_time(const struct authority *); /* of the last change */
const char *authority_kms(const struct authority *);

/* Number of the last change of persons: what a request must name. */
uint64_t authority_policy_version(const struct authority *);
const struct persons *authority_persons(const struct authority *);
const uint8_t *authority_config(const struct authority *); /* SHA-256 */

/* fingerprint: SHA-256 of the certificate. */
struct cert_entry {
	const char *name;
	struct rd cert;
	uint8_t fingerprint[DIGEST_LEN];
};
#define MAX_CLIENTS MAX_ENROLLED
unsigned authority_clients(const struct authority *);
struct cert_entry authority_client(const struct authority *, unsigned i);

/* LEMFs to whose certificate keys are sealed; others get them in clear. */
unsigned authority_lemfs(const struct authority *);
struct cert_entry authority_lemf(const struct authority *, unsigned i);
/* false: none of that name.  The view lives until the next change. */
bool authority_lemf_named(const struct authority *, struct rd name,
    struct rd *cert);

/* The change of that number; its octets are not kept.  ERR_NOTFOUND. */
struct change_known {
	uint8_t hash[DIGEST_LEN];
	int64_t time;
	enum request_kind kind;
};
enum err authority_change(const struct authority *, uint64_t number,
    struct change_known *out) MUST_CHECK;
/* The number of a request that took effect; 0: none. */
uint64_t authority_number_of(const struct authority *,
    const uint8_t hash[DIGEST_LEN]);

/* How a warrant stands, `end` being what it says itself. */
struct warrant_state authority_warrant(const struct authority *,
    const uint8_t id[WARRANT_ID_LEN], int64_t end);

/* Is the registry's record that was made under this change the last one? */
bool authority_record_stands(const struct authority *, uint64_t number);

/* ---- changes ---- */

/*
 * Take a change as the next one.  What it says is believed: the caller has
 * checked it (authority_check()) or knows the head that it leads to.  Its
 * request must be there and be that of the hash, unless it is light.
 * ERR_MISMATCH: not the next one, or not its request; ERR_MALFORMED; nothing
 * has changed then.
 */
enum err authority_apply(struct authority *, const struct change *,
    struct why *why) MUST_CHECK;

/* Who approved, for the log and for people: "meyer, santos". */
#define SIGNERS_MAX 256
struct approval {
	struct request *request; /* the caller's to request_free() */
	unsigned n_signers;
	unsigned signer[MAX_SIGNERS]; /* index of persons_get() */
	unsigned approvers; /* that count */
	bool complete; /* enough of them */
	char names[SIGNERS_MAX];
};
void approval_done(struct approval *);

/*
 * Read a request and its signatures as of change `at`, `now` being what the
 * certificates are held against (PERSONS_AT_ANY_TIME: not at all).  Not
 * complete is no error; a signature that does not hold, a requester who has
 * not signed or may not ask, is ERR_DENIED.  *out is undefined on failure.
 */
enum err authority_review(const struct authority *, struct rd request,
    struct rd evidence, int64_t now, uint64_t at, struct approval *out,
    struct why *why) MUST_CHECK;

/* A change is taken this long after the time that it gives itself. */
#define CHANGE_FRESH 600

/*
 * May this be the next change, now?  Everything is checked: number, KMS,
 * version of the rules, dates, that it did not happen before, the approvals,
 * and that it fits the state.  ERR_DENIED, ERR_EXISTS, ERR_NOTFOUND with the
 * reason.  *out is the caller's to approval_done() after ERR_OK.
 */
enum err authority_check(const struct authority *, const struct change *,
    int64_t now, struct approval *out, struct why *why) MUST_CHECK;

/*
 * What authority_check() asks of a request beside its approvals; also for one
 * that waits for them.
 */
enum err authority_fits(const struct authority *, const struct request *,
    int64_t now, struct why *why) MUST_CHECK;

/*
 * The warrant that was entered by change `number`, from its octets and
 * signatures: who signed was in office then and is not void now.  The
 * certificates were valid when it was entered and need not be now.  *out is
 * the caller's to warrant_free().
 */
enum err authority_open_warrant(const struct authority *, uint64_t number,
    struct rd request, struct rd evidence, struct warrant **out,
    struct why *why) MUST_CHECK;

#endif
