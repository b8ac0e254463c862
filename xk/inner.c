#include "xk/ec.h"
#include "xk/inner.h"

enum payload {
	PAYLOAD_LAST = 0,
	PAYLOAD_ID = 6,
	PAYLOAD_IDR = 14,
	PAYLOAD_SK = 24,
	PAYLOAD_ECCPT = 25
};

#define ID_TYPE_URI 1
#define SK_LEN 16

/* Next payload, role (IDR only), type, length, data. */
static enum err
identity(struct rd *in, uint8_t form, uint8_t role, uint8_t *next,
    struct rd *out)
{
	uint8_t r = role, type;

	if (rd_u8(in, next) != ERR_OK ||
	    (form == PAYLOAD_IDR && rd_u8(in, &r) != ERR_OK) || r != role ||
	    rd_u8(in, &type) != ERR_OK || type != ID_TYPE_URI ||
	    rd_view16(in, out) != ERR_OK || out->left == 0)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* RFC 3830 clause 6.13: Null, SPI/MKI or Interval. */
static enum err
key_validity(struct rd *in, uint8_t kv, struct rd *mki)
{
	struct rd from, to;

	rd_init(mki, NULL, 0);
	switch (kv) {
	case 0:
		return ERR_OK;
	case 1:
		return rd_view8(in, mki) == ERR_OK ? ERR_OK : ERR_MALFORMED;
	case 2:
		if (rd_view8(in, &from) != ERR_OK ||
		    rd_view8(in, &to) != ERR_OK)
			return ERR_MALFORMED;
		return ERR_OK;
	default:
		return ERR_MALFORMED;
	}
}

/*
 * RFC 6267 clause 6.4: the point is padded so that the octets from the start
 * of the sub-payload to its end are a multiple of 4.  Auth alg and TGK len
 * are read over.
 */
static enum err
ec_point(struct rd *in, uint8_t *next, struct inner_point *out)
{
	struct rd pad, ignored;
	uint8_t b, kv;
	size_t len;

	if (rd_u8(in, next) != ERR_OK || rd_u8(in, &out->curve) != ERR_OK)
		return ERR_MALFORMED;
	if ((len = ec_point_octets(out->curve)) == 0)
		return ERR_UNSUPPORTED;
	if (rd_view(in, len, &out->octets) != ERR_OK ||
	    rd_view(in, (4 - (2 + len) % 4) % 4, &pad) != ERR_OK)
		return ERR_MALFORMED;
	while (rd_u8(&pad, &b) == ERR_OK)
		if (b != 0)
			return ERR_MALFORMED;
	if (rd_view(in, 3, &ignored) != ERR_OK || rd_u8(in, &kv) != ERR_OK ||
	    key_validity(in, kv & 15, &out->mki) != ERR_OK)
		return ERR_MALFORMED;
	out->there = true;
	return ERR_OK;
}

/* RFC 6267 clause 6.5: Type 1, 128 bit. */
static enum err
session_key(struct rd *in, uint8_t *next, struct rd *out)
{
	uint8_t type_kv;
	struct rd mki;

	if (rd_u8(in, next) != ERR_OK || rd_u8(in, &type_kv) != ERR_OK ||
	    type_kv >> 4 != 1 || rd_view16(in, out) != ERR_OK ||
	    out->left != SK_LEN ||
	    key_validity(in, type_kv & 15, &mki) != ERR_OK)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* IDRr, whose form the chain tells. */
static enum err
responder(struct rd *in, uint8_t form, uint8_t *next, struct rd *out)
{
	if (form != PAYLOAD_ID && form != PAYLOAD_IDR)
		return ERR_MALFORMED;
	return identity(in, form, 2, next, out);
}

static enum err
parse_as(struct rd in, enum inner_kind kind, uint8_t form, struct inner *out)
{
	uint8_t next;
	enum err rc;

	*out = (struct inner){.idri = {NULL, 0}};
	if (identity(&in, form, 1, &next, &out->idri) != ERR_OK)
		return ERR_MALFORMED;
	if (kind == INNER_ESK) {
		if (next != PAYLOAD_SK ||
		    session_key(&in, &next, &out->sk) != ERR_OK)
			return ERR_MALFORMED;
		goto end;
	}
	if (next == PAYLOAD_ECCPT) {
		if ((rc = ec_point(&in, &next, &out->ecc_i)) != ERR_OK)
			return rc;
	} else if (kind != INNER_R_MESSAGE_1)
		return ERR_MALFORMED;
	if (kind == INNER_R_MESSAGE_2)
		goto end;
	if (responder(&in, next, &next, &out->idrr) != ERR_OK)
		return ERR_MALFORMED;
	if (kind == INNER_R_MESSAGE_1) {
		if (next != PAYLOAD_ECCPT)
			return ERR_MALFORMED;
		if ((rc = ec_point(&in, &next, &out->ecc_r)) != ERR_OK)
			return rc;
	}
end:
	if (next != PAYLOAD_LAST || rd_end(&in) != ERR_OK)
		return ERR_MALFORMED;
	return ERR_OK;
}

enum err
inner_parse(struct rd plain, enum inner_kind kind, struct inner *out)
{
	enum err rc = parse_as(plain, kind, PAYLOAD_IDR, out);

	if (rc != ERR_OK && parse_as(plain, kind, PAYLOAD_ID, out) == ERR_OK)
		return ERR_OK;
	return rc;
}
