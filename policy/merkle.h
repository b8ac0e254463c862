/*
 * merkle: the hash tree over the leaves of the audit log, RFC 6962 clause 2.1
 * (SHA-256), grown one leaf at a time.
 */
#ifndef POLICY_MERKLE_H
#define POLICY_MERKLE_H

#include <stdint.h>

#include "base/bytes.h"

#define MERKLE_HASH_LEN 32

/* Roots of the full subtrees on the right edge, largest first. */
struct merkle {
	uint64_t size;
	unsigned n;
	uint8_t edge[64][MERKLE_HASH_LEN];
};

void merkle_init(struct merkle *);

/* SHA-256(00 || leaf) */
enum err merkle_leaf_hash(struct rd leaf,
    uint8_t out[MERKLE_HASH_LEN]) MUST_CHECK;

enum err merkle_add(struct merkle *,
    const uint8_t leaf_hash[MERKLE_HASH_LEN]) MUST_CHECK;

/* The Merkle Tree Hash of what was added; SHA-256("") for none. */
enum err merkle_root(const struct merkle *,
    uint8_t out[MERKLE_HASH_LEN]) MUST_CHECK;

#endif
