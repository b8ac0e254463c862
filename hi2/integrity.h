/*
 * integrity: integrity PDUs (TS 102 232-1 clause 7.2), by which an LEMF sees
 * that the records of a LIID and CIN are complete and, with signatures, who
 * sent them.  A hash PDU has a hash over the octets of whole PS-PDUs, in the
 * order of its includedSequenceNumbers; a signature PDU an ECDSA signature
 * (P-256, SHA-256, DER) over the values of hash PDUs, whose sequence numbers
 * are in it.  Both count from 0 for each LIID and CIN with each connection.
 *
 * Of records only their place ("slot") is remembered, until it is covered.
 */
#ifndef HI2_INTEGRITY_H
#define HI2_INTEGRITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hi2/iri_profile.h"
#include "hi2/ps_pdu.h"
#include "base/siphash.h"
#include "hi2/tri.h"

#define INTEGRITY_SLOTS_MAX 8192
#define INTEGRITY_VALUE_MAX 64 /* octets of a hash */
#define INTEGRITY_SIGN_HASHES_MAX 1024 /* in one signature PDU */
#define INTEGRITY_SIGN_MAX (INTEGRITY_VALUE_MAX * INTEGRITY_SIGN_HASHES_MAX)
#define INTEGRITY_SIGNATURE_MAX TRI_VALUE_MAX
/* Octets of a PDU that is made here. */
#define INTEGRITY_PDU_MAX (TRI_MAX + INTEGRITY_SLOTS_MAX * TRI_INCLUDED_LEN)

struct integrity_config {
	struct iri_profile profile; /* checked */
	enum tri_hash hash; /* TRI_SHA256 or more */
	unsigned hash_pdus; /* a hash PDU after so many records at most */
	int64_t hash_ms; /* and so long after the first */
	bool sign;
	unsigned sign_hashes; /* a signature PDU after so many hashes at most */
	int64_t sign_ms; /* and so long after the first */
	uint8_t key[SIPHASH_KEY]; /* of the table of LIIDs and CINs */
};

struct integrity;

/* The configuration is copied.  ERR_MALFORMED: a value; ERR_NOMEM, _CRYPTO. */
enum err integrity_new(const struct integrity_config *, uint32_t slots,
    struct integrity **out) MUST_CHECK;
void integrity_free(struct integrity **);

/* A new connection: nothing is open, all numbers start from 0. */
void integrity_reset(struct integrity *);

/*
 * A record goes out: an IRI PDU, read, with LIID and CIN.  `slot` is the
 * caller's name for it, below `slots` and not in use here.  ERR_MALFORMED: no
 * LIID or CIN.  After ERR_NOMEM and ERR_CRYPTO, here and below, only
 * integrity_reset() and integrity_free() may follow.
 */
enum err integrity_add(struct integrity *, const struct ps_pdu *, struct rd pdu,
    uint32_t slot, int64_t now) MUST_CHECK;

/* Numbers of this LIID and CIN begin anew: what is open is due. */
void integrity_cut(struct integrity *, const struct ps_pdu *);

/* All that is open is due, also for signatures. */
void integrity_flush(struct integrity *);

/* Slots that a PDU covers, one by one; before the next call of another. */
struct integrity_covered {
	uint32_t next;
};
bool integrity_covered(const struct integrity *, struct integrity_covered *,
    uint32_t *slot);

/*
 * The next hash PDU that is due, with the slots that need no more than it:
 * none if it is to be signed.  ERR_AGAIN: none is due.
 */
enum err integrity_hash(struct integrity *, int64_t now, int64_t wall,
    uint8_t out[INTEGRITY_PDU_MAX], size_t *len,
    struct integrity_covered *) MUST_CHECK;

/* When a hash PDU or something to sign will be due; INT64_MAX: nothing. */
int64_t integrity_due(const struct integrity *);

/*
 * Octets to sign, a view until the next call; false: none now.  Some are asked
 * for at a time.  Numbers are never used twice.
 */
bool integrity_to_sign(struct integrity *, uint64_t *number, struct rd *octets);

/*
 * The signature, or left = 0: it is to be asked for again later.  ERR_AGAIN:
 * no PDU comes of it, as that, or as it was asked for before a reset;
 * ERR_MISMATCH: it was not asked for; ERR_TOOBIG: INTEGRITY_SIGNATURE_MAX.
 */
enum err integrity_signature(struct integrity *, uint64_t number, struct rd sig,
    int64_t now, int64_t wall, uint8_t out[INTEGRITY_PDU_MAX], size_t *len,
    struct integrity_covered *) MUST_CHECK;

/* ---- the other end ---- */

/*
 * Whether a hash PDU's value is that of these whole PDUs, in the order of its
 * numbers.  ERR_CRYPTO: it is not; ERR_UNSUPPORTED: not a hash, or by an
 * algorithm that is not said or no longer to be used.
 */
enum err integrity_verify_hash(const struct tri_integrity *,
    const struct rd *pdus, size_t n) MUST_CHECK;

/*
 * Whether a signature PDU's value was made with the private part of `spki`, a
 * DER SubjectPublicKeyInfo of a key on P-256, over these values of hash PDUs.
 * ERR_CRYPTO: it was not; ERR_UNSUPPORTED: no ECDSA, or another kind of key.
 */
enum err integrity_verify_signature(const struct tri_integrity *,
    struct rd spki, const struct rd *values, size_t n) MUST_CHECK;

#endif
