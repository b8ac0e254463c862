/* help: what the unit tests share; includes cmocka's own needs. */
#ifndef TESTS_UNIT_HELP_H
#define TESTS_UNIT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/bytes.h"

/* Octets, and those of a text without its NUL, to be read. */
struct rd view(const void *p, size_t len);
struct rd str(const char *s);

/* A file of tests/vectors, parsed; the test fails when it cannot be. */
json_t *vectors(const char *file);

/* Members, which must be there and of the right type. */
json_t *member(const json_t *o, const char *name);
const char *text(const json_t *o, const char *name);
long long number(const json_t *o, const char *name);

/* A string of hex digits as octets; *len set, the caller frees. */
uint8_t *unhex(const char *hex, size_t *len);
uint8_t *octets(const json_t *o, const char *name, size_t *len);

/* "0x..." as exactly `len` big-endian octets. */
void number_be(const char *hex, uint8_t *out, size_t len);

/*
 * Give `bad` each proper prefix of what is good, in memory of just that
 * length, so that a sanitizer sees one octet too many being read.
 */
void each_prefix(const uint8_t *p, size_t len,
    void (*bad)(const uint8_t *, size_t));

/* A whole file; the caller frees. */
uint8_t *slurp(const char *path, size_t *len);

/* A folder of a test, with all that is in it. */
void folder_remove(const char *path);

#endif
