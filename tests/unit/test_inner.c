/*
 * inner: the plaintexts of RFC 6267 clause 4.2 built by hand, in the IDR and
 * in the ID form, and every way of spoiling one.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "xk/inner.h"

#define WHO "sip:alice@example.com"
#define WHOM "tel:+442079460000"

enum { NONE = 0, ID = 6, IDR = 14, SK = 24, ECCPT = 25 };

/* How a plaintext is to look; spoiled by changing one field. */
struct shape {
	enum inner_kind kind;
	bool has_ecc_i; /* where it may be left out */
	uint8_t form, form2; /* of the identities: ID or IDR */
	uint8_t role_i, role_r, id_type;
	const char *who, *whom;
	uint8_t next_who, next_ecc_i, next_whom, next_ecc_r, next_sk;
	uint8_t curve_i, curve_r;
	uint8_t pad, auth_alg, reserved, kv, kv_len;
	uint16_t tgk_len;
	uint8_t sk_type, sk_len;
};

static size_t
point_len(uint8_t curve)
{
	return curve == 8 ? 65 : curve == 11 ? 97 : 133;
}

static struct shape
good(enum inner_kind kind, uint8_t form, uint8_t curve, bool has_ecc_i)
{
	struct shape s = {.kind = kind,
	    .has_ecc_i = has_ecc_i,
	    .form = form,
	    .form2 = form,
	    .role_i = 1,
	    .role_r = 2,
	    .id_type = 1,
	    .who = WHO,
	    .whom = WHOM,
	    .next_who = kind == INNER_ESK ? SK
		: has_ecc_i		  ? ECCPT
					  : form,
	    .next_ecc_i = kind == INNER_R_MESSAGE_2 ? NONE : form,
	    .next_whom = kind == INNER_R_MESSAGE_1 ? ECCPT : NONE,
	    .next_ecc_r = NONE,
	    .next_sk = NONE,
	    .curve_i = curve,
	    .curve_r = curve,
	    .sk_type = 1,
	    .sk_len = 16};

	return s;
}

static void
put_identity(struct wr *w, uint8_t form, uint8_t next, uint8_t role,
    uint8_t type, const char *id)
{
	wr_u8(w, next);
	if (form == IDR)
		wr_u8(w, role);
	wr_u8(w, type);
	wr_view16(w, id, strlen(id));
}

/* RFC 3830 clause 6.13. */
static void
put_validity(struct wr *w, const struct shape *s, uint8_t fill)
{
	uint8_t kv[255];

	memset(kv, fill, sizeof(kv));
	if (s->kv == 1 || s->kv == 2)
		wr_view8(w, kv, s->kv_len);
	if (s->kv == 2)
		wr_view8(w, kv, s->kv_len);
}

static void
put_point(struct wr *w, const struct shape *s, uint8_t next, uint8_t curve,
    uint8_t fill)
{
	uint8_t point[133];

	memset(point, fill, sizeof(point));
	point[0] = 4;
	wr_u8(w, next);
	wr_u8(w, curve);
	wr_copy(w, point, point_len(curve));
	wr_u8(w, s->pad);
	wr_u8(w, s->auth_alg);
	wr_u16(w, s->tgk_len);
	wr_u8(w, (uint8_t)(s->reserved << 4 | s->kv));
	put_validity(w, s, fill);
}

static size_t
build(const struct shape *s, uint8_t *out, size_t cap)
{
	uint8_t sk[255];
	struct wr w;
	size_t len;

	memset(sk, 0x5c, sizeof(sk));
	wr_init(&w, out, cap);
	put_identity(&w, s->form, s->next_who, s->role_i, s->id_type, s->who);
	if (s->kind == INNER_ESK) {
		wr_u8(&w, s->next_sk);
		wr_u8(&w, (uint8_t)(s->sk_type << 4 | s->kv));
		wr_view16(&w, sk, s->sk_len);
		put_validity(&w, s, 'i');
	} else {
		if (s->has_ecc_i)
			put_point(&w, s, s->next_ecc_i, s->curve_i, 'i');
		if (s->kind != INNER_R_MESSAGE_2)
			put_identity(&w, s->form2, s->next_whom, s->role_r,
			    s->id_type, s->whom);
		if (s->kind == INNER_R_MESSAGE_1)
			put_point(&w, s, s->next_ecc_r, s->curve_r, 'r');
	}
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	return len;
}

/* In memory of its own length; the views are compared while it lives. */
static enum err
parse_octets(const uint8_t *p, size_t len, enum inner_kind kind)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct inner in;
	struct rd r;
	enum err rc;

	assert_non_null(copy);
	memcpy(copy, p, len);
	rd_init(&r, copy, len);
	rc = inner_parse(r, kind, &in);
	free(copy);
	return rc;
}

