/*
 * officers: the persons whose signatures count, fixed at init, and what they
 * have signed: CMS SignedData (RFC 5652), each SignerInfo verified by itself
 * and distinct persons counted.
 *
 * `openssl cms -verify` is content with one good signature, or with the same
 * officer twice; this is not.
 */
#ifndef POLICY_OFFICERS_H
#define POLICY_OFFICERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

struct officers;

/*
 * An empty set; officers_add takes the name and DER of a certificate.
 * ERR_EXISTS for a name, certificate or public key that is in the set: one
 * person must not count twice.  ERR_MALFORMED, ERR_UNSUPPORTED (RSA from 2048
 * bit or EC from 256 bit), ERR_FULL.
 */
enum err officers_new(struct officers **out) MUST_CHECK;
enum err officers_add(struct officers *, const char *name, struct rd cert,
    struct why *why) MUST_CHECK;
void officers_free(struct officers **);

unsigned officers_count(const struct officers *);
/* View of the set's own memory. */
const char *officers_name(const struct officers *, unsigned i);

/* What a document turned out to be. */
struct signed_doc {
	uint8_t *payload; /* the signed octets; the caller frees */
	size_t payload_len;
	int64_t valid_until; /* when the first of their certificates ends */
	unsigned n_signers; /* distinct persons */
	unsigned signer[MAX_OFFICERS];
};

/* For `now`: the certificates' dates do not matter. */
#define OFFICERS_AT_ANY_TIME INT64_MIN

/*
 * Verify a CMS document.  Every SignerInfo must be of an officer, valid now
 * and good; at least `need` distinct persons must have signed.  ERR_DENIED
 * with the reason in `why` otherwise, ERR_MALFORMED if it is not a CMS
 * SignedData with its content inside, ERR_TOOBIG.
 */
enum err officers_verify(const struct officers *, struct rd cms, int64_t now,
    unsigned need, struct signed_doc *out, struct why *why) MUST_CHECK;
void signed_doc_done(struct signed_doc *);

#endif
