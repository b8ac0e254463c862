/*
 * xk_pdu: the PDUs of the vectors there and back, the SIZEs of xk/xk.asn1 at
 * their bounds, and everything that is BER or of another module.
 */
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "xk/xk_pdu.h"

/* ---- DER by hand ---- */

#define DER_MAX 300000

struct der {
	uint8_t b[DER_MAX];
	size_t n;
};

static size_t
put_length(uint8_t *p, size_t len)
{
	size_t n = 0;

	if (len < 128) {
		p[n++] = (uint8_t)len;
	} else if (len < 256) {
		p[n++] = 0x81;
		p[n++] = (uint8_t)len;
	} else if (len < 65536) {
		p[n++] = 0x82;
		p[n++] = (uint8_t)(len >> 8);
		p[n++] = (uint8_t)len;
	} else {
		p[n++] = 0x83;
		p[n++] = (uint8_t)(len >> 16);
		p[n++] = (uint8_t)(len >> 8);
		p[n++] = (uint8_t)len;
	}
	return n;
}

static void
put(struct der *d, uint8_t tag, const void *p, size_t len)
{
	assert_true(d->n + len + 5 <= sizeof(d->b));
	d->b[d->n++] = tag;
	d->n += put_length(d->b + d->n, len);
	if (len > 0)
		memcpy(d->b + d->n, p, len);
	d->n += len;
}

static void
put_raw(struct der *d, const void *p, size_t len)
{
	assert_true(d->n + len <= sizeof(d->b));
	memcpy(d->b + d->n, p, len);
	d->n += len;
}

/* What stands from `from` on becomes the contents of one element. */
static void
wrap(struct der *d, size_t from, uint8_t tag)
{
	uint8_t head[5];
	size_t n = 1;

	head[0] = tag;
	n += put_length(head + 1, d->n - from);
	assert_true(d->n + n <= sizeof(d->b));
	memmove(d->b + from + n, d->b + from, d->n - from);
	memcpy(d->b + from, head, n);
	d->n += n;
}

static enum err
decode_octets(const uint8_t *p, size_t len, struct xk_msg *m, uint32_t *id)
{
	struct rd r;

	rd_init(&r, p, len);
	return xk_pdu_decode(r, m, id);
}

/* Decode in memory of its own length and throw away; the id is told. */
static enum err
try_octets(const uint8_t *p, size_t len, uint32_t *id)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct xk_msg m;
	enum err rc;

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, p, len);
	*id = 0xdeadbeef;
	rc = decode_octets(copy, len, &m, id);
	if (rc == ERR_OK) {
		assert_int_equal(*id, m.request_id);
		xk_msg_free(&m);
		xk_msg_free(&m); /* freed once */
	}
	free(copy);
	return rc;
}

/* ---- the vectors ---- */

static const struct {
	const char *name;
	enum xk_type type;
} rows[] = {
    {"getKeys", XK_GET_KEYS},
    {"getKeysResponse", XK_GET_KEYS_RESPONSE},
    {"getEcValuesResponse", XK_GET_EC_VALUES_RESPONSE},
    {"getSecret", XK_GET_SECRET},
    {"getSecretResponse", XK_GET_SECRET_RESPONSE},
};

struct sample {
	const json_t *exchange, *update, *xk; /* update NULL in the first */
	enum xk_type type;
	uint8_t *pdu;
	size_t len;
};

typedef void sample_fn(const struct sample *);

static unsigned
each_row(const json_t *exchange, const json_t *update, const json_t *list,
    sample_fn *fn)
{
	unsigned n = 0;
	json_t *xk;
	size_t i;

	json_array_foreach (list, i, xk)
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			struct sample s = {exchange, update, xk, rows[k].type,
			    NULL, 0};

			if (json_object_get(xk, rows[k].name) == NULL)
				continue;
			s.pdu = octets(xk, rows[k].name, &s.len);
			fn(&s);
			free(s.pdu);
			n++;
		}
	return n;
}

static unsigned
each_sample(sample_fn *fn)
{
	json_t *file = vectors("exchanges.json"), *e, *u;
	unsigned n = 0;
	size_t i;

	json_array_foreach (member(file, "exchanges"), i, e) {
		n += each_row(e, NULL, member(e, "xk"), fn);
		if ((u = json_object_get(e, "update")) != NULL)
			n += each_row(e, u, member(u, "xk"), fn);
	}
	json_decref(file);
	return n;
}

/* A MIKEY message of the vector, or nothing where the request has none. */
static void
assert_message(struct rd got, const json_t *o, const char *name, bool must)
{
	size_t len;
	uint8_t *want;

	if (got.left == 0) {
		assert_false(must);
		return;
	}
	want = octets(o, name, &len);
	assert_true(rd_is(&got, want, len));
	free(want);
}

static void
assert_request(const struct sample *s, const struct xk_get_keys *k)
{
	const char *target = text(s->xk, "target");
	const json_t *of = s->update == NULL ? s->exchange : s->update;
	const bool first = s->update == NULL;

	assert_true(rd_is(&k->public_kms_identity, target, strlen(target)));
	assert_message(k->i_message1, of, "iMessage1", true);
	assert_message(k->r_message1, of, "rMessage1", true);
	assert_message(k->i_message2, of, "iMessage2", first);
	assert_message(k->first_i_message1, s->exchange, "iMessage1", !first);
	assert_message(k->r_message2, s->exchange, "rMessage2", false);
	assert_message(k->first_r_message1, s->exchange, "rMessage1", false);
	assert_message(k->first_i_message2, s->exchange, "iMessage2", false);
	assert_int_equal(k->liid.left, 0);
	assert_int_equal(k->curve,
	    s->type == XK_GET_SECRET ? number(s->exchange, "curve") : 0);
}

static void
decodes_and_encodes_again(const struct sample *s)
{
	uint32_t id = 0;
	struct xk_msg m;
	uint8_t *der = NULL;
	size_t len;

	assert_int_equal(decode_octets(s->pdu, s->len, &m, &id), ERR_OK);
	assert_int_equal(m.type, s->type);
	assert_int_equal(id, m.request_id);
	assert_int_equal(id, 1);
	switch (m.type) {
	case XK_GET_KEYS:
		assert_request(s, &m.u.get_keys);
		assert_int_equal(xk_encode_get_keys(id, &m.u.get_keys, &der,
				     &len),
		    ERR_OK);
		break;
	case XK_GET_SECRET:
		assert_request(s, &m.u.get_keys);
		break;
	case XK_GET_KEYS_RESPONSE:
		assert_int_equal(m.u.keys->has_sk,
		    strcmp(text(s->xk, "role"), "initiator") == 0 &&
			json_object_get(s->exchange, "sk") != NULL);
		assert_int_equal(xk_encode_keys(id, m.u.keys, &der, &len),
		    ERR_OK);
		break;
	default:
		break;
	}
	if (der != NULL) {
		assert_int_equal(len, s->len);
		assert_memory_equal(der, s->pdu, len);
		xk_der_free(&der, len);
		assert_null(der);
	}
	xk_msg_free(&m);
	xk_msg_free(&m);
}

static void
pdus_of_the_vectors_decode_and_encode_to_the_same(void **state)
{
	(void)state;
	assert_true(each_sample(decodes_and_encodes_again) > 100);
}

