/*
 * spool_look: what is in a queue of keywarden-hi2, read as its reader will:
 * data keys unwrapped with the private key, every row opened.
 */
#ifndef TESTS_UNIT_SPOOL_LOOK_H
#define TESTS_UNIT_SPOOL_LOOK_H

#include <openssl/evp.h>

#include "base/bytes.h"
#include "hi2/queue_seal.h"

struct spool_key {
	EVP_PKEY *rsa;
	uint8_t *spki;
	size_t len;
};
void spool_key_make(struct spool_key *);
void spool_key_done(struct spool_key *);
struct rd spool_key_spki(const struct spool_key *);
void spool_key_unwrap(const struct spool_key *, const void *wrapped, size_t len,
    uint8_t out[QUEUE_KEY_LEN]);

struct look_row {
	uint64_t id, number, key;
	char lemf[QUEUE_LEMF_MAX + 1];
	uint8_t digest[QUEUE_DIGEST_LEN];
	uint32_t cin, sequence;
	int64_t created;
	uint8_t *pdu;
	size_t len;
};
struct look {
	struct look_row *row; /* by LEMF and number */
	unsigned n, n_keys;
};

/*
 * Of a closed queue.  The test fails when a row does not open, when order or
 * sequence numbers have a gap or a double, or when the counts do not agree.
 */
void look(const char *path, const struct spool_key *, struct look *out);
void look_done(struct look *);

/* Statements on the file, behind the queue's back. */
void look_exec(const char *path, const char *statements);

#endif
