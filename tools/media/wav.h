/* wav: a sound as the octets of a WAV file: PCM, mono, 8 kHz, 16 bit. */
#ifndef MEDIA_WAV_H
#define MEDIA_WAV_H

#include "media/sound.h"

/* Octets of the whole file. */
uint64_t wav_len(const struct sound *);

/*
 * The octets one after the other, in pieces of WAV_PIECE at most; what `take`
 * returns ends it if it is not ERR_OK.
 */
#define WAV_PIECE 8192
typedef enum err (*wav_take)(void *arg, const uint8_t *p, size_t n);
enum err wav_write(const struct sound *, wav_take take, void *arg) MUST_CHECK;

/* A file, mode 600, in the place of one that was there.  ERR_IO. */
enum err wav_save(const struct sound *, const char *path,
    struct why *) MUST_CHECK;

#endif