/* Where the requestId of a sound PDU ends. */
static size_t
behind_the_id(const uint8_t *p)
{
	const size_t head = p[1] < 0x80 ? 2 : 2U + (p[1] & 0x7f);

	return head + 2 + p[head + 1] + 2 + p[head + 2 + p[head + 1] + 1];
}

static void
prefixes(const struct sample *s)
{
	const size_t whole = behind_the_id(s->pdu);
	uint32_t id;

	for (size_t n = 0; n < s->len; n++) {
		/* All of what stands in front, then a sample. */
		if (n > 300 && n % 37 != 0 && n < s->len - 10)
			continue;
		assert_int_equal(try_octets(s->pdu, n, &id), ERR_MALFORMED);
		assert_int_equal(id, n >= whole ? 1 : 0);
	}
}

static void
every_prefix_is_malformed_and_tells_the_id_when_it_holds_it(void **state)
{
	(void)state;
	assert_true(each_sample(prefixes) > 0);
}

static void
trailers(const struct sample *s)
{
	uint8_t *more = malloc(s->len + 2);
	uint32_t id;

	assert_non_null(more);
	memcpy(more, s->pdu, s->len);
	for (unsigned b = 0; b < 256; b += 85) {
		more[s->len] = (uint8_t)b;
		more[s->len + 1] = 0;
		for (size_t n = 1; n <= 2; n++) {
			assert_int_equal(try_octets(more, s->len + n, &id),
			    ERR_MALFORMED);
			assert_int_equal(id, 1);
		}
	}
	free(more);
}

static void
trailing_octets_are_malformed(void **state)
{
	(void)state;
	assert_true(each_sample(trailers) > 0);
}

static void
lengths(const struct sample *s)
{
	const size_t head = s->pdu[1] < 0x80 ? 2 : 2U + (s->pdu[1] & 0x7f);

	for (size_t n = 0; n <= s->len; n++) {
		size_t len = 0;
		struct rd r;

		rd_init(&r, s->pdu, n);
		if (n < head) {
			assert_int_equal(xk_pdu_length(r, &len), ERR_AGAIN);
		} else {
			assert_int_equal(xk_pdu_length(r, &len), ERR_OK);
			assert_int_equal(len, s->len);
		}
	}
}

static void
the_length_is_known_as_soon_as_it_can_be(void **state)
{
	(void)state;
	assert_true(each_sample(lengths) > 0);
}

/*
 * One octet changed anywhere: it is refused, or it is another value and then
 * encodes to the very octets that came.
 */
static void
one_octet_changed(const struct sample *s)
{
	static bool seen[400]; /* one of each length tells all */

	if (s->len >= 400 || s->type != XK_GET_KEYS_RESPONSE || seen[s->len])
		return;
	seen[s->len] = true;
	for (size_t i = 0; i < s->len; i++) {
		const uint8_t was = s->pdu[i];

		for (unsigned v = 0; v < 12; v++) {
			static const uint8_t edge[] = {0, 0x7f, 0x80, 0xff};
			struct xk_msg m;
			uint32_t id;
			uint8_t *der;
			size_t len;

			s->pdu[i] =
			    v < 8 ? (uint8_t)(was ^ 1U << v) : edge[v - 8];
			if (decode_octets(s->pdu, s->len, &m, &id) != ERR_OK)
				continue;
			if (m.type == XK_GET_KEYS_RESPONSE) {
				assert_int_equal(xk_encode_keys(id, m.u.keys,
						     &der, &len),
				    ERR_OK);
				assert_int_equal(len, s->len);
				assert_memory_equal(der, s->pdu, len);
				xk_der_free(&der, len);
			}
			xk_msg_free(&m);
		}
		s->pdu[i] = was;
	}
}

static void
a_changed_octet_is_refused_or_another_value(void **state)
{
	(void)state;
	assert_true(each_sample(one_octet_changed) > 0);
}

/* ---- xk_pdu_length ---- */

static enum err
length_of(const char *hex, size_t *out)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);
	struct rd r;
	enum err rc;

	rd_init(&r, p, n);
	rc = xk_pdu_length(r, out);
	free(p);
	return rc;
}

static void
a_pdu_has_at_most_131072_octets_with_tag_and_length(void **state)
{
	static const struct {
		const char *hex;
		enum err rc;
		size_t len;
	} k[] = {
	    {"", ERR_AGAIN, 0},
	    {"30", ERR_AGAIN, 0},
	    {"3000", ERR_OK, 2},
	    {"307f", ERR_OK, 129},
	    {"3081", ERR_AGAIN, 0},
	    {"308180", ERR_OK, 131},
	    {"3081ff", ERR_OK, 258},
	    {"30820100", ERR_OK, 260},
	    {"3082ffff", ERR_OK, 65539},
	    {"308201", ERR_AGAIN, 0},
	    {"3083", ERR_AGAIN, 0},
	    {"308301", ERR_AGAIN, 0},
	    {"308301ff", ERR_AGAIN, 0},
	    {"30830100ff", ERR_OK, 65796},
	    {"308301fffb", ERR_OK, 131072},
	    {"308301fffc", ERR_TOOBIG, 0},
	    {"30830200ff", ERR_TOOBIG, 0},
	    {"3083ffffff", ERR_TOOBIG, 0},
	    {"308401000000", ERR_TOOBIG, 0},
	    {"3084ffffffff", ERR_TOOBIG, 0},
	    {"30880000000100000000", ERR_TOOBIG, 0},
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		len = 0;
		if (length_of(k[i].hex, &len) != k[i].rc || len != k[i].len)
			fail_msg("%s", k[i].hex);
	}
}

static void
what_no_pdu_starts_with_is_malformed(void **state)
{
	/* Indefinite, reserved, and lengths that are not the shortest. */
	static const char *const bad[] = {"3080", "30ff", "308100", "30817f",
	    "30820000", "3082007f", "308200ff", "3083000000", "308300ffff"};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (length_of(bad[i], &len) != ERR_MALFORMED)
			fail_msg("%s", bad[i]);
	for (unsigned t = 0; t < 256; t++) {
		const uint8_t p[] = {(uint8_t)t, 3, 0};
		struct rd r;

		for (size_t n = 1; n <= sizeof(p); n++) {
			rd_init(&r, p, n);
			assert_int_equal(xk_pdu_length(r, &len),
			    t != 0x30	 ? ERR_MALFORMED
				: n == 1 ? ERR_AGAIN
					 : ERR_OK);
		}
	}
	/* Longer lengths of length than any PDU has. */
	for (unsigned first = 0x84; first < 0xff; first++) {
		const uint8_t p[] = {0x30, (uint8_t)first, 0, 0};
		struct rd r;
		enum err rc;

		rd_init(&r, p, sizeof(p));
		rc = xk_pdu_length(r, &len);
		assert_true(rc == ERR_TOOBIG || rc == ERR_MALFORMED);
	}
}

/* ---- the message around the body ---- */

static struct der pdu;

