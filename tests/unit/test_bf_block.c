/*
 * bf_block: the envelopes of the vectors, and DER that is none: built element
 * by element, one of them wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "xk/bf_block.h"
#include "xk/mikey.h"

/* How the length of an element is written; all but the first are BER. */
enum form { SHORTEST, LONG_1, LONG_2, LONG_3, LONG_4, INDEFINITE, FORM__MAX };

enum part { BLOCK, VERSION, POINT, X, Y, V, W, PART__MAX };

struct element {
	uint8_t tag;
	enum form form;
	const uint8_t *p; /* of a SEQUENCE: what stands behind its elements */
	size_t len;
	bool left_out;
};

struct shape {
	struct element e[PART__MAX];
};

static const uint8_t two[] = {2}, x_value[] = {0x00, 0x80, 1, 2},
		     y_value[] = {0x7f, 3}, v_value[20] = {1},
		     w_value[130] = {2};

static struct shape
good(void)
{
	struct shape s = {.e = {
			      [BLOCK] = {.tag = 0x30},
			      [VERSION] = {.tag = 2, .p = two, .len = 1},
			      [POINT] = {.tag = 0x30},
			      [X] = {.tag = 2, .p = x_value, .len = 4},
			      [Y] = {.tag = 2, .p = y_value, .len = 2},
			      [V] = {.tag = 4, .p = v_value, .len = 20},
			      [W] = {.tag = 4, .p = w_value, .len = 130},
			  }};

	return s;
}

static void
put(struct wr *w, const struct element *e, const uint8_t *content, size_t len)
{
	const size_t all = len + (e->tag == 0x30 ? e->len : 0);

	if (e->left_out)
		return;
	wr_u8(w, e->tag);
	switch (e->form) {
	case SHORTEST:
		if (all < 128) {
			wr_u8(w, (uint8_t)all);
		} else if (all < 256) {
			wr_u8(w, 0x81);
			wr_u8(w, (uint8_t)all);
		} else {
			wr_u8(w, 0x82);
			wr_u16(w, (uint16_t)all);
		}
		break;
	case LONG_1:
		wr_u8(w, 0x81);
		wr_u8(w, (uint8_t)all);
		break;
	case LONG_2:
		wr_u8(w, 0x82);
		wr_u16(w, (uint16_t)all);
		break;
	case LONG_3:
		wr_u8(w, 0x83);
		wr_u8(w, 0);
		wr_u16(w, (uint16_t)all);
		break;
	case LONG_4:
		wr_u8(w, 0x84);
		wr_u32(w, (uint32_t)all);
		break;
	case INDEFINITE:
		wr_u8(w, 0x80);
		break;
	case FORM__MAX:
		fail();
	}
	wr_copy(w, content, len);
	if (e->tag == 0x30)
		wr_copy(w, e->p, e->len);
	if (e->form == INDEFINITE)
		wr_u16(w, 0);
}

static uint8_t built[70000];

static size_t
build(const struct shape *s)
{
	static uint8_t point[4096], block[70000];
	struct wr wp, wb, w;
	size_t len;

	wr_init(&wp, point, sizeof(point));
	put(&wp, &s->e[X], s->e[X].p, s->e[X].len);
	put(&wp, &s->e[Y], s->e[Y].p, s->e[Y].len);
	wr_init(&wb, block, sizeof(block));
	put(&wb, &s->e[VERSION], s->e[VERSION].p, s->e[VERSION].len);
	put(&wb, &s->e[POINT], point, wp.len);
	put(&wb, &s->e[V], s->e[V].p, s->e[V].len);
	put(&wb, &s->e[W], s->e[W].p, s->e[W].len);
	wr_init(&w, built, sizeof(built));
	put(&w, &s->e[BLOCK], block, wb.len);
	assert_int_equal(wp.rc, ERR_OK);
	assert_int_equal(wb.rc, ERR_OK);
	assert_int_equal(wr_finish(&w, &len), ERR_OK);
	return len;
}

/* In memory of its own length; nothing is changed unless it parses. */
static enum err
parse_octets(const uint8_t *p, size_t len)
{
	static const uint8_t mark;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct rd r, out[4];
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	rd_init(&r, copy, len);
	for (size_t i = 0; i < 4; i++)
		rd_init(&out[i], &mark, 99);
	rc = bf_block_parse(r, &out[0], &out[1], &out[2], &out[3]);
	for (size_t i = 0; i < 4 && rc != ERR_OK; i++) {
		assert_ptr_equal(out[i].p, &mark);
		assert_int_equal(out[i].left, 99);
	}
	free(copy);
	return rc;
}

static enum err
parse(const struct shape *s)
{
	const size_t len = build(s);

	return parse_octets(built, len);
}

/* ---- the vectors ---- */

