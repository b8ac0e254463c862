/*
 * x2_pdu: the PDUs in which a CSCF hands over what it has intercepted, ETSI
 * TS 103 221-2 as docs/PROTOCOL.md fixes it: a header of 40 octets with
 * attributes behind it, then the payload.  Octets from the network.
 *
 * Only what the receiving side needs: reading, and answering a keep-alive.
 */
#ifndef HI2_X2_PDU_H
#define HI2_X2_PDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define X2_PDU_MAX 262144 /* octets of a PDU with its header: the contract */
#define X2_PREFIX_LEN 12 /* octets that tell how long a PDU is */
#define X2_HEADER_LEN 40 /* without attributes */
#define X2_ACK_LEN 48 /* octets of an acknowledgement, at most */
#define X2_XID_LEN 16
#define X2_CORRELATION_LEN 8

/* Clause 5.1, PDU type.  Any other is readable; the caller counts those. */
enum x2_type {
	X2_TYPE_X2 = 1,
	X2_TYPE_X3 = 2,
	X2_TYPE_KEEPALIVE = 3,
	X2_TYPE_KEEPALIVE_ACK = 4
};

/* Payload format of a SIP message; any other is readable. */
#define X2_FORMAT_SIP 9

/* Payload direction; a keep-alive has 0.  Any other is readable. */
enum x2_direction {
	X2_UNKNOWN_DIRECTION = 1,
	X2_TO_TARGET = 2,
	X2_FROM_TARGET = 3,
	X2_BOTH_DIRECTIONS = 4,
	X2_NO_DIRECTION = 5
};

/* Views point into the PDU's octets; left is 0 for what is not there. */
struct x2_pdu {
	uint8_t minor; /* of version 0.minor */
	uint16_t type, format, direction;
	uint8_t xid[X2_XID_LEN], correlation[X2_CORRELATION_LEN];
	bool has_sequence;
	uint32_t sequence; /* counted in this XID and correlation id */
	bool has_time;
	int64_t seconds; /* since 1970, when it was intercepted */
	uint32_t nanoseconds; /* below 10^9 */
	struct rd nfid, ipid, matched_target;
	struct rd payload;
};

/*
 * How long the PDU is that starts here, header and payload: ERR_OK, ERR_AGAIN
 * while there are fewer than X2_PREFIX_LEN octets, ERR_MALFORMED for what is
 * no PDU: another major version, a header below 40, over X2_PDU_MAX.
 */
enum err x2_pdu_length(struct rd in, size_t *len) MUST_CHECK;

/*
 * Exactly one PDU.  Attributes that are not in struct x2_pdu are skipped.
 * ERR_MALFORMED, *out unchanged: what x2_pdu_length() refuses, more or fewer
 * octets than it says, an attribute that does not end in the header, a
 * sequence number or timestamp of another length or with 10^9 nanoseconds or
 * more, a known attribute that comes twice.
 */
enum err x2_pdu_read(struct rd pdu, struct x2_pdu *out) MUST_CHECK;

/*
 * The acknowledgement of a keep-alive, at most X2_ACK_LEN octets.  Its
 * sequence number is the keep-alive's (clause 6.2.4), without one if that has
 * none; every other field is zero (clause 5.1).
 */
void x2_put_ack(struct wr *, const struct x2_pdu *keepalive);

#endif
