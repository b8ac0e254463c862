/*
 * puppet: how an attack speaks through a process of the appliance that it has
 * taken over.  attack-puppet stands in the place of keywarden-x2 or of
 * keywarden-hi2, is started by keywardend as they are, has their channels, and
 * does what it is told over a socket in its own folder: "NAME.socket".
 *
 * On the socket both ways: u8 wire, u32 length, octets.  To the puppet: write
 * these octets on the wire as they are.  From it: these have come; none: the
 * wire has been closed, or, for PUPPET_NEW, is another one now.  In the place
 * of hi2 it keeps x2's journal, that is, says so and keeps nothing, or x2 would
 * take nothing in.  What comes on
 * a wire is also appended to the file "NAME.heard", whether anybody is there
 * or not.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include "appliance/proto.h"

/* A wire is enum ctl_peer, and the worker's number in the upper four bits. */
#define PUPPET_WIRE(peer, index) ((uint8_t)((peer) | (index) << 4))
#define PUPPET_WORKERS 4
#define PUPPET_NEW 0x08 /* a bit: the wire in the others is a new one */
#define PUPPET_DEAF \
	0xfe /* one octet, 1: no wire is read any more, 0: again \
	      */
#define PUPPET_HEAD 5
#define PUPPET_MOST 65536 /* octets from the puppet at once */

#endif
