#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "hsm/bf_der.h"

/* BFPublicParameters is a SEQUENCE of these. */
enum { VERSION, CURVE, P, Q, POINT_P, POINT_PPUB, HASH, N_PARTS };

struct part {
	uint8_t der[1024];
	size_t len;
};

struct rig {
	json_t *file;
	uint8_t *der; /* of the first KMS */
	size_t len;
	struct part part[N_PARTS];
};

/* Header and content of the next element; short and two-octet lengths. */
static struct rd
element(struct rd *r, struct rd *content)
{
	struct rd whole = *r;
	uint8_t tag, len8;
	uint16_t len16;
	size_t len, head = 2;

	assert_int_equal(rd_u8(r, &tag), ERR_OK);
	assert_int_equal(rd_u8(r, &len8), ERR_OK);
	len = len8;
	if (len8 == 0x81) {
		assert_int_equal(rd_u8(r, &len8), ERR_OK);
		len = len8;
		head = 3;
	} else if (len8 == 0x82) {
		assert_int_equal(rd_u16(r, &len16), ERR_OK);
		len = len16;
		head = 4;
	} else
		assert_true(len8 < 0x80);
	assert_int_equal(rd_view(r, len, content), ERR_OK);
	whole.left = head + len;
	return whole;
}

static int
rig_init(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));
	struct rd all, content, one, ignored;

	assert_non_null(g);
	g->file = vectors("exchanges.json");
	g->der = octets(json_array_get(member(g->file, "ibe"), 0),
	    "publicParametersDER", &g->len);
	all = view(g->der, g->len);
	(void)element(&all, &content);
	assert_int_equal(all.left, 0);
	for (int i = 0; i < N_PARTS; i++) {
		one = element(&content, &ignored);
		assert_true(one.left <= sizeof(g->part[i].der));
		memcpy(g->part[i].der, one.p, one.left);
		g->part[i].len = one.left;
	}
	assert_int_equal(content.left, 0);
	*state = g;
	return 0;
}

static int
rig_done(void **state)
{
	struct rig *g = *state;

	json_decref(g->file);
	free(g->der);
	free(g);
	return 0;
}

/* ERR_MALFORMED or ERR_UNSUPPORTED, from memory of its own size. */
static enum err
decode(const void *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct why why = {""};
	struct bf_public b;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	bf_public_init(&b);
	rc = bf_public_decode(view(copy, len), &b, &why);
	bf_public_clear(&b);
	free(copy);
	return rc;
}

/* The parameters with one element replaced by any octets. */
static enum err
with(const struct rig *g, int at, const void *p, size_t len)
{
	uint8_t body[4096], der[4200];
	size_t n = 0;

	for (int i = 0; i < N_PARTS; i++) {
		const void *from = i == at ? p : g->part[i].der;
		const size_t k = i == at ? len : g->part[i].len;

		assert_true(n + k <= sizeof(body));
		if (k > 0)
			memcpy(body + n, from, k);
		n += k;
	}
	der[0] = 0x30;
	der[1] = 0x82;
	der[2] = (uint8_t)(n >> 8);
	der[3] = (uint8_t)n;
	memcpy(der + 4, body, n);
	return decode(der, 4 + n);
}

#define WITH(g, at, ...) \
	with(g, at, (const uint8_t[]){__VA_ARGS__}, \
	    sizeof((const uint8_t[]){__VA_ARGS__}))

static void
is_number(const mpz_t v, const char *hex)
{
	mpz_t want;

	mpz_init(want);
	assert_int_equal(mpz_set_str(want, hex, 0), 0);
	assert_int_equal(mpz_cmp(v, want), 0);
	mpz_clear(want);
}

static void
is_point(mpz_t v[2], const json_t *xy)
{
	for (size_t i = 0; i < 2; i++)
		is_number(v[i], json_string_value(json_array_get(xy, i)));
}

/* ---- public parameters ---- */

