/*
 * mikey: the messages of the vectors by their fields, then messages built by
 * hand with one thing wrong at a time.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "help.h"
#include "xk/mikey.h"

#define CSB 0xc0ffee01U
#define STAMP 0xe98b98f6b9d891b2ULL
#define WHO "sip:alice@example.com"
#define WHOM "tel:+15550100"

/* ---- the vectors ---- */

static const char *const kind_name[MIKEY_KIND__MAX] = {"iMessage1", "rMessage1",
    "iMessage2", "rMessage2", "iMessage1", "rMessage1"};

/* One message of one exchange with the exchange it stands in. */
struct sample {
	const json_t *exchange, *of; /* the exchange, or its update */
	enum mikey_kind kind;
	uint8_t *octets;
	size_t len;
};

typedef void sample_fn(const struct sample *);

static bool
is_update(enum mikey_kind k)
{
	return k == MIKEY_UPDATE_I_MESSAGE_1 || k == MIKEY_UPDATE_R_MESSAGE_1;
}

static bool
has_v(enum mikey_kind k)
{
	return k == MIKEY_R_MESSAGE_2 || k == MIKEY_UPDATE_R_MESSAGE_1;
}

static unsigned
each_sample(sample_fn *fn)
{
	json_t *file = vectors("exchanges.json"), *e;
	unsigned n = 0;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e) {
		for (int k = 0; k < MIKEY_KIND__MAX; k++) {
			struct sample s = {e, e, (enum mikey_kind)k, NULL, 0};

			if (is_update(s.kind) &&
			    (s.of = json_object_get(e, "update")) == NULL)
				continue;
			s.octets = octets(s.of, kind_name[k], &s.len);
			fn(&s);
			free(s.octets);
			n++;
		}
	}
	json_decref(file);
	return n;
}

static enum err
parse(const void *p, size_t len, enum mikey_kind kind, struct mikey_msg *m)
{
	struct rd r;

	rd_init(&r, p, len);
	return mikey_parse(r, kind, m);
}

static void
assert_text(struct rd got, const char *want)
{
	if (!rd_is(&got, want, strlen(want)))
		fail_msg("not \"%s\"", want);
}

static void
assert_hex(struct rd got, const json_t *o, const char *name)
{
	size_t len;
	uint8_t *want = octets(o, name, &len);

	assert_true(rd_is(&got, want, len));
	free(want);
}

/* The time of the exchange's messages: t1, t2, or the update's own. */
static const json_t *
time_of(const struct sample *s)
{
	if (is_update(s->kind))
		return member(s->of, "t");
	return member(s->exchange,
	    s->kind == MIKEY_I_MESSAGE_1 || s->kind == MIKEY_R_MESSAGE_1
		? "t1"
		: "t2");
}

static void
assert_ids(const struct sample *s, const struct mikey_msg *m)
{
	const char *caller = text(member(s->exchange, "initiator"), "identity");
	const char *callee =
	    text(member(s->exchange,
		     s->kind == MIKEY_I_MESSAGE_1 ? "intended" : "answering"),
		"identity");

	if (is_update(s->kind)) {
		assert_int_equal(m->idri.there,
		    json_is_true(member(s->of, "idsPresent")));
		assert_int_equal(m->idrr.there, m->idri.there);
		if (!m->idri.there)
			return;
		if (strcmp(text(s->of, "startedBy"), "responder") == 0) {
			assert_text(m->idri.data, callee);
			assert_text(m->idrr.data, caller);
			return;
		}
	}
	if (s->kind != MIKEY_R_MESSAGE_2) {
		assert_true(m->idri.there);
		assert_true(m->idrr.there);
	}
	if (m->idri.there)
		assert_text(m->idri.data, caller);
	if (m->idrr.there)
		assert_text(m->idrr.data, callee);
}

/* The map stands behind the ten octets of the header: RFC 3830 clause 6.1. */
static void
assert_map(const struct sample *s, const struct mikey_msg *m)
{
	uint32_t ssrc, roc;
	uint8_t no;
	struct rd r;

	rd_init(&r, s->octets + 10, s->len - 10);
	for (unsigned i = 0; i < m->n_cs; i++) {
		assert_int_equal(rd_u8(&r, &no), ERR_OK);
		assert_int_equal(rd_u32(&r, &ssrc), ERR_OK);
		assert_int_equal(rd_u32(&r, &roc), ERR_OK);
		assert_int_equal(m->cs[i].policy_no, no);
		assert_int_equal(m->cs[i].ssrc, ssrc);
		assert_int_equal(m->cs[i].roc, roc);
	}
}

static void
assert_v(const struct sample *s, const struct mikey_msg *m)
{
	const size_t mac = m->prf == MIKEY_PRF_SHA1 ? 20 : 32;

	assert_int_equal(m->v.there, has_v(s->kind));
	if (!m->v.there)
		return;
	assert_int_equal(m->v.alg, m->prf + 1);
	assert_true(rd_is(&m->v.mac, s->octets + s->len - mac, mac));
	assert_ptr_equal(m->v.covered.p, s->octets);
	assert_int_equal(m->v.covered.left, s->len - mac);
}

