/*
 * iri: one record of HI2 as octets: a PS-PDU (TS 102 232-1 annex A) with one
 * IRI-Report of UmtsHI2Operations (TS 33.108 annex B.3).  Pure: the time and
 * the sequence number are the caller's, nothing is allocated or remembered.
 */
#ifndef HI2_IRI_H
#define HI2_IRI_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "hi2/iri_profile.h"
#include "hi2/sip_event.h"

#define IRI_PARTIES_MAX 10 /* partyInformation: SET SIZE (1..10) */
#define IRI_URI_MAX 1024 /* octets of one identity */
#define IRI_TEK_LEN 16
#define IRI_SALT_LEN 14
#define IRI_CORRELATION_LEN 8

enum iri_event {
	IRI_KEYS, /* decryptionKeysAvailable(3) */
	IRI_NO_KEYS, /* mediaSecFailureIndication genericFailure(0) */
	IRI_SIP, /* unfilteredSIPmessage(1) */
	IRI_EVENT__MAX
};

/* As ENUMERATED initiator of the module. */
enum iri_initiator {
	IRI_INITIATOR_NA = 0,
	IRI_ORIGINATING = 1,
	IRI_TERMINATING = 2
};

/* One crypto session: cCCSID is CSB ID (4 octets) || CS ID (1). */
struct iri_key {
	uint8_t cs_id;
	uint32_t csb_id;
	uint8_t tek[IRI_TEK_LEN];
	uint8_t salt[IRI_SALT_LEN];
	/* left > 0: stands in the place of the key, and there is no salt */
	struct rd sealed;
};

/* Everything that is pointed to stays the caller's. */
struct iri_record {
	enum iri_event event;
	struct rd liid; /* 1 to MAX_LIID octets */
	/*
	 * The observed identities of the target: sip:, sips: and tel: URIs.
	 * Of more than IRI_PARTIES_MAX the first are sent; of none, the field
	 * is left out.
	 */
	const struct rd *targets;
	unsigned n_targets;
	/* X2's; iri-to-iri.  Its last four octets are the CIN. */
	uint8_t correlation[IRI_CORRELATION_LEN];
	/* UTC, when it was intercepted: 1970 to 9999 (umts_time utc: 2049). */
	int64_t seconds;
	uint32_t nanoseconds; /* below 1,000,000,000; more than sent is cut */
	enum iri_initiator initiator;
	uint32_t sequence; /* sequenceNumber of the PS header */
	/*
	 * The SIP message, up to SIP_MAX octets: with IRI_SIP the intercepted
	 * one, else the one that held I_MESSAGE_1; left = 0: none.
	 */
	struct rd sip;
	const struct iri_key *keys; /* IRI_KEYS: 1 to MAX_CS; else none */
	unsigned n_keys;
};

/*
 * The octets that iri_encode() writes, exactly; 0 if it would refuse.  No
 * record is longer than SIP_MAX plus 32768 plus the octets of sealed keys.
 */
size_t iri_max(const struct iri_profile *p, const struct iri_record *r);

/*
 * DER, the same octets for the same record.  ERR_MALFORMED: profile or record
 * not as described above.  ERR_TOOBIG: a longer identity or SIP message, or
 * `cap` is less than iri_max().  On failure `out` and *len are unchanged.
 * `out` then holds keys, the caller's to erase; nothing else does.
 */
enum err iri_encode(const struct iri_profile *p, const struct iri_record *r,
    uint8_t *out, size_t cap, size_t *len) MUST_CHECK;

#endif
