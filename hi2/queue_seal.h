/*
 * queue_seal: records of HI2 sealed for the time that they wait on a disk.
 * A data key (AES-256) is made at random and wrapped with RSA-OAEP to a public
 * key whose private part is in the token alone: who has the disk, and even who
 * takes this process over later, reads nothing that was sealed before under
 * another data key.  Records are sealed with AES-256-GCM (NIST SP 800-38D);
 * the clear fields of their rows are authenticated with them, so that no row
 * can be changed or take another's place unnoticed.  That a row is missing
 * shows in the order numbers; that the newest ones are missing, or that all is
 * an older copy, does not.
 *
 * OAEP (PKCS #1, RFC 8017 clause 7.1) with SHA-1 as its digest, for MGF1 too:
 * SoftHSM 2.6 knows no other.  OAEP does not lean on collision resistance.
 */
#ifndef HI2_QUEUE_SEAL_H
#define HI2_QUEUE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret.h"

#define QUEUE_KEY_LEN 32
#define QUEUE_WRAPPED_MAX 512 /* RSA of 4096 bits */
#define QUEUE_DIGEST_LEN 32
#define QUEUE_LEMF_MAX 64 /* octets of a LEMF's name */
#define QUEUE_NONCE_LEN 12
#define QUEUE_TAG_LEN 16
#define QUEUE_SEAL_LEN \
	(QUEUE_NONCE_LEN + QUEUE_TAG_LEN) /* beyond the record \
					   */
#define QUEUE_RECORD_MAX (1024 * 1024) /* octets of one record */
#define QUEUE_SEALS_MAX (1ULL << 32) /* records under one data key */

/* No row of one table can take the place of one of another. */
enum queue_table { QUEUE_RECORDS, QUEUE_INTAKE, QUEUE__MAX };

/*
 * What of a row is readable.  Of QUEUE_INTAKE, what was intercepted: id, number
 * of its call, kind (in `sequence`), when it came, data key; the rest is 0.
 */
struct queue_row {
	enum queue_table table;
	uint64_t id; /* 0 unless it was sealed with one */
	struct rd lemf; /* name, 1 to QUEUE_LEMF_MAX octets */
	uint64_t number; /* order within the LEMF */
	uint8_t digest[QUEUE_DIGEST_LEN]; /* of the LIID: queue_digest() */
	uint32_t cin, sequence; /* of the PS header */
	int64_t created; /* seconds, UTC */
	uint64_t key; /* which data key */
};

struct queue_sealer;

/*
 * A fresh data key in locked memory, wrapped to `spki`, a DER
 * SubjectPublicKeyInfo of an RSA key of 3072 to 4096 bits.  ERR_MALFORMED for
 * another key, ERR_NOMEM, ERR_CRYPTO.  The caller's to queue_sealer_free(),
 * which erases the key.
 */
enum err queue_sealer_new(struct rd spki, struct queue_sealer **out,
    struct why *why) MUST_CHECK;
void queue_sealer_free(struct queue_sealer **);

/* The wrapped data key; a view that dies with the sealer. */
struct rd queue_sealer_wrapped(const struct queue_sealer *);

/*
 * The data key, for queue_open(), while the sealer lives; or taken out of it:
 * the caller's then, and the sealer can only be freed.
 */
const uint8_t *queue_sealer_key(const struct queue_sealer *);
struct secret *queue_sealer_take_key(struct queue_sealer *);

/*
 * Seal `record` (1 to QUEUE_RECORD_MAX octets): nonce, ciphertext, tag, that
 * is record.left + QUEUE_SEAL_LEN octets.  The nonce is a counter that goes on
 * whether the row is kept or not, so none is used twice.  ERR_TOOBIG: record,
 * name or `cap`; ERR_FULL: QUEUE_SEALS_MAX have been sealed, take a new data
 * key; ERR_CRYPTO.  *len is unchanged on failure.
 */
enum err queue_seal(struct queue_sealer *, const struct queue_row *,
    struct rd record, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

/*
 * Open what queue_seal() sealed, with the data key that only the token can
 * unwrap.  ERR_TRUNCATED and ERR_TOOBIG for lengths that no seal has or that
 * `cap` does not hold; ERR_CRYPTO when row, octets and key do not belong
 * together: `out` is then erased and *len unchanged.
 */
enum err queue_open(const uint8_t key[QUEUE_KEY_LEN], const struct queue_row *,
    struct rd sealed, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

/*
 * The name of a LIID in clear fields: SHA-256 over the hash of the KMS state
 * and the LIID.  It must be the same after a restart, and this side of the
 * queue cannot unwrap a key of its past, so it has no secret in it.  It keeps
 * a LIID from being read or found with tables made in advance; who has disk
 * and KMS state can still try whether a guess is right.
 */
enum err queue_digest(const uint8_t kms[QUEUE_DIGEST_LEN], struct rd liid,
    uint8_t out[QUEUE_DIGEST_LEN]) MUST_CHECK;

#endif