static void
parses_with_its_values(const struct sample *s)
{
	const json_t *t = time_of(s);
	struct mikey_msg m;
	uint8_t c[8];
	uint64_t ts;
	size_t len;
	uint8_t *u;
	struct rd r;

	assert_int_equal(parse(s->octets, s->len, s->kind, &m), ERR_OK);
	assert_true(m.there);
	assert_int_equal(m.kind, s->kind);
	assert_int_equal(m.csb_id, number(s->exchange, "csbId"));
	assert_int_equal(m.prf, number(s->exchange, "prf"));
	assert_int_equal(m.n_cs, number(s->exchange, "nCs"));
	assert_map(s, &m);
	assert_int_equal(m.ts_type, number(t, "type"));
	u = octets(t, "C", &len);
	assert_int_equal(len, sizeof(c));
	rd_init(&r, u, len);
	assert_int_equal(rd_u64(&r, &ts), ERR_OK);
	free(u);
	assert_true(m.ts == ts);
	if (s->kind == MIKEY_I_MESSAGE_1 || s->kind == MIKEY_I_MESSAGE_2)
		assert_hex(m.rand, s->exchange, "rand");
	else
		assert_int_equal(m.rand.left, 0);
	assert_ids(s, &m);
	if (s->kind != MIKEY_R_MESSAGE_2)
		assert_true(m.ibake.there);
	if (m.ibake.there)
		assert_true(m.ibake.sound);
	if (m.esk.there)
		assert_true(m.esk.sound);
	assert_v(s, &m);
}

static void
every_message_of_the_vectors_parses_with_its_values(void **state)
{
	(void)state;
	assert_true(each_sample(parses_with_its_values) >= 12 * 4 + 4 * 2);
}

/*
 * Behind the algorithm of a V payload everything is MAC, so a cut there is a
 * MAC of another length, which is judged later.
 */
static void
prefixes_are_malformed(const struct sample *s)
{
	struct mikey_msg m;
	size_t whole = s->len;

	assert_int_equal(parse(s->octets, s->len, s->kind, &m), ERR_OK);
	if (m.v.there)
		whole = m.v.covered.left;
	for (size_t n = 0; n < s->len; n++) {
		uint8_t *cut = malloc(n > 0 ? n : 1);
		enum err rc;

		assert_non_null(cut);
		memcpy(cut, s->octets, n);
		rc = parse(cut, n, s->kind, &m);
		if (n < whole) {
			assert_int_equal(rc, ERR_MALFORMED);
		} else {
			assert_int_equal(rc, ERR_OK);
			assert_int_equal(m.v.mac.left, n - whole);
		}
		free(cut);
	}
}

static void
every_prefix_of_a_message_is_malformed(void **state)
{
	(void)state;
	assert_true(each_sample(prefixes_are_malformed) > 0);
}

static void
trailing_is_malformed(const struct sample *s)
{
	uint8_t *more = malloc(s->len + 1);
	struct mikey_msg m;

	assert_non_null(more);
	for (unsigned b = 0; b < 256; b += 51) {
		memcpy(more, s->octets, s->len);
		more[s->len] = (uint8_t)b;
		assert_int_equal(parse(more, s->len + 1, s->kind, &m),
		    has_v(s->kind) ? ERR_OK : ERR_MALFORMED);
		if (has_v(s->kind))
			assert_int_equal(m.v.mac.left,
			    m.prf == MIKEY_PRF_SHA1 ? 21 : 33);
	}
	free(more);
}

static void
a_trailing_octet_is_malformed(void **state)
{
	(void)state;
	assert_true(each_sample(trailing_is_malformed) > 0);
}

/* A message is only what it was expected to be. */
static void
another_data_type_is_malformed(const struct sample *s)
{
	struct mikey_msg m;

	for (unsigned t = 0; t < 256; t++) {
		const uint8_t was = s->octets[1];

		s->octets[1] = (uint8_t)t;
		if (t != was)
			assert_int_equal(parse(s->octets, s->len, s->kind, &m),
			    ERR_MALFORMED);
		s->octets[1] = was;
	}
}

static void
a_wrong_data_type_is_malformed(void **state)
{
	(void)state;
	assert_true(each_sample(another_data_type_is_malformed) > 0);
}

/* ---- messages by hand ---- */

struct made {
	uint8_t b[MAX_MIKEY + 4096];
	struct wr w;
	size_t next_at; /* where the number of the next payload goes */
};

static const uint8_t data_type[MIKEY_KIND__MAX] = {22, 23, 24, 25, 22, 23};

static void
header(struct made *m, enum mikey_kind kind, uint8_t prf, uint8_t n_cs)
{
	wr_init(&m->w, m->b, sizeof(m->b));
	wr_u8(&m->w, 1);
	wr_u8(&m->w, data_type[kind]);
	m->next_at = m->w.len;
	wr_u8(&m->w, 0);
	wr_u8(&m->w, 0x80 | prf);
	wr_u32(&m->w, CSB);
	wr_u8(&m->w, n_cs);
	wr_u8(&m->w, 0);
	for (unsigned i = 0; i < n_cs; i++) {
		wr_u8(&m->w, (uint8_t)(i + 7));
		wr_u32(&m->w, 0x01000000U * i + 3);
		wr_u32(&m->w, i);
	}
}

static void
begin(struct made *m, uint8_t payload)
{
	m->b[m->next_at] = payload;
	m->next_at = m->w.len;
	wr_u8(&m->w, 0);
}

static void
put_t(struct made *m, uint8_t type)
{
	begin(m, 5);
	wr_u8(&m->w, type);
	if (type == 2 || type == 3)
		wr_u32(&m->w, (uint32_t)(STAMP >> 32));
	else
		wr_u64(&m->w, STAMP);
}

