/* error: the closed list of failures, and the sentence that goes with one. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * One list for the whole appliance, each value named for what the caller does
 * next.  0 is success, so "if ((rc = f()) != ERR_OK) goto out;" reads the same
 * everywhere.  No switch over it has a default: a new value is a build error.
 */
enum err {
	ERR_OK = 0,
	ERR_INTERNAL, /* rc before anything succeeded; a bug if it escapes */
	ERR_NOMEM, /* allocation or locked memory refused */
	ERR_AGAIN, /* nothing complete yet: wait for more */
	ERR_CLOSED, /* the other end has gone */
	ERR_TRUNCATED, /* input ended inside a field */
	ERR_MALFORMED, /* field present, value not allowed */
	ERR_TOOBIG, /* over a limit of ours (base/limits.h) */
	ERR_UNSUPPORTED, /* well formed, but a kind we do not serve */
	ERR_MISMATCH, /* parts are sound and do not belong together */
	ERR_DENIED, /* policy said no */
	ERR_NOTFOUND, /* no such thing */
	ERR_EXISTS, /* there is one already */
	ERR_IO, /* system call failed; errno is in the why */
	ERR_FULL, /* no room on the disk or in a bounded queue */
	ERR_CRYPTO, /* OpenSSL failed or a check by it did not hold */
	ERR_HSM, /* token failed; its CKR_ name is in the why */
	ERR_PIN, /* token refused the PIN: never tried again by itself */
	ERR__MAX
};

/* A short lower-case phrase; never NULL. */
const char *err_str(enum err e);

/*
 * The sentence for people that goes with an error: what failed, on what, and
 * what to do.  Filled by the function that fails, printed once by the one that
 * stops.  Never holds a secret, a target identity or a LIID.
 */
#define WHY_MAX 256
struct why {
	char text[WHY_MAX];
};

/* Sets the text (cut at WHY_MAX - 1) and returns `e`; `why` may be NULL. */
enum err why_set(struct why *why, enum err e, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The same with ": " and strerror(errno) behind it, and ERR_IO returned. */
enum err why_errno(struct why *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
