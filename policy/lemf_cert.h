/* lemf_cert: the certificate of a LEMF, to which keys are sealed. */
#ifndef POLICY_LEMF_CERT_H
#define POLICY_LEMF_CERT_H

#include <stdint.h>

#include "base/bytes.h"

/*
 * Can keys be sealed to it, and is it valid at this time?  RSA of 3072 to 4096
 * bit with keyEncipherment, or EC on P-256 or P-384 with keyAgreement, where it
 * has a key usage; not that of a CA.  No chain is built: who approves it
 * vouches for it.  ERR_MALFORMED, ERR_UNSUPPORTED, ERR_DENIED (the time).
 */
enum err lemf_cert_check(struct rd der, int64_t now,
    struct why *why) MUST_CHECK;

#endif
