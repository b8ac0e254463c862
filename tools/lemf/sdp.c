#include <string.h>
#include <strings.h>

#include "lemf/sdp.h"

static void
set(struct sdp_types *t, unsigned type, const char *name)
{
	/* One channel, or none said: RFC 3551 clause 4.5.14. */
	static const struct {
		const char *name;
		enum codec codec;
	} known[] = {{"PCMU/8000", CODEC_PCMU}, {"PCMU/8000/1", CODEC_PCMU},
	    {"PCMA/8000", CODEC_PCMA}, {"PCMA/8000/1", CODEC_PCMA}};

	t->type[type].codec = CODEC_OTHER;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(name, known[i].name) == 0)
			t->type[type].codec = known[i].codec;
	(void)snprintf(t->type[type].name, SDP_NAME_MAX, "%s", name);
}

/* RFC 3551 table 4, those of one channel at 8 kHz. */
void
sdp_types_init(struct sdp_types *t)
{
	memset(t, 0, sizeof(*t));
	set(t, 0, "PCMU/8000");
	set(t, 3, "GSM/8000");
	set(t, 4, "G723/8000");
	set(t, 7, "LPC/8000");
	set(t, 8, "PCMA/8000");
	set(t, 9, "G722/8000");
	set(t, 12, "QCELP/8000");
	set(t, 13, "CN/8000");
	set(t, 15, "G728/8000");
	set(t, 18, "G729/8000");
}

/* Up to, not with, the end of the line, which is taken off too. */
static struct rd
take_line(struct rd *r)
{
	struct rd line;
	size_t n = 0;
	uint8_t c;

	while (n < r->left && r->p[n] != '\r' && r->p[n] != '\n')
		n++;
	if (rd_view(r, n, &line) != ERR_OK || rd_u8(r, &c) != ERR_OK)
		return line;
	return line;
}

/* "97 PCMU/8000": a number, blanks, a word. */
static void
rtpmap(struct rd line, struct sdp_types *t)
{
	char name[SDP_NAME_MAX];
	unsigned type = 0, digits = 0;
	size_t n = 0;
	uint8_t c = 0;

	while (
	    rd_u8(&line, &c) == ERR_OK && c >= '0' && c <= '9' && digits++ < 3)
		type = 10 * type + (unsigned)(c - '0');
	if (digits == 0 || c != ' ' || type >= SDP_TYPES)
		return;
	while (rd_u8(&line, &c) == ERR_OK && (c != ' ' || n == 0)) {
		if (c == ' ')
			continue;
		if (c < 0x21 || c > 0x7e || n == sizeof(name) - 1)
			return;
		name[n++] = (char)c;
	}
	name[n] = '\0';
	if (n > 0)
		set(t, type, name);
}

void
sdp_types_read(struct rd sip, struct sdp_types *t)
{
	static const char map[] = "a=rtpmap:";
	struct rd line, begin;

	while (sip.left > 0) {
		line = take_line(&sip);
		if (rd_view(&line, strlen(map), &begin) == ERR_OK &&
		    memcmp(begin.p, map, strlen(map)) == 0)
			rtpmap(line, t);
	}
}