static void
parameters_decode_to_their_numbers_and_encode_to_the_same_octets(void **state)
{
	struct rig *g = *state;
	json_t *set;
	size_t i;

	json_array_foreach (member(g->file, "ibe"), i, set) {
		struct why why = {""};
		uint8_t again[1024];
		struct bf_public b;
		size_t len, n = 0;
		uint8_t *der = octets(set, "publicParametersDER", &len);

		bf_public_init(&b);
		if (bf_public_decode(view(der, len), &b, &why) != ERR_OK)
			fail_msg("%s", why.text);
		is_number(b.p, text(set, "p"));
		is_number(b.q, text(set, "q"));
		is_point(b.point_p, member(set, "P"));
		is_point(b.point_ppub, member(set, "Ppub"));
		assert_string_equal(b.hash, "SHA1");
		assert_int_equal(bf_public_encode(&b, again, sizeof(again), &n),
		    ERR_OK);
		assert_int_equal(n, len);
		assert_memory_equal(again, der, len);
		bf_public_clear(&b);
		free(der);
	}
	assert_int_equal(i, 3);
}

/* The test's own tools give the good parameters back. */
static void
the_parts_put_together_are_the_whole(void **state)
{
	struct rig *g = *state;

	for (int i = 0; i < N_PARTS; i++)
		assert_int_equal(with(g, i, g->part[i].der, g->part[i].len),
		    ERR_OK);
}

static void
every_prefix_is_malformed(void **state)
{
	struct rig *g = *state;

	for (size_t n = 0; n < g->len; n++)
		assert_int_equal(decode(g->der, n), ERR_MALFORMED);
	assert_int_equal(decode(g->der, g->len), ERR_OK);
}

static void
trailing_octets_are_malformed(void **state)
{
	struct rig *g = *state;
	uint8_t *more = calloc(1, 2 * g->len), part[1100];

	assert_non_null(more);
	memcpy(more, g->der, g->len);
	for (size_t n = 1; n < 20; n++)
		assert_int_equal(decode(more, g->len + n), ERR_MALFORMED);
	free(more);
	/* inside, behind the last element */
	memcpy(part, g->part[HASH].der, g->part[HASH].len);
	memcpy(part + g->part[HASH].len, "\x05\x00", 2);
	assert_int_equal(with(g, HASH, part, g->part[HASH].len + 2),
	    ERR_MALFORMED);
	memcpy(part + g->part[HASH].len, "\x00", 1);
	assert_int_equal(with(g, HASH, part, g->part[HASH].len + 1),
	    ERR_MALFORMED);
	/* in a point, behind y */
	memcpy(part, g->part[POINT_P].der, g->part[POINT_P].len);
	assert_int_equal(part[1], 0x81);
	memcpy(part + g->part[POINT_P].len, "\x02\x01\x01", 3);
	part[2] += 3;
	assert_int_equal(with(g, POINT_P, part, g->part[POINT_P].len + 3),
	    ERR_MALFORMED);
}

static void
a_missing_or_repeated_element_is_malformed(void **state)
{
	struct rig *g = *state;
	uint8_t twice[2048];

	for (int i = 0; i < N_PARTS; i++) {
		const size_t n = g->part[i].len;

		assert_int_equal(with(g, i, NULL, 0), ERR_MALFORMED);
		memcpy(twice, g->part[i].der, n);
		memcpy(twice + n, g->part[i].der, n);
		assert_int_equal(with(g, i, twice, 2 * n), ERR_MALFORMED);
	}
}

static void
an_element_of_another_type_is_malformed(void **state)
{
	struct rig *g = *state;

	for (int i = 0; i < N_PARTS; i++) {
		struct part was = g->part[i];
		const uint8_t tag = was.der[0];

		for (int t = 0; t < 256; t++) {
			if (t == tag)
				continue;
			was.der[0] = (uint8_t)t;
			assert_int_equal(with(g, i, was.der, was.len),
			    ERR_MALFORMED);
		}
		assert_int_equal(WITH(g, i, 0x05, 0x00), ERR_MALFORMED);
	}
}

static void
only_version_2_is_supported(void **state)
{
	struct rig *g = *state;

	for (int v = 0; v < 0x80; v++)
		assert_int_equal(WITH(g, VERSION, 0x02, 0x01, (uint8_t)v),
		    v == 2 ? ERR_OK : ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, VERSION, 0x02, 0x02, 0x01, 0x02),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, VERSION, 0x02, 0x09, 1, 0, 0, 0, 0, 0, 0, 0,
			     2),
	    ERR_UNSUPPORTED);
	assert_int_not_equal(WITH(g, VERSION, 0x02, 0x01, 0xfe), ERR_OK);
}

