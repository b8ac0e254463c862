#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>

#include "base/secret.h"
#include "hsm/bf_der.h"

/* The template macros want typedef names. */
typedef struct {
	ASN1_INTEGER *x, *y;
} FP_POINT;

typedef struct {
	ASN1_INTEGER *version;
	ASN1_OBJECT *curve;
	ASN1_INTEGER *p, *q;
	FP_POINT *point_p, *point_ppub;
	ASN1_OBJECT *hashfcn;
} BF_PUBLIC;

ASN1_SEQUENCE(FP_POINT) =
    {
	ASN1_SIMPLE(FP_POINT, x, ASN1_INTEGER),
	ASN1_SIMPLE(FP_POINT, y, ASN1_INTEGER),
} static_ASN1_SEQUENCE_END(FP_POINT)

	ASN1_SEQUENCE(BF_PUBLIC) =
	    {
		ASN1_SIMPLE(BF_PUBLIC, version, ASN1_INTEGER),
		ASN1_SIMPLE(BF_PUBLIC, curve, ASN1_OBJECT),
		ASN1_SIMPLE(BF_PUBLIC, p, ASN1_INTEGER),
		ASN1_SIMPLE(BF_PUBLIC, q, ASN1_INTEGER),
		ASN1_SIMPLE(BF_PUBLIC, point_p, FP_POINT),
		ASN1_SIMPLE(BF_PUBLIC, point_ppub, FP_POINT),
		ASN1_SIMPLE(BF_PUBLIC, hashfcn, ASN1_OBJECT),
} static_ASN1_SEQUENCE_END(BF_PUBLIC)

#define BF_VERSION 2
#define OID_TYPE1_CURVE "2.16.840.1.114334.1.1.1.1"
#define OID_SHA1 "1.3.14.3.2.26"

		void bf_public_init(struct bf_public * b)
{
	mpz_inits(b->p, b->q, b->point_p[0], b->point_p[1], b->point_ppub[0],
	    b->point_ppub[1], NULL);
	b->hash = NULL;
}

void
bf_public_clear(struct bf_public *b)
{
	mpz_clears(b->p, b->q, b->point_p[0], b->point_p[1], b->point_ppub[0],
	    b->point_ppub[1], NULL);
}

/* A non-negative INTEGER. */
static enum err
to_mpz(mpz_t out, const ASN1_INTEGER *i)
{
	if (ASN1_STRING_type(i) == V_ASN1_NEG_INTEGER)
		return ERR_MALFORMED;
	mpz_import(out, (size_t)ASN1_STRING_length(i), 1, 1, 1, 0,
	    ASN1_STRING_get0_data(i));
	return ERR_OK;
}

static enum err
point_to_mpz(mpz_t out[2], const FP_POINT *p)
{
	enum err rc;

	if ((rc = to_mpz(out[0], p->x)) != ERR_OK)
		return rc;
	return to_mpz(out[1], p->y);
}

static bool
is_oid(const ASN1_OBJECT *o, const char *dotted)
{
	char text[80];

	return OBJ_obj2txt(text, sizeof(text), o, 1) > 0 &&
	    strcmp(text, dotted) == 0;
}

/* Re-encoding must give the same octets: the templates also read some BER. */
static bool
is_der(const BF_PUBLIC *b, struct rd der)
{
	unsigned char *again = NULL;
	int n = ASN1_item_i2d((const ASN1_VALUE *)b, &again,
	    ASN1_ITEM_rptr(BF_PUBLIC));
	bool same = n >= 0 && rd_is(&der, again, (size_t)n);

	OPENSSL_free(again);
	return same;
}

static enum err
fields(const BF_PUBLIC *b, struct bf_public *out, struct why *why)
{
	mpz_t version;
	enum err rc;

	mpz_init(version);
	rc = to_mpz(version, b->version);
	if (rc == ERR_OK && mpz_cmp_ui(version, BF_VERSION) != 0)
		rc = why_set(why, ERR_UNSUPPORTED,
		    "BFPublicParameters: version is not 2");
	mpz_clear(version);
	if (rc != ERR_OK)
		return rc;
	if (!is_oid(b->curve, OID_TYPE1_CURVE))
		return why_set(why, ERR_UNSUPPORTED,
		    "BFPublicParameters: not a type-1 curve");
	if (!is_oid(b->hashfcn, OID_SHA1))
		return why_set(why, ERR_UNSUPPORTED,
		    "BFPublicParameters: hash function is not SHA-1");
	out->hash = "SHA1";
	if ((rc = to_mpz(out->p, b->p)) != ERR_OK ||
	    (rc = to_mpz(out->q, b->q)) != ERR_OK ||
	    (rc = point_to_mpz(out->point_p, b->point_p)) != ERR_OK ||
	    (rc = point_to_mpz(out->point_ppub, b->point_ppub)) != ERR_OK)
		return why_set(why, rc, "BFPublicParameters: negative number");
	return ERR_OK;
}

