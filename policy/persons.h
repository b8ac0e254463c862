/*
 * persons: who is enrolled in which role, from which change of the warrant
 * state until which, and what they have signed: CMS SignedData (RFC 5652),
 * each SignerInfo verified by itself and distinct persons counted.
 *
 * `openssl cms -verify` is content with one good signature, or with the same
 * person twice; this is not.
 */
#ifndef POLICY_PERSONS_H
#define POLICY_PERSONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

enum role {
	ROLE_OFFICER, /* enters, approves warrants */
	ROLE_SECURITY_OFFICER, /* token, ceremony, certificates, configuration
				*/
	ROLE_ENGINEER, /* connections, delivery, updates */
	ROLE_AUDITOR, /* reads and verifies, changes nothing */
	ROLE__MAX
};

/* "officer", "securityOfficer", "engineer", "auditor". */
const char *role_name(enum role);
/* ERR_NOTFOUND for another text. */
enum err role_of(const char *name, enum role *out) MUST_CHECK;

/* A person's signature counts for changes `from` <= number < `until`. */
#define PERSON_STAYS UINT64_MAX
struct person {
	const char *name;
	enum role role;
	struct rd cert; /* DER */
	uint64_t from, until;
	bool voided; /* signatures of before do not count any longer either */
};

struct persons;

/* For `now`: the certificates' dates do not matter. */
#define PERSONS_AT_ANY_TIME INT64_MIN

/* Is a certificate valid?  false also for octets that are none. */
bool persons_cert_valid(struct rd cert, int64_t now);

enum err persons_new(struct persons **out) MUST_CHECK;
void persons_free(struct persons **);

/*
 * One more person, in office from change `from` on.  ERR_EXISTS for a name,
 * certificate or public key that somebody in office has: one person, one role,
 * and nobody counts twice.  ERR_MALFORMED, ERR_UNSUPPORTED (RSA from 2048 bit
 * or EC from 256 bit), ERR_FULL.  Octets are copied.
 */
enum err persons_add(struct persons *, const char *name, enum role,
    struct rd cert, uint64_t from, struct why *why) MUST_CHECK;

/*
 * Whether persons_add() would take it; `instead` is the index of somebody who
 * leaves for it, or PERSON_NONE.
 */
#define PERSON_NONE UINT32_MAX
enum err persons_may_add(const struct persons *, const char *name,
    struct rd cert, uint64_t from, unsigned instead,
    struct why *why) MUST_CHECK;

/*
 * The person of that name is in office before change `until` and not from
 * then on; `voids`: what was signed before counts no longer, be it with an
 * earlier certificate (one that ended where the next began).  ERR_NOTFOUND.
 */
enum err persons_end(struct persons *, const char *name, uint64_t until,
    bool voids) MUST_CHECK;

/* All that ever were, in order of enrolment; views of the set's own memory. */
unsigned persons_count(const struct persons *);
struct person persons_get(const struct persons *, unsigned i);

/* Who is in office at a change; PERSON_NONE for nobody of that name. */
unsigned persons_find(const struct persons *, const char *name, uint64_t at);
/* How many; those alone whose certificates are valid `now`. */
unsigned persons_in_role(const struct persons *, enum role, uint64_t at,
    int64_t now);

/* What a document turned out to be. */
#define MAX_SIGNERS 16
struct signed_doc {
	uint8_t *payload; /* the signed octets; the caller frees */
	size_t payload_len;
	unsigned n_signers; /* distinct persons */
	unsigned signer[MAX_SIGNERS]; /* index of persons_get() */
};

/*
 * Verify a CMS document as of change `at`.  Every SignerInfo must be of a
 * person in office then whose signatures still count, valid now and good.
 * ERR_DENIED with the reason in `why` otherwise, also for no signature at all;
 * ERR_MALFORMED if it is not a CMS SignedData with its content inside,
 * ERR_TOOBIG.
 */
enum err persons_verify(const struct persons *, struct rd cms, int64_t now,
    uint64_t at, struct signed_doc *out, struct why *why) MUST_CHECK;
void signed_doc_done(struct signed_doc *);

#endif