static void
other_curves_are_unsupported(void **state)
{
	struct rig *g = *state;

	/* ...1.1.1.2, ...1.1.1, ...1.1.1.1.1, and P-256 */
	assert_int_equal(WITH(g, CURVE, 0x06, 0x0b, 0x60, 0x86, 0x48, 0x01,
			     0x86, 0xfd, 0x1e, 1, 1, 1, 2),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, CURVE, 0x06, 0x0a, 0x60, 0x86, 0x48, 0x01,
			     0x86, 0xfd, 0x1e, 1, 1, 1),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, CURVE, 0x06, 0x0c, 0x60, 0x86, 0x48, 0x01,
			     0x86, 0xfd, 0x1e, 1, 1, 1, 1, 1),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, CURVE, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
			     0x3d, 3, 1, 7),
	    ERR_UNSUPPORTED);
}

static void
other_hash_functions_are_unsupported(void **state)
{
	struct rig *g = *state;

	/* SHA-256, SHA-224, MD5, and SHA-1 as RFC 5091 misprints it */
	assert_int_equal(WITH(g, HASH, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
			     3, 4, 2, 1),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, HASH, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
			     3, 4, 2, 4),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, HASH, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7,
			     0x0d, 2, 5),
	    ERR_UNSUPPORTED);
	assert_int_equal(WITH(g, HASH, 0x06, 0x05, 0x2b, 0x0e, 3, 2, 0x10),
	    ERR_UNSUPPORTED);
}

static void
an_oid_that_is_none_is_malformed(void **state)
{
	const int at[] = {CURVE, HASH};
	struct rig *g = *state;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(WITH(g, at[i], 0x06, 0x00), ERR_MALFORMED);
		/* ends inside an arc; an arc with a leading zero */
		assert_int_equal(WITH(g, at[i], 0x06, 0x02, 0x2b, 0x8e),
		    ERR_MALFORMED);
		assert_int_equal(WITH(g, at[i], 0x06, 0x06, 0x2b, 0x80, 0x0e, 3,
				     2, 0x1a),
		    ERR_MALFORMED);
	}
}

static void
negative_numbers_are_malformed(void **state)
{
	struct rig *g = *state;

	assert_int_equal(WITH(g, P, 0x02, 0x01, 0xff), ERR_MALFORMED);
	assert_int_equal(WITH(g, P, 0x02, 0x02, 0x80, 0x00), ERR_MALFORMED);
	assert_int_equal(WITH(g, Q, 0x02, 0x01, 0x80), ERR_MALFORMED);
	assert_int_equal(WITH(g, POINT_P, 0x30, 0x06, 0x02, 0x01, 0x81, 0x02,
			     0x01, 0x01),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, POINT_PPUB, 0x30, 0x06, 0x02, 0x01, 0x01, 0x02,
			     0x01, 0xff),
	    ERR_MALFORMED);
}

static void
numbers_with_more_octets_than_needed_are_malformed(void **state)
{
	struct rig *g = *state;

	assert_int_equal(WITH(g, VERSION, 0x02, 0x02, 0x00, 0x02),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, P, 0x02, 0x02, 0x00, 0x7f), ERR_MALFORMED);
	assert_int_equal(WITH(g, P, 0x02, 0x03, 0x00, 0x00, 0x80),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, Q, 0x02, 0x02, 0xff, 0x80), ERR_MALFORMED);
	assert_int_equal(WITH(g, Q, 0x02, 0x00), ERR_MALFORMED);
	assert_int_equal(WITH(g, POINT_P, 0x30, 0x07, 0x02, 0x02, 0x00, 0x01,
			     0x02, 0x01, 0x01),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, POINT_P, 0x30, 0x05, 0x02, 0x00, 0x02, 0x01,
			     0x01),
	    ERR_MALFORMED);
}

