/*
 * hear: the speech of the calls in files of records, out of a capture: for
 * `decrypt` and `page`.
 */
#ifndef LEMF_HEAR_H
#define LEMF_HEAR_H

#include "lemf/calls.h"
#include "media/capture.h"
#include "media/g711.h"
#include "media/speech.h"
#include "media/streams.h"

#define HEAR_ROOM ((size_t)1024 * 1024 * 1024) /* octets of sound: 18 hours */

/* A packet of a codec that is not made sound of here. */
typedef enum err (
    *hear_other)(void *arg, const struct stream_packet *, struct why *);

struct hear {
	struct calls calls;
	struct secret *keys; /* a list of struct media_key */
	struct calls_counts key_counts;
	struct streams *streams; /* NULL: no capture */
	struct capture_counts capture;
	struct speech speech[STREAMS_MAX]; /* as the streams */
	/* Of the codec heard last; NULL: no packet was sound. */
	const char *name[STREAMS_MAX];
	struct sound_room room;
	bool with_cipher;
	hear_other other;
	void *arg;
};

/*
 * All zero but the last three, which are the caller's choice.  With an opener,
 * sealed keys are opened.  hear_done() in any case.
 */
enum err hear_records(struct hear *, char **files, int n,
    struct why *) MUST_CHECK;
enum err hear_capture(struct hear *, const char *pcap, const struct opener *,
    struct why *) MUST_CHECK;
void hear_done(struct hear *);

const struct call *hear_call(const struct hear *, const struct stream *);

/* "LIID-CIN-SSRC": call_name() and more. */
#define HEAR_NAME_MAX (CALL_NAME_MAX + 16)
void hear_name(const struct hear *, const struct stream *,
    char out[HEAR_NAME_MAX]);

const char *hear_codec(const struct hear *, const struct stream *);

/* "10.0.0.1:4000", "[2001:db8::1]:4000" */
#define HEAR_ADDRESS_MAX 64
const char *hear_address(struct rd ip, uint16_t port,
    char out[HEAR_ADDRESS_MAX]);

/* How long it is: of its sound, or by arrival. */
double hear_seconds(const struct hear *, const struct stream *);

#endif
