/*
 * calls: the records of files put together by call, with what decrypting its
 * speech takes: keys, and of the MIKEY messages in its SIP which stream each
 * key is for.  Records from outside.
 */
#ifndef LEMF_CALLS_H
#define LEMF_CALLS_H

#include "base/secret.h"
#include "lemf/record.h"
#include "lemf/sdp.h"
#include "lemf/sealed.h"
#include "media/media_key.h"

#define CALLS_MAX 65536
#define CALLS_OCTETS_MAX ((size_t)256 * 1024 * 1024) /* of all records */
#define CALLS_KEYS_MAX 32768 /* of all records: they lie in locked memory */

/* One record; views are of its octets, which the calls keep. */
struct call_record {
	uint8_t *pdu; /* with keys: erased in the end */
	size_t len;
	enum record_event event;
	enum record_initiator initiator;
	uint32_t sequence;
	bool has_time;
	int64_t seconds;
	uint32_t nanoseconds;
	struct rd sip;
	unsigned n_keys;
};

/* A message that says which streams there are. */
struct call_exchange;

struct call {
	struct rd liid;
	bool has_cin;
	uint32_t cin;
	struct rd correlation; /* iri-to-iri; left = 0: none */
	struct rd targets[RECORD_TARGETS_MAX];
	unsigned n_targets;
	struct call_record *record; /* each once, in the order of the files */
	size_t n_records;
	struct call_exchange *exchange;
	size_t n_exchanges;
	struct sdp_types types;
};

struct calls {
	struct call **call; /* in the order in which they begin */
	size_t n;
	size_t octets; /* of all records */
	size_t repeated; /* records that came again */
	size_t unread; /* and such as are none; why the first is */
	struct why first_unread;
	size_t n_keys;
};

/* What has become of the keys. */
struct calls_counts {
	size_t usable;
	size_t sealed; /* and not opened: no --open-key */
	size_t unserved; /* by an SRTP policy that is not decrypted */
	size_t unusable; /* none of SRTP, or sealed to somebody else */
};

/*
 * The records of a file.  Those that are no IRI are passed over, what cannot be
 * read is counted.  ERR_IO; ERR_FULL: over a limit above; ERR_NOMEM.
 */
enum err calls_read(struct calls *, const char *path,
    struct why *why) MUST_CHECK;
void calls_done(struct calls *); /* records are erased */

/*
 * SIP that was seen elsewhere, in a capture: if it has a call's MIKEY messages,
 * it says more about that call's streams.
 */
enum err calls_hint(struct calls *, struct rd sip) MUST_CHECK;

/*
 * All keys as a list of struct media_key in *out, the caller's; each has the
 * number of its call.  `opener` may be NULL.  ERR_NOMEM, ERR_CRYPTO, ERR_FULL.
 */
enum err calls_keys(const struct calls *, const struct opener *opener,
    struct secret **out, struct calls_counts *, struct why *) MUST_CHECK;

/* "LIID-CIN", as the name of a file: the LIID by store_name(). */
#define CALL_NAME_MAX 96
void call_name(const struct call *, char out[CALL_NAME_MAX]);

#endif
