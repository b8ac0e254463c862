/*
 * lab_rtp: RTP (RFC 3550) with PCMU, SRTP by libsrtp2, and a received stream
 * put in order.
 */
#ifndef TESTS_LAB_RTP_H
#define TESTS_LAB_RTP_H

#include <srtp2/srtp.h>

#include "base/bytes.h"
#include "lab_keys.h"

#define RTP_HEADER_LEN 12
#define RTP_PAYLOAD_LEN 160 /* 20 ms of PCMU */
#define RTP_PACKET_MAX 2048
#define RTP_MS 20
#define RTP_TAG_LEN 10 /* AES_CM_128_HMAC_SHA1_80 */

struct rtp {
	bool marker;
	uint8_t type;
	uint16_t seq;
	uint32_t ts, ssrc;
};

/* `out` has RTP_HEADER_LEN octets. */
void rtp_print(const struct rtp *, uint8_t *out);

/*
 * ERR_MALFORMED for what is no RTP, RTCP included.  The payload is a view of
 * the packet, the tag of SRTP still in it if there is one; padding, which
 * PCMU never has, is not taken off.
 */
enum err rtp_parse(struct rd packet, struct rtp *,
    struct rd *payload) MUST_CHECK;

/* One direction of one stream. */
struct rtp_key {
	uint32_t ssrc, roc;
	const uint8_t *tek, *salt; /* LAB_TEK_LEN, LAB_SALT_LEN */
	size_t tag_len; /* 10, or 4 */
	bool encrypted; /* false: NULL cipher, authentication alone */
};

/* Starts libsrtp2, whose self-tests take a while; again does nothing. */
enum err rtp_init(void) MUST_CHECK;
enum err rtp_session(const struct rtp_key *, srtp_t *out) MUST_CHECK;

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
