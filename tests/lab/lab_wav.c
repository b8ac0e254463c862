#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab_store.h"
#include "lab_wav.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define FORMAT_PCM 1
#define HEADER_LEN 44

/* ITU-T G.711: sign, three bits of segment, four of step, all inverted. */
#define BIAS 132
#define CLIP 32635

uint8_t
lab_ulaw(int16_t sample)
{
	int v = sample, segment = 7;
	unsigned sign = 0;

	if (v < 0) {
		v = -v;
		sign = 0x80;
	}
	v = (v > CLIP ? CLIP : v) + BIAS;
	while (segment > 0 && (v & (0x80 << segment)) == 0)
		segment--;
	return (uint8_t) ~(sign | (unsigned)segment << 4 |
	    ((unsigned)v >> (segment + 3) & 0x0f));
}

int16_t
lab_unulaw(uint8_t octet)
{
	const unsigned u = (uint8_t)~octet;
	int v = (int)((((u & 0x0f) << 3) + BIAS) << (u >> 4 & 7)) - BIAS;

	return (int16_t)((u & 0x80) != 0 ? -v : v);
}

static uint32_t
le(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* Walk the chunks of a RIFF file for "fmt " and "data". */
static enum err
find_data(struct rd r, struct rd *data)
{
	struct rd head, body;
	bool fmt = false;

	if (rd_view(&r, 12, &head) != ERR_OK ||
	    memcmp(head.p, "RIFF", 4) != 0 ||
	    memcmp(head.p + 8, "WAVE", 4) != 0)
		return ERR_MALFORMED;
	while (rd_view(&r, 8, &head) == ERR_OK) {
		size_t len = le(head.p + 4, 4);

		/* A recorder that was stopped leaves too large a length. */
		if (memcmp(head.p, "data", 4) == 0 && fmt)
			return rd_view(&r, len < r.left ? len : r.left, data);
		if (rd_view(&r, len, &body) != ERR_OK)
			return ERR_TRUNCATED;
		if (memcmp(head.p, "fmt ", 4) == 0) {
			if (len < 16 || le(body.p, 2) != FORMAT_PCM ||
			    le(body.p + 2, 2) != 1 ||
			    le(body.p + 4, 4) != LAB_RATE ||
			    le(body.p + 14, 2) != 16)
				return ERR_UNSUPPORTED;
			fmt = true;
		}
		if (len % 2 == 1 && rd_view(&r, 1, &body) != ERR_OK)
			return ERR_TRUNCATED;
	}
	return ERR_TRUNCATED;
}

enum err
lab_wav_load(const char *path, int16_t **out, size_t *n, struct why *why)
{
	uint8_t *p = NULL;
	size_t len = 0;
	struct rd r, data;
	enum err rc;

	if ((rc = lab_slurp(path, FILE_MAX, &p, &len, why)) != ERR_OK)
		return rc;
	rd_init(&r, p, len);
	if (find_data(r, &data) != ERR_OK || data.left < 2) {
		rc = why_set(why, ERR_UNSUPPORTED,
		    "%s is no WAV file of 16-bit mono PCM at 8 kHz", path);
		goto out;
	}
	*n = data.left / 2;
	if ((*out = calloc(*n, sizeof(**out))) == NULL) {
		rc = why_set(why, ERR_NOMEM, "no memory for %s", path);
		goto out;
	}
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = (int16_t)le(data.p + 2 * i, 2);
	rc = ERR_OK;
out:
	free(p);
	return rc;
}

static void
put_le(struct wr *w, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wr_u8(w, (uint8_t)(v >> 8 * i));
}

enum err
lab_wav_save(const char *path, const uint8_t *ulaw, size_t n, struct why *why)
{
	const size_t len = HEADER_LEN + 2 * n;
	struct wr w;
	uint8_t *p;
	enum err rc;

	if (n > FILE_MAX / 2 || (p = malloc(len)) == NULL)
		return why_set(why, ERR_NOMEM, "no memory for %s", path);
	wr_init(&w, p, len);
	wr_copy(&w, "RIFF", 4);
	put_le(&w, (uint32_t)(len - 8), 4);
	wr_copy(&w, "WAVEfmt ", 8);
	put_le(&w, 16, 4);
	put_le(&w, FORMAT_PCM, 2);
	put_le(&w, 1, 2);
	put_le(&w, LAB_RATE, 4);
	put_le(&w, 2 * LAB_RATE, 4);
	put_le(&w, 2, 2);
	put_le(&w, 16, 2);
	wr_copy(&w, "data", 4);
	put_le(&w, (uint32_t)(2 * n), 4);
	for (size_t i = 0; i < n; i++)
		put_le(&w, (uint16_t)lab_unulaw(ulaw[i]), 2);
	if ((rc = wr_finish(&w, &n)) != ERR_OK)
		rc = why_set(why, rc, "cannot write %s", path);
	else
		rc = lab_save(path, p, n, why);
	free(p);
	return rc;
}

enum err
lab_save(const char *path, const void *p, size_t len, struct why *why)
{
	FILE *f = fopen(path, "wb");
	bool bad;

	if (f == NULL)
		return why_errno(why, "cannot create %s", path);
	bad = len > 0 && fwrite(p, 1, len, f) != len;
	bad = fclose(f) != 0 || bad;
	return bad ? why_errno(why, "cannot write %s", path) : ERR_OK;
}
