/* The plaintext of an IBAKE or ESK payload, right or deliberately wrong. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "exchange_int.h"

enum sub {
	SUB_LAST = 0,
	SUB_ID = 6,
	SUB_IDR = 14,
	SUB_SK = 24,
	SUB_ECCPT = 25
};

#define SUB_UNKNOWN 77
#define TYPE_NAI 0
#define SK_TYPE 1
#define KV_NULL 0
#define KV_SPI 1
#define KV_INTERVAL 2
#define KV_NONE_SUCH 3

/* RFC 6267 number 5: not one of the profile's curves. */
static const struct lab_ec unknown = {5, "P-224", NID_secp224r1, 57, 224};

/* The things that can stand in an envelope, in their order. */
enum what { IDI, X, IDR, Y, SK, EXTRA, UNKNOWN };
#define ITEMS_MAX 8

struct point {
	const struct lab_ec *ec;
	uint8_t octets[LAB_POINT_MAX];
	size_t len;
};

static bool
at(const struct exchange_seal *how, enum fault f)
{
	return exchange_fault_at(how->spec, f, how->place);
}

/* The point that the sender of the message is the first to tell. */
static enum what
own_point(unsigned place)
{
	const bool x = place == EXCHANGE_I1 || place == EXCHANGE_R2 ||
	    place == EXCHANGE_U_I1;

	return x ? X : Y;
}

static enum what
returned_point(unsigned place)
{
	return place == EXCHANGE_I2 ? Y : X;
}

static enum err
random_point(struct exchange_rng *rng, const struct lab_ec *ec, uint8_t *out)
{
	uint8_t octets[24];
	BIGNUM *k;
	enum err rc;

	if ((rc = exchange_rng_bytes(rng, octets, sizeof(octets))) != ERR_OK)
		return rc;
	octets[0] |= 1; /* not zero */
	if ((k = BN_bin2bn(octets, sizeof(octets), NULL)) == NULL)
		return ERR_NOMEM;
	rc = lab_ec_base(ec, k, out);
	BN_free(k);
	return rc;
}

/*
 * A point whose x is so small that x + p, too, has the field's length: with
 * that in the place of x it is another way to write a point of the curve.
 */
static enum err
unreduced_point(struct exchange_rng *rng, struct point *pt)
{
	const size_t n = (pt->ec->point_len - 1) / 2;
	EC_GROUP *g = EC_GROUP_new_by_curve_name(pt->ec->nid);
	EC_POINT *ec = g != NULL ? EC_POINT_new(g) : NULL;
	BIGNUM *x = BN_new(), *y = BN_new(), *p = BN_new();
	uint8_t octets[8];
	int tries = 0;
	enum err rc = ERR_CRYPTO;

	if (ec == NULL || x == NULL || y == NULL || p == NULL ||
	    EC_GROUP_get_curve(g, p, NULL, NULL, NULL) != 1)
		goto out;
	do { /* every other x is one of a point */
		if (tries++ == 100 ||
		    exchange_rng_bytes(rng, octets, sizeof(octets)) != ERR_OK ||
		    BN_bin2bn(octets, sizeof(octets), x) == NULL)
			goto out;
	} while (EC_POINT_set_compressed_coordinates(g, ec, x, 0, NULL) != 1);
	if (EC_POINT_get_affine_coordinates(g, ec, NULL, y, NULL) != 1 ||
	    !BN_add(x, x, p) ||
	    BN_bn2binpad(x, pt->octets + 1, (int)n) != (int)n ||
	    BN_bn2binpad(y, pt->octets + 1 + n, (int)n) != (int)n)
		goto out;
	rc = ERR_OK;
out:
	EC_POINT_free(ec);
	EC_GROUP_free(g);
	BN_free(x);
	BN_free(y);
	BN_free(p);
	return rc;
}

/* Faults of the point that this message is about. */
static enum err
spoil_point(const struct exchange_seal *how, struct point *pt)
{
	if (at(how, FAULT_POINT_OFF_CURVE))
		pt->octets[pt->len - 1] ^= 1;
	if (at(how, FAULT_POINT_ZERO))
		memset(pt->octets + 1, 0, pt->len - 1);
	if (at(how, FAULT_POINT_UNREDUCED))
		return unreduced_point(how->rng, pt);
	if (at(how, FAULT_POINT_COMPRESSED)) {
		pt->octets[0] = pt->octets[pt->len - 1] % 2 == 0 ? 0x02 : 0x03;
		pt->len = 1 + (pt->len - 1) / 2;
	}
	return ERR_OK;
}

static enum err
get_point(const struct exchange_inner *in, enum what what,
    const struct exchange_seal *how, struct point *pt)
{
	enum err rc;

	pt->ec = what == X ? in->ec_x : in->ec_y;
	pt->len = pt->ec->point_len;
	memcpy(pt->octets, what == X ? in->x : in->y, pt->len);
	if (what == returned_point(how->place) &&
	    at(how, FAULT_POINT_RETURNED) &&
	    (rc = random_point(how->rng, pt->ec, pt->octets)) != ERR_OK)
		return rc;
	if (at(how, FAULT_CURVE_UNKNOWN)) {
		pt->ec = &unknown;
		pt->len = unknown.point_len;
		return random_point(how->rng, pt->ec, pt->octets);
	}
	return what == own_point(how->place) ? spoil_point(how, pt) : ERR_OK;
}