static enum err
parse(const struct shape *s)
{
	uint8_t b[2048];

	return parse_octets(b, build(s, b, sizeof(b)), s->kind);
}

typedef void shape_fn(struct shape *);

/* Every kind, both forms, every curve, with and without ECCPTi. */
static void
each_good(shape_fn *fn)
{
	static const uint8_t curve[] = {8, 11, 14};
	static const uint8_t form[] = {IDR, ID};

	for (size_t f = 0; f < 2; f++)
		for (size_t c = 0; c < 3; c++) {
			struct shape s[] = {good(INNER_I_MESSAGE_1, form[f],
						curve[c], true),
			    good(INNER_R_MESSAGE_1, form[f], curve[c], true),
			    good(INNER_R_MESSAGE_1, form[f], curve[c], false),
			    good(INNER_R_MESSAGE_2, form[f], curve[c], true),
			    good(INNER_ESK, form[f], curve[c], false)};

			for (size_t i = 0; i < 5; i++)
				fn(&s[i]);
		}
}

static void
assert_point(const struct inner_point *p, bool there, uint8_t curve,
    uint8_t fill, const struct shape *s)
{
	assert_int_equal(p->there, there);
	if (!there)
		return;
	assert_int_equal(p->curve, curve);
	assert_int_equal(p->octets.left, point_len(curve));
	assert_int_equal(p->octets.p[0], 4);
	for (size_t i = 1; i < p->octets.left; i++)
		assert_int_equal(p->octets.p[i], fill);
	assert_int_equal(p->mki.left, s->kv == 1 ? s->kv_len : 0);
	for (size_t i = 0; i < p->mki.left; i++)
		assert_int_equal(p->mki.p[i], fill);
}

static void
parses_by_its_fields(struct shape *s)
{
	uint8_t b[2048];
	const size_t len = build(s, b, sizeof(b));
	struct inner in;
	struct rd r;

	rd_init(&r, b, len);
	assert_int_equal(inner_parse(r, s->kind, &in), ERR_OK);
	assert_true(rd_is(&in.idri, WHO, strlen(WHO)));
	if (s->kind == INNER_I_MESSAGE_1 || s->kind == INNER_R_MESSAGE_1)
		assert_true(rd_is(&in.idrr, WHOM, strlen(WHOM)));
	else
		assert_int_equal(in.idrr.left, 0);
	assert_point(&in.ecc_i, s->has_ecc_i, s->curve_i, 'i', s);
	assert_point(&in.ecc_r, s->kind == INNER_R_MESSAGE_1, s->curve_r, 'r',
	    s);
	assert_int_equal(in.sk.left, s->kind == INNER_ESK ? 16 : 0);
	for (size_t i = 0; i < in.sk.left; i++)
		assert_int_equal(in.sk.p[i], 0x5c);
	/* Views, not copies. */
	assert_true(in.idri.p > b && in.idri.p < b + len);
}

static void
good_plaintexts_parse_in_both_forms(void **state)
{
	(void)state;
	each_good(parses_by_its_fields);
}

static void
prefixes_and_trailers(struct shape *s)
{
	uint8_t b[2048];
	size_t len = build(s, b, sizeof(b));

	for (size_t n = 0; n < len; n++)
		assert_int_equal(parse_octets(b, n, s->kind), ERR_MALFORMED);
	for (unsigned v = 0; v < 256; v += 15) {
		b[len] = (uint8_t)v;
		assert_int_equal(parse_octets(b, len + 1, s->kind),
		    ERR_MALFORMED);
	}
}

static void
every_prefix_and_a_trailing_octet_are_malformed(void **state)
{
	(void)state;
	each_good(prefixes_and_trailers);
}

static void
is_no_other_kind(struct shape *s)
{
	uint8_t b[2048];
	const size_t len = build(s, b, sizeof(b));

	for (int k = INNER_I_MESSAGE_1; k <= INNER_ESK; k++)
		if (k != (int)s->kind)
			assert_int_equal(parse_octets(b, len,
					     (enum inner_kind)k),
			    ERR_MALFORMED);
}

static void
a_plaintext_is_of_its_kind_only(void **state)
{
	(void)state;
	each_good(is_no_other_kind);
}

/* With IDR the roles are 1, then 2. */
static void
roles_are_checked(struct shape *s)
{
	const struct shape was = *s;

	if (s->form != IDR)
		return;
	for (unsigned v = 0; v < 256; v++) {
		*s = was;
		s->role_i = (uint8_t)v;
		assert_int_equal(parse(s), v == 1 ? ERR_OK : ERR_MALFORMED);
		if (s->kind == INNER_R_MESSAGE_2 || s->kind == INNER_ESK)
			continue;
		*s = was;
		s->role_r = (uint8_t)v;
		assert_int_equal(parse(s), v == 2 ? ERR_OK : ERR_MALFORMED);
	}
}

