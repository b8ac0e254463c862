/*
 * html: a page being written.  What came from outside goes through html_text()
 * and is then text and nothing else, whatever it says; no text can turn the
 * direction of what stands around it, or hide.
 */
#ifndef LEMF_HTML_H
#define LEMF_HTML_H

#include <stdio.h>

#include "base/bytes.h"

/* For the text of an element and for a value in double quotes. */
void html_text(FILE *, struct rd);
void html_string(FILE *, const char *);

/* The same, at most `max` characters, and an ellipsis where that was less. */
void html_short(FILE *, struct rd, size_t max);

/* The same for <pre>: line ends stay, CR before them does not. */
void html_lines(FILE *, struct rd);

void html_hex(FILE *, struct rd);

/* "2026-11-28 17:16:19.250 UTC", with the element around it. */
void html_time(FILE *, int64_t us);

/* Base64 in pieces: nothing but the last needs to be a multiple of three. */
struct html_base64 {
	FILE *f;
	uint8_t kept[3];
	size_t n;
};
enum err html_base64_put(void *base64, const uint8_t *p, size_t n) MUST_CHECK;
void html_base64_end(struct html_base64 *);

#endif
