/*
 * tri: transport related information (TS 102 232-1 clauses 6.2 and 6.3, annex
 * A: TRIPayload): the PS-PDUs by which the two ends of a delivery speak of the
 * delivery itself.  Written in DER; read in BER, as LEMFs write it.
 */
#ifndef HI2_TRI_H
#define HI2_TRI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "hi2/iri_profile.h"
#include "hi2/ps_header.h"

/* The LIID of what is about no interception. */
#define TRI_LIID "-"

#define TRI_MESSAGE_MAX 255 /* octets of an operatorLeaMessage */
#define TRI_VALUE_MAX 512 /* octets of a checkValue that is written */
/* Octets of a PDU, beside those of includedSequenceNumbers. */
#define TRI_MAX 1024

/* By the numbers of their tags. */
enum tri_kind {
	TRI_INTEGRITY_CHECK = 0,
	TRI_TEST = 1,
	TRI_PADDING = 2,
	TRI_KEEP_ALIVE = 3,
	TRI_KEEP_ALIVE_RESPONSE = 4,
	TRI_FIRST_SEGMENT = 5,
	TRI_LAST_SEGMENT = 6,
	TRI_CIN_RESET = 7,
	TRI_OPERATOR_LEA_MESSAGE = 8,
	TRI_OPTION_REQUEST = 9,
	TRI_OPTION_RESPONSE = 10,
	TRI_OPTION_COMPLETE = 11,
	TRI_ACKNOWLEDGEMENT_REQUEST = 12, /* pDUAcknowledgementRequest */
	TRI_ACKNOWLEDGEMENT_RESPONSE = 13,
	TRI_OTHER = 14 /* of a later version of the module: to be let through */
};

/* By their numbers in the module. */
enum tri_check { TRI_CHECK_HASH = 1, TRI_CHECK_SIGNATURE = 2 };
enum tri_data { TRI_DATA_NONE = 0, TRI_DATA_IRI = 1, TRI_DATA_CC = 2 };
enum tri_hash {
	TRI_HASH_NONE = 0, /* not said */
	TRI_SHA1 = 1,
	TRI_SHA256 = 2,
	TRI_SHA384 = 3,
	TRI_SHA512 = 4
};
enum tri_signature {
	TRI_SIGNATURE_NONE = 0,
	TRI_DSA = 1,
	TRI_ECDSA = 2,
	TRI_EDDSA = 3
};
enum tri_priority { TRI_ERROR = 1, TRI_INFORMATIONAL = 2 };

struct tri {
	enum tri_kind kind;
	union {
		struct tri_integrity { /* TRI_INTEGRITY_CHECK */
			/* Numbers: tri_included_put() and _get(). */
			struct rd included;
			enum tri_check check;
			enum tri_data data; /* NONE: the field is left out */
			struct rd value;
			enum tri_hash hash; /* for the check hash */
			enum tri_signature signature; /* for signature */
		} integrity;
		struct { /* TRI_OPERATOR_LEA_MESSAGE */
			enum tri_priority priority;
			struct rd text; /* 1 to TRI_MESSAGE_MAX octets */
		} message;
		/* TRI_OPTION_REQUEST, whether pDUAcknowledgement is in it. */
		bool asks;
		/* TRI_OPTION_RESPONSE; neither: it is not mentioned. */
		struct {
			bool accepted, declined;
		} answer;
	} u;
};

/*
 * The whole PS-PDU.  What is about no interception has the LIID TRI_LIID and
 * CIN 0.  ERR_MALFORMED: profile, header or content is not as described;
 * ERR_UNSUPPORTED: padding, or a kind that has no encoding here; ERR_TOOBIG:
 * `cap`, for which TRI_MAX and the octets of `included` are always enough.  On
 * failure *len is unchanged.
 */
enum err tri_encode(const struct iri_profile *, const struct ps_header *,
    const struct tri *, uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

/*
 * The payload of a PS-PDU of kind PS_TRI (hi2/ps_pdu.h).  Views lie in it.
 * ERR_MALFORMED, and *out unchanged.
 */
enum err tri_read(struct rd payload, struct tri *out) MUST_CHECK;

/*
 * One number of includedSequenceNumbers: written behind those before, at most
 * TRI_INCLUDED_LEN octets each; read one after the other to the end.
 */
#define TRI_INCLUDED_LEN 7
void tri_included_put(struct wr *, uint32_t number);
enum err tri_included_get(struct rd *, uint32_t *number) MUST_CHECK;

#endif
