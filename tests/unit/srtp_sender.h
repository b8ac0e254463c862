/*
 * srtp_sender: SRTP as RFC 3711 clauses 3 and 4 describe it, by OpenSSL and
 * not by the library that the product decrypts with.
 */
#ifndef TESTS_UNIT_SRTP_SENDER_H
#define TESTS_UNIT_SRTP_SENDER_H

#include "media/media_key.h"

#define SENDER_PACKET_MAX 2048

struct sender {
	struct media_key key; /* by whose rules */
	uint32_t ssrc, roc, ts;
	uint16_t seq;
	uint8_t type;
	uint8_t mki[255];
	size_t mki_len;
	uint8_t packet[SENDER_PACKET_MAX];
	size_t len;
};

/* A key all of whose octets come from `n`, and a sender under it. */
void sender_init(struct sender *, uint8_t n, uint32_t ssrc);

/* derive(LABEL): `len` octets of session key. */
void sender_derive(const struct media_key *, uint8_t label, uint8_t *out,
    size_t len);

/*
 * The next packet, in `packet`: sequence number, ROC and, by so many samples
 * as there are octets, timestamp move on.
 */
void sender_next(struct sender *, const void *payload, size_t len);

#endif