static void
put_rand(struct made *m, uint8_t len)
{
	static const uint8_t fill[255] = {1, 2, 3};

	begin(m, 11);
	wr_view8(&m->w, fill, len);
}

static void
put_idr(struct made *m, uint8_t role, uint8_t type, const char *id)
{
	begin(m, 14);
	wr_u8(&m->w, role);
	wr_u8(&m->w, type);
	wr_view16(&m->w, id, strlen(id));
}

static void
put_sp(struct made *m, uint8_t no, uint8_t prot, const void *params, size_t len)
{
	begin(m, 10);
	wr_u8(&m->w, no);
	wr_u8(&m->w, prot);
	wr_view16(&m->w, params, len);
}

/* SEQUENCE { 2, SEQUENCE { 1, 5 }, 'v'H, 'w'H } */
static const uint8_t block[] = {0x30, 0x11, 2, 1, 2, 0x30, 6, 2, 1, 1, 2, 1, 5,
    4, 1, 'v', 4, 1, 'w'};

static void
put_envelope(struct made *m, uint8_t payload)
{
	begin(m, payload);
	wr_view16(&m->w, block, sizeof(block));
}

static void
put_v(struct made *m, uint8_t alg, size_t len)
{
	static const uint8_t fill[300];

	begin(m, 9);
	wr_u8(&m->w, alg);
	wr_copy(&m->w, fill, len);
}

static void
put_general(struct made *m, uint8_t type, size_t len)
{
	static const uint8_t fill[MAX_MIKEY];

	begin(m, 21);
	wr_u8(&m->w, type);
	wr_view16(&m->w, fill, len);
}

static void
put_letter(struct made *m, char letter)
{
	switch (letter) {
	case 'T':
		put_t(m, 0);
		break;
	case 'R':
		put_rand(m, 16);
		break;
	case 'i':
		put_idr(m, 1, 1, WHO);
		break;
	case 'r':
		put_idr(m, 2, 1, WHOM);
		break;
	case 'S':
		put_sp(m, 7, 0, NULL, 0);
		break;
	case 's':
		put_sp(m, 8, 0, NULL, 0);
		break;
	case 'B':
		put_envelope(m, 22);
		break;
	case 'E':
		put_envelope(m, 23);
		break;
	case 'V':
		put_v(m, 1, 20);
		break;
	case 'G':
		put_general(m, 1, 5);
		break;
	default:
		fail_msg("no payload %c", letter);
	}
}

static void
put_letters(struct made *m, const char *letters)
{
	for (; *letters != '\0'; letters++)
		put_letter(m, *letters);
}

/* Once in memory of just its length, so that reading on would be noticed. */
static enum err
parse_made(const struct made *m, enum mikey_kind kind, struct mikey_msg *out)
{
	uint8_t *p;
	size_t len;
	enum err rc;

	assert_int_equal(wr_finish(&m->w, &len), ERR_OK);
	p = malloc(len);
	assert_non_null(p);
	memcpy(p, m->b, len);
	rc = parse(p, len, kind, out);
	free(p);
	assert_int_equal(parse(m->b, len, kind, out), rc);
	return rc;
}

static enum err
parse_letters(enum mikey_kind kind, const char *letters)
{
	static struct made made;
	static struct mikey_msg m;

	header(&made, kind, 0, 1);
	put_letters(&made, letters);
	return parse_made(&made, kind, &m);
}

/* RFC 6267 clauses 4.2 and 5.3, with {SP} where the profile lets it stand. */
static const char order[] = "TRirSBEV";
static const struct {
	const char *must, *may;
} rule[MIKEY_KIND__MAX] = {
    [MIKEY_I_MESSAGE_1] = {"TRirB", "SE"},
    [MIKEY_R_MESSAGE_1] = {"TirB", "S"},
    [MIKEY_I_MESSAGE_2] = {"TRirB", "E"},
    [MIKEY_R_MESSAGE_2] = {"TV", "irB"},
    /* RAND is forbidden in an update, but that is no matter of parsing. */
    [MIKEY_UPDATE_I_MESSAGE_1] = {"T", "RirSB"},
    [MIKEY_UPDATE_R_MESSAGE_1] = {"TV", "RirSB"},
};

static bool
allowed(enum mikey_kind kind, const char *letters)
{
	for (const char *p = rule[kind].must; *p != '\0'; p++)
		if (strchr(letters, *p) == NULL)
			return false;
	for (; *letters != '\0'; letters++)
		if (strchr(rule[kind].must, *letters) == NULL &&
		    strchr(rule[kind].may, *letters) == NULL)
			return false;
	return true;
}

static void
subset(unsigned bits, char out[sizeof(order)])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(order) - 1; i++)
		if ((bits >> i & 1) != 0)
			out[n++] = order[i];
	out[n] = '\0';
}

static void
each_kind_has_its_mandatory_and_its_optional_payloads_only(void **state)
{
	char letters[sizeof(order)];

	(void)state;
	for (int k = 0; k < MIKEY_KIND__MAX; k++)
		for (unsigned bits = 0; bits < 256; bits++) {
			const enum mikey_kind kind = (enum mikey_kind)k;
			enum err rc;

			subset(bits, letters);
			rc = parse_letters(kind, letters);
			if (rc !=
			    (allowed(kind, letters) ? ERR_OK : ERR_MALFORMED))
				fail_msg("kind %d, %s: %s", k, letters,
				    err_str(rc));
		}
}