/* KV and its data, the KV nibble of an octet whose upper half is given. */
static void
put_kv(const struct exchange_seal *how, struct rd mki, bool may_spoil,
    struct wr *w)
{
	static const uint8_t from[6], to[6] = {0, 0, 0xff, 0xff, 0xff, 0xff};

	if (may_spoil && at(how, FAULT_KV_UNKNOWN)) {
		wr_u8(w, KV_NONE_SUCH);
	} else if (mki.p != NULL) {
		wr_u8(w, KV_SPI);
		wr_view8(w, mki.p, mki.left);
	} else if (how->spec->kv_interval) {
		wr_u8(w, KV_INTERVAL);
		wr_view8(w, from, sizeof(from));
		wr_view8(w, to, sizeof(to));
	} else {
		wr_u8(w, KV_NULL);
	}
}

static enum err
put_point(const struct exchange_inner *in, enum what what,
    const struct exchange_seal *how, struct wr *w)
{
	const bool own = what == own_point(how->place);
	uint8_t pad[4] = {0};
	struct point pt;
	enum err rc;

	if ((rc = get_point(in, what, how, &pt)) != ERR_OK)
		return rc;
	if (own && at(how, FAULT_POINT_PAD))
		pad[0] = 0x80;
	wr_u8(w, pt.ec->number);
	wr_copy(w, pt.octets, pt.len);
	wr_copy(w, pad, (4 - (2 + pt.len) % 4) % 4);
	wr_u8(w, 0); /* Auth alg */
	wr_u16(w, 0); /* TGK len */
	put_kv(how, what == X ? how->spec->mki_i : how->spec->mki_r, own, w);
	return ERR_OK;
}

static void
put_id(struct rd id, uint8_t role, bool other, const struct exchange_seal *how,
    struct wr *w)
{
	const bool nai = role == 1 && at(how, FAULT_INNER_NAI);

	if (at(how, FAULT_INNER_ROLES))
		role = role == 1 ? 2 : 1;
	if (other)
		rd_init(&id, EXCHANGE_STRANGER, strlen(EXCHANGE_STRANGER));
	if (!how->spec->inner_id)
		wr_u8(w, role);
	wr_u8(w, nai ? TYPE_NAI : LAB_ID_TYPE_URI);
	wr_view16(w, id.p, id.left);
}

static void
put_sk(const struct exchange_inner *in, const struct exchange_seal *how,
    struct wr *w)
{
	const uint8_t type = at(how, FAULT_SK_TYPE) ? SK_TYPE + 1 : SK_TYPE;
	const uint8_t kv = at(how, FAULT_KV_UNKNOWN) ? KV_NONE_SUCH : KV_NULL;

	wr_u8(w, (uint8_t)(type << 4 | kv));
	wr_view16(w, in->sk, LAB_TEK_LEN - (at(how, FAULT_SK_SHORT) ? 1 : 0));
}

/* Next-payload number of what is given. */
static uint8_t
number(const struct exchange_seal *how, enum what what)
{
	const uint8_t id = how->spec->inner_id ? SUB_ID : SUB_IDR;

	switch (what) {
	case IDI:
	case IDR:
	case EXTRA:
		return id;
	case X:
	case Y:
		return SUB_ECCPT;
	case SK:
		return SUB_SK;
	case UNKNOWN:
		break;
	}
	return SUB_UNKNOWN;
}

static enum err
put_item(const struct exchange_inner *in, enum what what,
    const struct exchange_seal *how, struct wr *w)
{
	switch (what) {
	case IDI:
		put_id(in->idi, 1, at(how, FAULT_INNER_IDI), how, w);
		return ERR_OK;
	case IDR:
		put_id(in->idr, 2, at(how, FAULT_INNER_IDR), how, w);
		return ERR_OK;
	case EXTRA:
		put_id(in->idi, 2, false, how, w);
		return ERR_OK;
	case X:
	case Y:
		return put_point(in, what, how, w);
	case SK:
		put_sk(in, how, w);
		return ERR_OK;
	case UNKNOWN:
		break;
	}
	wr_u16(w, 0);
	return ERR_OK;
}

static size_t
list_items(const struct exchange_inner *in, const struct exchange_seal *how,
    enum what items[ITEMS_MAX])
{
	const bool missing = at(how, FAULT_INNER_MISSING);
	size_t n = 0;

	items[n++] = IDI;
	if (in->x != NULL && !(missing && own_point(how->place) == X))
		items[n++] = X;
	if (in->idr.p != NULL)
		items[n++] = IDR;
	if (in->y != NULL && !(missing && own_point(how->place) == Y))
		items[n++] = Y;
	if (in->sk != NULL)
		items[n++] = SK;
	if (at(how, FAULT_INNER_EXTRA))
		items[n++] = EXTRA;
	if (at(how, FAULT_INNER_UNKNOWN))
		items[n++] = UNKNOWN;
	return n;
}

enum err
exchange_inner_put(const struct exchange_inner *in,
    const struct exchange_seal *how, struct wr *w)
{
	enum what items[ITEMS_MAX];
	const size_t n = list_items(in, how, items);
	enum err rc;

	if (at(how, FAULT_INNER_EMPTY))
		return w->rc;
	for (size_t i = 0; i < n; i++) {
		wr_u8(w, i + 1 < n ? number(how, items[i + 1]) : SUB_LAST);
		if ((rc = put_item(in, items[i], how, w)) != ERR_OK)
			return rc;
	}
	if (w->rc == ERR_OK && at(how, FAULT_INNER_TRUNCATED))
		w->len--;
	if (at(how, FAULT_INNER_TRAILING))
		wr_u8(w, 0);
	return w->rc;
}
