/*
 * sdp: what the payload types of a call's RTP mean (RFC 4566, RFC 3551), read
 * out of the SDP in its SIP messages, wherever in a body it stands.  Octets
 * from outside.
 */
#ifndef LEMF_SDP_H
#define LEMF_SDP_H

#include "base/bytes.h"
#include "media/speech.h"

#define SDP_TYPES 128
#define SDP_NAME_MAX 24

struct sdp_types {
	struct {
		enum codec codec;
		char name[SDP_NAME_MAX]; /* "PCMU/8000": text, or empty */
	} type[SDP_TYPES];
};

/* Those that have a meaning without SDP. */
void sdp_types_init(struct sdp_types *);

/* And those that this message says; what is no rtpmap is passed over. */
void sdp_types_read(struct rd sip, struct sdp_types *);

#endif