/* All orders of `rest` behind `done`; only the one that is sorted parses. */
static void
permute(enum mikey_kind kind, char *letters, size_t done, size_t n)
{
	bool sorted = true;
	enum err rc;

	if (done == n) {
		for (size_t i = 1; i < n; i++)
			sorted = sorted &&
			    strchr(order, letters[i - 1]) <
				strchr(order, letters[i]);
		rc = parse_letters(kind, letters);
		if (rc != (sorted ? ERR_OK : ERR_MALFORMED))
			fail_msg("kind %d, %s: %s", (int)kind, letters,
			    err_str(rc));
		return;
	}
	for (size_t i = done; i < n; i++) {
		const char t = letters[i];

		letters[i] = letters[done];
		letters[done] = t;
		permute(kind, letters, done + 1, n);
		letters[done] = letters[i];
		letters[i] = t;
	}
}

static void
payloads_in_any_other_order_are_malformed(void **state)
{
	char i1[] = "TRirSBE", r1[] = "TirSB", i2[] = "TRirBE", r2[] = "TirBV",
	     u1[] = "TirSB", u2[] = "TirSBV";

	(void)state;
	permute(MIKEY_I_MESSAGE_1, i1, 0, strlen(i1));
	permute(MIKEY_R_MESSAGE_1, r1, 0, strlen(r1));
	permute(MIKEY_I_MESSAGE_2, i2, 0, strlen(i2));
	permute(MIKEY_R_MESSAGE_2, r2, 0, strlen(r2));
	permute(MIKEY_UPDATE_I_MESSAGE_1, u1, 0, strlen(u1));
	permute(MIKEY_UPDATE_R_MESSAGE_1, u2, 0, strlen(u2));
}

static void
a_payload_that_comes_twice_is_malformed(void **state)
{
	(void)state;
	for (int k = 0; k < MIKEY_KIND__MAX; k++)
		for (unsigned bits = 0; bits < 256; bits++) {
			char letters[sizeof(order)], twice[sizeof(order) + 1];
			const enum mikey_kind kind = (enum mikey_kind)k;
			size_t n;

			subset(bits, letters);
			if (!allowed(kind, letters))
				continue;
			n = strlen(letters);
			for (size_t i = 0; i < n; i++) {
				memcpy(twice, letters, i + 1);
				memcpy(twice + i + 1, letters + i, n - i + 1);
				assert_int_equal(parse_letters(kind, twice),
				    ERR_MALFORMED);
			}
		}
}

static void
several_policies_stand_side_by_side(void **state)
{
	(void)state;
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRirSsB"), ERR_OK);
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRirsSBE"), ERR_OK);
	assert_int_equal(parse_letters(MIKEY_R_MESSAGE_1, "TirSsB"), ERR_OK);
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRirSBs"),
	    ERR_MALFORMED);
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRiSrsB"),
	    ERR_MALFORMED);
}

static void
a_general_extension_is_let_through_anywhere(void **state)
{
	static const struct {
		enum mikey_kind kind;
		const char *letters;
	} good[] = {
	    {MIKEY_I_MESSAGE_1, "TRirSBE"},
	    {MIKEY_R_MESSAGE_1, "TirSB"},
	    {MIKEY_I_MESSAGE_2, "TRirBE"},
	    {MIKEY_R_MESSAGE_2, "TirBV"},
	    {MIKEY_UPDATE_I_MESSAGE_1, "TirB"},
	    {MIKEY_UPDATE_R_MESSAGE_1, "TirBV"},
	};

	(void)state;
	for (size_t g = 0; g < sizeof(good) / sizeof(good[0]); g++) {
		const size_t n = strlen(good[g].letters);
		const size_t last = has_v(good[g].kind) ? n - 1 : n;
		char with[16];

		for (size_t at = 0; at <= last; at++) {
			memcpy(with, good[g].letters, at);
			memcpy(with + at, "GG", 2);
			memcpy(with + at + 2, good[g].letters + at, n - at + 1);
			if (parse_letters(good[g].kind, with) != ERR_OK)
				fail_msg("%s", with);
		}
	}
	/* V is last: RFC 6267 clause 4.2. */
	assert_int_equal(parse_letters(MIKEY_R_MESSAGE_2, "TVG"),
	    ERR_MALFORMED);
}

static void
an_unknown_payload_is_malformed_anywhere(void **state)
{
	static const uint8_t known[] = {0, 5, 9, 10, 11, 14, 21, 22, 23};
	static const uint8_t zeros[12];
	static struct made made;
	static struct mikey_msg m;
	const char *good = "TRirB";

	(void)state;
	for (unsigned t = 0; t < 256; t++) {
		if (memchr(known, (int)t, sizeof(known)) != NULL)
			continue;
		for (size_t at = 0; at <= strlen(good); at++) {
			header(&made, MIKEY_I_MESSAGE_1, 0, 1);
			for (size_t i = 0; i <= strlen(good); i++) {
				if (i == at) {
					begin(&made, (uint8_t)t);
					wr_copy(&made.w, zeros, sizeof(zeros));
				}
				if (i < strlen(good))
					put_letter(&made, good[i]);
			}
			assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1,
					     &m),
			    ERR_MALFORMED);
		}
	}
}

static void
the_header_must_be_right(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		header(&made, MIKEY_I_MESSAGE_1, 0, 1);
		put_letters(&made, "TRirB");
		made.b[0] = (uint8_t)v; /* version */
		assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
		    v == 1 ? ERR_OK : ERR_MALFORMED);
		made.b[0] = 1;
		made.b[9] = (uint8_t)v; /* CS ID map type */
		assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
		    v == 0 ? ERR_OK : ERR_MALFORMED);
	}
}

