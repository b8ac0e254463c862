/*
 * wire: what the tests of messages share: one buffer that a message is written
 * to, and what every get function promises of it.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include "base/bytes.h"
#include "help.h"

extern uint8_t buf[1 << 20];

/* A writer of buf from its beginning; what it has written. */
struct wr writer(void);
size_t written(const struct wr *);

/* A get function as one that can be asked for the result alone. */
typedef enum err get_fn(struct rd);
#define GETTER(name, type) \
	static enum err get_##name(struct rd r) \
	{ \
		static type m; \
		return name##_get(r, &m); \
	}

/* In memory of its own size, so that a sanitizer sees reading past it. */
enum err get_alone(get_fn *get, const uint8_t *p, size_t len);

/* Every prefix and one trailing octet of what is in buf is malformed. */
void only_whole(get_fn *get, size_t len);

/* The octet at `at` may only have the values from `least` to below `most`. */
void only_between(get_fn *get, size_t len, size_t at, unsigned least,
    unsigned most);
void only_below(get_fn *get, size_t len, size_t at, unsigned most);

#endif
