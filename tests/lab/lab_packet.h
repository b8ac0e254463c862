/* lab_packet: from a captured frame to the UDP datagram in it. */
#ifndef TESTS_LAB_PACKET_H
#define TESTS_LAB_PACKET_H

#include <stdbool.h>

#include "base/bytes.h"

struct packet {
	struct rd ip; /* the whole IP packet */
	uint16_t from, to; /* ports */
	struct rd payload;
};

/* Can frames of this link type be read? */
bool packet_link_known(int link);

/*
 * ERR_NOTFOUND for what is not UDP over IP, ERR_UNSUPPORTED for a fragment,
 * ERR_TRUNCATED or ERR_MALFORMED for a packet that is not whole.
 */
enum err packet_parse(int link, struct rd frame, struct packet *) MUST_CHECK;

#endif
