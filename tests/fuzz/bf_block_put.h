/* bf_block_put: a BFCiphertextBlock in DER, by other code than the product's.
 */
#ifndef TESTS_FUZZ_BF_BLOCK_PUT_H
#define TESTS_FUZZ_BF_BLOCK_PUT_H

#include "base/bytes.h"

/* Coordinates without leading zero octets, at least one octet each. */
void bf_block_put(struct wr *out, struct rd x, struct rd y, struct rd v,
    struct rd w);

#endif