static void
lengths_not_in_their_shortest_form_are_malformed(void **state)
{
	struct rig *g = *state;
	uint8_t long_form[1100];
	size_t n;

	assert_int_equal(WITH(g, VERSION, 0x02, 0x81, 0x01, 0x02),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, VERSION, 0x02, 0x82, 0x00, 0x01, 0x02),
	    ERR_MALFORMED);
	assert_int_equal(WITH(g, HASH, 0x06, 0x81, 0x05, 0x2b, 0x0e, 3, 2,
			     0x1a),
	    ERR_MALFORMED);
	/* a point's 81 xx as 82 00 xx */
	n = g->part[POINT_P].len;
	assert_int_equal(g->part[POINT_P].der[1], 0x81);
	memcpy(long_form, "\x30\x82\x00", 3);
	memcpy(long_form + 3, g->part[POINT_P].der + 2, n - 2);
	assert_int_equal(with(g, POINT_P, long_form, n + 1), ERR_MALFORMED);
	/* the outer 82 xx xx as 83 00 xx xx */
	memcpy(long_form, "\x30\x83\x00", 3);
	memcpy(long_form + 3, g->der + 2, g->len - 2);
	assert_int_equal(decode(long_form, g->len + 1), ERR_MALFORMED);
}

static void
indefinite_lengths_are_malformed(void **state)
{
	struct rig *g = *state;
	uint8_t ber[1100];
	size_t n = g->part[POINT_P].len;

	assert_int_equal(g->der[1], 0x82);
	memcpy(ber, "\x30\x80", 2);
	memcpy(ber + 2, g->der + 4, g->len - 4);
	memcpy(ber + 2 + g->len - 4, "\0\0", 2);
	assert_int_equal(decode(ber, g->len), ERR_MALFORMED);

	memcpy(ber, "\x30\x80", 2);
	memcpy(ber + 2, g->part[POINT_P].der + 3, n - 3);
	memcpy(ber + n - 1, "\0\0", 2);
	assert_int_equal(with(g, POINT_P, ber, n + 1), ERR_MALFORMED);
}

static void
lengths_past_the_end_are_malformed(void **state)
{
	struct rig *g = *state;
	struct part p = g->part[P];

	for (int more = -1; more <= 1; more += 2) {
		p.der[1] = (uint8_t)(g->part[P].der[1] + more);
		assert_int_equal(with(g, P, p.der, p.len), ERR_MALFORMED);
	}
	assert_int_equal(decode("\x30\x84\xff\xff\xff\xff", 6), ERR_MALFORMED);
	assert_int_equal(decode("\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff", 10),
	    ERR_MALFORMED);
	assert_int_equal(decode("\x30\x82\x01\x80\x02\x84\x7f\xff\xff\xff", 10),
	    ERR_MALFORMED);
}

static void
more_than_65536_octets_are_malformed(void **state)
{
	uint8_t *big = calloc(1, 200000);

	(void)state;
	assert_non_null(big);
	memcpy(big, "\x30\x83\x01\x00\x00", 5);
	assert_int_equal(decode(big, 65536 + 5), ERR_MALFORMED);
	assert_int_equal(decode(big, 200000), ERR_MALFORMED);
	free(big);
}

/* ---- writing ---- */

/* Where lengths and leading bits change the encoding. */
static void
numbers_of_all_sizes_round_trip(void **state)
{
	static const unsigned bits[] = {1, 7, 8, 9, 15, 16, 17, 159, 160, 511,
	    512, 1007, 1008, 1015, 1016, 1017, 1023, 1024, 2031, 2032, 2039,
	    2040, 2047, 2048, 4095, 4096};
	struct bf_public b, out;
	struct why why = {""};
	uint8_t der[8192];
	size_t len = 0;

	(void)state;
	bf_public_init(&b);
	bf_public_init(&out);
	mpz_t *const all[] = {&b.p, &b.q, &b.point_p[0], &b.point_p[1],
	    &b.point_ppub[0], &b.point_ppub[1]};
	mpz_t *const back[] = {&out.p, &out.q, &out.point_p[0], &out.point_p[1],
	    &out.point_ppub[0], &out.point_ppub[1]};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		for (size_t k = 0; k < 6; k++) {
			mpz_set_ui(*all[k], 0);
			if (k > 0) /* p goes through 0 as well */
				mpz_setbit(*all[k], bits[i] - 1);
			if (k % 2 == 1)
				mpz_sub_ui(*all[k], *all[k], 1);
		}
		assert_int_equal(bf_public_encode(&b, der, sizeof(der), &len),
		    ERR_OK);
		if (bf_public_decode(view(der, len), &out, &why) != ERR_OK)
			fail_msg("%u bits: %s", bits[i], why.text);
		for (size_t k = 0; k < 6; k++)
			assert_int_equal(mpz_cmp(*all[k], *back[k]), 0);
	}
	bf_public_clear(&b);
	bf_public_clear(&out);
}

