#include "lab_der.h"

#define NUMBER_MAX 512 /* octets; our p has 64 */

/* Length octets: the short form, or the shortest long form (X.690 10.1). */
static enum err
read_length(struct rd *in, size_t *out)
{
	uint8_t first, hi;
	uint16_t both;
	enum err rc;

	if ((rc = rd_u8(in, &first)) != ERR_OK)
		return rc;
	if (first < 0x80) {
		*out = first;
		return ERR_OK;
	}
	if (first == 0x81) {
		if ((rc = rd_u8(in, &hi)) != ERR_OK)
			return rc;
		*out = hi;
		return hi < 0x80 ? ERR_MALFORMED : ERR_OK;
	}
	if (first == 0x82) {
		if ((rc = rd_u16(in, &both)) != ERR_OK)
			return rc;
		*out = both;
		return both < 0x100 ? ERR_MALFORMED : ERR_OK;
	}
	return ERR_TOOBIG;
}

enum err
der_open(struct rd *in, uint8_t tag, struct rd *out)
{
	struct rd r = *in, body;
	size_t len = 0;
	uint8_t t;
	enum err rc;

	if ((rc = rd_u8(&r, &t)) != ERR_OK)
		return rc;
	if (t != tag)
		return ERR_MALFORMED;
	if ((rc = read_length(&r, &len)) != ERR_OK ||
	    (rc = rd_view(&r, len, &body)) != ERR_OK)
		return rc;
	*in = r;
	*out = body;
	return ERR_OK;
}

enum err
der_number(struct rd *in, BIGNUM **out)
{
	struct rd r = *in, body;
	BIGNUM *n;
	enum err rc;

	if ((rc = der_open(&r, DER_INTEGER, &body)) != ERR_OK)
		return rc;
	if (body.left == 0 || body.left > NUMBER_MAX || body.p[0] >= 0x80)
		return ERR_MALFORMED;
	if (body.left > 1 && body.p[0] == 0 && body.p[1] < 0x80)
		return ERR_MALFORMED; /* not the shortest form */
	if ((n = BN_bin2bn(body.p, (int)body.left, NULL)) == NULL)
		return ERR_NOMEM;
	*in = r;
	*out = n;
	return ERR_OK;
}

enum err
der_small(struct rd *in, uint8_t value)
{
	struct rd r = *in, body;
	enum err rc;

	if ((rc = der_open(&r, DER_INTEGER, &body)) != ERR_OK)
		return rc;
	if (!rd_is(&body, &value, 1))
		return ERR_UNSUPPORTED;
	*in = r;
	return ERR_OK;
}

enum err
der_oid(struct rd *in, const void *oid, size_t len)
{
	struct rd r = *in, body;
	enum err rc;

	if ((rc = der_open(&r, DER_OID, &body)) != ERR_OK)
		return rc;
	if (!rd_is(&body, oid, len))
		return ERR_UNSUPPORTED;
	*in = r;
	return ERR_OK;
}

void
der_put(struct wr *w, uint8_t tag, const void *p, size_t len)
{
	wr_u8(w, tag);
	if (len < 0x80) {
		wr_u8(w, (uint8_t)len);
	} else if (len < 0x100) {
		wr_u8(w, 0x81);
		wr_u8(w, (uint8_t)len);
	} else if (len < 0x10000) {
		wr_u8(w, 0x82);
		wr_u16(w, (uint16_t)len);
	} else {
		w->rc = ERR_TOOBIG;
	}
	wr_copy(w, p, len);
}

void
der_put_number(struct wr *w, const BIGNUM *n)
{
	uint8_t buf[NUMBER_MAX + 1] = {0};
	size_t len = (size_t)BN_num_bytes(n);

	if (len > NUMBER_MAX) {
		w->rc = ERR_TOOBIG;
		return;
	}
	/* One octet in front holds the sign, and the 0 of the number 0. */
	(void)BN_bn2bin(n, buf + 1);
	if (len > 0 && buf[1] < 0x80)
		der_put(w, DER_INTEGER, buf + 1, len);
	else
		der_put(w, DER_INTEGER, buf, len + 1);
}
