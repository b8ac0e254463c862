/*
 * subscriber: a record of the registry: the public KMS identity, the devices
 * that share its seed, the seed as the token wrapped it.  The hsm worker seals
 * it (HMAC under a token key) when it is made and checks the seal when it is
 * used; whoever stores it can lose it but not change it.
 */
#ifndef POLICY_SUBSCRIBER_H
#define POLICY_SUBSCRIBER_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

#define SUBSCRIBER_SEAL_LEN 32
#define SUBSCRIBER_MAX 16384 /* octets of a record with its seal */

struct subscriber {
	int64_t created;
	uint64_t number; /* of the change that approved this record */
	bool test; /* for test calls: under a test warrant, no other */
	struct rd identity;
	unsigned n_devices;
	struct rd device[MAX_DEVICES];
	struct rd label; /* of the seed, public, 0 to 64 octets */
	struct rd seed; /* wrapped for the store */
	struct rd device_cert; /* DER; to it alone private keys are issued */
};

/* All but the seal. */
void subscriber_put(struct wr *, const struct subscriber *);

/*
 * Read a record with its seal; views into `in`.  `sealed` is what the seal
 * covers.  ERR_MALFORMED.
 */
enum err subscriber_parse(struct rd in, struct subscriber *out,
    struct rd *sealed, struct rd *seal) MUST_CHECK;

#endif
