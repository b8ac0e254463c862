/*
 * ber_get: elements of BER (X.690) read from foreign octets, and where the
 * first of a stream ends.  Lengths may be definite, in any number of octets up
 * to four, or indefinite, as some encoders of LEMFs write them; tags have at
 * most three octets.  Nothing is copied: views lie in what was given.
 */
#ifndef HI2_BER_GET_H
#define HI2_BER_GET_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define BER_DEPTH_MAX 16 /* elements of indefinite length in one another */

struct ber {
	uint32_t tag; /* its octets read as a number: 0x30, 0x9f2c */
	struct rd content; /* without the end-of-contents octets */
};

/*
 * The next element of `in`, which moves behind it.  ERR_TRUNCATED: it ends
 * beyond `in`; ERR_MALFORMED: no such tag or length, end-of-contents octets
 * where none belong, or too deep.  On failure neither is changed.
 */
enum err ber_get(struct rd *in, struct ber *out) MUST_CHECK;

/*
 * A number that is not negative, of at most eight octets that say something.
 * ERR_MALFORMED: negative, empty or above `most`.
 */
enum err ber_number(struct rd content, uint64_t most, uint64_t *out) MUST_CHECK;

/* How far a stream has been read for the end of its first element. */
struct ber_frame {
	size_t at; /* octets that are understood */
	unsigned depth; /* indefinite lengths that are open there */
};

/*
 * The length of the element that `have` starts with, whose tag must be `tag`
 * (one octet).  Called again with more octets of the same element it goes on
 * where it stopped, so that a stream in the smallest pieces costs no more than
 * one in large ones.  ERR_AGAIN: more octets are needed; ERR_TOOBIG: it is, or
 * will be, longer than `max`; ERR_MALFORMED.  *f must be zeroed before the
 * first call for an element, and is so after ERR_OK.
 */
enum err ber_frame(struct ber_frame *f, struct rd have, uint8_t tag, size_t max,
    size_t *len) MUST_CHECK;

#endif
