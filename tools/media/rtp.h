/* rtp: the header of an RTP packet (RFC 3550 clause 5.1).  From outside. */
#ifndef MEDIA_RTP_H
#define MEDIA_RTP_H

#include <stdbool.h>

#include "base/bytes.h"

#define RTP_HEADER_LEN 12 /* without CSRCs and extension */

struct rtp {
	bool marker, padded;
	uint8_t type;
	uint16_t seq;
	uint32_t ts, ssrc;
};

/*
 * ERR_MALFORMED for what is no RTP, RTCP included.  The payload is a view of
 * the packet; of SRTP it has MKI and tag still in it.
 */
enum err rtp_parse(struct rd packet, struct rtp *,
    struct rd *payload) MUST_CHECK;

/* Padding off the payload of a packet in the clear.  ERR_MALFORMED. */
enum err rtp_unpad(const struct rtp *, struct rd *payload) MUST_CHECK;

#endif
