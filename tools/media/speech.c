#include "media/g711.h"
#include "media/speech.h"

/* Room for what came before the first packet that came: 1 s. */
#define LEAD G711_RATE

/*
 * Timestamps and arrival differ by no more than this, 10 s, between two
 * packets; else the sender has begun a new count, and arrival is believed.
 */
#define SLACK (10 * G711_RATE)

#define PIECE 512 /* samples */

void
speech_init(struct speech *s, struct sound_room *room, bool with_cipher)
{
	*s = (struct speech){.with_cipher = with_cipher};
	sound_init(&s->clear, room);
	sound_init(&s->cipher, room);
}

void
speech_done(struct speech *s)
{
	sound_done(&s->clear);
	sound_done(&s->cipher);
}

static int64_t
samples_of(int64_t us)
{
	return us / 1000 * (G711_RATE / 1000);
}

/* Where this packet stands. */
static int64_t
place(const struct speech *s, const struct stream_packet *p)
{
	const int64_t end = (int64_t)s->clear.end;
	int64_t by_ts, by_us, at;

	if (s->spoken == 0)
		return LEAD;
	by_ts = (int32_t)(p->rtp.ts - s->ts);
	by_us = samples_of(p->us - s->us);
	if (by_ts - by_us <= SLACK && by_us - by_ts <= SLACK)
		return s->at + by_ts;
	at = s->at + (by_us > 0 ? by_us : 0);
	return at > end ? at : end;
}

static enum err
put(struct sound *to, uint64_t at, int16_t (*expand)(uint8_t), struct rd octets)
{
	int16_t samples[PIECE];
	uint8_t octet;
	enum err rc;

	while (octets.left > 0) {
		size_t n = 0;

		while (n < PIECE && rd_u8(&octets, &octet) == ERR_OK)
			samples[n++] = expand(octet);
		if ((rc = sound_put(to, at, samples, n)) != ERR_OK)
			return rc;
		at += n;
	}
	return ERR_OK;
}

enum err
speech_take(struct speech *s, enum codec codec, const struct stream_packet *p)
{
	int16_t (*const expand)(uint8_t) =
	    codec == CODEC_PCMA ? g711_pcma : g711_pcmu;
	int64_t at;
	enum err rc;

	if (codec == CODEC_OTHER || p->payload.left == 0) {
		s->other++;
		return ERR_OK;
	}
	at = place(s, p);
	if (at < 0) {
		s->left_out++;
		return ERR_OK;
	}
	rc = put(&s->clear, (uint64_t)at, expand, p->payload);
	if (rc == ERR_OK && s->with_cipher)
		rc = put(&s->cipher, (uint64_t)at, expand, p->cipher);
	if (rc == ERR_TOOBIG || rc == ERR_FULL) {
		s->left_out++;
		return ERR_OK;
	}
	s->ts = p->rtp.ts;
	s->at = at;
	s->us = p->us;
	s->spoken++;
	return rc;
}
