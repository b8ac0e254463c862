/*
 * packet: from a captured frame to the UDP datagram in it.  Octets from
 * outside.  Ethernet with VLAN tags, Linux cooked capture, loopback and raw
 * IP; IPv4 and IPv6.
 */
#ifndef MEDIA_PACKET_H
#define MEDIA_PACKET_H

#include <stdbool.h>

#include "base/bytes.h"

/* All views are of the frame. */
struct packet {
	struct rd ip; /* the whole IP packet */
	struct rd from_ip, to_ip; /* 4 or 16 octets */
	uint16_t from, to; /* ports */
	struct rd payload;
};

/* Can frames of this link type (DLT_ of libpcap) be read? */
bool packet_link_known(int link);

/*
 * ERR_NOTFOUND for what is not UDP over IP, ERR_UNSUPPORTED for a fragment,
 * ERR_TRUNCATED or ERR_MALFORMED for a packet that is not whole.
 */
enum err packet_parse(int link, struct rd frame, struct packet *) MUST_CHECK;

#endif
