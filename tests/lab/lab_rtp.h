/*
 * lab_rtp: RTP (RFC 3550) with PCMU, SRTP by libsrtp2, and a received stream
 * put in order.
 */
#ifndef TESTS_LAB_RTP_H
#define TESTS_LAB_RTP_H

#include <srtp2/srtp.h>

#include "base/bytes.h"
#include "lab_keys.h"
#include "media/rtp.h"

#define RTP_PAYLOAD_LEN 160 /* 20 ms of PCMU */
#define RTP_PACKET_MAX 2048
#define RTP_MS 20
/* `out` has RTP_HEADER_LEN octets. */
void rtp_print(const struct rtp *, uint8_t *out);

/* Starts libsrtp2, whose self-tests take a while; again does nothing. */
enum err rtp_init(void) MUST_CHECK;

/*
 * One stream, AES_CM_128_HMAC_SHA1_80.  The key has LAB_TEK_LEN octets, the
 * salt LAB_SALT_LEN.
 */
enum err rtp_session(uint32_t ssrc, const uint8_t *tek, const uint8_t *salt,
    srtp_t *out) MUST_CHECK;

/* Payloads by sequence number; grows as needed. */
struct rtp_stream {
	struct rtp_piece *piece;
	size_t n, cap;
	uint64_t highest; /* extended sequence number */
};
enum err rtp_stream_add(struct rtp_stream *, uint16_t seq,
    struct rd payload) MUST_CHECK;
void rtp_stream_done(struct rtp_stream *);

/* All payload octets in the order of sequence numbers; the caller frees. */
enum err rtp_stream_join(struct rtp_stream *, uint8_t **out,
    size_t *len) MUST_CHECK;

#endif
