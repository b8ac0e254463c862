/*
 * lemf_model: a small LEMF for tests of delivery: it takes a stream in pieces,
 * keeps what it has understood, checks integrity PDUs and answers.  It shares
 * no state with what is tested.
 */
#ifndef TESTS_UNIT_LEMF_MODEL_H
#define TESTS_UNIT_LEMF_MODEL_H

#include <openssl/evp.h>

#include "base/bytes.h"
#include "hi2/iri_profile.h"
#include "hi2/tri.h"

#define MODEL_RECORDS 512
#define MODEL_RECORD_MAX 512
#define MODEL_GROUPS 5 /* LIIDs and CINs */
#define MODEL_STREAM (1 << 20)

/* How far a record has come at the LEMF. */
enum level { AT_NOTHING, AT_RECEIVED, AT_HASHED, AT_SIGNED };

struct model_record {
	uint8_t octets[MODEL_RECORD_MAX];
	size_t len;
	unsigned group;
	uint32_t sequence;
	bool reset; /* a cINReset: numbers of its group begin anew */
	enum level level;
};

struct model_stream {
	uint8_t octets[MODEL_STREAM];
	size_t len;
};

struct model_hash { /* a hash PDU that is not signed yet */
	unsigned group;
	uint32_t sequence;
	uint8_t value[64];
	size_t value_len, from, to; /* of the records it covers, in `covered` */
};

struct model_lemf {
	struct iri_profile profile;
	struct model_record records[MODEL_RECORDS];
	unsigned n_records;
	EVP_PKEY *key;
	uint8_t spki[256];
	size_t spki_len;

	bool accepts, mute, mute_options; /* how it behaves */

	/* Of this connection. */
	struct model_stream in, back;
	unsigned next; /* the record that must come now */
	bool started;
	unsigned got[MODEL_RECORDS], n_got; /* in order */
	unsigned covered[MODEL_RECORDS];
	size_t n_covered;
	struct model_hash hashes[MODEL_RECORDS];
	unsigned n_hashes;
	uint32_t hash_next[MODEL_GROUPS], signature_next[MODEL_GROUPS];
	unsigned keep_alives, requests, responses; /* that it has got */
	uint32_t last_response;
};

/* Records made and a key; the caller frees with model_done(). */
void model_init(struct model_lemf *, unsigned n_records, unsigned resets);
void model_done(struct model_lemf *);

/* A new connection. */
void model_connect(struct model_lemf *);

/* Octets arrive; whole PDUs are understood and answered into `back`. */
void model_take(struct model_lemf *, const uint8_t *, size_t);

/* Any TRI of its own into `back`. */
void model_say(struct model_lemf *, const struct tri *, uint32_t sequence);

/* A signature as the token would make it; 0 octets are never returned. */
size_t model_sign(struct model_lemf *, struct rd octets, uint8_t out[128]);

/* The first octets of a stream go. */
void stream_drop(struct model_stream *, size_t n);
void stream_put(struct model_stream *, const uint8_t *, size_t n);

#endif