static void
other_roles_are_malformed(void **state)
{
	(void)state;
	each_good(roles_are_checked);
}

static void
identities_are_uris_and_not_empty(struct shape *s)
{
	const struct shape was = *s;

	for (unsigned v = 0; v < 256; v++) {
		s->id_type = (uint8_t)v;
		assert_int_equal(parse(s), v == 1 ? ERR_OK : ERR_MALFORMED);
	}
	*s = was;
	s->who = "";
	assert_int_equal(parse(s), ERR_MALFORMED);
	if (s->kind == INNER_R_MESSAGE_2 || s->kind == INNER_ESK)
		return;
	*s = was;
	s->whom = "";
	assert_int_equal(parse(s), ERR_MALFORMED);
}

static void
other_id_types_and_empty_identities_are_malformed(void **state)
{
	(void)state;
	each_good(identities_are_uris_and_not_empty);
}

/* Read as a point, what is no point may have a curve that is not served. */
static void
wrong_next(struct shape *s, uint8_t *field)
{
	const uint8_t was = *field;

	for (unsigned v = 0; v < 256; v++) {
		*field = (uint8_t)v;
		if (v == ECCPT && v != was)
			assert_int_not_equal(parse(s), ERR_OK);
		else
			assert_int_equal(parse(s),
			    v == was ? ERR_OK : ERR_MALFORMED);
	}
	*field = was;
}

static void
the_chain_is_checked(struct shape *s)
{
	wrong_next(s, &s->next_who);
	if (s->kind == INNER_ESK) {
		wrong_next(s, &s->next_sk);
		return;
	}
	if (s->has_ecc_i)
		wrong_next(s, &s->next_ecc_i);
	if (s->kind != INNER_R_MESSAGE_2)
		wrong_next(s, &s->next_whom);
	if (s->kind == INNER_R_MESSAGE_1)
		wrong_next(s, &s->next_ecc_r);
}

static void
a_wrong_next_payload_is_malformed(void **state)
{
	(void)state;
	each_good(the_chain_is_checked);
}

static void
only_r_message_1_may_lack_the_initiators_point(void **state)
{
	static const uint8_t form[] = {IDR, ID};

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct shape s = good(INNER_R_MESSAGE_1, form[f], 8, false);

		assert_int_equal(parse(&s), ERR_OK);
		s = good(INNER_I_MESSAGE_1, form[f], 8, true);
		s.has_ecc_i = false;
		s.next_who = form[f];
		assert_int_equal(parse(&s), ERR_MALFORMED);
		s = good(INNER_R_MESSAGE_2, form[f], 8, true);
		s.has_ecc_i = false;
		s.next_who = NONE;
		assert_int_equal(parse(&s), ERR_MALFORMED);
	}
}

static void
padding_is_zero(struct shape *s)
{
	if (s->kind == INNER_ESK)
		return;
	for (unsigned v = 1; v < 256; v++) {
		s->pad = (uint8_t)v;
		assert_int_equal(parse(s), ERR_MALFORMED);
	}
}

static void
padding_other_than_zero_is_malformed(void **state)
{
	(void)state;
	each_good(padding_is_zero);
}

static void
auth_and_tgk_len_say_nothing(struct shape *s)
{
	s->auth_alg = 0xff;
	s->tgk_len = 0xffff;
	parses_by_its_fields(s);
}

static void
auth_alg_and_tgk_len_are_ignored(void **state)
{
	(void)state;
	each_good(auth_and_tgk_len_say_nothing);
}

static void
validities(struct shape *s)
{
	static const uint8_t len[] = {0, 1, 4, 255};

	for (s->kv = 0; s->kv < 3; s->kv++)
		for (size_t i = 0; i < sizeof(len); i++) {
			uint8_t b[2048];
			size_t n;

			s->kv_len = len[i];
			parses_by_its_fields(s);
			n = build(s, b, sizeof(b));
			for (size_t j = 0; j < n; j++)
				assert_int_equal(parse_octets(b, j, s->kind),
				    ERR_MALFORMED);
		}
	for (s->kv = 3; s->kv < 16; s->kv++)
		assert_int_equal(parse(s), ERR_MALFORMED);
}

static void
validity_is_null_spi_or_interval(void **state)
{
	(void)state;
	each_good(validities);
}

/* A point of such a curve has no length we know; here that of P-256. */
static void
curves_not_served(struct shape *s)
{
	uint8_t b[2048];
	size_t len;

	if (s->kind == INNER_ESK || s->form != IDR || s->curve_i != 8)
		return;
	len = build(s, b, sizeof(b));
	for (size_t i = 0; i + 2 < len; i++) {
		if (b[i] != 8 || b[i + 1] != 4 ||
		    (b[i + 2] != 'i' && b[i + 2] != 'r'))
			continue; /* no curve stands here */
		for (unsigned v = 0; v < 256; v++) {
			if (v == 8 || v == 11 || v == 14)
				continue;
			b[i] = (uint8_t)v;
			assert_int_equal(parse_octets(b, len, s->kind),
			    ERR_UNSUPPORTED);
		}
		b[i] = 8;
	}
}