typedef void envelope_fn(const uint8_t *msg, size_t msg_len,
    const struct mikey_envelope *);

static unsigned
each_envelope(envelope_fn *fn)
{
	static const char *const name[] = {"iMessage1", "rMessage1",
	    "iMessage2", "rMessage2"};
	json_t *file = vectors("exchanges.json"), *e;
	struct mikey_msg m;
	unsigned n = 0;
	struct rd r;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e)
		for (int k = 0; k < 4; k++) {
			size_t len;
			uint8_t *p = octets(e, name[k], &len);

			rd_init(&r, p, len);
			assert_int_equal(mikey_parse(r, (enum mikey_kind)k, &m),
			    ERR_OK);
			if (m.ibake.there) {
				fn(p, len, &m.ibake);
				n++;
			}
			if (m.esk.there) {
				fn(p, len, &m.esk);
				n++;
			}
			free(p);
		}
	json_decref(file);
	return n;
}

/* The coordinate as an INTEGER's contents. */
static void
set_integer(struct element *e, struct rd value, uint8_t buf[80])
{
	const bool high = value.left > 0 && (value.p[0] & 0x80) != 0;

	assert_true(value.left > 0 && value.left < 80);
	buf[0] = 0;
	memcpy(buf + (high ? 1 : 0), value.p, value.left);
	e->p = buf;
	e->len = value.left + (high ? 1 : 0);
}

static size_t
rebuild(const struct mikey_envelope *env)
{
	uint8_t x[80], y[80];
	struct shape s = good();

	set_integer(&s.e[X], env->u_x, x);
	set_integer(&s.e[Y], env->u_y, y);
	s.e[V].p = env->v.p;
	s.e[V].len = env->v.left;
	s.e[W].p = env->w.p;
	s.e[W].len = env->w.left;
	return build(&s);
}

static void
fields_are_those_of_the_message(const uint8_t *msg, size_t msg_len,
    const struct mikey_envelope *env)
{
	size_t len;

	assert_true(env->sound);
	assert_int_equal(env->v.left, 20);
	assert_true(env->u_x.left <= 64 && env->u_x.p[0] != 0);
	assert_true(env->u_y.left <= 64 && env->u_y.p[0] != 0);
	len = rebuild(env);
	assert_non_null(memmem(msg, msg_len, built, len));
	assert_int_equal(parse_octets(built, len), ERR_OK);
}

static void
envelopes_of_the_vectors_parse_to_their_fields(void **state)
{
	(void)state;
	assert_true(each_envelope(fields_are_those_of_the_message) >= 36);
}

static void
prefixes_and_trailers(const uint8_t *msg, size_t msg_len,
    const struct mikey_envelope *env)
{
	const size_t len = rebuild(env);

	(void)msg;
	(void)msg_len;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(parse_octets(built, n), ERR_MALFORMED);
	for (unsigned b = 0; b < 256; b += 51) {
		built[len] = (uint8_t)b;
		assert_int_equal(parse_octets(built, len + 1), ERR_MALFORMED);
	}
}

static void
every_prefix_and_a_trailing_octet_are_malformed(void **state)
{
	(void)state;
	assert_true(each_envelope(prefixes_and_trailers) > 0);
}

/* ---- by hand ---- */

static void
the_fields_come_without_a_leading_zero(void **state)
{
	struct shape s = good();
	struct rd r, x, y, v, w;
	size_t len;

	(void)state;
	len = build(&s);
	rd_init(&r, built, len);
	assert_int_equal(bf_block_parse(r, &x, &y, &v, &w), ERR_OK);
	assert_true(rd_is(&x, "\x80\1\2", 3));
	assert_true(rd_is(&y, "\x7f\3", 2));
	assert_true(rd_is(&v, v_value, 20));
	assert_true(rd_is(&w, w_value, 130));
	assert_true(x.p > built && w.p + w.left == built + len);
}

static void
any_other_tag_is_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < PART__MAX; i++)
		for (unsigned t = 0; t < 256; t++) {
			struct shape s = good();
			const uint8_t was = s.e[i].tag;

			if (t == was || t == 0x30)
				continue;
			s.e[i].tag = (uint8_t)t;
			assert_int_equal(parse(&s), ERR_MALFORMED);
		}
}

static void
any_other_length_than_the_shortest_is_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < PART__MAX; i++)
		for (int f = LONG_1; f < FORM__MAX; f++) {
			struct shape s = good();

			/* These two have 128 to 255 octets. */
			if (f == LONG_1 && (i == BLOCK || i == W))
				continue;
			s.e[i].form = (enum form)f;
			assert_int_equal(parse(&s), ERR_MALFORMED);
		}
}

