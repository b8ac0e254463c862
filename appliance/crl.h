/*
 * crl: lists of revoked certificates (RFC 5280 clause 5), judged here and not
 * by OpenSSL, which only takes the DER apart and verifies signatures.  A
 * certificate passes if a list of its issuer says now that it may: no list is
 * a refusal.
 *
 * Only complete lists are taken: version 2, with a number and an end, of the
 * certificates' own issuer.  Delta lists, indirect ones, parts of one
 * (issuingDistributionPoint) and critical extensions that are not known here
 * are refused when they are read.
 */
#ifndef APPLIANCE_CRL_H
#define APPLIANCE_CRL_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "appliance/proto.h"

#define CRL_MOST_OCTETS (32 * 1024 * 1024) /* of a file */
#define CRL_MOST 64 /* lists in it */
#define CRL_ISSUERS 256 /* whose numbers are remembered */

struct crl_set;

/*
 * The PEM lists of a file; of two by one issuer the one with the higher number
 * counts.  ERR_MALFORMED: one of them is not as above, the file ends within
 * one, or there is none; ERR_TOOBIG; ERR_NOMEM, ERR_CRYPTO.  `why` says which
 * of them and what is wrong, for people, without the file's name.
 */
enum err crl_set_read(struct rd pem, struct crl_set **out,
    struct why *why) MUST_CHECK;
void crl_set_free(struct crl_set **);

/*
 * May `fresh` take the place of `before`?  ERR_DENIED: one of its lists has a
 * lower number than a list of the same issuer that was in `before`, or in one
 * that `before` took the place of; ERR_TOOBIG: more issuers than are
 * remembered.  On ERR_OK `fresh` remembers them too.
 */
enum err crl_set_follow(struct crl_set *fresh, const struct crl_set *before,
    struct why *why) MUST_CHECK;

/*
 * What the lists say of a chain that has been verified, the peer first and the
 * trust anchor last, which no list judges: X509_V_OK, or why it is refused
 * (X509_V_ERR_CERT_REVOKED, ..._UNABLE_TO_GET_CRL and the like).  A list counts
 * until `grace` seconds after its end.  `set` remembers which signatures it has
 * verified.
 */
int crl_set_judge(struct crl_set *, STACK_OF(X509) * chain, int64_t now,
    int64_t grace);

/*
 * That of the worst of them, and the end of the one that ends first.  Little
 * is left when it is less than a tenth of the list's time, or an hour (but at
 * most half of its time).
 */
enum crl_state crl_set_state(const struct crl_set *, int64_t now,
    int64_t *ends);

/* The next moment after `now` at which one ends for good; INT64_MAX: none. */
int64_t crl_set_next_end(const struct crl_set *, int64_t now, int64_t grace);

#endif
