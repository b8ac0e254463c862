/*
 * streams: the SRTP streams among captured datagrams, decrypted with the keys
 * of calls.  Which key is a packet's is found by its tag: by SSRC where the key
 * has one, else by trying; with an MKI of a length that nobody said; with a
 * roll-over counter that went on before the capture began or while it paused.
 * Octets from outside.
 */
#ifndef MEDIA_STREAMS_H
#define MEDIA_STREAMS_H

#include "media/media_key.h"
#include "media/packet.h"
#include "media/rtp.h"

#define STREAMS_MAX 1024 /* that a key opens */
#define STRANGERS_MAX 1024 /* SSRCs that no key opens and that are counted */
#define STREAM_KEYS_MAX 8 /* of one stream at a time: CSB updates */
#define STREAM_MKI_MAX 64 /* octets of an MKI that is looked for */
#define STREAM_ROLLS_MAX 8 /* roll-overs that nobody saw, 22 minutes each */

/* One SSRC of one call. */
struct stream {
	size_t index;
	uint32_t ssrc;
	const struct media_key *key; /* that opened a packet last */
	struct rd from_ip, to_ip; /* of the first packet */
	uint16_t from, to;
	uint64_t packets; /* all of this SSRC, of which ... */
	uint64_t opened;
	uint64_t repeated;
	uint64_t failed; /* opened by no key */
	uint64_t lost; /* by sequence number; not among packets */
	int64_t first_us, last_us; /* of those opened */
};

/* An SSRC whose packets no key opens. */
struct stranger {
	uint32_t ssrc;
	uint64_t packets;
};

/* A packet in the clear.  Views die with the call. */
struct stream_packet {
	const struct stream *stream;
	int64_t us;
	const struct packet *udp;
	struct rtp rtp;
	struct rd whole; /* as RTP */
	struct rd payload; /* without padding */
	struct rd cipher; /* the payload as it was on the wire */
};
typedef enum err (
    *streams_take_fn)(void *arg, const struct stream_packet *, struct why *);

struct streams;

/* The keys stay the caller's and must stay; each was media_key_ready(). */
enum err streams_new(const struct media_key *keys, size_t n_keys,
    streams_take_fn take, void *arg, struct streams **) MUST_CHECK;
void streams_free(struct streams **);

/*
 * One datagram, with the arguments of a capture_take.  What is no RTP is passed
 * over.  ERR_FULL: over STREAMS_MAX; ERR_NOMEM, ERR_CRYPTO; or what `take`
 * returned.
 */
enum err streams_datagram(void *streams, int64_t us, const struct packet *,
    struct why *) MUST_CHECK;

/* In the order in which they began. */
size_t streams_n(const struct streams *);
const struct stream *streams_at(const struct streams *, size_t i);

/* Those that spoke most among SSRCs that no key opens. */
size_t streams_n_strangers(const struct streams *);
const struct stranger *streams_stranger(const struct streams *, size_t i);

/* Packets were left without all keys having been tried: too many. */
bool streams_gave_up(const struct streams *);

#endif
