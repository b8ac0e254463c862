/*
 * ps_header: the header of a PS-PDU (TS 102 232-1 annex A), the same for IRI
 * records and for the PDUs of the transport.  Times are UTC.
 */
#ifndef HI2_PS_HEADER_H
#define HI2_PS_HEADER_H

#include "base/bytes.h"
#include "hi2/der_put.h"
#include "hi2/iri_profile.h"

#define PS_SECONDS_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* The profile has all else. */
struct ps_header {
	struct rd liid; /* 1 to MAX_LIID octets */
	uint32_t cin; /* communicationIdentityNumber */
	uint32_t sequence;
	int64_t seconds; /* 1970 to 9999 */
	uint32_t nanoseconds; /* below 1,000,000,000; more than sent is cut */
};

struct ps_times {
	char generalized[24]; /* YYYYMMDDHHMMSS.mmmZ */
	char utc[16]; /* YYMMDDHHMMSSZ */
};

/* ERR_MALFORMED: LIID or time is not as above. */
enum err ps_header_check(const struct ps_header *) MUST_CHECK;

/* The time of a checked header as DER wants it (X.690 11.7 and 11.8). */
void ps_header_times(const struct ps_header *, struct ps_times *out);

/* Behind it stands the payload; both make the PS-PDU, a SEQUENCE. */
void ps_header_put(struct der_put *, const struct iri_profile *,
    const struct ps_header *, const struct ps_times *);

#endif
