/*
 * secret: memory that owns a secret.  Locked, left out of core dumps, erased
 * when freed.  No function here or anywhere prints one.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct secret;

/*
 * A zeroed buffer of `len` octets in pages of its own, the caller's to free.
 * ERR_NOMEM when memory cannot be had or cannot be locked (RLIMIT_MEMLOCK).
 */
enum err secret_new(size_t len, struct secret **out) MUST_CHECK;
uint8_t *secret_data(struct secret *s);
size_t secret_len(const struct secret *s);

/* Make it shorter, erasing what is cut off; longer is ignored. */
void secret_truncate(struct secret *s, size_t len);

/* Erase the content and keep the buffer. */
void secret_wipe(struct secret *s);

/* Erase, free and set to NULL; NULL is let through. */
void secret_free(struct secret **sp);

/*
 * Erase what functions that have returned left on the stack: libraries put
 * secrets there and go.  For a place that they were called from, or one above;
 * SECRET_STACK octets below it.
 */
#define SECRET_STACK ((size_t)48 * 1024)
void secret_wipe_stack(void);

/* Compare in time that depends on `len` alone. */
bool ct_equal(const void *a, const void *b, size_t len);

/*
 * Marks for the constant-time tests (tests/ct, under valgrind): from
 * CT_SECRET on, a branch or an index that depends on the octets is reported;
 * CT_PUBLIC declares a result public again, with the reason beside the call.
 */
#ifdef KW_CTGRIND
#include <valgrind/memcheck.h>
#define CT_SECRET(p, n) (void)VALGRIND_MAKE_MEM_UNDEFINED(p, n)
#define CT_PUBLIC(p, n) (void)VALGRIND_MAKE_MEM_DEFINED(p, n)
#else
#define CT_SECRET(p, n) ((void)(p), (void)(n))
#define CT_PUBLIC(p, n) ((void)(p), (void)(n))
#endif

#endif
