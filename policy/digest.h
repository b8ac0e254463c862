/* digest: SHA-256, by which documents, records and orders are known again. */
#ifndef POLICY_DIGEST_H
#define POLICY_DIGEST_H

#include "base/bytes.h"
#include "base/error.h"

#define DIGEST_LEN 32

/* ERR_CRYPTO when the library fails. */
enum err digest_of(struct rd, uint8_t out[DIGEST_LEN]) MUST_CHECK;

#endif