/* XkMessage around a body that is an element already. */
static void
message(const void *version, size_t version_len, const void *id, size_t id_len,
    const void *body, size_t body_len)
{
	pdu.n = 0;
	put(&pdu, 0x80, version, version_len);
	put(&pdu, 0x81, id, id_len);
	put(&pdu, 0xa2, body, body_len);
	wrap(&pdu, 0, 0x30);
}

static const uint8_t keep_alive[] = {0x89, 0};

static void
request_ids_are_32_bit_and_not_negative(void **state)
{
	static const struct {
		const char *hex;
		bool good;
		uint32_t id; /* that is reported */
	} k[] = {
	    {"00", true, 0},
	    {"01", true, 1},
	    {"7f", true, 127},
	    {"0080", true, 128},
	    {"7fffffff", true, 0x7fffffff},
	    {"0080000000", true, 0x80000000},
	    {"00ffffffff", true, 0xffffffff},
	    {"0100000000", false, 0},
	    {"00ffffffffff", false, 0},
	    {"ff", false, 0},
	    {"80", false, 0},
	    {"ffffffff", false, 0},
	    {"80000000", false, 0},
	    {"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		size_t len;
		uint8_t *v = unhex(k[i].hex, &len);
		uint32_t id;

		message("\1", 1, v, len, keep_alive, 2);
		if (try_octets(pdu.b, pdu.n, &id) !=
			(k[i].good ? ERR_OK : ERR_MALFORMED) ||
		    id != k[i].id)
			fail_msg("requestId %s gives %u", k[i].hex, id);
		free(v);
	}
	/* More octets than the number needs. */
	uint32_t id;

	message("\1", 1, "\0\1", 2, keep_alive, 2);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	assert_true(id == 0 || id == 1);
}

static void
another_version_is_malformed_and_tells_the_id(void **state)
{
	uint32_t id;

	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t version = (uint8_t)v;

		message(&version, 1, "\x12\x34", 2, keep_alive, 2);
		assert_int_equal(try_octets(pdu.b, pdu.n, &id),
		    v == 1 ? ERR_OK : ERR_MALFORMED);
		assert_int_equal(id, 0x1234);
	}
	message("\0\1", 2, "\x12\x34", 2, keep_alive, 2);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	message("\1\0\0\0\0", 5, "\x12\x34", 2, keep_alive, 2);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	message("", 0, "\x12\x34", 2, keep_alive, 2);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
}

static void
a_malformed_body_tells_the_id(void **state)
{
	static const char *const bad[] = {"", "00", "05", "0500", "8900ff",
	    "890100", "8a0100", "a900", "aa020500", "8b00", "8c00", "ab00",
	    "9f1f00", "a000", "8000", "a8", "a803800109", "30", "89008900"};
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len;
		uint8_t *body = unhex(bad[i], &len);

		message("\1", 1, "\0\xff\xff\xff\xfe", 5, body, len);
		if (try_octets(pdu.b, pdu.n, &id) != ERR_MALFORMED ||
		    id != 0xfffffffe)
			fail_msg("%s: %u", bad[i], id);
		free(body);
	}
}

static void
an_id_that_cannot_be_read_is_0(void **state)
{
	static const char *const bad[] = {"", "30", "3000", "ff", "0203010203",
	    /* no version; no requestId; in the wrong order; universal tags */
	    "30078101 05a2028900", "30078001 01a2028900",
	    "300a8101 05800101a2028900", "300a0201 01020105a2028900",
	    /* requestId that says more than there is */
	    "30068001 01817f05"};
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char hex[128] = "";
		size_t n = 0, len;
		uint8_t *p;

		for (const char *c = bad[i]; *c != '\0'; c++)
			if (*c != ' ')
				hex[n++] = *c;
		hex[n] = '\0';
		p = unhex(hex, &len);
		if (try_octets(p, len, &id) != ERR_MALFORMED || id != 0)
			fail_msg("%s: %u", bad[i], id);
		free(p);
	}
}

static void
unknown_duplicate_missing_and_misplaced_fields_are_malformed(void **state)
{
	/* Elements of XkMessage in some order; only the first is good. */
	static const char *const v[] = {"800101", "810105", "a2028900",
	    "a3028900", "830101", "020101"};
	static const char *const lists[] = {"012", "02", "01", "12", "102",
	    "021", "0012", "0112", "0122", "0123", "0124", "0125", "3012",
	    "5012", "0512"};
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		pdu.n = 0;
		for (const char *c = lists[i]; *c != '\0'; c++) {
			size_t len;
			uint8_t *p = unhex(v[*c - '0'], &len);

			put_raw(&pdu, p, len);
			free(p);
		}
		wrap(&pdu, 0, 0x30);
		if (try_octets(pdu.b, pdu.n, &id) !=
		    (i == 0 ? ERR_OK : ERR_MALFORMED))
			fail_msg("%s", lists[i]);
	}
}

static void
forms_of_ber_that_are_not_der_are_malformed(void **state)
{
	/* keepAlive, each time with one element in a longer form. */
	static const char *const bad[] = {
	    "30810a800101810105a2028900", /* outer length */
	    "3082000a800101810105a2028900",
	    "3080800101810105a20289000000", /* indefinite */
	    "300b80810101810105a2028900", /* version */
	    "300b80010181810105a2028900", /* requestId */
	    "300b800101810105a281028900", /* body */
	    "300c800101810105a28089000000",
	    "300b800101810105a203898100", /* NULL */
	    "300b800101810105a203890100", /* NULL with contents */
	    "300b80020001810105a2028900", /* integers */
	    "300b80010181020005a2028900",
	    "300c800101810105a204a9020500",
	    "300aa00101810105a2028900", /* constructed integer */
	    "300c a003020101810105a2028900",
	    "3011800101810105a2098009 0102030405060708 09",
	};
	uint32_t id;

	(void)state;
	assert_int_equal(try_octets((const uint8_t *)"\x30\x0a\x80\x01\x01\x81"
						     "\x01\x05\xa2\x02\x89\x00",
			     12, &id),
	    ERR_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char hex[128] = "";
		size_t n = 0, len;
		uint8_t *p;

		for (const char *c = bad[i]; *c != '\0'; c++)
			if (*c != ' ')
				hex[n++] = *c;
		hex[n] = '\0';
		p = unhex(hex, &len);
		if (try_octets(p, len, &id) != ERR_MALFORMED)
			fail_msg("%s", bad[i]);
		free(p);
	}
}

/* ---- bodies ---- */

struct field {
	uint8_t tag;
	const uint8_t *p;
	size_t len, min, max; /* SIZE of the module, or octets of the value */
	bool optional;
};

#define FIELDS_MAX 10

struct body {
	const char *name;
	uint8_t tag[4]; /* of the CHOICE; 0 ends */
	uint8_t item; /* not 0: fields are of an item of SEQUENCE OF [0] */
	enum xk_type type;
	struct field f[FIELDS_MAX];
	size_t n;
};

static uint8_t text_a[20000]; /* 'a' all over */

#define A text_a
#define ONE (const uint8_t *)"\1"
#define TIME (const uint8_t *)"20240229000000Z"

