#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "media/g711.h"
#include "media/wav.h"

#define HEADER_LEN 44
#define FORMAT_PCM 1
#define SAMPLE_LEN 2

uint64_t
wav_len(const struct sound *s)
{
	return HEADER_LEN + SAMPLE_LEN * sound_len(s);
}

static void
put_le(struct wr *w, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wr_u8(w, (uint8_t)(v >> 8 * i));
}

/* SOUND_HOURS_MAX keeps all lengths below 2^32. */
static void
put_header(struct wr *w, const struct sound *s)
{
	const uint32_t octets = (uint32_t)(SAMPLE_LEN * sound_len(s));

	wr_copy(w, "RIFF", 4);
	put_le(w, HEADER_LEN - 8 + octets, 4);
	wr_copy(w, "WAVEfmt ", 8);
	put_le(w, 16, 4);
	put_le(w, FORMAT_PCM, 2);
	put_le(w, 1, 2);
	put_le(w, G711_RATE, 4);
	put_le(w, SAMPLE_LEN * G711_RATE, 4);
	put_le(w, SAMPLE_LEN, 2);
	put_le(w, 8 * SAMPLE_LEN, 2);
	wr_copy(w, "data", 4);
	put_le(w, octets, 4);
}

enum err
wav_write(const struct sound *s, wav_take take, void *arg)
{
	uint8_t piece[WAV_PIECE];
	int16_t samples[(WAV_PIECE - HEADER_LEN) / SAMPLE_LEN];
	const uint64_t all = sound_len(s);
	uint64_t at = 0;
	struct wr w;
	enum err rc;

	wr_init(&w, piece, sizeof(piece));
	put_header(&w, s);
	do {
		size_t n = sizeof(samples) / sizeof(samples[0]);

		n = n < all - at ? n : (size_t)(all - at);
		sound_get(s, at, samples, n);
		for (size_t i = 0; i < n; i++)
			put_le(&w, (uint16_t)samples[i], SAMPLE_LEN);
		if ((rc = w.rc) != ERR_OK ||
		    (rc = take(arg, piece, w.len)) != ERR_OK)
			return rc;
		at += n;
		wr_init(&w, piece, sizeof(piece));
	} while (at < all);
	return ERR_OK;
}

static enum err
to_file(void *arg, const uint8_t *p, size_t n)
{
	return fwrite(p, 1, n, arg) == n ? ERR_OK : ERR_IO;
}

enum err
wav_save(const struct sound *s, const char *path, struct why *why)
{
	const int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "wb");
	enum err rc;

	if (f == NULL) {
		if (fd != -1)
			(void)close(fd);
		return why_errno(why, "cannot create %s", path);
	}
	rc = wav_write(s, to_file, f);
	if (fclose(f) != 0 || rc != ERR_OK)
		return why_errno(why, "cannot write %s", path);
	return ERR_OK;
}
