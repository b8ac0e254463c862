/*
 * lab_iri: what a LEMF reads of HI2: PS-PDUs back to back, by a decoder that
 * asn1c made of the modules (tests/asn1/etsi).
 */
#ifndef TESTS_LAB_IRI_H
#define TESTS_LAB_IRI_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include <PS-PDU.h>

#include "base/bytes.h"

struct lab_iri {
	PS_PDU_t *pdu;
	size_t len; /* its octets */
	const PSHeader_t *h;
	const UmtsIRI_Parameters_t *u; /* NULL: TRI, or an encrypted payload */
	unsigned form; /* of UMTSIRI: 0 or 1 */
	const char *event; /* "keys", "noKeys", "sip", "other", or the TRI's */
};

/*
 * The next PS-PDU of `in`, which moves behind it.  ERR_TRUNCATED: it ends
 * inside; ERR_MALFORMED: not a PS-PDU of the modules, or a value out of its
 * range; ERR_UNSUPPORTED: more than one record in it.  `why` says more.
 */
enum err lab_iri_read(struct rd *in, struct lab_iri *out,
    struct why *why) MUST_CHECK;
void lab_iri_done(struct lab_iri *);

/* For people; keys as asterisks unless `keys`. */
void lab_iri_print(FILE *f, const struct lab_iri *, bool keys);

/* For programs, keys and all; the caller's reference. */
json_t *lab_iri_json(const struct lab_iri *);

/*
 * Append the record's keys to a "keys" list as lab-decrypt reads it, with SSRC
 * and ROC where the record's SIP message holds an I_MESSAGE_1 that has them.
 */
enum err lab_iri_keys(json_t *list, const struct lab_iri *) MUST_CHECK;

#endif
