/*
 * json_read: members of a signed document, each known, present once and of
 * the form asked for.  Errors name the member.
 */
#ifndef POLICY_JSON_READ_H
#define POLICY_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/bytes.h"
#include "policy/words.h"

/* The caller's to json_decref(); NULL with `why` for what is no JSON. */
json_t *jr_load(struct rd, struct why *why) MUST_CHECK;

/* An object with no other members than these; `names` ends with NULL. */
enum err jr_only(json_t *, const char *what, const char *const *names,
    struct why *why) MUST_CHECK;

/* "2026-01-31T12:00:00Z" */
enum err jr_time(json_t *, const char *name, int64_t *out,
    struct why *why) MUST_CHECK;

/* An integer of 0 to `most`. */
enum err jr_number(json_t *, const char *name, uint64_t most, uint64_t *out,
    struct why *why) MUST_CHECK;
enum err jr_bool(json_t *, const char *name, bool *out,
    struct why *why) MUST_CHECK;

/*
 * 1 to `most` printable ASCII characters without blanks; a copy, the caller's
 * to free().
 */
enum err jr_word(json_t *, const char *name, size_t most, char **out,
    struct why *why) MUST_CHECK;

/* 2 * len hex digits, lower case. */
enum err jr_hex(json_t *, const char *name, void *out, size_t len,
    struct why *why) MUST_CHECK;

/*
 * Octets in base64 (RFC 4648 clause 4, padded, no bits left over): a copy, the
 * caller's.
 */
struct octets {
	uint8_t *p;
	size_t len;
};
enum err jr_base64(json_t *, const char *name, size_t most, struct octets *out,
    struct why *why) MUST_CHECK;

/*
 * A list of 1 to `most` words, none twice, each at most `longest` characters:
 * *out and each of it are the caller's to free, also after an error.
 */
enum err jr_words(json_t *, const char *name, unsigned most, size_t longest,
    struct words *out, struct why *why) MUST_CHECK;
void words_done(struct words *);

#endif
