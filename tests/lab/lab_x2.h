/*
 * lab_x2: the PDUs that a CSCF sends over X2, ETSI TS 103 221-2, as the
 * laboratory writes them, and the acknowledgements that it reads.  Any field
 * can be set to anything: a receiver must bear it.
 */
#ifndef TESTS_LAB_X2_H
#define TESTS_LAB_X2_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define LAB_X2_XID_LEN 16
#define LAB_X2_CORRELATION_LEN 8
#define LAB_X2_KEEPALIVE_LEN 48
#define LAB_X2_PDU_MAX 262144 /* of what is sound; files may hold more */

enum { LAB_X2_PDU = 1, LAB_X2_KEEPALIVE = 3, LAB_X2_ACK = 4 };
enum { LAB_X2_SIP = 9 };
enum lab_x2_direction {
	LAB_X2_UNKNOWN = 1,
	LAB_X2_TO_TARGET = 2,
	LAB_X2_FROM_TARGET = 3
};

struct lab_x2_pdu {
	uint8_t major, minor;
	uint16_t type, format, direction;
	uint8_t xid[LAB_X2_XID_LEN], correlation[LAB_X2_CORRELATION_LEN];
	bool has_sequence, has_time;
	uint32_t sequence;
	int64_t seconds;
	uint32_t nanoseconds;
	const char *nfid, *ipid; /* NULL: none */
	bool extra; /* attributes that nobody knows, before and behind */
	struct rd payload;
};

/* Version 0.5, X2, SIP, direction unknown, the time now; the rest is zero. */
void lab_x2_init(struct lab_x2_pdu *);
void lab_x2_stamp(struct lab_x2_pdu *);

/* *out is allocated, the caller frees it.  ERR_NOMEM. */
enum err lab_x2_put(const struct lab_x2_pdu *, uint8_t **out,
    size_t *len) MUST_CHECK;

/* Clause 5.1: every field is zero but the sequence number. */
void lab_x2_put_keepalive(uint32_t sequence, uint8_t out[LAB_X2_KEEPALIVE_LEN]);

/*
 * An acknowledgement at the start of what was received: its number, and how
 * many octets it takes.  ERR_AGAIN while it is not complete, ERR_MALFORMED
 * for anything else.
 */
enum err lab_x2_get_ack(struct rd in, uint32_t *sequence,
    size_t *len) MUST_CHECK;

/*
 * Numbers of PDUs, counted from 0 for each XID and correlation id (clause
 * 5.3.9).  Freed with lab_x2_numbers_free(), which takes NULL too.
 */
struct lab_x2_numbers;
struct lab_x2_numbers *lab_x2_numbers_new(void);
void lab_x2_numbers_free(struct lab_x2_numbers *);
uint32_t lab_x2_number(struct lab_x2_numbers *, const uint8_t *xid,
    const uint8_t *correlation);

/* 36 characters of hex and hyphens. */
enum err lab_x2_uuid(const char *text, uint8_t xid[LAB_X2_XID_LEN]) MUST_CHECK;

/* The same 8 octets for the same Call-ID, whoever reports it. */
void lab_x2_correlate(const char *call_id, uint8_t out[LAB_X2_CORRELATION_LEN]);

struct sip;
/*
 * How a message passes the user with this URI, who is its From, its To or its
 * Request-URI (parameters aside): to or from them.  ERR_NOTFOUND: not theirs.
 */
enum err lab_x2_passes(const struct sip *, const char *uri,
    enum lab_x2_direction *) MUST_CHECK;

#endif
