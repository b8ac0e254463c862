/*
 * page: calls as one page of HTML that needs nothing else: no script, no font,
 * no picture from elsewhere, and forbids them.
 */
#ifndef LEMF_PAGE_H
#define LEMF_PAGE_H

#include "lemf/hear.h"
#include "lemf/html.h"

#define PAGE_AUDIO_MAX ((uint64_t)32 * 1024 * 1024) /* octets of WAV */
#define PAGE_ROWS_MAX 250 /* drawn; tables have all */
#define PAGE_CALLS_MAX 500
#define PAGE_RECORDS_MAX 20000

struct page {
	struct hear hear;
	FILE *f;
	const struct opener *opener;
	bool keys; /* in clear */
	bool captured; /* there was a capture */
	uint64_t audio_left; /* of PAGE_AUDIO_MAX */
};

/* What happened in a call, in its order. */
enum page_what {
	PAGE_FROM_TARGET, /* SIP */
	PAGE_TO_TARGET,
	PAGE_SIP, /* and it is not known which of the two */
	PAGE_KEYS,
	PAGE_NO_KEYS,
	PAGE_OTHER,
	PAGE_SPEECH
};
struct page_event {
	enum page_what what;
	bool has_time;
	int64_t us;
	size_t record; /* of the call; of speech the stream's index */
	const struct stream *stream; /* speech */
};
struct page_events {
	struct page_event *event;
	size_t n;
};

/* page_events.c: the caller frees .event.  ERR_NOMEM. */
enum err page_events(const struct page *, size_t call,
    struct page_events *) MUST_CHECK;
/* "INVITE sip:bob@example.net", "2 session keys", ... as text of HTML. */
void page_event_text(const struct page *, const struct call *,
    const struct page_event *, size_t max);

/* page_ladder.c: SVG, and the same as a table. */
void page_ladder(const struct page *, size_t call, const struct page_events *);
void page_table(const struct page *, size_t call, const struct page_events *);

/* page_wave.c: the call's streams: waveforms, sound, figures.  ERR_IO. */
enum err page_streams(struct page *, size_t call) MUST_CHECK;

/* page_call.c: one call, all of it.  ERR_NOMEM, ERR_IO. */
enum err page_call(struct page *, size_t call, struct why *) MUST_CHECK;

/* page_style.c */
extern const char page_style[];

#endif