static void
no_crypto_session_is_malformed(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (int k = 0; k < MIKEY_KIND__MAX; k++) {
		header(&made, (enum mikey_kind)k, 0, 0);
		put_letters(&made, rule[k].must);
		assert_int_equal(parse_made(&made, (enum mikey_kind)k, &m),
		    ERR_MALFORMED);
	}
}

static void
as_many_crypto_sessions_as_the_octet_counts(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	header(&made, MIKEY_R_MESSAGE_1, 1, 255);
	put_letters(&made, "TirB");
	assert_int_equal(parse_made(&made, MIKEY_R_MESSAGE_1, &m), ERR_OK);
	assert_int_equal(m.n_cs, 255);
	for (unsigned i = 0; i < 255; i++) {
		assert_int_equal(m.cs[i].policy_no, (uint8_t)(i + 7));
		assert_int_equal(m.cs[i].ssrc, 0x01000000U * i + 3);
		assert_int_equal(m.cs[i].roc, i);
	}
}

static void
the_v_flag_says_nothing(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (uint8_t prf = 0; prf < 2; prf++)
		for (unsigned flag = 0; flag <= 0x80; flag += 0x80) {
			header(&made, MIKEY_I_MESSAGE_1, prf, 1);
			put_letters(&made, "TRirB");
			made.b[3] = (uint8_t)(flag | prf);
			assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1,
					     &m),
			    ERR_OK);
			assert_int_equal(m.prf, prf);
			assert_int_equal(m.csb_id, CSB);
		}
}

static void
timestamps_of_the_four_types_are_64_bit(void **state)
{
	static const uint64_t want[] = {STAMP, STAMP, STAMP >> 32,
	    STAMP >> 32 << 32};
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (uint8_t t = 0; t < 4; t++) {
		header(&made, MIKEY_I_MESSAGE_1, 0, 1);
		put_t(&made, t);
		put_letters(&made, "RirB");
		assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
		    ERR_OK);
		assert_int_equal(m.ts_type, t);
		assert_true(m.ts == want[t]);
	}
	for (unsigned t = 4; t < 256; t++)
		for (unsigned len = 4; len <= 8; len += 4) {
			header(&made, MIKEY_I_MESSAGE_1, 0, 1);
			begin(&made, 5);
			wr_u8(&made.w, (uint8_t)t);
			wr_copy(&made.w, "12345678", len);
			put_letters(&made, "RirB");
			assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1,
					     &m),
			    ERR_MALFORMED);
		}
}

static void
rand_has_16_to_255_octets(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (unsigned n = 0; n < 256; n++)
		for (int k = 0; k < 2; k++) {
			const enum mikey_kind kind =
			    k == 0 ? MIKEY_I_MESSAGE_1 : MIKEY_I_MESSAGE_2;

			header(&made, kind, 0, 1);
			put_letter(&made, 'T');
			put_rand(&made, (uint8_t)n);
			put_letters(&made, "irB");
			assert_int_equal(parse_made(&made, kind, &m),
			    n < 16 ? ERR_MALFORMED : ERR_OK);
			if (n >= 16)
				assert_int_equal(m.rand.left, n);
		}
}

/* I_MESSAGE_1 with one IDR of one's choice in the place of one of its own. */
static enum err
with_idr(bool first, uint8_t role, uint8_t type, const char *id)
{
	static struct made made;
	static struct mikey_msg m;

	header(&made, MIKEY_I_MESSAGE_1, 0, 1);
	put_letters(&made, first ? "TR" : "TRi");
	put_idr(&made, role, type, id);
	put_letters(&made, first ? "rB" : "B");
	return parse_made(&made, MIKEY_I_MESSAGE_1, &m);
}

