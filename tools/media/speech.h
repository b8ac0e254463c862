/*
 * speech: the packets of one stream as sound, in the clear and, to be looked
 * at, as they were on the wire.  Each packet stands where its RTP timestamp
 * says; where none came is silence.
 */
#ifndef MEDIA_SPEECH_H
#define MEDIA_SPEECH_H

#include "media/sound.h"
#include "media/streams.h"

enum codec { CODEC_OTHER, CODEC_PCMU, CODEC_PCMA };

struct speech {
	bool with_cipher;
	struct sound clear, cipher;
	uint64_t spoken; /* packets that are in the sounds */
	uint64_t other; /* of another codec, or without a payload */
	uint64_t left_out; /* beyond SOUND_HOURS_MAX, or without room */
	/* of the last packet: */
	uint32_t ts;
	int64_t at, us;
};

void speech_init(struct speech *, struct sound_room *, bool with_cipher);
void speech_done(struct speech *);

/* A packet of the stream.  ERR_NOMEM. */
enum err speech_take(struct speech *, enum codec,
    const struct stream_packet *) MUST_CHECK;

#endif
