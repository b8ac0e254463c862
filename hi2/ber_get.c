#include "hi2/ber_get.h"

enum {
	CONSTRUCTED = 0x20,
	TAG_LONG = 0x1f, /* the number follows in further octets */
	MORE = 0x80, /* of a length: its octets are counted; of a tag: more */
	INDEFINITE = 0x80,
	COUNT = 0x7f, /* of a length: the number itself, or its octets */
	TAG_OCTETS = 3,
	LENGTH_OCTETS = 4
};

/* A tag and a length; ends: the two octets that close an indefinite one. */
struct head {
	uint32_t tag;
	size_t len;
	bool indefinite, ends;
};

static enum err
get_tag(struct rd *in, uint32_t *tag)
{
	enum err rc;
	uint8_t b;

	if ((rc = rd_u8(in, &b)) != ERR_OK)
		return rc;
	*tag = b;
	if ((b & TAG_LONG) != TAG_LONG)
		return ERR_OK;
	for (unsigned n = 1; n < TAG_OCTETS; n++) {
		if ((rc = rd_u8(in, &b)) != ERR_OK)
			return rc;
		*tag = *tag << 8 | b;
		if ((b & MORE) == 0)
			return ERR_OK;
	}
	return ERR_MALFORMED;
}

static bool
constructed(uint32_t tag)
{
	while (tag > 0xff)
		tag >>= 8;
	return (tag & CONSTRUCTED) != 0;
}

static enum err
get_head(struct rd *in, struct head *out)
{
	struct head h = {.len = 0};
	enum err rc;
	uint8_t b;

	if ((rc = get_tag(in, &h.tag)) != ERR_OK ||
	    (rc = rd_u8(in, &b)) != ERR_OK)
		return rc;
	if (h.tag == 0) {
		h.ends = true;
		*out = h;
		return b == 0 ? ERR_OK : ERR_MALFORMED;
	}
	h.indefinite = b == INDEFINITE;
	if (h.indefinite && !constructed(h.tag))
		return ERR_MALFORMED;
	if ((b & MORE) == 0) {
		h.len = b;
		b = 0;
	}
	if ((b & COUNT) > LENGTH_OCTETS)
		return ERR_MALFORMED;
	for (unsigned n = b & COUNT; n > 0; n--) {
		if ((rc = rd_u8(in, &b)) != ERR_OK)
			return rc;
		h.len = h.len << 8 | b;
	}
	*out = h;
	return ERR_OK;
}

/* From f on: heads are read and what they announce is passed over. */
static enum err
walk(struct ber_frame *f, struct rd have, size_t max, size_t *len)
{
	struct rd in = have, passed;
	struct head h;
	enum err rc;

	for (;;) {
		if (f->at > max)
			return ERR_TOOBIG;
		in = have;
		if (rd_view(&in, f->at, &passed) != ERR_OK)
			return ERR_AGAIN;
		if (f->at > 0 && f->depth == 0) {
			*len = f->at;
			*f = (struct ber_frame){.at = 0};
			return ERR_OK;
		}
		if ((rc = get_head(&in, &h)) == ERR_TRUNCATED)
			return ERR_AGAIN;
		if (rc != ERR_OK || (h.ends && f->depth == 0))
			return ERR_MALFORMED;
		if (h.ends)
			f->depth--;
		else if (h.indefinite && ++f->depth > BER_DEPTH_MAX)
			return ERR_MALFORMED;
		/* In this order nothing can be more than a size_t holds. */
		f->at = have.left - in.left;
		if (h.len > max - (f->at < max ? f->at : max))
			return ERR_TOOBIG;
		f->at += h.len;
	}
}

enum err
ber_frame(struct ber_frame *f, struct rd have, uint8_t tag, size_t max,
    size_t *len)
{
	struct rd in = have;
	uint8_t first;

	if (rd_u8(&in, &first) != ERR_OK)
		return ERR_AGAIN;
	if (first != tag)
		return ERR_MALFORMED;
	return walk(f, have, max, len);
}

/* With the end that belongs to it; `in` is behind the head. */
static enum err
get_indefinite(struct rd *in, struct rd *content)
{
	struct ber_frame f = {.depth = 1};
	size_t len;
	enum err rc;

	if ((rc = walk(&f, *in, in->left, &len)) != ERR_OK)
		return rc == ERR_MALFORMED ? rc : ERR_TRUNCATED;
	if ((rc = rd_view(in, len, content)) == ERR_OK)
		content->left -= 2;
	return rc;
}

enum err
ber_get(struct rd *in, struct ber *out)
{
	struct rd rest = *in, content;
	struct head h;
	enum err rc;

	if ((rc = get_head(&rest, &h)) != ERR_OK)
		return rc;
	if (h.ends)
		return ERR_MALFORMED;
	rc = h.indefinite ? get_indefinite(&rest, &content)
			  : rd_view(&rest, h.len, &content);
	if (rc != ERR_OK)
		return rc;
	*out = (struct ber){h.tag, content};
	*in = rest;
	return ERR_OK;
}

enum err
ber_number(struct rd content, uint64_t most, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t b = 0x80;

	if (rd_u8(&content, &b) != ERR_OK || (b & 0x80) != 0)
		return ERR_MALFORMED;
	for (v = b; rd_u8(&content, &b) == ERR_OK; v = v << 8 | b)
		if (v >> 56 != 0)
			return ERR_MALFORMED;
	if (v > most)
		return ERR_MALFORMED;
	*out = v;
	return ERR_OK;
}