enum err
bf_public_decode(struct rd der, struct bf_public *out, struct why *why)
{
	const unsigned char *p = der.p;
	BF_PUBLIC *b;
	enum err rc;

	if (der.left > 65536)
		return why_set(why, ERR_MALFORMED,
		    "BFPublicParameters: too long");
	b = (BF_PUBLIC *)ASN1_item_d2i(NULL, &p, (long)der.left,
	    ASN1_ITEM_rptr(BF_PUBLIC));
	if (b == NULL || !is_der(b, der))
		rc = why_set(why, ERR_MALFORMED,
		    "BFPublicParameters: not DER of RFC 5091 clause 7");
	else
		rc = fields(b, out, why);
	ASN1_item_free((ASN1_VALUE *)b, ASN1_ITEM_rptr(BF_PUBLIC));
	return rc;
}

/* A DER header for `len` octets of content. */
static void
put_header(struct wr *w, uint8_t tag, size_t len)
{
	wr_u8(w, tag);
	if (len >= 256)
		wr_u8(w, 0x82);
	else if (len >= 128)
		wr_u8(w, 0x81);
	if (len >= 256)
		wr_u16(w, (uint16_t)len);
	else
		wr_u8(w, (uint8_t)len);
}

static size_t
header_len(size_t len)
{
	return len < 128 ? 2 : len < 256 ? 3 : 4;
}

/*
 * An INTEGER from big-endian octets.  That a secret coordinate is shorter than
 * most shows in the length of the encoding anyway.
 */
struct integer {
	const uint8_t *p;
	size_t len;
	bool pad;
};

static struct integer
integer(const uint8_t *be, size_t n)
{
	while (n > 1 && be[0] == 0) {
		be++;
		n--;
	}
	return (struct integer){be, n, (be[0] & 0x80) != 0};
}

static size_t
integer_len(const struct integer *i)
{
	return header_len(i->len + i->pad) + i->len + i->pad;
}

static void
put_integer(struct wr *w, const struct integer *i)
{
	put_header(w, 0x02, i->len + i->pad);
	if (i->pad)
		wr_u8(w, 0);
	wr_copy(w, i->p, i->len);
}

static void
put_point(struct wr *w, const struct integer *x, const struct integer *y)
{
	put_header(w, 0x30, integer_len(x) + integer_len(y));
	put_integer(w, x);
	put_integer(w, y);
}

enum err
bf_private_encode(const uint8_t *x, const uint8_t *y, size_t n, uint8_t *der,
    size_t cap, size_t *len)
{
	static const uint8_t version[] = {BF_VERSION};
	const struct integer v = integer(version, 1);
	const struct integer ix = integer(x, n), iy = integer(y, n);
	const size_t point = integer_len(&ix) + integer_len(&iy);
	struct wr w;

	wr_init(&w, der, cap);
	put_header(&w, 0x30, integer_len(&v) + header_len(point) + point);
	put_integer(&w, &v);
	put_point(&w, &ix, &iy);
	return wr_finish(&w, len);
}

#define NUMBER_MAX 512

struct number {
	uint8_t be[NUMBER_MAX];
	struct integer i;
};

static enum err
number(struct number *n, const mpz_t v)
{
	const size_t len = (mpz_sizeinbase(v, 2) + 7) / 8;

	if (len > sizeof(n->be))
		return ERR_TOOBIG;
	memset(n->be, 0, sizeof(n->be));
	mpz_export(n->be + sizeof(n->be) - len, NULL, 1, 1, 1, 0, v);
	n->i = integer(n->be, sizeof(n->be));
	return ERR_OK;
}

enum err
bf_public_encode(const struct bf_public *b, uint8_t *der, size_t cap,
    size_t *len)
{
	static const uint8_t curve[] = {0x06, 0x0b, 0x60, 0x86, 0x48, 0x01,
	    0x86, 0xfd, 0x1e, 0x01, 0x01, 0x01, 0x01};
	static const uint8_t sha1[] = {0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02,
	    0x1a};
	static const uint8_t version[] = {BF_VERSION};
	const struct integer v = integer(version, 1);
	struct number p, q, x, y, px, py;
	size_t a, c;
	struct wr w;
	enum err rc;

	if ((rc = number(&p, b->p)) != ERR_OK ||
	    (rc = number(&q, b->q)) != ERR_OK ||
	    (rc = number(&x, b->point_p[0])) != ERR_OK ||
	    (rc = number(&y, b->point_p[1])) != ERR_OK ||
	    (rc = number(&px, b->point_ppub[0])) != ERR_OK ||
	    (rc = number(&py, b->point_ppub[1])) != ERR_OK)
		return rc;
	a = integer_len(&x.i) + integer_len(&y.i);
	c = integer_len(&px.i) + integer_len(&py.i);
	wr_init(&w, der, cap);
	put_header(&w, 0x30,
	    integer_len(&v) + sizeof(curve) + integer_len(&p.i) +
		integer_len(&q.i) + header_len(a) + a + header_len(c) + c +
		sizeof(sha1));
	put_integer(&w, &v);
	wr_copy(&w, curve, sizeof(curve));
	put_integer(&w, &p.i);
	put_integer(&w, &q.i);
	put_point(&w, &x.i, &y.i);
	put_point(&w, &px.i, &py.i);
	wr_copy(&w, sha1, sizeof(sha1));
	return wr_finish(&w, len);
}