static void
an_identity_is_a_uri_of_role_1_or_2_and_not_empty(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		assert_int_equal(with_idr(true, 1, (uint8_t)v, WHO),
		    v == 1 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(with_idr(false, 2, (uint8_t)v, WHO),
		    v == 1 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(with_idr(true, (uint8_t)v, 1, WHO),
		    v == 1 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(with_idr(false, (uint8_t)v, 1, WHO),
		    v == 2 ? ERR_OK : ERR_MALFORMED);
	}
	assert_int_equal(with_idr(true, 1, 1, ""), ERR_MALFORMED);
	assert_int_equal(with_idr(false, 2, 1, ""), ERR_MALFORMED);
	/* ID payloads (6) stand only inside envelopes. */
	assert_int_equal(with_idr(true, 1, 1, "x"), ERR_OK);
}

/* ---- security policies ---- */

static enum err
with_policy(uint8_t prot, const void *params, size_t len, struct mikey_msg *m)
{
	static struct made made;

	header(&made, MIKEY_R_MESSAGE_1, 0, 1);
	put_letters(&made, "Tir");
	put_sp(&made, 7, prot, params, len);
	put_letter(&made, 'B');
	return parse_made(&made, MIKEY_R_MESSAGE_1, m);
}

static void
a_policy_is_kept_from_its_number_on(void **state)
{
	static const uint8_t params[] = {0, 1, 1, 1, 1, 16, 2, 1, 1, 3, 1, 20,
	    4, 1, 14, 11, 1, 10, 200, 0};
	static const uint8_t front[] = {7, 0, 0, sizeof(params)};
	static struct mikey_msg m;

	(void)state;
	assert_int_equal(with_policy(0, params, sizeof(params), &m), ERR_OK);
	assert_int_equal(m.n_sp, 1);
	assert_int_equal(m.sp[0].body.left, 4 + sizeof(params));
	assert_memory_equal(m.sp[0].body.p, front, 4);
	assert_memory_equal(m.sp[0].body.p + 4, params, sizeof(params));
}

static void
parameters_that_do_not_fit_are_malformed(void **state)
{
	static const uint8_t params[] = {0, 1, 1, 1, 1, 16, 4, 1, 14};
	static struct mikey_msg m;

	(void)state;
	for (size_t n = 0; n <= sizeof(params); n++)
		assert_int_equal(with_policy(0, params, n, &m),
		    n % 3 == 0 ? ERR_OK : ERR_MALFORMED);
	assert_int_equal(with_policy(0, "\0\2\1", 3, &m), ERR_MALFORMED);
	assert_int_equal(with_policy(0, "\0\xff\1", 3, &m), ERR_MALFORMED);
}

static void
keys_of_16_and_salts_of_14_octets_only_are_served(void **state)
{
	static struct mikey_msg m;

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t key[] = {1, 1, (uint8_t)v};
		const uint8_t salt[] = {0, 1, 1, 4, 1, (uint8_t)v};

		assert_int_equal(with_policy(0, key, sizeof(key), &m),
		    v == 16 ? ERR_OK : ERR_UNSUPPORTED);
		assert_int_equal(with_policy(0, salt, sizeof(salt), &m),
		    v == 14 ? ERR_OK : ERR_UNSUPPORTED);
	}
	/* The second of two policies counts as well. */
	assert_int_equal(with_policy(0, "\1\1\20\1\1\40", 6, &m),
	    ERR_UNSUPPORTED);
}

static void
another_protocol_than_srtp_is_unsupported(void **state)
{
	static struct mikey_msg m;

	(void)state;
	for (unsigned v = 0; v < 256; v++)
		assert_int_equal(with_policy((uint8_t)v, NULL, 0, &m),
		    v == 0 ? ERR_OK : ERR_UNSUPPORTED);
}

static void
a_policy_longer_than_an_answer_carries_is_unsupported(void **state)
{
	static uint8_t params[1100];
	static struct mikey_msg m;
	size_t n = 0;

	(void)state;
	/* Vendor parameters of 10 octets, then one that fits what is left. */
	while (n + 10 < MAX_SP_LEN - 4 - 12) {
		params[n] = 200;
		params[n + 1] = 8;
		n += 10;
	}
	params[n] = 201;
	params[n + 1] = (uint8_t)(MAX_SP_LEN - 4 - n - 2);
	assert_int_equal(with_policy(0, params, MAX_SP_LEN - 4, &m), ERR_OK);
	assert_int_equal(m.sp[0].body.left, MAX_SP_LEN);
	params[n + 1]++;
	assert_int_equal(with_policy(0, params, MAX_SP_LEN - 3, &m),
	    ERR_UNSUPPORTED);
	params[n + 1]++; /* and now it does not even parse */
	assert_int_equal(with_policy(0, params, MAX_SP_LEN - 3, &m),
	    ERR_MALFORMED);
}

static void
policy_numbers_are_not_given_twice(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRirSSB"),
	    ERR_MALFORMED);
	assert_int_equal(parse_letters(MIKEY_I_MESSAGE_1, "TRirSsSB"),
	    ERR_MALFORMED);
	for (unsigned n = 1; n <= MAX_SP + 2; n++) {
		header(&made, MIKEY_I_MESSAGE_1, 0, 1);
		put_letters(&made, "TRir");
		for (unsigned i = 0; i < n; i++)
			put_sp(&made, (uint8_t)i, 0, NULL, 0);
		put_letter(&made, 'B');
		if (n > MAX_SP) { /* a limit of ours */
			assert_int_not_equal(parse_made(&made,
						 MIKEY_I_MESSAGE_1, &m),
			    ERR_OK);
			continue;
		}
		assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
		    ERR_OK);
		assert_int_equal(m.n_sp, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(m.sp[i].body.p[0], i);
	}
}

/* ---- what is not served ---- */

static void
another_prf_is_unsupported_and_the_message_is_there(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (int k = 0; k < MIKEY_KIND__MAX; k++)
		for (uint8_t prf = 2; prf < 128; prf++) {
			const enum mikey_kind kind = (enum mikey_kind)k;

			header(&made, kind, prf, 2);
			put_letters(&made, rule[k].must);
			assert_int_equal(parse_made(&made, kind, &m),
			    ERR_UNSUPPORTED);
			assert_true(m.there);
			assert_int_equal(m.kind, kind);
			assert_int_equal(m.prf, prf);
			assert_int_equal(m.csb_id, CSB);
			assert_int_equal(m.n_cs, 2);
			assert_true(m.ts == STAMP);
		}
}

static void
malformed_comes_before_unsupported(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	header(&made, MIKEY_I_MESSAGE_1, 2, 1);
	put_letters(&made, "TRir");
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
	    ERR_MALFORMED);
	header(&made, MIKEY_I_MESSAGE_1, 2, 1);
	put_letters(&made, "TRirB");
	wr_u8(&made.w, 0);
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
	    ERR_MALFORMED);
	header(&made, MIKEY_I_MESSAGE_1, 2, 1);
	put_letters(&made, "TRir");
	put_sp(&made, 7, 0, "\1\1", 2);
	put_letter(&made, 'B');
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
	    ERR_MALFORMED);
	header(&made, MIKEY_R_MESSAGE_1, 0, 1);
	put_letters(&made, "Tir");
	put_sp(&made, 7, 0, "\1\1\40", 3);
	put_letters(&made, "BB");
	assert_int_equal(parse_made(&made, MIKEY_R_MESSAGE_1, &m),
	    ERR_MALFORMED);
}