static const struct body bodies[] = {
    {"GetKeys", {0xa0, 0xa2, 0xa4, 0xa6}, 0, XK_GET_KEYS,
	{{0x80, A, 5, 1, 255, false}, {0x81, A, 5, 1, 16384, false},
	    {0x82, A, 5, 1, 16384, false}, {0x83, A, 5, 1, 16384, true},
	    {0x84, A, 5, 1, 16384, true}, {0x85, A, 5, 1, 25, true},
	    {0x86, A, 5, 1, 16384, true}, {0x87, A, 5, 1, 16384, true},
	    {0x88, A, 5, 1, 16384, true}, {0x89, ONE, 1, 1, 1, true}},
	10},
    {"SessionKey", {0xa1}, 0x30, XK_GET_KEYS_RESPONSE,
	{{0x80, A, 5, 5, 5, false}, {0x81, A, 16, 16, 16, false},
	    {0x82, A, 14, 14, 14, false}, {0x83, ONE, 1, 1, 1, true},
	    {0x84, ONE, 1, 1, 1, true}, {0x85, A, 5, 1, 1024, true},
	    {0x86, A, 5, 1, 255, true}},
	7},
    {"GetEcValuesResponse", {0xa3}, 0, XK_GET_EC_VALUES_RESPONSE,
	{{0x80, ONE, 1, 1, 1, true}, {0x81, A, 5, 1, 256, true},
	    {0x82, A, 5, 1, 256, true}, {0x83, A, 16, 16, 16, true},
	    {0x84, A, 5, 1, 255, true}},
	5},
    {"PrivateKey", {0xa5}, 0x30, XK_GET_PRIVATE_KEY_RESPONSE,
	{{0x80, A, 5, 1, 255, false}, {0x81, TIME, 15, 15, 15, false},
	    {0x82, TIME, 15, 15, 15, false}, {0x83, A, 5, 1, 1024, false}},
	4},
    {"GetSecretResponse", {0xa7}, 0, XK_GET_SECRET_RESPONSE,
	{{0x80, ONE, 1, 1, 1, false}, {0x81, ONE, 1, 1, 1, false},
	    {0x82, A, 5, 1, 72, false}, {0x83, A, 16, 16, 16, true}},
	4},
    {"Refusal", {0xa8}, 0, XK_REFUSAL,
	{{0x80, ONE, 1, 1, 1, false}, {0x81, A, 5, 0, 255, true}}, 2},
};
#define N_BODIES (sizeof(bodies) / sizeof(bodies[0]))

/* The fields that `order` names, a digit each, into pdu from its end on. */
static void
put_fields(const struct body *b, const char *order)
{
	for (; *order != '\0'; order++) {
		const struct field *f = &b->f[*order - '0'];

		put(&pdu, f->tag, f->p, f->len);
	}
}

/* A PDU with the fields in that order and `more` behind them. */
static void
build_order(const struct body *b, uint8_t tag, const char *order,
    const void *more, size_t more_len)
{
	pdu.n = 0;
	put_fields(b, order);
	if (more_len > 0)
		put_raw(&pdu, more, more_len);
	if (b->item != 0) {
		wrap(&pdu, 0, b->item);
		wrap(&pdu, 0, 0xa0);
	}
	wrap(&pdu, 0, tag);
	wrap(&pdu, 0, 0xa2);
	memmove(pdu.b + 6, pdu.b, pdu.n);
	memcpy(pdu.b, "\x80\1\1\x81\1\7", 6);
	pdu.n += 6;
	wrap(&pdu, 0, 0x30);
}

static void
order_without(const struct body *b, size_t left_out, char out[FIELDS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		if (i != left_out)
			out[n++] = (char)('0' + (int)i);
	out[n] = '\0';
}

static enum err
try_body(const struct body *b, uint8_t tag, const char *order)
{
	uint32_t id;
	enum err rc;

	build_order(b, tag, order, NULL, 0);
	rc = try_octets(pdu.b, pdu.n, &id);
	assert_int_equal(id, 7);
	return rc;
}

/* All fields there, with one of them of another length or value. */
static enum err
try_field(const struct body *b, uint8_t tag, size_t i, const void *p,
    size_t len)
{
	char order[FIELDS_MAX + 1];
	struct body t = *b;

	t.f[i].p = p;
	t.f[i].len = len;
	order_without(b, FIELDS_MAX, order);
	return try_body(&t, tag, order);
}

typedef void body_fn(const struct body *, uint8_t tag);

static void
each_body(body_fn *fn)
{
	memset(text_a, 'a', sizeof(text_a));
	for (size_t i = 0; i < N_BODIES; i++)
		for (size_t t = 0; t < 4 && bodies[i].tag[t] != 0; t++)
			fn(&bodies[i], bodies[i].tag[t]);
}

static void
with_and_without_optional(const struct body *b, uint8_t tag)
{
	char order[FIELDS_MAX + 1];

	order_without(b, FIELDS_MAX, order);
	assert_int_equal(try_body(b, tag, order), ERR_OK);
	for (size_t i = 0; i < b->n; i++) {
		order_without(b, i, order);
		if (try_body(b, tag, order) !=
		    (b->f[i].optional ? ERR_OK : ERR_MALFORMED))
			fail_msg("%s without field %zu", b->name, i);
	}
}

static void
optional_fields_may_be_absent_and_others_not(void **state)
{
	(void)state;
	each_body(with_and_without_optional);
}

static void
sizes(const struct body *b, uint8_t tag)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct field *f = &b->f[i];
		/* One octet of an INTEGER, a time: their values follow. */
		const bool counted = f->p == A;

		if (!counted)
			continue;
		if (try_field(b, tag, i, A, f->min) != ERR_OK ||
		    try_field(b, tag, i, A, f->max) != ERR_OK)
			fail_msg("%s field %zu at its bounds", b->name, i);
		if (try_field(b, tag, i, A, f->max + 1) != ERR_MALFORMED)
			fail_msg("%s field %zu over its bound", b->name, i);
		if (f->min > 0 &&
		    try_field(b, tag, i, A, f->min - 1) != ERR_MALFORMED)
			fail_msg("%s field %zu under its bound", b->name, i);
	}
}

static void
sizes_hold_at_their_bounds_and_not_beyond(void **state)
{
	(void)state;
	each_body(sizes);
}

static void
orders(const struct body *b, uint8_t tag)
{
	char good[FIELDS_MAX + 1], bad[FIELDS_MAX + 2];

	order_without(b, FIELDS_MAX, good);
	for (size_t i = 0; i + 1 < b->n; i++) {
		memcpy(bad, good, b->n + 1);
		bad[i] = good[i + 1];
		bad[i + 1] = good[i];
		assert_int_equal(try_body(b, tag, bad), ERR_MALFORMED);
	}
	for (size_t i = 0; i < b->n; i++) {
		memcpy(bad, good, i + 1);
		memcpy(bad + i + 1, good + i, b->n - i + 1);
		assert_int_equal(try_body(b, tag, bad), ERR_MALFORMED);
	}
}

static void
fields_out_of_order_or_twice_are_malformed(void **state)
{
	(void)state;
	each_body(orders);
}

static void
unknown_fields(const struct body *b, uint8_t tag)
{
	char order[FIELDS_MAX + 1];
	uint32_t id;

	order_without(b, FIELDS_MAX, order);
	for (unsigned t = 1; t < 256; t++) {
		const uint8_t more[] = {(uint8_t)t, 1, 1};

		build_order(b, tag, order, more, sizeof(more));
		assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	}
	build_order(b, tag, order, "", 1); /* 00: end of contents */
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	build_order(b, tag, order, "\x9f\x1f\0", 3);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
}