static void
a_number_over_4096_bits_is_too_big(void **state)
{
	struct bf_public b;
	uint8_t der[8192];
	size_t len = 99;

	(void)state;
	for (int which = 0; which < 6; which++) {
		bf_public_init(&b);
		mpz_t *const all[] = {&b.p, &b.q, &b.point_p[0], &b.point_p[1],
		    &b.point_ppub[0], &b.point_ppub[1]};

		mpz_setbit(*all[which], 4096);
		assert_int_equal(bf_public_encode(&b, der, sizeof(der), &len),
		    ERR_TOOBIG);
		assert_int_equal(len, 99);
		bf_public_clear(&b);
	}
}

static void
no_more_than_cap_is_written(void **state)
{
	struct rig *g = *state;
	uint8_t *out = malloc(g->len + 8);
	struct bf_public b;
	struct why why;
	size_t len = 99;

	assert_non_null(out);
	bf_public_init(&b);
	assert_int_equal(bf_public_decode(view(g->der, g->len), &b, &why),
	    ERR_OK);
	for (size_t cap = 0; cap < g->len; cap++) {
		memset(out, 0x5a, g->len + 8);
		assert_int_equal(bf_public_encode(&b, out, cap, &len),
		    ERR_TOOBIG);
		assert_int_equal(len, 99);
		for (size_t i = cap; i < g->len + 8; i++)
			assert_int_equal(out[i], 0x5a);
	}
	assert_int_equal(bf_public_encode(&b, out, g->len, &len), ERR_OK);
	assert_int_equal(len, g->len);
	bf_public_clear(&b);
	free(out);
}

/* ---- private keys ---- */

/* Minimal two's complement, not negative, of this value. */
static void
is_integer(struct rd *r, const uint8_t *be, size_t n)
{
	struct rd content;
	const struct rd whole = element(r, &content);

	assert_int_equal(whole.p[0], 0x02);
	assert_true(content.left >= 1);
	assert_true(content.p[0] < 0x80);
	if (content.left > 1 && content.p[0] == 0)
		assert_true(content.p[1] >= 0x80);
	while (n > 0 && be[0] == 0) {
		be++;
		n--;
	}
	if (content.p[0] == 0) {
		content.p++;
		content.left--;
	}
	assert_true(rd_is(&content, be, n));
}

static void
is_private_key(const uint8_t *der, size_t len, const uint8_t *x,
    const uint8_t *y, size_t n)
{
	struct rd r = view(der, len), block, point, whole;
	const uint8_t two = 2;

	whole = element(&r, &block);
	assert_int_equal(whole.p[0], 0x30);
	assert_int_equal(r.left, 0);
	is_integer(&block, &two, 1);
	whole = element(&block, &point);
	assert_int_equal(whole.p[0], 0x30);
	assert_int_equal(block.left, 0);
	is_integer(&point, x, n);
	is_integer(&point, y, n);
	assert_int_equal(point.left, 0);
}

static void
a_private_key_block_is_version_2_and_the_point(void **state)
{
	uint8_t x[64], y[64], der[256];
	size_t len = 0;

	(void)state;
	for (unsigned round = 0; round < 256; round++) {
		for (size_t i = 0; i < 64; i++) {
			x[i] = (uint8_t)(round + 3 * i);
			y[i] = (uint8_t)(round * 7 + 5 * i);
		}
		assert_int_equal(bf_private_encode(x, y, 64, der, sizeof(der),
				     &len),
		    ERR_OK);
		is_private_key(der, len, x, y, 64);
	}
}