static void
fields_from_elsewhere_are_checked_for_support_again(void **state)
{
	static const uint8_t key_32[] = {7, 0, 0, 3, 1, 1, 32};
	static const uint8_t short_by_one[] = {7, 0, 0, 3, 1, 1};
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	header(&made, MIKEY_I_MESSAGE_1, 1, 1);
	put_letters(&made, "TRirSB");
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m), ERR_OK);
	assert_int_equal(mikey_check_supported(&m), ERR_OK);
	m.prf = 2;
	assert_int_equal(mikey_check_supported(&m), ERR_UNSUPPORTED);
	m.prf = 255;
	assert_int_equal(mikey_check_supported(&m), ERR_UNSUPPORTED);
	m.prf = 0;
	rd_init(&m.sp[0].body, key_32, sizeof(key_32));
	assert_int_equal(mikey_check_supported(&m), ERR_UNSUPPORTED);
	rd_init(&m.sp[0].body, short_by_one, sizeof(short_by_one));
	assert_int_equal(mikey_check_supported(&m), ERR_MALFORMED);
	rd_init(&m.sp[0].body, NULL, 0);
	assert_int_equal(mikey_check_supported(&m), ERR_MALFORMED);
}

/* ---- envelopes, V, sizes ---- */

static void
an_envelope_that_is_none_is_unsound_and_no_more(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (size_t n = 0; n <= sizeof(block); n++) {
		header(&made, MIKEY_I_MESSAGE_1, 0, 1);
		put_letters(&made, "TRir");
		begin(&made, 22);
		wr_view16(&made.w, block, n);
		begin(&made, 23);
		wr_view16(&made.w, block, sizeof(block) - n);
		assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
		    ERR_OK);
		assert_true(m.ibake.there && m.esk.there);
		assert_int_equal(m.ibake.sound, n == sizeof(block));
		assert_int_equal(m.esk.sound, n == 0);
	}
	assert_true(m.ibake.sound);
	assert_true(rd_is(&m.ibake.u_x, "\1", 1));
	assert_true(rd_is(&m.ibake.u_y, "\5", 1));
	assert_true(rd_is(&m.ibake.v, "v", 1));
	assert_true(rd_is(&m.ibake.w, "w", 1));
}

static void
v_of_any_algorithm_and_length_parses(void **state)
{
	static const size_t len[] = {0, 1, 19, 20, 21, 31, 32, 33, 64, 300};
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (unsigned alg = 0; alg < 256; alg++)
		for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
			header(&made, MIKEY_R_MESSAGE_2, 1, 1);
			put_letters(&made, "Tir");
			put_v(&made, (uint8_t)alg, len[i]);
			assert_int_equal(parse_made(&made, MIKEY_R_MESSAGE_2,
					     &m),
			    ERR_OK);
			assert_true(m.v.there);
			assert_int_equal(m.v.alg, alg);
			assert_int_equal(m.v.mac.left, len[i]);
			assert_ptr_equal(m.v.covered.p, made.b);
			assert_int_equal(m.v.covered.left, made.w.len - len[i]);
		}
}

static void
v_is_last(void **state)
{
	static struct made made;
	static struct mikey_msg m;

	(void)state;
	for (unsigned next = 1; next < 256; next++) {
		header(&made, MIKEY_R_MESSAGE_2, 0, 1);
		put_letters(&made, "TirV");
		made.b[made.next_at] = (uint8_t)next;
		assert_int_equal(parse_made(&made, MIKEY_R_MESSAGE_2, &m),
		    ERR_MALFORMED);
	}
}

static void
a_message_has_at_most_16384_octets(void **state)
{
	static struct made made;
	static struct mikey_msg m;
	size_t room;

	(void)state;
	header(&made, MIKEY_I_MESSAGE_1, 0, 1);
	put_letters(&made, "TRirB");
	room = MAX_MIKEY - made.w.len - 4;
	put_general(&made, 0, room);
	assert_int_equal(made.w.len, MAX_MIKEY);
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m), ERR_OK);
	header(&made, MIKEY_I_MESSAGE_1, 0, 1);
	put_letters(&made, "TRirB");
	put_general(&made, 0, room + 1);
	assert_int_equal(parse_made(&made, MIKEY_I_MESSAGE_1, &m),
	    ERR_MALFORMED);
}

/* ---- time ---- */

static uint64_t
hex_u64(const json_t *o, const char *name)
{
	size_t len;
	uint8_t *p = octets(o, name, &len);
	uint64_t v;
	struct rd r;

	rd_init(&r, p, len);
	assert_int_equal(rd_u64(&r, &v), ERR_OK);
	free(p);
	return v;
}

static void
timestamps_have_the_dates_of_the_vectors(void **state)
{
	json_t *file = vectors("exchanges.json"), *k;
	size_t i;

	(void)state;
	json_array_foreach (member(member(file, "kat"), "period"), i, k) {
		const uint64_t ts = hex_u64(k, "t");
		struct tm tm = {0};
		int64_t got;

		assert_non_null(
		    strptime(text(k, "utc"), "%Y-%m-%dT%H:%M:%SZ", &tm));
		for (int t = 0; t < 4; t++) {
			if (t == MIKEY_TS_COUNTER)
				continue;
			assert_int_equal(mikey_unix_time((enum mikey_ts)t, ts,
					     &got),
			    ERR_OK);
			assert_true(got == (int64_t)timegm(&tm));
		}
	}
	assert_true(i >= 10);
	json_decref(file);
}