static void
an_unknown_field_is_malformed(void **state)
{
	(void)state;
	each_body(unknown_fields);
}

static void
other_tags(const struct body *b, uint8_t tag)
{
	char order[FIELDS_MAX + 1];

	order_without(b, FIELDS_MAX, order);
	for (size_t i = 0; i < b->n; i++)
		for (unsigned t = 1; t < 256; t++) {
			struct body c = *b;

			if (t == b->f[i].tag)
				continue;
			c.f[i].tag = (uint8_t)t;
			if (try_body(&c, tag, order) == ERR_OK)
				fail_msg("%s field %zu as %02x", b->name, i, t);
		}
}

static void
a_field_with_another_tag_is_malformed(void **state)
{
	(void)state;
	each_body(other_tags);
}

/* Constructed strings, long lengths: whatever of BER a field can be. */
static void
ber_fields(const struct body *b, uint8_t tag)
{
	static const uint8_t indefinite[] = {4, 3, 'a', 'a', 'a', 0, 0};

	for (size_t i = 0; i < b->n; i++) {
		const struct field *f = &b->f[i];
		char order[FIELDS_MAX + 1];
		struct body c = *b;
		uint8_t inside[32] = {4, (uint8_t)f->len};
		uint32_t id;
		size_t at;

		order_without(b, FIELDS_MAX, order);
		memcpy(inside + 2, f->p, f->len);
		c.f[i].tag = (uint8_t)(f->tag | 0x20);
		c.f[i].p = inside;
		c.f[i].len = f->len + 2;
		assert_int_equal(try_body(&c, tag, order), ERR_MALFORMED);
		inside[0] = 0x0c;
		assert_int_equal(try_body(&c, tag, order), ERR_MALFORMED);

		/* 0x80: indefinite, with an inner string and an end. */
		build_order(b, tag, order, NULL, 0);
		assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_OK);
		for (at = 8; pdu.b[at] != f->tag || pdu.b[at + 1] != f->len ||
		     memcmp(pdu.b + at + 2, f->p, f->len) != 0;
		     at++)
			assert_true(at < pdu.n);
		c = *b;
		c.f[i].tag = (uint8_t)(f->tag | 0x20);
		c.f[i].p = indefinite;
		c.f[i].len = sizeof(indefinite);
		build_order(&c, tag, order, NULL, 0);
		pdu.b[at + 1] = 0x80;
		assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
	}
}

static void
a_field_in_another_form_of_ber_is_malformed(void **state)
{
	(void)state;
	each_body(ber_fields);
}

/* A length in more octets than it needs, here and in all that is around. */
static void
a_field_with_a_longer_length_is_malformed(void **state)
{
	uint32_t id;

	(void)state;
	memset(text_a, 'a', sizeof(text_a));
	for (size_t k = 0; k < N_BODIES; k++)
		for (size_t i = 0; i < bodies[k].n; i++) {
			const struct body *b = &bodies[k];
			uint8_t more[64];
			size_t n = 0;
			char front[FIELDS_MAX + 1];

			/* The fields before it, then it as the last. */
			for (size_t j = 0; j < i; j++)
				front[n++] = (char)('0' + (int)j);
			front[n] = '\0';
			more[0] = b->f[i].tag;
			more[1] = 0x81;
			more[2] = (uint8_t)b->f[i].len;
			memcpy(more + 3, b->f[i].p, b->f[i].len);
			build_order(b, b->tag[0], front, more, 3 + b->f[i].len);
			assert_int_equal(try_octets(pdu.b, pdu.n, &id),
			    ERR_MALFORMED);
		}
}

/* ---- values ---- */

static const struct body *
body_named(const char *name)
{
	memset(text_a, 'a', sizeof(text_a));
	for (size_t i = 0; i < N_BODIES; i++)
		if (strcmp(bodies[i].name, name) == 0)
			return &bodies[i];
	fail();
	return NULL;
}

/* INTEGER or ENUMERATED contents and whether they are within the range. */
static void
assert_numbers(const char *name, size_t i, int64_t min, int64_t max)
{
	static const int64_t v[] = {-4294967296, -256, -129, -128, -1, 0, 1, 2,
	    3, 7, 8, 9, 127, 128, 255, 256, 65535, 2147483647, 2147483648,
	    4294967295, 4294967296, 1099511627776};
	const struct body *b = body_named(name);

	for (size_t k = 0; k < sizeof(v) / sizeof(v[0]); k++) {
		const enum err want =
		    v[k] >= min && v[k] <= max ? ERR_OK : ERR_MALFORMED;
		uint8_t be[9];
		size_t from = 0;

		be[0] = v[k] < 0 ? 0xff : 0;
		for (size_t j = 0; j < 8; j++)
			be[j + 1] =
			    (uint8_t)((uint64_t)v[k] >> (56 - 8 * j) & 0xff);
		while (from < 8 &&
		    ((be[from] == 0 && be[from + 1] < 0x80) ||
			(be[from] == 0xff && be[from + 1] >= 0x80)))
			from++;
		if (try_field(b, b->tag[0], i, be + from, 9 - from) != want)
			fail_msg("%s field %zu = %lld", name, i,
			    (long long)v[k]);
		if (from > 0 && /* one octet more than needed */
		    try_field(b, b->tag[0], i, be + from - 1, 10 - from) !=
			ERR_MALFORMED)
			fail_msg("%s field %zu too long", name, i);
	}
	assert_int_equal(try_field(b, b->tag[0], i, "", 0), ERR_MALFORMED);
}

static void
numbers_hold_at_their_bounds_and_not_beyond(void **state)
{
	(void)state;
	assert_numbers("GetKeys", 9, 1, 255);
	assert_numbers("SessionKey", 3, 0, 4294967295);
	assert_numbers("SessionKey", 4, 0, 4294967295);
	assert_numbers("GetEcValuesResponse", 0, 1, 255);
	assert_numbers("GetSecretResponse", 0, 1, 255);
	assert_numbers("GetSecretResponse", 1, 1, 2);
	assert_numbers("Refusal", 0, 1, 8);
}

static void
times_are_of_one_form(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} k[] = {
	    {"20240229235959Z", true},
	    {"99991231235959Z", true},
	    {"20230229000000Z", false},
	    {"20241301000000Z", false},
	    {"20240001000000Z", false},
	    {"20240100000000Z", false},
	    {"20240132000000Z", false},
	    {"20240101240000Z", false},
	    {"20240101006000Z", false},
	    {"202401010000Z", false},
	    {"2024010100Z", false},
	    {"20240101000000", false},
	    {"20240101000000z", false},
	    {"20240101000000.5Z", false},
	    {"20240101000000+0000", false},
	    {"240101000000Z", false},
	    {"2024010100000 Z", false},
	    {"-0240101000000Z", false},
	    {"", false},
	};
	const struct body *b = body_named("PrivateKey");

	(void)state;
	for (size_t n = 0; n < sizeof(k) / sizeof(k[0]); n++)
		for (size_t i = 1; i <= 2; i++)
			if (try_field(b, b->tag[0], i, k[n].text,
				strlen(k[n].text)) !=
			    (k[n].good ? ERR_OK : ERR_MALFORMED))
				fail_msg("%s", k[n].text);
}

