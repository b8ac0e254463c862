#include <string.h>

#include "lemf_pdu.h"

#define TAG_PDU 0x30
#define TAG_HEADER 0xa1
#define TAG_PAYLOAD 0xa2
#define TAG_TRI 0xa2
/* Of TRIPayload. */
#define TAG_INTEGRITY 0xa0
#define TAG_KEEP_ALIVE 0x83
#define TAG_KEEP_ALIVE_RESPONSE 0x84
#define TAG_CIN_RESET 0x87
#define TAG_OPTION_REQUEST 0xa9
#define TAG_OPTION_RESPONSE 0xaa
#define TAG_ACK_REQUEST 0x8c
#define TAG_ACK_RESPONSE 0x8d
#define TAG_ACCEPTED 0xa0
#define TAG_DECLINED 0xa1

/* Tag and definite length of an element. */
static enum err
head(struct rd *in, uint8_t *tag, size_t *len)
{
	uint8_t first, octet;

	if (rd_u8(in, tag) != ERR_OK || rd_u8(in, &first) != ERR_OK)
		return ERR_AGAIN;
	*len = first;
	if (first < 0x80)
		return ERR_OK;
	if (first == 0x80 || first > 0x83)
		return ERR_MALFORMED;
	*len = 0;
	for (unsigned i = first & 0x7f; i > 0; i--) {
		if (rd_u8(in, &octet) != ERR_OK)
			return ERR_AGAIN;
		*len = *len << 8 | octet;
	}
	return ERR_OK;
}

/* The element at the front, and its content. */
static bool
take(struct rd *in, uint8_t want, struct rd *whole, struct rd *content)
{
	const struct rd start = *in;
	uint8_t tag;
	size_t len;

	if (head(in, &tag, &len) != ERR_OK || (want != 0 && tag != want) ||
	    rd_view(in, len, content) != ERR_OK)
		return false;
	rd_init(whole, start.p, start.left - in->left);
	return true;
}

enum err
lemf_pdu_len(struct rd in, size_t *len)
{
	const size_t all = in.left;
	size_t content;
	uint8_t tag;
	enum err rc;

	if ((rc = head(&in, &tag, &content)) != ERR_OK)
		return rc;
	if (tag != TAG_PDU)
		return ERR_MALFORMED;
	if (content > in.left)
		return ERR_AGAIN;
	*len = all - in.left + content;
	return ERR_OK;
}

/* Its header, and the one element of TRIPayload; false: it has another. */
static bool
open_tri(struct rd pdu, struct rd *header, struct rd *tri)
{
	struct rd whole, content, payload;

	return take(&pdu, TAG_PDU, &whole, &content) &&
	    take(&content, TAG_HEADER, header, &whole) &&
	    take(&content, TAG_PAYLOAD, &whole, &payload) &&
	    take(&payload, TAG_TRI, &whole, tri) && tri->left >= 2;
}

bool
lemf_pdu_is_data(struct rd pdu)
{
	struct rd header, tri;

	return !open_tri(pdu, &header, &tri) || tri.p[0] == TAG_INTEGRITY ||
	    tri.p[0] == TAG_CIN_RESET;
}

static void
put(struct wr *w, uint8_t tag, const void *p, size_t len)
{
	wr_u8(w, tag);
	if (len >= 0x80)
		wr_u8(w, 0x81);
	wr_u8(w, (uint8_t)len);
	wr_copy(w, p, len);
}

/* The options that were asked for, as accepted or declined ones. */
static size_t
put_options(struct rd request, bool accept, uint8_t *out, size_t cap)
{
	struct rd whole, content, options;
	size_t len = 0;
	struct wr w;

	if (!take(&request, TAG_OPTION_REQUEST, &whole, &content) ||
	    !take(&content, TAG_ACCEPTED, &whole, &options))
		return 0;
	wr_init(&w, out, cap);
	put(&w, TAG_ACCEPTED, options.p, accept ? options.left : 0);
	put(&w, TAG_DECLINED, options.p, accept ? 0 : options.left);
	return wr_finish(&w, &len) == ERR_OK ? len : 0;
}

/* Each in the one around it. */
static size_t
wrap(struct rd header, uint8_t tag, const uint8_t *p, size_t len,
    uint8_t out[LEMF_ANSWER_MAX])
{
	uint8_t a[LEMF_ANSWER_MAX], b[LEMF_ANSWER_MAX];
	size_t n = 0;
	struct wr w;

	wr_init(&w, a, sizeof(a));
	put(&w, tag, p, len);
	if (wr_finish(&w, &n) != ERR_OK || n > 0xf0)
		return 0;
	wr_init(&w, b, sizeof(b));
	put(&w, TAG_TRI, a, n);
	if (wr_finish(&w, &n) != ERR_OK)
		return 0;
	wr_init(&w, a, sizeof(a));
	wr_copy(&w, header.p, header.left);
	put(&w, TAG_PAYLOAD, b, n);
	if (wr_finish(&w, &n) != ERR_OK || n > 0xff)
		return 0;
	wr_init(&w, out, LEMF_ANSWER_MAX);
	put(&w, TAG_PDU, a, n);
	return wr_finish(&w, &n) == ERR_OK ? n : 0;
}

size_t
lemf_pdu_answer(struct rd pdu, bool accept, uint8_t out[LEMF_ANSWER_MAX])
{
	uint8_t options[LEMF_ANSWER_MAX];
	struct rd header, tri;

	if (!open_tri(pdu, &header, &tri))
		return 0;
	switch (tri.p[0]) {
	case TAG_KEEP_ALIVE:
		return wrap(header, TAG_KEEP_ALIVE_RESPONSE, NULL, 0, out);
	case TAG_ACK_REQUEST:
		return wrap(header, TAG_ACK_RESPONSE, NULL, 0, out);
	case TAG_OPTION_REQUEST:
		return wrap(header, TAG_OPTION_RESPONSE, options,
		    put_options(tri, accept, options, sizeof(options)), out);
	default:
		return 0;
	}
}
