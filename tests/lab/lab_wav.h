/* lab_wav: WAV files of 16-bit mono 8 kHz, and PCMU (G.711). */
#ifndef TESTS_LAB_WAV_H
#define TESTS_LAB_WAV_H

#include "base/bytes.h"

#define LAB_RATE 8000

uint8_t lab_ulaw(int16_t sample);
int16_t lab_unulaw(uint8_t octet);

/* The samples of a file; the caller frees. */
enum err lab_wav_load(const char *path, int16_t **out, size_t *n,
    struct why *) MUST_CHECK;

/* Write PCMU octets as 16-bit samples. */
enum err lab_wav_save(const char *path, const uint8_t *ulaw, size_t n,
    struct why *) MUST_CHECK;

/* Write octets as they are. */
enum err lab_save(const char *path, const void *p, size_t len,
    struct why *) MUST_CHECK;

#endif