static void
text_is_utf8(void **state)
{
	static const struct {
		const char *hex;
		bool good;
	} k[] = {
	    {"61", true},
	    {"c280", true},
	    {"dfbf", true},
	    {"e0a080", true},
	    {"ed9fbf", true},
	    {"ee8080", true},
	    {"efbfbd", true},
	    {"f0908080", true},
	    {"f48fbfbf", true},
	    {"61c3a962", true},
	    {"80", false}, /* alone */
	    {"bf", false},
	    {"c2", false}, /* cut off */
	    {"e0a0", false},
	    {"f09080", false},
	    {"61f0", false},
	    {"c080", false}, /* longer than needed */
	    {"c1bf", false},
	    {"e08080", false},
	    {"e09fbf", false},
	    {"f0808080", false},
	    {"f08fbfbf", false},
	    {"eda080", false}, /* surrogates */
	    {"edbfbf", false},
	    {"f4908080", false}, /* above U+10FFFF */
	    {"f5808080", false},
	    {"f888808080", false},
	    {"fc8480808080", false},
	    {"fe", false},
	    {"ff", false},
	    {"c261", false}, /* not continued */
	    {"e0a061", false},
	    {"f0908061", false},
	};
	static const struct {
		const char *body;
		size_t field;
	} at[] = {{"GetKeys", 0}, {"PrivateKey", 0}, {"Refusal", 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++)
		for (size_t j = 0; j < 3; j++) {
			const struct body *b = body_named(at[j].body);
			size_t len;
			uint8_t *p = unhex(k[i].hex, &len);

			for (size_t t = 0; t < 4 && b->tag[t] != 0; t++)
				if (try_field(b, b->tag[t], at[j].field, p,
					len) !=
				    (k[i].good ? ERR_OK : ERR_MALFORMED))
					fail_msg("%s in %s", k[i].hex, b->name);
			free(p);
		}
}

/* SEQUENCE OF with n items. */
static void
build_list(const struct body *b, size_t n)
{
	static struct der item;
	char order[FIELDS_MAX + 1];

	order_without(b, FIELDS_MAX, order);
	pdu.n = 0;
	put_fields(b, order);
	wrap(&pdu, 0, b->item);
	memcpy(item.b, pdu.b, pdu.n);
	item.n = pdu.n;
	pdu.n = 0;
	for (size_t i = 0; i < n; i++)
		put_raw(&pdu, item.b, item.n);
	wrap(&pdu, 0, 0xa0);
	wrap(&pdu, 0, b->tag[0]);
	wrap(&pdu, 0, 0xa2);
	memmove(pdu.b + 6, pdu.b, pdu.n);
	memcpy(pdu.b, "\x80\1\1\x81\1\7", 6);
	pdu.n += 6;
	wrap(&pdu, 0, 0x30);
}

static void
lists_have_1_to_255_keys_and_1_to_8_private_keys(void **state)
{
	static const struct {
		const char *body;
		size_t max;
	} k[] = {{"SessionKey", 255}, {"PrivateKey", 8}};
	uint32_t id;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t n = 0; n <= k[i].max + 1; n++) {
			build_list(body_named(k[i].body), n);
			assert_int_equal(try_octets(pdu.b, pdu.n, &id),
			    n >= 1 && n <= k[i].max ? ERR_OK : ERR_MALFORMED);
			assert_int_equal(id, 7);
		}
}

static void
an_item_of_another_tag_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_BODIES; i++) {
		struct body b = bodies[i];
		char order[FIELDS_MAX + 1];

		if (b.item == 0)
			continue;
		order_without(&b, FIELDS_MAX, order);
		for (unsigned t = 1; t < 256; t++) {
			b.item = (uint8_t)t;
			assert_int_equal(try_body(&b, b.tag[0], order),
			    t == 0x30 ? ERR_OK : ERR_MALFORMED);
		}
	}
}

/* sk of a GetKeysResponse stands behind the list. */
static void
sk_has_16_octets(void **state)
{
	uint32_t id;

	(void)state;
	for (size_t n = 0; n < 20; n++) {
		uint8_t sk[22] = {0x81, (uint8_t)n};
		struct der *d = &pdu;

		d->n = 0;
		put(d, 0x80, A, 5);
		put(d, 0x81, A, 16);
		put(d, 0x82, A, 14);
		wrap(d, 0, 0x30);
		wrap(d, 0, 0xa0);
		put_raw(d, sk, n + 2);
		wrap(d, 0, 0xa1);
		wrap(d, 0, 0xa2);
		memmove(d->b + 6, d->b, d->n);
		memcpy(d->b, "\x80\1\1\x81\1\7", 6);
		d->n += 6;
		wrap(d, 0, 0x30);
		assert_int_equal(try_octets(d->b, d->n, &id),
		    n == 16 ? ERR_OK : ERR_MALFORMED);
	}
}

