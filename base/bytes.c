#include <string.h>

#include "base/bytes.h"

void
rd_init(struct rd *r, const void *p, size_t len)
{
	r->p = p;
	r->left = len;
}

/* The single place where a reader moves. */
static enum err
take(struct rd *r, size_t n, const uint8_t **out)
{
	if (n > r->left)
		return ERR_TRUNCATED;
	*out = r->p;
	if (n > 0) {
		r->p += n;
		r->left -= n;
	}
	return ERR_OK;
}

static enum err
take_be(struct rd *r, size_t n, uint64_t *out)
{
	const uint8_t *p;
	uint64_t v = 0;
	enum err rc;

	if ((rc = take(r, n, &p)) != ERR_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	*out = v;
	return ERR_OK;
}

enum err
rd_u8(struct rd *r, uint8_t *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = take_be(r, 1, &v)) == ERR_OK)
		*out = (uint8_t)v;
	return rc;
}

enum err
rd_u16(struct rd *r, uint16_t *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = take_be(r, 2, &v)) == ERR_OK)
		*out = (uint16_t)v;
	return rc;
}

enum err
rd_u32(struct rd *r, uint32_t *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = take_be(r, 4, &v)) == ERR_OK)
		*out = (uint32_t)v;
	return rc;
}

enum err
rd_u64(struct rd *r, uint64_t *out)
{
	return take_be(r, 8, out);
}

enum err
rd_i64(struct rd *r, int64_t *out)
{
	uint64_t v;
	enum err rc;

	if ((rc = take_be(r, 8, &v)) == ERR_OK)
		memcpy(out, &v, sizeof(*out));
	return rc;
}

enum err
rd_bool(struct rd *r, bool *out)
{
	struct rd save = *r;
	uint8_t v;
	enum err rc;

	if ((rc = rd_u8(r, &v)) != ERR_OK)
		return rc;
	if (v > 1) {
		*r = save;
		return ERR_MALFORMED;
	}
	*out = v == 1;
	return ERR_OK;
}

enum err
rd_copy(struct rd *r, void *out, size_t len)
{
	const uint8_t *p;
	enum err rc;

	if ((rc = take(r, len, &p)) != ERR_OK)
		return rc;
	if (len > 0)
		memcpy(out, p, len);
	return ERR_OK;
}

enum err
rd_view(struct rd *r, size_t len, struct rd *out)
{
	const uint8_t *p;
	enum err rc;

	if ((rc = take(r, len, &p)) != ERR_OK)
		return rc;
	rd_init(out, p, len);
	return ERR_OK;
}

static enum err
view_be(struct rd *r, size_t len_octets, struct rd *out)
{
	struct rd save = *r;
	uint64_t n;
	enum err rc;

	if ((rc = take_be(r, len_octets, &n)) != ERR_OK)
		return rc;
	if ((rc = rd_view(r, (size_t)n, out)) != ERR_OK)
		*r = save;
	return rc;
}

enum err
rd_view8(struct rd *r, struct rd *out)
{
	return view_be(r, 1, out);
}

enum err
rd_view16(struct rd *r, struct rd *out)
{
	return view_be(r, 2, out);
}

enum err
rd_view32(struct rd *r, struct rd *out)
{
	return view_be(r, 4, out);
}

enum err
rd_end(const struct rd *r)
{
	return r->left == 0 ? ERR_OK : ERR_MALFORMED;
}

bool
rd_is(const struct rd *a, const void *p, size_t len)
{
	return a->left == len && (len == 0 || memcmp(a->p, p, len) == 0);
}

bool
rd_equal(const struct rd *a, const struct rd *b)
{
	return rd_is(a, b->p, b->left);
}

void
wr_init(struct wr *w, void *p, size_t cap)
{
	*w = (struct wr){.p = p, .cap = cap};
}

/* The single place where a writer moves. */
static uint8_t *
reserve(struct wr *w, size_t n)
{
	uint8_t *p;

	if (w->rc != ERR_OK)
		return NULL;
	if (n > w->cap - w->len) {
		w->rc = ERR_TOOBIG;
		return NULL;
	}
	p = w->p + w->len;
	w->len += n;
	return p;
}

static void
put_be(struct wr *w, size_t n, uint64_t v)
{
	uint8_t *p;

	if ((p = reserve(w, n)) == NULL)
		return;
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

void
wr_u8(struct wr *w, uint8_t v)
{
	put_be(w, 1, v);
}

void
wr_u16(struct wr *w, uint16_t v)
{
	put_be(w, 2, v);
}

void
wr_u32(struct wr *w, uint32_t v)
{
	put_be(w, 4, v);
}

void
wr_u64(struct wr *w, uint64_t v)
{
	put_be(w, 8, v);
}

void
wr_i64(struct wr *w, int64_t v)
{
	put_be(w, 8, (uint64_t)v);
}

void
wr_bool(struct wr *w, bool v)
{
	put_be(w, 1, v ? 1 : 0);
}

void
wr_copy(struct wr *w, const void *p, size_t len)
{
	uint8_t *to;

	if ((to = reserve(w, len)) != NULL && len > 0)
		memcpy(to, p, len);
}

static void
put_view(struct wr *w, size_t len_octets, const void *p, size_t len)
{
	if (len_octets < 4 && len >> (8 * len_octets) != 0) {
		if (w->rc == ERR_OK)
			w->rc = ERR_TOOBIG;
		return;
	}
	if (len > UINT32_MAX) {
		if (w->rc == ERR_OK)
			w->rc = ERR_TOOBIG;
		return;
	}
	put_be(w, len_octets, len);
	wr_copy(w, p, len);
}

void
wr_view8(struct wr *w, const void *p, size_t len)
{
	put_view(w, 1, p, len);
}

void
wr_view16(struct wr *w, const void *p, size_t len)
{
	put_view(w, 2, p, len);
}

void
wr_view32(struct wr *w, const void *p, size_t len)
{
	put_view(w, 4, p, len);
}

enum err
wr_finish(const struct wr *w, size_t *len)
{
	if (w->rc == ERR_OK)
		*len = w->len;
	return w->rc;
}

void
hex_put(const void *p, size_t len, char *out)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digit[b[i] >> 4];
		out[2 * i + 1] = digit[b[i] & 15];
	}
	out[2 * len] = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum err
hex_get(const char *text, void *out, size_t len)
{
	uint8_t *b = out;

	if (strlen(text) != 2 * len)
		return ERR_MALFORMED;
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(text[i]) < 0)
			return ERR_MALFORMED;
	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 |
		    hex_digit(text[2 * i + 1]));
	return ERR_OK;
}

enum err
number_get(const char *text, uint64_t most, uint64_t *out)
{
	uint64_t n = 0;

	if (*text == '\0')
		return ERR_MALFORMED;
	for (; *text != '\0'; text++) {
		const unsigned digit = (unsigned)(*text - '0');

		if (*text < '0' || digit > 9 || digit > most ||
		    n > (most - digit) / 10)
			return ERR_MALFORMED;
		n = 10 * n + digit;
	}
	*out = n;
	return ERR_OK;
}