static void
a_curve_that_is_not_served_is_unsupported(void **state)
{
	(void)state;
	each_good(curves_not_served);
}

static void
two_curves_in_one_envelope_parse(void **state)
{
	struct shape s = good(INNER_R_MESSAGE_1, IDR, 8, true);

	(void)state;
	s.curve_r = 14; /* that they differ is judged elsewhere */
	parses_by_its_fields(&s);
}

static void
a_point_of_another_curve_does_not_fit(struct shape *s)
{
	static const uint8_t curve[] = {8, 11, 14};
	uint8_t b[2048];
	size_t len, at;

	if (s->kind == INNER_ESK)
		return;
	len = build(s, b, sizeof(b));
	for (at = 0; b[at] != s->curve_i || b[at + 1] != 4; at++)
		assert_true(at + 2 < len);
	for (size_t i = 0; i < 3; i++)
		if (curve[i] != s->curve_i) {
			b[at] = curve[i];
			assert_int_equal(parse_octets(b, len, s->kind),
			    ERR_MALFORMED);
		}
}

static void
a_point_has_the_length_of_its_curve(void **state)
{
	(void)state;
	each_good(a_point_of_another_curve_does_not_fit);
}

static void
sk_is_of_type_1_and_128_bit(void **state)
{
	static const uint8_t form[] = {IDR, ID};

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct shape s = good(INNER_ESK, form[f], 8, false);

		for (s.sk_type = 0; s.sk_type < 16; s.sk_type++)
			assert_int_equal(parse(&s),
			    s.sk_type == 1 ? ERR_OK : ERR_MALFORMED);
		s.sk_type = 1;
		for (unsigned n = 0; n < 256; n++) {
			s.sk_len = (uint8_t)n;
			assert_int_equal(parse(&s),
			    n == 16 ? ERR_OK : ERR_MALFORMED);
		}
	}
}

/*
 * The ID form of an identity of 256 to 511 octets begins like an IDR of role
 * 1 and type 1; it does not fit to the last octet, so it is read as ID.
 */
static void
an_id_that_looks_like_an_idr_at_first_is_read_as_id(void **state)
{
	static char long_id[512];
	struct shape s = good(INNER_R_MESSAGE_1, ID, 8, true);
	uint8_t b[2048];
	struct inner in;
	struct rd r;

	(void)state;
	for (size_t n = 255; n < 512; n++) {
		memset(long_id, 'x', n);
		long_id[n] = '\0';
		s.who = long_id;
		rd_init(&r, b, build(&s, b, sizeof(b)));
		assert_int_equal(inner_parse(r, s.kind, &in), ERR_OK);
		assert_true(rd_is(&in.idri, long_id, n));
	}
}

static void
the_second_identity_may_be_of_the_other_form(void **state)
{
	static const uint8_t form[] = {IDR, ID};

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct shape s = good(INNER_I_MESSAGE_1, form[f], 8, true);

		s.form2 = form[1 - f];
		s.next_ecc_i = form[1 - f];
		parses_by_its_fields(&s);
		s = good(INNER_R_MESSAGE_1, form[f], 8, false);
		s.form2 = form[1 - f];
		s.next_who = form[1 - f];
		parses_by_its_fields(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_plaintexts_parse_in_both_forms),
	    cmocka_unit_test(every_prefix_and_a_trailing_octet_are_malformed),
	    cmocka_unit_test(a_plaintext_is_of_its_kind_only),
	    cmocka_unit_test(other_roles_are_malformed),
	    cmocka_unit_test(other_id_types_and_empty_identities_are_malformed),
	    cmocka_unit_test(a_wrong_next_payload_is_malformed),
	    cmocka_unit_test(only_r_message_1_may_lack_the_initiators_point),
	    cmocka_unit_test(padding_other_than_zero_is_malformed),
	    cmocka_unit_test(auth_alg_and_tgk_len_are_ignored),
	    cmocka_unit_test(validity_is_null_spi_or_interval),
	    cmocka_unit_test(a_curve_that_is_not_served_is_unsupported),
	    cmocka_unit_test(two_curves_in_one_envelope_parse),
	    cmocka_unit_test(a_point_has_the_length_of_its_curve),
	    cmocka_unit_test(sk_is_of_type_1_and_128_bit),
	    cmocka_unit_test(
		an_id_that_looks_like_an_idr_at_first_is_read_as_id),
	    cmocka_unit_test(the_second_identity_may_be_of_the_other_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