static void
every_kind_of_body_decodes_as_its_type(void **state)
{
	static const struct {
		const char *body;
		size_t at;
		enum xk_type type;
	} k[] = {
	    {"GetKeys", 0, XK_GET_KEYS},
	    {"SessionKey", 0, XK_GET_KEYS_RESPONSE},
	    {"GetKeys", 1, XK_GET_EC_VALUES},
	    {"GetEcValuesResponse", 0, XK_GET_EC_VALUES_RESPONSE},
	    {"GetKeys", 2, XK_GET_PRIVATE_KEY},
	    {"PrivateKey", 0, XK_GET_PRIVATE_KEY_RESPONSE},
	    {"GetKeys", 3, XK_GET_SECRET},
	    {"GetSecretResponse", 0, XK_GET_SECRET_RESPONSE},
	    {"Refusal", 0, XK_REFUSAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		const struct body *b = body_named(k[i].body);
		char order[FIELDS_MAX + 1];
		struct xk_msg m;
		uint32_t id;

		order_without(b, FIELDS_MAX, order);
		build_order(b, b->tag[k[i].at], order, NULL, 0);
		assert_int_equal(decode_octets(pdu.b, pdu.n, &m, &id), ERR_OK);
		assert_int_equal(m.type, k[i].type);
		assert_int_equal(m.type, i);
		assert_int_equal(m.request_id, 7);
		if (b == body_named("GetKeys")) {
			assert_int_equal(m.u.get_keys.liid.left, 5);
			assert_int_equal(m.u.get_keys.curve, 1);
			assert_true(
			    rd_is(&m.u.get_keys.r_message2, "aaaaa", 5));
		}
		xk_msg_free(&m);
	}
}

/* ---- encoding ---- */

static const enum xk_type alive[] = {XK_KEEP_ALIVE, XK_KEEP_ALIVE_RESPONSE};

static void
keep_alives_go_there_and_back(void **state)
{
	static const uint32_t ids[] = {0, 1, 127, 128, 0x7fffffff, 0x80000000,
	    0xffffffff};
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		for (size_t t = 0; t < 2; t++) {
			assert_int_equal(xk_encode_keep_alive(ids[i], alive[t],
					     &der, &len),
			    ERR_OK);
			assert_int_equal(decode_octets(der, len, &m, &id),
			    ERR_OK);
			assert_int_equal(m.type, alive[t]);
			assert_int_equal(m.request_id, ids[i]);
			xk_msg_free(&m);
			xk_der_free(&der, len);
		}
	assert_int_equal(xk_encode_keep_alive(5, XK_KEEP_ALIVE, &der, &len),
	    ERR_OK);
	assert_int_equal(len, 12);
	assert_memory_equal(der,
	    "\x30\x0a\x80\x01\x01\x81\x01\x05\xa2\x02\x89\x00", 12);
	xk_der_free(&der, len);
}

static const char *const reason_names[] = {"granted", "malformed",
    "noAuthorisation", "targetMismatch", "notReproducible", "unknownSubscriber",
    "unsupported", "unavailable", "overloaded"};

static void
refusals_go_there_and_back(void **state)
{
	static char long_text[257];
	const char *const texts[] = {NULL, "", "no", long_text};
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;

	(void)state;
	memset(long_text, 'x', 255);
	for (int r = XK_MALFORMED; r < XK_REASON__MAX; r++)
		for (size_t t = 0; t < 4; t++) {
			const enum xk_reason reason = (enum xk_reason)r;

			assert_int_equal(xk_encode_refusal(0x80000001, reason,
					     texts[t], &der, &len),
			    ERR_OK);
			assert_int_equal(decode_octets(der, len, &m, &id),
			    ERR_OK);
			assert_int_equal(m.type, XK_REFUSAL);
			assert_int_equal(id, 0x80000001);
			assert_int_equal(m.u.refusal.reason, reason);
			assert_true(rd_is(&m.u.refusal.text,
			    texts[t] == NULL ? "" : texts[t],
			    texts[t] == NULL ? 0 : strlen(texts[t])));
			xk_msg_free(&m);
			xk_der_free(&der, len);
			/* What is said to people fits. */
			assert_int_equal(xk_encode_refusal(1, reason,
					     xk_reason_text(reason), &der,
					     &len),
			    ERR_OK);
			xk_der_free(&der, len);
		}
	long_text[255] = 'x'; /* 256 */
	assert_int_not_equal(xk_encode_refusal(1, XK_MALFORMED, long_text, &der,
				 &len),
	    ERR_OK);
	assert_int_not_equal(xk_encode_refusal(1, XK_GRANTED, NULL, &der, &len),
	    ERR_OK);
	assert_int_not_equal(xk_encode_refusal(1, XK_REASON__MAX, NULL, &der,
				 &len),
	    ERR_OK);
}

static void
reasons_have_the_names_of_the_module(void **state)
{
	(void)state;
	for (int r = 0; r < XK_REASON__MAX; r++) {
		assert_string_equal(xk_reason_name((enum xk_reason)r),
		    reason_names[r]);
		assert_non_null(xk_reason_text((enum xk_reason)r));
		assert_true(
		    r == 0 || strlen(xk_reason_text((enum xk_reason)r)) > 0);
	}
	assert_non_null(xk_reason_name(XK_REASON__MAX));
	assert_non_null(xk_reason_text(XK_REASON__MAX));
}

static void
assert_same_keys(const struct xk_get_keys_response *a,
    const struct xk_get_keys_response *b)
{
	assert_int_equal(a->n_keys, b->n_keys);
	assert_int_equal(a->has_sk, b->has_sk);
	if (a->has_sk)
		assert_memory_equal(a->sk, b->sk, sizeof(a->sk));
	for (unsigned i = 0; i < a->n_keys; i++) {
		const struct xk_session_key *x = &a->key[i], *y = &b->key[i];

		assert_memory_equal(x->crypto_session_id, y->crypto_session_id,
		    5);
		assert_memory_equal(x->session_key, y->session_key, 16);
		assert_memory_equal(x->salt, y->salt, 14);
		assert_int_equal(x->has_ssrc, y->has_ssrc);
		assert_int_equal(x->has_roc, y->has_roc);
		if (x->has_ssrc)
			assert_int_equal(x->ssrc, y->ssrc);
		if (x->has_roc)
			assert_int_equal(x->roc, y->roc);
		assert_true(rd_equal(&x->policy, &y->policy));
		assert_true(rd_equal(&x->mki, &y->mki));
	}
}

static struct xk_get_keys_response answer;

static void
fill_answer(unsigned n, unsigned seed)
{
	static const uint32_t edge[] = {0, 1, 127, 128, 0x7fffffff, 0x80000000,
	    0xffffffff};

	memset(text_a, 'a', sizeof(text_a));
	memset(&answer, 0, sizeof(answer));
	answer.n_keys = n;
	answer.has_sk = (seed & 1) != 0;
	memset(answer.sk, 0x5a, sizeof(answer.sk));
	for (unsigned i = 0; i < n; i++) {
		struct xk_session_key *k = &answer.key[i];
		const unsigned v = i * 7 + seed;

		memset(k->crypto_session_id, (int)(v & 0xff), 5);
		memset(k->session_key, (int)(v + 1) & 0xff, 16);
		memset(k->salt, (int)(v + 2) & 0xff, 14);
		k->has_ssrc = v % 3 != 0;
		k->has_roc = v % 4 != 0;
		k->ssrc = edge[v % 7];
		k->roc = edge[(v + 3) % 7];
		rd_init(&k->policy, text_a, v % 5 == 0 ? 0 : v % 300);
		rd_init(&k->mki, text_a, v % 2 == 0 ? 0 : v % 256);
	}
}

static void
keys_go_there_and_back(void **state)
{
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;

	(void)state;
	for (unsigned n = 1; n <= 255; n += 2) {
		fill_answer(n, n * 13);
		assert_int_equal(xk_encode_keys(n << 24, &answer, &der, &len),
		    ERR_OK);
		assert_int_equal(decode_octets(der, len, &m, &id), ERR_OK);
		assert_int_equal(id, n << 24);
		assert_int_equal(m.type, XK_GET_KEYS_RESPONSE);
		assert_same_keys(&answer, m.u.keys);
		xk_msg_free(&m);
		xk_der_free(&der, len);
	}
}

static void
an_answer_has_1_to_255_keys(void **state)
{
	uint8_t *der = NULL;
	size_t len;

	(void)state;
	fill_answer(255, 0);
	answer.n_keys = 0;
	assert_int_not_equal(xk_encode_keys(1, &answer, &der, &len), ERR_OK);
	answer.n_keys = 256;
	assert_int_not_equal(xk_encode_keys(1, &answer, &der, &len), ERR_OK);
	assert_null(der);
}

/* 98 keys with long policies, the last of which makes it fit exactly. */
static void
the_longest_pdu_is_encoded_and_decoded_and_no_longer(void **state)
{
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;
	unsigned n;

	(void)state;
	for (n = 90; n < 110; n++) {
		fill_answer(n, 0);
		for (unsigned i = 0; i < n; i++) {
			answer.key[i].has_ssrc = answer.key[i].has_roc = false;
			rd_init(&answer.key[i].policy, text_a, 1024);
			rd_init(&answer.key[i].mki, text_a, 255);
		}
		if (xk_encode_keys(1, &answer, &der, &len) == ERR_TOOBIG)
			break;
		xk_der_free(&der, len);
	}
	assert_true(n < 110);
	/* Too long by less than one key: take from the policies. */
	for (unsigned i = 0; i < n; i++)
		rd_init(&answer.key[i].policy, text_a, 1000);
	assert_int_equal(xk_encode_keys(1, &answer, &der, &len), ERR_OK);
	for (unsigned i = 0; i < n && len < MAX_XK_PDU; i++) {
		size_t more = MAX_XK_PDU - len < 24 ? MAX_XK_PDU - len : 24;

		xk_der_free(&der, len);
		rd_init(&answer.key[i].policy, text_a, 1000 + more);
		assert_int_equal(xk_encode_keys(1, &answer, &der, &len),
		    ERR_OK);
	}
	assert_int_equal(len, MAX_XK_PDU);
	assert_int_equal(decode_octets(der, len, &m, &id), ERR_OK);
	assert_same_keys(&answer, m.u.keys);
	xk_msg_free(&m);

	/* One octet more in a policy, by hand. */
	struct rd r;
	size_t told = 0;

	rd_init(&r, der, len);
	assert_int_equal(xk_pdu_length(r, &told), ERR_OK);
	assert_int_equal(told, MAX_XK_PDU);
	xk_der_free(&der, len);
	for (unsigned i = 0; i < n; i++)
		if (answer.key[i].policy.left < 1024) {
			answer.key[i].policy.left++;
			break;
		}
	assert_int_equal(xk_encode_keys(1, &answer, &der, &len), ERR_TOOBIG);
}

static void
a_pdu_of_131073_octets_is_malformed(void **state)
{
	const struct body *b = body_named("SessionKey");
	struct body one = *b;
	uint32_t id;
	size_t n;

	(void)state;
	for (n = 1; n < 200; n++) {
		one.f[5].len = 1024;
		one.f[6].len = 255;
		build_list(&one, n);
		if (pdu.n > MAX_XK_PDU)
			break;
		assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_OK);
	}
	assert_true(n < 200);
	assert_int_equal(try_octets(pdu.b, pdu.n, &id), ERR_MALFORMED);
}