static void
seconds_below_2_31_are_of_the_era_from_2036(void **state)
{
	static const struct {
		uint64_t ts;
		int64_t unix_time;
	} k[] = {
	    {0x8000000000000000ULL, 2147483648LL - 2208988800LL},
	    {0xffffffffffffffffULL, 4294967295LL - 2208988800LL},
	    {0x0000000000000000ULL, 4294967296LL - 2208988800LL},
	    {0x7fffffffffffffffULL, 4294967296LL + 2147483647LL - 2208988800LL},
	    {0x83aa7e8000000000ULL, 0},
	    {0x83aa7e7fffffffffULL, -1},
	};
	int64_t got = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		assert_int_equal(mikey_unix_time(MIKEY_TS_NTP, k[i].ts, &got),
		    ERR_OK);
		assert_true(got == k[i].unix_time);
	}
	got = 77;
	assert_int_equal(mikey_unix_time(MIKEY_TS_COUNTER, 5, &got),
	    ERR_NOTFOUND);
	assert_true(got == 77);
}

static void
later_is_later_across_2036(void **state)
{
	static const uint64_t rising[] = {0x8000000000000000ULL,
	    0xe98b98f600000000ULL, 0xe98b98f600000001ULL, 0xe98b98f6ffffffffULL,
	    0xe98b98f700000000ULL, 0xffffffff00000000ULL, 0xffffffffffffffffULL,
	    0, 1, 0x0000000100000000ULL, 0x7fffffffffffffffULL};
	const size_t n = sizeof(rising) / sizeof(rising[0]);

	(void)state;
	for (int t = 0; t < 4; t++)
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++) {
				if (t == MIKEY_TS_COUNTER)
					continue;
				assert_int_equal(mikey_ts_after((enum mikey_ts)
								    t,
						     rising[i], rising[j]),
				    j > i);
			}
}

static void
a_counter_only_counts_up(void **state)
{
	(void)state;
	assert_true(mikey_ts_after(MIKEY_TS_COUNTER, 0, 1));
	assert_true(mikey_ts_after(MIKEY_TS_COUNTER, 0x7fffffff, 0x80000000));
	assert_true(mikey_ts_after(MIKEY_TS_COUNTER, 1, 0xffffffff));
	assert_false(mikey_ts_after(MIKEY_TS_COUNTER, 0xffffffff, 0));
	assert_false(mikey_ts_after(MIKEY_TS_COUNTER, 5, 5));
	assert_false(mikey_ts_after(MIKEY_TS_COUNTER, 6, 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		every_message_of_the_vectors_parses_with_its_values),
	    cmocka_unit_test(every_prefix_of_a_message_is_malformed),
	    cmocka_unit_test(a_trailing_octet_is_malformed),
	    cmocka_unit_test(a_wrong_data_type_is_malformed),
	    cmocka_unit_test(
		each_kind_has_its_mandatory_and_its_optional_payloads_only),
	    cmocka_unit_test(payloads_in_any_other_order_are_malformed),
	    cmocka_unit_test(a_payload_that_comes_twice_is_malformed),
	    cmocka_unit_test(several_policies_stand_side_by_side),
	    cmocka_unit_test(a_general_extension_is_let_through_anywhere),
	    cmocka_unit_test(an_unknown_payload_is_malformed_anywhere),
	    cmocka_unit_test(the_header_must_be_right),
	    cmocka_unit_test(no_crypto_session_is_malformed),
	    cmocka_unit_test(as_many_crypto_sessions_as_the_octet_counts),
	    cmocka_unit_test(the_v_flag_says_nothing),
	    cmocka_unit_test(timestamps_of_the_four_types_are_64_bit),
	    cmocka_unit_test(rand_has_16_to_255_octets),
	    cmocka_unit_test(an_identity_is_a_uri_of_role_1_or_2_and_not_empty),
	    cmocka_unit_test(a_policy_is_kept_from_its_number_on),
	    cmocka_unit_test(parameters_that_do_not_fit_are_malformed),
	    cmocka_unit_test(keys_of_16_and_salts_of_14_octets_only_are_served),
	    cmocka_unit_test(another_protocol_than_srtp_is_unsupported),
	    cmocka_unit_test(
		a_policy_longer_than_an_answer_carries_is_unsupported),
	    cmocka_unit_test(policy_numbers_are_not_given_twice),
	    cmocka_unit_test(
		another_prf_is_unsupported_and_the_message_is_there),
	    cmocka_unit_test(malformed_comes_before_unsupported),
	    cmocka_unit_test(
		fields_from_elsewhere_are_checked_for_support_again),
	    cmocka_unit_test(an_envelope_that_is_none_is_unsound_and_no_more),
	    cmocka_unit_test(v_of_any_algorithm_and_length_parses),
	    cmocka_unit_test(v_is_last),
	    cmocka_unit_test(a_message_has_at_most_16384_octets),
	    cmocka_unit_test(timestamps_have_the_dates_of_the_vectors),
	    cmocka_unit_test(seconds_below_2_31_are_of_the_era_from_2036),
	    cmocka_unit_test(later_is_later_across_2036),
	    cmocka_unit_test(a_counter_only_counts_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
