/*
 * decryptor: one stream of SRTP decrypted with one master key, by libsrtp2:
 * which packets came already, and the roll-overs of sequence numbers, are its.
 */
#ifndef MEDIA_DECRYPTOR_H
#define MEDIA_DECRYPTOR_H

#include "media/media_key.h"

struct decryptor;

/* Octets that a packet may have. */
#define DECRYPTOR_PACKET_MAX 65535

/*
 * From a packet with this ROC on; the key must stay.  ERR_CRYPTO: libsrtp2
 * does not take it.
 */
enum err decryptor_new(const struct media_key *, uint32_t ssrc, uint32_t roc,
    size_t mki_len, struct decryptor **) MUST_CHECK;
void decryptor_free(struct decryptor **);

const struct media_key *decryptor_key(const struct decryptor *);
uint32_t decryptor_roc(const struct decryptor *); /* by now */

/* Octets of MKI and tag that stand behind a packet's payload. */
size_t decryptor_tail(const struct decryptor *);

/*
 * The packet in the clear, in `buf`, which has DECRYPTOR_PACKET_MAX.
 * ERR_EXISTS: it came before, or is too old to tell; ERR_CRYPTO: not of this
 * key.
 */
enum err decryptor_open(struct decryptor *, struct rd packet, uint8_t *buf,
    struct rd *clear) MUST_CHECK;

#endif
