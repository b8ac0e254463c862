/*
 * der_put: DER written from its end to its beginning, so that the length of
 * what stands inside is known when its tag is written.  Contents come first,
 * then the element around them; what is written last stands first.
 */
#ifndef HI2_DER_PUT_H
#define HI2_DER_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes downwards from the end of a buffer, or with p NULL only counts.  A
 * buffer too short latches `failed` and is not written below its start.
 */
struct der_put {
	uint8_t *p; /* the caller's; NULL: count only */
	size_t cap, len; /* octets of the buffer, octets written */
	bool failed;
};

void der_put_init(struct der_put *d, uint8_t *p, size_t cap);

/* Content octets that stand in front of what is there. */
void der_put_octets(struct der_put *d, const void *p, size_t len);

/*
 * Close an element over all that was written since `since` (a former d->len):
 * its length in the shortest form, then its tag.  A tag is given as its octets
 * read as a number: 0x30, 0x9f2c.
 */
void der_put_wrap(struct der_put *d, uint32_t tag, size_t since);

/* Whole primitive elements. */
void der_put_string(struct der_put *d, uint32_t tag, const void *p, size_t len);
void der_put_text(struct der_put *d, uint32_t tag, const char *text);

/* INTEGER or ENUMERATED, not negative, in the fewest octets. */
void der_put_number(struct der_put *d, uint32_t tag, uint64_t v);

#endif
