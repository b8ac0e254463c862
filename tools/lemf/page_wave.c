#include <inttypes.h>
#include <math.h>

#include "lemf/page.h"
#include "media/wav.h"

/* Units of the drawing: one sample range a column. */
#define COLUMNS 900
#define HEIGHT 96

/* The time that all streams of a call share. */
struct span {
	int64_t from, to; /* us */
};

static struct span
span_of(const struct page *p, size_t call)
{
	struct span all = {INT64_MAX, INT64_MIN};

	for (size_t i = 0; i < streams_n(p->hear.streams); i++) {
		const struct stream *s = streams_at(p->hear.streams, i);
		int64_t end;

		if (s->key->call != call || s->opened == 0)
			continue;
		end = s->first_us + (int64_t)(hear_seconds(&p->hear, s) * 1e6);
		all.from = s->first_us < all.from ? s->first_us : all.from;
		all.to = end > all.to ? end : all.to;
	}
	if (all.to <= all.from)
		all.to = all.from + 1;
	return all;
}

/* The least and the greatest of some samples. */
static void
extremes(const struct sound *s, uint64_t from, uint64_t n, int *least,
    int *most)
{
	int16_t samples[2048];

	*least = *most = 0;
	while (n > 0) {
		const size_t part = n < 2048 ? (size_t)n : 2048;

		sound_get(s, from, samples, part);
		for (size_t i = 0; i < part; i++) {
			*least = samples[i] < *least ? samples[i] : *least;
			*most = samples[i] > *most ? samples[i] : *most;
		}
		from += part;
		n -= part;
	}
}

/* A stroke from the greatest to the least in each column. */
static void
put_path(const struct page *p, const struct sound *s, const struct stream *of,
    const struct span *span, const char *class)
{
	const double us = (double)(span->to - span->from);
	const double per_column = us / COLUMNS / 1e6 * G711_RATE;
	const double lead =
	    (double)(of->first_us - span->from) / 1e6 * G711_RATE;
	const uint64_t len = sound_len(s);

	(void)fprintf(p->f, "<path class=\"wave %s\" d=\"", class);
	for (unsigned x = 0; x < COLUMNS; x++) {
		const double begin = x * per_column - lead,
			     end = begin + per_column;
		uint64_t from, to;
		int least, most;

		if (end <= 0 || begin >= (double)len)
			continue;
		from = begin > 0 ? (uint64_t)begin : 0;
		to = end < (double)len ? (uint64_t)ceil(end) : len;
		extremes(s, from, to - from, &least, &most);
		(void)fprintf(p->f, "M%u.5 %.1fV%.1f", x,
		    HEIGHT / 2.0 * (1 - most / 32768.0) - 0.5,
		    HEIGHT / 2.0 * (1 - least / 32768.0) + 0.5);
	}
	(void)fputs("\"/>", p->f);
}

static void
put_wave(const struct page *p, size_t call, const struct stream *s,
    const struct span *span, bool clear)
{
	const struct speech *v = &p->hear.speech[s->index];
	const char *id = clear ? "clear" : "wire";

	(void)fprintf(p->f,
	    "<figure class=\"wave-figure\"><figcaption>%s</figcaption>"
	    "<svg role=\"img\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\""
	    " aria-labelledby=\"c%zu-s%zu-%s\"><title id=\"c%zu-s%zu-%s\">"
	    "Waveform of SSRC %08" PRIx32 ", %s</title>"
	    "<path class=\"axis\" d=\"M0 %dH%d\"/>",
	    clear ? "Decrypted"
		  : "On the wire: the encrypted octets, taken as sound",
	    COLUMNS, HEIGHT, call, s->index, id, call, s->index, id, s->ssrc,
	    clear ? "decrypted" : "encrypted", HEIGHT / 2, COLUMNS);
	put_path(p, clear ? &v->clear : &v->cipher, s, span,
	    clear ? "clear" : "cipher");
	(void)fputs("</svg></figure>\n", p->f);
}

