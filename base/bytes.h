/*
 * bytes: the only way foreign octets are read and messages are written.  All
 * integers are big-endian.  No caller does arithmetic on the pointers.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/*
 * A view of octets that somebody else owns; it dies with them.  Every rd_
 * function that fails leaves the reader and its output as they were.
 */
struct rd {
	const uint8_t *p;
	size_t left;
};

void rd_init(struct rd *r, const void *p, size_t len);
enum err rd_u8(struct rd *r, uint8_t *out) MUST_CHECK;
enum err rd_u16(struct rd *r, uint16_t *out) MUST_CHECK;
enum err rd_u32(struct rd *r, uint32_t *out) MUST_CHECK;
enum err rd_u64(struct rd *r, uint64_t *out) MUST_CHECK;
enum err rd_i64(struct rd *r, int64_t *out) MUST_CHECK;

/* One octet that must be 0 or 1; ERR_MALFORMED otherwise. */
enum err rd_bool(struct rd *r, bool *out) MUST_CHECK;

/* Copy exactly `len` octets out. */
enum err rd_copy(struct rd *r, void *out, size_t len) MUST_CHECK;

/* Carve a view of the next `len` octets. */
enum err rd_view(struct rd *r, size_t len, struct rd *out) MUST_CHECK;

/* Carve a view that a length of 8, 16 or 32 bit stands in front of. */
enum err rd_view8(struct rd *r, struct rd *out) MUST_CHECK;
enum err rd_view16(struct rd *r, struct rd *out) MUST_CHECK;
enum err rd_view32(struct rd *r, struct rd *out) MUST_CHECK;

/* ERR_MALFORMED unless everything has been read: trailing octets. */
enum err rd_end(const struct rd *r) MUST_CHECK;

/* Same octets?  Not for secrets: see ct_equal() in base/secret.h. */
bool rd_equal(const struct rd *a, const struct rd *b);
bool rd_is(const struct rd *a, const void *p, size_t len);

/*
 * A fixed buffer being filled.  The first failure latches: later writes do
 * nothing, so a message is written straight down and checked once.
 */
struct wr {
	uint8_t *p;
	size_t len, cap;
	enum err rc;
};

void wr_init(struct wr *w, void *p, size_t cap);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
void wr_i64(struct wr *w, int64_t v);
void wr_bool(struct wr *w, bool v);
void wr_copy(struct wr *w, const void *p, size_t len);
void wr_view8(struct wr *w, const void *p, size_t len);
void wr_view16(struct wr *w, const void *p, size_t len);
void wr_view32(struct wr *w, const void *p, size_t len);

/* ERR_OK and the length written, or the first failure. */
enum err wr_finish(const struct wr *w, size_t *len) MUST_CHECK;

/* Lower-case hex with a final NUL; `out` holds 2 * len + 1 chars. */
void hex_put(const void *p, size_t len, char *out);

/*
 * Exactly `len` octets from 2 * len hex digits (either case) and nothing
 * behind them.  ERR_MALFORMED, and `out` unchanged in that case.
 */
enum err hex_get(const char *text, void *out, size_t len) MUST_CHECK;

/*
 * A decimal number, of digits alone and at most `most`.  ERR_MALFORMED, and
 * *out unchanged in that case.
 */
enum err number_get(const char *text, uint64_t most, uint64_t *out) MUST_CHECK;

#endif