static void
coordinates_with_leading_zeros_are_encoded_short(void **state)
{
	uint8_t x[64], y[64], der[256];
	size_t len = 0;

	(void)state;
	for (size_t zeros = 0; zeros <= 64; zeros++)
		for (int top = 0x7f; top <= 0x80; top++) {
			memset(x, 0, sizeof(x));
			memset(y, 0xff, sizeof(y));
			if (zeros < 64) {
				memset(x + zeros, 0x11, 64 - zeros);
				x[zeros] = (uint8_t)top;
			}
			assert_int_equal(bf_private_encode(x, y, 64, der,
					     sizeof(der), &len),
			    ERR_OK);
			is_private_key(der, len, x, y, 64);
			assert_int_equal(bf_private_encode(y, x, 64, der,
					     sizeof(der), &len),
			    ERR_OK);
			is_private_key(der, len, y, x, 64);
		}
}

static void
coordinates_of_other_lengths_are_encoded_too(void **state)
{
	static const size_t sizes[] = {1, 2, 24, 55, 56, 60, 61, 62, 63, 65,
	    119, 120, 121, 122, 123, 128, 256};
	static uint8_t x[256], der[1024];
	size_t len = 0;

	(void)state;
	memset(x, 0xc3, sizeof(x));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		x[0] = 0x7f;
		assert_int_equal(bf_private_encode(x, x, sizes[i], der,
				     sizeof(der), &len),
		    ERR_OK);
		is_private_key(der, len, x, x, sizes[i]);
		x[0] = 0x80;
		assert_int_equal(bf_private_encode(x, x, sizes[i], der,
				     sizeof(der), &len),
		    ERR_OK);
		is_private_key(der, len, x, x, sizes[i]);
	}
}

static void
a_private_key_is_not_written_past_its_buffer(void **state)
{
	uint8_t x[64], der[256];
	size_t len = 0, n = 99;

	(void)state;
	memset(x, 0x81, sizeof(x));
	assert_int_equal(bf_private_encode(x, x, 64, der, sizeof(der), &len),
	    ERR_OK);
	for (size_t cap = 0; cap < len; cap++) {
		memset(der, 0x5a, sizeof(der));
		assert_int_equal(bf_private_encode(x, x, 64, der, cap, &n),
		    ERR_TOOBIG);
		assert_int_equal(n, 99);
		for (size_t i = cap; i < sizeof(der); i++)
			assert_int_equal(der[i], 0x5a);
	}
	assert_int_equal(bf_private_encode(x, x, 64, der, len, &n), ERR_OK);
	assert_int_equal(n, len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		parameters_decode_to_their_numbers_and_encode_to_the_same_octets),
	    cmocka_unit_test(the_parts_put_together_are_the_whole),
	    cmocka_unit_test(every_prefix_is_malformed),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(a_missing_or_repeated_element_is_malformed),
	    cmocka_unit_test(an_element_of_another_type_is_malformed),
	    cmocka_unit_test(only_version_2_is_supported),
	    cmocka_unit_test(other_curves_are_unsupported),
	    cmocka_unit_test(other_hash_functions_are_unsupported),
	    cmocka_unit_test(an_oid_that_is_none_is_malformed),
	    cmocka_unit_test(negative_numbers_are_malformed),
	    cmocka_unit_test(
		numbers_with_more_octets_than_needed_are_malformed),
	    cmocka_unit_test(lengths_not_in_their_shortest_form_are_malformed),
	    cmocka_unit_test(indefinite_lengths_are_malformed),
	    cmocka_unit_test(lengths_past_the_end_are_malformed),
	    cmocka_unit_test(more_than_65536_octets_are_malformed),
	    cmocka_unit_test(numbers_of_all_sizes_round_trip),
	    cmocka_unit_test(a_number_over_4096_bits_is_too_big),
	    cmocka_unit_test(no_more_than_cap_is_written),
	    cmocka_unit_test(a_private_key_block_is_version_2_and_the_point),
	    cmocka_unit_test(coordinates_with_leading_zeros_are_encoded_short),
	    cmocka_unit_test(coordinates_of_other_lengths_are_encoded_too),
	    cmocka_unit_test(a_private_key_is_not_written_past_its_buffer),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_done);
}