static void
requests_go_there_and_back(void **state)
{
	struct xk_msg m;
	uint32_t id;
	uint8_t *der;
	size_t len;

	(void)state;
	memset(text_a, 'a', sizeof(text_a));
	for (unsigned bits = 0; bits < 128; bits++) {
		const char *a = (const char *)text_a;
		const size_t big = bits == 127 ? 16384 : 3;
		struct xk_get_keys k = {.public_kms_identity =
					    view(a, bits == 127 ? 255 : 4),
		    .i_message1 = view(a, big),
		    .r_message1 = view(a, big)};

		k.i_message2 = view(a, (bits & 1) != 0 ? big : 0);
		k.first_i_message1 = view(a, (bits & 2) != 0 ? big : 0);
		k.liid = view(a, (bits & 4) != 0 ? 25 : 0);
		k.r_message2 = view(a, (bits & 8) != 0 ? big : 0);
		k.first_r_message1 = view(a, (bits & 16) != 0 ? big : 0);
		k.first_i_message2 = view(a, (bits & 32) != 0 ? big : 0);
		k.curve = (uint8_t)((bits & 64) != 0 ? 200 : 0);
		assert_int_equal(xk_encode_get_keys(9, &k, &der, &len), ERR_OK);
		assert_int_equal(decode_octets(der, len, &m, &id), ERR_OK);
		assert_int_equal(m.type, XK_GET_KEYS);
		const struct xk_get_keys *g = &m.u.get_keys;

		assert_true(
		    rd_equal(&g->public_kms_identity, &k.public_kms_identity));
		assert_true(rd_equal(&g->i_message1, &k.i_message1));
		assert_true(rd_equal(&g->r_message1, &k.r_message1));
		assert_true(rd_equal(&g->i_message2, &k.i_message2));
		assert_true(
		    rd_equal(&g->first_i_message1, &k.first_i_message1));
		assert_true(rd_equal(&g->liid, &k.liid));
		assert_true(rd_equal(&g->r_message2, &k.r_message2));
		assert_true(
		    rd_equal(&g->first_r_message1, &k.first_r_message1));
		assert_true(
		    rd_equal(&g->first_i_message2, &k.first_i_message2));
		assert_int_equal(g->curve, k.curve);
		xk_msg_free(&m);
		xk_der_free(&der, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pdus_of_the_vectors_decode_and_encode_to_the_same),
	    cmocka_unit_test(
		every_prefix_is_malformed_and_tells_the_id_when_it_holds_it),
	    cmocka_unit_test(trailing_octets_are_malformed),
	    cmocka_unit_test(the_length_is_known_as_soon_as_it_can_be),
	    cmocka_unit_test(a_changed_octet_is_refused_or_another_value),
	    cmocka_unit_test(
		a_pdu_has_at_most_131072_octets_with_tag_and_length),
	    cmocka_unit_test(what_no_pdu_starts_with_is_malformed),
	    cmocka_unit_test(request_ids_are_32_bit_and_not_negative),
	    cmocka_unit_test(another_version_is_malformed_and_tells_the_id),
	    cmocka_unit_test(a_malformed_body_tells_the_id),
	    cmocka_unit_test(an_id_that_cannot_be_read_is_0),
	    cmocka_unit_test(
		unknown_duplicate_missing_and_misplaced_fields_are_malformed),
	    cmocka_unit_test(forms_of_ber_that_are_not_der_are_malformed),
	    cmocka_unit_test(optional_fields_may_be_absent_and_others_not),
	    cmocka_unit_test(sizes_hold_at_their_bounds_and_not_beyond),
	    cmocka_unit_test(fields_out_of_order_or_twice_are_malformed),
	    cmocka_unit_test(an_unknown_field_is_malformed),
	    cmocka_unit_test(a_field_with_another_tag_is_malformed),
	    cmocka_unit_test(a_field_in_another_form_of_ber_is_malformed),
	    cmocka_unit_test(a_field_with_a_longer_length_is_malformed),
	    cmocka_unit_test(numbers_hold_at_their_bounds_and_not_beyond),
	    cmocka_unit_test(times_are_of_one_form),
	    cmocka_unit_test(text_is_utf8),
	    cmocka_unit_test(lists_have_1_to_255_keys_and_1_to_8_private_keys),
	    cmocka_unit_test(an_item_of_another_tag_is_malformed),
	    cmocka_unit_test(sk_has_16_octets),
	    cmocka_unit_test(every_kind_of_body_decodes_as_its_type),
	    cmocka_unit_test(keep_alives_go_there_and_back),
	    cmocka_unit_test(refusals_go_there_and_back),
	    cmocka_unit_test(reasons_have_the_names_of_the_module),
	    cmocka_unit_test(keys_go_there_and_back),
	    cmocka_unit_test(an_answer_has_1_to_255_keys),
	    cmocka_unit_test(
		the_longest_pdu_is_encoded_and_decoded_and_no_longer),
	    cmocka_unit_test(a_pdu_of_131073_octets_is_malformed),
	    cmocka_unit_test(requests_go_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
