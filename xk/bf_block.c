#include "xk/bf_block.h"

#define TAG_INTEGER 0x02
#define TAG_OCTET_STRING 0x04
#define TAG_SEQUENCE 0x30

/* One element with the shortest definite length (X.690 clause 10.1). */
static enum err
element(struct rd *in, uint8_t tag, struct rd *out)
{
	uint8_t t, first, b;
	size_t len;

	if (rd_u8(in, &t) != ERR_OK || t != tag || rd_u8(in, &first) != ERR_OK)
		return ERR_MALFORMED;
	len = first;
	if (first >= 0x80) {
		if (first != 0x81 && first != 0x82)
			return ERR_MALFORMED;
		len = 0;
		for (unsigned i = 0; i < (first & 0x7fU); i++) {
			if (rd_u8(in, &b) != ERR_OK)
				return ERR_MALFORMED;
			len = len << 8 | b;
		}
		if (len < (first == 0x81 ? 128U : 256U))
			return ERR_MALFORMED;
	}
	return rd_view(in, len, out) == ERR_OK ? ERR_OK : ERR_MALFORMED;
}

/* A non-negative INTEGER in the fewest octets (X.690 clause 8.3). */
static enum err
unsigned_integer(struct rd *in, struct rd *out)
{
	struct rd v;

	if (element(in, TAG_INTEGER, &v) != ERR_OK || v.left == 0 ||
	    (v.p[0] & 0x80) != 0)
		return ERR_MALFORMED;
	if (v.p[0] == 0 && v.left > 1) {
		uint8_t zero;

		if (rd_u8(&v, &zero) != ERR_OK || (v.p[0] & 0x80) == 0)
			return ERR_MALFORMED;
	}
	*out = v;
	return ERR_OK;
}

enum err
bf_block_parse(struct rd der, struct rd *u_x, struct rd *u_y, struct rd *v,
    struct rd *w)
{
	static const uint8_t version_2[] = {2};
	struct rd block, point, version, x, y, rv, rw;

	if (element(&der, TAG_SEQUENCE, &block) != ERR_OK ||
	    rd_end(&der) != ERR_OK ||
	    unsigned_integer(&block, &version) != ERR_OK ||
	    !rd_is(&version, version_2, sizeof(version_2)) ||
	    element(&block, TAG_SEQUENCE, &point) != ERR_OK ||
	    unsigned_integer(&point, &x) != ERR_OK ||
	    unsigned_integer(&point, &y) != ERR_OK ||
	    rd_end(&point) != ERR_OK ||
	    element(&block, TAG_OCTET_STRING, &rv) != ERR_OK ||
	    element(&block, TAG_OCTET_STRING, &rw) != ERR_OK ||
	    rd_end(&block) != ERR_OK)
		return ERR_MALFORMED;
	*u_x = x;
	*u_y = y;
	*v = rv;
	*w = rw;
	return ERR_OK;
}
