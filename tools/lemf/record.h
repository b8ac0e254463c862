/*
 * record: one PS-PDU (TS 102 232-1 annex A) as an agency reads it: its header,
 * and of an IRI of UmtsHI2Operations (TS 33.108 annex B.3) what a call's keys
 * and speech need.  Octets from outside.  Fields that are not asked for here
 * are passed over; both forms of UMTSIRI are read.
 */
#ifndef LEMF_RECORD_H
#define LEMF_RECORD_H

#include "base/bytes.h"
#include "base/limits.h"
#include "hi2/tri.h"

#define RECORD_PDU_MAX (1024 * 1024) /* octets of one PS-PDU */
#define RECORD_TARGETS_MAX 10 /* partyInformation: SET SIZE (1..10) */

enum record_event {
	RECORD_KEYS, /* decryptionKeysAvailable(3) */
	RECORD_NO_KEYS, /* mediaSecFailureIndication */
	RECORD_SIP, /* unfilteredSIPmessage(1) */
	RECORD_OTHER, /* an IRI of another event */
	RECORD_TRI, /* no record: what ends say to each other */
	RECORD_UNREAD /* CC, or an encryptionContainer */
};

enum record_initiator {
	RECORD_INITIATOR_NONE, /* the field is not there */
	RECORD_NOT_AVAILABLE,
	RECORD_ORIGINATING,
	RECORD_TERMINATING
};

/* CCKeyInfo.  What is absent has p = NULL. */
struct record_key {
	struct rd cs_id; /* cCCSID: CSB ID (4 octets), CS ID (1) */
	struct rd key, salt;
	bool sealed; /* key: CMS for the agency's certificate; lemf/sealed.h */
};

/* All views are of the PDU and die with it; what is absent has p = NULL. */
struct record {
	struct rd pdu; /* all of it */

	/* PS header */
	struct rd liid; /* 1 to MAX_LIID octets */
	struct rd operator_id, element_id;
	bool has_cin, has_time;
	uint32_t cin, sequence;
	int64_t seconds; /* UTC */
	uint32_t nanoseconds;

	enum record_event event;
	struct tri tri; /* RECORD_TRI */

	/* An IRI; all else has nothing here. */
	unsigned form; /* of UMTSIRI: 0 or 1 */
	enum record_initiator initiator;
	struct rd correlation; /* iri-to-iri */
	struct rd targets[RECORD_TARGETS_MAX]; /* sip-uri, tel-uri */
	unsigned n_targets;
	struct rd sip;
	struct record_key keys[MAX_CS];
	unsigned n_keys;
};

/*
 * `pdu` is one whole PS-PDU.  ERR_TRUNCATED, ERR_MALFORMED, ERR_TOOBIG: it is
 * not, or a field is wrong; ERR_MISMATCH: header and record name different
 * LIIDs; ERR_UNSUPPORTED: several records in one PDU, or an IRI that is not
 * UMTS.  `why` says more.  *out then has the header of a record all the same,
 * if there is one, or else no LIID.
 */
enum err record_read(struct rd pdu, struct record *out,
    struct why *why) MUST_CHECK;

/* "keys", "noKeys", "sip", "other", "unread"; a TRI's as in the module. */
const char *record_event_name(const struct record *);

/* The first line of the SIP message, without its end; NULL, 0 of none. */
struct rd record_sip_line(const struct record *);
struct rd record_first_line(struct rd sip);

#endif