static void
a_missing_element_is_malformed(void **state)
{
	(void)state;
	for (int i = 0; i < PART__MAX; i++) {
		struct shape s = good();

		s.e[i].left_out = true;
		assert_int_equal(parse(&s), ERR_MALFORMED);
	}
}

static void
one_more_element_is_malformed(void **state)
{
	static const uint8_t more[][3] = {{2, 1, 5}, {4, 1, 5}, {5, 0, 0}};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t len = 1; len <= 3; len++) {
			struct shape s = good();

			s.e[BLOCK].p = more[i];
			s.e[BLOCK].len = len;
			assert_int_equal(parse(&s), ERR_MALFORMED);
			s = good();
			s.e[POINT].p = more[i];
			s.e[POINT].len = len;
			assert_int_equal(parse(&s), ERR_MALFORMED);
		}
}

static void
only_version_2_parses(void **state)
{
	static const uint8_t wide[] = {0, 2};

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t version = (uint8_t)v;
		struct shape s = good();

		s.e[VERSION].p = &version;
		assert_int_equal(parse(&s), v == 2 ? ERR_OK : ERR_MALFORMED);
		s.e[VERSION].len = 0;
		assert_int_equal(parse(&s), ERR_MALFORMED);
	}
	struct shape s = good();

	s.e[VERSION].p = wide;
	s.e[VERSION].len = 2;
	assert_int_equal(parse(&s), ERR_MALFORMED);
}

static void
integers_are_shortest_and_not_negative(void **state)
{
	static const struct {
		uint8_t v[4];
		size_t len;
		bool good;
	} k[] = {
	    {{0}, 0, false},
	    {{0x01}, 1, true},
	    {{0x7f}, 1, true},
	    {{0x80}, 1, false},
	    {{0xff}, 1, false},
	    {{0xff, 0x7f}, 2, false},
	    {{0x80, 0}, 2, false},
	    {{0x00, 0x80}, 2, true},
	    {{0x00, 0xff}, 2, true},
	    {{0x00, 0x7f}, 2, false},
	    {{0x00, 0x00}, 2, false},
	    {{0x00, 0x00, 0x80}, 3, false},
	    {{0x7f, 0, 0, 0}, 4, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++)
		for (int at = X; at <= Y; at++) {
			struct shape s = good();

			s.e[at].p = k[i].v;
			s.e[at].len = k[i].len;
			assert_int_equal(parse(&s),
			    k[i].good ? ERR_OK : ERR_MALFORMED);
		}
}

/* Whether v and w can be right is for who knows the parameters. */
static void
octet_strings_of_any_length_parse(void **state)
{
	static const size_t len[] = {0, 1, 127, 128, 129, 255, 256, 257, 65000};
	static uint8_t zeros[65000];

	(void)state;
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		struct shape s = good();

		s.e[W].p = zeros;
		s.e[W].len = len[i];
		assert_int_equal(parse(&s), ERR_OK);
		s = good();
		s.e[V].p = zeros;
		s.e[V].len = len[i];
		assert_int_equal(parse(&s), ERR_OK);
	}
}

static void
a_constructed_octet_string_is_malformed(void **state)
{
	static const uint8_t inside[] = {4, 2, 'a', 'b'};
	struct shape s = good();

	(void)state;
	s.e[W].tag = 0x24;
	s.e[W].p = inside;
	s.e[W].len = sizeof(inside);
	assert_int_equal(parse(&s), ERR_MALFORMED);
}

static void
nothing_and_an_empty_sequence_are_malformed(void **state)
{
	(void)state;
	assert_int_equal(parse_octets(NULL, 0), ERR_MALFORMED);
	assert_int_equal(parse_octets((const uint8_t *)"\x30\0", 2),
	    ERR_MALFORMED);
	assert_int_equal(parse_octets((const uint8_t *)"\x30\x80\0\0", 4),
	    ERR_MALFORMED);
	assert_int_equal(parse_octets((const uint8_t *)"\x30\xff", 2),
	    ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(envelopes_of_the_vectors_parse_to_their_fields),
	    cmocka_unit_test(every_prefix_and_a_trailing_octet_are_malformed),
	    cmocka_unit_test(the_fields_come_without_a_leading_zero),
	    cmocka_unit_test(any_other_tag_is_malformed),
	    cmocka_unit_test(any_other_length_than_the_shortest_is_malformed),
	    cmocka_unit_test(a_missing_element_is_malformed),
	    cmocka_unit_test(one_more_element_is_malformed),
	    cmocka_unit_test(only_version_2_parses),
	    cmocka_unit_test(integers_are_shortest_and_not_negative),
	    cmocka_unit_test(octet_strings_of_any_length_parse),
	    cmocka_unit_test(a_constructed_octet_string_is_malformed),
	    cmocka_unit_test(nothing_and_an_empty_sequence_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
