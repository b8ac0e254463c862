/* The plaintext of an IBAKE or ESK payload: a chain of sub-payloads. */
#include <string.h>

#include "lab_mikey.h"

enum sub {
	SUB_LAST = 0,
	SUB_ID = 6,
	SUB_IDR = 14,
	SUB_SK = 24,
	SUB_ECCPT = 25
};

/* KV kinds of RFC 3830 6.13. */
enum kv { KV_NULL = 0, KV_SPI = 1, KV_INTERVAL = 2 };

#define SK_TYPE 1

static enum err
parse_kv(struct rd *r, unsigned kv, struct env_item *it)
{
	struct rd part;
	enum err rc;

	if (kv == KV_NULL)
		return ERR_OK;
	if (kv == KV_SPI)
		return rd_view8(r, &it->mki);
	if (kv != KV_INTERVAL)
		return ERR_MALFORMED;
	if ((rc = rd_view8(r, &part)) != ERR_OK)
		return rc;
	return rd_view8(r, &part);
}

static enum err
parse_id(struct rd *r, uint8_t kind, struct env_item *it)
{
	uint8_t type;
	enum err rc;

	it->kind = ENV_ID;
	if (kind == SUB_IDR && (rc = rd_u8(r, &it->role)) != ERR_OK)
		return rc;
	if ((rc = rd_u8(r, &type)) != ERR_OK ||
	    (rc = rd_view16(r, &it->data)) != ERR_OK)
		return rc;
	if (type != LAB_ID_TYPE_URI || it->data.left == 0)
		return ERR_MALFORMED;
	return ERR_OK;
}

/* Pad octets until curve, point and pad with what is before end on 32 bit. */
static size_t
pad_len(size_t point_len)
{
	return (4 - (2 + point_len) % 4) % 4;
}

static enum err
parse_point(struct rd *r, struct env_item *it)
{
	uint8_t number, kv, octet;
	uint16_t tgk_len;
	struct rd pad;
	enum err rc;

	it->kind = ENV_POINT;
	if ((rc = rd_u8(r, &number)) != ERR_OK)
		return rc;
	/* There is no length field: an unknown curve ends the reading. */
	if ((it->ec = lab_ec_by_number(number)) == NULL)
		return ERR_UNSUPPORTED;
	if ((rc = rd_view(r, it->ec->point_len, &it->data)) != ERR_OK)
		return rc;
	if (it->data.p[0] != 0x04)
		return ERR_MALFORMED;
	if ((rc = rd_view(r, pad_len(it->ec->point_len), &pad)) != ERR_OK)
		return rc;
	for (size_t i = 0; i < pad.left; i++)
		if (pad.p[i] != 0)
			return ERR_MALFORMED;
	if ((rc = rd_u8(r, &octet)) != ERR_OK || /* Auth alg: ignored */
	    (rc = rd_u16(r, &tgk_len)) != ERR_OK ||
	    (rc = rd_u8(r, &kv)) != ERR_OK)
		return rc;
	return parse_kv(r, kv & 0x0f, it);
}

static enum err
parse_sk(struct rd *r, struct env_item *it)
{
	uint8_t type_kv;
	enum err rc;

	it->kind = ENV_SK;
	if ((rc = rd_u8(r, &type_kv)) != ERR_OK ||
	    (rc = rd_view16(r, &it->data)) != ERR_OK)
		return rc;
	if (type_kv >> 4 != SK_TYPE)
		return ERR_MALFORMED;
	return parse_kv(r, type_kv & 0x0f, it);
}

static enum err
parse_chain(struct rd r, uint8_t kind, struct env *e)
{
	struct env_item *it;
	uint8_t next;
	enum err rc;

	memset(e, 0, sizeof(*e));
	while (kind != SUB_LAST) {
		if (e->n == ENV_ITEMS_MAX)
			return ERR_TOOBIG;
		it = &e->item[e->n];
		if ((rc = rd_u8(&r, &next)) != ERR_OK)
			return rc;
		if (kind == SUB_ID || kind == SUB_IDR)
			rc = parse_id(&r, kind, it);
		else if (kind == SUB_ECCPT)
			rc = parse_point(&r, it);
		else if (kind == SUB_SK)
			rc = parse_sk(&r, it);
		else
			rc = ERR_MALFORMED;
		if (rc != ERR_OK)
			return rc;
		e->n++;
		kind = next;
	}
	return rd_end(&r);
}

enum err
env_parse(struct rd plain, struct env *e)
{
	enum err rc;

	/* Nothing says which of the two identity payloads comes first. */
	if ((rc = parse_chain(plain, SUB_IDR, e)) == ERR_OK)
		return ERR_OK;
	if (parse_chain(plain, SUB_ID, e) == ERR_OK)
		return ERR_OK;
	return rc;
}

static uint8_t
sub_of(const struct env *e, size_t i)
{
	static const uint8_t sub[] =
	    {[ENV_ID] = SUB_IDR, [ENV_POINT] = SUB_ECCPT, [ENV_SK] = SUB_SK};

	return i < e->n ? sub[e->item[i].kind] : SUB_LAST;
}

static void
put_item(struct wr *w, const struct env_item *it)
{
	static const uint8_t zero[4];

	switch (it->kind) {
	case ENV_ID:
		wr_u8(w, it->role);
		wr_u8(w, LAB_ID_TYPE_URI);
		wr_view16(w, it->data.p, it->data.left);
		return;
	case ENV_POINT:
		wr_u8(w, it->ec->number);
		wr_copy(w, it->data.p, it->data.left);
		wr_copy(w, zero, pad_len(it->data.left));
		wr_u8(w, 0); /* Auth alg */
		wr_u16(w, 0); /* TGK len */
		wr_u8(w, KV_NULL);
		return;
	case ENV_SK:
		wr_u8(w, SK_TYPE << 4 | KV_NULL);
		wr_view16(w, it->data.p, it->data.left);
		return;
	}
}

void
env_print(struct wr *w, const struct env *e)
{
	for (size_t i = 0; i < e->n; i++) {
		wr_u8(w, sub_of(e, i + 1));
		put_item(w, &e->item[i]);
	}
}

bool
env_is(const struct env *e, const enum env_kind *kinds, size_t n)
{
	if (e->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (e->item[i].kind != kinds[i])
			return false;
	return true;
}