static enum err
put_audio(struct page *p, const struct stream *s)
{
	const struct sound *sound = &p->hear.speech[s->index].clear;
	struct html_base64 b = {.f = p->f};
	enum err rc;

	if (wav_len(sound) > p->audio_left) {
		(void)fprintf(p->f,
		    "<p class=\"note\">Not on this page, which holds %d MiB of"
		    " sound: <code>keywarden-lemf decrypt</code> writes it to a"
		    " file.</p>\n",
		    (int)(PAGE_AUDIO_MAX / 1048576));
		return ERR_OK;
	}
	p->audio_left -= wav_len(sound);
	(void)fprintf(p->f,
	    "<audio controls aria-label=\"Speech of SSRC %08" PRIx32
	    "\" src=\"data:audio/wav;base64,",
	    s->ssrc);
	if ((rc = wav_write(sound, html_base64_put, &b)) != ERR_OK)
		return rc;
	html_base64_end(&b);
	(void)fputs("\"></audio>\n", p->f);
	return ERR_OK;
}

static void
fact(FILE *f, const char *name, uint64_t n)
{
	(void)fprintf(f, "<div><dt>%s</dt><dd>%" PRIu64 "</dd></div>\n", name,
	    n);
}

static void
put_facts(const struct page *p, const struct stream *s)
{
	const struct speech *v = &p->hear.speech[s->index];
	char from[HEAR_ADDRESS_MAX], to[HEAR_ADDRESS_MAX];
	char id[2 * MEDIA_ID_LEN + 1];

	hex_put(s->key->id, sizeof(s->key->id), id);
	(void)fprintf(p->f,
	    "<dl class=\"facts\">\n<div><dt>From</dt><dd>%s</dd></div>\n"
	    "<div><dt>To</dt><dd>%s</dd></div>\n<div><dt>Begins</dt><dd>",
	    hear_address(s->from_ip, s->from, from),
	    hear_address(s->to_ip, s->to, to));
	html_time(p->f, s->first_us);
	(void)fprintf(p->f,
	    "</dd></div>\n<div><dt>Lasts</dt><dd>%.2f s</dd></div>\n"
	    "<div><dt>Codec</dt><dd>",
	    hear_seconds(&p->hear, s));
	html_string(p->f, hear_codec(&p->hear, s));
	(void)fprintf(p->f,
	    "</dd></div>\n<div><dt>Crypto session</dt><dd><code>%s</code></dd>"
	    "</div>\n",
	    id);
	fact(p->f, "Packets", s->packets);
	fact(p->f, "Decrypted", s->opened);
	fact(p->f, "Failed authentication", s->failed);
	fact(p->f, "Lost", s->lost);
	if (s->repeated > 0)
		fact(p->f, "Repeated", s->repeated);
	if (v->other > 0)
		fact(p->f, "Of other codecs", v->other);
	if (v->left_out > 0)
		fact(p->f, "Without a place", v->left_out);
	(void)fputs("</dl>\n", p->f);
}

enum err
page_streams(struct page *p, size_t call)
{
	const struct span span = span_of(p, call);
	bool any = false;
	enum err rc;

	(void)fputs("<h3>Speech</h3>\n", p->f);
	for (size_t i = 0; i < streams_n(p->hear.streams); i++) {
		const struct stream *s = streams_at(p->hear.streams, i);

		if (s->key->call != call || s->opened == 0)
			continue;
		any = true;
		(void)fprintf(p->f,
		    "<section class=\"stream\" id=\"c%zu-s%zu\"><h4>Stream"
		    " <code>%08" PRIx32 "</code></h4>\n",
		    call, i, s->ssrc);
		if (p->hear.speech[i].spoken > 0) {
			put_wave(p, call, s, &span, false);
			put_wave(p, call, s, &span, true);
			if ((rc = put_audio(p, s)) != ERR_OK)
				return rc;
		}
		put_facts(p, s);
		(void)fputs("</section>\n", p->f);
	}
	if (!any)
		(void)fputs("<p class=\"note\">No packet of the capture is"
			    " opened by a key of this call.</p>\n",
		    p->f);
	return ERR_OK;
}
