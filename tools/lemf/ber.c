#include "lemf/ber.h"

#define TAG_MORE 0x1f /* the number stands in the octets that follow */
#define TAG_OCTETS 3
#define LENGTH_LONG 0x80 /* the low bits count the octets of the length */
#define LENGTH_OCTETS 4

static enum err
read_tag(struct rd *in, uint32_t *out)
{
	uint32_t tag;
	uint8_t b;
	enum err rc;

	if ((rc = rd_u8(in, &b)) != ERR_OK)
		return rc;
	tag = b;
	if ((b & TAG_MORE) != TAG_MORE) {
		*out = tag;
		return ERR_OK;
	}
	for (unsigned n = 1; n < TAG_OCTETS; n++) {
		if ((rc = rd_u8(in, &b)) != ERR_OK)
			return rc;
		/* X.690 8.1.2.4.2: no leading zeros, no short tag in long. */
		if (n == 1 && (b == 0x80 || b < TAG_MORE))
			return ERR_MALFORMED;
		tag = tag << 8 | b;
		if (b < 0x80) {
			*out = tag;
			return ERR_OK;
		}
	}
	return ERR_MALFORMED;
}

static enum err
read_length(struct rd *in, size_t *out)
{
	uint64_t len = 0;
	uint8_t b, n;
	enum err rc;

	if ((rc = rd_u8(in, &b)) != ERR_OK)
		return rc;
	if (b < LENGTH_LONG) {
		*out = b;
		return ERR_OK;
	}
	n = b & 0x7f;
	if (n == 0 || n == 0x7f) /* indefinite; reserved */
		return ERR_MALFORMED;
	while (n-- > 0) {
		if ((rc = rd_u8(in, &b)) != ERR_OK)
			return rc;
		len = len << 8 | b;
		if (len > UINT32_MAX)
			return ERR_TOOBIG;
	}
	*out = (size_t)len;
	return ERR_OK;
}

enum err
ber_next(struct rd *in, uint32_t *tag, struct rd *content)
{
	struct rd r = *in, body;
	uint32_t t;
	size_t len;
	enum err rc;

	if ((rc = read_tag(&r, &t)) != ERR_OK ||
	    (rc = read_length(&r, &len)) != ERR_OK ||
	    (rc = rd_view(&r, len, &body)) != ERR_OK)
		return rc;
	*in = r;
	*tag = t;
	*content = body;
	return ERR_OK;
}

enum err
ber_fields(struct rd in, const struct ber_field *f, unsigned n)
{
	struct rd content;
	uint32_t tag;
	enum err rc;

	for (unsigned i = 0; i < n; i++)
		*f[i].to = (struct rd){NULL, 0};
	while (in.left > 0) {
		if ((rc = ber_next(&in, &tag, &content)) != ERR_OK)
			return rc;
		for (unsigned i = 0; i < n; i++) {
			if (f[i].tag != tag)
				continue;
			if (f[i].to->p != NULL)
				return ERR_MALFORMED;
			*f[i].to = content;
		}
	}
	for (unsigned i = 0; i < n; i++)
		if (f[i].must && f[i].to->p == NULL)
			return ERR_MALFORMED;
	return ERR_OK;
}

enum err
ber_u64(struct rd content, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t b = 0;

	if (content.left == 0 || (content.p[0] & 0x80) != 0)
		return ERR_MALFORMED;
	while (rd_u8(&content, &b) == ERR_OK) {
		if (v >> 56 != 0)
			return ERR_TOOBIG;
		v = v << 8 | b;
	}
	*out = v;
	return ERR_OK;
}

enum err
ber_u32(struct rd content, uint32_t *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = ber_u64(content, &v)) != ERR_OK)
		return rc;
	if (v > UINT32_MAX)
		return ERR_TOOBIG;
	*out = (uint32_t)v;
	return ERR_OK;
}
