/*
 * ber: elements of BER (X.690) read out of octets from outside.  Lengths are
 * definite, in as many octets as a sender likes; strings are in one piece.
 * Pure views: nothing is copied or allocated.
 */
#ifndef LEMF_BER_H
#define LEMF_BER_H

#include "base/bytes.h"

/*
 * The next element of `in`, which moves behind it.  The tag is its octets read
 * as a number: 0x30, 0x9f2c, 0xbf817f.  ERR_TRUNCATED: it ends inside the
 * element; ERR_MALFORMED: an indefinite length, a tag over three octets or one
 * that is not in its shortest form; ERR_TOOBIG: a length over 32 bits.
 */
enum err ber_next(struct rd *in, uint32_t *tag, struct rd *content) MUST_CHECK;

/* Which elements of a structure are wanted, and where their contents go. */
struct ber_field {
	uint32_t tag;
	struct rd *to;
	bool must;
};

/*
 * All elements of `in`: those wanted go to their places, others are passed
 * over.  Places of what is absent get p = NULL.  ERR_MALFORMED: one is there
 * twice, or is missing and must not; or as ber_next().
 */
enum err ber_fields(struct rd in, const struct ber_field *f,
    unsigned n) MUST_CHECK;

/* INTEGER or ENUMERATED, not negative.  ERR_MALFORMED, ERR_TOOBIG. */
enum err ber_u64(struct rd content, uint64_t *out) MUST_CHECK;
enum err ber_u32(struct rd content, uint32_t *out) MUST_CHECK;

#endif
