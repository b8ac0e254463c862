/*
 * ps_pdu: a PS-PDU (TS 102 232-1 annex A) read: its header, and what kind of
 * payload it has.  BER; fields that are not known are passed over.
 */
#ifndef HI2_PS_PDU_H
#define HI2_PS_PDU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hi2/ber_get.h"

enum ps_kind {
	PS_IRI, /* iRIPayloadSequence */
	PS_CC, /* cCPayloadSequence */
	PS_TRI, /* tRIPayload: hi2/tri.h */
	PS_OTHER
};

/* Views into the PDU. */
struct ps_pdu {
	enum ps_kind kind;
	struct rd liid, operator_id, element_id; /* left = 0: not there */
	bool has_cin, has_time;
	uint32_t cin;
	uint32_t sequence;
	/* Of microSecondTimeStamp, or else of timeStamp if that is with Z. */
	int64_t seconds;
	uint32_t nanoseconds;
	/* IRI, CC: the payloads, one after the other; TRI: the one element. */
	struct rd payload;
};

/*
 * Where the first PDU of a stream ends: ber_frame() for PS-PDUs.  ERR_AGAIN,
 * ERR_TOOBIG, ERR_MALFORMED.
 */
enum err ps_pdu_frame(struct ber_frame *f, struct rd have, size_t max,
    size_t *len) MUST_CHECK;

/*
 * Read one whole PDU and nothing behind it.  A sequenceNumber must be there
 * and nothing twice.  ERR_MALFORMED, and *out unchanged.
 */
enum err ps_pdu_read(struct rd pdu, struct ps_pdu *out) MUST_CHECK;

#endif
