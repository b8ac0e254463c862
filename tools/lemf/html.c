#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "lemf/html.h"

/* ---- text ---- */

/*
 * One code point of UTF-8 (RFC 3629), `r` moves behind it.  Overlong forms,
 * surrogates and what is above U+10FFFF are none.
 */
static bool
take_point(struct rd *r, uint32_t *out)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	struct rd in = *r;
	uint32_t c;
	unsigned more;
	uint8_t b;

	if (rd_u8(&in, &b) != ERR_OK)
		return false;
	if (b < 0x80)
		more = 0;
	else if (b >= 0xc0 && b < 0xe0)
		more = 1;
	else if (b >= 0xe0 && b < 0xf0)
		more = 2;
	else if (b >= 0xf0 && b < 0xf8)
		more = 3;
	else
		return false;
	c = more == 0 ? b : b & (0x3fU >> more);
	for (unsigned i = 0; i < more; i++) {
		if (rd_u8(&in, &b) != ERR_OK || (b & 0xc0) != 0x80)
			return false;
		c = c << 6 | (b & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return false;
	*r = in;
	*out = c;
	return true;
}

/*
 * Letters of all scripts, but nothing that is invisible or moves others:
 * controls, marks of direction and of joining, fillers, private and
 * unassigned ends of planes.
 */
static bool
is_plain(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} not [] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x34f, 0x34f},
	    {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
	    {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},
	    {0x205f, 0x206f}, {0x3000, 0x3000}, {0x3164, 0x3164},
	    {0xe000, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
	    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xffff},
	    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};

	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		if (c >= not [i].from && c <= not [i].to)
			return false;
	return (c & 0xfffe) != 0xfffe;
}

static void
put_point(FILE *f, uint32_t c, struct rd octets)
{
	switch (c) {
	case '&':
		(void)fputs("&amp;", f);
		return;
	case '<':
		(void)fputs("&lt;", f);
		return;
	case '>':
		(void)fputs("&gt;", f);
		return;
	case '"':
		(void)fputs("&quot;", f);
		return;
	case '\'':
		(void)fputs("&#39;", f);
		return;
	default:
		(void)fwrite(octets.p, 1, octets.left, f);
	}
}

/* One character of `r`: what is not to be shown as itself by its octets. */
static void
put_one(FILE *f, struct rd *r)
{
	struct rd octets = *r;
	uint32_t c;
	uint8_t b;

	if (take_point(r, &c) && is_plain(c)) {
		octets.left -= r->left;
		put_point(f, c, octets);
		return;
	}
	*r = octets;
	if (rd_u8(r, &b) == ERR_OK)
		(void)fprintf(f, "\\x%02x", b);
}

void
html_text(FILE *f, struct rd in)
{
	while (in.left > 0)
		put_one(f, &in);
}

void
html_string(FILE *f, const char *s)
{
	struct rd r;

	rd_init(&r, s, strlen(s));
	html_text(f, r);
}

void
html_short(FILE *f, struct rd in, size_t max)
{
	for (size_t i = 0; i < max && in.left > 0; i++)
		put_one(f, &in);
	if (in.left > 0)
		(void)fputs("\u2026", f);
}

void
html_lines(FILE *f, struct rd in)
{
	struct rd next;
	uint8_t b;

	while (in.left > 0) {
		next = in;
		if (rd_u8(&next, &b) == ERR_OK && b == '\r' && next.left > 0 &&
		    *next.p == '\n')
			in = next;
		if (*in.p != '\n' && *in.p != '\t')
			put_one(f, &in);
		else if (rd_u8(&in, &b) == ERR_OK)
			(void)fputc(b, f);
	}
}

void
html_hex(FILE *f, struct rd in)
{
	uint8_t b;

	while (rd_u8(&in, &b) == ERR_OK)
		(void)fprintf(f, "%02x", b);
}

void
html_time(FILE *f, int64_t us)
{
	const time_t t = (time_t)(us / 1000000);
	const int64_t ms = us % 1000000 / 1000;
	char day[32], clock[32];
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0 ||
	    strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
		return;
	(void)fprintf(f,
	    "<time datetime=\"%sT%s.%03" PRId64 "Z\">%s %s.%03" PRId64
	    " UTC</time>",
	    day, clock, ms, day, clock, ms);
}

/* ---- base64 ---- */

static void
put_three(FILE *f, const uint8_t *p, size_t n)
{
	unsigned char out[5];

	(void)fwrite(out, 1, (size_t)EVP_EncodeBlock(out, p, (int)n), f);
}

enum err
html_base64_put(void *base64, const uint8_t *p, size_t n)
{
	struct html_base64 *b = base64;

	for (size_t i = 0; i < n; i++) {
		b->kept[b->n++] = p[i];
		if (b->n == sizeof(b->kept)) {
			put_three(b->f, b->kept, b->n);
			b->n = 0;
		}
	}
	return ferror(b->f) == 0 ? ERR_OK : ERR_IO;
}

void
html_base64_end(struct html_base64 *b)
{
	if (b->n > 0)
		put_three(b->f, b->kept, b->n);
	b->n = 0;
}
