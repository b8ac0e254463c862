#include "media/rtp.h"

#define VERSION_MASK 0xc0
#define VERSION_BITS 0x80
#define PADDING_BIT 0x20
#define EXTENSION_BIT 0x10
#define CSRC_MASK 0x0f

enum err
rtp_parse(struct rd r, struct rtp *h, struct rd *payload)
{
	uint8_t first, second;
	uint16_t profile, words;
	struct rd skipped;

	if (rd_u8(&r, &first) != ERR_OK || rd_u8(&r, &second) != ERR_OK ||
	    rd_u16(&r, &h->seq) != ERR_OK || rd_u32(&r, &h->ts) != ERR_OK ||
	    rd_u32(&r, &h->ssrc) != ERR_OK ||
	    rd_view(&r, 4 * (size_t)(first & CSRC_MASK), &skipped) != ERR_OK)
		return ERR_MALFORMED;
	if ((first & VERSION_MASK) != VERSION_BITS)
		return ERR_MALFORMED;
	h->marker = (second & 0x80) != 0;
	h->padded = (first & PADDING_BIT) != 0;
	h->type = second & 0x7f;
	if (h->type >= 64 && h->type < 96)
		return ERR_MALFORMED; /* RTCP on the same port (RFC 5761) */
	if ((first & EXTENSION_BIT) != 0 &&
	    (rd_u16(&r, &profile) != ERR_OK || rd_u16(&r, &words) != ERR_OK ||
		rd_view(&r, 4 * (size_t)words, &skipped) != ERR_OK))
		return ERR_MALFORMED;
	*payload = r;
	return ERR_OK;
}

enum err
rtp_unpad(const struct rtp *h, struct rd *payload)
{
	uint8_t n;

	if (!h->padded)
		return ERR_OK;
	if (payload->left == 0)
		return ERR_MALFORMED;
	n = payload->p[payload->left - 1];
	if (n == 0 || n > payload->left)
		return ERR_MALFORMED;
	payload->left -= n;
	return ERR_OK;
}
