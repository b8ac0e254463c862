/* fields: the elements of an ASN.1 structure found by their tags. */
#ifndef LEMF_FIELDS_H
#define LEMF_FIELDS_H

#include "hi2/ber_get.h"

/* What is wanted, and where its content goes. */
struct field {
	uint32_t tag;
	struct rd *to; /* p = NULL: it is not there */
	bool must;
};

/*
 * Every element of `in` (BER) is read: those wanted go to their places, others
 * are passed over.  ERR_TRUNCATED, ERR_MALFORMED; the latter too when one is
 * there twice, or must be and is not.
 */
enum err fields_read(struct rd in, const struct field *f,
    unsigned n) MUST_CHECK;

/* One element that fills `in`.  ERR_TRUNCATED, ERR_MALFORMED. */
enum err fields_only(struct rd in, struct ber *out) MUST_CHECK;

#endif
