/*
 * exchanges: the exchanges of tests/vectors/exchanges.json as one list of
 * requests, with the plaintext of every envelope and a token in software that
 * has the master secrets and seeds.
 */
#ifndef TESTS_FUZZ_EXCHANGES_H
#define TESTS_FUZZ_EXCHANGES_H

#include "appliance/regen.h"
#include "fuzz.h"
#include "hsm/bf.h"

#define ROW_MESSAGES 7 /* in the order of struct call */
#define PLAIN_MAX 2048

enum which_envelope { ENV_IBAKE, ENV_ESK, ENV__MAX };

struct plain {
	bool there;
	unsigned kms; /* whose parameters it is encrypted under */
	uint8_t id[MAX_PUBLIC_ID + 8];
	size_t id_len;
	uint8_t octets[PLAIN_MAX];
	size_t len;
};

struct row {
	unsigned kms; /* the target's */
	struct rd pdu, answer; /* getKeys and what it must give */
	struct rd message[ROW_MESSAGES];
	struct rd ids[1 + MAX_DEVICES];
	size_t n_ids;
	struct rd label;
	uint8_t seed[32];
	int64_t arrival;
	bool ready; /* plain is filled */
	struct plain plain[ROW_MESSAGES][ENV__MAX];
	const void *exchange;
};

/* K_SESSION or SK of some exchange: what keys may come from. */
struct truth {
	struct rd secret;
	bool is_sk;
};

void exchanges_load(void);
unsigned exchanges_rows(void);
const struct row *exchanges_row(unsigned i);
const struct truth *exchanges_truths(unsigned *n);

struct regen *exchanges_regen(const struct row *r);
struct ibe_token exchanges_token(const struct row *r);
struct kdf_seed exchanges_seed(const struct row *r);

/* DER of a BFCiphertextBlock for the receiver of `p`, always the same. */
void exchanges_encrypt(const struct plain *p, struct wr *out);

#endif
